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
from grader.rendering.classpage import percent

MOST_NAMES = 10  # of those who need a person, in the tables; the lines and the JSON have all
CELL_COLUMNS = 72

Cells = tuple[str, ...]


# --- one class -------------------------------------------------------------------------------------------------------


def show(found: Classroom, counts: Overview, console: Console) -> None:
    """Print the class as tables."""
    _print(console, f"{counts.title}: {_counts(counts)}", "bold")
    if counts.scores:
        _print(console, _scores(counts))
    review = [(row.name, _of(row.score, row.possible), "; ".join(row.reasons)) for row in found.rows if row.reasons]
    _table(console, say("classpage.review"), _titles("submission", "score", "why"), review[:MOST_NAMES])
    if len(review) > MOST_NAMES:
        _print(console, "  " + say("classpage.more", count=len(review) - MOST_NAMES), "dim")
    _table(
        console,
        say("classpage.causes"),
        _titles("notebooks", "function", "cause", "example"),
        list(_causes(found, counts)),
    )
    _table(
        console,
        say("classpage.checks"),
        _titles("passed", "function", "check", "average"),
        list(_checks(found, counts)),
    )
    _table(
        console,
        say("classpage.groups"),
        _titles("notebooks", "function", "cause", "example"),
        list(_groups(found, counts)),
    )
    _print(console, "\n" + say("classpage.note"), "bold")
    _print(console, note(found, counts))


def plain_lines(found: Classroom, counts: Overview) -> Iterator[str]:
    """Yield one fact a line, its kind first."""
    facts = [("CLASS", f"{counts.title}: {_counts(counts)}")]
    if counts.scores:
        facts.append(("SCORES", _scores(counts)))
    facts += [
        ("REVIEW", f"{row.name} {_slash(row.score, row.possible)}: {'; '.join(row.reasons)}")
        for row in found.rows
        if row.reasons
    ]
    facts += [
        ("CAUSE", say("classpage.summary.cause", function=short, cause=title, number=count, name=name))
        for count, short, title, name in _causes(found, counts)
    ]
    facts += [
        ("CHECK", say("classpage.summary.check", function=short, check=title, passed=passed, average=average))
        for passed, short, title, average in _checks(found, counts)
    ]
    facts += [
        ("EQUAL", say("classpage.summary.group", function=short, cause=title, number=count, name=name))
        for count, short, title, name in _groups(found, counts)
    ]
    facts += [("NOTE", said) for said in note(found, counts).splitlines() if said]
    yield from (text.one_line(f"{kind} {said}") for kind, said in facts)


def to_json(found: Classroom, counts: Overview) -> str:
    """Return everything that was counted, the names of those who need a person, and the note."""
    review = [
        {"submission": row.name, "folder": row.folder, "reasons": row.reasons} for row in found.rows if row.reasons
    ]
    return _json({**msgspec.to_builtins(counts), "review": review, "note": note(found, counts)})


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


def _causes(found: Classroom, counts: Overview) -> Iterator[Cells]:
    short = _shorts(found)
    for one in counts.causes:
        yield f"{one.count:,}", short[one.function], one.title, one.sample.name


def _checks(found: Classroom, counts: Overview) -> Iterator[Cells]:
    """Yield the checks, those that the fewest passed first."""
    short = _shorts(found)
    for one in sorted(counts.checks, key=lambda check: check.share):
        share = f"{one.passed:,} of {one.judged:,}, {percent(one.passed, one.judged)}"
        yield share, short[one.function], one.title, f"{one.points:.2f} of {text.points(one.possible)}"


def _groups(found: Classroom, counts: Overview) -> Iterator[Cells]:
    short = _shorts(found)
    for one in counts.groups:
        yield f"{one.count:,}", short[one.function], "; ".join(one.titles), one.sample.name


def _shorts(found: Classroom) -> dict[str, str]:
    return text.short_names(found.functions)


# --- two attempts ----------------------------------------------------------------------------------------------------


