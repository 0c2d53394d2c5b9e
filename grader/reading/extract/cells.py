"""A code cell as Python would see it: IPython's own syntax set aside, broken parts left out, line numbers kept."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, wraps
from itertools import pairwise
from typing import TypeVar

from grader.records import Cell, Place

Made = TypeVar("Made")

PYTHON_MAGICS = frozenset({"time", "timeit", "capture", "prun", "memit", "mprun", "python", "python3", "pycache"})

_CELL_MAGIC = re.compile(r"\s*%%(\w+)")
_OTHER_LANGUAGE = re.compile(r"\s*%(?:sql|scala|r|sh|md|fs)[ \t]*\n")  # how a cell of Databricks begins
_PYLAB = re.compile(r"(\s*)%pylab\b.*$")
_RUN_LINE = re.compile(r"(\s*)%(?:time|prun)\s+(?!-)(.*\S.*)$")
_MAGIC_LINE = re.compile(r"(\s*)(?:[%!?,;/].*|%{0,2}[\w.*]+\?{1,2}\s*;?\s*)$")
_MAGIC_VALUE = re.compile(r"(\s*\w[\w, .\[\]'\"]*=\s*)([%!]).*$")
_WRITTEN = re.compile(r"\s*%%(?:writefile|file)[ \t]+(-a[ \t]+)?[\"']?(?:\./)?(\w+)\.py[\"']?[ \t]*$", re.MULTILINE)
_RUN_FILE = re.compile(r"^[ \t]*%run[ \t]+(?:-\w[ \t]+)*[\"']?(?:\./)?(\w+)(?:\.py)?[\"']?[ \t]*$", re.MULTILINE)
_TOKEN = re.compile(r"\\.|\"\"\"|\'\'\'|[\"\'#]|[\[({]|[\])}]")
_PROMPT = re.compile(r"\A(?:In \[\d*\]: ?|[ \t]*\.{3,}: ?|>>> ?|\.\.\. ?)")
_CONTINUES = re.compile(r"[)\]}#]|(?:else|elif|except|finally)\b")
_NOTHING_MORE = re.compile(rb"[ \t\f\r\v]*(?:#|$)")
MOST_INDENT = 1000  # columns; Python reads no more than a hundred levels
_TOO_DEEP = "it is nested too deeply to be read"
_TOO_LONG = "it is too long to be read as code"
REMEMBERED, REMEMBERED_CHARACTERS = 128, 10_000  # texts whose syntax trees are kept: so many, of at most so much text
TEXTS = 1000  # texts of which only something small is kept
MOST_CHARACTERS = 1_000_000  # of a notebook's code: parsing takes a hundred times the memory of the text


@dataclass(frozen=True, slots=True)
class Broken:
    """A piece of a cell that Python cannot parse: its text, its first line in the cell, and what Python says."""

    text: str
    first_line: int
    problem: str
    line: int


@dataclass(frozen=True)
class Code:
    """A code cell: the text that was parsed (as many lines as the cell has), its statements, its broken pieces."""

    cell: Cell
    text: str
    statements: tuple[ast.stmt, ...]
    broken: tuple[Broken, ...] = ()

    @cached_property
    def lines(self) -> list[str]:
        """The lines of the text."""
        return self.text.split("\n")

    @cached_property
    def _encoded(self) -> list[bytes]:
        """The lines as Python counts their columns."""
        return [line.encode("utf-8", "surrogatepass") for line in self.lines]

    def place(self, node: ast.AST) -> Place:
        """Return where a statement or expression of this cell begins."""
        return self.cell.place(getattr(node, "lineno", 1))

    def segment(self, node: ast.stmt) -> str:
        """Return the source of a statement, decorators and all, brought to the left margin."""
        decorators = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
        last = node.end_lineno or node.lineno
        if decorators or self._is_alone(node, last):
            lines = self.lines[first - 1 : last]
            indent = re.match(r"\s*", lines[0]).group()  # type: ignore[union-attr]  # \s* matches any text
            return "\n".join(line.removeprefix(indent) for line in lines)
        pieces = self._encoded[first - 1 : last]
        pieces[-1] = pieces[-1][: node.end_col_offset]
        pieces[0] = pieces[0][node.col_offset :]
        return b"\n".join(pieces).decode("utf-8", "surrogatepass")

    def _is_alone(self, node: ast.stmt, last: int) -> bool:
        """Return whether a statement has its lines for itself; a line that holds thousands is not looked through for each."""
        before = self._encoded[node.lineno - 1][: node.col_offset][-MOST_INDENT:]
        return not before.strip() and _NOTHING_MORE.match(self._encoded[last - 1], node.end_col_offset or 0) is not None


def read(cell: Cell) -> Code:
    """Parse a code cell; what does not parse is kept apart and does no harm to the rest."""
    return Code(cell, *_parsed(cell.source))


def remembered(most: int) -> Callable[[Callable[[str], Made]], Callable[[str], Made]]:
    """Keep what was made of the last short texts: most cells are the course's own, the same in a whole class."""

    def keeping(make: Callable[[str], Made]) -> Callable[[str], Made]:
        kept = lru_cache(most)(make)

        @wraps(make)
        def made(text: str) -> Made:
            return kept(text) if len(text) <= REMEMBERED_CHARACTERS else make(text)

        return made

    return keeping


