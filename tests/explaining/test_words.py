"""The table of causes is closed in both directions, and a cause without words voids nothing."""

from __future__ import annotations

import logging

import pytest
from notebooks import RANDOM, edit, solved, write

from grader import resources
from grader.exercise import load as exercises
from grader.explaining import words
from grader.judging.checks import CHECKS
from grader.judging.diagnosis.causes import CODES, STRUCTURE
from grader.messages import SOURCE, entries, has_words
from grader.pipeline import Pipeline

# What programs that read result.json may rely on; new codes may join them.
CONTRACT = """
scale_constant scale_fan_out scale_xavier scale_sqrt_missing scale_other seed_missing seed_other seed_per_layer seed_outside
other_generator uniform_not_normal draw_order bias_random bias_shape transposed layer_missing extra_keys wrong_type not_finite
hard_coded_dims global_name removed_numpy_name not_attempted missing syntax_error raised timed_out out_of_memory crashed
refused weights_not_zero weights_constant bias_nonzero unknown
""".split()
SMALL = {"random": edit(RANDOM, ("* 10", "* 0.01"))}


def codes_with(part):
    """The codes that have words of a kind in the catalogue."""
    ids = [entry.id.split(".") for entry in entries(resources.templates() / "messages" / SOURCE / "causes.po")]
    return {words[1] for words in ids if words[2:] == [part]}


@pytest.mark.parametrize("part", ["title", "action"])
def test_each_code_that_can_be_given_has_words_and_each_row_of_words_is_a_code_that_can_be_given(part):
    assert codes_with(part) == {*CODES, "seed_assigned"}
    assert len(set(CODES)) == len(CODES)


def test_each_code_of_the_contract_can_be_given():
    assert set(CONTRACT) <= set(CODES)


def test_each_reason_belongs_to_a_code():
    assert codes_with("reason") <= set(CODES)


def test_each_misconception_has_a_hint_without_the_answer():
    """Comments in an LMS keep the answer back; a scale has hints that follow from its rule."""
    assert not [
        cause
        for cause in codes_with("reason")
        if not (cause.startswith("scale_") or has_words(f"feedback.hint.{cause}"))
    ]


@pytest.mark.parametrize("cause", CODES)
def test_the_words_of_a_cause_take_what_was_measured(cause):
    assert "{" not in words.action(cause, yours="0.01", asked="10", seed=3)


def test_a_cause_without_words_costs_its_sentence_and_no_verdict(tmp_path, monkeypatch, caplog):
    """A code that only the table of causes has, as somebody who adds one leaves it half-way."""
    monkeypatch.setitem(STRUCTURE, "new_cause", lambda _: True)
    with (
        Pipeline(exercises.load(checks=CHECKS), b"secret") as pipeline,
        caplog.at_level(logging.ERROR, "grader"),
    ):
        result = pipeline.grade(write(tmp_path, "ada.ipynb", solved(**SMALL)))

    random = result.functions["initialize_parameters_random"]
    assert (result.score, result.provisional) == (27, False)
    assert random.diagnosis.causes == ("new_cause", "scale_constant")
    assert [(cause.code, cause.message_id) for cause in random.told] == [
        ("scale_constant", "causes.scale_constant.action")
    ]
    assert {check.message_id for check in random.checks} >= {"judging.shapes.passed", "judging.scale.times"}
    assert result.summary.headline == "27 of 30. One function is not right yet."
    assert "new_cause" not in result.summary.text + result.summary.next_step
    assert "new_cause" in caplog.text


def test_a_catalogue_without_words_of_causes_leaves_every_verdict(tmp_path, monkeypatch):
    with Pipeline(exercises.load(checks=CHECKS), b"secret") as pipeline:
        path = write(tmp_path, "ada.ipynb", solved(**SMALL))
        monkeypatch.setattr(words, "cause_title", lambda *_, **__: None)
        result = pipeline.grade(path)

    assert (result.score, result.provisional) == (27, False)
    assert result.functions["initialize_parameters_random"].told == ()
    assert result.summary.headline.startswith("27 of 30.")
    assert result.summary.next_step
