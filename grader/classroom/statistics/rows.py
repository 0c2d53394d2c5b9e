"""Rows of a class: what its pages, tables and files need of each submission, and no more."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain

from grader.classroom.review import reasons
from grader.explaining import cause_title
from grader.messages import say
from grader.records import Cause, Diagnosis, FunctionResult, FunctionStatus, NotebookStatus, Result, Sweep, Verdict

READ = ("ok", "repaired")
OWN = re.compile(r"\s*[;\uff1b]")  # what follows is what one submission gives


@dataclass(frozen=True, slots=True)
class Check:
    """The verdict of a check, and its points."""

    name: str
    verdict: Verdict
    points: float
    possible: float


@dataclass(frozen=True, slots=True)
class FunctionRow:
    """One function of a submission; equal parts of a class are one object."""

    name: str
    status: FunctionStatus
    points: float
    possible: float
    passed: bool
    provisional: bool
    ruled: bool
    checks: tuple[Check, ...]
    diagnosis: Diagnosis
    train_accuracy: float | None
    test_accuracy: float | None
    evidence_sha256: str


@dataclass(frozen=True, slots=True)
class SubmissionRow:
    """One submission; `reasons` say why a person has to look at it, `folder` holds its page.

    It does not count where another file of the same student does.  `late` and `handed_in` are what an LMS says of its time.
    """

    name: str
    folder: str
    student: str | None
    score: float
    possible: float
    status: NotebookStatus
    provisional: bool
    passed: bool
    reasons: tuple[str, ...]
    headline: str
    seconds: float
    parts: tuple[FunctionRow, ...]
    counts: bool = True
    machine_score: float = 0.0
    adjusted: bool = False
    late: bool | None = None
    handed_in: str = ""

    @property
    def read(self) -> bool:
        """Whether the notebook could be read, so that its functions could be judged."""
        return self.status in READ

    @property
    def settled(self) -> bool:
        """Whether the score is that of a student's work alone: read, judged in full, and of the file that counts."""
        return self.read and not self.provisional and self.counts

    @property
    def ruled(self) -> tuple[str, ...]:
        """The functions whose points a person changed."""
        return tuple(part.name for part in self.parts if part.ruled)

    @property
    def causes(self) -> Iterator[tuple[str, str]]:
        """The causes as (function, cause), of a notebook that could be read."""
        if self.read:
            yield from ((part.name, cause) for part in self.parts for cause in part.diagnosis.causes)


@dataclass(frozen=True, slots=True)
class CauseWords:
    """A cause in words that hold for everybody who has it; `reason` is empty where it is not the same for all."""

    title: str
    action: str
    reason: str

    def shared(self, other: CauseWords, title: str) -> CauseWords:
        """Return what is the same in both, under a title that holds for both."""
        action, reason = (
            mine if mine == theirs else ""
            for mine, theirs in ((self.action, other.action), (self.reason, other.reason))
        )
        return CauseWords(self.title if self.title == other.title else title, action, reason)


@dataclass(frozen=True, slots=True)
class Line:
    """All that a class needs of one submission: its row, and the words of its causes (by function) and checks."""

    title: str
    exercise: str
    row: SubmissionRow
    causes: tuple[tuple[str, str, CauseWords], ...]
    checks: Mapping[str, str]


@dataclass(slots=True)
class Classroom:
    """Every row, by name, with the words that they share: of causes by function and code, of checks by name."""

    title: str = ""
    exercise: str = ""
    sweep: Sweep | None = None
    rows: list[SubmissionRow] = field(default_factory=list)
    functions: tuple[str, ...] = ()
    causes: dict[tuple[str, str], CauseWords] = field(default_factory=dict)
    checks: dict[str, str] = field(default_factory=dict)

    def words(self, function: str, cause: str) -> CauseWords:
        """Return the words of a cause, or its code where an older result has none."""
        return self.causes.get((function, cause)) or CauseWords(cause.replace("_", " "), "", "")


def gather(
    entries: Iterable[tuple[str, float, Result]],
    *,
    seen: Collection[str] = (),
    lines: Iterable[Line] = (),
    nobody: Collection[str] = (),
) -> Classroom:
    """Read folder, seconds and result of each submission once, and keep a row of it; `lines` are those read before.

    `seen` are the submissions that a person has looked at: nothing is left to look at there; `nobody` are those that are
    nobody's in a class of which it is known who is in it.
    """
    classroom = Classroom()

    def read() -> Iterator[Line]:
        for folder, seconds, result in entries:
            classroom.sweep = result.sweep or classroom.sweep
            yield line(folder, seconds, result)

    every = (
        replace(line, row=replace(line.row, reasons=())) if line.row.name in seen else line
        for line in chain(lines, read())
    )
    assemble(every, classroom)
    left = set(nobody) - set(seen)
    classroom.rows = [
        replace(row, reasons=(*row.reasons, say("classroom.reason.nobody"))) if row.name in left else row
        for row in classroom.rows
    ]
    return classroom


def assemble(lines: Iterable[Line], classroom: Classroom | None = None) -> Classroom:
    """Return a class of lines; equal parts become one object."""
    classroom = classroom or Classroom()
    parts_seen: dict[FunctionRow, FunctionRow] = {}
    for line in lines:
        classroom.title, classroom.exercise = line.title, line.exercise
        parts = tuple(parts_seen.setdefault(part, part) for part in line.row.parts)
        classroom.functions = max(classroom.functions, tuple(part.name for part in parts), key=len)
        classroom.rows.append(replace(line.row, parts=parts))
        for name, title in line.checks.items():
            classroom.checks.setdefault(name, title)
        for function, cause, words in line.causes:
            before = classroom.causes.setdefault((function, cause), words)
            if before != words:
                general = cause_title(cause) or min(before.title, words.title)
                classroom.causes[function, cause] = before.shared(words, general)
    classroom.rows.sort(key=lambda row: (row.name.casefold(), row.name, row.folder))
    return classroom


def line(folder: str, seconds: float, result: Result) -> Line:
    """Return all that the class's pages, tables and files need of a result."""
    functions = result.functions.items()
    row = SubmissionRow(
        name=result.submission.name,
        folder=folder,
        student=result.submission.student,
        score=result.score,
        possible=result.possible,
        status=result.notebook.status,
        provisional=result.provisional,
        passed=result.passed,
        reasons=reasons(result),
        headline=result.summary.headline,
        seconds=seconds,
        parts=tuple(_part(name, function) for name, function in functions),
        counts=result.notebook.counts,
        machine_score=result.score if result.machine_score is None else result.machine_score,
        adjusted=bool(result.adjustments),
    )
    causes = tuple((name, cause.code, general_words(cause)) for name, function in functions for cause in function.told)
    checks = {check.name: check.title for _, function in functions for check in function.checks}
    return Line(result.title, result.exercise, row, causes, checks)


def _part(name: str, function: FunctionResult) -> FunctionRow:
    training = function.training
    return FunctionRow(
        name=name,
        status=function.status,
        points=function.points,
        possible=function.possible,
        passed=function.passed,
        provisional=function.provisional,
        ruled=function.ruling is not None,
        checks=tuple(Check(check.name, check.verdict, check.points, check.possible) for check in function.checks),
        diagnosis=function.diagnosis,
        train_accuracy=training.train_accuracy if training else None,
        test_accuracy=training.test_accuracy if training else None,
        evidence_sha256=function.evidence_sha256,
    )


def general_words(cause: Cause) -> CauseWords:
    """Return a cause's words without what one submission wrote."""
    return CauseWords(cause.title, OWN.split(cause.action, maxsplit=1)[0], cause.reason)