@remembered(REMEMBERED)
def _parsed(source: str) -> tuple[str, tuple[ast.stmt, ...], tuple[Broken, ...]]:
    for text in _readings(source):
        try:
            return text, tuple(parse(text).body), ()
        except SyntaxError:
            continue
    text = _plain(source, strict=False)
    pieces = list(_pieces(text))
    statements = [statement for piece in pieces if not isinstance(piece, Broken) for statement in piece]
    return text, tuple(statements), tuple(piece for piece in pieces if isinstance(piece, Broken))


def too_long(cell: Cell) -> Code:
    """Leave a cell unread; its text is in the way of everybody else's."""
    return Code(cell, "", (), (Broken(cell.source[:1000], 1, _TOO_LONG, 1),))


def parse(text: str) -> ast.Module:
    """Parse `text`; every way in which it cannot be parsed is a SyntaxError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a student's "\d" is not our warning
        try:
            return ast.parse(text)
        except (RecursionError, MemoryError):
            raise SyntaxError(_TOO_DEEP) from None
        except ValueError as error:  # a NUL character
            raise SyntaxError(str(error)) from None


def _readings(source: str) -> Iterator[str]:
    """Yield the cell's text as it stands and then with IPython's syntax set aside."""
    magic = _CELL_MAGIC.match(source)
    if _OTHER_LANGUAGE.match(source):
        yield ""
    elif not magic:
        yield source
        yield _plain(source)
        yield _plain(source, strict=False)
    elif magic.group(1) in PYTHON_MAGICS:
        yield from _readings(_without_first_line(source))
    else:
        yield ""  # another language: %%bash, %%html


def _without_first_line(source: str) -> str:
    blank, magic, rest = source.partition(source.lstrip().split("\n", 1)[0])
    return blank + " " * bool(magic and not rest) + rest


def _plain(source: str, *, strict: bool = True) -> str:
    """Return the source without magics, shell lines, prompts and a leading indentation, line for line.

    A magic begins a statement: not inside brackets, a text or a continued line.  A source in which brackets are left open is
    read without that rule, which is `strict`.
    """
    lines = source.split("\n")
    first = next((line for line in lines if line.strip()), "")
    if _PROMPT.match(first):
        first = _PROMPT.sub("", first, count=1)
    indent = first[: len(first) - len(first.lstrip())]
    plain: list[str] = []
    state = _Open()
    goes_on = False  # a magic over several lines
    for line in lines:
        if goes_on:
            plain.append("")
            goes_on = line.endswith("\\")
            continue
        begins = not strict or state.begins
        text = (_PROMPT.sub("", line, count=1) if begins else line).removeprefix(indent)
        code = _without_magic(text) if begins else text
        plain.append(code)
        goes_on = code != text and text.endswith("\\") and not _RUN_LINE.match(text)
        if not goes_on:
            state = state.after(code)
    return "\n".join(plain)


@dataclass(frozen=True, slots=True)
class _Open:
    """What is open at the end of a line: a quote, brackets, a line that goes on."""

    quote: str = ""
    brackets: int = 0
    goes_on: bool = False

    @property
    def begins(self) -> bool:
        """Whether the next line begins a statement."""
        return not (self.quote or self.brackets or self.goes_on)

    def after(self, line: str) -> _Open:
        """Return what is open at the end of the next line."""
        quote, brackets = self.quote, self.brackets
        for mark in _TOKEN.findall(line):
            if quote:
                quote = "" if mark == quote else quote
            elif mark == "#":
                return _Open(quote, brackets)
            elif mark[0] in "\"'":
                quote = mark
            elif mark in "[({":
                brackets += 1
            elif mark in "])}":
                brackets = max(0, brackets - 1)
        goes_on = line.endswith("\\")
        return _Open(quote if len(quote) == 3 or goes_on else "", brackets, goes_on)


def _without_magic(line: str) -> str:
    if run := _RUN_LINE.match(line):
        return f"{run.group(1)}{run.group(2)}"
    if pylab := _PYLAB.match(line):  # its options say where plots appear, and whether the star is wanted
        names = "" if "--no-import-all" in line else "; from pylab import *"
        return f"{pylab.group(1)}import numpy; import numpy as np; from matplotlib import pyplot as plt{names}"
    if whole := _MAGIC_LINE.match(line):
        return f"{whole.group(1)}pass"
    if value := _MAGIC_VALUE.match(line):
        return f"{value.group(1)}{'None' if value.group(2) == '%' else '[]'}"
    return line


# --- cells inside cells --------------------------------------------------------------------------------------------


def unfolded(code: Code) -> Iterator[Code]:
    """Yield a cell's code, in order, with the cells that it runs as texts: scripts made by nbconvert do that for magics."""
    rest: list[ast.stmt] = []
    pending = code
    for statement in code.statements:
        inner = _cell_as_text(statement)
        if inner is None:
            rest.append(statement)
            continue
        yield replace(pending, statements=tuple(rest))
        rest, pending = [], replace(code, broken=())
        place = code.place(statement)
        yield from unfolded(read(Cell("code", inner, place.cell, place.line - 1)))
    yield pending if len(rest) == len(pending.statements) else replace(pending, statements=tuple(rest))


