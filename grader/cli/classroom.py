"""The command that looks at a class: its counts in the terminal, two attempts side by side."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grader.cli.app import QuietOption, VerboseOption, app, print_json, print_line, print_text, without_color
from grader.errors import RequestError
from grader.messages import refusal, say

if TYPE_CHECKING:
    from grader.classroom.statistics import Classroom


@app.command(help=say("cli.summary.help"), epilog=say("cli.summary.example"))
def summary(
    directories: Annotated[list[Path], typer.Argument(metavar="DIR...", help=say("cli.common.directory"))],
    compare: Annotated[bool, typer.Option("--compare", help=say("cli.summary.compare"))] = False,
    note: Annotated[bool, typer.Option("--note", help=say("cli.summary.note"))] = False,
    json: Annotated[bool, typer.Option("--json", help=say("cli.summary.json"))] = False,
    junit: Annotated[Path | None, typer.Option("--junit", metavar="FILE", help=say("cli.summary.junit"))] = None,
    plain: Annotated[bool, typer.Option("--plain", help=say("cli.common.plain"))] = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Show a class: scores, causes, who needs a person and why, how hard each check was, a note to everybody.

    With --compare, --verbose names the submissions behind each number.
    """
    _check(directories, compare=compare, single=note or junit is not None)
    if compare:
        _compare(*directories, json=json, plain=plain, names=verbose, quiet=quiet)
        return
    from grader.classroom.statistics import note as drafted
    from grader.classroom.statistics import overview

    if junit:
        _write_junit(directories[0], junit)
    gathered = _read(directories[0])
    counts = overview(gathered)
    if quiet:
        return
    from grader.rendering import summary as report

    if note:
        print_text(drafted(gathered, counts))
    elif json:
        print_json(report.to_json(gathered, counts))
    elif _is_plain(plain):
        _echo(report.plain_lines(gathered, counts))
    else:
        from rich.console import Console

        report.show(gathered, counts, Console(no_color=without_color()))


def _check(directories: list[Path], *, compare: bool, single: bool) -> None:
    """Refuse a number of folders that the options do not fit."""
    if compare and single:
        raise refusal("cli.summary.together")
    if len(directories) != (2 if compare else 1):
        wanted = say("cli.summary.two_folders") if compare else say("cli.summary.one_folder")
        hint = say("cli.summary.compare.hint") if compare or len(directories) == 2 else say("cli.summary.folder.hint")
        raise RequestError(say("cli.summary.folders", count=len(directories), wanted=wanted), hint=hint)


def _compare(earlier: Path, later: Path, *, json: bool, plain: bool, names: bool, quiet: bool) -> None:
    from grader.classroom.statistics import compare
    from grader.rendering import summary as report

    before, after = _read(earlier), _read(later)
    if before.rows and after.rows and before.exercise != after.exercise:
        raise refusal(
            "cli.summary.exercises", earlier=earlier, exercise=before.exercise, later=later, exercise2=after.exercise
        )
    comparison = compare(before, after)
    functions = after.functions or before.functions
    if quiet:
        return
    if json:
        print_json(report.comparison_json(comparison, names=names))
    elif names or _is_plain(plain):
        _echo(report.comparison_lines(comparison, functions, names=names))
    else:
        from rich.console import Console

        report.show_comparison(comparison, functions, Console(no_color=without_color()))


def _read(directory: Path) -> Classroom:
    from grader.classroom import folder
    from grader.classroom.statistics import gather

    with folder.opened(directory) as store:
        return gather(store.results(), seen=store.seen(), nobody=folder.nobodys(store))


def _write_junit(directory: Path, path: Path) -> None:
    from grader.classroom import folder
    from grader.files import write
    from grader.outputs import Output, require_writable
    from grader.rendering.junit import junit

    require_writable([Output("--junit", path, "junit")], [])
    with folder.opened(directory) as store:
        write(path, junit(store.results()), private=True)


def _is_plain(plain: bool) -> bool:
    return plain or not sys.stdout.isatty()


def _echo(lines: Iterable[str]) -> None:
    for line in lines:
        print_line(line)
