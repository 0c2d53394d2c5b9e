"""Any other system: a mapping file says how names are read and which columns are written; presets come for some."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path

import msgspec

from grader.classroom.manifest import HANDED_IN, Entry
from grader.errors import RequestError
from grader.lms.common import feedback, points, tables
from grader.lms.common.archives import Contents, Member, contents, write_zip
from grader.lms.common.layout import HandedIn, HandedInFile, lay_out, set_aside
from grader.lms.common.system import Collect, Done, Export, Graded
from grader.lms.common.tables import Column, FilledTable
from grader.lms.mapped import mapping_file
from grader.lms.mapped.mapping_file import NO_UNDERSCORE, In, Map, Out
from grader.messages import refusal, say
from grader.rendering.gradebook import shown_cell

FEEDBACK = "feedback.zip"
LISTED_AS = "listed_as"  # under `lms`: what the class list calls an entry whose id has a mark against namesakes
ANY = "{student}"  # among the columns of a mapping: it reads whatever table a class list is
_FIELD = re.compile(r"\{([^{}]+)\}")
_SHORT_HOUR = re.compile(r"(?<!\d)(\d{3})(?=\s*[AP]M)")  # 926 PM: strptime reads 115 PM as five past eleven


# --- in ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReadName:
    """A file of a student's: when it was handed in, as its name says and as it was `written`, and what tells namesakes apart."""

    student: str
    name: str
    original: str
    late: bool | None
    stamp: datetime | None
    written: str
    same: str
    member: Member


def collect(system: str, request: Collect) -> Done:
    """Lay out a download as the mapping file reads it.

    Raises
    ------
    RequestError
        If the mapping or the download cannot be used.
    """
    mapping = mapping_file.of(system, request.mapping)
    listed = _roster(mapping, request.roster) if request.roster else Counter[str]()
    roster = tuple(listed)
    files_in = contents(request.exports)
    handed_in: dict[str, list[ReadName]] = {}
    unclear: dict[str, RequestError] = {}
    for member in files_in.members:
        try:
            _place(member, mapping, roster, handed_in, files_in)
        except RequestError as error:
            unclear[member.name] = error
    entries = [entry for files in handed_in.values() for entry in _entries(files, listed, _shared(handed_in))]
    return lay_out(request, system, [*entries, *set_aside(unclear, entries, files_in)], files_in)


def parse(path: str, mapping: In, roster: Sequence[str] = ()) -> dict[str, str] | None:
    """Return the named groups of a path, None if nothing of the mapping fits it.

    Raises
    ------
    RequestError
        If two students of the roster fit.
    """
    for pattern in mapping.names:
        if "{student}" in pattern and roster:
            tried = [
                re.match(pattern.replace("{student}", re.escape(student)), path)
                for student in roster
                if student in path
            ]
            every = [match for match in tried if match]
            first = min(
                (match.end("student") for match in every), default=0
            )  # what comes later may be the student's own
            fits = [match for match in every if match.end("student") == first]
            if len(fits) > 1:
                both = tuple(repr(match["student"]) for match in fits)
                raise refusal("lms.mapped.two_readings", path=path, both=both, hint="lms.grade_by_hand.hint")
            if fits:
                return fits[0].groupdict("")
        match = re.match(pattern.replace("{student}", NO_UNDERSCORE), path)
        if match:
            return match.groupdict("")
    return None


def _parsed(member: Member, mapping: In, roster: Sequence[str]) -> dict[str, str] | None:
    """Return the named groups of a path, also below folders that the whole download lies in."""
    parts = member.name.split("/")
    paths = (unicodedata.normalize("NFC", "/".join(parts[at:])) for at in range(member.shared_depth + 1))
    return next((parsed for path in paths if (parsed := parse(path, mapping, roster)) is not None), None)


def _place(
    member: Member, mapping: Map, roster: Sequence[str], handed_in: dict[str, list[ReadName]], files_in: Contents
) -> None:
    if any(re.search(pattern, member.name) for pattern in mapping.collect.skip):
        files_in.passed_over += 1
        return
    fields = _parsed(member, mapping.collect, roster)
    if not fields or not fields["student"].strip():
        files_in.refused.append(say("lms.mapped.no_name", member=member.name))
        return
    student = fields["student"].strip()
    handed_in.setdefault(student, []).append(
        ReadName(
            student,
            fields.get("name", "").strip() or student,
            fields.get("original", ""),
            bool(fields["late"]) if "late" in fields else None,
            stamped(fields.get("stamp", ""), mapping.collect.stamp),
            fields.get("stamp", ""),
            fields.get(mapping.collect.same, ""),
            member,
        )
    )


