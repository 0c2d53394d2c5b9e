"""The collected folder: one file an entry, under a name that is safe everywhere, and manifest.json beside them."""

from __future__ import annotations

import hashlib
import re
import shutil
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from grader.classroom import manifest as manifests
from grader.classroom.manifest import Entry, Manifest
from grader.classroom.submissions import (
    MOST_FILES,
    PEEKED_BYTES,
    Submission,
    Wanted,
    find_in_zip,
    is_markdown_notebook,
    suffix_of,
    unpacked_bytes,
    with_folders,
)
from grader.classroom.submissions import opened as opened_submission
from grader.errors import RequestError
from grader.files import make_private_folder, replacing, write
from grader.lms.common.archives import MOST_ZIP_BYTES, Contents, Member
from grader.lms.common.choice import done_in, is_notebook
from grader.lms.common.system import Collect, Done, label, namesakes
from grader.messages import refusal, say
from grader.reading.notebook import SOURCE_LIMIT_BYTES
from grader.records.wording import first_few


@dataclass(frozen=True, slots=True)
class HandedInFile:
    """A file that was handed in: the name it came under, where it lies, and what the LMS needs back if it is graded.

    `known_as` is that name without what the LMS adds to it when a file is handed in again.
    """

    original: str
    member: Member
    lms: Mapping[str, Any] = field(default_factory=dict)
    known_as: str = ""


@dataclass(frozen=True, slots=True)
class HandedIn:
    """What one entry of the LMS handed in; fields as in `Entry`.  Of files that fit equally well the last one counts.

    `note` is shown to the student as well, `remark` only to whoever collects; `known_as` is the name that the file is laid out
    under, before the student's identifier, where that should not change with what else is known.
    """

    student: str
    name: str
    files: Sequence[HandedInFile] = ()
    late: bool | None = None
    note: str = ""
    lms: Mapping[str, Any] = field(default_factory=dict)
    remark: str = ""
    known_as: str = ""


def set_aside(unclear: Mapping[str, RequestError], others: Collection[object], contents: Contents) -> list[HandedIn]:
    """Return an entry without a file for each name that can be read in several ways; the reason is named, the class goes on.

    Raises
    ------
    RequestError
        If there are no `others`: nothing could be collected.
    """
    errors = list(unclear.values())
    if errors and not others:
        first, *others_unclear = errors
        problem = (
            say("lms.as_unclear", problem=first.problem, count=len(others_unclear)) if others_unclear else first.problem
        )
        raise RequestError(problem, hint=first.hint)
    contents.refused += [say("lms.set_aside", problem=error.problem, hint=error.hint) for error in errors]
    note = say("lms.set_aside.note")
    return [HandedIn(path, say("lms.set_aside.name", path=path), note=note) for path in unclear]


def lay_out(
    request: Collect,
    system: str,
    handed_in: Iterable[HandedIn],
    contents: Contents,
    assignment: Mapping[str, Any] | None = None,
) -> Done:
    """Write the file that counts of every entry, and the manifest; say what was found.

    Raises
    ------
    RequestError
        If nothing was handed in, or the folder cannot be written.
    """
    entries = sorted(handed_in, key=lambda hand_in: (hand_in.name.casefold(), hand_in.student))
    if not entries:
        sources = ", ".join(map(str, request.exports))
        raise refusal("lms.nothing_of_system", sources=sources, hint="lms.give_zip.hint")
    make_private_folder(request.out)
    try:
        usual = _usual(entries)
        laid = tuple(
            _entry(request, hand_in, path, usual) for hand_in, path in zip(entries, _paths(entries), strict=True)
        )
    except OSError as error:
        raise refusal("lms.not_written", path=request.out, reason=error.strerror) from None
    manifest = manifests.sealed(Manifest(system=system, assignment=dict(assignment or {}), entries=laid))
    write(request.out / manifests.FILE, manifests.encode(manifest), private=True)
    summary = _done(request, entries, laid, contents)
    return summary if manifest.seal else replace(summary, attention=(*summary.attention, say("lms.unsealed")))


