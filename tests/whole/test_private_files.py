"""What names people is for its owner alone, and no link or file that another user has put in a place is written to."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from notebooks import solved, write

from grader.cli import main
from grader.errors import RequestError
from grader.files import make_private_folder, replacing
from grader.files import write as write_file
from grader.lms.live.journal import Journal
from grader.store import Store

STRANGER = 65534


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def with_store(folder: Path) -> None:
    with Store(folder / "grades.sqlite"):
        pass


@pytest.fixture(params=["link", "hard link"])
def planted(request, tmp_path) -> tuple[Path, Path]:
    """A file of ours, and a link to it where the grader is about to write."""
    victim, place = tmp_path / "victim", tmp_path / "shared" / "grades.csv"
    victim.write_text("ours")
    place.parent.mkdir()
    if request.param == "link":
        place.symlink_to(victim)
    else:
        os.link(victim, place)
    return victim, place


@pytest.mark.parametrize("private", [True, False])
def test_a_link_in_the_place_of_a_file_is_replaced_and_not_followed(planted, private):
    victim, place = planted
    write_file(place, "grades", private=private)
    assert victim.read_text() == "ours"
    assert place.read_text() == "grades"
    assert not place.is_symlink()


def test_a_draft_is_a_new_file_under_a_name_that_nobody_can_foresee(tmp_path):
    names = set()
    for _ in range(2):
        with replacing(tmp_path / "grades.csv", private=True) as draft:
            (path,) = tmp_path.glob(".*.tmp")
            names.add(path.name)
            draft.write(b"x")
    assert len(names) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["grades.csv"]


def test_a_draft_that_is_there_already_is_not_opened(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "urandom", bytes)  # always the same
    (tmp_path / "victim").write_text("ours")
    (tmp_path / f".{bytes(8).hex()}.tmp").symlink_to(tmp_path / "victim")
    with pytest.raises(RequestError, match="File exists"):
        write_file(tmp_path / "grades.csv", "grades")
    assert (tmp_path / "victim").read_text() == "ours"


def test_a_private_file_is_tightened_when_it_is_written_again(tmp_path):
    path = tmp_path / "grades.csv"
    path.write_text("before")
    path.chmod(0o666)
    write_file(path, "grades", private=True)
    assert mode(path) == 0o600


def test_a_pipe_of_ours_is_written_to(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_file(tmp_path / "pipe", "data")
    assert os.read(reader, 9) == b"data"
    os.close(reader)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of others")
def test_a_pipe_that_another_user_has_put_there_gets_nothing(tmp_path):
    os.mkfifo(tmp_path / "grades.csv")
    os.chown(tmp_path / "grades.csv", STRANGER, STRANGER)
    write_file(tmp_path / "grades.csv", "grades", private=True)
    assert (tmp_path / "grades.csv").read_text() == "grades"


@pytest.mark.parametrize("opened", [with_store, lambda folder: Journal(folder).__enter__()])
def test_a_file_that_is_changed_in_place_is_never_a_link(tmp_path, opened):
    victim = tmp_path / "victim"
    victim.write_bytes(b"")
    victim.chmod(0o644)
    for name in ("grades.sqlite", "push.jsonl"):
        (tmp_path / name).symlink_to(victim)
    with pytest.raises(RequestError):
        opened(tmp_path)
    assert victim.read_bytes() == b""
    assert mode(victim) == 0o644


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of others")
def test_a_store_that_another_user_has_put_there_is_refused(tmp_path):
    with_store(tmp_path)
    os.chown(tmp_path / "grades.sqlite", STRANGER, STRANGER)
    with pytest.raises(RequestError, match="belongs to another user"):
        with_store(tmp_path)
    os.chown(tmp_path, STRANGER, STRANGER)  # root works in the folder of a user
    with_store(tmp_path)


def test_a_store_that_others_could_read_is_closed_to_them(tmp_path):
    with_store(tmp_path)
    (tmp_path / "grades.sqlite").chmod(0o644)
    with_store(tmp_path)
    assert mode(tmp_path / "grades.sqlite") == 0o600


def test_folders_that_are_made_are_private_and_so_becomes_an_empty_one(tmp_path):
    make_private_folder(tmp_path / "a" / "b")
    assert (mode(tmp_path / "a"), mode(tmp_path / "a" / "b")) == (0o700, 0o700)
    (tmp_path / "empty").mkdir(0o755)
    make_private_folder(tmp_path / "empty")
    assert mode(tmp_path / "empty") == 0o700


def test_a_folder_that_holds_something_keeps_its_mode(tmp_path):
    write(tmp_path / "full", "something", b"")
    (tmp_path / "full").chmod(0o755)
    make_private_folder(tmp_path / "full")
    assert mode(tmp_path / "full") == 0o755


def test_what_check_writes_is_for_its_owner(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    path = write(tmp_path, "a.ipynb", solved())
    options = [("--html", "f.html"), ("--json", "r.json"), ("--annotated", "n.ipynb")]
    assert (
        main(
            [
                "check",
                str(path),
                "--quiet",
                *(word for option, name in options for word in (option, str(tmp_path / name))),
            ]
        )
        == 0
    )
    assert main(["unannotate", str(tmp_path / "n.ipynb"), "--out", str(tmp_path / "plain.ipynb")]) == 0
    for name in ("f.html", "r.json", "n.ipynb", "plain.ipynb"):
        assert mode(tmp_path / name) == 0o600, name
