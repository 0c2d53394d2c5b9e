"""The table of causes: what each code means in the numbers, in the order in which a student should hear of them."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np

from grader.judging.diagnosis.recovered import Estimate, Recovered, likely_names, shapes
from grader.judging.diagnosis.statistics import ENOUGH
from grader.records import Array, Ended, FunctionEvidence, FunctionStatus, Outcome, SeedStatus

REMOVED_NUMPY_NAMES = frozenset(
    "float int bool object str complex long unicode float_ complex_ unicode_ string_ cfloat singlecomplex Inf Infinity "
    "infty NaN PINF NINF PZERO NZERO mat asfarray product cumproduct sometrue alltrue round_ in1d row_stack trapz".split()
)
BUILT_IN = frozenset({"float", "int", "bool", "object", "str", "complex"})  # those of them that are Python's own
FOR_BIASES = (
    "weights_and_biases",
    "biases_and_weights",
    "biases_first",
    "other_biases",
    "one_more_each",
)  # orders in which they are drawn
CLEARLY = 1.5  # times what is asked for: leaves room for numbers that are in several matrices
NOT_RUN = ("missing", "not_attempted", "syntax_error")  # statuses of a function that nothing could be called of
NO_CAUSE = ("returned", "broken")  # ends of a call that say nothing against the student
_OTHER_GENERATORS = re.compile(
    r"default_rng|Generator|(?<!np\.)(?<!numpy\.)\brandom\.(?:gauss|normalvariate|random|uniform)"
)
_REMOVED = re.compile(r"module 'numpy' has no attribute '(\w+)'|`np\.(\w+)` was (?:a deprecated|removed)")


@dataclass(frozen=True, slots=True)
class Case:
    """A function's evidence beside the reference's, both measured."""

    student: Recovered
    reference: Recovered

    @property
    def evidence(self) -> FunctionEvidence:
        """The student's evidence."""
        return self.student.evidence

    @property
    def asks_for_zeros(self) -> bool:
        """Whether the right answer is zeros."""
        return self.reference.distribution == "zeros"


def status(evidence: FunctionEvidence) -> FunctionStatus:
    """Return how far a function came: `graded` as soon as one call returned."""
    if evidence.broken or any(outcome.held or outcome.ended == "broken" for outcome in evidence.outcomes):
        return "broken"
    if evidence.function.status != "found":
        return evidence.function.status
    if evidence.answered:
        return "graded"
    ended = evidence.outcomes[0].ended if evidence.outcomes else "broken"
    return "broken" if ended == "broken" or ended == "returned" else ended  # noqa: PLR1714  # mypy reads this form only


def removed_numpy_name(outcome: Outcome) -> str | None:
    """Return the NumPy name that this call used and newer versions of NumPy no longer have."""
    match = _REMOVED.search(outcome.fault.message) if outcome.fault else None
    name = match and (match.group(1) or match.group(2))
    return name if name in REMOVED_NUMPY_NAMES else None


def undefined_name(outcome: Outcome) -> str | None:
    """Return the name that this call used and nothing defines."""
    if outcome.fault is None or outcome.fault.kind not in ("NameError", "UnboundLocalError"):
        return None
    match = re.match(r"name '(\w+)' is not defined", outcome.fault.message)
    return match.group(1) if match else None


def causes(case: Case) -> tuple[str, ...]:
    """Return the codes of everything that is wrong; what another cause explains is left out."""
    codes = list(dict.fromkeys(_found(case)))
    return tuple(codes) or (UNKNOWN,)


def _found(case: Case) -> Iterator[str]:
    yield from _running(case.evidence)
    if case.evidence.returned:
        yield from (code for code, holds in STRUCTURE.items() if holds(case))
    if case.evidence.answered:
        if case.student.weights:
            yield from (code for code, holds in VALUES.items() if holds(case))
        yield from (code for code, holds in BIASES.items() if holds(case))


def _running(evidence: FunctionEvidence) -> Iterator[str]:
    """Yield what kept the function, or one of its calls, from coming back."""
    how = status(evidence)
    if how in NOT_RUN:
        yield how
    failed = next((outcome for outcome in evidence.outcomes if outcome.ended not in NO_CAUSE), None)
    if failed is None:
        return
    if failed.ended != "raised":
        yield failed.ended
    elif undefined_name(failed):
        yield "global_name"
    elif removed_numpy_name(failed):
        yield "removed_numpy_name"
    else:
        yield "raised"


