"""What is shipped with an exercise is made here: trainings, sweeps over scales, escapes.

    python -m grader.precompute.trainings

writes reference/<name>/trainings.json: the starts of the right answers and of common mistakes, the sweep over scales at the
exercise's seed, the scale 0.01 in other networks and at other learning rates, and what other draws than randn do.  Every
number in it is measured here; a test makes one of them again and compares.
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
from grader.exercise import quotes
from grader.exercise.fast import engine
from grader.exercise.load import AMBIENT_SEEDS, Exercise
from grader.exercise.shipped import (
    BETWEEN,
    DRAWS,
    ESCAPE_CAP,
    ESCAPE_SEEDS,
    FILE,
    HE,
    SCALES,
    SMALL,
    TENTHS,
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
    solution_scales,
    terms,
)
from grader.exercise.starts import plain, plain_training, start_key
from grader.exercise.training import Data, Model, course_data, each, escape, larger_rate, train
from grader.running.train import faster, stays

SPREAD_SEEDS = range(50)


SETTLED_TIMES = 6  # times the model's iterations: with the larger rate the last of 50 seeds leaves at 56,281 of 15,000
FLOWER = Model((2, 4, 1), 1.2, 10_000)  # the course's earlier exercise with one hidden layer
DEPTHS_SCALES = tuple(sorted((*TENTHS, 0.3, 0.03, 0.003), reverse=True))
MORE_SCALES = (1.0, 0.3, 0.1, 0.03)


def scales(exercise: Exercise) -> tuple[float, ...]:
    """Return the scales of the sweep, those that the exercise asks for among them."""
    return tuple(sorted({*SCALES, *(scale for scale in solution_scales(exercise) if scale > 0)}))


def has_earlier(exercise: Exercise) -> bool:
    """Return whether the course's earlier exercises came before this one: its notebook's quotes speak of them."""
    quoted = quotes.load(exercise)
    return quoted is not None and bool(quoted.earlier)


def settings(exercise: Exercise) -> list[Model]:
    """Return the networks in which a small scale is trained: one hidden layer and the exercise's own, at several rates.

    The rates are the exercise's and that of the earlier exercise, if there was one; its own network has the larger rate as well.
    """
    model = exercise.model
    networks = dict.fromkeys((one_hidden(model.layers), model.layers))
    learning_rates = {model.learning_rate, *([FLOWER.learning_rate] if has_earlier(exercise) else ())}
    rows = [replace(model, layers=layers, learning_rate=rate) for layers in networks for rate in learning_rates]
    rows.append(replace(model, learning_rate=larger_rate(model), iterations=SETTLED_TIMES * model.iterations))
    return sorted(rows, key=lambda row: (len(row.layers), row.learning_rate))


def one_hidden(layers: tuple[int, ...]) -> tuple[int, ...]:
    """Return the network with its first hidden layer only."""
    return *layers[:2], layers[-1]


def mistakes_of(exercise: Exercise) -> dict[str, dict[str, Any]]:
    """Return the starts that the most common mistakes give, of 297 public hand-ins: most of a class costs no training."""
    starts: dict[str, dict[str, Any]] = {
        "no seed, He's rule": {"times": HE, "seed": AMBIENT_SEEDS[0]},
        "He's rule with the layer's own size": {"times": lambda _n_prev, n: float(np.sqrt(2 / n))},
        "He's rule without the root": {"times": lambda n_prev, _n: 2 / n_prev},
    }
    for scale in solution_scales(exercise):
        times: Times = lambda _n_prev, _n, scale=scale: scale  # type: ignore[misc]  # noqa: E731  # bound, not given
        starts |= {
            f"no seed, x{scale:g}": {"times": times, "seed": AMBIENT_SEEDS[0]},
            f"a seed set in every layer, x{scale:g}": {"times": times, "again": True},
            f"random biases, x{scale:g}": {"times": times, "biases": True},
            f"rand in place of randn, x{scale:g}": {"times": times, "draw": "rand"},
        }
    return starts


def make(exercise: Exercise) -> Shipped:
    """Train everything that is shipped: two minutes with the extra `fast`, an hour and more without."""
    data, model, seed = course_data(), exercise.model, required_seed(exercise)
    steps = engine(data, model)
    trainings, points = {}, []
    for scale in (0.0, None, *scales(exercise)):
        start = scaled(model.layers, scale, seed)
        key = start_key(start, model)
        left = escape(start, data, model, ESCAPE_CAP, engine=steps)
        run = replace(train(start, data, model), escape=left, searched=ESCAPE_CAP)  # in NumPy, as the notebook does
        if run.regime == "plateau":
            run = replace(run, **faster(start, data, model, ESCAPE_CAP))
        trainings[key] = plain_training(run)
        if scale:
            points.append(Point(scale, key, left))
    trainings |= mistakes(exercise)
    spreads = tuple(spread(scale, SPREAD_SEEDS, data, model, ESCAPE_SEEDS) for scale in (0.0, None, *scales(exercise)))
    return Shipped(
        versions(exercise),
        trainings,
        tuple(points),
        tuple(setting(network, seed) for network in settings(exercise)),
        spread=spreads,
        draws=tuple(
            spread(scale, SPREAD_SEEDS, data, model, draw=draw)
            for scale in (None, *solution_scales(exercise))
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
    starts = [drawn(model.layers, **seed | mistake) for mistake in mistakes_of(exercise).values()]
    runs = {start_key(start, model): train(start, course_data(), model) for start in starts}
    return {key: plain_training(run) for key, run in runs.items() if not stays(run)}


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
        (replace(model, layers=layers, learning_rate=larger_rate(model)), scale, seed)
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
        for row in spreads:
            if row.scale in MORE_SCALES and other != seed:
                yield Escape(model.layers, model.learning_rate, row.scale, other, row.escapes[other])


def depths(layers: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """Return the network with one hidden layer, as it is, and with its last hidden layer twice; each once."""
    *before, last = layers
    return tuple(dict.fromkeys([one_hidden(layers), layers, (*before, before[-1], last)]))


def _between(data: Data, model: Model) -> list[Escape]:
    """Return when starts at further scales leave the plateau."""
    steps = engine(data, model)

    def measured(row: tuple[float, int]) -> Escape:
        scale, seed = row
        left = escape(scaled(model.layers, scale, seed), data, model, ESCAPE_CAP, engine=steps)
        return Escape(model.layers, model.learning_rate, scale, seed, left)

    return each(measured, [(scale, seed) for scale in BETWEEN for seed in ESCAPE_SEEDS], steps)


def setting(model: Model, seed: int) -> Setting:
    """Train a small scale with a network and learning rate, from the exercise's seed and from those of the spread."""
    data = course_data()
    steps = engine(data, model)

    def over(other: int) -> tuple[float, int | None]:
        start = scaled(model.layers, SMALL, other)
        run = train(start, data, model, engine=steps)
        return run.train_accuracy, escape(start, data, model, model.iterations, engine=steps)

    shares, escapes = zip(*each(over, SPREAD_SEEDS, steps), strict=True)
    run = train(scaled(model.layers, SMALL, seed), data, model)
    return Setting(
        model.layers,
        model.learning_rate,
        SMALL,
        run.train_accuracy,
        run.test_accuracy,
        run.cost_last,
        model.iterations,
        tuple(shares),
        tuple(escapes),
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
