"""The commands with which an instructor grades a whole class."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from enum import Enum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from grader.cli.app import (
    DEFAULT_EXERCISE,
    ClassExerciseOption,
    Exit,
    LanguageOption,
    MessagesOption,
    QuietOption,
    VerboseOption,
    app,
    choose_messages,
    print_line,
)
from grader.messages import refusal, say

if TYPE_CHECKING:
    from grader.classroom.batch import Change, Report, Settings


class GradedBy(str, Enum):
    """The kinds of processes that can grade a class."""

    PROCESSES = "processes"
    DASK = "dask"


ExercisesOption = Annotated[
    list[str] | None,
    typer.Option("--exercise", metavar="NAME_OR_PATH", help=say("cli.batch.exercises")),
]
TrustStoreOption = Annotated[
    bool,
    typer.Option("--trust-store", help=say("cli.common.trust_store")),
]


@app.command(
    help=say("cli.batch.help"),
    epilog=say("cli.batch.example"),
)
def batch(
    sources: Annotated[list[Path], typer.Argument(metavar="SOURCE...", help=say("cli.batch.source"))],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help=say("cli.batch.out"))],
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", "-j", metavar="N", min=1, max=256, help=say("cli.batch.jobs")),
    ] = None,
    executor: Annotated[
        GradedBy, typer.Option("--executor", metavar="KIND", help=say("cli.batch.executor"))
    ] = GradedBy.PROCESSES,
    scheduler: Annotated[
        str | None,
        typer.Option("--scheduler", metavar="ADDRESS", help=say("cli.batch.scheduler")),
    ] = None,
    i_trust_this_code: Annotated[bool, typer.Option("--i-trust-this-code", help=say("cli.batch.trust_code"))] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help=say("cli.batch.fresh"))] = False,
    roster: Annotated[
        Path | None,
        typer.Option(
            "--roster",
            metavar="FILE",
            help=say("cli.batch.roster"),
        ),
    ] = None,
    manifest: Annotated[
        Path | None,
        typer.Option(
            "--manifest",
            metavar="FILE",
            help=say("cli.batch.manifest"),
        ),
    ] = None,
    trust_store: TrustStoreOption = False,
    max_files: Annotated[
        int,
        typer.Option("--max-files", metavar="N", min=1, help=say("cli.batch.max_files")),
    ] = 20,
    change_exercise: Annotated[bool, typer.Option("--change-exercise", help=say("cli.batch.change_exercise"))] = False,
    change_roster: Annotated[bool, typer.Option("--change-roster", help=say("cli.batch.change_roster"))] = False,
    annotated: Annotated[
        bool | None,
        typer.Option(
            "--annotated/--no-annotated",
            help=say("cli.batch.annotated"),
        ),
    ] = None,
    exercises: ExercisesOption = None,
    language: LanguageOption = None,
    own_messages: MessagesOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Grade every notebook of folders or zips; run again to go on where it stopped."""
    choose_messages(language, own_messages)
    from grader.classroom import pool

    if executor is GradedBy.PROCESSES:
        pool.begin()
    from grader import api as service
    from grader.classroom import batch as batches
    from grader.classroom.folder import DATABASE
    from grader.classroom.sorting import FILE as SORTED
    from grader.files import never_replacing
    from grader.outputs import require_folder
    from grader.rendering.progress import ProgressLine
    from grader.store import trust

    if (executor is GradedBy.DASK) != (scheduler is not None):
        raise refusal("cli.batch.cluster")
    require_folder("--out", out)
    if trust_store:
        trust(out / DATABASE)
    several = exercises if exercises and len(exercises) > 1 else None
    if several and (executor is GradedBy.DASK or manifest is not None):
        raise refusal("cli.batch.several.options")
    if not several and (out / SORTED).is_file():
        raise refusal("cli.batch.several_before", directory=out)
    named = exercises[0] if exercises else None
    loaded = service.load_exercise(named or batches.exercise_before(out) or DEFAULT_EXERCISE)
    with ExitStack() as stack:
        stack.enter_context(never_replacing([*sources, roster]))
        settings = batches.Settings(
            change_exercise=change_exercise,
            change_roster=change_roster,
            jobs=jobs or batches.default_jobs(),
            fresh=fresh,
            annotated=annotated,
            roster=roster,
            manifest=manifest,
            max_files=max_files,
            ready=lambda: service.require_confinement(trusted=i_trust_this_code),
        )
        if scheduler is not None:
            from grader.classroom import cluster

            connection = stack.enter_context(cluster.connected(scheduler, loaded, trusted=i_trust_this_code))
            vouched = connection.start  # each worker looks for itself
            settings = replace(settings, jobs=jobs or connection.workers, start=vouched, ready=lambda: None)
        if several is not None:
            _batch_of_several(sources, out, several, settings, quiet=quiet, verbose=verbose)
        progress = stack.enter_context(ProgressLine(quiet=quiet))
        settings = replace(settings, progress=progress.step)
        report = _confirmed(lambda confirmed: batches.batch(sources, out, loaded, confirmed), settings)
    _report(report, quiet=quiet, verbose=verbose)
    _end(report)


