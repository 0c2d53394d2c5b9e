"""Which files of a folder or zip are submissions, what each is called, and the safe folder name of each."""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import stat
import sys
import tempfile
import time
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain, count
from pathlib import Path, PurePosixPath
from typing import IO

from grader import manifest as manifests
from grader.errors import RequestError, UnavailableError, fault_of_environment

SUFFIXES = (".ipynb", ".py")
MOST_UNPACKED_BYTES = 512 << 20  # of one member of a zip; above 64 MB it is refused when it is read
MOST_INNER, MOST_INNER_BYTES = 2, 64 << 20  # zips in zips: how deep, and how large each of them
MOST_INNER_FILES, MOST_INNER_TOTAL_BYTES = (
    10_000,
    8 << 30,
)  # how many files one may hold, and how large all are together
_SPACE = "free disk space and memory, and run the same command again"
SETTLED_NS = 2_000_000_000  # file systems tell times in steps of up to 2 s
_NOT_OURS = frozenset({"lost+found", "System Volume Information", "$RECYCLE.BIN"})  # the file system's own folders
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d|index|grades|manifest|class-\d+)(?:\..*)?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Submission:
    """A submitted file: its name below the source, and where it lies (in a zip: the member; in a zip in a zip: both).

    `path` is None for somebody who handed in nothing.  `stat` is what the file system says of the file, empty where that
    cannot vouch for its content; `student` is the identifier of the LMS or roster; `notes` are sentences for the page;
    `counts` is false where another file of this student does.
    """

    name: str
    path: Path | None
    members: tuple[str, ...] = ()
    folder: str = ""
    stat: str = ""
    student: str | None = None
    notes: tuple[str, ...] = ()
    counts: bool = True

    @property
    def handed(self) -> str:
        """A name for what is known of the hand-in besides its file; empty where that is nothing."""
        known = (self.student, self.notes)  # of several files of one person, the notes say which one counts
        return hashlib.sha256(repr(known).encode("utf-8", "replace")).hexdigest() if any(known) else ""


@dataclass(slots=True)
class Sources:
    """What was found: submissions, names of other files, how many were passed over, how large zips in zips were.

    `unavailable` maps folders and zips that could not be looked into, through no fault of theirs, to the reason.
    """

    submissions: list[Submission] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    passed_over: int = 0
    inner_bytes: int = 0
    unavailable: dict[str, str] = field(default_factory=dict)
    manifest: manifests.Manifest | None = None


def find(sources: Sequence[Path], *, besides: Path | None = None, collected: bool = True) -> Sources:
    """Return the submissions of folders, zips and single files, in the order of their names.

    What lies below `besides`, the folder that results go to, is no submission.  Where nothing was `collected`, as in a student's
    own folder, a manifest is a file like any other.

    Raises
    ------
    RequestError
        If a source is not there or cannot be read.
    """
    found = Sources()
    for source in sources:
        prefix = f"{source.name}/" if len(sources) > 1 else ""
        manifest = manifests.load(source) if collected else None
        if manifest is not None:
            _from_manifest(source, prefix, manifest, found)
        elif source.is_dir():
            _from_folder(source, prefix, besides, found)
        elif zipfile.is_zipfile(source) and source.suffix.lower() == ".zip":
            _from_zip(source, prefix, found)
        elif source.is_file():
            found.submissions.append(Submission(_text(source.name), source, stat=_stat(source)))
        else:
            raise RequestError(f"there is no {source}", hint="give a folder, a zip or a notebook that exists")
    found.submissions.sort(key=lambda submission: submission.name)
    found.ignored.sort()
    return found


def _from_manifest(source: Path, prefix: str, manifest: manifests.Manifest, found: Sources) -> None:
    """Take what a manifest names, also the entries that handed in nothing."""
    if found.manifest is not None:
        hint = "grade one collected folder at a time, each with an --out of its own"
        raise RequestError("more than one source has a manifest", hint=hint)
    found.manifest = manifest
    names = {entry.file for entry in manifest.entries}
    for entry in manifest.entries:
        student, notes = _text(entry.student), tuple(map(_text, _notes(entry)))
        if entry.file is None:
            name = student if student not in names else f"{student} (nothing handed in)"
            found.submissions.append(Submission(name, None, student=student, notes=notes))
            continue
        path = source / entry.file
        if PurePosixPath(entry.file).is_absolute() or not path.resolve().is_relative_to(source.resolve()):
            raise RequestError(
                f"{source / manifests.FILE} names {entry.file!r}, which lies outside of its folder",
                hint="collect the export again",
            )
        name = prefix + _text(entry.file)
        found.submissions.append(Submission(name, path, stat=_stat(path), student=student, notes=notes))


