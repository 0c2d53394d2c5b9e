"""Pages and terminal: golden files, hostile text, and tables of words that are complete."""

from __future__ import annotations

import ast
import base64
import hashlib
import io
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import builders
import classes
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from grader import records, resources
from grader.classroom.statistics import gather
from grader.errors import GraderError
from grader.memo import RememberingPieces
from grader.messages import say
from grader.records import Diagnosis, NotebookInfo, PointSet, Result, Source
from grader.records.wording import power
from grader.rendering import charts, classpage, cost, html, svg, terminal, text, words
from grader.rendering.boundary import outline, plane
from grader.rendering.excerpt import MOST_COLUMNS, MOST_LINES, coloured, excerpt
from grader.rendering.feedback import marked_line, training_view
from grader.rendering.gradients import gradients
from grader.rendering.sweep import place_of
from grader.rendering.waits import waits_chart

Golden = Callable[[str, str], None]

RESULTS: Mapping[str, Callable[[], Result]] = {
    "passed": builders.result,
    "everyday": builders.everyday,
    "mixed": builders.mixed,
    "unreadable": builders.unreadable,
    "no_notebook": builders.no_notebook,
}
PAGES: Mapping[str, Callable[[], str]] = {
    **{name: lambda build=build: html.feedback_page(build()) for name, build in RESULTS.items()},  # type: ignore[misc]  # the default binds the loop's value
    "class": lambda: dict(classpage.class_pages(gather(classes.entries()), ignored=builders.IGNORED))["index.html"],
}


class Structure(HTMLParser):
    """What a page is made of: tags with their attributes, heading levels, visible text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] not in {"style", "script"}:
            self.words += data

    @property
    def headings(self) -> list[int]:
        return [int(tag[1]) for tag, _ in self.tags if re.fullmatch("h[1-6]", tag)]


# --- pages ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PAGES)
def test_page_is_the_golden_one(name: str, golden: Golden) -> None:
    golden(f"{name}.html", PAGES[name]())


def test_every_template_of_a_page_is_opened(monkeypatch):
    """Those of the lab and of a large class's lists have tests of their own."""
    opened, render = {"lab.html", "class.html"}, html.render
    monkeypatch.setattr(html, "render", lambda name, **context: opened.add(name) or render(name, **context))
    assert all(build() for build in PAGES.values())
    assert opened == {path.name for path in resources.templates().glob("[!_]*.html")}


@pytest.mark.parametrize("name", PAGES)
def test_page_is_complete_in_itself(name: str) -> None:
    page = PAGES[name]()

    assert page.count("<script") == (name == "class")
    assert "style=" not in page
    assert not re.search(r"(https?:)?//\w", page)
    assert "url(" not in page
    assert "@import" not in page
    assert not [key for _, attributes in Structure(page).tags for key in attributes if key.startswith("on")]
    assert len(page.encode()) < 300_000


@pytest.mark.parametrize("name", PAGES)
def test_policy_allows_the_style_that_is_there_and_no_other(name: str) -> None:
    page = PAGES[name]()
    (style,) = re.findall("<style>(.*?)</style>", page, re.DOTALL)
    scripts = [f"script-src '{digest(script)}'; " for script in re.findall("<script>(.*?)</script>", page, re.DOTALL)]

    assert (
        f"content=\"default-src 'none'; style-src '{digest(style)}'; {''.join(scripts)}"
        "img-src data:; base-uri 'none'; form-action 'none'\"" in page
    )


def digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@pytest.mark.parametrize("name", PAGES)
def test_page_is_structured_for_everybody(name: str) -> None:
    page = Structure(PAGES[name]())
    tags = [tag for tag, _ in page.tags]

    assert ("html", {"lang": "en"}) in page.tags
    assert tags.count("main") == tags.count("h1") == tags.count("title") == 1
    assert all(after <= before + 1 for before, after in zip([0, *page.headings], page.headings, strict=False))
    assert tags.count("caption") == tags.count("table")
    assert all("scope" in attributes for tag, attributes in page.tags if tag == "th")
    assert all(
        attributes.get("aria-hidden") == "true" or (attributes["role"] == "img" and attributes["aria-label"])
        for tag, attributes in page.tags
        if tag == "svg"
    )
    identities = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(identities) == len(set(identities))


