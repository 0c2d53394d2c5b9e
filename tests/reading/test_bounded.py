"""Whatever goes wrong in the grader for one function, and whatever one submission costs: the rest is graded as usual."""

from __future__ import annotations

import contextlib
import math
import random
import struct
from collections.abc import Sequence
from dataclasses import replace

import msgspec
import odd_code
import pytest
from forgetting import forget
from notebooks import HE, IMPORTS, NAMES, RANDOM, ZEROS, edit, notebook, solved

from grader import pipeline, reading, verdict
from grader.exercise import load as exercises
from grader.exercise.fast import engine
from grader.exercise.limits import Limits
from grader.exercise.training import Model, course_data, escape
from grader.judging.checks import CHECKS
from grader.memo import RememberingPipeline
from grader.reading.extract.cells import Code
from grader.reading.notebook import parse
from grader.records import Call, Cell, Function, Outcome, Result
from grader.rendering.gradebook import result_json
from grader.rendering.html import feedback_page
from grader.running import repairs, train
from grader.running.repair.catalogue import candidates, wanted
from grader.running.sandbox import read_outcomes
from grader.running.sandbox.server import Ending
from grader.store.packing import pack_evidence

RANDOM_NAME, HE_NAME = NAMES[1], NAMES[2]


@pytest.fixture(scope="module")
def grading():
    with RememberingPipeline(exercises.load("dls-c2w1-initialization", CHECKS), b"x" * 32) as running:
        _ = running.prepared
        yield running


def graded(running: RememberingPipeline, data: bytes, name: str = "a.ipynb") -> Result:
    return running.graded(parse(data, name))[1]


@pytest.mark.parametrize(
    "seed", ["100 // l", "layers_dims[l]", "7 * l * l", "3 + (l == 2)", "10 - 2 * l", "50 - 7 * l"]
)
def test_a_seed_in_every_layer_is_named_whatever_sequence_the_seeds_follow(grading, seed):
    looped = edit(
        RANDOM, ("    np.random.seed(3)\n", ""), ("L):\n", f"L):\n        np.random.seed(abs({seed}) % 99)\n")
    )
    result = graded(grading, solved(random=looped))
    assert result.functions[RANDOM_NAME].diagnosis.seed_status == "reset_per_layer"
    assert result.functions[RANDOM_NAME].diagnosis.causes == ("seed_per_layer",)
    assert [result.functions[name].passed for name in NAMES] == [True, False, True]


@pytest.mark.parametrize(
    "line",
    [
        "label = f\"{'W\N{NO-BREAK SPACE}'}\"",
        "label = 0x" + "f" * 4000,
        "label = -0x" + "f" * 4000 + " ** 2",
        "label = 1e999j - 1e999",
        "label = b'\\xff' rb'\\d'",
        "label = '\\ud800'",
    ],
)
def test_an_odd_constant_voids_no_function(grading, line):
    uses = edit(ZEROS, ("    parameters = {}\n", "    parameters = {}\n    label\n"))
    result = graded(grading, solved(zeros=uses, before=f"{IMPORTS}\n{line}"))
    assert [function.passed for function in result.functions.values()] == [True, True, True]
    assert not result.provisional


def failing(*_args: object, **_more: object) -> object:
    raise ZeroDivisionError("odd")


@pytest.mark.parametrize("stage", ["recover", "diagnose"])
def test_a_fault_of_ours_in_one_function_leaves_the_others_graded(grading, monkeypatch, caplog, stage):
    wrong = edit(RANDOM, ("* 10", f"* {random.randrange(11, 99)}"))  # not judged before
    whole = getattr(verdict, stage)

    def broken_for_one(subject, *args, **more):
        name = (subject.student if stage == "diagnose" else subject).evidence if stage == "diagnose" else subject
        return failing() if name.function.name == RANDOM_NAME else whole(subject, *args, **more)

    monkeypatch.setattr(verdict, stage, broken_for_one)
    result = graded(grading, solved(random=wrong))
    status = {name: function.status for name, function in result.functions.items()}
    assert status == {NAMES[0]: "graded", RANDOM_NAME: "broken", HE_NAME: "graded"}
    assert (result.score, result.possible, result.provisional) == (20.0, 20.0, True)
    assert "ZeroDivisionError: odd" in caplog.text
    assert "ZeroDivisionError" in result.functions[RANDOM_NAME].message


