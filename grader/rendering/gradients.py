"""The size of each layer's gradient against iteration, on an axis of powers of ten."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from grader.messages import listed, say
from grader.records import Number, Table, TrainingResult
from grader.rendering.figures import (
    BOTTOM,
    LEFT,
    RIGHT,
    Frame,
    Label,
    Layer,
    Picture,
    Scale,
    Stroke,
    head,
    iterations,
    kept,
    parts,
    path,
    powers,
    some,
    spread_out,
)

FRAME = Frame(left=LEFT + 8, right=RIGHT - 30, top=34)  # names stand behind the ends of their lines


@dataclass(frozen=True, slots=True)
class Norms:
    """The gradient norms of one layer's weights, by iteration."""

    name: str
    norms: tuple[tuple[int, Number], ...]

    @property
    def parts(self) -> list[list[tuple[float, float]]]:
        """The points that have a place among powers of ten, split where one is missing between them."""
        return parts((iteration, norm if _has_logarithm(norm) else None) for iteration, norm in self.norms)


@kept
def gradients(training: TrainingResult) -> Picture | None:
    """Return the picture of a run; None where its course was not kept."""
    layers = _layers(training)
    if not layers:
        return None
    if all(norm == 0 for layer in layers for _, norm in layer.norms):
        return Picture(_dead(layers), Layer())
    note = _undrawn(layers)
    norms = [norm for layer in layers for part in layer.parts for _, norm in part]
    if not norms:
        return Picture(_says(layers), Layer(), note=note, table=_table(layers))
    y, y_ticks = powers(norms, BOTTOM, FRAME.top)
    x, x_ticks = iterations([iteration for iteration, _ in layers[0].norms], FRAME.left, FRAME.right)
    title = "size of the gradient of each layer's weights"
    ground = head(title) + FRAME.axes(x_ticks, y_ticks, "iteration") + _lines(layers, x, y)
    return Picture(_says(layers), ground, note=note, table=_table(layers))


def _layers(training: TrainingResult) -> list[Norms]:
    trace = training.trace
    by_layer = zip(*trace.gradient_norms, strict=True)
    return [
        Norms(f"W{l}", tuple(zip(trace.iterations, norms, strict=True)))
        for l, norms in enumerate(by_layer, start=1)  # noqa: E741  # the layer's number, as the course writes it
    ]


def _has_logarithm(norm: Number) -> bool:
    return not isinstance(norm, str) and norm > 0


def _lines(layers: Sequence[Norms], x: Scale, y: Scale) -> Layer:
    """Return the lines, their names beside their ends and apart from each other."""
    ends = {layer.name: y(math.log10(layer.parts[-1][-1][1])) for layer in layers if layer.parts}
    names = tuple(Label(FRAME.right + 6, round(at + 4, 1), name, look="name") for name, at in spread_out(ends).items())
    return Layer(tuple(_curves(layers, x, y))[::-1], names)


def _curves(layers: Sequence[Norms], x: Scale, y: Scale) -> Iterator[Stroke]:
    for index, layer in enumerate(layers):
        if layer.parts:
            places = ([(x(iteration), y(math.log10(norm))) for iteration, norm in part] for part in layer.parts)
            yield Stroke(f"layer{index % 3}", path(places))


def _says(layers: Sequence[Norms]) -> str:
    """Say what each layer's gradient is at first and at last."""
    first, last = layers[0].norms[0][0], layers[0].norms[-1][0]
    said = f"The size of the gradient at iteration {first:,} is {_at(layers, 0)}"
    return f"{said}." if first == last else f"{said}; at iteration {last:,} it is {_at(layers, -1)}."


def _at(layers: Sequence[Norms], index: int) -> str:
    return listed([f"{_size(layer.norms[index][1])} for {layer.name}" for layer in layers])


def _dead(layers: Sequence[Norms]) -> str:
    first, last = layers[0].norms[0][0], layers[0].norms[-1][0]
    whose = listed([layer.name for layer in layers])
    return (
        f"The gradient of {whose} is exactly 0 at each of the {len(layers[0].norms)} iterations looked at, from {first:,} "
        f"to {last:,}: no weight moves, and an axis of powers of ten has no 0 to draw it at."
    )


def _undrawn(layers: Sequence[Norms]) -> str:
    """Say which points have no place among powers of ten, of layers that miss the same ones together."""
    missing: dict[tuple[str, str], list[str]] = {}
    for layer in layers:
        gone = [(iteration, norm) for iteration, norm in layer.norms if not _has_logarithm(norm)]
        if gone:
            kinds = " or ".join(sorted({"exactly 0" if norm == 0 else str(norm) for _, norm in gone}))
            missing.setdefault((kinds, _at_which(layer, gone)), []).append(layer.name)
    return " ".join(
        say("rendering.gradients.undrawn", layers=listed(names), kinds=kinds, at=at)
        for (kinds, at), names in missing.items()
    )


def _at_which(layer: Norms, gone: Sequence[tuple[int, Number]]) -> str:
    if len(gone) == len(layer.norms):
        return f"each of the {len(gone)} iterations looked at"
    if len(gone) == 1:
        return f"iteration {gone[0][0]:,}"
    return f"{len(gone)} of the {len(layer.norms)} iterations looked at, the first of them {gone[0][0]:,}"


def _size(norm: Number) -> str:
    """Return a norm in two or three digits, as the story writes it."""
    if isinstance(norm, str):
        return norm
    if norm >= 1000:
        return f"{norm:,.0f}" if norm < 1e6 else f"{norm:.2g}"
    return f"{norm:.3g}" if norm >= 0.01 else f"{norm:.2g}"


def _table(layers: Sequence[Norms]) -> Table:
    rows = some(len(layers[0].norms))
    return Table(
        "Size (Frobenius norm) of the gradient of each layer's weights",
        ("iteration", *(layer.name for layer in layers)),
        tuple(
            (f"{layers[0].norms[index][0]:,}", *(_size(layer.norms[index][1]) for layer in layers)) for index in rows
        ),
    )
