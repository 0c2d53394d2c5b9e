"""A function's text and tree, and the four ways to edit it: a text is cut at the places of its tree's nodes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import accumulate
from typing import Any, Literal, NamedTuple

from grader.reading.extract.cells import parse
from grader.records import Function, Place, Repair, RepairKind

OPERATION = ast.BinOp | ast.UnaryOp
_NO_VALUE = ast.Slice | ast.Starred
Node = Any  # a node of one of the many classes of `ast`; which, the rule that asks has seen


class Edit(NamedTuple):
    """A text in place of a piece of a unit, in bytes; `of` is what the piece is, if it may depend on a condition.

    A `line` is put in as a whole, a `statement` left out, a `value` exchanged.
    """

    start: int
    end: int
    text: str
    of: Literal["line", "statement", "value", ""] = ""


class Swap(NamedTuple):
    """An expression in the place of another; `part` is the part of the old one that changes."""

    part: Node
    old: Node
    new: ast.AST


@dataclass(frozen=True, slots=True)
class Candidate:
    """An edit, the text of the whole unit with it, where that text differs, and the expression that it replaces, if any."""

    repair: Repair
    source: str
    edits: tuple[Edit, ...]
    swap: Swap | None = field(default=None, compare=False)


class EditableCode:
    """The statement that defines a function, ready to be edited; `number` is its place among the function's statements."""

    def __init__(self, function: Function, unit: int) -> None:
        self.number = unit
        self.unit = function.units[unit]
        self.data = self.unit.source.encode()
        self.tree = _definition(function.name, self.unit.source)
        self.starts = [0, *accumulate(map(len, self.data.splitlines(keepends=True)))]
        self.body = self.tree.body[ast.get_docstring(self.tree, clean=False) is not None :] or self.tree.body
        self.parents: dict[ast.AST, ast.AST] = {}
        self.texts: dict[ast.AST, str] = {}
        self.nodes: list[Node] = [node for statement in self.body for node in self._walk(statement, self.tree)]
        self.units = function.units
        self.sources: dict[str, Place | None] = {}
        self.missing = frozenset(missing.name for missing in function.missing_names)
        self.numpy = "numpy" if self.named("numpy") and not self.named("np") else "np"

    def all(self, *kinds: type[ast.AST]) -> list[Node]:
        """Return the nodes of some classes, as they are written."""
        return [node for node in self.nodes if isinstance(node, kinds)]

    def named(self, name: str) -> bool:
        """Return whether the function uses a name."""
        return any(node.id == name for node in self.all(ast.Name))

    def above(self, node: ast.AST) -> Iterator[tuple[Node, ast.AST]]:
        """Yield what a node is in, the nearest first, each with the part of it that holds the node."""
        while (outer := self.parents[node]) is not self.tree:
            yield outer, node
            node = outer

    def swap(self, kind: RepairKind, node: Node, new: ast.AST, at: Node = None) -> Candidate:
        """Return the edit that replaces an expression; `at` is the part of it that changes."""
        text, (start, end) = _written(new), self._span(node)
        if text == self._text(node):
            text = self.data[start:end].decode()  # no edit
        elif isinstance(new, OPERATION) and isinstance(self.parents[node], OPERATION | ast.Attribute | ast.Compare):
            text = f"({text})"
        first, last = self.starts[node.lineno - 1], self.starts[node.end_lineno]
        changed = self.data[first:start] + text.encode() + self.data[end:last]
        edit = Edit(start, end, text, "" if isinstance(node, _NO_VALUE) else "value")
        swap = Swap(at or node, node, new)
        return self._candidate(kind, swap.part, self.data[first:last], changed, edit, swap=swap)

    def repair(self, candidate: Candidate) -> Repair:
        """Return the repair of an edit that is proved, with the line where the fault comes from; most edits never need it."""
        return replace(candidate.repair, source=self._source(candidate.swap)) if candidate.swap else candidate.repair

    def _source(self, swap: Swap) -> Place | None:
        """Return the line that sets the variable which an edit does without, or both of two that it puts the other way round."""
        before, after = _names_in(swap.old), _names_in(swap.new)
        lost = [name for name in _names_in(swap.part) if name not in after]
        if not lost and before != after and sorted(before) == sorted(after):
            lost = [name for name, other in zip(before, after, strict=True) if name != other]
        places = {self._set_at(name) for name in lost}
        place = places.pop() if len(places) == 1 else None
        return None if place == self._place(swap.part) else place

    def _set_at(self, name: str) -> Place | None:
        """Return the only line that gives a name its value: an assignment, a default, or one outside the function."""
        if name in self.sources:
            return self.sources[name]
        stored = [node for node in self.all(ast.Name) if node.id == name and isinstance(node.ctx, ast.Store)]
        assigned = [node for node in self.all(ast.Assign) if any(part in stored for part in ast.walk(node))]
        if stored:
            place = self._place(assigned[0]) if len(assigned) == len(stored) == 1 else None
        else:
            default = _defaults(self.tree).get(name)
            place = self._place(default) if default is not None else self._set_outside(name)
        self.sources[name] = place
        return place

    def _set_outside(self, name: str) -> Place | None:
        """Return the line outside the function that gives a name its value, if there is just one."""
        if name in (argument.arg for argument in ast.walk(self.tree.args) if isinstance(argument, ast.arg)):
            return None
        places = [
            Place(unit.place.line + node.lineno - 1, unit.place.cell)
            for number, unit in enumerate(self.units)
            if number != self.number
            for node in _assignments(unit.source)
            if any(isinstance(target, ast.Name) and target.id == name for target in node.targets)
        ]
        return places[0] if len(places) == 1 else None

    def put_in(self, kind: RepairKind, statement: str) -> Candidate:
        """Return the edit that puts a line in before all others."""
        start, _ = self._span(self.body[0])
        edit = Edit(start, start, statement + self._between, self._line)
        return self._candidate(kind, self.body[0], b"", statement.encode(), edit)

    def take_out(self, kind: RepairKind, node: Node) -> Candidate:
        """Return the edit that removes a statement."""
        start, end = self._span(node)
        names = isinstance(node, ast.Assign | ast.AugAssign) and any(_is_bound(part) for part in ast.walk(node))
        edit = Edit(start, end, "pass", "" if names else self._statement(node))  # a name may be a global one without it
        return self._candidate(kind, node, self.data[start:end], b"", edit)

    def move(self, kind: RepairKind, node: Node, *, to_end: bool = False) -> Candidate:
        """Return the edit that moves a statement to the beginning or to the end of the function."""
        (start, end), old = self._span(node), self.data[slice(*self._span(node))]
        at, text = (self._span(self.body[-1])[1], self._between) if to_end else (self._span(self.body[0])[0], "")
        text += old.decode() + ("" if to_end else self._between)
        new = old + (b"  # at the end of the function" if to_end else b"  # once, at the beginning of the function")
        edits = Edit(start, end, "pass", self._statement(node)), Edit(at, at, text, self._line)
        return self._candidate(kind, node, old, new, *edits)

    def _text(self, node: Node) -> str:
        if node not in self.texts:
            self.texts[node] = _written(node)
        return self.texts[node]

    @property
    def _between(self) -> str:
        """The text between two statements: a new line as far to the right, or a semicolon."""
        first = self.body[0]
        before = self.data[self.starts[first.lineno - 1] : self._span(first)[0]].decode()
        return "; " if before.strip() else f"\n{before}"

    @property
    def _line(self) -> Literal["line", ""]:
        return "line" if self._between.startswith("\n") else ""

    def _statement(self, node: Node) -> Literal["statement", ""]:
        """Whether a statement has its lines for itself."""
        start, end = self._span(node)
        before, after = self.data[self.starts[node.lineno - 1] : start], self.data[end : self.starts[node.end_lineno]]
        return "" if before.strip() or after.partition(b"#")[0].strip() else "statement"

    def _span(self, node: Node) -> tuple[int, int]:
        """Return where a node begins and ends, in bytes."""
        return self.starts[node.lineno - 1] + node.col_offset, self.starts[node.end_lineno - 1] + node.end_col_offset

    def _walk(self, node: ast.AST, parent: ast.AST) -> Iterator[ast.AST]:
        """Yield nodes as they are written, but for those inside f-strings, which have no places before Python 3.12."""
        self.parents[node] = parent
        yield node
        for child in () if isinstance(node, ast.JoinedStr) else ast.iter_child_nodes(node):
            yield from self._walk(child, node)

    def _place(self, node: Node) -> Place:
        return Place(self.unit.place.line + node.lineno - 1, self.unit.place.cell)

    def _candidate(
        self, kind: RepairKind, at: Node, old: bytes, new: bytes, *edits: Edit, swap: Swap | None = None
    ) -> Candidate:
        data = self.data
        for start, end, text, _ in sorted(edits, reverse=True):
            data = data[:start] + text.encode() + data[end:]
        repair = Repair(kind, self._place(at), old.decode().strip(), new.decode().strip())
        return Candidate(repair, data.decode(), edits, swap)


