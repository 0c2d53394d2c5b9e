"""The one record that the page's first screen, the terminal and every LMS comment show."""

from __future__ import annotations

from collections.abc import Mapping

from grader.explain.words import action
from grader.records import Diagnosis, FunctionResult, NotebookInfo, Source, Summary

MOST_CHARACTERS = 1000  # of headline, next step and text together


def summarize(
    notebook: NotebookInfo, functions: Mapping[str, FunctionResult], reference: Mapping[str, Diagnosis]
) -> Summary:
    """Say how much is right, the one thing to do next, and what was measured."""
    if notebook.status in ("unreadable", "wrong_notebook", "no_notebook"):
        return _unread(notebook)
    wrong = {name: one for name, one in functions.items() if not one.passed and one.status != "broken"}
    broken = [name for name, one in functions.items() if one.provisional]
    headline = f"{_score(functions)}. {_headline(len(wrong), bool(broken))}"
    step = _next_step(wrong, reference, bool(broken))
    text = " ".join(filter(None, [_right(functions), _more(wrong), _measured(functions)]))
    return _cut(headline, step, text)


def points(value: float) -> str:
    """Return points without a needless `.0`."""
    return f"{value:g}"


def place(source: Source | None) -> str:
    """Return where a function stands, in words."""
    if source is None:
        return ""
    return f" (cell {source.cell})" if source.cell is not None else f" (line {source.line})"


def _unread(notebook: NotebookInfo) -> Summary:
    headlines = {
        "unreadable": "The file could not be read.",
        "wrong_notebook": "This is not the notebook of this exercise.",
        "no_notebook": "No notebook was handed in.",
    }
    said = " ".join(problem.message for problem in notebook.problems)
    return _cut(headlines[notebook.status], "Hand in the notebook of this exercise as an .ipynb file.", said)


def _score(functions: Mapping[str, FunctionResult]) -> str:
    earned, possible = (sum(getattr(one, key) for one in functions.values()) for key in ("points", "possible"))
    return f"{points(earned)} of {points(possible)}"


def _headline(wrong: int, broken: bool) -> str:  # a fact, not a switch
    if broken:
        return "A part could not be judged, through no fault of yours; this is provisional."
    if not wrong:
        return "All functions are right."
    return "One function is not right yet." if wrong == 1 else f"{wrong} functions are not right yet."


def _next_step(wrong: Mapping[str, FunctionResult], reference: Mapping[str, Diagnosis], broken: bool) -> str:
    for name, one in wrong.items():
        asked, mine = reference[name], one.diagnosis
        cause = mine.causes[0] if mine.causes else "unknown"
        todo = action(cause, yours=mine.scale_formula, asked=asked.scale_formula, seed=asked.seed)
        return f"{name}{place(one.source)}: {todo}."
    return "Wait for a person to look at it." if broken else "Nothing is left to do."


def _right(functions: Mapping[str, FunctionResult]) -> str:
    right = [name for name, one in functions.items() if one.passed]
    if not right or len(right) == len(functions):
        return ""
    return f"Right already: {', '.join(right)}."


def _more(wrong: Mapping[str, FunctionResult]) -> str:
    causes = sum(max(1, len(one.diagnosis.causes)) for one in wrong.values())
    if causes < 2:
        return ""
    return f"After this {'one more thing is' if causes == 2 else f'{causes - 1} more things are'} left."


def _measured(functions: Mapping[str, FunctionResult]) -> str:
    runs = [
        f"{name.rsplit('_', 1)[-1]} {one.training.train_accuracy:.4g} / {one.training.test_accuracy:.4g}"
        for name, one in functions.items()
        if one.training
    ]
    return f"Measured train / test accuracy of your parameters: {', '.join(runs)}." if runs else ""


def _cut(headline: str, step: str, text: str) -> Summary:
    """Keep the whole within its bound; only the text is ever cut."""
    room = MOST_CHARACTERS - len(headline) - len(step)
    return Summary(headline, step, text if len(text) <= room else text[: room - 1] + "…")
