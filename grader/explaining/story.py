"""Scale versus accuracy, told from one measured run: what happened, why, why it worked before, what to change.

Every number comes from the student's run, the right answer's or shipped measurements; no sentence is written for a case in
which it would be false, and no scale is said to do better than another unless it does for nine seeds of ten.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from grader.exercise.shipped import TENTHS
from grader.explaining.facts import HOLDS, LARGE_WEIGHTS, MANY, OFTEN, Facts, Measured
from grader.explaining.numbers import LARGEST, cost, plain, share
from grader.explaining.small_scale import why_it_works
from grader.explaining.sweep import LEARNED
from grader.faults import surviving
from grader.messages import say
from grader.records import Training, WaitRow
from grader.records.wording import accuracy, bound, rounded

MULTIPLE = 1.5  # from which on a wait is also given in multiples of the exercise's iterations
FADED = 0.005  # a gradient below it has faded; measured, runs that learned end at more than twice as much
EARLY = 50  # a step, traced, by which a large start has fallen
MATRICES = 3  # with three, each gradient is multiplied by two others: the square
APART = 0.3  # powers of ten, at least, between two scales whose gradients are compared
SQUARE = 0.2  # how far from it measured gradients may be
CHANCE = (0.45, 0.55)  # a train accuracy between them is about that of guessing
FEW = 0.1  # a share of the outputs below it is few of them
TWICE = 2.0  # gradients are compared only where they differ by more
RULE_REASONS = ("scale_xavier", "scale_fan_out", "scale_constant")  # causes with a reason of their own for He's rule
ALIKE = 0.05  # of their mean: numbers that lie nearer to it are given as their mean


def story(facts: Facts) -> tuple[str, ...]:
    """Return the paragraphs, plain text."""
    paragraphs = (filter(None, surviving("a paragraph", part)) for part in surviving("the story", _paragraphs(facts)))
    return tuple(filter(None, map(" ".join, paragraphs)))


def _paragraphs(facts: Facts) -> Iterator[Iterator[str]]:
    slip = bool(facts.causes) and facts.causes[0].kind == "slip" and not facts.causes[0].code.startswith("scale_")
    if slip:
        yield _change(facts)
    yield _outcome(facts)
    yield _led(say("explaining.story.why"), why(facts)) if _has_reason(facts) else why(facts)
    yield _led(say("explaining.story.waiting"), waiting(facts))
    yield _led(say("explaining.story.before", scale=f"{facts.scale:g}"), earlier(facts)) if facts.scale else iter(())
    if not slip:
        yield _change(facts)
    if facts.harm_is_asked and facts.asked_scale is not None:
        yield _led(say("explaining.story.good"), _harm(facts))
        yield _how_small(facts)
    elif not facts.harm_is_asked:
        yield _led(rule_title(facts), rule(facts))
        yield why_it_works(facts)


def _led(question: str, sentences: Iterable[str]) -> Iterator[str]:
    """Yield a question before the sentences that answer it; nothing where there are none."""
    for sentence in filter(None, sentences):
        if question:
            yield question
            question = ""
        yield sentence


# --- what to change --------------------------------------------------------------------------------------------------


def _change(facts: Facts) -> Iterator[str]:
    if not facts.causes:
        return
    first, *more = facts.causes
    if first.place:
        yield say("explaining.story.change.at", place=first.place, action=first.action)
    else:
        yield say("explaining.story.change", action=first.action)
    if first.code.startswith("scale_") and facts.asked_scale is not None:
        yield say("explaining.story.trying", asked=f"{facts.asked_scale:g}")
    for at, cause in enumerate(more):
        yield say("explaining.story.then" if at else "explaining.story.after", action=cause.action)


# --- what happened ---------------------------------------------------------------------------------------------------


def _outcome(facts: Facts) -> Iterator[str]:
    mine, asked = accuracy(facts.mine.train_accuracy), accuracy(facts.asked.train_accuracy)
    if facts.passed:
        yield say("explaining.story.passed", mine=mine)
    elif mine == asked:
        yield say("explaining.story.ends_alike", mine=mine)
    else:
        yield say("explaining.story.ends", mine=mine, asked=asked)
    yield from other_numbers(facts)
    yield from _costs(facts)
    if not facts.lost:
        yield from course(facts)


def other_numbers(facts: Facts) -> Iterator[str]:
    """Say of a run without a seed of its own why the student's notebook shows another one."""
    if facts.diagnosis.seed_status == "missing":
        yield say("feedback.happened.one_of_many")
    elif facts.diagnosis.seed_status == "outside_function":
        yield say("feedback.happened.depends")


