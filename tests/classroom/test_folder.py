"""A class's folder: one command at a time, pages and gradebook that agree, and what was said once is remembered."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from notebooks import RANDOM, edit, solved, write
from test_class import exercise_with

from grader import api as service
from grader.classroom import batch, folder, pool, remembered, roster
from grader.classroom import manifest as manifests
from grader.classroom.lock import locked
from grader.cli import main
from grader.errors import RequestError
from grader.exercise import load as exercise
from grader.exercise import load as exercises
from grader.store import Store, trust

SCALE_001 = edit(RANDOM, ("* 10", "* 0.01"))
LIST = "id,name\n1001,Ada Lovelace\n1002,Bob Stone\n"


def graded_into(out: Path, source: Path, loaded: exercise.Exercise | None = None, **how: object) -> batch.Report:
    return batch.batch([source], out, loaded or exercises.load(), batch.Settings(start=pool.here, **how))


@pytest.fixture(scope="module")
def first(tmp_path_factory) -> Path:
    top = tmp_path_factory.mktemp("folder")
    write(top / "in", "ada lovelace.ipynb", solved(random=SCALE_001))
    write(top / "in", "bob stone.ipynb", solved())
    write(top, "class.csv", LIST.encode())
    graded_into(top / "out", top / "in", roster=top / "class.csv")
    return top


@pytest.fixture
def graded(first, tmp_path) -> Path:
    shutil.copytree(first, tmp_path / "class")
    return tmp_path / "class"


def grader(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def ruled(out: Path, points: str = "9") -> int:
    return grader("override", out, "1001", "random", points, "--reason", "one sign", "--by", "Grace", "--quiet")


def rows(out: Path) -> dict[str, dict[str, str]]:
    with (out / "grades.csv").open(encoding="utf-8", newline="") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def ada(out: Path) -> Path:
    return out / rows(out)["1001"]["folder"]


# --- one at a time -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command", [("batch", "{in}", "--out", "{out}"), ("regrade", "{out}"), ("forget", "{out}", "1001", "--yes")]
)
def test_a_second_command_in_one_folder_says_who_holds_it(graded, capsys, command):
    places = {"in": graded / "in", "out": graded / "out"}
    with locked(graded / "out", "batch"):
        assert grader(*(part.format(**places) for part in command)) == 2
    assert f"is in use: `grader batch` works there (process {os.getpid()} on " in capsys.readouterr().err


def test_the_lock_of_a_process_that_died_holds_nobody_up(tmp_path):
    code = "import os, sys; from pathlib import Path; from grader.classroom.lock import locked\n"
    code += "held = locked(Path(sys.argv[1]), 'batch'); held.__enter__(); os._exit(9)"
    assert subprocess.run([sys.executable, "-c", code, tmp_path], check=False).returncode == 9
    assert (tmp_path / ".grader.lock").stat().st_size
    with locked(tmp_path, "batch"):
        pass


# --- pages, gradebook and store agree ------------------------------------------------------------------------------


@pytest.mark.parametrize("point", ["grader.classroom.folder.work.write_pages", "grader.classroom.folder.write_class"])
def test_a_ruling_that_was_killed_is_made_right_by_the_next_command(graded, monkeypatch, capsys, point):
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    out = graded / "out"
    with monkeypatch.context() as patch:
        patch.setattr(point, killed)
        assert ruled(out) == 130
    assert grader("review", out, "--ledger") == 0
    assert json.loads((ada(out) / "result.json").read_text())["score"] == 29
    assert rows(out)["1001"]["score"] == "29.0"


@pytest.mark.parametrize(
    "name", ["{ada}/feedback.html", "{ada}/result.json", "grades.csv", "index.html", "grades.jsonl"]
)
@pytest.mark.parametrize("content", [b"", b"{", None], ids=["empty", "cut off", "gone"])
def test_a_page_that_was_cut_off_is_written_again_by_the_next_command(graded, name, content):
    out = graded / "out"
    path = out / name.format(ada=ada(out).name)
    before = path.read_bytes()
    path.unlink() if content is None else path.write_bytes(content)
    assert grader("summary", out, "--quiet") == 0
    assert path.read_bytes() == before


def test_a_batch_judges_a_damaged_page_again(graded):
    out = graded / "out"
    (ada(out) / "feedback.html").write_bytes(b"")
    report = graded_into(out, graded / "in")
    assert (report.graded, report.judged_again, report.unchanged) == (0, 1, 1)
    assert b"27 of 30" in (ada(out) / "feedback.html").read_bytes()


def test_a_ruling_while_a_batch_judges_is_on_the_page_too(graded):
    """What the batch knew of the rulings when it began is older."""
    out = graded / "out"
    done = []

    def meanwhile(*_: object) -> None:
        if not done:
            done.append(ruled(out))

    other = exercise_with(graded / "other", ('policy = "partial"', 'policy = "course"'))
    settings = batch.Settings(start=pool.here, progress=meanwhile)
    batch.regrade(out, exercises.load(str(other)), settings)
    assert done == [0]
    assert json.loads((ada(out) / "result.json").read_text())["score"] == 29
    assert (rows(out)["1001"]["score"], rows(out)["1001"]["random"]) == ("29.0", "9.0")


@pytest.mark.parametrize("size", [None, 0], ids=["gone", "empty"])
def test_a_missing_store_beside_results_is_no_new_class(graded, capsys, size):
    out = graded / "out"
    ruled(out)
    for path in out.glob("grades.sqlite*"):
        path.unlink()
    if size is not None:
        (out / "grades.sqlite").touch()
    for command in (("batch", graded / "in", "--out", out), ("regrade", out), ("summary", out)):
        assert grader(*command) == 2
        said = capsys.readouterr().err
        assert "but there are results beside it" in said
        assert "--fresh" in said
    assert rows(out)["1001"]["random"] == "9.0"
    trust(out / "grades.sqlite")
    graded_into(out, graded / "in", fresh=True, roster=graded / "class.csv")
    assert rows(out)["1001"]["random"] == "9.0"  # taken over from rulings.jsonl


def test_rulings_stand_in_a_file_beside_the_store_as_well(graded):
    out = graded / "out"
    ruled(out)
    path = out / "rulings.jsonl"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [json.loads(line)["points"] for line in path.read_text().splitlines()] == [9]
    path.write_bytes(path.read_bytes()[:-20])  # cut off by a power cut
    ruled(out, "8")
    lines = path.read_text().splitlines()
    whole = [json.loads(line)["points"] for line in lines if line.endswith("}")]
    assert whole == [9, 8]  # the first is written again
    with folder.opened(out) as store:
        assert [one.points for one in store.ledger.decisions()] == [9, 8]


def test_a_removal_that_stopped_halfway_is_finished_by_the_next_command(graded, monkeypatch, capsys):
    out = graded / "out"
    ruled(out)
    place = ada(out)

    def stuck(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("grader.classroom.folder.remove_folder", stuck)
        assert grader("forget", out, "1001", "--yes") == 130
    assert place.exists()
    assert grader("summary", out, "--quiet") == 0
    assert not place.exists()
    assert set(rows(out)) == {"1002"}
    assert not [path for path in out.rglob("*") if path.is_file() and b"lovelace" in path.read_bytes()]


# --- what was said once --------------------------------------------------------------------------------------------


def test_the_exercise_of_a_class_is_remembered(graded, capsys):
    out, other = graded / "out", exercise_with(graded / "other", ('policy = "partial"', 'policy = "course"'))
    assert grader("regrade", out, "--exercise", other, "--quiet") == 0
    assert rows(out)["1001"]["score"] == "20.0"
    for command in (("regrade", out), ("batch", graded / "in", "--out", out, "--jobs", "1"), ("summary", out)):
        assert grader(*command, "--quiet") == 0
        assert rows(out)["1001"]["score"] == "20.0"
    assert ruled(out, "3") == 0
    shutil.rmtree(other)  # people decide all the same; only judging again needs the folder
    assert ruled(out, "4") == 0
    assert grader("review", out, "--done", "1001", "--by", "Grace") == 0
    assert grader("forget", out, "1002", "--yes", "--quiet") == 0
    capsys.readouterr()
    assert grader("regrade", out) == 2
    assert f"is no longer in {other.resolve()}" in capsys.readouterr().err


def test_another_exercise_is_an_error_without_a_terminal_and_changes_nothing(graded, capsys):
    out, other = graded / "out", exercise_with(graded / "other", ('policy = "partial"', 'policy = "course"'))
    before = {path: path.read_bytes() for path in out.rglob("*.csv")}
    command = ("batch", graded / "in", "--out", out, "--exercise", other, "--jobs", "1")
    assert grader(*command) == 2
    said = capsys.readouterr().err
    assert "graded with the exercise dls-c2w1-initialization" in said
    assert "--change-exercise" in said
    assert {path: path.read_bytes() for path in out.rglob("*.csv")} == before
    assert grader(*command, "--change-exercise", "--quiet") == 0
    assert rows(out)["1001"]["score"] == "20.0"


@pytest.mark.parametrize("yes", [True, False])
def test_on_a_terminal_a_change_is_a_question(graded, monkeypatch, yes):
    asked = []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.confirm", lambda question, **_: bool(asked.append(question)) or yes)
    other = exercise_with(graded / "other", ('policy = "partial"', 'policy = "course"'))
    command = ("batch", graded / "in", "--out", graded / "out", "--exercise", other, "--jobs", "1", "--quiet")
    assert grader(*command) == (0 if yes else 2)
    assert asked == ["Change it (--change-exercise)?"]


def test_an_exercise_with_the_same_content_in_another_folder_is_the_same(graded):
    out = graded / "out"
    same = exercise_with(graded / "same")
    report = graded_into(out, graded / "in", exercises.load(str(same)))
    assert (report.graded, report.judged_again) == (0, 0)


def test_the_class_list_is_remembered_wherever_its_file_is(graded):
    (graded / "class.csv").unlink()
    write(graded / "in", "late/bob stone.ipynb", solved())
    graded_into(graded / "out", graded / "in")
    assert set(rows(graded / "out")) == {"1001", "1002"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (LIST.replace("1002", "1003"), "1 person is missing: '1002'"),
        (LIST.replace("Ada Lovelace", "Eve").replace("Bob Stone", "Ada Lovelace"), "would belong to somebody else"),
    ],
)
def test_another_class_list_is_an_error_without_a_terminal(graded, capsys, content, says):
    write(graded, "class.csv", content.encode())
    command = (
        "batch",
        graded / "in",
        "--out",
        graded / "out",
        "--roster",
        graded / "class.csv",
        "--jobs",
        "1",
        "--quiet",
    )
    assert grader(*command) == 2
    said = capsys.readouterr().err
    assert says in said
    assert "--change-roster" in said
    assert set(rows(graded / "out")) == {"1001", "1002"}
    assert grader(*command, "--change-roster") == 0


def test_new_people_in_the_class_list_are_welcome(graded):
    write(graded, "class.csv", (LIST + "1003,Cyd Moon\n").encode())
    graded_into(graded / "out", graded / "in", roster=graded / "class.csv")
    assert rows(graded / "out")["1003"]["status"] == "no_notebook"


def test_a_class_that_is_away_keeps_its_grades(graded, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(RequestError, match="no notebook"):
        graded_into(graded / "out", tmp_path / "empty")
    (graded / "in" / "ada lovelace.ipynb").unlink()
    report = graded_into(graded / "out", graded / "in")
    assert "ada lovelace.ipynb was graded before but is no longer in the source" in report.notes[0]
    assert rows(graded / "out")["1001"]["score"] == "27.0"


def test_a_collected_class_is_not_graded_without_its_manifest(graded, capsys):
    from grader.classroom.manifest import Entry, Manifest, encode, sealed

    entry = Entry(file="bob stone.ipynb", student="7", original="hw.ipynb")
    write(graded / "in", "manifest.json", encode(sealed(Manifest(system="moodle", entries=(entry,)))).encode())
    graded_into(graded / "collected", graded / "in")
    (graded / "in" / "manifest.json").unlink()
    with pytest.raises(RequestError, match=r"no manifest\.json"):
        graded_into(graded / "collected", graded / "in")


def test_a_store_that_did_not_keep_its_exercise_takes_the_default(graded):
    with contextlib.closing(sqlite3.connect(graded / "out" / "grades.sqlite")) as database, database:
        database.execute("DELETE FROM meta WHERE name = 'exercise'")
    with Store(graded / "out" / "grades.sqlite") as store:
        assert remembered.exercise_of(store).name == exercises.DEFAULT


def test_reading_a_class_list_checks_it(tmp_path):
    with pytest.raises(RequestError, match="no column"):
        roster.read(write(tmp_path, "class.csv", b"a,b\n1,2\n"))


# --- many at once --------------------------------------------------------------------------------------------------


def test_rulings_travel_as_a_table_and_whole(graded, capsys):
    out = graded / "out"
    ruled(out)
    assert grader("rulings", "export", out, "--out", graded / "r.csv") == 0
    assert "initialize_parameters_random,9,one sign,Grace" in (graded / "r.csv").read_text()
    assert grader("rulings", "export", out, "--out", graded / "r.jsonl") == 0
    write(graded, "own.csv", b"submission,function,points,reason\n1001,random,8,two\nbob stone.ipynb,he,5,three\n")
    assert grader("rulings", "import", out, graded / "own.csv") == 2
    assert "line 2: a change of points needs a reason and the name of who decides" in capsys.readouterr().err
    assert rows(out)["1001"]["random"] == "9.0"
    assert grader("rulings", "import", out, graded / "own.csv", "--by", "Alan") == 0
    assert "2 new decisions were read" in capsys.readouterr().out
    assert (rows(out)["1001"]["random"], rows(out)["1002"]["he"]) == ("8.0", "5.0")
    assert grader("rulings", "import", out, graded / "r.jsonl") == 0
    assert "0 new decisions were read" in capsys.readouterr().out  # they are there


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("none.json", None, "there is no file"),
        ("none.csv", None, "there is no file"),
        ("words.txt", b"1001,random,9\n", "1 line of"),
        ("list.json", b"[]\n", "1 line of"),
    ],
)
def test_a_file_that_has_no_decisions_is_an_error(graded, capsys, name, content, problem):
    if content is not None:
        write(graded, name, content)
    assert grader("rulings", "import", graded / "out", graded / name, "--by", "Alan") == 2
    assert problem in capsys.readouterr().err


def scored(out: Path, *what: str) -> int:
    return grader("override", out, "1001", *what, "--reason", "two days late", "--by", "Grace", "--quiet")


def test_a_whole_score_is_changed_in_a_fixed_order_and_the_machines_score_stays(graded, capsys):
    out = graded / "out"
    assert scored(out, "--score", "+2") == 0
    assert scored(out, "--score", "-10%") == 0
    result = json.loads((ada(out) / "result.json").read_text())
    assert (result["score"], result["machine_score"], result["possible"]) == (26.3, 27.0, 30.0)
    assert [(one["kind"], one["before"], one["after"]) for one in result["adjustments"]] == [
        ("percent", 27.0, 24.3),
        ("bonus", 24.3, 26.3),
    ]
    row = rows(out)["1001"]
    assert (row["score"], row["machine_score"], row["ruled"]) == ("26.3", "27.0", "score")
    assert rows(out)["1002"]["machine_score"] == rows(out)["1002"]["score"]
    page = (ada(out) / "feedback.html").read_text()
    assert "from 27 to 24.3 of 30 (-10%), by Grace" in page
    assert "A person changed the score from 27 to 24.3 (-10%): two days late." in result["summary"]["text"]
    assert result["summary"]["headline"].startswith("26.3 of 30. ")
    assert grader("regrade", out, "--quiet") in (0, 1)
    assert rows(out)["1001"]["score"] == "26.3"
    assert scored(out, "--score", "20") == 0
    assert rows(out)["1001"]["score"] == "20.0"  # 20, less a tenth, and 2 more
    assert scored(out, "--undo") == 0
    row = rows(out)["1001"]
    assert (row["score"], row["ruled"]) == ("27.0", "")
    assert grader("review", out, "--ledger") == 0
    assert "score: -10% (two days late)" in capsys.readouterr().out
    assert scored(out, "--undo") == 2
    assert "there is no ruling on the score" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "says"),
    [("ten", "25 sets the score"), ("10%", "25 sets the score"), ("31", "from 0 to 30"), ("-200%", "from -100 to 100")],
)
def test_a_change_of_a_score_that_cannot_be_is_refused(graded, capsys, change, says):
    assert scored(graded / "out", "--score", change) == 2
    assert says in capsys.readouterr().err


def test_a_score_that_was_set_is_listed_when_the_file_changes(graded, capsys):
    out = graded / "out"
    assert scored(out, "--score", "-10%") == 0
    assert grader("comment", out, "1001", "See me.", "--by", "Grace") == 0
    write(graded / "in", "ada lovelace.ipynb", solved(random=SCALE_001, zeros=SCALE_001))
    graded_into(out, graded / "in", roster=graded / "class.csv")
    row = rows(out)["1001"]
    assert row["score"] == row["machine_score"]
    capsys.readouterr()
    assert grader("review", out) == 0
    said = capsys.readouterr().out
    assert "the ruling '-10%' is about other code and does not count" in said
    assert "the comment by Grace is about other code and is not shown" in said


def test_a_comment_changes_no_points_and_is_read_everywhere(graded, capsys):
    out = graded / "out"
    before = rows(out)
    assert grader("comment", out, "1001", "Use <b>He</b> next time", "--function", "random", "--by", "Grace") == 0
    assert grader("comment", out, "1001", "Thank you!", "--by", "Grace") == 0
    assert rows(out) == before
    result = json.loads((ada(out) / "result.json").read_text())
    text = "A person's comment: Thank you! A person's comment on random: Use <b>He</b> next time."
    assert result["summary"]["text"].startswith(text)
    assert result["functions"]["initialize_parameters_random"]["comment"]["by"] == "Grace"
    page = (ada(out) / "feedback.html").read_text()
    assert "<strong>Comment by Grace:</strong> Use &lt;b&gt;He&lt;/b&gt; next time" in page
    assert grader("regrade", out, "--quiet") in (0, 1)
    assert json.loads((ada(out) / "result.json").read_text())["summary"] == result["summary"]
    assert grader("comment", out, "1001", "--undo", "--by", "Grace") == 0
    assert "Thank you" not in (ada(out) / "feedback.html").read_text()
    assert grader("comment", out, "1001", "--undo", "--by", "Grace") == 2
    assert "there is no comment on" in capsys.readouterr().err
    assert grader("comment", out, "1001", "x" * 701, "--by", "Grace") == 2
    assert "at most 700" in capsys.readouterr().err


def test_scores_and_comments_travel_as_a_table(graded):
    out = graded / "out"
    table = "submission,function,points,reason,by\n1001,percent,-10%,late,G\n1001,bonus,2,found a slip,G\n"
    write(graded, "own.csv", (table + "1002,,comment,=well done,G\n1002,score,25.5,so,G\n").encode())
    assert grader("rulings", "import", out, graded / "own.csv") == 0
    scores = {name: row["score"] for name, row in rows(out).items()}
    assert (scores["1001"], scores["1002"]) == ("26.3", "25.5")
    assert grader("rulings", "export", out, "--out", graded / "r.csv") == 0
    for student in ("1001", "1002"):
        assert grader("override", out, student, "--undo", "--by", "G", "--quiet") == 0
    assert grader("rulings", "import", out, graded / "r.csv") == 0
    assert {name: row["score"] for name, row in rows(out).items()} == scores
    assert grader("rulings", "export", out, "--out", graded / "s.csv") == 0
    assert sorted((graded / "s.csv").read_text().splitlines()) == sorted((graded / "r.csv").read_text().splitlines())


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("nobody,random,8,so,G", "no submission"),
        ("1001,sigmoid,8,so,G", "no function"),
        ("1001,radnom,8,so,G", "did you mean random?"),
        ("1001,percent,-0.1,so,G", "less than one percent"),
        ("1001,random,,so,G", "not a number of points"),
        ("1001,,8,so,G", "what the points are for"),
        ("1001,random,99,so,G", "has at most 10 points"),
    ],
)
def test_a_table_of_rulings_is_taken_whole_or_not_at_all(graded, capsys, line, says):
    write(graded, "own.csv", f"submission,function,points,reason,by\n1002,he,5,so,G\n{line}\n".encode())
    assert grader("rulings", "import", graded / "out", graded / "own.csv") == 2
    said = capsys.readouterr().err
    assert says in said
    assert "line 3" in said
    assert rows(graded / "out")["1002"]["he"] == "10.0"


def test_all_of_one_kind_are_looked_at_together(graded, capsys):
    out = graded / "out"
    for name in ("x.ipynb", "y.ipynb"):
        write(graded / "in", name, b"")
    graded_into(out, graded / "in")
    assert grader("review", out, "--done-all", "--by", "Grace") == 2
    assert grader("review", out, "--kind", "unreadable", "--match", "x.ipynb", "--done-all", "--by", "Grace") == 0
    assert capsys.readouterr().out.splitlines() == ["x.ipynb: looked at by Grace"]
    assert grader("review", out, "--kind", "unreadable", "--done-all", "--by", "Grace") == 0
    assert capsys.readouterr().out.splitlines() == ["y.ipynb: looked at by Grace"]
    assert grader("review", out, "--kind", "unread") == 2
    assert "choose one of provisional" in capsys.readouterr().err


def test_late_time_stands_beside_the_score_and_changes_no_points(graded, capsys):
    source, out = graded / "collected", graded / "late"
    write(source, "a.ipynb", solved())
    write(source, "b.ipynb", solved(random=SCALE_001))
    entries = (
        manifests.Entry(file="a.ipynb", student="1", late=True, lms={"handed_in": "2026-03-04 09:26:00"}),
        manifests.Entry(file="b.ipynb", student="2", late=False, lms={"timestamp": "=1+1"}),
    )
    write(source, "manifest.json", manifests.encode(manifests.Manifest(system="other", entries=entries)).encode())
    graded_into(out, source, manifest=source / "manifest.json")
    table = rows(out)
    assert (table["1"]["late"], table["1"]["handed_in"], table["1"]["score"]) == ("yes", "2026-03-04 09:26:00", "30.0")
    assert (table["2"]["late"], table["2"]["handed_in"], table["2"]["score"]) == ("no", "'=1+1", "27.0")
    assert (out / "index.html").read_text().count("late: 2026-03-04 09:26:00") == 1
    assert grader("review", out, "--kind", "late") == 0
    assert "a.ipynb: handed in late (2026-03-04 09:26:00)" in capsys.readouterr().out
    assert grader("review", out, "--kind", "late", "--done-all", "--by", "Grace") == 0
    assert grader("regrade", out, "--quiet") in (0, 1)
    assert rows(out) == table


def with_words(folder: Path, words: str) -> Path:
    shutil.copytree(exercises.load().folder, folder)
    path = folder / "exercise.toml"
    path.write_text(f"{path.read_text(encoding='utf-8')}\n{words}", encoding="utf-8")
    return folder


def test_a_regrade_takes_an_exercises_new_words_and_runs_no_code(graded, monkeypatch):
    out, words = graded / "out", '[words]\nnote = "Office hour: <Tuesday>"\n[words.checks]\nscale = "See slide 12."\n'
    own = with_words(graded / "own", words)
    scores = {name: row["score"] for name, row in rows(out).items()}
    assert exercises.load(str(own)).evidence_sha256 == exercises.load().evidence_sha256
    assert "Office hour" not in (ada(out) / "feedback.html").read_text()
    assert grader("regrade", out, "--exercise", own, "--quiet") in (0, 1)
    assert "Office hour: &lt;Tuesday&gt;" in (ada(out) / "feedback.html").read_text()
    checks = json.loads((ada(out) / "result.json").read_text())["functions"]["initialize_parameters_random"]["checks"]
    assert [one["name"] for one in checks if (one["hint"] or "").endswith("See slide 12.")] == ["scale"]
    assert {name: row["score"] for name, row in rows(out).items()} == scores


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ('[words]\nnotes = "x"\n', "notes"),
        ('[words.checks]\nscales = "x"\n', "there is no check 'scales'"),
        ('[words.checks]\nscale = " "\n', "words for scale are empty"),
        (f'[words]\nnote = "{"x" * 1001}"\n', "note is longer than 1000"),
    ],
)
def test_words_that_cannot_be_are_refused_with_file_and_line(tmp_path, words, says):
    own = with_words(tmp_path / "own", words)
    with pytest.raises(RequestError, match=r"exercise\.toml, line \d+: .*" + says):
        service.load_exercise(str(own))


def test_an_exercise_that_is_nearly_there_is_named(tmp_path):
    with pytest.raises(RequestError) as refused:
        exercises.load("dls-c2w1-initialisation")
    assert f"did you mean {exercises.DEFAULT}?" in refused.value.hint


def test_a_regrade_takes_a_wider_tolerance_and_runs_no_code(graded):
    write(graded / "near", "near.ipynb", solved(random=edit(RANDOM, ("* 10", "* 10.001"))))
    out = graded / "near out"
    graded_into(out, graded / "near")
    (folder_name,) = [path.parent for path in out.glob("*/result.json")]

    def score() -> float:
        result = json.loads((folder_name / "result.json").read_text())
        return result["score"]

    assert score() < 30
    strict = with_words(graded / "strict", "[tolerances]\nrtol = 1e-5\n")
    wide = with_words(graded / "wide", "[tolerances]\nrtol = 1e-3\n")
    assert exercises.load(str(wide)).evidence_sha256 == exercises.load().evidence_sha256
    before = score()
    assert grader("regrade", out, "--exercise", strict, "--quiet") in (0, 1)
    assert score() == before
    assert grader("regrade", out, "--exercise", wide, "--quiet") in (0, 1)
    assert score() == 30


@pytest.mark.parametrize("line", ["rtol = 0.5", "rtol = 1e-9", "atol = -1.0", "atol = nan", "tol = 1.0"])
def test_tolerances_that_cannot_be_are_refused_with_file_and_line(tmp_path, line):
    own = with_words(tmp_path / "own", f"[tolerances]\n{line}\n")
    with pytest.raises(RequestError, match=rf"exercise\.toml, line \d+: .*{line.split()[0]}"):
        exercises.load(str(own))
