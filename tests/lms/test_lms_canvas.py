"""Canvas: every name of its zip, its gradebook and its re-upload, read back by its importers' own rules."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
import shutil
import stat
import subprocess
import zipfile
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import builders
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lms_files import RIGHT, graded, manifest_of, members, scored, unread, zipped
from notebooks import notebook

from grader.classroom.manifest import Manifest
from grader.cli import main
from grader.errors import RequestError
from grader.lms.canvas import files as canvas
from grader.lms.canvas.names import CanvasName, parse, without_resubmit_suffix
from grader.lms.common import archives, tables
from grader.lms.common.system import Export

# --- the importers, written down from their sources ----------------------------------------------------------------


def canvas_reads(text: str) -> dict[str, dict[str, str]]:
    """What Canvas's gradebook importer takes from a CSV: scores by assignment's header and student's id."""
    counts = {}
    for mark in ";,":
        try:
            sizes = {len(row) for row in csv.reader(text.splitlines()[:3], delimiter=mark, strict=True)}
        except csv.Error:
            sizes = set()
        counts[mark] = sizes.pop() if len(sizes) == 1 else 0
    semicolons = counts[";"] > counts[","]
    header, *rows = csv.reader(io.StringIO(text, newline=""), delimiter=";" if semicolons else ",", strict=True)
    assert len(header) > 3
    assert "Student" in header[0]
    assert "ID" in header[1]
    section = next(at for at, title in enumerate(header) if "Section" in title)
    assert header[2 : section + 1] in (
        ["Section"],
        ["SIS Login ID", "Section"],
        ["SIS User ID", "SIS Login ID", "Section"],
        ["SIS User ID", "SIS Login ID", "Integration ID", "Section"],
    )
    scores: dict[str, dict[str, str]] = {}
    for at in range(section + 1, len(header)):
        if re.search("Current Score|Current Points|Final Score|Final Points|Final Grade|Override", header[at]):
            continue
        assert re.fullmatch(r"(.*)\s\((\d+)\)", header[at]), "a new assignment would be made"
        scores[header[at]] = {
            row[1].strip(): row[at].strip() for row in rows if "Points Possible" not in row[0] and row[1].strip()
        }
    return scores


def canvas_attaches(names: list[str], attachments: dict[str, str]) -> dict[str, str]:
    """Which student's attachment each file of a re-upload is taken for; `attachments` maps ids to their owners."""
    found = {}
    for name in names:
        tokens = [token for token in name.split("_") if token != "LATE"]
        if tokens[-1].startswith("link") or name.startswith("._"):
            continue
        ids = tokens[1:3] if tokens[0] == "anon" else [token for token in tokens if token.isdigit()][:2]
        if len(ids) == 2 and attachments.get(ids[1]) == ids[0]:
            found[name] = ids[1]
    return found


# --- names ---------------------------------------------------------------------------------------------------------

UUID = "123e4567-e89b-12d3-a456-426614174000"


@pytest.mark.parametrize(
    ("member", "roster", "wanted"),
    [
        ("doejane_678_901_hw 1 (2).ipynb", (), CanvasName("678", "doejane", False, "901", "hw 1 (2).ipynb")),
        (
            "obrienannmarie_LATE_678_901_hw_2_3.ipynb",
            (),
            CanvasName("678", "obrienannmarie", True, "901", "hw_2_3.ipynb"),
        ),
        ("müllerjürgen_9_901_hw.ipynb", (), CanvasName("9", "müllerjürgen", False, "901", "hw.ipynb")),
        ("王小明_10_901_hw 1 (2).ipynb", (), CanvasName("10", "王小明", False, "901", "hw 1 (2).ipynb")),
        ("12345_678_901_hw.ipynb", (), CanvasName("678", "12345", False, "901", "hw.ipynb")),
        ("12345_678_901_12_34_x.ipynb", ("678",), CanvasName("678", "12345", False, "901", "12_34_x.ipynb")),
        ("lab12b_5_901_hw.ipynb", (), CanvasName("5", "lab12b", False, "901", "hw.ipynb")),
        ("team_7_5_901_hw.ipynb", ("5",), CanvasName("5", "team_7", False, "901", "hw.ipynb")),
        ("doejane_678_901_Init_1_2_3.ipynb", (), CanvasName("678", "doejane", False, "901", "Init_1_2_3.ipynb")),
        ("anon_acJ4Q_901_hw.ipynb", (), CanvasName("acJ4Q", "", False, "901", "hw.ipynb", "upload", True)),
        ("LATE_anon_acJ4Q_901_hw.ipynb", (), CanvasName("acJ4Q", "", True, "901", "hw.ipynb", "upload", True)),
        ("doejane_678_text.html", (), CanvasName("678", "doejane", kind="text")),
        ("doejane_LATE_678_link.html", (), CanvasName("678", "doejane", True, kind="link")),
        ("anon_acJ4Q_text.html", (), CanvasName("acJ4Q", kind="text", anonymous=True)),
        ("notes.txt", (), None),
        ("index.html", (), None),
        ("_" * 900 + "1_" * 900, (), None),
    ],
)
def test_a_name_is_read_as_canvas_made_it(member, roster, wanted):
    assert parse(member, dict.fromkeys(roster, "")) == wanted


