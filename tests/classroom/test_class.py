"""A class in the hands of people: rulings, reviews, rosters, manifests, forgetting."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import sqlite3
import stat
import zipfile
from pathlib import Path

import pytest
from notebooks import HE, IMPORTS, RANDOM, ZEROS, edit, notebook, solved, write
from stores import selected

from grader.classroom import batch, manifest, pool, review, roster, rulings, submissions
from grader.classroom.statistics import gather, overview
from grader.classroom.submissions import Submission
from grader.cli import main
from grader.exercise import load as exercises
from grader.store import Store

SCALE_001 = edit(RANDOM, ("* 10", "* 0.01"))
CLASS = {
    "ada.ipynb": solved(random=SCALE_001),
    "bob.ipynb": solved(random=SCALE_001, before=f"{IMPORTS}\n# Bob's own"),
    "cyd.ipynb": solved(),
    "dan.ipynb": b"",
}

pytestmark = pytest.mark.usefixtures("in_process")


@pytest.fixture(scope="module")
def first(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("class")
    for name, data in CLASS.items():
        write(folder / "in", name, data)
    assert main(["batch", str(folder / "in"), "--out", str(folder / "out"), "--jobs", "1", "--quiet"]) == 0
    return folder


@pytest.fixture
def graded(first, tmp_path) -> Path:
    shutil.copytree(first, tmp_path / "class")
    return tmp_path / "class"


def grader(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def rows(out: Path) -> dict[str, dict[str, str]]:
    with (out / "grades.csv").open(encoding="utf-8", newline="") as file:
        return {row["submission"]: row for row in csv.DictReader(file)}


def result(out: Path, folder: str) -> dict:
    return json.loads((out / folder / "result.json").read_text(encoding="utf-8"))


def exercise_with(folder: Path, *changes: tuple[str, str]) -> Path:
    """The exercise with other points, say; evidence stays what it is."""
    source = exercises.load().folder
    text = (source / "exercise.toml").read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    write(folder, "exercise.toml", text.encode())
    for name in ("solution.ipynb", "trainings.json"):
        write(folder, name, (source / name).read_bytes())
    return folder


@pytest.fixture
def no_student_code(monkeypatch):
    """Fail where code other than the exercise's own would be run."""
    from grader.running.sandbox import Sandbox

    original = Sandbox.run

    def run(self, function, calls, **how):
        assert "0.01" not in function.code
        return original(self, function, calls, **how)

    monkeypatch.setattr(Sandbox, "run", run)
    monkeypatch.setattr(Sandbox, "run_variants", None)


def ruling(out: Path, *what: str, points: str = "9") -> int:
    return grader("override", out, *(what or ("ada.ipynb", "random", points)), "--reason", "one sign", "--by", "Grace")


# --- rulings -------------------------------------------------------------------------------------------------------


def test_a_ruling_is_in_result_page_and_gradebook(graded, capsys):
    out = graded / "out"
    assert ruling(out) == 0
    assert "7 -> 9 points" in capsys.readouterr().out
    found = result(out, "ada")
    assert (found["score"], found["functions"]["initialize_parameters_random"]["points"]) == (29, 9)
    assert found["functions"]["initialize_parameters_random"]["ruling"]["before"] == 7
    assert (rows(out)["ada.ipynb"]["score"], rows(out)["ada.ipynb"]["random"]) == ("29.0", "9.0")
    page = (out / "ada" / "feedback.html").read_text(encoding="utf-8")
    assert "29 of 30" in page
    assert "A person changed the points of random from 7 to 9: one sign." in page
    assert "27 of 30" not in page
    with Store(out / "grades.sqlite") as store:
        assert {r.submission.name: r.score for _, _, r in store.results()}["ada.ipynb"] == 29


def test_a_ruling_during_a_batch_is_in_the_gradebook_that_the_batch_writes(graded, tmp_path):
    """What the batch knew of the submission when it was graded is older than the ruling."""
    out = graded / "out"
    ruled = []

    def meanwhile(done, total, _running):
        if done == total and not ruled:
            ruled.append(ruling(out))

    settings = batch.Settings(start=pool.here, progress=meanwhile)
    write(graded, "in/ada.ipynb", (graded / "in" / "ada.ipynb").read_bytes() + b" ")
    batch.batch([graded / "in"], out, exercises.load(), settings)
    assert ruled == [0]
    assert rows(out)["ada.ipynb"]["random"] == "9.0"


