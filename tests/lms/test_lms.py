"""What all LMS formats share: the tables, the command, the zips, numbers, the summary, what is held back."""

from __future__ import annotations

import re
import unicodedata
import zipfile
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import builders
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lms_files import RIGHT, graded, keep, manifest_of, members, scored, unread, zipped
from notebooks import RANDOM, ZEROS, notebook

from grader import lms
from grader.classroom import manifest as manifests
from grader.classroom.batch import DATABASE
from grader.classroom.manifest import Entry
from grader.cli import main
from grader.cli.lms import SYSTEM_APPS
from grader.errors import RequestError
from grader.lms import SYSTEMS
from grader.lms.adapters import COLLECTORS, EXPORTERS, SITES
from grader.lms.common import archives, feedback, points, tables
from grader.lms.common import graded as pairing
from grader.messages import has_words
from grader.records import Ruling, SubmissionInfo, Summary
from grader.store import Store

# --- the tables and the command ------------------------------------------------------------------------------------


def test_every_system_is_listed_with_how_far_it_was_tried(capsys):
    assert main(["lms"]) == 0
    said = capsys.readouterr().out
    assert COLLECTORS.keys() == {name for name, system in SYSTEMS.items() if system.collects}
    assert EXPORTERS.keys() == {name for name, system in SYSTEMS.items() if system.exports}
    for name, system in SYSTEMS.items():
        assert re.search(rf"^{name}\b.*\n.*{re.escape(system.verified)}", said, re.MULTILINE)


@pytest.mark.parametrize(
    ("system", "command"),
    [(name, command.name) for name, made in SYSTEM_APPS.items() for command in made.registered_commands],
)
def test_every_command_has_help_with_an_example(system, command, capsys):
    assert main(["lms", system, command, "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert f"Example: grader lms {system} {command}" in said


def test_every_site_is_connected_and_says_what_its_token_is():
    """LTI has a command of its own, with a key in place of a token."""
    folders = {path.parent.name for path in Path(lms.__file__).parent.glob("*/site.py")}
    assert folders - {"lti"} == SITES.keys() == {name for name, system in SYSTEMS.items() if system.assignment}
    assert all(has_words(f"cli.lms.push.{name}.token") for name in SITES)


DOCUMENTS = Path(__file__).parents[2] / "docs" / "lms"


def commanded(command: str) -> list[str]:
    """Return the systems that have a command of this name."""
    return [
        name
        for name, commands in SYSTEM_APPS.items()
        if command in {each.name for each in commands.registered_commands}
    ]


def test_the_documents_say_what_arrives_by_each_route():
    rows = re.findall(
        r"^\| ([^|]+) \| (files|live|grader inside) \|", (DOCUMENTS / "README.md").read_text(), re.MULTILINE
    )
    routes = {"files": commanded("export"), "live": commanded("push"), "grader inside": commanded("run")}
    assert not [
        (name, route)
        for route, names in routes.items()
        for name in names
        if not any(way == route and SYSTEMS[name].title.lower().startswith(row.lower()) for row, way in rows)
    ]


def test_the_documents_have_what_each_mapped_system_exports():
    page = (DOCUMENTS / "other.md").read_text().lower()
    shipped = {name: system.title.lower() for name, system in SYSTEMS.items() if system.mapped and name != "other"}
    assert not [name for name, title in shipped.items() if f"`{name}`" not in page or f"\n| {title} |" not in page]


def test_the_documents_say_what_each_token_may_do():
    page = (DOCUMENTS / "push.md").read_text()
    assert not [name for name in SITES if f"### {SYSTEMS[name].title}: least " not in page]


def collected(tmp_path: Path) -> Path:
    export = zipped(tmp_path / "s.zip", {"doejane_678_901_hw.ipynb": RIGHT, "roe_679_text.html": b"x"})
    assert main(["lms", "canvas", "collect", str(export), "--out", str(tmp_path / "collected")]) == 0
    return tmp_path / "collected"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["canvas", "collect", "no.zip", "--out", "{tmp}/o"], "there is no no.zip"),
        (["canvas", "collect", "{tmp}/text.zip", "--out", "{tmp}/o"], "cannot be read as a zip"),
        (["canvas", "collect", "{tmp}/s.zip", "--out", "{tmp}/text.zip"], "is a file, a folder is wanted"),
        (["canvas", "export", "{tmp}", "--out", "{tmp}/o"], "has no manifest.json"),
        (["canvas", "export", "{tmp}/collected", "--out", "{tmp}/o"], "comes from a collected folder"),
        (["moodle", "export", "{tmp}/graded", "--out", "{tmp}/o"], "was collected from canvas, not from moodle"),
        (["canvas", "export", "{tmp}/graded", "--out", "{tmp}/o", "--absent", "five"], "--absent 'five'"),
        (["canvas", "export", "{tmp}/graded", "--out", "{tmp}/o", "--absent", "-1"], "--absent '-1'"),
        (["canvas", "export", "{tmp}/graded", "--out", "{tmp}/o", "--gradebook", "no.csv"], "no.csv cannot be read"),
        (["canvas", "export", "{tmp}/graded", "--out", "{tmp}/text.zip"], "is a file, a folder is wanted"),
        (["nonesuch", "collect", "x", "--out", "y"], "No such command"),
        (["canvas", "collect", "{tmp}/s.zip", "--out", "{tmp}/o", "--mapping", "m"], "canvas has no option --mapping"),
        (
            ["moodle", "collect", "{tmp}/s.zip", "--out", "{tmp}/o", "--assignment", "1"],
            "moodle has no option --assignment",
        ),
        (["canvas", "export", "{tmp}/graded", "--out", "{tmp}/o", "--mapping", "m"], "canvas has no option --mapping"),
        (
            ["nbgrader", "export", "{tmp}/graded", "--out", "{tmp}/o", "--gradebook", "g"],
            "nbgrader has no option --gradebook",
        ),
        (
            ["nbgrader", "export", "{tmp}/graded", "--out", "{tmp}/o", "--column", "c"],
            "nbgrader has no option --column",
        ),
    ],
)
def test_a_bad_request_is_a_sentence(tmp_path, capsys, arguments, says):
    (tmp_path / "text.zip").write_text("no zip")
    graded(collected(tmp_path), tmp_path / "graded", {"678": scored(27)})
    capsys.readouterr()
    assert main(["lms", *(part.replace("{tmp}", str(tmp_path)) for part in arguments)]) == 2
    said = capsys.readouterr()
    assert says in " ".join(said.err.split())
    assert "Traceback" not in said.err


