"""A sentence that cannot be written is left out and logged, wherever words are made; the verdict stands."""

from __future__ import annotations

import importlib
import inspect
import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import ModuleType

import builders
import pytest
from notebooks import HE, RANDOM, ZEROS, edit, solved, write
from rich.console import Console

from grader import reading
from grader.classroom.statistics import Classroom, gather, overview
from grader.exercise import load as exercises
from grader.judging.checks import CHECKS
from grader.lms.common import feedback
from grader.pipeline import Pipeline
from grader.records import Diagnosis, Evidence, Result
from grader.rendering import annotated, classpage, gradebook, html, terminal
from grader.rendering import summary as class_summary
from grader.rendering import words as page_words

EXERCISE = exercises.load(checks=CHECKS)
EXPLAINING = [
    importlib.import_module(f"grader.explaining.{name}")
    for name in ("known", "questions", "stale", "story", "summary", "words")
]
WRONG = {
    "zeros": edit(ZEROS, ("np.zeros((layers_dims[l], 1))", "np.ones((layers_dims[l], 1))")),
    "random": edit(RANDOM, ("* 10", "* 0.01")),
    "he": edit(HE, ("    np.random.seed(3)\n", ""), ("np.sqrt(2 / layers_dims[l-1])", "2 / layers_dims[l-1]")),
}


def functions_of(*modules: ModuleType) -> list[tuple[ModuleType, str]]:
    return [
        (module, name)
        for module in modules
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__
    ]


def poison(*_: object, **__: object) -> object:
    raise KeyError("no words for it")


def half_a_paragraph(_: object) -> Iterator[str]:
    yield "The beginning stays."
    poison()


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Pipeline, Evidence, Result]]:
    with Pipeline(EXERCISE, b"secret") as pipeline:
        path = write(tmp_path_factory.mktemp("in"), "ada.ipynb", solved(**WRONG))
        evidence = pipeline.collect(reading.read(path, pipeline.gatherer.sandbox.limits))
        yield pipeline, evidence, pipeline.judge(evidence)


def verdict(result: Result) -> object:
    functions = {
        name: (one.status, one.points, one.diagnosis, one.provisional) for name, one in result.functions.items()
    }
    return result.score, result.provisional, functions


def in_terminal(result: Result) -> str:
    screen = io.StringIO()
    terminal.show(result, Console(file=screen, width=1000))
    return screen.getvalue()


def class_of(result: Result) -> Classroom:
    return gather([("ada.ipynb", 0.1, result)])


def class_screen(result: Result) -> str:
    screen = io.StringIO()
    found = class_of(result)
    class_summary.show(found, overview(found), Console(file=screen, width=1000))
    return screen.getvalue()


PLACES: dict[str, Callable[[Result], str]] = {
    "page": html.feedback_page,
    "terminal": in_terminal,
    "plain lines": lambda result: "\n".join(terminal.plain_lines(result)),
    "annotated notebook": lambda result: annotated.notebook(None, result),
    "class page": lambda result: "".join(page for _, page in classpage.class_pages(class_of(result))),
    "class in a terminal": class_screen,
    "comment": feedback.plain,
    "comment in HTML": feedback.html,
    "result.json": gradebook.result_json,
    "grades.csv": lambda result: gradebook.grades_csv(class_of(result).rows, EXERCISE),
}


@pytest.mark.parametrize(("module", "name"), functions_of(*EXPLAINING))
def test_a_sentence_that_fails_changes_no_verdict(graded, monkeypatch, module, name):
    pipeline, evidence, whole = graded
    monkeypatch.setattr(module, name, poison)
    result = pipeline.judge(evidence)
    assert verdict(result) == verdict(whole)

    assert f"{result.score:g} of 30" in result.summary.headline


def test_of_a_story_only_the_paragraph_that_fails_is_left_out(graded, monkeypatch, caplog):
    pipeline, evidence, whole = graded
    random = whole.functions["initialize_parameters_random"]
    monkeypatch.setattr(importlib.import_module("grader.explaining.story"), "why", half_a_paragraph)
    result = pipeline.judge(evidence).functions["initialize_parameters_random"]
    others = [paragraph for paragraph in result.explanation if "The beginning stays." not in paragraph]
    assert len(others) == len(random.explanation) - 1
    assert set(others) < set(random.explanation)
    assert "no words for it" in caplog.text


def test_questions_that_cannot_be_answered_cost_no_verdict(monkeypatch, tmp_path):
    monkeypatch.setattr("grader.prepare.asked_often", poison)
    with Pipeline(EXERCISE, b"secret") as pipeline:
        result = pipeline.grade(write(tmp_path, "ada.ipynb", solved()))
    assert (result.passed, result.questions) == (True, ())


@pytest.mark.parametrize("place", PLACES)
def test_a_cause_that_no_table_names_is_shown_everywhere(place):
    random = replace(builders.small(), diagnosis=Diagnosis(causes=("new_cause",)), told=())
    result = builders.result({builders.ZEROS: builders.zeros(), builders.RANDOM: random, builders.HE: builders.he()})
    assert PLACES[place](result)


@pytest.mark.parametrize("place", ["terminal", "plain lines", "annotated notebook", "class page"])
@pytest.mark.parametrize(("module", "name"), functions_of(page_words))
def test_words_of_a_page_that_fail_leave_the_points(monkeypatch, place, module, name):
    result = builders.everyday()
    monkeypatch.setattr(module, name, poison)
    text = PLACES[place](result)
    assert f"{result.score:g}" in text
