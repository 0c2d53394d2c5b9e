"""The class's pages in a browser: sorted and filtered from the keyboard, whole without script, on any width and on paper."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import classes
import pytest
from axe_rules import AXE

from grader import api as service
from grader.classroom.publish import write_class
from grader.classroom.statistics import gather

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.browser

Opener = Callable[..., "Page"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Callable[[int], Path]:
    """Write a class of so many, once, as a batch writes it."""

    @cache
    def written(count: int) -> Path:
        path = tmp_path_factory.mktemp("class")
        write_class(gather(classes.entries(count)), path, service.load_exercise())
        return path

    return written


@pytest.fixture
def opened(tab, folder) -> Iterator[Opener]:
    """Open a page of a class; whatever it complains of or asks for fails the test."""
    trouble: list[str] = []
    listeners = {
        "console": lambda message: trouble.append(message.text),
        "pageerror": lambda error: trouble.append(str(error)),
        "request": lambda request: None if request.url.startswith("file:") else trouble.append(request.url),
    }

    def open_page(count: int = 40, name: str = "index.html", *, width: int = 1280, script: bool = True) -> Page:
        page = tab(width, listeners, java_script_enabled=script, locale="en")
        page.goto((folder(count) / name).as_uri())
        return page

    yield open_page
    assert trouble == []


def column(page: Page, number: int) -> list[str]:
    """Return the texts of a column, of the rows that are shown."""
    return page.locator("#submissions tbody tr:visible").evaluate_all(
        "(rows, number) => rows.map(row => row.cells[number].innerText)", number
    )


def follow(page: Page, link: Locator) -> None:
    """Click a link and wait until the page behind it is whole."""
    with page.expect_navigation():
        link.click()


def tab_to(page: Page, text: str) -> None:
    """Go on with the Tab key until a control of that text has the focus."""
    for _ in range(200):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.innerText || document.activeElement.id") == text:
            return
    pytest.fail(f"{text} cannot be reached with the Tab key")


def test_scores_are_sorted_from_the_keyboard(opened):
    page = opened()
    tab_to(page, "Score")
    page.keyboard.press("Enter")
    scores = [float(cell.split()[0]) for cell in column(page, 1)]

    assert scores == sorted(scores)
    assert page.locator("th[aria-sort]").get_attribute("aria-sort") == "ascending"
    assert page.locator("[data-for] [role=status]").inner_text() == "40 of 40 shown, sorted by score, lowest first"
    page.keyboard.press("Space")
    assert [float(cell.split()[0]) for cell in column(page, 1)] == sorted(scores, reverse=True)
    assert page.locator("th[aria-sort]").get_attribute("aria-sort") == "descending"


def test_names_are_sorted_as_people_count(opened):
    page = opened()
    for _ in range(2):
        page.get_by_role("button", name="Submission").click()

    names = [name for name in column(page, 0) if name.startswith("student_")]
    assert names == sorted(names, reverse=True)


def test_rows_are_filtered_from_the_keyboard(opened):
    page = opened()
    tab_to(page, "filter")
    page.keyboard.type("HE: no SEED")
    found = column(page, 6)

    assert found
    assert all("he: no seed" in cell for cell in found)
    assert page.locator("[data-for] [role=status]").inner_text() == f"{len(found)} of 40 shown"
    page.keyboard.press("Escape")
    assert len(column(page, 0)) == 40


def test_rows_are_filtered_by_kind(opened):
    page = opened()
    for kind, says in (
        ("review", ("provisional", "the file could not")),
        ("passed", ("everything",)),
        ("ruled", ("not",)),
    ):
        page.select_option("#kind", kind)
        shown = column(page, 5)
        assert shown
        assert all(cell.startswith(says) for cell in shown)


def test_a_cause_shows_all_who_have_it_and_nobody_else(opened):
    page = opened()
    links = page.locator("[data-filter] a")
    assert links.count() > 1
    for index in range(links.count()):
        count = int(links.nth(index).inner_text())
        links.nth(index).click()
        assert len(column(page, 0)) == count
    assert page.evaluate("document.activeElement.id") == "filter"


def test_filtered_and_sorted_rows_stay_filtered(opened):
    page = opened()
    page.select_option("#kind", "open")
    before = sorted(column(page, 0))
    page.get_by_role("button", name="Status").click()

    assert sorted(column(page, 0)) == before


def test_note_is_copied_or_at_least_selected(opened):
    page = opened()
    page.locator("#copy").click()

    page.wait_for_function("document.getElementById('copied').textContent !== ''")
    assert page.evaluate("getSelection().toString()").startswith("40 submissions were handed in.")


def test_without_script_everything_is_there_and_nothing_that_does_nothing(opened):
    page = opened(script=False)

    assert page.locator("#submissions tbody tr").count() == 40
    assert not page.locator("#filter").is_visible()
    assert not page.locator("#copy").is_visible()
    assert page.locator("[data-filter] a").count() == 0
    assert page.locator("thead button").count() == 0
    assert page.locator("#draft").is_visible()


def test_5000_rows_stand_on_ten_pages_that_lead_to_each_other(opened):
    page = opened(5_000)
    assert page.locator("#submissions").count() == 0
    links = page.locator(".sheets a")
    assert [link.split("/")[-1] for link in links.evaluate_all("all => all.map(one => one.href)")] == [
        f"class-{number}.html" for number in range(1, 11)
    ]
    follow(page, links.nth(8))
    seen = []
    while True:
        seen += column(page, 0)
        following = page.locator("a[rel=next]").first
        if not following.count():
            break
        follow(page, following)
    assert len(seen) == len(set(seen)) == 1_000
    follow(page, page.get_by_role("link", name="The class at a glance").first)
    assert page.locator(".counts b").first.inner_text() == "5,000"


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
@pytest.mark.parametrize(("count", "name"), [(40, "index.html"), (5_000, "index.html"), (5_000, "class-1.html")])
def test_page_never_scrolls_sideways(opened, count, name, width):
    assert opened(count, name, width=width).evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [390, 1280])
def test_rows_stay_low(opened, width):
    """No column is squeezed until its words stand letter under letter."""
    rows = opened(width=width).locator("#submissions tbody tr", has_text="student_00001")

    assert rows.evaluate_all("rows => Math.max(...rows.map(row => row.getBoundingClientRect().height))") < 120


@pytest.mark.parametrize("width", [390, 1280])
def test_what_can_be_pressed_is_large_enough(opened, width):
    """WCAG 2.2: 24 by 24 pixels."""
    small = opened(width=width).evaluate(
        "[...document.querySelectorAll('button, input, select, .jump a')].map(one => [one.innerText, one.getBoundingClientRect()])"
        ".filter(([, box]) => box.width < 24 || box.height < 24).map(([text]) => text)"
    )

    assert small == []


@pytest.mark.parametrize(("count", "name"), [(40, "index.html"), (5_000, "index.html"), (5_000, "class-2.html")])
def test_axe_finds_nothing_also_with_the_script_at_work(opened, count, name):
    from axe_playwright_python.sync_playwright import Axe

    page = opened(count, name)
    if page.locator("thead button").count():
        page.locator("thead button").first.click()
        page.locator("#filter").fill("no seed")
    for scheme, rules in (("light", AXE), ("dark", {"runOnly": ["color-contrast"]})):
        page.emulate_media(color_scheme=scheme)
        found = Axe().run(page, options=rules)
        assert found.response["passes"]
        assert not found.response["violations"], found.generate_report()


def test_paper_has_the_table_and_no_controls(opened):
    page = opened()
    page.emulate_media(media="print")

    assert page.locator("#submissions").is_visible()
    for control in ("form.pick", "#copy", ".jump"):
        assert not page.locator(control).first.is_visible()


@pytest.mark.parametrize("width", [390, 768, 1280])
@pytest.mark.parametrize("count", [8, 40, 5_000])
def test_text_of_figures_can_be_read_at_every_width(opened, count, width):
    """At least 12 px high, within the picture, and no label on another."""
    figures = opened(count, width=width).evaluate(
        """[...document.querySelectorAll('svg[role=img]')].map(svg => {
            const edges = svg.getBoundingClientRect(), shrink = edges.width / svg.viewBox.baseVal.width;
            return [edges.right, [...svg.querySelectorAll('text')].map(text => {
                const box = text.getBoundingClientRect();
                return [text.textContent, parseFloat(getComputedStyle(text).fontSize) * shrink,
                        box.left, box.top + 2, box.right - 1, box.bottom - 2];
            })];
        })"""
    )

    assert figures
    for right, texts in figures:
        assert min(size for _, size, *_ in texts) >= 12
        assert max(text[4] for text in texts) <= right
        for index, (one, _, left, top, end, bottom) in enumerate(texts):
            for other, _, left_2, top_2, end_2, bottom_2 in texts[:index]:
                apart = end <= left_2 or end_2 <= left or bottom <= top_2 or bottom_2 <= top
                assert apart, f"{one} lies on {other}"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_points_of_the_curve_stand_out(opened, scheme):
    page = opened()
    page.emulate_media(color_scheme=scheme)
    fills = page.evaluate(
        "['svg .here:not(.off)', 'svg .off'].map(one => getComputedStyle(document.querySelector(one)).fill)"
    )

    assert len(set(fills)) == 2
