"""The steps of training as machine code made for the layer sizes: about fifteen times as fast as NumPy's.

With llvmlite, which the extra ``fast`` installs, the steps run as code compiled in memory for this processor.  Without it, or
for a network too large to be written out, they are NumPy's.  Both follow `grader.exercise.training` in float64; only the order of
sums over the points differs, so results agree to rounding.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import pairwise

import numpy as np

from grader.exercise.fast.machine import LANES, VECTORS, compiled
from grader.exercise.training import ESCAPED, Data, Engine, Model, Plain
from grader.records import Floats

__all__ = ["Machine", "available", "engine"]

UNROLLED = 1000  # parameters up to which code is made: it grows with them, and takes two seconds then
MOST_POINTS = 900  # exp(-ESCAPED * points) must stay a number
CHUNK = 10_000  # steps between two chances for Ctrl-C


def available() -> bool:
    """Return whether machine code can be made: whether llvmlite is installed."""
    return find_spec("llvmlite") is not None


def engine(data: Data, model: Model) -> Engine:
    """Return the fastest engine for a model: machine code where it can be made, else NumPy."""
    size = sum(n * (n_prev + 1) for n_prev, n in pairwise(model.layers))
    if available() and size <= UNROLLED and data.X_train.shape[1] <= MOST_POINTS:
        return Machine(data, model)
    return Plain(data, model.learning_rate, model.hidden)


@dataclass(slots=True)
class Machine:
    """Takes steps with compiled code; Python's lock is not held meanwhile, so several can run on threads."""

    data: Data
    model: Model
    parallel: bool = True
    _points: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._points = _packed(self.data)

    def advance(self, values: dict[str, Floats], steps: int) -> None:
        """Take `steps` steps of gradient descent."""
        self._run(values, steps, math.inf)

    def leave(self, values: dict[str, Floats], steps: int) -> int | None:
        """Take at most so many steps; stop before the first whose cost is below 0.6 and return how many were taken.

        The cost is compared without a logarithm: it is below 0.6 where the product of the probabilities of the right labels
        is above exp(-0.6 m).
        """
        taken = self._run(values, steps, math.exp(-ESCAPED * self.data.X_train.shape[1]))
        return taken if taken < steps else None

    def _run(self, values: dict[str, Floats], steps: int, likely: float) -> int:
        row, points, m = _row(values), self._points, self.data.X_train.shape[1]
        descend, taken = compiled(self.model.layers, self.model.hidden), 0
        while taken < steps:
            ahead = min(CHUNK, steps - taken)
            rate = self.model.learning_rate / m
            done = descend(row.ctypes.data, points.ctypes.data, points.shape[1], ahead, rate, likely)
            taken += done
            if done < ahead:
                break
        _unrow(row, values)
        return taken


def _row(values: dict[str, Floats]) -> Floats:
    """Return W1, b1, W2, … as one row, with zeros up to a whole number of vectors."""
    flat = np.concatenate(
        [values[f"{kind}{layer}"].ravel() for layer in range(1, len(values) // 2 + 1) for kind in "Wb"]
    )
    return np.concatenate([flat, np.zeros(-flat.size % LANES)])


def _unrow(row: Floats, values: dict[str, Floats]) -> None:
    """Write a row back into its parameters."""
    at = 0
    for layer in range(1, len(values) // 2 + 1):
        for kind in "Wb":
            array = values[f"{kind}{layer}"]
            array[...] = row[at : at + array.size].reshape(array.shape)
            at += array.size


def _packed(data: Data) -> Floats:
    """Return rows X1, …, Y, weight, 1 - Y, with points that weigh nothing up to a whole number of blocks."""
    (n, m), block = data.X_train.shape, LANES * VECTORS
    width = m + -m % block
    buffer = np.zeros((n + 3) * width + LANES)
    skip = -buffer.ctypes.data // 8 % LANES  # a vector that crosses a cache line costs two loads
    rows = buffer[skip : skip + (n + 3) * width].reshape(n + 3, width)
    rows[:n] = np.pad(data.X_train, ((0, 0), (0, width - m)), mode="edge")
    rows[n, :m], rows[n + 1, :m], rows[n + 2, :m] = data.Y_train[0], 1, 1 - data.Y_train[0]
    rows[n + 2, m:] = math.nan  # left out of the likelihood, as what is NaN is
    return rows
