"""What a person should look at before results go out, and why."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from grader.messages import say
from grader.records import FunctionResult, Result
from grader.records.wording import first_few, short_names

ItemKind = Literal["provisional", "nobody", "no_notebook", "unreadable", "wrong_notebook", "cannot_tell", "ruling", "same_file",
               "late", "once", "sample"]  # fmt: skip
_CauseKey = tuple[str, str]  # function, code
KINDS: tuple[ItemKind, ...] = get_args(ItemKind)

MOST_OTHERS = 5  # files that a line names
_UNREAD = ("no_notebook", "unreadable", "wrong_notebook")


@dataclass(frozen=True, slots=True)
class Item:
    """Something to look at: in which submission, in which folder its pages lie, what kind of thing it is, and why.

    What is `held` is not exported before somebody has looked at it, unless that is asked for.
    """

    submission: str
    folder: str
    kind: ItemKind
    why: str
    held: bool = False


def reasons(result: Result) -> tuple[str, ...]:
    """Return why a person has to look at a result before it is released; nothing where nobody has to."""
    return tuple(why for _, why in _held(result))


def open_items(results: Iterable[Result], seen: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Return what still has to be looked at, by the submission's name; `seen` are those that a person has looked at."""
    kinds = {result.submission.name: reasons(result) for result in results if result.submission.name not in seen}
    return {name: why for name, why in kinds.items() if why}


def items(
    entries: Iterable[tuple[str, float, Result]],
    seen: Collection[str],
    rulings: Mapping[str, Sequence[str]],
    same_files: Sequence[Sequence[str]],
    nobody: Collection[str] = (),
    late: Mapping[str, str] | None = None,
) -> list[Item]:
    """Return everything to look at in a class; what keeps results back comes first.

    `entries` are folder, seconds and result of each submission, `rulings` says what is odd about a ruling and nobody has
    looked at, by submission, `same_files` names the submissions that are the same file, `nobody` those that are nobody's,
    `late` says of those that were handed in late when that was.
    """
    rows: list[Item] = []
    folders: dict[str, str] = {}
    untouched: set[str] = set()
    causes: dict[_CauseKey, tuple[str, list[str]]] = {}
    for folder, _, result in entries:
        name = result.submission.name
        folders[name] = folder
        rows += [Item(name, folder, kind, why, held=True) for kind, why in _held(result)]
        rows += [Item(name, folder, "ruling", why) for why in rulings.get(name, ())]
        if not any(item.source and item.status != "not_attempted" for item in result.functions.values()):
            untouched.add(name)  # equal templates say nothing about anybody
        for cause, words in _causes(result):
            _, submissions = causes.setdefault(cause, (words, []))
            if len(submissions) < 2:
                submissions.append(name)
    rows += [Item(name, folders[name], "nobody", say("classroom.reason.nobody")) for name in nobody]
    rows += [Item(name, folders[name], "late", why) for name, why in (late or {}).items()]
    for names in same_files:
        if not untouched & set(names):
            rows += [Item(item, folders[item], "same_file", _others(item, names)) for item in names]
    rows += _samples(causes, folders, seen)
    left = (item for item in rows if item.kind == "ruling" or item.submission not in seen)
    return sorted(left, key=lambda item: KINDS.index(item.kind))


def _held(result: Result) -> Iterator[tuple[ItemKind, str]]:
    status = result.notebook.status
    if result.provisional:
        yield "provisional", say("classroom.reason.provisional")
    elif status in _UNREAD:
        if not result.settled_by_person:
            yield status, say(f"classroom.reason.{status}")  # type: ignore[misc]  # it is one of the kinds
    else:
        short = short_names(result.functions)
        unclear = [short[name] for name, function in result.functions.items() if _cannot_tell(function)]
        if unclear and not any(adjustment.kind == "score" for adjustment in result.adjustments):
            yield "cannot_tell", say("classroom.reason.cannot_tell", functions=tuple(unclear))


def _cannot_tell(function: FunctionResult) -> bool:
    """Whether a function fails and its numbers do not say why; once a person has ruled on it, nobody has to know."""
    diagnosis = function.diagnosis
    unclear = "unknown" in diagnosis.causes or diagnosis.seed_status == "unknown"
    return unclear and not function.passed and function.ruling is None


def _causes(result: Result) -> Iterator[tuple[_CauseKey, str]]:
    """Yield each cause of a notebook that could be read, with its words."""
    if result.notebook.status in {"ok", "repaired"}:
        short = short_names(result.functions)
        for name, function in result.functions.items():
            titles = {cause.code: cause.title for cause in function.told}
            for cause in function.diagnosis.causes:
                yield (name, cause), f"{short[name]}: {titles.get(cause) or cause.replace('_', ' ')}"


def _samples(
    causes: Mapping[_CauseKey, tuple[str, Sequence[str]]], folders: Mapping[str, str], seen: Collection[str]
) -> Iterator[Item]:
    """Yield each cause with the first who has it, as long as nobody has looked at one of them."""
    for words, names in causes.values():
        first = names[0]
        if not set(seen) & set(names):
            yield Item(first, folders[first], "once" if len(names) == 1 else "sample", words)


def _others(name: str, names: Sequence[str]) -> str:
    others = [other for other in names if other != name]
    return say("classroom.reason.same_file", names=first_few(others, MOST_OTHERS))
