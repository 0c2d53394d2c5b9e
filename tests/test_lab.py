"""The live lab: its data are the exercise's, its answers stand without script, and in a browser it lands where NumPy does."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from grader import service, shipped
from grader.cli import main
from grader.report import lab
from grader.training import course_data

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Opener = Callable[..., "Opened"]


@pytest.fixture(scope="module")
def html() -> str:
    return lab.lab_page(service.load_exercise())


class Opened:
    """The lab in a browser, with everything it asked for or complained of."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.requests: list[str] = []
        self.trouble: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.trouble.append(message.text))
        page.on("pageerror", lambda error: self.trouble.append(str(error)))

    def described(self) -> str:
        """Wait for the end of a run and return its paragraph."""
        self.page.locator("#described").wait_for(timeout=60_000)
        return self.page.locator("#paragraph").inner_text()

    def fact(self, name: str) -> str:
        return self.page.locator("#facts tr", has=self.page.get_by_text(name, exact=True)).locator("td").inner_text()


@pytest.fixture
def opened(chromium: Browser, html: str, tmp_path: Path) -> Iterator[Opener]:
    """Open the lab from a file, at a fragment."""
    contexts = []

    def open_lab(fragment: str = "", width: int = 1280, **options: object) -> Opened:
        path = tmp_path / "lab.html"
        path.write_text(html, encoding="utf-8")
        contexts.append(chromium.new_context(viewport={"width": width, "height": 900}, **options))
        seen = Opened(contexts[-1].new_page())
        seen.page.goto(path.as_uri() + fragment)
        return seen

    yield open_lab
    for context in contexts:
        context.close()


def data(html: str) -> dict:
    return json.loads(re.search(r'id="data">(.*?)</script>', html, re.DOTALL)[1])


def test_points_and_draws_are_the_exercise_s_bit_for_bit(html):
    given, course = data(html), course_data()

    assert np.array_equal(given["train"]["x"], course.X_train.ravel())
    assert np.array_equal(given["train"]["y"], course.Y_train.ravel())
    assert np.array_equal(given["test"]["x"], course.X_test.ravel())
    assert np.array_equal(given["test"]["y"], course.Y_test.ravel())
    for seed in lab.SEEDS:
        for layers in lab.HIDDEN.values():
            start = shipped.scaled(layers, 1.0, seed)
            drawn = np.concatenate([start[f"W{layer}"].ravel() for layer in range(1, len(layers))])
            assert np.array_equal(given["draws"][str(seed)][: drawn.size], drawn)


def test_page_is_small_and_the_same_every_time(html):
    assert len(html.encode()) < 300_000
    assert html == lab.lab_page(service.load_exercise())


def test_every_preset_can_be_chosen(html):
    for question in lab.questions(lab._Known(service.load_exercise())):
        asked = dict(pair.split("=") for pair in question.fragment.removeprefix("#").split("&"))
        assert asked["scale"] in {"he", "0"} or float(asked["scale"]) in lab.SCALES
        assert asked["rate"] in lab.RATES
        assert int(asked["iterations"]) in lab.ITERATIONS


def test_command_writes_the_page(html, tmp_path, capsys):
    path = tmp_path / "lab.html"

    assert main(["lab", "--html", str(path)]) == 0
    assert path.read_text(encoding="utf-8") == html
    assert str(path) in capsys.readouterr().out


def test_command_refuses_a_place_it_cannot_write(tmp_path, capsys):
    assert main(["lab", "--html", str(tmp_path / "nowhere" / "lab.html")]) == 2
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.browser
@pytest.mark.parametrize(
    ("start", "train", "test", "word"),
    [
        ("10", "0.83", "0.86", "began above three times the cost of guessing, ended above 0.3"),
        ("0.01", "0.4633", "0.48", "on the plateau at ln 2, the cost of guessing"),
        ("he", "0.9933", "0.96", "learned: cost at most 0.3"),
        ("zeros", "0.5", "0.5", "no gradient at the start"),
    ],
)
def test_a_run_lands_where_the_notebook_does(start, train, test, word, opened):
    seen = opened()
    if start in {"he", "zeros"}:
        seen.page.locator(f"input[name=start][value={start}]").click()
    else:
        seen.page.get_by_label("Scale, 0.001 to 100").fill(start)
    seen.page.get_by_role("button", name="Run and describe").click()
    seen.described()

    assert (seen.fact("train accuracy"), seen.fact("test accuracy"), seen.fact("in a word")) == (train, test, word)
    assert seen.page.locator("#costs tbody tr").count() == 16
    assert seen.trouble == []


@pytest.mark.browser
def test_costs_are_those_that_notebooks_print(opened):
    seen = opened("#scale=he")
    seen.page.locator("#run").click()
    seen.described()
    costs = seen.page.locator("#costs td").all_inner_texts()

    assert (costs[0], costs[14]) == ("0.883054", "0.073579")


@pytest.mark.browser
def test_nothing_leaves_the_page(opened):
    seen = opened("#iterations=1000")
    seen.page.locator("#run").click()
    seen.described()

    assert [url for url in seen.requests if not url.startswith("blob:")] == [seen.requests[0]]
    assert seen.requests[0].startswith("file://")
    assert seen.trouble == []


@pytest.mark.browser
def test_fragment_is_restored_and_kept(opened):
    page = opened("#scale=0.3&seed=4&layers=3&rate=0.1&iterations=1000").page

    assert page.locator("#scale").input_value() == "0.3"
    assert [page.locator(f"#{name}").input_value() for name in ("seed", "layers", "rate", "iterations")] == [
        "4", "3", "0.1", "1000",
    ]  # fmt: skip
    page.locator("#seed").select_option("2")
    assert page.evaluate("location.hash") == "#scale=0.3&seed=2&layers=3&rate=0.1&iterations=1000"


@pytest.mark.browser
def test_a_link_that_cannot_be_is_said(opened):
    page = opened("#scale=1e9&seed=3").page

    assert "scale=1e9" in page.locator("#status").inner_text()
    assert page.locator("#scale").input_value() == "0.01"


@pytest.mark.browser
def test_a_run_starts_from_the_keyboard(opened):
    seen = opened("#scale=1&iterations=300")
    seen.page.locator("#slider").focus()
    seen.page.keyboard.press("ArrowRight")
    assert seen.page.locator("#scale").input_value() == "1.5"
    seen.page.locator("#run").focus()
    seen.page.keyboard.press("Enter")

    assert "Scale 1.5, seed 3, two hidden layers" in seen.described()


@pytest.mark.browser
def test_a_question_runs_its_experiment(opened):
    seen = opened()
    seen.page.get_by_text("Why did 0.01 work before?").click()
    seen.page.locator("details[open] button").click()

    assert "one hidden layer, learning rate 1.2" in seen.described()
    assert (seen.fact("train accuracy"), seen.fact("test accuracy")) == ("0.9967", "0.95")


@pytest.mark.browser
def test_answers_are_read_without_script(opened):
    page = opened(java_script_enabled=False).page

    assert not page.locator("#lab").is_visible()
    assert page.locator("noscript p").is_visible()
    page.get_by_text("Why is 0.01 stuck?").click()
    assert page.get_by_text("0.4633 / 0.48").first.is_visible()


@pytest.mark.browser
@pytest.mark.parametrize("width", [320, 390, 1280])
def test_lab_never_scrolls_sideways(width, opened):
    seen = opened("#iterations=300", width)
    seen.page.locator("#run").click()
    seen.described()

    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
