"""Make the sample hand-ins: `python tests/support/samples.py` writes submissions/ with the table of what grading must give.

Every sample is a notebook of the exercise in which one thing is wrong or odd; SAMPLES, at the end, lists them.  Its
cells are really run here, with stand-ins for the course's own modules, so the outputs saved in it are those of its
functions.  The same machine writes the same bytes each time; on another, costs at x10 may differ from the 5th digit on.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import json
import math
import re
import sys
import traceback
import types
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from unittest import mock

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray
from PIL import Image

FOLDER = Path(__file__).resolve().parents[2] / "submissions"
PATIENCE_LINES = 5000  # after so many lines of one cell the student presses the stop button
PUBLISHED = {  # exercise.md section 2: both accuracies, the costs at 0 and 14,000, and how closely all machines agree
    ("right", "zeros"): (0.5, 0.5, 0.6931471805599453, 0.6931471805599453, 1e-12),
    ("right", "random"): (0.83, 0.86, math.inf, 0.38275, 1e-4),
    ("right", "he"): (0.9933333333333333, 0.96, 0.8830537463419761, 0.07357895962677, 1e-12),
    ("scale_one_hundredth", "random"): (0.4633333333333333, 0.48, 0.6931473549048267, 0.6931473065831708, 1e-12),
}

Floats = NDArray[np.float64]
Parameters = dict[str, Floats]


# --- a sample ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell; `role` names it for those who edit it, `count` and `outputs` are None and empty until it is run."""

    kind: str
    source: str
    role: str = ""
    metadata: Mapping[str, object] = field(default_factory=dict)
    count: int | None = None
    outputs: Sequence[Mapping[str, object]] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """One of the three functions: how its cell differs from the right one, and what grading it must give.

    `W` and `b` are right-hand sides in place of the right ones, `edits` pairs of old and new text, `code` a whole cell.
    """

    W: str = ""
    b: str = ""
    edits: tuple[tuple[str, str], ...] = ()
    code: str = ""
    status: str = "graded"
    points: float = 10
    causes: tuple[str, ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sample:
    """A hand-in: what it shows, its functions, and whatever else makes it differ from the right notebook.

    `deleted` is code that the student once ran and then deleted, `ran` how many code cells were run (None: all),
    `before` and `after` edit the cells before and after the run, `write` turns them into the text of the file.
    """

    name: str
    shows: str
    zeros: Part = Part()
    random: Part = Part()
    he: Part = Part()
    course: str = "new"
    notebook: str = "ok"
    remark: str = "He gave the lowest cost at the end and needs no number to be picked by hand."
    deleted: str = ""
    ran: int | None = None
    cells: Callable[[Sample], list[Cell]] = field(default_factory=lambda: course_cells)
    before: Callable[[list[Cell]], list[Cell]] = list
    after: Callable[[list[Cell]], list[Cell]] = list
    write: Callable[[Sample, list[Cell]], str] = field(default_factory=lambda: as_notebook)

    @property
    def file(self) -> str:
        return self.name + (".py" if self.write in (as_percent_script, as_exported_script) else ".ipynb")

    @property
    def parts(self) -> dict[str, Part]:
        return {"zeros": self.zeros, "random": self.random, "he": self.he}


def graded(points: float, cause: str, *edits: tuple[str, str], **others: object) -> Part:
    """A function that runs and loses points for one cause; `others` are fields of `Part` and facts of the diagnosis."""
    own = {name: others.pop(name) for name in ("W", "b", "code") if name in others}
    return Part(edits=edits, points=points, causes=(cause,), facts={"course_test": "failed", **others}, **own)


def ended(status: str, *edits: tuple[str, str], cause: str = "", **wrote: str) -> Part:
    """A function that never gives anything to judge."""
    return Part(**wrote, edits=edits, status=status, points=0, causes=(cause or status,))


# --- the course's functions ----------------------------------------------------------------------------------------

DOCSTRING = '''    """
    Arguments:
    layers_dims -- list with the number of units of every layer, the input first

    Returns:
    parameters -- dictionary with the arrays "W1", "b1", ..., "WL", "bL":
                    Wl -- weights, of shape (layers_dims[l], layers_dims[l-1])
                    bl -- biases, of shape (layers_dims[l], 1)
    """
'''
SEED = "    np.random.seed(3)               # the same numbers for everybody\n"
COUNTED = {  # how the template counts layers, and the loop that goes with it
    "zeros": ("len(layers_dims)            # layers, the input counted", "range(1, L)"),
    "random": ("len(layers_dims)            # layers, the input counted", "range(1, L)"),
    "he": ("len(layers_dims) - 1        # layers, the input not counted", "range(1, L + 1)"),
}
RANDN = "np.random.randn(layers_dims[l], layers_dims[l-1])"
WEIGHTS = {
    "zeros": "np.zeros((layers_dims[l], layers_dims[l-1]))",
    "random": f"{RANDN} * 10",
    "he": f"{RANDN} * np.sqrt(2 / layers_dims[l-1])",
}
BIASES = "np.zeros((layers_dims[l], 1))"
MARKERS = {
    "new": ("# (≈ 2 lines of code)\n        # YOUR CODE STARTS HERE", "# YOUR CODE ENDS HERE"),
    "old": ("### START CODE HERE ### (≈ 2 lines of code)", "### END CODE HERE ###"),
}


def function_cell(short: str, course: str, W: str, b: str) -> str:
    """Return the cell of a graded function with these right-hand sides."""
    layers, loop = COUNTED[short]
    starts, ends = MARKERS[course]
    filled = f"        parameters['W' + str(l)] = {W}\n        parameters['b' + str(l)] = {b}\n" if W else "\n\n"
    return (
        f"# GRADED FUNCTION: initialize_parameters_{short}\n\ndef initialize_parameters_{short}(layers_dims):\n"
        f"{DOCSTRING}\n{'' if short == 'zeros' else SEED}    parameters = {{}}\n    L = {layers}\n\n"
        f"    for l in {loop}:\n        {starts}\n{filled}        {ends}\n\n    return parameters"
    )


def untouched(short: str, course: str) -> Part:
    """The function as the course hands it out: the old template holds `None`, the new one comments only."""
    code = function_cell(short, course, *(("None", "None") if course == "old" else ("", "")))
    return ended("not_attempted", code=code)


def written(part: Part, short: str, course: str) -> str:
    """Return the text of a function's cell as this student wrote it."""
    code = function_cell(short, course, part.W or WEIGHTS[short], part.b or BIASES)
    return edited(part.code or code, *part.edits)


def edited(text: str, *edits: tuple[str, str]) -> str:
    """Replace the one place of each old text by the new one."""
    for old, new in edits:
        if text.count(old) != 1:
            raise ValueError(f"{old!r} occurs {text.count(old)} times in {text!r}")
        text = text.replace(old, new)
    return text


# --- the notebook around them --------------------------------------------------------------------------------------

IMPORTS = """import numpy as np
import matplotlib.pyplot as plt
import sklearn
import sklearn.datasets
{tests}from init_utils import forward_propagation, backward_propagation, update_parameters, compute_loss
from init_utils import predict, predict_dec, plot_decision_boundary

%matplotlib inline
plt.rcParams['figure.figsize'] = (4.0, 3.0)
plt.rcParams['image.cmap'] = 'gray'"""
DATA = """def load_dataset():
    np.random.seed(1)
    train_X, train_Y = sklearn.datasets.make_circles(n_samples=300, noise=.05)
    np.random.seed(2)
    test_X, test_Y = sklearn.datasets.make_circles(n_samples=100, noise=.05)
    plt.scatter(train_X[:, 0], train_X[:, 1], c=train_Y, s=15, cmap=plt.cm.Spectral)
    plt.show()
    return train_X.T, train_Y.reshape((1, -1)), test_X.T, test_Y.reshape((1, -1))

train_X, train_Y, test_X, test_Y = load_dataset()"""
MODEL = '''def model(X, Y, learning_rate=0.01, num_iterations=15000, print_cost=True, initialization="he"):
    """
    LINEAR -> RELU -> LINEAR -> RELU -> LINEAR -> SIGMOID, trained by gradient descent.

    Arguments:
    X -- points, of shape (2, m)
    Y -- labels 0 and 1, of shape (1, m)
    initialization -- which of the three functions makes the first parameters: "zeros", "random" or "he"

    Returns:
    parameters -- what the network has learnt
    """
    costs = []
    layers_dims = [X.shape[0], 10, 5, 1]

    if initialization == "zeros":
        parameters = initialize_parameters_zeros(layers_dims)
    elif initialization == "random":
        parameters = initialize_parameters_random(layers_dims)
    elif initialization == "he":
        parameters = initialize_parameters_he(layers_dims)

    for i in range(num_iterations):
        a3, cache = forward_propagation(X, parameters)
        cost = compute_loss(a3, Y)
        grads = backward_propagation(X, Y, cache)
        parameters = update_parameters(parameters, grads, learning_rate)
        if print_cost and i % 1000 == 0:
            print("Cost after iteration {}: {}".format(i, cost))
            costs.append(cost)

    plt.plot(costs)
    plt.ylabel('cost')
    plt.xlabel('iterations (thousands)')
    plt.title("Learning rate = " + str(learning_rate))
    plt.show()

    return parameters'''
PRINTED = """parameters = initialize_parameters_{short}({sizes})
print("W1 = " + str(parameters["W1"]))
print("b1 = " + str(parameters["b1"]))
print("W2 = " + str(parameters["W2"]))
print("b2 = " + str(parameters["b2"]))"""
TESTED = "\n\ninitialize_parameters_{short}_test(initialize_parameters_{short})"
TRAINED = """parameters = model(train_X, train_Y, initialization = "{short}")
print("On the train set:")
predictions_train = predict(train_X, train_Y, parameters)
print("On the test set:")
predictions_test = predict(test_X, test_Y, parameters)"""
BOUNDARY = """plt.title("Decision boundary: {short}")
axes = plt.gca()
axes.set_xlim([-1.5, 1.5])
axes.set_ylim([-1.5, 1.5])
plot_decision_boundary(lambda x: predict_dec(parameters, x.T), train_X, train_Y)"""

TITLE = """# Initialization

A network has to start from some set of weights. Here the same small network is started in three ways, and you will see
what each of them does to the training."""
SECTIONS = {
    "packages": "## 1 - Packages",
    "data": """## 2 - Data

Two rings of points, one inside the other. The network has to tell which ring a point is on.""",
    "model": """## 3 - The network

Three layers, ready to use. Read it once; it calls the three functions that you write.""",
    "zeros": """## 4 - All zeros

### Exercise 1 - initialize_parameters_zeros

Fill every weight matrix and every bias vector with zeros, in the right shapes.""",
    "random": """## 5 - Large random numbers

### Exercise 2 - initialize_parameters_random

Draw the weights with `np.random.randn(.., ..)` and multiply them by 10. The biases stay zero. Keep the seed.""",
    "he": r"""## 6 - He initialization

### Exercise 3 - initialize_parameters_he

As before, but multiply the weights of layer $l$ by $\sqrt{2 / n^{[l-1]}}$, where $n^{[l-1]}$ is the size of the layer
before. The biases stay zero.""",
}
SIZES = {"zeros": [3, 2, 1], "random": [3, 2, 1], "he": [2, 4, 1]}  # what the notebook calls each function with
COURSE_TEST = {"zeros": [3, 2, 1], "random": [3, 2, 1], "he": [3, 1, 2]}
NOW_TRAIN = "Now train the network from this start for 15,000 iterations."
LOOK = "What does the network answer in the plane?"
CONCLUSIONS = """## 7 - Conclusions

| start | accuracy on the train set | on the test set |
|---|---|---|
{rows}

{remark}"""


def course_cells(sample: Sample) -> list[Cell]:
    """Return the cells of a student's notebook, not run yet."""
    tests = "from public_tests import *\n" if sample.course == "new" else ""
    cells = [
        Cell("markdown", TITLE, "title"),
        Cell("markdown", SECTIONS["packages"]),
        Cell("code", IMPORTS.format(tests=tests), "imports"),
        Cell("markdown", SECTIONS["data"]),
        Cell("code", DATA, "data"),
        Cell("markdown", SECTIONS["model"]),
        Cell("code", MODEL, "model"),
    ]
    for short, part in sample.parts.items():
        cells += section(short, written(part, short, sample.course), sample.course)
    return cells


def section(short: str, code: str, course: str) -> list[Cell]:
    """Return the cells about one of the three starts."""
    test = (PRINTED + (TESTED if course == "new" else "")).format(short=short, sizes=SIZES[short])
    return [
        Cell("markdown", SECTIONS[short]),
        Cell("code", code, short, nbgrader(f"cell-{short}", course)),
        Cell("code", test, f"{short}_test", nbgrader(f"test-{short}", course)),
        Cell("markdown", NOW_TRAIN),
        Cell("code", TRAINED.format(short=short), f"{short}_train"),
        Cell("markdown", LOOK),
        Cell("code", BOUNDARY.format(short=short), f"{short}_plot"),
    ]


def nbgrader(grade_id: str, course: str) -> dict[str, object]:
    """Return the metadata that the newer course puts on graded cells and on their locked tests."""
    if course == "old":
        return {}
    test = grade_id.startswith("test")
    settings = {"cell_type": "code", "grade": test, "grade_id": grade_id, "locked": test, "solution": not test}
    points = {"points": 10} if test else {}
    return {"deletable": False, "nbgrader": {**settings, **points, "schema_version": 3, "task": False}}


def conclusions(accuracies: Mapping[str, list[str]], remark: str) -> Cell:
    """Return the student's closing cell, with the accuracies that the notebook printed."""
    rows = [f"| {short} | {' | '.join([*found, '?', '?'][:2])} |" for short, found in accuracies.items()]
    return Cell("markdown", CONCLUSIONS.format(rows="\n".join(rows), remark=remark).rstrip())


# --- the course's modules, as far as the notebooks use them --------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Trained:
    """What 15,000 iterations made of the parameters, the costs that are printed, and NumPy's warnings on the way."""

    parameters: Parameters
    costs: tuple[tuple[int, float], ...]
    warned: tuple[str, ...]


def forward_propagation(X: Floats, parameters: Parameters) -> tuple[Floats, tuple[Floats, ...]]:
    W1, b1, W2, b2, W3, b3 = (parameters[name] for name in ("W1", "b1", "W2", "b2", "W3", "b3"))
    a1 = np.maximum(0, np.dot(W1, X) + b1)
    a2 = np.maximum(0, np.dot(W2, a1) + b2)
    a3 = 1 / (1 + np.exp(-(np.dot(W3, a2) + b3)))
    return a3, (a1, W1, a2, W2, a3, W3)


def backward_propagation(X: Floats, Y: Floats, cache: tuple[Floats, ...]) -> Parameters:
    a1, _, a2, W2, a3, W3 = cache
    dz3 = 1.0 / X.shape[1] * (a3 - Y)
    dz2 = np.multiply(np.dot(W3.T, dz3), np.int64(a2 > 0))
    dz1 = np.multiply(np.dot(W2.T, dz2), np.int64(a1 > 0))
    gradients = {}
    for layer, dz, a in ((3, dz3, a2), (2, dz2, a1), (1, dz1, X)):
        gradients[f"W{layer}"] = np.dot(dz, a.T)
        gradients[f"b{layer}"] = np.sum(dz, axis=1, keepdims=True)
    return gradients


def update_parameters(parameters: Parameters, gradients: Parameters, learning_rate: float) -> Parameters:
    return {name: parameters[name] - learning_rate * gradient for name, gradient in gradients.items()}


def compute_loss(a3: Floats, Y: Floats) -> float:
    terms = np.multiply(-np.log(a3), Y) + np.multiply(-np.log(1 - a3), 1 - Y)
    return 1.0 / Y.shape[1] * np.nansum(terms)


def predict_dec(parameters: Parameters, X: Floats) -> NDArray[np.bool_]:
    return forward_propagation(X, parameters)[0] > 0.5


def plot_decision_boundary(decide: Callable[[Floats], Floats], X: Floats, Y: Floats) -> None:
    x, y = np.meshgrid(np.arange(-1.5, 1.51, 0.02), np.arange(-1.5, 1.51, 0.02))
    plt.contourf(x, y, decide(np.c_[x.ravel(), y.ravel()]).reshape(x.shape), cmap=plt.cm.Spectral)
    plt.scatter(X[0], X[1], c=Y[0], s=8, cmap=plt.cm.Spectral, edgecolors="k", linewidths=0.3)
    plt.show()


def make_circles(n_samples: int, noise: float) -> tuple[Floats, NDArray[np.int64]]:
    """Return scikit-learn's two rings, drawn from NumPy's global state as there: what is drawn next depends on it."""
    angles = np.linspace(0, 2 * np.pi, n_samples // 2, endpoint=False)
    ring = np.array([np.cos(angles), np.sin(angles)])
    X, y = np.hstack([ring, 0.8 * ring]).T, np.repeat([0, 1], n_samples // 2)
    order = np.arange(n_samples)
    np.random.shuffle(order)
    X = X[order]
    return X + np.random.normal(scale=noise, size=X.shape), y[order]


def course_test(short: str, function: Callable[[list[int]], Parameters]) -> None:
    """Do what the course's visible test does: one call, its types, shapes and values."""
    scope: dict[str, object] = {"np": np}
    exec(function_cell(short, "new", WEIGHTS[short], BIASES), scope)
    wanted = scope[f"initialize_parameters_{short}"](COURSE_TEST[short])
    parameters = function(COURSE_TEST[short])
    assert set(parameters) == set(wanted), f"The dictionary has to hold {', '.join(wanted)}"
    for name, value in wanted.items():
        assert isinstance(parameters[name], np.ndarray), f"{name} has to be a NumPy array"
        assert parameters[name].shape == value.shape, f"{name} has another shape than expected"
        assert np.allclose(parameters[name], value), f"{name} has other values than expected"
    print("\033[92mAll tests passed.\033[0m")


class Trainer:
    """Trains the model of exercise.md section 1; equal parameters are trained once."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], Trained] = {}

    def train(self, parameters: Parameters, X: Floats, Y: Floats) -> Trained:
        names = [name for name in sorted(parameters) if re.fullmatch(r"[Wb]\d", name)]
        key = tuple((name, type(parameters[name]), repr(np.shape(parameters[name]))) for name in names)
        key += tuple(np.asarray(parameters[name], dtype=np.float64).tobytes() for name in names)
        if key not in self._known:
            self._known[key] = self._train(parameters, X, Y)
        return self._known[key]

    @staticmethod
    def _train(parameters: Parameters, X: Floats, Y: Floats) -> Trained:
        costs = []
        with warnings.catch_warnings(record=True) as caught, np.errstate(all="warn", under="ignore"):
            warnings.simplefilter("always")
            for iteration in range(15_000):
                a3, cache = forward_propagation(X, parameters)
                if iteration % 1000 == 0:
                    costs.append((iteration, compute_loss(a3, Y)))
                parameters = update_parameters(parameters, backward_propagation(X, Y, cache), 0.01)
        said = dict.fromkeys(f"RuntimeWarning: {warning.message}" for warning in caught)
        return Trained(parameters, tuple(costs), tuple(said))


# --- running a notebook --------------------------------------------------------------------------------------------


class Session:
    """One student's Python: runs cells one after the other and keeps what they print, draw and raise."""

    def __init__(self, trainer: Trainer) -> None:
        self.accuracies: dict[str, list[str]] = {}
        self._trainer = trainer
        self._names: dict[str, object] = {"__name__": "__main__", "get_ipython": mock.MagicMock}
        self._sources: dict[str, list[str]] = {}
        self._outputs: list[dict[str, object]] = []
        self._printed = io.StringIO()

    def run(self, cells: list[Cell], sample: Sample) -> list[Cell]:
        """Return the cells with their outputs; every trace of the run is undone in this process."""
        old = sample.course == "old"  # it ran on a NumPy that printed in another way and had np.float
        numbers, done = count(1), []
        with (
            lent(sys.modules, self._modules()),
            lent(vars(np), {"float": float} if old else {}),
            mock.patch.object(plt, "show", self._show),
            np.errstate(all="ignore"),
            plt.rc_context({"figure.dpi": 60, "savefig.dpi": 60, "figure.figsize": (4, 3), "font.size": 8}),
            np.printoptions(legacy="1.13" if old else False),
        ):
            exec("import numpy as np\n" + sample.deleted, self._names)
            for cell in cells:
                known = sample.ran is None or sum(other.count is not None for other in done) < sample.ran
                done.append(self._run(cell, next(numbers)) if cell.kind == "code" and known else cell)
        return done

    def _run(self, cell: Cell, number: int) -> Cell:
        self._outputs, self._printed = [], io.StringIO()
        file, code = f"<cell {number}>", as_python(cell.source)
        self._sources[file] = code.split("\n")
        try:
            with contextlib.redirect_stdout(self._printed), patience():
                exec(compile(code, file, "exec"), self._names)
                self._wrap_model()
        except (Exception, KeyboardInterrupt) as error:
            self._show()
            self._outputs.append(self._error(error))
        self._show()
        return replace(cell, count=number, outputs=tuple(self._outputs))

    def _wrap_model(self) -> None:
        """Let the notebook's own `model` make the first parameters, and the trainer, which remembers, do the rest."""
        model = self._names.get("model")
        if isinstance(model, types.FunctionType) and model.__code__.co_filename != __file__:

            def wrapped(X: Floats, Y: Floats, initialization: str = "he") -> Parameters:
                with mock.patch.object(plt, "show", plt.close):
                    parameters = model(X, Y, num_iterations=0, initialization=initialization)
                self.accuracies[initialization] = []
                return self._told(self._trainer.train(parameters, X, Y))

            self._names["model"] = wrapped

    def _told(self, trained: Trained) -> Parameters:
        """Print and draw what `model` does."""
        if trained.warned:
            text = "".join(f"init_utils.py: {warned}\n" for warned in trained.warned)
            self._outputs.append({"name": "stderr", "output_type": "stream", "text": text})
        for iteration, cost in trained.costs:
            print(f"Cost after iteration {iteration}: {cost}")
        plt.plot([cost for _, cost in trained.costs])
        plt.ylabel("cost")
        plt.xlabel("iterations (thousands)")
        plt.title("Learning rate = 0.01")
        plt.show()
        return trained.parameters

    def _predict(self, X: Floats, y: Floats, parameters: Parameters) -> NDArray[np.int64]:
        p = np.int64(predict_dec(parameters, X))
        accuracy = str(np.mean(p[0, :] == y[0, :]))
        print("Accuracy: " + accuracy)
        self.accuracies[next(reversed(self.accuracies))].append(accuracy)
        return p

    def _modules(self) -> dict[str, types.ModuleType]:
        functions = (forward_propagation, backward_propagation, update_parameters, compute_loss)
        utils = module("init_utils", *functions, predict_dec, plot_decision_boundary, predict=self._predict)
        tests = {f"initialize_parameters_{short}_test": test_of(short) for short in SIZES}
        datasets = module("sklearn.datasets", make_circles)
        return {
            "init_utils": utils,
            "public_tests": module("public_tests", **tests),
            "sklearn": module("sklearn", datasets=datasets),
            "sklearn.datasets": datasets,
        }

    def _show(self) -> None:
        """Put what was printed and drawn since the last time to the cell's outputs."""
        if text := self._printed.getvalue():
            self._outputs.append({"name": "stdout", "output_type": "stream", "text": text})
            self._printed.seek(0)
            self._printed.truncate()
        for number in plt.get_fignums():
            self._outputs.append(picture(plt.figure(number)))
        plt.close("all")

    def _error(self, error: BaseException) -> dict[str, object]:
        """Return the output of an exception as Jupyter shows it: the lines of the notebook that led to it."""
        kind, message = type(error).__name__, error.msg if isinstance(error, SyntaxError) else str(error)
        end = f"\x1b[31m{kind}\x1b[39m: {message}"
        if isinstance(error, SyntaxError):
            lines = [self._excerpt(error.filename, error.lineno, "")]
        else:
            frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in self._sources]
            title = f"\x1b[31m{kind}\x1b[39m{'Traceback (most recent call last)':>60}"
            lines = ["\x1b[31m" + "-" * 75 + "\x1b[39m", title]
            lines += [self._excerpt(frame.filename, frame.lineno, frame.name) for frame in frames]
        return {"ename": kind, "evalue": message, "output_type": "error", "traceback": [*lines, end]}

    def _excerpt(self, file: str, at: int, function: str) -> str:
        """Return a line of a cell with its neighbours, an arrow beside it."""
        source = self._sources[file]
        where = f", in {function}" if function.isidentifier() else ""
        shown = [
            f"{'---->' if line == at else '     '} {line:>2} {source[line - 1]}"
            for line in range(max(1, at - 1), min(len(source), at + 1) + 1)
        ]
        return "\n".join([f"\x1b[36mCell In[{file[6:-1]}], line {at}{where}\x1b[39m", *shown])


@contextlib.contextmanager
def lent(names: dict[str, object], new: Mapping[str, object]) -> Iterator[None]:
    """Add names that are not there for a while."""
    names.update(new)
    try:
        yield
    finally:
        for name in new:
            del names[name]


def module(name: str, *functions: Callable[..., object], **others: object) -> types.ModuleType:
    """Return a module made of these functions."""
    made = types.ModuleType(name)
    vars(made).update({function.__name__: function for function in functions}, **others)
    return made


def test_of(short: str) -> Callable[[Callable[[list[int]], Parameters]], None]:
    return lambda function: course_test(short, function)


def picture(figure: plt.Figure) -> dict[str, object]:
    """Return a figure as an output: few colours, to keep it small, and no metadata that would make its bytes differ."""
    drawn, file = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", bbox_inches="tight")
    Image.open(drawn).convert("RGB").quantize(32).save(file, format="png", optimize=True)
    text = base64.b64encode(file.getvalue()).decode() + "\n"
    data = {"image/png": text, "text/plain": ["<Figure size 240x180 with 1 Axes>"]}
    return {"data": data, "metadata": {}, "output_type": "display_data"}


def as_python(source: str) -> str:
    """Return a cell's code as IPython hands it to Python."""
    lines = source.replace("\r\n", "\n").split("\n")
    indent = re.match(r" *", lines[0]).group()
    return "\n".join("pass" if re.match("[%!]", line) else line.removeprefix(indent) for line in lines)


@contextlib.contextmanager
def patience() -> Iterator[None]:
    """Interrupt a cell, as the stop button does, when its own lines seem to run for ever."""
    lines = count()

    def trace(frame: types.FrameType, event: str, _: object) -> Callable[..., object] | None:
        if not frame.f_code.co_filename.startswith("<cell"):
            return None
        if event == "line" and next(lines) > PATIENCE_LINES:
            raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)


# --- writing files -------------------------------------------------------------------------------------------------

VERSIONS = {"new": ("3.11.7", (4, 5)), "old": ("3.6.0", (4, 2))}  # of Python and of the notebook format


def as_notebook(sample: Sample, cells: list[Cell]) -> str:
    """Return the text of an .ipynb file, as Jupyter writes it."""
    python, (major, minor) = VERSIONS[sample.course]
    document = {
        "cells": [as_json(cell, cell_id(sample, at) if minor >= 5 else None) for at, cell in enumerate(cells)],
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"file_extension": ".py", "name": "python", "version": python},
        },
        "nbformat": major,
        "nbformat_minor": minor,
    }
    return json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def as_json(cell: Cell, identity: str | None) -> dict[str, object]:
    known = {"cell_type": cell.kind, "metadata": cell.metadata, "source": cell.source.splitlines(keepends=True)}
    if identity:
        known["id"] = identity
    if cell.kind == "code":
        known |= {"execution_count": cell.count, "outputs": [split(output) for output in cell.outputs]}
    return known


