"""Feedback for a system that shows it inside its own page: a piece of HTML of few tags, or plain text.  Bounded, escaped."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from markupsafe import Markup

from grader.records import CheckResult, FunctionResult, Shown
from grader.rendering import html, text, words

# what any system's sanitizer may be expected to leave; a test holds the template to it
TAGS = frozenset("p br strong em code pre ul ol li h3 h4 table thead tbody tr th td".split())
PAGE_TAGS = TAGS | {"html", "head", "meta", "title", "body"}
CUT = "… (cut: there was more than this system takes)"
MOST_LINE = 2_000  # characters of one line: a message may quote an endless one of the student's


def function_html(function: FunctionResult) -> str:
    """Return the verdict on one function."""
    return _html("function", function)


def said_html(paragraphs: Sequence[str]) -> str:
    """Return paragraphs."""
    return _html("said", paragraphs)


def page_html(title: str, pieces: Sequence[tuple[str, str]]) -> str:
    """Return a whole small page of pieces of HTML, each under a heading unless that is empty."""
    made = [(heading, Markup(piece)) for heading, piece in pieces]  # noqa: S704  # pieces are HTML already, made here
    return _html("page", title, made) + "\n"


def function_text(name: str, function: FunctionResult) -> str:
    """Return the verdict on one function as plain text."""
    standing = f"{name}: {text.of(function.points, function.possible)} points, {words.status(function)}."
    return _lines([standing, *_told(function)])


def cut(said: str, most_bytes: int) -> str:
    """Return whole lines of `said` that take at most `most_bytes` as a JSON string in UTF-8; the last says if it was cut."""
    lines = said.split("\n")
    if sum(map(_json_bytes, lines)) <= most_bytes:
        return said
    room, kept = most_bytes - _json_bytes(CUT), []
    for line in lines:
        room -= _json_bytes(line)
        if room < 0:
            break
        kept.append(line)
    return "\n".join([*kept, CUT])


def _json_bytes(line: str) -> int:
    return len(json.dumps(line, ensure_ascii=False).encode("utf-8", "replace"))  # its quotes pay for the line's end


def _html(macro: str, *arguments: object) -> str:
    made = str(getattr(html.macros("_fragment.html"), macro)(*arguments))
    return re.sub(r"\n\s*\n+", "\n", made).strip()


def _told(function: FunctionResult) -> Iterator[str]:
    if function.status == "graded":
        yield from (function.message, _hint(function.hint))
    else:
        found = words.advice(function)
        yield from (found.message, _hint(found.hint), *_shown(found.evidence))
    for cause in function.told:
        yield f"* {words.sentence(cause.title)} {words.sentence(cause.action)}"
        yield from (f"  {name}: {said}" for name, said in (("yours", cause.wrote), ("asked for", cause.asked)) if said)
        yield f"  {cause.reason}" if cause.reason else ""
    if function.known:
        yield f"Proved by trying: {words.known(function)}"
        if function.known.old is not None:
            yield f"  now:   {function.known.old or '(no such line)'}"
            yield f"  right: {function.known.new or '(without this line)'}"
    if function.status == "graded":
        for check in function.checks:
            if check.verdict in {"failed", "broken"}:
                yield from _check(check)
    yield from function.explanation
    yield from (f"Saved output (it changes no points): {said}" for said in function.stale)


def _check(check: CheckResult) -> Iterator[str]:
    yield f"- {check.title} ({words.VERDICT[check.verdict]}, {words.worth(check)}): {check.message}"
    yield words.VERDICT_NOTE[check.verdict]
    yield _hint(check.hint)
    yield from _shown(check.evidence)


def _hint(hint: str | None) -> str:
    return f"  hint: {hint}" if hint else ""


def _shown(shown: Shown | None) -> tuple[str, ...]:
    if shown is None:
        return ()
    return f"  call: {shown.call}", f"  got:  {shown.got}", f"  want: {shown.want}"


def _lines(parts: Sequence[str]) -> str:
    """Join what says something, each cleaned and of bounded length."""
    cleaned = (text.clean(part).rstrip() for part in parts if part)
    return "\n".join(line if len(line) <= MOST_LINE else f"{line[:MOST_LINE]} …" for line in cleaned)
