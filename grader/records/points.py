"""Points as people read them, the same on every page, in a terminal, in files and in an LMS: two decimals, halves up."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from grader.messages import say

_CENTS = Decimal("0.01")


def exact(value: float) -> Decimal:
    """Return a number as it is written, without the binary rest of a float."""
    return Decimal(repr(float(value)))


def cents(value: Decimal) -> Decimal:
    """Round points to two decimals, halves up, as people do."""
    return value.quantize(_CENTS, ROUND_HALF_UP)


def number(value: Decimal) -> str:
    """Return points with at most two decimals, a point, and nothing between thousands: ``87.5``."""
    text = f"{cents(value):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def points(value: float) -> str:
    """Return points in words: ``27``, ``27.13``."""
    return number(exact(value))


def of(value: float, possible: float) -> str:
    """Return points beside those possible: ``27 of 30``."""
    return say("list.points", points=points(value), possible=points(possible))


def gain(before: float, after: float) -> str:
    """Return by how much points change, with a sign: ``+2``, ``-0.5``."""
    difference = cents(exact(after)) - cents(exact(before))
    return f"{'-' if difference < 0 else '+'}{number(abs(difference))}"
