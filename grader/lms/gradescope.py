"""Gradescope: the grader inside its container, the zip that brings it there, and the bulk export of submissions.

The keys of results.json are those of its autograder specifications.  A document without any score is no zero: the score is
required, so Gradescope reports that the autograder failed, and a person looks.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from grader.lms import feedback, inside
from grader.lms.inside import Judged
from grader.lms.system import Done, Run
from grader.records import FunctionResult, Result
from grader.report import fragment, words
from grader.report.text import of, points

METADATA = "submission_metadata.json"
MOST_OUTPUT_BYTES = 200_000  # of one test: no limit is documented, the browser of a student has one


def run(request: Run) -> Done:
    """Grade ``submission/`` of the root and write ``results/results.json``."""
    path = request.root / "results" / "results.json"

    def put(judged: Judged) -> None:
        inside.put_json(path, results(judged, request.visibility))

    judged = inside.graded(request, "submission", put)
    return inside.done(judged, path, _said(_metadata(request.root / METADATA), judged.result))


def results(judged: Judged, visibility: str) -> dict[str, Any]:
    """Return what results.json holds; scores only where every part was judged."""
    result = judged.result
    head = {
        "output": _output(judged),
        "output_format": "html",
        "test_output_format": "html",
        "test_name_format": "text",
        "visibility": visibility,
        "stdout_visibility": "hidden",
    }
    if result is None:
        return {**head, "tests": [{"name": "Not graded", "output": fragment.said_html(judged.excuse)}]}
    tests = [_test(name, function, result) for name, function in result.functions.items()]
    if judged.settled is None:
        return {**head, "extra_data": _extra(result), "tests": tests}
    scores = [{"score": one.points, "max_score": one.possible} for one in result.functions.values()]
    scored = [{**test, **score} for test, score in zip(tests, scores, strict=True)]
    return {"score": result.score, **head, "extra_data": _extra(result), "tests": scored}


def _output(judged: Judged) -> str:
    summary = "" if judged.result is None else feedback.html(judged.result)
    return summary + fragment.said_html((*judged.excuse, *judged.notes))


def _test(name: str, function: FunctionResult, result: Result) -> dict[str, Any]:
    status = {} if function.provisional else {"status": "passed" if function.passed else "failed"}
    if result.notebook.status in {"ok", "repaired"}:
        said = fragment.function_html(function)
    else:  # said once, in the output for the whole
        said = fragment.said_html([words.sentence(words.NOTEBOOK[result.notebook.status])])
    if len(said.encode()) > MOST_OUTPUT_BYTES:
        said = fragment.said_html([of(function.points, function.possible), fragment.CUT])
    return {"name": name, **status, "output": said}


def _extra(result: Result) -> dict[str, Any]:
    """Return what Gradescope keeps beside the scores and shows to nobody."""
    causes = {name: list(one.diagnosis.causes) for name, one in result.functions.items()}
    origin = result.provenance
    return {
        "exercise": result.exercise,
        "causes": causes,
        "notebook": result.notebook.status,
        "sha256": result.submission.sha256,
        "grader": origin.grader,
        "evidence_sha256": origin.evidence_sha256,
    }


# --- for the instructor, who alone sees what the autograder prints ---------------------------------------------------


def _metadata(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _said(metadata: dict[str, Any], result: Result | None) -> tuple[str, ...]:
    """Return what the metadata says in sentences; nothing in it changes a score."""
    before, users = metadata.get("previous_submissions"), metadata.get("users")
    said = [f"attempt {len(before) + 1}"] if isinstance(before, list) else []
    if isinstance(users, list) and len(users) > 1:
        said.append(f"handed in by {len(users)} people together")
    return (*said, *_mismatch(metadata.get("assignment"), result))


def _mismatch(assignment: object, result: Result | None) -> tuple[str, ...]:
    """Say that the assignment in Gradescope is worth other points than the exercise, where it is."""
    try:
        total = float(assignment["total_points"]) if isinstance(assignment, dict) else None
    except (KeyError, TypeError, ValueError):
        return ()
    if total is None or result is None or result.provisional or total == result.possible:
        return ()
    asked = f"set Autograder Points to {points(result.possible)}"
    return (f"the assignment has {points(total)} points here, the exercise {points(result.possible)}: {asked}",)