# --- structure -----------------------------------------------------------------------------------------------------


def _hard_coded(case: Case) -> bool:
    """The same shapes came back for different sizes, where others were asked for."""
    sizes = {outcome.call.layers for outcome in case.evidence.returned}
    shapes_returned = {tuple(sorted((name, a.shape) for name, a in o.arrays.items())) for o in case.evidence.returned}
    return len(sizes) > 1 and len(shapes_returned) == 1 and shapes_returned != {()}


def _transposed(case: Case) -> bool:
    return not _hard_coded(case) and any(own.transposed for own in case.student.weights)


def _absent(outcome: Outcome) -> set[str]:
    return set(shapes(outcome.call.layers)) - set(outcome.arrays)


def _layer_missing(case: Case) -> bool:
    return not _hard_coded(case) and any(name[0] == "W" for o in case.evidence.returned for name in _absent(o))


def _bias_missing(case: Case) -> bool:
    """A bias is absent although its weights are there."""
    return any(
        name[0] == "b" and f"W{name[1:]}" in outcome.arrays
        for outcome in case.evidence.returned
        for name in _absent(outcome)
    )


def _extra_keys(case: Case) -> bool:
    return not _hard_coded(case) and any(
        set(outcome.arrays) - set(shapes(outcome.call.layers)) for outcome in case.evidence.returned
    )


def _weight_shape(case: Case) -> bool:
    """A weight matrix has a shape that is neither the right one nor the swapped one."""
    return not _hard_coded(case) and any(
        name[0] == "W" and name in outcome.arrays and outcome.arrays[name].shape not in (shape, shape[::-1])
        for outcome in case.evidence.returned
        for name, shape in shapes(outcome.call.layers).items()
    )


def _wrong_type(case: Case) -> bool:
    """A value is not a NumPy float array; a bias that is a plain number has the wrong shape instead."""
    return any(
        not array.is_float_array and not (name[0] == "b" and array.shape == ())
        for outcome in case.evidence.returned
        for name, array in outcome.arrays.items()
        if name in shapes(outcome.call.layers)
    )


def _not_finite(case: Case) -> bool:
    return any(
        not np.all(np.isfinite(array.numpy()))
        for outcome in case.evidence.returned
        for array in outcome.arrays.values()
    )


# --- values of the weights -----------------------------------------------------------------------------------------


def _constant(case: Case) -> bool:
    return case.student.distribution == "constant"


def _not_zero(case: Case) -> bool:
    return case.asks_for_zeros and case.student.distribution not in ("zeros", "constant", None)


def _all_zero(case: Case) -> bool:
    return not case.asks_for_zeros and case.student.distribution == "zeros"


def _random(case: Case) -> bool:
    """Random weights are asked for and random weights came back."""
    return not case.asks_for_zeros and case.student.distribution in ("normal", "uniform", "other")


def _uniform(case: Case) -> bool:
    return _random(case) and case.student.distribution == "uniform"


def _other_distribution(case: Case) -> bool:
    return _random(case) and case.student.distribution == "other" and not _not_finite(case)


def _rounded(case: Case) -> bool:
    return case.student.altered == "rounded"


def _clipped(case: Case) -> bool:
    return case.student.altered == "clipped"


def _shifted(case: Case) -> bool:
    """Something was added to normal draws, so they lie around another number than 0."""
    drawn = case.student.drawn
    return _random(case) and drawn is not None and drawn.stream.kind == "normal" and drawn.shifted


def scale_cause(case: Case) -> str | None:
    """Return the code of a wrong scale, from the recovered rule alone."""
    rule = case.student.formula
    if not _random(case) or rule == case.reference.formula or _scale_possible(case):
        return None
    if rule is None:
        return "scale_other" if case.student.measured or case.student.estimates else None
    if re.fullmatch(r"-?[\d.e+-]+", rule):
        return "scale_constant"
    if rule in ("sqrt(1/n_in)", "sqrt(2/(n_in+n_out))", "sqrt(6/(n_in+n_out))"):
        return "scale_xavier"
    if re.fullmatch(r"sqrt\(\d+/n_out\)|\d+/n_out", rule):
        return "scale_fan_out"
    return "scale_sqrt_missing" if re.fullmatch(r"\d+/n_in", rule) else "scale_other"


