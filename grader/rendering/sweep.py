"""What a run of some scale comes to, over many seeds, with the place of one run on it: accuracy, last cost, waiting time.

The charts of the shipped runs are the same on every page of an exercise; only the mark of the run differs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from grader.messages import listed
from grader.records import Diagnosis, FunctionResult, Number, Sweep, SweepRow, Table, TrainingResult
from grader.rendering.charts import (
    LN2,
    AnyMark,
    At,
    Axis,
    Band,
    Chart,
    Curve,
    Dots,
    Level,
    Mark,
    Panel,
    drawable,
    linear,
    powers,
)
from grader.rendering.text import accuracy, short_number
from grader.rendering.text import costs as cost_words

HE = "sqrt(2/n_in)"
LOW, HIGH = 0.001, 100
ZEROS_AT, HE_AT = "zeros", "He"  # two places of their own, beside the axis
NAMED = (0.01, 1.0, 10.0)  # the scales whose medians are said: stuck, fair, too large
SCALES = Axis(
    LOW,
    HIGH,
    tuple((power, f"{power:g}") for power in (0.001, 0.01, 0.1, 1, 10, 100)),
    "scale of the weights",
    is_log=True,
    before=(ZEROS_AT,),
    after=(HE_AT,),
)
SHARES = Axis(0, 1, tuple((share / 4, f"{share / 4:g}") for share in range(5)))
YOURS = "you are here"


@dataclass(frozen=True, slots=True)
class RunPlace:
    """Where a run stands: on the axis, if anywhere, and in words."""

    at: At | None
    where: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Values:
    """One measure of one start: at the exercise's seed, and lower quartile, median and upper quartile of all seeds."""

    at_seed: Number
    low: Number
    median: Number
    high: Number


def sweep_charts(sweep: Sweep | None, function: FunctionResult) -> tuple[Chart, ...]:
    """Return accuracy, last cost and waiting time against scale with this function's run on them; none without either."""
    training = function.training
    if training is None or sweep is None or not any(row.scale for row in sweep.rows):
        return ()
    place = place_of(function.diagnosis)
    charts = (
        _accuracy(sweep, place, training, function.diagnosis),
        _cost(sweep, place, training),
        _waiting(sweep, place, training),
    )
    return tuple(chart for chart in charts if chart is not None)


# --- accuracy ------------------------------------------------------------------------------------------------------


def _accuracy(sweep: Sweep, place: RunPlace, training: TrainingResult, diagnosis: Diagnosis) -> Chart:
    mine = training.train_accuracy
    return Chart(
        says=_says(sweep, place, mine),
        panels=(
            Panel(
                SCALES, SHARES, (*_spread(sweep, _shares, SHARES), Mark(place.at, mine, f"{YOURS}: {accuracy(mine)}"))
            ),
        ),
        title="train accuracy",
        key=_key(sweep),
        note=_note(place, diagnosis),
        table=_table(sweep),
    )


def ground(sweep: Sweep) -> Panel:
    """Return axes, middle half and median of the train accuracies, for other runs to be drawn on."""
    return Panel(SCALES, SHARES, _middle(sweep, _shares))


def _shares(row: SweepRow) -> Values:
    return Values(row.at_seed, row.low, row.median, row.high)


# --- last cost -----------------------------------------------------------------------------------------------------


def _cost(sweep: Sweep, place: RunPlace, training: TrainingResult) -> Chart | None:
    rows = [row for row in sweep.rows if row.cost is not None]
    costs = [cost for row in rows for cost in _finite(_costs(row))]
    if not costs:
        return None
    y, mine = linear(max(*costs, LN2 * 1.08), 5), training.cost_last
    marks: list[AnyMark] = [Level("guessing", LN2, "ln 2"), *_spread(sweep, _costs, y)]
    is_shown = not isinstance(mine, str) and mine <= y.high
    if not isinstance(mine, str) and mine <= y.high:
        marks.append(Mark(place.at, mine, f"{YOURS}: {mine:.4f}"))
    gone = [_start(row) for row in rows if len(_finite(_costs(row))) < 4]
    note = f"Not drawn, because a cost there is inf or nan: {listed(gone)}." if gone else ""
    return Chart(
        says=_cost_says(sweep, mine),
        panels=(Panel(SCALES, y, tuple(marks)),),
        title="cost at the last iteration",
        key=_key(sweep),
        note=" ".join(filter(None, (note, "" if is_shown else "Yours is too large for this axis."))),
    )