def _entry(request: Collect, hand_in: HandedIn, stem: str, usual: str) -> Entry:
    with ExitStack() as unpacked:
        files, left = _opened(hand_in.files, request.functions, unpacked)
        able = [file for file in files if _is_able(file, request.functions)]
        left += max(0, len(able) - MOST_FILES)
        able = able[:MOST_FILES]
        chosen = _chosen(able, request.functions, usual)
        notes = [hand_in.note]
        file = sha256 = None
        if chosen:
            file = f"{stem}{suffix_of(chosen.original) or PurePosixPath(chosen.original).suffix.lower()}"
            sha256, note = _copy(chosen.member, request.out / file)
            notes.append(note)
        elif files:
            notes.append(say("lms.no_notebook_among", files=first_few([file.original for file in files], MOST_FILES)))
        if aside := [file.original for file in files if file.member.too_large and file is not chosen]:
            notes.append(say("lms.aside_too_large", files=first_few(aside, MOST_FILES)))
        if left:
            notes.append(say("lms.looked_at_some", count=left + len(able), most=len(able)))
    return Entry(
        file=file,
        student=hand_in.student,
        name=hand_in.name,
        original=chosen.original if chosen else None,
        sha256=sha256,
        late=hand_in.late,
        others=tuple(file.original for file in files if file is not chosen)[: manifests.MOST_OTHERS + 1],
        note=" ".join(note for note in notes if note),
        lms={**hand_in.lms, **(chosen.lms if chosen else {})},
    )


def _opened(
    files: Sequence[HandedInFile], functions: Sequence[str], unpacked: ExitStack
) -> tuple[list[HandedInFile], int]:
    """Return the files of a hand-in, in place of each zip the notebooks in it; and how many of these are left out."""
    opened, left = [], 0
    for file in files:
        inner, more = _of_zip(file, functions, unpacked) if file.original.lower().endswith(".zip") else ([], 0)
        opened += inner or [file]
        left += more
    return opened, left


def _of_zip(file: HandedInFile, functions: Sequence[str], unpacked: ExitStack) -> tuple[list[HandedInFile], int]:
    """Return the notebooks in a zip that was handed in, unpacked for a while, and how many of them are left out."""
    if file.member.too_large or file.member.size_bytes > MOST_ZIP_BYTES:
        return [], 0
    folder = Path(unpacked.enter_context(TemporaryDirectory(prefix="grader-")))
    packed = folder / "packed.zip"
    try:
        with file.member.open() as source, packed.open("xb") as copy:
            shutil.copyfileobj(source, copy)
    except OSError:
        raise
    except Exception:  # each way of packing has errors of its own; it is named as no notebook
        return [], 0
    inner = find_in_zip(packed, file.original, Wanted(functions))
    files = []
    for number, submission in enumerate(inner.submissions):
        path, size_bytes = folder / str(number), unpacked_bytes(submission)
        if size_bytes <= SOURCE_LIMIT_BYTES:  # what is too large is never unpacked
            with suppress(RequestError), opened_submission(submission) as member:
                shutil.copyfile(member, path)
            path.touch()  # what cannot be unpacked is empty, so the batch says that it cannot be read
        files.append(
            HandedInFile(submission.name, Member(submission.name, size_bytes, path), file.lms, _base(submission.name))
        )
    return files, sum(inner.left_out.values())


def _base(name: str) -> str:
    return PurePosixPath(name).name


def _is_able(file: HandedInFile, functions: Sequence[str]) -> bool:
    """Whether a file can be graded, by its name; a Markdown file by what is in it."""
    if suffix_of(file.original):
        return True
    if not file.original.lower().endswith(".md"):
        return False
    with suppress(Exception), file.member.open() as opened:  # each way of packing has errors of its own
        return is_markdown_notebook(_base(file.original), opened.read(PEEKED_BYTES), functions)
    return False


def _usual(entries: Sequence[HandedIn]) -> str:
    """Return the name that most notebooks of the class came under."""
    names = Counter(
        file.known_as or file.original for hand_in in entries for file in hand_in.files if is_notebook(file.original)
    )
    return max(names, key=lambda name: (names[name], name), default="")


