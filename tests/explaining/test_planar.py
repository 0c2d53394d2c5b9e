"""The exercise with one hidden layer: both versions of its notebook are right, and its pages tell nothing of the other exercise."""

from __future__ import annotations

import re

import pytest
from markupsafe import Markup
from notebooks import notebook, write

from grader.exercise import load as exercises
from grader.judging.checks import CHECKS
from grader.pipeline import Pipeline
from grader.records import FunctionResult, Result
from grader.rendering import html

EXERCISE = exercises.load("dls-c1w3-planar", CHECKS)
OLDER = '''def initialize_parameters(n_x, n_h, n_y):
    """
    n_x -- size of the input layer
    """
    np.random.seed(2) # we set up a seed so that your output matches ours

    ### START CODE HERE ### (≈ 4 lines of code)
    W1 = np.random.randn(n_h, n_x) * 0.01
    b1 = np.zeros((n_h, 1))
    W2 = np.random.randn(n_y, n_h) * 0.01
    b2 = np.zeros((n_y, 1))
    ### END CODE HERE ###

    assert (W1.shape == (n_h, n_x))
    assert (b1.shape == (n_h, 1))

    parameters = {"W1": W1,
                  "b1": b1,
                  "W2": W2,
                  "b2": b2}

    return parameters
'''
NEWER = OLDER.replace("    np.random.seed(2) # we set up a seed so that your output matches ours\n", "")
SUBMISSIONS = {
    "older": OLDER,
    "newer": NEWER,
    "no scale": NEWER.replace(" * 0.01", ""),
    "ten": NEWER.replace("0.01", "10"),
    "hundred": OLDER.replace("0.01", "100"),
    "zero": re.sub(r"np.random.randn\((\w+), (\w+)\) \* 0.01", r"np.zeros((\1, \2))", NEWER),
    "swapped": re.sub(r"randn\((\w+), (\w+)\)", r"randn(\2, \1)", NEWER).replace("assert", "# assert"),
    "random biases": re.sub(r"np.zeros\(\((\w+), 1\)\)", r"np.random.randn(\1, 1)", NEWER),
    "another seed": OLDER.replace("seed(2)", "seed(3)"),
    "uniform": NEWER.replace("randn", "rand"),
    "sizes in the code": NEWER.replace("randn(n_h, n_x)", "randn(4, 2)").replace("assert", "# assert"),
    "one list": NEWER.replace("(n_x, n_h, n_y):", "(layers_dims):\n    n_x, n_h, n_y = layers_dims"),
    "untouched older": re.sub(r"= np.(random.randn|zeros).*", "= None", OLDER),
    "untouched newer": re.sub(r"    (W|b)\d = np.*\n", "", NEWER).replace("    assert (W1.shape == (n_h, n_x))\n", "").replace("    assert (b1.shape == (n_h, 1))\n", ""),
}  # fmt: skip
CAUSES = {
    "older": (),
    "newer": (),
    "no scale": ("scale_constant",),
    "ten": ("scale_constant",),
    "hundred": ("scale_constant",),
    "zero": ("weights_zero",),
    "swapped": ("transposed",),
    "random biases": ("bias_random",),
    "another seed": ("seed_other",),
    "uniform": ("uniform_not_normal",),
    "sizes in the code": ("weight_shape",),
    "one list": ("raised",),
    "untouched older": ("not_attempted",),
    "untouched newer": ("not_attempted",),
}
FOREIGN = (
    r"15,?000|14,?999|14,?000",
    r"ReLU|He's rule|sqrt\(2",
    r"inner ring|two rings|[Tt]est accuracy|train / test",
    r"layers_dims|the loop",
    r"flower exercise|earlier (?:exercise|practice)|two hidden layers|The notebook says",
    r"0\.4633|300,462",
    r"three initializations",
)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Result]:
    folder = tmp_path_factory.mktemp("planar")
    with Pipeline(EXERCISE, b"secret") as pipeline:
        return {
            name: pipeline.grade(write(folder, f"{name}.ipynb", notebook("import numpy as np", code)))
            for name, code in SUBMISSIONS.items()
        }


def function(result: Result) -> FunctionResult:
    return result.functions["initialize_parameters"]


def page(result: Result) -> str:
    whole = re.sub(r"<(style|script).*?</\1>", "", html.feedback_page(result), flags=re.DOTALL)
    return Markup(whole).striptags()


@pytest.mark.parametrize("name", SUBMISSIONS)
def test_each_fault_is_told_apart(results, name):
    assert function(results[name]).diagnosis.causes == CAUSES[name]
    assert function(results[name]).passed == (not CAUSES[name])


def test_a_notebook_that_sets_the_seed_before_the_call_is_as_right_as_one_that_sets_it_inside(results):
    older, newer = function(results["older"]), function(results["newer"])
    assert (older.points, newer.points) == (10, 10)
    assert older.training == newer.training
    assert "set in the function, or before the call" in page(results["newer"])


@pytest.mark.parametrize("name", SUBMISSIONS)
def test_no_page_speaks_of_the_other_exercise(results, name):
    text = re.sub(r"Which code was graded\?.*?(?=What do my numbers|Where these numbers)", "", page(results[name]))
    text = text.replace(EXERCISE.note, "")
    assert [found[0] for pattern in FOREIGN for found in re.finditer(f".{{0,40}}(?:{pattern}).{{0,20}}", text)] == []


@pytest.mark.parametrize("name", SUBMISSIONS)
def test_every_sentence_of_a_story_is_of_this_exercise(results, name):
    result = function(results[name])
    questions = [line for question in result.questions for line in (question.title, *question.answer)]
    text = " ".join([*result.explanation, *questions, results[name].summary.text])
    assert [found[0] for pattern in FOREIGN for found in re.finditer(f".{{0,40}}(?:{pattern}).{{0,20}}", text)] == []
    assert "printed at iteration" not in text  # a newer notebook prints the costs of another seed


def test_the_page_says_why_a_small_scale_works_here(results):
    for name in ("older", "ten", "no scale"):
        text = page(results[name])
        assert "Why does scale 0.01 work here?" in text
        assert "with the learning rate 1.2" in text
        assert "With learning rate 0.01, the same start has train accuracy 0.5575" in text
        assert function(results[name]).questions[0].title == "What would scale 1 or 10 do?"


def test_no_test_accuracy_is_made_up(results):
    training = function(results["older"]).training
    assert training is not None
    assert training.test_accuracy is None
    assert "Measured train accuracy" in results["older"].summary.text


def test_a_nan_that_the_notebook_prints_is_explained(results):
    text = " ".join(function(results["ten"]).explanation)
    assert "The printed nan is not an error: it is 0 times the logarithm of 0." in text
    assert "so training goes on" in text


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("swapped", "give W1 the shape (n_h, n_x)"),
        ("one list", "let the function take n_x, n_h and n_y"),
        ("another seed", "set seed 2, or no seed, in the function"),
        ("sizes in the code", "give W1 the shape (n_h, n_x)"),
    ],
)
def test_advice_names_the_parameters_of_the_function(results, name, words):
    assert words in function(results[name]).told[0].action
