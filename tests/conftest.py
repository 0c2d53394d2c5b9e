"""Fixtures: golden files that `pytest --update-golden` rewrites, and a headless Chromium."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

GOLDEN = Path(__file__).parent / "golden"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox",  # CI runs as root, where Chromium's own sandbox refuses to start; the pages are ours
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite tests/golden; review the diff as code")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare text with the golden file of that name, or rewrite it."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--update-golden"):
            GOLDEN.mkdir(exist_ok=True)
            path.write_bytes(text.encode())
        assert path.is_file(), f"{path} is missing: run pytest --update-golden and review it"
        assert text == path.read_bytes().decode(), f"{name} changed: pytest --update-golden, and review the diff"

    return compare


class Tabs:
    """Pages of one browser that are used again and again: opening a page costs four times as much as going elsewhere."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._free: dict[str, list[Page]] = {}
        self._used: list[tuple[str, Page]] = []
        self._listening: list[tuple[Page, str, Any]] = []

    def tab(
        self, width: int = 1280, listeners: Mapping[str, Callable[[Any], object]] | None = None, **options: Any
    ) -> Page:
        """Give a page of that width; `listeners` hear its events until the test ends, options are those of a context."""
        key = repr(sorted(options.items()))
        free = self._free.setdefault(key, [])
        page = free.pop() if free else self._browser.new_context(**options).new_page()
        self._used.append((key, page))
        page.set_viewport_size({"width": width, "height": 900})
        media = {"color_scheme": "light", "reduced_motion": "no-preference"}
        page.emulate_media(media="null", **{name: options.get(name, usual) for name, usual in media.items()})
        for event, listener in (listeners or {}).items():
            page.on(event, listener)  # type: ignore[call-overload]  # one overload for each event
            self._listening.append((page, event, listener))
        return page

    def tidy(self) -> None:
        """Take the pages back as they were given; one that was closed is not given again."""
        for page, event, listener in self._listening:
            page.remove_listener(event, listener)
        for key, page in self._used:
            if not page.is_closed():
                self._free[key].append(page)
        self._listening, self._used = [], []


@pytest.fixture(scope="session")
def tabs(chromium: Browser) -> Tabs:
    """Hold the pages of this process's browser."""
    return Tabs(chromium)


@pytest.fixture
def tab(tabs: Tabs) -> Iterator[Callable[..., Page]]:
    """Give pages that another test may have used before; they go to a file of their own."""
    yield tabs.tab
    tabs.tidy()


@pytest.fixture(scope="session")
def chromium() -> Iterator[object]:
    """A running headless Chromium; without one the test is skipped, in CI it fails."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        _without("no Chromium on this machine: PAGES WERE NOT TESTED IN A BROWSER; apt-get install chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _without("playwright is not installed: PAGES WERE NOT TESTED IN A BROWSER; pip install playwright")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(ARGUMENTS))
        yield browser
        browser.close()


def _without(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
