"""Short names, accuracies, changes of points and long lists have one formatter each."""

from __future__ import annotations

from dataclasses import replace

import builders
import pytest

from grader import messages
from grader.classroom.batch import Change, under_ruling
from grader.records import Summary
from grader.records.points import gain
from grader.records.wording import accuracies, first_few, short_names
from grader.rendering import svg, text
from grader.rendering.annotated import prose
from grader.store import Decision


def test_a_list_that_is_too_long_says_how_many_more_there_are():
    assert [first_few(["a", "b", "c"], most) for most in (3, 2)] == ["a, b, c", "a, b and 1 more"]


def test_accuracies_are_those_that_the_notebook_prints():
    assert accuracies(builders.SMALL) == "0.4633 / 0.48"


def test_the_short_name_is_what_functions_do_not_begin_with_alike():
    names = ["init_xavier_normal", "init_he_normal"]
    assert list(short_names(names).values()) == ["xavier_normal", "he_normal"]


@pytest.mark.parametrize(
    ("before", "after", "said"), [(20.0, 22.0, "+2"), (22.875, 20.0, "-2.88"), (0.1, 0.3, "+0.2"), (1.0, 1.0, "+0")]
)
def test_a_change_of_points_has_a_sign_and_two_decimals_at_most(before, after, said):
    assert gain(before, after) == said


def test_the_headline_without_its_score_is_carried_not_cut():
    result = builders.everyday()
    summary = Summary("20 of 30. Not yet.", "Look.", "Text.", "Not yet.")
    changed = replace(result, summary=summary, score=19.0)
    assert text.headline(changed) == "Not yet."


def test_a_ruling_names_points_as_every_page_does():
    ruling = Decision(
        by="Grace", kind="override", submission="ada.ipynb", function="init_he", points=2.125, before=0.1 + 0.2
    )
    change = Change("ada.ipynb", None, "init_he", 2.125, 2.125, 1_000_000.0, ruling, True, "he")
    assert under_ruling(change) == (
        "ada.ipynb, he: the ruling of 2.13 points still counts. The grader now gives 1000000; it gave 0.3 when Grace ruled"
    )


@pytest.mark.parametrize("language", messages.languages())
def test_the_title_of_the_first_picture_fits_in_every_language(language):
    title = messages.Catalogue(language).text("feedback.picture.title").format(count=50)
    assert svg.LETTER * text.columns(title) <= svg.WIDTH


@pytest.mark.parametrize(
    ("sentence", "page"),
    [
        ("`zeros` and `he` are right.", "<code>zeros</code> and <code>he</code> are right."),
        ("init_he (In [8]): look", "<code>init_he</code> (In [8]): look"),
        ("init_he([3, 2, 1]): it", "<code>init_he([3, 2, 1])</code>: it"),
        (
            "use sqrt(2/n_in); you use 10*sqrt(2/n_in)",
            "use <code>sqrt(2/n_in)</code>; you use <code>10*sqrt(2/n_in)</code>",
        ),
        ("np.zeros((layers_dims[l], 1)).", "<code>np.zeros((layers_dims[l], 1))</code>."),
        ("the random numbers, 0 or 1", "the random numbers, 0 or 1"),
        ("<b>` & \x1b", "&lt;b&gt;` &amp; \\x1b"),
        ("`<i>x</i>`", "<code>&lt;i&gt;x&lt;/i&gt;</code>"),
    ],
)
def test_names_and_calls_in_a_sentence_are_code_on_a_page(sentence, page):
    assert text.coded(sentence) == page


def test_a_name_that_a_sentence_marks_is_one_piece_of_code_in_markdown():
    assert prose("`zeros` and `he` are right.") == "`zeros` and `he` are right."
    assert prose("add `import math` to the first cell") == "add `import math` to the first cell"
    assert prose("a ``b`` c") == "a ``` ``b`` ``` c"


def test_only_a_short_index_is_code_so_that_no_text_is_searched_again_and_again():
    long = "[" + "x" * 81 + "]"
    assert text.coded(f"layers_dims[l-1] and layers_dims{long}") == (
        f"<code>layers_dims[l-1]</code> and <code>layers_dims</code>{long}"
    )
