"""A class graded by a real scheduler and real worker processes on loopback: the same results, also where some of them die."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import msgspec
import psutil
import pytest
from distributed import Client
from notebooks import HE, RANDOM, ZEROS, edit, solved, write
from stores import selected

from grader import api as service
from grader.classroom import batch, cluster, pool
from grader.classroom import worker as work
from grader.classroom.publish import lab_address
from grader.classroom.submissions import Submission, find, with_folders
from grader.cli import main
from grader.errors import GraderError, RequestError, SandboxError
from grader.records import Result
from grader.store import Store

linux = pytest.mark.skipif(sys.platform != "linux", reason="workers that grade are Linux machines")
EXERCISE = service.load_exercise()
KILLER = "kills_its_worker.ipynb"
FAULTS = [
    {},
    {"random": edit(RANDOM, ("* 10", "* 0.01"))},
    {"random": edit(RANDOM, ("    np.random.seed(3)\n", ""))},
    {"he": edit(HE, ("np.sqrt(2 /", "np.sqrt(1 /"))},
    {"zeros": edit(ZEROS, ("np.zeros((layers_dims[l], layers_dims[l-1]))", "1 / 0"))},
]
# what `dask worker --preload` runs: a grader that ends its process with one submission
PRELOAD = f"""
import os
from grader.classroom import worker as work
work.real = getattr(work, "real", work.grade)
def grade(one):
    if one.submission.name == {KILLER!r}:
        os._exit(1)
    return work.real(one)
