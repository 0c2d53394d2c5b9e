"""What a function's text shows beside its numbers: what it takes, stores and draws.  Syntax trees only; nothing is run."""

from __future__ import annotations

import ast
import builtins
import difflib
import re
import sys
from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from grader.messages import say
from grader.records import Function

MOST_SHOWN = 100  # characters of a student's line that a page quotes
_ALIKE = 0.7  # names this alike (difflib's ratio) are one name, mistyped
_RANDOM = frozenset(dir(np.random))
_NUMPY = frozenset(dir(np)) - set(dir(builtins))
_DRAWS = frozenset("randn rand normal uniform standard_normal random random_sample randint choice gauss".split())
_ALSO_FUNCTIONS = frozenset({"pprint", "copy", "deepcopy"})  # of modules, which are called by their bare name


@lru_cache(64)
def definition(code: str) -> ast.FunctionDef | None:
    """Return the function that a text defines, or None where it is made in another way."""
    try:
        body = ast.parse(code).body
    except (SyntaxError, RecursionError, ValueError, MemoryError):
        return None
    return next((node for node in body if isinstance(node, ast.FunctionDef)), None)


def arguments(tree: ast.FunctionDef) -> list[str]:
    """Return the names that a function takes, in order."""
    given = tree.args
    return [argument.arg for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs)]


def required(tree: ast.FunctionDef) -> list[str]:
    """Return the names of the arguments that a call must give."""
    positional = [argument.arg for argument in (*tree.args.posonlyargs, *tree.args.args)]
    named = zip(tree.args.kwonlyargs, tree.args.kw_defaults, strict=True)
    first = positional[: len(positional) - len(tree.args.defaults)]
    return [*first, *(argument.arg for argument, default in named if default is None)]


def takes(tree: ast.FunctionDef, count: int) -> bool:
    """Return whether a function can be called with so many positional arguments."""
    positional = len(tree.args.posonlyargs) + len(tree.args.args)
    needed = len(required(tree))
    return needed <= count and (count <= positional or tree.args.vararg is not None)


def returns(tree: ast.FunctionDef) -> list[ast.Return]:
    """Return the statements that end a function with a value."""
    return [node for node in _inside(tree) if isinstance(node, ast.Return) and node.value is not None]


def returns_in_loop(tree: ast.FunctionDef) -> bool:
    """Return whether a function that loops returns in a loop and nowhere else, so in the first round."""
    loops = [node for node in _inside(tree) if isinstance(node, ast.For | ast.While)]
    within = {id(part) for loop in loops for part in ast.walk(loop) if isinstance(part, ast.Return)}
    ends = returns(tree)
    return bool(ends) and all(id(end) in within for end in ends)


def _inside(tree: ast.FunctionDef) -> Iterator[ast.AST]:
    """Yield the nodes of a function's body, but for those of functions inside it."""
    waiting: list[ast.AST] = [*tree.body]
    while waiting:
        node = waiting.pop(0)
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            waiting += ast.iter_child_nodes(node)


def counter(tree: ast.FunctionDef) -> str | None:
    """Return the variable of the only loop, or None."""
    loops = [node.target for node in _inside(tree) if isinstance(node, ast.For)]
    return loops[0].id if len(loops) == 1 and isinstance(loops[0], ast.Name) else None


def fixed_index(tree: ast.FunctionDef, kind: str) -> str | None:
    """Return a size with a number for its index, such as ``layers_dims[1]``, in what is stored as W or b inside a loop."""
    taken = set(arguments(tree))
    for loop in (node for node in _inside(tree) if isinstance(node, ast.For)):
        for assignment in (node for node in ast.walk(loop) if isinstance(node, ast.Assign)):
            if _stored_as(assignment) == kind:
                for node in ast.walk(assignment.value):
                    is_size = isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name)
                    if is_size and node.value.id in taken and isinstance(node.slice, ast.Constant):  # type: ignore[attr-defined]
                        return ast.unparse(node)
    return None


