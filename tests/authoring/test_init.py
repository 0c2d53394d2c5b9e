"""An exercise of one's own works right away: its answers pass, its notebook runs, and it says what is true of it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from grader import messages
from grader.authoring import create, notebooks, rewrite
from grader.authoring.choices import Choices, chosen, defaults, parse
from grader.errors import RequestError
from grader.exercise import load as exercises
from grader.exercise import quotes, schema, shipped
from grader.exercise.training import course_data, train
from grader.pipeline import Pipeline
from grader.precompute.parts import STATE

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SOURCE = exercises.load()
CHOICES = Choices("My “own”, title", 5, 0.5, (2, 4, 1), 0.02, 30)


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    return create.create(tmp_path_factory.mktemp("exercises") / "My exercise", SOURCE, CHOICES)


def cells(folder: Path) -> dict[str, str]:
    notebook = json.loads((folder / "assignment.ipynb").read_text(encoding="utf-8"))
    return {cell["id"]: "".join(cell["source"]) for cell in notebook["cells"]}


def test_the_settings_are_those_that_were_chosen(own):
    assert (own.name, own.title) == ("my-exercise", CHOICES.title)
    assert (own.model.layers, own.model.learning_rate, own.model.iterations) == ((2, 4, 1), 0.02, 30)
    assert (shipped.solution_seed(own), shipped.solution_scales(own)) == (5, (0.5,))
    assert [task.asks for task in own.tasks[1:]] == [
        "weights np.random.randn(...) * 0.5 after np.random.seed(5), biases zero",
        "weights np.random.randn(...) * sqrt(2 / layers_dims[l-1]) after np.random.seed(5), biases zero",
    ]


def test_comments_of_the_settings_stay(own):
    assert "for the whole submission" in (own.folder / "exercise.toml").read_text(encoding="utf-8")


def test_the_right_answers_pass_and_the_untouched_notebook_is_not_started(own):
    with Pipeline(own, b"secret") as pipeline:
        right, untouched = (pipeline.grade(own.folder / name) for name in ("solution.ipynb", "assignment.ipynb"))
    assert right.passed
    assert untouched.score == 0
    assert {function.status for function in untouched.functions.values()} == {"not_attempted"}


def run_with_right_answers(exercise, monkeypatch) -> dict[str, object]:
    """Run the cells of the student's notebook, the functions to fill in being the right answers."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    mpl.use("Agg")
    monkeypatch.setattr(plt, "show", plt.close)
    right = notebooks.functions(exercise.folder / "solution.ipynb")
    space: dict[str, object] = {}
    for name, source in cells(exercise.folder).items():
        code = next((right[task.name][0] for task in exercise.tasks if task.short == name), source)
        if not name.endswith("-text") and name not in ("title", "how", "end"):
            exec(code, space)
    return space


def test_the_students_notebook_runs_with_the_right_answers_and_trains_as_grading_does(own, monkeypatch, capsys):
    space = run_with_right_answers(own, monkeypatch)
    assert np.array_equal(space["X_train"], course_data().X_train)
    run = train(shipped.scaled(own.model.layers, None, 5), course_data(), own.model)
    last = capsys.readouterr().out.split("This example is right.")[-1]
    assert f"Cost after iteration 0: {run.cost_first}" in last
    assert f"Train accuracy: {run.train_accuracy}" in last
    assert f"Test accuracy: {run.test_accuracy}" in last


def test_an_exercise_of_another_kind_can_be_started_from(tmp_path, monkeypatch, capsys):
    """A parameter for each size, tanh, the flower, no test points, the seed before the call."""
    source = exercises.load("dls-c1w3-planar")
    own = create.create(tmp_path / "flower", source, chosen(source, {"seed": 9, "scale": 0.05, "iterations": 30}))
    assert (own.tasks[0].seed_before, own.note) == (9, "")
    assert "seed 9" in own.tasks[0].asks
    run_with_right_answers(own, monkeypatch)
    data = course_data(own.model.points)
    run = train(shipped.scaled(own.model.layers, 0.05, 9), data, own.model)
    out = capsys.readouterr().out
    assert f"Cost after iteration 0: {run.cost_first}" in out
    assert f"Train accuracy: {run.train_accuracy}" in out
    assert "Test accuracy" not in out
    with Pipeline(own, b"secret") as pipeline:
        assert pipeline.grade(own.folder / "solution.ipynb").passed
        untouched = pipeline.grade(own.folder / "assignment.ipynb").functions["initialize_parameters"]
    assert untouched.status == "not_attempted"


