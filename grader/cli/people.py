"""Commands with which people decide: what to look at, what points become, what is forgotten."""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grader.cli.app import ClassExerciseOption, Exit, QuietOption, app, print_json, print_line
from grader.errors import RequestError

if TYPE_CHECKING:
    from grader.classroom.privacy import Removed
    from grader.classroom.rulings import Order

Directory = Annotated[Path, typer.Argument(metavar="DIR", help="The folder that a batch wrote.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Remove it without asking.")]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who decides.")]


@app.command(epilog="Example: grader review graded/ --done ada.ipynb --by 'Grace Hopper'")
def review(
    directory: Directory,
    submissions: Annotated[
        list[str] | None,
        typer.Option("--done", metavar="SUBMISSION", help="You have looked at it: it holds nothing back any more."),
    ] = None,
    done_all: Annotated[
        bool, typer.Option("--done-all", help="You have looked at all that --kind and --match leave.")
    ] = False,
    kind: Annotated[
        str | None,
        typer.Option("--kind", metavar="KIND", help="Only one kind, as --json names it: no_notebook, once ..."),
    ] = None,
    match: Annotated[
        str, typer.Option("--match", metavar="TEXT", help="Only what holds this text in its name or reason.")
    ] = "",
    by: By = "",
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="A remark for the ledger.")] = "",
    ledger: Annotated[bool, typer.Option("--ledger", help="Show all that people decided.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
    exercise: ClassExerciseOption = None,
) -> None:
    """List what a person should see before results go out."""
    from grader.classroom import rulings

    if (submissions or done_all) and not by.strip():
        raise RequestError("nobody says that they have looked", hint="give --by NAME")
    if done_all and not kind and not match:
        raise RequestError("--done-all needs to know what was looked at", hint="add --kind KIND or --match TEXT")
    if done_all:
        submissions = list(dict.fromkeys(item.submission for item in rulings.to_review(directory, kind, match)))
        if not submissions:
            raise RequestError("nothing is left to look at of that kind", hint=f"see `grader review {directory}`")
    if submissions:
        for name in rulings.mark_seen(directory, exercise, submissions, by, reason):
            _say(f"{name}: looked at by {by}")
        return
    items = rulings.ledger(directory) if ledger else rulings.to_review(directory, kind, match)
    if json:
        _print_json(items)
    elif ledger:
        _show_ledger(directory)
    else:
        _show_items(directory, kind, match)


rulings_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, context_settings={"help_option_names": ["-h", "--help"]}
)
app.add_typer(rulings_app, name="rulings", help="Take what people decided out of a folder, or into it.")


@rulings_app.command("export", epilog="Example: grader rulings export graded/ --out rulings.csv")
def export_rulings(
    directory: Directory,
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="A .csv with the rulings that stand, or .jsonl with all.")
    ],
) -> None:
    """Write what people decided to a file: as a table of the rulings that stand, or whole, a line a decision."""
    from grader.classroom import rulings
    from grader.files import write
    from grader.outputs import Output, require_writable

    require_writable([Output("--out", out, "table of rulings")], [directory / "rulings.jsonl"])
    write(out, rulings.exported(directory, table=out.suffix.lower() == ".csv"), private=True)
    _say(f"wrote {out}")


@rulings_app.command("import", epilog="Example: grader rulings import graded/ rulings.csv --by 'Grace Hopper'")
def import_rulings(
    directory: Directory,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="What `export` wrote, or a CSV of your own: submission, function, points, reason, by."
        ),
    ],
    by: By = "",
    exercise: ClassExerciseOption = None,
) -> None:
    """Take rulings from a file; all of them or, if a line cannot be, none."""
    from grader.classroom import rulings

    _say(_count(rulings.imported(directory, exercise, file, by), "ruling") + f" taken from {file}")


