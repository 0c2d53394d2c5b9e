"""A live Python session -> the notebook that its cells would give -> its verdict, in the cell that asks for it.

What is graded is the text of the cells that were run, read and run confined as a saved file is.  The live names are only
compared with it: where they differ, the student is told, because the saved file will not have what only the session has.
"""

from __future__ import annotations

import ast
import dis
import inspect
import json
import os
import sys
import textwrap
import types
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from grader import api, reading
from grader.errors import RequestError
from grader.exercise.load import Exercise
from grader.messages import say
from grader.records import Function, Notebook, Problem, Result
from grader.rendering.cell import HINT, MORE, LabView
from grader.rendering.hints import hints
from grader.rendering.lablink import own_start
from grader.verdict import function_without_text

Checkable = Callable[..., object] | str
DEFINED_TWICE = "defined_twice"  # the code of a problem: in a session this is how a function is corrected
USUAL: dict[str, Any] = {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}  # as NumPy begins
PLAIN = (int, float, complex, str, bool, bytes, type(None))  # values that their text describes
MOST_NAMED = 5  # names that one note lists
_CELL_IDS: dict[int, str] = {}  # by execution count: which cell of the notebook was run
_SHOWN: dict[tuple[str, tuple[str, ...]], int] = {}  # hints that were asked for, by function and its causes
OPTIONS = {"--more": "more", "--trust-my-own-code": "trust_my_own_code"}  # of `%grade`
_START = {"lab": ""}  # the student's own start in the lab, from the check before


@dataclass(frozen=True, slots=True)
class LiveSession:
    """The texts that a session ran, by number, those that were changed since among them empty; and its live names.

    `path` is the notebook's file, where the session knows it.  `is_current` says that the texts are those of today's cells;
    else an older text of a cell may be among them.
    """

    sources: tuple[str, ...]
    names: Mapping[str, object]
    path: Path | None = None
    is_current: bool = False

    @property
    def is_script(self) -> bool:
        """Whether the text is that of one file of plain Python."""
        return self.path is not None and self.path.suffix == ".py"

    @property
    def data(self) -> bytes:
        """The cells as a notebook's file, in which cell 5 is In [5]; or the script."""
        if self.is_script:
            return self.sources[0].encode()
        cells: list[dict[str, object]] = [
            {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": count, "source": source}
            for count, source in enumerate(self.sources, 1)
        ]
        return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}).encode()


def check(*functions: Checkable, exercise: str, more: bool = False, trust_my_own_code: bool = False) -> Result:
    """Grade the functions of the live session, all or some; see `grader.check`."""
    loaded = api.load_exercise(exercise)
    by_name = {_name(function, loaded): function for function in functions}
    given = {name: function for name, function in by_name.items() if not isinstance(function, str)}
    shell = _shell()
    session = _of_shell(shell) if shell else _of_modules(given, loaded)
    session = replace(session, names={**session.names, **given})
    names = tuple(by_name) or loaded.names
    name = session.path.name if session.path else say("session.name")
    with np.errstate(**USUAL), warnings.catch_warnings():  # a student's settings are not ours
        warnings.simplefilter("ignore")
        result = api.check_data(
            session.data,
            name if session.is_script else f"{Path(name).stem}.ipynb",
            loaded,
            names,
            trust_my_own_code=trust_my_own_code,
        )
    _START["lab"] = next(
        (
            own_start(function.diagnosis)
            for function in result.functions.values()
            if function.training and not function.passed
        ),
        "",
    )
    noticed = [problem for problem in result.notebook.problems if session.is_current or problem.code != DEFINED_TWICE]
    wanted = _hints(result, tuple(by_name), more=more, is_shell=shell is not None)
    problems = (*wanted, *noticed, *_differences(session, names, loaded, is_shell=shell is not None))
    return replace(result, notebook=replace(result.notebook, problems=problems))


def lab(*, exercise: str) -> LabView:
    """Return the lab for a cell; see `grader.lab`."""
    return LabView(api.lab_page(api.load_exercise(exercise), _START["lab"]))


