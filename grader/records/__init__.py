"""The frozen records that flow between the stages, in the order of the flow.

file -> Notebook -> Function -> Outcome -> Evidence -> Finding -> Result.  Everything up to `Evidence` touches the outside
world; everything after it is a pure function of it.  All records are plain data: stored, hashed, compared, sent between
processes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Generic, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from grader.messages import say
from grader.records.places import marked

Floats = NDArray[np.float64]

# --- reading -------------------------------------------------------------------------------------------------------

NotebookStatus = Literal["no_notebook", "ok", "repaired", "unreadable", "wrong_notebook"]
CellKind = Literal["code", "markdown", "raw"]
NOT_COUNTED = "not_counted"  # the code of a problem: another file of the same student counts


@dataclass(frozen=True, slots=True)
class Problem:
    """Something noticed about a notebook: a repair, an oddity, a thing left aside.

    `message_id` is the id of the message in the catalogue; `function` names the function that the problem is about, if any.
    """

    code: str
    message: str
    message_id: str = ""
    function: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a line: cell (counted from 1, all kinds of cells) and line in it, or line of a .py file."""

    line: int
    cell: int | None = None

    def __str__(self) -> str:
        if self.cell is None:
            return say("list.place.line", line=self.line)
        return say("list.place.cell_line", cell=self.cell, line=self.line)

    def __format__(self, specification: str) -> str:
        """Return the place for a message; its cell is named when the result is put together."""
        return str(self) if self.cell is None else marked(str(self))

    @property
    def whole_cell(self) -> str:
        """The cell alone, for a message."""
        return str(self) if self.cell is None else marked(say("list.place.cell", cell=self.cell))


MOST_NAME = 60  # characters of a cell's first line
MOST_NAMES = 1000  # cells with a name: more than any ordinary notebook has


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a notebook.

    `number` counts all cells from 1 and is None in a .py file; `first_line` is the line of the file at which the source
    begins (1 in a notebook), so that lines shown to the student are those they see.  `output` is the beginning of the text
    that the cell printed when it was last run, whatever the code was then: untrusted, as all of this is.  `count` is the
    execution count that Jupyter shows beside the cell.
    """

    kind: CellKind
    source: str
    number: int | None = None
    first_line: int = 1
    output: str = ""
    count: int | None = None

    @property
    def name(self) -> str:
        """What a student sees of the cell: its execution count, or else its first line; empty in a .py file."""
        if self.number is None:
            return ""
        if self.count is not None:
            return f"In [{self.count}]"
        first = next((line.strip() for line in self.source.splitlines() if line.strip()), "")
        visible = "".join(letter if letter.isprintable() else " " for letter in first[:MOST_NAME])
        return say("list.place.named", line=visible if len(first) <= MOST_NAME else f"{visible}…") if first else ""

    def place(self, line: int) -> Place:
        """Return the place of the source's line `line`, counted from 1."""
        return Place(line + self.first_line - 1, self.number)


@dataclass(frozen=True, slots=True)
class Notebook:
    """A submitted file as far as it could be read; `cell_names` has what its student sees of each cell, by number."""

    name: str
    sha256: str
    status: NotebookStatus
    problems: tuple[Problem, ...] = ()
    cells: tuple[Cell, ...] = ()
    cell_names: Mapping[int, str] = field(default_factory=dict)

    def cell_name(self, place: Place | None) -> str:
        """Return what a student sees of the cell that a place is in; empty where there is none."""
        return self.cell_names.get(place.cell or 0, "") if place else ""


# --- extraction ----------------------------------------------------------------------------------------------------

Found = Literal["found", "missing", "not_attempted", "syntax_error"]


@dataclass(frozen=True, slots=True)
class Unit:
    """A statement that is carried into the child: its text, the place of its first line, and the hash of what is run.

    What is run is the canonical text, where there is one: the same for all that differ in blanks and comments only.
    `lines` holds the line of `source` for each of its lines, from 1; 0 where nothing can go wrong.
    """

    source: str
    place: Place
    tree: str = ""
    canonical: str = ""
    lines: tuple[int, ...] = ()

    @property
    def run(self) -> str:
        """The text that is run."""
        return self.canonical or self.source

    def line(self, number: int) -> int:
        """Return the line of the source that a line of the text that is run comes from; 0 for none."""
        if not self.lines:
            return number
        return self.lines[number - 1] if 0 < number <= len(self.lines) else 0


