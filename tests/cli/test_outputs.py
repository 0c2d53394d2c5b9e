"""No output replaces a file that is read, somebody's notebook, or a file of another kind."""

from __future__ import annotations

import json
import os
import zipfile

import pytest
from notebooks import solved, write

from grader import files
from grader.cli import main
from grader.errors import RequestError
from grader.files import never_replacing
from grader.outputs import Output, require_writable

PAGE = b"<!doctype html>\n<title>x</title>"
RESULT = b'{"schema":"grader-result/1"}'
NOTE = {"cell_type": "markdown", "metadata": {"grader": {"note": True}}, "source": "x"}
ANNOTATED = json.dumps({"cells": [NOTE], "nbformat": 4, "nbformat_minor": 5, "metadata": {}}).encode()


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    """Nothing is written into the home of whoever runs the tests."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))


def spellings(path):
    """Other names of one file."""
    (path.parent / "sub").mkdir()
    (path.parent / "link").symlink_to(path)
    (path.parent / "folder").symlink_to(path.parent, target_is_directory=True)
    os.link(path, path.parent / "hard")
    yield from (path, path.parent / "sub" / ".." / path.name, path.parent / "link", path.parent / "hard")
    yield path.parent / "folder" / path.name


@pytest.mark.parametrize("option", ["--html", "--json", "--annotated"])
def test_check_never_replaces_the_notebook(option, tmp_path, capsys):
    path = write(tmp_path, "a.ipynb", solved())
    for spelled in spellings(path):
        assert main(["check", str(path), option, str(spelled), "--quiet"]) == 2
        shown = capsys.readouterr()
        assert "hint:" in shown.err
        assert shown.out == ""
        assert path.read_bytes() == solved()


@pytest.mark.parametrize(
    "command",
    [
        ["check", "OTHER", "--html", "FILE"],
        ["check", "OTHER", "--json", "FILE"],
        ["check", "OTHER", "--annotated", "FILE"],
        ["lab", "--html", "FILE"],
        ["lms", "gradescope", "build", "--out", "FILE"],
        ["unannotate", "ANNOTATED", "--out", "FILE"],
        ["unannotate", "ANNOTATED", "--out", "ANNOTATED"],
        ["batch", "OTHER", "--out", "FILE"],
        ["lms", "canvas", "collect", "OTHER", "--out", "FILE"],
        ["lms", "canvas", "export", "FOLDER", "--out", "FILE"],
    ],
)
def test_no_command_replaces_a_notebook(command, tmp_path, capsys):
    paths = {"FILE": tmp_path / "a.ipynb", "OTHER": tmp_path / "b.ipynb", "ANNOTATED": tmp_path / "c.ipynb"}
    before = {"FILE": solved(after="x = 1"), "OTHER": solved(), "ANNOTATED": solved()}
    before["ANNOTATED"] = ANNOTATED.replace(
        b'"cells": [', b'"cells": [{"cell_type": "raw", "metadata": {}, "source": ""}, '
    )
    for name, path in paths.items():
        path.write_bytes(before[name])
    words = [str(paths.get(word, tmp_path if word == "FOLDER" else word)) for word in command]

    assert main(words) == 2
    assert "hint:" in capsys.readouterr().err
    assert {name: path.read_bytes() for name, path in paths.items()} == before


@pytest.mark.parametrize("kind", ["page", "result", "annotated", "junit", "autograder"])
def test_an_earlier_output_of_the_same_kind_is_replaced_and_no_other_file(kind, tmp_path):
    with zipfile.ZipFile(tmp_path / "zip", "w") as archive:
        archive.writestr("run_autograder", "")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("doe.ipynb", "")
    ours = {
        "page": PAGE,
        "result": RESULT,
        "annotated": ANNOTATED,
        "junit": b'<?xml version="1.0"?>\n<testsuites/>',
        "autograder": (tmp_path / "zip").read_bytes(),
    }
    others = [solved(), b"text", b"{}", b'{"name": "package"}', b"import x", (tmp_path / "other.zip").read_bytes()]
    for name, data in [("new", None), ("empty", b""), ("same", ours[kind])]:
        path = tmp_path / name
        if data is not None:
            path.write_bytes(data)
        require_writable([Output("--x", path, kind)], [])
    for data in [*others, *(data for other, data in ours.items() if other != kind)]:
        path = write(tmp_path, "other.ipynb", data)
        with pytest.raises(RequestError, match="so it was not replaced"):
            require_writable([Output("--x", path, kind)], [])
    with pytest.raises(RequestError, match="is a folder"):
        require_writable([Output("--x", tmp_path, kind)], [])
    require_writable([Output("--x", tmp_path / "new", kind), Output("--y", tmp_path / "new2", kind)], [])
    with pytest.raises(RequestError, match="of --x as well"):
        require_writable([Output("--x", tmp_path / "new", kind), Output("--y", tmp_path / "NEW", kind)], [])


def test_check_writes_again_what_it_wrote(tmp_path, capsys):
    path = write(tmp_path, "a.ipynb", solved())
    page, result, notes = (str(tmp_path / name) for name in ("a.html", "a.json", "notes.ipynb"))
    for _ in range(2):
        assert main(["check", str(path), "--html", page, "--json", result, "--annotated", notes, "-q"]) == 0
    plain = tmp_path / "plain.ipynb"
    assert [main(["unannotate", notes, "--out", str(plain)]) for _ in range(2)] == [0, 0]
    assert capsys.readouterr().err == ""


def test_a_file_that_a_command_reads_is_never_written_over(tmp_path):
    book = write(tmp_path, "book.csv", b"a,b\n")
    (tmp_path / "link.csv").symlink_to(book)
    with never_replacing([book, None, tmp_path / "absent"]):
        for name in ("book.csv", "link.csv"):
            with pytest.raises(RequestError, match="reads"):
                files.write(tmp_path / name, "x")
        files.write(tmp_path / "new.csv", "x")
    files.write(book, "x")
    assert book.read_bytes() == b"x"
    assert {path.name for path in tmp_path.iterdir()} == {"book.csv", "link.csv", "new.csv"}
