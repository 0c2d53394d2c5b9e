"""What the numbers of one function say, measured once: structure, stream, factors, distribution, biases.

A pure function of evidence.  Checks judge by it, the diagnosis names it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from grader.diagnosis import draws, rules
from grader.records import Biases, Distribution, FunctionEvidence, Outcome

Floats = NDArray[np.float64]
Turn = Callable[[Floats], Floats]

RTOL = 1e-7  # the reference draws the very same numbers, so only rounding may differ
ENOUGH = 400  # numbers in a matrix before its statistics are trusted
# Lilliefors' statistic times sqrt(n): 1.04 is exceeded by 1 % of normal samples, 1.6 by fewer than one in a million
NORMAL_DISTANCE = 1.6
UNIFORM_DISTANCE = 2.2  # Kolmogorov's, bounds known only up to the sample's own extremes; one in ten thousand


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights of one outcome in the required shapes, as far as they can be put there."""

    outcome: Outcome
    arrays: tuple[Floats, ...]
    transposed: bool


@dataclass(frozen=True, slots=True)
class Recovered:
    """What was measured on one function's evidence."""

    evidence: FunctionEvidence
    weights: tuple[Weights, ...]
    drawn: draws.Drawn | None
    distribution: Distribution | None
    formula: str | None
    biases: Biases | None

    @property
    def complete(self) -> bool:
        """Whether every call that was made returned weights that can be put into the required shapes.

        Layers may be missing at the end, but then as many everywhere.
        """
        missing = {len(own.outcome.call.layers) - 1 - len(own.arrays) for own in self.weights}
        return len(self.weights) == len(self.evidence.outcomes) and len(missing) == 1

    def factors(self, sizes: tuple[int, ...]) -> tuple[float, ...] | None:
        """Return the factor of each layer on the calls with these sizes, or None where the draw is not known."""
        if self.drawn is None:
            return None
        for own, found in zip(self.weights, self.drawn.factors, strict=True):
            if own.outcome.call.layers == sizes:
                return found
        return None


@np.errstate(all="ignore")  # a student's numbers may overflow; that is a finding, not a fault
def recover(evidence: FunctionEvidence, reference: Recovered | None = None) -> Recovered:
    """Measure everything that the numbers say; the reference's seed is tried first, and in every order of drawing."""
    if reference is not None and same(evidence, reference.evidence):
        return replace(reference, evidence=evidence)
    returned = evidence.returned
    likely_seeds = _seeds(reference)
    weights = _all_weights(returned)
    distribution, drawn = _still(weights), None
    if distribution is None:
        weights, drawn = _drawn(returned, likely_seeds)
        distribution = drawn.stream.kind if drawn else _shape(weights)
    return Recovered(
        evidence=evidence,
        weights=weights,
        drawn=drawn,
        distribution=distribution,
        formula=_formula(weights, drawn),
        biases=_biases(returned),
    )


def same(evidence: FunctionEvidence, other: FunctionEvidence) -> bool:
    """Return whether every call gave the same, but for rounding: names, types, shapes and numbers."""
    return len(evidence.outcomes) == len(other.outcomes) and all(
        mine.call == theirs.call and mine.ended == theirs.ended == "returned" and _same_arrays(mine, theirs)
        for mine, theirs in zip(evidence.outcomes, other.outcomes, strict=True)
    )


def equal(got: Floats, want: Floats) -> bool:
    """Return whether two arrays are the same but for rounding; NaN is never the same."""
    return got.shape == want.shape and bool(np.all(np.abs(got - want) <= RTOL * np.abs(want)))


def _same_arrays(mine: Outcome, theirs: Outcome) -> bool:
    return mine.arrays.keys() == theirs.arrays.keys() and all(
        array.is_float_array and equal(array.numpy(), theirs.arrays[name].numpy())
        for name, array in mine.arrays.items()
    )


def _seeds(reference: Recovered | None) -> tuple[int, ...]:
    seed = reference.drawn.stream.seed if reference and reference.drawn else None
    return () if seed is None else (seed,)


def _drawn(returned: Sequence[Outcome], likely_seeds: Sequence[int]) -> tuple[tuple[Weights, ...], draws.Drawn | None]:
    """Recover the stream, from swapped matrices in both ways in which they can have been filled."""
    ways: list[Turn] = [_as_drawn, np.transpose]
    for way in ways:
        weights = _all_weights(returned, way)
        drawn = draws.recover([own.outcome for own in weights], [own.arrays for own in weights], likely_seeds)
        if drawn or not any(own.transposed for own in weights):
            return weights, drawn
    return _all_weights(returned), None


