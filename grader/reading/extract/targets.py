"""What a statement at the top level of a notebook sets and changes.  Syntax trees only: nothing is executed."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from grader.reading.extract.cells import Code
from grader.reading.extract.exports import is_provided

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
# Statements with statements inside; `except*` makes one more from Python 3.11 on.
LOOPS = (ast.For, ast.AsyncFor, ast.While)
BLOCKS = (ast.With, ast.AsyncWith)
BRANCHES = (ast.If, ast.Match, ast.Try, getattr(ast, "TryStar", ast.Try))
COMPOUND = (*LOOPS, *BLOCKS, *BRANCHES)
FORS = (ast.For, ast.AsyncFor)
_HOLDING = ("body", "orelse", "finalbody", "handlers", "cases")  # the parts of a statement that have statements inside
_OTHER_BINDERS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
_LEAVES = (ast.Name, ast.Constant, ast.expr_context, ast.operator)
_COMPUTING = (ast.Expr, ast.Assign, ast.AnnAssign, ast.AugAssign)

# Methods that change what they are called on: of lists, sets, dictionaries, other collections, and arrays.
_CHANGING = frozenset(
    "add append appendleft clear discard extend extendleft fill insert itemset move_to_end partition pop popitem popleft put "
    "remove resize reverse rotate setdefault sort subtract update difference_update intersection_update "
    "symmetric_difference_update __setitem__ __setattr__ __delitem__".split()
)
# Functions that change what they are given first, or, of `heappush` and the like, also first.
_CHANGING_FIRST = frozenset(
    "copyto delattr delitem fill_diagonal heapify heappop heappush heapreplace insort insort_left insort_right place put "
    "putmask put_along_axis setattr setitem shuffle".split()
)
_NAME_SPACES = frozenset({"globals", "locals", "vars"})
# Methods and functions that show or keep something and change nothing, and what makes objects that have only such.
_SHOWING = frozenset("assert_allclose assert_array_equal assert_equal plot pp pprint seed show".split())
_INERT = _SHOWING | frozenset(
    "close debug describe dump error flush head hist info log print_help save savefig summary tail to_csv to_html to_json "
    "tofile warning write".split()
)
_INERT_MAKERS = frozenset({"", "logging", "open"})
ANY_NAME = "*any"  # what a statement binds that may bind whatever name


def _bound(statements: tuple[ast.stmt, ...]) -> tuple[tuple[str, ast.stmt, ast.alias | None, bool], ...]:
    """Return each name that statements bind or, partly, change, with the statement; for `import *` the name is a star."""
    return tuple(row for node in top_level(statements) for row in _bound_by(node))


def _bound_by(node: ast.stmt) -> Iterator[tuple[str, ast.stmt, ast.alias | None, bool]]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield from ((alias.asname or alias.name.split(".")[0], node, alias, False) for alias in node.names)
    elif isinstance(node, Definition):
        yield node.name, node, None, False
        roots = {root_of(each) for each in node.decorator_list if isinstance(each, ast.Attribute | ast.Call)}
        yield from ((root, node, None, True) for root in sorted(roots - {"", node.name}))
    else:
        yield from ((name, node, None, partial) for name, partial in targets_of(node))


def top_level(statements: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that run when the notebook does, those inside if, try, with and loops included."""
    waiting = list(statements)[::-1]
    while waiting:
        statement = waiting.pop()
        yield statement
        if not isinstance(statement, Definition):
            waiting.extend(reversed(inside(statement)))


def inside(statement: ast.stmt) -> list[ast.stmt]:
    """Return the statements inside another; of `if True` and `if 0`, which people write to switch cells off, what runs."""
    parts: list[list[ast.stmt]] = [getattr(statement, "body", [])]
    parts += [branch.body for name in ("handlers", "cases") for branch in getattr(statement, name, [])]
    parts += [getattr(statement, "orelse", []), getattr(statement, "finalbody", [])]
    if isinstance(statement, ast.If) and isinstance(statement.test, ast.Constant):
        parts = [statement.body if statement.test.value else statement.orelse]
    return [inner for part in parts for inner in part]


