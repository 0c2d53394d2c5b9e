"""The catalogue of one-edit repairs: a function -> texts of it that differ in one thing, the simplest edits first.

Syntax trees only: nothing is executed.  What is put in comes from the exercise's own solution, its numbers, its seed and
its factors, or from the function itself.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from grader.records import Function, RepairKind
from grader.running.repair.code import Candidate, EditableCode, Node, code_of

MOST_CHARACTERS = 6000  # of a function; students' have at most about 2,500, and each candidate is a whole function
_STILL = frozenset({"zeros", "ones", "empty", "full"})
_SHAPE_AT = {"rand": None, "randn": None, "normal": 2, "uniform": 2, "randint": 2} | dict.fromkeys(
    ("random", "random_sample", "ranf", "sample", "standard_normal", *_STILL), 0
)  # the number of the argument that is the shape; None: the sizes are the arguments
_CONVERSIONS = frozenset(
    "abs absolute array around asarray asmatrix astype flatten float float16 float32 floor int list matrix ravel reshape "
    "rint round single squeeze tolist transpose".split()
)
_REMOVED = frozenset({"float", "int", "bool", "object"})  # names that NumPy had as well until 1.24
_PARTS: dict[str, RepairKind] = {
    "range": "loop", "len": "loop", "str": "key", "seed": "seed", "RandomState": "seed", "default_rng": "seed",
}  # fmt: skip
_OTHER: dict[type[ast.cmpop], type[ast.cmpop]] = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}


@dataclass(frozen=True, slots=True)
class SolutionLiterals:
    """What the solution's function writes: its numbers and texts, its seed, the plain numbers that it multiplies by."""

    constants: tuple[Any, ...] = ()
    seeds: tuple[ast.expr, ...] = ()
    factors: tuple[ast.expr, ...] = ()


@lru_cache(32)
def wanted(solution: Function) -> SolutionLiterals:
    """Return what an edit may put in: what the solution's own function writes."""
    code = code_of(solution)
    if code is None:
        return SolutionLiterals()
    seeds = [node.args[0] for node in code.all(ast.Call) if _called(node) == "seed"]
    sides = [side for node in code.all(ast.BinOp) if _is(node, ast.Mult) for side in (node.left, node.right)]
    return SolutionLiterals(
        tuple(dict.fromkeys(node.value for node in code.all(ast.Constant))),
        tuple(seeds),
        tuple(side for side in sides if isinstance(side, ast.Constant)),
    )


def candidates(function: Function, want: SolutionLiterals) -> Iterator[Candidate]:
    """Yield every edit of the unit that defines the function, no text twice, always in the same order.

    Raises
    ------
    RecursionError
        If the function is nested too deeply.
    """
    code = code_of(function)
    if code is None or len(code.unit.source) > MOST_CHARACTERS:
        return
    seen = {code.unit.source}
    for candidate in _all(code, want):
        if candidate.source not in seen:
            seen.add(candidate.source)
            yield candidate


def _all(code: EditableCode, want: SolutionLiterals) -> Iterator[Candidate]:
    yield from _constants(code, want)
    yield from _seeds(code, want)
    yield from _statements(code)
    yield from _names(code)
    yield from _conversions(code)
    yield from _indices(code)
    yield from _roots(code)
    yield from _factors(code, want)
    yield from _fills(code)
    yield from _shapes(code)
    yield from _biases(code)
    yield from _loops(code)


def _constants(code: EditableCode, want: SolutionLiterals) -> Iterator[Candidate]:
    """Yield edits that write another number or key."""
    for node in code.all(ast.Constant):
        kind = _kind(code, node, "key" if _is_text(node) else "constant")
        for value in want.constants if kind not in ("index", "loop") else ():  # these have rules of their own
            if isinstance(value, str) == _is_text(node):
                yield code.swap(kind, node, ast.Constant(value))


def _seeds(code: EditableCode, want: SolutionLiterals) -> Iterator[Candidate]:
    """Yield edits that put the seed in, take it out, or set it once and first."""
    for seed in want.seeds[:1]:
        yield code.put_in("seed", ast.unparse(_numpy(code, "random.seed", seed)))
    for node in code.all(ast.Expr):
        if _called(node.value) == "seed":
            yield code.take_out("seed", node)
            yield code.move("seed", node)


def _names(code: EditableCode) -> Iterator[Candidate]:
    """Yield edits that write a name that exists."""
    given = [argument.arg for argument in code.tree.args.args]
    for node in code.all(ast.Attribute):
        if node.attr in _REMOVED and isinstance(node.value, ast.Name):
            yield code.swap("name", node, ast.Name(node.attr))
    for node in code.all(ast.Name):
        if node.id in code.missing:
            for text in (*given, code.numpy, *(f"len({name})" for name in given)):
                yield code.swap("name", node, ast.Name(text))


