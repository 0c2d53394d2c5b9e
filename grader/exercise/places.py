"""Where in exercise.toml something is wrong: the section, the key and the line of what a validation message speaks of."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

_UNKNOWN = re.compile(r"Object contains unknown field `([^`]*)`")
_MISSING = re.compile(r"Object missing required field `([^`]*)`")
_AT = re.compile(r" - at `(?:key in )?\$((?:\.\w+|\[[^\]]*\])*)`$")


class KeyPlace(msgspec.Struct, frozen=True):
    """A key of a file, the kind of problem with it, and the message without its path."""

    section: str
    key: str
    problem: str
    message: str

    @property
    def path(self) -> tuple[str, ...]:
        """The names of the tables that lead to the key."""
        return tuple(filter(None, self.section.split(".")))


def place_of(message: str, table: Mapping[str, Any], convert: Callable[[Any], object]) -> KeyPlace:
    """Return where a validation message points.

    `convert` is the validation itself: it tells which entry of a table is meant where the message does not name it.
    """
    at = _AT.search(message)
    plain = message[: at.start()] if at else message
    steps = [
        step[1:-1] if step.startswith("[") else step[1:]
        for step in re.findall(r"\.\w+|\[[^\]]*\]", at[1] if at else "")
    ]
    path: list[str] = []
    for step in steps:
        here = value_at(table, path)
        if step == "..." and isinstance(here, Mapping):
            path.append(_culprit(table, path, message, convert))
        elif isinstance(here, Mapping):
            path.append(step)
        else:
            break  # an entry of a list is in the line of the list
    for problem, pattern in (("unknown", _UNKNOWN), ("missing", _MISSING)):
        if match := pattern.search(plain):
            return KeyPlace(".".join(path), match[1], problem, plain)
    return KeyPlace(".".join(path[:-1]), path[-1] if path else "", "value", plain)


def value_at(table: Mapping[str, Any], path: tuple[str, ...] | list[str]) -> Any:
    """Return what a path of names leads to; None where it leads nowhere."""
    value: Any = table
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def line_of(text: str, section: str, key: str) -> int:
    """Return the line of a key in a section of TOML; that of the section if the key is not there, else 1."""
    line, current = 1, ""
    for number, content in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[+\s*([^\[\]]+?)\s*\]+\s*(?:#.*)?$", content):
            current = header[1].replace('"', "").replace(" ", "")
            line = number if current == section else line
        elif current == section and key and re.match(rf'\s*"?{re.escape(key)}"?\s*=', content):
            return number
        elif section and re.match(rf'\s*"?{re.escape(section.rsplit(".", maxsplit=1)[-1])}"?\s*=\s*\{{', content):
            line = number  # a table in one line
    return line


def _culprit(table: Mapping[str, Any], path: list[str], message: str, convert: Callable[[Any], object]) -> str:
    """Return which entry of a table a message is about: the one that alone gives the same message."""
    entries = value_at(table, path)
    for name, entry in entries.items():
        try:
            convert(_replaced(table, path, {name: entry}))
        except msgspec.ValidationError as error:
            if str(error) == message:
                return str(name)
    return str(next(iter(entries), ""))


def _replaced(table: Mapping[str, Any], path: list[str], value: object) -> object:
    if not path:
        return value
    return {**table, path[0]: _replaced(table[path[0]], path[1:], value)}
