"""Builders of `Result` records: a right submission, and edits of it; the numbers are measured ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from grader.records import (
    Block,
    Boundary,
    Cause,
    CheckResult,
    Diagnosis,
    FunctionResult,
    KnownFault,
    NotebookInfo,
    Number,
    Place,
    Problem,
    Provenance,
    Quartiles,
    Question,
    Result,
    Ruling,
    Shown,
    Source,
    SubmissionInfo,
    Summary,
    Sweep,
    SweepRow,
    Table,
    Trace,
    TrainingResult,
    TrainingRun,
    WaitRow,
    number,
)

ZEROS, RANDOM, HE = (f"initialize_parameters_{kind}" for kind in ("zeros", "random", "he"))

# U+202E turns the direction of what follows, U+2066 isolates, ESC starts a colour, U+009B is its one-character form
HOSTILE = "<script>alert(1)</script>{{7*7}}{% raw %}[bold]&amp;\x1b[31mred\x9b31m\u202egnp\u2066\u2069\x00\ud800"

_LN2 = 0.6931471805599453
_TEN = (
    float("inf"), 0.624970339, 0.598096452, 0.563862343, 0.550186466, 0.54449572, 0.537478597, 0.478671588, 0.39786037,
    0.393485901, 0.39203345, 0.389319169, 0.386163858, 0.384989317, 0.382792355,
)  # fmt: skip
_SMALL = (
    0.6931473549, 0.6931473505, 0.6931473468, 0.6931473432, 0.6931473397, 0.6931473362, 0.6931473327, 0.6931473293,
    0.693147326, 0.6931473227, 0.6931473195, 0.6931473163, 0.693147313, 0.6931473098, 0.6931473066,
)  # fmt: skip
_HE = (
    0.8830537463, 0.6879825920, 0.6751286265, 0.6526117769, 0.6082958971, 0.5304944492, 0.4138645817, 0.3117803465,
    0.2369621533, 0.1859728721, 0.1501555628, 0.1232507929, 0.0991774655, 0.0845705595, 0.0735789596,
)  # fmt: skip

_CODE = '''def {name}(layers_dims):
    """
    Arguments:
    layers_dims -- python array (list) containing the size of each layer.
    """
    {seed}
    parameters = {{}}
    L = len(layers_dims)  # integer representing the number of layers

    for l in range(1, L):
        parameters["W" + str(l)] = {weights}
        parameters["b" + str(l)] = np.zeros((layers_dims[l], 1))

    return parameters
'''


def code(name: str, weights: str, seed: str = "np.random.seed(3)") -> str:
    """Return a function as a student writes it."""
    return _CODE.format(name=name, weights=weights, seed=seed)


def training(
    costs: tuple[float, ...] = _HE, last: float = 0.0648186847, accuracies: tuple[float, float] = (0.9933333333, 0.96)
) -> TrainingResult:
    """Return a run with a cost every 1000 iterations; its description follows from the costs."""
    points: tuple[tuple[int, Number], ...] = tuple((1000 * index, number(cost)) for index, cost in enumerate(costs))
    return TrainingRun(
        train_accuracy=accuracies[0],
        test_accuracy=accuracies[1],
        cost_first=number(costs[0]),
        cost_14000=number(costs[-1]),
        cost_last=number(last),
        regime="healthy",
        costs=points,
        gradient_norms=(0.14, 0.32, 0.42),
        weight_norms=(4.35, 3.54, 1.45),
        saturated=0.0,
    )


DEAD = replace(training((_LN2,) * 15, _LN2, (0.5, 0.5)), regime="dead")
TEN = replace(training(_TEN, 0.3810822402, (0.83, 0.86)), regime="saturated")
SMALL = replace(training(_SMALL, 0.6931473034, (0.4633333333, 0.48)), regime="plateau")
HEALTHY = training()
_AT = (0, 100, 1000, 14999)
DEAD = replace(DEAD, trace=Trace(iterations=_AT, gradient_norms=((0.0, 0.0, 0.0),) * 4))
SMALL = replace(
    SMALL,
    trace=Trace(iterations=_AT, gradient_norms=((9.7e-6, 9.2e-6, 1.5e-5),) * 4),
    escape=300_462,
    searched=1_000_000,
)


def boundary(*runs: tuple[int, int, int]) -> Boundary:
    """Return a grid that answers 1 in `length` columns from `start` on, in each of so many rows, from the top down."""
    rows = [((1 << length) - 1) << (64 - start - length) for count, start, length in runs for _ in range(count)]
    return Boundary(-1.5, 1.5, tuple(f"{row:016x}" for row in rows))


DEAD = replace(DEAD, boundary=boundary((64, 0, 0)))
SMALL = replace(SMALL, boundary=boundary((40, 32, 32), (24, 0, 64)))
TEN = replace(TEN, boundary=boundary((12, 40, 24), (40, 15, 34), (12, 0, 20)))
HEALTHY = replace(HEALTHY, boundary=boundary((13, 0, 0), (38, 13, 38), (13, 0, 0)))
SWEEP = Sweep(
    3,
    50,
    (
        SweepRow(0.0, 0.5, 0.5, 0.5, 0.5, Quartiles(*(0.693147,) * 4)),
        SweepRow(None, 0.9933, 0.98, 0.9867, 0.99, Quartiles(0.0648, 0.07, 0.0872, 0.12), 4_138, (6_000, 3_100)),
        SweepRow(0.001, 0.4433, 0.4642, 0.495, 0.5125, Quartiles(*(0.693147,) * 4), 3_681_361),
        SweepRow(0.01, 0.4633, 0.4708, 0.5067, 0.5233, Quartiles(*(0.693147,) * 4), 300_462, (480_000, None)),
        SweepRow(0.1, 0.6, 0.5267, 0.5467, 0.5733, Quartiles(0.6923, 0.69, 0.6915, 0.6925), 29_742, (48_723, 32_415)),
        SweepRow(1.0, 0.9967, 0.9808, 0.9867, 0.99, Quartiles(0.058, 0.06, 0.072, 0.1), 3_528, (6_125, 2_057)),
        SweepRow(10.0, 0.83, 0.6408, 0.765, 0.8742, Quartiles(0.3811, 0.3, 0.4236, 0.55), 1_923, (700, 5_000)),
        SweepRow(100.0, 0.5467, 0.5608, 0.6167, 0.6858, Quartiles(0.66, 0.51, "inf", "inf"), None, (None, 90)),
    ),
    waits=(
        WaitRow((2, 10, 1), 0.1, (1.0, 0.1, 0.01, 0.001), (147, 1_691, 3_162, 4_611)),
        WaitRow((2, 10, 5, 1), 0.1, (1.0, 0.1, 0.01, 0.001), (331, 2_975, 36_682, 314_079)),
        WaitRow((2, 10, 5, 5, 1), 0.1, (1.0, 0.1, 0.01, 0.001), (232, 9_679, 884_138, None)),
    ),
    searched=4_000_000,
)


def check(name: str, title: str, possible: float, verdict: str = "passed", message: str = "as required") -> CheckResult:
    """Return a check that earned all it can when it passed, and nothing otherwise."""
    points = possible if verdict == "passed" else 0.0
    return CheckResult(name, title, verdict, message, None, points, possible)  # type: ignore[arg-type]  # a table's str


RANDOM_CHECKS = (
    check("shapes", "Keys and shapes", 2),
    check("biases", "Biases are zero", 1),
    check("distribution", "Normal distribution", 2),
    check("draws", "The seed's numbers, in order", 2),
    check("scale", "Scale of the weights", 3),
)
ZEROS_CHECKS = (
    check("shapes", "Keys and shapes", 4),
    check("weights", "Weights are zero", 4),
    check("biases", "Biases are zero", 2),
)


def zeros(**changes: object) -> FunctionResult:
    """Return a right `initialize_parameters_zeros`, changed as asked."""
    function = FunctionResult(
        status="graded",
        points=10.0,
        possible=10.0,
        source=Source(7, 3, code(ZEROS, "np.zeros((layers_dims[l], layers_dims[l-1]))", "")),
        checks=ZEROS_CHECKS,
        diagnosis=Diagnosis(distribution="zeros", scale=(0.0, 0.0, 0.0), biases="zeros"),
        training=DEAD,
        course_test="passed",
        explanation=(
            (
                "With all weights zero every hidden unit is zero as well, so each gradient of a weight is exactly 0 and no "
                "weight ever moves. The accuracy of 0.5 is the share of the larger class."
            ),
        ),
        reference_training=DEAD,
        asked_formula="0",
    )
    return replace(function, **changes)  # type: ignore[arg-type]  # a builder takes any field


def random(**changes: object) -> FunctionResult:
    """Return a right `initialize_parameters_random`, changed as asked."""
    function = FunctionResult(
        status="graded",
        points=10.0,
        possible=10.0,
        source=Source(12, 3, code(RANDOM, "np.random.randn(layers_dims[l], layers_dims[l-1]) * 10")),
        checks=RANDOM_CHECKS,
        diagnosis=Diagnosis("normal", 3, "as_required", (10.0, 10.0, 10.0), "10", "zeros"),
        training=TEN,
        course_test="passed",
        explanation=("The exercise asks for 10 to show the harm that large weights do.",),
        reference_training=TEN,
        asked_formula="10",
    )
    return replace(function, **changes)  # type: ignore[arg-type]  # a builder takes any field


def he(**changes: object) -> FunctionResult:
    """Return a right `initialize_parameters_he`, changed as asked."""
    factor = "np.sqrt(2 / layers_dims[l-1])"
    function = FunctionResult(
        status="graded",
        points=10.0,
        possible=10.0,
        source=Source(17, 3, code(HE, f"np.random.randn(layers_dims[l], layers_dims[l-1]) * {factor}")),
        checks=RANDOM_CHECKS,
        diagnosis=Diagnosis("normal", 3, "as_required", (1.0, 0.4472135955, 0.632455532), "sqrt(2/n_in)", "zeros"),
        training=HEALTHY,
        course_test="passed",
        explanation=("Each layer keeps the size of its signal, so the cost starts at 0.88 and falls at once.",),
        reference_training=HEALTHY,
        asked_formula="sqrt(2/n_in)",
    )
    return replace(function, **changes)  # type: ignore[arg-type]  # a builder takes any field


def result(functions: Mapping[str, FunctionResult] | None = None, **changes: object) -> Result:
    """Return the result of a right submission, with other functions or fields where given."""
    graded = functions or {ZEROS: zeros(), RANDOM: random(), HE: he()}
    record = Result(
        schema="grader-result/1",
        submission=SubmissionInfo("ada.ipynb", "5f" * 32),
        exercise="dls-c2w1-initialization",
        title="Initialization",
        score=sum(function.points for function in graded.values()),
        possible=sum(function.possible for function in graded.values()),
        provisional=any(function.provisional for function in graded.values()),
        notebook=NotebookInfo("ok"),
        summary=Summary(
            "Everything is right.",
            "Read below why the three runs end so differently.",
            "All three functions return what the exercise asks for.",
        ),
        functions=graded,
        provenance=Provenance(
            "0.1.0", "3.11.7", "2.4.6", "a1" * 32, "b2" * 32, ("own process", "no network", "no files", "memory limit")
        ),
        sweep=SWEEP,
    )
    return replace(record, **changes)  # type: ignore[arg-type]  # a builder takes any field


SCALE_FAILED = replace(
    RANDOM_CHECKS[4],
    verdict="failed",
    points=0.0,
    message="The weights are multiplied by 0.01; the exercise asks for 10.",
    hint="Look at the number behind randn in your loop.",
    evidence=Shown(
        f"{RANDOM}([3, 2, 1])['W1'][0]",
        "[0.01788628, 0.0043651, 0.00096497]",
        "[17.88628473, 4.36509851, 0.96497468]",
        "1e-7 of the number itself",
    ),
)


def small() -> FunctionResult:
    """Return `initialize_parameters_random` with 0.01 in place of 10: stuck, not wrong in its numbers otherwise."""
    return random(
        points=7.0,
        source=Source(12, 3, code(RANDOM, "np.random.randn(layers_dims[l], layers_dims[l-1]) * 0.01")),
        checks=(*RANDOM_CHECKS[:4], SCALE_FAILED),
        diagnosis=Diagnosis("normal", 3, "as_required", (0.01, 0.01, 0.01), "0.01", "zeros", ("scale_constant",)),
        training=SMALL,
        course_test="failed",
        explanation=(
            (
                "Your weights are 1,000 times smaller than asked. The gradient of each matrix is a product that contains "
                "the other matrices, so with weights this small it is tiny and the cost stays near ln 2 = 0.693."
            ),
            (
                "It is late, not lost: from a scale of 0.01 the cost falls below 0.6 after 300,462 iterations; the "
                "notebook runs 15,000."
            ),
        ),
        told=(
            Cause(
                "scale_constant", "misconception", "wrong scale", "multiply the random numbers by 10; you multiply by 0.01",
                "Small weights were right in an earlier exercise.", "np.random.randn(...) * 0.01", "the factor 10",
                Table("Factors by layer", ("weights", "yours", "asked for"), (("W1", "0.01", "10"), ("W2", "0.01", "10"))),
                Place(13, 12),
            ),
        ),
        known=KnownFault("constant", "One change makes every number right (In [6], line 13).", Place(13, 12)),
        predict=Question("Before you open this: what would scale 1 score?", ("With seed 3 it scores 0.9967 / 0.96.",)),
        reasons="Nothing is broken: small weights make small gradients. So an accuracy near one half is chance.",
        blocks=(
            Block("happened", "What happened in my run?", ("The training had hardly begun.",)),
            Block("why", "Why?", ("Small weights make small gradients.",)),
            Block(
                "before",
                "Why did 0.01 work in the earlier exercise?",
                ("That exercise used the learning rate 1.2.",),
                Table("Scale 0.01", ("learning rate", "train", "test"), (("0.01", "0.463", "0.48"), ("1.2", "1", "0.96"))),
            ),
        ),
    )  # fmt: skip


def everyday() -> Result:
    """Return the commonest mistake: 0.01 in place of 10, and the rest right."""
    return result(
        {ZEROS: zeros(), RANDOM: small(), HE: he()},
        submission=SubmissionInfo("ada_lovelace_C2_W1_Initialization.ipynb", "5f" * 32, "Ada Lovelace"),
        summary=Summary(
            "Two of three functions are right; in initialize_parameters_random the scale is 0.01 in place of 10.",
            "In cell 12, line 12, multiply the weights by 10.",
            "Zeros and He return exactly what the exercise asks for. 0.01 is not wrong because small is bad: in this "
            "network it only needs about 300,000 iterations to start.",
        ),
        questions=(Question("What if I wait longer?", ("It comes late and not worse.",)),),
    )


def mixed() -> Result:
    """Return a submission with every verdict, a function that is not graded, and hostile text wherever text can be."""
    broken = replace(RANDOM_CHECKS[1], verdict="broken", message="this check broke (KeyError)", points=0.0)
    skipped = replace(RANDOM_CHECKS[3], verdict="skipped", message="follows from the scale", points=0.0)
    failed = replace(
        SCALE_FAILED,
        message=f"0.01 in place of 10 {HOSTILE}",
        hint=f"look at {HOSTILE}",
        evidence=Shown(HOSTILE, f"array([[0.01]])\n{HOSTILE}", HOSTILE, HOSTILE),
    )
    checks = (RANDOM_CHECKS[0], broken, RANDOM_CHECKS[2], skipped, failed)
    source = Source(12, 9, code(RANDOM, f"np.random.randn(3) * 0.01  # {HOSTILE}"))
    return result(
        {
            ZEROS: zeros(
                status="raised", points=1.0, message=f"NameError: {HOSTILE}", hint=f"define {HOSTILE}", checks=(),
                diagnosis=Diagnosis(causes=("raised",)), training=None, course_test="failed", explanation=(),
                source=Source(None, 40, code(ZEROS, "tabs\there\r\n")),
                ruling=Ruling(ZEROS, 1.0, 0.0, f"agreed {HOSTILE}", f"Dr {HOSTILE}", "2026-11-25T10:30:00+00:00"),
            ),
            RANDOM: replace(
                small(), points=4.0, possible=9.0, checks=checks, source=source, explanation=(HOSTILE,), stale=(HOSTILE,),
                told=(
                    Cause("scale_constant", "slip", HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, None, Place(10, 12)),
                    Cause("seed_missing", "slip", "no seed", f"set it {HOSTILE}"),
                    Cause("bias_random", "misconception", "random biases", f"make them zero {HOSTILE}"),
                ),
                known=KnownFault("constant", f"look at {HOSTILE}", Place(10, 12), f"* 0.01 {HOSTILE}", f"* 10 {HOSTILE}"),
                predict=Question(HOSTILE, (HOSTILE,)),
                questions=(Question(HOSTILE, (HOSTILE,), Table(HOSTILE, (HOSTILE, HOSTILE), ((HOSTILE, HOSTILE),))),),
            ),
            HE: he(),
        },
        submission=SubmissionInfo(f"{HOSTILE}.ipynb", "5f" * 32, HOSTILE),
        notebook=NotebookInfo("repaired", (Problem("bom", f"a byte order mark was left out {HOSTILE}"),)),
        summary=Summary(f"Not yet {HOSTILE}", f"Mend {HOSTILE}", f"First.\n\nSecond {HOSTILE}"),
    )  # fmt: skip


def unreadable() -> Result:
    """Return a file that is no notebook at all."""
    nothing = FunctionResult("missing", 0.0, 10.0, None, (), Diagnosis(causes=("missing",)), None, "not_run")
    said = replace(nothing, message="The file could not be read, so this function was not looked for.")
    return result(
        {ZEROS: said, RANDOM: said, HE: said},
        notebook=NotebookInfo("unreadable", (Problem("json", "The file ends in the middle of line 40."),)),
        summary=Summary(
            "The file could not be read.", "Open it in Jupyter, save it and hand it in again.", "Nothing was graded."
        ),
    )


def no_notebook() -> Result:
    """Return an entry of a learning platform without a file."""
    blank = unreadable()
    return replace(
        blank,
        submission=SubmissionInfo("(no file)", "", "Ada Lovelace"),
        notebook=NotebookInfo("no_notebook", (Problem("no_file", "There is no file in this submission."),)),
        summary=Summary(
            "No notebook was handed in.", "Hand in the notebook of this exercise as an .ipynb file.",
            "There is no file in this submission.",
        ),
    )  # fmt: skip


IGNORED = {"notes.txt": "neither a notebook nor a Python file", f"data/{HOSTILE}.csv": HOSTILE}
