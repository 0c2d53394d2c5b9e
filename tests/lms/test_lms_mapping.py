"""Any other system: the presets and a mapping file of one's own."""

from __future__ import annotations

import csv
import io
import shutil
from datetime import datetime
from pathlib import Path

import msgspec.toml
import pytest
from lms_files import RIGHT, graded, manifest_of, members, scored, unread, zipped

from grader.cli import main
from grader.errors import RequestError
from grader.lms import SYSTEMS
from grader.lms.mapped import files as mapping
from grader.lms.mapped import mapping_file
from grader.messages import listed


def preset(name: str) -> mapping_file.Map:
    return mapping_file.load(mapping_file.PRESETS / f"{name}.toml")


def run(tmp_path: Path, system: str, export: dict[str, bytes], *more: str) -> tuple[int, dict]:
    out = tmp_path / "collected"
    code = main(["lms", system, "collect", str(zipped(tmp_path / "s.zip", export)), "--out", str(out), *more])
    return code, {entry.student: entry for entry in manifest_of(out).entries} if code < 2 else {}


NAMES = [
    ("blackboard", "Coursework submission_ln220_attempt_2021-12-10-22-29-43_alu.v", {"student": "ln220", "original": "alu.v"}),
    ("blackboard", "HW 1_a_jd1_attempt_2021-12-10-22-29-43.txt", {"student": "jd1", "original": ""}),
    ("brightspace", "397063-2557369 - Mary-Ann Smith - Sep 24, 2024 926 PM/document.pdf",
     {"student": "Mary-Ann Smith", "stamp": "Sep 24, 2024 926 PM", "original": "document.pdf"}),
    ("openedx", "[1]Section, [1]Subsection, [1]Unit/[1] - jd1 - hw.ipynb", {"student": "jd1", "original": "hw.ipynb"}),
    ("openedx", f"jane_doe_{'a1' * 20}.ipynb", {"student": "jane_doe", "original": f"{'a1' * 20}.ipynb"}),
    ("spreadsheet", "jd1/src/hw.ipynb", {"student": "jd1", "original": "src/hw.ipynb"}),
    ("spreadsheet", "jd1.ipynb", {"student": "jd1", "original": "jd1.ipynb"}),
]  # fmt: skip


@pytest.mark.parametrize(("system", "path", "wanted"), NAMES)
def test_a_preset_reads_names(system, path, wanted):
    said = mapping.parse(path, preset(system).collect)
    assert said is not None
    assert wanted.items() <= said.items()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Sep 24, 2024 926 PM", datetime(2024, 9, 24, 21, 26)),
        ("Oct 5, 2021 1159 PM", datetime(2021, 10, 5, 23, 59)),
        ("Oct 5, 2021 115 PM", datetime(2021, 10, 5, 13, 15)),
        ("5 octobre 2021", None),
    ],
)
def test_brightspace_times_without_a_colon(text, wanted):
    assert mapping.stamped(text, preset("brightspace").collect.stamp) == wanted


def test_of_several_attempts_the_latest_is_taken(tmp_path):
    code, entries = run(
        tmp_path,
        "blackboard",
        {
            "HW_jd1_attempt_2021-12-10-22-29-43_old.ipynb": RIGHT,
            "HW_jd1_attempt_2021-12-11-08-00-00_new.ipynb": RIGHT,
            "HW_jd1_attempt_2021-12-11-08-00-00.txt": b"x",
            "HW_none_attempt_2021-12-11-08-00-00.txt": b"x",
        },
    )
    assert code == 0
    assert entries["jd1"].original == "new.ipynb"
    assert "2 attempts" in entries["jd1"].note
    assert entries["none"].file is None


LI = "Sep 24, 2024 926 PM", "Sep 25, 2024 926 PM"


@pytest.mark.parametrize(
    ("folders", "ids"),
    [
        ([f"1-2 - Bo Li - {LI[0]}", f"3-2 - Bo Li - {LI[1]}"], {"Bo Li (1-2)", "Bo Li (3-2)"}),
        # numbers that somebody else has as well tell nobody apart
        ([f"1-2 - Bo Li - {LI[0]}", f"1-2 - Bo Li - {LI[1]}", f"1-2 - Ann Roe - {LI[0]}"],
         {f"Bo Li (1-2, {LI[0]})", f"Bo Li (1-2, {LI[1]})", "Ann Roe"}),
        ([f"1-2 - Bo Li - {LI[0]}", f"1-2 - Bo Li - {LI[1]}", f"3-2 - Ann Roe - {LI[0]}"], {"Bo Li", "Ann Roe"}),
        # one name, composed and decomposed
        ([f"1-2 - Zo\u00eb - {LI[0]}", f"1-2 - Zoe\u0308 - {LI[1]}"], {"Zo\u00eb"}),
    ],
)  # fmt: skip
def test_two_people_of_one_name_are_an_entry_each(tmp_path, capsys, folders, ids):
    export = {f"{folder}/{number}.ipynb": RIGHT for number, folder in enumerate(folders)}
    code, entries = run(tmp_path, "brightspace", export)
    assert (code, entries.keys()) == (0, ids)
    assert ("so each has an entry" in capsys.readouterr().out) == any("(" in student for student in ids)
    files = {entry.original for entry in entries.values()}
    assert len(files) == len(ids)