def load(shell: Any, check_names: Callable[..., Result]) -> None:
    """Add the magic `%grade` to a shell of IPython; `check_names` is what it calls."""

    def grade(line: str) -> Result:
        """Grade the functions of this session: `%grade` for all, `%grade NAME ...` for some.

        --more shows one more hint; --trust-my-own-code runs the code where nothing can confine it.
        """
        words = line.split()
        options = {word for word in words if word.startswith("-")}
        if unknown := sorted(options - OPTIONS.keys()):
            raise RequestError(
                say("session.option", name=unknown[0]), hint=say("session.option.hint", names=tuple(OPTIONS))
            )
        settings = {OPTIONS[option]: True for option in options}
        return check_names(*(word for word in words if word not in options), **settings)

    shell.register_magic_function(grade, "line", "grade")
    _watch(shell)


def _hints(result: Result, named: Sequence[str], *, more: bool, is_shell: bool) -> Iterator[Problem]:
    """Yield the hints on the first function that is not right, as many as were asked for, and how to get the next.

    How many that are is remembered as long as the session lasts and its causes stay the same, and is written nowhere.
    """
    wrong = [
        (name, function)
        for name, function in result.functions.items()
        if not function.passed and not function.provisional
    ]
    if not wrong:
        return
    name, function = wrong[0]
    about, sentences = (name, function.diagnosis.causes), hints(function, result.summary)
    shown = _SHOWN.get(about, 0) + more
    if more:
        _SHOWN.clear()
        _SHOWN[about] = shown
        yield from (Problem(HINT, sentence) for sentence in sentences[:shown])
    left = len(sentences) - shown
    if left > 0:
        call = (
            " ".join(("%grade", *named, "--more")) if is_shell else f"grader.check({', '.join((*named, 'more=True'))})"
        )
        yield Problem(MORE, say("session.more", count=left, call=call))
    elif more:
        yield Problem(MORE, say("session.no_more"))


def _name(function: Checkable, exercise: Exercise) -> str:
    """Return the name of a function of the exercise; its short name serves as well."""
    name = function if isinstance(function, str) else getattr(function, "__name__", repr(type(function)))
    full = {task.short: task.name for task in exercise.tasks}.get(name, name)
    if full not in exercise.names:
        raise RequestError(
            say("session.no_function", name=name), hint=say("session.no_function.hint", names=exercise.names)
        )
    return full


# --- what was run ------------------------------------------------------------------------------------------------------


def _shell() -> Any:
    """Return the shell of IPython that this session runs in; None in plain Python."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None


def _watch(shell: Any) -> None:
    """Note from now on which cell is run, so that a cell that is changed and run again counts once."""
    if getattr(shell, "_grader_watches", False):
        return

    def ran(info: Any) -> None:
        if info.store_history and getattr(info, "cell_id", None):
            _CELL_IDS[len(shell.history_manager.input_hist_raw)] = info.cell_id  # its place in the history

    shell.events.register("pre_run_cell", ran)
    shell._grader_watches = True  # a mark of ours


def _of_shell(shell: Any) -> LiveSession:
    """Return the session of a shell of IPython; of a cell that was run several times, the last text."""
    _watch(shell)
    ran = list(shell.history_manager.input_hist_raw)[1:]
    last = {cell: count for count, cell in sorted(_CELL_IDS.items())}
    sources = [
        source if last.get(_CELL_IDS.get(count, ""), count) == count else "" for count, source in enumerate(ran, 1)
    ]
    hidden = shell.user_ns_hidden
    names = {name: value for name, value in shell.user_ns.items() if hidden.get(name, sys) is not value}
    return LiveSession(
        tuple(sources), names, _path(shell.user_ns), all(count in _CELL_IDS for count in range(1, len(ran) + 1))
    )


def _path(names: Mapping[str, object]) -> Path | None:
    """Return the notebook's file, as VS Code or Jupyter tell it to a session."""
    for name in (names.get("__vsc_ipynb_file__"), os.environ.get("JPY_SESSION_NAME")):
        if isinstance(name, str) and name.endswith(".ipynb") and Path(name).is_file():
            return Path(name)
    return None


