"""The command line from end to end: an LMS's download in, graded for real, its import out, read as the LMS would."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from lms_files import members, zipped
from notebooks import RANDOM, edit, notebook, solved
from test_lms_canvas import canvas_attaches, canvas_reads
from test_lms_moodle import TEAM_SHEET, moodle_attaches, moodle_reads

from grader.cli import main
from grader.lms.canvas import files as canvas
from grader.lms.moodle import files as moodle

RIGHT = solved()
WRONG = solved(random=edit(RANDOM, ("* 10", "* 0.01")))
GRADEBOOK = """Student,ID,SIS Login ID,Section,Quiz (1),Initialization (2),Current Score
    Points Possible,,,,10,30,(read only)
"Doe, Jane",678,jane,A,7,,70
"O'Brien, Ann-Marie",679,ann,A,8,,80
"Müller, Jürgen",9,jm,A,,,
"Nix, Niemand",5,nn,A,,12,
"""


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    """Nothing is written into the home of whoever runs the tests."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))


def grader(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def scores(out: Path) -> dict[str, str]:
    return canvas_reads((out / canvas.GRADEBOOK).read_text(encoding="utf-8"))["Initialization (2)"]


@pytest.mark.slow
def test_canvas_from_download_to_import(tmp_path, capsys):
    export = zipped(
        tmp_path / "submissions.zip",
        {
            "doejane_678_901_Initialization.ipynb": RIGHT,
            "obrienannmarie_LATE_679_902_Initialization-1.ipynb": WRONG,
            "müllerjürgen_9_903_other.ipynb": notebook("x = 1"),
            "nixniemand_5_text.html": b"<p>none",
        },
        utf8=False,
    )
    collected, out, upload = tmp_path / "collected", tmp_path / "graded", tmp_path / "upload"
    (tmp_path / "g.csv").write_text(GRADEBOOK, encoding="utf-8")
    assert grader("lms", "canvas", "collect", export, "--out", collected) == 0
    assert grader("batch", collected, "--out", out, "--jobs", 2) == 0
    send = ("lms", "canvas", "export", out, "--out", upload, "--gradebook", tmp_path / "g.csv")

    assert grader(*send) == 0
    assert scores(upload) == {"678": "30", "679": "27"}
    files = members(upload / canvas.FEEDBACK)
    owners = {"901": "678", "902": "679"}
    assert set(canvas_attaches(list(files), owners).values()) == set(owners)
    first = json.loads(files["obrienannmarie_LATE_679_902_Initialization-1.ipynb"])["cells"][0]
    assert "27 of 30" in "".join(first["source"])
    said = capsys.readouterr().out
    assert "  müllerjürgen: " in said.partition("held back")[2]

    for path in (upload, *upload.rglob("*"), collected, *collected.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path

    before = {path.name: path.read_bytes() for path in upload.iterdir()}
    assert grader("batch", collected, "--out", out, "--jobs", 2) == 0
    assert grader(*send) == 0
    assert {path.name: path.read_bytes() for path in upload.iterdir()} == before

    ruling = ("obrienannmarie_679.ipynb", "random", 9, "--reason", "right but for the scale", "--by", "A Teacher")
    assert grader("override", out, *ruling) == 0
    assert grader(*send, "--absent", "zero") == 0
    assert scores(upload) == {"678": "30", "679": "29", "5": "0"}


@pytest.mark.slow
def test_moodle_from_download_to_import(tmp_path):
    export = zipped(
        tmp_path / "submissions.zip",
        {
            "Team A_77_assignsubmission_file/hw.ipynb": WRONG,
            "Default group_assignsubmission_file/hw.ipynb": RIGHT,
        },
    )
    collected, out, upload = tmp_path / "collected", tmp_path / "graded", tmp_path / "upload"
    (tmp_path / "w.csv").write_text(TEAM_SHEET, encoding="utf-8")
    assert grader("lms", "moodle", "collect", export, "--out", collected) == 0
    assert grader("batch", collected, "--out", out, "--jobs", 2) == 0
    assert grader("lms", "moodle", "export", out, "--out", upload, "--worksheet", tmp_path / "w.csv") == 0

    read = moodle_reads((upload / moodle.WORKSHEET).read_bytes())
    assert {participant: grade for participant, (grade, _) in read.items()} == {"101": 27.0, "103": 27.0, "102": 30.0}
    assert "multiply the random numbers by 10" in read["101"][1]
    files = members(upload / moodle.FEEDBACK)
    assert {owner for owner, _ in moodle_attaches(list(files), set(read)).values()} == {"101", "102", "103"}
    assert b"27 of 30" in files["Jane Doe_101_assignsubmission_file/feedback.html"]
