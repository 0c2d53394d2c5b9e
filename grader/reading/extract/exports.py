"""What `from module import *` gives, and which modules every Python with NumPy has."""

from __future__ import annotations

import ast
import importlib
import importlib.machinery
import os
import re
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

# Libraries whose names people take with a star; what each gives differs from version to version.
_WITH_STAR = frozenset(
    "IPython ipywidgets keras matplotlib mpl_toolkits pandas pylab scipy sklearn sympy tensorflow torch tqdm".split()
)
# What the course's own helper module gives in addition to `np`, which the exercise provides.
_COURSE = {
    "init_utils": frozenset(
        "backward_propagation compute_loss forward_propagation h5py load_cat_dataset load_dataset plot_decision_boundary "
        "plt predict predict_dec relu sigmoid sklearn update_parameters".split()
    )
}
_OF_THE_COURSE = re.compile(
    r"init_utils|public_tests|outputs|test_?[uU]tils\w*|testCases\w*|(?:dnn|gc|lr|opt|planar|reg)_\w*utils\w*"
)
_PYLAB = ("numpy", "numpy.fft", "numpy.linalg", "numpy.random")


def is_provided(module: str) -> bool:
    """Return whether a module belongs to the standard library or NumPy."""
    top = module.partition(".")[0]
    return top in sys.stdlib_module_names or top == "numpy"


def is_of_the_course(module: str) -> bool:
    """Return whether a module is one of the files that the course hands out with its notebooks."""
    return bool(_OF_THE_COURSE.fullmatch(module.partition(".")[0]))


def source_of(name: str, module: str) -> str | None:
    """Return the module that gives `name` after `from module import *`, or None if that does not give it."""
    if module in ("pylab", "matplotlib.pylab"):
        return next((source for source in reversed(_PYLAB) if name in exported(source)), module)
    if module in _COURSE:
        return module if name in _COURSE[module] else None
    if is_provided(module):
        return module if name in exported(module) else None
    return module if module.partition(".")[0] in _WITH_STAR else None


@lru_cache(64)
def exported(module: str) -> frozenset[str]:
    """Return the names that a star takes from a module of the standard library or NumPy.

    A module that is not loaded is read, not run: nothing is imported from the current folder or for a student's sake.
    """
    if not is_provided(module):
        return frozenset()
    loaded = sys.modules.get(module)
    if loaded is None and module.startswith("numpy."):
        try:
            loaded = importlib.import_module(module)  # from NumPy's own folder
        except Exception:  # whatever it is, there is no such module
            return frozenset()
    if loaded is not None:
        return frozenset(getattr(loaded, "__all__", None) or (name for name in vars(loaded) if name[0] != "_"))
    return frozenset(_read(module))


def _read(module: str) -> Iterator[str]:
    """Yield the names that the text of a module of the standard library makes public."""
    path = Path(os.__file__).parent.joinpath(*module.split("."))
    try:
        text = (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text(encoding="utf-8")
        statements = ast.parse(text).body
    except (OSError, ValueError, SyntaxError):
        yield from _loaded_extension(module)
        return
    bound = [(name, statement) for statement in statements for name in _bound(statement)]
    listing = [statement for name, statement in bound if name == "__all__"]
    texts = [node.value for statement in listing for node in ast.walk(statement) if isinstance(node, ast.Constant)]
    listed = [text for text in texts if isinstance(text, str)]
    yield from listed or (name for name, _ in bound if name[:1] not in ("", "_"))


def _bound(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement binds."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        yield statement.name
    if isinstance(statement, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name.split(".")[0] for alias in statement.names)
    targets = [*getattr(statement, "targets", []), getattr(statement, "target", None)]
    yield from (target.id for target in targets if isinstance(target, ast.Name))


def _loaded_extension(module: str) -> list[str]:
    """Return the public names of a module of the standard library that is not written in Python."""
    folders = [folder for folder in sys.path if folder.endswith("lib-dynload")]
    finders = (importlib.machinery.BuiltinImporter, importlib.machinery.PathFinder)
    spec = finders[0].find_spec(module) or finders[1].find_spec(module, folders)
    return [] if spec is None else [name for name in dir(importlib.import_module(module)) if name[0] != "_"]


__all__ = ["exported", "is_of_the_course", "is_provided", "source_of"]
