"""The course's full model in NumPy: (LINEAR-ACTIVATION) x (L-1) - LINEAR-SIGMOID, full-batch gradient descent.

Readable on purpose, with the notebook's own order of operations, so that its printed costs come out digit for digit.
Runs no student code: it is given arrays.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, Protocol, TypeVar

import numpy as np

from grader.messages import say
from grader.records import Beginning, Boundary, Floats, PointSet, Regime, Trace, Training, TrainingRun

Parameters = Mapping[str, Floats]
Watch = Callable[[int], bool]
T = TypeVar("T")
U = TypeVar("U")

LN2 = math.log(2)  # the cost of answering 0.5 to everything
ESCAPED = 0.6  # a cost below it has left the plateau at ln 2
PRINT_EVERY = 1000  # the notebook prints the cost of every 1000th iteration
WATCHED = 300  # first steps of which each is asked whether it raised the cost
ROUNDING = 1e-12  # relative; a step on the plateau changes the cost by less than adding it up does
GRID = 64  # points a side of the boundary's grid
EDGE = {"circles": 1.5, "flower": 5.0}  # where the grid ends, by data set: about the limits of the notebook's own plot
Activation = Literal["relu", "tanh"]
CostSum = Literal["nansum", "sum"]


@dataclass(frozen=True, slots=True)
class Data:
    """Points and labels: X of shape (2, m), Y of shape (1, m), for training and for testing; m may be 0 for testing."""

    X_train: Floats
    Y_train: Floats
    X_test: Floats
    Y_test: Floats


CIRCLES, FLOWER = PointSet(), PointSet("flower", 400, 0)


@dataclass(frozen=True, slots=True, repr=False)
class Model:
    """What `model` in the notebook does: network, training and points.

    `hidden` is the activation of the hidden layers; the output is a sigmoid.  `cost` says how the notebook adds up the printed
    cost: `nansum` leaves out terms that are NaN, `sum` does not.
    """

    layers: tuple[int, ...]
    learning_rate: float
    iterations: int
    hidden: Activation = "relu"
    points: PointSet = CIRCLES
    cost: CostSum = "nansum"

    def __repr__(self) -> str:
        """Name the usual settings, and others where they differ: hashes of evidence that was stored before hold."""
        names = ["layers", "learning_rate", "iterations"]
        names += [] if self == self._usual() else ["hidden", "points", "cost"]
        return f"Model({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"

    def _usual(self) -> Model:
        return Model(self.layers, self.learning_rate, self.iterations)

    @property
    def identity(self) -> tuple[object, ...]:
        """What names a training; of what a setting was added for later, only what differs from the usual."""
        extra = () if self == self._usual() else (self.hidden, self.points, self.cost)
        return (self.layers, self.learning_rate, self.iterations, *extra)


@dataclass(frozen=True, slots=True)
class _Pass:
    """One forward and backward pass: activations by layer (X first) and gradients by parameter name."""

    activations: list[Floats]
    gradients: dict[str, Floats]


def circles(points: int, seed: int, noise: float = 0.05) -> tuple[Floats, Floats]:
    """Return the exercise's two rings, bit for bit those of scikit-learn's ``make_circles`` after ``np.random.seed``.

    Parameters
    ----------
    points : int
        Number of points m, half of them on each ring (radius 1, label 0; radius 0.8, label 1).
    seed : int
        Seed of the legacy generator that shuffles and adds the noise.
    noise : float
        Standard deviation of the normal noise added to both coordinates.

    Returns
    -------
    tuple of ndarray
        X of shape (2, m) and Y of shape (1, m).

    Notes
    -----
    Source: ``load_dataset`` in the course notebook's ``init_utils``.
    """
    rng = np.random.RandomState(seed)
    angles = np.linspace(0, 2 * np.pi, points // 2, endpoint=False)
    ring = np.array([np.cos(angles), np.sin(angles)])
    X = np.hstack([ring, 0.8 * ring]).T
    Y = np.repeat([0.0, 1.0], points // 2)
    order = np.arange(points)
    rng.shuffle(order)
    X, Y = X[order], Y[order]
    X = X + rng.normal(scale=noise, size=X.shape)
    return np.ascontiguousarray(X.T), Y.reshape(1, points)


def flower(points: int, seed: int) -> tuple[Floats, Floats]:
    """Return the petals of the course's exercise with one hidden layer, number for number, after ``np.random.seed``.

    Parameters
    ----------
    points : int
        Number of points m, half of them in each class.
    seed : int
        Seed of the legacy generator.

    Returns
    -------
    tuple of ndarray
        X of shape (2, m) and Y of shape (1, m).

    Notes
    -----
    Source: ``load_planar_dataset`` in ``planar_utils``.
    """
    rng, n, petals = np.random.RandomState(seed), points // 2, []
    for label in range(2):
        t = np.linspace(label * 3.12, (label + 1) * 3.12, n) + rng.randn(n) * 0.2
        r = 4 * np.sin(4 * t) + rng.randn(n) * 0.2
        petals.append(np.array([r * np.sin(t), r * np.cos(t)]))
    return np.hstack(petals), np.repeat([0.0, 1.0], n).reshape(1, points)


def course_data(points: PointSet = CIRCLES) -> Data:
    """Return the training points (seed 1) and test points (seed 2) of an exercise."""
    draw = {"circles": circles, "flower": flower}[points.data]
    nothing = np.zeros((2, 0)), np.zeros((1, 0))
    return Data(*draw(points.train, seed=1), *(draw(points.test, seed=2) if points.test else nothing))


def larger_rate(model: Model) -> float:
    """Return the learning rate at which runs that wait on the plateau are tried again: ten times the model's own."""
    return 10 * model.learning_rate


