"""The student's code as lines to show: numbered as they see it, coloured by class, cut where it is endless."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, groupby
from operator import itemgetter
from typing import Any

from markupsafe import Markup, escape
from pygments.lexers.python import PythonLexer  # type: ignore[import-untyped]  # Pygments ships no types
from pygments.token import Comment, Keyword, Number, String  # type: ignore[import-untyped]  # the same

from grader.records import Source
from grader.rendering.text import clean

MOST_LINES = 80  # the course's functions have 20 to 40
MOST_COLUMNS = 160
MOST_MARKUP, MOST_SPANS = 15_000, 300  # characters and coloured pieces of all lines, so that a page stays small

# five kinds are enough to read by; fewer classes also keep the page small and alike in every version of Pygments
_CLASSES: tuple[tuple[Any, str], ...] = ((Keyword, "k"), (String, "s"), (Comment, "c"), (Number, "m"))
_QUOTES = re.compile(r'"{3}|\'{3}')
_UNCLEAR = re.compile(r"""[#"'\\].*("{3}|'{3})""")  # they may be mere text there


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Lines of code as (number, markup), and how many more there are."""

    lines: tuple[tuple[int, Markup], ...]
    more: int


Colour = Callable[[str], tuple[Markup, ...]]


def coloured(code: str) -> tuple[Markup, ...]:
    """Return the lines of some code; what is side by side and looks alike is one span."""
    lines: list[list[tuple[str, str]]] = [[]]
    for kind, text in _lexer().get_tokens(code):
        first, *others = text.split("\n")
        lines[-1].append((_class(kind), first))
        lines += [[(_class(kind), other)] for other in others]
    return tuple(Markup("").join(_spans(line)) for line in lines)


def excerpt(source: Source, colour: Colour = coloured) -> Excerpt:
    """Return the first lines of a function, numbered as in its cell."""
    whole = clean(source.code).strip("\n").split("\n")
    shown = "\n".join(_cut(line) for line in whole[:MOST_LINES])
    lines = [line for piece in _pieces(shown) for line in colour(piece)]
    sizes, spans = accumulate(map(len, lines)), accumulate(line.count("</span>") for line in lines)
    few = max(1, sum(size <= MOST_MARKUP and pieces <= MOST_SPANS for size, pieces in zip(sizes, spans, strict=True)))
    return Excerpt(tuple(enumerate(lines[:few], start=source.line)), len(whole) - min(few, len(whole)))


def _cut(line: str) -> str:
    return line if len(line) <= MOST_COLUMNS else line[:MOST_COLUMNS] + " ..."


def _pieces(code: str) -> Iterator[str]:
    """Yield lines, and together those that a long string or a backslash joins: a class writes many of them alike.

    Where it takes a lexer to see what is a long string, all is one piece.
    """
    if _UNCLEAR.search(code) or len(set(_QUOTES.findall(code))) > 1:
        yield code
        return
    piece, is_open = list[str](), False
    for line in code.split("\n"):
        piece.append(line)
        is_open ^= len(_QUOTES.findall(line)) % 2 == 1
        if not is_open and not line.endswith("\\"):
            yield "\n".join(piece)
            piece = []
    if piece:
        yield "\n".join(piece)


def _spans(line: Sequence[tuple[str, str]]) -> Iterator[Markup]:
    for name, alike in groupby(line, itemgetter(0)):
        yield _shown(name, "".join(text for _, text in alike))


@cache  # a constant of the process: making one takes as long as reading a function
def _lexer() -> PythonLexer:
    return PythonLexer(stripnl=False, ensurenl=False)


@cache  # a table of the process: Pygments has some eighty kinds
def _class(kind: tuple[str, ...]) -> str:
    return next((name for parent, name in _CLASSES if kind in parent), "")


def _shown(name: str, text: str) -> Markup:
    return Markup('<span class="{}">{}</span>').format(name, text) if name and text.strip() else escape(text)
