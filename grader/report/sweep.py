"""Train accuracy against the scale of the weights, with the place of one run on it, as plain points for a template."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from grader.records import Diagnosis, FunctionResult, Number, Sweep, SweepRow
from grader.report.figures import BOTTOM, LEFT, RIGHT, TOP, Scale, Table, Tick, path
from grader.report.text import accuracy, short_number

HE = "sqrt(2/n_in)"
LOW, HIGH = 0.001, 100
ZEROS_AT, HE_AT = LEFT + 20.0, RIGHT - 14.0  # two places of their own, beside the axis
FROM, TO = LEFT + 68, RIGHT - 58
NAMED = (0.01, 1.0, 10.0)  # the scales whose medians are said: stuck, fair, too large
_POWERS = (0.001, 0.01, 0.1, 1, 10, 100)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run stands: in the picture, if anywhere, and in words."""

    at: float | None
    where: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """The run's own point and its label; without a place of its own, `x` is None and a level line takes its part."""

    x: float | None
    y: float
    label: str
    label_x: float
    label_y: float


@dataclass(frozen=True, slots=True)
class Bar:
    """The quartiles of one start that has no scale: a middle half, with its median."""

    x: float
    low: float
    median: float
    high: float


@dataclass(frozen=True, slots=True)
class Ground:
    """The shipped runs as they are drawn: band and median of the scales, and the starts that have none."""

    band: str
    median: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class SweepFigure:
    """Everything the template writes down; `says` is the finding in one sentence, `note` what the picture leaves open."""

    says: str
    note: str
    band: str
    median: str
    bars: tuple[Bar, ...]
    dots: tuple[tuple[float, float], ...]
    mine: Mark
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    seed: int
    seeds: int
    table: Table


def sweep_figure(sweep: Sweep | None, function: FunctionResult) -> SweepFigure | None:
    """Return the sweep with this function's run on it; None without either."""
    training = function.training
    if training is None or sweep is None or not any(row.scale for row in sweep.rows):
        return None
    y, drawn = SHARES, ground(sweep)
    place = place_of(function.diagnosis)
    return SweepFigure(
        says=_says(sweep, place, training.train_accuracy),
        note=_note(place, function.diagnosis),
        band=drawn.band,
        median=drawn.median,
        bars=drawn.bars,
        dots=tuple((at_scale(row.scale), y(row.at_seed)) for row in sweep.rows),
        mine=_mark(place, training.train_accuracy, y),
        x_ticks=X_TICKS,
        y_ticks=Y_TICKS,
        seed=sweep.seed,
        seeds=sweep.seeds,
        table=_table(sweep),
    )


def ground(sweep: Sweep) -> Ground:
    """Return the shipped runs, to draw others on."""
    y = SHARES
    rows = sorted((row for row in sweep.rows if row.scale), key=lambda row: row.scale or 0)
    middle = [(at_scale(row.scale), y(row.median)) for row in rows]
    above = [(at_scale(row.scale), y(row.high)) for row in rows]
    below = [(at_scale(row.scale), y(row.low)) for row in reversed(rows)]
    return Ground(
        path([[*above, *below]]) + "Z",
        path([middle]),
        tuple(Bar(at_scale(row.scale), y(row.low), y(row.median), y(row.high)) for row in sweep.rows if not row.scale),
    )


def at_scale(scale: float | None) -> float:
    """Return the place of a scale; zeros and He's rule have one beside the axis."""
    if not scale:
        return HE_AT if scale is None else ZEROS_AT
    return Scale(math.log10(LOW), math.log10(HIGH), FROM, TO)(math.log10(scale))


SHARES = Scale(0, 1, BOTTOM, TOP)
X_TICKS = (
    Tick(ZEROS_AT, "zeros"),
    *(Tick(at_scale(power), f"{power:g}") for power in _POWERS),
    Tick(HE_AT, "He"),
)
Y_TICKS = tuple(Tick(SHARES(share / 4), f"{share / 4:g}") for share in range(5))


