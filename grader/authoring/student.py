"""The student's notebook of an exercise: its task in words, functions to fill in, visible tests, and cells that train."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

import numpy as np

from grader import resources
from grader.authoring.notebooks import NewCell
from grader.authoring.rewrite import number
from grader.exercise.load import Exercise, Task
from grader.exercise.training import PRINT_EVERY
from grader.messages import say
from grader.records import Floats
from grader.records.points import points as points_in_words

PLACEHOLDER = "# your code here"
DECIMALS = 8  # of the right numbers in a visible test
Answers = Mapping[str, Mapping[str, Floats]]  # by function: what it returns for the sizes of its visible test


def assignment(exercise: Exercise, definitions: Mapping[str, ast.FunctionDef], answers: Answers) -> Iterator[NewCell]:
    """Yield the cells of the student's notebook; `definitions` are the right functions, of which the headings are taken."""
    count, possible = len(exercise.tasks), points_in_words(exercise.possible)
    yield _text("title", say("authoring.student.title", title=exercise.title))
    yield _text("how", say("authoring.student.how", count=count, possible=possible, placeholder=PLACEHOLDER))
    yield _code("imports", "\n".join([*exercise.given.values(), "import matplotlib.pyplot as plt"]))
    yield _text("data-text", say(f"authoring.student.data.{exercise.model.points.data}"))
    yield _code("data", _data(exercise))
    yield _text("model-text", _about_model(exercise))
    yield _code("settings", _settings(exercise))
    yield _code("model", _network(exercise))
    for at, task in enumerate(exercise.tasks, start=1):
        definition, answer = definitions[task.name], answers[task.name]
        yield _text(f"{task.short}-text", _about_task(at, task, answer))
        yield _code(task.short, template(definition))
        yield _text(f"{task.short}-test-text", say("authoring.student.test", name=task.name))
        yield _code(f"{task.short}-test", visible_test(task, answer))
        yield _text(f"{task.short}-train-text", say("authoring.student.train", name=task.name))
        yield _code(f"{task.short}-train", _training(exercise, task))
    yield _text("end", say("authoring.student.end", count=count))


def template(definition: ast.FunctionDef) -> str:
    """Return a function with a placeholder for its body."""
    names = [argument.arg for argument in definition.args.args]
    takes_list = names == ["layers_dims"]
    docstring = say("authoring.student.docstring.list" if takes_list else "authoring.student.docstring.sizes")
    lines = [
        f"def {definition.name}({ast.unparse(definition.args)}):",
        *(f"    {line}" for line in f'"""{docstring}\n"""'.split("\n")),
        "    parameters = {}",
        *(["    L = len(layers_dims) - 1  # number of layers with weights"] if takes_list else []),
        "",
        f"    {PLACEHOLDER}",
        "",
        "    return parameters",
    ]
    return "\n".join(line.rstrip() for line in lines)


def visible_test(task: Task, answer: Mapping[str, Floats]) -> str:
    """Return the test that a student sees: names, shapes and numbers, as `judging.checks.course_test` compares them."""
    test = _shipped("test.txt").format(
        call=call(task),
        wanted=_written(answer),
        dictionary=repr(say("authoring.student.assert.dictionary")),
        names=repr(say("authoring.student.assert.names")),
        array=repr(say("authoring.student.assert.array")),
        shape=repr(say("authoring.student.assert.shape")),
        numbers=repr(say("authoring.student.assert.numbers")),
        passed=repr(say("authoring.student.assert.passed")),
    )
    return "\n".join([*_seed_before(task), test])


def _written(answer: Mapping[str, Floats]) -> str:
    """Return the right numbers as a dictionary of one line for each array."""
    lines = [f"    {name!r}: {(np.round(value, DECIMALS) + 0.0).tolist()}," for name, value in answer.items()]
    return "\n".join(["{", *lines, "}"])


def call(task: Task) -> str:
    """Return the call of a visible test."""
    sizes = list(task.course_test)
    return f"{task.name}({', '.join(map(str, sizes)) if task.parameters else sizes})"


def _about_task(at: int, task: Task, answer: Mapping[str, Floats]) -> str:
    """Return the task in words: what its numbers are made of decides which."""
    kind = "zeros" if not any(np.any(value) for value in answer.values()) else "drawn"
    matrices = [f"{name}: {value.shape[0]} by {value.shape[1]}" for name, value in answer.items()]
    return "\n\n".join([
        say("authoring.student.task", at=at, name=task.name, points=points_in_words(task.possible)),
        say("authoring.student.asks", asks=task.asks),
        say(f"authoring.student.task.{kind}"),
        say("authoring.student.example", call=call(task), matrices=matrices),
    ])  # fmt: skip


def _about_model(exercise: Exercise) -> str:
    model = exercise.model
    hidden = [f"{units}" for units in model.layers[1:-1]]
    return say(
        "authoring.student.model",
        inputs=model.layers[0],
        count=len(hidden),
        hidden=hidden,
        activation={"relu": "ReLU"}.get(exercise.model.hidden, exercise.model.hidden),
        rate=f"{model.learning_rate:g}",
        iterations=f"{model.iterations:,}",
    )


def _network(exercise: Exercise) -> str:
    """Return the code of the network, with the activation and the sum of the exercise."""
    code = _shipped("model.py").replace("np.nansum(", f"np.{exercise.model.cost}(")
    return f"{_shipped(f'{exercise.model.hidden}.py')}\n\n\n{code}"


def _settings(exercise: Exercise) -> str:
    model = exercise.model
    return "\n".join([
        f"LAYERS = {list(model.layers)}",
        f"LEARNING_RATE = {number(model.learning_rate)}",
        f"ITERATIONS = {model.iterations}",
        f"PRINT_EVERY = {PRINT_EVERY}",
    ])  # fmt: skip


def _data(exercise: Exercise) -> str:
    points = exercise.model.points
    name, train, test = points.data, points.train, points.test
    lines = [f"X_train, Y_train = {name}({train}, seed=1)"]
    lines += [f"X_test, Y_test = {name}({test}, seed=2)"] if test else []
    lines += ["plt.scatter(X_train[0], X_train[1], c=Y_train[0], s=10)", "plt.show()"]
    return _shipped(f"{name}.py") + "\n\n\n" + "\n".join(lines)


def _training(exercise: Exercise, task: Task) -> str:
    model = exercise.model
    sizes = ", ".join(f"LAYERS[{at}]" for at in range(len(model.layers))) if task.parameters else "LAYERS"
    lines = [
        *_seed_before(task),
        f"trained = train({task.name}({sizes}))",
        'print("Train accuracy:", accuracy(trained, X_train, Y_train))',
    ]
    if exercise.model.points.test:
        lines += ['print("Test accuracy:", accuracy(trained, X_test, Y_test))']
    return "\n".join([*lines, "show_boundary(trained)"])


def _seed_before(task: Task) -> list[str]:
    return [] if task.seed_before is None else [f"np.random.seed({task.seed_before})"]


def _shipped(name: str) -> str:
    """Return code for students that is shipped."""
    return (resources.templates() / "assignment" / name).read_text(encoding="utf-8").rstrip()


def _text(name: str, source: str) -> NewCell:
    return NewCell("markdown", name, source)


def _code(name: str, source: str) -> NewCell:
    return NewCell("code", name, source)
