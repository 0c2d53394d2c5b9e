"""Moodle: its zips in every layout, its worksheet and its feedback, read back by its importers' own rules."""

from __future__ import annotations

import csv
import html
import io
import json
import random
import re
import shutil
import subprocess
from pathlib import Path, PurePosixPath

import pytest
from lms_files import RIGHT, graded, manifest_of, members, scored, unread, zipped

from grader.cli import main
from grader.errors import RequestError
from grader.lms.common.system import Collect
from grader.lms.moodle import files as moodle
from grader.lms.moodle import worksheet as moodle_worksheet
from grader.lms.moodle.files import feedback_path, parse
from grader.lms.moodle.worksheet import php_rows

# --- the importers, written down from their sources ----------------------------------------------------------------


def fgetcsv(text: str, delimiter: str = ",") -> list[list[str]]:
    """PHP's fgetcsv with the escape character that Moodle leaves it, letter by letter."""
    rows: list[list[str]] = [[]]
    cell, at, quoted, was_quoted = "", 0, False, False
    while at < len(text):
        letter = text[at]
        if quoted and letter == "\\":
            cell += text[at : at + 2]
            at += 2
            continue
        if quoted and letter == '"':
            if text[at + 1 : at + 2] == '"':
                cell += '"'
                at += 2
                continue
            quoted = False
        elif not quoted and letter == '"' and not cell and not was_quoted:
            quoted = was_quoted = True
        elif not quoted and letter in (delimiter, "\n"):
            rows[-1].append(cell)
            cell, was_quoted = "", False
            if letter == "\n":
                rows.append([])
        else:
            cell += letter
        at += 1
    rows[-1].append(cell)
    return [row for row in rows if row != [""]]


def moodle_reads(
    data: bytes, *, titles: tuple[str, str, str, str] = ("Identifier", "Grade", "Last modified (grade)", "Feedback comments"),
    hidden_user: str = "Participant ", decimal: str = ".", delimiter: str = ",",
) -> dict[str, tuple[float | None, str]]:  # fmt: skip
    """What Moodle takes from a worksheet: grade and comment by participant."""
    text = re.sub("\r\n?", "\n", data.decode("utf-8-sig")).strip()
    header, *rows = fgetcsv(text, delimiter)
    assert all(len(row) == len(header) for row in rows), "csvweirdcolumns"
    identifier, grade, last, comments = (header.index(title) for title in titles)
    assert last >= 0
    assert comments > 0
    found = {}
    for row in rows:
        participant = row[identifier].encode()[len(hidden_user.encode()) :].decode()
        written = row[grade].strip()
        if decimal == ",":
            assert "." not in written
        found[participant] = (float(written.replace(",", ".")) if written else None, row[comments])
    return found


def moodle_attaches(names: list[str], participants: set[str]) -> dict[str, tuple[str, str]]:
    """Whose feedback each file of a zip is taken for, and under which name."""
    found = {}
    for name in names:
        parts = name.split("/")
        for at, part in enumerate(parts):
            pieces = part.split("_", 4)
            if len(pieces) >= 4 and pieces[1].isdigit() and pieces[1] in participants and pieces[3] == "file":
                rest = [*filter(None, pieces[4:]), *parts[at + 1 :]]
                if not PurePosixPath(name).name.startswith((".", "~")):
                    found[name] = pieces[1], "/".join(rest)
                break
    return found


