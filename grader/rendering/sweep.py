"""Train accuracy against the scale of the weights over many seeds, and where one run is on that axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from grader.explaining.facts import HE, plain_number
from grader.messages import say
from grader.records import Diagnosis, Number, Sweep, SweepRow
from grader.rendering.charts import At, Axis, Band, Curve, Panel, drawable

LOW, HIGH = 0.001, 100
ZEROS_AT, HE_AT = "zeros", "He"  # two places of their own, beside the axis
SHARES = Axis(0, 1, tuple((share / 4, f"{share / 4:g}") for share in range(5)))


@dataclass(frozen=True, slots=True)
class RunPlace:
    """Where a run is on the axis, if anywhere, and why it is not where one would look for it."""

    at: At | None
    note: str = ""


def scales() -> Axis:
    """Return the axis of the scales."""
    return Axis(
        LOW,
        HIGH,
        tuple((power, f"{power:g}") for power in (0.001, 0.01, 0.1, 1, 10, 100)),
        say("figures.scale"),
        is_log=True,
        before=(ZEROS_AT,),
        after=(HE_AT,),
    )


def ground(sweep: Sweep) -> Panel:
    """Return axes, middle half and median of the train accuracies, for other runs to be drawn on."""
    rows = sorted(sweep.rows, key=lambda row: math.inf if row.scale is None else row.scale)
    measured = [(_at(row), tuple(drawable((row.low, row.median, row.high)))) for row in rows]
    whole = [(at, values) for at, values in measured if len(values) == 3]
    band = Band("band", tuple((at, low, high) for at, (low, _, high) in whole))
    return Panel(scales(), SHARES, (band, Curve("median", tuple((at, median) for at, (_, median, _) in whole))))


def _at(row: SweepRow) -> At:
    """Return the place of a start; zeros and He's rule have one beside the axis."""
    return row.scale or (HE_AT if row.scale is None else ZEROS_AT)


def place_of(diagnosis: Diagnosis) -> RunPlace:
    """Find a run's place: only for what the starts of the curve are, normal draws times a factor, or zeros."""
    place = _place(diagnosis)
    if diagnosis.biases == "nonzero" and not place.note:
        return RunPlace(place.at, say("feedback.picture.biases"))
    return place


def _place(diagnosis: Diagnosis) -> RunPlace:
    if diagnosis.distribution == "zeros":
        return RunPlace(ZEROS_AT)
    if diagnosis.distribution is None:
        return RunPlace(None, say("feedback.picture.no_scale"))
    if diagnosis.distribution != "normal":
        return RunPlace(None, say("feedback.picture.no_draws"))
    if diagnosis.scale_formula == HE:
        return RunPlace(HE_AT)
    scale = plain_number(diagnosis.scale_formula)
    if scale is None or scale <= 0:
        return _of_factors(diagnosis.scale or ())
    return RunPlace(scale) if LOW <= scale <= HIGH else RunPlace(None, say("feedback.picture.beyond"))


def _of_factors(factors: Sequence[Number]) -> RunPlace:
    """Return the place of factors that are not one scale: their root mean square."""
    numbers = [factor for factor in factors if not isinstance(factor, str)]
    if not numbers or len(numbers) < len(factors):
        return RunPlace(None, say("feedback.picture.no_scale"))
    size = math.hypot(*numbers) / math.sqrt(len(numbers))
    if not LOW <= size <= HIGH:
        return RunPlace(None, say("feedback.picture.beyond"))
    return RunPlace(size, say("feedback.picture.mean" if len(set(numbers)) > 1 else "feedback.picture.size"))
