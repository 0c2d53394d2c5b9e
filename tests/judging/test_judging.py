"""From numbers to verdicts: checks, points and diagnosis on evidence made without a sandbox."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader import resources
from grader.exercise import load as exercises
from grader.judging.checks import CHECKS, course_test
from grader.judging.diagnosis import Case, diagnose, measure_more, recover, shapes, status
from grader.judging.diagnosis.causes import CODES
from grader.judging.grading import grade
from grader.messages import entries
from grader.records import Array, Finding, Function, FunctionEvidence, FunctionStatus, Outcome, Place, Unit, Verdict

EXERCISE = exercises.load(checks=CHECKS)
TASKS = {task.short: task for task in EXERCISE.tasks}
Init = Callable[[list[int]], dict[str, object]]


def evidence(init: Init, short: str = "he", **function: object) -> FunctionEvidence:
    """Call a plain Python function as the sandbox would."""
    task = TASKS[short]
    outcomes = []
    for call in EXERCISE.calls(task, b"secret"):
        np.random.seed(call.ambient_seed)
        try:
            value = init(list(call.layers))
            arrays = {name: _array(array) for name, array in value.items()}
            outcomes.append(Outcome(call, "returned", arrays))
        except Exception as error:
            outcomes.append(Outcome(call, "raised", message=f"{type(error).__name__}: {error}"))
    found = Function(task.name, "found", place=Place(1, 2), **function)  # type: ignore[arg-type]
    return FunctionEvidence(found, tuple(outcomes))


def _array(value: object) -> Array:
    if type(value) is np.ndarray:
        return Array.of(value, dtype=value.dtype.name)
    return Array.of(value, dtype=np.array(value).dtype.name, type_name=type(value).__name__)


def weights(
    factor: Callable[[int, int, int, int], float], *, seed: int | None = 3, draw: str = "randn", **how: bool
) -> Init:
    """An initializer written in the usual way, with one thing or another different."""

    def init(layers: list[int]) -> dict[str, object]:
        if seed is not None:
            np.random.seed(seed)
        parameters: dict[str, object] = {}
        L = len(layers) - 1
        for l in range(1, L + 1):
            if how.get("reset"):
                np.random.seed(seed)
            n, n_prev = layers[l], layers[l - 1]
            W = getattr(np.random, draw)(n, n_prev) if not how.get("swapped") else getattr(np.random, draw)(n_prev, n)
            parameters[f"W{l}"] = W * factor(n_prev, n, l, L)
            b = np.random.randn(n, 1) if how.get("random_bias") else np.zeros((n, 1))
            parameters[f"b{l}"] = b
        return parameters

    return init


def he(n_in: int, _n_out: int, _l: int, _L: int) -> float:
    return float(np.sqrt(2 / n_in))


def ten(*_: int) -> float:
    return 10.0


def zeros(layers: list[int]) -> dict[str, object]:
    return {name: np.zeros(shape) for name, shape in shapes(layers).items()}


RIGHT = {"zeros": zeros, "random": weights(ten), "he": weights(he)}
REFERENCE = {short: recover(evidence(init, short)) for short, init in RIGHT.items()}


def judged(init: Init, short: str = "he", **function: object):
    """Points, diagnosis and verdicts by check of one initializer."""
    task, reference = TASKS[short], REFERENCE[short]
    student = recover(evidence(init, short, **function), reference)
    findings = {name: CHECKS[name](student, reference) for name in task.points}
    lines = grade(findings, dict.fromkeys(findings, ""), task, EXERCISE)
    points = sum(line.points for line in lines)
    passed = points == task.possible and status(student.evidence) == "graded"
    diagnosis = diagnose(Case(student, reference), EXERCISE.model.layers, passed=passed)
    return points, diagnosis, {line.name: line for line in lines}


def changed(base: Init, change: Callable[[dict[str, object], list[int]], object]) -> Init:
    def init(layers: list[int]) -> dict[str, object]:
        parameters = base(layers)
        change(parameters, layers)
        return parameters

    return init


def each(kind: str, how: Callable[[np.ndarray], object], base: Init = RIGHT["he"]) -> Init:
    def init(layers: list[int]) -> dict[str, object]:
        return {name: how(value) if name.startswith(kind) else value for name, value in base(layers).items()}

    return init


def last_layer_dropped(parameters: dict[str, object], layers: list[int]) -> None:
    for kind in "Wb":
        parameters.pop(f"{kind}{len(layers) - 1}")


def fixed(_layers: list[int]) -> dict[str, object]:
    return weights(he)([2, 4, 1])


def last_first(layers: list[int]) -> dict[str, object]:
    np.random.seed(3)
    sizes = list(enumerate(pairwise(layers), start=1))
    drawn = {l: np.random.randn(n, n_prev) * np.sqrt(2 / n_prev) for l, (n_prev, n) in reversed(sizes)}
    return {name: drawn[int(name[1:])] if name[0] == "W" else np.zeros(shape) for name, shape in shapes(layers).items()}


def new_generator(layers: list[int]) -> dict[str, object]:
    rng = np.random.default_rng(3)
    return {
        name: rng.standard_normal(shape) * np.sqrt(2 / shape[1]) if name[0] == "W" else np.zeros(shape)
        for name, shape in shapes(layers).items()
    }


def entropy(layers: list[int]) -> dict[str, object]:
    rng = np.random.default_rng()
    return {
        name: rng.standard_normal(shape) * np.sqrt(2 / shape[1]) if name[0] == "W" else np.zeros(shape)
        for name, shape in shapes(layers).items()
    }


def right_at_published_sizes(layers: list[int]) -> dict[str, object]:
    if layers in ([2, 4, 1], [3, 1, 2], [2, 10, 5, 1]):
        return weights(he)(layers)
    raise IndexError("list index out of range")


def scaled(rule: Callable[..., float]) -> Init:
    return weights(rule)


# who, function, points, causes, formula, seed status
TABLE = [
    ("right", "he", RIGHT["he"], 10, (), "sqrt(2/n_in)", "as_required"),
    ("right", "random", RIGHT["random"], 10, (), "10", "as_required"),
    ("right", "zeros", RIGHT["zeros"], 10, (), None, None),
    ("rounding", "he", weights(lambda n, *_: (2.0 / n) ** 0.5 * (1 + 1e-16)), 10, (), "sqrt(2/n_in)", "as_required"),
    ("float32", "he", each("W", np.float32), 10, (), "sqrt(2/n_in)", "as_required"),
    ("float32 zeros", "zeros", each("W", np.float32, zeros), 10, (), None, None),
    # scale
    ("x0.01", "random", scaled(lambda *_: 0.01), 7, ("scale_constant",), "0.01", "as_required"),
    ("x1", "random", scaled(lambda *_: 1.0), 7, ("scale_constant",), "1", "as_required"),
    ("x100", "random", scaled(lambda *_: 100.0), 7, ("scale_constant",), "100", "as_required"),
    ("x-10", "random", scaled(lambda *_: -10.0), 7, ("scale_constant",), "-10", "as_required"),
    ("he in random", "random", scaled(he), 7, ("scale_other",), "sqrt(2/n_in)", "as_required"),
    ("10 in he", "he", scaled(ten), 7, ("scale_constant",), "10", "as_required"),
    ("xavier", "he", scaled(lambda n, *_: np.sqrt(1 / n)), 7, ("scale_xavier",), "sqrt(1/n_in)", "as_required"),
    ("glorot", "he", scaled(lambda n, m, *_: np.sqrt(2 / (n + m))), 7, ("scale_xavier",), "sqrt(2/(n_in+n_out))", "as_required"),
    ("glorot 6", "he", scaled(lambda n, m, *_: np.sqrt(6 / (n + m))), 7, ("scale_xavier",), "sqrt(6/(n_in+n_out))", "as_required"),
    ("fan out", "he", scaled(lambda _n, m, *_: np.sqrt(2 / m)), 7, ("scale_fan_out",), "sqrt(2/n_out)", "as_required"),
    ("fan out 1", "he", scaled(lambda _n, m, *_: np.sqrt(1 / m)), 7, ("scale_fan_out",), "sqrt(1/n_out)", "as_required"),
    ("no root", "he", scaled(lambda n, *_: 2 / n), 7, ("scale_sqrt_missing",), "2/n_in", "as_required"),
    ("no root 1", "he", scaled(lambda n, *_: 1 / n), 7, ("scale_sqrt_missing",), "1/n_in", "as_required"),
    ("root of 2 only", "he", scaled(lambda n, *_: np.sqrt(2) / n), 7, ("scale_other",), "sqrt(2)/n_in", "as_required"),
    ("upside down", "he", scaled(lambda n, *_: np.sqrt(n / 2)), 7, ("scale_other",), "sqrt(n_in/2)", "as_required"),
    ("by L", "he", scaled(lambda _n, _m, _l, L: np.sqrt(2 / L)), 7, ("scale_other",), "sqrt(2/L)", "as_required"),
    ("by l", "he", scaled(lambda _n, _m, l, _L: np.sqrt(2 / l)), 7, ("scale_other",), "sqrt(2/l)", "as_required"),
    ("3", "he", scaled(lambda n, *_: np.sqrt(3 / n)), 7, ("scale_other",), "sqrt(3/n_in)", "as_required"),
    ("x10 left in", "he", scaled(lambda n, *_: 10 * np.sqrt(2 / n)), 7, ("scale_other",), "10*sqrt(2/n_in)", "as_required"),
    ("x0.01 left in", "he", scaled(lambda n, *_: 0.01 * np.sqrt(2 / n)), 7, ("scale_other",), "0.01*sqrt(2/n_in)", "as_required"),
    ("no rule", "he", scaled(lambda n, m, l, _L: np.sin(n * m + l) + 2), 7, ("scale_other",), None, "as_required"),
    # seed
    ("no seed", "he", weights(he, seed=None), 8, ("seed_missing",), "sqrt(2/n_in)", "missing"),
    ("other seed", "he", weights(he, seed=1), 8, ("seed_other",), "sqrt(2/n_in)", "other"),
    ("seed 42", "random", weights(ten, seed=42), 8, ("seed_other",), "10", "other"),
    ("reset", "he", weights(he, reset=True), 8, ("seed_per_layer",), "sqrt(2/n_in)", "reset_per_layer"),
    ("new generator", "he", new_generator, 8, ("other_generator",), "sqrt(2/n_in)", "other_generator"),
    ("entropy", "he", entropy, 8, ("unknown",), "sqrt(2/n_in)", "unknown"),
    ("no seed and fan out", "he", weights(lambda _n, m, *_: np.sqrt(2 / m), seed=None), 5, ("scale_fan_out", "seed_missing"), "sqrt(2/n_out)", "missing"),
    # distribution and order
    ("uniform", "random", weights(ten, draw="rand"), 6, ("uniform_not_normal",), "10", "as_required"),
    ("uniform without seed", "random", weights(ten, draw="rand", seed=None), 6, ("uniform_not_normal", "seed_missing"), "10", "missing"),
    ("last layer first", "he", last_first, 8, ("draw_order",), "sqrt(2/n_in)", "as_required"),
    ("all zero", "he", zeros, 3, ("weights_zero",), None, None),
    ("all ones", "he", each("W", np.ones_like), 3, ("weights_constant",), None, None),
    ("ones for zeros", "zeros", each("W", np.ones_like, zeros), 6, ("weights_constant",), None, None),
    ("random for zeros", "zeros", RIGHT["random"], 6, ("weights_not_zero",), "10", "other"),
    ("rounded", "he", each("W", lambda W: np.round(W, 3)), 8, ("weights_rounded",), "sqrt(2/n_in)", "as_required"),
    ("rounded to eight digits", "he", each("W", lambda W: np.round(W, 8)), 8, ("weights_rounded",), "sqrt(2/n_in)", "as_required"),
    ("clipped", "random", each("W", lambda W: np.clip(W, -20, 20), RIGHT["random"]), 8, ("weights_clipped",), "10", "as_required"),
    # structure
    ("swapped as drawn", "he", weights(he, swapped=True), 8, ("transposed",), "sqrt(2/n_in)", "as_required"),
    ("turned", "he", each("W", np.transpose), 8, ("transposed",), "sqrt(2/n_in)", "as_required"),
    ("last layer missing", "he", changed(RIGHT["he"], last_layer_dropped), 8, ("layer_missing",), "sqrt(2/n_in)", "as_required"),
    ("extra key", "he", changed(RIGHT["he"], lambda p, _: p.update(L=3)), 8, ("extra_keys",), "sqrt(2/n_in)", "as_required"),
    ("fixed sizes", "he", fixed, 0, ("hard_coded_dims",), "sqrt(2/n_in)", "as_required"),
    ("published sizes only", "he", right_at_published_sizes, 0, ("raised",), "sqrt(2/n_in)", "as_required"),
    ("lists", "he", each("", lambda a: a.tolist()), 8, ("wrong_type",), "sqrt(2/n_in)", "as_required"),
    ("integers", "zeros", each("", lambda a: a.astype(int), zeros), 6, ("wrong_type",), None, None),
    ("nan", "he", each("W", lambda W: W * np.nan), 1, ("not_finite",), None, "unknown"),
    # biases
    ("random biases", "he", weights(he, random_bias=True), 7, ("bias_random",), "sqrt(2/n_in)", "as_required"),
    ("biases one", "he", each("b", np.ones_like), 9, ("bias_nonzero",), "sqrt(2/n_in)", "as_required"),
    ("flat biases", "he", each("b", np.ravel), 8, ("bias_shape",), "sqrt(2/n_in)", "as_required"),
    ("plain 0", "he", each("b", lambda _: 0), 8, ("bias_shape",), "sqrt(2/n_in)", "as_required"),
    ("no biases", "he", changed(RIGHT["he"], lambda p, _: [p.pop(k) for k in list(p) if k[0] == "b"]), 7, ("bias_missing",), "sqrt(2/n_in)", "as_required"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("who", "short", "init", "points", "causes", "formula", "seed_status"),
    TABLE,
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_function_is_judged_and_named(who, short, init, points, causes, formula, seed_status):
    earned, diagnosis, lines = judged(init, short)
    said = {name: (line.verdict, line.message) for name, line in lines.items()}
    assert diagnosis.causes == causes, said
    assert earned == points, said
    assert (diagnosis.scale_formula, diagnosis.seed_status) == (formula, seed_status)


@pytest.mark.parametrize(
    ("who", "short", "init"),
    [row[:3] for row in TABLE if row[3] < 10],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_lost_point_shows_its_call(who, short, init):
    _, _, lines = judged(init, short)
    assert any(line.verdict == "failed" for line in lines.values())
    for line in lines.values():
        if line.verdict == "failed":
            assert line.evidence is not None, line
            assert TASKS[short].name in line.evidence.call
            assert all((line.evidence.got, line.evidence.want, line.evidence.tolerance))


def test_a_seed_at_the_top_level_is_told_from_none():
    _, diagnosis, lines = judged(weights(he, seed=None), seeded_outside=Place(3, 4))
    assert (diagnosis.seed_status, diagnosis.causes) == ("outside_function", ("seed_outside",))
    assert "cell 4, line 3" in (lines["draws"].hint or "")


def test_an_unknown_draw_of_another_generator_is_told_by_the_code():
    unit = Unit("def f(d):\n    rng = np.random.default_rng()", Place(1, 1))
    assert judged(entropy, units=(unit,))[1].causes == ("other_generator",)


@pytest.mark.parametrize("factor", [0.5, 0.9, 1.1, 2.0])
def test_without_known_draws_the_scale_is_told_by_statistics(factor):
    def init(layers):
        return {name: value * factor if name[0] == "W" else value for name, value in entropy(layers).items()}

    _, _, lines = judged(init)
    assert lines["scale"].verdict == "failed"
    assert "standard errors" in lines["scale"].evidence.tolerance


def test_statistics_never_blame_a_right_scale():
    assert all(judged(entropy)[2]["scale"].verdict == "passed" for _ in range(40))


@given(st.integers(0, 999), st.sampled_from([0.01, 0.1, 1.0, 3.0]))
@settings(max_examples=40, deadline=None)
def test_whatever_the_seed_the_factor_is_recovered(seed, factor):
    _, diagnosis, _ = judged(weights(lambda *_: factor, seed=seed), "random")
    assert diagnosis.seed == seed
    assert diagnosis.scale == pytest.approx((factor,) * 3)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_function_passes_exactly_when_every_number_is_the_references(data):
    """One number changed in one array of one call, by more than rounding, costs points in a check that failed."""
    short = data.draw(st.sampled_from(sorted(TASKS)))
    student = evidence(RIGHT[short], short)
    index = data.draw(st.integers(0, len(student.outcomes) - 1))
    outcome = student.outcomes[index]
    name = data.draw(st.sampled_from(sorted(outcome.arrays)))
    array = outcome.arrays[name].numpy().copy()
    at = data.draw(st.integers(0, array.size - 1))
    array.flat[at] += data.draw(st.sampled_from([1e-5, -1.0, 1e300, np.nan, np.inf])) * max(1.0, abs(array.flat[at]))
    outcomes = list(student.outcomes)
    outcomes[index] = replace(outcome, arrays={**outcome.arrays, name: Array.of(array)})
    wrong = recover(replace(student, outcomes=tuple(outcomes)), REFERENCE[short])
    verdicts = {name: CHECKS[name](wrong, REFERENCE[short]).verdict for name in TASKS[short].points}
    assert "failed" in verdicts.values(), verdicts


def test_a_secret_size_is_named_only_where_no_public_one_shows_the_fault():
    secret = {call.layers for call in EXERCISE.calls(TASKS["he"], b"secret") if not call.public}

    def wrong_there(layers):
        return weights(ten)(layers) if tuple(layers) in secret else weights(he)(layers)

    assert "he([2, 4, 1])" in judged(weights(ten))[2]["scale"].evidence.call
    call = judged(wrong_there)[2]["draws"].evidence or judged(wrong_there)[2]["scale"].evidence
    assert any(str(list(layers)) in call.call for layers in secret)


@pytest.mark.parametrize(
    ("init", "verdict"),
    [
        (RIGHT["he"], "passed"),
        (right_at_published_sizes, "passed"),
        (weights(he, seed=None), "failed"),
        (each("W", lambda W: W + 1e-6), "passed"),
        (each("W", lambda W: W + 2e-6), "failed"),
        (each("b", np.ravel), "failed"),
        (each("b", lambda _: 0), "failed"),
        (changed(RIGHT["he"], lambda p, _: p.update(L=3)), "failed"),
    ],
)
def test_the_courses_own_test_is_told_apart(init, verdict):
    student = recover(evidence(init), REFERENCE["he"])
    assert course_test(student, REFERENCE["he"], TASKS["he"].course_test) == verdict


def test_the_courses_own_test_is_not_run_where_there_is_no_function():
    student = recover(FunctionEvidence(Function("initialize_parameters_he", "missing")), REFERENCE["he"])
    assert course_test(student, REFERENCE["he"], TASKS["he"].course_test) == "not_run"


# --- points --------------------------------------------------------------------------------------------------------

VERDICTS = [
    ("passed", "partial", 3.0, 3.0),
    ("failed", "partial", 0.0, 3.0),
    ("skipped", "partial", 0.0, 3.0),
    ("broken", "partial", 0.0, 0.0),
    ("passed", "course", 0.0, 3.0),  # beside a failed one
    ("broken", "course", 0.0, 0.0),
]


@pytest.mark.parametrize(("verdict", "policy", "points", "possible"), VERDICTS)
def test_what_a_verdict_is_worth(verdict, policy, points, possible):
    findings = {"scale": Finding(verdict, ""), "shapes": Finding("failed", ""), "training": Finding("passed", "")}
    task = TASKS["he"]
    scale, _, training = grade(findings, dict.fromkeys(findings, ""), task, replace(EXERCISE, policy=policy))
    assert (scale.points, scale.possible) == (points, possible)
    assert (training.points, training.possible) == (0, 0)


def test_every_verdict_has_a_row():
    assert {row[0] for row in VERDICTS} == set(get_args(Verdict))


def test_under_the_course_policy_a_right_function_gets_all():
    findings = {name: Finding("passed", "") for name in TASKS["he"].points}
    lines = grade(findings, dict.fromkeys(findings, ""), TASKS["he"], replace(EXERCISE, policy="course"))
    assert sum(line.points for line in lines) == 10


# --- lists stay complete -------------------------------------------------------------------------------------------


def test_every_cause_that_a_row_names_has_words():
    assert {cause for row in TABLE for cause in row[4]} <= set(CODES)


def test_every_status_that_is_no_verdict_has_words_as_a_cause():
    assert set(get_args(FunctionStatus)) - {"graded", "broken"} <= set(CODES)


@pytest.mark.parametrize(
    "init", [RIGHT["he"], zeros, entropy, weights(ten), weights(he, seed=None), weights(he, reset=True)]
)
def test_every_check_has_the_id_of_its_message(init):
    _, _, lines = judged(init)
    ids = {
        entry.id for room in ("judging", "draws") for entry in entries(resources.templates() / f"messages/en/{room}.po")
    }
    assert all(line.message_id in ids and line.message != line.message_id for line in lines.values())


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"seed": 5, "reset": True}, "each layer sets seed 5 again, so all layers begin with the same random numbers"),
        ({"seed": 5}, "the random numbers are those of seed 5"),
        ({"random_bias": True, "seed": 5}, "the biases also used random numbers, so later weights got different ones"),
    ],
)
def test_another_seed_is_never_called_the_right_one(how, message):
    assert judged(weights(he, **how))[2]["draws"].message == message


def test_every_check_has_a_title_and_every_title_a_check():
    ids = {entry.id for entry in entries(resources.templates() / "messages/en/judging.po")}
    titles = {f"judging.check.{name}" for name in CHECKS} | {"judging.check.draws.seed"}
    assert {name for name in ids if name.startswith("judging.check.")} == titles


def test_every_check_has_points_that_a_row_loses():
    """`training` is shown, and worth nothing."""
    lines = [line for row in TABLE if row[3] < 10 for line in judged(row[2], row[1])[2].values()]
    assert {line.name for line in lines if line.verdict == "failed" and line.possible} == CHECKS.keys() - {"training"}


def test_the_documents_have_the_points_of_each_check():
    page = (Path(__file__).parents[2] / "docs" / "grading.md").read_text(encoding="utf-8")
    table = page.partition("| check | points: zeros | points: random, he |")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:4]] for line in table.splitlines()[2:]]
    points = {
        task.short: {name: f"{task.points[name]:g}" if name in task.points else "" for name in CHECKS}
        for task in EXERCISE.tasks
    }
    assert {name: zeros for name, zeros, _ in rows} == points["zeros"] | {"training": "0"}
    assert {name: random for name, _, random in rows} == points["random"] | {"training": "0"}
    assert points["random"] == points["he"]


# --- exercise.toml -------------------------------------------------------------------------------------------------


def copy_of_exercise(tmp_path: Path, *changes: tuple[str, str]) -> str:
    text = (EXERCISE.folder / "exercise.toml").read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    tmp_path.mkdir(exist_ok=True)
    (tmp_path / "exercise.toml").write_text(text)
    (tmp_path / "solution.ipynb").write_bytes((EXERCISE.folder / "solution.ipynb").read_bytes())
    return str(tmp_path)


@pytest.mark.parametrize(
    ("change", "line", "says"),
    [
        (("weights = 4\n", "weightz = 4\n"), "weightz = 4", "no check 'weightz'"),
        (("scale = 3\n", "scale = 4\n"), "possible = 10", "add up to 11, but 10 are declared"),
        (("shapes = 4\n", "shapes = -4\n"), "shapes = -4", "points are numbers of 0 or more"),
        (("shapes = 4\n", "shapes = inf\n"), "shapes = inf", "points are numbers of 0 or more"),
    ],
)
def test_points_that_make_no_sense_are_refused_with_their_line(tmp_path, change, line, says):
    folder = copy_of_exercise(tmp_path, change)
    with pytest.raises(exercises.ExerciseError, match=says) as error:
        exercises.load(folder, CHECKS)
    number = int(str(error.value).split("line ")[1].split(":")[0])
    assert (tmp_path / "exercise.toml").read_text().splitlines()[number - 1].startswith(line)


@pytest.mark.parametrize(
    "change",
    [
        ('policy = "partial"', 'policy = "generous"'),
        ("learning_rate = 0.01", 'learning_rate = "fast"'),
        ("iterations = 15000", "iterations = 15000\nepochs = 3"),
        ('title = "Initialization"', "title = ["),
        ('title = "Initialization"\n', ""),
        ("cpu_seconds = 3", "cpu_minutes = 4"),
        ("cpu_seconds = 3", "cpu_seconds = 0"),
        ("cpu_seconds = 3", "cpu_seconds = 0.5"),
    ],
)
def test_a_file_that_is_not_usable_is_refused(tmp_path, change):
    with pytest.raises(exercises.ExerciseError):
        exercises.load(copy_of_exercise(tmp_path, change), CHECKS)


def test_limits_are_settings(tmp_path):
    folder = copy_of_exercise(tmp_path, ("cpu_seconds = 3", "cpu_seconds = 9"))
    assert exercises.load(folder, CHECKS).limits.cpu_seconds == 9
    assert exercises.load(folder, CHECKS).limits.result_bytes == EXERCISE.limits.result_bytes


def test_an_unknown_exercise_names_the_known_ones():
    with pytest.raises(exercises.ExerciseError, match="dls-c2w1-initialization"):
        exercises.load("dls-c9")


def test_a_bare_name_is_a_shipped_exercise_even_where_a_folder_is_called_the_same(tmp_path, monkeypatch):
    copy_of_exercise(tmp_path / EXERCISE.name, ("iterations = 15000", "iterations = 9"))
    monkeypatch.chdir(tmp_path)
    assert exercises.load(EXERCISE.name, CHECKS).model == EXERCISE.model
    own = exercises.load(f"./{EXERCISE.name}", CHECKS)
    assert own.model.iterations == 9
    assert own.folder.is_absolute()  # it is handed on as a path, and stays one


def test_a_folder_named_without_a_separator_is_refused_with_the_name_to_write(tmp_path, monkeypatch):
    copy_of_exercise(tmp_path / "mine", ("iterations = 15000", "iterations = 9"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(exercises.ExerciseError, match=r"there is no exercise 'mine'") as caught:
        exercises.load("mine")
    assert "write ./mine" in caught.value.hint
    assert exercises.load("mine/").model.iterations == 9


@pytest.mark.parametrize("name", ["", ".", "..", "dls\0", "./", "x" * 5000, "./" + "x" * 5000])
def test_what_names_no_exercise_is_refused(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(exercises.ExerciseError, match="there is no exercise"):
        exercises.load(name)


def test_secret_sizes_are_the_same_for_one_secret_and_differ_for_two():
    one, again, other = (EXERCISE.calls(TASKS["he"], secret) for secret in (b"1", b"1", b"2"))
    assert one == again != other
    assert [call.layers for call in one if call.public] == [call.layers for call in other if call.public]
    for call in one:
        if not call.public:
            assert len(set(call.layers)) == len(call.layers)


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_what_is_measured_on_more_calls_is_what_all_of_them_say(shift):
    """Calls that were measured before are not measured again."""

    def init(layers: list[int]) -> dict[str, object]:
        drawn = weights(lambda *_: 10)(layers)
        return {name: array + shift if name.startswith("W") else array for name, array in drawn.items()}

    whole = evidence(init, "random")
    known = recover(replace(whole, outcomes=tuple(one for one in whole.outcomes if one.call.public)))
    assert len(known.weights) < len(whole.outcomes)
    assert known.drawn.shifted == bool(shift)
    assert measure_more(known, whole.outcomes).drawn == recover(whole).drawn