def split(output: Mapping[str, object]) -> dict[str, object]:
    """Return an output with its text as a list of lines."""
    text = output.get("text")
    return {**output, **({"text": text.splitlines(keepends=True)} if isinstance(text, str) else {})}


def cell_id(sample: Sample, at: int) -> str:
    return hashlib.sha256(f"{sample.name} {at}".encode()).hexdigest()[:8]


def cut_off(sample: Sample, cells: list[Cell]) -> str:
    """Return a notebook that breaks off in a picture after the last function, as after a failed upload."""
    text = as_notebook(sample, cells)
    return text[: text.index('"image/png"', text.index("def initialize_parameters_he")) + 3000]


def as_percent_script(_: Sample, cells: list[Cell]) -> str:
    """Return a script in cells, as Spyder and VS Code write it."""
    return "\n".join(
        f"# %% [markdown]\n{commented(cell.source)}\n" if cell.kind == "markdown" else f"# %%\n{plain(cell.source)}\n"
        for cell in cells
    )


def as_exported_script(_: Sample, cells: list[Cell]) -> str:
    """Return what `jupyter nbconvert --to script` makes of a notebook."""
    magic = ("%matplotlib inline", "get_ipython().run_line_magic('matplotlib', 'inline')")
    numbers, parts = count(1), ["#!/usr/bin/env python\n# coding: utf-8\n"]
    for cell in cells:
        code = cell.source.replace(*magic)
        parts.append(commented(code) + "\n" if cell.kind == "markdown" else f"# In[{next(numbers)}]:\n\n\n{code}\n\n")
    return "\n".join(parts)


