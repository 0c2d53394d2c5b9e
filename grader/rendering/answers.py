"""The lab's questions, as students ask them, each with its answer: every number is read off what is shipped with the exercise."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

from grader.errors import RequestError
from grader.exercise import asides, shipped
from grader.exercise.load import Exercise
from grader.exercise.shipped import DEPTHS_RATE, ESCAPE_CAP, Setting, Shipped, Spread
from grader.exercise.training import LN2
from grader.messages import listed
from grader.records import Sweep, Table, WaitRow
from grader.rendering import text
from grader.rendering.figures import Picture
from grader.rendering.waits import waits_figure

HIDDEN = {1: (2, 10, 1), 2: (2, 10, 5, 1), 3: (2, 10, 5, 5, 1)}  # layers by the number of hidden ones
DRAWS = {
    "randn": "randn",
    "rand": "rand",
    "narrow": "rand - 0.5",
    "centred": "(rand - 0.5) * sqrt(12)",
}  # names of `shipped.DRAWS`
CLEAR = 0.9  # the share of seeds from which on one start may be said to end above another


@dataclass(frozen=True, slots=True)
class Question:
    """A question, the settings of the lab that show it, and its answer in paragraphs, tables and perhaps a figure."""

    title: str
    fragment: str
    settings: str
    answer: tuple[str, ...]
    tables: tuple[Table, ...] = ()
    picture: Picture | None = None


def escapes(known: Shipped) -> list[dict[str, Any]]:
    """Return when starts leave the plateau, as the form of the page names their settings."""
    hidden = {layers: number for number, layers in HIDDEN.items()}
    rows: list[tuple[Any, ...]] = [
        (row.layers, row.learning_rate, row.scale, row.seed, row.iteration) for row in (*known.escapes, *known.between)
    ]
    rows += [(HIDDEN[2], 0.01, point.scale, known.seed, point.escape) for point in known.sweep]
    names = ("layers", "rate", "scale", "seed", "iteration")
    return [
        dict(zip(names, (hidden[tuple(layers)], *rest), strict=True))
        for layers, *rest in rows
        if tuple(layers) in hidden
    ]


class Known:
    """What is shipped, by the names that the answers use."""

    def __init__(self, exercise: Exercise) -> None:
        self.all = shipped.load(exercise)
        self.model = exercise.model
        self.asides = asides.load(exercise)
        keys = shipped.known(self.all, exercise)
        self.runs: dict[str, dict[str, Any]] = {name: self.all.trainings[key] for name, key in keys.items()}
        self.spread = {row.scale: row for row in self.all.spread}
        self.draws = {(row.scale, row.draw): row for row in (*self.all.spread, *self.all.draws)}
        wanted = {"weights of zero", "He's scale", "x0.01", "x0.1", "x1", "x10"}
        drawn = {(scale, draw) for scale in (None, 10.0) for draw in DRAWS} | {(0.01, "randn"), (1.0, "randn")}
        if not (wanted <= self.runs.keys() and drawn <= self.draws.keys() and self.all.escapes and self.asides):
            raise RequestError(
                f"nothing is shipped with {exercise.folder.name} that the lab could answer from",
                hint="make it with: python -m grader.precompute.trainings",
            )

    @property
    def seed(self) -> int:
        """The exercise's seed."""
        return cast("int", self.all.seed)  # numbers are loaded for a seed

    def settings(
        self, scale: float | str, *, hidden: int, rate: float, iterations: int, draw: str = "randn"
    ) -> tuple[str, str]:
        """Return settings of the lab as the fragment of an address and in words."""
        fragment = f"#scale={scale}&seed={self.seed}&layers={hidden}&rate={rate}&iterations={iterations}"
        start = {"he": "He", 0: "zeros"}.get(scale, f"scale {scale}")
        if draw != "randn":
            fragment, start = f"{fragment}&draw={draw}", f"{start}, {draw}"
        plural = "" if hidden == 1 else "s"
        return (
            fragment,
            f"{start}, {_layers(hidden)} hidden layer{plural}, learning rate {rate}, {iterations:,} iterations",
        )

    def setting(self, hidden: int, rate: float) -> Setting:
        """Return the run of scale 0.01 with so many hidden layers at a learning rate."""
        return next(s for s in self.all.settings if tuple(s.layers) == HIDDEN[hidden] and s.learning_rate == rate)

    def waits(self, hidden: int) -> dict[float, int | None]:
        """Return when starts of every scale leave the plateau, at the exercise's seed and the rate that shows the depth."""
        rows = (row for row in self.all.escapes if tuple(row.layers) == HIDDEN[hidden])
        return {row.scale: row.iteration for row in rows if row.learning_rate == DEPTHS_RATE and row.seed == self.seed}

    def escape(self, hidden: int, rate: float, scale: float) -> int | None:
        """Return the first iteration with a cost below 0.6, at the exercise's seed; None: not by the cap."""
        rows = escapes(self.all)
        wanted = {"layers": hidden, "rate": rate, "scale": scale, "seed": self.seed}
        return next(row["iteration"] for row in rows if wanted.items() <= row.items())  # type: ignore[no-any-return]


