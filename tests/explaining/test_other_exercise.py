"""An exercise is a folder, in words too: one with other numbers gets no number and no quote of the exercise that is shipped."""

from __future__ import annotations

import io
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from markupsafe import Markup
from notebooks import HE, RANDOM, ZEROS, edit, solved, write
from rich.console import Console

from grader import api as service
from grader.authoring.measuring import measure
from grader.classroom.statistics import gather, overview
from grader.errors import RequestError
from grader.exercise import asides, fast, quotes, shipped
from grader.exercise import load as exercises
from grader.exercise.load import Exercise
from grader.judging.checks import CHECKS
from grader.lms.common import feedback
from grader.pipeline import Pipeline
from grader.precompute import asides as measured_asides
from grader.precompute import trainings as measured_trainings
from grader.precompute.parts import Plan
from grader.records import Result
from grader.rendering import annotated, classpage, html, terminal
from grader.rendering import summary as class_summary

EXERCISE = exercises.load(checks=CHECKS)
OWN_RANDOM = edit(RANDOM, ("seed(3)", "seed(5)"), ("* 10", "* 0.5"))
OWN_HE = edit(HE, ("seed(3)", "seed(5)"))
SUBMISSIONS = {
    "right": {},
    "missing seed": {"random": edit(OWN_RANDOM, ("    np.random.seed(5)\n", ""))},
    "other scale": {"random": edit(OWN_RANDOM, ("* 0.5", "* 0.01"))},
    "other seed": {"random": edit(OWN_RANDOM, ("seed(5)", "seed(7)"))},
    "large scale": {"random": edit(OWN_RANDOM, ("* 0.5", "* 30"))},
    "zeros wrong": {"zeros": edit(ZEROS, ("np.zeros((layers_dims[l], layers_dims[l-1]))", "np.ones((layers_dims[l], layers_dims[l-1]))"))},
    "he without a root": {"he": edit(OWN_HE, ("np.sqrt(2 / layers_dims[l-1])", "2 / layers_dims[l-1]"))},
}  # fmt: skip
FOREIGN = (
    r"14,?999|15,?000|14,?000",
    r"0\.4633|300,462|350,000|0\.83 / 0\.86",
    r"[Ss]eed(?: of)? 3\b|seed\(3\)",
    r"(?:multiply the random numbers by|factor|put|Put|scale) 10\b(?!\.\d)",
    r"two hidden layers|\[2, 10, 5, 1\]",
    r"flower|12,288|earlier exercise|The notebook says|initializing with small|get adjusted",
    r"the two others set L",
)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Exercise:
    """The shipped exercise, files and all, with another seed, scale, network and length."""
    folder = tmp_path_factory.mktemp("exercises") / "other"
    shutil.copytree(EXERCISE.folder, folder)
    changes = {
        "exercise.toml": (("[2, 10, 5, 1]", "[2, 8, 1]"), ("iterations = 15000", "iterations = 4000"), ("learning_rate = 0.01", "learning_rate = 0.02"), ("seed(3)", "seed(5)")),
        "solution.ipynb": (("seed(3)", "seed(5)"), ("* 10", "* 0.5")),
    }  # fmt: skip
    for name, edits in changes.items():
        text = (folder / name).read_text(encoding="utf-8")
        for old, new in edits:
            assert old in text
            text = text.replace(old, new)
        (folder / name).write_text(text, encoding="utf-8")
    return exercises.load(str(folder), CHECKS)


@pytest.fixture(scope="module")
def pipeline(other: Exercise) -> Iterator[Pipeline]:
    with Pipeline(other, b"secret") as opened:
        yield opened