def test_a_class_list_that_holds_a_name_once_makes_its_hand_ins_one_persons(tmp_path):
    export = {f"1-2 - Bo Li - {LI[0]}/old.ipynb": RIGHT, f"3-2 - Bo Li - {LI[1]}/new.ipynb": RIGHT}
    (tmp_path / "r.csv").write_text("OrgDefinedId,First Name,Last Name\n#1,Bo,Li\n", encoding="utf-8")
    _, entries = run(tmp_path, "brightspace", export, "--roster", str(tmp_path / "r.csv"))
    assert entries["Bo Li"].original == "new.ipynb"
    (tmp_path / "r.csv").write_text("OrgDefinedId,First Name,Last Name\n#1,Bo,Li\n#2,Bo,Li\n", encoding="utf-8")
    _, entries = run(tmp_path, "brightspace", export, "--roster", str(tmp_path / "r.csv"))
    assert entries.keys() == {"Bo Li (1-2)", "Bo Li (3-2)"}


@pytest.mark.parametrize("rows", [1, 2])
def test_hand_ins_of_one_name_are_entered_by_hand(tmp_path, capsys, rows):
    run(tmp_path, "brightspace", {f"1-2 - Bo Li - {LI[0]}/hw.ipynb": RIGHT, f"3-2 - Bo Li - {LI[1]}/hw.ipynb": RIGHT})
    table = (
        "OrgDefinedId,Last Name,First Name,Initialization Points Grade,End-of-Line Indicator\n" + "#1,Li,Bo,,#\n" * rows
    )
    results = {"Bo Li (1-2)": scored(27), "Bo Li (3-2)": scored(20)}
    code, out = exported(tmp_path, "brightspace", results, table.encode())
    said = capsys.readouterr().out
    assert code == 0
    assert (out / "brightspace-import.csv").read_text(encoding="utf-8").count("\n") == 1
    assert f"Bo Li (1-2): 2 hand-ins have this name, and {rows} row" in said
    assert "Enter 27 of 30 points by hand" in said
    assert "Enter 20 of 30 points by hand" in said


def test_a_name_finds_its_row_composed_or_not(tmp_path):
    run(tmp_path, "spreadsheet", {"Zoe\u0308/hw.ipynb": RIGHT})
    _, out = exported(tmp_path, "spreadsheet", {"Zo\u00eb": scored(27)}, "ID,Initialization\nZoe\u0308,\n".encode())
    assert (out / "grades.csv").read_text(encoding="utf-8") == "ID,Initialization\nZoe\u0308,27\n"


def test_a_username_with_an_underscore_is_settled_by_the_roster(tmp_path):
    export = {"HW_1_a_b_attempt_2021-12-10-22-29-43_hw.ipynb": RIGHT}
    (tmp_path / "r.csv").write_text("Username\na_b\n", encoding="utf-8")
    assert list(run(tmp_path, "blackboard", export, "--roster", str(tmp_path / "r.csv"))[1]) == ["a_b"]
    (tmp_path / "r.csv").write_text("Username\na_b\nb\n", encoding="utf-8")
    assert run(tmp_path, "blackboard", export, "--roster", str(tmp_path / "r.csv"))[0] == 2


HOSTILE = [
    ("blackboard", "HW_eve_attempt_2021-12-10-22-29-43_HW_bob_attempt_2099-12-10-22-29-43_x.ipynb",
     "HW_ada_attempt_2021-12-10-22-29-43_x.ipynb"),
    ("blackboard", "HW_eve_attempt_2021-12-10-22-29-43_hw/HW_bob_attempt_2099-12-10-22-29-43_x.ipynb",
     "HW_ada_attempt_2021-12-10-22-29-43_x.ipynb"),
    ("brightspace", "1-2 - eve - Sep 24, 2024 926 PM/3-4 - bob - Sep 24, 2099 926 PM/x.ipynb",
     "3-4 - ada - Sep 24, 2024 926 PM/x.ipynb"),
    ("openedx", "[1]A, [1]B, [1]C/[1] - eve - x - bob - hw.ipynb", "[1]A, [1]B, [1]C/[1] - ada - hw.ipynb"),
    ("spreadsheet", "eve/bob/hw.ipynb", "ada/hw.ipynb"),
]  # fmt: skip


