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

from grader.classroom.statistics import Classroom, Comparison, Mending, Overview, note
from grader.rendering import text
from grader.rendering.classpage import percent

MOST_NAMES = 10  # of those who need a person, in the tables; the lines and the JSON have all
CELL_COLUMNS = 72
DISCLAIMER = (
    "This counts what changed for those who handed in both times. It cannot say why: there is no class here that got no feedback"
    " to compare with. Intervals hold the true share 95 % of the time (Wilson); where they are wide, the numbers are too small to"
    " tell."
)
COLUMNS = (
    "right: the function is right now; other: another cause stands in its place; unseen: nothing came back, or it could not be"
    " judged; mended: right and other, of all but the unseen, with the 95 % interval; new: did not have it before"
)

Cells = tuple[str, ...]


# --- one class -------------------------------------------------------------------------------------------------------


def show(found: Classroom, counts: Overview, console: Console) -> None:
    """Print the class as tables."""
    _print(console, f"{counts.title}: {_counts(counts)}", "bold")
    if counts.scores:
        _print(console, _scores(counts))
    review = [(row.name, _of(row.score, row.possible), "; ".join(row.reasons)) for row in found.rows if row.reasons]
    _table(console, "For a person to look at", ("submission", "score", "why"), review[:MOST_NAMES])
    if len(review) > MOST_NAMES:
        _print(console, f"  and {len(review) - MOST_NAMES:,} more", "dim")
    _table(console, "What went wrong", ("notebooks", "function", "cause", "example"), list(_causes(found, counts)))
    _table(console, "How hard each check was", ("passed", "function", "check", "average"), list(_checks(found, counts)))
    _table(
        console,
        "The very same wrong numbers",
        ("notebooks", "function", "cause", "example"),
        list(_groups(found, counts)),
    )
    _print(console, "\nA note to the class", "bold")
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
        ("CAUSE", f"{short}: {title}: {count}, example {name}") for count, short, title, name in _causes(found, counts)
    ]
    facts += [
        ("CHECK", f"{short}: {title}: passed by {passed}; average {average}")
        for passed, short, title, average in _checks(found, counts)
    ]
    facts += [
        ("EQUAL", f"{short}: {title}: {count} with the same numbers, example {name}")
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
    said = [
        f"{counts.submissions:,} submission{'' if counts.submissions == 1 else 's'}",
        f"{counts.passed:,} passed everything",
        f"{counts.needs_person:,} {'needs' if counts.needs_person == 1 else 'need'} a person",
    ]
    if counts.ruled:
        said.append(f"{counts.ruled:,} with points changed by a person")
    return ", ".join(said)


def _scores(counts: Overview) -> str:
    if counts.scores is None:
        return ""
    low, median, high = map(text.points, counts.scores.quartiles)
    scores = counts.scores
    return (
        f"{scores.count:,} judged in full, of {text.points(scores.possible)}: lowest {text.points(scores.lowest)}, median"
        f" {median}, middle half {low} to {high}, highest {text.points(scores.highest)}"
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
    titles = ("cause", "had it", "right", "other", "still", "unseen", "mended", "new")
    rows = [_mended(one, functions) for one in found.causes]
    _table(console, "Who mended what", titles, [(f"{short}: {title}", *rest) for *rest, short, title in rows])
    if rows:
        _print(console, COLUMNS, "dim")
    _print(console, DISCLAIMER, "dim")


def comparison_lines(found: Comparison, functions: tuple[str, ...], *, names: bool) -> Iterator[str]:
    """Yield one fact a line; `names` adds the submissions behind each number."""
    yield text.one_line(f"CLASS {found.title}: {_matched(found)}")
    yield f"SCORES {_moved(found)}"
    for one in found.causes:
        had, right, other, still, unseen, share, new, short, title = _mended(one, functions)
        yield text.one_line(
            f"CAUSE {short}: {title}: {had} had it, {right} right now, {other} with another cause, {still} still,"
            f" {unseen} cannot be seen; mended {share}; {new} new"
        )
        if names:
            yield from (text.one_line(f"WHO {short}: {title}: {what}: {name}") for what, name in who(one))
    yield f"NOTE {DISCLAIMER}"


def who(one: Mending) -> Iterator[tuple[str, str]]:
    """Yield what became of each submission that has or had a cause, and its name."""
    for what in ("right", "other", "still", "unseen", "new"):
        yield from ((what, name) for name in getattr(one, what))


def comparison_json(found: Comparison, *, names: bool) -> str:
    """Return the comparison; `names` adds the submissions behind each number."""
    whole: dict[str, Any] = {**msgspec.to_builtins(found), "matched": found.matched, "note": DISCLAIMER}
    for entry, one in zip(whole["causes"], found.causes, strict=True):
        for what in ("right", "other", "still", "unseen", "new"):
            entry[what] = entry[what] if names else len(entry[what])
        entry |= {"had": one.had, "mended": one.mended, "seen": one.seen, "interval": one.interval}
    return _json(whole)


def _matched(found: Comparison) -> str:
    left = found.earlier - found.matched, found.later - found.matched
    return (
        f"{found.matched:,} in both attempts ({found.by_student:,} by student, {found.by_name:,} by name),"
        f" {left[0]:,} only in the earlier, {left[1]:,} only in the later"
    )


def _moved(found: Comparison) -> str:
    return f"of those judged in full both times, {found.higher:,} have more points, {found.same:,} as many, {found.lower:,} fewer"


def _mended(one: Mending, functions: tuple[str, ...]) -> Cells:
    short = text.short_names(functions).get(one.function, one.function)
    numbers = [one.had, len(one.right), len(one.other), len(one.still), len(one.unseen)]
    return (*(f"{number:,}" for number in numbers), share(one), f"{len(one.new):,}", short, one.title)


def share(one: Mending) -> str:
    """Say how many mended a cause of those that can be judged, and how well that is known."""
    if one.interval is None:
        return "none to judge by"
    low, high = (round(100 * bound) for bound in one.interval)
    return f"{one.mended:,} of {one.seen:,} ({low} to {high} %)"


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
