"""Pages: one HTML file each, complete in itself, readable without scripts, the same bytes for the same result."""

from __future__ import annotations

import base64
import hashlib
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import quote

import jinja2
from markupsafe import Markup

from grader import resources
from grader.records import FunctionResult, NotebookStatus, Place, Result, Source, Sweep, TrainingResult
from grader.report import figures, text, words
from grader.report.excerpt import excerpt
from grader.report.gradients import Gradients, gradients
from grader.report.sweep import SweepFigure, sweep_figure


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One submission on the class page; `points` and `causes` go by what their makers call them."""

    name: str
    folder: str
    student: str | None
    score: float
    possible: float
    status: NotebookStatus
    provisional: bool
    points: Mapping[str, float]
    causes: tuple[str, ...]
    headline: str

    @property
    def needs_review(self) -> bool:
        """Whether a person has to look: a part was not judged, or there was nothing to judge."""
        return self.provisional or self.status not in {"ok", "repaired"}

    @property
    def passed(self) -> bool:
        """Whether nothing is left to do here."""
        return not self.needs_review and self.score == self.possible

    @property
    def words(self) -> str:
        """How the submission stands, in a few words."""
        if self.provisional:
            return "provisional: a part could not be judged"
        if self.needs_review:
            return words.NOTEBOOK[self.status]
        return "passed" if self.passed else "not everything passed"

    @property
    def link(self) -> str:
        """The address of the submission's own page, from the class page."""
        return f"{quote(self.folder, safe='', errors='replace')}/feedback.html"


@dataclass(frozen=True, slots=True)
class Overview:
    """What the class page counts."""

    submissions: int
    passed: int
    median: str
    causes: tuple[tuple[str, int], ...]


def feedback_page(result: Result) -> str:
    """Return the page of one submission."""
    return _render("feedback.html", result=result)


def class_page(rows: Sequence[ClassRow], *, title: str, ignored: Mapping[str, str] | None = None) -> str:
    """Return the page of a class: who needs a person first, then everybody by name.

    `ignored` maps each file that was passed over to the reason.
    """
    ordered = sorted(rows, key=lambda row: (row.name.casefold(), row.name, row.folder))
    functions = list(dict.fromkeys(name for row in ordered for name in row.points))
    return _render(
        "index.html",
        title=title,
        rows=ordered,
        review=[row for row in ordered if row.needs_review],
        functions=text.short_names(functions),
        overview=overview(ordered),
        ignored=ignored or {},
    )


def macros(template: str) -> Any:
    """Return the macros of a template, for pieces of pages: what they give is escaped and cleaned as every page is."""
    return _environment().get_template(template).module


def overview(rows: Sequence[ClassRow]) -> Overview:
    """Count a class; the median is that of the scores that no person has to look at."""
    settled = [row for row in rows if not row.needs_review]
    causes = Counter(cause for row in rows for cause in set(row.causes))
    return Overview(
        submissions=len(rows),
        passed=sum(row.passed for row in rows),
        median=text.points(statistics.median(row.score for row in settled)) if settled else "",
        causes=tuple(sorted(causes.items(), key=lambda item: (-item[1], item[0]))),
    )


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


def _render(template: str, **context: object) -> str:
    style = (resources.templates() / "page.css").read_text(encoding="utf-8")
    page = _environment().get_template(template)
    return page.render(style=Markup(style), style_hash=_hash(style), **context)  # noqa: S704  # our own file


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
