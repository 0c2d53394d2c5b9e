"""Pages for every reader: axe finds nothing, the tree that a screen reader walks is the golden one, nothing moves."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import builders
import pytest
from axe_rules import AXE
from notebooks import HE, IMPORTS, NAMES, RANDOM, ZEROS, edit
from test_report import PAGES, Golden

from grader import api as service
from grader.rendering import annotated

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

OPEN = "document.querySelectorAll('details').forEach(fold => fold.open = true)"


def annotated_page() -> str:
    """Return a student's notebook with notes, rendered."""
    cells = [IMPORTS, ZEROS, edit(RANDOM, ("* 10", "* 0.01")), HE]
    document = {
        "cells": [
            {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": cell}
            for cell in cells
        ],
        "metadata": {},
        "nbformat": 4,
        "nbformat_minor": 4,
    }
    placed = dict(zip(NAMES, (builders.zeros(), builders.small(), builders.he()), strict=True))
    functions = {
        name: builders.replace(one, source=builders.replace(one.source, cell=number))
        for number, (name, one) in enumerate(placed.items(), 2)
    }
    return annotated.page(json.dumps(document).encode(), builders.replace(builders.everyday(), functions=functions))


KINDS: Mapping[str, Callable[[], str]] = {
    **PAGES,
    "lab": lambda: service.lab_page(service.load_exercise()),
    "annotated": annotated_page,
}
LONG = {  # axe takes ten seconds and more on them, and finds what it finds on the others
    *((name, width) for name in ("mixed", "passed") for width in (390, 1280)),
    ("everyday", 390),
    ("annotated", 390),
}
FEEDBACK = tuple(name for name in PAGES if name != "class")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Write each kind of page once."""
    folder = tmp_path_factory.mktemp("pages")

    def file(name: str) -> Path:
        path = folder / f"{name}.html"
        if not path.is_file():
            path.write_text(KINDS[name](), encoding="utf-8")
        return path

    return file


@pytest.fixture
def opened(tab: Callable[..., Page], files: Callable[[str], Path]) -> Callable[..., Page]:
    """Open a page by name; options are those of a browser context."""

    def open_page(name: str, width: int = 1280, **options: Any) -> Page:
        page = tab(width, **options)
        page.goto("about:blank")  # an address with a fragment alone would not load the page again
        page.goto(files(name).as_uri() + ("#iterations=300" if name == "lab" else ""))
        if name == "lab":
            page.locator("#described").wait_for()  # a race opens the page
        return page

    return open_page


@pytest.mark.parametrize(
    ("name", "width"),
    [
        pytest.param(name, width, marks=[pytest.mark.slow] if (name, width) in LONG else [])
        for name in KINDS
        for width in (390, 1280)
    ],
)
def test_axe_finds_nothing(name: str, width: int, opened: Callable[..., Page]) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = opened(name, width)
    page.evaluate(OPEN)
    for scheme, rules in (("light", AXE), ("dark", {"runOnly": ["color-contrast"]})):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of the two
        found = Axe().run(page, options=rules)

        assert found.response["passes"]  # it did look
        assert not found.response["violations"], found.generate_report()


def test_axe_does_find_what_is_wrong(opened: Callable[..., Page]) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = opened("everyday")
    page.evaluate("document.querySelector('svg').removeAttribute('aria-label')")
    page.evaluate("document.querySelector('h2').outerHTML = '<h5>x</h5>'")
    page.evaluate(OPEN)
    found = {violation["id"] for violation in Axe().run(page, options=AXE).response["violations"]}

    assert {"svg-img-alt", "heading-order"} <= found


@pytest.mark.parametrize("name", KINDS)
def test_the_tree_of_a_page_is_the_golden_one(name: str, opened: Callable[..., Page], golden: Golden) -> None:
    page = opened(name)

    golden(f"{name}.tree.txt", f"{page.title()}\n{page.locator('body').aria_snapshot()}\n")


def test_the_tree_of_an_unfolded_page_is_the_golden_one(opened: Callable[..., Page], golden: Golden) -> None:
    page = opened("everyday")
    page.evaluate(OPEN)
    section = page.get_by_role("region", name=builders.RANDOM)

    golden("everyday.unfolded.tree.txt", f"{section.aria_snapshot()}\n")


@pytest.mark.parametrize("name", FEEDBACK)
def test_a_reader_hears_score_then_next_step_then_where(name: str, opened: Callable[..., Page]) -> None:
    page = opened(name)
    heard = page.locator("body").aria_snapshot()
    score = page.title().split(" · ")[0]
    landmarks = (f'heading "Initialization {score}" [level=1]', 'heading "Next step" [level=2]')
    order = [heard.index(words) for words in landmarks]

    assert " of " in score
    assert order == sorted(order)
    assert order[1] < heard.find("- region ") or "- region " not in heard


@pytest.mark.parametrize("name", KINDS)
def test_an_unfolded_page_never_scrolls_sideways(name: str, opened: Callable[..., Page]) -> None:
    page = opened(name, 320)
    page.evaluate(OPEN)

    assert page.evaluate("document.documentElement.scrollWidth") <= 320


@pytest.mark.parametrize("name", FEEDBACK)
def test_nothing_moves(name: str, opened: Callable[..., Page]) -> None:
    """Not only for those who ask for it."""
    page = opened(name, reduced_motion="reduce")
    page.evaluate(OPEN)

    assert page.evaluate("document.getAnimations().length") == 0
    assert "transition" not in KINDS[name]()
    assert "animation" not in KINDS[name]()


@pytest.mark.parametrize("name", FEEDBACK)
def test_every_fold_opens_from_the_keyboard(name: str, opened: Callable[..., Page]) -> None:
    page = opened(name)
    folds = page.locator("details:visible")
    for index in range(page.locator("details.fold").count()):
        page.locator("details.fold > summary").nth(index).press("Enter")

    assert folds.count() > 0
    assert page.locator("details.fold:not([open])").count() == 0


@pytest.mark.parametrize("width", [390, 1280])
def test_targets_are_large_enough_for_a_finger(width: int, opened: Callable[..., Page]) -> None:
    page = opened("everyday", width)
    page.evaluate(OPEN)
    heights = page.evaluate(
        "[...document.querySelectorAll('summary, .parts a')].map(target => target.getBoundingClientRect().height)"
    )

    assert min(heights) >= 24


def test_paper_shows_explanations_and_no_tables_of_numbers(opened: Callable[..., Page]) -> None:
    """Folded or not on the screen."""
    page = opened("everyday")
    page.emulate_media(media="print")
    shown = page.locator("section").filter(has=page.locator(f"#{builders.RANDOM}"))

    assert shown.get_by_text("The training had hardly begun").is_visible()
    assert shown.get_by_role("img").first.is_visible()
    assert shown.locator(".line.marked").is_visible()
    assert shown.locator(".tables").count() > 0
    assert not shown.locator(".tables").first.is_visible()
    passed = page.locator("section").filter(has=page.locator(f"#{builders.HE}"))
    assert not passed.locator(".checks").is_visible()