def _of_modules(given: Mapping[str, object], exercise: Exercise) -> LiveSession:
    """Return the session of plain Python: the files that define the functions, or what was typed."""
    main = vars(sys.modules["__main__"])
    functions = given or {name: main[name] for name in exercise.names if name in main}
    if not functions:
        raise RequestError(say("session.nothing"), hint=say("session.nothing.hint"))
    sources: dict[str, Path | None] = {}
    for name, function in functions.items():
        source = _source(function)
        if source is None:
            raise RequestError(say("session.unread", name=name), hint=say("session.unread.hint"))
        path = Path(inspect.getsourcefile(inspect.unwrap(function)) or "")  # type: ignore[arg-type]  # it has a source
        if path.is_file():
            sources[path.read_text(encoding="utf-8", errors="replace")] = path
        else:
            sources |= dict.fromkeys([*_typed(function), source])
    paths = list(sources.values())
    return LiveSession(tuple(sources), main, paths[0] if len(paths) == 1 else None)


def _typed(function: object) -> Iterator[str]:
    """Yield statements that give what a function needs which was typed: imports, helpers and plain values."""
    for name, value in sorted(_needed(function, {}).items()):
        if isinstance(value, types.ModuleType):
            yield f"import {value.__name__} as {name}"
        elif (source := _source(value)) is not None:
            yield source
        elif isinstance(value, int | float | str | bool | type(None)):
            yield f"{name} = {value!r}"


# --- how the live names differ -------------------------------------------------------------------------------------------


def _differences(
    session: LiveSession, names: Sequence[str], exercise: Exercise, *, is_shell: bool
) -> Iterator[Problem]:
    """Yield what the saved file will not have, and what this check cannot see."""
    if is_shell:
        functions = _functions(reading.parse(session.data, "session.ipynb", exercise.limits), exercise)
        for name in names:
            yield from _difference(name, session.names.get(name), functions[name])
        lost = _lost_names(session, names)
        if lost:
            yield Problem("session_lost", say("session.lost", names=lost[:MOST_NAMED], count=len(lost)))
        changed = changed_names(session, names)
        if changed:
            yield Problem("session_changed", say("session.changed", names=changed[:MOST_NAMED], count=len(changed)))
        if session.path:
            saved = _functions(reading.read(session.path, exercise.limits), exercise)
            unsaved = [name for name in names if _run(saved[name]) != _run(functions[name])]
            if unsaved:
                words = say("session.unsaved", names=unsaved, file=session.path.name, count=len(unsaved))
                yield Problem("session_unsaved", words)
    yield Problem("session_scope", say("session.scope"))


def _functions(notebook: Notebook, exercise: Exercise) -> Mapping[str, Function]:
    return reading.extract(notebook, exercise.names, exercise.given, {}, exercise.limits).functions


def _run(function: Function) -> tuple[object, ...]:
    """Return what of a function is run, without blanks, comments and places."""
    plain = function_without_text(function)
    return plain.status, plain.code, plain.units


def _difference(name: str, live: object, function: Function) -> Iterator[Problem]:
    """Yield how a live function differs from what the cells give."""
    is_given = function.status == "found"
    if live is None:
        if is_given:
            yield Problem("session_not_live", say("session.not_live", name=name))
        return
    source = _source(live)
    if not is_given:
        if function.status != "not_attempted":
            yield Problem("session_only_live", say("session.only_live", name=name))
    elif source is None:
        yield Problem("session_no_source", say("session.no_source", name=name))
    elif _tree(source) != _tree(function.code):
        yield Problem("session_other", say("session.other", name=name))