def _costs(row: SweepRow) -> Values:
    cost = row.cost
    return (
        Values("nan", "nan", "nan", "nan") if cost is None else Values(cost.at_seed, cost.low, cost.median, cost.high)
    )


def _cost_says(sweep: Sweep, mine: Number) -> str:
    medians = [f"{cost_words((row.cost.median,))[0]} {where}" for row, where in _named(sweep) if row.cost is not None]
    return (
        f"Over {sweep.seeds} seeds the median cost at the last iteration is {listed(medians)}; yours is "
        f"{cost_words((mine,))[0]}; answering 0.5 to everything costs 0.6931."
    )


# --- waiting time --------------------------------------------------------------------------------------------------


def _waiting(sweep: Sweep, place: RunPlace, training: TrainingResult) -> Chart | None:
    first = [f"{row.escape:,} {where}" for row, where in _named(sweep) if row.escape]
    if not first:
        return None
    y = powers([left for row in sweep.rows for left in (row.escape, *row.escapes) if left])
    marks, mine, lasted = _waits(sweep), training.escape, _lasted(training)
    if lasted and y.has(lasted):
        marks.append(Level("guessing", lasted, f"the notebook stops: {lasted:,}", is_below=True))
    if mine and y.has(mine):
        marks.append(Mark(place.at, mine, f"{YOURS}: {mine:,}", is_beside=True))
    yours = f"; yours at {mine:,}" if mine else f"; yours not by {training.searched:,}" if training.searched else ""
    never = [_start(row) for row in sweep.rows if not row.escape]
    return Chart(
        says=f"With seed {sweep.seed} the cost first falls below 0.6 at iteration {listed(first)}{yours}.",
        panels=(Panel(SCALES, y, tuple(marks)),),
        title="first iteration with a cost below 0.6",
        key=(("dot", f"seed {sweep.seed}"), ("point", "other seeds")),
        note=f"Not below 0.6 within {sweep.searched:,} iterations: {listed(never)}."
        if never and sweep.searched
        else "",
    )


def _waits(sweep: Sweep) -> list[AnyMark]:
    """Return the first iteration below 0.6 of each seed, and a line through those of the exercise's seed."""
    rows = [(_at(row), row) for row in sweep.rows]
    return [
        Dots("point", tuple((at, left) for at, row in rows for left in row.escapes if left)),
        Curve("thin", tuple((row.scale, row.escape) for row in _by_scale(sweep) if row.scale)),
        Dots("dot", tuple((at, row.escape) for at, row in rows if row.escape)),
    ]


def _lasted(training: TrainingResult) -> int:
    """Return how many iterations the run took, as far as its course was kept."""
    return training.trace.iterations[-1] + 1 if training.trace.iterations else 0


# --- what they share -----------------------------------------------------------------------------------------------


def _key(sweep: Sweep) -> tuple[tuple[str, str], ...]:
    return ("band", f"half of {sweep.seeds} seeds"), ("median", "median"), ("dot", f"seed {sweep.seed}")


def _spread(sweep: Sweep, values: Callable[[SweepRow], Values], y: Axis) -> tuple[AnyMark, ...]:
    """Return the middle half of the seeds as a band, their median as a line, the exercise's seed as points."""
    seeds = ((_at(row), values(row).at_seed) for row in sweep.rows)
    dots = tuple((at, value) for at, value in seeds if not isinstance(value, str) and y.has(value))
    return (*_middle(sweep, values), Dots("dot", dots))


def _middle(sweep: Sweep, values: Callable[[SweepRow], Values]) -> tuple[AnyMark, ...]:
    """Return the middle half of the seeds as a band and their median as a line."""
    measured = [(_at(row), values(row)) for row in _by_scale(sweep)]
    whole = [(at, _finite(value)) for at, value in measured if len(_finite(value)) == 4]
    return (
        Band("band", tuple((at, low, high) for at, (_, low, _, high) in whole)),
        Curve("median", tuple((at, median) for at, (_, _, median, _) in whole)),
    )


def _by_scale(sweep: Sweep) -> list[SweepRow]:
    """Return the starts as they stand along the axis: zeros, the scales, He's rule."""
    return sorted(sweep.rows, key=lambda row: math.inf if row.scale is None else row.scale)


