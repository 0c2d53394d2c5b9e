"""Wrong and right variants of the three functions, as students write them, each with the diagnosis that it calls for.

A variant is one way of writing (loops, names, calls) with one or two slips; what the slips are decides what the diagnosis
has to say, by contracts.md C8 to C11.  `make policy` writes how often it does into docs/diagnosis.md.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from notebooks import HE, RANDOM, ZEROS

from grader.exercise import load as exercises
from grader.judging.checks import CHECKS
from grader.judging.diagnosis import Case, Recovered, diagnose, recover, status
from grader.judging.grading import grade
from grader.records import Array, Call, Diagnosis, Fault, Function, FunctionEvidence, Outcome, Place, Unit

PAGE = Path(__file__).parents[2] / "docs" / "diagnosis.md"
TABLES = re.compile(
    r"^\| expected first cause .*^\| \*\*all of it\*\* [^\n]*", re.MULTILINE | re.DOTALL
)  # those of the page
EXERCISE = exercises.load(checks=CHECKS)
TASKS = {task.short: task for task in EXERCISE.tasks}
RIGHT_RULE = {"random": "10", "he": "sqrt(2/n_in)"}
SOLUTIONS = {"zeros": ZEROS, "random": RANDOM, "he": HE}


# --- what is expected ----------------------------------------------------------------------------------------------


class OneOf(frozenset[object]):
    """Answers that the contracts leave open: each of them is right."""


class _Any:
    def __repr__(self) -> str:
        return "ANY"


ANY = _Any()


@dataclass(frozen=True)
class Expected:
    """What the diagnosis has to say: values, `OneOf` several, or ANY where the contracts leave it open."""

    seed: Any = 3
    seed_status: Any = "as_required"
    distribution: Any = "normal"
    scale_formula: Any = None
    first: Any = None
    causes: Any = ANY


@dataclass(frozen=True)
class Mutant:
    """One variant: its source, and what must be said of it."""

    name: str
    short: str
    source: str
    expected: Expected
    seeded_outside: bool = False

    @property
    def passes(self) -> bool:
        """Whether this is a right way of writing it."""
        return self.expected.causes == ()


# --- how a function is written -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Spec:
    """A function of the exercise in pieces; the defaults are right.

    Templates may name {N} and {M} (sizes of this layer and of the one before), {l}, {L} (number of weight matrices),
    {d} (the argument), {r} (what draws) and {S} (the factor).
    """

    short: str
    rule: str
    draws: tuple[str, ...] = ()
    wraps: tuple[str, ...] = ("{W}",)
    biases: tuple[str, ...] = ()
    bias_first: bool = False
    before: str = ""
    each: str = ""
    after: str = ""
    seed: str = "np.random.seed(3)"
    seed_each: str = ""
    r: str = "np.random"
    prelude: str = ""
    again: bool = False
    last_first: bool = False
    short_of: bool = False
    late: bool = False


@dataclass(frozen=True)
class Names:
    """What the sizes of a layer and its number are called in a loop."""

    M: str
    N: str
    l: str
    L: str
    d: str


NORMAL = (
    "{r}.randn({N}, {M})", "{r}.randn({N}, {M})", "{r}.randn({N}, {M})", "{r}.standard_normal(({N}, {M}))",
    "{r}.standard_normal(size=({N}, {M}))", "{r}.normal(size=({N}, {M}))", "{r}.normal(0, 1, ({N}, {M}))",
    "{r}.randn({N} * {M}).reshape({N}, {M})", "{r}.randn(*({N}, {M}))", "{r}.normal(0, {S}, ({N}, {M}))",
    "{r}.normal(loc=0.0, scale={S}, size=({N}, {M}))", "np.reshape({r}.standard_normal({N} * {M}), ({N}, {M}))",
    "np.array([{r}.randn({M}) for _ in range({N})])",
)  # fmt: skip
GENERATED = (
    "{r}.standard_normal(({N}, {M}))", "{r}.standard_normal(size=({N}, {M}))", "{r}.normal(size=({N}, {M}))",
    "{r}.normal(0, {S}, size=({N}, {M}))", "{r}.normal(0.0, 1.0, ({N}, {M}))",
)  # fmt: skip
UNIFORM = (
    "{r}.rand({N}, {M})", "{r}.rand({N}, {M})", "{r}.random_sample(({N}, {M}))", "{r}.uniform(size=({N}, {M}))",
    "{r}.uniform(0, 1, ({N}, {M}))", "{r}.uniform(0, {S}, ({N}, {M}))", "{r}.rand({N} * {M}).reshape(({N}, {M}))",
)  # fmt: skip
ZERO_BIASES = (
    "np.zeros(({N}, 1))", "np.zeros(({N}, 1))", "np.zeros([{N}, 1])", "np.zeros(shape=({N}, 1))", "np.zeros({N}).reshape(-1, 1)",
    "np.zeros(({N}, 1), dtype=np.float32)", "np.zeros({N})[:, np.newaxis]", "np.full(({N}, 1), 0.0)", "0 * np.ones(({N}, 1))",
    "np.array([[0.0]] * {N})", "np.zeros(({N}, 1), float)",
)  # fmt: skip
ZERO_WEIGHTS = (
    "np.zeros(({N}, {M}))", "np.zeros([{N}, {M}])", "np.zeros(shape=({N}, {M}))", "np.zeros({N} * {M}).reshape({N}, {M})",
    "np.full(({N}, {M}), 0.0)", "np.zeros(({N}, {M}), dtype=np.float32)", "np.ones(({N}, {M})) * 0.",
)  # fmt: skip
KEYS = (
    "'{k}' + str({l})",
    "'{k}' + str({l})",
    'f"{k}{{{l}}}"',
    "'{k}%d' % {l}",
    "'{k}{{}}'.format({l})",
    "'{k}' + repr({l})",
)
TIMES = (
    "{D} * {S}",
    "{D} * {S}",
    "{S} * {D}",
    "np.multiply({D}, {S})",
    "np.multiply({S}, {D})",
    "np.dot({D}, {S})",
    "{D}*({S})",
)
LOOPS = ("len", "len", "depth", "depth", "zero", "while", "zip", "prev", "index")
STORES = ("assign", "assign", "locals", "update", "lists", "helper", "inner")
SEEDS = (
    "np.random.seed(3)", "np.random.seed(3)", "np.random.seed(3)", "np.random.seed(seed=3)", "seed = 3\nnp.random.seed(seed)",
    "np.random.seed(3)  # as asked", "np.random.seed(1 + 2)", "np.random.seed(int('3'))",
)  # fmt: skip


def _root(over: str, under: str) -> tuple[str, ...]:
    """Ways to write the root of a fraction."""
    point = f"{over}." if over.isdigit() else over
    return (
        f"np.sqrt({over} / {under})", f"np.sqrt({point} / {under})", f"np.sqrt({over}/{under})", f"({over} / {under}) ** 0.5",
        f"math.sqrt({over} / {under})", f"np.sqrt(np.divide({over}, {under}))", f"np.power({over} / {under}, 0.5)",
        f"np.sqrt({over}) / np.sqrt({under})", f"({point}/{under})**(1/2)", f"pow({over} / {under}, 0.5)",
        f"np.sqrt({over} * (1 / {under}))",
    )  # fmt: skip


def _number(text: str) -> tuple[str, ...]:
    more = (f"{text}.", f"{text}.0", f"float({text})") if text.isdigit() else (f"float({text})", f"({text})")
    return (text, text, *more)


def _factors(rule: str) -> tuple[str, ...]:
    """Ways to write a rule of the grammar of C9, as templates."""
    if rule in WRITTEN:
        return WRITTEN[rule]
    head, star, tail = rule.partition("*")
    if star:
        return tuple(form for way in _factors(tail) for form in (f"{head} * {way}", f"{way} * {head}"))
    sized = rule
    for size, name in (("n_in", "{M}"), ("n_out", "{N}"), ("(l)", "({l})"), ("/l)", "/{l})"), ("/L)", "/{L})")):
        sized = sized.replace(size, name)
    if sized.startswith("sqrt(") and sized.endswith(")"):
        over, under = sized[5:-1].split("/")
        return _root(over, under)
    if "/" in sized:
        over, under = sized.split("/")
        return f"{over} / {under}", f"({over}. / {under})", f"np.divide({over}, {under})"
    return _number(rule)


# rules whose way of writing does not follow from their canonical form; names that begin with "?" have no form
WRITTEN: Mapping[str, tuple[str, ...]] = {
    "1": ("1", "1.0"),
    "-10": ("-10", "-10."),
    "0.01": ("0.01", "0.01", ".01", "1e-2", "(1 / 100)"),
    "0.1": ("0.1", "0.1", ".1", "1e-1", "(1 / 10)"),
    "sqrt(2)/n_in": ("np.sqrt(2) / {M}", "2 ** 0.5 / {M}", "math.sqrt(2.) / {M}", "np.sqrt(2)/({M})"),
    "sqrt(4/n_in)": ("2 / np.sqrt({M})", "np.sqrt(4 / {M})", "2. / {M} ** 0.5"),
    "sqrt(1/n_in)": (
        "np.sqrt(1 / {M})",
        "1 / np.sqrt({M})",
        "{M} ** -0.5",
        "np.sqrt(1. / {M})",
        "np.sqrt(2 / (2 * {M}))",
    ),
    "sqrt(2/(n_in+n_out))": ("np.sqrt(2 / ({M} + {N}))", "np.sqrt(2. / ({N} + {M}))", "(2 / ({M} + {N})) ** .5"),
    "sqrt(6/(n_in+n_out))": (
        "np.sqrt(6 / ({M} + {N}))",
        "np.sqrt(6) / np.sqrt({N} + {M})",
        "math.sqrt(6. / ({M}+{N}))",
    ),
    "sqrt(1/(n_in+n_out))": ("np.sqrt(1 / ({M} + {N}))", "1 / np.sqrt({N} + {M})"),
    "sqrt((n_in+n_out)/2)": ("np.sqrt(({M} + {N}) / 2)", "np.sqrt(({N} + {M}) * 0.5)"),
    "sqrt(n_in/2)": ("np.sqrt({M} / 2)", "np.sqrt({M} / 2.)", "({M} / 2) ** 0.5", "np.sqrt(0.5 * {M})"),
    "sqrt(8/n_in)": ("2 * np.sqrt(2 / {M})", "np.sqrt(2 / {M}) * 2"),
    "0.5*sqrt(2/n_in)": (
        "0.5 * np.sqrt(2 / {M})",
        "np.sqrt(2 / {M}) / 2",
        "np.sqrt(1 / (2 * {M}))",
        "np.sqrt(0.5 / {M})",
    ),
    "0.1*sqrt(2/n_in)": ("0.1 * np.sqrt(2 / {M})", "np.sqrt(2. / {M}) / 10", "np.sqrt(0.02 / {M})"),
    "10*sqrt(2/n_in)": (
        "10 * np.sqrt(2 / {M})",
        "np.sqrt(2 / {M}) * 10.",
        "np.sqrt(200 / {M})",
        "math.sqrt(2/{M}) * 10",
    ),
    "2*sqrt(n_in/2)": ("np.sqrt(2 * {M})", "({M} * 2) ** 0.5"),
    "20/n_in": ("10 * 2 / {M}", "20 / {M}"),
    "?dims0": ("np.sqrt(2 / {d}[0])", "np.sqrt(2. / {d}[0])"),
    "?dims1": ("np.sqrt(2 / {d}[1])", "(2 / {d}[1]) ** 0.5"),
    "?dims-1": ("np.sqrt(2 / {d}[-1])", "math.sqrt(2 / {d}[-1])"),
    "?len": ("np.sqrt(2 / len({d}))", "np.sqrt(2. / ({L} + 1))"),
    "?product": ("np.sqrt(2 / ({M} * {N}))", "np.sqrt(2. / {M} / {N})"),
    "?no root of the sum": ("2 / ({M} + {N})", "2. / ({N} + {M})"),
    "?square": ("(2 / {M}) ** 2", "np.power(2 / {M}, 2)"),
    "?one more": ("np.sqrt(2 / ({M} + 1))", "math.sqrt(2 / (1 + {M}))"),
    "?by layer": ("10 * {l}", "np.multiply(10, {l})"),
    "?halved": ("10 / 2 ** {l}", "10 * 0.5 ** {l}"),
    "?not in the last": ("(10 if {l} < {L} else 1)", "(1 if {l} == {L} else 10)"),
    "?he not in the last": ("(np.sqrt(2 / {M}) if {l} < {L} else 1)", "(0.01 if {l} == {L} else np.sqrt(2 / {M}))"),
    "?first only": ("(np.sqrt(2 / {M}) if {l} == 1 else 1.)", "(10 if {l} == 1 else 0.01)"),
    "?mean of sizes": ("np.sqrt(2 / (sum({d}) / len({d})))", "np.sqrt(2 / np.mean({d}))"),
    "?cube root": ("(2 / {M}) ** (1 / 3)", "np.cbrt(2 / {M})"),
}

_CAUSES = {
    "sqrt(1/n_in)": "scale_xavier", "sqrt(2/(n_in+n_out))": "scale_xavier", "sqrt(6/(n_in+n_out))": "scale_xavier",
    "sqrt(2/n_out)": "scale_fan_out", "sqrt(1/n_out)": "scale_fan_out", "sqrt(3/n_out)": "scale_fan_out",
    "sqrt(6/n_out)": "scale_fan_out", "1/n_in": "scale_sqrt_missing", "2/n_in": "scale_sqrt_missing",
    "3/n_in": "scale_sqrt_missing", "20/n_in": "scale_sqrt_missing", "10/n_in": "scale_sqrt_missing",
}  # fmt: skip
NUMBERS = ("0.01", "0.1", "1", "10", "100", "0.5", "2", "3", "5", "20", "50", "0.05", "0.001", "1000", "-10")
RULES = (
    *NUMBERS, "sqrt(2/n_in)", *_CAUSES, "sqrt(3/n_in)", "sqrt(4/n_in)", "sqrt(6/n_in)", "sqrt(8/n_in)", "sqrt(2)/n_in",
    "sqrt(n_in/2)", "sqrt(2/L)", "sqrt(1/L)", "sqrt(2/l)", "sqrt(1/l)", "sqrt(1/(n_in+n_out))", "sqrt((n_in+n_out)/2)",
    "10*sqrt(2/n_in)", "0.01*sqrt(2/n_in)", "0.1*sqrt(2/n_in)", "0.5*sqrt(2/n_in)", "10*sqrt(1/n_in)", "0.01*sqrt(1/n_in)",
    "10*sqrt(3/n_in)", "10*sqrt(2/(n_in+n_out))", "2*sqrt(n_in/2)", *(rule for rule in WRITTEN if rule[0] == "?"),
)  # fmt: skip


def scale_cause(rule: str) -> str:
    """The cause of C10 for a rule."""
    return "scale_constant" if rule in NUMBERS else _CAUSES.get(rule, "scale_other")


def formula(rule: str) -> str | None:
    """The canonical form of a rule; those beyond the grammar have none."""
    return None if rule[0] == "?" else rule


# --- from pieces to source -----------------------------------------------------------------------------------------


def write(spec: Spec, pick: random.Random) -> str:
    """Write a function in a style that `pick` chooses."""
    d = pick.choice(("layers_dims", "layers_dims", "layers_dims", "layer_dims", "dims"))
    setup, header, opening, names, closing = _loop(spec, pick, d)
    store = pick.choice(STORES)
    plain = not (spec.last_first or spec.late or spec.again)
    if (store == "lists" and (not plain or "parameters" in spec.each or spec.biases == ("",))) or (
        store == "helper" and spec.r != "np.random"
    ):
        store = "locals"
    body, helper = _layer(spec, pick, names, store)
    made = pick.choice(("parameters = {}", "parameters = dict()", "parameters = {}  # W1, b1, ..."))
    lists = ["weights, biases = [], []"] if store == "lists" else []
    lines = [*_seed(spec, pick), *_fill(spec.before, spec, names, d), made, *lists]
    lines = [*setup, *lines] if spec.before or pick.random() < 0.4 else [*lines, *setup]
    if store == "inner":
        lines += helper
    loop = [*lines_in([*opening, *body, *closing])]
    if spec.again:
        loop = [header, *loop] if header.startswith("for") else [*setup, header, *loop]
        lines += ["for attempt in range(2):", *lines_in(loop)]
    else:
        lines += [header, *loop]
    if store == "lists":
        lines += _unpacked(pick)
    lines += _fill(spec.after, spec, names, d)
    source = "\n".join([f"def {TASKS[spec.short].name}({d}):", *lines_in([*lines, "return parameters"])]) + "\n"
    if store == "helper":
        source = "\n".join(helper) + "\n\n" + source
    source = (spec.prelude + "\n" if spec.prelude else "") + source
    return "import math\n" + source if "math." in source else source


def lines_in(lines: Sequence[str]) -> list[str]:
    """Indent lines by one level."""
    return [f"    {line}" for line in lines]


def _fill(text: str, spec: Spec, names: Names, d: str) -> list[str]:
    filled = text.replace("{d}", d).replace("{r}", spec.r).replace("{L}", names.L).replace("{l}", names.l)
    return filled.split("\n") if text else []


def _seed(spec: Spec, pick: random.Random) -> list[str]:
    if not spec.seed:
        return []
    return (pick.choice(SEEDS) if spec.seed == "np.random.seed(3)" else spec.seed).split("\n")


def _loop(spec: Spec, pick: random.Random, d: str) -> tuple[list[str], str, list[str], Names, list[str]]:
    """Return the lines before a loop over the layers, its header, its first lines, its names and its last lines."""
    style = pick.choice(LOOPS)
    if style == "prev" and (spec.last_first or spec.late or spec.again):
        style = "len"
    if style == "while" and spec.again:
        style = "depth"
    first, less = (2 if spec.late else 1), (1 if spec.short_of else 0)
    minus = " - 1" if less else ""
    if style in ("len", "depth", "zero", "while"):
        setup = [f"L = len({d})" if style in ("len", "while") else f"L = len({d}) - 1"]
        if style == "while":
            if spec.last_first:
                return (
                    [*setup, "l = L - 1"],
                    "while l >= 1:",
                    [],
                    Names(f"{d}[l - 1]", f"{d}[l]", "l", "(L - 1)", d),
                    ["l -= 1"],
                )
            last = f"while l < L{minus}:"
            return [*setup, f"l = {first}"], last, [], Names(f"{d}[l-1]", f"{d}[l]", "l", "(L - 1)", d), ["l += 1"]
        if style == "zero":
            numbers = f"range(L{minus})" if first == 1 else f"range(1, L{minus})"
            names = Names(f"{d}[l]", f"{d}[l + 1]", "(l + 1)", "L", d)
        else:
            end = {"len": f"L{minus}", "depth": "L" if less else "L + 1"}[style]
            numbers = f"range({first}, {end})"
            names = Names(f"{d}[l-1]", f"{d}[l]", "l", "(L - 1)" if style == "len" else "L", d)
        if spec.last_first:
            numbers = pick.choice((f"reversed({numbers})", f"{numbers}[::-1]"))
        return setup, f"for l in {numbers}:", [], names, []
    if style == "zip":
        pairs = f"zip({d}[{'1' if spec.late else ''}:{-1 - less}], {d}[{first}:{'-1' if less else ''}])"
        numbered = f"enumerate({pairs}, start={first})"
        numbered = f"reversed(list({numbered}))" if spec.last_first else numbered
        return [], f"for l, (n_prev, n) in {numbered}:", [], Names("n_prev", "n", "l", f"(len({d}) - 1)", d), []
    if style == "prev":
        rest = f"{d}[1:-1]" if less else f"{d}[1:]"
        names = Names("previous", "size", "l", f"(len({d}) - 1)", d)
        return [f"previous = {d}[0]"], f"for l, size in enumerate({rest}, 1):", [], names, ["previous = size"]
    numbered = f"enumerate({d}[:-1])" if less else f"enumerate({d})"
    numbered = f"list({numbered})[::-1]" if spec.last_first else numbered
    skip = f"if l < {first}:"
    return (
        [],
        f"for l, n in {numbered}:",
        [skip, "    continue"],
        Names(f"{d}[l - 1]", "n", "l", f"(len({d}) - 1)", d),
        [],
    )


def _layer(spec: Spec, pick: random.Random, names: Names, store: str) -> tuple[list[str], list[str]]:
    """Return the lines that make and keep one layer, and those of a helper."""
    lines = spec.seed_each.replace("{l}", names.l).replace("{L}", names.L).split("\n") if spec.seed_each else []
    if store not in ("helper", "inner") and pick.random() < 0.3:
        lines.append(f"n_out, n_in = {names.N}, {names.M}")
        names = replace(names, N="n_out", M="n_in")
    lines += _filled_each(spec, names)
    b = _text(pick.choice(spec.biases or ZERO_BIASES), spec, names)
    kept = names
    if store in ("helper", "inner"):
        sizes = replace(names, N="n_out", M="n_in", l="l", L="L")
        steps, W = _weights(spec, pick, sizes)
        helper = [f"def make_weights(n_out, n_in, l, L, {names.d}):", *lines_in([*steps, f"return {W}"])]
        W = f"make_weights({names.N}, {names.M}, {names.l}, {names.L}, {names.d})"
    else:
        helper = []
        steps, W = _weights(spec, pick, names)
    if spec.bias_first:
        lines.append(f"b = {b}")
        b = "b"
    lines += steps if not helper else []
    key = pick.choice(KEYS)
    kW, kb = (key.format(k=k, l=kept.l) for k in "Wb")
    if b == "":
        return [*lines, f"parameters[{kW}] = {W}"], helper
    if store == "lists":
        return [*lines, f"weights.append({W})", f"biases.append({b})"], helper
    if store == "update":
        return [*lines, f"parameters.update({{{kW}: {W}, {kb}: {b}}})"], helper
    if store == "locals":
        return [*lines, f"W = {W}", f"b = {b}", f"parameters[{kW}] = W", f"parameters[{kb}] = b"], helper
    return [*lines, f"parameters[{kW}] = {W}", f"parameters[{kb}] = {b}"], helper


def _filled_each(spec: Spec, names: Names) -> list[str]:
    return _text(spec.each, spec, names).split("\n") if spec.each else []


def _weights(spec: Spec, pick: random.Random, names: Names) -> tuple[list[str], str]:
    """Return the lines that prepare the weights of a layer, and the expression that gives them."""
    draws = spec.draws or NORMAL
    draw = pick.choice([draw for draw in draws if "{S}" not in draw or not spec.rule.startswith("-")] or draws)
    factor = _text(pick.choice(_factors(spec.rule)), spec, names) if spec.rule else ""
    steps = []
    if factor and spec.rule not in NUMBERS and pick.random() < 0.2:
        steps, factor = [f"scale = {factor}"], "scale"
    drawn = _text(draw, spec, names).replace("{S}", factor)
    wrap = pick.choice(spec.wraps)
    bare = not factor or "{S}" in draw or (spec.rule == "1" and pick.random() < 0.6)
    if not bare and wrap == "{W}" and pick.random() < 0.15:
        return [*steps, f"W = {drawn}", pick.choice((f"W = W * {factor}", f"W *= {factor}"))], "W"
    whole = drawn if bare else pick.choice(TIMES).format(D=drawn, S=factor)
    return steps, wrap.replace("{W}", whole)


def _text(template: str, spec: Spec, names: Names) -> str:
    for name, text in (("N", names.N), ("M", names.M), ("l", names.l), ("L", names.L), ("d", names.d), ("r", spec.r)):
        template = template.replace("{" + name + "}", text)
    return template


def _unpacked(pick: random.Random) -> list[str]:
    """Ways to make the dictionary from lists of weights and biases."""
    return pick.choice([
        ["for i in range(len(weights)):", "    parameters['W' + str(i + 1)] = weights[i]", "    parameters['b' + str(i + 1)] = biases[i]"],
        ["parameters = {f'W{i}': W for i, W in enumerate(weights, 1)}", "parameters.update({f'b{i}': b for i, b in enumerate(biases, 1)})"],
        ["for i, (W, b) in enumerate(zip(weights, biases), start=1):", "    parameters['W%d' % i], parameters['b%d' % i] = W, b"],
    ])  # fmt: skip


# fmt: off
# --- slips ---------------------------------------------------------------------------------------------------------

PLACES = ("structure", "distribution", "scale", "seed", "order", "bias")  # the order of causes


@dataclass(frozen=True)
class Slip:
    """One thing done wrong: how it changes the pieces, the facts and the causes."""

    place: str
    name: str
    pieces: Mapping[str, Any]
    cause: Any
    facts: Mapping[str, Any] = field(default_factory=dict)
    outside: bool = False
    open: bool = False


def scales(short: str) -> list[Slip]:
    """Every rule but the right one."""
    return [
        Slip("scale", rule, {"rule": rule}, scale_cause(rule), {"scale_formula": formula(rule)})
        for rule in dict.fromkeys(RULES)
        if rule != RIGHT_RULE[short]
    ]


OTHER_SEEDS = (0, 1, 2, 4, 5, 7, 10, 13, 42, 99, 100, 123, 256, 1000, 1234, 2023, 2024, 12345, 31337, 54321, 65537, 99999)
NONE_SET = {"seed": None, "seed_status": "missing"}


def _seeds() -> Iterator[Slip]:
    yield Slip("seed", "none", {"seed": ""}, "seed_missing", NONE_SET)
    yield Slip("seed", "Python's", {"seed": "import random\nrandom.seed(3)"}, "seed_missing", NONE_SET)
    yield Slip("seed", "late", {"seed": "", "after": "np.random.seed(3)"}, "seed_missing", NONE_SET)
    yield Slip("seed", "unused state", {"seed": "rng = np.random.RandomState(3)"}, "seed_missing", NONE_SET)
    yield Slip("seed", "comment", {"seed": "# np.random.seed(3)"}, "seed_missing", NONE_SET)
    outside = {"seed": None, "seed_status": "outside_function"}
    yield Slip("seed", "outside", {"seed": "", "prelude": "np.random.seed(3)"}, "seed_outside", outside, outside=True)
    yield Slip("seed", "outside 1", {"seed": "", "prelude": "np.random.seed(1)\n"}, "seed_outside", outside, outside=True)
    for s in OTHER_SEEDS:
        facts = {"seed": s, "seed_status": "other"}
        yield Slip("seed", f"{s}", {"seed": f"np.random.seed({s})"}, "seed_other", facts)
        if s in (1, 42, 1234, 99999):
            yield Slip("seed", f"state {s}", {"seed": f"rng = np.random.RandomState({s})", "r": "rng"}, "seed_other", facts)
    yield Slip("seed", "3 then 1", {"seed": "np.random.seed(3)\nnp.random.seed(1)"}, "seed_other", {"seed": 1, "seed_status": "other"})
    reset = {"seed_status": "reset_per_layer"}
    for s in (3, 1, 42, 2023):
        in_loop = {"seed": "", "seed_each": f"np.random.seed({s})"}
        yield Slip("seed", f"{s} in each", in_loop, "seed_per_layer", {"seed": s, **reset})
    yield Slip("seed", "3 and in each", {"seed_each": "np.random.seed(3)"}, "seed_per_layer", {"seed": 3, **reset})
    yield Slip("seed", "state in each", {"seed": "", "seed_each": "rng = np.random.RandomState(3)", "r": "rng"}, "seed_per_layer", {"seed": 3, **reset})
    for s in ("{l}", "3 + {l}", "3 * {l}", "{l} + 2", "10 * {l}", "{l} - 1"):
        in_loop = {"seed": "", "seed_each": f"np.random.seed({s})"}
        yield Slip("seed", f"{s} in each", in_loop, "seed_per_layer", {"seed": None, **reset})
    for s in (3, 0, 1, 42, 1234, 31337, 99999):
        yield _generator(f"default_rng({s})", s)
    for bits, s in product(("PCG64", "MT19937", "Philox", "SFC64"), (3, 42)):
        yield _generator(f"Generator(np.random.{bits}({s}))", s)


def _generator(made: str, seed: Any, **more: Any) -> Slip:
    pieces = {"seed": f"rng = np.random.{made}", "r": "rng", "draws": GENERATED, **more}
    return Slip("seed", made, pieces, "other_generator", {"seed": seed, "seed_status": "other_generator"})


# what is true may be said, and nothing: facts that follow from those of another slip are functions of them
UNSURE = {"seed": lambda true: OneOf((true, None)), "seed_status": lambda true: OneOf((true, "unknown"))}
STILL = {"seed": None, "seed_status": None, "scale_formula": None}


def _distributions() -> Iterator[Slip]:
    yield Slip("distribution", "rand", {"draws": UNIFORM}, "uniform_not_normal", {"distribution": "uniform"})
    centred = {"distribution": "uniform", "scale_formula": ANY}
    for form in (
        "{r}.uniform(-1, 1, ({N}, {M}))", "{r}.uniform(low=-1.0, high=1.0, size=({N}, {M}))", "(2 * {r}.rand({N}, {M}) - 1)",
        "({r}.rand({N}, {M}) - 0.5)", "({r}.random_sample(({N}, {M})) * 2 - 1)", "{r}.uniform(-{S}, {S}, ({N}, {M}))",
        "{r}.uniform(-0.5, 0.5, size=({N}, {M}))", "{r}.uniform(-np.sqrt(6 / ({M} + {N})), np.sqrt(6 / ({M} + {N})), ({N}, {M}))",
    ):
        yield Slip("distribution", form, {"draws": (form,)}, "uniform_not_normal", centred, open=True)
    shifted = {"distribution": OneOf(("normal", "other")), "scale_formula": ANY}
    another = OneOf(("distribution_other", "weights_shifted", "unknown"))
    for form in ("{r}.normal(1, {S}, ({N}, {M}))", "{r}.normal(0.5, 1, ({N}, {M}))", "({r}.randn({N}, {M}) + 1)"):
        yield Slip("distribution", form, {"draws": (form,)}, another, shifted, open=True)
    other = {"distribution": "other", "scale_formula": ANY, **UNSURE}
    for form in (
        "{r}.exponential(1.0, ({N}, {M}))", "{r}.laplace(0, 1, ({N}, {M}))", "np.abs({r}.randn({N}, {M}))", "{r}.randn({N}, {M}) ** 2",
        "{r}.gamma(2.0, 1.0, ({N}, {M}))", "{r}.lognormal(0, 1, ({N}, {M}))", "{r}.rand({N}, {M}) ** 2", "{r}.standard_cauchy(({N}, {M}))",
        "(1. * {r}.poisson(2, ({N}, {M})))", "{r}.binomial(1, 0.5, ({N}, {M})).astype(float)",
    ):
        yield Slip("distribution", form, {"draws": (form,)}, OneOf(("distribution_other", "unknown")), other, open=True)
    for form in ("np.ones(({N}, {M}))", "np.full(({N}, {M}), 0.5)", "np.ones([{N}, {M}]) * 0.1", "np.full(({N}, {M}), 1.)"):
        yield Slip("distribution", form, {"draws": (form,)}, "weights_constant", {"distribution": "constant", **STILL})
    for form in ZERO_WEIGHTS[:4]:
        yield Slip("distribution", form, {"draws": (form,)}, "weights_zero", {"distribution": "zeros", **STILL})


def _orders() -> Iterator[Slip]:
    for form in (
        "{r}.randn({M}, {N}).T", "{r}.standard_normal(({M}, {N})).T", "np.transpose({r}.randn({M}, {N}))", "{r}.randn({M}, {N}).transpose()",
        "{r}.randn({N} * {M}).reshape(({N}, {M}), order='F')", "np.reshape({r}.randn({N} * {M}), ({N}, {M}), 'F')",
        "np.column_stack([{r}.randn({N}) for _ in range({M})])", "{r}.normal(0, {S}, ({M}, {N})).T",
    ):
        yield Slip("order", form, {"draws": (form,)}, "draw_order")
    yield Slip("order", "last layer first", {"last_first": True}, "draw_order")
    for line in ("{r}.randn()", "{r}.randn(1)", "{r}.randn(2, 3)", "{r}.normal()", "print_me = {r}.randn({d}[1], {d}[0])",
                 "{r}.standard_normal({d}[0])", "test = {r}.randn(4, 2) * 10", "{r}.randn(len({d}))"):
        yield Slip("order", f"first {line}", {"before": line}, "draw_order")
    for line in ("{r}.randn({N}, 1)", "{r}.standard_normal(({N}, 1))", "{r}.randn({N}, {M})", "{r}.randn()"):
        yield Slip("order", f"each time {line}", {"each": f"unused = {line}"}, "draw_order")
    yield Slip("order", "all drawn twice", {"again": True}, "draw_order")
    for form in ("{r}.randn({N}, 1) * 0", "{r}.standard_normal(({N}, 1)) * 0.", "np.zeros_like({r}.randn({N}, 1))"):
        yield Slip("order", f"then {form}", {"biases": (form,)}, "draw_order")
        yield Slip("order", f"before {form}", {"biases": (form,), "bias_first": True}, "draw_order")
    yield Slip("order", "biases first, unused", {"before": "unused = [{r}.randn(n, 1) for n in {d}[1:]]"}, "draw_order")
    maybe = {**UNSURE, "scale_formula": ANY}
    cause = OneOf(("draw_order", "unknown"))
    for form in ("{r}.randn({N}, {M})[::-1]", "np.flip({r}.randn({N}, {M}))", "{r}.randn({N}, {M})[:, ::-1]"):
        yield Slip("order", form, {"draws": (form,)}, cause, maybe, open=True)
    for line in ("{r}.rand()", "{r}.randint(10)", "{r}.permutation(5)"):
        yield Slip("order", f"first {line}", {"before": line}, cause, maybe, open=True)


def _biases() -> Iterator[Slip]:
    for form in ("{r}.standard_normal(({N}, 1))", "{r}.normal(0, 0.1, ({N}, 1))", "{r}.standard_normal(({N}, 1)) * 0.01",
                 "10 * {r}.normal(size=({N}, 1))"):
        yield Slip("bias", f"then {form}", {"biases": (form,)}, "bias_random")
        yield Slip("bias", f"before {form}", {"biases": (form,), "bias_first": True}, "bias_random")
    for form in ("{r}.uniform(size=({N}, 1))", "{r}.uniform(-1, 1, ({N}, 1))"):
        yield Slip("bias", f"then {form}", {"biases": (form,)}, "bias_random")
    first = {"before": "drawn = [{r}.standard_normal((n, 1)) for n in {d}[1:]]", "biases": ("drawn[{l} - 1]",)}
    yield Slip("bias", "all first", first, "bias_random")
    after = "for layer in range(1, len({d})):\n    parameters['b' + str(layer)] = {r}.standard_normal(({d}[layer], 1))"
    yield Slip("bias", "all last", {"after": after}, "bias_random")
    for form in ("np.ones(({N}, 1))", "np.full(({N}, 1), 0.01)", "np.zeros(({N}, 1)) + 1", "np.ones(({N}, 1)) * 0.1"):
        yield Slip("bias", form, {"biases": (form,)}, "bias_nonzero")
    for form in ("np.zeros({N})", "np.zeros(({N},))", "np.zeros((1, {N}))", "0", "0.0", "np.zeros(({N}, {M}))", "np.zeros(({M}, 1))",
                 "np.zeros(1)", "np.zeros(({N}, 1)).T", "np.zeros(({N}, 1)).ravel()", "np.float64(0)", "np.zeros((1, 1))"):
        yield Slip("bias", form, {"biases": (form,)}, "bias_shape")
    yield Slip("bias", "none", {"biases": ("",)}, "bias_missing")
    last = "del parameters['b' + str(len({d}) - 1)]"
    yield Slip("bias", "last one missing", {"after": last}, "bias_missing")
    fallen = "for layer in range(1, len({d})):\n    parameters.pop('b%d' % layer)"
    yield Slip("bias", "taken out", {"after": fallen}, "bias_missing")


def _structures() -> Iterator[Slip]:
    yield Slip("structure", "drawn swapped", {"draws": ("{r}.standard_normal(({M}, {N}))", "{r}.normal(0, {S}, ({M}, {N}))")}, "transposed")
    yield Slip("structure", "turned", {"wraps": ("({W}).T", "np.transpose({W})")}, "transposed")
    yield Slip("structure", "last layer missing", {"short_of": True}, "layer_missing")
    yield Slip("structure", "first layer missing", {"late": True}, "layer_missing")
    gone = "n = len({d}) - 1\nparameters.pop('W' + str(n))\nparameters.pop('b' + str(n))"
    yield Slip("structure", "last layer popped", {"after": gone}, "layer_missing")
    for line in ("parameters['L'] = len({d})", "parameters['layers_dims'] = {d}", "parameters['W0'] = np.zeros((1, 1))",
                 "parameters['seed'] = 3", "parameters['A0'] = np.ones(3)"):
        yield Slip("structure", line, {"after": line}, "extra_keys")
    yield Slip("structure", "A each", {"each": "parameters['A' + str({l})] = np.zeros(({N}, 1))"}, "extra_keys")
    yield Slip("structure", "lists", {"wraps": ("({W}).tolist()",)}, "wrong_type")
    yield Slip("structure", "all lists", {"after": "parameters = {k: v.tolist() for k, v in parameters.items()}"}, "wrong_type")
    yield Slip("structure", "matrix", {"wraps": ("np.matrix({W})", "np.asmatrix({W})")}, "wrong_type")
    yield Slip("structure", "tuple of rows", {"wraps": ("tuple({W})", "list({W})")}, "wrong_type")


@cache
def slips(place: str, short: str) -> tuple[Slip, ...]:
    """All slips of one place in one function."""
    made: dict[str, Callable[[], Iterator[Slip]]] = {
        "seed": _seeds, "distribution": _distributions, "order": _orders, "bias": _biases, "structure": _structures,
    }
    return tuple(scales(short)) if place == "scale" else tuple(made[place]())


def _compatible(one: Slip, two: Slip) -> bool:  # noqa: PLR0911  # one reason a line
    """Whether two slips can stand in one function, and the contracts settle what they are called together."""
    pair, places = (one, two), {one.place, two.place}
    if set(one.pieces) & set(two.pieces):
        return False
    names = {slip.name for slip in pair}
    scale = next((slip.name for slip in pair if slip.place == "scale"), "")
    bias = next((slip for slip in pair if slip.place == "bias"), None)
    if any(slip.open for slip in pair) and ((places & {"scale", "order"} and one.cause != "uniform_not_normal") or _random_bias(bias)):
        return False
    if any("seed_each" in slip.pieces for slip in pair) and _random_bias(bias):
        return False  # whether the biases then displace anything depends on who comes first
    if _still(one.facts) and "scale" in places:
        return False
    if "first layer missing" in names and scale.startswith(("?", "sqrt(2/l", "sqrt(1/l")):
        return False
    if {"last layer missing", "last layer popped"} & names and scale.startswith("?"):
        return False  # of a rule that speaks of the last layer nothing may be left
    if one.cause == "transposed" and bias and bias.name == "np.zeros(({M}, 1))":
        return False  # a column as long as the layer that was made (C6)
    lost = {"last layer missing", "first layer missing", "last layer popped", "all lists", "matrix", "tuple of rows"}
    return not (bias and lost & names)


def _random_bias(slip: Slip | None) -> bool:
    return slip is not None and slip.cause == "bias_random"


def _still(facts: Mapping[str, Any]) -> bool:
    """Whether nothing random was drawn for the weights."""
    return facts.get("distribution") in ("constant", "zeros")


def mutant(short: str, made: Sequence[Slip], copy: int = 0) -> Mutant:
    """Write a function with these slips and say what is expected."""
    name = f"{short}: " + " + ".join(slip.name for slip in made) + (f" #{copy}" if copy else "")
    spec = Spec(short, RIGHT_RULE[short])
    made = sorted(made, key=lambda slip: PLACES.index(slip.place))
    for slip in made:
        spec = replace(spec, **slip.pieces)
    facts: dict[str, Any] = {"scale_formula": formula(RIGHT_RULE[short])}
    for slip in sorted(made, key=lambda slip: slip.place == "distribution"):  # weights that are not random have no seed
        known = {"seed": facts.get("seed", 3), "seed_status": facts.get("seed_status", "as_required")}
        facts.update({name: fact(known[name]) if callable(fact) else fact for name, fact in slip.facts.items()})
    causes = [slip.cause for slip in made]
    if _still(facts):
        causes = [slip.cause for slip in made if slip.place in ("structure", "distribution", "bias")]
        facts.update({"seed_status": ANY} if any(_random_bias(slip) for slip in made) else {})
    known = not any(slip.open or isinstance(slip.cause, OneOf) for slip in made)
    expected = Expected(**facts, first=causes[0], causes=tuple(causes) if known else ANY)
    source = write(spec, random.Random(name))
    return Mutant(name, short, source, expected, seeded_outside=any(slip.outside for slip in made))


# --- all of them ---------------------------------------------------------------------------------------------------

COPIES = {"scale": 2, "seed": 2, "distribution": 2, "order": 2, "bias": 2, "structure": 2}
PAIRS = {
    ("scale", "seed"): 90, ("scale", "bias"): 50, ("seed", "bias"): 40, ("distribution", "seed"): 30, ("distribution", "bias"): 20,
    ("structure", "scale"): 40, ("structure", "seed"): 30, ("scale", "order"): 40, ("structure", "bias"): 20, ("distribution", "scale"): 20,
}


def mutants() -> list[Mutant]:
    """Every wrong variant, no source twice."""
    made = [*_singles(), *_doubles(), *_zeros(), *by_hand()]
    return list({one.source + str(one.seeded_outside): one for one in made}.values())


def _singles() -> Iterator[Mutant]:
    for place, copies in COPIES.items():
        for short in RIGHT_RULE:
            for slip in slips(place, short):
                yield from (mutant(short, [slip], copy) for copy in range(1 if slip.open else copies))


def _doubles() -> Iterator[Mutant]:
    for (one, two), count in PAIRS.items():
        pick = random.Random(f"{one} {two}")
        found = 0
        while found < count:
            short = pick.choice(tuple(RIGHT_RULE))
            pair = [pick.choice(slips(one, short)), pick.choice(slips(two, short))]
            if _compatible(*pair):
                found += 1
                yield mutant(short, pair)


ZERO = Expected(seed=None, seed_status=None, distribution="zeros", scale_formula=None)


def _zeros() -> Iterator[Mutant]:
    """Slips in the function that returns zeros."""
    base = Spec("zeros", "", draws=ZERO_WEIGHTS, seed="")
    drawn = {"scale_formula": ANY, "seed_status": ANY}
    rows: list[tuple[str, dict[str, Any], Expected]] = []
    for form in ("np.random.randn({N}, {M})", "np.random.randn({N}, {M}) * 0.01", "np.random.standard_normal(({N}, {M})) * 10"):
        rows += [(f"{form} {seed}", {"draws": (form,), "seed": seed},
                  replace(ZERO, seed=s, distribution="normal", first="weights_not_zero", **drawn))
                 for seed, s in (("", None), ("np.random.seed(3)", 3), ("np.random.seed(1)", 1))]
    rows.append(("rand", {"draws": ("np.random.rand({N}, {M})",)}, replace(ZERO, distribution="uniform", first="weights_not_zero", **drawn)))
    for form in ("np.ones(({N}, {M}))", "np.full(({N}, {M}), 0.5)", "np.zeros(({N}, {M})) + 0.01", "np.ones([{N}, {M}]) * 1e-8"):
        rows.append((form, {"draws": (form,)}, replace(ZERO, distribution="constant", first="weights_constant", causes=("weights_constant",))))
    for slip in slips("bias", "he"):
        cause = slip.cause
        # whether biases that are drawn have a seed is left open
        facts = replace(ZERO, first=cause, causes=(cause,), seed_status=ANY if cause == "bias_random" else None)
        rows.append((slip.name, {**slip.pieces}, facts))
    for slip in slips("structure", "he"):
        if "draws" in slip.pieces:
            continue
        rows.append((slip.name, {**slip.pieces}, replace(ZERO, first=slip.cause, causes=(slip.cause,))))
    wrong_type = replace(ZERO, first="wrong_type", causes=("wrong_type",))
    rows += [
        ("swapped", {"draws": ("np.zeros(({M}, {N}))", "np.zeros([{M}, {N}])")}, replace(ZERO, first="transposed", causes=("transposed",))),
        ("integers", {"draws": ("np.zeros(({N}, {M}), dtype=int)",)}, wrong_type),
        ("integer biases", {"biases": ("np.zeros(({N}, 1), dtype=int)",)}, wrong_type),
        ("nested lists", {"draws": ("[[0.0] * {M} for _ in range({N})]",)}, wrong_type),
    ]
    for name, pieces, expected in rows:
        for copy in range(1 if "draws" in pieces else 2):
            whole = f"zeros: {name}" + (f" #{copy}" if copy else "")
            yield Mutant(whole, "zeros", write(replace(base, **pieces), random.Random(whole)), expected)


# --- written by hand -----------------------------------------------------------------------------------------------

LOOP = """def {name}(layers_dims):
    {seed}
    parameters = {{}}
    L = len(layers_dims)
    for l in range(1, L):
        parameters['W' + str(l)] = {W}
        parameters['b' + str(l)] = {b}
    return parameters
