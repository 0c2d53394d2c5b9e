"""The command `grader`: parses, delegates, shows.  Exit codes: 0 all passed, 1 not all, 2 bad request, 3 our fault."""

from __future__ import annotations

import os
import sys
import webbrowser
from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grader import __version__
from grader.errors import GraderError, RequestError

if TYPE_CHECKING:
    from grader.batch import Report
    from grader.records import Result
    from grader.sandbox.doctor import Examination

app = typer.Typer(
    name="grader",
    help="Grades the exercise “Initialization” and explains how the scale of the first weights decides what is learned.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Exit(IntEnum):
    """What the command ends with."""

    PASSED = 0
    NOT_PASSED = 1
    BAD_REQUEST = 2
    PROVISIONAL = 3


ExerciseOption = Annotated[str, typer.Option("--exercise", metavar="NAME_OR_PATH", help="The exercise to grade.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Show nothing but errors.")]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="Show more.")]
DEFAULT_EXERCISE = "dls-c2w1-initialization"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code; an error on purpose is a message on stderr, never a traceback."""
    try:
        app(args=list(argv) if argv is not None else None, prog_name="grader")
    except SystemExit as ended:
        return int(ended.code or 0)
    except GraderError as error:
        _complain(error)
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("\nstopped; what was graded is kept, run the same command to go on\n")
        return 130
    except BrokenPipeError:  # whoever reads our output had enough of it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(Exit.NOT_PASSED)
    except Exception as error:
        if "GRADER_TRACEBACK" in os.environ:
            raise
        hint = "please report it; with GRADER_TRACEBACK=1 set it shows where"
        _complain(GraderError(f"the grader itself failed ({type(error).__name__}: {error})", hint=hint))
        return int(Exit.PROVISIONAL)
    return 0


def _version(on: bool) -> None:
    if on:
        typer.echo(f"grader {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version and leave.", callback=_version, is_eager=True),
    ] = False,
) -> None:
    """Hold the options that stand before a command."""


@app.command(epilog="Example: grader check Initialization.ipynb --html feedback.html --open")
def check(
    notebook: Annotated[Path, typer.Argument(metavar="NOTEBOOK", help="The notebook (.ipynb) or script (.py).")],
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write the feedback page.")] = None,
    json: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write result.json; - is standard output.")
    ] = None,
    annotated: Annotated[
        Path | None,
        typer.Option("--annotated", metavar="FILE", help="Write the notebook with notes in it, as .ipynb or .html."),
    ] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open the feedback page in a browser.")] = False,
    plain: Annotated[
        bool,
        typer.Option("--plain", help="One fact a line, for screen readers and logs; automatic without a terminal."),
    ] = False,
    exercise: ExerciseOption = DEFAULT_EXERCISE,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Grade one notebook and explain the verdict."""
    if not notebook.is_file():
        raise RequestError(f"there is no file {notebook}", hint="give the path of a notebook that exists")
    from grader import service

    if annotated:
        service.require_annotatable(notebook, annotated)
    result = service.check(notebook, exercise)
    to_stdout = json is not None and str(json) == "-"
    if html or open_page:
        page = service.write_page(result, html or service.page_path(notebook))
        if open_page:
            webbrowser.open(page.resolve().as_uri())
    if annotated:
        service.write_annotated(notebook, result, annotated)
    if json:
        service.write_json(result, None if to_stdout else json)
    if not quiet and not to_stdout:
        _show(result, plain=plain, verbose=verbose)
        if sys.platform != "linux":
            typer.echo(
                "Your code ran in a process of its own with a time limit; this system confines no more than that."
            )
    raise typer.Exit(_exit_code(result))


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
    fresh: Annotated[bool, typer.Option("--fresh", help="Start over: forget what was graded into DIR.")] = False,
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
        report = batches.batch(
            sources,
            out,
            service.load_exercise(exercise),
            jobs=jobs or batches.default_jobs(),
            fresh=fresh,
            progress=progress.step,
        )
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


