"""What is measured once for an exercise, before its first submission: the right answers, and what to compare with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from grader import resources
from grader.errors import ExerciseError, SandboxError
from grader.exercise import asides, quotes, shipped
from grader.exercise.load import Exercise, Task
from grader.exercise.shipped import Shipped
from grader.explaining import Course, Measured, asked_often, sweep
from grader.faults import attempt
from grader.judging.diagnosis import Case, Recovered, diagnose, recover
from grader.messages import failure
from grader.records import Diagnosis, Function, FunctionEvidence, ModelSettings, Question
from grader.records.compare import same
from grader.running import gather as gathering
from grader.running.gather import Gatherer
from grader.running.solution import Solution, require_returned
from grader.running.train import Trainer


@dataclass(frozen=True, slots=True)
class Answer:
    """The right answer to one task: its evidence, measured, and what it is called."""

    recovered: Recovered
    diagnosis: Diagnosis


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is measured once for an exercise.

    `answers` are the right answers by task, `course` what the outputs saved in a notebook are compared with, `questions`
    what students ask of the exercise as a whole, answered.
    """

    answers: Mapping[str, Answer]
    course: Course
    measured: Measured
    questions: tuple[Question, ...]


def prepare(
    exercise: Exercise, numbers: Shipped, gatherer: Gatherer, solution: Solution, right: Mapping[str, FunctionEvidence]
) -> Prepared:
    """Return what is measured once for an exercise.

    `right` is the evidence of its solution's functions, `known` what is shipped with it.

    Raises
    ------
    ExerciseError
        If the solution cannot be what students' functions are compared with.
    SandboxError
        If it could not be run.
    """
    answers = {
        task.name: _answer(right[task.name], task, exercise, numbers, gatherer, solution) for task in exercise.tasks
    }
    return _prepared(exercise, numbers, gatherer.trainer, answers)


def unanswered(exercise: Exercise, numbers: Shipped, trainer: Trainer) -> Prepared:
    """Return what is measured once, with empty answers: for evidence that needs none, where they cannot be measured."""
    empty = {name: _named(FunctionEvidence(Function(name, "found")), exercise) for name in exercise.names}
    return _prepared(exercise, numbers, trainer, empty)


def _prepared(exercise: Exercise, numbers: Shipped, trainer: Trainer, answers: Mapping[str, Answer]) -> Prepared:
    facts = _measured(exercise, numbers, trainer)
    questions = attempt("answering questions", lambda: asked_often(facts), lambda _: ())
    return Prepared(answers, _course(exercise, numbers, trainer), facts, questions)


def _answer(
    evidence: FunctionEvidence, task: Task, exercise: Exercise, numbers: Shipped, gatherer: Gatherer, solution: Solution
) -> Answer:
    """Return the right answer to a task.

    Every student's function is compared with it, so it is not taken unless it is whole, comes out the same in another
    process and, for an exercise that ships its measured starts, is one of these.
    """
    if evidence.function.status != "found":
        raise failure(ExerciseError, "exercise.solution.missing", task=task.name, message=evidence.function.message)
    if evidence.broken:
        raise failure(SandboxError, "exercise.solution.broken", task=task.name, broken=evidence.broken)
    calls = gatherer.calls(evidence.function)
    require_returned(task.name, evidence.outcomes, calls)
    right = solution.outcomes(task.name, calls)
    if not same(evidence.outcomes, right):
        raise failure(ExerciseError, "exercise.solution.random", task=task.name)
    is_shipped = exercise.folder.resolve() == (resources.reference() / exercise.name).resolve()
    start = gathering.start_of(evidence, exercise.model)
    if is_shipped and start and not shipped.is_measured(numbers, start, exercise.model.layers):
        raise failure(ExerciseError, "exercise.solution.differs", task=task.name)
    return _named(evidence, exercise)


def _named(evidence: FunctionEvidence, exercise: Exercise) -> Answer:
    """Return a right answer, measured and named."""
    recovered = recover(evidence)
    own = Case(recovered, recovered)
    return Answer(recovered, diagnose(own, exercise.model.layers, passed=True))


def _course(exercise: Exercise, numbers: Shipped, trainer: Trainer) -> Course:
    model, starts = exercise.model, shipped.known(numbers, exercise)
    settings = ModelSettings(model.learning_rate, model.iterations, model.layers)
    return Course(settings, {name: trainer.known(key) for name, key in starts.items()}, shipped.solution_seed(exercise))


def measured(exercise: Exercise) -> Measured:
    """Return what was measured beforehand for an exercise; nothing is run or trained."""
    numbers = shipped.load(exercise)
    return _measured(exercise, numbers, Trainer(exercise.model, cache=numbers.cache()))


def _measured(exercise: Exercise, numbers: Shipped, trainer: Trainer) -> Measured:
    model = exercise.model
    starts = shipped.known(numbers, exercise)
    named = {0.0: "weights of zero", None: "He's scale"} | {row.scale: f"x{row.scale:g}" for row in numbers.sweep}
    runs = {scale: trainer.known(starts[name]) for scale, name in named.items() if name in starts}
    return Measured(
        learning_rate=model.learning_rate,
        iterations=model.iterations,
        points=model.points.train,
        sweep=sweep(numbers, runs),
        runs=runs,
        spread={row.scale: row for row in numbers.spread},
        asides=asides.load(exercise, numbers),
        seed=shipped.solution_seed(exercise),
        quotes=quotes.load(exercise),
        layers=model.layers,
        printed=all(task.seed_before is None for task in exercise.tasks),
    )