@app.command(
    epilog="Example: grader override graded/ ada.ipynb random 8 --reason 'right but for one sign' --by 'Grace Hopper'"
)
def override(
    directory: Directory,
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="[SUBMISSION] FUNCTION [POINTS]",
            help="Whose, of which function (zeros, random, he), to what; with --score only whose.",
        ),
    ],
    score: Annotated[
        str | None,
        typer.Option(
            "--score", metavar="CHANGE", help="Change the whole score: 25 sets it, +2 adds, -10% takes a tenth."
        ),
    ] = None,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; the student reads it.")] = "",
    by: By = "",
    like: Annotated[
        str | None,
        typer.Option("--like", metavar="SUBMISSION", help="Rule on all that gave the very same as this one does."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="With --like: do it, after it was shown.")] = False,
    undo: Annotated[
        bool, typer.Option("--undo", help="Take it back; without a function, what was ruled over the score.")
    ] = False,
    exercise: ClassExerciseOption = None,
    quiet: QuietOption = False,
) -> None:
    """Change the points of a function or the whole score, with a reason and a name; kept through every later run."""
    from grader.classroom import rulings

    if score is not None or (undo and like is None and len(what) == 1):
        _override_score(directory, exercise, what, score, rulings.Order("", None, reason, by), quiet=quiet)
        return
    names, function, points = _asked(what, like, undo=undo)
    if like is not None:
        standing = rulings.last_order(directory, exercise, like, function)
        if points is None and not undo:
            if standing is None:
                raise RequestError(f"no ruling stands over {function} of {like}", hint="give the points as well")
            points, reason, by = standing.points, reason or standing.reason, by or standing.by
        same = rulings.alike(directory, exercise, like, function)
        names += [entry.name for entry in same]
        if not yes:
            what_for = "the ruling taken back" if undo else f"{points:g} points"
            _say(f"{len(same)} gave the very same in {function} and would get {what_for}:")
            for one in same:
                _say(f"  {one.name}" + (f" ({one.student})" if one.student else ""))
            _say("nothing was changed; say --yes to do it")
            return
    order = rulings.Order(function, points, reason or ("taken back" if undo else ""), by)
    for decision in rulings.override(directory, exercise, names, order):
        if not quiet:
            points_now = f"{decision.before:g} -> {decision.points:g} points"
            change = f"back to the {decision.before:g} points of the machine" if undo else points_now
            _say(f"{decision.submission}, {function}: {change}")


def _override_score(
    directory: Path, exercise: str | None, names: list[str], score: str | None, order: Order, *, quiet: bool
) -> None:
    """Change the whole score of submissions; without a change, take back what was ruled over it."""
    from dataclasses import replace

    from grader.classroom import rulings

    if score is not None:
        kind, value = rulings.adjustment(score)
        order = replace(order, kind=kind, points=value)
    elif not order.reason:
        order = replace(order, reason="taken back")
    for ruling in rulings.override(directory, exercise, names, order):
        if not quiet:
            _say(f"{ruling.submission}, score: {ruling.before:g} -> {ruling.points:g}")


@app.command(epilog="Example: grader comment graded/ ada.ipynb 'A neat loop.' --function he --by 'Grace Hopper'")
def comment(
    directory: Directory,
    submission: Annotated[str, typer.Argument(metavar="SUBMISSION", help="Whose, as in grades.csv.")],
    words: Annotated[str, typer.Argument(metavar="TEXT", help="What the student reads.")] = "",
    function: Annotated[
        str, typer.Option("--function", metavar="FUNCTION", help="About this function; else about the whole hand-in.")
    ] = "",
    by: By = "",
    undo: Annotated[bool, typer.Option("--undo", help="Take the comment back.")] = False,
    exercise: ClassExerciseOption = None,
    quiet: QuietOption = False,
) -> None:
    """Write to a student without changing points; kept through every later run."""
    from grader.classroom import rulings

    if not by.strip():
        raise RequestError("nobody says who writes", hint="give --by NAME")
    if undo == bool(words.strip()):
        raise RequestError(
            "it is not clear what to write", hint="grader comment DIR SUBMISSION TEXT, or --undo without a text"
        )
    order = rulings.Order(function, None, words.strip(), by, "comment")
    for ruling in rulings.override(directory, exercise, [submission], order):
        if not quiet:
            _say(f"{ruling.submission}: comment {'taken back' if undo else 'written'}")


@app.command(epilog="Example: grader assign graded/ 'final version.ipynb' 4711 --by 'Grace Hopper'")
def assign(
    directory: Directory,
    file: Annotated[str, typer.Argument(metavar="FILE", help="The submission, as in grades.csv.")],
    student: Annotated[str, typer.Argument(metavar="STUDENT", help="Whose it is: an id of the class list.")],
    by: By = "",
    quiet: QuietOption = False,
) -> None:
    """Give a file that belongs to nobody, or to the wrong person, to a student; kept through every later run."""
    from grader.classroom import batch

    if not by.strip():
        raise RequestError("nobody says whose it is", hint="give --by NAME")
    name = batch.assign(directory, file, student, by)
    if not quiet:
        _say(f"{name}: given to {student}")