def stamped(text: str, form: str) -> datetime | None:
    """Return when a file was handed in, None where its name does not say so."""
    try:
        return (
            datetime.strptime(_SHORT_HOUR.sub(r"0\1", text), form) if form and text else None
        )  # in the server's own zone
    except ValueError:
        return None


def _shared(handed_in: Mapping[str, Sequence[ReadName]]) -> set[str]:
    """Return what is the same for different names, so that it tells nobody apart."""
    names = {(file.same, student) for student, files in handed_in.items() for file in files}
    return {same for same, times in Counter(same for same, _ in names).items() if times > 1}


def _entries(files: Sequence[ReadName], listed: Mapping[str, int], shared: Collection[str]) -> list[HandedIn]:
    """Return an entry for each hand-in of a name that may be another person's; the class list knows of a single one.

    Where the download has no id that tells people apart, two hand-ins of one name are two entries, not two attempts.
    """
    people: dict[str, list[ReadName]] = {}
    for file in files:
        is_one = not file.same or listed.get(file.student) == 1
        mark = ", ".join(filter(None, (file.same, file.written * (file.same in shared))))
        people.setdefault("" if is_one else mark, []).append(file)
    if len(people) == 1:
        return [_handed_in(files, listed)]
    remark = say("lms.mapped.same_name", count=len(people))
    return [_handed_in(some, listed, mark, remark) for mark, some in people.items()]


def _handed_in(files: Sequence[ReadName], listed: Mapping[str, int], mark: str = "", remark: str = "") -> HandedIn:
    """Return what a student handed in: of several attempts the latest."""
    first = files[0]
    stamps = [file.stamp for file in files if file.stamp]
    last = max(stamps, default=None)
    latest = [file for file in files if file.stamp == last]
    note = say("lms.mapped.latest", count=len(set(stamps))) if len(set(stamps)) > 1 else ""
    remarks = [say("lms.not_in_roster")] * bool(listed and first.student not in listed) + [remark] * bool(remark)
    return HandedIn(
        student=f"{first.student} ({mark})" if mark else first.student,
        name=first.name,
        files=[
            HandedInFile(part.original, part.member, {"member": part.member.name}) for part in latest if part.original
        ],
        late=any(file.late for file in latest) if any(file.late is not None for file in latest) else None,
        note=note,
        lms=({HANDED_IN: last.isoformat(sep=" ")} if last else {}) | ({LISTED_AS: first.student} if mark else {}),
        remark="; ".join(remarks),
        known_as=f"{first.student} ({mark})" if mark else "",
    )


def _roster(mapping: Map, path: Path) -> Counter[str]:
    """Return how often a class list holds each student."""
    sheet = read(path, mapping.export)
    return Counter(filter(None, map(sheet.student, sheet.rows)))


# --- out -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sheet:
    """A table that a system exported: who its rows are for, and which columns could be the assignment's."""

    path: Path
    text: tables.TextFormat
    delimiter: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    mapping: Out

    @cached_property
    def key(self) -> str:
        """The template of the columns that say who a row is for."""
        for template in self.mapping.student:
            if all(name in self.names for name in _FIELD.findall(template)):
                return template
        raise refusal("lms.mapped.no_student_column", path=self.path, columns=self.mapping.student)

    @cached_property
    def names(self) -> Mapping[str, int]:
        """The place of each header."""
        return {title.strip(): at for at, title in reversed(list(enumerate(self.header)))}

    def student(self, row: Sequence[str]) -> str:
        """Return who a row is for."""
        name = _FIELD.sub(lambda match: self.cell(row, match[1]).strip().removeprefix(self.mapping.strip), self.key)
        return unicodedata.normalize("NFC", name).strip()

    def cell(self, row: Sequence[str], title: str) -> str:
        """Return a cell by the header of its column."""
        at = self.names[title]
        return row[at] if at < len(row) else ""

    def columns(self, only: str) -> list[Column]:
        """Return the columns that could be the assignment's; `only` is the title of a column whose header tells none."""
        return [
            Column(
                at, title, groups.get("title", only), groups.get("id", ""), points.as_number(groups.get("possible", ""))
            )
            for at, title in enumerate(self.header)
            if (match := re.match(self.mapping.grade, title.strip())) and (groups := match.groupdict("")) is not None
        ]