def nested(node: ast.stmt) -> Iterator[tuple[ast.stmt, tuple[ast.stmt, ...], bool]]:
    """Yield the statements inside another with the loops around each, and whether it surely runs, once."""
    waiting: list[tuple[ast.stmt, tuple[ast.stmt, ...], bool]] = [(node, (), True)]
    while waiting:
        statement, loops, sure = waiting.pop()
        yield statement, loops, sure
        if isinstance(statement, COMPOUND):
            inner_loops = (*loops, statement) if isinstance(statement, LOOPS) else loops
            constant = isinstance(statement, ast.If) and isinstance(statement.test, ast.Constant)
            inner_sure = sure and (constant or isinstance(statement, BLOCKS))
            waiting += [(inner, inner_loops, inner_sure) for inner in reversed(inside(statement))]


def merged(rows: Iterable[tuple[str, bool]]) -> dict[str, bool]:
    """Return the names that statements set (False) or only change (True)."""
    names: dict[str, bool] = {}
    for name, partial in rows:
        names[name] = names.get(name, True) and partial
    return names


def targets_of(node: ast.stmt) -> Iterator[tuple[str, bool]]:
    """Yield each name that a statement sets or, partly, changes at the top level; definitions and imports have others."""
    waiting = [*getattr(node, "targets", []), *filter(None, [getattr(node, "target", None)])]
    waiting += [item.optional_vars for item in getattr(node, "items", []) if item.optional_vars]
    while waiting:
        target = waiting.pop(0)
        if isinstance(target, ast.Tuple | ast.List):
            waiting += target.elts
        elif isinstance(target, ast.Starred):
            waiting.append(target.value)
        elif isinstance(target, ast.Name):
            yield target.id, False
        else:
            if name := _global_name(target):
                yield name, False
            if (root := root_of(target)) and root not in _NAME_SPACES:
                yield root, True
    yield from ((handler.name, False) for handler in getattr(node, "handlers", []) if handler.name)
    yield from ((name, False) for case in getattr(node, "cases", []) for name in _captured(case.pattern))
    for value in _own_expressions(node):
        yield from _set_inside(value)
    if isinstance(node, ast.Expr):
        call = node.value.value if isinstance(node.value, ast.Await) else node.value
        yield from _changed_by(call) if isinstance(call, ast.Call) else ()


def _captured(pattern: ast.pattern) -> Iterator[str]:
    """Yield the names that a pattern of `match` sets."""
    for inner in ast.walk(pattern):
        name = getattr(inner, "rest", None) or getattr(inner, "name", None)
        if isinstance(inner, ast.MatchAs | ast.MatchStar | ast.MatchMapping) and name:
            yield name


def _own_expressions(node: ast.stmt) -> Iterator[ast.expr]:
    """Yield the expressions of a statement that are not part of a statement inside it."""
    fields = ("value", "test", "iter", "subject", "exc", "msg")
    yield from filter(None, (getattr(node, name, None) for name in fields))
    yield from (item.context_expr for item in getattr(node, "items", []))
    yield from (case.guard for case in getattr(node, "cases", []) if case.guard)


def _set_inside(value: ast.expr) -> Iterator[tuple[str, bool]]:
    """Yield the names that an expression sets: by `:=`, and by texts that `exec` runs."""
    waiting: list[ast.AST] = [value]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Lambda):
            continue
        if isinstance(node, ast.NamedExpr):
            yield node.target.id, False
        elif isinstance(node, ast.Call) and _runs_text(node):
            yield ANY_NAME, False
        for name in node._fields:  # much faster than `ast.iter_child_nodes`
            part = getattr(node, name, None)
            parts = part if isinstance(part, list) else (part,)
            waiting += [each for each in parts if isinstance(each, ast.AST) and not isinstance(each, _LEAVES)]


def _runs_text(call: ast.Call) -> bool:
    """Whether a call is `exec(text)`; in a name space of its own that sets nothing here."""
    is_exec = isinstance(call.func, ast.Name) and call.func.id == "exec"
    return is_exec and (len(call.args) < 2 or _is_name_space(call.args[1]))