def commented(text: str) -> str:
    return "\n".join(f"# {line}".rstrip() for line in text.split("\n"))


def plain(code: str) -> str:
    return "\n".join(f"# {line}" if line.startswith("%") else line for line in code.split("\n"))


def nothing(_: Sample, __: list[Cell]) -> str:
    return ""


# --- what grading must give ----------------------------------------------------------------------------------------

FACTS = {  # of the right functions
    "zeros": {"distribution": "zeros", "biases": "zeros", "course_test": "passed"},
    "random": {
        "scale_formula": "10",
        "seed": 3,
        "seed_status": "as_required",
        "distribution": "normal",
        "biases": "zeros",
        "course_test": "passed",
    },
    "he": {
        "scale_formula": "sqrt(2/n_in)",
        "seed": 3,
        "seed_status": "as_required",
        "distribution": "normal",
        "biases": "zeros",
        "course_test": "passed",
    },
}
EXPECTED = """# What grading each sample must give; written by tests/support/samples.py, which says how each one is made.
# A fact that is not listed is not asked for.
"""


def expected(samples: Sequence[Sample]) -> str:
    """Return the table of expected results as TOML."""
    return EXPECTED + "".join(map(rows, samples))


def rows(sample: Sample) -> str:
    score = float(sum(part.points for part in sample.parts.values()))
    head = {"file": sample.file, "shows": sample.shows, "notebook": sample.notebook, "score": score}
    text = "\n" + table(sample.name, head)
    for short, part in sample.parts.items():
        row = {"status": part.status, "points": float(part.points), "causes": list(part.causes)}
        facts = {**FACTS[short], **part.facts} if part.status == "graded" else {}
        row |= {name: fact for name, fact in facts.items() if fact is not None}
        text += table(f"{sample.name}.{short}", row)
    return text


