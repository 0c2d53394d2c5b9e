"""The command itself: its common options, its exit codes, and the one place where errors become messages."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from collections.abc import Callable, Sequence
from enum import IntEnum
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast

import typer

from grader import messages
from grader._version import __version__
from grader.errors import GraderError, RequestError
from grader.messages import failure, say

PANELS = {
    "student": ("check", "unannotate", "lab"),
    "instructor": (
        "batch",
        "summary",
        "review",
        "override",
        "comment",
        "assign",
        "rulings",
        "regrade",
        "forget",
        "purge",
        "init",
        "exercise",
    ),
    "lms": ("lms",),
    "setup": ("doctor", "schema"),
}  # who needs which commands, in the order in which people need them

_Function = TypeVar("_Function", bound=Callable[..., Any])


class Command(typer.core.TyperCommand):
    """A command whose help has colour where the terminal has it."""

    def get_help(self, ctx: Any) -> str:
        """Return the help of the command."""
        return _coloured(super().get_help(ctx))


class CommandGroup(typer.core.TyperGroup):
    """A group of commands whose help says in whole sentences what each does."""

    def get_help(self, ctx: Any) -> str:
        """Return the help of the group."""
        return _coloured(super().get_help(ctx))

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # its own cuts sentences off
        """Write what each command does; those of the whole grader by who needs them, in the order of need."""
        titles = {name: panel for panel, names in PANELS.items() for name in names}
        order = {name: number for number, name in enumerate(titles)}
        is_whole = ctx.parent is None
        width = max(map(len, self.commands))
        sections: dict[str, list[tuple[str, str]]] = {}
        for name in sorted(self.commands, key=lambda name: order.get(name, len(order))) if is_whole else self.commands:
            purpose = (self.commands[name].help or "").partition("\n\n")[0]
            title = titles.get(name, "commands") if is_whole else "commands"
            sections.setdefault(title, []).append((name.ljust(width), purpose))
        for title, rows in sections.items():
            with formatter.section(say(f"cli.panel.{title}")):
                formatter.write_dl(rows)


class Application(typer.Typer):
    """Commands whose help has colour and no sentence that is cut off."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(
            cls=CommandGroup,
            rich_markup_mode=None,
            context_settings={"help_option_names": ["-h", "--help"], "max_content_width": _WIDEST_HELP},
            **settings,
        )

    def command(self, name: str | None = None, **settings: Any) -> Callable[[_Function], _Function]:
        """Add a command with help that has colour."""
        return super().command(name, cls=Command, **settings)


def _coloured(text: str) -> str:
    """Return help with colour where the terminal has it: headings, options, and the word before an example."""
    from rich.console import Console
    from rich.text import Text

    console = Console(no_color=without_color(), soft_wrap=True)
    if not console.is_terminal:
        return text
    shown = Text(text)
    shown.highlight_regex(r"(?m)^(?:Usage:|[A-Z][\w ]*:$)", "bold yellow")
    shown.highlight_regex(r"(?m)^  [A-Z][\w ]*: (?=grader )", "green")
    shown.highlight_regex(r"(?m)^  [a-z]+(?=  )", "bold cyan")
    shown.highlight_regex(r"(?<![\w-])--?[a-z][\w-]*", "cyan")
    with console.capture() as capture:
        console.print(shown, end="")
    return capture.get()


_WIDEST_HELP = 100  # columns: longer lines are hard to read
app = Application(
    name="grader",
    epilog=say("cli.description.example"),
    help=say("cli.description"),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


class Exit(IntEnum):
    """The exit codes of the command."""

    PASSED = 0
    NOT_PASSED = 1
    BAD_REQUEST = 2
    PROVISIONAL = 3


ExerciseOption = Annotated[str, typer.Option("--exercise", metavar="NAME_OR_PATH", help=say("cli.common.exercise"))]
ClassExerciseOption = Annotated[
    str | None,
    typer.Option("--exercise", metavar="NAME_OR_PATH", help=say("cli.common.remembered_exercise")),
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help=say("cli.common.quiet"))]


def _verbose(on: bool) -> bool:
    if on:
        from grader import faults

        faults.show()
    return on


VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help=say("cli.common.verbose"), callback=_verbose)]


def choose_messages(language: str | None, folder: Path | None) -> None:
    """Put --lang and --messages into the environment, where every process that grades sees them."""
    for variable, value in ((messages.LANGUAGE, language), (messages.FOLDER, folder and str(folder.absolute()))):
        if value:
            os.environ[variable] = value
    if language:
        messages.use(language)


