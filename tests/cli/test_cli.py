"""The command as its three kinds of user call it."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import typer
from notebooks import HE, IMPORTS, NAMES, RANDOM, ZEROS, edit, notebook, solved, write

import grader
from grader import resources
from grader.cli import app, main
from grader.records import Result

SCALE_001 = edit(RANDOM, ("* 10", "* 0.01"))


@pytest.fixture(scope="module", autouse=True)
def own_home(tmp_path_factory):
    """Nothing is written into the home of whoever runs the tests; what one test seals, another may open."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(autouse=True)
def checked_once(confined):
    """The confinement of this machine is looked at once."""


@pytest.fixture
def right(tmp_path) -> Path:
    return write(tmp_path, "right.ipynb", solved())


@pytest.fixture
def wrong(tmp_path) -> Path:
    return write(tmp_path, "wrong.ipynb", solved(random=SCALE_001))


def check(capsys, *arguments: object) -> tuple[int, str, str]:
    code = main(["check", *map(str, arguments)])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_check_of_a_right_notebook(right, capsys):
    code, out, _ = check(capsys, right)
    assert code == 0
    assert "30 of 30" in out


def test_check_of_a_wrong_notebook_says_what_to_do(wrong, capsys):
    code, out, _ = check(capsys, wrong)
    assert code == 1
    assert "27 of 30" in out
    assert "multiply the random numbers by 10; you multiply by 0.01" in out
    assert "0.4633" in out


def test_check_writes_json_and_page(wrong, tmp_path, capsys):
    code, _, _ = check(capsys, wrong, "--json", tmp_path / "r.json", "--html", tmp_path / "f.html", "--quiet")
    assert code == 1
    result = json.loads((tmp_path / "r.json").read_text())
    assert result["schema"] == "grader-result/1"
    assert result["functions"]["initialize_parameters_random"]["training"]["train_accuracy"] == 139 / 300
    assert "27 of 30" in (tmp_path / "f.html").read_text(encoding="utf-8")


def test_json_to_standard_output_is_nothing_but_json(right, capsys):
    _, out, _ = check(capsys, right, "--json", "-")
    assert json.loads(out)["score"] == 30


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["check", "no-such.ipynb"], "no file 'no-such.ipynb'"),
        (["check"], "Missing argument"),
        (["frobnicate"], "No such command"),
        (["check", "{right}", "--frobnicate"], "No such option"),
        (["check", "{right}", "--exercise", "none"], "no exercise 'none'"),
        (["check", "{right}", "--html", "no/such/folder/f.html"], "cannot be written"),
        (["batch", "no-such-folder", "--out", "{tmp}/out"], "no file or folder 'no-such-folder'"),
        (["batch", "{tmp}/empty", "--out", "{tmp}/out"], "no notebook in"),
        (["batch", "{tmp}/empty"], "Missing option"),
        (["regrade", "{tmp}/empty"], "has no results"),
    ],
)
def test_a_bad_request_ends_with_2_and_says_what_is_wrong(arguments, says, right, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    code = main([argument.format(right=right, tmp=tmp_path) for argument in arguments])
    said = capsys.readouterr()
    assert code == 2
    assert says in said.err
    assert "Traceback" not in said.err
    assert said.out == ""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["check", "{right}", "{right}"], "grader batch {right} {right} --out graded/"),
        (["check", "{tmp}"], "is a folder"),
        (["check", "{tmp}"], "grader batch {tmp} --out graded/"),
        (["check", "{tmp}/Initialisation.ipynb"], "did you mean {tmp}/Initialization.ipynb?"),
        (["unannotate", "{tmp}/initialization.ipynb.txt", "--out", "x"], "did you mean {tmp}/Initialization.ipynb?"),
        (["check", "{tmp}/lab.ipynb"], "give the path of a notebook that exists"),
        (["chek", "{right}"], "Did you mean 'check'"),
        (["check", "{right}", "--hmtl", "x.html"], "--html"),
        (["lms", "canvs"], "Did you mean 'canvas'"),
    ],
)
def test_a_slip_is_answered_with_what_may_be_meant(arguments, says, right, tmp_path, capsys):
    write(tmp_path, "Initialization.ipynb", solved())
    assert main([argument.format(right=right, tmp=tmp_path) for argument in arguments]) == 2
    assert says.format(right=right, tmp=tmp_path) in capsys.readouterr().err


