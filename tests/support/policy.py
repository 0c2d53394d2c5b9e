"""Writes docs/grading-policy.md from the samples of submissions/ and what grading them gives: `make policy`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from grader import api as service
from grader.exercise.load import Exercise, Task
from grader.pipeline import Pipeline
from grader.records import FunctionResult, Result

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "grading-policy.md"
INTRO = """# What passes, what costs points, and why

<!-- Written by `make policy` from submissions/expected.toml and the results of grading each sample. Do not edit by hand. -->

A function earns all its points when **every** call gives what the reference gives. It must return the required keys and no others.
Each value must be a NumPy array of floats of the required shape, equal to a relative tolerance of 1e-7. How it is written does not
matter.

If something is different:

- Each check that fails costs its points.
- A check that an earlier fault explains earns nothing, but is not reported as a second fault.
- Anything missing, of another shape, or not asked for costs the points of `shapes`. The other checks judge what came back.
- A fault of the grader costs nothing. The check counts neither in the points nor in the possible points. The result is
  provisional, and a person looks at it.

The points are set in `reference/{exercise}/exercise.toml`. The policy of this exercise is `{policy}`.
"""
PEOPLE = """
## What people decide

`grader review DIR` lists what a person should see before results go out. `grader override` changes the points of a function, with a
reason and a name. The student sees that a person changed them, and no later run undoes it while
the code stays the same.

Some submissions have 0 points and a status: nothing handed in, a file that cannot be read, another notebook, the untouched
template. The option `--absent` of `grader lms … export` decides what the gradebook gets for each. Without it, nothing handed in and
an unreadable file get a blank.
"""


def page(results: Mapping[str, Result], expected: Mapping[str, Mapping[str, Any]], exercise: Exercise) -> str:
    """Return docs/grading-policy.md."""
    return "".join(f"{line}\n" for line in _lines(results, expected, exercise))


def _lines(
    results: Mapping[str, Result], expected: Mapping[str, Mapping[str, Any]], exercise: Exercise
) -> Iterator[str]:
    yield INTRO.format(exercise=exercise.name, policy=exercise.policy)
    yield from _points(exercise, next(iter(results.values())))
    yield "\n## What passes\n"
    yield "Each of these earns every point:\n"
    for name, result in results.items():
        if result.passed:
            yield f"- {expected[name]['shows']} (`{expected[name]['file']}`)"
    yield "\n## What costs points\n"
    for task in exercise.tasks:
        yield f"### {task.short}\n"
        yield "| cause | points | lost for | example |"
        yield "|---|---|---|---|"
        yield from _costs(results, expected, task)
        yield ""
    yield "## What earns nothing\n"
    for name, result in results.items():
        if result.notebook.status not in {"ok", "repaired"}:
            yield f"- {expected[name]['shows']} (`{expected[name]['file']}`): {result.summary.headline}"
    yield PEOPLE.rstrip("\n")


def _points(exercise: Exercise, result: Result) -> Iterator[str]:
    titles = {one.name: one.title for function in result.functions.values() for one in function.checks}
    shorts = [task.short for task in exercise.tasks]
    yield f"| check | {' | '.join(shorts)} | what must be true |"
    yield f"|---|{'---|' * len(shorts)}---|"
    for check, title in titles.items():
        worth = [f"{task.points[check]:g}" if task.points.get(check) else "" for task in exercise.tasks]
        yield f"| {check} | {' | '.join(worth)} | {title} |"
    yield f"| all | {' | '.join(f'{task.possible:g}' for task in exercise.tasks)} | |"


def _costs(results: Mapping[str, Result], expected: Mapping[str, Mapping[str, Any]], task: Task) -> Iterator[str]:
    """Yield a row for each thing that was found, with all the samples that show it."""
    rows: dict[str, list[str]] = {}
    for name, result in results.items():
        function = result.functions[task.name]
        if not function.passed and result.notebook.status in {"ok", "repaired"}:
            causes = ", ".join(f"`{cause}`" for cause in function.diagnosis.causes)
            lost = f"{function.points:g} of {function.possible:g}"
            row = f"| {causes}: {_said(function)} | {lost} | {_lost_for(function)} |"
            rows.setdefault(row, []).append(f"`{expected[name]['file']}`")
    for row in sorted(rows):
        yield f"{row} {', '.join(rows[row])} |"


def _said(function: FunctionResult) -> str:
    return "; ".join(cause.title for cause in function.told).replace("|", "\\|")


def _lost_for(function: FunctionResult) -> str:
    failed = [
        f"{one.name} {one.points - one.possible:g}"
        for one in function.checks
        if one.verdict == "failed" and one.possible
    ]
    skipped = [
        f"{one.name} {one.points - one.possible:g}"
        for one in function.checks
        if one.verdict == "skipped" and one.possible
    ]
    said = [", ".join(failed)] + ([f"explained by that: {', '.join(skipped)}"] if skipped else [])
    return "; ".join(filter(None, said))


def graded(running: Pipeline | None = None) -> tuple[dict[str, Result], dict[str, dict[str, Any]], Exercise]:
    """Grade every sample, with a pipeline that is there or one of its own."""
    folder = ROOT / "submissions"
    expected = tomllib.loads((folder / "expected.toml").read_text(encoding="utf-8"))
    own = Pipeline(service.load_exercise(), b"a secret of the samples")
    with nullcontext(running) if running else own as pipeline:
        results = {name: pipeline.grade(folder / row["file"]) for name, row in expected.items()}
    return results, expected, service.load_exercise()


if __name__ == "__main__":
    PAGE.write_text(page(*graded()), encoding="utf-8")
