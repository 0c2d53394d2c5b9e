"""The curve of cost against iteration as plain points: a template writes the SVG, nothing here draws.

The axis starts at 0 and marks ln 2, the cost of answering 0.5 to everything.  PyPlot would stretch a fall of 0.00000005
over the whole height; `stretched` does the same on purpose, to be shown beside it with its true span.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from grader.records import Number, TrainingResult
from grader.report.text import costs as cost_words

LN2 = math.log(2)
WIDTH, HEIGHT = 440, 260  # units of the viewBox: about the pixels of a telephone, so that text stays legible there
LEFT, RIGHT, TOP, BOTTOM = 42, 428, 34, 216

MOST_ROWS = 16  # of a table beside a picture

Kind = Literal["run", "right"]
Point = tuple[int, float]


@dataclass(frozen=True, slots=True)
class Run:
    """One training to draw: how it is called and which of the two line styles it gets."""

    label: str
    kind: Kind
    costs: tuple[tuple[int, Number], ...]

    @property
    def finite(self) -> tuple[Point, ...]:
        """The points that an axis can hold."""
        return tuple((iteration, cost) for iteration, cost in self.costs if not isinstance(cost, str))


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis: where it stands in the picture, and its text."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """The numbers of a picture: what the table is called, its columns, and rows that begin with their heading."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Curve:
    """A line: the text and style of its key, where the key stands, and its SVG path."""

    label: str
    kind: Kind
    key: int
    path: str


@dataclass(frozen=True, slots=True)
class Figure:
    """Everything the template writes down; `says` is the finding in one sentence, `missing` what could not be drawn."""

    says: str
    missing: str
    curves: tuple[Curve, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    guessing: float | None
    left: int = LEFT
    table: Table | None = None


@dataclass(frozen=True, slots=True)
class Scale:
    """A stretch of numbers and the stretch of the picture that they fill."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the place of a number, to a tenth of a unit so that pages are the same on every machine."""
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)


def cost_figure(training: TrainingResult, reference: TrainingResult | None) -> Figure:
    """Return cost against iteration on an axis from 0, beside the right answer's run where there is one."""
    runs = [Run("this run", "run", training.costs)]
    if reference is not None:
        runs.append(Run("the right answer", "right", reference.costs))
    costs = [cost for run in runs for _, cost in run.finite]
    steps = round_steps(max([*costs, LN2 * 1.08]), 5)
    y = Scale(0, steps[-1], BOTTOM, TOP)
    ticks = tuple(Tick(y(step), f"{step:g}") for step in steps)
    return _figure(runs, y, ticks, Figure(_says(runs), _missing(runs), (), (), (), y(LN2), table=_table(runs)))


def stretched(training: TrainingResult) -> Figure | None:
    """Return the same run as PyPlot scales it, from its least cost to its greatest; None where nothing moves."""
    run = Run("this run", "run", training.costs)
    costs = [cost for _, cost in run.finite]
    if not costs or f"{min(costs):.10f}" == f"{max(costs):.10f}":
        return None
    low, high = min(costs), max(costs)
    y = Scale(low, high, BOTTOM, TOP)
    ticks = tuple(Tick(y(cost), f"{cost:.10f}") for cost in (low, high))
    decimals = 1 - math.floor(math.log10(high - low))
    says = f"The same run as PyPlot draws it: it stretches a fall of {high - low:.{decimals}f} over the whole picture."
    return _figure([run], y, ticks, Figure(says, "", (), (), (), None, left=104))


def _figure(runs: Sequence[Run], y: Scale, y_ticks: tuple[Tick, ...], frame: Figure) -> Figure:
    x, x_ticks = iterations([iteration for run in runs for iteration, _ in run.costs], frame.left, RIGHT - 16)
    curves = tuple(
        Curve(run.label, run.kind, frame.left + 110 * index, _path(run, x, y))
        for index, run in enumerate(runs)
        if run.finite
    )
    return replace(frame, curves=curves, x_ticks=x_ticks, y_ticks=y_ticks)


