"""Commands of an instructor: a class at once."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grader.cli.app import DEFAULT_EXERCISE, ClassExerciseOption, Exit, QuietOption, VerboseOption, app, print_line
from grader.errors import RequestError

if TYPE_CHECKING:
    from grader.classroom.batch import Change, Report, Settings


class Runs(str, Enum):
    """Who grades a class."""

    PROCESSES = "processes"
    DASK = "dask"


TrustStoreOption = Annotated[
    bool,
    typer.Option("--trust-store", help="Believe the store in DIR, made on another machine or account, from now on."),
]


@app.command(
    epilog="Example: grader batch downloads/ --out graded/ --jobs 4\n\n"
    "On a cluster: grader batch downloads/ --out graded/ --executor dask --scheduler tcp://10.0.0.5:8786",
)
def batch(
    sources: Annotated[list[Path], typer.Argument(metavar="SOURCE...", help="Folders, zips or notebooks.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where pages, gradebook and store go.")],
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", "-j", min=1, max=256, help="Processes; by default one a processor, or all workers."),
    ] = None,
    executor: Annotated[
        Runs, typer.Option("--executor", help="Who grades: processes here, or a cluster's workers (docs/scale.md).")
    ] = Runs.PROCESSES,
    scheduler: Annotated[
        str | None,
        typer.Option("--scheduler", metavar="ADDRESS", help="The cluster's scheduler: tcp://HOST:PORT or tls://..."),
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
            "--roster",
            metavar="FILE",
            help="CSV of the class (id, student, email ...), kept in DIR: who is missing gets a row.",
        ),
    ] = None,
    manifest: Annotated[
        Path | None,
        typer.Option(
            "--manifest",
            metavar="FILE",
            help="The manifest.json to trust, where `lms SYSTEM collect` ran on another machine or account.",
        ),
    ] = None,
    trust_store: TrustStoreOption = False,
    max_files: Annotated[
        int,
        typer.Option(
            "--max-files", metavar="N", min=1, help="Notebooks graded of one hand-in: a student's zip or folder."
        ),
    ] = 20,
    change_exercise: Annotated[
        bool, typer.Option("--change-exercise", help="Yes, grade DIR with another exercise than before.")
    ] = False,
    change_roster: Annotated[
        bool, typer.Option("--change-roster", help="Yes, use another class list for DIR than before.")
    ] = False,
    annotated: Annotated[
        bool | None,
        typer.Option(
            "--annotated/--no-annotated",
            help="Write annotated.ipynb beside each page; by default for collected folders.",
        ),
    ] = None,
    exercise: ClassExerciseOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Grade every notebook of folders or zips; run again to go on where it stopped."""
    from grader.classroom import pool

    if executor is Runs.PROCESSES:
        pool.begin()
    from grader import api as service
    from grader.classroom import batch as batches
    from grader.classroom.folder import DATABASE
    from grader.files import never_replacing
    from grader.outputs import require_folder
    from grader.rendering.progress import Progress
    from grader.store import trust

    if (executor is Runs.DASK) != (scheduler is not None):
        hint = "grader batch SOURCE --out DIR --executor dask --scheduler tcp://HOST:PORT"
        raise RequestError("--executor dask and --scheduler ADDRESS go together", hint=hint)
    require_folder("--out", out)
    if trust_store:
        trust(out / DATABASE)
    loaded = service.load_exercise(exercise or batches.exercise_before(out) or DEFAULT_EXERCISE)
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

            found = stack.enter_context(cluster.connected(scheduler, loaded, trusted=i_trust_this_code))
            vouched = found.start  # each worker looks for itself
            settings = replace(settings, jobs=jobs or found.workers, start=vouched, ready=lambda: None)
        progress = stack.enter_context(Progress(quiet=quiet))
        settings = replace(settings, progress=progress.step)
        report = _confirmed(lambda confirmed: batches.batch(sources, out, loaded, confirmed), settings)
    _report(report, quiet=quiet, verbose=verbose)


