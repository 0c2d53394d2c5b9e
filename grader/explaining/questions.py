"""Questions that students ask about this exercise, each with its measured answer; none has a grade."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from statistics import median, quantiles

from grader.exercise.asides import XAVIER_LAST, Asides, Earlier, Start, Variant
from grader.exercise.quotes import Quotes
from grader.exercise.shipped import SMALL
from grader.explaining.facts import HOLDS, Facts, Measured
from grader.explaining.numbers import LARGEST, LN2_SAID, cost, costs, last_printed, plain, plains, share
from grader.explaining.story import before, growth
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
            lambda: symmetric(facts.measured.asides),
        )
    elif facts.harm_is_asked:
        ask = (
            lambda: inf(facts.mine, "your start", stopped=facts.stopped is not None),
            lambda: below_half(facts.measured, facts.mine),
            lambda: _biases(facts),
        )
    elif facts.rule_is_asked:
        ask = (
            lambda: two_over_n(facts.measured.asides),
            lambda: last_layer(facts.measured.asides),
            lambda: _what_is_L(facts),
        )
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
    said = [
        (
            f"Train / test accuracy {accuracies(run)} with seed {measured.seed}; the cost goes from "
            f"{' to '.join(costs(run.cost_first, run.cost_14000))}."
        ),
        f"Over {len(shares)} seeds half of the train accuracies lie between {_middle_half(shares)}.",
    ]
    if (
        facts.asked_scale is not None
        and (one := measured.compared(scale, facts.asked_scale))
        and (one.holds or one.reversed)
    ):
        side, count = ("above", one.above) if one.holds else ("below", one.below)
        said.append(f"It ends {side} scale {facts.asked_scale:g} for {count} of them.")
    title = f"Before you open this: what would scale {scale:g} score, with seed {measured.seed} and as many iterations?"
    return Question(title, (" ".join(said),))


def _not_zero(asides: Asides, facts: Facts) -> Question:
    """Ask about every weight 0.5, or about what was not handed in."""
    half, biases = asides.starts[:2]
    if facts.mine.regime == "symmetric":
        return Question(
            say("explaining.predict.zeros_and_biases"),
            (say("explaining.predict.random_biases", **_ends(biases)),),
        )
    return Question(
        say("explaining.predict.not_zero", start=half.name),
        (
            (
                f"It moves, but not far: the cost goes from {cost(half.cost_first)} to {cost(half.cost_last)} and the "
                f"accuracy ends at {accuracies(half)}. All units of a layer get the same "
                "gradient and stay the same, so each layer has the power of one unit. To make units differ is what random "
                "numbers are for."
            ),
        ),
    )


def _ends(start: Start) -> dict[str, str]:
    return {
        "first": cost(start.cost_first),
        "last": cost(start.cost_last),
        "accuracies": f"{start.train_accuracy:.4g} / {start.test_accuracy:.4g}",
    }


def _wider(asides: Asides, seed: int | None) -> Question:
    narrow, *_, wide = asides.widths
    return Question(
        f"Before you open this: with He's rule this network starts at a cost of {cost(narrow.he)}. What would it start at with "
        f"{_hidden(wide.layers)} hidden units, with He's rule, and with the random numbers as they are?",
        (
            (
                f"With He's rule at {cost(wide.he)}, with the numbers as they are at {cost(wide.as_drawn)} (at the present "
                f"width: {cost(narrow.as_drawn)}). The rule takes account of the width; one scale for all widths does not."
            ),
        ),
        _widths(asides, seed),
    )


# --- zeros ------------------------------------------------------------------------------------------------------------


def no_change(run: Training, quotes: Quotes | None, *, quoted_before: bool = False, is_seen: bool = True) -> Question:
    """Say why weights of zero stay.

    `quoted_before` is true where the page quotes the notebook's sentence elsewhere, `is_seen` where the reader's weights do stay.
    """
    first, later = costs(run.cost_first, run.cost_14000)
    quoted = (
        f"The notebook says that the losses are equal, so “{quotes.zeros}”. It is the other way round: nothing moves, so the "
        f"cost stays ({first} at iteration 0, {later} at {last_printed(run)}; {LN2_SAID})."
        if quotes
        else ""
    )
    return Question(
        say("explaining.no_change" if is_seen else "explaining.no_change.with_zeros"),
        (
            (
                f"Because there is nothing to change it by. With weights of zero the gradients of {_matrices(run)} are all "
                "exactly 0 at the start: every hidden unit gives 0, so the last matrix gets no gradient; and an error goes "
                "back through the weights, which are 0, so the others get none."
            ),
            (
                f"{'' if quoted_before or not quoted else f'{quoted} '}A cost that stays does not prove it: from small weights "
                "it stays for a while, too, and they do move."
            ),
        ),
    )


def symmetric(asides: Asides | None) -> Question | None:
    """Tell a symmetric start from a dead one."""
    if asides is None:
        return None
    half, biases = asides.starts[:2]
    return Question(
        "Symmetric or dead: is that not the same?",
        (
            (
                "No. Dead: every gradient is 0, nothing moves. Symmetric: the units of a layer are copies of each other; they "
                "move, but together. Weights of zero are both; it is the zero gradient that stops them."
            ),
            (
                f"Measured with the exercise's network: with {half.name} the cost goes from {cost(half.cost_first)} to "
                f"{cost(half.cost_last)}, accuracy {accuracies(half)}: symmetric, not dead. "
                f"With {biases.name} it goes from {cost(biases.cost_first)} to {cost(biases.cost_last)}, accuracy "
                f"{accuracies(biases)}: the units differ, and yet nothing of use is "
                "learned in time."
            ),
        ),
    )


# --- random -----------------------------------------------------------------------------------------------------------


def inf(run: Training, whose: str, *, stopped: bool = False) -> Question | None:
    """Say what a cost of inf means, where there is one.

    `whose` start it is, in words; `stopped` is true where all gradients become 0 for good.
    """
    if not math.isinf(run.cost_first) or not all(map(math.isfinite, run.gradient_norms)):
        return None
    exact = run.trace.exact_cost[0] if run.trace.exact_cost else math.nan
    finite = f"; computed without that logarithm it is {plain(exact)}" if exact < LARGEST else ""
    return Question(
        "The cost is inf, with a warning: is that an error?",
        (
            (
                f"No. At {whose} {share(run.saturated)} of the outputs lie beyond 0.001 and 0.999. Some of the wrong ones "
                "are so close to 0 or 1 that a float holds exactly that, and the logarithm of 0 is minus infinity: the cost "
                f"prints as inf{finite}."
            ),
            say("explaining.inf.finite_gradient")
            if stopped
            else (
                "The gradient needs no logarithm (it begins with A - Y), so it stays finite and the training goes on: at "
                f"{last_printed(run)} the cost is {cost(run.cost_14000)}."
            ),
        ),
    )


def below_half(measured: Measured, run: Training | None = None) -> Question | None:
    """Say how an accuracy can be below one half: of the student's own run only where it is so, else of a small scale."""
    name = "Your run"
    if run is None:
        run, name = measured.runs.get(SMALL), f"Scale {SMALL:g}"
    if run is None or SMALL not in measured.spread or min(run.train_accuracy, run.test_accuracy) >= 0.5:
        return None
    shares = measured.spread[SMALL].train_accuracy
    below = sum(one < 0.5 for one in shares)
    apart = max((abs(value - 0.5) for value in run.outputs), default=1.0)
    if apart >= NEAR_HALF:
        return None
    return Question(
        "How can an accuracy be below one half? Guessing would do better.",
        (
            say("explaining.below_half", name=name, accuracies=accuracies(run), apart=plain(apart)),
            (
                f"Which side that is, the draw decides: over {len(shares)} seeds the train accuracy at scale {SMALL:g} runs "
                f"from {min(shares):.4g} to {max(shares):.4g}, and {below} of them end below one half. A number a little below "
                "0.5 is chance, like one a little above."
            ),
        ),
    )


