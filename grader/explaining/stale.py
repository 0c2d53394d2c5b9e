"""Outputs that are older than the code: what the notebook printed beside what its functions give now.  Never a penalty.

A difference is only spoken of where it can have no other cause known to us: the function gives the same on every call, all
its code is before the cell that printed, the notebook's model trains as the course's does, and rounding on another
machine cannot move the numbers that far.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from grader.exercise.shipped import scaled
from grader.messages import say
from grader.records import FunctionEvidence, ModelSettings, Outcome, Place, PrintedArrays, PrintedRun, Training
from grader.records.wording import accuracies

LARGE_COST = 3 * math.log(2)  # from such a start on, rounding decides where a run ends: at x10 two seeds of four moved
ROUNDING = 1e-11  # costs at iteration 0 and accuracies agree between machines to more digits than this
FEWEST_DECIMALS = 2  # `0.5` is how Python prints 0.50: a half that is rounded to one decimal is not seen


@dataclass(frozen=True, slots=True)
class Course:
    """What to compare with: the course's own model, and its measured runs by how they start.

    `seed` is what the right answers set, where that is one number.
    """

    settings: ModelSettings
    runs: Mapping[str, Training]
    seed: int | None = None


def stale(evidence: FunctionEvidence, course: Course) -> tuple[str, ...]:
    """Return a sentence for each saved output that the code there now does not give; nothing where all agree."""
    printed = evidence.printed
    if printed is None or evidence.function.status != "found":
        return ()
    arrays = _arrays(printed.shown, evidence, course.seed) if printed.shown else ""
    run = _run(printed.run, evidence, course) if printed.run else ""
    return tuple(filter(None, (arrays, run)))


# --- training ------------------------------------------------------------------------------------------------------


def _run(run: PrintedRun, evidence: FunctionEvidence, course: Course) -> str:
    now, layers = evidence.training, course.settings.layers
    if now is None or layers is None:
        return ""
    if differences := list(_differences(run.settings, course.settings)):
        return _other_model(run, differences)
    if (
        run.accuracies is None
        or now.test_accuracy is None
        or not _stands_before(evidence, run.place)
        or _settled(evidence, layers) is None
    ):
        return ""
    if _agree(run.accuracies, now) or not (now in course.runs.values() or now.cost_first <= LARGE_COST):
        return ""
    origins = [start for start, training in course.runs.items() if _fits(run, training)]
    printed = " / ".join(run.accuracies)
    parts = [say("explaining.stale.run", printed=printed, place=run.place.whole_cell)]
    if len(origins) == 1:
        parts.append(say("explaining.stale.run.origin", origin=origins[0]))
    return " ".join([*parts, say("explaining.stale.run.now", now=accuracies(now))])


def _differences(own: ModelSettings, course: ModelSettings) -> Iterator[str]:
    """Yield in words where the notebook's model is known to differ from the course's."""
    if own.learning_rate not in (None, course.learning_rate):
        rates = f"{own.learning_rate:g}", f"{course.learning_rate:g}"
        yield say("explaining.stale.rate", own=rates[0], course=rates[1])
    if own.iterations not in (None, course.iterations):
        yield say("explaining.stale.iterations", own=f"{own.iterations:,}", course=f"{course.iterations:,}")
    if own.layers not in (None, course.layers):
        yield say("explaining.stale.layers", own=str(list(own.layers or ())), course=str(list(course.layers or ())))


def _other_model(run: PrintedRun, differences: Sequence[str]) -> str:
    settings = say("explaining.stale.model", differences=differences, place=run.place.whole_cell)
    if run.accuracies is None:
        return f"{settings} {say('explaining.stale.model.may_differ')}"
    return f"{settings} {say('explaining.stale.model.differ', printed=' / '.join(run.accuracies))}"


def _fits(run: PrintedRun, training: Training) -> bool:
    """Return whether a run printed the accuracies of this training and, where it is there, its first cost."""
    first = dict(run.costs).get(0)
    cost_fits = first is None or _near(first, training.cost_first) or float(first) == training.cost_first
    return cost_fits and run.accuracies is not None and _agree(run.accuracies, training)


def _agree(accuracies: tuple[str, str], training: Training) -> bool:
    decimals = max(FEWEST_DECIMALS, *map(_decimals, accuracies))
    measured = (training.train_accuracy, training.test_accuracy)
    pairs = zip(accuracies, measured, strict=True)
    return all(value is not None and _near(digits, value, decimals) for digits, value in pairs)


# --- arrays --------------------------------------------------------------------------------------------------------


def _arrays(shown: PrintedArrays, evidence: FunctionEvidence, seed: int | None) -> str:
    now = _settled(evidence, shown.layers)
    if now is None or not _stands_before(evidence, shown.place):
        return ""
    call = now.call.literal(evidence.function.name)
    for name, rows in shown.arrays.items():
        values = now.numpy(name)
        if values is None:
            continue
        shape = (len(rows), len(rows[0]))
        if values.shape != shape:
            printed = say(
                "explaining.stale.shape", name=name, shape=str(shape), call=call, place=shown.place.whole_cell
            )
            return f"{printed} {say('explaining.stale.shape.now', shape=str(values.shape))}"
        for i, j in product(*map(range, shape)):
            if not _near(rows[i][j], values[i, j]):
                printed = say(
                    "explaining.stale.entry",
                    entry=f"{name}[{i}, {j}] = {rows[i][j]}",
                    call=call,
                    place=shown.place.whole_cell,
                )
                origin = _origin(shown, seed) if name.startswith("W") else ""
                current = say("explaining.stale.entry.now", value=f"{values[i, j]:.10g}")
                return " ".join(filter(None, (printed, origin, current)))
    return ""


def _origin(shown: PrintedArrays, seed: int | None) -> str:
    """Say which number times the exercise's draw the printed weights are, if they are that."""
    if seed is None:
        return ""
    draw = scaled(shown.layers, 1.0, seed)
    weights = {name: rows for name, rows in shown.arrays.items() if name.startswith("W")}
    if any(name not in draw or np.shape(rows) != draw[name].shape for name, rows in weights.items()):
        return ""
    pairs = [
        (digits, drawn)
        for name, rows in weights.items()
        for digits, drawn in zip([digits for row in rows for digits in row], draw[name].ravel().tolist(), strict=True)
    ]
    digits, drawn = max(pairs, key=lambda pair: abs(pair[1]))
    factor = float(f"{float(digits) / drawn:.3g}")
    if factor == 0 or not all(_near(digits, factor * drawn) for digits, drawn in pairs):
        return ""
    return say("explaining.stale.entry.origin", seed=seed, factor=f"{factor:g}")