def test_a_misspelled_argument_is_named(tmp_path, capsys):
    path = write(tmp_path, "a.ipynb", solved(he=HE.replace("layers_dims[l]", "layer_dims[l]")))
    main(["check", str(path)])
    assert "Write layers_dims instead of layer_dims." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "keeps"),
    [(["check", "x.ipynb"], False), (["lab"], False), (["batch", "x", "--out", "y"], True), (["regrade", "x"], True)],
)
def test_who_stops_a_command_hears_what_was_kept_only_where_something_was(command, keeps, monkeypatch, capsys):
    def stopped(**_):
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["grader.cli.app"], "app", stopped)
    assert main(command) == 130
    assert ("are kept" in capsys.readouterr().err) == keeps


def test_without_a_browser_open_says_so(right, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("webbrowser.open", lambda _: False)
    assert main(["check", str(right), "--html", str(tmp_path / "a.html"), "--open", "--quiet"]) == 0
    assert f"No browser could be started. The page is {tmp_path / 'a.html'}" in capsys.readouterr().err


def test_no_color_takes_away_colour_and_nothing_else(right, monkeypatch, capsys):
    shown = {}
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("FORCE_COLOR", "1")
    for value in ("", "1"):
        monkeypatch.setenv("NO_COLOR", value)
        main(["check", str(right)])
        shown[value] = capsys.readouterr().out
    assert re.search(r"\x1b\[[0-9;]*3[0-9]", shown[""])
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", shown["1"])
    plain = [re.sub(r"\x1b\[[0-9;]*m", "", text) for text in shown.values()]
    assert plain[0] == plain[1]


def test_a_store_that_is_no_database_is_a_clear_error(right, tmp_path, capsys):
    write(tmp_path / "out", "grades.sqlite", b"not a database at all" * 100)
    assert main(["batch", str(right), "--out", str(tmp_path / "out")]) == 2
    assert "cannot be used" in capsys.readouterr().err


def test_a_file_that_cannot_be_read_is_graded_0_and_is_no_fault_of_ours(tmp_path, capsys):
    code, out, _ = check(capsys, write(tmp_path, "empty.ipynb", b""), "--json", "-")
    result = json.loads(out)
    assert (code, result["score"], result["provisional"]) == (1, 0, False)
    assert result["notebook"]["status"] == "unreadable"
    assert list(result["functions"]) == list(NAMES)


def test_a_fault_of_ours_is_a_provisional_result_and_no_traceback(right, monkeypatch, capsys):
    from grader import pipeline

    collect = pipeline.Pipeline.collect

    def fails(self, notebook, **how):
        return 1 / 0 if notebook.name == "right.ipynb" else collect(self, notebook, **how)

    monkeypatch.setattr(pipeline.Pipeline, "collect", fails)
    code, out, err = check(capsys, right, "--json", "-")
    assert code == 3
    assert "Traceback" not in err
    assert json.loads(out)["provisional"]


def test_a_grader_that_fails_says_so_in_one_line(right, monkeypatch, capsys):
    monkeypatch.setattr("grader.api.check", lambda *_: 1 / 0)
    code, out, err = check(capsys, right)
    assert (code, out) == (3, "")
    assert "the grader itself failed (ZeroDivisionError" in err
    assert "Traceback" not in err


def test_a_wrong_exercise_is_told_apart(tmp_path, capsys):
    other = write(tmp_path, "other.ipynb", notebook(IMPORTS, "def sigmoid(z):\n    return 1 / (1 + np.exp(-z))"))
    _, out, _ = check(capsys, other, "--json", "-")
    assert json.loads(out)["notebook"]["status"] == "wrong_notebook"


def test_hostile_text_reaches_a_terminal_as_text(tmp_path, capsys):
    evil = edit(HE, ("    parameters = {}", "    raise ValueError('\\x1b[2J\\x1b]0;owned\\x07 <script>')"))
    code, out, _ = check(capsys, write(tmp_path, "evil.ipynb", solved(he=evil)))
    assert code == 1
    assert "\x1b" not in out
    assert "\x07" not in out


COMMANDS = {
    "check",
    "batch",
    "regrade",
    "summary",
    "review",
    "assign",
    "override",
    "comment",
    "forget",
    "purge",
    "lab",
    "unannotate",
    "doctor",
    "schema",
    "init",
}


@pytest.mark.parametrize("command", [[], *[[name] for name in sorted(COMMANDS)]])
def test_help_has_an_example(command, capsys):
    assert main([*command, "--help"]) == 0
    out = capsys.readouterr().out
    assert "Usage: grader" in out
    assert not command or "Example: grader" in out


def test_every_command_is_in_the_help_test():
    assert {command.callback.__name__ for command in app.registered_commands} == COMMANDS


def every_command(at=None, words=()):
    """Yield the words of each command and group."""
    at = at or typer.main.get_command(app)
    yield list(words)
    for name, command in getattr(at, "commands", {}).items():
        yield from every_command(command, (*words, name))


def ids_in(text):
    """Return the ids of messages that nobody has written: a reader sees the id in their place."""
    rooms = "|".join(path.stem for path in (resources.templates() / "messages" / "en").glob("*.po"))
    return re.findall(rf"(?<![\w./])(?:{rooms})\.(?!(?:po|md|html|toml|ipynb|json|csv|py)\b)[a-z_]+[a-z_.]*", text)


def test_an_id_without_words_is_seen():
    assert ids_in("systems.title.toylms: x, see docs/messages.md and lms.po") == ["systems.title.toylms"]


def test_the_list_of_systems_has_words_for_each(capsys):
    assert main(["lms"]) in (0, 2)
    assert not ids_in("".join(capsys.readouterr()))


@pytest.mark.parametrize("command", [pytest.param(words, id=" ".join(words) or "grader") for words in every_command()])
def test_no_help_is_cut_off_at_80_columns(command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert main([*command, "--help"]) == 0
    out = capsys.readouterr().out
    assert "…" not in out
    assert max(map(len, out.splitlines())) <= 80
    assert not ids_in(out)
    at = typer.main.get_command(app)
    for name in command:
        at = at.commands[name]
    letters = "".join(re.findall(r"[A-Za-z]", out))
    for text in [*(child.help for child in getattr(at, "commands", {}).values()), at.help, at.epilog]:
        first = (text or "").partition("\n\n")[0]
        assert "".join(re.findall(r"[A-Za-z]", first)) in letters


def test_the_help_is_grouped_by_user_in_the_order_of_need(capsys):
    assert main(["--help"]) == 0
    listed = re.findall(
        r"^(?:For [\w ]+(?=:)|Setup[\w ]+(?=:)|  [a-z]+(?= +[A-Z]))", capsys.readouterr().out, re.MULTILINE
    )
    titles = {line for line in listed if line[0] != " "}
    listed = [line.strip() for line in listed]
    assert listed[:5] == ["For students", "check", "unannotate", "lab", "For instructors"]
    assert listed[5:8] == ["batch", "summary", "review"]
    assert set(listed) == COMMANDS | {"rulings", "lms", "exercise"} | titles
    assert len(titles) == 4


@pytest.mark.parametrize(("no_color", "has_color"), [("", True), ("1", False)])
def test_the_help_has_colour_on_a_terminal_unless_it_is_unwanted(no_color, has_color, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", no_color)
    for command in ([], ["check"], ["lms", "canvas"]):
        assert main([*command, "--help"]) == 0
        assert bool(re.search(r"\x1b\[[\d;]*3\dm", capsys.readouterr().out)) == has_color


def test_help_reaches_a_terminal_without_unicode():
    done = subprocess.run(
        [sys.executable, "-m", "grader", "lms", "canvas", "export", "--help"],
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
        capture_output=True,
        check=True,
    )
    assert rb"\u201cRe-Upload" in done.stdout


def test_a_group_alone_shows_its_help_once(capsys):
    assert main(["lms", "canvas"]) == 2
    assert capsys.readouterr().err.count("Usage: grader lms canvas") == 1


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == f"grader {grader.__version__}"


def test_schema_is_that_of_the_results(right, capsys, tmp_path):
    jsonschema = pytest.importorskip("jsonschema")
    main(["schema"])
    schema = json.loads(capsys.readouterr().out)
    for name, data in {"a.ipynb": solved(), "b.ipynb": b"", "c.ipynb": solved(he="", random=SCALE_001)}.items():
        _, out, _ = check(capsys, write(tmp_path, name, data), "--json", "-")
        jsonschema.validate(json.loads(out), schema)
        msgspec.json.decode(out, type=Result)
        assert "Infinity" not in out
        assert "NaN" not in out


def test_the_module_is_the_command(right):
    done = subprocess.run(
        [sys.executable, "-m", "grader", "check", str(right), "--quiet"], capture_output=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, b"")


def test_grade_in_python(wrong):
    result = grader.grade(wrong)
    assert isinstance(result, Result)
    assert result.score == 27
    assert not result.passed
    with pytest.raises(grader.RequestError):
        grader.grade("no-such.ipynb")


def test_the_public_names_are_there():
    assert all(hasattr(grader, name) for name in grader.__all__)


# --- batch ---------------------------------------------------------------------------------------------------------


CLASS = {
    "ada.ipynb": solved(),
    "sub/ada.ipynb": solved(random=SCALE_001),
    "sub/.ipynb_checkpoints/ada-checkpoint.ipynb": solved(),
    "lost/.ipynb_checkpoints/eve-checkpoint.ipynb": solved(),
    "broken.ipynb": b'{"cells": [',
    "empty.ipynb": b"",
    "=cmd|' /C calc'!A0.ipynb": solved(he=""),
    "Zoë, Ünï.ipynb": solved(),
    "script.py": f"{IMPORTS}\n{ZEROS}\n{RANDOM}\n{HE}".encode(),
    "notes.txt": b"hello",
    ".hidden.ipynb": solved(),
    "__MACOSX/ada.ipynb": solved(),
    "loop.ipynb": solved(zeros=edit(ZEROS, ("    parameters = {}", "    while True: pass"))),
}


@pytest.fixture(scope="module")
def graded(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("class")
    for name, data in CLASS.items():
        write(folder / "in", name, data)
    assert main(["batch", str(folder / "in"), "--out", str(folder / "out"), "--jobs", "2", "--quiet"]) == 0
    return folder


def results(folder: Path) -> dict[str, dict]:
    found = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*/result.json")]
    return {result["submission"]["name"]: result for result in found}


def rows(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "grades.csv").open(encoding="utf-8", newline="") as file:
        return {row["submission"]: row for row in csv.DictReader(file)}


def test_every_submission_gets_a_row_a_result_and_a_page(graded):
    names = {name for name in CLASS if not any(part in name for part in ("notes", ".hidden", "MACOSX", "ada-check"))}
    out = graded / "out"
    assert set(results(out)) == names
    assert {name.removeprefix("'") for name in rows(out)} == names
    assert len(list(out.glob("*/feedback.html"))) == len(names)
    page = (out / "index.html").read_text(encoding="utf-8")
    assert all(f"{row['folder']}/feedback.html" in page for row in rows(out).values())


def test_what_the_rows_say(graded):
    found = rows(graded / "out")
    assert (found["ada.ipynb"]["score"], found["sub/ada.ipynb"]["score"]) == ("30.0", "27.0")
    assert found["sub/ada.ipynb"]["causes"] == "random:scale_constant"
    assert float(found["sub/ada.ipynb"]["train_accuracy_random"]) == 139 / 300
    assert found["broken.ipynb"]["status"] == "unreadable"
    assert (found["loop.ipynb"]["score"], found["loop.ipynb"]["causes"]) == ("20.0", "zeros:timed_out")


def test_no_cell_starts_a_formula(graded):
    with (graded / "out" / "grades.csv").open(encoding="utf-8", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert not [cell for cell in cells if cell[:1] in "=+-@\t\r" and cell]


def test_folder_names_are_plain_and_none_is_shared(graded):
    folders = [row["folder"] for row in rows(graded / "out").values()]
    assert len({folder.casefold() for folder in folders}) == len(folders)
    assert all(folder.isascii() and "/" not in folder and not folder.startswith(".") for folder in folders)


def test_running_again_grades_only_what_changed(graded, capsys):
    write(graded / "in", "ada.ipynb", solved(he=edit(HE, ("2 /", "1 /"))))
    code = main(["batch", str(graded / "in"), "--out", str(graded / "out")])
    assert code == 0
    assert "graded 1, unchanged" in capsys.readouterr().out
    assert rows(graded / "out")["ada.ipynb"]["causes"] == "he:scale_xavier"
    write(graded / "in", "ada.ipynb", CLASS["ada.ipynb"])
    main(["batch", str(graded / "in"), "--out", str(graded / "out"), "--quiet"])


def test_a_damaged_and_an_encrypted_member_of_a_zip_say_so_on_their_pages(tmp_path):
    import zipfile

    with zipfile.ZipFile(tmp_path / "class.zip", "w") as archive:
        archive.writestr("damaged.ipynb", b"{'cells': 'the checksum of this is wrong'}")
        archive.writestr("locked.ipynb", b"{}")
    data = bytearray((tmp_path / "class.zip").read_bytes().replace(b"checksum", b"checksun"))
    for header, flags in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
        data[data.rfind(header) + flags] |= 1  # encrypted
    (tmp_path / "class.zip").write_bytes(data)
    assert main(["batch", str(tmp_path / "class.zip"), "--out", str(tmp_path / "out"), "--quiet"]) == 0
    for name, said in (("damaged", "damaged in the zip"), ("locked", "encrypted in the zip")):
        result = json.loads((tmp_path / "out" / name / "result.json").read_text())
        assert result["notebook"]["status"] == "unreadable"
        assert said in result["notebook"]["problems"][0]["message"]


def test_a_zip_gives_the_same_as_its_folder(graded, tmp_path):
    import zipfile

    with zipfile.ZipFile(tmp_path / "class.zip", "w") as archive:
        for name, data in CLASS.items():
            if "loop" not in name:
                archive.writestr(name, data)
        archive.writestr("../../escape.ipynb", solved())
    assert main(["batch", str(tmp_path / "class.zip"), "--out", str(tmp_path / "out"), "--quiet"]) == 0
    mine, theirs = rows(tmp_path / "out"), rows(graded / "out")
    assert {name: row["score"] for name, row in mine.items() if "escape" not in name} == {
        name: row["score"] for name, row in theirs.items() if "loop" not in name
    }
    assert not list(tmp_path.parent.glob("escape*"))


def test_a_symbolic_link_is_not_followed(tmp_path, capsys):
    secret = write(tmp_path, "secret.ipynb", solved())
    write(tmp_path / "in", "ada.ipynb", solved())
    (tmp_path / "in" / "link.ipynb").symlink_to(secret)
    assert main(["batch", str(tmp_path / "in"), "--out", str(tmp_path / "out")]) == 0
    assert set(results(tmp_path / "out")) == {"ada.ipynb"}
    assert "link.ipynb" in capsys.readouterr().out


def test_results_below_the_source_are_no_submissions(tmp_path, monkeypatch, capsys):
    write(tmp_path, "ada.ipynb", solved())
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        assert main(["batch", ".", "--out", "graded"]) == 0
    assert "ignored" not in capsys.readouterr().out
    assert set(results(tmp_path / "graded")) == {"ada.ipynb"}


def test_regrade_runs_no_student_code_and_uses_todays_points(graded, tmp_path, monkeypatch, capsys):
    from grader.exercise import load as exercises
    from grader.running.sandbox import Sandbox

    folder = exercises.load().folder
    text = (folder / "exercise.toml").read_text().replace('policy = "partial"', 'policy = "course"')
    write(tmp_path / "mine", "exercise.toml", text.encode())
    write(tmp_path / "mine", "solution.ipynb", (folder / "solution.ipynb").read_bytes())
    write(tmp_path / "mine", "trainings.json", (folder / "trainings.json").read_bytes())
    ran = []
    original = Sandbox.run
    monkeypatch.setattr(
        Sandbox,
        "run",
        lambda self, function, *rest, **more: ran.append(function.code) or original(self, function, *rest, **more),
    )
    import shutil

    shutil.copytree(graded / "out", tmp_path / "out")
    assert main(["regrade", str(tmp_path / "out"), "--exercise", str(tmp_path / "mine"), "--quiet"]) == 0
    assert rows(tmp_path / "out")["sub/ada.ipynb"]["score"] == "20.0"
    solution = (folder / "solution.ipynb").read_text()
    assert ran
    assert all(json.dumps(line)[1:-1] in solution for code in ran for line in code.splitlines())


def test_the_same_notebook_gives_the_same_bytes(tmp_path, right):
    pages = []
    for name in ("one", "two"):
        main(["batch", str(right), "--out", str(tmp_path / name), "--quiet"])
        pages.append([(tmp_path / name / "right" / file).read_bytes() for file in ("feedback.html", "result.json")])
    assert pages[0] == pages[1]


def test_check_and_batch_agree(tmp_path, wrong, capsys):
    main(["batch", str(wrong), "--out", str(tmp_path / "out"), "--quiet"])
    _, out, _ = check(capsys, wrong, "--json", "-")
    mine, theirs = json.loads(out), results(tmp_path / "out")["wrong.ipynb"]
    assert mine["provenance"]["evidence_sha256"] == theirs["provenance"]["evidence_sha256"]
    assert mine == theirs


def test_a_submission_that_kills_its_process_gets_a_page_and_stops_nobody(tmp_path, monkeypatch):
    """The process that grades dies on one file, every time: the file is provisional, the others are graded."""
    poison = "import os, grader.reading.notebook as n\nold = n.parse\nn.parse = lambda d, name, **more: os._exit(9) if name == 'bad.ipynb' else old(d, name, **more)\n"
    write(tmp_path / "site", "sitecustomize.py", poison.encode())
    for name in ("a.ipynb", "bad.ipynb", "z.ipynb"):
        write(tmp_path / "in", name, solved())
    here = str(Path(grader.__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, "-m", "grader", "batch", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--quiet"],
        env={"PYTHONPATH": f"{tmp_path / 'site'}:{here}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    found = results(tmp_path / "out")
    assert {name: (result["score"], result["provisional"]) for name, result in found.items()} == {
        "a.ipynb": (30, False),
        "bad.ipynb": (0, True),
        "z.ipynb": (30, False),
    }
