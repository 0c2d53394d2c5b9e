"""Every sample's page in a browser: a first screen of few words with its picture, and no words that touch each other."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from notebooks import HE, RANDOM, edit, solved, write

from grader.exercise import load as exercises
from grader.judging.checks import CHECKS
from grader.pipeline import Pipeline
from grader.rendering import html

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
SAMPLES = sorted(
    path for path in (Path(__file__).parents[2] / "submissions").iterdir() if path.suffix in {".ipynb", ".py"}
)
SCREENS = ((390, 844), (768, 1024), (1280, 800))
MOST_WORDS, MOST_NUMBERS, MOST_BEFORE, MOST_ON_PAGE = 130, 20, 60, 2_500
SMALLEST = 12  # pixels of a letter
VISIBLE = """height => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
  while (walker.nextNode()) {
    const node = walker.currentNode, range = document.createRange();
    range.selectNodeContents(node);
    const box = range.getBoundingClientRect();
    if (node.textContent.trim() && box.width && box.bottom <= height)
      found.push([node.textContent.trim(), Boolean(node.parentElement.closest("svg"))]);
  }
  return found;
}"""
TOUCHING = """smallest => {
  const found = [];
  for (const svg of document.querySelectorAll("svg")) {
    const frame = svg.getBoundingClientRect(), texts = [...svg.querySelectorAll("text")];
    if (!frame.width) continue;
    const zoom = frame.width / svg.viewBox.baseVal.width;
    const boxes = texts.map(text => text.getBoundingClientRect());
    texts.forEach((text, index) => {
      const box = boxes[index];
      if (parseFloat(getComputedStyle(text).fontSize) * zoom < smallest - 0.01) found.push(["small", text.textContent]);
      if (box.left < frame.left - 1 || box.right > frame.right + 1) found.push(["cut off", text.textContent]);
      boxes.slice(index + 1).forEach((other, next) => {
        if (box.left < other.right - 1 && other.left < box.right - 1 && box.top < other.bottom - 2 && other.top < box.bottom - 2)
          found.push([text.textContent, texts[index + 1 + next].textContent]);
      });
    });
  }
  return found;
}"""
OPENED = (
    "() => { document.querySelectorAll('details').forEach(part => part.open = true); return document.body.innerText; }"
)


def count_words(text: str) -> int:
    return sum(bool(re.search(r"\w", word)) for word in text.split())


def count_numbers(text: str) -> int:
    """Return how many numbers a text has; a shape or a list of sizes is one."""
    text = re.sub(r"[\[(]\d[\d, ]*[\])]", " 0 ", text)
    return len(re.findall(r"(?<![\w.])\d[\d,]*(?:\.\d+)?", text))


def times(factor: str) -> str:
    return edit(RANDOM, ("* 10", f"* {factor}"))


def with_text(name: str, *changes: tuple[bytes, bytes]) -> bytes:
    """Return a sample with pieces of its text replaced: one with the comments of the course's template."""
    data = next(path for path in SAMPLES if path.stem == name).read_bytes()
    for old, new in changes:
        assert old in data, old
        data = data.replace(old, new)
    return data


FURTHER = {  # kinds of pages that no sample has
    "two_runs": solved(random=times("0.01"), he=edit(HE, ("np.sqrt(2 / layers_dims[l-1])", "2 / layers_dims[l-1]"))),
    "three_wrong": with_text(
        "seed_missing",
        (b") * 10", b") * 0.01"),
        (b"np.zeros((layers_dims[l], layers_dims[l-1]))", b"np.random.randn(layers_dims[l], layers_dims[l-1])"),
        (b"np.sqrt(2 / layers_dims[l-1])", b"np.sqrt(1 / layers_dims[l])"),
    ),
    "beyond_the_axis": solved(random=times("1e6")),
    "diverged": solved(random=times("np.nan")),
    "slow": solved(random=times("0.2")),
    "dead_units": solved(random=edit(RANDOM, ("np.random.randn(", "-1 - np.random.rand("))),
    "symmetric": solved(
        he=edit(
            HE, ("np.random.randn(layers_dims[l], layers_dims[l-1])", "np.ones((layers_dims[l], layers_dims[l-1]))")
        )
    ),
}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("samples")
    further = [write(folder, f"{name}.ipynb", data) for name, data in FURTHER.items()]
    with Pipeline(exercises.load(checks=CHECKS), b"secret") as pipeline:
        for path in (*SAMPLES, *further):
            page = html.feedback_page(pipeline.grade(path), "../lab.html")
            (folder / f"{path.stem}.html").write_text(page, encoding="utf-8")
    return {path.stem: folder / f"{path.stem}.html" for path in (*SAMPLES, *further)}