"""
RANDN = "np.random.randn(layers_dims[l], layers_dims[l-1])"
FACTOR = {"zeros": "0", "random": "10", "he": "np.sqrt(2 / layers_dims[l-1])"}
COLUMN = "np.zeros((layers_dims[l], 1))"
NOTHING = Expected(seed=None, seed_status=None, distribution=None, scale_formula=None)


def usual(short: str, *changes: tuple[str, str], seed: str = "np.random.seed(3)") -> str:
    """The function as most write it, with changes of its text."""
    W = f"{RANDN} * {FACTOR[short]}" if short != "zeros" else "np.zeros((layers_dims[l], layers_dims[l-1]))"
    source = LOOP.format(name=TASKS[short].name, seed=seed, W=W, b=COLUMN)
    for old, new in changes:
        assert old in source, (old, source)
        source = source.replace(old, new)
    return source


def by_hand() -> Iterator[Mutant]:
    """Variants that are no composition of pieces."""
    for short in ("zeros", "random", "he"):
        yield from (Mutant(f"{short}: {name}", short, source, expected) for name, source, expected in _broken(short))
        yield from (Mutant(f"{short}: {name}", short, source, expected) for name, source, expected in _crooked(short))
    for short in RIGHT_RULE:
        for rows in (_random_only, _beyond_look_up, _little_to_see):
            yield from (Mutant(f"{short}: {name}", short, source, expected) for name, source, expected in rows(short))


def _broken(short: str) -> Iterator[tuple[str, str, Expected]]:
    """What never returns numbers."""
    one = lambda cause: replace(NOTHING, first=cause, causes=(cause,))  # noqa: E731
    names = one("global_name")
    yield "L outside", usual(short, ("    L = len(layers_dims)\n", "")), names
    yield "typo", usual(short, ("L = len(layers_dims)", "L = len(layer_dims)")), names
    yield ("sqrt not imported", usual(short, ("np.zeros((layers_dims[l], 1))", "np.zeros((layers_dims[l], 1)) * math.sqrt(1)")), names)
    yield "parameter", usual(short, ("return parameters", "return params")), names
    yield "pprint", usual(short, ("    return", "    pprint(parameters)\n    return")), names
    yield "no self", usual(short, ("    return", "    self.parameters = parameters\n    return")), names
    removed = one("removed_numpy_name")
    yield "np.float", usual(short, (COLUMN, "np.zeros((layers_dims[l], 1), dtype=np.float)")), removed
    yield "np.int", usual(short, ("len(layers_dims)", "np.int(len(layers_dims))")), removed
    yield "np.float biases", usual(short, (COLUMN, "np.float(0) * np.ones((layers_dims[l], 1))")), removed
    yield "np.product", usual(short, (COLUMN, "np.zeros((np.product([layers_dims[l]]), 1))")), removed
    raised = one("raised")
    yield "one too far", usual(short, ("range(1, L)", "range(1, L + 1)")), raised
    yield "zeros(n, 1)", usual(short, (COLUMN, "np.zeros(layers_dims[l], 1)")), raised
    yield "no str", usual(short, ("'b' + str(l)", "'b' + l")), raised
    yield "key", usual(short, ("    return parameters", "    return parameters['params']")), raised
    yield "attribute", usual(short, (COLUMN, "np.zero((layers_dims[l], 1))")), raised
    yield "called", usual(short, ("layers_dims[l], 1", "layers_dims(l), 1")), raised
    yield "assertion", usual(short, ("    return", "    assert len(parameters) == 0\n    return")), raised
    yield "by zero", usual(short, ("    return", "    half = 1 / 0\n    return")), raised
    yield "not implemented", usual(short, ("    return parameters", "    raise NotImplementedError")), raised
    if short != "zeros":
        yield "randn of a tuple", usual(short, (RANDN, "np.random.randn((layers_dims[l], layers_dims[l-1]))")), raised
        yield "matrix product", usual(short, (RANDN, f"np.dot({RANDN}, np.ones((0, 3)))")), raised
    refused = one("refused")
    yield "no return", usual(short, ("    return parameters\n", "")), refused
    yield "returns a list", usual(short, ("return parameters", "return list(parameters.values())")), refused
    yield "returns W", usual(short, ("return parameters", "return parameters['W1']")), refused
    yield "returns a tuple", usual(short, ("return parameters", "return parameters, L")), refused
    yield "prints", usual(short, ("return parameters", "print(end='')")), refused
    yield "None left", usual(short, (COLUMN, "None")), refused
    yield "text", usual(short, ("    return", "    parameters['name'] = 'zeros'\n    return")), refused


def _crooked(short: str) -> Iterator[tuple[str, str, Expected]]:
    """What returns something of another structure."""
    right = ZERO if short == "zeros" else Expected(scale_formula=RIGHT_RULE[short])
    seen = {name: OneOf((getattr(right, name), None)) for name in ("seed", "distribution", "scale_formula")}
    unclear = replace(right, **seen, seed_status=OneOf((right.seed_status, "unknown", None)))
    early = "        return parameters\n"
    missing = replace(right, first="layer_missing", causes=("layer_missing",))
    yield "return in the loop", usual(short, ("    return parameters\n", early)), missing
    yield (
        "break",
        usual(short, ("    return", "        if l == L - 2:\n            break\n    return"), ("if l == L - 2", "if l >= L - 2")),
        (replace(missing, causes=ANY)),
    )
    shape = {"first": OneOf(("weight_shape", "hard_coded_dims")), "causes": OneOf((("weight_shape",), ("hard_coded_dims",)))}
    yield ("[1] for [l]", usual(short, ("layers_dims[l], layers_dims[l-1]", "layers_dims[1], layers_dims[l-1]")), replace(unclear, **shape))
    yield ("[0] for [l-1]", usual(short, ("layers_dims[l], layers_dims[l-1]", "layers_dims[l], layers_dims[0]")), replace(unclear, **shape))
    yield ("square", usual(short, ("layers_dims[l], layers_dims[l-1]", "layers_dims[l], layers_dims[l]")), replace(unclear, **shape))
    bias = replace(right, first="bias_shape", causes=("bias_shape",))
    yield "[1] for [l] in b", usual(short, (COLUMN, "np.zeros((layers_dims[1], 1))")), bias
    yield "[-1] in b", usual(short, (COLUMN, "np.zeros((layers_dims[-1], 1))")), bias
    from_zero = usual(short, ("range(1, L)", "range(0, L - 1)"), ("[l], ", "[l+1], "), ("[l-1]", "[l]"))
    odd = OneOf(("layer_missing", "extra_keys", "weight_shape", "bias_shape", "keys_from_zero"))
    anything = replace(unclear, seed=ANY, seed_status=ANY, distribution=ANY, scale_formula=ANY)
    yield "W0", from_zero, replace(anything, first=odd)
    yield ("small w", usual(short, ("'W' + str(l)", "'w' + str(l)")), replace(anything, first=OneOf(("layer_missing", "extra_keys"))))
    yield ("no number", usual(short, ("'W' + str(l)", "'W'")), replace(anything, first=OneOf(("layer_missing", "extra_keys"))))
    fixed = replace(right, first="hard_coded_dims", causes=("hard_coded_dims",))
    open_fixed = replace(unclear, first="hard_coded_dims")
    for dims in ([2, 4, 1], [3, 2, 1]):
        own = tuple(dims) == TASKS[short].notebook_call
        expected = fixed if own else open_fixed
        line = f"    layers_dims = {dims}\n"
        yield f"{dims} assigned", usual(short, ("    parameters = {}\n", line + "    parameters = {}\n")), expected
        yield f"{dims} written", _fixed(short, dims), expected
    two = OneOf(("hard_coded_dims", "raised", "layer_missing"))
    yield "two layers", usual(short, ("range(1, L)", "range(1, 3)")), replace(unclear, first=two)
    yield "two layers by hand", _two_layers(short), replace(unclear, first=two)
    strict = replace(right, first="raised", causes=("raised",))
    yield ("asserts two layers", usual(short, ("    parameters = {}", "    assert len(layers_dims) == 3\n    parameters = {}")), strict)
    yield "table of depths", usual(short, ("    return", "    {3: 1, 4: 2, 5: 3}[L]\n    return")), strict
    yield ("NaN biases", usual(short, (COLUMN, "np.full((layers_dims[l], 1), np.nan)")), replace(right, first="not_finite"))
    yield ("biases inf", usual(short, (COLUMN, "np.zeros((layers_dims[l], 1)) + np.inf")), replace(right, first="not_finite"))
    lists = OneOf(("wrong_type", "bias_shape"))
    yield "bias list", usual(short, (COLUMN, "[0.0] * layers_dims[l]")), replace(right, first=lists)
    yield ("bias lists", usual(short, (COLUMN, "[[0.0]] * layers_dims[l]")), replace(right, first="wrong_type", causes=("wrong_type",)))
    yield (
        "bias integers",
        usual(short, (COLUMN, "np.zeros((layers_dims[l], 1), dtype='int')")),
        replace(right, first="wrong_type", causes=("wrong_type",)),
    )


def _fixed(short: str, dims: Sequence[int]) -> str:
    """A function that makes its arrays one by one, with sizes as numbers."""
    lines = []
    for l in range(1, len(dims)):
        n, m = dims[l], dims[l - 1]
        W = {"zeros": f"np.zeros(({n}, {m}))", "random": f"np.random.randn({n}, {m}) * 10", "he": f"np.random.randn({n}, {m}) * np.sqrt(2 / {m})"}
        lines += [f"W{l} = {W[short]}", f"b{l} = np.zeros(({n}, 1))"]
    entries = ", ".join(f"'{k}{l}': {k}{l}" for l in range(1, len(dims)) for k in "Wb")
    seed = [] if short == "zeros" else ["np.random.seed(3)"]
    return "\n".join([f"def {TASKS[short].name}(layers_dims):", *lines_in([*seed, *lines, f"return {{{entries}}}"])]) + "\n"


def _two_layers(short: str) -> str:
    source = _fixed(short, (7, 8, 9))  # digits that stand for the sizes
    for digit, size in (("7", "n_x"), ("8", "n_h"), ("9", "n_y")):
        source = source.replace(digit, size)
    return source.replace("(layers_dims):\n", "(layers_dims):\n    n_x, n_h, n_y = layers_dims[0], layers_dims[1], layers_dims[2]\n")


def _random_only(short: str) -> Iterator[tuple[str, str, Expected]]:  # noqa: PLR0915  # a table
    """What can only go wrong where something is drawn."""
    right = Expected(scale_formula=RIGHT_RULE[short])
    lost = replace(right, seed=None, seed_status=ANY, distribution=ANY, scale_formula=ANY, first="not_finite", causes=("not_finite",))
    for factor in ("np.nan", "np.inf", "np.sqrt(-2 / layers_dims[l-1])", "np.divide(2, 0)", "np.log(-1.0)", "float('nan')"):
        yield f"times {factor}", usual(short, (f"* {FACTOR[short]}", f"* {factor}")), lost
    cut, whole = replace(right, first="weights_rounded", causes=("weights_rounded",)), f"{RANDN} * {FACTOR[short]}"
    yield "rounded", usual(short, (whole, f"np.round({whole}, 4)")), cut
    yield "rounded draws", usual(short, (RANDN, f"np.around({RANDN}, 3)")), cut
    yield "half precision", usual(short, (whole, f"({whole}).astype(np.float16)")), cut
    clipped = replace(right, first="weights_clipped", causes=("weights_clipped",))
    yield "clipped draws", usual(short, (RANDN, f"np.clip({RANDN}, -2, 2)")), clipped
    # seeds that nobody can look up, or that are no seed: silence is right, and so is the truth
    silent = replace(right, seed=None, seed_status="unknown", scale_formula=OneOf((None, RIGHT_RULE[short])), first="unknown")
    yield "entropy", usual(short, seed="np.random.seed()"), silent
    yield "entropy None", usual(short, seed="np.random.seed(None)"), silent
    for big in (123_456_789, 4_294_967_295, 20_240_101):
        maybe = replace(silent, seed=OneOf((None, big)), seed_status=OneOf(("unknown", "other")), first=OneOf(("unknown", "seed_other")))
        yield f"seed {big}", usual(short, seed=f"np.random.seed({big})"), maybe
    called = OneOf(("unknown", "other"))
    for seed in ("len(layers_dims)", "layers_dims[0]", "sum(layers_dims)"):
        varying = replace(silent, seed_status=called, first=OneOf(("unknown", "seed_other")))
        yield f"seed of the sizes {seed}", usual(short, seed=f"np.random.seed({seed})"), varying
    array = replace(silent, first=OneOf(("unknown", "seed_other")), seed_status=called)
    yield "seed [3]", usual(short, seed="np.random.seed([3])"), array
    generated = replace(silent, seed_status="other_generator", first="other_generator", causes=("other_generator",))
    for made in ("default_rng()", "Generator(np.random.PCG64())", "default_rng(seed=None)", "default_rng([3, 1])", "default_rng(123456789)"):
        drawn = "rng.standard_normal((layers_dims[l], layers_dims[l-1]))"
        yield made, usual(short, (RANDN, drawn), seed=f"rng = np.random.{made}"), generated
    each = "np.random.default_rng(3).standard_normal((layers_dims[l], layers_dims[l-1]))"
    in_each = OneOf(("other_generator", "reset_per_layer"))
    yield (
        "default_rng in each",
        usual(short, (RANDN, each), seed=""),
        replace(right, seed_status=in_each, first=OneOf(("other_generator", "seed_per_layer"))),
    )
    python = "np.array([[random.gauss(0, 1) for _ in range(layers_dims[l-1])] for _ in range(layers_dims[l])])"
    for s in (3, 1, 42):
        other = replace(right, seed=s, seed_status="other_generator", first="other_generator", causes=("other_generator",))
        yield f"random.gauss {s}", "import random\n" + usual(short, (RANDN, python), seed=f"random.seed({s})"), other
    flat = python.replace("gauss(0, 1)", "random()")
    flat_expected = replace(right, seed_status="other_generator", distribution="uniform", first="uniform_not_normal",
                            causes=("uniform_not_normal", "other_generator"))
    yield "random.random", "import random\n" + usual(short, (RANDN, flat), seed="random.seed(3)"), flat_expected
    for rng, seed in (("rng.random", 3), ("rng.random", 42)):
        drawn = f"{rng}((layers_dims[l], layers_dims[l-1]))"
        yield (f"{rng} {seed}", usual(short, (RANDN, drawn), seed=f"rng = np.random.default_rng({seed})"), replace(flat_expected, seed=seed))
    yield (
        "integer division",
        usual(short, (f"* {FACTOR[short]}", "* (2 // layers_dims[l-1])")),
        replace(right, seed=ANY, seed_status=ANY, distribution=ANY, scale_formula=None, first=ANY),
    )
    for order in ("C", "F"):
        listed = usual(short).replace("range(1, L)", "[*range(2, L), 1]" if order == "C" else "sorted(range(1, L), key=lambda l: -l)")
        yield f"another sequence {order}", listed, replace(right, first="draw_order", causes=("draw_order",))
    for ending, rule in (
        ("/ 10", "0.1"), ("/ 100.", "0.01"), ("/ np.sqrt(layers_dims[l-1])", "sqrt(1/n_in)"), ("/ layers_dims[l-1]", "1/n_in"),
        ("/ np.sqrt(layers_dims[l])", "sqrt(1/n_out)"), ("/ np.sqrt(2 / layers_dims[l-1])", "sqrt(n_in/2)"), ("* 10 / 100", "0.1"),
        ("* np.sqrt(2 / layers_dims[l-2])", None), ("* np.sqrt(2 / layers_dims[l]) * np.sqrt(2 / layers_dims[l-1])", None),
        ("* np.sqrt(2 / (layers_dims[l-1] - layers_dims[l]) ** 2)", None), ("* np.sqrt(2 / layers_dims[l-1] ** 2)", "sqrt(2)/n_in"),
        ("* (10 - l)", None), ("* 1e-6", "1e-06"), ("", "1"), ("* 10 * 10", "100"), ("* -1", "-1"),
    ):
        cause = "scale_constant" if rule in ("0.1", "0.01", "1e-06", "1", "100", "-1") else scale_cause(rule or "?")
        slipped = replace(right, scale_formula=rule, first=cause, causes=(cause,))
        yield f"... {ending}", usual(short, (f"* {FACTOR[short]}", ending)), slipped
    # of rules in which n_out stands, but not as in the grammar, C9 and C10 can be read in two ways
    for factor in ("2 / layers_dims[l]", "10 * np.sqrt(2 / layers_dims[l])", "np.sqrt(2) / layers_dims[l]", "np.sqrt(layers_dims[l] / 2)"):
        two_ways = replace(right, scale_formula=ANY, first=OneOf(("scale_fan_out", "scale_other")))
        yield f"* {factor}", usual(short, (f"* {FACTOR[short]}", f"* {factor}")), two_ways
    for factor in ("0.01 / layers_dims[l-1]", "layers_dims[l-1]", "np.sqrt(layers_dims[l-1])"):
        other = replace(right, scale_formula=ANY, first="scale_other", causes=("scale_other",))
        yield f"* {factor}", usual(short, (f"* {FACTOR[short]}", f"* {factor}")), other
    moved = replace(
        right, distribution=OneOf(("normal", "other")), scale_formula=ANY, first=OneOf(("distribution_other", "weights_shifted", "unknown"))
    )
    yield "+ 10", usual(short, (f"* {FACTOR[short]}", "+ 10")), moved
    random_bias = replace(right, first="bias_random", causes=("bias_random",))
    for b in ("randn(layers_dims[l], 1)", "randn(layers_dims[l], 1) * 10", "rand(layers_dims[l], 1)", "uniform(-1, 1, (layers_dims[l], 1)) * 0.01"):
        yield f"b {b}", usual(short, (COLUMN, f"np.random.{b}")), random_bias
        unseeded = replace(random_bias, seed=None, seed_status="missing", first="seed_missing", causes=("seed_missing", "bias_random"))
        yield f"b {b} without seed", usual(short, (COLUMN, f"np.random.{b}"), seed="pass"), unseeded
    anew = replace(right, seed_status="reset_per_layer", first="seed_per_layer", causes=("seed_per_layer",))
    yield ("RandomState(3) at once", usual(short, ("np.random.randn", "np.random.RandomState(3).randn"), seed="pass"), anew)
    either = OneOf(("unknown", "other_generator"))
    yield (
        "RandomState()",
        usual(short, ("np.random.randn", "rng.randn"), seed="rng = np.random.RandomState()"),
        replace(silent, seed_status=either, first=either),
    )
    scaled = usual(short, (f" * {FACTOR[short]}", "")).replace(
        "    return", f"    parameters['W1'] *= {FACTOR[short].replace('[l-1]', '[0]')}\n    return"
    )
    yield ("first layer scaled later", scaled, replace(right, scale_formula=None, first="scale_other", causes=("scale_other",)))
    both = usual(short, (COLUMN, "np.random.randn(layers_dims[l])"))
    yield "flat random biases", both, replace(right, first="bias_random")
    ints = usual(short, (f"{RANDN} * {FACTOR[short]}", f"({RANDN} * 10).astype(int)"))
    yield ("integers", ints, replace(right, seed=ANY, seed_status=ANY, distribution=ANY, scale_formula=ANY, first="wrong_type"))


def _sized(rules: Sequence[str] = RULES) -> Iterator[tuple[str, str]]:
    """Rules of the grammar that speak of a layer's own sizes, each with one way of writing it."""
    names = Names("layers_dims[l-1]", "layers_dims[l]", "l", "(L - 1)", "layers_dims")
    for rule in dict.fromkeys(rules):
        if rule[0] != "?" and "l)" not in rule and "L" not in rule:
            way = random.Random(rule).choice([way for way in _factors(rule) if "math" not in way])
            yield rule, _text(way, Spec("he", rule), names)