@dataclass(frozen=True, slots=True)
class MissingName:
    """A name that a function uses and nothing in the notebook gives.

    `defined` is the place of a top-level line that would set it but runs other code, or None.
    """

    name: str
    place: Place
    defined: Place | None = None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A name that a function may need, and the place of a top-level line that sets or changes it and is not run here.

    Without a name it is a line whose magic or shell command is not run.
    """

    name: str
    place: Place


@dataclass(frozen=True, slots=True)
class Function:
    """A required function with everything it needs, or the reason why there is none; `broken` says how we failed.

    `seeded_outside` is where the top level sets a seed, `seed_outside` the number that it sets, where that is written there;
    `unreadable` is the line that Python cannot read; `cell_name` is what the student sees of the cell that it is in;
    `message_id` is the id of the message in the catalogue.
    """

    name: str
    status: Found
    message: str = ""
    hint: str | None = None
    place: Place | None = None
    code: str = ""
    units: tuple[Unit, ...] = ()
    definitions: tuple[Place, ...] = ()
    missing_names: tuple[MissingName, ...] = ()
    given: tuple[str, ...] = ()
    near_misses: tuple[str, ...] = ()
    seeded_outside: Place | None = None
    seed_outside: int | None = None
    unreadable: Place | None = None
    broken: str = ""
    left_out: tuple[LeftOut, ...] = ()
    cell_name: str = ""
    message_id: str = ""


# --- what the notebook printed -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """How a notebook's own `model` trains; None where nothing in the notebook says it."""

    learning_rate: float | None = None
    iterations: int | None = None
    layers: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class PrintedRun:
    """A saved training: where `model` is called, with what settings, train and test accuracy and costs by iteration.

    Numbers are kept as the digits that were printed; `accuracies` is None if there are none.
    """

    place: Place
    settings: ModelSettings
    accuracies: tuple[str, str] | None = None
    costs: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class PrintedArrays:
    """The saved output of one call: its place, its layer sizes, and rows of printed digits by array."""

    place: Place
    layers: tuple[int, ...]
    arrays: Mapping[str, tuple[tuple[str, ...], ...]]


@dataclass(frozen=True, slots=True)
class Printed:
    """What the notebook printed for one function when it was last run; evidence of the code then, not of the code now."""

    run: PrintedRun | None = None
    shown: PrintedArrays | None = None


# --- running -------------------------------------------------------------------------------------------------------

