"""The pictures of a class: its scores, and its runs on the curve of accuracy against scale."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from grader.classroom.statistics.overview import Runs, Scores
from grader.messages import listed
from grader.records import Sweep, Table
from grader.rendering import text
from grader.rendering.figures import (
    BOTTOM,
    LEFT,
    MOST_ROWS,
    RIGHT,
    TOP,
    Frame,
    Label,
    Layer,
    Picture,
    Scale,
    Stroke,
    Tick,
    head,
    steps,
)
from grader.rendering.sweep import SHARES, RunPlace, ground, place_of

SMALLEST, GROWS = 4.0, 9.0  # radius of a run alone, and what all runs in one place would add
NAMED = 3  # points said in words
APART, CLOSE = 14, 24  # of the middles of two labels: how far apart in height or in width


def histogram(scores: Scores) -> Picture:
    """Return the distribution of scores, with the median."""
    width = scores.bins[1].low - scores.bins[0].low if len(scores.bins) > 1 else 1
    x = Scale(0, len(scores.bins), LEFT, RIGHT)
    marks = [mark for mark in steps(max(one.count for one in scores.bins), 4) if mark == int(mark)]
    y = Scale(0, marks[-1], BOTTOM, TOP)
    bars = "".join(
        f"M{x(index + 0.12):g} {BOTTOM}V{y(one.count):g}H{x(index + 0.88):g}V{BOTTOM}Z"
        for index, one in enumerate(scores.bins)
        if one.count
    )
    every = math.ceil(len(scores.bins) / 7)
    x_ticks = tuple(
        Tick(x(index + 0.5), text.points(one.low))
        for index, one in enumerate(scores.bins)
        if (len(scores.bins) - 1 - index) % every == 0
    )
    y_ticks = tuple(Tick(y(mark), f"{mark:,.0f}") for mark in marks)
    return Picture(
        says=_spread(scores),
        ground=Layer(labels=(Label(0, 12, "submissions", look="name"),))
        + Frame().axes(x_ticks, y_ticks, "score")
        + Layer((Stroke("column", bars),)),
        mark=_median(scores, x(min(scores.median / width, len(scores.bins) - 1) + 0.5)),
        table=_scores(scores, width),
    )


def _median(scores: Scores, at: float) -> Layer:
    label = Label(
        at, TOP - 18, f"median {text.points(scores.median)}", "end" if at > (LEFT + RIGHT) / 2 else "start", "name"
    )
    return Layer((Stroke("right", f"M{at:g} {BOTTOM}V{TOP - 12}"),), (label,))


def _spread(scores: Scores) -> str:
    """Say how the scores are spread, in one sentence."""
    if scores.lowest == scores.highest:
        each = "The one score is" if scores.count == 1 else f"All {scores.count:,} scores are"
        return f"{each} {text.of(scores.lowest, scores.possible)}."
    low, median, high = map(text.points, scores.quartiles)
    return (
        f"{scores.count:,} scores of {text.points(scores.possible)}: the lowest is {text.points(scores.lowest)}, the"
        f" middle half lies from {low} to {high} around a median of {median}, the highest is {text.points(scores.highest)}."
    )


def _scores(scores: Scores, width: float) -> Table:
    def name(low: float) -> str:
        full = low >= scores.possible
        return text.points(low) if full or width == 1 else f"{text.points(low)} to below {text.points(low + width)}"

    rows = tuple((name(one.low), f"{one.count:,}") for one in scores.bins if one.count)
    return Table("Submissions by score", ("score", "submissions"), rows)


def class_curve(sweep: Sweep | None, runs: Sequence[Runs], untrained: int) -> Picture | None:
    """Return every run of the class on the shipped sweep; None without a sweep or runs."""
    if sweep is None or not runs or not any(row.scale for row in sweep.rows):
        return None
    placed = [(place_of(run.diagnosis), run) for run in runs]
    counts: dict[tuple[str, float, bool], int] = defaultdict(int)
    for place, run in placed:
        counts[_where(place), run.train_accuracy, run.passed] += run.count
    drawn = _drawn(placed)
    most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return Picture(
        says=_says(most, sum(run.count for run in runs)),
        ground=_key(sweep) + ground(sweep),
        mark=Layer(tuple(_marks(drawn)), tuple(_labels(drawn))),
        note=_note(sum(run.count for place, run in placed if place.at is None), untrained),
        table=_runs(most),
    )


def _key(sweep: Sweep) -> Layer:
    """Return what stands above the picture."""
    shown = head("train accuracy", ("band", f"half of {sweep.seeds} seeds", 0), ("median", "median", 138))
    return shown + Layer(
        (Stroke("here", _circle(228, 29, 5)), Stroke("here off", _circle(284, 29, 5))),
        (Label(237, 33, "right"), Label(293, 33, "not right")),
    )


def _drawn(placed: Sequence[tuple[RunPlace, Runs]]) -> dict[tuple[float, float], Counter[bool]]:
    """Count the runs of each place in the picture, by whether their function is right."""
    counts: dict[tuple[float, float], Counter[bool]] = defaultdict(Counter)
    for place, run in placed:
        if place.at is not None:
            counts[place.at, SHARES(run.train_accuracy)][run.passed] += run.count
    return counts


def _marks(drawn: Mapping[tuple[float, float], Counter[bool]]) -> Iterator[Stroke]:
    """Yield a point for the runs that coincide; the largest are drawn first, so that none hides another."""
    total = sum(sum(counts.values()) for counts in drawn.values())
    points = [(count, at, right) for at, counts in drawn.items() for right, count in counts.items()]
    for count, (x, y), right in sorted(points, key=lambda point: (-point[0], point[1], point[2])):
        yield Stroke("here" if right else "here off", _circle(x, y, _radius(count, total)))


def _labels(drawn: Mapping[tuple[float, float], Counter[bool]]) -> Iterator[Label]:
    """Yield the number of each place that holds several, beside its point; where no side is free, the table has it.

    The largest come first.
    """
    total = sum(sum(counts.values()) for counts in drawn.values())
    taken = list[tuple[float, float]]()
    for (x, y), counts in sorted(drawn.items(), key=lambda item: (-sum(item[1].values()), item[0])):
        if sum(counts.values()) > 1:
            away = _radius(max(counts.values()), total) + 4
            sides: tuple[tuple[float, float, Literal["start", "end", "middle"]], ...] = (
                (x + away, y + 4, "start"),
                (x - away, y + 4, "end"),
                (x, y - away, "middle"),
            )
            for left, low, anchor in sides:
                middle = (left + {"start": 9, "end": -9, "middle": 0}[anchor], low)
                if LEFT < middle[0] < RIGHT - 9 and all(_apart(middle, other) for other in taken):
                    taken.append(middle)
                    yield Label(round(left, 1), round(low, 1), f"{sum(counts.values()):,}", anchor, "name halo")
                    break


def _apart(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Whether two labels do not lie on each other, by their middles."""
    return abs(one[0] - other[0]) >= CLOSE or abs(one[1] - other[1]) >= APART


