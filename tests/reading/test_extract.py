"""Extraction: what is found, what comes along, and what is said about the rest.  Nothing is executed."""

from __future__ import annotations

import ast
import hashlib
import json
import textwrap

import pytest
from notebooks import HE, IMPORTS, NAMES, RANDOM, ZEROS, cells, edit

from grader.reading.extract import extract
from grader.reading.extract.neighbours import INITIALIZERS, STUDENT_FUNCTIONS
from grader.reading.extract.scope import MOST_COMPOUNDS
from grader.reading.notebook import parse
from grader.records import Cell, Notebook, Place
from grader.records.places import with_names

GIVEN = {"np": "import numpy as np"}


def found(*sources: str, kind: str = "code", given: dict[str, str] | None = None):
    cells = tuple(Cell(kind, source, number) for number, source in enumerate(sources, start=1))
    return extract(Notebook("x.ipynb", "", "ok", (), cells), NAMES, given)


def he(*sources: str):
    return found(*sources)[1]["initialize_parameters_he"]


def texts(function) -> list[str]:
    return [unit.source for unit in function.units]


USES_MATH = edit(HE, ("np.sqrt", "math.sqrt"))
USES_HELPER = edit(HE, ("np.sqrt(2 / layers_dims[l-1])", "he_factor(layers_dims[l-1])"))
USES_GAIN = edit(HE, ("np.sqrt(2 /", "np.sqrt(GAIN /"))
USES_RNG = edit(HE, ("np.random.randn(", "rng.randn("), ("    np.random.seed(3)\n", ""))


@pytest.mark.parametrize(
    ("sources", "carried"),
    [
        ((IMPORTS, HE), [IMPORTS]),
        ((HE, IMPORTS), [IMPORTS]),
        ((HE, "%matplotlib inline\nimport numpy as np\nimport matplotlib.pyplot as plt"), [IMPORTS]),
        ((HE, "import matplotlib.pyplot as plt, numpy as np; train()"), [IMPORTS]),
        (
            (IMPORTS, HE, "get_ipython().run_line_magic('matplotlib', 'inline')\nimport math\n", USES_MATH),
            [IMPORTS, "import math"],
        ),
        ((IMPORTS, "from math import *", edit(HE, ("np.sqrt", "sqrt"))), [IMPORTS, "from math import sqrt"]),
        ((IMPORTS, "try:\n    import math\nexcept ImportError:\n    pass", USES_MATH), [IMPORTS, "import math"]),
        (
            (IMPORTS, "def he_factor(n):\n    return root(2 / n)", "root = np.sqrt", USES_HELPER),
            [IMPORTS, "def he_factor(n):\n    return root(2 / n)", "root = np.sqrt"],
        ),
        ((IMPORTS, "GAIN = 2", USES_GAIN), [IMPORTS, "GAIN = 2"]),
        ((IMPORTS, "GAIN, other = 2, 3", USES_GAIN), [IMPORTS, "GAIN, other = 2, 3"]),
        ((IMPORTS, "GAIN = 1\nGAIN += 1", USES_GAIN), [IMPORTS, "GAIN = 1", "GAIN += 1"]),
        ((IMPORTS, "GAIN = 1\nGAIN = GAIN + 1", USES_GAIN), [IMPORTS, "GAIN = 1", "GAIN = GAIN + 1"]),
        (
            (IMPORTS, "base = [1, 2]\nGAIN = float(max(base))", USES_GAIN),
            [IMPORTS, "base = [1, 2]", "GAIN = float(max(base))"],
        ),
        ((IMPORTS, "rng = np.random.RandomState(3)", USES_RNG), [IMPORTS, "rng = np.random.RandomState(3)"]),
        (
            (IMPORTS, "GAIN = 0\nfor l in range(2):\n    GAIN += 1\n    print(l)", USES_GAIN),
            [IMPORTS, "GAIN = 0", "for l in range(2):\n    GAIN += 1\n    print(l)"],
        ),
        ((IMPORTS, "x = []\nx.append(2)\nGAIN = x[0]", USES_GAIN), [IMPORTS, "x = []", "x.append(2)", "GAIN = x[0]"]),
        (
            (IMPORTS, "try:\n    GAIN = 2\nexcept KeyError:\n    GAIN = 1", USES_GAIN),
            [IMPORTS, "try:\n    GAIN = 2\nexcept KeyError:\n    GAIN = 1"],
        ),
        ((IMPORTS, "GAIN = eval('1 + 1')", USES_GAIN), [IMPORTS, "GAIN = eval('1 + 1')"]),
        (
            (IMPORTS, "import builtins\nbuiltins.GAIN = 2", USES_GAIN),
            [IMPORTS, "import builtins", "builtins.GAIN = 2"],
        ),
    ],
)
def test_what_a_function_needs_comes_along_before_it(sources, carried):
    function = he(*sources)
    assert function.status == "found"
    assert texts(function)[:-1] == carried
    assert texts(function)[-1].startswith("def initialize_parameters_he")
    assert not function.missing_names