def questions(known: Known) -> tuple[Question, ...]:
    """Return every question with its answer."""
    made = (_stuck, _before, _ten, _longer, _rand, _he, _four_layers, _zeros, _infinite, _below, _steep)
    return tuple(filter(None, (make(known) for make in made)))


def _stuck(known: Known) -> Question:
    run, tenth, one = known.runs["x0.01"], known.runs["x0.1"], known.runs["x1"]
    ratio = min(a / b for a, b in zip(tenth["gradient_norms"], run["gradient_norms"], strict=True))
    return Question(
        "Why is 0.01 stuck?",
        *known.settings(0.01, hidden=2, rate=0.01, iterations=known.model.iterations),
        (
            (
                f"After {known.model.iterations:,} iterations it has {_scores(run)}. The cost was"
                f" {run['cost_first']:.8f} at iteration 0 and"
                f" {run['cost_14000']:.8f} at {_printed(run)}; answering 0.5 to every point costs"
                f" ln 2 = {LN2:.6f}. It has hardly begun"
                " to learn, and which side of 0.5 a point falls on is decided by tiny differences."
            ),
            (
                "The gradient of each weight matrix contains the product of the other two, so small weights in three layers make"
                f" very small gradients. At the start they are {_norms(run)} here and {_norms(one)} at scale 1. Between scale"
                f" 0.01 and 0.1 every one grows at least {ratio:.0f}-fold: about ten times ten, one ten for each of the"
                " two other matrices."
            ),
            (
                f"Stuck is not wrong, only late: {_leaves(known.escape(2, 0.01, 0.01))}; at scale 1"
                f" {_leaves(known.escape(2, 0.01, 1.0))}."
            ),
        ),
    )


def _before(known: Known) -> Question:
    def row(hidden: int) -> tuple[str, ...]:
        slow, fast = known.setting(hidden, 0.01), known.setting(hidden, 1.2)
        return f"{_layers(hidden)} hidden", _outcome(slow), _outcome(fast)

    waits = {hidden: known.waits(hidden) for hidden in HIDDEN}
    return Question(
        "Why did 0.01 work before?",
        *known.settings(0.01, hidden=1, rate=1.2, iterations=known.model.iterations),
        (
            (
                "The earlier practice with one hidden layer (the flower data, tanh units) used learning rate 1.2, which is"
                f" {1.2 / 0.01:.0f} times this exercise's 0.01. With 1.2 the scale 0.01 passes on this data too, with one hidden"
                " layer and also with two; with 0.01 it stays near ln 2 with either. So the learning rate let it pass."
            ),
            (
                "Depth decides how the waiting time grows as the scale falls: to a tenth, to a hundredth, to a thousandth."
                f" {' '.join(_growth(hidden, row) for hidden, row in waits.items())}"
                " (The figure counts the output layer as well.)"
            ),
        ),
        (
            Table(
                f"Scale 0.01 after {known.model.iterations:,} iterations on this data: train / test accuracy and last cost",
                ("layers", "learning rate 0.01", "learning rate 1.2"),
                (row(1), row(2)),
            ),
        ),
        _waits_picture(known, waits),
    )


def _growth(hidden: int, waits: Mapping[float, int | None]) -> str:
    """Say how the wait grows with each tenth of the scale, as far as it was measured."""
    measured = [
        waits[scale] for scale in sorted(waits, reverse=True) if math.isclose(math.log10(scale) % 1, 0, abs_tol=1e-9)
    ]
    known = [iteration for iteration in measured if iteration is not None]
    more = [later - sooner for sooner, later in pairwise(known)]
    times = [later / sooner for sooner, later in pairwise(known)]
    if not more:
        return ""
    name = f"With {_layers(hidden)} hidden layer{'' if hidden == 1 else 's'} each tenth"
    if len(more) > 1 and max(more) < 2 * min(more):
        said = f"{name} adds {min(more):,} to {max(more):,} iterations"
    else:
        parts = dict.fromkeys(f"{part:.0f}" for part in (min(times), max(times)))
        said = f"{name} multiplies the wait by {' to '.join(parts)}"
    return f"{said}{'.' if len(known) == len(measured) else f', and the last is still waiting at {ESCAPE_CAP:,}.'}"


