"""Measuring an exercise: a stop loses no part that was measured, and a change of the exercise begins anew."""

from __future__ import annotations

import json
import shutil

import pytest

from grader.authoring.measuring import measure
from grader.exercise import asides, shipped
from grader.exercise import load as exercises
from grader.precompute import asides as asides_parts
from grader.precompute import parts as measuring
from grader.precompute import trainings
from grader.precompute.parts import Part, Plan

PLAN = Plan(2, 1)


@pytest.fixture
def exercise(tmp_path):
    shutil.copytree(exercises.load().folder, tmp_path / "mine")
    return exercises.load(str(tmp_path / "mine"))


def fails():
    raise KeyboardInterrupt


def test_what_was_measured_before_a_stop_is_not_measured_again(exercise):
    seen = []
    first, second = Part("first", float, 1, lambda: float("inf")), Part("second", tuple[int, ...], 3, fails)
    with pytest.raises(KeyboardInterrupt):
        measuring.measure(exercise, [first, second], PLAN)
    again = [Part("first", float, 1, fails), Part("second", tuple[int, ...], 3, lambda: [1, 2])]
    results = measuring.measure(exercise, again, PLAN, lambda *step: seen.append(step))
    assert results == {"first": float("inf"), "second": (1, 2)}
    assert seen == [(0, 100, "first"), (24, 100, "second"), (100, 100, "")]


def test_a_changed_exercise_or_plan_is_measured_anew(exercise):
    measuring.measure(exercise, [Part("first", int, 1, lambda: 1)], PLAN)
    again = [Part("first", int, 1, lambda: 2)]
    assert measuring.measure(exercise, again, PLAN) == {"first": 1}
    assert measuring.measure(exercise, again, Plan(3, 1)) == {"first": 2}
    toml = exercise.folder / "exercise.toml"
    toml.write_text(toml.read_text().replace("iterations = 15000", "iterations = 100"))
    assert measuring.read(exercises.load(str(exercise.folder)), Plan(3, 1)).results == {}


def test_a_state_that_was_cut_off_is_begun_anew(exercise):
    (exercise.folder / measuring.STATE).write_text('{"terms"')
    assert measuring.read(exercise, PLAN).results == {}


def test_the_parts_have_different_names_and_the_shipped_files_are_made_of_them():
    exercise = exercises.load()
    parts = (*trainings.parts(exercise), *asides_parts.parts(exercise))
    assert len({part.name for part in parts}) == len(parts)
    assert all(part.steps > 0 for part in parts)


def test_numbers_are_saved_as_json_has_them(tmp_path):
    path = measuring.save(tmp_path / "numbers.json", {"cost": float("inf")})
    assert json.loads(path.read_text()) == {"cost": "inf"}


def test_a_small_exercise_is_measured_from_end_to_end(exercise, monkeypatch):
    monkeypatch.setattr(trainings, "ESCAPE_CAP", 200)
    monkeypatch.setattr(asides_parts, "PATIENCE", 200)
    toml = exercise.folder / "exercise.toml"
    toml.write_text(toml.read_text().replace("[2, 10, 5, 1]", "[2, 4, 1]").replace("= 15000", "= 10"))
    small = exercises.load(str(exercise.folder))
    measure(small, PLAN, lambda *_: None)
    measured = shipped.load(small)
    assert {len(row.train_accuracy) for row in measured.spread} == {2}
    assert asides.load(small, measured).flower == ()
