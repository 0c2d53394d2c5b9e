"""Autograder for the exercise "Initialization": reads notebooks, runs them confined, explains what was measured.

>>> import grader
>>> result = grader.grade("Initialization.ipynb")  # doctest: +SKIP
>>> result.score, result.summary.next_step  # doctest: +SKIP
"""

import os  # loaded before any program starts; another import, even `__future__`, would look in the current folder

from grader._version import __version__
from grader.errors import ExerciseError, GraderError, RequestError, SandboxError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from grader.records import Result

__all__ = ["ExerciseError", "GraderError", "RequestError", "SandboxError", "__version__", "grade"]


def grade(path: str | os.PathLike[str], *, exercise: str = "dls-c2w1-initialization") -> "Result":
    """Grade one notebook and return the verdict: the same as `grader check` gives.

    Parameters
    ----------
    path : path-like
        A notebook (.ipynb) or script (.py).
    exercise : str
        The name of a shipped exercise, or the path of a folder such as ``./mine``.

    Raises
    ------
    RequestError
        If there is no such file or exercise.
    SandboxError
        If student code cannot be confined on this machine.
    """
    from pathlib import Path

    from grader import api as service  # importing grader costs nothing

    return service.check(Path(path), exercise)