def _beyond_look_up(short: str) -> Iterator[tuple[str, str, Expected]]:
    """Draws that only statistics can judge: the truth may be said, and nothing may be said, but nothing else."""
    # of a sign statistics see nothing
    for number, (rule, factor) in enumerate(_sized([rule for rule in RULES if rule[0] != "-"])):
        fits = {"scale_formula": OneOf((None, rule)), "seed": OneOf((None, 200_003 + number))}
        right = rule == RIGHT_RULE[short]
        scale = () if right else (scale_cause(rule), "scale_other")
        own = usual(short, (f"* {FACTOR[short]}", f"* {factor}"), seed=f"np.random.seed({200_003 + number})")
        legacy = Expected(**fits, seed_status=OneOf(("unknown", "other")), first=OneOf(("unknown", "seed_other", *scale)))
        yield f"large seed, {rule}", own, legacy
        drawn = (RANDN, "rng.standard_normal((layers_dims[l], layers_dims[l-1]))")
        new = usual(short, drawn, (f"* {FACTOR[short]}", f"* {factor}"), seed=f"rng = np.random.default_rng({200_003 + number})")
        yield (f"large seed of default_rng, {rule}", new, Expected(**fits, seed_status="other_generator", first=OneOf(("other_generator", *scale))))
    flat = {"distribution": "uniform", "scale_formula": ANY, "first": "uniform_not_normal"}
    rand = (RANDN, "np.random.rand(layers_dims[l], layers_dims[l-1])")
    unknown = Expected(seed=OneOf((None, 200_003)), seed_status=OneOf(("unknown", "other")), **flat)
    yield "large seed, rand", usual(short, rand, seed="np.random.seed(200003)"), unknown


