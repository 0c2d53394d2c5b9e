"""Kills and faults of the file system at chosen moments of real batches: every grade is that of an undisturbed run, or provisional."""

from __future__ import annotations

import contextlib
import csv
import errno
import json
import multiprocessing.forkserver
import os
import random
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import msgspec
import psutil
import pytest

from grader.classroom import pool, submissions
from grader.cli import main
from grader.errors import GraderError, LateError, RequestError, UnavailableError
from grader.records import Call, Function, Place, Unit
from grader.running.sandbox import Sandbox
from grader.running.sandbox.server import WORKER, Ending, ForkServer
from grader.store import Store

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes, and a library to preload, of Linux")
SAMPLES = Path(__file__).parents[2] / "submissions"
LIBRARY = Path(__file__).parents[1] / "support" / "faulty_files.c"
FLAT = (
    "right.ipynb right_old_course.ipynb exported_script.py percent_script.py empty.ipynb cut_off.ipynb extra_key.ipynb "
    "flat_biases.ipynb global_math.ipynb hostile_text.ipynb np_float.ipynb scale_one.ipynb"
).split()
NESTED = "seed_missing.ipynb seed_one.ipynb syntax_error.ipynb transposed.ipynb uniform.ipynb".split()
ZIPPED = "he_one_over_n.ipynb nested_lists.ipynb untouched.ipynb zeros_one_half.ipynb".split()  # in a zip in the folder
SECOND = "odd_but_right.ipynb random_biases.ipynb last_layer_missing.ipynb".split()  # a zip that is a source of its own
SIZE = len(FLAT) + len(NESTED) + len(ZIPPED) + len(SECOND)

FOLDERS = ("store", "out", "source", "temporary")  # in the order in which a call is looked up
KINDS = ("open", "read", "write", "rename", "fsync", "unlink", "stat", "scandir", "mkdir")
ERRORS = tuple(getattr(errno, name) for name in "EIO ENOENT EACCES ENOSPC EMFILE ESTALE EINTR EDQUOT EROFS".split())
FOR_EVER = 1 << 40


# --- the class -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Class:
    """A class to grade, its grades in a run that nobody disturbed, and how often that run called the file system."""

    folder: Path
    grades: dict[str, tuple[object, ...]]
    calls: dict[tuple[int, int], int]
    library: Path | None

    @property
    def sources(self) -> list[str]:
        return [str(self.folder / "in"), str(self.folder / "more.zip")]


