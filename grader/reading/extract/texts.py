"""Code in a text of the notebook: what `exec` runs, and modules that the notebook writes and imports.

Only what is written down is read: a text that a name stands for, and what is put together from such texts.  Nothing is executed.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from grader.reading.extract.cells import MOST_CHARACTERS, Code, read
from grader.reading.extract.exports import is_of_the_course, is_provided
from grader.reading.extract.facts import SyntaxFacts
from grader.records import Cell

_WRITTEN = re.compile(r"\s*%%(?:writefile|file)[ \t]+(-a[ \t]+)?[\"']?(?:\./)?(\w+)\.py[\"']?[ \t]*$", re.MULTILINE)
_RUN_FILE = re.compile(r"^[ \t]*%run[ \t]+(?:-\w[ \t]+)*[\"']?(?:\./)?(\w+)(?:\.py)?[\"']?[ \t]*$", re.MULTILINE)
_FILE = re.compile(r"(?:\./)?(\w+)\.py")
_SHELL = re.compile(r"^[ \t]*[!%](?!%?(?:writefile|file|run|load|pycat|timeit|time)\b)(.*)$", re.MULTILINE)
_MODULE = re.compile(r"(?<!\w)(\w+)\.py\b")  # the look back keeps a long word from being read once for each letter
_SCRIPT = re.compile(r"\s*%%(?:bash|sh|script|cmd|system|sx|!)\b")
_REDIRECTED = re.compile(r">\s*(?:\./)?(\w+)\.py\b")
_STRIPS = frozenset({"strip", "lstrip", "rstrip"})
_MOST_TEXTS = 200  # that are read as cells; a text may run another twice, and that again another
_DEEPEST, _LONGEST = 20, 100_000  # texts in texts, and characters of one that is put together
# What is in a notebook that runs texts or writes modules; most do neither.  `import matplotlib.pyplot` is not a sign of it.
_USES_TEXTS = re.compile(r"exec|eval|\.\s*ex\b|run_|write|\bfile\b|%%|\.py\b")
_IN_CELL = frozenset({"run_cell", "ex"})  # methods of the shell


def unfolded(codes: Iterable[Code], facts: SyntaxFacts) -> list[Code]:
    """Return a notebook's code with what it runs as texts, and the modules that it writes, read where they are used.

    Names of a written module become names of the notebook: `from module import *` and `import module` alike.
    """
    codes = list(codes)
    if not any(facts.of(_may_use_texts, code.cell.source) for code in codes):
        return codes
    reader = _TextReader(facts)
    parts = [part for code in codes for part in reader.unfolded(code)]
    return _with_written_modules(parts, reader)


def _may_use_texts(source: str) -> bool:
    """Whether a cell may run texts or write modules; Python reads a name in wide letters as if they were plain."""
    wide = "" if source.isascii() else unicodedata.normalize("NFKC", source)
    return _USES_TEXTS.search(source) is not None or _USES_TEXTS.search(wide) is not None


@dataclass(frozen=True, slots=True)
class _Text:
    """A text that is written in the notebook, and the line of its cell at which it begins."""

    value: str
    line: int


@dataclass(slots=True)
class _TextReader:
    """Goes through a notebook and knows which texts names stand for, and what was written into which file."""

    facts: SyntaxFacts
    texts: dict[str, _Text] = field(default_factory=dict)
    cells: dict[str, Cell] = field(default_factory=dict)  # by name, the cell of its text
    files: dict[str, str] = field(default_factory=dict)  # by name, the module whose file it stands for
    written: dict[str, list[Cell]] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)  # modules that are written from texts that are not known
    left: int = MOST_CHARACTERS  # of the characters that may be read as cells
    left_texts: int = _MOST_TEXTS
    depth: int = 0

    def unfolded(self, code: Code) -> Iterator[Code]:
        """Yield a cell's code, in order, with the cells that it runs as texts: scripts made by nbconvert do that for magics."""
        self._note_cell(code.cell)
        rest: list[ast.stmt] = []
        pending = code
        for statement in code.statements:
            inner = self._cell_as_text(statement, code)
            if inner is None:
                self._note(statement, code)
                rest.append(statement)
                continue
            yield replace(pending, statements=tuple(rest))
            rest, pending = [], replace(code, broken=())
            self.depth += 1
            yield from self.unfolded(read(inner, self.facts))
            self.depth -= 1
        yield pending if len(rest) == len(pending.statements) else replace(pending, statements=tuple(rest))

    def _note_cell(self, cell: Cell) -> None:
        """Note the module that a `%%writefile` cell writes, and those that a shell does."""
        if match := _WRITTEN.match(cell.source):
            body = replace(cell, source=cell.source[match.end() + 1 :], first_line=_line_after(cell, match))
            self._write(match.group(2), body, adds=bool(match.group(1)))
        elif "%" in cell.source or "!" in cell.source:
            self.unknown.update(name for line in _SHELL.findall(cell.source) for name in _MODULE.findall(line))
            if _SCRIPT.match(cell.source):
                self.unknown.update(_REDIRECTED.findall(cell.source))

    def _write(self, module: str, cell: Cell | None, *, adds: bool) -> None:
        if cell is None:
            self.unknown.add(module)
        else:
            self.written[module] = [*(self.written.get(module, []) if adds else []), cell]

    # --- texts -----------------------------------------------------------------------------------------------------

    def _note(self, statement: ast.stmt, code: Code) -> None:
        """Note what a statement makes a name stand for, and what it writes into a file."""
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            self._note_value(statement.targets[0], statement.value, code)
        elif isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
            whole = ast.BinOp(statement.target, statement.op, statement.value)
            self._note_value(statement.target, whole, code)
        elif isinstance(statement, ast.With):
            for item in statement.items:
                if item.optional_vars is not None:
                    self._note_value(item.optional_vars, item.context_expr, code)
        for inner in statement.body if isinstance(statement, ast.With) else (statement,):
            call = inner.value if isinstance(inner, ast.Expr | ast.Assign) else None
            if isinstance(call, ast.Call):
                self._note_write(call, code)

    def _note_value(self, target: ast.expr, value: ast.expr, code: Code) -> None:
        if not isinstance(target, ast.Name):
            return
        text, file = self._text(value), self._file(value)
        self.texts.pop(target.id, None)
        self.files.pop(target.id, None)
        if text is not None:
            own = target.id if isinstance(value, ast.BinOp) else None
            self.cells[target.id] = self.cells.get(own or "", code.cell)
            self.texts[target.id] = text
        elif file is not None:
            self.files[target.id] = file

    def _text(self, value: ast.expr) -> _Text | None:
        """Return the text that an expression stands for, None if it is not written in the notebook or nested too deeply."""
        try:
            return self._written_text(value)
        except RecursionError:
            return None

    def _written_text(self, value: ast.expr) -> _Text | None:
        if isinstance(value, ast.Constant):
            return _Text(value.value, value.lineno) if isinstance(value.value, str) else None
        if isinstance(value, ast.Name):
            return self.texts.get(value.id)
        if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
            left, right = self._text(value.left), self._text(value.right)
            if left and right and len(left.value) + len(right.value) <= _LONGEST:
                return _Text(left.value + right.value, left.line)
            return None
        return self._called(value) if isinstance(value, ast.Call) else None

    def _called(self, call: ast.Call) -> _Text | None:
        """Return the text that a call gives which changes no more than blanks, or that it compiles."""
        name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
        if name in ("dedent", "cleandoc", "compile", "parse") and call.args and (text := self._text(call.args[0])):
            changes = {"dedent": textwrap.dedent, "cleandoc": inspect.cleandoc}
            return _Text(changes[name](text.value), text.line) if name in changes else text
        if name in _STRIPS and isinstance(call.func, ast.Attribute) and not call.args:
            text = self._text(call.func.value)
            if text is None:
                return None
            before = len(text.value) - len(text.value.lstrip())
            lines = 0 if name == "rstrip" else text.value[:before].count("\n")
            return _Text(getattr(text.value, name)(), text.line + lines)
        return None

    def _cell(self, value: ast.expr, code: Code) -> Cell | None:
        """Return the text of an expression as a cell, at its place."""
        text = self._text(value)
        if text is None or self.depth >= _DEEPEST or not self.left_texts or len(text.value) > self.left:
            return None
        self.left -= len(text.value)
        self.left_texts -= 1
        names = [node.id for node in ast.walk(value) if isinstance(node, ast.Name) and node.id in self.cells]
        place = (self.cells[names[0]] if names else code.cell).place(text.line)
        return Cell("code", text.value, place.cell, place.line)

    # --- cells that are run as texts -------------------------------------------------------------------------------

    def _cell_as_text(self, statement: ast.stmt, code: Code) -> Cell | None:
        """Return the cell that `exec(text)` runs, or a method of the shell; the magic is on the first line."""
        call = statement.value if isinstance(statement, ast.Expr | ast.Assign) else None
        if not isinstance(call, ast.Call):
            return None
        if isinstance(call.func, ast.Attribute):
            return self._run_by_shell(call.func.attr, call, code)
        name = call.func.id if isinstance(call.func, ast.Name) and isinstance(statement, ast.Expr) else ""
        if (name == "exec" or (name == "eval" and _compiles(call))) and _is_run_here(call):
            return self._cell(call.args[0], code)
        return None

    def _run_by_shell(self, method: str, call: ast.Call, code: Code) -> Cell | None:
        if method in _IN_CELL and call.args:
            return self._cell(call.args[0], code)
        texts = [text.value for argument in call.args if (text := self._text(argument)) is not None]
        place = code.place(call)
        if method == "run_cell_magic" and len(texts) == 3:
            return Cell("code", f"%%{texts[0]} {texts[1]}\n{texts[2]}", place.cell, place.line - 1)
        if method == "run_line_magic" and len(texts) == 2 and texts[0] in ("time", "run"):
            return Cell("code", f"\n%{texts[0]} {texts[1]}", place.cell, place.line - 1)
        return None

    # --- files -----------------------------------------------------------------------------------------------------

    def _file(self, value: ast.expr) -> str | None:
        """Return the module whose file an expression stands for: `open("m.py", "w")`, `Path("m.py")`."""
        if isinstance(value, ast.Name):
            return self.files.get(value.id)
        if not isinstance(value, ast.Call) or _is_long(value):
            return None
        name = value.func.id if isinstance(value.func, ast.Name) else getattr(value.func, "attr", "")
        if name == "open" and isinstance(value.func, ast.Attribute) and (file := self._file(value.func.value)):
            return file
        if name not in ("open", "Path") or not value.args:
            return None
        text = self._text(value.args[0])
        match = _FILE.fullmatch(text.value) if text else None
        return match[1] if match else self._file(value.args[0])

    def _note_write(self, call: ast.Call, code: Code) -> None:
        """Note what a call writes into the file of a module."""
        method = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        target = call.func.value if isinstance(call.func, ast.Attribute) else None
        if method == "print":
            target = next((keyword.value for keyword in call.keywords if keyword.arg == "file"), None)
        if (
            method not in ("print", "write", "write_text", "writelines", "write_bytes")
            or target is None
            or not call.args
        ):
            return
        module = self._file(target)
        if module is not None:
            cell = self._cell(call.args[0], code) if method in ("print", "write", "write_text") else None
            adds = isinstance(target, ast.Name) and method != "write_text"  # a file that is open
            self._write(module, cell, adds=adds)