@pytest.mark.parametrize("top", ["", "download/"])
@pytest.mark.parametrize(("system", "eve", "ada"), HOSTILE)
@pytest.mark.parametrize("roster", [False, True])
def test_only_what_the_system_wrote_says_whose_a_file_is(tmp_path, system, eve, ada, top, roster):
    if system == "spreadsheet" and top:
        pytest.skip("its first folder is the student's")
    (tmp_path / "r.csv").write_text(
        "id,Username,username,First Name,Last Name\neve,eve,eve,eve,\nada,ada,ada,ada,\nbob,bob,bob,bob,\n",
        encoding="utf-8",
    )
    more = ["--roster", str(tmp_path / "r.csv")] if roster else []
    code, entries = run(tmp_path, system, {top + eve: RIGHT, top + ada: RIGHT}, *more)
    assert code == 0
    assert entries.keys() == {"eve", "ada"}
    assert entries["eve"].file


def test_every_preset_is_a_system_and_reads_real_and_hostile_names():
    shipped = {path.stem for path in mapping_file.PRESETS.glob("*.toml")}
    assert shipped == {name for name, system in SYSTEMS.items() if system.mapped and name != "other"}
    assert shipped == {system for system, _, _ in NAMES} == {system for system, _, _ in HOSTILE}


def test_one_name_that_fits_two_students_is_set_aside(tmp_path, capsys):
    export = {f"HW_1_{name}_attempt_2021-12-10-22-29-43_hw.ipynb": RIGHT for name in ("a_b", "c")}
    (tmp_path / "r.csv").write_text("Username\na_b\nb\nc\n", encoding="utf-8")
    code, entries = run(tmp_path, "blackboard", export, "--roster", str(tmp_path / "r.csv"))
    assert code == 1
    assert "could belong to" in capsys.readouterr().err
    assert entries["c"].file
    assert entries["HW_1_a_b_attempt_2021-12-10-22-29-43_hw.ipynb"].file is None


def exported(
    tmp_path: Path, system: str, results: dict, table: bytes | None, name: str = "t.csv", *more: str
) -> tuple[int, Path]:
    folder = graded(tmp_path / "collected", tmp_path / "graded", results)
    arguments = ["lms", system, "export", str(folder), "--out", str(tmp_path / "upload"), *more]
    if table is not None:
        (tmp_path / name).write_bytes(table)
        arguments += ["--gradebook", str(tmp_path / name)]
    return main(arguments), tmp_path / "upload"


BLACKBOARD = (
    '"Last Name"\t"First Name"\t"Username"\t"Student ID"\t"Last Access"\t"Availability"\t'
    '"Other [Total Pts: 10 Score] |7"\t"Initialization [Total Pts: 30 Score] |1702852"\t"Grading Notes"\t"Notes Format"\t'
    '"Feedback to Learner"\t"Feedback Format"\r\n'
    '"Doe"\t"Jane"\t"jd1"\t"1"\t""\t"Yes"\t"9"\t"Needs Grading"\t""\t""\t""\t""\r\n'
    '"Else"\t"Body"\t"eb"\t"2"\t""\t"Yes"\t"9"\t"12"\t""\t""\t""\t""\r\n'
)


def test_blackboards_file_keeps_its_encoding_and_its_ids(tmp_path, capsys):
    run(tmp_path, "blackboard", {"HW_jd1_attempt_2021-12-10-22-29-43_hw.ipynb": RIGHT})
    table = b"\xff\xfe" + BLACKBOARD.encode("utf-16-le")
    code, out = exported(tmp_path, "blackboard", {"jd1": scored(27.5)}, table, "gc.xls")
    assert code == 0
    data = (out / "blackboard-upload.xls").read_bytes()
    assert data.startswith(b"\xff\xfe")
    header, *rows = csv.reader(io.StringIO(data[2:].decode("utf-16-le")), delimiter="\t")
    assert header[:7] == ["Last Name", "First Name", "Username", "Student ID", "Last Access", "Availability",
                          "Initialization [Total Pts: 30 Score] |1702852"]  # fmt: skip
    (row,) = [dict(zip(header, row, strict=True)) for row in rows]
    assert row["Initialization [Total Pts: 30 Score] |1702852"] == "27.5"
    assert "&lt;He&gt; &amp;" in row["Feedback to Learner"]
    assert row["Feedback Format"] == "HTML"
    assert "Not verified against the system" in capsys.readouterr().out


