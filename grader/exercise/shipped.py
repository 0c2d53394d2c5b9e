"""What is shipped with an exercise so that nobody has to wait for it: trainings that were made once, by this command.

    python -m grader.exercise.shipped

writes reference/<name>/trainings.json: the starts of the right answers and of common mistakes, the sweep over scales at the
exercise's seed, the scale 0.01 in four settings, and what other draws than randn do.  Every number in it is measured here;
a test makes one of them again and compares.
"""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from grader._version import __version__
from grader.exercise import load as exercises
from grader.exercise.fast import engine
from grader.exercise.load import AMBIENT_SEEDS, Exercise
from grader.exercise.training import Data, Floats, Model, Parameters, course_data, each, escape, train
from grader.running.gather import Cache, Waits, faster, plain, plain_training, start_key, stays

FILE = "trainings.json"
SEED = 3
SCALES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
SPREAD_SEEDS = range(50)
ESCAPE_CAP = 4_000_000  # iterations; scale 0.01 needs 300,000, scale 0.001 ten times as many
SETTINGS = (((2, 10, 1), 0.01), ((2, 10, 1), 1.2), ((2, 10, 5, 1), 0.01), ((2, 10, 5, 1), 1.2))
SETTINGS_SCALE = 0.01
DEPTHS, DEPTHS_RATE = ((2, 10, 1), (2, 10, 5, 1), (2, 10, 5, 5, 1)), 0.1
DEPTHS_SCALES = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)
ESCAPE_SEEDS = range(6)  # SEED among them
BETWEEN = (0.002, 0.005, 0.02, 0.05, 0.2)  # scales that students type besides those of the sweep
MORE_SEEDS, MORE_SCALES = (0, 1, 2, 4, 5), (1.0, 0.3, 0.1, 0.03)
DRAWS: dict[str, Callable[[np.random.RandomState, int, int], Floats]] = {  # by name: a draw of shape (n, n_prev)
    "randn": lambda rng, n, n_prev: rng.randn(n, n_prev),
    "rand": lambda rng, n, n_prev: rng.rand(n, n_prev),
    "narrow": lambda rng, n, n_prev: rng.rand(n, n_prev) - 0.5,  # rand's spread, around 0
    "centred": lambda rng, n, n_prev: (rng.rand(n, n_prev) - 0.5) * np.sqrt(12),  # randn's spread, around 0
}
DRAWS_SCALES = (None, 10.0)  # the two random starts that the exercise asks for
Times = Callable[[int, int], float]  # the factor of a layer's weights, from the sizes before and of the layer
HE: Times = lambda n_prev, _n: float(np.sqrt(2 / n_prev))  # noqa: E731  # a rule like those below
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


