"""The names that Jupyter gives every notebook.  In a child nothing is shown, and no shell command runs."""

import builtins
import os
import sys
from typing import Any

PYTHON_MAGICS = ("time", "capture", "prun")  # which run their cell


class DisplayHandle:
    """What `display` returns for an output that is to be changed later."""

    def __init__(self, display_id: object = None) -> None:
        self.display_id = display_id if isinstance(display_id, str) else "0" * 32

    def display(self, *_: object, **__: object) -> None:
        """Show nothing."""

    update = display


def display(*_: object, display_id: object = None, **__: object) -> "DisplayHandle | None":
    """Show nothing."""
    return DisplayHandle(display_id) if display_id else None


class ZMQInteractiveShell:
    """What `get_ipython()` returns in a notebook, as far as code runs without its shell."""

    @property
    def user_ns(self) -> dict[str, Any]:
        """The notebook's names."""
        return vars(sys.modules["__main__"])

    def run_cell_magic(self, name: str, line: str, cell: str) -> None:  # noqa: ARG002
        """Run the cell if its magic would."""
        if name in PYTHON_MAGICS:
            self.run_cell(cell)

    def run_line_magic(self, name: str, line: str, *_: object, **__: object) -> None:
        """Run the line if its magic would."""
        if name in PYTHON_MAGICS:
            self.run_cell(line)

    def run_cell(self, cell: str, *_: object, **__: object) -> None:
        """Run Python at the top level."""
        exec(cell, self.user_ns)

    ex = run_cell

    def magic(self, line: str) -> None:
        """Run a line magic."""
        name, _, rest = line.partition(" ")
        self.run_line_magic(name.lstrip("%"), rest)

    def ev(self, expression: str) -> Any:
        """Evaluate an expression at the top level."""
        return eval(expression, self.user_ns)  # noqa: S307

    def push(self, variables: "dict[str, Any]", *_: object, **__: object) -> None:
        """Set names at the top level."""
        self.user_ns.update(variables)

    def getoutput(self, *_: object, **__: object) -> list[str]:
        """Return no lines: a shell command does not run."""
        return []

    def __getattr__(self, name: str) -> Any:
        if name[:1] == "_":
            raise AttributeError(name)
        return display


_shell = ZMQInteractiveShell()


def get_ipython() -> ZMQInteractiveShell:
    """Return the notebook's shell."""
    return _shell


def names() -> dict[str, Any]:
    """Return the names in a new notebook's name space."""
    inputs, outputs = [""], dict[int, Any]()
    texts = dict.fromkeys(("_", "__", "___", "_i", "_ii", "_iii"), "")
    return {**texts, "In": inputs, "_ih": inputs, "Out": outputs, "_oh": outputs, "_dh": [os.getcwd()]}


def install() -> None:
    """Add to the builtins what a notebook has there; ending the kernel from inside a cell ends nothing at once."""
    for name in ("exit", "quit", "help", "copyright", "credits", "license"):
        setattr(builtins, name, display)
    builtins.get_ipython = get_ipython  # type: ignore[attr-defined]
    builtins.display = display  # type: ignore[attr-defined]