@pytest.mark.parametrize("name", PAGES)
def test_page_shows_no_control_characters_and_no_jargon(name: str) -> None:
    page = PAGES[name]()

    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", page)
    assert not re.search(r"\b(probe|regime|ambient|verdict)\b", Structure(page).words, re.IGNORECASE)


def test_hostile_text_is_shown_and_not_obeyed() -> None:
    said = Structure(html.feedback_page(builders.mixed())).words

    assert (
        "<script>alert(1)</script>{{7*7}}{% raw %}[bold]&amp;\\x1b[31mred\\x9b31m\\u202egnp\\u2066\\u2069\\x00\ufffd"
        in said
    )


def test_first_screen_says_score_and_next_step_before_any_function() -> None:
    said = Structure(html.feedback_page(builders.everyday())).words
    questions = (
        "What do I change?",
        "What happened in my run?",
        "What did I lose points for?",
        "Which line is it?",
        "What is the answer?",
        "What was checked?",
    )
    order = [said.index(words) for words in ("27 of 30", "Two of three", "Next step", "multiply", *questions)]

    assert order == sorted(order)


def test_a_provisional_score_says_so() -> None:
    note = "This score is provisional."

    assert note in html.feedback_page(builders.mixed())
    assert note not in html.feedback_page(builders.everyday())


def test_a_function_that_was_not_graded_has_no_empty_tables() -> None:
    page = html.feedback_page(builders.unreadable())

    assert "Open it in Jupyter, save it and hand it in again." in page
    assert "<table" not in page
    assert "<h3" not in page


@pytest.mark.parametrize(
    ("course_test", "lost", "says"),
    [
        ("passed", 0.0, "test cell passes."),
        ("passed", 2.0, "does not see what cost points here"),
        ("failed", 2.0, "test cell fails."),
        ("not_run", 2.0, "was not run"),
    ],
)
def test_course_test_in_words(course_test: str, lost: float, says: str) -> None:
    assert says in words.course_test(builders.he(course_test=course_test, points=10.0 - lost))


def test_a_function_that_was_not_graded_says_it_once() -> None:
    """Its checks all repeat why nothing came back: one message, one hint, one call."""
    failed = replace(builders.SCALE_FAILED, message="it raised NameError", hint="import math")
    function = builders.he(status="raised", points=0.0, checks=(failed, failed, failed), training=None)
    result = builders.result({builders.HE: function})

    for said in (html.feedback_page(result), shown(result), "\n".join(terminal.plain_lines(result))):
        assert said.count("it raised NameError") == said.count("import math") == 1
        assert said.count("[17.88628473") == 1


@pytest.mark.parametrize(
    ("verdict", "possible", "says"),
    [("passed", 2.0, "2 of 2"), ("failed", 2.0, "0 of 2"), ("broken", 2.0, "left out"), ("passed", 0.0, "not counted")],
)
def test_worth_in_words(verdict: str, possible: float, says: str) -> None:
    assert words.worth(builders.check("scale", "Scale", possible, verdict)) == says


def test_a_right_answer_is_not_compared_with_itself() -> None:
    view = training_view(builders.he())

    assert view is not None
    assert view.tables[0].columns == ("measure", "this run")


def test_the_same_result_gives_the_same_bytes() -> None:
    assert html.feedback_page(builders.mixed()) == html.feedback_page(builders.mixed())


def test_every_colour_of_text_stands_out_from_its_ground() -> None:
    """WCAG AA: 4.5 to 1 for text, in light, dark and print."""
    style = (resources.templates() / "figure.css").read_text(encoding="utf-8")
    palettes = [dict(re.findall(r"--(\w+): (#\w+)", line)) for line in style.splitlines() if "--paper:" in line]

    assert len(palettes) == 3
    for palette in palettes:
        for ground in ("paper", "tint"):
            for colour in ("ink", "soft", "accent", "good"):
                assert contrast(palette[colour], palette[ground]) >= 4.5, (colour, ground, palette)


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours as WCAG defines it."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    shares = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


