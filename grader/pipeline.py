"""The order of the stages, and nothing else: file -> notebook -> functions -> evidence -> findings -> result."""

from __future__ import annotations

import hashlib
import time
from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import msgspec

from grader import reading
from grader._version import __version__
from grader.errors import ExerciseError, SandboxError, UnavailableError
from grader.exercise import asides, quotes, resources, shipped, starts
from grader.exercise.limits import Limits
from grader.exercise.load import RTOL, Exercise, Task
from grader.exercise.starts import Cache
from grader.exercise.training import course_data
from grader.explaining import (
    Course,
    Facts,
    Measured,
    about,
    asked_often,
    known_fault,
    predict,
    stale,
    story,
    summarize,
    sweep,
    tell,
)
from grader.faults import attempt, note
from grader.judging.checks import CHECKS, course_test, title
from grader.judging.checks.values import RELATIVE
from grader.judging.diagnosis import Case, Recovered, diagnose, measure_more, recover, status, within
from grader.judging.grading import grade
from grader.reading.extract import extract
from grader.reading.notebook import not_read, read
from grader.records import (
    Cause,
    Diagnosis,
    Evidence,
    Finding,
    Function,
    FunctionEvidence,
    FunctionResult,
    KnownFault,
    ModelSettings,
    Notebook,
    NotebookInfo,
    Outcome,
    Place,
    Problem,
    Provenance,
    Question,
    Result,
    Source,
    SubmissionInfo,
    Summary,
    Training,
    TrainingResult,
    Unit,
)
from grader.records.points import of
from grader.running import gather as gathering
from grader.running import train
from grader.running.gather import Gatherer, KnownOutcomes
from grader.running.repair import Proved, again, is_right, prove
from grader.running.sandbox import Sandbox
from grader.running.solution import Solution, require_returned
from grader.running.train import Trainer

MOST_CODE = 20_000  # characters of a function in its result; the evidence holds all of it
KEPT = 1000  # verdicts and proofs that a process remembers; they are small
Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Asked:
    """The right answer to one task: its evidence, measured, and what it is called."""

    recovered: Recovered
    diagnosis: Diagnosis


