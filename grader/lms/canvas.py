"""Canvas: the zip of submissions in, the gradebook and the zip of feedback out.

The rules are those of Canvas's own source: `lib/content_zipper.rb` names the members of the zip, `lib/gradebook_importer.rb`
reads the gradebook, `AbstractAssignment#infer_comment_context_from_filename` the feedback.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.errors import RequestError
from grader.lms import tables
from grader.lms.archives import Member, contents, write_zip
from grader.lms.layout import File, HandedIn, lay_out
from grader.lms.system import Collect, Done, Export, Graded
from grader.lms.tables import Column

GRADEBOOK = "canvas-gradebook.csv"
FEEDBACK = "canvas-feedback.zip"

# --- in: the zip of submissions ------------------------------------------------------------------------------------

_ANONYMOUS = re.compile(
    r"(?P<late>LATE_)?anon_(?P<user>[^_]+)_(?:(?P<attachment>\d+)_(?P<original>.+)|(?P<kind>text|link)\.html)", re.ASCII
)
_MOST_CHARACTERS = 1000  # of a member's name; Canvas's own end at 255 and what it puts before
_MOST_DIGITS = 20
_KIND = re.compile(r"(?P<kind>text|link)\.html")
_IMPOSSIBLE = re.compile(r"_\d+_", re.ASCII)  # Canvas takes the underscores around a number out of a name
_RESUBMITTED = re.compile(
    r"(?P<stem>.+?)-(?:[1-7]|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?P<suffixes>(?:\.[A-Za-z]\w*)*)", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Name:
    """One reading of a member's name: whose it is, and what it was called; `kind` is upload, text or link."""

    user: str
    name: str = ""
    late: bool = False
    attachment: str | None = None
    original: str = ""
    kind: str = "upload"
    anonymous: bool = False


def readings(member: str) -> list[Name]:
    """Return every way in which a member's name can be read, the shortest person's name first."""
    if found := _ANONYMOUS.fullmatch(member):
        late, user, attachment, original, kind = found.group("late", "user", "attachment", "original", "kind")
        return [Name(user, "", bool(late), attachment, original or "", kind or "upload", anonymous=True)]
    parts = member.split("_") if len(member) <= _MOST_CHARACTERS else []
    found_names = [reading for at in range(1, len(parts) - 1) if (reading := _reading(parts, at))]
    return found_names or [reading for at in range(min(1, len(parts))) if (reading := _reading(parts, at))]


def parse(member: str, roster: Mapping[str, str] | None = None) -> Name | None:
    """Return whose a member of the zip is, None if its name is none of Canvas's.

    Parameters
    ----------
    member : str
        The member's name.
    roster : mapping of str to str
        Names of the class by Canvas id; it decides where a name can be read in several ways.

    Raises
    ------
    RequestError
        If two readings are left; the message names them.
    """
    every = readings(member)
    possible = [one for one in every if not _IMPOSSIBLE.search(one.name)] or every
    if len(every) > 1 and roster:
        known = [[one for one in some if one.user in roster] for some in (possible, every)]
        possible = known[0] or known[1] or possible
        same = [one for one in possible if sanitized(one.name) == sanitized(roster.get(one.user, ""))]
        possible = same if len(same) == 1 else possible
    if len(possible) > 1:
        both = " or ".join(f"{one.name!r} (id {one.user}) with {one.original or one.kind!r}" for one in possible[:3])
        hint = (
            "the roster has both: take this file out of the zip, and grade it by hand"
            if roster
            else "give the exported gradebook with --roster FILE: its ID column decides"
        )
        raise RequestError(f"{member!r} can be read in two ways: {both}", hint=hint)
    return possible[0] if possible else None


def without_resubmit_suffix(name: str) -> str:
    """Return a file's name without what Canvas adds when a file of that name is handed in again."""
    found = _RESUBMITTED.fullmatch(name)
    return found["stem"] + found["suffixes"] if found else name


