"""LMS formats: one module a system, and the tables that name them; what is read stays in the manifest until it goes back.

A system's module is imported when it is used, so that the command starts fast.  Where a line belongs:

=====================  ===============================================================================================
every system           `system` (what is asked and said), `points`, `feedback` (the summary), `choice` (which file counts)
files in               `archives` (zips, read with distrust), `layout` (the collected folder)
files out              `graded` (results beside entries, what is held back), `tables` (CSV, the column)
a system's files       `canvas/`; `moodle/`; `nbgrader`; `mapped/` with `presets/` (any other)
graders inside         `inside/`: `run` (one hand-in), `gradescope`, `coursera`, `prairielearn`; `bundle` and `wheel` bring
                       them there, with `data/`
live sites             `live/`: `push` (sends what is missing), `push_report`, `journal`, `http`, `tokens`; the sites are
                       `canvas/site`, `moodle/site`, `lti/site` with `lti/access`
=====================  ===============================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from grader.lms.common.system import Build, Builder, Collect, Collector, Done, Export, Exporter, Run, Runner, System

if TYPE_CHECKING:
    from grader.lms.live.changes import Live
    from grader.lms.live.http import Http
    from grader.lms.live.tokens import Secret

SYSTEMS: Mapping[str, System] = {
    system.name: system
    for system in (
        System(
            "canvas",
            "rules",
            example="submissions.zip",
            has_template=True,
            assignment="https://canvas.example.edu/courses/12/assignments/34",
        ),
        System(
            "moodle",
            "rules",
            flag="--worksheet",
            has_template=True,
            assignment="'https://moodle.example.edu/mod/assign/view.php?id=34'",
        ),
        System("gradescope", "gradescope"),
        System("coursera", "folders"),
        System("nbgrader", "nbgrader", example="COURSE"),
        System("prairielearn", "folders"),
        System("blackboard", "help_pages", mapped=True, has_template=True),
        System("brightspace", "help_pages", mapped=True, has_template=True),
        System("openedx", "source_code", mapped=True, has_template=True),
        System("spreadsheet", "table", mapped=True, has_template=True),
        System("other", "mapping", mapped=True, has_template=True),
        System("lti", "local_server"),
    )
}

# The modules of a system are imported inside these functions, so that mypy sees every name and the command starts fast.


def _canvas_collect(request: Collect) -> Done:
    from grader.lms.canvas import files

    return files.collect(request)


def _canvas_export(request: Export) -> Done:
    from grader.lms.canvas import files

    return files.export(request)


def _moodle_collect(request: Collect) -> Done:
    from grader.lms.moodle import files

    return files.collect(request)


def _moodle_export(request: Export) -> Done:
    from grader.lms.moodle import files

    return files.export(request)


def _nbgrader_collect(request: Collect) -> Done:
    from grader.lms import nbgrader

    return nbgrader.collect(request)


def _nbgrader_export(request: Export) -> Done:
    from grader.lms import nbgrader

    return nbgrader.export(request)


def _mapped_collect(system: str, request: Collect) -> Done:
    from grader.lms.mapped import files

    return files.collect(system, request)


def _mapped_export(system: str, request: Export) -> Done:
    from grader.lms.mapped import files

    return files.export(system, request)


def _canvas_site(address: str, token: Callable[[str], Secret], http: Callable[..., Http]) -> Live:
    from grader.lms.canvas import site

    return site.Canvas(address, token(site.VARIABLE), http=http)


def _moodle_site(address: str, token: Callable[[str], Secret], http: Callable[..., Http]) -> Live:
    from grader.lms.moodle import site

    return site.Moodle(address, token(site.VARIABLE), http=http)


def _gradescope_collect(request: Collect) -> Done:
    from grader.lms.inside import gradescope

    return gradescope.collect(request)


def _gradescope_run(request: Run) -> Done:
    from grader.lms.inside import gradescope

    return gradescope.run(request)


def _coursera_run(request: Run) -> Done:
    from grader.lms.inside import coursera

    return coursera.run(request)


def _prairielearn_run(request: Run) -> Done:
    from grader.lms.inside import prairielearn

    return prairielearn.run(request)


def _gradescope_build(request: Build) -> Done:
    from grader.lms.inside import bundle

    return bundle.gradescope(request)


def _coursera_build(request: Build) -> Done:
    from grader.lms.inside import bundle

    return bundle.coursera(request)


def _prairielearn_build(request: Build) -> Done:
    from grader.lms.inside import bundle

    return bundle.prairielearn(request)


_MAPPED = [name for name, system in SYSTEMS.items() if system.mapped]
COLLECTORS: Mapping[str, Collector] = {
    "canvas": _canvas_collect,
    "moodle": _moodle_collect,
    "gradescope": _gradescope_collect,
    "nbgrader": _nbgrader_collect,
    **{name: partial(_mapped_collect, name) for name in _MAPPED},
}
EXPORTERS: Mapping[str, Exporter] = {
    "canvas": _canvas_export,
    "moodle": _moodle_export,
    "nbgrader": _nbgrader_export,
    **{name: partial(_mapped_export, name) for name in _MAPPED},
}
# live systems that are addressed as people see them in the browser: an address, a token by its variable, a client
SITES: Mapping[str, Callable[[str, Callable[[str], Secret], Callable[..., Http]], Live]] = {
    "canvas": _canvas_site,
    "moodle": _moodle_site,
}
# graders that run inside the system, and what brings them there
RUNNERS: Mapping[str, Runner] = {
    "gradescope": _gradescope_run,
    "coursera": _coursera_run,
    "prairielearn": _prairielearn_run,
}
BUILDERS: Mapping[str, Builder] = {
    "gradescope": _gradescope_build,
    "coursera": _coursera_build,
    "prairielearn": _prairielearn_build,
}

__all__ = ["BUILDERS", "COLLECTORS", "EXPORTERS", "RUNNERS", "SITES", "SYSTEMS"]