def _is_long(call: ast.Call) -> bool:
    """Whether a call is at the end of a long chain of calls and attributes."""
    node: ast.expr = call
    for _ in range(_DEEPEST):
        node = getattr(node, "func", None) or getattr(node, "value", None)  # type: ignore[assignment]
        if not isinstance(node, ast.expr):
            return False
    return True


def _compiles(call: ast.Call) -> bool:
    inner = call.args[0] if call.args else None
    return isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name) and inner.func.id == "compile"


def _is_run_here(call: ast.Call) -> bool:
    """Whether `exec` runs its text among the notebook's names."""
    spaces = [getattr(space.func, "id", "") if isinstance(space, ast.Call) else "" for space in call.args[1:]]
    return bool(call.args) and not call.keywords and set(spaces) <= {"globals", "locals", "vars"}


# --- modules that the notebook writes ------------------------------------------------------------------------------


def _with_written_modules(codes: list[Code], reader: _TextReader) -> list[Code]:
    """Return code with the modules that are written read where they are imported, or run with `%run`."""
    written = reader.written
    unknown = frozenset(
        name for name in reader.unknown - written.keys() if not is_provided(name) and not is_of_the_course(name)
    )
    if not written and not unknown:
        return codes
    result: list[Code] = []
    read_already: set[str] = set()
    for code in codes:
        names = [name for name in _RUN_FILE.findall(code.cell.source) if name in written]
        names += [name for name in _imported(code) if name in written and name not in read_already]
        for name in dict.fromkeys(names):
            read_already.add(name)
            result += [part for cell in written[name] for part in reader.unfolded(read(cell, reader.facts))]
        result += _without_imports_of(code, written, unknown)
    return result