def _little_to_see(short: str) -> Iterator[tuple[str, str, Expected]]:
    """Two slips of which the first leaves few numbers: one pair of sizes, or the first layer only."""
    right = RIGHT_RULE[short]
    dims = list(TASKS[short].notebook_call)
    fixed = ("    parameters = {}", f"    layers_dims = {dims}\n    parameters = {{}}")
    first_only = ("    return parameters\n", "        return parameters\n")
    two_only = ("    parameters = {}", "    assert len(layers_dims) == 3\n    parameters = {}")
    ways = [("hard_coded_dims", fixed), ("layer_missing", first_only)]
    if short == "he":  # the other function is called with one pair of two layers' sizes only
        ways.append(("raised", two_only))
    rules = ("0.01", "1", "10", "100", "0.5", "sqrt(2/n_in)", "sqrt(1/n_in)", "2/n_in", "1/n_in", "sqrt(2/n_out)", "sqrt(2/(n_in+n_out))",
             "sqrt(6/(n_in+n_out))", "sqrt(2)/n_in", "sqrt(n_in/2)")
    for cause, change in ways:
        for rule, factor in _sized([rule for rule in rules if rule != right]):
            expected = Expected(scale_formula=rule, first=cause, causes=(cause, scale_cause(rule)))
            yield f"{cause} and {rule}", usual(short, change, (f"* {FACTOR[short]}", f"* {factor}")), expected
        for seed, own in (("1", "seed_other"), ("42", "seed_other"), ("31337", "seed_other"), (None, "seed_missing")):
            line = "pass" if seed is None else f"np.random.seed({seed})"
            known = Expected(seed=None, seed_status="missing") if seed is None else Expected(seed=int(seed), seed_status="other")
            expected = replace(known, scale_formula=right, first=cause, causes=(cause, own))
            yield f"{cause} and seed {seed}", usual(short, change, seed=line), expected
        rand = (RANDN, "np.random.rand(layers_dims[l], layers_dims[l-1])")
        yield (
            f"{cause} and rand",
            usual(short, change, rand),
            Expected(distribution="uniform", scale_formula=right, first=cause, causes=(cause, "uniform_not_normal")),
        )
        flat = (COLUMN, "np.zeros(layers_dims[l])")
        yield (f"{cause} and flat biases", usual(short, change, flat), Expected(scale_formula=right, first=cause, causes=ANY))


