"""The summary, which every face shows first: what is right, one step, what the run did, and no word that was not measured."""

from __future__ import annotations

from dataclasses import replace

import builders
import pytest

from grader.explaining.summary import MOST_CHARACTERS, MOST_WORDS, hint, summarize
from grader.records import Cause, Diagnosis, FunctionResult, NotebookInfo, Place, Problem, Summary


def said(random: FunctionResult) -> Summary:
    functions = {builders.ZEROS: builders.zeros(), builders.RANDOM: random, builders.HE: builders.he()}
    return summarize(NotebookInfo("ok"), functions)


def test_a_small_scale_is_told_with_its_line_and_why_its_run_ended_so():
    summary = said(builders.small())

    assert summary.headline == "27 of 30. One function is not right yet."
    assert summary.next_step == (
        "initialize_parameters_random (cell 12, line 13): multiply the random numbers by 10; you multiply by 0.01."
    )
    assert summary.text == builders.small().reasons


def test_a_cell_is_named_by_what_its_student_sees():
    source = replace(builders.small().source, name="In [16]")

    assert "(In [16], line 13)" in said(replace(builders.small(), source=source)).next_step


def test_a_line_that_may_not_be_told_is_not():
    (cause,) = builders.small().told
    kept_back = replace(builders.small(), told=(replace(cause, place=None),))

    assert said(kept_back).next_step.startswith("initialize_parameters_random (cell 12): ")
    assert "line 99" in said(replace(builders.small(), told=(replace(cause, place=Place(99, 12)),))).next_step


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"reasons": "", "training": None}, "The model cannot start from the arrays that your function returned."),
        ({"reasons": ""}, "`zeros` and `he` are right."),
        ({"reasons": "", "training": None, "status": "raised"}, "`zeros` and `he` are right."),
    ],
)
def test_without_reasons_the_text_says_what_is_so(changes, text):
    assert said(replace(builders.small(), **changes)).text == text


@pytest.mark.parametrize(
    ("cause", "formula", "asked", "said_in_place"),
    [
        ("scale_sqrt_missing", "2/n_in", "the factor sqrt(2/n_in)", "your factor is 2/n_in"),
        ("scale_constant", "0.01", "the factor sqrt(2/n_in)", "your factor is 0.01"),
        ("scale_constant", "0.01", "the factor 10", "do it"),  # the task states the number
        ("seed_per_layer", "10", "np.random.seed(3)", "how often"),
        ("weights_constant", None, None, "differ from each other"),
    ],
)
def test_the_next_step_does_not_give_an_idea_away(cause, formula, asked, said_in_place):
    told = Cause(cause, "misconception", "title", "do it", "a reason", None, asked)
    step = hint(told, Diagnosis(scale_formula=formula, causes=(cause,)))

    assert said_in_place in step
    assert hint(replace(told, kind="slip"), Diagnosis()) == "do it"


def test_right_answers_are_told_their_measures():
    assert said(builders.random()) == Summary(
        "30 of 30. All functions are right.",
        "Nothing is left to do.",
        "Measured train / test accuracy of your parameters: `zeros` 0.5 / 0.5, `random` 0.83 / 0.86, `he` 0.9933 / 0.96.",
        "All functions are right.",
    )


def test_nothing_makes_it_longer_than_its_bound():
    checks = tuple(replace(check, name="shapes") for check in builders.RANDOM_CHECKS * 60)
    summary = said(replace(builders.small(), checks=checks))

    assert len(summary.headline + summary.next_step + summary.text) <= MOST_CHARACTERS


@pytest.mark.parametrize("said", ["word " * 400, "a" * 5_000, "a b " * 60 + "c" * 900])
def test_fifty_problems_are_cut_to_what_a_first_screen_holds(said):
    problems = tuple(Problem("damaged", said) for _ in range(50))
    summary = summarize(NotebookInfo("unreadable", problems), {})
    whole = f"{summary.headline} {summary.next_step} {summary.text}"

    assert len(whole) <= MOST_CHARACTERS + 2
    assert len(whole.split()) <= MOST_WORDS
    assert summary.text.endswith("…")