def _waits_picture(known: Known, waits: Mapping[int, Mapping[float, int | None]]) -> Picture | None:
    rows = (WaitRow(HIDDEN[hidden], DEPTHS_RATE, tuple(row), tuple(row.values())) for hidden, row in waits.items())
    return waits_figure(Sweep(known.seed, seeds=1, rows=(), waits=tuple(rows), searched=ESCAPE_CAP))


def _ten(known: Known) -> Question:
    run, he, ten = known.runs["x10"], known.runs["He's scale"], known.spread[10.0].train_accuracy
    below = sum(share < run["train_accuracy"] for share in ten)
    above = _duel(known.spread[None], known.spread[10.0]).above
    return Question(
        "Is x10 good?",
        *known.settings(10, hidden=2, rate=0.01, iterations=known.model.iterations),
        (
            (
                f"No: it is asked for to show harm. With the exercise's seed it ends with {_scores(run)}, He's scale with"
                f" {_scores(he)}. Seed {known.seed} is one draw: {below} of the seeds 0 to {len(ten) - 1} end lower"
                f" at x10. He's scale ends above x10 in train accuracy for {above} of these {len(ten)} seeds."
            ),
            (
                f"At the start {100 * run['saturated']:.0f} % of the outputs are saturated, and the notebook prints a cost of"
                f" {run['cost_first']} because it takes the logarithm of 0. Computed exactly that cost is"
                f" {run['trace']['exact_cost'][0]:,.0f}. The gradient stays finite, so training goes on; inf is no error."
            ),
        ),
        (_over_seeds(known, len(ten), [known.draws[scale, "randn"] for scale in (0.01, None, 1.0, 10.0)]),),
    )


def _longer(known: Known) -> Question:
    fast, slow = known.escape(2, 0.1, 0.01), known.escape(2, 0.01, 0.01)
    ratio = (
        f" Ten times the learning rate takes {slow / fast:.1f} times fewer iterations here." if fast and slow else ""
    )
    deep = known.escape(3, 0.1, 0.01)
    return Question(
        "What if I wait longer?",
        *known.settings(0.01, hidden=2, rate=0.1, iterations=60_000),
        (
            (
                f"Then it leaves the plateau. With scale 0.01 and learning rate 0.01 {_leaves(slow)}; with learning rate 0.1"
                f" {_leaves(fast)}.{ratio}"
            ),
            (
                f"A smaller scale waits longer: at 0.001 and learning rate 0.1 {_leaves(known.escape(2, 0.1, 0.001))}. So does a"
                f" deeper network: at scale 0.01 and learning rate 0.1, with three hidden layers, {_leaves(deep)}."
            ),
        ),
    )


def _he(known: Known) -> Question:
    duel = _duel(known.spread[None], known.spread[1.0])
    above, below, many = duel.above, duel.below, duel.seeds
    factors = ", ".join(f"{(2 / below_it) ** 0.5:.3g}" for below_it in HIDDEN[2][:-1])
    verdict = "That is a clear difference." if duel.clear else "So neither can be called better on this evidence."
    run, other = known.runs["He's scale"], known.runs["x1"]
    return Question(
        "Is He better than 1?",
        *known.settings("he", hidden=2, rate=0.01, iterations=known.model.iterations),
        (
            (
                f"With the exercise's seed He's scale ends with {_scores(run)} and scale 1 with {_scores(other)}. Over the seeds"
                f" 0 to {many - 1}, He's train accuracy is higher for {above}, lower for {below} and equal for"
                f" {many - above - below}. {verdict}"
            ),
            (
                "What He's rule gives is that nobody had to pick a number: it takes √(2 / units below) in each layer, which on"
                f" this network is {factors}. With the exercise's seed its first cost is"
                f" {run['cost_first']:.4f}, that of scale 1 {other['cost_first']:.4f}."
            ),
        ),
        (_over_seeds(known, many, [known.spread[None], known.spread[1.0]]),),
    )


