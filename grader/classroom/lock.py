"""A lock for a class's folder: one command at a time works in it, and the lock ends with its process."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from grader.errors import RequestError
from grader.files import open_in_place
from grader.messages import refusal, say

FILE = ".grader.lock"


@contextlib.contextmanager
def locked(folder: Path, doing: str) -> Iterator[None]:
    """Lock a class's folder for as long as the block runs; a process that died holds no lock.

    Raises
    ------
    RequestError
        If another command holds it; the message says which.
    """
    if sys.platform == "win32":  # which has no such locks
        yield
        return
    descriptor = _opened(folder / FILE)
    try:
        if not _acquire(descriptor):
            raise refusal("classroom.lock", folder=folder, holder=_holder(descriptor))
        holder = {"doing": doing, "pid": os.getpid(), "host": socket.gethostname()}
        since = datetime.now().astimezone().isoformat(timespec="seconds")
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({**holder, "since": since}).encode(), 0)
        yield
    finally:
        os.close(descriptor)  # which releases the lock; the file stays, since removing it could remove another's


@contextlib.contextmanager
def locked_if_free(folder: Path, doing: str) -> Iterator[bool]:
    """Lock a class's folder if nobody else does, and say whether it is locked now."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locked(folder, doing))
        except (RequestError, OSError):
            yield False
            return
        yield True


def _opened(path: Path) -> int:
    try:
        return open_in_place(path, os.O_RDWR)
    except OSError as error:
        raise refusal("classroom.lock.unwritable", path=path, reason=error.strerror) from None


def _acquire(descriptor: int) -> bool:
    """Take the lock if it is free; where the file system has no locks, as some network drives, nothing is held."""
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _holder(descriptor: int) -> str:
    """Say who holds the lock, as its holder wrote it down."""
    try:
        holder = json.loads(os.pread(descriptor, 4096, 0))
        return say(
            "classroom.lock.holder",
            command=holder["doing"],
            process=holder["pid"],
            host=holder["host"],
            since=holder["since"],
        )
    except (OSError, ValueError, KeyError, TypeError):
        return say("classroom.lock.somebody")
