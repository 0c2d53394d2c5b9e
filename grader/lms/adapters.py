"""What collects and exports the files of each system, and what connects to its live site."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from grader.lms import SYSTEMS, nbgrader
from grader.lms.canvas import files as canvas
from grader.lms.canvas import site as canvas_site
from grader.lms.common.system import Collect, Done, Export
from grader.lms.inside import gradescope
from grader.lms.live.changes import Live
from grader.lms.mapped import files as mapped
from grader.lms.moodle import files as moodle
from grader.lms.moodle import site as moodle_site

_MAPPED = [name for name, system in SYSTEMS.items() if system.mapped]
COLLECTORS: Mapping[str, Callable[[Collect], Done]] = {
    "canvas": canvas.collect,
    "moodle": moodle.collect,
    "gradescope": gradescope.collect,
    "nbgrader": nbgrader.collect,
    **{name: partial(mapped.collect, name) for name in _MAPPED},
}
EXPORTERS: Mapping[str, Callable[[Export], Done]] = {
    "canvas": canvas.export,
    "moodle": moodle.export,
    "nbgrader": nbgrader.export,
    **{name: partial(mapped.export, name) for name in _MAPPED},
}


class Site(NamedTuple):
    """A live site that is addressed as people see it in the browser: its class, and the environment variable of a token."""

    connect: Callable[..., Live]
    variable: str


SITES: Mapping[str, Site] = {
    "canvas": Site(canvas_site.Canvas, canvas_site.VARIABLE),
    "moodle": Site(moodle_site.Moodle, moodle_site.VARIABLE),
}