def place_of(diagnosis: Diagnosis) -> Place:
    """Find a run's place: only for what the sweep's own starts are, normal draws times a factor, or zeros."""
    if diagnosis.distribution == "zeros":
        return Place(ZEROS_AT, "with weights of zero")
    if diagnosis.distribution != "normal":
        return Place(None, "", _NOWHERE)
    if diagnosis.scale_formula == HE:
        return Place(HE_AT, "with He's rule")
    scale = _plain(diagnosis.scale_formula)
    return _of_factors(diagnosis.scale or ()) if scale is None else _of_scale(scale)


def _of_scale(scale: float) -> Place:
    if LOW <= scale <= HIGH:
        return Place(at_scale(scale), f"at {scale:g}")
    return Place(None, f"at {scale:g}", f"The scale {scale:g} lies beyond the axis: your run is drawn as a level line.")


def _of_factors(scale: Sequence[Number]) -> Place:
    """Place factors that are not one scale by their root mean square, and say so."""
    size = _root_mean_square(scale)
    if size is None or not LOW <= size <= HIGH:
        return Place(None, "", "Your factors have no place on this axis: your run is drawn as a level line.")
    factors = ", ".join(short_number(factor) for factor in scale)
    note = (
        f"Your factors by layer are {factors}: not one scale, so your run stands at their root mean square, {size:.3g}, "
        "only to have a place."
    )
    return Place(at_scale(size), "", note)


_NOWHERE = (
    "The runs of the sweep start from normal draws times a scale. Yours are not such draws and have no place on the "
    "axis: your run is drawn as a level line."
)


def _plain(formula: str | None) -> float | None:
    """Return a formula that is a positive number, or None."""
    try:
        number = float(formula or "")
    except ValueError:
        return None
    return number if number > 0 and math.isfinite(number) else None


def _root_mean_square(factors: Sequence[Number]) -> float | None:
    numbers = [factor for factor in factors if not isinstance(factor, str)]
    if not numbers or len(numbers) < len(factors):
        return None
    return math.hypot(*numbers) / math.sqrt(len(numbers))


def _says(sweep: Sweep, place: Place, mine: float) -> str:
    """Say the medians of a few scales and where the run stands: numbers only."""
    rows = {row.scale: row for row in sweep.rows}
    medians = [f"{accuracy(rows[scale].median)} at scale {scale:g}" for scale in NAMED if scale in rows]
    if None in rows:
        medians.append(f"{accuracy(rows[None].median)} with He's rule")
    listed = medians[0] if len(medians) == 1 else f"{', '.join(medians[:-1])} and {medians[-1]}"
    yours = f"yours, {place.where}, is" if place.where else "yours is"
    return f"Over {sweep.seeds} seeds the median train accuracy is {listed}; {yours} {accuracy(mine)}."


def _note(place: Place, diagnosis: Diagnosis) -> str:
    biases = "The sweep starts from biases of zero; yours are not." if diagnosis.biases == "nonzero" else ""
    return " ".join(filter(None, (place.note, biases)))


def _mark(place: Place, share: float, y: Scale) -> Mark:
    """Put the run on the picture, its label above it where there is room and below it otherwise."""
    at, label = y(share), f"yours: {accuracy(share)}"
    if place.at is None:
        return Mark(None, at, label, RIGHT, at - 6)
    x = min(max(place.at, LEFT + 46), RIGHT - 42)
    crowded = at < TOP + 22 or share < 0.6  # the median of the small scales runs above them
    return Mark(place.at, at, label, x, round(at + 24 if crowded else at - 13, 1))


def _table(sweep: Sweep) -> Table:
    return Table(
        f"Train accuracy by scale, {sweep.seeds} seeds",
        ("scale", f"seed {sweep.seed}", "lower quartile", "median", "upper quartile"),
        tuple(
            (_name(row), *(accuracy(share) for share in (row.at_seed, row.low, row.median, row.high)))
            for row in sorted(sweep.rows, key=lambda row: math.inf if row.scale is None else row.scale)
        ),
    )


def _name(row: SweepRow) -> str:
    if row.scale is None:
        return "He's rule"
    return f"{row.scale:g}" if row.scale else "zeros"