# --- names ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("member", "wanted"),
    [
        ("Jane Doe_12345_assignsubmission_file/hw.ipynb", ("Jane Doe", "12345", "file", "hw.ipynb")),
        ("Jane Doe_12345_assignsubmission_file_/hw_1.ipynb", ("Jane Doe", "12345", "file", "hw_1.ipynb")),
        ("Jane Doe_12345_assignsubmission_file_hw_1.ipynb", ("Jane Doe", "12345", "file", "hw_1.ipynb")),
        ("Jane Doe_12345_assignsubmission_file/src/hw.ipynb", ("Jane Doe", "12345", "file", "src/hw.ipynb")),
        (
            "x/Łukasz Żółć_3_assignsubmission_onlinetext/onlinetext.html",
            ("Łukasz Żółć", "3", "onlinetext", "onlinetext.html"),
        ),
        ("Participant_7_assignsubmission_file/hw.ipynb", ("Participant", "7", "file", "hw.ipynb")),
        ("jd1 Jane Doe_12_assignsubmission_file/a_5_assignsubmission_file_b.ipynb",
         ("jd1 Jane Doe", "12", "file", "a_5_assignsubmission_file_b.ipynb")),
        ("Default group_assignsubmission_file/hw.ipynb", ("Default group", None, "file", "hw.ipynb")),
    ],
)  # fmt: skip
def test_a_name_is_read_as_moodle_made_it(member, wanted):
    found = parse(member)
    assert found is not None
    assert (found.name, found.participant, found.plugin, found.original) == wanted


@pytest.mark.parametrize("member", ["hw.ipynb", "Jane Doe/hw.ipynb", "index.html", "a_assignment_file/hw.ipynb"])
def test_a_name_that_is_not_moodles_is_none(member):
    assert parse(member) is None


def test_the_feedback_path():
    assert feedback_path("O'Brien_Ann", 7, "feedback.html") == "OBrien Ann_7_assignsubmission_file/feedback.html"


@pytest.mark.parametrize(
    "text",
    [
        '"x","C:\\tmp\\"\n"y","z"\n',
        '"say \\""hi\\"" now",2\n',
        '"C:&#92;tmp&#92;","z"\n"a ""b"" c",d\n',
        "a,,\n,b,\n",
        '"multi\nline",x\n',
    ],
)
def test_tables_are_read_as_php_reads_them(text):
    assert [list(row.cells) for row in php_rows(text, ",")] == fgetcsv(text)


PHP = """<?php
$file = fopen($argv[1], 'r');
$rows = [];
while (($row = fgetcsv($file, 0, ',', '"', '\\\\')) !== false) { $rows[] = $row; }
echo json_encode($rows);
"""


@pytest.mark.skipif(
    shutil.which("php") is None, reason="no PHP on this machine: worksheets were read by a copy of its rules"
)
def test_a_worksheet_is_read_by_php_itself(tmp_path, folder):
    draw = random.Random(1)
    texts = ["".join(draw.choice('ab",\\\n; é&<') for _ in range(draw.randint(0, 9))) for _ in range(4000)]
    sheet = moodle_worksheet.read(write(tmp_path / "e.csv", ENGLISH))
    table = [texts[at : at + 8] for at in range(0, len(texts), 8)]
    written = write(tmp_path / "t.csv", "".join(moodle_worksheet.line(row, sheet, "\n") for row in table))
    run = ["php", write(tmp_path / "read.php", PHP), written]
    read = json.loads(subprocess.run(run, check=True, capture_output=True, timeout=60).stdout)
    assert read == [[text.replace("\\", "&#92;") for text in row] for row in table]


