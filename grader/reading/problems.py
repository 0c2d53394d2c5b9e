"""Problems of a notebook with their sentences, which the catalogue has by the problem's code."""

from __future__ import annotations

from grader.messages import say
from grader.records import Problem


def problem(code: str, variant: str = "", **facts: object) -> Problem:
    """Return a problem with its sentence; `function` among the facts is the name of one that it speaks of."""
    message_id = f"reading.problem.{code}{variant and '.'}{variant}"
    message = say(f"reading.problem.{code}{variant and '.'}{variant}", again=say("reading.advice.again"), **facts)
    return Problem(code, message, message_id, str(facts.get("function", "")))
