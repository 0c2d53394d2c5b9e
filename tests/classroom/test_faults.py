"""Runs that are killed, disks that are full, stores that are damaged, classes that are hostile: nothing is lost, numbers are right."""

from __future__ import annotations

import contextlib
import csv
import errno
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from notebooks import HE, IMPORTS, RANDOM, ZEROS, edit, notebook, solved, write

from grader.classroom import batch, pool
from grader.cli import main
from grader.errors import RequestError
from grader.exercise import load as exercises
from grader.files import make_private_folder
from grader.files import write as write_whole
from grader.store import Store

linux = pytest.mark.skipif(sys.platform != "linux", reason="signals, limits and mounts of Linux")
LOOP = edit(ZEROS, ("    parameters = {}", "    while True: pass"))
FAULTS = [
    {},
    {"random": edit(RANDOM, ("* 10", "* 0.01"))},
    {"random": edit(RANDOM, ("    np.random.seed(3)\n", ""))},
    {
        "he": edit(
            HE, ("layers_dims[l], layers_dims[l-1]) * np.sqrt(2 /", "layers_dims[l], layers_dims[l-1]) * np.sqrt(1 /")
        )
    },
    {
        "zeros": edit(
            ZEROS, ("np.zeros((layers_dims[l], layers_dims[l-1]))", "np.ones((layers_dims[l], layers_dims[l-1]))")
        )
    },
]