# --- right ones ----------------------------------------------------------------------------------------------------

STATE = ("rng = np.random.RandomState(3)", "rng = np.random.RandomState(seed=3)", "rng = np.random.mtrand.RandomState(3)")


def passing() -> list[Mutant]:
    """Right ways of writing, no source twice."""
    made: list[tuple[str, str]] = []
    for short, rule in RIGHT_RULE.items():
        right = Spec(short, rule)
        made += [(short, write(right, random.Random(f"{short} {copy}"))) for copy in range(60)]
        made += [(short, write(replace(right, seed=seed, r="rng"), random.Random(f"{short} {seed} {copy}")))
                 for seed in STATE for copy in range(3)]
    zero = Spec("zeros", "", draws=ZERO_WEIGHTS, seed="")
    made += [("zeros", write(zero, random.Random(f"zeros {copy}"))) for copy in range(25)]
    made += list(_right_by_hand())
    expected = Expected(first=None, causes=())
    zeros = replace(ZERO, causes=())
    return [
        Mutant(f"{short}: right {number}", short, source, zeros if short == "zeros" else replace(expected, scale_formula=RIGHT_RULE[short]))
        for number, (short, source) in enumerate(dict.fromkeys(made))
    ]


def _right_by_hand() -> Iterator[tuple[str, str]]:
    for short in RIGHT_RULE:
        factor = FACTOR[short]
        yield short, usual(short, (COLUMN, "np.zeros([layers_dims[l], 1])"))
        yield short, usual(short, (f"{RANDN} * {factor}", f"({RANDN} * {factor}).astype(np.float32)"))
        yield (short, usual(short, ("        parameters['W'", "        parameters['W' + str(l)] = None\n        parameters['W'")))
        yield (
            short,
            usual(short, ("    L = len", "    np.random.randn(3)\n    L = len"), seed="")
            .replace("    parameters = {}\n", "    parameters = {}\n")
            .replace("    for", "    np.random.seed(3)\n    for"),
        )
        yield (short, usual(short, ("        parameters['W'", "        if l == 1:\n            np.random.seed(3)\n        parameters['W'"), seed=""))
        yield short, usual(short, seed="np.random.seed(1)\n    np.random.seed(3)")
        yield short, usual(short, seed="np.random.set_state(np.random.RandomState(3).get_state())")
        yield (short, usual(short, ("    return", "    assert parameters['W1'].shape == (layers_dims[1], layers_dims[0])\n    return")))
        yield short, usual(short, ("    return", "    np.random.randn(5)\n    return"))
        yield short, usual(short, ("    parameters = {}", "    print(end='')\n    parameters = {}"))
        yield short, usual(short, ("    return parameters", "    return dict(parameters)"))
        yield short, usual(short, ("range(1, L)", "np.arange(1, L)"))
        yield short, usual(short, ("layers_dims[l], layers_dims[l-1])", "*(layers_dims[l], layers_dims[l - 1]))"))
        yield (short, usual(short, ("    parameters = {}", "    layers_dims = np.array(layers_dims)\n    parameters = {}")))
        yield short, usual(short, ("    parameters = {}", "    layers_dims = tuple(layers_dims)\n    parameters = {}"))
        flat = f"""def {TASKS[short].name}(layers_dims):
    np.random.seed(3)
    sizes = [(n, m) for m, n in zip(layers_dims, layers_dims[1:])]
    numbers = np.random.randn(sum(n * m for n, m in sizes))
    parameters, at = {{}}, 0
    for l, (n, m) in enumerate(sizes, 1):
        factor = {"10" if short == "random" else "np.sqrt(2 / m)"}
        parameters[f"W{{l}}"] = numbers[at : at + n * m].reshape(n, m) * factor
        parameters[f"b{{l}}"] = np.zeros((n, 1))
        at += n * m
    return parameters
"""
        yield short, flat
        yield (
            short,
            f"""def {TASKS[short].name}(layers_dims):
    np.random.seed(3)
    draws = [np.random.randn(n, m) * {"10." if short == "random" else "(2 / m) ** .5"} for m, n in zip(layers_dims, layers_dims[1:])]
    return {{**{{'W%d' % (l + 1): W for l, W in enumerate(draws)}}, **{{'b%d' % (l + 1): np.zeros((W.shape[0], 1)) for l, W in enumerate(draws)}}}}
""",
        )
        yield (
            short,
            f"""def {TASKS[short].name}(layers_dims, l=1, parameters=None):
    if l == 1:
        np.random.seed(3)
        parameters = {{}}
    if l == len(layers_dims):
        return parameters
    parameters["W" + str(l)] = np.random.randn(layers_dims[l], layers_dims[l-1]) * {factor}
    parameters["b" + str(l)] = np.zeros((layers_dims[l], 1))
    return {TASKS[short].name}(layers_dims, l + 1, parameters)
""",
        )
        yield (
            short,
            f"""from numpy import zeros, sqrt
from numpy.random import randn, seed

def {TASKS[short].name}(layers_dims: list) -> dict:
    '''Start values of all layers.'''
    seed(3)
    parameters = {{}}
    for l in range(1, len(layers_dims)):
        W = randn(layers_dims[l], layers_dims[l - 1])
        W *= {"10" if short == "random" else "sqrt(2. / layers_dims[l - 1])"}
        parameters.setdefault("W" + str(l), W)
        parameters.setdefault("b" + str(l), zeros((layers_dims[l], 1)))
    return parameters
""",
        )
        yield (
            short,
            f"""SEED = 3

class Initializer:
    def __init__(self, dims):
        self.dims = dims

    def layer(self, l):
        n, m = self.dims[l], self.dims[l - 1]
        return np.random.normal(0, {"10" if short == "random" else "np.sqrt(2 / m)"}, size=(n, m)), np.zeros((n, 1))

def {TASKS[short].name}(layers_dims):
    np.random.seed(SEED)
    made, parameters = Initializer(layers_dims), {{}}
    for l in range(1, len(layers_dims)):
        parameters[f"W{{l}}"], parameters[f"b{{l}}"] = made.layer(l)
    return parameters
""",
        )
    yield "zeros", usual("zeros", (COLUMN, "np.zeros((layers_dims[l], 1), dtype='float32')"))
    yield "zeros", usual("zeros", ("np.zeros((layers_dims[l], layers_dims[l-1]))", f"{RANDN} * 0"))
    yield "zeros", usual("zeros", seed="pass")


