"""The command `grader`: parses, delegates, shows.  Exit codes: 0 all passed, 1 not all, 2 bad request, 3 our fault."""

from grader.cli import (  # each adds its commands
    classroom,
    exercise,
    instructor,
    lms,
    lms_inside,
    lms_push,
    people,
    student,
    tools,
)
from grader.cli.app import app, main

__all__ = [
    "app",
    "classroom",
    "exercise",
    "instructor",
    "lms",
    "lms_inside",
    "lms_push",
    "main",
    "people",
    "student",
    "tools",
]
