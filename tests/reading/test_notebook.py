"""Reading: every file gives a Notebook, and says what was mended or why there is nothing to read."""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import subprocess
import sys
import tracemalloc
import zipfile
from hashlib import sha256

import nbformat
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from grader.messages import say
from grader.reading import notebook
from grader.reading.notebook import parse, read, sha256_of
from grader.reading.salvage import salvage
from grader.records.places import with_names

HE = "def initialize_parameters_he(layers_dims):\n    return {}\n"
NAME = "ada.ipynb"


# --- builders ------------------------------------------------------------------------------------------------------


def cell(source="x = 1\n", kind="code", **more):
    outputs = {"outputs": [{"output_type": "stream", "text": ["1\n"]}]} if kind == "code" else {}
    return {"cell_type": kind, "metadata": {}, "source": source, **outputs, **more}


def document(*cells, **more):
    return {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5, **more}


def saved(*cells, **more):
    return json.dumps(document(*cells, **more), ensure_ascii=False, indent=1).encode()


def zipped(name):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, "text")
    return file.getvalue()


def conflict(ours, theirs, *, base=""):
    return f"<<<<<<< HEAD\n{ours}{base}=======\n{theirs}>>>>>>> 4f2a branch\n"


def merged_file():
    text = saved(cell("top"), cell("ours")).decode()
    line = next(line for line in text.splitlines(keepends=True) if '"ours"' in line)
    return text.replace(line, conflict(line, line.replace("ours", "theirs"))).encode()


def nested(depth):
    return b"[" * depth + b"]" * depth


def sources(read_notebook):
    return [cell.source for cell in read_notebook.cells]


def codes(read_notebook):
    return [problem.code for problem in read_notebook.problems]


V3 = {
    "metadata": {"name": ""},
    "nbformat": 3,
    "nbformat_minor": 0,
    "worksheets": [
        {
            "metadata": {},
            "cells": [
                {"cell_type": "heading", "level": 1, "metadata": {}, "source": ["Title"]},
                {
                    "cell_type": "code",
                    "input": ["a = 1\n", "b = 2"],
                    "language": "python",
                    "metadata": {},
                    "outputs": [],
                },
                {"cell_type": "code", "input": ["c = 3", "d = 4"], "language": "python", "metadata": {}, "outputs": []},
                {"cell_type": "markdown", "metadata": {}, "source": "text"},
            ],
        },
        {"metadata": {}, "cells": [{"cell_type": "raw", "metadata": {}, "source": "raw"}]},
    ],
}
V2 = {
    "metadata": {"name": "old"},
    "nbformat": 2,
    "worksheets": [
        {
            "cells": [
                {"cell_type": "markdown", "source": "text"},
                {"cell_type": "code", "collapsed": False, "input": "a = 1\nb = 2", "language": "python", "outputs": []},
            ]
        }
    ],
}
V1 = {
    "cells": [
        {"cell_type": "text", "text": "text"},
        {"cell_type": "code", "code": "a = 1\nb = 2", "prompt_number": 1},
    ]
}


# --- what cannot be read -------------------------------------------------------------------------------------------