@pytest.mark.parametrize("part", ["tell", "story", "predict", "about", "stale", "summarize", "saved"])
def test_a_sentence_that_cannot_be_written_is_left_out_and_changes_no_verdict(grading, monkeypatch, part):
    wrong = edit(RANDOM, ("* 10", f"* {random.randrange(11, 99)}.5"))
    before = graded(grading, solved(random=wrong))
    place = {"saved": reading.extraction, "stale": pipeline}.get(part, verdict)
    monkeypatch.setattr(place, "printed" if part == "saved" else part, failing)
    forget(grading)
    result = graded(grading, solved(random=wrong))
    assert (result.score, result.possible, result.provisional) == (before.score, before.possible, False)
    assert result.functions[RANDOM_NAME].diagnosis == before.functions[RANDOM_NAME].diagnosis
    assert result.summary.headline


def test_a_search_for_repairs_that_fails_leaves_the_verdict(grading, monkeypatch):
    monkeypatch.setattr(repairs, "prove", failing)
    result = graded(grading, solved(he=edit(HE, ("np.sqrt(2 /", "np.sqrt(3.75 /"))))
    assert result.functions[HE_NAME].status == "graded"
    assert not result.provisional


# --- reading -------------------------------------------------------------------------------------------------------

SHORTS = {"zeros": NAMES[0], "random": NAMES[1], "he": NAMES[2]}


def extracted(*sources: str, limits: Limits | None = None) -> reading.Extracted:
    limits = limits or Limits()
    read = reading.parse(notebook(*sources), "a.ipynb", limits)
    return reading.extract(read, NAMES, {}, SHORTS, limits)


@pytest.mark.parametrize(
    ("shape", "count"),
    [
        (lambda n: "=".join(f"x{i}" for i in range(n)) + "=1", 3000),
        (lambda n: ";".join(f"x{i}=1" for i in range(n)), 3000),
        (lambda n: "if 1: " + ";".join(f"x{i}=1" for i in range(n)), 3000),
        (lambda n: "x0 = 1\n" + "x0 += 1\n" * n, 3000),
    ],
)
def test_work_on_a_statement_is_done_once_however_many_names_it_binds(monkeypatch, shape, count):
    """What grows with the square of the text is the reading of a statement for each of its names."""
    texts: list[int] = []
    whole = Code.segment

    def counted(self, node):
        text = whole(self, node)
        texts.append(len(text))
        return text

    monkeypatch.setattr(Code, "segment", counted)
    uses = edit(ZEROS, ("    parameters = {}\n", "    parameters = {}\n    " + "x0\n"))
    source = shape(count)
    found = reading.extracted(reading.Extract(parse(notebook(IMPORTS, source, uses), "a.ipynb"), NAMES, {}, SHORTS))
    assert found.functions[NAMES[0]].status == "found"
    assert sum(texts) <= 10 * len(source)


def test_what_is_plainly_small_is_read_here_and_gives_the_same_as_a_process_of_its_own(monkeypatch):
    sources = (IMPORTS, ZEROS, RANDOM, HE)
    here = extracted(*sources)
    monkeypatch.setattr(reading, "ORDINARY_BYTES", 0)
    monkeypatch.setattr(reading, "ORDINARY_CHARACTERS", 0)
    apart = extracted(*sources)
    assert replace(apart, cpu_seconds=0.0) == here
    assert apart.cpu_seconds > 0 == here.cpu_seconds


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(reading_cpu_seconds=1), "more than 1 second of computing time"),
        (Limits(reading_memory_bytes=64 << 20), "MB of memory"),
    ],
)
def test_reading_that_reaches_a_limit_ends_and_says_which(limits, words):
    found = extracted(IMPORTS, ZEROS, "x = [" + "(1, 2), " * 120_000 + "]", limits=limits)
    assert found.notebook.status in ("unreadable", "ok")
    if found.notebook.status == "ok":  # Python's parser itself ran out of memory, and says so of the cell
        assert "x = [" not in found.functions[NAMES[0]].code
        return
    (problem,) = found.notebook.problems
    assert problem.code == "reading_limit"
    assert words in problem.message
    assert "hand in again" in problem.message
    assert {function.status for function in found.functions.values()} == {"missing"}


def test_a_very_long_line_for_the_shell_is_read_within_the_limits():
    found = extracted(IMPORTS, f"!echo {'a' * 100_000} > notes.py", ZEROS, RANDOM, HE, limits=Limits())
    assert found.notebook.status == "ok"
    assert {function.status for function in found.functions.values()} == {"found"}


@pytest.mark.parametrize(
    ("source", "ordinary"),
    [
        ("x = 1\n" * 5000, True),
        ("x = 1;" * 1000, False),
        ("x = 1\n" * 20_000, False),
    ],
)
def test_what_is_ordinary_is_told_by_size_and_longest_line(source, ordinary):
    assert reading.is_ordinary([Cell("code", source, 1)]) is ordinary
    assert reading.is_ordinary([Cell("markdown", source, 1)])


