"""What is shipped with an exercise is made here: trainings, sweeps over scales, escapes.

    python -m grader.precompute.trainings

writes reference/<name>/trainings.json: the starts of the right answers and of common mistakes, the sweep over scales at the
exercise's seed, the scale 0.01 in four settings, and what other draws than randn do.  Every number in it is measured here;
a test makes one of them again and compares.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from grader._version import __version__
from grader.exercise import load as exercises
from grader.exercise.fast import engine
from grader.exercise.load import AMBIENT_SEEDS, Exercise
from grader.exercise.shipped import (
    BETWEEN,
    DEPTHS_RATE,
    DRAWS,
    DRAWS_SCALES,
    ESCAPE_CAP,
    ESCAPE_SEEDS,
    FILE,
    HE,
    SCALES,
    Escape,
    Point,
    Setting,
    Shipped,
    Spread,
    Times,
    Versions,
    drawn,
    required_seed,
    scaled,
    terms,
)
from grader.exercise.starts import plain, plain_training, start_key
from grader.exercise.training import Data, Model, course_data, each, escape, train
from grader.running.train import faster, stays

SPREAD_SEEDS = range(50)


# Networks, learning rates, and how many times the model's iterations: at 0.1 the last of 50 seeds leaves at 56,281.
SETTINGS = (
    ((2, 10, 1), 0.01, 1),
    ((2, 10, 1), 1.2, 1),
    ((2, 10, 5, 1), 0.01, 1),
    ((2, 10, 5, 1), 0.1, 6),
    ((2, 10, 5, 1), 1.2, 1),
)


SETTINGS_SCALE = 0.01


DEPTHS_SCALES = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)


MORE_SCALES = (1.0, 0.3, 0.1, 0.03)


TEN: Times = lambda _n_prev, _n: 10.0  # noqa: E731


# Starts that the most common mistakes give, of 297 public hand-ins: so most of a class costs no training at all.
MISTAKES: dict[str, dict[str, Any]] = {
    "no seed, x10": {"times": TEN, "seed": AMBIENT_SEEDS[0]},
    "no seed, He's rule": {"times": HE, "seed": AMBIENT_SEEDS[0]},
    "a seed set in every layer, x10": {"times": TEN, "again": True},
    "random biases, x10": {"times": TEN, "biases": True},
    "rand in place of randn, x10": {"times": TEN, "draw": "rand"},
    "He's rule with the layer's own size": {"times": lambda _n_prev, n: float(np.sqrt(2 / n))},
    "He's rule without the root": {"times": lambda n_prev, _n: 2 / n_prev},
}


def make(exercise: Exercise) -> Shipped:
    """Train everything that is shipped: two minutes with the extra `fast`, an hour and more without."""
    data, model, seed = course_data(), exercise.model, required_seed(exercise)
    steps = engine(data, model)
    trainings, points = {}, []
    for scale in (0.0, None, *SCALES):
        start = scaled(model.layers, scale, seed)
        key = start_key(start, model)
        left = escape(start, data, model, ESCAPE_CAP, engine=steps)
        made = replace(train(start, data, model), escape=left, searched=ESCAPE_CAP)  # in NumPy, as the notebook does
        if made.regime == "plateau":
            made = replace(made, **faster(start, data, model, ESCAPE_CAP))
        trainings[key] = plain_training(made)
        if scale:
            points.append(Point(scale, key, left))
    trainings |= mistakes(exercise)
    spreads = tuple(spread(scale, SPREAD_SEEDS, data, model, ESCAPE_SEEDS) for scale in (0.0, None, *SCALES))
    return Shipped(
        versions(exercise),
        trainings,
        tuple(points),
        tuple(_settings(exercise)),
        spread=spreads,
        draws=tuple(
            spread(scale, SPREAD_SEEDS, data, model, draw=draw)
            for scale in DRAWS_SCALES
            for draw in DRAWS
            if draw != "randn"
        ),
        escapes=tuple(_escapes(data, model, seed, spreads)),
        between=tuple(_between(data, model)),
    )


def versions(exercise: Exercise) -> Versions:
    """Return what measurements are made with here and today, and what they hold for."""
    return Versions(__version__, platform.python_version(), np.__version__, terms(exercise))


def mistakes(exercise: Exercise) -> dict[str, Any]:
    """Train what the most common mistakes give, by the key of the start; one that stays near ln 2 is left to be followed."""
    model = exercise.model
    seed = {"seed": required_seed(exercise)}
    starts = [drawn(model.layers, **seed | mistake) for mistake in MISTAKES.values()]
    made = {start_key(one, model): train(one, course_data(), model) for one in starts}
    return {key: plain_training(training) for key, training in made.items() if not stays(training)}


def spread(
    scale: float | None,
    seeds: Sequence[int],
    data: Data,
    model: Model,
    escapes_of: Sequence[int] = (),
    *,
    draw: str = "randn",
) -> Spread:
    """Train a scale from every seed; from some, look when the cost is below 0.6."""
    steps = engine(data, model)
    runs = each(lambda seed: train(scaled(model.layers, scale, seed, draw), data, model, engine=steps), seeds, steps)
    train_accuracy, test_accuracy, cost_last = zip(
        *((run.train_accuracy, run.test_accuracy, run.cost_last) for run in runs), strict=True
    )
    moving = any(run.regime != "dead" for run in runs)  # what is dead never leaves

    def left(seed: int) -> int | None:
        return (
            escape(scaled(model.layers, scale, seed, draw), data, model, ESCAPE_CAP, engine=steps) if moving else None
        )

    return Spread(scale, train_accuracy, test_accuracy, cost_last, tuple(each(left, escapes_of, steps)), draw)


def _escapes(data: Data, model: Model, seed: int, spreads: Sequence[Spread]) -> Iterator[Escape]:
    """Yield when starts leave the plateau: by scale and depth, and for more seeds."""
    rows = [
        (Model(layers, DEPTHS_RATE, model.iterations), scale, seed)
        for layers in depths(model.layers)
        for scale in DEPTHS_SCALES
    ]

    def measured(row: tuple[Model, float, int]) -> Escape:
        network, scale, seed = row
        start = scaled(network.layers, scale, seed)
        left = escape(start, data, network, ESCAPE_CAP, engine=engine(data, network))
        return Escape(network.layers, network.learning_rate, scale, seed, left)

    yield from each(measured, rows, engine(data, model))
    for other in ESCAPE_SEEDS:
        for one in spreads:
            if one.scale in MORE_SCALES and other != seed:
                yield Escape(model.layers, model.learning_rate, one.scale, other, one.escapes[other])


def depths(layers: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """Return the network with one hidden layer, as it is, and with its last hidden layer twice; each once."""
    *before, last = layers
    return tuple(dict.fromkeys([(*layers[:2], last), layers, (*before, before[-1], last)]))


def _between(data: Data, model: Model) -> list[Escape]:
    """Return when starts at further scales leave the plateau."""
    steps = engine(data, model)

    def measured(row: tuple[float, int]) -> Escape:
        scale, seed = row
        left = escape(scaled(model.layers, scale, seed), data, model, ESCAPE_CAP, engine=steps)
        return Escape(model.layers, model.learning_rate, scale, seed, left)

    return each(measured, [(scale, seed) for scale in BETWEEN for seed in ESCAPE_SEEDS], steps)


def _settings(exercise: Exercise) -> Iterator[Setting]:
    for layers, learning_rate, times in SETTINGS:
        yield setting(layers, learning_rate, exercise.model.iterations * times, required_seed(exercise))


def setting(layers: tuple[int, ...], learning_rate: float, iterations: int, seed: int) -> Setting:
    """Train a small scale with a network and learning rate, from the exercise's seed and from those of the spread."""
    data, model = course_data(), Model(layers, learning_rate, iterations)
    steps = engine(data, model)

    def over(other: int) -> tuple[float, int | None]:
        start = scaled(layers, SETTINGS_SCALE, other)
        run = train(start, data, model, engine=steps)
        return run.train_accuracy, escape(start, data, model, iterations, engine=steps)

    shares, escapes = zip(*each(over, SPREAD_SEEDS, steps), strict=True)
    found = train(scaled(layers, SETTINGS_SCALE, seed), data, model)
    accuracies = found.train_accuracy, found.test_accuracy
    return Setting(
        layers, learning_rate, SETTINGS_SCALE, *accuracies, found.cost_last, iterations, tuple(shares), tuple(escapes)
    )


def main(name: str = exercises.DEFAULT) -> Path:
    """Write the file of an exercise again."""
    exercise = exercises.load(name)
    path = exercise.folder / FILE
    path.write_bytes(
        msgspec.json.format(msgspec.json.encode(plain(msgspec.to_builtins(make(exercise)))), indent=1) + b"\n"
    )
    return path


if __name__ == "__main__":
    sys.stdout.write(f"{main(*sys.argv[1:])}\n")
