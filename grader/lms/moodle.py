"""Moodle: the zip of submissions in, the grading worksheet and the zip of feedback out.

The rules are those of Moodle's own source: `mod/assign/classes/downloader.php` names the members of the zip,
`mod/assign/feedback/offline` reads the worksheet, `mod/assign/feedback/file/importziplib.php` the feedback, and
`lib/csvlib.class.php` reads tables with PHP's `fgetcsv`, whose escape character is the backslash.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path, PurePosixPath

from grader.errors import RequestError
from grader.lms import feedback, tables
from grader.lms.archives import Contents, Member, contents, write_zip
from grader.lms.layout import File, HandedIn, lay_out
from grader.lms.system import Collect, Done, Export, Graded
from grader.manifest import Entry

WORKSHEET = "moodle-worksheet.csv"
FEEDBACK = "moodle-feedback.zip"
PAGE = "feedback.html"

# --- in: the zip of submissions ------------------------------------------------------------------------------------

_FOLDER = re.compile(
    r"(?P<name>.*?)_(?:(?P<id>\d{1,20})_)?(?P<kind>assignsubmission|assignfeedback)_(?P<plugin>[a-z]+)(?:_(?P<rest>.*))?",
    re.ASCII | re.DOTALL,
)
_NOT_IN_NAMES = re.compile(r"[\x00-\x1f\x7f&<>\"`|':\\/]")  # what Moodle's clean_filename takes out


@dataclass(frozen=True, slots=True)
class Name:
    """Whose a member of the zip is: of a participant, or of the group (`participant` None) of those without a group."""

    name: str
    participant: str | None
    kind: str
    plugin: str
    original: str


def parse(member: str) -> Name | None:
    """Return whose a member of the zip is, in folders or flat; None if no part of its path is one of Moodle's names."""
    parts = member.split("/")
    for at, part in enumerate(parts):
        found = _FOLDER.fullmatch(part)
        if found:
            path = [*filter(None, [found["rest"]]), *parts[at + 1 :]]
            return Name(found["name"], found["id"], found["kind"], found["plugin"], "/".join(path))
    return None


def collect(request: Collect) -> Done:
    """Lay out the zip of "Download all submissions".

    Raises
    ------
    RequestError
        If the zip cannot be read, or holds nothing of Moodle's.
    """
    sheet = worksheet(request.roster) if request.roster else None
    found = contents(request.exports)
    handed_in: dict[str, list[tuple[Name, Member]]] = {}
    for member in found.members:
        _place(member, handed_in, found)
    names = {files[0][0].name for files in handed_in.values()}
    blind = len(handed_in) > 1 and len(names) == 1
    entries = [_handed_in(files, sheet, blind=blind) for files in handed_in.values()]
    return lay_out(request, "moodle", entries, found)


def _place(member: Member, handed_in: dict[str, list[tuple[Name, Member]]], found: Contents) -> None:
    name = parse(member.name)
    if name is None or not name.original:
        found.refused.append(f"{member.name}: not a name that Moodle gives")
    elif name.kind == "assignfeedback":
        found.passed_over += 1  # feedback that was given before
    else:
        handed_in.setdefault(name.participant or name.name, []).append((name, member))


def _handed_in(files: Sequence[tuple[Name, Member]], sheet: Worksheet | None, *, blind: bool) -> HandedIn:
    name = files[0][0]
    student = name.participant or name.name
    kinds = dict.fromkeys("online text" if one.plugin == "onlinetext" else one.plugin for one, _ in files)
    file = any(one.plugin == "file" for one, _ in files)
    return HandedIn(
        student=student,
        name=f"{name.name} {student}" if blind else name.name,
        files=[
            File(one.original, member, {"zip_member": member.name}, PurePosixPath(one.original).name)
            for one, member in files
            if one.plugin == "file"
        ],
        late=sheet.late(sheet.of(name.name, name.participant, blind=blind)) if sheet else None,
        note="" if file else f"This was handed in as {', '.join(kinds)}, not as a file.",
        lms={"participant_id": name.participant, "full_name": name.name, "blind": blind},
    )


