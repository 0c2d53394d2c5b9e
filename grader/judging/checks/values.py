"""Are the numbers right: zeros where zeros belong, the right random numbers, times the right factor?"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np

from grader.exercise.load import AMBIENT_SEEDS
from grader.judging.checks.compare import exact, failed, pairs, passed, shown, skipped
from grader.judging.diagnosis import Case, Recovered, shapes
from grader.judging.diagnosis.causes import (
    CLEARLY,
    FOR_BIASES,
    assigns_seed,
    differs_elsewhere,
    excluded,
    spread_elsewhere,
)
from grader.judging.diagnosis.draws import DrawPlan, Stream, factor
from grader.judging.diagnosis.recovered import gives, likely_names
from grader.judging.diagnosis.rules import plain
from grader.judging.diagnosis.statistics import SURE
from grader.messages import say
from grader.records import Array, Finding, Floats, Outcome, Shown
from grader.records.compare import RTOL, equal

FEWEST_LAYERS = 2  # that show an order
FACTOR_TOLERANCE = 1e-6  # of the factors of draws that are recognised


def relative() -> str:
    """Return in words how close each number must be to the right one, where an exercise says nothing else."""
    return say("judging.tolerance.relative", percent=percent(RTOL))


def percent(tolerance: float) -> str:
    """Return a share in per cent, without a power of ten: ``0.00001``."""
    return np.format_float_positional(float(f"{100 * tolerance:.6g}"), trim="-")


def biases(student: Recovered, reference: Recovered) -> Finding:
    """Every bias is exactly zero."""
    if not _biases_there(student):
        return skipped("judging.not_judged.biases")
    function = student.evidence.function.name
    for outcome, _ in pairs(student, reference):
        for name, array in _parameters(outcome, "b"):
            if not np.all(array.numpy() == 0):
                evidence = shown(outcome, function, name, say("judging.zeros"), exact())
                return failed("judging.not_zero", hint=say("judging.biases.hint"), evidence=evidence, name=name)
    return passed("judging.biases.passed")


def weights(student: Recovered, reference: Recovered) -> Finding:
    """Every weight is exactly zero."""
    if not student.judgeable:
        return skipped("judging.not_judged.sizes")
    function = student.evidence.function.name
    for outcome, _ in pairs(student, reference):
        for name, array in _parameters(outcome, "W"):
            if not np.all(array.numpy() == 0):
                evidence = shown(outcome, function, name, say("judging.zeros"), exact())
                return failed("judging.not_zero", hint=say("judging.weights.hint"), evidence=evidence, name=name)
    return passed("judging.weights.passed")


def distribution(student: Recovered, reference: Recovered) -> Finding:
    """The weights are drawn from a normal distribution around 0."""
    if not student.judgeable:
        return skipped("judging.not_judged.sizes")
    wanted = reference.distribution
    if student.distribution == wanted and not student.shift:
        return passed("judging.distribution.passed")
    if any(not np.isfinite(array).all() for own in student.weights for array in own.arrays):
        return skipped("draws.not_finite")
    if student.distribution is None:
        return skipped("judging.distribution.too_few")
    hint = say("draws.uniform.hint" if student.distribution == "uniform" else "draws.distribution.hint")
    evidence = _spread(student, reference)
    if student.distribution == "normal":
        return failed("judging.distribution.shifted", hint=hint, evidence=evidence, mean=student.shift or 0.0)
    return failed(f"judging.distribution.{student.distribution}", hint=hint, evidence=evidence)


def draws(student: Recovered, reference: Recovered) -> Finding:
    """The random numbers are those of the required seed, from the first, in order."""
    layers = max((len(own.arrays) for own in student.weights), default=0)
    if layers < FEWEST_LAYERS or not student.judgeable:
        one_layer = layers == 1 and student.judgeable
        return skipped("judging.not_judged.one_layer" if one_layer else "judging.not_judged.sizes")
    if student.altered:
        hint, evidence = say("draws.altered.hint"), _draws_shown(student, reference)
        return failed(f"draws.{student.altered}", hint=hint, evidence=evidence)
    if _same_draws(student, reference):
        return passed("judging.draws.passed")
    if distribution(student, reference).verdict != "passed":
        return skipped("judging.explained.distribution")
    if _biases_took_draws(student):
        return skipped("judging.explained.biases")
    return _draws_differ(student, reference)


def scale(student: Recovered, reference: Recovered) -> Finding:
    """The random numbers are multiplied by the required factor."""
    if not student.judgeable:
        return skipped("judging.not_judged.sizes")
    if student.altered:
        return passed("judging.scale.passed")
    first_missing = student.drawn is not None and any(own.first > 1 for own in student.weights)
    if _same_draws(student, reference) and not first_missing:
        return _scale_of_same_draws(student, reference)
    if student.drawn is not None:
        return _scale_of_other_draws(student, reference)
    if distribution(student, reference).verdict != "passed":
        return skipped("judging.explained.distribution")
    return _scale_by_statistics(student, reference)


# --- what is there -------------------------------------------------------------------------------------------------


def _parameters(outcome: Outcome, kind: str) -> list[tuple[str, Array]]:
    """Return the parameters of a kind that came back, under their own names or those that plainly mean them."""
    names = (name for required, name in likely_names(outcome).items() if required.startswith(kind))
    return [(name, outcome.arrays[name]) for name in names if name in outcome.arrays]


def _biases_there(student: Recovered) -> bool:
    """Return whether biases of the right size came back at sizes that nobody could know, wherever any came back there."""
    hidden = [outcome for outcome in student.evidence.answered if not outcome.call.public and gives(outcome, "b")]
    return bool(hidden) and all(_has_a_bias(outcome) for outcome in hidden)


def _has_a_bias(outcome: Outcome) -> bool:
    names, required = likely_names(outcome), shapes(outcome.call.layers)
    return any(_has_size(outcome, names[name], sides[0]) for name, sides in required.items() if name.startswith("b"))


def _has_size(outcome: Outcome, name: str, size: int) -> bool:
    array = outcome.arrays.get(name)
    zero_for_all = array is not None and array.shape == ()  # a plain 0 stands for a column
    return array is not None and (zero_for_all or math.prod(array.shape) == size)


# --- draws ---------------------------------------------------------------------------------------------------------


def _matrices(student: Recovered, reference: Recovered) -> list[tuple[Outcome, str, Floats, Floats]]:
    """Return every weight matrix that came back beside the reference's, with its outcome and name."""
    wanted = {own.outcome.call: own.arrays for own in reference.weights}
    public_first = sorted(student.weights, key=lambda own: not own.outcome.call.public)
    return [
        (own.outcome, _own_name(own.outcome, layer), got, want)
        for own in public_first
        for layer, (got, want) in enumerate(
            zip(own.arrays, wanted[own.outcome.call][own.first - 1 :], strict=False), start=own.first
        )
    ]


