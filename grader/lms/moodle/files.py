"""Moodle: the zip of submissions in, the grading worksheet and the zip of feedback out.

The rules are those of Moodle's own source: `mod/assign/classes/downloader.php` names the members of the zip,
`mod/assign/feedback/offline` reads the worksheet, `mod/assign/feedback/file/importziplib.php` the feedback.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path, PurePosixPath

from grader.classroom.manifest import HANDED_IN, Entry
from grader.lms.common import feedback, points, tables
from grader.lms.common.archives import Contents, Member, contents, write_zip
from grader.lms.common.layout import HandedIn, HandedInFile, lay_out
from grader.lms.common.system import Collect, Done, Export, Graded
from grader.lms.moodle import worksheet as moodle_worksheet
from grader.lms.moodle.worksheet import SheetRow, Worksheet, cleaned
from grader.messages import refusal, say

WORKSHEET = "moodle-worksheet.csv"
FEEDBACK = "moodle-feedback.zip"

# --- in: the zip of submissions ------------------------------------------------------------------------------------

_FOLDER = re.compile(
    r"(?P<name>.*?)_(?:(?P<id>\d{1,20})_)?(?P<kind>assignsubmission|assignfeedback)_(?P<plugin>[a-z]+)(?:_(?P<rest>.*))?",
    re.ASCII | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class MoodleName:
    """Whose a member of the zip is: of a participant, or of the group (`participant` None) of those without a group."""

    name: str
    participant: str | None
    kind: str
    plugin: str
    original: str


def parse(member: str) -> MoodleName | None:
    """Return whose a member of the zip is, in folders or flat; None if no part of its path is one of Moodle's names."""
    parts = member.split("/")
    for at, part in enumerate(parts):
        match = _FOLDER.fullmatch(part)
        if match:
            path = [*filter(None, [match["rest"]]), *parts[at + 1 :]]
            return MoodleName(match["name"], match["id"], match["kind"], match["plugin"], "/".join(path))
    return None


def collect(request: Collect) -> Done:
    """Lay out the zip of "Download all submissions".

    Raises
    ------
    RequestError
        If the zip cannot be read, or holds nothing of Moodle's.
    """
    sheet = moodle_worksheet.read(request.roster) if request.roster else None
    files_in = contents(request.exports)
    handed_in: dict[str, list[tuple[MoodleName, Member]]] = {}
    for member in files_in.members:
        _place(member, handed_in, files_in)
    names = {files[0][0].name for files in handed_in.values()}
    blind = len(handed_in) > 1 and len(names) == 1
    entries = [_handed_in(files, sheet, blind=blind) for files in handed_in.values()]
    return lay_out(request, "moodle", entries, files_in)


def _place(member: Member, handed_in: dict[str, list[tuple[MoodleName, Member]]], files_in: Contents) -> None:
    name = parse(member.name)
    if name is None or not name.original:
        files_in.refused.append(say("lms.moodle.no_name", member=member.name))
    elif name.kind == "assignfeedback":
        files_in.passed_over += 1  # feedback that was given before
    else:
        handed_in.setdefault(name.participant or name.name, []).append((name, member))


def _handed_in(files: Sequence[tuple[MoodleName, Member]], sheet: Worksheet | None, *, blind: bool) -> HandedIn:
    name = files[0][0]
    student = name.participant or name.name
    kinds = dict.fromkeys(
        say("lms.moodle.online_text") if name.plugin == "onlinetext" else name.plugin for name, _ in files
    )
    file = any(name.plugin == "file" for name, _ in files)
    rows = sheet.of(name.name, name.participant, blind=blind) if sheet else []
    time = sheet.handed_in(rows) if sheet else ""
    handed_in = {HANDED_IN: time} if time else {}
    return HandedIn(
        student=student,
        name=f"{name.name} {student}" if blind else name.name,
        files=[
            HandedInFile(name.original, member, {"zip_member": member.name}, PurePosixPath(name.original).name)
            for name, member in files
            if name.plugin == "file"
        ],
        late=sheet.late(rows) if sheet else None,
        note="" if file else say("lms.moodle.handed_in_as", kinds=tuple(kinds)),
        lms={"participant_id": name.participant, "full_name": name.name, "blind": blind, **handed_in},
    )


# --- out -----------------------------------------------------------------------------------------------------------