# --- the worksheet -------------------------------------------------------------------------------------------------

_ID_COLUMN, _GRADE, _CHANGEABLE = "Identifier", "Grade", "Grade can be changed"
_MAXIMUM = ("Maximum grade", "Maximum Grade")
_LAST = "Last modified (grade)"
_COMMENTS = "Feedback comments"
_LATE = re.compile(r"\blate$")
_PARTICIPANT = re.compile(r"(\d+)\s*$", re.ASCII)
_PAIR = re.compile(r"(?P<what>.*?)\s*[(\uff08].*", re.DOTALL)  # also the bracket of Japanese and Chinese
_WITHOUT = (
    "no --worksheet was given: no grades were written; and if this is a group assignment, do not upload the zip: "
    "without the worksheet its numbers would be read as other people's"
)
_SKIPPED = (
    "rows were graded before, with a date that Moodle cannot read back (it is not in English): Moodle skips them without a "
    "word unless you tick “Allow updating records that have been modified more recently in Moodle than in the spreadsheet”"
)
_OURS = re.compile(r'<div class="grader-feedback">.*?</div>', re.DOTALL)
_ENGLISH_DATE = re.compile(
    r".*\b(January|February|March|April|May|June|July|August|September|October|November|December)\b.*", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Row:
    """A row: its cells, and the text that it stood in the file as, with its end."""

    cells: Sequence[str]
    raw: str

    @property
    def participant(self) -> str:
        """The participant's id, as it ends the identifier; empty where there is none."""
        found = _PARTICIPANT.search(self.cells[0])
        return found[1] if found else ""


@dataclass(frozen=True, slots=True)
class Worksheet:
    """A grading worksheet: its rows, and where the columns stand that Moodle reads, found by name or by place."""

    text: tables.Text
    delimiter: str
    header: Row
    rows: Sequence[Row]
    grade: int
    last: int
    comments: int | None
    by_place: bool
    rewrite: bool

    def maximum(self) -> Decimal | None:
        """Return the points of the assignment."""
        return tables.as_number(self.rows[0].cells[self.grade + 1]) if self.rows else None

    def of(self, name: str, participant: str | None, *, blind: bool) -> list[int]:
        """Return the rows that an entry of the zip is for: the participant's own, or those of a group's members.

        A group's number in the zip is no participant's, but may be equal to one: the name decides.
        """
        wanted = _cleaned(name)
        own = [at for at, row in enumerate(self.rows) if row.participant and row.participant == participant]
        if own and (blind or _cleaned(self.rows[own[0]].cells[1]) == wanted):
            return own[:1]
        members = [at for at, row in enumerate(self.rows) if wanted in map(_cleaned, row.cells[2 : self.grade])]
        return members or own[:1]

    def late(self, rows: Sequence[int]) -> bool | None:
        """Return whether one of these rows was handed in late, None where the worksheet does not say so in English."""
        if "Status" not in self.header.cells or not rows:
            return None
        status = self.header.cells.index("Status")
        return any(_LATE.search(self.rows[at].cells[status].strip()) for at in rows)


def worksheet(path: Path, column: str | None = None) -> Worksheet:
    """Read a grading worksheet.

    Raises
    ------
    RequestError
        If Moodle would not take it back, or the column of grades cannot be told.
    """
    text = tables.read_text(path)
    body = text.text.strip() + text.newline if text.text.strip() else ""
    head = body.partition("\n")[0]
    delimiter = max(tables.DELIMITERS, key=lambda mark: len(tables.cells(head, mark)))
    rows, rewrite = _uniform(body, delimiter, path)
    header, *rest = rows
    if len(header.cells) < 4:
        raise RequestError(
            f"{path} is no grading worksheet", hint="in Moodle: Submissions, Actions, Download grading worksheet"
        )
    places = _by_name(header.cells, column) or _by_place(header.cells, rest, path, column)
    by_place = _ID_COLUMN not in header.cells
    return Worksheet(text, delimiter, header, rest, *places, by_place=by_place, rewrite=rewrite)


def php_rows(text: str, delimiter: str, escape: str = "\\") -> Iterator[Row]:
    r"""Yield the rows of a table as PHP's ``fgetcsv`` reads it: a quote behind a backslash ends no cell."""
    plain = f"[^{re.escape(delimiter)}\r\n]*"
    inside = r'[^"\\]+|\\(?:.|\Z)|""' if escape else r'[^"]+|""'
    cell = re.compile(
        f'(?:"(?P<quoted>(?:{inside})*)(?:"|\\Z))?(?P<plain>{plain})(?P<end>{re.escape(delimiter)}|\r\n|\n|\r|\\Z)',
        re.DOTALL,
    )
    at, start, cells = 0, 0, list[str]()
    while at < len(text) and (found := cell.match(text, at)):
        cells.append((found["quoted"] or "").replace('""', '"') + found["plain"])
        at = found.end()
        if found["end"] != delimiter or at == len(text):
            yield Row(cells, text[start:at])
            start, cells = at, []


def _uniform(text: str, delimiter: str, path: Path) -> tuple[list[Row], bool]:
    """Return rows of as many cells as the header, as Moodle demands; and whether they have to be written anew for that."""
    for escape in ("\\", ""):
        rows = [row for row in php_rows(text, delimiter, escape) if any(cell.strip() for cell in row.cells)]
        if rows and len({len(row.cells) for row in rows}) == 1:
            return rows, not escape
    raise RequestError(
        f"{path} is no table: its rows have different numbers of cells, and Moodle would refuse it",
        hint="download the grading worksheet again and give that file as it is",
    )


def _by_name(header: Sequence[str], column: str | None) -> tuple[int, int, int | None] | None:
    """Return where grade, its date and comments stand in a worksheet with English headers."""
    if any(title not in header for title in (_ID_COLUMN, _LAST)) or column not in {None, _GRADE}:
        return None
    if "Scale" in header:
        raise RequestError(
            "the assignment is graded with a scale, not with points",
            hint="set its grade type to Point in Moodle, and download the worksheet again",
        )
    if _GRADE not in header:
        return None
    return header.index(_GRADE), header.index(_LAST), header.index(_COMMENTS) if _COMMENTS in header else None


def _by_place(
    header: Sequence[str], rows: Sequence[Row], path: Path, column: str | None
) -> tuple[int, int, int | None]:
    """Return where they stand in a worksheet of another language.

    The points of the assignment, the same in each row, follow the grade; "Last modified (grade)" is the later one of two
    headers that differ in their brackets alone; the comments follow it.
    """
    found = [_PAIR.fullmatch(title) for title in header]
    what = [one["what"] if one else None for one in found]
    dates = [at for at, said in enumerate(what) if said and said in what[:at]]
    if not dates:
        raise RequestError(
            f"{path} is no grading worksheet: no two of its headers say when something was last modified",
            hint="in Moodle: Submissions, Actions, Download grading worksheet",
        )
    last = dates[-1]
    grades = [at for at in range(1, last - 1) if _grades_at(rows, at) and column in {None, header[at]}]
    if len(grades) != 1:
        titles = ", ".join(repr(header[at]) for at in grades or range(1, last))
        raise RequestError(
            f"{path}: the column of grades cannot be told; it could be one of {titles}",
            hint="say which with --column HEADER, or download the worksheet with Moodle in English",
        )
    return grades[0], last, last + 1 if last + 1 < len(header) else None


def _grades_at(rows: Sequence[Row], at: int) -> bool:
    """Whether a column holds grades or nothing, and the next one the same points in each row."""
    most = {tables.as_number(row.cells[at + 1]) for row in rows}
    grades = [row.cells[at].strip() for row in rows]
    return (
        len(most) == 1
        and None not in most
        and all(cell in {"", "-"} or tables.as_number(cell) is not None for cell in grades)
    )


# --- out -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Recipient:
    """A participant who gets an entry's result: their own, or their group's; `row` is where they stand in the worksheet."""

    one: Graded
    participant: str
    full_name: str
    row: int | None = None


def export(request: Export) -> Done:
    """Write the worksheet with our grades and comments filled in, and the zip of feedback pages.

    Raises
    ------
    RequestError
        If the worksheet is none, or is needed and was not given.
    """
    sheet = worksheet(request.template, request.column) if request.template else None
    recipients, attention = _recipients(request, sheet)
    blank = [one for one in request.graded if request.score(one) is None]
    attention += [f"{len(blank)} without a readable notebook were left blank (--absent decides)"] * bool(blank)
    parts = [_worksheet(request, sheet, recipients), _feedback(request, recipients)]
    return Done(
        files=tuple(path for part in parts for path in part.files),
        said=tuple(said for part in parts for said in part.said),
        attention=(*attention, *(said for part in parts for said in part.attention)),
    )


def _recipients(request: Export, sheet: Worksheet | None) -> tuple[list[Recipient], list[str]]:
    """Return who gets what, and sentences on whom it cannot be brought to."""
    found: list[Recipient] = []
    attention = []
    for one in request.graded:
        if request.score(one) is None:
            continue
        if sheet is None:
            found.append(_without_worksheet(one))
            continue
        rows = _rows_of(one.entry, sheet)
        if not rows:
            attention.append(f"{one.entry.name} ({one.entry.student}): no row in the worksheet, so nothing was written")
        elif len(rows) > 1:
            attention.append(f"{one.entry.name}: a group, its result goes to {len(rows)} members")
        for at in rows:
            cells = sheet.rows[at].cells
            own = str(one.entry.lms.get("full_name", "")) if one.entry.lms.get("blind") else cells[1]
            found.append(Recipient(one, sheet.rows[at].participant, own, at))
    return found, attention


def _without_worksheet(one: Graded) -> Recipient:
    participant = one.entry.lms.get("participant_id")
    if participant is None:
        raise RequestError(
            f"{one.entry.name} is a group without a number: nobody can tell its members from the zip",
            hint="give the grading worksheet with --worksheet FILE",
        )
    return Recipient(one, str(participant), str(one.entry.lms.get("full_name", one.entry.name)))


def _rows_of(entry: Entry, sheet: Worksheet) -> list[int]:
    lms = entry.lms
    return sheet.of(str(lms.get("full_name", entry.name)), lms.get("participant_id"), blind=bool(lms.get("blind")))


def _cleaned(name: str) -> str:
    """Return a name as Moodle writes it into a zip."""
    return unicodedata.normalize("NFC", _NOT_IN_NAMES.sub("", name.replace("_", " ")).strip())


def _worksheet(request: Export, sheet: Worksheet | None, recipients: Sequence[Recipient]) -> Done:
    if sheet is None:
        return Done(attention=(_WITHOUT,))
    written = {one.row: one.one for one in recipients if one.row is not None}
    changes = [_filled(request, sheet, row, written.get(at)) for at, row in enumerate(sheet.rows)]
    path = request.out / WORKSHEET
    rows = [change.text for change in changes]
    head = _line(sheet.header.cells, sheet, sheet.header.raw) if sheet.rewrite else sheet.header.raw
    tables.write_text(path, head + "".join(rows), sheet.text)
    attention = filter(None, (change.attention for change in changes))
    return Done((path,), _said(request, sheet, changes), (*attention, *_stale(sheet, written)))


@dataclass(frozen=True, slots=True)
class _Change:
    """A row as it is written, and what Moodle will find changed in it."""

    text: str
    grade: bool = False
    comment: bool = False
    attention: str = ""


def _filled(request: Export, sheet: Worksheet, row: Row, one: Graded | None) -> _Change:
    """Return a row with grade and comment; a row that is not ours stays as it was, byte for byte."""
    untouched = _line(row.cells, sheet, row.raw) if sheet.rewrite else row.raw
    score = request.score(one) if one else None
    if one is None or score is None:
        return _Change(untouched)
    if _CHANGEABLE in sheet.header.cells and row.cells[sheet.header.cells.index(_CHANGEABLE)].strip() == "No":
        said = f"{one.entry.name}: the grade cannot be changed in Moodle, so nothing was written"
        return _Change(untouched, attention=said)
    most = row.cells[sheet.grade + 1]
    cells = list(row.cells)
    grade = _grade(tables.out_of(score, request.possible, tables.as_number(most)), most)
    before = tables.as_number(cells[sheet.grade])
    changed = before != tables.as_number(grade)
    cells[sheet.grade] = grade
    if sheet.comments is not None:
        cells[sheet.comments] = comment(row.cells[sheet.comments], one)
    commented = sheet.comments is not None and cells[sheet.comments] != row.cells[sheet.comments]
    replaced = f"{one.entry.name}: {row.cells[sheet.grade]} in the worksheet becomes {grade}"
    said = replaced if changed and before is not None else ""
    return _Change(_line(cells, sheet, row.raw), changed, commented, said)


def comment(before: str, one: Graded) -> str:
    """Return the comment of a row: ours behind what people wrote, in place of ours where it is there already."""
    ours = f'<div class="grader-feedback">{feedback.html(one.result)}</div>'.replace("\\", "&#92;")
    if _OURS.search(before):
        return _OURS.sub(lambda _: ours, before, count=1)
    return f"{before.rstrip()}{ours}"


def _grade(value: Decimal, most: str) -> str:
    """Return a grade with the decimals and the decimal mark that the maximum is written with."""
    mark = "," if "," in most else "."
    places = max(2, len(most.strip().partition(mark)[2]))
    return f"{value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP):f}".replace(".", mark)


def _line(cells: Sequence[str], sheet: Worksheet, raw: str) -> str:
    """Return a row as PHP reads it back: every cell quoted, no backslash in it, and the end that it had."""
    quoted = ('"' + cell.replace("\\", "&#92;").replace('"', '""') + '"' for cell in cells)
    return sheet.delimiter.join(quoted) + raw[len(raw.rstrip("\r\n")) :]


def _said(request: Export, sheet: Worksheet, changes: Sequence[_Change]) -> tuple[str, ...]:
    grades, comments = sum(change.grade for change in changes), sum(change.comment for change in changes)
    said = [f"Moodle should say: updated {grades} grades and {comments} feedback instances"]
    said += tables.converted(request.possible, sheet.maximum())
    if sheet.by_place:
        titles = [sheet.header.cells[at] for at in (sheet.grade, sheet.comments) if at is not None]
        said.append(f"columns found by their place: {' and '.join(map(repr, titles))}")
    if sheet.comments is None:
        said.append("the worksheet has no column of feedback comments: only grades were written")
    said.append(f"upload {WORKSHEET} first, {FEEDBACK} after it: feedback files count as a later change of the grade")
    return tuple(said)


def _stale(sheet: Worksheet, written: Iterable[int]) -> tuple[str, ...]:
    """Return a sentence where Moodle will skip rows because it cannot read back when they were graded before."""
    dates = [sheet.rows[at].cells[sheet.last].strip() for at in written]
    unread = sum(date not in {"", "-"} and not _ENGLISH_DATE.fullmatch(date) for date in dates)
    return (f"{unread} {_SKIPPED}",) if unread else ()


# --- out: feedback -------------------------------------------------------------------------------------------------


def feedback_path(full_name: str, participant: str | int, file: str) -> str:
    """Return the path under which Moodle takes a participant's feedback file."""
    return f"{_cleaned(full_name)}_{participant}_assignsubmission_file/{file}"


def _feedback(request: Export, recipients: Sequence[Recipient]) -> Done:
    files: dict[str, bytes | Path] = {}
    missing = []
    for one in recipients:
        page = one.one.folder / PAGE
        if page.is_file():
            files[feedback_path(one.full_name, one.participant, PAGE)] = page
        else:
            missing.append(f"{one.one.entry.name}: {PAGE} is missing, run `grader regrade` to write it again")
    path = request.out / FEEDBACK
    write_zip(path, files)
    size = f"{max(1, round(path.stat().st_size / (1 << 20)))} MB"
    said = f"feedback for {len(files)} in {path.name} ({size}; the site's upload limit must allow it)"
    return Done(files=(path,), said=(said,), attention=tuple(missing))
