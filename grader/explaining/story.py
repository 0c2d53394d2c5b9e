"""Scale versus accuracy, told from one measured run: what happened, why, why it worked before, what to change.

Every number comes from the student's run, the right answer's or shipped measurements; no sentence is written for a case in
which it would be false, and no scale is said to do better than another unless it does for nine seeds of ten.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise

from grader.exercise.shipped import TENTHS
from grader.explaining.facts import HOLDS, LARGE_WEIGHTS, MANY, OFTEN, Facts, Measured
from grader.explaining.numbers import (
    LARGEST,
    LN2_SAID,
    cost,
    costs,
    last_printed,
    plain,
    plains,
    share,
    times,
)
from grader.explaining.sweep import LEARNED
from grader.faults import surviving
from grader.messages import listed, say
from grader.records import Training, WaitRow
from grader.records.wording import accuracies, accuracy, scores

MULTIPLE = 1.5  # from which on a wait is told in multiples of the exercise's iterations
FADED = 0.01  # a gradient below it has faded; measured, runs that learned end at more
EARLY = 50  # a step, traced, by which a large start has fallen
MATRICES = 3  # with three, each gradient contains two others: the square
APART = 0.3  # powers of ten, at least, between two scales whose gradients are compared
SQUARE = 0.2  # how far from it measured gradients may be


def story(facts: Facts) -> tuple[str, ...]:
    """Return the paragraphs, plain text."""
    paragraphs = (filter(None, surviving("a paragraph", part)) for part in surviving("the story", _paragraphs(facts)))
    return tuple(filter(None, map(" ".join, paragraphs)))


def _paragraphs(facts: Facts) -> Iterator[Iterator[str]]:
    slip = bool(facts.told) and facts.told[0].kind == "slip" and not facts.told[0].code.startswith("scale_")
    if slip:
        yield _change(facts)
    yield _outcome(facts)
    yield _why(facts)
    yield _waiting(facts)
    yield _before(facts)
    if not slip:
        yield _change(facts)
    if facts.harm_is_asked:
        yield _harm(facts)
        yield _how_small(facts)
    else:
        yield _rule(facts)


# --- what to change --------------------------------------------------------------------------------------------------


def _change(facts: Facts) -> Iterator[str]:
    if not facts.told:
        return
    first, *more = facts.told
    yield f"What to change: {f'{first.place}: ' if first.place else ''}{first.action}."
    if first.factors and facts.scale is None:
        mine, asked = (listed([row[at] for row in first.factors.rows]) for at in (1, 2))
        yield f"By layer your factors are {mine}; asked for are {asked}."
    if first.code.startswith("scale_") and facts.asked_scale is not None:
        yield (
            f"If you were trying out scales, that is a good idea; put {facts.asked_scale:g} back before you hand in."
        )
    if more:
        yield f"After this: {'; '.join(cause.action for cause in more)}."


# --- what happened ---------------------------------------------------------------------------------------------------


def _outcome(facts: Facts) -> Iterator[str]:
    mine, asked = facts.mine, facts.asked
    if facts.passed:
        yield f"Your run, which is the right answer's, ends with {scores(mine)}."
    elif accuracies(mine) == accuracies(asked):
        yield f"Your run ends with {scores(mine)}, and so does that of the right answer."
    else:
        yield f"Your run ends with {scores(mine)}; that of the right answer with {accuracies(asked)}."
    if facts.diagnosis.seed_status in ("missing", "outside_function"):
        yield "Without a seed inside the function every run is another one: this is one of many."
    yield _costs(facts)
    if not facts.lost:
        yield from course(facts)


def course(facts: Facts) -> Iterator[str]:
    """Yield what a run did between its first and its last cost."""
    if facts.mine.regime in ("dead", "symmetric"):
        return
    if facts.hardly_begun:
        yield f"Nothing is broken: after {facts.measured.iterations:,} iterations the training had hardly begun."
    elif facts.small and facts.first_below is not None:
        yield f"It began late: the first printed cost below 0.6 is that of iteration {facts.first_below:,}."
    yield _stretched(facts)
    yield _outputs(facts)


def _costs(facts: Facts) -> str:
    mine = facts.mine
    if facts.lost:
        start = any(map(math.isnan, mine.weight_norms))
        return say("explaining.story.nan_weights" if start else "explaining.story.nan_outputs")
    first, later = costs(mine.cost_first, mine.cost_14000)
    said = f"The cost printed at iteration 0 is {first} and at {last_printed(mine)} {later}"
    if mine.cost_first == mine.cost_14000:
        said = f"The cost printed at iteration 0 is {first}, and the same at {last_printed(mine)}"
    if facts.works or not math.isfinite(mine.cost_14000):
        return f"{said}."
    return f"{said}; answering 0.5 to every point costs {LN2_SAID}."


def _stretched(facts: Facts) -> str:
    fell = facts.mine.cost_first - facts.mine.cost_14000
    if not (facts.hardly_begun and fell > 0):
        return ""
    return f"Its plot goes down, but only by {plain(fell)}: that is not yet learning."


def _outputs(facts: Facts) -> str:
    """Say how close together the outputs are at the end, where the accuracy is decided by that."""
    if not facts.mine.outputs:
        return ""
    low, high = facts.mine.outputs
    if low == high:
        return "Every point gets the same output."
    if not (facts.stuck and 0.45 < low <= high < 0.55):
        return ""
    said = f"All outputs end between {_output(low, math.floor)} and {_output(high, math.ceil)}"
    if low <= 0.5 < high:
        return f"{said}, so the accuracy only counts on which side they fall."
    return f"{said}: every point gets the same answer."


def _output(value: float, outward: Callable[[float], int]) -> str:
    """Return an output with the first two digits in which it differs from 0.5, rounded so that "between" holds."""
    apart = abs(value - 0.5)
    decimals = 4 if apart == 0 else min(15, max(2, 1 - math.floor(math.log10(apart))))
    return f"{outward(value * 10**decimals) / 10**decimals:.{decimals}f}"


# --- why -------------------------------------------------------------------------------------------------------------


def _why(facts: Facts) -> Iterator[str]:
    if facts.lost:
        return
    reasons = (
        (facts.mine.regime == "dead", _dead),
        (facts.mine.regime == "symmetric", _symmetric),
        (facts.blind, _blind),
        (facts.partly_still, _partly_still),
        (facts.biases_silence or facts.biases_saturate, _biased),
        (facts.small, _small),
        (facts.large, _large),
        (facts.works, _fair),
        (facts.is_another_draw and facts.rule_is_asked, _other_draw),
        (facts.stuck, _fades),
    )
    if reason := next((tell for holds, tell in reasons if holds), None):
        yield from reason(facts)
    yield _stopped(facts)


def _dead(facts: Facts) -> Iterator[str]:
    mine = facts.mine
    yield "Why? At the start the gradient of every weight is exactly 0, so no weight ever changes."
    if not any(mine.weight_norms):
        yield (
            "With weights of zero every hidden unit gives the same whatever the point, and no error comes back through a "
            "weight of zero."
        )
        if facts.cost_stays and (quotes := facts.measured.quotes):
            yield (
                f"The notebook says that the losses are equal at every iteration, so “{quotes.zeros}”. Both are so, but the "
                "losses are the consequence: the reason is the gradient of exactly 0."
            )
    elif mine.without_biases and any(mine.without_biases.gradient_norms):
        yield say("explaining.story.dead_by_biases", norms=plains(mine.without_biases.gradient_norms))
    if not facts.cost_stays:
        yield say("explaining.story.last_bias")
    if mine.outputs and mine.outputs[0] == mine.outputs[1]:
        yield f"The accuracy {accuracy(mine.train_accuracy)} is what one answer for all points scores."


def _symmetric(facts: Facts) -> Iterator[str]:
    same = [f"{layer}" for layer, units in enumerate(facts.mine.distinct, start=1) if units == 1]
    where = f"hidden layer{'s' if len(same) > 1 else ''} {listed(same)}" if same else "a hidden layer"
    yield (
        f"Why? All units of {where} start the same, inside and out. They get the same gradient at every step and stay the same "
        "for ever: many units with the power of one."
    )
    yield f"The weights do move (their gradients have the norms {plains(facts.mine.gradient_norms)}): symmetric is not dead."


def _blind(facts: Facts) -> Iterator[str]:
    norms = facts.mine.gradient_norms
    still = [f"W{layer}" for layer, norm in enumerate(norms, start=1) if norm == 0]
    moves = [f"W{layer}" for layer, norm in enumerate(norms, start=1) if norm]
    yield "Why? With every weight 0 no point is told from another; only the biases speak."
    if still and moves:
        yield (
            f"At the start the gradient of {listed(still)} is exactly 0, that of {listed(moves)} is not "
            f"({plains([norm for norm in norms if norm])}): something moves, but it has nothing to tell the points apart by."
        )


def _partly_still(facts: Facts) -> Iterator[str]:
    """Say which weights do not move at the start, of those that are not all zero."""
    mine = facts.mine
    still = [layer for layer, norm in enumerate(mine.gradient_norms, start=1) if norm == 0]
    moves = [layer for layer, norm in enumerate(mine.gradient_norms, start=1) if norm]
    yield say(
        "explaining.story.partly_still",
        still=listed(f"W{layer}" for layer in still),
        moves=listed(f"W{layer}" for layer in moves),
        norms=plains([mine.gradient_norms[layer - 1] for layer in moves]),
    )
    if wall := next((at for at, norm in enumerate(mine.weight_norms, start=1) if norm == 0 and at > max(still)), None):
        yield say("explaining.story.no_error_through", matrix=f"W{wall}")
    if len(mine.trace.gradient_norms) > 1 and all(mine.trace.gradient_norms[1]):
        yield say("explaining.story.all_move", iteration=mine.trace.iterations[1])


def _biased(facts: Facts) -> Iterator[str]:
    """Say of biases that make a start bad what the same weights would do without them."""
    mine, without = facts.mine, facts.mine.without_biases
    if without is None:
        return
    if facts.biases_saturate:
        yield say("explaining.story.biases_saturate", mine=share(mine.saturated), without=share(without.saturated))
        yield _inf(facts)
        return
    yield say(
        "explaining.story.biases_silence",
        weights=_names(len(mine.gradient_norms)),
        mine=plains(mine.gradient_norms),
        without=plains(without.gradient_norms),
    )


def _other_draw(facts: Facts) -> Iterator[str]:
    """Say of the right rule with other numbers that the numbers decide."""
    if None not in facts.measured.spread:
        return
    shares = facts.measured.spread[None].train_accuracy
    low, high = min(shares), max(shares)
    yield say("explaining.story.other_draw", seeds=len(shares), low=f"{low:.4g}", high=f"{high:.4g}")
    pairs = zip(facts.asked.gradient_norms, facts.mine.gradient_norms, strict=True)
    if not all(asked > 2 * mine for asked, mine in pairs):
        return
    yield say(
        "explaining.story.other_draw.gradients",
        weights=_names(len(facts.mine.gradient_norms)),
        mine=plains(facts.mine.gradient_norms),
        asked=plains(facts.asked.gradient_norms),
    )


def _stopped(facts: Facts) -> str:
    """Say of a run whose gradients become 0 for good when that is, and how many units are dead by then."""
    if (at := facts.stopped) is None:
        return ""
    trace = facts.mine.trace
    said = say("explaining.story.stopped", iteration=f"{trace.iterations[at]:,}")
    dead = trace.dead[at] if trace.dead else ()
    if not dead or not max(dead):
        return said
    most = max(dead)
    units = say("explaining.story.dead_units", share=_capital(share(most)), layer=dead.index(most) + 1)
    return f"{said} {units}"


def _small(facts: Facts) -> Iterator[str]:
    mine, layers = facts.mine, len(facts.mine.gradient_norms)
    if layers > 1:
        others = "the other one" if layers == 2 else f"the other {_word(layers - 1)}"
        yield f"Why? The gradient of each weight matrix is a product that contains {others}: small weights make it small."
    one = facts.measured.runs.get(1.0)
    beside = one if one and (facts.same_draws or not any(facts.asked.gradient_norms)) else facts.asked
    name = f"with scale 1 and seed {facts.measured.seed}" if beside is one else "with what is asked for"
    yield (
        f"At the start {_names(layers)} have gradients of norm {plains(mine.gradient_norms)}; {name} "
        f"they are {plains(beside.gradient_norms)}."
    )
    yield _square(facts)


def _square(facts: Facts) -> str:
    """Say what another scale does to the gradients, where it was measured and is what the products predict."""
    scale, runs = facts.scale, facts.measured.runs
    if not scale or scale < 0 or not facts.same_draws or len(facts.mine.gradient_norms) != MATRICES:
        return ""
    others = [other for other in runs if other and APART < abs(math.log10(other / scale)) < 1.01]
    for other in sorted(others, key=lambda one: _distance(one, scale)):
        larger, smaller = sorted((other, scale), reverse=True)
        pair = (runs[other], facts.mine) if other > scale else (facts.mine, runs[other])
        ratios = _ratios(*pair)
        if ratios and all(abs(ratio / (larger / smaller) ** 2 - 1) < SQUARE for ratio in ratios):
            factor = "ten" if math.isclose(larger / smaller, 10) else f"{larger / smaller:.2g}"
            size = "larger" if other > scale else "smaller"
            return (
                f"Weights {factor} times {size} ({other:g}, the same draws) have gradients {times(ratios)} times {size}, "
                f"{factor} times {factor}: the smaller the scale, the longer a weight takes to change by its own size."
            )
    return ""


def _distance(other: float, scale: float) -> tuple[bool, bool, float]:
    """Return the order in which scales are compared with: ten times and a tenth first, larger ones first."""
    apart = abs(math.log10(other / scale))
    return not math.isclose(apart, 1), other < scale, apart


def _ratios(large: Training, small: Training) -> list[float]:
    """Return how many times as large the gradient of each matrix is; nothing where one of them is 0."""
    if not all(small.gradient_norms):
        return []
    return [above / below for above, below in zip(large.gradient_norms, small.gradient_norms, strict=True)]


def _fades(facts: Facts) -> Iterator[str]:
    """Say of a start that is not small, and went nowhere, what became of its gradients."""
    trace = facts.mine.trace
    if not trace.iterations or facts.stopped is not None or not max(trace.gradient_norms[-1]) < FADED:
        return
    yield (
        f"Why? What moves a weight is its gradient. Those of {_names(len(facts.mine.gradient_norms))} have the norms "
        f"{plains(facts.mine.gradient_norms)} at the start and {plains(trace.gradient_norms[-1])} at iteration "
        f"{trace.iterations[-1]:,}."
    )
    if trace.dead and (dead := max(trace.dead[-1])) >= MANY:
        yield f"And {share(dead)} of the units of a hidden layer are 0 for every point by then."


def _fair(facts: Facts) -> Iterator[str]:
    mine = facts.mine
    yield say(
        "explaining.story.fair",
        weights=_names(len(mine.gradient_norms)),
        norms=plains(mine.gradient_norms),
        share=share(mine.saturated),
    )


def _large(facts: Facts) -> Iterator[str]:
    if facts.passed and facts.harm_is_asked:
        return  # another paragraph tells it
    mine, size = facts.mine, facts.weight_size
    is_large = size is None or size > LARGE_WEIGHTS
    if is_large and _smaller_would_do_better(facts):
        yield f"Why? The weights start large: {_saturated(mine)}."
    elif is_large:
        yield f"The weights start large: {_saturated(mine)}."
    else:
        yield f"Why? {_capital(_saturated(mine))}."
    yield _inf(facts)
    yield _overshoot(facts)
    if facts.works:
        yield say("explaining.story.learns_all_the_same")


def _smaller_would_do_better(facts: Facts) -> bool:
    """Return whether large weights are why a run failed: not of one that learned, nor where these draws made smaller fail too."""
    mine, seed = facts.mine, facts.diagnosis.seed
    if facts.works or facts.diagnosis.distribution == "uniform":
        return False
    spread = [facts.measured.spread[scale].train_accuracy for scale in (1.0, None) if scale in facts.measured.spread]
    own_draws = all(cause.startswith("scale_") or cause == "seed_other" for cause in facts.diagnosis.causes)
    if not own_draws or seed is None or not all(seed < len(shares) for shares in spread):
        return True
    return not spread or any(shares[seed] > mine.train_accuracy for shares in spread)


def _saturated(run: Training) -> str:
    return f"{share(run.saturated)} of the outputs start beyond 0.001 and 0.999, right or wrong"


def _capital(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]


def _inf(facts: Facts) -> str:
    run = facts.mine
    if not math.isinf(run.cost_first) or not all(map(math.isfinite, run.gradient_norms)):
        return ""
    exact = run.trace.exact_cost[0] if run.trace.exact_cost else math.nan
    finite = f" (computed exactly, the cost is {plain(exact)})" if exact < LARGEST else ""
    goes_on = "" if facts.stopped is not None else ": the gradient stays finite, and training goes on"
    return f"The printed inf is the logarithm of 0 and no error{finite}{goes_on}."


def _overshoot(facts: Facts) -> str:
    mine = facts.mine
    if not facts.overshoots:
        return ""
    return f"{mine.raised} of the first {mine.watched} steps overshoot: they make the exact cost larger."


# --- what would it take ----------------------------------------------------------------------------------------------


def _waiting(facts: Facts) -> Iterator[str]:
    mine, measured = facts.mine, facts.measured
    if not mine.searched or mine.regime in ("dead", "symmetric") or (not facts.small and not facts.stuck):
        return
    if facts.stopped is not None and mine.regime != "plateau":
        return
    if mine.escape is None:
        yield f"What would it take? Within {mine.searched:,} iterations the cost did not fall below 0.6."
        yield _beside(facts)
        yield from _rates(facts)
    elif mine.escape >= measured.iterations or facts.stuck:
        ratio = mine.escape / measured.iterations
        more = f", {plain(ratio)} times the {measured.iterations:,} of this exercise" if ratio >= MULTIPLE else ""
        yield f"What would it take? Patience: this very start gets below a cost of 0.6 at iteration {mine.escape:,}{more}."
        if facts.same_draws and measured.asides and facts.scale == measured.asides.patient.scale:
            late = measured.asides.patient
            yield (
                f"After {late.iterations:,} iterations it has {accuracies(late)}"
                f"{': late, not wrong' if late.train_accuracy > LEARNED else ''}."
            )
        yield from _rates(facts)


def _beside(facts: Facts) -> str:
    """Say how long the scales next to this one wait, where it was not looked for long enough to say it of this start."""
    scale, sweep = facts.scale, facts.measured.sweep
    if not scale or sweep is None or not facts.small or facts.diagnosis.distribution != "normal":
        return ""
    waits = sorted((row.scale, row.escape) for row in sweep.rows if row.scale and row.escape)
    below = [wait for wait in waits if wait[0] <= abs(scale)][-1:]
    above = [wait for wait in waits if wait[0] > abs(scale)][:1]
    found = [f"{left:,} iterations at scale {other:g}" for other, left in (*above, *below)]
    return f"Measured with seed {sweep.seed} and biases of zero, it takes {listed(found)}." if found else ""


def _rates(facts: Facts) -> Iterator[str]:
    """Advise a larger learning rate only where this very run ends well with it, and runs over seeds do as far as measured."""
    mine = facts.mine
    left = dict(mine.rates)
    for end in mine.rate_ends:
        if end.train_accuracy > LEARNED and facts.measured.is_safe(end.learning_rate):
            yield say(
                "explaining.story.larger_rate",
                rate=f"{end.learning_rate:g}",
                left=f"{left[end.learning_rate]:,}",
                iterations=f"{end.iterations:,}",
                accuracies=accuracies(end),
            )
    missed = [f"{rate:g}" for rate, left in mine.rates if left is None]
    if missed:
        yield f"With the learning rate {' or '.join(missed)} it did not within {mine.rates_searched:,} iterations."


# --- why it worked before --------------------------------------------------------------------------------------------


def _before(facts: Facts) -> Iterator[str]:
    sweep = facts.measured.sweep
    if facts.asked.regime == "dead":
        return
    if sweep and sweep.settings and facts.small and facts.scale == sweep.settings[0].scale:
        yield from before(facts.measured)


def before(measured: Measured) -> Iterator[str]:
    """Say why a small scale works elsewhere: only from the measured settings."""
    sweep, asides = measured.sweep, measured.asides
    if sweep is None or asides is None or not asides.flower or len(sweep.settings) < 4:
        return  # what came before is a matter of the course
    scale = sweep.settings[0].scale
    yield f"Why did {scale:g} work before?"
    fast, slow = asides.flower
    yield (
        f"The flower exercise (one hidden layer) used the learning rate {fast.learning_rate:g}, "
        f"{fast.learning_rate / measured.learning_rate:.0f} times the {measured.learning_rate:g} of this one: made again, it "
        f"ends with accuracy {accuracy(fast.train_accuracy)}, at {slow.learning_rate:g} with {accuracy(slow.train_accuracy)}."
    )
    yield from _over_seeds(measured, fast.learning_rate)


def _over_seeds(measured: Measured, fast: float) -> Iterator[str]:
    """Say how the small scale fares over seeds with one hidden layer and with two, at the earlier rate, this one and between."""
    rate = measured.learning_rate
    one, two = (measured.setting(hidden, fast) for hidden in (1, 2))
    slow = [measured.setting(hidden, rate) for hidden in (1, 2)]
    if one is None or two is None or two.layers != measured.layers:
        return
    yield say("explaining.before.one", scale=f"{one.scale:g}", rate=f"{fast:g}", learned=_of(one.learned, one.seeds))
    yield say("explaining.before.two", learned=two.learned, guessing=two.guessing)
    if 0 < two.never_left < two.guessing:
        yield say("explaining.before.fall_back", never=two.never_left)
    if not all(row is not None and row.learned == 0 for row in slow):
        return
    yield say("explaining.before.slow", rate=f"{rate:g}")
    if one.learned >= HOLDS * one.seeds > two.learned:
        yield say("explaining.before.verdict", scale=f"{one.scale:g}")
    for row in measured.sweep.settings if measured.sweep else ():
        if row.layers == measured.layers and rate < row.learning_rate < fast and row.learned >= HOLDS * row.seeds > 0:
            yield say(
                "explaining.before.between",
                rate=f"{row.learning_rate:g}",
                learned=_of(row.learned, row.seeds),
                first=f"{row.first_left:,}",
                last=f"{row.last_left:,}",
            )


def _of(count: int, seeds: int) -> str:
    return say("explaining.all", count=seeds) if count == seeds else say("explaining.of", part=count, count=seeds)


def growth(measured: Measured, *, waits: bool = True) -> str:
    """Say how the waiting grows as the scale falls: with one hidden layer by a sum, with two by a factor."""
    rows = measured.sweep.waits if measured.sweep else ()
    found = {len(row.layers) - 2: _tenths(row) for row in rows}
    if not (found.get(1) and found.get(2)):
        return ""
    sums = [later - before for before, later in pairwise(found[1])]
    factors = [later / before for before, later in pairwise(found[2])]
    one, two = ("", "")
    if waits:
        one, two = (
            f" ({listed(f'{left:,}' for left in found[hidden])} for {listed(f'{scale:g}' for scale in TENTHS)})"
            for hidden in (1, 2)
        )
    return (
        f"Depth decides how the waiting grows: at learning rate {rows[0].learning_rate:g} each tenth of the scale adds "
        f"{min(sums):,} to {max(sums):,} iterations with one hidden layer{one} and takes {min(factors):.0f} to "
        f"{max(factors):.0f} times as many with two{two}."
    )


def _tenths(row: WaitRow) -> list[int]:
    """Return the waits for scales of which each is a tenth of the one before, or nothing if one wait was not found."""
    found = dict(zip(row.scales, row.iterations, strict=True))
    waits = [left for scale in TENTHS if (left := found.get(scale)) is not None]
    return waits if len(waits) == len(TENTHS) else []


# --- what the large scale shows --------------------------------------------------------------------------------------


def _harm(facts: Facts) -> Iterator[str]:
    """Say what the scale that is asked for is meant to show, and what it is worth over many seeds."""
    asked, measured, scale = facts.asked, facts.measured, facts.asked_scale
    if scale is None:
        return
    yield f"Is {scale:g} a good scale, then? No: it is asked for to show what too large weights do."
    mine = measured.compared(scale, facts.scale) if facts.small and facts.stuck and facts.scale else None
    if mine and mine.holds:
        yield f"Its training starts in time, so it ends above scale {facts.scale:g} for {mine.above} of {mine.seeds} seeds."
    if facts.passed:
        yield f"{_capital(_saturated(asked))}."
        yield "The printed inf is the logarithm of 0 and no error." if math.isinf(asked.cost_first) else ""
        yield _falls(facts)
    if scale not in measured.spread:
        return
    shares = sorted(measured.spread[scale].train_accuracy)
    lower = sum(one < asked.train_accuracy for one in shares)
    yield (
        f"Its {accuracy(asked.train_accuracy)} is one draw: over {len(shares)} seeds its train accuracy runs from "
        f"{accuracy(shares[0])} to {accuracy(shares[-1])}, and for {lower} of them it is lower."
    )
    others = [("He's rule", measured.compared(None, scale)), ("scale 1", measured.compared(1.0, scale))]
    if better := [(name, one) for name, one in others if one and one.holds]:
        (name, one), *more = better
        also = "".join(f", {other} for {count.above}" for other, count in more)
        yield f"Over {one.seeds} seeds, {name} ends above it for {one.above}{also}."


def _falls(facts: Facts) -> str:
    """Say that a fast fall is not fast learning, where both are so."""
    run, scale = facts.asked, facts.asked_scale
    trace = dict(zip(run.trace.iterations, run.trace.exact_cost, strict=True))
    fair = facts.measured.runs.get(1.0)
    if fair is None or not facts.measured.cheaper(1.0, scale):
        return ""
    if not (run.raised >= OFTEN * max(1, run.watched) and EARLY in trace and trace[EARLY] < trace[0] / 10):
        return ""
    return (
        f"Large weights do not converge faster: the exact cost falls from {plain(trace[0])} to {plain(trace[EARLY])} in "
        f"{EARLY} steps, but {run.raised} of the first {run.watched} steps overshoot, and at {last_printed(run)} it is still "
        f"{cost(run.cost_14000)}; with scale 1 it is {cost(fair.cost_14000)}."
    )


def _how_small(facts: Facts) -> Iterator[str]:
    """Say how far the notebook's own sentence holds: only where a comparison does for nine seeds of ten."""
    measured, scale = facts.measured, facts.asked_scale
    if measured.quotes is None:
        return
    smaller = sorted((s for s in measured.spread if s and scale is not None and s < scale), reverse=True)
    found = [(s, compared) for s in smaller if (compared := measured.compared(s, scale))]
    better = [(s, one) for s, one in found if one.holds]
    worse = [(s, one) for s, one in found if one.reversed]
    if not better or not worse or [s for s, _ in worse] != smaller[-len(worse) :]:
        return
    ends = listed(f"{one.above} with scale {s:g}" for s, one in better)
    yield (
        f"The notebook says “{measured.quotes.small}”. Here that holds down to about "
        f"{better[-1][0]:g}: of the {found[0][1].seeds} seeds "
        f"{ends} end above scale {scale:g}, and with {worse[0][0]:g} and all smaller scales at least "
        f"{min(one.below for _, one in worse)} end below it."
    )


