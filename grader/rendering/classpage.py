"""The class's pages: everything at a glance, and every submission; complete without script, sorted and filtered with it.

Up to `MOST_ON_ONE` submissions are on the page itself; more are laid out on pages of `ON_A_PAGE` behind it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

from markupsafe import Markup

from grader import messages
from grader.classroom.statistics import Classroom, Overview, SubmissionRow, note, overview
from grader.classroom.statistics.note import FEWEST, hardest, mistakes
from grader.classroom.statistics.note import words as mistake_words
from grader.classroom.statistics.overview import CauseCount, Group, MistakeCount
from grader.explaining import cause_title
from grader.faults import attempt, surviving
from grader.messages import say
from grader.rendering import html, text, words
from grader.rendering.charts import Chart
from grader.rendering.classfigures import class_curve, histogram

MOST_ON_ONE, ON_A_PAGE = 2_000, 500
MOST_NAMES, MOST_GROUPS, MOST_IGNORED = 12, 25, 100  # listed; the rest is counted
MOST_CAUSES, MOST_FOR_LECTURE = 12, 3  # rows that are shown, causes that are named first
NAME_COLUMNS = 40  # of a name in the list of pages
INDEX = "index.html"
PAGE = re.compile(r"class-\d+\.html")
_STYLES = ("figure.css", "page.css", "class.css")
_FILES = ("grades.csv", "grades.jsonl")


@dataclass(frozen=True, slots=True)
class ClassSheet:
    """One page of rows: its file, the number of its first row, and the rows."""

    file: str
    first: int
    rows: Sequence[SubmissionRow]

    @property
    def last(self) -> int:
        """The number of its last row."""
        return self.first + len(self.rows) - 1

    @property
    def names(self) -> str:
        """The first and the last name on it."""
        return " … ".join(text.shorten(row.name, NAME_COLUMNS) for row in (self.rows[0], self.rows[-1]))


@dataclass(frozen=True, slots=True)
class CauseRow:
    """One cause over all functions: its words, how often it appears in each, and the longest bar of the whole table."""

    title: str
    counts: Mapping[str, CauseCount]

    @property
    def sample(self) -> CauseCount:
        """The count of the function in which it appears most often."""
        return max(self.counts.values(), key=lambda cause: cause.count)

    @property
    def total(self) -> int:
        """How often it appears in all functions together."""
        return sum(cause.count for cause in self.counts.values())


@dataclass(frozen=True, slots=True)
class LecturePoint:
    """What to say to the class: an action, or the mistake itself; in how many notebooks, and which causes they have."""

    text: str
    count: int
    functions: Sequence[str]
    causes: str


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """One reason to look at submissions, with the first of those that have it."""

    reason: str
    count: int
    rows: Sequence[SubmissionRow]


def class_pages(classroom: Classroom, *, ignored: Mapping[str, str] | None = None) -> Iterator[tuple[str, str]]:
    """Yield each page of a class as its file name and its text, the one to open first.

    `ignored` maps each file that was passed over to the reason.
    """
    sheets = _sheets(classroom.rows)
    yield (
        INDEX,
        attempt(
            "writing the class's page",
            lambda: _index(classroom, overview(classroom), sheets, ignored or {}),
            lambda _: _plain(classroom),
        ),
    )
    for number, sheet in enumerate(sheets):
        before, after = (sheets[at].file if 0 <= at < len(sheets) else "" for at in (number - 1, number + 1))
        yield sheet.file, _render("class.html", classroom, sheet=sheet, rows=sheet.rows, before=before, after=after)


def _plain(classroom: Classroom) -> str:
    """Return a page with a link to each submission's own, for a class that the whole page cannot show."""
    title = escape(text.clean(classroom.title or say("classpage.class")))
    rows = (
        f'<li><a href="{escape(link(row.folder))}">{escape(text.clean(row.name))}</a>: {text.of(row.score, row.possible)}</li>'
        for row in classroom.rows
    )
    items = "\n".join(rows)
    head = f'<!doctype html>\n<html lang="{messages.language_in_use()}"><meta charset="utf-8"><title>{title}</title>'
    return f"{head}\n<h1>{title}</h1>\n<ul>\n{items}\n</ul>\n</html>\n"


