"""Measured numbers in words: as many digits as the student's screen showed or a sentence needs, no powers of ten."""

from __future__ import annotations

import math
from collections.abc import Sequence

from grader.messages import listed
from grader.records import Training, TrainingResult

LN2_SAID = "ln 2 = 0.693147"
SMALLEST = 1e-9  # below it a number is said as a power of ten: too many zeros to count
LARGEST = 1e6  # from it on, too; and a cost of that size tells nobody anything
MOST_DECIMALS = 16  # a float64 near 1 has no more


def last_printed(run: Training | TrainingResult) -> str:
    """Return the iteration of the last cost that the notebook prints; "the end" where it prints none but the first."""
    last = run.costs[-1][0] if run.costs else 0
    return f"{last:,}" if last else "the end"


def plain(value: float) -> str:
    """Return two significant digits or all before the point, written out: 0.0000097, 0.77, 155, 1,774; else a power of ten."""
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else "inf" if value > 0 else "-inf"
    size = abs(value)
    if size >= LARGEST:
        return f"{value:.2g}"
    if size >= 100:
        return f"{value:,.0f}"
    if size == 0 or size < SMALLEST:
        return f"{value:.2g}"
    decimals = max(0, 1 - math.floor(math.log10(size)))
    said = f"{value:.{decimals}f}"
    return said.rstrip("0").rstrip(".") if "." in said else said


def plains(values: Sequence[float]) -> str:
    """Return several of them as a list."""
    return listed(map(plain, values))


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
        return "all" if value else "none"
    said = f"{value:.0%}"
    return {"100%": "more than 99%", "0%": "less than 1%"}.get(said, said)


def times(ratios: Sequence[float]) -> str:
    """Return from how much to how much: "101 to 102", or one number where they agree."""
    low, high = f"{min(ratios):,.0f}", f"{max(ratios):,.0f}"
    return low if low == high else f"{low} to {high}"
