"""Functions -> Evidence: calls them confined, and trains the full model from what they return.

The last stage that touches the outside world.
"""

from __future__ import annotations

import hashlib
import hmac
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from grader._version import __version__
from grader.errors import SandboxError
from grader.exercise.load import Exercise
from grader.exercise.starts import start_key
from grader.exercise.training import (
    Model,
    Parameters,
)
from grader.faults import note
from grader.messages import say
from grader.records import Call, Evidence, Function, FunctionEvidence, Notebook, Outcome, Printed, Training
from grader.running.sandbox import Sandbox
from grader.running.train import Trainer, no_time

EXTRA_BYTES, EXTRA_TIMES = 8 << 10, 2  # of arrays of one call that cannot be right: bytes, and times what is asked for
IDLE_SECONDS = 2.0  # no ordinary function waits so long; below it only its processor time counts
CHEAP_SECONDS = 0.5  # what calls that take longer gave is not remembered for others
LEAST_SECONDS = 0.5  # for a function to be called: an ordinary one takes a hundredth, also on a busy machine
BUSY = 0.5  # of the processor time of a job: who used that did not wait


def collect(
    notebook: Notebook,
    functions: Mapping[str, Function],
    exercise: Exercise,
    gather: Gatherer,
    *,
    printed: Mapping[str, Printed] | None = None,
    after: Callable[[FunctionEvidence], FunctionEvidence] = lambda evidence: evidence,
) -> Evidence:
    """Return everything that judging this submission needs; `printed` is what the notebook shows, by function.

    `after` adds to the evidence of each function, right after it was called, while its process may still be there.
    """
    evidence = {name: after(gather.function(functions[name])) for name in exercise.names}
    evidence = {name: replace(function, printed=(printed or {}).get(name)) for name, function in evidence.items()}
    ran = any(function.outcomes for function in evidence.values())
    return Evidence(
        notebook=replace(notebook, cells=()),
        functions=evidence,
        exercise=exercise.name,
        exercise_sha256=exercise.sha256,
        isolation=gather.sandbox.layers if ran or gather.sandbox.self_check else (),
        python=platform.python_version(),
        numpy=np.__version__,
    )


@dataclass(frozen=True, slots=True)
class CallInput:
    """What calling a function depends on: the function, of which a part is run, and the calls that it meets."""

    function: Function
    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class Called:
    """The outcomes of a function's calls, and the seconds that count for its submission."""

    outcomes: tuple[Outcome, ...]
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class TrainingInput:
    """What a training depends on: what the calls of a function gave."""

    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True)
class Trained:
    """A training, or why there is none; it takes `most_seconds` at most, and its submission pays `seconds`."""

    training: Training | None = None
    fault: str = ""
    most_seconds: float = 0.0
    seconds: float = 0.0


