"""A drafted note to the class about its commonest mistakes: about the work, never about a person."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby

from grader.classroom.statistics.overview import FAMILIES, CheckCount, MistakeCount, Overview
from grader.classroom.statistics.rows import CauseWords, Classroom
from grader.explaining import cause_title
from grader.messages import say
from grader.records.points import of

MOST_MISTAKES = 5
FEWEST = 3  # a mistake of one or two would point at somebody
MOST_HARDEST = 3  # checks that tie are named up to so many


def note(classroom: Classroom, counts: Overview) -> str:
    """Return the note as plain text; every number in it was counted."""
    if not counts.read:
        return say("classroom.note.nothing") + "\n"
    paragraphs = [_opening(counts), *_mistakes(mistakes(counts), classroom, counts), *_rights(counts)]
    return "\n\n".join((*paragraphs, say("classroom.note.closing"))) + "\n"


def mistakes(counts: Overview) -> list[MistakeCount]:
    """Return the commonest mistakes that speak of nobody: most frequent first."""
    return [mistake for mistake in counts.mistakes if mistake.count >= FEWEST][:MOST_MISTAKES]


def words(mistake: MistakeCount, classroom: Classroom) -> CauseWords:
    """Return the words that hold for everybody who has a mistake: those of its causes where they agree, else of its family."""
    each = [
        classroom.words(function, cause)
        for cause, _ in mistake.causes
        for function in mistake.functions
        if (function, cause) in classroom.causes
    ]
    title, action, reason = (
        texts.pop() if len(texts) == 1 else ""
        for texts in ({getattr(one, part) for one in each} for part in ("title", "action", "reason"))
    )
    if mistake.family in FAMILIES:
        title = title or say(f"classroom.family.{mistake.family}")
        action = action or say(f"classroom.family.{mistake.family}.action")
    return CauseWords(title or cause_title(mistake.family) or mistake.family.replace("_", " "), action, reason)


def _opening(counts: Overview) -> str:
    handed = counts.submissions - dict(counts.statuses).get("no_notebook", 0)
    if counts.read == handed:
        sentences = [say("classroom.note.graded", count=handed, title=counts.title)]
    else:
        sentences = [
            say("classroom.note.handed", count=handed),
            say("classroom.note.read", count=counts.read, title=counts.title),
        ]
    if counts.scores:
        sentences.append(say("classroom.note.median", score=of(counts.scores.median, counts.scores.possible)))
    sentences.append(say("classroom.note.passed", count=counts.passed))
    return " ".join(sentences)


def _mistakes(common: list[MistakeCount], classroom: Classroom, counts: Overview) -> list[str]:
    if not common:
        return [" ".join((say("classroom.note.none", least=FEWEST), *hardest(counts, fewest=FEWEST)))]
    return [say("classroom.note.mistakes"), *(_mistake(mistake, classroom, counts) for mistake in common)]


def hardest(counts: Overview, names: Mapping[str, str] | None = None, *, fewest: int = 1) -> list[str]:
    """Name the checks that the smallest share passed, those that tie together; nothing where fewer than `fewest` failed one.

    `names` are other names of the functions.
    """
    least = min((check.share for check in counts.checks), default=1.0)
    checks = [check for check in counts.checks if check.share == least]
    if not any(check.judged - check.passed >= fewest for check in checks):
        return []
    groups = [list(group) for _, group in groupby(sorted(checks, key=_alike), _alike)]
    if len(groups) > MOST_HARDEST:
        return [say("classroom.hardest.many", count=len(checks))]
    if len(groups) == 1:
        return [_named(groups[0], names or {}, "single")]
    return [say("classroom.hardest", checks=[_named(group, names or {}, "check") for group in groups])]


def _alike(check: CheckCount) -> tuple[str, int]:
    return check.title, check.judged


def _named(group: list[CheckCount], names: Mapping[str, str], form: str) -> str:
    check, functions = group[0], [names.get(check.function, check.function) for check in group]
    values = {"check": check.title, "functions": functions, "passed": check.passed, "count": check.judged}
    if len(group) > 1:
        return say(f"classroom.hardest.{form}.each", **values)
    return say(f"classroom.hardest.{form}", **values)


def _mistake(mistake: MistakeCount, classroom: Classroom, counts: Overview) -> str:
    its = words(mistake, classroom)
    values = {"functions": mistake.functions, "cause": its.title, "number": f"{mistake.count:,}", "count": counts.read}
    lines = ["- " + say("classroom.note.mistake", **values)]
    if its.action:
        lines.append("  " + say("classroom.note.action", action=its.action))
    if its.reason:
        lines.append("  " + say("classroom.note.reason", reason=its.reason))
    return "\n".join(lines)


def _rights(counts: Overview) -> list[str]:
    """Return a sentence on what went well: the count of checks that at least nine in ten passed."""
    well = [check for check in counts.checks if check.share >= 0.9]
    if not well or len(well) == len(counts.checks):
        return []
    return [say("classroom.note.well", passed=len(well), checks=len(counts.checks))]