def write(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


def test_rows_keep_the_text_that_they_were():
    text = 'a,"b\nc"\r\n"d\\"",e\n,\nlast,"one'
    assert "".join(row.raw for row in php_rows(text, ",")) == text


# --- collect -------------------------------------------------------------------------------------------------------

FOLDERS = {
    "Jane Doe_101_assignsubmission_file/hw.ipynb": RIGHT,
    "Jane Doe_101_assignsubmission_onlinetext/onlinetext.html": b"<p>see file",
    "OBrien Ann_102_assignsubmission_file/src/hw.ipynb": RIGHT,
    "OBrien Ann_102_assignsubmission_file/notes.txt": b"notes",
    "Łukasz Żółć_103_assignsubmission_file/hw.ipynb": RIGHT,
    "Tim Text_104_assignsubmission_onlinetext/onlinetext.html": b"<p>hello",
    "Jane Doe_101_assignfeedback_file/feedback.html": b"<p>of last time",
    "__MACOSX/Jane Doe_101_assignsubmission_file/._hw.ipynb": b"junk",
}
OLDER = {
    name.replace("_file/", "_file_/").replace("_onlinetext/", "_onlinetext_/"): data for name, data in FOLDERS.items()
}
FLAT = {
    re.sub(r"_(file|onlinetext)/(src/)?", r"_\1_", name) if "MACOSX" not in name else name: data
    for name, data in FOLDERS.items()
}


def collect(tmp_path: Path, export: dict[str, bytes], **more: object) -> Path:
    out = tmp_path / "collected"
    done = moodle.collect(Collect([zipped(tmp_path / "m.zip", export)], out, **more))
    assert not done.unaccounted
    return out


@pytest.mark.parametrize("layout", [FOLDERS, OLDER, FLAT], ids=["folders", "older folders", "flat"])
def test_every_layout_gives_the_same_entries(tmp_path, layout):
    entries = {entry.student: entry for entry in manifest_of(collect(tmp_path, layout)).entries}
    assert {student: entry.name for student, entry in entries.items()} == {
        "101": "Jane Doe",
        "102": "OBrien Ann",
        "103": "Łukasz Żółć",
        "104": "Tim Text",
    }
    assert entries["104"].file is None
    assert entries["104"].note == "This was handed in as online text, not as a file."
    assert entries["102"].original in {"src/hw.ipynb", "hw.ipynb"}
    assert entries["102"].others == ("notes.txt",)
    assert entries["101"].file == "Jane_Doe_101.ipynb"
    assert entries["101"].lms["zip_member"] in layout


def test_blind_hand_ins_are_told_apart_by_their_number(tmp_path):
    export = {f"Participant_{number}_assignsubmission_file/hw.ipynb": RIGHT for number in (7, 8)}
    entries = manifest_of(collect(tmp_path, export)).entries
    assert [entry.name for entry in entries] == ["Participant 7", "Participant 8"]


def test_a_stranger_is_not_accounted_for(tmp_path, capsys):
    export = zipped(tmp_path / "m.zip", {**FOLDERS, "stray/hw.ipynb": RIGHT})
    assert main(["lms", "moodle", "collect", str(export), "--out", str(tmp_path / "out")]) == 1
    assert "stray/hw.ipynb: Moodle does not write such a file name" in capsys.readouterr().err


def test_a_groups_number_is_nobodys_lateness(tmp_path):
    sheet = ENGLISH.replace("Status,Grade", "Status,Group,Grade").replace(
        ',"Submitted for grading",', ',"Submitted for grading",Team A,'
    )
    sheet = sheet.replace('hours late",', 'hours late",Team B,').replace('"No submission",', '"No submission",Team B,')
    (tmp_path / "w.csv").write_text(sheet, encoding="utf-8")
    export = {"Team A_102_assignsubmission_file/hw.ipynb": RIGHT, "Team B_101_assignsubmission_file/hw.ipynb": RIGHT}
    entries = manifest_of(collect(tmp_path, export, roster=tmp_path / "w.csv")).entries
    assert {entry.name: entry.late for entry in entries} == {"Team A": False, "Team B": True}


def test_the_worksheet_says_who_was_late(tmp_path):
    (tmp_path / "w.csv").write_text(ENGLISH, encoding="utf-8")
    entries = {one.student: one for one in manifest_of(collect(tmp_path, FOLDERS, roster=tmp_path / "w.csv")).entries}
    assert [entries[student].late for student in ("101", "102")] == [False, True]


# --- the worksheet -------------------------------------------------------------------------------------------------

ENGLISH = (
    'Identifier,"Full name","Email address",Status,Grade,"Maximum Grade","Grade can be changed","Last modified (submission)","Online text","Last modified (grade)","Feedback comments"\n'
    '"Participant 101","Jane Doe",jane@example.org,"Submitted for grading",,30.00,Yes,"Monday, 12 May 2025, 3:04 PM","see C:\\tmp",-,\n'
    "\"Participant 102\",\"O'Brien Ann\",ann@example.org,\"Submitted for grading - 2 days 3 hours late\",12.50,30.00,Yes,\"Monday, 12 May 2025, 3:04 PM\",,\"Tuesday, 13 May 2025, 9:00 AM\",<p>Seen.</p>\n"
    '"Participant 103","Łukasz Żółć",lz@example.org,"Submitted for grading",27.00,30.00,Yes,"Monday, 12 May 2025, 3:04 PM",,-,\n'
    '"Participant 104","Tim Text",tt@example.org,"Submitted for grading",5.00,30.00,Yes,"Monday, 12 May 2025, 3:04 PM",hello,-,"my \\"own\\" words"\n'
    '"Participant 105","Else Body",eb@example.org,"No submission",9.00,30.00,Yes,-,,-,"keep\nme"\n'
)  # fmt: skip
CORE_5 = (
    '"Identifier","Full name","Email address","Status","Marker 1","Marker 2","Grade","Maximum grade",'
    '"Marking workflow state","Grade can be changed","Last modified (submission)","Online text",'
    '"Last modified (grade)","Feedback comments","Marker 1 comment","Marker 2 comment"\n'
    '"Participant 101","Jane Doe","j@x.org","Submitted","","","","100.00","","Yes","-","","-","","",""\n'
)
SPANISH = (
    'Identificador,"Nombre completo",Estado,Calificación,"Calificación máxima","La calificación puede cambiarse",'
    '"Última modificación (entrega)","Última modificación (calificación)","Comentarios de retroalimentación"\n'
    '"Participante 101","Jane Doe",Enviado,,"30,00",Sí,"lunes, 12 de mayo de 2025, 15:04",-,\n'
    '"Participante 102","O\'Brien Ann",Enviado,"12,50","30,00",Sí,"lunes, 12 de mayo","martes, 13 de mayo de 2025",\n'
)
GERMAN = SPANISH.replace("Identificador", "ID").replace("Última modificación (entrega)", "Zuletzt geändert (Abgabe)").replace(
    "Última modificación (calificación)", "Zuletzt geändert (Bewertung)")  # fmt: skip
JAPANESE = SPANISH.replace("Identificador", "ID").replace("Última modificación (entrega)", "最終更新日時 (提出)").replace(
    "Última modificación (calificación)", "最終更新日時 (評定)")  # fmt: skip

RESULTS = {"101": scored(27.455), "102": scored(25), "103": scored(27), "104": unread("no_notebook")}


def exported(tmp_path: Path, folder: Path, sheet: str | None, *more: str) -> tuple[int, Path]:
    arguments = ["lms", "moodle", "export", str(folder), "--out", str(tmp_path / "upload"), *more]
    if sheet is not None:
        (tmp_path / "w.csv").write_bytes(sheet.encode())
        arguments += ["--worksheet", str(tmp_path / "w.csv")]
    return main(arguments), tmp_path / "upload"


@pytest.fixture
def folder(tmp_path) -> Path:
    return graded(collect(tmp_path, FOLDERS), tmp_path / "graded", RESULTS)


def test_the_worksheet_is_filled_in_and_the_rest_stays_byte_for_byte(tmp_path, folder, capsys):
    code, out = exported(tmp_path, folder, ENGLISH)
    assert code == 0
    data = (out / moodle.WORKSHEET).read_bytes()
    before, after = ENGLISH.splitlines(keepends=True), data.decode().splitlines(keepends=True)
    assert after[0] == before[0]
    assert after[4:] == before[4:]
    read = moodle_reads(data)
    assert {participant: grade for participant, (grade, _) in read.items()} == {
        "101": 27.46,
        "102": 25.0,
        "103": 27.0,
        "104": 5.0,
        "105": 9.0,
    }
    comment = read["101"][1]
    assert html.unescape(re.sub("<[^>]+>", "", comment)).startswith("27.455 of 30. One function")
    assert "&lt;He&gt; &amp; C:&#92;tmp." in comment
    assert "\\" not in after[1]
    assert read["102"][1].startswith("<p>Seen.</p><div")
    said = capsys.readouterr().out
    assert "updated 2 grades and 3 feedback instances" in said
    assert "OBrien Ann: 12.50 in the worksheet becomes 25.00" in said


def test_exporting_what_moodle_gives_back_changes_nothing(tmp_path, folder, capsys):
    _, out = exported(tmp_path, folder, ENGLISH)
    once = (out / moodle.WORKSHEET).read_bytes()
    feedback = (out / moodle.FEEDBACK).read_bytes()
    capsys.readouterr()
    _, out = exported(tmp_path, folder, once.decode())
    assert (out / moodle.WORKSHEET).read_bytes() == once
    assert (out / moodle.FEEDBACK).read_bytes() == feedback
    assert "updated 0 grades and 0 feedback instances" in capsys.readouterr().out


def test_the_worksheet_of_moodle_5_is_filled_in(tmp_path, folder, capsys):
    _, out = exported(tmp_path, folder, CORE_5)
    (grade, comment), *_ = moodle_reads((out / moodle.WORKSHEET).read_bytes()).values()
    assert grade == 91.52
    assert "27.455 of 30" in comment
    said = capsys.readouterr().out
    assert "the LMS counts out of 100, the exercise out of 30" in said
    assert "OBrien Ann (102): no row in the worksheet" in said


@pytest.mark.parametrize(
    ("sheet", "titles"),
    [
        (
            SPANISH,
            ("Identificador", "Calificación", "Última modificación (calificación)", "Comentarios de retroalimentación"),
        ),
        (GERMAN, ("ID", "Calificación", "Zuletzt geändert (Bewertung)", "Comentarios de retroalimentación")),
        (JAPANESE, ("ID", "Calificación", "最終更新日時 (評定)", "Comentarios de retroalimentación")),
    ],
    ids=["es", "de", "ja"],
)
def test_a_worksheet_of_another_language_is_filled_in(tmp_path, folder, capsys, sheet, titles):
    code, out = exported(tmp_path, folder, sheet)
    assert code == 0
    read = moodle_reads((out / moodle.WORKSHEET).read_bytes(), titles=titles, hidden_user="Participante ", decimal=",")
    assert {participant: grade for participant, (grade, _) in read.items()} == {"101": 27.46, "102": 25.0}
    said = capsys.readouterr().out
    assert "columns recognised by their position: 'Calificación' and 'Comentarios" in said
    assert "1 row was graded before, with a date that Moodle cannot read" in said


def test_semicolons_and_windows_lines_are_kept(tmp_path, folder):
    rows = [row.cells for row in php_rows(ENGLISH, ",")]
    text = io.StringIO()
    csv.writer(text, delimiter=";", lineterminator="\r\n").writerows(
        [[c.replace("\\", "/") for c in row] for row in rows]
    )
    _, out = exported(tmp_path, folder, "\ufeff" + text.getvalue())
    data = (out / moodle.WORKSHEET).read_bytes()
    assert moodle_reads(data, delimiter=";")["101"][0] == 27.46
    assert data.count(b"\r\n") == 6


def test_a_worksheet_that_moodle_itself_could_not_read_is_mended(tmp_path, folder):
    broken = ENGLISH.replace('"see C:\\tmp"', '"C:\\tmp\\"')
    assert len({len(row) for row in fgetcsv(broken)}) > 1
    _, out = exported(tmp_path, folder, broken)
    assert moodle_reads((out / moodle.WORKSHEET).read_bytes())["101"][0] == 27.46


LOCALIZED = {
    "de": ("ID", "Vollständiger Name", "Status", "Bewertung", "Bestwertung", "Bewertung kann geändert werden",
           "Zuletzt geändert (Abgabe)", "Texteingabe online", "Zuletzt geändert (Bewertung)", "Feedback als Kommentar", "Nein", "Ja"),
    "fr": ("Identifiant", "Nom complet", "Statut", "Note", "Note maximale", "La note peut être modifiée",
           "Dernière modification (travail remis)", "Texte en ligne", "Dernière modification (note)",
           "Feedback par commentaires", "Non", "Oui"),
    "ja": ("ID", "フルネーム", "ステータス", "評点", "最大評点", "評点変更可能", "最終更新日時 (提出)", "オンラインテキスト",
           "最終更新日時 (評定)", "フィードバックコメント", "いいえ", "はい"),
    "xx": ("ID", "Name", "Status", "Grade", "Most", "Open", "Changed (work)", "Text", "Changed (grade)", "Comment", "nay", "yea"),
}  # fmt: skip


@pytest.mark.parametrize("language", LOCALIZED)
@pytest.mark.parametrize("mark", [",", "\t"])
def test_a_locked_grade_stays_in_every_language(tmp_path, folder, capsys, language, mark):
    *header, no, yes = LOCALIZED[language]
    rows = [header]
    rows += [
        [f"Participant {number}", name, "", "", "30.00", word, "-", "", "-", ""]
        for number, name, word in ((101, "Jane Doe", no), (102, "O'Brien Ann", yes))
    ]
    text = io.StringIO()
    csv.writer(text, delimiter=mark, lineterminator="\n").writerows(rows)
    code, out = exported(tmp_path, folder, text.getvalue())
    said = capsys.readouterr().out
    assert code == 0
    titles = (header[0], header[3], header[8], header[9])
    read = moodle_reads((out / moodle.WORKSHEET).read_bytes(), titles=titles, delimiter=mark)
    if language == "xx":
        assert "Jane Doe: 'Open' is 'nay', which the grader does not know" in said
    else:
        assert read["101"] == (None, "")
        assert "updated 1 grades and 1 feedback instances" in said
        assert "Jane Doe: the grade cannot be changed in Moodle, so the row stays as it was" in said
    assert read["102"][0] == 25.0


def test_a_last_row_that_ends_in_an_empty_cell_is_kept_whole(tmp_path, folder):
    header = "Identifier\tFull name\tGrade\tMaximum Grade\tLast modified (grade)\tFeedback comments\n"
    sheet = f"{header}Participant 101\tJane Doe\t\t30.00\t-\t\nParticipant 105\tElse Body\t\t30.00\t-\t\n"
    code, out = exported(tmp_path, folder, sheet)
    assert code == 0
    assert moodle_reads((out / moodle.WORKSHEET).read_bytes(), delimiter="\t")["105"] == (None, "")


@pytest.mark.parametrize(
    ("sheet", "counted", "warned"),
    [
        (ENGLISH, "updated 3 grades and 3", False),
        (
            ENGLISH.replace("Maximum Grade", "Maximum grade"),
            "updated 3 grades and 3",
            True,
        ),
        (
            CORE_5.replace('"101","Jane', '"104","Tim').replace('101","Jane', '104","Tim'),
            "updated 0 grades and 1",
            True,
        ),
    ],
    ids=["older", "unknown", "marks"],
)
def test_a_grade_of_0_is_counted_as_that_moodle_counts_it(tmp_path, folder, capsys, sheet, counted, warned):
    exported(tmp_path, folder, sheet, "--absent", "zero")
    said = capsys.readouterr().out
    assert f"Moodle should say: {counted}".replace("and 3", "and 4") in said
    assert ("silently skips a grade of 0 in a worksheet" in said) == warned
    assert not warned or "Tim Text" in said
    assert ("if it skips grades of 0, it should say 2 grades" in said) == (warned and "updated 3" in counted)


def test_a_locked_grade_stays(tmp_path, folder, capsys):
    _, out = exported(tmp_path, folder, ENGLISH.replace(",,30.00,Yes", ",,30.00,No"))
    assert moodle_reads((out / moodle.WORKSHEET).read_bytes())["101"] == (None, "")
    assert "Jane Doe: the grade cannot be changed" in capsys.readouterr().out


@pytest.mark.parametrize(("absent", "written"), [("blank", 5.0), ("zero", 0.0), ("2.5", 2.5)])
def test_an_absent_notebook_is_exported_as_asked(tmp_path, folder, absent, written):
    _, out = exported(tmp_path, folder, ENGLISH, "--absent", absent)
    grade, comment = moodle_reads((out / moodle.WORKSHEET).read_bytes())["104"]
    assert grade == written
    assert ("No notebook." in comment) == (absent != "blank")


def test_what_waits_for_a_look_is_held_back(tmp_path, capsys):
    results = RESULTS | {"101": scored(27, provisional=True)}
    folder = graded(collect(tmp_path, FOLDERS), tmp_path / "graded", results)
    _, out = exported(tmp_path, folder, ENGLISH)
    assert moodle_reads((out / moodle.WORKSHEET).read_bytes())["101"] == (None, "")
    assert not any("_101_" in name for name in members(out / moodle.FEEDBACK))
    assert "Jane Doe: a part could not be judged" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("sheet", "says"),
    [
        ("a,b\n1,2\n", "not a grading worksheet"),
        ("", "not a table"),
        (ENGLISH.replace(",-,\n", ",-\n", 1), "different numbers of cells"),
        (ENGLISH.replace("Maximum Grade", "Scale"), "a scale"),
        (SPANISH.replace("30,00", "excelente"), "the column of grades is unclear"),
        (SPANISH.replace("Última modificación (entrega)", "Entrega"), "not a grading worksheet"),
    ],
)
def test_a_file_that_is_no_worksheet_is_an_error(tmp_path, folder, capsys, sheet, says):
    code, out = exported(tmp_path, folder, sheet)
    assert code == 2
    assert says in capsys.readouterr().err
    assert not (out / moodle.WORKSHEET).exists()


