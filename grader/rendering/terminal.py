"""The result in a terminal: a summary that fits one screen, and plain lines for logs and screen readers.

Student text is cleaned of control characters and wrapped in `Text`, so that neither an escape sequence nor rich's own
markup in it is ever obeyed.
"""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from grader.faults import attempt, surviving
from grader.messages import say
from grader.records import FunctionResult, Result, Shown
from grader.rendering import text, words

COLUMNS = 68  # of a terminal's 80, what a line of evidence may take
MOST_COLUMNS = 240  # of any one message: an exception's text may be endless


def show(result: Result, console: Console | None = None) -> None:
    """Print a summary: the score, what each function earned, what failed and what to do next."""
    console = console or Console()
    for indent, line in _summary(result):
        for part in _encodable(line, console.encoding).wrap(console, console.width - indent, overflow="fold"):
            part.rstrip()
            console.print(Text(" " * indent).append_text(part), soft_wrap=True)


def plain_lines(result: Result) -> list[str]:
    """Return one fact a line, its kind first: no colour, no boxes, no alignment."""
    facts = [("SCORE", f"{_score(result)} {result.submission.name}"), ("RESULT", result.summary.headline)]
    facts += [("NEXT", result.summary.next_step), ("TEXT", result.summary.text)]
    if result.self_check:
        facts.append(("SELF-CHECK", say("words.self_check")))
    if result.provisional:
        facts.append(("PROVISIONAL", say("terminal.provisional")))
    if result.notebook.status != "ok":
        facts.append((result.notebook.status.upper(), words.notebook(result.notebook.status)))
    facts += [("NOTE", message) for message in _problems(result) if message not in result.summary.text]
    for name, function in result.functions.items() if _is_read(result) else ():  # else each would say the same
        facts += surviving(f"the lines on {name}", _facts(name, function))
        facts += [("NOTE", f"{name}: {sentence}") for sentence in function.stale]
    return [text.one_line(f"{kind} {fact}") for kind, fact in facts if fact]


# --- one screen ----------------------------------------------------------------------------------------------------

ScreenLine = tuple[int, Text]


def _summary(result: Result) -> Iterator[ScreenLine]:
    yield 0, _text(f"{result.title}: {result.submission.name}", "dim")
    yield 0, _text(text.of(result.score, result.possible), "bold") + _text(f"  {text.headline(result)}")
    if result.self_check:
        yield 0, _text(say("words.self_check"), "bold")
    if result.summary.next_step:
        yield 0, _text(f"{say('terminal.next')} ", "bold") + _text(result.summary.next_step)
    for paragraph in filter(None, result.summary.text.split("\n")):
        yield 0, _text(paragraph)
    if result.provisional:
        yield 0, _text(say("terminal.provisional"), "bold")
    problems = [problem for problem in _problems(result) if problem not in result.summary.text]
    if problems or result.notebook.status == "repaired":
        yield (
            0,
            _text(text.sentences([say("terminal.notebook", status=words.notebook(result.notebook.status)), *problems])),
        )
    yield 0, Text()
    width = max((len(name) for name in result.functions), default=0)
    for name, function in result.functions.items():
        yield 0, _standing(name.ljust(width), function)
    for name, function in result.functions.items():
        if _is_read(result):  # else each would say the same again
            yield from surviving(f"the lines on {name}", _function(name, function))
            yield from _stale(name, function)


def _is_read(result: Result) -> bool:
    return result.notebook.status in {"ok", "repaired"}


def _problems(result: Result) -> list[str]:
    return [problem.message for problem in result.notebook.problems]


def _standing(name: str, function: FunctionResult) -> Text:
    earned = text.of(function.points, function.possible).rjust(8)
    style = "green" if function.passed else "bold red"
    status = attempt("a status", lambda: words.status(function), lambda _: function.status)
    return _text(f"{name}  {earned}  ") + _text(status, style)


def _function(name: str, function: FunctionResult) -> Iterator[ScreenLine]:
    """Yield what is to be fixed in one function; nothing for a right one."""
    if function.passed:
        return
    yield 0, Text()
    yield 0, _text(name, "bold")
    if function.status == "graded":
        yield from _checks(function)
    else:
        advice = words.advice(function)
        yield 2, _bounded(advice.message)
        yield from _help(advice.hint, advice.evidence)
    for kind, fact in (*_written(function), *_proved(function)):
        yield 2, _label(kind) + _bounded(fact)


