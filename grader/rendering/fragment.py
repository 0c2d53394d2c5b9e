"""Feedback for a system that shows it inside its own page: a piece of HTML of few tags, or plain text.  Bounded, escaped."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from markupsafe import Markup

from grader.explaining.summary import without_answers
from grader.messages import say
from grader.records import CheckResult, FunctionResult, Shown
from grader.rendering import html, text, words

# what any system's sanitizer may be expected to leave; a test holds the template to it
TAGS = frozenset("p br strong em code pre ul ol li h3 h4 table thead tbody tr th td".split())
MOST_LINE = 2_000  # characters of one line: a message may quote an endless one of the student's


def function_html(function: FunctionResult, *, answers: bool = True) -> str:
    """Return the verdict on one function; without `answers`, what its hints tell is left out."""
    if not answers:
        actions = [cause.action for cause in function.told]
        paragraphs = [text for text in function.explanation if not any(action in text for action in actions)]
        function = replace(function, explanation=tuple(paragraphs))
    return _html("function", without_answers(function), answers)


def said_html(paragraphs: Sequence[str]) -> str:
    """Return paragraphs."""
    return _html("told", paragraphs)


def page_html(title: str, pieces: Sequence[tuple[str, str]]) -> str:
    """Return a whole small page of pieces of HTML, each under a heading unless that is empty."""
    sections = [(heading, Markup(piece)) for heading, piece in pieces]  # noqa: S704  # pieces are HTML already, made here
    return _html("page", title, sections) + "\n"


def function_text(name: str, function: FunctionResult) -> str:
    """Return the verdict on one function as plain text."""
    points = text.of(function.points, function.possible)
    standing = say("fragment.standing", name=name, points=points, status=words.status(function))
    return _lines([standing, *_verdict(without_answers(function))])


def cut_note() -> str:
    """Return the line that takes the place of what a system has no room for."""
    return say("fragment.cut")


def cut(text: str, most_bytes: int) -> str:
    """Return whole lines of a text that take at most `most_bytes` as a JSON string in UTF-8; the last says if it was cut."""
    lines = text.split("\n")
    if sum(map(_json_bytes, lines)) <= most_bytes:
        return text
    note = cut_note()
    room, shown = most_bytes - _json_bytes(note), []
    for line in lines:
        room -= _json_bytes(line)
        if room < 0:
            break
        shown.append(line)
    return "\n".join([*shown, note])


def _json_bytes(line: str) -> int:
    return len(json.dumps(line, ensure_ascii=False).encode("utf-8", "replace"))  # its quotes pay for the line's end


def _html(macro: str, *arguments: object) -> str:
    written = str(getattr(html.macros("_fragment.html"), macro)(*arguments))
    return re.sub(r"\n\s*\n+", "\n", written).strip()


def _verdict(function: FunctionResult) -> Iterator[str]:
    if function.status == "graded":
        yield from (function.message, _hint(function.hint))
    else:
        advice = words.advice(function)
        yield from (advice.message, _hint(advice.hint), *_shown(advice.evidence))
    for cause in function.told:
        yield f"* {words.sentence(cause.title)} {words.sentence(cause.action)}"
        yield f"  {say('words.change.wrote')} {cause.wrote}" if cause.wrote else ""
        yield f"  {say('words.change.asked')} {cause.asked}" if cause.asked else ""
        yield f"  {cause.reason}" if cause.reason else ""
    if function.known:
        yield f"{say('words.proved')} {function.known.message}"
        if function.known.old is not None:
            yield f"  {say('words.proved.now')} {words.line_now(function.known)}"
            yield f"  {say('words.proved.right')} {words.line_right(function.known)}"
    if function.status == "graded":
        for check in function.checks:
            if check.verdict in {"failed", "broken"}:
                yield from _check(check)
    yield from function.explanation
    yield from (say("fragment.stale.line", text=sentence) for sentence in function.stale)


def _check(check: CheckResult) -> Iterator[str]:
    verdict, points = words.verdict(check.verdict), words.worth(check)
    yield say("fragment.list", title=check.title, verdict=verdict, points=points, message=check.message)
    yield words.verdict_note(check.verdict)
    yield _hint(check.hint)
    yield from _shown(check.evidence)


def _hint(hint: str | None) -> str:
    return f"  {say('words.hint')} {hint}" if hint else ""


def _shown(shown: Shown | None) -> tuple[str, ...]:
    if shown is None:
        return ()
    values = (("call", shown.call), ("got", shown.got), ("want", shown.want))
    return tuple(f"  {say(f'words.{name}')}: {value}" for name, value in values)


def _lines(parts: Sequence[str]) -> str:
    """Join what says something, each cleaned and of bounded length."""
    cleaned = (text.clean(part).rstrip() for part in parts if part)
    return "\n".join(line if len(line) <= MOST_LINE else f"{line[:MOST_LINE]} …" for line in cleaned)
