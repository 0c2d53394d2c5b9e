"""The JSON Schema of exercise.toml, made from the very types that read it, for editors and for tests."""

from __future__ import annotations

from typing import Any

import msgspec

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
    whole = {"$schema": ID, "title": "exercise.toml", **schemas}
    decoded: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(whole))
    return decoded


def text() -> str:
    """Return the schema as the text of a file."""
    return msgspec.json.format(msgspec.json.encode(schema()), indent=2).decode() + "\n"