def _conversions(code: EditableCode) -> Iterator[Candidate]:
    """Yield edits that leave numbers as they are: without rounding, without another type."""
    for node in code.all(ast.Call):
        others = [keyword for keyword in node.keywords if keyword.arg != "dtype"]
        yield code.swap("conversion", node, ast.Call(node.func, node.args, others))
        if _called(node) in _CONVERSIONS:
            method_of = [node.func.value] if isinstance(node.func, ast.Attribute) else []
            for value in (*node.args[:1], *method_of):
                yield code.swap("conversion", node, value)


def _indices(code: EditableCode) -> Iterator[Candidate]:
    """Yield edits that take the sizes of another layer."""
    counting = [node.target for node in code.all(ast.For, ast.comprehension, ast.AugAssign)]
    counters = dict.fromkeys(target.id for target in counting if isinstance(target, ast.Name))
    for node in code.all(ast.Subscript):
        if not any(isinstance(part, ast.JoinedStr) or _is_text(part) for part in ast.walk(node.slice)):
            for counter in counters:
                for text in (f"{counter} - 1", counter, f"{counter} + 1"):
                    yield code.swap("index", node.slice, ast.Name(text))


def _roots(code: EditableCode) -> Iterator[Candidate]:
    """Yield edits that add, remove or move a root."""
    for node in code.all(ast.Call, ast.BinOp):
        if (inside := _under_root(node)) is not None:
            yield code.swap("root", node, inside)
            if _is(inside, ast.Div):
                yield code.swap("root", node, _root(code, inside.right, inside.left))
        if _is(node, ast.Div, ast.FloorDiv):
            above, below = node.left, node.right
            yield code.swap("root", node, _root(code, above, below))
            yield code.swap("root", node, _root(code, _under_root(above) or above, _under_root(below) or below))
            if _is(above, ast.Mult):  # randn(…) * 2 / n
                root = _root(code, _under_root(above.right) or above.right, below)
                yield code.swap("root", node, ast.BinOp(above.left, ast.Mult(), root), at=above.right)


def _factors(code: EditableCode, want: SolutionLiterals) -> Iterator[Candidate]:
    """Yield edits that add, remove, exchange or move a factor or term."""
    for node in code.all(ast.BinOp):
        kind = _kind(code, node, "loop" if _called(node.left) == "len" else "factor")
        yield code.swap(kind, node, node.left, at=node.right)
        if _is(node, ast.Mult, ast.Add):
            yield code.swap(kind, node, node.right, at=node.left)
        if _is(node, ast.Mult, ast.Div, ast.FloorDiv):
            yield code.swap(kind, node, ast.BinOp(node.left, ast.Mult(), node.right), at=node.right)
            yield code.swap(kind, node, ast.BinOp(node.left, ast.Div(), node.right), at=node.right)
            drawn, other = (node.left, node.right) if _draws(node.left) else (node.right, node.left)
            for factor in want.factors if _draws(drawn) else ():
                yield code.swap(kind, node, ast.BinOp(drawn, ast.Mult(), factor), at=other)
    for node in code.all(ast.Call):
        for factor in want.factors if _sizes(node) and _called(node) not in _STILL else ():
            yield code.swap("factor", node, ast.BinOp(node, ast.Mult(), factor))


def _fills(code: EditableCode) -> Iterator[Candidate]:
    """Yield edits that call another function that draws or fills, or give its sizes as it takes them."""
    for node in code.all(ast.Call):
        if sizes := _sizes(node):
            drawn, still = _numpy(code, "random.randn", *sizes), _numpy(code, "zeros", ast.Tuple(sizes))
            yield code.swap("shape" if _called(node) == "randn" else _kind(code, node, "draw"), node, drawn)
            yield code.swap("shape" if _called(node) == "zeros" else _kind(code, node, "draw"), node, still)
        elif _called(node) == "default_rng":
            yield code.swap("draw", node, _numpy(code, "random.RandomState", *node.args))


def _shapes(code: EditableCode) -> Iterator[Candidate]:
    """Yield edits that swap the two sides of an array."""
    for node in code.all(ast.Call):
        if _called(node) in ("rand", "randn") and len(node.args) == 2:
            yield code.swap("shape_order", node, ast.Call(node.func, node.args[::-1], []))
    for node in code.all(ast.Tuple, ast.List):
        if isinstance(node.ctx, ast.Load) and len(node.elts) == 2:
            yield code.swap("shape_order", node, ast.Tuple(node.elts[::-1]))
    for node in code.all(ast.Attribute):
        if node.attr == "T":
            yield code.swap("shape_order", node, node.value)


