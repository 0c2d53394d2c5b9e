"""The trainings that are shipped with an exercise, read only; `grader.precompute.trainings` makes the file."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec
import numpy as np

from grader.errors import ExerciseError
from grader.exercise.load import Exercise
from grader.exercise.starts import Cache, Waits, start_key
from grader.exercise.training import Model, Parameters, course_data
from grader.messages import say
from grader.records import Floats

T = TypeVar("T")

FILE = "trainings.json"
SMALL = 0.01  # the scale of the "small random numbers" that courses advise
TENTHS = (1.0, 0.1, 0.01, 0.001)  # scales whose waits are compared by depth
SCALES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
ESCAPE_CAP = 4_000_000  # iterations; scale 0.01 needs 300,000, scale 0.001 ten times as many
ESCAPE_SEEDS = range(6)
BETWEEN = (0.002, 0.005, 0.02, 0.05, 0.2)  # further scales that students type, in addition to the sweep
DRAWS: dict[str, Callable[[np.random.RandomState, int, int], Floats]] = {  # by name: a draw of shape (n, n_prev)
    "randn": lambda rng, n, n_prev: rng.randn(n, n_prev),
    "rand": lambda rng, n, n_prev: rng.rand(n, n_prev),
    "narrow": lambda rng, n, n_prev: rng.rand(n, n_prev) - 0.5,  # rand's spread, around 0
    "centred": lambda rng, n, n_prev: (rng.rand(n, n_prev) - 0.5) * np.sqrt(12),  # randn's spread, around 0
}
Times = Callable[[int, int], float]  # the factor of a layer's weights, from the sizes before and of the layer
HE: Times = lambda n_prev, _n: float(np.sqrt(2 / n_prev))  # noqa: E731  # a rule like those below


class Point(msgspec.Struct, frozen=True):
    """One scale of the sweep: its training by key, and the first iteration with a cost below 0.6 (None: not by the cap)."""

    scale: float
    start: str
    escape: int | None


class Setting(msgspec.Struct, frozen=True):
    """How one network trains at one learning rate, if its initial weights are random draws times `scale`.

    `over_seeds` are the train accuracies of the seeds 0, 1, 2, … after `iterations`, `escapes` the first iterations with a cost
    below 0.6 of the same runs, None where there is none.
    """

    layers: tuple[int, ...]
    learning_rate: float
    scale: float
    train_accuracy: float
    test_accuracy: float | None
    cost_last: float
    iterations: int = 0
    over_seeds: tuple[float, ...] = ()
    escapes: tuple[int | None, ...] = ()


class Spread(msgspec.Struct, frozen=True, omit_defaults=True):
    """The accuracies and last costs of one scale over the seeds 0, 1, 2, …; scale None is He's rule.

    `escapes` are the first iterations with a cost below 0.6 of the first few seeds, None where there is none by the cap;
    `draw` names in DRAWS what is multiplied by the scale.
    """

    scale: float | None
    train_accuracy: tuple[float, ...]
    test_accuracy: tuple[float | None, ...]
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


class Terms(msgspec.Struct, frozen=True, omit_defaults=True):
    """The settings that measured numbers are valid for: the network, how it trains, the right answers, and the points.

    `solution` is a hash of the right answers' code, which sets seed and scales; `points` one of the training and test points.
    `hidden` is the activation of the hidden layers, `cost` how the printed cost is added up.
    """

    layers: tuple[int, ...]
    learning_rate: float
    iterations: int
    solution: str
    points: str
    hidden: str = "relu"
    cost: str = "nansum"


class Versions(msgspec.Struct, frozen=True, omit_defaults=True):
    """The versions that numbers were measured with, and the settings that they are valid for."""

    grader: str = ""
    python: str = ""
    numpy: str = ""
    terms: Terms | None = None


class Shipped(msgspec.Struct, frozen=True):
    """All that the file trainings.json holds for an exercise."""

    made_with: Versions
    trainings: dict[str, Any]
    sweep: tuple[Point, ...]
    settings: tuple[Setting, ...]
    spread: tuple[Spread, ...] = ()
    draws: tuple[Spread, ...] = ()
    escapes: tuple[Escape, ...] = ()
    between: tuple[Escape, ...] = ()
    seed: int | None = None  # that the right answers set; read off them, whatever the file says

    def cache(self) -> Cache:
        """Return the trainings as a cache that can be added to."""
        return {key: msgspec.json.encode(training) for key, training in self.trainings.items()}

    def waits(self, model: Model) -> Waits:
        """Return by a start's key when its cost is first below 0.6, None for never, and in how many iterations that holds."""
        of_seeds = [
            Escape(model.layers, model.learning_rate, spread.scale, seed, left)
            for spread in self.spread
            if spread.scale
            for seed, left in zip(ESCAPE_SEEDS, spread.escapes, strict=False)
        ]
        rows = (row for row in (*of_seeds, *self.between) if row.learning_rate == model.learning_rate)
        return {start_key(scaled(row.layers, row.scale, row.seed), model): (row.iteration, ESCAPE_CAP) for row in rows}


