"""Commands of an instructor who makes an exercise of their own: write it, measure it, look whether it is sound."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grader.cli.app import (
    DEFAULT_EXERCISE,
    Application,
    Exit,
    LanguageOption,
    MessagesOption,
    QuietOption,
    app,
    choose_messages,
    print_line,
    print_record,
    without_color,
)
from grader.errors import RequestError
from grader.messages import say

if TYPE_CHECKING:
    from grader.authoring.choices import Choices, Given
    from grader.authoring.soundness import RightRun, Soundness
    from grader.exercise.load import Exercise

FolderArgument = Annotated[Path, typer.Argument(metavar="DIR", help=say("cli.exercise.folder"))]
QuickOption = Annotated[bool, typer.Option("--quick", help=say("cli.exercise.quick"))]

group = Application(no_args_is_help=True)
app.add_typer(group, name="exercise", help=say("cli.exercise.help"))


@app.command(help=say("cli.init.help"), epilog=say("cli.init.example"))
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help=say("cli.init.folder"))],
    source: Annotated[str, typer.Option("--from", metavar="NAME_OR_DIR", help=say("cli.init.from"))] = DEFAULT_EXERCISE,
    title: Annotated[str | None, typer.Option("--title", metavar="TEXT", help=say("cli.init.title"))] = None,
    seed: Annotated[int | None, typer.Option("--seed", metavar="N", help=say("cli.init.seed"))] = None,
    scale: Annotated[float | None, typer.Option("--scale", metavar="S", help=say("cli.init.scale"))] = None,
    layers: Annotated[str | None, typer.Option("--layers", metavar="N,N,...", help=say("cli.init.layers"))] = None,
    learning_rate: Annotated[
        float | None, typer.Option("--learning-rate", metavar="R", help=say("cli.init.learning_rate"))
    ] = None,
    iterations: Annotated[
        int | None, typer.Option("--iterations", metavar="N", help=say("cli.init.iterations"))
    ] = None,
    quick: QuickOption = False,
    measure: Annotated[bool, typer.Option("--measure/--no-measure", help=say("cli.init.measure"))] = True,
    language: LanguageOption = None,
    own_messages: MessagesOption = None,
    quiet: QuietOption = False,
) -> None:
    """Write an exercise of one's own, and measure what its pages compare with."""
    choose_messages(language, own_messages)
    from grader.api import load_exercise
    from grader.authoring import choices as choosing
    from grader.authoring import create

    create.require_free(folder)
    original = load_exercise(source)
    options = {"title": title, "seed": seed, "scale": scale, "layers": layers}
    options |= {"learning_rate": learning_rate, "iterations": iterations}
    given = choosing.Given()
    for name, value in options.items():
        if value is not None:
            given |= choosing.parse(name, f"{value}")
    choices = choosing.chosen(original, given)
    if sys.stdin.isatty() and sys.stderr.isatty() and not quiet:
        choices = _asked(original, given)
    exercise = create.create(folder, original, choices)
    if measure:
        _measure(exercise, quick=quick, quiet=quiet)
    if not quiet:
        print_line(say("cli.init.written", folder=folder))
        print_line(say("cli.init.next", folder=shlex.quote(f"{folder}")))


def _asked(original: Exercise, given: Given) -> Choices:
    """Ask for what no option says, with what is taken if nothing is typed; ask again where that cannot be."""
    from grader.authoring import choices as choosing
    from grader.authoring.rewrite import number

    choices = choosing.chosen(original, given)
    texts = {
        "title": choices.title,
        "seed": f"{choices.seed}",
        "scale": "" if choices.scale is None else number(choices.scale),
        "layers": ",".join(map(str, choices.layers)),
        "learning_rate": number(choices.learning_rate),
        "iterations": f"{choices.iterations}",
    }
    for name, default in texts.items():
        while name not in given and default:
            text = typer.prompt(say(f"cli.init.ask.{name}"), default=default, err=True)
            try:
                choices = choosing.chosen(original, given | choosing.parse(name, text))
                given |= choosing.parse(name, text)
            except RequestError as error:
                print_line(error.problem, err=True)
    return choices


@group.command(help=say("cli.exercise.measure.help"), epilog=say("cli.exercise.measure.example"))
def measure(folder: FolderArgument, quick: QuickOption = False, quiet: QuietOption = False) -> None:
    """Measure what pages of an exercise compare with; run again to go on where it stopped."""
    from grader.api import load_exercise

    _measure(load_exercise(_as_option(folder)), quick=quick, quiet=quiet)