@app.command(epilog="Example: grader lab --html lab.html")
def lab(
    html: Annotated[Path, typer.Option("--html", metavar="FILE", help="Where the page goes.")] = Path("lab.html"),
    exercise: ExerciseOption = DEFAULT_EXERCISE,
    quiet: QuietOption = False,
) -> None:
    """Write the live lab: one page in which the network trains in the browser, from first weights of any scale."""
    from grader import service
    from grader.report.lab import lab_page
    from grader.store import write

    write(html, lab_page(service.load_exercise(exercise)))
    if not quiet:
        typer.echo(f"lab: {html}")


@app.command(epilog="Example: grader doctor --json")
def doctor(
    json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
) -> None:
    """Say which layers confine student code on this machine, by trying to break each."""
    import msgspec

    from grader.sandbox import doctor as doctors

    found = doctors.examine()
    if json:
        table = {"grader": __version__, "confined": found.confined, **msgspec.to_builtins(found)}
        typer.echo(msgspec.json.format(msgspec.json.encode(table), indent=2).decode())
    else:
        _show_examination(found)
    raise typer.Exit(int(Exit.PASSED if found.confined else Exit.PROVISIONAL))


@app.command(epilog="Example: grader schema > grader-result-1.schema.json")
def schema() -> None:
    """Print the JSON Schema of result.json."""
    from grader.report import gradebook

    typer.echo(gradebook.schema(), nl=False)


def _show(result: Result, *, plain: bool, verbose: bool) -> None:
    from rich.console import Console

    from grader.report import terminal

    if plain or not sys.stdout.isatty() or "NO_COLOR" in os.environ:
        for line in terminal.plain_lines(result):
            typer.echo(line)
    else:
        terminal.show(result, Console())
    if verbose:
        origin = result.provenance
        typer.echo(f"evidence {origin.evidence_sha256}")
        typer.echo(
            f"grader {origin.grader}, Python {origin.python}, NumPy {origin.numpy}: {', '.join(origin.isolation)}"
        )


def _show_examination(found: Examination) -> None:
    typer.echo(f"grader {__version__}, Python {found.python}, {found.system}")
    for one in found.checks:
        holds = "holds" if one.holds else ("MISSING" if one.required else "absent")
        typer.echo(f"{holds:8} {'required' if one.required else 'optional'}  {one.name:20} {one.seen}")
    if found.confined:
        typer.echo("Student code is confined on this machine.")
    else:
        typer.echo("Student code would NOT be confined on this machine: nothing is graded. See docs/security.md.")


def _report(report: Report, *, quiet: bool, verbose: bool) -> None:
    """Say what was graded and where the class page lies."""
    results = report.results
    if not quiet:
        passed = sum(result.passed for result in results)
        typer.echo(f"graded {report.graded}, unchanged {report.unchanged}, passed {passed} of {len(results)}")
        if report.passed_over:
            typer.echo(f"passed over {report.passed_over} hidden files and checkpoint copies")
        for name in report.ignored if verbose else report.ignored[:5]:
            typer.echo(f"ignored {name!r}: not a notebook")
        if not verbose and len(report.ignored) > 5:
            typer.echo(f"ignored {len(report.ignored) - 5} more; --verbose names them")
        typer.echo(f"class page: {report.index}")
    raise typer.Exit(int(Exit.PROVISIONAL if report.provisional else Exit.PASSED))


def _exit_code(result: Result) -> int:
    if result.provisional:
        return int(Exit.PROVISIONAL)
    return int(Exit.PASSED if result.passed else Exit.NOT_PASSED)


def _complain(error: GraderError) -> None:
    from grader.report.text import one_line

    sys.stderr.write(f"grader: {one_line(error.problem)}\n  hint: {one_line(error.hint)}\n")


if __name__ == "__main__":
    sys.exit(main())
