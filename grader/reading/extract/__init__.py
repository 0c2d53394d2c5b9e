"""Notebook -> the required functions with everything they need.  Syntax trees only: nothing is executed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from difflib import SequenceMatcher
from typing import NamedTuple

from grader.faults import note
from grader.messages import say
from grader.reading.extract.cells import (
    MOST_CHARACTERS,
    Broken,
    Code,
    read,
    too_long,
)
from grader.reading.extract.facts import SyntaxFacts
from grader.reading.extract.neighbours import INITIALIZERS, neighbour
from grader.reading.extract.printed import printed
from grader.reading.extract.scope import Binding, Needs, Scope
from grader.reading.extract.targets import top_level
from grader.reading.extract.template import untouched
from grader.reading.extract.texts import unfolded
from grader.reading.problems import problem as reading_problem
from grader.records import Function, Notebook, Place, Problem

__all__ = ["SyntaxFacts", "extract", "printed"]

_DAMAGES = ("truncated_json", "damaged_function")
_DEFINITION_ELSEWHERE = ("code_in_markdown", "damaged_function")  # problems that name a function which cannot be run
_TAKES_LISTS = frozenset({"len", "zip", "enumerate", "list", "tuple", "iter", "reversed", "map", "pairwise"})
MOST_LETTERS = 60  # of a student's name in a hint
_LEAST_BEGINNING = 3  # letters of a name that stands for the whole
_SIMILAR = 0.85  # names this alike (difflib's ratio of what follows the common beginning) are near misses


def extract(
    notebook: Notebook, names: Iterable[str], given: Mapping[str, str] | None = None, facts: SyntaxFacts | None = None
) -> tuple[Notebook, Mapping[str, Function]]:
    """Find every function of `names` in a notebook.

    `given` holds statements by the name they bind, for names that the course's own first cell provides.  Returns the
    notebook, its status and problems completed by what only the code shows, and a `Function` for every name, in the
    order of `names`.  `facts` is what was worked out of other notebooks; without it nothing is known yet.
    """
    names = tuple(names)
    facts = facts or SyntaxFacts()
    codes = unfolded(_codes(notebook, facts), facts)
    scope = Scope(codes, given or {}, names)
    seeded = _seeded(codes)
    functions = {name: _found(name, names, codes, scope, seeded) for name in names}
    if any(problem.code in _DAMAGES for problem in notebook.problems):
        functions = {name: _lost(function, notebook) for name, function in functions.items()}
    return _completed(notebook, codes, functions), functions


def _codes(notebook: Notebook, facts: SyntaxFacts) -> Iterable[Code]:
    """Parse code cells, as long as they are not too much together."""
    left = MOST_CHARACTERS
    for cell in notebook.cells:
        if cell.kind == "code":
            left -= len(cell.source)
            yield read(cell, facts) if left >= 0 else too_long(cell)
            left += len(cell.source) if left < 0 else 0


def _found(name: str, names: tuple[str, ...], codes: list[Code], scope: Scope, seeded: _Seeded) -> Function:
    try:
        return _find(name, names, codes, scope, seeded)
    except RecursionError:
        message = say("reading.function.too_deep", name=name)
        hint = say("reading.function.too_deep.hint")
        return Function(name, "syntax_error", message, hint, message_id="reading.function.too_deep")
    except Exception as error:
        return Function(name, "found", broken=note(f"reading {name}", error))


def _find(name: str, names: tuple[str, ...], codes: list[Code], scope: Scope, seeded: _Seeded) -> Function:
    definitions = [binding for binding in scope.bindings(name) if _defines(binding) or scope.is_callable_made(binding)]
    if definitions:
        return _carried(name, definitions, scope, seeded)
    for code in reversed(codes):
        for piece in reversed(code.broken):
            if re.search(rf"^[ \t]*def\s+{name}\s*\(", piece.text, re.MULTILINE):
                return _unparsable(name, code, piece)
    if bindings := scope.left_out(name):
        reason = say("reading.function.left_out", name=name, place=bindings[-1].place)
        return Function(name, "found", broken=reason)
    maker = scope.any_name()
    if maker and scope.is_run(maker):
        return _carried(name, [maker], scope, seeded)
    if maker:
        reason = say("reading.function.in_text", name=name, place=maker.place)
        return Function(name, "found", broken=reason)
    return _missing(name, names, codes)


def _defines(binding: Binding) -> bool:
    return isinstance(binding.node, ast.FunctionDef | ast.AsyncFunctionDef) or (
        isinstance(binding.node, ast.Assign) and isinstance(binding.node.value, ast.Lambda | ast.Name)
    )


def _carried(name: str, definitions: list[Binding], scope: Scope, seeded: _Seeded) -> Function:
    """Make the record of a function from its last definition."""
    last = definitions[-1]
    places = tuple(binding.place for binding in definitions)
    if untouched(last.text):
        return _not_attempted(name, last.place, last.text, places)
    needs = Needs(scope.end_of(last))
    scope.carry(last, needs)
    scope.carry_changes(last, name, needs)
    return Function(
        name,
        "found",
        place=last.place,
        code=last.text,
        units=tuple(needs.units),
        definitions=places,
        missing_names=tuple(needs.missing.values()),
        given=tuple(dict.fromkeys(needs.given)),
        seeded_outside=seeded.place,
        seed_outside=seeded.seed,
        left_out=tuple(needs.left_out.values()),
    )


def _unparsable(name: str, code: Code, piece: Broken) -> Function:
    """Make the record of a function whose text Python cannot parse: the template as it was handed out, or a slip."""
    start = re.search(rf"^[ \t]*def\s+{name}\s*\(", piece.text, re.MULTILINE)
    before = piece.text[: start.start()].count("\n") if start else 0
    text = "\n".join(piece.text.split("\n")[before:])
    place = code.cell.place(piece.first_line + before)
    if untouched(text):
        return _not_attempted(name, place, text.rstrip(), (place,))
    at = code.cell.place(piece.line)
    line = code.text.split("\n")[piece.line - 1].strip()[:120]
    return Function(
        name,
        "syntax_error",
        say("reading.function.syntax", name=name, reason=piece.problem, place=at, line=line),
        _syntax_hint(line, piece.problem),
        place,
        text.rstrip(),
        definitions=(place,),
        unreadable=at,
        message_id="reading.function.syntax",
    )


def _not_attempted(name: str, place: Place, text: str, places: tuple[Place, ...]) -> Function:
    """Return the record of a function that is still the template."""
    message, hint = say("reading.function.template"), say("reading.function.template.hint")
    message_id = "reading.function.template"
    return Function(name, "not_attempted", message, hint, place, text, definitions=places, message_id=message_id)


def _syntax_hint(line: str, problem: str) -> str:
    if re.match(r"print\s+[^(=\s]", line):
        return say("reading.syntax.print")
    if "indent" in problem:
        return say("reading.syntax.indent")
    return say("reading.syntax.other")


def _missing(name: str, names: tuple[str, ...], codes: list[Code]) -> Function:
    near = list(_near_misses(name, names, codes))
    if near:
        places = tuple(miss.text for miss in near)
        message = say("reading.function.missing.near", name=name, near=places)
        message_id = "reading.function.missing.near"
        return Function(name, "missing", message, near[0].hint, near_misses=places, message_id=message_id)
    hint = say("reading.function.missing.hint", name=name)
    message = say("reading.function.missing", name=name)
    return Function(name, "missing", message, hint, message_id="reading.function.missing")


class _NearMiss(NamedTuple):
    """What comes close to a function that is asked for, and how it becomes that function."""

    text: str
    hint: str


def _lost(function: Function, notebook: Notebook) -> Function:
    """Return the record of a function that may be in the damaged part of the file; others stay as they are."""
    if function.status != "missing" or function.near_misses:
        return function
    hint = say("reading.function.lost.hint")
    for problem in notebook.problems:
        if _names_definition(problem, function.name):
            return replace(function, message=problem.message, hint=hint, message_id=problem.message_id)
    message = say("reading.function.lost", name=function.name)
    return replace(function, message=message, hint=hint, message_id="reading.function.lost")


def _names_definition(problem: Problem, name: str) -> bool:
    return problem.code in _DEFINITION_ELSEWHERE and problem.function == name


def _near_misses(name: str, names: tuple[str, ...], codes: list[Code]) -> Iterable[_NearMiss]:
    """Yield what comes close: the same name in a class or in another function, and names that look alike."""
    for code in codes:
        for statement in top_level(code.statements):
            yield from _near_in(statement, name, names, code, None)


def _near_in(
    node: ast.AST, name: str, names: tuple[str, ...], code: Code, around: ast.AST | None
) -> Iterable[_NearMiss]:
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return
    is_other = {node.name, name} <= INITIALIZERS and node.name != name  # the function of another exercise, not a slip
    is_near = (around and node.name == name) or (node.name not in names and not is_other and _alike(node.name, name))
    if not isinstance(node, ast.ClassDef) and is_near and (node.name == name or _takes_sizes(node)):
        place, other = code.place(node), node.name[:MOST_LETTERS]
        match around:
            case ast.ClassDef(name=outer):
                text = say("reading.near.method", place=place, other=other, outer=outer[:MOST_LETTERS])
                yield _NearMiss(text, say("steps.method", name=name))
            case ast.FunctionDef(name=outer) | ast.AsyncFunctionDef(name=outer):
                text = say("reading.near.inner", place=place, other=other, outer=outer[:MOST_LETTERS])
                yield _NearMiss(text, say("steps.inner_function", name=name))
            case _:
                text = say("reading.near.name", place=place, other=other)
                yield _NearMiss(text, say("steps.rename", other=other, name=name))
    for child in node.body:
        yield from _near_in(child, name, names, code, node)


def _takes_sizes(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function may take the sizes of layers.

    The course's logistic regression has an `initialize_with_zeros(dim)` of one number, which is not an attempt at this exercise.
    """
    arguments = function.args
    names = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    if len(names) != 1 or arguments.vararg or arguments.kwarg:
        return True
    return any(_is_used_as_list(node, names[0]) for node in ast.walk(function))


