"""What a notebook printed for each function when it was last run.  Syntax trees and text only: nothing is executed.

An output says what ran then, not what the code is now; so only numbers whose origin is beyond doubt are taken, as the
digits that are there, and everything else is passed over.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from grader.reading.extract.cells import Code, read
from grader.reading.extract.facts import SyntaxFacts
from grader.reading.extract.targets import Definition
from grader.records import ModelSettings, Notebook, Printed, PrintedArrays, PrintedRun

INPUTS = 2  # X.shape[0] in the course's model: the points of the exercise lie in a plane
MOST_SOURCE_CHARACTERS = 20_000  # of one cell: those that train and show are short
MOST_CELLS = 4  # over which one training is spread
MOST_COSTS, MOST_LAYERS, LARGEST = 50, 20, 10**9

_DIGITS = r"[-+]?(?:[0-9]{1,20}\.?[0-9]{0,20}|\.[0-9]{1,20})(?:[eE][-+]?[0-9]{1,2})?"
_ACCURACY = re.compile(rf"(?i)accuracy\b[^\n:=]{{0,20}}[:=][ \t]*({_DIGITS})(?![\w.%])")
_COST = re.compile(rf"\b[Ii]tera\w{{1,6}} ([0-9]{{1,7}})[ \t]*:[ \t]*({_DIGITS}|inf|nan)(?![\w.%])")
_ARRAY = re.compile(r"(?:\b|')([Wb][1-9][0-9]?)(?:'?[ \t]*[=:][ \t]*)(?:array\()?(\[[-+0-9.eE,\[\]\s]*\])")
_ROW = re.compile(r"\[([^\[\]]*)\]")

# what a cell that shows the parameters of one call consists of; anything else may have changed them
_SHOWING_NODES = (
    ast.Expr, ast.Assign, ast.For, ast.Call, ast.Name, ast.Constant, ast.Subscript, ast.Attribute, ast.BinOp, ast.Add,
    ast.Mod, ast.List, ast.Tuple, ast.JoinedStr, ast.FormattedValue, ast.keyword, ast.expr_context,
)  # fmt: skip
_SHOWING_NAMES = frozenset({"print", "str", "repr", "display", "pprint", "format", "items"})


@dataclass(frozen=True, slots=True)
class _Ran:
    """A code cell with all that runs when it does, and its calls of plain names."""

    code: Code
    calls: Mapping[str, Sequence[ast.Call]]


@dataclass(frozen=True, slots=True)
class _NotebookModel:
    """A notebook's own `model`: its definition, the functions it makes parameters with, its layers if they can be read."""

    node: ast.FunctionDef
    words: Mapping[str, str]
    layers: tuple[int, ...] | None


def printed(notebook: Notebook, words: Mapping[str, str], facts: SyntaxFacts | None = None) -> Mapping[str, Printed]:
    """Return what was printed, by function; where there are several cells of a kind, the last one counts.

    `words` maps what the course's `model` calls an initialization to the function that makes it.
    """
    cells = [_ran(code) for code in _codes(notebook, tuple(words.values()), facts or SyntaxFacts())]
    runs, shown = dict(_runs(cells, words)), dict(_shown(cells, frozenset(words.values())))
    return {name: Printed(runs.get(name), shown.get(name)) for name in words.values() if name in runs or name in shown}


def _codes(notebook: Notebook, names: Sequence[str], facts: SyntaxFacts) -> Iterator[Code]:
    """Parse the code cells that can matter here; of the others only their place in the order counts."""
    for cell in notebook.cells:
        if cell.kind == "code":
            called = ("model", "predict", *names) if cell.output else ("model",)
            matters = any(f"{name}(" in cell.source for name in called)
            is_read = matters and len(cell.source) <= MOST_SOURCE_CHARACTERS
            yield read(cell, facts) if is_read else Code(cell, "", (), (), facts)


def _ran(code: Code) -> _Ran:
    return _Ran(code, code.facts.of(_calls, code.statements))


def _nodes(statements: tuple[ast.stmt, ...]) -> tuple[ast.AST, ...]:
    running = (statement for statement in statements if not isinstance(statement, Definition))
    return tuple(node for statement in running for node in ast.walk(statement))


