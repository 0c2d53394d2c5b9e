"""Forgetting: what a class's folder holds of somebody goes, from the store, the pages and the class's files."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import msgspec

from grader import batch
from grader import manifest as manifests
from grader.errors import RequestError
from grader.exercise import Exercise
from grader.lms import journal
from grader.records import SubmissionInfo
from grader.store import Decision, Known, Store, write

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


class _Named(msgspec.Struct):
    """What of a result says whose it is."""

    submission: SubmissionInfo


def forget(out: Path, exercise: Exercise, who: str, by: str = "", *, agree: Agree = lambda _: True) -> Removed | None:
    """Remove all that the folder holds of one student: their submissions, pages, caches and rulings.

    `who` is their identifier, or the name or folder of one of their submissions; a file that is nobody's stands for itself.

    Raises
    ------
    RequestError
        If there is nobody of that name.
    """
    with batch.opened(out) as store:
        known = store.known().values()
        students = {one.student for one in known if one.student and who in {one.student, one.name, one.folder}}
        names = [one.name for one in known if who in {one.name, one.folder} or one.student in students]
        ruled = [one.submission for one in store.ledger.decisions() if one.submission == who]
        if not names and not ruled and who not in _students(out) and not _left_over(out, {who}):
            raise RequestError(
                f"there is nothing of {who!r} in {out}",
                hint="give the student, name or folder of a submission as they stand in grades.csv",
            )
        return _remove(store, out, exercise, {who, *names}, _decision(by, "a person was forgotten"), agree)


def purge(
    out: Path, exercise: Exercise, older_than: str, by: str = "", *, agree: Agree = lambda _: True
) -> Removed | None:
    """Remove what was graded longer ago than `older_than`: 180d, 26w, 6m or 1y.

    Raises
    ------
    RequestError
        If that is no length of time.
    """
    before = datetime.now(timezone.utc) - age(older_than)
    with batch.opened(out) as store:
        names = set(store.graded_before(before.isoformat(timespec="seconds")))
        decision = _decision(by, f"what was older than {older_than} was removed")
        return _remove(store, out, exercise, names, decision, agree)


def age(text: str) -> timedelta:
    """Read a length of time: days, weeks, months of 30 days or years of 365.

    Raises
    ------
    RequestError
        If it is none.
    """
    found = _AGE.fullmatch(text.strip().lower())
    if found is None or int(found[1]) > 100_000:
        number = text.strip()
        bare = number.isascii() and number.isdigit() and len(number) < 6
        hint = f"{number}d, {number}w, {number}m or {number}y" if bare else "180d, 26w, 6m or 1y"
        raise RequestError(
            f"{text!r} is not a duration" + (": it has no unit" if bare else ""),
            hint=f"give days, weeks, months or years: {hint}",
        )
    return timedelta(days=int(found[1]) * _DAYS[found[2]])


def _decision(by: str, why: str) -> Decision:
    return Decision(by or "grader", "removed", "", reason=why)


def _remove(
    store: Store, out: Path, exercise: Exercise, who: Collection[str], decision: Decision, agree: Agree
) -> Removed | None:
    known = [one for one in store.known().values() if one.name in who]
    stay = [one for one in store.known().values() if one.name not in who]
    people = {*who, *(one.student for one in known if one.student)} - {one.student for one in stay}
    left_over = _left_over(out, people) - {out / one.folder for one in stay}
    folders = {out / one.folder for one in known} | left_over
    of_them = {*who, *people}
    decisions = sum(decision.submission in of_them for decision in store.ledger.decisions())
    if not agree(Removed(len(known), len(folders), decisions, tuple(sorted(one.name for one in known)))):
        return None
    store.ignored = {name: why for name, why in store.ignored.items() if not _is_of(name, known, people)}
    decisions = store.forget(of_them, decision)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
    for draft in (*out.glob(".*.tmp"), *out.glob("*/.*.tmp")):  # of a run that was killed while it wrote
        draft.unlink(missing_ok=True)
    _cut_manifest(out, people)
    journal.forget(out, people)
    batch.publish(store, out, exercise, ())
    store.compact()
    return Removed(len(known), len(folders), decisions)


def _is_of(ignored: str, known: Collection[Known], people: Collection[str]) -> bool:
    """Return whether a file that was passed over lay in the folder of somebody, or bears their name."""
    tops = {one.name.split("/")[0] for one in known if "/" in one.name}
    return ignored.split("/", maxsplit=1)[0] in tops or any(len(one) > 2 and one in ignored for one in people)


def _left_over(out: Path, people: Collection[str]) -> set[Path]:
    """Return folders of pages of these people that the store does not know: of a run that was killed."""
    found = set()
    for path in out.glob("*/result.json"):
        try:
            submission = msgspec.json.decode(path.read_bytes(), type=_Named).submission
        except (OSError, msgspec.DecodeError):
            continue
        if {submission.name, submission.student, path.parent.name} & set(people):
            found.add(path.parent)
    return found


def _students(out: Path) -> set[str]:
    manifest = manifests.load(out)
    return {entry.student for entry in manifest.entries} if manifest else set()


def _cut_manifest(out: Path, people: Collection[str]) -> None:
    manifest = manifests.load(out)
    if manifest is not None:
        kept = tuple(one for one in manifest.entries if one.student not in people and one.file not in people)
        if len(kept) < len(manifest.entries):
            cut = msgspec.structs.replace(manifest, entries=kept)
            write(out / manifests.FILE, manifests.encode(cut), private=True)
