"""What a notebook's top level binds, and what a statement needs from it.  Syntax trees only: nothing is executed."""

from __future__ import annotations

import ast
import builtins
import hashlib
import re
import symtable
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from grader.reading.extract.canonical import CanonicalText, canonical, syntax
from grader.reading.extract.cells import Code, parse
from grader.reading.extract.exports import is_of_the_course, is_provided, source_of
from grader.reading.extract.targets import (
    ANY_NAME,
    COMPOUND,
    FORS,
    Definition,
    Effects,
    calls_of,
    looped_over,
    merged,
    nested,
    root_of,
    sets_attribute,
    targets_of,
    top_level,
)
from grader.records import LeftOut, MissingName, Place, Unit

_JUPYTER = frozenset("get_ipython display exit quit help In Out _ __ ___ _i _ii _iii _ih _oh _dh".split())
_BUILTINS = frozenset(dir(builtins)) | {"__name__", "__file__", "__doc__"} | _JUPYTER
MOST_OF_ANY_NAME = 50  # statements that may set whatever name; where there are more, none is run
MOST_STARS = 20  # the last modules of a notebook whose names are taken with a star
_IN_TEXT, _TEXT = "text of ", 1000  # how such a word is marked, and how long a text is searched for it
# builtins through which code reaches names that are in texts
_BY_TEXT = frozenset({"eval", "exec", "globals", "vars", "__import__"})
_COMPUTING_BUILTINS = frozenset(
    "abs all any ascii bin bool bytearray bytes callable chr compile complex delattr dict display divmod enumerate eval exec "
    "filter float format frozenset get_ipython getattr globals hasattr hash hex id __import__ int isinstance issubclass iter "
    "len list locals map max min next object oct ord pow print range repr reversed round set setattr slice sorted str sum "
    "tuple type vars zip".split()
)
# Of the loops, conditions and blocks that may matter to a function, so many are looked at as a whole.  Each may need another
# look at every other statement, so there are fewer where there are thousands of those.
MOST_COMPOUNDS, MOST_LOOKS = 50, 50_000
_OUTPUT = re.compile(r"=\s*get_ipython\(\)\.(?:getoutput|run_line_magic|run_cell_magic|magic)\(")
_MOST_ALIASES = 20  # other names of one object that are followed


@dataclass(frozen=True, eq=False)
class Binding:
    """A top-level statement that gives a name its value; of an import, the one name `alias`.

    `order` is its number among all statements of the notebook.  `rows` are the names that a whole loop, condition or block
    sets (False) or only changes (True).
    """

    code: Code
    node: ast.stmt
    order: int
    alias: ast.alias | None = None
    rows: Mapping[str, bool] | None = None

    @cached_property
    def text(self) -> str:
        """The text that is run in the confined child."""
        if self.alias is None:
            return self.code.segment(self.node)
        return ast.unparse(type(self.node)(**{**dict(ast.iter_fields(self.node)), "names": [self.alias]}))

    @property
    def module(self) -> str | None:
        """The top module that an import comes from."""
        return None if self.alias is None else self.path.partition(".")[0]

    @property
    def path(self) -> str:
        """The module that an import names, in full."""
        if isinstance(self.node, ast.ImportFrom):
            return self.node.module or ""
        return "" if self.alias is None else self.alias.name

    @cached_property
    def needs(self) -> dict[str, int]:
        """The names that the statement takes from outside itself, each with the line of its cell where it is used."""
        return {} if self.alias else _free_names(self)

    @property
    def is_import_or_definition(self) -> bool:
        """Whether the statement defines a function or class, or imports."""
        return self.alias is not None or isinstance(self.node, Definition)

    @cached_property
    def targets(self) -> dict[str, bool]:
        """The names that the statement, or one inside it, sets (False) or only changes (True)."""
        if self.rows is not None:
            return dict(self.rows)
        return {} if self.is_import_or_definition else merged(targets_of(self.node))

    @cached_property
    def at_once(self) -> frozenset[str]:
        """The names that a definition of a function uses when it is made, not when it is called."""
        node = self.node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            return frozenset()
        parts = [*node.decorator_list, node.args, *filter(None, [node.returns])]
        return frozenset(inner.id for part in parts for inner in ast.walk(part) if isinstance(inner, ast.Name))

    @property
    def place(self) -> Place:
        """Where the statement begins, its decorators included."""
        lines = [self.node.lineno, *(line.lineno for line in getattr(self.node, "decorator_list", []))]
        return self.code.cell.place(min(lines))

    @property
    def unit(self) -> Unit:
        """The statement as it is carried."""
        text = CanonicalText(self.text) if self.alias else self.code.facts.of(canonical, self.text)
        return Unit(self.text, self.place, _hash(text.text), text.text if text.lines else "", text.lines)