# --- what the rule is for --------------------------------------------------------------------------------------------


def _rule(facts: Facts) -> Iterator[str]:
    """Say what He's rule is worth here, and what one run can tell."""
    measured, mine = facts.measured, facts.mine
    if not facts.rule_is_asked or None not in measured.spread:
        return
    shares = measured.spread[None].train_accuracy
    low, high, one = min(shares), max(shares), measured.compared(None, 1.0)
    if not facts.passed:
        rule = bool(facts.told) and facts.told[0].code.startswith("scale_")
        if rule and facts.works and facts.apart and low <= mine.train_accuracy <= high:
            yield (
                f"The two runs differ by {facts.apart} of {measured.points} points; over {len(shares)} seeds the right rule's "
                f"own runs lie between {low:.4g} and {high:.4g}. So one run on so small a network does not show which rule is "
                "right. What does is how many products a unit adds up."
            )
        return
    yield (
        f"Over {len(shares)} seeds the train accuracy of He's rule runs from {low:.4g} to {high:.4g}, half of them at or above "
        f"{measured.middle(None):.4g}."
    )
    if one and not one.holds and not one.reversed and 1.0 in measured.runs:
        yield (
            f"Scale 1 has {accuracies(measured.runs[1.0])} with seed {measured.seed}; over the seeds He's rule ends above it for "
            f"{one.above} and below for {one.below}, so neither can be called better here. What the rule gives is that nobody "
            f"has to try scales: it starts at a cost of {cost(mine.cost_first)}, scale 1 at "
            f"{cost(measured.runs[1.0].cost_first)}."
        )


def _names(layers: int) -> str:
    return listed([f"W{layer}" for layer in range(1, layers + 1)])


def _word(count: int) -> str:
    return {1: "one", 2: "two", 3: "three"}.get(count, f"{count}")


# --- the parts that blocks of a page are made from -------------------------------------------------------------------

why, waiting, earlier, rule = _why, _waiting, _before, _rule


def harm(facts: Facts) -> Iterator[str]:
    """Yield what the large scale that is asked for shows, then how far the notebook's own sentence holds."""
    yield from _harm(facts)
    yield from _how_small(facts)
