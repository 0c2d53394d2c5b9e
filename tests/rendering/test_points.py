"""Points are the same number wherever they are shown."""

from __future__ import annotations

import io
from dataclasses import replace
from decimal import Decimal

import builders
import pytest
from rich.console import Console

from grader.explaining import summarize
from grader.lms.common import points as lms
from grader.records.points import of, points
from grader.rendering import html, terminal


@pytest.mark.parametrize(
    ("value", "said"),
    [(27.0, "27"), (27.125, "27.13"), (2.875, "2.88"), (0.1 + 0.2, "0.3"), (1e-9, "0"), (1_234_567.5, "1234567.5")],
)
def test_points_have_two_decimals_at_most_halves_up(value, said):
    assert points(value) == said
    assert lms.number(lms.exact(value)) == said


def test_a_score_of_thousandths_is_one_number_on_page_terminal_summary_and_in_an_lms():
    functions = {
        name: replace(one, points=7.125 if name == builders.RANDOM else one.points)
        for name, one in builders.everyday().functions.items()
    }
    score = sum(one.points for one in functions.values())
    result = replace(builders.everyday(), functions=functions, score=score)
    result = replace(result, summary=summarize(result.notebook, functions))
    screen = io.StringIO()
    terminal.show(result, Console(file=screen, width=200))

    said = of(score, result.possible)
    assert lms.rounded(lms.exact(score)) == Decimal(points(score))
    assert said.startswith(points(score))
    for text in (result.summary.headline, html.feedback_page(result), screen.getvalue()):
        assert said in text
        assert str(score) not in text