def collect(request: Collect) -> Done:
    """Lay out the zip of "Download Submissions".

    Raises
    ------
    RequestError
        If the zip cannot be read, or a name in it stays ambiguous.
    """
    roster = _roster(request.roster) if request.roster else None
    found = contents(request.exports)
    handed_in: dict[str, list[tuple[Name, Member]]] = {}
    for member in found.members:
        base = member.name.rpartition("/")[2]
        name = parse(base, roster)
        if name is None:
            found.refused.append(f"{member.name}: not a name that Canvas gives")
        else:
            handed_in.setdefault(name.user, []).append((name, member))
    entries = [_handed_in(user, files, roster) for user, files in handed_in.items()]
    return lay_out(request, "canvas", entries, found)


def _reading(parts: Sequence[str], at: int) -> Name | None:
    """Return the reading in which part `at` is the user's id."""
    user, rest = parts[at], parts[at + 1 :]
    if not _is_id(user):
        return None
    before = list(parts[:at])
    late = bool(before) and before[-1] == "LATE"
    name = "_".join(before[:-1] if late else before)
    if at and len(rest) == 1 and (kind := _KIND.fullmatch(rest[0])):
        return Name(user, name, late, kind=kind["kind"])
    original = "_".join(rest[1:])
    return Name(user, name, late, rest[0], original) if rest and _is_id(rest[0]) and original else None


def _is_id(part: str) -> bool:
    return part.isascii() and part.isdigit() and len(part) <= _MOST_DIGITS


def _handed_in(user: str, files: Sequence[tuple[Name, Member]], roster: Mapping[str, str] | None) -> HandedIn:
    first = files[0][0]
    uploads = sorted(
        ((name, member) for name, member in files if name.attachment), key=lambda one: int(one[0].attachment or 0)
    )
    names = dict.fromkeys(name.name for name, _ in files)
    known = (roster or {}).get(user, "")
    group = bool(known) and sanitized(known) != sanitized(first.name) and not first.anonymous
    notes = [f"This was handed in as a {name.kind}, not as a file." for name, _ in files if name.kind != "upload"]
    remarks = ["not in the roster"] * bool(roster and not known and not first.anonymous)
    remarks += [f"several names for the id {user}: {', '.join(names)}"] * (len(names) > 1)
    remarks += [f"a group's, or a changed name: the roster calls {user} {known}"] * group
    return HandedIn(
        student=user,
        name=f"anonymous {user}" if first.anonymous else (first.name if group else known or first.name),
        files=[
            File(name.original, member, _lms(name, member), without_resubmit_suffix(name.original))
            for name, member in uploads
        ],
        late=any(name.late for name, _ in files),
        note=" ".join(dict.fromkeys(notes)),
        remark="; ".join(remarks),
        lms={"anonymous_id" if first.anonymous else "user_id": user, "is_group": group},
    )


def _lms(name: Name, member: Member) -> dict[str, object]:
    return {"attachment_id": name.attachment, "zip_member": member.name.rpartition("/")[2]}


def sanitized(sortable_name: str) -> str:
    """Return a name as Canvas writes it into a member's name."""
    name = unicodedata.normalize("NFC", sortable_name)
    return re.sub(r"\W", "", re.sub(r"_(\d+)_", r"\1", name, flags=re.ASCII).lower())


# --- the gradebook -------------------------------------------------------------------------------------------------

_ASSIGNMENT = re.compile(r"(?P<title>.*)\s\((?P<id>\d+)\)", re.ASCII | re.DOTALL)
_COMPUTED = re.compile(r"(?:Current|Final) (?:Score|Points|Grade)|Override (?:Score|Grade|Status)")
_READ_ONLY = "(read only)"
_NOT_OURS = {"EX": "excused", "N/A": "not assigned"}


