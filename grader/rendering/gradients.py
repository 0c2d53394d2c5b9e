"""The size of each layer's gradient against iteration, on an axis of powers of ten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grader.messages import say
from grader.records import Number, Table, TrainingResult
from grader.rendering.charts import Chart, Curve, Panel, iterations, power_text, powers, some


@dataclass(frozen=True, slots=True)
class Norms:
    """The gradient norms of one layer's weights, by iteration."""

    name: str
    norms: tuple[tuple[int, Number], ...]

    @property
    def points(self) -> tuple[tuple[int, float | None], ...]:
        """The norms that have a place among powers of ten."""
        return tuple((iteration, norm if _has_logarithm(norm) else None) for iteration, norm in self.norms)  # type: ignore[misc]  # no str has


def gradients(training: TrainingResult) -> Chart | None:
    """Return the chart of a run; None where its course was not kept."""
    layers = _layers(training)
    if not layers:
        return None
    if all(norm == 0 for layer in layers for _, norm in layer.norms):
        return Chart(_dead(layers))
    note = _undrawn(layers)
    norms = [norm for layer in layers for _, norm in layer.points if norm is not None]
    if not norms:
        return Chart(_says(layers), note=note, table=_table(layers))
    lines = [Curve(f"layer{index % 3}", layer.points, layer.name) for index, layer in enumerate(layers)]
    panel = Panel(iterations(iteration for iteration, _ in layers[0].norms), powers(norms), tuple(lines[::-1]))
    title = say("figures.gradients")
    return Chart(_says(layers), (panel,), title, note=note, table=_table(layers))


def _layers(training: TrainingResult) -> list[Norms]:
    trace = training.trace
    by_layer = zip(*trace.gradient_norms, strict=True)
    return [
        Norms(f"W{l}", tuple(zip(trace.iterations, norms, strict=True)))
        for l, norms in enumerate(by_layer, start=1)  # noqa: E741  # the layer's number, as the course writes it
    ]


def _has_logarithm(norm: Number) -> bool:
    return not isinstance(norm, str) and norm > 0


def _says(layers: Sequence[Norms]) -> str:
    """Say what each layer's gradient is at first and at last."""
    first, last = layers[0].norms[0][0], layers[0].norms[-1][0]
    at_first = say("figures.gradients.first", iteration=first, sizes=_sizes(layers, 0))
    return (
        at_first
        if first == last
        else f"{at_first} {say('figures.gradients.last', iteration=last, sizes=_sizes(layers, -1))}"
    )


def _sizes(layers: Sequence[Norms], index: int) -> list[str]:
    return [say("figures.gradients.of", size=_size(layer.norms[index][1]), layer=layer.name) for layer in layers]


def _dead(layers: Sequence[Norms]) -> str:
    return say("figures.gradients.dead", layers=[layer.name for layer in layers], count=len(layers[0].norms))


def _undrawn(layers: Sequence[Norms]) -> str:
    """Say which points have no place among powers of ten, of layers that miss the same ones together."""
    missing: dict[tuple[tuple[str, ...], int, int], list[str]] = {}
    for layer in layers:
        gone = [(iteration, norm) for iteration, norm in layer.norms if not _has_logarithm(norm)]
        if gone:
            kinds = tuple(sorted({say("figures.gradients.zero") if norm == 0 else str(norm) for _, norm in gone}))
            missing.setdefault((kinds, len(gone), gone[0][0]), []).append(layer.name)
    measured = len(layers[0].norms)
    return " ".join(
        say("figures.gradients.undrawn.all", layers=names, kinds=kinds, count=measured)
        if count == measured
        else say("figures.gradients.undrawn", layers=names, kinds=kinds, count=count, first=first)
        for (kinds, count, first), names in missing.items()
    )


def _size(norm: Number) -> str:
    """Return a norm in two or three digits, as the story writes it."""
    if isinstance(norm, str):
        return norm
    if norm == 0 or 0.001 <= norm < 1000:
        return f"{norm:.3g}" if norm >= 0.01 else f"{norm:.2g}"
    if 1000 <= norm < 1e6:
        return f"{norm:,.0f}"
    digits, exponent = f"{norm:.1e}".split("e")
    power = power_text(int(exponent))
    return power if digits == "1.0" else say("figures.power", digits=digits, power=power)


def _table(layers: Sequence[Norms]) -> Table:
    rows = some(len(layers[0].norms))
    return Table(
        say("figures.gradients.table"),
        (say("figures.iteration"), *(layer.name for layer in layers)),
        tuple(
            (f"{layers[0].norms[index][0]:,}", *(_size(layer.norms[index][1]) for layer in layers)) for index in rows
        ),
    )