@pytest.mark.parametrize(
    "again",
    [
        ("batch", "{in}", "--out", "{out}", "--quiet"),
        ("batch", "{in}", "--out", "{out}", "--fresh", "--quiet", "--jobs", "1"),
        ("regrade", "{out}", "--quiet"),
    ],
    ids=["resume", "fresh", "regrade"],
)
def test_a_ruling_survives(graded, again):
    ruling(graded / "out")
    assert grader(*(part.format(**{"in": graded / "in", "out": graded / "out"}) for part in again)) == 0
    assert result(graded / "out", "ada")["score"] == 29
    assert rows(graded / "out")["ada.ipynb"]["random"] == "9.0"


def test_a_regrade_says_where_the_machine_gives_other_points_under_a_ruling(graded, tmp_path, capsys):
    ruling(graded / "out")
    other = exercise_with(tmp_path / "other", ('policy = "partial"', 'policy = "course"'))
    assert grader("regrade", graded / "out", "--exercise", other) == 0
    said = capsys.readouterr().out
    assert (
        "ada.ipynb, random: the ruling of 9 points still counts. The grader now gives 0; it gave 7 when Grace ruled"
        in said
    )
    assert (rows(graded / "out")["ada.ipynb"]["random"], rows(graded / "out")["bob.ipynb"]["random"]) == ("9.0", "0.0")
    grader("review", graded / "out", "--json")
    kinds = {
        item["submission"]: item["kind"] for item in json.loads(capsys.readouterr().out) if item["kind"] == "ruling"
    }
    assert set(kinds) == {"ada.ipynb"}


def test_a_ruling_on_other_code_does_not_count_and_is_listed(graded, capsys):
    ruling(graded / "out", "ada.ipynb", "random", "3")
    write(graded / "in", "ada.ipynb", solved())
    capsys.readouterr()
    grader("batch", graded / "in", "--out", graded / "out", "--jobs", "1")
    assert "the ruling of 3 points is about other code and does not count" in capsys.readouterr().out
    assert rows(graded / "out")["ada.ipynb"]["score"] == "30.0"
    write(graded / "in", "ada.ipynb", solved(random=SCALE_001, before=f"{IMPORTS}\n# saved again"))
    grader("batch", graded / "in", "--out", graded / "out", "--jobs", "1", "--quiet")
    assert rows(graded / "out")["ada.ipynb"]["random"] == "3.0"  # the very function that was ruled on


def test_a_ruling_is_listed_when_the_points_under_it_change_also_after_a_look(graded, tmp_path):
    out = graded / "out"
    ruling(out)

    def listed() -> list[str]:
        return [one.submission for one in rulings.to_review(out) if one.kind == "ruling"]

    def looked() -> None:
        assert grader("review", out, "--done", "ada.ipynb", "--by", "Grace") == 0

    looked()
    assert listed() == []
    other = exercise_with(
        tmp_path / "other", ("distribution = 2\ndraws = 2\nscale = 3", "distribution = 1\ndraws = 1\nscale = 5")
    )
    assert grader("regrade", out, "--exercise", other, "--quiet") == 0
    assert listed() == ["ada.ipynb"]
    looked()
    assert listed() == []


def test_the_same_ruling_is_offered_to_all_with_the_same_evidence(graded, capsys):
    out = graded / "out"
    ruling(out)
    capsys.readouterr()
    assert grader("override", out, "--like", "ada.ipynb", "random") == 0
    said = capsys.readouterr().out
    assert "ada.ipynb" in said
    assert "bob.ipynb" in said
    assert "cyd.ipynb" not in said
    assert rows(out)["bob.ipynb"]["random"] == "7.0"
    assert grader("override", out, "--like", "ada.ipynb", "random", "--yes") == 0
    assert {name: row["random"] for name, row in rows(out).items()} == {
        "ada.ipynb": "9.0", "bob.ipynb": "9.0", "cyd.ipynb": "10.0", "dan.ipynb": "0.0"
    }  # fmt: skip


def test_undo_is_one_more_entry(graded, capsys):
    out = graded / "out"
    ruling(out)
    assert grader("override", out, "ada", "random", "--undo", "--by", "Alan") == 0
    assert rows(out)["ada.ipynb"]["random"] == "7.0"
    assert "ruling" not in (out / "ada" / "feedback.html").read_text() or result(out, "ada")["score"] == 27
    capsys.readouterr()
    grader("review", out, "--ledger", "--json")
    assert [(one["kind"], one["by"]) for one in json.loads(capsys.readouterr().out)] == [
        ("override", "Grace"),
        ("undo", "Alan"),
    ]


@pytest.mark.parametrize("statement", ["UPDATE ledger SET points = 10", "DELETE FROM ledger"])
def test_nobody_changes_the_ledger(graded, statement):
    ruling(graded / "out")
    database = sqlite3.connect(graded / "out" / "grades.sqlite")
    with pytest.raises(sqlite3.DatabaseError, match="only grows"):
        database.execute(statement)
    database.close()


