"""The course's full model in NumPy: (LINEAR-RELU) x (L-1) - LINEAR-SIGMOID, full-batch gradient descent.

Readable on purpose, with the notebook's own order of operations, so that its printed costs come out digit for digit.
Runs no student code: it is given arrays.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from grader.records import Regime, Training

Floats = NDArray[np.float64]
Parameters = Mapping[str, Floats]

LN2 = math.log(2)  # the cost of answering 0.5 to everything
ESCAPED = 0.6  # a cost below it has left the plateau at ln 2
PRINT_EVERY = 1000  # the notebook prints the cost of every 1000th iteration


@dataclass(frozen=True, slots=True)
class Data:
    """Points and labels: X of shape (2, m), Y of shape (1, m), for training and for testing."""

    X_train: Floats
    Y_train: Floats
    X_test: Floats
    Y_test: Floats


@dataclass(frozen=True, slots=True)
class Model:
    """What `model` in the notebook is called with."""

    layers: tuple[int, ...]
    learning_rate: float
    iterations: int


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


def course_data() -> Data:
    """Return the exercise's 300 training points (seed 1) and 100 test points (seed 2)."""
    return Data(*circles(300, seed=1), *circles(100, seed=2))


def train(parameters: Parameters, data: Data, model: Model) -> Training:
    """Train the full model from the given initial parameters.

    Parameters
    ----------
    parameters : mapping of str to ndarray
        ``W1`` of shape (n1, n0), ``b1`` of shape (n1, 1) or broadcastable to it, and so on; left unchanged.
    data : Data
        The points to train on and to test with.
    model : Model
        Layer sizes, learning rate and number of iterations.

    Returns
    -------
    Training
        Accuracies as shares, costs in nats before the iteration's step; overflow and ``inf`` are results, not errors.

    Raises
    ------
    ValueError
        If the parameters do not have the model's shapes.

    Notes
    -----
    Follows ``model`` in the course notebook, section 1, with the cost of ``compute_loss`` (``nansum / m``).
    """
    values = _copy(parameters, model.layers)
    with np.errstate(all="ignore"):
        first = _step(values, data.X_train, data.Y_train)
        gradient_norms = _norms(first.gradients, "dW")
        weight_norms = _norms(values, "W")
        symmetric = _symmetric(values)
        saturated = float(np.mean(np.abs(first.activations[-1] - 0.5) > 0.499))
        costs = _descend(values, data, model)
        train_accuracy = _accuracy(values, data.X_train, data.Y_train)
        test_accuracy = _accuracy(values, data.X_test, data.Y_test)
    by_iteration = dict(costs)
    cost_first, cost_last = costs[0][1], costs[-1][1]
    return Training(
        train_accuracy=train_accuracy,
        test_accuracy=test_accuracy,
        cost_first=cost_first,
        cost_14000=by_iteration.get(14_000, cost_last),
        cost_last=cost_last,
        regime=regime(cost_first, cost_last, dead=not any(gradient_norms), symmetric=symmetric),
        costs=tuple(pair for pair in costs if pair[0] % PRINT_EVERY == 0),
        gradient_norms=gradient_norms,
        weight_norms=weight_norms,
        saturated=saturated,
    )


def escape(parameters: Parameters, data: Data, model: Model, cap: int) -> int | None:
    """Return the first iteration whose cost is below 0.6, or None if none up to `cap` is.

    Parameters are those of `train`; the number of iterations of `model` does not bound the search.
    """
    values = _copy(parameters, model.layers)
    with np.errstate(all="ignore"):
        for iteration in range(cap):
            step = _step(values, data.X_train, data.Y_train)
            if cost(step.activations[-1], data.Y_train) < ESCAPED:
                return iteration
            _update(values, step, model.learning_rate)
    return None


def regime(cost_first: float, cost_last: float, *, dead: bool, symmetric: bool) -> Regime:
    """Name what a training did: the first description that fits."""
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