@pytest.mark.parametrize(
    ("sources", "name", "at", "defined"),
    [
        ((IMPORTS, USES_MATH), "math", "cell 2, line 6", None),
        ((IMPORTS, USES_GAIN, "GAIN = len(model(X, Y))"), "GAIN", "cell 2, line 6", "cell 3, line 1"),
        ((IMPORTS, USES_GAIN, "for GAIN in range(3):\n    train(GAIN)"), "GAIN", "cell 2, line 6", "cell 3, line 1"),
        (
            (IMPORTS, USES_GAIN, "parameters = train()\nGAIN = parameters['gain']"),
            "GAIN",
            "cell 2, line 6",
            "cell 3, line 2",
        ),
        ((IMPORTS, USES_GAIN, "from init_utils import *"), "GAIN", "cell 2, line 6", None),
    ],
)
def test_a_name_that_cannot_be_had_is_named_with_its_place(sources, name, at, defined):
    (missing,) = he(*sources).missing_names
    assert (missing.name, str(missing.place)) == (name, at)
    assert (None if missing.defined is None else str(missing.defined)) == defined


@pytest.mark.parametrize(
    "loop",
    [
        "for l in range(3):\n    scales[l] = 5\n    train(l)",  # calls what is not there
        "for l in range(3):\n    scales[l] = 5\n    initialize_parameters_he([2, 1])",  # calls a graded function
    ],
)
def test_a_statement_of_a_loop_that_is_left_out_never_comes_with_another_loops_variable(loop):
    uses = edit(HE, ("np.sqrt(2 /", "np.sqrt(scales[l] * own[1] /"))
    taken = "for l in range(3):\n    own[l] = 2"
    assert texts(he(IMPORTS, "scales = {1: 2}\nown = {}", taken, loop, uses))[:-1] == [
        IMPORTS,
        "scales = {1: 2}",
        "own = {}",
        taken,
    ]


def test_beyond_a_number_of_loops_none_is_looked_at_and_nothing_is_carried_twice():
    loops = "".join(f"for l in range(3):\n    scales[{number}] = l\n" for number in range(200))
    carried = texts(he(IMPORTS, "scales = {}\n" + loops, edit(HE, ("np.sqrt(2 /", "np.sqrt(2 + 0 * len(scales) /"))))
    assert len(carried) == MOST_COMPOUNDS + 3
    assert len(set(carried)) == len(carried)


def test_a_name_that_the_course_provides_is_given_and_said():
    notebook, functions = found(HE, given=GIVEN)
    function = functions["initialize_parameters_he"]
    assert texts(function)[0] == "import numpy as np"
    assert function.given == ("np",)
    assert [problem.code for problem in notebook.problems] == ["name_given"]


def test_top_level_code_is_never_carried():
    function = he(IMPORTS, "np.random.seed(3)", "model(X, Y)", HE, "parameters = initialize_parameters_he([2, 4, 1])")
    assert texts(function) == [IMPORTS, HE.rstrip("\n")]
    assert str(function.seeded_outside) == "cell 2, line 1"