def test_a_visible_test_stops_at_the_untouched_function(own):
    source = cells(own.folder)
    space: dict[str, object] = {"np": np}
    exec(source["he"], space)
    with pytest.raises(AssertionError, match="exactly the names"):
        exec(source["he-test"], space)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("* np.sqrt(2 / layers_dims[l - 1])", "* 0.5", "W1 has to be"),
        ("np.zeros((layers_dims[l], 1))", "np.zeros(layers_dims[l])", "b1 needs the shape"),
        ("np.zeros((layers_dims[l], 1))", "np.random.randn(layers_dims[l], 1)", "has to be"),
        ("    np.random.seed(5)\n", "", "W1 has to be"),
        ("return parameters", "return None", "return a dictionary"),
    ],
)
def test_a_visible_test_stops_where_the_tests_of_grading_do(own, old, new, message):
    source, space = notebooks.functions(own.folder / "solution.ipynb")[own.names[2]][0], {"np": np}
    assert old in source
    exec(source.replace(old, new), space)
    with pytest.raises(AssertionError, match=message):
        exec(cells(own.folder)["he-test"], space)


def test_the_students_notebook_is_a_valid_notebook(own):
    import nbformat

    for name in ("assignment.ipynb", "solution.ipynb"):
        nbformat.validate(nbformat.read(own.folder / name, 4))


def test_nothing_is_quoted_that_the_notebook_does_not_say(own):
    quoted = quotes.load(own)
    assert (quoted.zeros, quoted.small, quoted.earlier) == ("", "", "")
    assert "L = len(layers_dims) - 1" in cells(own.folder)["he"]
    assert "L = len(layers_dims) - 1" in quoted.loops


@pytest.mark.parametrize(
    "path", sorted(SOURCE.folder.parent.glob("*/exercise.toml")), ids=lambda path: path.parent.name
)
def test_the_settings_of_shipped_exercises_fit_the_schema(path):
    jsonschema.validate(tomllib.loads(path.read_text(encoding="utf-8")), schema.schema())


def test_the_schema_explains_settings_with_the_comments_of_the_shipped_files():
    tables = schema.schema()["$defs"]
    assert "each check has its own points" in tables["ExerciseTable"]["properties"]["policy"]["description"]
    assert "The full model" in tables["ExerciseTable"]["properties"]["model"]["description"]
    assert "tanh" in tables["_ModelTable"]["properties"]["hidden"]["description"]
    assert (
        "whole submission"
        in tables["ExerciseTable"]["properties"]["limits"]["properties"]["submission_seconds"]["description"]
    )
    assert "one by one" in tables["_Points"]["properties"]["parameters"]["description"]


