"""The causes: what each code means in the numbers.  A student reads them in the order of this file."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
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


Holds = Callable[[Case], bool]
STRUCTURE: dict[str, Holds] = {}
VALUES: dict[str, Holds] = {}
BIASES: dict[str, Holds] = {}


def _cause(table: dict[str, Holds]) -> Callable[[Holds], Holds]:
    """Return a decorator that adds a condition to a table; the name of the function is the code of the cause."""

    def add(holds: Holds) -> Holds:
        table[holds.__name__] = holds
        return holds

    return add


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


@_cause(STRUCTURE)
def hard_coded_dims(case: Case) -> bool:
    """The same shapes came back for different sizes, where others were asked for."""
    sizes = {outcome.call.layers for outcome in case.evidence.returned}
    shapes_returned = {tuple(sorted((name, a.shape) for name, a in o.arrays.items())) for o in case.evidence.returned}
    return len(sizes) > 1 and len(shapes_returned) == 1 and shapes_returned != {()}


@_cause(STRUCTURE)
def transposed(case: Case) -> bool:
    """A weight matrix came back with its sides swapped."""
    return not hard_coded_dims(case) and any(own.transposed for own in case.student.weights)


def _absent(outcome: Outcome) -> set[str]:
    return set(shapes(outcome.call.layers)) - set(outcome.arrays)


@_cause(STRUCTURE)
def layer_missing(case: Case) -> bool:
    """Weights are absent."""
    return not hard_coded_dims(case) and any(name[0] == "W" for o in case.evidence.returned for name in _absent(o))


@_cause(STRUCTURE)
def weight_shape(case: Case) -> bool:
    """A weight matrix has a shape that is neither the right one nor the swapped one."""
    return not hard_coded_dims(case) and any(
        name[0] == "W" and name in outcome.arrays and outcome.arrays[name].shape not in (shape, shape[::-1])
        for outcome in case.evidence.returned
        for name, shape in shapes(outcome.call.layers).items()
    )


@_cause(STRUCTURE)
def extra_keys(case: Case) -> bool:
    """Names that nobody asked for came back."""
    return not hard_coded_dims(case) and any(
        set(outcome.arrays) - set(shapes(outcome.call.layers)) for outcome in case.evidence.returned
    )


@_cause(STRUCTURE)
def wrong_type(case: Case) -> bool:
    """A value is not a NumPy float array; a bias that is a plain number has the wrong shape instead."""
    return any(
        not array.is_float_array and not (name[0] == "b" and array.shape == ())
        for outcome in case.evidence.returned
        for name, array in outcome.arrays.items()
        if name in shapes(outcome.call.layers)
    )


@_cause(STRUCTURE)
def not_finite(case: Case) -> bool:
    """A number is NaN or infinite."""
    return any(
        not np.all(np.isfinite(array.numpy()))
        for outcome in case.evidence.returned
        for array in outcome.arrays.values()
    )


# --- values of the weights -----------------------------------------------------------------------------------------


@_cause(VALUES)
def weights_constant(case: Case) -> bool:
    """All weights are the same number, which is not 0."""
    return case.student.distribution == "constant"


@_cause(VALUES)
def weights_not_zero(case: Case) -> bool:
    """Zeros are asked for, and other weights came back."""
    return case.asks_for_zeros and case.student.distribution not in ("zeros", "constant", None)


@_cause(VALUES)
def weights_zero(case: Case) -> bool:
    """Zeros came back where random weights are asked for."""
    return not case.asks_for_zeros and case.student.distribution == "zeros"


def _random(case: Case) -> bool:
    """Random weights are asked for and random weights came back."""
    return not case.asks_for_zeros and case.student.distribution in ("normal", "uniform", "other")


@_cause(VALUES)
def uniform_not_normal(case: Case) -> bool:
    """The weights are uniformly distributed."""
    return _random(case) and case.student.distribution == "uniform"


@_cause(VALUES)
def weights_shifted(case: Case) -> bool:
    """Something was added to normal draws, so they lie around another number than 0."""
    drawn = case.student.drawn
    return _random(case) and drawn is not None and drawn.stream.kind == "normal" and drawn.shifted


@_cause(VALUES)
def weights_rounded(case: Case) -> bool:
    """The weights are known draws that were rounded."""
    return case.student.altered == "rounded"


@_cause(VALUES)
def weights_clipped(case: Case) -> bool:
    """The weights are known draws that were cut at a limit."""
    return case.student.altered == "clipped"


@_cause(VALUES)
def distribution_other(case: Case) -> bool:
    """The weights are neither normally nor uniformly distributed."""
    return _random(case) and case.student.distribution == "other" and not not_finite(case)


def _is_scale(code: str, case: Case) -> bool:
    return scale_cause(case) == code


SCALES = {  # causes by the pattern of the recovered rule; a rule that fits none of them is `scale_other`
    "scale_constant": r"-?[\d.e+-]+",
    "scale_fan_out": r"sqrt\(\d+/n_out\)|\d+/n_out",
    "scale_xavier": r"sqrt\((1/n_in|[26]/\(n_in\+n_out\))\)",
    "scale_sqrt_missing": r"\d+/n_in",
}
OF_SIZES = tuple(code for code in SCALES if code != "scale_constant")  # those whose rule takes the sizes of layers
VALUES |= {code: partial(_is_scale, code) for code in SCALES}


def scale_cause(case: Case) -> str | None:
    """Return the code of a wrong scale, from the recovered rule alone."""
    rule = case.student.formula
    if not _random(case) or rule == case.reference.formula or _scale_possible(case):
        return None
    if rule is None:
        return "scale_other" if case.student.measured or case.student.estimates else None
    return next((code for code, pattern in SCALES.items() if re.fullmatch(pattern, rule)), "scale_other")


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


@_cause(VALUES)
def scale_other(case: Case) -> bool:
    """The scale is wrong in a way that has no name, or right at some sizes only."""
    return scale_cause(case) == "scale_other" or (not scale_cause(case) and differs_elsewhere(case))


def _is_seed(code: str, case: Case) -> bool:
    return seed_cause(case) == code


SEEDS = {  # causes by the seed's status
    "missing": "seed_missing",
    "outside_function": "seed_outside",
    "other": "seed_other",
    "reset_per_layer": "seed_per_layer",
    "other_generator": "other_generator",
}
VALUES |= {code: partial(_is_seed, code) for code in SEEDS.values()}


def seed_cause(case: Case) -> str | None:
    """Return the code of a wrong seed."""
    return SEEDS.get(seed_status(case) or "") if _random(case) else None


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


@_cause(VALUES)
def draw_order(case: Case) -> bool:
    """A known stream in another order; random biases explain numbers that were drawn for them."""
    drawn = case.student.drawn
    if not _random(case) or drawn is None:
        return False
    if any(own.first > 1 for own in case.student.weights):
        return False  # the layers before these are missing, and so are their draws
    plan = drawn.stream.plan
    explained = plan.order == "reset_per_layer" or (plan.order != "weights" and bias_random(case))
    return not replace(plan, order="weights" if explained else plan.order).as_required


# --- biases --------------------------------------------------------------------------------------------------------


def _bias_values(case: Case) -> list[np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    return [array.numpy() for outcome in case.evidence.answered for array in _biases_of(outcome).values()]


def _biases_of(outcome: Outcome) -> dict[str, Array]:
    """Return the biases that came back, under their own names or those that plainly mean them."""
    names = (name for required, name in likely_names(outcome).items() if required.startswith("b"))
    return {name: outcome.arrays[name] for name in names if name in outcome.arrays}


@_cause(BIASES)
def bias_missing(case: Case) -> bool:
    """A bias is absent although its weights are there."""
    return any(
        name[0] == "b" and f"W{name[1:]}" in outcome.arrays
        for outcome in case.evidence.returned
        for name in _absent(outcome)
    )


@_cause(BIASES)
def bias_random(case: Case) -> bool:
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


@_cause(BIASES)
def bias_nonzero(case: Case) -> bool:
    """Biases are not 0, and each layer has one number."""
    return not bias_random(case) and any(np.any(value != 0) for value in _bias_values(case))


@_cause(BIASES)
def bias_shape(case: Case) -> bool:
    """A bias is not a column as long as its layer."""
    return case.student.biases == "wrong_shape" and not hard_coded_dims(case)


UNKNOWN = "unknown"
# Every code that `causes` can give, in its order; causes.po has words for each, which a test holds to.
CODES: tuple[str, ...] = (
    *NOT_RUN,
    *(ended for ended in get_args(Ended) if ended not in NO_CAUSE),
    *("global_name", "removed_numpy_name"),
    *STRUCTURE,
    *VALUES,
    *BIASES,
    UNKNOWN,
)
