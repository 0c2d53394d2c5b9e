"""The results of a batch beside the entries of its manifest: what goes out, what is held back and why."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Literal

from grader.classroom import manifest as manifests
from grader.classroom.folder import DATABASE, nobodys, opened
from grader.classroom.manifest import Entry, Manifest
from grader.classroom.review import open_items
from grader.files import make_private_folder
from grader.lms.common.system import UNWORKED, Export, Graded, Unworked, label, namesakes
from grader.messages import refusal, say
from grader.records import Result

UNSEEN = ("no_notebook", "unreadable")  # blank by default; the others get their score


def gather(
    directory: Path, out: Path, *, include_open: bool = False, absent: Mapping[str, Decimal | None] | None = None
) -> Export:
    """Return what the batch in `directory` has to export; the request's other options are the caller's to set.

    `absent` holds what entries without work to grade get, as `absent_points` reads it.

    Raises
    ------
    RequestError
        If `directory` holds no manifest or nothing was graded into it, or `out` cannot be made.
    """
    manifest, absent = _manifest(directory), absent_points("blank") if absent is None else absent
    results, waiting, nobody = _results(directory, manifest)
    graded, held_back, same = [], {}, namesakes(manifest.entries)
    for entry in manifest.entries:
        if (graded_in := results.get(entry.student)) is None:
            held_back[entry.student] = say("lms.not_graded")
            continue
        folder, result = graded_in
        kind = unworked(entry, result)
        decided: Unworked | Literal[""] = kind if kind in absent else ""
        why = () if include_open or decided else waiting.get(result.submission.name, ())
        if why:
            held_back[entry.student] = "; ".join(why)
        else:
            graded.append(Graded(entry, result, directory / folder, decided, entry.student in same))
    first = next(iter(results.values()))[1]
    make_private_folder(out)
    return Export(manifest, graded, out, first.title, first.possible, absent=absent, held_back=held_back, nobody=nobody)


def unworked(entry: Entry, result: Result) -> Unworked | Literal[""]:
    """Return why there is no work to grade; empty where there is some, or where somebody gave points by hand."""
    functions = result.functions.values()
    if result.settled_by_person:
        return ""
    if entry.file is None:
        return "no_notebook"
    if result.notebook.status in ("no_notebook", "unreadable", "wrong_notebook"):
        return result.notebook.status
    statuses = {function.status for function in functions}
    return "not_attempted" if "not_attempted" in statuses <= {"not_attempted", "missing"} else ""


def absent_points(option: str) -> dict[str, Decimal | None]:
    """Return what `--absent` asks for, by status: None for blank, else points.

    A value alone is for who handed in nothing or a file that cannot be read; `STATUS=VALUE`, several with commas between
    them, is for one status.

    Raises
    ------
    RequestError
        If a status is not known, or a value is neither `blank`, `zero` nor a number from 0 up.
    """
    points: dict[str, Decimal | None] = dict.fromkeys(UNSEEN)
    for part in option.split(","):
        status, equals, value = part.strip().rpartition("=")
        if equals and status not in UNWORKED:
            raise refusal("lms.absent_status", rule=part.strip(), statuses=UNWORKED)
        points |= dict.fromkeys([status] if equals else UNSEEN, _points(value))
    return points


def _points(option: str) -> Decimal | None:
    if option in {"blank", "zero"}:
        return Decimal(0) if option == "zero" else None
    if not re.fullmatch(r"\d{1,9}(\.\d{1,9})?", option, re.ASCII):
        raise refusal("lms.absent_points", option=option)
    return Decimal(option)


def named(entries: Sequence[Entry], why: Mapping[str, str]) -> tuple[str, ...]:
    """Return a sentence for each entry that is held back."""
    same = namesakes(entries)
    return tuple(
        f"{label(entry, is_namesake=entry.student in same)}: {why[entry.student]}"
        for entry in entries
        if entry.student in why
    )


def _manifest(directory: Path) -> Manifest:
    manifest = manifests.load(directory)
    if manifest is None:
        raise refusal("lms.no_manifest", directory=directory, file=manifests.FILE)
    return manifest


def _results(
    directory: Path, manifest: Manifest
) -> tuple[dict[str, tuple[str, Result]], Mapping[str, tuple[str, ...]], tuple[str, ...]]:
    """Return folder and result by student, what a person still has to look at by submission, and whose files are nobody's."""
    files = {entry.student: entry.file for entry in manifest.entries}
    path = directory / DATABASE
    by_student: dict[str, tuple[str, Result]] = {}
    waiting: Mapping[str, tuple[str, ...]] = {}
    nobody: tuple[str, ...] = ()
    if path.is_file():
        with opened(directory) as store:
            for folder, _, result in store.results():
                student = result.submission.student
                if student in files and (student not in by_student or _is_of(files[student], result)):
                    by_student[student] = folder, result
            nobody = nobodys(store)
            waiting = open_items((result for _, result in by_student.values()), store.seen())
    if not by_student:
        raise refusal("lms.nothing_graded", directory=directory)
    return by_student, waiting, nobody


def _is_of(file: str | None, result: Result) -> bool:
    """Whether a result is of an entry's own file, not of one that was collected for the same student before."""
    name = result.submission.name
    return result.notebook.status == "no_notebook" if file is None else name == file or name.endswith(f"/{file}")
