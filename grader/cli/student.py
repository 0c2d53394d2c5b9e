"""Commands of a student and a teacher: one notebook, and the lab."""

from __future__ import annotations

import shlex
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grader import messages
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
from grader.messages import refusal, say

if TYPE_CHECKING:
    from grader.records import Result


@app.command(help=say("cli.check.help"), epilog=say("cli.check.example"))
def check(
    notebooks: Annotated[
        list[Path],
        typer.Argument(metavar="NOTEBOOK", help=say("cli.check.notebook")),
    ],
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help=say("cli.check.html"))] = None,
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help=say("cli.check.json"))] = None,
    annotated: Annotated[
        Path | None,
        typer.Option(
            "--annotated",
            metavar="FILE",
            help=say("cli.check.annotated"),
        ),
    ] = None,
    open_page: Annotated[bool, typer.Option("--open", help=say("cli.check.open"))] = False,
    lab: Annotated[bool, typer.Option("--lab/--no-lab", help=say("cli.check.lab"))] = True,
    plain: Annotated[
        bool,
        typer.Option("--plain", help=say("cli.common.plain")),
    ] = False,
    trust_my_own_code: Annotated[bool, typer.Option("--trust-my-own-code", help=say("cli.check.trust"))] = False,
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
        Output("--annotated", annotated, "annotated") if annotated else None,
        Output("--json", json, "result") if json and not to_stdout else None,
    ]
    require_writable(list(filter(None, outputs)), [notebook])
    result = service.check(notebook, exercise, trust_my_own_code)
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
            print_line(say("cli.check.annotated_path", path=annotated))
    raise typer.Exit(_exit_code(result))


@app.command(help=say("cli.unannotate.help"), epilog=say("cli.unannotate.example"))
def unannotate(
    notebook: Annotated[Path, typer.Argument(metavar="NOTEBOOK", help=say("cli.unannotate.notebook"))],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help=say("cli.unannotate.out"))],
) -> None:
    """Take the grader's notes out of an annotated notebook; the student's own cells stay as they are."""
    require_file(notebook, say("cli.unannotate.no_file.hint"))
    from grader import api as service

    service.remove_notes(notebook, out)
    print_line(say("cli.unannotate.notebook_path", path=out))


@app.command(help=say("cli.lab.help"), epilog=say("cli.lab.example"))
def lab(
    html: Annotated[Path, typer.Option("--html", metavar="FILE", help=say("cli.lab.out"))] = Path("lab.html"),
    open_page: Annotated[bool, typer.Option("--open", help=say("cli.lab.open"))] = False,
    exercise: ExerciseOption = DEFAULT_EXERCISE,
    quiet: QuietOption = False,
) -> None:
    """Write the live lab: one page in which the network trains in the browser, from initial weights of any scale."""
    from grader import api as service
    from grader.files import write
    from grader.outputs import Output, require_writable

    require_writable([Output("--html", html, "page")], [])
    write(html, service.lab_page(service.load_exercise(exercise)))
    if not quiet:
        print_line(say("cli.lab.path", path=html))
    if open_page:
        _open(html)


def _single(notebooks: list[Path]) -> Path:
    """Return the notebook to be graded; for several there is another command."""
    notebook, *others = notebooks
    if others:
        arguments = " ".join(map(shlex.quote, map(str, notebooks[:3]))) + (" ..." if len(notebooks) > 3 else "")
        raise refusal("cli.check.several", count=len(notebooks), arguments=arguments)
    if not notebook.is_dir():  # of a folder more can be said
        require_file(notebook, say("cli.check.no_file.hint"))
    return notebook


def _open(page: Path) -> None:
    """Show a page in a browser, or say that there is none."""
    if not webbrowser.open(page.resolve().as_uri()):
        sys.stderr.write(say("cli.check.no_browser", page=page) + "\n")


def _begin(notebook: Path, *, quiet: bool) -> None:
    """Say at once, on a terminal, that something happens: what is needed for grading takes a moment to load."""
    if quiet or not sys.stderr.isatty() or not notebook.is_file():
        return
    from grader.rendering.text import one_line

    sys.stderr.write(say("cli.check.grading", name=one_line(notebook.name)) + "\n")
    sys.stderr.flush()


def _show(result: Result, *, plain: bool, verbose: bool) -> None:
    from rich.console import Console

    from grader.rendering import terminal

    if plain or not sys.stdout.isatty():
        for line in terminal.plain_lines(result):
            print_line(line)
    else:
        terminal.show(result, Console(no_color=without_color()))
    if messages.is_draft():
        print_line(say("messages.draft"))
    if verbose:
        origin = result.provenance
        print_line(say("cli.check.evidence", sha256=origin.evidence_sha256))
        print_line(
            say(
                "cli.check.versions",
                grader=origin.grader,
                python=origin.python,
                numpy=origin.numpy,
                layers=", ".join(origin.isolation),
            )
        )


def _exit_code(result: Result) -> int:
    if result.provisional:
        return int(Exit.PROVISIONAL)
    return int(Exit.PASSED if result.passed else Exit.NOT_PASSED)
