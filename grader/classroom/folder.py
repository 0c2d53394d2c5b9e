"""A class's folder: it is opened, repaired after a killed command, published from the store, and cleaned of people who ask.

The store is the truth.  Pages and gradebook are made from it, so whatever a killed command has left half done is found
by comparing them with the store, and made again.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import msgspec

from grader.classroom import manifest as manifests
from grader.classroom import remembered
from grader.classroom import roster as rosters
from grader.classroom import worker as work
from grader.classroom.lock import locked_if_free
from grader.classroom.publish import lab_address, write_class
from grader.classroom.statistics import Line, gather
from grader.exercise.load import Exercise
from grader.files import cut_lines, write
from grader.messages import refusal, say
from grader.records import SubmissionInfo
from grader.store import Decision, KnownSubmission, Store, digest, ruled

DATABASE = "grades.sqlite"
PUSHED = "push.jsonl"  # what went to an LMS: a line a step, each with its student
_PUBLISHED = "published"  # what the store notes of the class's files: what they were made from, and their sizes
_CLASS_FILES = ("index.html", "grades.csv", "grades.jsonl")


class _Pending(msgspec.Struct, frozen=True):
    """What is left to be removed of people outside of the store."""

    folders: list[str]
    people: list[str]


class _Published(msgspec.Struct, frozen=True):
    """What the class's files were made from, and how large they are."""

    version: bytes
    sizes: list[int]


def opened(out: Path) -> Store:
    """Open the store of a folder that a batch wrote, and repair what a killed command has left.

    Raises
    ------
    RequestError
        If `out` does not exist, nothing was graded into it, or its store is missing or damaged.
    """
    if not out.exists():
        raise refusal("classroom.folder.missing", out=out)
    if not (out / DATABASE).is_file() and not _has_results(out):
        raise refusal("classroom.folder.nothing", out=out)
    require_whole_store(out)
    store = Store(out / DATABASE)
    try:
        with locked_if_free(out, "review") as free:
            if free:  # who holds the folder makes it right when they end
                settle(store, out)
    except BaseException:
        store.__exit__(None, None, None)
        raise
    return store


def require_whole_store(out: Path) -> None:
    """Refuse a missing, empty or cut-off store beside results: it is not that of a new class.

    Raises
    ------
    RequestError
        If there are results and no store that could have made them.
    """
    if _has_results(out) and not Store.is_there(out / DATABASE):
        raise refusal(
            f"classroom.folder.{'damaged' if (out / DATABASE).exists() else 'no'}_store",
            path=out / DATABASE,
            hint="classroom.folder.no_store.hint",
        )


def _has_results(out: Path) -> bool:
    return (out / "grades.csv").exists() or next(out.glob("*/result.json"), None) is not None


def settle(store: Store, out: Path) -> None:
    """Finish what a killed command left half done: a removal, rulings in one of two places, pages that differ from the store."""
    finish_removal(store, out)
    store.ledger.agree()
    stale = stale_pages(store, out)
    if stale or not _is_published(store, out):
        publish(store, out, remembered.exercise_of(store), stale)


# --- publishing ----------------------------------------------------------------------------------------------------


def nobodys(store: Store) -> tuple[str, ...]:
    """Return the submissions that belong to nobody, of a class whose members are known."""
    if remembered.roster_of(store) is None:
        return ()
    return tuple(name for name, record in store.known().items() if record.student is None)


def publish(store: Store, out: Path, exercise: Exercise, names: Iterable[str]) -> None:
    """Write the pages of some submissions and the class's files again, after people decided something."""
    standing, records, lab = store.ledger.standing(), store.known(), lab_address(exercise, out)
    for name in names:
        decisions = standing.get(name, ())
        result = ruled(store.result(name), decisions)
        folder = out / records[name].folder
        work.write_pages(folder, result, lab=lab)
        work.write_annotated(folder, result)
        store.put_standing(name, work.standing(result), pages=work.page_stats(folder), decided=digest(decisions))
    publish_class(store, out, exercise)


def publish_class(store: Store, out: Path, exercise: Exercise, lines: Mapping[str, bytes] | None = None) -> None:
    """Write the class's files again from the store; `lines` are those of submissions that were done just now.

    Where people decided something, perhaps meanwhile, the store is read; what they decide while we write is written next.
    """
    while True:
        version = store.version()
        _write_class(store, out, exercise, lines)
        if store.version() == version:
            break
        lines = None
    sizes = [(out / name).stat().st_size for name in _CLASS_FILES]
    store.set_note(_PUBLISHED, msgspec.msgpack.encode(_Published(version, sizes)))


def _write_class(store: Store, out: Path, exercise: Exercise, lines: Mapping[str, bytes] | None) -> None:
    decided = {decision.submission for decision in store.ledger.decisions()}
    new_lines = {name: line for name, line in (lines or {}).items() if name not in decided}
    classroom = gather(
        store.results(without=new_lines.keys()),
        seen=store.seen(),
        nobody=nobodys(store),
        lines=(msgspec.msgpack.decode(line, type=Line) for line in new_lines.values()),
    )
    if classroom.sweep is None:  # it is the same in every result
        classroom.sweep = next((store.result(name).sweep for name in new_lines), None)
    times = {entry.student: entry for entry in _told_times(out)}
    classroom.rows = [
        replace(row, late=times[row.student].late, handed_in=times[row.student].handed_in)
        if row.student in times
        else row
        for row in classroom.rows
    ]
    write_class(classroom, out, exercise, ignored=store.ignored)