def _stored_as(assignment: ast.Assign) -> str:
    """Return the first letter of the key that a statement stores under, or the empty string."""
    for target in assignment.targets:
        if isinstance(target, ast.Subscript):
            texts = [part.value for part in ast.walk(target.slice) if isinstance(part, ast.Constant)]
            return next((text[:1] for text in texts if isinstance(text, str)), "")
    return ""


def drawing(code: str) -> str | None:
    """Return the student's own expression for the weights, if there is just one and it draws, or None."""
    tree = definition(code)
    if tree is None:
        return None
    values = [node.value for node in _inside(tree) if isinstance(node, ast.Assign) and _stored_as(node) == "W"]
    if len(values) != 1 or not any(_called(part) in _DRAWS for part in ast.walk(values[0])):
        return None
    return _short(values[0])


def seeding(code: str) -> str | None:
    """Return the student's own call that sets the seed, if there is just one, or None."""
    tree = definition(code)
    calls = [node for node in _inside(tree) if _called(node) == "seed"] if tree else []
    return _short(calls[0]) if len(calls) == 1 else None


def _called(node: ast.AST) -> str:
    function = getattr(node, "func", None)
    return str(getattr(function, "attr", getattr(function, "id", "")))


def _short(node: ast.AST) -> str | None:
    text = re.sub(r"\[(\w+) ([+-]) (\w+)\]", r"[\1\2\3]", ast.unparse(node))  # as the course writes indices
    return text if len(text) <= MOST_SHOWN else None


# --- names from outside --------------------------------------------------------------------------------------------


def size_from_outside(function: Function) -> str | None:
    """Return a global list or number that is used where the function's argument belongs, such as ``layer_dims``; or None."""
    tree = definition(function.code)
    if tree is None or not arguments(tree):
        return None
    plain = {name for unit in function.units for name in _plain_values(unit.run)}
    own = {*arguments(tree), *_bound(tree)}
    for node in _inside(tree):
        for name in _used_as_size(node):
            if name in plain and name not in own:
                return name
    return None


@lru_cache(64)
def _plain_values(code: str) -> frozenset[str]:
    """Return the names that a top-level statement gives a number or a list."""
    try:
        body = ast.parse(code).body
    except (SyntaxError, RecursionError, ValueError, MemoryError):
        return frozenset()
    names = set()
    for node in body:
        if isinstance(node, ast.Assign) and _is_of_whole_numbers(node.value):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return frozenset(names)


def _is_of_whole_numbers(value: ast.expr) -> bool:
    """Return whether an expression is a whole number, a list of them, or the length of one."""
    parts = [part.value for part in ast.walk(value) if isinstance(part, ast.Constant)]
    plain = bool(parts) and not any(isinstance(part, ast.Lambda | ast.Dict) for part in ast.walk(value))
    return _called(value) == "len" or (plain and all(type(part) is int for part in parts))


def _used_as_size(node: ast.AST) -> Iterator[str]:
    """Yield names that an expression takes sizes from: ``name[l]``, ``len(name)``, ``range(1, name)``."""
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and isinstance(node.ctx, ast.Load):
        yield node.value.id
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("len", "range"):
        for argument in node.args:
            yield from (part.id for part in ast.walk(argument) if isinstance(part, ast.Name))


def _bound(tree: ast.FunctionDef) -> set[str]:
    """Return the names that a function's own statements set."""
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def own_size(name: str, function: Function) -> str:
    """Return in words how to take a size from the function's own argument."""
    tree = definition(function.code)
    taken = arguments(tree)[0] if tree and arguments(tree) else "layers_dims"
    if tree is not None and any(_indexes(node, name) for node in _inside(tree)):
        return say("steps.own_argument", argument=taken, name=name)
    return say("steps.own_size", name=name, size=_length(name, tree, taken))


def _indexes(node: ast.AST, name: str) -> bool:
    """Return whether an expression takes a name for a list."""
    listed = isinstance(node, ast.Subscript) or _called(node) == "len"
    return listed and name in _used_as_size(node)


def _length(name: str, tree: ast.FunctionDef | None, taken: str) -> str:
    """Return the number of layers as a loop over range(1, name) needs it, or over range(name) and range(1, name + 1)."""
    ranges = [node for node in ast.walk(tree) if _called(node) == "range"] if tree else []
    whole = any(len(node.args) > 1 and ast.unparse(node.args[1]) == name for node in ranges)  # type: ignore[attr-defined]
    return f"len({taken})" if whole or not ranges else f"len({taken}) - 1"


