"""What is shipped with an exercise so that nobody has to wait for it: trainings that were made once, by this command.

    python -m grader.shipped

writes reference/<name>/trainings.json: the starts of the right answers, the sweep over scales at the exercise's seed, and
the scale 0.01 in four settings.  Every number in it is measured here; a test makes one of them again and compares.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from grader import __version__
from grader import exercise as exercises
from grader.evidence import Cache, plain_training, start_key
from grader.exercise import Exercise
from grader.training import Model, Parameters, course_data, escape, train

FILE = "trainings.json"
SEED = 3
SCALES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
ESCAPE_CAP = 400_000  # iterations; scale 0.01 needs 300,000
SETTINGS = (((2, 10, 1), 0.01), ((2, 10, 1), 1.2), ((2, 10, 5, 1), 0.01), ((2, 10, 5, 1), 1.2))
SETTINGS_SCALE = 0.01


class Point(msgspec.Struct, frozen=True):
    """One scale of the sweep: its training by key, and the first iteration with a cost below 0.6 (None: not by the cap)."""

    scale: float
    start: str
    escape: int | None


class Setting(msgspec.Struct, frozen=True):
    """One network and learning rate, started with weights times `scale`."""

    layers: tuple[int, ...]
    learning_rate: float
    scale: float
    train_accuracy: float
    test_accuracy: float
    cost_last: float


class Shipped(msgspec.Struct, frozen=True):
    """trainings.json."""

    made_with: dict[str, str]
    trainings: dict[str, Any]
    sweep: tuple[Point, ...]
    settings: tuple[Setting, ...]

    def cache(self) -> Cache:
        """Return the trainings as a cache that can be added to."""
        return {key: msgspec.json.encode(training) for key, training in self.trainings.items()}

    def escape(self, start: str) -> int | None:
        """Return the first iteration with a cost below 0.6 for a start of the sweep, or None."""
        return next((point.escape for point in self.sweep if point.start == start), None)


def load(exercise: Exercise) -> Shipped:
    """Read what is shipped with an exercise; an exercise without it is only slower."""
    path = exercise.folder / FILE
    if not path.is_file():
        return Shipped({}, {}, (), ())
    return msgspec.json.decode(path.read_bytes(), type=Shipped)


def scaled(layers: tuple[int, ...], scale: float | None, seed: int = SEED) -> Parameters:
    """Return weights drawn as the exercise asks, times `scale` or, for None, as He et al. (2015) scale them.

    Returns
    -------
    dict of str to ndarray
        ``W1`` of shape (n1, n0), ``b1`` zeros of shape (n1, 1), and so on.
    """
    rng = np.random.RandomState(seed)
    parameters = {}
    for layer, (n_prev, n) in enumerate(pairwise(layers), start=1):
        times = np.sqrt(2 / n_prev) if scale is None else scale
        parameters[f"W{layer}"] = rng.randn(n, n_prev) * times
        parameters[f"b{layer}"] = np.zeros((n, 1))
    return parameters


def known(shipped: Shipped, exercise: Exercise) -> dict[str, str]:
    """Return the keys of the shipped trainings from the exercise's own draw, by what the draw is multiplied by."""
    layers, model = exercise.model.layers, exercise.model
    starts = {"weights of zero": scaled(layers, 0.0), "He's scale": scaled(layers, None)}
    keys = {name: start_key(start, model) for name, start in starts.items()}
    keys |= {f"x{point.scale:g}": point.start for point in shipped.sweep}
    return {name: key for name, key in keys.items() if key in shipped.trainings}


def make(exercise: Exercise) -> Shipped:
    """Train everything that is shipped."""
    data, model = course_data(), exercise.model
    trainings, points = {}, []
    for scale in (0.0, None, *SCALES):
        start = scaled(model.layers, scale)
        key = start_key(start, model)
        trainings[key] = msgspec.to_builtins(plain_training(train(start, data, model)))
        if scale:
            points.append(Point(scale, key, escape(start, data, model, ESCAPE_CAP)))
    made_with = {"grader": __version__, "python": platform.python_version(), "numpy": np.__version__}
    return Shipped(made_with, trainings, tuple(points), tuple(_settings(exercise)))


def _settings(exercise: Exercise) -> Iterator[Setting]:
    for layers, learning_rate in SETTINGS:
        model = Model(layers, learning_rate, exercise.model.iterations)
        found = train(scaled(layers, SETTINGS_SCALE), course_data(), model)
        accuracies = found.train_accuracy, found.test_accuracy
        yield Setting(layers, learning_rate, SETTINGS_SCALE, *accuracies, found.cost_last)


def main(name: str = exercises.DEFAULT) -> Path:
    """Make the file of an exercise anew."""
    exercise = exercises.load(name)
    path = exercise.folder / FILE
    path.write_bytes(msgspec.json.format(msgspec.json.encode(make(exercise)), indent=1) + b"\n")
    return path


if __name__ == "__main__":
    sys.stdout.write(f"{main(*sys.argv[1:])}\n")
