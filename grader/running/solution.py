"""The right answers: calls the exercise's own solution, confined as student code is, in a process that no student's code shares.

The answers cross the same border and pass the same decoder as a student's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grader.errors import ExerciseError, SandboxError
from grader.messages import say
from grader.records import Call, Function, Outcome
from grader.running.sandbox import Sandbox


class Solution:
    """The functions of a solution, ready to be called with any sizes; one child runs them all."""

    def __init__(self, functions: Mapping[str, Function], sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.functions = functions

    def outcomes(self, name: str, calls: Sequence[Call]) -> tuple[Outcome, ...]:
        """Return what the right answer gives for each call.

        Raises
        ------
        ExerciseError
            If the solution fails.
        SandboxError
            If it could not be run.
        """
        function = self.functions[name]
        if function.status != "found":
            raise _failing(name, function.message)
        outcomes = self.sandbox.run_again(function, calls)
        require_returned(name, outcomes, calls)
        return outcomes


def require_returned(name: str, outcomes: Sequence[Outcome], calls: Sequence[Call]) -> None:
    """Refuse right answers that are not whole: what is missing in them would be held against students.

    Raises
    ------
    ExerciseError
        If the solution fails.
    SandboxError
        If it could not be run.
    """
    for outcome in outcomes:
        if outcome.ended == "broken":
            raise SandboxError(
                say("running.solution.not_run", name=name, reason=outcome.message), hint=say("running.again")
            )
        if outcome.ended != "returned":
            raise _failing(name, outcome.message)
    if len(outcomes) != len(calls):
        raise SandboxError(say("running.solution.partly", name=name), hint=say("running.again"))


def _failing(name: str, problem: str) -> ExerciseError:
    return ExerciseError(
        say("running.solution.fails", name=name, reason=problem), hint=say("running.solution.fails.hint")
    )
