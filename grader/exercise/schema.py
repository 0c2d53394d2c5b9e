"""The JSON Schema of exercise.toml, made from the very types that read it, for editors and for tests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from grader import resources
from grader.exercise import load
from grader.exercise.limits import Limits

FILE = "exercise.schema.json"
ID = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """Return the schema; the limits have the names and kinds of `Limits`."""
    schemas = msgspec.json.schema(load.ExerciseTable)
    limits = {
        name: {"type": "integer" if isinstance(value, int) else "number", "exclusiveMinimum": 0, "default": value}
        for name, value in msgspec.to_builtins(Limits()).items()
    }
    table = schemas["$defs"][load.ExerciseTable.__name__]
    table["properties"]["limits"] = {"type": "object", "properties": limits, "additionalProperties": False}
    for section, key, comment in _comments():
        properties = _properties(schemas["$defs"], section)
        if key in properties:
            properties[key].setdefault("description", comment)
    whole = {"$schema": ID, "title": "exercise.toml", **schemas}
    decoded: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(whole))
    return decoded


def _comments() -> Iterator[tuple[str, str, str]]:
    """Yield section, key and comment of each setting that a shipped exercise explains: these are the schema's descriptions."""
    paths = sorted(resources.reference().glob("*/exercise.toml"))
    for path in sorted(paths, key=lambda path: path.parent.name != load.DEFAULT):
        section, above = "", list[str]()
        for line in path.read_text(encoding="utf-8").splitlines():
            header = re.fullmatch(r"\[([^\[\]]+)\]", line)
            setting = re.match(r"(\w+) = [^#]+#\s*(.+)", line)
            if header:
                section = header[1]
                if above and "." not in section:
                    yield "", section, " ".join(above)
            elif setting:
                yield section, setting[1], setting[2]
            above = [*above, line.removeprefix("#").strip()] if line.startswith("#") else []


def _properties(tables: dict[str, Any], section: str) -> dict[str, Any]:
    """Return the settings of a section in the schema; none for a section of free names."""
    settings: dict[str, Any] = tables[load.ExerciseTable.__name__]["properties"]
    if not section:
        return settings
    first, *more = section.split(".")
    table = settings[first]
    table = table.get("additionalProperties", {}) if more else table
    if len(more) > 1 or not isinstance(table, dict):
        return {}
    name = table.get("$ref", "").rpartition("/")[2]
    properties: dict[str, Any] = tables[name]["properties"] if name else table.get("properties", {})
    return properties


def text() -> str:
    """Return the schema as the text of a file."""
    return msgspec.json.format(msgspec.json.encode(schema()), indent=2).decode() + "\n"
