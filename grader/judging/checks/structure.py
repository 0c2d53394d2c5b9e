"""Is the right thing there: a dictionary with the right names, of float arrays with the right shapes?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from grader.judging.checks.compare import exact, failed, pairs, passed, shape, shown
from grader.judging.diagnosis import Recovered, removed_numpy_name, undefined_name
from grader.judging.diagnosis import shapes as required_shapes
from grader.judging.diagnosis import text as texts
from grader.judging.diagnosis.causes import BUILT_IN
from grader.messages import say
from grader.records import Array, Finding, Function, FunctionEvidence, Outcome, Shown
from grader.records.places import capitalized
from grader.records.wording import first_few

MOST_NAMES = 20


def shapes(student: Recovered, reference: Recovered) -> Finding:
    """Returns a dictionary of float arrays with the right names and shapes."""
    if not student.evidence.outcomes:
        return _nothing(student.evidence.function, next(iter(reference.evidence.outcomes)))
    for outcome, wanted in pairs(student, reference):
        finding = _ended(outcome, wanted, student.evidence) or _structure(outcome, student.evidence.function.name)
        if finding:
            return finding
    return passed("judging.shapes.passed")


def _nothing(function: Function, wanted: Outcome) -> Finding:
    """Return the finding that there was nothing to call, and why."""
    status = function.status if function.status in ("missing", "not_attempted") else "syntax_error"
    got = say(f"judging.nothing.{status}")
    evidence = Shown(wanted.call.literal(function.name), got, _wanted(wanted), exact())
    return Finding("failed", function.message, function.hint, evidence, function.message_id)


def _ended(outcome: Outcome, wanted: Outcome, evidence: FunctionEvidence) -> Finding | None:
    """Return the finding that a call did not return, and why; None if it did."""
    if outcome.ended == "returned":
        return None
    call = outcome.call.literal(evidence.function.name)
    shown_call = Shown(call, outcome.message, _wanted(wanted), exact())
    fail = partial(failed, call=call, hint=_hint(outcome, evidence), evidence=shown_call)
    if outcome.ended != "raised":
        return fail(f"judging.ended.{outcome.ended}", reason=outcome.message)
    return _raised(outcome, fail)


def _raised(outcome: Outcome, fail: Callable[..., Finding]) -> Finding:
    """Return the finding that a call raised an exception, with its place; a missing name has a sentence of its own."""
    place = outcome.fault.place if outcome.fault else None
    at = ".at" if place else ""
    if name := undefined_name(outcome):
        return fail(f"judging.raised.name{at}", name=name, place=place)
    if name := removed_numpy_name(outcome):
        return fail(f"judging.raised.numpy{at}", name=name, place=place)
    return fail(f"judging.raised.other{at}", error=outcome.message, place=place)


def _hint(outcome: Outcome, evidence: FunctionEvidence) -> str | None:
    """Return what to do about a call that did not return."""
    if name := undefined_name(outcome):
        return f"{capitalized(texts.remedy(name, evidence.function))}."
    if name := removed_numpy_name(outcome):
        built_in = name in BUILT_IN
        return say("judging.hint.numpy.built_in" if built_in else "judging.hint.numpy.renamed", name=name)
    return None if outcome.ended == "broken" else say(f"judging.hint.ended.{outcome.ended}")


def _structure(outcome: Outcome, function: str) -> Finding | None:
    """Return what is wrong with the names, types, shapes or finiteness of one dictionary, or None."""
    required = required_shapes(outcome.call.layers)
    missing = [name for name in required if name not in outcome.arrays]
    if missing:
        return _names("missing", missing, outcome, function, required)
    for name, sides in required.items():
        array = outcome.arrays[name]
        if array.shape != sides:
            return _shape(outcome, function, name, sides)
        if not array.is_float_array:
            return _type(outcome, function, name, array)
        if not np.all(np.isfinite(array.numpy())):
            evidence = shown(outcome, function, name, say("judging.finite.wanted"), exact())
            return failed("judging.finite.failed", evidence=evidence, name=name)
    extra = [name for name in outcome.arrays if name not in required]
    return _names("extra", extra, outcome, function, required) if extra else None


def _names(
    problem: str, names: Sequence[str], outcome: Outcome, function: str, required: Mapping[str, tuple[int, int]]
) -> Finding:
    """Return the finding that names are missing from a dictionary, or that it has others beside the right ones."""
    got, want = first_few(sorted(outcome.arrays), MOST_NAMES) or say("judging.names.none"), ", ".join(required)
    call = outcome.call.literal(function)
    hint = _with_note(say("judging.names.hint", names=want), outcome)
    evidence = Shown(call, got, want, exact())
    return failed(
        f"judging.names.{problem}", hint=hint, evidence=evidence, call=call, names=first_few(names, MOST_NAMES)
    )


def _with_note(hint: str, outcome: Outcome) -> str:
    """Return a hint with a note on what was left out of what came back."""
    return f"{hint} {outcome.message}" if outcome.message else hint


def _shape(outcome: Outcome, function: str, name: str, sides: tuple[int, int]) -> Finding:
    array = outcome.arrays[name]
    hint = _with_note(say("judging.shape.hint.b" if name.startswith("b") else "judging.shape.hint.W"), outcome)
    got = say("judging.plain_number") if array.shape == () else shape(array.shape)
    evidence = Shown(f'{outcome.call.literal(function)}["{name}"].shape', got, shape(sides), exact())
    return failed("judging.shape.failed", hint=hint, evidence=evidence, name=name, got=got, asked=shape(sides))


def _type(outcome: Outcome, function: str, name: str, array: Array) -> Finding:
    what = (
        say("judging.type.array", kind=array.dtype)
        if array.type_name == "ndarray"
        else say("judging.type.other", kind=array.type_name)
    )
    evidence = Shown(f'type({outcome.call.literal(function)}["{name}"])', what, say("judging.type.wanted"), exact())
    hint = say("judging.type.hint")
    return failed("judging.type.failed", hint=hint, evidence=evidence, name=name, got=what)


def _wanted(wanted: Outcome) -> str:
    return say("judging.dictionary", names=", ".join(required_shapes(wanted.call.layers)))
