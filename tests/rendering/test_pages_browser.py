"""Pages as a browser sees them: nothing runs, nothing leaves, nothing is cut off, the style applies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from test_report import PAGES

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

Opener = Callable[[str, int], "Opened"]


class Opened:
    """A page in the browser, with everything it asked for, said or tried while it opened."""

    def __init__(self, tab: Callable[..., Page], width: int) -> None:
        self.requests: list[str] = []
        self.trouble: list[str] = []
        listeners = {
            "request": lambda request: self.requests.append(request.url),
            "console": lambda message: self.trouble.append(message.text),
            "pageerror": lambda error: self.trouble.append(str(error)),
            "dialog": self._dialog,
        }
        self.page = tab(width, listeners)

    def _dialog(self, dialog: object) -> None:
        self.trouble.append(f"a script ran: {dialog}")
        dialog.dismiss()  # type: ignore[attr-defined]  # playwright's Dialog


@pytest.fixture
def opened(tab: Callable[..., Page], tmp_path: Path) -> Opener:
    """Open a page by name at a width."""

    def open_page(name: str, width: int) -> Opened:
        path = tmp_path / "<img src=x onerror=alert(1)> 100%.html"
        path.write_text(PAGES[name](), encoding="utf-8")
        opened = Opened(tab, width)
        opened.page.goto(path.as_uri())
        return opened

    return open_page


@pytest.mark.parametrize("name", PAGES)
def test_nothing_runs_and_nothing_leaves(name: str, opened: Opener) -> None:
    seen = opened(name, 1280)

    assert seen.trouble == []
    assert len(seen.requests) == 1
    assert seen.requests[0].startswith("file://")


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
@pytest.mark.parametrize("name", PAGES)
def test_page_never_scrolls_sideways(name: str, width: int, opened: Opener) -> None:
    assert opened(name, width).page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("name", PAGES)
def test_policy_lets_the_style_apply(name: str, opened: Opener) -> None:
    page = opened(name, 1280).page

    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(253, 253, 251)"
    page.emulate_media(color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 24, 27)"
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.querySelector('main')).paddingTop") == "0px"


def test_policy_stops_what_slips_through(opened: Opener) -> None:
    """Even if a script stood in the page, the policy would not let it run."""
    seen = opened("mixed", 1280)
    seen.page.evaluate("document.body.append(Object.assign(document.createElement('script'), {text: 'alert(1)'}))")

    assert [said for said in seen.trouble if "a script ran" in said] == []
    assert any("Content Security Policy" in said for said in seen.trouble)


def test_first_screen_holds_score_and_next_step(opened: Opener) -> None:
    page = opened("everyday", 390).page

    for part in (".score", ".next"):
        box = page.locator(part).bounding_box()
        assert box is not None
        assert box["y"] + box["height"] < 900


def test_figure_text_is_legible_on_a_telephone(opened: Opener) -> None:
    boxes = opened("everyday", 390).page.evaluate(
        "[...document.querySelectorAll('svg text')].map(text => text.getBoundingClientRect().height)"
    )

    assert min(boxes) >= 10


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_letters_of_figures_are_equally_large(width: int, opened: Opener) -> None:
    """A picture alone in its block is as wide as one of two side by side."""
    page = opened("everyday", width).page
    page.evaluate("document.querySelectorAll('details').forEach(fold => fold.open = true)")
    widths = page.evaluate(
        "[...document.querySelectorAll('.pictures svg')].map(svg => svg.getBoundingClientRect().width)"
    )
    assert len(widths) >= 3
    assert max(widths) - min(widths) < 0.05 * max(widths)


def test_last_column_of_a_comparison_is_no_wider_than_its_words_need(opened: Opener) -> None:
    """A wide table of numbers scrolls, and its last column needs no room for prose."""
    page = opened("everyday", 1280).page
    page.evaluate(
        "document.querySelector('.measured').outerHTML = `<div class=scroll>${document.querySelector('.measured').outerHTML}</div>`"
    )
    least = "getComputedStyle(document.querySelector('.scroll .measured td:last-child')).minWidth"
    assert page.evaluate(least) == "0px"
