"""Why the small scale that an exercise asks for works there, and what other scales and rates do: measured, for it alone."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from grader.explaining.facts import Facts, Measured
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
    found = [other for other in OTHERS if other in measured.spread and other in measured.runs]
    if not facts.small_is_asked or scale is None or scale not in measured.spread or not found:
        return None
    answers = [
        say("explaining.small.other.run", scale=f"{other:g}", accuracy=accuracy(measured.runs[other].train_accuracy))
        for other in found
    ]
    compared = [(other, one) for other in found if (one := measured.compared(other, scale))]
    for other, one in compared:
        if one.reversed:
            answers.append(
                say(
                    "explaining.small.other.below",
                    scale=f"{other:g}",
                    asked=f"{scale:g}",
                    number=one.below,
                    seeds=one.seeds,
                )
            )
        elif one.holds:
            answers.append(
                say(
                    "explaining.small.other.above",
                    scale=f"{other:g}",
                    asked=f"{scale:g}",
                    number=one.above,
                    seeds=one.seeds,
                )
            )
        else:
            answers.append(
                say(
                    "explaining.small.other.alike",
                    scale=f"{other:g}",
                    asked=f"{scale:g}",
                    above=one.above,
                    below=one.below,
                )
            )
    return Question(
        say("explaining.small.other", scales=listed([f"{other:g}" for other in found], last="or")),
        (" ".join(answers),),
        Table(
            say("explaining.small.table", seeds=len(measured.spread[scale].train_accuracy)),
            tuple(say(f"explaining.small.table.{name}") for name in ("scale", "low", "median", "high")),
            tuple(
                (f"{one:g}", *(accuracy(end(measured.spread[one].train_accuracy)) for end in (min, median, max)))
                for one in (scale, *found)
            ),
        ),
    )
