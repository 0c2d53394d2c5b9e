"""Any other system: a mapping file says how names are read and which columns are written; presets come for some."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

import msgspec

from grader.classroom.manifest import HANDED_IN
from grader.errors import RequestError
from grader.lms.common import feedback, points, tables
from grader.lms.common.archives import Contents, Member, contents, write_zip
from grader.lms.common.layout import File, HandedIn, lay_out, set_aside
from grader.lms.common.system import Collect, Done, Export, Graded
from grader.lms.common.tables import Column
from grader.lms.mapped import mapping_file
from grader.lms.mapped.mapping_file import NO_UNDERSCORE, In, Map, Out
from grader.rendering.gradebook import shown_cell

FEEDBACK = "feedback.zip"
ANY = "{student}"  # among the columns of a mapping: it reads whatever table a class list is
_FIELD = re.compile(r"\{([^{}]+)\}")
_SHORT_HOUR = re.compile(r"(?<!\d)(\d{3})(?=\s*[AP]M)")  # 926 PM: strptime reads 115 PM as five past eleven


# --- in ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Found:
    """A file of a student's: when it was handed in, as far as its name says so, and what must be the same in all of them."""

    student: str
    name: str
    original: str
    late: bool | None
    stamp: datetime | None
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
    roster = _roster(mapping, request.roster) if request.roster else ()
    files_in = contents(request.exports)
    handed_in: dict[str, list[Found]] = {}
    unclear: dict[str, RequestError] = {}
    for member in files_in.members:
        try:
            _place(member, mapping, roster, handed_in, files_in)
        except RequestError as error:
            unclear[member.name] = error
    entries = [_handed_in(files, roster) for files in handed_in.values()]
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
                both = " or ".join(repr(match["student"]) for match in fits)
                raise RequestError(f"{path!r} could be of {both}", hint="take this file out, and grade it by hand")
            if fits:
                return fits[0].groupdict("")
        found = re.match(pattern.replace("{student}", NO_UNDERSCORE), path)
        if found:
            return found.groupdict("")
    return None


def _parsed(member: Member, mapping: In, roster: Sequence[str]) -> dict[str, str] | None:
    """Return the named groups of a path, also below folders that the whole download lies in."""
    parts = member.name.split("/")
    paths = ("/".join(parts[at:]) for at in range(member.shared_depth + 1))
    return next((parsed for path in paths if (parsed := parse(path, mapping, roster)) is not None), None)