def test_a_collected_class_can_also_go_into_a_spreadsheet(tmp_path):
    folder = graded(collected(tmp_path), tmp_path / "graded", {"678": scored(27)})
    assert main(["lms", "spreadsheet", "export", str(folder), "--out", str(tmp_path / "o")]) == 0
    assert "678,doejane,27,30" in (tmp_path / "o" / "grades.csv").read_text(encoding="utf-8-sig")


UNTOUCHED = (Path(__file__).parents[2] / "submissions" / "untouched.ipynb").read_bytes()


@pytest.mark.parametrize(
    ("files", "chosen"),
    [
        ({"a.ipynb": RIGHT, "b.ipynb": UNTOUCHED}, "a.ipynb"),
        ({"a.ipynb": UNTOUCHED, "b.ipynb": notebook("x = 1")}, "a.ipynb"),
        ({"a.ipynb": RIGHT, "b.ipynb": RIGHT}, "b.ipynb"),
        ({"a.ipynb": RIGHT, "b.py": ZEROS.encode()}, "a.ipynb"),
        ({"a.ipynb": notebook(ZEROS), "b.ipynb": b"{", "c.py": f"{ZEROS}\n\n{RANDOM}".encode()}, "c.py"),
        ({"a.pdf": b"x", "b.ipynb": b""}, "b.ipynb"),
    ],
)
def test_of_several_files_the_one_in_which_most_is_done_counts(tmp_path, files, chosen):
    zipped(tmp_path / "s.zip", {f"doe/{name}": data for name, data in files.items()})
    assert main(["lms", "spreadsheet", "collect", str(tmp_path / "s.zip"), "--out", str(tmp_path / "c")]) == 0
    assert [entry.original for entry in manifests.load(tmp_path / "c").entries] == [chosen]


