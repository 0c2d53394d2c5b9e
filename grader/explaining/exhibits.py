"""What the lab answers about the exercise itself: questions of the one bank, most with an experiment that shows the answer."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from grader.exercise.shipped import SMALL
from grader.exercise.training import LN2
from grader.explaining import questions
from grader.explaining.facts import MANY, Measured
from grader.explaining.numbers import costs, plain, share
from grader.explaining.questions import FAIR
from grader.messages import say
from grader.records import Question, Table, Training
from grader.records.wording import accuracies, accuracy


@dataclass(frozen=True, slots=True)
class Experiment:
    """Settings of the lab that show an answer: scales (None is He's), hidden layers, learning rate, iterations and draw.

    None for layers, rate or iterations is what the exercise uses.  It is only `similar` where the answer is about other settings.
    """

    scales: tuple[float | None, ...]
    hidden: int | None = None
    learning_rate: float | None = None
    iterations: int | None = None
    draw: str = "randn"
    similar: bool = False


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A question with its measured answer, and the experiment that shows it where there is one."""

    question: Question
    experiment: Experiment | None = None


def exhibits(measured: Measured, scales: tuple[float, ...] = ()) -> tuple[Exhibit, ...]:
    """Return the questions that can be answered from what was measured for an exercise; none where nothing was.

    `scales` are the plain ones that the exercise asks for.
    """
    whole = questions.shows_waiting(measured)
    candidates = [
        *(_of_small(measured) if whole else ()),
        *(_of_large(measured, scales) if whole else ()),
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


def _of_large(measured: Measured, scales: tuple[float, ...]) -> Iterator[Exhibit | None]:
    for scale in scales:
        run = measured.runs.get(scale)
        if run and scale in measured.spread and run.saturated >= MANY:
            yield Exhibit(_large(measured, scale), Experiment((scale, None)))
        if run and math.isinf(run.cost_first):
            yield _exhibit(questions.inf(run, scale), Experiment((scale,), iterations=1_000))


def _of_waiting(measured: Measured) -> Iterator[Exhibit | None]:
    faster = Experiment((SMALL,), learning_rate=10 * measured.learning_rate, iterations=60_000, similar=True)
    yield Exhibit(questions.wait(measured), faster)
    yield Exhibit(questions.as_drawn(measured), Experiment((FAIR, None)))
    yield Exhibit(questions.steepest(measured), Experiment((SMALL, FAIR), iterations=1_000))
    yield _exhibit(questions.below_half(measured), Experiment((SMALL,)))
    if measured.asides:
        rate = measured.asides.pictures[0].learning_rate if measured.asides.pictures else None
        yield _exhibit(questions.four_layers(measured.asides), Experiment((SMALL, None), 3, rate, 5_000, similar=True))
        yield Exhibit(questions.other_machine(measured.asides))


def _of_rules(measured: Measured) -> Iterator[Exhibit | None]:
    asides = measured.asides
    if 0.0 in measured.runs:
        yield Exhibit(questions.no_change(measured.runs[0.0], measured.quotes, is_seen=False), Experiment((0.0,)))
    yield _exhibit(questions.symmetric(measured))
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
    first, last = costs(run.cost_first, run.cost_14000)
    late: tuple[str, ...] = ()
    if run.escape and fair.escape:
        late = (say("questions.stuck.late", iteration=run.escape, fair=FAIR, early=fair.escape),)
    return Question(
        say("questions.stuck", scale=SMALL),
        (
            say("questions.stuck.answer", first=first, last=last, ln2=LN2, accuracies=accuracies(run)),
            say("questions.stuck.gradients"),
            *late,
        ),
        Table(
            say("questions.stuck.table"),
            (say("questions.steepest.measure"), *(say("questions.scale", scale=scale) for scale in (SMALL, FAIR))),
            tuple(
                (say("questions.steepest.gradient", matrix=f"W{layer}"), plain(small), plain(other))
                for layer, (small, other) in enumerate(
                    zip(run.gradient_norms, fair.gradient_norms, strict=True), start=1
                )
            ),
        ),
    )


def _large(measured: Measured, scale: float) -> Question:
    run, he, shares = measured.runs[scale], measured.runs[None], measured.spread[scale].train_accuracy
    below = sum(value < run.train_accuracy for value in shares)
    compared = measured.compared(None, scale)
    end = [
        say("questions.large.no") if compared and compared.holds else "",
        say("questions.large.runs", accuracies=accuracies(run), he=accuracies(he)),
        say("questions.large.seeds", scale=scale, count=len(shares), below=below),
        say("questions.large.he", scale=scale, above=compared.above, count=compared.seeds) if compared else "",
    ]
    start = [say("questions.large.saturated", scale=scale, share=share(run.saturated))]
    if run.trace.exact_cost and math.isinf(run.cost_first):
        start.append(say("questions.large.exact", cost=plain(run.trace.exact_cost[0])))
    start += [say("questions.large.finite"), questions.later_cost(run)]
    return Question(
        say("questions.large", scale=scale),
        (" ".join(filter(None, end)), " ".join(start)),
        Table(
            say("questions.large.table", count=len(shares)),
            (
                say("questions.machine.start"),
                say("questions.rand.lowest"),
                say("questions.rand.median"),
                say("questions.rand.highest"),
            ),
            tuple(
                (
                    say("questions.he") if start is None else say("questions.scale", scale=start),
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
