"""Questions that students ask about this exercise, each with its measured answer; none has a grade."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from statistics import median, quantiles

from grader.exercise.asides import DRAWN, STRETCHED, XAVIER_LAST, Asides, Start, Variant
from grader.exercise.quotes import Quotes
from grader.exercise.shipped import SMALL
from grader.explaining.facts import HOLDS, Facts, Measured
from grader.explaining.numbers import LARGEST, cost, costs, last_printed, plain, share, times
from grader.explaining.small_scale import other_scales
from grader.explaining.story import before, growth, of_seeds
from grader.faults import attempt
from grader.messages import listed, say
from grader.records import Question, SweepRow, Table, Training
from grader.records.wording import accuracies, accuracy

FAIR = 1.0  # the scale of randn's numbers as they are
NEAR_HALF = 0.01  # how near to 0.5 all outputs are where the accuracy is chance


def predict(facts: Facts) -> Question | None:
    """Return one question to think about before its answer is opened: what another start would do."""
    measured = facts.measured
    if facts.asked.regime == "dead":
        return _not_zero(measured.asides, facts) if measured.asides else None
    if facts.harm_is_asked:
        other = SMALL if facts.scale == FAIR else FAIR
        return _other_scale(measured, other, facts) if other in measured.spread and other in measured.runs else None
    return _wider(measured.asides, measured.seed) if measured.asides and facts.rule_is_asked else None


def about(facts: Facts) -> tuple[Question, ...]:
    """Return the questions that belong to one function."""
    ask: tuple[Callable[[], Question | None], ...]
    dead = facts.mine.regime == "dead" and not any(facts.mine.weight_norms)
    if facts.asked.regime == "dead":
        ask = (
            lambda: no_change(facts.asked, facts.measured.quotes, quoted_before=facts.is_dead_of_zeros, is_seen=dead),
            lambda: symmetric(facts.measured),
        )
    elif facts.harm_is_asked:
        ask = (
            lambda: inf(facts.mine, stopped=facts.stopped is not None),
            lambda: below_half(facts.measured, facts.mine),
            lambda: _biases(facts),
        )
    elif facts.rule_is_asked:
        ask = (
            lambda: two_over_n(facts.measured.asides),
            lambda: last_layer(facts.measured.asides),
            lambda: _what_is_L(facts),
        )
    elif facts.small_is_asked:
        ask = (lambda: other_scales(facts),)
    else:
        return ()
    return _answered(ask)


def _answered(ask: Sequence[Callable[[], Question | None]]) -> tuple[Question, ...]:
    """Return the questions that have an answer; one that fails leaves the others."""
    answers = (attempt("answering a question", question, lambda _: None) for question in ask)
    return tuple(answer for answer in answers if answer is not None)


def asked_often(measured: Measured) -> tuple[Question, ...]:
    """Return the questions about the exercise as a whole; none where nothing was measured."""
    if not shows_waiting(measured):
        return ()
    ask: list[Callable[[], Question | None]] = [
        lambda: wait(measured),
        lambda: steepest(measured),
        lambda: as_drawn(measured),
    ]
    if asides := measured.asides:
        ask[:0] = [lambda: worked_before(measured), lambda: four_layers(asides)]
        ask += [lambda: rand(asides), lambda: other_machine(asides)]
    return _answered(ask)


def shows_waiting(measured: Measured) -> bool:
    """Return whether runs were measured that compare a small scale, which waits on the plateau to the end, with a fair one."""
    whole = {None, SMALL, FAIR} <= measured.runs.keys() & measured.spread.keys() and measured.sweep is not None
    return whole and measured.runs[SMALL].regime == "plateau" and measured.runs[FAIR].regime != "plateau"


# --- think first ------------------------------------------------------------------------------------------------------


def _other_scale(measured: Measured, scale: float, facts: Facts) -> Question:
    run, shares = measured.runs[scale], measured.spread[scale].train_accuracy
    first, last = costs(run.cost_first, run.cost_14000)
    low, _, high = quantiles(shares, n=4, method="inclusive")
    answer = [
        say("questions.other_scale.run", accuracies=accuracies(run), first=first, last=last),
        say("questions.other_scale.seeds", count=len(shares), low=accuracy(low), high=accuracy(high)),
    ]
    right = facts.asked_scale
    compared = None if right is None else measured.compared(scale, right)
    if compared and (compared.holds or compared.reversed):
        side, number = ("above", compared.above) if compared.holds else ("below", compared.below)
        seeds = of_seeds(number, compared.seeds)
        answer.append(say(f"questions.other_scale.{side}", scale=scale, other=right, seeds=seeds))
    asked = say("questions.other_scale", scale=scale, seed=measured.seed, iterations=measured.iterations)
    return Question(asked, (" ".join(answer),))


def _not_zero(asides: Asides, facts: Facts) -> Question:
    """Ask about every weight 0.5, or about what was not handed in."""
    half, biases = asides.starts[:2]
    if facts.mine.regime == "symmetric":
        answer = say("questions.random_biases.answer", iterations=facts.measured.iterations, **_ends(biases))
        return Question(say("questions.random_biases"), (answer,))
    return Question(say("questions.not_zero"), (say("questions.not_zero.answer", **_ends(half)),))


def _ends(start: Start) -> dict[str, str]:
    return {"first": cost(start.cost_first), "last": cost(start.cost_last), "accuracies": accuracies(start)}


def _wider(asides: Asides, seed: int | None) -> Question:
    narrow, *_, wide = asides.widths
    return Question(
        say("questions.wider", cost=cost(narrow.he), hidden=_hidden(wide.layers)),
        (say("questions.wider.answer", he=cost(wide.he), as_drawn=cost(wide.as_drawn)),),
        _widths(asides, seed),
    )


# --- zeros ------------------------------------------------------------------------------------------------------------


def no_change(run: Training, quotes: Quotes | None, *, quoted_before: bool = False, is_seen: bool = True) -> Question:
    """Say why weights of zero stay.

    `quoted_before` is true where the page quotes the notebook's sentence elsewhere, `is_seen` where the reader's weights do stay.
    """
    first, last = costs(run.cost_first, run.cost_14000)
    answer = [say("questions.no_change.gradients", matrices=_matrices(run))]
    if quotes and quotes.zeros and not quoted_before:
        answer.append(say("questions.no_change.quoted", quoted=quotes.zeros, first=first, last=last))
    answer.append(say("questions.no_change.cost"))
    return Question(say("questions.no_change" if is_seen else "questions.no_change.with_zeros"), tuple(answer))


def symmetric(measured: Measured) -> Question | None:
    """Tell a symmetric start from a dead one."""
    asides = measured.asides
    if asides is None:
        return None
    names = (say("questions.symmetric.equal"), say("questions.symmetric.biases"))
    return Question(
        say("questions.symmetric"),
        (say("questions.symmetric.answer"), say("questions.symmetric.measured", iterations=measured.iterations)),
        Table(
            say("questions.symmetric.table"),
            (
                say("questions.symmetric.start"),
                say("questions.symmetric.first"),
                say("questions.symmetric.last"),
                say("questions.symmetric.accuracies"),
            ),
            tuple((name, *_ends(start).values()) for name, start in zip(names, asides.starts, strict=False)),
        ),
    )


# --- random -----------------------------------------------------------------------------------------------------------


def inf(run: Training, scale: float | None = None, *, stopped: bool = False) -> Question | None:
    """Say what a cost of inf means, where there is one.

    It is the student's own start, or the one with a `scale`; `stopped` is true where all gradients become 0 for good.
    """
    if not math.isinf(run.cost_first) or not all(map(math.isfinite, run.gradient_norms)):
        return None
    exact = run.trace.exact_cost[0] if run.trace.exact_cost else math.nan
    saturated = share(run.saturated)
    why = [
        say("questions.inf.mine", share=saturated)
        if scale is None
        else say("questions.inf.scale", scale=scale, share=saturated),
        say("questions.inf.logarithm"),
    ]
    if exact < LARGEST:
        why.append(say("questions.inf.exact", cost=plain(exact)))
    goes_on = f"{say('questions.inf.finite')} {later_cost(run)}"
    return Question(say("questions.inf"), (" ".join(why), say("questions.inf.stopped") if stopped else goes_on))


def later_cost(run: Training) -> str:
    """Say the last cost that the notebook prints, and where it prints it."""
    last, value = last_printed(run), cost(run.cost_14000)
    if last[0].isdigit():
        return say("questions.cost.at", cost=value, iteration=last)
    return say("questions.cost.end", cost=value)


def below_half(measured: Measured, run: Training | None = None) -> Question | None:
    """Say how an accuracy can be below one half: of the student's own run only where it is so, else of a small scale."""
    is_mine = run is not None
    run = run or measured.runs.get(SMALL)
    if run is None or SMALL not in measured.spread:
        return None
    if run.train_accuracy >= 0.5 and (run.test_accuracy is None or run.test_accuracy >= 0.5):
        return None
    apart = max((abs(value - 0.5) for value in run.outputs), default=1.0)
    if apart >= NEAR_HALF:
        return None
    end = (
        say("questions.below_half.mine", accuracies=accuracies(run))
        if is_mine
        else say("questions.below_half.scale", scale=SMALL, accuracies=accuracies(run))
    )
    shares = measured.spread[SMALL].train_accuracy
    seeds = say(
        "questions.below_half.seeds",
        scale=SMALL,
        count=len(shares),
        below=sum(value < 0.5 for value in shares),
        low=accuracy(min(shares)),
        high=accuracy(max(shares)),
    )
    side = say("questions.below_half.side", apart=plain(apart))
    return Question(say("questions.below_half"), (f"{end} {side}", seeds))