def _changed_by(call: ast.Call) -> Iterator[tuple[str, bool]]:
    """Yield the names that a call, which is a statement, sets or changes."""
    name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    on = call.func.value if isinstance(call.func, ast.Attribute) else None
    if _sets_names(name, on):
        yield from ((own, False) for own in _names_given(call))
    elif name in ("setattr", "delattr") and call.args and _is_main(call.args[0]):
        key = call.args[1] if len(call.args) > 1 else None
        yield _text_in(key) or ANY_NAME, False
    else:
        changed = call.args[0] if name in _CHANGING_FIRST and call.args else on if name in _CHANGING else None
        if changed is not None and (root := root_of(changed)):
            yield root, True


def _sets_names(method: str, on: ast.expr | None) -> bool:
    """Whether a method sets names of the notebook."""
    if on is None:
        return False
    if _is_name_space(on):
        return method in ("update", "setdefault", "__setitem__")
    return method == "push" and root_of(on) == "get_ipython"


def _names_given(call: ast.Call) -> Iterator[str]:
    """Yield the names in `update(a=1)`, `update({"a": 1})` and `setdefault("a", 1)`."""
    for keyword in call.keywords:
        yield keyword.arg or ANY_NAME
    for value in call.args[:1]:
        if isinstance(value, ast.Dict):
            yield from (_text_in(key) or ANY_NAME for key in value.keys)
        else:
            yield _text_in(value) or ANY_NAME


def _text_in(node: ast.AST | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _is_main(node: ast.expr) -> bool:
    """Whether an expression is the notebook's own module, or that of the builtins."""
    if isinstance(node, ast.Name):
        return node.id in ("builtins", "__main__")
    return isinstance(node, ast.Subscript) and isinstance(node.value, ast.Attribute) and node.value.attr == "modules"


def _is_name_space(node: ast.expr) -> bool:
    """Whether an expression is the dictionary of the notebook's names: `globals()`, `vars()`, `get_ipython().user_ns`."""
    if isinstance(node, ast.Attribute):
        return node.attr in ("user_ns", "user_global_ns") or (node.attr == "__dict__" and _is_main(node.value))
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in _NAME_SPACES
        and not node.args
    )


def _global_name(target: ast.expr) -> str:
    """Return the name that `builtins.name = …` or `globals()["name"] = …` makes; for a key that is computed, any name."""
    if isinstance(target, ast.Attribute) and _is_main(target.value):
        return target.attr
    if isinstance(target, ast.Subscript) and _is_name_space(target.value):
        return _text_in(target.slice) or ANY_NAME
    return ""


def sets_attribute(node: ast.stmt) -> bool:
    """Whether a statement may set an attribute of a module: no call does but `setattr`."""
    if isinstance(node, Definition):
        return False
    call = node.value if isinstance(node, ast.Expr) else None
    return call is None or (
        isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "setattr"
    )


def calls_of(value: ast.AST) -> list[ast.Call]:
    """Return the calls that running an expression or a statement makes; those in a function's body wait for its call."""
    calls, waiting = [], [value]
    while waiting:  # no recursion: expressions may be nested deeper than Python's own stack
        node = waiting.pop()
        if isinstance(node, ast.Lambda):
            continue
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            waiting += [*node.decorator_list, node.args]
            continue
        if isinstance(node, ast.Call):
            calls.append(node)
        waiting += reversed(list(ast.iter_child_nodes(node)))
    return calls


