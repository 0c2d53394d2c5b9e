"""What a person should look at before results go out, and why."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from grader.records import FunctionResult, Result


def reasons(result: Result) -> tuple[str, ...]:
    """Return why a person has to look at a result before it is released; nothing where nobody has to."""
    if result.provisional:
        return ("a part could not be judged",)
    ruled = any(one.ruling for one in result.functions.values())
    if result.notebook.status not in {"ok", "repaired"} and not ruled:
        return (f"the notebook is {result.notebook.status.replace('_', ' ')}",)
    unclear = [name.rsplit("_", 1)[-1] for name, one in result.functions.items() if _cannot_tell(one)]
    return (f"we cannot tell what is wrong in {', '.join(unclear)}",) if unclear else ()


def open_items(results: Iterable[Result], seen: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Return what still has to be looked at, by the submission's name; `seen` are those that a person has looked at."""
    found = {one.submission.name: reasons(one) for one in results if one.submission.name not in seen}
    return {name: why for name, why in found.items() if why}


def _cannot_tell(function: FunctionResult) -> bool:
    """Whether a function fails and its numbers do not say why; once a person has ruled on it, nobody has to know."""
    diagnosis = function.diagnosis
    unclear = "unknown" in diagnosis.causes or diagnosis.seed_status == "unknown"
    return unclear and not function.passed and function.ruling is None