def _biases(facts: Facts) -> Question | None:
    asides = facts.measured.asides
    if asides is None:
        return None
    right, shifted = asides.shifted
    mine = "bias_random" in facts.diagnosis.causes
    if mine and facts.mine.weight_norms == facts.asked.weight_norms:
        return None  # drawn after all weights, they move none of them
    return Question(
        "My biases are random: why is W2 another one, too?" if mine else "What would random biases change?",
        (
            (
                "Not only the biases. "
                * (not mine)
                + "A seed starts one long row of random numbers. Biases drawn with randn take the next ones from it, so that W2 "
                f"gets later ones: for [3, 2, 1] W2 begins with {right:.8f}, and after random biases with {shifted:.8f}. Zero "
                f"biases draw nothing.{' Mend the biases, and W2 is right by itself.' if mine else ''}"
            ),
        ),
    )


# --- he ---------------------------------------------------------------------------------------------------------------


def two_over_n(asides: Asides | None) -> Question | None:
    """Say where the factor of He's rule comes from."""
    if asides is None:
        return None
    layers = len(asides.signals[0].sizes)
    kept, halved, gone = asides.signals
    step = (halved.sizes[-1] / halved.sizes[0]) ** (2 / (layers - 1))
    return Question(
        "Why 2/n, and why a root?",
        (
            (
                "A unit adds up n products, so the variance of its sum is n times that of one. Weights of variance 1/n would "
                "keep it, but ReLU sets the negative half to zero, which halves the mean square; 2/n makes up for that. randn "
                "is multiplied with the standard deviation, and that is the root of the variance."
            ),
            (
                f"Measured on {layers} ReLU layers of 500 units, root mean square of the activations from the first layer to "
                f"the last: with {kept.factor} {plain(kept.sizes[0])} to {plain(kept.sizes[-1])}; with {halved.factor} "
                f"{plain(halved.sizes[0])} to {plain(halved.sizes[-1])} (the mean square falls to {step:.2f} of it a layer); "
                f"with {gone.factor}, no root, {plain(gone.sizes[0])} to {plain(gone.sizes[-1])}."
            ),
        ),
        Table(
            "Root mean square of the activations by layer",
            ("layer", *(signal.factor for signal in asides.signals)),
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
    above, below = (
        sum(a > b for a, b in zip(he, other, strict=True)),
        sum(a < b for a, b in zip(he, other, strict=True)),
    )
    clear = max(above, below) >= HOLDS * len(he)
    verdict = (
        ""
        if clear
        else " So it makes no difference that one could call one here; the exercise uses one rule for all layers."
    )
    return Question(
        "The last layer is a sigmoid, not a ReLU: why 2/n there as well?",
        (
            (
                "The 2 is made for ReLU; for the last layer 1/n would do. Measured with this exercise's network: over "
                f"{len(he)} seeds the run with 2/n in the last layer ends above that with 1/n for {above}, below for {below} "
                f"and equal for {len(he) - above - below} (medians {median(he):.4g} and {median(other):.4g}).{verdict}"
            ),
        ),
    )


def _what_is_L(facts: Facts) -> Question | None:  # noqa: N802  # L is the exercise's own name
    quotes = facts.measured.quotes
    if quotes is None:
        return None
    return Question(
        "What is L for [3, 2, 1]?",
        (
            (
                "The list has three sizes, input included, and so the network has two layers with weights: W1 of shape (2, 3) "
                f"and W2 of shape (1, 2). {quotes.loops} Both visit 1 and 2. A W3 or a missing W2 comes from mixing the two."
            ),
        ),
    )


# --- about the exercise -----------------------------------------------------------------------------------------------


def worked_before(measured: Measured) -> Question | None:
    """Say why a small scale trained well in the earlier exercise."""
    settings = measured.sweep.settings if measured.sweep else ()
    if measured.asides is None or not measured.asides.flower or not settings:
        return None
    return Question(
        f"Why did {SMALL:g} work in the earlier practice?",
        (*tuple(before(measured))[1:], growth(measured, waits=False)),
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
    ratio = small.escape / root.escape if small.escape and root.escape else None
    late = f" With 0.01 it takes {ratio:,.0f} times as many iterations to get below a cost of 0.6." if ratio else ""
    return Question(
        "In the four-layer exercise, why did * 0.01 train slowly and / sqrt(n) mend it?",
        (
            (
                "That exercise has 12,288 inputs. For the first layer 0.01 is about 1/sqrt(12,288) = 0.009 and just right; "
                "for the layers of 20, 7 and 5 inputs 1/sqrt(n) is 0.22, 0.38 and 0.45, and 0.01 is far too small. With 0.01 "
                f"the activations spread by {plains(small.spread)} from layer to layer, with 1/sqrt(n) by "
                f"{plains(root.spread)}: the signal dies on its way, and the gradients with it ({plains(small.gradient_norms)} "
                f"against {plains(root.gradient_norms)})."
            ),
            (
                f"After {small.iterations:,} iterations at its learning rate {small.learning_rate:g} the cost is {_end(small)} "
                f"with 0.01 and {_end(root)} with 1/sqrt(n).{late}"
            ),
            (
                "Measured with that exercise's layers, learning rate and seed on 209 made-up pictures of its size, for its "
                "own are not ours to give; on the cats the numbers will be others."
            ),
        ),
        Table(
            "Spread (standard deviation) of the activations at the start, made-up pictures",
            ("factor", "layer 1", "layer 2", "layer 3", "output", "cost at the end"),
            tuple((run.factor, *map(plain, run.spread), cost(run.cost_last)) for run in (small, root)),
        ),
    )


def _end(run: Earlier) -> str:
    return f"{cost(run.cost_last)} (train accuracy {accuracy(run.train_accuracy)})"


def wait(measured: Measured) -> Question:
    """Say how long a small scale takes to leave the plateau."""
    run = measured.runs[SMALL]
    said = [
        f"It comes late and not worse. Scale {SMALL:g} gets below a cost of 0.6 at iteration {run.escape:,}; scale {FAIR:g} at "
        f"{measured.runs[FAIR].escape:,}."
        if run.escape and measured.runs[FAIR].escape
        else f"Within {run.searched:,} iterations scale {SMALL:g} does not get below a cost of 0.6."
    ]
    if measured.asides:
        late = measured.asides.patient
        said.append(f"After {late.iterations:,} iterations scale {late.scale:g} has {accuracies(late)}.")
    rows = [row for row in measured.sweep.rows if row.scale and row.scale <= FAIR] if measured.sweep else []
    return Question(
        "What if I wait longer?",
        (
            " ".join(said),
            *_tenfold(rows),
            growth(measured),
        ),
        Table(
            f"First iteration with a cost below 0.6, by scale, learning rate {measured.learning_rate:g}",
            ("scale", f"seed {measured.seed}", "further seeds"),
            tuple(
                (f"{row.scale:g}", _count(row.escape, run.searched), _range(row.escapes, run.searched))
                for row in reversed(rows)
            ),
        ),
    )


def _tenfold(rows: Sequence[SweepRow]) -> Iterator[str]:
    found = {row.scale: row.escape for row in rows if row.scale and row.escape}
    factors = [found[scale / 10] / left for scale, left in found.items() if scale / 10 in found]
    if factors:
        yield (
            f"The waiting grows about as one over the scale: a tenth of the scale takes {min(factors):.0f} to "
            f"{max(factors):.0f} times as long."
        )


def _count(iteration: int | None, searched: int) -> str:
    return f"{iteration:,}" if iteration is not None else f"more than {searched:,}"


def _range(iterations: Sequence[int | None], searched: int) -> str:
    if not iterations:
        return ""
    low, high = (end(left if left is not None else searched + 1 for left in iterations) for end in (min, max))
    return f"{low:,} to {_count(high if high <= searched else None, searched)}"


def steepest(measured: Measured) -> Question:
    """Say what makes the gradients of small weights small."""
    small, fair = measured.runs[SMALL], measured.runs[FAIR]
    return Question(
        "The sigmoid is steepest near 0: why is a small start slow, then?",
        (
            (
                "Because the sigmoid is not what is small. With this cost its slope drops out: the gradient at the output is "
                "A - Y, and near an output of 0.5 that is one half for every point, large enough."
            ),
            (
                "But the gradient of a weight matrix also contains what comes in from the left and the matrices to the right. "
                f"At scale {SMALL:g} the activations spread by {plains(small.spread[:-1])} and the output by "
                f"{plain(small.spread[-1])}; at scale {FAIR:g} by {plains(fair.spread[:-1])} and {plain(fair.spread[-1])}. So "
                f"the gradients of {_matrices(small)} are {plains(small.gradient_norms)} there and "
                f"{plains(fair.gradient_norms)} here."
            ),
        ),
    )


def as_drawn(measured: Measured) -> Question:
    """Compare the draws as they are with He's rule."""
    one = measured.compared(FAIR, None)
    said = [
        (
            f"On this network one can: scale 1 ends with {accuracies(measured.runs[FAIR])}, He's rule with "
            f"{accuracies(measured.runs[None])}."
        )
    ]
    if one and not one.holds and not one.reversed:
        said.append(
            f"Over {one.seeds} seeds scale 1 ends above He's rule for {one.above} and below it for {one.below}: neither can be "
            "called better."
        )
    more: tuple[str, ...] = ()
    if measured.asides:
        wide = measured.asides.widths[-1]
        more = (
            (
                f"But it is good luck with the sizes. With {_hidden(wide.layers)} hidden units the cost at "
                f"iteration 0 is {cost(wide.as_drawn)} with randn's numbers as they are and {cost(wide.he)} with He's rule: a "
                "unit adds up more products, and nothing makes them smaller."
            ),
        )
    return Question(
        "Why not take randn's numbers as they are?",
        (" ".join(said), *more),
        _widths(measured.asides, measured.seed) if measured.asides else None,
    )


def _hidden(layers: Sequence[int]) -> str:
    return listed(f"{units:,}" for units in layers[1:-1])


def _widths(asides: Asides, seed: int | None) -> Table:
    return Table(
        f"Cost at iteration 0 (exact), seed {seed}",
        ("layers", "randn as it is", "He's rule"),
        tuple((f"{list(row.layers)}", cost(row.as_drawn), cost(row.he)) for row in asides.widths),
    )


def rand(asides: Asides) -> Question:
    """Compare uniform with normal draws."""
    named = {variant.name: variant for variant in asides.variants}
    normal, uniform = named["randn"], named["rand"]
    alike = named["rand, moved to mean 0, stretched to variance 1"]
    rows = [variant for variant in asides.variants if variant.name != XAVIER_LAST]
    below = sum(a < b for a, b in zip(uniform.train_accuracy, normal.train_accuracy, strict=True))
    seeds = len(normal.train_accuracy)
    first = "rand lies between 0 and 1: its mean is 0.5 and not 0, its standard deviation 0.29 and not 1."
    if below >= HOLDS * seeds:
        first += f" Put in place of randn under He's rule it ends below it for {below} of {seeds} seeds."
    moved, stretched = named["rand, moved to mean 0"], named["rand, stretched to variance 1"]
    return Question(
        "randn or rand: does it matter?",
        (
            first,
            (
                f"The median train accuracy is {_median(uniform)} with rand and {_median(normal)} with randn. Moved to mean 0 "
                f"rand has {_median(moved)}, stretched to the same variance {_median(stretched)}, with both {_median(alike)}"
                f"{_shape(alike, normal)}."
            ),
        ),
        Table(
            f"Train accuracy over {seeds} seeds, He's rule, this exercise's network",
            ("drawn with", "lowest", "median", "highest"),
            tuple(_over_seeds(variant) for variant in rows),
        ),
    )


def _shape(alike: Variant, normal: Variant) -> str:
    """Say that the shape makes no difference where draws of the same mean and variance show none."""
    above, below = (
        sum(a > b for a, b in zip(one.train_accuracy, other.train_accuracy, strict=True))
        for one, other in ((alike, normal), (normal, alike))
    )
    if max(above, below) >= HOLDS * len(normal.train_accuracy):
        return ""
    return f", which ends above randn for {above} seeds and below it for {below}: the shape is not what harms"


def _median(variant: Variant) -> str:
    return f"{median(variant.train_accuracy):.4g}"


def _over_seeds(variant: Variant) -> tuple[str, ...]:
    shares = variant.train_accuracy
    return variant.name, *(f"{value:.4g}" for value in (min(shares), median(shares), max(shares)))


def other_machine(asides: Asides) -> Question:
    """Say which numbers may differ between machines."""

    def said(scale: float | None) -> Iterator[str]:
        for row in asides.moved:
            if row.scale == scale:
                yield f"{row.moved} of {row.seeds} seeds, by up to {row.most:.2g}" if row.moved else "none"

    he, small = (next(said(scale)) for scale in (None, SMALL))
    sensitive = max(asides.moved, key=lambda row: row.moved)
    scale = sensitive.scale
    largest = scale is not None and scale >= max(row.scale or 0.0 for row in asides.moved) and sensitive.moved > 0
    return Question(
        "Why are my numbers others on another machine?",
        (
            (
                "Sums are rounded, and in another order they are rounded otherwise; processors and versions of NumPy add up "
                "in different orders. The same seed gives the same weights everywhere; what differs is the last digit of "
                "every step."
            ),
            (
                f"Measured: the same points in another order change the train accuracy at scale {scale:g} for "
                f"{next(said(scale))}; with He's rule for {he}, at scale {SMALL:g} for {small}. Large weights make large "
                f"differences of small ones. So at x{scale:g} the later digits of the cost may differ from those in somebody "
                "else's notebook, and nothing is wrong."
                if largest
                else f"Measured: the same points in another order change the train accuracy with He's rule for {he}, at scale "
                f"{SMALL:g} for {small}."
            ),
        ),
    )


def _matrices(run: Training) -> str:
    return listed([f"W{layer}" for layer in range(1, len(run.gradient_norms) + 1)])


def _middle_half(shares: Sequence[float]) -> str:
    low, _, high = quantiles(shares, n=4, method="inclusive")
    return f"{low:.4g} and {high:.4g}"
