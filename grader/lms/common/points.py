"""Points as an LMS counts them: exact, to two decimals, and out of what its own column is out of."""

from __future__ import annotations

import re
from decimal import Decimal

from grader.messages import refusal, say
from grader.records.points import cents, exact, number

__all__ = ["as_number", "cents", "converted", "equal", "exact", "number", "out_of", "rounded"]
_DECIMAL = re.compile(r"\d+(?:[.,]\d+)?", re.ASCII)


def rounded(value: Decimal) -> Decimal:
    """Return points to two decimals, without trailing zeros."""
    return Decimal(number(value))


def as_number(cell: str) -> Decimal | None:
    """Return a cell's number, with a decimal point or comma; None where it holds none."""
    cell = cell.strip()
    return Decimal(cell.replace(",", ".")) if _DECIMAL.fullmatch(cell) else None


def equal(theirs: Decimal | None, ours: Decimal | None) -> bool:
    """Whether two grades are the same to two decimals, as far as any LMS shows them."""
    if theirs is None or ours is None:
        return theirs is ours
    return cents(theirs) == cents(ours)


def out_of(score: Decimal, possible: float, column: Decimal | None) -> Decimal:
    """Return a score out of `possible` as one out of the column's points, where these are known.

    Raises
    ------
    RequestError
        If the column is out of 0: everybody would get 0.
    """
    if column is None or not possible:
        return score
    if not column:
        raise refusal("lms.zero_points")
    return score * column / exact(possible)


def converted(possible: float, column: Decimal | None) -> tuple[str, ...]:
    """Return a sentence where the LMS counts in other points than the exercise."""
    whole = exact(possible)
    if column is None or column == whole:
        return ()
    return (say("lms.converted", column=number(column), whole=number(whole)),)
