"""Files that are written whole or not at all, for their owner alone where they name people."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from grader.errors import RequestError

OWNER_FILE, OWNER_FOLDER = 0o600, 0o700


def write(path: Path, content: str | bytes, *, private: bool = False) -> None:
    """Write a file whole or not at all; a private one can be read by its owner only, whatever the umask says."""
    data = content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content
    with replacing(path) as draft, draft.open("wb") as file:
        if private:
            draft.chmod(OWNER_FILE)
        file.write(data)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give the path of a draft that takes the file's place when all of it is written, and leaves nothing behind otherwise."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield draft
        draft.replace(path)
    except OSError as error:
        hint = "free disk space or choose another folder"
        raise RequestError(f"{path} cannot be written: {error.strerror}", hint=hint) from None
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)


def make_private_folder(path: Path) -> None:
    """Make a folder that only its owner can enter; one that is there already keeps its mode."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            path.mkdir()
            path.chmod(OWNER_FOLDER)
    except OSError as error:
        hint = "choose a folder you can write to"
        raise RequestError(f"{path} cannot be made: {error.strerror}", hint=hint) from None
