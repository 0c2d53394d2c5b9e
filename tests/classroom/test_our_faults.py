"""What our own surroundings keep from us is never a student's zero: it is provisional, named, and tried again."""

from __future__ import annotations

import csv
import errno
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from notebooks import solved, write

from grader import api as service
from grader.classroom import batch, pool, submissions
from grader.cli import main
from grader.errors import RequestError, UnavailableError
from grader.exercise import load as exercises

ERRNOS = [errno.EIO, errno.ENOENT, errno.EACCES, errno.ENOSPC, errno.ESTALE, errno.EMFILE, errno.ETIMEDOUT]
few = pytest.mark.parametrize("number", ERRNOS[:3], ids=errno.errorcode.get)
named = pytest.mark.parametrize("number", ERRNOS, ids=errno.errorcode.get)
ordinary = pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")


def graded(source: Path, out: Path, **how: object) -> batch.Report:
    """Grade in this process, where faults can be injected."""
    return batch.batch([source], out, exercises.load(), batch.Settings(start=pool.here, **how))


def rows(out: Path) -> dict[str, dict[str, str]]:
    with (out / "grades.csv").open(encoding="utf-8", newline="") as file:
        return {row["submission"]: row for row in csv.DictReader(file)}


def failing_at(name: str, number: int, original: Callable) -> Callable:
    def method(self, *arguments, **options):
        if self.name == name:
            raise OSError(number, os.strerror(number), str(self))
        return original(self, *arguments, **options)

    return method


@pytest.fixture
def failing(monkeypatch) -> Callable[[int, str], None]:
    """Let reading files of some name fail with an error of the operating system."""

    def fail(number: int, name: str) -> None:
        for method in ("open", "read_bytes"):
            monkeypatch.setattr(Path, method, failing_at(name, number, getattr(Path, method)))

    return fail


@few
def test_a_file_that_cannot_be_read_is_provisional_and_graded_at_the_next_run(tmp_path, failing, monkeypatch, number):
    write(tmp_path / "in", "ada.ipynb", solved())
    write(tmp_path / "in", "bob.ipynb", solved())
    failing(number, "ada.ipynb")
    report = graded(tmp_path / "in", tmp_path / "out")
    assert (report.provisional, report.unjudged) == (1, ("ada.ipynb",))
    result = json.loads((tmp_path / "out" / "ada" / "result.json").read_text())
    assert (result["provisional"], result["score"], result["possible"]) == (True, 0, 0)
    assert result["notebook"]["status"] == "ok"
    assert os.strerror(number) in result["notebook"]["problems"][0]["message"]
    assert {one["status"] for one in result["functions"].values()} == {"broken"}
    assert "Hand it in again" not in (tmp_path / "out" / "ada" / "feedback.html").read_text()
    assert rows(tmp_path / "out")["bob.ipynb"]["score"] == "30.0"
    monkeypatch.undo()
    report = graded(tmp_path / "in", tmp_path / "out")
    assert (report.graded, report.unchanged, report.provisional) == (1, 1, 0)
    assert rows(tmp_path / "out")["ada.ipynb"]["score"] == "30.0"


@few
def test_a_file_that_was_graded_and_cannot_be_read_now_keeps_its_grade(tmp_path, failing, monkeypatch, number):
    write(tmp_path / "in", "ada.ipynb", solved())
    graded(tmp_path / "in", tmp_path / "out")
    failing(number, "ada.ipynb")
    report = graded(tmp_path / "in", tmp_path / "out")
    assert report.unavailable == (f"ada.ipynb cannot be read: {os.strerror(number)}. Its earlier result stays",)
    assert rows(tmp_path / "out")["ada.ipynb"]["score"] == "30.0"
    monkeypatch.undo()
    report = graded(tmp_path / "in", tmp_path / "out")
    assert (report.unchanged, report.unavailable) == (1, ())


@named
@pytest.mark.parametrize("what", ["mkdtemp", "archive", "member"])
def test_a_zip_is_not_damaged_because_the_machine_is_full(tmp_path, monkeypatch, number, what):
    with zipfile.ZipFile(tmp_path / "class.zip", "w") as archive:
        archive.writestr("ada.ipynb", solved())

    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    (one,) = submissions.find([tmp_path / "class.zip"]).submissions
    target = {
        "mkdtemp": "grader.classroom.submissions.tempfile.mkdtemp",
        "archive": "grader.classroom.submissions.zipfile.ZipFile",
        "member": "grader.classroom.submissions.copy_member",
    }[what]
    monkeypatch.setattr(target, fail)
    with pytest.raises(UnavailableError, match=os.strerror(number)), submissions.opened(one):
        pass


