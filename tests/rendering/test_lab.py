"""The live lab: its data are the exercise's, its answers stand without script, and in a browser it lands where NumPy does."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from grader import api as service
from grader import messages
from grader.cli import main
from grader.exercise import shipped
from grader.exercise.training import Model, course_data, train
from grader.rendering import lab

if TYPE_CHECKING:
    from playwright.sync_api import Page

EXERCISE = service.load_exercise()
Opener = Callable[..., "Opened"]
STILL = {"reduced_motion": "reduce"}  # pictures on the way cost more than the training, and other tests look at them


@pytest.fixture(scope="module")
def html() -> str:
    return service.lab_page(EXERCISE)


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
        """Wait for the end of a run and return what it says of the start that is looked into."""
        self.page.locator("#described").wait_for(timeout=600_000)
        return self.page.locator("#described").inner_text()

    def fact(self, name: str) -> str:
        row = self.page.locator("#facts tr", has=self.page.get_by_text(name, exact=True))
        return row.locator("td").text_content() or ""

    def cards(self) -> list[tuple[str, ...]]:
        """Return of each start its name with its part, and train and test accuracy at the end."""
        self.described()
        names = self.page.locator(".lane h3").all_inner_texts()
        numbers = [card.locator("dd").all_inner_texts()[:2] for card in self.page.locator(".lane").all()]
        return [(" ".join(name.split()), *values) for name, values in zip(names, numbers, strict=True)]

    def costs(self) -> list[str]:
        return self.page.locator("#costs td").all_text_contents()


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


def data(html: str) -> dict:
    return json.loads(re.search(r'id="data">(.*?)</script>', html, re.DOTALL)[1])


def test_points_are_the_exercise_s_bit_for_bit(html):
    given, course = data(html), course_data()

    assert np.array_equal(given["train"]["x"], course.X_train.ravel())
    assert np.array_equal(given["train"]["y"], course.Y_train.ravel())
    assert np.array_equal(given["test"]["x"], course.X_test.ravel())
    assert np.array_equal(given["test"]["y"], course.Y_test.ravel())


def test_page_is_small_and_the_same_every_time(html):
    assert len(html.encode()) < 200_000
    assert html == service.lab_page(service.load_exercise())


def test_every_experiment_can_be_chosen(html):
    fragments = re.findall(r'data-fragment="#([^"]*)"', html)
    assert len(fragments) >= 8
    for fragment in fragments:
        settings = dict(pair.split("=") for pair in fragment.replace("&amp;", "&").split("&"))
        assert all(
            start == "he" or float(start) >= 0 for start in (settings.get("race") or settings["scale"]).split(",")
        )
        assert float(settings["rate"]) in lab.rates(EXERCISE)
        assert int(settings["iterations"]) in lab.iterations(EXERCISE)
        assert int(settings["layers"]) in lab.networks(EXERCISE)
        assert settings.get("draw", "randn") in lab.DRAWS


def test_the_questions_about_the_exercise_are_answered(html):
    titles = re.findall(r"<summary>([^<]*)</summary>", html)
    for title in (
        "Why is scale 0.01 stuck?",
        "Why did scale 0.01 work in the earlier exercise?",
        "Is 10 a good scale?",
        "What if I wait longer?",
        "Does a deeper network take longer to start learning?",
    ):
        assert title in titles
    assert len(titles) == len(set(titles))


def test_the_page_brings_every_sentence_that_its_script_says(html):
    script = lab.html.script(lab.SCRIPT)
    sentences = json.loads(re.search(r'id="sentences">(.*?)</script>', html, re.DOTALL)[1])

    assert set(re.findall(r'"((?:lab|list)\.[\w.]+)"', script)) == set(sentences)
    assert all(text != name and not re.search(r"\{(?!\w+\})", text) for name, text in sentences.items())


def test_a_sentence_of_a_teacher_cannot_end_the_data_of_the_page(tmp_path):
    header = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n\n'
    (tmp_path / "lab.po").write_text(f'{header}msgid "lab.play"\nmsgstr "</script><b>&"\n', encoding="utf-8")
    messages.use(own=tmp_path)
    try:
        page = service.lab_page(EXERCISE)
    finally:
        messages.use()

    assert "</script><b>" not in page
    assert json.loads(re.search(r'id="sentences">(.*?)</script>', page, re.DOTALL)[1])["lab.play"] == "</script><b>&"
    assert "&lt;/script&gt;&lt;b&gt;&amp;</button>" in page


def test_the_race_is_of_the_exercise_s_own_scales():
    assert lab.race(EXERCISE) == (0.01, 10.0, None)


@pytest.mark.parametrize(
    ("written", "scales"),
    [("* 0.5", (0.5,)), ("* .5 * 2", (0.5,)), ("", ()), ("* scale", ()), ("* 10", (10.0,))],
)
def test_scales_are_read_off_the_right_answers(written, scales, tmp_path):
    folder = tmp_path / "other"
    shutil.copytree(EXERCISE.folder, folder)
    path = folder / "solution.ipynb"
    path.write_text(path.read_text(encoding="utf-8").replace(" * 10", f" {written}".rstrip()), encoding="utf-8")
    other = service.load_exercise(str(folder))
    assert shipped.solution_scales(other) == scales


def test_networks_are_the_exercise_s_own_one_layer_fewer_and_one_more():
    assert lab.networks(EXERCISE) == {1: (2, 10, 1), 2: (2, 10, 5, 1), 3: (2, 10, 5, 5, 1)}


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
def test_the_lab_opens_with_a_race_that_lands_where_the_notebook_does(opened):
    seen = opened()

    assert seen.cards() == [
        ("scale 0.01", "0.4633", "0.48"), ("scale 10 required", "0.83", "0.86"), ("He", "0.9933", "0.96"),
    ]  # fmt: skip
    assert seen.page.locator("#status").inner_text() == (
        "Done, 15,000 iterations. Train accuracy: scale 0.01 (0.4633), scale 10 (0.83) and He (0.9933)."
    )
    assert seen.trouble == []


@pytest.mark.browser
@pytest.mark.parametrize(
    ("start", "train", "test", "word"),
    [
        ("10", "0.83", "0.86", "began above three times the cost of guessing, ended above 0.3"),
        ("0,01", "0.4633", "0.48", "on the plateau at ln 2, the cost of guessing"),
        ("He", "0.9933", "0.96", "learned: cost at most 0.3"),
        ("zeros", "0.5", "0.5", "no gradient at the start"),
    ],
)
def test_one_start_lands_where_the_notebook_does(start, train, test, word, opened):
    seen = opened("#scale=1&iterations=100", **STILL)
    seen.page.get_by_label("Scale of the initial weights").fill(start)
    seen.page.locator("#iterations").select_option("15000")
    seen.page.get_by_role("button", name="Run", exact=True).click()
    seen.described()

    assert (seen.fact("train accuracy"), seen.fact("test accuracy"), seen.fact("in short")) == (train, test, word)
    assert len(seen.costs()) == 16
    assert seen.trouble == []


@pytest.mark.browser
def test_costs_are_those_that_notebooks_print(opened):
    seen = opened("#scale=he", **STILL)
    seen.described()
    costs = seen.costs()

    assert (costs[0], costs[14]) == ("0.883054", "0.073579")


@pytest.mark.browser
@pytest.mark.parametrize(
    ("fragment", "layers", "rate", "scale", "seed", "draw"),
    [
        ("#scale=he&draw=rand", 2, 0.01, None, 3, "rand"),
        ("#scale=1&seed=1&draw=narrow&layers=1&rate=0.1&iterations=1000", 1, 0.1, 1.0, 1, "narrow"),
        ("#scale=0.3&seed=42&draw=centred&layers=3&rate=0.1&iterations=1000", 3, 0.1, 0.3, 42, "centred"),
        ("#scale=1&seed=4294967295&layers=3&rate=0.03&iterations=5000", 3, 0.03, 1.0, 4294967295, "randn"),
    ],
)
def test_other_settings_land_where_numpy_does(fragment, layers, rate, scale, seed, draw, opened):
    seen = opened(fragment, **STILL)
    seen.described()
    model = Model(lab.networks(EXERCISE)[layers], rate, int(seen.page.locator("#iterations").input_value()))
    run = train(shipped.scaled(model.layers, scale, seed, draw), course_data(), model)

    assert float(seen.fact("train accuracy")) == round(run.train_accuracy, 4)
    assert float(seen.fact("test accuracy")) == run.test_accuracy
    assert float(seen.costs()[0]) == pytest.approx(run.cost_first, abs=1e-6)
    assert float(seen.costs()[-1]) == pytest.approx(run.cost_last, abs=2e-6)


@pytest.mark.browser
def test_a_large_network_lands_where_a_small_one_s_code_does(html, opened):
    """Beyond so many weights no pass is written out; the loops give the same."""
    looped = html.replace("MOST_WEIGHTS = 500", "MOST_WEIGHTS = 5")
    assert looped != html
    looped = re.sub(r"script-src &#39;[^&]*&#39;|script-src '[^']*'", "script-src 'unsafe-inline'", looped)
    seen = opened("#scale=he&iterations=1000", text=looped, **STILL)
    seen.described()
    by_loops = seen.costs()
    seen = opened("#scale=he&iterations=1000", **STILL)
    seen.described()

    assert seen.costs() == by_loops


@pytest.mark.browser
@pytest.mark.parametrize(
    ("fragment", "word", "says"),
    [
        ("#scale=0.3&seed=0&rate=1&iterations=300", "ended with a higher cost than it began with", "It ended 0.13 higher"),
        ("#scale=0.1&seed=0&rate=0.1&layers=3&iterations=300&draw=narrow", "ended with a higher cost", "Both are near ln 2"),
        ("#scale=0.3&rate=1.2&iterations=1000", "on the plateau at ln 2", "every unit of layer 2 is dead"),
        ("#scale=10&iterations=1000", "began above three times", "The notebook prints inf at iteration 0"),
        ("#scale=he&rate=0.03&iterations=1000", "cost above 0.3 at the end", "The cost was 0.8831 at iteration 0"),
    ],
)  # fmt: skip
def test_what_happened_is_said(fragment, word, says, opened):
    seen = opened(fragment, **STILL)

    assert says in seen.described()
    assert word in seen.fact("in short")
    assert "iny differences" not in seen.described()


@pytest.mark.browser
def test_points_are_counted_so_that_one_means_one(opened):
    seen = opened("#scale=1&seed=4&iterations=15000&rate=0.03", **STILL)
    said = seen.described()
    correct = round(300 * float(seen.fact("train accuracy")))

    assert (f"{correct} of the 300 training points" if correct < 300 else "all 300 training points") in said


@pytest.mark.browser
def test_numbers_out_of_range_are_said(opened):
    seen = opened("#scale=1000000&rate=1.2&layers=3&iterations=100", **STILL)
    seen.described()
    assert seen.trouble == []


@pytest.mark.browser
def test_stop_stops_and_says_so(opened):
    from playwright.sync_api import expect

    seen = opened("#scale=0.01&layers=3&iterations=60000")
    expect(seen.page.locator("#iteration-now")).not_to_have_text("0")
    seen.page.get_by_role("button", name="Stop").click()
    said = seen.described()
    at = seen.page.locator("#iteration-now").inner_text()

    assert 0 < int(at.replace(",", "")) < 60_000
    assert (
        seen.page.locator("#status").inner_text().startswith(f"Stopped at iteration {at}. Train accuracy: scale 0.01 ")
    )
    assert seen.page.locator("#stop").is_disabled()
    assert f"learning rate 0.01, stopped after {at} of 60,000 iterations. " in said
    assert "One seed proves little" not in said  # measured of whole runs
    assert seen.fact("in short") == "stopped; so far: on the plateau at ln 2, the cost of guessing"
    assert seen.trouble == []
    assert seen.page.evaluate("document.activeElement.id") == "run"
    seen.page.evaluate(  # until the browser has drawn twice
        "new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))"
    )
    assert seen.page.locator("#iteration-now").inner_text() == at


@pytest.mark.browser
def test_a_run_is_looked_back_at_from_the_keyboard(opened):
    from playwright.sync_api import expect

    seen = opened("#race=1,he&iterations=1000")
    seen.described()
    seen.page.locator("#when").focus()
    seen.page.keyboard.press("Home")

    assert seen.page.locator("#iteration-now").inner_text() == "0"
    assert seen.page.locator(".lane").nth(1).locator("dd").last.inner_text() == "0.8831"
    assert seen.page.locator("#when").get_attribute("aria-valuetext") == "iteration 0"
    seen.page.get_by_role("button", name="Play").press("Enter")
    expect(seen.page.locator("#iteration-now")).not_to_have_text("0")
    seen.page.get_by_role("button", name="Pause").press("Enter")
    assert seen.page.locator("#play").inner_text() == "Play"
    seen.page.locator("#when").press("End")
    assert seen.page.locator("#iteration-now").inner_text() == "1,000"


@pytest.mark.browser
def test_nothing_moves_for_a_reader_who_asked_for_that(opened):
    """Only the last picture is drawn."""
    seen = opened("#scale=he&iterations=300", reduced_motion="reduce")
    seen.described()
    seen.page.evaluate(
        "window.seen = new Set(); new MutationObserver(() => seen.add(document.getElementById('iteration-now').textContent))"
        ".observe(document.getElementById('iteration-now'), {childList: true})"
    )
    seen.page.locator("#iterations").select_option("15000")
    seen.page.locator("#run").click()
    seen.described()

    assert seen.page.evaluate("[...seen].filter(now => now !== '0')") == ["15,000"]


@pytest.mark.browser
def test_a_run_moves_the_pictures(opened):
    from playwright.sync_api import expect

    seen = opened("#race=1,he&layers=3&iterations=60000")
    expect(seen.page.locator("#iteration-now")).not_to_have_text("0")
    picture = "[...document.querySelectorAll('.lane canvas')].map(canvas => canvas.toDataURL()).join()"
    before = seen.page.evaluate(picture)
    at = seen.page.locator("#iteration-now").inner_text()
    expect(seen.page.locator("#iteration-now")).not_to_have_text(at)

    assert seen.page.evaluate(picture) != before
    seen.page.get_by_role("button", name="Stop").click()
    seen.described()
    assert "Dead units" in seen.page.locator("#network").get_attribute("aria-label")


@pytest.mark.browser
def test_nothing_leaves_the_page(opened):
    seen = opened("#iterations=1000")
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
    page.locator("#seed").fill("12")
    assert page.evaluate("location.hash") == "#scale=0.3&seed=12&layers=3&rate=0.1&iterations=1000"
    page.locator("#draw").select_option("rand")
    page.reload()
    assert page.evaluate("location.hash") == "#scale=0.3&seed=12&layers=3&rate=0.1&iterations=1000&draw=rand"
    assert page.locator("#draw").input_value() == "rand"
    page.get_by_label("three starts").check()
    assert page.evaluate("location.hash") == "#race=0.01,10,he&seed=12&layers=3&rate=0.1&iterations=1000&draw=rand"


@pytest.mark.browser
@pytest.mark.parametrize("scale", ["0", "zeros"])
def test_a_link_may_ask_for_zeros(scale, opened):
    page = opened(f"#scale={scale}&iterations=100").page

    assert parse(page.locator("#scale").input_value()) == 0
    assert page.locator("#rule").inner_text() == "Every weight is 0. The seed changes nothing."


def parse(text: str) -> float:
    return 0.0 if text == "zeros" else float(text)


@pytest.mark.browser
def test_a_link_that_cannot_be_is_said(opened):
    page = opened("#scale=1e9&seed=-3&draw=poisson&rate=<b>&iterations=100").page

    refused = "scale=1e9, seed=-3, draw=poisson and rate=<b>"
    assert refused in page.locator("#status").inner_text()
    page.locator("#status", has_text="Done").wait_for()
    assert refused in page.locator("#status").inner_text()
    assert page.locator("[name=first]").input_value() == "0.01"
    assert page.locator("#seed").input_value() == "3"
    page.locator("#run").click()
    assert refused not in page.locator("#status").inner_text()


@pytest.mark.browser
@pytest.mark.parametrize(
    ("fragment", "cards"),
    [
        ("#mine=1&seed=3", ["scale 1 yours", "scale 10 required", "He"]),
        ("#mine=10&seed=7", ["scale 10 yours", "He", "scale 0.01"]),
        ("#mine=he&seed=1", ["He yours", "scale 10 required", "scale 0.01"]),
        ("#mine=0", ["zeros yours", "scale 10 required", "He"]),
        ("#mine=0.5:0.3:0.2&seed=3", ["by layer yours", "scale 10 required", "He"]),
        ("#mine=0.5:0.3&seed=3", ["scale 0.01", "scale 10 required", "He"]),  # of another network
        ("#mine=alert(1)&seed=3", ["scale 0.01", "scale 10 required", "He"]),
    ],
)
def test_a_link_from_a_page_races_the_student_s_own_start(fragment, cards, opened):
    seen = opened(f"{fragment}&iterations=100", **STILL)
    assert [name for name, *_ in seen.cards()] == cards


@pytest.mark.browser
def test_what_cannot_be_read_is_said_beside_the_field(opened):
    page = opened("#iterations=100").page
    page.locator("[name=second]").fill("ten")

    assert page.locator("#rule").inner_text() == "Type a number such as 0.01, or he, or zeros."
    assert page.locator("[name=second]").get_attribute("aria-invalid") == "true"
    page.locator("[name=second]").fill("0,5")
    assert page.evaluate("location.hash").startswith("#race=0.01,0.5,he&")
    page.locator("[name=third]").fill("")
    assert page.evaluate("location.hash").startswith("#race=0.01,0.5&")


@pytest.mark.browser
def test_a_run_starts_from_the_keyboard(opened):
    seen = opened("#scale=1&iterations=300", **STILL)
    seen.page.locator("#slider").focus()
    seen.page.keyboard.press("ArrowRight")
    assert seen.page.locator("#scale").input_value() == "1.5"
    seen.page.locator("#run").focus()
    seen.page.keyboard.press("Enter")

    assert "Scale 1.5, seed 3, 2 hidden layers" in seen.described()


@pytest.mark.browser
def test_a_question_runs_its_experiment(opened):
    seen = opened("#iterations=100", **STILL)
    seen.described()
    seen.page.get_by_text("Why did scale 0.01 work in the earlier exercise?").click()
    seen.page.locator(".about details[open] button").click()

    assert "1 hidden layer, learning rate 1.2" in seen.described()
    assert (seen.fact("train accuracy"), seen.fact("test accuracy")) == ("0.9967", "0.95")


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("fragment", ["#iterations=300", "#scale=10&iterations=300"])
def test_axe_finds_nothing_after_a_run(fragment, scheme, opened):
    from axe_playwright_python.sync_playwright import Axe

    seen = opened(fragment, 390, color_scheme=scheme, **STILL)
    seen.described()
    report = Axe().run(seen.page)

    assert report.response["passes"]
    assert not report.response["violations"], report.generate_report()


@pytest.mark.browser
def test_answers_are_read_without_script(opened):
    page = opened(java_script_enabled=False).page

    assert not page.locator("#lab").is_visible()
    assert page.locator("noscript p").is_visible()
    page.get_by_text("Why is scale 0.01 stuck?").click()
    assert page.get_by_text("0.4633 / 0.48").first.is_visible()
    page.get_by_text("randn or rand: does it matter?").click()
    assert page.get_by_role("rowheader", name="rand, moved to mean 0", exact=True).is_visible()


@pytest.mark.browser
@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844), (768, 1024)])
def test_controls_are_on_the_first_screen(width, height, opened):
    seen = opened("#iterations=100", width, **STILL)
    seen.described()
    for mode in ("three starts", "one start"):
        seen.page.get_by_label(mode).check()
        for field in seen.page.locator("#lab-form :is(input, select, button):visible").all():
            box = field.bounding_box()
            assert box
            assert box["y"] + box["height"] <= height


OVERLAPS = """() => {
  const texts = [...document.querySelectorAll("svg text")].map((text) => [text.textContent, text.getBoundingClientRect()]);
  const shown = texts.filter(([, box]) => box.width);
  const pairs = [];
  shown.forEach(([name, a], i) => shown.slice(i + 1).forEach(([other, b]) => {
    const x = Math.min(a.right, b.right) - Math.max(a.left, b.left), y = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (x > 1 && y > 1) pairs.push(`${name} / ${other}`);
  }));
  const wide = document.documentElement.clientWidth;
  for (const [name, box] of shown) if (box.left < 0 || box.right > wide) pairs.push(`${name} is cut off`);
  return pairs;
}"""
SMALL_TEXT = """() => [...document.querySelectorAll("body *")].filter((node) => {
  const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim()), box = node.getBoundingClientRect();
  if (!own || !box.width || ["SCRIPT", "STYLE"].includes(node.tagName)) return false;
  const svg = node.ownerSVGElement, zoom = svg && svg.viewBox.baseVal.width ? svg.getBoundingClientRect().width / svg.viewBox.baseVal.width : 1;
  return parseFloat(getComputedStyle(node).fontSize) * zoom < 12;
}).map((node) => node.textContent)"""


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 768, 1280])
@pytest.mark.parametrize(
    "fragment", ["#iterations=300", "#race=1,1,he&iterations=300", "#mine=0", "#mine=0.8:0.4:0.6&seed=7"]
)
def test_labels_are_large_enough_and_touch_nothing(fragment, width, opened):
    seen = opened(fragment, width, **STILL)
    seen.described()
    seen.page.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = true; })")

    assert seen.page.evaluate(OVERLAPS) == []
    assert seen.page.evaluate(SMALL_TEXT) == []


@pytest.mark.browser
@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_lab_never_scrolls_sideways(width, opened):
    seen = opened("#iterations=300", width, **STILL)
    seen.described()
    seen.page.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = true; })")

    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
