"""What a push compares and what comes of it: wishes, the grades that are there, changes and outcomes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Literal, Protocol

from grader.classroom.manifest import Entry
from grader.lms.common.system import Export, Graded
from grader.lms.live.journal import Journal, JournalLine

SETTLED_SECONDS = 300.0  # after which a call that was never answered will not arrive any more
ChangeStep = Literal["send", "same", "kept", "open", "nobody", "blank"]
ChangeEnd = Literal["sent", "failed", "unanswered", "not_tried"]


@dataclass(frozen=True, slots=True)
class Push:
    """What to send, and how: `dry_run` only looks, `overwrite` replaces grades that people gave."""

    export: Export
    folder: Path
    dry_run: bool = False
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class Assignment:
    """The assignment as the LMS describes it; `possible` is None where points of any size are taken as they are."""

    title: str
    possible: Decimal | None
    attention: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wish:
    """What one student is to get; `grade` is None if a person has to give it, and else in the assignment's points."""

    graded: Graded
    grade: Decimal | None
    comment: str
    page: Path
    digest: str

    @property
    def student(self) -> str:
        """The entry's identifier in the manifest."""
        return self.graded.entry.student

    @property
    def name(self) -> str:
        """What people call the entry, told apart from others of the same name."""
        return self.graded.label


@dataclass(frozen=True, slots=True)
class Standing:
    """The grade and comments that the LMS has for one student.

    `user` is their id there, `by` who gave the grade, `comments` and `files` what may be ours; `settled` says what else a
    person decided that a grade would undo.
    """

    user: str
    grade: Decimal | None = None
    by: str = ""
    settled: str = ""
    comments: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    attempt: int | None = None


@dataclass(frozen=True, slots=True)
class GradeChange:
    """What is to be done for one student: the grade, the comment, or both; `why` is told where nothing is done."""

    wish: Wish
    standing: Standing
    step: ChangeStep
    grade: bool = False
    comment: bool = False
    why: str = ""


@dataclass(frozen=True, slots=True)
class ChangeOutcome:
    """The outcome of one change: whether it was made, and why not."""

    change: GradeChange
    ended: ChangeEnd
    why: str = ""


class Live(Protocol):
    """A live LMS, as the push needs it.

    `target`, the assignment's address, names it in the journal; `name` is the system's in `SYSTEMS`.
    """

    target: str
    name: str
    title: str

    def assignment(self) -> Assignment:
        """Return the assignment's title and points."""

    def standing(self, entries: Sequence[Entry]) -> Mapping[str, Standing]:
        """Return what the LMS holds, by `Entry.student`; who is not in it is unknown to the LMS."""

    def rights(self, *, writing: bool) -> tuple[str, ...]:
        """Find out before anything is sent whether the token may do all of it; return what could not be tried.

        Raises
        ------
        LiveError
            If it may not.
        """

    def send(self, changes: Sequence[GradeChange], note: Note) -> Iterator[ChangeOutcome]:
        """Send the changes one after the other, and yield what came of each."""


@dataclass(frozen=True, slots=True)
class Note:
    """The journal's pen: writes down a step of one part before and after it is sent."""

    journal: Journal
    target: str
    now: Callable[[], float] = time.time

    def write(self, change: GradeChange, part: str, step: str, note: str = "") -> None:
        """Write down that `part` of a change is being sent, was sent, or failed."""
        wish = change.wish
        value = str(wish.grade) if wish.grade is not None else None
        line = JournalLine(
            at=self.now(),
            target=self.target,
            student=wish.student,
            part=part,
            step=step,
            value=value if part != "comment" else None,
            digest=wish.digest if part != "grade" else None,
            note=note,
        )
        self.journal.write(line)
