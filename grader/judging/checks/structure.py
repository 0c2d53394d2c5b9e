"""Is the right thing there: a dictionary with the right names, of float arrays with the right shapes?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from grader.judging.checks.compare import failed, pairs, passed, shape, shown
from grader.judging.diagnosis import Recovered, removed_numpy_name, undefined_name
from grader.judging.diagnosis import shapes as required_shapes
from grader.judging.diagnosis import text as texts
from grader.judging.diagnosis.causes import BUILT_IN
from grader.messages import say
from grader.records import Array, Finding, Function, FunctionEvidence, Outcome, Shown
from grader.records.wording import first_few

EXACT = "exact"
MOST_NAMES = 20


def shapes(student: Recovered, reference: Recovered) -> Finding:
    """Returns a dictionary of float arrays with the right names and shapes."""
    if not student.evidence.outcomes:
        return _nothing(student.evidence.function, next(iter(reference.evidence.outcomes)))
    for outcome, wanted in pairs(student, reference):
        finding = _ended(outcome, wanted, student.evidence) or _structure(outcome, student.evidence.function.name)
        if finding:
            return finding
    return passed(say("judging.shapes.passed"))


def _nothing(function: Function, wanted: Outcome) -> Finding:
    """Say why there was nothing to call."""
    status = function.status if function.status in ("missing", "not_attempted") else "syntax_error"
    got = say(f"judging.nothing.{status}")
    evidence = Shown(wanted.call.literal(function.name), got, _wanted(wanted), EXACT)
    return failed(function.message, hint=function.hint, evidence=evidence)


def _ended(outcome: Outcome, wanted: Outcome, evidence: FunctionEvidence) -> Finding | None:
    """Say why a call did not return, or None if it did."""
    if outcome.ended == "returned":
        return None
    name = evidence.function.name
    said = (
        _raised(outcome) if outcome.ended == "raised" else say(f"judging.ended.{outcome.ended}", reason=outcome.message)
    )
    shown_call = Shown(outcome.call.literal(name), outcome.message, _wanted(wanted), EXACT)
    return failed(f"{outcome.call.literal(name)}: {said}", hint=_hint(outcome, evidence), evidence=shown_call)


def _raised(outcome: Outcome) -> str:
    """Say which exception was raised and where; a missing name with what is missing."""
    place = outcome.fault.place if outcome.fault else None
    at = say("judging.raised.at", place=place) if place else ""
    if name := undefined_name(outcome):
        return say("judging.raised.name", name=name, at=at)
    if name := removed_numpy_name(outcome):
        return say("judging.raised.numpy", name=name, at=at)
    return say("judging.raised.other", error=outcome.message, at=at)


def _hint(outcome: Outcome, evidence: FunctionEvidence) -> str | None:
    """Return what to do about a call that did not return."""
    if name := undefined_name(outcome):
        return _missing_name_hint(name, evidence)
    if name := removed_numpy_name(outcome):
        built_in = name in BUILT_IN
        return say("judging.hint.numpy.built_in" if built_in else "judging.hint.numpy.renamed", name=name)
    return None if outcome.ended == "broken" else say(f"judging.hint.ended.{outcome.ended}")


def _missing_name_hint(name: str, evidence: FunctionEvidence) -> str:
    step = texts.remedy(name, evidence.function)
    return f"{step[0].upper()}{step[1:]}."


def _structure(outcome: Outcome, function: str) -> Finding | None:
    """Say what is wrong with the names, types, shapes or finiteness of one dictionary, or None."""
    required = required_shapes(outcome.call.layers)
    missing = [name for name in required if name not in outcome.arrays]
    if missing:
        return _names(outcome, function, say("judging.names.missing", names=first_few(missing, MOST_NAMES)), required)
    for name, sides in required.items():
        array = outcome.arrays[name]
        if array.shape != sides:
            return _shape(outcome, function, name, sides)
        if not array.is_float_array:
            return _type(outcome, function, name, array)
        if not np.all(np.isfinite(array.numpy())):
            want = say("judging.finite.wanted")
            return failed(say("judging.finite.failed", name=name), evidence=shown(outcome, function, name, want, EXACT))
    extra = [name for name in outcome.arrays if name not in required]
    return (
        _names(outcome, function, say("judging.names.extra", names=first_few(extra, MOST_NAMES)), required)
        if extra
        else None
    )


def _names(outcome: Outcome, function: str, problem: str, required: Mapping[str, tuple[int, int]]) -> Finding:
    got, want = first_few(sorted(outcome.arrays), MOST_NAMES) or say("judging.names.none"), ", ".join(required)
    evidence = Shown(outcome.call.literal(function), got, want, EXACT)
    hint = _with_note(say("judging.names.hint", names=want), outcome)
    return failed(f"{outcome.call.literal(function)}: {problem}", hint=hint, evidence=evidence)


def _with_note(hint: str, outcome: Outcome) -> str:
    """Add what was cut short of what came back."""
    return f"{hint} {outcome.message}" if outcome.message else hint


def _shape(outcome: Outcome, function: str, name: str, sides: tuple[int, int]) -> Finding:
    array = outcome.arrays[name]
    hint = _with_note(say("judging.shape.hint.b" if name.startswith("b") else "judging.shape.hint.W"), outcome)
    got = say("judging.plain_number") if array.shape == () else shape(array.shape)
    evidence = Shown(f'{outcome.call.literal(function)}["{name}"].shape', got, shape(sides), EXACT)
    return failed(say("judging.shape.failed", name=name, got=got, asked=shape(sides)), hint=hint, evidence=evidence)


def _type(outcome: Outcome, function: str, name: str, array: Array) -> Finding:
    what = (
        say("judging.type.array", kind=array.dtype)
        if array.type_name == "ndarray"
        else say("judging.type.other", kind=array.type_name)
    )
    evidence = Shown(f'type({outcome.call.literal(function)}["{name}"])', what, say("judging.type.wanted"), EXACT)
    hint = say("judging.type.hint")
    return failed(say("judging.type.failed", name=name, got=what), hint=hint, evidence=evidence)


def _wanted(wanted: Outcome) -> str:
    return say("judging.dictionary", names=", ".join(required_shapes(wanted.call.layers)))