class Spread(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a scale does over the seeds 0, 1, 2, …: accuracies and last cost, in this order; scale None is He's.

    `escapes` are the first iterations with a cost below 0.6 of the first few seeds, None where there is none by the cap;
    `draw` names in DRAWS what is multiplied by the scale.
    """

    scale: float | None
    train_accuracy: tuple[float, ...]
    test_accuracy: tuple[float, ...]
    cost_last: tuple[float, ...]
    escapes: tuple[int | None, ...] = ()
    draw: str = "randn"


class Escape(msgspec.Struct, frozen=True):
    """The first iteration with a cost below 0.6 of a start, or None if it is not before the cap."""

    layers: tuple[int, ...]
    learning_rate: float
    scale: float
    seed: int
    iteration: int | None


class Terms(msgspec.Struct, frozen=True):
    """What measured numbers hold for: the network and how it trains, the right answers, and the points.

    `solution` is a hash of the right answers' code, which sets seed and scales; `points` one of the training and test points.
    """

    layers: tuple[int, ...]
    learning_rate: float
    iterations: int
    solution: str
    points: str


class Versions(msgspec.Struct, frozen=True, omit_defaults=True):
    """What numbers were measured with, and what they hold for."""

    grader: str = ""
    python: str = ""
    numpy: str = ""
    terms: Terms | None = None


class Shipped(msgspec.Struct, frozen=True):
    """trainings.json."""

    made_with: Versions
    trainings: dict[str, Any]
    sweep: tuple[Point, ...]
    settings: tuple[Setting, ...]
    spread: tuple[Spread, ...] = ()
    draws: tuple[Spread, ...] = ()
    escapes: tuple[Escape, ...] = ()
    between: tuple[Escape, ...] = ()

    def cache(self) -> Cache:
        """Return the trainings as a cache that can be added to."""
        return {key: msgspec.json.encode(training) for key, training in self.trainings.items()}

    def escape(self, start: str) -> int | None:
        """Return the first iteration with a cost below 0.6 for a start of the sweep, or None."""
        return next((point.escape for point in self.sweep if point.start == start), None)

    def waits(self, model: Model) -> Waits:
        """Return by a start's key when its cost is first below 0.6, None for never, and in how many iterations that holds."""
        found = [
            Escape(model.layers, model.learning_rate, one.scale, seed, left)
            for one in self.spread
            if one.scale
            for seed, left in zip(ESCAPE_SEEDS, one.escapes, strict=False)
        ]
        rows = (row for row in (*found, *self.between) if row.learning_rate == model.learning_rate)
        return {start_key(scaled(row.layers, row.scale, row.seed), model): (row.iteration, ESCAPE_CAP) for row in rows}


def load(exercise: Exercise) -> Shipped:
    """Read what is shipped with an exercise; an exercise without it is only slower, and less is said of it.

    Numbers that were measured for other sizes, rates, iterations, answers or points say nothing of this exercise.
    """
    path = exercise.folder / FILE
    if path.is_file():
        read = msgspec.json.decode(path.read_bytes(), type=Shipped, strict=False)
        if read.made_with.terms == terms(exercise):
            return read
    return Shipped(Versions(), {}, (), ())


def terms(exercise: Exercise) -> Terms:
    """Return what numbers that are measured for an exercise hold for."""
    model, data = exercise.model, course_data()
    points = hashlib.sha256()
    for array in (data.X_train, data.Y_train, data.X_test, data.Y_test):
        points.update((np.round(array, 6) + 0.0).tobytes())  # the last digits may differ from machine to machine
    solution = hashlib.sha256("\0".join(_code(exercise.folder / "solution.ipynb")).encode())
    return Terms(model.layers, model.learning_rate, model.iterations, solution.hexdigest(), points.hexdigest())


def _code(path: Path) -> Iterator[str]:
    """Yield the code cells of the right answers, without what saving them again may change."""
    for cell in json.loads(path.read_bytes())["cells"]:
        if cell["cell_type"] == "code":
            yield "\n".join(line.rstrip() for line in "".join(cell["source"]).strip().splitlines())


def scaled(layers: tuple[int, ...], scale: float | None, seed: int = SEED, draw: str = "randn") -> Parameters:
    """Return weights drawn in the exercise's order, times `scale` or, for None, as He et al. (2015) scale them.

    Returns
    -------
    dict of str to ndarray
        ``W1`` of shape (n1, n0), ``b1`` zeros of shape (n1, 1), and so on.
    """
    return drawn(layers, HE if scale is None else lambda _n_prev, _n: scale, seed=seed, draw=draw)


def drawn(
    layers: tuple[int, ...],
    times: Times,
    *,
    seed: int = SEED,
    draw: str = "randn",
    again: bool = False,
    biases: bool = False,
) -> Parameters:
    """Return weights drawn in the exercise's order, times a factor a layer.

    With `again` the seed is set in every layer, with `biases` they are drawn as well, each after its weights.

    Returns
    -------
    dict of str to ndarray
        ``W1`` of shape (n1, n0), ``b1`` of shape (n1, 1), and so on.
    """
    rng = np.random.RandomState(seed)
    parameters = {}
    for layer, (n_prev, n) in enumerate(pairwise(layers), start=1):
        rng = np.random.RandomState(seed) if again else rng
        parameters[f"W{layer}"] = DRAWS[draw](rng, n, n_prev) * times(n_prev, n)
        parameters[f"b{layer}"] = rng.randn(n, 1) if biases else np.zeros((n, 1))
    return parameters


def is_measured(shipped: Shipped, start: Parameters, layers: tuple[int, ...]) -> bool:
    """Return whether a start is one that trainings are shipped for; also true where none are shipped."""
    scales = (0.0, None, *(point.scale for point in shipped.sweep)) if shipped.sweep else ()
    starts = [scaled(layers, scale) for scale in scales]
    return not starts or any(
        start.keys() == other.keys() and all(np.allclose(start[name], other[name], atol=0) for name in start)
        for other in starts
    )


def known(shipped: Shipped, exercise: Exercise) -> dict[str, str]:
    """Return the keys of the shipped trainings from the exercise's own draw, by what the draw is multiplied by."""
    layers, model = exercise.model.layers, exercise.model
    starts = {"weights of zero": scaled(layers, 0.0), "He's scale": scaled(layers, None)}
    keys = {name: start_key(start, model) for name, start in starts.items()}
    keys |= {f"x{point.scale:g}": point.start for point in shipped.sweep}
    return {name: key for name, key in keys.items() if key in shipped.trainings}


def make(exercise: Exercise) -> Shipped:
    """Train everything that is shipped: two minutes with the extra `fast`, an hour and more without."""
    data, model = course_data(), exercise.model
    steps = engine(data, model)
    trainings, points = {}, []
    for scale in (0.0, None, *SCALES):
        start = scaled(model.layers, scale)
        key = start_key(start, model)
        left = escape(start, data, model, ESCAPE_CAP, engine=steps)
        made = replace(train(start, data, model), escape=left, searched=ESCAPE_CAP)  # in NumPy, as the notebook does
        if made.regime == "plateau":
            made = replace(made, rates=faster(start, data, model, ESCAPE_CAP), rates_searched=ESCAPE_CAP)
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
        escapes=tuple(_escapes(data, model, spreads)),
        between=tuple(_between(data, model)),
    )


