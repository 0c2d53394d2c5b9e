"""Is an exercise sound?  Its answers pass, nothing earns nothing, mistakes are told apart, and the words fit the runs."""

from __future__ import annotations

import contextlib
import secrets
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import msgspec

from grader import reading
from grader.authoring import notebooks
from grader.authoring.choices import MOST_SEED
from grader.authoring.create import ASSIGNMENT, SOLUTION
from grader.authoring.mistakes import wrong_functions
from grader.authoring.rewrite import literal
from grader.errors import ExerciseError, SandboxError
from grader.exercise import asides, places, quotes, shipped
from grader.exercise import load as exercises
from grader.exercise.load import Exercise
from grader.explaining import Measured
from grader.explaining.facts import HE, MANY, plain_number
from grader.explaining.questions import shows_waiting
from grader.judging.checks import CHECKS
from grader.memo import RememberingPipeline
from grader.messages import say
from grader.pipeline import Pipeline
from grader.precompute.parts import STATE
from grader.records import FunctionResult, Result
from grader.records.points import of
from grader.rendering.lab import has_lab

TRAINING_SECONDS = 0.1  # of a mistake's training: what it is called needs none of it


@dataclass(frozen=True, slots=True)
class Remark:
    """Something about an exercise: an error makes it unsound, a note says what students will not get.

    `place` is the file, with a line or cell where there is one; `hint` is what to do.
    """

    level: Literal["error", "note"]
    place: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class TriedMistake:
    """What grading says of a right answer with one mistake in it.

    `is_named` is whether the expected cause is among those named and points are lost; `is_right` that the mistake makes no
    difference here.
    """

    function: str
    short: str
    mistake: str
    words: str
    expected: str
    causes: tuple[str, ...]
    scale_formula: str | None
    points: float
    possible: float
    is_named: bool
    is_right: bool


@dataclass(frozen=True, slots=True)
class RightRun:
    """How the training from a right answer ends."""

    function: str
    short: str
    regime: str
    train_accuracy: float
    test_accuracy: float | None
    scale_formula: str | None


@dataclass(frozen=True, slots=True)
class PageText:
    """A text of pages that depends on what was measured or quoted; if it is not shown, why."""

    words: str
    is_shown: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Soundness:
    """Everything that was looked at; `is_sound` if nothing is an error."""

    exercise: str
    is_sound: bool
    remarks: tuple[Remark, ...]
    runs: tuple[RightRun, ...]
    mistakes: tuple[TriedMistake, ...]
    shown: tuple[PageText, ...]


def examine(folder: str) -> Soundness:
    """Look at an exercise as its first students will.

    Raises
    ------
    ExerciseError
        If it cannot be read.
    SandboxError
        If nothing can be confined on this machine.
    """
    exercise = exercises.load(folder, CHECKS)
    remarks: list[Remark] = []
    limits = replace(exercise.limits, training_seconds=TRAINING_SECONDS)
    secret = secrets.token_bytes(32)
    for file, read in _FILES.items():
        try:
            read(exercise)
        except ExerciseError as error:
            return _unreadable(exercise, file, error)
    with Pipeline(exercise, secret) as pipeline:
        try:
            right = pipeline.grade(exercise.folder / SOLUTION)
            remarks += _of_solution(right)
            measured = pipeline.prepared.measured
        except ExerciseError as error:
            return _unreadable(exercise, SOLUTION, error)
        remarks += _of_assignment(exercise, pipeline)
    remarks += _of_seed(exercise)
    runs = tuple(_run(exercise, right))
    with RememberingPipeline(exercise, secret, limits=limits) as pipeline:
        mistakes = tuple(_mistakes(exercise, pipeline))
    remarks += _of_mistakes(mistakes, exercise)
    remarks += _of_files(exercise)
    remarks += _of_runs(exercise, right, measured)
    shown = tuple(_shown(exercise, right, measured))
    is_sound = all(remark.level != "error" for remark in remarks)
    return Soundness(exercise.name, is_sound, tuple(remarks), runs, mistakes, shown)


_FILES: dict[str, Callable[[Exercise], object]] = {
    quotes.FILE: quotes.read,
    shipped.FILE: lambda exercise: shipped.decoded(exercise.folder / shipped.FILE, shipped.Shipped),
    asides.FILE: lambda exercise: shipped.decoded(exercise.folder / asides.FILE, asides.Asides),
}  # those that an exercise may have, and what reads them


def _unreadable(exercise: Exercise, place: str, error: ExerciseError) -> Soundness:
    """Return the end of an examination at a file without which nothing else can be looked at."""
    remark = Remark("error", place, error.problem, error.hint)
    return Soundness(exercise.name, is_sound=False, remarks=(remark,), runs=(), mistakes=(), shown=())


# --- solution and assignment -----------------------------------------------------------------------------------------