@pytest.mark.parametrize(
    ("member", "roster"),
    [("team_7_5_901_hw.ipynb", ("5", "7")), ("team_7_5_901_hw.ipynb", ()), ("12345_678_901_12_34_x.ipynb", ())],
)
def test_two_readings_are_refused_with_both(member, roster):
    with pytest.raises(RequestError) as refused:
        parse(member, dict.fromkeys(roster, ""))
    readings = re.findall(r"\(id (\d+)\)", refused.value.problem)
    assert len(readings) == 2
    assert readings[0] != readings[1]


def test_a_name_of_nothing_but_marks_is_read():
    assert parse("_678_901_2_hw.ipynb", {"678": "---"}) == CanvasName("678", "", False, "901", "2_hw.ipynb")


def test_the_rosters_names_settle_what_its_ids_leave_open():
    assert parse("doejane_678_901_2_hw.ipynb", {"678": "Doe, Jane", "901": "Other"}).user == "678"


def zipper(sortable_name: str, late: bool, user: int, attachment: int, file: str) -> str:
    """A member's name, by `get_filename` and `sanitize_user_name` of Canvas's content zipper."""
    name = re.sub(r"_([0-9]+)_", r"\1", sortable_name).lower()
    prefix = "_".join([name, *["LATE"] * late, str(user)])
    prefix = "".join(letter for letter in prefix if letter.isalnum() or letter == "_")
    return f"{prefix}_{attachment}_" + re.sub(r'[\x00/\\:*?"<>|]+', "_", file)


@given(
    st.text(st.characters(categories=("L", "Nd", "Zs", "Pc", "Pd", "Po"), exclude_characters="\0"), max_size=12) | st.from_regex(r"[a-z]{0,4}_[0-9]{1,3}(_[a-z0-9]{0,3})?", fullmatch=True),
    st.booleans(),
    st.integers(1, 99999),
    st.integers(1, 99999),
    st.from_regex(r"([0-9]{1,3}_)?[A-Za-z0-9_ ()]{1,8}\.ipynb", fullmatch=True),
)  # fmt: skip
def test_whoever_canvas_names_is_found_or_refused_never_another(sortable_name, late, user, attachment, file):
    member = zipper(sortable_name, late, user, attachment, file)
    if member.startswith(("anon_", "LATE_anon_")):
        return
    with contextlib.suppress(RequestError):
        found = parse(member, {str(user): sortable_name})
        assert found is not None
        assert (found.user, found.late, found.attachment, found.original) == (str(user), late, str(attachment), file)


PEOPLE = {"11": "Lovelace, Ada", "12": "Evil, Mallory", "7": "Hopper, Grace", "901": "Turing, Alan"}


@given(
    st.sampled_from(["", "11", "12"]),
    st.booleans(),
    st.lists(
        st.sampled_from([*PEOPLE, "", "LATE", "99999", "adalovelace", "evilmallory", "anon", "text.html", "x.ipynb"])
        | st.text(max_size=5),
        max_size=6,
    ),
    st.sampled_from(["x.ipynb", "text.html", "link.html"]),
)
def test_no_name_that_a_student_gives_a_file_makes_it_somebody_elses(left, late, parts, end):
    """The roster holds everybody, or lacks the victim or the one who hands in."""
    member = zipper("Evil, Mallory".replace(", ", ""), late, 12, 345, "_".join([*parts, end]))
    for roster in ({user: name for user, name in PEOPLE.items() if user != left}, {"11": PEOPLE["11"]}, None):
        with contextlib.suppress(RequestError):
            name = parse(member, roster)
            assert name is None or name.user == "12"


def test_whoever_is_not_in_the_roster_takes_nobodys_place():
    roster = {"11": "Lovelace, Ada"}
    assert parse("adalovelace_11_344_a.ipynb", roster) == CanvasName("11", "adalovelace", False, "344", "a.ipynb")
    for member in ("evilmallory_12_345_11_99999_x.ipynb", "x_1_y_12_345_11_99999_x.ipynb"):
        with pytest.raises(RequestError, match=r"is unclear|can be read in \d ways"):
            parse(member, roster)


@given(
    st.text(max_size=60)
    | st.from_regex(r"(LATE_|anon_|[0-9]{1,3}_|[a-z]_){0,6}(text|link|x)\.(html|ipynb)", fullmatch=True)
)
def test_no_name_breaks_the_reader(member):
    with contextlib.suppress(RequestError):
        parse(member)


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("hw-1.ipynb", "hw.ipynb"),
        ("hw-1.v2.ipynb", "hw.v2.ipynb"),
        ("hw-1.tar.gz", "hw.tar.gz"),
        ("hw.1-1.ipynb", "hw.1.ipynb"),
        (f"hw-{UUID}.ipynb", "hw.ipynb"),
        ("hw-12.ipynb", "hw-12.ipynb"),
        ("hw.ipynb", "hw.ipynb"),
    ],
)
def test_the_mark_of_a_resubmission_is_known(name, plain):
    assert without_resubmit_suffix(name) == plain