def _line_after(cell: Cell, match: re.Match[str]) -> int:
    """Return the line of the file, or of the cell, that follows the line of a magic."""
    return cell.first_line + cell.source[: match.end()].count("\n") + 1


def _imported(code: Code) -> list[str]:
    """Return the modules that the statements of a cell import, by their full names."""
    names: list[str] = []
    for statement in code.statements:
        if isinstance(statement, ast.Import):
            names += [alias.name for alias in statement.names]
        elif isinstance(statement, ast.ImportFrom) and statement.module:
            names.append(statement.module)
    return names


def _without_imports_of(code: Code, written: Mapping[str, list[Cell]], unknown: frozenset[str]) -> Iterator[Code]:
    """Yield code with each import of a written module replaced by what gives its names, as far as its text is known."""
    others: list[ast.stmt] = []
    pieces: list[Code] = []
    for statement in code.statements:
        texts = _assignments_for(statement, written, code.facts)
        texts = _unknown_import(statement, unknown) if texts is None else texts
        if texts is None:
            others.append(statement)
        else:
            place = code.place(statement)
            pieces += [read(Cell("code", text, place.cell, place.line), code.facts) for text in texts]
    yield from pieces
    yield code if len(others) == len(code.statements) else replace(code, statements=tuple(others))


def _assignments_for(statement: ast.stmt, written: Mapping[str, list[Cell]], facts: SyntaxFacts) -> list[str] | None:
    """Return what an import of a written module does to the notebook's names; None if it is another statement."""
    if isinstance(statement, ast.ImportFrom) and statement.module in written:
        aliases = [alias for alias in statement.names if alias.asname not in (None, alias.name)]
        return [f"{alias.asname} = {alias.name}" for alias in aliases]
    if isinstance(statement, ast.Import) and any(alias.name in written for alias in statement.names):
        return [
            _as_class(alias.asname or alias.name, written[alias.name], facts)
            if alias.name in written
            else ast.unparse(ast.Import([alias]))
            for alias in statement.names
        ]
    return None