# --- feedback and groups -------------------------------------------------------------------------------------------


def test_feedback_reaches_its_owner_in_one_file(tmp_path, folder):
    _, out = exported(tmp_path, folder, ENGLISH)
    files = members(out / moodle.FEEDBACK)
    assert moodle_attaches(list(files), {"101", "102", "103", "104", "105"}) == {
        "Jane Doe_101_assignsubmission_file/feedback.html": ("101", "feedback.html"),
        "OBrien Ann_102_assignsubmission_file/feedback.html": ("102", "feedback.html"),
        "Łukasz Żółć_103_assignsubmission_file/feedback.html": ("103", "feedback.html"),
    }
    assert files["Jane Doe_101_assignsubmission_file/feedback.html"] == b"<!doctype html><p>27.455"


TEAMS = {
    "Team A_102_assignsubmission_file/hw.ipynb": RIGHT,  # the number of a group, equal to that of a participant
    "Default group_assignsubmission_file/hw.ipynb": RIGHT,
}
TEAM_SHEET = (
    'Identifier,"Full name",Status,Group,Grade,"Maximum grade","Grade can be changed","Last modified (submission)",'
    '"Last modified (grade)","Feedback comments"\n'
    '"Participant 101","Jane Doe",Submitted,"Team A",,30.00,Yes,-,-,\n'
    '"Participant 102","Ann O\'Brien",Submitted,"Default group",,30.00,Yes,-,-,\n'
    '"Participant 103","Łukasz Żółć",Submitted,"Team A",,30.00,Yes,-,-,\n'
)