def link(folder: str) -> str:
    """Return the address of a submission's own page, from a page of the class."""
    return f"{quote(folder, safe='', errors='replace')}/feedback.html"


def standing(row: SubmissionRow) -> str:
    """Say in a few words how a submission ended."""
    if row.provisional:
        status = say("classpage.status.provisional")
    elif not row.read:
        status = words.notebook(row.status)
    else:
        status = say("classpage.status.passed" if row.passed else "classpage.status.open")
    changed = bool(row.ruled or row.adjusted)
    facts = (
        status,
        say("classpage.status.ruled") if changed else "",
        "" if row.counts else say("classpage.status.other"),
    )
    return "; ".join(filter(None, facts))


def kinds(row: SubmissionRow) -> str:
    """Return the groups that a row can be filtered by, as codes with spaces between."""
    facts = {"review": row.reasons, "open": not row.passed, "passed": row.passed, "ruled": row.ruled or row.adjusted}
    return " ".join(kind for kind, holds in facts.items() if holds)


def _sheets(rows: Sequence[SubmissionRow]) -> list[ClassSheet]:
    if len(rows) <= MOST_ON_ONE:
        return []
    firsts = range(0, len(rows), ON_A_PAGE)
    return [
        ClassSheet(f"class-{number}.html", first + 1, rows[first : first + ON_A_PAGE])
        for number, first in enumerate(firsts, start=1)
    ]


def _index(classroom: Classroom, counts: Overview, sheets: Sequence[ClassSheet], ignored: Mapping[str, str]) -> str:
    groups = counts.groups[:MOST_GROUPS]
    causes = cause_rows(counts.causes, classroom)
    rare = causes[MOST_CAUSES:]
    chosen = mistakes(counts)[:MOST_FOR_LECTURE]
    names = {name: f"`{short}`" for name, short in text.short_names(classroom.functions).items()}
    return _render(
        "index.html",
        classroom,
        counts=counts,
        sheets=sheets,
        rows=[] if sheets else classroom.rows,
        review=review_rows(classroom),
        pictures=[picture for picture in surviving("a figure", _pictures(classroom, counts)) if picture],
        lecture=[lecture_point(mistake, classroom) for mistake in chosen],
        others=max((mistake.count for mistake in counts.mistakes if mistake not in chosen), default=0),
        causes=causes[:MOST_CAUSES],
        rare_causes=rare,
        rare_once=all(row.total == 1 for row in rare),
        most=max((cause.count for cause in counts.causes), default=0),
        groups=groups,
        more_groups=len(counts.groups) - len(groups),
        hardest=hardest(counts, names),
        widely_missed=hardest(counts, names, fewest=FEWEST),
        note=attempt("the note on the class", lambda: note(classroom, counts), lambda _: ""),
        ignored=dict(sorted(ignored.items(), key=_manifest_first)[:MOST_IGNORED]),
        more_ignored=max(0, len(ignored) - MOST_IGNORED),
    )


def _manifest_first(item: tuple[str, str]) -> tuple[bool, str]:
    """Order ignored files by name, a manifest before all: it may have been meant to count."""
    return item[0] != "manifest.json", item[0]


def lecture_point(mistake: MistakeCount, classroom: Classroom) -> LecturePoint:
    """Return what to say about a mistake, and of which causes it consists where the text does not say so already."""
    its, short = mistake_words(mistake, classroom), text.short_names(classroom.functions)
    titles = [(_title(cause, _having(cause, mistake, classroom), classroom), count) for cause, count in mistake.causes]
    causes = counted(titles) if its.action or len(titles) > 1 else ""
    is_general = its.action == say("classroom.family.scale.action")
    factors = _factors(mistake, classroom) if is_general else ""
    return LecturePoint(
        words.sentence(factors or its.action or its.title),
        mistake.count,
        [f"`{short[name]}`" for name in mistake.functions],
        causes,
    )


