"""Traps for every module name, where the command is called and where students' files lie: none is ever imported."""

from __future__ import annotations

import importlib.metadata
import os
import site
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from notebooks import HE, edit, solved, write

import grader
from grader import importing
from grader.rendering import annotated

INSTALLED = set(importlib.metadata.packages_distributions())
NAMES = sorted({name for name in INSTALLED | sys.stdlib_module_names if name.isidentifier()} | {"usercustomize"})
TRAP = "open({marks!r}, 'a').write('{name}\\n')\nraise ImportError('this is a trap')\n"
TEMPLATES = ("lab", "classic", "basic", "base", "templates", "nbconvert/templates/basic")
PROGRAM = "import sys\nfrom {module} import {attribute}\nif __name__ == '__main__':\n    sys.exit({attribute}())\n"


@pytest.fixture(scope="module")
def trapped(tmp_path_factory) -> Path:
    """A folder of hand-ins that holds a trap for every module, and templates that would run code."""
    folder = tmp_path_factory.mktemp("downloads")
    for name in NAMES:
        write(folder, f"{name}.py", TRAP.format(marks=str(marks(folder)), name=name).encode())
    for name in TEMPLATES:
        write(folder / name, "conf.json", b'{"preprocessors": {"1": {"type": "antigravity.X", "enabled": true}}}')
        write(folder / name, "index.html.j2", b"{{ 1 // 0 }}")
        write(folder / name, "feedback.html", b"{{ 1 // 0 }}")
    write(folder, "a.ipynb", solved())
    write(folder, "b.ipynb", solved(he=edit(HE, ("2", "3"))))
    with zipfile.ZipFile(folder / "submissions.zip", "w") as archive:
        archive.writestr("doejane_17_4711_a.ipynb", solved())
    write(folder / "autograder" / "submission", "a.ipynb", solved())
    write(folder / "autograder", "submission_metadata.json", b"{}")
    return folder


def marks(folder: Path) -> Path:
    return folder.with_name("marks.txt")


def sprung(folder: Path) -> list[str]:
    """Return the traps that were imported, and forget them."""
    path = marks(folder)
    names = path.read_text(encoding="utf-8").split() if path.is_file() else []
    path.unlink(missing_ok=True)
    return names


def run(command: list[str], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder.parent), "GRADER_TRACEBACK": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture(scope="module")
def program(tmp_path_factory) -> list[str]:
    """The program as pip installs it."""
    (script,) = importlib.metadata.entry_points(group="console_scripts", name="grader")
    text = PROGRAM.format(module=script.module, attribute=script.attr)
    return [sys.executable, str(write(tmp_path_factory.mktemp("bin"), "grader", text.encode()))]


COMMANDS = [
    ("check", "a.ipynb", "--html", "../page.html", "--annotated", "../notes.html"),
    ("batch", "a.ipynb", "b.ipynb", "--out", "../graded", "--jobs", "2"),
    ("summary", "../graded"),
]
MORE = [
    ("batch", ".", "--out", "../all", "--jobs", "2"),  # the traps are files that are handed in
    ("regrade", "../graded"),
    ("summary", "../graded", "--junit", "../junit.xml"),
    ("review", "../graded"),
    ("review", "../graded", "--done", "b.ipynb", "--by", "Grace"),
    ("override", "../graded", "b.ipynb", "he", "8", "--reason", "right", "--by", "Grace"),
    ("forget", "../graded", "a.ipynb", "--yes"),
    ("purge", "../graded", "--older-than", "180d", "--yes"),
    ("check", "a.ipynb", "--annotated", "../notes.ipynb", "--json", "../result.json"),
    ("unannotate", "../notes.ipynb", "--out", "../plain.ipynb"),
    ("lab", "--html", "../lab.html"),
    ("doctor",),
    ("schema",),
    ("lms",),
    ("lms", "canvas", "collect", "submissions.zip", "--out", "../collected"),
    ("batch", "../collected", "--out", "../class"),
    ("lms", "canvas", "export", "../class", "--out", "../upload"),
    ("lms", "gradescope", "run", "--root", "autograder"),
    ("lms", "gradescope", "build", "--out", "../grader.zip"),
]


def test_no_command_imports_from_where_it_is_called(trapped, program):
    for command in COMMANDS:
        done = run([*program, *command], trapped)
        assert done.returncode in {0, 1}, (command, done.stderr)
        assert not sprung(trapped), command


