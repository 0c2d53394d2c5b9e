"""Where a trained model answers 1, beside where the right answer's does, with the points it was trained on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache

from grader.exercise.training import course_data
from grader.records import Boundary, TrainingResult
from grader.rendering.figures import Label, Layer, Picture, Stroke, dot, head, kept
from grader.rendering.text import accuracy

SIDE, TOP, GAP = 172, 66, 16  # units of the picture: a panel's side, its upper edge, and what lies between two
HEIGHT = TOP + SIDE + 4


@kept
def boundary_figure(training: TrainingResult, reference: TrainingResult | None) -> Picture | None:
    """Return the plane as this run divides it, beside the right answer's where there is one; None if it was not kept."""
    runs = [("this run", training)] + ([("the right answer", reference)] if reference is not None else [])
    shown = [(name, run, run.boundary) for name, run in runs if run.boundary is not None]
    if not shown or training.boundary is None:
        return None
    samples = (("region", "answers “inner ring”", 0), ("inner", "inner ring", 156), ("outer", "outer ring", 252))
    ground = head("where the trained network answers “inner ring”", *samples)
    for index, (name, run, boundary) in enumerate(shown):
        ground += _panel(index * (SIDE + GAP), f"{name}: {accuracy(run.train_accuracy)}", boundary)
    return Picture(says=_says(shown), ground=ground, height=HEIGHT)


def _panel(left: float, title: str, boundary: Boundary) -> Layer:
    rings = _points(boundary.low, boundary.high, left)
    return Layer(
        (
            Stroke("region", outline(boundary, left)),
            Stroke("frame", f"M{left:g} {TOP}h{SIDE}v{SIDE}h-{SIDE}Z"),
            Stroke("outer", rings[0]),
            Stroke("core", rings[0]),
            Stroke("inner", rings[1]),
        ),
        (Label(left, TOP - 10, title, look="name"),),
    )


def _says(shown: Iterable[tuple[str, TrainingResult, Boundary]]) -> str:
    points = course_data().Y_train.size
    said = [
        _result(name, f"{round(run.train_accuracy * points)} of the {points} training points", boundary)
        for name, run, boundary in shown
    ]
    return f"{said[0][0].upper()}{'; '.join(said)[1:]}."


def _result(name: str, right: str, boundary: Boundary) -> str:
    """Say how many points a run answers rightly, and whether it has a line to show."""
    answers = {int(row, 16) for row in boundary.rows}
    full = (1 << 4 * len(boundary.rows[0])) - 1
    if answers in ({0}, {full}):
        ring = "outer" if answers == {0} else "inner"
        return f"{name} answers “{ring} ring” everywhere on this picture's grid, which is right for {right}"
    return f"{name} has {right} on the right side of its line"


@cache
def _points(low: float, high: float, left: float) -> tuple[str, str]:
    """Return the training points of the outer and the inner ring as dots, as far as they lie in the picture."""
    data = course_data()
    paths = ["", ""]
    for x, y, label in zip(*data.X_train, data.Y_train[0], strict=True):
        if low <= x <= high and low <= y <= high:
            across, down = (x - low) / (high - low) * SIDE + left, (high - y) / (high - low) * SIDE + TOP
            paths[int(label)] += dot(round(across, 1), round(down, 1))
    return paths[0], paths[1]


@kept
def outline(boundary: Boundary, left: float) -> str:
    """Return the edges of the region of ones as an SVG path; each answer fills the square around its grid point."""
    answers = [[bit == "1" for bit in f"{int(row, 16):0{4 * len(row)}b}"] for row in boundary.rows]
    cell = SIDE / len(answers)
    loops = ([(round(left + x * cell, 1), round(TOP + y * cell, 1)) for x, y in loop] for loop in _loops(answers))
    return "".join(f"M{'L'.join(f'{x:g} {y:g}' for x, y in loop)}Z" for loop in loops)


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
