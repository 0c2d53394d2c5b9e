"""The live lab: one page in which the exercise's network trains in the reader's browser, from a scale of their choice.

The page carries the points, the standard draws and answers to some questions.  Every number in an answer is read off what is
shipped with the exercise when the page is made; nothing is trained here.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from grader import resources, shipped
from grader.errors import RequestError
from grader.exercise import Exercise
from grader.report import html, text
from grader.shipped import ESCAPE_CAP, SEED, Setting, Shipped, Spread
from grader.training import LN2, course_data

HIDDEN = {1: (2, 10, 1), 2: (2, 10, 5, 1), 3: (2, 10, 5, 5, 1)}  # layers by the number of hidden ones
SEEDS = (0, 1, 2, 3, 4)
RATES = ("0.001", "0.0075", "0.01", "0.03", "0.1", "0.3", "0.5", "1", "1.2")
ITERATIONS = (100, 300, 1_000, 5_000, 10_000, 15_000, 30_000, 60_000)
SCALES = (*(float(f"{digit}e{power}") for power in range(-3, 2) for digit in (1, 1.5, 2, 3, 5, 7)), 100.0)
CLEAR = 0.9  # the share of seeds from which on one start may be said to end above another


@dataclass(frozen=True, slots=True)
class Question:
    """A question, the settings of the lab that show it, and its answer in paragraphs and perhaps a table."""

    title: str
    fragment: str
    settings: str
    answer: tuple[str, ...]
    caption: str = ""
    heads: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


def lab_page(exercise: Exercise) -> str:
    """Return the page.

    Raises
    ------
    RequestError
        If nothing is shipped with the exercise that the answers could be read off.
    """
    known = _Known(exercise)
    script = _file("lab.js")
    style = _file("page.css") + _file("lab.css")
    page = html._environment().get_template("lab.html")  # one environment for all pages
    return page.render(
        style=Markup(style),  # noqa: S704  # our own file
        style_hash=html._hash(style),
        script=Markup(script),  # noqa: S704  # our own file
        script_hash=html._hash(script),
        data=Markup(_json(_data(known.all))),  # noqa: S704  # numbers, with < spelled out
        questions=questions(known),
        scales=SCALES,
        seeds=SEEDS,
        rates=RATES,
        iterations=ITERATIONS,
    )


def _file(name: str) -> str:
    return (resources.templates() / name).read_text(encoding="utf-8")


def _json(data: Mapping[str, Any]) -> str:
    return json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


# --- what the script is given ---------------------------------------------------------------------------------------


def _data(known: Shipped) -> dict[str, Any]:
    data = course_data()
    return {
        "train": {"x": data.X_train.ravel().tolist(), "y": [int(y) for y in data.Y_train.ravel()]},
        "test": {"x": data.X_test.ravel().tolist(), "y": [int(y) for y in data.Y_test.ravel()]},
        "draws": {seed: draws(seed) for seed in SEEDS},
        "scales": SCALES,
        "cap": ESCAPE_CAP,
        "spread": [_summary(row) for row in known.spread],
        "escapes": _escapes(known),
    }


def draws(seed: int) -> list[float]:
    """Return the standard draws of a seed in the exercise's order: as many as the deepest network takes."""
    start = shipped.scaled(HIDDEN[3], 1.0, seed)
    return [float(draw) for layer in range(1, len(HIDDEN[3])) for draw in start[f"W{layer}"].ravel()]


def _summary(row: Spread) -> dict[str, Any]:
    shares = row.train_accuracy
    return {
        "scale": "he" if row.scale is None else row.scale,
        "seeds": len(shares),
        "low": min(shares),
        "median": statistics.median(shares),
        "high": max(shares),
    }


def _escapes(known: Shipped) -> list[dict[str, Any]]:
    """Return when starts leave the plateau, as the form of the page names their settings."""
    hidden = {layers: number for number, layers in HIDDEN.items()}
    rows = [(row.layers, row.learning_rate, row.scale, row.seed, row.iteration) for row in known.escapes]
    rows += [(HIDDEN[2], 0.01, point.scale, SEED, point.escape) for point in known.sweep]
    names = ("layers", "rate", "scale", "seed", "iteration")
    return [
        dict(zip(names, (hidden[tuple(layers)], *rest), strict=True))
        for layers, *rest in rows
        if tuple(layers) in hidden
    ]


# --- the answers ------------------------------------------------------------------------------------------------------


