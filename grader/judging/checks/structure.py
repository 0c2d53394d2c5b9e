"""Is the right thing there: a dictionary with the right names, of float arrays with the right shapes?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from grader.judging.checks.compare import failed, pairs, passed, shape, shown
from grader.judging.diagnosis import Recovered, removed_numpy_name, undefined_name
from grader.judging.diagnosis import shapes as required_shapes
from grader.judging.diagnosis import text as texts
from grader.judging.diagnosis.causes import BUILT_IN
from grader.records import Array, Finding, Function, FunctionEvidence, Outcome, Shown
from grader.records.wording import first_few

EXACT = "exact"
MOST_NAMES = 20
WORDS = {
    "refused": "something that cannot be read as arrays of numbers came back",
    "timed_out": "it did not come back in time",
    "out_of_memory": "it used more memory than it may",
    "crashed": "it ended the whole Python process",
    "broken": "we could not run it",
}


def shapes(student: Recovered, reference: Recovered) -> Finding:
    """Returns a dictionary of float arrays with the right names and shapes."""
    if not student.evidence.outcomes:
        return _nothing(student.evidence.function, next(iter(reference.evidence.outcomes)))
    for outcome, wanted in pairs(student, reference):
        finding = _ended(outcome, wanted, student.evidence) or _structure(outcome, student.evidence.function.name)
        if finding:
            return finding
    return passed("right names, types and shapes for all sizes that were tried")


def _nothing(function: Function, wanted: Outcome) -> Finding:
    """Say why there was nothing to call."""
    words = {"missing": "there is no such function", "not_attempted": "the template, with nothing filled in"}
    got = words.get(function.status, "code that Python cannot read")
    evidence = Shown(wanted.call.literal(function.name), got, _wanted(wanted), EXACT)
    return failed(function.message, hint=function.hint, evidence=evidence)


def _ended(outcome: Outcome, wanted: Outcome, evidence: FunctionEvidence) -> Finding | None:
    """Say why a call did not return, or None if it did."""
    if outcome.ended == "returned":
        return None
    name = evidence.function.name
    said = _raised(outcome) if outcome.ended == "raised" else f"{WORDS[outcome.ended]}: {outcome.message}"
    shown_call = Shown(outcome.call.literal(name), outcome.message, _wanted(wanted), EXACT)
    return failed(f"{outcome.call.literal(name)}: {said}", hint=_hint(outcome, evidence), evidence=shown_call)


def _raised(outcome: Outcome) -> str:
    """Say which exception was raised and where; a missing name with what is missing."""
    at = f" ({outcome.fault.place})" if outcome.fault and outcome.fault.place else ""
    if name := undefined_name(outcome):
        return f"the name {name} is used but nothing in the notebook gives it{at}"
    if name := removed_numpy_name(outcome):
        return f"np.{name} does not exist any more in today's NumPy{at}"
    return f"it raised {outcome.message}{at}"


def _hint(outcome: Outcome, evidence: FunctionEvidence) -> str | None:
    """Return what to do about a call that did not return."""
    if name := undefined_name(outcome):
        return _missing_name_hint(name, evidence)
    if name := removed_numpy_name(outcome):
        plain = name if name in BUILT_IN else "the name that NumPy uses today"
        return f"Write {plain} in place of np.{name}."
    return HINTS.get(outcome.ended)


HINTS = {
    "raised": "Call the function with these sizes in the notebook and read the last lines of the traceback.",
    "refused": "Return a dictionary of NumPy arrays and nothing else.",
    "timed_out": "Look for a loop that never ends, or that does far more than one round a layer.",
    "out_of_memory": "Look at the sizes of the arrays that the function makes.",
    "crashed": "Take out calls that end Python, such as exit() or quit().",
}


def _missing_name_hint(name: str, evidence: FunctionEvidence) -> str:
    step = texts.remedy(name, evidence.function)
    return f"{step[0].upper()}{step[1:]}."


def _structure(outcome: Outcome, function: str) -> Finding | None:
    """Say what is wrong with the names, types, shapes or finiteness of one dictionary, or None."""
    required = required_shapes(outcome.call.layers)
    missing = [name for name in required if name not in outcome.arrays]
    if missing:
        return _names(outcome, function, f"{first_few(missing, MOST_NAMES)} missing", required)
    for name, sides in required.items():
        array = outcome.arrays[name]
        if array.shape != sides:
            return _shape(outcome, function, name, sides)
        if not array.is_float_array:
            return _type(outcome, function, name, array)
        if not np.all(np.isfinite(array.numpy())):
            want = "finite numbers"
            return failed(f"{name} holds NaN or infinity", evidence=shown(outcome, function, name, want, EXACT))
    extra = [name for name in outcome.arrays if name not in required]
    return _names(outcome, function, f"{first_few(extra, MOST_NAMES)} too many", required) if extra else None


def _names(outcome: Outcome, function: str, problem: str, required: Mapping[str, tuple[int, int]]) -> Finding:
    got, want = first_few(sorted(outcome.arrays), MOST_NAMES) or "no names", ", ".join(required)
    evidence = Shown(outcome.call.literal(function), got, want, EXACT)
    hint = _with_note(f"The names asked for are {want}.", outcome)
    return failed(f"{outcome.call.literal(function)}: {problem}", hint=hint, evidence=evidence)


def _with_note(hint: str, outcome: Outcome) -> str:
    """Add what was cut short of what came back."""
    return f"{hint} {outcome.message}" if outcome.message else hint


def _shape(outcome: Outcome, function: str, name: str, sides: tuple[int, int]) -> Finding:
    array = outcome.arrays[name]
    hint = "W has one row for each unit of its layer and one column for each unit of the layer before."
    if name.startswith("b"):
        hint = "b is a column: shape (units of its layer, 1)."
    hint = _with_note(hint, outcome)
    got = "a plain number" if array.shape == () else shape(array.shape)
    evidence = Shown(f'{outcome.call.literal(function)}["{name}"].shape', got, shape(sides), EXACT)
    return failed(f"{name} has the shape {got}, not {shape(sides)}", hint=hint, evidence=evidence)


def _type(outcome: Outcome, function: str, name: str, array: Array) -> Finding:
    what = f"an array of {array.dtype}" if array.type_name == "ndarray" else f"a {array.type_name}"
    evidence = Shown(f'type({outcome.call.literal(function)}["{name}"])', what, "a NumPy array of floats", EXACT)
    hint = "Make it with np.zeros or np.random.randn."
    return failed(f"{name} is {what}, not a NumPy array of floats", hint=hint, evidence=evidence)


def _wanted(wanted: Outcome) -> str:
    return f"a dictionary with {', '.join(required_shapes(wanted.call.layers))}"
