"""The next step names what this function gave and asks for, and whoever does what it says gets the points."""

from __future__ import annotations

import re

import numpy as np
import pytest
from notebooks import HE, IMPORTS, RANDOM, edit, notebook, solved, write

from grader.exercise import load as exercises
from grader.judging.checks import CHECKS
from grader.pipeline import Pipeline

RANDN = "np.random.randn(layers_dims[l], layers_dims[l-1])"
COLUMN = "np.zeros((layers_dims[l], 1))"
SEED = "    np.random.seed(3)\n"
LENGTH = "    L = len(layers_dims)\n"
RANDOM_NAME = "initialize_parameters_random"


def random(*changes, before=IMPORTS):
    return {"random": edit(RANDOM, *changes), "before": before}


def he(*changes, before=IMPORTS):
    return {"he": edit(HE, *changes), "before": before}


def in_class():
    method = edit(RANDOM, ("(layers_dims):", "(self, layers_dims):"))
    return {"random": "class Net:\n" + "".join(f"    {line}\n" for line in method.splitlines())}


# what is handed in, what the next step says, and what the student hands in who does it
CASES = {
    "small w": (random(("'W'", "'w'")), "name the entries W1, b1, W2, b2; now the names are w1, b1, w2, b2", {}),
    "underscore": (random(("'W'", "'W_'")), "W1, b1, W2, b2; now the names are W_1, b1, W_2, b2", {}),
    "a letter for the number": (random(("'W' + str(l)", "'Wl'")), "now the names are Wl, b1, b2", {}),
    "no number": (random(("'W' + str(l)", "'W'"), ("'b' + str(l)", "'b'")), "now the names are W, b", {}),
    "counted from 0": (random(("str(l)", "str(l-1)")), "now the names are W0, b0, W1, b1", {}),
    "nothing stored": (random(("return parameters", "return {}")), "store W1, b1, W2, b2 in the dictionary", {}),
    "large B": (random(("'b'", "'B'")), "name the entries W1, b1, W2, b2; now the names are W1, B1, W2, B2", {}),
    "no last layer": (random(("range(1, L)", "range(1, L - 1)")), "the last one included; for the layer sizes [3, 2, 1], W2, b2 are missing", {}),
    "no first layer": (random(("range(1, L)", "range(2, L)")), "the first one included; for the layer sizes [3, 2, 1], W1, b1 are missing", {}),
    "return in the loop": (random(("    return", "        return")), "return after the loop, not inside it", {}),
    "b is None": (random((COLUMN, "None")), "np.zeros((layers_dims[l], 1)); now b1 is None", {}),
    "complex": (random(("* 10", "* (10 + 0j)")), "now W1 is an array of complex128", {}),
    "text as well": (random(("    return", "    parameters['name'] = 'x'\n    return")), "take “name” out", {}),
    "None as well": (random(("    return", "    parameters['c'] = None\n    return")), "take “c” out of the dictionary", {}),
    "nothing returned": (random(("    return parameters", "    parameters")), "end the function with `return parameters`", {}),
    "tuple": (random(("return parameters", "return parameters, L")), "return the dictionary and nothing else", {}),
    "lists": (random((RANDN, f"({RANDN}"), ("* 10", "* 10).tolist()")), "now W1 is a list", {}),
    "no L": (random((LENGTH, "")), "set L inside the function: L = len(layers_dims).", {}),
    "L outside": (
        random((LENGTH, ""), before=f"{IMPORTS}\nL = 3"),
        "set L inside the function: L = len(layers_dims); now L is set outside",
        random(before=f"{IMPORTS}\nL = 3"),
    ),
    "L outside, counted in full": (
        he(("    L = len(layers_dims) - 1\n", ""), before=f"{IMPORTS}\nL = 2"),
        "set L inside the function: L = len(layers_dims) - 1; now L",
        he(before=f"{IMPORTS}\nL = 2"),
    ),
    "argument mistyped": (random(("len(layers_dims)", "len(layer_dims)")), "write layers_dims instead of layer_dims", {}),
    "global list": (
        random(("randn(layers_dims[l]", "randn(layer_dims[l]"), before=f"{IMPORTS}\nlayer_dims = [3, 2, 1]"),
        "write layers_dims, the function's argument, instead of layer_dims",
        {},
    ),
    "global list throughout": (
        random(("layers_dims[", "layer_dims["), ("len(layers_", "len(layer_"), before=f"{IMPORTS}\nlayer_dims = [3, 2, 1]"),
        "write layers_dims, the function's argument, instead of layer_dims",
        {},
    ),
    "bare sqrt": (he(("np.sqrt", "sqrt")), "write np.sqrt instead of sqrt", {}),
    "math": (he(("np.sqrt", "math.sqrt")), "add `import math` to the first cell", he(("np.sqrt", "math.sqrt"), before=f"{IMPORTS}\nimport math")),
    "index mistyped": (random(("for l in", "for i in")), "write i instead of l", random(("[l", "[i"), ("str(l)", "str(i)"), ("for l in", "for i in"))),
    "result mistyped": (random(("return parameters", "return params")), "write parameters instead of params", {}),
    "np.float": (random((COLUMN, "np.zeros((layers_dims[l], 1), dtype=np.float)")), "write float instead of np.float", {}),
    "mistyped zeros": (random((COLUMN, "np.zero((layers_dims[l], 1))")), "write np.zeros instead of np.zero", {}),
    "mistyped randn": (random((RANDN, "np.random.rand_n(layers_dims[l], layers_dims[l-1])")), "write np.random.randn instead of", {}),
    "sizes of randn in a tuple": (random((RANDN, "np.random.randn((layers_dims[l], layers_dims[l-1]))")), "pass the sizes one by one", {}),
    "sizes of zeros apart": (random((COLUMN, "np.zeros(layers_dims[l], 1)")), "pass the sizes as one tuple", {}),
    "used before it is set": (random((LENGTH, "    L = L or len(layers_dims)\n")), "give L its value before it is used", {}),
    "uniform": (random((RANDN, "np.random.uniform(-1, 1, (layers_dims[l], layers_dims[l-1]))")), "draw the weights with np.random.randn", {}),
    "names in a list of the notebook": (
        random(("'W' + str(l)", "NAMES[0] + str(l)"), (COLUMN, "np.zeros(layers_dims[l])"), before=f"{IMPORTS}\nNAMES = ['W', 'b']"),
        "give b the shape (layers_dims[l], 1)",
        random(("'W' + str(l)", "NAMES[0] + str(l)"), before=f"{IMPORTS}\nNAMES = ['W', 'b']"),
    ),
    "no dictionary": (random(("    parameters = {}\n", "")), "begin with parameters = {}", {}),
    "digit for a letter": (random((COLUMN, "np.zeros((layers_dims[1], 1))")), "in layers_dims[1], the index is a number", {}),
    "flat": (random((COLUMN, "np.zeros(layers_dims[l])")), "for the layer sizes [3, 2, 1], b1 is (2,) instead of (2, 1)", {}),
    "turned": (random((RANDN, f"{RANDN}.T")), "for the layer sizes [3, 2, 1], W1 is (3, 2) instead of (2, 3)", {}),
    "method": (in_class(), f"take {RANDOM_NAME} out of the class: define it at the left margin", {}),
    "another argument": (random(("(layers_dims):", "(layers_dims, seed):")), "nothing else; now it also takes seed", {}),
    "no argument": (random(("(layers_dims):", "():")), "let the function take layers_dims; now it takes nothing", {}),
    "another name": (random(("parameters_random", "parameters_rand")), f"rename initialize_parameters_rand to {RANDOM_NAME}", {}),
    "rule of the sizes for a number": (random(("* 10", "* 2 / layers_dims[l-1]")), "multiply the random numbers by 10; you multiply by 2/n_in", {}),
    "fan-out for a number": (random(("* 10", "* np.sqrt(2 / layers_dims[l])")), "multiply the random numbers by 10; you", {}),
    "He's root missing": (he(("np.sqrt(2 / layers_dims[l-1])", "2 / layers_dims[l-1]")), "your factor is 2/n_in (n_in: size of the layer before); compare it with the rule in the task", {}),
    "another seed outside": (
        random((SEED, ""), before=f"{IMPORTS}\nnp.random.seed(1)"),
        "set the seed inside the function, before the loop: np.random.seed(3).",
        random(before=f"{IMPORTS}\nnp.random.seed(1)"),
    ),
    "the right seed outside": (random((SEED, ""), before=f"{IMPORTS}\nnp.random.seed(3)"), "move np.random.seed(3) into the function", {}),
    "generator outside": (
        random((SEED, ""), ("np.random.randn", "rs.randn"), before=f"{IMPORTS}\nrs = np.random.RandomState(3)"),
        "set np.random.seed(3) in the function, before the loop, and draw from np.random",
        {},
    ),
    "generator as a default": (
        random((SEED, ""), ("np.random.randn", "rs.randn"), ("(layers_dims):", "(layers_dims, rs=np.random.RandomState(3)):")),
        "set np.random.seed(3) in the function, before the loop, and draw from np.random",
        {},
    ),
    "NaN": (random(("* 10", "* np.nan")), "now W1 contains NaN or infinity", {}),
    "rounded": (random((RANDN, f"np.round({RANDN}"), ("* 10", "* 10, 2)")), "do not round them", {}),
    "rounded to eight digits": (he((RANDN, f"np.round({RANDN}"), ("layers_dims[l-1])\n        parameters['b'", "layers_dims[l-1]), 8)\n        parameters['b'")), "do not round them", {}),
    "half precision": (random((RANDN, f"({RANDN}"), ("* 10", "* 10).astype(np.float16)")), "do not round them", {}),
    "clipped": (random((RANDN, f"np.clip({RANDN}, -2, 2)")), "do not clip them", {}),
    "random scalar for biases": (random((COLUMN, f"{COLUMN} + np.random.randn()")), "make the biases zero", {}),
    "Python's random for biases": (random((COLUMN, f"{COLUMN} + random.random()"), before=f"{IMPORTS}\nimport random"), "make the biases zero", {}),
}  # fmt: skip
NO_MORE = {"small w", "counted from 0", "large B", "L outside", "global list", "NaN", "rounded", "clipped"} | {
    "random scalar for biases",
    "Python's random for biases",
}  # cases with one thing to do


