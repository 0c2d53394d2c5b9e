"""A drafted note to the class about its commonest mistakes: about the work, never about a person."""

from __future__ import annotations

from grader.classroom.statistics.overview import CauseCount, Overview
from grader.classroom.statistics.rows import Classroom
from grader.records.points import of

MOST_MISTAKES = 5
FEWEST = 3  # a mistake of one or two would point at somebody


def note(found: Classroom, counts: Overview) -> str:
    """Return the note as plain text; every number in it was counted."""
    if not counts.read:
        return "No notebook could be read yet, so there is nothing to say about the mistakes in them.\n"
    paragraphs = [_opening(counts), *_mistakes(mistakes(counts), found, counts), *_rights(counts), _closing()]
    return "\n\n".join(paragraphs) + "\n"


def mistakes(counts: Overview) -> list[CauseCount]:
    """Return the commonest causes that speak of nobody: most frequent first."""
    return [cause for cause in counts.causes if cause.count >= FEWEST][:MOST_MISTAKES]


def _opening(counts: Overview) -> str:
    handed = counts.submissions - dict(counts.statuses).get("no_notebook", 0)
    said = [f"{_notebooks(handed)} of the exercise “{counts.title}” {_were(handed)} graded."]
    if counts.read < handed:
        said.append(f"{counts.read} of them could be read.")
    if counts.scores:
        said.append(f"The median score is {of(counts.scores.median, counts.scores.possible)}.")
    said.append(f"In {counts.passed} everything is right.")
    return " ".join(said)


def _mistakes(common: list[CauseCount], found: Classroom, counts: Overview) -> list[str]:
    if not common:
        return [f"No single mistake stands in {FEWEST} notebooks or more."]
    return ["What came up most often:", *(_mistake(cause, found, counts) for cause in common)]


def _mistake(cause: CauseCount, found: Classroom, counts: Overview) -> str:
    words = found.words(cause.function, cause.cause)
    lines = [f"- {cause.function}: {cause.title} ({cause.count} of {_notebooks(counts.read)})."]
    if words.action:
        lines.append(f"  What to do: {words.action}.")
    if words.reason:
        lines.append(f"  Why: {words.reason}")
    return "\n".join(lines)


def _rights(counts: Overview) -> list[str]:
    """Say what went well: the checks that at least nine in ten passed, as a count."""
    well = [check for check in counts.checks if check.share >= 0.9]
    if not well or len(well) == len(counts.checks):
        return []
    return [
        f"What went well: {len(well)} of the {len(counts.checks)} things checked are right in at least 90 % of the notebooks."
    ]


def _closing() -> str:
    return "Your own page says what holds for your notebook, with the lines to look at and what was measured."


def _notebooks(count: int) -> str:
    return f"{count:,} notebook{'' if count == 1 else 's'}"


def _were(count: int) -> str:
    return "was" if count == 1 else "were"
