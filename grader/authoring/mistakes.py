"""The usual mistakes of students, made in an exercise's own right answers: each changes one thing in the syntax tree."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from grader.exercise.shipped import SMALL, is_draw

OTHER = 1.0  # a scale for exercises that ask for the small one


@dataclass(frozen=True, slots=True)
class Mistake:
    """One way to get it wrong: its id in the catalogue, the cause that has to be named, and how the function changes."""

    name: str
    cause: str
    change: Callable[[ast.FunctionDef], None]


@dataclass(frozen=True, slots=True)
class WrongFunction:
    """The source of a right answer with one mistake in it."""

    mistake: Mistake
    source: str


def wrong_functions(right: ast.FunctionDef) -> Iterator[WrongFunction]:
    """Yield a right answer with each mistake that can be made in it."""
    before = ast.unparse(right)
    for mistake in MISTAKES:
        function = copy.deepcopy(right)
        mistake.change(function)
        source = ast.unparse(ast.fix_missing_locations(function))
        if source != before:
            yield WrongFunction(mistake, source)


# --- what is in a function ---------------------------------------------------------------------------------------


def _calls(tree: ast.AST, name: str) -> list[ast.Call]:
    """Return the calls of a function of a module, such as `np.zeros`."""
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == name
    ]


def _shape(call: ast.Call) -> list[ast.expr]:
    """Return the sides of what `np.zeros` makes, where they are written out."""
    sides = call.args[0] if call.args else None
    return sides.elts if isinstance(sides, ast.Tuple | ast.List) else []


def _zeros(tree: ast.AST, *, biases: bool) -> list[ast.Call]:
    """Return the calls of `np.zeros` that make biases, whose second side is the number 1, or those that make weights."""
    calls = [call for call in _calls(tree, "zeros") if len(_shape(call)) == 2]
    return [call for call in calls if (ast.unparse(_shape(call)[1]) == "1") == biases]


def _products(tree: ast.AST) -> Iterator[tuple[ast.BinOp, ast.Call, ast.expr]]:
    """Yield each product of a draw and a factor."""
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            for draw, factor in ((node.left, node.right), (node.right, node.left)):
                if isinstance(draw, ast.Call) and is_draw(draw):
                    yield node, draw, factor
                    break


def _np(name: str, *arguments: ast.expr) -> ast.Call:
    """Return a call of one of NumPy's functions, such as `np.random.randn`."""
    function = ast.parse(f"np.{name}", mode="eval").body
    return ast.Call(function, list(arguments), [])


class _Replaced(ast.NodeTransformer):
    """Puts other nodes in the place of some, by identity."""

    def __init__(self, others: dict[ast.AST, ast.AST | None]) -> None:
        self.others = others

    def visit(self, node: ast.AST) -> ast.AST | None:
        return self.others[node] if node in self.others else self.generic_visit(node)


def _replace(function: ast.FunctionDef, others: dict[ast.AST, ast.AST | None]) -> None:
    _Replaced(others).visit(function)


# --- the mistakes ----------------------------------------------------------------------------------------------------


def _no_factor(function: ast.FunctionDef) -> None:
    _replace(function, {product: draw for product, draw, _ in _products(function)})


def _other_factor(function: ast.FunctionDef) -> None:
    factors = [factor for _, _, factor in _products(function)]
    is_small = any(isinstance(factor, ast.Constant) and factor.value == SMALL for factor in factors)
    _replace(function, {factor: ast.Constant(OTHER / 2 if is_small else SMALL) for factor in factors})


def _seeds(function: ast.FunctionDef) -> list[ast.stmt]:
    return [
        node for node in ast.walk(function) if isinstance(node, ast.Expr) and node.value in _calls(function, "seed")
    ]


def _no_seed(function: ast.FunctionDef) -> None:
    _replace(function, dict.fromkeys(_seeds(function)))


def _other_seed(function: ast.FunctionDef) -> None:
    for call in _calls(function, "seed"):
        for argument in call.args[:1]:
            if isinstance(argument, ast.Constant) and isinstance(argument.value, int):
                call.args[0] = ast.Constant(argument.value + 1)