@dataclass(frozen=True, slots=True)
class Gradebook:
    """A gradebook as Canvas exports it: its header, the row of points if it has one, and a row a student."""

    path: Path
    text: tables.Text
    delimiter: str
    header: Sequence[str]
    points: Sequence[str] | None
    students: Sequence[Sequence[str]]
    identity: int

    @property
    def id_column(self) -> int:
        """Where Canvas's own id of a student stands."""
        return 1 if "Student" in self.header[0] else 2

    def columns(self) -> Iterator[Column]:
        """Yield the columns that assignments stand in and that Canvas takes back."""
        for index in range(self.identity, len(self.header)):
            header, points = self.header[index], self._points(index)
            found = _ASSIGNMENT.fullmatch(header)
            if found and not _COMPUTED.search(header) and _READ_ONLY not in points:
                yield Column(index, header, found["title"], found["id"], tables.as_number(points))

    def _points(self, index: int) -> str:
        return self.points[index] if self.points and index < len(self.points) else ""


def gradebook(path: Path) -> Gradebook:
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
    raise RequestError(
        f"{path} is no gradebook of Canvas: it has no columns Student, ID and Section",
        hint="in Canvas: Grades, Export, Export Entire Gradebook; give that file as it is",
    )


def _identity(header: Sequence[str]) -> int:
    """Return how many columns say who a student is, 0 if this is no header of a gradebook."""
    named = len(header) > 3 and "Student" in header[0] and "ID" in header[1]
    split = len(header) > 4 and list(header[1:3]) == ["FirstName", "ID"] and header[0].endswith("LastName")
    if not (named or split):
        return 0
    return next((index + 1 for index, title in enumerate(header[:9]) if "Section" in title), 0)


def _roster(path: Path) -> dict[str, str]:
    """Return the names of a class by Canvas id."""
    book = gradebook(path)
    at = book.id_column
    return {row[at].strip(): _name(book, row) for row in book.students if len(row) > at and _is_id(row[at].strip())}


def _name(book: Gradebook, row: Sequence[str]) -> str:
    return row[0].strip() if book.id_column == 1 else f"{row[0].strip()}, {row[1].strip()}"


# --- out -----------------------------------------------------------------------------------------------------------


def export(request: Export) -> Done:
    """Write the gradebook with our column and our students alone, and the zip of annotated notebooks.

    Raises
    ------
    RequestError
        If the gradebook is none, or its column cannot be told.
    """
    parts = [_gradebook(request), _feedback(request)]
    return Done(
        files=tuple(path for part in parts for path in part.files),
        said=tuple(said for part in parts for said in part.said),
        attention=tuple(said for part in parts for said in part.attention),
    )


def _gradebook(request: Export) -> Done:
    if request.template is None:
        return Done(said=("no --gradebook was given: no scores were written, only feedback",))
    if request.graded and all("anonymous_id" in one.entry.lms for one in request.graded):
        return Done(
            attention=("the hand-ins are anonymous, so no score can be put beside a name: only feedback was written",)
        )
    book = gradebook(request.template)
    column = choose(book, request)
    filled = _filled(request, book, column)
    kept = [*range(book.identity), column.index]
    rows = [book.header, *([book.points] if book.points else []), *filled.rows]
    path = request.out / GRADEBOOK
    _write(path, [[row[index] if index < len(row) else "" for index in kept] for row in rows], book)
    counts = f"{filled.new} new, {filled.changed} changed, {filled.same} as before"
    return Done(
        files=(path,),
        said=(
            f"column {column.header!r}: {len(filled.rows)} scores, {counts}",
            *tables.converted(request.possible, column.possible),
        ),
        attention=tuple(filled.attention),
    )


def choose(book: Gradebook, request: Export) -> Column:
    """Return the assignment's column in a gradebook."""
    return tables.choose(
        list(book.columns()),
        asked=request.column,
        known_id=request.assignment_id,
        title=request.title,
        possible=request.possible,
    )


@dataclass(slots=True)
class _Filled:
    """The rows that have a score of ours, in the gradebook's order, and what became of the others."""

    rows: list[list[str]]
    attention: list[str]
    new: int = 0
    changed: int = 0
    same: int = 0