@pytest.mark.parametrize(
    "cell",
    [
        " " + HE.replace("\n", "\n "),
        "%%time\n" + HE,
        "%%capture out\n\n" + HE,
        "%matplotlib inline\n" + HE,
        "!pip install numpy\n" + HE,
        "files = !ls\n" + HE,
        "np.sqrt?\n" + HE,
        "get_ipython().magic('time')\n" + HE,
        "In [3]: x = 1\n" + HE,
        HE + "\nprint 'W1 = ' + str(1)\n",
        HE + "\nx = (\n",
        "plt.show(\n" + "\n" + HE,
        'text = """\nnot code at all (\n"""\nprint "old"\n' + HE,
    ],
)
def test_what_is_not_python_beside_a_function_does_no_harm(cell):
    function = he(IMPORTS, cell)
    assert function.status == "found", function.message
    assert textwrap.dedent(texts(function)[-1]).split() == HE.split()


def test_a_broken_neighbour_cell_is_named_and_does_no_harm():
    notebook, functions = found(IMPORTS, "for x in range(3)\n    print(x)", ZEROS, RANDOM, HE)
    assert {function.status for function in functions.values()} == {"found"}
    (problem,) = notebook.problems
    assert problem.code == "syntax_error"
    assert "cell 2, line 1" in problem.message


def test_lines_are_those_of_the_notebook():
    function = he(IMPORTS, "\n# a comment\n\n" + HE)
    assert function.place == Place(4, 2)
    assert function.units[-1].place == Place(4, 2)


def test_the_last_definition_wins_and_the_page_says_that_there_are_two():
    notebook, functions = found(IMPORTS, HE, edit(HE, ("2 /", "1 /")))
    assert "1 / layers_dims" in functions["initialize_parameters_he"].code
    (problem,) = notebook.problems
    assert problem.code == "defined_twice"
    assert "cell 2, line 1 and cell 3, line 1" in with_names(problem.message, {})


def test_a_later_cell_that_does_not_parse_leaves_the_earlier_definition_standing():
    assert he(IMPORTS, HE, edit(HE, ("parameters = {}", "parameters = {"))).status == "found"


def test_a_lambda_and_another_name_define_a_function_as_well():
    assert he(IMPORTS, "initialize_parameters_he = lambda dims: {}").status == "found"
    assert texts(he(IMPORTS, "def mine(dims):\n    return {}", "initialize_parameters_he = mine"))[0].startswith(
        "def mine"
    )


EMPTY_LOOP = '''def initialize_parameters_he(layers_dims):
    """
    Arguments: layer_dims -- python array
    """
    np.random.seed(3)
    parameters = {}
    L = len(layers_dims) - 1 # integer
    for l in range(1, L + 1):
        #(≈ 2 lines of code)
        # parameters['W' + str(l)] =
        # parameters['b' + str(l)] =
        # YOUR CODE STARTS HERE


        # YOUR CODE ENDS HERE

    return parameters'''
BLANK = edit(
    HE,
    ("np.random.randn(layers_dims[l], layers_dims[l-1]) * np.sqrt(2 / layers_dims[l-1])", " "),
    ("np.zeros((layers_dims[l], 1))", ""),
)
NONES = edit(
    HE,
    ("np.random.randn(layers_dims[l], layers_dims[l-1]) * np.sqrt(2 / layers_dims[l-1])", "None  # fill in"),
    ("np.zeros((layers_dims[l], 1))", "None"),
)


@pytest.mark.parametrize(
    "template", [EMPTY_LOOP, BLANK, NONES, "def initialize_parameters_he(layers_dims):\n    pass\n"]
)
def test_the_untouched_template_is_recognised(template):
    function = he(IMPORTS, template)
    assert function.status == "not_attempted"
    assert function.place == Place(1, 2)


@pytest.mark.parametrize(
    "started",
    [
        edit(NONES, ("parameters['b' + str(l)] = None", "parameters['b' + str(l)] = np.zeros((layers_dims[l], 1))")),
        edit(EMPTY_LOOP, ("        # YOUR CODE STARTS HERE\n", "        parameters['W' + str(l)] = 0\n")),
    ],
)
def test_a_template_with_one_line_filled_in_is_an_attempt(started):
    assert he(IMPORTS, started).status == "found"


