"""How long starts wait on the plateau, by scale and depth: a figure with both axes in powers of ten, its finding and table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from grader.records import Table
from grader.shipped import DEPTHS_RATE, ESCAPE_CAP
from grader.training import ESCAPED

LEFT, RIGHT, TOP, BOTTOM = 84, 348, 20, 226
LOW, HIGH = 2, 6  # powers of ten of iterations
NAMES = {1: "one hidden layer", 2: "two hidden layers", 3: "three hidden layers"}
STYLES = {1: "one", 2: "two", 3: "three"}

Escapes = Mapping[float, int | None]  # scale: the first iteration with a cost below 0.6, None if not before the cap


@dataclass(frozen=True, slots=True)
class Line:
    """One depth: where its name stands, and its SVG path, which ends with the last start that left the plateau."""

    name: str
    style: str
    name_at: tuple[float, float]
    path: str


@dataclass(frozen=True, slots=True)
class Waits:
    """The figure; ticks are pairs of a place and a label."""

    says: str
    lines: tuple[Line, ...]
    across: tuple[tuple[float, str], ...]
    up: tuple[tuple[float, str], ...]
    table: Table


def waits_figure(escapes: Mapping[int, Escapes]) -> Waits:
    """Return the figure of how long each depth (number of hidden layers) waits from each scale."""
    scales = sorted({scale for row in escapes.values() for scale in row}, reverse=True)
    tenths = [scale for scale in scales if math.isclose(math.log10(scale) % 1, 0, abs_tol=1e-9)]
    return Waits(
        says=" ".join(_finding(hidden, [row[scale] for scale in tenths]) for hidden, row in escapes.items()),
        lines=tuple(
            Line(NAMES[hidden], STYLES[hidden], points[-1], "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points))
            for hidden, points in ((hidden, _points(row)) for hidden, row in escapes.items())
        ),
        across=tuple((_x(scale), f"{scale:g}") for scale in tenths),
        up=tuple((_y(10**power), f"{10**power:,}") for power in range(LOW, HIGH + 1)),
        table=Table(
            f"Iterations until the cost is below {ESCAPED}, at learning rate {DEPTHS_RATE}, by scale",
            ("hidden layers", *(f"{scale:g}" for scale in tenths)),
            tuple((str(hidden), *(count(row[scale]) for scale in tenths)) for hidden, row in escapes.items()),
        ),
    )


def count(iteration: int | None) -> str:
    """Return an iteration in words of the page."""
    return f"{iteration:,}" if iteration is not None else f"more than {ESCAPE_CAP:,}"


def _finding(hidden: int, measured: Sequence[int | None]) -> str:
    """Say how the wait grows with each tenth of the scale, as far as it was measured."""
    known = [iteration for iteration in measured if iteration is not None]
    more = [later - sooner for sooner, later in pairwise(known)]
    times = [later / sooner for sooner, later in pairwise(known)]
    if not more:
        return ""
    name = f"With {NAMES[hidden]} each tenth"
    if len(more) > 1 and max(more) < 2 * min(more):
        said = f"{name} adds {min(more):,} to {max(more):,} iterations"
    else:
        said = f"{name} multiplies the wait by {' to '.join(dict.fromkeys(f'{part:.0f}' for part in (min(times), max(times))))}"
    return f"{said}{'.' if len(known) == len(measured) else f', and the last is still waiting at {ESCAPE_CAP:,}.'}"


def _points(row: Escapes) -> list[tuple[float, float]]:
    left = {scale: iteration for scale, iteration in row.items() if iteration is not None}
    return [(_x(scale), _y(left[scale])) for scale in sorted(left, reverse=True)]


def _x(scale: float) -> float:
    return LEFT - (RIGHT - LEFT) * math.log10(scale) / 3


def _y(iterations: int) -> float:
    return BOTTOM - (BOTTOM - TOP) * (math.log10(iterations) - LOW) / (HIGH - LOW)
