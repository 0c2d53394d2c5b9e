"""Why the small scale that an exercise asks for works there, and what other scales and rates do: measured, for it alone."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from grader.explaining.facts import Compared, Facts, Measured
from grader.explaining.numbers import plain
from grader.messages import listed, say
from grader.records import Question, Table
from grader.records.wording import accuracy

OTHERS = (1.0, 10.0)  # scales that students try in place of a small one


def why_it_works(facts: Facts) -> Iterator[str]:
    """Yield why the scale that is asked for works here; nothing where the exercise asks for no small scale that works."""
    scale, measured = facts.asked_scale, facts.measured
    if not facts.small_is_asked or scale is None:
        return
    yield say("explaining.small.gradients", largest=plain(max(facts.asked.gradient_norms)))
    left = facts.asked.escape
    if left is not None:
        yield say("explaining.small.left", rate=f"{measured.learning_rate:g}", iteration=f"{left:,}")
    yield from _slower(measured, scale)
    yield from _seeds(measured, scale)


def _slower(measured: Measured, scale: float) -> Iterator[str]:
    """Say how the same start ends with smaller learning rates that were measured."""
    for row in measured.sweep.settings if measured.sweep else ():
        if row.layers == measured.layers and row.scale == scale and row.learning_rate < measured.learning_rate:
            yield say(
                "explaining.small.slower",
                rate=f"{row.learning_rate:g}",
                accuracy=accuracy(row.train_accuracy),
                iterations=f"{row.iterations:,}",
            )
    if measured.quotes and measured.quotes.later:
        yield measured.quotes.later


def _seeds(measured: Measured, scale: float) -> Iterator[str]:
    if scale not in measured.spread:
        return
    shares = measured.spread[scale].train_accuracy
    yield say(
        "explaining.small.seeds",
        seeds=len(shares),
        low=accuracy(min(shares)),
        high=accuracy(max(shares)),
        middle=accuracy(median(shares)),
    )


def other_scales(facts: Facts) -> Question | None:
    """Say what the scales 1 and 10 would do in place of the small one; no scale is called better but for nine seeds of ten."""
    scale, measured = facts.asked_scale, facts.measured
    others = [other for other in OTHERS if other in measured.spread and other in measured.runs]
    if not facts.small_is_asked or scale is None or scale not in measured.spread or not others:
        return None
    answers = [
        say("explaining.small.other.run", scale=f"{other:g}", accuracy=accuracy(measured.runs[other].train_accuracy))
        for other in others
    ]
    answers += [_over_seeds(pair, other, scale) for other in others if (pair := measured.compared(other, scale))]
    spread = {each: measured.spread[each].train_accuracy for each in (scale, *others)}
    return Question(
        say("explaining.small.other", scales=listed([f"{other:g}" for other in others], last="or")),
        (" ".join(answers),),
        Table(
            say("explaining.small.table", seeds=len(spread[scale])),
            tuple(say(f"explaining.small.table.{name}") for name in ("scale", "low", "median", "high")),
            tuple(
                (f"{each:g}", *(accuracy(end(shares)) for end in (min, median, max))) for each, shares in spread.items()
            ),
        ),
    )


def _over_seeds(pair: Compared, other: float, asked: float) -> str:
    """Say for how many seeds another scale ends above or below the one that is asked for."""
    scales = f"{other:g}", f"{asked:g}"
    if pair.reversed:
        return say(
            "explaining.small.other.below", scale=scales[0], asked=scales[1], number=pair.below, seeds=pair.seeds
        )
    if pair.holds:
        return say(
            "explaining.small.other.above", scale=scales[0], asked=scales[1], number=pair.above, seeds=pair.seeds
        )
    return say("explaining.small.other.alike", scale=scales[0], asked=scales[1], above=pair.above, below=pair.below)
