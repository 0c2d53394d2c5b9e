"""A chart as a record: marks in the units of the data, axes, labels, its finding in one sentence, its numbers in a table.

Nothing here knows where something is in a picture: `svg` is the one place that draws.  Lines differ by their dashes as
well as by colour.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from grader.messages import say
from grader.records import Number, Table

LN2 = math.log(2)
MOST_ROWS = 16  # of a table beside a chart
MOST_POWERS = 6  # ticks of an axis of powers of ten
_RAISED = str.maketrans("-0123456789", "\N{SUPERSCRIPT MINUS}⁰¹²³⁴⁵⁶⁷⁸⁹")

At = float | str  # a value of an axis, or the name of a place beside it
ChartPoint = tuple[At, Number | None]


@dataclass(frozen=True, slots=True)
class Axis:
    """A stretch of numbers, its ticks as (value, text), and places that have a name in place of a number.

    `before` and `after` name the places to the left and to the right of the numbers.
    """

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...] = ()
    title: str = ""
    is_log: bool = False
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()

    def has(self, value: At | None) -> bool:
        """Return whether a value can be shown on the axis."""
        if isinstance(value, str):
            return value in self.before or value in self.after
        return value is not None and self.low <= value <= self.high


def linear(highest: float, most: int, text: str = "{:g}", title: str = "") -> Axis:
    """Return an axis from 0 with round ticks, at most `most` steps."""
    values = steps(highest, most)
    return Axis(0, values[-1], tuple((value, text.format(value)) for value in values), title)


def iterations(numbers: Iterable[int]) -> Axis:
    """Return the axis of the iterations."""
    return linear(max([1, *numbers]), 3, "{:,.0f}", say("figures.iteration"))


def powers(numbers: Sequence[float]) -> Axis:
    """Return an axis of powers of ten that has room for some positive numbers."""
    low, high = math.floor(math.log10(min(numbers))), math.ceil(math.log10(max(numbers)))
    step = max(1, math.ceil((high - low) / (MOST_POWERS - 1)))
    shown = range(low, max(high, low + 1) + step, step)
    high = next(power for power in shown if power >= high and power > low)
    ticks = tuple((_power(power), power_text(power)) for power in shown if power <= high)
    return Axis(_power(low), _power(high), ticks, is_log=True)


def _power(power: int) -> float:
    """Return a power of ten; where a float cannot hold it, the nearest that is not 0 or inf."""
    return min(max(float(f"1e{power}"), 5e-324), 1.7e308)


def power_text(power: int) -> str:
    """Return a power of ten as people write it."""
    if -3 <= power <= 0:
        return f"{10.0**power:g}"
    return f"{10**power:,}" if 0 < power <= 3 else "10" + str(power).translate(_RAISED)


def steps(high: float, most: int) -> list[float]:
    """Return round numbers from 0 to at least `high`, at most `most` steps."""
    power = 10.0 ** math.floor(math.log10(high / most))
    step = next(size * power for size in (1, 2, 5, 10, 20) if size * power * most >= high)
    return [step * index for index in range(math.ceil(high / step) + 1)]


# --- marks: `look` is the class of figure.css -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Curve:
    """A line through points, with a gap where a value is missing; `name` is beside its end."""

    look: str
    points: tuple[ChartPoint, ...]
    name: str = ""


@dataclass(frozen=True, slots=True)
class Dots:
    """A dot at each point, as wide as the stroke of its look."""

    look: str
    points: tuple[tuple[At, float], ...]


@dataclass(frozen=True, slots=True)
class Band:
    """The stretch between two values at each place: an area along the numbers, a box at a place with a name."""

    look: str
    points: tuple[tuple[At, float, float], ...]


@dataclass(frozen=True, slots=True)
class Area:
    """Closed lines through corners."""

    look: str
    loops: tuple[tuple[tuple[float, float], ...], ...]


@dataclass(frozen=True, slots=True)
class Level:
    """A line across at a value, with words at its end."""

    look: str
    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Rule:
    """An upright line at a value, with words at its top; it ends above a column of the height `above`."""

    look: str
    x: float
    label: str
    above: float


@dataclass(frozen=True, slots=True)
class Spot:
    """A point with its name; `look` gives its shape and colour."""

    x: At
    y: float
    name: str
    look: str


@dataclass(frozen=True, slots=True)
class Spots:
    """Points to see first, their names where nothing else is: no name touches another, a point or the frame."""

    points: tuple[Spot, ...]


@dataclass(frozen=True, slots=True)
class Bubbles:
    """Points that stand for several things: (x, y, how many, look); the larger, the more.

    The number of a point is beside it where there is room: the first of `points` choose first.
    """

    points: tuple[tuple[At, float, int, str], ...]


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns from 0, each (x, height, look), the highest with their numbers, which keep clear of the value `beside`."""

    points: tuple[tuple[float, int, str], ...]
    beside: float


@dataclass(frozen=True, slots=True)
class EdgeText:
    """Words at the left edge of a chart, half-way up."""

    text: str


AnyMark = Curve | Dots | Band | Area | Level | Rule | Spots | Bubbles | Columns | EdgeText


@dataclass(frozen=True, slots=True)
class Panel:
    """One pair of axes with the marks on it, in the order they are drawn."""

    x: Axis
    y: Axis
    marks: tuple[AnyMark, ...]
    title: str = ""
    look: str = ""  # of a map: whose it is


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything that is drawn, and said of it.

    `says` is the finding in one sentence, `note` what could not be drawn or is elsewhere than one would think; `key` names
    looks, each (look, words).  Maps are squares side by side, at most three.  Without a panel there is nothing to see, and
    `says` tells why.
    """

    says: str
    panels: tuple[Panel, ...] = ()
    title: str = ""
    key: tuple[tuple[str, str], ...] = ()
    note: str = ""
    table: Table | None = None
    is_map: bool = False
    is_low: bool = False  # of axes: takes no more height than it needs


# --- words and numbers that charts share ----------------------------------------------------------------------------


def drawable(values: Iterable[Number | None]) -> Iterator[float]:
    """Yield the values that an axis can hold."""
    return (value for value in values if value is not None and not isinstance(value, str))


def some(count: int, most: int = MOST_ROWS) -> list[int]:
    """Return at most `most` of the indices below `count`, evenly, the first and the last among them."""
    if count <= most:
        return list(range(count))
    return [round(index * (count - 1) / (most - 1)) for index in range(most)]
