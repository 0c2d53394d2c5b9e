"""Student functions made of styles and faults, whose truth is computed by plain NumPy and not by the grader.

A function is written from a style (how the loop, the names and the keys are written) and a set of faults of different kinds.
`answers` calls it as the child would; `is_right` compares what comes back with numbers that are drawn here.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

import numpy as np

KINDS = ("names", "layers", "extra", "draw", "scale", "seed", "bias")


@dataclass(frozen=True)
class Fault:
    """One thing done wrong: its kind, its name, and the causes that name it."""

    kind: str
    name: str
    causes: tuple[str, ...]


@dataclass(frozen=True)
class Student:
    """One function: the task, how it is written, and what is wrong with it."""

    task: str
    style: int
    faults: tuple[Fault, ...]

    @property
    def name(self) -> str:
        """A name for messages."""
        return f"{self.task}, style {self.style}: {', '.join(fault.name for fault in self.faults) or 'right'}"

    def without(self, fault: Fault) -> Student:
        """Return the same function with one fault mended."""
        return Student(self.task, self.style, tuple(other for other in self.faults if other != fault))


NAMED = ("layer_missing", "extra_keys", "bias_missing")
ANY_TASK = (
    Fault("names", "w1", NAMED),
    Fault("names", "B1", NAMED),
    Fault("names", "W_1", NAMED),
    Fault("names", "from 0", (*NAMED, "weight_shape")),
    Fault("layers", "last missing", ("layer_missing",)),
    Fault("layers", "first missing", ("layer_missing",)),
    Fault("layers", "return in the loop", ("layer_missing",)),
    Fault("layers", "up to four layers", ("raised",)),
    Fault("layers", "nothing returned", ("refused",)),
    Fault("extra", "number", ("extra_keys",)),
    Fault("extra", "None", ("refused", "extra_keys")),
    Fault("extra", "text", ("refused", "extra_keys")),
    Fault("extra", "dictionary", ("refused", "extra_keys")),
    Fault("bias", "missing", ("bias_missing",)),
    Fault("bias", "None", ("refused", "wrong_type", "bias_missing")),
    Fault("bias", "ones", ("bias_nonzero",)),
    Fault("bias", "flat", ("bias_shape",)),
    Fault("bias", "plain 0", ("bias_shape",)),
)
DRAWN = (
    Fault("draw", "rand", ("uniform_not_normal",)),
    Fault("draw", "transposed", ("transposed",)),
    Fault("draw", "lists", ("wrong_type",)),
    Fault("scale", "0.01", ("scale_constant",)),
    Fault("scale", "np.sqrt(1 / {M})", ("scale_xavier",)),
    Fault("scale", "np.sqrt(2 / {N})", ("scale_fan_out",)),
    Fault("scale", "2 / {M}", ("scale_sqrt_missing",)),
    Fault("scale", "np.sqrt(3 / {M})", ("scale_other",)),
    Fault("seed", "missing", ("seed_missing",)),
    Fault("seed", "1", ("seed_other",)),
    Fault("seed", "in the loop", ("seed_per_layer",)),
    Fault("bias", "randn", ("bias_random",)),
)
ZERO = (
    Fault("draw", "ones", ("weights_constant",)),
    Fault("draw", "randn", ("weights_not_zero",)),
    Fault("draw", "transposed", ("transposed",)),
)
FAULTS = {"zeros": (*ANY_TASK, *ZERO), "random": (*ANY_TASK, *DRAWN), "he": (*ANY_TASK, *DRAWN)}
FACTORS = {"zeros": "0", "random": "10", "he": "np.sqrt(2 / {M})"}
STYLES = tuple(product(("range", "zip", "while"), ("concatenated", "formatted"), ("direct", "named")))


def students(most: int | None = None) -> list[Student]:
    """Return right functions in every style, each fault alone and with others; of many, a fixed sample of `most`."""
    made = list(_students())
    return made if most is None else random.Random(3).sample(made, most)


def _students() -> Iterator[Student]:
    for task, faults in FAULTS.items():
        for style in range(len(STYLES)):
            yield Student(task, style, ())
            yield from (Student(task, style, (fault,)) for fault in faults)
        sets = [
            chosen
            for size in (2, 3)
            for chosen in combinations(faults, size)
            if len({fault.kind for fault in chosen}) == size
        ]
        picks = random.Random(task).sample(sets, min(len(sets), 1000))
        yield from (Student(task, number % len(STYLES), chosen) for number, chosen in enumerate(picks))


def source(student: Student) -> str:
    """Return the text of a function."""
    loop, keys, store = STYLES[student.style]
    has = {fault.kind: fault.name for fault in student.faults}
    N, M = ("n", "m") if loop == "zip" else ("layers_dims[l]", "layers_dims[l - 1]")
    lines = ["def f(layers_dims):"]
    if student.task != "zeros" and has.get("seed") not in ("missing", "in the loop"):
        lines.append(f"    np.random.seed({has.get('seed', 3)})")
    lines += ["    parameters = {}", "    L = len(layers_dims)"]
    if has.get("layers") == "up to four layers":
        lines.append("    assert L <= 4")
    first, end = (
        (2 if has.get("layers") == "first missing" else 1),
        ("L - 1" if has.get("layers") == "last missing" else "L"),
    )
    if loop == "zip":
        lines += [f"    for l, m, n in list(zip(range(1, L), layers_dims, layers_dims[1:]))[{first - 1}:{end} - 1]:"]
    elif loop == "while":
        lines += [f"    l = {first} - 1", f"    while l < {end} - 1:", "        l += 1"]
    else:
        lines += [f"    for l in range({first}, {end}):"]
    if has.get("seed") == "in the loop":
        lines.append("        np.random.seed(3)")
    W, b = _weights(student, has.get("draw", ""), has.get("scale", ""), N, M), _bias(has.get("bias", ""), N)
    spelled = {"w1": "wb", "B1": "WB"}.get(has.get("names", ""), "Wb")
    between = "_" if has.get("names") == "W_1" else ""
    number = "l - 1" if has.get("names") == "from 0" else "l"
    key = [
        f"'{letter}{between}' + str({number})" if keys == "concatenated" else f'f"{letter}{between}{{{number}}}"'
        for letter in spelled
    ]
    if store == "named":
        lines.append(f"        W = {W}")
        W = "W"
    lines.append(f"        parameters[{key[0]}] = {W}")
    if b:
        lines.append(f"        parameters[{key[1]}] = {b}")
    extra = {"number": "1.5", "None": "None", "text": "'he'", "dictionary": "{}"}.get(has.get("extra", ""))
    if extra:
        indent = "        " if has.get("layers") == "return in the loop" else "    "
        lines.append(f"{indent}parameters['cache'] = {extra}")
    if has.get("layers") == "return in the loop":
        lines.append("        return parameters")
    elif has.get("layers") != "nothing returned":
        lines.append("    return parameters")
    return "\n".join(lines) + "\n"


def _weights(student: Student, draw: str, scale: str, N: str, M: str) -> str:
    sides = f"{M}, {N}" if draw == "transposed" else f"{N}, {M}"
    if student.task == "zeros":
        return {"ones": f"np.ones(({sides}))", "randn": f"np.random.randn({sides})"}.get(draw, f"np.zeros(({sides}))")
    factor = (scale or FACTORS[student.task]).replace("{M}", M).replace("{N}", N)
    text = f"np.random.{'rand' if draw == 'rand' else 'randn'}({sides}) * {factor}"
    return f"({text}).tolist()" if draw == "lists" else text


def _bias(fault: str, N: str) -> str:
    return {
        "missing": "", "None": "None", "ones": f"np.ones(({N}, 1))", "flat": f"np.zeros({N})", "plain 0": "0",
        "randn": f"np.random.randn({N}, 1)",
    }.get(fault, f"np.zeros(({N}, 1))")  # fmt: skip


def answers(student: Student, calls: Sequence[tuple[tuple[int, ...], int]]) -> list[Any]:
    """Return what each call of layer sizes and ambient seed gives: a dictionary, something else, or an exception."""
    space: dict[str, Any] = {"np": np}
    exec(compile(source(student), student.name, "exec"), space)
    given = []
    for layers, ambient_seed in calls:
        np.random.seed(ambient_seed)
        try:
            given.append(space["f"](list(layers)))
        except Exception as error:
            given.append(error)
    return given


def is_right(student: Student, calls: Sequence[tuple[tuple[int, ...], int]]) -> bool:
    """Return whether every call gives what the course asks for."""
    return all(
        _same(given, right_answer(student.task, layers))
        for given, (layers, _) in zip(answers(student, calls), calls, strict=True)
    )


def right_answer(task: str, layers: Sequence[int]) -> dict[str, Any]:
    """Return what the course asks for."""
    state, asked = np.random.RandomState(3), dict[str, Any]()
    for l in range(1, len(layers)):
        n, m = layers[l], layers[l - 1]
        factor = {"zeros": 0.0, "random": 10.0, "he": (2 / m) ** 0.5}[task]
        asked[f"W{l}"] = state.standard_normal((n, m)) * factor
        asked[f"b{l}"] = np.zeros((n, 1))
    return asked


def _same(given: Any, asked: dict[str, Any]) -> bool:
    return (
        isinstance(given, dict)
        and given.keys() == asked.keys()
        and all(
            isinstance(value, np.ndarray)
            and value.dtype.kind == "f"
            and value.shape == asked[name].shape
            and np.allclose(value, asked[name], rtol=1e-7, atol=0)
            for name, value in given.items()
        )
    )
