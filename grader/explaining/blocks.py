"""The blocks of a feedback page: each answers one question of its reader in at most 50 words, with a small table.

The story says all that was measured; a block takes the first sentences of it that fit.  `reasons` are the two sentences that
every first screen shows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from statistics import median

from grader.explaining.facts import Facts, Measured
from grader.explaining.numbers import costs, last_printed, plain
from grader.explaining.small_scale import why_it_works
from grader.explaining.story import (
    CHANCE,
    beside_small,
    course,
    earlier,
    harm,
    other_numbers,
    rule,
    rule_title,
    waiting,
    why,
)
from grader.faults import attempt, surviving
from grader.messages import say
from grader.records import Block, SettingRow, Table, Training
from grader.records.wording import accuracy

MOST_WORDS = 50  # of a block
MOST_REASONS, MOST_REASON_WORDS = 2, 40
NEAR_HALF = 0.05  # how near to 0.5 all outputs are where the accuracy is chance
_OTHER_WEIGHTS = (
    "scale_",
    "seed_",
    "weights_",
    "uniform_",
    "distribution_",
)  # causes that change the weights by themselves


def blocks(facts: Facts) -> tuple[Block, ...]:
    """Return the blocks of a function, in the order in which a reader asks; none for what does not apply."""
    makers = (_happened, _why, _waiting, _before, _good, _rule, _small)
    answers = (attempt("a block of the page", lambda make=make: make(facts), lambda _: None) for make in makers)  # type: ignore[misc]
    return tuple(block for block in answers if block is not None)


def _fitting(sentences: Iterable[str], most: int = MOST_WORDS) -> tuple[str, ...]:
    """Return the first sentences that fit into a number of words, as one paragraph; the first one always."""
    fitting: list[str] = []
    for sentence in filter(None, sentences):
        if fitting and sum(len(each.split()) for each in (*fitting, sentence)) > most:
            break
        fitting.append(sentence)
    return (" ".join(fitting),) if fitting else ()


# --- what happened ---------------------------------------------------------------------------------------------------


def _happened(facts: Facts) -> Block | None:
    if facts.passed:
        return None
    sentences = [say("feedback.happened.lost")] if facts.lost else list(course(facts))
    sentences += other_numbers(facts)
    if _is_of_seed_alone(facts):
        sentences.append(say("feedback.happened.only_seed"))
    return Block("happened", say("feedback.happened"), _fitting(sentences), _runs(facts))


def _is_of_seed_alone(facts: Facts) -> bool:
    """Return whether a run ends differently for no other reason than the seed: everything else was recovered and is right."""
    mine, asked = facts.diagnosis, facts.asked_diagnosis
    same_rule = mine.scale_formula is not None and mine.scale_formula == asked.scale_formula
    return facts.is_another_draw and same_rule and mine.distribution == asked.distribution and facts.apart > 0


def _runs(facts: Facts) -> Table | None:
    """Set the run beside the right answer's, in the numbers that the notebook prints."""
    runs = [(say("feedback.runs.mine"), facts.mine), (say("feedback.runs.asked"), facts.asked)]
    late = last_printed(facts.mine)
    infinite = [any(map(math.isinf, (run.cost_first, run.cost_14000))) for _, run in runs]
    whose = "both" if all(infinite) else "mine" if infinite[0] else "asked"
    return Table(
        say(f"feedback.runs.inf.{whose}" if any(infinite) else "feedback.runs"),
        ("", say("feedback.runs.train"))
        + ((say("feedback.runs.test"),) if facts.mine.test_accuracy is not None else ())
        + (say("feedback.runs.first"),)
        + ((say("feedback.runs.last", iteration=late),) if late[0].isdigit() else ()),
        tuple((name, *_measures(run, is_printed=late[0].isdigit())) for name, run in runs),
    )


def _measures(run: Training, *, is_printed: bool) -> tuple[str, ...]:
    first, later = costs(run.cost_first, run.cost_14000)
    shares = [share for share in (run.train_accuracy, run.test_accuracy) if share is not None]
    return (*map(accuracy, shares), first, *((later,) if is_printed else ()))


# --- why -------------------------------------------------------------------------------------------------------------


def _why(facts: Facts) -> Block | None:
    if facts.passed:
        return None
    sentences = _fitting(why(facts))
    return Block("why", say("feedback.why"), sentences, _gradients(facts)) if sentences else None


def _gradients(facts: Facts) -> Table | None:
    """Set the gradients at the start beside those of the run that the reasons compare with."""
    mine, beside = facts.mine, _compared_start(facts)
    if beside is None:
        return None
    name, norms = beside
    if len(norms) != len(mine.gradient_norms):
        return None
    columns = ("", *(f"W{layer}" for layer in range(1, len(norms) + 1)))
    rows = ((say("feedback.runs.mine"), mine.gradient_norms), (name, norms))
    return Table(say("feedback.gradients"), columns, tuple((label, *map(plain, row)) for label, row in rows))