class Stopped(Exception):
    """The function that watches a training asked it to stop."""


class Engine(Protocol):
    """Takes steps of gradient descent on parameters, in place."""

    @property
    def parallel(self) -> bool:
        """Whether several can run at once on threads."""
        ...

    def advance(self, values: dict[str, Floats], steps: int) -> None:
        """Take `steps` steps of gradient descent."""
        ...

    def leave(self, values: dict[str, Floats], steps: int) -> int | None:
        """Take at most `steps` steps, stop where the cost is below 0.6, and return how many were taken; None if it never is."""
        ...


@dataclass(frozen=True, slots=True)
class Plain:
    """The steps in NumPy, in the notebook's own order of operations."""

    data: Data
    learning_rate: float
    hidden: Activation = "relu"
    parallel: bool = False

    def advance(self, values: dict[str, Floats], steps: int) -> None:
        """Take `steps` steps of gradient descent."""
        with np.errstate(all="ignore"):
            for _ in range(steps):
                _update(values, _step(values, self.data.X_train, self.data.Y_train, self.hidden), self.learning_rate)

    def leave(self, values: dict[str, Floats], steps: int) -> int | None:
        """Take at most `steps` steps, stop where the cost is below 0.6, and return how many were taken; None if it never is."""
        with np.errstate(all="ignore"):
            for taken in range(steps):
                step = _step(values, self.data.X_train, self.data.Y_train, self.hidden)
                if cost(step.activations[-1], self.data.Y_train) < ESCAPED:
                    return taken
                _update(values, step, self.learning_rate)
        return None


def moments(iterations: int) -> tuple[int, ...]:
    """Return the iterations that are traced: those that the notebook prints, the last, and 1, 2, 5, 10, … 500."""
    early = {digit * 10**power for power in range(3) for digit in (1, 2, 5)}
    return tuple(sorted(k for k in {*range(0, iterations, PRINT_EVERY), *early, iterations - 1} if 0 <= k < iterations))


