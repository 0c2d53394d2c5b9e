"""Files that are written whole or not at all, for their owner alone where they name people."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from grader.errors import RequestError

OWNER_FILE, OWNER_FOLDER = 0o600, 0o700


def write(path: Path, content: str | bytes | Iterable[str], *, private: bool = False) -> None:
    """Write a file whole or not at all; a private one can be read by its owner only, whatever the umask says.

    A device or pipe, such as /dev/stdout, is written to, never put aside.

    Raises
    ------
    RequestError
        If that cannot be done; what was there before is still there.
    """
    parts = (content,) if isinstance(content, str | bytes) else content
    data = (one if isinstance(one, bytes) else one.encode("utf-8", "backslashreplace") for one in parts)
    if path.exists() and not path.is_file() and not path.is_dir():
        try:
            with path.open("wb") as device:
                device.writelines(data)
        except OSError as error:
            raise _unwritable(path, error) from None
        return
    with replacing(path) as draft, draft.open("wb") as file:
        if private:
            draft.chmod(OWNER_FILE)
        file.writelines(data)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give the path of a draft that takes the file's place when all of it is written, and leaves nothing behind otherwise."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield draft
        draft.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from None
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)


def _unwritable(path: Path, error: OSError) -> RequestError:
    return RequestError(f"{path} cannot be written: {error.strerror}", hint="free disk space or choose another folder")


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