# --- words ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prefix", "codes"),
    [
        ("words.notebook", records.NotebookStatus),
        ("words.status", records.FunctionStatus),
        ("words.verdict", records.Verdict),
        ("words.course_test", records.CourseTest),
        ("words.run", records.Regime),
        ("words.weights", records.Distribution),
        ("words.seed", records.SeedStatus),
        ("words.biases", records.Biases),
    ],
)
def test_every_code_has_words(prefix: str, codes: Any) -> None:
    assert [code for code in get_args(codes) if say(f"{prefix}.{code}") == f"{prefix}.{code}"] == []


@pytest.mark.parametrize(
    ("paragraph", "begins", "goes_on"),
    [
        ("Why? It is small.", "Why?", "It is small."),
        ("What to change: line 3.", "What to change:", "line 3."),
        ("Scale 0.01 here: 0.5.", "", "Scale 0.01 here: 0.5."),
        ("No sentence", "", "No sentence"),
        ("", "", ""),
        ("Why?", "", "Why?"),
    ],
)
def test_a_question_that_a_paragraph_begins_with_stands_out(paragraph: str, begins: str, goes_on: str) -> None:
    assert words.lead(paragraph) == (begins, goes_on)


@pytest.mark.parametrize("moment", ["2026-11-25T10:30:00+00:00", "yesterday", ""])
def test_a_day_of_a_moment(moment: str) -> None:
    assert words.day(moment) == moment[:10]


@pytest.mark.parametrize("status", get_args(records.FunctionStatus))
def test_every_status_has_a_page(status: str) -> None:
    function = builders.zeros(status=status, points=0.0)
    page = html.feedback_page(builders.result({builders.ZEROS: function}))

    assert f"0 of 10 points, {words.status(function)}" in page


@pytest.mark.parametrize("regime", get_args(records.Regime))
def test_every_kind_of_training_has_a_page(regime: Any) -> None:
    training = replace(builders.SMALL, regime=regime)
    page = html.feedback_page(builders.result({builders.ZEROS: builders.zeros(training=training, points=0.0)}))

    assert words.run(training, builders.zeros().reference_training) in page


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"regime": "slow"}, "learned almost nothing"),  # its cost is that of guessing
        ({"regime": "slow", "cost_last": 0.5}, "learned slowly"),
        ({"regime": "diverged", "outputs": ("nan", "nan")}, "ended in NaN"),
        ({"regime": "saturated"}, "still above 0.3"),
        (
            {
                "regime": "saturated",
                "trace": records.Trace(iterations=(0, 5), gradient_norms=((8000.0, 9000.0), (0.0, 0.0))),
            },
            "stopped learning",
        ),
    ],
)
def test_what_a_run_did_is_what_became_of_it(changes: Any, says: str) -> None:
    assert says in words.run(replace(builders.SMALL, **changes))


def test_layers_that_miss_the_same_points_are_named_together() -> None:
    norms = ((8.0, 9.0, 1.0), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    trace = records.Trace(iterations=(0, 5, 10), gradient_norms=norms)
    picture = gradients(replace(builders.SMALL, trace=trace))
    assert picture.note.count("exactly 0") == 1
    assert "W1, W2 and W3" in picture.note


def test_of_a_run_that_ended_in_nan_nothing_is_drawn() -> None:
    one = builders.zeros(training=replace(builders.SMALL, outputs=("nan", "nan")))
    view = training_view(one)
    assert view is not None
    assert view.figures == {}


@pytest.mark.parametrize(
    ("formula", "says"),
    [
        (None, ""),
        ("10", ""),
        ("sqrt(2/n_in)", "n_in is the size of the layer before, layers_dims[l-1]"),
        ("sqrt(2/L)", "L is the number of layers"),
        ("sqrt(2/l)", "l is the layer's number, from 1"),
        ("sqrt(2/(n_in+n_out))", ". n_out is the size of the layer itself"),
    ],
)
def test_letters_of_a_rule_are_explained(formula: str | None, says: str) -> None:
    function = builders.he(diagnosis=Diagnosis(scale_formula=formula))

    assert says in words.symbols(function)
    assert bool(words.symbols(function)) == bool(says)


# --- text ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("plain\n\ttext", "plain\n\ttext"),
        ("line\r\nline", "line\nline"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\x00\x7f\x9b\r", "\\x00\\x7f\\x9b\\x0d"),
        ("\u202egnp\u2069", "\\u202egnp\\u2069"),
        ("\ud800", "\ufffd"),
        ("é 漢 🙂", "é 漢 🙂"),
    ],
)
def test_clean(given: str, shown: str) -> None:
    assert text.clean(given) == shown
    assert text.clean(shown) == shown


