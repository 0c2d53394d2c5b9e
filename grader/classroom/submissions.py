"""Finds the submissions in a folder or zip, with the name and the safe folder name of each."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import re
import shutil
import stat
import statistics
import tempfile
import time
import unicodedata
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from itertools import chain, count
from pathlib import Path, PurePosixPath
from typing import IO

from grader.classroom import manifest as manifests
from grader.errors import RequestError, UnavailableError, fault_of_environment
from grader.messages import failure, refusal, say

SUFFIXES = (".ipynb", ".py")
MOST_FILES = 20  # notebooks of one hand-in that are graded
USUAL_FILES = 3  # folders that typically hold no more than this are one hand-in each, not sections of a class
MOST_UNPACKED_BYTES = 512 << 20  # of one member of a zip; above 64 MB it is refused when it is read
MOST_INNER, MOST_INNER_BYTES = 2, 64 << 20  # zips in zips: how deep, and how large each of them
MOST_INNER_FILES = 10_000  # files in a zip that was handed in: reading its directory takes memory for each
MOST_INNER_TOTAL_BYTES = 256 << 20  # all zips inside one hand-in
MOST_NAMED = 20  # other files of one zip that are named; more are counted
MOST_PEEKED, PEEKED_BYTES = 50, 256 << 10  # Markdown files of one zip that are looked into, and how far
MOST_NAME = 1000  # characters of a submission's name
_NOT_OURS = frozenset({"lost+found", "System Volume Information", "$RECYCLE.BIN"})  # the file system's own folders
SETTLED_NS = 2_000_000_000  # file systems tell times in steps of up to 2 s
_RESERVED = re.compile(
    r"(?:con|prn|aux|nul|com\d|lpt\d|index|grades|manifest|class-\d+)(?:\..*)?$|lab\.html$", re.IGNORECASE
)
# Safari and Chrome put .json or .txt behind it, Canvas and a second download a number between them
_RENAMED = re.compile(
    r"\.ipynb(?:[ _-]?\(?\d{1,3}\)?)?(?:(?:\.(?:json|txt))(?:[ _-]?\(?\d{1,3}\)?)?){1,2}$", re.IGNORECASE
)
_FRONT_MATTER = re.compile(rb"---[ \t]*\r?\n(?:[^\n]*\n){0,30}?(?:jupytext|jupyter|kernelspec)[ \t]*:")
_FENCES = (b"```", b"~~~")  # a line that begins so opens or closes code in Markdown
_CENTRAL, _END, _END_64 = (
    b"PK\x01\x02",
    b"PK\x05\x06",
    b"PK\x06\x07",
)  # before entries and at the end of a zip's directory
_TAIL_BYTES = 16 << 20  # where a zip's directory is


def suffix_of(name: str) -> str:
    """Return ``.ipynb`` or ``.py`` for the name of a notebook or script, also as browsers rename notebooks; else nothing."""
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in SUFFIXES:
        return suffix
    return ".ipynb" if _RENAMED.search(name) else ""


def stem_of(name: str) -> str:
    """Return a name without the ending that makes it a notebook or script."""
    suffix = PurePosixPath(name).suffix
    if suffix.lower() in SUFFIXES:
        return name[: -len(suffix)]
    return _RENAMED.sub("", name)


def is_markdown_notebook(name: str, begin: bytes, functions: Sequence[str]) -> bool:
    """Whether a Markdown file is a notebook: Jupytext says so at its top, or its code defines one of the functions."""
    if _FRONT_MATTER.match(begin.removeprefix(b"\xef\xbb\xbf")):
        return True
    if PurePosixPath(name).stem.lower() == "readme" or not functions:
        return False
    wanted = re.compile(rf"^[ \t]*def[ \t]+(?:{'|'.join(map(re.escape, functions))})[ \t]*\(".encode())
    is_code = False
    for line in begin[:PEEKED_BYTES].split(b"\n"):
        if line.startswith(_FENCES):
            is_code = not is_code
        elif is_code and wanted.match(line):
            return True
    return False


@dataclass(frozen=True, slots=True)
class Submission:
    """A submitted file: its name below the source, and where it lies (in a zip: the member; in a zip in a zip: both).

    `path` is None for somebody who handed in nothing.  `stat` is what the file system says of the file, empty where that
    cannot vouch for its content; `student` is the identifier of the LMS or roster; `notes` are sentences for the page;
    `counts` is false where another file of this student does.  `hand_in` is the name of the zip that it was handed in with:
    what follows in `name` was chosen by the student.  It is empty for files that lie in a source by themselves.
    """

    name: str
    path: Path | None
    members: tuple[str, ...] = ()
    folder: str = ""
    stat: str = ""
    student: str | None = None
    notes: tuple[str, ...] = ()
    counts: bool = True
    hand_in: str = ""

    @property
    def handed(self) -> str:
        """A name for what is known of the hand-in apart from its file; empty where that is nothing."""
        facts = (self.student, self.notes)  # of several files of one person, the notes say which one counts
        return hashlib.sha256(repr(facts).encode("utf-8", "replace")).hexdigest() if any(facts) else ""


@dataclass(slots=True)
class Sources:
    """What was found: submissions, other files with the reason why they are not graded, and how many were passed over.

    `left_out` counts by hand-in the notebooks beyond the limit; `unavailable` maps folders and zips that could not be looked
    into, through no fault of theirs, to the reason.
    """

    submissions: list[Submission] = field(default_factory=list)
    ignored: dict[str, str] = field(default_factory=dict)
    passed_over: int = 0
    manifest: manifests.Manifest | None = None
    left_out: dict[str, int] = field(default_factory=dict)
    unavailable: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look for: the functions that Markdown notebooks define, and the limit of notebooks for one hand-in."""

    functions: Sequence[str] = ()
    most: int = MOST_FILES


