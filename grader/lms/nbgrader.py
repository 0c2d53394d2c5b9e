"""nbgrader: submissions from a course folder or its exchange; feedback and grades back into the course folder.

Feedback goes where `nbgrader release_feedback` looks for it.  The gradebook is a database of nbgrader's own, so a program that
uses nbgrader's interface, and runs where nbgrader is installed, puts the grades in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from grader.classroom.submissions import stem_of, suffix_of
from grader.files import make_private_folder, write
from grader.lms.common.archives import Contents, Member, contents
from grader.lms.common.feedback import PAGE
from grader.lms.common.layout import HandedIn, HandedInFile, lay_out
from grader.lms.common.system import Collect, Done, Export, Graded
from grader.messages import refusal, say

SYSTEM = "nbgrader"
SUBMITTED, INBOUND = "submitted", "inbound"  # folders of a course and of the exchange
IMPORTER = "import_grades.py"
DATA = Path(__file__).parent / "data"
TIMESTAMP, SECRET = "timestamp.txt", "submission_secret.txt"  # the name of a file
_INBOUND = re.compile(r"(?P<student>[^+]+)\+(?P<assignment>[^+]+)\+(?P<timestamp>[^+]+)(?:\+[^+]*)?")


@dataclass(slots=True)
class _Folder:
    """The files that one student handed in for one assignment."""

    student: str
    assignment: str
    timestamp: str = ""
    files: list[tuple[str, Member]] = field(default_factory=list)


def collect(request: Collect) -> Done:
    """Lay out what lies in ``submitted/STUDENT/ASSIGNMENT/`` of a course, or in the exchange's ``inbound/``."""
    files_in = contents([_submitted(source) for source in request.exports])
    exchange = any(source.name == INBOUND for source in request.exports)
    folders = _latest(_folders(files_in, exchange=exchange))
    assignments = sorted({folder.assignment for folder in folders})
    assignment = _assignment(assignments, request.assignment)
    chosen = [folder for folder in folders if folder.assignment == assignment]
    return lay_out(request, SYSTEM, map(_handed_in, chosen), files_in, {"assignment": assignment})


def export(request: Export) -> Done:
    """Write feedback and grades into the course folder `out`."""
    assignment = _part(request.manifest.assignment.get("assignment"), "assignment")
    put = [_feedback(request.out, assignment, submission) for submission in request.graded]
    released, aside = ([path for path, is_known in put if is_known is wanted] for wanted in (True, False))
    tools = request.out / "grader"
    grades = tools / f"{assignment}.json"
    importer = tools / IMPORTER
    make_private_folder(tools)
    write(
        grades,
        msgspec.json.format(msgspec.json.encode(_grades(request, assignment)), indent=2).decode() + "\n",
        private=True,
    )
    write(importer, (DATA / "nbgrader_import.py").read_text(encoding="utf-8"))
    messages = [
        say("lms.nbgrader.release", count=len(released), out=request.out, assignment=assignment),
        say("lms.nbgrader.import", importer=importer, grades=grades),
    ]
    attention = [say("lms.nbgrader.not_released", path=path) for path in aside]
    return Done((grades, importer), tuple(messages), tuple(attention))


# --- in ------------------------------------------------------------------------------------------------------------


def _submitted(source: Path) -> Path:
    """Return the folder of submissions of a course; what is given is that folder already, or the exchange's."""
    if source.name == INBOUND:  # any student can make a folder in it, of any name
        return source
    return next((source / name for name in (SUBMITTED, INBOUND) if (source / name).is_dir()), source)


def _folders(files_in: Contents, *, exchange: bool) -> list[_Folder]:
    """Sort the files by student and assignment; what lies elsewhere is refused.

    Only the folders that nbgrader made are looked at, from the top; all below them is the student's.
    """
    paths = [(member, PurePosixPath(member.name).parts) for member in files_in.members]
    exchange = exchange or any(len(parts) > 1 and _INBOUND.fullmatch(parts[0]) for _, parts in paths)
    tops = [0 if exchange else _top(parts, member.shared_depth) for member, parts in paths]
    folders: dict[tuple[str, str, str], _Folder] = {}
    for (member, parts), top in zip(paths, tops, strict=True):
        placed = _placed(parts[top:], exchange=exchange or parts[:top][-1:] == (INBOUND,))
        if placed is None or (not top and any(tops)):  # other folders of a course hold no submissions
            files_in.refused.append(say("lms.nbgrader.no_name", member=member.name))
            continue
        key, rest = placed
        folders.setdefault(key, _Folder(*key)).files.append(("/".join(rest), member))
    return list(folders.values())


def _top(parts: Sequence[str], shared_depth: int) -> int:
    """Return where the students' folders begin: at the top, or in ``submitted`` or ``inbound``, be it in one folder more."""
    for at in range(min(shared_depth, 1, len(parts) - 2) + 1):
        if parts[at] in {SUBMITTED, INBOUND}:
            return at + 1
    return 0