@pytest.mark.parametrize("screen", SCREENS, ids=str)
def test_words_are_few_and_do_not_touch(
    pages: dict[str, Path], tab: Callable[..., Page], screen: tuple[int, int]
) -> None:
    page, wrong = tab(screen[0]), []
    page.set_viewport_size({"width": screen[0], "height": screen[1]})
    for name, path in pages.items():
        page.goto(path.as_uri())
        shown = page.evaluate(VISIBLE, screen[1])
        before = next((index for index, (_, is_drawn) in enumerate(shown) if is_drawn), None)
        texts = [text for text, _ in shown]
        counts = {
            "words": (count_words(" ".join(texts)), MOST_WORDS),
            "numbers": (count_numbers(" ".join(texts)), MOST_NUMBERS),
            "words before the picture": (count_words(" ".join(texts[:before])) if before else 0, MOST_BEFORE),
        }
        touching = page.evaluate(TOUCHING, SMALLEST)
        counts["words on the page"] = (count_words(page.evaluate(OPENED)), MOST_ON_PAGE)
        wrong += [(name, what, count) for what, (count, most) in counts.items() if count > most]
        wrong += [(name, *words) for words in (*touching, *page.evaluate(TOUCHING, SMALLEST))]
    assert not wrong, "\n".join(map(str, wrong))


def test_lines_of_the_first_screen_stand_together_and_in_columns(
    pages: dict[str, Path], tab: Callable[..., Page]
) -> None:
    page = tab(1280)
    page.goto(pages["hostile_text"].as_uri())  # one status of several words
    edges = page.evaluate("""() => {
      const box = element => element.getBoundingClientRect();
      return {
        gap: box(document.querySelector(".file")).top - box(document.querySelector(".lab-link")).bottom,
        points: [...document.querySelectorAll(".parts li span:nth-of-type(1)")].map(points => Math.round(box(points).left)),
        heights: [...document.querySelectorAll(".parts li")].map(line => Math.round(box(line).height)),
      };
    }""")

    assert edges["gap"] < 24
    assert len(set(edges["points"])) == len(set(edges["heights"])) == 1


def test_a_run_without_a_place_is_named_in_its_own_colour_and_no_name_stands_on_its_line(
    pages: dict[str, Path], tab: Callable[..., Page]
) -> None:
    page = tab(1280)
    page.goto(pages["zeros_one_half"].as_uri())
    names = page.evaluate("""() => {
      const svg = document.querySelector("svg"), box = element => element.getBoundingClientRect();
      const line = box(svg.querySelector(".level")), texts = [...svg.querySelectorAll("text")];
      return {
        mine: getComputedStyle(texts.find(text => text.textContent === "yours")).fill,
        colour: getComputedStyle(svg.querySelector(".level")).stroke,
        crossed: texts.filter(text => box(text).top < line.top - 3 && line.bottom + 3 < box(text).bottom).map(text => text.textContent),
      };
    }""")

    assert names["mine"] == names["colour"]
    assert names["crossed"] == []


def test_the_rule_that_is_asked_for_is_in_the_last_fold_alone(pages: dict[str, Path]) -> None:
    before, question, answer = pages["he_without_root"].read_text(encoding="utf-8").partition("What is the answer?")

    assert "sqrt(2/n_in)" not in before
    assert question
    assert "sqrt(2/n_in)" in answer
