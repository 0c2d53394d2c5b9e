"""The requests, the results and the reports that all learning management systems share."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from grader.classroom.manifest import Entry, Manifest
from grader.lms.common.points import exact
from grader.messages import say

if TYPE_CHECKING:
    from grader.records import Result

Unworked = Literal["no_notebook", "unreadable", "wrong_notebook", "not_attempted"]
UNWORKED: tuple[Unworked, ...] = get_args(
    Unworked
)  # no work to grade: what they are exported as is the instructor's choice


@dataclass(frozen=True, slots=True)
class System:
    """A system as the command lists it; its sentences are in the catalogue under its name.

    `trial` names the sentence on how far what we write was tried.  The option `flag` takes the system's own table
    (`--gradebook` and `--worksheet` mean the same) where its exporter fills one in (`has_template`).  `mapped` systems are
    described by a mapping file; `example` is what a download is called there, `assignment` an address as a browser shows it.
    `collects` and `exports` say which commands it has.
    """

    name: str
    trial: str
    mapped: bool = False
    flag: str = "--gradebook"
    example: str = "download.zip"
    has_template: bool = False
    assignment: str = ""
    collects: bool = True
    exports: bool = True

    @property
    def title(self) -> str:
        """What people call the system."""
        return say(f"systems.title.{self.name}")

    @property
    def reads(self) -> str:
        """What `collect` reads."""
        return say(f"systems.reads.{self.name}")

    @property
    def writes(self) -> str:
        """What `export` writes."""
        return say(f"systems.writes.{'mapped' if self.mapped else self.name}")

    @property
    def template(self) -> str:
        """What the option `flag` takes; empty where the exporter fills nothing in."""
        return say(f"systems.template.{'mapped' if self.mapped else self.name}") if self.has_template else ""

    @property
    def verified(self) -> str:
        """How far what we write for the system was tried."""
        return say(f"systems.trial.{self.trial}")


@dataclass(frozen=True, slots=True)
class Graded:
    """An entry of the manifest with its result and the folder of its pages; the result holds what people ruled.

    `absent` names why there is no work to grade, where nobody gave points by hand and `Export.absent` says what then goes
    out, or empty.  `is_namesake` says that another entry has the same name.
    """

    entry: Entry
    result: Result
    folder: Path
    absent: Unworked | Literal[""] = ""
    is_namesake: bool = False

    @property
    def label(self) -> str:
        """What people call the entry, with the system's id where another one is called the same."""
        return label(self.entry, is_namesake=self.is_namesake)


def label(entry: Entry, *, is_namesake: bool) -> str:
    """Return what people call an entry, with the system's id where another one is called the same."""
    name = entry.name or entry.student
    return (
        entry.student
        if is_namesake and entry.student.startswith(name)
        else name
        if not is_namesake
        else say("lms.label", name=name, student=entry.student)
    )


def namesakes(entries: Iterable[Entry]) -> frozenset[str]:
    """Return the identifiers of the entries that share their name with another one."""
    by_name: dict[str, list[str]] = {}
    for entry in entries:
        by_name.setdefault(unicodedata.normalize("NFC", entry.name).casefold(), []).append(entry.student)
    return frozenset(student for students in by_name.values() if len(students) > 1 for student in students)


@dataclass(frozen=True, slots=True)
class Collect:
    """What to collect: the LMS's exports, the folder to lay files out in, and a roster where names are ambiguous.

    `functions` are the names that the right notebook defines: they decide which of several files is graded. `mapping` is a
    mapping file in place of the system's own, `assignment` the one that is meant where a folder holds several (nbgrader).
    """

    exports: Sequence[Path]
    out: Path
    roster: Path | None = None
    functions: Sequence[str] = ()
    mapping: Path | None = None
    assignment: str | None = None


@dataclass(frozen=True, slots=True)
class Export:
    """What to export: graded entries, those that are held back with the reason (by `Entry.student`), and how.

    `template` is the LMS's own export that is filled in (a gradebook or worksheet), `column` names the assignment in it;
    `title` and `possible` are the exercise's; `absent` holds the points that entries without work to grade get, None
    leaves them blank; who is not in it gets the score. `nobody` are submissions that are nobody's.
    `out` is a folder, and is there.  `ask` shows a question to whoever sits at the terminal, and returns whether they said yes;
    None where nobody sits there.
    """

    manifest: Manifest
    graded: Sequence[Graded]
    out: Path
    title: str
    possible: float
    template: Path | None = None
    column: str | None = None
    absent: Mapping[str, Decimal | None] = field(default_factory=dict)
    held_back: Mapping[str, str] = field(default_factory=dict)
    nobody: tuple[str, ...] = ()
    mapping: Path | None = None
    ask: Callable[[str], bool] | None = None

    @property
    def assignment_id(self) -> str:
        """The system's own id of the assignment, empty where the download does not tell it."""
        assignment = self.manifest.assignment
        return str(assignment.get("id") or assignment.get("assignment_id") or "")

    def score(self, submission: Graded) -> Decimal | None:
        """Return the points that go out for an entry, out of `possible`; None where nothing is to be written."""
        return self.absent.get(submission.absent) if submission.absent else exact(submission.result.score)

    @property
    def left_blank(self) -> tuple[str, ...]:
        """A sentence that names those for whom nothing is written, if there are any."""
        names = [submission.label for submission in self.graded if self.score(submission) is None]
        return (say("lms.left_blank", names=tuple(names)),) if names else ()


@dataclass(frozen=True, slots=True)
class Run:
    """What a grader inside a system is asked.

    `root` is the folder that the system lays out; `visibility` says when students see the result (Gradescope); `part` is the
    part that is graded, `parts` holds an ``ID=FUNCTION`` for each (Coursera); `file` is the name that a hand-in should have.
    """

    root: Path
    exercise: str
    visibility: str = "visible"
    part: str | None = None
    parts: Sequence[str] = ()
    file: str | None = None


@dataclass(frozen=True, slots=True)
class Build:
    """What is to be brought into a system: `out` is the zip or folder to make, `options` go to every run there.

    `python` is the version of the system's Python, for which the wheels that the grader needs are put in, unless `online`.
    """

    out: Path
    exercise: str
    options: Sequence[str] = ()
    python: str = "3.10"
    online: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """The report of a collection or export, in sentences for whoever ran it.

    `files` were written, `messages` is what happened, `attention` what they should look at; `unaccounted` are members of an
    export that could not be told whose they are.
    """

    files: tuple[Path, ...] = ()
    messages: tuple[str, ...] = ()
    attention: tuple[str, ...] = ()
    unaccounted: tuple[str, ...] = ()