def of_student(system: str, number: int, name: str) -> str:
    """What a system calls the file of a student in its download."""
    return {
        "canvas": f"doe{'abcde'[number]}_{600 + number}_{900 + number}_{name}",
        "moodle": f"Jane {number}_{100 + number}_assignsubmission_file/{name}",
        "blackboard": f"HW_u{number}_attempt_2021-12-10-22-29-43_{name}",
        "brightspace": f"{number}-2 - Bo L{number} - Sep 24, 2024 926 PM/{name}",
        "openedx": f"[1]A, [1]B, [1]C/[1] - u{number} - {name}",
        "nbgrader": f"submitted/u{number}/ps1/{name}",
        "spreadsheet": f"u{number}/{name}",
        "gradescope": f"assignment_1_export/submission_{number}/{name}",
    }[system]


@pytest.mark.parametrize("system", sorted(COLLECTORS.keys() - {"other"}))
def test_a_hand_in_is_opened_as_a_batch_opens_it(tmp_path, system):
    own = zipped(tmp_path / "own.zip", {"work/hw.ipynb": RIGHT, "__MACOSX/._hw.ipynb": b"x"}).read_bytes()
    files = {"own.zip": own, "hw.ipynb.json": RIGHT, "hw (1).ipynb.txt": RIGHT, "hw.ipynb": RIGHT}
    export = {of_student(system, number, name): content for number, (name, content) in enumerate(files.items())}
    export[of_student(system, 4, "old.ipynb")] = notebook("x = 1")
    export[of_student(system, 4, "new.zip")] = own  # beside another file
    if system == "gradescope":
        people = (f"submission_{n}:\n  :submitters:\n  - :name: S{n}\n    :sid: '{n}'\n" for n in range(5))
        export["assignment_1_export/submission_metadata.yml"] = "".join(people).encode()
    out = tmp_path / "out"
    assert main(["lms", system, "collect", str(zipped(tmp_path / "s.zip", export)), "--out", str(out)]) == 0
    entries = manifest_of(out).entries
    assert len(entries) == 5
    assert all((out / str(entry.file)).read_bytes() == RIGHT for entry in entries)


def test_people_of_one_name_are_told_apart(tmp_path, capsys):
    export = zipped(tmp_path / "s.zip", {f"doejane_{user}_90{user}_hw.ipynb": RIGHT for user in (5, 6)})
    assert main(["lms", "canvas", "collect", str(export), "--out", str(tmp_path / "c")]) == 0
    folder = graded(tmp_path / "c", tmp_path / "graded", {"5": scored(27), "6": scored(20)})
    (tmp_path / "g.csv").write_text(
        'Student,ID,Section,Initialization (1)\n"Doe, Jane",5,s,3\n"Doe, Jane",6,s,3\n', encoding="utf-8"
    )
    arguments = ["lms", "canvas", "export", str(folder), "--out", str(tmp_path / "o")]
    assert main([*arguments, "--gradebook", str(tmp_path / "g.csv")]) == 0
    said = capsys.readouterr().out
    assert "doejane (id 5): 3 in the gradebook becomes 27" in said
    assert "doejane (id 6): 3 in the gradebook becomes 20" in said


def test_many_names_are_cut_unless_asked(tmp_path, capsys):
    export = zipped(tmp_path / "s.zip", {f"name{number}_{number}_text.html": b"x" for number in range(30)})
    arguments = ["lms", "canvas", "collect", str(export), "--out", str(tmp_path / "out")]
    main(arguments)
    assert "and 10 more; use --verbose to see them" in capsys.readouterr().out
    main([*arguments, "--verbose"])
    assert capsys.readouterr().out.count("handed in as a text") == 30


