"""The picture of a page as images of their own, for places that take no inline SVG: a notebook, and the output of a cell."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from functools import cache
from html import escape

from grader import resources
from grader.faults import attempt
from grader.records import Result
from grader.rendering.charts import Chart
from grader.rendering.picture import first_picture, picture_input
from grader.rendering.svg import draw
from grader.rendering.text import sentences

WIDTH = 480  # pixels
_OWN_STYLE = "svg { background: var(--paper); font-family: system-ui, 'DejaVu Sans', sans-serif; }"


@dataclass(frozen=True, slots=True)
class Image:
    """A chart as the address of an image, which has the whole image in it, and its words for who does not see it."""

    address: str
    alternative: str


@dataclass(frozen=True, slots=True)
class ImagePicture:
    """The picture of a page as images, one above the other, and its caption."""

    images: tuple[Image, ...]
    caption: str


def picture_images(result: Result) -> ImagePicture | None:
    """Return the picture of a submission as images; None where there is nothing to show or it cannot be drawn."""
    return attempt("the picture", lambda: _drawn(result), lambda _: None)


def _drawn(result: Result) -> ImagePicture | None:
    shown = picture_input(result) if result.notebook.status in ("ok", "repaired") else None
    if shown is None:
        return None
    picture = first_picture(shown)
    charts = [chart for chart in (picture.curve, picture.squares) if chart]
    caption = sentences([picture.caption, picture.note])
    return ImagePicture(tuple(Image(_address(chart), chart.says) for chart in charts), caption)


def _address(chart: Chart) -> str:
    """Return a chart as the address of an image, whose styles no page mixes with."""
    head, _, rest = str(draw(chart)).partition(">")
    head = head.replace("<svg ", f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" ', 1)
    whole = f"{head}><style>{_style()}</style>{rest}"
    return f"data:image/svg+xml;base64,{base64.b64encode(whole.encode()).decode()}"


@cache  # a constant of the process: our own file
def _style() -> str:
    figures = (resources.templates() / "figure.css").read_text(encoding="utf-8")
    return escape(figures + _OWN_STYLE, quote=False)
