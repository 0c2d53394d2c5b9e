"""The text that is run for a statement: one for all texts that differ in blanks, comments and spelling of names only.

Equal code shares evidence, so what is hashed must be what is run.  Code that could see its own text or line numbers is run
as it was written, and so is code whose lines cannot be told apart in the canonical text.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import lru_cache

from grader.reading.extract.cells import parse

# names, attributes and modules through which code can look at itself, also in texts, where `format` looks
_LOOKS = re.compile(
    r"\b(?:_\w+|(?:co|f|gi|tb|cr|ag)_\w+|compile|dis|eval|exec|faulthandler|gc|globals|inspect|linecache|locals|logging|pdb|"
    r"settrace|setprofile|sys|traceback|tracemalloc|vars|warnings|breakpoint|getattr|help|importlib|types|with_traceback)\b"
)


@dataclass(frozen=True, slots=True)
class CanonicalText:
    """A text to be run, and for each of its lines the line of the student's text, from 1 (0: none); empty: the same."""

    text: str
    lines: tuple[int, ...] = ()


syntax = lru_cache(8)(parse)  # the names and the canonical text of a statement are asked for, one soon after the other


def canonical(text: str) -> CanonicalText:
    """Return what is run for a text: what `ast.unparse` makes of it, or the text itself."""
    try:
        tree = syntax(text)
        plain = ast.unparse(tree)
        lines = None if _LOOKS.search(plain) else _lines(tree, parse(plain))
    except (SyntaxError, RecursionError, ValueError, MemoryError):  # too deep, or not to be written down
        return CanonicalText(text)
    if lines is None or plain == text:
        return CanonicalText(text)
    return CanonicalText(plain, tuple(lines.get(line, 0) for line in range(1, plain.count("\n") + 2)))


def _lines(tree: ast.AST, again: ast.AST) -> dict[int, int] | None:
    """Return the student's line of each line of the canonical text.

    None if that is not the same code, or if one line of it stands for several of the student's.
    """
    lines: dict[int, int] = {}
    waiting: list[tuple[object, object]] = [(tree, again)]
    while waiting:
        old, new = waiting.pop()
        if type(old) is not type(new):
            return None
        if isinstance(old, ast.AST):
            line = getattr(old, "lineno", None)
            if line is not None and lines.setdefault(getattr(new, "lineno", 0), line) != line:
                return None
            waiting += [(getattr(old, name, None), getattr(new, name, None)) for name in old._fields]
        elif isinstance(old, list) and isinstance(new, list):
            if len(old) != len(new):
                return None
            waiting += zip(old, new, strict=True)
        elif old != new:
            return None
    return lines
