"""The diagnosis against some 1,900 variants of the three functions, each with what the contracts say of it."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from mutants import (
    ANY,
    FALSE,
    PAGE,
    RIGHT,
    SILENT,
    Expected,
    Mutant,
    OneOf,
    label,
    mutants,
    passing,
    score,
    table,
)

from grader.judging.diagnosis.causes import CODES

WRONG = mutants()
AGAIN = "run `make policy`, review the diff"
# what keeps a function from being called at all is found before there are numbers
NOT_CALLED = {"not_attempted", "missing", "syntax_error", "timed_out", "out_of_memory", "crashed"}


def report(scores):
    return "\n".join([table(scores), "", *(str(one) for one in scores if one.verdict != RIGHT)])


@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.slow)])
def test_wrong_variants_are_named_and_none_is_accused_of_what_it_does_not_do(every):
    scores = [score(one) for one in WRONG[::every]]
    counts = Counter(one.verdict for one in scores)
    assert counts[FALSE] == 0, report(scores)
    assert counts[RIGHT] >= 0.99 * len(scores), report(scores)


def test_the_page_counts_the_variants():
    """The slow test compares the tables whole."""
    first = PAGE.read_text(encoding="utf-8").partition("\n| expected first cause |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| (.+?) \| (\d+) \|", first, re.MULTILINE)
    assert dict(rows) == {
        name: str(count) for name, count in Counter(label(one.expected.first) for one in (*WRONG, *passing())).items()
    }, AGAIN


@pytest.mark.slow
def test_the_page_has_what_the_diagnosis_says_of_the_variants():
    assert table([score(one) for one in (*WRONG, *passing())]) in PAGE.read_text(encoding="utf-8"), AGAIN


def test_right_variants_pass_in_whatever_style():
    scores = [score(one) for one in passing()]
    assert len(scores) >= 60
    assert all(one.passed and one.verdict == RIGHT and one.found.causes == () for one in scores), report(scores)


def test_there_are_many_variants_and_no_name_or_source_stands_twice():
    assert len(WRONG) >= 1200
    assert len({(one.source, one.seeded_outside) for one in WRONG}) == len(WRONG)
    assert not {one.source for one in WRONG if not one.seeded_outside} & {one.source for one in passing()}


def test_every_cause_that_numbers_can_show_is_expected_somewhere():
    named = set()
    for one in WRONG:
        named |= set(one.expected.first) if isinstance(one.expected.first, OneOf) else {one.expected.first}
        if one.expected.causes is not ANY and not isinstance(one.expected.causes, OneOf):
            named |= set(one.expected.causes)
    assert set(CODES) - named == NOT_CALLED
    assert {cause for cause in named - {ANY} if cause not in CODES} <= {"keys_from_zero"}


RULE = Expected(scale_formula="10", first="scale_constant", causes=("scale_constant",))


@pytest.mark.parametrize(
    ("expected", "verdict", "field"),
    [
        (RULE, RIGHT, None),
        (Expected(scale_formula="0.1", first="scale_constant", causes=("scale_constant",)), FALSE, "scale_formula"),
        (Expected(scale_formula=None, first="scale_constant", causes=("scale_constant",)), FALSE, "scale_formula"),
        (Expected(scale_formula=OneOf(("10", None)), first=ANY), RIGHT, None),
        (Expected(scale_formula="10", first="scale_other"), FALSE, "first"),
        (
            Expected(scale_formula="10", first="scale_constant", causes=("scale_constant", "seed_other")),
            SILENT,
            "causes",
        ),
        (Expected(scale_formula="10", first="scale_constant", causes=()), FALSE, "causes"),
    ],
)
def test_what_is_said_is_scored(expected, verdict, field):
    source = next(one.source for one in WRONG if one.name == "he: 10")
    scored = score(Mutant("ten", "he", source, expected))
    assert scored.verdict == verdict
    assert field is None or scored.fields[field] == verdict