@pytest.mark.parametrize(("value", "shown"), [(27.0, "27"), (7.5, "7.5"), (0.0, "0"), (10 / 3, "3.33"), (100.0, "100")])
def test_points(value: float, shown: str) -> None:
    assert text.points(value) == shown


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        (("inf", 0.38279, 0.38108), ("inf", "0.3828", "0.3811")),
        ((0.6931473549, 0.6931473066, 0.6931473034), ("0.6931473549", "0.6931473066", "0.6931473034")),
        ((0.6931471805599453, 0.6931471805599455), ("0.6931", "0.6931")),
        (("nan", "nan"), ("nan", "nan")),
    ],
)
def test_costs_have_the_digits_that_tell_them_apart(values: tuple[Any, ...], shown: tuple[str, ...]) -> None:
    assert text.costs(values) == shown


@pytest.mark.parametrize(
    ("names", "short"),
    [
        (["initialize_parameters_zeros", "initialize_parameters_he"], ["zeros", "he"]),
        (["one_a"], ["one_a"]),
        (["one_a", "two_a"], ["one_a", "two_a"]),
        ([], []),
    ],
)
def test_short_names(names: list[str], short: list[str]) -> None:
    assert list(text.short_names(names).values()) == short


@pytest.mark.parametrize(
    ("given", "shown"), [("ab cd", "ab cd"), ("abcdefghijk", "abcdef ..."), ("漢字漢字漢字", "漢字漢 ...")]
)
def test_shorten_counts_columns(given: str, shown: str) -> None:
    assert text.shorten(given, 10) == shown


# --- code and figures ----------------------------------------------------------------------------------------------


def test_code_is_numbered_as_in_its_cell() -> None:
    shown = excerpt(Source(12, 3, '"""two\nlines"""\nx = "<b>"  # why\n'))

    assert [number for number, _ in shown.lines] == [3, 4, 5]
    assert shown.lines[0][1] == '<span class="s">&#34;&#34;&#34;two</span>'
    assert shown.lines[1][1] == '<span class="s">lines&#34;&#34;&#34;</span>'
    assert "&lt;b&gt;" in shown.lines[2][1]
    assert shown.more == 0


_STATEMENTS = (
    "x = 1", "", "    ", "import numpy as np", "from a import b as c", "y = 'it''s' \"\"  # why \"\"\"", 'z = f"{x!r} b"',
    'def f(a):\n    """Two\n\n    lines \'\'\' and # more\n    """\n    return None  # "x"', '"""one line"""', "t = '\\\\'",
    "t = '''a\nif \"\"\" b'''", 'b = rb"""\n\\""" """\nfor x in y: pass', 't = "a\\\n# b"', "n = 1 + \\\n  0x1f", '"\\"\\"\\""',
)  # fmt: skip


@given(st.lists(st.sampled_from(_STATEMENTS), max_size=8).map("\n".join))
def test_lines_look_as_they_do_in_the_whole_text(code: str) -> None:
    ast.parse(code)  # the samples are Python

    assert tuple(line for _, line in excerpt(Source(1, 1, code)).lines) == coloured(code.strip("\n"))


def test_remembered_pieces_make_the_same_pages() -> None:
    results = [build() for build in RESULTS.values()]
    pieces = RememberingPieces()

    for result in (*results, *reversed(results)):
        assert html.feedback_page(result, pieces=pieces) == html.feedback_page(result)


