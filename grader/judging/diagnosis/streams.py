"""The generators that students use, as endless rows of numbers: seed and distribution decide the row, and nothing else.

A row does not depend on the shapes in which its numbers are taken, so it can be made once and be searched.  Which seed a row
begins with is looked up: three consecutive numbers give a ratio of differences that no factor and no shift changes, and the
first two ratios of every seed from 0 to 100,000 are shipped (`seeds.npy`, made by ``python -m grader.precompute.seeds``).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from grader.records import Floats

Kind = Literal["normal", "uniform"]
KINDS: tuple[Kind, ...] = ("normal", "uniform")
LEGACY = "RandomState"  # also np.random.randn and its like, which share one RandomState

SEEDS = 100_001
INDEX = Path(__file__).with_name("seeds.npy")
NEAR = 256  # numbers
_BINS = 1 << 16


class PythonRandom:
    """The module `random` of Python's own library."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311  # a student's, not a secret

    def standard_normal(self, size: int) -> Floats:
        """Draw with random.gauss(0, 1)."""
        return np.array([self._random.gauss(0, 1) for _ in range(size)])

    def random(self, size: int) -> Floats:
        """Draw with random.random()."""
        return np.array([self._random.random() for _ in range(size)])


Generator = np.random.RandomState | np.random.Generator | PythonRandom


def _numpy(bits: str) -> Callable[[int], Generator]:
    return lambda seed: np.random.Generator(getattr(np.random, bits)(seed))


GENERATORS: Mapping[str, Callable[[int], Generator]] = {
    LEGACY: np.random.RandomState,
    "default_rng": np.random.default_rng,
    "MT19937": _numpy("MT19937"),
    "Philox": _numpy("Philox"),
    "SFC64": _numpy("SFC64"),
    "PCG64DXSM": _numpy("PCG64DXSM"),
    "random": PythonRandom,
}


@dataclass(frozen=True, slots=True)
class Row:
    """A generator with a seed and a distribution; `seed` None means the state that we set before a call."""

    generator: str
    seed: int | None
    kind: Kind

    def numbers(self, size: int, ambient_seed: int) -> Floats:
        """Return at least the first `size` numbers."""
        return _numbers(self.generator, ambient_seed if self.seed is None else self.seed, self.kind, _rounded(size))

    def beginning(self, size: int) -> Floats:
        """Return the first numbers of a row with a seed, not kept."""
        generator = GENERATORS[self.generator](self.seed or 0)
        return np.asarray(generator.standard_normal(size) if self.kind == "normal" else generator.random(size))

    def with_other_biases(self, layers: Sequence[int], ambient_seed: int) -> list[Floats]:
        """Return each layer's weights where the other distribution gives its biases in between: no row holds both."""
        rng = GENERATORS[self.generator](ambient_seed if self.seed is None else self.seed)
        normal, uniform = rng.standard_normal, rng.random
        drawn, other = (normal, uniform) if self.kind == "normal" else (uniform, normal)
        weights = []
        for n_in, n_out in pairwise(layers):
            weights.append(np.asarray(drawn(n_in * n_out)).reshape(n_out, n_in))
            other(n_out)
        return weights


def _rounded(size: int) -> int:
    """Return the next larger of a few sizes, so that few rows have to be made."""
    return 1 << max(6, (size - 1).bit_length())


@lru_cache(maxsize=64)
def _numbers(generator: str, seed: int, kind: Kind, size: int) -> Floats:
    source = GENERATORS[generator](seed)
    numbers = np.asarray(source.standard_normal(size) if kind == "normal" else source.random(size))
    numbers.setflags(write=False)
    return numbers


def ratios(numbers: Floats) -> Floats:
    """Return (x2 - x1) / (x1 - x0) for each three consecutive numbers: it stays when all are scaled or shifted."""
    with np.errstate(all="ignore"):
        steps = np.diff(numbers)
        return np.asarray(steps[1:] / steps[:-1])


def beginning_with(numbers: Floats) -> Iterator[Row]:
    """Yield the rows that begin with these numbers, up to a factor and a shift, as far as the first four tell."""
    if numbers.size < 4 or not np.all(np.isfinite(numbers[:4])):
        return
    wanted = ratios(numbers[:4])
    if not np.all(np.isfinite(wanted)):
        return
    first, second = _index()
    lowest = _bins(wanted) - np.uint16(1)  # the bin itself and its two neighbours, for rounding
    near = np.flatnonzero(first.ravel() - lowest[0] <= 2)
    for at in near[second.ravel()[near] - lowest[1] <= 2]:
        generator, kind, seed = np.unravel_index(at, first.shape)
        yield Row(list(GENERATORS)[generator], int(seed), KINDS[kind])


def with_near(pieces: Sequence[Floats], seeds: Sequence[int]) -> Iterator[Row]:
    """Yield the rows of these seeds that hold the first three numbers of a piece near their beginning."""
    wanted = np.array([ratios(piece[:3])[0] for piece in pieces if piece.size >= 3])
    near = np.abs(_beginnings(tuple(seeds))[:, :, None] - wanted) <= 1e-6 * (1 + np.abs(wanted))
    for row in np.flatnonzero(near.any(axis=(1, 2))):
        yield Row(LEGACY, seeds[int(row)], "normal")


@cache
def _beginnings(seeds: tuple[int, ...]) -> Floats:
    return np.array([ratios(np.random.RandomState(seed).standard_normal(NEAR)) for seed in seeds])


@cache
def _index() -> NDArray[np.uint16]:
    """Return the bins of the first two ratios, each by generator, distribution and seed."""
    return np.asarray(np.load(INDEX, allow_pickle=False))


@np.errstate(all="ignore")
def _bins(ratio: Floats) -> NDArray[np.uint16]:
    """Return the bins of ratios; bins are chosen so that about as many ratios fall into each."""
    return np.asarray((np.arctan(ratio) / np.pi + 0.5) * (_BINS - 1), dtype=np.uint16)


def made(generator: str, seeds: Sequence[int]) -> NDArray[np.uint16]:
    """Return the part of the index that belongs to a generator and some seeds: ratio, distribution, seed."""
    index = np.empty((2, len(KINDS), len(seeds)), dtype=np.uint16)
    for at, seed in enumerate(seeds):
        index[:, 0, at] = _bins(ratios(GENERATORS[generator](seed).standard_normal(4)))
        index[:, 1, at] = _bins(ratios(GENERATORS[generator](seed).random(4)))
    return index
