"""Where a trained model answers 1, beside where the right answer's does, with the points it was trained on."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from grader.exercise.training import course_data
from grader.records import Boundary, PointSet
from grader.rendering.charts import Area, Axis, Dots, Panel


def plane(boundary: Boundary, title: str, points: PointSet) -> Panel:
    """Return the plane as a network divides it, with the training points."""
    axis = Axis(boundary.low, boundary.high)
    outer, inner = _points(axis, points)
    return Panel(axis, axis, (Area("region", outline(boundary)), Dots("outer", outer), Dots("inner", inner)), title)


@cache  # a table of the process: the exercise's points, and every boundary has the same axis
def _points(axis: Axis, points: PointSet) -> tuple[tuple[tuple[float, float], ...], ...]:
    """Return the training points of label 0, the outer ring of the two, and of label 1, as far as the picture shows them."""
    data = course_data(points)
    rings: tuple[list[tuple[float, float]], ...] = ([], [])
    for x, y, label in zip(*data.X_train.tolist(), data.Y_train[0].tolist(), strict=True):
        if axis.has(x) and axis.has(y):
            rings[int(label)].append((x, y))
    return tuple(map(tuple, rings))


def outline(boundary: Boundary) -> tuple[tuple[tuple[float, float], ...], ...]:
    """Return the edges of the region of ones; each answer fills the square around its grid point."""
    answers = [[bit == "1" for bit in f"{int(row, 16):0{4 * len(row)}b}"] for row in boundary.rows]
    low, high, cell = boundary.low, boundary.high, (boundary.high - boundary.low) / len(answers)
    return tuple(tuple((low + x * cell, high - y * cell) for x, y in loop) for loop in _loops(answers))


Corner = tuple[int, int]


def _loops(answers: list[list[bool]]) -> Iterator[list[Corner]]:
    """Yield the closed lines around the ones, corner by corner, the ones on their right hand."""
    follows: dict[Corner, list[Corner]] = {}
    for start, end in _edges(answers):
        follows.setdefault(start, []).append(end)
    while follows:
        start = at = next(iter(follows))
        loop: list[Corner] = []
        while at in follows:
            onward = follows[at].pop()
            if not follows[at]:
                del follows[at]
            loop.append(at)
            at = onward
        yield _without_straights(loop, start)


def _edges(answers: list[list[bool]]) -> Iterator[tuple[Corner, Corner]]:
    """Yield the sides of every one that borders on a nought or on the picture's edge."""
    outside = [False] * (len(answers) + 2)
    rows = [outside, *([False, *row, False] for row in answers), outside]
    for y, (above, row, below) in enumerate(zip(rows, rows[1:], rows[2:], strict=False)):
        for x in (at - 1 for at, is_one in enumerate(row) if is_one):
            if not above[x + 1]:
                yield (x, y), (x + 1, y)
            if not row[x + 2]:
                yield (x + 1, y), (x + 1, y + 1)
            if not below[x + 1]:
                yield (x + 1, y + 1), (x, y + 1)
            if not row[x]:
                yield (x, y + 1), (x, y)


def _without_straights(loop: list[Corner], start: Corner) -> list[Corner]:
    """Leave out the corners at which a line goes straight on."""
    around = zip([loop[-1], *loop[:-1]], loop, [*loop[1:], start], strict=True)
    return [at for before, at, after in around if not _straight(before, at, after)]


def _straight(before: Corner, at: Corner, after: Corner) -> bool:
    return before[0] == at[0] == after[0] or before[1] == at[1] == after[1]
