"""Are the numbers right: zeros where zeros belong, the right random numbers, times the right factor?"""

from __future__ import annotations

import math

import numpy as np

from grader.judging.checks.compare import Floats, failed, pairs, passed, shown, skipped
from grader.judging.diagnosis import Case, Recovered, shapes
from grader.judging.diagnosis.causes import (
    CLEARLY,
    FOR_BIASES,
    assigns_seed,
    differs_elsewhere,
    excluded,
    spread_elsewhere,
)
from grader.judging.diagnosis.draws import Stream, factor
from grader.judging.diagnosis.recovered import gives, likely_names
from grader.judging.diagnosis.rules import plain
from grader.judging.diagnosis.statistics import SURE
from grader.messages import say
from grader.records import Array, Finding, Outcome, Shown
from grader.records.compare import equal

NOT_JUDGED = "not judged: no weights of the right size came back at the sizes that only the grader knows"
ONE_LAYER = "not judged: one layer alone does not show in which order the numbers are drawn"
FEWEST_LAYERS = 2  # that show an order
EXACT = "exact"
RELATIVE = "each number within 1e-07 of the reference's, relative"
NOT_THESE = "the random numbers are not those of the required seed"


def biases(student: Recovered, reference: Recovered) -> Finding:
    """Every bias is exactly zero."""
    if not _biases_there(student):
        return skipped("not judged: the biases have to be there for all sizes first")
    function = student.evidence.function.name
    for outcome, _ in pairs(student, reference):
        for name, array in _parameters(outcome, "b"):
            if not np.all(array.numpy() == 0):
                evidence = shown(outcome, function, name, "zeros", EXACT)
                hint = "Only weights are random; biases start at zero."
                return failed(f"{name} is not zero", hint=hint, evidence=evidence)
    return passed("all biases are zero")


def weights(student: Recovered, reference: Recovered) -> Finding:
    """Every weight is exactly zero."""
    if not student.judgeable:
        return skipped(NOT_JUDGED)
    function = student.evidence.function.name
    for outcome, _ in pairs(student, reference):
        for name, array in _parameters(outcome, "W"):
            if not np.all(array.numpy() == 0):
                evidence = shown(outcome, function, name, "zeros", EXACT)
                return failed(f"{name} is not zero", hint="np.zeros makes an array of zeros.", evidence=evidence)
    return passed("all weights are zero")


def distribution(student: Recovered, reference: Recovered) -> Finding:
    """The weights are drawn from the standard normal distribution."""
    if not student.judgeable:
        return skipped(NOT_JUDGED)
    wanted = reference.distribution
    if student.distribution == wanted and not student.shift:
        return passed("the weights are normally distributed around 0")
    if any(not np.isfinite(array).all() for own in student.weights for array in own.arrays):
        return skipped(say("draws.not_finite"))
    if student.distribution is None:
        return skipped("not judged: too few numbers came back to tell their distribution")
    words = {
        "zeros": "all weights are zero",
        "constant": "all weights are the same number",
        "uniform": "the weights are uniformly distributed",
        "other": "the weights are not normally distributed around 0",
        "normal": f"the weights are normally distributed, but around {student.shift or 0:.6g}, not around 0",
    }
    hint = say("draws.uniform.hint" if student.distribution == "uniform" else "draws.distribution.hint")
    return failed(words[student.distribution], hint=hint, evidence=_spread(student, reference))


def draws(student: Recovered, reference: Recovered) -> Finding:
    """The random numbers are those of the required seed, from the first, in order."""
    layers = max((len(own.arrays) for own in student.weights), default=0)
    if layers < FEWEST_LAYERS or not student.judgeable:
        return skipped(ONE_LAYER if layers == 1 and student.judgeable else NOT_JUDGED)
    if student.altered:
        message, hint = say(f"draws.{student.altered}"), say("draws.altered.hint")
        return failed(message, hint=hint, evidence=_draws_shown(student, reference))
    if _same_draws(student, reference):
        return passed("the numbers are those of the required seed")
    if distribution(student, reference).verdict != "passed":
        return skipped("the distribution explains this")
    if _biases_took_draws(student):
        return skipped("the random biases explain this: their numbers were drawn in between")
    message, hint = _draws_differ(student, reference), _draws_hint(student, reference)
    return failed(message, hint=hint, evidence=_draws_shown(student, reference))


def scale(student: Recovered, reference: Recovered) -> Finding:
    """The random numbers are multiplied with the required factor."""
    if not student.judgeable:
        return skipped(NOT_JUDGED)
    if student.altered:
        return passed("the scale is right")
    first_missing = student.drawn is not None and any(own.first > 1 for own in student.weights)
    if _same_draws(student, reference) and not first_missing:
        return _scale_of_same_draws(student, reference)
    if student.drawn is not None:
        return _scale_of_other_draws(student, reference)
    if distribution(student, reference).verdict != "passed":
        return skipped("the distribution explains this")
    return _scale_by_statistics(student, reference)


