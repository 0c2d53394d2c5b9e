"""What a push says: a line a student, what went through, and whom to look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from grader.lms.common import points

if TYPE_CHECKING:
    from grader.lms.common.system import Export
    from grader.lms.live.changes import Assignment, ChangeEnd, ChangeOutcome, GradeChange, Live, Push

MOST_NAMED = 10
ENDED: Mapping[ChangeEnd, str] = {
    "failed": "did not go through",
    "unanswered": "may have arrived",
    "not_tried": "was not tried",
}


@dataclass(frozen=True, slots=True)
class PushReport:
    """What a push did: sentences for whoever ran it, and how many did not go through or wait for a decision."""

    said: tuple[str, ...]
    attention: tuple[str, ...] = ()
    failed: int = 0
    waiting: int = 0


def report(
    request: Push, live: Live, assignment: Assignment, changes: Sequence[GradeChange], outcomes: Sequence[ChangeOutcome]
) -> PushReport:
    """Say what was done, or with `dry_run` what would be."""
    steps = Counter(change.step for change in changes)
    ended = Counter(outcome.ended for outcome in outcomes)
    shown = changes if request.dry_run else [change for change in changes if change.step != "same"]
    converted = points.converted(request.export.possible, assignment.possible)
    messages = [_heading(live, assignment), *converted, *_table(shown, outcomes, request.export)]
    if request.dry_run:
        messages.append(f"dry run: nothing was sent; {steps['send']} would be")
    else:
        messages.append(f"sent {ended['sent']} of {len(outcomes)}" if outcomes else "nothing to send")
    if steps["same"]:
        messages.append(f"{steps['same']} had it already")
    attention = [*assignment.attention]
    if steps["kept"]:
        attention.append(f"{steps['kept']} kept what a person decided; --overwrite replaces it")
    attention += _trouble(outcomes)
    bad = len(outcomes) - ended["sent"]
    if bad:
        attention.append(f"{bad} did not get everything: run the same command again, it sends only what is missing")
    waiting = steps["kept"] + steps["open"] + steps["nobody"]
    return PushReport(tuple(messages), tuple(attention), failed=bad, waiting=waiting)


def _heading(live: Live, assignment: Assignment) -> str:
    worth = "" if assignment.possible is None else f", {points.number(assignment.possible)} points"
    return f"{live.title}: “{assignment.title}”{worth} ({live.target})"


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
    width = max(map(len, ["student", *names, *(name for name, _ in held_back)]))
    ended = {outcome.change.wish.student: ", but not all of it" for outcome in outcomes if outcome.ended != "sent"}
    yield f"  {'student':{width}}  {'there':>7}  {'ours':>7}"
    for name, change in zip(names, changes, strict=True):
        theirs, ours = _grade(change.standing.grade), _grade(change.wish.grade)
        yield f"  {name:{width}}  {theirs:>7}  {ours:>7}  {_what(change)}{ended.get(change.wish.student, '')}"
    for name, why in held_back:
        yield f"  {name:{width}}  {'':>7}  {'':>7}  held back: {why}"


def _what(change: GradeChange) -> str:
    if change.step == "same":
        return "nothing to do"
    if change.step == "send":
        parts = [("grade", change.grade), ("comment", change.comment)]
        return " and ".join(name for name, sends in parts if sends)
    return change.why


def _trouble(outcomes: Sequence[ChangeOutcome]) -> Iterator[str]:
    """Yield who did not get what, together where the reason is the same."""
    names: dict[tuple[ChangeEnd, str], list[str]] = {}
    for outcome in outcomes:
        if outcome.ended != "sent":
            names.setdefault((outcome.ended, outcome.why), []).append(outcome.change.wish.name)
    for (ended, why), who in names.items():
        more = f" and {len(who) - MOST_NAMED} more" if len(who) > MOST_NAMED else ""
        yield f"{'; '.join(who[:MOST_NAMED])}{more}: {ENDED[ended]}: {why}"


def _grade(value: Decimal | None) -> str:
    return "-" if value is None else points.number(value)
