"""A class list: whose a submission is, who handed in several, and who handed in nothing."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from pathlib import Path, PurePosixPath

from grader.classroom.manifest import Entry, Manifest
from grader.classroom.remembered import Roster, RosterChange
from grader.classroom.submissions import Submission, changed, stem_of
from grader.messages import failure, refusal, say

# What columns are called, as they are in exports of learning management systems; the first that is there counts.
# In "student" a plain `student` is last: beside an id it is a name, in Canvas's gradebook for example.
_HEADINGS: Mapping[str, list[str]] = {
    "student": "id, student id, studentid, sis user id, sid, id number, identifier, user id, uid, student".split(", "),
    "login": "login, sis login id, login id, username, user name, netid, uniqname, account".split(", "),
    "email": "email, e mail, email address, mail".split(", "),
    "name": "name, full name, student name, sortable name, display name, student".split(", "),
    "first": "first name, firstname, given name".split(", "),
    "last": "last name, lastname, surname, family name".split(", "),
}
SYSTEM = "spreadsheet"  # what the manifest of a class list names as its system
MOST_BYTES = 32 << 20
SHORT_DIGITS = 4  # a number this short may as well be that of a week, an exercise or a year
NUMBERS = 2  # the place of the first rule that goes by short numbers alone
MOST_WORDS = 6  # of a name or identifier
_ZIP = re.compile(r"\.zip$", re.IGNORECASE)
_Index = Mapping[str, set[str]]


@dataclass(frozen=True, slots=True)
class Person:
    """One row of the list: the identifier that grades go by, and what files of theirs may be called."""

    student: str
    ids: frozenset[str]
    names: frozenset[str]


def read(path: Path) -> Roster:
    """Return the bytes of a class list, which say who somebody is.

    Raises
    ------
    RequestError
        If the file cannot be read, or `parse` refuses it.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise refusal("classroom.roster.too_large", path=path, hint="classroom.roster.hint")
        roster = Roster(str(path), path.read_bytes())
    except OSError as error:
        raise refusal(
            "classroom.roster.unreadable", path=path, reason=error.strerror, hint="classroom.roster.hint"
        ) from None
    parse(roster.data, roster.path)
    return roster


def parse(data: bytes, path: str) -> tuple[Person, ...]:
    """Return the people of a class list; `path` is where it lay.

    Raises
    ------
    RequestError
        If no column says who somebody is, or two people have one identifier.
    """
    try:
        rows = _rows(data.decode("utf-8-sig"), path)
    except UnicodeDecodeError:
        raise refusal("classroom.roster.not_utf8", path=path) from None
    columns = _columns(rows[0] if rows else ())
    if not columns.keys() & {"student", "login", "email", "name", "last"}:
        raise refusal("classroom.roster.no_column", path=path, hint="classroom.roster.hint")
    people = [person for row in rows[1:] if (person := _person(row, columns)) is not None]
    student, times = Counter(person.student for person in people).most_common(1)[0] if people else ("", 0)
    if times > 1:
        raise refusal("classroom.roster.twice", path=path, student=student)
    return tuple(people)


def _rows(text: str, path: str) -> list[list[str]]:
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text)))
    except csv.Error as error:
        raise refusal("classroom.roster.not_csv", path=path, error=error, hint="classroom.roster.hint") from None