def show_comparison(found: Comparison, functions: tuple[str, ...], console: Console) -> None:
    """Print what became of each cause as a table."""
    _print(console, f"{found.title}: {_matched(found)}", "bold")
    _print(console, _moved(found))
    titles = _titles("cause", "had", "right", "other", "still", "unseen", "fixed", "new")
    rows = [_fixed(one, functions) for one in found.causes]
    _table(
        console, say("classpage.compare.title"), titles, [(f"{short}: {title}", *rest) for *rest, short, title in rows]
    )
    if rows:
        _print(console, say("classpage.compare.columns"), "dim")
    _print(console, say("classpage.compare.limits"), "dim")


def comparison_lines(found: Comparison, functions: tuple[str, ...], *, names: bool) -> Iterator[str]:
    """Yield one fact a line; `names` adds the submissions behind each number."""
    yield text.one_line(f"CLASS {found.title}: {_matched(found)}")
    yield f"SCORES {_moved(found)}"
    for one in found.causes:
        had, right, other, still, unseen, fixed, new, short, title = _fixed(one, functions)
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
            yield from (text.one_line(f"WHO {short}: {title}: {what}: {name}") for what, name in who(one))
    yield f"NOTE {say('classpage.compare.limits')}"


def who(one: CauseChange) -> Iterator[tuple[str, str]]:
    """Yield what became of each submission that has or had a cause, and its name."""
    for what in ("right", "other", "still", "unseen", "new"):
        yield from ((what, name) for name in getattr(one, what))


def comparison_json(found: Comparison, *, names: bool) -> str:
    """Return the comparison; `names` adds the submissions behind each number."""
    whole: dict[str, Any] = {
        **msgspec.to_builtins(found),
        "matched": found.matched,
        "note": say("classpage.compare.limits"),
    }
    for entry, one in zip(whole["causes"], found.causes, strict=True):
        for what in ("right", "other", "still", "unseen", "new"):
            entry[what] = entry[what] if names else len(entry[what])
        entry |= {"had": one.had, "mended": one.fixed, "seen": one.seen, "interval": one.interval}
    return _json(whole)


def _matched(found: Comparison) -> str:
    return say(
        "classpage.compare.matched",
        both=found.matched,
        student=found.by_student,
        name=found.by_name,
        earlier=found.earlier - found.matched,
        later=found.later - found.matched,
    )


def _moved(found: Comparison) -> str:
    return say("classpage.compare.moved", higher=found.higher, same=found.same, lower=found.lower)


def _fixed(one: CauseChange, functions: tuple[str, ...]) -> Cells:
    short = text.short_names(functions).get(one.function, one.function)
    numbers = [one.had, len(one.right), len(one.other), len(one.still), len(one.unseen)]
    return (*(f"{number:,}" for number in numbers), share(one), f"{len(one.new):,}", short, one.title)


def share(one: CauseChange) -> str:
    """Say how many fixed a cause of those that can be judged, and how well that is known."""
    if one.interval is None:
        return say("classpage.compare.none")
    low, high = (round(100 * bound) for bound in one.interval)
    return say("classpage.compare.share", fixed=one.fixed, seen=one.seen, low=low, high=high)


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


def _print(console: Console, said: str, style: str = "") -> None:
    console.print(_encodable(said, console, style), soft_wrap=False)


def _encodable(said: str, console: Console, style: str = "") -> Text:
    """Wrap text that may be anybody's; what the terminal's encoding does not hold becomes a question mark."""
    return Text(text.clean(said).encode(console.encoding, "replace").decode(console.encoding), style)


def _of(score: float, possible: float) -> str:
    return text.of(score, possible)


def _slash(score: float, possible: float) -> str:
    return f"{text.points(score)}/{text.points(possible)}"


def _json(whole: dict[str, Any]) -> str:
    whole_text = json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return whole_text.encode("utf-8", "backslashreplace").decode()  # half a character, as JSON writes it
