"""The hints on a function that is not right, one at a time: each tells more than the one before."""

from __future__ import annotations

from collections.abc import Iterator

from grader.messages import say
from grader.records import FunctionResult, Summary
from grader.rendering import words


def hints(function: FunctionResult, summary: Summary) -> tuple[str, ...]:
    """Return what a result tells of a function beyond its summary, the answer last; the exercise's `show` has bounded it."""
    summed_up = f"{summary.next_step} {summary.text}".casefold()
    sentences = dict.fromkeys(hint for hint in _hints(function) if hint)
    return tuple(hint for hint in sentences if hint.rstrip(".").casefold() not in summed_up)


def _hints(function: FunctionResult) -> Iterator[str]:
    advice = words.advice(function)
    yield words.sentence(advice.message.rstrip("."))
    cause, fault = next(iter(function.told), None), function.known
    if cause:
        yield cause.reason
    if function.status != "graded":
        yield advice.hint or ""
    elif shown := advice.evidence:
        yield say("words.hint.call", call=shown.call, got=shown.got, want=shown.want)
    if fault:
        yield fault.message
    if cause:
        yield words.sentence(cause.action)
    if fault and fault.old is not None:
        yield say("words.hint.fix", old=words.line_now(fault), new=words.line_right(fault))