@pytest.fixture(scope="module")
def pipeline():
    with Pipeline(exercises.load(checks=CHECKS), b"secret") as pipeline:
        yield pipeline


@pytest.fixture(scope="module")
def graded(pipeline, tmp_path_factory):
    folder = tmp_path_factory.mktemp("steps")
    return lambda **sources: pipeline.grade(write(folder, "ada.ipynb", solved(**sources)))


@pytest.mark.parametrize("name", CASES)
def test_whoever_does_what_the_next_step_says_gets_the_points(name, graded):
    handed_in, step, done = CASES[name]
    result = graded(**handed_in)
    assert result.score < 30
    assert step in result.summary.next_step
    assert ("left." in result.summary.text) is False or name not in NO_MORE
    assert graded(**done).score == 30


def test_the_names_of_entries_are_cut_and_cleaned(graded):
    hostile = "w\\u202e" + "x" * 70
    step = graded(**random(("'W'", f"'{hostile}'"))).summary.next_step
    assert "\u202e" not in step
    assert "x" * 30 not in step


@pytest.mark.parametrize(
    ("changes", "before", "place"),
    [
        ([("(layers_dims):", "(layers_dims, scale=0.01):"), ("* 10", "* scale")], IMPORTS, "cell 3, line 1"),
        ([("* 10", "* SCALE")], f"{IMPORTS}\nSCALE = 0.01", "cell 1, line 2"),
        ([(RANDN, "np.random.randn(n, m)"), ("        parameters['W'", "        n, m = layers_dims[l-1], layers_dims[l]\n        parameters['W'")], IMPORTS, "cell 3, line 6"),
        ([(COLUMN, "b"), ("        parameters['W'", "        b = np.zeros(layers_dims[l])\n        parameters['W'")], IMPORTS, "cell 3, line 6"),
        ([("* 10", "* 0.01")], IMPORTS, "cell 3, line 6"),
    ],
    ids=["default", "constant of the notebook", "two at once", "array", "in place"],
)  # fmt: skip
def test_a_proof_at_the_use_of_a_variable_names_where_that_has_its_value_from(changes, before, place, graded):
    function = graded(**random(*changes, before=before)).functions[RANDOM_NAME]
    assert str(function.known.place) == place
    assert str(function.told[0].place) == place