def _unknown_import(statement: ast.stmt, unknown: frozenset[str]) -> list[str] | None:
    """Return an import of a module whose text is not written in the notebook as a line that is never run here."""
    if isinstance(statement, ast.ImportFrom) and statement.module in unknown:
        module = f"open({statement.module!r})"
        return [
            f"globals().update(vars({module}))"
            if alias.name == "*"
            else f"{alias.asname or alias.name} = {module}.{alias.name}"
            for alias in statement.names
        ]
    if isinstance(statement, ast.Import) and any(alias.name in unknown for alias in statement.names):
        return [
            f"{alias.asname or alias.name} = open({alias.name!r})"
            if alias.name in unknown
            else ast.unparse(ast.Import([alias]))
            for alias in statement.names
        ]
    return None


def _as_class(name: str, cells: list[Cell], facts: SyntaxFacts) -> str:
    """Return the assignment of a class that has the names of a module."""
    statements = [statement for cell in cells for statement in read(cell, facts).statements]
    names = dict.fromkeys(own for statement in statements for own in _names_bound_by(statement))
    entries = ", ".join(f"{own!r}: {own}" for own in names)
    return f"{name} = type({name!r}, (), {{{entries}}})"


def _names_bound_by(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement of a module gives the module."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.Import | ast.ImportFrom):
        names = [alias.asname or alias.name.partition(".")[0] for alias in statement.names]
        yield from (name for name in names if name != "*")
    else:
        targets = [*getattr(statement, "targets", []), getattr(statement, "target", None)]
        parts = [part for target in targets if target for part in getattr(target, "elts", [target])]
        yield from (part.id for part in parts if isinstance(part, ast.Name))
