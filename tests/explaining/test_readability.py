"""Stories read easily: short sentences, plain words, few numbers; the tables have the rest."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from mutants import Mutant, mutants
from readability import numbers, read, sentences, words
from test_story import STARTS, TASKS, told

from grader.exercise import load as exercises
from grader.judging.checks import CHECKS
from grader.pipeline import Pipeline
from grader.records import FunctionResult

LEAST_EASE = 60  # Flesch's reading ease: plain English
MOST_NUMBERS = 6  # for every 100 words
EVERY = 20  # of the mutants one in so many is read
MOST_WORDS, MOST_IN_A_SENTENCE = 22, 2  # with an action, which has code


@pytest.fixture(scope="module")
def pipeline() -> Iterator[Pipeline]:
    with Pipeline(exercises.load(checks=CHECKS), b"secret") as pipeline:
        yield pipeline


@pytest.fixture(scope="module")
def results(pipeline: Pipeline) -> dict[str, FunctionResult]:
    return {name: told(pipeline, *start) for name, start in STARTS.items()}


def page(result: FunctionResult) -> list[str]:
    """Return the prose of a function on a page, without tables."""
    return [result.reasons, *(text for block in result.blocks for text in block.answer)]


def check(results: Iterable[FunctionResult]) -> None:
    """Hold stories and pages against what plain English is."""
    results = list(results)
    for what, texts in (
        ("stories", [text for result in results for text in result.explanation]),
        ("pages", [text for result in results for text in page(result)]),
    ):
        reading = read(texts)
        print(
            f"\n{what}: ease {reading.ease:.0f}, {reading.density:.1f} numbers for every 100 of {reading.words} words"
        )
        assert reading.ease >= LEAST_EASE
        assert reading.density < MOST_NUMBERS


def test_stories_are_easy_to_read_and_have_few_numbers(results):
    check(results.values())


@pytest.mark.slow
def test_stories_of_the_samples_are_easy_to_read(pipeline):
    samples = sorted((Path(__file__).parents[2] / "submissions").glob("*.ipynb"))
    graded = [
        pipeline.grade(path) for path in samples if path.name not in ("endless_loop.ipynb", "regularization.ipynb")
    ]
    check(function for result in graded for function in result.functions.values())


@pytest.mark.slow
def test_stories_of_mutants_are_easy_to_read(pipeline):
    check(result for mutant in mutants()[::EVERY] if (result := result_of(pipeline, mutant)))


def result_of(pipeline: Pipeline, mutant: Mutant) -> FunctionResult | None:
    """Return the verdict on a mutant, if it returns arrays."""
    space: dict[str, object] = {"np": np}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(mutant.source, mutant.name, "exec"), space)
        try:
            return told(pipeline, space[TASKS[mutant.short].name], mutant.short)  # type: ignore[arg-type]
        except Exception:
            return None  # it raises, or returns no dictionary


@pytest.mark.parametrize("name", STARTS)
def test_each_story_is_easy_to_read_in_short_sentences(results, name):
    result = results[name]
    assert read(result.explanation).ease >= LEAST_EASE
    for sentence in sentences((*result.explanation, *page(result))):
        assert len(words(sentence)) <= MOST_WORDS, sentence
        assert len(numbers(sentence)) <= MOST_IN_A_SENTENCE, sentence
