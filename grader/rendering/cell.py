"""A result, or the lab, as a cell of a notebook shows it: HTML without script, in the colours of the notebook."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from markupsafe import Markup

from grader.faults import attempt
from grader.messages import say
from grader.records import Result
from grader.rendering import fragment, html
from grader.rendering.feedback import open_first
from grader.rendering.image import picture_images

LAB_HEIGHT = "900px"
HINT, MORE = "session_hint", "session_more"  # codes of notes: a hint that was asked for, and how to ask for the next


def result_html(result: Result) -> str:
    """Return the score, the next step, a picture and the folded details of a result."""
    return attempt("showing the result", lambda: _whole(result), lambda _: f"<p>{escape(repr(result))}</p>")


def _whole(result: Result) -> str:
    problems = result.notebook.problems
    answers = not any(problem.code in (HINT, MORE) for problem in problems)  # else they come one at a time
    details = [
        (name, function, Markup(_left(fragment.function_html(function, answers=answers))))  # noqa: S704  # escaped
        for name, function in open_first(result.functions)
    ]
    hints = [problem.message for problem in problems if problem.code == HINT]
    hints_left = [problem.message for problem in problems if problem.code == MORE]
    notes = [problem.message for problem in problems if problem.code not in (HINT, MORE)]
    return str(
        html.macros("_cell.html").result(result, details, picture_images(result), hints, hints_left, notes)
    ).strip()


def _left(piece: str) -> str:
    """Return a piece whose tables are read from the left and fit: notebooks align cells to the right, on one line."""
    piece = piece.replace("<tr><td>", '<tr><td style="text-align: left; white-space: nowrap">')
    return piece.replace("<td>", '<td style="text-align: left; overflow-wrap: anywhere">')


@dataclass(frozen=True, slots=True, repr=False)
class LabView:
    """The lab in the cell of a notebook."""

    page: str

    def __repr__(self) -> str:
        return say("session.lab")

    def _repr_html_(self) -> str:
        return (
            f'<iframe title="{escape(say("session.lab.title"))}" sandbox="allow-scripts" '
            f'style="width: 100%; height: {LAB_HEIGHT}; border: 0" srcdoc="{escape(self.page)}"></iframe>'
        )
