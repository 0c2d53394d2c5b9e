"""What a hand-in costs, and that nobody pays for another: verdicts hang on no order, work grows no faster than the file."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from itertools import permutations, product
from pathlib import Path

import builders
import msgspec
import pytest
from forgetting import forget
from notebooks import HE, NAMES, RANDOM, ZEROS, edit, solved

from grader import reading
from grader.exercise import load as exercises
from grader.exercise.limits import Limits
from grader.judging.checks import CHECKS
from grader.memo import RememberingPipeline
from grader.reading.notebook import parse
from grader.records import Result
from grader.rendering import annotated, annotating
from grader.running import gather as gathering

SAMPLES = Path(__file__).parents[2] / "submissions"
PLATEAU = edit(HE, ("np.sqrt(2 / layers_dims[l-1])", "0.0123"), ("seed(3)", "seed(77)"))


@pytest.fixture(scope="module")
def grading():
    with RememberingPipeline(exercises.load("dls-c2w1-initialization", CHECKS), b"x" * 32) as running:
        _ = running.prepared
        yield running


@pytest.fixture
def slow(monkeypatch):
    """A function that holds `takes = 4.8` costs that many seconds of its submission; nobody waits for them."""
    call = gathering.Gatherer.call

    def costly(self, given):
        called = call(self, given)
        takes = re.search(r"takes = ([\d.]+)", given.function.units[-1].source)
        return replace(called, seconds=called.seconds + (float(takes[1]) if takes else 0.0))

    monkeypatch.setattr(gathering.Gatherer, "call", costly)


def taking(source: str, seconds: float) -> str:
    return edit(source, ("    parameters = {}\n", f"    parameters = {{}}\n    takes = {seconds}\n"))


def graded(running: RememberingPipeline, data: bytes) -> bytes:
    result: Result = running.graded(parse(data, "a.ipynb"))[1]
    return msgspec.json.encode(result)


def require_equal_in_any_order(running: RememberingPipeline, files: list[bytes], pairs) -> None:
    alone = []
    for data in files:
        forget(running)
        alone.append(graded(running, data))
    for first, second in pairs:
        forget(running)
        assert graded(running, files[first]) == alone[first]
        assert graded(running, files[second]) == alone[second], (first, second)
    for index in [*range(len(files)), *reversed(range(len(files)))]:
        assert graded(running, files[index]) == alone[index]


def test_a_verdict_hangs_on_nobody_who_was_graded_before_whatever_their_time_went_into(grading, slow):
    wrong = edit(HE, ("2 / layers", "3 / layers"))
    files = [
        solved(),
        solved(zeros=taking(ZEROS, 4.8), random=taking(RANDOM, 4.1), he=wrong),
        solved(he=wrong),
        solved(zeros=taking(ZEROS, 4.8), random=taking(RANDOM, 4.7), he=PLATEAU),
        solved(he=PLATEAU),
        solved(zeros=taking(ZEROS, 4.8), random=taking(RANDOM, 5.2), he=wrong),
        solved(zeros=taking(ZEROS, 4.8), random=PLATEAU.replace("_he", "_random"), he=taking(wrong, 5.0)),
    ]
    require_equal_in_any_order(grading, files, permutations(range(len(files)), 2))


def test_time_that_is_used_up_says_so_for_its_owner_alone(grading, slow):
    forget(grading)
    spent = solved(zeros=taking(ZEROS, 4.8), random=taking(RANDOM, 4.7), he=PLATEAU)
    owner = grading.graded(parse(spent, "a.ipynb"))[1].functions[NAMES[2]]
    other = grading.graded(parse(solved(he=PLATEAU), "b.ipynb"))[1].functions[NAMES[2]]
    assert owner.training is None
    assert other.training is not None


def test_a_docstring_or_comment_of_one_student_is_in_no_verdict_of_another(grading):
    lines = ("seed(3)\n", "seed(3)  # not default_rng\n"), ("(layers_dims):", "(layers_dims  # layer_dims\n    ):")
    undefined = edit(RANDOM, ("* 10", "* layers_dim"))
    files = [solved(random=undefined), solved(random=edit(undefined, *lines))]
    require_equal_in_any_order(grading, files, [(0, 1), (1, 0)])


@pytest.mark.slow
def test_the_samples_get_the_same_results_in_any_order(grading):
    files = [path.read_bytes() for path in sorted(SAMPLES.glob("*.ipynb"))]
    numbers = range(len(files))
    require_equal_in_any_order(grading, files, [pair for pair in product(numbers, numbers) if sum(pair) % 7 == 0])


# --- reading -------------------------------------------------------------------------------------------------------

DAMAGED = '{"cells": [{"cell_type": "code", "source": ["x" '
UNITS = [
    '"source": ["\\ndef initialize_parameters_he(layers_dims):" ',
    '{"cell_type": "code", "source": ["def initialize_parameters_he(x):" ',
    '{"a": ',
    '{"a": 1}, ',
    '{"a": 1, "b": ',
    '"cell_type": "code" ',
    '"source": "x", ',
    ': {"a" : 1 ',
    "] ",
    "[[[",
    '{"',
    "          {",
]


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("begin", ['{"cells": [', DAMAGED])
def test_the_search_in_a_damaged_file_takes_time_in_proportion_to_its_length(begin, unit):
    def cpu_seconds(times: int) -> float:
        text = f'{begin}{unit * (times * 60_000 // len(unit))}], {{"cell_type": "code", "source": "y"'
        started = time.process_time()
        parse(text.encode(), "a.ipynb")
        return time.process_time() - started

    assert min(cpu_seconds(8) for _ in range(3)) < 24 * min(cpu_seconds(1) for _ in range(3)) + 0.02


@pytest.mark.parametrize(
    ("data", "here"),
    [
        (solved(), True),
        (solved(before="x = 1\n" * 5000), True),
        (solved()[:-40], False),
        (b"{" + solved(), False),
        (b'{"cells": ' + b"[" * 100_000, False),
        (solved() + b"[" * reading.ORDINARY_PARTS, False),
        (b"import numpy", False),
    ],
)
def test_only_what_is_well_formed_and_of_few_parts_is_read_in_this_process(monkeypatch, data, here):
    jobs = []
    whole = reading.answered
    monkeypatch.setattr(
        reading, "answered", lambda job, *args, **more: (jobs.append(job), whole(job, *args, **more))[1]
    )
    notebook = reading.parse(data, "a.ipynb", Limits())
    assert (not jobs) == here
    assert notebook == parse(data, "a.ipynb")


def with_metadata(text: str) -> bytes:
    return solved().replace(b'"metadata": {}, "nbformat"', b'"metadata": {"x": %s}, "nbformat"' % text.encode())


@pytest.mark.parametrize(
    "metadata",
    [
        "[" * 180 + ",".join("1" * 600_000) + "]" * 180,
        "[" * 100 + ",".join(["1e15"] * 15_000) + "]" * 100,
        f"[{','.join(['[]'] * 3_900_000)}]",
        f"[{','.join(['{}'] * 300_000)}]",
    ],
    ids=["deep", "small_and_deep", "lists", "objects"],
)
def test_a_notebook_that_would_come_out_far_larger_gets_the_notes_alone(metadata):
    data = with_metadata(metadata)
    written = annotating.notebook(data, builders.everyday())
    assert len(written) < 50_000  # the picture is most of it
    assert "Your own cells are not in this file" in written


def test_a_large_plain_notebook_is_annotated_in_a_process_of_its_own_and_comes_out_the_same():
    data = with_metadata(f"[{','.join('1' * annotating.PLAIN_PARTS)}]")
    result = builders.everyday()
    written = annotating.notebook(data, result)
    assert written == annotated.notebook(data, result)
    assert len(json.loads(written)["metadata"]["x"]) == annotating.PLAIN_PARTS


def test_a_notebook_whose_annotation_reaches_a_limit_gets_the_notes_alone(monkeypatch):
    def limited(*_args: object, **_more: object) -> object:
        raise reading.LimitError("more than 3 seconds of computing")

    monkeypatch.setattr(reading, "answered", limited)
    data, result = with_metadata(f"[{','.join('1' * annotating.PLAIN_PARTS)}]"), builders.everyday()
    assert annotating.notebook(data, result) == annotated.notebook(None, result)
