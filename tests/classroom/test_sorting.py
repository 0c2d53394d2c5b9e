"""A folder with the notebooks of several exercises: each goes to its own, by the functions that it defines."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

import pytest
from notebooks import RANDOM, notebook, solved, write
from typer.testing import CliRunner

from grader.classroom import sorting
from grader.cli import app
from grader.errors import RequestError
from grader.exercise import load as exercises
from grader.exercise.load import Exercise
from grader.judging.checks import CHECKS

NAMES = ("dls-c2w1-initialization", "dls-c1w3-planar")
PLANAR = """def initialize_parameters(n_x, n_h, n_y):
    W1 = np.random.randn(n_h, n_x) * 0.01
    b1 = np.zeros((n_h, 1))
    W2 = np.random.randn(n_y, n_h) * 0.01
    b2 = np.zeros((n_y, 1))
    return {"W1": W1, "b1": b1, "W2": W2, "b2": b2}
"""


@pytest.fixture(scope="module")
def known() -> list[Exercise]:
    return [exercises.load(name, CHECKS) for name in NAMES]


@pytest.mark.parametrize(
    ("source", "name"),
    [
        (RANDOM, NAMES[0]),
        (PLANAR, NAMES[1]),
        ("def  initialize_parameters (a, b, c): pass", NAMES[1]),
        ("def initialize_parameters_deep(layer_dims): pass", None),
        ("initialize_parameters(2, 4, 1)", None),
        ("", None),
    ],
)
def test_the_functions_that_a_text_defines_say_which_exercise_it_is(known, source, name):
    exercise = sorting.exercise_of(notebook(source), known)
    assert (exercise and exercise.name) == name


def test_files_in_folders_and_zips_are_told_apart(tmp_path, known):
    write(tmp_path / "in", "ada/first.ipynb", solved())
    write(tmp_path / "in", "ada/second.ipynb", notebook(PLANAR))
    write(tmp_path / "in", "=cmd.ipynb", notebook("x = 1"))
    with zipfile.ZipFile(tmp_path / "in" / "bob.zip", "w") as archive:
        archive.writestr("planar.ipynb", notebook(PLANAR))
    found = sorting.sort_out([tmp_path / "in"], known, tmp_path / "out", 20)

    assert {name: len(names) for name, names in found.names.items()} == {NAMES[0]: 2, NAMES[1]: 2}
    assert found.unknown == ("=cmd.ipynb",)
    (tmp_path / "out").mkdir()
    rows = list(csv.reader(io.StringIO(sorting.save(tmp_path / "out", found).read_text(encoding="utf-8"))))
    assert not any(cell.startswith("=") for row in rows for cell in row)
    assert len(rows) == 5


def test_two_exercises_of_one_name_are_refused(tmp_path, known):
    write(tmp_path / "in", "a.ipynb", solved())
    with pytest.raises(RequestError, match="same name"):
        sorting.sort_out([tmp_path / "in"], [known[0], known[0]], tmp_path / "out", 20)


def test_each_exercise_has_its_own_folder_of_results(tmp_path):
    write(tmp_path / "in", "ada/first.ipynb", solved())
    write(tmp_path / "in", "ada/second.ipynb", notebook("import numpy as np", PLANAR))
    out = tmp_path / "out"
    arguments = ["batch", str(tmp_path / "in"), "--out", str(out), "--jobs", "1"]
    several = [word for name in NAMES for word in ("--exercise", name)]
    result = CliRunner().invoke(app, [*arguments, *several])

    assert result.exit_code == 0, result.output
    assert {path.parent.name for path in Path(out).glob("*/grades.csv")} == set(NAMES)
    assert (out / NAMES[1] / "ada__second" / "result.json").is_file()
    assert "10 of 10" in (out / NAMES[1] / "ada__second" / "feedback.html").read_text(encoding="utf-8")
    assert f"{NAMES[1]}: 1 file" in result.output

    again = CliRunner().invoke(app, [*arguments, *several])
    assert again.exit_code == 0
    assert again.output.count("graded 0, unchanged 1") == 2


def test_a_folder_of_several_exercises_is_not_graded_as_one(tmp_path):
    write(tmp_path / "in", "a.ipynb", solved())
    write(tmp_path / "out", sorting.FILE, b"submission,exercise,note\n")
    result = CliRunner().invoke(app, ["batch", str(tmp_path / "in"), "--out", str(tmp_path / "out")])
    assert result.exit_code == 2 or "several exercises" in str(result.exception)