def read(path: Path, mapping: Out) -> Sheet:
    """Read a table that a system exported.

    Raises
    ------
    RequestError
        If it is none.
    """
    text = tables.read_text(path)
    delimiter = tables.delimiter(text.text)
    rows = tables.rows(text.text, delimiter, path)
    if not rows:
        raise refusal("lms.mapped.empty", path=path, hint="lms.give_export.hint")
    return Sheet(path, text, delimiter, rows[0], rows[1:], mapping)


def export(system: str, request: Export) -> Done:
    """Write the system's own table with our column filled in, and a zip of feedback pages by student.

    Raises
    ------
    RequestError
        If the mapping or the table cannot be used, or the column cannot be told.
    """
    mapping = mapping_file.of(system, request.mapping)
    if request.template is None and not mapping.export.new:
        raise refusal("lms.mapped.own_table_only", title=mapping.title)
    result = _filled(request, mapping.export) if request.template else _new(request, mapping.export)
    pages = {
        f"{submission.folder.name}/{feedback.PAGE}": submission.folder / feedback.PAGE
        for submission in request.graded
        if request.score(submission) is not None
    }
    path = request.out / FEEDBACK
    write_zip(path, {name: page for name, page in pages.items() if page.is_file()})
    return Done((*result.files, path), result.messages, result.attention)


def _filled(request: Export, mapping: Out) -> Done:
    assert request.template is not None  # noqa: S101  # the caller's condition, for the type checker
    sheet = _keyed(read(request.template, mapping), {_listed(submission.entry) for submission in request.graded})
    column = tables.choose(sheet.columns(request.title), request)
    going = [submission for submission in request.graded if request.score(submission) is not None]
    wanted = {_listed(submission.entry): submission for submission in going}
    students = [sheet.student(row) for row in sheet.rows]
    handed_in, rows_of = Counter(map(_listed, request.manifest.entries)), Counter(students)
    unclear = {student for student in wanted if handed_in[student] > 1 or rows_of[student] > 1}
    filled = FilledTable()
    for student, row in zip(students, sheet.rows, strict=True):
        if student in wanted and student not in unclear:
            _fill(filled, request, sheet, column, row, wanted[student])
        elif mapping.rows == "all":
            filled.rows.append(list(row))
    columns = _kept(sheet, column)
    table = [[row[at] if at < len(row) else "" for at in columns] for row in [sheet.header, *filled.rows]]
    path = request.out / f"{mapping.file}{request.template.suffix.lower() or '.csv'}"
    quoting = csv.QUOTE_ALL if mapping.quote else csv.QUOTE_MINIMAL
    tables.write_text(path, tables.lines(table, sheet.delimiter, sheet.text.newline, quoting=quoting), sheet.text)
    absent = [
        say("lms.mapped.no_row", label=submission.label, file=sheet.path.name)
        for submission in going
        if _listed(submission.entry) not in students
    ]
    absent += [
        _unclear(request, submission, sheet, hand_ins=handed_in[student], rows=rows_of[student])
        for submission in going
        if (student := _listed(submission.entry)) in unclear and student in students
    ]
    messages = [filled.counted(column)]
    messages += points.converted(request.possible, column.possible)
    if mapping.feedback and mapping.feedback not in sheet.names:
        messages.append(say("lms.mapped.no_feedback_column", column=mapping.feedback))
    return Done((path,), tuple(messages), (*absent, *filled.attention, *request.left_blank))


def _listed(entry: Entry) -> str:
    """Return what a class list calls an entry."""
    return unicodedata.normalize("NFC", str(entry.lms.get(LISTED_AS) or entry.student))


