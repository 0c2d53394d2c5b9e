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


class ProgressLine:
    """Shows how many submissions are done, how fast it goes and how long it will take."""

    def __init__(self, *, quiet: bool, doing: str = "grading") -> None:
        self._doing = doing
        self._quiet = quiet
        self._bar: Bar | None = None
        self._started = self._said = time.monotonic()

    def __enter__(self) -> ProgressLine:
        if not self._quiet and sys.stderr.isatty():
            from rich.console import Console  # only where there is a terminal
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            columns = (
                TextColumn(self._doing),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]}"),
                TimeRemainingColumn(),
                TextColumn("{task.fields[running]}", markup=False),
            )
            self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
            self._bar.add_task(self._doing, total=None, rate="", running="")
            self._bar.start()
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
            self._bar.update(self._bar.task_ids[0], completed=done, total=total, rate=f"{rate:.1f}/s", running=shown)
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
        if not self._quiet and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            doing = say("authoring.progress")
            columns = (
                TextColumn(doing),
                BarColumn(),
                TaskProgressColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.fields[part]}", markup=False),
            )
            self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
            self._bar.add_task(doing, total=None, part="")
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bar:
            self._bar.stop()

    def step(self, done: int, total: int, part: str) -> None:
        """Say how much is done, of how much, and what is measured now; what an earlier run measured took no time here."""
        now = time.monotonic()
        self._first = done if self._first is None else self._first
        if self._bar:
            self._bar.update(self._bar.task_ids[0], completed=done, total=total, part=part)
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
