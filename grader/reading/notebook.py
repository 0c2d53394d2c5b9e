"""Any file -> Notebook: what the file is, what had to be fixed in it, and its cells.

bytes ─recognise─▶ text ─fix─▶ script or JSON ─▶ cells.  No content raises: of a file that cannot be read, the record
says what it is and what to do.  Of outputs only the beginning of their text is kept; the rest is dropped while reading.
"""

from __future__ import annotations

import codecs
import hashlib
import json
import re
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice, pairwise
from pathlib import Path, PurePosixPath

from grader.errors import UnavailableError, fault_of_environment
from grader.messages import listed, say
from grader.reading import exports
from grader.reading.problems import problem
from grader.reading.salvage import salvage
from grader.records import MOST_NAMES, Cell, CellKind, Notebook, NotebookStatus, Problem
from grader.records.places import capitalized, marked

# Measured on 60 MB: 60 outputs of 1 MB of base64 take 0.3 s and 121 MB at the peak (the bytes and their text), one of
# 60 MB 0.3 s and 180 MB, an emoji beside them 0.5 s and 301 MB (4 bytes a character); afterwards 1 MB or less stays.
# The worst we could make takes 4 s (15 million numbers) or 990 MB (12 million tiny strings).
SOURCE_LIMIT_BYTES = 64 * 2**20
_CONTAINERS_LIMIT = 4_000_000  # JSON lists and objects: an empty one takes 3 bytes of the file, but 64 of memory
_CELLS_LIMIT = 20_000
_OUTPUT_LIMIT = 20_000  # characters of the text that one cell printed
_OUTPUTS_LIMIT = 200_000  # and all cells together
_SHOWN_CHARACTERS = 80
_LISTED = 5

_UNREADABLE = frozenset(  # codes of problems for which nothing is graded
    {
        "cannot_open",
        "too_large",
        "reading_limit",
        "empty",
        "binary",
        "lfs_pointer",
        "html",
        "other_tool",
        "not_json",
        "too_many_parts",
        "no_cells",
    }
)
_MENDED = frozenset(  # of what was repaired
    {
        "truncated_json",
        "damaged_json",
        "trailing_data",
        "nan",
        "bom",
        "encoding",
        "old_format",
        "line_endings",
        "bad_characters",
        "merge_conflict",
        "damaged_function",
        "bad_cell",
    }
)
_NOTICED = frozenset(  # of what was only noticed
    {"unknown_type", "duplicate_ids", "code_in_markdown"}
)
NOT_READ = "not_read"
_CODES = _UNREADABLE | _MENDED | _NOTICED

