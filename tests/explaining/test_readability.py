"""Stories read easily: short sentences, plain words, few numbers; the tables have the rest."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from readability import numbers, read, sentences, words
from test_story import STARTS, told

from grader.exercise import load as exercises
from grader.judging.checks import CHECKS
from grader.pipeline import Pipeline
from grader.records import FunctionResult

LEAST_EASE = 60  # Flesch's reading ease: plain English
MOST_NUMBERS = 6  # for every 100 words
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


def test_stories_are_easy_to_read_and_have_few_numbers(results):
    for texts in (
        [text for result in results.values() for text in result.explanation],
        [text for result in results.values() for text in page(result)],
    ):
        reading = read(texts)
        print(f"\nease {reading.ease:.0f}, {reading.density:.1f} numbers for every 100 words, {reading.words} words")
        assert reading.ease >= LEAST_EASE
        assert reading.density < MOST_NUMBERS


@pytest.mark.parametrize("name", STARTS)
def test_each_story_is_easy_to_read_in_short_sentences(results, name):
    result = results[name]
    assert read(result.explanation).ease >= LEAST_EASE
    for sentence in sentences((*result.explanation, *page(result))):
        assert len(words(sentence)) <= MOST_WORDS, sentence
        assert len(numbers(sentence)) <= MOST_IN_A_SENTENCE, sentence