def _placed(parts: Sequence[str], *, exchange: bool) -> tuple[tuple[str, str, str], Sequence[str]] | None:
    """Return student, assignment and time of a file as its outermost folders say, and its path in the hand-in."""
    if exchange:
        inbound = _INBOUND.fullmatch(parts[0]) if len(parts) > 1 else None
        return ((inbound["student"], inbound["assignment"], inbound["timestamp"]), parts[1:]) if inbound else None
    return ((parts[0], parts[1], ""), parts[2:]) if len(parts) > 2 else None


def _latest(folders: Iterable[_Folder]) -> list[_Folder]:
    """Return the last hand-in of every student; the exchange keeps all of them."""
    last: dict[tuple[str, str], _Folder] = {}
    for folder in sorted(folders, key=lambda folder: folder.timestamp):
        last[folder.student, folder.assignment] = folder
    return list(last.values())


def _assignment(names: list[str], wanted: str | None) -> str:
    if wanted is None and len(names) == 1:
        return names[0]
    if wanted in names and wanted is not None:
        return wanted
    if not names:
        raise refusal("lms.nbgrader.nothing")
    if wanted is None:
        raise refusal("lms.nbgrader.several", count=len(names), names=tuple(names))
    raise refusal("lms.nbgrader.unknown", wanted=wanted, names=tuple(names))


def _handed_in(folder: _Folder) -> HandedIn:
    stamps = [member for name, member in folder.files if name == TIMESTAMP]
    timestamp = folder.timestamp or "".join(_line(member) for member in stamps[:1])
    files = [
        HandedInFile(name, member, {"notebook": stem_of(PurePosixPath(name).name)})
        for name, member in folder.files
        if name not in {TIMESTAMP, SECRET}
    ]
    notebooks = [file for file in files if suffix_of(file.original) or file.original.lower().endswith((".zip", ".md"))]
    return HandedIn(folder.student, "", notebooks or files, lms={"timestamp": timestamp})


def _line(member: Member) -> str:
    with member.open() as file:
        return file.read(200).decode("utf-8", "replace").strip()


# --- out -----------------------------------------------------------------------------------------------------------


def _feedback(course: Path, assignment: str, submission: Graded) -> tuple[Path, bool]:
    """Put a student's page where nbgrader releases it from, with what it needs for that; or aside, if that is not there."""
    student = _part(submission.entry.student, "student")
    notebook = _part(submission.entry.lms.get("notebook") or assignment, "notebook")
    handed_in = course / "submitted" / student / assignment
    secrets = {name: handed_in / name for name in (TIMESTAMP, SECRET)}
    if not (
        handed_in / f"{notebook}.ipynb"
    ).is_file():  # students fetch a page by the name of a notebook that they handed in
        notebook = min((path.stem for path in handed_in.glob("*.ipynb")), default=notebook)
    is_known = all(path.is_file() for path in secrets.values()) and any(handed_in.glob("*.ipynb"))
    folder = course / ("feedback" if is_known else "grader/feedback") / student / assignment
    make_private_folder(folder)
    for name, path in secrets.items() if is_known else ():
        write(folder / name, path.read_bytes(), private=True)
    page = folder / f"{notebook}.html"
    content = (submission.folder / PAGE).read_bytes()
    write(page, content, private=not is_known)  # nbgrader hands its pages to students with the mode that they have here
    return page, is_known


def _grades(request: Export, assignment: str) -> dict[str, Any]:
    """Return what the program reads: one grade cell a function, and every student's points in them."""
    functions = next((submission.result.functions for submission in request.graded), {})
    whole = {
        name: max(submission.result.functions[name].possible for submission in request.graded) for name in functions
    }
    return {
        "schema": "grader-nbgrader/1",
        "assignment": assignment,
        "released": _released(request.out, assignment),
        "cells": [{"name": name, "max_score": possible} for name, possible in whole.items() if possible],
        "submissions": [
            _submission(request, submission) for submission in request.graded if request.score(submission) is not None
        ],
    }


def _released(course: Path, assignment: str) -> list[str]:
    """Return the notebooks of the assignment that students got, as far as the course folder tells."""
    for step in ("release", "source"):
        if names := sorted(path.stem for path in (course / step / assignment).glob("*.ipynb")):
            return names
    return []


def _submission(request: Export, submission: Graded) -> dict[str, Any]:
    functions = submission.result.functions
    scores = {name: function.points for name, function in functions.items() if not function.provisional}
    if (
        submission.absent or submission.result.adjustments
    ):  # a person chose the score: shared out as the functions are worth
        total = float(request.score(submission) or 0)
        scores = {name: total * function.possible / request.possible for name, function in functions.items()}
    notebook = submission.entry.lms.get("notebook")
    return {
        "student": submission.entry.student,
        "notebook": notebook,
        "timestamp": submission.entry.lms.get("timestamp", ""),
        "scores": scores,
    }


def _part(name: object, what: str) -> str:
    """Return a name that is one folder's name and no way out of it."""
    if not isinstance(name, str) or not name or name in {".", ".."} or set(name) & set("/\\\0"):
        raise refusal(f"lms.nbgrader.bad_name.{what}", name=name, hint="lms.nbgrader.bad_name.hint")
    return name
