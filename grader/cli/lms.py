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
    ExerciseOption,
    Exit,
    QuietOption,
    VerboseOption,
    app,
    print_line,
    print_text,
)
from grader.errors import RequestError
from grader.files import never_replacing
from grader.lms import COLLECTORS, EXPORTERS, SYSTEMS
from grader.lms.common.system import Collect, Done, System
from grader.outputs import require_folder

MOST_NAMED = 20
ABSENT_HELP = (
    "What goes out where there is no work to grade: for nothing handed in or unreadable; or for each status, such as"
    " unreadable=zero,wrong_notebook=5,not_attempted=blank."
)

lms = typer.Typer(rich_markup_mode=None, context_settings={"help_option_names": ["-h", "--help"]})
app.add_typer(lms, name="lms", help="Read what an LMS exports, write what it imports; alone: list the systems.")


@lms.callback(invoke_without_command=True, epilog="Example: grader lms canvas collect submissions.zip --out collected/")
def _list(context: typer.Context) -> None:
    """List the systems, and how far each was tried."""
    if context.invoked_subcommand:
        return
    for name, system in SYSTEMS.items():
        can = ", ".join(command.name or "" for command in SYSTEM_APPS[name].registered_commands)
        print_line(f"{name:12} {system.title}: {can}")
        print_line(f"{'':12} {system.verified}")
    print_line(
        "\nThree steps: grader lms SYSTEM collect, grader batch, grader lms SYSTEM export; docs/lms has a page on each."
    )


def _app(name: str, system: System) -> typer.Typer:
    """Make the sub-command of a system; a system that has no collector or no exporter has no such command."""
    group = typer.Typer(
        no_args_is_help=True, rich_markup_mode=None, context_settings={"help_option_names": ["-h", "--help"]}
    )
    if name in COLLECTORS:
        _add_collect(group, name, system)
    if name in EXPORTERS:
        _add_export(group, name, system)
    if name == "other":
        _add_preset(group)
    lms.add_typer(group, name=name, help=f"{system.title} ({system.verified}).")
    return group


def _add_collect(to: typer.Typer, name: str, system: System) -> None:
    @to.command(
        "collect",
        help=f"Lay out {system.reads} for `grader batch`, with a manifest of whose each file is.",
        epilog=f"Example: grader lms {name} collect {system.example} --out collected/{_mapping_of(name)}",
    )
    def collect(
        exports: Annotated[list[Path], typer.Argument(metavar="EXPORT...", help=f"{system.title}: {system.reads}.")],
        out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where files and manifest.json go.")],
        roster: Annotated[
            Path | None,
            typer.Option(
                "--roster", metavar="FILE", help="A gradebook or list of the class, where names are ambiguous."
            ),
        ] = None,
        mapping: Annotated[
            Path | None,
            typer.Option("--mapping", metavar="FILE", help="How names are read.", hidden=not system.mapped),
        ] = None,
        assignment: Annotated[
            str | None,
            typer.Option(
                "--assignment",
                metavar="NAME",
                help="The assignment, where there are several.",
                hidden=name != "nbgrader",
            ),
        ] = None,
        exercise: ExerciseOption = DEFAULT_EXERCISE,
        quiet: QuietOption = False,
        verbose: VerboseOption = False,
    ) -> None:
        from grader import api as service

        _refuse(name, {"--mapping": mapping and not system.mapped, "--assignment": assignment and name != "nbgrader"})
        functions = service.load_exercise(exercise).names
        require_folder("--out", out)
        with never_replacing([*exports, roster, mapping]):
            report = COLLECTORS[name](Collect(exports, out, roster, functions, mapping, assignment))
        say(report, quiet=quiet, verbose=verbose)
        if not quiet:
            print_line(f"next: grader batch {out} --out graded/")
        raise typer.Exit(int(Exit.NOT_PASSED if report.unaccounted else Exit.PASSED))