def test_a_groups_result_goes_to_its_members_and_to_nobody_else(tmp_path):
    folder = graded(collect(tmp_path, TEAMS), tmp_path / "graded", {"102": scored(27), "Default group": scored(20)})
    code, out = exported(tmp_path, folder, TEAM_SHEET)
    assert code == 0
    read = moodle_reads((out / moodle.WORKSHEET).read_bytes())
    assert {participant: grade for participant, (grade, _) in read.items()} == {"101": 27.0, "103": 27.0, "102": 20.0}
    assert set(members(out / moodle.FEEDBACK)) == {
        "Jane Doe_101_assignsubmission_file/feedback.html",
        "Łukasz Żółć_103_assignsubmission_file/feedback.html",
        "Ann OBrien_102_assignsubmission_file/feedback.html",
    }


def test_groups_without_a_worksheet_are_refused(tmp_path, capsys):
    folder = graded(collect(tmp_path, TEAMS), tmp_path / "graded", {"102": scored(27), "Default group": scored(20)})
    code, out = exported(tmp_path, folder, None)
    assert code == 2
    assert "--worksheet" in capsys.readouterr().err
    assert not (out / moodle.FEEDBACK).exists()


def test_without_a_worksheet_only_feedback_is_written(tmp_path, folder, capsys):
    code, out = exported(tmp_path, folder, None)
    assert code == 0
    assert [path.name for path in out.iterdir()] == [moodle.FEEDBACK]
    assert "no grades were written" in capsys.readouterr().out


def test_an_empty_zip_is_an_error(tmp_path):
    with pytest.raises(RequestError, match="no submission"):
        moodle.collect(Collect([zipped(tmp_path / "m.zip", {})], tmp_path / "out"))
