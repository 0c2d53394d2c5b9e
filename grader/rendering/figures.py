"""Pictures as plain places and words: a template writes the SVG, nothing here draws.

A picture says its finding in one sentence, for those who do not see it, and brings its numbers in a table.  Lines differ by
their dashes as well as by colour.  Equal pictures are made once (`kept`); what is alike on every page and the mark of one run
on it are two layers, so that the first is shared.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeVar

from grader.records import Number, Table

LN2 = math.log(2)
WIDTH, HEIGHT = 360, 272  # units of the viewBox: about the pixels of a telephone, so that text stays legible there
LEFT, RIGHT, TOP, BOTTOM = 42, 352, 54, 228
MOST_ROWS = 16  # of a table beside a picture
KEPT = 160  # pictures; one takes some 10 kB

Built = TypeVar("Built")


def kept(make: Callable[..., Built]) -> Callable[..., Built]:
    """Keep what a function of records makes: equal records, equal picture, made once."""
    return lru_cache(maxsize=KEPT)(make)


@dataclass(frozen=True, slots=True)
class Stroke:
    """A line or an area: the class of page.css that says how it looks, and its SVG path."""

    look: str
    path: str


@dataclass(frozen=True, slots=True)
class Label:
    """Words in a picture."""

    x: float
    y: float
    text: str
    anchor: Literal["start", "middle", "end"] = "start"
    look: str = ""


@dataclass(frozen=True, slots=True)
class Layer:
    """Strokes in the order they are drawn, and the words on top of them."""

    strokes: tuple[Stroke, ...] = ()
    labels: tuple[Label, ...] = ()

    def __add__(self, other: Layer) -> Layer:
        """Return both, the other one on top."""
        return Layer(self.strokes + other.strokes, self.labels + other.labels)


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything the template writes down.

    `says` is the finding in one sentence, `note` what could not be drawn or stands elsewhere than one would think; `ground` is
    what equal pictures share, `mark` what this one adds.  Without strokes there is nothing to see, and `says` tells why.
    """

    says: str
    ground: Layer
    mark: Layer = Layer()
    note: str = ""
    table: Table | None = None
    height: int = HEIGHT


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis: where it stands in the picture, and its text."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Scale:
    """A stretch of numbers and the stretch of the picture that they fill."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the place of a number, to a tenth of a unit so that pages are the same on every machine."""
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)


@dataclass(frozen=True, slots=True)
class Frame:
    """The edges of the part of a picture that holds the lines."""

    left: float = LEFT
    right: float = RIGHT
    top: float = TOP
    bottom: float = BOTTOM

    def axes(self, x_ticks: Iterable[Tick], y_ticks: Sequence[Tick], x_title: str) -> Layer:
        """Return the axes: a thin line a mark across, numbers left and below, and what runs along the bottom."""
        grid = "".join(f"M{self.left:g} {tick.at:g}H{self.right:g}" for tick in y_ticks)
        below = self.bottom + 18
        return Layer(
            (Stroke("grid", grid),),
            (
                *(Label(self.left - 6, round(tick.at + 4, 1), tick.text, "end") for tick in y_ticks),
                *(Label(tick.at, below, tick.text, "middle") for tick in x_ticks),
                Label(round((self.left + self.right) / 2, 1), below + 20, x_title, "middle"),
            ),
        )

    def level(self, look: str, y: float, words: str) -> Layer:
        """Return a line across at a height, its words above its end."""
        label = Label(self.right, round(y - 6, 1), words, "end", "halo")
        return Layer((Stroke(look, f"M{self.left:g} {y:g}H{self.right:g}"),), (label,))


def head(title: str, *entries: tuple[str, str, float]) -> Layer:
    """Return what stands above a picture: what is drawn, and under it samples, each a look, its words and where it begins."""
    return Layer(
        tuple(Stroke(part, _sample(look, at)) for look, _, at in entries for part in (look, *_HOLLOW.get(look, ()))),
        (Label(0, 12, title, look="name"), *(Label(at + 28, 33, words) for _, words, at in entries)),
    )