def _told_times(out: Path) -> list[manifests.Entry]:
    """Return the entries of a class of which the LMS says when they were handed in, or whether it was late."""
    manifest = manifests.load(out)
    return [entry for entry in manifest.entries if entry.late is not None or entry.handed_in] if manifest else []


def late(store: Store, out: Path) -> dict[str, str]:
    """Return the submissions that were handed in late, as the LMS says, each in words."""
    times = {entry.student: entry.handed_in for entry in _told_times(out) if entry.late}
    late = {name: times[record.student] for name, record in store.known().items() if record.student in times}
    return {
        name: say("classroom.late.when", when=time) if time else say("classroom.late") for name, time in late.items()
    }


def _is_published(store: Store, out: Path) -> bool:
    """Return whether the class's files are those of the store as it is."""
    data = store.note(_PUBLISHED)
    try:
        sizes = [(out / name).stat().st_size for name in _CLASS_FILES]
    except OSError:
        return False
    return data is not None and msgspec.msgpack.decode(data, type=_Published) == _Published(store.version(), sizes)


def stale_pages(store: Store, out: Path) -> list[str]:
    """Return the submissions whose pages are not those that were written for what the store holds of them."""
    standing = store.ledger.standing()
    return [name for name, record in store.known().items() if not _agrees(out, record, standing.get(name, ()))]


def _agrees(out: Path, record: KnownSubmission, decisions: Collection[Decision]) -> bool:
    """Return whether a submission's pages are those that were written for what the store holds of it."""
    if record.decided != digest(decisions):
        return False
    return not record.pages or record.pages == work.page_stats(out / record.folder)  # an older store did not note them


# --- removing ------------------------------------------------------------------------------------------------------


def folders_of(store: Store, out: Path, names: Collection[str], people: Collection[str]) -> set[str]:
    """Return the folders with pages of some submissions and people, also those that a killed run left."""
    records = store.known()
    stay = {record.folder for name, record in records.items() if name not in names}
    left = {path.name for path in left_over(out, people)} - stay
    return {records[name].folder for name in names if name in records} | left


def remove(store: Store, out: Path, people: Collection[str], folders: Collection[str], note: Decision) -> int:
    """Remove people, and submissions of these names, from the store and beside it; return how many decisions went.

    A removal that is stopped halfway is finished by the next command: what is left to do is in the store.
    """
    pending = msgspec.msgpack.encode(_Pending(sorted(folders), sorted(people)))
    decisions = store.forget(people, note, pending)
    finish_removal(store, out)
    return decisions


def finish_removal(store: Store, out: Path) -> None:
    """Remove outside of the store what a removal from it has left; where nothing is left, nothing is done."""
    data = store.note("forgetting")
    if data is None:
        return
    pending = msgspec.msgpack.decode(data, type=_Pending)
    for folder in pending.folders:
        remove_folder(out / folder)
    for draft in (*out.glob(".*.tmp"), *out.glob("*/.*.tmp")):  # of a run that was killed while it wrote
        draft.unlink(missing_ok=True)
    _cut_manifest(out, pending.people)
    if (roster := remembered.roster_of(store)) is not None:
        remembered.remember_roster(store, rosters.without(roster, pending.people))
    cut_lines(out / PUSHED, lambda line: _student(line) not in pending.people)
    store.ledger.rewrite()
    publish_class(store, out, remembered.exercise_of(store))
    store.forgotten()
    store.compact()


def remove_folder(folder: Path) -> None:
    """Remove a folder and all it holds; one that is gone already is not an error."""
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise refusal("classroom.folder.not_removed", path=error.filename or folder, reason=error.strerror) from None


class _Named(msgspec.Struct):
    """The part of a result that says whose it is."""

    submission: SubmissionInfo


def left_over(out: Path, people: Collection[str]) -> set[Path]:
    """Return folders of pages of these people that the store does not know: of a run that was killed."""
    folders = set()
    for path in out.glob("*/result.json"):
        try:
            submission = msgspec.json.decode(path.read_bytes(), type=_Named).submission
        except (OSError, msgspec.DecodeError):
            continue
        if {submission.name, submission.student, path.parent.name} & set(people):
            folders.add(path.parent)
    return folders


def _cut_manifest(out: Path, people: Collection[str]) -> None:
    manifest = manifests.load(out)
    if manifest is not None:
        entries = tuple(entry for entry in manifest.entries if entry.student not in people and entry.file not in people)
        if len(entries) < len(manifest.entries):
            cut = msgspec.structs.replace(manifest, entries=entries)
            write(out / manifests.FILE, manifests.encode(cut), private=True)


class _Step(msgspec.Struct):
    """The part of a line of a journal that says whose it is."""

    student: str = ""


def _student(line: bytes) -> str:
    try:
        return msgspec.json.decode(line, type=_Step).student
    except msgspec.DecodeError:
        return ""
