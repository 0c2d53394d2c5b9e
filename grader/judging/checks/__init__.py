"""The checks: pure functions of what the student's numbers and the reference's numbers say.

A check's docstring is its rule. The student reads the rule as a title, which the catalogue has.  A check prints nothing,
raises nothing and knows no points.  `CHECKS` is the table by the names that exercise.toml gives points to.  Where an earlier
check explains what a later one would say, the later one is skipped: one cause, one finding.
"""

from __future__ import annotations

from collections.abc import Callable

from grader.judging.checks.compare import broken
from grader.judging.checks.course import course_test
from grader.judging.checks.learning import training
from grader.judging.checks.structure import shapes
from grader.judging.checks.values import biases, distribution, draws, scale, weights
from grader.judging.diagnosis import Recovered
from grader.messages import say
from grader.records import Finding

__all__ = ["CHECKS", "CheckFunction", "broken", "course_test", "title"]

CheckFunction = Callable[[Recovered, Recovered], Finding]

CHECKS: dict[str, CheckFunction] = {
    "shapes": shapes,
    "biases": biases,
    "weights": weights,
    "distribution": distribution,
    "draws": draws,
    "scale": scale,
    "training": training,
}


def title(name: str, seed: int | None = None) -> str:
    """Return a check's rule as the student reads it, with the required seed where it is known."""
    if name == "draws" and seed is not None:
        return say("judging.check.draws.seed", seed=seed)
    return say(f"judging.check.{name}")
