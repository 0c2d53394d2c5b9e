"""Pages: one HTML file each, complete in itself, readable without scripts, the same bytes for the same result."""

from __future__ import annotations

import base64
import hashlib
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from urllib.parse import quote

import jinja2
from markupsafe import Markup

from grader import resources
from grader.records import NotebookStatus, Result
from grader.report import text, words
from grader.report.excerpt import excerpt
from grader.report.feedback import is_wide, marked_line, open_first, place, training_view
from grader.report.figures import KEPT, Layer


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
        open_first=open_first,
        place=place,
        excerpt=excerpt,
        is_wide=is_wide,
        marked_line=marked_line,
        training_view=training_view,
        drawn=_drawn,
    )
    return environment


def _finalize(value: object) -> object:
    """Pass every string that a template writes through `clean`: no page shows a control character."""
    return text.clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@lru_cache(maxsize=KEPT)
def _drawn(layer: Layer) -> Markup:
    """Return a layer of a picture as SVG; equal layers are written once a process."""
    return Markup(_environment().get_template("_figure.html").module.layer(layer))  # type: ignore[attr-defined]  # noqa: S704  # a macro's output, escaped
