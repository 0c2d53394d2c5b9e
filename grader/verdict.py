"""The verdict on one function, from its evidence: findings, points, diagnosis, explanation.  It runs no student code."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import msgspec

from grader._version import __version__
from grader.exercise import starts
from grader.exercise.load import RTOL, Exercise, Task
from grader.explaining import Facts, about, blocks, predict, reasons, story, summarize, tell
from grader.faults import attempt, note
from grader.judging.checks import CHECKS, broken, course_test, title
from grader.judging.checks.values import percent, relative
from grader.judging.diagnosis import Case, Recovered, diagnose, measure_more, recover, status, within
from grader.judging.grading import grade
from grader.messages import say
from grader.prepare import Answer, Prepared
from grader.records import (
    SELF_CHECK,
    Cause,
    Diagnosis,
    Evidence,
    Finding,
    Function,
    FunctionEvidence,
    FunctionResult,
    KnownFault,
    NotebookInfo,
    Outcome,
    Place,
    Provenance,
    Result,
    Source,
    SubmissionInfo,
    Summary,
    Training,
    TrainingResult,
    Unit,
)
from grader.records.places import with_names
from grader.records.points import of
from grader.running import gather as gathering

MOST_CODE = 20_000  # characters of a function in its result; the evidence holds all of it
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class VerdictInput:
    """What the verdict on one function depends on: its evidence without the student's text, and its only fault, if known.

    The exercise, what is prepared for it, and so the right answers are the same for a whole class.
    """

    evidence: FunctionEvidence
    fault: KnownFault | None


def verdict(
    given: VerdictInput,
    exercise: Exercise,
    prepared: Prepared,
    right: Callable[[FunctionEvidence], tuple[Outcome, ...]],
) -> FunctionResult:
    """Return the verdict on a function; its text and the outputs saved beside it are added later.

    `right` measures what the right answer gives for the calls that the function met.
    """
    judged = _verdict(given, exercise, prepared, right)
    evidence = given.evidence
    if judged.passed or judged.status == "broken" or not evidence.function.left_out:
        return judged
    evidence = replace(evidence, broken=_left_out(evidence.function))
    return _verdict(replace(given, evidence=evidence), exercise, prepared, right)


def _left_out(function: Function) -> str:
    """Return why a person must look at a function that does not pass: what it may need was not run."""
    first = function.left_out[0]
    if not first.name:
        return say("judging.left_out.magic", place=first.place)
    return say("judging.left_out.name", name=first.name, place=first.place)


def _verdict(
    given: VerdictInput,
    exercise: Exercise,
    prepared: Prepared,
    right: Callable[[FunctionEvidence], tuple[Outcome, ...]],
) -> FunctionResult:
    evidence, fault = given.evidence, given.fault
    task = _task(exercise, evidence.function.name)
    reference = _with_calls(prepared.answers[task.name], evidence, right)
    if (exercise.rtol, exercise.atol) != (RTOL, 0.0):
        evidence = within(evidence, reference.recovered.evidence, exercise.rtol, exercise.atol)
    student = recover(evidence, reference.recovered)
    case = Case(student, reference.recovered)
    how = status(evidence)
    findings = {name: _find(name, student, reference.recovered, how) for name in (*task.points, "training")}
    findings = {name: _with_tolerance(finding, exercise) for name, finding in findings.items()}
    titles = {name: title(name, reference.diagnosis.seed) for name in findings}
    checks = grade(findings, titles, task, exercise)
    points, possible = (sum(getattr(check, key) for check in checks) for key in ("points", "possible"))
    passed = how == "graded" and points == possible
    diagnosis = diagnose(case, exercise.model.layers, passed=passed)
    fault = None if passed else fault
    causes = _told(diagnosis, reference.diagnosis, fault, prepared, case)
    if causes and causes[0].message_id == "steps.name.import":
        fault = None  # the proved edit is in the line that uses the name, and the next step asks for another line
    facts = _explained("training", lambda: _facts(evidence, reference, prepared, diagnosis, causes, passed=passed))
    return FunctionResult(
        status=how,
        points=points,
        possible=possible,
        source=None,
        checks=checks,
        diagnosis=diagnosis,
        training=_training(evidence.training),
        course_test=course_test(student, reference.recovered, task.course_test),
        message=evidence.function.message or evidence.broken,
        message_id=evidence.function.message_id,
        hint=evidence.function.hint,
        explanation=_explained("story", lambda: story(facts)) or () if facts else (),
        told=causes,
        reference_training=_training(reference.recovered.evidence.training),
        known=fault,
        evidence_sha256=gathering.sha256(evidence),
        predict=_explained("prediction", lambda: predict(facts)) if facts else None,
        questions=_explained("questions", lambda: about(facts)) or () if facts else (),
        parameters=task.parameters,
        seed_before=task.seed_before,
        asked_formula="0" if reference.diagnosis.distribution == "zeros" else reference.diagnosis.scale_formula,
        reasons=_explained("reasons", lambda: reasons(facts)) or "" if facts else "",
        blocks=_explained("blocks", lambda: blocks(facts)) or () if facts else (),
    )


def _task(exercise: Exercise, name: str) -> Task:
    return next(task for task in exercise.tasks if task.name == name)


def _with_calls(
    answer: Answer, evidence: FunctionEvidence, right: Callable[[FunctionEvidence], tuple[Outcome, ...]]
) -> Answer:
    """Return the right answer for the calls that this function met; an older grader may have made others than today's."""
    if evidence.function.status != "found" or evidence.broken:
        return answer
    return replace(answer, recovered=measure_more(answer.recovered, right(evidence)))