def _seed_in_loop(function: ast.FunctionDef) -> None:
    loops = [node for node in ast.walk(function) if isinstance(node, ast.For)]
    seeds = [copy.deepcopy(seed) for seed in _seeds(function)]
    if loops and seeds:
        _no_seed(function)
        loops[0].body[:0] = seeds


def _transposed(function: ast.FunctionDef) -> None:
    for call in _calls(function, "randn"):
        call.args.reverse()
    for call in _zeros(function, biases=False):
        _shape(call).reverse()


def _flat_biases(function: ast.FunctionDef) -> None:
    for call in _zeros(function, biases=True):
        call.args[0] = _shape(call)[0]


def _random_biases(function: ast.FunctionDef) -> None:
    _replace(function, {call: _np("random.randn", *_shape(call)) for call in _zeros(function, biases=True)})


def _uniform(function: ast.FunctionDef) -> None:
    for call in _calls(function, "randn"):
        call.func = ast.Attribute(call.func.value, "rand") if isinstance(call.func, ast.Attribute) else call.func


def _no_root(function: ast.FunctionDef) -> None:
    roots = [call for _, _, factor in _products(function) for call in _calls(factor, "sqrt")]
    _replace(function, {root: root.args[0] for root in roots if root.args})


def _fan_out(function: ast.FunctionDef) -> None:
    for _, draw, factor in _products(function):
        if len(draw.args) == 2:
            own, before = draw.args[0], ast.unparse(draw.args[1])
            sizes = [node for node in ast.walk(factor) if isinstance(node, ast.expr) and ast.unparse(node) == before]
            _replace(function, {size: copy.deepcopy(own) for size in sizes})


def _one_over_n(function: ast.FunctionDef) -> None:
    for _, _, factor in _products(function):
        for root in _calls(factor, "sqrt"):
            for node in ast.walk(root):
                if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and ast.unparse(node.left) == "2":
                    node.left = ast.Constant(1)


def _small_weights(function: ast.FunctionDef) -> None:
    if not _calls(function, "randn"):
        weights = _zeros(function, biases=False)
        small = [ast.BinOp(_np("random.randn", *_shape(call)), ast.Mult(), ast.Constant(SMALL)) for call in weights]
        _replace(function, dict(zip(weights, small, strict=True)))


def _ones(function: ast.FunctionDef) -> None:
    if not _calls(function, "randn"):
        for call in _zeros(function, biases=False):
            call.func = _np("ones").func


def _last_layer_missing(function: ast.FunctionDef) -> None:
    for loop in (node for node in ast.walk(function) if isinstance(node, ast.For)):
        if isinstance(loop.iter, ast.Call) and ast.unparse(loop.iter.func) == "range" and len(loop.iter.args) == 2:
            loop.iter.args[1] = ast.BinOp(loop.iter.args[1], ast.Sub(), ast.Constant(1))


def _extra_key(function: ast.FunctionDef) -> None:
    last = function.body[-1]
    if isinstance(last, ast.Return) and isinstance(last.value, ast.Name):
        function.body[-1:-1] = ast.parse(f"{last.value.id}['L'] = 1").body


MISTAKES = (
    Mistake("no_factor", "scale_constant", _no_factor),
    Mistake("other_factor", "scale_constant", _other_factor),
    Mistake("no_root", "scale_sqrt_missing", _no_root),
    Mistake("fan_out", "scale_fan_out", _fan_out),
    Mistake("one_over_n", "scale_xavier", _one_over_n),
    Mistake("no_seed", "seed_missing", _no_seed),
    Mistake("other_seed", "seed_other", _other_seed),
    Mistake("seed_in_loop", "seed_per_layer", _seed_in_loop),
    Mistake("uniform", "uniform_not_normal", _uniform),
    Mistake("transposed", "transposed", _transposed),
    Mistake("flat_biases", "bias_shape", _flat_biases),
    Mistake("random_biases", "bias_random", _random_biases),
    Mistake("small_weights", "weights_not_zero", _small_weights),
    Mistake("ones", "weights_constant", _ones),
    Mistake("last_layer_missing", "layer_missing", _last_layer_missing),
    Mistake("extra_key", "extra_keys", _extra_key),
)