@pytest.mark.parametrize(
    ("source", "line", "says"),
    [
        (edit(HE, ("parameters = {}", "parameters = {")), 3, "never closed"),
        (edit(HE, ("range(1, L + 1):", "range(1, L + 1)")), 5, "':'"),
        (edit(HE, ("    return parameters", "    print 'done'\n    return parameters")), 8, "print"),
    ],
)
def test_a_syntax_error_is_told_with_its_line(source, line, says):
    function = he(IMPORTS, source)
    assert function.status == "syntax_error"
    assert f"cell 2, line {line}" in function.message
    assert says in function.message
    assert function.hint


@pytest.mark.parametrize(
    ("source", "near"),
    [
        (
            "class Net:\n" + textwrap.indent(HE, "    "),
            "cell 2, line 2 defines initialize_parameters_he as a method of class Net",
        ),
        (
            "def outer():\n" + textwrap.indent(HE, "    "),
            "cell 2, line 2 defines initialize_parameters_he inside the function outer",
        ),
        (edit(HE, ("initialize_parameters_he", "initialise_parameters_he")), "defines initialise_parameters_he"),
        (edit(HE, ("initialize_parameters_he", "Initialize_Parameters_He")), "defines Initialize_Parameters_He"),
        (edit(HE, ("initialize_parameters_he", "init_params_he")), "defines init_params_he"),
    ],
)
def test_a_near_miss_is_named(source, near):
    function = he(IMPORTS, source)
    assert function.status == "missing"
    assert near in with_names(function.message, {})


@pytest.mark.parametrize("name", ["rand", "rnd", "randoms", "Random", "ran"])
def test_a_shortened_name_is_named(name):
    functions = found(IMPORTS, edit(RANDOM, ("parameters_random", f"parameters_{name}")))[1]
    assert bool(functions["initialize_parameters_random"].near_misses) == (name != "rnd")
    assert not functions["initialize_parameters_he"].near_misses


def test_a_required_function_is_no_near_miss_of_another():
    assert he(IMPORTS, ZEROS, RANDOM).near_misses == ()


def test_a_notebook_without_any_of_it_is_another_notebook():
    notebook, functions = found("import numpy as np\ndef sigmoid(z):\n    return 1 / (1 + np.exp(-z))")
    assert notebook.status == "wrong_notebook"
    assert {function.status for function in functions.values()} == {"missing"}


def test_a_notebook_of_the_course_is_named_by_a_function_that_it_alone_asks_for():
    (problem,) = found("def two_layer_model(X, Y):\n    return {}")[0].problems
    assert "“Deep Neural Network - Application”" in problem.message
    assert problem.message_id == "reading.problem.wrong_notebook.named"


def test_a_notebook_with_functions_of_two_others_is_not_named():
    (problem,) = found("def propagate(w):\n    return w\n\ndef gradient_check(x):\n    return x")[0].problems
    assert "another exercise" in problem.message


def test_a_notebook_of_the_course_is_recognised_by_functions_of_its_own():
    names = [name for functions in STUDENT_FUNCTIONS.values() for name in functions - INITIALIZERS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("required", "title"),
    [
        (NAMES, "Planar data classification with one hidden layer"),
        (("compute_cost_with_regularization",), "Planar data classification with one hidden layer"),
        (("initialize_parameters",), ""),  # the exercise may be this very notebook
    ],
)
def test_a_notebook_is_never_called_another_one_when_it_has_a_required_function(required, title):
    source = "def layer_sizes(X, Y):\n    return 1\n\ndef nn_model(X, Y):\n    return 2\n"
    notebook, _ = extract(Notebook("x.ipynb", "", "ok", (), (Cell("code", source, 1),)), required)
    [problem] = notebook.problems
    assert (title in problem.message, "another notebook of the course" in problem.message) == (True, bool(title))


LOGISTIC = """def initialize_with_zeros(dim):
    w, b = np.zeros((dim, 1)), 0.0
    return w, b
"""


