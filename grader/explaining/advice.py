"""What to do about a cause in this very case: what came back beside what is asked for, by its name.

The table of words says what holds for everybody with a cause.  Here is what differs from case to case; behind
a semicolon is what this function gives, which a class does not share.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from grader.explaining.one_by_one import action as own_action
from grader.explaining.one_by_one import is_seeded_before, parameters_of
from grader.explaining.one_by_one import sides as typed_sides
from grader.judging.diagnosis import Case, removed_numpy_name, shapes, undefined_name
from grader.judging.diagnosis import text as texts
from grader.judging.diagnosis.causes import BUILT_IN, NO_CAUSE, OF_SIZES, excluded
from grader.judging.diagnosis.recovered import letter_of, likely_names
from grader.messages import listed, say
from grader.records import Array, Fault, Outcome, Place

MOST_NAMES, MOST_LETTERS = 6, 20
MOST_OF_A_KIND = 40  # letters of what a value is
_SIDES = {"W": "(layers_dims[l], layers_dims[l-1])", "b": "(layers_dims[l], 1)"}
_ENTRY = re.compile(r"'(.{1,80})' is (.+): it cannot be read as numbers", re.DOTALL)
_RETURNED = re.compile(r"it returned (.+) instead of a dictionary", re.DOTALL)


@dataclass(frozen=True, slots=True)
class NextStep:
    """The one thing to do in a case, with a title of its own and the line, where there are better ones than the table's.

    `message_id` is the id of the action in the catalogue; it is empty if the action is part of another sentence.
    """

    action: str
    title: str = ""
    place: Place | None = None
    message_id: str = ""


def advise(cause: str, case: Case) -> NextStep | None:
    """Return what to do about a cause in this case; None where the table's words say all there is to say."""
    make = _BY_CAUSE.get(cause)
    return make(case) if make else None


def _outcomes(case: Case) -> list[Outcome]:
    """Return the calls that came back, those that a page may name first."""
    return sorted(case.evidence.returned, key=lambda outcome: not outcome.call.public)


def _names(names: list[str]) -> str:
    """Return names as a list; they may be a student's, so they are cut and cleaned."""
    cleaned = ["".join(letter if letter.isprintable() else "�" for letter in name) for name in names[:MOST_NAMES]]
    cut = [name if len(name) <= MOST_LETTERS else f"{name[:MOST_LETTERS]}…" for name in cleaned]
    return ", ".join(cut) + (", …" if len(names) > MOST_NAMES else "")


def _what(kind: str) -> str:
    """Return what a value is; the name of its type may be a student's."""
    return "".join(letter if letter.isprintable() else "�" for letter in kind[:MOST_OF_A_KIND])


# --- names -----------------------------------------------------------------------------------------------------------


def _keys(case: Case) -> NextStep | None:
    """Say which names came back and which are asked for, of the first call where they differ."""
    for outcome in _outcomes(case):
        asked, got = list(shapes(outcome.call.layers)), list(outcome.arrays)
        absent = [name for name in asked if name not in outcome.arrays]
        extra = [name for name in got if name not in asked]
        if not absent and not extra:
            continue
        if not got and not any(answered.arrays for answered in case.evidence.answered):
            return NextStep(say("steps.empty", asked=_names(asked)), say("steps.empty.title"), message_id="steps.empty")
        if absent and (_under_other_names(outcome) or any(name[:1].lower() in "wb" for name in extra)):
            return NextStep(
                say("steps.names", asked=_names(asked), got=_names(got)),
                say("steps.names.title"),
                message_id="steps.names",
            )
        return _layers(case, outcome, absent) if absent else _extra(extra)
    return None


def _under_other_names(outcome: Outcome) -> bool:
    """Return whether weights came back under a name that means those of another layer, or has another spelling."""
    names = likely_names(outcome).items()
    return any(asked[0] == "W" and name != asked and name in outcome.arrays for asked, name in names)


def _extra(extra: list[str]) -> NextStep:
    return NextStep(say("steps.extra", extra=_names(extra), count=len(extra)), message_id="steps.extra")