def match(submissions: Sequence[Submission], people: Sequence[Person]) -> list[Submission]:
    """Return the submissions with their students, and one without a file for everybody who handed in nothing.

    A submission that has a student keeps it.  A file or folder name fits a person if it is their identifier, login, email or
    name, or holds one of these as a word; a short number fits only where nothing else does.  Where it fits several, it is
    nobody's.  A name inside a zip that was handed in never says whose a file is.  A file that fits somebody by less than
    their own file does is nobody's either.
    """
    indexes = _indexes(people)
    matches, strengths = [], dict[str, int]()
    for submission in submissions:
        student, strength = (submission.student, 0) if submission.student else _whose(submission, indexes)
        matches.append((replace(submission, student=student), strength))
        if student:
            strengths[student] = min(strength, strengths.get(student, strength))
    sure = [
        replace(submission, student=None)
        if submission.student and _is_weak(strength, strengths[submission.student])
        else submission
        for submission, strength in matches
    ]
    theirs = defaultdict[str, list[Submission]](list)
    for submission in sure:
        if submission.student:
            theirs[submission.student].append(submission)
    placed = [
        _among(submission, theirs[submission.student]) if submission.student else submission for submission in sure
    ]
    taken = {submission.name for submission in placed}
    absent = [_absent(submission, taken) for submission in people if submission.student not in theirs]
    return sorted([*placed, *absent], key=lambda submission: submission.name)


def without(roster: Roster, people: Collection[str]) -> Roster:
    """Return a class list without the rows of some people, as their identifiers name them."""
    rows = _rows(roster.data.decode("utf-8-sig"), roster.path)
    columns = _columns(rows[0] if rows else ())
    some = rows[:1]
    for row in rows[1:]:
        person = _person(row, columns)
        if person is None or person.student not in people:
            some.append(row)
    if len(some) == len(rows):
        return roster
    text = io.StringIO(newline="")
    csv.writer(text).writerows(some)
    return Roster(roster.path, text.getvalue().encode())


def require_same(submissions: Sequence[Submission], before: Sequence[Person], people: Sequence[Person]) -> None:
    """Refuse a class list that takes somebody's file away, or somebody out of the class; new people are welcome.

    Raises
    ------
    RosterChange
        If it does.
    """
    gone = sorted({submission.student for submission in before} - {submission.student for submission in people})
    earlier, later = (
        {submission.name: submission.student for submission in match(submissions, some)} for some in (before, people)
    )
    moved = [
        submission.name
        for submission in submissions
        if earlier[submission.name] and earlier[submission.name] != later[submission.name]
    ]
    if gone or moved:
        who = [say("classroom.roster.gone", count=len(gone), name=repr(gone[0]))] if gone else []
        who += [say("classroom.roster.moved", count=len(moved), name=moved[0])] if moved else []
        raise failure(RosterChange, "classroom.roster.changed", changes="; ".join(who))


def manifest(submissions: Iterable[Submission]) -> Manifest:
    """Return the manifest of a class list: whose each file that counts is, and who handed in nothing."""
    theirs = [submission for submission in submissions if submission.student and submission.counts]
    entries = [
        Entry(file=submission.name if submission.path else None, student=submission.student or "")
        for submission in theirs
    ]
    return Manifest(system=SYSTEM, entries=tuple(entries))


def _absent(person: Person, taken: set[str]) -> Submission:
    name = person.student if person.student not in taken else f"{person.student} (no file)"
    return Submission(name, None, student=person.student)


def _among(submission: Submission, all_of_them: Sequence[Submission]) -> Submission:
    """Say which of several files of one person counts: the one that was changed last."""
    files = [file for file in all_of_them if file.path is not None]
    if len(files) < 2:
        return submission
    counts = max(files, key=lambda file: (changed(file), file.name))
    others = tuple(file.name for file in files if file is not counts)
    note = say("classroom.several_files.changed", total=len(files), name=counts.name, others=others)
    return replace(submission, notes=(*submission.notes, note), counts=submission is counts)


def _indexes(people: Iterable[Person]) -> tuple[_Index, ...]:
    """Return whom keys may mean, from the strongest: a whole name, words in it, a whole short number, a short number in it."""
    wholes, words, numbers, pieces = (defaultdict[str, set[str]](set) for _ in range(4))
    for person in people:
        for key in person.ids:
            short = key.isdigit() and len(key) <= SHORT_DIGITS
            (numbers if short else wholes)[key].add(person.student)
            (pieces if short else words)[_words(key)].add(person.student)
        for key in person.names:
            wholes[key].add(person.student)
            words[key].add(person.student)
    return wholes, words, numbers, pieces


