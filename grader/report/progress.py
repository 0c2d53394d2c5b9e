"""Progress of long work: a bar on a terminal, a line now and then elsewhere; always on standard error."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

SECONDS_BETWEEN_LINES = 5.0


class Progress:
    """Shows how many submissions are done, how fast it goes and how long it will take."""

    def __init__(self, *, quiet: bool, doing: str = "grading") -> None:
        self._doing = doing
        self._quiet = quiet
        self._bar: Bar | None = None
        self._started = self._said = time.monotonic()

    def __enter__(self) -> Progress:
        if not self._quiet and sys.stderr.isatty():
            from rich.console import Console  # only where there is a terminal
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            columns = (TextColumn(self._doing), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
            self._bar.add_task(self._doing, total=None)
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bar:
            self._bar.stop()

    def step(self, done: int, total: int, name: str) -> None:  # noqa: ARG002  # the signature of a progress callback
        """Say that one more is done."""
        now = time.monotonic()
        if self._bar:
            self._bar.update(self._bar.task_ids[0], completed=done, total=total)
        elif not self._quiet and (done == total or now - self._said >= SECONDS_BETWEEN_LINES):
            self._said = now
            rate = done / max(now - self._started, 1e-9)
            sys.stderr.write(
                f"{self._doing}: {done} of {total}, {rate:.1f} a second, {(total - done) / rate:.0f} s left\n"
            )
