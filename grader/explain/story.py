"""Scale versus accuracy, told from one measured run: a few paragraphs chosen by what the run did.

Every number comes from the student's run, the reference's or the shipped sweep, and no sentence is written for a case in
which it would be false.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from grader.records import Diagnosis, Training
from grader.shipped import Point, Setting

LN2 = "0.693147, which is ln 2"


@dataclass(frozen=True, slots=True)
class Facts:
    """What a story may speak of: this run, the right answer's run, what was recovered, what was measured before."""

    mine: Training
    asked: Training
    diagnosis: Diagnosis
    asked_formula: str | None
    sweep: Sequence[tuple[Point, Training]] = ()
    settings: Sequence[Setting] = ()


def story(facts: Facts) -> tuple[str, ...]:
    """Return the paragraphs, plain text."""
    return tuple(paragraph for paragraph in _paragraphs(facts) if paragraph)


def _paragraphs(facts: Facts) -> Iterator[str]:
    yield _outcome(facts)
    yield REGIMES[facts.mine.regime](facts)
    if facts.mine.regime == "plateau":
        yield _escape(facts)
        yield _before(facts)
    if facts.asked.regime == "saturated":
        yield _large_is_asked_to_show_harm(facts)


def _outcome(facts: Facts) -> str:
    mine, asked = facts.mine, facts.asked
    ran = f"Trained from your parameters, the model ends with train / test accuracy {_accuracies(mine)}"
    if _accuracies(mine) == _accuracies(asked):
        said = f"{ran}, the same as from the parameters asked for."
    else:
        said = f"{ran}; from the parameters asked for it is {_accuracies(asked)}."
    if facts.diagnosis.seed_status in ("missing", "outside_function"):
        said += " Without a seed inside the function every run differs: this is one of many."
    return said


def _dead(facts: Facts) -> str:
    mine = facts.mine
    said = "At the start the gradient of every weight is exactly 0, so no weight changes."
    if mine.cost_first == mine.cost_last and abs(mine.cost_first - math.log(2)) < 1e-9:
        said += (
            f" The cost stays at {LN2}: the cost of answering 0.5 to everything. The accuracy "
            f"{mine.train_accuracy:.4g} is what one answer for all points scores, no more. The losses are equal at every "
            "iteration, as the notebook says; but that is what follows, not the reason: the reason is the zero gradient."
        )
    return said


def _symmetric(_: Facts) -> str:
    return (
        "All units of a hidden layer start the same, inside and out. They get the same gradient at every step, so they "
        "stay the same for ever: the layer has many units and the power of one. The weights do move; it is the difference "
        "between units that never comes."
    )


def _plateau(facts: Facts) -> str:
    mine = facts.mine
    fell = mine.cost_first - mine.cost_14000
    said = (
        f"The training did not get going. The cost was {_digits(mine.cost_first)} at iteration 0 and "
        f"{_digits(mine.cost_14000)} at 14,000; answering 0.5 to everything costs {LN2}. "
    )
    if fell > 0:
        said += f"A plot that scales its own axis shows this as a fine descent, yet it is a fall by {fell:.2g}. "
    said += (
        f"The gradients of the weights at the start have the sizes {_list(mine.gradient_norms)}; "
        f"with the parameters asked for they are {_list(facts.asked.gradient_norms)}."
    )
    if max(mine.gradient_norms) < 1e-3 and len(mine.gradient_norms) > 1:
        said += (
            " The gradient of each weight matrix is a product that contains the other matrices; where those are small, it "
            "is far smaller still."
        )
    return said


def _escape(facts: Facts) -> str:
    mine = facts.mine
    if mine.escape is None and not mine.searched:
        return ""
    if mine.escape is None:
        said = f"With more time nothing changed either: within {mine.searched:,} iterations the cost did not fall below 0.6."
    else:
        said = (
            "Nothing is broken: with more time this very start leaves the plateau. Measured, the cost first falls below 0.6 "
            f"at iteration {mine.escape:,}."
        )
    times = [f"scale {p.scale:g}: {p.escape:,}" for p, _ in facts.sweep if p.escape is not None and p.scale <= 1]
    return f"{said} For comparison, by scale: {'; '.join(times)}." if times else said