def table(name: str, row: Mapping[str, object]) -> str:
    """A table of TOML; JSON writes its values as TOML does."""
    lines = (f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in row.items())
    return f"[{name}]\n{''.join(lines)}"


# --- edits of whole notebooks --------------------------------------------------------------------------------------

Edit = Callable[[list[Cell]], list[Cell]]


def rewritten(role: str, *edits: tuple[str, str]) -> Edit:
    """Edit the source of one cell."""
    return lambda cells: [
        replace(cell, source=edited(cell.source, *edits)) if cell.role == role else cell for cell in cells
    ]


def starting(role: str, text: str) -> Edit:
    """Put a text before the source of one cell."""
    return lambda cells: [replace(cell, source=text + cell.source) if cell.role == role else cell for cell in cells]


def inserted(role: str, *new: Cell) -> Edit:
    """Put new cells before the one of this role."""
    return lambda cells: [each for cell in cells for each in ((*new, cell) if cell.role == role else (cell,))]


def chained(*edits: Edit) -> Edit:
    def chain(cells: list[Cell]) -> list[Cell]:
        for edit in edits:
            cells = edit(cells)
        return cells

    return chain


def windows_lines(role: str) -> Edit:
    """Give one cell the line endings of Windows."""
    return lambda cells: [
        replace(cell, source=cell.source.replace("\n", "\r\n")) if cell.role == role else cell for cell in cells
    ]