_ENGLISH_DATE = re.compile(
    r".*\b(January|February|March|April|May|June|July|August|September|October|November|December)\b.*", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Recipient:
    """A participant who gets an entry's result: their own, or their group's; `row` is their place in the worksheet."""

    graded: Graded
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
    sheet = moodle_worksheet.read(request.template, request.column) if request.template else None
    recipients, attention = _recipients(request, sheet)
    parts = [_worksheet(request, sheet, recipients), _feedback(request, recipients)]
    return Done(
        files=tuple(path for part in parts for path in part.files),
        messages=tuple(message for part in parts for message in part.messages),
        attention=(*request.left_blank, *attention, *(message for part in parts for message in part.attention)),
    )


def _recipients(request: Export, sheet: Worksheet | None) -> tuple[list[Recipient], list[str]]:
    """Return who gets what, and sentences on whom it cannot be brought to."""
    recipients: list[Recipient] = []
    attention = []
    for submission in request.graded:
        if request.score(submission) is None:
            continue
        if sheet is None:
            recipients.append(_without_worksheet(submission))
            continue
        rows = _rows_of(submission.entry, sheet)
        if not rows:
            attention.append(say("lms.moodle.no_row", label=submission.label, student=submission.entry.student))
        elif len(rows) > 1:
            attention.append(say("lms.moodle.group", label=submission.label, count=len(rows)))
        for at in rows:
            cells = sheet.rows[at].cells
            own = str(submission.entry.lms.get("full_name", "")) if submission.entry.lms.get("blind") else cells[1]
            recipients.append(Recipient(submission, sheet.rows[at].participant, own, at))
    return recipients, attention


def _without_worksheet(submission: Graded) -> Recipient:
    participant = submission.entry.lms.get("participant_id")
    if participant is None:
        raise refusal("lms.moodle.group_unclear", label=submission.label)
    return Recipient(submission, str(participant), str(submission.entry.lms.get("full_name", submission.entry.name)))


def _rows_of(entry: Entry, sheet: Worksheet) -> list[int]:
    lms = entry.lms
    return sheet.of(str(lms.get("full_name", entry.name)), lms.get("participant_id"), blind=bool(lms.get("blind")))


def _worksheet(request: Export, sheet: Worksheet | None, recipients: Sequence[Recipient]) -> Done:
    if sheet is None:
        return Done(attention=(say("lms.moodle.no_worksheet"),))
    written = {recipient.row: recipient.graded for recipient in recipients if recipient.row is not None}
    changes = [_filled(request, sheet, row, written.get(at)) for at, row in enumerate(sheet.rows)]
    path = request.out / WORKSHEET
    rows = [change.text for change in changes]
    if rows:
        rows[-1] = moodle_worksheet.last_line(rows[-1], sheet.rows[-1].cells, sheet)
    head = moodle_worksheet.line(sheet.header.cells, sheet, sheet.header.raw) if sheet.rewrite else sheet.header.raw
    tables.write_text(path, head + "".join(rows), sheet.text)
    attention = filter(None, (change.attention for change in changes))
    return Done((path,), _said(request, sheet, changes), (*attention, *_zeros(sheet, changes), *_stale(sheet, written)))


@dataclass(frozen=True, slots=True)
class _CellChange:
    """A row as it is written, and what Moodle will find changed in it; `zero` names whose grade becomes 0."""

    text: str
    grade: bool = False
    comment: bool = False
    attention: str = ""
    zero: str = ""


def _filled(request: Export, sheet: Worksheet, row: SheetRow, submission: Graded | None) -> _CellChange:
    """Return a row with grade and comment; a row that is not ours stays as it was, byte for byte."""
    untouched = moodle_worksheet.line(row.cells, sheet, row.raw) if sheet.rewrite else row.raw
    score = request.score(submission) if submission else None
    if submission is None or score is None:
        return _CellChange(untouched)
    locked = sheet.locked(row)
    if locked:
        message = say("lms.moodle.locked", label=submission.label)
        return _CellChange(untouched, attention=message)
    most = row.cells[sheet.grade + 1]
    cells = list(row.cells)
    grade = _grade(points.out_of(score, request.possible, points.as_number(most)), most)
    before = points.as_number(cells[sheet.grade])
    changed = before != points.as_number(grade)
    cells[sheet.grade] = grade
    if sheet.comments is not None:
        cells[sheet.comments] = comment(row.cells[sheet.comments], submission)
    commented = sheet.comments is not None and cells[sheet.comments] != row.cells[sheet.comments]
    replaced = say("lms.moodle.becomes", label=submission.label, old=row.cells[sheet.grade], new=grade)
    messages = [replaced] if changed and before is not None else []
    if locked is None and sheet.changeable is not None:
        title, word = sheet.header.cells[sheet.changeable], row.cells[sheet.changeable].strip()
        messages.append(say("lms.moodle.maybe_locked", label=submission.label, title=title, word=word))
    zero = submission.label if changed and not points.as_number(grade) else ""
    return _CellChange(moodle_worksheet.line(cells, sheet, row.raw), changed, commented, "; ".join(messages), zero)


def comment(before: str, submission: Graded) -> str:
    """Return the comment of a row: ours behind what people wrote, in place of ours where it is there already."""
    return feedback.html_behind(before, submission.result).replace("\\", "&#92;")


def _grade(value: Decimal, most: str) -> str:
    """Return a grade with the decimals and the decimal mark that the maximum is written with."""
    mark = "," if "," in most else "."
    places = max(2, len(most.strip().partition(mark)[2]))
    return f"{value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP):f}".replace(".", mark)


def _said(request: Export, sheet: Worksheet, changes: Sequence[_CellChange]) -> tuple[str, ...]:
    grades, comments = sum(change.grade for change in changes), sum(change.comment for change in changes)
    zeros = sum(bool(change.zero) for change in changes)
    counted = grades - zeros * bool(sheet.skips_zeros)
    messages = [say("lms.moodle.counts", grades=counted, comments=comments)]
    if zeros and sheet.skips_zeros is None:
        messages.append(say("lms.moodle.counts_without_zeros", grades=grades - zeros))
    messages += points.converted(request.possible, sheet.maximum())
    if sheet.by_place:
        titles = [sheet.header.cells[at] for at in (sheet.grade, sheet.comments) if at is not None]
        messages.append(say("lms.moodle.by_place", titles=tuple(map(repr, titles))))
    if sheet.comments is None:
        messages.append(say("lms.moodle.no_comments"))
    messages.append(say("lms.moodle.order", worksheet=WORKSHEET, feedback=FEEDBACK))
    return tuple(messages)


def _zeros(sheet: Worksheet, changes: Sequence[_CellChange]) -> tuple[str, ...]:
    """Return a sentence that names whose grade of 0 Moodle will not take from a worksheet, or may not."""
    names = [change.zero for change in changes if change.zero]
    if not names or sheet.skips_zeros is False:
        return ()
    if sheet.skips_zeros:
        return (say("lms.moodle.zeros", names=tuple(names)),)
    return (say("lms.moodle.zeros_maybe", names=tuple(names)),)


def _stale(sheet: Worksheet, written: Iterable[int]) -> tuple[str, ...]:
    """Return a sentence where Moodle will skip rows because it cannot read back when they were graded before."""
    dates = [sheet.rows[at].cells[sheet.last].strip() for at in written]
    unread = sum(date not in {"", "-"} and not _ENGLISH_DATE.fullmatch(date) for date in dates)
    return (say("lms.moodle.skipped", count=unread),) if unread else ()


# --- out: feedback -------------------------------------------------------------------------------------------------


def feedback_path(full_name: str, participant: str | int, file: str) -> str:
    """Return the path under which Moodle takes a participant's feedback file."""
    return f"{cleaned(full_name)}_{participant}_assignsubmission_file/{file}"


def _feedback(request: Export, recipients: Sequence[Recipient]) -> Done:
    files: dict[str, bytes | Path] = {}
    missing = []
    for recipient in recipients:
        page = recipient.graded.folder / feedback.PAGE
        if page.is_file():
            files[feedback_path(recipient.full_name, recipient.participant, feedback.PAGE)] = page
        else:
            missing.append(say("lms.moodle.page_missing", label=recipient.graded.label, page=feedback.PAGE))
    path = request.out / FEEDBACK
    write_zip(path, files)
    size = max(1, round(path.stat().st_size / (1 << 20)))
    message = say("lms.moodle.feedback_for", count=len(files), path=path.name, size=size)
    return Done(files=(path,), messages=(message,), attention=tuple(missing))