def test_the_schema_beside_an_exercise_is_the_published_one_and_refuses_what_loading_refuses(own):
    published = json.loads((own.folder / schema.FILE).read_text())
    assert published == schema.schema()
    table = tomllib.loads((own.folder / "exercise.toml").read_text(encoding="utf-8"))
    jsonschema.validate(table, published)
    for wrong in ({"titel": "x"}, {"policy": "all"}, {"limits": {"cpu": 3}}, {"model": {"layers": "2,1"}}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(table | wrong, published)


def test_an_own_exercise_can_be_started_from(own, tmp_path):
    again = create.create(tmp_path / "again", own, chosen(own, {"seed": 7, "scale": 10.0, "layers": (2, 3, 3, 1)}))
    assert (shipped.solution_seed(again), shipped.solution_scales(again)) == (7, (10.0,))
    assert "* 10 after np.random.seed(7)" in again.tasks[1].asks
    assert again.model.layers == (2, 3, 3, 1)
    assert (again.folder / "exercise.toml").read_text(encoding="utf-8").count("#:schema") == 1


def test_a_place_that_is_used_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    for folder in (tmp_path, tmp_path / "notes.txt"):
        with pytest.raises(RequestError, match="not empty"):
            create.require_free(folder)
    (tmp_path / STATE).write_text("{}")
    with pytest.raises(RequestError, match="measuring was stopped") as caught:
        create.require_free(tmp_path)
    assert "grader exercise measure" in caught.value.hint


def test_choices_that_make_no_usable_exercise_and_a_stop_leave_nothing_behind(tmp_path, monkeypatch):
    for error in (RequestError("no", hint=""), KeyboardInterrupt()):

        def refuses(*_args, error=error, **_more):
            raise error

        monkeypatch.setattr(exercises, "load", refuses)
        with pytest.raises(type(error)):
            create.create(tmp_path / "mine", SOURCE, CHOICES)
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("seed", "-1"), ("seed", "100000"), ("seed", "x"), ("scale", "0"), ("scale", "1e-300"), ("scale", "1e300"), ("scale", "nan"), ("scale", "inf"),
        ("layers", "2,1"), ("layers", "3,4,1"), ("layers", "2,4,2"), ("layers", "2,0,1"), ("layers", "2,x,1"),
        ("layers", "2,101,1"), ("learning_rate", "-0.1"), ("iterations", "0"), ("iterations", "1.5"), ("title", "  "),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_the_option_and_what_can(name, text):
    with pytest.raises(RequestError, match=f"--{name.replace('_', '-')}") as caught:
        chosen(SOURCE, parse(name, text))
    assert caught.value.exit_code == 2


def test_a_function_that_takes_three_sizes_gets_three_layers():
    with pytest.raises(RequestError, match=r"--layers: initialize_parameters takes 3 sizes"):
        chosen(exercises.load("dls-c1w3-planar"), parse("layers", "2,4,4,1"))


def test_what_is_left_open_is_as_in_the_exercise_to_start_from():
    assert defaults(SOURCE) == Choices("Initialization", 3, 10.0, (2, 10, 5, 1), 0.01, 15_000)
    assert chosen(SOURCE, parse("layers", "[2, 8, 1]")).layers == (2, 8, 1)


def test_only_the_value_of_a_key_changes():
    text = 'name = "a"  # "a" is the name\n[model]\nlayers = [2, 1]  # name = 1\n[other]\nname = "b"\n'
    changed = rewrite.set_value(text, "", "name", 'say "hi"')
    assert tomllib.loads(changed) == tomllib.loads(text) | {"name": 'say "hi"'}
    assert '# "a" is the name' in changed
    with pytest.raises(RequestError, match="no line for layers"):
        rewrite.set_value(text, "other", "layers", [1])


def test_a_key_is_added_to_its_section():
    for text in ("name = 1\n", "name = 1\n[words]  # ours\nnote = 'a'\n[words.checks]\n"):
        changed = rewrite.add(text, "words", "language", "es")
        assert tomllib.loads(changed)["words"]["language"] == "es"
        assert changed.replace('language = "es"\n', "").startswith(text.rstrip())


def test_an_exercise_in_another_language_keeps_it(tmp_path, monkeypatch):
    monkeypatch.setenv(messages.LANGUAGE, "es")
    source = exercises.load()
    folder = create.create(tmp_path / "mio", source, CHOICES).folder
    monkeypatch.delenv(messages.LANGUAGE)
    assert exercises.load(str(folder)).language == "es"
    exercises.load()  # English again


@pytest.mark.parametrize("note", ['"one line"', '"""one line"""', '"""two \\\nlines"""', "'''two\nlines'''"])
def test_a_key_is_dropped_with_all_lines_of_its_value(note):
    text = f"name = 1\n[words]\nlanguage = 'es'\nnote = {note}\nmessages = 'mine'\n"
    assert tomllib.loads(rewrite.drop(text, "words", "note")) == {
        "name": 1,
        "words": {"language": "es", "messages": "mine"},
    }
    assert rewrite.drop(text, "", "note") == text


def test_seeds_and_factors_of_draws_change_and_nothing_else():
    code = "x = 10 * 3\nnp.random.seed(3)  # 10\nW = 10 * np.random.randn(3, 10) * 1\nb = np.zeros((10, 1)) * 10"
    assert rewrite.set_code(code, 5, {10: 0.5}) == code.replace("seed(3)", "seed(5)").replace("W = 10 *", "W = 0.5 *")
