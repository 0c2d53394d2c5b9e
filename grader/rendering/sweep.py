"""What a run of some scale comes to, over many seeds, with the place of one run on it: accuracy, last cost, waiting time.

The pictures of the shipped runs are the same on every page of an exercise; only the mark of the run differs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from grader.messages import listed
from grader.records import Diagnosis, FunctionResult, Number, Sweep, SweepRow, Table, TrainingResult
from grader.rendering.figures import (
    BOTTOM,
    LEFT,
    LN2,
    RIGHT,
    TOP,
    Frame,
    Label,
    Layer,
    Picture,
    Scale,
    Stroke,
    Tick,
    diamond,
    dot,
    head,
    kept,
    parts,
    path,
    powers,
    steps,
)
from grader.rendering.text import accuracy, short_number
from grader.rendering.text import costs as cost_words

HE = "sqrt(2/n_in)"
LOW, HIGH = 0.001, 100
ZEROS_AT, HE_AT = LEFT + 16.0, RIGHT - 10.0  # two places of their own, beside the axis
FROM, TO = LEFT + 60, RIGHT - 48
NAMED = (0.01, 1.0, 10.0)  # the scales whose medians are said: stuck, fair, too large
_POWERS = (0.001, 0.01, 0.1, 1, 10, 100)
_TITLE = "scale of the weights"
_X_TICKS = (Tick(ZEROS_AT, "zeros"), Tick(HE_AT, "He"))
YOURS = "you are here"


@dataclass(frozen=True, slots=True)
class RunPlace:
    """Where a run stands: in the picture, if anywhere, and in words."""

    at: float | None
    where: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Values:
    """One measure of one start: at the exercise's seed, and lower quartile, median and upper quartile of all seeds."""

    at_seed: Number
    low: Number
    median: Number
    high: Number


def sweep_figures(sweep: Sweep | None, function: FunctionResult) -> tuple[Picture, ...]:
    """Return accuracy, last cost and waiting time against scale with this function's run on them; none without either."""
    training = function.training
    if training is None or sweep is None or not any(row.scale for row in sweep.rows):
        return ()
    place = place_of(function.diagnosis)
    made = (
        _accuracy(sweep, place, training, function.diagnosis),
        _cost(sweep, place, training),
        _waiting(sweep, place, training),
    )
    return tuple(picture for picture in made if picture is not None)


# --- accuracy ------------------------------------------------------------------------------------------------------

SHARES = Scale(0, 1, BOTTOM, TOP)


def _accuracy(sweep: Sweep, place: RunPlace, training: TrainingResult, diagnosis: Diagnosis) -> Picture:
    mine = training.train_accuracy
    return Picture(
        says=_says(sweep, place, mine),
        ground=_accuracy_ground(sweep),
        mark=_mark(place, SHARES(mine), f"{YOURS}: {accuracy(mine)}"),
        note=_note(place, diagnosis),
        table=_table(sweep),
    )


@kept
def _accuracy_ground(sweep: Sweep) -> Layer:
    return _head("train accuracy", sweep) + _frame(_shares_marks()) + _spread(sweep, _shares, SHARES)


def ground(sweep: Sweep) -> Layer:
    """Return axes, middle half and median of the train accuracies, for other runs to be drawn on."""
    return _frame(_shares_marks()) + _middle(sweep, _shares, SHARES)


def _shares_marks() -> tuple[Tick, ...]:
    return tuple(Tick(SHARES(share / 4), f"{share / 4:g}") for share in range(5))


def _shares(row: SweepRow) -> Values:
    return Values(row.at_seed, row.low, row.median, row.high)


# --- last cost -----------------------------------------------------------------------------------------------------


def _cost(sweep: Sweep, place: RunPlace, training: TrainingResult) -> Picture | None:
    made = _cost_ground(sweep)
    if made is None:
        return None
    ground, y, note = made
    mine = training.cost_last
    inside = not isinstance(mine, str) and mine <= y.high
    return Picture(
        says=_cost_says(sweep, mine),
        ground=ground,
        mark=_mark(place, y(mine), f"{YOURS}: {mine:.4f}") if inside else Layer(),  # type: ignore[arg-type]  # no str inside
        note=" ".join(filter(None, (note, "" if inside else "Yours is too large for this axis."))),
    )