def _biases(facts: Facts) -> Question | None:
    asides = facts.measured.asides
    if asides is None:
        return None
    right, shifted = asides.shifted
    mine = "bias_random" in facts.diagnosis.causes
    if mine and facts.mine.weight_norms == facts.asked.weight_norms:
        return None  # drawn after all weights, they move none of them
    if mine:
        return Question(
            say("questions.biases.mine"), (say("questions.biases.mine.answer", right=right, shifted=shifted),)
        )
    return Question(say("questions.biases"), (say("questions.biases.answer", right=right, shifted=shifted),))


# --- he ---------------------------------------------------------------------------------------------------------------


def two_over_n(asides: Asides | None) -> Question | None:
    """Say where the factor of He's rule comes from."""
    if asides is None:
        return None
    layers = len(asides.signals[0].sizes)
    he, halved, without_root = asides.signals
    measured = say(
        "questions.root.measured",
        layers=layers,
        factor=he.factor,
        first=plain(he.sizes[0]),
        last=plain(he.sizes[-1]),
        halved=halved.factor,
        step=(halved.sizes[-1] / halved.sizes[0]) ** (1 / (layers - 1)),
        without_root=without_root.factor,
        left=plain(without_root.sizes[-1]),
    )
    return Question(
        say("questions.root"),
        (say("questions.root.answer"), measured),
        Table(
            say("questions.root.table"),
            (say("questions.root.layer"), *(signal.factor for signal in asides.signals)),
            tuple(
                (f"{layer + 1}", *(plain(signal.sizes[layer]) for signal in asides.signals))
                for layer in sorted({0, 1, 2, 4, layers - 1})
            ),
        ),
    )


