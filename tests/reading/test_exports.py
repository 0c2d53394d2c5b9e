"""What other tools write is read as cells: marimo, Databricks, markdown; and what VS Code and Databricks mark."""

from __future__ import annotations

import json
from textwrap import indent

import pytest
from notebooks import HE, IMPORTS, NAMES, RANDOM, ZEROS, notebook

from grader.reading.extract import extract
from grader.reading.notebook import parse

FUNCTIONS = (ZEROS, RANDOM, HE)
MARIMO = "import marimo\n\n__generated_with = '0.25.2'\napp = marimo.App(width='medium')\n\n"
MARIMO_END = "\n\nif __name__ == '__main__':\n    app.run()\n"


def marimo_cell(source: str, *, takes: str = "", gives: str = "np", option: str = "") -> str:
    return f"@app.cell{option}\ndef _({takes}):\n{indent(source, '    ')}\n    return ({gives},)\n\n\n"


def databricks(*sources: str) -> str:
    return "# Databricks notebook source\n" + "\n\n# COMMAND ----------\n\n".join(sources)


def magic(text: str) -> str:
    return "\n".join(f"# MAGIC {line}" for line in text.split("\n"))


def fenced(*sources: str, fence: str = "```python") -> str:
    return "# Title\n\nText.\n\n" + "\n\n".join(f"{fence}\n{source}\n```\n\nMore text." for source in sources)


MYST = fenced(*(f":tags: [x]\n\n{source}" for source in (IMPORTS, *FUNCTIONS)), fence="```{code-cell} ipython3")
YAML = fenced(*(f"---\ntags: [x]\n---\n{source}" for source in (IMPORTS, *FUNCTIONS)), fence="```{code-cell}")
FILES = {
    "marimo functions": (
        "a.py",
        f"{MARIMO}with app.setup:\n    import numpy as np\n\n\n"
        + "".join(f"@app.function(hide_code=True)\n{source}\n\n" for source in FUNCTIONS)
        + marimo_cell("initialize_parameters_he([2, 4, 1])", gives="")
        + MARIMO_END,
    ),
    "marimo cells": (
        "a.py",
        MARIMO
        + marimo_cell(IMPORTS, option="(hide_code=True)")
        + "".join(marimo_cell(source, takes="\n    np,\n    plt,\n", gives="f") for source in FUNCTIONS)
        + MARIMO_END,
    ),
    "a marimo cell that does not parse": (
        "a.py",
        MARIMO
        + marimo_cell(f"{IMPORTS}\n{ZEROS}\n{RANDOM}\n{HE}")
        + 'app._unparsable_cell(\n    r"""\n    x = = 1\n    """,\n    name="_"\n)\n'
        + MARIMO_END,
    ),
    "Databricks": (
        "a.py",
        databricks(magic("%md\n# Title: def x():"), magic("%pip install numpy"), IMPORTS, *FUNCTIONS, magic("%sql\nSELECT 1")),
    ),
    "Databricks, Windows": ("a.py", databricks(IMPORTS, *FUNCTIONS).replace("\n", "\r\n")),
    "Databricks, Python in magic lines": ("a.py", databricks(IMPORTS, *(magic(f"%python\n{f}") for f in FUNCTIONS))),
    "jupytext markdown": ("a.md", "---\njupyter:\n  jupytext: {}\n---\n\n" + fenced(IMPORTS, *FUNCTIONS)),
    "jupytext markdown with regions": ("a.md", "<!-- #region -->\nx\n<!-- #endregion -->\n" + fenced(IMPORTS, *FUNCTIONS)),
    "markdown under another name": ("a.md.txt", fenced(IMPORTS, *FUNCTIONS)),
    "markdown whose fences name nothing": ("a.md", fenced(IMPORTS, *FUNCTIONS, fence="```")),
    "MyST": ("a.md", MYST),
    "MyST with YAML": ("a.md", YAML),
    "Quarto": ("a.qmd", fenced(*(f"#| label: x\n{source}" for source in (IMPORTS, *FUNCTIONS)), fence="```{python}")),
    "R Markdown": ("a.Rmd", fenced(IMPORTS, *FUNCTIONS, fence="```{python setup, echo=FALSE}")),
    "a marimo markdown file": ("a.md", fenced(IMPORTS, *FUNCTIONS, fence="```python {.marimo}")),
    "jupytext light": ("a.py", "# ---\n# jupyter:\n#   x: 1\n# ---\n\n# # Title\n\n# +\n" + "\n# -\n\n# +\n".join((IMPORTS, *FUNCTIONS))),
    "Spyder": ("a.py", "\n#%% a cell\n".join(("# -*- coding: utf-8 -*-", IMPORTS, *FUNCTIONS))),
    "PyCharm": ("a.py", "#%% md\n# Title\n#%%\n" + "\n#%%\n".join((IMPORTS, *FUNCTIONS))),
    "Colab": ("a.py", '# -*- coding: utf-8 -*-\n"""Init.ipynb\n\n# Title\n"""\n\n' + "\n".join((IMPORTS, *FUNCTIONS))),
    "Kaggle": ("a.py", "\n# %% [code]\n".join(("# %% [markdown]\n# Title", IMPORTS, *FUNCTIONS))),
}  # fmt: skip


