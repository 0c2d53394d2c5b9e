"""Measures what answers students' questions about the exercise, and writes asides.json.

    python -m grader.precompute.asides

writes reference/<name>/asides.json (a minute with the extra `fast`).  For the course's own exercise it has the two earlier
ones: the one with a single hidden layer, on its own points, and the one with four layers. The pictures of that one may not be
shipped, so made-up pictures of the same size take their place.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from grader.exercise import load as exercises
from grader.exercise.asides import (
    FILE,
    STRETCHED,
    XAVIER_LAST,
    Asides,
    Earlier,
    Moved,
    Patient,
    Signal,
    Start,
    Variant,
    Width,
)
from grader.exercise.fast import engine
from grader.exercise.load import Exercise
from grader.exercise.shipped import SMALL, required_seed, scaled, solution_scales
from grader.exercise.training import FLOWER as PETALS
from grader.exercise.training import WATCHED, Data, Model, Parameters, cost, course_data, each, escape, train
from grader.precompute.parts import FULL, Part, Plan, finish, measure, save
from grader.precompute.trainings import FLOWER, has_earlier, versions
from grader.records import Floats

PATIENCE = 350_000  # iterations
WIDER = (1, 10, 100)
MOST_WEIGHTS = 5_000_000  # of a wider network: more take gigabytes
SIGNAL_UNITS, SIGNAL_LAYERS, SIGNAL_POINTS = 500, 10, 500
PICTURES = Model((12_288, 20, 7, 5, 1), 0.0075, 2_500)  # the course's earlier exercise with four layers
PICTURES_CAP = 100_000
PICTURES_STEPS = 2_000_000  # of the exercise's own size, which take about as long
POINTS, CATS, PATTERNS = 209, 0.344, 8  # as many pictures as that exercise has, and its share of cats; made-up patterns


def parts(exercise: Exercise, plan: Plan = FULL) -> tuple[Part, ...]:
    """Return what is measured, in parts."""
    model, seed, seeds = exercise.model, required_seed(exercise), range(plan.seeds)
    run = model.iterations + WATCHED
    networks = [replace(model, layers=layers) for layers in widths(model.layers)]
    return (
        Part("other starts", tuple[Start, ...], 2 * run, lambda: tuple(measure_starts(model, seed))),
        Part("patient start", Patient, PATIENCE, partial(_patient, model, seed)),
        Part("other draws", tuple[Variant, ...], 2 * run * len(seeds), lambda: tuple(_variants(model, seeds))),
        *(
            Part(f"another order {scale}", Moved, 2 * run * len(seeds), partial(_moved, model, scale, seed, seeds))
            for scale in _moved_scales(exercise)
        ),
        Part("shifted draws", tuple[float, float], 1, partial(measure_shifted, seed, _asked(exercise))),
        Part(
            "wider networks",
            tuple[Width, ...],
            run,
            lambda: tuple(measure_width(network, seed) for network in networks),
        ),
        Part("signals", tuple[Signal, ...], run, lambda: tuple(_signals(seed))),
        *(
            Part(f"flower {rate}", Earlier, FLOWER.iterations, partial(flower, rate))
            for rate in _flower_rates(exercise)
        ),
        *(
            Part(f"pictures {factor}", Earlier, PICTURES_STEPS, partial(pictures, factor))
            for factor in _pictures_factors(exercise)
        ),
    )


def gathered(exercise: Exercise, results: Mapping[str, Any]) -> Asides:
    """Return all that asides.json holds, from the results of the parts."""
    return Asides(
        results["other starts"],
        results["patient start"],
        results["other draws"],
        tuple(results[f"another order {scale}"] for scale in _moved_scales(exercise)),
        results["shifted draws"],
        results["wider networks"],
        results["signals"],
        tuple(results[f"flower {rate}"] for rate in _flower_rates(exercise)),
        tuple(results[f"pictures {factor}"] for factor in _pictures_factors(exercise)),
        versions(exercise),
    )


def _asked(exercise: Exercise) -> float:
    return next(iter(solution_scales(exercise)), 1.0)


def _moved_scales(exercise: Exercise) -> tuple[float | None, ...]:
    return tuple(dict.fromkeys((None, SMALL, *solution_scales(exercise))))


def _flower_rates(exercise: Exercise) -> tuple[float, ...]:
    return (FLOWER.learning_rate, exercise.model.learning_rate) if has_earlier(exercise) else ()


def _pictures_factors(exercise: Exercise) -> tuple[str, ...]:
    return (f"{SMALL:g}", "1/sqrt(n)") if has_earlier(exercise) else ()


def measure_starts(model: Model, seed: int) -> Iterator[Start]:
    """Train from weights and biases that are all alike or drawn in other ways, and yield how each training ends."""
    drawn, rng = scaled(model.layers, 1.0, seed), np.random.RandomState(seed)
    weights = {name: value for name, value in drawn.items() if name.startswith("W")}
    biases = {name: value for name, value in drawn.items() if name.startswith("b")}
    constant = {name: np.full(value.shape, 0.5) for name, value in weights.items()}
    zeros = {name: np.zeros(value.shape) for name, value in weights.items()}
    random = {name: rng.randn(*value.shape) for name, value in biases.items()}
    for name, start in (("every weight 0.5", constant | biases), ("weights 0, random biases", zeros | random)):
        run = train(start, course_data(model.points), model, engine=engine(course_data(model.points), model))
        yield Start(name, run.train_accuracy, run.test_accuracy, run.cost_first, run.cost_last, run.regime)


def _patient(model: Model, seed: int) -> Patient:
    longer, data = replace(model, iterations=PATIENCE), course_data(model.points)
    run = train(scaled(model.layers, SMALL, seed), data, longer, engine=engine(data, longer))
    return Patient(SMALL, PATIENCE, run.train_accuracy, run.test_accuracy)


def _variants(model: Model, seeds: Sequence[int]) -> Iterator[Variant]:
    data, steps = course_data(model.points), engine(course_data(model.points), model)

    def shares(start: Callable[[int], Parameters]) -> tuple[float, ...]:
        def share_at(seed: int) -> float:
            return train(start(seed), data, model, engine=steps).train_accuracy

        return tuple(each(share_at, seeds, steps))

    def stretched(seed: int) -> Parameters:
        start = scaled(model.layers, None, seed, "rand")
        return {name: value * np.sqrt(12) for name, value in start.items()}

    def xavier_last(seed: int) -> Parameters:
        start, last = scaled(model.layers, None, seed), f"W{len(model.layers) - 1}"
        return {**start, last: start[last] / np.sqrt(2)}

    yield Variant(STRETCHED, shares(stretched))
    yield Variant(XAVIER_LAST, shares(xavier_last))


def _moved(model: Model, scale: float | None, seed: int, seeds: Sequence[int]) -> Moved:
    data = course_data(model.points)
    order = np.random.RandomState(seed).permutation(data.X_train.shape[1])
    other = Data(data.X_train[:, order].copy(), data.Y_train[:, order].copy(), data.X_test, data.Y_test)
    steps = [(points, engine(points, model)) for points in (data, other)]

    def apart(seed: int) -> float:
        start = scaled(model.layers, scale, seed)
        before, after = (train(start, points, model, engine=engine).train_accuracy for points, engine in steps)
        return abs(before - after)

    differences = each(apart, seeds, steps[0][1])
    return Moved(scale, len(differences), sum(difference > 0 for difference in differences), max(differences))


def measure_shifted(seed: int, scale: float) -> tuple[float, float]:
    """Return one weight of W2 as the exercise draws it, and as it is if the biases draw from the same generator."""
    rng = np.random.RandomState(seed)
    rng.randn(2, 3)
    rng.randn(2, 1)  # the biases take these
    return float(scaled((3, 2, 1), scale, seed)["W2"][0, 0]), float(rng.randn(1, 2)[0, 0] * scale)


def widths(layers: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """Return the network as it is, and with ten and a hundred times as many hidden units where memory allows it."""
    first, *hidden, last = layers
    networks = [(first, *(units * times for units in hidden), last) for times in WIDER]
    sizes = [sum(n_prev * n for n_prev, n in pairwise(network)) for network in networks]
    return tuple(network for at, network in enumerate(networks) if at < 2 or sizes[at] <= MOST_WEIGHTS)


def measure_width(model: Model, seed: int) -> Width:
    """Return the first costs of a network, by scale."""

    def first(scale: float | None) -> float:
        start = scaled(model.layers, scale, seed)
        return train(start, course_data(model.points), replace(model, iterations=1)).trace.exact_cost[0]

    return Width(model.layers, first(1.0), first(None))


def _signals(seed: int) -> Iterator[Signal]:
    n = SIGNAL_UNITS
    for factor, times in (("sqrt(2/n)", np.sqrt(2 / n)), ("sqrt(1/n)", np.sqrt(1 / n)), ("2/n", 2 / n)):
        rng, sizes = np.random.RandomState(seed), []
        A = rng.randn(n, SIGNAL_POINTS)
        for _ in range(SIGNAL_LAYERS):
            A = np.maximum(0, rng.randn(n, n) * times @ A)
            sizes.append(float(np.sqrt(np.mean(A**2))))
        yield Signal(factor, tuple(sizes))


def flower(rate: float) -> Earlier:
    """Train the network with one hidden layer, 4 tanh units, from its own start (seed 2, scale 0.01) with a learning rate.

    Notes
    -----
    Follows ``nn_model`` of that exercise; it prints a cost of 0.693048 at iteration 0 and 0.218607 at 9,000.
    """
    petals = course_data(PETALS)
    X, Y = petals.X_train, petals.Y_train
    m, rng = X.shape[1], np.random.RandomState(2)
    W1, b1 = rng.randn(4, 2) * SMALL, np.zeros((4, 1))
    W2, b2 = rng.randn(1, 4) * SMALL, np.zeros((1, 1))
    costs = []
    for _ in range(FLOWER.iterations):
        A1 = np.tanh(W1 @ X + b1)
        A2 = 1 / (1 + np.exp(-(W2 @ A1 + b2)))
        costs.append(cost(A2, Y))
        dZ2 = A2 - Y
        dZ1 = W2.T @ dZ2 * (1 - A1**2)
        W2, b2 = W2 - rate * (dZ2 @ A1.T / m), b2 - rate * dZ2.mean(axis=1, keepdims=True)
        W1, b1 = W1 - rate * (dZ1 @ X.T / m), b1 - rate * dZ1.mean(axis=1, keepdims=True)
    answers = W2 @ np.tanh(W1 @ X + b1) + b2 > 0
    left = next((iteration for iteration, value in enumerate(costs) if value < 0.6), None)
    accuracy = float(np.mean(answers == (Y > 0.5)))
    return Earlier(f"{SMALL:g}", rate, FLOWER.iterations, accuracy, costs[0], costs[-1], left, FLOWER.iterations)


def made_up_pictures() -> tuple[Floats, Floats]:
    """Return X of shape (12288, 209), between 0 and 1, and Y of shape (1, 209): coarse patterns that decide the label."""
    rng = np.random.RandomState(1)
    patterns = np.array([np.kron(rng.randn(4, 4, 3), np.ones((16, 16, 1))).ravel() for _ in range(PATTERNS)])
    amounts = rng.randn(POINTS, PATTERNS)
    X = np.clip(0.45 + 0.1 * amounts @ patterns + 0.05 * rng.randn(POINTS, PICTURES.layers[0]), 0, 1).T
    score = amounts[:, 0] + 0.5 * amounts[:, 1]
    return X, (score > np.quantile(score, 1 - CATS)).astype(float).reshape(1, POINTS)


def pictures(factor: str) -> Earlier:
    """Train the network with four layers on made-up pictures, with its learning rate, from weights times a factor.

    The pictures are turned into the 209 directions that they span, and W1 with them: no output and no gradient changes by
    it, and a step costs a hundredth.
    """
    X, Y = made_up_pictures()
    start, rng = {}, np.random.RandomState(1)
    for layer, (n_prev, n) in enumerate(pairwise(PICTURES.layers), start=1):
        start[f"W{layer}"] = rng.randn(n, n_prev) * (1 / np.sqrt(n_prev) if factor == "1/sqrt(n)" else SMALL)
        start[f"b{layer}"] = np.zeros((n, 1))
    Q, R = np.linalg.qr(X)
    start["W1"] = start["W1"] @ Q
    data = Data(R, Y, R, Y)
    model = Model((POINTS, *PICTURES.layers[1:]), PICTURES.learning_rate, PICTURES.iterations)
    run = train(start, data, model)
    left = escape(start, data, model, PICTURES_CAP)
    return Earlier(
        factor,
        model.learning_rate,
        model.iterations,
        run.train_accuracy,
        run.cost_first,
        run.cost_last,
        left,
        PICTURES_CAP,
        run.spread,
        run.gradient_norms,
    )


def main(name: str = exercises.DEFAULT) -> Path:
    """Measure an exercise and write its file asides.json."""
    exercise = exercises.load(name)
    path = save(exercise.folder / FILE, gathered(exercise, measure(exercise, parts(exercise), FULL)))
    finish(exercise.folder)
    return path


if __name__ == "__main__":
    sys.stdout.write(f"{main(*sys.argv[1:])}\n")
