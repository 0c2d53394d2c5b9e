"""Moodle's grading worksheet: read as it is downloaded, a row written as it is uploaded.

The rules are those of `mod/assign/feedback/offline` and of `lib/csvlib.class.php`, which reads tables with PHP's `fgetcsv`,
whose escape character is the backslash.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from grader.lms.common import points, tables
from grader.messages import refusal

CHANGEABLE = "Grade can be changed"
_ID_COLUMN, _GRADE = "Identifier", "Grade"
_LAST = "Last modified (grade)"
_HANDED_IN = "Last modified (submission)"
_COMMENTS = "Feedback comments"
_MARKERS = re.compile(r"Marker \d+")  # a worksheet of a Moodle in which several people mark
_OLDER = "Maximum Grade"  # as it was written before that
_NO = frozenset(
    "no nein non não nao nee nej nei ei nie ne nē nem nu ez いいえ 否 不 不是 아니오 아니요 нет не ні όχι hayır לא لا خیر không "  # noqa: RUF001
    "ไม่ tidak नहीं".split()
)  # what Moodle writes for "no", in the languages that it is used in most
_YES = frozenset(
    "yes ja oui sí si sim kyllä jah jā taip tak ano áno da igen bai はい 是 예 네 да так ναι evet כן نعم بله có ใช่ ya हाँ".split()  # noqa: RUF001
)
_LATE = re.compile(r"\blate$")
_PARTICIPANT = re.compile(r"(\d+)\s*$", re.ASCII)
_PAIR = re.compile(r"(?P<what>.*?)\s*[(\uff08].*", re.DOTALL)  # also the bracket of Japanese and Chinese
_NOT_IN_NAMES = re.compile(r"[\x00-\x1f\x7f&<>\"`|':\\/]")  # what Moodle's clean_filename takes out


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A row of the worksheet: its cells, and its text in the file, with its line end."""

    cells: Sequence[str]
    raw: str

    @property
    def participant(self) -> str:
        """The participant's id, as it ends the identifier; empty where there is none."""
        match = _PARTICIPANT.search(self.cells[0])
        return match[1] if match else ""


@dataclass(frozen=True, slots=True)
class Worksheet:
    """A grading worksheet: its rows, and the places of the columns that Moodle reads, found by name or by place."""

    text: tables.TextFormat
    delimiter: str
    header: SheetRow
    rows: Sequence[SheetRow]
    grade: int
    last: int
    comments: int | None
    by_place: bool
    rewrite: bool
    changeable: int | None = None

    def locked(self, row: SheetRow) -> bool | None:
        """Return whether a row's grade is locked, None where the worksheet says so in a language that is not known here."""
        if self.changeable is None:
            return False
        word = row.cells[self.changeable].strip().casefold()
        return True if word in _NO else False if word in _YES or not word else None

    @property
    def skips_zeros(self) -> bool | None:
        """Whether the Moodle that wrote this passes over grades of 0 when it reads it back, None where that cannot be told."""
        if any(map(_MARKERS.match, self.header.cells)):
            return True
        return False if _OLDER in self.header.cells else None

    def maximum(self) -> Decimal | None:
        """Return the points of the assignment."""
        return points.as_number(self.rows[0].cells[self.grade + 1]) if self.rows else None

    def of(self, name: str, participant: str | None, *, blind: bool) -> list[int]:
        """Return the rows that an entry of the zip is for: the participant's own, or those of a group's members.

        A group's number in the zip may be equal to a participant's: the name decides.
        """
        wanted = cleaned(name)
        own = [at for at, row in enumerate(self.rows) if row.participant and row.participant == participant]
        if own and (blind or cleaned(self.rows[own[0]].cells[1]) == wanted):
            return own[:1]
        members = [at for at, row in enumerate(self.rows) if wanted in map(cleaned, row.cells[2 : self.grade])]
        return members or own[:1]

    def late(self, rows: Sequence[int]) -> bool | None:
        """Return whether one of these rows was handed in late, None where the worksheet does not say so in English."""
        if "Status" not in self.header.cells or not rows:
            return None
        status = self.header.cells.index("Status")
        return any(_LATE.search(self.rows[at].cells[status].strip()) for at in rows)

    def handed_in(self, rows: Sequence[int]) -> str:
        """Return when the first of these rows was last handed in, empty where the worksheet does not say so in English."""
        if _HANDED_IN not in self.header.cells or not rows:
            return ""
        time = self.rows[rows[0]].cells[self.header.cells.index(_HANDED_IN)].strip()
        return "" if time == "-" else time


def read(path: Path, column: str | None = None) -> Worksheet:
    """Read a grading worksheet.

    Raises
    ------
    RequestError
        If Moodle would not take it back, or the column of grades cannot be told.
    """
    text = tables.read_text(path)
    body = text.text.lstrip().rstrip("\r\n ")  # a tab at the end is an empty cell
    body += text.newline if body else ""
    delimiter = tables.delimiter(body)
    rows, rewrite = _uniform(body, delimiter, path)
    header, *rest = rows
    if len(header.cells) < 4:
        raise refusal("lms.moodle.no_worksheet_file", path=path)
    places = _by_name(header.cells, column) or _by_place(header.cells, rest, path, column)
    by_place = _ID_COLUMN not in header.cells
    changeable = _changeable(header.cells, places[0], places[1])
    return Worksheet(text, delimiter, header, rest, *places, by_place=by_place, rewrite=rewrite, changeable=changeable)