def test_quiet_says_nothing(tmp_path, capsys):
    folder = graded(collected(tmp_path), tmp_path / "graded", {"678": scored(27)})
    capsys.readouterr()
    assert main(["lms", "canvas", "export", str(folder), "--out", str(tmp_path / "o"), "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


# --- what goes out -------------------------------------------------------------------------------------------------


def test_who_was_not_graded_is_held_back(tmp_path):
    folder = graded(collected(tmp_path), tmp_path / "graded", {"678": scored(27)})
    found = pairing.gather(folder, tmp_path / "o")
    assert [one.entry.student for one in found.graded] == ["678"]
    assert found.held_back == {"679": "not graded yet"}


def test_a_result_of_an_earlier_name_of_the_file_is_not_exported(tmp_path):
    folder = graded(collected(tmp_path), tmp_path / "graded", {"678": scored(27)})
    with Store(folder / DATABASE) as store:
        for name in ("a_678.ipynb", "z_678.ipynb"):
            keep(store, name, scored(21, submission=SubmissionInfo(name, "", "678")))
    (one,) = pairing.gather(folder, tmp_path / "o").graded
    assert one.result.score == 27


def untouched(*statuses):
    """A result of functions that earned nothing, with these statuses in turn."""
    functions = builders.result().functions.items()
    changed = {
        name: replace(one, points=0.0, status=statuses[number % len(statuses)], checks=())
        for number, (name, one) in enumerate(functions)
    }
    return replace(builders.result(changed), score=0.0)


def ruled(result):
    functions = dict(result.functions)
    functions[builders.HE] = replace(
        functions[builders.HE], ruling=Ruling(builders.HE, 10.0, 0.0, "seen", "ta", "2026-11-25T00:00:00Z")
    )
    return replace(result, functions=functions)


@pytest.mark.parametrize(
    ("result", "file", "why"),
    [
        (scored(27), "a.ipynb", ""),
        (unread("unreadable"), "a.ipynb", "unreadable"),
        (unread("wrong_notebook"), "a.ipynb", "wrong_notebook"),
        (unread("wrong_notebook"), None, "no_notebook"),
        (untouched("not_attempted"), "a.ipynb", "not_attempted"),
        (untouched("not_attempted", "missing"), "a.ipynb", "not_attempted"),
        (untouched("not_attempted", "raised"), "a.ipynb", ""),
        (ruled(unread("unreadable")), "a.ipynb", ""),
    ],
)
def test_what_a_person_ruled_on_is_worked_and_what_nobody_worked_on_is_named(result, file, why):
    assert pairing.unworked(Entry(file=file, student="1"), result) == why


NOTHING = {"no_notebook": None, "unreadable": None}


@pytest.mark.parametrize(
    ("said", "points"),
    [
        ("blank", NOTHING),
        ("zero", dict.fromkeys(NOTHING, Decimal(0))),
        ("2.5", dict.fromkeys(NOTHING, Decimal("2.5"))),
        ("not_attempted=blank", NOTHING | {"not_attempted": None}),
        ("unreadable=zero, wrong_notebook=5", NOTHING | {"unreadable": Decimal(0), "wrong_notebook": Decimal(5)}),
        ("3,no_notebook=blank", {"no_notebook": None, "unreadable": Decimal(3)}),
    ],
)
def test_what_work_that_is_not_there_is_worth(said, points):
    assert pairing.absent_points(said) == points


@pytest.mark.parametrize("said", ["", "-1", "nan", "score", "ok=1", "unreadable=", "=1", "unreadable=1=2", "1e9"])
def test_a_worth_that_is_none_is_named(said):
    with pytest.raises(RequestError, match="--absent"):
        pairing.absent_points(said)


def test_the_summary_is_the_same_in_every_form():
    result = builders.result(summary=Summary("1 <b>", "a & b\nc", builders.HOSTILE), score=20.0)
    result = replace(result, functions={**result.functions, builders.HE: builders.he(points=0.0)})
    plain, html = feedback.plain(result), feedback.html(result)
    assert plain.startswith("1 <b>\n\nNext step: a & b\nc\n\n<script>")
    assert html.startswith("<p><strong>1 &lt;b&gt;</strong></p><p>Next step: a &amp; b<br>c</p><p>&lt;script&gt;")
    assert set(re.findall("<(/?[a-z]+)", html)) == {"p", "/p", "strong", "/strong", "br"}
    assert not any(unicodedata.category(letter) in {"Cc", "Cs"} and letter != "\n" for letter in plain + html)


# --- zips ----------------------------------------------------------------------------------------------------------


@given(st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="/\\\0"), min_size=1, max_size=20))
def test_a_name_of_utf8_is_read_whatever_the_zip_says(name):
    seen = name.encode().decode("cp437")
    assert archives.decoded(seen, utf8=False) == name
    assert archives.decoded(name, utf8=True) == name


