"""Two attempts of one class: per cause, who had it, who fixed it, who has it for the first time."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from grader.classroom.statistics.rows import Classroom, FunctionRow, SubmissionRow

Z = 1.959964  # of the standard normal distribution: 95 % lie within
_BECAME = ("right", "other", "still", "unseen", "new")


@dataclass(frozen=True, slots=True)
class CauseChange:
    """What became of a cause in a function, as names of the later submissions.

    Of those that had it: `right` are right now, `other` have another cause in its place, `still` have it, and of `unseen`
    nothing can be said, because nothing came back or it could not be judged.  `new` did not have it before.
    """

    function: str
    cause: str
    title: str
    right: tuple[str, ...] = ()
    other: tuple[str, ...] = ()
    still: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    new: tuple[str, ...] = ()

    @property
    def had(self) -> int:
        """How many had it at the earlier attempt and are in the later one."""
        return self.seen + len(self.unseen)

    @property
    def seen(self) -> int:
        """How many of these can be judged now."""
        return self.fixed + len(self.still)

    @property
    def fixed(self) -> int:
        """How many of these no longer have it."""
        return len(self.right) + len(self.other)

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of the share; None if nobody can be judged."""
        return wilson(self.fixed, self.seen) if self.seen else None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two attempts, matched by student, or else by a submission's name that occurs once."""

    title: str
    earlier: int
    later: int
    by_student: int
    by_name: int
    higher: int
    same: int
    lower: int
    causes: tuple[CauseChange, ...]

    @property
    def matched(self) -> int:
        """How many are in both."""
        return self.by_student + self.by_name


def compare(earlier: Classroom, later: Classroom) -> Comparison:
    """Return what became of each cause between two attempts of the same exercise."""
    before, after = ([row for row in classroom.rows if row.counts] for classroom in (earlier, later))
    by_student = _pairs(before, after, lambda row: row.student)
    paired = {id(row) for pair in by_student for row in pair}
    before, after = ([row for row in rows if id(row) not in paired] for rows in (before, after))
    by_name = _pairs(before, after, lambda row: row.name)
    pairs = [*by_student, *by_name]
    scored = [
        (earlier_row.score, later_row.score)
        for earlier_row, later_row in pairs
        if earlier_row.settled and later_row.settled
    ]
    return Comparison(
        title=later.title or earlier.title,
        earlier=sum(row.counts for row in earlier.rows),
        later=sum(row.counts for row in later.rows),
        by_student=len(by_student),
        by_name=len(by_name),
        higher=sum(after > before for before, after in scored),
        same=sum(after == before for before, after in scored),
        lower=sum(after < before for before, after in scored),
        causes=_mendings(pairs, earlier, later),
    )


def wilson(hits: int, count: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927); it holds for small numbers too."""
    share, spread = hits / count, Z * Z / count
    middle = (share + spread / 2) / (1 + spread)
    half = Z / (1 + spread) * math.sqrt(share * (1 - share) / count + spread / count / 4)
    return max(0.0, middle - half), min(1.0, middle + half)


def _pairs(
    earlier: Sequence[SubmissionRow], later: Sequence[SubmissionRow], name: Callable[[SubmissionRow], str | None]
) -> list[tuple[SubmissionRow, SubmissionRow]]:
    """Match rows that are the only ones of their name on either side."""
    before, after = _by(earlier, name), _by(later, name)
    alone = [key for key in before if len(before[key]) == len(after.get(key, ())) == 1]
    return [(before[key][0], after[key][0]) for key in alone]


def _by(
    rows: Sequence[SubmissionRow], name: Callable[[SubmissionRow], str | None]
) -> Mapping[str, list[SubmissionRow]]:
    groups: dict[str, list[SubmissionRow]] = defaultdict(list)
    for row in rows:
        key = name(row)
        if key is not None:
            groups[key].append(row)
    return groups


def _mendings(
    pairs: Sequence[tuple[SubmissionRow, SubmissionRow]], earlier: Classroom, later: Classroom
) -> tuple[CauseChange, ...]:
    names: dict[tuple[str, str], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for before, after in pairs:
        for key, what in _changes(before, after):
            names[key][what].append(after.name)
    rows = [_cause_change(key, names_of_key, earlier, later) for key, names_of_key in names.items()]
    places = {name: index for index, name in enumerate(later.functions)}
    return tuple(sorted(rows, key=lambda row: (-row.had, -len(row.new), places.get(row.function, 0), row.cause)))


def _cause_change(
    key: tuple[str, str], names: Mapping[str, list[str]], earlier: Classroom, later: Classroom
) -> CauseChange:
    title = (earlier if key in earlier.causes else later).words(*key).title
    right, other, still, unseen, new = (tuple(names.get(what, ())) for what in _BECAME)
    return CauseChange(*key, title, right, other, still, unseen, new)


def _changes(before: SubmissionRow, after: SubmissionRow) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield what became of each cause of one student: (function, cause) and the field of `CauseChange`."""
    had, has = set(before.causes), set(after.causes)
    parts = {part.name: part for part in after.parts}
    for function, cause in had:
        what = "still" if (function, cause) in has else _instead(parts.get(function), after)
        yield (function, cause), what
    for key in has - had:
        yield key, "new"


def _instead(part: FunctionRow | None, row: SubmissionRow) -> str:
    """Return the state of a function whose cause is gone."""
    if part is None or not row.read or part.provisional or part.status != "graded":
        return "unseen"
    return "right" if part.passed else "other"