@dataclass(slots=True)
class Needs:
    """What was gathered so far of the statements that one function needs.

    `end` is the end of the cell that defines the function for the last time: it is called right after that.  Statements are
    carried in the notebook's order, but what a statement needs at once comes before it, wherever it is.
    """

    end: float
    numbered: list[tuple[float, Unit]] = field(default_factory=list)
    missing: dict[str, MissingName] = field(default_factory=dict)
    given: list[str] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)
    left_out: dict[str, LeftOut] = field(default_factory=dict)
    names: dict[tuple[str, int], float] = field(
        default_factory=dict
    )  # by value of a name, up to where its changes are carried
    whole: dict[str, int] = field(default_factory=dict)  # by name, up to which statement all that bind it are carried

    @property
    def units(self) -> list[Unit]:
        """The statements to be carried, in order."""
        return [unit for _, unit in sorted(self.numbered, key=lambda numbered: numbered[0])]


class Scope:
    """The top level of a notebook: which statements bind which names, in the order of the notebook.

    `given` holds statements by the name they bind, for names that the course's own first cell provides; `asked` are the
    functions asked for, whose calls at the top level are not carried.
    """

    def __init__(self, codes: Iterable[Code], given: Mapping[str, str], required: Iterable[str] = ()) -> None:
        self._asked = frozenset(required)
        self._own: dict[str, bool] = {}  # by name, whether it is a function of the notebook that works alone
        self._bindings: dict[str, list[Binding]] = {}
        self._parts: dict[str, list[Binding]] = {}
        self._stars: dict[str, Binding] = {}  # by module, the last of each
        self._futures: list[Binding] = []
        self._given = given
        self._known: dict[int, bool] = {}
        self._open: set[int] = set()  # statements that are being looked at
        self._excluded: dict[str, int] = {}  # by name, how many of its last bindings cannot be had
        self._all: dict[str, list[Binding]] = {}  # by name, with what stars give
        self._names_it: dict[str, list[Binding]] = {}  # by name, those of them that name it
        self._at_hand: dict[str, list[Binding]] = {}  # by name, those of them that can be had
        self._wholes: set[int] = set()  # loops, conditions and blocks that are carried as a whole
        self._never: set[int] = set()  # statements that mean nothing without the loop around them, and what is too much
        self._unsure: dict[
            int, bool
        ] = {}  # statements that run if a condition holds (False), or how often a loop does (True)
        self._by_node: dict[int, list[tuple[str, Binding, bool]]] = {}  # what a statement binds and changes
        self._ends: dict[int | None, int] = {}  # by cell, its last statement
        order = 0
        codes = list(codes)
        effects = Effects(codes)
        self._aliases = effects.aliases
        for code in codes:
            binding: Binding | None = None
            for name, node, alias, partial in effects.rows(code):
                if binding is None or binding.node is not node or binding.alias is not alias:
                    order += 1
                    binding = Binding(code, node, order, alias)  # one for all names that a statement binds
                    if binding.path == "__future__":
                        self._futures.append(binding)
                if name == "*":
                    self._stars[binding.path] = binding
                else:
                    (self._parts if partial else self._bindings).setdefault(name, []).append(binding)
                    self._by_node.setdefault(id(node), []).append((name, binding, partial))
            self._ends[code.cell.number] = order
        compounds = [(code, node) for code in codes for node in code.statements if isinstance(node, COMPOUND)]
        if len(anything := self._bindings.get(ANY_NAME, [])) > MOST_OF_ANY_NAME:
            self._never.update(map(id, anything))
        compounds = self._of_interest(compounds) if compounds else []
        most = min(MOST_COMPOUNDS, MOST_LOOKS // max(order, 1))
        for number, (code, node) in enumerate(compounds):
            if number >= most or not self._join(code, node):
                self._leave_apart(node)

    def _of_interest(self, compounds: list[tuple[Code, ast.stmt]]) -> list[tuple[Code, ast.stmt]]:
        """Return the loops, conditions and blocks that bind or change a name which a function asked for may depend on."""
        around: dict[int, tuple[Code, ast.stmt]] = {}
        for code, node in compounds:
            for inner in top_level((node,)):
                around.update((id(binding), (code, node)) for _, binding, _ in self._by_node.get(id(inner), ()))
        waiting, seen, looked = [*self._asked, ANY_NAME], {*self._asked, ANY_NAME}, set[int]()
        while waiting:
            name = waiting.pop()
            new = set(self._aliases.get(name, ()))
            for binding in (*self._bindings.get(name, ()), *self._parts.get(name, ())):
                outer = around.get(id(binding))
                if outer is not None and id(outer[1]) not in looked:
                    looked.add(id(outer[1]))
                    new |= Binding(*outer, 0).needs.keys()
                if id(binding) not in looked:
                    looked.add(id(binding))
                    new |= binding.needs.keys()
            new = {other.removeprefix(_IN_TEXT) for other in new} - seen
            seen |= new
            waiting += new
        return [(code, node) for code, node in compounds if id(node) in looked]

    def _leave_apart(self, node: ast.stmt) -> None:
        """Never carry a statement of a loop that uses the loop's variable: without the loop it means something else."""
        for each, loops, sure in nested(node):
            variables = {name for loop in loops if isinstance(loop, FORS) for name, _ in targets_of(loop)}
            for _, binding, _ in self._by_node.get(id(each), ()):
                if not sure and binding.alias is None:
                    repeated = bool(loops) and not binding.is_import_or_definition
                    self._unsure[id(binding)] = repeated or self._unsure.get(id(binding), False)
                if variables and not binding.is_import_or_definition and variables & binding.needs.keys():
                    self._never.add(id(binding))
                    self._known.pop(id(binding), None)

    def _join(self, code: Code, node: ast.stmt) -> bool:
        """Record a loop, condition or block as a whole for what it binds, if it only computes; return whether it does."""
        inner = list(top_level((node,)))
        rows = [row for each in inner for row in self._by_node.get(id(each), ()) if row[1].alias is None]
        imports = [alias.name for each in inner if isinstance(each, ast.Import) for alias in each.names]
        imports += [each.module or "" for each in inner if isinstance(each, ast.ImportFrom)]
        is_required = any(isinstance(each, Definition) and each.name in self._asked for each in inner)
        if not rows or is_required or not all(map(is_provided, imports)):
            return False
        targets = merged((name, partial) for name, _, partial in rows)
        for loop in inner:  # what changes each thing in a list changes the list
            if isinstance(loop, FORS) and any(self._is_changed(name, rows) for name, _ in targets_of(loop)):
                targets.update((name, targets.get(name, True)) for name in looped_over(loop))
        whole = Binding(code, node, min(binding.order for _, binding, _ in rows), None, targets)
        if not self._only_computes(whole):
            return False
        self._wholes.add(id(whole))
        replaced = {id(binding) for _, binding, _ in rows}
        for table, name in {(partial, name) for name, _, partial in rows}:
            bindings = self._parts if table else self._bindings
            bindings[name] = [binding for binding in bindings[name] if id(binding) not in replaced]
        for name, partial in targets.items():
            insort((self._parts if partial else self._bindings).setdefault(name, []), whole, key=_order)
        for memory in (self._known, self._own, self._excluded, self._all, self._names_it, self._at_hand):
            memory.clear()
        return True

    @staticmethod
    def _is_changed(name: str, rows: list[tuple[str, Binding, bool]]) -> bool:
        return any(partial and name == changed for changed, _, partial in rows)

    def end_of(self, binding: Binding) -> float:
        """Return where a function is called that a statement defines: after its cell, in a script after the statement."""
        number = binding.code.cell.number
        return binding.order if number is None else max(self._ends[number], binding.order) + 0.5

    def left_out(self, name: str) -> tuple[Binding, ...]:
        """Return the statements that bind a name and are never run here; none if the last of all is."""
        bindings = self.bindings(name)
        return () if not bindings or self.is_run(bindings[-1]) else bindings

    def any_name(self) -> Binding | None:
        """Return the last statement that may define functions whose names are not written there."""
        bindings = self._bindings.get(ANY_NAME)
        return bindings[-1] if bindings else None

    def bindings(self, name: str) -> tuple[Binding, ...]:
        """Return every statement that binds `name`, first to last."""
        return tuple(self._bindings.get(name, ()))

    def carry(self, binding: Binding, needs: Needs, number: float | None = None) -> None:
        """Add a statement and everything it needs; what cannot be had is noted by name."""
        if id(binding) in needs.seen:
            return
        needs.seen.add(id(binding))
        if number is None:
            number = binding.order
            for future in self._futures:
                if future.order < number:
                    self.carry(future, needs, future.order)
        if "get_ipython" in binding.needs and _OUTPUT.search(binding.text):
            needs.left_out.setdefault("", LeftOut("", binding.place))
        waits = isinstance(binding.node, ast.FunctionDef | ast.AsyncFunctionDef)  # for its call
        for name, line in binding.needs.items():
            text = name.startswith(_IN_TEXT)
            bare = name.removeprefix(_IN_TEXT)
            if (text and bare not in self._bindings) or (
                isinstance(binding.node, COMPOUND) and self._begins_with(binding, name)
            ):
                continue  # a word in a text may be no name
            used = binding.code.cell.place(line)
            if waits and bare in binding.at_once:
                self._carry_name(bare, used, needs, number)
            self._carry_name(bare, used, needs, needs.end if waits else number)
        needs.numbered.append((number, binding.unit))

    def carry_changes(self, last: Binding, name: str, needs: Needs) -> None:
        """Carry what changes a function after its definition, as `f.scale = 10` does; note what may replace it."""
        for part in self._parts_of(last, name):
            if part.order < needs.end and self.is_run(part):
                self.carry(part, needs)
        if last.targets.get(ANY_NAME) is False:  # it may define the function
            needs.left_out.setdefault(name, LeftOut(name, last.place))
        later = [binding for binding in self.bindings(name) if binding.order > last.order]
        if later or (id(last) in self._unsure and len(self.bindings(name)) > 1):
            needs.left_out.setdefault(name, LeftOut(name, (later or [last])[0].place))

    def _carry_name(self, name: str, used: Place, needs: Needs, number: float) -> None:
        """Carry what gives a name that is used at a place, before the statement of this number."""
        bindings = self._with_stars(name)
        last = self._current(name, number)
        if last:
            for binding in self._all_of(last, name, needs, number):
                self.carry(binding, needs, min(binding.order, number - 0.5))
            return
        if not bindings and name in self._given:
            if name in needs.given:
                return
            needs.given.append(name)
            needs.numbered.append((-1, Unit(self._given[name], used, _hash(self._given[name]))))
        elif bindings or name not in _BUILTINS:
            needs.missing.setdefault(name, MissingName(name, used, bindings[-1].place if bindings else None))
        self._note_left_out(name, None, needs, number)

    def _note_left_out(self, name: str, last: Binding | None, needs: Needs, number: float) -> None:
        """Note the first statement that may give a name another value before that is used, and that is not carried."""
        if name not in needs.left_out and (binding := next(self._left_out(name, last, number), None)):
            needs.left_out[name] = LeftOut(name, binding.place)

    def _left_out(self, name: str, last: Binding | None, number: float) -> Iterator[Binding]:
        bindings = self._with_stars(name)
        carried = [last] if last else []
        if last and last.order < number and _changes(last, name):
            chain = self._at_hand[name][: bisect_left(self._at_hand[name], last.order, key=_order)]
            for binding in reversed(chain):
                carried.append(binding)
                if not _changes(binding, name):
                    break
        begin = carried[-1].order if last and last.order < number else 0
        between = bindings[bisect_right(bindings, begin, key=_order) : bisect_left(bindings, number, key=_order)]
        yield from (binding for binding in between if not self.is_run(binding))
        parts = [part for part in self._parts_of(last, name) if part.order < number] if last else []
        yield from (part for part in parts if not self.is_run(part) and not self._spoils_seed(part))
        for binding in (*carried, *parts):
            repeated = self._unsure.get(id(binding))
            if repeated or (repeated is False and len(bindings) > 1):
                yield binding

    def _begins_with(self, binding: Binding, name: str) -> bool:
        """Return whether a name has its first value from this loop, condition or block."""
        return binding.targets.get(name) is False and not any(
            other.order < binding.order for other in self._bindings.get(name, ())
        )

    def _with_stars(self, name: str) -> list[Binding]:
        """Return what binds a name, `from module import *` as the import of this name alone."""
        anything = self._bindings.get(ANY_NAME)
        if not self._stars and not anything:
            return self._bindings.get(name, [])
        if name not in self._all:
            bindings = self._bindings.get(name, [])
            if anything and name not in _BUILTINS and not any(each.is_import_or_definition for each in bindings):
                bindings = sorted({*bindings, *anything}, key=_order)
            stars = list(self._stars.values())[-MOST_STARS:]
            taken = [_one_of(star, name) for star in stars if is_provided(star.path)]
            if not bindings and not any(taken) and name not in _BUILTINS and name not in self._given:
                taken = [_one_of(star, name) for star in stars if not is_provided(star.path)]
            self._all[name] = sorted([*bindings, *filter(None, taken)], key=_order)
        return self._all[name]

    def _current(self, name: str, number: float) -> Binding | None:
        """Return the statement that a name has its value from when the statement of this number runs.

        A notebook whose cells were run in another order has it below.  Of `try: import cupy as np` and
        `except ImportError: import numpy as np` it is the one that is there.
        """
        if name not in self._at_hand:
            self._at_hand[name] = [binding for binding in self._with_stars(name) if self.is_run(binding)]
        at_hand = self._at_hand[name]
        before = bisect_left(at_hand, number, key=_order)
        last = at_hand[before - 1] if at_hand else None  # without any before it, the last of all
        if last is None or last.alias is None or is_provided(last.path):
            return last
        return next((other for other in reversed(at_hand) if other.alias and is_provided(other.path)), last)

    def _all_of(self, last: Binding, name: str, needs: Needs, number: float) -> Iterator[Binding]:
        """Yield the statements that together make the value of a name at a place; nothing if they are carried already."""
        end = needs.end if last.order >= number else min(number, needs.end)
        if last.order <= needs.whole.get(name, 0):
            return
        key = (name, last.order)
        done = needs.names.get(key, 0)
        if end <= done:
            return
        needs.names[key] = end
        if not done:
            yield from self._values(last, name, needs)
        for part in self._parts_of(last, name):
            if done <= part.order < end and self.is_run(part) and not self._spoils_seed(part):
                yield part
        self._note_left_out(name, last, needs, number)

    def _values(self, last: Binding, name: str, needs: Needs) -> Iterator[Binding]:
        """Yield what sets a name, first to last: what is built on an earlier value has all of it."""
        at_hand = self._at_hand[name]
        before = at_hand[: bisect_left(at_hand, last.order, key=_order)]
        if _changes(last, name):
            needs.whole[name] = last.order
            parts = [part for part in self._parts.get(name, ()) if part.order < last.order and self.is_run(part)]
            yield from sorted({*before, *parts}, key=_order)
        elif last.alias and isinstance(last.node, ast.Import) and not last.alias.asname:  # import a.b, and import a.c
            needs.whole[name] = last.order
            yield from (binding for binding in before if binding.module == last.module)
        yield last

    def _parts_of(self, last: Binding, name: str) -> list[Binding]:
        """Return the statements that change the object that a name stands for, a module's also under another name."""
        if not self._parts:
            return []
        if last.module is None:  # until the name stands for another object
            parts, bindings = self._parts.get(name, []), self._bindings.get(name, [])
            if aliases := self._other_names(name):
                parts = sorted(
                    {*parts, *(part for other in aliases for part in self._parts.get(other, ()))}, key=_order
                )
            following = bindings[bisect_right(bindings, last.order, key=_order) :][:1]
            end = (
                following[0].order
                if following and not _changes(following[0], name)
                else parts[-1].order + 1
                if parts
                else 0
            )
            return parts[bisect_right(parts, last.order, key=_order) : bisect_left(parts, end, key=_order)]
        names = [
            other for other in self._parts if any(binding.module == last.module for binding in self.bindings(other))
        ]
        names += [other for other in self._other_names(name) if other in self._parts and other not in names]
        changes = {part for other in names for part in self._parts[other] if sets_attribute(part.node)}
        return sorted(changes, key=_order)

    def _other_names(self, name: str) -> list[str]:
        """Return the names that may stand for the same object, or for a part of it: `a = name`, `for a in name`."""
        others: list[str] = []
        waiting = [name]
        while waiting and len(others) < _MOST_ALIASES:
            new = [other for other in self._aliases.get(waiting.pop(), ()) if other not in others and other != name]
            others += new
            waiting += new
        return others

    def _spoils_seed(self, part: Binding) -> bool:
        """Return whether a statement like `np.random.seed = 3` stands for a call: calls at the top level are not carried."""
        targets = getattr(part.node, "targets", [])
        if not any(isinstance(target, ast.Attribute) and target.attr == "seed" for target in targets):
            return False
        value = getattr(part.node, "value", None)
        defined = isinstance(value, ast.Name) and any(isinstance(b.node, Definition) for b in self.bindings(value.id))
        return not (defined or isinstance(value, ast.Lambda | ast.Attribute))

    def _last_to_be_had(self, name: str) -> Binding | None:
        """Return the last statement that can be carried; those after it are looked at once, however often it is asked."""
        bindings = self._named(name)
        first_asked = len(bindings) - self._excluded.get(name, 0)
        settled = True
        for number in reversed(range(first_asked)):
            if self.is_run(bindings[number]):
                return bindings[number]
            settled = settled and id(bindings[number]) not in self._open
            if settled:
                self._excluded[name] = len(bindings) - number
        return None

    def is_run(self, binding: Binding) -> bool:
        """Return whether a statement gives its name without running training, plotting or other top-level code."""
        if id(binding) in self._never:
            return False
        if isinstance(binding.node, COMPOUND) and id(binding) not in self._wholes:
            return False
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
        value = node if isinstance(node, (*COMPOUND, ast.Delete)) else getattr(node, "value", None)
        if value is None or not isinstance(
            node, (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr, ast.Delete, *COMPOUND)
        ):
            return False
        return all(self._calls_only_to_compute(call) for call in calls_of(value)) and all(
            self._is_at_hand(name)
            for name in binding.needs
            if name.removeprefix(_IN_TEXT) not in binding.targets
            and not (ANY_NAME in binding.targets and self._is_another_text(name))
        )

    def _is_another_text(self, name: str) -> bool:
        """Whether a word is in a text, and not a function that is defined elsewhere: what sets any name may set it."""
        bare = name.removeprefix(_IN_TEXT)
        return bare != name and (bare not in self._asked or bare not in self._bindings)

    def _is_at_hand(self, name: str) -> bool:
        """Return whether a statement that uses a name can be carried; a word in a text may be no name."""
        bare = name.removeprefix(_IN_TEXT)
        if bare != name and (bare in self._asked or not self._with_stars(bare)):
            return bare not in self._asked
        if bare in _BUILTINS or (self._with_stars(bare) and not self._named(bare)):
            return True
        return self._last_to_be_had(bare) is not None

    def _named(self, name: str) -> list[Binding]:
        """Return what binds a name and says so: what may bind any name is looked at when it is carried."""
        bindings = self._with_stars(name)
        if ANY_NAME not in self._bindings:
            return bindings
        if name not in self._names_it:
            anything = {id(binding) for binding in self._bindings[ANY_NAME]}
            self._names_it[name] = [binding for binding in bindings if id(binding) not in anything]
        return self._names_it[name]

    def _calls_only_to_compute(self, call: ast.Call) -> bool:
        """Return whether a call needs none of the course's helpers and none of what is asked for: those train, plot and load."""
        root = root_of(call.func)
        bindings = self._with_stars(root)
        if isinstance(call.func, ast.Name) and not (bindings and bindings[-1].module):
            return self._is_own(root) if bindings else root in _COMPUTING_BUILTINS
        modules = [binding.path for binding in bindings if binding.module]
        return not modules or not is_of_the_course(modules[-1])

    def _is_own(self, name: str) -> bool:
        """Return whether a name is a function or class of the notebook that can do its work without the course's helpers."""
        if name not in self._own:
            self._own[name] = name not in self._asked and self._works_alone(name)
        return self._own[name]

    def _works_alone(self, name: str) -> bool:
        waiting, seen = [name], {name}
        while waiting:
            bindings = self._with_stars(waiting.pop())
            last = bindings[-1] if bindings else None
            if last is None or last.module:
                if last and is_of_the_course(last.path):
                    return False
                continue
            if not isinstance(last.node, Definition) and id(last) not in self._open and not self.is_run(last):
                return False
            new = [other for other in last.needs if other not in seen and not other.startswith(_IN_TEXT)]
            if any(other in self._asked or not self._is_bound(other) for other in new):
                return False
            seen.update(new)
            waiting += new
        return True

    def _is_bound(self, name: str) -> bool:
        return name in _BUILTINS or name in self._given or bool(self._with_stars(name))

    def is_callable_made(self, binding: Binding) -> bool:
        """Return whether an assignment like `f = partial(g, 1)` or `f = C().method` gives a function without training."""
        value = getattr(binding.node, "value", None)
        if not isinstance(binding.node, ast.Assign) or not isinstance(value, ast.Call | ast.Attribute):
            return False
        return root_of(value) not in self._asked and self.is_run(binding)


def _order(binding: Binding) -> int:
    return binding.order


def _one_of(star: Binding, name: str) -> Binding | None:
    """Return a star import as the import of one name, or None if it does not give that."""
    source = source_of(name, star.path)
    if source is None:
        return None
    node = ast.ImportFrom(source, [ast.alias(name)], 0, lineno=star.node.lineno, col_offset=0)
    return Binding(star.code, node, star.order, node.names[0])


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _free_names(binding: Binding) -> dict[str, int]:
    """Return the names that a statement takes from outside, each with the line of its cell where it is first used."""
    node = binding.node
    if not isinstance(node, Definition):
        return _names_in(binding.text, node, "")  # the text itself: not every constant can be written out again
    lines = binding.code.facts.of(names_of_definition, binding.text)
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return {name: line + first - 1 for name, line in lines.items()}


def names_of_definition(text: str) -> dict[str, int]:
    """Return the names that a definition takes from outside, each with its line in the text."""
    try:
        (node,) = syntax(text).body
    except (SyntaxError, ValueError):  # nothing that Python would run
        return {}
    return _names_in(text, node, getattr(node, "name", ""))


def _names_in(text: str, node: ast.AST, own: str) -> dict[str, int]:
    try:
        table = symtable.symtable(text, "<cell>", "exec")
    except (SyntaxError, RecursionError):  # it parses, but Python would not compile it; running it says why
        awaited = any(isinstance(inner, (ast.Await, ast.AsyncFor, ast.AsyncWith)) for inner in ast.walk(node))
        plain = _without_await(text) if awaited else text
        return _names_in(plain, node, own) if plain != text else {}
    names = set(_globals_of(table)) - {own}
    lines: dict[str, int] = {}
    by_text = names & _BY_TEXT
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and part.id in names:
            lines[part.id] = min(part.lineno, lines.get(part.id, part.lineno))
        elif by_text and isinstance(part, ast.Constant) and isinstance(part.value, str) and len(part.value) < _TEXT:
            for word in re.findall(r"[^\W\d]\w*", part.value):
                lines.setdefault(f"{_IN_TEXT}{word}", part.lineno)
    return dict(sorted(lines.items(), key=lambda item: (item[1], item[0])))


def _without_await(text: str) -> str:
    """Return the text of statements that await something at the top level as if they did not; of the same names."""
    try:
        return ast.unparse(_Synchronous().visit(parse(text)))
    except (SyntaxError, RecursionError, ValueError):
        return text


class _Synchronous(ast.NodeTransformer):
    """Takes `await` and `async` away at the top level."""

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return node

    def visit_Await(self, node: ast.Await) -> ast.AST:
        return self.visit(node.value)  # type: ignore[no-any-return]

    def visit_AsyncFor(self, node: ast.AsyncFor) -> ast.AST:
        self.generic_visit(node)
        return ast.copy_location(ast.For(node.target, node.iter, node.body, node.orelse), node)

    def visit_AsyncWith(self, node: ast.AsyncWith) -> ast.AST:
        self.generic_visit(node)
        return ast.copy_location(ast.With(node.items, node.body), node)


def _globals_of(table: symtable.SymbolTable) -> Iterator[str]:
    inside = table.get_type() != "module"
    for symbol in table.get_symbols():
        if symbol.is_referenced() and (symbol.is_global() or not inside):
            yield symbol.get_name()
    for child in table.get_children():
        yield from _globals_of(child)


def _changes(binding: Binding, name: str) -> bool:
    """Return whether a statement builds on what `name` was before it, as `L += 1`, `L = L - 1` and loops do."""
    node = binding.node
    if isinstance(node, ast.Assign):
        return name in binding.needs or not any(name == own and not partial for own, partial in targets_of(node))
    return isinstance(node, (ast.AugAssign, ast.Expr, ast.Delete, *COMPOUND))
