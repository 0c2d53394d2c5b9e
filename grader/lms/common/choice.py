"""Which of several files of one hand-in is graded: by how much of the exercise is done in it."""

from __future__ import annotations

from collections.abc import Sequence

from grader import reading
from grader.classroom.submissions import suffix_of
from grader.errors import UnavailableError
from grader.exercise.limits import Limits


def done_in(data: bytes, name: str, functions: Sequence[str]) -> tuple[int, int]:
    """Return how many of the functions are filled in in a file, and how many it has at all, including templates.

    What cannot be read within the limits of a batch counts as nothing.
    """
    limits = Limits()
    try:
        notebook = reading.parse(data, name, limits)
        extracted = reading.extract(notebook, functions, {}, {}, limits)
    except UnavailableError:
        return 0, 0
    statuses = [function.status for function in extracted.functions.values() if function.status != "missing"]
    return sum(status != "not_attempted" for status in statuses), len(statuses)


def is_notebook(name: str) -> bool:
    """Whether a file's name is that of a notebook, not of a script."""
    return suffix_of(name) == ".ipynb"
