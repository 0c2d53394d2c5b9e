"""What a notebook's top level binds, and what a statement needs from it.  Syntax trees only: nothing is executed."""

from __future__ import annotations

import ast
import builtins
import hashlib
import math
import symtable
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np

from grader.extract.canonical import Text, canonical, syntax
from grader.extract.cells import REMEMBERED, TEXTS, Code, remembered
from grader.records import MissingName, Place, Unit

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
Assignment = ast.Assign | ast.AnnAssign | ast.AugAssign

_BUILTINS = frozenset(dir(builtins)) | {"__name__", "__file__", "__doc__"}
_STAR_MODULES = {"numpy": frozenset(np.__all__), "math": frozenset(dir(math))}
# modules whose functions a constant may call: they compute, they do not train, plot or read
_COMPUTING_MODULES = frozenset({"numpy", "math", "random", "functools", "itertools", "collections", "operator", "copy"})
_COMPUTING_BUILTINS = frozenset(
    "abs bool complex dict enumerate float int isinstance len list map max min pow range reversed round set sorted str "
    "sum tuple type zip".split()
)


@dataclass(frozen=True, eq=False)
class Binding:
    """A top-level statement that gives a name its value; of an import, the one name `alias`."""

    code: Code
    node: ast.stmt
    alias: ast.alias | None = None

    @cached_property
    def text(self) -> str:
        """What is carried into the child."""
        if self.alias is None:
            return self.code.segment(self.node)
        return ast.unparse(type(self.node)(**{**dict(ast.iter_fields(self.node)), "names": [self.alias]}))

    @property
    def module(self) -> str | None:
        """The top module that an import comes from."""
        if self.alias is None:
            return None
        name = (self.node.module or "") if isinstance(self.node, ast.ImportFrom) else self.alias.name
        return name.split(".")[0]

    @cached_property
    def needs(self) -> dict[str, int]:
        """The names that the statement takes from outside itself, each with the line of its cell where it is used."""
        return {} if self.alias else _free_names(self)

    @property
    def place(self) -> Place:
        """Where the statement begins, its decorators included."""
        lines = [self.node.lineno, *(line.lineno for line in getattr(self.node, "decorator_list", []))]
        return self.code.cell.place(min(lines))

    @property
    def unit(self) -> Unit:
        """The statement as it is carried."""
        text = Text(self.text) if self.alias else canonical(self.text)
        return Unit(self.text, self.place, _hash(text.text), text.text if text.lines else "", text.lines)


@dataclass(slots=True)
class Needs:
    """What carrying one function has gathered so far."""

    units: list[Unit] = field(default_factory=list)
    missing: dict[str, MissingName] = field(default_factory=dict)
    given: list[str] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)
    names: set[str] = field(default_factory=set)


class Scope:
    """The top level of a notebook: which statements bind which names, in the order of the notebook.

    `given` holds statements by the name they bind, for names that the course's own first cell provides.
    """

    def __init__(self, codes: Iterable[Code], given: Mapping[str, str]) -> None:
        self._bindings: dict[str, list[Binding]] = {}
        self._stars: dict[str, Binding] = {}  # by module, the first of each
        self._given = given
        self._known: dict[int, bool] = {}
        self._open: set[int] = set()  # statements that are being looked at
        self._excluded: dict[str, int] = {}  # by name, how many of its last bindings cannot be had
        for code in codes:
            binding: Binding | None = None
            for name, node, alias in _bound(code.statements):
                if binding is None or binding.node is not node or binding.alias is not alias:
                    binding = Binding(code, node, alias)  # one for all names that a statement binds
                if name == "*":
                    self._stars.setdefault(binding.module or "", binding)
                else:
                    self._bindings.setdefault(name, []).append(binding)

    def bindings(self, name: str) -> tuple[Binding, ...]:
        """Return every statement that binds `name`, first to last."""
        return tuple(self._bindings.get(name, ()))

    def carry(self, binding: Binding, needs: Needs) -> None:
        """Add a statement and, before it, everything it needs; what cannot be had is noted by name."""
        if id(binding) in needs.seen:
            return
        needs.seen.add(id(binding))
        for name, line in binding.needs.items():
            self._carry_name(name, binding.code.cell.place(line), needs)
        needs.units.append(binding.unit)

    def _carry_name(self, name: str, used: Place, needs: Needs) -> None:
        if name in needs.names:
            return
        needs.names.add(name)
        bindings = self._bindings.get(name, [])
        last = self._last_to_be_had(name)
        if last:
            for binding in filter(self._can_be_had, bindings) if _changes(last, name) else [last]:
                self.carry(binding, needs)
        elif not bindings and (star := self._star_of(name)):
            self.carry(star, needs)
        elif not bindings and name in self._given:
            needs.given.append(name)
            needs.units.insert(0, Unit(self._given[name], used, _hash(self._given[name])))
        elif bindings or name not in _BUILTINS:
            needs.missing.setdefault(name, MissingName(name, used, bindings[-1].place if bindings else None))

    def _star_of(self, name: str) -> Binding | None:
        return next((star for module, star in self._stars.items() if name in _STAR_MODULES.get(module, ())), None)

    def _last_to_be_had(self, name: str) -> Binding | None:
        """Return the last statement that can be carried; those after it are looked at once, however often it is asked."""
        bindings = self._bindings.get(name, [])
        first_asked = len(bindings) - self._excluded.get(name, 0)
        settled = True
        for number in reversed(range(first_asked)):
            if self._can_be_had(bindings[number]):
                return bindings[number]
            settled = settled and id(bindings[number]) not in self._open
            if settled:
                self._excluded[name] = len(bindings) - number
        return None

    def _can_be_had(self, binding: Binding) -> bool:
        """Return whether a statement gives its name without running training, plotting or other top-level code."""
        if id(binding) not in self._known:
            self._known[id(binding)] = False  # for a statement that needs itself in the end
            self._open.add(id(binding))
            try:
                self._known[id(binding)] = self._only_computes(binding)
            finally:
                self._open.discard(id(binding))
        return self._known[id(binding)]

    def _only_computes(self, binding: Binding) -> bool:
        node = binding.node
        if isinstance(node, Definition | ast.Import | ast.ImportFrom):
            return True
        if not isinstance(node, Assignment) or node.value is None:
            return False
        return all(self._calls_only_to_compute(call) for call in _calls(node.value)) and all(
            name in _BUILTINS or self._last_to_be_had(name) is not None
            for name in binding.needs
            if name not in _assigned(node)
        )

    def _calls_only_to_compute(self, call: ast.Call) -> bool:
        root = _root(call.func)
        bindings = self.bindings(root)
        if isinstance(call.func, ast.Name):
            known = bindings[-1].module if bindings else None
            return known in _COMPUTING_MODULES or (not bindings and root in _COMPUTING_BUILTINS)
        modules = [binding.module for binding in bindings if binding.module]
        return not modules or modules[-1] in _COMPUTING_MODULES