def test_a_name_of_an_old_code_page_stays_what_it_is():
    assert archives.decoded("M\xfcller.ipynb", utf8=False) == "M\xfcller.ipynb"


def test_a_zip_is_the_same_every_time(tmp_path):
    page = tmp_path / "page.html"
    page.write_text("<p>")
    archives.write_zip(tmp_path / "a.zip", {"b/ü.txt": b"x", "a.html": page})
    page.touch()
    archives.write_zip(tmp_path / "b.zip", {"a.html": page, "b/ü.txt": b"x"})
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    assert list(members(tmp_path / "a.zip")) == ["a.html", "b/ü.txt"]


def test_a_zip_that_cannot_be_finished_leaves_nothing(tmp_path):
    with pytest.raises(RequestError):
        archives.write_zip(tmp_path / "a.zip", {"a": tmp_path / "missing"})
    assert list(tmp_path.iterdir()) == []


def test_too_many_members_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MOST_MEMBERS", 2)
    with pytest.raises(RequestError, match="3 files"):
        archives.contents([zipped(tmp_path / "s.zip", dict.fromkeys("abc", b""))])


def test_links_in_a_folder_are_refused(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "file").symlink_to("/etc/passwd")
    (tmp_path / "x" / "folder").symlink_to(tmp_path / "real")
    found = archives.contents([tmp_path / "x"])
    assert found.members == []
    assert sorted(found.refused) == ["file: a link", "folder: a link"]


def test_an_open_zip_is_closed_with_its_last_member(tmp_path):
    found = archives.contents([zipped(tmp_path / "s.zip", {"a": b"x"})])
    archive = found.members[0].archive
    assert isinstance(archive, zipfile.ZipFile)
    with found.members[0].open() as file:
        assert file.read() == b"x"


# --- numbers and tables --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("27", "27"),
        ("27.50", "27.5"),
        ("27.005", "27.01"),
        ("27.004999", "27"),
        ("0", "0"),
        ("1234.5", "1234.5"),
        ("100", "100"),
    ],
)
def test_points_are_written_as_people_do(value, text):
    assert points.number(Decimal(value)) == text


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("30.00", "30"),
        (" 27,5 ", "27.5"),
        ("", None),
        ("-", None),
        ("EX", None),
        ("1,234.5", None),
        ("٣", None),
        ("-3", None),
    ],
)
def test_a_cells_number(cell, value):
    assert points.as_number(cell) == (None if value is None else Decimal(value))


def test_scores_are_converted_to_the_columns_points():
    assert points.out_of(Decimal(27), 30.0, Decimal(100)) == 90
    assert points.out_of(Decimal(27), 30.0, None) == 27
    assert points.converted(30.0, Decimal("30.00")) == ()
    assert "out of 100, the exercise out of 30" in points.converted(30.0, Decimal(100))[0]
    with pytest.raises(RequestError, match="out of 0 points"):
        points.out_of(Decimal(27), 30.0, Decimal("0.00"))


@pytest.mark.parametrize(
    ("data", "encoding", "marked"),
    [
        ("ü".encode(), "utf-8", False),
        (b"\xef\xbb\xbf" + "ü".encode(), "utf-8", True),
        (b"\xff\xfe" + "ü".encode("utf-16-le"), "utf-16-le", True),
        (b"\xfe\xff" + "ü".encode("utf-16-be"), "utf-16-be", True),
    ],
)
def test_a_table_is_written_in_the_encoding_that_it_had(tmp_path, data, encoding, marked):
    (tmp_path / "t").write_bytes(data)
    text = tables.read_text(tmp_path / "t")
    assert (text.text, text.encoding, text.marked) == ("ü", encoding, marked)
    tables.write_text(tmp_path / "u", text.text, text)
    assert (tmp_path / "u").read_bytes() == data