@lru_cache(4)  # a search asks for that of its function twice
def code_of(function: Function) -> EditableCode | None:
    """Return the unit that defines the function, or None where there is none."""
    numbers = (index for index, unit in enumerate(function.units) if _definition(function.name, unit.source))
    unit = next(numbers, None)
    return None if unit is None else EditableCode(function, unit)


def _written(node: Node) -> str:
    """Return an expression as `ast.unparse` writes it, which takes its time even for a name or a number."""
    if type(node) is ast.Name:
        return str(node.id)
    if type(node) is ast.Constant and type(node.value) in (int, str):
        return repr(node.value)
    return ast.unparse(node)


def _names_in(node: ast.AST) -> list[str]:
    """Return the variables that an expression uses, as they are written."""
    return [part.id for part in ast.walk(node) if isinstance(part, ast.Name)]


def _defaults(tree: ast.FunctionDef) -> dict[str, ast.expr]:
    """Return the defaults of a function's arguments."""
    given = tree.args
    positional = [argument.arg for argument in (*given.posonlyargs, *given.args)]
    first = len(positional) - len(given.defaults)
    named = zip(given.kwonlyargs, given.kw_defaults, strict=True)
    return dict(zip(positional[first:], given.defaults, strict=True)) | {
        argument.arg: default for argument, default in named if default is not None
    }


@lru_cache(64)
def _assignments(source: str) -> list[ast.Assign]:
    """Return the assignments of a text, at its top level."""
    try:
        return [node for node in parse(source).body if isinstance(node, ast.Assign)]
    except SyntaxError:
        return []


def _is_bound(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


@lru_cache(32)  # a search asks a few times for each unit of its function
def _definition(name: str, source: str) -> Node:
    """Return the definition that a text holds, or None."""
    try:
        body = parse(source).body
    except SyntaxError:
        return None
    return next((node for node in body if isinstance(node, ast.FunctionDef) and node.name == name), None)