def _batch_of_several(
    sources: list[Path], out: Path, names: Sequence[str], settings: Settings, *, quiet: bool, verbose: bool
) -> NoReturn:
    """Grade a folder with the notebooks of several exercises: each exercise has its own folder of results in `out`."""
    from grader import api as service
    from grader.classroom import batch as batches
    from grader.classroom import sorting
    from grader.files import make_private_folder
    from grader.rendering.progress import ProgressLine

    loaded = [service.load_exercise(name) for name in names]
    found = sorting.sort_out(sources, loaded, out, settings.max_files)
    make_private_folder(out)
    path = sorting.save(out, found)
    reports = []
    for name, exercise in zip(names, loaded, strict=True):
        own = found.names[exercise.name]
        if not own:
            continue
        service.load_exercise(name)  # its words and language hold while its pages are written
        with ProgressLine(quiet=quiet) as progress:
            chosen = replace(settings, only=own, progress=progress.step)
            grade = partial(batches.batch, sources, out / exercise.name, exercise)
            report = _confirmed(grade, chosen)
        if not quiet:
            print_line(
                say("cli.batch.of_exercise", exercise=exercise.name, count=len(own), directory=out / exercise.name)
            )
        for file in sorted(own) if verbose else ():
            print_line(say("cli.batch.belongs", name=file, exercise=exercise.name))
        _report(report, quiet=quiet, verbose=verbose)
        reports.append(report)
    if not quiet:
        if found.unknown:
            shown = _named(found.unknown, verbose=verbose)
            print_line(say("cli.batch.no_exercise", exercise=loaded[0].name, names=shown))
        print_line(say("cli.batch.sorted", path=path))
    _end(*reports)