def _cell_as_text(statement: ast.stmt) -> str | None:
    """Return the cell that `get_ipython().run_cell_magic(name, line, cell)` or `exec(text)` runs, a magic on the first line."""
    call = statement.value if isinstance(statement, ast.Expr) else None
    if not isinstance(call, ast.Call):
        return None
    if isinstance(call.func, ast.Name) and call.func.id == "exec" and len(call.args) == 1:
        return _text_to_run(call.args[0])
    method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    values = [argument.value for argument in call.args if isinstance(argument, ast.Constant)]
    texts = [value for value in values if isinstance(value, str)]
    if method == "run_cell_magic" and len(texts) == 3:
        return f"%%{texts[0]} {texts[1]}\n{texts[2]}"
    if method == "run_line_magic" and len(texts) == 2 and texts[0] in ("time", "run"):
        return f"\n%{texts[0]} {texts[1]}"
    return texts[0] if method == "run_cell" and len(texts) == 1 else None


def _text_to_run(argument: ast.expr) -> str | None:
    """Return the text in `exec("...")` or `exec(compile("...", name, "exec"))`, None if it is not written there."""
    if isinstance(argument, ast.Call) and isinstance(argument.func, ast.Name) and argument.func.id == "compile":
        argument = argument.args[0] if argument.args else argument
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        return argument.value
    return None


def with_written_modules(codes: list[Code]) -> list[Code]:
    """Return code with the modules that `%%writefile` cells write read where they are imported, or run with `%run`.

    Their names become names of the notebook: `from module import *` and `import module` alike.
    """
    written: dict[str, list[Cell]] = {}
    for code in codes:
        if found := _WRITTEN.match(code.cell.source):
            body = replace(
                code.cell, source=code.cell.source[found.end() + 1 :], first_line=_line_after(code.cell, found)
            )
            written[found.group(2)] = [*(written.get(found.group(2), []) if found.group(1) else []), body]
    if not written:
        return codes
    result: list[Code] = []
    read_already: set[str] = set()
    for code in codes:
        names = [name for name in _RUN_FILE.findall(code.cell.source) if name in written]
        names += [name for name in _imported(code) if name in written and name not in read_already]
        for name in dict.fromkeys(names):
            read_already.add(name)
            result += [part for cell in written[name] for part in unfolded(read(cell))]
        result += _without_imports_of(code, written)
    return result


