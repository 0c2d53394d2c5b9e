"""A class's own files, written from its rows: the pages, grades.csv and grades.jsonl."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from grader.classroom.statistics import Classroom
from grader.errors import RequestError
from grader.exercise.load import Exercise
from grader.files import write
from grader.rendering import classpage, gradebook

CSV, JSON_LINES = "grades.csv", "grades.jsonl"


def write_class(found: Classroom, out: Path, exercise: Exercise, *, ignored: Mapping[str, str] | None = None) -> Path:
    """Write the class's files anew, for their owner alone, and return the page to open first.

    Pages of rows that an earlier, larger class had are removed.

    Raises
    ------
    RequestError
        If a file cannot be written.
    """
    found.title = found.title or exercise.title
    write(out / CSV, gradebook.grades_csv(found.rows, exercise), private=True)
    write(out / JSON_LINES, gradebook.grades_jsonl(found.rows), private=True)
    names = set()
    for name, page in classpage.class_pages(found, ignored=ignored):
        write(out / name, page, private=True)
        names.add(name)
    _remove(out, names)
    return out / classpage.INDEX


def _remove(out: Path, names: set[str]) -> None:
    """Remove the pages of rows that an earlier run wrote and this one did not."""
    for path in out.glob("class-*.html"):
        if path.is_file() and classpage.PAGE.fullmatch(path.name) and path.name not in names:
            try:
                path.unlink()
            except OSError as error:
                raise RequestError(f"{path} cannot be removed: {error.strerror}", hint="remove it by hand") from None