def test_endless_code_is_cut() -> None:
    shown = excerpt(Source(1, 1, "\n".join(["x = " + "1" * 10_000] * 2_000)))

    assert len(shown.lines) == MOST_LINES
    assert shown.more == 2_000 - MOST_LINES
    assert max(len(line) for _, line in shown.lines) < MOST_COLUMNS + 60


def looks(chart: charts.Chart, look: str) -> list[str]:
    """Return the paths of a look as they are written, keys left out: they stand above the picture."""
    paths = re.findall(r'<path class="([^"]*)" d="([^"]*)"/>', svg.draw(chart))
    return [path for name, path in paths if name.split()[0] == look and not re.match(r"M[\d.]+ 29h", path)]


def texts(chart: charts.Chart) -> list[str]:
    return re.findall(r"<text [^>]*>([^<]*)</text>", svg.draw(chart))


def test_figure_starts_at_zero_and_marks_the_cost_of_guessing() -> None:
    figure = cost.cost_chart(builders.SMALL, builders.TEN)
    at = svg.BOTTOM - (svg.BOTTOM - svg.TOP) * charts.LN2 / 0.8

    assert figure.panels[0].y.low == 0
    assert f'y="{svg.BOTTOM + 4}" text-anchor="end">0</text>' in svg.draw(figure)
    assert "0.8" in texts(figure)
    assert looks(figure, "guessing") == [f"M{svg.LEFT} {at:.1f}H{svg.RIGHT}"]
    assert figure.says == (
        "At iteration 14,000 the cost is 0.6931 for this run and 0.3828 for the right answer. Answering 0.5 to every point "
        "costs ln 2 = 0.693."
    )
    assert figure.note == "The cost of the right answer is inf at iteration 0. This point is not drawn."


@pytest.mark.parametrize(
    ("costs", "paths", "missing"),
    [
        (((0, "inf"), (1000, 0.5), (2000, "nan"), (3000, 0.4), (4000, 0.3)), 2, "inf or nan at 2 iterations"),
        (((0, "nan"), (1000, "nan")), 0, "nan at 2 iterations; the first is iteration 0."),
        ((), 0, ""),
        (((0, 1e300), (1000, 1.0)), 1, ""),
    ],
)
def test_figure_draws_what_an_axis_can_hold(costs: Any, paths: int, missing: str) -> None:
    figure = cost.cost_chart(replace(builders.HEALTHY, costs=costs), None)

    assert "".join(looks(figure, "run")).count("M") == paths
    assert missing in figure.note


@pytest.mark.parametrize("high", [0.7, 0.8, 0.883, 1.0, 1.97, 5, 9.99, 1774, 1e300])
def test_axis_has_few_round_steps_and_room_for_all(high: float) -> None:
    marks = charts.steps(high, 5)

    assert 2 <= len(marks) <= 6
    assert marks[-1] >= high


def test_stretched_figure_names_its_span_and_stands_beside_the_honest_one() -> None:
    figure = cost.stretched(builders.SMALL)
    view = training_view(builders.small())

    assert figure is not None
    assert f"the cost changes by {power(4.8e-8)}." in figure.says
    assert f"height: {power(4.8e-8)}" in texts(figure)
    assert cost.stretched(builders.DEAD) is None
    assert view is not None
    assert view.figures["happened"][1] == figure
    assert view.figures["happened"][0].says.startswith("At iteration 14,000 the cost is")


@pytest.mark.parametrize(
    ("changes", "note", "at"),
    [
        ({"scale_formula": "10"}, "", 10.0),
        ({"scale_formula": "1000", "scale": (1000.0,)}, "Off the axis", None),
        ({"scale_formula": "2/n_in", "scale": (1.0, 0.2)}, "differs between layers", 0.52**0.5),
        ({"scale_formula": "-10", "scale": (-10.0,)}, "at the size of your factor", 10.0),
        ({"scale_formula": None, "scale": (1.0, "nan")}, "could not be measured", None),
        ({"scale_formula": None, "scale": None}, "could not be measured", None),
        ({"distribution": "uniform"}, "Yours are not, so", None),
        ({"distribution": None}, "could not be measured", None),
        ({"biases": "nonzero"}, "Yours are not zero", 10.0),
        ({"scale_formula": "sqrt(2/n_in)"}, "", "He"),
    ],
)
def test_a_run_is_on_the_curve_only_where_it_belongs_and_the_picture_says_why(
    changes: dict[str, Any], note: str, at: Any
) -> None:
    function = builders.random()
    place = place_of(replace(function.diagnosis, **changes))

    assert place.at == (pytest.approx(at) if isinstance(at, float) else at)
    assert note in place.note
    assert bool(note) == bool(place.note)


