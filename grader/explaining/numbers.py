"""Measured numbers in words: as many digits as the student's screen showed or a sentence needs."""

from __future__ import annotations

import math
from collections.abc import Sequence

from grader.messages import say
from grader.records import Training, TrainingResult
from grader.records.wording import power

SMALLEST = 1e-3  # below it a number is written as a power of ten: too many zeros to count
LARGEST = 1e6  # from it on, too; and a cost of that size tells nobody anything
MOST_DECIMALS = 16  # a float64 near 1 has no more


def last_printed(run: Training | TrainingResult) -> str:
    """Return the iteration of the last cost that the notebook prints; "the end" where it prints none but the first."""
    last = run.costs[-1][0] if run.costs else 0
    return f"{last:,}" if last else say("explaining.the_end")


def plain(value: float) -> str:
    """Return two significant digits or all before the point: 0.77, 155, 1,774; a power of ten for the small and the huge."""
    if not math.isfinite(value):
        return say("explaining.nan") if math.isnan(value) else "inf" if value > 0 else "-inf"
    size = abs(value)
    if size == 0:
        return "0"
    if size < SMALLEST or size >= LARGEST:
        return power(value)
    if size >= 100:
        return f"{value:,.0f}"
    decimals = max(0, 1 - math.floor(math.log10(size)))
    text = f"{value:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def cost(value: float) -> str:
    """Return a cost in four digits, and no more than four decimals."""
    if not math.isfinite(value) or value >= 100:
        return plain(value)
    return f"{value:.4f}" if 1e-3 <= value < 1 else f"{value:.4g}"


def costs(first: float, later: float) -> tuple[str, str]:
    """Return two costs in as many digits as it takes to tell them apart where both lie near ln 2, else in four."""
    near = all(math.isfinite(value) and abs(value - math.log(2)) < 0.05 for value in (first, later))
    if not near or abs(first - later) > 1e-3:
        return cost(first), cost(later)
    decimals = next((d for d in range(8, MOST_DECIMALS) if f"{first:.{d}f}" != f"{later:.{d}f}"), MOST_DECIMALS)
    return f"{first:.{decimals}f}", f"{later:.{decimals}f}"


def share(value: float) -> str:
    """Return a share in words and per cent: all and none only where it is all and none."""
    if value in (0, 1):
        return say("explaining.share.all") if value else say("explaining.share.none")
    rounded = f"{value:.0%}"
    if rounded in ("100%", "0%"):
        return say("explaining.share.most") if value > 0.5 else say("explaining.share.least")
    return rounded


def times(ratios: Sequence[float]) -> str:
    """Return from how much to how much: "101 to 102", or one number where they agree."""
    low, high = f"{min(ratios):,.0f}", f"{max(ratios):,.0f}"
    return low if low == high else say("explaining.times", low=low, high=high)
