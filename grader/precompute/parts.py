"""What is measured for an exercise, in parts: each is measured once, written down, and not measured again after a stop."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from grader.exercise.fast import engine
from grader.exercise.load import Exercise
from grader.exercise.shipped import Terms, required_seed, scaled, terms
from grader.exercise.starts import plain
from grader.exercise.training import course_data
from grader.files import write

STATE = "measuring.json"  # beside exercise.toml while its numbers are being measured
_TRIAL_STEPS, _TRIAL_SECONDS = 1_000, 0.3  # of gradient descent, from which the time of all others is estimated


class Plan(msgspec.Struct, frozen=True):
    """Over how many seeds runs are repeated, and for how many of them the end of a plateau is looked for."""

    seeds: int = 50
    escape_seeds: int = 6


FULL, QUICK = Plan(), Plan(10, 3)


@dataclass(frozen=True, slots=True)
class Part:
    """One measurement: its name, the type of its result, and about how many steps of gradient descent it takes."""

    name: str
    kind: Any
    steps: float
    measure: Callable[[], Any]


class State(msgspec.Struct):
    """What was measured before a stop: the results by the names of the parts, and what they hold for."""

    terms: Terms
    plan: Plan
    results: dict[str, Any]


OnProgress = Callable[[int, int, str], None]  # percent, of 100, and what is measured


def read(exercise: Exercise, plan: Plan) -> State:
    """Return what was measured before a stop; nothing if the exercise or the plan has changed since."""
    fresh = State(terms(exercise), plan, {})
    try:
        state = msgspec.json.decode((exercise.folder / STATE).read_bytes(), type=State, strict=False)
    except (OSError, msgspec.DecodeError):
        return fresh
    return state if (state.terms, state.plan) == (fresh.terms, fresh.plan) else fresh


def measure(
    exercise: Exercise, parts: Sequence[Part], plan: Plan, progress: OnProgress = lambda *_: None
) -> dict[str, Any]:
    """Return the results of all parts by name; those that a stopped run has written down are not measured again."""
    state = read(exercise, plan)
    _keep(exercise, state)
    whole = sum(part.steps for part in parts)
    done, results = 0.0, {}
    for part in parts:
        progress(int(99 * done / whole), 100, part.name)
        if part.name not in state.results:
            state.results[part.name] = plain(msgspec.to_builtins(part.measure()))
            _keep(exercise, state)
        results[part.name] = msgspec.convert(state.results[part.name], part.kind, strict=False)
        done += part.steps
    progress(100, 100, "")
    return results


def _keep(exercise: Exercise, state: State) -> None:
    """Write down what is measured so far; an exercise with this file is one whose measuring did not come to its end."""
    write(exercise.folder / STATE, msgspec.json.encode(state).decode())


def seconds(exercise: Exercise, parts: Sequence[Part], plan: Plan) -> float:
    """Estimate how long the parts take that are not measured yet, from a few steps on this machine."""
    results = read(exercise, plan).results
    model, data = exercise.model, course_data(exercise.model.points)
    steps, start = engine(data, model), scaled(model.layers, None, required_seed(exercise))
    values = {name: value.copy() for name, value in start.items()}
    steps.advance(values, 1)  # machine code is made at the first step
    started, taken = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - started) < _TRIAL_SECONDS:
        steps.advance(values, _TRIAL_STEPS)
        taken += _TRIAL_STEPS
    each = elapsed / taken
    return each * sum(part.steps for part in parts if part.name not in results)


def finish(folder: Path) -> None:
    """Remove what a stopped run has written down, now that the numbers are in their files."""
    (folder / STATE).unlink(missing_ok=True)


def save(path: Path, measured: Mapping[str, Any] | msgspec.Struct) -> Path:
    """Write measured numbers as JSON: inf and NaN as strings."""
    built = plain(msgspec.to_builtins(measured))
    write(path, msgspec.json.format(msgspec.json.encode(built), indent=1).decode() + "\n")
    return path
