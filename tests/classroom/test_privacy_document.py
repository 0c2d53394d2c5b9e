"""docs/privacy.md lists every file, column and table that a batch really writes, and nothing that it does not."""

from __future__ import annotations

import csv
import re
import sqlite3
import stat
from pathlib import Path

import pytest
from notebooks import RANDOM, edit, solved, write

from grader.classroom import manifest
from grader.cli import main
from grader.rendering import classpage

DOCUMENT = (Path(__file__).parents[2] / "docs" / "privacy.md").read_text(encoding="utf-8")


def section(title: str) -> list[list[str]]:
    """Return the rows of a section's table, the cells of each."""
    text = DOCUMENT.partition(f"## {title}\n")[2].partition("\n## ")[0]
    return [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")][2:]


def named(cell: str) -> set[str]:
    return set(re.findall("`([^`]+)`", cell))


@pytest.fixture(scope="module")
def graded(tmp_path_factory) -> Path:
    """Return a folder with every kind of file: collected, annotated, ruled on, on several pages."""
    folder = tmp_path_factory.mktemp("privacy")
    notebooks = {"a.ipynb": solved(), "b.ipynb": solved(random=edit(RANDOM, ("* 10", "* 0.01")))}
    for name, content in notebooks.items():
        write(folder / "in", name, content)
    entries = tuple(manifest.Entry(file=name, student=f"id-{name}", name="Ada Lovelace") for name in notebooks)
    write(
        folder / "in",
        manifest.FILE,
        manifest.encode(manifest.sealed(manifest.Manifest(system="canvas", entries=entries))).encode(),
    )
    out = folder / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(classpage, "MOST_ON_ONE", 1)
        assert main(["batch", str(folder / "in"), "--out", str(out), "--jobs", "1", "--annotated", "--quiet"]) == 0
        ruling = ["random", "9", "--reason", "agreed", "--by", "Grace"]
        assert main(["override", str(out), "b.ipynb", *ruling, "--quiet"]) == 0
    return out


def test_every_file_is_listed(graded):
    listed = {name for row in section("Files in the folder that `batch` writes") for name in named(row[0])}
    pages = {path.parent for path in graded.rglob("feedback.html")}
    found = set()
    for path in graded.rglob("*"):
        if path.is_file():
            name = f"<submission>/{path.name}" if path.parent in pages else path.relative_to(graded).as_posix()
            found.add(re.sub(r"^class-\d+\.html$", "class-N.html", name))

    assert found <= listed
    assert listed - found <= {"grades.sqlite-wal", "grades.sqlite-shm", "push.jsonl"}  # the last one only after a push


def test_every_file_is_for_its_owner_only(graded):
    for path in graded.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_every_column_of_grades_csv_is_listed(graded):
    with (graded / "grades.csv").open(encoding="utf-8", newline="") as file:
        columns = next(csv.reader(file))

    assert {name for row in section("Columns of grades.csv") for name in named(row[0])} == set(columns)


def test_every_column_of_the_store_is_listed(graded):
    listed, table = set(), ""
    for row in section("Tables of grades.sqlite"):
        table = next(iter(named(row[0])), table)
        listed |= {(table, column) for column in named(row[1])}
    database = sqlite3.connect(graded / "grades.sqlite")
    tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = {
        (table, column)
        for table in tables
        if not table.startswith("sqlite_")
        for _, column, *_ in database.execute(f"PRAGMA table_info({table})")
    }
    database.close()

    assert listed == found


def test_names_that_a_manifest_brings_are_shown_nowhere(graded):
    for path in graded.rglob("*"):
        if path.is_file() and path.name != "manifest.json":
            assert b"Lovelace" not in path.read_bytes(), path


def test_a_page_of_one_holds_nothing_of_another(graded):
    for path in graded.rglob("feedback.html"):
        other = {"a": b"b.ipynb", "b": b"a.ipynb"}[path.parent.name]
        page = path.read_bytes()
        assert other not in page
        assert str(graded).encode() not in page
        assert b"index.html" not in page


def test_what_is_forgotten_is_in_no_file(graded):
    assert main(["forget", str(graded), "id-b.ipynb", "--quiet", "--yes"]) == 0

    for path in graded.rglob("*"):
        if path.is_file():
            assert b"b.ipynb" not in path.read_bytes(), path
