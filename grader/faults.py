"""Faults of the grader itself are logged, and spoil only the part in which they happen.

`--verbose` shows the log on stderr; without it only the result says that something went wrong.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from grader.messages import say

SHOWN = "GRADER_LOG"  # in the environment, so that the processes of a batch show it too
LOG = logging.getLogger("grader")
LOG.addHandler(logging.NullHandler())

Value = TypeVar("Value")


def show() -> None:
    """Write the log to stderr, here and in every process that is started from here."""
    os.environ[SHOWN] = "1"
    _start()


def _start() -> None:
    if os.environ.get(SHOWN) and not any(type(handler) is logging.StreamHandler for handler in LOG.handlers):
        LOG.addHandler(logging.StreamHandler(sys.stderr))
        LOG.propagate = False


def attempt(what: str, make: Callable[[], Value], fallback: Callable[[str], Value]) -> Value:
    """Return what `make` gives; if it fails, log why and return what `fallback` gives for a short reason.

    Only for faults of ours: what a student's input can cause on purpose has its own status.
    """
    try:
        return make()
    except Exception as error:  # whatever it is, it stays here
        return fallback(note(what, error))


def surviving(what: str, parts: Iterable[Value]) -> Iterator[Value]:
    """Yield parts of a text until making one fails; log why and end there, so that what came before stays."""
    try:
        yield from parts
    except Exception as error:  # whatever it is, it costs no more than words
        note(what, error)


def note(what: str, error: Exception) -> str:
    """Log a fault with its traceback, and return the sentence that a result shows for it."""
    LOG.error("%s failed", what, exc_info=error)
    return say("running.fault", kind=type(error).__name__)


_start()
