"""Commands with which people decide: what to look at, what points become, what is forgotten."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grader.cli.app import Application, ClassExerciseOption, Exit, QuietOption, app, print_line, print_record
from grader.messages import listed, refusal, say

if TYPE_CHECKING:
    from grader.classroom.privacy import Removed
    from grader.classroom.review import Item
    from grader.classroom.rulings import RulingOrder
    from grader.store import Decision

Directory = Annotated[Path, typer.Argument(metavar="DIR", help=say("cli.common.directory"))]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help=say("cli.common.yes"))]
By = Annotated[str, typer.Option("--by", metavar="NAME", help=say("cli.common.by"))]


@app.command(help=say("cli.review.help"), epilog=say("cli.review.example"))
def review(
    directory: Directory,
    submissions: Annotated[
        list[str] | None,
        typer.Option("--done", metavar="SUBMISSION", help=say("cli.review.done")),
    ] = None,
    done_all: Annotated[bool, typer.Option("--done-all", help=say("cli.review.done_all"))] = False,
    kind: Annotated[
        str | None,
        typer.Option("--kind", metavar="KIND", help=say("cli.review.kind")),
    ] = None,
    match: Annotated[str, typer.Option("--match", metavar="TEXT", help=say("cli.review.match"))] = "",
    by: By = "",
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help=say("cli.review.remark"))] = "",
    ledger: Annotated[bool, typer.Option("--ledger", help=say("cli.review.all"))] = False,
    json: Annotated[bool, typer.Option("--json", help=say("cli.review.json"))] = False,
    exercise: ClassExerciseOption = None,
) -> None:
    """List what a person should see before results go out."""
    from grader.classroom import rulings

    if (submissions or done_all) and not by.strip():
        raise refusal("cli.review.nobody", hint="cli.by.hint")
    if done_all and not kind and not match:
        raise refusal("cli.review.nothing_named")
    if done_all:
        submissions = list(dict.fromkeys(item.submission for item in rulings.to_review(directory, kind, match)))
        if not submissions:
            raise refusal("cli.review.nothing_left", directory=directory)
    if submissions:
        for name in rulings.mark_seen(directory, exercise, submissions, by, reason):
            print_line(say("cli.review.looked_at", name=name, by=by))
        return
    if ledger:
        decisions = rulings.ledger(directory)
        print_record(decisions) if json else _show_ledger(decisions)
    else:
        items = rulings.to_review(directory, kind, match)
        print_record(items) if json else _show_items(items, directory)


rulings_app = Application(no_args_is_help=True)
app.add_typer(rulings_app, name="rulings", help=say("cli.rulings.description"))


@rulings_app.command("export", help=say("cli.rulings.export.help"), epilog=say("cli.rulings.export.example"))
def export_rulings(
    directory: Directory,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help=say("cli.rulings.export.out"))],
) -> None:
    """Write people's decisions to a file: the rulings that apply as a table, or all decisions, one on a line."""
    from grader.classroom import rulings
    from grader.files import write
    from grader.outputs import Output, require_writable

    require_writable([Output("--out", out, "rulings")], [directory / "rulings.jsonl"])
    write(out, rulings.exported(directory, table=out.suffix.lower() == ".csv"), private=True)
    print_line(say("cli.common.wrote", path=out))


@rulings_app.command("import", help=say("cli.rulings.import.help"), epilog=say("cli.rulings.import.example"))
def import_rulings(
    directory: Directory,
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help=say("cli.rulings.import.file")),
    ],
    by: By = "",
    exercise: ClassExerciseOption = None,
) -> None:
    """Take rulings from a file; all of them or, if a line cannot be, none."""
    from grader.classroom import rulings

    print_line(say("cli.rulings.import.done", count=rulings.imported(directory, exercise, file, by), file=file))