def _whose(submission: Submission, indexes: Sequence[_Index]) -> tuple[str | None, int]:
    """Return whose a file is by its name, and the place of the rule that says so.

    The outermost part that means somebody decides.  A part inside that means another person at least as clearly makes the
    file nobody's.  Inside a zip that was handed in the student chose the names, so these can only contradict.
    """
    outer = submission.hand_in or submission.name
    inner = submission.name.removeprefix(outer).lstrip("/") if submission.hand_in else ""
    around, inside = ([_fits(part, indexes) for part in PurePosixPath(path).parts] for path in (outer, inner))
    strength, students = next((fit for fit in around if fit[0] < NUMBERS), min(around, key=itemgetter(0)))
    if not students:
        return None, 0
    others = [fit for place, fit in (*around, *inside) if place <= strength]
    everybody = students.union(*others)
    return (next(iter(everybody)) if len(everybody) == 1 else None), strength


def _fits(part: str, indexes: Sequence[_Index]) -> tuple[int, set[str]]:
    """Return whom one part of a path may mean, by the first rule that fits, and the place of that rule."""
    stem = stem_of(_ZIP.sub("", part))
    whole, pieces = {stem.casefold(), _words(stem)}, set(_pieces(_words(stem).split()))
    for strength, (keys, index) in enumerate(zip((whole, pieces, whole, pieces), indexes, strict=True)):
        students = {student for key in keys if key in index for student in index[key]}
        if students:
            return strength, students
    return len(indexes), set()


def _is_weak(strength: int, strongest: int) -> bool:
    """Whether only a short number says that a file is somebody's who has one of their own."""
    return strength >= NUMBERS > strongest


def _pieces(words: Sequence[str]) -> Iterator[str]:
    """Yield the runs of words in a name."""
    for start in range(len(words)):
        for end in range(start + 1, min(len(words), start + MOST_WORDS) + 1):
            yield " ".join(words[start:end])


def _words(text: str) -> str:
    """Return the words of a name in small letters without accents, one blank between them."""
    plain = unicodedata.normalize("NFKD", text)
    letters = "".join(char for char in plain if not unicodedata.combining(char)).casefold()
    return " ".join(re.findall(r"[^\W_]+", letters))


def _columns(headings: Iterable[str]) -> dict[str, int]:
    names_read = [_words(heading) for heading in headings]
    columns = {}
    for meaning, names in _HEADINGS.items():
        index = next((names_read.index(name) for name in names if name in names_read), None)
        if index is not None:
            columns[meaning] = index
    return columns


def _person(row: Sequence[str], columns: Mapping[str, int]) -> Person | None:
    cells = {
        meaning: row[index].strip() for meaning, index in columns.items() if index < len(row) and row[index].strip()
    }
    full = cells.get("name") or " ".join(filter(None, [cells.get("first"), cells.get("last")]))
    student = cells.get("student") or cells.get("login") or cells.get("email") or full
    if not student:
        return None
    email = cells.get("email", "")
    ids = {cells.get("student", ""), cells.get("login", ""), email, email.partition("@")[0]} - {""}
    return Person(
        student,
        frozenset(identifier.casefold() for identifier in ids),
        frozenset(filter(None, _spellings(full, cells))),
    )


def _spellings(full: str, cells: Mapping[str, str]) -> Iterator[str]:
    """Yield a name in both orders, and run together: `Ada Lovelace`, `Lovelace, Ada`, `lovelaceada`."""
    first, last = cells.get("first", ""), cells.get("last", "")
    if not (first and last) and "," in full:
        last, _, first = full.partition(",")
    orders = {full, f"{first} {last}", f"{last} {first}"}
    words = full.replace(",", " ").split()
    if not (first and last) and len(words) == 2:
        orders |= {" ".join(words), " ".join(reversed(words))}
    for order in orders:
        plain = _words(order)
        if len(plain.split()) > 1:
            yield plain
            yield plain.replace(" ", "")


def _delimiter(text: str) -> str:
    heading = text.partition("\n")[0]
    return max(",;\t", key=heading.count)