def course(facts: Facts) -> Iterator[str]:
    """Yield what a run did between its first and its last cost."""
    if facts.mine.regime in ("dead", "symmetric"):
        return
    if facts.hardly_begun:
        yield say("explaining.story.hardly_begun", iterations=f"{facts.measured.iterations:,}")
    elif facts.small and facts.first_below is not None and not facts.early:
        yield say("explaining.story.late", iteration=f"{facts.first_below:,}")
    yield from _stretched(facts)
    yield from _outputs(facts)


def _costs(facts: Facts) -> Iterator[str]:
    """Say how the printed cost ends, of a run that did not learn; near that of guessing the digits say nothing more."""
    mine = facts.mine
    if facts.lost:
        start = any(map(math.isnan, mine.weight_norms))
        yield say("explaining.story.nan_weights" if start else "explaining.story.nan_outputs")
        return
    if mine.cost_first == mine.cost_14000:
        yield say("explaining.story.cost_stays")
    elif not facts.works and not facts.stuck:
        yield say("explaining.story.last_cost", later=cost(mine.cost_14000))
    if facts.stuck:
        yield say("explaining.story.cost_of_guessing")


def _stretched(facts: Facts) -> Iterator[str]:
    fell = facts.mine.cost_first - facts.mine.cost_14000
    if facts.hardly_begun and fell > 0:
        yield say("explaining.story.stretched", fell=plain(fell))


def _outputs(facts: Facts) -> Iterator[str]:
    """Say how close together the outputs are at the end, where the accuracy is decided by that."""
    if not facts.mine.outputs:
        return
    low, high = facts.mine.outputs
    if low == high:
        yield say("explaining.story.same_output")
    elif facts.stuck and 0.45 < low <= high < 0.55:
        apart = bound(max(abs(low - 0.5), abs(high - 0.5)))
        yield say("explaining.story.near_half", apart=apart)
        if not low <= 0.5 < high:
            yield say("explaining.story.same_side")
        elif CHANCE[0] < facts.mine.train_accuracy < CHANCE[1]:
            yield say("explaining.story.which_side")
        else:
            yield say("explaining.story.which_side.learned")


# --- why -------------------------------------------------------------------------------------------------------------


def why(facts: Facts) -> Iterator[str]:
    """Yield why a run ended as it did."""
    if facts.lost:
        return
    reasons = (
        (facts.mine.regime == "dead", _dead),
        (facts.mine.regime == "symmetric", _symmetric),
        (facts.blind, _blind),
        (facts.partly_still, _partly_still),
        (facts.biases_silence or facts.biases_saturate, _biased),
        (facts.small and not facts.early, _small),
        (facts.large, _large),
        (facts.works, _fair),
        (facts.is_another_draw and facts.rule_is_asked, _other_draw),
        (facts.stuck, _fades),
    )
    if reason := next((reason for holds, reason in reasons if holds), None):
        yield from reason(facts)
    yield from _stopped(facts)


def _has_reason(facts: Facts) -> bool:
    """Return whether what is said of a run explains its end: large weights do not where smaller ones would do no better."""
    return not _is_only_large(facts) or not _has_large_weights(facts) or _smaller_would_do_better(facts)


def _dead(facts: Facts) -> Iterator[str]:
    mine = facts.mine
    yield say("explaining.story.dead")
    if not any(mine.weight_norms):
        yield say("explaining.story.dead_units_alike")
        yield say("explaining.story.dead_error")
        if facts.cost_stays and (quotes := facts.measured.quotes) and quotes.zeros:
            yield say("explaining.story.losses_equal", quote=quotes.zeros)
            yield say("explaining.story.losses_follow")
    elif mine.without_biases and any(mine.without_biases.gradient_norms):
        yield say("explaining.story.dead_by_biases")
    if not facts.cost_stays:
        yield say("explaining.story.last_bias")
    if mine.outputs and mine.outputs[0] == mine.outputs[1]:
        yield say("explaining.story.one_answer", accuracy=accuracy(mine.train_accuracy))