def _of_solution(right: Result) -> Iterator[Remark]:
    if right.notebook.status not in ("ok", "repaired"):
        yield Remark(
            "error", SOLUTION, say("authoring.check.solution_unreadable"), say("authoring.check.solution.hint")
        )
        return
    for name, function in right.functions.items():
        if function.provisional:
            raise SandboxError(function.message, hint=say("running.again"))
        if function.passed:
            continue
        reasons = [check.message for check in function.checks if check.verdict == "failed"][:1] or [function.message]
        yield Remark(
            "error",
            _place(SOLUTION, function),
            say("authoring.check.solution", name=name, score=of(function.points, function.possible), reason=reasons[0]),
            say("authoring.check.solution.hint"),
        )


def _of_seed(exercise: Exercise) -> Iterator[Remark]:
    seed = shipped.solution_seed(exercise)
    if seed is not None and seed > MOST_SEED:
        message = say("authoring.check.seed", seed=seed, most=MOST_SEED)
        yield Remark("error", SOLUTION, message, say("authoring.check.seed.hint"))


def _place(file: str, function: FunctionResult) -> str:
    source = function.source
    return file if source is None or source.cell is None else say("authoring.check.cell", file=file, cell=source.cell)


def _of_assignment(exercise: Exercise, pipeline: Pipeline) -> Iterator[Remark]:
    path = exercise.folder / ASSIGNMENT
    if not path.is_file():
        yield Remark(
            "note", ASSIGNMENT, say("authoring.check.no_assignment"), say("authoring.check.no_assignment.hint")
        )
        return
    untouched = pipeline.grade(path)
    for name, function in untouched.functions.items():
        if function.status != "not_attempted":
            hint = say("authoring.check.assignment.hint")
            message = say("authoring.check.assignment", name=name, status=function.status)
            yield Remark("error", _place(ASSIGNMENT, function), message, hint)
    if untouched.score:
        message = say("authoring.check.assignment_points", score=of(untouched.score, untouched.possible))
        yield Remark("error", ASSIGNMENT, message, say("authoring.check.assignment.hint"))


# --- mistakes --------------------------------------------------------------------------------------------------------


def _mistakes(exercise: Exercise, pipeline: Pipeline) -> Iterator[TriedMistake]:
    sources = notebooks.functions(exercise.folder / SOLUTION)
    given = "\n".join(exercise.given.values())
    for task in exercise.tasks:
        for wrong in wrong_functions(sources[task.name][1]) if task.name in sources else ():
            cells = [notebooks.NewCell("code", "given", given), notebooks.NewCell("code", "wrong", wrong.source)]
            notebook = reading.parse(notebooks.write_text(cells).encode(), "mistake.ipynb", exercise.limits)
            function = pipeline.graded(notebook)[1].functions[task.name]
            diagnosis = function.diagnosis
            yield TriedMistake(
                function=task.name,
                short=task.short,
                mistake=wrong.mistake.name,
                words=say(f"authoring.mistake.{wrong.mistake.name}"),
                expected=wrong.mistake.cause,
                causes=diagnosis.causes,
                scale_formula=diagnosis.scale_formula,
                points=function.points,
                possible=function.possible,
                is_named=wrong.mistake.cause in diagnosis.causes and function.points < function.possible,
                is_right=function.passed,
            )


def _of_mistakes(mistakes: tuple[TriedMistake, ...], exercise: Exercise) -> Iterator[Remark]:
    for tried in mistakes:
        if tried.is_right:
            message = say("authoring.check.no_mistake", name=tried.function, words=tried.words)
            yield Remark("note", SOLUTION, message, say("authoring.check.no_mistake.hint"))
        elif not tried.is_named:
            message = say(
                "authoring.check.not_named",
                name=tried.function,
                words=tried.words,
                expected=tried.expected,
                causes=tried.causes,
                score=of(tried.points, tried.possible),
            )
            yield Remark("error", "exercise.toml", message, say("authoring.check.not_named.hint"))
    for task in exercise.tasks:
        if not any(tried.function == task.name for tried in mistakes):
            message = say("authoring.check.no_mistakes", name=task.name)
            yield Remark("note", SOLUTION, message, say("authoring.check.no_mistakes.hint"))


# --- runs, and what is said of them ----------------------------------------------------------------------------------


def _run(exercise: Exercise, right: Result) -> Iterator[RightRun]:
    for task in exercise.tasks:
        function = right.functions[task.name]
        if run := function.training:
            formula = function.diagnosis.scale_formula
            yield RightRun(task.name, task.short, run.regime, run.train_accuracy, run.test_accuracy, formula)


