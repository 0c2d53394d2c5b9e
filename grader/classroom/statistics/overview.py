"""Counts over the rows of a class: scores, causes, who needs a person, how hard each check was, equal wrong answers."""

from __future__ import annotations

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from grader.classroom.statistics.rows import Check, Classroom, FunctionRow, SubmissionRow
from grader.records import Diagnosis

MOST_BINS = 30
FAMILIES: Mapping[str, tuple[str, ...]] = {  # causes that one action removes, whichever of them a function has
    "shapes": ("hard_coded_dims", "transposed", "weight_shape", "bias_shape"),
    "distribution": (
        *("weights_zero", "uniform_not_normal", "weights_shifted", "weights_rounded", "weights_clipped"),
        "distribution_other",
    ),
    "scale": ("scale_constant", "scale_fan_out", "scale_xavier", "scale_sqrt_missing", "scale_other"),
    "seed": ("seed_missing", "seed_outside", "seed_other", "seed_per_layer"),
    "biases": ("bias_random", "bias_nonzero"),
}
_FAMILY_OF = {cause: family for family, causes in FAMILIES.items() for cause in causes}
_Same = tuple[str, str]  # function, hash of what it gave


@dataclass(frozen=True, slots=True)
class Sample:
    """A submission to look at: its name and the folder of its page."""

    name: str
    folder: str


@dataclass(frozen=True, slots=True)
class Bin:
    """How many scores lie from `low` on, below the next one's."""

    low: float
    count: int


@dataclass(frozen=True, slots=True)
class Scores:
    """The scores of the submissions that could be read and were judged in full; the last bin is full marks."""

    count: int
    possible: float
    lowest: float
    quartiles: tuple[float, float, float]
    highest: float
    bins: tuple[Bin, ...]

    @property
    def median(self) -> float:
        """The middle score."""
        return self.quartiles[1]


@dataclass(frozen=True, slots=True)
class CauseCount:
    """In how many submissions a cause was found in a function; the sample has no other cause there, if one is so."""

    function: str
    cause: str
    title: str
    count: int
    sample: Sample


@dataclass(frozen=True, slots=True)
class MistakeCount:
    """Causes that one action removes, over all functions: how many submissions have one of them.

    `family` is a name in `FAMILIES`, or the code of a cause that belongs to none; `causes` has each cause with the number of
    submissions that have it in any function, most frequent first.
    """

    family: str
    count: int
    causes: tuple[tuple[str, int], ...]
    functions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CheckCount:
    """How a check went: of `judged` functions `passed`, with how many points on average of how many."""

    function: str
    check: str
    title: str
    judged: int
    passed: int
    points: float
    possible: float

    @property
    def share(self) -> float:
        """The share that passed."""
        return self.passed / self.judged


@dataclass(frozen=True, slots=True)
class Group:
    """Submissions whose function gave the very same wrong numbers, and what is known of how they were made.

    `counts` says how many of them have each cause.  There can be several causes: a seed that is missing and one that is set
    outside give the same numbers.
    """

    function: str
    evidence_sha256: str
    causes: tuple[str, ...]
    titles: tuple[str, ...]
    counts: tuple[int, ...]
    written: str
    count: int
    sample: Sample


@dataclass(frozen=True, slots=True)
class Runs:
    """How many trainings started from weights of one kind and ended with one train accuracy."""

    function: str
    passed: bool
    diagnosis: Diagnosis
    train_accuracy: float
    count: int


@dataclass(frozen=True, slots=True)
class Overview:
    """A class at a glance.

    `read` notebooks could be read; causes, checks, groups and runs are counted over them.  `needs_person` have a reason to be
    looked at before release, `reasons` counts these.  `untrained` functions came back with nothing to train from.
    """

    title: str
    exercise: str
    submissions: int
    read: int
    passed: int
    needs_person: int
    ruled: int
    scores: Scores | None
    statuses: tuple[tuple[str, int], ...]
    reasons: tuple[tuple[str, int], ...]
    causes: tuple[CauseCount, ...]
    mistakes: tuple[MistakeCount, ...]
    checks: tuple[CheckCount, ...]
    groups: tuple[Group, ...]
    runs: tuple[Runs, ...]
    untrained: int


def overview(classroom: Classroom) -> Overview:
    """Count a class: of several files of one student, only the one that counts."""
    rows = [row for row in classroom.rows if row.counts]
    read = [row for row in rows if row.read]
    parts = [part for row in read for part in row.parts]
    return Overview(
        title=classroom.title,
        exercise=classroom.exercise,
        submissions=len(rows),
        read=len(read),
        passed=sum(row.passed for row in rows),
        needs_person=sum(bool(row.reasons) for row in rows),
        ruled=sum(bool(row.ruled or row.adjusted) for row in rows),
        scores=_scores([row for row in rows if row.settled]),
        statuses=_tally(row.status for row in rows),
        reasons=_tally(reason for row in rows for reason in row.reasons),
        causes=_causes(read, classroom),
        mistakes=_mistakes(read, classroom),
        checks=_checks(parts, classroom),
        groups=_groups(read, classroom),
        runs=_runs(parts),
        untrained=sum(part.train_accuracy is None for part in parts),
    )


def _tally(names: Iterable[str]) -> tuple[tuple[str, int], ...]:
    """Count names, most frequent first."""
    return tuple(sorted(Counter(names).items(), key=lambda item: (-item[1], item[0])))


