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
from grader.records import FunctionEvidence, ModelSettings, Outcome, Place, PrintedArrays, PrintedRun, Training
from grader.records.wording import accuracies

LARGE_COST = 3 * math.log(2)  # from such a start on, rounding decides where a run ends: at x10 two seeds of four moved
ROUNDING = 1e-11  # costs at iteration 0 and accuracies agree between machines to more digits than this
FEWEST_DECIMALS = 2  # `0.5` is how Python prints 0.50: a half that is rounded to one decimal is not seen


@dataclass(frozen=True, slots=True)
class Course:
    """What to compare with: the course's own model, and the runs of it that were made before, by how they start.

    `seed` is what the right answers set, where that is one number.
    """

    settings: ModelSettings
    known: Mapping[str, Training]
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
    if others := list(_differences(run.settings, course.settings)):
        return _other_model(run, others)
    if (
        run.accuracies is None
        or now.test_accuracy is None
        or not _stands_before(evidence, run.place)
        or _settled(evidence, layers) is None
    ):
        return ""
    if _agree(run.accuracies, now) or not (now in course.known.values() or now.cost_first <= LARGE_COST):
        return ""
    origins = [start for start, training in course.known.items() if _fits(run, training)]
    origin = f": that is the result for {origins[0]}" if len(origins) == 1 else ""
    return (
        f"Your notebook printed train / test accuracy {' / '.join(run.accuracies)} ({_where(run.place)}){origin}; the code "
        f"there now gives {accuracies(now)} with the course's model: run the cell again."
    )


def _differences(own: ModelSettings, course: ModelSettings) -> Iterator[str]:
    """Yield in words what the notebook's model is known to do differently from the course's."""
    if own.learning_rate not in (None, course.learning_rate):
        yield f"the learning rate {own.learning_rate:g} in place of {course.learning_rate:g}"
    if own.iterations not in (None, course.iterations):
        yield f"{own.iterations:,} iterations in place of {course.iterations:,}"
    if own.layers not in (None, course.layers):
        yield f"layers {list(own.layers or ())} in place of {list(course.layers or ())}"


def _other_model(run: PrintedRun, others: Sequence[str]) -> str:
    said = f"Your notebook's own model() trains with {' and '.join(others)} ({_where(run.place)})"
    if run.accuracies is None:
        return f"{said}, so its accuracies need not be those shown here, which come from the course's model."
    printed = " / ".join(run.accuracies)
    return f"{said}, so the accuracies {printed} printed there are not to be compared with those shown here."


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
    where, call = f"({_where(shown.place)})", now.call.literal(evidence.function.name)
    for name, rows in shown.arrays.items():
        values = now.numpy(name)
        if values is None:
            continue
        shape = (len(rows), len(rows[0]))
        if values.shape != shape:
            return (
                f"Your notebook printed {name} of shape {shape} for {call} {where}; the code there now gives "
                f"the shape {values.shape}: run the cell again."
            )
        for i, j in product(*map(range, shape)):
            if not _near(rows[i][j], values[i, j]):
                origin = _origin(shown, seed) if name.startswith("W") else ""
                return (
                    f"Your notebook printed {name}[{i}, {j}] = {rows[i][j]} for {call} {where}{origin}; the code there now "
                    f"gives {values[i, j]:.10g}: run the cell again."
                )
    return ""


def _origin(shown: PrintedArrays, seed: int | None) -> str:
    """Say of which number times the exercise's draw the printed weights are, if they are that."""
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
    return f": the weights there are the numbers of seed {seed} times {factor:g}"


# --- what may be compared ------------------------------------------------------------------------------------------


def _settled(evidence: FunctionEvidence, layers: tuple[int, ...]) -> Outcome | None:
    """Return what the function gives for these sizes, if it was called after two seeds and gave the same."""
    found = [outcome for outcome in evidence.outcomes if outcome.call.layers == layers]
    settled = len({one.call.ambient_seed for one in found}) > 1 and all(
        one.ended == "returned" and one.arrays == found[0].arrays for one in found
    )
    return found[0] if settled else None


def _stands_before(evidence: FunctionEvidence, place: Place) -> bool:
    """Return whether all the code that was run is in the notebook before this place."""
    return all(_order(unit.place) < _order(place) for unit in evidence.function.units)


def _order(place: Place) -> tuple[int, int]:
    return place.cell or 0, place.line


def _where(place: Place) -> str:
    return f"cell {place.cell}"


def _near(digits: str, value: float, decimals: int | None = None) -> bool:
    """Return whether printed digits are this value, to half a unit of the last of them; NaN is near nothing."""
    half = 0.5 * 10.0 ** -(_decimals(digits) if decimals is None else decimals)
    return abs(float(digits) - value) <= half * (1 + 1e-6) + ROUNDING


def _decimals(digits: str) -> int:
    """Return how many decimals a printed number has: 2 for 0.25, 4 for 2.5e-03, less than none for 2e+07."""
    mantissa, _, exponent = digits.lower().partition("e")
    return len(mantissa.partition(".")[2]) - int(exponent or 0)
