"""The live lab: its data are the exercise's, its answers stand without script, and in a browser it lands where NumPy does."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from grader import api as service
from grader.cli import main
from grader.exercise import shipped
from grader.exercise.training import Model, course_data, train
from grader.rendering import answers, lab

if TYPE_CHECKING:
    from playwright.sync_api import Page

KNOWN_QUESTIONS = answers.questions(answers.Known(service.load_exercise()))
Opener = Callable[..., "Opened"]
STILL = {
    "reduced_motion": "reduce"
}  # the pictures on the way cost more than the training, and other tests look at them


@pytest.fixture(scope="module")
def html() -> str:
    return lab.lab_page(service.load_exercise())


class Opened:
    """The lab in a browser, with everything it asked for or complained of."""

    def __init__(self, tab: Callable[..., Page], width: int, **options: object) -> None:
        self.requests: list[str] = []
        self.trouble: list[str] = []
        listeners = {
            "request": lambda request: self.requests.append(request.url),
            "console": lambda message: self.trouble.append(message.text),
            "pageerror": lambda error: self.trouble.append(str(error)),
        }
        self.page = tab(width, listeners, **options)

    def described(self) -> str:
        """Wait for the end of a run and return its paragraph."""
        self.page.locator("#described").wait_for(timeout=600_000)
        return self.page.locator("#paragraph").inner_text()

    def fact(self, name: str) -> str:
        return self.page.locator("#facts tr", has=self.page.get_by_text(name, exact=True)).locator("td").inner_text()


@pytest.fixture
def opened(tab: Callable[..., Page], html: str, tmp_path: Path) -> Iterator[Opener]:
    """Open the lab from a file, at a fragment."""
    pages = []

    def open_lab(fragment: str = "", width: int = 1280, *, text: str = html, **options: object) -> Opened:
        path = tmp_path / "lab.html"
        path.write_text(text, encoding="utf-8")
        seen = Opened(tab, width, **options)
        pages.append(seen.page)
        seen.page.goto(path.as_uri() + fragment)
        return seen

    yield open_lab
    for page in pages:
        page.goto("about:blank")  # a run that is going on ends here


def spread(train_accuracy: list[float]) -> shipped.Spread:
    return shipped.Spread(1.0, tuple(train_accuracy), (), ())


def data(html: str) -> dict:
    return json.loads(re.search(r'id="data">(.*?)</script>', html, re.DOTALL)[1])


def test_points_and_draws_are_the_exercise_s_bit_for_bit(html):
    given, course = data(html), course_data()

    assert np.array_equal(given["train"]["x"], course.X_train.ravel())
    assert np.array_equal(given["train"]["y"], course.Y_train.ravel())
    assert np.array_equal(given["test"]["x"], course.X_test.ravel())
    assert np.array_equal(given["test"]["y"], course.Y_test.ravel())
    for draw in ("randn", "rand"):
        for seed in lab.SEEDS:
            for layers in lab.HIDDEN.values():
                start = shipped.scaled(layers, 1.0, seed, draw)
                drawn = np.concatenate([start[f"W{layer}"].ravel() for layer in range(1, len(layers))])
                assert np.array_equal(given["draws"][draw][str(seed)][: drawn.size], drawn)


def test_page_is_small_and_the_same_every_time(html):
    assert len(html.encode()) < 300_000
    assert html == lab.lab_page(service.load_exercise())


def test_every_preset_can_be_chosen(html):
    for question in KNOWN_QUESTIONS:
        asked = dict(pair.split("=") for pair in question.fragment.removeprefix("#").split("&"))
        assert asked["scale"] in {"he", "0"} or float(asked["scale"]) in lab.SCALES
        assert asked["rate"] in lab.RATES
        assert int(asked["iterations"]) in lab.ITERATIONS
        assert asked.get("draw", "randn") in lab.DRAWS


def test_the_questions_of_the_course_stand_there():
    titles = [question.title for question in KNOWN_QUESTIONS]
    assert titles[:5] == [
        "Why is 0.01 stuck?",
        "Why did 0.01 work before?",
        "Is x10 good?",
        "What if I wait longer?",
        "randn or rand?",
    ]


def test_answers_compare_starts_only_where_nine_tenths_of_the_seeds_agree():
    even = answers._duel(*(spread([0.5] * 6 + [last] * 44) for last in (0.6, 0.6)))
    most = answers._duel(spread([0.5] * 6 + [0.7] * 44), spread([0.6] * 50))
    clear = answers._duel(spread([0.5] * 5 + [0.7] * 45), spread([0.6] * 50))
    assert [(duel.above, duel.below, duel.clear) for duel in (even, most, clear)] == [
        (0, 0, False), (44, 6, False), (45, 5, True),
    ]  # fmt: skip


def test_rand_is_told_by_what_was_measured():
    known = answers.Known(service.load_exercise())
    said = " ".join(answers._rand(known).answer)
    pairs = zip(known.draws[None, "randn"].train_accuracy, known.draws[None, "rand"].train_accuracy, strict=True)
    assert f"randn ends above rand in train accuracy for {sum(a > b for a, b in pairs)} of 50 seeds." in said
    assert "So it is not the shape." in said


@pytest.mark.parametrize(
    ("measured", "says"),
    [
        ([100, 1600, 3000], "adds 1,400 to 1,500 iterations."),
        ([400, 4000, 36000], "multiplies the wait by 9 to 10."),
        ([400, 16000, None], "multiplies the wait by 40, and the last is still waiting at 4,000,000."),
    ],
)
def test_how_waiting_grows_is_said_as_measured(measured, says):
    scales = dict(zip((1.0, 0.1, 0.01), measured, strict=True))
    assert answers._growth(2, scales) == f"With two hidden layers each tenth {says}"


def test_command_writes_the_page(html, tmp_path, capsys):
    path = tmp_path / "lab.html"

    assert main(["lab", "--html", str(path)]) == 0
    assert path.read_text(encoding="utf-8") == html
    assert str(path) in capsys.readouterr().out


def test_command_opens_the_page_on_request(tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    assert main(["lab", "--html", str(tmp_path / "a b.html"), "--open", "--quiet"]) == 0
    assert opened == [(tmp_path / "a b.html").as_uri()]


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
    seen = opened(**({} if start == "0.01" else STILL))
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
    seen = opened("#scale=he", **STILL)
    seen.page.locator("#run").click()
    seen.described()
    costs = seen.page.locator("#costs td").all_inner_texts()

    assert (costs[0], costs[14]) == ("0.883054", "0.073579")


@pytest.mark.browser
@pytest.mark.parametrize(
    ("fragment", "layers", "rate", "scale", "seed", "draw"),
    [
        ("#scale=he&draw=rand", 2, 0.01, None, 3, "rand"),
        ("#scale=1&seed=1&draw=narrow&layers=1&rate=0.1&iterations=1000", 1, 0.1, 1.0, 1, "narrow"),
        ("#scale=0.3&seed=0&draw=centred&layers=3&rate=0.1&iterations=1000", 3, 0.1, 0.3, 0, "centred"),
        ("#scale=1&seed=2&layers=3&rate=0.03&iterations=5000", 3, 0.03, 1.0, 2, "randn"),
    ],
)
def test_other_settings_land_where_numpy_does(fragment, layers, rate, scale, seed, draw, opened):
    seen = opened(fragment, **STILL)
    seen.page.locator("#run").click()
    seen.described()
    model = Model(answers.HIDDEN[layers], rate, int(seen.page.locator("#iterations").input_value()))
    run = train(shipped.scaled(model.layers, scale, seed, draw), course_data(), model)

    assert float(seen.fact("train accuracy")) == round(run.train_accuracy, 4)
    assert float(seen.fact("test accuracy")) == run.test_accuracy
    assert float(seen.page.locator("#costs td").first.inner_text()) == pytest.approx(run.cost_first, abs=1e-6)
    assert float(seen.page.locator("#costs td").last.inner_text()) == pytest.approx(run.cost_last, abs=2e-6)


@pytest.mark.browser
@pytest.mark.parametrize(
    ("fragment", "word", "says"),
    [
        ("#scale=0.3&seed=0&rate=1&iterations=300", "ended with a higher cost than it began with", "it ended 0.13 higher"),
        ("#scale=0.1&seed=0&rate=0.1&layers=3&iterations=300&draw=narrow", "ended with a higher cost", "Both lie near ln 2"),
        ("#scale=0.3&rate=1.2&iterations=1000", "on the plateau at ln 2", "every unit of layer 2 is dead"),
        ("#scale=10&iterations=1000", "began above three times", "The notebook prints inf at iteration 0"),
        ("#scale=he&rate=0.03&iterations=1000", "cost above 0.3 at the end", "The cost was 0.8831 at iteration 0"),
    ],
)  # fmt: skip
def test_what_happened_is_said(fragment, word, says, opened):
    seen = opened(fragment, **STILL)
    seen.page.locator("#run").click()

    assert says in seen.described()
    assert word in seen.fact("in a word")
    assert "tiny differences" not in seen.described()


@pytest.mark.browser
def test_numbers_out_of_range_are_said(html, opened):
    huge = re.sub(r'("randn":\{"0":)\[[^]]*\]', lambda found: f"{found[1]}{[1e200] * 105}", html)
    seen = opened("#scale=1&seed=0&iterations=100", text=huge)
    seen.page.locator("#run").click()

    assert "The numbers ran out of range: the cost at iteration 99 is not a number." in seen.described()
    assert seen.page.locator("#costs td").last.inner_text() == "not a number"
    assert seen.trouble == []


@pytest.mark.browser
def test_stop_stops_and_says_so(opened):
    from playwright.sync_api import expect

    seen = opened("#scale=0.01&layers=3&iterations=60000")
    seen.page.locator("#run").click()
    expect(seen.page.locator("#iteration-now")).not_to_have_text("0")
    seen.page.get_by_role("button", name="Stop").click()
    at = seen.page.locator("#iteration-now").inner_text()

    assert 0 < int(at.replace(",", "")) < 60_000
    assert seen.page.locator("#status").inner_text().startswith(f"Stopped near iteration {at}: train accuracy ")
    assert seen.page.locator("#stop").is_disabled()
    said = seen.described()
    assert f"learning rate 0.01, stopped after {at} of 60,000 iterations: " in said
    assert "No iteration had a cost below 0.6" in said
    assert "over the seeds" not in said  # measured of whole runs
    assert (
        seen.page.locator("#facts td").first.inner_text()
        == "stopped; so far: on the plateau at ln 2, the cost of guessing"
    )
    assert seen.trouble == []
    assert seen.page.evaluate("document.activeElement.id") == "run"
    seen.page.evaluate(  # until the browser has drawn twice
        "new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))"
    )
    assert seen.page.locator("#iteration-now").inner_text() == at


@pytest.mark.browser
def test_a_run_is_looked_back_at_from_the_keyboard(opened):
    from playwright.sync_api import expect

    seen = opened("#scale=he&iterations=1000")
    seen.page.locator("#run").click()
    seen.described()
    seen.page.locator("#when").focus()
    seen.page.keyboard.press("Home")

    assert seen.page.locator("#iteration-now").inner_text() == "0"
    assert seen.page.locator("#cost-now").inner_text() == "0.883054"
    assert seen.page.locator("#when").get_attribute("aria-valuetext") == "iteration 0"
    seen.page.get_by_role("button", name="Play").press("Enter")
    expect(seen.page.locator("#iteration-now")).not_to_have_text("0")
    seen.page.get_by_role("button", name="Pause").press("Enter")
    assert seen.page.locator("#play").inner_text() == "Play"
    seen.page.locator("#when").press("End")
    assert seen.page.locator("#iteration-now").inner_text() == "1,000"


@pytest.mark.browser
def test_nothing_moves_for_a_reader_who_asked_for_that(opened):
    """Between the first picture and the last nothing is drawn."""
    from playwright.sync_api import expect

    seen = opened("#scale=he", reduced_motion="reduce")
    expect(seen.page.locator("#cost-now")).not_to_have_text("")  # the first picture stands
    seen.page.evaluate(
        "window.seen = new Set(); new MutationObserver(() => seen.add(document.getElementById('iteration-now').textContent))"
        ".observe(document.getElementById('iteration-now'), {childList: true})"
    )
    seen.page.locator("#run").click()
    seen.described()

    assert seen.page.evaluate("[...seen]") == ["15,000"]


@pytest.mark.browser
def test_a_run_moves_the_pictures(opened):
    from playwright.sync_api import expect

    seen = opened("#scale=1")
    expect(seen.page.locator("#cost-now")).not_to_have_text("")
    picture = "document.getElementById('boundary').toDataURL() + document.getElementById('network').toDataURL()"
    before = seen.page.evaluate(picture)
    seen.page.locator("#run").click()
    expect(seen.page.locator("#iteration-now")).not_to_have_text("0")

    assert seen.page.evaluate(picture) != before
    assert "dead units" in seen.page.locator("#network").get_attribute("aria-label")


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
    page.locator("#draw").select_option("rand")
    page.reload()
    assert page.evaluate("location.hash") == "#scale=0.3&seed=2&layers=3&rate=0.1&iterations=1000&draw=rand"
    assert page.locator("#draw").input_value() == "rand"


@pytest.mark.browser
@pytest.mark.parametrize("scale", ["0", "zeros"])
def test_a_link_may_ask_for_zeros(scale, opened):
    page = opened(f"#scale={scale}").page

    assert page.locator("input[name=start][value=zeros]").is_checked()
    assert page.locator("#scale").is_disabled()
    assert page.locator("#rule").inner_text() == "Every weight is 0; the seed changes nothing."


@pytest.mark.browser
def test_a_link_that_cannot_be_is_said(opened):
    page = opened("#scale=1e9&seed=3&draw=poisson").page

    assert "scale=1e9 and draw=poisson" in page.locator("#status").inner_text()
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
    seen = opened(**STILL)
    seen.page.get_by_text("Why did 0.01 work before?").click()
    seen.page.locator("details[open] button").click()

    assert "one hidden layer, learning rate 1.2" in seen.described()
    assert (seen.fact("train accuracy"), seen.fact("test accuracy")) == ("0.9967", "0.95")


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_after_a_run(scheme, opened):
    from axe_playwright_python.sync_playwright import Axe

    seen = opened("#scale=10&iterations=300", 390, color_scheme=scheme)
    seen.page.locator("#run").click()
    seen.described()
    found = Axe().run(seen.page)

    assert found.response["passes"]
    assert not found.response["violations"], found.generate_report()


@pytest.mark.browser
def test_answers_are_read_without_script(opened):
    page = opened(java_script_enabled=False).page

    assert not page.locator("#lab").is_visible()
    assert page.locator("noscript p").is_visible()
    page.get_by_text("Why is 0.01 stuck?").click()
    assert page.get_by_text("0.4633 / 0.48").first.is_visible()
    page.get_by_text("randn or rand?").click()
    assert page.get_by_role("rowheader", name="He's scale, rand", exact=True).is_visible()


@pytest.mark.browser
@pytest.mark.parametrize("width", [320, 390, 1280])
def test_lab_never_scrolls_sideways(width, opened):
    seen = opened("#iterations=300", width)
    seen.page.locator("#run").click()
    seen.described()

    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
