"""The class's pages: everything at a glance, and every submission; complete without script, sorted and filtered with it.

Up to `MOST_ON_ONE` submissions stand on the page itself; more are laid out on pages of `ON_A_PAGE` behind it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

from grader.classroom.statistics import Classroom, Overview, Row, note, overview
from grader.classroom.statistics.overview import CauseCount
from grader.faults import attempt, surviving
from grader.rendering import html, text, words
from grader.rendering.charts import Chart
from grader.rendering.classfigures import class_curve, histogram

MOST_ON_ONE, ON_A_PAGE = 2_000, 500
MOST_TO_REVIEW, MOST_GROUPS, MOST_IGNORED = 50, 25, 100  # listed; the rest is counted
NAME_COLUMNS = 40  # of a name in the list of pages
INDEX = "index.html"
PAGE = re.compile(r"class-\d+\.html")
_STYLES = ("page.css", "class.css")


@dataclass(frozen=True, slots=True)
class ClassSheet:
    """One page of rows: its file, the number of its first row, and the rows."""

    file: str
    first: int
    rows: Sequence[Row]

    @property
    def last(self) -> int:
        """The number of its last row."""
        return self.first + len(self.rows) - 1

    @property
    def names(self) -> str:
        """The first and the last name on it."""
        return " … ".join(text.shorten(row.name, NAME_COLUMNS) for row in (self.rows[0], self.rows[-1]))


def class_pages(found: Classroom, *, ignored: Mapping[str, str] | None = None) -> Iterator[tuple[str, str]]:
    """Yield each page of a class as its file name and its text, the one to open first.

    `ignored` maps each file that was passed over to the reason.
    """
    sheets = _sheets(found.rows)
    yield (
        INDEX,
        attempt(
            "writing the class's page",
            lambda: _index(found, overview(found), sheets, ignored or {}),
            lambda _: _plain(found),
        ),
    )
    for number, sheet in enumerate(sheets):
        before, after = (sheets[at].file if 0 <= at < len(sheets) else "" for at in (number - 1, number + 1))
        yield sheet.file, _render("class.html", found, sheet=sheet, rows=sheet.rows, before=before, after=after)


def _plain(found: Classroom) -> str:
    """Return a page with a link to each submission's own, for a class that the whole page cannot show."""
    title = escape(text.clean(found.title or "Class"))
    rows = (
        f'<li><a href="{escape(link(row.folder))}">{escape(text.clean(row.name))}</a>: {text.of(row.score, row.possible)}</li>'
        for row in found.rows
    )
    items = "\n".join(rows)
    head = f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{title}</title>'
    return f"{head}\n<h1>{title}</h1>\n<ul>\n{items}\n</ul>\n</html>\n"


def link(folder: str) -> str:
    """Return the address of a submission's own page, from a page of the class."""
    return f"{quote(folder, safe='', errors='replace')}/feedback.html"


def standing(row: Row) -> str:
    """Say in a few words how a submission stands."""
    if row.provisional:
        said = "provisional: a part could not be judged"
    elif not row.read:
        said = words.NOTEBOOK[row.status]
    else:
        said = "passed" if row.passed else "not everything passed"
    said += "; points changed by a person" if row.ruled or row.adjusted else ""
    return said if row.counts else f"{said}; another file of this student counts"


def kinds(row: Row) -> str:
    """Return the groups that a row can be filtered by, as codes with spaces between."""
    facts = {"review": row.reasons, "open": not row.passed, "passed": row.passed, "ruled": row.ruled or row.adjusted}
    return " ".join(kind for kind, holds in facts.items() if holds)


def _sheets(rows: Sequence[Row]) -> list[ClassSheet]:
    if len(rows) <= MOST_ON_ONE:
        return []
    firsts = range(0, len(rows), ON_A_PAGE)
    return [
        ClassSheet(f"class-{number}.html", first + 1, rows[first : first + ON_A_PAGE])
        for number, first in enumerate(firsts, start=1)
    ]


def _index(found: Classroom, counts: Overview, sheets: Sequence[ClassSheet], ignored: Mapping[str, str]) -> str:
    review = [row for row in found.rows if row.reasons]
    groups = counts.groups[:MOST_GROUPS]
    return _render(
        "index.html",
        found,
        counts=counts,
        sheets=sheets,
        rows=[] if sheets else found.rows,
        review=review[:MOST_TO_REVIEW],
        more_review=max(0, len(review) - MOST_TO_REVIEW),
        shown=[picture for picture in surviving("a figure", _pictures(found, counts)) if picture],
        causes=_by_function(counts.causes),
        groups=groups,
        more_groups=len(counts.groups) - len(groups),
        hardest=min(counts.checks, key=lambda check: check.share, default=None),
        note=attempt("the note on the class", lambda: note(found, counts), lambda _: ""),
        ignored=dict(sorted(ignored.items(), key=_manifest_first)[:MOST_IGNORED]),
        more_ignored=max(0, len(ignored) - MOST_IGNORED),
    )


def _manifest_first(item: tuple[str, str]) -> tuple[bool, str]:
    """Order ignored files by name, a manifest before all: it may have been meant to count."""
    return item[0] != "manifest.json", item[0]


def _pictures(found: Classroom, counts: Overview) -> Iterator[Chart | None]:
    yield histogram(counts.scores) if counts.scores else None
    yield class_curve(found.sweep, counts.runs, counts.untrained)


def _by_function(causes: Sequence[CauseCount]) -> Mapping[str, list[CauseCount]]:
    found: dict[str, list[CauseCount]] = defaultdict(list)
    for cause in causes:
        found[cause.function].append(cause)
    return found


def _render(template: str, found: Classroom, **context: object) -> str:
    return html.render(
        template,
        styles=_STYLES,
        script="class.js",
        title=found.title or "Class",
        found=found,
        functions=text.short_names(found.functions),
        link=link,
        standing=standing,
        kinds=kinds,
        percent=percent,
        **context,
    )


def percent(part: float, whole: float) -> str:
    """Return a share in whole percent; only nothing is 0 % and only all is 100 %."""
    share = 100 * part / whole if whole else 0.0
    return f"{min(max(round(share), 1), 99) if 0 < part < whole else round(share)} %"