def _own_name(outcome: Outcome, layer: int) -> str:
    """Return the name under which the weights of a layer came back, which may be one that plainly means them."""
    return likely_names(outcome)[f"W{layer}"]


def _same_draws(student: Recovered, reference: Recovered) -> bool:
    """Return whether every matrix is the reference's times one number."""
    mine, required, matrices = student.drawn, reference.drawn, _matrices(student, reference)
    if mine and required and mine.stream == required.stream and mine.whole and not mine.shifted:
        return bool(matrices)  # each was found to be those draws times its factor
    zeros_are_draws = mine is not None and mine.vanishing
    return bool(matrices) and all(
        equal(got, want) or factor(got, want) is not None or (zeros_are_draws and not got.any())
        for _, _, got, want in matrices
    )


def _biases_took_draws(student: Recovered) -> bool:
    return student.biases == "nonzero" and (
        student.drawn is None or (student.drawn.stream.plan.order in FOR_BIASES and not student.drawn.stream.ambient)
    )


def _draws_differ(student: Recovered, reference: Recovered) -> Finding:
    """Return the finding that the random numbers are not the right ones, with what is known of them."""
    drawn = student.drawn
    fail = partial(failed, hint=_draws_hint(student, reference), evidence=_draws_shown(student, reference))
    if drawn is None:
        close = [np.allclose(got, want, rtol=0.1, atol=0.01) for _, _, got, want in _matrices(student, reference)]
        return fail("judging.draws.close" if all(close) else "judging.draws.unknown")
    stream = drawn.stream
    if stream.continued and stream.legacy:
        return fail("draws.generator_outside")
    if stream.ambient:
        return fail("judging.draws.unseeded")
    if not stream.legacy:
        seeded = "" if stream.seed is None else ".seeded"
        return fail(f"judging.draws.other_generator{seeded}", generator=stream.generator, seed=stream.seed)
    if stream.plan.order == "reset_per_layer":
        kind = "seed_of_each_layer" if stream.seed is None else "reset_per_layer"
        return fail(f"judging.draws.{kind}", seed=stream.seed)
    return _other_numbers(stream, reference, fail)