def test_waits_have_a_line_for_each_depth_and_say_how_they_grow() -> None:
    figure = waits_chart(builders.SWEEP)

    assert figure is not None
    assert figure.says == (
        "Iterations until the cost is below 0.6, at scale 0.01 compared with scale 1: 22 times as many with 1 hidden layer, "
        "111 times as many with 2 hidden layers and 3,811 times as many with 3 hidden layers. The learning rate is 0.1."
    )
    assert figure.note == "Not below 0.6 within 4,000,000 iterations, so not drawn: 3 hidden layers at scale 0.001."
    assert [looks(figure, f"layer{index}")[0].count("L") for index in range(3)] == [3, 3, 2]
    assert waits_chart(replace(builders.SWEEP, waits=())) is None


@pytest.mark.parametrize(
    ("runs", "path"),
    [
        ([(64, 0, 0)], ""),
        ([(64, 0, 64)], "M0 22L109.3 22L109.3 131.3L0 131.3Z"),
        ([(32, 0, 64), (32, 0, 0)], "M0 22L109.3 22L109.3 76.7L0 76.7Z"),
        ([(32, 0, 32), (32, 32, 32)], "M0 22L54.7 22L54.7 76.7L109.3 76.7L109.3 131.3L54.7 131.3L54.7 76.7L0 76.7Z"),
    ],
)
def test_a_region_is_drawn_by_its_edges(runs: list[tuple[int, int, int]], path: str) -> None:
    chart = charts.Chart("", (plane(builders.boundary(*runs), "", PointSet()),), is_map=True)

    assert "".join(looks(chart, "region")) == path


def test_a_region_with_a_hole_has_two_edges() -> None:
    grid = builders.boundary((16, 0, 64), (32, 0, 16), (16, 0, 64))
    ring = tuple(f"{int(row, 16) | (0xFFFF if 16 <= index < 48 else 0):016x}" for index, row in enumerate(grid.rows))

    assert len(outline(replace(grid, rows=ring))) == 2


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (records.Place(13, 12), 13),
        (records.Place(13, 11), None),
        (records.Place(2, 12), None),
        (records.Place(99, 12), None),
    ],
)
def test_only_a_line_of_the_code_that_is_shown_is_marked(place: records.Place, line: int | None) -> None:
    function = builders.small()
    assert function.known is not None
    page = html.feedback_page(
        builders.result({builders.RANDOM: replace(function, known=replace(function.known, place=place))})
    )

    assert marked_line(replace(function, known=replace(function.known, place=place))) == line
    assert ("An arrow marks line 13." in page) == (line is not None)
    assert page.count('class="line marked"') == (line is not None)
    assert marked_line(builders.he()) is None


def test_a_fix_is_told_last_and_a_slip_at_once() -> None:
    said = Structure(html.feedback_page(builders.result({builders.RANDOM: builders.small()}))).words
    section = said[said.index("initialize_parameters_random", said.index("ada.ipynb", 100)) :]
    titles = ("What do I change?", "What did I lose points for?", "Before you open this:", "What is the answer?")
    order = [section.index(words) for words in (*titles, "Where these numbers")]

    assert order == sorted(order)
    assert "Multiply the random numbers by 10; you" in section.split("What did I lose")[0]  # the task states the number


def test_what_a_student_is_to_find_stands_in_the_last_fold_alone() -> None:
    (cause,) = builders.small().told
    rule = replace(cause, code="scale_sqrt_missing", action="use sqrt(2/n_in); you use 2/n_in, without the square root")
    mine = replace(builders.small().diagnosis, scale_formula="2/n_in", causes=("scale_sqrt_missing",))
    function = replace(builders.small(), told=(rule,), diagnosis=mine)
    before, _, last = Structure(html.feedback_page(builders.result({builders.RANDOM: function}))).words.partition(
        "What is the answer?"
    )

    assert "compare it with the rule in the task" in before
    assert "without the square root" not in before.lower()
    assert "without the square root" in last