def last_layer(asides: Asides | None) -> Question | None:
    """Compare He's rule in the last layer with that for a sigmoid."""
    if asides is None:
        return None
    shares = {variant.name: variant.train_accuracy for variant in asides.variants}
    he, other = shares["randn"], shares[XAVIER_LAST]
    above, below = _wins(he, other)
    answer = [say("questions.last_layer.answer", count=len(he))]
    if max(above, below) < HOLDS * len(he):
        answer.append(say("questions.last_layer.equal"))
    rows = (("2/n", above, he), ("1/n", below, other))
    return Question(
        say("questions.last_layer"),
        (" ".join(answer),),
        Table(
            say("questions.last_layer.table", count=len(he)),
            (
                say("questions.last_layer.rule"),
                say("questions.last_layer.higher"),
                say("questions.last_layer.median"),
            ),
            tuple(
                (rule, say("questions.last_layer.seeds", count=number), accuracy(median(ends)))
                for rule, number, ends in rows
            ),
        ),
    )


def _wins(first: Sequence[float], second: Sequence[float]) -> tuple[int, int]:
    """Return for how many seeds the first ends higher, and for how many the second."""
    pairs = list(zip(first, second, strict=True))
    return sum(a > b for a, b in pairs), sum(a < b for a, b in pairs)


