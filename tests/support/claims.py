"""Reads what a result claims, and checks it against the function and its faults: next step, values, evidence, comparisons.

A claim is the id of a message with the values that fill it, so a sentence may be reworded.  A claim is right, wrong, or one
that nobody here can read (None).
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from students import FACTORS, Fault, Student, answers, right_answer, source

from grader import messages
from grader.records import Call, Cause, FunctionEvidence, FunctionResult, Shown, Summary

Verdict = bool | None
MOST_NAMES = 6
NUMBER = r"(-?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?)"


@dataclass(frozen=True)
class Claim:
    """A sentence with the id and the values that it was made from."""

    id: str
    values: Mapping[str, Any]
    text: str


@contextmanager
def overheard() -> Iterator[list[Claim]]:
    """Collect every sentence of the catalogue that is said meanwhile, whatever its words are."""
    claims: list[Claim] = []
    plain = messages.Catalogue.text

    class Text(str):
        __slots__ = ("id",)

        def format_map(self, values: Mapping[str, Any], /) -> str:
            text = str(self).format_map(values)
            claims.append(Claim(self.id, dict(values), text))
            return text

    def text(self: messages.Catalogue, message_id: str, count: object = None) -> str:
        sentence = Text(plain(self, message_id, count))
        sentence.id = message_id
        return sentence

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(messages.Catalogue, "text", text)
        yield claims


@dataclass(frozen=True)
class Graded:
    """A function with its verdict, and what each of its calls gave, called without the grader."""

    student: Student
    evidence: FunctionEvidence
    result: FunctionResult
    summary: Summary
    claims: tuple[Claim, ...]
    calls: tuple[Call, ...]

    @property
    def given(self) -> list[tuple[tuple[int, ...], Any]]:
        """Layer sizes with what came back for them."""
        layers = [(call.layers, call.ambient_seed) for call in self.calls]
        return [(sizes, value) for (sizes, _), value in zip(layers, answers(self.student, layers), strict=True)]

    def step(self, cause: Cause) -> tuple[str, Mapping[str, Any]]:
        """Return the id of what is to be done about a cause, and its values; of words for everybody, the code of the cause."""
        by_text = {claim.text: claim for claim in self.claims}
        claim = by_text.get(cause.action)
        if claim is None or claim.id.startswith("causes."):
            return f"code.{cause.code}", claim.values if claim else {}
        return claim.id, claim.values

    def texts(self) -> Iterator[str]:
        """Yield every text of the result that a person reads."""
        result = self.result
        for check in result.checks:
            yield from filter(None, (check.message, check.hint))
        for cause in result.told:
            yield from (cause.title, cause.action, cause.reason)
        yield from result.explanation
        yield result.reasons
        for block in result.blocks:
            yield from block.answer
        yield from (self.summary.headline, self.summary.next_step, self.summary.text)
        for question in (*result.questions, *([result.predict] if result.predict else [])):
            yield from (question.title, *question.answer)


# --- what is wrong with a function, computed from its text -----------------------------------------------------------

RULES = {
    "10": "10", "0.01": "0.01", "np.sqrt(2 / {M})": "sqrt(2/n_in)", "np.sqrt(1 / {M})": "sqrt(1/n_in)",
    "np.sqrt(2 / {N})": "sqrt(2/n_out)", "2 / {M}": "2/n_in", "np.sqrt(3 / {M})": "sqrt(3/n_in)",
}  # fmt: skip


def rule(student: Student) -> str | None:
    """Return the rule for the scale that a function follows, as a diagnosis writes it."""
    if student.task == "zeros":
        return "1" if any(fault.name == "randn" and fault.kind == "draw" for fault in student.faults) else None
    return RULES[next((fault.name for fault in student.faults if fault.kind == "scale"), FACTORS[student.task])]


def factor(text: str, n_in: int, n_out: int) -> float:
    """Return what a rule comes to for a layer."""
    space = {"sqrt": np.sqrt, "n_in": n_in, "n_out": n_out}
    return float(eval(text, {"__builtins__": {}}, space))


def _cut(names: Sequence[str]) -> str:
    return ", ".join(names[:MOST_NAMES]) + (", …" if len(names) > MOST_NAMES else "")


def _text(value: Any) -> str:
    return _cut(list(map(str, value))) if isinstance(value, list | tuple) else str(value)


# --- the next step: what it does to the function, and whether its values are so ---------------------------------------

Follow = Callable[[Graded, Cause, Mapping[str, Any]], Student]


def _drop(*faults: str) -> Follow:
    """Return what undoes the faults of these kinds, or of a kind and a name ("layers/last missing")."""

    def follow(graded: Graded, cause: Cause, values: Mapping[str, Any]) -> Student:
        student = graded.student
        stays = (fault for fault in student.faults if not {fault.kind, f"{fault.kind}/{fault.name}"} & set(faults))
        return Student(student.task, student.style, tuple(stays))

    return follow


def _replace(student: Student, fault: Fault, right: str) -> Student:
    """Return a function with what an advice names in place of what was there; nothing is left of it where it is right."""
    stays = tuple(other for other in student.faults if other.kind != fault.kind)
    return Student(student.task, student.style, stays if fault.name == right else (*stays, fault))


def _multiply(graded: Graded, cause: Cause, values: Mapping[str, Any]) -> Student:
    """Multiply by what is said."""
    asked = str(values.get("asked") or (cause.asked or "").removeprefix("the factor "))
    text = next((text for text, name in RULES.items() if name == asked), asked)
    return _replace(graded.student, Fault("scale", text, ()), FACTORS[graded.student.task])


def _seed(graded: Graded, cause: Cause, values: Mapping[str, Any]) -> Student:
    """Set the seed that is said, once, before the loop."""
    seed = str(values.get("seed") or "".join(re.findall(r"seed\((\d+)\)", cause.asked or "")))
    return _replace(graded.student, Fault("seed", seed, ()), "3")


def _take_out(graded: Graded, cause: Cause, values: Mapping[str, Any]) -> Student:
    """Take an entry out of the dictionary: it is one that the function need not return."""
    return _drop("extra")(graded, cause, values) if values["name"] == "cache" else graded.student


FOLLOW: Mapping[str, Follow] = {
    "steps.names": _drop("names"),
    "steps.extra": _drop("extra"),
    "steps.entry_extra": _take_out,
    "steps.entry.b": _drop("bias"),
    "steps.entry.W": _drop("draw"),
    "steps.layers_missing.first": _drop("layers/first missing"),
    "steps.layers_missing.last": _drop("layers/last missing"),
    "steps.layers_missing.all": _drop("layers"),
    "steps.return_in_loop": _drop("layers/return in the loop"),
    "steps.biases_missing": _drop("bias/missing"),
    "steps.no_return": _drop("layers/nothing returned"),
    "steps.raised": _drop("layers/up to four layers"),
    "steps.type": _drop("draw/lists"),
    "steps.factor": _multiply,
    "steps.spread": _multiply,
    "steps.width": _multiply,
    "steps.seed_outside": _seed,
    "code.transposed": _drop("draw/transposed"),
    "code.weight_shape": _drop("draw/transposed"),
    "code.bias_shape": _drop("bias/flat", "bias/plain 0"),
    "code.bias_nonzero": _drop("bias/ones"),
    "code.bias_random": _drop("bias/randn"),
    "code.bias_missing": _drop("bias/missing", "bias/None"),
    "code.weights_constant": _drop("draw/ones"),
    "code.weights_not_zero": _drop("draw/ones", "draw/randn"),
    "code.uniform_not_normal": _drop("draw/rand"),
    "code.seed_per_layer": _drop("seed/in the loop"),
    **dict.fromkeys(("code.seed_missing", "code.seed_other"), _seed),
    **{
        f"code.scale_{name}": _multiply for name in ("constant", "fan_out", "xavier", "sqrt_missing", "other")
    },
}  # fmt: skip


def followed(graded: Graded, cause: Cause) -> Student | None:
    """Return the function of a student who does what a cause's words say; None if nobody here can read them."""
    message_id, values = graded.step(cause)
    if message_id == "steps.shape":
        kind = str(values["kind"])
        follow = _drop("draw/transposed") if kind == "W" else _drop("bias/flat", "bias/plain 0")
    else:
        step = FOLLOW.get(message_id) or FOLLOW.get(f"code.{cause.code}")
        if step is None:
            return None
        follow = step
    return follow(graded, cause, values)