def _rand(known: Known) -> Question:
    he = {draw: known.draws[None, draw] for draw in DRAWS}
    harm, mean = _duel(he["randn"], he["rand"]), _duel(he["narrow"], he["rand"])
    shape, ten = _duel(he["centred"], he["randn"]), _duel(known.draws[10.0, "randn"], known.draws[10.0, "rand"])
    return Question(
        "randn or rand?",
        *known.settings("he", hidden=2, rate=0.01, iterations=known.model.iterations, draw="rand"),
        (
            (
                "The exercise asks for randn: normal numbers around 0. rand gives numbers from 0 to 1, so no weight is negative"
                f" and their mean is 0.5. With He's scale randn ends above rand in train accuracy for {harm.above} of"
                f" {harm.seeds} seeds{'.' if harm.clear else ', which is no clear difference.'}"
            ),
            (
                f"Is it the mean or the shape? rand - 0.5, as narrow as rand but around 0, ends above rand for {mean.above} of"
                f" {mean.seeds}. Made as wide as randn as well, (rand - 0.5) * sqrt(12) ends above randn for {shape.above} and"
                f" below it for {shape.below}: {'a clear difference' if shape.clear else 'no clear difference'}."
                f"{_blame(known, shape)}"
            ),
            (
                f"With x10 randn ends above rand for {ten.above} and below it for {ten.below}:"
                f" {'a clear difference' if ten.clear else 'no clear difference'}."
            ),
        ),
        (_over_seeds(known, harm.seeds, [known.draws[scale, draw] for scale in (None, 10.0) for draw in DRAWS]),),
    )


def _blame(known: Known, shape: _Duel) -> str:
    """Say how much of what rand loses its mean takes, if the shape makes no clear difference."""
    rand, narrow, centred = (
        statistics.median(known.draws[None, draw].train_accuracy) for draw in ("rand", "narrow", "centred")
    )
    if shape.clear or not rand < narrow < centred:
        return ""
    part = 100 * (narrow - rand) / (centred - rand)
    return (
        f" So it is not the shape. Of the way from rand's median to that of the last, moving the mean to 0 makes {part:.0f} %,"
        " the width the rest."
    )


def _four_layers(known: Known) -> Question | None:
    """Answer with what was measured of that exercise; the lab runs its depth and learning rate on the points of this one."""
    if known.asides is None:
        return None
    small, root = known.asides.pictures
    ratio = f" That is {small.escape / root.escape:,.0f} times as long." if small.escape and root.escape else ""
    return Question(
        "Four layers: why did * 0.01 train slowly, and / sqrt(n) mend it?",
        *known.settings(0.01, hidden=3, rate=small.learning_rate, iterations=5_000),
        (
            (
                "That exercise has 12,288 inputs, so for its first layer 0.01 is close to 1/sqrt(n) = 0.009. For the layers of"
                " 20, 7 and 5 inputs 1/sqrt(n) is 0.22, 0.38 and 0.45: there 0.01 is far too small, and each layer makes signal"
                f" and gradient smaller. Its gradient norms at the start are {_listed(small.gradient_norms)} with 0.01 and"
                f" {_listed(root.gradient_norms)} with 1/sqrt(n)."
            ),
            (
                f"After its {small.iterations:,} iterations at learning rate {small.learning_rate:g} the cost is"
                f" {small.cost_last:.4f} with 0.01 and {root.cost_last:.4f} with 1/sqrt(n). It passes below 0.6"
                f" {_when(small)} with 0.01 and {_when(root)} with 1/sqrt(n).{ratio}"
            ),
            (
                "Measured with that exercise's layers, learning rate and seed on 209 made-up pictures of its size; on its own"
                " the numbers will be others. The lab runs the same depth and learning rate on the two rings."
            ),
        ),
        (
            Table(
                "Spread (standard deviation) of the activations at the start, made-up pictures",
                ("factor", *(f"layer {layer}" for layer in range(1, len(small.spread))), "output"),
                tuple((run.factor, *(f"{spread:.2g}" for spread in run.spread)) for run in (small, root)),
            ),
        ),
    )


def _when(run: asides.Earlier) -> str:
    return f"at iteration {run.escape:,}" if run.escape else f"not within {run.searched:,} iterations"


def _listed(values: Sequence[float]) -> str:
    return listed(f"{value:.2g}" for value in values)


def _zeros(known: Known) -> Question:
    run = known.runs["weights of zero"]
    largest = max(run["gradient_norms"])
    return Question(
        "Why do zeros never move?",
        *known.settings(0, hidden=2, rate=0.01, iterations=known.model.iterations),
        (
            (
                f"With every weight 0 each hidden unit puts out 0, and no error passes back through a weight of 0. The largest"
                f" gradient norm of a weight matrix at the start is exactly {largest:g}: there is nothing to step with. The cost"
                f" is {run['cost_first']:.6f} at iteration 0 and {run['cost_14000']:.6f} at {_printed(run)}, {_scores(run)}:"
                " every output is 0.5, which counts as one class, and half of the points belong to it."
            ),
        ),
    )


