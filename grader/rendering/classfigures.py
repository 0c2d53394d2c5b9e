"""The pictures of a class: its scores, and its runs on the curve of accuracy against scale."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from grader.classroom.statistics.overview import Runs, Scores
from grader.explaining.facts import HE, plain_number
from grader.messages import say
from grader.records import Diagnosis, Sweep, Table
from grader.rendering import text
from grader.rendering.charts import MOST_ROWS, At, Axis, Bubbles, Chart, Columns, Panel, Rule, linear
from grader.rendering.sweep import ground, place_of

RunKind = tuple[str, float, bool]  # a start in words, its train accuracy, whether the function is right
_LOOKS = {True: "here", False: "here off"}


# --- scores --------------------------------------------------------------------------------------------------------


def histogram(scores: Scores, submissions: int, read: int) -> Chart:
    """Return the distribution of scores, with the median; full marks look different from the rest.

    `submissions` is the number of all of them, also those that could not be judged in full; `read` are notebooks of the
    exercise.
    """
    bins = scores.bins
    width = bins[1].low - bins[0].low if len(bins) > 1 else 1
    every = math.ceil(len(bins) / 7)
    ticks = ((index, text.points(column.low)) for index, column in enumerate(bins))
    x = Axis(
        -0.5,
        len(bins) - 0.5,
        tuple((index, words) for index, words in ticks if (len(bins) - 1 - index) % every == 0),
        say("classpage.scores.axis", possible=text.points(scores.possible)),
    )
    y = linear(max(column.count for column in bins), 4, "{:,.0f}")
    whole = tuple((count, words) for count, words in y.ticks if count == int(count))
    median = min(scores.median / width, len(bins) - 1)
    columns = tuple(
        (index, column.count, "column full" if column.low >= scores.possible else "column")
        for index, column in enumerate(bins)
    )
    label = say("classpage.scores.median", score=text.points(scores.median))
    rule = Rule("right", median, label, above=bins[round(median)].count)
    return Chart(
        says=_spread(scores, submissions, read),
        panels=(Panel(x, replace(y, ticks=whole), (Columns(columns, beside=median), rule)),),
        title=say("classpage.scores.title"),
        table=_scores(scores, width),
    )


def _spread(scores: Scores, submissions: int, read: int) -> str:
    """Say how the scores are spread."""
    if scores.lowest == scores.highest:
        return say("classpage.scores.equal", count=scores.count, score=text.of(scores.lowest, scores.possible))
    values = {
        "count": scores.count,
        "median": text.of(scores.median, scores.possible),
        "lowest": text.points(scores.lowest),
    }
    if scores.count == submissions:
        return say("classpage.scores.spread", **values)
    part = "read" if scores.count == read else "part"
    return say(f"classpage.scores.spread.{part}", submissions=submissions, **values)


def _scores(scores: Scores, width: float) -> Table:
    def name(low: float) -> str:
        if low >= scores.possible or width == 1:
            return text.points(low)
        return say("classpage.scores.range", low=text.points(low), high=text.points(low + width))

    rows = tuple((name(column.low), f"{column.count:,}") for column in scores.bins if column.count)
    columns = (say("classpage.scores.column.score"), say("classpage.scores.column.submissions"))
    return Table(say("classpage.scores.table"), columns, rows)


# --- runs ----------------------------------------------------------------------------------------------------------


def class_curve(sweep: Sweep | None, runs: Sequence[Runs], untrained: int) -> Chart | None:
    """Return every run of the class on the shipped sweep; None without a sweep or runs."""
    if sweep is None or not runs or not any(row.scale for row in sweep.rows):
        return None
    counts: Counter[RunKind] = Counter()
    points: Counter[tuple[At, float, bool]] = Counter()
    nowhere = 0
    for run in runs:
        counts[_start(run.diagnosis), run.train_accuracy, run.passed] += run.count
        at = place_of(run.diagnosis).at
        if at is None:
            nowhere += run.count
        else:
            points[at, run.train_accuracy, run.passed] += run.count
    most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    panel = ground(sweep)
    return Chart(
        says=_says(most),
        panels=(replace(panel, marks=(*panel.marks, _bubbles(points))),),
        title=say("classpage.curve.title"),
        key=(
            ("band", say("classpage.curve.key.band", seeds=sweep.seeds)),
            ("median", say("classpage.curve.key.median")),
            ("here", say("classpage.curve.key.right")),
            ("here off", say("classpage.curve.key.wrong")),
        ),
        note=_note(sweep.seeds, nowhere, untrained),
        table=_runs(most),
    )


def _bubbles(points: Counter[tuple[At, float, bool]]) -> Bubbles:
    """Return a point for the runs that coincide, the largest of those that are not right first: they get their numbers first."""
    order = sorted(points.items(), key=lambda item: (item[0][2], -item[1], str(item[0][0]), item[0][1]))
    return Bubbles(tuple((x, y, count, _LOOKS[right]) for (x, y, right), count in order))


def _start(diagnosis: Diagnosis) -> str:
    """Return what a run started from, as a sentence names it."""
    if diagnosis.distribution == "zeros":
        return say("classpage.curve.start.zeros")
    if diagnosis.distribution != "normal":
        return say("classpage.curve.start.other")
    if diagnosis.scale_formula == HE:
        return say("classpage.curve.start.he")
    scale = plain_number(diagnosis.scale_formula)
    if scale is not None:
        return say("classpage.curve.start.scale", scale=scale)
    return say("classpage.curve.start.factors")


def _says(counts: Sequence[tuple[RunKind, int]]) -> str:
    """Say how many of the functions that were trained are right."""
    trained = sum(count for _, count in counts)
    right = sum(count for (_, _, is_right), count in counts if is_right)
    if right == trained:
        return say("classpage.curve.says.right", count=trained)
    return say("classpage.curve.says", count=trained, right=right, wrong=trained - right)


def _note(seeds: int, nowhere: int, untrained: int) -> str:
    parts = [say("classpage.curve.note", seeds=seeds)]
    if nowhere:
        parts.append(say("classpage.curve.nowhere", count=nowhere))
    if untrained:
        parts.append(say("classpage.curve.untrained", count=untrained))
    return " ".join(parts)


def _runs(most: Sequence[tuple[RunKind, int]]) -> Table:
    names = {right: say(f"classpage.curve.key.{'right' if right else 'wrong'}") for right in (True, False)}
    rows = [
        (start, text.accuracy(share), names[right], f"{count:,}") for (start, share, right), count in most[:MOST_ROWS]
    ]
    left = sum(count for _, count in most[MOST_ROWS:])
    if left:
        rows.append((say("classpage.curve.others"), "", "", f"{left:,}"))
    columns = ("start", "accuracy", "function", "runs")
    return Table(
        say("classpage.curve.table"), tuple(say(f"classpage.curve.column.{column}") for column in columns), tuple(rows)
    )
