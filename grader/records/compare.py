"""Compares arrays and outcomes of calls, without regard to rounding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from grader.records import Array, Floats, Outcome

RTOL = 1e-7  # the reference draws the very same numbers, so only rounding may differ


def same(outcomes: Sequence[Outcome], others: Sequence[Outcome]) -> bool:
    """Return whether every call gave the same, but for rounding: names, types, shapes and numbers."""
    return len(outcomes) == len(others) and all(
        mine.call == theirs.call and mine.ended == theirs.ended == "returned" and _same_arrays(mine, theirs)
        for mine, theirs in zip(outcomes, others, strict=True)
    )


def equal(got: Floats, want: Floats) -> bool:
    """Return whether two arrays are the same but for rounding; NaN is never the same."""
    return got.shape == want.shape and bool((np.abs(got - want) <= RTOL * np.abs(want)).all())


def _same_arrays(mine: Outcome, theirs: Outcome) -> bool:
    return mine.arrays.keys() == theirs.arrays.keys() and all(
        array.is_float_array and _agree(array, theirs.arrays[name]) for name, array in mine.arrays.items()
    )


def _agree(got: Array, want: Array) -> bool:
    """Return whether two values are the same but for rounding; most are so to the bit, and comparing that costs little."""
    to_the_bit = got.shape == want.shape and got.data == want.data and bool(np.isfinite(want.numpy()).all())
    return to_the_bit or equal(got.numpy(), want.numpy())