@app.command(epilog="Example: grader forget graded/ 4711")
def forget(
    directory: Directory,
    student: Annotated[
        str,
        typer.Argument(metavar="STUDENT", help="As in grades.csv: student, or one of their submissions or folders."),
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


@app.command(epilog="Example: grader purge graded/ --older-than 180d")
def purge(
    directory: Directory,
    older_than: Annotated[str, typer.Option("--older-than", metavar="AGE", help="Such as 180d, 26w, 6m or 1y.")],
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
    """Return what asks before something is removed for ever; with --yes, or where nothing is, it agrees."""

    def agree(planned: Removed) -> bool:
        if yes or not (planned.submissions or planned.folders or planned.decisions):
            return True
        _say(f"{_counts(planned)} would be removed for ever:")
        for name in planned.names[:_MOST_NAMED]:
            _say(f"  {name}")
        if len(planned.names) > _MOST_NAMED:
            _say(f"  and {len(planned.names) - _MOST_NAMED} more")
        if not sys.stdin.isatty():
            raise RequestError("nothing was removed: there is no terminal to ask on", hint="say --yes to remove it")
        return typer.confirm("Remove it?")

    return agree


def _counts(removed: Removed) -> str:
    return (
        f"{_count(removed.submissions, 'submission')}, {_count(removed.folders, 'folder')} of pages and "
        f"{_count(removed.decisions, 'decision')} of people"
    )


def _show_removed(removed: Removed | None, directory: Path, *, quiet: bool) -> None:
    if removed is None:
        _say("nothing was removed")
        raise typer.Exit(int(Exit.NOT_PASSED))
    if not quiet:
        _say(f"removed {_counts(removed)} from {directory}")
        _say("the notebooks that were handed in, and files exported from here, lie elsewhere: remove them as well")


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _asked(what: list[str], like: str | None, *, undo: bool) -> tuple[list[str], str, float | None]:
    """Read `[SUBMISSION] FUNCTION [POINTS]`: the submission is left out only with --like, the points with --undo too."""
    rest, points = list(what), None
    least = 1 if like is not None else 2
    if not undo and (like is None or (len(rest) > least and _number(rest[-1]) is not None)):
        points = _number(rest.pop())
        if points is None:
            raise RequestError("the points are no number", hint="grader override DIR SUBMISSION FUNCTION POINTS")
    if not least <= len(rest) <= 2:
        raise RequestError("it is not clear what to change", hint="grader override DIR SUBMISSION FUNCTION POINTS")
    return rest[:-1], rest[-1], points


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _show_items(directory: Path, kind: str | None, match: str) -> None:
    from grader.classroom import rulings
    from grader.classroom.review import WORDS

    items = rulings.to_review(directory, kind, match)
    for name, group in groupby(items, key=lambda item: item.kind):
        some = list(group)
        _say(f"{WORDS[name]} ({len(some)}):")
        for item in some:
            _say(f"  {item.submission}: {item.why}")
    held_back = {item.submission for item in items if item.held}
    _say(
        f"{len(held_back)} held back from exports until somebody has looked: "
        f"grader review {directory} --done SUBMISSION --by NAME"
        if held_back
        else "nothing is held back from exports"
    )


def _show_ledger(directory: Path) -> None:
    from grader.classroom import rulings
    from grader.records import amount
    from grader.store import ADJUSTMENTS

    for decision in rulings.ledger(directory):
        what: dict[str, str] = {
            kind: f"{decision.submission} score: {amount(kind, decision.points)}" for kind in ADJUSTMENTS
        }
        words = "comment" if decision.reason else "the comment was taken back"
        what |= {
            "override": f"{decision.submission} {decision.function}: {decision.before:g} -> {decision.points:g} points",
            "undo": f"{decision.submission} {decision.function or 'score'}: the ruling was taken back",
            "comment": f"{decision.submission} {decision.function or 'score'}: {words}",
            "seen": f"{decision.submission}: looked at",
            "removed": "something was removed",
            "assigned": f"{decision.submission}: given to {decision.student}",
        }
        _say(
            f"{decision.at} {decision.by}: {what[decision.kind]}" + (f" ({decision.reason})" if decision.reason else "")
        )


def _print_json(items: object) -> None:
    import msgspec

    print_json(msgspec.json.format(msgspec.json.encode(items), indent=2).decode())


def _say(line: str) -> None:

    print_line(line)