def timed(cells: list[Cell]) -> list[Cell]:
    """Add what `%%time` prints."""
    said = "CPU times: user 4 µs, sys: 1 µs, total: 5 µs\nWall time: 8.11 µs\n"
    stream = {"name": "stdout", "output_type": "stream", "text": said}
    return [replace(cell, outputs=(stream,)) if cell.source.startswith("%%time") else cell for cell in cells]


def run_again(cells: list[Cell]) -> list[Cell]:
    """Number the cells as if the first half had been run once more at the end."""
    codes = max(cell.count or 0 for cell in cells)
    return [
        replace(cell, count=cell.count + codes) if cell.count and cell.count <= codes // 2 else cell for cell in cells
    ]


# --- functions that are more than a small edit away ----------------------------------------------------------------

HARD_CODED = {
    short: f"""# GRADED FUNCTION: initialize_parameters_{short}

def initialize_parameters_{short}(layers_dims):
    np.random.seed(3)
    parameters = {{}}

    # YOUR CODE STARTS HERE
    parameters['W1'] = np.random.randn({n1}, {n0}) * {first}
    parameters['b1'] = np.zeros(({n1}, 1))
    parameters['W2'] = np.random.randn(1, {n1}) * {second}
    parameters['b2'] = np.zeros((1, 1))
    # YOUR CODE ENDS HERE

    return parameters"""
    for short, n0, n1, first, second in (
        ("random", 3, 2, "10", "10"),
        ("he", 2, 4, "np.sqrt(2 / 2)", "np.sqrt(2 / 4)"),
    )
}
FOR_EVER = """# GRADED FUNCTION: initialize_parameters_random

def initialize_parameters_random(layers_dims):
    np.random.seed(3)
    parameters = {}
    L = len(layers_dims)

    # YOUR CODE STARTS HERE
    l = 1
    while l < L:
        parameters['W' + str(l)] = np.random.randn(layers_dims[l], layers_dims[l-1]) * 10
        parameters['b' + str(l)] = np.zeros((layers_dims[l], 1))
    # YOUR CODE ENDS HERE

    return parameters"""
