"""The results of a batch beside the entries of its manifest: what goes out, what is held back and why."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path

from grader import manifest as manifests
from grader.batch import DATABASE
from grader.errors import RequestError
from grader.lms.system import Export, Graded
from grader.manifest import Entry, Manifest
from grader.records import Result
from grader.review import open_items
from grader.store import Store, make_private_folder

ABSENT = ("no_notebook", "unreadable")


def gather(directory: Path, out: Path, *, include_open: bool = False) -> Export:
    """Return what the batch in `directory` has to export; the request's options are the caller's to set.

    Raises
    ------
    RequestError
        If `directory` holds no manifest or nothing was graded into it, or `out` cannot be made.
    """
    manifest = _manifest(directory)
    results, waiting = _results(directory, manifest)
    graded, held_back = [], {}
    for entry in manifest.entries:
        if (found := results.get(entry.student)) is None:
            held_back[entry.student] = "not graded yet"
            continue
        folder, result = found
        absent = is_absent(entry, result)
        why = () if include_open or absent else waiting.get(result.submission.name, ())
        if why:
            held_back[entry.student] = "; ".join(why)
        else:
            graded.append(Graded(entry, result, directory / folder, absent))
    first = next(iter(results.values()))[1]
    make_private_folder(out)
    return Export(manifest, graded, out, first.title, first.possible, held_back=held_back)


def is_absent(entry: Entry, result: Result) -> bool:
    """Whether there was no notebook to read, and nobody gave points by hand."""
    unread = entry.file is None or result.notebook.status in ABSENT
    return unread and not any(one.ruling for one in result.functions.values())


def absent_points(said: str) -> Decimal | None:
    """Return what `--absent` asks for: None for blank, else points.

    Raises
    ------
    RequestError
        If it is neither `blank`, `zero` nor a number from 0 up.
    """
    if said in {"blank", "zero"}:
        return Decimal(0) if said == "zero" else None
    if not re.fullmatch(r"\d{1,9}(\.\d{1,9})?", said, re.ASCII):
        raise RequestError(f"--absent {said!r} is no number of points", hint="say blank, zero, or points such as 5")
    return Decimal(said)


def named(entries: Iterable[Entry], why: Mapping[str, str]) -> tuple[str, ...]:
    """Return a sentence for each entry that is held back."""
    return tuple(f"{entry.name or entry.student}: {why[entry.student]}" for entry in entries if entry.student in why)


def _manifest(directory: Path) -> Manifest:
    found = manifests.load(directory)
    if found is None:
        raise RequestError(
            f"{directory} holds no {manifests.FILE}, so nobody can tell whose the results are",
            hint="collect the LMS's download first, grade the collected folder with `grader batch`, then export",
        )
    return found


def _results(
    directory: Path, manifest: Manifest
) -> tuple[dict[str, tuple[str, Result]], Mapping[str, tuple[str, ...]]]:
    """Return folder and result by student, and what a person still has to look at by submission."""
    files = {entry.student: entry.file for entry in manifest.entries}
    path = directory / DATABASE
    found: dict[str, tuple[str, Result]] = {}
    waiting: Mapping[str, tuple[str, ...]] = {}
    if path.is_file():
        with Store(path) as store:
            for folder, _, result in store.results():
                student = result.submission.student
                if student in files and (student not in found or _is_of(files[student], result)):
                    found[student] = folder, result
            waiting = open_items((result for _, result in found.values()), store.seen())
    if not found:
        raise RequestError(
            f"nothing of a collected folder was graded into {directory}",
            hint="run `grader batch COLLECTED --out DIR` and export that DIR",
        )
    return found, waiting


def _is_of(file: str | None, result: Result) -> bool:
    """Whether a result is of an entry's own file, not of one that was collected for the same student before."""
    name = result.submission.name
    return result.notebook.status == "no_notebook" if file is None else name == file or name.endswith(f"/{file}")