@app.command(help=say("cli.override.help"), epilog=say("cli.override.example"))
def override(
    directory: Directory,
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SUBMISSION] [FUNCTION] [POINTS]",
            help=say("cli.override.arguments"),
        ),
    ] = None,
    score: Annotated[
        str | None,
        typer.Option("--score", metavar="CHANGE", help=say("cli.override.score")),
    ] = None,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help=say("cli.override.reason"))] = "",
    by: By = "",
    like: Annotated[
        str | None,
        typer.Option("--like", metavar="SUBMISSION", help=say("cli.override.like")),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help=say("cli.override.yes"))] = False,
    undo: Annotated[bool, typer.Option("--undo", help=say("cli.override.undo"))] = False,
    exercise: ClassExerciseOption = None,
    quiet: QuietOption = False,
) -> None:
    """Change the points of a function or the whole score, with a reason and a name; kept through every later run."""
    from grader.classroom import rulings
    from grader.records.points import points as shown

    if not what:
        raise refusal("cli.override.unclear", hint="cli.override.usage.hint")
    if score is not None or (undo and like is None and len(what) == 1):
        _override_score(directory, exercise, what, score, rulings.RulingOrder("", None, reason, by), quiet=quiet)
        return
    names, function, points = _asked(what, like, undo=undo)
    if like is not None:
        standing = rulings.last_order(directory, exercise, like, function)
        if points is None and not undo:
            if standing is None:
                raise refusal("cli.override.no_ruling", function=function, like=like)
            points, reason, by = standing.points, reason or standing.reason, by or standing.by
        same = rulings.alike(directory, exercise, like, function)
        names += [entry.name for entry in same]
        if not yes:
            what_for = (
                say("cli.override.undone_for_all") if undo else say("cli.override.points", points=shown(points or 0.0))
            )
            print_line(say("cli.override.same", count=len(same), function=function, what=what_for))
            for submission in same:
                print_line(f"  {submission.name}" + (f" ({submission.student})" if submission.student else ""))
            print_line(say("cli.override.same.hint"))
            return
    order = rulings.RulingOrder(function, points, reason or (say("cli.override.taken_back") if undo else ""), by)
    for decision in rulings.override(directory, exercise, names, order):
        if not quiet:
            change = (
                say("cli.override.back_to", before=shown(decision.before))
                if undo
                else say("cli.override.change", before=shown(decision.before), after=shown(decision.points))
            )
            print_line(f"{decision.submission}, {function}: {change}")


def _override_score(
    directory: Path, exercise: str | None, names: list[str], score: str | None, order: RulingOrder, *, quiet: bool
) -> None:
    """Change the whole score of submissions; without a change, take back what was ruled over it."""
    from dataclasses import replace

    from grader.classroom import rulings
    from grader.records.points import points as shown

    if score is not None:
        kind, value = rulings.adjustment(score)
        order = replace(order, kind=kind, points=value)
    elif not order.reason:
        order = replace(order, reason=say("cli.override.taken_back"))
    for ruling in rulings.override(directory, exercise, names, order):
        if not quiet:
            print_line(
                say(
                    "cli.override.score_change",
                    submission=ruling.submission,
                    before=shown(ruling.before),
                    after=shown(ruling.points),
                )
            )


@app.command(help=say("cli.comment.help"), epilog=say("cli.comment.example"))
def comment(
    directory: Directory,
    submission: Annotated[str, typer.Argument(metavar="SUBMISSION", help=say("cli.comment.submission"))],
    words: Annotated[str, typer.Argument(metavar="TEXT", help=say("cli.comment.text"))] = "",
    function: Annotated[str, typer.Option("--function", metavar="FUNCTION", help=say("cli.comment.function"))] = "",
    by: By = "",
    undo: Annotated[bool, typer.Option("--undo", help=say("cli.comment.undo"))] = False,
    exercise: ClassExerciseOption = None,
    quiet: QuietOption = False,
) -> None:
    """Write to a student without changing points; kept through every later run."""
    from grader.classroom import rulings

    if not by.strip():
        raise refusal("cli.comment.nobody", hint="cli.by.hint")
    if undo == bool(words.strip()):
        raise refusal("cli.comment.unclear")
    order = rulings.RulingOrder(function, None, words.strip(), by, "comment")
    for ruling in rulings.override(directory, exercise, [submission], order):
        if not quiet:
            print_line(
                say("cli.comment.taken_back", submission=ruling.submission)
                if undo
                else say("cli.comment.written", submission=ruling.submission)
            )


@app.command(help=say("cli.assign.help"), epilog=say("cli.assign.example"))
def assign(
    directory: Directory,
    file: Annotated[str, typer.Argument(metavar="FILE", help=say("cli.assign.submission"))],
    student: Annotated[str, typer.Argument(metavar="STUDENT", help=say("cli.assign.student"))],
    by: By = "",
    quiet: QuietOption = False,
) -> None:
    """Give a file that belongs to nobody, or to the wrong person, to a student; kept through every later run."""
    from grader.classroom import batch

    if not by.strip():
        raise refusal("cli.assign.nobody", hint="cli.by.hint")
    name = batch.assign(directory, file, student, by)
    if not quiet:
        print_line(say("cli.assign.done", name=name, student=student))


@app.command(help=say("cli.forget.help"), epilog=say("cli.forget.example"))
def forget(
    directory: Directory,
    student: Annotated[
        str,
        typer.Argument(metavar="STUDENT", help=say("cli.forget.who")),
    ],
    by: By = "",
    yes: YesOption = False,
    exercise: ClassExerciseOption = None,
    quiet: QuietOption = False,
) -> None:
    """Remove all that DIR holds of one student: results, pages, evidence, caches and rulings."""
    from grader.classroom import privacy

    removed = privacy.forget(directory, student, by, exercise, agree=_asking(yes))
    _show_removed(removed, directory, quiet=quiet)


