"""nbgrader: its folders in, its feedback and gradebook out; with nbgrader installed, the whole way with the real one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from builders import HE, RANDOM, ZEROS, everyday, result, unreadable
from notebooks import notebook, solved, write

from grader.classroom import manifest as manifests
from grader.classroom.manifest import Entry, Manifest
from grader.cli import main
from grader.errors import RequestError
from grader.lms import nbgrader
from grader.lms.common.system import Export, Graded, exact
from grader.rendering.html import feedback_page

WHEN = "2026-11-25 23:46:20.344383 UTC"


def course(root: Path) -> Path:
    """A course folder with two students of ps1, one of them through the exchange, and another assignment."""
    write(root, "submitted/ada/ps1/Initialization.ipynb", solved())
    write(root, "submitted/ada/ps1/timestamp.txt", f"{WHEN}\n".encode())
    write(root, "submitted/ada/ps1/submission_secret.txt", b"s3cr3t")
    write(root, "submitted/ada/ps1/.ipynb_checkpoints/Initialization-checkpoint.ipynb", b"{}")
    write(root, "submitted/bob/ps1/Initialization.ipynb", solved())
    write(root, "submitted/bob/ps1/scratch.ipynb", notebook("x = 1"))
    write(root, "submitted/cy/ps1/notes.txt", b"none")
    return root


def collected(out: Path) -> Manifest:
    found = manifests.load(out)
    assert found is not None
    return found


@pytest.mark.parametrize("folder", ["", "submitted"])
def test_a_course_folder_is_laid_out(tmp_path, capsys, folder):
    root = course(tmp_path / "course") / folder
    assert main(["lms", "nbgrader", "collect", str(root), "--out", str(tmp_path / "out")]) == 0

    found = collected(tmp_path / "out")
    assert found.assignment == {"assignment": "ps1"}
    ada, bob, cy = found.entries
    assert (ada.student, ada.original, ada.lms) == (
        "ada",
        "Initialization.ipynb",
        {"timestamp": WHEN, "notebook": "Initialization"},
    )
    assert (bob.original, bob.others) == ("Initialization.ipynb", ("scratch.ipynb",))
    assert (cy.file, cy.others) == (None, ("notes.txt",))
    assert "s3cr3t" not in (tmp_path / "out" / manifests.FILE).read_text(encoding="utf-8")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["ada.ipynb", "bob.ipynb", manifests.FILE]


def test_of_the_exchange_the_last_hand_in_counts(tmp_path):
    inbound = tmp_path / "inbound"
    for when, name in (("2026-11-25 10:00:00 UTC", "old.ipynb"), ("2026-11-25 11:00:00 UTC", "new.ipynb")):
        write(inbound, f"ada+ps1+{when}+abc/{name}", solved())
    write(inbound, "bob+ps1+2026-11-25 09:00:00 UTC/x.ipynb", solved())
    main(["lms", "nbgrader", "collect", str(inbound), "--out", str(tmp_path / "out")])

    ada, bob = collected(tmp_path / "out").entries
    assert (ada.original, ada.lms["timestamp"]) == ("new.ipynb", "2026-11-25 11:00:00 UTC")
    assert bob.student == "bob"


def test_of_several_assignments_one_is_named(tmp_path, capsys):
    root = course(tmp_path / "course")
    write(root, "submitted/ada/ps2/x.ipynb", solved())
    command = ["lms", "nbgrader", "collect", str(root), "--out", str(tmp_path / "out")]
    assert main(command) == 2
    assert "ps1 and ps2" in capsys.readouterr().err
    assert main([*command, "--assignment", "ps3"]) == 2
    assert main([*command, "--assignment", "ps2"]) == 0
    assert [entry.student for entry in collected(tmp_path / "out").entries] == ["ada"]


def test_what_lies_in_no_students_folder_is_said(tmp_path, capsys):
    root = course(tmp_path / "course")
    write(root, "submitted/stray.ipynb", solved())
    assert main(["lms", "nbgrader", "collect", str(root), "--out", str(tmp_path / "out")]) == 1
    assert "stray.ipynb: not in STUDENT/ASSIGNMENT/" in capsys.readouterr().err


@pytest.mark.parametrize(
    "nested",
    [
        "submitted/bob+ps1+2099-01-01 00:00:00 UTC/Initialization.ipynb",
        "submitted/bob/ps1/Aaa.ipynb",
        "submitted/carol/ps1/Aaa.ipynb",
        "inbound/bob+ps1+2099-01-01 00:00:00 UTC/Initialization.ipynb",
        "submitted/ada/ps2/Initialization.ipynb",
    ],
)
@pytest.mark.parametrize("form", ["course", "submitted", "zip", "zip of submitted", "inbound", "zip of inbound"])
def test_folders_in_a_hand_in_say_nothing_of_whose_a_file_is(tmp_path, form, nested):
    exchange = form.endswith("inbound")
    top = tmp_path / ("inbound" if exchange else "course")
    for student in ("ada", "bob"):
        folder = f"{student}+ps1+{WHEN}" if exchange else f"submitted/{student}/ps1"
        write(top, f"{folder}/Initialization.ipynb", solved())
    evil = notebook("x = 1")
    write(top, (f"ada+ps1+{WHEN}/" if exchange else "submitted/ada/ps1/") + nested, evil)
    root = top / "submitted" if form in {"submitted", "zip of submitted"} else top
    if form.startswith("zip"):
        root = Path(shutil.make_archive(str(tmp_path / "export"), "zip", root))
    main(["lms", "nbgrader", "collect", str(root), "--out", str(tmp_path / "out")])

    ada, bob = collected(tmp_path / "out").entries
    assert (ada.student, ada.original, ada.others) == ("ada", "Initialization.ipynb", (nested,))
    assert (bob.student, bob.original, bob.others) == ("bob", "Initialization.ipynb", ())
    assert bob.lms["timestamp"] == (WHEN if exchange else "")


def test_a_students_folder_in_the_exchange_is_not_the_folder_of_submissions(tmp_path):
    write(tmp_path, f"inbound/ada+ps1+{WHEN}/Initialization.ipynb", solved())
    write(tmp_path, "inbound/submitted/bob/ps1/Initialization.ipynb", solved())
    assert main(["lms", "nbgrader", "collect", str(tmp_path / "inbound"), "--out", str(tmp_path / "out")]) == 1
    assert [entry.student for entry in collected(tmp_path / "out").entries] == ["ada"]


def test_other_folders_of_a_zipped_course_hold_no_submissions(tmp_path, capsys):
    root = course(tmp_path / "course")
    write(root, "source/ps1/Initialization.ipynb", solved())
    export = shutil.make_archive(str(tmp_path / "export"), "zip", tmp_path, "course")
    assert main(["lms", "nbgrader", "collect", export, "--out", str(tmp_path / "out")]) == 1
    assert "source/ps1/Initialization.ipynb: not in STUDENT/ASSIGNMENT/" in capsys.readouterr().err
    assert [entry.student for entry in collected(tmp_path / "out").entries] == ["ada", "bob", "cy"]


# --- out -----------------------------------------------------------------------------------------------------------


def exported(out: Path, pages: Path, *, absent: float | None = None) -> Export:
    """A request with the results of three students, whose pages lie in `pages`."""
    records = {"ada": result(), "bob": everyday(), "cy": unreadable()}
    graded = []
    for student, record in records.items():
        write(pages, f"{student}/feedback.html", feedback_page(record).encode())
        lms = {"timestamp": WHEN if student == "ada" else "", "notebook": "Initialization"}
        entry = Entry(file=f"{student}.ipynb", student=student, lms=lms)
        graded.append(Graded(entry, record, pages / student, absent="unreadable" if student == "cy" else ""))
    return Export(
        manifest=Manifest(system="nbgrader", assignment={"assignment": "ps1"}),
        graded=graded, out=out, title="Initialization", possible=30.0, absent={"unreadable": None if absent is None else exact(absent)},
    )  # fmt: skip


def test_feedback_lies_where_it_is_released_from_and_the_rest_aside(tmp_path):
    root = course(tmp_path / "course")
    done = nbgrader.export(exported(root, tmp_path / "graded"))

    released = root / "feedback" / "ada" / "ps1"
    assert {path.name: path.read_bytes()[:6] for path in released.iterdir()} == {
        "Initialization.html": b"<!doct", "timestamp.txt": WHEN.encode()[:6], "submission_secret.txt": b"s3cr3t",
    }  # fmt: skip
    assert not (root / "feedback" / "bob").exists()  # release_feedback would stop at it
    assert (root / "grader" / "feedback" / "bob" / "ps1" / "Initialization.html").is_file()
    assert len(done.attention) == 2
    assert "s3cr3t" not in "".join((*done.messages, *done.attention))


def test_the_grades_name_each_function_and_leave_out_who_is_left_blank(tmp_path):
    root = course(tmp_path / "course")
    nbgrader.export(exported(root, tmp_path / "graded"))
    found = json.loads((root / "grader" / "ps1.json").read_bytes())

    assert found["cells"] == [{"name": name, "max_score": 10.0} for name in (ZEROS, RANDOM, HE)]
    assert {one["student"]: one["scores"][RANDOM] for one in found["submissions"]} == {"ada": 10.0, "bob": 7.0}


def test_a_function_that_could_not_be_judged_gets_no_zero(tmp_path):
    request = exported(course(tmp_path / "course"), tmp_path / "graded")
    functions = {**result().functions, HE: replace(result().functions[HE], status="broken", points=0.0, possible=0.0)}
    asked_for = replace(request.graded[0], result=result(functions))
    nbgrader.export(replace(request, graded=[asked_for, request.graded[1]]))
    found = json.loads((tmp_path / "course" / "grader" / "ps1.json").read_bytes())
    assert found["submissions"][0]["scores"] == {ZEROS: 10.0, RANDOM: 10.0}
    assert found["cells"][2] == {"name": HE, "max_score": 10.0}


def test_points_for_an_absent_notebook_are_shared_out(tmp_path):
    root = course(tmp_path / "course")
    nbgrader.export(exported(root, tmp_path / "graded", absent=6))
    found = json.loads((root / "grader" / "ps1.json").read_bytes())
    assert found["submissions"][2]["scores"] == {ZEROS: 2.0, RANDOM: 2.0, HE: 2.0}


def test_exporting_again_gives_the_same_bytes(tmp_path):
    root = course(tmp_path / "course")
    request = exported(root, tmp_path / "graded")
    nbgrader.export(request)
    first = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    nbgrader.export(request)
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == first


@pytest.mark.parametrize("student", ["..", "a/b", "", "a\\b", "."])
def test_a_student_that_is_no_folder_name_is_refused(tmp_path, student):
    request = exported(tmp_path / "course", tmp_path / "graded")
    one = replace(request.graded[0], entry=Entry(file=None, student=student))
    with pytest.raises(RequestError, match="not the name of a student"):
        nbgrader.export(replace(request, graded=[one]))


# --- with the real nbgrader ----------------------------------------------------------------------------------------


def python_of_nbgrader() -> str:
    """The Python that nbgrader is installed for: this one, or the one that NBGRADER_PYTHON names."""
    python = os.environ.get("NBGRADER_PYTHON", sys.executable)
    if subprocess.run([python, "-c", "import nbgrader"], capture_output=True, check=False).returncode:
        pytest.skip("nbgrader is not installed: THE IMPORT INTO ITS GRADEBOOK WAS NOT TESTED; set NBGRADER_PYTHON")
    return python


def ran(*command: object, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    search = f"{Path(str(command[0])).parent}{os.pathsep}{os.environ['PATH']}"  # nbgrader calls alembic
    home = {"HOME": str(folder), "JUPYTER_DATA_DIR": str(folder / ".jupyter"), "PATH": search}
    return subprocess.run(
        [str(part) for part in command],
        cwd=folder, env={**kept, **home, **environment}, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


@pytest.fixture
def graded_course(tmp_path) -> Path:
    root = course(tmp_path / "course")
    config = f"c = get_config()\nc.CourseDirectory.course_id = 'dl'\nc.Exchange.root = {str(tmp_path / 'exchange')!r}\n"
    write(root, "nbgrader_config.py", config.encode())
    (tmp_path / "exchange").mkdir()
    nbgrader.export(exported(root, tmp_path / "graded"))
    return root


def scores(python: str, root: Path) -> dict[str, tuple[str, str]]:
    said = ran(python, "-m", "nbgrader", "export", "--to", "grades.csv", folder=root)
    assert said.returncode == 0, said.stderr
    head, *rows = [line.split(",") for line in (root / "grades.csv").read_text(encoding="utf-8").splitlines()]
    table = [dict(zip(head, row, strict=True)) for row in rows]
    return {row["student_id"]: (row["score"], row["max_score"]) for row in table}


@pytest.mark.slow
def test_nbgrader_reads_the_grades_that_were_put_in(graded_course):
    python = python_of_nbgrader()
    importing = (python, "grader/import_grades.py", "grader/ps1.json")
    first, again = (ran(*importing, folder=graded_course) for _ in range(2))

    assert first.stdout == "ps1: 2 submissions, 2 with other points than before\n", first.stderr
    assert again.stdout == "ps1: 2 submissions, 0 with other points than before\n"
    assert scores(python, graded_course) == {"ada": ("30.0", "30.0"), "bob": ("27.0", "30.0")}


@pytest.mark.slow
def test_what_has_no_points_is_left_for_a_person(graded_course):
    python = python_of_nbgrader()
    path = graded_course / "grader" / "ps1.json"
    found = json.loads(path.read_bytes())
    del found["submissions"][0]["scores"][HE]
    path.write_text(json.dumps(found), encoding="utf-8")
    assert ran(python, "grader/import_grades.py", "grader/ps1.json", folder=graded_course).returncode == 0
    query = "SELECT auto_score IS NULL, needs_manual_grade FROM grade WHERE auto_score IS NULL"
    code = f"import sqlite3; print(sqlite3.connect('gradebook.db').execute({query!r}).fetchall())"
    assert ran(python, "-c", code, folder=graded_course).stdout.strip() == "[(1, 1)]"


@pytest.mark.slow
def test_the_assignments_own_grade_cells_get_the_points(graded_course):
    python = python_of_nbgrader()
    untouched = Path(__file__).parents[2] / "submissions" / "untouched.ipynb"
    (graded_course / "source" / "ps1").mkdir(parents=True)
    shutil.copy(untouched, graded_course / "source" / "ps1" / "Initialization.ipynb")
    made = ran(python, "-m", "nbgrader", "generate_assignment", "ps1", folder=graded_course)
    assert made.returncode == 0, made.stderr

    put = ran(python, "grader/import_grades.py", "grader/ps1.json", folder=graded_course)
    assert put.returncode == 0, put.stderr
    assert scores(python, graded_course) == {"ada": ("30.0", "30.0"), "bob": ("27.0", "30.0")}


def of_nbgrader(points: dict[str, int]) -> bytes:
    """A notebook with a grade cell for each function."""
    cells = [
        {
            "cell_type": "code", "execution_count": None, "id": f"c{number}", "outputs": [], "source": f"assert {name}([2, 1])",
            "metadata": {"nbgrader": {"grade": True, "grade_id": f"test-{number}", "locked": True, "points": worth,
                                      "schema_version": 3, "solution": False, "task": False, "cell_type": "code"}},
        }
        for number, (name, worth) in enumerate(points.items())
    ]  # fmt: skip
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return json.dumps({"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}).encode()


def notebooks_of(python: str, root: Path) -> str:
    query = "SELECT name FROM notebook ORDER BY name"
    code = f"import sqlite3; print(sqlite3.connect('gradebook.db').execute({query!r}).fetchall())"
    return ran(python, "-c", code, folder=root).stdout.strip()


@pytest.mark.slow
def test_a_renamed_notebook_never_adds_one_to_the_assignment(tmp_path):
    python = python_of_nbgrader()
    root = course(tmp_path / "course")
    write(root, "nbgrader_config.py", b"c = get_config()\nc.CourseDirectory.course_id = 'dl'\n")
    write(root, "source/ps1/Initialization.ipynb", of_nbgrader({ZEROS: 10, RANDOM: 15, HE: 10}))
    assert ran(python, "-m", "nbgrader", "generate_assignment", "ps1", folder=root).returncode == 0
    request = exported(root, tmp_path / "graded")
    renamed = msgspec.structs.replace(request.graded[1].entry, lms={"timestamp": "", "notebook": "Initialization_ben"})
    nbgrader.export(replace(request, graded=[request.graded[0], replace(request.graded[1], entry=renamed)]))

    for changed in (2, 0):
        put = ran(python, "grader/import_grades.py", "grader/ps1.json", folder=root)
        assert (put.returncode, put.stdout) == (0, f"ps1: 2 submissions, {changed} with other points than before\n")
    assert notebooks_of(python, root) == "[('Initialization',)]"
    assert scores(python, root) == {"ada": ("35.0", "35.0"), "bob": ("30.5", "35.0")}


@pytest.mark.slow
def test_of_several_released_notebooks_a_renamed_one_is_left_out_and_named(tmp_path):
    python = python_of_nbgrader()
    root = course(tmp_path / "course")
    write(root, "nbgrader_config.py", b"c = get_config()\nc.CourseDirectory.course_id = 'dl'\n")
    for name in ("Initialization", "Theory"):
        points = {ZEROS: 10, RANDOM: 15, HE: 10} if name == "Initialization" else {"essay": 5}
        write(root, f"source/ps1/{name}.ipynb", of_nbgrader(points))
    assert ran(python, "-m", "nbgrader", "generate_assignment", "ps1", folder=root).returncode == 0
    request = exported(root, tmp_path / "graded")
    renamed = msgspec.structs.replace(request.graded[1].entry, lms={"timestamp": "", "notebook": "Initialization_ben"})
    nbgrader.export(replace(request, graded=[request.graded[0], replace(request.graded[1], entry=renamed)]))

    importing = (python, "grader/import_grades.py", "grader/ps1.json")
    put = ran(*importing, folder=root)
    assert (put.returncode, put.stdout) == (1, "ps1: 1 submissions, 1 with other points than before\n")
    assert "bob: 'Initialization_ben' is none of Initialization, Theory: no grade was written" in put.stderr
    assert "no notebook 'Init'" in ran(*importing, "--notebook", "Init", folder=root).stderr
    refused = ran(*importing, "--notebook", "Theory", folder=root)
    assert (refused.returncode, "not clear where the points belong" in refused.stderr) == (1, True)
    assert ran(*importing, "--notebook", "Initialization", folder=root).returncode == 0
    assert notebooks_of(python, root) == "[('Initialization',), ('Theory',)]"
    assert scores(python, root) == {"ada": ("35.0", "40.0"), "bob": ("30.5", "40.0")}


@pytest.mark.slow
def test_a_notebook_that_an_earlier_import_added_is_named_and_gets_nothing(tmp_path):
    python = python_of_nbgrader()
    root = course(tmp_path / "course")
    write(root, "nbgrader_config.py", b"c = get_config()\nc.CourseDirectory.course_id = 'dl'\n")
    write(root, "source/ps1/Initialization.ipynb", of_nbgrader({ZEROS: 10, RANDOM: 15, HE: 10}))
    assert ran(python, "-m", "nbgrader", "generate_assignment", "ps1", folder=root).returncode == 0
    code = "from nbgrader.api import Gradebook\nwith Gradebook('sqlite:///gradebook.db') as gb: gb.{}('extra', 'ps1')"
    assert ran(python, "-c", code.format("add_notebook"), folder=root).returncode == 0
    nbgrader.export(exported(root, tmp_path / "graded"))
    put = ran(python, "grader/import_grades.py", "grader/ps1.json", folder=root)
    assert put.returncode == 0
    assert "remove_notebook('extra', 'ps1')" in put.stderr
    assert ran(python, "-c", code.format("remove_notebook"), folder=root).returncode == 0
    assert scores(python, root)["bob"] == ("30.5", "35.0")


def test_a_page_is_called_as_the_students_notebook_is(tmp_path):
    root = course(tmp_path / "course")
    request = exported(root, tmp_path / "graded")
    entry = msgspec.structs.replace(request.graded[0].entry, lms={"timestamp": WHEN, "notebook": "inside_a_zip"})
    nbgrader.export(replace(request, graded=[replace(request.graded[0], entry=entry)]))
    assert (root / "feedback" / "ada" / "ps1" / "Initialization.html").is_file()  # by that name nbgrader fetches it
    assert json.loads((root / "grader" / "ps1.json").read_bytes())["submissions"][0]["notebook"] == "inside_a_zip"


@pytest.mark.slow
def test_nbgrader_releases_the_feedback(graded_course):
    python = python_of_nbgrader()
    released = ran(python, "-m", "nbgrader", "release_feedback", "ps1", folder=graded_course)
    assert released.returncode == 0, released.stderr
    (page,) = (graded_course.parent / "exchange" / "dl" / "feedback").glob("*.html")
    assert page.read_bytes() == (graded_course / "feedback" / "ada" / "ps1" / "Initialization.html").read_bytes()
