"""LMS formats: one module a system, and the tables that name them; what is read stays in the manifest until it goes back.

The systems' modules are imported when one is used, so that the command starts fast.  Where a line belongs:

=====================  ===============================================================================================
every system           `system` (what is asked and said), `points`, `feedback` (the summary), `choice` (which file counts)
files in               `archives` (zips, read with distrust), `layout` (the collected folder)
files out              `graded` (results beside entries, what is held back), `tables` (CSV, the column)
a system's files       `canvas/`; `moodle/`; `nbgrader`; `mapped/` with `presets/` (any other); `adapters` lists what reads and
                       writes them
graders inside         `inside/`: `run` (one hand-in), `gradescope`, `coursera`, `prairielearn`; `bundle` and `wheel` bring
                       them there, with `data/`
live sites             `live/`: `push` (sends what is missing), `push_report`, `journal`, `http`, `tokens`; the sites are
                       `canvas/site`, `moodle/site`, `lti/site` with `lti/access`
=====================  ===============================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping

from grader.lms.common.system import System

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
        System("gradescope", "gradescope", exports=False),
        System("coursera", "folders", collects=False, exports=False),
        System("nbgrader", "nbgrader", example="COURSE"),
        System("prairielearn", "folders", collects=False, exports=False),
        System("blackboard", "help_pages", mapped=True, has_template=True),
        System("brightspace", "help_pages", mapped=True, has_template=True),
        System("openedx", "source_code", mapped=True, has_template=True),
        System("spreadsheet", "table", mapped=True, has_template=True),
        System("other", "mapping", mapped=True, has_template=True),
        System("lti", "local_server", collects=False, exports=False),
    )
}