def _unclear(request: Export, submission: Graded, sheet: Sheet, *, hand_ins: int, rows: int) -> str:
    """Return why no row was filled in for a student, and the score to enter by hand."""
    values = {
        "label": submission.label,
        "file": sheet.path.name,
        "score": points.number(request.score(submission) or Decimal(0)),
        "possible": request.possible,
    }
    if hand_ins > 1:
        return say("lms.mapped.several_hand_ins", hand_ins=hand_ins, count=rows, **values)
    return say("lms.mapped.several_rows", **values)


def _keyed(sheet: Sheet, students: Collection[str]) -> Sheet:
    """Return a table of any class list with the column in which most students are found; of others the mapping names it."""
    if ANY not in sheet.mapping.student:
        return sheet
    choices = [
        choice for choice in sheet.mapping.student if all(name in sheet.names for name in _FIELD.findall(choice))
    ]
    choices += [f"{{{title}}}" for title in sheet.names if title and not set(title) & set("{}")]
    sheets = [replace(sheet, mapping=msgspec.structs.replace(sheet.mapping, student=(choice,))) for choice in choices]
    return max(
        sheets, key=lambda candidate: sum(candidate.student(row) in students for row in candidate.rows), default=sheet
    )


def _fill(
    filled: FilledTable, request: Export, sheet: Sheet, column: Column, row: Sequence[str], submission: Graded
) -> None:
    """Add a row with our cells filled in; a word where a grade belongs was written by a person, so that row stays as it is."""
    mapping = sheet.mapping
    score = request.score(submission)
    assert score is not None  # noqa: S101  # whoever has none is not wanted
    cells = [*row, *[""] * (len(sheet.header) - len(row))]
    old, new = cells[column.index].strip(), points.out_of(score, request.possible, column.possible)
    before = points.as_number(old)
    if before is None and old not in {"", "-", *mapping.ungraded}:
        filled.attention.append(say("lms.mapped.word_stays", label=submission.label, old=old, file=sheet.path.name))
        if mapping.rows == "all":
            filled.rows.append(list(row))
        return
    if filled.count(before, new):
        filled.attention.append(
            say("lms.mapped.becomes", label=submission.label, old=old, file=sheet.path.name, new=points.number(new))
        )
    cells[column.index] = points.number(new)
    if mapping.feedback in sheet.names:
        at = sheet.names[mapping.feedback]
        if feedback.words_of(cells[at]):
            filled.attention.append(say("lms.mapped.words_stay", label=submission.label, column=mapping.feedback))
        cells[at] = _comment(cells[at], submission, mapping)
        for title, content in mapping.also.items():
            if title in sheet.names:
                cells[sheet.names[title]] = content
    filled.rows.append(cells)


def _comment(before: str, submission: Graded, mapping: Out) -> str:
    if mapping.format == "html":
        return feedback.html_behind(feedback.as_html(before), submission.result)
    return feedback.plain_behind(before, submission.result)


def _kept(sheet: Sheet, column: Column) -> list[int]:
    mapping = sheet.mapping
    if not mapping.keep:
        return list(range(len(sheet.header)))
    titles = {*mapping.keep, mapping.feedback, *mapping.also}
    return [at for at, title in enumerate(sheet.header) if at == column.index or title.strip() in titles]


def _new(request: Export, mapping: Out) -> Done:
    """Write a table of our own; no cell of it can start a formula."""
    rows = []
    for submission in request.graded:
        score = request.score(submission)
        if score is None:
            continue
        values = {
            "student": submission.entry.student,
            "name": submission.entry.name,
            "score": points.number(score),
            "possible": f"{request.possible:g}",
            "feedback": _feedback(submission, mapping),
        }
        rows.append([str(shown_cell(_with(text, values))) for text in mapping.new.values()])
    path = request.out / f"{mapping.file}.csv"
    tables.write_text(
        path, tables.lines([list(mapping.new), *rows], ",", "\r\n"), tables.TextFormat("", "utf-8", marked=True)
    )
    return Done((path,), (f"{len(rows)} scores",), request.left_blank)


def _with(template: str, values: Mapping[str, str]) -> str:
    return _FIELD.sub(lambda field: values.get(field[1], ""), template)


def _feedback(submission: Graded, mapping: Out) -> str:
    if mapping.format == "html":
        return feedback.html(submission.result)
    return feedback.plain(submission.result)
