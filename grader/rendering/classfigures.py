"""The pictures of a class: its scores, and its runs on the curve of accuracy against scale."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from grader.classroom.statistics.overview import Runs, Scores
from grader.messages import listed
from grader.records import Sweep, Table
from grader.rendering import text
from grader.rendering.charts import MOST_ROWS, Area, At, Axis, Bubbles, Chart, Panel, Rule, linear
from grader.rendering.sweep import RunPlace, ground, place_of

NAMED = 3  # points said in words


def histogram(scores: Scores) -> Chart:
    """Return the distribution of scores, with the median."""
    bins = scores.bins
    width = bins[1].low - bins[0].low if len(bins) > 1 else 1
    every = math.ceil(len(bins) / 7)
    ticks = ((index, text.points(column.low)) for index, column in enumerate(bins))
    x = Axis(
        -0.5,
        len(bins) - 0.5,
        tuple((index, words) for index, words in ticks if (len(bins) - 1 - index) % every == 0),
        "score",
    )
    y = linear(max(column.count for column in bins), 4, "{:,.0f}")
    whole = tuple((count, words) for count, words in y.ticks if count == int(count))
    columns = (
        ((index - 0.38, 0.0), (index - 0.38, column.count), (index + 0.38, column.count), (index + 0.38, 0.0))
        for index, column in enumerate(bins)
        if column.count
    )
    middle = min(scores.median / width, len(bins) - 1)
    return Chart(
        says=_spread(scores),
        panels=(
            Panel(
                x,
                replace(y, ticks=whole),
                (Area("column", tuple(columns)), Rule("right", middle, f"median {text.points(scores.median)}")),
            ),
        ),
        title="submissions",
        table=_scores(scores, width),
    )


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


def class_curve(sweep: Sweep | None, runs: Sequence[Runs], untrained: int) -> Chart | None:
    """Return every run of the class on the shipped sweep; None without a sweep or runs."""
    if sweep is None or not runs or not any(row.scale for row in sweep.rows):
        return None
    placed = [(place_of(run.diagnosis), run) for run in runs]
    counts: dict[tuple[str, float, bool], int] = defaultdict(int)
    for place, run in placed:
        counts[_where(place), run.train_accuracy, run.passed] += run.count
    most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    panel = ground(sweep)
    return Chart(
        says=_says(most, sum(run.count for run in runs)),
        panels=(replace(panel, marks=(*panel.marks, _points(placed))),),
        title="train accuracy",
        key=(
            ("band", f"half of {sweep.seeds} seeds"),
            ("median", "median"),
            ("here", "right"),
            ("here off", "not right"),
        ),
        note=_note(sum(run.count for place, run in placed if place.at is None), untrained),
        table=_runs(most),
    )


def _points(placed: Sequence[tuple[RunPlace, Runs]]) -> Bubbles:
    """Return a point for the runs that coincide."""
    counts: dict[tuple[At, float, str], int] = defaultdict(int)
    for place, run in placed:
        if place.at is not None:
            counts[place.at, run.train_accuracy, "here" if run.passed else "here off"] += run.count
    return Bubbles(tuple((x, y, count, look) for (x, y, look), count in counts.items()))


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
