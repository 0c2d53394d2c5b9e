"""Names, accuracies and long lists in words: the same on every page, in a terminal and in files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from os.path import commonprefix
from typing import Protocol


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


def scores(run: HasAccuracies) -> str:
    """Return the accuracies of a run with their name: ``train / test accuracy 0.4633 / 0.48``."""
    return f"{'train' if run.test_accuracy is None else 'train / test'} accuracy {accuracies(run)}"


def short_names(names: Iterable[str]) -> dict[str, str]:
    """Map each function's name to what is left without their common beginning: zeros, random, he."""
    names = tuple(names)
    length = commonprefix(names).rfind("_") + 1 if len(names) > 1 else 0  # noqa: RUF071  # of names, character by character
    return {name: name[length:] or name for name in names}


def first_few(items: Sequence[str], most: int) -> str:
    """Return the first of many items, and how many more there are: ``a, b and 7 more``."""
    more = f" and {len(items) - most} more" if len(items) > most else ""
    return ", ".join(items[:most]) + more