def _notes(entry: manifests.Entry) -> Iterator[str]:
    """Yield what a student should know of their hand-in."""
    if entry.file is not None and entry.others:
        counted = entry.original or PurePosixPath(entry.file).name
        others = ", ".join(entry.others)
        yield f"You handed in {len(entry.others) + 1} files. This one counted: {counted}. Not graded: {others}."
    if entry.note:
        yield entry.note


def _stat(path: Path) -> str:
    """Return what tells one content of a file from the next without reading it; nothing for one that changed just now."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return ""
    changed_ns = max(found.st_mtime_ns, found.st_ctime_ns)
    if time.time_ns() - changed_ns < SETTLED_NS:  # a second change could bear the same time
        return ""
    return f"{found.st_size}:{found.st_mtime_ns}:{found.st_ctime_ns}:{found.st_ino}"


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
    """Return when a submission's file was changed last, in seconds; 0 where nobody can tell."""
    with suppress(Exception):
        if submission.path is not None and submission.members:
            with _archive(submission.path, submission.members[:-1]) as archive:
                return datetime(*archive.getinfo(submission.members[-1]).date_time).timestamp()  # zips hold local times
        if submission.path is not None:
            return submission.path.stat().st_mtime
    return 0.0


def why_ignored(name: str) -> str:
    """Return why a file with this name, as it stands in `Sources.ignored`, was not graded."""
    suffix = PurePosixPath(name).suffix.lower()
    if suffix == ".zip":
        return "a zip that cannot be opened, or holds nothing"
    return "a link to another place" if suffix in SUFFIXES else "not a notebook"


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
    if submission.path is None:
        raise RequestError("nothing was handed in", hint="ask for the file")
    if not submission.members:
        yield submission.path
        return
    with _scratch_folder() as folder:
        path = folder / f"member{PurePosixPath(submission.name).suffix.lower()}"
        try:
            with (
                _archive(submission.path, submission.members[:-1]) as archive,
                archive.open(submission.members[-1]) as member,
                path.open("xb") as file,
            ):
                _copy(member, file)
        except Exception as error:  # each way of packing has errors of its own
            raise _not_unpacked(error, submission.path) from None
        yield path


@contextmanager
def _scratch_folder() -> Iterator[Path]:
    """Give a temporary folder; one that cannot be made, or removed, is no fault of what was to go into it."""
    try:
        folder = tempfile.mkdtemp(prefix="grader-")
    except OSError as error:
        reason = fault_of_environment(error) or str(error)
        raise UnavailableError(f"no temporary folder can be made: {reason}", hint=_SPACE) from None
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _not_unpacked(error: Exception, archive: Path) -> RequestError | UnavailableError:
    """Return why a member of a zip could not be unpacked: through us, or through what the bytes of the zip are."""
    reason = fault_of_environment(error)
    if isinstance(error, KeyError):
        reason = "the zip has changed and does not hold it any more"
    if reason:
        return UnavailableError(f"it could not be unpacked from {archive.name}: {reason}", hint=_SPACE)
    encrypted = isinstance(error, RuntimeError) and "encrypted" in str(error)
    reason = "it is encrypted" if encrypted else "it is damaged"
    return RequestError(f"{reason} in the zip", hint="download the zip again")


@contextmanager
def _archive(path: Path, inner: Sequence[str]) -> Iterator[zipfile.ZipFile]:
    """Open a zip, or one that lies in it: `inner` are the members that lead there."""
    with ExitStack() as opened_before:
        archive = opened_before.enter_context(zipfile.ZipFile(path))
        for name in inner:
            if archive.getinfo(name).file_size > MOST_INNER_BYTES:
                raise zipfile.LargeZipFile(f"{name} is too large")
            archive = opened_before.enter_context(zipfile.ZipFile(io.BytesIO(archive.read(name))))
        yield archive


def _copy(member: IO[bytes], file: IO[bytes]) -> None:
    """Unpack at most as much as is needed to see that it is too much."""
    left = MOST_UNPACKED_BYTES
    while left > 0 and (chunk := member.read(min(left, 1 << 20))):
        file.write(chunk)
        left -= len(chunk)


def _from_folder(source: Path, prefix: str, besides: Path | None, found: Sources) -> None:
    top = source.resolve()
    results = besides.resolve() if besides else top
    files = sorted(_walk(source, prefix, found))
    if results != top:
        files = [path for path in files if not (top / path.relative_to(source)).is_relative_to(results)]
    names = {path.relative_to(source).as_posix(): path for path in files}
    for name, path in names.items():
        if path.is_symlink():
            found.ignored.append(_text(prefix + name))  # it may lead out of the folder
        else:
            _sort(name, names, Submission(prefix + name, path, stat=_stat(path)), found)