def test_the_line_that_python_cannot_read_is_said_once_and_counted_in_its_cell(pipeline, tmp_path):
    source = "# graded\n\n" + edit(RANDOM, ("        parameters['W'", "    parameters['W'"))
    result = pipeline.grade(write(tmp_path, "ada.ipynb", notebook(IMPORTS, source)))
    function = result.functions[RANDOM_NAME]
    assert "(cell “# graded”, line 8: " in function.message
    assert " on line " not in function.message
    assert f"{RANDOM_NAME} (cell 2, line 8)" in " ".join(f"{RANDOM_NAME} ({cause.place!s})" for cause in function.told)


@pytest.mark.parametrize("line", ["break", "nonlocal q", "eval('1 +')"])
def test_no_line_is_told_that_is_counted_elsewhere(line, graded):
    function = graded(**random(("    parameters = {}", f"    {line}\n    parameters = {{}}"))).functions[RANDOM_NAME]
    said = " ".join(check.message for check in function.checks)
    assert "(cell “def initialize_parameters_random(layers_dims):”, line 3)" in said
    assert said.count("line ") == 1


def test_numbers_of_a_generator_that_is_made_once_are_those_of_a_fresh_notebook(graded):
    source, _, _ = CASES["generator outside"]
    function = graded(**source).functions[RANDOM_NAME]
    draws = next(check for check in function.checks if check.name == "draws")
    row = np.random.RandomState(3).randn(16) * 10
    assert function.diagnosis.causes == ("seed_outside",)
    assert draws.evidence.got == f"{row[0]:.8g} and then {row[8]:.8g}"
    assert "([3, 2, 1])" in draws.evidence.call


