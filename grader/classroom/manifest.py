"""manifest.json: what an LMS's export says of each hand-in, kept beside the files so that grades find their way back.

Students' files lie in the same folder, and a zip that is unpacked there can bring a manifest.json of its own.  So ``collect``
seals what it writes: a keyed hash (HMAC-SHA256) whose key is in the user's data folder.  No file in a hand-in can know the key.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections import Counter
from contextlib import suppress
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import msgspec

from grader import keys
from grader.messages import refusal

FILE = "manifest.json"
HANDED_IN = "handed_in"  # under `lms`: the time of a hand-in as the LMS writes it
_TIMES = (HANDED_IN, "timestamp", "created_at")  # the same, also under the names of other systems
_MOST_TIME = 60  # characters
SCHEMA = "grader-manifest/1"
MOST_BYTES = 256 << 20  # of a manifest: some hundred thousand entries
_SEAL = re.compile(rb'"seal": "([0-9a-f]{64})"\s*\}\s*\Z')
_SEAL_BYTES = 200  # the end of the file, where the seal is
MOST_OTHERS = 50  # further files of one entry that are named


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

    @property
    def handed_in(self) -> str:
        """When it was handed in, as the LMS writes it; empty where the export does not tell."""
        times = (self.lms.get(name) for name in _TIMES)
        return next(
            (" ".join(time.split())[:_MOST_TIME] for time in times if isinstance(time, str) and time.strip()), ""
        )


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one collect run found: the system, its assignment (ids under the system's own names) and every entry.

    `seal` proves that ``collect`` wrote all the rest; empty where it could not be proved.
    """

    schema: str = SCHEMA
    system: str
    assignment: dict[str, Any] = {}
    entries: tuple[Entry, ...] = ()
    seal: str = ""


def load(folder: Path) -> Manifest | None:
    """Return the manifest of a folder that nobody but the grader writes to, or None where there is none.

    Raises
    ------
    RequestError
        If there is one that cannot be used.
    """
    path = folder / FILE
    return read(path) if path.is_file() else None


def read(path: Path) -> Manifest:
    """Return a manifest, whether it is sealed or not.

    Raises
    ------
    RequestError
        If it cannot be read, leads out of its folder, or gives two entries the same student or the same file.
    """
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError) as error:
        raise refusal("classroom.manifest.unusable", path=path, error=error, hint="classroom.manifest.hint") from None
    if manifest.schema != SCHEMA:
        raise refusal(
            "classroom.manifest.format",
            path=path,
            format=manifest.schema,
            expected=SCHEMA,
            hint="classroom.manifest.hint",
        )
    _require_sound(manifest, path)
    return manifest


def encode(manifest: Manifest) -> str:
    """Return manifest.json."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2).decode() + "\n"


def sealed(manifest: Manifest) -> Manifest:
    """Return a manifest with its seal; the seal stays empty where this user's key cannot be read or made."""
    key = keys.key() or keys.new_key()
    plain = msgspec.structs.replace(manifest, seal="")
    return msgspec.structs.replace(plain, seal=_seal(encode(plain).encode(), key) if key else "")


def is_sealed(path: Path) -> bool:
    """Whether this user's ``collect`` wrote a manifest, and nobody changed a byte of it since.

    Nothing is parsed, and what is larger than any manifest is not read: the file may be a student's.
    """
    key = keys.key()
    with suppress(OSError):
        if key is None or not 0 < path.stat().st_size <= MOST_BYTES:
            return False
        data = path.read_bytes()
        seal = _SEAL.search(data, max(len(data) - _SEAL_BYTES, 0))
        if seal is not None:
            return hmac.compare_digest(seal[1].decode(), _seal(data[: seal.start(1)] + data[seal.end(1) :], key))
    return False


def may_be_same(path: Path, other: Path) -> bool:
    """Whether two manifests can say the same, by their sizes: only their seals, and how they are laid out, may differ."""
    with suppress(OSError):
        return path.stat().st_size <= 2 * other.stat().st_size + _SEAL_BYTES
    return False


def same(manifest: Manifest, other: Manifest | None) -> bool:
    """Whether two manifests say the same, sealed or not."""
    return other is not None and msgspec.structs.replace(manifest, seal="") == msgspec.structs.replace(other, seal="")


def is_collected(manifest: Manifest) -> bool:
    """Whether a manifest says what an LMS's export held, not only whom a class list names."""
    return any(entry.original is not None or entry.lms for entry in manifest.entries)


def _require_sound(manifest: Manifest, path: Path) -> None:
    """Refuse paths that leave the folder, and two entries for one student or one file."""
    files = [entry.file for entry in manifest.entries if entry.file is not None]
    for file in files:
        parts = PurePosixPath(file)
        if parts.is_absolute() or PureWindowsPath(file).drive or ".." in parts.parts or "\0" in file or not parts.name:
            raise refusal("classroom.manifest.outside", path=path, file=file, hint="classroom.manifest.hint")
    for what, names in (("student", [entry.student for entry in manifest.entries]), ("file", files)):
        name, times = Counter(names).most_common(1)[0] if names else ("", 0)
        if times > 1:
            raise refusal(
                "classroom.manifest.twice", path=path, what=what, name=name, times=times, hint="classroom.manifest.hint"
            )


def _seal(data: bytes, key: bytes) -> str:
    """Return the keyed hash of the bytes of a manifest whose seal is empty."""
    return hmac.new(key, f"{SCHEMA}\0".encode() + data, hashlib.sha256).hexdigest()
