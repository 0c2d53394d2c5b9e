"""A fault that trying edits has proved, in words; how much of it is told is the exercise's setting."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from os.path import commonprefix

from grader.messages import say
from grader.records import KnownFault, Repair, Show


def known_fault(repairs: Sequence[Repair], show: Show) -> KnownFault | None:
    """Return the fault if all proved edits lead to one line, and of it only as much as may be shown."""
    if len({repair.fault for repair in repairs}) != 1:
        return None
    simplest = next(
        (repair for repair in repairs if repair.source is None), repairs[0]
    )  # at the source itself, if there is one
    look = say(f"explaining.fault.look.{simplest.kind}{_part(simplest)}")
    if show == "concept":
        return KnownFault(simplest.kind, say("explaining.fault.somewhere", look=look))
    if simplest.old:
        message = say("explaining.fault.changed", place=simplest.place, look=look)
    else:
        message = say("explaining.fault.inserted", place=simplest.place, look=look)
    if simplest.source:
        message = f"{message} {say('steps.source', place=simplest.source)}"
    old, new = (None, None) if show == "line" else (simplest.old, simplest.new)
    is_new_line = not simplest.old and not simplest.source
    return KnownFault(simplest.kind, message, simplest.fault, old, new, is_new_line)


def _part(repair: Repair) -> str:
    """Return the end of the message id for what a line needs: a seed, or what its number or factor does; empty if not plain."""
    if repair.kind == "factor":
        draw = _multiplied_draw(repair.old)
        return ".drawn" if draw and draw == _multiplied_draw(repair.new) else ""
    if repair.kind == "seed":
        return "" if repair.old else ".new"
    if repair.kind != "constant":
        return ""
    before = _common(repair.old, repair.new).rstrip(_DIGITS)
    after = _common(repair.old[::-1], repair.new[::-1])[::-1].lstrip(_DIGITS)
    operator = _BEFORE.search(before.rstrip())
    if operator:
        return _OPERATORS[operator[0]]
    return {"*": ".multiplied", "/": ".divided"}.get(after.lstrip()[:1], "") if after.lstrip()[:2] != "**" else ""


def _common(line: str, other: str) -> str:
    return commonprefix([line, other])  # noqa: RUF071  # of lines, character by character


def _multiplied_draw(line: str) -> str | None:
    """Return the call that draws the random numbers if a line does nothing but multiply or divide them."""
    try:
        value = getattr(ast.parse(line.strip()).body[0], "value", None)
        draws = [
            ast.unparse(part)
            for part in _operands(value)
            if isinstance(part, ast.Call) and getattr(part.func, "attr", "") in _DRAWS
        ]
    except (SyntaxError, ValueError, IndexError, RecursionError, MemoryError):  # a line of a student may be anything
        return None
    return draws[0] if len(draws) == 1 else None


def _operands(node: ast.AST | None) -> Iterator[ast.AST]:
    """Yield what a product consists of."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div):
        yield from _operands(node.left)
        yield from _operands(node.right)
    elif node is not None:
        yield node


_DRAWS = {"randn", "standard_normal", "normal", "rand", "random", "uniform"}
_DIGITS = "0123456789."
_BEFORE = re.compile(r"\*\*$|\*$|(?<!/)/$|(?<=[\w)\]] )[+-]$")
_OPERATORS = {"**": ".exponent", "*": ".multiplied", "/": ".divisor", "+": ".added", "-": ".added"}
