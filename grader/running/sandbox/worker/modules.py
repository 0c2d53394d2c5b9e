"""Gives a child the modules that a plain Python would have, although it can open no file.

Most notebooks import nothing but what the server loads at its start.  Where one does, its child ends with the exit code
`NEEDS_MODULES`; the grader then starts a complete server and runs the job again there.  A complete server has loaded every
extension module of the standard library and of NumPy, and holds everything in them that is written in Python in memory.
"""

import contextlib
import errno
import importlib
import importlib.util
import os
import pathlib
import socket
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec, SourceFileLoader
from types import CodeType, ModuleType
from typing import NamedTuple

NEEDS_MODULES = 75
HOST, USER, HOME = "localhost", "jovyan", "/home/jovyan"  # as in Jupyter's own images
# What most notebooks use: loaded by every server.
USUAL = (
    "__future__ abc bisect cmath collections collections.abc colorsys copy dataclasses datetime decimal enum fractions "
    "functools glob graphlib heapq inspect io itertools logging math multiprocessing.popen_fork numbers numpy.char "
    "numpy.fft numpy.linalg numpy.ma numpy.polynomial numpy.random numpy.rec numpy.testing numpy.typing operator pprint "
    "queue random re statistics string textwrap threading time timeit traceback typing unicodedata uuid zoneinfo"
).split()
# Modules of other systems, which parts of the standard library try to import: no Linux has them.
ELSEWHERE = frozenset("_msi _overlapped _scproxy _winapi _wmi msilib msvcrt nt winreg winsound".split())
NOT_LOADED = ("_test", "_xx", "xx", "_tkinter")  # test modules, and windows: a child has no screen
WITHOUT_CODE = frozenset("__pycache__ dist-packages site-packages test tests".split())


class ModuleFile(NamedTuple):
    """A module written in Python: its path, its code or, where that was never compiled, its text, and whether it is a package."""

    path: str
    code: "CodeType | bytes"
    is_package: bool


class Incomplete(MetaPathFinder):
    """Ends the process at the first import of something that only a complete server has."""

    def find_spec(self, name: str, path: "Sequence[str] | None", target: "ModuleType | None" = None) -> None:  # noqa: ARG002
        """Return nothing: it is not a module that a plain Python has."""
        if is_provided(name):
            os._exit(NEEDS_MODULES)


class Library(MetaPathFinder, InspectLoader):
    """Imports modules written in Python from memory."""

    def __init__(self, files: dict[str, ModuleFile]) -> None:
        self.files = files
        self.namespaces = {name.rpartition(".")[0] for name in files} - files.keys()

    def find_spec(
        self,
        name: str,
        path: "Sequence[str] | None",  # noqa: ARG002
        target: "ModuleType | None" = None,  # noqa: ARG002
    ) -> "ModuleSpec | None":
        """Return where a module comes from, or None."""
        file = self.files.get(name)
        if file is None:
            return ModuleSpec(name, None, is_package=True) if name in self.namespaces else None
        spec = ModuleSpec(name, self, origin=file.path, is_package=file.is_package)
        spec.has_location = True
        if file.is_package:
            spec.submodule_search_locations = [os.path.dirname(file.path)]
        return spec

    def get_code(self, fullname: str) -> CodeType:
        """Return the code of a module."""
        file = self.files[fullname]
        code = file.code
        return compile(code, file.path, "exec", dont_inherit=True) if isinstance(code, bytes) else code

    def get_source(self, fullname: str) -> None:
        """Return None: only compiled code is at hand."""

    def get_data(self, path: str) -> bytes:
        """Refuse to read what a module reads beside its code."""
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), path)


def is_provided(name: str) -> bool:
    """Return whether a module of this name may be one of the standard library or of NumPy."""
    top = name.partition(".")[0]
    return (top in sys.stdlib_module_names and top not in ELSEWHERE) or top == "numpy"