def _is_clear(first: Sequence[float], second: Sequence[float]) -> bool:
    """Return whether one of two ends higher for at least nine seeds in ten."""
    return max(_wins(first, second)) >= HOLDS * len(first)


def _what_is_L(facts: Facts) -> Question | None:  # noqa: N802  # L is the exercise's own name
    quotes = facts.measured.quotes
    return (
        Question(say("questions.L"), (say("questions.L.answer", loops=quotes.loops),))
        if quotes and quotes.loops
        else None
    )


# --- about the exercise -----------------------------------------------------------------------------------------------


def worked_before(measured: Measured) -> Question | None:
    """Say why a small scale trained well in the earlier exercise."""
    settings = measured.sweep.settings if measured.sweep else ()
    if measured.asides is None or not measured.asides.flower or not settings:
        return None
    return Question(
        say("questions.before", scale=SMALL),
        (" ".join(before(measured)), " ".join(growth(measured))),
        Table(
            say("explaining.before.table", scale=f"{settings[0].scale:g}"),
            (
                say("explaining.before.layers"),
                say("explaining.before.rate"),
                say("explaining.before.iterations"),
                say("explaining.before.at_seed", seed=measured.seed),
                say("explaining.before.learned"),
                say("explaining.before.guessing"),
            ),
            tuple(
                (
                    f"{list(row.layers)}",
                    f"{row.learning_rate:g}",
                    f"{row.iterations:,}",
                    accuracies(row),
                    say("explaining.of", part=row.learned, count=row.seeds),
                    say("explaining.of", part=row.guessing, count=row.seeds),
                )
                for row in settings
            ),
        ),
    )


def four_layers(asides: Asides) -> Question | None:
    """Say why one factor for all layers failed in the exercise with four layers, if there was that exercise."""
    if not asides.pictures:
        return None
    small, root = asides.pictures
    runs = (
        say("questions.pictures.late", iterations=small.iterations, times=plain(small.escape / root.escape))
        if small.escape and root.escape and small.escape > small.iterations
        else say("questions.pictures.runs", iterations=small.iterations)
    )
    gradients = say(
        "questions.pictures.gradients", small=plain(small.gradient_norms[0]), root=plain(root.gradient_norms[0])
    )
    layers = [say("questions.pictures.layer", layer=layer) for layer in range(1, len(small.spread))]
    return Question(
        say("questions.pictures"),
        (f"{say('questions.pictures.signal')} {gradients}", runs, say("questions.pictures.made_up")),
        Table(
            say("questions.pictures.table"),
            (
                say("questions.pictures.factor"),
                *layers,
                say("questions.pictures.output"),
                say("questions.pictures.cost"),
                say("questions.pictures.accuracy"),
            ),
            tuple(
                (run.factor, *map(plain, run.spread), cost(run.cost_last), accuracy(run.train_accuracy))
                for run in (small, root)
            ),
        ),
    )