def _as_drawn(array: Floats) -> Floats:
    """Return a swapped matrix with its numbers in the order in which they were drawn."""
    return array.reshape(array.shape[::-1])


def _all_weights(returned: Sequence[Outcome], turn: Turn = np.transpose) -> tuple[Weights, ...]:
    return tuple(own for outcome in returned if (own := _weights(outcome, turn)) is not None)


def shapes(layers: Sequence[int]) -> dict[str, tuple[int, int]]:
    """Return the required shape of every parameter, weights and bias of the first layer first."""
    required: dict[str, tuple[int, int]] = {}
    for layer, (n_prev, n) in enumerate(pairwise(layers), start=1):
        required[f"W{layer}"] = (n, n_prev)
        required[f"b{layer}"] = (n, 1)
    return required


def _weights(outcome: Outcome, turn: Turn) -> Weights | None:
    """Return the weights that came back, turned where their sides are swapped; None if one has another shape."""
    found, transposed = [], False
    for name, shape in shapes(outcome.call.layers).items():
        array = outcome.numpy(name)
        if not name.startswith("W"):
            continue
        if array is None:
            break  # a missing layer: those before it are measured all the same
        if array.shape == shape:
            found.append(array)
        elif array.shape == shape[::-1]:
            found.append(turn(array))
            transposed = True
        else:
            return None
    return Weights(outcome, tuple(found), transposed)


def _still(weights: Sequence[Weights]) -> Distribution | None:
    """Return `zeros` or `constant` where nothing was drawn."""
    arrays = [array for own in weights for array in own.arrays]
    if not arrays:
        return None
    if all(not np.any(array) for array in arrays):
        return "zeros"
    return "constant" if all(np.all(array == array.flat[0]) for array in arrays) else None


def _shape(weights: Sequence[Weights]) -> Distribution | None:
    """Tell a normal from a uniform distribution by the largest distance of the distribution functions."""
    samples = [array.ravel() for own in weights for array in own.arrays if array.size >= ENOUGH]
    if not samples or not all(np.all(np.isfinite(sample)) for sample in samples):
        return "other" if samples else None
    if any(_normal_distance(sample) > NORMAL_DISTANCE for sample in samples):
        return "uniform" if all(_uniform_distance(sample) < UNIFORM_DISTANCE for sample in samples) else "other"
    return "normal" if all(_centred(sample) for sample in samples) else "other"


def _normal_distance(sample: Floats) -> float:
    spread = float(sample.std(ddof=1))
    if spread == 0:
        return math.inf
    z = np.sort((sample - sample.mean()) / spread)
    expected = 0.5 * (1 + np.vectorize(math.erf)(z / math.sqrt(2)))
    return _distance(expected)


def _uniform_distance(sample: Floats) -> float:
    low, high = float(sample.min()), float(sample.max())
    return _distance((np.sort(sample) - low) / (high - low)) if high > low else math.inf


def _distance(expected: Floats) -> float:
    """Return Kolmogorov's distance times sqrt(n), given the expected distribution function at the sorted sample."""
    n = expected.size
    steps = np.arange(n) / n
    return float(max((expected - steps).max(), (steps + 1 / n - expected).max()) * math.sqrt(n))


def _centred(sample: Floats) -> bool:
    """Return whether the mean is 0 within five standard errors."""
    return bool(abs(sample.mean()) <= 5 * sample.std(ddof=1) / math.sqrt(sample.size))


def _formula(weights: Sequence[Weights], drawn: draws.Drawn | None) -> str | None:
    if drawn is None:
        return None
    pairs = zip(weights, drawn.factors, strict=True)
    return rules.formula([layer for own, found in pairs for layer in rules.layers(own.outcome.call.layers, found)])


def _biases(returned: Sequence[Outcome]) -> Biases | None:
    """Say what came back under the biases' names."""
    if not returned:
        return None
    found = [(outcome, name) for outcome in returned for name in shapes(outcome.call.layers) if name in outcome.arrays]
    found = [(outcome, name) for outcome, name in found if name.startswith("b")]
    if not found:
        return "missing"
    if not all(_is_column(outcome, name) for outcome, name in found):
        return "wrong_shape"
    return "nonzero" if any(np.any(outcome.arrays[name].numpy() != 0) for outcome, name in found) else "zeros"


def _is_column(outcome: Outcome, name: str) -> bool:
    """Return whether a bias is a column as long as the layer that was asked for, or that the function made."""
    shape, weights = outcome.arrays[name].shape, outcome.arrays.get(f"W{name[1:]}")
    lengths = {shapes(outcome.call.layers)[name][0], *(weights.shape[:1] if weights else ())}
    return len(shape) == 2 and shape[1] == 1 and shape[0] in lengths