def _compared_start(facts: Facts) -> tuple[str, Sequence[float]] | None:
    """Return a start whose gradients show the reason, by its name: without biases, with scale 1, or the right one."""
    without = facts.mine.without_biases
    if facts.biases_silence and without is not None:
        return say("feedback.gradients.no_biases"), without.gradient_norms
    if facts.small:
        run, is_of_scale_1 = beside_small(facts)
        return say("feedback.gradients.scale_1" if is_of_scale_1 else "feedback.runs.asked"), run.gradient_norms
    return None


def reasons(facts: Facts) -> str:
    """Return at most two sentences that say why a run ended as it did: the first thing that a reader sees of it."""
    if facts.passed:
        return ""
    sentences = list(surviving("the reasons", _reasons(facts)))[:MOST_REASONS]
    return " ".join(_fitting(sentences, MOST_REASON_WORDS))


def _reasons(facts: Facts) -> Iterator[str]:
    if facts.lost:
        yield say("feedback.reason.lost")
        return
    yield from _kind(facts)
    if facts.zeros_are_asked and any(facts.mine.weight_norms):
        yield say("feedback.reason.zeros_asked")
    if (
        facts.harm_is_asked
        and facts.works
        and facts.of_scale
        and facts.scale is not None
        and facts.asked_scale is not None
    ):
        yield say("feedback.reason.harm", asked=f"{facts.asked_scale:g}")
    yield from _chance(facts)


def _kind(facts: Facts) -> Iterator[str]:
    """Say what kind of run this is, in one sentence."""
    if facts.is_another_draw or (facts.diagnosis.causes and facts.diagnosis.causes[0].startswith("seed_")):
        yield _seed(facts)
        return
    if facts.stopped is not None and facts.large and not facts.works and facts.diagnosis.biases == "zeros":
        yield say("feedback.reason.stopped", iteration=f"{facts.mine.trace.iterations[facts.stopped]:,}")
        return
    kinds = (
        (facts.is_dead_of_zeros, "dead"),
        (facts.mine.regime == "dead", "still"),
        (facts.mine.regime == "symmetric", "symmetric"),
        (facts.biases_silence or facts.biases_saturate, "biases"),
        (facts.hardly_begun, "hardly_begun"),
        (facts.small and not facts.works and not facts.early, "late"),
        (facts.large and not facts.works and facts.harm_is_asked and not facts.of_scale, "large_asked"),
        (facts.large and not facts.works and facts.mine.regime == "healthy", "large_learns"),
        (facts.large and not facts.works, "large"),
        (facts.works and facts.harm_is_asked and facts.of_scale and facts.scale is not None, "learns"),
        (facts.works and facts.rule_is_asked and facts.of_scale, "one_run"),
        (facts.works, "works"),
        (_has_fan_out(facts), "fan_out"),
    )
    kind = next((name for holds, name in kinds if holds), None)
    if kind == "large_asked" and (mistake := _mistake(facts)):
        kind = mistake
    if kind in ("hardly_begun", "late") and facts.zeros_are_asked:
        kind = f"{kind}.zeros"
    elif kind in ("hardly_begun", "late") and not all(cause.startswith("scale_") for cause in facts.diagnosis.causes):
        kind = f"{kind}.more"
    if kind:
        yield say(f"feedback.reason.{kind}")


def _seed(facts: Facts) -> str:
    """Say what the seed does to the random numbers, as far as it is known."""
    status, seed, asked = facts.diagnosis.seed_status, facts.diagnosis.seed, facts.asked_diagnosis.seed
    if status in ("missing", "outside_function"):
        return say("feedback.reason.no_seed" if status == "missing" else "feedback.reason.seed_outside")
    if status == "reset_per_layer" and seed is not None:
        return say("feedback.reason.seed_repeated", seed=seed)
    if status == "other" and None not in (seed, asked):
        return say("feedback.reason.seed_number", seed=seed, asked=asked)
    return say("feedback.reason.other_seed")


def _mistake(facts: Facts) -> str | None:
    """Name what is wrong with a start that is as large as the exercise asks for."""
    causes = facts.diagnosis.causes
    if causes[:1] == ("uniform_not_normal",) and any("random.rand(" in (cause.wrote or "") for cause in facts.causes):
        return "rand"
    is_shifted = "bias_random" in causes and not any(cause.startswith(_OTHER_WEIGHTS) for cause in causes)
    return "shifted" if is_shifted and facts.mine.weight_norms != facts.asked.weight_norms else None


def _has_fan_out(facts: Facts) -> bool:
    """Return whether the size of the layer itself makes some layers too large and others too small."""
    mine, asked = facts.diagnosis.scale or (), facts.asked_diagnosis.scale or ()
    pairs = [(float(own), float(right)) for own, right in zip(mine, asked, strict=False)]
    both = any(own > right for own, right in pairs) and any(own < right for own, right in pairs)
    return facts.diagnosis.causes[:1] == ("scale_fan_out",) and both


