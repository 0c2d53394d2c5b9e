"""`grader init` and `grader exercise`: an exercise of one's own from the command line."""

from __future__ import annotations

import json
import sys

import pytest
import typer

from grader.authoring import measuring
from grader.cli import main
from grader.exercise import shipped
from grader.exercise.load import load

SMALL = ["--seed", "5", "--layers", "2,4,1", "--iterations", "30"]


def init(folder, *more):
    return main(["init", str(folder), *SMALL, "--no-measure", *more])


def test_an_exercise_is_written_and_the_next_step_is_named(tmp_path, capsys):
    assert init(tmp_path / "mine", "--scale", "0.5", "--title", "Starts") == 0
    out = capsys.readouterr().out
    assert f"grader exercise check {tmp_path / 'mine'}" in out
    assert load(str(tmp_path / "mine")).title == "Starts"


def test_a_used_folder_and_a_wrong_value_are_refused(tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("mine")
    assert init(tmp_path) == 2
    assert "not empty" in capsys.readouterr().err
    assert init(tmp_path / "mine", "--scale", "-1") == 2
    assert "--scale: give a number from 0.0001" in capsys.readouterr().err
    assert not (tmp_path / "mine").exists()
    assert init(tmp_path / "mine", "--from", "nothing") == 2
    assert "there is no exercise 'nothing'" in capsys.readouterr().err


def test_measuring_that_is_stopped_says_how_to_go_on(tmp_path, capsys, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(measuring, "measure", stop)
    folder = tmp_path / "mine"
    assert main(["init", str(folder), *SMALL, "--quick"]) == 130
    assert f"grader exercise measure {folder} --quick" in capsys.readouterr().err
    assert (folder / "README.md").is_file()


def test_what_was_measured_is_shown_to_the_next_pages(tmp_path, monkeypatch, capsys):
    from grader.precompute import asides, trainings

    init(tmp_path / "mine")
    for module, name in ((trainings, "ESCAPE_CAP"), (asides, "PATIENCE")):
        monkeypatch.setattr(module, name, 200)
    assert main(["exercise", "measure", str(tmp_path / "mine"), "--quick"]) == 0
    err = capsys.readouterr().err
    assert "measuring over 10 seeds" in err
    assert "measured 100%" in err
    assert shipped.load(load(str(tmp_path / "mine"))).sweep
    assert not list((tmp_path / "mine").glob("measuring*"))


def test_a_sound_exercise_ends_with_0_and_json_says_all(tmp_path, capsys, monkeypatch):
    from grader.authoring import soundness

    monkeypatch.setattr(soundness, "wrong_functions", lambda _: iter(()))
    init(tmp_path / "mine")
    capsys.readouterr()
    assert main(["exercise", "check", str(tmp_path / "mine"), "--json"]) == 0
    table = json.loads(capsys.readouterr().out)
    assert table["is_sound"] is True
    assert {"exercise", "is_sound", "remarks", "runs", "mistakes", "shown"} == table.keys()
    assert main(["exercise", "check", str(tmp_path / "mine")]) == 0
    assert "The exercise is sound." in capsys.readouterr().out


def test_an_unsound_exercise_ends_with_2_and_names_file_and_next_step(tmp_path, capsys):
    folder = tmp_path / "mine"
    init(folder)
    (folder / "solution.ipynb").write_text(
        (folder / "solution.ipynb").read_text().replace("return parameters", "return 1")
    )
    capsys.readouterr()
    assert main(["exercise", "check", str(folder), "--quiet"]) == 2
    err = capsys.readouterr().err
    assert "error: solution.ipynb" in err
    assert "hint:" in err


@pytest.mark.parametrize(
    ("old", "new", "hint"),
    [
        ("iterations = 30", 'iterations = "30"', "write it like this: iterations = 15000"),
        ("[2, 4, 1]", "[2, 4.5, 1]", "write it like this: layers = [2, 10, 5, 1]"),
        ("learning_rate = 0.01", "learnig_rate = 0.01", "write learning_rate, or delete the line"),
        ('policy = "partial"', 'policy = "all"', 'write it like this: policy = "partial"'),
        ("possible = 10", 'possible = "ten"', "write it like this: possible = 10"),
        ("scale = 3", "scales = 3", "fix this line"),
        ("cpu_seconds = 3", "cpu_second = 3", "write cpu_seconds, or delete the line"),
        ("wall_seconds = 6.0", "wall_seconds = -6.0", "write it like this: wall_seconds = 6.0"),
        ("possible = 10", "possible = 11", "fix this line"),
        ("large = ", "larger = ", "write large, or delete the line"),
    ],
)
def test_an_error_in_the_settings_names_file_line_and_what_to_write(tmp_path, capsys, old, new, hint):
    folder = tmp_path / "mine"
    init(folder)
    path = folder / "exercise.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    line = text[: text.index(old)].count("\n") + 1
    capsys.readouterr()
    assert main(["exercise", "check", str(folder)]) == 2
    err = capsys.readouterr().err
    assert f"{path}, line {line}: " in err
    assert f"hint: {hint}" in err


def test_a_setting_that_is_missing_is_named_with_its_section(tmp_path, capsys):
    init(tmp_path / "mine")
    path = tmp_path / "mine" / "exercise.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("iterations = 30\n", "", 1), encoding="utf-8")
    capsys.readouterr()
    assert main(["exercise", "check", str(tmp_path / "mine")]) == 2
    err = capsys.readouterr().err
    assert "the setting iterations in [model] is missing" in err
    assert "iterations = 15000" in err


@pytest.mark.parametrize("name", ["solution.ipynb", "exercise.toml"])
def test_a_file_that_is_missing_is_named(tmp_path, capsys, name):
    init(tmp_path / "mine")
    (tmp_path / "mine" / name).unlink()
    capsys.readouterr()
    assert main(["exercise", "check", str(tmp_path / "mine")]) == 2
    assert "mine" in capsys.readouterr().err


def test_a_terminal_is_asked_for_what_no_option_says(tmp_path, monkeypatch):
    answers = {"Title": "Asked", "Scale": ["x", "2"], "Learning rate": "0.05"}

    def prompt(question, default, **_):
        answer = answers.get(question, default)
        return answer.pop(0) if isinstance(answer, list) else answer

    monkeypatch.setattr(typer, "prompt", prompt)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert init(tmp_path / "mine") == 0
    exercise = load(str(tmp_path / "mine"))
    assert (exercise.title, exercise.model.learning_rate, exercise.model.layers) == ("Asked", 0.05, (2, 4, 1))
    assert shipped.solution_scales(exercise) == (2.0,)