def _layers(case: Case, outcome: Outcome, absent: list[str]) -> NextStep:
    """Say which layers are missing for which sizes, and why if the text shows it."""
    asked, layers = list(shapes(outcome.call.layers)), str(list(outcome.call.layers))
    tree = texts.definition(case.evidence.function.code)
    if tree is not None and texts.returns_in_loop(tree) and set(asked) - set(absent) <= {"W1", "b1"}:
        return NextStep(
            say("steps.return_in_loop"), say("steps.return_in_loop.title"), message_id="steps.return_in_loop"
        )
    missing, count = _names(absent), len(absent)
    if all(name[0] == "b" for name in absent):
        return NextStep(say("steps.biases_missing", missing=missing, count=count), message_id="steps.biases_missing")
    if parameters_of(case):
        return NextStep(say("steps.one_by_one.layers", names=listed(asked)), message_id="steps.one_by_one.layers")
    first, last = (f"W{number}" in absent for number in (1, len(asked) // 2))
    which = "all" if first == last else "first" if first else "last"
    return NextStep(
        say(f"steps.layers_missing.{which}", layers=layers, missing=missing, count=count),
        message_id=f"steps.layers_missing.{which}",
    )


# --- shapes and types ------------------------------------------------------------------------------------------------


def _shape(kind: str) -> Callable[[Case], NextStep | None]:
    """Return what names the first array of a kind with another shape, and both shapes."""

    def advice(case: Case) -> NextStep | None:
        for outcome in _outcomes(case):
            names = likely_names(outcome)
            for asked, sides in shapes(outcome.call.layers).items():
                name = names[asked]
                array = outcome.arrays.get(name)
                if array is not None and asked[0] == kind and array.shape != sides:
                    return NextStep(_reshape(case, outcome, (asked, name), array, sides))
        return None

    return advice


def _reshape(case: Case, outcome: Outcome, names: tuple[str, str], array: Array, sides: tuple[int, int]) -> str:
    """Say which shape an array has to have; `names` are its own, and that under which it came back."""
    asked, name = names
    got = say("steps.plain_number") if array.shape == () else str(array.shape)
    layers, want = str(list(outcome.call.layers)), str(sides)
    kind = letter_of(name)
    if parameters := outcome.call.parameters:
        sizes = ", ".join(f"{size} = {value}" for size, value in zip(parameters, outcome.call.layers, strict=True))
        return say(
            "steps.one_by_one.shape", name=name, sides=typed_sides(parameters, asked), got=got, sizes=sizes, want=want
        )
    advice = say("steps.shape", kind=kind, sides=_SIDES[kind], name=name, got=got, layers=layers, want=want)
    tree = texts.definition(case.evidence.function.code)
    fixed = texts.fixed_index(tree, kind) if tree else None
    return say("steps.shape.index", shape=advice, index=fixed) if fixed else advice


def _type(case: Case) -> NextStep | None:
    """Name the first value that is not an array of floats, and what it is."""
    for outcome in _outcomes(case):
        for name in shapes(outcome.call.layers):
            array = outcome.arrays.get(name)
            if array is not None and not array.is_float_array and not (name[0] == "b" and array.shape == ()):
                of_numbers = array.type_name == "ndarray"
                kind = say("steps.array_of", kind=array.dtype) if of_numbers else f"a {_what(array.type_name)}"
                return NextStep(say("steps.type", name=name, kind=kind), message_id="steps.type")
    return None


def _not_finite(case: Case) -> NextStep | None:
    for outcome in _outcomes(case):
        for name, array in outcome.arrays.items():
            if not np.isfinite(array.numpy()).all():
                return NextStep(say("steps.not_finite", name=_names([name])), message_id="steps.not_finite")
    return None


# --- what keeps it from running --------------------------------------------------------------------------------------


def _refused(case: Case) -> NextStep | None:
    """Name the entry that is not an array, or what came back in place of a dictionary."""
    outcome = next((outcome for outcome in case.evidence.outcomes if outcome.ended == "refused"), None)
    if outcome is None:
        return None
    if entry := _ENTRY.match(outcome.message):
        return _entry(entry[1], entry[2], outcome)
    if returned := _RETURNED.match(outcome.message):
        tree, what = texts.definition(case.evidence.function.code), returned[1]
        if what == "None" and tree is not None and not texts.returns(tree):
            return NextStep(say("steps.no_return"), say("steps.no_return.title"), message_id="steps.no_return")
        return NextStep(say("steps.no_dictionary", kind=_what(what)), message_id="steps.no_dictionary")
    too_many = outcome.message.startswith("it returned ")
    return NextStep(say("steps.too_many"), message_id="steps.too_many") if too_many else None


def _entry(name: str, what: str, outcome: Outcome) -> NextStep:
    """Say what to do about an entry that is not an array of numbers; under another name it may mean a parameter."""
    letter = letter_of(name)
    absent = letter and any(asked[0] == letter and asked not in outcome.arrays for asked in shapes(outcome.call.layers))
    if not absent:
        return NextStep(
            say("steps.entry_extra", name=_names([name]), kind=_what(what)),
            say("steps.entry_extra.title"),
            message_id="steps.entry_extra",
        )
    one_by_one = letter == "b" and bool(outcome.call.parameters)
    action = (
        say("steps.one_by_one.entry", name=_names([name]), kind=_what(what))
        if one_by_one
        else say(f"steps.entry.{letter}", name=_names([name]), kind=_what(what))
    )
    return NextStep(
        action, say("steps.entry.title"), message_id="steps.one_by_one.entry" if one_by_one else f"steps.entry.{letter}"
    )


def _raised(case: Case) -> NextStep | None:
    """Say what the call wants that the exercise does not give, which name comes from outside, or what was raised where."""
    function = case.evidence.function
    failed = next((outcome for outcome in case.evidence.outcomes if outcome.ended not in NO_CAUSE), None)
    if failed is None or failed.fault is None:
        return None
    place, tree = failed.fault.place, texts.definition(function.code)
    parameters = failed.call.parameters
    if tree is not None and parameters and failed.fault.kind == "TypeError" and not texts.takes(tree, len(parameters)):
        action = say("steps.one_by_one.arguments", names=listed(parameters))
        return NextStep(action, say("steps.arguments.title"), place, message_id="steps.one_by_one.arguments")
    if (
        tree is not None
        and not parameters
        and failed.fault.kind == "TypeError"
        and len(needed := texts.required(tree)) != 1
    ):
        others = needed[:1] if needed[:1] == ["self"] else needed[1:]
        action = say("steps.arguments", others=_names(others)) if needed else say("steps.no_argument")
        return NextStep(
            action, say("steps.arguments.title"), place, message_id="steps.arguments" if needed else "steps.no_argument"
        )
    if (case.evidence.returned or failed.fault.kind == "IndexError") and (outside := _outside(case)):
        return outside
    if plain := _of_message(failed.fault, tree, is_list=not parameters):
        return NextStep(plain, place=place)
    action = (
        say("steps.one_by_one.raised", call=failed.call.literal(function.name), kind=_what(failed.fault.kind))
        if parameters
        else say("steps.raised", layers=str(list(failed.call.layers)), kind=_what(failed.fault.kind))
    )
    return NextStep(action, place=place, message_id="steps.one_by_one.raised" if parameters else "steps.raised")


def _of_message(fault: Fault, tree: ast.FunctionDef | None, *, is_list: bool) -> str | None:
    """Say what to do about an error that Python's own words and the text make plain, or return None."""
    if mistyped := texts.mistyped_numpy_name(fault.message):
        return say("steps.name.other", name=mistyped[0], other=mistyped[1])
    if fault.kind == "UnboundLocalError" and (unset := re.search(r"local variable '(\w{1,40})'", fault.message)):
        return say("steps.name.unset", name=unset[1])
    slip = texts.sizes_handed_over(tree) if tree is not None and fault.kind == "TypeError" else None
    if slip and not is_list:
        return say("steps.one_by_one.randn" if slip == "randn" else "steps.one_by_one.zeros")
    return say(f"steps.sizes.{slip}") if slip else None


def _global_name(case: Case) -> NextStep | None:
    """Say which name is likely meant, and where it should come from."""
    failed = next((outcome for outcome in case.evidence.outcomes if outcome.ended not in NO_CAUSE), None)
    name = undefined_name(failed) if failed else None
    if failed is None or failed.fault is None or name is None:
        return None
    function = case.evidence.function
    action, line = texts.remedy(name, function), texts.import_line(name, function.code)
    is_import = line is not None and action == say("steps.name.import", line=line)
    message_id = "steps.name.import" if is_import else ""
    return NextStep(action, say("steps.name.title"), failed.fault.place, message_id=message_id)


def _removed_name(case: Case) -> NextStep | None:
    """Name the built-in type that NumPy no longer has under its own name."""
    failed = next((outcome for outcome in case.evidence.outcomes if outcome.ended not in NO_CAUSE), None)
    name = removed_numpy_name(failed) if failed else None
    if failed is None or failed.fault is None or name not in BUILT_IN:
        return None
    return NextStep(
        say("steps.name.other", name=f"np.{name}", other=name), place=failed.fault.place, message_id="steps.name.other"
    )


def _outside(case: Case) -> NextStep | None:
    """Say that sizes come from outside the function, where other sizes than those asked for come back, or none."""
    name = texts.size_from_outside(case.evidence.function)
    if name is None or parameters_of(case):
        return None
    action = texts.own_size(name, case.evidence.function)
    return NextStep(
        say("steps.outside", action=action, name=_names([name])), say("steps.outside.title"), message_id="steps.outside"
    )


def _unfound(case: Case) -> NextStep | None:
    """Say what reading the notebook found: a method of a class, another name, a line that Python cannot read."""
    hint = case.evidence.function.hint
    place = case.evidence.function.unreadable
    return NextStep(f"{hint[0].lower()}{hint[1:].rstrip('.')}", place=place) if hint else None


# --- values ----------------------------------------------------------------------------------------------------------


def _scale(case: Case) -> NextStep | None:
    """Return bounds where the draws are unknown; else the table's words will do."""
    asked = case.reference.formula
    return _by_statistics(case, asked) if asked and case.student.drawn is None else None


def _rule(case: Case) -> NextStep | None:
    """Speak of a rule of the sizes only where the task asks for one: the table's words do."""
    asked = case.reference.formula
    if asked is None or case.student.drawn is None or "n_in" in asked:
        return _scale(case)
    return NextStep(
        say("steps.factor", asked=asked, yours=case.student.formula),
        say("steps.factor.title"),
        message_id="steps.factor",
    )


def _by_statistics(case: Case, asked: str) -> NextStep | None:
    estimate = next(iter(sorted(excluded(case), key=lambda estimate: not estimate.outcome.call.public)), None)
    if estimate is None:
        return None
    low, high, layer = estimate.interval.low, estimate.interval.high, f"W{estimate.layer}"
    measure = "width" if case.student.distribution == "uniform" else "spread"
    action = say(f"steps.{measure}", asked=asked, layer=layer, low=low, high=high)
    return NextStep(action, say("steps.factor.title"), message_id=f"steps.{measure}")


def _seed_outside(case: Case) -> NextStep | None:
    """Say `move` only where there is the right call to be moved."""
    required = case.reference.drawn.stream.seed if case.reference.drawn else None
    drawn = case.student.drawn
    if is_seeded_before(case):
        return NextStep(own_action("seed_outside", case) or say("steps.seed_outside", seed=required))
    if drawn and drawn.stream.continued:
        return NextStep(say("steps.generator_outside", seed=required), message_id="steps.generator_outside")
    moved = case.evidence.function.seed_outside == required
    return None if moved else NextStep(say("steps.seed_outside", seed=required), message_id="steps.seed_outside")


_NAMES = ("layer_missing", "bias_missing", "extra_keys")


def _weight_shape(case: Case) -> NextStep | None:
    """Return the advice about names where weights have those of another layer: each then has the shape of that."""
    other_names = any(_under_other_names(outcome) for outcome in _outcomes(case))
    return _keys(case) if other_names else _shape("W")(case)


def _structure(make: Callable[[Case], NextStep | None]) -> Callable[[Case], NextStep | None]:
    """Return the same, but for sizes that come from outside the function: those explain what is wrong."""
    return lambda case: _outside(case) or make(case)


_BY_CAUSE: Mapping[str, Callable[[Case], NextStep | None]] = {
    **dict.fromkeys(("missing", "syntax_error"), _unfound),
    "refused": _refused,
    "raised": _raised,
    "global_name": _global_name,
    "removed_numpy_name": _removed_name,
    "hard_coded_dims": _outside,
    **dict.fromkeys(_NAMES, _structure(_keys)),
    "transposed": _structure(_shape("W")),
    "weight_shape": _structure(_weight_shape),
    "bias_shape": _structure(_shape("b")),
    "wrong_type": _type,
    "not_finite": _not_finite,
    **dict.fromkeys(OF_SIZES, _rule),
    **dict.fromkeys(("scale_constant", "scale_other"), _scale),
    "seed_outside": _seed_outside,
}