@lru_cache(REMEMBERED)  # by the very trees: those of equal cells are the same
def _bound(statements: tuple[ast.stmt, ...]) -> tuple[tuple[str, ast.stmt, ast.alias | None], ...]:
    """Return each name that statements bind, with the statement; for `import *` the name is a star."""
    found: list[tuple[str, ast.stmt, ast.alias | None]] = []
    for node in top_level(statements):
        if isinstance(node, ast.Import | ast.ImportFrom):
            found += [(alias.asname or alias.name.split(".")[0], node, alias) for alias in node.names]
        elif isinstance(node, Definition):
            found.append((node.name, node, None))
        else:
            found += [(name, node, None) for name in _assigned(node)]
    return tuple(found)


def top_level(statements: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that run when the notebook does, those inside if, try, with and loops included."""
    waiting = list(statements)[::-1]
    while waiting:
        statement = waiting.pop()
        yield statement
        if not isinstance(statement, Definition):
            handlers = [inner for handler in getattr(statement, "handlers", []) for inner in handler.body]
            parts = (getattr(statement, "body", []), handlers, getattr(statement, "orelse", []))
            inside = [inner for part in (*parts, getattr(statement, "finalbody", [])) for inner in part]
            waiting.extend(reversed(inside))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _free_names(binding: Binding) -> dict[str, int]:
    """Return the names that a statement takes from outside, each with the line of its cell where it stands first."""
    node = binding.node
    if not isinstance(node, Definition):
        return _names_in(binding.text, node, "")  # the text itself: not every constant can be written out again
    lines = _names_of_definition(binding.text)
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return {name: line + first - 1 for name, line in lines.items()}


@remembered(TEXTS)
def _names_of_definition(text: str) -> dict[str, int]:
    try:
        (node,) = syntax(text).body
    except (SyntaxError, ValueError):  # nothing that Python would run
        return {}
    return _names_in(text, node, getattr(node, "name", ""))


def _names_in(text: str, node: ast.AST, own: str) -> dict[str, int]:
    try:
        table = symtable.symtable(text, "<cell>", "exec")
    except (SyntaxError, RecursionError):  # it parses, but Python would not compile it; running it says why
        return {}
    names = set(_globals_of(table)) - {own}
    lines: dict[str, int] = {}
    for one in ast.walk(node):
        if isinstance(one, ast.Name) and one.id in names:
            lines[one.id] = min(one.lineno, lines.get(one.id, one.lineno))
    return dict(sorted(lines.items(), key=lambda item: (item[1], item[0])))


def _globals_of(table: symtable.SymbolTable) -> Iterator[str]:
    inside = table.get_type() != "module"
    for symbol in table.get_symbols():
        if symbol.is_referenced() and (symbol.is_global() or not inside):
            yield symbol.get_name()
    for child in table.get_children():
        yield from _globals_of(child)


def _changes(binding: Binding, name: str) -> bool:
    """Return whether a statement builds on what `name` was before it, as `L += 1` and `L = L - 1` do."""
    return isinstance(binding.node, ast.AugAssign) or (isinstance(binding.node, ast.Assign) and name in binding.needs)


def _assigned(node: ast.stmt) -> list[str]:
    """Return the names that a statement other than a definition or import sets at the top level."""
    targets = [*getattr(node, "targets", []), *filter(None, [getattr(node, "target", None)])]
    targets += [item.optional_vars for item in getattr(node, "items", []) if item.optional_vars]
    return [name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)]


def _calls(value: ast.AST) -> list[ast.Call]:
    """Return the calls that evaluating an expression makes; those in a lambda's body wait until it is called."""
    if isinstance(value, ast.Lambda):
        return []
    inner = [call for child in ast.iter_child_nodes(value) for call in _calls(child)]
    return [value, *inner] if isinstance(value, ast.Call) else inner


def _root(node: ast.expr) -> str:
    """Return the name at the root of `a.b.c` or `a[0].b(…)`, or the empty string."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""
