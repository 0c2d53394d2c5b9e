"""How long 15,000 iterations take: as the notebook writes them, in our NumPy, in machine code, and the processor's limit.

Prints processor seconds of one run on one core, the best of several, and ratios; asserts nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from grader.exercise import fast, shipped
from grader.exercise.training import Model, Plain, course_data, each, escape, train

DATA, MODEL = course_data(), Model((2, 10, 5, 1), 0.01, 15_000)
START = shipped.scaled(MODEL.layers, None, 3)
# multiply-adds of a step: forward, gradients of weights, gradients passed back
PER_POINT = sum(n * p for p, n in ((2, 10), (10, 5), (5, 1))) * 2 + 10 * 5 + 5 * 1


def notebook() -> None:
    """The notebook's model(), operation by operation."""
    X, Y = DATA.X_train, DATA.Y_train
    parameters = {name: value.copy() for name, value in START.items()}
    m = X.shape[1]
    for _iteration in range(MODEL.iterations):
        W1, b1, W2, b2, W3, b3 = (parameters[f"{kind}{layer}"] for layer in (1, 2, 3) for kind in "Wb")
        z1 = np.dot(W1, X) + b1
        a1 = np.maximum(0, z1)
        z2 = np.dot(W2, a1) + b2
        a2 = np.maximum(0, z2)
        z3 = np.dot(W3, a2) + b3
        a3 = 1 / (1 + np.exp(-z3))
        logprobs = np.multiply(-np.log(a3), Y) + np.multiply(-np.log(1 - a3), 1 - Y)
        _ = 1.0 / m * np.nansum(logprobs)
        dz3 = 1.0 / m * (a3 - Y)
        gradients = {"dW3": np.dot(dz3, a2.T), "db3": np.sum(dz3, axis=1, keepdims=True)}
        da2 = np.dot(W3.T, dz3)
        dz2 = np.multiply(da2, np.int64(a2 > 0))
        gradients |= {"dW2": np.dot(dz2, a1.T), "db2": np.sum(dz2, axis=1, keepdims=True)}
        da1 = np.dot(W2.T, dz2)
        dz1 = np.multiply(da1, np.int64(a1 > 0))
        gradients |= {"dW1": np.dot(dz1, X.T), "db1": np.sum(dz1, axis=1, keepdims=True)}
        parameters = {name: value - MODEL.learning_rate * gradients[f"d{name}"] for name, value in parameters.items()}


def multiply_adds() -> None:
    """As many multiply-adds as 15,000 iterations need, as a product of matrices in NumPy's library."""
    n = 500
    a, b = np.ones((n, n)), np.ones((n, n))
    for _ in range(round(MODEL.iterations * DATA.X_train.shape[1] * PER_POINT / n**3)):
        a @ b


def seconds(run: Callable[[], object], rounds: int = 5) -> float:
    """The least processor time of several rounds."""
    best = float("inf")
    for _ in range(rounds):
        started = time.process_time()
        run()
        best = min(best, time.process_time() - started)
    return best


def main() -> None:
    rows = {
        "NumPy as the notebook writes it": notebook,
        "ours, pure NumPy": lambda: train(START, DATA, MODEL, engine=Plain(DATA, MODEL.learning_rate)),
    }
    if fast.available():
        steps = fast.engine(DATA, MODEL)
        started = time.process_time()
        train(START, DATA, Model(MODEL.layers, 0.01, 1), engine=steps)
        print(f"making machine code, once a process: {time.process_time() - started:.2f} s")
        rows["ours, machine code (extra fast)"] = lambda: train(START, DATA, MODEL, engine=steps)
    rows["as many multiply-adds in a matrix product"] = multiply_adds
    measured = {name: seconds(run, 3 if "code" not in name else 7) for name, run in rows.items()}
    base = measured["NumPy as the notebook writes it"]
    print(f"{'15,000 iterations on one core':45} {'s':>7} {'times as fast':>14}")
    for name, took in measured.items():
        print(f"{name:45} {took:7.3f} {base / took:14.1f}")
    if fast.available():
        starts = [shipped.scaled(MODEL.layers, 1.0, seed) for seed in range(64)]
        started = time.perf_counter()
        each(lambda start: train(start, DATA, MODEL, engine=steps), starts, steps)
        print(f"64 starts at once: {(time.perf_counter() - started) / 64:.3f} s a start")
        took = seconds(lambda: escape(shipped.scaled(MODEL.layers, 0.01, 3), DATA, MODEL, 1_000_000, engine=steps), 1)
        print(f"the end of the plateau of x0.01, 300,462 iterations: {took:.2f} s")


if __name__ == "__main__":
    main()