def train(
    parameters: Parameters,
    data: Data,
    model: Model,
    *,
    engine: Engine | None = None,
    watch: Watch | None = None,
    end: dict[str, Floats] | None = None,
) -> Training:
    """Train the full model from the given initial parameters.

    Parameters
    ----------
    parameters : mapping of str to ndarray
        ``W1`` of shape (n1, n0), ``b1`` of shape (n1, 1) or broadcastable to it, and so on; left unchanged.
    data : Data
        The points to train on and to test with.
    model : Model
        Layer sizes, learning rate and number of iterations.
    engine : Engine, optional
        What takes the steps; by default NumPy.
    watch : callable, optional
        Told the iteration at least every 1,000; its True stops the training.
    end : dict, optional
        Filled with the parameters after the last step.

    Returns
    -------
    Training
        Accuracies as shares, costs in nats before the iteration's step; overflow and ``inf`` are results, not errors.

    Raises
    ------
    ValueError
        If the parameters do not have the model's shapes.
    Stopped
        If the watch said so.

    Notes
    -----
    Follows ``model`` in the course notebook, section 1, with the cost of ``compute_loss`` (``nansum / m``).
    """
    values = _copy(parameters, model.layers)
    steps = engine or Plain(data, model.learning_rate, model.hidden)
    with np.errstate(all="ignore"):
        weight_norms, distinct = _norms(values, "W"), _distinct(values)
        spread = tuple(float(np.std(a)) for a in _forward(values, data.X_train, model.hidden)[1:])
        without_biases = _without_biases(values, data, model.hidden)
    watched = min(WATCHED, model.iterations)
    raised = _raised({name: value.copy() for name, value in values.items()}, data, model.hidden, steps, watched)
    looks, at = [], 0
    for iteration in moments(model.iterations):
        steps.advance(values, iteration - at)
        looks.append(_look(values, data, model))
        at = iteration
        if watch is not None and watch(iteration):
            raise Stopped
    steps.advance(values, model.iterations - at)
    if end is not None:
        end.update(values)
    trace = Trace(moments(model.iterations), *zip(*looks, strict=True))
    costs = dict(zip(trace.iterations, trace.cost, strict=True))
    first, last = trace.cost[0], trace.cost[-1]
    printed = tuple(pair for pair in costs.items() if pair[0] % PRINT_EVERY == 0)
    with np.errstate(all="ignore"):
        outputs = _forward(values, data.X_train, model.hidden)[-1]
        train_accuracy = _accuracy(outputs, data.Y_train)
        tested = data.X_test.shape[1] > 0
        test_accuracy = _accuracy(_forward(values, data.X_test, model.hidden)[-1], data.Y_test) if tested else None
        boundary = _boundary(values, model) if len(data.X_train) == 2 else None
    # A printed cost leaves out terms that are NaN, or is NaN as soon as one is: the exact cost is neither.
    begun, ended = (trace.exact_cost[at] if math.isnan(trace.cost[at]) else trace.cost[at] for at in (0, -1))
    judged = ended if np.all(np.isfinite(outputs)) else math.nan
    return TrainingRun(
        train_accuracy=train_accuracy,
        test_accuracy=test_accuracy,
        cost_first=first,
        cost_14000=printed[-1][1] if len(printed) > 1 else last,
        cost_last=last,
        regime=regime(begun, judged, dead=not any(trace.gradient_norms[0]), symmetric=1 in distinct),
        costs=printed,
        gradient_norms=trace.gradient_norms[0],
        weight_norms=weight_norms,
        saturated=trace.saturated[0],
        trace=trace,
        boundary=boundary,
        spread=spread,
        distinct=distinct,
        raised=raised,
        watched=watched,
        outputs=(float(outputs.min()), float(outputs.max())),
        without_biases=without_biases,
    )


def escape(parameters: Parameters, data: Data, model: Model, cap: int, *, engine: Engine | None = None) -> int | None:
    """Return the first iteration whose cost is below 0.6, or None if none before `cap` is.

    Parameters are those of `train`; the number of iterations of `model` does not bound the search.
    """
    return (engine or Plain(data, model.learning_rate, model.hidden)).leave(_copy(parameters, model.layers), cap)