# --- collect -------------------------------------------------------------------------------------------------------

CLASS = {
    "doejane_678_901_hw 1 (2).ipynb": RIGHT,
    "obrienannmarie_LATE_679_902_hw-1.ipynb": RIGHT,
    "müllerjürgen_9_903_hw.ipynb": RIGHT,
    "王小明_10_904_hw.ipynb": RIGHT,
    "two_11_905_hw.ipynb": notebook("x = 1"),
    "two_11_906_Initialization.ipynb": RIGHT,
    "two_11_907_notes.pdf": b"%PDF",
    "script_12_908_hw.py": b"x = 1",
    "texter_13_text.html": b"<p>hello</p>",
    "linker_LATE_14_link.html": b"<a>",
    "pdfonly_15_909_report.pdf": b"%PDF",
    "__MACOSX/._doejane_678_901_hw.ipynb": b"junk",
    ".DS_Store": b"junk",
}
GRADEBOOK = """Student,ID,SIS User ID,SIS Login ID,Section,Week 0 (41),Initialization (4711),Week 2 (43),Assignments Current Score,Final Grade
,,,,,,Manual Posting,,,
    Points Possible,,,,,10.00,30.00,10.00,(read only),(read only)
"Doe, Jane",678,s1,jane,CS101-01,7.00,,3.00,70,C
"O'Brien, Ann-Marie",679,s2,ann,CS101-01 and CS101-02,8.00,12.50,4.00,80,B
"Müller, Jürgen",9,s3,jm,CS101-01,,27.00,,,
"王, 小明",10,s4,wang,CS101-01,1.00,EX,1.00,1,F
"Two, Files",11,s5,two,CS101-01,2.00,N/A,2.00,2,F
"Script, Py",12,s6,py,CS101-01,,,,,
"Texter, Tim",13,s7,tt,CS101-01,,5.00,,,
"Else, Somebody",77,s8,else,CS101-01,9.00,9.00,9.00,90,A
"Student, Test",99,,abc,CS101-01,,,,,
"""


@pytest.fixture
def collected(tmp_path) -> Path:
    out = tmp_path / "collected"
    assert main(["lms", "canvas", "collect", str(zipped(tmp_path / "s.zip", CLASS)), "--out", str(out)]) == 0
    return out


def by_student(folder: Path):
    return {entry.student: entry for entry in manifest_of(folder).entries}


def test_collect_accounts_for_every_member(collected, capsys):
    entries = by_student(collected)
    assert entries.keys() == {"678", "679", "9", "10", "11", "12", "13", "14", "15"}
    assert {student for student, entry in entries.items() if entry.late} == {"679", "14"}
    assert {student for student, entry in entries.items() if not entry.file} == {"13", "14", "15"}
    assert "text" in entries["13"].note
    assert "link" in entries["14"].note
    assert "report.pdf" in entries["15"].note
    assert entries["11"].original == "Initialization.ipynb"
    assert set(entries["11"].others) == {"hw.ipynb", "notes.pdf"}
    assert entries["678"].lms == {
        "attachment_id": "901",
        "zip_member": "doejane_678_901_hw 1 (2).ipynb",
        "user_id": "678",
        "is_group": False,
    }


def test_collected_files_lie_flat_under_safe_names(collected):
    for entry in manifest_of(collected).entries:
        if entry.file:
            assert re.fullmatch(r"[A-Za-z0-9_-]+\.(ipynb|py)", entry.file)
            assert (collected / entry.file).is_file()
    assert by_student(collected)["678"].file == "doejane_678.ipynb"


def test_names_without_the_flag_of_utf8_are_read(tmp_path):
    export = zipped(tmp_path / "s.zip", CLASS, utf8=False)
    with zipfile.ZipFile(export) as archive:
        assert not any(info.flag_bits & 0x800 for info in archive.infolist())
    canvas.collect(request(export, tmp_path / "out"))
    assert by_student(tmp_path / "out")["9"].name == "müllerjürgen"
    assert by_student(tmp_path / "out")["10"].lms["zip_member"] == "王小明_10_904_hw.ipynb"


def request(export: Path, out: Path, **more: object):
    from grader.lms.common.system import Collect

    return Collect([export], out, functions=builders.result().functions, **more)


