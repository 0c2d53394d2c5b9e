"""A class's own files, written from its rows: the pages, grades.csv and grades.jsonl."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from grader.classroom import manifest as manifests
from grader.classroom.statistics import Classroom
from grader.exercise.load import Exercise
from grader.faults import attempt
from grader.files import write
from grader.messages import refusal
from grader.prepare import measured
from grader.rendering import classpage, gradebook
from grader.rendering.lab import has_lab, lab_page
from grader.rendering.lablink import FILE as LAB
from grader.rendering.lablink import FROM_SUBMISSION

CSV, JSON_LINES = "grades.csv", "grades.jsonl"


def write_class(
    classroom: Classroom, out: Path, exercise: Exercise, *, ignored: Mapping[str, str] | None = None
) -> None:
    """Write the class's files again, for their owner alone.

    Pages of rows that an earlier, larger class had are removed.

    Raises
    ------
    RequestError
        If a file cannot be written.
    """
    classroom.title = classroom.title or exercise.title
    write(out / CSV, gradebook.grades_csv(classroom.rows, exercise), private=True)
    write(out / JSON_LINES, gradebook.grades_jsonl(classroom.rows), private=True)
    names = set()
    for name, page in classpage.class_pages(classroom, ignored=ignored):
        write(out / name, page, private=True)
        names.add(name)
    _remove(out, names)
    if has_lab(exercise):
        _write_lab(exercise, out)


def lab_address(exercise: Exercise, out: Path) -> str:
    """Return where the lab is for the pages of submissions in `out`; empty where they have none.

    A page of a class that was collected from an LMS goes there alone, so that a file beside the class's page is not with it.
    """
    if exercise.lab_url or not has_lab(exercise):
        return exercise.lab_url
    manifest = manifests.load(out)
    return "" if manifest is not None and manifests.is_collected(manifest) else FROM_SUBMISSION


def _write_lab(exercise: Exercise, out: Path) -> None:
    """Write the lab beside the class's page; a class is published without it where it cannot be made."""
    page = attempt("writing the lab", lambda: lab_page(exercise, measured(exercise)), lambda _: "")
    if page:
        write(out / LAB, page, private=True)


def _remove(out: Path, names: set[str]) -> None:
    """Remove the pages of rows that an earlier run wrote and this one did not."""
    for path in out.glob("class-*.html"):
        if path.is_file() and classpage.PAGE.fullmatch(path.name) and path.name not in names:
            try:
                path.unlink()
            except OSError as error:
                raise refusal("classroom.publish.not_removed", path=path, reason=error.strerror) from None