@dataclass(slots=True)
class _Search:
    """A search through folders and zips: what to look for, and what was found.

    In a zip that somebody `handed_in`, and all zips inside, it is bounded: `files`, `inner_bytes` and `peeked` add up.
    """

    wanted: Wanted
    found: Sources = field(default_factory=Sources)
    handed_in: bool = False
    files: int = 0
    inner_bytes: int = 0
    peeked: int = 0


def find(
    sources: Sequence[Path],
    wanted: Wanted | None = None,
    *,
    results_folder: Path | None = None,
    collected: bool = True,
    manifest: Path | None = None,
) -> Sources:
    """Return the submissions of folders, zips and single files, in the order of their names.

    What lies below `results_folder`, the folder that results go to, is not a submission.  A folder's manifest counts where
    this user's ``collect`` wrote it, where `results_folder` holds a copy from an earlier run, or where it is the `manifest`
    that the user named.  Where nothing was `collected`, as in a student's own folder, a manifest is a file like any other.

    Raises
    ------
    RequestError
        If a source is not there or cannot be read.
    """
    wanted = wanted or Wanted()
    if manifest is not None and (len(sources) != 1 or not sources[0].is_dir()):
        raise refusal("classroom.source.manifest")
    contents = Sources()
    for source in sources:
        prefix = f"{source.name}/" if len(sources) > 1 else ""
        read = _manifest(source, results_folder, manifest) if collected else None
        if read is not None:
            _from_manifest(source, prefix, results_folder, read, contents)
        elif source.is_dir():
            search = _Search(wanted)
            _from_folder(source, prefix, results_folder, search)
            if collected and (name := prefix + manifests.FILE) in search.found.ignored:
                _require_no_other(source, results_folder)
                search.found.ignored[name] = say("classroom.ignored.not_sealed")
            _add(search, prefix, contents)
        elif source.suffix.lower() == ".zip" and is_archive(source):
            search = _Search(wanted)
            _from_zip(Submission(prefix.rstrip("/"), source), search)
            _add(search, prefix, contents)
        elif source.is_file():
            contents.submissions.append(Submission(_text(source.name), source, stat=_stat(source)))
        else:
            raise refusal("classroom.source.missing", source=source)
    contents.submissions.sort(key=lambda submission: submission.name)
    not_sealed = say("classroom.ignored.not_sealed")
    contents.ignored = dict(sorted(contents.ignored.items(), key=lambda item: (item[1] != not_sealed, item[0])))
    return contents


def is_archive(source: Path) -> bool:
    """Whether a source is a zip; one that cannot be read now is an error, never a file of another kind.

    Raises
    ------
    RequestError
        If this machine or its surroundings kept it from being read.
    """
    try:
        with zipfile.ZipFile(source):
            return True
    except Exception as error:  # a damaged directory of an archive fails in many ways
        if reason := fault_of_environment(error):
            raise refusal(
                "classroom.source.unreadable", source=source, reason=reason, hint="classroom.batch.unreadable.hint"
            ) from None
    return zipfile.is_zipfile(source)


