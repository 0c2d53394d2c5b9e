"""An exercise is examined before students get it: what is wrong is an error, what pages leave out is a note."""

from __future__ import annotations

import shutil

import pytest

from grader.authoring import create, soundness
from grader.authoring.choices import Choices
from grader.authoring.mistakes import MISTAKES
from grader.exercise import load as exercises

SOURCE = exercises.load()


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    choices = Choices("Initialization", 5, 1.0, (2, 4, 1), 0.02, 30)
    return create.create(tmp_path_factory.mktemp("exercises") / "sound", SOURCE, choices).folder


@pytest.fixture
def folder(sound, tmp_path, monkeypatch):
    monkeypatch.setattr(soundness, "wrong_functions", lambda _: iter(()))
    return shutil.copytree(sound, tmp_path / "mine")


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def errors(folder):
    return [remark for remark in soundness.examine(str(folder)).remarks if remark.level == "error"]


def test_a_new_exercise_is_sound_and_each_usual_mistake_is_named(sound):
    seen = soundness.examine(str(sound))
    assert seen.is_sound, seen.remarks
    assert {tried.mistake for tried in seen.mistakes} == {mistake.name for mistake in MISTAKES}
    assert len(seen.mistakes) == 32
    same = [tried for tried in seen.mistakes if tried.is_right]
    assert [(tried.short, tried.mistake) for tried in same] == [
        ("random", "no_factor")
    ]  # the scale that is asked for is 1
    assert all(tried.is_named for tried in seen.mistakes if not tried.is_right)
    assert seen.runs[0].regime == "dead"
    assert any("nothing is measured" in remark.message for remark in seen.remarks)


def test_right_answers_that_fail_are_an_error_that_names_their_cell(folder):
    edit(folder / "solution.ipynb", "    return parameters", "    return parameters['W1']")
    found = errors(folder)
    assert found
    assert "solution.ipynb" in found[0].place


def test_an_answer_in_the_notebook_to_hand_out_is_an_error(folder):
    shutil.copy(folder / "solution.ipynb", folder / "assignment.ipynb")
    found = errors(folder)
    assert [remark.place for remark in found][:1] == ["assignment.ipynb, cell 4"]
    assert "30 of 30" in found[-1].message


def test_words_that_the_notebook_does_not_say_are_an_error_with_their_line(folder):
    edit(folder / "quotes.toml", 'zeros = ""', 'zeros = "nothing ever moves"')
    (found,) = errors(folder)
    assert found.place == "quotes.toml, line 5"
    assert 'zeros = ""' in found.hint


def test_numbers_for_other_settings_are_a_note(folder):
    shutil.copy(SOURCE.folder / "trainings.json", folder)
    edit(folder / "exercise.toml", "iterations = 30", "iterations = 31")
    seen = soundness.examine(str(folder))
    assert seen.is_sound
    notes = [remark.message for remark in seen.remarks]
    assert sum("for other settings" in message for message in notes) == 2  # trainings and quotes


def test_quotes_for_other_settings_name_the_lines_to_change(folder):
    edit(folder / "exercise.toml", "iterations = 30", "iterations = 31")
    (note,) = (remark for remark in soundness.examine(str(folder)).remarks if remark.place == "quotes.toml")
    assert note.hint.endswith("[terms] of quotes.toml: iterations = 31")


@pytest.mark.parametrize("file", ["trainings.json", "asides.json", "quotes.toml"])
def test_a_file_that_cannot_be_read_is_an_error_at_its_place(folder, file):
    (folder / file).write_text("{", encoding="utf-8")
    (error,) = errors(folder)
    assert (error.place, "cannot be read" in error.message) == (file, True)


def test_a_notebook_to_hand_out_that_cannot_be_read_is_an_error_among_others(folder):
    (folder / "assignment.ipynb").write_text("nothing", encoding="utf-8")
    seen = soundness.examine(str(folder))
    assert {remark.place for remark in seen.remarks if remark.level == "error"} == {"assignment.ipynb"}
    assert seen.runs


def test_a_seed_that_grading_cannot_recognise_is_an_error(folder):
    edit(folder / "solution.ipynb", "seed(5)", "seed(20261130)")
    (error,) = errors(folder)
    assert "seed 20261130" in error.message


def test_a_tiny_scale_is_a_plain_scale(folder):
    edit(folder / "solution.ipynb", "layers_dims[l - 1]) * 1\\n", "layers_dims[l - 1]) * 0.00001\\n")
    texts = {text.words: text.reason for text in soundness.examine(str(folder)).shown}
    assert "no function asks for a plain scale" not in texts.values()


def test_what_pages_leave_out_has_a_reason(folder):
    texts = {text.words: text.reason for text in soundness.examine(str(folder)).shown}
    assert texts["the lab, in which the network trains in the browser"] == ""
    assert texts["the picture of scale and accuracy"] == "nothing is measured for these settings"