_MAGIC = {  # how the bytes begin -> kind of file
    rb"PK\x03\x04[\s\S]{0,2000}(?:\[Content_Types\]|word/|xl/|ppt/)": "office",
    rb"PK\x03\x04[\s\S]{0,2000}(?:application/vnd\.oasis|Index/)": "office_other",
    rb"PK(?:\x03\x04|\x05\x06)": "zip",
    rb"\s{0,1000}%PDF-": "pdf",
    rb"\{\\rtf": "rtf",
    rb"\xd0\xcf\x11\xe0": "office_old",
    rb"bplist00": "web_archive",
    rb"(?:From: <Saved by|MIME-Version: 1\.0|Snapshot-Content-Location:)": "mhtml",
    rb"\s{0,1000}\\documentclass": "latex",
    rb"\x80[\x02-\x05]": "pickle",
    rb"\x93NUMPY|\x89HDF": "arrays",
    rb"\x1f\x8b|BZh[1-9]1AY|\xfd7zXZ|Rar!\x1a|7z\xbc\xaf|[\s\S]{257}ustar": "archive",
    rb"\x89PNG|\xff\xd8\xff|GIF8[79]a": "picture",
    rb"SQLite format 3\0": "database",
    rb"\x7fELF|MZ[\s\S]{0,60}\0\0": "program",
}
_TEXTS = {  # how the text begins -> code
    r"[\s\0\ufeff]*\Z": "empty",
    r"\s*version https://git-lfs\.github\.com/spec/": "lfs_pointer",
    r"\s*<(?!!--\s*#|a )[a-zA-Z!?]": "html",
}
_OTHER_TOOLS = {  # what is in the text of a tool's own format -> the tool
    r'"paragraphs"\s*:\s*\[': "zeppelin",
    r'"version"\s*:\s*"NotebookV1"': "databricks",
    r'"doc_id"\s*:\s*"': "drive",
    r"^ *(?:- )?blocks:\s*$": "deepnote",
}
_WIDE = {  # how the bytes begin -> encoding
    rb"\xff\xfe\0\0|\0\0\xfe\xff": "utf-32",
    rb"\xff\xfe|\xfe\xff": "utf-16",
    rb"(?:[\x01-\x7f]\0){2}": "utf-16-le",
    rb"(?:\0[\x01-\x7f]){2}": "utf-16-be",
}
_DEEPNOTE = re.compile(r"^project:\s*$", re.MULTILINE)
_CONTROL = re.compile(r"[\0-\x08\x0e-\x1a\x1c-\x1f\x7f-\x9f]")
# PEP 263, for encodings of files only: Python's other codecs (idna, unicode_escape) are slow or warn
_DECLARED = re.compile(
    rb"(?i)(?:[ \t\f]*(?:#[^\r\n]*)?\r?\n)?[ \t\f]*#[^\r\n]*?coding[:=][ \t]*"
    rb"((?:latin|l1|iso|cp|windows|gb|big5|shift|euc|koi8|mac)[-\w.]*)"
)
_PERCENT = re.compile(r"^# ?%%+(?:$|[ \t\[].*$)", re.MULTILINE)
_PERCENT_KIND = re.compile(r"# ?%%(?:.*\[(markdown|md|raw)\]| ?(md|raw)[ \t]*$)", re.MULTILINE)
_DEFINITION = re.compile(r"^[ \t#>]*def +(initialize_parameters_\w+) *\(", re.MULTILINE)
_CELLS = re.compile(r'"cells"\s*:\s*\[')  # never within a string: quotes are escaped there
MOST_COUNT = 1_000_000  # of runs of cells: a larger one Jupyter cannot have counted
_KINDS: Mapping[str, CellKind] = {
    "code": "code",
    "markdown": "markdown",
    "raw": "raw",
    "heading": "markdown",  # formats 2 and 3, as html
    "html": "markdown",
    "text": "markdown",  # format 1
    "md": "markdown",  # percent scripts
}
_SOURCES = ("source", "input", "code", "text")  # input: code of formats 2 and 3; code, text: format 1
_OUTPUT = {"output_type", "name", "stream", "text", "data"}  # stream: what formats 2 and 3 call a stream's name
_NEEDED = {"nbformat", "worksheets", "cells", "id", "cell_type", "outputs", "text/plain", *_SOURCES, *_OUTPUT}
_DATABRICKS = "application/vnd.databricks.v1+cell"
_COUNTS = {"execution_count", "prompt_number"}
_NEEDED |= {"metadata", "vscode", "languageId", _DATABRICKS, *_COUNTS}  # the language of a cell


class DamagedError(Exception):
    """A text is not JSON throughout, so that its cells have to be searched for."""


class _UnreadableError(Exception):
    """There is nothing to grade in this file; this error never leaves the module."""

    def __init__(self, code: str, variant: str = "", **facts: object) -> None:
        super().__init__(code)
        self.problem = problem(code, variant, **facts)


def read(path: Path, *, name: str | None = None) -> Notebook:
    """Read a file; whatever it holds, and also if it is not there, the answer is a Notebook."""
    try:
        return read_available(path, name=name)
    except UnavailableError as error:
        return cannot_open(path.name if name is None else name, error.problem)


