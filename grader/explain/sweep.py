"""Accuracy against scale over many seeds, in the few numbers that a page draws."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import quantiles

from grader.records import Sweep, SweepRow
from grader.shipped import SEED, Shipped, Spread

DECIMALS = 4  # of 300 points; as the notebook prints them


def sweep(shipped: Shipped) -> Sweep | None:
    """Return the train accuracies of the shipped runs; None for an exercise that has none."""
    if not shipped.spread:
        return None
    return Sweep(SEED, len(shipped.spread[0].train_accuracy), tuple(map(_row, shipped.spread)))


def _row(spread: Spread) -> SweepRow:
    low, median, high = _quartiles(spread.train_accuracy)
    return SweepRow(spread.scale, round(spread.train_accuracy[SEED], DECIMALS), low, median, high)


def _quartiles(values: Sequence[float]) -> list[float]:
    return [round(value, DECIMALS) for value in quantiles(values, n=4, method="inclusive")]
