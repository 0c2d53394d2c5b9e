"""Which rule of the layer sizes gives the measured factors: a small grammar, searched in order of simplicity."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

RELATIVE = 1e-6  # as exact as factors are measured


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer with its sizes, its number from 1, the number of layers, and the factor measured there."""

    n_in: int
    n_out: int
    l: int  # noqa: E741  # the course's letter
    L: int
    factor: float


_SIZES: dict[str, Callable[[Layer], float]] = {
    "n_in": lambda layer: layer.n_in,
    "n_out": lambda layer: layer.n_out,
    "(n_in+n_out)": lambda layer: layer.n_in + layer.n_out,
    "L": lambda layer: layer.L,
    "l": lambda layer: layer.l,
}


def layers(sizes: Sequence[int], factors: Sequence[float]) -> list[Layer]:
    """Return the layers of one call, with the factors measured for them."""
    pairs = list(pairwise(sizes))
    return [
        Layer(n_in, n_out, l, len(pairs), factor)
        for l, ((n_in, n_out), factor) in enumerate(zip(pairs, factors, strict=False), start=1)  # noqa: E741
    ]


def formula(measured: Sequence[Layer], relative: float = RELATIVE) -> str | None:
    """Return the simplest rule that gives all factors to within `relative`, as a string without spaces, or None."""
    if not measured or not all(math.isfinite(layer.factor) for layer in measured):
        return None
    constant = _constant([layer.factor for layer in measured], relative)
    if constant is not None:
        return plain(constant)
    whole = _constant([layer.factor * layer.n_in for layer in measured], relative)
    if whole is not None and 1 <= round(whole) < 1000 and abs(whole - round(whole)) <= relative * whole:
        return f"{round(whole)}/n_in"
    for text, rule in _rules():
        if _constant([layer.factor / rule(layer) for layer in measured], relative, whole=1) is not None:
            return text
    return _product(measured, relative)


def plain(number: float) -> str:
    """Return a number as Python prints it, whole ones without `.0`, rounding noise removed."""
    rounded = float(f"{number:.10g}")
    return str(int(rounded)) if rounded.is_integer() and abs(rounded) < 1e15 else repr(rounded)


def _rules() -> Iterator[tuple[str, Callable[[Layer], float]]]:
    """Yield the grammar without constants in front, simplest first."""
    yield "sqrt(2)/n_in", lambda layer: math.sqrt(2) / layer.n_in
    yield from _roots(range(1, 10))


def _roots(constants: Sequence[int]) -> Iterator[tuple[str, Callable[[Layer], float]]]:
    for name, size in _SIZES.items():
        for c in constants:
            yield f"sqrt({c}/{name})", partial(_root_of, size, c, -1)
        for c in constants:
            yield f"sqrt({name}/{c})" if c > 1 else f"sqrt({name})", partial(_root_of, size, c, 1)


def _root_of(size: Callable[[Layer], float], c: int, power: int, layer: Layer) -> float:
    return math.sqrt((size(layer) / c) ** power)


def _product(measured: Sequence[Layer], relative: float) -> str | None:
    """Return a number of at most three digits times a rule, c = 2 tried first."""
    heads: list[tuple[str, Callable[[Layer], float]]] = [("1/n_in", lambda layer: 1 / layer.n_in)]
    for text, rule in [*_roots([2]), *_roots([1, *range(3, 10)]), *heads]:
        k = _constant([layer.factor / rule(layer) for layer in measured], relative)
        if k is not None and float(f"{k:.3g}") != 0 and abs(k - float(f"{k:.3g}")) <= relative * abs(k):
            return f"{plain(k)}*{text}"
    return None


def _constant(ratios: Sequence[float], relative: float, whole: float | None = None) -> float | None:
    """Return what all ratios equal, or None; with `whole` they have to equal that."""
    want = ratios[0] if whole is None else whole
    return want if all(abs(ratio - want) <= relative * abs(want) for ratio in ratios) else None
