"""What a person should look at before results go out, and why."""

from __future__ import annotations

from grader.records import Result


def reasons(result: Result) -> tuple[str, ...]:
    """Return why a person has to look at a result before it is released; nothing where nobody has to."""
    if result.provisional:
        return ("a part could not be judged",)
    if result.notebook.status not in {"ok", "repaired"}:
        return (f"the notebook is {result.notebook.status.replace('_', ' ')}",)
    return ()