def _filled(request: Export, book: Gradebook, column: Column) -> _Filled:
    wanted = {one.entry.student: one for one in request.graded if "anonymous_id" not in one.entry.lms}
    filled = _Filled([], [])
    for row in book.students:
        one = wanted.pop(row[book.id_column].strip() if len(row) > book.id_column else "", None)
        if one is not None:
            _fill(filled, request, book, column, row, one)
    for one in wanted.values():
        if request.score(one) is not None:
            filled.attention.append(
                f"{one.entry.name} (id {one.entry.student}): no row in the gradebook, so no score was written"
            )
    blank = sum(request.score(one) is None for one in request.graded)
    if blank:
        filled.attention.append(f"{blank} without a readable notebook were left blank (--absent decides)")
    return filled


def _fill(filled: _Filled, request: Export, book: Gradebook, column: Column, row: Sequence[str], one: Graded) -> None:
    """Add a student's row with the score, unless Canvas says that there is to be none."""
    score = request.score(one)
    old = row[column.index].strip() if column.index < len(row) else ""
    if score is None:
        return
    if reason := _NOT_OURS.get(old.upper()):
        filled.attention.append(f"{one.entry.name}: {reason} in the gradebook, so no score was written")
        return
    if (name := _name(book, row)) != one.entry.name and sanitized(name) != sanitized(one.entry.name):
        filled.attention.append(
            f"the score of {one.entry.name} goes to {name} (id {one.entry.student}): a group's member, or a changed name; "
            "see in Canvas that the whole group has it"
        )
    new = tables.out_of(score, request.possible, column.possible)
    before = tables.as_number(old)
    if before is None:
        filled.new += 1
    elif tables.cents(before) == tables.cents(new):
        filled.same += 1
    else:
        filled.changed += 1
        filled.attention.append(f"{one.entry.name}: {old} in the gradebook becomes {tables.number(new)}")
    width = max(len(row), column.index + 1)
    cells = [*row, *[""] * (width - len(row))]
    cells[column.index] = tables.number(new)
    filled.rows.append(cells)


def _write(path: Path, rows: Sequence[Sequence[str]], book: Gradebook) -> None:
    """Write a gradebook: with the delimiter it had where Canvas will find that out, in UTF-8 without a mark."""
    text = tables.lines(rows, book.delimiter, book.text.newline)
    if delimiter_seen(text) != book.delimiter:
        text = tables.lines(rows, ",", book.text.newline)
    tables.write_text(path, text, tables.Text("", "utf-8", marked=False))


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


# --- out: feedback -------------------------------------------------------------------------------------------------


def _feedback(request: Export) -> Done:
    """Write the zip for "Re-Upload Submissions": each annotated notebook under the name that its original came under."""
    files: dict[str, bytes | Path] = {}
    alone, attention = 0, []
    for one in request.graded:
        member = one.entry.lms.get("zip_member")
        if one.absent and request.absent is None:
            continue
        if not member or not one.entry.file:
            attention.append(f"{one.entry.name}: no file was handed in, so none can go back (the score can)")
        elif not str(member).lower().endswith(".ipynb"):
            attention.append(f"{one.entry.name}: a script has no cells to put notes between; only the score goes back")
        else:
            page = one.folder / "annotated.ipynb"
            alone += not page.is_file() and not one.absent
            files[_returned_as(one)] = page if page.is_file() else _notes_alone(one)
    if alone:
        attention.append(
            f"{alone} have no annotated.ipynb beside their page: they get a notebook of notes alone; grade again to have all"
        )
    path = request.out / FEEDBACK
    write_zip(path, files)
    return Done(files=(path,), said=(f"feedback for {len(files)} in {path.name}",), attention=tuple(attention))


def _returned_as(one: Graded) -> str:
    """Return the name that a file goes back under: the one it came under, unless Canvas would misread its own.

    Canvas takes the first two numbers between underscores for the user and the attachment, whatever the user's name holds.
    """
    lms = one.entry.lms
    member = str(lms["zip_member"])
    ids = [lms.get("user_id"), lms.get("attachment_id")]
    if (
        lms.get("is_group")
        or lms.get("anonymous_id")
        or [part for part in member.split("_") if _is_id(part)][:2] == ids
    ):
        return member
    return f"user_{ids[0]}_{ids[1]}_{one.entry.original}"


def _notes_alone(one: Graded) -> bytes:
    from grader.report import annotated

    return annotated.notebook(None, one.result).encode()
