"""Commands of an instructor: a class at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grader.cli.app import DEFAULT_EXERCISE, ExerciseOption, Exit, QuietOption, VerboseOption, app

if TYPE_CHECKING:
    from grader.batch import Report


@app.command(epilog="Example: grader batch downloads/ --out graded/ --jobs 4")
def batch(
    sources: Annotated[list[Path], typer.Argument(metavar="SOURCE...", help="Folders, zips or notebooks.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where pages, gradebook and store go.")],
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, max=256, help="Processes; by default one a processor.")
    ] = None,
    i_trust_this_code: Annotated[
        bool, typer.Option("--i-trust-this-code", help="Grade where nothing can confine student code (macOS, Windows).")
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start over: forget what was graded into DIR; what people ruled stays.")
    ] = False,
    roster: Annotated[
        Path | None,
        typer.Option(
            "--roster", metavar="FILE", help="CSV of the class (id, student, email ...): who is missing gets a row."
        ),
    ] = None,
    annotated: Annotated[
        bool | None,
        typer.Option(
            "--annotated/--no-annotated",
            help="Write annotated.ipynb beside each page; by default for collected folders.",
        ),
    ] = None,
    exercise: ExerciseOption = DEFAULT_EXERCISE,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Grade every notebook of folders or zips; run again to go on where it stopped."""
    from grader import batch as batches
    from grader import service
    from grader.report.progress import Progress

    service.require_confinement(trusted=i_trust_this_code)

    with Progress(quiet=quiet) as progress:
        settings = batches.Settings(
            jobs=jobs or batches.default_jobs(),
            fresh=fresh,
            annotated=annotated,
            roster=roster,
            progress=progress.step,
        )
        report = batches.batch(sources, out, service.load_exercise(exercise), settings)
    _report(report, quiet=quiet, verbose=verbose)


@app.command(epilog="Example: grader regrade graded/")
def regrade(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The folder that a batch wrote.")],
    exercise: ExerciseOption = DEFAULT_EXERCISE,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Judge stored evidence again, after a change of points or words; runs no student code."""
    from grader import batch as batches
    from grader import service

    _report(batches.regrade(directory, service.load_exercise(exercise)), quiet=quiet, verbose=verbose)


def _report(report: Report, *, quiet: bool, verbose: bool) -> None:
    """Say what was graded and where the class page lies."""
    from grader.report.text import one_line

    if not quiet:
        again = f", judged again {report.judged_again}" if report.judged_again else ""
        done = f"graded {report.graded}{again}, unchanged {report.unchanged}"
        typer.echo(f"{done}, passed {report.passed} of {report.submissions}")
        if report.passed_over:
            typer.echo(f"passed over {report.passed_over} hidden files and checkpoint copies")
        for name in report.ignored if verbose else report.ignored[:5]:
            typer.echo(f"ignored {name!r}: not a notebook")
        if not verbose and len(report.ignored) > 5:
            typer.echo(f"ignored {len(report.ignored) - 5} more; --verbose names them")
        for sentence in report.said:
            typer.echo(one_line(sentence))
        typer.echo(f"class page: {report.index}")
        if report.review:
            typer.echo(f"for a person to look at: {report.review}; see `grader review {report.index.parent}`")
    raise typer.Exit(int(Exit.PROVISIONAL if report.provisional else Exit.PASSED))
