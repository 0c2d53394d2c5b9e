"""Which rule of the layer sizes gives the measured factors: a small grammar, searched in order of simplicity."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

RELATIVE = 1e-6  # as exact as factors are measured

Size = Callable[["Layer"], float]


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer with its number from 1, the sizes of all layers, and the factor measured there."""

    l: int  # noqa: E741  # the course's letter
    sizes: tuple[int, ...]
    factor: float = math.nan

    @property
    def n_in(self) -> int:
        """The size of the layer before."""
        return self.sizes[self.l - 1]

    @property
    def n_out(self) -> int:
        """The layer's own size."""
        return self.sizes[self.l]

    @property
    def L(self) -> int:  # noqa: N802  # the course's letter
        """The number of layers with weights."""
        return len(self.sizes) - 1


# the sizes that a rule of the contract may name
_SIZES: Mapping[str, Size] = {
    "n_in": lambda layer: layer.n_in,
    "n_out": lambda layer: layer.n_out,
    "(n_in+n_out)": lambda layer: layer.n_in + layer.n_out,
    "L": lambda layer: layer.L,
    "l": lambda layer: layer.l,
}
# what else students have written there, as they write it
_SLIPS: Mapping[str, Size] = {
    "layers_dims[0]": lambda layer: layer.sizes[0],
    "layers_dims[1]": lambda layer: layer.sizes[1],
    "layers_dims[-1]": lambda layer: layer.sizes[-1],
    "layers_dims[l-2]": lambda layer: layer.sizes[layer.l - 2],
    "layers_dims[L-1]": lambda layer: layer.sizes[layer.L - 1],
    "len(layers_dims)": lambda layer: layer.L + 1,
    "(l+1)": lambda layer: layer.l + 1,
    "(n_in*n_out)": lambda layer: layer.n_in * layer.n_out,
    "(n_in+1)": lambda layer: layer.n_in + 1,
    "sum(layers_dims)": lambda layer: sum(layer.sizes),
}

_WHOLE_DIVISIONS: Mapping[str, Size] = {  # most of them 0
    "sqrt(2//n_in)": lambda layer: math.sqrt(2 // layer.n_in),
    "sqrt(1//n_in)": lambda layer: math.sqrt(1 // layer.n_in),
    "2//n_in": lambda layer: 2 // layer.n_in,
}


def layers(sizes: Sequence[int], factors: Sequence[float | None] | None = None) -> list[Layer]:
    """Return the layers of one call with the factors measured for them; those without one are left out."""
    factors_of_layers = [math.nan] * (len(sizes) - 1) if factors is None else factors
    return [Layer(l, tuple(sizes), factor) for l, factor in enumerate(factors_of_layers, start=1) if factor is not None]  # noqa: E741


def formula(measured: Sequence[Layer], relative: float = RELATIVE) -> str | None:
    """Return the simplest rule that gives all factors to within `relative`, as a string without spaces, or None.

    Source: contracts C9, whose order this is.
    """
    if not measured or not all(math.isfinite(layer.factor) for layer in measured):
        return None
    constant = _constant([layer.factor for layer in measured], relative)
    if constant is not None:
        return plain(constant)
    if any(layer.factor == 0 for layer in measured):
        return None
    whole = _constant([layer.factor * layer.n_in for layer in measured], relative)
    if whole is not None and 1 <= round(whole) < 1000 and abs(whole - round(whole)) <= relative * whole:
        return f"{round(whole)}/n_in"
    for text, rule in _rules():
        if _constant([layer.factor / rule(layer) for layer in measured], relative, whole=1) is not None:
            return text
    return _product(measured, relative)


def wider(measured: Sequence[Layer], relative: float = RELATIVE) -> str | None:
    """Return a rule of the wider grammar that gives all factors: other sizes, and their usual powers, or None."""
    rule = formula(measured, relative)
    if rule is not None or not measured or not all(math.isfinite(layer.factor) for layer in measured):
        return rule
    for text, divided in _WHOLE_DIVISIONS.items():
        if all(abs(layer.factor - divided(layer)) <= relative * divided(layer) for layer in measured):
            return text
    for name, size in {**_SLIPS, **_SIZES}.items():
        for power, text in ((-0.5, "sqrt({c}/{x})"), (-1.0, "{c}/{x}"), (0.5, "sqrt({x}/{c})"), (1.0, "{c}*{x}")):
            k = _constant([layer.factor / size(layer) ** power for layer in measured], relative)
            c = k and {-0.5: k * k, 0.5: 1 / (k * k)}.get(power, k)
            if c and _few_digits(c, relative):
                return text.format(c=plain(c), x=name).replace("/1)", ")").removeprefix("1*")
    return None


def plain(number: float) -> str:
    """Return a number as Python prints it, whole ones without `.0`, rounding noise removed: also that of float32."""
    few = float(f"{number:.3g}")
    rounded = few if abs(few - number) <= 1e-7 * abs(number) else float(f"{number:.10g}")
    return str(int(rounded)) if rounded.is_integer() and abs(rounded) < 1e15 else repr(rounded)


def _few_digits(number: float, relative: float) -> bool:
    return abs(number - float(f"{number:.3g}")) <= 4 * relative * abs(number)


def _rules() -> Iterator[tuple[str, Size]]:
    """Yield the grammar without constants in front, simplest first."""
    yield "sqrt(2)/n_in", lambda layer: math.sqrt(2) / layer.n_in
    yield from _roots(range(1, 10))


def _roots(constants: Sequence[int]) -> Iterator[tuple[str, Size]]:
    for name, size in _SIZES.items():
        for c in constants:
            yield f"sqrt({c}/{name})", partial(_root_of, size, c, -1)
        for c in constants:
            yield f"sqrt({name}/{c})" if c > 1 else f"sqrt({name})", partial(_root_of, size, c, 1)


def _root_of(size: Size, c: int, power: int, layer: Layer) -> float:
    return math.sqrt((size(layer) / c) ** power)


def _product(measured: Sequence[Layer], relative: float) -> str | None:
    """Return a number of at most three digits times a rule, c = 2 tried first."""
    heads: list[tuple[str, Size]] = [("1/n_in", lambda layer: 1 / layer.n_in)]
    for text, rule in [*_roots([2]), *_roots([1, *range(3, 10)]), *heads]:
        k = _constant([layer.factor / rule(layer) for layer in measured], relative)
        if k is not None and float(f"{k:.3g}") != 0 and abs(k - float(f"{k:.3g}")) <= relative * abs(k):
            return f"{plain(k)}*{text}"
    return None


def _constant(ratios: Sequence[float], relative: float, whole: float | None = None) -> float | None:
    """Return what all ratios equal, or None; with `whole` they have to equal that."""
    want = ratios[0] if whole is None else whole
    return want if all(abs(ratio - want) <= relative * abs(want) for ratio in ratios) else None
