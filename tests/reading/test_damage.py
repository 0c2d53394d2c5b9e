"""A notebook cut or damaged anywhere: what is whole is read as it was, and nothing wrong is said of the rest."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from notebooks import NAMES, solved

from grader.reading.extract import extract
from grader.reading.notebook import parse

SAMPLES = Path(__file__).parents[2] / "submissions"


def colab(data: bytes) -> bytes:
    """The same notebook as Colab saves it: the source before the outputs."""
    document = json.loads(data)
    order = ("cell_type", "source", "metadata", "execution_count", "outputs")
    document["cells"] = [{key: cell[key] for key in order if key in cell} for cell in document["cells"]]
    return json.dumps(document, indent=2).encode()


NOTEBOOKS = {
    "indented": (SAMPLES / "right.ipynb").read_bytes(),
    "Colab": colab((SAMPLES / "stale_output.ipynb").read_bytes()),
    "one line": solved(),
}


def spans(data: bytes) -> dict[str, tuple[int, int]]:
    """Where the source of each required function's cell begins and ends in the file."""
    text = data.decode()
    found = {}
    for name in NAMES:
        definition = text.index(f"def {name}(")
        begin = text.rindex('"source"', 0, definition)
        value = text.index(":", begin) + 2
        found[name] = begin, json.JSONDecoder().raw_decode(text, value)[1]
    return {name: (len(text[:begin].encode()), len(text[:end].encode())) for name, (begin, end) in found.items()}


def places(data: bytes, count: int) -> list[int]:
    return sorted(random.Random(7).sample(range(len(data)), min(count, len(data))))


def assert_true(functions, read, whole, intact, others) -> None:
    """What can be whole is whole, and of what is lost nothing wrong is said."""
    for name in intact:
        assert (functions[name].status, functions[name].code) == (whole[name].status, whole[name].code), name
    for name in others:
        assert "in the notebook" not in functions[name].message or read.status == "unreadable", functions[name].message
    assert read.status in {"repaired", "unreadable", "ok"}


@pytest.mark.parametrize("kind", NOTEBOOKS)
def test_a_notebook_that_is_cut_off(kind):
    data = NOTEBOOKS[kind]
    _, whole = extract(parse(data, "a.ipynb"), NAMES)
    ends = spans(data)
    for cut in places(data, 400):
        read, functions = extract(parse(data[:cut], "a.ipynb"), NAMES)
        assert_true(functions, read, whole, [name for name, (_, end) in ends.items() if end <= cut], NAMES)
        assert not [name for name, (_, end) in ends.items() if end > cut and functions[name].status == "found"], cut


@pytest.mark.parametrize("kind", NOTEBOOKS)
@pytest.mark.parametrize(
    "instead", [b"", b'"', b"}", b"]", b",", b"\\", b"\n<<<<<<< HEAD\n", b"\xff\xfe", b'{"cell_type": "code", ']
)
def test_a_notebook_that_is_damaged_in_one_place(kind, instead):
    data = NOTEBOOKS[kind]
    _, whole = extract(parse(data, "a.ipynb"), NAMES)
    ends = spans(data)
    for place in places(data, 60):
        damaged = data[:place] + instead + data[place + (0 if instead else 7) :]
        read, functions = extract(parse(damaged, "a.ipynb"), NAMES)
        untouched = [name for name, (begin, end) in ends.items() if not begin - 40 <= place <= end + 10]
        intact = [name for name in untouched if functions[name].status == "found"]
        assert_true(functions, read, whole, intact, untouched)
        assert len(untouched) - len(intact) <= 1, (place, damaged[place - 60 : place + 60])
