"""Saved outputs beside the code there now: what is read of them, and that no sentence is said that could be false."""

from __future__ import annotations

import io
import json
import time
import tracemalloc
from dataclasses import replace

import msgspec
import pytest
from notebooks import HE, IMPORTS, NAMES, RANDOM, ZEROS, edit
from rich.console import Console

from grader import api as service
from grader.explaining import stale
from grader.pipeline import Pipeline
from grader.reading.extract import extract, printed
from grader.reading.notebook import parse
from grader.records import Evidence, ModelSettings, Place
from grader.rendering import html, terminal

WORDS = dict(zip(("zeros", "random", "he"), NAMES, strict=True))
COURSE = ModelSettings(0.01, 15000, (2, 10, 5, 1))
MODEL = """def model(X, Y, learning_rate = 0.01, num_iterations = 15000, print_cost = True, initialization = "he"):
    layers_dims = [X.shape[0], 10, 5, 1]
    if initialization == "zeros":
        parameters = initialize_parameters_zeros(layers_dims)
    elif initialization == "random":
        parameters = initialize_parameters_random(layers_dims)
    elif initialization == "he":
        parameters = initialize_parameters_he(layers_dims)
    return parameters
"""
PREDICT = """print ("On the train set:")
predictions_train = predict(train_X, train_Y, parameters)
print ("On the test set:")
predictions_test = predict(test_X, test_Y, parameters)
"""
SHOW = 'print("W1 = " + str(parameters["W1"]))\nprint("b1 = " + str(parameters["b1"]))\n'
W1 = "W1 = [[ 17.88628473   4.36509851   0.96497468]\n [-18.63492703  -2.77388203  -3.54758979]]\n"
B1 = "b1 = [[0.]\n [0.]]\n"
SMALL_W1 = "W1 = [[ 0.01788628  0.0043651   0.00096497]\n [-0.01863493 -0.00277388 -0.00354759]]\n"
HOSTILE = "<script>alert(1)</script>\x1b[31m\u202eevil\u2069 {{ 7 * 7 }} =cmd|' /C calc'!A0 \ud800"


def train(word, arguments="", *, model="model(train_X, train_Y{})", predict=PREDICT):
    return f"parameters = {model.format(f'{arguments}, initialization = {word!r}')}\n{predict}"


def show(function=NAMES[1], layers="[3, 2, 1]", after=SHOW):
    return f"parameters = {function}({layers})\n{after}"


def accuracies(train, test):
    return f"On the train set:\nAccuracy: {train}\nOn the test set:\nAccuracy: {test}\n"


def run(train, test, cost="0.6931"):
    return f"Cost after iteration 0: {cost}\nCost after iteration 1000: 0.5\n{accuracies(train, test)}"