def iterations(numbers: Iterable[int], left: int, right: int) -> tuple[Scale, tuple[Tick, ...]]:
    """Return the axis of the iterations, from 0, and its marks."""
    steps = round_steps(max([1, *numbers]), 3)
    x = Scale(0, steps[-1], left, right)
    return x, tuple(Tick(x(step), f"{step:,.0f}") for step in steps)


def path(parts: Iterable[Sequence[tuple[float, float]]]) -> str:
    """Return the SVG path through places in the picture; one place alone becomes a dot."""
    return " ".join(_segment([f"{x:g} {y:g}" for x, y in part]) for part in parts)


def some(count: int, most: int = MOST_ROWS) -> list[int]:
    """Return at most `most` of the indices below `count`, evenly, the first and the last among them."""
    if count <= most:
        return list(range(count))
    return [round(index * (count - 1) / (most - 1)) for index in range(most)]


def round_steps(high: float, most: int) -> list[float]:
    """Return round numbers from 0 to at least `high`, at most `most` steps."""
    power = 10.0 ** math.floor(math.log10(high / most))
    step = next(size * power for size in (1, 2, 5, 10, 20) if size * power * most >= high)
    return [step * index for index in range(math.ceil(high / step) + 1)]


def _path(run: Run, x: Scale, y: Scale) -> str:
    return path([(x(iteration), y(cost)) for iteration, cost in part] for part in _parts(run))


def _segment(points: Sequence[str]) -> str:
    return f"M{points[0]}h0" if len(points) == 1 else "M" + "L".join(points)


def _parts(run: Run) -> Iterator[list[Point]]:
    """Split a run where its cost is inf or nan."""
    part: list[Point] = []
    for iteration, cost in run.costs:
        if not isinstance(cost, str):
            part.append((iteration, cost))
        elif part:
            yield part
            part = []
    if part:
        yield part


def _says(runs: Iterable[Run]) -> str:
    """Say where each run ends: the finding, for those who do not see the picture."""
    at: dict[int, list[str]] = {}
    for run in runs:
        if run.costs:
            iteration, cost = run.costs[-1]
            at.setdefault(iteration, []).append(f"{_cost(cost)} for {run.label}")
    ends = "; ".join(f"At iteration {iteration:,} the cost is {' and '.join(said)}" for iteration, said in at.items())
    return f"{ends}. Answering 0.5 to everything costs ln 2 = 0.693."


def _table(runs: Sequence[Run]) -> Table | None:
    """Return the costs at iterations that all runs have."""
    by_run = [dict(run.costs) for run in runs]
    shared = sorted(set(by_run[0]).intersection(*by_run))
    rows = [shared[index] for index in some(len(shared))]
    if not rows:
        return None
    columns = [cost_words([costs[iteration] for iteration in rows]) for costs in by_run]
    return Table(
        "Cost by iteration",
        ("iteration", *(run.label for run in runs)),
        tuple((f"{iteration:,}", *costs) for iteration, *costs in zip(rows, *columns, strict=True)),
    )


def _cost(cost: Number) -> str:
    return cost_words((cost,))[0]


def _missing(runs: Iterable[Run]) -> str:
    return " ".join(filter(None, map(_undrawn, runs)))


def _undrawn(run: Run) -> str:
    """Say which points no axis can hold."""
    gone = [(iteration, cost) for iteration, cost in run.costs if isinstance(cost, str)]
    if not gone:
        return ""
    kinds = " or ".join(sorted({str(cost) for _, cost in gone}))
    at = f"iteration {gone[0][0]:,}" if len(gone) == 1 else f"{len(gone)} iterations, the first of them {gone[0][0]:,}"
    return f"The cost of {run.label} is {kinds} at {at}: no axis can show that, so it is not drawn."
