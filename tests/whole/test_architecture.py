"""The rooms keep to themselves: who may import whom, and which library lives where."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

import grader

PACKAGE = Path(grader.__file__).parent

# The order in which a submission flows: a file imports only from its own line and from lines above it.
ORDER = (
    ("_version", "importing", "errors", "garbage"),
    ("resources",),
    ("messages",),
    ("faults",),
    ("files", "keys", "outputs"),
    ("records",),
    ("exercise",),
    ("reading",),
    ("running",),
    ("judging",),
    ("explaining",),
    ("store",),
    ("precompute",),  # measures an exercise
    ("classroom.review", "classroom.statistics"),  # pure: what pages and counts of a class are made from
    ("rendering",),
    ("prepare",),
    ("verdict",),
    ("pipeline",),
    ("memo",),
    ("classroom.submissions", "classroom.manifest"),  # `grader check` opens a student's zip as a batch does
    ("api",),
    ("session",),
    ("classroom",),
    ("lms",),
    ("authoring",),  # writes an exercise, and looks whether it is sound
    ("cli",),
    ("__main__",),
)
LIVES_IN = {
    "subprocess": {"reading", "running", "lms"},  # lms: pip, which fetches what the grader needs into a zip
    "ctypes": {"exercise", "running"},
    "llvmlite": {"exercise"},
    "sqlite3": {"store"},
    "jinja2": {"rendering"},
    "babel": {"messages"},
    "nbformat": {"reading", "rendering"},
    "nbconvert": {"rendering"},
    "bleach": {"rendering"},
    "typer": {"cli"},
    "rich": {"rendering", "cli"},
    "multiprocessing": {"classroom"},
    "distributed": {"classroom"},
    "dask": {"classroom"},
    "requests": {"lms"},
    "urllib3": {"lms"},
    "canvasapi": {"lms"},
    "jwt": {"lms"},
    "keyring": {"lms"},
    "pickle": set(),
    "dill": set(),
    "marshal": set(),
}  # fmt: skip
LIVES_IN_FILE = {
    "requests": "lms/live/http.py",
    "urllib3": "lms/live/http.py",
    "canvasapi": "lms/canvas/site.py",
    "jwt": "lms/lti/access.py",
    "keyring": "lms/live/tokens.py",
}
MODULES = sorted(PACKAGE.rglob("*.py"))
WORKER = sorted((PACKAGE / "running" / "sandbox" / "worker").glob("*.py"))


def name_of(path: Path) -> str:
    """Return a module's name below the package; that of the package itself is empty."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix("__init__").rstrip(".")


NAMES = {name_of(path): path for path in MODULES}


def line_of(name: str) -> int:
    """Return the line of ORDER that a module belongs to: that of its longest beginning there."""
    if not name:
        return len(ORDER) - 2  # the package itself shows what the lines below it make
    lines = {entry: line for line, entries in enumerate(ORDER) for entry in entries}
    parts = name.split(".")
    beginnings = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
    return next(lines[beginning] for beginning in beginnings if beginning in lines)


