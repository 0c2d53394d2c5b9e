"""What works in the student's notebook works here, and what does not for want of a notebook is nobody's fault."""

from __future__ import annotations

import sys

# ruff: noqa: RUF001  # a Greek name is one of the things tested
import pytest
import tools
from fidelity_cases import TABLES
from kernels import CALLS, Case, extracted, here, in_a_kernel, plain
from notebooks import HE, IMPORTS, RANDOM, ZEROS, edit, notebook, solved, write

from grader.pipeline import Pipeline
from grader.reading.extract import extract
from grader.reading.extract.exports import exported
from grader.reading.notebook import parse
from grader.records import Call, Function, Place, Unit
from grader.running.sandbox import Sandbox
from grader.running.sandbox.server import ForkServer

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the fork server is for Linux")
RETURN = "    return parameters"


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox() as running:
        yield running


@pytest.fixture(scope="module")
def pipeline():
    from grader.exercise import load as exercise

    with Pipeline(exercise.load(), secret=b"a secret of the tests") as running:
        yield running


# --- the same as in a kernel ---------------------------------------------------------------------------------------


def compare(cases: tuple[Case, ...], sandbox: Sandbox, folder) -> None:
    kernel = in_a_kernel(cases, folder)
    assert len(kernel) == len(cases)
    mine = {each.name: plain(here(each, sandbox)) for each in cases}
    different = [
        f"{name}: {kernel[name]} there, {mine[name]} here"[:200] for name in mine if mine[name] != kernel[name]
    ]
    assert not different, "\n".join(different)


@pytest.mark.slow
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.filterwarnings("ignore")
def test_a_function_gives_here_what_it_gives_in_a_kernel(table, sandbox, tmp_path):
    compare(TABLES[table], sandbox, tmp_path)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_notebook_gives_the_same_from_whatever_tool_its_file_comes(sandbox, tmp_path):
    kernel = in_a_kernel((Case("here", tools.CELLS),), tmp_path)["here"]
    different = []
    for tool, (name, export) in tools.READ.items():
        read, functions = extract(parse(export().encode(), name), ("f",))
        function = functions["f"]
        outcomes = sandbox.run(function, CALLS) if function.status == "found" else ()
        if plain(outcomes) != kernel or read.problems:
            different.append(f"{tool}: {function.status}, {read.problems}, {plain(outcomes)}"[:300])
    assert not different, "\n".join(different)


@pytest.mark.parametrize("tool", tools.NAMED)
def test_a_file_of_a_tool_that_is_not_read_is_named_for_what_it_is(tool):
    name, text, words = tools.NAMED[tool]
    (problem,) = parse(text.encode(), name).problems
    assert words in problem.message
    assert "export" in problem.message.lower()


