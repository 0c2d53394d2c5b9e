"""Which random numbers were drawn, in which order, and what was done to them: recovered from the weights alone.

The weights of a layer are a piece of a row of random numbers (`streams`), times one factor, perhaps shifted.  Where the
pieces of all layers lie in the row is the order in which they were drawn.  What is found on the largest call has to
explain every weight of every call. If they do not, nothing is claimed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise, product
from typing import Literal

import numpy as np

from grader.exercise.load import AMBIENT_SEEDS
from grader.judging.diagnosis.streams import KINDS, LEGACY, Kind, Row, beginning_with, ratios, with_near
from grader.records import Floats, Outcome

Order = Literal[
    "weights",
    "weights_and_biases",
    "biases_and_weights",
    "biases_first",
    "one_more_each",
    "weights_twice",
    "weights_again",
    "other_biases",
    "reset_per_layer",
    "elsewhere",
]

FACTOR_TOLERANCE = 1e-6  # relative; float32 weights round at 6e-8
RATIO_TOLERANCE = 1e-4  # of ratios of differences, where digits are lost; what is found is looked at closely
LIKELY_SEEDS = (*range(64), *range(2015, 2031), 100, 123, 1234, 12345)  # rows that are searched beyond their beginning
FEWEST = 8  # numbers of one call that a stream is recognised by
MOST_LOOKED_AT = 200  # places in a row at which a ratio agrees by chance
FEWEST_LOOKED_UP = 4  # numbers by which the seed of one layer is looked up
HIGHEST_SEED = 2**32 - 1  # of the legacy generator
SEARCHED = 3  # times as many numbers as the weights need

# how many numbers are drawn in addition to a layer's weights, for its sizes: after them, and before them
_BETWEEN: Mapping[Order, tuple[Callable[[int, int], int], Callable[[int, int], int]]] = {
    "weights": (lambda _in, _out: 0, lambda _in, _out: 0),
    "weights_and_biases": (lambda _in, out: out, lambda _in, _out: 0),
    "biases_and_weights": (lambda _in, _out: 0, lambda _in, out: out),
    "one_more_each": (lambda _in, _out: 1, lambda _in, _out: 0),
    "weights_twice": (lambda n_in, out: n_in * out, lambda _in, _out: 0),
    "weights_again": (lambda _in, _out: 0, lambda n_in, out: n_in * out),
}


@dataclass(frozen=True, slots=True)
class DrawPlan:
    """The order in which random numbers were taken from a row.

    `skipped` numbers were drawn first and thrown away; `last_first` counts layers from the end; `by_column` says that each
    matrix was filled column by column: drawn with its sides swapped and turned, or reshaped in Fortran's order.
    """

    order: Order = "weights"
    last_first: bool = False
    by_column: bool = False
    skipped: int = 0

    def starts(self, layers: Sequence[int]) -> list[int]:
        """Return where the weights of each layer begin in the row, first layer first."""
        sizes = list(pairwise(layers))
        if self.order == "reset_per_layer":
            return [self.skipped] * len(sizes)
        if self.order == "biases_first":
            after, before = _BETWEEN["weights"]
            at = self.skipped + sum(layers[1:])
        else:
            after, before = _BETWEEN[self.order]
            at = self.skipped
        starts = []
        for n_in, n_out in reversed(sizes) if self.last_first else sizes:
            at += before(n_in, n_out)
            starts.append(at)
            at += n_in * n_out + after(n_in, n_out)
        return starts[::-1] if self.last_first else starts

    @property
    def as_required(self) -> bool:
        """Whether nothing but the weights was drawn, first layer first, row by row."""
        return self == DrawPlan()


@dataclass(frozen=True, slots=True)
class Stream:
    """The rows of random numbers that the layers were drawn from, and the order of drawing.

    One row for all layers, or, where a seed is set in each layer, one for each.  These are the rows of the largest call:
    the seeds of another call follow from them, unless they are `irregular`, as in ``seed(100 // l)``.
    """

    rows: tuple[Row, ...]
    plan: DrawPlan
    absolute: bool = False  # the sign was taken away
    irregular: bool = False  # the seeds follow no sequence known here, so each call's are looked up
    continued: bool = False  # the generator is made once, so each call goes on where the one before it ended

    @property
    def kind(self) -> Kind:
        """The distribution."""
        return self.rows[0].kind

    @property
    def generator(self) -> str:
        """The generator."""
        return self.rows[0].generator

    @property
    def legacy(self) -> bool:
        """Whether it is the generator of np.random.seed and np.random.randn."""
        return self.generator == LEGACY

    @property
    def seed(self) -> int | None:
        """The seed, None if none was set or if each layer has its own."""
        seeds = {row.seed for row in self.rows}
        return seeds.pop() if len(seeds) == 1 else None

    @property
    def ambient(self) -> bool:
        """Whether the numbers follow the state before the call: no seed was set."""
        return self.rows[0].seed is None

    def row(self, layer: int) -> Row | None:
        """Return the row of a layer, counted from 0; seeds that go up with the layer go on beyond those that were seen.

        None if that number is not a seed.
        """
        if layer < len(self.rows):
            return self.rows[layer]
        if len(self.rows) == 1:
            return self.rows[0]
        first, second = (row.seed or 0 for row in self.rows[:2])
        seed = first + layer * (second - first)
        return Row(self.generator, seed, self.kind) if 0 <= seed <= HIGHEST_SEED else None

    def draws(self, layers: Sequence[int], ambient_seed: int, earlier: int = 0) -> list[Floats]:
        """Return the standard draws of every weight matrix, first layer first, each of shape (n_l, n_{l-1}).

        `earlier` is how many numbers the calls before this one took, for a generator that goes on.
        """
        if self.plan.order == "other_biases":
            return self.rows[0].with_other_biases(layers, ambient_seed)
        before = earlier if self.continued else 0
        return self.draws_at(layers, ambient_seed, [at + before for at in self.plan.starts(layers)])

    def draws_at(self, layers: Sequence[int], ambient_seed: int, starts: Sequence[int | None]) -> list[Floats]:
        """Return the standard draws of the layers whose numbers begin at these places; NaN where none is given."""
        drawn = []
        for layer, ((n_in, n_out), at) in enumerate(zip(pairwise(layers), starts, strict=False)):
            row = self.row(layer)
            if at is None or row is None:
                drawn.append(np.full((n_out, n_in), np.nan))
                continue
            numbers = row.numbers(at + n_in * n_out, ambient_seed)[at : at + n_in * n_out]
            drawn.append(numbers.reshape((n_in, n_out)).T if self.plan.by_column else numbers.reshape((n_out, n_in)))
        return [np.abs(own) for own in drawn] if self.absolute else drawn


@dataclass(frozen=True, slots=True)
class Fit:
    """The weights of a layer are `times` the draws plus `shift`."""

    times: float
    shift: float = 0.0


@dataclass(frozen=True, slots=True)
class Drawn:
    """A recognised stream and, for each outcome, what was done to the draws of every layer.

    Where the order has no name (`elsewhere`) layers of fewer than three numbers cannot be found; they have None.
    """

    stream: Stream
    fits: tuple[tuple[Fit | None, ...], ...]

    @property
    def factors(self) -> tuple[tuple[float | None, ...], ...]:
        """The factor of every layer, for each outcome."""
        return tuple(tuple(None if fit is None else fit.times for fit in fits) for fits in self.fits)

    @property
    def whole(self) -> bool:
        """Whether every layer of every outcome was found in the row."""
        return all(fit is not None for fits in self.fits for fit in fits)

    @property
    def vanishing(self) -> bool:
        """Whether the draws of a layer were multiplied with 0."""
        return any(fit.times == 0 for fits in self.fits for fit in fits if fit)

    @property
    def shifted(self) -> bool:
        """Whether something was added to the draws."""
        return any(fit.shift != 0 for fits in self.fits for fit in fits if fit)


@dataclass(frozen=True, slots=True)
class _MeasuredCall:
    """One call of a function with the weights that came back."""

    layers: tuple[int, ...]
    ambient_seed: int
    weights: tuple[Floats, ...]
    first_biases: Floats | None
    earlier: int  # numbers that the weights of the calls before it have

    @property
    def smallest(self) -> int:
        """How many numbers the smallest matrix has that is not zero."""
        return min((own.size for own in self.weights if own.any()), default=0)

    @property
    def size(self) -> int:
        """How many numbers the matrices have together that are not zero."""
        return sum(own.size for own in self.weights if own.any())


def recover(
    outcomes: Sequence[Outcome],
    weights: Sequence[Sequence[Floats]],
    likely_seeds: Sequence[int] = (),
) -> Drawn | None:
    """Return the stream that explains all weights of all outcomes, or None.

    Parameters
    ----------
    outcomes : sequence of Outcome
        Calls that returned.
    weights : sequence of sequences of ndarray
        For each outcome its weight matrices, first layer first, in the required shapes.
    likely_seeds : sequence of int
        Seeds that are tried first, and beyond the beginning of their rows.
    """
    calls = _calls(outcomes, weights)
    largest = max(calls, key=lambda call: (call.smallest >= 3, call.size), default=None)
    if largest is None or largest.size < FEWEST or not all(_usable(own) for own in largest.weights if own.any()):
        return None
    explanations = filter(None, (_explained(stream, calls) for stream in _candidates(largest, likely_seeds)))
    drawn = next(explanations, None)
    if drawn is not None and drawn.stream.plan.order != "elsewhere":
        return drawn
    going_on = filter(None, (_explained(stream, calls) for stream in _going_on(calls)))
    return next(going_on, drawn)


def explained(stream: Stream, outcomes: Sequence[Outcome], weights: Sequence[Sequence[Floats]]) -> Drawn | None:
    """Return what was done to the draws of a stream that is known, or None if it does not explain all weights."""
    return _explained(stream, _calls(outcomes, weights))


def _calls(outcomes: Sequence[Outcome], weights: Sequence[Sequence[Floats]]) -> list[_MeasuredCall]:
    sizes = [sum(n_in * n_out for n_in, n_out in pairwise(outcome.call.layers)) for outcome in outcomes]
    return [
        _MeasuredCall(outcome.call.layers, outcome.call.ambient_seed, tuple(own), outcome.numpy("b1"), earlier)
        for outcome, own, earlier in zip(outcomes, weights, accumulate([0, *sizes]), strict=False)
    ]


def factor(weights: Floats, draws: Floats) -> float | None:
    """Return k if `weights` equals k times `draws` element by element, with k finite and not 0; None if it does not."""
    fitted = fit(weights, draws)
    return fitted.times if fitted is not None and fitted.shift == 0 else None


@np.errstate(all="ignore")  # a student's numbers may overflow
def fit(weights: Floats, draws: Floats) -> Fit | None:
    """Return k and c if `weights` equals k times `draws` plus c element by element, k not 0; c is 0 if no shift is needed."""
    weights, draws = weights.ravel(), draws.ravel()
    if weights.size == 0 or not np.isfinite(weights).all():
        return None
    times = float(weights @ draws / (draws @ draws))
    if _close(weights, times * draws, np.abs(times * draws)):
        return Fit(times) if times != 0 and math.isfinite(times) else None
    if weights.size < 3:
        return None
    centred = draws - draws.mean()
    times = float(weights @ centred / (centred @ centred))
    shift = float(weights.mean() - times * draws.mean())
    if not (math.isfinite(times) and math.isfinite(shift)) or abs(times) <= FACTOR_TOLERANCE * abs(shift):
        return None  # nothing, or a constant
    if not _close(weights, times * draws + shift, abs(times) + abs(shift)):
        return None
    is_shifted = abs(shift) > FACTOR_TOLERANCE * abs(times)  # else: digits cut off
    return Fit(times, float(f"{shift:.10g}") if is_shifted else 0.0)  # without rounding noise


def _close(got: Floats, want: Floats, size: Floats | float) -> bool:
    return bool((np.abs(got - want) <= FACTOR_TOLERANCE * size).all())


def _usable(weights: Floats) -> bool:
    return bool(np.isfinite(weights).all() and (weights.size < 3 or (weights != weights.flat[0]).any()))


# --- candidates ----------------------------------------------------------------------------------------------------


def _candidates(call: _MeasuredCall, likely_seeds: Sequence[int]) -> Iterator[Stream]:
    """Yield the streams that explain the largest call, likely ones first."""
    # A seed that the notebook sets before each call is known: numbers that follow it are that seed's, wherever it is set.
    before = None if call.ambient_seed in AMBIENT_SEEDS else call.ambient_seed
    likely = dict.fromkeys((*likely_seeds, before))
    yield from _in_rows(call, [Row(LEGACY, seed, kind) for seed, kind in product(likely, KINDS)])
    rows = dict.fromkeys(row for first in _firsts(call) for row in beginning_with(first) if _begins(row, first))
    yield from _in_rows(call, list(rows))
    yield from _seeded_each(call)
    yield from _in_rows(call, list(with_near(list(_firsts(call)), LIKELY_SEEDS)))
    for seed, kind in product(likely, KINDS):
        yield Stream((Row(LEGACY, seed, kind),), DrawPlan("other_biases"))
    if all(np.all(own >= 0) for own in call.weights):
        yield from (Stream((Row(LEGACY, seed, "normal"),), DrawPlan(), absolute=True) for seed in likely)


def _going_on(calls: Sequence[_MeasuredCall]) -> Iterator[Stream]:
    """Yield the streams of a generator that is made once, so that each call continues where the one before it ended."""
    first = calls[0].weights[0].ravel() if len(calls) > 1 and calls[0].weights else None
    if first is not None:
        rows = (row for row in beginning_with(first) if _begins(row, first))
        yield from (Stream((row,), DrawPlan(), continued=True) for row in rows)


def _firsts(call: _MeasuredCall) -> Iterator[Floats]:
    """Yield the numbers that may have been drawn first."""
    drawn = [own for own in call.weights if own.any()]
    for own in drawn[:1] + drawn[1:][-1:]:
        yield own.ravel()
        yield own.T.ravel()
    if call.first_biases is not None and call.first_biases.size >= 3 and _usable(call.first_biases):
        yield call.first_biases.ravel()


def _begins(row: Row, numbers: Floats) -> bool:
    return fit(numbers[:16], row.beginning(min(16, numbers.size))) is not None


def _in_rows(call: _MeasuredCall, rows: Sequence[Row]) -> Iterator[Stream]:
    """Yield how the weights of a call lie in each of these rows."""
    for row in rows:
        for by_column in (False, True):
            starts = _starts(call, row, by_column=by_column)
            if starts is not None:
                yield from (Stream((row,), plan) for plan in _plans(call.layers, starts, by_column=by_column))


def _starts(call: _MeasuredCall, row: Row, *, by_column: bool) -> list[int | None] | None:
    """Return where in a row the weights of each layer begin, or None if one is not in it.

    Layers that are zero or have fewer than three numbers are not sought.
    """
    numbers = row.numbers(SEARCHED * sum(own.size for own in call.weights) + 64, call.ambient_seed)
    steps = ratios(numbers)
    starts: list[int | None] = []
    for own in call.weights:
        sought = own.size >= 3 and bool(np.any(own))
        starts.append(_find(own.T.ravel() if by_column else own.ravel(), numbers, steps) if sought else None)
        if sought and starts[-1] is None:
            return None
    return starts


@np.errstate(all="ignore")
def _find(piece: Floats, numbers: Floats, steps: Floats) -> int | None:
    """Return where in `numbers` a piece begins that is these numbers, up to a factor and a shift."""
    (wanted,) = ratios(piece[:3])
    if not math.isfinite(wanted):
        return None  # numbers that repeat are not drawn from what is searched here
    near = np.flatnonzero(np.abs(steps - wanted) <= RATIO_TOLERANCE * (1 + abs(wanted)))
    for at in near[:MOST_LOOKED_AT]:
        if at + piece.size <= numbers.size and fit(piece, numbers[at : at + piece.size]) is not None:
            return int(at)
    return None


def _plans(layers: Sequence[int], starts: Sequence[int | None], *, by_column: bool) -> Iterator[DrawPlan]:
    """Yield the orders that put the weights where they were found; other calls tell which of them it is."""
    reset = len(starts) > 1 and len(set(starts)) == 1
    orders: list[Order] = ["reset_per_layer"] if reset else [*_BETWEEN, "biases_first"]
    for order, last_first in product(orders, (False, True)):
        plan = DrawPlan(order, last_first and len(starts) > 1, by_column)
        expected = plan.starts(layers)[: len(starts)]
        skipped = {start - begin for start, begin in zip(starts, expected, strict=True) if start is not None}
        if len(skipped) == 1 and min(skipped) >= 0:
            late = DrawPlan(order, plan.last_first, by_column, skipped.pop())
            if late.order != "weights" or late.skipped != sum(layers[1:]) or last_first:  # else: biases first
                yield late
    yield DrawPlan("elsewhere", by_column=by_column)


def _seeded_each(call: _MeasuredCall) -> Iterator[Stream]:
    """Yield the streams in which each layer begins a row of its own: a seed is set in every layer."""
    for by_column in (False, True):
        pieces = [own.T.ravel() if by_column else own.ravel() for own in call.weights]
        rows_of_pieces = [[row for row in beginning_with(piece) if _begins(row, piece)] for piece in pieces]
        if (
            len(rows_of_pieces) > 1
            and all(rows_of_pieces)
            and len({(rows[0].generator, rows[0].kind) for rows in rows_of_pieces}) == 1
        ):
            rows, plan = tuple(rows[0] for rows in rows_of_pieces), DrawPlan("reset_per_layer", by_column=by_column)
            yield Stream(rows, plan)
            if len({row.seed for row in rows}) > 1:
                yield Stream(rows, plan, irregular=True)


# --- verification --------------------------------------------------------------------------------------------------


def _explained(stream: Stream, calls: Sequence[_MeasuredCall]) -> Drawn | None:
    """Return what was done to the draws of every call, if the stream explains them all."""
    fits: dict[int, tuple[Fit | None, ...]] = {}
    least = FEWEST_LOOKED_UP if stream.irregular else 3 if stream.plan.order == "elsewhere" else 1
    for at in sorted(range(len(calls)), key=lambda at: -calls[at].size):
        fits_of_call = _fits(stream, calls[at], least)
        if fits_of_call is None:
            return None
        if any(fit.shift for fit in fits_of_call if fit):
            least = max(least, 3)  # fewer numbers tell neither factor nor shift
        fits[at] = fits_of_call
    return Drawn(stream, tuple(fits[at] for at in range(len(calls))))


def _fits(stream: Stream, call: _MeasuredCall, least: int) -> tuple[Fit | None, ...] | None:
    """Return what was done to each layer with at least so many numbers; None if the stream does not explain one of them."""
    if stream.plan.order == "elsewhere":
        starts = _starts(call, stream.rows[0], by_column=stream.plan.by_column)
        draws = starts and stream.draws_at(call.layers, call.ambient_seed, starts)
    elif stream.irregular:
        draws = _looked_up(stream, call)
    else:
        draws = stream.draws(call.layers, call.ambient_seed, call.earlier)
    if not draws:
        return None
    fits = tuple(_fit(own, drawn, least) for own, drawn in zip(call.weights, draws, strict=False))
    missing = [own for own, fit in zip(call.weights, fits, strict=True) if fit is None and own.size >= least]
    return None if missing else fits


def _looked_up(stream: Stream, call: _MeasuredCall) -> list[Floats]:
    """Return the beginning of the row that each layer of a call begins, whatever its seed; NaN where there is none."""
    by_column, drawn = stream.plan.by_column, []
    for own in call.weights:
        piece = own.T.ravel() if by_column else own.ravel()
        alike = (row for row in beginning_with(piece) if (row.generator, row.kind) == (stream.generator, stream.kind))
        row = next((row for row in alike if _begins(row, piece)), None)
        numbers = np.full(own.size, np.nan) if row is None else row.beginning(own.size)
        drawn.append(numbers.reshape(own.shape[::-1]).T if by_column else numbers.reshape(own.shape))
    return drawn


def _fit(weights: Floats, draws: Floats, least: int) -> Fit | None:
    """Return what was done to the draws; zeros are draws times 0."""
    if not np.any(weights):
        return Fit(0.0)
    return fit(weights, draws) if weights.size >= least else None