def test_names_that_can_be_read_in_two_ways_are_refused_and_counted_until_a_roster_settles_them(tmp_path, capsys):
    export = zipped(tmp_path / "s.zip", {f"team_7_{user}_90{user}_hw.ipynb": RIGHT for user in (4, 5, 6)})
    arguments = ["lms", "canvas", "collect", str(export), "--out", str(tmp_path / "out")]
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert "'team' (id 7) with '904_hw.ipynb' or 'team_7' (id 4) with 'hw.ipynb'" in said
    assert "2 more names are just as unclear" in said
    assert not (tmp_path / "out").exists()

    rows = "".join(f"Member {user},{user},A,\n" for user in (4, 5, 6))
    (tmp_path / "g.csv").write_text(f"Student,ID,Section,Initialization (2)\n{rows}", encoding="utf-8")
    assert main([*arguments, "--roster", str(tmp_path / "g.csv")]) == 0
    assert by_student(tmp_path / "out").keys() == {"4", "5", "6"}


def test_one_unclear_name_is_set_aside_and_the_class_goes_on(tmp_path, capsys):
    member = "eveeve_13_503_77_88_hw.ipynb"
    export = zipped(
        tmp_path / "s.zip", {member: RIGHT, "adaada_11_501_hw.ipynb": RIGHT, "bobbob_77_502_hw.ipynb": RIGHT}
    )
    assert main(["lms", "canvas", "collect", str(export), "--out", str(tmp_path / "out")]) == 1
    assert f"the owner of '{member}' is unclear" in capsys.readouterr().err
    entries = by_student(tmp_path / "out")
    assert entries.keys() == {"11", "77", member}
    assert (entries[member].file, entries["77"].original) == (None, "hw.ipynb")


@pytest.mark.parametrize("top", ["", "submissions/"])
def test_what_lies_in_an_unpacked_hand_in_goes_to_nobody_else(tmp_path, capsys, top):
    names = {f"{top}eveeve_13_99_hw/bobbob_77_88_hw.ipynb": RIGHT, f"{top}eveeve_13_98_hw.ipynb": RIGHT}
    export = zipped(tmp_path / "s.zip", names)
    assert main(["lms", "canvas", "collect", str(export), "--out", str(tmp_path / "out")]) == 1
    assert "Canvas creates no folders" in capsys.readouterr().err
    assert by_student(tmp_path / "out").keys() == {"13"}


def test_a_folder_that_the_browser_unpacked_is_the_same(tmp_path, collected):
    folder = tmp_path / "submissions"
    for name, content in CLASS.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    canvas.collect(request(folder, tmp_path / "again"))
    assert manifest_of(tmp_path / "again") == manifest_of(collected)


def test_the_roster_names_people_and_settles_readings(tmp_path):
    book = tmp_path / "g.csv"
    book.write_text(GRADEBOOK, encoding="utf-8")
    export = zipped(tmp_path / "s.zip", {"doejane_678_901_2_hw.ipynb": RIGHT, "team_7_9_903_hw.ipynb": RIGHT})
    assert main(["lms", "canvas", "collect", str(export), "--out", str(tmp_path / "no")]) == 2
    assert not (tmp_path / "no" / "manifest.json").exists()
    arguments = ["lms", "canvas", "collect", str(export), "--out", str(tmp_path / "out"), "--roster", str(book)]
    assert main(arguments) == 0
    entries = by_student(tmp_path / "out")
    assert entries["678"].name == "Doe, Jane"
    assert entries["678"].original == "2_hw.ipynb"
    assert entries["9"].name == "team_7"
    assert entries["9"].lms["is_group"] is True


def test_hostile_members_are_named_and_nothing_is_written_outside(tmp_path, capsys):
    export = tmp_path / "s.zip"
    with zipfile.ZipFile(export, "w") as archive:
        archive.writestr("doejane_678_901_hw.ipynb", RIGHT)
        archive.writestr("../evil_1_2_hw.ipynb", RIGHT)
        archive.writestr("/etc/evil_1_3_hw.ipynb", RIGHT)
        archive.writestr("C:\\evil_1_4_hw.ipynb", RIGHT)
        archive.writestr("a\x1b[31m\n_1_5_hw.ipynb", RIGHT)
        link = zipfile.ZipInfo("link_1_6_hw.ipynb")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("stranger.ipynb", RIGHT)
    code = main(["lms", "canvas", "collect", str(export), "--out", str(tmp_path / "out")])
    said = capsys.readouterr()
    assert code == 1
    assert "stranger.ipynb: Canvas does not write such a file name" in said.err
    assert "link_1_6_hw.ipynb: a link" in said.err
    assert "../evil" in said.err
    assert "\x1b" not in said.out + said.err
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {
        "s.zip",
        "manifest.json",
        "doejane_678.ipynb",
        *(path.name for path in (tmp_path / "out").glob("*_1.ipynb")),
    }