def _symmetric(facts: Facts) -> Iterator[str]:
    same = [layer for layer, units in enumerate(facts.mine.distinct, start=1) if units == 1]
    if same:
        yield say("explaining.story.symmetric", layers=same, count=len(same))
    else:
        yield say("explaining.story.symmetric.somewhere")
    yield say("explaining.story.copies")
    yield say("explaining.story.copies_move")


def _blind(facts: Facts) -> Iterator[str]:
    still, moves = _still_and_moving(facts.mine)
    yield say("explaining.story.blind")
    if still and moves:
        yield say("explaining.story.blind_gradients", still=still, moves=moves)


def _partly_still(facts: Facts) -> Iterator[str]:
    """Say which weights do not move at the start, of those that are not all zero."""
    mine = facts.mine
    still, moves = _still_and_moving(mine)
    yield say("explaining.story.partly_still", still=still, moves=moves)
    last = max(at for at, norm in enumerate(mine.gradient_norms, start=1) if norm == 0)
    if wall := next((at for at, norm in enumerate(mine.weight_norms, start=1) if norm == 0 and at > last), None):
        yield say("explaining.story.no_error_through", matrix=f"W{wall}")
    if len(mine.trace.gradient_norms) > 1 and all(mine.trace.gradient_norms[1]):
        yield say("explaining.story.all_move", iteration=mine.trace.iterations[1])


def _still_and_moving(run: Training) -> tuple[list[str], list[str]]:
    """Return the names of the matrices whose gradients are 0 at the start, and of those whose gradients are not."""
    names = [(f"W{layer}", norm) for layer, norm in enumerate(run.gradient_norms, start=1)]
    return [name for name, norm in names if norm == 0], [name for name, norm in names if norm]


def _biased(facts: Facts) -> Iterator[str]:
    """Say of biases that make a start bad what the same weights would do without them."""
    mine, without = facts.mine, facts.mine.without_biases
    if without is None:
        return
    if facts.biases_saturate:
        yield say("explaining.story.biases_saturate", mine=share(mine.saturated))
        yield say("explaining.story.biases_saturate.without", without=share(without.saturated))
        yield from _inf(facts)
        return
    yield say("explaining.story.biases_silence")
    yield say("explaining.story.biases_silence.without", times=_times(without.gradient_norms, mine.gradient_norms))


def _times(large: Sequence[float], small: Sequence[float]) -> str:
    """Return how many times as large the largest of some gradients is as that of others."""
    return rounded(max(large) / max(small))


def _other_draw(facts: Facts) -> Iterator[str]:
    """Say of the right rule with other numbers that the numbers decide."""
    if None not in facts.measured.spread:
        return
    shares = facts.measured.spread[None].train_accuracy
    yield say("explaining.story.other_draw")
    yield say("explaining.story.other_draw.ends", low=f"{min(shares):.2g}", high=f"{max(shares):.2g}")
    pairs = zip(facts.asked.gradient_norms, facts.mine.gradient_norms, strict=True)
    if all(asked > TWICE * mine for asked, mine in pairs):
        yield say("explaining.story.other_draw.gradients")


def _stopped(facts: Facts) -> Iterator[str]:
    """Say of a run whose gradients become 0 for good when that is, and how many units are dead by then."""
    if (at := facts.stopped) is None:
        return
    trace = facts.mine.trace
    yield say("explaining.story.stopped", iteration=f"{trace.iterations[at]:,}")
    yield from _dead_units(trace.dead[at] if trace.dead else ())


def _dead_units(dead: Sequence[float]) -> Iterator[str]:
    """Say how many units of a hidden layer are dead, of the layer with the most; nothing where none is."""
    if dead and max(dead) > 0:
        yield say("explaining.story.dead_units", share=share(max(dead)), layer=dead.index(max(dead)) + 1)


def _small(facts: Facts) -> Iterator[str]:
    mine = facts.mine
    if others := len(mine.gradient_norms) - 1:
        yield say("explaining.story.small", count=others)
    beside, is_of_scale_1 = beside_small(facts)
    if max(beside.gradient_norms, default=0) > TWICE * max(mine.gradient_norms):
        times = _times(beside.gradient_norms, mine.gradient_norms)
        yield say("explaining.story.beside_1" if is_of_scale_1 else "explaining.story.beside_asked", times=times)
    yield from _square(facts)