CLASS_METHODS = {
    "zeros": """class Initializer:

    def __init__(self, seed=3):
        self.seed = seed

    def initialize_parameters_zeros(self, layers_dims):
        parameters = {}
        for l in range(1, len(layers_dims)):
            parameters['W' + str(l)] = np.zeros((layers_dims[l], layers_dims[l-1]))
            parameters['b' + str(l)] = np.zeros((layers_dims[l], 1))
        return parameters

    def initialize_parameters_random(self, layers_dims):
        np.random.seed(self.seed)
        parameters = {}
        for l in range(1, len(layers_dims)):
            parameters['W' + str(l)] = np.random.randn(layers_dims[l], layers_dims[l-1]) * 10
            parameters['b' + str(l)] = np.zeros((layers_dims[l], 1))
        return parameters""",
    "random": "# see the class above\ninitializer = Initializer(seed=3)",
}
BRITISH = ("def initialize_parameters_he", "def initialise_parameters_he")
MY_NAMES = chained(
    rewritten(
        "model",
        ("initialize_parameters_zeros(", "Initializer().initialize_parameters_zeros("),
        ("initialize_parameters_random(", "Initializer().initialize_parameters_random("),
        ("initialize_parameters_he(", "initialise_parameters_he("),
    ),
    rewritten("zeros_test", ("= initialize", "= Initializer().initialize")),
    rewritten("random_test", ("= initialize", "= initializer.initialize")),
    rewritten("he_test", ("= initialize_", "= initialise_")),
)
FIRST_TRY = Cell(
    "code",
    """# first try
def initialize_parameters_zeros(layers_dims):
    parameters = {}
    for l in range(1, len(layers_dims)):
        parameters['W' + str(l)] = np.ones((layers_dims[l], layers_dims[l-1]))
        parameters['b' + str(l)] = np.ones((layers_dims[l], 1))
    return parameters""",
)
SCRATCH = Cell("code", "# to see the sizes\nfor l in range(1, len([2, 10, 5, 1]):\n    print(l)")
ODDITIES = chained(
    rewritten(
        "imports",
        ("import numpy", "!pip install -q scikit-learn\nget_ipython().run_line_magic('config', '')\nimport numpy"),
    ),
    inserted("zeros", FIRST_TRY, SCRATCH),
    starting("random", " "),
    starting("he", "%%time\n"),
    windows_lines("he"),
)
HOSTILE_TEXT = Cell(
    "markdown",
    """My notes <script>alert(1)</script> <img src=x onerror=alert(1)> \x1b[31mred\x1b[0m

=HYPERLINK("http://example.org","click") `</pre></code><script>alert(2)</script>`""",
)
HOSTILE_COMMENT = ("# (≈ 2 lines of code)", "# <script>alert(1)</script> </textarea> \x1b[32m {{ 7 * 7 }} {% raw %}")
HOSTILE_ERROR = (
    "    parameters = {}\n",
    r"""    parameters = {}
    if layers_dims:
        raise ValueError("<script>alert(1)</script> \x1b[2J\x1b[31mall tests passed\x1b[0m")
""",
)


def regularization_cells(_: Sample) -> list[Cell]:
    """The notebook of a neighbouring exercise."""
    return [
        Cell("markdown", "# Regularization\n\nA network that learns its training points by heart is of little use."),
        Cell("code", "import numpy as np\nimport matplotlib.pyplot as plt\n\n%matplotlib inline"),
        Cell("markdown", "### Exercise 1 - compute_cost_with_regularization\n\nAdd the L2 term to the cross-entropy."),
        Cell("code", L2_COST),
        Cell("code", L2_PRINTED),
        Cell("markdown", "### Exercise 2 - drop_units\n\nKeep a unit with probability keep_prob, and scale it up."),
        Cell("code", DROPOUT),
        Cell("code", "print(drop_units(np.ones((3, 4)), keep_prob=0.5, seed=1))"),
    ]