def load(numpy_folder: str, *, complete: bool) -> None:
    """Load what student code may import, and put what finds the rest in the place of the files."""
    answer_for_machine()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some modules are deprecated, which is nobody's fault here
        for name in USUAL:
            _import(name)  # numpy.char and numpy.rec are modules from NumPy 2 on
        if not complete:
            sys.meta_path.append(Incomplete())
            return
        sources, extensions = _inventory(numpy_folder)
        for name in extensions:
            _import(name)
    sys.meta_path.append(Library({name: _file(name, path) for name, path in sources.items()}))


def answer_for_machine() -> None:
    """Give what a notebook may ask of its machine without opening a file: the answers are those of no machine."""
    if sys.platform != "win32":
        system = os.uname_result((os.uname().sysname, HOST, *os.uname()[2:]))
        os.uname = lambda: system  # the call takes no path, but tells the name of the machine
    socket.gethostname = lambda: HOST
    os.environ.update(HOME=HOME, USER=USER, LOGNAME=USER)
    os.getcwd, os.getcwdb = lambda: HOME, HOME.encode
    os.getlogin, os.umask, os.getloadavg = lambda: USER, lambda _: 0o022, lambda: (0.0, 0.0, 0.0)
    for name, test in (("exists", os.path.exists), ("is_file", os.path.isfile), ("is_dir", os.path.isdir)):
        setattr(pathlib.Path, name, _question(test))


def _question(test: "Callable[[str], bool]") -> "Callable[..., bool]":
    """Return a method of paths that says no where nothing may be looked up; those of some versions of Python raise."""

    def question(self: pathlib.Path, **_: bool) -> bool:
        return test(os.fspath(self))

    return question


def _import(name: str) -> None:
    with contextlib.suppress(Exception):  # a build without some library
        importlib.import_module(name)


def _inventory(numpy_folder: str) -> tuple[dict[str, str], list[str]]:
    """Return the files of modules written in Python, by name, and the names of extension modules."""
    sources: dict[str, str] = {}
    extensions: list[str] = []
    folders = [folder for folder in dict.fromkeys([*sys.path, os.path.dirname(os.__file__)]) if folder != numpy_folder]
    for prefix, folder in [*(("", folder) for folder in folders), ("numpy.", os.path.join(numpy_folder, "numpy"))]:
        for name, path in _modules(folder, prefix):
            top, last = name.partition(".")[0], name.rpartition(".")[2]
            if top != "numpy" and top not in sys.stdlib_module_names and not top.startswith("_sysconfigdata"):
                continue
            if path.endswith(".py"):
                sources.setdefault(name, path)
            elif not last.startswith(NOT_LOADED) and "tests" not in last:
                extensions.append(name)
    return sources, extensions


def _modules(folder: str, prefix: str) -> Iterator[tuple[str, str]]:
    """Yield name and path of each module in a folder and in the packages below it."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        stem, suffix = entry.name.partition(".")[::2]
        if not stem.isidentifier():
            continue
        if suffix == "py":
            yield (prefix.rstrip(".") if stem == "__init__" else prefix + stem), entry.path
        elif f".{suffix}" in EXTENSION_SUFFIXES:
            yield prefix + stem, entry.path
        elif not suffix and stem not in WITHOUT_CODE and entry.is_dir():
            yield from _modules(entry.path, f"{prefix}{stem}.")


def _file(name: str, path: str) -> ModuleFile:
    """Read a module: compiled where a compiled file is there, since to compile them all takes seconds."""
    is_package = os.path.basename(path) == "__init__.py"
    with contextlib.suppress(SyntaxError, NotImplementedError):
        if os.path.exists(importlib.util.cache_from_source(path)) and (
            code := SourceFileLoader(name, path).get_code(name)
        ):
            return ModuleFile(path, code, is_package)
    with open(path, "rb") as file:
        return ModuleFile(path, file.read(), is_package)