@pytest.mark.parametrize("factor", ["0.29", "np.sqrt(1.1 / layers_dims[l-1])"])
def test_where_draws_are_unknown_bounds_are_told_and_no_rule(factor, graded):
    unseeded = "np.random.default_rng().standard_normal((layers_dims[l], layers_dims[l-1]))"
    function = graded(**random((RANDN, unseeded), ("* 10", f"* {factor}"))).functions[RANDOM_NAME]
    assert function.diagnosis.scale_formula is None
    assert "now the spread of W1 is between" in function.told[0].action


def test_a_truncated_normal_is_not_told_another_factor(graded):
    truncated = (
        "def truncated(*sides):\n    values = np.random.randn(*sides)\n    far = np.abs(values) > 2\n"
        "    while far.any():\n        values[far] = np.random.randn(far.sum())\n        far = np.abs(values) > 2\n"
        "    return values\n\n"
    )
    source = {"random": truncated + edit(RANDOM, ("np.random.randn", "truncated"))}
    function = graded(**source).functions[RANDOM_NAME]
    assert function.diagnosis.causes == ("distribution_other",)
    assert function.diagnosis.scale_formula is None


def test_yours_is_the_students_own_text(graded):
    uniform = "np.random.uniform(-1, 1, (layers_dims[l], layers_dims[l-1])) * np.sqrt(6 / layers_dims[l-1])"
    function = graded(**he((f"{RANDN} * np.sqrt(2 / layers_dims[l-1])", uniform))).functions["initialize_parameters_he"]
    assert {cause.wrote for cause in function.told} <= {uniform, None}

    named = random(("np.random.seed(3)", "seed = 4\n    np.random.seed(seed)"))
    (cause,) = graded(**named).functions[RANDOM_NAME].told
    assert (cause.code, cause.wrote, cause.asked) == ("seed_other", "np.random.seed(seed)", "np.random.seed(3)")


def test_a_merge_conflict_is_the_only_next_step(pipeline, tmp_path):
    both = f"<<<<<<< HEAD\n{RANDOM}=======\n{RANDOM}>>>>>>> theirs\n"
    result = pipeline.grade(write(tmp_path, "ada.ipynb", solved(random=both)))
    assert result.score == 30
    assert result.summary.next_step.startswith(
        "Cell “def initialize_parameters_random(layers_dims):”: resolve the Git merge conflict"
    )


def test_a_file_that_lost_a_part_is_not_finished_though_every_function_is_right(pipeline, tmp_path):
    whole = solved(after="# the end of the notebook")
    cut = whole[: whole.rindex(b"# the end")]
    result = pipeline.grade(write(tmp_path, "ada.ipynb", cut))
    assert (result.score, result.notebook.problems[0].code) == (30, "truncated_json")
    assert "hand in a complete copy" in result.summary.next_step
    assert pipeline.grade(write(tmp_path, "ada.ipynb", whole)).summary.next_step == "Nothing is left to do."


def test_numbers_that_are_shown_beside_each_other_differ(graded):
    source, _, _ = CASES["clipped"]
    for check in graded(**source).functions[RANDOM_NAME].checks:
        assert check.evidence is None or check.evidence.got != check.evidence.want


def test_a_line_to_add_elsewhere_has_the_place_where_it_is_used_and_no_other_change_beside_it(graded):
    source, _, _ = CASES["math"]
    result = graded(**source)
    assert re.search(r"^\S+: add `import math` to the first cell \(used at .*line \d+.*\)\.$", result.summary.next_step)
    assert result.functions["initialize_parameters_he"].known is None


def test_who_sets_no_seed_is_not_asked_how_often_it_is_set(graded):
    source = random(("    np.random.seed(3)\n", ""))
    known = graded(**source).functions[RANDOM_NAME].known
    assert known is not None
    assert known.message.endswith("Look at the seed.")