@dataclass
class Gatherer:
    """Calls functions in a confined process and trains from what they return.

    `spent_seconds` went into reading a submission and into the calls of its functions, `searched_seconds` into the search for
    repairs, `trained_seconds` into training.  What it may take together is `submission_seconds`.  `costly` are the functions
    whose calls took so long that they are not remembered: what others have left would hang on it.
    """

    exercise: Exercise
    sandbox: Sandbox
    trainer: Trainer
    secret: bytes
    spent_seconds: float = 0.0
    searched_seconds: float = 0.0
    trained_seconds: float = 0.0
    costly: set[str] = field(default_factory=set)

    def begin(self, spent_seconds: float = 0.0) -> None:
        """Begin a new submission; the seconds that reading it took count for it."""
        self.spent_seconds, self.searched_seconds, self.trained_seconds = spent_seconds, 0.0, 0.0
        self.costly.clear()

    @property
    def left_seconds(self) -> float:
        """The seconds that this submission may still take."""
        spent = self.spent_seconds + self.searched_seconds + self.trained_seconds
        return self.sandbox.limits.submission_seconds - spent

    def function(self, function: Function) -> FunctionEvidence:
        """Return the evidence of one function."""
        if function.status != "found" or function.broken:
            return FunctionEvidence(function, broken=function.broken)
        try:
            called = self._called(CallInput(function, self.calls(function)))
            trained = self.train(TrainingInput(called.outcomes))
        except SandboxError as error:
            return FunctionEvidence(function, broken=error.problem)
        except Exception as error:
            return FunctionEvidence(function, broken=note(f"calling {function.name}", error))
        self.trained_seconds += trained.seconds
        fault = next((outcome.held for outcome in called.outcomes if outcome.held), "")
        return FunctionEvidence(function, called.outcomes, trained.training, trained.fault, broken=fault)

    def calls(self, function: Function) -> tuple[Call, ...]:
        """Return the calls that this very code meets.

        The sizes that nobody shall know are drawn from the secret and the code.  So caches, resume and regrade work, and a
        hand-in that shows the sizes that it met is of no use to the next, which, being other code, meets others.
        """
        task = next(task for task in self.exercise.tasks if task.name == function.name)
        code = repr((function.name, trees(function))).encode()
        return self.exercise.calls(task, hmac.new(self.secret, code, hashlib.sha256).digest())

    def _called(self, given: CallInput) -> Called:
        """Call a function while its submission has time left, and charge what that costs."""
        if self.left_seconds < LEAST_SECONDS:
            problem = say("running.call.no_time", seconds=self.sandbox.limits.submission_seconds)
            return Called((Outcome(given.calls[0], "timed_out", message=problem),))
        called = self.call(given)
        self.spent_seconds += called.seconds
        if called.seconds > CHEAP_SECONDS:
            self.costly.add(given.function.name)
        return called

    def call(self, given: CallInput) -> Called:
        """Run the calls of a function, confined; it gets no more time than its submission has left."""
        limits = self.sandbox.limits
        started, cpu_before = time.monotonic(), self.sandbox.cpu_seconds
        outcomes = self.sandbox.run(  # it stays for the search for repairs
            given.function, given.calls, stays=True, wall_seconds=min(self.left_seconds, limits.wall_seconds)
        )
        waited, computed = time.monotonic() - started, self.sandbox.cpu_seconds - cpu_before
        busy = computed >= BUSY * limits.cpu_seconds or waited < IDLE_SECONDS
        # On a busy machine an ordinary call waits for others.
        return Called(bounded(outcomes), computed if busy else waited)

    def train(self, given: TrainingInput) -> Trained:
        """Train from the parameters of the model's own sizes; say why if that cannot be done, or not in time."""
        layers = self.exercise.model.layers
        try:
            parameters = _parameters(given.outcomes, layers)
            if parameters is None:
                return Trained(fault=say("running.train.no_parameters", layers=str(list(layers))))
            seconds = self.trainer.cost_seconds(parameters)
            if seconds > self.left_seconds:
                return Trained(fault=no_time())
            training = self.trainer.train(parameters)
            return Trained(training, "", seconds, self.trainer.cost_seconds(parameters, training))
        except KeyError as error:
            return Trained(fault=say("running.train.missing", layers=str(list(layers)), name=error.args[0]))
        except ValueError as error:
            return Trained(fault=say("running.train.cannot", reason=error))


def broken(notebook: Notebook, exercise: Exercise, problem: str) -> Evidence:
    """Return evidence that says that we failed, so that the submission still gets its row and its page."""
    functions = {name: FunctionEvidence(Function(name, "found"), broken=problem) for name in exercise.names}
    return Evidence(replace(notebook, cells=()), functions, exercise.name, exercise.sha256, (), "", "")


def bounded(outcomes: Sequence[Outcome]) -> tuple[Outcome, ...]:
    """Return what calls gave, with a sample of each array that is too large to be kept; the message says which these are.

    Kept whole is what can be right: an array under a name that is asked for, of as many numbers as are asked for.  The others
    share an allowance, the smallest first.
    """
    return tuple(_bounded(outcome) for outcome in outcomes)


