"""Points are monotone, and verdicts and causes are true: on functions whose truth is computed without the grader."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any

import numpy as np
import pytest
from students import FAULTS, Fault, Student, answers, is_right, source, students

from grader.exercise import load as exercises
from grader.judging.checks import CHECKS
from grader.judging.diagnosis import Case, diagnose, recover, status
from grader.judging.grading import grade
from grader.records import Array, Diagnosis, Function, FunctionEvidence, Outcome, Place, Unit

EXERCISE = exercises.load(checks=CHECKS)
TASKS = {task.short: task for task in EXERCISE.tasks}
FAST = pytest.param(60, id="sample")
ALL = pytest.param(None, id="all", marks=pytest.mark.slow)
LEFT_OPEN = 0.03  # of the functions, of which the grader may say that it cannot tell


def evidence(student: Student) -> FunctionEvidence:
    """Call a function as the sandbox would."""
    task = TASKS[student.task]
    calls = EXERCISE.calls(task, b"secret")
    given = answers(student, [(call.layers, call.ambient_seed) for call in calls])
    outcomes = tuple(_outcome(call, value) for call, value in zip(calls, given, strict=True))
    text = source(student)
    return FunctionEvidence(
        Function(task.name, "found", place=Place(1, 1), code=text, units=(Unit(text, Place(1, 1)),)), outcomes
    )


def _outcome(call: Any, value: Any) -> Outcome:
    if isinstance(value, Exception):
        return Outcome(call, "raised", message=f"{type(value).__name__}: {value}")
    if not isinstance(value, dict):
        return Outcome(call, "refused", message="it returned None instead of a dictionary")
    arrays = {name: _array(entry) for name, entry in value.items() if np.asarray(entry).dtype.kind in "fiub"}
    unread = [name for name in value if name not in arrays]
    if unread:
        return Outcome(call, "refused", arrays, message=f"{unread[0]!r} cannot be read as numbers")
    return Outcome(call, "returned", arrays)


def _array(value: Any) -> Array:
    if type(value) is np.ndarray:
        return Array.of(value, dtype=value.dtype.name)
    return Array.of(value, dtype=np.asarray(value).dtype.name, type_name=type(value).__name__)


@cache
def right(task: str) -> Any:
    return recover(evidence(Student(task, 0, ())))


@cache
def judged(student: Student) -> tuple[float, Diagnosis]:
    """Return points and diagnosis."""
    task, reference = TASKS[student.task], right(student.task)
    measured = recover(evidence(student), reference)
    findings = {name: CHECKS[name](measured, reference) for name in task.points}
    points = sum(line.points for line in grade(findings, dict.fromkeys(findings, ""), task, EXERCISE))
    passed = points == task.possible and status(measured.evidence) == "graded"
    return points, diagnose(Case(measured, reference), EXERCISE.model.layers, passed=passed)


@pytest.mark.parametrize("most", [FAST, ALL])
def test_a_function_passes_exactly_when_it_is_right_and_its_first_cause_is_a_planted_fault(most):
    counts, wrong = Counter[str](), []
    for student in students(most):
        calls = [(call.layers, call.ambient_seed) for call in EXERCISE.calls(TASKS[student.task], b"secret")]
        points, diagnosis = judged(student)
        planted = {cause for fault in student.faults for cause in fault.causes}
        first = diagnosis.causes[0] if diagnosis.causes else None
        if (points == 10) != is_right(student, calls) or (first is None) != (points == 10):
            verdict = "wrong"
        elif first is None or first in planted:
            verdict = "right"
        else:
            verdict = "cannot tell" if first == "unknown" else "wrong"
        counts[verdict] += 1
        if verdict != "right":
            wrong.append(f"{verdict}: {student.name}: {points:g} points, {diagnosis.causes}")
    print(dict(counts))
    assert counts["wrong"] == 0, "\n".join(wrong)
    assert counts["cannot tell"] < LEFT_OPEN * counts.total(), "\n".join(wrong)


@pytest.mark.parametrize("most", [FAST, ALL])
def test_mending_a_fault_never_lowers_the_score(most):
    lowered = [
        f"{student.name}: {judged(student)[0]:g}, without {fault.name}: {judged(student.without(fault))[0]:g}"
        for student in students(most)
        for fault in student.faults
        if judged(student.without(fault))[0] < judged(student)[0]
    ]
    assert not lowered, "\n".join(lowered)


@pytest.mark.parametrize("most", [FAST, ALL])
def test_mending_the_fault_named_first_removes_that_cause(most):
    stays = []
    for student in students(most):
        causes = judged(student)[1].causes
        mended = student
        for fault in student.faults:
            if causes and causes[0] in fault.causes:
                mended = mended.without(fault)
        if mended != student and causes[0] in judged(mended)[1].causes:
            stays.append(f"{student.name}: {causes}, then {judged(mended)[1].causes}")
    assert not stays, "\n".join(stays)


def test_there_are_many_students_and_none_twice():
    assert len(students()) == len(set(students())) >= 3000


SHAPES_LOST = ("last missing", "first missing", "up to four layers", "w1", "B1", "W_1", "from 0",
               "number", "None", "text", "dictionary")  # fmt: skip


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", SHAPES_LOST)
def test_what_is_missing_or_beside_costs_the_points_of_shapes_alone(task, name):
    fault = next(fault for fault in FAULTS[task] if fault.name == name and fault.kind != "bias")
    assert judged(Student(task, 0, (fault,)))[0] == 10 - TASKS[task].points["shapes"]


@pytest.mark.parametrize("task", TASKS)
def test_biases_of_none_earn_as_much_as_none_at_all(task):
    missing, none = (
        judged(
            Student(task, 0, (next(fault for fault in FAULTS[task] if (fault.kind, fault.name) == ("bias", name)),))
        )[0]
        for name in ("missing", "None")
    )
    assert missing == none == 10 - TASKS[task].points["shapes"] - TASKS[task].points["biases"]


@pytest.mark.parametrize("task", TASKS)
def test_one_layer_alone_does_not_show_the_order_of_draws(task):
    fault = next(fault for fault in FAULTS[task] if fault.name == "return in the loop")
    worth = TASKS[task].points
    assert judged(Student(task, 0, (fault,)))[0] == 10 - worth["shapes"] - worth.get("draws", 0)


def test_nothing_that_comes_back_earns_nothing():
    assert judged(Student("he", 0, (Fault("layers", "nothing returned", ("refused",)),)))[0] == 0