@kept
def _cost_ground(sweep: Sweep) -> tuple[Layer, Scale, str] | None:
    """Return the picture of the last cost, its axis, and what could not be drawn; None where no cost is known."""
    rows = [row for row in sweep.rows if row.cost is not None]
    drawable = [value for row in rows for value in _finite(_costs(row))]
    if not drawable:
        return None
    marks = steps(max(*drawable, LN2 * 1.08), 5)
    y = Scale(0, marks[-1], BOTTOM, TOP)
    frame = _frame(tuple(Tick(y(mark), f"{mark:g}") for mark in marks))
    level = Frame().level("guessing", y(LN2), "ln 2")
    gone = [_start(row) for row in rows if len(_finite(_costs(row))) < 4]
    note = f"Not drawn, because a cost there is inf or nan: {listed(gone)}." if gone else ""
    return _head("cost at the last iteration", sweep) + frame + level + _spread(sweep, _costs, y), y, note


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


def _waiting(sweep: Sweep, place: RunPlace, training: TrainingResult) -> Picture | None:
    made = _waiting_ground(sweep)
    if made is None:
        return None
    ground, y, note = made
    mine, lasted = training.escape, _lasted(training)
    mark = Layer()
    if lasted and y.low <= math.log10(lasted) <= y.high:
        at = y(math.log10(lasted))
        stop = Label(LEFT, at + 14, f"the notebook stops: {lasted:,}", look="halo")
        mark += Layer((Stroke("guessing", f"M{LEFT} {at:g}H{RIGHT}"),), (stop,))
    if mine and y.low <= math.log10(mine) <= y.high:
        mark += _mark(place, y(math.log10(mine)), f"{YOURS}: {mine:,}", beside=True)
    said = f"; yours at {mine:,}" if mine else f"; yours not by {training.searched:,}" if training.searched else ""
    first = [f"{row.escape:,} {where}" for row, where in _named(sweep) if row.escape]
    says = f"With seed {sweep.seed} the cost first falls below 0.6 at iteration {listed(first)}{said}." if first else ""
    return Picture(says=says, ground=ground, mark=mark, note=note) if says else None


@kept
def _waiting_ground(sweep: Sweep) -> tuple[Layer, Scale, str] | None:
    """Return the picture of the first iteration below 0.6, its axis, and what could not be drawn."""
    found = [left for row in sweep.rows for left in (row.escape, *row.escapes) if left]
    if not found:
        return None
    y, y_ticks = powers(found, BOTTOM, TOP)
    places = [(_x(row.scale), row) for row in sweep.rows]
    rest = "".join(dot(x, y(math.log10(left))) for x, row in places for left in row.escapes if left)
    dots = "".join(dot(x, y(math.log10(row.escape))) for x, row in places if row.escape)
    line = parts((x, row.escape) for x, row in sorted(places, key=lambda place: place[0]) if row.scale)
    median = path([(x, y(math.log10(left))) for x, left in part] for part in line)
    shown = head(
        "first iteration with a cost below 0.6", ("dot", f"seed {sweep.seed}", 0), ("point", "other seeds", 90)
    )
    never = [_start(row) for row in sweep.rows if not row.escape]
    note = f"Not below 0.6 within {sweep.searched:,} iterations: {listed(never)}." if never and sweep.searched else ""
    lines = Layer((Stroke("point", rest), Stroke("thin", median), Stroke("dot", dots), Stroke("hole", dots)))
    return shown + _frame(y_ticks) + lines, y, note


def _lasted(training: TrainingResult) -> int:
    """Return how many iterations the run took, as far as its course was kept."""
    return training.trace.iterations[-1] + 1 if training.trace.iterations else 0


# --- what they share -----------------------------------------------------------------------------------------------


def _frame(y_ticks: Sequence[Tick]) -> Layer:
    scales = tuple(Tick(_x(power), f"{power:g}") for power in _POWERS)
    return Frame().axes((*_X_TICKS, *scales), y_ticks, _TITLE)


def _head(title: str, sweep: Sweep) -> Layer:
    return head(
        title,
        ("band", f"half of {sweep.seeds} seeds", 0),
        ("median", "median", 144),
        ("dot", f"seed {sweep.seed}", 228),
    )


def _spread(sweep: Sweep, values: Callable[[SweepRow], Values], y: Scale) -> Layer:
    """Return the middle half of the seeds as a band, their median as a line, the exercise's seed as points."""
    dots = "".join(
        dot(_x(row.scale), y(at))
        for row in sweep.rows
        if not isinstance(at := values(row).at_seed, str) and at <= y.high
    )
    return _middle(sweep, values, y) + Layer((Stroke("dot", dots), Stroke("hole", dots)))