def _other_numbers(stream: Stream, reference: Recovered, fail: Callable[..., Finding]) -> Finding:
    """Return the finding that the seed is wrong, or else that its numbers were taken in another order."""
    required = reference.drawn.stream.seed if reference.drawn else None
    plan = stream.plan
    if stream.seed != required:
        return fail("judging.draws.other_seed", seed=stream.seed)
    if plan.skipped and not plan.last_first and not plan.by_column:
        return fail("judging.draws.skipped", seed=required, count=plan.skipped)
    return fail(f"judging.draws.order.{_order(plan)}", seed=required)


def _order(plan: DrawPlan) -> str:
    """Return the end of the message id that says in which order the numbers of the right seed were taken."""
    if plan.last_first:
        return "last_first"
    if plan.by_column:
        return "by_column"
    return "elsewhere" if plan.order == "weights" else plan.order


def _draws_hint(student: Recovered, reference: Recovered) -> str:
    required = reference.drawn.stream.seed if reference.drawn else None
    outside = student.evidence.function.seeded_outside
    if assigns_seed(student.evidence):
        return say("judging.draws.hint.assigned", seed=required)
    if student.drawn and student.drawn.stream.ambient and outside and not student.drawn.stream.continued:
        return say("judging.draws.hint.outside", place=outside, seed=required)
    if any(outcome.call.ambient_seed not in AMBIENT_SEEDS for outcome in reference.evidence.outcomes):
        return say("judging.draws.hint.before", seed=required)
    return say("judging.draws.hint", seed=required)


def _draws_shown(student: Recovered, reference: Recovered) -> Shown | None:
    """Show the first matrix that is not the reference's times a number, at the scale of the student's own."""
    if student.drawn is not None and (student.drawn.stream.ambient or student.drawn.stream.continued):
        return _two_calls(student, reference)
    for outcome, name, got, want in _matrices(student, reference):
        if factor(got, want) is None or (student.altered and not equal(got, want)):
            k = _spread_ratio(got, want)
            proportional = say("judging.tolerance.proportional")
            tolerance = relative() if 0.99 < k < 1.01 else proportional
            return shown(outcome, student.evidence.function.name, name, want, tolerance)
    return None


def _two_calls(student: Recovered, reference: Recovered) -> Shown:
    """Show what the same call gave twice, where no seed makes it give the same."""
    (outcome, name, first, want), *others = _matrices(student, reference)
    second = next(
        got for other, other_name, got, _ in others if other_name == name and other.call.layers == outcome.call.layers
    )
    place = f'{outcome.call.literal(student.evidence.function.name)}["{name}"][0, 0]'
    return Shown(
        say("judging.called_twice", call=place),
        say("judging.called_twice.got", first=first.flat[0], second=second.flat[0]),
        say("judging.called_twice.want", value=want.flat[0]),
        relative(),
    )


@np.errstate(all="ignore")  # the numbers may be huge
def _spread_ratio(got: Floats, want: Floats) -> float:
    top, bottom = float(np.linalg.norm(got)), float(np.linalg.norm(want))
    return top / bottom if bottom and math.isfinite(top) else 1.0


# --- scale ---------------------------------------------------------------------------------------------------------