class _Known:
    """What is shipped, by the names that the answers use."""

    def __init__(self, exercise: Exercise) -> None:
        self.all = shipped.load(exercise)
        keys = shipped.known(self.all, exercise)
        self.runs: dict[str, dict[str, Any]] = {name: self.all.trainings[key] for name, key in keys.items()}
        self.spread = {row.scale: row for row in self.all.spread}
        wanted = {"weights of zero", "He's scale", "x0.01", "x0.1", "x1", "x10"}
        if not (wanted <= self.runs.keys() and {None, 0.01, 1.0, 10.0} <= self.spread.keys() and self.all.escapes):
            raise RequestError(
                f"nothing is shipped with {exercise.folder.name} that the lab could answer from",
                hint="make it with: python -m grader.shipped",
            )

    def setting(self, hidden: int, rate: float) -> Setting:
        """Return the run of scale 0.01 with so many hidden layers at a learning rate."""
        return next(s for s in self.all.settings if tuple(s.layers) == HIDDEN[hidden] and s.learning_rate == rate)

    def escape(self, hidden: int, rate: float, scale: float) -> int | None:
        """Return the first iteration with a cost below 0.6, at the exercise's seed; None: not by the cap."""
        rows = _escapes(self.all)
        wanted = {"layers": hidden, "rate": rate, "scale": scale, "seed": SEED}
        return next(row["iteration"] for row in rows if wanted.items() <= row.items())  # type: ignore[no-any-return]


def questions(known: _Known) -> tuple[Question, ...]:
    """Return every question with its answer."""
    return (_stuck(known), _before(known), _ten(known), _longer(known), _he(known), _zeros(known))