def find_in_zip(path: Path, name: str, wanted: Wanted) -> Sources:
    """Return the submissions in a zip that somebody handed in under this name; empty where it cannot be opened."""
    search = _Search(wanted)
    _from_hand_in(Submission(name, path), search)
    return search.found


def _manifest(source: Path, results_folder: Path | None, named: Path | None) -> manifests.Manifest | None:
    """Return the manifest of a source if it can be trusted."""
    if named is not None:
        return manifests.read(named)
    path = source / manifests.FILE
    if not path.is_file():
        return None
    if manifests.is_sealed(path):
        return manifests.read(path)
    before = _copied(results_folder)  # the grader alone writes there: what it copied there was trusted
    if before is None or results_folder is None or not manifests.may_be_same(path, results_folder / manifests.FILE):
        return None
    try:
        read = manifests.read(path)
    except RequestError:
        return None
    return read if manifests.same(read, before) else None


def _copied(results_folder: Path | None) -> manifests.Manifest | None:
    """Return the manifest that an earlier run copied to the folder of results."""
    try:
        return manifests.load(results_folder) if results_folder is not None else None
    except RequestError:
        return None


def _require_no_other(source: Path, results_folder: Path | None) -> None:
    """Refuse a manifest that cannot be trusted, if the class was graded by a trusted one before."""
    before = _copied(results_folder)
    if before is not None and manifests.is_collected(before):
        raise refusal(
            "classroom.source.other_manifest",
            path=source / manifests.FILE,
            folder=results_folder,
            not_sealed=say("classroom.ignored.not_sealed"),
        )


def _add(search: _Search, prefix: str, contents: Sources) -> None:
    """Add what one source contains to what all of them contain."""
    own = search.found
    _bound_folders(own, prefix.count("/"), search.wanted.most)
    contents.submissions += own.submissions
    contents.ignored |= own.ignored
    contents.left_out |= own.left_out
    contents.unavailable |= own.unavailable
    contents.passed_over += own.passed_over


def _from_manifest(
    source: Path, prefix: str, results_folder: Path | None, manifest: manifests.Manifest, contents: Sources
) -> None:
    """Take what a manifest names, also the entries that handed in nothing; other files of the folder are named."""
    if contents.manifest is not None:
        raise refusal("classroom.source.two_manifests")
    contents.manifest = manifest
    names = {entry.file for entry in manifest.entries}
    top, places = source.resolve(), dict[Path, str]()
    for entry in manifest.entries:
        student, notes = _text(entry.student), tuple(map(_text, _notes(entry)))
        if entry.file is None:
            name = student if student not in names else f"{student} (no file)"
            contents.submissions.append(Submission(name, None, student=student, notes=notes))
            continue
        path = source / entry.file
        place = path.resolve()
        if not place.is_relative_to(top):
            raise refusal(
                "classroom.manifest.outside",
                path=source / manifests.FILE,
                file=entry.file,
                hint="classroom.manifest.hint",
            )
        if (other := places.setdefault(place, entry.file)) != entry.file:
            raise refusal(
                "classroom.source.same_file",
                path=source / manifests.FILE,
                file=entry.file,
                other=other,
                hint="classroom.manifest.hint",
            )
        name = prefix + _text(entry.file)
        contents.submissions.append(Submission(name, path, stat=_stat(path), student=student, notes=notes))
    for name, error in _walked(source, results_folder):
        if error is not None:
            _note_unreadable(contents, _text(prefix + name) or _text(str(source)), error)
        elif name not in names and name != manifests.FILE and not _is_hidden(PurePosixPath(name)):
            contents.ignored[_text(prefix + name)] = say("classroom.ignored.not_in_manifest")


def _notes(entry: manifests.Entry) -> Iterator[str]:
    """Yield what a student should know of their hand-in."""
    if entry.file is not None and entry.others:
        counted = entry.original or PurePosixPath(entry.file).name
        named, many = entry.others[: manifests.MOST_OTHERS], len(entry.others) > manifests.MOST_OTHERS
        if many:
            yield say("classroom.several_files.many", most=manifests.MOST_OTHERS, name=counted, others=", ".join(named))
        else:
            yield say("classroom.several_files", total=len(entry.others) + 1, name=counted, others=named)
    if entry.note:
        yield entry.note


