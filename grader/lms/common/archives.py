"""Zips as an LMS makes and takes them: read with distrust, written the same way every time."""

from __future__ import annotations

import posixpath
import re
import shutil
import stat
import zipfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import IO

from grader.classroom.submissions import walk
from grader.files import replacing
from grader.messages import refusal, say
from grader.reading.notebook import SOURCE_LIMIT_BYTES

MOST_MEMBERS = 100_000
MOST_TIMES_PACKED = 100  # a class's homework never unpacks to more; Canvas draws the line at the same place
MOST_UNPACKED_BYTES = 50 << 30
MOST_ZIP_BYTES = 512 << 20  # of a zip that a student handed in
_ROOM_BYTES = 64 << 20  # a small zip may hold one large file
_UTF8_FLAG = 0x800
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same zip every time; no clock in it
_DRIVE = re.compile(r"[A-Za-z]:")


@dataclass(frozen=True, slots=True)
class Member:
    """A file of an export: its name in it with ``/``, the size that it says it has, and where it lies.

    One that is `too_large` is set aside and never unpacked.  All members of a zip share it open, since opening it reads its
    whole directory; it is closed with the last of them.
    `shared_depth` counts the folders at the top of the name that all files of the export lie in. The system, or whoever
    unpacked its zip, made these. Any other folder may be a student's own, and its name says nothing of whose a file is.
    """

    name: str
    size_bytes: int
    source: Path
    archive: zipfile.ZipFile | None = None
    info: zipfile.ZipInfo | None = None
    too_large: bool = False
    shared_depth: int = 0

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Give the file to read; a damaged or encrypted member raises whatever its packing does."""
        if self.too_large:
            raise zipfile.LargeZipFile(f"{self.name} is too large")
        if self.archive is None or self.info is None:
            with self.source.open("rb") as file:
                yield file
        else:
            with self.archive.open(self.info) as file:
                yield file


@dataclass(slots=True)
class Contents:
    """What an export holds: its files by name, those refused with the reason, and how many hidden ones were passed over."""

    members: list[Member] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    passed_over: int = 0


def contents(sources: Sequence[Path]) -> Contents:
    """Return the files of zips and of folders that a browser has unpacked, in the order of their names.

    Absolute names, ``..`` and links are refused; hidden files and ``__MACOSX`` are passed over and counted.

    Raises
    ------
    RequestError
        If a source is not there, is not a zip, or unpacks to more than a class hands in without the files that are too large.
    """
    listing = Contents()
    for source in sources:
        if source.is_dir():
            members = _of_folder(source, listing)
        elif source.is_file():
            members = _of_zip(source, listing)
        else:
            raise refusal("lms.no_source", source=source, hint="lms.give_zip_or_folder.hint")
        visible = [member for member in members if not _is_hidden(member)]
        listing.passed_over += len(members) - len(visible)
        depth = _shared_depth(visible)
        listing.members += [
            replace(member, shared_depth=depth) for member in sorted(visible, key=lambda member: member.name)
        ]
    return listing


def write_zip(path: Path, files: Mapping[str, bytes | Path], *, programs: Collection[str] = ()) -> None:
    """Write a zip whole or not at all, for its owner alone, its members by name; the same files give the same bytes.

    Those called `programs` may be executed where the zip is unpacked.
    """
    with replacing(path, private=True) as draft, zipfile.ZipFile(draft, "w") as archive:
        for name in sorted(files):
            content = files[name]
            info = zipfile.ZipInfo(name, _EPOCH)
            mode = 0o755 if name in programs else 0o644
            info.compress_type, info.create_system, info.external_attr = zipfile.ZIP_DEFLATED, 3, mode << 16
            if isinstance(content, bytes):
                archive.writestr(info, content)
            else:
                info.file_size = content.stat().st_size
                with content.open("rb") as source, archive.open(info, "w") as member:
                    shutil.copyfileobj(source, member)


def decoded(name: str, *, utf8: bool) -> str:
    """Return a member's name as it was meant: without the flag of UTF-8 it may still be UTF-8, read as cp437."""
    if utf8:
        return name
    try:
        return name.encode("cp437").decode("utf-8")
    except UnicodeError:
        return name


def _of_folder(source: Path, listing: Contents) -> list[Member]:
    members = []
    for name, error in walk(source):
        path = source / name
        if error is not None:
            listing.refused.append(say("lms.no_folder", path=name or source, reason=error.strerror))
        elif path.is_symlink() or not path.is_file():
            listing.refused.append(f"{name}: a link")
        else:
            members.append(Member(name, path.stat().st_size, path))
    return members


def _of_zip(source: Path, listing: Contents) -> list[Member]:
    try:
        archive = zipfile.ZipFile(source)
    except Exception as error:  # a damaged directory of an archive fails in many ways
        raise refusal("lms.no_zip", source=source, reason=error) from None
    infos = [info for info in archive.infolist() if not info.is_dir()]
    too_large = _too_large(source, infos)
    members = []
    for info in infos:
        name = decoded(info.filename, utf8=bool(info.flag_bits & _UTF8_FLAG)).replace("\\", "/")
        if stat.S_ISLNK(info.external_attr >> 16):
            listing.refused.append(f"{name}: a link")
        elif name.startswith("/") or _DRIVE.match(name) or ".." in name.split("/"):
            listing.refused.append(say("lms.leads_out", name=name))
        else:
            members.append(Member(name, info.file_size, source, archive, info, too_large=info.filename in too_large))
    return members


def _too_large(source: Path, infos: Sequence[zipfile.ZipInfo]) -> set[str]:
    """Return the members to set aside: a file that one student handed in must not stop the class.

    What is larger than any file that is read does not count.  If the rest is too much, what unpacks to far more than it takes
    in the zip goes as well.
    """
    most = min(MOST_UNPACKED_BYTES, MOST_TIMES_PACKED * source.stat().st_size + _ROOM_BYTES)
    large = {
        info.filename for info in infos if info.file_size > (MOST_ZIP_BYTES if _is_zip(info) else SOURCE_LIMIT_BYTES)
    }
    if _unpacked_bytes(infos, large) > most:
        large |= {info.filename for info in infos if info.file_size > MOST_TIMES_PACKED * info.compress_size}
    unpacked = _unpacked_bytes(infos, large)
    if len(infos) > MOST_MEMBERS or unpacked > most:
        raise refusal("lms.zip_bomb", source=source, count=len(infos), size=unpacked >> 20)
    return large


def _unpacked_bytes(infos: Sequence[zipfile.ZipInfo], without: Collection[str]) -> int:
    return sum(info.file_size for info in infos if info.filename not in without)


def _is_zip(info: zipfile.ZipInfo) -> bool:
    return info.filename.lower().endswith(".zip")


def _is_hidden(member: Member) -> bool:
    parts = PurePosixPath(member.name).parts
    return "__MACOSX" in parts or any(part.startswith(".") for part in parts)


def _shared_depth(members: Sequence[Member]) -> int:
    """Return how many folders at the top all files lie in."""
    folders = [str(PurePosixPath(member.name).parent) for member in members]
    return len(PurePosixPath(posixpath.commonpath(folders)).parts) if folders else 0