Ended = Literal["returned", "raised", "refused", "timed_out", "out_of_memory", "crashed", "broken"]


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a function: the layer sizes, the ambient seed set before it, and whether a page may name the sizes.

    `parameters` are the names under which the function takes the sizes one by one; none: it takes one list.
    """

    layers: tuple[int, ...]
    ambient_seed: int
    public: bool = True
    parameters: tuple[str, ...] = ()

    def literal(self, function: str) -> str:
        """Return the call as one would type it."""
        return f"{function}({self.arguments})"

    @property
    def arguments(self) -> str:
        """The arguments as one would type them."""
        return ", ".join(map(str, self.layers)) if self.parameters else str(list(self.layers))


SAMPLED = 12  # numbers of an array that is too large to be kept


@dataclass(frozen=True, slots=True)
class Array:
    """One value that came back: what it was, and its numbers as little-endian float64.

    Of an array that is too large to be kept, `data` is a sample of the numbers.
    """

    shape: tuple[int, ...]
    data: bytes
    dtype: str = "float64"
    type_name: str = "ndarray"

    @classmethod
    def of(cls, values: object, *, dtype: str = "float64", type_name: str = "ndarray") -> Array:
        """Make a record of anything NumPy reads as floats."""
        array = np.asarray(values, dtype="<f8")
        return cls(array.shape, array.tobytes(), dtype, type_name)

    @property
    def is_float_array(self) -> bool:
        """Whether the value was a NumPy array of floats."""
        return self.type_name == "ndarray" and self.dtype.startswith("float")

    @property
    def is_sample(self) -> bool:
        """Whether `data` is only a sample of the numbers."""
        return len(self.data) != 8 * math.prod(self.shape)

    def numpy(self) -> NDArray[np.float64]:
        """Return the numbers as a read-only array of the same shape; a sample is repeated until it fills the shape."""
        numbers = np.frombuffer(self.data, dtype="<f8")
        if not self.is_sample:
            return numbers.reshape(self.shape)
        filled = np.resize(numbers, self.shape)
        filled.flags.writeable = False
        return filled

    def sample(self) -> Array:
        """Return the array with a few of its numbers: the first, and one of each kind that checks look for.

        So an array of equal numbers stays one, and zeros, NaN and infinity are there if they were.
        """
        numbers = np.frombuffer(self.data, dtype="<f8")
        if len(numbers) <= SAMPLED + 2:
            return self
        kinds = (numbers != numbers[0], ~np.isfinite(numbers))
        others = [numbers[kind.argmax()] for kind in kinds if kind.any()]
        return replace(self, data=np.array([*numbers[:SAMPLED], *others], dtype="<f8").tobytes())


@dataclass(frozen=True, slots=True)
class Fault:
    """The exception that ended a call: its type, its message (the student's own, untrusted text) and its place."""

    kind: str
    message: str
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one call; `arrays` of a refused answer are those of its entries that are numbers.

    `held` says what the call needed that a notebook has and we do not, so that a person has to look at it.
    """

    call: Call
    ended: Ended
    arrays: Mapping[str, Array] = field(default_factory=dict)
    message: str = ""
    fault: Fault | None = None
    held: str = ""

    def numpy(self, name: str) -> NDArray[np.float64] | None:
        """Return the array that came back under `name`, or None."""
        array = self.arrays.get(name)
        return None if array is None else array.numpy()


Number = float | Literal["inf", "-inf", "nan"]
N = TypeVar("N", bound=Number)  # float where it is measured, Number where JSON holds it


def number(value: float) -> Number:
    """Return `value` as JSON can hold it: JSON has no inf and no NaN."""
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return float(value)


Regime = Literal["dead", "symmetric", "diverged", "plateau", "saturated", "healthy", "slow", "not_run"]


@dataclass(frozen=True, slots=True)
class Trace(Generic[N]):
    """What a run looked like before the step of some iterations, one entry each.

    `cost` is what the notebook computes (inf where it takes the log of 0), `exact_cost` the same cross-entropy in softplus form,
    finite; norms are Frobenius norms of dW by layer; `dead` is the share of units that are 0 for every point, by hidden layer;
    `saturated` the share of outputs beyond 0.001 and 0.999.
    """

    iterations: tuple[int, ...] = ()
    cost: tuple[N, ...] = ()
    exact_cost: tuple[N, ...] = ()
    gradient_norms: tuple[tuple[N, ...], ...] = ()
    dead: tuple[tuple[N, ...], ...] = ()
    saturated: tuple[N, ...] = ()


DataSet = Literal["circles", "flower"]


@dataclass(frozen=True, slots=True)
class PointSet:
    """Which points a model is trained with: a data set by name, and how many points it has for training and for testing."""

    data: DataSet = "circles"
    train: int = 300
    test: int = 100


@dataclass(frozen=True, slots=True)
class Boundary:
    """Where a trained model answers 1: a square grid over the points' plane.

    `low` and `high` are the first and last coordinate of the grid on both axes; `rows` go from the highest second coordinate
    down, each the grid's answers from left to right as bits, written in hexadecimal, 64 to a row.
    """

    low: float
    high: float
    rows: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RateEnd:
    """How a run with another learning rate ends after so many iterations; accuracies are shares."""

    learning_rate: float
    iterations: int
    train_accuracy: float
    test_accuracy: float | None


@dataclass(frozen=True, slots=True)
class Beginning(Generic[N]):
    """A start before its first step: gradient norms of the weights by layer, and the share of saturated outputs."""

    gradient_norms: tuple[N, ...]
    saturated: N


@dataclass(frozen=True, slots=True)
class TrainingRun(Generic[N]):
    """One run of the full model.

    Accuracies are shares between 0 and 1; that of the test is None where the exercise has no test points.  Costs are mean
    cross-entropies in nats at an iteration before its step, norms
    are Frobenius norms a layer before the first step, `saturated` is the share of outputs beyond 0.001 and 0.999 there.
    `escape` is the first iteration with a cost below 0.6; None if it was not reached within `searched` iterations.

    Of the trained model: `boundary`, where it has two inputs, and `outputs`, the lowest and highest output for the points
    trained on.  Of the start: `spread` is the standard deviation of each layer's activations over units and points, the
    output last; `distinct` counts the units of each hidden layer that are not copies of another, inside and out; `raised` of
    the first `watched` steps made the exact cost larger.  `rates` holds, for other learning rates, the escape of this very
    start, looked for in `rates_searched` iterations; `rate_ends` how those runs that escape end, where they were followed.
    `without_biases` is the start with the same weights and biases of zero; None where its biases are zero.
    """

    train_accuracy: float
    test_accuracy: float | None
    cost_first: N
    cost_14000: N
    cost_last: N
    regime: Regime
    costs: tuple[tuple[int, N], ...]
    gradient_norms: tuple[N, ...]
    weight_norms: tuple[N, ...]
    saturated: N
    trace: Trace[N] = Trace()
    escape: int | None = None
    searched: int = 0
    boundary: Boundary | None = None
    spread: tuple[N, ...] = ()
    distinct: tuple[int, ...] = ()
    raised: int = 0
    watched: int = 0
    outputs: tuple[N, ...] = ()
    rates: tuple[tuple[float, int | None], ...] = ()
    rates_searched: int = 0
    rate_ends: tuple[RateEnd, ...] = ()
    without_biases: Beginning[N] | None = None


# Names of types; a record is made with the class itself, because a frozen one with slots cannot note its type's argument.
Training = TrainingRun[float]
TrainingResult = TrainingRun[Number]


# --- evidence ------------------------------------------------------------------------------------------------------


RepairKind = Literal[
    "constant", "index", "root", "factor", "draw", "shape_order", "shape", "seed", "bias", "loop", "conversion", "name",
    "key", "extra_line", "order", "return",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Repair:
    """One edit that makes every call give what the reference gives: where, and the line before and after it.

    `old` is empty where a line is put in before `place`, `new` where one is taken out.  `source` is the line where the variable
    that the edit does without has its value from: the fault is there, if it is the value that is wrong.
    """

    kind: RepairKind
    place: Place
    old: str
    new: str
    source: Place | None = None

    @property
    def fault(self) -> Place:
        """The place where the fault is."""
        return self.source or self.place


@dataclass(frozen=True, slots=True)
class FunctionEvidence:
    """All that is known of one function: its source, what each call gave, and the training from what it returned.

    `training_fault` says why there is no training although something came back; `broken` why we could not run it.
    `repairs` are the edits that were tried and proved right, of a function that is not.
    """

    function: Function
    outcomes: tuple[Outcome, ...] = ()
    training: Training | None = None
    training_fault: str = ""
    broken: str = ""
    repairs: tuple[Repair, ...] = ()
    printed: Printed | None = None

    @property
    def returned(self) -> tuple[Outcome, ...]:
        """The outcomes of the calls that returned a dictionary of numbers, public ones first as they were made."""
        return tuple(outcome for outcome in self.outcomes if outcome.ended == "returned")

    @property
    def answered(self) -> tuple[Outcome, ...]:
        """The outcomes of the calls that returned a dictionary with numbers in it, whatever else was in it."""
        return tuple(
            outcome
            for outcome in self.outcomes
            if outcome.ended == "returned" or (outcome.ended == "refused" and outcome.arrays)
        )


SELF_CHECK = "self-check"  # among the layers of evidence: the student's own code ran unconfined, as its owner asked


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that judging a submission needs; nothing after it runs student code."""

    notebook: Notebook
    functions: Mapping[str, FunctionEvidence]
    exercise: str
    exercise_sha256: str
    isolation: tuple[str, ...]
    python: str
    numpy: str
    student: str | None = None


# --- judging -------------------------------------------------------------------------------------------------------

Verdict = Literal["passed", "failed", "skipped", "broken"]


@dataclass(frozen=True, slots=True)
class Shown:
    """The literal call that shows a fault, what came back, what was wanted and the tolerance."""

    call: str
    got: str
    want: str
    tolerance: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check says of a function; `message_id` is the id of the message in the catalogue, if it is from there."""

    verdict: Verdict
    message: str
    hint: str | None = None
    evidence: Shown | None = None
    message_id: str = ""


# --- the result: contracts of result.json --------------------------------------------------------------------------

FunctionStatus = Literal[
    "graded",
    "missing",
    "not_attempted",
    "syntax_error",
    "raised",
    "timed_out",
    "out_of_memory",
    "crashed",
    "refused",
    "broken",
]
Distribution = Literal["zeros", "constant", "normal", "uniform", "other"]
SeedStatus = Literal[
    "as_required", "missing", "other", "reset_per_layer", "outside_function", "other_generator", "unknown"
]
Biases = Literal["zeros", "nonzero", "wrong_shape", "missing"]
CourseTest = Literal["passed", "failed", "not_run"]


@dataclass(frozen=True, slots=True)
class SubmissionInfo:
    """The name, hash and student of the file that was graded."""

    name: str
    sha256: str
    student: str | None = None


@dataclass(frozen=True, slots=True)
class NotebookInfo:
    """The status of the notebook, and what was noticed when it was read.

    `cell_names` has what the student sees of each cell that a cause is in, by its number.
    """

    status: NotebookStatus
    problems: tuple[Problem, ...] = ()
    cell_names: Mapping[int, str] = field(default_factory=dict)

    @property
    def counts(self) -> bool:
        """Whether this is the file that counts, of several that a student handed in."""
        return all(problem.code != NOT_COUNTED for problem in self.problems)


@dataclass(frozen=True, slots=True)
class Source:
    """The place and the text of a function in the notebook; `name` is what its student sees of the cell: ``In [16]``."""

    cell: int | None
    line: int
    code: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One finding with what it is worth; `message_id` is the id of its message in the catalogue."""

    name: str
    title: str
    verdict: Verdict
    message: str
    hint: str | None
    points: float
    possible: float
    evidence: Shown | None = None
    message_id: str = ""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What the numbers say was written; null where the evidence cannot tell.

    `generator` and `written`, the drawing of one layer's weights as one would type it, say more than the contract's
    fields; `scale_between` bounds the factor of the large call's first layer where it could only be estimated;
    `seed_assigned` is true where the code assigns to `np.random.seed` in place of calling it.
    """

    distribution: Distribution | None = None
    seed: int | None = None
    seed_status: SeedStatus | None = None
    scale: tuple[Number, ...] | None = None
    scale_formula: str | None = None
    biases: Biases | None = None
    causes: tuple[str, ...] = ()
    generator: str | None = None
    written: str | None = None
    scale_between: tuple[float, float] | None = None
    seed_assigned: bool = False


@dataclass(frozen=True, slots=True)
class Cause:
    """A cause in words: whether it is a slip or a misconception, what to do, why, and both lines where they are known.

    `factors` sets the factor of each layer beside the one asked for; `place` is the line, where trying edits has proved it and
    it may be told.  `message_id` is the id of the action in the catalogue; it is empty if the action is not from there alone.
    """

    code: str
    kind: Literal["slip", "misconception"]
    title: str
    action: str
    reason: str = ""
    wrote: str | None = None
    asked: str | None = None
    factors: Table | None = None
    place: Place | None = None
    message_id: str = ""


Show = Literal["concept", "line", "fix"]


@dataclass(frozen=True, slots=True)
class KnownFault:
    """A fault that is proved: one edit of one line makes every number right.

    How much of it is told is a setting of the exercise: `place` is null where the line is kept back, `old` and `new`, the
    line before and after the edit, are null unless the fix is shown.  `is_new_line` is true where a new line before `place` is
    the edit.
    """

    kind: RepairKind
    message: str
    place: Place | None = None
    old: str | None = None
    new: str | None = None
    is_new_line: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Numbers to read: a caption, column titles, and rows that begin with their own title."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Question:
    """A question as a student asks it, with its measured answer: paragraphs of plain text and, where it helps, a table."""

    title: str
    answer: tuple[str, ...]
    table: Table | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """A question of a page's reader with its short answer; `code` names the question for programs."""

    code: str
    title: str
    answer: tuple[str, ...] = ()
    table: Table | None = None


@dataclass(frozen=True, slots=True)
class Ruling:
    """A change of points that a person made: of which function, to what, from what, why, who and when (ISO 8601)."""

    function: str
    points: float
    before: float
    reason: str
    by: str
    at: str


AdjustmentKind = Literal["score", "percent", "bonus"]


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A change of the whole score that a person made: how, by what number, from what score to what score, why, who and when.

    `score` sets the score, `percent` changes it by a share (-10 takes a tenth), `bonus` adds points or takes them.
    """

    kind: AdjustmentKind
    value: float
    before: float
    after: float
    reason: str
    by: str
    at: str

    @property
    def amount(self) -> str:
        """The number as one types it."""
        return amount(self.kind, self.value)


def amount(kind: str, value: float) -> str:
    """Return the number of a change of the whole score as one types it: ``25``, ``-10%``, ``+2``."""
    return f"{value:g}" if kind == "score" else f"{value:+g}{'%' if kind == 'percent' else ''}"


@dataclass(frozen=True, slots=True)
class Comment:
    """What a person wrote for the student, who wrote it and when (ISO 8601); it changes no points."""

    text: str
    by: str
    at: str


@dataclass(frozen=True, slots=True)
class FunctionResult:
    """The verdict on one function.

    `told` are the causes in words, `explanation` holds paragraphs of plain text; `reference_training` is the run of the right
    answer, to compare with; `known` is the fault where trying edits has proved it; `stale` says which outputs saved in the
    notebook are not those of its code, which costs nothing; `asked_formula` is the right answer's rule for the scale, 0
    for weights of zero; `reasons` say in two sentences why the run ended as it did, `blocks`
    answer the questions that a page's reader has; `predict` is one ungraded question to think about before its
    answer is opened, `questions` are those that students ask; `ruling` is a person's change of `points`, `comment` a person's
    words; `evidence_sha256` covers what this function's public calls gave, so equal answers are found without being looked at;
    `message_id` is the id of the message in the catalogue, if it is from there.
    """

    status: FunctionStatus
    points: float
    possible: float
    source: Source | None
    checks: tuple[CheckResult, ...]
    diagnosis: Diagnosis
    training: TrainingResult | None
    course_test: CourseTest
    message: str = ""
    hint: str | None = None
    explanation: tuple[str, ...] = ()
    told: tuple[Cause, ...] = ()
    reference_training: TrainingResult | None = None
    known: KnownFault | None = None
    stale: tuple[str, ...] = ()
    predict: Question | None = None
    questions: tuple[Question, ...] = ()
    asked_formula: str | None = None
    parameters: tuple[str, ...] = ()
    seed_before: int | None = None
    reasons: str = ""
    blocks: tuple[Block, ...] = ()
    ruling: Ruling | None = None
    evidence_sha256: str = ""
    comment: Comment | None = None
    message_id: str = ""

    @property
    def passed(self) -> bool:
        """Whether nothing is left to do here."""
        return self.status == "graded" and self.points == self.possible

    @property
    def provisional(self) -> bool:
        """Whether a part could not be judged, by our fault, and no person has settled it."""
        return self.ruling is None and self._unjudged

    @property
    def _unjudged(self) -> bool:
        return self.status == "broken" or any(check.verdict == "broken" for check in self.checks)


@dataclass(frozen=True, slots=True)
class Quartiles:
    """One measure of one start: from the exercise's seed, and lower quartile, median and upper quartile of all seeds."""

    at_seed: Number
    low: Number
    median: Number
    high: Number


@dataclass(frozen=True, slots=True)
class SweepRow:
    """The train accuracies of one scale: from the exercise's seed, and lower quartile, median and upper quartile of all.

    The weights are normal draws times `scale`; null is He's rule, 0 is weights of zero.  `cost` is the last cost; `escape` the
    first iteration with a cost below 0.6 from the exercise's seed, null if there is none within the sweep's `searched`;
    `escapes` the same from further seeds, where they were measured.
    """

    scale: float | None
    at_seed: float
    low: float
    median: float
    high: float
    cost: Quartiles | None = None
    escape: int | None = None
    escapes: tuple[int | None, ...] = ()


@dataclass(frozen=True, slots=True)
class SettingRow:
    """How one network fares at one learning rate, from normal draws times `scale`: at the exercise's seed, and over seeds.

    Of `seeds` seeds `learned` end with a train accuracy above 0.9 and `guessing` with exactly 0.5; `never_left` of the latter
    never have a cost below 0.6.  Those that have one first do between the iterations `first_left` and `last_left`.
    """

    layers: tuple[int, ...]
    learning_rate: float
    scale: float
    train_accuracy: float
    test_accuracy: float | None
    cost_last: Number
    iterations: int = 0
    seeds: int = 0
    learned: int = 0
    guessing: int = 0
    never_left: int = 0
    first_left: int | None = None
    last_left: int | None = None


@dataclass(frozen=True, slots=True)
class WaitRow:
    """The first iterations at which one network has a cost below 0.6, by scale; null if not within the sweep's `searched`."""

    layers: tuple[int, ...]
    learning_rate: float
    scales: tuple[float, ...]
    iterations: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Sweep:
    """Train accuracy against scale, measured once for the exercise over `seeds` seeds; `seed` is the one asked for.

    `settings` are one small scale with one or two hidden layers at two learning rates; `waits` shows how the waiting grows
    with depth; escapes were looked for in `searched` iterations.
    """

    seed: int
    seeds: int
    rows: tuple[SweepRow, ...]
    settings: tuple[SettingRow, ...] = ()
    waits: tuple[WaitRow, ...] = ()
    searched: int = 0


@dataclass(frozen=True, slots=True)
class Summary:
    """What every page, terminal and LMS comment says first; headline, step and text have at most 1,000 characters in all.

    `verdict` is the headline without the score, for places that show the score large.
    """

    headline: str
    next_step: str
    text: str
    verdict: str = ""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where the numbers come from; `evidence_sha256` covers the public calls only, so two people can compare it."""

    grader: str
    python: str
    numpy: str
    exercise_sha256: str
    evidence_sha256: str
    isolation: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """The verdict on one submission, which result.json holds.

    `sweep` is the exercise's own, to compare with; `questions` are those about the exercise as a whole.  `score` is what goes
    out: the functions' points, changed by `adjustments` in their order.  `machine_score` is the score before any person
    changed it, null where nobody did; `comment` is what a person wrote about the whole hand-in, `note` what the exercise says
    to all, `lab_url` where the exercise has its lab.  A `self_check` ran code unconfined for its owner: it is never a grade.
    `points` are those that the model is trained with.
    """

    schema: Literal["grader-result/1"]
    submission: SubmissionInfo
    exercise: str
    title: str
    score: float
    possible: float
    provisional: bool
    notebook: NotebookInfo
    summary: Summary
    functions: Mapping[str, FunctionResult]
    provenance: Provenance
    sweep: Sweep | None = None
    questions: tuple[Question, ...] = ()
    adjustments: tuple[Adjustment, ...] = ()
    machine_score: float | None = None
    comment: Comment | None = None
    note: str = ""
    lab_url: str = ""
    self_check: bool = False
    points: PointSet = PointSet()
    cell_view: ClassVar[Callable[[Result], str] | None] = None  # how the cell of a notebook shows a result, as HTML

    def __repr__(self) -> str:
        """Return the score, the headline and the next step, without anything that a terminal would obey."""
        parts = [
            say("words.self_check") if self.self_check else "",
            self.summary.headline,
            self.summary.next_step,
            *(problem.message for problem in self.notebook.problems),
        ]
        lines = ["".join(letter if letter.isprintable() else " " for letter in line) for line in parts if line]
        return f"<Result {self.score:g} / {self.possible:g}>\n" + "\n".join(lines)

    def _repr_html_(self) -> str | None:
        view = type(self).cell_view
        return view(self) if view else None

    @property
    def settled_by_person(self) -> bool:
        """Whether a person gave points by hand, so that the score no longer rests on the machine alone."""
        given = any(adjustment.kind != "percent" for adjustment in self.adjustments)
        return given or any(function.ruling for function in self.functions.values())

    @property
    def comments(self) -> Mapping[str, Comment]:
        """What people wrote, by function; about the whole hand-in under the empty name."""
        whole = {"": self.comment} if self.comment else {}
        return whole | {name: function.comment for name, function in self.functions.items() if function.comment}

    @property
    def passed(self) -> bool:
        """Whether every function passed."""
        return not self.provisional and all(function.passed for function in self.functions.values())
