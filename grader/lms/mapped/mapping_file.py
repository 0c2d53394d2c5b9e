"""A mapping file: how names in a system's download are read, and which columns of its table are written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import msgspec.toml

from grader.messages import refusal

PRESETS = Path(__file__).parent / "presets"
NO_UNDERSCORE = "[^_/]+"  # what {student} stands for without a roster


class In(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The part of a mapping file that says how names in the download are read.

    `names` are regular expressions with the groups `student` (needed), `name`, `original`, `late` and `stamp`; `skip` are those
    of files that belong to nobody; `stamp` is how the group of that name is written (strftime); `same` is a group that tells
    people of one name apart, where the download holds no id.
    """

    names: tuple[str, ...]
    skip: tuple[str, ...] = ()
    stamp: str = ""
    same: str = ""


class Out(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Which columns are written.

    `student` are templates of the columns that say who a row is for, `strip` an ignored prefix of their cells; `grade` is a
    regular expression on the headers of grade columns with the groups `title`, `possible` and `id`, without `title` where
    there is one such column alone; `feedback` is the column of comments, `also` sets further cells where one is written;
    `ungraded` are words that a cell of grades holds where nobody graded; any other word there is a person's and stays;
    `keep` are further columns to write (empty: all); `new` are the columns of a table that is made where none was given.
    """

    file: str
    student: tuple[str, ...]
    grade: str
    strip: str = ""
    feedback: str = ""
    format: Literal["plain", "html"] = "plain"
    also: dict[str, str] = {}
    ungraded: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    rows: Literal["ours", "all"] = "all"
    quote: bool = False
    new: dict[str, str] = {}


class Map(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A mapping file, which describes a system that the grader does not know."""

    title: str
    collect: In
    export: Out


def preset(name: str) -> str:
    """Return the text of a mapping file that comes with the grader.

    Raises
    ------
    RequestError
        If there is none of that name.
    """
    path = PRESETS / f"{name}.toml"
    names = sorted(path.stem for path in PRESETS.glob("*.toml"))
    if name not in names:
        raise refusal("lms.mapped.no_preset", name=name, names=tuple(names))
    return path.read_text(encoding="utf-8")


def load(path: Path) -> Map:
    """Read a mapping file from its path.

    Raises
    ------
    RequestError
        If it cannot be used; the message says what is wrong with it.
    """
    try:
        mapping = msgspec.toml.decode(path.read_text(encoding="utf-8"), type=Map)
        for pattern in (*mapping.collect.names, *mapping.collect.skip):
            re.compile(pattern.replace("{student}", NO_UNDERSCORE))
        re.compile(mapping.export.grade)
    except (OSError, ValueError, re.error) as error:
        raise refusal("lms.mapped.file_unusable", path=path, reason=error, hint="lms.mapped.file.hint") from None
    for pattern in mapping.collect.names:
        if "(?P<student>" not in pattern:
            raise refusal("lms.mapped.no_student_group", path=path, pattern=pattern, hint="lms.mapped.file.hint")
    return mapping


def of(system: str, file: Path | None) -> Map:
    """Return the mapping file of a system: the one given, else the one that comes with the grader.

    Raises
    ------
    RequestError
        If it cannot be used, or there is none.
    """
    if file is None and system == "other":
        raise refusal("lms.mapped.file_needed")
    return load(file or PRESETS / f"{system}.toml")