def _add_export(to: typer.Typer, name: str, system: System) -> None:
    @to.command(
        "export",
        help=f"Write {system.writes} from what `grader batch` graded.",
        epilog=f"Example: grader lms {name} export graded/ --out upload/"
        + (f" {system.flag} exported.csv" if system.template else "")
        + _mapping_of(name),
    )
    def export(
        directory: Annotated[Path, typer.Argument(metavar="DIR", help="The folder that a batch wrote.")],
        out: Annotated[Path, typer.Option("--out", metavar="OUT", help="The folder that the files go to.")],
        template: Annotated[
            Path | None,
            typer.Option(
                "--gradebook",
                "--worksheet",
                metavar="FILE",
                help=f"{system.template[:1].upper()}{system.template[1:]}, to be filled in.",
                hidden=not system.template,
            ),
        ] = None,
        column: Annotated[
            str | None,
            typer.Option(
                "--column",
                metavar="TITLE_OR_ID",
                help="The assignment's column, if several fit.",
                hidden=not system.template,
            ),
        ] = None,
        absent: Annotated[
            str,
            typer.Option("--absent", metavar="[STATUS=]blank|zero|POINTS[,...]", help=ABSENT_HELP),
        ] = "blank",
        include_open: Annotated[
            bool, typer.Option("--include-open", help="Also what is provisional or waits for a person's look.")
        ] = False,
        mapping: Annotated[
            Path | None,
            typer.Option("--mapping", metavar="FILE", help="Which columns are written.", hidden=not system.mapped),
        ] = None,
        quiet: QuietOption = False,
        verbose: VerboseOption = False,
    ) -> None:
        _refuse(name, {"--mapping": mapping and not system.mapped})
        _refuse(name, {"--gradebook": template and not system.template, "--column": column and not system.template})
        from grader.lms.common import graded

        require_folder("--out", out)
        points = graded.absent_points(absent)
        draft = graded.gather(directory, out, include_open=include_open, absent=points)
        if draft.manifest.system != name and not system.mapped:
            raise RequestError(
                f"{directory} was collected from {draft.manifest.system}, not from {name}",
                hint=f"run `grader lms {draft.manifest.system} export`",
            )
        request = replace(draft, template=template, column=column, mapping=mapping, ask=_ask(quiet=quiet))
        with never_replacing([template, mapping]):
            report = EXPORTERS[name](request)
        say(report, quiet=quiet, verbose=verbose)
        if not quiet:
            named(
                graded.named(request.manifest.entries, request.held_back),
                "held back, nothing was written for them (--include-open exports what waits for a look):",
                verbose=verbose,
            )
            named(
                request.nobody,
                f"these belong to nobody (grader assign {directory} FILE STUDENT gives one to somebody):",
                verbose=verbose,
            )
            print_line(f"{system.title}: {system.verified}")
        if all(request.score(submission) is None for submission in request.graded):
            print_line("no score was written: nobody of this class has one that may go out", err=True)
            raise typer.Exit(int(Exit.NOT_PASSED))


def _ask(*, quiet: bool) -> Callable[[str], bool] | None:
    """Return what asks whoever sits at the terminal; None where nobody does."""
    if quiet or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    return lambda question: typer.confirm(_line(question), default=False, err=True)


def _refuse(name: str, wrongly: Mapping[str, object]) -> None:
    """Refuse options that only other systems take: passed over, they would seem to have done something."""
    for option in (option for option, is_wrong in wrongly.items() if is_wrong):
        raise RequestError(f"{name} takes no {option}", hint=f"see `grader lms {name} --help`")


def _mapping_of(name: str) -> str:
    """Return what an example needs besides where no mapping comes with the grader."""
    return " --mapping mapping.toml" if name == "other" else ""


def _add_preset(to: typer.Typer) -> None:
    @to.command("preset", epilog="Example: grader lms other preset blackboard > mapping.toml")
    def preset(name: Annotated[str, typer.Argument(help="Its name; a wrong one lists them.")]) -> None:
        """Print a mapping file that comes with the grader, to start one of your own from."""
        from grader.lms.mapped import mapping_file

        print_text(mapping_file.preset(name))


def say(report: Done, *, quiet: bool, verbose: bool = False) -> None:
    """Say what was done; what was not understood goes to stderr, also when quiet."""
    if not quiet:
        for line in report.said:
            print_line(_line(line))
        named(report.attention, "please look at:", verbose=verbose)
        for path in report.files:
            print_line(f"wrote {path}")
    named(report.unaccounted, "not accounted for, nobody can tell whose they are:", verbose=verbose, err=True)


def named(lines: Sequence[str], title: str, *, verbose: bool, err: bool = False) -> None:
    """Name things under a title, the first of them where they are many."""
    shown = lines if verbose else lines[:MOST_NAMED]
    if lines:
        print_line(title, err=err)
        for line in shown:
            print_line(f"  {_line(line)}", err=err)
        if len(lines) > len(shown):
            print_line(f"  and {len(lines) - len(shown)} more; --verbose names them", err=err)


def _line(text: str) -> str:
    from grader.rendering.text import one_line

    return one_line(text)


SYSTEM_APPS = {name: _app(name, system) for name, system in SYSTEMS.items()}