@pytest.fixture(scope="module")
def measured(other: Exercise, tmp_path_factory: pytest.TempPathFactory) -> Exercise:
    """The same exercise with numbers that were measured for it: fewer, and not as far, so that it takes seconds."""
    if not fast.available():
        pytest.skip("llvmlite is not installed: NOTHING WAS MEASURED FOR THE OTHER EXERCISE")
    folder = tmp_path_factory.mktemp("measured") / "other"
    shutil.copytree(other.folder, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measured_trainings, "ESCAPE_CAP", 30_000)
        patch.setattr(measured_trainings, "SCALES", (0.01, 1.0, 10.0))
        patch.setattr(measured_trainings, "BETWEEN", (0.2,))
        patch.setattr(measured_asides, "PATIENCE", 20_000)
        patch.setattr(measured_asides, "WIDER", (1, 2, 3))
        patch.setattr(measured_asides, "SIGNAL_UNITS", 50)
        exercise = exercises.load(str(folder), CHECKS)
        measure(exercise, Plan(seeds=6), lambda *_: None)
    return exercise


def test_what_is_measured_for_an_exercise_is_measured_for_its_own_answers(measured):
    numbers = shipped.load(measured)
    aside = asides.load(measured, numbers)
    assert aside is not None
    assert [point.scale for point in numbers.sweep] == [0.01, 0.5, 1.0, 10.0]
    assert {row.scale for row in numbers.draws} == {row.scale for row in aside.moved} - {0.01} == {None, 0.5}
    assert [(row.layers, row.learning_rate, row.iterations) for row in numbers.settings] == [
        ((2, 8, 1), 0.02, 4_000),
        ((2, 8, 1), 0.2, 24_000),
    ]
    assert {row.learning_rate for row in numbers.escapes} == {0.02, 0.2}
    assert aside.shifted[0] == shipped.scaled((3, 2, 1), 0.5, 5)["W2"][0, 0]
    assert aside.flower == aside.pictures == ()  # those came before the course's own exercise


@pytest.mark.parametrize("name", SUBMISSIONS)
def test_pages_with_numbers_of_their_own_have_none_of_the_shipped_exercise(measured, tmp_path, name):
    with Pipeline(measured, b"secret") as pipeline:
        result = graded(pipeline, tmp_path, name)
    text = shown(result)
    assert result.passed == (name == "right")
    assert result.sweep is not None
    assert (result.sweep.seed, result.sweep.seeds) == (5, 6)
    assert [found[0] for pattern in FOREIGN for found in re.finditer(f".{{0,40}}(?:{pattern}).{{0,20}}", text)] == []


def test_the_lab_with_numbers_of_its_own_has_none_of_the_shipped_exercise(measured):
    page = service.lab_page(measured)
    body = Markup(re.sub(r"<(style|script|select).*?</\1>", "", page, flags=re.DOTALL)).striptags()
    assert "About this exercise" in page
    assert [found[0] for pattern in FOREIGN for found in re.finditer(f".{{0,40}}(?:{pattern}).{{0,20}}", body)] == []


def test_a_large_start_that_learned_is_not_said_to_be_beyond_repair(pipeline, tmp_path):
    """Seed 3 and scale 10, the shipped exercise's own answer: with this network it learns, though not down to 0.2."""
    copied = edit(OWN_RANDOM, ("seed(5)", "seed(3)"), ("* 0.5", "* 10"))
    result = pipeline.grade(write(tmp_path, "copied.ipynb", solved(random=copied, he=OWN_HE)))
    function = result.functions["initialize_parameters_random"]
    assert function.training.regime == "healthy"
    assert "cannot undo" not in function.reasons


def graded(pipeline: Pipeline, folder: Path, name: str) -> Result:
    functions = {"random": OWN_RANDOM, "he": OWN_HE, **SUBMISSIONS[name]}
    return pipeline.grade(write(folder, "ada.ipynb", solved(**functions)))


