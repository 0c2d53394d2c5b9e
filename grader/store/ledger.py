"""The ledger: what people decided, in the order in which they did.  Rows are added, never changed."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Literal

from grader.records import FunctionResult, Result, Ruling

Kind = Literal["override", "undo", "seen", "removed"]
_COLUMNS = "at, by, kind, submission, function, points, before, possible, reason, sha256, code"


@dataclass(frozen=True, slots=True)
class Decision:
    """One row of the ledger.

    `override` gives a function `points` of `possible` in place of the `before` that the machine gave; `undo` takes the
    last one back; `seen` says that a person looked at the submission; `removed` that data was deleted, without saying
    whose.  `sha256` of the file and `code`, a hash of the function's text, say what the person had before them.
    """

    by: str
    kind: Kind
    submission: str
    function: str = ""
    points: float = 0.0
    before: float = 0.0
    possible: float = 0.0
    reason: str = ""
    sha256: str = ""
    code: str = ""
    at: str = ""

    @property
    def ruling(self) -> Ruling:
        """The change of points as a result shows it."""
        return Ruling(self.function, self.points, self.before, self.reason, self.by, self.at)

    def is_about(self, result: Result) -> bool:
        """Whether the result is of what the person had before them: the same file, or the same text of the function."""
        if result.submission.sha256 == self.sha256:
            return True
        return bool(self.function) and code_hash(result.functions[self.function]) == self.code


class Ledger:
    """The ledger of a store, which reads and saves as the store does."""

    def __init__(
        self,
        rows: Callable[[str, Sequence[object]], Iterable[tuple[Any, ...]]],
        save: Callable[[str, Iterable[Sequence[object]]], None],
    ) -> None:
        self._rows, self._save = rows, save

    def add(self, *decisions: Decision) -> None:
        """Write decisions down, with the time."""
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        rows = [
            (one.at or now, one.by, one.kind, one.submission, one.function, one.points, one.before, one.possible,
             one.reason, one.sha256, one.code)
            for one in decisions
        ]  # fmt: skip
        marks = ", ".join("?" * len(_COLUMNS.split(", ")))
        self._save(f"INSERT INTO ledger ({_COLUMNS}) VALUES ({marks})", rows)  # noqa: S608  # our own column names

    def decisions(self, submission: str | None = None) -> tuple[Decision, ...]:
        """Return the whole ledger, or that of one submission, oldest first."""
        where, values = ("", ()) if submission is None else (" WHERE submission = ?", (submission,))
        rows = self._rows(f"SELECT {_COLUMNS} FROM ledger{where} ORDER BY id", values)  # noqa: S608  # the same
        return tuple(Decision(**dict(zip(_COLUMNS.split(", "), row, strict=True))) for row in rows)

    def standing(self) -> Mapping[str, tuple[Decision, ...]]:
        """Return the overrides that stand, the last of each function, by submission."""
        last: dict[tuple[str, str], Decision] = {}
        for one in self.decisions():
            if one.kind in {"override", "undo"}:
                last[one.submission, one.function] = one
        found = defaultdict[str, list[Decision]](list)
        for one in last.values():
            if one.kind == "override":
                found[one.submission].append(one)
        return {name: tuple(some) for name, some in found.items()}

    def seen(self) -> Mapping[str, str]:
        """Return the hash of the file that a person last looked at, by submission."""
        return {one.submission: one.sha256 for one in self.decisions() if one.kind == "seen"}


def code_hash(function: FunctionResult) -> str:
    """Return the hash of a function's text; empty where there is none."""
    return hashlib.sha256(function.source.code.encode("utf-8", "replace")).hexdigest() if function.source else ""