def root_of(node: ast.expr) -> str:
    """Return the name at the root of `a.b.c`, `a[0].b(…)` or `vars(a)["b"]`, or the empty string."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call | ast.Starred):
        if isinstance(node, ast.Call):
            looks = isinstance(node.func, ast.Name) and node.func.id in ("vars", "getattr") and node.args
            node = node.args[0] if looks else node.func
        else:
            node = node.value
    return node.id if isinstance(node, ast.Name) else ""


# --- what calls of the notebook's own functions change -------------------------------------------------------------


@dataclass(slots=True)
class _Own:
    """What a cell says of names: its functions, what may be an instance of a class of the notebook, and other names."""

    functions: list[tuple[str, ast.FunctionDef]] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)  # a name, and what is called for its value
    aliases: list[tuple[str, str]] = field(
        default_factory=list
    )  # a name, and another for the same object or a part of it
    called: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)  # what methods are called of, what functions of modules get, and bases
    hooked: list[str] = field(default_factory=list)  # classes that are told of their subclasses
    modules: list[str] = field(default_factory=list)  # of the standard library and NumPy
    inert: list[str] = field(default_factory=list)  # from other libraries, whose objects do nothing here


class Effects:
    """What calls at the top level of a notebook set and change: `setup()` may set names, `config.set(3)` its object."""

    def __init__(self, codes: Iterable[Code]) -> None:
        codes = list(codes)
        own = [code.facts.of(_own_of, code.statements) for code in codes]
        called = frozenset(name for each in own for name in each.called)
        functions = [
            (name, code.facts.of(_effect, node))
            for code, each in zip(codes, own, strict=True)
            for name, node in each.functions
            if name in called
        ]
        self.effects = {name: effect for name, effect in functions if any(effect)}
        classes = {name for each in own for name in each.classes}
        inert = _INERT_MAKERS.union(*(each.inert for each in own))
        self.instances = classes | {name for each in own for name, maker in each.calls if maker not in inert}
        self.modules = {name for each in own for name in each.modules}
        self.hooked = {name for each in own for name in each.hooked}
        self.changeable = self.instances | self.hooked | {f"{name}()" for name in self.modules}
        self.aliases: dict[str, list[str]] = {}
        for each in own:
            for name, other in each.aliases:
                self.aliases.setdefault(name, []).append(other)

    def rows(self, code: Code) -> Iterable[tuple[str, ast.stmt, ast.alias | None, bool]]:
        """Return each name that the statements of a cell bind or, partly, change, with the statement."""
        own = code.facts.of(_own_of, code.statements)
        if own.called.isdisjoint(self.effects) and own.used.isdisjoint(self.changeable):
            return code.facts.of(_bound, code.statements)
        return [row for node in top_level(code.statements) for row in (*_bound_by(node), *self._changed(node))]

    def _changed(self, node: ast.stmt) -> Iterator[tuple[str, ast.stmt, ast.alias | None, bool]]:
        if isinstance(node, Definition):
            yield from ((name, node, None, True) for name in self._changed_by_definition(node))
        elif isinstance(node, _COMPUTING) and node.value is not None:
            for call in calls_of(node.value):
                rows = self._changed_by_call(call, alone=isinstance(node, ast.Expr))
                yield from ((name, node, None, partial) for name, partial in rows)

    def _changed_by_definition(self, node: Definition) -> Iterator[str]:
        """Yield what a decorator that registers a function changes, and a class that is told of its subclasses."""
        for decorator in node.decorator_list:
            if isinstance(decorator, ast.Name) and decorator.id in self.effects:
                names, changed, _ = self.effects[decorator.id]
                yield from (*names, *changed)
        yield from (root for base in getattr(node, "bases", []) if (root := root_of(base)) in self.hooked)

    def _changed_by_call(self, call: ast.Call, *, alone: bool) -> Iterator[tuple[str, bool]]:
        if isinstance(call.func, ast.Name) and call.func.id in self.effects:
            names, changed, positions = self.effects[call.func.id]
            yield from ((name, False) for name in names)
            roots = [root_of(call.args[position]) for position in positions if position < len(call.args)]
            roots += [root_of(keyword.value) for keyword in call.keywords] if positions else []
            yield from ((root, True) for root in (*changed, *roots) if root)
        elif isinstance(call.func, ast.Attribute):
            root = root_of(call.func)
            if root in self.instances and call.func.attr not in _INERT:
                yield root, True
            elif alone and root in self.modules and _may_change(call):
                yield from ((name, True) for each in call.args if (name := root_of(each)))


def _own_of(statements: tuple[ast.stmt, ...]) -> _Own:
    own = _Own()
    for node in top_level(statements):
        own.called.update(each.id for each in getattr(node, "decorator_list", []) if isinstance(each, ast.Name))
        if isinstance(node, ast.FunctionDef):
            own.functions.append((node.name, node))
        elif isinstance(node, ast.ClassDef):
            own.classes.append(node.name)
            own.used.update(map(root_of, node.bases))
            if node.keywords or any(getattr(inner, "name", "") == "__init_subclass__" for inner in node.body):
                own.hooked.append(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            _note_import(node, own)
        elif isinstance(node, FORS):
            names = set(looped_over(node))
            own.aliases += [(name, target) for target, _ in targets_of(node) for name in names]
        elif isinstance(node, _COMPUTING) and node.value is not None:
            _note_value(node, node.value, own)
    return own


def _note_import(node: ast.Import | ast.ImportFrom, own: _Own) -> None:
    for alias in node.names:
        name = alias.asname or alias.name.partition(".")[0]
        if not is_provided(getattr(node, "module", "") or alias.name):
            own.inert.append(name)
        elif isinstance(node, ast.Import):
            own.modules.append(name)


def _note_value(node: ast.stmt, value: ast.expr, own: _Own) -> None:
    """Note what an assignment or a call of its own says of names."""
    for call in calls_of(value):
        if isinstance(call.func, ast.Name):
            own.called.add(call.func.id)
        elif isinstance(call.func, ast.Attribute):
            own.used.update(_used_by(call, alone=isinstance(node, ast.Expr)))
    names = set() if isinstance(node, ast.Expr) else {name for name, partial in targets_of(node) if not partial}
    ring = sorted(names) if len(getattr(node, "targets", ())) > 1 else []  # a = b = []
    own.aliases += zip(ring, [*ring[1:], *ring[:1]], strict=True)
    if root := root_of(value):
        if isinstance(value, ast.Call):
            own.calls += [(name, root) for name in names]
        else:
            own.aliases += [(root, name) for name in names]


def _used_by(call: ast.Call, *, alone: bool) -> Iterator[str]:
    """Yield the name whose method is called, with brackets if it may be a module that is given something to change."""
    method = getattr(call.func, "attr", "")
    if method not in _INERT:
        yield root_of(call.func)
    if alone and _may_change(call):
        yield f"{root_of(call.func)}()"


def _may_change(call: ast.Call) -> bool:
    """Whether a function of a module may change what it is given: it shows nothing and writes no file."""
    showing = getattr(call.func, "attr", "") in _SHOWING
    return not showing and any(map(root_of, call.args)) and not any(map(_text_in, call.args))


def looped_over(loop: ast.For | ast.AsyncFor) -> list[str]:
    """Return the names whose values a loop may go over: `a` and `b` in `for x in zip(a, b)`."""
    nodes = list(ast.walk(loop.iter))
    called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    return [node.id for node in nodes if isinstance(node, ast.Name) and id(node) not in called]


def _statements_in(function: ast.FunctionDef) -> Iterator[ast.stmt]:
    """Yield the statements of a function, those of functions and classes inside it included; no expression has any."""
    waiting: list[Any] = list(function.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.stmt):
            yield node
        for name in _HOLDING:
            waiting += getattr(node, name, ())


def _effect(function: ast.FunctionDef) -> tuple[tuple[str, ...], tuple[str, ...], tuple[int, ...]]:
    """Return the names that calling a function sets, those whose objects it changes, and the arguments that it changes."""
    arguments = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
    rows: list[tuple[str, bool]] = []
    declared: set[str] = set()
    for node in _statements_in(function):
        if isinstance(node, ast.Global):
            declared.update(node.names)
        elif not isinstance(node, _OTHER_BINDERS):
            rows += targets_of(node)
    local = {name for name, partial in rows if not partial} - declared
    changed = {name for name, partial in rows if partial}
    positions = [position for position, name in enumerate(arguments) if name in changed]
    return tuple(sorted(declared)), tuple(sorted(changed - local - {*arguments})), tuple(positions)