def _chosen(able: Sequence[HandedInFile], functions: Sequence[str], usual: str) -> HandedInFile | None:
    """Return the file that is graded."""
    if len(able) < 2:
        return able[0] if able else None
    ranks = [
        (_filled_in(file, functions), is_notebook(file.original), (file.known_as or file.original) == usual, place)
        for place, file in enumerate(able)
    ]
    return able[max(ranks)[-1]]


def _filled_in(file: HandedInFile, functions: Sequence[str]) -> tuple[int, int]:
    """Return how much of the exercise is done in a file, nothing where it cannot be read."""
    if file.member.too_large or file.member.size_bytes > SOURCE_LIMIT_BYTES:
        return 0, 0
    try:
        with file.member.open() as opened:
            data = opened.read(SOURCE_LIMIT_BYTES)
    except Exception:  # each way of packing has errors of its own
        return 0, 0
    return done_in(data, file.original, functions)


def _copy(member: Member, path: Path) -> tuple[str | None, str]:
    """Copy a file out; return its hash, or a sentence on why there is none.

    What is too large to be graded becomes as large a hole, and what cannot be unpacked an empty file, so that the batch says
    of both what they are: unreadable, not absent.
    """
    digest = hashlib.sha256()
    with replacing(path, private=True) as draft:
        if member.too_large or member.size_bytes > SOURCE_LIMIT_BYTES:
            draft.truncate(SOURCE_LIMIT_BYTES + 1)
            return None, say("lms.file_too_large", size=member.size_bytes >> 20)
        try:
            with member.open() as source:
                while chunk := source.read(1 << 20):
                    digest.update(chunk)
                    draft.write(chunk)
        except OSError:
            raise
        except Exception as error:  # each way of packing has errors of its own
            draft.seek(0)
            draft.truncate()
            encrypted = isinstance(error, RuntimeError) and "encrypted" in str(error)
            return None, say("lms.file_encrypted") if encrypted else say("lms.file_damaged")
    return digest.hexdigest(), ""


def _paths(entries: Sequence[HandedIn]) -> list[str]:
    """Return a file name without suffix for every entry: plain letters, unique, allowed on every system."""
    wanted = []
    for hand_in in entries:
        parts = dict.fromkeys(filter(None, (_plain(hand_in.known_as or hand_in.name), _plain(hand_in.student))))
        wanted.append(Submission("_".join(parts) or "entry", Path()))
    return [placed.folder for placed in with_folders(wanted, {})]


def _plain(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9-]+", "_", letters).strip("_-")[:60]


def _done(request: Collect, handed_in: Sequence[HandedIn], entries: Sequence[Entry], contents: Contents) -> Done:
    files = [entry for entry in entries if entry.file]
    messages = [say("lms.entries", count=len(entries), files=len(files), without=len(entries) - len(files))]
    late = sum(bool(entry.late) for entry in entries)
    messages += [say("lms.late", count=late)] * bool(late)
    messages += [say("lms.passed_over", count=contents.passed_over)] * bool(contents.passed_over)
    same = namesakes(entries)
    attention = [
        _remarks(hand_in, entry, is_namesake=entry.student in same)
        for hand_in, entry in zip(handed_in, entries, strict=True)
    ]
    manifest = request.out / manifests.FILE
    return Done((manifest,), tuple(messages), tuple(filter(None, attention)), tuple(contents.refused))


def _remarks(hand_in: HandedIn, entry: Entry, *, is_namesake: bool) -> str:
    """Return what is to be said of an entry to whoever collects, nothing where nothing is odd."""
    several = sum(bool(suffix_of(name)) for name in entry.others)
    remarks = [
        entry.note,
        hand_in.remark,
        say("lms.taken", original=entry.original, others=first_few(entry.others, MOST_FILES)) if several else "",
    ]
    remarks += [say("lms.no_file")] * (entry.file is None and not hand_in.note and not hand_in.files)
    sentence = "; ".join(part for part in remarks if part)
    return f"{label(entry, is_namesake=is_namesake)}: {sentence}" if sentence else ""