def _calls(statements: tuple[ast.stmt, ...]) -> Mapping[str, Sequence[ast.Call]]:
    calls: dict[str, list[ast.Call]] = {}
    for node in _nodes(statements):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            calls.setdefault(node.func.id, []).append(node)
    return calls


# --- training ------------------------------------------------------------------------------------------------------


def _runs(cells: Sequence[_Ran], words: Mapping[str, str]) -> Iterator[tuple[str, PrintedRun]]:
    """Yield function and output of each cell that calls `model` once, in a way that can be read."""
    own: _NotebookModel | None = None
    for index, cell in enumerate(cells):
        own = cell.code.facts.of(_own_model, cell.code.statements, frozenset(words.values())) or own
        calls = cell.calls.get("model", ())
        given = _given(own, calls[0]) if len(calls) == 1 else None
        settings = None if given is None else _settings(own, given)
        function = None if given is None else _function(own, given, words)
        if settings is not None and function is not None:
            accuracies = _accuracies(cells[index : index + MOST_CELLS], words)
            costs = tuple(
                (int(match[1]), match[2]) for match in islice(_COST.finditer(cell.code.cell.output), MOST_COSTS)
            )
            yield function, PrintedRun(cell.code.place(calls[0]), settings, accuracies, costs)


def _own_model(statements: tuple[ast.stmt, ...], names: frozenset[str]) -> _NotebookModel | None:
    """Return the last definition of `model` at a cell's left margin, or None."""
    definitions = (node for node in reversed(statements) if isinstance(node, ast.FunctionDef))
    node = next((node for node in definitions if node.name == "model"), None)
    return None if node is None else _NotebookModel(node, dict(_words(node, names)), _layers(node))


def _given(own: _NotebookModel | None, call: ast.Call) -> dict[str, ast.expr] | None:
    """Return what each parameter of `model` is set to, defaults included; None where that cannot be read."""
    given = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    if len(given) != len(call.keywords) or any(isinstance(value, ast.Starred) for value in call.args):
        return None
    if own is None:
        return given if len(call.args) == 2 else None  # X and Y
    takes = own.node.args
    names = [argument.arg for argument in (*takes.posonlyargs, *takes.args)]
    defaults = dict(zip(reversed(names), reversed(takes.defaults), strict=False))
    named = zip(takes.kwonlyargs, takes.kw_defaults, strict=True)
    defaults |= {argument.arg: value for argument, value in named if value is not None}
    return {**defaults, **dict(zip(names, call.args, strict=False)), **given}


def _function(own: _NotebookModel | None, given: Mapping[str, ast.expr], words: Mapping[str, str]) -> str | None:
    """Return the function that makes the parameters: the course's names for them, or those of the notebook's model."""
    word = given.get("initialization", None if own else ast.Constant("he"))
    names = (own.words if own else {}) or words
    return names.get(str(word.value)) if isinstance(word, ast.Constant) else None


