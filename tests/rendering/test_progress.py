"""Progress of long work: a line now and then where there is no terminal, on standard error only."""

from __future__ import annotations

import pytest

from grader.rendering import progress
from grader.rendering.progress import ProgressLine


@pytest.fixture
def clock(monkeypatch):
    """A clock that is moved by hand."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_a_line_says_what_is_done_how_fast_and_what_is_running(clock, capsys):
    with ProgressLine(quiet=False) as shown:
        shown.step(0, 40, ["a.ipynb"])
        clock[0] += 10
        shown.step(20, 40, ["ada.ipynb", "bob\x1b[2J.ipynb"])
        shown.step(21, 40, ["too soon.ipynb"])
        clock[0] += 10
        shown.step(40, 40, ())
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        "grading: 20 of 40, 2.0 a second, 10 s left; grading ada.ipynb, bob\\x1b[2J.ipynb\n"
        "grading: 40 of 40, 2.0 a second, 0 s left\n"
    )


def test_before_the_first_is_done_nobody_knows_how_long_it_takes(clock, capsys):
    with ProgressLine(quiet=False, doing="judging") as shown:
        clock[0] += 10
        shown.step(0, 40, ["a.ipynb"])
    assert capsys.readouterr().err == "judging: 0 of 40, 0.0 a second, time left unknown; judging a.ipynb\n"


def test_quiet_is_quiet(clock, capsys):
    with ProgressLine(quiet=True) as shown:
        clock[0] += 10
        shown.step(40, 40, ())
    assert capsys.readouterr() == ("", "")
