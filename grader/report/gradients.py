"""The size of each layer's gradient against iteration, on an axis of powers of ten, as plain points for a template."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from grader.records import Number, TrainingResult
from grader.report.figures import BOTTOM, LEFT, RIGHT, TOP, Scale, Table, Tick, iterations, path, some

END = RIGHT - 34  # where lines end: their names stand behind it
APART = 15  # units between two names
MOST_TICKS = 6
_RAISED = str.maketrans("-0123456789", "\N{SUPERSCRIPT MINUS}⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True, slots=True)
class Layer:
    """The gradient norms of one layer's weights, by iteration."""

    name: str
    norms: tuple[tuple[int, Number], ...]

    @property
    def drawable(self) -> tuple[tuple[int, float], ...]:
        """The points that have a place among powers of ten."""
        return tuple((iteration, norm) for iteration, norm in self.norms if _has_logarithm(norm))  # type: ignore[misc]

    @property
    def parts(self) -> Iterator[list[tuple[int, float]]]:
        """The drawable points, split where one is missing between them."""
        part: list[tuple[int, float]] = []
        for iteration, norm in self.norms:
            if isinstance(norm, float) and _has_logarithm(norm):
                part.append((iteration, norm))
            elif part:
                yield part
                part = []
        if part:
            yield part


@dataclass(frozen=True, slots=True)
class Line:
    """One layer's line: its name, which style it gets, where its name stands, and its SVG path."""

    name: str
    style: int
    name_at: float
    path: str


@dataclass(frozen=True, slots=True)
class Gradients:
    """The figure; without lines where nothing has a logarithm, and then `says` tells why."""

    says: str
    missing: str
    lines: tuple[Line, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    table: Table | None
    left: int = LEFT


def gradients(training: TrainingResult) -> Gradients | None:
    """Return the figure of a run; None where its course was not kept."""
    layers = _layers(training)
    if not layers:
        return None
    if all(norm == 0 for layer in layers for _, norm in layer.norms):
        return Gradients(_dead(layers), "", (), (), (), None)
    missing = " ".join(filter(None, map(_undrawn, layers)))
    norms = [norm for layer in layers for _, norm in layer.drawable]
    if not norms:
        return Gradients(_says(layers), missing, (), (), (), _table(layers))
    y, y_ticks = _powers(norms)
    x, x_ticks = iterations([iteration for iteration, _ in layers[0].norms], LEFT + 8, END)
    return Gradients(_says(layers), missing, tuple(_lines(layers, x, y)), x_ticks, y_ticks, _table(layers), LEFT + 8)


def _layers(training: TrainingResult) -> list[Layer]:
    trace = training.trace
    by_layer = zip(*trace.gradient_norms, strict=True)
    return [
        Layer(f"W{l}", tuple(zip(trace.iterations, norms, strict=True)))
        for l, norms in enumerate(by_layer, start=1)  # noqa: E741
    ]


def _has_logarithm(norm: Number) -> bool:
    return not isinstance(norm, str) and norm > 0


def _powers(norms: Sequence[float]) -> tuple[Scale, tuple[Tick, ...]]:
    """Return the axis of the logarithms, from power of ten to power of ten, and its marks."""
    low, high = math.floor(math.log10(min(norms))), math.ceil(math.log10(max(norms)))
    step = max(1, math.ceil((high - low) / (MOST_TICKS - 1)))
    steps = range(low, max(high, low + 1) + step, step)
    high = next(power for power in steps if power >= high and power > low)
    y = Scale(low, high, BOTTOM, TOP)
    return y, tuple(Tick(y(power), _power(power)) for power in steps if power <= high)


def _power(power: int) -> str:
    """Return a power of ten as people write it."""
    if -3 <= power <= 0:
        return f"{10.0**power:g}"
    return f"{10**power:,}" if 0 < power <= 3 else "10" + str(power).translate(_RAISED)


def _lines(layers: Sequence[Layer], x: Scale, y: Scale) -> Iterator[Line]:
    """Yield the lines, their names beside their ends and apart from each other."""
    ends = {layer.name: y(math.log10(layer.drawable[-1][1])) for layer in layers if layer.drawable}
    names = _spread_out(ends)
    for index, layer in enumerate(layers):
        if layer.name in names:
            places = ([(x(iteration), y(math.log10(norm))) for iteration, norm in part] for part in layer.parts)
            yield Line(layer.name, index % 3, names[layer.name], path(places))


def _spread_out(ends: dict[str, float]) -> dict[str, float]:
    """Move names apart: from the top down, then back up where the last has fallen off the picture."""
    order = sorted(ends, key=ends.__getitem__)
    places: list[float] = []
    for name in order:
        places.append(max([ends[name], *(place + APART for place in places[-1:])]))
    over = float(BOTTOM)
    for index in range(len(places) - 1, -1, -1):
        places[index] = round(min(places[index], over), 1)
        over = places[index] - APART
    return dict(zip(order, places, strict=True))


def _says(layers: Sequence[Layer]) -> str:
    """Say what each layer's gradient is at first and at last."""
    first, last = layers[0].norms[0][0], layers[0].norms[-1][0]
    said = f"The size of the gradient at iteration {first:,} is {_list(layers, 0)}"
    return f"{said}." if first == last else f"{said}; at iteration {last:,} it is {_list(layers, -1)}."


def _list(layers: Sequence[Layer], index: int) -> str:
    said = [f"{_size(layer.norms[index][1])} for {layer.name}" for layer in layers]
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}"


def _dead(layers: Sequence[Layer]) -> str:
    first, last = layers[0].norms[0][0], layers[0].norms[-1][0]
    names = [layer.name for layer in layers]
    whose = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    return (
        f"The gradient of {whose} is exactly 0 at each of the {len(layers[0].norms)} iterations looked at, from {first:,} "
        f"to {last:,}: no weight moves, and an axis of powers of ten has no 0 to draw it at."
    )


def _undrawn(layer: Layer) -> str:
    """Say which points have no place among powers of ten."""
    gone = [(iteration, norm) for iteration, norm in layer.norms if not _has_logarithm(norm)]
    if not gone:
        return ""
    kinds = " or ".join(sorted({"exactly 0" if norm == 0 else str(norm) for _, norm in gone}))
    if len(gone) == len(layer.norms):
        at = f"each of the {len(gone)} iterations looked at"
    elif len(gone) == 1:
        at = f"iteration {gone[0][0]:,}"
    else:
        at = f"{len(gone)} of the {len(layer.norms)} iterations looked at, the first of them {gone[0][0]:,}"
    return (
        f"The gradient of {layer.name} is {kinds} at {at}: no axis of powers of ten can show that, so it is not drawn."
    )


def _size(norm: Number) -> str:
    """Return a norm in two or three digits, as the story writes it."""
    if isinstance(norm, str):
        return norm
    if norm >= 1000:
        return f"{norm:,.0f}" if norm < 1e6 else f"{norm:.2g}"
    return f"{norm:.3g}" if norm >= 0.01 else f"{norm:.2g}"


def _table(layers: Sequence[Layer]) -> Table:
    rows = some(len(layers[0].norms))
    return Table(
        "Size (Frobenius norm) of the gradient of each layer's weights",
        ("iteration", *(layer.name for layer in layers)),
        tuple(
            (f"{layers[0].norms[index][0]:,}", *(_size(layer.norms[index][1]) for layer in layers)) for index in rows
        ),
    )
