"""The student's code as lines to show: numbered as they see it, coloured by class, cut where it is endless."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape
from pygments.lexers.python import PythonLexer  # type: ignore[import-untyped]  # Pygments ships no types
from pygments.token import Comment, Keyword, Number, String  # type: ignore[import-untyped]  # the same

from grader.records import Source
from grader.report.text import clean

MOST_LINES = 80  # the course's functions have 20 to 40
MOST_COLUMNS = 160

# five kinds are enough to read by; fewer classes also keep the page small and alike in every version of Pygments
_CLASSES: tuple[tuple[Any, str], ...] = ((Keyword, "k"), (String, "s"), (Comment, "c"), (Number, "m"))


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Lines of code as (number, markup), and how many more there are."""

    lines: tuple[tuple[int, Markup], ...]
    more: int


def excerpt(source: Source) -> Excerpt:
    """Return the first lines of a function, numbered as in its cell."""
    whole = clean(source.code).strip("\n").split("\n")
    kept = "\n".join(_cut(line) for line in whole[:MOST_LINES])
    return Excerpt(tuple(enumerate(_lines(kept), start=source.line)), max(0, len(whole) - MOST_LINES))


def _cut(line: str) -> str:
    return line if len(line) <= MOST_COLUMNS else line[:MOST_COLUMNS] + " ..."


def _lines(code: str) -> Iterator[Markup]:
    line = Markup("")
    for kind, text in PythonLexer(stripnl=False, ensurenl=False).get_tokens(code):
        first, *others = text.split("\n")
        line += _span(kind, first)
        for other in others:
            yield line
            line = _span(kind, other)
    yield line


def _span(kind: tuple[str, ...], text: str) -> Markup:
    name = next((name for parent, name in _CLASSES if kind in parent), "")
    if not name or not text.strip():
        return escape(text)
    return Markup('<span class="{}">{}</span>').format(name, text)
