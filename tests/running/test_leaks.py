"""Nothing leaks and nothing calls home: no connection, no secret and no path of the machine in what is written.

And what a student sends can neither stop nor swell the process that grades: a short run of `make fuzz`, and the shapes
that once did.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fuzz
import numpy as np
import pytest
from notebooks import HE, IMPORTS, NAMES, RANDOM, ZEROS, edit, notebook, solved, write

import grader
from grader import api as service
from grader.pipeline import Pipeline
from grader.reading.notebook import parse
from grader.rendering import gradebook, html

HERE = Path(grader.__file__).parent.parent
TOKEN = "swordfish-9f1c"
STORE_SECRET = hashlib.sha256(b"a secret of the tests").digest()
START = "    parameters = {}"
SITE = """
import sys

def hook(event, arguments):
    inet = event == "socket.__new__" and int(arguments[1]) in (2, 10)
    own = event in ("socket.bind", "socket.connect") and isinstance(arguments[1], (str, bytes))  # a path: our own processes
    if inet or (event in {EVENTS} and not own):
        with open({log!r}, "a") as file:
            file.write(f"{{event}} {{arguments}}\\n")
        raise RuntimeError(f"{{event}}: this process calls somebody")

sys.addaudithook(hook)
"""
EVENTS = (
    "socket.connect socket.bind socket.sendto socket.getaddrinfo socket.gethostbyname socket.gethostbyaddr "
    "socket.getnameinfo urllib.Request http.client.connect http.client.send ftplib.connect smtplib.connect poplib.connect "
    "imaplib.open telnetlib.Telnet.open webbrowser.open"
).split()
CLASS = {
    "right.ipynb": solved(),
    "wrong.ipynb": solved(random=edit(RANDOM, ("* 10", "* 0.01"))),
    "raises.ipynb": solved(zeros=edit(ZEROS, (START, "    return {}['W1']"))),
    "reads.ipynb": solved(zeros=edit(ZEROS, (START, "    return open('/etc/hostname').read()"))),
    "asks.ipynb": solved(zeros=edit(ZEROS, (START, "    import os\n    raise ValueError(dict(os.environ))"))),
    "calls.ipynb": solved(
        zeros=edit(ZEROS, (START, "    import urllib.request as u\n    u.urlopen('http://127.0.0.1')"))
    ),
    "syntax.ipynb": solved(he=edit(HE, (START, "    parameters = {"))),
    "cut.ipynb": solved()[:900],
    "empty.ipynb": b"",
}


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command where a connection is an error, a secret is planted, and everything written stays in `folder`."""
    log = str(folder / "calls.log")
    write(folder / "site", "sitecustomize.py", SITE.format(EVENTS=set(EVENTS), log=log).encode())
    for name in ("home", "temporary"):
        (folder / name).mkdir(exist_ok=True)
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{folder / 'site'}:{HERE}",
        "PLANTED_TOKEN": TOKEN,
        "HOME": str(folder / "home"),
        "XDG_DATA_HOME": str(folder / "home" / "data"),
        "TMPDIR": str(folder / "temporary"),
    }
    return subprocess.run(
        [sys.executable, *arguments], env=environment, cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def graded(tmp_path_factory) -> Path:
    """What a batch, a regrade, a check and the doctor leave behind."""
    folder = tmp_path_factory.mktemp("leaks")
    for name, data in CLASS.items():
        write(folder / "in", name, data)
    cli = ("-m", "grader")
    batch = command(folder, *cli, "batch", "in", "--out", "out", "--jobs", "2")
    assert batch.returncode == 0, batch.stderr
    regrade = command(folder, *cli, "regrade", "out")
    assert regrade.returncode == 0, regrade.stderr
    check = command(
        folder, *cli, "check", "in/wrong.ipynb", "--html", "check.html", "--json", "check.json", "--verbose"
    )
    assert check.returncode == 1, check.stderr
    write(folder, "said.txt", "".join(done.stdout + done.stderr for done in (batch, regrade, check)).encode())
    return folder


def written(folder: Path, *suffixes: str) -> dict[str, bytes]:
    """Everything that the commands wrote; the notebooks and the planted hook are ours."""
    ours = ("in/", "site/")
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    kept = {name: path for name, path in files.items() if not name.startswith(ours)}
    return {name: path.read_bytes() for name, path in kept.items() if not suffixes or path.suffix in suffixes}


# --- connections ---------------------------------------------------------------------------------------------------


def test_no_command_calls_anybody(graded):
    assert not (graded / "calls.log").exists(), (graded / "calls.log").read_text()
    assert {one["status"] for one in results(graded, "wrong")["functions"].values()} == {"graded"}


@pytest.mark.parametrize(
    "call", ["socket.create_connection(('127.0.0.1', 9))", "socket.getaddrinfo('localhost', 9)", "socket.socket()"]
)
def test_a_call_would_be_seen(tmp_path, call):
    done = command(tmp_path, "-c", f"import socket; {call}")
    assert "calls somebody" in done.stderr
    assert (tmp_path / "calls.log").exists()


def results(folder: Path, name: str) -> dict[str, Any]:
    return json.loads((folder / "out" / name / "result.json").read_text(encoding="utf-8"))


# --- secrets -------------------------------------------------------------------------------------------------------


def test_a_secret_of_the_environment_is_in_no_file(graded):
    files = written(graded)
    assert {"out/grades.sqlite", "out/index.html", "out/asks/feedback.html", "said.txt"} <= files.keys()
    assert not [name for name, data in files.items() if TOKEN.encode() in data or b"PLANTED" in data]
    assert "OPENBLAS_NUM_THREADS" in results(graded, "asks")["functions"][NAMES[0]]["checks"][0]["message"]


def test_the_secret_of_the_store_is_in_the_store_alone(graded):
    import sqlite3

    with sqlite3.connect(graded / "out" / "grades.sqlite") as database:
        ((secret,),) = database.execute("SELECT value FROM meta WHERE name = 'secret'")
    database.close()
    assert len(secret) == 32
    forms = (secret, secret.hex().encode(), repr(secret).encode())
    files = {name: data for name, data in written(graded).items() if not name.startswith("out/grades.sqlite")}
    assert not [name for name, data in files.items() if any(form in data for form in forms)]


def test_nothing_is_left_in_the_temporary_folder(graded):
    assert list((graded / "temporary").iterdir()) == []
    assert {path.name for path in graded.iterdir()} == {
        *("in", "out", "home", "site", "temporary"),
        *("check.html", "check.json", "lab.html", "said.txt"),
    }


def test_sizes_that_are_drawn_are_not_shown_where_a_public_size_shows_the_fault():
    with Pipeline(service.load_exercise(), STORE_SECRET) as pipeline:
        wrong = edit(
            ZEROS, ("np.zeros((layers_dims[l], layers_dims[l-1]))", "np.ones((layers_dims[l], layers_dims[l-1]))")
        )
        evidence = pipeline.collect(parse(notebook(IMPORTS, wrong, RANDOM, HE), "a.ipynb"))
        result = pipeline.judge(evidence)
        calls = pipeline.gatherer.calls(evidence.functions[NAMES[0]].function)
    drawn = {call.layers for call in calls if not call.public}
    assert drawn
    assert result.functions[NAMES[0]].points == 6
    text = gradebook.result_json(result) + html.feedback_page(result)
    forms = [form for sizes in drawn for form in (repr(list(sizes)), repr(sizes))]
    assert not [form for form in forms if form in text]


@pytest.mark.skipif(
    sys.platform != "linux" or os.getuid() != 0, reason="only root can read the worker's memory, on Linux"
)
def test_nothing_of_ours_is_in_the_memory_of_the_worker(monkeypatch):
    """The whole memory, environment and arguments of the process from which students' processes are forked."""
    monkeypatch.setenv("PLANTED_TOKEN", TOKEN)
    with Pipeline(service.load_exercise(), STORE_SECRET) as pipeline:
        assert pipeline.judge(pipeline.collect(parse(solved(), "a.ipynb"))).passed
        worker = Path(f"/proc/{pipeline.gatherer.sandbox.server.process.pid}")
        seen = b"".join(memory(worker)) + (worker / "environ").read_bytes() + (worker / "cmdline").read_bytes()
    assert len(seen) > 10_000_000
    assert b"initialize_parameters" not in seen  # not even a job: the child alone reads it
    expected = (pipeline.exercise.folder / "solution.ipynb").read_bytes()[200:300]
    assert not [one for one in (TOKEN.encode(), STORE_SECRET, expected, b"exercise.toml") if one in seen]


def memory(process: Path) -> Iterator[bytes]:
    """Yield what stands in a process's own writable memory."""
    with (process / "mem").open("rb", buffering=0) as file:
        for line in (process / "maps").read_text().splitlines():
            begin, end = (int(number, 16) for number in line.split()[0].split("-"))
            if line.split()[1].startswith("rw"):
                file.seek(begin)
                yield file.read(end - begin)


# --- paths ---------------------------------------------------------------------------------------------------------


def places(folder: Path) -> list[str]:
    """The paths of the machine that could slip into a text."""
    packages = Path(np.__file__).parent.parent
    return [str(path) for path in (folder, Path.home(), HERE, packages, Path(sys.prefix), Path(sys.base_prefix))]


def test_no_path_of_the_machine_is_in_what_students_get(graded):
    files = written(graded, ".html", ".json", ".csv")
    assert len(files) == 2 * len(CLASS) + 6  # class page, its table, two labs, and the page and result of `check`
    found = {(name, place) for name, data in files.items() for place in places(graded) if place.encode() in data}
    assert not found


@pytest.mark.parametrize(
    "line", ["from numpy import nonesuch", "raise ValueError(np)", "raise ValueError(np.linalg.__file__)"]
)
def test_no_path_of_the_machine_comes_back_in_a_message(tmp_path, line):
    """Python itself names the file: ImportError: cannot import name … from 'numpy' (/…/numpy/__init__.py)."""
    with Pipeline(service.load_exercise(), STORE_SECRET) as pipeline:
        source = solved(zeros=edit(ZEROS, (START, f"    {line}")))
        result = pipeline.judge(pipeline.collect(parse(source, "a.ipynb")))
    text = gradebook.result_json(result)
    assert result.functions[NAMES[0]].status == "raised"
    assert not [place for place in places(tmp_path) if place in text]


# --- files for staff -----------------------------------------------------------------------------------------------


def test_a_store_is_for_its_owner_alone(graded):
    stores = [path for path in graded.rglob("*.sqlite*") if path.is_file()]
    assert len(stores) >= 2
    assert {stat.S_IMODE(path.stat().st_mode) for path in stores} == {0o600}


# --- what stops or swells the process that grades ------------------------------------------------------------------


@pytest.mark.parametrize("target", fuzz.TARGETS)
def test_made_up_input_does_no_harm(target):
    """A few hundred cases of `make fuzz`, always the same ones."""
    for number in range(300):
        case = fuzz.made(target, 1, number, most=2000)
        assert fuzz.problem_of(target, case) == "", (target, number)


@pytest.mark.parametrize(
    ("target", "name", "does", "says"),
    [
        ("decoder", "decode", lambda data: {}[1], "KeyError"),
        ("reader", "parse", lambda data, name: fuzz.Notebook(name, "", "ok"), "ok with 0 cells"),
        ("extractor", "extract", lambda *_: ("", exec("1")), "exec"),
        ("extractor", "extract", lambda *_: ("", os.open(os.devnull, os.O_RDONLY)), "open"),
        ("extractor", "extract", lambda *_: ("", {}), "without a record"),
    ],
)
def test_the_fuzzer_finds_what_is_wrong(monkeypatch, target, name, does, says):
    case = fuzz.made(target, 1, 1)
    assert fuzz.problem_of(target, case) == ""
    monkeypatch.setattr(fuzz, name, does)
    assert says in fuzz.problem_of(target, case)


LIMIT = "import resource; resource.setrlimit(resource.RLIMIT_CPU, (10, 10))"
EXTRACT = "import fuzz; fuzz.try_code((*fuzz.BEFORE, eval(input())))"
GROWN = {  # what makes a source of code; a function of the notebook uses K and f0
    "many statements in a line": "'K = 1;' * 20_000",
    "a line of blanks": "'x = (\\n' + ' ' * 60_000",
    "many broken lines": "'x = = 1\\n' * 40_000",
    "every name set twice": "''.join(f'k{i} = k{i + 1}\\nk{i} = k{i + 1} + 0\\n' for i in range(40)) + 'k40 = print()\\nK = k0'",
    "a long sum": "'K = 1' + '+1' * 600",
    "many signs": "'K = ' + '-' * 600 + '1'",
    "many dots": "'K = np' + '.a' * 600",
    "a deep seed": "'np' + '.a' * 600 + '.seed(3)'",
    "many branches": "'if 1:\\n    K = 1\\n' + 'elif 2:\\n    K = 2\\n' * 1500",
    "a chain of names": "''.join(f'k{i} = k{i + 1}\\n' for i in range(600)) + 'k600 = 1\\nK = k0'",
    "a chain of functions": "''.join(f'def f{i}(): return f{i + 1}()\\n' for i in range(600)) + 'def f600(): return 1\\nK = f0'",
}


@pytest.mark.parametrize("name", GROWN)
def test_no_code_makes_the_extractor_fail_or_hang(name):
    """Each of these once ended in a RecursionError or took minutes."""
    bounded(EXTRACT, GROWN[name])


@pytest.mark.parametrize("block", ["bytes(4)", "bytes.fromhex('050000000200000000')"], ids=["empty", "refusals"])
def test_a_flood_of_tiny_frames_costs_the_reader_little(block):
    """32 MiB of them once took 1.6 GB and 11 seconds."""
    memory = "resource.setrlimit(resource.RLIMIT_AS, (600 << 20,) * 2)"
    bounded(f"{memory}; import fuzz; fuzz.try_answer(eval(input()))", f"{block} * ((32 << 20) // len({block}))")


def bounded(code: str, line: str) -> None:
    """Run a line of Python in a process that may compute for 10 seconds."""
    environment = {
        **os.environ,
        "PYTHONPATH": f"{Path(__file__).parents[1] / 'support'}:{HERE}",
        "OPENBLAS_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", f"{LIMIT}; {code}"],
        input=line.encode(),
        env=environment,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, (done.returncode, done.stderr.decode()[-500:])