class Pipeline:
    """Grades submissions of one exercise; keeps the confined worker warm and trains equal starts once.

    Examples
    --------
    >>> with Pipeline(exercises.load(), secret=b"...") as pipeline:  # doctest: +SKIP
    ...     result = pipeline.judge(pipeline.collect(Path("doe.ipynb")))
    """

    def __init__(
        self,
        exercise: Exercise,
        secret: bytes,
        *,
        cache: Cache | None = None,
        outcomes: KnownOutcomes | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.exercise = exercise
        self.shipped = shipped.load(exercise)
        limits = limits or exercise.limits
        own = self.shipped.cache()
        trainings = _ShippedFirst(own, {} if cache is None else cache)
        self.trainer = Trainer(
            exercise.model, trainings, waits=self.shipped.waits, seconds=limits.training_seconds, shipped=own.keys()
        )
        self.gatherer = Gatherer(exercise, Sandbox(limits), self.trainer, secret, kept=outcomes)
        # by code: the proof, the text it was proved on, and what the search took
        self._proved: dict[tuple[object, ...], tuple[Proved, tuple[Unit, ...], float]] = {}
        self._right: dict[tuple[object, ...], bytes] = {}  # by code, the hash of what it gave
        self._verdicts: dict[str, FunctionResult] = {}  # on the solution
        self._judged: dict[bytes, FunctionResult] = {}  # by the hash of all that a verdict is made of
        self._hashes: dict[int, tuple[Training, bytes]] = {}  # of trainings, by identity
        self._trainings: dict[
            int, tuple[Training, TrainingResult]
        ] = {}  # by identity: a record is not written out twice

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def prepare(self) -> None:
        """Start the confined worker and measure the right answers, which the first submission would wait for."""
        _ = self.asked, self.measured

    def close(self) -> None:
        """End the confined workers."""
        self.solution.sandbox.close()
        self.gatherer.sandbox.close()

    def grade(self, path: Path, *, name: str | None = None) -> Result:
        """Return the verdict on one file; where our surroundings kept us from reading it, a provisional one."""
        try:
            notebook = reading.read(path, self.gatherer.sandbox.limits, name=name)
        except UnavailableError as error:
            return self.unavailable(path.name if name is None else name, error.problem)[1]
        return self.graded(notebook)[1]

    def unavailable(
        self, name: str, reason: str, *, notes: tuple[Problem, ...] = (), student: str | None = None
    ) -> tuple[Evidence, Result]:
        """Return evidence and provisional verdict on a file that our surroundings kept us from reading."""
        notebook = not_read(name, reason)
        notebook = replace(notebook, problems=(*notebook.problems, *notes))
        evidence = replace(broken(notebook, self.exercise, f"the file could not be read: {reason}"), student=student)
        return evidence, self.judge(evidence)

    def graded(self, notebook: Notebook, *, student: str | None = None) -> tuple[Evidence, Result]:
        """Return evidence and verdict; whatever goes wrong in us, there is a result that says so."""
        try:
            evidence = replace(self.collect(notebook), student=student)
            return evidence, self.judge(evidence)
        except Exception as error:
            failed = f"grading {notebook.name!r}"
            problem = error.problem if isinstance(error, SandboxError) else note(failed, error)
            evidence = replace(broken(notebook, self.exercise, problem), student=student)
            return evidence, self.judge(evidence)

    def collect(self, notebook: Notebook) -> Evidence:
        """Extract, run and train: everything that touches the outside world."""
        shorts = {task.short: task.name for task in self.exercise.tasks}
        limits = self.gatherer.sandbox.limits
        extracted = reading.extract(notebook, self.exercise.names, self.exercise.given, shorts, limits)
        self.gatherer.begin(extracted.cpu_seconds)
        return gathering.collect(
            extracted.notebook,
            extracted.functions,
            self.exercise,
            self.gatherer,
            printed=extracted.printed,
            after=self._with_repairs,
        )

    def _with_repairs(self, evidence: FunctionEvidence, task: Task) -> FunctionEvidence:
        """Add the edits that make a wrong function right; if the search itself fails, there are none."""
        return attempt(f"repairing {task.name}", lambda: self._repaired(evidence, task), lambda _: evidence)

    def _repaired(self, evidence: FunctionEvidence, task: Task) -> FunctionEvidence:
        """Add the edits that make a wrong function right, as long as its submission has time left."""
        function = evidence.function
        tree = (function.name, gathering.trees(function))
        if function.status != "found" or evidence.broken or self._is_known_right(evidence):
            return evidence
        if tree in self._proved and self.gatherer.left_seconds > 0:
            before, units, seconds = self._proved[tree]
            same = function.units == units
            found = before.repairs if same else again(function, self._solved[task.name], before)
            if found is not None:
                self.gatherer.searched_seconds += seconds  # whoever came first: no result hangs on that
                return replace(evidence, repairs=found)
        try:
            right = self.solution.outcomes(task.name, self.gatherer.calls(function, task))
        except SandboxError as error:
            return replace(evidence, broken=error.problem)
        if is_right(evidence, right):
            _hold(self._right, tree, self.gatherer.digest(evidence))
            return evidence
        before_seconds = self.gatherer.searched_seconds
        proof = self._search(evidence, right, task)
        if proof is None:
            return evidence  # beyond repair, or a busy machine
        _hold(self._proved, tree, (proof, function.units, self.gatherer.searched_seconds - before_seconds))
        return replace(evidence, repairs=proof.repairs)

    def _is_known_right(self, evidence: FunctionEvidence) -> bool:
        known = self._right.get((evidence.function.name, gathering.trees(evidence.function)))
        return known is not None and known == self.gatherer.digest(evidence)

    def _search(self, evidence: FunctionEvidence, right: Sequence[Outcome], task: Task) -> Proved | None:
        gatherer, sandbox = self.gatherer, self.gatherer.sandbox
        if gatherer.left_seconds <= 0:
            return None
        started = time.process_time() + sandbox.cpu_seconds
        found = prove(evidence, right, self._solved[task.name], gatherer.sandbox)
        gatherer.searched_seconds += time.process_time() + sandbox.cpu_seconds - started
        return found

    def judge(self, evidence: Evidence) -> Result:
        """Return the verdict on evidence: pure and instant."""
        answers = self._answers(evidence)
        functions = {
            task.name: self._function(evidence.functions[task.name], task, answers) for task in self.exercise.tasks
        }
        notebook = NotebookInfo(evidence.notebook.status, evidence.notebook.problems)
        reference = {name: answer.diagnosis for name, answer in answers.items()}
        return Result(
            schema="grader-result/1",
            submission=SubmissionInfo(evidence.notebook.name, evidence.notebook.sha256, evidence.student),
            exercise=self.exercise.name,
            title=self.exercise.title,
            score=sum(one.points for one in functions.values()),
            possible=sum(one.possible for one in functions.values()),
            provisional=any(one.provisional for one in functions.values()),
            notebook=notebook,
            summary=attempt(
                "summing up", lambda: summarize(notebook, functions, reference), lambda _: _plain_summary(functions)
            ),
            functions=functions,
            provenance=Provenance(
                grader=__version__,
                python=evidence.python,
                numpy=evidence.numpy,
                exercise_sha256=self.exercise.sha256,
                evidence_sha256=gathering.sha256_of_all({name: one.evidence_sha256 for name, one in functions.items()}),
                isolation=evidence.isolation,
            ),
            sweep=self.measured.sweep,
            questions=self.questions,
            note=self.exercise.note,
        )

    def _answers(self, evidence: Evidence) -> Mapping[str, Asked]:
        """Return the right answers; where they cannot be measured, empty ones for evidence that needs none."""
        try:
            return self.asked
        except SandboxError:
            if any(one.outcomes for one in evidence.functions.values()):
                raise
            return {
                task.name: self._named(FunctionEvidence(Function(task.name, "found"))) for task in self.exercise.tasks
            }

    @cached_property
    def asked(self) -> Mapping[str, Asked]:
        """The right answers, which take the same road as a submission."""
        notebook = read(self.exercise.folder / "solution.ipynb")
        found = self.collect(notebook).functions
        return {task.name: self._asked(found[task.name], task) for task in self.exercise.tasks}

    def _asked(self, evidence: FunctionEvidence, task: Task) -> Asked:
        """Return the right answer to a task.

        Every student's function is compared with it, so it is not taken unless it is whole, comes out the same in another
        process and, for an exercise that ships its measured starts, is one of these.
        """
        if evidence.function.status != "found":
            problem = f"the solution has no {task.name} that can be run: {evidence.function.message}"
            raise ExerciseError(problem, hint="fix solution.ipynb and run the command again")
        if evidence.broken:
            problem = f"the solution's {task.name} could not be run: {evidence.broken}"
            raise SandboxError(problem, hint="run the command again")
        calls = self.gatherer.calls(evidence.function, task)
        require_returned(task.name, evidence.outcomes, calls)
        right = self.solution.outcomes(task.name, calls)
        if not is_right(evidence, right):
            problem = f"the solution's {task.name} gives other numbers in every process"
            raise ExerciseError(problem, hint="set a seed in solution.ipynb, or draw from np.random alone")
        is_shipped = self.exercise.folder.resolve() == (resources.reference() / self.exercise.name).resolve()
        start = gathering.start_of(evidence, self.exercise.model)
        if is_shipped and start and not shipped.is_measured(self.shipped, start, self.exercise.model.layers):
            problem = f"the solution's {task.name} does not give the numbers that were measured for this exercise"
            raise ExerciseError(problem, hint="install the grader again, and run the command again")
        return self._named(evidence)

    def _named(self, evidence: FunctionEvidence) -> Asked:
        recovered = recover(evidence)
        own = Case(recovered, recovered)
        return Asked(recovered, diagnose(own, self.exercise.model.layers, passed=True))

    @cached_property
    def course(self) -> Course:
        """What the outputs saved in a notebook are compared with."""
        model, starts = self.exercise.model, shipped.known(self.shipped, self.exercise)
        settings = ModelSettings(model.learning_rate, model.iterations, model.layers)
        return Course(settings, {name: self.trainer.known(key) for name, key in starts.items()}, self._seed)

    @cached_property
    def _seed(self) -> int | None:
        return shipped.solution_seed(self.exercise)

    @cached_property
    def measured(self) -> Measured:
        """What was measured once for the exercise, to compare with."""
        known, model = self.shipped, self.exercise.model
        starts = shipped.known(known, self.exercise)
        named = {0.0: "weights of zero", None: "He's scale"} | {one.scale: f"x{one.scale:g}" for one in known.sweep}
        return Measured(
            learning_rate=model.learning_rate,
            iterations=model.iterations,
            points=course_data().X_train.shape[1],
            sweep=sweep(known),
            runs={scale: self.trainer.known(starts[name]) for scale, name in named.items() if name in starts},
            spread={one.scale: one for one in known.spread},
            asides=asides.load(self.exercise),
            seed=self._seed,
            quotes=quotes.load(self.exercise),
        )

    @cached_property
    def questions(self) -> tuple[Question, ...]:
        """What students ask of the exercise as a whole, answered."""
        return asked_often(self.measured)

    @cached_property
    def solution(self) -> Solution:
        """The right answers for sizes that are drawn for each function anew."""
        return Solution(self._solved, self.gatherer.sandbox.copy())

    @cached_property
    def _solved(self) -> Mapping[str, Function]:
        notebook = read(self.exercise.folder / "solution.ipynb")
        return extract(notebook, self.exercise.names, self.exercise.given)[1]

    def _asked_of(self, evidence: FunctionEvidence, task: Task, asked: Asked) -> Asked:
        """Return the right answer for the calls that this function met; an older grader may have made others than today's."""
        if evidence.function.status != "found" or evidence.broken:
            return asked
        made = [outcome.call for outcome in evidence.outcomes]
        calls = [*made, *self.gatherer.calls(evidence.function, task)[len(made) :]]
        outcomes = self.solution.outcomes(task.name, calls)
        return replace(asked, recovered=measure_more(asked.recovered, outcomes))

    def _function(self, evidence: FunctionEvidence, task: Task, answers: Mapping[str, Asked]) -> FunctionResult:
        """Return the verdict on one function; where judging it fails, that is our fault and the others have theirs."""
        return attempt(
            f"judging {task.name}",
            lambda: self._verdict(evidence, task, answers[task.name]),
            lambda reason: self._unjudged(evidence.function, task, reason),
        )

    def _unjudged(self, function: Function, task: Task, reason: str) -> FunctionResult:
        """Return the verdict on a function that we could not judge; nothing of it is measured."""
        names = (*task.points, "training")
        checks = grade(
            dict.fromkeys(names, Finding("broken", "not judged")),
            {name: title(name) for name in names},
            task,
            self.exercise,
        )
        points, possible = (sum(getattr(check, key) for check in checks) for key in ("points", "possible"))
        return FunctionResult(
            status="broken",
            points=points,
            possible=possible,
            source=_source(function),
            checks=checks,
            diagnosis=Diagnosis(None, None, None, None, None, None, ("unknown",)),
            training=None,
            course_test="not_run",
            message=reason,
            evidence_sha256=gathering.sha256(FunctionEvidence(function)),
        )

    def _verdict(self, evidence: FunctionEvidence, task: Task, answer: Asked) -> FunctionResult:
        """Return the verdict on one function; what is equal in all that a verdict is made of is judged once."""
        known = known_fault(evidence.repairs, self.exercise.show)
        bare = _without_text(evidence)
        key = self._key(bare, known)
        judged = self._judged.pop(key, None)
        if judged is None and known is None and self._is_known_right(evidence):
            judged = self._right_verdict(bare, task)
        if judged is None:
            judged = self._judge(bare, task, known, answer)
        if gathering.is_whole(evidence):
            _hold(self._judged, key, judged)  # as the last to go: what is usual stays
        old = attempt("comparing saved outputs", lambda: stale(evidence, self.course), lambda _: ())
        return replace(judged, source=_source(evidence.function), stale=old)

    def _key(self, bare: FunctionEvidence, known: KnownFault | None) -> bytes:
        """Return the hash of all that a verdict is made of; the two large parts are hashed once and go in as hashes."""
        small = replace(bare, outcomes=(), training=None)
        calls = [outcome.call for outcome in bare.outcomes]
        parts = (small, calls, known, self.gatherer.digest(bare), self._hash(bare.training))
        return hashlib.sha256(msgspec.msgpack.encode(parts)).digest()

    def _hash(self, training: Training | None) -> bytes:
        if training is None:
            return b""
        if id(training) not in self._hashes:
            hashed = hashlib.sha256(msgspec.msgpack.encode(training)).digest()
            _hold(self._hashes, id(training), (training, hashed), train.KEPT_TRAININGS)
        return self._hashes[id(training)][1]

    def _right_verdict(self, evidence: FunctionEvidence, task: Task) -> FunctionResult | None:
        """Return the solution's own verdict for what gave the same on every call; None if it trains otherwise by rounding."""
        asked = self.asked[task.name].recovered.evidence
        if evidence.training is not asked.training or evidence.function.message or evidence.broken:
            return None
        if task.name not in self._verdicts:
            self._verdicts[task.name] = self._judge(replace(asked, repairs=()), task, None, self.asked[task.name])
        return replace(self._verdicts[task.name], evidence_sha256=gathering.sha256(evidence))

    def _judge(self, evidence: FunctionEvidence, task: Task, known: KnownFault | None, answer: Asked) -> FunctionResult:
        """Return what is said of a function but for its text and the outputs saved beside it, which it is not given."""
        asked = self._asked_of(evidence, task, answer)
        if (self.exercise.rtol, self.exercise.atol) != (RTOL, 0.0):
            evidence = within(evidence, asked.recovered.evidence, self.exercise.rtol, self.exercise.atol)
        student = recover(evidence, asked.recovered)
        case = Case(student, asked.recovered)
        how = status(evidence)
        findings = {name: _find(name, student, asked.recovered, how) for name in (*task.points, "training")}
        findings = {name: _with_tolerance(finding, self.exercise) for name, finding in findings.items()}
        titles = {name: title(name) for name in findings}
        checks = grade(findings, titles, task, self.exercise)
        points, possible = (sum(getattr(check, key) for check in checks) for key in ("points", "possible"))
        passed = how == "graded" and points == possible
        diagnosis = diagnose(case, self.exercise.model.layers, passed=passed)
        known = None if passed else known
        told = tuple(
            cause
            for code in diagnosis.causes
            if (cause := _explained(code, partial(tell, code, diagnosis, asked.diagnosis, known, self.measured.quotes)))
            is not None
        )
        facts = _explained("training", lambda: self._facts(evidence, asked, diagnosis, told, passed=passed))
        return FunctionResult(
            status=how,
            points=points,
            possible=possible,
            source=None,
            checks=checks,
            diagnosis=diagnosis,
            training=self._training(evidence.training),
            course_test=course_test(student, asked.recovered, task.course_test),
            message=evidence.function.message or evidence.broken,
            hint=evidence.function.hint,
            explanation=_explained("story", lambda: story(facts)) or () if facts else (),
            told=told,
            reference_training=self._training(asked.recovered.evidence.training),
            known=known,
            evidence_sha256=gathering.sha256(evidence),
            predict=_explained("prediction", lambda: predict(facts)) if facts else None,
            questions=_explained("questions", lambda: about(facts)) or () if facts else (),
        )

    def _training(self, training: Training | None) -> TrainingResult | None:
        """Return a training as JSON can hold it; of equal runs the very same record."""
        if training is None:
            return None
        if id(training) not in self._trainings:
            made = msgspec.convert(starts.plain_training(training), TrainingResult)
            _hold(self._trainings, id(training), (training, made), train.KEPT_TRAININGS)
        return self._trainings[id(training)][1]

    def _facts(
        self,
        evidence: FunctionEvidence,
        asked: Asked,
        diagnosis: Diagnosis,
        told: tuple[Cause, ...],
        *,
        passed: bool,
    ) -> Facts | None:
        """Return what may be told of a function's run; None if there is none."""
        mine, theirs = evidence.training, asked.recovered.evidence.training
        if mine is None or theirs is None:
            return None
        return Facts(
            mine=mine,
            asked=theirs,
            diagnosis=diagnosis,
            asked_diagnosis=asked.diagnosis,
            measured=self.measured,
            passed=passed,
            told=told,
        )


class _ShippedFirst(ChainMap[str, bytes]):
    """Trainings, looked up among those that are shipped first; what is made goes to the cache, which may be a store's."""

    def __setitem__(self, key: str, value: bytes) -> None:
        self.maps[0].pop(key, None)
        self.maps[1][key] = value


def _hold(held: dict[Key, Value], key: Key, value: Value, most: int = KEPT) -> None:
    """Keep what was made, in place of the oldest where there is enough."""
    if len(held) >= most:
        del held[next(iter(held))]
    held[key] = value


def broken(notebook: Notebook, exercise: Exercise, problem: str) -> Evidence:
    """Return evidence that says that we failed, so that the submission still gets its row and its page."""
    functions = {name: FunctionEvidence(Function(name, "found"), broken=problem) for name in exercise.names}
    return Evidence(replace(notebook, cells=()), functions, exercise.name, exercise.sha256, (), "", "")


def _find(name: str, student: Recovered, reference: Recovered, how: str) -> Finding:
    """Run one check; where it or the function's run broke, that is our fault and no finding about the student."""
    if how == "broken":
        return Finding("broken", "not judged: we could not run the function")
    try:
        return CHECKS[name](student, reference)
    except Exception as error:  # whatever it is, it is ours; the finding says so and a person looks
        note(f"the check {name}", error)
        return Finding("broken", f"this check broke ({type(error).__name__})")


def _with_tolerance(finding: Finding, exercise: Exercise) -> Finding:
    """Return a finding that names the exercise's own tolerance, where it has one."""
    if (exercise.rtol, exercise.atol) == (RTOL, 0.0) or not finding.evidence or finding.evidence.tolerance != RELATIVE:
        return finding
    tolerance = f"each number within {exercise.rtol:g} of the reference's, relative, plus {exercise.atol:g}"
    return replace(finding, evidence=replace(finding.evidence, tolerance=tolerance))


def _explained(what: str, make: Callable[[], Value | None]) -> Value | None:
    """Return an explanation, or None where writing it fails: a sentence less changes no verdict."""
    return attempt(f"explaining ({what})", make, lambda _: None)


def _plain_summary(functions: Mapping[str, FunctionResult]) -> Summary:
    """Return a summary that says no more than the points."""
    score, possible = (sum(getattr(one, key) for one in functions.values()) for key in ("points", "possible"))
    headline = f"{of(score, possible)} points."
    step = "Read what each function's checks say."
    return Summary(headline, step, f"{headline} {step}")


def _shortened(code: str) -> str:
    """Return the beginning of a function that is too long to be shown; the end says so, and names the whole by its hash."""
    if len(code) <= MOST_CODE:
        return code
    mark = hashlib.sha256(code.encode("utf-8", "replace")).hexdigest()
    return f"{code[:MOST_CODE]}\n# ... {len(code) - MOST_CODE} more characters are not kept here (sha256 {mark})\n"


def _without_text(evidence: FunctionEvidence) -> FunctionEvidence:
    """Return what a function's verdict is made of: equal for code that differs in blanks, comments and place only."""
    function = evidence.function
    code = next((unit.run for unit in function.units if unit.source == function.code), function.code)
    units = tuple(Unit(unit.run, Place(1), unit.tree) for unit in function.units)
    plain = replace(function, code=code, units=units, place=None, definitions=())
    return replace(evidence, function=plain, repairs=(), printed=None)


def _source(function: Function) -> Source | None:
    place = function.place
    return None if place is None else Source(place.cell, place.line, _shortened(function.code))
