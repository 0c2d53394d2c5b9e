"""Cost against iteration, on an axis from 0 that marks ln 2, the cost of answering 0.5 to everything.

PyPlot would stretch a fall of 0.00000005 over the whole height; `stretched` does the same on purpose, to be shown beside the
honest picture with its true span in words.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from grader.explaining.numbers import plain
from grader.messages import say
from grader.records import Number, Table, TrainingResult
from grader.rendering.charts import (
    LN2,
    Axis,
    Chart,
    Curve,
    EdgeText,
    Level,
    Panel,
    drawable,
    iterations,
    linear,
    some,
)
from grader.rendering.text import costs as cost_words


@dataclass(frozen=True, slots=True)
class DrawnRun:
    """One training to draw: how it is called and which of the two line styles it gets."""

    label: str
    look: Literal["run", "right"]
    costs: tuple[tuple[int, Number], ...]

    @property
    def finite(self) -> tuple[float, ...]:
        """The costs that an axis can hold."""
        return tuple(drawable(cost for _, cost in self.costs))


def cost_chart(training: TrainingResult, reference: TrainingResult | None) -> Chart:
    """Return cost against iteration on an axis from 0, beside the right answer's run where there is one."""
    runs = [DrawnRun(say("figures.mine"), "run", training.costs)]
    if reference is not None:
        runs.append(DrawnRun(say("figures.right"), "right", reference.costs))
    y = linear(max([*(cost for run in runs for cost in run.finite), LN2 * 1.08]), 5)
    return Chart(
        says=_says(runs),
        panels=(Panel(_iterations(runs), y, (Level("guessing", LN2, say("figures.guessing")), *_lines(runs))),),
        title=say("figures.cost"),
        key=_key(runs),
        note=" ".join(filter(None, map(_undrawn, runs))),
        table=_table(runs),
    )


def stretched(training: TrainingResult) -> Chart | None:
    """Return the same run as PyPlot scales it, from its least cost to its greatest; None where nothing moves."""
    run = DrawnRun(say("figures.mine"), "run", training.costs)
    if not run.finite or f"{min(run.finite):.10f}" == f"{max(run.finite):.10f}":
        return None
    low, high = min(run.finite), max(run.finite)
    span = plain(high - low)
    y = Axis(low, high, tuple((cost, f"{cost:.10f}") for cost in (low, high)))
    return Chart(
        says=say("figures.stretched.says", span=span),
        panels=(Panel(_iterations([run]), y, (*_lines([run]), EdgeText(say("figures.stretched.span", span=span)))),),
        title=say("figures.stretched"),
        key=_key([run]),
    )


def _iterations(runs: Sequence[DrawnRun]) -> Axis:
    return iterations(iteration for run in runs for iteration, _ in run.costs)


def _key(runs: Sequence[DrawnRun]) -> tuple[tuple[str, str], ...]:
    return tuple((run.look, run.label) for run in runs if run.finite)


def _lines(runs: Sequence[DrawnRun]) -> tuple[Curve, ...]:
    """Return the curves, this run's on top."""
    return tuple(Curve(run.look, run.costs) for run in reversed(runs) if run.finite)


def _says(runs: Iterable[DrawnRun]) -> str:
    """Say where each run ends."""
    at: dict[int, list[str]] = {}
    for run in runs:
        if run.costs:
            iteration, cost = run.costs[-1]
            at.setdefault(iteration, []).append(say("figures.cost.of", cost=cost_words((cost,))[0], run=run.label))
    ends = [say("figures.cost.end", iteration=iteration, costs=costs) for iteration, costs in at.items()]
    return " ".join([*ends, say("figures.cost.guessing")])


def _table(runs: Sequence[DrawnRun]) -> Table | None:
    """Return the costs at iterations that all runs have."""
    by_run = [dict(run.costs) for run in runs]
    shared = sorted(set(by_run[0]).intersection(*by_run))
    rows = [shared[index] for index in some(len(shared))]
    if not rows:
        return None
    columns = [cost_words([costs[iteration] for iteration in rows]) for costs in by_run]
    return Table(
        say("figures.cost.table"),
        (say("figures.iteration"), *(run.label for run in runs)),
        tuple((f"{iteration:,}", *costs) for iteration, *costs in zip(rows, *columns, strict=True)),
    )


def _undrawn(run: DrawnRun) -> str:
    """Say which points no axis can hold."""
    gone = [(iteration, cost) for iteration, cost in run.costs if isinstance(cost, str)]
    if not gone:
        return ""
    kinds = sorted({str(cost) for _, cost in gone})
    return say("figures.cost.undrawn", run=run.label, kinds=kinds, count=len(gone), first=gone[0][0])
