"""The ledger: what people decided, in the order in which they did.  Rows are added, never changed."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal

import msgspec

from grader.files import append_lines, write
from grader.messages import refusal
from grader.records import AdjustmentKind, FunctionResult, Result, Ruling

FILE = "rulings.jsonl"
DecisionKind = Literal["override", "undo", "seen", "removed", "assigned", "comment", AdjustmentKind]
ADJUSTMENTS: tuple[AdjustmentKind, ...] = ("score", "percent", "bonus")  # in the order in which they apply
_POINTS: tuple[DecisionKind, ...] = ("override", *ADJUSTMENTS)  # what an undo takes back
_COLUMNS = "at, by, kind, submission, function, points, before, possible, reason, sha256, code, student"
SqlValues = Mapping[str, object]  # the named values of a statement


@dataclass(frozen=True, slots=True)
class Decision:
    """One row of the ledger.

    `override` gives a function `points` of `possible` in place of the `before` that the machine gave; `undo` takes the
    last one back; `score`, `percent` and `bonus` change the whole score as `Adjustment` says, with `points` as its number;
    `comment` gives a person's words, in `reason`, to a function or the whole hand-in, and no words take them back.  `seen`
    says that a person looked at the submission; `removed` that data was deleted, without saying whose; `assigned`
    gives the submission to a `student`.  `sha256` of the file and `code`, a hash of the function's text,
    say what the person had before them.  What is about the whole hand-in names no function.
    """

    by: str
    kind: DecisionKind
    submission: str
    function: str = ""
    points: float = 0.0
    before: float = 0.0
    possible: float = 0.0
    reason: str = ""
    sha256: str = ""
    code: str = ""
    at: str = ""
    student: str = ""

    @property
    def ruling(self) -> Ruling:
        """The change of points as a result shows it."""
        return Ruling(self.function, self.points, self.before, self.reason, self.by, self.at)

    def is_about(self, result: Result) -> bool:
        """Whether the result is of what the person had before them: the same file, or the same text of the function."""
        if result.submission.sha256 == self.sha256:
            return True
        return bool(self.code) and code_of(result, self.function) == self.code


class Ledger:
    """The ledger of a store, which reads and saves as the store does."""

    def __init__(
        self,
        rows: Callable[[str], Iterable[tuple[Any, ...]]],
        save: Callable[[str, Iterable[SqlValues]], None],
        path: Path,
    ) -> None:
        self._rows, self._save, self.path = rows, save, path

    def add(self, *decisions: Decision) -> None:
        """Add decisions to the ledger, with the time."""
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        dated = [decision if decision.at else replace(decision, at=now) for decision in decisions]
        self._insert(dated)
        append_lines(self.path, map(encode, dated))

    def agree(self) -> int:
        """Make the file beside the store and the ledger hold the same; return how many decisions the ledger took over.

        A command that was killed has left one in the ledger alone; a store that was brought back from a backup, or made
        again, lacks those that came after it.
        """
        written, rows = Counter(read(self.path)), Counter(self.decisions())
        append_lines(self.path, map(encode, (rows - written).elements()))
        missing = list((written - rows).elements())
        self._insert(missing)
        return len(missing)

    def _insert(self, decisions: Sequence[Decision]) -> None:
        columns = _COLUMNS.split(", ")
        statement = f"INSERT INTO ledger ({_COLUMNS}) VALUES ({', '.join(f':{column}' for column in columns)})"  # noqa: S608  # the same
        self._save(statement, [asdict(decision) for decision in decisions])

    def rewrite(self) -> None:
        """Write the file again as the ledger is: somebody was forgotten."""
        if self.path.exists():
            write(self.path, map(encode, self.decisions()), private=True)

    def decisions(self) -> tuple[Decision, ...]:
        """Return the whole ledger, oldest first."""
        rows = self._rows(f"SELECT {_COLUMNS} FROM ledger ORDER BY at, id")  # noqa: S608  # our own column names
        return tuple(Decision(**dict(zip(_COLUMNS.split(", "), row, strict=True))) for row in rows)

    def standing(self) -> Mapping[str, tuple[Decision, ...]]:
        """Return the rulings and comments that apply, the last of each kind and function, by submission."""
        last: dict[tuple[str, str, DecisionKind], Decision] = {}
        for decision in self.decisions():
            if decision.kind == "undo":
                for kind in _POINTS:
                    last.pop((decision.submission, decision.function, kind), None)
            elif decision.kind == "comment" and not decision.reason:
                last.pop((decision.submission, decision.function, decision.kind), None)
            elif decision.kind == "comment" or decision.kind in _POINTS:
                last[decision.submission, decision.function, decision.kind] = decision
        by_submission = defaultdict[str, list[Decision]](list)
        for decision in last.values():
            by_submission[decision.submission].append(decision)
        return {name: tuple(some) for name, some in by_submission.items()}

    def assigned(self) -> Mapping[str, str]:
        """Return whom people gave submissions to, by submission."""
        return {decision.submission: decision.student for decision in self.decisions() if decision.kind == "assigned"}

    def seen(self) -> Mapping[str, str]:
        """Return the hash of the file that a person last looked at, by submission."""
        return {decision.submission: decision.sha256 for decision in self.decisions() if decision.kind == "seen"}


def encode(decision: Decision) -> bytes:
    """Return a decision as a line of JSON."""
    return msgspec.json.encode(decision) + b"\n"


def read(path: Path) -> list[Decision]:
    """Return the decisions of a file of JSON lines; a line that was cut off when a process died is passed over.

    Raises
    ------
    RequestError
        If the file is there and cannot be read.
    """
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise refusal("store.ledger", path=path, reason=error.strerror) from None
    decisions = []
    for line in lines:
        with suppress(msgspec.DecodeError):
            decisions.append(msgspec.json.decode(line, type=Decision))
    return decisions


def digest(decisions: Iterable[Decision]) -> str:
    """Return a name for decisions that apply; empty if there are none."""
    rows = sorted(map(encode, decisions))
    return hashlib.sha256(b"".join(rows)).hexdigest()[:16] if rows else ""


def code_hash(function: FunctionResult) -> str:
    """Return the hash of a function's text; empty where there is none."""
    return hashlib.sha256(function.source.code.encode("utf-8", "replace")).hexdigest() if function.source else ""


def code_of(result: Result, function: str) -> str:
    """Return the hash of a function's text, or of all functions' texts where no function is named; empty without text."""
    if function:
        return code_hash(result.functions[function])
    hashes = [code_hash(function_result) for function_result in result.functions.values()]
    return hashlib.sha256(" ".join(hashes).encode()).hexdigest() if any(hashes) else ""