def test_a_process_that_ends_unexpectedly_is_no_fault_of_the_student():
    with pytest.raises(reading.UnavailableError, match="ended unexpectedly"):
        reading.refuse_ending(-9, 3, 1 << 30)


# --- what one submission may take ----------------------------------------------------------------------------------

PLATEAU = """def {name}(layers_dims):
    np.random.seed({seed})
    parameters = {{}}
    for l in range(1, len(layers_dims)):
        parameters['W' + str(l)] = np.random.randn(layers_dims[l], layers_dims[l-1]) * {times}
        parameters['b' + str(l)] = np.zeros((layers_dims[l], 1))
    return parameters
"""


def test_how_far_a_plateau_is_followed_hangs_on_no_clock():
    model = Model((2, 10, 5, 1), 0.01, 15_000)
    fast, plain = (train.caps(model, 2.5, seconds) for seconds in (train.FAST_SECONDS, train.PLAIN_SECONDS))
    assert fast == (420_000, 100_000)
    assert plain == (25_000, 2_600)
    assert train.caps(model, 0.1, train.PLAIN_SECONDS) == (15_000, 0)


def test_three_starts_on_the_plateau_fit_into_one_submission(monkeypatch):
    monkeypatch.setattr(train, "train", lambda *_args, **_more: failing())
    exercise = exercises.load("dls-c2w1-initialization", CHECKS)
    with RememberingPipeline(exercise, b"x" * 32) as running:
        starts = [{"W1": [[seed]], "b1": [[0.0]]} for seed in range(3)]
        together = sum(running.trainer.cost_seconds(start) for start in starts)
    assert together <= 0.8 * exercise.limits.submission_seconds


def test_a_training_that_does_not_fit_is_not_begun_and_says_so(grading, monkeypatch):
    monkeypatch.setattr(
        grading.gatherer.sandbox, "limits", replace(grading.gatherer.sandbox.limits, submission_seconds=1.0)
    )
    monkeypatch.setattr(train.Trainer, "train", failing)
    wrong = PLATEAU.format(name=RANDOM_NAME, seed=77, times=0.0123)
    evidence = grading.collect(parse(solved(random=wrong), "a.ipynb"))
    own = evidence.functions[RANDOM_NAME]
    assert own.training is None
    assert own.training_fault == train.no_time()
    assert own.returned
    assert not own.broken


def test_a_function_is_not_called_when_nothing_is_left_and_the_message_names_the_limit(grading, monkeypatch):
    monkeypatch.setattr(
        grading.gatherer.sandbox, "limits", replace(grading.gatherer.sandbox.limits, submission_seconds=0.1)
    )
    grading.gatherer.begin()
    function = Function(grading.exercise.names[0], "found")
    outcomes = grading.gatherer.function(function).outcomes
    assert [outcome.ended for outcome in outcomes] == ["timed_out"]
    assert "it was not called, because no time was left of the 0.1 seconds" in outcomes[0].message


def test_a_start_that_is_followed_from_its_end_leaves_when_it_does_from_its_beginning():
    trainer = train.Trainer(Model((2, 4, 1), 1.2, 40), seconds=1.0)
    draw = random.Random(3)
    start = {
        "W1": [[draw.gauss(0, 0.4) for _ in range(2)] for _ in range(4)],
        "b1": [[0.0]] * 4,
        "W2": [[draw.gauss(0, 0.4) for _ in range(4)]],
        "b2": [[0.0]],
    }
    found = trainer.train(start)
    data = course_data()
    whole = escape(start, data, trainer.model, found.searched, engine=engine(data, trainer.model))
    assert train.stays(found)
    assert found.escape == whole


# --- odd constants and seeds ---------------------------------------------------------------------------------------


def read_whole(numbers: range) -> None:
    """Read a notebook for each number, with all that the grader does to its text; whatever fails is raised."""
    want = wanted(reading.extraction.extract(parse(solved(), "a.ipynb"), NAMES, {})[1][RANDOM_NAME])
    for number in numbers:
        draw = random.Random(number)
        odd, inside = odd_code.constant(draw), odd_code.constant(draw)
        function = edit(RANDOM, ("* 10", f"* label * {inside}"), ("seed(3)", f"seed({odd_code.seed(draw)})"))
        text = "\n\n".join((IMPORTS, ZEROS, f"label = {odd}", function, HE))
        found = reading.extracted(reading.Extract(parse(text.encode("utf-8", "replace"), "a.py"), NAMES, {}, SHORTS))
        assert not any(one.broken for one in found.functions.values()), number
        assert {found.functions[name].status for name in (NAMES[0], HE_NAME)} <= {"found", "syntax_error", "missing"}
        with contextlib.suppress(RecursionError, ValueError):  # which the search takes for "beyond repair"
            list(candidates(found.functions[RANDOM_NAME], want))
        msgspec.msgpack.encode(found)