def _scores(rows: Sequence[SubmissionRow]) -> Scores | None:
    """Return the distribution of scores; None where nothing was judged in full."""
    if not rows:
        return None
    scores = sorted(row.score for row in rows)
    possible = max(row.possible for row in rows)
    width = max(1, math.ceil(possible / MOST_BINS))
    last = math.ceil(possible / width)
    counts = Counter(last if score >= possible else math.floor(score / width) for score in scores)
    quartiles = statistics.quantiles(scores, n=4, method="inclusive") if len(scores) > 1 else scores * 3
    low, middle, high = quartiles
    bins = tuple(Bin(min(index * width, possible), counts[index]) for index in range(last + 1))
    return Scores(len(scores), possible, scores[0], (low, middle, high), scores[-1], bins)


def _causes(rows: Iterable[SubmissionRow], classroom: Classroom) -> tuple[CauseCount, ...]:
    counts: Counter[tuple[str, str]] = Counter()
    samples: dict[tuple[str, str], tuple[bool, Sample]] = {}
    for row in rows:
        for part in row.parts:
            alone = len(part.diagnosis.causes) == 1
            for cause in part.diagnosis.causes:
                key = part.name, cause
                counts[key] += 1
                if key not in samples or (alone and not samples[key][0]):
                    samples[key] = alone, Sample(row.name, row.folder)
    order = _order(classroom)
    return tuple(
        CauseCount(function, cause, classroom.words(function, cause).title, count, samples[function, cause][1])
        for (function, cause), count in sorted(
            counts.items(), key=lambda item: (-item[1], order(item[0][0]), item[0][1])
        )
    )


def _mistakes(rows: Iterable[SubmissionRow], classroom: Classroom) -> tuple[MistakeCount, ...]:
    """Count the submissions that have a cause of each family, most frequent first."""
    counts: Counter[str] = Counter()
    causes: dict[str, Counter[str]] = defaultdict(Counter)
    functions: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        found = set(row.causes)
        codes = {cause for _, cause in found}
        counts.update({_family(cause) for cause in codes})
        for cause in codes:
            causes[_family(cause)][cause] += 1
        for function, cause in found:
            functions[_family(cause)].add(function)
    order = _order(classroom)
    return tuple(
        MistakeCount(family, count, _tally(causes[family].elements()), tuple(sorted(functions[family], key=order)))
        for family, count in _tally(counts.elements())
    )


def _family(cause: str) -> str:
    return _FAMILY_OF.get(cause, cause)


def _checks(parts: Sequence[FunctionRow], classroom: Classroom) -> tuple[CheckCount, ...]:
    """Count each check that is worth points; what we could not judge is left out."""
    sums: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0, 0, 0.0, 0.0])
    for part in parts:
        for check in part.checks:
            if check.verdict != "broken" and check.possible:
                entry = sums[part.name, check.name]
                for index, value in enumerate((1, check.verdict == "passed", check.points, check.possible)):
                    entry[index] += value
    order, places = _order(classroom), _places(parts)
    return tuple(
        CheckCount(
            function, check, classroom.checks[check], int(judged), int(passed), points / judged, possible / judged
        )
        for (function, check), (judged, passed, points, possible) in sorted(
            sums.items(), key=lambda item: (order(item[0][0]), places.get(item[0], 0), item[0][1])
        )
    )


def _places(parts: Iterable[FunctionRow]) -> dict[tuple[str, str], int]:
    """Return the place of each check among those of its function, as a part with all of them has it."""
    most: dict[str, tuple[Check, ...]] = {}
    for part in parts:
        most[part.name] = max(most.get(part.name, ()), part.checks, key=len)
    return {(function, check.name): place for function, checks in most.items() for place, check in enumerate(checks)}


def _groups(rows: Iterable[SubmissionRow], classroom: Classroom) -> tuple[Group, ...]:
    """Find the functions that are wrong with the very same numbers, in two submissions or more."""
    counts: Counter[_Same] = Counter()
    causes: dict[_Same, Counter[str]] = defaultdict(Counter)
    first: dict[_Same, tuple[SubmissionRow, FunctionRow]] = {}
    for row in rows:
        for part in row.parts:
            if part.status == "graded" and part.diagnosis.causes and part.evidence_sha256:
                key = part.name, part.evidence_sha256
                counts[key] += 1
                causes[key].update(part.diagnosis.causes)
                first.setdefault(key, (row, part))
    order = _order(classroom)
    shared = [key for key, count in counts.items() if count > 1]
    shared.sort(key=lambda key: (-counts[key], order(key[0]), first[key][0].name))
    return tuple(_group(key, counts[key], causes[key], *first[key], classroom) for key in shared)


def _group(
    key: _Same, count: int, causes: Counter[str], row: SubmissionRow, part: FunctionRow, classroom: Classroom
) -> Group:
    function, evidence = key
    codes, counts = zip(*_tally(causes.elements()), strict=True)
    titles = tuple(classroom.words(function, cause).title for cause in codes)
    return Group(
        function, evidence, codes, titles, counts, part.diagnosis.written or "", count, Sample(row.name, row.folder)
    )


def _runs(parts: Iterable[FunctionRow]) -> tuple[Runs, ...]:
    """Count the trainings by where they started and how they ended."""
    counts: Counter[tuple[str, bool, Diagnosis, float]] = Counter()
    for part in parts:
        if part.train_accuracy is not None:
            mine = part.diagnosis
            start = Diagnosis(
                distribution=mine.distribution, scale=mine.scale, scale_formula=mine.scale_formula, biases=mine.biases
            )
            counts[part.name, part.passed, start, part.train_accuracy] += 1
    return tuple(Runs(*key, count) for key, count in counts.items())


def _order(classroom: Classroom) -> Callable[[str], int]:
    """Return the place of a function among those of the exercise."""
    return {name: index for index, name in enumerate(classroom.functions)}.__getitem__