def _scale_possible(case: Case) -> bool:
    """Whether the draws are unknown and statistics do not exclude the factor asked for."""
    return case.student.drawn is None and (case.student.distribution != "normal" or not excluded(case))


def excluded(case: Case) -> list[Estimate]:
    """Return the layers for which statistics exclude the factor asked for."""
    outside = []
    for estimate in case.student.estimates:
        required = case.reference.factors(estimate.outcome.call.layers) or ()
        if estimate.layer <= len(required) and abs(required[estimate.layer - 1]) not in estimate.interval:
            outside.append(estimate)
    return outside


@np.errstate(all="ignore")  # the numbers may be huge
def spread_elsewhere(case: Case) -> float | None:
    """Return how wide unknown normal draws are where matrices are small, in terms of what is asked for there.

    They are too small to be judged one by one, so they are judged together; None if even so they are too few.
    """
    if case.student.drawn is not None or case.student.distribution != "normal":
        return None
    estimated = {(estimate.outcome.call.layers, estimate.layer) for estimate in case.student.estimates}
    pieces = {}
    for own in case.student.weights:
        required = (case.reference.factors(own.outcome.call.layers) or ())[own.first - 1 :]
        for layer, (array, times) in enumerate(zip(own.arrays, required, strict=False), start=own.first):
            if (own.outcome.call.layers, layer) not in estimated:
                pieces[own.outcome.call.layers, layer] = array.ravel() / times
    pooled = np.concatenate(list(pieces.values())) if pieces else np.zeros(0)
    return float(pooled.std()) if pooled.size >= ENOUGH else None


def differs_elsewhere(case: Case) -> bool:
    """Return whether the scale is clearly wrong where matrices are small, so that it is right at some sizes only."""
    spread = spread_elsewhere(case)
    return spread is not None and not 1 / CLEARLY <= spread <= CLEARLY


def seed_cause(case: Case) -> str | None:
    """Return the code of a wrong seed."""
    codes = {
        "missing": "seed_missing",
        "outside_function": "seed_outside",
        "other": "seed_other",
        "reset_per_layer": "seed_per_layer",
        "other_generator": "other_generator",
    }
    return codes.get(seed_status(case) or "") if _random(case) else None


def seed_status(case: Case) -> SeedStatus | None:
    """Say which seed the draws follow; None where nothing random came back."""
    student = case.student
    if student.distribution not in ("normal", "uniform", "other"):
        return None
    if student.drawn is None:
        return "other_generator" if _uses_new_generator(case.evidence) else "unknown"
    stream, required = student.drawn.stream, case.reference.drawn
    if not stream.legacy:
        return "other_generator"
    if stream.continued or stream.ambient:
        return "outside_function" if stream.continued or case.evidence.function.seeded_outside else "missing"
    if stream.plan.order == "reset_per_layer":
        return "reset_per_layer"
    wanted = required.stream.seed if required else None  # where nothing random is asked for, no seed is either
    return "as_required" if stream.seed == wanted else "other"


def assigns_seed(evidence: FunctionEvidence) -> bool:
    """Return whether the function assigns to `np.random.seed`, which sets no seed, in place of calling it."""
    try:
        tree = ast.parse(evidence.function.code)
    except (SyntaxError, RecursionError, ValueError, MemoryError):
        return False
    assignments = [node for node in ast.walk(tree) if isinstance(node, ast.Assign)]
    targets = [target for assignment in assignments for target in assignment.targets]
    return any(isinstance(target, ast.Attribute) and target.attr == "seed" for target in targets)


def _uses_new_generator(evidence: FunctionEvidence) -> bool:
    """Return whether the code, without its comments, names one of NumPy's new generators."""
    return any(_OTHER_GENERATORS.search(_uncommented(unit.source)) for unit in evidence.function.units)