L2_COST = """# GRADED FUNCTION: compute_cost_with_regularization

def compute_cost_with_regularization(A3, Y, parameters, lambd):
    m = Y.shape[1]
    cross_entropy = -np.sum(Y * np.log(A3) + (1 - Y) * np.log(1 - A3)) / m
    ### START CODE HERE ### (1 line)
    L2 = lambd / (2 * m) * sum(np.sum(np.square(parameters[W])) for W in ("W1", "W2", "W3"))
    ### END CODE HERE ###
    return cross_entropy + L2"""
L2_PRINTED = """parameters = {"W1": np.ones((3, 2)), "W2": np.ones((2, 3)), "W3": np.ones((1, 2))}
A3 = np.array([[0.4, 0.2, 0.9]])
Y = np.array([[1, 0, 1]])
print("cost = " + str(compute_cost_with_regularization(A3, Y, parameters, lambd=0.1)))"""
DROPOUT = """# GRADED FUNCTION: drop_units

def drop_units(A, keep_prob, seed):
    np.random.seed(seed)
    ### START CODE HERE ### (2 lines)
    D = np.random.rand(*A.shape) < keep_prob
    return A * D / keep_prob
    ### END CODE HERE ###"""

# --- the table -----------------------------------------------------------------------------------------------------

NO_SEED = (SEED, "")
IN_THE_LOOP = ("        parameters['W'", "        np.random.seed(3)\n        parameters['W'")
STORED = ("    return parameters", "    parameters['L'] = L\n\n    return parameters")
NO_FACTS = {"scale_formula": None, "seed": None, "seed_status": None, "distribution": None}
SEEDLESS = {"seed": None, "seed_status": "missing"}
ABSENT = dict.fromkeys(SIZES, ended("missing"))

