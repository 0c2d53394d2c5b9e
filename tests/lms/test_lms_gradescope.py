"""Gradescope's export of submissions: whose each folder is, groups, and what is missing or strange in it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from notebooks import notebook, solved, write

from grader.classroom import manifest as manifests
from grader.classroom.manifest import Manifest
from grader.cli import main

ROOT = "assignment_4711_export"
METADATA = """\
submission_101:
  :submitters:
  - :name: Ada Lovelace
    :sid: '0042'
    :email: ada@b.edu
  :created_at: 2023-09-20 10:00:00.123 Z
  :score: 7.5
  :results:
    tests: []
  :history: []
submission_102:
  :submitters:
  - :name: Pair One
    :sid: '200'
    :email: one@b.edu
  - :name: Łukasz Żółć
    :email: two@b.edu
  :created_at: 2023-09-21 10:00:00.5 Z
  :score:
submission_103:
  :submitters: []
submission_104:
  :submitters:
  - :name: Nobody's Files
"""


def export(folder: Path, metadata: str = METADATA) -> Path:
    root = folder / ROOT
    write(root, "submission_metadata.yml", metadata.encode())
    write(root, "submission_101/hw.ipynb", solved())
    write(root, "submission_101/data/notes.txt", b"x")
    write(root, "submission_102/a.ipynb", notebook("x = 1"))
    write(root, "submission_102/src/b.ipynb", solved())
    write(root, "submission_103/readme.md", b"x")
    return root


def collect(source: Path, out: Path, code: int = 0) -> Manifest:
    assert main(["lms", "gradescope", "collect", str(source), "--out", str(out)]) == code
    found = manifests.load(out)
    assert found is not None
    return found


def zipped(source: Path) -> Path:
    path = source.parent / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(source.rglob("*")):
            archive.write(file, f"{ROOT}/{file.relative_to(source)}")
    return path


@pytest.mark.parametrize("packed", [False, True])
def test_every_submission_is_laid_out_under_its_own_id(tmp_path, packed):
    source = export(tmp_path)
    found = collect(zipped(source) if packed else source, tmp_path / "out")

    assert found.system == "gradescope"
    by_id = {entry.student: entry for entry in found.entries}
    assert set(by_id) == {"submission_101", "submission_102", "submission_103", "submission_104"}
    ada, pair = by_id["submission_101"], by_id["submission_102"]
    assert (ada.name, ada.original, ada.others) == ("Ada Lovelace", "hw.ipynb", ("data/notes.txt",))
    assert ada.lms["submitters"] == [{"name": "Ada Lovelace", "sid": "0042", "email": "ada@b.edu"}]
    assert (ada.lms["submission"], ada.lms["score"]) == ("101", 7.5)
    assert ada.lms["created_at"].startswith("2023-09-20")
    assert (pair.name, pair.original) == ("Pair One, Łukasz Żółć", "src/b.ipynb")
    assert [person["sid"] for person in pair.lms["submitters"]] == ["200", ""]
    assert by_id["submission_103"].file is None
    assert by_id["submission_104"].file is None
    for entry in (ada, pair):
        assert entry.file is not None
        assert (tmp_path / "out" / entry.file).read_bytes() == solved()


def test_a_collected_export_is_graded_and_the_rows_bear_its_ids(tmp_path):
    collect(export(tmp_path), tmp_path / "collected")
    assert (
        main(["batch", str(tmp_path / "collected"), "--out", str(tmp_path / "graded"), "--jobs", "1", "--quiet"]) == 0
    )
    rows = (tmp_path / "graded" / "grades.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert sum("submission_10" in row for row in rows) == 4


def test_a_folder_that_the_metadata_do_not_name_is_said(tmp_path, capsys):
    source = export(tmp_path)
    write(source, "submission_999/hw.ipynb", solved())
    write(source, "stray.ipynb", solved())
    collect(source, tmp_path / "out", code=1)
    said = capsys.readouterr().err
    assert "submission_999" in said
    assert "stray.ipynb" in said


@pytest.mark.parametrize(
    ("metadata", "says"),
    [
        ("", "no submission_metadata.yml"),
        ("[1, 2]", "no submission_metadata.yml"),
        ("a: [", "cannot be read"),
        ("submission_101: !!python/object/apply:os.system ['true']", "cannot be read"),
    ],
)
def test_metadata_that_cannot_be_used_are_an_error_that_says_so(tmp_path, capsys, metadata, says):
    command = ["lms", "gradescope", "collect", str(export(tmp_path, metadata)), "--out", str(tmp_path / "out")]
    assert main(command) == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("entry", ["3", "[1]", "{':submitters': 7}", "{':submitters': [4, null]}", "{':score': high}"])
def test_an_entry_of_another_shape_keeps_its_files(tmp_path, entry):
    found = collect(export(tmp_path, f"submission_101: {entry}\nsubmission_102:\nsubmission_103:\n"), tmp_path / "out")
    assert found.entries[0].file is not None
    json.dumps(found.entries[0].lms)