def _uncommented(source: str) -> str:
    try:
        return ast.unparse(ast.parse(source))
    except (SyntaxError, RecursionError, ValueError):
        return ""


def _draw_order(case: Case) -> bool:
    """A known stream in another order; random biases explain numbers that were drawn for them."""
    drawn = case.student.drawn
    if not _random(case) or drawn is None:
        return False
    if any(own.first > 1 for own in case.student.weights):
        return False  # the layers before these are missing, and so are their draws
    plan = drawn.stream.plan
    explained = plan.order == "reset_per_layer" or (plan.order != "weights" and _bias_random(case))
    return not replace(plan, order="weights" if explained else plan.order).as_required


# --- biases --------------------------------------------------------------------------------------------------------


def _bias_values(case: Case) -> list[np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    return [array.numpy() for outcome in case.evidence.answered for array in _biases_of(outcome).values()]


def _biases_of(outcome: Outcome) -> dict[str, Array]:
    """Return the biases that came back, under their own names or those that plainly mean them."""
    names = (name for required, name in likely_names(outcome).items() if required.startswith("b"))
    return {name: outcome.arrays[name] for name in names if name in outcome.arrays}


def _bias_random(case: Case) -> bool:
    """Biases differ within a layer, or from one call to the next, or a number was drawn for each layer's."""
    values = [value for value in _bias_values(case) if np.any(value != 0)]
    if any(np.any(value != value.flat[0]) for value in values):
        return True
    drawn = case.student.drawn
    return bool(values) and (_bias_varies(case) or (drawn is not None and drawn.stream.plan.order == "one_more_each"))


def _bias_varies(case: Case) -> bool:
    """Return whether two calls with the same sizes gave different biases."""
    first: dict[tuple[tuple[int, ...], str], bytes] = {}
    return any(
        first.setdefault((outcome.call.layers, name), array.data) != array.data
        for outcome in case.evidence.returned
        for name, array in _biases_of(outcome).items()
    )


def _bias_nonzero(case: Case) -> bool:
    return not _bias_random(case) and any(np.any(value != 0) for value in _bias_values(case))


def _bias_shape(case: Case) -> bool:
    return case.student.biases == "wrong_shape" and not _hard_coded(case)


Holds = Callable[[Case], bool]

STRUCTURE: dict[str, Holds] = {
    "hard_coded_dims": _hard_coded,
    "transposed": _transposed,
    "layer_missing": _layer_missing,
    "weight_shape": _weight_shape,
    "extra_keys": _extra_keys,
    "wrong_type": _wrong_type,
    "not_finite": _not_finite,
}


def _scale_is(code: str) -> Holds:
    return lambda case: scale_cause(case) == code


def _seed_is(code: str) -> Holds:
    return lambda case: seed_cause(case) == code


VALUES: dict[str, Holds] = {
    "weights_constant": _constant,
    "weights_not_zero": _not_zero,
    "weights_zero": _all_zero,
    "uniform_not_normal": _uniform,
    "weights_shifted": _shifted,
    "weights_rounded": _rounded,
    "weights_clipped": _clipped,
    "distribution_other": _other_distribution,
    **{code: _scale_is(code) for code in ("scale_constant", "scale_fan_out", "scale_xavier", "scale_sqrt_missing")},
    "scale_other": lambda case: (
        scale_cause(case) == "scale_other" or (not scale_cause(case) and differs_elsewhere(case))
    ),
    **{
        code: _seed_is(code)
        for code in ("seed_missing", "seed_outside", "seed_other", "seed_per_layer", "other_generator")
    },
    "draw_order": _draw_order,
}
BIASES: dict[str, Holds] = {
    "bias_missing": _bias_missing,
    "bias_random": _bias_random,
    "bias_nonzero": _bias_nonzero,
    "bias_shape": _bias_shape,
}
UNKNOWN = "unknown"
# Every code that `causes` can give, in its order; `explaining/words.py` has a row for each, which a test holds to.
CODES: tuple[str, ...] = (
    *NOT_RUN,
    *(ended for ended in get_args(Ended) if ended not in NO_CAUSE),
    *("global_name", "removed_numpy_name"),
    *STRUCTURE,
    *VALUES,
    *BIASES,
    UNKNOWN,
)