def _circle(x: float, y: float, radius: float) -> str:
    """Return the path of a circle."""
    return f"M{x - radius:g} {y:g}a{radius:g} {radius:g} 0 1 0 {2 * radius:g} 0a{radius:g} {radius:g} 0 1 0 {-2 * radius:g} 0Z"


def _radius(count: int, total: int) -> float:
    return round(SMALLEST + GROWS * math.sqrt((count - 1) / total), 1)


def _where(place: RunPlace) -> str:
    if place.where:
        return place.where
    return "no one scale or draw of the sweep's" if place.at is None else "with factors that are not one scale"


def _says(most: Sequence[tuple[tuple[str, float, bool], int]], total: int) -> str:
    """Say where most of the runs stand: counts and measured numbers only."""
    said = listed([f"{count:,} {where} with {text.accuracy(share)}" for (where, share, _), count in most[:NAMED]])
    return f"Train accuracies of {total:,} runs. Most often: {said}."


def _note(nowhere: int, untrained: int) -> str:
    parts = ["Points are the class's runs; a number stands where several coincide. The band is the shipped sweep."]
    if nowhere:
        runs = "run starts" if nowhere == 1 else "runs start"
        parts.append(
            f"{nowhere:,} {runs} from weights that have no place on this axis, so the numbers below list them only."
        )
    if untrained:
        functions = "function" if untrained == 1 else "functions"
        parts.append(f"{untrained:,} {functions} gave nothing to train from.")
    return " ".join(parts)


def _runs(most: Sequence[tuple[tuple[str, float, bool], int]]) -> Table:
    rows = [
        (where, text.accuracy(share), "right" if right else "not right", f"{count:,}")
        for (where, share, right), count in most[:MOST_ROWS]
    ]
    left = sum(count for _, count in most[MOST_ROWS:])
    if left:
        rows.append(("others", "", "", f"{left:,}"))
    return Table("The class's runs", ("started", "train accuracy", "function", "runs"), tuple(rows))
