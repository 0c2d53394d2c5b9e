"""Names in Canvas's zip of submissions: whose a file is, and what it was called.

The rules are those of `lib/content_zipper.rb` and `Attachment.make_unique_filename`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grader.errors import RequestError
from grader.messages import refusal, say

_ANONYMOUS = re.compile(
    r"(?P<late>LATE_)?anon_(?P<user>[^_]+)_(?:(?P<attachment>\d+)_(?P<original>.+)|(?P<kind>text|link)\.html)", re.ASCII
)
_MOST_CHARACTERS = 1000  # of a member's name; Canvas's own end at 255 and what it puts before
_MOST_DIGITS = 20
_KIND = re.compile(r"(?P<kind>text|link)\.html")
_IMPOSSIBLE = re.compile(r"_\d+_", re.ASCII)  # Canvas takes the underscores around a number out of a name
_RESUBMITTED = re.compile(
    r"(?P<stem>.+?)-(?:[1-7]|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?P<suffixes>(?:\.[A-Za-z]\w*)*)", re.ASCII
)


@dataclass(frozen=True, slots=True)
class CanvasName:
    """One reading of a member's name: whose it is, and what it was called; `kind` is upload, text or link."""

    user: str
    name: str = ""
    late: bool = False
    attachment: str | None = None
    original: str = ""
    kind: str = "upload"
    anonymous: bool = False


def readings(member: str) -> list[CanvasName]:
    """Return every way in which a member's name can be read, the shortest person's name first."""
    if match := _ANONYMOUS.fullmatch(member):
        late, user, attachment, original, kind = match.group("late", "user", "attachment", "original", "kind")
        return [CanvasName(user, "", bool(late), attachment, original or "", kind or "upload", anonymous=True)]
    parts = member.split("_") if len(member) <= _MOST_CHARACTERS else []
    found_names = [reading for at in range(1, len(parts) - 1) if (reading := _reading(parts, at))]
    return found_names or [reading for at in range(min(1, len(parts))) if (reading := _reading(parts, at))]


def parse(member: str, roster: Mapping[str, str] | None = None) -> CanvasName | None:
    """Return whose a member of the zip is, None if its name is none of Canvas's.

    Parameters
    ----------
    member : str
        The member's name.
    roster : mapping of str to str
        Names of the class by Canvas id; it decides where a name can be read in several ways.

    Raises
    ------
    RequestError
        If two readings are left, or none that Canvas could have meant; the message names them.
    """
    every = readings(member)
    if len(every) < 2:
        return every[0] if every else None
    possible = [name for name in every if not _IMPOSSIBLE.search(name.name)]
    if roster:
        listed = [name for name in every if name.user in roster]
        same = [name for name in listed if sanitized(name.name) == sanitized(roster[name.user])]
        possible = same if len(same) == 1 else [name for name in possible if name in listed] or possible
    if not possible:
        raise refusal("lms.canvas.no_reading", member=member, count=len(every), hint="lms.grade_by_hand.hint")
    if len(possible) > 1:
        both = tuple(
            say("lms.canvas.reading", name=name.name, user=name.user, file=name.original or name.kind)
            for name in possible[:3]
        )
        hint = say("lms.canvas.roster_undecided.hint") if roster else say("lms.canvas.two_readings.hint")
        raise RequestError(say("lms.canvas.two_readings", member=member, both=both), hint=hint)
    return possible[0]


def without_resubmit_suffix(name: str) -> str:
    """Return a file's name without what Canvas adds when a file of that name is handed in again."""
    match = _RESUBMITTED.fullmatch(name)
    return match["stem"] + match["suffixes"] if match else name


def _reading(parts: Sequence[str], at: int) -> CanvasName | None:
    """Return the reading in which part `at` is the user's id."""
    user, rest = parts[at], parts[at + 1 :]
    if not is_id(user):
        return None
    before = list(parts[:at])
    late = bool(before) and before[-1] == "LATE"
    name = "_".join(before[:-1] if late else before)
    if at and len(rest) == 1 and (kind := _KIND.fullmatch(rest[0])):
        return CanvasName(user, name, late, kind=kind["kind"])
    original = "_".join(rest[1:])
    return CanvasName(user, name, late, rest[0], original) if rest and is_id(rest[0]) and original else None


def is_id(part: str) -> bool:
    """Whether a part of a name is an id of Canvas's."""
    return part.isascii() and part.isdigit() and len(part) <= _MOST_DIGITS


def sanitized(sortable_name: str) -> str:
    """Return a name as Canvas writes it into a member's name."""
    name = unicodedata.normalize("NFC", sortable_name)
    return re.sub(r"\W", "", re.sub(r"_(\d+)_", r"\1", name, flags=re.ASCII).lower())
