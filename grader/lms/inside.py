"""Graders that run inside a system: one hand-in lies in a folder, one result file is expected; whatever happens, it says so.

The first result file stands before anything is read and says that grading did not finish.  It is replaced as a whole.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from grader import service, submissions
from grader.errors import GraderError, RequestError
from grader.exercise import Exercise
from grader.lms.system import Done
from grader.records import Result
from grader.report.text import one_line

UNFINISHED = "Grading began and did not finish."
OURS = "That is a fault of the grader or of its installation, not yours: this is no score. Your teacher has to look at it."
RESERVE_BYTES = 256 << 20  # what grader, worker and system take of a container besides the student's function
LEAST_BYTES = 128 << 20
MOST_READ_BYTES = 64 << 20
MOST_NAMED = 5
_MEMORY_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


@dataclass(frozen=True, slots=True)
class Run:
    """What a grader inside a system is asked.

    `root` is the folder that the system laid out; `visibility` says when students see the result (Gradescope); `part` is the
    part that is graded and `parts` maps such parts to functions (Coursera); `file` is the name that a hand-in should have.
    """

    root: Path
    exercise: str
    visibility: str = "visible"
    part: str | None = None
    parts: Sequence[str] = ()
    file: str | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict on a hand-in, and what else to say of it; without a result, `failure` says what went wrong in us."""

    result: Result | None = None
    notes: tuple[str, ...] = ()
    failure: str = ""

    @property
    def settled(self) -> Result | None:
        """The result if every part of it was judged: only then is there a score."""
        return None if self.result is None or self.result.provisional else self.result

    @property
    def excuse(self) -> tuple[str, ...]:
        """Why there is no score, in sentences for the student; nothing where there is one."""
        if self.settled is not None:
            return ()
        return (self.failure or "A part could not be judged.", OURS)


Runner = Callable[[Run], Done]


def graded(request: Run, folder: str, write: Callable[[Judged], Path]) -> Done:
    """Grade the hand-in in `folder` of the root; `write` puts a result file in place, first that of a run that did not finish.

    Raises
    ------
    RequestError
        If there is no such root, or the result file cannot be written: then there is nothing to tell the system with.
    """
    if not request.root.is_dir():
        raise RequestError(f"there is no folder {request.root}", hint="--root is the folder that the system lays out")
    write(Judged(failure=UNFINISHED))
    judged = _judged(request, request.root / folder)
    path = write(judged)
    if judged.result is None:
        sys.stderr.write(f"grader: no verdict: {one_line(judged.failure)}\n")
        return Done(files=(path,), attention=(judged.failure,))
    return Done(files=(path,), said=(judged.result.summary.headline, *judged.notes))


def _judged(request: Run, folder: Path) -> Judged:
    """Return the verdict, or what went wrong in us; nothing is raised."""
    try:
        exercise = service.load_exercise(request.exercise)
        if not folder.is_dir():
            return Judged(failure=f"The folder of the hand-in, {folder.name}, is not there.")
        service.require_confinement(trusted=False)
        chosen, notes = choose(folder, exercise.names, request.file)
        name = "(nothing)" if chosen is None else chosen.name
        path = None if chosen is None else chosen.path
        return Judged(service.grade_once(path, name, exercise, memory_bytes=job_bytes(exercise)), notes)
    except GraderError as error:
        return Judged(failure=f"{one_line(error.problem)}.")
    except Exception as error:
        return Judged(failure=f"The grader itself failed ({type(error).__name__}).")


def choose(
    folder: Path, functions: Sequence[str], wanted: str | None = None
) -> tuple[submissions.Submission | None, tuple[str, ...]]:
    """Return the file of a hand-in that counts, and sentences about the others.

    It is the one called `wanted`; else the one that defines most of the functions, a notebook before a script, and of
    equals the first by name.
    """
    found = submissions.find([folder])
    if not found.submissions:
        return None, _ignored(found.ignored)
    ranked = sorted(found.submissions, key=lambda one: _rank(one, functions, wanted))
    first, *others = ranked
    if not others:
        return first, ()
    passed = _names([other.name for other in others])
    rule = "the file that defines the most of the functions counts, of equals the first by name"
    return first, (f"{len(ranked)} files were handed in; {first.name} was graded and {passed} not: {rule}.",)


def _rank(one: submissions.Submission, functions: Sequence[str], wanted: str | None) -> tuple[bool, int, bool, str]:
    text = b""
    with suppress(OSError):
        if one.path.stat().st_size <= MOST_READ_BYTES:
            text = one.path.read_bytes()
    defined = sum(f"def {name}".encode() in text for name in functions)
    return one.name != wanted, -defined, one.path.suffix.lower() != ".ipynb", one.name


def _ignored(names: Sequence[str]) -> tuple[str, ...]:
    return (f"What was handed in is no notebook: {_names(names)}.",) if names else ()


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(one_line(name) for name in names[:MOST_NAMED]) + more


def job_bytes(exercise: Exercise, limits: Sequence[str] = _MEMORY_LIMITS) -> int:
    """Return the memory that a function may use here: the exercise's, or what the container leaves for it."""
    for path in limits:
        with suppress(OSError, ValueError):
            room = int(Path(path).read_text(encoding="ascii")) - RESERVE_BYTES
            return min(exercise.limits.memory_bytes, max(room, LEAST_BYTES))
    return exercise.limits.memory_bytes
