"""A code cell as Python would see it: IPython's own syntax set aside, broken parts left out, line numbers kept."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

from grader.messages import say
from grader.reading.extract.facts import SyntaxFacts
from grader.records import Cell, Place

PYTHON_MAGICS = frozenset({"time", "timeit", "capture", "prun", "memit", "mprun", "python", "python3", "pycache"})

_CELL_MAGIC = re.compile(r"\s*%%(\w+)")
_OTHER_LANGUAGE = re.compile(r"\s*%(?:sql|scala|r|sh|md|fs)[ \t]*\n")  # how a cell of Databricks begins
_PYLAB = re.compile(r"(\s*)%pylab\b.*$")
_RUN_LINE = re.compile(r"(\s*)%(?:time|prun)\s+(?!-)(.*\S.*)$")
_MAGIC_LINE = re.compile(r"(\s*)(?:[%!?,;/].*|%{0,2}[\w.*]+\?{1,2}\s*;?\s*)$")
_MAGIC_VALUE = re.compile(r"(\s*\w[\w, .\[\]'\"]*=\s*)([%!]).*$")
_TOKEN = re.compile(r"\\.|\"\"\"|\'\'\'|[\"\'#]|[\[({]|[\])}]")
_PROMPT = re.compile(r"\A(?:In \[\d*\]: ?|[ \t]*\.{3,}: ?|>>> ?|\.\.\. ?)")
_CONTINUES = re.compile(r"[)\]}#]|(?:else|elif|except|finally)\b")
_NOTHING_MORE = re.compile(rb"[ \t\f\r\v]*(?:#|$)")
MOST_INDENT = 1000  # columns; Python reads no more than a hundred levels
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
    """A code cell: the text that was parsed (as many lines as the cell has), its statements, its broken pieces.

    `facts` has what was worked out of these statements.
    """

    cell: Cell
    text: str
    statements: tuple[ast.stmt, ...]
    broken: tuple[Broken, ...] = ()
    facts: SyntaxFacts = field(default_factory=SyntaxFacts, compare=False, repr=False)

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


def read(cell: Cell, facts: SyntaxFacts) -> Code:
    """Return a code cell with its syntax tree; what does not parse is kept apart from the rest."""
    return Code(cell, *facts.of(parsed, cell.source), facts)


def parsed(source: str) -> tuple[str, tuple[ast.stmt, ...], tuple[Broken, ...]]:
    """Return what Python can read of a cell's text: the text, its statements, and the pieces that it cannot read."""
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
    """Return a cell that is too long to be parsed, with a note that says so."""
    return Code(cell, "", (), (Broken(cell.source[:1000], 1, say("reading.code.too_long"), 1),))


def parse(text: str) -> ast.Module:
    """Parse `text`; every way in which it cannot be parsed is a SyntaxError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a student's "\d" is not our warning
        try:
            return ast.parse(text)
        except (RecursionError, MemoryError):
            raise SyntaxError(say("reading.code.too_deep")) from None
        except ValueError as error:  # a NUL character
            raise SyntaxError(str(error)) from None


def _readings(source: str) -> Iterator[str]:
    """Yield the cell's text unchanged, and then with IPython's syntax set aside."""
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
    """What is open at the end of a line: a quote, brackets, or a line that continues."""

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
        imports = ["import numpy", "import numpy as np", "from matplotlib import pyplot as plt"]
        if "--no-import-all" not in line:
            imports.append("from pylab import *")
        return pylab.group(1) + "; ".join(imports)
    if whole := _MAGIC_LINE.match(line):
        return f"{whole.group(1)}pass"
    if value := _MAGIC_VALUE.match(line):
        call = "run_line_magic('', '')" if value.group(2) == "%" else "getoutput('')"
        return f"{value.group(1)}get_ipython().{call}"
    return line


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