def php_rows(text: str, delimiter: str, escape: str = "\\") -> Iterator[SheetRow]:
    r"""Yield the rows of a table as PHP's ``fgetcsv`` reads it: a quote behind a backslash ends no cell."""
    plain = f"[^{re.escape(delimiter)}\r\n]*"
    inside = r'[^"\\]+|\\(?:.|\Z)|""' if escape else r'[^"]+|""'
    cell = re.compile(
        f'(?:"(?P<quoted>(?:{inside})*)(?:"|\\Z))?(?P<plain>{plain})(?P<end>{re.escape(delimiter)}|\r\n|\n|\r|\\Z)',
        re.DOTALL,
    )
    at, start, cells = 0, 0, list[str]()
    while at < len(text) and (match := cell.match(text, at)):
        cells.append((match["quoted"] or "").replace('""', '"') + match["plain"])
        at = match.end()
        if match["end"] != delimiter or at == len(text):
            yield SheetRow(cells, text[start:at])
            start, cells = at, []


def _uniform(text: str, delimiter: str, path: Path) -> tuple[list[SheetRow], bool]:
    """Return rows of as many cells as the header, as Moodle demands; and whether they must be written again for that."""
    for escape in ("\\", ""):
        rows = [row for row in php_rows(text, delimiter, escape) if any(cell.strip() for cell in row.cells)]
        if rows and len({len(row.cells) for row in rows}) == 1:
            return rows, not escape
    raise refusal("lms.moodle.uneven", path=path)


def _by_name(header: Sequence[str], column: str | None) -> tuple[int, int, int | None] | None:
    """Return the places of grade, its date and comments in a worksheet with English headers."""
    if any(title not in header for title in (_ID_COLUMN, _LAST)) or column not in {None, _GRADE}:
        return None
    if "Scale" in header:
        raise refusal("lms.moodle.scale")
    if _GRADE not in header:
        return None
    return header.index(_GRADE), header.index(_LAST), header.index(_COMMENTS) if _COMMENTS in header else None


def _by_place(
    header: Sequence[str], rows: Sequence[SheetRow], path: Path, column: str | None
) -> tuple[int, int, int | None]:
    """Return their places in a worksheet of another language.

    The points of the assignment, the same in each row, follow the grade; "Last modified (grade)" is the later one of two
    headers that differ in their brackets alone; the comments follow it.
    """
    matches = [_PAIR.fullmatch(title) for title in header]
    what = [match["what"] if match else None for match in matches]
    dates = [at for at, heading in enumerate(what) if heading and heading in what[:at]]
    if not dates:
        raise refusal("lms.moodle.no_dates", path=path, hint="lms.moodle.no_worksheet_file.hint")
    last = dates[-1]
    grades = [at for at in range(1, last - 1) if _grades_at(rows, at) and column in {None, header[at]}]
    if len(grades) != 1:
        titles = tuple(repr(header[at]) for at in grades or range(1, last))
        raise refusal("lms.moodle.no_grade_column", path=path, titles=titles)
    return grades[0], last, last + 1 if last + 1 < len(header) else None


def _changeable(header: Sequence[str], grade: int, last: int) -> int | None:
    """Return where the worksheet says whether a grade can be changed: just before the date of the hand-in."""
    if CHANGEABLE in header:
        return header.index(CHANGEABLE)
    match = _PAIR.fullmatch(header[last])
    dates = [at for at in range(grade + 2, last) if match and header[at].startswith(match["what"])]
    return dates[0] - 1 if dates and dates[0] - 1 > grade + 1 else None


def _grades_at(rows: Sequence[SheetRow], at: int) -> bool:
    """Whether a column holds grades or nothing, and the next one the same points in each row."""
    most = {points.as_number(row.cells[at + 1]) for row in rows}
    grades = [row.cells[at].strip() for row in rows]
    return (
        len(most) == 1
        and None not in most
        and all(cell in {"", "-"} or points.as_number(cell) is not None for cell in grades)
    )


def last_line(text: str, cells: Sequence[str], sheet: Worksheet) -> str:
    """Return the last row so that it keeps its empty last cell: Moodle cuts blanks off the end of the file, tabs too."""
    return line(cells, sheet, text) if text.rstrip("\r\n").endswith("\t") else text


def line(cells: Sequence[str], sheet: Worksheet, raw: str) -> str:
    """Return a row as PHP reads it back: every cell quoted, no backslash in it, and the end that it had."""
    quoted = ('"' + cell.replace("\\", "&#92;").replace('"', '""') + '"' for cell in cells)
    return sheet.delimiter.join(quoted) + raw[len(raw.rstrip("\r\n")) :]


def cleaned(name: str) -> str:
    """Return a name as Moodle writes it into a zip."""
    return unicodedata.normalize("NFC", _NOT_IN_NAMES.sub("", name.replace("_", " ")).strip())
