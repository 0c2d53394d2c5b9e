"""The right answers: calls the exercise's own solution in this process.

The solution comes with the exercise and is trusted like the rest of it; student code never comes here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

import numpy as np

from grader.errors import ExerciseError
from grader.records import Array, Call, Function, Outcome

KEPT = 256  # the last answers: most functions meet the same calls, and each is compared with its own twice
Initialize = Callable[[list[int]], Mapping[str, object]]


class Solution:
    """The functions of a solution, ready to be called with any sizes."""

    def __init__(self, functions: Mapping[str, Function]) -> None:
        self._functions = {name: _defined(function) for name, function in functions.items()}
        self._outcome = lru_cache(KEPT)(self._called)

    def outcomes(self, name: str, calls: Sequence[Call]) -> tuple[Outcome, ...]:
        """Return what the right answer gives for each call; the state of `np.random` is left as it was.

        Raises
        ------
        ExerciseError
            If the solution fails.
        """
        state = np.random.get_state()
        try:
            return tuple(self._outcome(name, call) for call in calls)
        except Exception as error:
            raise ExerciseError(f"the solution's {name} fails: {error}", hint="mend solution.ipynb") from None
        finally:
            np.random.set_state(state)

    def _called(self, name: str, call: Call) -> Outcome:
        np.random.seed(call.ambient_seed)
        returned = self._functions[name](list(call.layers))
        return Outcome(call, "returned", {key: Array.of(value) for key, value in returned.items()})


def _defined(function: Function) -> Initialize:
    """Execute the statements that a function needs, and return it."""
    space: dict[str, Initialize] = {}
    try:
        for unit in function.units:
            exec(unit.source, space)
        return space[function.name]
    except Exception as error:
        problem = f"the solution's {function.name} cannot be defined: {error}"
        raise ExerciseError(problem, hint="mend solution.ipynb") from None