@pytest.mark.slow
def test_no_command_at_all_imports_from_where_it_is_called(trapped, program):
    for command in (*COMMANDS, *MORE):
        done = run([*program, *command], trapped)
        assert done.returncode in {0, 1}, (command, done.stderr)
        assert not sprung(trapped), command


@pytest.mark.slow
def test_python_m_grader_imports_nothing_from_where_it_is_called(trapped, tmp_path):
    """Python itself imports a few modules, `runpy` among them, from the current folder before our first line: not these."""
    write(trapped, "empty/__main__.py", b"")
    while "trap" in run([sys.executable, "-m", "empty"], trapped).stderr:
        (trapped / f"{sprung(trapped)[-1]}.py").unlink()
    (trapped / "grader.py").unlink(missing_ok=True)
    for command in (*COMMANDS, *MORE):
        done = run([sys.executable, "-m", "grader", *command], trapped)
        assert done.returncode in {0, 1}, (command, done.stderr)
        assert not sprung(trapped), command


def test_nothing_is_imported_before_the_current_folder_is_off_the_path():
    code = "import sys; before = set(sys.modules); import grader.__main__; print(*(set(sys.modules) - before - set(sys.builtin_module_names)))"
    done = run([sys.executable, "-c", code], Path("/"), PYTHONPATH=str(Path(grader.__file__).parent.parent))
    assert {name.partition(".")[0] for name in done.stdout.split()} == {"grader"}, done.stderr


def path_after(monkeypatch, *entries: str, pythonpath: str = "", arguments: tuple[str, ...] = ()) -> list[str]:
    """Return what is left of a path of the usual entries and these."""
    usual = [entry for entry in sys.path if entry.startswith(sys.prefix) or "python3" in entry]
    monkeypatch.setenv("PYTHONPATH", pythonpath)
    monkeypatch.setenv("PYTHONSAFEPATH", "")
    monkeypatch.setenv("PYTHONNOUSERSITE", "")
    monkeypatch.setattr(sys, "argv", ["grader", *arguments])
    monkeypatch.setattr(sys, "path", [*entries, *usual])
    importing.isolate()
    assert [entry for entry in sys.path if entry in usual] == usual
    return [entry for entry in sys.path if entry not in usual and not Path(entry, "grader").is_dir()]


def test_the_current_folder_leaves_the_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path)
    assert path_after(monkeypatch, "", ".", str(tmp_path), str(tmp_path / "link")) == []


def test_a_pythonpath_of_the_current_or_the_source_folder_counts_for_nothing(tmp_path, monkeypatch):
    elsewhere, source = tmp_path / "elsewhere", tmp_path / "source"
    for folder in (elsewhere, source / "lib"):
        folder.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    entries = ["elsewhere", str(tmp_path), str(source), str(source / "lib"), str(elsewhere)]
    left = path_after(
        monkeypatch,
        *(str(tmp_path / entry) for entry in entries),
        pythonpath=os.pathsep.join(["", *entries]),
        arguments=("batch", "source", "--out", "graded"),
    )
    assert left == []  # also "elsewhere": it was given relative to where the command is called
    assert os.environ["PYTHONPATH"] == str(elsewhere)


def test_a_pythonpath_of_another_place_counts_here_and_in_processes(tmp_path, monkeypatch):
    assert path_after(monkeypatch, str(tmp_path), pythonpath=str(tmp_path)) == [str(tmp_path)]
    assert os.environ["PYTHONPATH"] == str(tmp_path)


@pytest.mark.parametrize("holds", [(), ("grader-0.1.0.dist-info",)])
def test_packages_of_the_user_count_only_where_the_grader_is_one_of_them(tmp_path, monkeypatch, holds):
    for name in holds:
        (tmp_path / name).mkdir()
    monkeypatch.setattr(site, "ENABLE_USER_SITE", True)
    monkeypatch.setattr(site, "getusersitepackages", lambda: str(tmp_path))
    assert path_after(monkeypatch, str(tmp_path)) == ([str(tmp_path)] if holds else [])
    assert os.environ["PYTHONNOUSERSITE"] == ("" if holds else "1")


def test_a_removed_current_folder_is_no_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tmp_path.rmdir()
    assert path_after(monkeypatch, "") == []


def test_an_annotated_page_takes_no_template_from_where_it_is_called(trapped, monkeypatch):
    monkeypatch.chdir(trapped)
    assert "<main>" in annotated.document_page(
        "title", annotated.render_notebook({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    )
