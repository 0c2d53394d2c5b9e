"""The name of a start by its content, and trainings as JSON holds them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, MutableMapping
from typing import Any

import msgspec
import numpy as np

from grader.exercise.training import (
    Model,
    Parameters,
)
from grader.records import Training, number

Cache = MutableMapping[str, bytes]
Waits = Mapping[str, tuple[int | None, int]]  # by key: the end of a plateau, or None, and how far it was looked for
TRAINING_DIGITS = 12  # parameters that agree to these digits are the same start: rounding differs between machines


def plain_training(training: Training) -> dict[str, Any]:
    """Return a training as JSON holds it."""
    return dict(plain(msgspec.to_builtins(training)))


def plain(value: Any) -> Any:
    """Return dictionaries, lists and numbers as JSON holds them: inf and NaN as strings."""
    if isinstance(value, dict):
        return {name: plain(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    return number(value) if isinstance(value, float) else value


def start_key(parameters: Parameters, model: Model) -> str:
    """Return the name of a start by its content: numbers to twelve digits, model, nothing else."""
    digest = hashlib.sha256(repr(model.identity).encode())
    for name in sorted(parameters):
        array = np.asarray(parameters[name], dtype=np.float64)
        digest.update(repr((name, array.shape, [f"{x:.{TRAINING_DIGITS}g}" for x in array.ravel() + 0.0])).encode())
    return digest.hexdigest()