SAMPLES = (
    Sample("right", "everything right, the newer course", remark="He is the best choice for a network with ReLU."),
    Sample(
        "right_old_course",
        "everything right, the older course, with np.divide, ** 0.5 and 10.",
        random=Part(W=f"{RANDN} * 10."),
        he=Part(W=f"{RANDN} * np.divide(2., layers_dims[l-1]) ** 0.5"),
        course="old",
    ),
    Sample(
        "right_import_later",
        "everything right, with math.sqrt and its import in a later cell",
        he=Part(W=f"{RANDN} * math.sqrt(2. / layers_dims[l-1])"),
        before=inserted("he_test", Cell("code", "import math")),
        course="old",
    ),
    Sample(
        "scale_one_hundredth",
        "random weights times 0.01: the network stays where it starts",
        random=graded(7, "scale_constant", W=f"{RANDN} * 0.01", scale_formula="0.01"),
        remark="I do not understand why the random start is worse than guessing here. In the practice before this one "
        "I also multiplied by 0.01, and there it worked well.",
    ),
    Sample(
        "scale_one",
        "random weights without the factor 10",
        random=graded(7, "scale_constant", W=RANDN, scale_formula="1"),
        remark="Random is as good as He for me, so I do not see what was meant to go wrong with it.",
    ),
    Sample(
        "he_one_over_n",
        "He with sqrt(1 / n), which is Xavier's rule",
        he=graded(7, "scale_xavier", W=f"{RANDN} * np.sqrt(1 / layers_dims[l-1])", scale_formula="sqrt(1/n_in)"),
        course="old",
    ),
    Sample(
        "he_own_layer_size",
        "He with the size of the layer itself in place of the one before",
        he=graded(7, "scale_fan_out", W=f"{RANDN} * np.sqrt(2 / layers_dims[l])", scale_formula="sqrt(2/n_out)"),
        remark="He was hardly better than guessing. I must have misread the rule.",
    ),
    Sample(
        "he_without_root",
        "He with 2 / n, the root forgotten",
        he=graded(7, "scale_sqrt_missing", W=f"{RANDN} * (2 / layers_dims[l-1])", scale_formula="2/n_in"),
    ),
    Sample(
        "seed_missing",
        "no seed in random and he",
        random=graded(8, "seed_missing", NO_SEED, **SEEDLESS),
        he=graded(8, "seed_missing", NO_SEED, **SEEDLESS),
        remark="My numbers are not the expected ones, but the pictures look alike.",
    ),
    Sample(
        "seed_one",
        "seed 1 in place of 3 in he",
        he=graded(8, "seed_other", ("seed(3)", "seed(1)"), seed=1, seed_status="other"),
    ),
    Sample(
        "seed_in_the_loop",
        "the seed is set again for every layer in random",
        random=graded(8, "seed_per_layer", NO_SEED, IN_THE_LOOP, seed_status="reset_per_layer"),
    ),
    Sample(
        "seed_at_the_top",
        "the seed is set once, in the first cell, and not inside the functions",
        random=graded(8, "seed_outside", NO_SEED, seed=None, seed_status="outside_function"),
        he=graded(8, "seed_outside", NO_SEED, seed=None, seed_status="outside_function"),
        before=rewritten("imports", ("%matplotlib inline\n", "%matplotlib inline\nnp.random.seed(3)\n")),
        remark="I moved the seed to the first cell, so that it is not written twice.",
    ),
    Sample(
        "uniform",
        "rand in place of randn, so all weights are positive",
        random=graded(6, "uniform_not_normal", ("randn", "rand"), distribution="uniform"),
    ),
    Sample(
        "random_biases",
        "biases drawn between the weights, which displaces all weights after the first layer",
        random=graded(7, "bias_random", b="np.random.randn(layers_dims[l], 1)", biases="nonzero"),
    ),
    Sample(
        "flat_biases",
        "biases of shape (n,) in he",
        he=graded(8, "bias_shape", b="np.zeros(layers_dims[l])", biases="wrong_shape"),
        remark="The last model does not run and I could not find out why: the weights are the expected ones.",
    ),
    Sample(
        "transposed",
        "weights of shape (before, own) in random",
        random=graded(8, "transposed", W="np.random.randn(layers_dims[l-1], layers_dims[l]) * 10"),
        remark="The random model stops with an error about shapes.",
    ),
    Sample(
        "last_layer_missing",
        "the loop in he ends one layer too early",
        he=graded(8, "layer_missing", ("range(1, L + 1)", "range(1, L)")),
        remark="There is no W2 in the last part?",
    ),
    Sample(
        "extra_key",
        "the number of layers stored among the parameters",
        zeros=graded(6, "extra_keys", STORED),
        random=graded(8, "extra_keys", STORED),
        he=graded(8, "extra_keys", STORED),
        course="old",
    ),
    Sample(
        "hard_coded_sizes",
        "arrays written for the sizes in the example, whatever is asked for",
        random=graded(0, "hard_coded_dims", code=HARD_CODED["random"], **NO_FACTS, course_test="passed"),
        he=graded(0, "hard_coded_dims", code=HARD_CODED["he"], **NO_FACTS),
        remark="The first cells print the expected numbers, but model() stops with an error.",
    ),
    Sample(
        "global_math",
        "math.sqrt, but no cell imports math any more",
        he=ended("raised", cause="global_name", W=f"{RANDN} * math.sqrt(2 / layers_dims[l-1])"),
        deleted="import math",
    ),
    Sample(
        "np_float",
        "np.float in zeros, which NumPy has not had since 1.24",
        zeros=ended(
            "raised", cause="removed_numpy_name", W="np.zeros((layers_dims[l], layers_dims[l-1]), dtype=np.float)"
        ),
        course="old",
    ),
    Sample(
        "untouched_old_course",
        "the template of the older course, nothing filled in",
        **{short: untouched(short, "old") for short in SIZES},
        ran=2,
        course="old",
    ),
    Sample(
        "untouched",
        "the template of the newer course, nothing filled in: its cells do not parse",
        **{short: untouched(short, "new") for short in SIZES},
        ran=4,
    ),
    Sample(
        "syntax_error",
        "a bracket missing in he, the rest right",
        he=ended("syntax_error", W=f"{RANDN} * np.sqrt(2 / layers_dims[l-1]"),
        remark="",
    ),
    Sample(
        "endless_loop",
        "random never returns, the rest right",
        random=ended("timed_out", code=FOR_EVER),
        remark="The second part takes very long on my computer, so I stopped it.",
    ),
    Sample(
        "class_and_other_name",
        "two functions as methods of a class, the third under another name",
        zeros=ended("missing", code=CLASS_METHODS["zeros"]),
        random=ended("missing", code=CLASS_METHODS["random"]),
        he=ended("missing", BRITISH),
        before=MY_NAMES,
        course="old",
    ),
    Sample(
        "odd_but_right",
        "magics, a leading space, another cell is broken, CRLF, an earlier attempt is still there, cells run out of order: all right",
        before=ODDITIES,
        after=chained(timed, run_again),
        notebook="repaired",
    ),
    Sample(
        "stale_output",
        "random was fixed to 10, but its cells were not run again: the output is still that of 0.01",
        before=rewritten("random", (f"{RANDN} * 10", f"{RANDN} * 0.01")),
        after=rewritten("random", (f"{RANDN} * 0.01", f"{RANDN} * 10")),
        remark="Small numbers do worse here. I put 10 in the end because the text asks for it.",
    ),
    Sample("cut_off", "the file breaks off after the third function", write=cut_off, notebook="repaired"),
    Sample("percent_script", "everything right, as a script with `# %%` cells", write=as_percent_script),
    Sample(
        "exported_script",
        "a script from nbconvert with its training code, no seed in random and he",
        random=graded(8, "seed_missing", NO_SEED, **SEEDLESS),
        he=graded(8, "seed_missing", NO_SEED, **SEEDLESS),
        write=as_exported_script,
        course="old",
    ),
    Sample(
        "regularization",
        "the notebook of another exercise",
        **ABSENT,
        cells=regularization_cells,
        notebook="wrong_notebook",
        course="old",
    ),
    Sample("empty", "an empty file", **ABSENT, write=nothing, notebook="unreadable"),
    Sample(
        "zeros_one_half",
        "all weights 0.5 in zeros: the units of a layer stay the same",
        zeros=graded(
            6, "weights_constant", W="np.full((layers_dims[l], layers_dims[l-1]), 0.5)", distribution="constant"
        ),
        remark="With all zeros nothing happened, so I tried one half.",
    ),
    Sample(
        "zeros_tiny_random",
        "tiny random weights in zeros",
        zeros=graded(6, "weights_not_zero", W=f"{RANDN} * 0.01", distribution="normal"),
        remark="With all zeros the network could not learn, so I took very small numbers.",
    ),
    Sample(
        "nested_lists",
        "lists in place of arrays in random",
        random=graded(8, "wrong_type", W=f"({RANDN} * 10).tolist()", b=f"{BIASES}.tolist()"),
        remark="The numbers of the second part are right, but the training stops.",
    ),
    Sample(
        "hostile_text",
        "scripts, terminal escapes and spreadsheet formulas in the text, in a comment and in an exception",
        random=Part(edits=(HOSTILE_COMMENT,)),
        he=ended("raised", HOSTILE_ERROR),
        before=inserted("zeros", HOSTILE_TEXT),
        remark="<script>alert(3)</script>",
    ),
)


# --- main ----------------------------------------------------------------------------------------------------------


def finished(sample: Sample, trainer: Trainer) -> list[Cell]:
    """Return the cells that are handed in, run where the file keeps outputs."""
    cells = sample.before(sample.cells(sample))
    if sample.write not in (as_notebook, cut_off):
        return cells
    session = Session(trainer)
    cells = sample.after(session.run(cells, sample))
    return cells + ([conclusions(session.accuracies, sample.remark)] if session.accuracies else [])


def check_published(sample: Sample, cells: list[Cell]) -> None:
    """Raise unless a notebook printed the results that the course's own copies print."""
    for (name, short), (*wanted, within) in PUBLISHED.items():
        if name == sample.name:
            cell = next(cell for cell in cells if cell.role == f"{short}_train")
            text = "".join(str(output.get("text", "")) for output in cell.outputs)
            found = re.findall(r"Accuracy: (.*)", text) + re.findall(r"iteration (?:0|14000): (.*)", text)
            np.testing.assert_allclose([float(number) for number in found], wanted, rtol=0, atol=within)


def main() -> None:
    """Write every sample and the table of expected results."""
    mpl.use("Agg")
    FOLDER.mkdir(exist_ok=True)
    trainer = Trainer()
    for sample in SAMPLES:
        cells = finished(sample, trainer)
        check_published(sample, cells)
        (FOLDER / sample.file).write_bytes(sample.write(sample, cells).encode())
    (FOLDER / "expected.toml").write_text(expected(SAMPLES), encoding="utf-8")


if __name__ == "__main__":
    main()
