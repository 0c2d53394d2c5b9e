"""Autograder for the exercise "Initialization": reads notebooks, runs them confined, explains what was measured.

>>> import grader
>>> result = grader.grade("Initialization.ipynb")  # doctest: +SKIP
>>> result.score, result.summary.next_step  # doctest: +SKIP

In a notebook, `%load_ext grader` and then `%grade`, or `grader.check()`, grade what the session has.
"""

import os  # loaded before any program starts; another import, even `__future__`, would look in the current folder

from grader._version import __version__
from grader.errors import ExerciseError, GraderError, RequestError, SandboxError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from grader.records import Result
    from grader.rendering.cell import LabView

__all__ = [
    "ExerciseError",
    "GraderError",
    "RequestError",
    "SandboxError",
    "__version__",
    "check",
    "grade",
    "lab",
    "load_ipython_extension",
]
DEFAULT_EXERCISE = "dls-c2w1-initialization"


def grade(
    path: str | os.PathLike[str], *, exercise: str = DEFAULT_EXERCISE, trust_my_own_code: bool = False
) -> "Result":
    """Grade one notebook and return the verdict: the same as `grader check` gives.

    Parameters
    ----------
    path : path-like
        A notebook (.ipynb) or script (.py).
    exercise : str
        The name of a shipped exercise, or the path of a folder such as ``./mine``.
    trust_my_own_code : bool
        Where nothing can confine the code, run it all the same, in a process of its own.  Only for your own code on your
        own machine: the result is a self-check, never a grade.

    Raises
    ------
    RequestError
        If there is no such file or exercise.
    SandboxError
        If student code cannot be confined on this machine.
    """
    from pathlib import Path

    from grader import api as service  # importing grader costs nothing

    return service.check(Path(path), exercise, trust_my_own_code)


def check(
    *functions: "Callable[..., object] | str",
    exercise: str = DEFAULT_EXERCISE,
    more: bool = False,
    trust_my_own_code: bool = False,
) -> "Result":
    """Grade functions of the live session, as their cells define them; without arguments, all of the exercise.

    Parameters
    ----------
    functions : callable or str
        Functions of the exercise, or their names.
    exercise : str
        As for `grade`.
    more : bool
        Whether to show one more hint than before, as far as the exercise allows.
    trust_my_own_code : bool
        As for `grade`.

    Raises
    ------
    RequestError
        If the exercise has no such function, or its source cannot be read.
    SandboxError
        If student code cannot be confined on this machine.
    """
    from grader import session

    return session.check(*functions, exercise=exercise, more=more, trust_my_own_code=trust_my_own_code)


def lab(*, exercise: str = DEFAULT_EXERCISE) -> "LabView":
    """Return the lab, which a notebook shows in the cell; it begins with your own start after a `check`.

    Raises
    ------
    RequestError
        If there is no such exercise, or it has no lab.
    """
    from grader import session

    return session.lab(exercise=exercise)


def load_ipython_extension(shell: object) -> None:
    """Add `%grade` to IPython; called by `%load_ext grader`."""
    from grader import session

    session.load(shell, check)
