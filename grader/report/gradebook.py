"""Results as files for programs and spreadsheets: result.json, its schema, grades.csv, and the class page's rows."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections.abc import Sequence
from typing import Any

import msgspec

from grader.exercise import Exercise
from grader.records import Result
from grader.report.html import ClassRow

_FORMULA = tuple("=+-@|%")  # a cell that begins so is run by some spreadsheet, also behind blanks or in another width


def result_json(result: Result) -> str:
    """Return result.json."""
    return msgspec.json.format(msgspec.json.encode(result), indent=2).decode() + "\n"


def schema() -> str:
    """Return the JSON Schema of result.json."""
    return json.dumps(msgspec.json.schema(Result), indent=2) + "\n"


def grades_csv(entries: Sequence[tuple[str, float, Result]], exercise: Exercise) -> str:
    """Return grades.csv (RFC 4180): a row for every submission; no cell can start a formula."""
    rows = [_row(folder, seconds, result, exercise) for folder, seconds, result in entries]
    output = io.StringIO()
    writer = csv.writer(output, lineterminator="\r\n")
    writer.writerow(_columns(exercise))
    writer.writerows([shown_cell(value) for value in row.values()] for row in rows)
    return output.getvalue()


def class_row(folder: str, result: Result) -> ClassRow:
    """Return a submission's row on the class page."""
    return ClassRow(
        name=result.submission.name,
        folder=folder,
        student=result.submission.student,
        score=result.score,
        possible=result.possible,
        status=result.notebook.status,
        provisional=result.provisional,
        points={name: one.points for name, one in result.functions.items()},
        causes=tuple(cause for one in result.functions.values() for cause in one.diagnosis.causes),
        headline=result.summary.headline,
    )


def _columns(exercise: Exercise) -> list[str]:
    shorts = [task.short for task in exercise.tasks]
    accuracies = [f"{kind}_accuracy_{short}" for kind in ("train", "test") for short in shorts]
    head = ["submission", "student", "score", "possible", "status", *shorts, "causes"]
    return [*head, *accuracies, "seconds", "provisional", "folder"]


def _row(folder: str, seconds: float, result: Result, exercise: Exercise) -> dict[str, Any]:
    functions = {task.short: result.functions[task.name] for task in exercise.tasks}
    causes = [f"{short}:{cause}" for short, one in functions.items() for cause in one.diagnosis.causes]
    row: dict[str, Any] = {
        "submission": result.submission.name,
        "student": result.submission.student or "",
        "score": result.score,
        "possible": result.possible,
        "status": result.notebook.status,
        **{short: one.points for short, one in functions.items()},
        "causes": " ".join(causes),
        "seconds": f"{seconds:.2f}",
        "provisional": "yes" if result.provisional else "no",
        "folder": folder,
    }
    for short, one in functions.items():
        row[f"train_accuracy_{short}"] = one.training.train_accuracy if one.training else ""
        row[f"test_accuracy_{short}"] = one.training.test_accuracy if one.training else ""
    return {column: row[column] for column in _columns(exercise)}


def shown_cell(value: object) -> object:
    """Return a value that a spreadsheet shows and never runs."""
    if isinstance(value, str) and (
        value[:1].isspace() or unicodedata.normalize("NFKC", value).lstrip().startswith(_FORMULA)
    ):
        return f"'{value}"
    return value
