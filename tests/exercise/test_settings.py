"""What another exercise needs is a setting: how a function takes sizes, activation, points, cost, and who sets the seed."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from grader.errors import ExerciseError
from grader.exercise import fast, quotes, shipped
from grader.exercise import load as exercises
from grader.exercise.load import Exercise
from grader.exercise.starts import start_key
from grader.exercise.training import FLOWER, Model, Plain, cost, course_data, flower, train
from grader.judging.checks import CHECKS

PLANAR = exercises.load("dls-c1w3-planar", CHECKS)
START = shipped.scaled(PLANAR.model.layers, 0.01, 2)


def changed(folder: Path, *edits: tuple[str, str]) -> Exercise:
    shutil.copytree(PLANAR.folder, folder)
    text = (folder / "exercise.toml").read_text(encoding="utf-8")
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    (folder / "exercise.toml").write_text(text, encoding="utf-8")
    return exercises.load(str(folder), CHECKS)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("layers = [2, 4, 1]", "layers = [2, 4, 4, 1]", "takes 3 sizes"),
        ("public = [[4, 3, 5]]", "public = [[4, 3]]", "public has"),
        ('["n_x", "n_h", "n_y"]', '["n_x", "n_x", "n_y"]', "different names"),
        ('data = "flower"', 'data = "flower"\ntest_points = 100', "from 0 to 0"),
        ('data = "flower"', 'data = "flower"\ntrain_points = 401', "even number"),
        ('hidden = "tanh"', 'hidden = "gelu"', "hidden"),
        ("layers = [2, 4, 1]", "layers = []", "begin with 2 inputs"),
        ("layers = [2, 4, 1]", "layers = [3, 4, 1]", "begin with 2 inputs"),
        ("layers = [2, 4, 1]", "layers = [2, -4, 1]", "above 0"),
        ("learning_rate = 1.2", "learning_rate = 0.0", "learning_rate must be"),
        ("iterations = 10000", "iterations = 0", "iterations must be"),
        ("compare_rates = [0.01]", "compare_rates = [-0.01]", "compare_rates must be"),
    ],
)
def test_a_setting_that_cannot_be_is_named_with_its_line(tmp_path, old, new, words):
    with pytest.raises(ExerciseError, match=f"line \\d+.*{words}"):
        changed(tmp_path / "mine", (old, new))


def test_sizes_are_handed_over_one_by_one_with_the_seed_of_the_notebook():
    calls = PLANAR.calls(PLANAR.tasks[0], b"key")
    assert {len(call.layers) for call in calls} == {3}
    assert {call.ambient_seed for call in calls} == {2}
    assert calls[0].literal("f") == "f(2, 4, 1)"
    assert len({call.layers for call in calls if not call.public}) == 3


def test_the_usual_exercise_is_called_and_named_as_before():
    usual = exercises.load(checks=CHECKS)
    calls = usual.calls(usual.tasks[0], b"key")
    assert {call.parameters for call in calls} == {()}
    assert {call.ambient_seed for call in calls} == set(exercises.AMBIENT_SEEDS)
    assert usual.model.identity == ((2, 10, 5, 1), 0.01, 15_000)


def test_models_that_differ_train_under_different_names():
    plain = Model((2, 4, 1), 1.2, 10_000)
    others = [replace(plain, hidden="tanh"), replace(plain, points=FLOWER), replace(plain, cost="sum")]
    assert len({start_key(START, model) for model in (plain, *others)}) == 4


def test_the_flower_has_the_petals_of_the_course_and_no_test_points():
    X, Y = flower(400, seed=1)
    assert X[:, 0] == pytest.approx((1.20444229, 3.57611415))
    assert Y.sum() == 200
    assert course_data(FLOWER).X_test.shape == (2, 0)


def test_training_prints_what_public_notebooks_print():
    run = train(START, course_data(FLOWER), PLANAR.model)
    assert [round(value, 6) for _, value in run.costs[:4]] == [0.693048, 0.288083, 0.254385, 0.233864]
    assert run.train_accuracy == pytest.approx(0.9075, abs=0.005)  # rounding moves a point
    assert run.test_accuracy is None
    assert not any(map(sum, run.trace.dead))  # a unit of tanh is never dead


def test_a_printed_cost_that_is_nan_is_no_lost_run():
    with np.errstate(all="ignore"):
        assert math.isnan(cost(np.array([[1.0]]), np.array([[1.0]]), "sum"))
    run = train(shipped.scaled((2, 4, 1), 10.0, 2), course_data(FLOWER), replace(PLANAR.model, iterations=100))
    assert math.isnan(run.cost_first)
    assert run.regime != "diverged"


@pytest.mark.skipif(not fast.available(), reason="needs the extra fast")
@pytest.mark.parametrize("layers", [(2, 4, 1), (2, 5, 3, 1)])
def test_machine_code_takes_the_steps_of_tanh(layers):
    model, data = replace(PLANAR.model, layers=layers), course_data(FLOWER)
    quick, plain = ({name: value.copy() for name, value in shipped.scaled(layers, 0.5, 3).items()} for _ in range(2))
    fast.engine(data, model).advance(quick, 200)
    Plain(data, model.learning_rate, "tanh").advance(plain, 200)
    assert all(np.allclose(quick[name], plain[name], rtol=1e-9, atol=1e-12) for name in plain)


def test_the_shipped_numbers_are_those_of_this_exercise():
    numbers = shipped.load(PLANAR)
    assert numbers.seed == 2
    assert {row.learning_rate for row in numbers.settings} == {1.2, 0.01}
    row = next(row for row in numbers.spread if row.scale == 0.01)
    again = [train(shipped.scaled((2, 4, 1), 0.01, seed), course_data(FLOWER), PLANAR.model) for seed in range(2)]
    assert [run.train_accuracy for run in again] == pytest.approx(
        row.train_accuracy[:2], abs=0.02
    )  # rounding moves points
    assert quotes.load(PLANAR) is not None


def test_settings_that_are_left_out_change_no_hash_of_evidence():
    usual = exercises.load(checks=CHECKS)
    assert repr(usual.model) == "Model(layers=(2, 10, 5, 1), learning_rate=0.01, iterations=15000)"
    assert "tanh" in repr(PLANAR.model)