@pytest.mark.parametrize(
    ("code", "prose"),
    [
        (LOGISTIC, ""),
        ("def initialize_zeros(n):\n    return {'W1': np.zeros((n, n))}\n", ""),
        (LOGISTIC, "    def initialize_parameters_deep(layers_dims):\n        return parameters"),
        ("x = 1", "def initialize_parameters_deep(layer_dims):\n    ..."),
    ],
)
def test_an_earlier_exercise_of_the_course_is_another_notebook(code, prose):
    data = json.dumps({"cells": [*cells(IMPORTS), *cells(prose, kind="markdown"), *cells(code)]}).encode()
    notebook, _ = extract(parse(data, "a.ipynb"), NAMES)
    assert (notebook.status, [problem.code for problem in notebook.problems]) == ("wrong_notebook", ["wrong_notebook"])


@pytest.mark.parametrize(
    "code",
    [
        edit(ZEROS, ("initialize_parameters_zeros", "initialize_with_zeros")),
        "def init_zeros(sizes):\n    return {str(i): np.zeros(n) for i, n in enumerate(sizes)}",
        "def init_he(n_x, n_h, n_y):\n    return {}",
        "def initialize_random():\n    return {}",
    ],
)
def test_an_attempt_under_another_name_is_no_other_notebook(code):
    notebook, functions = found(IMPORTS, code)
    assert notebook.status == "ok"
    assert any(function.near_misses for function in functions.values())


def test_a_text_that_holds_the_function_itself_is_no_other_notebook():
    data = json.dumps({"cells": cells(IMPORTS, HE, kind="markdown")}).encode()
    notebook, functions = extract(parse(data, "a.ipynb"), NAMES)
    assert notebook.status == "ok"
    assert functions["initialize_parameters_he"].status == "missing"


@pytest.mark.parametrize(
    ("keep", "status", "says"),
    [
        (3, "repaired", "There is no function initialize_parameters_he in the part of the file that could be read."),
        (1, "unreadable", "There is no function initialize_parameters_he in the part of the file that could be read."),
    ],
)
def test_a_function_that_a_damaged_file_lost_is_not_said_to_be_absent(keep, status, says):
    data = json.dumps({"cells": cells(IMPORTS, ZEROS, RANDOM, HE)[:keep]}).encode()[:-1].removesuffix(b"]")
    notebook, functions = extract(parse(data + b', {"cell', "a.ipynb"), NAMES)
    assert notebook.status == status
    assert functions["initialize_parameters_he"].message == says
    assert "hand in the whole file" in functions["initialize_parameters_he"].hint


def test_a_function_in_a_damaged_cell_is_named():
    data = json.dumps({"cells": cells(IMPORTS, ZEROS, RANDOM, HE)}).encode()
    notebook, functions = extract(parse(data.replace(b"** 2", b'"').replace(b"* np.sqrt", b'"'), "a.ipynb"), NAMES)
    assert [function.status for function in functions.values()] == ["found", "found", "missing"]
    message = "Cell 4 is damaged: its `def initialize_parameters_he(...)` could not be read."
    assert with_names(functions["initialize_parameters_he"].message, {}) == message
    assert message in [with_names(problem.message, {}) for problem in notebook.problems]


def test_code_in_a_markdown_cell_is_not_run():
    assert found(IMPORTS, HE, kind="markdown")[1]["initialize_parameters_he"].status == "missing"


@pytest.mark.parametrize("depth", [500, 900, 2000, 5000])
def test_a_constant_that_is_nested_deeply_is_no_fault_of_ours(depth):
    function = he(IMPORTS, "GAIN = 2" + " + 0" * depth, USES_GAIN)
    assert function.status in ("found", "syntax_error")


def test_code_that_is_far_too_long_is_left_aside_and_named():
    notebook, functions = found(IMPORTS, "x = 1\n" * 300_000, HE)
    assert functions["initialize_parameters_he"].status == "found"
    assert "too long" in notebook.problems[0].message


@pytest.mark.parametrize(
    "source", ["(" * 5000, "x = " + "-" * 20000 + "1", "\0", "def f(:\n", "\x0c\n%\n!\n?", "@" * 300]
)
def test_no_text_makes_extraction_raise(source):
    functions = found(source, HE, IMPORTS)[1]
    assert functions["initialize_parameters_he"].status == "found"


