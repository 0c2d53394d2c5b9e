"""Fixtures: golden files that `pytest --update-golden` rewrites, and a headless Chromium."""

from __future__ import annotations

import logging
import os
import re
import select
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browsers import ARGUMENTS, chromium_path

from grader import api as service
from grader import faults
from grader.classroom import batch, pool
from grader.running.sandbox import server as server_module

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from grader.exercise.limits import Limits

GOLDEN = Path(__file__).parent / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite tests/golden; review the diff as code")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare text with the golden file of that name, or rewrite it."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if path.suffix == ".html":
            text = _without_styles(text)
        if request.config.getoption("--update-golden"):
            GOLDEN.mkdir(exist_ok=True)
            path.write_bytes(text.encode())
        assert path.is_file(), f"{path} is missing: run pytest --update-golden and review it"
        assert text == path.read_bytes().decode(), f"{name} changed: pytest --update-golden, and review the diff"

    return compare


def _without_styles(page: str) -> str:
    """Leave out style sheets and scripts, which are files of their own, so that a golden page shows only its content."""
    page = re.sub(r"(<(style|script)\b[^>]*>).*?(</\2>)", r"\1\3", page, flags=re.DOTALL)
    return re.sub("'sha256-[^']+'", "'sha256-…'", page)


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


class Servers:
    """Fork servers that outlive the sandboxes of tests: a start costs a third of a second, a job some milliseconds."""

    def __init__(self) -> None:
        self._free: dict[tuple[Limits, bool], list[Lent]] = {}

    def start(self, limits: Limits, slot: int, *, complete: bool = False) -> Lent:
        """Lend a server that nobody uses, or a new one."""
        free = self._free.setdefault((limits, complete), [])
        while free:
            server = free.pop()
            if server.is_idle():
                return server
            server.end()
        return Lent(server_module.ForkServer(limits, slot, complete=complete), free)

    def end(self) -> None:
        """End all that nobody uses."""
        for free in self._free.values():
            for server in free:
                server.end()


class Lent:
    """A fork server that goes back where it came from when its sandbox lets go of it, unless a job went wrong."""

    def __init__(self, server: Any, home: list[Lent]) -> None:
        self.server, self._home, self._broken = server, home, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.server, name)

    def run(self, *arguments: Any, **named: Any) -> Any:
        return self._kept(self.server.run, *arguments, **named)

    def go_on(self, *arguments: Any) -> Any:
        return self._kept(self.server.go_on, *arguments)

    def _kept(self, work: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        self._broken = True
        ending = work(*arguments, **named)
        self._broken = False
        return ending

    def close(self) -> None:
        if self._broken:
            self.end()
        else:
            self.server.end_child()
            self._home.append(self)

    def end(self) -> None:
        self.server.close()

    def is_idle(self) -> bool:
        """Whether the server is there and has nothing to say."""
        return self.server.process.poll() is None and not select.select([self.server.control], [], [], 0)[0]


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Hold the fork servers of this process."""
    holder = Servers()
    yield holder
    holder.end()


@pytest.fixture
def warm(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let sandboxes take over the fork server of another test, where what is tested is not the sandbox."""
    if sys.platform == "linux":
        monkeypatch.setattr("grader.running.sandbox.start", servers.start)


CONFINED = cache(service.require_confinement)


@pytest.fixture
def confined(warm: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make sure once in a process, not in each test, that student code is confined."""
    monkeypatch.setattr(service, "require_confinement", CONFINED)


@pytest.fixture
def in_process(confined: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `grader batch` grade in this process, where what is tested is not how processes share the work."""
    monkeypatch.setattr(batch, "Settings", partial(batch.Settings, start=pool.here))


@pytest.fixture(scope="session")
def chromium() -> Iterator[object]:
    """A running headless Chromium; without one the test is skipped, in CI it fails."""
    browser_path = chromium_path()
    if browser_path is None:
        _without("no Chromium on this machine: PAGES WERE NOT TESTED IN A BROWSER; apt-get install chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _without("playwright is not installed: PAGES WERE NOT TESTED IN A BROWSER; pip install playwright")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=list(ARGUMENTS))
        yield browser
        browser.close()


def _without(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(autouse=True)
def log_as_before(monkeypatch):
    """What one test shows of the grader's log, the next does not."""
    monkeypatch.delenv(faults.SHOWN, raising=False)
    faults.LOG.handlers[:], faults.LOG.propagate = [logging.NullHandler()], True
    yield
    os.environ.pop(faults.SHOWN, None)