def _finite(values: Values) -> list[float]:
    return list(drawable((values.at_seed, values.low, values.median, values.high)))


def _at(row: SweepRow) -> At:
    """Return the place of a start; zeros and He's rule have one beside the axis."""
    return row.scale or (HE_AT if row.scale is None else ZEROS_AT)


def place_of(diagnosis: Diagnosis) -> RunPlace:
    """Find a run's place: only for what the sweep's own starts are, normal draws times a factor, or zeros."""
    if diagnosis.distribution == "zeros":
        return RunPlace(ZEROS_AT, "with weights of zero")
    if diagnosis.distribution != "normal":
        return RunPlace(None, "", _NOWHERE)
    if diagnosis.scale_formula == HE:
        return RunPlace(HE_AT, "with He's rule")
    scale = _plain(diagnosis.scale_formula)
    return _of_factors(diagnosis.scale or ()) if scale is None else _of_scale(scale)


def _of_scale(scale: float) -> RunPlace:
    if LOW <= scale <= HIGH:
        return RunPlace(scale, f"at {scale:g}")
    return RunPlace(
        None, f"at {scale:g}", f"The scale {scale:g} lies beyond the axis: your run is drawn as a level line."
    )


def _of_factors(scale: Sequence[Number]) -> RunPlace:
    """RunPlace factors that are not one scale by their root mean square, and say so."""
    size = _root_mean_square(scale)
    if size is None or not LOW <= size <= HIGH:
        return RunPlace(None, "", "Your factors have no place on this axis: your run is drawn as a level line.")
    factors = ", ".join(short_number(factor) for factor in scale)
    note = (
        f"Your factors by layer are {factors}: not one scale, so your run stands at their root mean square, {size:.3g}, "
        "only to have a place."
    )
    return RunPlace(size, "", note)


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


def _named(sweep: Sweep) -> Iterator[tuple[SweepRow, str]]:
    """Yield the starts of which a sentence speaks."""
    rows = {row.scale: row for row in sweep.rows}
    for scale in (*NAMED, None):
        if scale in rows:
            yield rows[scale], "with He's rule" if scale is None else f"at scale {scale:g}"


def _says(sweep: Sweep, place: RunPlace, mine: float) -> str:
    """Say the medians of a few scales and where the run stands: numbers only."""
    medians = [f"{accuracy(row.median)} {where}" for row, where in _named(sweep)]
    yours = f"yours, {place.where}, is" if place.where else "yours is"
    return f"Over {sweep.seeds} seeds the median train accuracy is {listed(medians)}; {yours} {accuracy(mine)}."


def _note(place: RunPlace, diagnosis: Diagnosis) -> str:
    biases = "The sweep starts from biases of zero; yours are not." if diagnosis.biases == "nonzero" else ""
    return " ".join(filter(None, (place.note, biases)))


def _table(sweep: Sweep) -> Table:
    """Return everything that is drawn, by scale."""
    rows = _by_scale(sweep)
    waited = any(row.escape for row in rows)
    return Table(
        f"By scale: train accuracy and last cost over {sweep.seeds} seeds"
        + (f", first iteration with a cost below 0.6 with seed {sweep.seed}" if waited else ""),
        (
            "scale",
            f"accuracy, seed {sweep.seed}",
            "lower quartile",
            "median",
            "upper quartile",
            *(("cost, median",) if any(row.cost for row in rows) else ()),
            *(("below 0.6",) if waited else ()),
        ),
        tuple((_name(row), *_cells(row, sweep, waited=waited)) for row in rows),
    )


def _cells(row: SweepRow, sweep: Sweep, *, waited: bool) -> Iterable[str]:
    yield from (accuracy(share) for share in (row.at_seed, row.low, row.median, row.high))
    if row.cost:
        yield cost_words((row.cost.median,))[0]
    elif any(other.cost for other in sweep.rows):
        yield ""
    if waited:
        yield f"{row.escape:,}" if row.escape else f"not by {sweep.searched:,}"


def _start(row: SweepRow) -> str:
    return f"scale {row.scale:g}" if row.scale else _name(row)


def _name(row: SweepRow) -> str:
    if row.scale is None:
        return "He's rule"
    return f"{row.scale:g}" if row.scale else "zeros"
