"""What the lab answers about the exercise itself: questions of the one bank, most with an experiment that shows the answer."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from grader.exercise.shipped import SMALL
from grader.exercise.training import LN2
from grader.explaining import questions
from grader.explaining.facts import MANY, Measured
from grader.explaining.numbers import cost, costs, last_printed, plain, plains, share
from grader.explaining.questions import FAIR
from grader.records import Question, Table, Training
from grader.records.wording import accuracies, accuracy


@dataclass(frozen=True, slots=True)
class Experiment:
    """Settings of the lab that show an answer: scales (None is He's), hidden layers, learning rate, iterations and draw.

    None for layers, rate or iterations is what the exercise uses.
    """

    scales: tuple[float | None, ...]
    hidden: int | None = None
    learning_rate: float | None = None
    iterations: int | None = None
    draw: str = "randn"


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A question with its measured answer, and the experiment that shows it where there is one."""

    question: Question
    experiment: Experiment | None = None


def exhibits(measured: Measured, asked: tuple[float, ...] = ()) -> tuple[Exhibit, ...]:
    """Return the questions that can be answered from what was measured for an exercise; none where nothing was.

    `asked` are the plain scales that the exercise asks for.
    """
    whole = questions.shows_waiting(measured)
    candidates = [
        *(_of_small(measured) if whole else ()),
        *(_of_large(measured, asked) if whole else ()),
        *(_of_waiting(measured) if whole else ()),
        *_of_rules(measured),
    ]
    return tuple(exhibit for exhibit in candidates if exhibit is not None)


def _of_small(measured: Measured) -> Iterator[Exhibit | None]:
    if _is_stuck(measured.runs[SMALL]):
        yield Exhibit(_stuck(measured), Experiment((SMALL, FAIR)))
    rows = measured.sweep.settings if measured.sweep else ()
    if measured.asides and rows:
        fast = max(row.learning_rate for row in rows)
        yield _exhibit(questions.worked_before(measured), Experiment((rows[0].scale,), 1, fast))


def _of_large(measured: Measured, asked: tuple[float, ...]) -> Iterator[Exhibit | None]:
    for scale in asked:
        run = measured.runs.get(scale)
        if run and scale in measured.spread and run.saturated >= MANY:
            yield Exhibit(_large(measured, scale), Experiment((scale, None)))
        if run and math.isinf(run.cost_first):
            whose = f"the start with scale {scale:g}"
            yield _exhibit(questions.inf(run, whose), Experiment((scale,), iterations=1_000))


def _of_waiting(measured: Measured) -> Iterator[Exhibit | None]:
    yield Exhibit(
        questions.wait(measured), Experiment((SMALL,), learning_rate=10 * measured.learning_rate, iterations=60_000)
    )
    yield Exhibit(questions.as_drawn(measured), Experiment((FAIR, None)))
    yield Exhibit(questions.steepest(measured), Experiment((SMALL, FAIR), iterations=1_000))
    yield _exhibit(questions.below_half(measured), Experiment((SMALL,)))
    if measured.asides:
        rate = measured.asides.pictures[0].learning_rate if measured.asides.pictures else None
        yield _exhibit(questions.four_layers(measured.asides), Experiment((SMALL, None), 3, rate, 5_000))
        yield Exhibit(questions.other_machine(measured.asides))


def _of_rules(measured: Measured) -> Iterator[Exhibit | None]:
    asides = measured.asides
    if 0.0 in measured.runs:
        yield Exhibit(questions.no_change(measured.runs[0.0], measured.quotes), Experiment((0.0,)))
    yield _exhibit(questions.symmetric(asides))
    yield _exhibit(questions.two_over_n(asides))
    yield _exhibit(questions.last_layer(asides))
    if asides:
        yield Exhibit(questions.rand(asides), Experiment((None,), draw="rand"))


def _exhibit(question: Question | None, experiment: Experiment | None = None) -> Exhibit | None:
    return Exhibit(question, experiment) if question else None


def _is_stuck(run: Training) -> bool:
    """Return whether a run ended where guessing is, with every output next to 0.5."""
    return run.regime == "plateau" and bool(run.outputs) and max(abs(value - 0.5) for value in run.outputs) < 0.01


def _stuck(measured: Measured) -> Question:
    run, fair = measured.runs[SMALL], measured.runs[FAIR]
    late: tuple[str, ...] = ()
    if run.escape and fair.escape:
        late = (
            (
                f"Stuck is late, not wrong: the cost is first below 0.6 at iteration {run.escape:,}; at scale {FAIR:g} it is at "
                f"{fair.escape:,}."
            ),
        )
    return Question(
        f"Why is scale {SMALL:g} stuck?",
        (
            (
                f"It has hardly begun to learn. The cost goes from {' to '.join(costs(run.cost_first, run.cost_14000))} at "
                f"{last_printed(run)}, and answering 0.5 to every point costs ln 2 = {LN2:.6f}. Tiny differences "
                f"decide on which side of 0.5 a point falls; they give {accuracies(run)}."
            ),
            (
                "The gradient of each weight matrix contains the other matrices. So small weights in several layers make very "
                f"small gradients: at the start {plains(run.gradient_norms)}, and {plains(fair.gradient_norms)} at scale "
                f"{FAIR:g}."
            ),
            *late,
        ),
    )


def _large(measured: Measured, scale: float) -> Question:
    run, he, shares = measured.runs[scale], measured.runs[None], measured.spread[scale].train_accuracy
    below = sum(value < run.train_accuracy for value in shares)
    duel = measured.compared(None, scale)
    above = f" He's rule ends above it for {duel.above} of {duel.seeds} seeds." if duel else ""
    exact = f" Computed without the logarithm of 0 its first cost is {plain(run.trace.exact_cost[0])}." * bool(
        run.trace.exact_cost and math.isinf(run.cost_first)
    )
    return Question(
        f"Is {scale:g} a good scale?",
        (
            (
                f"{'No. ' if duel and duel.holds else ''}With the exercise's seed it ends with {accuracies(run)}, and He's rule "
                f"with {accuracies(he)}. One seed is one draw: {below} of the seeds 0 to {len(shares) - 1} end lower at scale "
                f"{scale:g}.{above}"
            ),
            (
                f"At the start {share(run.saturated)} of the outputs are saturated, that is below 0.001 or above 0.999.{exact} "
                f"The gradient stays finite, so training goes on: at {last_printed(run)} the cost is "
                f"{cost(run.cost_14000)}."
            ),
        ),
        Table(
            f"Train accuracy over {len(shares)} seeds",
            ("first weights", "lowest", "middle", "highest"),
            tuple(
                (
                    "He's rule" if start is None else f"scale {start:g}",
                    *(
                        accuracy(value)
                        for value in (min(row.train_accuracy), measured.middle(start), max(row.train_accuracy))
                    ),
                )
                for start, row in measured.spread.items()
                if start in {SMALL, FAIR, None, scale}
            ),
        ),
    )
