"""Writes the folder of a new exercise from another one: settings, right answers, the student's notebook, quotes, README."""

from __future__ import annotations

import ast
import contextlib
import re
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

import msgspec

from grader import messages
from grader.authoring import notebooks, rewrite, student
from grader.authoring.choices import Choices, defaults
from grader.authoring.notebooks import NewCell
from grader.exercise import load as exercises
from grader.exercise import quotes, schema, shipped
from grader.exercise.load import Exercise
from grader.files import write
from grader.judging.checks import CHECKS
from grader.messages import refusal, say
from grader.pipeline import Pipeline
from grader.precompute.parts import QUICK, STATE
from grader.running.solution import require_returned

SOLUTION, ASSIGNMENT, README = "solution.ipynb", "assignment.ipynb", "README.md"


def require_free(folder: Path) -> None:
    """Refuse a place for a new exercise in which something is.

    Raises
    ------
    RequestError
        If it is a file, or a folder that is not empty.
    """
    if folder.is_dir() and (folder / STATE).is_file():
        raise refusal("authoring.init.unfinished", folder=folder)
    try:
        is_free = not any(folder.iterdir()) if folder.is_dir() else not folder.exists()
    except OSError as error:
        raise refusal(
            "authoring.init.unreadable", folder=folder, reason=error.strerror, hint="authoring.init.used.hint"
        ) from None
    if not is_free:
        raise refusal("authoring.init.used", folder=folder)


def create(folder: Path, source: Exercise, choices: Choices) -> Exercise:
    """Write an exercise but for its measured numbers, and return it.

    Raises
    ------
    RequestError
        If the place is not free, or the choices make no usable exercise: then nothing is left behind.
    SandboxError
        If the right answers cannot be confined on this machine.
    """
    require_free(folder)
    existed, is_whole = folder.is_dir(), False
    try:
        folder.mkdir(parents=True, exist_ok=True)
        exercise = _written(folder, source, choices)
        is_whole = True
    except OSError as error:
        raise refusal(
            "authoring.init.not_written", folder=folder, reason=error.strerror, hint="authoring.init.used.hint"
        ) from None
    finally:
        if not is_whole:  # also after a stop: nothing is left that a second try would take for somebody's
            _remove(folder, itself=not existed)
    return exercise


def _remove(folder: Path, *, itself: bool) -> None:
    """Remove what was written into a folder that was empty."""
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        if itself:
            folder.rmdir()


def _written(folder: Path, source: Exercise, choices: Choices) -> Exercise:
    before = defaults(source)
    scales = (before.scale, choices.scale) if before.scale is not None and choices.scale is not None else None
    text = _table((source.folder / "exercise.toml").read_text(encoding="utf-8"), source, choices, _slug(folder), scales)
    write(folder / "exercise.toml", text)
    write(folder / schema.FILE, schema.text())
    write(folder / SOLUTION, notebooks.write_text(_solution(source, choices, scales)))
    _copy_messages(source, folder)
    exercise = exercises.load(str(folder.absolute()), CHECKS)
    cells = student.assignment(exercise, _functions(exercise), _answers(exercise))
    write(folder / ASSIGNMENT, notebooks.write_text(cells))
    write(folder / quotes.FILE, _quotes(exercise))
    write(folder / README, say("authoring.readme", **_facts(exercise, folder)))
    return exercise


def _slug(folder: Path) -> str:
    """Return the name of an exercise, from that of its folder."""
    return re.sub(r"[^a-z0-9]+", "-", folder.absolute().name.lower()).strip("-") or "exercise"