@pytest.mark.parametrize("damage", [b"PK\x05\x06", b""])
def test_a_damaged_zip_is_what_its_bytes_are(tmp_path, damage):
    with zipfile.ZipFile(tmp_path / "class.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ada.ipynb", solved())
    (one,) = submissions.find([tmp_path / "class.zip"]).submissions
    data = bytearray((tmp_path / "class.zip").read_bytes())
    data[60:90] = damage.ljust(30, b"\xff")
    (tmp_path / "class.zip").write_bytes(data)
    with pytest.raises(RequestError, match="damaged in the zip"), submissions.opened(one):
        pass


def test_a_member_that_is_gone_from_the_zip_is_not_damaged(tmp_path):
    with zipfile.ZipFile(tmp_path / "class.zip", "w") as archive:
        archive.writestr("ada.ipynb", solved())
    (one,) = submissions.find([tmp_path / "class.zip"]).submissions
    with zipfile.ZipFile(tmp_path / "class.zip", "w") as archive:
        archive.writestr("other.ipynb", solved())
    with pytest.raises(UnavailableError, match="has changed"), submissions.opened(one):
        pass


@ordinary
def test_a_folder_without_permission_is_named_and_looked_into_at_the_next_run(tmp_path, capsys):
    write(tmp_path / "in" / "ada", "hw.ipynb", solved())
    write(tmp_path / "in" / "bob", "hw.ipynb", solved())
    (tmp_path / "in" / "bob").chmod(0)
    try:
        assert main(["batch", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--jobs", "1", "--quiet"]) == 3
    finally:
        (tmp_path / "in" / "bob").chmod(0o700)
    assert "bob cannot be read: Permission denied" in capsys.readouterr().err
    assert main(["batch", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--jobs", "1", "--quiet"]) == 0
    assert set(rows(tmp_path / "out")) == {"ada/hw.ipynb", "bob/hw.ipynb"}


@named
def test_a_folder_that_cannot_be_listed_is_named(tmp_path, monkeypatch, number):
    write(tmp_path / "in" / "ada", "hw.ipynb", solved())
    write(tmp_path / "in" / "bob", "hw.ipynb", solved())
    write(tmp_path / "in" / ".snapshots", "hw.ipynb", solved())
    original = os.scandir

    def scandir(path):
        if Path(path).name in {"bob", ".snapshots"}:
            raise OSError(number, os.strerror(number), str(path))
        return original(path)

    monkeypatch.setattr(os, "scandir", scandir)
    found = submissions.find([tmp_path / "in"])
    assert [one.name for one in found.submissions] == ["ada/hw.ipynb"]
    assert found.unavailable == {"bob": os.strerror(number)}


@ordinary
def test_check_of_a_file_without_permission_is_provisional(tmp_path, capsys):
    write(tmp_path, "ada.ipynb", solved()).chmod(0)
    assert main(["check", str(tmp_path / "ada.ipynb")]) == 3
    assert "Permission denied" in capsys.readouterr().out


def test_check_of_a_file_that_cannot_be_read_is_provisional(tmp_path, failing):
    write(tmp_path, "ada.ipynb", solved())
    failing(errno.EIO, "ada.ipynb")
    assert service.check(tmp_path / "ada.ipynb").provisional


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("mount") is None, reason="needs root and mount")
def test_a_full_temporary_folder_makes_nothing_damaged(tmp_path, monkeypatch):
    full = tmp_path / "full"
    full.mkdir()
    if os.system(f"mount -t tmpfs -o size=16k tmpfs {full} 2>/dev/null"):
        pytest.skip("no tmpfs can be mounted here")
    try:
        monkeypatch.setattr("tempfile.tempdir", str(full))
        with zipfile.ZipFile(tmp_path / "class.zip", "w") as archive:
            archive.writestr("ada.ipynb", solved() + b" " * 100_000)
        report = graded(tmp_path / "class.zip", tmp_path / "out")
        assert report.unjudged == ("ada.ipynb",)
    finally:
        os.system(f"umount {full}")
    monkeypatch.undo()
    assert graded(tmp_path / "class.zip", tmp_path / "out").provisional == 0
    assert rows(tmp_path / "out")["ada.ipynb"]["score"] == "30.0"