def _biases(code: EditableCode) -> Iterator[Candidate]:
    """Yield edits that make a bias of zeros, as long as an array in the function is high."""
    heights = {ast.unparse(sizes[0]): sizes[0] for node in code.all(ast.Call) if (sizes := _sizes(node))}
    for node in code.all(ast.Assign):
        for height in heights.values() if _is_bias(node) else ():
            yield code.swap("bias", node.value, _numpy(code, "zeros", ast.Tuple([height, ast.Constant(1)])))


def _loops(code: EditableCode) -> Iterator[Candidate]:
    """Yield edits that loop over one layer more or less."""
    for node in code.all(ast.Call):
        name = _called(node)
        for old in {"range": node.args, "str": node.args, "len": [node]}.get(name, ()):
            yield code.swap(_PARTS[name], old, ast.BinOp(old, ast.Sub(), ast.Constant(1)))
            if name != "len":
                yield code.swap(_PARTS[name], old, ast.BinOp(old, ast.Add(), ast.Constant(1)))
        if name == "range" and len(node.args) == 1:
            yield code.swap("loop", node, ast.Call(node.func, [ast.Constant(1), *node.args], []))
    for node in code.all(ast.Compare):
        if other := _OTHER.get(type(node.ops[0])):
            yield code.swap("loop", node, ast.Compare(node.left, [other()], node.comparators))


def _statements(code: EditableCode) -> Iterator[Candidate]:
    """Yield edits that remove a line, or move it out of a loop."""
    repeated = {
        node for node in code.nodes if any(isinstance(outer, ast.For | ast.While) for outer, _ in code.above(node))
    }
    for node in code.all(ast.Return):
        if node in repeated:
            yield code.move("return", node, to_end=True)
    for node in code.all(ast.Expr, ast.Assign, ast.AugAssign):
        yield code.take_out("extra_line", node)
        if node in repeated:
            yield code.move("order", node)


# --- what a node is ------------------------------------------------------------------------------------------------


def _kind(code: EditableCode, node: ast.expr, default: RepairKind) -> RepairKind:
    """Return the kind of an edit, by what the expression is part of."""
    for outer, inner in code.above(node):
        if isinstance(outer, ast.Subscript) and inner is outer.slice and default != "key":
            return "index"
        if isinstance(outer, ast.Call) and inner is not outer.func and _called(outer) in _PARTS:
            return _PARTS[_called(outer)]
        if isinstance(outer, ast.Assign) and default == "draw" and _is_bias(outer):
            return "bias"
    return default


def _called(node: Node) -> str:
    """Return the last part of the name of what is called, if anything is."""
    function = getattr(node, "func", None)
    return str(getattr(function, "attr", getattr(function, "id", "")))


def _is(node: Node, *operators: type[ast.operator]) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, operators)


def _is_text(node: Node) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _is_bias(node: ast.Assign) -> bool:
    """Return whether a statement stores under a key that begins with b."""
    keys = [part.value for part in ast.walk(node.targets[0]) if _is_text(part)]  # type: ignore[attr-defined]  # a text
    return isinstance(node.targets[0], ast.Subscript) and any(key.lower().startswith("b") for key in keys[:1])


def _numpy(code: EditableCode, name: str, *arguments: ast.expr) -> ast.expr:
    """Return a call of one of NumPy's functions, under the name that the function uses for NumPy."""
    return ast.Call(ast.Name(f"{code.numpy}.{name}"), list(arguments), [])


def _root(code: EditableCode, above: ast.expr, below: ast.expr) -> ast.expr:
    return _numpy(code, "sqrt", ast.BinOp(above, ast.Div(), below))


def _under_root(node: Node) -> Node:
    """Return the expression under a root, or None."""
    if _called(node) == "sqrt" and len(node.args) == 1:
        return node.args[0]
    return node.left if _is(node, ast.Pow) and ast.unparse(node.right) in ("0.5", "1 / 2") else None


def _sizes(call: Node) -> list[ast.expr]:
    """Return the sizes of the array that a call makes; of anything else, none."""
    name = _called(call)
    if name not in _SHAPE_AT:
        return []
    at = _SHAPE_AT[name]
    all_are_sizes = at is None or (name == "zeros" and len(call.args) == 2)  # as in the slip zeros(n, 1)
    named = [keyword.value for keyword in call.keywords if keyword.arg in ("size", "shape")]
    sizes: list[Node] = named or (call.args if all_are_sizes else call.args[at:][:1])
    return sizes[0].elts if len(sizes) == 1 and isinstance(sizes[0], ast.Tuple | ast.List) else sizes


def _draws(node: ast.AST) -> bool:
    """Return whether an expression draws numbers."""
    return any(_sizes(part) and _called(part) not in _STILL for part in ast.walk(node))