def each(run: Callable[[T], U], starts: Sequence[T], engine: Engine, workers: int | None = None) -> list[U]:
    """Call a function for every start, on all processors where the engine allows it, and return its results in order."""
    workers = min(len(starts), workers or os.cpu_count() or 1)
    if workers < 2 or not engine.parallel:
        return [run(start) for start in starts]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(run, starts))


def regime(cost_first: float, cost_last: float, *, dead: bool, symmetric: bool) -> Regime:
    """Return the name of what a training did, which is the first description that fits."""
    rules: tuple[tuple[Regime, bool], ...] = (
        ("dead", dead),
        ("symmetric", symmetric),
        ("diverged", math.isnan(cost_first) or math.isnan(cost_last) or cost_last > cost_first),
        ("plateau", abs(cost_first - LN2) < 0.05 and cost_last > 0.99 * LN2),
        ("saturated", cost_first > 3 * LN2 and cost_last > 0.3),
        ("healthy", cost_last <= 0.3),
        ("slow", True),
    )
    return next(name for name, fits in rules if fits)


def cost(A: Floats, Y: Floats, total: CostSum = "nansum") -> float:
    """Return the cross-entropy as the notebook prints it: with `nansum`, terms that are NaN are left out of the sum."""
    terms = np.multiply(-np.log(A), Y) + np.multiply(-np.log(1 - A), 1 - Y)
    return float(1.0 / Y.shape[1] * (np.nansum(terms) if total == "nansum" else np.sum(terms)))


def _look(values: dict[str, Floats], data: Data, model: Model) -> tuple[Any, ...]:
    """Return the entries of a trace, in the order of its fields."""
    with np.errstate(all="ignore"):
        step = _step(values, data.X_train, data.Y_train, model.hidden)
        *hidden, A = step.activations[1:]
        return (
            cost(A, data.Y_train, model.cost),
            _exact_cost(values, step.activations, data.Y_train),
            _norms(step.gradients, "dW"),
            tuple(_dead(a, model.hidden) for a in hidden),
            _saturated(A),
        )


def _dead(A: Floats, hidden: Activation) -> float:
    """Return the share of units that answer 0 to every point; only a ReLU stays so, and gets no gradient."""
    return float(np.mean(~np.any(A > 0, axis=1))) if hidden == "relu" else 0.0


def _without_biases(values: dict[str, Floats], data: Data, hidden: Activation) -> Beginning[float] | None:
    """Return the same weights with biases of zero before their first step; None where all biases are zero."""
    if not any(np.any(value) for name, value in values.items() if name.startswith("b")):
        return None
    weights = {name: np.zeros_like(value) if name.startswith("b") else value for name, value in values.items()}
    step = _step(weights, data.X_train, data.Y_train, hidden)
    return Beginning(_norms(step.gradients, "dW"), _saturated(step.activations[-1]))


def _saturated(A: Floats) -> float:
    return float(np.mean(np.abs(A - 0.5) > 0.499))


def _update(values: dict[str, Floats], step: _Pass, learning_rate: float) -> None:
    for name, gradient in step.gradients.items():
        values[name[1:]] -= learning_rate * gradient


def _step(values: dict[str, Floats], X: Floats, Y: Floats, hidden: Activation) -> _Pass:
    activations = _forward(values, X, hidden)
    L, m = len(values) // 2, X.shape[1]
    gradients: dict[str, Floats] = {}
    dZ = 1.0 / m * (activations[-1] - Y)
    for layer in range(L, 0, -1):
        gradients[f"dW{layer}"] = dZ @ activations[layer - 1].T
        gradients[f"db{layer}"] = dZ.sum(axis=1, keepdims=True)
        if layer > 1:
            dA = values[f"W{layer}"].T @ dZ
            A = activations[layer - 1]
            dZ = dA * ((A > 0) if hidden == "relu" else 1 - np.power(A, 2))
    return _Pass(activations, gradients)


