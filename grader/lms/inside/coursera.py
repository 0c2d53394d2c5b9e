"""Coursera: the grader inside its container.  One part of a programming assignment is graded at a time.

Coursera takes a share of the points from 0 to 1.  Where a part could not be judged none is written, which it reports as an
error of the grader: a zero would be the student's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from grader.errors import RequestError
from grader.files import write
from grader.lms.common import feedback
from grader.lms.common.system import Done, Run
from grader.lms.inside import run as inside
from grader.lms.inside.run import JudgedHandIn
from grader.messages import refusal, say
from grader.records import Result
from grader.rendering import fragment, text

MOST_FEEDBACK_BYTES = 60_000  # Coursera cuts the text at 64 KB; ours ends on a line and says so
MOST_PAGE_BYTES = 500_000  # no limit is documented


def run(request: Run) -> Done:
    """Grade ``submission/`` of the root and write ``htmlFeedback.html`` and ``feedback.json``."""
    path = request.root / "feedback.json"

    def put(judged: JudgedHandIn) -> None:
        judged, names = of_part(judged, request)
        write(request.root / "htmlFeedback.html", page(judged, names))
        inside.put_json(path, document(judged, names))

    def part(names: Sequence[str]) -> Sequence[str]:
        return functions(request.part, request.parts, names)

    judged = inside.graded(request, "submission", put, part=part)
    return inside.done(of_part(judged, request)[0], path)


def of_part(judged: JudgedHandIn, request: Run) -> tuple[JudgedHandIn, tuple[str, ...]]:
    """Return what is to be said of the part that is graded, and the functions that it holds: all without a known part."""
    if judged.result is None:
        return judged, ()
    try:
        return judged, functions(request.part, request.parts, tuple(judged.result.functions))
    except RequestError as error:
        return JudgedHandIn(failure=f"{error.problem}."), ()


def functions(part: str | None, parts: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """Return the functions of a part; `parts` holds ``ID=FUNCTION[,FUNCTION...]``, a function by its long or short name.

    A part that is called like a function needs no such entry; without any, every part is the whole exercise.

    Raises
    ------
    RequestError
        If an entry names no function of the exercise, or there are entries and none is for this part.
    """
    called = {short: name for name, short in text.short_names(names).items()} | {name: name for name in names}
    table = {}
    for entry in parts:
        identifier, _, wanted = entry.partition("=")
        chosen = [called.get(name.strip()) for name in wanted.split(",")]
        if not identifier.strip() or None in chosen:
            raise refusal("lms.coursera.part_unclear", entry=entry, names=tuple(called))
        table[identifier.strip()] = tuple(name for name in names if name in chosen)
    if part is None or (not table and part not in called):
        return tuple(names)
    if part in table:
        return table[part]
    if part in called:
        return (called[part],)
    raise refusal("lms.coursera.part_unknown", part=part)


def document(judged: JudgedHandIn, names: Sequence[str]) -> dict[str, Any]:
    """Return what feedback.json holds."""
    share = _share(judged.result, names)
    feedback = fragment.cut(_text(judged, names), MOST_FEEDBACK_BYTES)
    head = {} if share is None else {"fractionalScore": share}
    return {**head, "feedback": feedback, "feedbackType": "HTML"}


def page(judged: JudgedHandIn, names: Sequence[str]) -> str:
    """Return htmlFeedback.html: of the two the learner sees this one alone."""
    title, result = say("lms.coursera.title"), judged.result
    pieces = [("", fragment.said_html(_told(judged, names)))]
    if result is not None:
        title = result.title
        pieces.insert(0, ("", feedback.html(result)))
    if result is not None and result.notebook.status in {"ok", "repaired"}:
        pieces += [(name, fragment.function_html(result.functions[name])) for name in _open_first(result, names)]
    page = fragment.page_html(title, pieces)
    return (
        page
        if len(page.encode()) <= MOST_PAGE_BYTES
        else fragment.page_html(title, [*pieces[:2], ("", fragment.cut_note())])
    )


def _open_first(result: Result, names: Sequence[str]) -> list[str]:
    return sorted(names, key=lambda name: result.functions[name].passed)


def _share(result: Result | None, names: Sequence[str]) -> float | None:
    chosen = [] if result is None else [result.functions[name] for name in names]
    possible = sum(function.possible for function in chosen)
    if not possible or any(function.provisional for function in chosen):
        return None
    return inside.number(sum(function.points for function in chosen)) / inside.number(possible)


def _told(judged: JudgedHandIn, names: Sequence[str]) -> tuple[str, ...]:
    """Return what is to be said beside the verdict: why there is no score, which part this is, which file counted."""
    result = judged.result
    excuse = (
        ()
        if _share(result, names) is not None
        else (judged.failure or say("lms.inside.in_part"), say("lms.inside.ours"))
    )
    if result is None or len(names) == len(result.functions):
        return (*excuse, *judged.notes)
    chosen = [result.functions[name] for name in names]
    earned = text.of(sum(function.points for function in chosen), sum(function.possible for function in chosen))
    return (say("lms.coursera.part", names=tuple(names), earned=earned), *excuse, *judged.notes)


def _text(judged: JudgedHandIn, names: Sequence[str]) -> str:
    result = judged.result
    pieces = ["\n\n".join(_told(judged, names))]
    if result is not None:
        pieces.insert(0, feedback.plain(result))
    if result is not None and result.notebook.status in {"ok", "repaired"}:
        pieces += [fragment.function_text(name, result.functions[name]) for name in _open_first(result, names)]
    return "\n\n".join(filter(None, pieces))