# --- what is there -------------------------------------------------------------------------------------------------


def _parameters(outcome: Outcome, kind: str) -> list[tuple[str, Array]]:
    """Return the parameters of a kind that came back, under their own names or those that plainly mean them."""
    names = (name for asked, name in likely_names(outcome).items() if asked.startswith(kind))
    return [(name, outcome.arrays[name]) for name in names if name in outcome.arrays]


def _biases_there(student: Recovered) -> bool:
    """Return whether biases of the right size came back at sizes that nobody could know, wherever any came back there."""
    there = [one for one in student.evidence.answered if not one.call.public and gives(one, "b")]
    return bool(there) and all(_has_a_bias(outcome) for outcome in there)


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
    found = sorted(student.weights, key=lambda own: not own.outcome.call.public)
    return [
        (own.outcome, _own_name(own.outcome, layer), got, want)
        for own in found
        for layer, (got, want) in enumerate(
            zip(own.arrays, wanted[own.outcome.call][own.first - 1 :], strict=False), start=own.first
        )
    ]


def _own_name(outcome: Outcome, layer: int) -> str:
    """Return the name under which the weights of a layer came back, which may be one that plainly means them."""
    return likely_names(outcome)[f"W{layer}"]


def _same_draws(student: Recovered, reference: Recovered) -> bool:
    """Return whether every matrix is the reference's times one number."""
    mine, asked, matrices = student.drawn, reference.drawn, _matrices(student, reference)
    if mine and asked and mine.stream == asked.stream and mine.whole and not mine.shifted:
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


def _draws_differ(student: Recovered, reference: Recovered) -> str:
    drawn = student.drawn
    if drawn is None:
        near = [np.allclose(got, want, rtol=0.1, atol=0.01) for _, _, got, want in _matrices(student, reference)]
        return "the random numbers are close to those asked for, but not equal" if all(near) else NOT_THESE
    stream = drawn.stream
    if stream.continued and stream.legacy:
        return say("draws.generator_outside")
    if stream.ambient:
        return "the random numbers are different at every call: no seed in the function decides them"
    if not stream.legacy:
        seed = "" if stream.seed is None else f", seed {stream.seed}"
        return f"the random numbers come from another generator ({stream.generator}{seed})"
    required = reference.drawn.stream.seed if reference.drawn else None
    if stream.plan.order != "reset_per_layer" and stream.seed != required:
        return f"the random numbers are those of seed {stream.seed}"
    return f"the random numbers are those of seed {required}, but {_otherwise(stream)}"


def _otherwise(stream: Stream) -> str:
    """Say in which order the numbers of the seed were taken."""
    plan = stream.plan
    if plan.order == "reset_per_layer":
        return "a seed is set again in every layer" if stream.seed is None else "it is set again in every layer"
    if plan.last_first:
        return "the layers are drawn from the last to the first"
    if plan.by_column:
        return "the matrices are filled column by column"
    if plan.skipped:
        return (
            f"{plan.skipped} numbers are drawn before the first weight"
            if plan.skipped > 1
            else "one number is drawn before the first weight"
        )
    return {
        "weights_and_biases": "numbers are drawn for the biases as well, so the later weights are displaced",
        "biases_and_weights": "numbers are drawn for the biases before the weights, so the weights are displaced",
        "biases_first": "numbers are drawn for the biases first, so the weights are displaced",
        "other_biases": "numbers are drawn for the biases as well, so the later weights are displaced",
        "one_more_each": "one more number is drawn in every layer, so the later weights are displaced",
        "weights_twice": "the weights are drawn twice, so the later ones are displaced",
        "weights_again": "the weights are drawn twice, so they are displaced",
    }.get(plan.order, "they are taken from another place")


def _draws_hint(student: Recovered, reference: Recovered) -> str:
    required = reference.drawn.stream.seed if reference.drawn else None
    outside = student.evidence.function.seeded_outside
    if assigns_seed(student.evidence):
        return f"You assign to np.random.seed, which sets no seed; call it: np.random.seed({required})."
    if student.drawn and student.drawn.stream.ambient and outside and not student.drawn.stream.continued:
        return f"The seed is set outside the function ({outside}); set it inside: np.random.seed({required})."
    return (
        f"Set the seed once, inside the function and before the loop: np.random.seed({required}); then draw W1, W2, …"
    )


def _draws_shown(student: Recovered, reference: Recovered) -> Shown | None:
    """Show the first matrix that is not the reference's times a number, at the scale of the student's own."""
    if student.drawn is not None and (student.drawn.stream.ambient or student.drawn.stream.continued):
        return _two_calls(student, reference)
    for outcome, name, got, want in _matrices(student, reference):
        if factor(got, want) is None or (student.altered and not equal(got, want)):
            k = _spread_ratio(got, want)
            proportional = "these numbers all times one factor would do for this check, each within 1e-06"
            tolerance = RELATIVE if 0.99 < k < 1.01 else proportional
            return shown(outcome, student.evidence.function.name, name, want, tolerance)
    return None