def _stat(path: Path) -> str:
    """Return what tells one content of a file from the next without reading it; nothing for one that changed just now."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return ""
    changed_ns = max(status.st_mtime_ns, status.st_ctime_ns)
    if time.time_ns() - changed_ns < SETTLED_NS:  # a second change could bear the same time
        return ""
    return f"{status.st_size}:{status.st_mtime_ns}:{status.st_ctime_ns}:{status.st_ino}"


def with_folders(submissions: Iterable[Submission], taken: Mapping[str, str]) -> list[Submission]:
    """Give every submission a folder name that is safe on every system; those in `taken` keep theirs."""
    used = {folder.casefold() for folder in taken.values()}
    placed = []
    for submission in submissions:
        folder = taken.get(submission.name)
        if folder is None:
            folder = _folder(submission.name, used)
            used.add(folder.casefold())
        placed.append(replace(submission, folder=folder))
    return placed


def unpacked_bytes(submission: Submission) -> int:
    """Return how large a member of a zip says that it is; 0 for a file of its own."""
    if not submission.members or submission.path is None:
        return 0
    with suppress(Exception), _archive(submission.path, submission.members[:-1]) as archive:
        return archive.getinfo(submission.members[-1]).file_size
    return 0


def changed(submission: Submission) -> float:
    """Return when a submission's file was changed last, in seconds; 0 where nobody can tell.

    A student chooses the times in their zip, so a member is never newer than the zips around it.

    Raises
    ------
    UnavailableError
        If our surroundings keep us from looking: whichever file counts then would be chance.
    """
    try:
        if submission.path is not None:
            times = [submission.path.stat().st_mtime]
            for depth, member in enumerate(submission.members):
                with _archive(submission.path, submission.members[:depth]) as archive:
                    times.append(datetime(*archive.getinfo(member).date_time).timestamp())  # zips hold local times
            return min(times)
    except Exception as error:  # a zip can hold dates that there are not
        if reason := fault_of_environment(error):
            raise failure(
                UnavailableError,
                "classroom.source.no_time",
                name=submission.name,
                reason=reason,
                hint="classroom.batch.unreadable.hint",
            ) from None
    return 0.0


@contextmanager
def opened(submission: Submission) -> Iterator[Path]:
    """Give the path of a submission's file; a member of a zip is unpacked for as long as it is needed.

    Raises
    ------
    RequestError
        If a member cannot be unpacked.
    UnavailableError
        If this machine or its surroundings kept it from being unpacked.
    """
    outermost = _path(submission)
    if not submission.members:
        yield outermost
        return
    with _scratch_folder() as folder:
        path = folder / f"member{suffix_of(submission.name) or PurePosixPath(submission.name).suffix.lower()}"
        try:
            with (
                _archive(outermost, submission.members[:-1]) as archive,
                archive.open(submission.members[-1]) as member,
                path.open("xb") as file,
            ):
                copy_member(member, file)
        except Exception as error:  # each way of packing has errors of its own
            raise _not_unpacked(error, outermost) from None
        yield path


@contextmanager
def _scratch_folder() -> Iterator[Path]:
    """Give a temporary folder; one that cannot be made, or removed, is not a fault of what was to go into it."""
    try:
        folder = tempfile.mkdtemp(prefix="grader-")
    except OSError as error:
        reason = fault_of_environment(error) or str(error)
        raise failure(
            UnavailableError, "classroom.source.no_temporary", reason=reason, hint="classroom.source.space.hint"
        ) from None
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _not_unpacked(error: Exception, archive: Path) -> RequestError | UnavailableError:
    """Return why a member of a zip could not be unpacked: through us, or through what the bytes of the zip are."""
    reason = fault_of_environment(error)
    if isinstance(error, KeyError):
        reason = say("classroom.source.zip_changed")
    if reason:
        return failure(
            UnavailableError,
            "classroom.source.not_unpacked",
            name=archive.name,
            reason=reason,
            hint="classroom.source.space.hint",
        )
    encrypted = isinstance(error, RuntimeError) and "encrypted" in str(error)
    return refusal(
        "classroom.source.encrypted" if encrypted else "classroom.source.damaged",
        hint="classroom.source.zip_again.hint",
    )


@contextmanager
def _archive(path: Path, inner: Sequence[str], most: int | None = None) -> Iterator[zipfile.ZipFile]:
    """Open a zip, or one that lies in it: `inner` are the members that lead there; `most` bounds the files of the last one."""
    with ExitStack() as opened_before:
        if most is not None and not inner:
            _require_few(_tail(path), most)
        archive = opened_before.enter_context(zipfile.ZipFile(path))
        for depth, name in enumerate(inner, 1):
            if archive.getinfo(name).file_size > MOST_INNER_BYTES:
                raise zipfile.LargeZipFile(name)
            data = archive.read(name)
            if most is not None and depth == len(inner):
                _require_few(data, most)
            archive = opened_before.enter_context(zipfile.ZipFile(io.BytesIO(data)))
        yield archive


def _require_few(data: bytes, most: int) -> None:
    """Refuse a zip of too many files before its directory is read, which takes memory for each of them."""
    end = data.rfind(_END)
    begin = 0  # a zip of over 4 GB says the size of its directory elsewhere
    if 0 <= end <= len(data) - 16 and not data.startswith(_END_64, max(end - 20, 0)):
        begin = max(end - int.from_bytes(data[end + 12 : end + 16], "little"), 0)
    if data.count(_CENTRAL, begin) > most:
        raise zipfile.LargeZipFile


def _tail(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(-min(path.stat().st_size, _TAIL_BYTES), os.SEEK_END)
        return file.read()


def copy_member(member: IO[bytes], file: IO[bytes]) -> None:
    """Unpack at most as much as is needed to see that it is too much."""
    left = MOST_UNPACKED_BYTES
    while left > 0 and (chunk := member.read(min(left, 1 << 20))):
        file.write(chunk)
        left -= len(chunk)


def walk(top: Path) -> Iterator[tuple[str, OSError | None]]:
    """Yield the path below a folder, with ``/``, of every file and link in it, and of folders that cannot be read.

    Links are not followed.  Folders are kept in a list: Python's own walks recurse, and a zip can nest them a thousand deep.
    """
    folders = [""]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(top / folder) as entries:
                for entry in entries:
                    name = f"{folder}/{entry.name}" if folder else entry.name
                    if entry.is_dir(follow_symlinks=False):
                        folders += [name] * (entry.name not in _NOT_OURS)
                    else:
                        yield name, None
        except OSError as error:
            yield folder, error


def _walked(source: Path, results_folder: Path | None) -> Iterator[tuple[str, OSError | None]]:
    """Yield what lies in a folder, without the folder of results if that is inside."""
    top, results = source.resolve(), results_folder.resolve() if results_folder else None
    inside = f"{results.relative_to(top).as_posix()}/" if results and top in results.parents else None
    for name, error in walk(source):
        if not inside or not name.startswith(inside):
            yield name, error


def _is_hidden(path: PurePosixPath) -> bool:
    """Whether a path leads to a hidden file, or one that macOS adds; checkpoints are looked at by name."""
    return "__MACOSX" in path.parts or any(
        part.startswith(".") and part not in (".", "..", ".ipynb_checkpoints") for part in path.parts
    )


def _from_folder(source: Path, prefix: str, results_folder: Path | None, search: _Search) -> None:
    contents, errors = search.found, dict(_walked(source, results_folder))
    names = {name: source / name for name in sorted(errors, key=lambda name: PurePosixPath(name).parts)}
    for name, path in names.items():
        error = errors[name]
        if error is not None:
            _note_unreadable(contents, _text(prefix + name) or _text(str(source)), error)
            continue
        try:
            mode = path.lstat().st_mode
        except OSError as cannot_look:  # a file that is listed and not there is no file that nobody handed in
            _note_unreadable(contents, _text(prefix + name), cannot_look)
            continue
        if stat.S_ISLNK(mode):
            contents.ignored[_text(prefix + name)] = say("classroom.ignored.link")  # it may lead out of the folder
        elif stat.S_ISREG(mode):
            submission = Submission(prefix + name, path, stat=_stat(path))
            if _sort(name, names, submission, search, partial(read_beginning, path)):
                _from_hand_in(submission, search)


def _note_unreadable(contents: Sources, name: str, error: OSError) -> None:
    """Note a folder or file that cannot be looked at; through no fault of its own, unless its path is too long."""
    if error.errno == errno.ENAMETOOLONG:
        contents.ignored[name] = say("classroom.ignored.too_deep")
    elif not _is_hidden(PurePosixPath(name)):
        contents.unavailable[name] = fault_of_environment(error) or str(error)


def read_beginning(path: Path) -> bytes:
    """Return the first bytes of a file, enough to see what kind it is."""
    with path.open("rb") as file:
        return file.read(PEEKED_BYTES)


def _from_zip(source: Submission, search: _Search) -> None:
    """Take what a zip holds that the user named as a source."""
    try:
        with _archive(_path(source), ()) as archive:
            zips = list(_members(archive, source, search))
    except Exception as error:  # a damaged directory of an archive fails in many ways
        hint = (
            say("classroom.batch.unreadable.hint")
            if fault_of_environment(error)
            else say("classroom.source.zip_again.hint")
        )
        raise RequestError(say("classroom.source.unreadable_zip", path=source.path, error=error), hint=hint) from None
    for submission in zips:
        _from_hand_in(submission, search)


def _path(submission: Submission) -> Path:
    if submission.path is None:
        raise refusal("classroom.nothing")
    return submission.path


def _members(archive: zipfile.ZipFile, source: Submission, search: _Search) -> Iterator[Submission]:
    """Note the members of an open zip as submissions or as ignored, and yield the zips among them."""
    members = [info for info in archive.infolist() if not info.is_dir()]
    search.files += len(members)
    search.inner_bytes += sum(info.file_size for info in members if _is_zip(info.filename))
    names, stat_of_all = {info.filename: info for info in members}, _stat(_path(source))
    prefix = f"{source.name}/" if source.name else ""
    for name, info in names.items():
        if stat.S_ISLNK(info.external_attr >> 16):
            search.found.ignored[_text(prefix + name)] = say("classroom.ignored.link")
            continue
        submission = Submission(prefix + name, source.path, (*source.members, name), stat=stat_of_all)
        if _sort(name, names, submission, search, partial(_peeked, archive, info, search)):
            yield submission


def _peeked(archive: zipfile.ZipFile, info: zipfile.ZipInfo, search: _Search) -> bytes:
    """Return the beginning of a member; of a zip that was handed in, of the first members only."""
    search.peeked += 1
    if search.handed_in and search.peeked > MOST_PEEKED:
        return b""
    with archive.open(info) as member:
        return member.read(PEEKED_BYTES)


def _from_hand_in(submission: Submission, search: _Search) -> None:
    """Take what a zip holds that somebody handed in: at most so many notebooks, and so many names of other files."""
    inside, contents = _Search(search.wanted, handed_in=True), search.found
    _from_inner(submission, inside)
    own, name = inside.found, _text(submission.name)
    contents.passed_over += own.passed_over
    contents.unavailable |= own.unavailable
    named = list(own.ignored.items())
    contents.ignored.update(named[:MOST_NAMED])
    if len(named) > MOST_NAMED:
        more = say("classroom.ignored.further_files", name=name, count=len(named) - MOST_NAMED)
        contents.ignored[more] = say("classroom.ignored.not_a_notebook")
    graded = [replace(first, hand_in=name) for first in _first(own.submissions, search.wanted.most, name)]
    contents.submissions += graded
    if len(own.submissions) > len(graded):
        contents.left_out[name] = len(own.submissions) - len(graded)


def _from_inner(submission: Submission, search: _Search) -> None:
    """Take what a zip holds; one that cannot be opened, holds too much, or lies too deep, is named."""
    contents = search.found
    before = (len(contents.submissions), len(contents.ignored), contents.passed_over)
    too_much, zips = False, list[Submission]()
    if len(submission.members) > MOST_INNER or search.inner_bytes > MOST_INNER_TOTAL_BYTES:
        too_much = True
    else:
        try:
            most = MOST_INNER_FILES - search.files
            with _archive(_path(submission), submission.members, most=most) as archive:
                zips = list(_members(archive, submission, search))
        except zipfile.LargeZipFile:
            too_much = True
        except Exception as error:  # a damaged directory of an archive fails in many ways
            if reason := fault_of_environment(error):
                contents.unavailable[_text(submission.name)] = reason
                return
    for inner in zips:
        _from_inner(inner, search)
    if before == (len(contents.submissions), len(contents.ignored), contents.passed_over):
        contents.ignored[_text(submission.name)] = say(
            "classroom.ignored.big_zip" if too_much else "classroom.ignored.bad_zip"
        )


def _first(submissions: Sequence[Submission], most: int, hand_in: str) -> list[Submission]:
    """Return the first submissions of a hand-in, notebooks near the top before others; each notes what is left out."""
    if len(submissions) <= most:
        return list(submissions)
    ranked = sorted(
        submissions,
        key=lambda submission: (suffix_of(submission.name) != ".ipynb", submission.name.count("/"), submission.name),
    )
    left = len(submissions) - most
    note = say("classroom.source.left_out", name=hand_in, total=len(submissions), most=most, left=left)
    return [replace(submission, notes=(*submission.notes, note)) for submission in ranked[:most]]


def _bound_folders(contents: Sources, depth: int, most: int) -> None:
    """Keep the first notebooks of each member's folder.

    Folders are members' where they typically hold a few notebooks; where they hold many, they are sections of a class, and it
    is their own folders that are looked at.
    """
    graded: list[Submission] = []
    groups = [(contents.submissions, depth)]
    while groups:
        group, level = groups.pop()
        folders: dict[str, list[Submission]] = {}
        for submission in group:
            parts = submission.name.split("/", level + 1)
            if len(parts) < level + 2:
                graded.append(submission)
            else:
                folders.setdefault("/".join(parts[: level + 1]), []).append(submission)
        sizes = [len(files) for files in folders.values()]
        members = len(folders) > 1 and statistics.median_low(sizes) <= USUAL_FILES
        for name, files in folders.items():
            if len(files) <= most:
                graded += files
            elif members:
                graded += _first(files, most, name)
                contents.left_out[name] = contents.left_out.get(name, 0) + len(files) - most
            else:
                groups.append((files, level + 1))
    contents.submissions = graded


def _sort(
    name: str, names: Mapping[str, object], submission: Submission, search: _Search, peek: Callable[[], bytes]
) -> bool:
    """Note one file as a submission or as ignored; return whether it is a zip to be opened."""
    contents, path = search.found, PurePosixPath(name)
    original = _checkpoint_of(path)
    if _is_hidden(path) or (original and str(original) in names):
        contents.passed_over += 1
        return False
    try:
        is_notebook = suffix_of(path.name) or (
            path.suffix.lower() == ".md" and _is_markdown(path.name, peek, search.wanted)
        )
    except UnavailableError as error:
        contents.unavailable[_text(submission.name)] = error.problem
        return False
    if is_notebook:
        contents.submissions.append(replace(submission, name=_text(submission.name)))
    elif _is_zip(name):
        return True
    else:
        contents.ignored[_text(submission.name)] = say("classroom.ignored.not_a_notebook")
    return False


def _is_zip(name: str) -> bool:
    return name.lower().endswith(".zip")


def _is_markdown(name: str, peek: Callable[[], bytes], wanted: Wanted) -> bool:
    try:
        return is_markdown_notebook(name, peek(), wanted.functions)
    except Exception as error:  # each way of packing has errors of its own
        if reason := fault_of_environment(error):
            raise UnavailableError(reason, hint=say("classroom.batch.unreadable.hint")) from None
        return False


def _text(name: str) -> str:
    """Return a file name as text that can be stored: bytes that are not UTF-8 are written out, the middle of long ones is cut."""
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    if len(text) <= MOST_NAME:
        return text
    mark = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:10]
    return f"{text[: MOST_NAME // 2]}…{mark}…{text[-MOST_NAME // 4 :]}"


def _checkpoint_of(path: PurePosixPath) -> PurePosixPath | None:
    """Return the path of which this is Jupyter's checkpoint copy, or None."""
    if not path.stem.endswith("-checkpoint"):
        return None
    folder = path.parent.parent if path.parent.name == ".ipynb_checkpoints" else path.parent
    return folder / f"{path.stem.removesuffix('-checkpoint')}{path.suffix}"


def _folder(name: str, used: set[str]) -> str:
    """Return a folder name of plain characters; a name that had to be changed gets a mark of the original."""
    stem = stem_of(name)
    wanted = stem.replace("/", "__")
    plain = unicodedata.normalize("NFKD", wanted).encode("ascii", "ignore").decode()
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", plain).strip("._- ")[:80] or "submission"
    mark = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    is_usable = safe == wanted and not _RESERVED.match(safe)
    marked = (f"{safe}-{mark[:10]}" + (f"-{number}" if number > 1 else "") for number in count(1))
    choices = chain([safe] if is_usable else [], marked)
    return next(choice for choice in choices if choice.casefold() not in used)