def test_brightspaces_file_keeps_its_marks(tmp_path):
    run(
        tmp_path,
        "brightspace",
        {
            "index.html": b"",
            "1-2 - Mary-Ann Smith - Sep 24, 2024 926 PM/hw.ipynb": RIGHT,
            "1-2 - Bo Li - Sep 24, 2024 927 PM/hw.ipynb": RIGHT,
        },
    )
    table = (
        "OrgDefinedId,Username,Last Name,First Name,Initialization Points Grade <Numeric MaxPoints:60 Weight:10>,"
        "End-of-Line Indicator\n#112,#mas,Smith,Mary-Ann,,#\n#113,#bl,Li,Bo,3,#\n#114,#x,Else,Body,9,#\n"
    )
    code, out = exported(tmp_path, "brightspace", {"Mary-Ann Smith": scored(27), "Bo Li": scored(20)}, table.encode())
    assert code == 0
    assert (out / "brightspace-import.csv").read_text(encoding="utf-8") == (
        "OrgDefinedId,Username,Initialization Points Grade <Numeric MaxPoints:60 Weight:10>,End-of-Line Indicator\n"
        "#112,#mas,54,#\n#113,#bl,40,#\n"
    )


def test_a_changed_grade_is_shown_and_a_persons_words_stay(tmp_path, capsys):
    names = ("new", "same", "other", "out")
    run(tmp_path, "blackboard", {f"HW_{name}_attempt_2021-12-10-22-29-43_hw.ipynb": RIGHT for name in names})
    title = "Initialization [Total Pts: 30 Score] |7"
    table = f'"Username"\t"{title}"\t"Feedback to Learner"\t"Feedback Format"\n' + "".join(
        f'"{name}"\t"{grade}"\t"{words}"\t"SMART_TEXT"\n'
        for name, grade, words in (
            ("new", "Needs Grading", ""),
            ("same", "27.00000", "a < b\nsee me"),
            ("other", "12.5", "<p>Well done</p>"),
            ("out", "Exempt", "ill"),
        )
    )
    results = dict.fromkeys(names, scored(27))
    code, out = exported(tmp_path, "blackboard", results, table.encode(), "gc.xls")
    said = capsys.readouterr().out
    assert code == 0
    text = (out / "blackboard-upload.xls").read_text(encoding="utf-8")
    rows = {row["Username"]: row for row in csv.DictReader(io.StringIO(text, newline=""), delimiter="\t")}
    assert {name: row[title] for name, row in rows.items()} == {"new": "27", "same": "27", "other": "27"}
    assert rows["same"]["Feedback to Learner"].startswith('a &lt; b<br>see me<div class="grader-feedback">')
    assert rows["other"]["Feedback to Learner"].startswith('<p>Well done</p><div class="grader-feedback">')
    assert "3 scores, 1 new, 1 changed, 1 as before" in said
    assert "other: 12.5 in gc.xls becomes 27" in said
    assert "same: the words in 'Feedback to Learner' stay, and ours follow them" in said
    assert "out: gc.xls already says 'Exempt', so no score was written" in said

    (tmp_path / "again").mkdir()
    arguments = ["lms", "blackboard", "export", str(tmp_path / "graded"), "--out", str(tmp_path / "again")]
    assert main([*arguments, "--gradebook", str(out / "blackboard-upload.xls")]) == 0
    assert (tmp_path / "again" / "blackboard-upload.xls").read_text(encoding="utf-8") == text


def test_words_in_a_spreadsheet_stay_when_ours_change(tmp_path):
    run(tmp_path, "spreadsheet", {"jd1.ipynb": RIGHT})
    _, out = exported(tmp_path, "spreadsheet", {"jd1": scored(27)}, b"ID,Initialization,feedback\njd1,12,Hello\n")
    first = (out / "grades.csv").read_bytes()
    assert b"Hello\n\n[automatic feedback]\n27 of 30." in first
    for folder in ("graded", "upload"):
        shutil.rmtree(tmp_path / folder)
    _, out = exported(tmp_path, "spreadsheet", {"jd1": scored(25)}, first)
    text = (out / "grades.csv").read_text(encoding="utf-8")
    assert (text.count("Hello"), text.count("27 of 30"), text.count("25 of 30")) == (1, 0, 1)


