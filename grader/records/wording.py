"""Names, accuracies and long lists in words: the same on every page, in a terminal and in files."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from os.path import commonprefix
from typing import Protocol

from grader.messages import say

_TIMES = "\N{MULTIPLICATION SIGN}"
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
SMALLEST_POINT = -3  # the power of ten down to which numbers are written with a decimal point


class HasAccuracies(Protocol):
    """A run of the full model, for what is said of its end."""

    @property
    def train_accuracy(self) -> float:
        """The share of the points trained on that are answered right."""

    @property
    def test_accuracy(self) -> float | None:
        """The share of the test points that are answered right; None where there are none."""


def accuracy(share: float) -> str:
    """Return a share as the notebook prints it, to four digits: ``0.4633``."""
    return f"{share:.4g}"


def accuracies(run: HasAccuracies) -> str:
    """Return the accuracies of a run, train and test: ``0.4633 / 0.48``; that for training alone where nothing was tested."""
    shares = [share for share in (run.train_accuracy, run.test_accuracy) if share is not None]
    return " / ".join(map(accuracy, shares))


def power(value: float, digits: int = 2) -> str:
    """Return a number with its power of ten, as a product: ``10⁻⁶`` where that is all."""
    mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    ten = f"10{str(int(exponent)).translate(_SUPERSCRIPTS)}"
    return ten if mantissa == "1" else f"{mantissa} {_TIMES} {ten}"


def bound(size: float) -> str:
    """Return the smallest power of ten that a positive size does not exceed: ``0.01``, ``10⁻⁶``."""
    if size == 0:
        return "0"
    exponent = math.ceil(math.log10(size) - 1e-12)
    return f"{10.0**exponent:g}" if exponent >= SMALLEST_POINT else power(10.0**exponent)


def rounded(value: float) -> str:
    """Return a number of times in two significant digits: ``1.8``, ``20``, ``98,000``."""
    exact = float(f"{value:.2g}")
    return f"{exact:,.0f}" if exact >= 10 else f"{exact:g}"


def short_names(names: Iterable[str]) -> dict[str, str]:
    """Map each function's name to what is left without their common beginning: zeros, random, he."""
    names = tuple(names)
    length = commonprefix(names).rfind("_") + 1 if len(names) > 1 else 0  # noqa: RUF071  # of names, character by character
    return {name: name[length:] or name for name in names}


def first_few(items: Sequence[str], most: int) -> str:
    """Return the first of many items, and how many more there are: ``a, b and 7 more``."""
    first = say("list.comma").join(items[:most])
    return say("list.more", first=first, count=len(items) - most) if len(items) > most else first