# fmt: on
# --- running and scoring -------------------------------------------------------------------------------------------


def run(one: Mutant) -> FunctionEvidence:
    """Call the variant as the sandbox would."""
    task = TASKS[one.short]
    space: dict[str, Any] = {"np": np}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(one.source, one.name, "exec"), space)
        outcomes = tuple(_call(space[task.name], call) for call in EXERCISE.calls(task, b"secret"))
    function = Function(
        task.name,
        "found",
        place=Place(1, 2),
        code=one.source,
        units=(Unit(one.source, Place(1, 2)),),
        seeded_outside=Place(1, 1) if one.seeded_outside else None,
    )
    return FunctionEvidence(function, outcomes)


def _call(function: Callable[[list[int]], object], call: Call) -> Outcome:
    np.random.seed(call.ambient_seed)
    try:
        value = function(list(call.layers))
    except Exception as error:
        fault = Fault(type(error).__name__, str(error), Place(1, 2))
        return Outcome(call, "raised", message=f"{fault.kind}: {fault.message}", fault=fault)
    if not isinstance(value, dict):
        return Outcome(call, "refused", message="no dictionary")
    arrays = {}
    for name, entry in value.items():
        array = entry if type(entry) is np.ndarray else np.array(entry)
        if array.dtype.kind not in "fiub":
            return Outcome(call, "refused", message=f"{name!r} cannot be read as numbers")
        arrays[name] = Array.of(array, dtype=array.dtype.name, type_name=type(entry).__name__)
    return Outcome(call, "returned", arrays)


