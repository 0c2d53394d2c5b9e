"""What a push says: a line a student, what went through, and whom to look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from grader.lms.common import points
from grader.messages import listed, say

if TYPE_CHECKING:
    from grader.lms.common.system import Export
    from grader.lms.live.changes import Assignment, ChangeEnd, ChangeOutcome, GradeChange, Live, Push

MOST_NAMED = 10


@dataclass(frozen=True, slots=True)
class PushReport:
    """What a push did: sentences for whoever ran it, and how many did not go through or wait for a decision."""

    messages: tuple[str, ...]
    attention: tuple[str, ...] = ()
    failed: int = 0
    waiting: int = 0


def report(
    request: Push, live: Live, assignment: Assignment, changes: Sequence[GradeChange], outcomes: Sequence[ChangeOutcome]
) -> PushReport:
    """Return the report of a push: what was done, or with `dry_run` what would be done."""
    steps = Counter(change.step for change in changes)
    ended = Counter(outcome.ended for outcome in outcomes)
    shown = changes if request.dry_run else [change for change in changes if change.step != "same"]
    converted = points.converted(request.export.possible, assignment.possible)
    messages = [_heading(live, assignment), *converted, *_table(shown, outcomes, request.export)]
    if request.dry_run:
        messages.append(say("lms.push.dry", count=steps["send"]))
    else:
        messages.append(
            say("lms.push.sent", sent=ended["sent"], count=len(outcomes)) if outcomes else say("lms.push.nothing")
        )
    if steps["same"]:
        messages.append(say("lms.push.same", count=steps["same"]))
    attention = [*assignment.attention]
    if steps["kept"]:
        attention.append(say("lms.push.kept", count=steps["kept"]))
    attention += _trouble(outcomes)
    bad = len(outcomes) - ended["sent"]
    if bad:
        attention.append(say("lms.push.incomplete", count=bad))
    waiting = steps["kept"] + steps["open"] + steps["nobody"]
    return PushReport(tuple(messages), tuple(attention), failed=bad, waiting=waiting)


def _heading(live: Live, assignment: Assignment) -> str:
    values = {"system": live.title, "title": assignment.title, "address": live.target}
    return (
        say("lms.push.heading", **values)
        if assignment.possible is None
        else say("lms.push.heading_points", points=points.number(assignment.possible), **values)
    )


def _table(changes: Sequence[GradeChange], outcomes: Sequence[ChangeOutcome], export: Export) -> Iterator[str]:
    """Yield a line a student: the grade that is there, the grade that we have, and what happens or happened."""
    from grader.rendering.text import shorten

    short = {entry.student: shorten(entry.name or entry.student, 30) for entry in export.manifest.entries}
    times = Counter(short.values())  # also of names that differ only in what is cut off
    shown = {
        student: name if times[name] == 1 or name == student else f"{name} ({student})"
        for student, name in short.items()
    }
    names = [shown.get(change.wish.student, change.wish.name) for change in changes]
    held_back = [
        (shown[entry.student], export.held_back[entry.student])
        for entry in export.manifest.entries
        if entry.student in export.held_back
    ]
    student, theirs_title, ours_title = say("lms.push.student"), say("lms.push.theirs"), say("lms.push.ours")
    width = max(map(len, [student, *names, *(name for name, _ in held_back)]))
    partly = {outcome.change.wish.student for outcome in outcomes if outcome.ended != "sent"}
    yield f"  {student:{width}}  {theirs_title:>7}  {ours_title:>7}"
    for name, change in zip(names, changes, strict=True):
        what = say("lms.push.partly", what=_what(change)) if change.wish.student in partly else _what(change)
        theirs, ours = _grade(change.standing.grade), _grade(change.wish.grade)
        yield f"  {name:{width}}  {theirs:>7}  {ours:>7}  {what}"
    for name, why in held_back:
        yield f"  {name:{width}}  {'':>7}  {'':>7}  {say('lms.push.held_back', why=why)}"


def _what(change: GradeChange) -> str:
    if change.step == "same":
        return say("lms.push.step.same")
    if change.step == "send":
        parts = [(say("lms.push.grade"), change.grade), (say("lms.push.comment"), change.comment)]
        return listed(name for name, sends in parts if sends)
    return change.why


def _trouble(outcomes: Sequence[ChangeOutcome]) -> Iterator[str]:
    """Yield who did not get what, together where the reason is the same."""
    names: dict[tuple[ChangeEnd, str], list[str]] = {}
    for outcome in outcomes:
        if outcome.ended != "sent":
            names.setdefault((outcome.ended, outcome.why), []).append(outcome.change.wish.name)
    for (ended, why), who in names.items():
        more = [say("lms.push.more", count=len(who) - MOST_NAMED)] if len(who) > MOST_NAMED else []
        yield say(f"lms.push.ended.{ended}", names="; ".join([*who[:MOST_NAMED], *more]), why=why)


def _grade(value: Decimal | None) -> str:
    return "-" if value is None else points.number(value)