def versions(exercise: Exercise) -> Versions:
    """Return what measurements are made with here and today, and what they hold for."""
    return Versions(__version__, platform.python_version(), np.__version__, terms(exercise))


def mistakes(exercise: Exercise) -> dict[str, Any]:
    """Train what the most common mistakes give, by the key of the start; one that stays near ln 2 is left to be followed."""
    model = exercise.model
    starts = [drawn(model.layers, **mistake) for mistake in MISTAKES.values()]
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


def _escapes(data: Data, model: Model, spreads: Sequence[Spread]) -> Iterator[Escape]:
    """Yield when starts leave the plateau: by scale and depth, and for more seeds."""
    rows = [(Model(layers, DEPTHS_RATE, model.iterations), scale, SEED) for layers in DEPTHS for scale in DEPTHS_SCALES]

    def measured(row: tuple[Model, float, int]) -> Escape:
        network, scale, seed = row
        start = scaled(network.layers, scale, seed)
        left = escape(start, data, network, ESCAPE_CAP, engine=engine(data, network))
        return Escape(network.layers, network.learning_rate, scale, seed, left)

    yield from each(measured, rows, engine(data, model))
    for seed in MORE_SEEDS:
        for one in spreads:
            if one.scale in MORE_SCALES:
                yield Escape(model.layers, model.learning_rate, one.scale, seed, one.escapes[seed])


def _between(data: Data, model: Model) -> list[Escape]:
    """Return when starts at further scales leave the plateau."""
    steps = engine(data, model)

    def measured(row: tuple[float, int]) -> Escape:
        scale, seed = row
        left = escape(scaled(model.layers, scale, seed), data, model, ESCAPE_CAP, engine=steps)
        return Escape(model.layers, model.learning_rate, scale, seed, left)

    return each(measured, [(scale, seed) for scale in BETWEEN for seed in ESCAPE_SEEDS], steps)


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
    path.write_bytes(
        msgspec.json.format(msgspec.json.encode(plain(msgspec.to_builtins(make(exercise)))), indent=1) + b"\n"
    )
    return path


if __name__ == "__main__":
    sys.stdout.write(f"{main(*sys.argv[1:])}\n")
