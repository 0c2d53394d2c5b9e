"""LMS formats: one module a system, and the tables that name them; what is read stays in the manifest until it goes back.

A system's module is imported when it is used, so that the command starts fast.
"""

from __future__ import annotations

from collections.abc import Mapping

from grader.lms.system import Collector, Exporter, System, later

RULES = "tested against the rules of its importer, read in its source; not tried on a live site"

SYSTEMS: Mapping[str, System] = {
    "canvas": System(
        title="Canvas",
        reads="the zip of “Download Submissions”",
        writes="the gradebook with our column, and the zip for “Re-Upload Submissions”",
        template="the gradebook as exported",
        verified=RULES,
    ),
    "moodle": System(
        title="Moodle",
        reads="the zip of “Download all submissions”",
        writes="the grading worksheet with grades and comments, and the zip of feedback files",
        template="the grading worksheet as downloaded",
        verified=RULES,
    ),
    "lti": System(
        title="LTI 1.3 AGS, any platform",
        verified="tried against a local server that keeps the documented rules; never tried on a live site",
    ),
}
COLLECTORS: Mapping[str, Collector] = {
    "canvas": later("canvas", "collect"),
    "moodle": later("moodle", "collect"),
}
EXPORTERS: Mapping[str, Exporter] = {
    "canvas": later("canvas", "export"),
    "moodle": later("moodle", "export"),
}

__all__ = ["COLLECTORS", "EXPORTERS", "SYSTEMS"]