def _forward(values: dict[str, Floats], X: Floats, hidden: Activation) -> list[Floats]:
    """Return the activations of every layer, X first and the sigmoid output last."""
    L = len(values) // 2
    activations = [X]
    for layer in range(1, L + 1):
        Z = values[f"W{layer}"] @ activations[-1] + values[f"b{layer}"]
        activations.append(1 / (1 + np.exp(-Z)) if layer == L else np.maximum(0, Z) if hidden == "relu" else np.tanh(Z))
    return activations


def _accuracy(outputs: Floats, Y: Floats) -> float:
    """Return the share of points on the right side of 0.5."""
    return float(np.mean((outputs > 0.5) == (Y > 0.5)))


def _norms(values: Mapping[str, Floats], kind: str) -> tuple[float, ...]:
    """Return the Frobenius norm of every array whose name is `kind` and a layer number, first layer first."""
    layers = range(1, len(values) // 2 + 1)
    return tuple(float(np.linalg.norm(values[f"{kind}{layer}"])) for layer in layers)


def _exact_cost(values: dict[str, Floats], activations: list[Floats], Y: Floats) -> float:
    """Return the cross-entropy from the output's Z, in softplus form: finite where its logarithm is that of 0."""
    L = len(values) // 2
    Z = values[f"W{L}"] @ activations[L - 1] + values[f"b{L}"]
    return float(np.mean(np.maximum(Z, 0) - Z * Y + np.log1p(np.exp(-np.abs(Z)))))


def _raised(values: dict[str, Floats], data: Data, hidden: Activation, engine: Engine, steps: int) -> int:
    """Take so many steps and return how many of them made the exact cost larger, by more than rounding does."""
    costs = []
    with np.errstate(all="ignore"):
        for step in range(steps + 1):
            engine.advance(values, min(step, 1))
            costs.append(_exact_cost(values, _forward(values, data.X_train, hidden), data.Y_train))
    return sum(after > before * (1 + ROUNDING) for before, after in pairwise(costs))


def _distinct(values: dict[str, Floats]) -> tuple[int, ...]:
    """Return how many units of each hidden layer differ from each other, inside or out.

    Where it is 1 the layer's units are symmetric: they get the same gradients and can never become different.
    """

    def units(layer: int) -> Floats:
        return np.hstack([values[f"W{layer}"], values[f"b{layer}"], values[f"W{layer + 1}"].T])

    return tuple(len(np.unique(units(layer), axis=0)) for layer in range(1, len(values) // 2))


def _boundary(values: dict[str, Floats], model: Model) -> Boundary:
    """Return where the model answers 1, on a grid over the plane of the first two inputs."""
    edge = EDGE[model.points.data]
    line = np.linspace(-edge, edge, GRID)
    x, y = np.meshgrid(line, line[::-1])
    points = np.array([x.ravel(), y.ravel()])
    answers = _forward(values, points, model.hidden)[-1].reshape(GRID, GRID) > 0.5
    return Boundary(-edge, edge, tuple(bytes(row).hex() for row in np.packbits(answers, axis=1)))


def _copy(parameters: Parameters, layers: tuple[int, ...]) -> dict[str, Floats]:
    """Return float64 copies with exactly the model's shapes; a bias may be anything NumPy stretches to a column."""
    values: dict[str, Floats] = {}
    for layer, (n_prev, n) in enumerate(pairwise(layers), start=1):
        W = np.array(parameters[f"W{layer}"], dtype=np.float64)
        if W.shape != (n, n_prev):
            problem = say("exercise.training.shape", name=f"W{layer}", shape=str(W.shape), wanted=str((n, n_prev)))
            raise ValueError(problem)
        values[f"W{layer}"] = W
        b = parameters[f"b{layer}"]
        try:
            values[f"b{layer}"] = np.array(np.broadcast_to(b, (n, 1)), dtype=np.float64)
        except ValueError:
            shape, wanted = str(np.shape(b)), str((n, 1))
            raise ValueError(say("exercise.training.shape", name=f"b{layer}", shape=shape, wanted=wanted)) from None
    return values