@pytest.mark.filterwarnings("ignore")
def test_some_of_each_table_give_the_same_as_in_a_kernel(sandbox, tmp_path):
    compare(tuple(case for table in TABLES.values() for case in table[1 :: max(len(table) // 4, 1)]), sandbox, tmp_path)


# --- whole notebooks -----------------------------------------------------------------------------------------------

AS_CALLS = f"""import numpy as np
get_ipython().run_line_magic('matplotlib', 'inline')

# In[ ]:
get_ipython().run_cell_magic('time', '', {ZEROS!r})
get_ipython().run_cell_magic('capture', '', {RANDOM!r})

{HE}
"""
RIGHT = {
    "a Greek name": solved(he=edit(HE, ("    parameters = {}", "    parameters = {}\n    σ = 2"), ("2 /", "σ /"))),
    "numpy.typing": solved(before="import numpy as np\nfrom numpy.typing import NDArray", he=edit(HE, ("_he(layers_dims)", "_he(layers_dims) -> dict[str, NDArray]"))),
    "from numpy import *": notebook("from numpy import *", *(text.replace("np.", "") for text in (ZEROS, RANDOM, HE))),
    "from numpy.random import *": solved(before="import numpy as np\nfrom numpy.random import *", random=RANDOM.replace("np.random.", "")),
    "%pylab": notebook("from pylab import *", *(text.replace("np.random.", "").replace("np.", "") for text in (ZEROS, RANDOM, HE))),
    "display": solved(he=edit(HE, (RETURN, "    display(parameters['W1'])\n    return parameters"))),
    "a plot": solved(before=f"{IMPORTS}\nimport matplotlib.pyplot as plt", random=edit(RANDOM, (RETURN, "    plt.hist(parameters['W1'].ravel()); plt.show()\n    return parameters"))),
    "tqdm": solved(before=f"{IMPORTS}\nfrom tqdm import tqdm", random=edit(RANDOM, ("range(1, L)", "tqdm(range(1, L))"))),
    "pandas": solved(before=f"{IMPORTS}\nimport pandas as pd, seaborn as sns\nsns.set()", random=edit(RANDOM, (RETURN, "    print(pd.DataFrame(parameters['W1']))\n    return parameters"))),
    "torch": solved(before=f"{IMPORTS}\nimport torch\nfrom torch import nn", random=edit(RANDOM, ("    np.random.seed(3)", "    torch.manual_seed(3)\n    np.random.seed(3)"))),
    "course helpers": solved(before=f"{IMPORTS}\nfrom public_tests import *\nimport init_utils\nimport testCases_v2"),
    "%%writefile": notebook(f"%%writefile init_methods.py\n{IMPORTS}\n{ZEROS}{RANDOM}{HE}", "from init_methods import *"),
    "! over two lines": solved(before=f"!pip install -q numpy \\\n    matplotlib\n{IMPORTS}"),
    "seed assigned before": solved(before=f"{IMPORTS}\nseed = 42\nnp.random.seed = seed"),
    "seed assigned after": solved(after="np.random.seed = 1"),
    "asyncio": solved(he=edit(HE, ("    np.random", "    import asyncio, uuid, zoneinfo, graphlib\n    np.random"))),
    "two modules with a star": solved(before="from math import *\nfrom numpy import *\nimport numpy as np"),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_notebook_earns_everything(name, pipeline, tmp_path):
    result = pipeline.grade(write(tmp_path, "x.ipynb", RIGHT[name]))
    assert (result.score, result.possible) == (30, 30), result.functions
    assert result.notebook.problems == ()


def test_a_script_made_by_nbconvert_earns_everything(pipeline, tmp_path):
    result = pipeline.grade(write(tmp_path, "x.py", AS_CALLS.encode()))
    assert (result.score, result.possible) == (30, 30)
    source = result.functions["initialize_parameters_zeros"].source
    assert source is not None
    assert source.line == 5


def test_a_seed_that_is_assigned_in_the_function_is_named(pipeline, tmp_path):
    wrong = solved(random=edit(RANDOM, ("np.random.seed(3)", "np.random.seed = 3")))
    result = pipeline.grade(write(tmp_path, "x.ipynb", wrong))
    function = result.functions["initialize_parameters_random"]
    assert function.diagnosis.causes == ("seed_missing",)
    assert function.diagnosis.seed_assigned
    assert result.score == 28
    assert "your line assigns to it" in result.summary.next_step


# --- held for a person ---------------------------------------------------------------------------------------------

HELD = {
    "np.save('weights.npy', parameters['W1'])": "does not allow",
    "import threading; threading.Thread(target=print).start()": "does not allow",
    "import tempfile; tempfile.mkdtemp()": "does not allow",
    "import subprocess; subprocess.run(['true'])": "does not allow",
    "import zoneinfo; zoneinfo.ZoneInfo('Europe/Paris')": "does not allow",
    "import tkinter": "does not allow",
    "import torch; parameters['W1'] = torch.zeros(3)": "the library torch",
    "import torch\n    if torch.cuda.is_available(): pass": "the library torch",
    "import tensorflow as tf; parameters['W1'] = parameters['W1'] * tf.sqrt(2.0)": "the library tensorflow",
    "import scipy.stats\n    try: float(scipy.stats.norm.rvs())\n    except: pass": "the library scipy",
    "import sklearn; parameters = sklearn.utils.Bunch(parameters)": "the library sklearn",
}  # fmt: skip


@pytest.mark.parametrize("line", HELD)
def test_what_only_a_notebook_can_do_is_held_for_a_person(line, pipeline, tmp_path):
    result = pipeline.grade(write(tmp_path, "x.ipynb", solved(zeros=edit(ZEROS, (RETURN, f"    {line}\n{RETURN}")))))
    function = result.functions["initialize_parameters_zeros"]
    assert (function.status, function.possible, result.provisional) == ("broken", 0, True)
    assert HELD[line] in function.message
    assert (result.score, result.possible) == (20, 20)


# What the top level does before the function and is not run here, and what of the function needs it.
LEFT_OUT = {
    "a loop that calls a graded function": ("gains = {}\nfor l in (1, 2):\n    gains[l] = initialize_parameters_zeros([l, 10])['W1'].size", "gains[1]"),
    "a loop that calls a helper of the course": ("from init_utils import load_dataset\ngains = [1]\nfor l in range(5):\n    gains.append(len(load_dataset()))", "gains[3]"),
    "data of the course": ("from init_utils import load_dataset\ntrain_X, train_Y, test_X, test_Y = load_dataset()", "len(train_X)"),
    "a value that is set again": ("gain = 1\ngain = int(input())", "gain"),
    "a file": ("settings = {'gain': 1}\nwith open('settings.json') as file:\n    settings.update(eval(file.read()))", "settings['gain']"),
    "an attribute": ("class C:\n    gain = 1\nC.gain = int(input())", "C.gain"),
    "names from a text": ("gain = 1\nexec(open('gain.txt').read())", "gain"),
    "names from a file": ("settings = eval(open('settings.txt').read())\nglobals().update(settings)", "gain"),
    "a function in a text": ("text = open('gain.txt').read()\nexec(text)", "gain()"),
    "one of two definitions": ("from init_utils import load_dataset\nif len(load_dataset()) == 4:\n    def gain():\n        return 10\nelse:\n    def gain():\n        return 1", "gain()"),
    "a repeated change": ("from init_utils import load_dataset\ngain = 2\nfor l in load_dataset():\n    gain += 2", "gain"),
    "a shell command": ("out = !echo 10", "float(out[0])"),
    "a module from elsewhere": ("!wget -q https://example.org/gains.py\nfrom gains import gain", "gain"),
    "a module written from what is not known": ("text = open('a.txt').read()\nopen('gains.py', 'w').write(text)\nimport gains", "gains.gain"),
    "a decorator of the course": ("import init_utils\n@init_utils.cached\ndef gain():\n    return 10", "gain()"),
}  # fmt: skip


@pytest.mark.parametrize("name", LEFT_OUT)
def test_a_function_that_needs_what_is_left_out_is_held_for_a_person(name, pipeline, tmp_path):
    before, uses = LEFT_OUT[name]
    data = notebook(IMPORTS, ZEROS, before, edit(RANDOM, ("* 10", f"* {uses}")), HE)
    result = pipeline.grade(write(tmp_path, "x.ipynb", data))
    function = result.functions["initialize_parameters_random"]
    assert (function.status, function.possible, result.provisional) == ("broken", 0, True), function
    assert "”, line" in function.message or "library" in function.message
    assert (result.score, result.possible) == (20, 20)


@pytest.mark.parametrize("after", ["", "for l in range(3):\n    scale = len(load_dataset())"])
def test_a_name_that_is_set_after_the_function_alone_is_the_students(after, pipeline, tmp_path):
    data = notebook(IMPORTS, ZEROS, edit(RANDOM, ("* 10", "* scale")), HE, after)
    result = pipeline.grade(write(tmp_path, "x.ipynb", data))
    assert result.functions["initialize_parameters_random"].diagnosis.causes == ("global_name",)
    assert not result.provisional


def test_what_is_left_out_holds_no_function_that_is_right(pipeline, tmp_path):
    before = "gain = 10\nfor l in range(3):\n    gain = 10 + 0 * len(initialize_parameters_zeros([1, 1]))"
    data = notebook(IMPORTS, ZEROS, before, edit(RANDOM, ("* 10", "* gain")), HE)
    result = pipeline.grade(write(tmp_path, "x.ipynb", data))
    assert (result.score, result.possible) == (30, 30)


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("import not_there", "raised"),
        ("open('/etc/passwd').read()", "raised"),
        ("raise PermissionError('no')", "raised"),
    ],
)
def test_what_fails_in_a_notebook_as_well_is_not_held(line, status, pipeline, tmp_path):
    result = pipeline.grade(write(tmp_path, "x.ipynb", solved(zeros=edit(ZEROS, (RETURN, f"    {line}\n{RETURN}")))))
    assert result.functions["initialize_parameters_zeros"].status == status
    assert not result.provisional


# --- the worker ----------------------------------------------------------------------------------------------------


def run(sandbox: Sandbox, source: str):
    return sandbox.run(Function("f", "found", units=(Unit(source, Place(1)),)), (Call((3, 2, 1), 11),))[0]


def test_the_complete_worker_is_started_only_for_what_the_usual_one_lacks(monkeypatch):
    started = []
    before = ForkServer.__init__

    def start(self, *arguments, complete=False, **options):
        started.append(complete)
        before(self, *arguments, complete=complete, **options)

    monkeypatch.setattr(ForkServer, "__init__", start)
    with Sandbox() as fresh:
        assert run(fresh, "import unicodedata, timeit, numpy.typing\ndef f(d):\n    return {}").ended == "returned"
        assert started == [False]
        for _ in range(2):
            assert run(fresh, "def f(d):\n    import asyncio\n    return {}").ended == "returned"
        assert run(fresh, "def f(d):\n    import os\n    os._exit(75)").ended == "crashed"
    assert started == [False, True]


@pytest.mark.parametrize(
    "spoils",
    [
        "np.random.seed = 3; np.array = np.ndarray = None",
        "import builtins\n    for name in 'isinstance len list repr str type dict range vars'.split(): setattr(builtins, name, None)",
        "import os, struct; os.write = struct.pack = None",
    ],
)
def test_nothing_that_a_function_replaces_breaks_what_reports_its_result(spoils, sandbox):
    outcome = run(sandbox, f"import numpy as np\ndef f(d):\n    W = np.ones(2)\n    {spoils}\n    return {{'W1': W}}")
    assert outcome.ended == "returned", outcome
    assert list(outcome.numpy("W1")) == [1, 1]


def test_a_progress_bar_loops_and_a_figure_has_its_axes(sandbox):
    source = (
        "import matplotlib.pyplot as plt\nfrom tqdm.notebook import tqdm, trange\ndef f(d):\n"
        "    fig, axes = plt.subplots(2, 3)\n    for ax in axes.flat: ax.plot([1])\n    (a, b), c = plt.hist([1])\n"
        "    with tqdm(total=3) as bar: bar.update(); bar.set_postfix(x=1)\n"
        "    return {'W1': float(sum(trange(4)) + sum(tqdm([1, 2])) + len(axes.flat))}"
    )
    assert float(run(sandbox, source).numpy("W1")) == 6 + 3 + 6


def test_the_name_of_the_machine_is_not_told(sandbox):
    source = "import platform, os\ndef f(d):\n    return {'W1': float(platform.node() == os.uname().nodename == 'localhost')}"
    assert float(run(sandbox, source).numpy("W1")) == 1


# --- names ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "module", ["numpy", "numpy.random", "math", "statistics", "colorsys", "zlib", "string", "cmath", "os.path"]
)
def test_what_a_star_takes_is_what_the_module_exports(module):
    names: dict[str, object] = {}
    exec(f"from {module} import *", names)
    assert exported(module) == names.keys() - {"__builtins__"}


@pytest.mark.parametrize("module", ["not_there", "numpy.not_there", "os.not_there", "../os", "init_utils"])
def test_a_star_of_anything_else_takes_nothing(module):
    assert exported(module) == frozenset()


def carried(*cells: str, after: tuple[str, ...] = ()) -> list[str]:
    return [unit.source for unit in extracted(Case("", cells, after)).units]


def test_names_are_those_right_after_the_last_definition():
    uses = "def f(d):\n    return gain * k()"
    assert carried("gain = 1", "def k(): return 2", uses, after=("gain = 3", "def k(): return 4")) == [
        "gain = 1",
        "def k(): return 2",
        uses,
    ]
    assert carried("gain = 1", uses, "gain = 2", "def k(): return 2", uses)[0] == "gain = 2"
    assert carried(uses, after=("gain = 3", "def k(): return 4"))[:2] == ["gain = 3", "def k(): return 4"]


def test_a_star_does_not_hide_a_name_that_is_bound_after_it():
    uses = "def f(d):\n    random.seed(3)\n    return zeros(random.random())"
    assert carried("from numpy import *", "import random", uses)[:2] == ["from numpy import zeros", "import random"]
    assert carried("import random", "from numpy import *", uses)[:2] == [
        "from numpy import random",
        "from numpy import zeros",
    ]


def test_assignments_to_attributes_before_the_function_come_along():
    uses = "def f(d):\n    return np.random.randn(3)"
    changed = "np.random.randn = np.random.rand"
    assert carried("import numpy as np", changed, uses) == ["import numpy as np", changed, uses]
    assert carried("import numpy as np", uses, after=(changed,)) == ["import numpy as np", uses]
    assert carried("import numpy as np", "np.random.seed = 3", uses) == ["import numpy as np", uses]
