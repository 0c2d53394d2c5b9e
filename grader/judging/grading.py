"""The points of a function, from its findings and the rubric.  What is unknown neither earns points nor costs any."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from grader.exercise.load import Exercise, Task
from grader.records import CheckResult, Finding


def grade(
    findings: Mapping[str, Finding], titles: Mapping[str, str], task: Task, exercise: Exercise
) -> tuple[CheckResult, ...]:
    """Return what each check of a function is worth.

    A check that broke leaves both sums; skipped and failed ones earn nothing.  Under the policy `course` a function is
    right or not: one check that did not pass takes the points of all.
    """
    paid = {name: finding for name, finding in findings.items() if name in task.points}
    whole = all(finding.verdict in ("passed", "broken") for finding in paid.values())
    earns = whole or exercise.policy == "partial"
    worded = {name: _with_words(finding, exercise.check_words.get(name, "")) for name, finding in findings.items()}
    return tuple(_line(name, titles[name], finding, task, earns=earns) for name, finding in worded.items())


def _with_words(finding: Finding, words: str) -> Finding:
    """Return a finding with the instructor's own words behind its hint, where the check failed."""
    if not words or finding.verdict != "failed":
        return finding
    return replace(finding, hint=" ".join(filter(None, [finding.hint, words.strip()])))


def _line(name: str, title: str, finding: Finding, task: Task, *, earns: bool) -> CheckResult:
    possible = 0.0 if finding.verdict == "broken" else float(task.points.get(name, 0.0))
    points = possible if earns and finding.verdict == "passed" else 0.0
    return CheckResult(
        name=name,
        title=title,
        verdict=finding.verdict,
        message=finding.message,
        hint=finding.hint,
        points=points,
        possible=possible,
        evidence=finding.evidence,
        message_id=finding.message_id,
    )