def _middle(sweep: Sweep, values: Callable[[SweepRow], Values], y: Scale) -> Layer:
    """Return the middle half of the seeds as a band and their median as a line."""
    rows = sorted((row for row in sweep.rows if row.scale), key=lambda row: row.scale or 0)
    whole = [(row, values(row)) for row in rows if len(_finite(values(row))) == 4]
    above = [(_x(row.scale), y(each.high)) for row, each in whole]  # type: ignore[arg-type]  # all are finite
    below = [(_x(row.scale), y(each.low)) for row, each in reversed(whole)]  # type: ignore[arg-type]  # the same
    middle = [(_x(row.scale), y(each.median)) for row, each in whole]  # type: ignore[arg-type]  # the same
    bars = "".join(_bars(sweep, values, y))
    ticks = "".join(
        f"M{_x(row.scale) - 9:g} {y(each.median):g}h18"  # type: ignore[arg-type]  # the same
        for row in sweep.rows
        if not row.scale and len(_finite(each := values(row))) == 4
    )
    band = f"{path([[*above, *below]])}Z" if above else ""
    return Layer((Stroke("band", band + bars), Stroke("median", (path([middle]) if middle else "") + ticks)))


def _bars(sweep: Sweep, values: Callable[[SweepRow], Values], y: Scale) -> Iterator[str]:
    """Yield the middle half of a start that has no scale as a box."""
    for row in sweep.rows:
        each = values(row)
        if not row.scale and len(_finite(each)) == 4:
            yield f"M{_x(row.scale) - 7:g} {y(each.high):g}h14V{y(each.low):g}h-14Z"  # type: ignore[arg-type]  # all are finite


def _finite(values: Values) -> list[float]:
    return [value for value in (values.at_seed, values.low, values.median, values.high) if not isinstance(value, str)]


def _x(scale: float | None) -> float:
    """Return the place of a scale; zeros and He's rule have one beside the axis."""
    if not scale:
        return HE_AT if scale is None else ZEROS_AT
    return Scale(math.log10(LOW), math.log10(HIGH), FROM, TO)(math.log10(scale))


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
        return RunPlace(_x(scale), f"at {scale:g}")
    return RunPlace(
        None, f"at {scale:g}", f"The scale {scale:g} lies beyond the axis: your run is drawn as a level line."
    )


def _of_factors(scale: Sequence[Number]) -> RunPlace:
    """Place factors that are not one scale by their root mean square, and say so."""
    size = _root_mean_square(scale)
    if size is None or not LOW <= size <= HIGH:
        return RunPlace(None, "", "Your factors have no place on this axis: your run is drawn as a level line.")
    factors = ", ".join(short_number(factor) for factor in scale)
    note = (
        f"Your factors by layer are {factors}: not one scale, so your run stands at their root mean square, {size:.3g}, "
        "only to have a place."
    )
    return RunPlace(_x(size), "", note)


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


def _mark(place: RunPlace, at: float, label: str, *, beside: bool = False) -> Layer:
    """Put the run on a picture, its label where there is room; without a place it is a level line."""
    if place.at is None:
        above = at - 6 if at > TOP + 12 else at + 16
        return Layer((Stroke("run level", f"M{LEFT} {at:g}H{RIGHT}"),), (_tag(RIGHT, above, label, "end"),))
    if beside and place.at < (FROM + TO) / 2:
        return Layer((Stroke("mine", diamond(place.at, at)),), (_tag(place.at + 12, at + 4, label, "start"),))
    half = 3.3 * len(label)
    x = min(max(place.at, LEFT + half), RIGHT - half)
    return Layer((Stroke("mine", diamond(place.at, at)),), (_tag(x, at + 24 if at < BOTTOM - 30 else at - 14, label),))


def _tag(x: float, y: float, label: str, anchor: str = "middle") -> Label:
    return Label(round(x, 1), round(y, 1), label, anchor, "name halo")  # type: ignore[arg-type]  # one of SVG's three


@kept
def _table(sweep: Sweep) -> Table:
    """Return everything that is drawn, by scale."""
    rows = sorted(sweep.rows, key=lambda row: math.inf if row.scale is None else row.scale)
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