@pytest.mark.parametrize(("name", "count", "size_mb"), [("hw.ipynb", 1, 200), ("hw.ipynb", 3, 60), ("hw.zip", 1, 150)])
def test_files_of_one_student_that_are_too_large_are_set_aside_and_the_class_goes_on(
    tmp_path, capsys, name, count, size_mb
):
    export = zipped(tmp_path / "s.zip", {"doejane_1_2_hw.ipynb": RIGHT})
    with zipfile.ZipFile(export, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for number in range(count):
            with archive.open(f"evilmallory_2_{number + 3}_{name}", "w", force_zip64=True) as member:
                for _ in range(size_mb):
                    member.write(b" " * (1 << 20))
    assert main(["lms", "canvas", "collect", str(export), "--out", str(tmp_path / "out")]) in {0, 1}
    entries = by_student(tmp_path / "out")
    assert (tmp_path / "out" / entries["1"].file).read_bytes() == RIGHT
    assert "too large" in entries["2"].note
    assert "too large" in "".join(capsys.readouterr())


def test_a_zip_that_holds_more_than_any_class_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    export = zipped(tmp_path / "s.zip", {f"doe_{number}_1_hw.ipynb": RIGHT for number in range(9)})
    monkeypatch.setattr(archives, "MOST_UNPACKED_BYTES", 8 * len(RIGHT))
    with pytest.raises(RequestError, match="more than a class hands in"):
        canvas.collect(request(export, tmp_path / "out"))


def test_a_damaged_member_and_one_that_is_too_large_are_unreadable_not_absent(tmp_path):
    export = zipped(tmp_path / "s.zip", {"doe_1_2_hw.ipynb": RIGHT, "roe_2_3_hw.ipynb": b" " * ((64 << 20) + 1)})
    data = bytearray(export.read_bytes())
    at = data.find(RIGHT)
    data[at : at + 9] = b"\0" * 9
    export.write_bytes(data)
    canvas.collect(request(export, tmp_path / "out"))
    entries = by_student(tmp_path / "out")
    assert "damaged" in entries["1"].note
    assert (tmp_path / "out" / entries["1"].file).read_bytes() == b""
    assert "too large" in entries["2"].note
    assert (tmp_path / "out" / entries["2"].file).stat().st_size == (64 << 20) + 1


def test_an_encrypted_member_is_named(tmp_path):
    export = zipped(tmp_path / "s.zip", {"doe_1_2_hw.ipynb": RIGHT})
    data = bytearray(export.read_bytes())
    data[6] |= 1  # the flag of encryption, in the member's head
    data[data.find(b"PK\x01\x02") + 8] |= 1  # and in the directory
    export.write_bytes(data)
    canvas.collect(request(export, tmp_path / "out"))
    assert by_student(tmp_path / "out")["1"].note == "The file is encrypted in the LMS's download."


# --- export --------------------------------------------------------------------------------------------------------

RESULTS = {
    "678": scored(27.456),
    "679": scored(25),
    "9": scored(27),
    "10": scored(30),
    "11": scored(29),
    "12": scored(20),
    "13": unread("no_notebook"),
    "14": unread("no_notebook"),
    "15": unread("no_notebook"),
}


def exported(tmp_path: Path, folder: Path, book: str | None = GRADEBOOK, *more: str) -> tuple[int, Path]:
    out = tmp_path / "upload"
    arguments = ["lms", "canvas", "export", str(folder), "--out", str(out), *more]
    if book is not None:
        (tmp_path / "g.csv").write_text(book, encoding="utf-8", newline="")
        arguments += ["--gradebook", str(tmp_path / "g.csv")]
    return main(arguments), out


def test_the_gradebook_holds_our_column_and_our_students_alone(tmp_path, collected, capsys):
    code, out = exported(tmp_path, graded(collected, tmp_path / "graded", RESULTS))
    said = capsys.readouterr().out
    assert code == 0
    text = (out / canvas.GRADEBOOK).read_bytes().decode()
    assert text == (
        "Student,ID,SIS User ID,SIS Login ID,Section,Initialization (4711)\n"
        "    Points Possible,,,,,30.00\n"
        '"Doe, Jane",678,s1,jane,CS101-01,27.46\n'
        '"O\'Brien, Ann-Marie",679,s2,ann,CS101-01 and CS101-02,25\n'
        '"Müller, Jürgen",9,s3,jm,CS101-01,27\n'
        '"Script, Py",12,s6,py,CS101-01,20\n'
    )
    assert canvas_reads(text) == {"Initialization (4711)": {"678": "27.46", "679": "25", "9": "27", "12": "20"}}
    assert "4 scores, 2 new, 1 changed, 1 as before" in said
    assert "obrienannmarie: 12.50 in the gradebook becomes 25" in said
    assert "left blank because there is no work to grade (--absent changes this): linker, pdfonly and texter\n" in said
    assert "excused in the gradebook" in said
    assert "not assigned in the gradebook" in said
    assert "Not tried on a live site" in said


@pytest.mark.parametrize(("absent", "written"), [("blank", None), ("zero", "0"), ("5", "5")])
def test_an_absent_notebook_is_exported_as_asked(tmp_path, collected, absent, written):
    folder = graded(collected, tmp_path / "graded", RESULTS)
    code, out = exported(tmp_path, folder, GRADEBOOK, "--absent", absent)
    assert code == 0
    scores = canvas_reads((out / canvas.GRADEBOOK).read_text(encoding="utf-8"))["Initialization (4711)"]
    assert scores.get("13") == written


def test_each_status_without_work_has_a_setting_of_its_own(tmp_path, collected):
    nothing = {
        name: replace(one, points=0.0, status="not_attempted", checks=())
        for name, one in builders.result().functions.items()
    }
    untouched = builders.result(nothing, score=0.0)
    results = RESULTS | {"678": unread("wrong_notebook"), "9": untouched, "679": unread("unreadable")}
    folder = graded(collected, tmp_path / "graded", results)
    for said, want in {
        "blank": {"9": "0", "12": "20"},  # the other notebook waits for a look
        "wrong_notebook=5,not_attempted=blank": {"678": "5", "12": "20"},
        "zero,wrong_notebook=blank": {"679": "0", "9": "0", "12": "20"},
    }.items():
        code, out = exported(tmp_path, folder, GRADEBOOK, "--absent", said)
        assert code == 0
        scores = canvas_reads((out / canvas.GRADEBOOK).read_text(encoding="utf-8"))["Initialization (4711)"]
        assert {user: score for user, score in scores.items() if user in {"678", "679", "9", "12"}} == want


def test_what_waits_for_a_look_is_held_back_unless_asked(tmp_path, collected, capsys):
    folder = graded(
        collected, tmp_path / "graded", RESULTS | {"678": scored(27, provisional=True), "9": unread("wrong_notebook")}
    )
    _, out = exported(tmp_path, folder)
    said = capsys.readouterr().out
    assert canvas_reads((out / canvas.GRADEBOOK).read_text(encoding="utf-8"))["Initialization (4711)"].keys() == {
        "679",
        "12",
    }
    assert "doejane: a part could not be judged" in said
    assert "müllerjürgen: a different notebook: it has none of the functions" in said
    assert not any("_678_" in name or "_9_" in name for name in members(out / canvas.FEEDBACK))
    _, out = exported(tmp_path, folder, GRADEBOOK, "--include-open")
    scores = canvas_reads((out / canvas.GRADEBOOK).read_text(encoding="utf-8"))["Initialization (4711)"]
    assert scores == {"678": "27", "9": "0", "679": "25", "12": "20"}


def test_feedback_goes_back_under_the_names_that_came(tmp_path, collected):
    _, out = exported(tmp_path, graded(collected, tmp_path / "graded", RESULTS))
    files = members(out / canvas.FEEDBACK)
    assert set(files) == {name for name in CLASS if name.endswith(".ipynb") and "MACOSX" not in name} - {
        "two_11_905_hw.ipynb"
    }
    assert files["doejane_678_901_hw 1 (2).ipynb"] == b'{"annotated": "678"}'
    owners = {"901": "678", "902": "679", "903": "9", "904": "10", "906": "11"}
    assert canvas_attaches(list(files), owners).keys() == set(files)
    with zipfile.ZipFile(out / canvas.FEEDBACK) as archive:
        assert all(info.flag_bits & 0x800 for info in archive.infolist() if not info.filename.isascii())


def test_a_name_of_digits_goes_back_as_canvas_can_read_it(tmp_path):
    canvas.collect(request(zipped(tmp_path / "s.zip", {"12345_678_901_hw.ipynb": RIGHT}), tmp_path / "collected"))
    _, out = exported(tmp_path, graded(tmp_path / "collected", tmp_path / "graded", {"678": scored(27)}), None)
    assert canvas_attaches(list(members(out / canvas.FEEDBACK)), {"901": "678"}) == {"user_678_901_hw.ipynb": "901"}


@pytest.mark.parametrize(
    "original", ["link.ipynb", "linked.ipynb", "my_link.ipynb", "links_link-1.ipynb", "hw_link.zip"]
)
@pytest.mark.parametrize(
    ("start", "owner"), [("doejane_678", "678"), ("doejane_LATE_678", "678"), ("LATE_anon_aB1", "aB1")]
)
def test_a_name_that_canvas_takes_for_a_link_goes_back_under_another(tmp_path, original, start, owner):
    member = f"{start}_901_{original}"
    content = zipped(tmp_path / "own.zip", {"hw.ipynb": RIGHT}).read_bytes() if original.endswith("zip") else RIGHT
    canvas.collect(request(zipped(tmp_path / "s.zip", {member: content}), tmp_path / "collected"))
    _, out = exported(tmp_path, graded(tmp_path / "collected", tmp_path / "graded", {owner: scored(27)}), None)
    (name,) = members(out / canvas.FEEDBACK)
    assert canvas_attaches([name], {"901": owner}) == {name: "901"}


def test_without_annotated_notebooks_the_notes_go_alone(tmp_path, collected, capsys):
    _, out = exported(tmp_path, graded(collected, tmp_path / "graded", RESULTS, annotated=False), None)
    assert b"27.46 of 30" in members(out / canvas.FEEDBACK)["doejane_678_901_hw 1 (2).ipynb"]
    assert "notes alone" in capsys.readouterr().out


def test_exporting_again_gives_the_same_bytes(tmp_path, collected):
    folder = graded(collected, tmp_path / "graded", RESULTS)
    _, out = exported(tmp_path, folder)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    _, out = exported(tmp_path, folder)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


@pytest.mark.parametrize(
    ("edit", "scores"),
    [
        (lambda text: "\ufeff" + text, {"678": "27.46"}),
        (lambda text: text.replace("\n", "\r\n"), {"678": "27.46"}),
        (lambda text: text.replace(",,,,,,Manual Posting,,,\n", ""), {"678": "27.46"}),
        (lambda text: text.replace("Manual Posting", "Muted"), {"678": "27.46"}),
        (lambda text: "\n".join(text.splitlines()[:1] + text.splitlines()[3:]) + "\n", {"678": "27.46"}),
        (lambda text: text.replace(",30.00,", ",100.00,"), {"678": "91.52"}),
    ],
    ids=["bom", "crlf", "no hidden row", "muted", "no points row", "other points"],
)
def test_gradebooks_of_every_making_are_taken(tmp_path, collected, edit, scores):
    code, out = exported(tmp_path, graded(collected, tmp_path / "graded", {"678": scored(27.456)}), edit(GRADEBOOK))
    assert code == 0
    data = (out / canvas.GRADEBOOK).read_bytes()
    assert not data.startswith(b"\xef\xbb\xbf")
    assert canvas_reads(data.decode())["Initialization (4711)"] == scores


def test_a_gradebook_with_semicolons_keeps_them(tmp_path, collected):
    rows = list(csv.reader(io.StringIO(GRADEBOOK)))
    text = io.StringIO()
    csv.writer(text, delimiter=";", lineterminator="\n").writerows(rows)
    _, out = exported(tmp_path, graded(collected, tmp_path / "graded", {"678": scored(27.5)}), text.getvalue())
    written = (out / canvas.GRADEBOOK).read_text(encoding="utf-8")
    assert written.startswith("Student;ID;")
    assert canvas_reads(written) == {"Initialization (4711)": {"678": "27.5"}}


RUBY = """
require 'csv'
require 'json'
lines = File.readlines(ARGV[0]).first(3)
counts = [';', ','].to_h do |mark|
  sizes = lines.map { |line| CSV.parse_line(line, col_sep: mark)&.size || 0 }
  [mark, sizes.uniq.size == 1 ? sizes.first : 0]
rescue CSV::MalformedCSVError
  [mark, 0]
end
mark = counts[';'] > counts[','] ? ';' : ','
puts JSON.dump(CSV.read(ARGV[0], skip_lines: /^[;, ]+$/, col_sep: mark))
"""


@pytest.mark.skipif(
    shutil.which("ruby") is None, reason="no Ruby on this machine: gradebooks were read by a copy of its rules"
)
@pytest.mark.parametrize("mark", [",", ";"])
def test_a_gradebook_is_read_by_ruby_itself(tmp_path, collected, mark):
    text = io.StringIO()
    csv.writer(text, delimiter=mark, lineterminator="\n").writerows(csv.reader(io.StringIO(GRADEBOOK)))
    _, out = exported(tmp_path, graded(collected, tmp_path / "graded", RESULTS), text.getvalue())
    (tmp_path / "read.rb").write_text(RUBY)
    run = ["ruby", tmp_path / "read.rb", out / canvas.GRADEBOOK]
    read = json.loads(subprocess.run(run, check=True, capture_output=True, timeout=60).stdout)
    assert {row[1]: row[-1] for row in read[2:]} == {"678": "27.46", "679": "25", "9": "27", "12": "20"}


def test_the_shortest_gradebook_is_enough(tmp_path, collected):
    text = 'Student,ID,Section,Initialization (4711)\n"Doe, Jane",678,CS101-01,\n'
    _, out = exported(tmp_path, graded(collected, tmp_path / "graded", {"678": scored(27.5)}), text)
    assert (out / canvas.GRADEBOOK).read_text(encoding="utf-8") == text.replace("01,\n", "01,27.5\n")


def test_a_split_name_is_a_gradebook_too(tmp_path, collected):
    text = "LastName,FirstName,ID,Section,Initialization (4711)\nDoe,Jane,678,CS101-01,\n"
    _, out = exported(tmp_path, graded(collected, tmp_path / "graded", {"678": scored(27.5)}), text)
    assert (out / canvas.GRADEBOOK).read_text(encoding="utf-8") == text.replace("01,\n", "01,27.5\n")


@pytest.mark.parametrize(
    ("header", "more", "wanted"),
    [
        ("Other (5),Initialization (4711)", (), "4711"),
        ("Other (5),Week 1: initialization (4711)", (), "4711"),
        ("Init quiz (1),Home (2)", (), "2"),
        ("Initialization quiz (1),Programming Assignment 1 (2)", ("--column", "2"), "2"),
        ("Initialization (1)", (), "1"),
        ("Initialization quiz (1)", ("--column", "1"), "1"),
        ("Initialization (1),Initialization (2)", ("--column", "2"), "2"),
        ("Initialization (1),Home (2)", ("--column", "home"), "2"),
    ],
)
def test_the_column_is_found(tmp_path, collected, header, more, wanted):
    text = f'Student,ID,Section,{header}\n    Points Possible,,,10,30\n"Doe, Jane",678,CS101-01,,\n'
    code, out = exported(tmp_path, graded(collected, tmp_path / "graded", {"678": scored(27)}), text, *more)
    assert code == 0
    (column,) = canvas_reads((out / canvas.GRADEBOOK).read_text(encoding="utf-8"))
    assert column.endswith(f"({wanted})")


@pytest.mark.parametrize(
    ("header", "more", "says"),
    [
        ("Initialization (1),Initialization (2)", (), ("'Initialization (1)'", "'Initialization (2)'", "--column")),
        ("Initialization quiz (1)", (), ("'Initialization quiz (1)' (10 points)", "out of 30", "--column")),
        (
            "Initialization quiz (1),Programming Assignment 1 (2),Home (3)",
            (),
            ("quiz (1)' (10 points)", "1 (2)' (30 points)", "--column"),
        ),
        (
            "Initialization (1),Programming Assignment 1 (2),Home (3)",
            (),
            ("'Initialization (1)' (10 points)", "1 (2)' (30 points)"),
        ),
        ("Week (1),Home (2)", (), ("'Week (1)'", "'Home (2)'", "--column")),
        ("Initialization (1),Home (2)", ("--column", "9"), ("no column is '9'",)),
        ("Initialization Final Grade (1),Sum (read only)", ("--column", "1"), ("no column is '1'",)),
    ],
)
def test_a_column_that_cannot_be_told_is_an_error(tmp_path, collected, capsys, header, more, says):
    points = "10,30,10" if header.count(",") == 2 else "10,10"
    text = f'Student,ID,Section,{header}\n    Points Possible,,,{points}\n"Doe, Jane",678,CS101-01,,\n'
    code, out = exported(tmp_path, graded(collected, tmp_path / "graded", {"678": scored(27)}), text, *more)
    assert code == 2
    said = capsys.readouterr().err
    assert all(word in said for word in says)
    assert not (out / canvas.GRADEBOOK).exists()


@pytest.mark.parametrize("answer", [True, False])
def test_a_column_of_other_points_is_taken_where_somebody_says_yes(tmp_path, answer):
    quiz = [tables.Column(3, "Initialization quiz (1)", "Initialization quiz", "1", Decimal(10))]
    asked = []

    def ask(question):
        asked.append(question)
        return answer

    request = Export(Manifest(system="canvas"), [], tmp_path, "Initialization", 30.0, ask=ask)
    with contextlib.nullcontext() if answer else pytest.raises(RequestError, match="out of 30"):
        assert tables.choose(quiz, request) == quiz[0]
    assert "'Initialization quiz (1)' (10 points)" in asked[0]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"a,b\n1,2\n", "not a Canvas gradebook"),
        (b"", "not a Canvas gradebook"),
        (b'Student,ID,Section,T (1)\n"x" y,1,s,\n', "line 2"),
        ("Student,ID,Section,T (1)\nMüller,1,s,\n".encode("cp1252"), "not in UTF-8"),
    ],
)
def test_a_file_that_is_no_gradebook_is_an_error(tmp_path, collected, capsys, data, says):
    folder = graded(collected, tmp_path / "graded", {"678": scored(27)})
    (tmp_path / "g.csv").write_bytes(data)
    arguments = [
        "lms",
        "canvas",
        "export",
        str(folder),
        "--out",
        str(tmp_path / "o"),
        "--gradebook",
        str(tmp_path / "g.csv"),
    ]
    assert main(arguments) == 2
    assert says in capsys.readouterr().err