def read_available(
    path: Path, *, name: str | None = None, parse: Callable[[bytes, str], Notebook] | None = None
) -> Notebook:
    """Read a file; whatever it holds, the answer is a Notebook; `parse` reads its bytes.

    Raises
    ------
    UnavailableError
        If the file's bytes could not be had: it is away, the disk fails, permission or memory is missing.
    """
    name = path.name if name is None else name
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # a pipe would wait for ever
            return cannot_open(name, say("reading.open.not_a_file"))
        if status.st_size > SOURCE_LIMIT_BYTES:
            return too_large(name, status.st_size, sha256_of(path))
        data = path.read_bytes()
    except ValueError:  # a NUL in the name
        return cannot_open(name, say("reading.open.name"))
    except (OSError, MemoryError) as error:
        reason = fault_of_environment(error) or str(error)
        raise UnavailableError(reason, hint=say("reading.open.hint")) from None
    return (parse or _parse)(data, name)


def cannot_open(name: str, reason: str) -> Notebook:
    """Return the record of a file that cannot be opened."""
    return _unreadable(name, "", problem("cannot_open", reason=reason))


def not_read(name: str, reason: str) -> Notebook:
    """Return the record of a file whose bytes our surroundings kept from us: nothing is wrong with it that we know."""
    return Notebook(_encodable(name), "", "ok", (problem(NOT_READ, reason=reason),))


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file, never holding it whole; empty for a pipe or folder, which `read` refuses.

    Raises
    ------
    OSError
        If it cannot be read to its end.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        return ""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(2**20), b""):
            digest.update(block)
    return digest.hexdigest()