def beside_small(facts: Facts) -> tuple[Training, bool]:
    """Return the run that small gradients are compared with, and whether it is that of scale 1 and not the right answer's."""
    fair = facts.measured.runs.get(1.0)
    if fair and (facts.same_draws or not any(facts.asked.gradient_norms)):
        return fair, True
    return facts.asked, False


def _square(facts: Facts) -> Iterator[str]:
    """Say what another scale does to the gradients, where it was measured and is what the products predict."""
    scale, runs = facts.scale, facts.measured.runs
    if not scale or scale < 0 or not facts.same_draws or len(facts.mine.gradient_norms) != MATRICES:
        return
    others = [other for other in runs if other and APART < abs(math.log10(other / scale)) < 1.01]
    for other in sorted(others, key=lambda each: _distance(each, scale)):
        larger, smaller = sorted((other, scale), reverse=True)
        pair = (runs[other], facts.mine) if other > scale else (facts.mine, runs[other])
        factor, ratios = larger / smaller, _ratios(*pair)
        if ratios and all(abs(ratio / factor**2 - 1) < SQUARE for ratio in ratios):
            way = "grow" if other > scale else "shrink"
            if math.isclose(factor, 10):
                yield say(f"explaining.story.square.ten.{way}")
            else:
                yield say(f"explaining.story.square.{way}", factor=f"{factor:.2g}", square=f"{factor**2:.2g}")
            yield say("explaining.story.own_size")
            return


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
    if not trace.iterations or facts.stopped is not None:
        return
    dead = trace.dead[-1] if trace.dead else ()
    if max(dead, default=0.0) > MANY:
        layer = dead.index(max(dead)) + 1
        yield say("explaining.story.dead_units.end", share=share(max(dead)), layer=layer)
    elif max(trace.gradient_norms[-1]) < FADED:
        yield say("explaining.story.fades", largest=plain(max(trace.gradient_norms[-1])))


def _fair(facts: Facts) -> Iterator[str]:
    if facts.mine.saturated < FEW:
        yield say("explaining.story.fair")
    else:
        yield say("explaining.story.fair.share", share=share(facts.mine.saturated))


def _large(facts: Facts) -> Iterator[str]:
    if facts.passed and facts.harm_is_asked:
        return  # the paragraph on the scale that is asked for says it
    certain = share(facts.mine.saturated)
    if not _has_large_weights(facts):
        yield say("explaining.story.certain", share=certain)
    elif _smaller_would_do_better(facts):
        scale = facts.scale
        if scale is not None and scale == facts.asked_scale:
            yield say("explaining.story.large.required", scale=f"{scale:g}", share=certain)
        else:
            yield say("explaining.story.large", share=certain)
    else:
        yield say("explaining.story.large.unblamed", share=certain)
    yield from _inf(facts)
    if facts.overshoots:
        yield say("explaining.story.overshoot")
    if facts.works:
        yield say("explaining.story.learns_all_the_same")


def _is_only_large(facts: Facts) -> bool:
    """Return whether saturated outputs are what a run is described by."""
    other = facts.mine.regime in ("dead", "symmetric") or facts.blind or facts.partly_still or facts.small
    return facts.large and not (other or facts.biases_silence or facts.biases_saturate)


def _has_large_weights(facts: Facts) -> bool:
    size = facts.weight_size
    return size is None or size > LARGE_WEIGHTS


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


def _inf(facts: Facts) -> Iterator[str]:
    run = facts.mine
    if math.isnan(run.cost_first) and not facts.lost and facts.stopped is None:
        yield say("explaining.story.nan_cost")
        return
    if not math.isinf(run.cost_first) or not all(map(math.isfinite, run.gradient_norms)):
        return
    yield say("explaining.story.inf")
    exact = run.trace.exact_cost[0] if run.trace.exact_cost else math.nan
    if exact < LARGEST:
        yield say("explaining.story.inf.exact", exact=plain(exact))
    if facts.stopped is None:
        yield say("explaining.story.inf.goes_on")


# --- what would it take ----------------------------------------------------------------------------------------------


