"""Files that are written whole or not at all, for their owner alone where they name people."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from pathlib import Path

from grader.errors import RequestError

_INPUTS: ContextVar[frozenset[tuple[int, int] | None]] = ContextVar("inputs", default=frozenset())
OWNER_FILE, OWNER_FOLDER = 0o600, 0o700


def write(path: Path, content: str | bytes | Iterable[str | bytes], *, private: bool = False) -> None:
    """Write a file whole or not at all; a private one can be read by its owner only, whatever the umask says.

    A device or pipe, such as /dev/stdout, is written to, never put aside.

    Raises
    ------
    RequestError
        If that cannot be done; what was there before is still there.
    """
    parts = (content,) if isinstance(content, str | bytes) else content
    data = (one if isinstance(one, bytes) else one.encode("utf-8", "backslashreplace") for one in parts)
    if _is_device(path):
        try:
            with path.open("wb") as device:
                device.writelines(data)
        except OSError as error:
            raise _unwritable(path, error) from None
        return
    with replacing(path) as draft, open(draft, "wb", opener=_private if private else None) as file:
        file.writelines(data)


def append_lines(path: Path, lines: Iterable[bytes]) -> None:
    """Add lines to a private file and wait until the disk has them; a last line that was cut off is closed first.

    Raises
    ------
    RequestError
        If that cannot be done.
    """
    data = b"".join(lines)
    if not data:
        return
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0), OWNER_FILE)
        with os.fdopen(descriptor, "r+b", buffering=0) as file:
            size = os.fstat(descriptor).st_size
            file.seek(max(0, size - 1))
            if size and file.read(1) != b"\n":
                data = b"\n" + data
            file.write(data)
            os.fsync(descriptor)
    except OSError as error:
        raise _unwritable(path, error) from None


def cut_lines(path: Path, stays: Callable[[bytes], bool]) -> None:
    """Write a private file of lines again without some of them; where there is none, nothing is done.

    Raises
    ------
    RequestError
        If another command writes to it, or it cannot be written.
    """
    if not path.is_file():
        return
    with path.open("rb") as file:
        if sys.platform != "win32":
            import fcntl

            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise RequestError(f"another command writes to {path}", hint="let it end first") from None
        lines = file.readlines()
        some = [line for line in lines if stays(line)]
        if len(some) < len(lines):
            write(path, some, private=True)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give the path of a draft that takes the file's place when all of it is written, and leaves nothing behind otherwise."""
    if _identity(path) in _INPUTS.get():
        raise RequestError(
            f"{path} is a file that this command reads, so it was not replaced",
            hint="choose another folder for the output, or move that file",
        )
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield draft
        draft.replace(path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise _unwritable(path, error) from None
        raise


@contextlib.contextmanager
def never_replacing(inputs: Iterable[Path | None]) -> Iterator[None]:
    """Refuse, as long as this lasts, to write over one of these files, whatever its path is spelled like."""
    identities = {_identity(path) for path in inputs if path is not None}
    token = _INPUTS.set(_INPUTS.get() | (identities - {None}))
    try:
        yield
    finally:
        _INPUTS.reset(token)


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what is the same for all names of one file; None if there is no file."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return None if stat.S_ISDIR(status.st_mode) else (status.st_dev, status.st_ino)


def _private(path: str, flags: int) -> int:
    file = os.open(path, flags, OWNER_FILE)
    Path(path).chmod(OWNER_FILE)  # one that was left behind may be open to others
    return file


def _is_device(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):  # nothing there, or nothing that can be there; opening it says so
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def _unwritable(path: Path, error: OSError) -> RequestError:
    return RequestError(f"{path} cannot be written: {error.strerror}", hint="free disk space or choose another folder")


def make_private_folder(path: Path) -> None:
    """Make a folder that only its owner can enter; one that is there already keeps its mode."""
    try:
        with contextlib.suppress(FileExistsError):
            try:
                path.mkdir(OWNER_FOLDER)
            except FileNotFoundError:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.mkdir(OWNER_FOLDER)
            path.chmod(OWNER_FOLDER)  # whatever the umask took away
    except OSError as error:
        hint = "choose a folder you can write to"
        raise RequestError(f"{path} cannot be made: {error.strerror}", hint=hint) from None