def remedy(name: str, function: Function) -> str:
    """Return in words what to do about a name that nothing defines: which name is likely meant, and where it comes from."""
    tree = definition(function.code)
    missing = next((missing_name for missing_name in function.missing_names if missing_name.name == name), None)
    if missing and missing.defined:
        return say("steps.name.computed", name=name, place=missing.defined)
    if name == "self":
        return say("steps.name.self")
    if name in ("L", "n_layers", "num_layers") and (tree is None or len(arguments(tree)) < 2):
        return own_size(name, function)
    if tree is not None and any(_stores_into(node, name) for node in _inside(tree)):
        return say("steps.name.dictionary", name=name)
    if near := _near(name, tree):
        return say("steps.name.other", name=name, other=near)
    return _library(name, function.code) or say("steps.name.unknown", name=name)


def _stores_into(node: ast.AST, name: str) -> bool:
    """Return whether a statement stores under a key of a dictionary of this name."""
    targets = node.targets if isinstance(node, ast.Assign) else []
    return any(isinstance(target, ast.Subscript) and ast.unparse(target.value) == name for target in targets)


def _near(name: str, tree: ast.FunctionDef | None) -> str | None:
    """Return the function's own name that is most like another, as layers_dims is like layer_dims."""
    if tree is None:
        return None
    loop = counter(tree)
    if len(name) == 1 and loop and len(loop) == 1 and name in "ijkln":  # an index of one letter is the loop's
        return loop
    names = [own for own in dict.fromkeys((*arguments(tree), *sorted(_bound(tree)))) if own != name]
    return next(iter(difflib.get_close_matches(name, names, n=1, cutoff=_ALIKE)), None)


def mistyped_numpy_name(message: str) -> tuple[str, str] | None:
    """Return a name that NumPy does not have and the one most like it, from Python's words about it; or None."""
    match = re.match(r"module 'numpy(\.random)?' has no attribute '(\w+)'", message)
    if match is None:
        return None
    names = sorted(_RANDOM if match[1] else _NUMPY)
    near = difflib.get_close_matches(match[2], names, n=1, cutoff=_ALIKE)
    prefix = f"np{match[1] or ''}."
    return (f"{prefix}{match[2]}", f"{prefix}{near[0]}") if near else None


def sizes_handed_over(tree: ast.FunctionDef) -> str | None:
    """Return `randn` or `zeros` where its sizes are handed over as the other takes them; None where they are not."""
    for node in _inside(tree):
        if isinstance(node, ast.Call):
            if _called(node) in ("randn", "rand") and any(
                isinstance(argument, ast.Tuple | ast.List) for argument in node.args
            ):
                return "randn"
            if (
                _called(node) in ("zeros", "ones")
                and len(node.args) == 2
                and not isinstance(node.args[0], ast.Tuple | ast.List)
            ):
                return "zeros"
    return None


def import_line(name: str, code: str) -> str | None:
    """Return the line that imports a name of the standard library, or None where the name means something else."""
    if name in _ALSO_FUNCTIONS and f"{name}.{name}" not in code and f"{name}.deepcopy" not in code:
        module = "copy" if name == "deepcopy" else name
        return f"from {module} import {name}"
    if name == "random" and any(f"random.{draw}" in code for draw in ("randn", "rand(", "seed", "standard_normal")):
        return None
    return f"import {name}" if name in sys.stdlib_module_names else None


def _library(name: str, code: str) -> str | None:
    """Return in words where a name of a library comes from, or None."""
    if line := import_line(name, code):
        return say("steps.name.import", line=line)
    if name == "random":
        return say("steps.name.other", name=name, other="np.random")
    if name in _RANDOM and name in _DRAWS | {"seed", "RandomState", "default_rng"}:
        return say("steps.name.other", name=name, other=f"np.random.{name}")
    return say("steps.name.other", name=name, other=f"np.{name}") if name in _NUMPY else None
