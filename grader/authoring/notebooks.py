"""Notebooks as they are written here: cells with ids, code as one text, format 4.5."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.errors import ExerciseError
from grader.messages import failure


@dataclass(frozen=True, slots=True)
class NewCell:
    """A cell to be written; `name` is its id."""

    kind: str
    name: str
    source: str


def write_text(cells: Iterable[NewCell]) -> str:
    """Return a notebook's text."""
    written: list[dict[str, Any]] = [
        {
            "cell_type": cell.kind,
            "id": cell.name,
            "metadata": {},
            **({"execution_count": None, "outputs": []} if cell.kind == "code" else {}),
            "source": cell.source.strip("\n").splitlines(keepends=True),
        }
        for cell in cells
    ]
    metadata: dict[str, Any] = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    notebook = {"cells": written, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def code_cells(path: Path) -> list[str]:
    """Return the code of a notebook of the exercise's own, a text for each cell.

    Raises
    ------
    ExerciseError
        If it is not a notebook.
    """
    return [source for kind, source in _cells(path) if kind == "code"]


def words(path: Path) -> str:
    """Return the text of all cells of a notebook, with single blanks."""
    return " ".join(" ".join(source for _, source in _cells(path)).split())


def _cells(path: Path) -> list[tuple[str, str]]:
    try:
        cells = json.loads(path.read_bytes())["cells"]
        return [(cell["cell_type"], "".join(cell["source"])) for cell in cells]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise failure(ExerciseError, "authoring.notebook.unreadable", path=path, reason=error) from None


def functions(path: Path) -> dict[str, tuple[str, ast.FunctionDef]]:
    """Return the functions that the cells of a notebook define: the cell's code, and the function in it."""
    defined: dict[str, tuple[str, ast.FunctionDef]] = {}
    for source in code_cells(path):
        try:
            body = ast.parse(source).body
        except SyntaxError:
            continue  # what cannot be parsed is found when the notebook is graded
        defined |= {node.name: (source, node) for node in body if isinstance(node, ast.FunctionDef)}
    return defined
