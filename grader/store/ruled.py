"""A result with what people ruled: the points, the sums, and the summary that says so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from grader.records import FunctionResult, Result, Ruling, Summary
from grader.store.ledger import Decision

MOST_CHARACTERS = 1000  # of a summary in all


def ruled(result: Result, decisions: Iterable[Decision]) -> Result:
    """Return a result with the decisions that are about it; each shows what the machine gives today as `before`."""
    functions = dict(result.functions)
    for one in decisions:
        if one.function in functions and one.is_about(result):
            functions[one.function] = _ruled(functions[one.function], one)
    rulings = [one.ruling for one in functions.values() if one.ruling]
    if not rulings:
        return result
    provisional = any(one.provisional for one in functions.values())
    score, possible = (sum(getattr(one, key) for one in functions.values()) for key in ("points", "possible"))
    changed = replace(result, functions=functions, score=score, possible=possible, provisional=provisional)
    return replace(changed, summary=_summary(result, changed, rulings))


def said(ruling: Ruling) -> str:
    """Return a ruling as a sentence for the student."""
    short = ruling.function.rsplit("_", 1)[-1]
    change = f"A person changed the points of {short} from {ruling.before:g} to {ruling.points:g}"
    return f"{change}: {ruling.reason.rstrip('.')}."


def _ruled(function: FunctionResult, decision: Decision) -> FunctionResult:
    ruling = replace(decision.ruling, before=function.points)
    return replace(function, points=decision.points, possible=decision.possible, ruling=ruling)


def _summary(machine: Result, result: Result, rulings: Iterable[Ruling]) -> Summary:
    rest = machine.summary.headline.removeprefix(_score(machine))
    if machine.provisional and not result.provisional:
        rest = "A person settled what could not be judged."
    headline, step = f"{_score(result)}{rest}", machine.summary.next_step
    if result.passed:
        step = "Nothing is left to do."
    text = " ".join(filter(None, [*map(said, rulings), machine.summary.text]))
    room = MOST_CHARACTERS - len(headline) - len(step)
    return Summary(headline, step, text if len(text) <= room else text[: room - 1] + "…")


def _score(result: Result) -> str:
    return f"{result.score:g} of {result.possible:g}. "