@app.command(epilog="Example: grader regrade graded/ --preview")
def regrade(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The folder that a batch wrote.")],
    preview: Annotated[bool, typer.Option("--preview", help="Show who would gain or lose, and write nothing.")] = False,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, max=256, help="Processes; by default one a processor.")
    ] = None,
    trust_store: TrustStoreOption = False,
    exercise: ClassExerciseOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Judge stored evidence again, after a change of points or words; runs no student code."""
    from grader import api as service
    from grader.classroom import batch as batches
    from grader.classroom.folder import DATABASE
    from grader.rendering.progress import Progress
    from grader.store import trust

    if trust_store:
        trust(directory / DATABASE)
    loaded = service.load_exercise(exercise or batches.exercise_before(directory) or DEFAULT_EXERCISE)
    with Progress(quiet=quiet, doing="judging") as progress:
        settings = batches.Settings(jobs=jobs or batches.default_jobs(), progress=progress.step)
        if preview:
            changes = batches.preview(directory, loaded, settings)
        else:
            report = batches.regrade(directory, loaded, settings)
    if preview:
        _show_changes(changes, verbose=verbose)
    else:
        _report(report, quiet=quiet, verbose=verbose)


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
            if not typer.confirm(f"Change it ({change.option})?", default=False, err=True):
                raise
            settings = batches.confirmed(settings, change)


MOST_SHOWN = 40  # changes named without --verbose


def _show_changes(changes: Sequence[Change], *, verbose: bool) -> None:
    """Say who would gain and who would lose, by how much, and which rulings stand over it."""
    from grader.classroom.batch import under_ruling

    moved = sorted(
        (change for change in changes if change.after != change.before), key=lambda change: change.after - change.before
    )
    for one in moved if verbose else moved[:MOST_SHOWN]:
        who = one.submission + (f" ({one.student})" if one.student else "")
        by = f"{one.before:g} -> {one.after:g}, {one.after - one.before:+g}"
        print_line(f"{who}, {one.function.rsplit('_', 1)[-1]}: {by}")
    if not verbose and len(moved) > MOST_SHOWN:
        print_line(f"and {len(moved) - MOST_SHOWN} more; --verbose names them")
    for one in changes:
        if one.ruling is not None:
            print_line(under_ruling(one))
    total: dict[str, float] = {}
    for one in moved:
        total[one.submission] = total.get(one.submission, 0.0) + one.after - one.before
    gain, lose = sum(by > 0 for by in total.values()), sum(by < 0 for by in total.values())
    print_line(
        f"{gain} would gain, {lose} would lose; nothing was written, `grader regrade` without --preview applies it"
    )


def _report(report: Report, *, quiet: bool, verbose: bool) -> None:
    """Say what was graded and where the class page lies."""
    if not quiet:
        again = f", judged again {report.judged_again}" if report.judged_again else ""
        message = f"graded {report.graded}{again}, unchanged {report.unchanged}"
        print_line(f"{message}, passed {report.passed} of {report.submissions}")
        if report.changed:
            print_line(f"points changed for {report.changed} by judging again")
        if report.passed_over:
            print_line(f"passed over {report.passed_over} hidden files and checkpoint copies")
        ignored = list(report.ignored.items())
        for name, why in ignored if verbose else ignored[:5]:
            print_line(f"ignored {name!r}: {why}")
        if not verbose and len(report.ignored) > 5:
            print_line(f"ignored {len(report.ignored) - 5} more; --verbose names them")
        if report.nobody:
            names = ", ".join(report.nobody if verbose else report.nobody[:5])
            more = f" and {len(report.nobody) - 5} more" if len(report.nobody) > 5 and not verbose else ""
            print_line(f"belongs to nobody in the class: {names}{more}")
            print_line(f"give it to somebody with: grader assign {report.index.parent} FILE STUDENT --by NAME")
        for sentence in report.said:
            print_line(sentence)
    _name_our_faults(report, verbose=verbose)
    if not quiet:
        print_line(f"class page: {report.index}")
        if report.review:
            print_line(f"for a person to look at: {report.review}; see `grader review {report.index.parent}`")
    raise typer.Exit(int(Exit.PROVISIONAL if report.provisional or report.unavailable else Exit.PASSED))


def _name_our_faults(report: Report, *, verbose: bool) -> None:
    """Say on stderr, also when quiet, what could not be judged or read through us."""
    if report.unjudged:
        shown = report.unjudged if verbose else report.unjudged[:5]
        more = f" and {len(report.unjudged) - len(shown)} more" if len(report.unjudged) > len(shown) else ""
        names = ", ".join(shown)
        print_line(f"provisional by our fault, tried again at the next run: {names}{more}", err=True)
    for sentence in report.unavailable:
        print_line(sentence, err=True)