def _walk(source: Path, prefix: str, found: Sources) -> Iterator[Path]:
    """Yield the files and links below a folder; folders that cannot be looked into are noted, not passed over."""
    folders = [source]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_symlink() or entry.is_file():
                        yield Path(entry.path)
                    elif entry.is_dir() and entry.name not in _NOT_OURS:
                        folders.append(Path(entry.path))
        except OSError as error:
            place = folder.relative_to(source)
            if not any(part.startswith(".") for part in place.parts):
                name = _text(prefix + place.as_posix()) if place.parts else _text(str(source))
                found.unavailable[name] = fault_of_environment(error) or str(error)


def _from_zip(source: Path, prefix: str, found: Sources, inner: tuple[str, ...] = (), most: int = sys.maxsize) -> None:
    """Take what a zip holds, at most so many files; `inner` are the members that lead to one that lies in it."""
    try:
        with _archive(source, inner) as archive:
            members = [info for info in archive.infolist() if not info.is_dir()]
    except Exception as error:  # a damaged directory of an archive fails in many ways
        if inner and (reason := fault_of_environment(error)):
            raise UnavailableError(reason, hint=_SPACE) from None
        raise RequestError(f"{source} cannot be read: {error}", hint="download the zip again") from None
    if len(members) > most:
        raise RequestError(f"{prefix} holds too many files", hint="unpack it, and leave out what nobody handed in")
    names, stat_of_all = {info.filename: info for info in members}, _stat(source)
    for name, info in names.items():
        if stat.S_ISLNK(info.external_attr >> 16):
            found.ignored.append(_text(prefix + name))
        else:
            found.inner_bytes += info.file_size if name.lower().endswith(".zip") else 0
            _sort(name, names, Submission(prefix + name, source, (*inner, name), stat=stat_of_all), found)


def _from_inner(name: str, submission: Submission, found: Sources) -> None:
    """Take what a zip among the files holds; one that cannot be opened, or lies too deep, is named."""
    before = len(found.submissions) + len(found.ignored) + found.passed_over
    deep = len(submission.members) > MOST_INNER or found.inner_bytes > MOST_INNER_TOTAL_BYTES
    if submission.path is not None and not deep:
        try:
            with suppress(RequestError):
                _from_zip(submission.path, f"{name}/", found, submission.members, MOST_INNER_FILES)
        except UnavailableError as error:
            found.unavailable[_text(name)] = error.problem
            return
    if before == len(found.submissions) + len(found.ignored) + found.passed_over:
        found.ignored.append(_text(name))


def _sort(name: str, names: Mapping[str, object], submission: Submission, found: Sources) -> None:
    """Put one file where it belongs."""
    full, submission = submission.name, replace(submission, name=_text(submission.name))
    path = PurePosixPath(name)
    original = _checkpoint_of(path)
    hidden = any(part.startswith(".") and part not in (".", "..", ".ipynb_checkpoints") for part in path.parts)
    if hidden or "__MACOSX" in path.parts or (original and str(original) in names):
        found.passed_over += 1
    elif path.suffix.lower() in SUFFIXES:
        found.submissions.append(submission)
    elif path.suffix.lower() == ".zip":
        _from_inner(full, submission, found)
    else:
        found.ignored.append(submission.name)


def _text(name: str) -> str:
    """Return a file name as text that can be stored: bytes that are no UTF-8 are written out."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _checkpoint_of(path: PurePosixPath) -> PurePosixPath | None:
    """Return the path of which this is Jupyter's checkpoint copy, or None."""
    if not path.stem.endswith("-checkpoint"):
        return None
    folder = path.parent.parent if path.parent.name == ".ipynb_checkpoints" else path.parent
    return folder / f"{path.stem.removesuffix('-checkpoint')}{path.suffix}"


def _folder(name: str, used: set[str]) -> str:
    """Return a folder name of plain characters; a name that had to be changed gets a mark of the original."""
    stem = name[: -len(PurePosixPath(name).suffix)] if PurePosixPath(name).suffix.lower() in SUFFIXES else name
    wanted = stem.replace("/", "__")
    plain = unicodedata.normalize("NFKD", wanted).encode("ascii", "ignore").decode()
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", plain).strip("._- ")[:80] or "submission"
    mark = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    kept = safe == wanted and not _RESERVED.match(safe)
    marked = (f"{safe}-{mark[:10]}" + (f"-{number}" if number > 1 else "") for number in count(1))
    choices = chain([safe] if kept else [], marked)
    return next(choice for choice in choices if choice.casefold() not in used)