def test_a_ruling_says_from_what_to_what_why_by_whom_and_when() -> None:
    ruling = records.Ruling(builders.RANDOM, 9.0, 7.0, "the text allowed it", "Dr Hopper", "2026-11-25T10:30:00+00:00")
    page = html.feedback_page(builders.result({builders.RANDOM: replace(builders.small(), points=9.0, ruling=ruling)}))

    assert (
        "<strong>Changed by a person:</strong> from 7 to 9 of 10 points, by Dr Hopper on 2026-11-25. "
        "Reason: the text allowed it" in page
    )
    assert "not yet right, changed by a person" in page
    assert "Changed by a person" not in html.feedback_page(builders.everyday())


def test_functions_that_are_not_right_come_first() -> None:
    page = Structure(html.feedback_page(builders.everyday()))

    names = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert names == [builders.RANDOM, builders.ZEROS, builders.HE]


def traced(*norms: tuple[records.Number, ...]) -> records.TrainingResult:
    """Return a run whose gradients were looked at every 100 iterations."""
    iterations = tuple(100 * index for index in range(len(norms)))
    return replace(builders.HEALTHY, trace=records.Trace(iterations=iterations, gradient_norms=norms))


def test_gradients_have_a_line_for_each_layer_and_say_where_they_go() -> None:
    figure = gradients(traced((81.2, 88.4, 1394.0), (0.5, 0.0000097, 2.0)))

    assert figure is not None
    assert figure.says == (
        "At iteration 0 the size of the gradient is 81.2 for W1, 88.4 for W2 and 1,394 for W3. "
        "At iteration 100 it is 0.5 for W1, 9.7 \N{MULTIPLICATION SIGN} 10⁻⁶ for W2 and 2 for W3."
    )
    places = sorted(float(y) for y in re.findall(r'y="([^"]*)" class="name">W\d<', svg.draw(figure)))
    assert len(places) == 3
    assert all(below - above >= 15 for above, below in pairwise(places))


@pytest.mark.parametrize(
    ("norms", "lines", "said"),
    [
        (((0.0, 0.0), (0.0, 0.0)), 0, "exactly 0 at all 2 iterations that were measured"),
        (((0.0, 1.0), (0.0, 1.0)), 1, "The gradient of W1 is exactly 0 at all 2"),
        (((1.0,), ("nan",), (1.0,)), 1, "The gradient of W1 is nan at iteration 100"),
        ((("inf",), ("nan",)), 0, "inf or nan"),
        (((1e-320, 1e300), (1e-320, 1e300)), 2, ""),
        (((1.0,),), 1, "At iteration 0 the size of the gradient is 1 for W1."),
    ],
)
def test_gradients_say_what_they_cannot_draw(norms: Any, lines: int, said: str) -> None:
    figure = gradients(traced(*norms))

    assert figure is not None
    assert said in f"{figure.says} {figure.note}"
    assert sum(len(looks(figure, f"layer{index}")) for index in range(3)) == lines


@pytest.mark.parametrize("numbers", [(1.0,), (1e-320, 1e300), (9.7e-6, 1.5e-5), (147.0, 884_138.0), (10.0, 10.0)])
def test_axis_of_powers_has_few_marks_and_room_for_all(numbers: tuple[float, ...]) -> None:
    axis = charts.powers(numbers)

    assert 2 <= len(axis.ticks) <= charts.MOST_POWERS
    assert all(map(axis.has, numbers))


def test_no_gradients_where_the_course_was_not_kept() -> None:
    assert gradients(builders.HEALTHY) is None


# --- terminal ------------------------------------------------------------------------------------------------------


def shown(result: Result, *, width: int = 80, encoding: str = "utf-8") -> str:
    """Return what a terminal of that width shows."""
    output = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="\n")
    terminal.show(result, Console(file=output, width=width, force_terminal=False))
    output.seek(0)
    return output.read()


