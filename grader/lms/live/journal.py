"""push.jsonl: what was sent to an LMS and what came of it, one line a step, so that nothing goes out twice."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import msgspec

from grader.files import open_in_place
from grader.messages import refusal

FILE = "push.jsonl"


class JournalLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step of one student: `sending` before a call, `sent` or `failed` after it.

    `target` is the assignment's address, `part` what was sent (a grade, a comment, both at once), `value` the grade that
    was sent, `digest` stands for the comment and file, `at` is the time in seconds since 1970.
    """

    at: float
    target: str
    student: str
    part: str
    step: str
    value: str | None = None
    digest: str | None = None
    note: str = ""


class Journal:
    """The journal of one folder, held by one process at a time; every line is on disk before its call goes out."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self._descriptor = -1
        self._last: dict[tuple[str, str, str], JournalLine] = {}
        self._sent: dict[tuple[str, str, str], JournalLine] = {}

    def __enter__(self) -> Journal:
        try:
            self._descriptor = open_in_place(self.path, os.O_RDWR | os.O_APPEND)
        except OSError as error:
            raise refusal(
                "lms.not_written", path=self.path, reason=error.strerror, hint="lms.journal.mode.hint"
            ) from None
        try:
            _lock(self._descriptor, self.path)
            for line in _lines(self._descriptor):
                self._note(line)
        except BaseException:
            os.close(self._descriptor)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    def write(self, line: JournalLine) -> None:
        """Add a line; it is on disk when this returns."""
        try:
            os.write(self._descriptor, msgspec.json.encode(line) + b"\n")
            os.fsync(self._descriptor)
        except OSError as error:
            raise refusal(
                "lms.not_written", path=self.path, reason=error.strerror, hint="lms.journal.full.hint"
            ) from None
        self._note(line)

    def last(self, target: str, student: str, part: str) -> JournalLine | None:
        """Return the latest step of a part, whatever came of it."""
        return self._last.get((target, student, part))

    def sent(self, target: str, student: str, part: str) -> JournalLine | None:
        """Return the latest of a part that went through."""
        return self._sent.get((target, student, part))

    def _note(self, line: JournalLine) -> None:
        key = (line.target, line.student, line.part)
        self._last[key] = line
        if line.step == "sent":
            self._sent[key] = line


@contextmanager
def opened(folder: Path, *, reading: bool = False) -> Iterator[Journal]:
    """Open a folder's journal; `reading` makes none where there is none."""
    if reading and not (folder / FILE).is_file():
        yield Journal(folder)
        return
    with Journal(folder) as journal:
        yield journal


def _lock(descriptor: int, path: Path) -> None:
    if sys.platform == "win32":
        return
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise refusal("lms.journal.locked", path=path) from None


def _lines(descriptor: int) -> Iterator[JournalLine]:
    """Yield the lines of a journal; a last one that was cut off when a process died is closed and passed over."""
    size = os.fstat(descriptor).st_size
    content = os.pread(descriptor, size, 0)
    if content and not content.endswith(b"\n"):
        os.write(descriptor, b"\n")
    yield from (line for line in map(_line, content.splitlines()) if line is not None)


def _line(row: bytes) -> JournalLine | None:
    """Return a line; None of one that was cut off: its call never went out, for a line is on disk before that."""
    try:
        return msgspec.json.decode(row, type=JournalLine)
    except msgspec.DecodeError:
        return None