def _before(facts: Facts) -> str:
    """Say why a small scale can work elsewhere: only from the measured settings."""
    if len(facts.settings) < 4 or facts.diagnosis.scale_formula != f"{facts.settings[0].scale:g}":
        return ""
    rows = [
        f"{len(one.layers) - 2} hidden layer{'s' if len(one.layers) > 3 else ''} with learning rate "
        f"{one.learning_rate:g}: {one.train_accuracy:.3f} / {one.test_accuracy:.2f}"
        for one in facts.settings
    ]
    return (
        f"Why did {facts.settings[0].scale:g} work in an earlier practice? The one with a single hidden layer on the flower "
        f"data used the learning rate 1.2, 120 times the 0.01 of this one. The same scale, on this data, for as many "
        f"iterations as here: {'; '.join(rows)}. So at the learning rate 0.01 it is stuck with one hidden layer as well: the "
        "learning rate let it pass. Depth decides how fast the waiting grows as the scale falls."
    )


def _saturated(facts: Facts) -> str:
    mine = facts.mine
    share = f"{mine.saturated:.0%} of the outputs start beyond 0.001 and 0.999"
    first = "inf, since the logarithm of 0 is taken" if math.isinf(mine.cost_first) else f"{mine.cost_first:.4g}"
    return (
        f"The weights start too large: {share}, right or wrong. The cost at iteration 0 is {first}; this is expected and "
        f"no error of yours, for the gradient stays finite and the training goes on. At the end the cost is still "
        f"{mine.cost_last:.3g}."
    )


def _healthy(facts: Facts) -> str:
    mine = facts.mine
    start = "inf" if math.isinf(mine.cost_first) else f"{mine.cost_first:.4g}"
    return f"The training works: the cost goes from {start} at iteration 0 to {mine.cost_14000:.4g} at 14,000."


def _slow(facts: Facts) -> str:
    mine = facts.mine
    start = "inf" if math.isinf(mine.cost_first) else f"{mine.cost_first:.4g}"
    return (
        f"The cost goes from {start} at iteration 0 to {mine.cost_14000:.4g} at 14,000: the training had not got far when "
        "the iterations were over."
    )


def _diverged(facts: Facts) -> str:
    mine = facts.mine
    return f"The training went the wrong way: the cost was {mine.cost_first:.4g} at first and {mine.cost_last:.4g} at last."


def _nothing(_: Facts) -> str:
    return ""


REGIMES = {
    "dead": _dead,
    "symmetric": _symmetric,
    "diverged": _diverged,
    "plateau": _plateau,
    "saturated": _saturated,
    "healthy": _healthy,
    "slow": _slow,
    "not_run": _nothing,
}


def _large_is_asked_to_show_harm(facts: Facts) -> str:
    """Say what the large scale is for, by the sweep at the same seed."""
    rows = [f"{point.scale:g}: {_accuracies(run)}" for point, run in facts.sweep]
    if not rows or facts.asked_formula is None:
        return ""
    return (
        f"Is {facts.asked_formula} a good scale, then? No: it is asked for to show what too large weights do. Train / test "
        f"accuracy by scale, all with the seed that is asked for and for as many iterations: {'; '.join(rows)}. "
        "Each is a single run; another seed gives other numbers."
    )


def _accuracies(run: Training) -> str:
    return f"{run.train_accuracy:.4g} / {run.test_accuracy:.4g}"


def _digits(cost: float) -> str:
    return f"{cost:.8f}"


def _list(norms: Sequence[float]) -> str:
    return ", ".join(f"{norm:.3g}" if 0.01 <= norm < 1000 else f"{norm:.2g}" for norm in norms)