def _chance(facts: Facts) -> Iterator[str]:
    """Say why an accuracy is near one half, where all outputs are."""
    outputs, share = facts.mine.outputs, facts.mine.train_accuracy
    if not outputs or not CHANCE[0] < share < CHANCE[1]:
        return
    low, high = outputs
    if low == high or high <= 0.5 or low > 0.5:
        yield say("feedback.reason.one_answer")
    elif 0.5 - NEAR_HALF < low <= high < 0.5 + NEAR_HALF:
        yield say("feedback.reason.chance")


# --- would waiting help ----------------------------------------------------------------------------------------------


def _waiting(facts: Facts) -> Block | None:
    if facts.passed:
        return None
    title = say("feedback.waiting")
    if facts.is_dead_of_zeros:
        return Block("waiting", title, (say("feedback.waiting.never"),))
    sentences = list(waiting(facts))
    if not sentences:
        return None
    return Block("waiting", title, _fitting(sentences), _waits(facts))


def _waits(facts: Facts) -> Table | None:
    """Set the wait at this learning rate beside that at larger ones."""
    mine = facts.mine
    never = say("feedback.waiting.not_by", iteration=f"{mine.searched:,}")
    rows = [(f"{facts.measured.learning_rate:g}", f"{mine.escape:,}" if mine.escape is not None else never)]
    never = say("feedback.waiting.not_by", iteration=f"{mine.rates_searched:,}")
    rows += [(f"{rate:g}", never if left is None else f"{left:,}") for rate, left in mine.rates]
    columns = (say("feedback.waiting.rate"), say("feedback.waiting.at"))
    return Table(say("feedback.waiting.table"), columns, tuple(rows)) if mine.rates and mine.rates_searched else None


# --- why it worked before --------------------------------------------------------------------------------------------


def _before(facts: Facts) -> Block | None:
    if facts.passed:
        return None
    scale = facts.scale
    if scale is None:
        return None
    sentences = _fitting(earlier(facts))
    if not sentences:
        return None
    return Block("before", say("feedback.before", scale=f"{scale:g}"), sentences, _two_by_two(facts.measured))


def _two_by_two(measured: Measured) -> Table | None:
    """Set one hidden layer beside two, and the earlier learning rate beside this one."""
    rows = measured.sweep.settings if measured.sweep else ()
    rates = sorted({row.learning_rate for row in rows})
    if len(rates) < 2:
        return None
    ends = (rates[0], rates[-1])
    by_setting = {(len(row.layers) - 2, row.learning_rate): row for row in rows}
    hidden = (1, 2)
    if not all((count, rate) in by_setting for count in hidden for rate in ends):
        return None
    counted = all(row.seeds for row in rows)
    scale, seeds = f"{rows[0].scale:g}", rows[0].seeds
    return Table(
        say("feedback.before.learned", seeds=seeds) if counted else say("feedback.before.table", scale=scale),
        ("", *(say("feedback.before.rate", rate=f"{rate:g}") for rate in ends)),
        tuple(
            (
                say("feedback.before.hidden", count=count),
                *(_end(by_setting[count, rate]) for rate in ends),
            )
            for count in hidden
        ),
    )


def _end(row: SettingRow) -> str:
    """Return how many seeds learn; one run's accuracy where only that was measured, which may be a lucky draw."""
    return f"{row.learned}" if row.seeds else accuracy(row.train_accuracy)


# --- is it good, then ------------------------------------------------------------------------------------------------


def _good(facts: Facts) -> Block | None:
    scale = facts.asked_scale
    if not facts.harm_is_asked or scale is None:
        return None
    answer = _fitting(harm(facts))
    own = (facts.scale,) if facts.scale is not None and not facts.passed else ()
    scales = (*own, scale, 1.0, None)
    return Block("good", say("feedback.good", scale=f"{scale:g}"), answer, _compared(facts, scales))


def _small(facts: Facts) -> Block | None:
    sentences = _fitting(why_it_works(facts))
    scale = facts.asked_scale
    return (
        Block("small", say("feedback.small", scale=f"{scale:g}"), sentences)
        if sentences and scale is not None
        else None
    )


def _rule(facts: Facts) -> Block | None:
    if facts.harm_is_asked or not facts.rule_is_asked:
        return None
    sentences = _fitting(rule(facts))
    return Block("rule", rule_title(facts), sentences, _compared(facts, (None, 1.0))) if sentences else None


def _compared(facts: Facts, scales: tuple[float | None, ...]) -> Table | None:
    """Return what some scales come to over the seeds."""
    spread = facts.measured.spread
    scales = tuple(scale for scale in dict.fromkeys(scales) if scale in spread)
    if len(scales) < 2:
        return None
    return Table(
        say("feedback.spread", count=len(spread[scales[0]].train_accuracy)),
        (say("feedback.spread.scale"), *(say(f"feedback.spread.{name}") for name in ("low", "median", "high"))),
        tuple(_spread(scale, spread[scale].train_accuracy) for scale in scales),
    )


def _spread(scale: float | None, shares: tuple[float, ...]) -> tuple[str, ...]:
    name = say("feedback.spread.he") if scale is None else f"{scale:g}"
    return name, *(f"{value:.2f}" for value in (min(shares), median(shares), max(shares)) if math.isfinite(value))