def _scale_of_same_draws(student: Recovered, reference: Recovered) -> Finding:
    right: list[tuple[Outcome, str]] = []
    for outcome, name, got, want in _matrices(student, reference):
        if equal(got, want):
            right.append((outcome, name))
        else:
            k = factor(got, want) or 0.0
            evidence = shown(outcome, student.evidence.function.name, name, want, relative())
            if abs(k - 1) < FACTOR_TOLERANCE:
                return failed(
                    "judging.scale.inexact", hint=say("judging.scale.inexact.hint"), evidence=evidence, name=name
                )
            hint, ratio = _scale_hint(student, reference), plain(float(f"{k:.6g}"))
            others = [other for call, other in right if call is outcome]
            if others:
                return failed(
                    "judging.scale.times.others",
                    hint=hint,
                    evidence=evidence,
                    name=name,
                    ratio=ratio,
                    right=others,
                    count=len(others),
                )
            return failed("judging.scale.times", hint=hint, evidence=evidence, name=name, ratio=ratio)
    return passed("judging.scale.passed")


def _scale_of_other_draws(student: Recovered, reference: Recovered) -> Finding:
    """Return the finding on factors where the draws are known but are not the required ones."""
    for own in sorted(student.weights, key=lambda own: not own.outcome.call.public):
        sizes = own.outcome.call.layers
        got, want = student.factors(sizes) or (), (reference.factors(sizes) or ())[own.first - 1 :]
        for layer, (mine, required) in enumerate(zip(got, want, strict=False), start=own.first):
            if not abs(mine - required) <= FACTOR_TOLERANCE * abs(required):
                name = _own_name(own.outcome, layer)
                evidence = Shown(
                    f'{own.outcome.call.literal(student.evidence.function.name)}["{name}"]',
                    say("judging.scale.draws_times", factor=mine),
                    say("judging.scale.draws_times", factor=required),
                    say("judging.tolerance.factors", percent=percent(FACTOR_TOLERANCE)),
                )
                return failed("judging.scale.other", hint=_scale_hint(student, reference), evidence=evidence, name=name)
    return passed("judging.scale.passed")


def _scale_by_statistics(student: Recovered, reference: Recovered) -> Finding:
    """Return the finding on scales where the draws are unknown: an interval has to contain the right one."""
    for estimate in sorted(excluded(Case(student, reference)), key=lambda estimate: not estimate.outcome.call.public):
        required = (reference.factors(estimate.outcome.call.layers) or ())[estimate.layer - 1]
        name = _own_name(estimate.outcome, estimate.layer)
        evidence = Shown(
            f'{estimate.outcome.call.literal(student.evidence.function.name)}["{name}"].std()',
            say("judging.scale.between", low=estimate.interval.low, high=estimate.interval.high),
            f"{required:.4g}",
            say("judging.tolerance.standard_errors", errors=SURE),
        )
        return failed("judging.scale.other", hint=_scale_hint(student, reference), evidence=evidence, name=name)
    if not student.estimates:
        return skipped("judging.scale.too_few")
    if differs_elsewhere(Case(student, reference)):
        spread = spread_elsewhere(Case(student, reference))
        evidence = Shown(
            say("judging.scale.elsewhere.call", function=student.evidence.function.name),
            f"{spread:.3g}",
            "1",
            say("judging.tolerance.factor", factor=CLEARLY),
        )
        return failed("judging.scale.elsewhere", hint=_scale_hint(student, reference), evidence=evidence)
    return passed("judging.scale.passed.likely")


def _scale_hint(student: Recovered, reference: Recovered) -> str:
    """Name the factor that is asked for where it is a number; a rule is for the student to find, and the last fold has it."""
    required, yours = reference.formula, student.formula
    if required and _is_number(required):
        if yours:
            return say("judging.scale.hint.both", asked=required, yours=yours)
        return say("judging.scale.hint.asked", asked=required)
    return say("judging.scale.hint.yours", yours=yours) if yours else say("judging.scale.hint")


def _is_number(formula: str) -> bool:
    return formula.lstrip("-").replace(".", "", 1).isdigit()


@np.errstate(all="ignore")  # the numbers may be huge
def _spread(student: Recovered, reference: Recovered) -> Shown | None:
    """Show mean and spread of the largest matrix of a call that a page may name."""
    public = [row for row in _matrices(student, reference) if row[0].call.public]
    if not public:
        return None
    outcome, name, got, want = max(public, key=lambda row: row[2].size)
    mine, required = (
        say("judging.distribution.spread", low=array.min(), high=array.max(), mean=array.mean())
        for array in (got, want)
    )
    call = f'{outcome.call.literal(student.evidence.function.name)}["{name}"]'
    return Shown(call, mine, required, say("judging.tolerance.distribution"))
