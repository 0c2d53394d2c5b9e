"""manifest.json: what was read of an LMS's export, kept beside the collected files, so that grades find their way back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from grader.errors import RequestError

FILE = "manifest.json"
SCHEMA = "grader-manifest/1"


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry of the LMS: a person, a team or an anonymous hand-in.

    `file` is the graded file's path below the manifest's folder, with ``/``, and None where there is none; `student` is the
    LMS's own identifier, unique in a manifest; `name` is what people call the entry; `original` is the graded file's name as
    it was handed in; `others` are further files that were handed in and not graded; `note` says in a sentence what was
    noticed; `lms` holds what the system needs back, under its own names.
    """

    file: str | None
    student: str
    name: str = ""
    original: str | None = None
    sha256: str | None = None
    late: bool | None = None
    others: tuple[str, ...] = ()
    note: str = ""
    lms: dict[str, Any] = {}


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one collect run found: the system, its assignment (ids under the system's own names) and every entry."""

    schema: str = SCHEMA
    system: str
    assignment: dict[str, Any] = {}
    entries: tuple[Entry, ...] = ()


def load(folder: Path) -> Manifest | None:
    """Return the manifest of a folder, or None where there is none.

    Raises
    ------
    RequestError
        If there is one that cannot be used.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError) as error:
        raise RequestError(f"{path} cannot be used: {error}", hint="collect the export again") from None
    if found.schema != SCHEMA:
        raise RequestError(f"{path} is of the format {found.schema!r}, not {SCHEMA}", hint="collect the export again")
    return found


def encode(manifest: Manifest) -> str:
    """Return manifest.json."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2).decode() + "\n"
