"""Measures the trainings, the sweep over scales and the waits that ship with an exercise, and writes trainings.json.

    python -m grader.precompute.trainings

writes reference/<name>/trainings.json: the starts of the right answers and of common mistakes, the sweep over scales at the
exercise's seed, the scale 0.01 in other networks and at other learning rates, and what other draws than randn do.  Every
number in it is measured here; a test makes one of them again and compares.
"""

from __future__ import annotations

import math
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
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
from grader.exercise.starts import plain_training, start_key
from grader.exercise.training import WATCHED, Data, Model, course_data, each, escape, larger_rate, train
from grader.precompute.parts import FULL, Part, Plan, finish, measure, save
from grader.running.train import stays, with_faster

SPREAD_SEEDS = range(FULL.seeds)
LARGEST_RATE = 5.0  # above it, runs are not tried: no exercise trains so fast
SETTLED_TIMES = 6  # times the model's iterations: with the larger rate the last of 50 seeds leaves at 56,281 of 15,000
FLOWER = Model((2, 4, 1), 1.2, 10_000)  # the course's earlier exercise with one hidden layer
DEPTHS_SCALES = tuple(sorted((*TENTHS, 0.3, 0.03, 0.003), reverse=True))
MORE_SCALES = (1.0, 0.3, 0.1, 0.03)
FAR_TOO_LARGE = 10.0  # a scale above it


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
    earlier = [FLOWER.learning_rate] if has_earlier(exercise) else []
    learning_rates = {model.learning_rate, *earlier, *exercise.compare_rates}
    rows = [replace(model, layers=layers, learning_rate=rate) for layers in networks for rate in learning_rates]
    if larger_rate(model) <= LARGEST_RATE:
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


class ScaleRun(msgspec.Struct, frozen=True):
    """The training from a scale of the exercise's own draws, and its place in the sweep (None for zeros and He's rule)."""

    key: str
    training: dict[str, Any]
    point: Point | None = None


def parts(exercise: Exercise, plan: Plan = FULL) -> tuple[Part, ...]:
    """Return the parts of which the measurement consists."""
    model, seed = exercise.model, required_seed(exercise)
    data = course_data(model.points)
    seeds, escape_seeds = range(plan.seeds), range(plan.escape_seeds)
    run, sweep = model.iterations + WATCHED, (0.0, None, *scales(exercise))
    faster_model = replace(model, learning_rate=larger_rate(model))

    def over_seeds(scale: float | None, draw: str = "randn", escapes_of: Sequence[int] = ()) -> Spread:
        return spread(scale, seeds, data, model, escapes_of, draw=draw)

    return (
        *(
            Part(f"run {_name(scale)}", ScaleRun, run + _wait(model, scale), partial(_run, scale, data, model, seed))
            for scale in sweep
        ),
        Part("usual mistakes", dict[str, Any], run * len(mistakes_of(exercise)), partial(mistakes, exercise)),
        *(
            Part(
                _setting_name(network),
                Setting,
                2 * network.iterations * len(seeds),
                partial(setting, network, seed, seeds),
            )
            for network in settings(exercise)
        ),
        *(
            Part(
                f"seeds {_name(scale)}",
                Spread,
                run * len(seeds) + _wait(model, scale) * len(escape_seeds),
                partial(over_seeds, scale, escapes_of=escape_seeds),
            )
            for scale in sweep
        ),
        *(
            Part(f"{draw} {_name(scale)}", Spread, run * len(seeds), partial(over_seeds, scale, draw))
            for scale, draw in _other_draws(exercise)
        ),
        *(
            Part(
                f"depth {list(layers)}",
                tuple[Escape, ...],
                sum(_wait(replace(faster_model, layers=layers), scale) for scale in DEPTHS_SCALES),
                partial(_depth, replace(faster_model, layers=layers), data, seed),
            )
            for layers in depths(model.layers)
        ),
        Part(
            "scales between",
            tuple[Escape, ...],
            sum(_wait(model, scale) for scale in BETWEEN) * len(escape_seeds),
            partial(_between, data, model, escape_seeds),
        ),
    )


def gathered(exercise: Exercise, results: Mapping[str, Any]) -> Shipped:
    """Return what is shipped, from the results of the parts."""
    model, seed, sweep = exercise.model, required_seed(exercise), (0.0, None, *scales(exercise))
    runs = [results[f"run {_name(scale)}"] for scale in sweep]
    spreads = tuple(results[f"seeds {_name(scale)}"] for scale in sweep)
    escapes = [row for layers in depths(model.layers) for row in results[f"depth {list(layers)}"]]
    for other in ESCAPE_SEEDS:
        escapes += [
            Escape(model.layers, model.learning_rate, row.scale, other, row.escapes[other])
            for row in spreads
            if row.scale in MORE_SCALES and other != seed and other < len(row.escapes)
        ]
    return Shipped(
        versions(exercise),
        {run.key: run.training for run in runs} | results["usual mistakes"],
        tuple(run.point for run in runs if run.point),
        tuple(results[_setting_name(network)] for network in settings(exercise)),
        spread=spreads,
        draws=tuple(results[f"{draw} {_name(scale)}"] for scale, draw in _other_draws(exercise)),
        escapes=tuple(escapes),
        between=results["scales between"],
    )


