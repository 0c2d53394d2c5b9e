"""What every system has in common: what it is asked, what it is given, what it says it did."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from grader.manifest import Entry, Manifest
from grader.records import Result

Absent = Literal["blank", "zero"]


@dataclass(frozen=True, slots=True)
class Graded:
    """An entry of the manifest with its result and the folder of its pages; the result holds what people ruled."""

    entry: Entry
    result: Result
    folder: Path


@dataclass(frozen=True, slots=True)
class Collect:
    """What to collect: the LMS's exports, the folder to lay files out in, and a roster where names are ambiguous."""

    exports: Sequence[Path]
    out: Path
    roster: Path | None = None


@dataclass(frozen=True, slots=True)
class Export:
    """What to export: graded entries, those that are held back with the reason, and how.

    `template` is the LMS's own export that is filled in (a gradebook or worksheet), `column` names the assignment in it;
    `absent` is what an entry without a readable notebook gets.
    """

    manifest: Manifest
    graded: Sequence[Graded]
    out: Path
    title: str
    template: Path | None = None
    column: str | None = None
    absent: Absent = "blank"
    held_back: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Done:
    """What came of it, in sentences for whoever ran it: the files written, and what needs their attention."""

    files: tuple[Path, ...] = ()
    said: tuple[str, ...] = ()
    attention: tuple[str, ...] = ()


Collector = Callable[[Collect], Done]
Exporter = Callable[[Export], Done]