UNREADABLE = [
    ("empty", b"", "empty"),
    ("empty", b" \r\n\t\n", "empty"),
    ("empty", b"\xef\xbb\xbf\n", "empty"),
    ("empty", "\n".encode("utf-16"), "empty"),
    ("empty", bytes(1000), "empty"),
    ("lfs_pointer", b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "git lfs pull"),
    ("html", b"\n<!DOCTYPE html>\n<html><body>ada.ipynb at main</body></html>", "Download raw file"),
    ("html", b"<html>", "web page"),
    ("html", "<!-- saved from url -->".encode("utf-16"), "web page"),
    ("html", b"\xef\xbb\xbf<?xml version='1.0'?><html/>", "web page"),
    ("binary", zipped("ada.ipynb"), "a zip archive"),
    ("binary", zipped("word/document.xml"), "a Word, Excel or PowerPoint document"),
    ("binary", b"%PDF-1.7\n%\xe2\xe3", "a PDF document"),
    ("binary", b"{\\rtf1\\ansi{\\fonttbl}", "an RTF document"),
    ("binary", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Word or Excel document"),
    ("binary", zipped("Index/Document.iwa"), "a LibreOffice or Pages document"),
    ("binary", b"From: <Saved by Blink>\r\nMIME-Version: 1.0\r\n", "a web archive (MHTML)"),
    ("binary", b"\n\\documentclass[11pt]{article}", "a LaTeX document"),
    ("other_tool", b'{"paragraphs": [{"text": "%python"}], "name": "a"}', "a Zeppelin note"),
    ("other_tool", b'{"version": "NotebookV1", "commands": []}', "Export > IPython Notebook"),
    ("other_tool", b'{"doc_id": "1x", "email": "a@b"}', "Google Drive"),
    (
        "other_tool",
        b"metadata:\n  x: 1\nproject:\n  notebooks:\n    - blocks:\n        - content: x\n",
        "Deepnote project",
    ),
    ("binary", b"bplist00\xd1\x01\x02", "a web archive"),
    ("binary", pickle.dumps({"W1": [1.0]}), "a Python pickle"),
    ("binary", b"\x93NUMPY\x01\x00v\x00", "an array or model file"),
    ("binary", gzip.compress(b"{}", mtime=0), "a compressed file"),
    ("binary", b"\x89PNG\r\n\x1a\n", "a picture"),
    ("binary", b"SQLite format 3\0", "a database"),
    ("binary", b"\x7fELF\x02\x01\x01\0", "a program"),
    ("binary", bytes(range(256)), "of unknown kind"),
    ("not_json", b"import numpy as np\n" + HE.encode(), "begins with “import numpy as np def init"),
    ("not_json", b"404: Not Found", "begins with “404: Not Found”"),
    ("not_json", b'"a" b', "not valid JSON"),
    ("not_json", b'{"ce', "not valid JSON"),
    ("not_json", nested(100_000), "begins with “[[[["),
    ("too_many_parts", b"[" + b"[]," * 4_000_000, "4,000,000 lists and objects"),
    ("too_many_parts", b'{"cells":[' + b"{}," * 20_001 + b"{}]}", "20,000 cells"),
    ("no_cells", b"{}", "without cells"),
    ("no_cells", b'{"cells": {}, "worksheets": 3}', "without cells"),
    ("no_cells", saved(), "without cells"),
    ("no_cells", b'{"cells": [1, null]}', "without cells"),
    ("no_cells", b"[1, 2]", "without cells"),
    ("no_cells", b"123", "without cells"),
    ("no_cells", b"9" * 10_000, "without cells"),
    ("truncated_json", saved(cell())[:60], "no whole cell"),
    ("truncated_json", b'{"cells": [' + b'{"a":' * 100_000, "no whole cell"),
]


@pytest.mark.parametrize(("code", "data", "says"), UNREADABLE)
def test_a_file_that_cannot_be_read_says_what_it_is_and_what_to_do(code, data, says):
    got = parse(data, NAME)

    assert (got.status, got.cells, codes(got)) == ("unreadable", (), [code])
    assert says in with_names(got.problems[0].message, {})
    assert "hand in" in got.problems[0].message
    assert got.sha256 == sha256(data).hexdigest()


# --- what was mended -----------------------------------------------------------------------------------------------

MENDED = [
    ("bom", b"\xef\xbb\xbf" + saved(cell("a")), ["a"], "byte order mark"),
    ("encoding", saved(cell("é 数")).decode().encode("utf-16"), ["é 数"], "UTF-16"),
    ("encoding", saved(cell("é 数")).decode().encode("utf-16-le"), ["é 数"], "UTF-16-LE"),
    ("encoding", saved(cell("é 数")).decode().encode("utf-16-be"), ["é 数"], "UTF-16-BE"),
    ("encoding", saved(cell("é 数")).decode().encode("utf-32"), ["é 数"], "UTF-32"),
    ("encoding", saved(cell("# señal “x”")).decode().encode("cp1252"), ["# señal “x”"], "Windows-1252"),
    ("encoding", saved(cell("# se\xf1al \x81")).decode().encode("latin-1"), ["# señal \x81"], "Latin-1"),
    ("encoding", saved(cell("数学 ?")).replace(b"?", b"\xff"), ["数学 �"], "UTF-8, as far as possible"),
    ("truncated_json", saved(cell("a"), cell("b"), cell("c"))[:-180], ["a", "b"], "2 whole cells could be read"),
    ("truncated_json", saved(cell("a"), cell("b"))[:-90], ["a", "b"], "2 whole cells"),
    ("damaged_json", saved(cell("a"), cell("b"))[:-30], ["a", "b"], "no line is lost"),
    ("damaged_json", saved(cell("a")).removesuffix(b"\n}") + b",\n}", ["a"], "1 whole cell could be read"),
    ("damaged_json", saved(cell("a"), cell("b")).replace(b"},\n  {", b"}\n  {"), ["a", "b"], "2 whole cells"),
    ("damaged_json", saved(cell(["a"]), cell("b")).replace(b'"outputs"', b"outputs", 1), ["a", "b"], "2 whole cells"),
    (
        "truncated_json",
        b'{"cells":[{"cell_type":"code","source":"a"},' + b'{"a":' * 100_000,
        ["a"],
        "1 whole cell could",
    ),
    ("damaged_json", saved(cell("a"), cell("b")).replace(b'"nbformat":', b"nbformat:"), ["a", "b"], "2 whole cells"),
    ("trailing_data", saved(cell("a")) + b"\n}\0\x07 x", ["a"], "left out: “} x”"),
    ("trailing_data", saved(cell("a")) + saved(cell("b")), ["a"], "left out"),
    ("nan", saved(cell("a"), metadata={"x": float("nan")}), ["a"], "NaN"),
    ("nan", saved(cell("a", outputs=[float("-inf")])), ["a"], "-Infinity"),
    ("merge_conflict", merged_file(), ["top", "ours"], "The file"),
    ("merge_conflict", merged_file().replace(b"\n", b"\r\n"), ["top", "ours"], "first part"),
    ("merge_conflict", saved(cell("a"), cell(conflict("x = 1\n", "x = 2\n"))), ["a", "\nx = 1\n\n\n\n"], "Cell 2:"),
    ("merge_conflict", saved(cell(conflict("x\n", "y\n", base="||||||| 1a\nz\n"))), ["\nx\n\n\n\n\n\n"], "Cell 1:"),
    ("merge_conflict", saved(cell(conflict("========\n", "y\n"))), ["\n========\n\n\n\n"], "Cell 1:"),
    ("old_format", json.dumps(V3).encode(), ["Title", "a = 1\nb = 2", "c = 3\nd = 4", "text", "raw"], "old format 3"),
    ("old_format", json.dumps(V2).encode(), ["text", "a = 1\nb = 2"], "old format 2"),
    ("old_format", json.dumps(V1).encode(), ["text", "a = 1\nb = 2"], "old format 1"),
    ("line_endings", saved(cell("a\r\nb\rc\n")), ["a\nb\nc\n"], "Cell 1:"),
    ("line_endings", saved(*[cell("a\r\n")] * 7), ["a\n"] * 7, "Cell 1, cell 2, cell 3, cell 4, cell 5 and 2 more:"),
    (
        "bad_characters",
        json.dumps(document(cell("a\ud800b"), cell("c\0"))).encode(),
        ["a�b", "c�"],
        "Cell 1 and cell 2:",
    ),
    ("bad_characters", saved(cell("a?")).replace(b"?", b"\0"), ["a�"], "NUL"),
    (
        "bad_cell",
        saved(cell("a"), 7, None, "x", ["y"], cell("b")),
        ["a", "b"],
        "Cell 2, cell 3, cell 4 and cell 5: not a valid cell",
    ),
    ("bad_cell", saved(cell(["a\n", 5, "b"])), ["a\nb"], "Cell 1:"),
    ("bad_cell", saved(cell({"x": 1}), cell(None)), ["", ""], "Cell 1 and cell 2:"),
]


@pytest.mark.parametrize(("code", "data", "want", "says"), MENDED)
def test_a_file_that_was_mended_is_read_and_says_so(code, data, want, says):
    got = parse(data, NAME)

    assert (got.status, sources(got), codes(got)) == ("repaired", want, [code])
    assert says in with_names(got.problems[0].message, {})


def test_repairs_add_up():
    data = b"\xef\xbb\xbf" + saved(cell("a\r\n"), cell("b\0"), cell("c"))[:-180].replace(b"\n", b"\r\n")

    got = parse(data, NAME)

    assert codes(got) == ["bom", "truncated_json", "line_endings", "bad_characters"]
    assert sources(got) == ["a\n", "b�"]


def test_a_cut_within_a_letter_spoils_no_other_letter():
    got = parse(saved(cell("é"), cell("ü")).partition(b"\xbc")[0], NAME)

    assert (sources(got), codes(got)) == (["é"], ["encoding", "truncated_json"])


@pytest.mark.parametrize("old", [V3, V2, V1])
def test_old_formats_hold_the_cells_that_nbformat_finds(old):
    theirs = nbformat.reads(json.dumps(old), as_version=4)
    got = parse(json.dumps(old).encode(), NAME)

    assert [cell.kind for cell in got.cells] == [cell.cell_type for cell in theirs.cells]
    assert sources(got) == [cell.source.removeprefix("# ") for cell in theirs.cells]


# --- what is fine, or only noticed ---------------------------------------------------------------------------------

FINE = [
    ("source as a list", saved(cell(["a\n", "b"])), ["a\nb"]),
    ("a list without line ends is one line, as in Jupyter", saved(cell(["a", "b"])), ["ab"]),
    ("source missing", saved({"cell_type": "code"}, cell("b")), ["", "b"]),
    ("outputs and metadata absent", b'{"cells": [{"cell_type": "code", "source": "a"}]}', ["a"]),
    ("lines of the file end in CR LF", saved(cell("a\n")).replace(b"\n", b"\r\n"), ["a\n"]),
    ("blank lines around", b"\n\n" + saved(cell("a")) + b"\n\n", ["a"]),
    ("a control character in a string", saved(cell("a?")).replace(b"?", b"\x07"), ["a\x07"]),
    ("a surrogate pair", json.dumps(document(cell("\U0001f600"))).encode(), ["\U0001f600"]),
    ("a number of 10,000 digits", saved(cell("a", execution_count="?")).replace(b'"?"', b"9" * 10_000), ["a"]),
    ("any nbformat to come", saved(cell("a"), nbformat=5), ["a"]),
    ("an nbformat that there never was", saved(cell("a"), nbformat=0), ["a"]),
    ("an nbformat that is no number", saved(cell("a"), nbformat=True), ["a"]),
    ("cells named in a string", saved(cell('"cells": [')), ['"cells": [']),
    ("a heading underlined as in a conflict", saved(cell("Title\n=======\n", "markdown")), ["Title\n=======\n"]),
    ("half a conflict in a text", saved(cell("<<<<<<< a\nb\n=======\n", "raw")), ["<<<<<<< a\nb\n=======\n"]),
    ("a text that mentions a function", saved(cell("See `def initialize_parameters_he(x)`.", "markdown")), None),
]


@pytest.mark.parametrize(("data", "want"), [row[1:] for row in FINE], ids=[row[0] for row in FINE])
def test_a_file_that_needs_no_mending_is_ok(data, want):
    got = parse(data, NAME)

    assert (got.name, got.sha256) == (NAME, sha256(data).hexdigest())
    assert (got.status, got.problems) == ("ok", ())
    assert want is None or sources(got) == want


NOTICED = [
    (
        "unknown_type",
        saved(cell(), cell("a", "sql"), cell("b", ["x"]), {"source": "c"}),
        "Cell 2, cell 3 and cell 4: neither",
    ),
    (
        "duplicate_ids",
        saved(cell(id="x"), cell(id="y"), cell(id="x"), cell(id=["x"]), cell(id="x")),
        "Cell 3 and cell 5: ",
    ),
    (
        "code_in_markdown",
        saved(cell(), cell("text\n" + HE, "markdown")),
        "Cell 2 is a markdown cell that contains `def initialize_parameters_he(...)`. Code in such a cell does not run. Change the",
    ),
    ("code_in_markdown", saved(cell(HE, "raw")), "Cell 1 is a raw cell"),
]


@pytest.mark.parametrize(("code", "data", "says"), NOTICED)
def test_an_oddity_is_named_and_leaves_the_status(code, data, says):
    got = parse(data, NAME)

    assert (got.status, codes(got)) == ("ok", [code])
    assert says in with_names(got.problems[0].message, {})


def test_every_code_has_a_row():
    rows = {row[0] for row in (*UNREADABLE, *MENDED, *NOTICED)}

    assert rows | {"cannot_open", "too_large", "damaged_function", "reading_limit"} == set(notebook._CODES)
    assert len(notebook._CODES) == len(notebook._UNREADABLE) + len(notebook._MENDED) + len(notebook._NOTICED)


def test_every_magic_number_has_a_row():
    said = [parse(row[1], NAME).problems[0].message for row in UNREADABLE]

    kinds = {kind: say(f"reading.kind.{kind}") for kind in notebook._MAGIC.values()}
    assert [kind for kind, words in kinds.items() if not any(words in message for message in said)] == []


def test_all_cells_are_counted_from_1_also_those_left_out():
    got = parse(saved(cell(kind="markdown"), 7, cell(), cell(kind="raw")), NAME)

    assert [(cell.number, cell.kind, cell.first_line) for cell in got.cells] == [
        (1, "markdown", 1),
        (3, "code", 1),
        (4, "raw", 1),
    ]


def test_a_damaged_cell_keeps_the_numbers_of_those_after_it():
    got = parse(saved(cell("a"), cell("b"), cell("c")).replace(b'"b"', b'"b'), NAME)

    assert [(cell.number, cell.source) for cell in got.cells] == [(1, "a"), (3, "c")]
    assert "2 whole cells could be read" in got.problems[0].message
    assert "Cell 2: not a valid cell" in with_names(got.problems[1].message, {})


@pytest.mark.parametrize(
    "first", ["metadata", "id", "source", "outputs", "execution_count", "cell_type", "attachments"]
)
def test_a_cell_after_a_damaged_one_is_found_whatever_key_it_begins_with(first):
    def ordered(source):
        whole = cell(source, id="x", execution_count=1, attachments={})
        return {first: whole[first], **whole}

    data = saved(ordered("a"), ordered("the rings"), ordered("c"), ordered("d"))
    got = parse(data.replace(b"the rings", b'the "rings"'), NAME)

    assert [(cell.number, cell.source) for cell in got.cells] == [(1, "a"), (3, "c"), (4, "d")]


def test_the_function_that_a_damaged_cell_holds_is_named():
    data = saved(cell("a"), cell("b"), cell(HE), cell("d")).replace(b'"a"', b'"a').replace(b"return {}", b'"')

    got = parse(data, NAME)

    assert [(cell.number, cell.source) for cell in got.cells] == [(2, "b"), (4, "d")]
    assert (
        with_names(got.problems[1].message, {})
        == "Cell 3 is damaged: its `def initialize_parameters_he(...)` could not be read."
    )


@pytest.mark.parametrize(
    "data",
    [
        b'{"cells": [' + b'{"cell_type": [' * 20_000,
        b'{"cells": [' + b'{"cell_type": "code", "source": ["x" ' * 20_000,
        b'{"cells": [' + b'{"a":{"a":"' * 30_000,
        b'{"cells": [' + b'{"a": 1} "x":' * 30_000,
        b'{"cells": [' + b"]" * 100_000 + b'"cell_type": "code"',
        b'{"cells": [' + b'"source": ["x", ' * 50_000,
    ],
)
def test_a_search_in_damaged_json_is_bounded(data):
    reads = []

    class Decoder(json.JSONDecoder):
        def raw_decode(self, text, start=0):
            reads.append(start)
            return super().raw_decode(text, start)

    salvage(data.decode(), Decoder())

    assert len(reads) < 150_000


def test_messages_stay_short_and_printable():
    files = [
        saved(cell("a")) + b"\x1b[31m\0" + "\u202e".encode() + b"<b>" * 10_000,
        b"x\x1b[31m\x07 " + "\u202e".encode() + b"y" * 10_000,
        saved(*[cell(f"def initialize_parameters_{'z' * 5000}(\n" * 100, "markdown", id="x")] * 100, *[3] * 100),
    ]

    for got in (parse(data, NAME) for data in files):
        assert 1 <= len(got.problems) <= 10
        messages = [with_names(problem.message, got.cell_names) for problem in got.problems]
        assert all(len(message) < 800 and message.isprintable() for message in messages)


# --- scripts -------------------------------------------------------------------------------------------------------

PERCENT = "import numpy\n\n# %% first\na = 1\n#%%\n\n# %% [markdown]\n# text\n# %%time\n# %% [raw] x\nraw\n# %%[md]\n"

SCRIPTS = [
    ("a.py", HE.encode(), "ok", [("code", HE, 1)]),
    ("A.PY", b"# In[3]:\n\nget_ipython()\n# In[4]:\n", "ok", [("code", "# In[3]:\n\nget_ipython()\n# In[4]:\n", 1)]),
    ("a.py", b"a\r\nb\r\n", "ok", [("code", "a\nb\n", 1)]),
    ("a.py", b"a\rb\r", "line_endings", [("code", "a\nb\n", 1)]),
    ("a.py", b"\xef\xbb\xbfa", "bom", [("code", "a", 1)]),
    ("a.py", "# é 数\n".encode("utf-16"), "encoding", [("code", "# é 数\n", 1)]),
    ("a.py", b"# \xe9\n", "encoding", [("code", "# é\n", 1)]),
    ("a.py", b"# -*- coding: latin-1 -*-\n# \xe9\n", "ok", [("code", "# -*- coding: latin-1 -*-\n# é\n", 1)]),
    ("a.py", b"#!python\n# coding=koi8-r\n# \xd6\n", "ok", [("code", "#!python\n# coding=koi8-r\n# ж\n", 1)]),
    ("a.py", b"# coding: iso-unknown\n# \xe9\n", "encoding", [("code", "# coding: iso-unknown\n# é\n", 1)]),
    ("a.py", b"# coding: unicode_escape\n# \\d\n", "ok", [("code", "# coding: unicode_escape\n# \\d\n", 1)]),
    ("a.py", b"a\n" + conflict("b\n", "c\n").encode() + b"d\n", "merge_conflict", [("code", "a\n\nb\n\n\n\nd\n", 1)]),
    ("a.py", b"a\0\n" + b"b\n" * 50, "bad_characters", [("code", "a�\n" + "b\n" * 50, 1)]),
    ("a.py", b'"""\n=======\n"""\n', "ok", [("code", '"""\n=======\n"""\n', 1)]),
    ("a.py", b"\xef\xbb\xbf# coding: latin-1\n# \xc3\xa9\n", "bom", [("code", "# coding: latin-1\n# é\n", 1)]),
    ("a.py", b'x = {"cells": [1]}\n', "ok", [("code", 'x = {"cells": [1]}\n', 1)]),
    ("a.py", b"{1: 2}\n", "ok", [("code", "{1: 2}\n", 1)]),
    ("a.py", b"# %% [markdown]\n" + HE.encode(), "code_in_markdown", [("markdown", "# %% [markdown]\n" + HE, 1)]),
    (
        "a.py",
        PERCENT.encode(),
        "ok",
        [
            ("code", "import numpy\n\n", 1),
            ("code", "# %% first\na = 1\n", 3),
            ("code", "#%%\n\n", 5),
            ("markdown", "# %% [markdown]\n# text\n# %%time\n", 7),
            ("raw", "# %% [raw] x\nraw\n", 10),
            ("markdown", "# %%[md]\n", 12),
        ],
    ),
    (
        "a.py",
        b"#%% md\n# Title\n#%%\na = 1\n",  # PyCharm
        "ok",
        [("markdown", "#%% md\n# Title\n", 1), ("code", "#%%\na = 1\n", 3)],
    ),
    ("a.txt", HE.encode(), "ok", [("code", HE, 1)]),
    ("ada", HE.encode(), "ok", [("code", HE, 1)]),
]


@pytest.mark.parametrize(("name", "data", "outcome", "want"), SCRIPTS)
def test_script(name, data, outcome, want):
    got = parse(data, name)

    assert [(cell.kind, cell.source, cell.first_line) for cell in got.cells] == want
    assert {cell.number for cell in got.cells} == {None}
    assert (codes(got) or [got.status]) == [outcome]
    assert got.status == ("repaired" if outcome in notebook._MENDED else "ok")


@pytest.mark.parametrize("name", ["ada.ipynb", "ada", "ada.txt", "ada.json", "ada.py", "group 1/ada.IPYNB"])
def test_a_notebook_under_any_name_is_read_as_one(name):
    got = parse(saved(cell("a")), name)

    assert (got.name, got.status) == (name, "ok")
    assert [(cell.number, cell.source) for cell in got.cells] == [(1, "a")]


@pytest.mark.parametrize("data", [bytes(range(256)), zipped("a.py"), b"<html>"])
def test_a_script_that_is_none_is_unreadable(data):
    assert parse(data, "a.py").status == "unreadable"


# --- files ---------------------------------------------------------------------------------------------------------


def test_read_gives_what_parse_gives(tmp_path):
    path = tmp_path / "ada.ipynb"
    path.write_bytes(saved(cell("a")))

    assert read(path) == parse(saved(cell("a")), "ada.ipynb")
    assert read(path, name="group/ada.ipynb").name == "group/ada.ipynb"


@pytest.mark.parametrize("name", ["ada.ipynb", "pipe"])
def test_the_hash_of_a_file_is_the_one_that_reading_gives(tmp_path, name):
    (tmp_path / "ada.ipynb").write_bytes(saved(cell("a")) * 20_000)  # more than one block
    os.mkfifo(tmp_path / "pipe")

    assert sha256_of(tmp_path / name) == read(tmp_path / name).sha256


@pytest.mark.parametrize(("name", "says"), [("none.ipynb", "No such file"), ("", "not a file"), ("\0", "such a name")])
def test_a_path_that_cannot_be_opened_is_unreadable(tmp_path, name, says):
    got = read(tmp_path / name)

    assert (got.status, codes(got), got.sha256) == ("unreadable", ["cannot_open"], "")
    assert says in with_names(got.problems[0].message, {})


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "ada.ipynb")

    assert codes(read(tmp_path / "ada.ipynb")) == ["cannot_open"]


