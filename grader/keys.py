"""The key of this user, which seals what the grader wrote in this account: manifests and stores.  No hand-in can know it."""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

import platformdirs

KEY_FILE = "manifest.key"
_KEY_BYTES = 32
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)  # Windows has neither this nor modes


def _key_path() -> Path:
    return platformdirs.user_data_path("grader", appauthor=False) / KEY_FILE


def key() -> bytes | None:
    """Return this user's key; None where there is none that is certainly theirs alone."""
    with suppress(OSError):
        descriptor = os.open(_key_path(), os.O_RDONLY | _NO_FOLLOW)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            mine = os.name != "posix" or (status.st_uid == os.geteuid() and not status.st_mode & 0o077)
            data = file.read(_KEY_BYTES + 1) if mine and stat.S_ISREG(status.st_mode) else b""
        return data if len(data) == _KEY_BYTES else None
    return None


def new_key() -> bytes | None:
    """Make this user's key, whole or not at all; where another process was faster, its key counts."""
    path = _key_path()
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(secrets.token_bytes(_KEY_BYTES))
            with suppress(FileExistsError):
                os.link(draft, path)  # unlike a rename, this never replaces a key
        finally:
            draft.unlink()
    return key()