def waiting(facts: Facts) -> Iterator[str]:
    """Yield how long a start waits before it learns, and what a larger learning rate does."""
    mine, measured = facts.mine, facts.measured
    if not mine.searched or mine.regime in ("dead", "symmetric") or (not facts.small and not facts.stuck):
        return
    if (facts.stopped is not None and mine.regime != "plateau") or facts.zeros_are_asked:
        return  # who is asked for zeros should not wait for anything
    if mine.escape is None:
        yield say("explaining.story.not_within", iterations=f"{mine.searched:,}")
        yield from _nearest_wait(facts)
        yield from _rates(facts)
    elif mine.escape >= measured.iterations:
        yield say("explaining.story.patience", iteration=f"{mine.escape:,}")
        ratio = mine.escape / measured.iterations
        if ratio >= MULTIPLE:
            yield say("explaining.story.patience.times", times=rounded(ratio))
        late = measured.asides.patient if measured.asides else None
        if late and facts.same_draws and facts.scale == late.scale and late.train_accuracy > LEARNED:
            yield say("explaining.story.late_not_wrong", accuracy=accuracy(late.train_accuracy))
        yield from _rates(facts)


def _nearest_wait(facts: Facts) -> Iterator[str]:
    """Say how long the scale next to this one waits, where it was not looked for long enough to say it of this start."""
    scale, sweep = facts.scale, facts.measured.sweep
    if not scale or sweep is None or not facts.small or facts.diagnosis.distribution != "normal":
        return
    waits = [(row.scale, row.escape) for row in sweep.rows if row.scale and row.escape]
    if waits:
        nearest, wait = min(waits, key=lambda row: abs(math.log(row[0] / abs(scale))))
        yield say("explaining.story.nearest_wait", scale=f"{nearest:g}", iterations=f"{wait:,}")


def _rates(facts: Facts) -> Iterator[str]:
    """Advise a larger learning rate only where this very run ends well with it, and runs over seeds do as far as measured."""
    mine = facts.mine
    waits = dict(mine.rates)
    most = facts.measured.iterations
    for rate, wait in mine.rates:
        if wait is not None and wait >= most:
            yield say("explaining.story.larger_rate.still", rate=f"{rate:g}", iterations=f"{wait:,}")
    for end in mine.rate_ends:
        if (waits[end.learning_rate] or most) >= most:
            continue
        if end.train_accuracy > LEARNED and facts.measured.is_safe(end.learning_rate):
            yield say(
                "explaining.story.larger_rate",
                rate=f"{end.learning_rate:g}",
                iterations=f"{waits[end.learning_rate]:,}",
            )
    missed = [f"{rate:g}" for rate, wait in mine.rates if wait is None]
    if missed and mine.rates_searched:
        yield say("explaining.story.rates_missed", rates=missed, iterations=f"{mine.rates_searched:,}")


# --- why it worked before --------------------------------------------------------------------------------------------


def earlier(facts: Facts) -> Iterator[str]:
    """Yield why this small scale worked in the exercise before, where it was measured."""
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
    fast, slow = asides.flower
    verdict = list(_verdict(measured))
    yield from verdict
    if verdict:
        yield say("explaining.before.flower.layers")
    else:
        yield say("explaining.before.flower", times=f"{fast.learning_rate / measured.learning_rate:.0f}")
    if slow.train_accuracy < fast.train_accuracy and slow.learning_rate == measured.learning_rate:
        yield say("explaining.before.flower.slow", slow=f"{slow.train_accuracy:.2f}", fast=f"{fast.train_accuracy:.2f}")
    yield from _over_seeds(measured, fast.learning_rate)


def _verdict(measured: Measured) -> Iterator[str]:
    """Say what made a small scale work elsewhere, where the counts over seeds show it."""
    fast, rate = (measured.asides.flower[0].learning_rate if measured.asides else 0.0), measured.learning_rate
    shallow, deep = (measured.setting(hidden, fast) for hidden in (1, 2))
    slow = [measured.setting(hidden, rate) for hidden in (1, 2)]
    if shallow is None or deep is None or deep.layers != measured.layers:
        return
    if not all(row is not None and row.learned == 0 for row in slow):
        return
    if shallow.learned >= HOLDS * shallow.seeds > deep.learned:
        yield say("explaining.before.verdict", scale=f"{shallow.scale:g}", fast=fast, rate=rate)
        yield say("explaining.before.verdict.depth")


