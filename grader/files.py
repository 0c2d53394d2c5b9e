"""Files that are written whole or not at all, for their owner alone where they name people."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import BinaryIO

from grader.errors import RequestError
from grader.messages import refusal, say

_INPUTS: ContextVar[frozenset[tuple[int, int] | None]] = ContextVar("inputs", default=frozenset())
LEAST_BYTES = 1 << 16  # free on a disk, below which it is full: a store grows by some pages at a time
OWNER_FILE, OWNER_FOLDER = 0o600, 0o700
_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)  # Windows has neither


def write(path: Path, content: str | bytes | Iterable[str | bytes], *, private: bool = False) -> None:
    """Write a file whole or not at all; a private one can be read by its owner only, whatever the umask says.

    A device or pipe, such as /dev/stdout, is written to, never put aside.

    Raises
    ------
    RequestError
        If that cannot be done; what was there before is still there.
    """
    parts = (content,) if isinstance(content, str | bytes) else content
    data = (part if isinstance(part, bytes) else part.encode("utf-8", "backslashreplace") for part in parts)
    if _is_device(path):
        try:
            with path.open("wb") as device:
                device.writelines(data)
        except OSError as error:
            raise _unwritable(path, error) from None
        return
    with replacing(path, private=private) as draft:
        draft.writelines(data)


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
        descriptor = open_in_place(path, os.O_RDWR | os.O_APPEND)
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
                raise refusal("files.in_use", path=path) from None
        lines = file.readlines()
        some = [line for line in lines if stays(line)]
        if len(some) < len(lines):
            write(path, some, private=True)


@contextlib.contextmanager
def replacing(path: Path, *, private: bool = False) -> Iterator[BinaryIO]:
    """Give a draft to write that takes the file's place when all of it is written, and leaves nothing behind if that fails.

    The draft is always a new file under a name that nobody can foresee, so no link and no file of another user is written to.
    """
    if _identity(path) in _INPUTS.get():
        raise refusal("files.is_input", path=path)
    draft = path.with_name(f".{os.urandom(8).hex()}.tmp")
    try:
        with open(draft, "xb", opener=_open_private if private else _open_new) as file:
            yield file
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


def open_in_place(path: Path, flags: int) -> int:
    """Open a file that is kept and changed, for its owner alone, and return its descriptor; it is made if need be.

    Raises
    ------
    OSError
        If that cannot be done, or if somebody else has put a link or a file of theirs in its place.
    """
    descriptor = os.open(path, flags | os.O_CREAT | _NO_LINK, OWNER_FILE)
    try:
        _require_ours(path, os.fstat(descriptor))
        with contextlib.suppress(PermissionError):  # it belongs to whom the folder belongs to
            _close_to_others(descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _require_ours(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, say("files.not_a_file"), str(path))
    if status.st_uid not in {_user(), path.parent.stat().st_uid}:
        raise OSError(errno.EPERM, say("files.other_owner"), str(path))


def _open_new(path: str, flags: int) -> int:
    return os.open(path, flags | _NO_LINK, 0o666)


def _open_private(path: str, flags: int) -> int:
    descriptor = os.open(path, flags | _NO_LINK, OWNER_FILE)
    _close_to_others(descriptor)
    return descriptor


def _close_to_others(descriptor: int) -> None:
    if sys.platform != "win32":
        os.fchmod(descriptor, OWNER_FILE)


def _user() -> int:
    return 0 if sys.platform == "win32" else os.geteuid()


def _is_device(path: Path) -> bool:
    """Whether this is a device or pipe of the system's or of our own; what another user has put there is replaced."""
    try:
        status, folder = path.stat(), path.parent.resolve()
    except (OSError, ValueError):  # nothing there, or nothing that can be there; opening it says so
        return False
    if stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode):
        return False
    is_systems = bool(folder.parts[1:]) and folder.parts[1] in {"dev", "proc"}
    return is_systems or (status.st_uid == _user() and not path.is_symlink())


def _unwritable(path: Path, error: OSError) -> RequestError:
    return refusal("files.not_written", path=path, reason=error.strerror)


def is_disk_full(error: BaseException, folder: Path) -> bool:
    """Return whether something failed in a folder for want of disk space, whatever it is called.

    SQLite calls it a full disk, a failed write or a damaged file, by where it met it; so the disk is asked as well.
    """
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "disk is full" in str(error):
        return True
    with contextlib.suppress(OSError):
        return shutil.disk_usage(folder).free < LEAST_BYTES
    return False


def make_private_folder(path: Path) -> None:
    """Make a folder, and those above it, that only its owner can enter; so becomes one of ours that is there and empty.

    One that holds something keeps its mode: others may have to reach that.
    """
    try:
        missing, folder = [], path
        while not folder.exists():
            missing.append(folder)
            folder = folder.parent
        for folder in reversed(missing):
            folder.mkdir(OWNER_FOLDER, exist_ok=True)
            folder.chmod(OWNER_FOLDER)  # whatever the umask took away
        if not missing and path.is_dir() and path.stat().st_uid == _user() and not any(path.iterdir()):
            path.chmod(OWNER_FOLDER)
    except OSError as error:
        raise refusal("files.not_made", path=path, reason=error.strerror) from None
