"""A result, or the lab, as a cell of a notebook shows it: HTML without script, in the colours of the notebook."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from html import escape

from markupsafe import Markup

from grader.faults import attempt
from grader.messages import say
from grader.records import Result
from grader.rendering import fragment, html
from grader.rendering.charts import Chart
from grader.rendering.feedback import open_first
from grader.rendering.picture import first_picture, picture_input
from grader.rendering.svg import draw

LAB_HEIGHT = "900px"


def result_html(result: Result) -> str:
    """Return the score, the next step, a picture and the folded details of a result."""
    return attempt("showing the result", lambda: _whole(result), lambda _: f"<p>{escape(repr(result))}</p>")


def _whole(result: Result) -> str:
    shown = attempt("the picture", lambda: picture_input(result), lambda _: None)
    picture = attempt("the picture", lambda: first_picture(shown), lambda _: None) if shown else None
    charts = [chart for chart in (picture.curve, picture.squares) if chart] if picture else []
    images = [(_image(chart), chart.says) for chart in charts]
    details = [
        (name, function, Markup(fragment.function_html(function)))  # noqa: S704  # escaped
        for name, function in open_first(result.functions)
    ]
    return str(html.macros("_cell.html").result(result, details, images, picture)).strip()


def _image(chart: Chart) -> str:
    """Return a chart as the address of an image of its own, whose styles no page mixes with."""
    drawn = str(draw(chart))
    style = str(html.styles("page.css"))
    paper = "svg { background: var(--paper); }"
    drawn = drawn.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" width="480" ', 1)
    head, _, rest = drawn.partition(">")
    whole = f"{head}><style>{escape(style + paper, quote=False)}</style>{rest}"
    return f"data:image/svg+xml;base64,{base64.b64encode(whole.encode()).decode()}"


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


def lab_view(page: str) -> LabView:
    """Return a lab's page for a cell."""
    return LabView(page)
