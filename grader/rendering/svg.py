"""The one writer of charts: `draw` turns a chart into SVG.

Lengths are units of the viewBox: about the pixels of a telephone, so that text stays legible there.  Places are rounded to a
tenth of a unit, so that pages are the same on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import singledispatchmethod
from itertools import pairwise
from typing import Literal, NamedTuple

from markupsafe import Markup, escape

from grader.rendering.charts import (
    Area,
    At,
    Axis,
    Band,
    Bubbles,
    Chart,
    ChartPoint,
    Columns,
    Curve,
    Dots,
    EdgeText,
    Level,
    Panel,
    Rule,
    Spots,
)
from grader.rendering.text import clean, columns

WIDTH, HEIGHT = 360, 272
LEFT, RIGHT, TOP, BOTTOM = 42, 352, 54, 228  # the edges of the part that holds the lines
LETTER, DIGIT = 6.6, 7.6  # how wide they are at most, on average
MARGIN = 10  # between the ends of an axis of numbers and the frame
KEY_LINE, KEY_GAP = 20, 18  # the height of a line of the key, and the room between two words of it
SLOT = 50  # how wide a place is that has a name
GAP, MAP_TOP, MOST_MAPS = 16, 22, 3  # between two maps, and above them; how many are side by side
LOW_TOP, LOW_BOTTOM = 30, 140  # of charts that take little height
CLOSE, NEAR = 3, 12  # the depth of letters, and steps along a line
BELOW = 6  # between a frame and the words of its axis
APART = 15  # of two names, one above the other
SMALLEST, GROWS = 4.5, 10.0  # radius of a point alone, and what all in one place would add
BOLD_DIGIT, LINE = 9.0, 15.0  # how wide a digit of a number beside a point is, and how high
COLUMN, NUMBERED = 0.38, 5  # half of a column's width, and how many columns have their number
_CIRCLES = {"here", "here off"}  # looks of the key that are points; a band is an area, the others are lines
_HALO = "name halo"  # a name on paper of its own, so that lines do not cross it
_NUMBERS = {"here off": "wrong halo"}  # how the number of a point looks, if not like a name
_LABELS = {"run level": f"{_HALO} of-mine"}  # how the words at a level look, if not like those of an axis
_ON_TOP = {"outer": "core"}  # what makes a dot a ring
Anchor = Literal["start", "middle", "end"]


def draw(chart: Chart) -> Markup:
    """Return a chart as an SVG image whose name is its finding; empty where there is nothing to see."""
    if not chart.panels:
        return Markup()
    frames, height = _frames(chart)
    parts = [*_head(chart)]
    for panel, frame in zip(chart.panels, frames, strict=True):
        parts += _Drawing(panel, frame).parts()
    name, view = escape(clean(chart.says)), f"0 0 {WIDTH} {height:g}"
    whole = "\n".join((f'<svg viewBox="{view}" role="img" aria-label="{name}">', *parts, "</svg>"))
    return Markup(whole)  # noqa: S704  # numbers, our own looks, and words that are escaped


@dataclass(frozen=True, slots=True)
class Frame:
    """The edges of the part of a picture that holds the marks of a panel."""

    left: float
    right: float
    top: float
    bottom: float


def _frames(chart: Chart) -> tuple[list[Frame], float]:
    """Return the place of each panel, and the height of the picture: axes with room for their words, or square maps."""
    if not chart.is_map:
        if chart.is_low:
            return [_frame(panel, LOW_TOP, LOW_BOTTOM) for panel in chart.panels], LOW_BOTTOM + 24
        lines = 1 + max((line for *_, line in _key(chart)), default=-1)
        top, lower = TOP + KEY_LINE * (lines - 1), KEY_LINE * max(lines - 1, 0)
        return [_frame(panel, top, BOTTOM + lower) for panel in chart.panels], HEIGHT + lower
    side = (WIDTH - GAP * (MOST_MAPS - 1)) / MOST_MAPS
    lefts = [index * (side + GAP) for index in range(len(chart.panels))]
    return [Frame(left, left + side, MAP_TOP, MAP_TOP + side) for left in lefts], MAP_TOP + side + 4


def _frame(panel: Panel, top: float, bottom: float = BOTTOM) -> Frame:
    widest = max((len(text) for _, text in panel.y.ticks), default=0)
    names = [mark.name for mark in panel.marks if isinstance(mark, Curve) and mark.name]
    room = max((8 + DIGIT * columns(name) for name in names), default=0.0)  # a wide font must not be cut
    return Frame(max(LEFT, math.ceil(6 + DIGIT * widest)), RIGHT - math.ceil(room), top, bottom)


class Box(NamedTuple):
    """The edges of something that no name and no number may cover."""

    left: float
    top: float
    right: float
    bottom: float

    def is_free(self, others: Iterable[Box]) -> bool:
        """Return whether none of the others has a part in common with it."""
        left, top, right, bottom = self
        for its_left, its_top, its_right, its_bottom in others:  # a third of the time of a generator
            if left < its_right and its_left < right and top < its_bottom and its_top < bottom:
                return False
        return True


class _Drawing:
    """Draws one panel in its frame."""

    def __init__(self, panel: Panel, frame: Frame) -> None:
        self.panel, self.frame = panel, frame
        first, last = (len(panel.x.ticks[end][1]) * DIGIT / 2 if panel.x.ticks else 0 for end in (0, -1))
        margins = (max(MARGIN, first), max(MARGIN, frame.right + last - WIDTH))
        if _is_bare(panel):
            margins = 0.0, 0.0
        self.x = _scale(panel.x, frame.left, frame.right, margins)
        self.y = _scale(panel.y, frame.bottom, frame.top)

    def parts(self) -> Iterator[str]:
        """Yield axes, marks in their order, and names on top of them."""
        panel = self.panel
        if _is_bare(panel):
            yield _text(self.frame.left + 14, self.frame.top - 7, panel.title, look="name")
            yield _path(*_shape(panel.look, self.frame.left + 5, self.frame.top - 11.5, 4.5))
        else:
            yield from self._axes()
        for mark in panel.marks:
            yield from self.mark(mark)
        if _is_bare(panel):
            width, height = self.frame.right - self.frame.left, self.frame.bottom - self.frame.top
            yield _path("frame", f"M{self.frame.left:g} {self.frame.top:g}h{width:g}v{height:g}h{-width:g}Z")
        yield from self._names()

    def _axes(self) -> Iterator[str]:
        """Yield a thin line for each tick across, numbers left and below, and what runs along the bottom."""
        panel, frame = self.panel, self.frame
        ticks = [(self.y(value), text) for value, text in panel.y.ticks]
        yield _path("grid", "".join(f"M{frame.left:g} {at:g}H{frame.right:g}" for at, _ in ticks))
        for at, text in ticks:
            yield _text(frame.left - 6, at + 4, text, "end")
        below = frame.bottom + 18
        for place in (*panel.x.before, *panel.x.after):
            yield _text(self.x(place), below, place, "middle")
        for value, text in panel.x.ticks:
            yield _text(self.x(value), below, text, "middle")
        yield _text((frame.left + frame.right) / 2, below + 20, panel.x.title, "middle")

    def _names(self) -> Iterator[str]:
        """Yield the names of lines beside their ends, apart from each other."""
        ends = {}
        for mark in self.panel.marks:
            if isinstance(mark, Curve) and mark.name and (parts := list(_parts(mark.points))):
                ends[mark.name] = self.y(parts[-1][-1][1])
        for name, at in spread_out(ends, self.frame.bottom).items():
            yield _text(self.frame.right + 6, at + 4, name, look="name")

    @singledispatchmethod
    def mark(self, mark: object) -> Iterator[str]:
        """Yield the elements of a mark."""
        raise TypeError(f"{type(mark).__name__} is not a mark")

    @mark.register
    def _(self, mark: Curve) -> Iterator[str]:
        yield _path(mark.look, " ".join(self._segment(part) for part in _parts(mark.points)))

    def _segment(self, part: Sequence[tuple[At, float]]) -> str:
        """Return the path through some points; one alone is a dot, at a place with a name a short line."""
        if len(part) == 1:
            x, y = self.x(part[0][0]), self.y(part[0][1])
            return f"M{x - 9:g} {y:g}h18" if isinstance(part[0][0], str) else _dot(x, y)
        return "M" + "L".join(f"{self.x(x):g} {self.y(y):g}" for x, y in part)

    @mark.register
    def _(self, mark: Dots) -> Iterator[str]:
        path = "".join(_dot(self.x(x), self.y(y)) for x, y in mark.points)
        yield _path(mark.look, path)
        if mark.look in _ON_TOP:
            yield _path(_ON_TOP[mark.look], path)

    @mark.register
    def _(self, mark: Band) -> Iterator[str]:
        numbers = [(x, low, high) for x, low, high in mark.points if not isinstance(x, str)]
        above = [(x, high) for x, _, high in numbers]
        below = [(x, low) for x, low, _ in reversed(numbers)]
        boxes = (
            f"M{self.x(x) - 7:g} {self.y(high):g}h14V{self.y(low):g}h-14Z"
            for x, low, high in mark.points
            if isinstance(x, str)
        )
        yield _path(mark.look, (self._loop([*above, *below]) if above else "") + "".join(boxes))

    def _loop(self, corners: Iterable[tuple[float, float]]) -> str:
        return f"M{'L'.join(f'{self.x(x):g} {self.y(y):g}' for x, y in corners)}Z"

    @mark.register
    def _(self, mark: Area) -> Iterator[str]:
        yield _path(mark.look, "".join(map(self._loop, mark.loops)))

    @mark.register
    def _(self, mark: Level) -> Iterator[str]:
        y = self.y(mark.y)
        yield _path(mark.look, f"M{self.frame.left:g} {y:g}H{self.frame.right:g}")
        yield _text(self.frame.right, y - 6, mark.label, "end", _LABELS.get(mark.look, "halo"))

    @mark.register
    def _(self, mark: Rule) -> Iterator[str]:
        x, top = self.x(mark.x), self.frame.top
        anchor: Anchor = "end" if x > (self.frame.left + self.frame.right) / 2 else "start"
        bottom = max(self.y(mark.above) - 20, top)
        yield _path(mark.look, f"M{x:g} {bottom:g}V{top - 12:g}")
        yield _text(x, top - 18, mark.label, anchor, "name")

    @mark.register
    def _(self, mark: Spots) -> Iterator[str]:
        """Yield the points, then each name on the side that is free."""
        at = [(self.x(point.x), self.y(point.y)) for point in mark.points]
        taken = [Box(x - 8, y - 8, x + 8, y + 8) for x, y in at]
        levels = [
            (self.y(level.y), LETTER * columns(level.label)) for level in self.panel.marks if isinstance(level, Level)
        ]
        taken += [Box(self.frame.right - width, y - 6 - LINE, self.frame.right, y - 4) for y, width in levels]
        lines = [*self._lines(), *(Box(self.frame.left, y - 1, self.frame.right, y + 1) for y, _ in levels)]
        for point, (x, y) in sorted(zip(mark.points, at, strict=True), key=lambda spot: spot[0].look == "mine"):
            yield _path(*_shape(point.look, x, y, 7))  # the student's is on top
        for point, (x, y) in zip(mark.points, at, strict=True):
            away = 16 if isinstance(point.x, str) else 12  # clear of the short line at a place with a name
            box, anchor = self._free(x, y, away, LETTER * columns(point.name), taken, lines)
            taken.append(box)
            left = {"start": box.left, "middle": (box.left + box.right) / 2, "end": box.right}[anchor]
            yield _text(left, box.bottom - CLOSE, point.name, anchor, f"{_HALO} of-{point.look}")

    def _lines(self) -> Iterator[Box]:
        """Yield boxes along the lines of the panel, for names to keep away from."""
        for mark in self.panel.marks:
            if not isinstance(mark, Curve | Band):
                continue
            rows = (
                [mark.points]
                if isinstance(mark, Curve)
                else zip(*(((x, a), (x, b)) for x, a, b in mark.points), strict=True)
            )
            for row in rows:
                for part in _parts(row):
                    places = [(self.x(x), self.y(y)) for x, y in part]
                    for (left, top), (right, low) in pairwise(places):
                        for step in range(NEAR + 1):
                            x, y = left + (right - left) * step / NEAR, top + (low - top) * step / NEAR
                            yield Box(x - 1, y - 1, x + 1, y + 1)

    def _free(
        self, x: float, y: float, away: float, width: float, taken: Sequence[Box], lines: Sequence[Box]
    ) -> tuple[Box, Anchor]:
        """Return a place for a name beside, below or above a point, and how it is anchored."""
        half, frame = width / 2, self.frame
        sides: list[tuple[Box, Anchor]] = [
            (Box(x + away, y - 7, x + away + width, y + 7), "start"),
            (Box(x - away - width, y - 7, x - away, y + 7), "end"),
            (Box(x - half, y + 11, x + half, y + 11 + LINE), "middle"),
            (Box(x - half, y - 11 - LINE, x + half, y - 11), "middle"),
            (Box(x - 12 - width, y + 9, x - 12, y + 9 + LINE), "end"),
            (Box(x + 12, y + 9, x + 12 + width, y + 9 + LINE), "start"),
            (Box(x - 8, y - 11 - LINE, x - 8 + width, y - 11), "start"),
            (Box(x + 8 - width, y - 11 - LINE, x + 8, y - 11), "end"),
            (Box(x + 8 - width, y + 11, x + 8, y + 11 + LINE), "end"),
            (Box(x + 8 - width, y + 13 + LINE, x + 8, y + 13 + 2 * LINE), "end"),
        ]
        inside = [
            side
            for side in sides
            if side[0].left >= frame.left
            and side[0].right <= WIDTH
            and side[0].top >= frame.top - 10
            and side[0].bottom <= frame.bottom + BELOW
        ]
        apart = [side for side in inside if side[0].is_free(taken)]
        places = apart or inside or sides
        clear = next((side for side in places if side[0].is_free(lines)), None)
        return clear or min(places, key=lambda side: sum(not side[0].is_free([line]) for line in lines))

    @mark.register
    def _(self, mark: Bubbles) -> Iterator[str]:
        """Yield the points, the largest first, so that none hides another; then the numbers."""
        total = sum(count for *_, count, _ in mark.points)
        taken: list[Box] = []
        for x, y, count, look in sorted(mark.points, key=lambda point: (-point[2], str(point[0]), point[1], point[3])):
            left, top, radius = self.x(x), self.y(y), _radius(count, total)
            taken.append(Box(left - radius, top - radius, left + radius, top + radius))
            yield _path(look, _circle(left, top, radius))
        largest: dict[tuple[At, float], int] = {}
        for x, y, count, _ in mark.points:
            largest[x, y] = max(count, largest.get((x, y), 0))
        for x, y, count, look in mark.points:
            if count > 1:
                at = self.x(x), self.y(y)
                yield from self._number(at, count, _radius(largest[x, y], total), _NUMBERS.get(look, _HALO), taken)

    def _number(self, at: tuple[float, float], count: int, radius: float, look: str, taken: list[Box]) -> Iterator[str]:
        """Yield the number of a point on a side that is free, if any."""
        (x, y), away, frame = at, radius + 4, self.frame
        sides: tuple[tuple[float, float, Anchor], ...] = (
            (x + away, y + 5, "start"),
            (x - away, y + 5, "end"),
            (x, y - away, "middle"),
            (x, y + away + 11, "middle"),
        )
        for left, low, anchor in sides:
            box = label_box(left, low, f"{count:,}", anchor)
            is_inside = frame.left < box.left and box.right < WIDTH - 1 and frame.top - 8 < box.top
            if is_inside and box.bottom < frame.bottom and box.is_free(taken):
                taken.append(box)
                yield _text(left, low, f"{count:,}", anchor, look)
                return

    @mark.register
    def _(self, mark: Columns) -> Iterator[str]:
        """Yield the columns of each look, and the numbers of the highest, none on another."""
        shown: dict[str, list[str]] = {}
        for x, count, look in mark.points:
            if count:
                path = f"M{self.x(x - COLUMN):g} {self.frame.bottom:g}V{self.y(count):g}H{self.x(x + COLUMN):g}"
                shown.setdefault(look, []).append(f"{path}V{self.frame.bottom:g}Z")
        for look, paths in shown.items():
            yield _path(look, "".join(paths))
        taken = [Box(self.x(mark.beside), 0, self.x(mark.beside), HEIGHT)]
        highest = sorted(mark.points, key=lambda point: (-point[1], point[0]))[:NUMBERED]
        for x, count, _ in highest:
            anchor: Anchor = "middle"
            at, low = self.x(x), self.y(count) - 5
            if label_box(at, low, f"{count:,}", anchor).right > WIDTH - 1:
                at, anchor = WIDTH - 1.0, "end"
            box = label_box(at, low, f"{count:,}", anchor)
            if count and box.is_free(taken):
                taken.append(box)
                yield _text(at, low, f"{count:,}", anchor, _HALO)

    @mark.register
    def _(self, mark: EdgeText) -> Iterator[str]:
        yield _text(0, (self.frame.top + self.frame.bottom) / 2, mark.text)


def _scale(axis: Axis, start: float, end: float, margins: tuple[float, float] = (0.0, 0.0)) -> Callable[[At], float]:
    """Return what gives the place of each value of an axis that goes from `start` to `end`, and of each place with a name.

    Numbers stay away from both ends by the margins, so that their words have room.
    """
    places = {name: start + 16 + SLOT * index for index, name in enumerate(axis.before)}
    places |= {name: end - 10 - SLOT * index for index, name in enumerate(reversed(axis.after))}
    measure: Callable[[float], float] = math.log10 if axis.is_log else float
    low, high = measure(axis.low), measure(axis.high)
    first = start + SLOT * len(axis.before) + (MARGIN if axis.before else margins[0])
    last = end - (SLOT * len(axis.after) or margins[1])

    def place(value: At) -> float:
        if isinstance(value, str):
            return round(places[value], 1)
        return round(first + (measure(value) - low) / (high - low) * (last - first), 1)

    return place


def _shape(look: str, x: float, y: float, size: float) -> tuple[str, str]:
    """Return the class and the path of a point: whose run it is shows in its shape as well as in its colour."""
    if look == "mine":
        return "mine", f"M{x:g} {y - size:g}l{size:g} {size:g}l{-size:g} {size:g}l{-size:g} {-size:g}Z"
    if look == "asked":
        side = round(size * 0.8, 1)
        return "asked", f"M{x - side:g} {y - side:g}h{2 * side:g}v{2 * side:g}h{-2 * side:g}Z"
    return ("he" if look == "he" else "plain"), _circle(x, y, round(size * 0.9, 1))


def _is_bare(panel: Panel) -> bool:
    return not panel.x.ticks and not panel.y.ticks


def _head(chart: Chart) -> Iterator[str]:
    """Yield what is above a picture: what is drawn, and under it a sample of each look with its words."""
    yield _text(0, 12, chart.title, look="name")
    for look, words, at, line in _key(chart):
        middle = 29 + KEY_LINE * line
        yield _sample(look, at, middle)
        yield _text(at + _sample_width(look), middle + 4, words)


def _key(chart: Chart) -> Iterator[tuple[str, str, float, int]]:
    """Yield each look of the key with its words, its left edge and its line; what does not fit begins a new line."""
    at, line = 0.0, 0
    for look, words in chart.key:
        width = _sample_width(look) + LETTER * columns(words)
        if at and at + width > WIDTH:
            at, line = 0.0, line + 1
        yield look, words, at, line
        at += width + KEY_GAP


def _sample(look: str, at: float, middle: float) -> str:
    """Return a sample of a look: a point, a small area, or a line."""
    if look in _CIRCLES:
        return _path(look, _circle(at + 5, middle, 5))
    return _path(look, f"M{at:g} {middle - 6:g}h22v12h-22Z" if look == "band" else f"M{at:g} {middle:g}h22")


def _sample_width(look: str) -> int:
    """Return how much room a sample takes before its words."""
    return 14 if look in _CIRCLES else 28


def _path(look: str, path: str) -> str:
    return f'<path class="{look}" d="{path}"/>' if path else ""


def _text(x: float, y: float, words: str, anchor: Anchor = "start", look: str = "") -> str:
    where = "" if anchor == "start" else f' text-anchor="{anchor}"'
    kind = f' class="{look}"' if look else ""
    return f'<text x="{round(x, 1):g}" y="{round(y, 1):g}"{where}{kind}>{escape(clean(words))}</text>' if words else ""


def _dot(x: float, y: float) -> str:
    return f"M{x:g} {y:g}h0"


def _circle(x: float, y: float, radius: float) -> str:
    half = f"a{radius:g} {radius:g} 0 1 0"
    return f"M{x - radius:g} {y:g}{half} {2 * radius:g} 0{half} {-2 * radius:g} 0Z"


def _radius(count: int, total: int) -> float:
    return round(SMALLEST + GROWS * math.sqrt((count - 1) / total), 1)


def label_box(x: float, base: float, words: str, anchor: Anchor) -> Box:
    """Return the edges of a number."""
    width = BOLD_DIGIT * len(words)
    left = x - width * {"start": 0, "middle": 0.5, "end": 1}[anchor]
    return Box(left, base - 0.8 * LINE, left + width, base + 0.2 * LINE)


def _parts(points: Iterable[ChartPoint]) -> Iterator[list[tuple[At, float]]]:
    """Split a row of points where a value is missing, inf or nan, and around each place that has a name."""
    part: list[tuple[At, float]] = []
    for at, value in points:
        is_apart = isinstance(at, str)
        if part and (is_apart or value is None or isinstance(value, str)):
            yield part
            part = []
        if value is not None and not isinstance(value, str):
            part.append((at, value))
            if is_apart:
                yield part
                part = []
    if part:
        yield part


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
