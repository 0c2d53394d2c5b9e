"""A class in a terminal: tables where there is one, else one fact a line; and the same as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from grader.classroom.statistics import CauseChange, Classroom, Comparison, Overview, note
from grader.messages import say
from grader.rendering import text
from grader.rendering.classpage import group_causes, percent

MOST_NAMES = 10  # of those who need a person, in the tables; the lines and the JSON have all
CELL_COLUMNS = 72

Cells = tuple[str, ...]


# --- one class -------------------------------------------------------------------------------------------------------


def show(classroom: Classroom, counts: Overview, console: Console) -> None:
    """Print the class as tables."""
    _print(console, f"{counts.title}: {_counts(counts)}", "bold")
    if counts.scores:
        _print(console, _scores(counts))
    review = [
        (row.name, text.of(row.score, row.possible), "; ".join(row.reasons)) for row in classroom.rows if row.reasons
    ]
    _table(console, say("classpage.review"), _titles("submission", "score", "why"), review[:MOST_NAMES])
    if len(review) > MOST_NAMES:
        _print(console, "  " + say("classpage.more", count=len(review) - MOST_NAMES), "dim")
    _table(
        console,
        say("classpage.causes"),
        _titles("notebooks", "function", "cause", "example"),
        list(_causes(classroom, counts)),
    )
    _table(
        console,
        say("classpage.checks"),
        _titles("passed", "function", "check", "average"),
        list(_checks(classroom, counts)),
    )
    _table(
        console,
        say("classpage.groups"),
        _titles("notebooks", "function", "cause", "example"),
        list(_groups(classroom, counts)),
    )
    _print(console, "\n" + say("classpage.note"), "bold")
    _print(console, note(classroom, counts))


def plain_lines(classroom: Classroom, counts: Overview) -> Iterator[str]:
    """Yield one fact a line, its kind first."""
    facts = [("CLASS", f"{counts.title}: {_counts(counts)}")]
    if counts.scores:
        facts.append(("SCORES", _scores(counts)))
    facts += [
        ("REVIEW", f"{row.name} {_slash(row.score, row.possible)}: {'; '.join(row.reasons)}")
        for row in classroom.rows
        if row.reasons
    ]
    facts += [
        ("CAUSE", say("classpage.summary.cause", function=short, cause=title, number=count, name=name))
        for count, short, title, name in _causes(classroom, counts)
    ]
    facts += [
        ("CHECK", say("classpage.summary.check", function=short, check=title, passed=passed, average=average))
        for passed, short, title, average in _checks(classroom, counts)
    ]
    facts += [
        ("EQUAL", say("classpage.summary.group", function=short, cause=title, number=count, name=name))
        for count, short, title, name in _groups(classroom, counts)
    ]
    facts += [("NOTE", line) for line in (say("classpage.note") + ":", *note(classroom, counts).splitlines()) if line]
    yield from (text.one_line(f"{kind} {fact}") for kind, fact in facts)


def to_json(classroom: Classroom, counts: Overview) -> str:
    """Return everything that was counted, the names of those who need a person, and the note."""
    review = [
        {"submission": row.name, "folder": row.folder, "reasons": row.reasons} for row in classroom.rows if row.reasons
    ]
    return _json({**msgspec.to_builtins(counts), "review": review, "note": note(classroom, counts)})


def _counts(counts: Overview) -> str:
    parts = [
        say("classpage.summary.submissions", count=counts.submissions),
        say("classpage.summary.passed", number=counts.passed),
        say("classpage.summary.review", count=counts.needs_person),
    ]
    if counts.ruled:
        parts.append(say("classpage.summary.ruled", number=counts.ruled))
    return ", ".join(parts)


def _scores(counts: Overview) -> str:
    scores = counts.scores
    if scores is None:
        return ""
    low, median, high = map(text.points, scores.quartiles)
    return say(
        "classpage.summary.scores",
        number=scores.count,
        possible=text.points(scores.possible),
        lowest=text.points(scores.lowest),
        low=low,
        median=median,
        high=high,
        highest=text.points(scores.highest),
    )


def _causes(classroom: Classroom, counts: Overview) -> Iterator[Cells]:
    short = _shorts(classroom)
    for cause in counts.causes:
        yield f"{cause.count:,}", short[cause.function], cause.title, cause.sample.name


def _checks(classroom: Classroom, counts: Overview) -> Iterator[Cells]:
    """Yield the checks, those that the fewest passed first."""
    short = _shorts(classroom)
    for check in sorted(counts.checks, key=lambda check: check.share):
        share = say(
            "classpage.checks.share",
            passed=check.passed,
            judged=check.judged,
            percent=percent(check.passed, check.judged),
        )
        points = say("classpage.checks.points", points=check.points, possible=text.points(check.possible))
        yield share, short[check.function], check.title, points


def _groups(classroom: Classroom, counts: Overview) -> Iterator[Cells]:
    short = _shorts(classroom)
    for group in counts.groups:
        yield f"{group.count:,}", short[group.function], group_causes(group), group.sample.name


def _shorts(classroom: Classroom) -> dict[str, str]:
    return text.short_names(classroom.functions)


# --- two attempts ----------------------------------------------------------------------------------------------------


def show_comparison(comparison: Comparison, functions: tuple[str, ...], console: Console) -> None:
    """Print what became of each cause as a table."""
    _print(console, f"{comparison.title}: {_matched(comparison)}", "bold")
    _print(console, _moved(comparison))
    titles = _titles("cause", "had", "right", "other", "still", "unseen", "fixed", "new")
    rows = [_cause_cells(cause, functions) for cause in comparison.causes]
    _table(
        console, say("classpage.compare.title"), titles, [(f"{short}: {title}", *rest) for *rest, short, title in rows]
    )
    if rows:
        _print(console, say("classpage.compare.columns"), "dim")
    _print(console, say("classpage.compare.limits"), "dim")


def comparison_lines(comparison: Comparison, functions: tuple[str, ...], *, names: bool) -> Iterator[str]:
    """Yield one fact a line; `names` adds the submissions behind each number."""
    yield text.one_line(f"CLASS {comparison.title}: {_matched(comparison)}")
    yield f"SCORES {_moved(comparison)}"
    for cause in comparison.causes:
        had, right, other, still, unseen, fixed, new, short, title = _cause_cells(cause, functions)
        yield text.one_line(
            "CAUSE "
            + say(
                "classpage.compare.cause",
                function=short,
                cause=title,
                had=had,
                right=right,
                other=other,
                still=still,
                unseen=unseen,
                fixed=fixed,
                new=new,
            )
        )
        if names:
            yield from (text.one_line(f"WHO {short}: {title}: {what}: {name}") for what, name in who(cause))
    yield f"NOTE {say('classpage.compare.limits')}"


def who(cause: CauseChange) -> Iterator[tuple[str, str]]:
    """Yield what became of each submission that has or had a cause, and its name."""
    for what in ("right", "other", "still", "unseen", "new"):
        yield from ((what, name) for name in getattr(cause, what))


def comparison_json(comparison: Comparison, *, names: bool) -> str:
    """Return the comparison; `names` adds the submissions behind each number."""
    whole: dict[str, Any] = {
        **msgspec.to_builtins(comparison),
        "matched": comparison.matched,
        "note": say("classpage.compare.limits"),
    }
    for entry, cause in zip(whole["causes"], comparison.causes, strict=True):
        for what in ("right", "other", "still", "unseen", "new"):
            entry[what] = entry[what] if names else len(entry[what])
        entry |= {"had": cause.had, "mended": cause.fixed, "seen": cause.seen, "interval": cause.interval}
    return _json(whole)


def _matched(comparison: Comparison) -> str:
    return say(
        "classpage.compare.matched",
        both=comparison.matched,
        student=comparison.by_student,
        name=comparison.by_name,
        earlier=comparison.earlier - comparison.matched,
        later=comparison.later - comparison.matched,
    )


def _moved(comparison: Comparison) -> str:
    return say("classpage.compare.moved", higher=comparison.higher, same=comparison.same, lower=comparison.lower)


def _cause_cells(cause: CauseChange, functions: tuple[str, ...]) -> Cells:
    short = text.short_names(functions).get(cause.function, cause.function)
    numbers = [cause.had, len(cause.right), len(cause.other), len(cause.still), len(cause.unseen)]
    return (*(f"{number:,}" for number in numbers), share(cause), f"{len(cause.new):,}", short, cause.title)


def share(cause: CauseChange) -> str:
    """Say how many fixed a cause of those that can be judged, and how well that is known."""
    if cause.interval is None:
        return say("classpage.compare.none")
    low, high = (round(100 * bound) for bound in cause.interval)
    return say("classpage.compare.share", fixed=cause.fixed, seen=cause.seen, low=low, high=high)


def _titles(*names: str) -> tuple[str, ...]:
    return tuple(say(f"classpage.summary.column.{name}") for name in names)


# --- shared ----------------------------------------------------------------------------------------------------------


def _table(console: Console, title: str, heads: Cells, rows: Sequence[Cells]) -> None:
    if not rows:
        return
    table = Table(
        title=f"\n{title}",
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    for head in heads:
        table.add_column(head, header_style="dim", overflow="fold")
    for row in rows:
        table.add_row(*(_encodable(text.shorten(cell, CELL_COLUMNS), console) for cell in row))
    console.print(table)


def _print(console: Console, line: str, style: str = "") -> None:
    console.print(_encodable(line, console, style), soft_wrap=False)


def _encodable(line: str, console: Console, style: str = "") -> Text:
    """Wrap text that may be anybody's; what the terminal's encoding does not hold becomes a question mark."""
    return Text(text.clean(line).encode(console.encoding, "replace").decode(console.encoding), style)


def _slash(score: float, possible: float) -> str:
    return f"{text.points(score)}/{text.points(possible)}"


def _json(whole: dict[str, Any]) -> str:
    whole_text = json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return whole_text.encode("utf-8", "backslashreplace").decode()  # half a character, as JSON writes it