def shown(result: Result) -> str:
    """Return all that people may read: page, terminal, plain lines, annotated notebook, comment, the class's page and summary."""
    page = re.sub(r"<style.*?</style>", "", html.feedback_page(result), flags=re.DOTALL)
    page = re.sub(r"<svg.*?</svg>", lambda svg: " ".join(re.findall(r">([^<>]+)<", svg[0])), page, flags=re.DOTALL)
    screen = io.StringIO()
    terminal.show(result, Console(file=screen, width=1000))
    found = gather([("ada", 0.1, result)])
    class_summary.show(found, overview(found), Console(file=screen, width=1000))
    pages = [text for _, text in classpage.class_pages(found)]
    whole = [page, *(re.sub(r"<(style|script).*?</\1>", "", text, flags=re.DOTALL) for text in pages)]
    notes = json.loads(annotated.notebook(None, result))["cells"]
    sources = ["".join(cell["source"]) for cell in notes]
    lines = [*terminal.plain_lines(result), feedback.plain(result), *sources]
    return "\n".join([*(Markup(text).striptags() for text in whole), screen.getvalue(), *lines])


@pytest.mark.parametrize("name", SUBMISSIONS)
def test_no_number_and_no_quote_of_the_shipped_exercise_is_shown(pipeline, tmp_path, name):
    result = graded(pipeline, tmp_path, name)
    text = shown(result)
    foreign = FOREIGN if name == "other scale" else (*FOREIGN, r"(?<![\d.])0\.01\b(?! 0\.1 )")  # but on an axis

    assert result.passed == (name == "right")
    assert result.sweep is None
    assert [found[0] for pattern in foreign for found in re.finditer(f".{{0,40}}(?:{pattern}).{{0,20}}", text)] == []


def test_its_own_numbers_are_shown(pipeline, tmp_path):
    small = shown(graded(pipeline, tmp_path, "other scale"))
    assert "multiply the random numbers by 0.5; you multiply by 0.01" in small
    assert "cost at the last iteration, 3,999" in small
    assert "cost at iteration 3,000" in small
    assert "After 4,000 iterations" in small

    assert "np.random.seed(5)" in shown(graded(pipeline, tmp_path, "missing seed"))
    assert "np.random.seed(5)" in shown(graded(pipeline, tmp_path, "other seed"))


def test_the_last_cost_that_is_printed_is_the_one_shown(pipeline, tmp_path):
    run = graded(pipeline, tmp_path, "right").functions["initialize_parameters_he"].training
    assert run is not None
    assert run.costs[-1] == (3_000, run.cost_14000)


def test_the_lab_of_an_exercise_without_measurements_trains_its_network_and_answers_nothing(other):
    page = service.lab_page(other)
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])

    assert data["networks"] == {"1": [2, 8, 1], "2": [2, 8, 8, 1]}
    assert data["usual"] == {"seed": 5, "layers": 1, "rate": 0.02, "iterations": 4000, "draw": "randn"}
    assert (data["race"], data["asked"]) == ([0.01, 0.5, "he"], [0.5])
    assert (data["spread"], data["escapes"]) == ([], [])
    assert "About this exercise" not in page
    assert "<details>" not in page.partition("</section>")[2]
    body = Markup(re.sub(r"<(style|script|select).*?</\1>", "", page, flags=re.DOTALL)).striptags()
    assert [found[0] for pattern in FOREIGN for found in re.finditer(f".{{0,40}}(?:{pattern}).{{0,20}}", body)] == []


def test_a_network_that_cannot_learn_points_of_a_plane_has_no_lab(other):
    with pytest.raises(RequestError, match="networks with two inputs and one output"):
        service.lab_page(replace(other, model=replace(other.model, layers=(3, 2, 1))))


def test_the_seed_is_read_off_the_right_answers(other):
    assert (shipped.solution_seed(EXERCISE), shipped.solution_seed(other)) == (3, 5)


def test_quotes_belong_to_the_exercise_that_they_were_written_for(other):
    own = quotes.load(EXERCISE)
    assert own is not None
    assert own.zeros
    assert (other.folder / quotes.FILE).is_file()
    assert quotes.load(other) is None