def _is_used_as_list(node: ast.AST, name: str) -> bool:
    """Whether an expression indexes, counts or goes over the variable `name`."""
    if isinstance(node, ast.Subscript):
        values: list[ast.expr] = [node.value]
    elif isinstance(node, ast.For | ast.comprehension):
        values = [node.iter]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        values = node.args if node.func.id in _TAKES_LISTS else []
    else:
        return False
    return any(isinstance(value, ast.Name) and value.id == name for value in values)


def _alike(candidate: str, name: str) -> bool:
    """Return whether `candidate` may be meant as `name`: same last word after an "init…", or spelled almost the same."""
    low, want = candidate.lower(), name.lower()
    same_word = low.startswith("init") and low.rsplit("_", 1)[-1] == want.rsplit("_", 1)[-1]
    return same_word or low == want or low.replace("_", "") == want.replace("_", "") or _same_but_typo(low, want)


def _same_but_typo(low: str, want: str) -> bool:
    common = want.rsplit("_", 1)[0] + "_"
    if not low.startswith(common):
        return False
    mine, required = low[len(common) :], want[len(common) :]
    shorter, longer = sorted((mine, required), key=len)
    if len(shorter) >= _LEAST_BEGINNING and longer.startswith(shorter):  # rand for random
        return True
    return SequenceMatcher(None, mine, required).ratio() >= _SIMILAR