def imports(path: Path) -> set[str]:
    """Every module that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            for alias in node.names:
                full = f"{module}.{alias.name}"
                found.add(full if full.removeprefix("grader.") in NAMES else module)
    return found


def ours(path: Path) -> set[str]:
    """Return the names below the package of the modules that a file imports."""
    return {name.removeprefix("grader").lstrip(".") for name in imports(path) if name.split(".")[0] == "grader"}


def type_only(path: Path) -> set[str]:
    """What a file imports for its annotations alone."""
    blocks = [
        node
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    found = [node for block in blocks for node in block.body]
    return {alias.name for node in found if isinstance(node, ast.Import) for alias in node.names}


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_file_imports_only_from_its_own_line_and_from_lines_above(name):
    assert not {other for other in ours(NAMES[name]) if line_of(other) > line_of(name)}


def test_every_entry_of_the_order_is_there():
    assert all((PACKAGE / entry.replace(".", "/")).is_dir() or entry in NAMES for line in ORDER for entry in line)


def test_files_have_no_import_cycle():
    graph = {name: ours(path) - {name} for name, path in NAMES.items()}
    while graph:
        leaves = {name for name, needs in graph.items() if not needs & graph.keys()}
        assert leaves, f"a cycle among {sorted(graph)}"
        graph = {name: needs for name, needs in graph.items() if name not in leaves}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_library_lives_in_its_room(path):
    used = {name.split(".")[0] for name in imports(path)}
    strayed = {name for name in used & LIVES_IN.keys() if name_of(path).split(".")[0] not in LIVES_IN[name]}
    assert not strayed


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_one_file_speaks_to_the_network(path):
    used = {name.split(".")[0] for name in imports(path) - type_only(path)}
    strayed = {name for name in used & LIVES_IN_FILE.keys() if path != PACKAGE / LIVES_IN_FILE[name]}
    assert not strayed


def test_the_worker_stands_alone():
    inside = {path.stem for path in WORKER}
    assert not {name for path in WORKER for name in imports(path) if name.startswith("grader")}
    assert not any("sandbox.worker" in name for path in MODULES for name in imports(path))
    assert not {name for path in MODULES if path not in WORKER for name in imports(path)} & inside


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_code_of_notebooks_is_executed_in_the_worker_only(path):
    calls = {
        node.func.id
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    if path not in WORKER:
        assert not calls & {"exec", "eval", "compile", "__import__"}


# What decides how fast a class is graded is remembered in memo.py.  A cache elsewhere holds a constant of the process, or is
# small and used again within one submission only.
CONSTANT, WITHIN_ONE = "a constant of the process", "used again within one submission"
CACHES = {
    "classroom/cluster.py": (CONSTANT, "whether this machine confines code"),
    "exercise/fast/machine.py": (CONSTANT, "the machine code of the training"),
    "exercise/shipped.py": (CONSTANT, "what the exercise's own solution writes"),
    "judging/diagnosis/recovered.py": (CONSTANT, "the shapes that a list of sizes asks for"),
    "judging/diagnosis/streams.py": (CONSTANT, "the numbers of a seed, and the shipped index of seeds"),
    "judging/diagnosis/text.py": (WITHIN_ONE, "the syntax tree of the function that is judged"),
    "reading/extract/canonical.py": (WITHIN_ONE, "the syntax tree of the statement that is carried"),
    "reading/extract/exports.py": (CONSTANT, "the names that a module gives"),
    "records/places.py": (CONSTANT, "the fields of each kind of record"),
    "rendering/boundary.py": (CONSTANT, "the points of the exercise"),
    "rendering/excerpt.py": (CONSTANT, "the lexer and its kinds of words"),
    "rendering/html.py": (CONSTANT, "the package's own templates, styles and scripts"),
    "rendering/image.py": (CONSTANT, "the package's own styles"),
    "running/repair/catalogue.py": (CONSTANT, "what the exercise's own solution writes"),
    "running/repair/code.py": (WITHIN_ONE, "the syntax trees of the function that is repaired"),
    "running/sandbox/worker/answer.py": (CONSTANT, "the names of NumPy's types"),
}  # fmt: skip
MOST_WITHIN_ONE = 64


def caches_of(path: Path) -> list[float]:
    """Return how many results each cache of functools in a file may hold."""
    sizes = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            names = [ast.unparse(decorator) for decorator in node.decorator_list]
            sizes += [float("inf") for name in names if name in ("cache", "functools.cache", "lru_cache")]
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("lru_cache"):
            [most] = [*node.args, *(keyword.value for keyword in node.keywords)]
            sizes.append(ast.literal_eval(most))
    return sizes


def test_what_decides_speed_is_remembered_in_one_place():
    caches = {path.relative_to(PACKAGE).as_posix(): sizes for path in MODULES if (sizes := caches_of(path))}
    assert caches.keys() == CACHES.keys()
    assert not [
        name for name, sizes in caches.items() if CACHES[name][0] == WITHIN_ONE and max(sizes) > MOST_WITHIN_ONE
    ]


def test_the_rule_finds_a_stray_import(tmp_path):
    stray = tmp_path / "stray.py"
    stray.write_text("def late():\n    from grader.running.sandbox.server import start\n    import sqlite3\n")
    assert imports(stray) == {"grader.running.sandbox.server", "sqlite3"}


def class_names(path: Path) -> set[str]:
    """Return the names of the classes and of the aliases of types that a file defines, without a leading underscore."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    classes = {node.name for node in body if isinstance(node, ast.ClassDef)}
    values = [(node.targets[0], node.value) for node in body if isinstance(node, ast.Assign)]
    aliases = {
        target.id
        for target, value in values
        if isinstance(target, ast.Name)
        and re.fullmatch("_?[A-Z][a-zA-Z]*[a-z][a-zA-Z]*", target.id)
        and "TypeVar" not in ast.unparse(value)
    }
    return {name.lstrip("_") for name in classes | aliases}


def test_no_class_name_has_two_meanings():
    counts = Counter(name for path in MODULES for name in class_names(path))
    assert not {name for name, count in counts.items() if count > 1}


PRIVATE = {"os._exit", "Connection._send"}  # names of the standard library that begin with _ and have no public twin


def private_names(path: Path) -> list[str]:
    """Return the private names of other modules and classes that a file reaches."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    imported = [alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names]
    reached = [
        ast.unparse(node)
        for node in nodes
        if isinstance(node, ast.Attribute)
        and not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"))
    ]
    named = [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    named = [name for name in named if re.fullmatch(r"grader(\.\w+)+", name)]
    names = [name for name in imported + reached + named if re.match(r"_[a-z]\w*$", name.rpartition(".")[2])]
    return [name for name in names if not name.endswith("_") and name not in PRIVATE]


@pytest.mark.parametrize("path", sorted(Path(__file__).parents[1].rglob("*.py")), ids=lambda path: path.name)
def test_no_test_reaches_a_private_name(path):
    assert not private_names(path)


VAGUE = {"one", "found", "made", "said", "kept", "held", "known", "told", "asked", "there"}
MOST_VAGUE = 0.003  # of all names that are bound; it may only become less


def bound_names(path: Path) -> list[str]:
    """Return each name that a file gives to a value: variables, parameters, caught errors."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    names = [node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    names += [node.arg for node in nodes if isinstance(node, ast.arg)]
    return names + [node.name for node in nodes if isinstance(node, ast.ExceptHandler) and node.name]


def test_few_names_say_nothing_of_their_value():
    names = [name for path in MODULES for name in bound_names(path)]
    assert sum(name in VAGUE for name in names) / len(names) <= MOST_VAGUE