def _factors(mistake: MistakeCount, classroom: Classroom) -> str:
    """Name the factor of each function that is wrong, as those who have it right wrote it; empty if it is not known of all."""
    short, named = text.short_names(classroom.functions), []
    for name in mistake.functions:
        formulas = {
            part.diagnosis.scale_formula
            for row in classroom.rows
            for part in row.parts
            if part.name == name and part.passed and not part.ruled
        }
        formula = formulas.pop() if len(formulas) == 1 else None
        if not formula:
            return ""
        named.append(say("classpage.lecture.factor", factor=formula, function=short[name]))
    return say("classpage.lecture.factors", factors=named)


def _having(cause: str, mistake: MistakeCount, classroom: Classroom) -> list[str]:
    return [function for function in mistake.functions if (function, cause) in classroom.causes]


def counted(titles: Sequence[tuple[str, int]]) -> str:
    """Return causes in a row, each with its number where there are several."""
    if len(titles) == 1:
        return titles[0][0]
    return say("list.comma").join(say("classpage.cause.counted", cause=title, number=count) for title, count in titles)


def group_causes(group: Group) -> str:
    """Return the causes of a group of equal answers, each with its number where there are several."""
    return counted(tuple(zip(group.titles, group.counts, strict=True)))


def _pictures(classroom: Classroom, counts: Overview) -> Iterator[Chart | None]:
    yield histogram(counts.scores, counts.submissions, counts.read) if counts.scores else None
    yield class_curve(classroom.sweep, counts.runs, counts.untrained)


def cause_rows(causes: Sequence[CauseCount], classroom: Classroom) -> list[CauseRow]:
    """Put the counts of each cause into one row, most frequent first."""
    rows: dict[str, dict[str, CauseCount]] = defaultdict(dict)
    for cause in causes:
        rows[cause.cause][cause.function] = cause
    order = sorted(rows.items(), key=lambda row: (-sum(cause.count for cause in row[1].values()), row[0]))
    return [CauseRow(_title(code, counts, classroom), counts) for code, counts in order]


def _title(code: str, functions: Iterable[str], classroom: Classroom) -> str:
    """Return the words of a cause that hold in every function that has it."""
    titles = [classroom.words(function, code).title for function in functions] or [code.replace("_", " ")]
    if len(set(titles)) == 1:
        return titles[0]
    return cause_title(code) or min(titles)


def review_rows(classroom: Classroom) -> list[ReviewRow]:
    """Put the submissions that need a person under their reasons, most frequent first."""
    rows: dict[str, list[SubmissionRow]] = defaultdict(list)
    for row in classroom.rows:
        for reason in row.reasons:
            rows[reason].append(row)
    order = sorted(rows.items(), key=lambda item: (-len(item[1]), item[0]))
    return [ReviewRow(reason, len(having), having[:MOST_NAMES]) for reason, having in order]


def _render(template: str, classroom: Classroom, **context: object) -> str:
    return html.render(
        template,
        styles=_STYLES,
        script="class.js",
        title=classroom.title or say("classpage.class"),
        classroom=classroom,
        functions=text.short_names(classroom.functions),
        link=link,
        standing=standing,
        kinds=kinds,
        percent=percent,
        say=say,
        sentence=words.sentence,
        marked_up=marked_up,
        group_causes=group_causes,
        names=MOST_NAMES,
        **context,
    )


def marked_up(sentence: str) -> Markup:
    """Return a sentence as HTML: what it has in backticks is code, and a file of the class is a link to it."""
    parts = [escape(text.clean(part)) for part in sentence.split("`")]
    parts[1::2] = [f'<a href="{part}">{part}</a>' if part in _FILES else f"<code>{part}</code>" for part in parts[1::2]]
    return Markup("".join(parts))  # noqa: S704  # escaped


def percent(part: float, whole: float) -> str:
    """Return a share in whole percent; only nothing is 0 % and only all is 100 %."""
    share = 100 * part / whole if whole else 0.0
    return f"{min(max(round(share), 1), 99) if 0 < part < whole else round(share)} %"
