"""Progress of long work: a bar on a terminal, a line now and then elsewhere; always on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING

from grader.messages import say
from grader.rendering.text import one_line

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

SECONDS_BETWEEN_LINES = 5.0
SHOWN_CHARACTERS = 40  # of the names of what is being graded


def _bar(doing: str, *, quiet: bool, counts: bool) -> Bar | None:
    """Return a bar that has begun, which counts or gives per cent; None where it cannot or should not be seen."""
    if quiet or not sys.stderr.isatty():
        return None
    from rich.console import Console  # only where there is a terminal
    from rich.progress import BarColumn, MofNCompleteColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    done = [MofNCompleteColumn(), TextColumn("{task.fields[rate]}")] if counts else [TaskProgressColumn()]
    columns = [TextColumn(doing), BarColumn(), *done, TimeRemainingColumn()]
    bar = Bar(*columns, TextColumn("{task.fields[now]}", markup=False), console=Console(stderr=True), transient=True)
    bar.add_task(doing, total=None, rate="", now="")
    bar.start()
    return bar


class ProgressLine:
    """Shows how many submissions are done, how fast it goes and how long it will take."""

    def __init__(self, *, quiet: bool, doing: str = "grading") -> None:
        self._doing = doing
        self._quiet = quiet
        self._bar: Bar | None = None
        self._started = self._said = time.monotonic()

    def __enter__(self) -> ProgressLine:
        self._bar = _bar(self._doing, quiet=self._quiet, counts=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bar:
            self._bar.stop()

    def step(self, done: int, total: int, running: Sequence[str]) -> None:
        """Say how many are done, of how many, and which are being graded."""
        now = time.monotonic()
        rate = done / max(now - self._started, 1e-9)
        if self._bar:
            names = one_line(", ".join(running))
            shown = names if len(names) <= SHOWN_CHARACTERS else f"{names[: SHOWN_CHARACTERS - 1]}…"
            self._bar.update(self._bar.task_ids[0], completed=done, total=total, rate=f"{rate:.1f}/s", now=shown)
        elif not self._quiet and (done == total or now - self._said >= SECONDS_BETWEEN_LINES):
            self._said = now
            left = (
                say("classpage.progress.left", seconds=(total - done) / rate)
                if done
                else say("classpage.progress.unknown")
            )
            names = f"; {self._doing} {one_line(', '.join(running))}" if running else ""
            sys.stderr.write(
                say("classpage.progress", doing=self._doing, done=done, total=total, rate=rate, left=left)
                + f"{names}\n"
            )


class MeasuringLine:
    """Shows how much of an exercise is measured, and for how long it will still take."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._bar: Bar | None = None
        self._started = self._shown = time.monotonic()
        self._first: int | None = None

    def __enter__(self) -> MeasuringLine:
        self._bar = _bar(say("authoring.progress"), quiet=self._quiet, counts=False)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bar:
            self._bar.stop()

    def step(self, done: int, total: int, part: str) -> None:
        """Say how much is done, of how much, and what is measured now; what an earlier run measured took no time here."""
        now = time.monotonic()
        self._first = done if self._first is None else self._first
        if self._bar:
            self._bar.update(self._bar.task_ids[0], completed=done, total=total, now=part)
        elif not self._quiet and (done == total or now - self._shown >= SECONDS_BETWEEN_LINES):
            self._shown = now
            measured = done - self._first
            left = (now - self._started) * (total - done) / measured if measured else 0.0
            line = (
                say("authoring.progress.left", done=done / total, seconds=left)
                if measured
                else say("authoring.progress.begun", done=done / total)
            )
            sys.stderr.write(f"{line}\n")