def test_a_file_name_that_is_not_utf8_can_still_be_written(tmp_path):
    path = tmp_path / os.fsdecode(b"\xe9.ipynb")
    path.write_bytes(saved(cell()))

    assert read(path).name == "�.ipynb"


def test_a_file_too_large_is_hashed_but_never_in_memory(tmp_path):
    path = tmp_path / "ada.ipynb"
    with path.open("wb") as file:
        file.truncate(64 * 2**20 + 1)

    tracemalloc.start()
    got = read(path)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert (got.status, codes(got)) == ("unreadable", ["too_large"])
    assert "65 MB, and at most 64 MB" in got.problems[0].message
    assert got.sha256 == sha256(path.read_bytes()).hexdigest()
    assert peak_bytes < 5 * 2**20


@pytest.mark.parametrize(("over", "problems"), [(0, []), (1, ["too_large"])])
def test_the_limit_itself_is_not_too_large(over, problems, tmp_path, monkeypatch):
    path = tmp_path / "ada.ipynb"
    path.write_bytes(saved(cell()))
    monkeypatch.setattr("grader.reading.notebook.SOURCE_LIMIT_BYTES", path.stat().st_size - over)

    assert codes(read(path)) == problems


def test_outputs_do_not_pile_up():
    images = [
        {"output_type": "display_data", "data": {"image/png": f"{number:02}" + "A" * 2**20}} for number in range(10)
    ]
    data = saved(*[cell("x", outputs=[image]) for image in images])

    tracemalloc.start()
    got = parse(data, NAME)
    kept_bytes, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(got.cells) == 10
    assert peak_bytes < 1.3 * len(data)  # the text and one output
    assert kept_bytes < 2**20