def _training(training: Training | None) -> TrainingResult | None:
    """Return a training as JSON can hold it."""
    return None if training is None else msgspec.convert(starts.plain_training(training), TrainingResult)


def _told(
    diagnosis: Diagnosis, required: Diagnosis, fault: KnownFault | None, prepared: Prepared, case: Case
) -> tuple[Cause, ...]:
    """Return the causes in words; of those with the same next step, the first."""
    causes: dict[str, Cause] = {}
    for code in diagnosis.causes:
        make = partial(tell, code, diagnosis, required, fault, prepared.measured.quotes, case)
        cause = _explained(code, make)
        if cause is not None:
            causes.setdefault(cause.action, cause)
    return tuple(causes.values())


def _facts(
    evidence: FunctionEvidence,
    reference: Answer,
    prepared: Prepared,
    diagnosis: Diagnosis,
    causes: tuple[Cause, ...],
    *,
    passed: bool,
) -> Facts | None:
    """Return the facts about a function's training that explanations may use; None if there is no training."""
    mine, theirs = evidence.training, reference.recovered.evidence.training
    if mine is None or theirs is None:
        return None
    return Facts(
        mine=mine,
        asked=theirs,
        diagnosis=diagnosis,
        asked_diagnosis=reference.diagnosis,
        measured=prepared.measured,
        passed=passed,
        causes=causes,
    )


def unjudged(function: Function, exercise: Exercise, reason: str) -> FunctionResult:
    """Return the verdict on a function that we could not judge; nothing of it is measured."""
    task = _task(exercise, function.name)
    names = (*task.points, "training")
    checks = grade(
        dict.fromkeys(names, broken("judging.not_judged")),
        {name: title(name) for name in names},
        task,
        exercise,
    )
    points, possible = (sum(getattr(check, key) for check in checks) for key in ("points", "possible"))
    return FunctionResult(
        status="broken",
        points=points,
        possible=possible,
        source=source(function),
        checks=checks,
        diagnosis=Diagnosis(None, None, None, None, None, None, ("unknown",)),
        training=None,
        course_test="not_run",
        message=reason,
        evidence_sha256=gathering.sha256(FunctionEvidence(function)),
    )


def without_text(evidence: FunctionEvidence) -> FunctionEvidence:
    """Return what decides the verdict: equal for code that differs in blanks, comments and place only."""
    return replace(evidence, function=function_without_text(evidence.function), repairs=(), printed=None)