# --- what may be compared ------------------------------------------------------------------------------------------


def _settled(evidence: FunctionEvidence, layers: tuple[int, ...]) -> Outcome | None:
    """Return what the function gives for these sizes, if it was called after two seeds and gave the same."""
    outcomes = [outcome for outcome in evidence.outcomes if outcome.call.layers == layers]
    if len({outcome.call.ambient_seed for outcome in outcomes}) < 2:
        return None
    is_settled = all(outcome.ended == "returned" and outcome.arrays == outcomes[0].arrays for outcome in outcomes)
    return outcomes[0] if is_settled else None


def _stands_before(evidence: FunctionEvidence, place: Place) -> bool:
    """Return whether all the code that was run is in the notebook before this place."""
    return all(_order(unit.place) < _order(place) for unit in evidence.function.units)


def _order(place: Place) -> tuple[int, int]:
    return place.cell or 0, place.line


def _near(digits: str, value: float, decimals: int | None = None) -> bool:
    """Return whether printed digits are this value, to half a unit of the last of them; NaN is near nothing."""
    half = 0.5 * 10.0 ** -(_decimals(digits) if decimals is None else decimals)
    return abs(float(digits) - value) <= half * (1 + 1e-6) + ROUNDING


def _decimals(digits: str) -> int:
    """Return how many decimals a printed number has: 2 for 0.25, 4 for 2.5e-03, less than none for 2e+07."""
    mantissa, _, exponent = digits.lower().partition("e")
    return len(mantissa.partition(".")[2]) - int(exponent or 0)