def test_reading_needs_no_nbformat():
    code = "import sys, grader.reading.notebook; sys.exit('nbformat' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- properties ----------------------------------------------------------------------------------------------------

RICH = saved(
    cell("# Ünïcode 数学\n", "markdown", id="a"),
    cell(["import numpy as np\n", "x = '\\n\"{[' # ]}\n"], id="b"),
    cell(HE, id="c", outputs=[{"data": {"text/plain": ["{'W1': [1]}"], "application/json": {"cells": [1]}}}]),
    cell("", "raw"),
)
CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no fault
NAMES = st.sampled_from(["a.ipynb", "a.py", "a", "a.txt", "\ud800", ""])


def assert_sound(got):
    json.dumps([got.name, [p.message for p in got.problems], sources(got)], ensure_ascii=False).encode()
    assert got.status in {"ok", "repaired", "unreadable"}
    assert (got.cells == ()) == (got.status == "unreadable")
    assert all("\r" not in source and "\0" not in source for source in sources(got))


def whole_sources_before(cut):
    """The sources that end before a cut: a cell of which only the outputs are lost is graded."""
    cells = json.loads(RICH)["cells"]
    decoder, position, ends = json.JSONDecoder(), RICH.decode().index("[") + 1, []
    for _ in cells:
        position = RICH.decode().index('"source": ', position) + len('"source": ')
        position = decoder.raw_decode(RICH.decode(), position)[1]
        ends.append(len(RICH.decode()[:position].encode()))
    return ["".join(cell["source"]) for cell, end in zip(cells, ends, strict=True) if end <= cut]


