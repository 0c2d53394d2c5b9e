"""Results sent to a live LMS: what it holds is looked up first, then what is missing goes out, and what came of it is told.

`plan` is a pure function of what is wished, what the LMS holds and what the journal knows.  A grade that we did not send
ourselves was given by a person, so it stays unless the instructor asks to replace it.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from grader.errors import LiveError, Unanswered
from grader.lms.common import feedback, points
from grader.lms.common.system import Graded
from grader.lms.live.changes import (
    SETTLED_SECONDS,
    Assignment,
    ChangeOutcome,
    GradeChange,
    Live,
    Note,
    Push,
    Standing,
    Wish,
)
from grader.lms.live.journal import Journal, JournalLine, opened
from grader.lms.live.push_report import PushReport, report
from grader.messages import refusal, say


def push(
    request: Push,
    live: Live,
    *,
    progress: Callable[[int, int, str], None] = lambda _count, _all, _name: None,
    now: Callable[[], float] = time.time,
) -> PushReport:
    """Send what the LMS does not hold yet; with `dry_run` only say what that would be.

    Raises
    ------
    RequestError
        If the assignment is out of 0 points.
    LiveError
        If the LMS could not even be asked what it holds; then nothing was sent.
    """
    assignment = live.assignment()
    wishes = wished(request, assignment)
    standing = live.standing([wish.graded.entry for wish in wishes])
    with opened(request.folder, reading=request.dry_run) as journal:
        changes = [
            _planned(
                wish, standing.get(wish.student), JournalState.of(journal, live.target, wish, now()), request, live
            )
            for wish in wishes
        ]
        sends = any(change.step == "send" for change in changes)
        untried = live.rights(writing=not request.dry_run) if sends or request.dry_run else ()
        assignment = replace(assignment, attention=(*assignment.attention, *untried))
        note = Note(journal, live.target, now)
        outcomes = [] if request.dry_run else list(_sent(live, changes, note, progress))
    return report(request, live, assignment, changes, outcomes)


def _sent(
    live: Live, changes: Sequence[GradeChange], note: Note, progress: Callable[[int, int, str], None]
) -> Iterator[ChangeOutcome]:
    todo = [change for change in changes if change.step == "send"]
    for count, outcome in enumerate(live.send(todo, note) if todo else (), start=1):
        progress(count, len(todo), outcome.change.wish.name)
        yield outcome


@dataclass(frozen=True, slots=True)
class JournalState:
    """What the journal knows of one student: the grade that is ours, the comment that went out, and one that may have."""

    grades: frozenset[str | None] = frozenset({None})
    comment_sent: bool = False
    begun: JournalLine | None = None
    is_fresh: bool = False

    @classmethod
    def of(cls, journal: Journal, target: str, wish: Wish, now: float) -> JournalState:
        """Return what the journal says of a student."""
        parts = [journal.last(target, wish.student, part) for part in ("grade", "both")]
        sent = [journal.sent(target, wish.student, part) for part in ("grade", "both")]
        ours = {line.value for line in sent if line} or {None}
        ours |= {line.value for line in parts if line and line.step == "sending"}
        comments = [journal.sent(target, wish.student, part) for part in ("comment", "both")]
        begun = [journal.last(target, wish.student, part) for part in ("comment", "both")]
        open_line = next((line for line in begun if line and line.step == "sending"), None)
        return cls(
            grades=frozenset(ours),
            comment_sent=any(line and line.digest == wish.digest for line in comments),
            begun=open_line,
            is_fresh=open_line is not None and now - open_line.at < SETTLED_SECONDS,
        )


def _planned(wish: Wish, standing: Standing | None, history: JournalState, request: Push, live: Live) -> GradeChange:
    if standing is None:
        return GradeChange(wish, Standing(""), "nobody", why=say(f"lms.{live.name}.unknown"))
    return plan(wish, standing, history, overwrite=request.overwrite)


def plan(wish: Wish, standing: Standing, history: JournalState, *, overwrite: bool = False) -> GradeChange:
    """Return what is still to be sent for one student."""
    if wish.graded.absent and wish.grade is None:
        return GradeChange(wish, standing, "blank", why=say(f"lms.push.absent.{wish.graded.absent}"))
    if not overwrite and _is_of_a_person(wish, standing, history):
        return GradeChange(wish, standing, "kept", why=_kept(standing))
    grade = wish.grade is not None and not points.equal(standing.grade, wish.grade)
    comment = not _has_comment(wish, standing, history)
    if comment and history.is_fresh:
        why = say("lms.push.may_still_arrive")
        return GradeChange(wish, standing, "open", why=why)
    return GradeChange(wish, standing, "send" if grade or comment else "same", grade=grade, comment=comment)


def _is_of_a_person(wish: Wish, standing: Standing, history: JournalState) -> bool:
    """Whether what is there, or that nothing is, is neither what we would send nor what we sent before."""
    if standing.settled:
        return True
    if wish.grade is None:
        return standing.grade is not None
    ours = [wish.grade, *(None if value is None else Decimal(value) for value in history.grades)]
    return not any(points.equal(standing.grade, grade) for grade in ours)


def _kept(standing: Standing) -> str:
    if standing.settled:
        return say("lms.push.settled", why=standing.settled)
    if standing.grade is None:
        return say("lms.push.taken_away")
    return say("lms.push.graded_by", by=standing.by) if standing.by else say("lms.push.graded_by_person")


def _has_comment(wish: Wish, standing: Standing, history: JournalState) -> bool:
    """Whether the comment went out: the journal says so, or the LMS shows what was begun and never answered."""
    if history.comment_sent:
        return True
    if history.begun is not None and history.begun.part == "comment":
        return history.begun.digest == wish.digest and history.begun.note in standing.files
    return has_text(standing.comments, wish.comment)


def wished(request: Push, assignment: Assignment) -> list[Wish]:
    """Return what each graded entry is to get, in the assignment's points.

    Raises
    ------
    RequestError
        If the assignment is out of 0 points.
    """
    export = request.export
    scores = [(submission, export.score(submission)) for submission in export.graded]
    return [
        _wish(submission, None if score is None else points.out_of(score, export.possible, assignment.possible))
        for submission, score in scores
    ]


def _wish(submission: Graded, score: Decimal | None) -> Wish:
    page = submission.folder / feedback.PAGE
    comment = feedback.plain(submission.result)
    grade = None if score is None or submission.result.provisional else points.rounded(score)
    try:
        digest = hashlib.sha256(comment.encode("utf-8", "replace") + b"\0" + page.read_bytes()).hexdigest()
    except OSError as error:
        raise refusal("lms.unreadable", path=page, reason=error.strerror, hint="lms.regrade.hint") from None
    return Wish(submission, grade, comment, page, digest)


def stopping(changes: Iterable[GradeChange], error: LiveError) -> Iterator[ChangeOutcome]:
    """Yield for each change that it was not tried, because it would meet the error of the one before."""
    for change in changes:
        yield ChangeOutcome(change, "not_tried", _why(error))


def has_text(comments: Iterable[str], text: str) -> bool:
    """Whether one of the comments is this text, however its lines are broken; no text is always there."""
    return not text or " ".join(text.split()) in (" ".join(comment.split()) for comment in comments)


def is_final(error: LiveError) -> bool:
    """Whether the next student would meet this error as well: a refused token, a site that is down."""
    return not isinstance(error, Unanswered) and (error.status in {0, 401, 429} or error.status >= 500)


def failed(change: GradeChange, error: LiveError) -> ChangeOutcome:
    """Return the outcome of a change that an error stopped."""
    return ChangeOutcome(change, "unanswered" if isinstance(error, Unanswered) else "failed", _why(error))


def _why(error: LiveError) -> str:
    return f"{error.problem} ({error.hint})"
