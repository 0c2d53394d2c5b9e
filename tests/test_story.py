"""Stories against the facts they tell: over scales, seeds and odd starts, and a few per cent to either side of every border."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from grader import exercise as exercises
from grader.checks import CHECKS
from grader.evidence import FunctionEvidence
from grader.pipeline import Pipeline
from grader.records import Array, Evidence, Function, FunctionResult, Notebook, Outcome, Place, Result, Training

EXERCISE = exercises.load(checks=CHECKS)
TASKS = {task.short: task for task in EXERCISE.tasks}
Init = Callable[[list[int]], dict[str, object]]


@pytest.fixture(scope="module")
def pipeline() -> Iterator[Pipeline]:
    with Pipeline(EXERCISE, b"a secret") as one:
        yield one


def drawn(
    factor: Callable[[int, int, int], float], *, seed: int | None = 3, draw: str = "randn", biases: str = "zeros"
) -> Init:
    """Return an initializer: numbers of a seed, times a factor of fan-in, fan-out and layer."""

    def init(layers: list[int]) -> dict[str, object]:
        if seed is not None:
            np.random.seed(seed)
        parameters: dict[str, object] = {}
        for layer in range(1, len(layers)):
            n, n_prev = layers[layer], layers[layer - 1]
            parameters[f"W{layer}"] = getattr(np.random, draw)(n, n_prev) * factor(n_prev, n, layer)
            parameters[f"b{layer}"] = getattr(np, biases)((n, 1)) if biases == "zeros" else np.random.randn(n, 1)
        return parameters

    return init


def constant(value: float) -> Init:
    """Return an initializer that makes every weight the same."""

    def init(layers: list[int]) -> dict[str, object]:
        shapes = zip(layers[1:], layers, strict=False)
        made = [(np.full(shape, value), np.zeros((shape[0], 1))) for shape in shapes]
        return {f"{kind}{at}": arrays[kind == "b"] for at, arrays in enumerate(made, start=1) for kind in "Wb"}

    return init


def scale(number: float, **how: object) -> Init:
    return drawn(lambda *_: number, **how)  # type: ignore[arg-type]


def he(c: float = 2.0, **how: object) -> Init:
    return drawn(lambda n_in, *_: float(np.sqrt(c / n_in)), **how)  # type: ignore[arg-type]


def transposed(layers: list[int]) -> dict[str, object]:
    return {name: np.transpose(value) if name[0] == "W" else value for name, value in scale(10.0)(layers).items()}


def told(
    pipeline: Pipeline, init: Init, short: str, change: Callable[[Training], Training] | None = None
) -> FunctionResult:
    """Return what is told of an initializer, run here as the sandbox would run it."""
    task = TASKS[short]
    function = Function(task.name, "found", place=Place(1, 2))
    outcomes = []
    for call in pipeline.gatherer.calls(function, task):
        np.random.seed(call.ambient_seed)
        arrays = {name: Array.of(value) for name, value in init(list(call.layers)).items()}
        outcomes.append(Outcome(call, "returned", arrays))
    training, fault = pipeline.gatherer._train(outcomes)
    if change and training:
        training = change(training)
    one = FunctionEvidence(function, tuple(outcomes), training, fault)
    functions = {name: replace(pipeline.asked[name].recovered.evidence) for name in EXERCISE.names} | {task.name: one}
    evidence = Evidence(Notebook("a.ipynb", "", "ok"), functions, EXERCISE.name, EXERCISE.sha256, (), "", "")
    result: Result = pipeline.judge(evidence)
    return result.functions[task.name]
