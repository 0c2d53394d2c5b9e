"""What the numbers of one function say, measured once: structure, stream, factors, distribution, biases.

A pure function of evidence.  Checks judge by it, the diagnosis names it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice, pairwise
from typing import Literal

import numpy as np

from grader.judging.diagnosis import draws, rules, statistics
from grader.records import Array, Biases, Distribution, Floats, FunctionEvidence, Outcome
from grader.records.compare import equal, same

Turn = Callable[[Floats], Floats]
Altered = Literal["rounded", "clipped"]

FEWEST_SIZES = 2  # different layers that a rule has to hold for
MOST_DIGITS = 10  # behind the point, of numbers that were rounded
MOST_APART = 0.5  # share of a number that cutting its digits or extremes takes away, in the median
NOISE = 1e-13  # of numbers that were divided
HALF = 1e-3  # as exact as half precision (float16)
FEW_AT_EXTREMES = 20  # numbers of a matrix of which few lie at the extremes if they were clipped there


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights of one outcome in the required shapes, of neighbouring layers from number `first`.

    Left out are layers that did not come back, or not with as many numbers as asked for.
    """

    outcome: Outcome
    arrays: tuple[Floats, ...]
    transposed: bool
    first: int = 1

    @property
    def drawn_for(self) -> Outcome:
        """The outcome as if the layers before the first were not asked for: their numbers may not have been drawn."""
        call = self.outcome.call
        return (
            self.outcome
            if self.first == 1
            else replace(self.outcome, call=replace(call, layers=call.layers[self.first - 1 :]))
        )


@dataclass(frozen=True, slots=True)
class Estimate:
    """Where the factor of one layer lies, by statistics: of `outcome`, its layer counted from 1."""

    outcome: Outcome
    layer: int
    interval: statistics.Interval


@dataclass(frozen=True, slots=True)
class Recovered:
    """What was measured on one function's evidence.

    `formula` is the rule of the factors in the words of the contract, `rule` the same in a wider grammar; `measured` says
    whether there were factors enough to tell one rule from another.  Where the draws
    are unknown, `estimates` say where the factors lie, and the formula is that asked for if it lies within, or None.
    `altered` says that these are the draws asked for but for digits or extremes that were cut off.
    """

    evidence: FunctionEvidence
    weights: tuple[Weights, ...]
    drawn: draws.Drawn | None
    distribution: Distribution | None
    formula: str | None
    biases: Biases | None
    rule: str | None = None
    measured: bool = False
    estimates: tuple[Estimate, ...] = ()
    altered: Altered | None = None

    @property
    def judgeable(self) -> bool:
        """Whether weights of the right size came back at sizes that nobody could know, wherever any came back there.

        Being right at the published sizes earns nothing, and one size may be met by chance.
        """
        measured = {own.outcome.call for own in self.weights}
        required = [
            outcome.call for outcome in self.evidence.answered if not outcome.call.public and gives(outcome, "W")
        ]
        return bool(required) and measured.issuperset(required)

    @property
    def shift(self) -> float | None:
        """What was added to the draws of the first layer, in the first call; None where the draws are unknown."""
        fits = [fit for fits in self.drawn.fits for fit in fits if fit] if self.drawn else []
        return fits[0].shift if fits else None

    def factors(self, sizes: tuple[int, ...]) -> tuple[float, ...] | None:
        """Return the factor of each layer on the calls with these sizes, or None where the draw is not known."""
        if self.drawn is None:
            return None
        for own, factors in zip(self.weights, self.drawn.factors, strict=True):
            if own.outcome.call.layers == sizes and own.arrays:
                recognised = tuple(factor for factor in factors if factor is not None)
                return recognised if len(recognised) == len(factors) else None
        return None


@np.errstate(all="ignore")  # a student's numbers may overflow; that is a finding, not a fault
def recover(evidence: FunctionEvidence, reference: Recovered | None = None) -> Recovered:
    """Measure everything that the numbers say; the reference's seed is tried first, and in every order of drawing."""
    if reference is not None and same(evidence.outcomes, reference.evidence.outcomes):
        return replace(reference, evidence=evidence)
    returned = evidence.answered
    likely_seeds = _seeds(reference)
    weights = _all_weights(returned)
    distribution, drawn = _still(weights), None
    altered = _altered(weights, reference) if distribution is None else None
    if altered and reference is not None:
        return replace(reference, evidence=evidence, weights=weights, biases=_biases(returned), altered=altered)
    estimates: tuple[Estimate, ...] = ()
    if distribution is None:
        weights, drawn = _drawn(returned, likely_seeds)
        if drawn is not None and drawn.vanishing and rules.wider(_measured(weights, drawn)) is None:
            drawn = None  # zeros that no rule gives are not draws
        if drawn is None:
            distribution = statistics.distribution([array for own in weights for array in own.arrays])
            estimates = _estimates(weights, distribution)
        else:
            distribution = "other" if drawn.stream.absolute else drawn.stream.kind
    measured = _measured(weights, drawn)
    return Recovered(
        evidence=evidence,
        weights=weights,
        drawn=drawn,
        distribution=distribution,
        formula=rules.formula(measured) or _as_asked(estimates, reference),
        biases=_biases(returned),
        rule=rules.wider(measured),
        measured=bool(measured),
        estimates=estimates,
    )


