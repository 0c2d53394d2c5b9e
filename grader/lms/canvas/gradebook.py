"""Canvas's gradebook: read as it is exported, written as it is imported.

The rules are those of `lib/gradebook_exporter.rb` and `lib/gradebook_importer.rb`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.lms.canvas.names import is_id
from grader.lms.common import tables
from grader.lms.common.points import as_number
from grader.lms.common.tables import Column
from grader.messages import refusal

_ASSIGNMENT = re.compile(r"(?P<title>.*)\s\((?P<id>\d+)\)", re.ASCII | re.DOTALL)
_COMPUTED = re.compile(r"(?:Current|Final) (?:Score|Points|Grade)|Override (?:Score|Grade|Status)")
_READ_ONLY = "(read only)"


@dataclass(frozen=True, slots=True)
class Gradebook:
    """A gradebook as Canvas exports it: its header, the row of points if it has one, and a row a student."""

    path: Path
    text: tables.TextFormat
    delimiter: str
    header: Sequence[str]
    points: Sequence[str] | None
    students: Sequence[Sequence[str]]
    identity: int

    @property
    def id_column(self) -> int:
        """The place of Canvas's own id of a student."""
        return 1 if "Student" in self.header[0] else 2

    def columns(self) -> Iterator[Column]:
        """Yield the columns of assignments that Canvas takes back."""
        for index in range(self.identity, len(self.header)):
            header, points = self.header[index], self._points(index)
            match = _ASSIGNMENT.fullmatch(header)
            if match and not _COMPUTED.search(header) and _READ_ONLY not in points:
                yield Column(index, header, match["title"], match["id"], as_number(points))

    def _points(self, index: int) -> str:
        return self.points[index] if self.points and index < len(self.points) else ""


def read(path: Path) -> Gradebook:
    """Read a gradebook.

    Raises
    ------
    RequestError
        If Canvas would not take it back.
    """
    text = tables.read_text(path)
    head = text.text.lstrip().partition("\n")[0]
    for delimiter in tables.DELIMITERS[:2]:
        if identity := _identity(tables.cells(head, delimiter)):
            header, *rows = tables.rows(text.text, delimiter, path)
            body = [row for row in rows if len(row) > identity]
            points = next((row for row in body[:2] if row[0].strip().startswith("Points Possible")), None)
            students = [row for row in body if row is not points]
            return Gradebook(path, text, delimiter, header, points, students, identity)
    raise refusal("lms.canvas.no_gradebook_file", path=path)


def _identity(header: Sequence[str]) -> int:
    """Return how many columns say who a student is, 0 if this is not a header of a gradebook."""
    named = len(header) > 3 and "Student" in header[0] and "ID" in header[1]
    split = len(header) > 4 and list(header[1:3]) == ["FirstName", "ID"] and header[0].endswith("LastName")
    if not (named or split):
        return 0
    return next((index + 1 for index, title in enumerate(header[:9]) if "Section" in title), 0)


def roster(path: Path) -> dict[str, str]:
    """Return the names of a class by Canvas id."""
    book = read(path)
    at = book.id_column
    return {row[at].strip(): person(book, row) for row in book.students if len(row) > at and is_id(row[at].strip())}


def person(book: Gradebook, row: Sequence[str]) -> str:
    """Return a student's name as Canvas sorts it."""
    return row[0].strip() if book.id_column == 1 else f"{row[0].strip()}, {row[1].strip()}"


def write(path: Path, rows: Sequence[Sequence[str]], book: Gradebook) -> None:
    """Write a gradebook: with the delimiter it had where Canvas will find that out, in UTF-8 without a mark."""
    text = tables.lines(rows, book.delimiter, book.text.newline)
    if delimiter_seen(text) != book.delimiter:
        text = tables.lines(rows, ",", book.text.newline)
    tables.write_text(path, text, tables.TextFormat("", "utf-8", marked=False))


def delimiter_seen(text: str) -> str:
    """Return the delimiter that Canvas's importer would take: the semicolon only where it cuts the first lines into more."""
    first = text.splitlines()[:3]
    return ";" if _fields(first, ";") > _fields(first, ",") else ","


def _fields(lines: Sequence[str], delimiter: str) -> int:
    """Return into how many fields a delimiter cuts each line, 0 where they differ or cannot be read."""
    try:
        counts = {len(row) for row in csv.reader(lines, delimiter=delimiter, strict=True)}
    except csv.Error:
        return 0
    return counts.pop() if len(counts) == 1 else 0