LanguageOption = Annotated[
    str | None,
    typer.Option("--lang", metavar="CODE", help=say("cli.common.language")),
]
MessagesOption = Annotated[
    Path | None,
    typer.Option("--messages", metavar="DIR", help=say("cli.common.messages")),
]
INTERRUPTED = 130
_KEEPING = ("batch", "regrade")  # the commands that go on where they stopped
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
_MOST_NAMES = 1000  # files of a folder among which one that is meant is looked for
DEFAULT_EXERCISE = "dls-c2w1-initialization"
UsageError: type[Exception] = typer.BadParameter.__mro__[1]  # typer names none but this kind of it


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code; an error on purpose is a message on stderr, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what the terminal's encoding lacks is spelled out
            stream.reconfigure(errors="backslashreplace")
    try:
        code = app(args=list(argv) if argv is not None else None, prog_name="grader", standalone_mode=False)
        if code == INTERRUPTED:  # typer has caught it before us
            sys.stderr.write(_stopped(argv))
        return int(code or 0)
    except SystemExit as ended:
        return int(ended.code or 0)
    except GraderError as error:
        _complain(error)
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write(_stopped(argv))
        return INTERRUPTED
    except Exception as error:
        return _explained(error)


def _stopped(argv: Sequence[str] | None) -> str:
    """Return what is said to somebody who stopped the command; only some commands keep what was done."""
    words = [word for word in (sys.argv[1:] if argv is None else argv) if not word.startswith("-")]
    return say("cli.stopped_class") if words[:1] and words[0] in _KEEPING else say("cli.stopped")


def require_file(path: Path, hint: str) -> None:
    """Refuse a path at which no file is, and name the file that may be meant.

    Raises
    ------
    RequestError
        If there is none.
    """
    if path.is_dir():
        raise RequestError(say("cli.is_a_folder", path=path), hint=hint)
    if not path.is_file():
        near = _similar(path)
        raise RequestError(say("cli.no_file", path=path), hint=say("cli.near", near=near) if near else hint)


def _similar(path: Path) -> Path | None:
    """Return the file beside a path whose name is most like it, if one is."""
    import difflib

    try:
        names = {
            other.name.casefold(): other for other in islice(path.parent.iterdir(), _MOST_NAMES) if other.is_file()
        }
    except (OSError, ValueError):
        return None
    near = difflib.get_close_matches(path.name.casefold(), names, n=1, cutoff=0.75)
    return names[near[0]] if near else None


def without_color() -> bool:
    """Whether NO_COLOR is set, which asks for no colour and nothing else (no-color.org)."""
    return bool(os.environ.get("NO_COLOR"))


def _refused(error: Exception) -> int:
    """Say what is wrong with the words of the command; a shell may have put names of files among them."""
    from grader.rendering.text import one_line

    shown = cast("Any", error)
    if type(error).__name__ != "NoArgsIsHelpError":  # whose message is the help; typer has no public name for it
        shown.message = one_line(shown.message)
    shown.show()
    return int(Exit.BAD_REQUEST)


def _explained(error: Exception) -> int:
    """Say what an error that is not ours means for whoever runs the command, and return the exit code."""
    if isinstance(error, UsageError):
        return _refused(error)
    if isinstance(error, BrokenPipeError):  # whoever reads our output had enough of it
        _write_no_more()
        return int(Exit.NOT_PASSED)
    if isinstance(error, OSError) and error.errno in FULL:
        problem = (
            say("cli.file_not_written", filename=error.filename, reason=error.strerror)
            if error.filename
            else say("cli.output_not_written", reason=error.strerror)
        )
        _complain(RequestError(problem, hint=say("cli.not_written.hint")))
        _write_no_more()
        return int(Exit.BAD_REQUEST)
    if "GRADER_TRACEBACK" in os.environ:
        raise error
    _complain(failure(GraderError, "cli.our_fault", name=type(error).__name__, error=error))
    return int(Exit.PROVISIONAL)


def _write_no_more() -> None:
    """Let what is still to be written to stdout go nowhere, so that leaving raises no second error."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def print_line(line: str, *, err: bool = False) -> None:
    """Print one line; names and texts in it are anybody's, so line breaks and control characters are spelled out."""
    from grader.rendering.text import spell_out

    _print(spell_out(line), err=err)


def print_text(text: str) -> None:
    """Print text of several lines that may quote somebody."""
    from grader.rendering.text import clean

    _print(clean(text).removesuffix("\n"))


def print_json(json: str) -> None:
    """Print JSON, with what a terminal could obey escaped as JSON does it."""
    from grader.rendering.text import spell_out_json

    _print(spell_out_json(json).removesuffix("\n"))


def print_record(record: object) -> None:
    """Print a record, or several, as JSON."""
    import msgspec

    print_json(msgspec.json.format(msgspec.json.encode(record), indent=2).decode())


def _print(text: str, *, err: bool = False) -> None:
    """Print text; what the encoding of the output lacks is spelled out, whatever the output is."""
    encoding = (sys.stderr if err else sys.stdout).encoding or "utf-8"
    typer.echo(text.encode(encoding, "backslashreplace").decode(encoding), err=err)


def _version(on: bool) -> None:
    if on:
        typer.echo(f"grader {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[  # noqa: ARG001  # its callback has printed it
        bool,
        typer.Option("--version", help=say("cli.common.version"), callback=_version, is_eager=True),
    ] = False,
    language: LanguageOption = None,
) -> None:
    """Read the options that come before a command."""
    choose_messages(language, None)


def _complain(error: GraderError) -> None:
    from grader.rendering.text import one_line

    sys.stderr.write(say("cli.error", problem=one_line(error.problem), hint=one_line(error.hint)) + "\n")