def measure_more(measured: Recovered, outcomes: Sequence[Outcome]) -> Recovered:
    """Return what is measured on other calls of the same code: stream, rule and distribution stay the same."""
    weights = _all_weights(outcomes)
    drawn = measured.drawn and _drawn_again(measured.weights, measured.drawn, weights)
    return replace(
        measured, evidence=replace(measured.evidence, outcomes=tuple(outcomes)), weights=weights, drawn=drawn
    )


def _drawn_again(before: Sequence[Weights], drawn: draws.Drawn, weights: Sequence[Weights]) -> draws.Drawn | None:
    """Return what was done to the same draws on other calls; on those that were measured before it is known."""
    calls = (own.outcome.call for own in before)
    fits = {} if drawn.shifted else dict(zip(calls, drawn.fits, strict=True))  # with a shift, one call tells of another
    new = [own for own in weights if own.outcome.call not in fits]
    more = draws.explained(drawn.stream, [own.outcome for own in new], [own.arrays for own in new])
    if more is None:
        return None
    fits |= {own.outcome.call: fits_of_call for own, fits_of_call in zip(new, more.fits, strict=True)}
    return replace(drawn, fits=tuple(fits[own.outcome.call] for own in weights))


def within(evidence: FunctionEvidence, reference: FunctionEvidence, rtol: float, atol: float) -> FunctionEvidence:
    """Return evidence in which arrays that lie within a wider tolerance of the reference's are the reference's.

    So every check and the diagnosis judge by one tolerance.
    """
    wanted = {outcome.call: outcome.arrays for outcome in reference.outcomes}

    def nearest(got: Array, want: Array | None) -> Array:
        if want is None or not got.is_float_array or got.shape != want.shape or len(got.data) != len(want.data):
            return got
        mine, theirs = got.numpy(), want.numpy()
        return replace(got, data=want.data) if (np.abs(mine - theirs) <= atol + rtol * np.abs(theirs)).all() else got

    outcomes = (
        replace(
            outcome,
            arrays={name: nearest(got, wanted.get(outcome.call, {}).get(name)) for name, got in outcome.arrays.items()},
        )
        for outcome in evidence.outcomes
    )
    return replace(evidence, outcomes=tuple(outcomes))


def _seeds(reference: Recovered | None) -> tuple[int, ...]:
    seed = reference.drawn.stream.seed if reference and reference.drawn else None
    return () if seed is None else (seed,)


def _drawn(returned: Sequence[Outcome], likely_seeds: Sequence[int]) -> tuple[tuple[Weights, ...], draws.Drawn | None]:
    """Recover the stream, from swapped matrices in both ways in which they can have been filled."""
    ways: list[Turn] = [_as_drawn, np.transpose]
    for way in ways:
        weights = _all_weights(returned, way)
        outcomes, arrays = [own.drawn_for for own in weights], [own.arrays for own in weights]
        drawn = draws.recover(outcomes, arrays, likely_seeds)
        if drawn or not any(own.transposed for own in weights):
            return weights, drawn
    return _all_weights(returned), None


def _as_drawn(array: Floats) -> Floats:
    """Return a swapped matrix with its numbers in the order in which they were drawn."""
    return array.reshape(array.shape[::-1])


def _all_weights(returned: Sequence[Outcome], turn: Turn = np.transpose) -> tuple[Weights, ...]:
    return tuple(own for outcome in returned if (own := _weights(outcome, turn)).arrays)


def shapes(layers: Sequence[int]) -> Mapping[str, tuple[int, int]]:
    """Return the required shape of every parameter, weights and bias of the first layer first."""
    return _shapes(tuple(layers))


@lru_cache(512)  # those of one call are asked for dozens of times
def _shapes(layers: tuple[int, ...]) -> Mapping[str, tuple[int, int]]:
    required: dict[str, tuple[int, int]] = {}
    for layer, (n_prev, n) in enumerate(pairwise(layers), start=1):
        required[f"W{layer}"] = (n, n_prev)
        required[f"b{layer}"] = (n, 1)
    return required