def test_staff_graded_points_of_open_edx(tmp_path):
    run(tmp_path, "openedx", {f"jd1_{'a1' * 20}.ipynb": RIGHT})
    table = "user_id,username,block_id,title,Previous Points,New Points\r\n5,jd1,block,Initialization,,\r\n6,eb,block,Initialization,3,\r\n"
    _, out = exported(tmp_path, "openedx", {"jd1": scored(27)}, table.encode())
    assert (out / "openedx-points.csv").read_bytes().decode() == table.replace("tion,,\r\n", "tion,,27\r\n", 1).replace(
        "6,eb,block,Initialization,3,\r\n", ""
    )


def test_a_spreadsheet_is_made_or_filled_in(tmp_path):
    run(tmp_path, "spreadsheet", {"jd1/hw.ipynb": RIGHT, "=cmd()/hw.ipynb": RIGHT, "no/notes.txt": b"x"})
    results = {"jd1": scored(27.5), "=cmd()": scored(20), "no": unread("no_notebook")}
    code, out = exported(tmp_path, "spreadsheet", results, None)
    assert code == 0
    text = (out / "grades.csv").read_bytes().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [(row["student"], row["score"]) for row in rows] == [("'=cmd()", "20"), ("jd1", "27.5")]
    assert (
        set(members(out / "feedback.zip")) == {"jd1_jd1/feedback.html", "cmd_cmd/feedback.html"}
        or len(members(out / "feedback.zip")) == 2
    )


def test_a_spreadsheet_of_ones_own_keeps_everybody(tmp_path):
    run(tmp_path, "spreadsheet", {"jd1.ipynb": RIGHT})
    _, out = exported(tmp_path, "spreadsheet", {"jd1": scored(27.5)}, b"ID;Initialization;feedback\njd1;;\neb;3;seen\n")
    assert (out / "grades.csv").read_text(encoding="utf-8").startswith("ID;Initialization;feedback\njd1;27.5;")
    assert (out / "grades.csv").read_text(encoding="utf-8").endswith("\neb;3;seen\n")


def test_two_rows_of_one_student_are_left_alone(tmp_path, capsys):
    run(tmp_path, "spreadsheet", {"jd1.ipynb": RIGHT})
    _, out = exported(tmp_path, "spreadsheet", {"jd1": scored(27.5)}, b"ID,Initialization\njd1,\njd1,\n")
    assert (out / "grades.csv").read_text(encoding="utf-8") == "ID,Initialization\njd1,\njd1,\n"
    assert "several rows" in capsys.readouterr().out


def test_another_system_is_described_by_a_mapping_file(tmp_path, capsys):
    assert main(["lms", "other", "preset", "spreadsheet"]) == 0
    text = capsys.readouterr().out.replace("(?P<student>[^/]+)/", "(?P<student>[^/]+)!/")
    assert msgspec.toml.decode(text)["title"] == "a spreadsheet"
    (tmp_path / "m.toml").write_text(text, encoding="utf-8")
    assert run(tmp_path, "other", {"jd1!/hw.ipynb": RIGHT})[0] == 2
    code, entries = run(tmp_path, "other", {"jd1!/hw.ipynb": RIGHT}, "--mapping", str(tmp_path / "m.toml"))
    assert (code, list(entries)) == (0, ["jd1"])
    code, out = exported(tmp_path, "other", {"jd1": scored(20)}, None, "t.csv", "--mapping", str(tmp_path / "m.toml"))
    assert code == 0
    assert "jd1" in (out / "grades.csv").read_text(encoding="utf-8-sig")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("rows =", "rwos =", "rwos"),
        ("'^(?P<student>[^/]+)/", "'^(?P<student>[^/]+/", "cannot be used"),
        ("(?P<student>[^/]+)/", "(?P<who>[^/]+)/", "no group named student"),
        ('"all"', '"some"', "cannot be used"),
        ("[export]", "[export", "cannot be used"),
    ],
)
def test_a_mapping_file_that_cannot_be_used_is_an_error(tmp_path, old, new, says):
    text = mapping_file.preset("spreadsheet")
    assert old in text
    (tmp_path / "m.toml").write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(RequestError, match=says):
        mapping_file.load(tmp_path / "m.toml")


def test_an_unknown_preset_lists_those_that_there_are(capsys):
    assert main(["lms", "other", "preset", "nonesuch"]) == 2
    shipped = sorted(path.stem for path in mapping_file.PRESETS.glob("*.toml"))
    assert listed(shipped, "or") in capsys.readouterr().err
