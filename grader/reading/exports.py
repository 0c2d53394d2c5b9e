"""How other tools write a notebook as text, read as cells: marimo, Databricks, Colab, and markdown with code in it.

Markdown is that of jupytext, MyST, Quarto, R Markdown and `nbconvert --to markdown`.  Line numbers hold: each part begins
at its own line of the file, and what is not code leaves a blank line.  Nothing is executed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from grader.records import CellKind

_DATABRICKS = re.compile(r"\s*# Databricks notebook source\b|(?:.*\n)?# COMMAND -{5,}\s*$", re.MULTILINE)
_COMMAND = re.compile(r"# COMMAND -{5,}\s*$")
_MAGIC = re.compile(r"# MAGIC(?: |$)")
_LANGUAGE = re.compile(r"\s*%(md|md-sandbox|sh|sql|scala|r|fs)(?=\s|$)")

_COMMENTED = re.compile(r"^# Commented out IPython magic to ensure Python compatibility", re.MULTILINE)
_CELL_MAGIC = re.compile(r"# ?%%\w")

_MARIMO_APP = re.compile(r"^\w+ = marimo\.App\(", re.MULTILINE)
_MARIMO_IMPORT = re.compile(r"^import marimo\b", re.MULTILINE)
_MARIMO_BLOCK = re.compile(
    r"@\w+\.(cell|function|class_definition)\b|with \w+\.(setup)\b|\w+\.(_unparsable_cell)\(|if "
)
_HEADER_END = re.compile(r"(?![ \t@]).*:[ \t]*(?:#.*)?$")  # of a `def` or `with`, which may take several lines
_INDENT = "    "

_MARKDOWN_SUFFIXES = frozenset({".md", ".markdown", ".qmd", ".rmd"})
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})[ \t]*(.*)$")
_PYTHON = re.compile(r"\{?[ \t]*(?:i?python[23]?|py|code-cell)\b|\{code-cell\}", re.IGNORECASE)
_PYTHON_FENCE = re.compile(r"^(?:`{3,}|~{3,})[ \t]*\{?(?:i?python[23]?|code-cell)\b", re.MULTILINE | re.IGNORECASE)
_OPTION = re.compile(r":[\w-]+:")  # MyST's options above the code of a cell


@dataclass(frozen=True, slots=True)
class ExportedCell:
    """One cell of such a file: its text, and the line of the file at which it begins."""

    kind: CellKind
    source: str
    first_line: int


def parts(text: str, suffix: str) -> list[ExportedCell] | None:
    """Return the cells of a file that another tool wrote, or None if it is a plain script."""
    for recognises, read in _READERS.items():
        if recognises(text, suffix):
            return [part for part in read(text) if part.source.strip()]
    return None


def cell_language(source: str) -> str | None:
    """Return the language that a Databricks cell names in its first line, None for Python."""
    language = _LANGUAGE.match(source)
    return language[1] if language else None


# --- Databricks ----------------------------------------------------------------------------------------------------


def _is_databricks(text: str, suffix: str) -> bool:
    return suffix not in _MARKDOWN_SUFFIXES and _DATABRICKS.match(text) is not None


def _databricks(text: str) -> Iterator[ExportedCell]:
    lines = text.split("\n")
    borders = [-1, *(index for index, line in enumerate(lines) if _COMMAND.match(line)), len(lines)]
    for border, end in pairwise(borders):
        begin = border + 1
        yield _databricks_cell(lines[begin:end], begin + 1)


def _databricks_cell(lines: list[str], first_line: int) -> ExportedCell:
    """Return one command; of one in `# MAGIC` lines, what is behind that mark."""
    bare = [_MAGIC.sub("", line, count=1) if _MAGIC.match(line) else None for line in lines]
    source = "\n".join(line for line in bare if line is not None)
    language = cell_language(source)
    if language:
        return ExportedCell("markdown" if language.startswith("md") else "raw", source, first_line)
    return ExportedCell(
        "code",
        "\n".join(line if unmarked is None else unmarked for line, unmarked in zip(lines, bare, strict=False)),
        first_line,
    )


# --- Colab ---------------------------------------------------------------------------------------------------------


def _is_colab(text: str, suffix: str) -> bool:
    return suffix not in _MARKDOWN_SUFFIXES and _COMMENTED.search(text) is not None


def _colab(text: str) -> Iterator[ExportedCell]:
    """Yield a script of Colab, with each cell that begins with a magic: Colab makes comments of all its lines."""
    lines = text.split("\n")
    begin = index = 0
    while index < len(lines):
        if (
            not _COMMENTED.match(lines[index])
            or not lines[index + 1 : index + 2]
            or not _CELL_MAGIC.match(lines[index + 1])
        ):
            index += 1
            continue
        end = next((at for at in range(index + 1, len(lines)) if not lines[at].startswith("#")), len(lines))
        yield ExportedCell("code", "\n".join(lines[begin:index]), begin + 1)
        yield ExportedCell("code", "\n".join(re.sub("^# ?", "", line) for line in lines[index + 1 : end]), index + 2)
        begin = index = end
    yield ExportedCell("code", "\n".join(lines[begin:]), begin + 1)


# --- marimo --------------------------------------------------------------------------------------------------------


def _is_marimo(text: str, suffix: str) -> bool:
    return suffix not in _MARKDOWN_SUFFIXES and bool(_MARIMO_IMPORT.search(text) and _MARIMO_APP.search(text))


def _marimo(text: str) -> Iterator[ExportedCell]:
    """Yield the bodies of cells, and functions without the decorator; line by line, as one cell may not parse."""
    lines = text.split("\n")
    marks = [(index, block) for index, line in enumerate(lines) if (block := _MARIMO_BLOCK.match(line))]
    for (begin, block), (end, _) in pairwise([*marks, (len(lines), None)]):
        kind = next((name for name in block.groups() if name), "") if block else ""
        if kind in {"function", "class_definition"}:
            yield ExportedCell("code", "\n".join(lines[begin + 1 : end]), begin + 2)
        elif kind:
            body = _unparsable(lines[begin:end]) if kind == "_unparsable_cell" else _body(lines[begin:end], kind)
            yield ExportedCell("code", "\n".join(body), begin + 1)


def _body(lines: list[str], kind: str) -> list[str]:
    """Return what is in a cell's function or in the setup block, at the left margin, without the cell's `return`."""
    header = next((index for index, line in enumerate(lines) if _HEADER_END.match(line)), len(lines))
    returns = [index for index, line in enumerate(lines) if line.startswith(f"{_INDENT}return")]
    end = returns[-1] if returns and kind == "cell" else len(lines)
    return ["" if not header < index < end else line.removeprefix(_INDENT) for index, line in enumerate(lines)]


def _unparsable(lines: list[str]) -> list[str]:
    """Return the text of a cell that marimo could not parse and keeps in a string."""
    inside, body = False, []
    for line in lines:
        quoted = '"""' in line or "'''" in line
        body.append(line.removeprefix(_INDENT) if inside and not quoted else "")
        inside = inside != quoted
    return body