@app.command(help=say("cli.purge.help"), epilog=say("cli.purge.example"))
def purge(
    directory: Directory,
    older_than: Annotated[str, typer.Option("--older-than", metavar="AGE", help=say("cli.purge.age"))],
    by: By = "",
    yes: YesOption = False,
    exercise: ClassExerciseOption = None,
    quiet: QuietOption = False,
) -> None:
    """Remove what was graded longer ago than that, as `forget` does."""
    from grader.classroom import privacy

    removed = privacy.purge(directory, older_than, by, exercise, agree=_asking(yes))
    _show_removed(removed, directory, quiet=quiet)


_MOST_NAMED = 10


def _asking(yes: bool) -> Callable[[Removed], bool]:
    """Return a function that asks before something is removed for ever; with --yes it agrees at once."""

    def agree(planned: Removed) -> bool:
        if yes or not (planned.submissions or planned.folders or planned.decisions):
            return True
        print_line(say("cli.remove.planned", planned=_counts(planned)))
        for name in planned.names[:_MOST_NAMED]:
            print_line(f"  {name}")
        if len(planned.names) > _MOST_NAMED:
            print_line(say("cli.remove.more", count=len(planned.names) - _MOST_NAMED))
        if not sys.stdin.isatty():
            raise refusal("cli.remove.no_terminal")
        return typer.confirm(say("cli.remove.confirm"))

    return agree


def _counts(removed: Removed) -> str:
    return listed(
        [
            say("cli.remove.submissions", count=removed.submissions),
            say("cli.remove.folders", count=removed.folders),
            say("cli.remove.decisions", count=removed.decisions),
        ]
    )


def _show_removed(removed: Removed | None, directory: Path, *, quiet: bool) -> None:
    if removed is None:
        print_line(say("cli.remove.nothing"))
        raise typer.Exit(int(Exit.NOT_PASSED))
    if not quiet:
        print_line(say("cli.remove.done", removed=_counts(removed), directory=directory))
        print_line(say("cli.remove.elsewhere"))


def _asked(what: list[str], like: str | None, *, undo: bool) -> tuple[list[str], str, float | None]:
    """Read `[SUBMISSION] FUNCTION [POINTS]`: the submission is left out only with --like, the points with --undo too."""
    rest, points = list(what), None
    least = 1 if like is not None else 2
    if not undo and (like is None or (len(rest) > least and _number(rest[-1]) is not None)):
        points = _number(rest.pop())
        if points is None:
            raise refusal("cli.override.no_number", hint="cli.override.usage.hint")
    if not least <= len(rest) <= 2:
        raise refusal("cli.override.unclear", hint="cli.override.usage.hint")
    return rest[:-1], rest[-1], points


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _show_items(items: Sequence[Item], directory: Path) -> None:
    for need, is_held in (("required", True), ("optional", False)):
        some = [item for item in items if item.held == is_held]
        if some:
            print_line(say(f"cli.review.{need}", count=len({item.submission for item in some})))
        for name, group in groupby(some, key=lambda item: item.kind):
            of_kind, title = list(group), say(f"classroom.review.{name}")
            print_line(f"{title} ({len(of_kind)}):")
            for item in of_kind:
                print_line(f"  {item.submission}: {item.why}")
    held_back = {item.submission for item in items if item.held}
    print_line(
        say("cli.review.held_back", count=len(held_back), directory=directory)
        if held_back
        else say("cli.review.none_held_back")
    )


def _show_ledger(decisions: Iterable[Decision]) -> None:
    from grader.records import amount
    from grader.records.points import points as shown
    from grader.store import ADJUSTMENTS

    for decision in decisions:
        what: dict[str, str] = {
            kind: f"{decision.submission} score: {amount(kind, decision.points)}" for kind in ADJUSTMENTS
        }
        words = "comment" if decision.reason else say("cli.ledger.comment_taken_back")
        what |= {
            "override": f"{decision.submission} {decision.function}: {shown(decision.before)} -> {shown(decision.points)} points",
            "undo": say("cli.ledger.taken_back", submission=decision.submission, what=decision.function or "score"),
            "comment": f"{decision.submission} {decision.function or 'score'}: {words}",
            "seen": say("cli.ledger.looked_at", submission=decision.submission),
            "removed": say("cli.ledger.removed"),
            "assigned": say("cli.ledger.assigned", submission=decision.submission, student=decision.student),
        }
        print_line(
            f"{decision.at} {decision.by}: {what[decision.kind]}" + (f" ({decision.reason})" if decision.reason else "")
        )