def cost(A: Floats, Y: Floats) -> float:
    """Return the cross-entropy as the notebook's ``compute_loss`` does: terms that are NaN are left out of the sum."""
    terms = np.multiply(-np.log(A), Y) + np.multiply(-np.log(1 - A), 1 - Y)
    return float(1.0 / Y.shape[1] * np.nansum(terms))


def _descend(values: dict[str, Floats], data: Data, model: Model) -> list[tuple[int, float]]:
    """Take every step in place; return (iteration, cost) where the notebook prints, and at the last iteration."""
    costs = []
    for iteration in range(model.iterations):
        step = _step(values, data.X_train, data.Y_train)
        if iteration % PRINT_EVERY == 0 or iteration == model.iterations - 1:
            costs.append((iteration, cost(step.activations[-1], data.Y_train)))
        _update(values, step, model.learning_rate)
    return costs


def _update(values: dict[str, Floats], step: _Pass, learning_rate: float) -> None:
    for name, gradient in step.gradients.items():
        values[name[1:]] -= learning_rate * gradient


def _step(values: dict[str, Floats], X: Floats, Y: Floats) -> _Pass:
    activations = _forward(values, X)
    L, m = len(values) // 2, X.shape[1]
    gradients: dict[str, Floats] = {}
    dZ = 1.0 / m * (activations[-1] - Y)
    for layer in range(L, 0, -1):
        gradients[f"dW{layer}"] = dZ @ activations[layer - 1].T
        gradients[f"db{layer}"] = dZ.sum(axis=1, keepdims=True)
        if layer > 1:
            dA = values[f"W{layer}"].T @ dZ
            dZ = dA * (activations[layer - 1] > 0)
    return _Pass(activations, gradients)


def _forward(values: dict[str, Floats], X: Floats) -> list[Floats]:
    """Return the activations of every layer, X first and the sigmoid output last."""
    L = len(values) // 2
    activations = [X]
    for layer in range(1, L + 1):
        Z = values[f"W{layer}"] @ activations[-1] + values[f"b{layer}"]
        activations.append(1 / (1 + np.exp(-Z)) if layer == L else np.maximum(0, Z))
    return activations


def _accuracy(values: dict[str, Floats], X: Floats, Y: Floats) -> float:
    """Return the share of points on the right side of 0.5."""
    return float(np.mean((_forward(values, X)[-1] > 0.5) == (Y > 0.5)))


def _norms(values: Mapping[str, Floats], kind: str) -> tuple[float, ...]:
    """Return the Frobenius norm of every array whose name is `kind` and a layer number, first layer first."""
    layers = range(1, len(values) // 2 + 1)
    return tuple(float(np.linalg.norm(values[f"{kind}{layer}"])) for layer in layers)


def _symmetric(values: dict[str, Floats]) -> bool:
    """Return whether a hidden layer's units start the same, inside and out: then they can never become different."""

    def same(array: Floats) -> bool:
        return bool(np.all(array == array[:1]))

    hidden = range(1, len(values) // 2)
    return any(
        same(values[f"W{layer}"]) and same(values[f"b{layer}"]) and same(values[f"W{layer + 1}"].T) for layer in hidden
    )


def _copy(parameters: Parameters, layers: tuple[int, ...]) -> dict[str, Floats]:
    """Return float64 copies with exactly the model's shapes; a bias may be anything NumPy stretches to a column."""
    values: dict[str, Floats] = {}
    for layer, (n_prev, n) in enumerate(pairwise(layers), start=1):
        W = np.array(parameters[f"W{layer}"], dtype=np.float64)
        if W.shape != (n, n_prev):
            problem = f"W{layer} has the shape {W.shape}; the model needs {(n, n_prev)}"
            raise ValueError(problem)
        values[f"W{layer}"] = W
        values[f"b{layer}"] = np.array(np.broadcast_to(parameters[f"b{layer}"], (n, 1)), dtype=np.float64)
    return values