Check = Callable[[Graded, Mapping[str, Any]], bool]


def _dictionaries(graded: Graded) -> list[tuple[tuple[int, ...], dict[str, Any]]]:
    return [(layers, value) for layers, value in graded.given if isinstance(value, dict)]


def _asked_names(graded: Graded, layers: Sequence[int]) -> list[str]:
    return list(right_answer(graded.student.task, layers))


def _kind(value: Any) -> str:
    return "None" if value is None else f"a {type(value).__name__}"


def _are_names(graded: Graded, values: Mapping[str, Any]) -> bool:
    return any(
        _cut(_asked_names(graded, layers)) == _text(values["asked"]) and _cut(list(value)) == _text(values["got"])
        for layers, value in _dictionaries(graded)
    )


def _are_missing(graded: Graded, values: Mapping[str, Any]) -> bool:
    return any(
        _cut([name for name in _asked_names(graded, layers) if name not in value]) == _text(values["missing"])
        for layers, value in _dictionaries(graded)
    )


def _are_extra(graded: Graded, values: Mapping[str, Any]) -> bool:
    return any(
        _cut([name for name in value if name not in _asked_names(graded, layers)]) == _text(values["extra"])
        for layers, value in _dictionaries(graded)
    )


def _is_entry(graded: Graded, values: Mapping[str, Any]) -> bool:
    name, kind = str(values["name"]), str(values["kind"])
    return any(name in value and _kind(value[name]) == kind for _, value in _dictionaries(graded))


