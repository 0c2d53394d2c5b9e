"""Pages: one HTML file each, complete in itself, readable without scripts, the same bytes for the same result."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any

import jinja2
from markupsafe import Markup, escape

from grader import resources
from grader.records import FunctionResult, Question, Result, Source, Sweep
from grader.rendering import text, words
from grader.rendering.excerpt import excerpt
from grader.rendering.feedback import further_questions, is_wide, marked_line, open_first, place, training_view
from grader.rendering.lablink import links
from grader.rendering.svg import draw

KEPT = 160
KEPT_CODES = 400  # of students, as they stand on pages, that a process remembers
NAME_COLUMNS = 60  # of a file or a person, on the first screen; the whole name of the file stands at the end


def feedback_page(result: Result, lab: str = "") -> str:
    """Return the page of one submission; `lab` is the address of the lab to link to, if there is one."""
    return render("feedback.html", result=result, lab_links=links(result, lab))


def plain_page(result: Result) -> str:
    """Return a page that shows the summary alone, for a result that the whole page cannot show."""
    lines = [
        result.submission.name,
        result.summary.headline,
        result.summary.next_step,
        *result.summary.text.split("\n"),
    ]
    said = "\n".join(f"<p>{escape(text.clean(line))}</p>" for line in lines if line.strip())
    title = escape(text.clean(result.title))
    return f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{title}</title>\n<h1>{title}</h1>\n{said}\n</html>\n'


def render(template: str, *, styles: Sequence[str] = ("page.css",), script: str = "", **context: object) -> str:
    """Return a page with these styles and, where it has one, the only script that its policy lets run."""
    style, style_hash = _files(*styles)
    code, code_hash = _files(*filter(None, [script]))
    page = _environment().get_template(template)
    return page.render(style=style, style_hash=style_hash, script=code, script_hash=code_hash, **context)


def macros(template: str) -> Any:
    """Return the macros of a template, for pieces of pages: what they give is escaped and cleaned as every page is."""
    return _environment().get_template(template).module


def section(name: str, function: FunctionResult, sweep: Sweep | None) -> Markup:
    """Return the section of one function; of equal code, all but the student's own text is written once a process."""
    own = macros("_function.html")
    before, between, after = _frame(name, _Judged(function, sweep))
    return Markup("").join((before, own.code(function), between, own.saved(function), after))


@lru_cache(maxsize=KEPT)  # most pages of a class have the same
def _asked(questions: tuple[Question, ...]) -> Markup:
    return Markup(macros("_function.html").asked(questions))  # noqa: S704  # a macro's output, escaped


@lru_cache(maxsize=KEPT_CODES)  # many of a class write the same text
def _lines(source: Source, marked: int | None) -> Markup:
    return Markup(macros("_function.html").code_lines(source, marked))  # noqa: S704  # a macro's output, escaped


@dataclass(frozen=True, eq=False, slots=True)
class _Judged:
    """A verdict without the student's own text; the records of equal code are the same, so comparing them is quick."""

    function: FunctionResult
    sweep: Sweep | None

    def __hash__(self) -> int:
        return id(self.function.checks)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Judged) and self._compared() == other._compared()

    def _compared(self) -> tuple[object, ...]:
        return replace(self.function, source=None, stale=()), self.sweep


@lru_cache(maxsize=KEPT)
def _frame(name: str, judged: _Judged) -> tuple[Markup, Markup, Markup]:
    gap = Markup(f"<!--{secrets.token_hex(16)}-->")  # noqa: S704  # our own
    whole = macros("_function.html").section(name, judged.function, judged.sweep, gap, gap)
    before, between, after = map(Markup, whole.split(gap))
    return before, between, after


@cache  # every page of a process has the same
def _files(*names: str) -> tuple[Markup, str]:
    """Return the text of our own files, one after the other, and its hash as a policy names it."""
    whole = "".join((resources.templates() / name).read_text(encoding="utf-8") for name in names)
    digest = hashlib.sha256(whole.encode()).digest()
    return Markup(whole), f"sha256-{base64.b64encode(digest).decode()}"  # noqa: S704  # our own files


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
        shorten=lambda name: text.shorten(name, NAME_COLUMNS),
        open_first=open_first,
        section=section,
        asked=_asked,
        place=place,
        excerpt=excerpt,
        lines=_lines,
        further_questions=further_questions,
        is_wide=is_wide,
        marked_line=marked_line,
        training_view=training_view,
        draw=draw,
    )
    return environment


def _finalize(value: object) -> object:
    """Pass every string that a template writes through `clean`: no page shows a control character."""
    return text.clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value