def _other_draws(exercise: Exercise) -> list[tuple[float | None, str]]:
    return [(scale, draw) for scale in (None, *solution_scales(exercise)) for draw in DRAWS if draw != "randn"]


def _name(scale: float | None) -> str:
    return "He" if scale is None else f"x{scale:g}"


def _setting_name(network: Model) -> str:
    return f"setting {list(network.layers)} at {network.learning_rate:g} for {network.iterations}"


def _wait(model: Model, scale: float | None) -> float:
    """Guess after how many steps a start leaves the plateau; a guess is enough for an estimate of the time.

    With one hidden layer each tenth of the scale adds to the wait, with more it multiplies it.  Some very large starts never
    leave.
    """
    if scale == 0:
        return 0
    if scale is not None and scale > FAR_TOO_LARGE:
        return ESCAPE_CAP / 4
    small = min(scale or 1.0, 1.0)
    wait = 20 - 150 * math.log10(small) if len(model.layers) == 3 else 30 / small
    return min(ESCAPE_CAP, wait / model.learning_rate)


def _run(scale: float | None, data: Data, model: Model, seed: int) -> ScaleRun:
    start = scaled(model.layers, scale, seed)
    key, run = start_key(start, model), train(start, data, model)  # in NumPy, as the notebook does
    left = None if run.regime == "dead" else escape(start, data, model, ESCAPE_CAP, engine=engine(data, model))
    run = replace(run, escape=left, searched=ESCAPE_CAP)
    if run.regime == "plateau":
        run = with_faster(run, start, data, model, ESCAPE_CAP)
    return ScaleRun(key, plain_training(run), Point(scale, key, left) if scale else None)


def versions(exercise: Exercise) -> Versions:
    """Return what measurements are made with here and today, and what they hold for."""
    return Versions(__version__, platform.python_version(), np.__version__, terms(exercise))


def mistakes(exercise: Exercise) -> dict[str, Any]:
    """Train what the most common mistakes give, by the key of the start; one that stays near ln 2 is left to be followed."""
    model = exercise.model
    seed = {"seed": required_seed(exercise)}
    starts = [drawn(model.layers, **seed | mistake) for mistake in mistakes_of(exercise).values()]
    runs = {start_key(start, model): train(start, course_data(model.points), model) for start in starts}
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


def _depth(network: Model, data: Data, seed: int) -> list[Escape]:
    """Return when starts of several scales leave the plateau with a network."""
    steps = engine(data, network)

    def measured(scale: float) -> Escape:
        left = escape(scaled(network.layers, scale, seed), data, network, ESCAPE_CAP, engine=steps)
        return Escape(network.layers, network.learning_rate, scale, seed, left)

    return each(measured, DEPTHS_SCALES, steps)


def depths(layers: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """Return the network with one hidden layer, as it is, and with its last hidden layer twice; each once."""
    *before, last = layers
    return tuple(dict.fromkeys([one_hidden(layers), layers, (*before, before[-1], last)]))


def _between(data: Data, model: Model, seeds: Sequence[int]) -> list[Escape]:
    """Return when starts at further scales leave the plateau."""
    steps = engine(data, model)

    def measured(row: tuple[float, int]) -> Escape:
        scale, seed = row
        left = escape(scaled(model.layers, scale, seed), data, model, ESCAPE_CAP, engine=steps)
        return Escape(model.layers, model.learning_rate, scale, seed, left)

    return each(measured, [(scale, seed) for scale in BETWEEN for seed in seeds], steps)


def setting(model: Model, seed: int, seeds: Sequence[int] = SPREAD_SEEDS) -> Setting:
    """Train a small scale with a network and learning rate, from the exercise's seed and from those of the spread."""
    data = course_data(model.points)
    steps = engine(data, model)

    def over(other: int) -> tuple[float, int | None]:
        start = scaled(model.layers, SMALL, other)
        run = train(start, data, model, engine=steps)
        return run.train_accuracy, escape(start, data, model, model.iterations, engine=steps)

    shares, escapes = zip(*each(over, seeds, steps), strict=True)
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
    """Measure an exercise and write its trainings.json: two minutes with the extra `fast`, an hour and more without."""
    exercise = exercises.load(name)
    path = save(exercise.folder / FILE, gathered(exercise, measure(exercise, parts(exercise), FULL)))
    finish(exercise.folder)
    return path


if __name__ == "__main__":
    sys.stdout.write(f"{main(*sys.argv[1:])}\n")
