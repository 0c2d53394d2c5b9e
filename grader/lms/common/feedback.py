"""What the student sees first, by every route: the summary, as plain text or as HTML that any LMS lets through."""

from __future__ import annotations

import re
from html import escape

from grader.messages import say
from grader.records import Result
from grader.rendering.lablink import lab_links
from grader.rendering.text import clean

BEGIN, END = (
    "[automatic feedback]",
    "[end of automatic feedback]",
)  # around ours in plain text, where people write as well
_OURS_HTML = re.compile(r'<div class="grader-feedback">.*?</div>', re.DOTALL)
_OURS_PLAIN = re.compile(rf"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
PAGE = "feedback.html"  # as a batch calls a student's page, and as the student gets it


def plain(result: Result) -> str:
    """Return the summary as plain text: paragraphs with an empty line between them."""
    links = (f"{link.words}: {link.address}" for link in lab_links(result))
    return "\n\n".join([*_paragraphs(result), *links])


def html(result: Result) -> str:
    """Return the summary as HTML of ``p``, ``strong`` and ``br`` alone, on one line, everything in it escaped.

    A link to the lab is an ``a`` whose text is its address, so that it stays where a system takes out tags.
    """
    first, *rest = (escape(paragraph, quote=True).replace("\n", "<br>") for paragraph in _paragraphs(result))
    links = (_link(escape(link.words), escape(link.address)) for link in lab_links(result))
    return "".join([f"<p><strong>{first}</strong></p>", *(f"<p>{paragraph}</p>" for paragraph in rest), *links])


def _link(words: str, address: str) -> str:
    return f'<p>{words}: <a href="{address}">{address}</a></p>'


def html_behind(before: str, result: Result) -> str:
    """Return a cell of HTML with our summary behind what people wrote, in place of ours where it is there already."""
    ours = f'<div class="grader-feedback">{html(result)}</div>'
    if not _OURS_HTML.search(before) and _text(ours) in _text(before):  # a system may take out what marks it as ours
        return before
    return _behind(before, ours, _OURS_HTML, "")


def plain_behind(before: str, result: Result) -> str:
    """Return a cell of plain text with our summary behind what people wrote, in place of ours where it is there already."""
    if not _OURS_PLAIN.search(before) and _text(plain(result)) in _text(before):
        return before
    return _behind(before, f"{BEGIN}\n{plain(result)}\n{END}", _OURS_PLAIN, "\n\n")


def words_of(before: str) -> str:
    """Return what people wrote in a cell, without our summary."""
    return _OURS_PLAIN.sub("", _OURS_HTML.sub("", before)).strip()


def as_html(text: str) -> str:
    """Return what people wrote as HTML; what holds tags is HTML already."""
    return text if _TAG.search(text) else escape(text, quote=False).replace("\n", "<br>")


def _text(cell: str) -> str:
    return " ".join(_TAG.sub(" ", cell).split())


def _behind(before: str, ours: str, pattern: re.Pattern[str], gap: str) -> str:
    if pattern.search(before):
        return pattern.sub(lambda _: ours, before, count=1)
    before = before.rstrip()
    return f"{before}{gap}{ours}" if before else ours


def _paragraphs(result: Result) -> list[str]:
    summary = result.summary
    step = (
        say("lms.next_step", step=summary.next_step) if summary.next_step and not result.passed else summary.next_step
    )
    return [clean(paragraph).strip() for paragraph in (summary.headline, step, summary.text) if paragraph.strip()]