def _infinite(known: Known) -> Question:
    run = known.runs["x10"]
    return Question(
        "Why does the cost print inf?",
        *known.settings(10, hidden=2, rate=0.01, iterations=1_000),
        (
            (
                f"At x10 {100 * run['saturated']:.0f} % of the outputs start saturated: so near 0 or 1 that for some points the"
                f" number stored is exactly 0 or 1. Where such an output is wrong the cost takes log(0), and the mean is"
                f" {run['cost_first']}. NumPy warns, and nothing is broken: from the value below the sigmoid the same cost is"
                f" {run['trace']['exact_cost'][0]:,.0f}, and the gradient A - Y never exceeds 1, so training goes on. At"
                f" iteration {_printed(run)} the notebook prints {run['cost_14000']:.4f}."
            ),
        ),
    )


def _below(known: Known) -> Question:
    run, row = known.runs["x0.01"], known.spread[0.01].train_accuracy
    below, away = sum(share < 0.5 for share in row), abs(run["cost_last"] - LN2)
    return Question(
        "Can accuracy be below one half?",
        *known.settings(0.01, hidden=2, rate=0.01, iterations=known.model.iterations),
        (
            (
                f"Yes, when the network has no opinion yet. At x0.01 the last cost lies {away:.1e} from ln 2, the cost of"
                " answering 0.5 to every point, and the side of 0.5 on which a point falls is close to chance. With the"
                f" exercise's seed that gives {_scores(run)}; over the seeds 0 to {len(row) - 1} train accuracy lies between"
                f" {text.accuracy(min(row))} and {text.accuracy(max(row))}, below one half for {below} of {len(row)}."
            ),
        ),
    )


def _steep(known: Known) -> Question:
    run, one = known.runs["x0.01"], known.runs["x1"]
    return Question(
        "The sigmoid is steepest near 0: why is small slow?",
        *known.settings(0.01, hidden=2, rate=0.01, iterations=1_000),
        (
            (
                "The slope of the sigmoid cancels: with this cost the error passed back is A - Y, about ±0.5 for every point at"
                " the start. The gradient of W3 is that error times what layer 2 puts out, and layer 2 puts out almost nothing,"
                " because it is the product of two small matrices. The errors for W2 and W1 are made small by the matrices"
                f" above them. So the gradient norms at the start are {_norms(run)}; with scale 1 they are {_norms(one)}."
            ),
        ),
    )


def _layers(hidden: int) -> str:
    return {1: "one", 2: "two", 3: "three"}[hidden]


def _printed(run: Mapping[str, Any]) -> str:
    """Return the iteration of the last cost that the notebook prints."""
    return f"{run['costs'][-1][0]:,}"


def _scores(run: Mapping[str, Any]) -> str:
    return f"train / test accuracy {text.accuracy(run['train_accuracy'])} / {text.accuracy(run['test_accuracy'])}"


def _outcome(run: Setting) -> str:
    return f"{run.train_accuracy:.3f} / {run.test_accuracy:.2f}, cost {run.cost_last:.4f}"


def _norms(run: Mapping[str, Any]) -> str:
    return _listed(run["gradient_norms"])


def _leaves(iteration: int | None) -> str:
    if iteration is None:
        return f"the cost does not pass below 0.6 within {ESCAPE_CAP:,} iterations"
    return f"the cost first passes below 0.6 at iteration {iteration:,}"


def _over_seeds(known: Known, seeds: int, rows: Sequence[Spread]) -> Table:
    return Table(
        f"Train accuracy over the seeds 0 to {seeds - 1}, after {known.model.iterations:,} iterations",
        ("first weights", "lowest", "median", "highest"),
        tuple(
            (_start(row), *(text.accuracy(part(row.train_accuracy)) for part in (min, statistics.median, max)))
            for row in rows
        ),
    )


def _start(row: Spread) -> str:
    scale = "He's scale" if row.scale is None else f"x{row.scale:g}"
    return scale if row.draw == "randn" else f"{scale}, {DRAWS[row.draw]}"


@dataclass(frozen=True, slots=True)
class _Duel:
    """For how many seeds one start ended above another in train accuracy, and below it."""

    above: int
    below: int
    seeds: int

    @property
    def clear(self) -> bool:
        """Whether one may be said to end above the other."""
        return max(self.above, self.below) >= CLEAR * self.seeds


def _duel(one: Spread, other: Spread) -> _Duel:
    pairs = list(zip(one.train_accuracy, other.train_accuracy, strict=True))
    return _Duel(sum(a > b for a, b in pairs), sum(a < b for a, b in pairs), len(pairs))
