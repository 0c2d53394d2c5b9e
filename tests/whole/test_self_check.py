"""Self-checks: a student's own code, unconfined on their own machine, only where they ask for it, and never a grade."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
import typer
from builders import result
from lms_files import graded, keep
from notebooks import HE, IMPORTS, RANDOM, ZEROS, edit, notebook, solved, write

import grader
from grader import api as service
from grader.classroom import manifest as manifests
from grader.classroom import worker
from grader.classroom.folder import DATABASE
from grader.classroom.manifest import Entry, Manifest
from grader.classroom.submissions import Submission
from grader.cli import main
from grader.cli.app import app
from grader.errors import RequestError
from grader.lms.common import graded as pairing
from grader.messages import say
from grader.records import SELF_CHECK, Call, Function, Place, Unit
from grader.rendering import html, terminal
from grader.rendering.cell import result_html
from grader.running.sandbox import Limits, Sandbox, doctor
from grader.store import Store
from grader.store.packing import seal

SELF_CHECKED = result(self_check=True)
REFUSED = say("store.self_check", name="a.ipynb")


# --- who runs what, and where ------------------------------------------------------------------------------------------


def outcome(sandbox: Sandbox, source: str):
    function = Function("f", "found", units=(Unit(source, Place(1)),))
    return sandbox.run(function, (Call((2, 3), 1),))[0]


def test_the_code_runs_in_another_process_with_limits_of_time_memory_and_files(tmp_path):
    with Sandbox(Limits(cpu_seconds=1, wall_seconds=1.0), self_check=True) as sandbox:
        assert SELF_CHECK in sandbox.layers
        where = outcome(
            sandbox, "import os, numpy as np\ndef f(d):\n    return {'pid': np.array([float(os.getpid())])}"
        )
        assert where.arrays["pid"].numpy()[0] != os.getpid()
        assert outcome(sandbox, "def f(d):\n    while True:\n        pass").ended == "timed_out"
        assert outcome(sandbox, "def f(d):\n    return bytearray(3 << 30)").ended == "out_of_memory"
        written = outcome(
            sandbox, f"import pathlib\ndef f(d):\n    pathlib.Path({str(tmp_path / 'x')!r}).write_text('x')"
        )
        assert (written.ended, written.fault.kind) == ("raised", "OSError")
        assert SELF_CHECK in sandbox.copy().layers


def test_code_that_answers_too_much_is_refused_and_nobody_else_is_blamed():
    source = "import numpy as np\ndef f(d):\n    return {str(i): np.ones(100_000) for i in range(9)}"
    with Sandbox(Limits(result_bytes=1 << 20), self_check=True) as sandbox:
        assert outcome(sandbox, source).ended == "refused"


def test_where_code_can_be_confined_trust_changes_nothing(tmp_path):
    checked = grader.grade(write(tmp_path, "a.ipynb", solved()), trust_my_own_code=True)
    assert (checked.score, checked.self_check, SELF_CHECK in checked.provenance.isolation) == (30, False, False)


@pytest.fixture
def unconfined(monkeypatch):
    """A system that has nothing that confines."""
    trial = doctor.Trial("confinement", False, True, "this system cannot confine code")
    monkeypatch.setattr(doctor, "examine", lambda: doctor.Examination("Other", "3", (trial,)))
    monkeypatch.setattr(service.sys, "platform", "other")


def test_where_nothing_confines_the_code_is_not_run_and_the_way_out_is_named(unconfined, tmp_path, capsys):
    path = write(tmp_path, "a.ipynb", solved())
    assert main(["check", str(path)]) == 3
    printed = capsys.readouterr().out
    assert "confinement: this system cannot confine code" in printed
    assert "--trust-my-own-code" in printed
    checked = grader.grade(path)
    assert (checked.provisional, checked.possible, checked.self_check) == (True, 0, False)
    assert not any(function.checks and function.training for function in checked.functions.values())


@pytest.mark.slow
@pytest.mark.usefixtures("unconfined")
def test_a_self_check_has_the_verdict_of_a_grade_and_says_everywhere_that_it_is_none(tmp_path, capsys):
    source = notebook(IMPORTS, ZEROS, edit(RANDOM, ("* 10", "* 0.01")), HE)
    path = write(tmp_path, "a.ipynb", source)
    page, data = tmp_path / "a.html", tmp_path / "a.json"
    assert main(["check", str(path), "--trust-my-own-code", "--html", str(page), "--json", str(data)]) == 1
    mark = say("words.self_check")
    assert mark in capsys.readouterr().out
    assert mark in page.read_text()
    written = msgspec.json.decode(data.read_bytes())
    assert (written["self_check"], written["score"], written["provisional"]) == (True, 27, False)
    assert SELF_CHECK in written["provenance"]["isolation"]


def test_every_face_marks_a_self_check():
    mark = say("words.self_check")
    assert mark in repr(SELF_CHECKED)
    assert mark in result_html(SELF_CHECKED)
    assert mark in html.feedback_page(SELF_CHECKED)
    assert mark in html.plain_page(SELF_CHECKED)
    assert mark in "\n".join(terminal.plain_lines(SELF_CHECKED))
    assert mark not in result_html(result()) + html.feedback_page(result())


@pytest.mark.usefixtures("unconfined")
def test_the_solution_of_another_exercise_is_not_the_students_own_code(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    shipped = service.load_exercise().folder
    for name in ("exercise.toml", "solution.ipynb"):
        (folder / name).write_bytes((shipped / name).read_bytes())
    with pytest.raises(RequestError, match="also run the teacher's solution"):
        grader.grade(write(tmp_path, "a.ipynb", solved()), exercise=str(folder), trust_my_own_code=True)


def options(command, path: tuple[str, ...] = ()):
    """Yield each command with its options."""
    for name, below in getattr(command, "commands", {}).items():
        yield from options(below, (*path, name))
    yield path, {option for parameter in command.params for option in parameter.opts}


def test_check_alone_takes_the_option():
    commands = dict(options(typer.main.get_command(app)))
    assert {path for path, names in commands.items() if "--trust-my-own-code" in names} == {("check",)}
    assert ("batch",) in commands


# --- doors -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def collected(tmp_path):
    """A folder of a collected hand-in, and what a batch would leave of it, but that its result is a self-check."""
    folder = tmp_path / "collected"
    folder.mkdir()
    write(folder, "a.ipynb", solved())
    manifest = Manifest(system="spreadsheet", entries=(Entry(file="a.ipynb", student="s1", name="Doe", sha256=""),))
    (folder / manifests.FILE).write_text(manifests.encode(manifest))
    return folder


def plant(store: Path) -> None:
    """Make every result of a store a self-check, as no command of ours would."""
    with closing(sqlite3.connect(store)) as database, database:
        for (name,) in database.execute("SELECT name FROM submissions").fetchall():
            planted = seal(msgspec.json.encode(replace(SELF_CHECKED, submission=SELF_CHECKED.submission)))
            database.execute("UPDATE submissions SET result = ? WHERE name = ?", (planted, name))


def test_the_store_takes_no_self_check(tmp_path):
    with Store(tmp_path / DATABASE) as store:
        with pytest.raises(RequestError, match="is a self-check"):
            keep(store, "a", SELF_CHECKED)
        assert not store.known()


def test_a_batch_writes_no_pages_of_a_self_check(tmp_path, monkeypatch):
    def graded_so(pipeline, submission):
        evidence, _ = pipeline.unavailable(submission.name, "")
        return replace(evidence, isolation=(SELF_CHECK,)), SELF_CHECKED

    monkeypatch.setattr(worker, "_graded", graded_so)
    exercise, submission = (
        service.load_exercise(),
        Submission("a.ipynb", write(tmp_path, "a.ipynb", solved()), folder="a"),
    )
    names = worker.graded_with(exercise), worker.gathered_with(exercise)
    with Store(tmp_path / DATABASE) as store:
        setup = worker.Setup(exercise.folder, store.secret, store.path)
    with pytest.raises(RequestError, match="is a self-check"):
        worker.grade(worker.Work(setup, submission, *names, "", tmp_path / "out"))
    assert not list(tmp_path.glob("out/*"))


@pytest.mark.parametrize("command", ["batch", "regrade", "summary", "review"])
def test_a_class_with_a_self_check_in_its_store_is_refused(tmp_path, capsys, command):
    path, out = write(tmp_path, "a.ipynb", solved()), tmp_path / "out"
    assert main(["batch", str(path), "--out", str(out), "--jobs", "1", "--quiet"]) == 0
    plant(out / DATABASE)
    (out / "grades.csv").unlink()  # as after a kill: the files of the class are written again, from the store
    arguments = [str(path), "--out", str(out)] if command == "batch" else [str(out)]
    capsys.readouterr()
    assert main([command, *arguments]) == 2
    assert REFUSED in capsys.readouterr().err


def test_no_lms_gets_a_self_check(tmp_path, capsys, collected):
    out = graded(collected, tmp_path / "graded", {"s1": result()})
    plant(out / DATABASE)
    assert main(["lms", "spreadsheet", "export", str(out), "--out", str(tmp_path / "o")]) == 2
    assert REFUSED in capsys.readouterr().err
    assert not list((tmp_path / "o").glob("*.csv"))
    with pytest.raises(RequestError, match="is a self-check"):  # what a push sends
        pairing.gather(out, out, include_open=False, absent=pairing.absent_points("blank"))


@pytest.mark.parametrize("system", ["gradescope", "coursera"])
def test_a_grader_inside_an_lms_gives_no_score_for_a_self_check(tmp_path, monkeypatch, capsys, system):
    monkeypatch.setattr(service, "require_confinement", lambda trusted: None)
    monkeypatch.setattr(service, "grade_once", lambda *arguments, **named: SELF_CHECKED)
    folder = tmp_path / {"gradescope": "submission", "coursera": "submission"}[system]
    folder.mkdir(parents=True)
    write(folder, "a.ipynb", solved())
    main(["lms", system, "run", "--root", str(tmp_path)])
    assert "no score was written" in capsys.readouterr().out


def test_evidence_of_a_self_check_is_not_judged_again_as_a_grade(tmp_path):
    exercise = service.load_exercise()
    from grader.pipeline import Pipeline

    with Pipeline(exercise, b"any") as pipeline:
        evidence, _ = pipeline.unavailable("a.ipynb", "")
        assert pipeline.judge(replace(evidence, isolation=(SELF_CHECK,))).self_check
