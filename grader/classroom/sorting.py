"""Which of several exercises a notebook belongs to, by the functions that its text defines; nothing is run or parsed."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.classroom import submissions as files
from grader.errors import RequestError, UnavailableError
from grader.exercise.load import Exercise
from grader.files import write
from grader.messages import refusal, say
from grader.rendering.gradebook import shown_cell

FILE = "exercises.csv"  # in the folder of results: which file belongs to which exercise
MOST_BYTES = 32 << 20  # of a file that are looked at; the text of a notebook comes long before


@dataclass(frozen=True, slots=True)
class Sorted:
    """The names of submissions by the name of their exercise; `unknown` belong to none, and are graded as of the first."""

    names: Mapping[str, frozenset[str]]
    unknown: tuple[str, ...]


def sort_out(sources: Sequence[Path], exercises: Sequence[Exercise], out: Path, most_files: int) -> Sorted:
    """Return which submission of the sources belongs to which exercise.

    Raises
    ------
    RequestError
        If two exercises have one name, a source was collected for one assignment, or there is nothing to grade.
    """
    if len({exercise.name for exercise in exercises}) < len(exercises):
        raise refusal("classroom.sorting.names")
    functions = tuple(name for exercise in exercises for name in exercise.names)
    contents = files.find(sources, files.Wanted(functions, most_files), results_folder=out)
    if contents.manifest is not None:
        raise refusal("classroom.sorting.collected")
    found: dict[str, set[str]] = {exercise.name: set() for exercise in exercises}
    unknown = []
    for submission in contents.submissions:
        exercise = exercise_of(_text(submission), exercises)
        if exercise is None:
            unknown.append(submission.name)
        found[(exercise or exercises[0]).name].add(submission.name)
    return Sorted({name: frozenset(names) for name, names in found.items()}, tuple(unknown))


def exercise_of(text: bytes, exercises: Sequence[Exercise]) -> Exercise | None:
    """Return the exercise of which a text defines the largest share of the functions; None where it defines none."""
    shares = [sum(_defines(text, name) for name in one.names) / len(one.names) for one in exercises]
    best = max(shares, default=0.0)
    return exercises[shares.index(best)] if best else None


def save(out: Path, found: Sorted) -> Path:
    """Write which file belongs to which exercise, as a table that a spreadsheet opens safely."""
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(("submission", "exercise", "note"))
    for name, exercise in sorted(_pairs(found)):
        rows.writerow((shown_cell(name), exercise, say("classroom.sorting.none") if name in found.unknown else ""))
    write(out / FILE, text.getvalue(), private=True)
    return out / FILE


def _pairs(found: Sorted) -> Iterator[tuple[str, str]]:
    for exercise, names in found.names.items():
        yield from ((name, exercise) for name in names)


def _text(submission: files.Submission) -> bytes:
    """Return the beginning of a file; one that cannot be read is graded, and said to be unreadable, with the first exercise."""
    try:
        with files.opened(submission) as path, path.open("rb") as file:
            return file.read(MOST_BYTES)
    except (RequestError, UnavailableError, OSError):
        return b""


def _defines(text: bytes, name: str) -> bool:
    return re.search(rb"\bdef\s+" + name.encode() + rb"\s*\(", text) is not None
