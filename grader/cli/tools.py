"""Commands of whoever installs or integrates: what confines, what a result looks like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from grader._version import __version__
from grader.cli.app import Exit, app, print_json, print_line, print_record
from grader.messages import say

if TYPE_CHECKING:
    from grader.running.sandbox.doctor import Examination


@app.command(help=say("cli.doctor.help"), epilog=say("cli.doctor.example"))
def doctor(
    json: Annotated[bool, typer.Option("--json", help=say("cli.doctor.json"))] = False,
) -> None:
    """Say which layers confine student code on this machine, by trying to break each.

    The exit code is 0 if it is confined, and 3 if it is not or if a busy machine could not tell (JSON: `confined` is null).
    """
    import msgspec

    from grader.running.sandbox import doctor as doctors

    examination = doctors.examine()
    if json:
        table = {"grader": __version__, "confined": examination.confined, **msgspec.to_builtins(examination)}
        print_record(table)
    else:
        _show_examination(examination)
    raise typer.Exit(int(Exit.PASSED if examination.confined else Exit.PROVISIONAL))


@app.command(help=say("cli.schema.help"), epilog=say("cli.schema.example"))
def schema(
    settings: Annotated[bool, typer.Option("--settings", help=say("cli.schema.settings"))] = False,
) -> None:
    """Print the JSON Schema of result.json, or that of exercise.toml."""
    if settings:
        from grader.exercise import schema as of_settings

        print_json(of_settings.text())
        return
    from grader.rendering import gradebook

    print_json(gradebook.schema())


def _show_examination(examination: Examination) -> None:
    print_line(say("cli.doctor.versions", grader=__version__, python=examination.python, system=examination.system))
    for check in examination.checks:
        holds = (
            say("cli.doctor.holds")
            if check.holds
            else say("cli.doctor.unclear")
            if check.unclear
            else say("cli.doctor.missing")
            if check.required
            else say("cli.doctor.absent")
        )
        need = say("cli.doctor.required") if check.required else say("cli.doctor.optional")
        print_line(f"{holds:8} {need}  {check.name:20} {check.seen}")
    if examination.confined:
        print_line(say("cli.doctor.confined"))
    elif examination.confined is None:
        print_line(say("cli.doctor.unknown"))
        print_line(say("cli.doctor.unknown.hint"))
    else:
        print_line(say("cli.doctor.open"))
