"""The one record that the page's first screen, the terminal and every LMS comment show."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from grader.explaining.facts import plain_number
from grader.messages import has_words, say
from grader.records import Cause, Diagnosis, FunctionResult, NotebookInfo, Summary
from grader.records.places import with_names
from grader.records.points import of
from grader.records.wording import accuracies, short_names

MOST_CHARACTERS = 1000  # of headline, next step and text together
DAMAGES = ("truncated_json", "damaged_function")  # problems of a file of which a part is lost
MOST_WORDS = 122  # of the same; title, parts and file name bring a page's first screen to 150


def summarize(
    notebook: NotebookInfo,
    functions: Mapping[str, FunctionResult],
    *,
    is_part: bool = False,
) -> Summary:
    """Say how much is right, the next step, and why the run ended as it did; `is_part` where there are further functions."""
    if notebook.status in ("unreadable", "wrong_notebook", "no_notebook"):
        return _unread(notebook)
    wrong = {
        name: function for name, function in functions.items() if not function.passed and function.status != "broken"
    }
    broken = [name for name, function in functions.items() if function.provisional]
    order = _order(notebook, wrong)
    names = [_in_backticks(short_names(functions)[name]) for name in order]
    verdict = say("feedback.headline.part") if is_part and not wrong and not broken else _headline(names, bool(broken))
    step = _next_step(notebook, wrong, bool(broken))
    text = _reasons(wrong, functions) if wrong else _measured(functions)
    return _cut(verdict, step, text, score=f"{_score(functions)}. ")


def _reasons(wrong: Mapping[str, FunctionResult], functions: Mapping[str, FunctionResult]) -> str:
    """Say why the first run that is not right ended as it did; where nothing was trained, say so, or what is right."""
    first = next(iter(wrong.values()))
    if first.reasons:
        return first.reasons
    if first.training is None and first.status == "graded":
        return say("feedback.reason.untrained")
    right = [_in_backticks(short) for name, short in short_names(functions).items() if functions[name].passed]
    return say("feedback.right", names=right, count=len(right)) if right else ""


def _in_backticks(name: str) -> str:
    """Return a name as sentences have it: HTML and Markdown set it as code, so that nobody reads `he` as a pronoun."""
    return f"`{name}`"


def place(function: FunctionResult, cell_names: Mapping[int, str]) -> str:
    """Return where the proved fault is, or else the function, in the words of what its student sees."""
    source = function.source
    proved = next((cause.place for cause in function.told[:1] if cause.place), None)
    if source is None or (proved is not None and proved.cell != source.cell):
        return with_names(f"{proved}", cell_names) if proved else ""
    line = source.line if proved is None else proved.line
    defined = source.code.partition("def ")[2].partition("(")[0]
    if (
        defined and defined in source.name
    ):  # a cell that was never run, named by a line that says no more than the function
        return say("feedback.place.own", line=line) if proved else ""  # the line of the `def` is none to change
    name = source.name or ("" if source.cell is None else say("list.place.cell", cell=source.cell))
    if proved is None:
        return name or say("list.place.line", line=line)
    if function.known and function.known.is_new_line:
        return say("feedback.place.new_line", name=name, line=line) if name else say("list.place.line", line=line)
    return say("feedback.place", name=name, line=line) if name else say("list.place.line", line=line)


def _unread(notebook: NotebookInfo) -> Summary:
    problems = " ".join(problem.message for problem in notebook.problems)
    return _cut(say(f"feedback.headline.{notebook.status}"), say("feedback.step.notebook"), problems)


def _score(functions: Mapping[str, FunctionResult]) -> str:
    earned, possible = (
        sum(getattr(function, key) for function in functions.values()) for key in ("points", "possible")
    )
    return of(earned, possible)


def _headline(wrong: Sequence[str], broken: bool) -> str:  # a fact, not a switch
    if broken:
        return say("feedback.headline.provisional")
    if not wrong:
        return say("feedback.headline.right")
    if len(wrong) == 1:
        return say("feedback.headline.wrong")
    return say("feedback.headline.wrong.several", number=len(wrong), first=wrong[0], others=wrong[1:])


def _order(notebook: NotebookInfo, wrong: Mapping[str, FunctionResult]) -> list[str]:
    """Return the functions that are not right in the order to work on them: first the one that the next step is about."""
    first = [name for name, function in wrong.items() if function.told or _is_lost(notebook, function)][:1]
    return [*first, *(name for name in wrong if name not in first)]


def _is_lost(notebook: NotebookInfo, function: FunctionResult) -> bool:
    """Return whether a function is missing in a file of which a part is lost."""
    return _is_damaged(notebook) and function.diagnosis.causes[:1] == ("missing",)


def _is_damaged(notebook: NotebookInfo) -> bool:
    return any(problem.code in DAMAGES for problem in notebook.problems)


def _next_step(notebook: NotebookInfo, wrong: Mapping[str, FunctionResult], broken: bool) -> str:
    conflict = next((problem for problem in notebook.problems if problem.code == "merge_conflict"), None)
    if conflict:
        where = _before(conflict.message, say("reading.problem.merge_conflict", where=""))
        return say("steps.merge_conflict", where=where)
    for name in _order(notebook, wrong)[:1]:
        function = wrong[name]
        if _is_lost(notebook, function):
            return say("feedback.step.download", name=name)
        if function.told:
            return _step(name, function, place(function, notebook.cell_names))
    if wrong:
        return say("feedback.step.checks")
    if broken:
        return say("feedback.step.wait")
    return say("feedback.step.incomplete" if _is_damaged(notebook) else "feedback.step.nothing")


def _step(name: str, function: FunctionResult, where: str) -> str:
    """Return what to do about the first cause of a function, and where that is, or where what it adds is used."""
    cause = function.told[0]
    action = hint(cause, function.diagnosis)
    if not where:
        return say("feedback.step", name=name, action=action)
    is_elsewhere = cause.message_id == "steps.name.import"  # the line to add is not where the fault is
    return say("feedback.step.used" if is_elsewhere else "feedback.step.at", name=name, where=where, action=action)


def _before(message: str, ending: str) -> str:
    """Return what a message says before its ending, or else before its first colon."""
    return message.removesuffix(ending) if message.endswith(ending) else message.partition(":")[0]


def hint(cause: Cause, diagnosis: Diagnosis) -> str:
    """Return what to do about a cause; of an idea that the student is to find not the answer, which the last fold protects."""
    is_number = (
        plain_number(text) is not None for text in (diagnosis.scale_formula, (cause.asked or "").split(" ")[-1])
    )
    if cause.kind == "slip" or all(is_number):
        return cause.action
    if cause.code.startswith("scale_") and diagnosis.scale_formula:
        symbols = [symbol for symbol in ("n_in", "n_out") if symbol in diagnosis.scale_formula]
        which = f".{symbols[0]}" if len(symbols) == 1 else ""
        return say(f"feedback.hint.rule{which}", yours=diagnosis.scale_formula)
    return say(f"feedback.hint.{cause.code}") if has_words(f"feedback.hint.{cause.code}") else cause.action


def without_answers(function: FunctionResult) -> FunctionResult:
    """Return a function's result without the answers that the page keeps for its last fold, unless the fix is shown."""
    if function.known is not None and function.known.old is not None:
        return function
    actions = {cause.action: hint(cause, function.diagnosis) for cause in function.told}
    kept_back = {action: step for action, step in actions.items() if step != action}
    if not kept_back:
        return function
    causes = tuple(
        replace(cause, action=kept_back[cause.action], asked=None, reason="") if cause.action in kept_back else cause
        for cause in function.told
    )
    paragraphs = tuple(text for text in function.explanation if not any(action in text for action in kept_back))
    return replace(function, told=causes, explanation=paragraphs)


