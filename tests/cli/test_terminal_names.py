"""Names of files are anybody's: no command lets one start a line, colour the terminal or turn its text round."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
from notebooks import HE, edit, notebook, solved, write

import grader
from grader.cli import main
from grader.rendering import text

HOSTILE = "a\nFORGED \x1b[31m[red]\x9b1m\u202e{}\r\t.ipynb"
OBEYED = {chr(code) for code in (*range(0x20), *range(0x7F, 0xA0), 0x202E)} - {"\n"}


@pytest.fixture(scope="module")
def graded(tmp_path_factory) -> Path:
    """A class of which some must be looked at, all under hostile names."""
    folder = tmp_path_factory.mktemp("class")
    source = folder / "in"
    write(source, HOSTILE.format("1"), solved(he=edit(HE, ("2", "3"))))
    write(source, HOSTILE.format("2"), notebook("x = 1"))
    write(source, HOSTILE.format("3"), b"not a notebook")
    write(source, HOSTILE.format("4").replace(".ipynb", ".txt"), b"")
    assert main(["batch", str(source), "--out", str(folder / "out"), "--jobs", "1", "--quiet"]) == 0
    return folder


def read(capsys) -> str:
    """Return what was printed, once no part of a name in it is obeyed."""
    printed = capsys.readouterr()
    for stream in (printed.out, printed.err):
        assert not OBEYED & set(stream)
        assert not [line for line in stream.splitlines() if line.startswith("FORGED")]
    return printed.out + printed.err


@pytest.mark.parametrize(
    "command",
    [
        ("batch", "{in}", "--out", "{out}", "--jobs", "1", "--verbose"),
        ("summary", "{out}"),
        ("summary", "{out}", "--json"),
        ("summary", "{out}", "--note"),
        ("summary", "--compare", "{out}", "{out}", "--verbose"),
        ("review", "{out}"),
        ("review", "{out}", "--json"),
        ("regrade", "{out}", "--preview", "--verbose"),
        ("check", "{in}/{name}"),
        ("check", "{in}/{name}", "--verbose"),
        ("check", "{in}/{name}", "--json", "-"),
        ("check", "{in}/{name}", "{name}"),
        ("check", "no {name}"),
        ("check", "{in}/{name}", "--annotated", "{out}/{name}"),
        ("lab", "--html", "{out}/{name}"),
        (
            "override",
            "{out}",
            "{name}",
            "he",
            "8",
            "--reason",
            "right\nFORGED\x1b[31m",
            "--by",
            "Grace\nFORGED\x1b[31m",
        ),
        ("override", "{out}", "he", "--like", "{name}"),
        ("review", "{out}", "--ledger"),
        ("review", "{out}", "--done", "{name}", "--by", "Grace\nFORGED\x1b[31m"),
        ("override", "{out}", "no {name}", "he", "8", "--reason", "right", "--by", "Grace"),
        ("forget", "{out}", "no {name}"),
        ("batch", "{in}/no {name}", "--out", "{out}"),
        ("{name}",),
        ("lms", "canvas", "collect", "{name}", "--out", "{out}"),
    ],
    ids=" ".join,
)
def test_no_command_prints_a_name_raw(command, graded, capsys, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(graded / "home"))
    values = {"in": graded / "in", "out": graded / "out", "name": HOSTILE.format("1")}
    main([word.format(**values) for word in command])
    read(capsys)


def test_review_shows_the_name_with_its_line_break_spelled_out(graded, capsys):
    assert main(["review", str(graded / "out")]) == 0
    assert "a\\x0aFORGED \\x1b[31m[red]\\x9b1m\\u202e" in read(capsys)


def test_json_that_is_printed_means_the_same(graded, capsys):
    assert main(["review", str(graded / "out"), "--json"]) == 0
    names = {item["submission"] for item in json.loads(read(capsys))}
    assert HOSTILE.format("3") in names


def test_json_keeps_its_meaning():
    value = {"name": "\x1b\x7f\x9b\u202e\u2066ä\n"}
    assert json.loads(text.spell_out_json(json.dumps(value, ensure_ascii=False))) == value


def test_every_command_prints_through_one_place():
    folder = Path(grader.__file__).parent / "cli"
    for path in folder.glob("*.py"):
        calls = [ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        assert path.name == "app.py" or not {"typer.echo", "typer.secho", "print"} & set(calls), path.name
