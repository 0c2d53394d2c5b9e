"""What an instructor chooses for an exercise of their own; what they leave open is as in the exercise to start from."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TypedDict

from grader.authoring.rewrite import number
from grader.errors import RequestError
from grader.exercise import shipped
from grader.exercise.load import Exercise
from grader.judging.diagnosis.streams import SEEDS
from grader.messages import refusal, say

MOST_SEED = SEEDS - 2  # grading recognises this seed and the next, which a mistake may set
LEAST_SCALE, MOST_SCALE = 1e-4, 1e6  # beyond them, the visible test does not see the scale, or cannot be written
MOST_UNITS, MOST_LAYERS, MOST_ITERATIONS = 100, 8, 1_000_000  # more would train too slowly


@dataclass(frozen=True, slots=True)
class Choices:
    """Title, seed, scale (None where the exercise to start from has no plain number), and how the full model trains."""

    title: str
    seed: int
    scale: float | None
    layers: tuple[int, ...]
    learning_rate: float
    iterations: int


class Given(TypedDict, total=False):
    """What an instructor says; all else stays open."""

    title: str
    seed: int
    scale: float
    layers: tuple[int, ...]
    learning_rate: float
    iterations: int


def defaults(source: Exercise) -> Choices:
    """Return what an exercise has."""
    scales = shipped.solution_scales(source)
    model = source.model
    return Choices(
        title=source.title,
        seed=shipped.required_seed(source),
        scale=scales[0] if len(scales) == 1 else None,
        layers=model.layers,
        learning_rate=model.learning_rate,
        iterations=model.iterations,
    )


def chosen(source: Exercise, given: Given) -> Choices:
    """Return the choices; what is not given is as in the exercise to start from.

    Raises
    ------
    RequestError
        If one of them cannot be: the message says what can.
    """
    before = defaults(source)
    choices = replace(before, **given)
    if "scale" in given and before.scale is None:
        raise refusal("authoring.scale.none", name=source.name)
    for option, message, fits in _rules(choices, source):
        if not fits:
            raise RequestError(f"{option}: {message}", hint=say("authoring.choice.hint", option=option))
    return choices


def parse(name: str, text: str) -> Given:
    """Return a choice from what somebody typed: layer sizes with commas between them.

    Raises
    ------
    RequestError
        If it is nothing of that kind.
    """
    option = f"--{name.replace('_', '-')}"
    try:
        match name:
            case "title":
                return {"title": " ".join(text.split())}
            case "seed":
                return {"seed": int(text)}
            case "iterations":
                return {"iterations": int(text)}
            case "scale":
                return {"scale": float(text)}
            case "learning_rate":
                return {"learning_rate": float(text)}
        return {"layers": tuple(int(size) for size in text.strip("[]() ").split(","))}
    except ValueError:
        raise refusal("authoring.choice.text", option=option, text=text, hint="authoring.choice.hint") from None


def _rules(choices: Choices, source: Exercise) -> list[tuple[str, str, bool]]:
    """Return for each option what it must be, and whether it is."""
    layers = choices.layers
    inputs, outputs = source.model.layers[0], source.model.layers[-1]
    shape = 3 <= len(layers) <= MOST_LAYERS + 1 and layers[0] == inputs and layers[-1] == outputs
    return [
        ("--title", say("authoring.title.rule"), 0 < len(choices.title) <= 200 and choices.title.isprintable()),
        ("--seed", say("authoring.seed.rule", most=MOST_SEED), 0 <= choices.seed <= MOST_SEED),
        (
            "--scale",
            say("authoring.scale.rule", least=number(LEAST_SCALE), most=MOST_SCALE),
            choices.scale is None or LEAST_SCALE <= choices.scale <= MOST_SCALE,
        ),
        (
            "--layers",
            say("authoring.layers.rule", inputs=inputs, outputs=outputs, layers=MOST_LAYERS, units=MOST_UNITS),
            shape and all(1 <= size <= MOST_UNITS for size in layers),
        ),
        *(
            (
                "--layers",
                say("authoring.layers.sizes", name=task.name, count=len(task.parameters), layers=list(layers)),
                len(layers) == len(task.parameters),
            )
            for task in source.tasks
            if task.parameters
        ),
        (
            "--learning-rate",
            say("authoring.learning_rate.rule"),
            choices.learning_rate > 0 and math.isfinite(choices.learning_rate),
        ),
        (
            "--iterations",
            say("authoring.iterations.rule", most=MOST_ITERATIONS),
            1 <= choices.iterations <= MOST_ITERATIONS,
        ),
    ]
