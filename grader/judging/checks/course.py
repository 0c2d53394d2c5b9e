"""The course's own visible test: it compares types, shapes, and values to six decimals, for one list of sizes."""

from __future__ import annotations

import numpy as np

from grader.judging.diagnosis import Recovered
from grader.records import CourseTest, Outcome

SIX_DECIMALS = 1.5e-6  # numpy.testing.assert_array_almost_equal, which the course's test calls


def course_test(student: Recovered, reference: Recovered, sizes: tuple[int, ...]) -> CourseTest:
    """Return whether the course's visible test would pass, whatever the random state before it.

    Source: ``public_tests.py`` and ``test_utils.py`` beside the course notebook.
    """
    wanted = {outcome.call: outcome for outcome in reference.evidence.outcomes}
    calls = [outcome for outcome in student.evidence.outcomes if outcome.call.layers == sizes]
    if not calls:
        return "not_run"
    return "passed" if all(_passes(outcome, wanted[outcome.call]) for outcome in calls) else "failed"


def _passes(outcome: Outcome, wanted: Outcome) -> bool:
    if outcome.ended != "returned" or set(outcome.arrays) != set(wanted.arrays):
        return False
    return all(
        array.type_name == "ndarray"
        and array.shape == wanted.arrays[name].shape
        and bool(np.all(np.abs(array.numpy() - wanted.arrays[name].numpy()) < SIX_DECIMALS))
        for name, array in outcome.arrays.items()
    )
