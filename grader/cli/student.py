"""Commands of a student and a teacher: one notebook, and the lab."""

from __future__ import annotations

import shlex
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grader.cli.app import (
    DEFAULT_EXERCISE,
    ExerciseOption,
    Exit,
    LanguageOption,
    MessagesOption,
    QuietOption,
    VerboseOption,
    app,
    choose_messages,
    print_line,
    require_file,
    without_color,
)
from grader.errors import RequestError

if TYPE_CHECKING:
    from grader.records import Result


@app.command(epilog="Example: grader check Initialization.ipynb --html feedback.html --open")
def check(
    notebooks: Annotated[
        list[Path],
        typer.Argument(
            metavar="NOTEBOOK", help="The notebook (.ipynb), a script (.py), a Jupytext file (.md), or a zip of one."
        ),
    ],
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write the feedback page.")] = None,
    json: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write result.json; - is standard output.")
    ] = None,
    annotated: Annotated[
        Path | None,
        typer.Option(
            "--annotated",
            metavar="FILE",
            help="Write the notebook with notes in it, as .ipynb or .html; html or ipynb alone: beside the notebook.",
        ),
    ] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open the feedback page in a browser.")] = False,
    lab: Annotated[
        bool, typer.Option("--lab/--no-lab", help="Write lab.html beside the page, for watching runs, and link to it.")
    ] = True,
    plain: Annotated[
        bool,
        typer.Option("--plain", help="One fact a line, for screen readers and logs; automatic without a terminal."),
    ] = False,
    exercise: ExerciseOption = DEFAULT_EXERCISE,
    language: LanguageOption = None,
    own_messages: MessagesOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Grade one notebook and explain the verdict."""
    choose_messages(language, own_messages)
    notebook = _single(notebooks)
    _begin(notebook, quiet=quiet)
    from grader import api as service
    from grader.files import write
    from grader.outputs import Output, require_writable

    to_stdout = json is not None and str(json) == "-"
    html = html or (service.page_path(notebook) if open_page else None)
    if annotated:
        annotated = service.annotated_path(notebook, annotated)
        service.require_annotatable(notebook, annotated)
    loaded = service.load_exercise(exercise)
    lab_path = service.lab_beside(html, loaded) if html and lab else None
    outputs = [
        Output("--html", html, "page") if html else None,
        Output("--lab", lab_path, "lab") if lab_path else None,
        Output("--annotated", annotated, "annotated notebook") if annotated else None,
        Output("--json", json, "result") if json and not to_stdout else None,
    ]
    require_writable(list(filter(None, outputs)), [notebook])
    result = service.check(notebook, exercise)
    if html:
        if lab_path:
            write(lab_path, service.lab_page(loaded))
        service.write_page(result, html, lab_path.name if lab_path else loaded.lab_url if lab else "")
        if open_page:
            _open(html)
    if annotated:
        service.write_annotated(notebook, result, annotated)
    if json:
        service.write_json(result, None if to_stdout else json)
    if not quiet and not to_stdout:
        _show(result, plain=plain, verbose=verbose)
        if annotated:
            print_line(f"annotated: {annotated}")
        if sys.platform != "linux":
            print_line(
                "Your code ran in a process of its own with a time limit; this system confines no more than that."
            )
    raise typer.Exit(_exit_code(result))


@app.command(epilog="Example: grader unannotate Initialization-annotated.ipynb --out Initialization.ipynb")
def unannotate(
    notebook: Annotated[Path, typer.Argument(metavar="NOTEBOOK", help="A notebook that check --annotated wrote.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where the notebook without notes goes.")],
) -> None:
    """Take the grader's notes out of an annotated notebook; the student's own cells stay as they are."""
    require_file(notebook, "give the path of an annotated notebook")
    from grader import api as service

    service.remove_notes(notebook, out)
    print_line(f"notebook: {out}")


@app.command(epilog="Example: grader lab --html lab.html --open")
def lab(
    html: Annotated[Path, typer.Option("--html", metavar="FILE", help="Where the page goes.")] = Path("lab.html"),
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    exercise: ExerciseOption = DEFAULT_EXERCISE,
    quiet: QuietOption = False,
) -> None:
    """Write the live lab: one page in which the network trains in the browser, from first weights of any scale."""
    from grader import api as service
    from grader.files import write
    from grader.outputs import Output, require_writable

    require_writable([Output("--html", html, "page")], [])
    write(html, service.lab_page(service.load_exercise(exercise)))
    if not quiet:
        print_line(f"lab: {html}")
    if open_page:
        _open(html)


def _single(notebooks: list[Path]) -> Path:
    """Return the notebook to be graded; for several there is another command."""
    notebook, *others = notebooks
    if others:
        arguments = " ".join(map(shlex.quote, map(str, notebooks[:3]))) + (" ..." if len(notebooks) > 3 else "")
        raise RequestError(
            f"check grades one notebook, and {len(notebooks)} were given",
            hint=f"grader batch {arguments} --out graded/",
        )
    if not notebook.is_dir():  # of a folder more can be said
        require_file(notebook, "give the path of a notebook that exists")
    return notebook


def _open(page: Path) -> None:
    """Show a page in a browser, or say that there is none."""
    if not webbrowser.open(page.resolve().as_uri()):
        sys.stderr.write(f"no browser could be started; the page is {page}\n")


def _begin(notebook: Path, *, quiet: bool) -> None:
    """Say at once, on a terminal, that something happens: what is needed for grading takes a moment to load."""
    if quiet or not sys.stderr.isatty() or not notebook.is_file():
        return
    from grader.rendering.text import one_line

    sys.stderr.write(f"grading {one_line(notebook.name)} ...\n")
    sys.stderr.flush()


def _show(result: Result, *, plain: bool, verbose: bool) -> None:
    from rich.console import Console

    from grader.rendering import terminal

    if plain or not sys.stdout.isatty():
        for line in terminal.plain_lines(result):
            print_line(line)
    else:
        terminal.show(result, Console(no_color=without_color()))
    if verbose:
        origin = result.provenance
        print_line(f"evidence {origin.evidence_sha256}")
        print_line(
            f"grader {origin.grader}, Python {origin.python}, NumPy {origin.numpy}: {', '.join(origin.isolation)}"
        )


def _exit_code(result: Result) -> int:
    if result.provisional:
        return int(Exit.PROVISIONAL)
    return int(Exit.PASSED if result.passed else Exit.NOT_PASSED)