def _place(
    member: Member, mapping: Map, roster: Sequence[str], handed_in: dict[str, list[Found]], files_in: Contents
) -> None:
    if any(re.search(pattern, member.name) for pattern in mapping.collect.skip):
        files_in.passed_over += 1
        return
    fields = _parsed(member, mapping.collect, roster)
    if not fields or not fields["student"].strip():
        files_in.refused.append(f"{member.name}: no name that the mapping knows")
        return
    student = fields["student"].strip()
    handed_in.setdefault(student, []).append(
        Found(
            student,
            fields.get("name", "").strip() or student,
            fields.get("original", ""),
            bool(fields["late"]) if "late" in fields else None,
            stamped(fields.get("stamp", ""), mapping.collect.stamp),
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


def _handed_in(files: Sequence[Found], roster: Sequence[str]) -> HandedIn:
    """Return what a student handed in: of several attempts the latest."""
    first = files[0]
    stamps = [file.stamp for file in files if file.stamp]
    last = max(stamps, default=None)
    latest = [file for file in files if file.stamp == last]
    note = f"Of {len(set(stamps))} attempts the latest was taken." if len(set(stamps)) > 1 else ""
    remarks = ["not in the roster"] * bool(roster and first.student not in roster)
    remarks += ["two people of this name, perhaps: see that all is of one"] * (len({file.same for file in files}) > 1)
    return HandedIn(
        student=first.student,
        name=first.name,
        files=[File(part.original, part.member, {"member": part.member.name}) for part in latest if part.original],
        late=any(file.late for file in latest) if any(file.late is not None for file in latest) else None,
        note=note,
        lms={HANDED_IN: last.isoformat(sep=" ")} if last else {},
        remark="; ".join(remarks),
    )


def _roster(mapping: Map, path: Path) -> tuple[str, ...]:
    sheet = read(path, mapping.export)
    return tuple(dict.fromkeys(filter(None, map(sheet.student, sheet.rows))))


# --- out -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sheet:
    """A table that a system exported: who its rows are for, and which columns could be the assignment's."""

    path: Path
    text: tables.Text
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
        raise RequestError(
            f"{self.path} has none of the columns {', '.join(self.mapping.student)}",
            hint="export it again with these columns, or say in a mapping file which one tells who a row is for",
        )

    @cached_property
    def names(self) -> Mapping[str, int]:
        """Where each header stands."""
        return {title.strip(): at for at, title in reversed(list(enumerate(self.header)))}

    def student(self, row: Sequence[str]) -> str:
        """Return who a row is for."""
        return _FIELD.sub(
            lambda match: self.cell(row, match[1]).strip().removeprefix(self.mapping.strip), self.key
        ).strip()

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
        raise RequestError(f"{path} is empty", hint="give the file as the system exported it")
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
        raise RequestError(
            f"{mapping.title} takes back only a table that it exported itself",
            hint="give that file with --gradebook FILE",
        )
    result = _filled(request, mapping.export) if request.template else _new(request, mapping.export)
    pages = {
        f"{submission.folder.name}/{feedback.PAGE}": submission.folder / feedback.PAGE
        for submission in request.graded
        if _goes(request, submission)
    }
    path = request.out / FEEDBACK
    write_zip(path, {name: page for name, page in pages.items() if page.is_file()})
    return Done((*result.files, path), result.said, result.attention)


def _goes(request: Export, submission: Graded) -> bool:
    return request.score(submission) is not None


def _filled(request: Export, mapping: Out) -> Done:
    assert request.template is not None  # noqa: S101  # the caller's condition, for the type checker
    sheet = _keyed(read(request.template, mapping), {submission.entry.student for submission in request.graded})
    column = tables.choose(
        sheet.columns(request.title),
        wanted=request.column,
        known_id=request.assignment_id,
        title=request.title,
        possible=request.possible,
    )
    wanted = {submission.entry.student: submission for submission in request.graded if _goes(request, submission)}
    students = [sheet.student(row) for row in sheet.rows]
    twice = {student for student in wanted if students.count(student) > 1}
    rows = [
        _row(request, sheet, column, row, wanted[student]) if student in wanted and student not in twice else
        (list(row) if mapping.rows == "all" else None)
        for student, row in zip(students, sheet.rows, strict=True)
    ]  # fmt: skip
    columns = _kept(sheet, column)
    table = [[row[at] if at < len(row) else "" for at in columns] for row in [sheet.header, *rows] if row is not None]
    path = request.out / f"{mapping.file}{request.template.suffix.lower() or '.csv'}"
    quoting = csv.QUOTE_ALL if mapping.quote else csv.QUOTE_MINIMAL
    tables.write_text(path, tables.lines(table, sheet.delimiter, sheet.text.newline, quoting=quoting), sheet.text)
    absent = [
        f"{submission.entry.name}: no row in {sheet.path.name}"
        for submission in wanted.values()
        if submission.entry.student not in students
    ]
    absent += [f"{student}: several rows of {sheet.path.name} fit, so none was filled in" for student in sorted(twice)]
    written = len(wanted) - len(absent)
    messages = [f"column {column.header!r}: {written} scores", *points.converted(request.possible, column.possible)]
    if mapping.feedback and mapping.feedback not in sheet.names:
        messages.append(f"no column {mapping.feedback!r}: only scores were written")
    return Done((path,), tuple(messages), (*absent, *request.left_blank))


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


def _row(request: Export, sheet: Sheet, column: Column, row: Sequence[str], submission: Graded) -> list[str]:
    """Return a row with our cells filled in."""
    score = request.score(submission)
    assert score is not None  # noqa: S101  # whoever has none is not wanted
    cells = [*row, *[""] * (len(sheet.header) - len(row))]
    cells[column.index] = points.number(points.out_of(score, request.possible, column.possible))
    mapping = sheet.mapping
    if mapping.feedback in sheet.names:
        cells[sheet.names[mapping.feedback]] = _feedback(submission, mapping)
        for title, content in mapping.also.items():
            if title in sheet.names:
                cells[sheet.names[title]] = content
    return cells


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
        path, tables.lines([list(mapping.new), *rows], ",", "\r\n"), tables.Text("", "utf-8", marked=True)
    )
    return Done((path,), (f"{len(rows)} scores",), request.left_blank)


def _with(template: str, values: Mapping[str, str]) -> str:
    return _FIELD.sub(lambda field: values.get(field[1], ""), template)


def _feedback(submission: Graded, mapping: Out) -> str:
    if mapping.format == "html":
        return feedback.html(submission.result)
    return feedback.plain(submission.result)
