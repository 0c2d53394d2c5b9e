"""Canvas: the zip of submissions in, the gradebook and the zip of feedback out.

The rules are those of Canvas's own source: `lib/content_zipper.rb` names the members of the zip, `lib/gradebook_importer.rb`
reads the gradebook, `AbstractAssignment#infer_comment_context_from_filename` the feedback.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from grader.classroom.submissions import suffix_of
from grader.errors import RequestError
from grader.lms.canvas import gradebook as canvas_gradebook
from grader.lms.canvas.gradebook import Gradebook
from grader.lms.canvas.names import CanvasName, is_id, parse, readings, sanitized, without_resubmit_suffix
from grader.lms.common import points, tables
from grader.lms.common.archives import Member, contents, write_zip
from grader.lms.common.layout import HandedIn, HandedInFile, lay_out, set_aside
from grader.lms.common.system import Collect, Done, Export, Graded
from grader.lms.common.tables import Column, FilledTable
from grader.messages import say

GRADEBOOK = "canvas-gradebook.csv"
FEEDBACK = "canvas-feedback.zip"
_NOT_OURS = {"EX": "excused", "N/A": "not_assigned"}


def collect(request: Collect) -> Done:
    """Lay out the zip of "Download Submissions".

    Raises
    ------
    RequestError
        If the zip cannot be read, or holds nothing of Canvas's.
    """
    roster = canvas_gradebook.roster(request.roster) if request.roster else None
    files_in = contents(request.exports)
    handed_in: dict[str, list[tuple[CanvasName, Member]]] = {}
    unclear: dict[str, RequestError] = {}
    for member in files_in.members:
        base = member.name.rpartition("/")[2]
        if _is_unpacked(member):
            files_in.refused.append(say("lms.canvas.unpacked", member=member.name))
            continue
        try:
            name = parse(base, roster)
        except RequestError as error:
            unclear[base] = error
            continue
        if name is None:
            files_in.refused.append(say("lms.canvas.no_name", member=member.name))
        else:
            handed_in.setdefault(name.user, []).append((name, member))
    entries = [_handed_in(user, files, roster) for user, files in handed_in.items()]
    return lay_out(request, "canvas", [*entries, *set_aside(unclear, entries, files_in)], files_in)


def _is_unpacked(member: Member) -> bool:
    """Whether a file lies in a folder that Canvas's zip does not have, so that a student may have given it its name."""
    folders = member.name.split("/")[:-1]
    return len(folders) > member.shared_depth or any(readings(folder) for folder in folders)


def _handed_in(user: str, files: Sequence[tuple[CanvasName, Member]], roster: Mapping[str, str] | None) -> HandedIn:
    first = files[0][0]
    uploads = sorted(
        ((name, member) for name, member in files if name.attachment), key=lambda pair: int(pair[0].attachment or 0)
    )
    names = dict.fromkeys(name.name for name, _ in files)
    login = (roster or {}).get(user, "")
    group = bool(login) and sanitized(login) != sanitized(first.name) and not first.anonymous
    notes = [say("lms.canvas.handed_in_as", kind=name.kind) for name, _ in files if not uploads]
    remarks = [say("lms.not_in_roster")] * bool(roster and not login and not first.anonymous)
    remarks += [say("lms.canvas.several_names", user=user, names=tuple(names))] * (len(names) > 1)
    remarks += [say("lms.canvas.group_or_changed", user=user, login=login)] * group
    return HandedIn(
        student=user,
        name=f"anonymous {user}" if first.anonymous else (first.name if group else login or first.name),
        files=[
            HandedInFile(
                name.original,
                member,
                {"attachment_id": name.attachment, "zip_member": member.name.rpartition("/")[2]},
                without_resubmit_suffix(name.original),
            )
            for name, member in uploads
        ],
        late=any(name.late for name, _ in files),
        note=" ".join(dict.fromkeys(notes)),
        remark="; ".join(remarks),
        known_as=first.name or "anonymous",
        lms={"anonymous_id" if first.anonymous else "user_id": user, "is_group": group},
    )


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
        messages=tuple(message for part in parts for message in part.messages),
        attention=(*request.left_blank, *(message for part in parts for message in part.attention)),
    )


def _gradebook(request: Export) -> Done:
    if request.template is None:
        return Done(messages=(say("lms.canvas.no_gradebook"),))
    if request.graded and all("anonymous_id" in submission.entry.lms for submission in request.graded):
        return Done(attention=(say("lms.canvas.anonymous"),))
    book = canvas_gradebook.read(request.template)
    column = tables.choose(list(book.columns()), request)
    filled = _filled(request, book, column)
    columns = [*range(book.identity), column.index]
    rows = [book.header, *([book.points] if book.points else []), *filled.rows]
    path = request.out / GRADEBOOK
    canvas_gradebook.write(path, [[row[index] if index < len(row) else "" for index in columns] for row in rows], book)
    return Done(
        files=(path,),
        messages=(
            filled.counted(column),
            *points.converted(request.possible, column.possible),
        ),
        attention=tuple(filled.attention),
    )