def _two_calls(student: Recovered, reference: Recovered) -> Shown:
    """Show what the same call gave twice, where no seed makes it give the same."""
    (outcome, name, one, want), *others = _matrices(student, reference)
    two = next(got for other, again, got, _ in others if again == name and other.call.layers == outcome.call.layers)
    return Shown(
        f'{outcome.call.literal(student.evidence.function.name)}["{name}"][0, 0], called twice',
        f"{one.flat[0]:.8g} and then {two.flat[0]:.8g}",
        f"the same both times; with the required seed {want.flat[0]:.8g}",
        RELATIVE,
    )


@np.errstate(all="ignore")  # the numbers may be huge
def _spread_ratio(got: Floats, want: Floats) -> float:
    top, bottom = float(np.linalg.norm(got)), float(np.linalg.norm(want))
    return top / bottom if bottom and math.isfinite(top) else 1.0


# --- scale ---------------------------------------------------------------------------------------------------------


def _scale_of_same_draws(student: Recovered, reference: Recovered) -> Finding:
    for outcome, name, got, want in _matrices(student, reference):
        if not equal(got, want):
            k = factor(got, want) or 0.0
            evidence = shown(outcome, student.evidence.function.name, name, want, RELATIVE)
            if abs(k - 1) < 1e-6:
                return failed(
                    f"{name} is not exact", hint="Leave the numbers as they are, unrounded.", evidence=evidence
                )
            by = plain(float(f"{k:.6g}"))
            message = f"{name} has another scale: it is {by} times the weights asked for"
            return failed(message, hint=_scale_hint(student, reference), evidence=evidence)
    return passed("the scale is right")


def _scale_of_other_draws(student: Recovered, reference: Recovered) -> Finding:
    """Compare factors where the draws are known but are not the required ones."""
    for own in sorted(student.weights, key=lambda own: not own.outcome.call.public):
        sizes = own.outcome.call.layers
        got, want = student.factors(sizes) or (), (reference.factors(sizes) or ())[own.first - 1 :]
        for layer, (mine, asked) in enumerate(zip(got, want, strict=False), start=own.first):
            if not abs(mine - asked) <= 1e-6 * abs(asked):
                name = _own_name(own.outcome, layer)
                evidence = Shown(
                    f'{own.outcome.call.literal(student.evidence.function.name)}["{name}"]',
                    f"the random numbers times {mine:.6g}",
                    f"the random numbers times {asked:.6g}",
                    "1e-06, relative",
                )
                return failed(f"{name} has another scale", hint=_scale_hint(student, reference), evidence=evidence)
    return passed("the scale is right")


def _scale_by_statistics(student: Recovered, reference: Recovered) -> Finding:
    """Judge by an interval where the draws cannot be known."""
    for estimate in sorted(excluded(Case(student, reference)), key=lambda one: not one.outcome.call.public):
        asked = (reference.factors(estimate.outcome.call.layers) or ())[estimate.layer - 1]
        name = _own_name(estimate.outcome, estimate.layer)
        evidence = Shown(
            f'{estimate.outcome.call.literal(student.evidence.function.name)}["{name}"].std()',
            f"between {estimate.interval.low:.3g} and {estimate.interval.high:.3g}",
            f"{asked:.4g}",
            f"{SURE} standard errors",
        )
        return failed(f"{name} has another scale", hint=_scale_hint(student, reference), evidence=evidence)
    if not student.estimates:
        return skipped("not judged: too few numbers came back to tell their scale")
    if differs_elsewhere(Case(student, reference)):
        call = f"{student.evidence.function.name}(other layer sizes): the spread of all weights, as a share of that asked for"
        spread = spread_elsewhere(Case(student, reference))
        evidence = Shown(call, f"{spread:.3g}", "1", f"a factor of {CLEARLY}")
        return failed(
            "the scale is another one at other layer sizes", hint=_scale_hint(student, reference), evidence=evidence
        )
    return passed("the scale is right, as far as statistics can tell")


def _scale_hint(student: Recovered, reference: Recovered) -> str:
    asked = f"The factor asked for is {reference.formula}" if reference.formula else "Look at the factor"
    return f"{asked}; yours is {student.formula}." if student.formula else f"{asked}."


@np.errstate(all="ignore")  # the numbers may be huge
def _spread(student: Recovered, reference: Recovered) -> Shown | None:
    """Show mean and spread of the largest matrix of a call that a page may name."""
    found = [row for row in _matrices(student, reference) if row[0].call.public]
    if not found:
        return None
    outcome, name, got, want = max(found, key=lambda row: row[2].size)
    mine, asked = (f"from {a.min():.4g} to {a.max():.4g}, mean {a.mean():.4g}" for a in (got, want))
    call = f'{outcome.call.literal(student.evidence.function.name)}["{name}"]'
    return Shown(call, mine, asked, "a test of the distribution")