def _is_shape(graded: Graded, values: Mapping[str, Any]) -> bool:
    layers, name = tuple(json.loads(str(values["layers"]))), str(values["name"])
    got = next(value[name] for sizes, value in _dictionaries(graded) if sizes == layers)
    words = str(np.shape(got)) if np.shape(got) else "a plain number"
    want = right_answer(graded.student.task, layers)[_meant(graded.student, name)].shape
    return str(values["got"]) == words != str(values["want"]) == str(want)


def _is_raised(graded: Graded, values: Mapping[str, Any]) -> bool:
    layers, kind = tuple(json.loads(str(values["layers"]))), str(values["kind"])
    return any(sizes == layers and type(value).__name__ == kind for sizes, value in graded.given)


def _is_of_seed(graded: Graded, values: Mapping[str, Any]) -> bool:
    return str(values["seed"]) == "3"


def _are_factors(graded: Graded, values: Mapping[str, Any]) -> bool:
    return str(values["asked"]) == RULES[FACTORS[graded.student.task]] and values["yours"] in (
        None,
        rule(graded.student),
    )


def _are_bounds(graded: Graded, values: Mapping[str, Any]) -> bool:
    return bool(values["low"] <= values["high"]) and str(values["asked"]) == RULES[FACTORS[graded.student.task]]