def wait(measured: Measured) -> Question:
    """Say how long a small scale takes to leave the plateau."""
    run, fair = measured.runs[SMALL], measured.runs[FAIR]
    late = (
        say("questions.wait.late", scale=SMALL, iteration=run.escape, fair=FAIR, early=fair.escape)
        if run.escape and fair.escape
        else say("questions.wait.not_yet", scale=SMALL, searched=run.searched)
    )
    end = ""
    if measured.asides:
        patient = measured.asides.patient
        end = say(
            "questions.wait.patient",
            iterations=patient.iterations,
            scale=patient.scale,
            accuracies=accuracies(patient),
        )
    rows = [row for row in measured.sweep.rows if row.scale and row.scale <= FAIR] if measured.sweep else []
    return Question(
        say("questions.wait"),
        (" ".join(filter(None, (late, end))), *_tenfold(rows, measured), " ".join(growth(measured))),
        Table(
            say("questions.wait.table", rate=measured.learning_rate),
            (
                say("questions.wait.scale"),
                say("questions.wait.seed", seed=measured.seed),
                say("questions.wait.further"),
            ),
            tuple(
                (f"{row.scale:g}", _count(row.escape, run.searched), _range(row.escapes, run.searched))
                for row in reversed(rows)
            ),
        ),
    )


def _tenfold(rows: Sequence[SweepRow], measured: Measured) -> Iterator[str]:
    escapes = {row.scale: row.escape for row in rows if row.scale and row.escape}
    factors = [escapes[scale / 10] / escape for scale, escape in escapes.items() if scale / 10 in escapes]
    if factors:
        hidden = say("lab.hidden", count=len(measured.layers) - 2)
        yield say("questions.wait.tenfold", times=times(factors), layers=hidden, rate=measured.learning_rate)


def _count(iteration: int | None, searched: int) -> str:
    return f"{iteration:,}" if iteration is not None else say("questions.wait.more", iterations=searched)


def _range(iterations: Sequence[int | None], searched: int) -> str:
    if not iterations:
        return ""
    low, high = (end(left if left is not None else searched + 1 for left in iterations) for end in (min, max))
    return say("questions.wait.range", low=f"{low:,}", high=_count(high if high <= searched else None, searched))


def steepest(measured: Measured) -> Question:
    """Say what makes the gradients of small weights small."""
    runs = {scale: measured.runs[scale] for scale in (SMALL, FAIR)}
    layers = range(1, len(runs[SMALL].spread))
    names = [
        *(say("questions.steepest.layer", layer=layer) for layer in layers),
        say("questions.steepest.output"),
        *(say("questions.steepest.gradient", matrix=matrix) for matrix in _matrices(runs[SMALL])),
    ]
    columns = [[*map(plain, run.spread), *map(plain, run.gradient_norms)] for run in runs.values()]
    return Question(
        say("questions.steepest"),
        (say("questions.steepest.cost"), say("questions.steepest.chain")),
        Table(
            say("questions.steepest.table"),
            (say("questions.steepest.measure"), *(say("questions.scale", scale=scale) for scale in runs)),
            tuple(zip(names, *columns, strict=True)),
        ),
    )


def as_drawn(measured: Measured) -> Question:
    """Compare the draws as they are with He's rule."""
    compared = measured.compared(FAIR, None)
    ends = [
        say(
            "questions.as_drawn.answer",
            accuracies=accuracies(measured.runs[FAIR]),
            he=accuracies(measured.runs[None]),
        )
    ]
    if compared and not compared.holds and not compared.reversed:
        ends.append(say("questions.as_drawn.equal", count=compared.seeds, above=compared.above, below=compared.below))
    wider: tuple[str, ...] = ()
    if measured.asides:
        wide = measured.asides.widths[-1]
        wider = (say("questions.as_drawn.wide", hidden=_hidden(wide.layers), cost=cost(wide.as_drawn)),)
    return Question(
        say("questions.as_drawn"),
        (" ".join(ends), *wider),
        _widths(measured.asides, measured.seed) if measured.asides else None,
    )


