"""The order of the stages, and nothing else: file -> notebook -> functions -> evidence -> findings -> result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import TracebackType

from grader import reading
from grader.errors import LateError, SandboxError, UnavailableError
from grader.exercise import shipped
from grader.exercise.limits import Limits
from grader.exercise.load import Exercise
from grader.exercise.starts import Cache
from grader.explaining import known_fault, stale
from grader.explaining.summary import summarize
from grader.faults import attempt, note
from grader.messages import say
from grader.prepare import Prepared, prepare, unanswered
from grader.reading.extract import SyntaxFacts, extract
from grader.reading.notebook import not_read, read
from grader.records import (
    Evidence,
    Function,
    FunctionEvidence,
    FunctionResult,
    Notebook,
    Outcome,
    Problem,
    Result,
    Summary,
)
from grader.running import gather as gathering
from grader.running.gather import Gatherer
from grader.running.repairs import Repairer
from grader.running.sandbox import Sandbox
from grader.running.solution import Solution
from grader.running.train import ShippedFirst, Trainer
from grader.verdict import VerdictInput, source, summed_up, unjudged, verdict, without_text


class Pipeline:
    """Grades submissions of one exercise with a confined worker that stays warm; each is graded as if it were the first."""

    facts: SyntaxFacts | None = None  # of other notebooks: none

    def __init__(
        self,
        exercise: Exercise,
        secret: bytes,
        *,
        cache: Cache | None = None,
        limits: Limits | None = None,
        self_check: bool = False,
    ) -> None:
        self.exercise, self.shipped = exercise, shipped.load(exercise)
        limits, own = limits or exercise.limits, self.shipped.cache()
        trainings = ShippedFirst(own, {} if cache is None else cache)
        self.trainer = Trainer(
            exercise.model, trainings, waits=self.shipped.waits, seconds=limits.training_seconds, shipped=own.keys()
        )
        solution = read(exercise.folder / "solution.ipynb")
        solved = extract(solution, exercise.names, exercise.given, self.facts)[1]
        self._assemble(Sandbox(limits, self_check=self_check), secret, solved)

    def _assemble(self, sandbox: Sandbox, secret: bytes, solved: Mapping[str, Function]) -> None:
        """Make the stages that run code."""
        self.gatherer = Gatherer(self.exercise, sandbox, self.trainer, secret)
        self.solution = Solution(solved, sandbox.copy())
        self.repairer = Repairer(self.gatherer, self.solution)

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the confined workers."""
        self.solution.sandbox.close()
        self.gatherer.sandbox.close()

    def grade(self, path: Path, *, name: str | None = None) -> Result:
        """Return the verdict on one file; it is provisional if this machine could not read the file."""
        try:
            notebook = reading.read(path, self.gatherer.sandbox.limits, name=name)
        except UnavailableError as error:
            return self.unavailable(path.name if name is None else name, error.problem)[1]
        return self.graded(notebook)[1]

    def can_start(self) -> bool:
        """Return whether the confined worker can start on this machine; the first submission then finds it ready."""
        try:
            return bool(self.gatherer.sandbox.layers)
        except LateError:
            return True
        except SandboxError:
            return False

    def not_run(self, notebook: Notebook, reason: str) -> Result:
        """Return the provisional verdict on a notebook whose code may not run here."""
        evidence = gathering.broken(notebook, self.exercise, reason)
        return self._judged(evidence, unanswered(self.exercise, self.shipped, self.trainer))

    def unavailable(
        self, name: str, reason: str, *, notes: tuple[Problem, ...] = (), student: str | None = None
    ) -> tuple[Evidence, Result]:
        """Return evidence and a provisional verdict on a file that this machine could not read."""
        notebook = not_read(name, reason)
        notebook = replace(notebook, problems=(*notebook.problems, *notes))
        evidence = replace(
            gathering.broken(notebook, self.exercise, say("judging.unreadable", reason=reason)), student=student
        )
        return evidence, self.judge(evidence)

    def graded(self, notebook: Notebook, *, student: str | None = None) -> tuple[Evidence, Result]:
        """Return evidence and verdict; if the grader itself fails, the result says so."""
        try:
            evidence = replace(self.collect(notebook), student=student)
            return evidence, self.judge(evidence)
        except Exception as error:
            failed = f"grading {notebook.name!r}"
            problem = error.problem if isinstance(error, SandboxError) else note(failed, error)
            evidence = replace(gathering.broken(notebook, self.exercise, problem), student=student)
            return evidence, self.judge(evidence)

    def collect(self, notebook: Notebook) -> Evidence:
        """Return the evidence of a notebook: extract, run, repair and train.  Everything that runs student code is in here."""
        shorts = {task.short: task.name for task in self.exercise.tasks}
        limits = self.gatherer.sandbox.limits
        extracted = reading.extract(notebook, self.exercise.names, self.exercise.given, shorts, limits, self.facts)
        self.gatherer.begin(extracted.cpu_seconds)
        functions = {
            name: replace(function, cell_name=notebook.cell_name(function.place))
            for name, function in extracted.functions.items()
        }
        printed = extracted.printed
        return gathering.collect(
            extracted.notebook, functions, self.exercise, self.gatherer, printed=printed, after=self.repairer.repaired
        )

    def judge(self, evidence: Evidence) -> Result:
        """Return the verdict on evidence; no student's code runs."""
        return self._judged(evidence, self._prepared_for(evidence))

    def _judged(self, evidence: Evidence, prepared: Prepared) -> Result:
        functions = {name: self._function(evidence.functions[name], prepared) for name in self.exercise.names}
        return summed_up(evidence, functions, self.exercise, prepared)

    @staticmethod
    def summary_of(result: Result, names: Sequence[str]) -> Summary:
        """Return the summary of some functions alone, as a part of an assignment is graded."""
        functions = {name: result.functions[name] for name in names}
        return summarize(result.notebook, functions, is_part=len(names) < len(result.functions))

    def _function(self, evidence: FunctionEvidence, prepared: Prepared) -> FunctionResult:
        """Return the verdict on one function; if judging it fails, that is our fault and the others are judged as usual."""
        function = evidence.function

        def judged() -> FunctionResult:
            fault = attempt("a proved fault", lambda: known_fault(evidence.repairs, self.exercise.show), lambda _: None)
            old = attempt("comparing saved outputs", lambda: stale(evidence, prepared.course), lambda _: ())
            result = self.verdict(VerdictInput(without_text(evidence), fault), prepared)
            return replace(result, source=source(function), stale=old)

        return attempt(f"judging {function.name}", judged, lambda reason: unjudged(function, self.exercise, reason))

    def verdict(self, given: VerdictInput, prepared: Prepared) -> FunctionResult:
        """Return the verdict on a function; its text and the outputs saved beside it are added later."""
        return verdict(given, self.exercise, prepared, self._right)

    def _right(self, evidence: FunctionEvidence) -> tuple[Outcome, ...]:
        """Return what the right answer gives for the calls that were made of a function, and for those that it did not reach."""
        met = [outcome.call for outcome in evidence.outcomes]
        name = evidence.function.name
        return self.solution.outcomes(name, [*met, *self.gatherer.calls(evidence.function)[len(met) :]])

    @cached_property
    def prepared(self) -> Prepared:
        """What is measured once for the exercise; the right answers go through the same stages as a submission."""
        right = self.collect(read(self.exercise.folder / "solution.ipynb")).functions
        return prepare(self.exercise, self.shipped, self.gatherer, self.solution, right)

    def _prepared_for(self, evidence: Evidence) -> Prepared:
        """Return what is prepared; if right answers cannot be measured, empty ones for evidence that needs none."""
        try:
            return self.prepared
        except SandboxError:
            if any(function.outcomes for function in evidence.functions.values()):
                raise
            return unanswered(self.exercise, self.shipped, self.trainer)
