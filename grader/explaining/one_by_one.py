"""What to do about a cause where the function takes its layer sizes one by one: no list, no loop, names of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise

from grader.exercise.load import AMBIENT_SEEDS
from grader.judging.diagnosis import Case
from grader.messages import listed, say
from grader.records import Call


def call_of(case: Case) -> Call | None:
    """Return a call that the right answer met; all have the same parameters."""
    return next((outcome.call for outcome in case.reference.evidence.outcomes), None)


def parameters_of(case: Case) -> tuple[str, ...]:
    """Return the names under which the function takes its sizes; none where it takes one list."""
    call = call_of(case)
    return call.parameters if call else ()


def is_seeded_before(case: Case) -> bool:
    """Return whether the notebook sets the seed before the call, so that the function need not."""
    call = call_of(case)
    return call is not None and call.ambient_seed not in AMBIENT_SEEDS


def action(cause: str, case: Case) -> str | None:
    """Return what to do about a cause; None where the usual words say it."""
    if parameters_of(case) and cause in _ONE_BY_ONE:
        return _ONE_BY_ONE[cause](parameters_of(case))
    seed = case.reference.drawn.stream.seed if case.reference.drawn else None
    if is_seeded_before(case) and seed is not None and cause in _SEEDS:
        return _SEEDS[cause](seed)
    return None


def sides(parameters: tuple[str, ...], name: str) -> str:
    """Return the shape of W1, b1, W2, … as one types it: ``(n_h, n_x)``."""
    layer = int(name[1:])
    return f"({parameters[layer]}, {parameters[layer - 1] if name.startswith('W') else 1})"


def _shapes(kind: str) -> Callable[[tuple[str, ...]], str]:
    def advice(parameters: tuple[str, ...]) -> str:
        names = [f"{kind}{layer}" for layer, _ in enumerate(pairwise(parameters), start=1)]
        shapes = [say("steps.one_by_one.shape_of", name=name, sides=sides(parameters, name)) for name in names]
        return say("steps.one_by_one.shapes", shapes=listed(shapes))

    return advice


def _names(parameters: tuple[str, ...]) -> str:
    return listed([f"{kind}{layer}" for layer, _ in enumerate(pairwise(parameters), start=1) for kind in "Wb"])


_ONE_BY_ONE: Mapping[str, Callable[[tuple[str, ...]], str]] = {
    "hard_coded_dims": lambda parameters: say("steps.one_by_one.sizes", names=listed(parameters)),
    "layer_missing": lambda parameters: say("steps.one_by_one.layers", names=_names(parameters)),
    "transposed": _shapes("W"),
    "weight_shape": _shapes("W"),
    "bias_shape": _shapes("b"),
}
_SEEDS: Mapping[str, Callable[[int], str]] = {
    "seed_other": lambda seed: say("steps.seed_before.other", seed=seed),
    "seed_per_layer": lambda seed: say("steps.seed_before.per_layer", seed=seed),
    "seed_outside": lambda seed: say("steps.seed_before.generator", seed=seed),
    "other_generator": lambda seed: say("steps.seed_before.generator", seed=seed),
}