@cache
def reference(short: str) -> Recovered:
    """The course's solution, measured."""
    return recover(run(Mutant("solution", short, SOLUTIONS[short], Expected())))


def judge(one: Mutant) -> tuple[bool, Diagnosis]:
    """Return whether a variant passes, and its diagnosis."""
    task, wanted = TASKS[one.short], reference(one.short)
    student = recover(run(one), wanted)
    findings = {name: CHECKS[name](student, wanted) for name in task.points}
    lines = grade(findings, dict.fromkeys(findings, ""), task, EXERCISE)
    passed = sum(line.points for line in lines) == task.possible and status(student.evidence) == "graded"
    return passed, diagnose(Case(student, wanted), EXERCISE.model.layers, passed=passed)


RIGHT, SILENT, FALSE = "right", "cannot tell", "wrong"


@dataclass(frozen=True)
class Score:
    """What was said of a variant, field by field against what is expected."""

    mutant: Mutant
    passed: bool
    found: Diagnosis
    fields: Mapping[str, str]

    @property
    def verdict(self) -> str:
        """The worst of all fields."""
        said = set(self.fields.values())
        return FALSE if FALSE in said else SILENT if SILENT in said else RIGHT

    def __str__(self) -> str:
        found = {
            name: getattr(self.found, name)
            for name in ("seed", "seed_status", "distribution", "scale_formula", "causes")
        }
        bad = {name: said for name, said in self.fields.items() if said != RIGHT}
        head = f"{self.mutant.name}: {bad}"
        return (
            f"{head}\n  expected {self.mutant.expected}\n  found    {found} passed={self.passed}\n{self.mutant.source}"
        )