def _table(text: str, source: Exercise, choices: Choices, name: str, scales: tuple[float, float] | None) -> str:
    """Return exercise.toml with the choices; comments of the exercise to start from stay."""
    changes: list[tuple[str, str, object]] = [
        ("", "name", name),
        ("", "title", choices.title),
        ("model", "layers", list(choices.layers)),
        ("model", "learning_rate", choices.learning_rate),
        ("model", "iterations", choices.iterations),
    ]
    seeds = shipped.required_seed(source), choices.seed
    for task in source.tasks:
        section = f"functions.{task.name}"
        changes.append((section, "asks", rewrite.set_numbers(task.asks, seeds, scales)))
        if task.seed_before is not None:
            changes.append((section, "seed_before", choices.seed))
    for section, key, value in changes:
        text = rewrite.set_value(text, section, key, value)
    for section, key in (("", "lab_url"), ("words", "note")):  # they speak of the exercise to start from
        text = rewrite.drop(text, section, key)
    language = messages.environment()[messages.LANGUAGE]
    if language != messages.SOURCE:  # the notebook is written in it, so pages are too
        text = rewrite.add(rewrite.drop(text, "words", "language"), "words", "language", language)
    lines = text.splitlines(keepends=True)
    while lines and lines[0].startswith("#"):  # what the shipped file says of itself
        del lines[0]
    heading = say("authoring.toml.heading", schema=schema.FILE, title=choices.title, name=source.name)
    return f"{heading}\n{''.join(lines)}"


def _solution(source: Exercise, choices: Choices, scales: tuple[float, float] | None) -> list[NewCell]:
    """Return the cells of the right answers, with another seed and scale; the words are the tasks' own."""
    factors: Mapping[float, float] = dict([scales]) if scales else {}
    seeds = shipped.required_seed(source), choices.seed
    tasks = {task.name: task for task in source.tasks}
    cells = [NewCell("markdown", "title", say("authoring.solution.title", title=choices.title))]
    for at, code in enumerate(notebooks.code_cells(source.folder / SOLUTION)):
        for name in (name for name in tasks if re.search(rf"^def {re.escape(name)}\(", code, re.MULTILINE)):
            asks = rewrite.set_numbers(tasks[name].asks, seeds, scales)
            cells.append(NewCell("markdown", f"{tasks[name].short}-text", f"`{name}`: {asks}"))
        try:
            changed = rewrite.set_code(code, choices.seed, factors)
        except SyntaxError:
            changed = code
        cells.append(NewCell("code", f"code-{at}", changed))
    return cells


def _copy_messages(source: Exercise, folder: Path) -> None:
    """Copy a teacher's own sentences, if the exercise to start from has some in its folder."""
    for path in source.folder.iterdir():
        if path.is_dir() and any(path.glob("*.po")):
            shutil.copytree(path, folder / path.name)


def _answers(exercise: Exercise) -> student.Answers:
    """Return what the right answers give for the sizes of the visible tests, run in the confined child."""
    answers = {}
    with Pipeline(exercise, secrets.token_bytes(32)) as pipeline:
        for task in exercise.tasks:
            calls = [call for call in exercise.calls(task, b"") if call.layers == task.course_test][:1]
            outcomes = pipeline.solution.outcomes(task.name, calls)
            require_returned(task.name, outcomes, calls)
            answers[task.name] = {name: array.numpy() for name, array in outcomes[0].arrays.items()}
    return answers


def _quotes(exercise: Exercise) -> str:
    """Return quotes.toml for a notebook that claims nothing: only how its functions count the layers may be said of it."""
    counts = all("L = len(layers_dims) - 1" in student.template(node) for node in _functions(exercise).values())
    counts = counts and all(len(task.notebook_call) == 3 for task in exercise.tasks)  # the sentence says that L is 2
    lines = [say("authoring.quotes.heading")]
    values = {"zeros": "", "small": "", "earlier": "", "loops": say("authoring.quotes.loops") if counts else ""}
    lines += [f"{key} = {rewrite.literal(value)}" for key, value in values.items()]
    terms = msgspec.to_builtins(shipped.terms(exercise))
    lines += [
        "",
        "[terms]",
        *(f"{key} = {rewrite.literal(value)}" for key, value in terms.items() if value is not None),
    ]
    return "\n".join(lines) + "\n"


def _functions(exercise: Exercise) -> dict[str, ast.FunctionDef]:
    return {name: node for name, (_, node) in notebooks.functions(exercise.folder / SOLUTION).items()}


def _facts(exercise: Exercise, folder: Path) -> dict[str, object]:
    return {
        "title": exercise.title,
        "folder": f"./{folder.name}",
        "seeds": QUICK.seeds,
        "possible": f"{exercise.possible:g}",
        "functions": "\n".join(f"- `{task.name}`: {task.asks}" for task in exercise.tasks),
    }