def packed(path: Path, names: list[str]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.write(SAMPLES / name, f"handed in/{name}")


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Class:
    folder = tmp_path_factory.mktemp("chaos")
    for below, names in (("", FLAT), ("section/a", NESTED)):
        (folder / "in" / below).mkdir(parents=True, exist_ok=True)
        for name in names:
            shutil.copy2(SAMPLES / name, folder / "in" / below / name)
    packed(folder / "in" / "student.zip", ZIPPED)
    packed(folder / "more.zip", SECOND)
    library = None
    if compiler := shutil.which("gcc") or shutil.which("cc"):
        library = folder / "faulty_files.so"
        built = subprocess.run(
            [compiler, "-shared", "-fPIC", "-O1", "-o", library, LIBRARY, "-ldl"], check=False, capture_output=True
        )
        library = None if built.returncode else library
    before = Class(folder, {}, {}, library)
    run = Run(before, folder)
    assert run.ended()[0] == 0, run.said
    grades = dict(results(run.out))
    assert len(grades) == SIZE
    assert not any(row[-1] for row in grades.values())
    assert len({row[0] for row in grades.values()}) > 5
    return Class(folder, grades, run.calls(), library)


class Run:
    """A batch as a process of its own, whose calls to the file system are counted and, where that is asked for, fail."""

    def __init__(self, graded: Class, folder: Path, fault: tuple[int, ...] = ()) -> None:
        self.out, self.temporary, self.state = folder / "out", folder / "t", folder / "state"
        self.temporary.mkdir()
        self.state.write_bytes(bytes(8 * (len(FOLDERS) * len(KINDS) + 1)))
        places = (self.out / "grades.sqlite", self.out, graded.folder / "in", self.temporary)
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}
        environment |= {"TMPDIR": str(self.temporary)}
        if graded.library is not None:
            environment |= {"LD_PRELOAD": str(graded.library), "CHAOS_STATE": str(self.state)}
            environment |= {"CHAOS_FOLDERS": ":".join(map(str, places)), "CHAOS_FAULT": " ".join(map(str, fault))}
        command = [
            sys.executable,
            "-m",
            "grader",
            "batch",
            *graded.sources,
            "--out",
            self.out,
            "--jobs",
            "2",
            "--quiet",
        ]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        self.said = ""

    def ended(self) -> tuple[int, str]:
        """Wait for the end, and return the exit code and what was said on stderr."""
        _, self.said = self.process.communicate()
        return self.process.returncode, self.said

    def counts(self) -> list[int]:
        return list(memoryview(self.state.read_bytes()).cast("q"))

    def calls(self) -> dict[tuple[int, int], int]:
        counts = self.counts()
        return {(place, kind): counts[place * len(KINDS) + kind] for place in range(4) for kind in range(len(KINDS))}

    def pages(self) -> int:
        return len(list(self.out.glob("*/feedback.html")))

    def wait(self) -> bool:
        """Wait a moment; return whether the command still runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(0.005)
        return self.process.poll() is None


def grade(result: dict[str, object]) -> tuple[object, ...]:
    """What a result says of a student; times, and sizes that are drawn anew for each class, are no part of it."""
    functions = {
        name: (one["status"], one["points"], one["diagnosis"], one["training"], [c["verdict"] for c in one["checks"]])
        for name, one in result["functions"].items()
    }
    notebook = (result["notebook"]["status"], [one["message"] for one in result["notebook"]["problems"]])
    return (result["score"], result["possible"], functions, notebook, result["summary"], result["provisional"])


def results(out: Path) -> Iterator[tuple[str, tuple[object, ...]]]:
    for path in out.glob("*/result.json"):
        result = json.loads(path.read_bytes())
        yield result["submission"]["name"], grade(result)


def stored(out: Path) -> dict[str, tuple[object, ...]]:
    if not Store.is_there(out / "grades.sqlite"):
        return {}
    with Store(out / "grades.sqlite") as store:
        return {name: grade(json.loads(msgspec.json.encode(store.result(name)))) for name in store.known()}


def rows(out: Path) -> list[dict[str, str]]:
    if not (out / "grades.csv").exists():
        return []
    with (out / "grades.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def other_grades(whole: Class, out: Path) -> list[str]:
    """Return whose grade, in the store, on a page or in the gradebook, differs from the undisturbed one and is not provisional."""
    found = []
    for where, grades in (("page", dict(results(out))), ("store", stored(out))):
        found += [f"{where} of {name}" for name, one in grades.items() if not one[-1] and one != whole.grades.get(name)]
    for row in rows(out):
        if row["provisional"] == "no" and (
            row["submission"] not in whole.grades or float(row["score"]) != whole.grades[row["submission"]][0]
        ):
            found.append(f"row of {row['submission']}")
    return found


def require_honest(whole: Class, run: Run, what: str) -> None:
    """After a disturbed run no grade is another one, and what is provisional or failed is said."""
    code, said = run.process.returncode, run.said
    assert code in (0, 2, 3), (what, code, said)
    assert "Traceback" not in said, (what, said)
    assert "please report" not in said, (what, said)
    assert (code != 2) or "hint:" in said, (what, said)
    assert not other_grades(whole, run.out), (what, code, said)
    if code == 0:
        assert {row["submission"] for row in rows(run.out)} == set(whole.grades), (what, said)
        assert stored(run.out) == whole.grades, (what, said)


def require_whole(whole: Class, out: Path, what: str) -> None:
    """Run the command again, in this process; then all of it is as in a run that nobody disturbed."""
    code = main(["batch", *whole.sources, "--out", str(out), "--quiet"])
    assert code == 0, what
    assert stored(out) == whole.grades == dict(results(out)), what
    assert not other_grades(whole, out), what
    assert sorted(row["submission"] for row in rows(out)) == sorted(whole.grades), what
    for page in out.glob("*/feedback.html"):
        assert page.stat().st_size > 1000, what
    assert len(list(out.glob("*/feedback.html"))) == SIZE, what
    assert (out / "index.html").is_file(), what


# --- kills ---------------------------------------------------------------------------------------------------------


def family(command: int) -> dict[str, list[psutil.Process]]:
    """Return the processes of a batch by what they are."""
    found: dict[str, list[psutil.Process]] = {"command": [], "pool": [], "worker": [], "server": [], "child": []}
    with contextlib.suppress(psutil.Error):
        top = psutil.Process(command)
        found["command"] = [top]
        kinds = {command: "command"}
        for process in top.children(recursive=True):
            with contextlib.suppress(psutil.Error):
                words, above = " ".join(process.cmdline()), kinds.get(process.ppid(), "")
                if str(WORKER) in words:
                    kind = "child" if above in ("server", "child") else "server"
                elif "forkserver" in words:
                    kind = "worker" if above == "pool" else "pool"
                else:
                    continue
                kinds[process.pid] = kind
                found[kind].append(process)
    return found


def kill(run: Run, rng: random.Random, kind: str, points: list[int]) -> int:
    """Kill a process of a kind each time that so many pages are there; return how many were killed, when all have ended."""
    killed, relatives = 0, list[psutil.Process]()
    for point in sorted(points):
        while run.wait():
            kinds = family(run.process.pid) if run.pages() >= point else {}
            if victims := kinds.get(kind):
                relatives += [one for some in kinds.values() for one in some]
                with contextlib.suppress(psutil.Error):
                    rng.choice(victims).send_signal(signal.SIGKILL)
                    killed += 1
                break
    run.ended()
    while [one for one in relatives if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]:
        psutil.wait_procs(relatives, timeout=0.05)
    return killed


KILLS = [(kind, seed) for kind in ("child", "server", "worker", "pool", "command") for seed in range(10)]
FAST_KILLS = {("child", 0), ("worker", 1), ("command", 2)}


@pytest.mark.parametrize(
    ("kind", "seed"), [one if one in FAST_KILLS else pytest.param(*one, marks=pytest.mark.chaos) for one in KILLS]
)
def test_a_batch_whose_processes_are_killed_grades_right_or_says_provisional(whole, tmp_path, in_process, kind, seed):
    rng = random.Random(f"{kind} {seed}")
    times = 1 if kind in ("command", "pool") else rng.choice([1, 3, 6])
    points = [rng.randrange(SIZE) for _ in range(times)]
    run = Run(whole, tmp_path)
    killed = kill(run, rng, kind, points)
    what = f"{killed} of {times} {kind} killed at {points}"
    print(what)
    if kind == "command" and killed:
        assert run.process.returncode in (-signal.SIGKILL, 0), what
        assert not other_grades(whole, run.out), what
    else:
        require_honest(whole, run, what)
    require_whole(whole, run.out, what)


# --- faults of the file system -------------------------------------------------------------------------------------


FAULTS = range(160)
FAST_FAULTS = (0, 1, 2)


@pytest.mark.parametrize(
    "seed", [one if one in FAST_FAULTS else pytest.param(one, marks=pytest.mark.chaos) for one in FAULTS]
)
def test_a_fault_of_the_file_system_is_never_a_students(whole, tmp_path, in_process, seed):
    if whole.library is None:
        pytest.skip("no C compiler is here that builds the library that lets calls fail")
    rng = random.Random(seed)
    place = seed % len(FOLDERS)
    kind = rng.choice([kind for kind in range(len(KINDS)) if whole.calls[place, kind]])
    number = ERRORS[seed // len(FOLDERS) % len(ERRORS)]
    first = rng.randrange(whole.calls[place, kind])
    times = rng.choice([1, 2]) if number == errno.EINTR else rng.choice([1, 1, 5, FOR_EVER])
    what = f"{errno.errorcode[number]} of {KINDS[kind]} in {FOLDERS[place]}, from call {first} on, {times} times"
    run = Run(whole, tmp_path, (place, kind, number, first, times))
    run.ended()
    print(f"{what}: {run.counts()[-1]} faults, exit code {run.process.returncode}: {run.said}")
    require_honest(whole, run, what)
    require_whole(whole, run.out, what)


# --- what these runs showed, each as a case of its own -------------------------------------------------------------


def unreadable_zip(*_arguments: object, **_how: object) -> None:
    """Fail as `zipfile` does where the disk fails: it says that the archive is damaged."""
    try:
        raise OSError(errno.EIO, "Input/output error")  # noqa: TRY301
    except OSError:
        raise zipfile.BadZipFile("File is not a zip file")  # noqa: B904  # as there


def test_a_zip_that_cannot_be_read_now_is_not_called_damaged(tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    packed(tmp_path / "in" / "a.zip", ZIPPED)
    found = submissions.find([tmp_path / "in"])
    monkeypatch.setattr(zipfile.ZipFile, "__init__", unreadable_zip)
    with pytest.raises(UnavailableError, match="Input/output error"), submissions.opened(found.submissions[0]):
        pass
    assert submissions.find([tmp_path / "in"]).unavailable == {"a.zip": "Input/output error"}
    with pytest.raises(RequestError, match="Input/output error"):
        submissions.find([tmp_path / "in" / "a.zip"])
    with pytest.raises(UnavailableError, match="Input/output error"):
        submissions.changed(found.submissions[0])


@pytest.mark.parametrize("owner", ["lstat", "read_beginning"])
def test_a_file_that_cannot_be_looked_at_now_is_named(tmp_path, monkeypatch, owner):
    for name in ("right.ipynb", "a.md"):
        (tmp_path / name).write_text("# text")

    def fails(path: Path) -> object:
        if path.name == "a.md":
            raise OSError(errno.ESTALE, "Stale file handle")
        return original(path)

    where = Path if owner == "lstat" else submissions
    original = getattr(where, owner)
    monkeypatch.setattr(where, owner, fails)
    found = submissions.find([tmp_path], submissions.Wanted(("initialize_parameters_he",)))
    assert [one.name for one in found.submissions] == ["right.ipynb"]
    assert found.unavailable == {"a.md": "Stale file handle"}


def test_processes_start_where_the_temporary_folder_has_a_long_path(tmp_path):
    folder = tmp_path / ("x" * 100)
    folder.mkdir()
    script = "from grader.classroom import pool\nwith pool.processes(1) as executor: print(executor.submit(abs, -1).result())"
    environment = {**os.environ, "TMPDIR": str(folder)}
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=False)
    assert (ended.stdout, ended.stderr) == ("1\n", "")


def test_processes_that_cannot_start_for_want_of_a_temporary_folder_are_a_clear_error(monkeypatch):
    def fails(*_arguments: object, **_how: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(multiprocessing.forkserver, "ensure_running", fails)
    with pytest.raises(GraderError, match="No space left on device"), pool.processes(1):
        pass


@pytest.mark.parametrize(
    ("queued", "starved"),
    [(lambda: 0.0, False), (lambda: 0.03, False), (lambda: 60.0, True)],
    ids=["no", "some", "all"],
)
def test_a_child_that_waits_for_a_processor_is_starved_and_one_that_sleeps_is_not(monkeypatch, queued, starved):
    monkeypatch.syspath_prepend(str(WORKER))
    worker = runpy.run_path(str(WORKER / "__main__.py"), run_name="worker")
    server = worker["Server"].__new__(worker["Server"])
    ours, theirs = socket.socketpair()
    server.control, server.limits = ours, {"cpu_seconds": 3, "waiting": 0.5}
    server.confinement = SimpleNamespace(queued_seconds=lambda _pid: queued(), let_roam=lambda _pid: None)
    with ours, theirs, subprocess.Popen(["sleep", "600"]) as process:
        descriptor = os.pidfd_open(process.pid)
        assert server.wait_for_child(process.pid, descriptor, 0.1) == (False, 0.0, starved)
        os.close(descriptor)
        process.kill()


def test_a_function_that_had_no_processor_is_provisional(monkeypatch):
    monkeypatch.setattr(ForkServer, "run", lambda *_, **__: Ending(-9, in_time=False, result=b"", starved=True))
    with Sandbox() as sandbox, pytest.raises(LateError, match="too busy"):
        sandbox.run(Function("f", "found", units=(Unit("def f(d): return {}", Place(1)),)), [Call((2, 1), 1)])