def stream(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": text.splitlines(keepends=True)}


FIGURE = {"output_type": "display_data", "metadata": {}, "data": {"text/plain": ["<Figure 1>"], "image/png": "iVBO"}}


def notebook(*cells):
    """A notebook of code cells: each a source, or a source with its printed text or its list of outputs."""
    pairs = [(one, []) if isinstance(one, str) else one for one in cells]
    found = [
        {
            "cell_type": "code",
            "metadata": {},
            "execution_count": 1,
            "source": source,
            "outputs": [stream(outputs)] if isinstance(outputs, str) else outputs,
        }
        for source, outputs in pairs
    ]
    return json.dumps({"cells": found, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}).encode()


def read(*cells):
    return printed(parse(notebook(*cells), "ada.ipynb"), WORDS)


# --- what is read --------------------------------------------------------------------------------------------------

READ_RUNS = {
    "the course of 2017": (
        [MODEL, (train("zeros"), run("0.5", "0.5"))],
        {NAMES[0]: ("0.5", "0.5")},
    ),
    "a figure between costs and accuracies": (
        [MODEL, (train("he"), [stream("Cost after iteration 0: 0.88\n"), FIGURE, stream(accuracies("0.99", "0.96"))])],
        {NAMES[2]: ("0.99", "0.96")},
    ),
    "he by default": (
        [MODEL, (f"parameters = model(train_X, train_Y)\n{PREDICT}", run("0.99", "0.96"))],
        {NAMES[2]: ("0.99", "0.96")},
    ),
    "by position": (
        [MODEL, (f"p = model(train_X, train_Y, 0.01, 15000, True, 'random')\n{PREDICT}", run("0.83", "0.86"))],
        {NAMES[1]: ("0.83", "0.86")},
    ),
    "predictions in cells of their own": (
        [MODEL, (train("random", predict=""), "Cost after iteration 0: inf\n"), *[
            (f"print('{name}')\npredict(X, Y, parameters)", f"{name}\nAccuracy: {value}\n")
            for name, value in (("train", "0.83"), ("test", "0.86"))]],
        {NAMES[1]: ("0.83", "0.86")},
    ),
    "the test set first": (
        [MODEL, (train("he"), "On the test set:\nAccuracy: 0.96\nOn the train set:\nAccuracy: 0.99\n")],
        {NAMES[2]: ("0.99", "0.96")},
    ),
    "in words of one's own": (
        [MODEL.replace('"zeros"', '"ceros"'), (train("ceros"), run("0.5", "0.5"))],
        {NAMES[0]: ("0.5", "0.5")},
    ),
    "the last of two": (
        [MODEL, (train("he"), run("0.5", "0.5")), (train("he"), run("0.99", "0.96"))],
        {NAMES[2]: ("0.99", "0.96")},
    ),
    "a model from elsewhere": ([(train("he"), run("0.99", "0.96"))], {NAMES[2]: ("0.99", "0.96")}),
    "never run": ([MODEL, train("he")], {NAMES[2]: None}),
    "stopped by an error": ([MODEL, (train("he"), [{"output_type": "error", "traceback": []}])], {NAMES[2]: None}),
    "accuracies in a warning": ([MODEL, (train("he"), [stream(run("0.9", "0.9"), "stderr")])], {NAMES[2]: None}),
    "only one": ([MODEL, (train("he"), "On the train set:\nAccuracy: 0.99\n")], {NAMES[2]: None}),
    "three": ([MODEL, (train("he"), run("0.9", "0.9") + "Accuracy: 0.5\n")], {NAMES[2]: None}),
    "per cent": ([MODEL, (train("he"), run("83%", "86 %"))], {NAMES[2]: None}),
    "nan": ([MODEL, (train("he"), run("nan", "nan"))], {NAMES[2]: None}),
    "endless": ([MODEL, (train("he"), run("1e999", "1e999"))], {NAMES[2]: None}),
    "other digits": ([MODEL, (train("he"), run("\u0660.\u0665", "\u0660.\u0665"))], {NAMES[2]: None}),
    "above 1": ([MODEL, (train("he"), run("83", "86"))], {NAMES[2]: None}),
    "two calls": ([MODEL, (train("he") + train("random"), run("0.9", "0.9"))], {}),
    "a word that is not written out": ([MODEL, (train("he").replace("'he'", "word"), run("0.9", "0.9"))], {}),
    "a rate that is not written out": ([MODEL, (train("he", ", learning_rate = rate"), run("0.9", "0.9"))], {}),
    "options": ([MODEL, (train("he", ", **options"), run("0.9", "0.9"))], {}),
    "a model without its sizes": ([MODEL.replace("[X.shape[0], 10, 5, 1]", "sizes"), (train("he"), run("0.9", "0.9"))], {}),
    "words swapped": ([MODEL.replace('"he"', '"x"'), (train("he"), run("0.9", "0.9"))], {}),
    "no code": (["%%html\n<b>model(1)</b>", "def model(:"], {}),
}  # fmt: skip


@pytest.mark.parametrize("case", READ_RUNS)
def test_accuracies_are_read(case):
    cells, wanted = READ_RUNS[case]
    assert {name: one.run.accuracies for name, one in read(*cells).items() if one.run} == wanted


@pytest.mark.parametrize(
    ("change", "arguments", "wanted"),
    [
        ("", "", COURSE),
        ("learning_rate = 0.01", "", replace(COURSE, learning_rate=0.1)),
        ("", ", learning_rate = 0.1", replace(COURSE, learning_rate=0.1)),
        ("", ", num_iterations = 5000", replace(COURSE, iterations=5000)),
        ("", ", 1, 2", replace(COURSE, learning_rate=1.0, iterations=2)),
        ("10, 5, 1]", "", replace(COURSE, layers=(2, 20, 1))),
        ("X.shape[0], 10, 5, 1]", "", replace(COURSE, layers=(20, 1))),
        ("", ", learning_rate = -1", None),
        ("", f", num_iterations = 1{'0' * 400}", None),
        ("", ", num_iterations = 1e999", None),
        ("", ", learning_rate = 'fast'", None),
    ],
)
def test_the_settings_of_the_model_are_read(change, arguments, wanted):
    instead = {"learning_rate = 0.01": "learning_rate = 0.1"}.get(change, "20, 1]")
    got = read(MODEL.replace(change, instead) if change else MODEL, train("he", arguments))
    assert (got[NAMES[2]].run.settings if got else None) == wanted


def test_costs_are_read_as_printed():
    text = "Cost after iteration 0: inf\nCosto tras la iteración 1000: 0.62\nCost after iteration 2: 5%\n"
    assert read(MODEL, (train("he"), text))[NAMES[2]].run.costs == ((0, "inf"), (1000, "0.62"))


READ_ARRAYS = {
    "as the course prints it": (show(), W1 + B1, {"W1": (2, 3), "b1": (2, 1)}),
    "the older print": (show(), B1.replace("0.", " 0."), {"b1": (2, 1)}),
    "with the course's test": (show() + f"{NAMES[1]}_test({NAMES[1]})", W1 + "\x1b[92m All tests passed.", {"W1": (2, 3)}),
    "in a loop": (show(after="for k, v in parameters.items():\n    print(k, '=', v)"), W1, {"W1": (2, 3)}),
    "as a dictionary": (
        show(after="parameters"),
        [{"output_type": "execute_result", "data": {"text/plain": "{'W1': array([[1.5, 2],\n  [3, -4e-05]]),\n 'b1': 0}"}}],
        {"W1": (2, 2)},
    ),
    "trained in between": (show(after="parameters = model(X, Y)\n" + SHOW), W1, None),
    "changed in between": (show(after="parameters['W1'] *= 2\n" + SHOW), W1, None),
    "times ten": (show(after='print("W1 = " + str(parameters["W1"] * 10))'), W1, None),
    "of another variable": (show(after=SHOW.replace("parameters[", "old[")), W1, None),
    "sizes from elsewhere": (show(layers="sizes"), W1, None),
    "twice": (show(), W1 + W1, None),
    "shortened": (show(), "W1 = [[1. 2. ... 3.]\n [1. 2. ... 3.]]\n", None),
    "nan": (show(), "W1 = [[nan 1.]]\n", None),
    "uneven": (show(), "W1 = [[1. 2.]\n [1.]]\n", None),
    "endless": (show(), "W1 = [[1e999 1.]]\n", None),
    "never run": (show(), [], None),
}  # fmt: skip


@pytest.mark.parametrize("case", READ_ARRAYS)
def test_arrays_are_read(case):
    source, output, wanted = READ_ARRAYS[case]
    got = read((source, output)).get(NAMES[1])
    shapes = {name: (len(rows), len(rows[0])) for name, rows in got.shown.arrays.items()} if got else None
    assert shapes == wanted


# --- outputs in the reader -----------------------------------------------------------------------------------------


def output_of(*outputs):
    return parse(notebook(("x", list(outputs))), "ada.ipynb").cells[0].output


def test_the_text_of_outputs_is_kept_for_every_format():
    assert output_of(stream("a\n"), stream("b\n", "stderr"), stream("c\n")) == "a\nc\n"
    assert output_of(FIGURE) == "\n<Figure 1>\n"
    assert output_of({"output_type": "execute_result", "data": {"text/plain": "7"}}) == "\n7\n"
    cell = {"cell_type": "code", "input": ["x"], "outputs": [{"output_type": "pyout", "text": ["7"]}]}
    old = {"worksheets": [{"cells": [cell]}], "nbformat": 3}
    assert parse(json.dumps(old).encode(), "a.ipynb").cells[0].output == "\n7\n"
    cut = notebook(("x", "1\n"), ("y", "2\n"))[:-60]
    assert [cell.output for cell in parse(cut, "a.ipynb").cells] == ["1\n", ""]


@pytest.mark.parametrize("odd", [1, None, "x", [], {}, [[1]], {"text/plain": [[{}]]}, {"outputs": "x"}, {"text": 3}])
def test_odd_outputs_do_no_harm(odd):
    for key in ("text", "data", "output_type", "name"):
        assert isinstance(output_of({"output_type": "stream", key: odd}), str)
        assert isinstance(output_of({"output_type": "display_data", key: odd}), str)
    whole = json.dumps({"cells": [{"cell_type": "code", "source": "x", "output_type": odd, "outputs": odd}]})
    assert parse(whole.encode(), "a.ipynb").cells[0].source == "x"


def test_outputs_are_bounded():
    data = notebook(*[("x", [stream("ä" * 50_000)] * 3)] * 30)
    kept = [len(cell.output) for cell in parse(data, "a.ipynb").cells]
    assert kept == [20_000] * 10 + [0] * 20


@pytest.mark.parametrize("pieces", [1, 500_000])
def test_50_mb_of_output_cost_what_reading_the_file_costs(pieces):
    text = ["1" * (50_000_000 // pieces)] * pieces
    data = notebook((show(), [{"output_type": "stream", "name": "stdout", "text": text}]))
    del text
    cost = cpu_seconds(lambda: json.loads(data))
    tracemalloc.start()
    got = parse(data, "a.ipynb")
    kept_bytes, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(got.cells[0].output) == 20_000
    assert kept_bytes < 2**20
    assert peak_bytes < 2.1 * len(data) + 100 * pieces  # the text, its strings
    assert cpu_seconds(lambda: parse(data, "a.ipynb")) < 20 * cost


@pytest.mark.parametrize("hostile", ["W1 = [[", "Accuracy: ", "Cost after iteration 0: 0", "1 "])
def test_text_that_is_four_times_as_long_takes_no_more_than_ten_times_as_long_to_search(hostile):
    def search(characters):
        text = ("W1 = [[" + hostile * characters)[:characters]
        return cpu_seconds(lambda: read(MODEL, *[(train("he"), text), (show(), text)] * 5))

    short = min(search(5_000) for _ in range(3))
    assert min(search(20_000) for _ in range(3)) < 10 * short


def cpu_seconds(work):
    """Return the processor time that a piece of work takes in this process."""
    started = time.process_time()
    work()
    return time.process_time() - started


# --- what is said --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pipeline():
    with Pipeline(service.load_exercise(), b"a secret of the tests") as running:
        yield running


TEN = ("0.83", "0.86", "inf")
HUNDREDTH = ("0.4633333333333333", "0.48", "0.6931473549048267")
SEEDLESS = edit(RANDOM, ("    np.random.seed(3)\n", ""))
SMALL = edit(RANDOM, ("* 10", "* 0.01"))
OTHER_SEED = edit(RANDOM, ("seed(3)", "seed(1)"))
STATEFUL = edit(RANDOM, ("    np.random.seed(3)\n", ""), ("np.random.randn", "rng.randn"))
AGAIN = "The code there now gives 0.83 / 0.86 with the course's model: run the cell again."

SAID = {  # the cells before, what the training cell of `random` printed, what is said of it
    "right and fresh": ([RANDOM, MODEL], run(*TEN), ""),
    "right and rounded": ([RANDOM, MODEL], run("0.83", "0.8600", "inf"), ""),
    "right, another machine's costs": ([RANDOM, MODEL], run("0.83", "0.86", "12.3"), ""),
    "never run": ([RANDOM, MODEL], [], ""),
    "x0.01": (
        [RANDOM, MODEL],
        run(*HUNDREDTH),
        f"Your notebook printed train / test accuracy 0.4633333333333333 / 0.48 (cell 4). That is the result for x0.01. {AGAIN}",
    ),
    "x0.01 in few digits": ([RANDOM, MODEL], run("0.4633", "0.48", "0.693147355"), "That is the result for x0.01."),
    "x0.01 without costs": ([RANDOM, MODEL], accuracies(*HUNDREDTH[:2]), "That is the result for x0.01."),
    "in two digits": ([RANDOM, MODEL], accuracies("0.46", "0.48"), f"accuracy 0.46 / 0.48 (cell 4). That is the result for x0.01. {AGAIN}"),
    "x0.01 with another cost": ([RANDOM, MODEL], run(*HUNDREDTH[:2], "0.71"), f"0.48 (cell 4). {AGAIN}"),
    "zeros": ([RANDOM, MODEL], run("0.5", "0.5", "0.6931471805599453"), "That is the result for weights of zero."),
    "He": ([RANDOM, MODEL], run("0.993333333333", "0.96", "0.8830537463419761"), "the result for He's scale."),
    "unknown": ([RANDOM, MODEL], run("0.71", "0.7", "0.8"), f"accuracy 0.71 / 0.7 (cell 4). {AGAIN}"),
    "one digit off": ([RANDOM, MODEL], accuracies("0.99", "0.96"), f"0.96 (cell 4). That is the result for He's scale. {AGAIN}"),
    "the code was made worse": ([SMALL, MODEL], run(*TEN), "0.83 / 0.86 (cell 4). That is the result for x10. The code there now gives 0.4633 / 0.48"),
    "no seed": ([SEEDLESS, MODEL], run("0.71", "0.7"), ""),
    "seed outside": ([f"np.random.seed(3)\n{SEEDLESS}", MODEL], run("0.71", "0.7"), ""),
    "another generator that goes on": ([f"rng = np.random.RandomState(3)\n{STATEFUL}", MODEL], run("0.71", "0.7"), ""),
    "a start that rounding moves": ([OTHER_SEED, MODEL], run("0.71", "0.7"), ""),
    "defined anew below": ([SMALL, MODEL], run(*HUNDREDTH), ""),
    "another rate": (
        [RANDOM, edit(MODEL, ("rate = 0.01", "rate = 0.1"))],
        run("0.9", "0.9"),
        "Your notebook's own model() trains with the learning rate 0.1 instead of 0.01 (cell 4). So do not compare the accuracies 0.9 / 0.9 printed there with those shown here.",
    ),
    "other iterations, never run": (
        [RANDOM, edit(MODEL, ("15000", "5000"))],
        [],
        "trains with 5,000 iterations instead of 15,000 (cell 4). So its accuracies may differ from those shown here",
    ),
    "other layers": ([RANDOM, edit(MODEL, ("10, 5, 1", "5, 1"))], run(*HUNDREDTH), "layers [2, 5, 1] instead of [2, 10, 5, 1] (cell 4)"),
    "does not run": ([edit(RANDOM, ("np.random.seed(3)", "1 / 0")), MODEL], run(*HUNDREDTH), ""),
    "the template": (["def initialize_parameters_random(layers_dims):\n    return None", MODEL], run(*HUNDREDTH), ""),
    "hostile": ([RANDOM, MODEL], HOSTILE + run(*HUNDREDTH[:2], f"0.69{HOSTILE}") + HOSTILE, f"0.4633333333333333 / 0.48 (cell 4). That is the result for x0.01. {AGAIN}"),
}  # fmt: skip


@pytest.mark.parametrize("case", SAID)
def test_what_is_said_of_a_training(pipeline, case):
    before, output, said = SAID[case]
    below = [RANDOM] if case == "defined anew below" else []
    data = notebook(IMPORTS, *before, (train("random"), output), *below)
    evidence, result = pipeline.graded(parse(data, "ada.ipynb"))
    sentences = [numbered(sentence, evidence, 4) for sentence in result.functions[NAMES[1]].stale]

    assert len(sentences) == bool(said)
    assert all(said in sentence for sentence in sentences)
    assert all(sentence.isascii() and sentence.isprintable() for sentence in sentences)
    bare = pipeline.judge(without_outputs(evidence))
    assert replace(bare.functions[NAMES[1]], stale=()) == replace(result.functions[NAMES[1]], stale=())
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(evidence), type=Evidence) == evidence
    assert evidence.notebook.cells == ()


def numbered(sentence, evidence, number):
    """Return a sentence with the number of a cell in place of its first line, by which it is named."""
    name = evidence.notebook.cell_names[number]
    assert name in sentence
    return sentence.replace(name, f"cell {number}")


def without_outputs(evidence):
    functions = {name: replace(one, printed=None) for name, one in evidence.functions.items()}
    return replace(evidence, functions=functions)


SAID_OF_ARRAYS = {
    "fresh": (RANDOM, show(), W1 + B1, ""),
    "fresh, in four digits": (RANDOM, show(), "W1 = [[ 17.886   4.365   0.965]\n [-18.635  -2.774  -3.548]]", ""),
    "x0.01": (
        RANDOM,
        show(),
        SMALL_W1 + B1,
        "Your notebook printed W1[0, 0] = 0.01788628 for initialize_parameters_random([3, 2, 1]) (cell 3). The weights there are the numbers of seed 3 times 0.01. The code there now gives 17.88628473: run the cell again.",
    ),
    "other weights": (RANDOM, show(), W1.replace("4.36", "4.37") + B1, "W1[0, 1] = 4.37509851 for initialize_parameters_random([3, 2, 1]) (cell 3). The code there now gives 4.36509"),
    "biases": (RANDOM, show(), W1 + B1.replace("[0.]]", "[0.5]]"), "b1[1, 0] = 0.5 for initialize_parameters_random([3, 2, 1]) (cell 3). The code there now gives 0:"),
    "shape": (RANDOM, show(), "W1 = [[ 17.88628473   4.36509851]\n [1. 2.]\n [3. 4.]]", "W1 of shape (3, 2) for initialize_parameters_random([3, 2, 1]) (cell 3). The code there now gives the shape (2, 3)"),
    "sizes that were not called": (RANDOM, show(layers="[7, 5, 1]"), W1, ""),
    "no seed": (SEEDLESS, show(), SMALL_W1, ""),
    "called before the definition": ("", show() + "\n", SMALL_W1, ""),
}  # fmt: skip


@pytest.mark.parametrize("case", SAID_OF_ARRAYS)
def test_what_is_said_of_arrays(pipeline, case):
    function, source, output, said = SAID_OF_ARRAYS[case]
    data = notebook(IMPORTS, function, (source, output), *([] if function else [RANDOM]))
    evidence, result = pipeline.graded(parse(data, "ada.ipynb"))
    sentences = [numbered(sentence, evidence, 3) for sentence in result.functions[NAMES[1]].stale]

    assert len(sentences) == bool(said)
    assert all(said in sentence for sentence in sentences)


def test_zeros_and_he_are_compared_as_well(pipeline):
    cells = [IMPORTS, ZEROS, HE, MODEL]
    cells += [(train("zeros"), run(*HUNDREDTH)), (train("he"), run("0.5", "0.5", "0.6931471805599453"))]
    functions = pipeline.graded(parse(notebook(*cells), "ada.ipynb"))[1].functions

    assert "x0.01. The code there now gives 0.5 / 0.5" in functions[NAMES[0]].stale[0]
    assert "weights of zero. The code there now gives 0.9933 / 0.96" in functions[NAMES[2]].stale[0]


def test_starts_that_fit_alike_are_not_named(pipeline):
    data = notebook(IMPORTS, RANDOM, MODEL, (train("random"), accuracies("0.5", "0.5")))
    evidence = pipeline.graded(parse(data, "ada.ipynb"))[0].functions[NAMES[1]]
    twins = replace(
        pipeline.prepared.course,
        runs={**pipeline.prepared.course.runs, "twin": pipeline.prepared.course.runs["weights of zero"]},
    )

    assert "That is" in stale(evidence, pipeline.prepared.course)[0]
    assert "That is" not in stale(evidence, twins)[0]


def test_pages_and_terminal_say_it_and_that_it_costs_nothing(pipeline):
    data = notebook(IMPORTS, RANDOM, MODEL, (train("random"), HOSTILE + run(*HUNDREDTH)))
    result = pipeline.graded(parse(data, "ada.ipynb"))[1]
    page, screen = html.feedback_page(result), io.StringIO()
    terminal.show(result, Console(file=screen, width=80))
    (said,) = result.functions[NAMES[1]].stale

    assert result.functions[NAMES[1]].passed
    assert "That is the result for x0.01" in page
    assert "This changes no points" in page
    assert said in " ".join(screen.getvalue().split())
    assert f"NOTE {NAMES[1]}: {said}" in terminal.plain_lines(result)
    assert not any(piece in page + screen.getvalue() for piece in ("<script>alert", "\x1b[31m", "\u202e", "evil"))


def test_places_follow_the_notebook():
    data = notebook(IMPORTS, RANDOM, MODEL, (train("random"), run(*TEN)))
    book = parse(data, "ada.ipynb")

    assert printed(book, WORDS)[NAMES[1]].run.place == Place(1, 4)
    assert extract(book, NAMES)[1][NAMES[1]].place == Place(1, 2)
