"""Commands of an LMS: what it exports is collected, what it imports is written.  One sub-command a system of the table."""

# without postponed annotations: those of the commands below name the system that they are made for
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from grader.cli.app import (
    DEFAULT_EXERCISE,
    Application,
    ExerciseOption,
    Exit,
    QuietOption,
    VerboseOption,
    app,
    print_line,
    print_text,
)
from grader.files import never_replacing
from grader.lms import SYSTEMS
from grader.lms.common.system import Collect, Done, System
from grader.messages import refusal, say
from grader.outputs import require_folder

MOST_NAMED = 20

AbsentOption = Annotated[str, typer.Option("--absent", metavar="RULE", help=say("cli.lms.absent"))]
IncludeOpenOption = Annotated[bool, typer.Option("--include-open", help=say("cli.lms.include_open"))]

lms = Application()
app.add_typer(lms, name="lms", help=say("cli.lms.help"))


@lms.callback(
    invoke_without_command=True,
    subcommand_metavar="SYSTEM COMMAND [ARGS]...",
    help=say("cli.lms.help"),
    epilog=say("cli.lms.example"),
)
def _list(context: typer.Context) -> None:
    """List the systems, and how far each was tried."""
    if context.invoked_subcommand:
        return
    for name, system in SYSTEMS.items():
        can = ", ".join(command.name or "" for command in SYSTEM_APPS[name].registered_commands)
        print_line(f"{name:12} {system.title}: {can}")
        print_line(f"{'':12} {system.verified}")
    print_text(say("cli.lms.steps"))


def _app(name: str, system: System) -> Application:
    """Make the sub-command of a system; a system that has no collector or no exporter has no such command."""
    group = Application(no_args_is_help=True)
    if system.collects:
        _add_collect(group, name, system)
    if system.exports:
        _add_export(group, name, system)
    if name == "other":
        _add_preset(group)
    lms.add_typer(group, name=name, help=say("cli.lms.system", title=system.title, verified=system.verified))
    return group


def _add_collect(to: Application, name: str, system: System) -> None:
    @to.command(
        "collect",
        help=say("cli.lms.collect.help"),
        epilog=say("cli.lms.collect.example", name=name, download=system.example, mapping=_mapping_of(name)),
    )
    def collect(
        exports: Annotated[list[Path], typer.Argument(metavar="EXPORT...", help=system.reads)],
        out: Annotated[Path, typer.Option("--out", metavar="DIR", help=say("cli.lms.collect.out"))],
        roster: Annotated[
            Path | None,
            typer.Option("--roster", metavar="FILE", help=say("cli.lms.collect.roster")),
        ] = None,
        mapping: Annotated[
            Path | None,
            typer.Option("--mapping", metavar="FILE", help=say("cli.lms.collect.mapping"), hidden=not system.mapped),
        ] = None,
        assignment: Annotated[
            str | None,
            typer.Option(
                "--assignment",
                metavar="NAME",
                help=say("cli.lms.collect.assignment"),
                hidden=name != "nbgrader",
            ),
        ] = None,
        exercise: ExerciseOption = DEFAULT_EXERCISE,
        quiet: QuietOption = False,
        verbose: VerboseOption = False,
    ) -> None:
        from grader import api as service
        from grader.lms.adapters import COLLECTORS

        _refuse(name, {"--mapping": mapping and not system.mapped, "--assignment": assignment and name != "nbgrader"})
        functions = service.load_exercise(exercise).names
        require_folder("--out", out)
        with never_replacing([*exports, roster, mapping]):
            report = COLLECTORS[name](Collect(exports, out, roster, functions, mapping, assignment))
        show_report(report, quiet=quiet, verbose=verbose)
        if not quiet:
            print_line(say("cli.lms.collect.next", out=out))
        raise typer.Exit(int(Exit.NOT_PASSED if report.unaccounted else Exit.PASSED))


