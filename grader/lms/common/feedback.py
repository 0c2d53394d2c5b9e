"""What the student sees first, by every route: the summary, as plain text or as HTML that any LMS lets through."""

from __future__ import annotations

from html import escape

from grader.records import Result
from grader.rendering.text import clean

PAGE = "feedback.html"  # as a batch calls a student's page, and as the student gets it


def plain(result: Result) -> str:
    """Return the summary as plain text: paragraphs with an empty line between them."""
    return "\n\n".join(_paragraphs(result))


def html(result: Result) -> str:
    """Return the summary as HTML of ``p``, ``strong`` and ``br`` alone, on one line, everything in it escaped."""
    first, *rest = (escape(paragraph, quote=True).replace("\n", "<br>") for paragraph in _paragraphs(result))
    return "".join([f"<p><strong>{first}</strong></p>", *(f"<p>{paragraph}</p>" for paragraph in rest)])


def _paragraphs(result: Result) -> list[str]:
    summary = result.summary
    step = f"Next step: {summary.next_step}" if summary.next_step and not result.passed else summary.next_step
    return [clean(paragraph).strip() for paragraph in (summary.headline, step, summary.text) if paragraph.strip()]