@app.command(help=say("cli.regrade.help"), epilog=say("cli.regrade.example"))
def regrade(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help=say("cli.common.directory"))],
    preview: Annotated[bool, typer.Option("--preview", help=say("cli.regrade.preview"))] = False,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", metavar="N", min=1, max=256, help=say("cli.regrade.jobs"))
    ] = None,
    trust_store: TrustStoreOption = False,
    exercise: ClassExerciseOption = None,
    language: LanguageOption = None,
    own_messages: MessagesOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Judge stored evidence again, after a change of points or words; runs no student code."""
    choose_messages(language, own_messages)
    from grader import api as service
    from grader.classroom import batch as batches
    from grader.classroom.folder import DATABASE
    from grader.rendering.progress import ProgressLine
    from grader.store import trust

    if trust_store:
        trust(directory / DATABASE)
    loaded = service.load_exercise(exercise or batches.exercise_before(directory) or DEFAULT_EXERCISE)
    with ProgressLine(quiet=quiet, doing=say("cli.regrade.doing")) as progress:
        settings = batches.Settings(jobs=jobs or batches.default_jobs(), progress=progress.step)
        if preview:
            changes = batches.preview(directory, loaded, settings)
        else:
            report = batches.regrade(directory, loaded, settings)
    if preview:
        _show_changes(changes, verbose=verbose)
    else:
        _report(report, quiet=quiet, verbose=verbose)
        _end(report)


def _confirmed(grade: Callable[[Settings], Report], settings: Settings) -> Report:
    """Grade; where that would change what a class was graded with, ask on a terminal, and stop elsewhere."""
    from grader.classroom import batch as batches
    from grader.classroom.remembered import ChangeError
    from grader.rendering.text import one_line

    while True:
        try:
            return grade(settings)
        except ChangeError as change:
            if not (sys.stdin.isatty() and sys.stderr.isatty()):
                raise
            print_line(one_line(change.problem), err=True)
            if not typer.confirm(say("cli.batch.confirm_change", option=change.option), default=False, err=True):
                raise
            settings = batches.confirmed(settings, change)


MOST_SHOWN = 40  # changes named without --verbose
MOST_NAMED = 5  # files, or people, named in one line without --verbose


def _show_changes(changes: Sequence[Change], *, verbose: bool) -> None:
    """Print who would gain and who would lose, by how much, and which rulings apply."""
    from grader.classroom.batch import under_ruling
    from grader.records.points import gain, points

    moved = sorted(
        (change for change in changes if change.after != change.before), key=lambda change: change.after - change.before
    )
    for change in moved if verbose else moved[:MOST_SHOWN]:
        who = change.submission + (f" ({change.student})" if change.student else "")
        by = f"{points(change.before)} -> {points(change.after)}, {gain(change.before, change.after)}"
        print_line(f"{who}, {change.short}: {by}")
    if not verbose and len(moved) > MOST_SHOWN:
        print_line(say("cli.regrade.more", count=len(moved) - MOST_SHOWN))
    for change in changes:
        if change.ruling is not None:
            print_line(under_ruling(change))
    total: dict[str, float] = {}
    for change in moved:
        total[change.submission] = total.get(change.submission, 0.0) + change.after - change.before
    winners, losers = sum(by > 0 for by in total.values()), sum(by < 0 for by in total.values())
    print_line(say("cli.regrade.previewed", gain=winners, lose=losers))


def _report(report: Report, *, quiet: bool, verbose: bool) -> None:
    """Say what was graded and where the class page lies."""
    if not quiet:
        counts = {
            "graded": report.graded,
            "unchanged": report.unchanged,
            "passed": report.passed,
            "all": report.submissions,
        }
        print_line(
            say("cli.batch.graded_and_judged", judged=report.judged_again, **counts)
            if report.judged_again
            else say("cli.batch.graded", **counts)
        )
        if report.changed:
            print_line(say("cli.batch.changed", count=report.changed))
        if report.passed_over:
            print_line(say("cli.batch.passed_over", count=report.passed_over))
        ignored = list(report.ignored.items())
        for name, why in ignored if verbose else ignored[:MOST_NAMED]:
            print_line(say("cli.batch.ignored", name=name, why=why))
        if not verbose and len(report.ignored) > MOST_NAMED:
            print_line(say("cli.batch.ignored_more", count=len(report.ignored) - MOST_NAMED))
        if report.nobody:
            print_line(say("cli.batch.nobody", names=_named(report.nobody, verbose=verbose)))
            print_line(say("cli.batch.nobody.hint", directory=report.index.parent))
        for sentence in report.notes:
            print_line(sentence)
    _name_our_faults(report, verbose=verbose)
    if not quiet:
        print_line(say("cli.batch.page", index=report.index))
        if report.review:
            print_line(say("cli.batch.review", count=report.review, directory=report.index.parent))


def _end(*reports: Report) -> NoReturn:
    """End the command: 3 where something is provisional or could not be read through us, else 0."""
    ours = any(report.provisional or report.unavailable for report in reports)
    raise typer.Exit(int(Exit.PROVISIONAL if ours else Exit.PASSED))


def _named(names: Sequence[str], *, verbose: bool) -> list[str]:
    """Return the names that a line has room for, and how many more there are."""
    if verbose or len(names) <= MOST_NAMED:
        return list(names)
    return [*names[:MOST_NAMED], say("cli.batch.more", count=len(names) - MOST_NAMED)]


def _name_our_faults(report: Report, *, verbose: bool) -> None:
    """Say on stderr, also when quiet, what could not be judged or read through us."""
    if report.unjudged:
        print_line(say("cli.batch.provisional", names=_named(report.unjudged, verbose=verbose)), err=True)
    for sentence in report.unavailable:
        print_line(sentence, err=True)