def _add_export(to: Application, name: str, system: System) -> None:
    into_course = name == "nbgrader"  # its files are read where they lie, and not uploaded

    @to.command(
        "export",
        help=system.writes,
        epilog=say("cli.lms.export.example", name=name, out="COURSE/" if into_course else "upload/")
        + (f" {system.flag} exported.csv" if system.template else "")
        + _mapping_of(name),
    )
    def export(
        directory: Annotated[Path, typer.Argument(metavar="DIR", help=say("cli.common.directory"))],
        out: Annotated[
            Path,
            typer.Option(
                "--out", metavar="OUT", help=say("cli.lms.export.course") if into_course else say("cli.lms.export.out")
            ),
        ],
        template: Annotated[
            Path | None,
            typer.Option(
                "--gradebook",
                "--worksheet",
                metavar="FILE",
                help=system.template,
                hidden=not system.template,
            ),
        ] = None,
        column: Annotated[
            str | None,
            typer.Option(
                "--column",
                metavar="TITLE_OR_ID",
                help=say("cli.lms.export.column"),
                hidden=not system.template,
            ),
        ] = None,
        absent: AbsentOption = "blank",
        include_open: IncludeOpenOption = False,
        mapping: Annotated[
            Path | None,
            typer.Option("--mapping", metavar="FILE", help=say("cli.lms.export.mapping"), hidden=not system.mapped),
        ] = None,
        quiet: QuietOption = False,
        verbose: VerboseOption = False,
    ) -> None:
        _refuse(name, {"--mapping": mapping and not system.mapped})
        _refuse(name, {"--gradebook": template and not system.template, "--column": column and not system.template})
        from grader.lms.adapters import EXPORTERS
        from grader.lms.common import graded

        require_folder("--out", out)
        points = graded.absent_points(absent)
        draft = graded.gather(directory, out, include_open=include_open, absent=points)
        if draft.manifest.system != name and not system.mapped:
            raise refusal(
                "cli.lms.other_system",
                directory=directory,
                origin=draft.manifest.system,
                name=name,
                hint="cli.lms.export.other_system.hint",
            )
        request = replace(draft, template=template, column=column, mapping=mapping, ask=_ask(quiet=quiet))
        with never_replacing([template, mapping]):
            report = EXPORTERS[name](request)
        show_report(report, quiet=quiet, verbose=verbose)
        if not quiet:
            named(
                graded.named(request.manifest.entries, request.held_back),
                say("cli.lms.export.held_back"),
                verbose=verbose,
            )
            named(
                request.nobody,
                say("cli.lms.export.nobody", directory=directory),
                verbose=verbose,
            )
            print_line(say("cli.lms.verified", title=system.title, verified=system.verified))
        if all(request.score(submission) is None for submission in request.graded):
            print_line(say("cli.lms.export.no_score"), err=True)
            raise typer.Exit(int(Exit.NOT_PASSED))


def _ask(*, quiet: bool) -> Callable[[str], bool] | None:
    """Return a function that asks the person at the terminal; None where there is no terminal."""
    if quiet or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    return lambda question: typer.confirm(_line(question), default=False, err=True)


def _refuse(name: str, wrongly: Mapping[str, object]) -> None:
    """Refuse options that only other systems take, because to ignore them would suggest that they did something."""
    for option in (option for option, is_wrong in wrongly.items() if is_wrong):
        raise refusal("cli.lms.no_option", name=name, option=option)


def _mapping_of(name: str) -> str:
    """Return the options that an example needs where no mapping file comes with the grader."""
    return " --mapping mapping.toml" if name == "other" else ""


def _add_preset(to: Application) -> None:
    @to.command("preset", help=say("cli.lms.preset.help"), epilog=say("cli.lms.preset.example"))
    def preset(name: Annotated[str, typer.Argument(help=say("cli.lms.preset.name"))]) -> None:
        """Print a mapping file that comes with the grader, to start one of your own from."""
        from grader.lms.mapped import mapping_file

        print_text(mapping_file.preset(name))


def show_report(report: Done, *, quiet: bool, verbose: bool = False) -> None:
    """Show what was done; what was not understood goes to stderr, also when quiet."""
    if not quiet:
        for line in report.messages:
            print_line(_line(line))
        named(report.attention, say("cli.lms.attention"), verbose=verbose)
        for path in report.files:
            print_line(say("cli.common.wrote", path=path))
    named(report.unaccounted, say("cli.lms.unaccounted"), verbose=verbose, err=True)


def named(lines: Sequence[str], title: str, *, verbose: bool, err: bool = False) -> None:
    """Name things under a title, the first of them where they are many."""
    shown = lines if verbose else lines[:MOST_NAMED]
    if lines:
        print_line(title, err=err)
        for line in shown:
            print_line(f"  {_line(line)}", err=err)
        if len(lines) > len(shown):
            print_line("  " + say("cli.lms.more", count=len(lines) - len(shown)), err=err)


def _line(text: str) -> str:
    from grader.rendering.text import one_line

    return one_line(text)


SYSTEM_APPS = {name: _app(name, system) for name, system in SYSTEMS.items()}