@pytest.mark.parametrize("name", RESULTS)
def test_terminal_is_the_golden_one(name: str, golden: Golden) -> None:
    golden(f"{name}.txt", shown(RESULTS[name]()))


@pytest.mark.parametrize("name", RESULTS)
def test_plain_lines_are_the_golden_ones(name: str, golden: Golden) -> None:
    golden(f"{name}.plain.txt", "\n".join(terminal.plain_lines(RESULTS[name]())) + "\n")


def test_the_worst_submission_fits_one_screen() -> None:
    failed = tuple(replace(builders.SCALE_FAILED, name=check.name) for check in builders.RANDOM_CHECKS)
    worst = builders.random(points=0.0, checks=failed)
    everyday = builders.everyday()
    lines = shown(replace(everyday, functions=dict.fromkeys(everyday.functions, worst))).splitlines()

    assert len(lines) <= 44
    assert max(map(len, lines)) <= 80


def test_an_endless_message_is_cut_and_the_summary_is_not() -> None:
    message = "x " * 100_000
    result = builders.result({builders.ZEROS: builders.zeros(status="raised", points=0.0, message=message)})
    text_of_1000 = "word " * 199 + "last."

    assert len(shown(result)) < 2_000
    assert "last." in shown(replace(result, summary=replace(result.summary, text=text_of_1000)))


def test_student_text_cannot_command_the_terminal() -> None:
    for said in (shown(builders.mixed()), *terminal.plain_lines(builders.mixed())):
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", said)
        assert "[bold]" in said or "<script>" not in said


def test_a_terminal_without_unicode_gets_question_marks() -> None:
    result = builders.result(submission=replace(builders.result().submission, name="Zoë 漢.ipynb"))

    assert "Zo? ?.ipynb" in shown(result, encoding="ascii")


def test_a_right_function_passes_in_one_plain_line() -> None:
    assert "PASSED initialize_parameters_he 10/10" in terminal.plain_lines(builders.everyday())
    assert any(
        line.startswith("FAILED initialize_parameters_random 7/10 scale: ")
        for line in terminal.plain_lines(builders.everyday())
    )


@pytest.mark.parametrize("status", get_args(records.NotebookStatus))
def test_every_notebook_status_has_lines(status: Any) -> None:
    lines = terminal.plain_lines(builders.result(notebook=NotebookInfo(status)))

    assert (f"{status.upper()} {words.notebook(status)}" in lines) == (status != "ok")


# --- where the templates lie ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["package/templates", "templates"])
def test_folder_is_found_in_a_wheel_and_in_a_checkout(place: str, tmp_path: Path) -> None:
    (tmp_path / place).mkdir(parents=True)

    assert resources.find("templates", tmp_path / "package") == tmp_path / place


def test_wheel_comes_before_checkout(tmp_path: Path) -> None:
    for place in ("package/templates", "templates"):
        (tmp_path / place).mkdir(parents=True)

    assert resources.find("templates", tmp_path / "package") == tmp_path / "package" / "templates"


def test_missing_folder_is_our_fault_with_advice(tmp_path: Path) -> None:
    with pytest.raises(GraderError, match="install the grader again") as raised:
        resources.find("templates", tmp_path / "package")

    assert raised.value.exit_code == 3


def test_own_folders_are_there() -> None:
    assert (resources.templates() / "feedback.html").is_file()
    assert resources.reference().name == "reference"


@pytest.mark.parametrize("status", ["missing", "not_attempted", "syntax_error", "raised"])
def test_a_call_is_shown_only_where_the_function_was_called(status: Any) -> None:
    function = builders.he(checks=(builders.SCALE_FAILED,), status=status)

    assert (words.advice(function).evidence is not None) == (status == "raised")


def test_a_checksum_is_shown_only_where_code_ran() -> None:
    result = builders.mixed()
    nothing_ran = replace(result, provenance=replace(result.provenance, isolation=()))

    assert "Checksum of what" in html.feedback_page(result)
    assert "Checksum of what" not in html.feedback_page(nothing_ran)
    assert "Your code was not run." in html.feedback_page(nothing_ran)