def _weights(outcome: Outcome, turn: Turn) -> Weights:
    """Return the first neighbouring layers of which as many weights came back as asked for, turned where sides are swapped."""
    arrays, transposed, first = list[Floats](), False, 1
    names = likely_names(outcome)
    for layer, (name, shape) in enumerate(islice(shapes(outcome.call.layers).items(), 0, None, 2), start=1):
        array = outcome.numpy(names[name])
        if array is None or array.shape not in (shape, shape[::-1]):
            if arrays:
                break  # those before it are measured all the same
            continue
        first = layer if not arrays else first
        arrays.append(array if array.shape == shape else turn(array))
        transposed |= array.shape != shape
    return Weights(outcome, tuple(arrays), transposed, first)


_SPELLED = re.compile(r"([WwBb])(?:eights?|ias|iases)?[ _\-\[]*(\d{1,3})\]?")


def letter_of(name: str) -> str:
    """Return W or b where a name plainly means a parameter, as W1, b0 and B1 do; else nothing."""
    spelled = _SPELLED.fullmatch(name)
    return "" if spelled is None else "W" if spelled[1] in "Ww" else "b"


@lru_cache(512)  # asked for as often as the shapes
def _same_names(layers: tuple[int, ...]) -> Mapping[str, str]:
    return {name: name for name in _shapes(layers)}


def likely_names(outcome: Outcome) -> Mapping[str, str]:
    """Return for each required name the one that it came back under: its own, or the one that plainly means it.

    So `w1` and `W_1` stand for `W1`, and where layers are counted from 0, `W0` does.
    """
    required = shapes(outcome.call.layers)
    if required.keys() <= outcome.arrays.keys():
        return _same_names(tuple(outcome.call.layers))
    meant: dict[str, str] = {}
    for name in outcome.arrays:
        if spelled := _SPELLED.fullmatch(name):
            plain = f"{letter_of(name)}{int(spelled[2])}"
            if plain not in outcome.arrays:
                meant.setdefault(plain, name)
    names = {name: name if name in outcome.arrays else meant.get(name, name) for name in required}
    from_zero = {name: _before(name, outcome, meant) for name in required}
    ways = [names, from_zero]
    return max(ways, key=lambda way: sum(_fits(outcome, way[name], sides) for name, sides in required.items()))


def gives(outcome: Outcome, kind: str) -> bool:
    """Return whether parameters of a kind came back, of whatever size."""
    return any(name in outcome.arrays for required, name in likely_names(outcome).items() if required.startswith(kind))


def _before(name: str, outcome: Outcome, meant: Mapping[str, str]) -> str:
    """Return the name of a parameter where layers are counted from 0."""
    lower = f"{name[0]}{int(name[1:]) - 1}"
    return lower if lower in outcome.arrays else meant.get(lower, lower)


def _fits(outcome: Outcome, name: str, sides: tuple[int, int]) -> bool:
    return name in outcome.arrays and outcome.arrays[name].shape in (sides, sides[::-1])


def _still(weights: Sequence[Weights]) -> Distribution | None:
    """Return `zeros` or `constant` if no random numbers were drawn, else None."""
    arrays = [array for own in weights for array in own.arrays]
    if not arrays:
        return None
    if not any(array.any() for array in arrays):
        return "zeros"
    return "constant" if all((array == array.flat[0]).all() for array in arrays) else None


def _measured(weights: Sequence[Weights], drawn: draws.Drawn | None) -> list[rules.Layer]:
    """Return every layer of every call with its factor; nothing where they are too few to tell one rule from another."""
    pairs = zip(weights, drawn.factors, strict=True) if drawn else ()
    measured = [
        layer
        for own, factors in pairs
        for layer in rules.layers(own.outcome.call.layers, [*[None] * (own.first - 1), *factors])
    ]
    return measured if len({(layer.n_in, layer.n_out) for layer in measured}) >= FEWEST_SIZES else []


def _estimates(weights: Sequence[Weights], distribution: Distribution | None) -> tuple[Estimate, ...]:
    """Return where the factors lie that can be estimated."""
    if distribution not in ("normal", "uniform"):
        return ()
    return tuple(
        Estimate(own.outcome, layer, statistics.scale(array, distribution))
        for own in weights
        for layer, array in enumerate(own.arrays, start=own.first)
        if array.size >= statistics.ENOUGH
    )


