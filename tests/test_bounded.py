"""Whatever goes wrong in the grader for one function, and whatever one submission costs: the rest is graded as usual."""

from __future__ import annotations

import random

import pytest
from notebooks import HE, IMPORTS, NAMES, RANDOM, ZEROS, edit, solved

from grader import exercise as exercises
from grader import pipeline
from grader.checks import CHECKS
from grader.notebook import parse
from grader.pipeline import Pipeline
from grader.records import Result

RANDOM_NAME, HE_NAME = NAMES[1], NAMES[2]


@pytest.fixture(scope="module")
def grading():
    with Pipeline(exercises.load("dls-c2w1-initialization", CHECKS), b"x" * 32) as running:
        running.prepare()
        yield running


def graded(running: Pipeline, data: bytes, name: str = "a.ipynb") -> Result:
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
    whole = getattr(pipeline, stage)

    def broken_for_one(subject, *args, **more):
        name = (subject.student if stage == "diagnose" else subject).evidence if stage == "diagnose" else subject
        return failing() if name.function.name == RANDOM_NAME else whole(subject, *args, **more)

    monkeypatch.setattr(pipeline, stage, broken_for_one)
    result = graded(grading, solved(random=wrong))
    status = {name: function.status for name, function in result.functions.items()}
    assert status == {NAMES[0]: "graded", RANDOM_NAME: "broken", HE_NAME: "graded"}
    assert (result.score, result.possible, result.provisional) == (20.0, 20.0, True)
    assert "ZeroDivisionError: odd" in caplog.text
    assert "ZeroDivisionError" in result.functions[RANDOM_NAME].message


@pytest.mark.parametrize("part", ["tell", "story", "predict", "about", "stale", "summarize", "printed"])
def test_a_sentence_that_cannot_be_written_is_left_out_and_changes_no_verdict(grading, monkeypatch, part):
    wrong = edit(RANDOM, ("* 10", f"* {random.randrange(11, 99)}.5"))
    before = graded(grading, solved(random=wrong))
    monkeypatch.setattr(pipeline, part, failing)
    grading._judged.clear()
    result = graded(grading, solved(random=wrong))
    assert (result.score, result.possible, result.provisional) == (before.score, before.possible, False)
    assert result.functions[RANDOM_NAME].diagnosis == before.functions[RANDOM_NAME].diagnosis
    assert result.summary.headline


def test_a_search_for_repairs_that_fails_leaves_the_verdict(grading, monkeypatch):
    monkeypatch.setattr(pipeline, "prove", failing)
    result = graded(grading, solved(he=edit(HE, ("np.sqrt(2 /", "np.sqrt(3.75 /"))))
    assert result.functions[HE_NAME].status == "graded"
    assert not result.provisional