VALUES: Mapping[str, Check] = {
    "steps.names": _are_names,
    "steps.extra": _are_extra,
    "steps.biases_missing": _are_missing,
    "steps.layers_missing.first": _are_missing,
    "steps.layers_missing.last": _are_missing,
    "steps.layers_missing.all": _are_missing,
    "steps.entry.b": _is_entry,
    "steps.entry.W": _is_entry,
    "steps.entry_extra": _is_entry,
    "steps.type": _is_entry,
    "steps.shape": _is_shape,
    "steps.raised": _is_raised,
    "steps.seed_outside": _is_of_seed,
    "steps.factor": _are_factors,
    "steps.spread": _are_bounds,
    "steps.width": _are_bounds,
    **{f"code.scale_{name}": _are_factors for name in ("constant", "fan_out", "xavier", "sqrt_missing", "other")},
    **{f"code.seed_{name}": _is_of_seed for name in ("missing", "other", "outside")},
}
WITHOUT_VALUES = {"steps.return_in_loop", "steps.no_return"}


def are_values_so(graded: Graded, cause: Cause) -> Verdict:
    """Return whether what an advice says of this function is so."""
    message_id, values = graded.step(cause)
    if message_id in VALUES:
        return VALUES[message_id](graded, values)
    if message_id in WITHOUT_VALUES:
        return True
    if not message_id.startswith("code.") and cause.code not in {name[5:] for name in FOLLOW if name[:5] == "code."}:
        return None
    formulas = (cause.asked or "").startswith("the factor ")
    return not formulas or cause.asked == f"the factor {RULES[FACTORS[graded.student.task]]}"


def is_place_so(graded: Graded, cause: Cause) -> Verdict:
    """Return whether a line exists and is one that the faults of this cause have changed."""
    if cause.place is None:
        return None
    text = source(graded.student).splitlines()
    if cause.place.cell != 2 or not 1 <= cause.place.line <= len(text):
        return False
    return cause.place.line in _changed(text, source(followed(graded, cause) or graded.student).splitlines())


def _changed(text: Sequence[str], right: Sequence[str]) -> set[int]:
    """Return the lines that differ; where lines are put in, the one before which and the one after which they are."""
    changed = set[int]()
    for kind, low, high, _, _ in difflib.SequenceMatcher(None, text, right, autojunk=False).get_opcodes():
        if kind != "equal":
            changed |= set(range(low + 1, high + 1)) or {low, low + 1}
    return changed


# --- evidence --------------------------------------------------------------------------------------------------------


def is_evidence_so(graded: Graded, shown: Shown) -> Verdict:  # noqa: PLR0911  # one line for each form of a call
    """Evaluate the call that is shown, and compare what it gives with what is said to come back and to be asked for."""
    match = re.match(
        r"(type\()?\w+\((\[[\d, ]+\])\)(?:\[\"(\w+)\"\])?\)?(\.shape|\[[\d, ]+\])?(, called twice)?$", shown.call
    )
    if not match:
        return _is_run(graded, shown) if shown.call.startswith("model(") else None
    kind, layers, name, part, twice = match.groups()
    sizes = tuple(json.loads(layers))
    got, right = [value for given, value in graded.given if given == sizes], right_answer(graded.student.task, sizes)
    if not got:
        return False
    if name is None:
        return _is_dictionary(shown, got[0], right)
    want, values = (
        right.get(_meant(graded.student, name)),
        [value.get(name) if isinstance(value, dict) else None for value in got],
    )
    if want is None or values[0] is None:
        return False
    if twice:
        firsts = {f"{np.asarray(value).flat[0]:.8g}" for value in values}
        said = shown.got.split(" and then ")
        return said[0] != said[1] and set(said) <= firsts and f"{want.flat[0]:.8g}" in shown.want
    if kind:
        return shown.got == (
            f"an array of {values[0].dtype}" if isinstance(values[0], np.ndarray) else _kind(values[0])
        )
    if part == ".shape":
        words = str(np.shape(values[0])) if np.shape(values[0]) else "a plain number"
        return shown.got == words and shown.want == str(want.shape)
    if part:
        at = tuple(json.loads(part))
        return _numbers(shown.got, [np.asarray(values[0])[at]]) and _numbers(shown.want, [want[at]])
    return _is_array(graded, shown, sizes, name, np.asarray(values[0], dtype=float), want)