def _as_asked(estimates: Sequence[Estimate], reference: Recovered | None) -> str | None:
    """Return the rule that is asked for if it lies within all bounds; bounds do not prove another rule."""
    factors = [_asked_factor(estimate, reference) for estimate in estimates]
    within_all = all(
        factor is not None and factor in estimate.interval for factor, estimate in zip(factors, estimates, strict=True)
    )
    return reference.formula if reference and estimates and within_all else None


def _asked_factor(estimate: Estimate, reference: Recovered | None) -> float | None:
    factors = reference.factors(estimate.outcome.call.layers) if reference else None
    return abs(factors[estimate.layer - 1]) if factors and estimate.layer <= len(factors) else None


# --- digits or extremes cut off ------------------------------------------------------------------------------------


@np.errstate(all="ignore")  # a factor of 0
def _altered(weights: Sequence[Weights], reference: Recovered | None) -> Altered | None:
    """Return whether these are the reference's weights with digits or extremes cut off, and nothing else."""
    if reference is None or reference.drawn is None or any(own.transposed for own in weights):
        return None
    if [(own.outcome.call, len(own.arrays)) for own in weights] != [
        (own.outcome.call, len(own.arrays)) for own in reference.weights
    ]:
        return None
    wanted = {own.outcome.call: own.arrays for own in reference.weights}
    firsts = [(own.arrays[0], wanted.get(own.outcome.call, ())[:1]) for own in weights[:1] if own.arrays]
    if any(
        required and np.median(np.abs(got - required[0]) / np.abs(required[0])) > MOST_APART for got, required in firsts
    ):
        return None  # most functions: their numbers are others altogether
    pairs, draws_of = list[tuple[Floats, Floats]](), list[tuple[Floats, Floats]]()
    for own in weights:
        required, factors = wanted.get(own.outcome.call, ()), reference.factors(own.outcome.call.layers) or ()
        for got, want, times in zip(own.arrays, required, factors, strict=False):
            pairs.append((got, want))
            draws_of.append((got / times, want / times))
    if not pairs or not all(np.isfinite(got).all() for got, _ in pairs) or all(equal(*pair) for pair in pairs):
        return None
    if _rounded(pairs) or _rounded(draws_of):
        return "rounded"
    return "clipped" if _clipped(pairs) else None


def _rounded(pairs: Sequence[tuple[Floats, Floats]]) -> bool:
    """Return whether all numbers have few digits and lie as near to those asked for as that allows."""
    for digits in range(MOST_DIGITS + 1):
        if all((np.abs(np.round(got, digits) - got) <= NOISE * (1 + np.abs(got))).all() for got, _ in pairs):
            return all((np.abs(got - want) <= 10.0**-digits * (1 + 1e-9)).all() for got, want in pairs)
    halves = all((got.astype(np.float16) == got).all() for got, _ in pairs)
    return halves and all((np.abs(got - want) <= HALF * np.abs(want) + 1e-7).all() for got, want in pairs)


def _clipped(pairs: Sequence[tuple[Floats, Floats]]) -> bool:
    """Return whether each matrix is the reference's between its own extremes, and a large one has few at them."""
    if not all(equal(got, np.clip(want, got.min(), got.max())) for got, want in pairs):
        return False
    large = [(got, want) for got, want in pairs if got.size >= FEW_AT_EXTREMES]
    return any(0 < np.count_nonzero(np.abs(got - want) > 0) <= got.size / 4 for got, want in large)


def _biases(returned: Sequence[Outcome]) -> Biases | None:
    """Return what came back under the biases' names: zeros, other numbers, another shape, or nothing."""
    if not returned:
        return None
    biases = [(outcome, name) for outcome in returned for name in shapes(outcome.call.layers) if name in outcome.arrays]
    biases = [(outcome, name) for outcome, name in biases if name.startswith("b")]
    if not biases:
        return "missing"
    if not all(_is_column(outcome, name) for outcome, name in biases):
        return "wrong_shape"
    return "nonzero" if any((outcome.arrays[name].numpy() != 0).any() for outcome, name in biases) else "zeros"


def _is_column(outcome: Outcome, name: str) -> bool:
    """Return whether a bias is a column as long as the layer that was asked for, or that the function made."""
    shape, weights, sides = outcome.arrays[name].shape, outcome.arrays.get(f"W{name[1:]}"), shapes(outcome.call.layers)
    meant = (required for required, likely in likely_names(outcome).items() if likely == name)
    lengths = {sides[name][0], *(sides[required][0] for required in meant), *(weights.shape[:1] if weights else ())}
    return len(shape) == 2 and shape[1] == 1 and shape[0] in lengths