def score(one: Mutant) -> Score:
    """Judge a variant and compare."""
    passed, found = judge(one)
    want = one.expected
    said = {
        name: _compare(getattr(found, name), getattr(want, name))
        for name in ("seed", "seed_status", "distribution", "scale_formula")
    }
    said["first"] = _compare_first(found.causes, want)
    said["causes"] = _compare_all(found.causes, want.causes)
    said["passed"] = RIGHT if passed == one.passes else FALSE
    return Score(one, passed, found, said)


def _compare(found: object, want: object) -> str:
    if want is ANY or found == want or (isinstance(want, OneOf) and found in want):
        return RIGHT
    return SILENT if found in (None, "unknown") else FALSE


def _compare_first(found: tuple[str, ...], want: Expected) -> str:
    """Compare the first cause; one that is true, but should not stand first, leaves something unsaid."""
    said = _compare(found[0] if found else None, want.first)
    known = want.causes if isinstance(want.causes, tuple) else ()
    return SILENT if said == FALSE and found and found[0] in known else said


def _compare_all(found: tuple[str, ...], want: Any) -> str:
    if want is ANY or found == want:
        return RIGHT
    if isinstance(want, OneOf):
        return RIGHT if found in want else FALSE
    more = set(found) - set(want) - {"unknown"}
    return FALSE if more or set(found) == set(want) else SILENT


# --- the table -----------------------------------------------------------------------------------------------------


def table(scores: Sequence[Score]) -> str:
    """How often each first cause was found as which, and how often each fact was right, as Markdown."""
    wanted = [label(one.mutant.expected.first) for one in scores]
    found = [one.found.causes[0] if one.found.causes else "(passes)" for one in scores]
    counts = Counter(zip(wanted, found, strict=True))
    lines = ["| expected first cause | variants | found |", "|---|---:|---|"]
    for want in sorted(set(wanted)):
        cells = ", ".join(f"`{got}` {count}" for (own, got), count in sorted(counts.items()) if own == want)
        lines.append(f"| {want} | {wanted.count(want)} | {cells} |")
    lines += ["", "| part of the diagnosis | right | cannot tell | wrong |", "|---|---:|---:|---:|"]
    for name, title in (("seed", "seed"), ("seed_status", "seed status"), ("distribution", "distribution"), ("scale_formula", "rule"),
                        ("first", "first cause"), ("causes", "all causes")):  # fmt: skip
        said = Counter(one.fields[name] for one in scores)
        lines.append(f"| {title} | {said[RIGHT]} | {said[SILENT]} | {said[FALSE]} |")
    whole = Counter(one.verdict for one in scores)
    lines.append(f"| **all of it** | {whole[RIGHT]} | {whole[SILENT]} | {whole[FALSE]} |")
    return "\n".join(lines)


def label(want: object) -> str:
    if want is ANY or isinstance(want, OneOf):
        return "several causes would be right"
    return "(passes)" if want is None else f"`{want}`"


def main() -> None:
    """Write the tables of the page, or print what is not right."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--failures", action="store_true", help="print every variant of which something else was said")
    arguments = parser.parse_args()
    scores = [score(one) for one in (*mutants(), *passing())]
    if arguments.failures:
        print("\n".join(str(one) for one in scores if one.verdict != RIGHT))
    else:
        PAGE.write_text(TABLES.sub(lambda _: table(scores), PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