def load(exercise: Exercise) -> Shipped:
    """Read what is shipped with an exercise; an exercise without it is only slower, and less is said of it.

    Numbers that were measured for other sizes, rates, iterations, answers or points say nothing of this exercise.
    """
    if read := decoded(exercise.folder / FILE, Shipped):
        seed = solution_seed(exercise)
        if seed is not None and read.made_with.terms == terms(exercise):
            return msgspec.structs.replace(read, seed=seed)
    return Shipped(Versions(), {}, (), ())


def decoded(path: Path, kind: type[T]) -> T | None:
    """Read a file of measured numbers; None where there is none.

    Raises
    ------
    ExerciseError
        If it cannot be read.
    """
    if not path.is_file():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind, strict=False)
    except (OSError, msgspec.DecodeError) as error:
        problem = say("exercise.measured.unreadable", path=path, reason=error)
        raise ExerciseError(problem, hint=say("exercise.measured.unreadable.hint")) from None


def solution_seed(exercise: Exercise) -> int | None:
    """Return the seed that the right answers set; None where they set none, several, or one that no number states."""
    seeds = {seed for source in _code(exercise.folder / "solution.ipynb") for seed in _stated(source).seeds}
    return int(seeds.pop()) if len(seeds) == 1 and next(iter(seeds)).isdecimal() else None


def required_seed(exercise: Exercise) -> int:
    """Return the seed that the right answers set, for what can be measured with a seed only.

    Raises
    ------
    ExerciseError
        If they set none, several, or one that is not written as a number.
    """
    seed = solution_seed(exercise)
    if seed is None:
        problem = say("exercise.shipped.no_seed", name=exercise.name)
        raise ExerciseError(problem, hint=say("exercise.shipped.no_seed.hint"))
    return seed


def solution_scales(exercise: Exercise) -> tuple[float, ...]:
    """Return the plain numbers by which the right answers multiply a draw, as their code writes them; often one."""
    scales = [scale for source in _code(exercise.folder / "solution.ipynb") for scale in _stated(source).scales]
    return tuple(dict.fromkeys(scales))


class _Stated(NamedTuple):
    """What a cell of the right answers states: the seeds that it sets, as code, and the factors of its draws."""

    seeds: frozenset[str] = frozenset()
    scales: tuple[float, ...] = ()


@lru_cache(maxsize=64)  # a page of the lab asks for the seed a dozen times
def _stated(source: str) -> _Stated:
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except SyntaxError:
        return _Stated()
    seeds, scales = set(), []
    for node in nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr == "seed" and node.args:
                seeds.add(ast.unparse(node.args[0]))
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            sides = (node.left, node.right), (node.right, node.left)
            scales += [_number(other) for side, other in sides if is_draw(side)]
    return _Stated(frozenset(seeds), tuple(scale for scale in scales if scale is not None))


def is_draw(node: ast.AST) -> bool:
    """Return whether an expression draws normal random numbers with `randn`."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "randn"


def _number(node: ast.expr) -> float | None:
    value = node.value if isinstance(node, ast.Constant) else None
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def terms(exercise: Exercise) -> Terms:
    """Return the settings that numbers measured for this exercise are valid for."""
    model, data = exercise.model, course_data(exercise.model.points)
    points = hashlib.sha256()
    for array in (data.X_train, data.Y_train, data.X_test, data.Y_test):
        points.update((np.round(array, 6) + 0.0).tobytes())  # the last digits may differ from machine to machine
    solution = hashlib.sha256("\0".join(_code(exercise.folder / "solution.ipynb")).encode())
    return Terms(
        model.layers,
        model.learning_rate,
        model.iterations,
        solution.hexdigest(),
        points.hexdigest(),
        model.hidden,
        model.cost,
    )


def _code(path: Path) -> Iterator[str]:
    """Yield the code cells of the right answers, without what saving them again may change."""
    try:
        cells = json.loads(path.read_bytes())["cells"]
        sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        problem = say("exercise.solution.unreadable", path=path, reason=error)
        raise ExerciseError(problem, hint=say("exercise.solution.unreadable.hint")) from None
    for source in sources:
        yield "\n".join(line.rstrip() for line in source.strip().splitlines())


def scaled(layers: tuple[int, ...], scale: float | None, seed: int, draw: str = "randn") -> Parameters:
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
    seed: int,
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
    if not shipped.sweep or shipped.seed is None:
        return True
    scales = (0.0, None, *(point.scale for point in shipped.sweep))
    starts = [scaled(layers, scale, shipped.seed) for scale in scales]
    return any(
        start.keys() == other.keys() and all(np.allclose(start[name], other[name], atol=0) for name in start)
        for other in starts
    )


def known(shipped: Shipped, exercise: Exercise) -> dict[str, str]:
    """Return the keys of the shipped trainings from the exercise's own draw, by what the draw is multiplied by."""
    layers, model, seed = exercise.model.layers, exercise.model, shipped.seed
    if seed is None:
        return {}
    starts = {"weights of zero": scaled(layers, 0.0, seed), "He's scale": scaled(layers, None, seed)}
    keys = {name: start_key(start, model) for name, start in starts.items()}
    keys |= {f"x{point.scale:g}": point.start for point in shipped.sweep}
    return {name: key for name, key in keys.items() if key in shipped.trainings}