def _measured(functions: Mapping[str, FunctionResult]) -> str:
    short = short_names(functions)
    trainings = {name: result.training for name, result in functions.items() if result.training}
    runs = ", ".join(f"{_in_backticks(short[name])} {accuracies(training)}" for name, training in trainings.items())
    tested = any(training.test_accuracy is not None for training in trainings.values())
    message = say("feedback.measured" if tested else "feedback.measured.train", runs=runs)
    return message if runs else ""


def _cut(verdict: str, step: str, text: str, *, score: str = "") -> Summary:
    """Keep the whole within its bounds: of a text that is too long the last sentences are left out, or a first one is cut."""
    headline = score + verdict
    characters = MOST_CHARACTERS - len(headline) - len(step)
    words = MOST_WORDS - len(headline.split()) - len(step.split())
    ends = [word.end() for word in re.finditer(r"\S+", text)]
    if len(text) <= characters and len(ends) <= words:
        return Summary(headline, step, text, verdict)
    fitting = text[: min([characters - 1, *ends[words - 1 : words]])]
    whole = [end.end() for end in re.finditer(r"[.?!](?=\s+[A-Z])", text) if end.end() <= len(fitting)]
    return Summary(headline, step, fitting[: whole[-1]] if whole else f"{fitting.rstrip()}…", verdict)