work.grade = grade
"""


class Processes:
    """A scheduler and two workers, each a process of its own."""

    def __init__(self, folder: Path, *options: str, allowed_failures: int = 3) -> None:
        self._folder, self._options = folder, options
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}
        self._environ = {**kept, "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": str(allowed_failures)}
        self._environ.pop("PYTHONSAFEPATH", None)
        file = folder / "scheduler.json"
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file))
        self.workers: list[psutil.Popen] = []
        try:
            self._until(lambda: file.is_file() and file.read_text().rstrip().endswith("}"))  # written whole
            self.address = json.loads(file.read_text())["address"]
            self.workers += [self.worker(name) for name in ("one", "two")]
        except BaseException:
            self.close()
            raise

    def worker(self, name: str, threads: int = 1, cwd: str | Path = "/") -> psutil.Popen:
        where = ("--host", "127.0.0.1", "--local-directory", str(self._folder / name), "--name", name)
        size = ("--nthreads", str(threads), "--nworkers", "1")
        return self._start("worker", self.address, *where, *size, *self._options, cwd=cwd)

    def _start(self, *command: str, cwd: str | Path = "/") -> psutil.Popen:
        log = (self._folder / f"{command[0]}-{time.monotonic_ns()}.log").open("wb")
        with log:
            return psutil.Popen(
                [sys.executable, "-m", "dask", *command, "--no-dashboard"],
                stdout=log,
                stderr=log,
                env=self._environ,
                cwd=cwd,
            )

    def _until(self, ready) -> None:
        while not ready():
            assert self.scheduler.poll() is None, "the scheduler ended"
            with contextlib.suppress(psutil.TimeoutExpired):
                self.scheduler.wait(0.05)

    def close(self) -> None:
        for process in (*self.workers, self.scheduler):
            with contextlib.suppress(psutil.NoSuchProcess):
                for one in (*process.children(recursive=True), process):
                    one.kill()
            process.wait()


@pytest.fixture(scope="module")
def processes(tmp_path_factory) -> Iterator[Processes]:
    running = Processes(tmp_path_factory.mktemp("cluster"))
    yield running
    running.close()


@pytest.fixture
def own(tmp_path) -> Iterator[object]:
    """Processes that a test may kill."""
    with contextlib.ExitStack() as stack:

        def start(*options: str, **how: int) -> Processes:
            (tmp_path / "cluster").mkdir()
            running = Processes(tmp_path / "cluster", *options, **how)
            stack.callback(running.close)
            return running

        yield start


@pytest.fixture(scope="module")
def lesson(tmp_path_factory) -> tuple[Path, Path]:
    """A class with files of all kinds, and what one process here makes of it."""
    folder = tmp_path_factory.mktemp("class")
    source = folder / "class"
    for number, fault in enumerate(FAULTS * 3):
        write(source, f"student_{number:02}.ipynb", solved(**fault, after=f"mine = {number}"))
    write(source, "broken.ipynb", b"\xff\x00 nothing")
    write(source, "Müller & Söhne <b>.ipynb", solved())
    write(source, "folder/own.py", f"import numpy as np\n{ZEROS}\n{RANDOM}\n{HE}".encode())
    (source / "gone.ipynb").symlink_to(source / "nowhere")
    batch.batch([source], folder / "here", EXERCISE, batch.Settings(start=pool.here, annotated=True))
    return source, folder / "here"


def rows(out: Path) -> list[dict[str, str]]:
    with (out / "grades.csv").open(encoding="utf-8", newline="") as file:
        return [{name: value for name, value in row.items() if name != "seconds"} for row in csv.DictReader(file)]


def pages(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in out.glob("*/*")}


def caches(out: Path) -> tuple[object, ...]:
    """What a store keeps beside results; which sizes are drawn, and so what they gave, is another in each."""
    starts = set(selected(out, "SELECT start FROM trainings"))
    found = set(selected(out, "SELECT submission, function, alike, training FROM functions"))
    joined = "functions LEFT JOIN outcomes ON key = outcomes"
    return starts, found, set(selected(out, f"SELECT submission, function, data IS NULL FROM {joined}"))


def settings(found: cluster.Cluster, **more: object) -> batch.Settings:
    return batch.Settings(jobs=found.workers, start=found.start, annotated=True, **more)


def grader(*arguments: object) -> int:
    return main([str(one) for one in arguments])


# --- one submission, without a network ------------------------------------------------------------------------------


@pytest.fixture
def terms() -> Iterator[bytes]:
    yield cluster.encode(cluster.worker_terms(EXERCISE, trusted=False))
    cluster.leave()


def of(path: Path, out: Path | None, **more: object) -> work.Work:
    (submission,) = with_folders(find([path]).submissions, {})
    setup = work.Setup(EXERCISE.folder, b"secret", path.parent / "no.sqlite")
    names = (work.graded_with(EXERCISE), work.gathered_with(EXERCISE))
    return work.Work(setup, submission, *names, submission.handed, out, **more)


def there(one: work.Work, terms: bytes) -> cluster.ParcelResult:
    """Grade as a worker does whose machine has none of our files."""
    parcel = cluster.encode(cluster.pack(one))
    return cluster.open_result(cluster.grade_there(work.grade, terms, parcel))


def in_zip(path: Path) -> Path:
    with zipfile.ZipFile(path.with_suffix(".zip"), "w") as archive:
        archive.write(path, f"deep/{path.name}")
    return path.with_suffix(".zip")


@linux
@pytest.mark.parametrize("place", [lambda path: path, in_zip], ids=["file", "zip"])
def test_a_submission_is_graded_where_its_file_is_not(tmp_path, terms, place):
    path = place(write(tmp_path, "doe.ipynb", solved(**FAULTS[1])))
    one = of(path, tmp_path / "there", annotated=True)
    here = work.grade(replace(one, out=tmp_path / "here"))
    parcel = cluster.encode(cluster.pack(one))
    path.unlink()
    answer = cluster.open_result(cluster.grade_there(work.grade, terms, parcel))
    cluster.write_pages(one, answer.pages)
    assert answer.graded.result == here.result
    assert answer.graded.known == here.known
    assert answer.graded.evidence.outcomes == here.evidence.outcomes
    assert pages(tmp_path / "there") == pages(tmp_path / "here")
    assert len(pages(tmp_path / "there")) == 3


@linux
def test_what_was_judged_before_is_judged_there_and_keeps_its_annotated_notebook(tmp_path, terms):
    path = write(tmp_path, "doe.ipynb", solved(**FAULTS[1]))
    out = tmp_path / "out"
    batch.batch([path], out, EXERCISE, batch.Settings(start=pool.here, annotated=True))
    with Store(out / batch.DATABASE) as store:
        before, result = store.before("doe.ipynb"), store.result("doe.ipynb")
    one = of(path, out, before=before, lab=lab_address(EXERCISE, out))
    was = pages(out)
    path.unlink()
    for page in out.glob("doe/feedback.html"):
        page.unlink()
    answer = there(replace(one, submission=replace(one.submission, path=None)), terms)
    cluster.write_pages(one, answer.pages)
    assert msgspec.json.decode(answer.graded.result, type=Result) == result
    assert pages(out) == was


@linux
def test_nothing_handed_in_needs_no_file(tmp_path, terms):
    one = of(write(tmp_path, "doe.ipynb", solved()), None)
    answer = there(replace(one, submission=Submission("doe", None, folder="doe", student="doe")), terms)
    assert msgspec.json.decode(answer.graded.result, type=Result).notebook.status == "no_notebook"


@pytest.mark.parametrize("name", ["../evil.html", "index.html", "/etc/passwd"])
def test_a_page_of_another_name_is_not_written(tmp_path, name):
    one = of(write(tmp_path, "doe.ipynb", solved()), tmp_path / "out")
    cluster.write_pages(one, {name: b"x", "result.json": b"{}"})
    assert [path.name for path in (tmp_path / "out").rglob("*") if path.is_file()] == ["result.json"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"versions": {"grader": "9.9", "Python": "3.11.0", "NumPy": "2.0"}}, "in place of 9.9, Python"),
        ({"sha256": "0" * 64}, "does not have the same exercise 'dls-c2w1-initialization' as this machine"),
    ],
)
def test_a_worker_that_differs_refuses(changes, says, monkeypatch):
    monkeypatch.setattr(cluster, "confine_worker", lambda trusted: None)
    other = replace(cluster.worker_terms(EXERCISE, trusted=False), **changes)
    with pytest.raises(RequestError, match=says):
        cluster.open_result(cluster.examine(cluster.encode(other)))


def test_a_worker_that_cannot_confine_refuses_before_anything_runs(tmp_path, monkeypatch, terms):
    def no(*, trusted: bool) -> None:
        raise SandboxError("student code cannot be confined here: no seccomp", hint="`grader doctor`")

    monkeypatch.setattr(service, "require_confinement", no)
    cluster.confine_worker.cache_clear()
    ran = []
    parcel = cluster.encode(cluster.pack(of(write(tmp_path, "doe.ipynb", solved()), None)))
    with pytest.raises(SandboxError, match=r"on the worker \S+: student code cannot be confined here: no seccomp"):
        cluster.open_result(cluster.grade_there(ran.append, terms, parcel))
    assert not ran


def test_an_exercise_in_the_same_place_or_of_the_same_name_is_taken(terms, monkeypatch):
    monkeypatch.setattr(cluster, "confine_worker", lambda trusted: None)
    elsewhere = replace(cluster.worker_terms(EXERCISE, trusted=False), folder=Path("/not/there"))
    assert cluster.prepare_worker(elsewhere) == EXERCISE.folder.resolve()


def test_what_cannot_be_read_stays_here(tmp_path, monkeypatch):
    path = write(tmp_path, "doe.ipynb", solved())
    one = of(path, None)
    assert cluster.pack(one).file == path.read_bytes()
    monkeypatch.setattr(cluster, "SOURCE_LIMIT_BYTES", 10)
    assert cluster.pack(one) is None
    path.unlink()
    assert cluster.pack(one) is None


# --- the command ----------------------------------------------------------------------------------------------------


@pytest.fixture
def one(tmp_path) -> Path:
    return write(tmp_path, "class/doe.ipynb", solved())


@pytest.mark.parametrize("options", [("--executor", "dask"), ("--scheduler", "tcp://127.0.0.1:1")])
def test_executor_and_scheduler_go_together(one, tmp_path, options, capsys):
    assert grader("batch", one, "--out", tmp_path / "out", *options) == 2
    assert "--executor dask needs --scheduler ADDRESS" in capsys.readouterr().err


def test_without_the_extra_it_says_what_to_install(one, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "distributed", None)
    options = ("--executor", "dask", "--scheduler", "tcp://127.0.0.1:1")
    assert grader("batch", one, "--out", tmp_path / "out", *options) == 2
    assert "pip install 'grader[cluster]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("127.0.0.1:{port}", "is not the address of a scheduler"),
        ("tcp://127.0.0.1:{port}", "no scheduler answers at tcp://127.0.0.1:"),
        ("tls://127.0.0.1:{port}", "no scheduler answers at tls://127.0.0.1:"),
    ],
)
def test_a_scheduler_that_does_not_answer_is_a_clear_error(one, tmp_path, monkeypatch, address, says, capsys):
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        where = address.format(port=silent.getsockname()[1])
        assert grader("batch", one, "--out", tmp_path / "out", "--executor", "dask", "--scheduler", where) == 2
    said = capsys.readouterr().err
    assert says in said
    assert "hint:" in said
    assert not (tmp_path / "out").exists()


# --- real processes -------------------------------------------------------------------------------------------------


@linux
@pytest.mark.slow
def test_a_cluster_gives_what_one_machine_gives(processes, lesson, tmp_path, capsys):
    source, here = lesson
    options = ("--annotated", "--executor", "dask", "--scheduler", processes.address)
    assert grader("batch", source, "--out", tmp_path / "out", *options) == 0
    assert rows(tmp_path / "out") == rows(here)
    assert pages(tmp_path / "out") == pages(here)
    assert caches(tmp_path / "out") == caches(here)
    assert not list((tmp_path / "out").glob("*.sqlite-*"))
    capsys.readouterr()
    assert grader("batch", source, "--out", tmp_path / "out", *options) == 0
    assert "graded 0, unchanged 18" in capsys.readouterr().out


@linux
@pytest.mark.slow
def test_a_worker_that_is_killed_loses_nothing(own, lesson, tmp_path):
    source, here = lesson
    running = own("--no-nanny")
    killed = []

    def kill(done: int, _all: int, _running: object) -> None:
        if done >= 4 and not killed:
            killed.append(running.workers[0])
            os.kill(killed[0].pid, signal.SIGKILL)

    with cluster.connected(running.address, EXERCISE) as found:
        found.client.wait_for_workers(2, timeout=600)
        report = batch.batch([source], tmp_path / "out", EXERCISE, settings(found, progress=kill))
    assert killed[0].wait() == -signal.SIGKILL
    assert (report.graded, report.provisional) == (18, 0)
    assert rows(tmp_path / "out") == rows(here)
    assert pages(tmp_path / "out") == pages(here)
    assert caches(tmp_path / "out") == caches(here)


@linux
@pytest.mark.slow
def test_a_submission_that_kills_its_worker_every_time_is_provisional_alone(own, lesson, tmp_path):
    preload = write(tmp_path, "preload.py", PRELOAD.encode())
    running = own("--preload", str(preload), allowed_failures=0)
    source = tmp_path / "class"
    for number in range(4):
        write(source, f"student_{number}.ipynb", solved(after=f"mine = {number}"))
    write(source, KILLER, solved())
    with cluster.connected(running.address, EXERCISE) as found:
        report = batch.batch([source], tmp_path / "out", EXERCISE, settings(found))
    assert (report.graded, report.provisional, report.passed) == (5, 1, 4)
    results = [json.loads(path.read_bytes()) for path in (tmp_path / "out").glob("*/result.json")]
    assert [one["submission"]["name"] for one in results if one["provisional"]] == [KILLER]
    assert "ended unexpectedly" in str(results)


@linux
@pytest.mark.slow
def test_without_scheduler_or_workers_a_batch_stops_and_goes_on_later(own, lesson, tmp_path, monkeypatch):
    source, here = lesson
    monkeypatch.setattr(cluster, "GONE_SECONDS", 3.0)
    monkeypatch.setattr(cluster, "WORKERS_SECONDS", 600.0)  # a worker starts slowly on a busy machine
    running = own("--no-nanny")
    lost = {"has no workers any more": running.workers, "was lost": [running.scheduler]}
    for says, ends in lost.items():

        def kill(done: int, _all: int, _running: object, ends: object = ends) -> None:
            if done >= 3:
                for process in ends:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        process.kill()

        with pytest.raises(GraderError, match=says) as error, cluster.connected(running.address, EXERCISE) as found:
            batch.batch([source], tmp_path / "out", EXERCISE, settings(found, progress=kill))
        assert "run the same command to go on" in error.value.hint
        for process in running.workers:
            process.wait()
        running.workers = [running.worker("three")] if running.scheduler.is_running() else []
    with Store(tmp_path / "out" / batch.DATABASE) as store:
        assert 6 <= store.counts().submissions < 18
    batch.batch([source], tmp_path / "out", EXERCISE, batch.Settings(start=pool.here, annotated=True))
    assert rows(tmp_path / "out") == rows(here)
    assert pages(tmp_path / "out") == pages(here)


@linux
@pytest.mark.slow
def test_a_worker_with_several_threads_is_refused_by_name(own, one, tmp_path, capsys):
    running = own()
    running.workers.append(running.worker("wide", threads=2))
    with Client(running.address, set_as_default=False) as client:
        client.wait_for_workers(3, timeout=600)
    where = ("--executor", "dask", "--scheduler", running.address)
    assert grader("batch", one, "--out", tmp_path / "out", *where) == 2
    said = capsys.readouterr().err
    assert "has 2 threads" in said
    assert "--nthreads 1" in said
    assert not (tmp_path / "out").exists()


@linux
@pytest.mark.slow
def test_a_worker_that_could_import_from_where_it_was_started_is_refused_by_name(own, one, tmp_path, capsys):
    running = own()
    running.workers.append(running.worker("near", cwd=one.parent))
    with Client(running.address, set_as_default=False) as client:
        client.wait_for_workers(3, timeout=600)
    where = ("--executor", "dask", "--scheduler", running.address)
    assert grader("batch", one, "--out", tmp_path / "out", *where) == 2
    said = capsys.readouterr().err
    assert f"it imports from {one.parent}, where it was started" in said
    assert "PYTHONSAFEPATH=1" in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("folder", "safe_path", "refused"), [("/", False, False), (None, False, True), (None, True, False)]
)
def test_a_worker_imports_from_nowhere_that_a_student_writes_to(
    tmp_path, monkeypatch, terms, folder, safe_path, refused
):
    monkeypatch.setattr(cluster, "confine_worker", lambda trusted: None)
    monkeypatch.setattr(
        "distributed.get_worker", lambda: SimpleNamespace(address="tcp://w:1", state=SimpleNamespace(nthreads=1))
    )
    monkeypatch.setattr(cluster.sys, "flags", SimpleNamespace(safe_path=safe_path))
    monkeypatch.chdir(folder or tmp_path)
    with pytest.raises(RequestError, match="could import a student's file") if refused else contextlib.nullcontext():
        cluster.open_result(cluster.examine(terms))


def test_the_client_is_not_needed_to_grade_here():
    code = "import sys, grader.classroom.batch, grader.cli; sys.exit('distributed' in sys.modules or 'dask' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
