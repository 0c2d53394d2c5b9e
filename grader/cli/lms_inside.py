"""Commands of graders that run inside a system: what its container calls, and what brings the grader there.

A run ends with exit code 0 once its result file is written, whatever the verdict.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from grader.cli.app import DEFAULT_EXERCISE, ExerciseOption, QuietOption
from grader.cli.lms import SYSTEM_APPS, show_report
from grader.lms.common.system import Build, Run
from grader.messages import refusal, say
from grader.outputs import Output, require_writable

VISIBILITIES = ("visible", "after_due_date", "after_published", "hidden")

RootOption = Annotated[Path, typer.Option("--root", metavar="DIR", help=say("cli.lms.root"))]
VisibilityOption = Annotated[
    str, typer.Option("--visibility", metavar="WHEN", help=say("cli.lms.visibility", names=VISIBILITIES))
]
PartOption = Annotated[
    list[str] | None,
    typer.Option("--part", metavar="ID=FUNCTION", help=say("cli.lms.part")),
]
OnlineOption = Annotated[bool, typer.Option("--online/--offline", help=say("cli.lms.online"))]
ImageOption = Annotated[Path, typer.Option("--out", metavar="DIR", help=say("cli.lms.image"))]


@SYSTEM_APPS["gradescope"].command(
    "run", help=say("cli.lms.gradescope.run.help"), epilog=say("cli.lms.gradescope.run.example")
)
def gradescope_run(
    root: RootOption = Path("/autograder"),
    visibility: VisibilityOption = "visible",
    exercise: ExerciseOption = DEFAULT_EXERCISE,
    quiet: QuietOption = False,
) -> None:
    """Grade DIR/submission inside Gradescope's container and write DIR/results/results.json."""
    from grader.lms.inside import gradescope

    show_report(gradescope.run(Run(root, exercise, visibility=_visibility(visibility))), quiet=quiet)


@SYSTEM_APPS["gradescope"].command(
    "build", help=say("cli.lms.gradescope.build.help"), epilog=say("cli.lms.gradescope.build.example")
)
def gradescope_build(
    out: Annotated[Path, typer.Option("--out", metavar="ZIP", help=say("cli.lms.gradescope.build.out"))],
    visibility: VisibilityOption = "visible",
    python: Annotated[
        str,
        typer.Option("--python", metavar="VERSION", help=say("cli.lms.gradescope.build.python")),
    ] = "3.10",
    online: OnlineOption = False,
    exercise: ExerciseOption = DEFAULT_EXERCISE,
    quiet: QuietOption = False,
) -> None:
    """Make the autograder zip: the grader itself, what it needs, setup.sh and run_autograder."""
    from grader.lms.inside import bundle

    options = ("--visibility", _visibility(visibility))
    require_writable([Output("--out", out, "autograder")], [])
    show_report(bundle.gradescope(Build(out, exercise, options, python, online)), quiet=quiet)


@SYSTEM_APPS["coursera"].command(
    "run", help=say("cli.lms.coursera.run.help"), epilog=say("cli.lms.coursera.run.example")
)
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
    from grader.lms.inside import coursera

    show_report(coursera.run(Run(root, exercise, part=wanted, parts=tuple(part or ()), file=file)), quiet=quiet)


@SYSTEM_APPS["coursera"].command(
    "build", help=say("cli.lms.coursera.build.help"), epilog=say("cli.lms.coursera.build.example")
)
def coursera_build(
    out: ImageOption,
    part: PartOption = None,
    exercise: ExerciseOption = DEFAULT_EXERCISE,
    quiet: QuietOption = False,
) -> None:
    """Write the Dockerfile and the grader for an image that Coursera runs."""
    from grader.lms.inside import bundle

    options = tuple(word for value in part or () for word in ("--part", value))
    show_report(bundle.coursera(Build(out, exercise, options)), quiet=quiet)


@SYSTEM_APPS["prairielearn"].command(
    "run", help=say("cli.lms.prairielearn.run.help"), epilog=say("cli.lms.prairielearn.run.example")
)
def prairielearn_run(
    root: RootOption = Path("/grade"),
    exercise: ExerciseOption = DEFAULT_EXERCISE,
    quiet: QuietOption = False,
) -> None:
    """Grade DIR/student inside PrairieLearn's container and write DIR/results/results.json."""
    from grader.lms.inside import prairielearn

    show_report(prairielearn.run(Run(root, exercise)), quiet=quiet)


@SYSTEM_APPS["prairielearn"].command(
    "build", help=say("cli.lms.prairielearn.build.help"), epilog=say("cli.lms.prairielearn.build.example")
)
def prairielearn_build(
    out: ImageOption, exercise: ExerciseOption = DEFAULT_EXERCISE, quiet: QuietOption = False
) -> None:
    """Write the Dockerfile and the grader for an image that PrairieLearn runs."""
    from grader.lms.inside import bundle

    show_report(bundle.prairielearn(Build(out, exercise)), quiet=quiet)


def _visibility(value: str) -> str:
    if value not in VISIBILITIES:
        raise refusal("cli.lms.no_visibility", value=value, names=VISIBILITIES)
    return value