def _is_run(graded: Graded, shown: Shown) -> bool:
    runs = ((shown.got, graded.evidence.training), (shown.want, graded.result.reference_training))
    return all(run is not None and _numbers(text, [run.train_accuracy, run.test_accuracy]) for text, run in runs)


def _meant(student: Student, name: str) -> str:
    """Return the name that is asked for, of an entry under a name of the student's."""
    names = {fault.name for fault in student.faults if fault.kind == "names"}
    letter, number = name[0], int(re.sub(r"\D", "", name) or 0)
    return f"{'W' if letter in 'wW' else 'b'}{number + ('from 0' in names)}"


def _is_dictionary(shown: Shown, got: Any, right: Mapping[str, Any]) -> Verdict:
    if not shown.want.endswith(", ".join(right)):
        return False
    if isinstance(got, Exception):
        return shown.got.startswith(type(got).__name__)
    if isinstance(got, dict):
        return shown.got == ", ".join(sorted(got)) or any(
            f"{name!r} is {_kind(value)}" in shown.got for name, value in got.items()
        )
    return _kind(got) in shown.got


def _is_array(graded: Graded, shown: Shown, sizes: Sequence[int], name: str, got: Any, want: Any) -> Verdict:
    if shown.got.startswith("from "):
        measures = ((a.min(), a.max(), a.mean()) for a in (got, want))
        return all(_numbers(text, each) for text, each in zip((shown.got, shown.want), measures, strict=True))
    if "random numbers times" in shown.got:
        layer, own = int(_meant(graded.student, name)[1:]), rule(graded.student)
        rules = (own, RULES[FACTORS[graded.student.task]])
        return own is not None and all(
            _numbers(text, [factor(formula or "", sizes[layer - 1], sizes[layer])])
            for text, formula in zip((shown.got, shown.want), rules, strict=True)
        )
    flat = [
        _numbers(text.partition(" of shape")[0], array.ravel())
        for text, array in ((shown.got, got), (shown.want, want))
    ]
    return flat[0] and (flat[1] or (shown.want == "zeros" and not want.any()))


def _numbers(text: str, values: Any) -> bool:
    numbers = [float(number.replace(",", "")) for number in re.findall(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?", text)]
    return bool(numbers) and np.allclose(numbers, list(values)[: len(numbers)], rtol=1e-3, atol=1e-12)


# --- comparisons -----------------------------------------------------------------------------------------------------

COMPARISONS: Mapping[str, Callable[..., bool]] = {
    rf"between {NUMBER} and {NUMBER}": lambda low, high: low <= high,
    rf"runs from {NUMBER} to {NUMBER}": lambda low, high: low <= high,
    rf"falls from {NUMBER} to {NUMBER}": lambda high, low: low < high,
    rf"goes down, but only by {NUMBER}": lambda by: by > 0,
    rf"{NUMBER} times (?:larger|smaller|as many|as large|as long)": lambda times: times > 1,
    rf"{NUMBER} of (?:the |these )?(?:first )?{NUMBER} ": lambda part, whole: part <= whole,
    rf"[Oo]f the first {NUMBER} steps,? {NUMBER} overshoot": lambda whole, part: part <= whole,
    rf"ends at accuracy {NUMBER} instead of {NUMBER}": lambda worse, better: worse < better,
    rf"{NUMBER} is larger than {NUMBER}": lambda larger, smaller: larger > smaller,
    rf"{NUMBER} is smaller than {NUMBER}": lambda smaller, larger: smaller < larger,
}


def comparisons(text: str) -> Iterator[tuple[str, bool]]:
    """Yield each comparison of numbers in a text, and whether it holds."""
    for pattern, holds in COMPARISONS.items():
        for match in re.finditer(pattern, text):
            yield match[0], holds(*(float(number.replace(",", "")) for number in match.groups()))
