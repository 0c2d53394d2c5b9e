"""Every error that this package raises on purpose.

GraderError            3  our own fault
├── RequestError       2  the request cannot be met: no such file, unusable option
│   └── ExerciseError  2  an exercise's file is not usable
├── UnavailableError   3  a file could not be read through a fault of this machine or its surroundings
├── SandboxError       3  student code could not be confined, so it was not run
└── LiveError          3  an LMS could not be reached, or refused what it was sent
    └── Unanswered     3  a call went out and no answer came back: it may have arrived

A wrong answer is never an exception: it is a `Finding`.  What this file imports must be built in: see
`grader.importing`.
"""

import errno


class GraderError(Exception):
    """Base of every error this package raises on purpose; `exit_code` is what the command ends with."""

    exit_code = 3

    def __init__(self, problem: str, *, hint: str) -> None:
        super().__init__(f"{problem}\n  hint: {hint}")
        self.problem, self.hint = problem, hint

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows of this error in place of a traceback."""
        return str(self).splitlines()

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.problem, self.hint)


class RequestError(GraderError):
    """The request cannot be met, and nothing was done."""

    exit_code = 2


class ExerciseError(RequestError):
    """An exercise's file is not usable."""


class UnavailableError(GraderError):
    """A file could not be read through a fault of this machine or its surroundings, so nothing is known of its bytes."""


class SandboxError(GraderError):
    """Student code could not be confined, so it was not run."""


class LateError(SandboxError):
    """What had to be done before student code could be run was not done in time: the machine may be too busy."""


class LiveError(GraderError):
    """An LMS could not be reached, or refused what it was sent; its HTTP status (0 where there is none) and date."""

    status = 0
    date = ""


class Unanswered(LiveError):
    """A call that changes something went out and no answer came back, so it may have arrived."""


def fault_of_environment(error: BaseException) -> str:
    """Return why a file's bytes did not cause an error: a disk, a permission, a lack of memory. Empty if they may have.

    Damaged archives raise `OSError` without a number, or EINVAL for a place that cannot be.  `zipfile` says of an archive
    that it could not read that it is damaged, so the errors that an error came from are looked at as well.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, MemoryError):
            return "out of memory"
        if isinstance(cause, OSError) and cause.errno not in (None, errno.EINVAL):
            return cause.strerror or str(cause)
        cause = cause.__cause__ or cause.__context__
    return ""


def _rebuild(kind: type[GraderError], problem: str, hint: str) -> GraderError:
    return kind(problem, hint=hint)