def _of_runs(exercise: Exercise, right: Result, measured: Measured) -> Iterator[Remark]:
    """Say of which right answers the run is not of the kind that the words are written for."""
    for task in exercise.tasks:
        function = right.functions[task.name]
        run, formula = function.training, function.diagnosis.scale_formula
        if run is None:
            message = say("authoring.check.not_trained", name=task.name)
            yield Remark("note", SOLUTION, message, say("authoring.check.not_trained.hint"))
        elif formula == HE and run.regime != "healthy":
            message = say(
                "authoring.check.not_learned", name=task.name, iterations=exercise.model.iterations, regime=run.regime
            )
            line = _line(exercise.folder / "exercise.toml", "model", "iterations")
            yield Remark("note", line, message, say("authoring.check.not_learned.hint"))
        elif _kind(function) == "scale" and float(run.saturated) < MANY and run.regime != "healthy":
            message = say("authoring.check.not_harmful", name=task.name, scale=formula)
            yield Remark("note", SOLUTION, message, say("authoring.check.not_harmful.hint"))
    if measured.sweep and not shows_waiting(measured):
        yield Remark("note", shipped.FILE, say("authoring.check.no_waiting"), say("authoring.check.no_waiting.hint"))


def _kind(function: FunctionResult) -> str:
    """Return what a right answer is: zeros, a plain scale, He's rule or another."""
    formula = function.diagnosis.scale_formula
    if function.diagnosis.distribution == "zeros":
        return "zeros"
    if formula == HE:
        return "he"
    return "other" if plain_number(formula) is None else "scale"


def _of_files(exercise: Exercise) -> Iterator[Remark]:
    folder, hint = exercise.folder, say("authoring.check.measure.hint", folder=shlex.quote(f"{exercise.folder}"))
    if (folder / STATE).is_file():
        yield Remark("note", STATE, say("authoring.check.unfinished"), hint)
    elif not (folder / shipped.FILE).is_file():
        yield Remark("note", shipped.FILE, say("authoring.check.unmeasured"), hint)
    elif not shipped.load(exercise).sweep:
        yield Remark("note", shipped.FILE, say("authoring.check.measured_before"), hint)
    if (folder / quotes.FILE).is_file():
        yield from _of_quotes(exercise)


def _of_quotes(exercise: Exercise) -> Iterator[Remark]:
    """Say which quotes are not shown, or are not in the student's notebook."""
    path = exercise.folder / quotes.FILE
    quoted, current = quotes.read(exercise), shipped.terms(exercise)
    if quoted is None:
        return
    if quoted.terms != current:
        before, now = (msgspec.structs.asdict(terms) for terms in (quoted.terms, current))
        changed = [f"{key} = {literal(value)}" for key, value in now.items() if value != before[key]]
        hint = say("authoring.check.quotes_before.hint", lines=changed)
        yield Remark("note", quotes.FILE, say("authoring.check.quotes_before"), hint)
        return
    notebook, text = exercise.folder / ASSIGNMENT, None
    if notebook.is_file():
        with contextlib.suppress(ExerciseError):  # that it cannot be read is a remark already
            text = notebooks.words(notebook)
    for key, words in (("zeros", quoted.zeros), ("small", quoted.small)):
        if words and text is not None and " ".join(words.split()) not in text:
            message = say("authoring.check.not_quoted", key=key, words=words, file=ASSIGNMENT)
            yield Remark("error", _line(path, "", key), message, say("authoring.check.not_quoted.hint", key=key))


def _line(path: Path, section: str, key: str) -> str:
    """Return the place of a key in a TOML file."""
    line = places.line_of(path.read_text(encoding="utf-8"), section, key)
    return say("authoring.check.line", file=path.name, line=line)


def _shown(exercise: Exercise, right: Result, measured: Measured) -> Iterator[PageText]:
    """Yield what pages say beyond the run itself, and why they do not say it of this exercise."""
    kinds = {_kind(function): function.training for function in right.functions.values()}
    unmeasured = "" if measured.sweep else say("authoring.why.unmeasured")
    aside = "" if measured.asides else say("authoring.why.unmeasured")
    earlier = measured.asides is not None and bool(measured.asides.flower)
    scale = kinds.get("scale")
    large = "" if scale and float(scale.saturated) >= MANY else say("authoring.why.not_harmful")
    waits = unmeasured or ("" if shows_waiting(measured) else say("authoring.why.no_waiting"))
    quoted = measured.quotes

    def asked(kind: str) -> str:
        return "" if kind in kinds else say(f"authoring.why.no_{kind}")

    def quote(words: str) -> str:
        return "" if words else say("authoring.why.no_quote")

    reasons = {
        "sweep": unmeasured,
        "waiting": waits,
        "before": aside or ("" if earlier else say("authoring.why.earlier")),
        "zeros": asked("zeros") or aside,
        "harm": asked("scale") or unmeasured or large,
        "he": asked("he") or aside,
        "quote_zeros": asked("zeros") or quote(quoted.zeros if quoted else ""),
        "quote_small": asked("scale") or quote(quoted.small if quoted else "") or large,
        "loops": asked("he") or quote(quoted.loops if quoted else ""),
        "lab": "" if has_lab(exercise) else say("authoring.why.no_lab"),
    }
    for name, reason in reasons.items():
        yield PageText(say(f"authoring.shown.{name}"), not reason, reason)