def _stale(name: str, function: FunctionResult) -> Iterator[ScreenLine]:
    """Yield which of a function's outputs, as the notebook keeps them, are not those of its code."""
    if function.passed and function.stale:
        yield 0, Text()
        yield 0, _text(name, "bold")
    for sentence in function.stale:
        yield 2, _label("note") + _text(sentence)


def _checks(function: FunctionResult) -> Iterator[ScreenLine]:
    """Yield the first open check in full and the others by name: one thing at a time, on one screen."""
    if function.message:
        yield 2, _bounded(function.message)
    open_checks = [check for verdict in ("failed", "broken") for check in function.checks if check.verdict == verdict]
    for check in open_checks[:1]:
        yield 2, _text(f"{words.verdict(check.verdict)}: ", "bold red") + _bounded(check.message)
        yield from _help(check.hint, check.evidence)
    for verdict in ("failed", "broken"):
        others = [check.title for check in open_checks[1:] if check.verdict == verdict]
        if others:
            yield 2, _text(say("terminal.also", verdict=words.verdict(verdict), checks="; ".join(others)))


def _help(hint: str | None, evidence: Shown | None) -> Iterator[ScreenLine]:
    """Yield the hint and the call that shows the fault."""
    if hint:
        yield 4, _label("hint") + _bounded(hint)
    shown = [(say(f"terminal.{kind}"), value) for kind, value in _shown(evidence)]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        yield 4, _text(f"{name.ljust(width)} ", "dim") + _text(text.shorten(value, COLUMNS))


def _label(kind: str) -> Text:
    """Return the word for a kind of fact, as a label before it."""
    return _text(f"{say(f'terminal.{kind}')}: ", "dim")


def _shown(shown: Shown | None) -> tuple[tuple[str, str], ...]:
    return (("call", shown.call), ("got", shown.got), ("want", shown.want)) if shown else ()


def _written(function: FunctionResult) -> tuple[tuple[str, str], ...]:
    """Return the line that the numbers give away, for the first cause that has one, and why the idea does not hold."""
    cause = next((cause for cause in function.told if cause.wrote), None)
    if cause is None:
        return ()
    return (("yours", cause.wrote or ""), *((("why", cause.reason),) if cause.reason else ()))


def _proved(function: FunctionResult) -> tuple[tuple[str, str], ...]:
    """Return what is proved of a fault, as far as it may be shown."""
    fault = function.known
    if fault is None:
        return ()
    now, right = ("now", words.line_now(fault)), ("right", words.line_right(fault))
    return (("proved", fault.message), *(() if fault.old is None else (now, right)))


def _text(words: str, style: str = "") -> Text:
    """Wrap text that may be anybody's: nothing in it is a command to the terminal or to rich."""
    return Text.assemble(
        (text.clean(words).replace("\n", " ").replace("\t", " "), style)
    )  # not the style of what follows


def _bounded(message: str) -> Text:
    """Wrap a message that may quote the student, cut where it is endless."""
    return _text(text.shorten(message, MOST_COLUMNS))


def _encodable(line: Text, encoding: str) -> Text:
    """Put a question mark, as wide as it, for each character that the terminal's encoding does not hold."""
    line.plain = line.plain.encode(encoding, "replace").decode(encoding)
    return line


# --- one fact a line -----------------------------------------------------------------------------------------------


def _score(result: Result) -> str:
    return f"{text.points(result.score)}/{text.points(result.possible)}"


def _facts(name: str, function: FunctionResult) -> Iterator[tuple[str, str]]:
    """Yield (kind, fact) for one function: its state, then each check that did not pass."""
    earned = f"{name} {text.points(function.points)}/{text.points(function.possible)}"
    if function.status != "graded":
        advice = words.advice(function)
        yield function.status.upper(), f"{earned} {advice.message or words.status(function)}"
        yield from _details(name, advice.hint, advice.evidence)
        yield from ((kind.upper(), f"{name}: {fact}") for kind, fact in _proved(function))
        return
    if function.passed:
        yield "PASSED", earned
    for check in function.checks:
        if check.verdict == "skipped" and not check.possible:  # only shown: the training
            yield "INFO", say("terminal.no_points", name=name, check=check.name, message=check.message)
        elif check.verdict != "passed":
            yield check.verdict.upper(), f"{earned} {check.name}: {check.message}"
            yield from _details(f"{name} {check.name}", check.hint, check.evidence)
    yield from ((kind.upper(), f"{name}: {fact}") for kind, fact in _proved(function))


def _details(where: str, hint: str | None, shown: Shown | None) -> Iterator[tuple[str, str]]:
    for kind, fact in (("hint", hint), *_shown(shown)):
        yield kind.upper(), f"{where}: {fact}" if fact else ""
