"""The command `grader`: parses, delegates, shows.  Exit codes: 0 all passed, 1 not all, 2 bad request, 3 our fault."""

from grader.cli import classroom, inside, instructor, lms, people, push, student, tools  # each adds its commands
from grader.cli.app import app, main

__all__ = ["app", "classroom", "inside", "instructor", "lms", "main", "people", "push", "student", "tools"]