def _bounded(outcome: Outcome) -> Outcome:
    sides = list(enumerate(pairwise(outcome.call.layers), 1))
    wanted = {f"W{layer}": 8 * before * after for layer, (before, after) in sides}
    wanted |= {f"b{layer}": 8 * after for layer, (_, after) in sides}
    arrays = outcome.arrays
    sizes = {name: len(array.data) for name, array in arrays.items() if len(array.data) != wanted.get(name)}
    left, large = EXTRA_BYTES + EXTRA_TIMES * sum(wanted.values()), list[str]()
    for name in sorted(sizes, key=sizes.__getitem__):
        left -= sizes[name]
        if left < 0:
            large.append(name)
    if not large:
        return outcome
    sampled = {name: array.sample() if name in large else array for name, array in arrays.items()}
    cut = say("running.call.sampled", count=len(large))
    return replace(outcome, arrays=sampled, message=f"{outcome.message}. {cut}" if outcome.message else cut)


def _parameters(outcomes: Sequence[Outcome], layers: Sequence[int]) -> Parameters | None:
    """Return what came back for the model's own sizes; a KeyError names what is missing in it."""
    answers = (o for o in outcomes if o.ended == "returned" or (o.ended == "refused" and o.arrays))
    outcome = next((o for o in answers if o.call.layers == layers), None)
    if outcome is None:
        return None
    names = [f"{kind}{layer}" for layer in range(1, len(layers)) for kind in "Wb"]
    return {name: outcome.arrays[name].numpy() for name in names}


def training_key(evidence: FunctionEvidence, model: Model) -> str | None:
    """Return the name of the start that a function was trained from, or None."""
    parameters = start_of(evidence, model)
    return None if parameters is None else start_key(parameters, model)


def start_of(evidence: FunctionEvidence, model: Model) -> Parameters | None:
    """Return the parameters that a function's training started from, or None."""
    return None if evidence.training is None else _parameters(evidence.outcomes, model.layers)


def is_repeatable(evidence: FunctionEvidence) -> bool:
    """Whether the same code would give the same again: each call came back, so nothing hangs on time or place."""
    return bool(evidence.outcomes) and all(outcome.ended == "returned" for outcome in evidence.outcomes)


def is_lasting(outcomes: Sequence[Outcome]) -> bool:
    """Whether neither the machine, busy or short of memory, nor our confinement had a part in how calls ended."""
    ours = ("timed_out", "out_of_memory", "crashed", "broken")
    return all(outcome.ended not in ours and not outcome.held for outcome in outcomes)


def is_whole(evidence: FunctionEvidence) -> bool:
    """Whether nothing was cut short, by a budget or by the machine, so that the same evidence may be expected again."""
    return not evidence.broken and evidence.training_fault != no_time() and is_lasting(evidence.outcomes)


def code_key(function: Function, calls: Sequence[Call]) -> str:
    """Return the name of code with its calls: the text that is run, not the student's, and the versions of what runs it."""
    versions = (__version__, platform.python_version(), np.__version__)
    return hashlib.sha256(repr((function.name, trees(function), tuple(calls), versions)).encode()).hexdigest()


def trees(function: Function) -> tuple[str, ...]:
    """Return the names of the texts that are run for a function: where these are equal, so is what it does."""
    return tuple(unit.tree for unit in function.units)


def sha256(evidence: FunctionEvidence) -> str:
    """Return the hash of what the public calls of a function gave, which student and instructor can compare."""
    digest = hashlib.sha256(repr((evidence.function.name, evidence.function.status)).encode())
    for outcome in evidence.outcomes:
        if outcome.call.public:
            kind = outcome.fault.kind if outcome.fault else ""
            digest.update(repr((outcome.call.layers, outcome.call.ambient_seed, outcome.ended, kind)).encode())
            for name, array in sorted(outcome.arrays.items()):
                digest.update(repr((name, array.shape, array.dtype, len(array.data))).encode())
                digest.update(array.data)
    return digest.hexdigest()


def sha256_of_all(hashes: Mapping[str, str]) -> str:
    """Return the hash of a submission's evidence from those of its functions, by name."""
    return hashlib.sha256(repr(sorted(hashes.items())).encode()).hexdigest()
