"""The same cells in a real Jupyter kernel and here: what a function gives right after its cell, as bytes to compare."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from grader.reading.extract import extract
from grader.records import Call, Cell, Function, Notebook, Outcome
from grader.running.sandbox import Sandbox

CALLS = (Call((3, 2, 1), 11), Call((2, 4, 3, 1), 12))
RECORDER = f"""
import json, numpy
seed, array, number_of = numpy.random.seed, numpy.array, len
STATE = [(module, dict(vars(module))) for module in (numpy, numpy.random, numpy.linalg)]
CALLS = {[(call.layers, call.ambient_seed) for call in CALLS]!r}

def record(path, name, space):
    rows = []
    for layers, ambient in CALLS:
        seed(ambient)
        try:
            given = space["f"](list(layers))
            rows.append({{key: [list(array(value).shape), array(value).astype("<f8").tobytes().hex()] for key, value in given.items()}})
        except BaseException as error:
            rows.append(type(error).__name__)
    with open(path, "a") as file:
        file.write(json.dumps([name, rows]) + "\\n")

def restore():
    for module, names in STATE:
        vars(module).update(names)
"""


@dataclass(frozen=True)
class Case:
    """Cells of which one defines `f`; `after` run later in the notebook, when `f` has been called."""

    name: str
    cells: tuple[str, ...]
    after: tuple[str, ...] = ()


def case(name: str, *cells: str, after: Sequence[str] = ()) -> Case:
    return Case(name, tuple(textwrap.dedent(cell).strip("\n") for cell in cells), tuple(after))


def in_a_kernel(cases: Sequence[Case], folder: Path) -> dict[str, Any]:
    """Run every case in one kernel, each in an empty name space."""
    from nbclient import NotebookClient

    (folder / "recorder.py").write_text(RECORDER)
    answers = folder / "answers.jsonl"
    cells = [f"import sys; sys.path.insert(0, {str(folder)!r})"]
    for number, each in enumerate(cases):
        record = f"__import__('recorder').record({str(answers)!r}, {number}, globals())"
        cells += [*each.cells, record, *each.after, "__import__('recorder').restore()", "%reset -f"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(
        notebook, kernel_name="python3", allow_errors=True, timeout=120, resources={"metadata": {"path": str(folder)}}
    ).execute()
    rows = [json.loads(line) for line in answers.read_text().splitlines()]
    return {cases[number].name: row for number, row in rows}


def extracted(each: Case) -> Function:
    cells = tuple(Cell("code", source, number) for number, source in enumerate([*each.cells, *each.after], start=1))
    return extract(Notebook("x.ipynb", "", "ok", (), cells), ("f",), {})[1]["f"]


def here(each: Case, sandbox: Sandbox) -> tuple[Outcome, ...]:
    function = extracted(each)
    return sandbox.run(function, CALLS) if function.status == "found" else ()


def plain(outcomes: Sequence[Outcome]) -> list[Any]:
    """Return outcomes as the recorder writes them."""
    return [
        {key: [list(array.shape), array.data.hex()] for key, array in outcome.arrays.items()}
        if outcome.ended == "returned"
        else outcome.fault.kind
        if outcome.fault
        else outcome.ended
        for outcome in outcomes
    ]