class _Seeded(NamedTuple):
    """The first place at the top level that sets a seed, and the number if it is written there; None for none."""

    place: Place | None = None
    seed: int | None = None


def _seeded(codes: list[Code]) -> _Seeded:
    calls = ((code, code.facts.of(_seeding, code.statements)) for code in codes)
    return next((_Seeded(code.place(call), _number(call)) for code, call in calls if call), _Seeded())


def _number(call: ast.Call) -> int | None:
    """Return the only argument of a call, if it is a whole number."""
    value = call.args[0].value if len(call.args) == 1 and isinstance(call.args[0], ast.Constant) else None
    return value if type(value) is int and abs(value) < 1 << 32 else None


def _seeding(statements: tuple[ast.stmt, ...]) -> ast.Call | None:
    for statement in top_level(statements):
        call = statement.value if isinstance(statement, ast.Expr) else None
        name = call.func if isinstance(call, ast.Call) else None
        if isinstance(call, ast.Call) and "seed" in (getattr(name, "attr", ""), getattr(name, "id", "")):
            return call
    return None


def _completed(notebook: Notebook, codes: list[Code], functions: Mapping[str, Function]) -> Notebook:
    """Return the notebook with the problems that its code shows, and `wrong_notebook` where nothing was tried."""
    if notebook.status in {"unreadable", "no_notebook"}:
        return notebook
    own = [problem for problem in notebook.problems if _concerns(problem, functions)]
    problems = [*own, *_broken_problems(codes, functions), *_definition_problems(functions)]
    tried = any(function.status != "missing" or function.near_misses for function in functions.values())
    if tried or any(problem.code in _DEFINITION_ELSEWHERE for problem in problems):
        return replace(notebook, problems=tuple(problems))
    if any(problem.code == "truncated_json" for problem in problems):  # the functions may be in what is lost
        return replace(notebook, status="unreadable", problems=tuple(problems))
    title = neighbour(codes, functions.keys())
    if title:
        wrong = reading_problem("wrong_notebook", "named", functions=tuple(functions), title=title)
    else:
        wrong = reading_problem("wrong_notebook", functions=tuple(functions))
    return replace(notebook, status="wrong_notebook", problems=(*problems, wrong))


def _concerns(problem: Problem, functions: Mapping[str, Function]) -> bool:
    """Whether a problem is of interest here: a text may also hold the functions of other exercises."""
    return problem.code not in _DEFINITION_ELSEWHERE or any(_names_definition(problem, name) for name in functions)


def _broken_problems(codes: list[Code], functions: Mapping[str, Function]) -> Iterable[Problem]:
    """Yield the first broken piece of each cell, but not the functions asked for: their own status says it."""
    own = re.compile(rf"^[ \t]*def\s+(?:{'|'.join(functions)})\s*\(", re.MULTILINE)
    for code in codes:
        for piece in [piece for piece in code.broken if not own.search(piece.text)][:1]:
            at = code.cell.place(piece.line)
            yield reading_problem("syntax_error", place=at, reason=piece.problem)


def _definition_problems(functions: Mapping[str, Function]) -> Iterable[Problem]:
    given = dict.fromkeys(name for function in functions.values() for name in function.given)
    for name in given:
        yield reading_problem("name_given", name=name)
    for function in functions.values():
        if len(function.definitions) > 1:
            places = function.definitions
            yield reading_problem("defined_twice", function=function.name, number=len(places), places=places)
