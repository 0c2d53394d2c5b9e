"""The result in a terminal: a summary that fits one screen, and plain lines for logs and screen readers.

Student text is cleaned of control characters and wrapped in `Text`, so that neither an escape sequence nor rich's own
markup in it is ever obeyed.
"""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from grader.records import CheckResult, FunctionResult, Result, Shown
from grader.report import text, words

COLUMNS = 68  # of a terminal's 80, what a line of evidence may take
MOST_CHARACTERS = 240  # of any one message: an exception's text may be endless
PROVISIONAL = "The score is provisional: a part could not be judged, by our fault, and a person will look."


def show(result: Result, console: Console) -> None:
    """Print a summary: the score, what each function earned, what failed and what to do next."""
    for indent, line in _summary(result):
        for part in _encodable(line, console.encoding).wrap(console, console.width - indent, overflow="fold"):
            part.rstrip()
            console.print(Text(" " * indent).append_text(part), soft_wrap=True)


def plain_lines(result: Result) -> list[str]:
    """Return one fact a line, its kind first: no colour, no boxes, no alignment."""
    facts = [("SCORE", f"{_score(result)} {result.submission.name}"), ("RESULT", result.summary.headline)]
    facts.append(("TEXT", result.summary.text))
    if result.provisional:
        facts.append(("PROVISIONAL", PROVISIONAL))
    if result.notebook.status != "ok":
        facts.append((result.notebook.status.upper(), words.NOTEBOOK[result.notebook.status]))
    facts += [("NOTE", message) for message in _problems(result)]
    for name, function in result.functions.items():
        facts += _facts(name, function)
    facts.append(("NEXT", result.summary.next_step))
    return [text.one_line(f"{kind} {said}") for kind, said in facts if said]


# --- one screen ----------------------------------------------------------------------------------------------------

Line = tuple[int, Text]


def _summary(result: Result) -> Iterator[Line]:
    yield 0, _text(f"{result.title}: {result.submission.name}", "dim")
    yield 0, _text(text.of(result.score, result.possible), "bold") + _text(f"  {result.summary.headline}")
    for paragraph in result.summary.text.split("\n"):
        yield 0, _text(paragraph)
    if result.provisional:
        yield 0, _text(PROVISIONAL, "bold")
    if result.notebook.status != "ok":
        yield 0, _text(text.sentences([f"Notebook: {words.NOTEBOOK[result.notebook.status]}.", *_problems(result)]))
    yield 0, Text()
    width = max((len(name) for name in result.functions), default=0)
    for name, function in result.functions.items():
        yield 0, _standing(name.ljust(width), function)
    for name, function in result.functions.items():
        if result.notebook.status in {"ok", "repaired"}:  # else each would say the same again
            yield from _function(name, function)
    if result.summary.next_step:
        yield 0, Text()
        yield 0, _text("Next: ", "bold") + _text(result.summary.next_step)


def _problems(result: Result) -> list[str]:
    return [problem.message for problem in result.notebook.problems]


def _standing(name: str, function: FunctionResult) -> Text:
    earned = text.of(function.points, function.possible).rjust(8)
    style = "green" if function.passed else "bold red"
    return _text(f"{name}  {earned}  ") + _text(words.status(function), style)


def _function(name: str, function: FunctionResult) -> Iterator[Line]:
    """Yield what is to be mended in one function; nothing for a right one."""
    open_checks = [check for verdict in ("failed", "broken") for check in function.checks if check.verdict == verdict]
    if function.passed or not (open_checks or function.message):
        return
    yield 0, Text()
    yield 0, _text(name, "bold")
    if function.message:
        yield 2, _text(function.message)
    if function.hint:
        yield 2, _hint(function.hint)
    for place, check in enumerate(open_checks):
        yield 2, _text(f"{words.VERDICT[check.verdict]}: ", "bold red") + _text(f"{check.title}: {check.message}")
        if place == 0:  # one thing at a time, and three functions fit one screen
            yield from _advice(check)


def _advice(check: CheckResult) -> Iterator[Line]:
    """Yield the hint and the call that shows the fault."""
    if check.hint:
        yield 4, _hint(check.hint)
    if check.evidence:
        for name, said in _shown(check.evidence):
            yield 4, _text(f"{name:5}", "dim") + _text(text.shorten(said, COLUMNS))


def _hint(hint: str) -> Text:
    return _text("hint: ", "dim") + _text(hint)


def _shown(shown: Shown) -> tuple[tuple[str, str], ...]:
    return ("call", shown.call), ("got", shown.got), ("want", shown.want)


def _text(said: str, style: str = "") -> Text:
    """Wrap text that may be anybody's: nothing in it is a command to the terminal or to rich."""
    flat = text.clean(said).replace("\n", " ").replace("\t", " ")
    return Text(flat if len(flat) <= MOST_CHARACTERS else flat[:MOST_CHARACTERS] + " ...", style)


def _encodable(line: Text, encoding: str) -> Text:
    """Put a question mark, as wide as it, for each character that the terminal's encoding does not hold."""
    line.plain = line.plain.encode(encoding, "replace").decode(encoding)
    return line


# --- one fact a line -----------------------------------------------------------------------------------------------


def _score(result: Result) -> str:
    return f"{text.points(result.score)}/{text.points(result.possible)}"


def _facts(name: str, function: FunctionResult) -> Iterator[tuple[str, str]]:
    """Yield (kind, fact) for one function: how it stands, then each check that did not pass."""
    earned = f"{name} {text.points(function.points)}/{text.points(function.possible)}"
    open_checks = [check for check in function.checks if check.verdict != "passed"]
    if function.status != "graded":
        yield function.status.upper(), f"{earned} {function.message or words.status(function)}"
        yield "HINT", f"{name}: {function.hint}" if function.hint else ""
    elif not open_checks:
        yield "PASSED" if function.passed else "FAILED", earned
    for check in open_checks:
        yield check.verdict.upper(), f"{earned} {check.name}: {check.message}"
        yield "HINT", f"{name} {check.name}: {check.hint}" if check.hint else ""
        yield from _evidence(f"{name} {check.name}", check.evidence)


def _evidence(where: str, shown: Shown | None) -> Iterator[tuple[str, str]]:
    for kind, said in _shown(shown) if shown else ():
        yield kind.upper(), f"{where}: {said}"