def _over_seeds(measured: Measured, fast: float) -> Iterator[str]:
    """Say how the small scale fares over seeds with one hidden layer and with two, at the earlier rate, this one and between."""
    rate = measured.learning_rate
    shallow, deep = (measured.setting(hidden, fast) for hidden in (1, 2))
    slow = [measured.setting(hidden, rate) for hidden in (1, 2)]
    if shallow is None or deep is None or deep.layers != measured.layers:
        return
    yield say("explaining.before.one", learned=of_seeds(shallow.learned, shallow.seeds))
    yield say("explaining.before.two", learned=of_seeds(deep.learned, deep.seeds))
    if 0 < deep.never_left < deep.guessing:
        yield say(
            "explaining.before.fall_back",
            guessing=deep.guessing,
            never=deep.never_left,
            back=deep.guessing - deep.never_left,
        )
        if rest := deep.seeds - deep.learned - deep.guessing:
            yield say("explaining.before.rest", count=rest)
    if not all(row is not None and row.learned == 0 for row in slow):
        return
    yield say("explaining.before.slow")
    for row in measured.sweep.settings if measured.sweep else ():
        if row.layers == measured.layers and rate < row.learning_rate < fast and row.learned >= HOLDS * row.seeds > 0:
            rate_between, learned = f"{row.learning_rate:g}", of_seeds(row.learned, row.seeds)
            yield say("explaining.before.between", rate=rate_between, learned=learned)


def of_seeds(count: int, seeds: int) -> str:
    """Return how many of some seeds, in words: all 50, or 47 of 50."""
    return say("explaining.all", count=seeds) if count == seeds else say("explaining.of", part=count, count=seeds)


def growth(measured: Measured) -> Iterator[str]:
    """Yield how the waiting grows as the scale falls: with one hidden layer by a sum, with two by a factor."""
    rows = measured.sweep.waits if measured.sweep else ()
    waits = {len(row.layers) - 2: _tenths(row) for row in rows}
    if not (waits.get(1) and waits.get(2)):
        return
    sums = [later - before for before, later in pairwise(waits[1])]
    factors = [later / before for before, later in pairwise(waits[2])]
    yield say("explaining.growth", rate=f"{rows[0].learning_rate:g}")
    mean = sum(sums) / len(sums)
    if max(abs(each - mean) for each in sums) <= ALIKE * mean:
        yield say("explaining.growth.one", more=f"{float(f'{mean:.2g}'):,.0f}")
    else:
        yield say("explaining.growth.one.between", low=f"{min(sums):,}", high=f"{max(sums):,}")
    yield say("explaining.growth.two", low=f"{min(factors):.0f}", high=f"{max(factors):.0f}")


def _tenths(row: WaitRow) -> list[int]:
    """Return the waits for scales of which each is a tenth of the one before, or nothing if one wait was not found."""
    by_scale = dict(zip(row.scales, row.iterations, strict=True))
    waits = [wait for scale in TENTHS if (wait := by_scale.get(scale)) is not None]
    return waits if len(waits) == len(TENTHS) else []


# --- what the large scale shows --------------------------------------------------------------------------------------


def _harm(facts: Facts) -> Iterator[str]:
    """Say what the scale that is asked for is meant to show, and what it is worth over many seeds."""
    asked, measured, scale = facts.asked, facts.measured, facts.asked_scale
    if scale is None:
        return
    yield say("explaining.good.no")
    if better := [name for name, other in (("he", None), ("scale_1", 1.0)) if _is_better(measured, other, scale)]:
        which = "both" if len(better) > 1 else better[0]
        yield say(f"explaining.good.better.{which}", asked=f"{scale:g}")
    mine = measured.compared(scale, facts.scale) if facts.small and facts.stuck and facts.scale else None
    if mine and mine.holds:
        yield say("explaining.good.in_time", above=of_seeds(mine.above, mine.seeds))
    shares = measured.spread[scale].train_accuracy if scale in measured.spread else ()
    if 2 * sum(value < asked.train_accuracy for value in shares) > len(shares):
        yield say("explaining.good.lucky")
    if facts.passed:
        yield say("explaining.good.certain", share=share(asked.saturated))
        if math.isinf(asked.cost_first):
            yield say("explaining.story.inf")
        yield from _falls(facts)


