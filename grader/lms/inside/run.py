"""Graders that run inside a system: one hand-in lies in a folder, one result file is expected; whatever happens, it says so.

The first result file is written before anything is read, and says that grading did not finish.  It is replaced as a whole.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from grader import api as service
from grader.classroom import submissions
from grader.errors import GraderError, RequestError
from grader.exercise.load import Exercise
from grader.files import write
from grader.lms.common.choice import done_in, is_notebook
from grader.lms.common.system import Done, Run
from grader.messages import listed, refusal, say
from grader.reading.notebook import SOURCE_LIMIT_BYTES
from grader.records import Result
from grader.rendering.text import one_line
from grader.store import refuse_self_check

RESERVE_BYTES = 256 << 20  # what grader, worker and system need in a container, in addition to the student's function
LEAST_BYTES = 128 << 20
MOST_NAMED = 5
GROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class JudgedHandIn:
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
        return (self.failure or say("lms.inside.in_part"), say("lms.inside.ours"))


def graded(
    request: Run,
    folder: str,
    put: Callable[[JudgedHandIn], None],
    *,
    part: Callable[[Sequence[str]], Sequence[str]] | None = None,
) -> JudgedHandIn:
    """Grade the hand-in in `folder` of the root; `put` writes the result file, first that of a run that did not finish.

    Where the system grades a part at a time, `part` returns which of the exercise's functions the summary speaks of.

    Raises
    ------
    RequestError
        If there is no such root, or the result file cannot be written: then there is nothing to tell the system with.
    """
    if not request.root.is_dir():
        raise refusal("lms.inside.no_root", root=request.root, hint="lms.inside.root.hint")
    put(JudgedHandIn(failure=say("lms.inside.unfinished")))
    judged = _judged(request, request.root / folder, part)
    put(judged)
    return judged


def done(judged: JudgedHandIn, path: Path, messages: Sequence[str] = ()) -> Done:
    """Return what a run has to say to staff: on no system does the student see it."""
    if judged.result is None:
        return Done((path,), tuple(messages), (say("lms.inside.no_score", failure=judged.failure),))
    unsettled = (say("lms.inside.no_score_in_part"),) if judged.settled is None else ()
    return Done((path,), (judged.result.summary.headline, *judged.notes, *messages), unsettled)


def number(value: float) -> float:
    """Return points without the binary rest that sums of floats have."""
    return round(value, 6)


def put_json(path: Path, document: Mapping[str, object]) -> None:
    """Write a JSON file whole, in a folder that is made if need be; numbers that JSON does not have are a fault of ours."""
    try:
        path.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise refusal(
            "lms.cannot_be_made", path=path.parent, reason=error.strerror, hint="lms.inside.root.hint"
        ) from None
    write(path, json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def _judged(request: Run, folder: Path, part: Callable[[Sequence[str]], Sequence[str]] | None) -> JudgedHandIn:
    """Return the verdict, or what went wrong in us; nothing is raised."""
    try:
        exercise = service.load_exercise(request.exercise)
        if not folder.is_dir():
            return JudgedHandIn(failure=say("lms.inside.no_hand_in", folder=folder.name))
        service.require_confinement(trusted=False)
        chosen, notes = choose(folder, exercise.names, request.file)
        name = say("lms.inside.nothing") if chosen is None else chosen.name
        with ExitStack() as unpacked:
            path = None if chosen is None else unpacked.enter_context(submissions.opened(chosen))
            names = () if part is None else part(exercise.names)
            graded = service.grade_once(path, name, exercise, memory_bytes=job_bytes(exercise), part=names)
            refuse_self_check(name, graded.self_check)
            return JudgedHandIn(graded, notes)
    except GraderError as error:
        return JudgedHandIn(failure=f"{one_line(error.problem)}.")
    except Exception as error:
        return JudgedHandIn(failure=say("lms.inside.failed", name=type(error).__name__))


def choose(
    folder: Path, functions: Sequence[str], wanted: str | None = None
) -> tuple[submissions.Submission | None, tuple[str, ...]]:
    """Return the file of a hand-in that counts, and sentences about the others.

    It is the one called `wanted`; else the one in which most of the functions are filled in, a notebook before a script,
    and of equals the last by name.
    """
    listing = submissions.find([folder], submissions.Wanted(functions), collected=False)
    if not listing.submissions:
        ignored = sorted(listing.ignored)
        return None, (say("lms.inside.no_notebook", names=_names(ignored)),) if ignored else ()
    *others, counts = sorted(listing.submissions, key=lambda submission: _rank(submission, functions, wanted))
    if not others:
        return counts, ()
    passed = _names([other.name for other in others])
    values = {"count": len(others) + 1, "name": one_line(counts.name), "others": passed}
    if counts.name == wanted:
        return counts, (say("lms.inside.graded_by_name", **values),)
    return counts, (say("lms.inside.graded_by_work", **values),)


def _rank(
    submission: submissions.Submission, functions: Sequence[str], wanted: str | None
) -> tuple[bool, tuple[int, int], bool, str]:
    data = b""
    with suppress(OSError, RequestError):
        if submissions.unpacked_bytes(submission) <= SOURCE_LIMIT_BYTES:
            with submissions.opened(submission) as path:
                data = path.read_bytes() if path.stat().st_size <= SOURCE_LIMIT_BYTES else b""
    return (
        submission.name == wanted,
        done_in(data, submission.name, functions),
        is_notebook(submission.name),
        submission.name,
    )


def _names(names: Sequence[str]) -> str:
    more = [say("lms.push.more", count=len(names) - MOST_NAMED)] if len(names) > MOST_NAMED else []
    return listed([*(one_line(name) for name in names[:MOST_NAMED]), *more])


def job_bytes(exercise: Exercise, proc: Path = Path("/proc/self/cgroup"), groups: Path = GROUPS) -> int:
    """Return the memory that a function may use here: the exercise's, or what the container leaves for it."""
    most = exercise.limits.memory_bytes
    for path in _memory_limits(proc, groups):
        with suppress(OSError, ValueError):
            most = min(most, int(path.read_text(encoding="ascii")) - RESERVE_BYTES)
    return max(most, LEAST_BYTES)


def _memory_limits(proc: Path, groups: Path) -> list[Path]:
    """Return the files that may have the limits of this process, in both versions of control groups; in containers at the top."""
    own = []
    with suppress(OSError, ValueError):
        own = [line.split(":", 2) for line in proc.read_text(encoding="utf-8").splitlines()]
    older = [groups / "memory" / path.strip("/") for _, controllers, path in own if controllers == "memory"]
    newer = [groups / path.strip("/") for _, controllers, path in own if not controllers]
    return [
        *(folder / "memory.limit_in_bytes" for folder in (groups / "memory", *older)),
        *(folder / "memory.max" for folder in (groups, *newer)),
    ]
