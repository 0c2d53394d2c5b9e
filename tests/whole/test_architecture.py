"""The rooms keep to themselves: who may import whom, and which library lives where."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import grader

PACKAGE = Path(grader.__file__).parent

# room: the rooms it may import, besides itself
MAY_IMPORT = {
    "grader": {"errors", "records", "service"},
    "records": set(),
    "errors": set(),
    "faults": set(),
    "reading": {"errors", "extract", "faults", "notebook", "records", "sandbox"},
    "annotating": {"reading", "records", "report", "sandbox"},
    "resources": {"errors"},
    "training": {"records"},
    "fast": {"training"},
    "salvage": set(),
    "exports": {"records"},
    "notebook": {"grader", "errors", "exports", "records", "salvage"},
    "extract": {"faults", "records"},
    "sandbox": {"errors", "records"},
    "exercise": {"errors", "records", "resources", "sandbox", "training"},
    "evidence": {"grader", "errors", "exercise", "fast", "faults", "records", "sandbox", "training"},
    "shipped": {"grader", "evidence", "exercise", "fast", "training"},
    "diagnosis": {"records"},
    "checks": {"diagnosis", "records"},
    "grading": {"exercise", "records"},
    "solution": {"errors", "records", "sandbox"},
    "repair": {"diagnosis", "errors", "extract", "records", "sandbox"},
    "asides": {"exercise", "fast", "shipped", "training"},
    "explain": {"asides", "records", "shipped", "training"},
    "classroom": {"records", "review"},
    "report": {"asides", "classroom", "errors", "exercise", "records", "resources", "shipped", "training"},
    "classfiles": {"classroom", "errors", "exercise", "report", "store"},
    "store": {"errors", "keys", "records"},
    "keys": set(),
    "review": {"records"},
    "manifest": {"errors", "keys"},
    "submissions": {"errors", "manifest"},
    "roster": {"errors", "manifest", "remembered", "submissions"},
    "pool": {"errors"},
    "work": {
        "grader",
        "annotating",
        "checks",
        "classroom",
        "errors",
        "evidence",
        "exercise",
        "faults",
        "notebook",
        "pipeline",
        "reading",
        "records",
        "report",
        "review",
        "store",
        "submissions",
    },
    "pipeline": {
        "grader",
        "asides",
        "checks",
        "diagnosis",
        "errors",
        "evidence",
        "exercise",
        "explain",
        "extract",
        "faults",
        "grading",
        "notebook",
        "reading",
        "records",
        "repair",
        "resources",
        "sandbox",
        "shipped",
        "solution",
        "training",
    },
    "remembered": {"errors", "exercise", "resources", "store"},
    "folder": {
        "classfiles",
        "classroom",
        "errors",
        "exercise",
        "manifest",
        "records",
        "remembered",
        "roster",
        "store",
        "submissions",
        "work",
    },
    "batch": {
        "grader",
        "classroom",
        "errors",
        "exercise",
        "folder",
        "manifest",
        "notebook",
        "pool",
        "records",
        "remembered",
        "review",
        "roster",
        "store",
        "submissions",
        "work",
    },
    "cluster": {
        "grader",
        "errors",
        "exercise",
        "notebook",
        "pool",
        "service",
        "store",
        "submissions",
        "work",
    },
    "rulings": {"batch", "errors", "exercise", "folder", "records", "remembered", "report", "review", "store"},
    "privacy": {"errors", "folder", "manifest", "remembered", "store"},
    "lms": {
        "grader",
        "folder",
        "errors",
        "exercise",
        "manifest",
        "reading",
        "sandbox",
        "notebook",
        "records",
        "report",
        "resources",
        "review",
        "service",
        "store",
        "submissions",
    },
    "service": {
        "annotating",
        "checks",
        "errors",
        "exercise",
        "faults",
        "notebook",
        "pipeline",
        "records",
        "report",
        "sandbox",
        "store",
        "submissions",
    },
    "cli": {
        "grader",
        "batch",
        "classroom",
        "cluster",
        "errors",
        "faults",
        "lms",
        "pool",
        "folder",
        "privacy",
        "records",
        "remembered",
        "report",
        "review",
        "rulings",
        "sandbox",
        "service",
        "store",
        "submissions",
    },
    "importing": set(),
    "__main__": {"cli", "importing"},
}
LIVES_IN = {
    "subprocess": {"reading", "sandbox", "lms"},  # lms: pip, which fetches what the grader needs into a zip
    "ctypes": {"fast", "sandbox"},
    "llvmlite": {"fast"},
    "sqlite3": {"store"},
    "jinja2": {"report"},
    "nbformat": {"notebook", "report"},
    "nbconvert": {"report"},
    "bleach": {"report"},
    "typer": {"cli"},
    "rich": {"report", "cli"},
    "multiprocessing": {"pool"},
    "distributed": {"cluster"},
    "dask": {"cluster"},
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
    "requests": "lms/http.py",
    "urllib3": "lms/http.py",
    "canvasapi": "lms/canvas_api.py",
    "jwt": "lms/lti_access.py",
    "keyring": "lms/tokens.py",
}
MODULES = sorted(PACKAGE.rglob("*.py"))
WORKER = sorted((PACKAGE / "sandbox" / "worker").glob("*.py"))


def room(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return "grader" if first == "__init__.py" else first.removesuffix(".py")


def imports(path: Path) -> set[str]:
    """Every module that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            names = {f"{module}.{alias.name}" for alias in node.names}
            found |= names if module == "grader" else {module}
    return found


