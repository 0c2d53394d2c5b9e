"""Commands of graders that run inside a system: what its container calls, and what brings the grader there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from grader.cli.app import DEFAULT_EXERCISE, ExerciseOption, Exit, QuietOption
from grader.cli.lms import SYSTEM_APPS, say
from grader.errors import RequestError
from grader.lms import BUILDERS, RUNNERS
from grader.lms.common.system import Build, Run
from grader.outputs import Output, require_writable

VISIBILITIES = ("visible", "after_due_date", "after_published", "hidden")

RootOption = Annotated[Path, typer.Option("--root", metavar="DIR", help="The folder that the system lays out.")]
VisibilityOption = Annotated[
    str, typer.Option("--visibility", metavar="WHEN", help=f"When students see it: {', '.join(VISIBILITIES)}.")
]
PartOption = Annotated[
    list[str] | None,
    typer.Option(
        "--part", metavar="ID=FUNCTION", help="Which function a part of the assignment is; one option a part."
    ),
]
OnlineOption = Annotated[
    bool, typer.Option("--online/--offline", help="Leave the wheels that are needed out: the image fetches them.")
]
ImageOption = Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder for `docker build`.")]


@SYSTEM_APPS["gradescope"].command("run", epilog="Example: grader lms gradescope run --root /autograder")
def gradescope_run(
    root: RootOption = Path("/autograder"),
    visibility: VisibilityOption = "visible",
    exercise: ExerciseOption = DEFAULT_EXERCISE,
    quiet: QuietOption = False,
) -> None:
    """Grade DIR/submission inside Gradescope's container and write DIR/results/results.json."""
    _run("gradescope", Run(root, exercise, visibility=_visibility(visibility)), quiet=quiet)


@SYSTEM_APPS["gradescope"].command("build", epilog="Example: grader lms gradescope build --out autograder.zip")
def gradescope_build(
    out: Annotated[Path, typer.Option("--out", metavar="ZIP", help="The zip to upload under Configure Autograder.")],
    visibility: VisibilityOption = "visible",
    python: Annotated[
        str,
        typer.Option(
            "--python", metavar="VERSION", help="Python of the base image: 3.10 on Ubuntu 22.04, 3.12 on 24.04."
        ),
    ] = "3.10",
    online: OnlineOption = False,
    exercise: ExerciseOption = DEFAULT_EXERCISE,
    quiet: QuietOption = False,
) -> None:
    """Make the autograder zip: the grader itself, what it needs, setup.sh and run_autograder."""
    options = ("--visibility", _visibility(visibility))
    require_writable([Output("--out", out, "autograder zip")], [])
    say(BUILDERS["gradescope"](Build(out, exercise, options, python, online)), quiet=quiet)


@SYSTEM_APPS["coursera"].command("run", epilog="Example: grader lms coursera run --root /shared --part 5ShhY=random")
def coursera_run(
    root: RootOption = Path("/shared"),
    part: PartOption = None,
    exercise: ExerciseOption = DEFAULT_EXERCISE,
    quiet: QuietOption = False,
) -> None:
    """Grade DIR/submission inside Coursera's container and write DIR/feedback.json and DIR/htmlFeedback.html.

    The part is the one that the environment's partId names; without it the whole exercise is graded.
    """
    wanted, file = (os.environ.get(name) or None for name in ("partId", "fileName"))
    _run("coursera", Run(root, exercise, part=wanted, parts=tuple(part or ()), file=file), quiet=quiet)


@SYSTEM_APPS["coursera"].command("build", epilog="Example: grader lms coursera build --out image/ --part 5ShhY=random")
def coursera_build(
    out: ImageOption,
    part: PartOption = None,
    exercise: ExerciseOption = DEFAULT_EXERCISE,
    quiet: QuietOption = False,
) -> None:
    """Write the Dockerfile and the grader for an image that Coursera runs."""
    options = tuple(word for value in part or () for word in ("--part", value))
    say(BUILDERS["coursera"](Build(out, exercise, options)), quiet=quiet)


@SYSTEM_APPS["prairielearn"].command("run", epilog="Example: grader lms prairielearn run --root /grade")
def prairielearn_run(
    root: RootOption = Path("/grade"),
    exercise: ExerciseOption = DEFAULT_EXERCISE,
    quiet: QuietOption = False,
) -> None:
    """Grade DIR/student inside PrairieLearn's container and write DIR/results/results.json."""
    _run("prairielearn", Run(root, exercise), quiet=quiet)


@SYSTEM_APPS["prairielearn"].command("build", epilog="Example: grader lms prairielearn build --out image/")
def prairielearn_build(
    out: ImageOption, exercise: ExerciseOption = DEFAULT_EXERCISE, quiet: QuietOption = False
) -> None:
    """Write the Dockerfile and the grader for an image that PrairieLearn runs."""
    say(BUILDERS["prairielearn"](Build(out, exercise)), quiet=quiet)


def _run(system: str, request: Run, *, quiet: bool) -> None:
    """Run and end with 0: the result file stands, whatever the verdict in it."""
    say(RUNNERS[system](request), quiet=quiet)
    raise typer.Exit(int(Exit.PASSED))


def _visibility(value: str) -> str:
    if value not in VISIBILITIES:
        raise RequestError(f"there is no visibility {value!r}", hint=f"say one of {', '.join(VISIBILITIES)}")
    return value
