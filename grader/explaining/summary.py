"""The one record that the page's first screen, the terminal and every LMS comment show."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from grader.explaining.numbers import LN2_SAID, costs, last_printed, plain
from grader.messages import listed, say
from grader.records import CheckResult, Diagnosis, FunctionResult, NotebookInfo, Summary, TrainingResult
from grader.records.points import of
from grader.records.wording import accuracies, short_names

SMALL = 0.3  # factors below it were measured to wait
MOST_CHARACTERS = 1000  # of headline, next step and text together
_DAMAGES = ("truncated_json", "damaged_function")  # problems of a file of which a part is lost
MOST_WORDS = 122  # of the same; title, parts and file name bring a page's first screen to 150


def summarize(
    notebook: NotebookInfo,
    functions: Mapping[str, FunctionResult],
    reference: Mapping[str, Diagnosis],
    *,
    is_part: bool = False,
) -> Summary:
    """Say how much is right, the one thing to do next, and what was measured; `is_part` where there are further functions."""
    if notebook.status in ("unreadable", "wrong_notebook", "no_notebook"):
        return _unread(notebook)
    wrong = {name: one for name, one in functions.items() if not one.passed and one.status != "broken"}
    broken = [name for name, one in functions.items() if one.provisional]
    verdict = "This part is right." if is_part and not wrong and not broken else _headline(len(wrong), bool(broken))
    short = short_names(functions)
    step = _next_step(notebook, wrong, bool(broken))
    first = list(wrong)[:1]
    right = [_right(functions), *(_trying(wrong[name], reference[name]) for name in first), _more(wrong)]
    ran = (
        [sentence for name in first for sentence in _ran(short[name], wrong[name])] if wrong else [_measured(functions)]
    )
    paragraphs = (" ".join(filter(None, sentences)) for sentences in (right, ran))
    return _cut(verdict, step, "\n\n".join(filter(None, paragraphs)), score=f"{_score(functions)}. ")


def place(function: FunctionResult) -> str:
    """Return where the proved fault stands, or else the function, in words."""
    source = function.source
    proved = next((cause.place for cause in function.told[:1] if cause.place), None)
    if proved is not None:
        return f" ({proved})"
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
    return of(earned, possible)


def _headline(wrong: int, broken: bool) -> str:  # a fact, not a switch
    if broken:
        return "A part could not be judged, through no fault of yours; this is provisional."
    if not wrong:
        return "All functions are right."
    return "One function is not right yet." if wrong == 1 else f"{wrong} functions are not right yet."


def _next_step(notebook: NotebookInfo, wrong: Mapping[str, FunctionResult], broken: bool) -> str:
    conflict = next((problem for problem in notebook.problems if problem.code == "merge_conflict"), None)
    if conflict:
        where = conflict.message.partition(":")[0]
        return say("steps.merge_conflict", where=where)
    for name, function in wrong.items():
        if function.diagnosis.causes[:1] == ("missing",) and any(
            problem.code in _DAMAGES for problem in notebook.problems
        ):
            return f"{name}: download the notebook again from where you work on it, and hand in the whole file."
        if function.told:
            return f"{name}{place(function)}: {function.told[0].action}."
    if wrong:
        return "Read what each function's checks say."
    return "Wait for a person to look at it." if broken else "Nothing is left to do."


def _right(functions: Mapping[str, FunctionResult]) -> str:
    right, short = [name for name, one in functions.items() if one.passed], short_names(functions)
    if len(right) == len(functions):
        return ""
    said = listed(short[name] for name in right) if right else ""
    wrong = next((name for name, one in functions.items() if not one.passed and one.status == "graded"), None)
    parts = [] if wrong is None else [PARTS[check.name] for check in functions[wrong].checks if _holds(check)]
    if wrong is not None and parts:
        said += f"{'; in' if said else 'in'} {short[wrong]} {listed(parts)}"
    return f"Right already: {said}." if said else ""


PARTS: Mapping[str, str] = {  # of a function, by the check that pays for it
    "shapes": "shapes",
    "weights": "weights",
    "biases": "biases",
    "distribution": "distribution",
    "draws": "seed",
    "scale": "scale",
}


def _holds(check: CheckResult) -> bool:
    return check.verdict == "passed" and check.name in PARTS


def _trying(function: FunctionResult, required: Diagnosis) -> str:
    """Say that an experiment is no failure."""
    wanted = required.scale_formula
    if function.diagnosis.causes[:1] != ("scale_constant",) or wanted is None or not _is_number(wanted):
        return ""
    return f"Trying out scales is a good idea; put {wanted} back before handing in."


def _ran(short: str, function: FunctionResult) -> Iterator[str]:
    """Say of the first function that is not right what its run did and why, as far as it was measured."""
    mine, asked = function.training, function.reference_training
    if mine is None or asked is None:
        return
    ends = f"The run of {short} ends with train / test accuracy {accuracies(mine)}"
    if (mine.train_accuracy, mine.test_accuracy) == (asked.train_accuracy, asked.test_accuracy):
        yield f"{ends}, as the right answer's does."
        return
    yield f"{ends}, the right answer's with {accuracies(asked)}."
    if function.diagnosis.seed_status in {"missing", "outside_function"}:
        yield "Without a seed in the function each run differs: this is one of many."
    if mine.regime == "plateau":
        yield from _stuck(mine, asked, function.diagnosis)


def _is_number(formula: str) -> bool:
    try:
        float(formula)
    except ValueError:
        return False
    return True


def _stuck(mine: TrainingResult, asked: TrainingResult, diagnosis: Diagnosis) -> Iterator[str]:
    first, later = costs(float(mine.cost_first), float(mine.cost_14000))
    yield f"Its cost was {first} at iteration 0 and {later} at {last_printed(mine)}; always answering 0.5 costs {LN2_SAID}."
    largest, theirs = (max(map(float, run.gradient_norms)) for run in (mine, asked))
    if all(abs(float(factor)) < SMALL for factor in diagnosis.scale or (SMALL,)) and largest < theirs:
        yield (
            f"Small weights make tiny gradients: about {plain(largest)} at the start, with the right answer's about "
            f"{plain(theirs)}."
        )
    if mine.escape is not None:
        yield f"Waiting helps: the cost falls below 0.6 at iteration {mine.escape:,}."


def _more(wrong: Mapping[str, FunctionResult]) -> str:
    causes = sum(max(1, len(one.told)) for one in wrong.values())
    if causes < 2:
        return ""
    return f"After this {'one more thing is' if causes == 2 else f'{causes - 1} more things are'} left."


def _measured(functions: Mapping[str, FunctionResult]) -> str:
    short = short_names(functions)
    runs = [f"{short[name]} {accuracies(one.training)}" for name, one in functions.items() if one.training]
    return f"Measured train / test accuracy of your parameters: {', '.join(runs)}." if runs else ""


def _cut(verdict: str, step: str, text: str, *, score: str = "") -> Summary:
    """Keep the whole within its bounds: of a text that is too long the last sentences are left out, or a first one is cut."""
    headline = score + verdict
    characters = MOST_CHARACTERS - len(headline) - len(step)
    words = MOST_WORDS - len(headline.split()) - len(step.split())
    ends = [word.end() for word in re.finditer(r"\S+", text)]
    if len(text) <= characters and len(ends) <= words:
        return Summary(headline, step, text, verdict)
    kept = text[: min([characters - 1, *ends[words - 1 : words]])]
    whole = [found.end() for found in re.finditer(r"[.?!](?=\s+[A-Z])", text) if found.end() <= len(kept)]
    return Summary(headline, step, kept[: whole[-1]] if whole else f"{kept.rstrip()}…", verdict)
