"""PrairieLearn: the external grader inside its container.

What could not be judged, by whosever fault, is not gradable there: that costs no attempt, and no zero is written.
"""

from __future__ import annotations

from typing import Any

from grader.lms.common import feedback
from grader.lms.common.system import Done, Run
from grader.lms.inside import run as inside
from grader.lms.inside.run import JudgedHandIn
from grader.records import FunctionResult
from grader.rendering import fragment, words
from grader.rendering.text import clean

MOST_OUTPUT_BYTES = 100_000  # of one function; a file above 1 MB makes the job fail, and nothing trims it


def run(request: Run) -> Done:
    """Grade ``student/`` of the root and write ``results/results.json``."""
    path = request.root / "results" / "results.json"
    judged = inside.graded(request, "student", lambda judged: inside.put_json(path, results(judged)))
    return inside.done(judged, path)


def results(judged: JudgedHandIn) -> dict[str, Any]:
    """Return what results.json holds."""
    result = judged.result
    message = "\n\n".join(([] if result is None else [feedback.plain(result)]) + [*judged.excuse, *judged.notes])
    if judged.settled is None or result is None or result.notebook.status not in {"ok", "repaired"}:
        first = [] if result is None else [clean(result.summary.headline)]
        errors = [*first, *judged.excuse, *judged.notes]
        return {"gradable": False, "format_errors": errors, "message": message}
    tests = [_test(name, function) for name, function in result.functions.items()]
    return {
        "gradable": True,
        "score": inside.number(result.score) / result.possible,
        "message": message,
        "tests": tests,
    }


def _test(name: str, function: FunctionResult) -> dict[str, Any]:
    return {
        "name": name,
        "points": function.points,
        "max_points": function.possible,
        "message": words.sentence(words.status(function)),
        "output": fragment.cut(fragment.function_text(name, function), MOST_OUTPUT_BYTES),
    }