# --- markdown ------------------------------------------------------------------------------------------------------


def _is_markdown(text: str, suffix: str) -> bool:
    return suffix in _MARKDOWN_SUFFIXES or (suffix != ".py" and _PYTHON_FENCE.search(text) is not None)


def _markdown(text: str) -> Iterator[ExportedCell]:
    """Yield fenced Python as code and what is between as text; where no fence names Python, those without a name."""
    lines = text.split("\n")
    blocks = list(_fenced(lines))
    named = any(_PYTHON.match(info) for _, _, info in blocks)
    code = [(begin, end) for begin, end, info in blocks if (_PYTHON.match(info) if named else not info.strip())]
    position = 0
    for begin, end in code:
        yield ExportedCell("markdown", "\n".join(lines[position:begin]), position + 1)
        yield ExportedCell("code", "\n".join(_without_options(lines[begin + 1 : end])), begin + 2)
        position = end + 1
    yield ExportedCell("markdown", "\n".join(lines[position:]), position + 1)


def _fenced(lines: list[str]) -> Iterator[tuple[int, int, str]]:
    """Yield each fenced block: the indices of its two fences, and what is behind the first."""
    opening: tuple[int, str, str] | None = None
    for index, line in enumerate(lines):
        fence = _FENCE.match(line)
        if fence and opening is None:
            opening = index, fence[1], fence[2]
        elif fence and opening and fence[1].startswith(opening[1]) and not fence[2].strip():
            yield opening[0], index, opening[2]
            opening = None
    if opening is not None:
        yield opening[0], len(lines), opening[2]


def _without_options(lines: list[str]) -> list[str]:
    """Blank out the options that MyST writes above the code: `:tags: [x]` lines, or YAML between `---`."""
    count = 0
    if lines and lines[0].strip() == "---":
        count = next((index + 1 for index, line in enumerate(lines[1:], 1) if line.strip() == "---"), 0)
    while count < len(lines) and _OPTION.match(lines[count]):
        count += 1
    return [""] * count + lines[count:]


_READERS: Mapping[Callable[[str, str], bool], Callable[[str], Iterator[ExportedCell]]] = {
    _is_markdown: _markdown,
    _is_marimo: _marimo,
    _is_databricks: _databricks,
    _is_colab: _colab,
}