def _line_after(cell: Cell, found: re.Match[str]) -> int:
    """Return the line of the file, or of the cell, that follows the line of a magic."""
    return cell.first_line + cell.source[: found.end()].count("\n") + 1


def _imported(code: Code) -> list[str]:
    """Return the modules that the statements of a cell import, by their full names."""
    names: list[str] = []
    for statement in code.statements:
        if isinstance(statement, ast.Import):
            names += [alias.name for alias in statement.names]
        elif isinstance(statement, ast.ImportFrom) and statement.module:
            names.append(statement.module)
    return names


def _without_imports_of(code: Code, written: Mapping[str, list[Cell]]) -> Iterator[Code]:
    """Yield code with each import of a written module replaced by what gives its names."""
    kept: list[ast.stmt] = []
    pieces: list[Code] = []
    for statement in code.statements:
        texts = _assignments_for(statement, written)
        if texts is None:
            kept.append(statement)
        else:
            place = code.place(statement)
            pieces += [read(Cell("code", text, place.cell, place.line)) for text in texts]
    yield from pieces
    yield code if len(kept) == len(code.statements) else replace(code, statements=tuple(kept))


def _assignments_for(statement: ast.stmt, written: Mapping[str, list[Cell]]) -> list[str] | None:
    """Return what an import of a written module does to the notebook's names; None if it is another statement."""
    if isinstance(statement, ast.ImportFrom) and statement.module in written:
        aliases = [alias for alias in statement.names if alias.asname not in (None, alias.name)]
        return [f"{alias.asname} = {alias.name}" for alias in aliases]
    if isinstance(statement, ast.Import) and any(alias.name in written for alias in statement.names):
        return [
            _as_class(alias.asname or alias.name, written[alias.name])
            if alias.name in written
            else ast.unparse(ast.Import([alias]))
            for alias in statement.names
        ]
    return None


def _as_class(name: str, cells: list[Cell]) -> str:
    """Return the assignment of a class that has the names of a module."""
    statements = [statement for cell in cells for statement in read(cell).statements]
    names = dict.fromkeys(own for statement in statements for own in _names_bound_by(statement))
    entries = ", ".join(f"{own!r}: {own}" for own in names)
    return f"{name} = type({name!r}, (), {{{entries}}})"


def _names_bound_by(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement of a module gives the module."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.Import | ast.ImportFrom):
        names = [alias.asname or alias.name.partition(".")[0] for alias in statement.names]
        yield from (name for name in names if name != "*")
    else:
        targets = [*getattr(statement, "targets", []), getattr(statement, "target", None)]
        parts = [part for target in targets if target for part in getattr(target, "elts", [target])]
        yield from (part.id for part in parts if isinstance(part, ast.Name))


def _pieces(text: str) -> Iterator[list[ast.stmt] | Broken]:
    """Parse every top-level piece of a text that does not parse as a whole."""
    lines = text.split("\n")
    starts = [*_starts(lines), len(lines)]
    for start, end in pairwise(starts):
        piece = "\n".join(lines[start:end])
        try:
            yield [ast.increment_lineno(statement, start) for statement in parse(piece).body]
        except SyntaxError as error:
            line = start + max(error.lineno or 0, 1)
            yield Broken(piece, start + 1, _said(error), min(line, end))


def _starts(lines: list[str]) -> Iterator[int]:
    """Yield the index of each line that begins a top-level statement, as far as one can tell without parsing."""
    quote, decorated = "", False
    for index, line in enumerate(lines):
        begins = not quote and line[:1].strip() != "" and not _CONTINUES.match(line)
        if begins and not decorated:
            yield index
        if begins:
            decorated = line.startswith("@")
        quote = _open_quote(line, quote)


def _open_quote(line: str, quote: str) -> str:
    """Return the triple quote that is open at the end of a line, given the one open at its start."""
    for mark in re.findall(r'"""|\'\'\'|#', line):
        if mark == "#":
            if not quote:
                break
        elif not quote:
            quote = mark
        elif mark == quote:
            quote = ""
    return quote


def _said(error: SyntaxError) -> str:
    """Return Python's own words without a line number: it is counted in a piece of the cell, and ours in the cell."""
    return re.sub(r" on line \d+", "", str(error.msg).split(" (<unknown>", 1)[0])