def command(source: Path, out: Path, *more: object, **how: object) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-m", "grader", "batch", source, "--out", out, "--jobs", "2", *more]
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}
    return subprocess.Popen(
        [str(one) for one in arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=kept, **how
    )


def rows(out: Path) -> dict[str, tuple[str, str, str]]:
    with (out / "grades.csv").open(encoding="utf-8", newline="") as file:
        found = [(row["submission"], (row["score"], row["status"], row["causes"])) for row in csv.DictReader(file)]
    assert len(dict(found)) == len(found)
    return dict(found)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A class, graded in one go: what each run that is disturbed must come to."""
    folder = tmp_path_factory.mktemp("whole")
    for number in range(24):
        write(folder / "in", f"s{number:02}.ipynb", solved(**FAULTS[number % 5], before=f"{IMPORTS}\n# {number}"))
    write(folder / "in", "empty.ipynb", b"")
    with command(folder / "in", folder / "out") as done:
        _, said = done.communicate()
    assert done.returncode == 0, said
    return folder


@pytest.fixture
def again(in_process, capsys) -> Callable[[Path, Path], str]:
    """Run the command once more, in this process, and return what it says."""

    def run(source: Path, out: Path) -> str:
        capsys.readouterr()
        code = main(["batch", str(source), "--out", str(out)])
        said = capsys.readouterr()
        assert code == 0, said.err
        return said.out

    return run


def wait_until(condition: Callable[[], bool], running: subprocess.Popen[str]) -> None:
    """Wait until a condition holds or the command has ended."""
    while not condition() and running.poll() is None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.wait(0.02)


def all_end(family: list[psutil.Process]) -> bool:
    """Wait until no process runs any more; a zombie has ended too, which in some containers nobody takes in."""
    for _ in range(12_000):
        if not any(map(runs, family)):
            return True
        psutil.wait_procs(family, timeout=0.05)
    return False


def runs(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.status() != psutil.STATUS_ZOMBIE
    return False


def pages(out: Path) -> int:
    return len(list(out.glob("*/feedback.html")))


def kept(out: Path) -> int:
    if not (out / "grades.sqlite").is_file():
        return 0
    with Store(out / "grades.sqlite") as store:
        return store.counts().submissions


def is_whole(out: Path, whole: Path) -> None:
    """Every row, result and page is there, once, and says the same as without a disturbance."""
    assert rows(out) == rows(whole / "out")
    pages = {path.parent.name for path in out.glob("*/feedback.html")}
    assert pages == {path.parent.name for path in (whole / "out").glob("*/feedback.html")}
    for path in out.glob("*/result.json"):
        mine, theirs = (
            json.loads(path.read_bytes()),
            json.loads((whole / "out" / path.parent.name / path.name).read_bytes()),
        )
        assert (mine["score"], mine["summary"]) == (theirs["score"], theirs["summary"])


@linux
@pytest.mark.parametrize(
    "point", [number if number in (1, 3) else pytest.param(number, marks=pytest.mark.slow) for number in range(50)]
)
def test_a_run_that_is_killed_goes_on_where_it_stopped(whole, tmp_path, point, again):
    most = 6 * point if point < 5 else random.Random(point).randrange(25)
    running = command(whole / "in", tmp_path / "out", "--quiet")
    wait_until(lambda: pages(tmp_path / "out") >= most and (tmp_path / "out").exists(), running)
    family = psutil.Process(running.pid).children(recursive=True)
    running.kill()
    running.communicate()
    assert all_end(family)
    before = kept(tmp_path / "out")
    said = again(whole / "in", tmp_path / "out")
    assert f"graded {25 - before}, unchanged {before}" in said or f"graded {25 - before}, judged again" in said
    is_whole(tmp_path / "out", whole)


@linux
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_says_how_to_go_on(tmp_path, number):
    for one in range(6):
        write(tmp_path / "in", f"loop{one}.ipynb", solved(zeros=LOOP, before=f"{IMPORTS}\n# {one}"))
    write(tmp_path / "in", "a.ipynb", solved())
    running = command(tmp_path / "in", tmp_path / "out")
    wait_until(lambda: kept(tmp_path / "out") >= 1, running)
    family = psutil.Process(running.pid).children(recursive=True)
    running.send_signal(number)
    _, said = running.communicate()
    assert running.returncode == 130
    assert "Run the same command to continue" in said
    assert "Traceback" not in said
    assert all_end(family)
    assert kept(tmp_path / "out") >= 1


# --- disks ---------------------------------------------------------------------------------------------------------


def limited(size: int):
    def limit() -> None:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


@linux
@pytest.mark.parametrize(
    "size",
    [pytest.param(4096, marks=pytest.mark.slow), 60_000, 400_000, pytest.param(900_000, marks=pytest.mark.slow)],
)
def test_files_that_may_not_grow_are_a_clear_error_and_what_was_graded_stays(whole, tmp_path, size, again):
    with command(whole / "in", tmp_path / "out", "--quiet", preexec_fn=limited(size)) as running:
        _, said = running.communicate()
    assert running.returncode in (0, 2), said
    if running.returncode:
        assert "cannot be" in said
        assert "hint:" in said
    assert "Traceback" not in said
    before = kept(tmp_path / "out")
    assert f"graded {25 - before}" in again(whole / "in", tmp_path / "out")
    is_whole(tmp_path / "out", whole)


@linux
def test_a_full_disk_is_a_clear_error_and_what_was_graded_stays(whole, tmp_path, again):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1500k", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        with command(whole / "in", disk / "out", "--quiet") as running:
            _, said = running.communicate()
        assert running.returncode == 2, said
        assert "free disk space" in said
        subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
        before = kept(disk / "out")  # opening a store needs space, too
        assert f"graded {25 - before}" in again(whole / "in", disk / "out")
        is_whole(disk / "out", whole)
    finally:
        subprocess.run(["umount", disk], check=False)


@pytest.mark.parametrize(
    ("error", "free"),
    [
        (sqlite3.OperationalError("database or disk is full"), 1 << 30),
        (sqlite3.OperationalError("disk I/O error"), 0),
        (sqlite3.DatabaseError("database disk image is malformed"), 0),
        (OSError(errno.ENOSPC, "No space left on device"), 1 << 30),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), 1 << 30),
    ],
    ids=str,
)
def test_a_full_disk_is_told_wherever_a_store_meets_it(tmp_path, monkeypatch, error, free):
    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(sqlite3, "connect", fails)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    with pytest.raises(RequestError, match="hint: free disk space, then run the same command again"):
        Store(tmp_path / "grades.sqlite")


def test_a_full_disk_is_told_where_a_folder_cannot_be_made(tmp_path, monkeypatch):
    def fails(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "mkdir", fails)
    with pytest.raises(RequestError, match="No space left on device\n  hint: free disk space"):
        make_private_folder(tmp_path / "out" / "ada")


@linux
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_device_that_is_full_is_a_clear_error_and_stays_a_device(tmp_path, capsys):
    with pytest.raises(RequestError, match="cannot be written"):
        write_whole(Path("/dev/full"), "x" * 100_000)
    write_whole(Path("/dev/null"), "x")
    assert all(stat.S_ISCHR(Path(name).stat().st_mode) for name in ("/dev/full", "/dev/null"))


@linux
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize(
    "arguments", [["summary"], ["summary", "--json"], ["review"], ["summary", "--junit", "/dev/full"]]
)
def test_output_that_cannot_be_written_is_a_clear_error(whole, arguments):
    asked = [sys.executable, "-m", "grader", arguments[0], whole / "out", *arguments[1:]]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(asked, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert re.fullmatch(r"grader: .* cannot be written: No space left on device\n  hint: .*\n", done.stderr), (
        done.stderr
    )


@linux
@pytest.mark.parametrize("out", ["/proc/graded", "{file}/graded", "/dev/null"])
def test_a_folder_that_cannot_be_written_is_a_clear_error(whole, tmp_path, out, capsys):
    file = write(tmp_path, "file", b"")
    assert main(["batch", str(whole / "in"), "--out", out.format(file=file), "--quiet"]) == 2
    said = capsys.readouterr().err
    assert "cannot be" in said or "a folder is wanted" in said
    assert "Traceback" not in said


def test_an_error_while_writing_leaves_the_old_file_and_no_draft(tmp_path):
    write(tmp_path, "page/x", b"")
    with pytest.raises(RequestError):
        write_whole(tmp_path / "page", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["page"]


# --- stores --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", [0.0, 0.05, 0.3, 0.6, 0.9], ids=str)
def test_a_damaged_store_is_a_clear_error_or_grades_right(whole, tmp_path, part, capsys):
    shutil.copytree(whole / "out", tmp_path / "out")
    path = tmp_path / "out" / "grades.sqlite"
    data = bytearray(path.read_bytes())
    start = int(len(data) * part)
    data[start : start + 30_000] = bytes(reversed(data[start : start + 30_000]))
    path.write_bytes(data)
    before = rows(tmp_path / "out")
    for arguments in (
        ["regrade", tmp_path / "out"],
        ["review", tmp_path / "out"],
        ["batch", whole / "in", "--out", tmp_path / "out"],
    ):
        code = main([str(one) for one in arguments])
        said = capsys.readouterr().err
        assert code in (0, 2), said
        assert "Traceback" not in said
        assert code == 0 or "cannot be" in said
    assert rows(tmp_path / "out") == before == rows(whole / "out")


@pytest.mark.parametrize("size", [0, 100, 5000])
def test_a_store_that_breaks_off(whole, tmp_path, size, capsys):
    shutil.copytree(whole / "out", tmp_path / "out")
    path = tmp_path / "out" / "grades.sqlite"
    path.write_bytes(path.read_bytes()[:size])
    code = main(["batch", str(whole / "in"), "--out", str(tmp_path / "out"), "--quiet"])
    assert code == 2, capsys.readouterr().err
    assert rows(tmp_path / "out") == rows(whole / "out")


def test_a_store_that_somebody_writes_to_is_waited_for(whole, tmp_path):
    shutil.copytree(whole / "out", tmp_path / "out")
    database = sqlite3.connect(tmp_path / "out" / "grades.sqlite", check_same_thread=False)
    database.execute("BEGIN IMMEDIATE")
    threading.Timer(1.0, database.rollback).start()
    assert main(["regrade", str(tmp_path / "out"), "--quiet"]) == 0
    database.close()


# --- classes -------------------------------------------------------------------------------------------------------


def test_the_memory_that_waits_is_bounded():
    """Work is handed out a little ahead, whatever there is of it."""
    taken, most = 0, 0
    done = 0

    def source():
        nonlocal taken
        for number in range(1000):
            taken += 1
            yield number

    with pool.Stop() as stop:
        crew = pool.Crew(2, pool.here, stop, lambda _running: None)
        for _ in pool.each(abs, source(), crew):
            done += 1
            most = max(most, taken - done)
    assert done == 1000
    assert most <= 2 * pool.AHEAD


def test_work_that_a_broken_pool_refuses_is_done_all_the_same():
    """A process can die between two pieces of work; the piece that is handed out next is refused then."""

    def die(executor):
        assert executor.submit(os._exit, 1).exception() is not None

    with pool.Stop() as stop:
        crew = pool.Crew(2, pool.processes, stop, lambda _running: None, die)
        found = dict(pool.each(abs, range(5), crew))
    assert found == {number: number for number in range(5)}


def counted(place: Path, number: int) -> int:
    """Note that a piece of work was begun, and die at the first try of 2."""
    tries = place / str(number)
    tries.write_text(tries.read_text() + "x" if tries.exists() else "x")
    if number == 2 and len(tries.read_text()) == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


@linux
def test_a_process_that_is_killed_takes_only_its_own_piece_of_work_with_it(tmp_path):
    with pool.Stop() as stop:
        crew = pool.Crew(2, pool.processes, stop, lambda _running: None)
        ended = dict(pool.each(partial(counted, tmp_path), range(8), crew))
    assert ended == {number: number for number in range(8)}
    assert {path.name: len(path.read_text()) for path in tmp_path.iterdir()} == {
        str(number): 1 + (number == 2) for number in range(8)
    }


def fails(number: int) -> int:
    raise ValueError(f"{number} is no good")


@pytest.mark.parametrize(
    ("function", "argument", "error"),
    [(fails, 3, ValueError), (abs, lambda: 1, Exception), (threading.Thread, None, RuntimeError)],
    ids=["raises", "cannot be sent", "its answer cannot be sent"],
)
def test_an_error_in_a_process_is_the_futures(function, argument, error):
    with pool.processes(1) as executor:
        assert isinstance(executor.submit(function, argument).exception(), error)
        assert executor.submit(abs, -1).result() == 1


def half_said(number: int) -> int:
    """Say the first half of a result, then die (at 2) or hang (at 3), as a process does that is killed while it writes."""
    if number in (2, 3):

        def begin_only(connection, data):
            os.write(connection.fileno(), (1000).to_bytes(4, "big"))
            if number == 3:
                Path(os.environ.get("BEGUN", os.devnull)).write_text(
                    ""
                )  # waits for whoever opens the pipe of that name
                time.sleep(3600)
            os._exit(1)

        Connection._send = begin_only
    return number


@linux
def test_a_process_that_dies_while_it_writes_its_result_stops_nobody():
    with pool.Stop() as stop:
        crew = pool.Crew(2, pool.processes, stop, lambda _running: None)
        found = dict(pool.each(half_said, [0, 1, 2, 4, 5, 6, 7, 8, 9], crew))
    assert found == {number: None if number == 2 else number for number in range(10) if number != 3}


@linux
def test_a_command_that_stops_while_a_result_is_written_ends(tmp_path):
    os.mkfifo(tmp_path / "begun")
    script = """
import os, test_faults
from grader.classroom import pool
try:
    with pool.processes(2) as executor:
        executor.submit(test_faults.half_said, 0).result()
        executor.submit(test_faults.half_said, 3)
        open(os.environ["BEGUN"]).close()  # the result is half written
        raise OSError("the disk is full")
except OSError as error:
    print(error)
"""
    ended = subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1] / "support"), "BEGUN": str(tmp_path / "begun")},
        check=True,
    )
    assert (ended.stdout, ended.stderr) == ("the disk is full\n", "")


def test_a_report_holds_no_results(whole):
    report = batch.batch([whole / "in"], whole / "out", exercises.load())
    assert (report.submissions, report.graded, report.unchanged, report.passed) == (25, 0, 25, 5)
    names = set(report.__slots__) - {"ignored"}  # names of files, not results
    assert not [name for name in names if isinstance(getattr(report, name), list | dict)]


@linux
def test_a_huge_notebook_is_refused_in_little_memory(tmp_path):
    with write(tmp_path / "in", "huge.ipynb", b"{").open("r+b") as file:
        file.truncate(300 * 2**20)
    write(tmp_path / "in", "a.ipynb", solved())
    with command(tmp_path / "in", tmp_path / "out", preexec_fn=None) as running:
        most = 0
        process = psutil.Process(running.pid)
        while running.poll() is None:
            most = max([most, *(rss(one) for one in [process, *children(process)])])
            with contextlib.suppress(subprocess.TimeoutExpired):
                running.wait(0.05)
        running.communicate()
    found = rows(tmp_path / "out")
    assert (found["huge.ipynb"][1], found["a.ipynb"][0]) == ("unreadable", "30.0")
    assert most < 300 * 2**20


def rss(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.Error:
        return 0


def children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


@linux
@pytest.mark.slow
def test_ten_thousand_tiny_notebooks(tmp_path):
    (tmp_path / "in").mkdir()
    for number in range(10_000):
        (tmp_path / "in" / f"{number:05}.ipynb").write_bytes(notebook(f"x = {number}"))
    most = 0
    with command(tmp_path / "in", tmp_path / "out", "--quiet") as running:
        process = psutil.Process(running.pid)
        while running.poll() is None:
            most = max(most, rss(process))
            with contextlib.suppress(subprocess.TimeoutExpired):
                running.wait(0.2)
        _, said = running.communicate()
    assert running.returncode == 0, said
    assert len(rows(tmp_path / "out")) == 10_000
    assert most < 500 * 2**20
    with command(tmp_path / "in", tmp_path / "out") as again:
        said, _ = again.communicate()
    assert "graded 0, unchanged 10000" in said


@linux
@pytest.mark.slow
def test_a_class_with_endless_loops_gets_right_numbers(tmp_path):
    for number in range(20):
        zeros = LOOP if number % 10 < 3 else ZEROS
        write(tmp_path / "in", f"s{number:02}.ipynb", solved(zeros=zeros, before=f"{IMPORTS}\n# {number}"))
    with command(tmp_path / "in", tmp_path / "out", "--quiet") as running:
        _, said = running.communicate()
    assert running.returncode == 0, said
    found = rows(tmp_path / "out")
    for number in range(20):
        want = ("20.0", "ok", "zeros:timed_out") if number % 10 < 3 else ("30.0", "ok", "")
        assert found[f"s{number:02}.ipynb"] == want


def test_work_that_is_taken_back_is_left_out_and_what_follows_is_done():
    with pool.processes(1) as executor:
        first = executor.submit(time.monotonic)
        taken_back = executor.submit(time.monotonic)
        taken_back.cancel()
        last = executor.submit(os.getpid)
        assert first.result() > 0
        assert last.result() != os.getpid()