@pytest.mark.parametrize("part", range(8))
def test_a_cut_at_any_byte_keeps_the_whole_sources_before_it(part):
    for cut in range(part, len(RICH), 8):
        got = parse(RICH[:cut], NAME)

        assert_sound(got)
        assert sources(got) == whole_sources_before(cut), cut
        assert got.status == ("repaired" if whole_sources_before(cut) else "unreadable")


@CALM
@given(st.binary(max_size=300), NAMES)
@example(b"\xff\xfe\0\0", "a.py")
@example(b"\xef\xbb\xbf\xef\xbb\xbf", "a.py")
@example(b"#\0\xd8#\0", "a.py")
@example(b"# coding: utf-7\n+2AA-", "a.py")
@example(b"# coding: cp037\n", "a.py")
def test_no_bytes_raise(data, name):
    assert_sound(parse(data, name))


@CALM
@given(st.text(alphabet='{}[]",:\\ \n\r\0\ud800cellsourc1-<=>#%', max_size=100), NAMES)
def test_no_text_raises(text, name):
    assert_sound(parse(text.encode("utf-8", "surrogatepass"), name))


@CALM
@given(st.integers(0, len(RICH)), st.integers(0, 40), st.binary(max_size=40), NAMES)
def test_no_damage_to_a_notebook_raises(begin, length, instead, name):
    assert_sound(parse(RICH[:begin] + instead + RICH[begin + length :], name))


VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(st.characters(), max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([*sorted(notebook._NEEDED), "x"]), inner, max_size=5)
        | st.fixed_dictionaries({"cell_type": st.sampled_from(["code", "raw", "text", "?"]), "source": inner})
    ),
    max_leaves=12,
)


@CALM
@given(VALUES, VALUES, NAMES)
def test_no_json_raises(cells, whole, name):
    assert_sound(parse(json.dumps({"cells": cells, "nbformat": 4}).encode(), name))
    assert_sound(parse(json.dumps(whole).encode(), name))


@CALM
@given(st.lists(st.tuples(st.sampled_from(["code", "markdown", "raw"]), st.text(max_size=30)), min_size=1, max_size=6))
def test_what_jupyter_saves_is_read_as_it_is(cells):
    data = saved(*[cell(source.splitlines(keepends=True), kind) for kind, source in cells])

    got = parse(data, NAME)

    assert [cell.kind for cell in got.cells] == [kind for kind, _ in cells]
    if got.status == "ok":
        assert sources(got) == [source for _, source in cells]
