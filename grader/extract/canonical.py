"""The text that is run for a statement: one for all texts that differ in blanks, comments and spelling of names only.

Equal code shares evidence, so what is hashed must be what is run.  Code that could see its own text or line numbers is run
as it was written, and so is code whose lines cannot be told apart in the canonical text.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from grader.extract.cells import TEXTS, parse, remembered

# names, attributes and modules through which code can look at itself
_SEES_ITSELF = frozenset(
    "compile dis eval exec faulthandler gc globals inspect linecache locals logging pdb settrace setprofile sys trace "
    "traceback tracemalloc vars warnings breakpoint getattr help __import__ importlib types with_traceback".split()
)
_PARTS = ("co_", "f_", "gi_", "tb_", "cr_", "ag_")  # the attributes of code, frames, generators and tracebacks


@dataclass(frozen=True, slots=True)
class Text:
    """A text to be run, and for each of its lines the line of the student's text, from 1 (0: none); empty: the same."""

    text: str
    lines: tuple[int, ...] = ()


syntax = lru_cache(8)(parse)  # the names and the canonical text of a statement are asked for, one soon after the other


@remembered(TEXTS)
def canonical(text: str) -> Text:
    """Return what is run for a text: what `ast.unparse` makes of it, or the text itself."""
    try:
        tree = syntax(text)
        plain = "" if _sees_itself(tree) else ast.unparse(tree)
        lines = _lines(tree, parse(plain)) if plain else None
    except (SyntaxError, RecursionError, ValueError, MemoryError):  # too deep, or not to be written down
        return Text(text)
    if lines is None or plain == text:
        return Text(text)
    return Text(plain, tuple(lines.get(line, 0) for line in range(1, plain.count("\n") + 2)))


def _sees_itself(tree: ast.AST) -> bool:
    return any(_is_a_look(name) for node in ast.walk(tree) for name in _names(node))


def _is_a_look(name: str) -> bool:
    return any(
        part in _SEES_ITSELF or part.startswith(_PARTS) or (part.startswith("_") and part != "_")
        for part in name.split(".")
    )


def _names(node: ast.AST) -> Iterator[str]:
    """Yield the names by which a node takes something from outside itself, and those in texts, where `format` looks."""
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Attribute):
        yield node.attr
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from (alias.name for alias in node.names)
        yield getattr(node, "module", None) or ""
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "{" in node.value:
        yield from re.split(r"\W+", node.value)


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