@pytest.mark.parametrize(
    ("what", "says"),
    [
        (("eve.ipynb", "random", "3"), "no submission 'eve.ipynb'"),
        (("ada.ipynb", "sigmoid", "3"), "no function 'sigmoid'"),
        (("ada.ipynb", "random", "11"), "has at most 10 points"),
        (("ada.ipynb", "random", "nan"), "has at most 10 points"),
        (("ada.ipynb", "random", "much"), "not a number"),
        (("random", "3"), "not clear"),
    ],
)
def test_a_ruling_that_cannot_be_is_refused(graded, what, says, capsys):
    before = (graded / "out" / "grades.csv").read_bytes()
    assert ruling(graded / "out", *what) == 2
    assert says in capsys.readouterr().err
    assert (graded / "out" / "grades.csv").read_bytes() == before


def test_a_ruling_needs_a_reason_and_a_name(graded, capsys):
    assert grader("override", graded / "out", "ada.ipynb", "random", "9", "--by", "Grace") == 2
    assert grader("override", graded / "out", "ada.ipynb", "random", "9", "--reason", "so") == 2
    assert "a reason and the name" in capsys.readouterr().err


def test_a_person_settles_what_could_not_be_judged(graded, capsys):
    out = graded / "out"
    for short in ("zeros", "random", "he"):
        assert ruling(out, "dan.ipynb", short, "5") == 0
    found = result(out, "dan")
    assert (found["score"], found["possible"], found["provisional"]) == (15, 30, False)
    assert found["summary"]["headline"] == "15 of 30. The file could not be read."
    capsys.readouterr()
    grader("review", out, "--json")
    assert "dan.ipynb" not in {item["submission"] for item in json.loads(capsys.readouterr().out)}


# --- review --------------------------------------------------------------------------------------------------------