def type_only(path: Path) -> set[str]:
    """What a file imports for its annotations alone."""
    blocks = [
        node
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    found = [node for block in blocks for node in block.body]
    return {alias.name for node in found if isinstance(node, ast.Import) for alias in node.names}


def rooms_imported(path: Path) -> set[str]:
    ours = {name for name in imports(path) if name.split(".")[0] == "grader"}
    parts = {name.split(".")[1] if "." in name else "grader" for name in ours}
    return {part if (PACKAGE / part).is_dir() or (PACKAGE / f"{part}.py").is_file() else "grader" for part in parts}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_only_what_it_may(path):
    assert rooms_imported(path) - {room(path)} <= MAY_IMPORT[room(path)]


def test_every_room_has_its_row():
    assert {room(path) for path in MODULES} == set(MAY_IMPORT)


def test_rooms_have_no_import_cycle():
    graph = {
        name: {other for path in MODULES if room(path) == name for other in rooms_imported(path)} for name in MAY_IMPORT
    }
    graph["grader"] = set()  # its imports stand inside functions and type checks
    while graph:
        leaves = {name for name, needs in graph.items() if not (needs & graph.keys()) - {name}}
        assert leaves, f"a cycle among {sorted(graph)}"
        graph = {name: needs for name, needs in graph.items() if name not in leaves}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_library_lives_in_its_room(path):
    used = {name.split(".")[0] for name in imports(path)}
    strayed = {name for name in used & LIVES_IN.keys() if room(path) not in LIVES_IN[name]}
    assert not strayed


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_one_file_speaks_to_the_network(path):
    used = {name.split(".")[0] for name in imports(path) - type_only(path)}
    strayed = {name for name in used & LIVES_IN_FILE.keys() if path != PACKAGE / LIVES_IN_FILE[name]}
    assert not strayed


def test_the_worker_stands_alone():
    inside = {path.stem for path in WORKER}
    assert not {name for path in WORKER for name in imports(path) if name.startswith("grader")}
    assert not any("worker" in name for path in MODULES for name in imports(path))
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


def test_the_rule_finds_a_stray_import(tmp_path):
    stray = tmp_path / "stray.py"
    stray.write_text("def late():\n    from grader.running.sandbox.server import start\n    import sqlite3\n")
    assert imports(stray) == {"grader.running.sandbox.server", "sqlite3"}
