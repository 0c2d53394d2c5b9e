"""Whose a file is: nobody's files are named and can be given to somebody, and nobody's own file is replaced by a stranger's."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path

import pytest
from notebooks import RANDOM, edit, solved, write

from grader.classroom import batch, manifest, pool, roster
from grader.classroom.submissions import Submission, changed, find
from grader.cli import main
from grader.exercise import load as exercises

LIST = "Student ID,SIS Login ID,Full Name\n1,al1,Ada Lovelace\n2,gh2,Grace Hopper\n40711,at3,Alan Turing\n"


def grader(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def rows(out: Path) -> dict[str, dict[str, str]]:
    with (out / "grades.csv").open(encoding="utf-8", newline="") as file:
        return {row["submission"]: row for row in csv.DictReader(file)}


@pytest.fixture
def graded(tmp_path) -> Path:
    write(tmp_path / "in", "ada lovelace.ipynb", solved())
    write(tmp_path / "in", "final version.ipynb", solved(random=edit(RANDOM, ("* 10", "* 0.01"))))
    write(tmp_path, "class.csv", LIST.encode())
    settings = batch.Settings(start=pool.here, roster=tmp_path / "class.csv")
    batch.batch([tmp_path / "in"], tmp_path / "out", exercises.load(), settings)
    return tmp_path


def whose(tmp_path: Path, *names: str) -> dict[str, str | None]:
    people = roster.parse(LIST.encode(), "class.csv")
    return {
        one.name: one.student
        for one in roster.match([Submission(name, tmp_path) for name in names], people)
        if one.path
    }


@pytest.mark.parametrize(
    ("name", "student"),
    [
        ("week 2/ada lovelace.ipynb", "1"),
        ("2/al1 final.ipynb", "1"),
        ("1/grace hopper - week 1.ipynb", "2"),
        ("homework 2.ipynb", "2"),
        ("40711/hw 1.ipynb", "40711"),
        ("hw 2 of 40711.ipynb", "40711"),
    ],
)
def test_a_short_number_is_an_id_only_where_nothing_else_fits(tmp_path, name, student):
    assert whose(tmp_path, name) == {name: student}


def test_a_strangers_file_does_not_replace_somebodys_own(tmp_path):
    found = whose(tmp_path, "ada lovelace/hw.ipynb", "somebody/hw 1.ipynb")
    assert found == {"ada lovelace/hw.ipynb": "1", "somebody/hw 1.ipynb": None}


def test_files_of_nobody_are_named_everywhere_and_given_to_somebody(graded, capsys):
    out = graded / "out"
    command = ("batch", graded / "in", "--out", out, "--jobs", "1")
    assert grader(*command) == 0
    said = capsys.readouterr().out
    assert "belong to nobody in the class: final version.ipynb" in said
    assert "grader assign" in said
    grader("review", out, "--json")
    assert ("final version.ipynb", "nobody") in {
        (item["submission"], item["kind"]) for item in json.loads(capsys.readouterr().out)
    }
    assert "belongs to nobody" in (out / "index.html").read_text()
    assert "belongs to nobody" in rows(out)["final version.ipynb"]["review"]
    export = ("lms", "spreadsheet", "export", out, "--out", graded / "up")
    assert grader(*export) == 0
    assert "final version.ipynb" in capsys.readouterr().out

    assert grader("assign", out, "final version.ipynb", "3", "--by", "Grace") == 2
    assert "class list" in capsys.readouterr().err
    assert grader("assign", out, "final version.ipynb", "2", "--by", "Grace") == 0
    capsys.readouterr()
    assert rows(out)["final version.ipynb"]["student"] == "2"
    assert "2" not in rows(out)  # the row of who handed in nothing
    assert {entry.student: entry.file for entry in manifest.load(out).entries}["2"] == "final version.ipynb"
    assert grader(*command) == 0
    assert "graded 0, unchanged 3" in capsys.readouterr().out
    assert grader(*command, "--fresh", "--quiet") == 0
    assert rows(out)["final version.ipynb"]["student"] == "2"


def test_the_headings_of_a_class_list_are_those_of_a_gradebook(graded, capsys):
    listed = write(graded, "list.csv", b"SIS User ID;Student;HW\n1;Ada;\n2;Grace;\n")
    export = (
        "lms",
        "spreadsheet",
        "export",
        graded / "out",
        "--out",
        graded / "up",
        "--gradebook",
        listed,
        "--column",
        "HW",
    )
    assert grader(*export, "--quiet") == 0
    assert "1;Ada;30" in (graded / "up" / "grades.csv").read_text(encoding="utf-8-sig")


def test_an_export_without_any_score_says_so(tmp_path, capsys):
    write(tmp_path / "in", "ada lovelace.ipynb", b"")
    write(tmp_path, "class.csv", LIST.encode())
    settings = batch.Settings(start=pool.here, roster=tmp_path / "class.csv")
    batch.batch([tmp_path / "in"], tmp_path / "out", exercises.load(), settings)
    assert grader("lms", "spreadsheet", "export", tmp_path / "out", "--out", tmp_path / "up", "--quiet") == 1
    assert "no score was written" in capsys.readouterr().err


UNI = b"id,login,email,name\n1001,ada,ada@uni.edu,Ada Lovelace\n1002,mal,mal@uni.edu,Mallory Evil\n"
LATE = (2107, 12, 31, 23, 59, 58)


def packed(*names: str) -> bytes:
    """A zip whose members claim to be of the year 2107."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name in names:
            archive.writestr(zipfile.ZipInfo(name, LATE), b"{}")
    return data.getvalue()