def test_review_lists_what_to_look_at(graded, capsys):
    write(graded / "in", "ada twice.ipynb", CLASS["ada.ipynb"])
    odd = edit(
        HE,
        (
            "np.random.randn(layers_dims[l], layers_dims[l-1])",
            "np.random.standard_cauchy((layers_dims[l], layers_dims[l-1]))",
        ),
    )
    write(graded / "in", "odd.ipynb", solved(he=odd))
    grader("batch", graded / "in", "--out", graded / "out", "--jobs", "1", "--quiet")
    assert grader("review", graded / "out", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    said = {(item["submission"], item["kind"]) for item in found}
    assert {("dan.ipynb", "unreadable"), ("ada.ipynb", "same_file"), ("ada twice.ipynb", "same_file")} <= said
    assert ("ada twice.ipynb", "sample") in said
    assert ("bob.ipynb", "sample") not in said
    kinds = {kind for name, kind in said if name == "odd.ipynb"}
    assert kinds & {"once", "cannot_tell"}
    assert {item["submission"] for item in found if item["held"]} >= {"dan.ipynb"}


def test_what_was_looked_at_is_open_no_more_until_the_file_changes(graded, capsys):
    def open_items() -> dict[str, tuple[str, ...]]:
        with Store(graded / "out" / "grades.sqlite") as store:
            return review.open_items((r for _, _, r in store.results()), store.seen())

    assert set(open_items()) == {"dan.ipynb"}
    assert grader("review", graded / "out", "--done", "dan.ipynb") == 2
    assert grader("review", graded / "out", "--done", "dan.ipynb", "--by", "Grace") == 0
    assert open_items() == {}
    write(graded / "in", "dan.ipynb", b"not a notebook either")
    grader("batch", graded / "in", "--out", graded / "out", "--jobs", "1", "--quiet")
    assert set(open_items()) == {"dan.ipynb"}


# --- other points --------------------------------------------------------------------------------------------------


def test_other_points_are_given_from_evidence_and_first_shown(graded, tmp_path, capsys, no_student_code):
    out = graded / "out"
    before = {path.name: path.read_bytes() for path in (*out.glob("*.csv"), *out.glob("*/*.html"))}
    other = exercise_with(tmp_path / "other", ('policy = "partial"', 'policy = "course"'))
    assert grader("regrade", out, "--exercise", other, "--preview", "--quiet") == 0
    said = capsys.readouterr().out
    assert "ada.ipynb, random: 7 -> 0, -7" in said
    assert "0 would gain points, 2 would lose points" in said
    assert {path.name: path.read_bytes() for path in (*out.glob("*.csv"), *out.glob("*/*.html"))} == before
    change = ("--exercise", other, "--change-exercise")
    assert grader("batch", graded / "in", "--out", out, *change, "--jobs", "1") == 0
    said = capsys.readouterr().out
    assert "graded 0, judged again 4, unchanged 0" in said
    assert "judging again changed the points of 2 submissions" in said
    assert rows(out)["ada.ipynb"]["score"] == "20.0"


def test_evidence_of_other_calls_is_not_judged_again(graded, tmp_path, capsys):
    other = exercise_with(tmp_path / "other", ("cpu_seconds = 4", "cpu_seconds = 3")) if "cpu_seconds = 4" in (
        exercises.load().folder / "exercise.toml"
    ).read_text() else exercise_with(tmp_path / "other", ("[limits]", "[limits]\nfirst_uid = 64001"))  # fmt: skip
    assert grader("regrade", graded / "out", "--exercise", other) == 2
    assert "run for other calls" in capsys.readouterr().err


def test_results_of_files_that_are_gone_stay_and_are_named(graded, capsys):
    (graded / "in" / "bob.ipynb").unlink()
    assert grader("batch", graded / "in", "--out", graded / "out") == 0
    assert "bob.ipynb was graded before but is no longer in the source" in capsys.readouterr().out
    assert rows(graded / "out")["bob.ipynb"]["score"] == "27.0"


def test_an_unchanged_file_is_not_read_again(graded, monkeypatch, capsys):
    past = 1_700_000_000
    for path in (graded / "in").iterdir():
        os.utime(path, (past, past))
    monkeypatch.setattr("grader.classroom.submissions.SETTLED_NS", 0)
    grader("batch", graded / "in", "--out", graded / "out", "--quiet")
    monkeypatch.setattr("grader.classroom.batch.sha256_of", None)
    capsys.readouterr()
    assert grader("batch", graded / "in", "--out", graded / "out") == 0
    assert "graded 0, unchanged 4" in capsys.readouterr().out


# --- who is who ----------------------------------------------------------------------------------------------------


def sealed(*entries: manifest.Entry) -> bytes:
    """A manifest as collect writes it."""
    return manifest.encode(manifest.sealed(manifest.Manifest(system="moodle", entries=entries))).encode()


@pytest.fixture(scope="module")
def collected(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("collected")
    write(folder / "in", "files/4711.ipynb", solved(random=SCALE_001))
    write(folder / "in", "files/4712.ipynb", solved())
    write(folder / "in", "files/extra.ipynb", solved())
    entries = (
        manifest.Entry(
            file="files/4711.ipynb", student="s-4711", name="Ada", original="final.ipynb", others=("draft.ipynb",)
        ),
        manifest.Entry(file="files/4712.ipynb", student="s-4712", name="Bob", note="It came 3 minutes late."),
        manifest.Entry(file=None, student="s-4713", name="Cyd"),
        manifest.Entry(file="files/lost.ipynb", student="s-4714", name="Dan"),
    )
    write(folder / "in", "manifest.json", sealed(*entries))
    assert grader("batch", folder / "in", "--out", folder / "out", "--jobs", "1", "--quiet") == 3  # one file is lost
    return folder


def test_a_collected_folder_is_graded_as_its_manifest_names_it(collected):
    found = rows(collected / "out")
    assert {row["student"]: (row["score"], row["status"]) for row in found.values()} == {
        "s-4711": ("27.0", "ok"),
        "s-4712": ("30.0", "ok"),
        "s-4713": ("0.0", "no_notebook"),
        "s-4714": ("0.0", "ok"),  # collected and gone since: nobody knows what was in it
    }
    assert [row["student"] for row in found.values() if row["provisional"] == "yes"] == ["s-4714"]
    assert manifest.load(collected / "out") == manifest.load(collected / "in")
    page = (collected / "out" / found["files/4711.ipynb"]["folder"] / "feedback.html").read_text(encoding="utf-8")
    assert "You handed in 2 files. This one counted: final.ipynb. Not graded: draft.ipynb." in page
    assert result(collected / "out", found["files/4711.ipynb"]["folder"])["submission"]["student"] == "s-4711"
    assert all((collected / "out" / row["folder"] / "feedback.html").is_file() for row in found.values())


def test_a_collected_folder_gets_annotated_notebooks_which_follow_rulings(collected):
    out = collected / "out"
    folder = out / rows(out)["files/4711.ipynb"]["folder"]
    cells = json.loads((folder / "annotated.ipynb").read_text())["cells"]
    assert "27 of 30" in "".join(cells[0]["source"])
    code = [cell["source"] for cell in cells if cell["cell_type"] == "code"]
    assert grader("override", out, "s-4711", "random", "8", "--reason", "so", "--by", "Grace", "--quiet") == 0
    cells = json.loads((folder / "annotated.ipynb").read_text())["cells"]
    assert "28 of 30" in "".join(cells[0]["source"])
    assert [cell["source"] for cell in cells if cell["cell_type"] == "code"] == code
    assert grader("override", out, "s-4711", "random", "--undo", "--by", "Grace", "--quiet") == 0


def test_who_hands_in_later_has_one_row(collected, tmp_path, capsys):
    shutil.copytree(collected, tmp_path / "c")
    write(tmp_path / "c" / "in", "files/4713.ipynb", solved())
    found = manifest.load(tmp_path / "c" / "in")
    entries = [
        one if one.student != "s-4713" else manifest.Entry(file="files/4713.ipynb", student="s-4713")
        for one in found.entries
    ]
    write(tmp_path / "c" / "in", "manifest.json", sealed(*entries))
    assert grader("batch", tmp_path / "c" / "in", "--out", tmp_path / "c" / "out", "--jobs", "1") == 3
    assert "graded 2, unchanged 2" in capsys.readouterr().out
    assert [row["score"] for row in rows(tmp_path / "c" / "out").values() if row["student"] == "s-4713"] == ["30.0"]
    assert not (tmp_path / "c" / "out" / "s-4713").exists()


def test_a_manifest_names_nothing_outside_of_its_folder(tmp_path, capsys):
    write(tmp_path, "secret.ipynb", solved())
    entries = (manifest.Entry(file="../secret.ipynb", student="1"),)
    write(tmp_path / "in", "manifest.json", sealed(*entries))
    assert grader("batch", tmp_path / "in", "--out", tmp_path / "out") == 2
    assert "outside of its folder" in capsys.readouterr().err


ROSTER = 'SIS User ID,Student,SIS Login ID,Email\n1,"Lovelace, Ada",al1,ada@x.edu\n2,"Hopper, Grace",gh2,grace@x.edu\n3,"Turing, Alan",at3,\n'
ROSTER = ROSTER.replace("Student,", "Name,")


@pytest.mark.parametrize(
    ("name", "student"),
    [
        ("al1.ipynb", "1"),
        ("AL1/work.ipynb", "1"),
        ("ada@x.edu.ipynb", "1"),
        ("Ada Lovelace.ipynb", "1"),
        ("lovelaceada_12_34_final.ipynb", "1"),
        ("Lovelace, Ada - week 1.ipynb", "1"),
        ("hopper_grace/gh2.ipynb", "2"),
        ("init_3.ipynb", "3"),
        ("al1 and gh2.ipynb", None),
        ("somebody.ipynb", None),
    ],
)
def test_whose_a_file_is(tmp_path, name, student):
    people = roster.parse(ROSTER.encode(), "roster.csv")
    (one,) = [found for found in roster.match([Submission(name, tmp_path)], people) if found.path]
    assert one.student == student


def test_who_hands_in_nothing_gets_a_blank_row(graded, tmp_path, capsys):
    listed = write(tmp_path, "roster.csv", b"id;name\nada;Ada\nbob;Bob\nzoe;Zoe\n")
    assert grader("batch", graded / "in", "--out", graded / "out", "--roster", listed, "--jobs", "1") == 0
    found = rows(graded / "out")
    assert (found["zoe"]["student"], found["zoe"]["status"], found["zoe"]["provisional"]) == (
        "zoe",
        "no_notebook",
        "no",
    )
    assert found["ada.ipynb"]["student"] == "ada"
    assert "judged again 2" in capsys.readouterr().out


def test_a_class_list_is_filled_in_and_who_handed_in_nothing_stays_blank(graded, tmp_path):
    listed = write(tmp_path, "list.csv", b"id;name;HW\nada;Ada;\nbob;Bob;\ndan;Dan;\nzoe;Zoe;\n")
    assert grader("batch", graded / "in", "--out", graded / "out", "--roster", listed, "--jobs", "1", "--quiet") == 0
    assert not list((graded / "out").glob("*/annotated.ipynb"))  # nobody asked for them
    for absent, want in (("blank", ["27", "27", "", ""]), ("zero,no_notebook=5", ["27", "27", "0", "5"])):
        asked = ["--gradebook", listed, "--column", "HW", "--absent", absent, "--quiet"]
        assert grader("lms", "spreadsheet", "export", graded / "out", "--out", tmp_path / "up", *asked) == 0
        filled = (tmp_path / "up" / "grades.csv").read_text(encoding="utf-8-sig").splitlines()
        assert [row.split(";")[2] for row in filled[1:]] == want


def test_which_of_several_files_counts_is_said_on_the_page(tmp_path):
    for age, name in ((50, "ada/old.ipynb"), (10, "ada/new.ipynb")):
        os.utime(write(tmp_path / "in", name, solved()), (1_700_000_000 - age, 1_700_000_000 - age))
    listed = write(tmp_path, "roster.csv", b"id\nada\n")
    assert (
        grader("batch", tmp_path / "in", "--out", tmp_path / "out", "--roster", listed, "--jobs", "1", "--quiet") == 0
    )
    page = (tmp_path / "out" / "ada__old" / "feedback.html").read_text(encoding="utf-8")
    assert "The one that was changed last counts: ada/new.ipynb." in page
    for _ in range(2):
        counts = {name: row["counts"] for name, row in rows(tmp_path / "out").items()}
        assert counts == {"ada/new.ipynb": "yes", "ada/old.ipynb": "no"}
        with batch.opened(tmp_path / "out") as store:
            scores = overview(gather(store.results())).scores
        assert scores is not None
        assert scores.count == 1
        assert grader("regrade", tmp_path / "out", "--quiet") == 0  # from evidence alone, without the list


def zipped(members) -> bytes:
    """A zip of members: name and bytes."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2025, 1, len(name) % 28 + 1, 0, 0, 0)), data)
    return held.getvalue()


def test_zips_are_opened_wherever_they_lie(tmp_path):
    inner = zipped({"x.ipynb": b"{}", "deep.ZIP": zipped({"y.py": b"", "notes.txt": b"", "__MACOSX/._y.py": b""})})
    write(tmp_path / "in", "section/ada.zip", inner)
    write(tmp_path / "in", "all.zip", zipped({"bob/hw.zip": inner, "broken.zip": b"PK", "empty.zip": zipped({})}))
    for source in (tmp_path / "in", tmp_path / "in" / "all.zip"):
        found = submissions.find([source])
        names = {one.name: one for one in found.submissions}
        assert all(one.members for one in names.values())
        prefix = "" if source.suffix else "all.zip/"
        assert {name for name in names if "bob" in name} == {
            f"{prefix}bob/hw.zip/x.ipynb",
            f"{prefix}bob/hw.zip/deep.ZIP/y.py",
        }
        assert {f"{prefix}broken.zip", f"{prefix}empty.zip", f"{prefix}bob/hw.zip/deep.ZIP/notes.txt"} <= set(
            found.ignored
        )
        with submissions.opened(names[f"{prefix}bob/hw.zip/x.ipynb"]) as path:
            assert path.read_bytes() == b"{}"
    assert "section/ada.zip/deep.ZIP/y.py" in {one.name for one in submissions.find([tmp_path / "in"]).submissions}
    assert found.ignored["broken.zip"] == "a zip that is empty or cannot be opened"
    assert found.ignored["bob/hw.zip/deep.ZIP/notes.txt"] == "not a notebook"


def test_zips_in_zips_are_bounded(tmp_path, monkeypatch):
    data = zipped({"x.ipynb": b"{}"})
    for number in range(5):
        data = zipped({f"{number}.zip": data})
    write(tmp_path, "in/deep.zip", data)
    found = submissions.find([tmp_path / "in"])
    assert (found.submissions, list(found.ignored)) == ([], ["deep.zip/4.zip/3.zip/2.zip"])
    many = zipped({f"{number}.ipynb": b"" for number in range(20)})
    write(tmp_path, "many/a.zip", zipped({"b.zip": many, "c.zip": many}))
    monkeypatch.setattr(submissions, "MOST_INNER_FILES", 10)
    assert list(submissions.find([tmp_path / "many"]).ignored) == ["a.zip/b.zip", "a.zip/c.zip"]
    monkeypatch.setattr(submissions, "MOST_INNER_FILES", 100)
    monkeypatch.setattr(submissions, "MOST_INNER_TOTAL_BYTES", len(many))
    found = submissions.find([tmp_path / "many"])
    assert (len(found.submissions), list(found.ignored)) == (0, ["a.zip/b.zip", "a.zip/c.zip"])


def test_of_several_files_in_a_zip_the_latest_by_its_date_counts(tmp_path):
    data = zipped({"ada/a_longer_name.ipynb": b"", "ada/z.ipynb": b""})  # the date grows with the length of the name
    write(tmp_path, "in/all.zip", data)
    people = roster.parse(b"id\nada\n", "roster.csv")
    found = roster.match(submissions.find([tmp_path / "in/all.zip"]).submissions, people)
    assert {one.name: one.counts for one in found} == {"ada/a_longer_name.ipynb": True, "ada/z.ipynb": False}


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no column"),
        (b"colour,size\nred,1\n", "no column"),
        (b"id\n1\n1\n", "more than once"),
        (b"\xff\xfe\x00", "not in UTF-8"),
        (None, "cannot be read"),
    ],
)
def test_a_class_list_that_cannot_be_used_says_why(tmp_path, data, says, capsys):
    write(tmp_path / "in", "a.ipynb", solved())
    if data is not None:
        write(tmp_path, "roster.csv", data)
    assert grader("batch", tmp_path / "in", "--out", tmp_path / "out", "--roster", tmp_path / "roster.csv") == 2
    assert says in capsys.readouterr().err


# --- privacy -------------------------------------------------------------------------------------------------------


def holds(out: Path, *needles: str) -> list[str]:
    """Every file below a folder that holds one of these, in UTF-8, and every name that does."""
    found = []
    for path in out.rglob("*"):
        data = path.read_bytes() if path.is_file() else b""
        found += [f"{path.name}: {one}" for one in needles if one.encode() in data or one in str(path.relative_to(out))]
    return found


def test_the_bytes_of_somebody_who_is_forgotten_are_gone(tmp_path, capsys):
    mark = "zx81"  # in the file's name, the code, the numbers' notes
    odd = edit(RANDOM, ("* 10", f"* 10.0625  # {mark}"))
    write(tmp_path / "in", f"{mark}.ipynb", solved(random=odd))
    write(tmp_path / "in", "ada.ipynb", solved())
    out = tmp_path / "out"
    grader("batch", tmp_path / "in", "--out", out, "--jobs", "1", "--quiet", "--annotated")
    grader("override", out, f"{mark}.ipynb", "random", "9", "--reason", f"{mark} asked", "--by", "Grace", "--quiet")
    with Store(out / "grades.sqlite") as store:
        trainings = len(store.trainings())
    keys = selected(out, "SELECT key FROM outcomes")
    assert holds(out, mark)
    assert grader("forget", out, f"{mark}.ipynb", "--by", "Alan", "--yes") == 0
    assert not holds(out, mark)
    assert set(rows(out)) == {"ada.ipynb"}
    with Store(out / "grades.sqlite") as store:
        assert len(store.trainings()) == trainings - 1
        assert len(selected(out, "SELECT key FROM outcomes")) == len(keys) - 1
        assert [(one.kind, one.by, one.submission) for one in store.ledger.decisions()] == [("removed", "Alan", "")]
    assert grader("forget", out, f"{mark}.ipynb") == 2
    assert "no student and no submission" in capsys.readouterr().err
    with sqlite3.connect(out / "grades.sqlite") as database, pytest.raises(sqlite3.DatabaseError):
        database.execute("DELETE FROM ledger")
    database.close()


def test_a_student_of_a_collected_folder_is_forgotten_by_id(collected, tmp_path):
    shutil.copytree(collected / "out", tmp_path / "out")
    assert grader("forget", tmp_path / "out", "s-4711", "--quiet", "--yes") == 0
    assert not holds(tmp_path / "out", "s-4711", "files/4711", "draft.ipynb")
    assert {row["student"] for row in rows(tmp_path / "out").values()} == {"s-4712", "s-4713", "s-4714"}


def test_what_is_old_is_purged(graded, capsys):
    out = graded / "out"
    assert grader("purge", out, "--older-than", "180d") == 0
    assert ": 0 submissions, " in capsys.readouterr().out
    database = sqlite3.connect(out / "grades.sqlite")
    database.execute("UPDATE submissions SET graded_at = '2020-01-01T00:00:00+00:00' WHERE name = 'ada.ipynb'")
    database.commit()
    database.close()
    assert grader("regrade", out, "--quiet") == 0  # is no new grading
    assert grader("purge", out, "--older-than", "26w", "--quiet", "--yes") == 0
    assert set(rows(out)) == set(CLASS) - {"ada.ipynb"}
    assert not (out / "ada").exists()
    assert grader("purge", out, "--older-than", "soon") == 2


@pytest.mark.parametrize("words", [("forget", "ada.ipynb"), ("purge", "--older-than", "1d")])
def test_nothing_is_removed_before_somebody_agrees(words, graded, capsys, monkeypatch):
    out = graded / "out"
    with sqlite3.connect(out / "grades.sqlite") as database:
        database.execute("UPDATE submissions SET graded_at = '2020-01-01T00:00:00+00:00' WHERE name = 'ada.ipynb'")
    database.close()
    before = holds(out, "ada")
    command = [words[0], out, *words[1:]]

    assert grader(*command) == 2
    shown = capsys.readouterr()
    assert "This would be removed for ever: 1 submission, 1 folder of pages and 0 decisions of people" in shown.out
    assert "  ada.ipynb" in shown.out
    assert "no terminal" in shown.err
    assert "--yes" in shown.err

    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    assert grader(*command) == 1
    assert "othing was removed" in capsys.readouterr().out
    assert holds(out, "ada") == before
    assert set(rows(out)) == set(CLASS)

    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    assert grader(*command) == 0
    assert set(rows(out)) == set(CLASS) - {"ada.ipynb"}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("age", "says"), [("6", "6d, 6w, 6m or 6y"), ("soon", "180d"), ("-1d", "180d"), ("٦d", "180d"), ("1h", "180d")]
)
def test_a_number_alone_is_no_duration(age, says, graded, capsys):
    assert grader("purge", graded / "out", f"--older-than={age}", "--yes") == 2
    shown = capsys.readouterr().err
    assert "is not a duration" in shown
    assert says in shown


def test_of_two_files_of_one_student_the_old_one_is_purged_and_both_are_forgotten(graded, capsys):
    out = graded / "out"
    with sqlite3.connect(out / "grades.sqlite") as database:
        database.execute("UPDATE submissions SET student = '4711' WHERE name IN ('ada.ipynb', 'cyd.ipynb')")
        database.execute("UPDATE submissions SET graded_at = '2020-01-01T00:00:00+00:00' WHERE name = 'ada.ipynb'")
    database.close()
    for name in ("ada", "cyd"):
        page = out / name / "result.json"
        page.write_text(page.read_text().replace('"student": null', '"student": "4711"'))
    shutil.copytree(out, graded / "other")
    assert grader("purge", out, "--older-than", "1y", "--yes") == 0
    assert ": 1 submission, 1 folder of pages" in capsys.readouterr().out
    assert ((out / "ada").exists(), (out / "cyd" / "feedback.html").exists()) == (False, True)
    assert grader("forget", graded / "other", "ada.ipynb", "-y") == 0
    assert ": 2 submissions, 2 folders" in capsys.readouterr().out
    assert set(rows(graded / "other")) == {"bob.ipynb", "dan.ipynb"}
    assert not list((graded / "other").glob("[ac][dy]?"))


def test_staff_files_are_for_their_owner_alone(tmp_path):
    write(tmp_path / "in", "ada.ipynb", solved())
    before = os.umask(0)
    try:
        grader("batch", tmp_path / "in", "--out", tmp_path / "out", "--jobs", "1", "--quiet", "--annotated")
    finally:
        os.umask(before)
    for path in [tmp_path / "out", *(tmp_path / "out").rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


# --- the store -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "says"), [(4, "newer grader"), (0, "before the first release")])
def test_a_store_of_another_version_is_refused(graded, capsys, version, says):
    database = sqlite3.connect(graded / "out" / "grades.sqlite")
    database.execute(f"PRAGMA user_version = {version}")
    database.commit()
    database.close()
    data = (graded / "out" / "grades.csv").read_bytes()
    for command in (["regrade", graded / "out"], ["batch", graded / "in", "--out", graded / "out"]):
        assert grader(*command) == 2
        assert says in capsys.readouterr().err
    assert (graded / "out" / "grades.csv").read_bytes() == data


def test_equal_answers_are_kept_once(graded):
    count = len(selected(graded / "out", "SELECT key FROM outcomes"))
    uses = len(selected(graded / "out", "SELECT outcomes FROM functions WHERE outcomes != ''"))
    assert (count, uses) == (4, 9)  # zeros, he, two of random; of three submissions


def test_what_code_gave_is_found_again_by_its_syntax_tree(graded, monkeypatch):
    """A second class with the same store: what the first one ran is not run again."""
    from grader.running.sandbox import Sandbox

    write(graded / "more", "eve.ipynb", solved(random=SCALE_001))
    ran: list[str] = []
    original = Sandbox.run
    monkeypatch.setattr(
        Sandbox, "run", lambda self, f, calls, **how: ran.append(f.code) or original(self, f, calls, **how)
    )
    settings = batch.Settings(start=batch.pool.here)
    report = batch.batch([graded / "more"], graded / "out", exercises.load(), settings)
    assert report.graded == 1
    assert not [code for code in ran if "0.01" in code]
    assert rows(graded / "out")["eve.ipynb"]["random"] == "7.0"


def test_notebooks_without_functions_are_not_the_same_file(tmp_path, capsys):
    for name in ("a.ipynb", "b.ipynb"):
        write(tmp_path / "in", name, notebook(IMPORTS, ZEROS[:0] or "x = 1"))
    grader("batch", tmp_path / "in", "--out", tmp_path / "out", "--jobs", "1", "--quiet")
    grader("review", tmp_path / "out", "--json")
    assert "same_file" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("table", "column"), [("submissions", "result"), ("submissions", "evidence"), ("outcomes", "data")]
)
def test_a_number_that_was_damaged_in_the_store_is_never_believed(graded, table, column, capsys):
    database = sqlite3.connect(graded / "out" / "grades.sqlite")
    for row, data in database.execute(f"SELECT rowid, {column} FROM {table}").fetchall():
        bent = bytearray(data)
        bent[len(bent) // 2] ^= 1
        database.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (bytes(bent), row))
    database.commit()
    database.close()
    before = (graded / "out" / "grades.csv").read_bytes()
    assert grader("regrade", graded / "out") == 2
    assert "is damaged" in capsys.readouterr().err
    assert (graded / "out" / "grades.csv").read_bytes() == before