def test_a_sample_of_odd_constants_is_read():
    read_whole(range(400))


@pytest.mark.slow
@pytest.mark.parametrize("part", range(20))
def test_odd_constants_are_read(part):
    read_whole(range(part * 5000, (part + 1) * 5000))


def judged(running: RememberingPipeline, numbers: range) -> None:
    for number in numbers:
        text = odd_code.seed(random.Random(number))
        looped = edit(RANDOM, ("    np.random.seed(3)\n", ""), ("L):\n", f"L):\n        np.random.seed({text})\n"))
        result = graded(running, solved(random=looped))
        assert {one.status for one in result.functions.values()} <= {"graded", "raised"}, (number, text)
        assert not result.provisional, (number, text)
        assert [result.functions[name].passed for name in NAMES[::2]] == [True, True], (number, text)


def test_a_sample_of_odd_seeds_is_judged(grading):
    judged(grading, range(40))


@pytest.mark.slow
def test_odd_seeds_are_judged(grading):
    judged(grading, range(40, 2000))


# --- answers that a child forged -----------------------------------------------------------------------------------

ODD_TEXTS = ("", "W9", "W1 ", "\0", "\ud7ff\u202e\x1b[31m", "\U0001f600" * 80, "{{7*7}}<script>", "b1\n", "__class__")
ODD_NUMBERS = (0.0, -0.0, 5e-324, 1.7e308, -1.7e308, float("inf"), float("-inf"), float("nan"), 2.0**63, 1e-300, 1.0)
DTYPES = ("float64", "float16", "float128", "int64", "uint8", "bool")
ODD_NAN = b"\x01\0\0\0\0\xde\xf4\xff"  # signalling, with a payload


def forged(rng: random.Random, call: Call) -> bytes:
    """Return a frame that a child may forge: right names and shapes, or odd ones, full of odd numbers."""
    sides = [(call.layers[at], call.layers[at - 1]) for at in range(1, len(call.layers))]
    wanted = {f"W{at}": side for at, side in enumerate(sides, 1)} | {
        f"b{at}": (n, 1) for at, (n, _) in enumerate(sides, 1)
    }
    odd_shapes = ((), (0,), (0, 1 << 20), (1,) * 8, (3, 0, 2), (7,))
    names = [name for name in wanted if rng.random() < 0.95] + rng.sample(ODD_TEXTS, rng.choice((0, 0, 3)))
    content = struct.pack("<BHH", 0, rng.choice((0, 65535)), len(names))
    for name in names:
        shape = wanted.get(name) if rng.random() < 0.9 else None
        shape = rng.choice(odd_shapes) if shape is None else shape
        type_name, dtype = (
            ("ndarray", "float64") if rng.random() < 0.9 else (rng.choice(ODD_TEXTS)[:60], rng.choice(DTYPES))
        )
        for text in (name, type_name, dtype):
            content += struct.pack("<H", len(text.encode())) + text.encode()
        count = math.prod(shape)
        palette = rng.sample(ODD_NUMBERS, rng.choice((1, 1, 3)))
        numbers = struct.pack(f"<{count}d", *rng.choices(palette, k=count))
        content += struct.pack(f"<B{len(shape)}Q", len(shape), *shape) + (
            ODD_NAN * count if rng.random() < 0.05 else numbers
        )
    return struct.pack("<I", len(content)) + content


@pytest.mark.parametrize("number", range(12))
def test_no_bytes_of_a_child_break_what_judges_shows_and_keeps_them(grading, monkeypatch, caplog, number):
    rng, sandbox = random.Random(number), grading.gatherer.sandbox

    def run(function: Function, calls: Sequence[Call], **_: object) -> tuple[Outcome, ...]:
        data = b"".join(forged(rng, call) for call in calls)
        return tuple(read_outcomes(function, calls, Ending(0, in_time=True, result=data), sandbox.limits))

    monkeypatch.setattr(sandbox, "run", run)
    monkeypatch.setattr(sandbox, "run_variants", lambda *_: ())
    evidence, result = grading.graded(parse(notebook(IMPORTS, ZEROS, RANDOM, HE), "a.ipynb"))
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
    assert not result.provisional
    assert {function.status for function in result.functions.values()} <= {"graded", "refused"}
    assert pack_evidence(evidence)
    assert "\x1b" not in feedback_page(result)
    result_json(result).encode()