def _stuck(known: _Known) -> Question:
    run, tenth, one = known.runs["x0.01"], known.runs["x0.1"], known.runs["x1"]
    ratio = min(a / b for a, b in zip(tenth["gradient_norms"], run["gradient_norms"], strict=True))
    return Question(
        "Why is 0.01 stuck?",
        *_settings(0.01, hidden=2, rate=0.01, iterations=15_000),
        (
            (
                f"After 15,000 iterations it has {_scores(run)}. The cost was {run['cost_first']:.8f} at iteration 0 and"
                f" {run['cost_14000']:.8f} at 14,000; answering 0.5 to every point costs ln 2 = {LN2:.6f}. It has hardly begun"
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


def _before(known: _Known) -> Question:
    def row(hidden: int) -> tuple[str, ...]:
        slow, fast = known.setting(hidden, 0.01), known.setting(hidden, 1.2)
        return f"{_layers(hidden)} hidden", _outcome(slow), _outcome(fast)

    waits = "; ".join(
        f"{_layers(hidden)}: "
        + ", ".join(_count(known.escape(hidden, 0.1, scale)) for scale in (1.0, 0.1, 0.01, 0.001))
        for hidden in HIDDEN
    )
    return Question(
        "Why did 0.01 work before?",
        *_settings(0.01, hidden=1, rate=1.2, iterations=15_000),
        (
            (
                "The earlier practice with one hidden layer (the flower data, tanh units) used learning rate 1.2, which is"
                f" {1.2 / 0.01:.0f} times this exercise's 0.01. With 1.2 the scale 0.01 passes on this data too, with one hidden"
                " layer and also with two; with 0.01 it stays near ln 2 with either. So the learning rate let it pass."
            ),
            (
                "Depth decides how the waiting time grows as the scale falls. Iterations until the cost is below 0.6, at learning"
                f" rate 0.1, for the scales 1, 0.1, 0.01 and 0.001, by hidden layers: {waits}."
            ),
        ),
        "Scale 0.01 after 15,000 iterations on this data: train / test accuracy and last cost",
        ("layers", "learning rate 0.01", "learning rate 1.2"),
        (row(1), row(2)),
    )


def _ten(known: _Known) -> Question:
    run, he, ten = known.runs["x10"], known.runs["He's scale"], known.spread[10.0].train_accuracy
    below = sum(share < run["train_accuracy"] for share in ten)
    above = sum(a > b for a, b in zip(known.spread[None].train_accuracy, ten, strict=True))
    return Question(
        "Is x10 good?",
        *_settings(10, hidden=2, rate=0.01, iterations=15_000),
        (
            (
                f"No: it is asked for to show harm. With the exercise's seed it ends with {_scores(run)}, He's scale with"
                f" {_scores(he)}. Seed {SEED} is one draw: {below} of the seeds 0 to {len(ten) - 1} end lower"
                f" at x10. He's scale ends above x10 in train accuracy for {above} of these {len(ten)} seeds."
            ),
            (
                f"At the start {100 * run['saturated']:.0f} % of the outputs are saturated, and the notebook prints a cost of"
                f" {run['cost_first']} because it takes the logarithm of 0. Computed exactly that cost is"
                f" {run['trace']['exact_cost'][0]:,.0f}. The gradient stays finite, so training goes on; inf is no error."
            ),
        ),
        f"Train accuracy over the seeds 0 to {len(ten) - 1}, after 15,000 iterations",
        ("first weights", "lowest", "median", "highest"),
        tuple(_over_seeds(known, scale) for scale in (0.01, None, 1.0, 10.0)),
    )


def _longer(known: _Known) -> Question:
    fast, slow = known.escape(2, 0.1, 0.01), known.escape(2, 0.01, 0.01)
    ratio = (
        f" Ten times the learning rate takes {slow / fast:.1f} times fewer iterations here." if fast and slow else ""
    )
    deep = known.escape(3, 0.1, 0.01)
    return Question(
        "What if I wait longer?",
        *_settings(0.01, hidden=2, rate=0.1, iterations=60_000),
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


def _he(known: _Known) -> Question:
    he, one = known.spread[None].train_accuracy, known.spread[1.0].train_accuracy
    above = sum(a > b for a, b in zip(he, one, strict=True))
    below = sum(a < b for a, b in zip(he, one, strict=True))
    many = len(he)
    clear = max(above, below) >= CLEAR * many
    factors = ", ".join(f"{(2 / below_it) ** 0.5:.3g}" for below_it in HIDDEN[2][:-1])
    verdict = "That is a clear difference." if clear else "So neither can be called better on this evidence."
    run, other = known.runs["He's scale"], known.runs["x1"]
    return Question(
        "Is He better than 1?",
        *_settings("he", hidden=2, rate=0.01, iterations=15_000),
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
        f"Train accuracy over the seeds 0 to {many - 1}, after 15,000 iterations",
        ("first weights", "lowest", "median", "highest"),
        (_over_seeds(known, None), _over_seeds(known, 1.0)),
    )


def _zeros(known: _Known) -> Question:
    run = known.runs["weights of zero"]
    largest = max(run["gradient_norms"])
    return Question(
        "Why do zeros never move?",
        *_settings(0, hidden=2, rate=0.01, iterations=15_000),
        (
            (
                f"With every weight 0 each hidden unit puts out 0, and no error passes back through a weight of 0. The largest"
                f" gradient norm of a weight matrix at the start is exactly {largest:g}: there is nothing to step with. The cost"
                f" is {run['cost_first']:.6f} at iteration 0 and {run['cost_14000']:.6f} at 14,000, {_scores(run)}:"
                " every output is 0.5, which counts as one class, and half of the points belong to it."
            ),
        ),
    )


def _settings(scale: float | str, *, hidden: int, rate: float, iterations: int) -> tuple[str, str]:
    """Return settings as the fragment of an address and in words."""
    fragment = f"#scale={scale}&seed={SEED}&layers={hidden}&rate={rate}&iterations={iterations}"
    start = {"he": "He", 0: "zeros"}.get(scale, f"scale {scale}")
    plural = "" if hidden == 1 else "s"
    return fragment, f"{start}, {_layers(hidden)} hidden layer{plural}, learning rate {rate}, {iterations:,} iterations"


def _layers(hidden: int) -> str:
    return {1: "one", 2: "two", 3: "three"}[hidden]


def _scores(run: Mapping[str, Any]) -> str:
    return f"train / test accuracy {text.accuracy(run['train_accuracy'])} / {text.accuracy(run['test_accuracy'])}"


def _outcome(run: Setting) -> str:
    return f"{run.train_accuracy:.3f} / {run.test_accuracy:.2f}, cost {run.cost_last:.4f}"


def _norms(run: Mapping[str, Any]) -> str:
    first, second, third = (f"{norm:.2g}" for norm in run["gradient_norms"])
    return f"{first}, {second} and {third}"


def _count(iteration: int | None) -> str:
    return f"{iteration:,}" if iteration is not None else f"more than {ESCAPE_CAP:,}"


def _leaves(iteration: int | None) -> str:
    if iteration is None:
        return f"the cost does not pass below 0.6 within {ESCAPE_CAP:,} iterations"
    return f"the cost first passes below 0.6 at iteration {iteration:,}"


def _over_seeds(known: _Known, scale: float | None) -> tuple[str, ...]:
    row = _summary(known.spread[scale])
    name = "He's scale" if scale is None else f"x{scale:g}"
    return name, *(text.accuracy(row[part]) for part in ("low", "median", "high"))
