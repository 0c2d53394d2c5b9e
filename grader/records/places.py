"""How messages name a cell: by what its student sees, which is known only when the result is put together.

Equal outcomes are shared between students, whose cells have other names.  So a message is made with the number of a cell, and
`marked` puts an invisible sign around it; `with_names` puts the name in its place.  Text of a student is never mistaken for a
place, because it has no such sign around it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Any, TypeVar

from grader.messages import say

_SIGN = "\N{INVISIBLE SEPARATOR}"
_MARKED = re.compile(f"{_SIGN}([^{_SIGN}]*){_SIGN}")
_WITHOUT_PLACES = frozenset({"source", "training", "reference_training"})  # fields: large, or a student's own code
_CELL, _LINE = "\0", "\1"  # stand for the numbers in a sentence

Value = TypeVar("Value")


def marked(text: str) -> str:
    """Return the text of a place with a sign around it that is not seen."""
    return f"{_SIGN}{text}{_SIGN}"


def with_names(value: Value, names: Mapping[int, str]) -> Value:
    """Return a record whose messages name the cells as `names` does, by number; a cell without a name keeps its number.

    A record without places is returned as it is, so that equal records stay shared.
    """
    if not _has_place(value):  # most have none, and to look is far cheaper than to write the record again
        return value
    named: Value = _with_names(value, names)  # each kind of value gives its own kind
    return named


def _has_place(value: object) -> bool:
    """Whether a message in a record names a place."""
    if isinstance(value, str):
        return _SIGN in value
    if isinstance(value, tuple):
        return any(map(_has_place, value))
    parts: tuple[str, ...] = _fields_of(type(value))  # type: ignore[arg-type]  # a class is hashable
    for name in parts:  # noqa: SIM110  # a loop takes two thirds of the time of a generator
        if _has_place(getattr(value, name)):
            return True
    return False


@cache
def _fields_of(kind: type[object]) -> tuple[str, ...]:
    """Return the fields of a kind of record that may name places; of what is not a record, none."""
    if not is_dataclass(kind):
        return ()
    return tuple(field.name for field in fields(kind) if field.name not in _WITHOUT_PLACES)


def _with_names(value: Any, names: Mapping[int, str]) -> Any:
    if isinstance(value, str):
        return _MARKED.sub(lambda match: _name(match[1], names), value) if _SIGN in value else value
    if isinstance(value, tuple):
        items = tuple(_with_names(item, names) for item in value)
        return value if all(new is old for new, old in zip(items, value, strict=True)) else items
    parts: tuple[str, ...] = _fields_of(type(value))  # type: ignore[arg-type]  # a class is hashable
    old = {name: getattr(value, name) for name in parts}
    new = {name: _with_names(item, names) for name, item in old.items()}
    changed = {name: item for name, item in new.items() if item is not old[name]}
    return replace(value, **changed) if changed else value


def _name(text: str, names: Mapping[int, str]) -> str:
    """Return the text of one place with the name of its cell."""
    for sentence in (
        say("list.place.cell_line", cell=_CELL, line=_LINE),
        say("list.place.cell", cell=_CELL),
    ):
        pattern = re.escape(sentence).replace(_CELL, r"(?P<cell>\d+)").replace(_LINE, r"(?P<line>\d+)")
        match = re.fullmatch(pattern, text, re.IGNORECASE)
        name = names.get(int(match["cell"])) if match else None
        if match and name:
            line = match.groupdict().get("line")
            seen = say("feedback.place", name=name, line=line) if line else name
            return capitalized(seen) if text[0].isupper() else seen
    return text


def capitalized(text: str) -> str:
    """Return a text that begins a sentence."""
    return text[:1].upper() + text[1:]