def too_large(name: str, size_bytes: int, sha256: str = "") -> Notebook:
    """Refuse a file for its size, which is named."""
    size_mb, limit_mb = -(-size_bytes // 2**20), SOURCE_LIMIT_BYTES / 2**20
    return _unreadable(name, sha256, problem("too_large", size_mb=size_mb, limit_mb=limit_mb))


def given_up(name: str, data: bytes, reached: str) -> Notebook:
    """Return the record of a file whose reading reached a limit, which `reached` names."""
    return _unreadable(name, hashlib.sha256(data).hexdigest(), reading_limit(reached))


def reading_limit(reached: str) -> Problem:
    """Return the problem of a file whose reading reached a limit, which `reached` names."""
    return problem("reading_limit", reached=reached)


def parse(data: bytes, name: str, *, repairs: bool = True) -> Notebook:
    """Read a file's bytes; whatever they hold, the answer is a Notebook.

    Raises
    ------
    DamagedError
        Without `repairs`, if it is not JSON throughout: to search damaged text costs many times what reading it does.
    """
    sha256 = hashlib.sha256(data).hexdigest()
    problems: list[Problem] = []
    try:
        cells = _read_cells(data, PurePosixPath(name).suffix.lower(), problems, repairs=repairs)
    except _UnreadableError as error:
        return _unreadable(name, sha256, error.problem)
    problems += _code_in_text(cells)
    repaired = any(noticed.code in _MENDED for noticed in problems)
    names = {cell.number: seen for cell in cells[:MOST_NAMES] if cell.number and (seen := cell.name)}
    status: NotebookStatus = "repaired" if repaired else "ok"
    return Notebook(_encodable(name), sha256, status, tuple(problems), tuple(cells), names)


_parse = parse  # for where `parse` is the name of an argument


def _unreadable(name: str, sha256: str, problem: Problem) -> Notebook:
    """Return the record of a file that cannot be read."""
    return Notebook(_encodable(name), sha256, "unreadable", (problem,))


def _read_cells(data: bytes, suffix: str, problems: list[Problem], *, repairs: bool) -> list[Cell]:
    """Return the cells; what was fixed or noticed goes to `problems`."""
    for magic, kind in _MAGIC.items():
        if re.match(magic, data):
            raise _UnreadableError("binary", kind=say(f"reading.kind.{kind}"))
    text = _decoded(data, suffix, problems)
    _refuse_other_texts(text, suffix)
    if _is_script(text, suffix):
        return _script_cells(text, suffix, problems)
    return _notebook_cells(text, problems, repairs=repairs)


def _refuse_other_texts(text: str, suffix: str) -> None:
    """Raise if this is certainly neither a notebook nor a script."""
    for beginning, code in _TEXTS.items():
        if re.match(beginning, text):
            raise _UnreadableError(code)
    start = text[:4096]
    if len(_CONTROL.findall(start)) > len(start) / 20:
        raise _UnreadableError("binary", kind=say("reading.kind.unknown"))
    if not _CELLS.search(text):
        _refuse_other_tools(text, suffix)


def _refuse_other_tools(text: str, suffix: str) -> None:
    """Raise if this is the format of another tool, which is named."""
    if suffix != ".py" and (re.match(r"\s*[{[]", text) or _DEEPNOTE.search(text)):
        for pattern, tool in _OTHER_TOOLS.items():
            if re.search(pattern, text, re.MULTILINE):
                kind, export = say(f"reading.kind.{tool}"), say(f"reading.export.{tool}")
                raise _UnreadableError("other_tool", kind=kind, export=export)


def _refuse_more(count: int, limit: int, parts: str) -> None:
    """Raise if there are so many parts that only a hostile file can have them."""
    if count > limit:
        raise _UnreadableError("too_many_parts", limit=limit, parts=say(f"reading.parts.{parts}"))


def _is_script(text: str, suffix: str) -> bool:
    """Whether the text is Python: by its first character, where the file's name does not tell or is wrong."""
    begins_as_json = re.match(r"\s*[{[]", text) is not None
    if suffix == ".py":
        return not (begins_as_json and _CELLS.search(text))
    return suffix != ".ipynb" and not begins_as_json


# --- bytes -> text -------------------------------------------------------------------------------------------------


def _decoded(data: bytes, suffix: str, problems: list[Problem]) -> str:
    """Return the text; unless it is UTF-8, or a script that declares its encoding, `problems` says how it was read."""
    if data.startswith(codecs.BOM_UTF8):
        problems.append(problem("bom"))
        data = data[len(codecs.BOM_UTF8) :]
    declared = _DECLARED.match(data[:1000]) if suffix == ".py" and not problems else None
    wide = next((encoding for beginning, encoding in _WIDE.items() if re.match(beginning, data)), None)
    if wide is None:
        with suppress(LookupError, UnicodeError):  # unknown or untrue: as if nothing were declared
            return data.decode(declared[1].decode() if declared else "utf-8")
    text, encoding = (data.decode(wide, "replace"), wide.upper()) if wide else _guessed(data)
    problems.append(problem("encoding", encoding=encoding))
    return text


def _guessed(data: bytes) -> tuple[str, str]:
    """Return the text of bytes that are not UTF-8 throughout, and the encoding that explains them best."""
    text = data.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    right = len(text) - len(text.encode("ascii", "ignore")) - wrong
    if right >= wrong:  # hardly a letter of an older encoding is UTF-8 by chance
        return text, say("reading.mostly_utf8")
    with suppress(UnicodeError):
        return data.decode("cp1252"), "Windows-1252"
    return data.decode("latin-1"), "Latin-1"


# --- text -> cells of a script -------------------------------------------------------------------------------------


def _script_cells(text: str, suffix: str, problems: list[Problem]) -> list[Cell]:
    """Return the cells of a script or of another tool's text: its own, or its parts from one `# %%` line to the next.

    Blank parts are not cells.
    """
    source, codes = _mended(text.replace("\r\n", "\n"))
    problems += [problem(code, where=say("reading.where.file")) for code in codes]
    if (parts := exports.parts(source, suffix)) is not None:
        _refuse_more(len(parts), _CELLS_LIMIT, "cells")
        if not parts:
            raise _UnreadableError("empty")
        return [Cell(part.kind, part.source, None, part.first_line) for part in parts]
    marks = [mark.start() for mark in islice(_PERCENT.finditer(source), _CELLS_LIMIT + 1)]
    _refuse_more(len(marks), _CELLS_LIMIT, "cells")
    borders = (0, *marks, len(source))
    cells, first_line = [], 1
    for begin, end in pairwise(borders):
        part = source[begin:end]
        kind = _PERCENT_KIND.match(part)
        if part.strip():
            cells.append(Cell(_KINDS[kind[1] or kind[2]] if kind else "code", part, None, first_line))
        first_line += part.count("\n")
    return cells


# --- text -> cells of a notebook -----------------------------------------------------------------------------------


def _notebook_cells(text: str, problems: list[Problem], *, repairs: bool) -> list[Cell]:
    """Return the cells of a notebook's JSON."""
    text = text.lstrip()
    if len(text) > _CONTAINERS_LIMIT:
        _refuse_more(text.count("[") + text.count("{"), _CONTAINERS_LIMIT, "containers")
    merged = _first_side(text)
    if merged != text:
        problems.append(problem("merge_conflict", where=say("reading.where.file")))
    document = _document(merged, problems, repairs=repairs)
    items = _items(document)
    _refuse_more(len(items), _CELLS_LIMIT, "cells")
    version = _version(document, items)
    if version < 4:
        problems.append(problem("old_format", version=version))
    if cells := _cells(items, problems, old=version < 4):
        return cells
    raise _UnreadableError("no_cells")


def _document(text: str, problems: list[Problem], *, repairs: bool) -> dict[str, object]:
    """Return what cells need of a JSON object."""
    constants: list[str] = []
    try:
        document, end = _decoder(constants).raw_decode(text)
    except (ValueError, RecursionError):
        if not repairs:
            raise DamagedError from None
        return _salvaged(text, _decoder([]), problems)
    rest = text[end:].strip()
    if not isinstance(document, dict):
        raise _not_json(text) if rest else _UnreadableError("no_cells")
    problems += [problem("trailing_data", start=_shown(rest))] if rest else []
    problems += [problem("nan", name=name) for name in constants[:1]]
    return document


def _decoder(constants: list[str]) -> json.JSONDecoder:
    """Return a decoder of one file that keeps of each object what cells need, so that outputs never pile up."""
    left = _OUTPUTS_LIMIT

    def needed(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
        nonlocal left
        needed_values = {key: value for key, value in pairs if key in _NEEDED}
        if "output_type" in needed_values and needed_values.keys() - {"metadata", *_COUNTS} <= _OUTPUT:
            return {"text": _printed(needed_values)}
        if "outputs" in needed_values:
            needed_values["outputs"] = text = _beginning(needed_values["outputs"], min(_OUTPUT_LIMIT, left))
            left -= len(text)
        return needed_values

    return json.JSONDecoder(
        object_pairs_hook=needed,
        parse_int=lambda digits: int(digits[:9]),  # no cell needs more, and Python refuses thousands
        parse_constant=constants.append,
        strict=False,
    )


def _printed(output: Mapping[str, object]) -> str:
    """Return the beginning of what one output shows as text; warnings are not what a cell prints."""
    if "stderr" in (output.get("name"), output.get("stream")):
        return ""
    if output["output_type"] == "stream":
        return _beginning(output.get("text"), _OUTPUT_LIMIT)
    data = output.get("data", output)  # formats 2 and 3 have no data
    shown = data.get("text/plain", data.get("text")) if isinstance(data, dict) else None
    return f"\n{_beginning(shown, _OUTPUT_LIMIT)}\n"


def _beginning(value: object, limit: int) -> str:
    """Return the first characters of a text, or of the texts or outputs in a list."""
    parts: list[str] = []
    for item in value if isinstance(value, list) else [value]:
        part = item.get("text") if isinstance(item, dict) else item
        if limit > 0 and isinstance(part, str):
            parts.append(part[:limit])
            limit -= len(part)
    return "".join(parts)


def _not_json(text: str) -> _UnreadableError:
    """Return the error of a text that is not JSON; a script is told how to be handed in as one."""
    script = re.search(r"^(?:import|from|def|class|#) ", text, re.MULTILINE)
    return _UnreadableError(
        "not_json", start=_shown(text), advice=say("reading.advice.script" if script else "reading.advice.again")
    )


def _salvaged(text: str, decoder: json.JSONDecoder, problems: list[Problem]) -> dict[str, object]:
    """Return the cells of JSON that is cut off or damaged; what is lost is named, and nothing else."""
    salvaged = salvage(text, decoder)
    if salvaged is None:
        raise _not_json(text)
    count = sum(cell is not None for cell in salvaged.cells)
    if count == 0:
        raise _UnreadableError("truncated_json", "none", download=say("reading.advice.download"))
    problems.append(problem("damaged_json" if salvaged.complete else "truncated_json", count=count))
    problems += [
        problem("damaged_function", where=_where([number]), function=_shown(name))
        for number, name in islice(dict.fromkeys(salvaged.lost_functions), _LISTED)
    ]
    return {"cells": salvaged.cells}


def _items(document: Mapping[str, object]) -> list[object]:
    """Return what is in the list of cells, or in those of the worksheets of formats 2 and 3."""
    worksheets = document.get("worksheets")
    sheets = [document, *(worksheets if isinstance(worksheets, list) else [])]
    lists = (sheet.get("cells") for sheet in sheets if isinstance(sheet, dict))
    return [item for items in lists if isinstance(items, list) for item in items]


def _version(document: Mapping[str, object], items: Sequence[object]) -> int:
    """Return the format that the notebook says it has, or else seems to have, as one of format 1 or cut off does.

    Not by nbformat, which takes up to 2 s to import, writes to stderr, and refuses a cell without outputs.
    """
    keys = {key for item in items if isinstance(item, dict) for key in item}
    seeming = 1 if "code" in keys else 3 if "input" in keys or "worksheets" in document else 4
    declared = document.get("nbformat")
    return declared if type(declared) is int and declared > 0 else seeming


# --- cells ---------------------------------------------------------------------------------------------------------


def _cells(items: Sequence[object], problems: list[Problem], *, old: bool) -> list[Cell]:
    """Return the cells; an oddity that several cells show is one problem."""
    cells: list[Cell] = []
    noticed = {"duplicate_ids": repeated} if (repeated := _repeated_ids(items)) else {}
    for number, item in enumerate(items, 1):
        cell, codes = _cell(item, number, old=old)
        cells += [cell] if cell else []
        for code in codes:
            noticed.setdefault(code, []).append(number)
    problems += [problem(code, where=_where(numbers)) for code, numbers in noticed.items()]
    return cells


def _cell(item: object, number: int, *, old: bool) -> tuple[Cell | None, list[str]]:
    """Return one cell, and the codes of what was fixed or noticed."""
    if not isinstance(item, dict):
        return None, ["bad_cell"]
    name = item.get("cell_type")
    kind = _KINDS.get(name) if isinstance(name, str) else None
    text, whole = _source(item, old=old)
    if kind == "code" and (other := _other_language(item, text)):
        kind = other
    source, codes = _mended(text)
    codes += ["bad_cell"] * (not whole) + ["unknown_type"] * (kind is None)
    output = item.get("outputs") if kind == "code" else None
    printed = _encodable(output) if isinstance(output, str) else ""
    return Cell(kind or "raw", source, number, output=printed, count=_count(item) if kind == "code" else None), codes


def _count(item: Mapping[str, object]) -> int | None:
    """Return the execution count that Jupyter shows beside a cell, if it has been run."""
    count = item.get("execution_count", item.get("prompt_number"))
    return count if type(count) is int and 0 < count < MOST_COUNT else None


def _other_language(item: Mapping[str, object], source: str) -> CellKind | None:
    """Return what a code cell is that VS Code or Databricks marks as one of another language, None if it is Python."""
    metadata = item.get("metadata")
    marks = metadata if isinstance(metadata, dict) else {}
    vscode = marks.get("vscode")
    language = vscode.get("languageId") if isinstance(vscode, dict) else None
    if isinstance(language, str) and language != "python":
        return "markdown" if language == "markdown" else "raw"
    language = exports.cell_language(source)
    if language is not None and (_DATABRICKS in marks or language.startswith("md")):
        return "markdown" if language.startswith("md") else "raw"
    return None


def _source(item: Mapping[str, object], *, old: bool) -> tuple[str, bool]:
    """Return a cell's text, and whether that is all there was."""
    value = next((item[key] for key in _SOURCES if key in item), "")
    parts = value if isinstance(value, list) else [value]
    lines = [part for part in parts if isinstance(part, str)]
    bare = old and lines and not lines[0].endswith(("\n", "\r"))  # formats 2 and 3 may leave out the ends of lines
    return ("\n" if bare else "").join(lines), len(lines) == len(parts)


def _repeated_ids(items: Sequence[object]) -> list[int]:
    """Return the numbers of the cells whose id an earlier cell has."""
    first: dict[str, int] = {}
    ids = ((number, item.get("id")) for number, item in enumerate(items, 1) if isinstance(item, dict))
    return [number for number, name in ids if isinstance(name, str) and first.setdefault(name, number) != number]


def _code_in_text(cells: Sequence[Cell]) -> Iterator[Problem]:
    """Yield a problem for each of the first required functions in a cell that is not code."""
    texts = (cell for cell in cells if cell.kind != "code")
    definitions = ((cell, match[1]) for cell in texts for match in _DEFINITION.finditer(cell.source))
    for cell, function in islice(definitions, _LISTED):
        where = _where([cell.number]) if cell.number else say("reading.where.line", line=cell.first_line)
        yield problem("code_in_markdown", where=where, kind=cell.kind, function=_shown(function))


# --- fixing sources -----------------------------------------------------------------------------------------------


def _mended(source: str) -> tuple[str, list[str]]:
    """Return a source as Python and UTF-8 can hold it, and the codes of what was fixed."""
    codes = []
    for code, fix in _MENDERS.items():
        fixed = fix(source)
        codes += [code] if fixed != source else []
        source = fixed
    return source, codes


def _encodable(text: str) -> str:
    """Return the text without what UTF-8 and Python's parser refuse."""
    if text.isascii() and "\0" not in text:  # which is known at once
        return text
    return re.sub("[\0\ud800-\udfff]", "\ufffd", text)


def _first_side(text: str) -> str:
    """Return the text with the first side of each Git conflict; what goes leaves blank lines, so all numbers hold."""
    if "<<<<<<<" not in text:
        return text
    side, lines = "", []
    for line in text.split("\n"):
        turn = _TURNS.get((side, line[:8].rstrip()))
        lines.append(line if turn is None and side != "other" else "")
        side = side if turn is None else turn
    return text if side else "\n".join(lines)


_MENDERS: Mapping[str, Callable[[str], str]] = {
    "line_endings": lambda text: text.replace("\r\n", "\n").replace("\r", "\n"),
    "bad_characters": _encodable,
    "merge_conflict": _first_side,
}
_TURNS = {  # side and marker -> next side
    ("", "<<<<<<<"): "first",
    ("first", "|||||||"): "other",
    ("first", "======="): "other",
    ("other", ">>>>>>>"): "",
}


# --- words ---------------------------------------------------------------------------------------------------------


def _where(numbers: Sequence[int]) -> str:
    """Return cells as the beginning of a sentence names them: Cell 3, cell 4 and cell 7."""
    texts = [say("list.place.cell", cell=number) for number in numbers[:_LISTED]]
    names = [marked(text if index else capitalized(text)) for index, text in enumerate(texts)]
    if len(numbers) > _LISTED:
        names.append(say("reading.where.more", count=len(numbers) - _LISTED))
    return listed(names)


def _shown(text: str) -> str:
    """Return the beginning of untrusted text, on one line, without anything invisible."""
    letters = (letter if letter.isprintable() else " " for letter in text[: 4 * _SHOWN_CHARACTERS])
    visible = " ".join("".join(letters).split())
    return visible if len(visible) <= _SHOWN_CHARACTERS else visible[: _SHOWN_CHARACTERS - 1] + "…"
