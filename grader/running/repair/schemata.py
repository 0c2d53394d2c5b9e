"""Many edits of a function in one text, where a number chooses among them: it is compiled once for all edits.

After the mutant schemata of Untch, Offutt and Harrold (1993).  This only finds what may be right: what is claimed of an
edit was seen with its own text.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from grader.running.repair.code import Candidate, Edit, EditableCode

CHOSEN = "_chosen_edit_"  # the name of the number, a global one for the function; with 0 it is as it was
_BINDING = ast.NamedExpr | ast.Yield | ast.YieldFrom | ast.Await  # what is left out would change the whole function
_ORDER = {"line": 0, "statement": 1, "value": 2}  # from outside, where they begin at the same place
Places = dict[tuple[int, int, int], list[tuple[int, Edit]]]  # by start, -end and order: outer ones first


def schema(code: EditableCode, tried: Sequence[Candidate]) -> tuple[str, list[int | str]]:
    """Return the text, and for each candidate its number there; where its edit cannot be written so, its own text."""
    if CHOSEN.encode() in code.data or any(isinstance(node, _BINDING) for node in code.nodes):
        return "", [candidate.source for candidate in tried]
    places: Places = {}
    variants: list[int | str] = []
    for number, candidate in enumerate(tried, start=1):
        is_in = all(edit.of for edit in candidate.edits)
        variants.append(number if is_in else candidate.source)
        for edit in candidate.edits if is_in else ():
            places.setdefault((edit.start, _ORDER[edit.of], -edit.end), []).append((number, edit))
    return _Writer(code.data, places).until(len(code.data) + 1).decode(), variants


class _Writer:
    """Writes a text from its beginning to its end, with the alternatives for each place."""

    def __init__(self, data: bytes, places: Places) -> None:
        self.data, self.at = data, 0
        self.waiting = [places[key] for key in sorted(places, reverse=True)]

    def until(self, end: int) -> bytes:
        written = []
        while self.waiting and self.waiting[-1][0][1].start < end:
            choices = self.waiting.pop()
            _, edit = choices[0]
            written.append(self._up_to(edit.start))
            written.append(_choice(choices, self.until(edit.end)))
        return b"".join((*written, self._up_to(end)))

    def _up_to(self, end: int) -> bytes:
        piece, self.at = self.data[self.at : end], end
        return piece


def _choice(choices: Sequence[tuple[int, Edit]], original: bytes) -> bytes:
    """Write one place, with its edits; `original` is its text without an edit."""
    _, edit = choices[0]
    if edit.of == "value":
        values = "".join(f"({edit.text}) if {CHOSEN} == {number} else " for number, edit in choices)
        return b"(%s%s)" % (values.encode(), original)
    if edit.of == "statement":
        numbers = "".join(f"{number}, " for number, _ in choices)
        return b"if %s not in (%s): %s" % (CHOSEN.encode(), numbers.encode(), original)
    return b"".join(_line(number, edit.text) for number, edit in choices)


def _line(number: int, text: str) -> bytes:
    """Write a line to be put in, with the new line before or behind it."""
    statement = text.lstrip()
    return f"{text[: -len(statement)]}if {CHOSEN} == {number}: {statement}".encode()
