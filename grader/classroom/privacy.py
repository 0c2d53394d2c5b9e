"""Removes what a class's folder has of a person: from the store, the pages and the class's files."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from grader.classroom import manifest as manifests
from grader.classroom import remembered
from grader.classroom.folder import folders_of, left_over, opened, remove
from grader.classroom.lock import locked
from grader.messages import refusal, say
from grader.store import Decision, KnownSubmission, Store

_AGE = re.compile(r"([0-9]+)\s*([dwmy])")
_DAYS = {"d": 1, "w": 7, "m": 30, "y": 365}


@dataclass(frozen=True, slots=True)
class Removed:
    """What is removed: how many submissions, folders of pages and decisions of people, and the submissions' names."""

    submissions: int
    folders: int
    decisions: int
    names: tuple[str, ...] = ()


Agree = Callable[["Removed"], bool]  # is asked before anything is removed


def forget(
    out: Path, who: str, by: str = "", exercise: str | None = None, *, agree: Agree = lambda _: True
) -> Removed | None:
    """Remove all that the folder holds of one student: their submissions, pages, caches and rulings.

    `who` is their identifier, or the name or folder of one of their submissions; a file that is nobody's stands for itself.

    Raises
    ------
    RequestError
        If there is nobody of that name.
    """
    with opened(out) as store, locked(out, "forget"):
        remembered.exercise_for(store, exercise)
        records = store.known().values()
        students = {
            record.student
            for record in records
            if record.student and who in {record.student, record.name, record.folder}
        }
        names = [record.name for record in records if who in {record.name, record.folder} or record.student in students]
        ruled = [record.submission for record in store.ledger.decisions() if record.submission == who]
        if not names and not ruled and who not in _students(out) and not left_over(out, {who}):
            raise refusal("classroom.forget.nobody", who=who, out=out)
        return _remove(store, out, {who, *names}, _decision(by, say("classroom.forget.record")), agree)


def purge(
    out: Path, older_than: str, by: str = "", exercise: str | None = None, *, agree: Agree = lambda _: True
) -> Removed | None:
    """Remove what was graded longer ago than `older_than`: 180d, 26w, 6m or 1y.

    Raises
    ------
    RequestError
        If that is not a length of time.
    """
    before = datetime.now(timezone.utc) - age(older_than)
    with opened(out) as store, locked(out, "purge"):
        remembered.exercise_for(store, exercise)
        names = set(store.graded_before(before.isoformat(timespec="seconds")))
        decision = _decision(by, say("classroom.purge.record", age=older_than))
        return _remove(store, out, names, decision, agree)


def age(text: str) -> timedelta:
    """Read a length of time: days, weeks, months of 30 days or years of 365.

    Raises
    ------
    RequestError
        If it is none.
    """
    match = _AGE.fullmatch(text.strip().lower())
    if match is None or int(match[1]) > 100_000:
        number = text.strip()
        bare = number.isascii() and number.isdigit() and len(number) < 6
        examples = tuple(f"{number}{unit}" for unit in "dwmy") if bare else ("180d", "26w", "6m", "1y")
        raise refusal(
            f"classroom.purge.{'no_unit' if bare else 'duration'}",
            text=text,
            examples=examples,
            hint="classroom.purge.duration.hint",
        )
    return timedelta(days=int(match[1]) * _DAYS[match[2]])


def _decision(by: str, why: str) -> Decision:
    return Decision(by or "grader", "removed", "", reason=why)


def _remove(store: Store, out: Path, who: Collection[str], decision: Decision, agree: Agree) -> Removed | None:
    leaving = [record for record in store.known().values() if record.name in who]
    stay = [record for record in store.known().values() if record.name not in who]
    people = {*who, *(record.student for record in leaving if record.student)} - {record.student for record in stay}
    names = {record.name for record in leaving}
    folders = folders_of(store, out, names, people)
    of_them = {*who, *people}
    decisions = sum(record.submission in of_them for record in store.ledger.decisions())
    if not agree(Removed(len(leaving), len(folders), decisions, tuple(sorted(names)))):
        return None
    store.ignored = {name: why for name, why in store.ignored.items() if not _is_of(name, leaving, people)}
    return Removed(len(leaving), len(folders), remove(store, out, of_them, folders, decision))


def _is_of(ignored: str, leaving: Collection[KnownSubmission], people: Collection[str]) -> bool:
    """Return whether a file that was not graded was in the folder of a person, or has their name."""
    tops = {record.name.split("/")[0] for record in leaving if "/" in record.name}
    return ignored.split("/", maxsplit=1)[0] in tops or any(len(person) > 2 and person in ignored for person in people)


def _students(out: Path) -> set[str]:
    manifest = manifests.load(out)
    return {entry.student for entry in manifest.entries} if manifest else set()
