"""Pages: one HTML file each, complete in itself, readable without scripts, the same bytes for the same result."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import jinja2
from markupsafe import Markup, escape

from grader import messages, resources
from grader.explaining.summary import hint
from grader.explaining.summary import place as where
from grader.faults import attempt
from grader.messages import say
from grader.records import FunctionResult, Result, Source
from grader.rendering import text, words
from grader.rendering.excerpt import Excerpt, coloured, excerpt
from grader.rendering.feedback import is_wide, marked_line, page_functions, place, training_view
from grader.rendering.lablink import links
from grader.rendering.picture import PictureInput, first_picture, picture_input
from grader.rendering.svg import draw

NAME_COLUMNS = 60  # of a file or a person, on the first screen; the whole name of the file is at the end


class Pieces:
    """Writes the pieces of which pages are put together; many submissions of a class have the same."""

    def section(self, name: str, function: FunctionResult, cell_names: Mapping[int, str]) -> Markup:
        """Return the section of one function, the student's own text within it."""
        own = macros("_function.html")
        shown = self.excerpt(function.source) if function.source else None
        judged, answers, measured, fixed = self.verdict(VerdictPieces(name, replace(function, source=None, stale=())))
        parts = (
            judged,
            own.change(function, cell_names),
            answers,
            own.code(function, shown),
            measured,
            own.saved(function),
            fixed,
        )
        return Markup("").join(parts)

    def verdict(self, given: VerdictPieces) -> tuple[Markup, ...]:
        """Return how a function did, what its reader asks, what follows its code, and what follows the saved outputs."""
        own, function = macros("_function.html"), given.function
        view = training_view(function)
        judged, answers = own.judged(given.name, function), own.answers(function, view)
        pieces = judged, answers, own.measured(function, view), own.fixed(function)
        return tuple(map(Markup, pieces))  # the output of macros, escaped

    def picture(self, given: PictureInput) -> Markup:
        """Return the picture at the top of a page; empty if it cannot be drawn."""
        own = macros("_figure.html")
        drawn = attempt("the picture", lambda: own.first_picture(first_picture(given)), lambda _: "")
        return Markup(drawn)  # noqa: S704  # the output of a macro, escaped

    def excerpt(self, source: Source) -> Excerpt:
        """Return the lines of a function that are shown."""
        return excerpt(source, self.coloured)

    def coloured(self, code: str) -> tuple[Markup, ...]:
        """Return the lines of some code in colour."""
        return coloured(code)


@dataclass(frozen=True, slots=True)
class VerdictPieces:
    """What the pieces of a function's section depend on: all but the student's own text."""

    name: str
    function: FunctionResult


PLAIN = Pieces()


def feedback_page(result: Result, lab: str = "", pieces: Pieces = PLAIN) -> str:
    """Return the page of one submission; `lab` is the address of the lab to link to, if there is one."""
    return render("feedback.html", result=result, lab_links=links(result, lab), pieces=pieces)


def plain_page(result: Result) -> str:
    """Return a page that shows the summary alone, for a result that the whole page cannot show."""
    lines = [
        result.submission.name,
        result.summary.headline,
        say("words.self_check") if result.self_check else "",
        result.summary.next_step,
        *result.summary.text.split("\n"),
    ]
    paragraphs = "\n".join(f"<p>{escape(text.clean(line))}</p>" for line in lines if line.strip())
    title = escape(text.clean(result.title))
    language = messages.language_in_use()
    head = f'<!doctype html>\n<html lang="{language}"><meta charset="utf-8"><title>{title}</title>\n'
    return f"{head}<h1>{title}</h1>\n{paragraphs}\n</html>\n"


def render(
    template: str, *, styles: Sequence[str] = ("figure.css", "page.css"), script: str = "", **context: object
) -> str:
    """Return a page with these styles and, where it has one, the only script that its policy lets run."""
    style, style_hash = _files(*styles)
    code, code_hash = _files(*filter(None, [script]))
    page = _environment().get_template(template)
    return page.render(style=style, style_hash=style_hash, script=code, script_hash=code_hash, **context)


def script(name: str) -> str:
    """Return the text of one of our own scripts."""
    return str(_files(name)[0])


def compile_templates(*templates: str) -> None:
    """Compile templates before they are needed; the templates that these include are compiled later."""
    for template in templates:
        _environment().get_template(template)


def macros(template: str) -> Any:
    """Return the macros of a template, for pieces of pages: what they give is escaped and cleaned as every page is."""
    return _environment().get_template(template).module


@cache  # constants of the process: our own files
def _files(*names: str) -> tuple[Markup, str]:
    """Return the text of our own files, one after the other, and its hash as a policy names it."""
    whole = "".join((resources.templates() / name).read_text(encoding="utf-8") for name in names)
    digest = hashlib.sha256(whole.encode()).digest()
    return Markup(whole), f"sha256-{base64.b64encode(digest).decode()}"  # noqa: S704  # our own files


@cache  # a constant of the process: the compiled templates
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(resources.templates()),
        auto_reload=False,
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["coded"] = text.coded
    environment.globals.update(
        words=words,
        headline=text.headline,
        of=text.of,
        points=text.points,
        shorten=lambda name: text.shorten(name, NAME_COLUMNS),
        page_functions=page_functions,
        place=place,
        hint=hint,
        where=where,
        say=say,
        language=messages.language_in_use,
        is_draft=messages.is_draft,
        picture_input=lambda result: attempt("the picture", lambda: picture_input(result), lambda _: None),
        short_names=text.short_names,
        is_wide=is_wide,
        marked_line=marked_line,
        draw=lambda chart: attempt("drawing", lambda: draw(chart), lambda _: Markup()),  # the words stay
    )
    return environment


def _finalize(value: object) -> object:
    """Pass every string that a template writes through `clean`: no page shows a control character."""
    return text.clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value
