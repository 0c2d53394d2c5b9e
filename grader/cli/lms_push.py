"""Commands that send results to a live LMS.  Tokens and keys are never options: whoever lists processes reads those."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grader.cli.app import Exit, QuietOption, print_line
from grader.cli.lms import SYSTEM_APPS, AbsentOption, IncludeOpenOption, named
from grader.lms import SYSTEMS
from grader.messages import refusal, say

if TYPE_CHECKING:
    from grader.lms.common.system import Export
    from grader.lms.live.changes import Live, Push
    from grader.lms.live.http import Http

ResultsFolder = Annotated[Path, typer.Argument(metavar="DIR", help=say("cli.common.directory"))]
Address = Annotated[str, typer.Option("--assignment", metavar="URL", help=say("cli.lms.push.assignment"))]
TokenFile = Annotated[Path | None, typer.Option("--token-file", metavar="FILE", help=say("cli.lms.push.token_file"))]
DryRun = Annotated[bool, typer.Option("--dry-run", help=say("cli.lms.push.dry_run"))]
Overwrite = Annotated[bool, typer.Option("--overwrite", help=say("cli.lms.push.overwrite"))]


def _add_push(name: str) -> None:
    """Add `push` to a system with a live site."""

    @SYSTEM_APPS[name].command(
        "push",
        help=say(f"cli.lms.push.{name}.help"),
        epilog=say("cli.lms.push.example", name=name, assignment=SYSTEMS[name].assignment),
    )
    def push(
        directory: ResultsFolder,
        assignment: Address,
        token_file: TokenFile = None,
        dry_run: DryRun = False,
        overwrite: Overwrite = False,
        absent: AbsentOption = "blank",
        include_open: IncludeOpenOption = False,
        quiet: QuietOption = False,
    ) -> None:
        from grader.lms.adapters import SITES
        from grader.lms.live import tokens
        from grader.lms.live.http import origin, require_private

        def live(_export: Export) -> Live:
            require_private(assignment)
            account, what = f"{name} {origin(assignment)}", say(f"cli.lms.push.{name}.token")
            token = tokens.find(SITES[name].variable, file=token_file, account=account, what=what)
            return SITES[name].connect(assignment, token, http=_http(quiet=quiet))

        request = _request(directory, name, absent, include_open=include_open)
        _push(replace(request, dry_run=dry_run, overwrite=overwrite), live, quiet=quiet)


for _name, _system in SYSTEMS.items():
    if _system.assignment:
        _add_push(_name)


@SYSTEM_APPS["lti"].command("push", help=say("cli.lms.push.lti.help"), epilog=say("cli.lms.push.lti.example"))
def lti(
    directory: ResultsFolder,
    platform: Annotated[Path, typer.Option("--platform", metavar="FILE", help=say("cli.lms.push.platform"))],
    key_file: Annotated[
        Path | None, typer.Option("--key-file", metavar="FILE", help=say("cli.lms.push.key_file"))
    ] = None,
    dry_run: DryRun = False,
    overwrite: Overwrite = False,
    absent: AbsentOption = "blank",
    include_open: IncludeOpenOption = False,
    quiet: QuietOption = False,
) -> None:
    """Send scores and comments to an LTI line item; the private key is in GRADER_LTI_KEY, a file or the keyring."""
    from grader.lms.common import points
    from grader.lms.live import tokens
    from grader.lms.lti import access as lti_access
    from grader.lms.lti import site as lti_ags

    def live(export: Export) -> Live:
        settings = lti_access.load(platform)
        users = lti_access.users(platform.parent / settings.users) if settings.users else {}
        what = say("cli.lms.push.lti.key")
        key = tokens.find(lti_access.VARIABLE, file=key_file, account=f"lti {settings.client_id}", what=what)
        tool = lti_ags.Tool(settings, key, users, export.title, points.exact(export.possible))
        return lti_ags.Ags(tool, http=_http(quiet=quiet))

    request = _request(directory, None, absent, include_open=include_open)
    _push(replace(request, dry_run=dry_run, overwrite=overwrite), live, quiet=quiet)


def _request(directory: Path, system: str | None, absent: str, *, include_open: bool) -> Push:
    """Return all results that can be sent."""
    from grader.lms.common import graded
    from grader.lms.live.changes import Push

    points = graded.absent_points(absent)
    export = graded.gather(directory, directory, include_open=include_open, absent=points)
    if system is not None and export.manifest.system != system:
        raise refusal(
            "cli.lms.other_system",
            directory=directory,
            origin=export.manifest.system,
            name=system,
            hint="cli.lms.push.other_system.hint",
        )
    return Push(export, directory)


def _http(*, quiet: bool) -> Callable[..., Http]:
    """Return a function that makes the connection to a site, which says on stderr when it has to wait."""
    from grader.lms.live.http import Http

    return partial(Http, say=lambda message: None if quiet else print_line(message, err=True))


def _push(request: Push, live: Callable[[Export], Live], *, quiet: bool) -> None:
    """Send results, report, and exit with 0 (all arrived), 1 (some need a decision) or 3 (some did not go through)."""
    from grader.lms.live.push import push
    from grader.rendering.progress import ProgressLine

    system = live(request.export)
    with ProgressLine(quiet=quiet or request.dry_run, doing=say("cli.lms.push.doing")) as progress:
        report = push(request, system, progress=lambda count, every, _name: progress.step(count, every, ()))
    if not quiet:
        for line in report.messages:
            print_line(line)
        print_line(say("cli.lms.verified", title=system.title, verified=say("cli.lms.push.verified")))
    named(report.attention, say("cli.lms.attention"), verbose=True, err=True)
    if request.dry_run:
        raise typer.Exit(int(Exit.PASSED))
    waits = Exit.NOT_PASSED if report.waiting else Exit.PASSED
    raise typer.Exit(int(Exit.PROVISIONAL if report.failed else waits))
