"""A fault that trying edits has proved, in words; how much of it is told is the exercise's setting."""

from __future__ import annotations

import re
from collections.abc import Sequence
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
    look = say(f"explaining.fault.look.{simplest.kind}{_part(simplest) if simplest.kind == 'constant' else ''}")
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
    """Return the end of the message id that says what a wrong number does in its line; empty where that is not plain."""
    before = _common(repair.old, repair.new).rstrip(_DIGITS)
    after = _common(repair.old[::-1], repair.new[::-1])[::-1].lstrip(_DIGITS)
    operator = _BEFORE.search(before.rstrip())
    if operator:
        return _OPERATORS[operator[0]]
    return {"*": ".multiplied", "/": ".divided"}.get(after.lstrip()[:1], "") if after.lstrip()[:2] != "**" else ""


def _common(line: str, other: str) -> str:
    return commonprefix([line, other])  # noqa: RUF071  # of lines, character by character


_DIGITS = "0123456789."
_BEFORE = re.compile(r"\*\*$|\*$|(?<!/)/$|(?<=[\w)\]] )[+-]$")
_OPERATORS = {"**": ".exponent", "*": ".multiplied", "/": ".divisor", "+": ".added", "-": ".added"}