def _is_better(measured: Measured, other: float | None, scale: float) -> bool:
    """Return whether another start learns, and ends above a scale for nine seeds of ten."""
    pair = measured.compared(other, scale)
    return pair is not None and pair.holds and measured.middle(other) > LEARNED


def _falls(facts: Facts) -> Iterator[str]:
    """Say that a fast fall is not fast learning, where both are so."""
    run, scale = facts.asked, facts.asked_scale
    trace = dict(zip(run.trace.iterations, run.trace.exact_cost, strict=True))
    fair = facts.measured.runs.get(1.0)
    if fair is None or not facts.measured.cheaper(1.0, scale) or not fair.cost_14000 < run.cost_14000:
        return
    if not (run.raised >= OFTEN * max(1, run.watched) and EARLY in trace and trace[EARLY] < trace[0] / 10):
        return
    yield say("explaining.good.not_faster")
    yield say("explaining.good.falls")
    yield say("explaining.good.dearer")


def _how_small(facts: Facts) -> Iterator[str]:
    """Say how far the notebook's own sentence holds: only where a comparison does for nine seeds of ten."""
    measured, scale = facts.measured, facts.asked_scale
    if measured.quotes is None or not measured.quotes.small:
        return
    smaller = sorted((s for s in measured.spread if s and scale is not None and s < scale), reverse=True)
    pairs = [(s, pair) for s in smaller if (pair := measured.compared(s, scale))]
    better = [s for s, pair in pairs if pair.holds]
    worse = [s for s, pair in pairs if pair.reversed]
    if not better or not worse or worse != smaller[-len(worse) :] or better != smaller[: len(better)]:
        return
    yield say("explaining.good.quote", quote=measured.quotes.small)
    yield say("explaining.good.quote.holds", scale=f"{better[-1]:g}")
    yield say("explaining.good.quote.fails", scale=f"{worse[0]:g}")


# --- what the rule is for --------------------------------------------------------------------------------------------


def rule(facts: Facts) -> Iterator[str]:
    """Yield what He's rule is worth here, and what one run can tell."""
    measured, mine = facts.measured, facts.mine
    if not facts.rule_is_asked or None not in measured.spread:
        return
    shares = measured.spread[None].train_accuracy
    low, high = min(shares), max(shares)
    if not facts.passed:
        is_of_rule = bool(facts.causes) and facts.causes[0].code.startswith("scale_")
        wider = (high - low) * measured.points > facts.apart
        if is_of_rule and facts.works and facts.apart and low <= mine.train_accuracy <= high and wider:
            yield say("explaining.rule.one_run")
            yield say("explaining.rule.apart", count=facts.apart, points=measured.points)
            yield say("explaining.rule.wider")
            code = facts.causes[0].code
            yield say(f"explaining.rule.reason.{code if code in RULE_REASONS else 'other'}")
        return
    median = accuracy(measured.middle(None))
    if not _is_open(measured):
        yield say("explaining.rule.half", seeds=len(shares), median=median)
        return
    yield say("explaining.rule.neither")
    fair = accuracy(measured.middle(1.0))
    if fair == median:
        yield say("explaining.rule.half.same", seeds=len(shares), median=median)
    else:
        yield say("explaining.rule.half.both", seeds=len(shares), median=median, fair=fair)
    yield say("explaining.rule.no_search")
    if mine.cost_first < measured.runs[1.0].cost_first:
        yield say("explaining.rule.cheaper_start")


def rule_title(facts: Facts) -> str:
    """Return the question that `rule` answers."""
    if facts.passed:
        return say("feedback.rule" if _is_open(facts.measured) else "feedback.rule.alone")
    return say("feedback.rule.yours") if facts.scale is None else say("feedback.rule.scale", scale=f"{facts.scale:g}")


def _is_open(measured: Measured) -> bool:
    """Return whether He's rule and scale 1 were compared, and neither ends above the other for nine seeds of ten."""
    pair = measured.compared(None, 1.0)
    return pair is not None and not pair.holds and not pair.reversed and 1.0 in measured.runs


def harm(facts: Facts) -> Iterator[str]:
    """Yield what the large scale that is asked for shows, then how far the notebook's own sentence holds."""
    yield from _harm(facts)
    yield from _how_small(facts)