# --- the text that is run ------------------------------------------------------------------------------------------


def he_unit(source: str):
    return he(IMPORTS, source).units[-1]


@pytest.mark.parametrize(
    "other",
    [
        edit(HE, ("    parameters = {}", "    # a comment\n\n    parameters={}  # and another")),
        edit(HE, ("np.sqrt(2 /", "np.sqrt( 2/")),
        edit(HE, ("layers_dims[l-1]", "layers_dims[l - 1]")),
        HE.replace("for l in", "for \N{SCRIPT SMALL L} in"),
    ],
)
def test_texts_that_differ_in_blanks_comments_and_spelling_run_as_one(other):
    """Python itself reads a script l in a name as a plain one."""
    assert he_unit(other).source != he_unit(HE).source
    assert (he_unit(other).run, he_unit(other).tree) == (he_unit(HE).run, he_unit(HE).tree)
    assert he_unit(other).tree == hashlib.sha256(he_unit(other).run.encode()).hexdigest()


@pytest.mark.parametrize(
    "look",
    [
        "import sys; k = sys._getframe().f_lineno",
        "k = initialize_parameters_he.__code__.co_firstlineno",
        "k = '{0.gi_frame.f_lineno}'.format(x for x in ())",
        "import inspect; k = inspect.currentframe()",
        "k = getattr(layers_dims, 'x', 0)",
        "k = eval('1')",
        "try: 1 / 0\n    except ZeroDivisionError as e: k = e.__traceback__",
        "import traceback as t; k = t",
        "k = np.zeros((2,\n        3))",
    ],
)
def test_code_that_could_see_its_lines_and_lines_that_run_together_run_as_written(look):
    unit = he_unit(edit(HE, ("    parameters = {}", f"    {look}\n    parameters = {{}}  # as written")))
    assert unit.run == unit.source
    assert unit.tree == hashlib.sha256(unit.source.encode()).hexdigest()


def test_what_is_run_is_the_same_code_and_each_line_has_its_own():
    unit = he_unit("# first\n" + edit(HE, ("    parameters = {}", "\n    # here\n    parameters = {}\n\n")))
    assert unit.canonical
    assert ast.dump(ast.parse(unit.run)) == ast.dump(ast.parse(unit.source))
    written, lines = unit.run.splitlines(), unit.source.splitlines()
    for number, line in enumerate(written, start=1):
        if unit.line(number):
            first = line.split("=")[0].strip()[:5]
            assert lines[unit.line(number) - 1].strip().startswith(first)
    assert unit.line(len(written) + 1) == 0


@pytest.mark.parametrize(
    "source",
    [
        "code = 'exec(code)'\nexec(code)",
        "a = 'x = 1\\n'\n" + "a = a + a\n" * 60 + "exec(a)",
        "a0 = 'x = 1'\n" + "".join(f"a{n + 1} = 'exec(a{n})\\nexec(a{n})'\n" for n in range(60)) + "exec(a60)",
        "x = 'a'" + ".strip()" * 2000 + "\nexec(x)",
        "x = Path('m.py')" + ".open('w')" * 2000 + "\nx.write('y')",
        "import m\nopen('m.py', 'w').write('import m')\nopen('n.py', 'w').write('import m, n')\nimport n",
    ],
)
def test_texts_that_run_themselves_end(source):
    assert he(IMPORTS, source, HE).status == "found"


def test_exec_without_a_text_is_no_fault_of_ours():
    function = he("def broken():\n    exec()\nexec()\nbroken()", IMPORTS, HE)
    assert function.status == "found"
    assert not function.broken


@pytest.mark.parametrize(
    "call", ["exec(text)", "eval (compile(text, '', 'exec'))", "shell . ex (text)", "\uff45xec(text)"]
)
def test_a_text_is_read_however_the_call_that_runs_it_is_spelled(call):
    function = he(IMPORTS, f"text = {HE!r}\nimport matplotlib.pyplot as plt\n{call}")
    assert function.status == "found"
    assert function.code == HE.strip()