def _source(value: object) -> str | None:
    """Return the text of a function; None where it cannot be had."""
    if not isinstance(value, types.FunctionType):
        return None
    try:
        return textwrap.dedent(inspect.getsource(inspect.unwrap(value)))
    except (OSError, TypeError, ValueError, SyntaxError, IndexError):
        return None


def _tree(source: str) -> str:
    try:
        return ast.dump(ast.parse(textwrap.dedent(source)))
    except (SyntaxError, ValueError):
        return source


def _lost_names(session: LiveSession, names: Iterable[str]) -> list[str]:
    """Return names that the functions use, that the session has, and that no cell gives any more."""
    bound: set[str] = set()
    for source in session.sources:
        try:
            bound |= _bound_in(ast.parse(_plain(source)))
        except (SyntaxError, ValueError):
            continue
    if "*" in bound:
        return []  # nobody can say what it gives
    return sorted(name for name in _used(session, names).keys() - bound if name in session.names)


def _bound_in(tree: ast.AST) -> set[str]:
    """Return the names that code binds or deletes anywhere in it; `*` is among them if it imports all names of a module."""
    bound: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                bound.add(name)
            case ast.alias(name=name, asname=other):
                bound.add(other or name.partition(".")[0])
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                bound.add(name)
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                bound.add(name)
            case ast.MatchMapping(rest=str(name)):
                bound.add(name)
    return bound


def _used(session: LiveSession, names: Iterable[str]) -> dict[str, object]:
    """Return the globals that the live functions use."""
    used: dict[str, object] = {}
    for name in names:
        _needed(session.names.get(name), used)
    return used


def changed_names(session: LiveSession, names: Iterable[str]) -> list[str]:
    """Return names that the functions use and whose value is another one than their cell gives, as far as its text tells."""
    given: dict[str, str] = {}
    for source in session.sources:
        try:
            body = ast.parse(_plain(source)).body
        except (SyntaxError, ValueError):
            continue
        for statement in body:
            bound = _bound_in(statement)
            given = {} if "*" in bound else {name: value for name, value in given.items() if name not in bound}
            given |= _given(statement)
    used = _used(session, names)
    return sorted(name for name, value in given.items() if name in used and _described(used[name]) != value)


def _given(statement: ast.stmt) -> dict[str, str]:
    """Return the names that a statement gives a module or a plain value, and which."""
    if isinstance(statement, ast.Import):
        tops = {alias: alias.name.partition(".")[0] for alias in statement.names}
        modules = {
            alias.asname or top: sys.modules.get(alias.name if alias.asname else top) for alias, top in tops.items()
        }
        return {name: _described(module) for name, module in modules.items() if isinstance(module, types.ModuleType)}
    if isinstance(statement, ast.Assign):
        try:
            value = _described(ast.literal_eval(statement.value))
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            return {}
        return {target.id: value for target in statement.targets if isinstance(target, ast.Name)}
    return {}


def _described(value: object) -> str:
    """Return a module's name, or a plain value as it is written; of anything else its type, and none of its own code runs."""
    if isinstance(value, types.ModuleType):
        return f"module {value.__name__}"
    return repr(value) if type(value) in PLAIN else type(value).__name__


def _plain(source: str) -> str:
    """Return a cell without the lines that only IPython reads; a magic of a whole cell leaves its body."""
    return "\n".join("pass" if line.startswith(("%", "!")) else line for line in source.split("\n"))


def _needed(function: object, needed: dict[str, object]) -> dict[str, object]:
    """Add the globals that a function, and those that it calls, look up where they were defined."""
    if not isinstance(function, types.FunctionType):
        return needed
    codes = [function.__code__]
    while codes:
        code = codes.pop()
        codes += [value for value in code.co_consts if isinstance(value, types.CodeType)]
        for step in dis.get_instructions(code):
            name = step.argval
            if step.opname in ("LOAD_GLOBAL", "LOAD_NAME") and name in function.__globals__ and name not in needed:
                needed[name] = function.__globals__[name]
                _needed(needed[name], needed)
    return needed
