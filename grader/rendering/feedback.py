"""What the feedback page shows of one function, chosen and laid out: a template writes it down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from grader.exercise.training import PRINT_EVERY
from grader.explaining.numbers import last_printed
from grader.faults import attempt
from grader.messages import say
from grader.records import FunctionResult, Place, Source, Table, TrainingResult
from grader.rendering import text
from grader.rendering.charts import Chart
from grader.rendering.cost import cost_chart, stretched
from grader.rendering.gradients import gradients


def open_first(functions: Mapping[str, FunctionResult]) -> list[tuple[str, FunctionResult]]:
    """Return the functions with those that are not right yet first."""
    return sorted(functions.items(), key=lambda item: item[1].passed)


def page_functions(functions: Mapping[str, FunctionResult]) -> list[tuple[str, FunctionResult]]:
    """Return the functions as a page shows them; of those not right yet the first alone has a question to predict."""
    first = next((name for name, function in functions.items() if not function.passed), None)
    return [
        (name, function if name == first or function.passed else replace(function, predict=None))
        for name, function in open_first(functions)
    ]


@dataclass(frozen=True, slots=True)
class TrainingView:
    """A run to show beside the right answer's: its pictures by the block that they belong to, and its tables of numbers."""

    figures: Mapping[str, tuple[Chart, ...]]
    tables: tuple[Table, ...]


def training_view(function: FunctionResult) -> TrainingView | None:
    """Lay a function's training out; a right answer needs no second column beside its own."""
    training = function.training
    if training is None:
        return None
    other = None if function.passed else function.reference_training
    measures = _measures(training, other)
    if function.passed or "nan" in training.outputs:  # there is nothing to explain, or to draw
        return TrainingView({}, (measures,))
    stuck = training.regime == "plateau"
    happened = _drawn(
        lambda: cost_chart(training, other),
        lambda: stretched(training) if stuck else None,  # beside the honest one
    )
    figures = {"happened": happened, "why": _drawn(lambda: gradients(training))}
    # the gradients are many numbers: the result has them
    tables = tuple(_thinned(chart.table) for chart in happened if chart.table is not None)
    is_measured = any(block.code == "happened" and block.table for block in function.blocks)
    return TrainingView(figures, tables if is_measured else (measures, *tables))


def _thinned(table: Table) -> Table:
    """Return the first, the middle and the last row, so that the page stays short: the result has them all."""
    return replace(table, rows=table.rows[:: max(1, (len(table.rows) - 1) // 2)])


def _drawn(*figures: Callable[[], Chart | None]) -> tuple[Chart, ...]:
    """Return the pictures that there are; without one whose drawing fails the page is whole, too."""
    charts = (attempt("drawing", figure, lambda _: None) for figure in figures)
    return tuple(chart for chart in charts if chart is not None)


def _rows(training: TrainingResult) -> tuple[str, ...]:
    printed, last = last_printed(training), _last(training)
    late = say("feedback.measures.cost", iteration=printed) if printed[0].isdigit() else ""
    return (
        say("feedback.measures.train"),
        "" if training.test_accuracy is None else say("feedback.measures.test"),
        say("feedback.measures.cost", iteration=0),
        late,
        say("feedback.measures.last", iteration=last),
    )


def _last(training: TrainingResult) -> int:
    """Return the last iteration of a run; where its course was not kept, it ends before another cost is printed."""
    if training.trace.iterations:
        return training.trace.iterations[-1]
    return (training.costs[-1][0] if training.costs else 0) + PRINT_EVERY - 1


def _measures(training: TrainingResult, other: TrainingResult | None) -> Table:
    runs = [training] if other is None else [training, other]
    columns = zip(*map(_column, runs), strict=True)
    return Table(
        say("feedback.measures" if other is None else "feedback.measures.both"),
        (
            say("feedback.measures.measure"),
            *(say("feedback.measures.mine"), say("feedback.measures.right"))[: len(runs)],
        ),
        tuple((name, *values) for name, values in zip(_rows(training), columns, strict=True) if name),
    )


def _column(run: TrainingResult) -> tuple[str, ...]:
    costs = text.costs((run.cost_first, run.cost_14000, run.cost_last))
    tested = "" if run.test_accuracy is None else text.accuracy(run.test_accuracy)
    return (text.accuracy(run.train_accuracy), tested, *costs)


def is_wide(table: Table) -> bool:
    """Return whether a table may be wider than a telephone, so that it needs to scroll by itself."""
    cells = (cell for row in (table.columns, *table.rows) for cell in row)
    return len(table.columns) > 4 or any(len(word) > 16 for cell in cells for word in cell.split())


def marked_line(function: FunctionResult) -> int | None:
    """Return the number of the line that holds the proved fault, where it may be told and is in the code that is shown."""
    place = function.known.place if function.known else None
    source = function.source
    if place is None or source is None or place.cell != source.cell:
        return None
    return place.line if 0 <= place.line - source.line <= source.code.count("\n") else None


def place(source: Source) -> str:
    """Return the place of code, in words."""
    if source.name:
        return say("feedback.place.from", name=source.name, line=source.line)
    return str(Place(source.line, source.cell))