def test_a_student_without_a_row_is_named(tmp_path, collected, capsys):
    folder = graded(collected, tmp_path / "graded", {"678": scored(27), "9": scored(20)})
    exported(tmp_path, folder, 'Student,ID,Section,Initialization (1)\n"Doe, Jane",678,s,\n')
    assert "müllerjürgen (id 9): no row in the gradebook" in capsys.readouterr().out


def test_anonymous_hand_ins_get_feedback_and_no_scores(tmp_path, capsys):
    export = zipped(
        tmp_path / "s.zip",
        {"anon_acJ4Q_901_hw.ipynb": RIGHT, "LATE_anon_b2_902_hw.ipynb": RIGHT, "anon_c3_text.html": b""},
    )
    canvas.collect(request(export, tmp_path / "collected"))
    folder = graded(
        tmp_path / "collected",
        tmp_path / "graded",
        {"acJ4Q": scored(27), "b2": scored(20), "c3": unread("no_notebook")},
    )
    code, out = exported(tmp_path, folder)
    assert code == 0
    assert not (out / canvas.GRADEBOOK).exists()
    assert canvas_attaches(list(members(out / canvas.FEEDBACK)), {"901": "acJ4Q", "902": "b2"}).keys() == set(
        members(out / canvas.FEEDBACK)
    )
    assert "anonymous" in capsys.readouterr().out
