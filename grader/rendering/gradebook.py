"""Results as files for programs and spreadsheets: result.json and its schema, grades.csv and grades.jsonl."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from grader.classroom.statistics import SubmissionRow
from grader.exercise.load import Exercise
from grader.records import Result
from grader.records.points import points
from grader.rendering.text import clean, spell_out_json

_FORMULA = tuple("=+-@|%")  # a cell that begins so is run by some spreadsheet, also behind blanks or in another width


def result_json(result: Result) -> str:
    """Return result.json."""
    return msgspec.json.format(msgspec.json.encode(result), indent=2).decode() + "\n"


def schema() -> str:
    """Return the JSON Schema of result.json."""
    return json.dumps(msgspec.json.schema(Result), indent=2) + "\n"


def grades_csv(rows: Iterable[SubmissionRow], exercise: Exercise) -> Iterator[str]:
    """Yield grades.csv (RFC 4180) line by line: a row for every submission; no cell can start a formula."""
    columns = _columns(exercise)
    yield _line(columns)
    for row in rows:
        cells = _cells(row, exercise)
        yield _line([shown_cell(cells[column]) for column in columns])


def grades_jsonl(rows: Iterable[SubmissionRow]) -> Iterator[str]:
    """Yield grades.jsonl: one JSON object a line for every submission."""
    for row in rows:
        line = json.dumps(_record(row), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        yield spell_out_json(line) + "\n"


def _line(cells: Sequence[object]) -> str:
    output = io.StringIO()
    csv.writer(output, lineterminator="\r\n").writerow(cells)
    return output.getvalue()


def _columns(exercise: Exercise) -> list[str]:
    shorts = [task.short for task in exercise.tasks]
    accuracies = [f"{kind}_accuracy_{short}" for kind in ("train", "test") for short in shorts]
    head = ["submission", "student", "score", "possible", "status", *shorts, "causes"]
    return [
        *head,
        *accuracies,
        "seconds",
        "provisional",
        "folder",
        "ruled",
        "review",
        "counts",
        "machine_score",
        "late",
        "handed_in",
    ]


def _cells(row: SubmissionRow, exercise: Exercise) -> dict[str, Any]:
    by_name = {part.name: part for part in row.parts}
    parts = {task.short: by_name[task.name] for task in exercise.tasks}
    causes = [f"{short}:{cause}" for short, part in parts.items() for cause in part.diagnosis.causes]
    cells: dict[str, Any] = {
        "submission": row.name,
        "student": row.student or "",
        "score": _shown(row.score),
        "possible": _shown(row.possible),
        "status": row.status,
        **{short: _shown(part.points) for short, part in parts.items()},
        "causes": " ".join(causes),
        "seconds": f"{row.seconds:.2f}",
        "provisional": "yes" if row.provisional else "no",
        "folder": row.folder,
        "ruled": " ".join(
            [*(short for short, part in parts.items() if part.ruled), *(["score"] if row.adjusted else [])]
        ),
        "review": "; ".join(row.reasons),
        "counts": "yes" if row.counts else "no",
        "machine_score": _shown(row.machine_score),
        "late": "" if row.late is None else "yes" if row.late else "no",
        "handed_in": row.handed_in,
    }
    for short, part in parts.items():
        cells[f"train_accuracy_{short}"] = "" if part.train_accuracy is None else part.train_accuracy
        cells[f"test_accuracy_{short}"] = "" if part.test_accuracy is None else part.test_accuracy
    return cells


def _shown(value: float) -> float:
    """Return points as every page shows them."""
    return float(points(value))


def _record(row: SubmissionRow) -> dict[str, Any]:
    return {
        "submission": row.name,
        "student": row.student,
        "score": row.score,
        "possible": row.possible,
        "status": row.status,
        "provisional": row.provisional,
        "counts": row.counts,
        "machine_score": row.machine_score,
        "adjusted": row.adjusted,
        "late": row.late,
        "handed_in": row.handed_in,
        "passed": row.passed,
        "review": row.reasons,
        "functions": {
            part.name: {
                "status": part.status,
                "points": part.points,
                "possible": part.possible,
                "ruled": part.ruled,
                "causes": part.diagnosis.causes,
                "checks": {check.name: check.verdict for check in part.checks},
                "scale_formula": part.diagnosis.scale_formula,
                "seed_status": part.diagnosis.seed_status,
                "train_accuracy": part.train_accuracy,
                "test_accuracy": part.test_accuracy,
                "evidence_sha256": part.evidence_sha256,
            }
            for part in row.parts
        },
        "seconds": round(row.seconds, 2),
        "folder": row.folder,
    }


def shown_cell(value: object) -> object:
    """Return a value that a spreadsheet shows and never runs."""
    if not isinstance(value, str):
        return value
    shown = clean(value.replace("\0", "\ufffd"))  # a terminal that prints the file obeys no control character
    runs = shown[:1].isspace() or unicodedata.normalize("NFKC", shown).lstrip().startswith(_FORMULA)
    return f"'{shown}" if runs else shown
