"""A result with what people ruled and wrote: the points, the sums, and the summary that says so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal

from grader.messages import say
from grader.records import Adjustment, AdjustmentKind, Comment, FunctionResult, Result, Ruling, Summary
from grader.records.points import of, points
from grader.records.wording import short_names
from grader.store.ledger import ADJUSTMENTS, Decision

MOST_CHARACTERS = 1000  # of a summary in all


def ruled(result: Result, decisions: Iterable[Decision]) -> Result:
    """Return a result with the decisions that are about it; each shows what the machine gives today as `before`."""
    functions = dict(result.functions)
    whole: dict[str, Decision] = {}
    for decision in decisions:
        if (decision.function and decision.function not in functions) or not decision.is_about(result):
            continue
        if decision.function:
            functions[decision.function] = _ruled(functions[decision.function], decision)
        else:
            whole[decision.kind] = decision
    comment = _comment(whole["comment"]) if "comment" in whole else None
    changed = _adjusted(_summed(result, functions), [whole[kind] for kind in ADJUSTMENTS if kind in whole])
    changed = replace(changed, comment=comment)
    return result if changed == result else replace(changed, summary=_summary(result, changed))


def _ruling(ruling: Ruling, short: str) -> str:
    change = say("store.ruled.points", function=short, before=points(ruling.before), points=points(ruling.points))
    return f"{change}: {ruling.reason.rstrip('.')}."


def adjusted(kind: str, value: float, score: float) -> float:
    """Return a score after one adjustment: exact to two decimals, halves up, and never below 0."""
    number, before = Decimal(repr(float(value))), Decimal(repr(float(score)))
    after = {"score": number, "percent": before * (100 + number) / 100, "bonus": before + number}[kind]
    return float(max(after, Decimal(0)).quantize(Decimal("0.01"), ROUND_HALF_UP))


def _ruled(function: FunctionResult, decision: Decision) -> FunctionResult:
    if decision.kind == "comment":
        return replace(function, comment=_comment(decision))
    ruling = replace(decision.ruling, before=function.points)
    return replace(function, points=decision.points, possible=decision.possible, ruling=ruling)


def _comment(decision: Decision) -> Comment:
    return Comment(decision.reason, decision.by, decision.at)


def _summed(result: Result, functions: dict[str, FunctionResult]) -> Result:
    """Return the result with other functions, and with their sums where a person changed points."""
    if not any(function.ruling for function in functions.values()):
        return replace(result, functions=functions)
    provisional = any(function.provisional for function in functions.values())
    score, possible = (sum(getattr(function, key) for function in functions.values()) for key in ("points", "possible"))
    sums = replace(result, functions=functions, score=score, possible=possible, provisional=provisional)
    return replace(sums, machine_score=result.score)


def _adjusted(result: Result, decisions: Iterable[Decision]) -> Result:
    """Return the result with its whole score changed, one adjustment after the other."""
    for decision in decisions:
        after = adjusted(decision.kind, decision.points, result.score)
        kind: AdjustmentKind = decision.kind  # type: ignore[assignment]  # the caller gives no other
        adjustment = Adjustment(kind, decision.points, result.score, after, decision.reason, decision.by, decision.at)
        machine = result.score if result.machine_score is None else result.machine_score
        settled = replace(result, provisional=result.provisional and decision.kind != "score", machine_score=machine)
        result = replace(settled, score=after, adjustments=(*result.adjustments, adjustment))
    return result


def _summary(machine: Result, result: Result) -> Summary:
    headline, step = machine.summary.headline, machine.summary.next_step
    verdict = machine.summary.verdict or headline
    if result.machine_score is not None:
        if machine.provisional and not result.provisional:
            verdict = say("store.ruled.settled")
        headline = f"{of(result.score, result.possible)}. {verdict}"
    if result.passed:
        step = say("store.ruled.nothing_left")
    text = " ".join(filter(None, [*_sentences(result), machine.summary.text]))
    room = MOST_CHARACTERS - len(headline) - len(step)
    return Summary(headline, step, text if len(text) <= room else text[: room - 1] + "…", verdict)


def _sentences(result: Result) -> Iterator[str]:
    """Yield what people ruled and wrote, the words about the whole hand-in first."""
    short = short_names(result.functions)
    yield from (_ruling(function.ruling, short[name]) for name, function in result.functions.items() if function.ruling)
    for change in result.adjustments:
        values = {"before": points(change.before), "after": points(change.after)}
        if change.kind == "score":
            what = say("store.ruled.score", **values)
        else:
            what = say("store.ruled.score.by", amount=change.amount, **values)
        yield f"{what}: {change.reason.rstrip('.')}."
    for function, comment in result.comments.items():
        about = f" on {short[function]}" if function else ""
        end = "" if comment.text.rstrip().endswith((".", "!", "?")) else "."
        yield f"A person's comment{about}: {comment.text.strip()}{end}"