def function_without_text(function: Function) -> Function:
    """Return what is run of a function, equal for code that differs in blanks, comments and place only."""
    code = next((unit.run for unit in function.units if unit.source == function.code), function.code)
    units = tuple(Unit(unit.run, Place(1), unit.tree) for unit in function.units)
    return replace(function, code=code, units=units, place=None, definitions=(), cell_name="")


def source(function: Function) -> Source | None:
    """Return a function's text and place, as its student wrote it."""
    place = function.place
    return None if place is None else Source(place.cell, place.line, _shortened(function.code), function.cell_name)


def _shortened(code: str) -> str:
    """Return the beginning of a function that is too long to be shown; the end says so, and names the whole by its hash."""
    if len(code) <= MOST_CODE:
        return code
    mark = hashlib.sha256(code.encode("utf-8", "replace")).hexdigest()
    return f"{code[:MOST_CODE]}\n{say('judging.code_cut', count=len(code) - MOST_CODE, sha256=mark)}\n"


def _find(name: str, student: Recovered, reference: Recovered, how: str) -> Finding:
    """Return the finding of one check; if it or the function's run broke, that is our fault and no finding about the student."""
    if how == "broken":
        return broken("judging.not_judged.needs")
    try:
        return CHECKS[name](student, reference)
    except Exception as error:  # whatever it is, it is ours; the finding says so and a person looks
        note(f"the check {name}", error)
        return broken("judging.not_judged.error", error=type(error).__name__)


def _with_tolerance(finding: Finding, exercise: Exercise) -> Finding:
    """Return a finding that names the exercise's own tolerance, where it has one."""
    if (
        (exercise.rtol, exercise.atol) == (RTOL, 0.0)
        or not finding.evidence
        or finding.evidence.tolerance != relative()
    ):
        return finding
    tolerance = say("judging.tolerance.own", percent=percent(exercise.rtol), atol=exercise.atol)
    return replace(finding, evidence=replace(finding.evidence, tolerance=tolerance))


def _explained(what: str, make: Callable[[], Value | None]) -> Value | None:
    """Return an explanation, or None if writing it fails: a missing sentence changes no verdict."""
    return attempt(f"explaining ({what})", make, lambda _: None)


def summed_up(
    evidence: Evidence, functions: Mapping[str, FunctionResult], exercise: Exercise, prepared: Prepared
) -> Result:
    """Return the verdict on a submission, from those on its functions."""
    names = evidence.notebook.cell_names
    functions = {name: with_names(function, names) for name, function in functions.items()}
    causes = (cause for function in functions.values() for cause in function.told)
    cells = {cause.place.cell for cause in causes if cause.place} & names.keys()
    notebook = NotebookInfo(
        evidence.notebook.status,
        with_names(evidence.notebook.problems, names),
        {number: names[number] for number in names if number in cells},
    )
    return Result(
        schema="grader-result/1",
        submission=SubmissionInfo(evidence.notebook.name, evidence.notebook.sha256, evidence.student),
        exercise=exercise.name,
        title=exercise.title,
        score=sum(function.points for function in functions.values()),
        possible=sum(function.possible for function in functions.values()),
        provisional=any(function.provisional for function in functions.values()),
        notebook=notebook,
        summary=attempt("summing up", lambda: summarize(notebook, functions), lambda _: _plain_summary(functions)),
        functions=functions,
        provenance=Provenance(
            grader=__version__,
            python=evidence.python,
            numpy=evidence.numpy,
            exercise_sha256=exercise.sha256,
            evidence_sha256=gathering.sha256_of_all(
                {name: function.evidence_sha256 for name, function in functions.items()}
            ),
            isolation=evidence.isolation,
        ),
        sweep=prepared.measured.sweep,
        questions=prepared.questions,
        note=exercise.note,
        lab_url=exercise.lab_url,
        self_check=SELF_CHECK in evidence.isolation,
        points=exercise.model.points,
    )


def _plain_summary(functions: Mapping[str, FunctionResult]) -> Summary:
    """Return a summary that says no more than the points."""
    score, possible = (sum(getattr(result, key) for result in functions.values()) for key in ("points", "possible"))
    headline = say("judging.summary.points", points=of(score, possible))
    step = say("judging.summary.step")
    return Summary(headline, step, f"{headline} {step}", headline)
