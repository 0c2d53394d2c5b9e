"""Tables that an LMS exports and takes back: read as they were written, one column of them found."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from grader.errors import RequestError
from grader.files import replacing
from grader.lms.common.points import equal, exact, number
from grader.lms.common.system import Export
from grader.messages import refusal, say

DELIMITERS = (",", ";", "\t")
MOST_BYTES = 256 << 20
_MARKS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be", b"\xef\xbb\xbf": "utf-8"}


@dataclass(frozen=True, slots=True)
class TextFormat:
    """A text file as it was: its encoding, whether it began with a byte order mark, and how its lines end."""

    text: str
    encoding: str
    marked: bool

    @property
    def newline(self) -> str:
        """How the lines end."""
        return "\r\n" if "\r\n" in self.text else "\n"


def read_text(path: Path) -> TextFormat:
    """Read a text file: UTF-16 where it begins with the mark of it, else UTF-8.

    Raises
    ------
    RequestError
        If it is not there, too large, or in another encoding.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise refusal("lms.unreadable", path=path, reason=error.strerror, hint="lms.give_export.hint") from None
    if len(data) > MOST_BYTES:
        raise refusal("lms.table_too_large", path=path, hint="lms.give_export.hint")
    mark = next((mark for mark in _MARKS if data.startswith(mark)), b"")
    encoding = _MARKS.get(mark, "utf-8")
    try:
        return TextFormat(data[len(mark) :].decode(encoding), encoding, bool(mark))
    except UnicodeDecodeError:
        raise refusal("lms.not_utf8", path=path) from None


def write_text(path: Path, text: str, like: TextFormat) -> None:
    """Write a text file in the encoding of another, with its byte order mark where it had one."""
    mark = next(mark for mark, encoding in _MARKS.items() if encoding == like.encoding) if like.marked else b""
    with replacing(path, private=True) as draft:
        draft.write(mark + text.encode(like.encoding))


def rows(text: str, delimiter: str, path: Path) -> list[list[str]]:
    """Return the cells of a table (RFC 4180).

    Raises
    ------
    RequestError
        If it cannot be read; the message names the line.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        return [row for row in reader if row]
    except csv.Error as error:
        raise refusal(
            "lms.no_table", path=path, line=reader.line_num, reason=error, hint="lms.give_export.hint"
        ) from None


def delimiter(text: str) -> str:
    """Return the mark that cuts the header of a table into most cells."""
    head = text.lstrip().partition("\n")[0]
    return max(DELIMITERS, key=lambda mark: len(cells(head, mark)))


def cells(line: str, delimiter: str) -> list[str]:
    """Return the cells of a single line, none if it is not a line of a table."""
    try:
        return next(csv.reader([line.rstrip("\r\n")], delimiter=delimiter), [])
    except csv.Error:
        return []


def lines(table: Iterable[Sequence[str]], delimiter: str, newline: str, *, quoting: int = csv.QUOTE_MINIMAL) -> str:
    """Return a table as text (RFC 4180)."""
    output = io.StringIO(newline="")
    rows = ([cell.replace("\0", "\ufffd") for cell in row] for row in table)  # csv refuses it before Python 3.11
    csv.writer(output, delimiter=delimiter, lineterminator=newline, quoting=quoting).writerows(rows)  # type: ignore[arg-type]  # one of csv's
    return output.getvalue()


@dataclass(frozen=True, slots=True)
class Column:
    """A column that may be an assignment's: its place, header, title without what the LMS adds, id, and points."""

    index: int
    header: str
    title: str
    id: str = ""
    possible: Decimal | None = None


@dataclass(slots=True)
class FilledTable:
    """The rows that are written to an LMS's table, and what became of the grades that were in it."""

    rows: list[list[str]] = field(default_factory=list)
    attention: list[str] = field(default_factory=list)
    new: int = 0
    changed: int = 0
    same: int = 0

    def count(self, before: Decimal | None, grade: Decimal) -> bool:
        """Count a grade as new, the same or changed, and return whether another grade was there."""
        if before is None:
            self.new += 1
        elif equal(before, grade):
            self.same += 1
        else:
            self.changed += 1
            return True
        return False

    def counted(self, column: Column) -> str:
        """Return how many grades were filled into a column, and what became of those that were there."""
        return say(
            "lms.column_filled",
            header=column.header,
            count=self.new + self.changed + self.same,
            new=self.new,
            changed=self.changed,
            same=self.same,
        )


def choose(columns: Sequence[Column], request: Export) -> Column:
    """Return the assignment's column: the one asked for, else by its id, else by the exercise's title or points.

    A title that only holds the exercise's may be another assignment's: where its points differ, somebody has to say yes.

    Raises
    ------
    RequestError
        If none fits, or two do; the message names them.
    """
    wanted, title, whole = request.column, request.title, exact(request.possible)
    if wanted is not None:
        choices = [column for column in columns if wanted and wanted in {column.id, column.header}]
        choices = choices or [column for column in columns if _same(column.title, wanted)]
    else:
        choices = [column for column in columns if column.id and column.id == request.assignment_id]
    is_certain = bool(choices)
    if not choices and wanted is None:
        choices = [column for column in columns if _may_be(column, title, whole)]
        titled = [column for column in choices if _same(column.title, title)]
        agreeing = [column for column in titled if column.possible in {None, whole}]
        if len(titled) == 1 and whole not in {column.possible for column in choices}:
            agreeing = titled
        choices = agreeing if len(agreeing) == 1 else choices
        is_certain = bool(titled)
    if len(choices) > 1:
        raise refusal("lms.several_columns", choices=_headers(choices))
    if not choices:
        raise RequestError(
            say("lms.no_column.wanted", wanted=wanted, columns=_headers(columns) or "-")
            if wanted is not None
            else say(
                "lms.no_column.by_title", title=title, possible=request.possible, columns=_headers(columns) or "-"
            ),
            hint=say("lms.no_column.hint"),
        )
    column = choices[0]
    if not is_certain and column.possible not in {None, whole}:
        values = {"column": _headers(choices), "whole": number(whole)}
        if request.ask is None or not request.ask(say("lms.only_column.question", **values)):
            raise refusal("lms.only_column", **values)
    return column


def _may_be(column: Column, title: str, whole: Decimal) -> bool:
    return plain(title) in plain(column.title) or column.possible == whole


def plain(text: str) -> str:
    """Return text as it is compared: composed, without blanks around it, in lower case."""
    return unicodedata.normalize("NFC", text).strip().casefold()


def _same(first: str, other: str) -> bool:
    return plain(first) == plain(other)


def _headers(columns: Sequence[Column]) -> str:
    named = (
        repr(column.header)
        if column.possible is None
        else say("lms.column_points", header=column.header, points=number(column.possible))
        for column in columns[:10]
    )
    return ", ".join(named) + (", …" if len(columns) > 10 else "")