@group.command(help=say("cli.exercise.check.help"), epilog=say("cli.exercise.check.example"))
def check(
    folder: FolderArgument,
    json: Annotated[bool, typer.Option("--json", help=say("cli.exercise.check.json"))] = False,
    language: LanguageOption = None,
    own_messages: MessagesOption = None,
    quiet: QuietOption = False,
) -> None:
    """Say whether an exercise is sound: exit code 0 if it is, 2 if it is not."""
    choose_messages(language, own_messages)
    from grader.authoring import soundness

    examination = soundness.examine(_as_option(folder))
    if json:
        print_record(examination)
    else:
        _show(examination, quiet=quiet)
    raise typer.Exit(int(Exit.PASSED if examination.is_sound else Exit.BAD_REQUEST))


def _as_option(folder: Path) -> str:
    """Return a folder as `--exercise` takes it: a path, never the name of a shipped exercise."""
    return f"{folder}" if folder.is_absolute() else f"./{folder.as_posix()}"


def _measure(exercise: Exercise, *, quick: bool, quiet: bool) -> None:
    """Measure with a bar, and say first how long it will take."""
    from grader.authoring import measuring
    from grader.precompute.parts import FULL, QUICK
    from grader.rendering.progress import MeasuringLine

    wanted = QUICK if quick else FULL
    if not quiet:
        minutes = measuring.seconds(exercise, wanted) / 60
        print_line(say("cli.exercise.measure.estimate", count=max(1, round(minutes)), seeds=wanted.seeds), err=True)
    try:
        with MeasuringLine(quiet=quiet) as progress:
            measuring.measure(exercise, wanted, progress.step)
    except KeyboardInterrupt:
        hint = say(
            "cli.exercise.measure.stopped",
            command=f"grader exercise measure {shlex.quote(str(exercise.folder))}",
            quick=" --quick" * quick,
        )
        print_line(hint, err=True)
        raise


def _show(examination: Soundness, *, quiet: bool) -> None:
    for remark in examination.remarks:
        if remark.level == "error" or not quiet:
            sort = say("cli.exercise.check.error") if remark.level == "error" else say("cli.exercise.check.note")
            print_line(f"{sort}: {remark.place}: {remark.message}", err=remark.level == "error")
            print_line(say("cli.exercise.check.hint", hint=remark.hint), err=remark.level == "error")
    if quiet:
        return
    _show_tables(examination)
    print_line(say("cli.exercise.check.sound") if examination.is_sound else say("cli.exercise.check.unsound"))


def _accuracies(run: RightRun) -> str:
    from grader.records.wording import accuracy

    return " / ".join(accuracy(share) for share in (run.train_accuracy, run.test_accuracy) if share is not None)


def _show_tables(examination: Soundness) -> None:
    from rich.console import Console
    from rich.table import Table

    from grader.records.points import of
    from grader.rendering.text import one_line

    console = Console(no_color=without_color(), soft_wrap=False)

    def show(title: str, columns: list[str], rows: list[list[str]]) -> None:
        table = Table(*columns, title=title, title_justify="left", box=None, pad_edge=False)
        for row in rows:
            table.add_row(*map(one_line, row))
        if rows:
            console.print(table)
            console.print()

    yes, no = say("cli.exercise.check.yes"), say("cli.exercise.check.no")
    show(
        say("cli.exercise.check.runs"),
        [say("cli.exercise.check.function"), say("cli.exercise.check.regime"), say("cli.exercise.check.accuracies")],
        [[run.short, run.regime, _accuracies(run)] for run in examination.runs],
    )
    show(
        say("cli.exercise.check.mistakes"),
        [
            say("cli.exercise.check.function"),
            say("cli.exercise.check.mistake"),
            say("cli.exercise.check.points"),
            say("cli.exercise.check.causes"),
            say("cli.exercise.check.named"),
        ],
        [
            [
                tried.short,
                tried.words,
                of(tried.points, tried.possible),
                " ".join(tried.causes),
                say("cli.exercise.check.same") if tried.is_right else yes if tried.is_named else no,
            ]
            for tried in examination.mistakes
        ],
    )
    show(
        say("cli.exercise.check.texts"),
        [say("cli.exercise.check.text"), say("cli.exercise.check.shown"), say("cli.exercise.check.why")],
        [[text.words, yes if text.is_shown else no, text.reason] for text in examination.shown],
    )
