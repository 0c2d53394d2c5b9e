"""Which of several files of one hand-in is graded: by how much of the exercise is done in it."""

from __future__ import annotations

from collections.abc import Sequence

from grader import notebook
from grader.extract import extract
from grader.submissions import suffix_of

RULE = "the file in which most of the functions are filled in counts"


def done_in(data: bytes, name: str, functions: Sequence[str]) -> tuple[int, int]:
    """Return how many of the functions are filled in in a file, and how many stand in it at all, be it as the template."""
    _, found = extract(notebook.parse(data, name), functions)
    there = [one.status for one in found.values() if one.status != "missing"]
    return sum(status != "not_attempted" for status in there), len(there)


def is_notebook(name: str) -> bool:
    """Whether a file's name is that of a notebook, not of a script."""
    return suffix_of(name) == ".ipynb"
