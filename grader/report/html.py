"""Pages: one HTML file each, complete in itself, readable without scripts, the same bytes for the same result."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import jinja2
from markupsafe import Markup

from grader import resources
from grader.records import FunctionResult, Place, Result, Source, Sweep, TrainingResult
from grader.report import figures, text, words
from grader.report.excerpt import excerpt
from grader.report.gradients import Gradients, gradients
from grader.report.sweep import SweepFigure, sweep_figure


def feedback_page(result: Result) -> str:
    """Return the page of one submission."""
    return render("feedback.html", result=result)


@dataclass(frozen=True, slots=True)
class TrainingView:
    """A run to show beside another: column titles, rows of words and the figures."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    figure: figures.Figure
    stretched: figures.Figure | None
    gradients: Gradients | None
    sweep: SweepFigure | None


def training_view(function: FunctionResult, sweep: Sweep | None = None) -> TrainingView | None:
    """Lay a function's training out; a right answer needs no second column beside its own."""
    training = function.training
    if training is None:
        return None
    other = None if function.passed else function.reference_training
    runs = [training] if other is None else [training, other]
    columns = [_column(run) for run in runs]
    return TrainingView(
        columns=("this run", "the right answer")[: len(runs)],
        rows=tuple(zip(_ROWS, zip(*columns, strict=True), strict=True)),
        figure=figures.cost_figure(training, other),
        stretched=figures.stretched(training) if training.regime == "plateau" else None,
        gradients=gradients(training),
        sweep=sweep_figure(sweep, function),
    )


_ROWS = (
    "train accuracy",
    "test accuracy",
    "cost at iteration 0",
    "cost at iteration 14,000",
    "cost at the last iteration, 14,999",
)


def _column(run: TrainingResult) -> tuple[str, ...]:
    costs = text.costs((run.cost_first, run.cost_14000, run.cost_last))
    return (text.accuracy(run.train_accuracy), text.accuracy(run.test_accuracy), *costs)


def render(template: str, *, styles: Sequence[str] = ("page.css",), script: str = "", **context: object) -> str:
    """Return a page with these styles and, where it has one, the only script that its policy lets run."""
    style, code = "".join(map(_file, styles)), _file(script) if script else ""
    return (
        _environment()
        .get_template(template)
        .render(
            style=Markup(style),  # noqa: S704  # our own file
            style_hash=_hash(style),
            script=Markup(code),  # noqa: S704  # our own file
            script_hash=_hash(code),
            **context,
        )
    )


def _file(name: str) -> str:
    return (resources.templates() / name).read_text(encoding="utf-8")


def _hash(style: str) -> str:
    digest = hashlib.sha256(style.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


@cache  # templates are compiled once a process
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(resources.templates()),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        words=words,
        headline=text.headline,
        of=text.of,
        points=text.points,
        place=_place,
        excerpt=excerpt,
        training_view=training_view,
    )
    return environment


def _finalize(value: object) -> object:
    """Pass every string that a template writes through `clean`: no page shows a control character."""
    return text.clean(value) if isinstance(value, str) else value


def _place(source: Source) -> str:
    return str(Place(source.line, source.cell))
