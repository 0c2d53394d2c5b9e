"""Which random numbers were drawn: the stream, its seed and the order, recovered from the weights alone.

A stream predicts every weight of every call up to one factor a layer.  So a stream is recognised when the weights divided
by its draws give one constant for each layer; the constants are what the student multiplied with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from grader.records import Outcome

Floats = NDArray[np.float64]
Kind = Literal["normal", "uniform"]
Order = Literal["weights", "weights_and_biases", "reset_per_layer", "last_layer_first", "column_by_column"]
Generator = np.random.RandomState | np.random.Generator

FACTOR_TOLERANCE = 1e-6  # relative; float32 weights round at 6e-8
SEEDS = range(1000)  # other seeds that are tried


@dataclass(frozen=True, slots=True)
class Stream:
    """A way of drawing weights: `seed` None means that the state before the call was used."""

    kind: Kind
    seed: int | None
    order: Order = "weights"
    legacy: bool = True

    def draws(self, layers: Sequence[int], ambient_seed: int) -> list[Floats]:
        """Return the standard draws of every weight matrix, first layer first, each of shape (n_l, n_{l-1})."""
        seed = ambient_seed if self.seed is None else self.seed
        make: Callable[[int], Generator] = np.random.RandomState if self.legacy else np.random.default_rng
        rng = make(seed)
        weights = []
        sizes = list(pairwise(layers))
        for n_prev, n in reversed(sizes) if self.order == "last_layer_first" else sizes:
            if self.order == "reset_per_layer":
                rng = make(seed)
            if self.order == "column_by_column":
                weights.append(_standard(rng, self.kind, (n_prev, n)).T)
            else:
                weights.append(_standard(rng, self.kind, (n, n_prev)))
            if self.order == "weights_and_biases":
                _standard(rng, self.kind, (n, 1))
        return weights[::-1] if self.order == "last_layer_first" else weights


@dataclass(frozen=True, slots=True)
class Drawn:
    """A recognised stream and, for each outcome, the factor of every layer."""

    stream: Stream
    factors: tuple[tuple[float, ...], ...]


def recover(
    outcomes: Sequence[Outcome], weights: Sequence[Sequence[Floats]], likely_seeds: Sequence[int] = ()
) -> Drawn | None:
    """Return the stream that explains all weights of all outcomes, or None.

    Parameters
    ----------
    outcomes : sequence of Outcome
        Calls that returned.
    weights : sequence of sequences of ndarray
        For each outcome its weight matrices, first layer first, in the required shapes.
    likely_seeds : sequence of int
        Seeds tried first, in every order of drawing; others only where the first numbers fit.
    """
    if not outcomes:
        return None
    for stream in _candidates(weights, likely_seeds):
        factors: list[tuple[float, ...]] = []
        for outcome, own in zip(outcomes, weights, strict=True):
            found = _factors(stream, outcome, own)
            if found is None:
                break
            factors.append(found)
        else:
            return Drawn(stream, tuple(factors))
    return None


def factor(weights: Floats, draws: Floats) -> float | None:
    """Return k if `weights` equals k times `draws` element by element, k finite and not 0; otherwise None."""
    weights, draws = weights.ravel(), draws.ravel()
    if weights.size == 0 or not np.all(np.isfinite(weights)):
        return None
    with np.errstate(all="ignore"):
        k = float(weights @ draws / (draws @ draws))
    close = bool(np.all(np.abs(weights - k * draws) <= FACTOR_TOLERANCE * np.abs(k * draws)))
    return k if close and k != 0 and np.isfinite(k) else None


def _factors(stream: Stream, outcome: Outcome, weights: Sequence[Floats]) -> tuple[float, ...] | None:
    draws = stream.draws(outcome.call.layers, outcome.call.ambient_seed)
    found = [factor(own, drawn) for own, drawn in zip(weights, draws, strict=False)]
    return tuple(k for k in found if k is not None) if None not in found else None


def _candidates(weights: Sequence[Sequence[Floats]], likely_seeds: Sequence[int]) -> Iterator[Stream]:
    """Yield the streams that can have given the weights, likely ones first."""
    first = next((own[0].ravel() for own in weights if own and own[0].size > 1), None)
    if first is None or not np.all(np.isfinite(first)) or not np.any(first):
        return
    likely = dict.fromkeys((*likely_seeds, None))
    orders: tuple[Order, ...] = get_args(Order)
    kinds: tuple[Kind, ...] = get_args(Kind)
    for seed, kind, order in product(likely, kinds, orders):
        yield Stream(kind, seed, order)
    for seed, legacy in product(SEEDS, (True, False)):
        for kind in _kinds_matching(first, seed, legacy=legacy):
            yield from (Stream(kind, seed, order, legacy) for order in orders)


def _kinds_matching(first: Floats, seed: int, *, legacy: bool) -> Iterator[Kind]:
    """Yield the distributions whose draws from this seed begin like `first`, up to a factor."""
    size = min(first.size, 3)
    kinds: tuple[Kind, ...] = ("normal", "uniform")
    for kind in kinds:
        rng = np.random.RandomState(seed) if legacy else np.random.default_rng(seed)
        draws = _standard(rng, kind, (size,))
        if factor(first[:size], draws) is not None:
            yield kind


def _standard(rng: Generator, kind: Kind, shape: tuple[int, ...]) -> Floats:
    return np.asarray(rng.standard_normal(shape) if kind == "normal" else rng.random(shape))