def _hidden(layers: Sequence[int]) -> str:
    return listed(f"{units:,}" for units in layers[1:-1])


def _widths(asides: Asides, seed: int | None) -> Table:
    return Table(
        say("questions.as_drawn.table", seed=seed),
        (say("questions.as_drawn.layers"), say("questions.as_drawn.plain"), say("questions.he")),
        tuple((f"{list(row.layers)}", cost(row.as_drawn), cost(row.he)) for row in asides.widths),
    )


def rand(asides: Asides) -> Question:
    """Compare uniform with normal draws."""
    named = {variant.name: variant for variant in asides.variants}
    normal, uniform, alike = (named[draw].train_accuracy for draw in ("randn", "rand", "centred"))
    stretched = named[STRETCHED].train_accuracy if STRETCHED in named else ()
    seeds = len(normal)
    below, _ = _wins(normal, uniform)
    answer = [say("questions.rand.answer")]
    if below >= HOLDS * seeds:
        answer.append(say("questions.rand.below", below=below, count=seeds))
    shape: tuple[str, ...] = ()
    if not _is_clear(alike, normal):
        above, worse = _wins(alike, normal)
        shape = (say("questions.rand.shape", above=above, below=worse),)
        if stretched and below >= HOLDS * seeds and not _is_clear(stretched, normal):
            above, worse = _wins(stretched, normal)
            shape = (*shape, " ".join((say("questions.rand.spread", above=above, below=worse), *_mean_alone(named))))
    return Question(
        say("questions.rand"),
        (" ".join(answer), *shape),
        Table(
            say("questions.rand.table", count=seeds),
            (
                say("questions.rand.drawn"),
                say("questions.rand.lowest"),
                say("questions.rand.median"),
                say("questions.rand.highest"),
            ),
            tuple(
                (say(f"questions.rand.{draw}"), *_over_seeds(named[name]))
                for draw, name in (*((draw, draw) for draw in DRAWN), ("stretched", STRETCHED))
                if name in named
            ),
        ),
    )


def _mean_alone(named: dict[str, Variant]) -> Iterator[str]:
    normal, centred = named["randn"].train_accuracy, named["narrow"].train_accuracy
    _, worse = _wins(centred, normal)
    if 2 * worse > len(normal):
        yield say("questions.rand.mean", below=worse, count=len(normal))


def _over_seeds(variant: Variant) -> tuple[str, ...]:
    shares = variant.train_accuracy
    return tuple(accuracy(value) for value in (min(shares), median(shares), max(shares)))


def other_machine(asides: Asides) -> Question:
    """Say which numbers may differ between machines."""
    sensitive = max(asides.moved, key=lambda row: row.moved)
    scale = sensitive.scale
    is_large = scale is not None and scale >= max(row.scale or 0.0 for row in asides.moved) and sensitive.moved > 0
    measured = [say("questions.machine.measured")]
    if is_large:
        measured.append(say("questions.machine.large", scale=scale))
    return Question(
        say("questions.machine"),
        (say("questions.machine.answer"), " ".join(measured)),
        Table(
            say("questions.machine.table"),
            (say("questions.machine.start"), say("questions.machine.seeds"), say("questions.machine.most")),
            tuple(
                (
                    say("questions.he") if row.scale is None else say("questions.scale", scale=row.scale),
                    say("questions.machine.of", number=row.moved, count=row.seeds),
                    f"{row.most:.2g}",
                )
                for row in asides.moved
            ),
        ),
    )


def _matrices(run: Training) -> tuple[str, ...]:
    return tuple(f"W{layer}" for layer in range(1, len(run.gradient_norms) + 1))
