"""Statistics of random numbers whose stream is unknown: a test tells their distribution, an interval bounds their scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grader.records import Distribution, Floats

FEW = 3  # numbers of which not all are the same by chance
ENOUGH = 400  # numbers in a matrix before its statistics are trusted
# Lilliefors' statistic times sqrt(n): 1.04 is exceeded by 1 % of normal samples, 1.6 by fewer than one in a million
NORMAL_DISTANCE = 1.6
UNIFORM_DISTANCE = 2.2  # Kolmogorov's, bounds known only up to the sample's own extremes; one in ten thousand
TAILS = 7  # standard errors of the kurtosis, whose distribution is skewed
SURE = 5  # standard errors; fewer than one right answer in a million differs more


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval in which the factor of the standard draw lies: `SURE` standard errors to either side."""

    low: float
    high: float

    def __contains__(self, factor: float) -> bool:
        return self.low <= factor <= self.high


def distribution(samples: Sequence[Floats]) -> Distribution | None:
    """Return whether numbers are normal or uniform, by the largest distance of the distribution functions.

    None where there are too few numbers to tell.
    """
    if any(sample.size >= FEW and np.all(sample == sample.flat[0]) for sample in samples):
        return "other"  # the same number again and again beside random ones: not drawn alike everywhere
    samples = [sample.ravel() for sample in samples if sample.size >= ENOUGH]
    if not samples or not all(np.all(np.isfinite(sample)) for sample in samples):
        return "other" if samples else None
    if any(_normal_distance(sample) > NORMAL_DISTANCE for sample in samples):
        return "uniform" if all(_uniform_distance(sample) < UNIFORM_DISTANCE for sample in samples) else "other"
    return "normal" if all(_centred(sample) and _has_tails(sample) for sample in samples) else "other"


def scale(sample: Floats, kind: Distribution) -> Interval:
    """Return where the factor lies: of a normal sample its standard deviation, of a uniform one its width."""
    n = sample.size
    if kind == "uniform":
        width = float(np.ptp(sample))
        return Interval(width, width * (1 + 14 / n))  # what lies beyond the extremes is below 14/n once in a million
    spread, error = float(sample.std(ddof=1)), 1 / math.sqrt(2 * (n - 1))
    return Interval(spread / (1 + SURE * error), spread / (1 - SURE * error))


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


def _has_tails(sample: Floats) -> bool:
    """Return whether as many numbers lie far out as a normal distribution has; of a truncated one, none do."""
    z = (sample - sample.mean()) / sample.std()
    return bool(abs(float((z**4).mean()) - 3) <= TAILS * math.sqrt(24 / sample.size))


def _centred(sample: Floats) -> bool:
    """Return whether the mean is 0 within five standard errors."""
    return bool(abs(sample.mean()) <= SURE * sample.std(ddof=1) / math.sqrt(sample.size))
