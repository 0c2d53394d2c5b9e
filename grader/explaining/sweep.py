"""What was measured once for the exercise, in the few numbers that a page draws: a run's outcome against its scale."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from statistics import quantiles

from grader.exercise.shipped import ESCAPE_CAP, Escape, Setting, Shipped, Spread
from grader.records import Number, Quartiles, SettingRow, Sweep, SweepRow, Training, WaitRow, number

DECIMALS = 4  # of 300 points; as the notebook prints them
COST_DIGITS = 6  # significant ones
LEARNED, GUESSING = (
    0.9,
    0.5,
)  # a train accuracy above the first has learned; the second is that of one answer for all points


def sweep(shipped: Shipped, runs: Mapping[float | None, Training]) -> Sweep | None:
    """Return outcome against scale, of the shipped runs; None for an exercise that has none.

    `runs` are those of the exercise's own seed, by scale: it may be none of the seeds that were gone through.
    """
    seed = shipped.seed
    if seed is None or not shipped.spread or any(row.scale not in runs for row in shipped.spread):
        return None
    return Sweep(
        seed=seed,
        seeds=len(shipped.spread[0].train_accuracy),
        rows=tuple(_row(spread, runs[spread.scale], seed) for spread in shipped.spread),
        settings=tuple(map(_setting, shipped.settings)),
        waits=tuple(_waits(escape for escape in shipped.escapes if escape.seed == seed)),
        searched=ESCAPE_CAP,
    )


def _row(spread: Spread, run: Training, seed: int) -> SweepRow:
    low, median, high = _quartiles(spread.train_accuracy)
    is_among = seed < len(spread.train_accuracy)
    at_seed = spread.train_accuracy[seed] if is_among else run.train_accuracy
    cost = spread.cost_last[seed] if is_among else run.cost_last
    return SweepRow(
        scale=spread.scale,
        at_seed=round(at_seed, DECIMALS),
        low=low,
        median=median,
        high=high,
        cost=Quartiles(_rounded(cost), *map(_rounded, _cost_quartiles(spread.cost_last))),
        escape=spread.escapes[seed] if seed < len(spread.escapes) else run.escape,
        escapes=tuple(left for other, left in enumerate(spread.escapes) if other != seed),
    )


def _waits(escapes: Iterable[Escape]) -> Iterator[WaitRow]:
    """Yield a row for each network and learning rate, scales as they were measured."""
    for (layers, rate), rows in groupby(escapes, key=lambda escape: (escape.layers, escape.learning_rate)):
        scales, iterations = zip(*((escape.scale, escape.iteration) for escape in rows), strict=True)
        yield WaitRow(layers, rate, scales, iterations)


def _setting(run: Setting) -> SettingRow:
    left = [iteration for iteration in run.escapes if iteration is not None]
    return SettingRow(
        run.layers,
        run.learning_rate,
        run.scale,
        *_accuracies(run),
        _rounded(run.cost_last),
        iterations=run.iterations,
        seeds=len(run.over_seeds),
        learned=sum(share > LEARNED for share in run.over_seeds),
        guessing=sum(share == GUESSING for share in run.over_seeds),
        never_left=list(zip(run.over_seeds, run.escapes, strict=True)).count((GUESSING, None)),
        first_left=min(left, default=None),
        last_left=max(left, default=None),
    )


def _accuracies(run: Setting) -> tuple[float, float | None]:
    test = run.test_accuracy
    return round(run.train_accuracy, DECIMALS), None if test is None else round(test, DECIMALS)


def _quartiles(values: Sequence[float]) -> list[float]:
    return [round(value, DECIMALS) for value in quantiles(values, n=4, method="inclusive")]


def _cost_quartiles(costs: Sequence[float]) -> list[float]:
    """Return three of the costs themselves: between inf and a number there is nothing to interpolate."""
    ordered = sorted(math.inf if math.isnan(cost) else cost for cost in costs)
    return [ordered[round(quarter * (len(ordered) - 1) / 4)] for quarter in (1, 2, 3)]


def _rounded(cost: float) -> Number:
    return number(float(f"{cost:.{COST_DIGITS}g}"))