def _words(own: ast.FunctionDef, names: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Yield ("he", "initialize_parameters_he") for each `if initialization == "he": … initialize_parameters_he(…)`."""
    for node in ast.walk(own):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Compare) and len(node.test.comparators) == 1:
            word = node.test.comparators[0]
            called = {name.id for part in node.body for name in ast.walk(part) if isinstance(name, ast.Name)} & names
            if isinstance(word, ast.Constant) and isinstance(node.test.ops[0], ast.Eq) and len(called) == 1:
                yield str(word.value), called.pop()


def _settings(own: _NotebookModel | None, given: Mapping[str, ast.expr]) -> ModelSettings | None:
    """Return what the notebook says of its model, or None where it says it in a way that cannot be read."""
    try:
        rate, iterations = (
            _number(given[name]) if own or name in given else None for name in ("learning_rate", "num_iterations")
        )
    except (KeyError, ValueError):
        return None
    if own and not own.layers:
        return None
    return ModelSettings(rate, None if iterations is None else int(iterations), own.layers if own else None)


def _number(node: ast.expr) -> float:
    """Return a number that is written out; raises ValueError for anything else."""
    value = node.value if isinstance(node, ast.Constant) else None
    if isinstance(value, int | float) and 0 <= value <= LARGEST:
        return float(value)
    raise ValueError


def _layers(own: ast.FunctionDef) -> tuple[int, ...] | None:
    """Return the layer sizes in `layers_dims = [X.shape[0], 10, 5, 1]`; None where they are not written out."""
    lists = [
        node.value.elts
        for node in ast.walk(own)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.List | ast.Tuple)
        if isinstance(node.targets[0], ast.Name) and node.targets[0].id in ("layers_dims", "layer_dims")
    ]
    if len(lists) != 1 or len(lists[0]) > MOST_LAYERS:
        return None
    try:
        return tuple(INPUTS if _is_shape(size) else int(_number(size)) for size in lists[0])
    except ValueError:
        return None


def _is_shape(node: ast.expr) -> bool:
    """Return whether this is `X.shape[0]`."""
    if not isinstance(node, ast.Subscript) or not isinstance(node.value, ast.Attribute):
        return False
    return node.value.attr == "shape" and isinstance(node.slice, ast.Constant) and node.slice.value == 0


def _accuracies(cells: Sequence[_Ran], words: Mapping[str, str]) -> tuple[str, str] | None:
    """Return train and test accuracy as printed by the first cell, or by the next ones that only predict."""
    text = cells[0].code.cell.output
    for cell in cells[1:]:
        calls = cell.calls.keys()
        if len(_ACCURACY.findall(text)) > 1 or "predict" not in calls or calls & {"model", *words.values()}:
            break
        text += "\n" + cell.code.cell.output
    matches = list(islice(_ACCURACY.finditer(text), 3))
    if len(matches) != 2 or not all(0 <= float(match[1]) <= 1 for match in matches):
        return None
    first, second = (match[1] for match in matches)
    swapped = _of_test(text[: matches[0].start(1)]) and not _of_test(text[matches[0].end() : matches[1].start(1)])
    return (second, first) if swapped else (first, second)


def _of_test(before: str) -> bool:
    """Return whether the last two lines before an accuracy speak of the test set."""
    return "test" in "\n".join(before.lower().split("\n")[-2:])


# --- arrays --------------------------------------------------------------------------------------------------------


def _shown(cells: Sequence[_Ran], names: frozenset[str]) -> Iterator[tuple[str, PrintedArrays]]:
    """Yield function and arrays of each cell that calls one function once and only shows what came back."""
    for cell in cells:
        calls = [(name, call) for name, of_name in cell.calls.items() if name in names for call in of_name]
        arrays = dict(_arrays(cell.code.cell.output)) if len(calls) == 1 else {}
        if not arrays:
            continue
        [(name, call)] = calls
        is_pure = cell.code.facts.of(_only_shows, cell.code.statements, name)
        if is_pure and (layers := _sizes(call)):
            yield name, PrintedArrays(cell.code.place(call), layers, arrays)


def _only_shows(statements: tuple[ast.stmt, ...], function: str) -> bool:
    nodes = _nodes(statements)
    names = [node for node in nodes if isinstance(node, ast.Name)]
    allowed = {node.id for node in names if isinstance(node.ctx, ast.Store)} | _SHOWING_NAMES | {function}
    return all(
        isinstance(node, _SHOWING_NODES)
        and (not isinstance(node, ast.Attribute) or node.attr in _SHOWING_NAMES)
        and (not isinstance(node, ast.Subscript) or isinstance(node.ctx, ast.Load))
        for node in nodes
    ) and all(name.id in allowed or name.id.endswith("_test") for name in names)


def _sizes(call: ast.Call) -> tuple[int, ...]:
    """Return the layer sizes that a call gives as a list of numbers, else an empty tuple."""
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    if len(given) != 1 or not isinstance(given[0], ast.List) or len(given[0].elts) > MOST_LAYERS:
        return ()
    try:
        return tuple(int(_number(size)) for size in given[0].elts)
    except ValueError:
        return ()


def _arrays(text: str) -> Iterator[tuple[str, tuple[tuple[str, ...], ...]]]:
    """Yield name and rows of each matrix that is printed whole, once and as numbers."""
    arrays = [(match[1], match[2]) for match in _ARRAY.finditer(text)]
    names = [name for name, _ in arrays]
    for name, content in arrays:
        rows = tuple(tuple(row.replace(",", " ").split()) for row in _ROW.findall(content))
        whole = content.startswith("[[") and len({len(row) for row in rows}) == 1 and rows[0]
        if whole and names.count(name) == 1 and all(re.fullmatch(_DIGITS, digits) for row in rows for digits in row):
            yield name, rows
