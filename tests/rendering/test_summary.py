"""The summary, which every face shows first: what is right, one step, what the run did, and no word that was not measured."""

from __future__ import annotations

from dataclasses import replace

import builders
import pytest

from grader.explaining.summary import MOST_CHARACTERS, MOST_WORDS, summarize
from grader.records import Diagnosis, FunctionResult, NotebookInfo, Place, Problem, Summary

ASKED = {name: one.diagnosis for name, one in builders.result().functions.items()}


def said(random: FunctionResult) -> Summary:
    functions = {builders.ZEROS: builders.zeros(), builders.RANDOM: random, builders.HE: builders.he()}
    return summarize(NotebookInfo("ok"), functions, ASKED)


def test_a_small_scale_is_told_with_its_line_its_cost_its_gradients_and_its_wait():
    summary = said(replace(builders.small(), training=replace(builders.SMALL, gradient_norms=(9.7e-6, 9.2e-6, 1.5e-5))))

    assert summary.headline == "27 of 30. One function is not right yet."
    assert "initialize_parameters_random (cell 12, line 13): multiply the weights by 10" in summary.next_step
    assert summary.text == (
        "Right already: zeros and he; in random shapes, biases, distribution and seed. Trying out "
        "scales is a good idea; put 10 back before handing in.\n\n"
        "The run of random ends with train / test accuracy 0.4633 / 0.48, the right answer's with 0.83 / 0.86. Its cost was "
        "0.69314735 at iteration 0 and 0.69314731 at 14,000; always answering 0.5 costs ln 2 = 0.693147. Small "
        "weights make tiny gradients: about 0.000015 at the start, with the right answer's about 0.42. Waiting helps: "
        "the cost falls below 0.6 at iteration 300,462."
    )


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        (
            {"diagnosis": Diagnosis("normal", 3, "as_required", (1.0, 1.0, 1.0), "1", "zeros", ("scale_constant",))},
            "tiny",
        ),
        ({"training": replace(builders.SMALL, gradient_norms=(1.0, 1.0, 1.0))}, "tiny"),
        ({"training": replace(builders.SMALL, escape=None)}, "Waiting helps"),
        ({"training": replace(builders.SMALL, regime="slow")}, "Its cost"),
        ({"training": None}, "The run"),
        ({"diagnosis": Diagnosis(causes=("seed_missing",))}, "Trying out"),
    ],
)
def test_a_sentence_stands_only_where_it_holds(changes, missing):
    function = replace(builders.small(), training=replace(builders.SMALL, gradient_norms=(1e-5, 1e-5, 1e-5)))

    assert missing in said(function).text
    assert missing not in said(replace(function, **changes)).text


def test_a_line_that_may_not_be_told_is_not():
    (cause,) = builders.small().told
    kept_back = replace(builders.small(), told=(replace(cause, place=None),))

    assert said(kept_back).next_step.startswith("initialize_parameters_random (cell 12): ")
    assert "line 99" in said(replace(builders.small(), told=(replace(cause, place=Place(99, 12)),))).next_step


def test_a_run_without_a_seed_is_one_of_many():
    diagnosis = replace(builders.random().diagnosis, seed=None, seed_status="missing", causes=("seed_missing",))
    function = builders.random(points=8.0, diagnosis=diagnosis, training=builders.HEALTHY)

    assert "this is one of many" in said(function).text
    assert "in random shapes" in said(function).text


def test_a_run_like_the_right_answers_is_not_set_against_it():
    text = said(builders.random(points=8.0, diagnosis=Diagnosis(causes=("wrong_type",)))).text

    assert "The run of random ends with train / test accuracy 0.83 / 0.86, as the right answer's does." in text


def test_right_answers_are_told_their_measures():
    assert said(builders.random()) == Summary(
        "30 of 30. All functions are right.",
        "Nothing is left to do.",
        "Measured train / test accuracy of your parameters: zeros 0.5 / 0.5, random 0.83 / 0.86, he 0.9933 / 0.96.",
        "All functions are right.",
    )


def test_nothing_makes_it_longer_than_its_bound():
    checks = tuple(replace(check, name="shapes") for check in builders.RANDOM_CHECKS * 60)
    summary = said(replace(builders.small(), checks=checks))

    assert len(summary.headline + summary.next_step + summary.text) <= MOST_CHARACTERS


@pytest.mark.parametrize("said", ["word " * 400, "a" * 5_000, "a b " * 60 + "c" * 900])
def test_fifty_problems_are_cut_to_what_a_first_screen_holds(said):
    problems = tuple(Problem("damaged", said) for _ in range(50))
    summary = summarize(NotebookInfo("unreadable", problems), {}, {})
    whole = f"{summary.headline} {summary.next_step} {summary.text}"

    assert len(whole) <= MOST_CHARACTERS + 2
    assert len(whole.split()) <= MOST_WORDS
    assert summary.text.endswith("…")