def counted(tmp_path: Path, source: Path) -> dict[str, str | None]:
    """Whose each file is, of those that count, as `--roster` finds them."""
    people = roster.parse(UNI, "uni.csv")
    return {
        one.name: one.student for one in roster.match(find([source]).submissions, people) if one.path and one.counts
    }


@pytest.mark.parametrize(
    ("hand_in", "inside", "student"),
    [
        ("Mallory Evil.zip", "ada@uni.edu.ipynb", None),
        ("Mallory Evil hw 1.zip", "ada@uni.edu/hw.ipynb", None),
        ("Mallory Evil.zip", "Ada Lovelace.zip/hw.ipynb", None),
        ("mallory/mal.zip", "1001.ipynb", "1002"),
        ("hw1.zip", "ada@uni.edu/Initialization.ipynb", None),
        ("1002.zip", "ada@uni.edu.ipynb", None),
        ("1002.zip", "hw.ipynb", "1002"),
        ("hw1.zip", "/ada@uni.edu.ipynb", None),
        ("hw1.zip", "../Ada Lovelace/hw.ipynb", None),
        ("Mallory Evil.zip", "hw.ipynb", "1002"),
        ("mal@uni.edu.ZIP", "mal.ipynb", "1002"),
        ("Mallory Evil/hw.zip", "week 1/hw.ipynb", "1002"),
    ],
)
def test_names_inside_a_zip_that_was_handed_in_never_say_whose_it_is(tmp_path, hand_in, inside, student):
    write(tmp_path / "cls", "Ada Lovelace/Init.ipynb", solved())
    write(tmp_path / "cls", hand_in, packed(inside))
    whose = counted(tmp_path, tmp_path / "cls")
    assert whose["Ada Lovelace/Init.ipynb"] == "1001"
    assert whose[f"{hand_in}/{inside}"] == student


@pytest.mark.parametrize(
    ("name", "student"),
    [
        ("Mallory Evil hw 1/ada@uni.edu.ipynb", None),
        ("Mallory Evil/ada@uni.edu.ipynb", None),
        ("Mallory Evil/for ada.ipynb", "1002"),
        ("section 3/ada@uni.edu.ipynb", "1001"),
    ],
)
def test_an_outer_folder_is_not_overruled_by_a_name_inside_it(tmp_path, name, student):
    write(tmp_path / "cls", name, solved())
    assert counted(tmp_path, tmp_path / "cls") == {name: student}


def test_the_zip_of_a_class_names_people_inside_and_a_zip_in_it_is_a_hand_in(tmp_path):
    source = tmp_path / "class.zip"
    with zipfile.ZipFile(source, "w") as archive:
        archive.writestr("Ada Lovelace/hw.ipynb", b"{}")
        archive.writestr("Mallory Evil/hw.zip", packed("ada@uni.edu.ipynb"))
    assert counted(tmp_path, source) == {"Ada Lovelace/hw.ipynb": "1001", "Mallory Evil/hw.zip/ada@uni.edu.ipynb": None}


def test_a_long_name_inside_a_zip_does_not_hide_whose_zip_it_is(tmp_path):
    write(tmp_path / "cls", "Mallory Evil.zip", packed(f"{'x' * 2000}/ada@uni.edu.ipynb"))
    assert list(counted(tmp_path, tmp_path / "cls").values()) == [None]


def test_a_member_of_a_zip_is_never_newer_than_the_zip(tmp_path):
    path = write(tmp_path / "cls", "mal.zip", packed("hw.ipynb"))
    (member,) = find([tmp_path / "cls"]).submissions
    assert changed(member) == path.stat().st_mtime