def _filled(request: Export, book: Gradebook, column: Column) -> FilledTable:
    wanted = {
        submission.entry.student: submission
        for submission in request.graded
        if "anonymous_id" not in submission.entry.lms
    }
    filled = FilledTable()
    for row in book.students:
        submission = wanted.pop(row[book.id_column].strip() if len(row) > book.id_column else "", None)
        if submission is not None:
            _fill(filled, request, book, column, row, submission)
    for submission in wanted.values():
        if request.score(submission) is not None:
            filled.attention.append(
                say("lms.canvas.no_row", name=submission.entry.name, student=submission.entry.student)
            )
    return filled


def _fill(
    filled: FilledTable, request: Export, book: Gradebook, column: Column, row: Sequence[str], submission: Graded
) -> None:
    """Add a student's row with the score, unless Canvas says that there is to be none."""
    score = request.score(submission)
    old = row[column.index].strip() if column.index < len(row) else ""
    if score is None:
        return
    if reason := _NOT_OURS.get(old.upper()):
        filled.attention.append(say(f"lms.canvas.no_score.{reason}", label=submission.label))
        return
    if (name := canvas_gradebook.person(book, row)) != submission.entry.name and sanitized(name) != sanitized(
        submission.entry.name
    ):
        filled.attention.append(
            say("lms.canvas.goes_to", label=submission.label, name=name, student=submission.entry.student)
        )
    new = points.out_of(score, request.possible, column.possible)
    if filled.count(points.as_number(old), new):
        filled.attention.append(say("lms.canvas.becomes", label=submission.label, old=old, new=points.number(new)))
    width = max(len(row), column.index + 1)
    cells = [*row, *[""] * (width - len(row))]
    cells[column.index] = points.number(new)
    filled.rows.append(cells)


# --- out: feedback -------------------------------------------------------------------------------------------------


def _feedback(request: Export) -> Done:
    """Write the zip for "Re-Upload Submissions": each annotated notebook under the name that its original came under."""
    files: dict[str, bytes | Path] = {}
    alone, attention = 0, []
    for submission in request.graded:
        member = submission.entry.lms.get("zip_member")
        if submission.absent and request.score(submission) is None:
            continue
        if not member or not submission.entry.file:
            attention.append(say("lms.canvas.no_notebook", label=submission.label))
        elif suffix_of(submission.entry.file) != ".ipynb":
            attention.append(say("lms.canvas.script", label=submission.label))
        else:
            page = submission.folder / "annotated.ipynb"
            alone += not page.is_file() and not submission.absent
            files[_returned_as(submission)] = page if page.is_file() else _notes_alone(submission)
    if alone:
        attention.append(say("lms.canvas.notes_alone", count=alone))
    path = request.out / FEEDBACK
    write_zip(path, files)
    return Done(
        files=(path,), messages=(say("lms.feedback_for", count=len(files), path=path.name),), attention=tuple(attention)
    )


def _returned_as(submission: Graded) -> str:
    """Return the name that a file goes back under: the one it came under, unless Canvas would misread its own.

    Canvas takes the first two numbers between underscores for the user and the attachment, whatever the user's name holds.
    It passes over a file whose last part begins with ``link``, which is what it calls an address that was handed in.
    """
    lms = submission.entry.lms
    member = str(lms["zip_member"])
    user, attachment = lms.get("user_id"), lms.get("attachment_id")
    if (anonymous := lms.get("anonymous_id")) is not None:
        ids, right = f"anon_{anonymous}_{attachment}", True
    else:
        ids = f"user_{user}_{attachment}"
        right = bool(lms.get("is_group")) or [part for part in member.split("_") if is_id(part)][:2] == [
            user,
            attachment,
        ]
    if right and not _is_passed_over(member):
        return _as_notebook(member)
    original = PurePosixPath(member.partition(f"_{attachment}_")[2] or str(submission.entry.original)).name
    return _as_notebook(f"{ids}_{re.sub('(^|_)link', '-link', original)}")


def _is_passed_over(member: str) -> bool:
    return member.startswith("._") or member.rsplit("_", maxsplit=1)[-1].startswith("link")


def _as_notebook(name: str) -> str:
    """Return the name with the ending of a notebook, in place of that of the zip that it came in."""
    return f"{name[:-4]}.ipynb" if name.lower().endswith(".zip") else name


def _notes_alone(submission: Graded) -> bytes:
    from grader.rendering import annotated

    return annotated.notebook(None, submission.result).encode()