def _sample(look: str, at: float) -> str:
    if look in _AREAS:
        return f"M{at:g} 23h22v12h-22Z"
    return dot(at + 18, 29) if look in _DOTS else f"M{at:g} 29h22"


_AREAS, _DOTS = {"band", "region"}, {"dot", "point", "inner", "outer"}
_HOLLOW = {"dot": ("hole",), "outer": ("core",)}


def dot(x: float, y: float) -> str:
    """Return the path of a dot: as wide as its stroke."""
    return f"M{x:g} {y:g}h0"


def diamond(x: float, y: float, size: int = 7) -> str:
    """Return the path of the mark that a run gets among others."""
    return f"M{x:g} {y - size:g}l{size} {size}l-{size} {size}l-{size} -{size}Z"


def iterations(numbers: Iterable[int], left: float, right: float) -> tuple[Scale, tuple[Tick, ...]]:
    """Return the axis of the iterations, from 0, and its marks."""
    marks = steps(max([1, *numbers]), 3)
    x = Scale(0, marks[-1], left, right)
    return x, tuple(Tick(x(mark), f"{mark:,.0f}") for mark in marks)


def path(parts: Iterable[Sequence[tuple[float, float]]]) -> str:
    """Return the SVG path through places in the picture; one place alone becomes a dot."""
    return " ".join(_segment([f"{x:g} {y:g}" for x, y in part]) for part in parts)


def _segment(points: Sequence[str]) -> str:
    return f"M{points[0]}h0" if len(points) == 1 else "M" + "L".join(points)


def parts(points: Iterable[tuple[float, Number | None]]) -> list[list[tuple[float, float]]]:
    """Split a row of points where a value is missing, inf or nan."""
    found: list[list[tuple[float, float]]] = [[]]
    for at, value in points:
        if value is None or isinstance(value, str):
            found.append([])
        else:
            found[-1].append((at, value))
    return [part for part in found if part]


def some(count: int, most: int = MOST_ROWS) -> list[int]:
    """Return at most `most` of the indices below `count`, evenly, the first and the last among them."""
    if count <= most:
        return list(range(count))
    return [round(index * (count - 1) / (most - 1)) for index in range(most)]


def steps(high: float, most: int) -> list[float]:
    """Return round numbers from 0 to at least `high`, at most `most` steps."""
    power = 10.0 ** math.floor(math.log10(high / most))
    step = next(size * power for size in (1, 2, 5, 10, 20) if size * power * most >= high)
    return [step * index for index in range(math.ceil(high / step) + 1)]


MOST_POWERS = 6  # marks on an axis of powers of ten
_RAISED = str.maketrans("-0123456789", "\N{SUPERSCRIPT MINUS}⁰¹²³⁴⁵⁶⁷⁸⁹")


def powers(numbers: Sequence[float], start: float, end: float) -> tuple[Scale, tuple[Tick, ...]]:
    """Return the axis of the logarithms of positive numbers, from power of ten to power of ten, and its marks."""
    low, high = math.floor(math.log10(min(numbers))), math.ceil(math.log10(max(numbers)))
    step = max(1, math.ceil((high - low) / (MOST_POWERS - 1)))
    marks = range(low, max(high, low + 1) + step, step)
    high = next(power for power in marks if power >= high and power > low)
    scale = Scale(low, high, start, end)
    return scale, tuple(Tick(scale(power), _power(power)) for power in marks if power <= high)


def _power(power: int) -> str:
    """Return a power of ten as people write it."""
    if -3 <= power <= 0:
        return f"{10.0**power:g}"
    return f"{10**power:,}" if 0 < power <= 3 else "10" + str(power).translate(_RAISED)


APART = 15  # units between two names


def spread_out(places: dict[str, float], bottom: float = BOTTOM) -> dict[str, float]:
    """Move names apart: from the top down, then back up where the last has fallen off the picture."""
    order = sorted(places, key=places.__getitem__)
    moved: list[float] = []
    for name in order:
        moved.append(max([places[name], *(place + APART for place in moved[-1:])]))
    over = float(bottom)
    for index in range(len(moved) - 1, -1, -1):
        moved[index] = round(min(moved[index], over), 1)
        over = moved[index] - APART
    return dict(zip(order, moved, strict=True))