@pytest.mark.parametrize("tool", FILES)
def test_a_tools_file_is_read_and_its_lines_hold(tool):
    name, text = FILES[tool]

    read, functions = extract(parse(text.encode(), name), NAMES)

    lines = text.replace("\r\n", "\n").split("\n")
    assert [function.status for function in functions.values()] == ["found"] * 3
    assert all("def " in lines[function.place.line - 1] for function in functions.values())
    assert [problem.message for problem in read.problems if "x = = 1" not in text] == []
    assert (read.status, {cell.number for cell in read.cells}) == ("ok", {None})


@pytest.mark.parametrize("name", ["a.py", "a.ipynb", "a.txt"])
def test_fences_in_a_script_stay_in_it(name):
    data = f'"""Usage:\n\n```python\nx\n```\n"""\n{ZEROS}'.encode()

    assert [cell.source for cell in parse(data, name).cells if name == "a.py"] in ([data.decode()], [])


def marked(metadata: dict, source: str) -> bytes:
    document = json.loads(notebook(IMPORTS, ZEROS, source))
    document["cells"][2]["metadata"] = metadata
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("metadata", "source", "kind"),
    [
        ({"vscode": {"languageId": "sql"}}, "SELECT 1 FROM x", "raw"),
        ({"vscode": {"languageId": "markdown"}}, "# Title", "markdown"),
        ({"vscode": {"languageId": "python"}}, "x = 1", "code"),
        ({"vscode": 3}, "x = 1", "code"),
        ({"application/vnd.databricks.v1+cell": {}}, "%md\n# Title (1", "markdown"),
        ({"application/vnd.databricks.v1+cell": {}}, "%sql\nSELECT 1 FROM x", "raw"),
        ({"application/vnd.databricks.v1+cell": {}}, "%python\nx = 1", "code"),
        ({}, "%sql SELECT 1\nx = 1", "code"),
        (None, "x = 1", "code"),
    ],
)
def test_a_cell_of_another_language_is_no_python(metadata, source, kind):
    read, _ = extract(parse(marked(metadata, source), "a.ipynb"), NAMES)

    assert read.cells[2].kind == kind
    assert read.problems == ()


@pytest.mark.parametrize(
    "text", [MARIMO * 20_000, MARIMO + "@app.cell\n" * 50_000, "```python\n" * 50_000, databricks("# MAGIC\n" * 50_000)]
)
def test_endless_files_of_tools_are_read(text):
    assert parse(text.encode(), "a.md" if text.startswith("`") else "a.py").status in {"ok", "unreadable"}
