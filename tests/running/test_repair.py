"""Proof by repair: one edit that makes every number right names the line; two faults, or two lines, name none."""

from __future__ import annotations

import io
import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import get_args

import builders
import msgspec
import pytest
from notebooks import HE, IMPORTS, NAMES, RANDOM, ZEROS, edit, notebook, solved, write
from rich.console import Console

from grader import api as service
from grader.classroom import batch
from grader.explaining import known_fault
from grader.memo import RememberingPipeline
from grader.messages import say
from grader.reading.extract import extract
from grader.reading.notebook import parse, read
from grader.records import (
    Array,
    Evidence,
    Function,
    FunctionEvidence,
    KnownFault,
    Place,
    Repair,
    RepairKind,
    Result,
    Show,
    Unit,
)
from grader.records.places import with_names
from grader.rendering import gradebook, html, terminal
from grader.running.gather import Gatherer
from grader.running.repair import MOST_CANDIDATES, prove
from grader.running.repair.catalogue import candidates, wanted
from grader.running.repair.code import code_of
from grader.running.sandbox import Sandbox
from grader.running.sandbox.server import ForkServer, OnceServer
from grader.running.solution import Solution
from grader.running.train import Trainer

EXERCISE = service.load_exercise()
TASKS = {task.short: task for task in EXERCISE.tasks}
RIGHT = {"zeros": ZEROS, "random": RANDOM, "he": HE}
SOLVED = extract(read(EXERCISE.folder / "solution.ipynb"), EXERCISE.names, EXERCISE.given)[1]
SOLUTION = Solution(SOLVED, Sandbox(EXERCISE.limits))

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the fork server is for Linux")


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """Give honest searches as long as a busy machine needs; what hangs is given less."""
    monkeypatch.setattr("grader.running.repair.SEARCH_SECONDS", 60.0)


@pytest.fixture
def jobs(monkeypatch) -> list[float | None]:
    """The seconds that each job of a fork server may wait, in their order, but for the solution's own."""
    seconds: list[float | None] = []

    def run(server, job, layers=None, wall_seconds=None, *, stays=False):
        if server is not SOLUTION.sandbox.server:
            seconds.append(wall_seconds)
        return real_run(server, job, layers, wall_seconds, stays=stays)

    def go_on(server, job, wall_seconds):
        if server is not SOLUTION.sandbox.server:
            seconds.append(wall_seconds)
        return real_go_on(server, job, wall_seconds)

    real_run, real_go_on = ForkServer.run, ForkServer.go_on
    monkeypatch.setattr(ForkServer, "run", run)
    monkeypatch.setattr(ForkServer, "go_on", go_on)
    return seconds


@pytest.fixture(scope="module")
def gatherer():
    with Sandbox(EXERCISE.limits) as sandbox:
        yield Gatherer(EXERCISE, sandbox, Trainer(EXERCISE.model), b"a secret of the tests")
    SOLUTION.sandbox.close()


def extracted(short: str, source: str, before: str = IMPORTS) -> Function:
    notebook_read = parse(notebook(before, source), "a.ipynb")
    return extract(notebook_read, EXERCISE.names, EXERCISE.given)[1][TASKS[short].name]


def search(gatherer: Gatherer, short: str, source: str, before: str = IMPORTS) -> tuple[Repair, ...]:
    """Run a function as the pipeline does, without training it, and try its repairs."""
    function = extracted(short, source, before)
    assert function.status == "found"
    calls = gatherer.calls(function)
    evidence = FunctionEvidence(function, gatherer.sandbox.run(function, calls))
    return repairs(evidence, SOLUTION.outcomes(function.name, calls), SOLVED[function.name], gatherer.sandbox)


def repairs(evidence, right, solution, sandbox) -> tuple[Repair, ...]:
    found = prove(evidence, right, solution, sandbox)
    return found.repairs if found else ()


W_RANDOM = "np.random.randn(layers_dims[l], layers_dims[l-1]) * 10"
W_HE = "np.random.randn(layers_dims[l], layers_dims[l-1]) * np.sqrt(2 / layers_dims[l-1])"
BIAS = "np.zeros((layers_dims[l], 1))"
RANDN = "np.random.randn(layers_dims[l], layers_dims[l-1])"
SEED = "    np.random.seed(3)\n"
LOOP = "    for l in range(1, L):\n"

# function, edits of the right one, kind and line of what is found
ONE_FAULT: list[tuple[str, list[tuple[str, str]], RepairKind, int]] = [
    ("random", [("* 10", "* 0.01")], "constant", 6),
    ("random", [(RANDN, f"0.01 * {RANDN}"), (") * 10", ")")], "constant", 6),
    ("random", [("* 10", "* 10 * 0.01")], "constant", 6),
    ("random", [(" * 10", "")], "factor", 6),
    ("random", [("* 10", "* np.sqrt(2 / layers_dims[l-1])")], "factor", 6),
    ("random", [("* 10", "/ 10")], "factor", 6),
    ("random", [("* 10", "* 10 + 1")], "factor", 6),
    ("he", [("np.sqrt(2 /", "np.sqrt(1 /")], "constant", 6),
    ("he", [("np.sqrt(2 / layers_dims[l-1])", "(2 / layers_dims[l-1])")], "root", 6),
    ("he", [("np.sqrt(2 / layers_dims[l-1])", "2 / layers_dims[l-1]")], "root", 6),
    ("he", [("np.sqrt(2 / layers_dims[l-1])", "np.sqrt(2) / layers_dims[l-1]")], "root", 6),
    ("he", [("np.sqrt(2 / layers_dims[l-1])", "(np.sqrt(2) / layers_dims[l-1])")], "root", 6),
    ("he", [("np.sqrt(2 / layers_dims[l-1])", "np.sqrt(layers_dims[l-1] / 2)")], "root", 6),
    ("he", [("np.sqrt(2 /", "np.sqrt(2 //")], "factor", 6),
    ("he", [("2 / layers_dims[l-1])", "2 / (layers_dims[l-1] + layers_dims[l]))")], "factor", 6),
    ("he", [("np.sqrt(2 / layers_dims[l-1])", "np.sqrt(2 / layers_dims[l])")], "index", 6),
    ("he", [("np.sqrt(2 / layers_dims[l-1])", "np.sqrt(2 / layers_dims[1])")], "index", 6),
    ("he", [("np.sqrt(2 / layers_dims[l-1])", "np.sqrt(2 / layers_dims[l-1]) * 0.01")], "constant", 6),
    ("random", [(SEED, "")], "seed", 2),
    ("he", [("seed(3)", "seed(1)")], "seed", 2),
    ("random", [(SEED, ""), (LOOP, LOOP + "    " + SEED)], "seed", 5),
    ("random", [(LOOP, LOOP + "    " + SEED)], "seed", 6),
    ("random", [("np.random.seed(3)", "np.random.seed(3); np.random.randn(2)")], "extra_line", 2),
    ("random", [("L = len", "np.random.rand()\n    L = len")], "extra_line", 4),
    ("random", [(BIAS, "np.random.randn(layers_dims[l], 1)")], "bias", 7),
    ("random", [(BIAS, "np.ones((layers_dims[l], 1))")], "bias", 7),
    ("random", [(BIAS, "np.zeros(layers_dims[l])")], "bias", 7),
    ("random", [(BIAS, "np.zeros((1, layers_dims[l]))")], "shape_order", 7),
    ("random", [(BIAS, "np.zeros(layers_dims[l], 1)")], "shape", 7),
    ("random", [(BIAS, "0")], "bias", 7),
    ("random", [("randn(", "rand(")], "draw", 6),
    ("random", [(RANDN, "np.random.random((layers_dims[l], layers_dims[l-1]))")], "draw", 6),
    ("random", [(RANDN, "np.random.uniform(-1, 1, (layers_dims[l], layers_dims[l-1]))")], "draw", 6),
    ("random", [(RANDN, "np.random.normal(0, 0.1, (layers_dims[l], layers_dims[l-1]))")], "constant", 6),
    ("random", [(RANDN, "np.random.normal(1, 2, size=(layers_dims[l], layers_dims[l-1]))")], "draw", 6),
    ("random", [(RANDN, "np.random.randn((layers_dims[l], layers_dims[l-1]))")], "shape", 6),
    (
        "random",
        [("np.random.seed(3)", "rng = np.random.default_rng(3)"), (RANDN, RANDN.replace("np.random.randn(", "rng.standard_normal((") + ")")],
        "draw",
        2,
    ),
    ("random", [(RANDN, "np.random.randn(layers_dims[l-1], layers_dims[l])")], "shape_order", 6),
    ("zeros", [("np.zeros((layers_dims[l], layers_dims[l-1]))", "np.zeros((layers_dims[l-1], layers_dims[l]))")], "shape_order", 5),
    ("zeros", [("np.zeros((layers_dims[l], layers_dims[l-1]))", "np.zeros((layers_dims[l], layers_dims[l-1])).T")], "shape_order", 5),
    ("zeros", [("np.zeros((layers_dims[l], layers_dims[l-1]))", "np.ones((layers_dims[l], layers_dims[l-1]))")], "draw", 5),
    ("zeros", [("np.zeros((layers_dims[l], layers_dims[l-1]))", f"{RANDN} * 0.01")], "draw", 5),
    ("zeros", [("layers_dims[l-1]))", "layers_dims[l-1]), dtype=int)")], "conversion", 5),
    ("zeros", [("layers_dims[l-1]))", "layers_dims[l-1]), dtype=np.float)")], "name", 5),
    ("random", [(f"{RANDN} * 10", f"({RANDN} * 10).astype(int)")], "conversion", 6),
    ("random", [(f"{RANDN} * 10", f"np.round({RANDN} * 10, 2)")], "conversion", 6),
    ("random", [("range(1, L)", "range(1, L - 1)")], "loop", 5),
    ("random", [("range(1, L)", "range(2, L)")], "loop", 5),
    ("random", [("    return parameters", "        return parameters")], "return", 8),
    ("random", [("    return", "    parameters['L'] = L\n    return")], "extra_line", 8),
    ("random", [("    parameters = {}\n", ""), (LOOP, LOOP + "        parameters = {}\n")], "order", 5),
    ("random", [("['b'", "['B'")], "key", 7),
    ("he", [("np.sqrt(", "math.sqrt(")], "name", 6),
    ("he", [("np.sqrt(2 / layers_dims[l-1])", "np.sqrt(2 / layer_dims[l-1])")], "name", 6),
]  # fmt: skip


@pytest.mark.parametrize(("short", "edits", "kind", "line"), ONE_FAULT)
def test_one_fault_is_found_at_its_line(gatherer, short, edits, kind, line):
    found = search(gatherer, short, edit(RIGHT[short], *edits))
    fault = known_fault(found, "line")

    assert fault is not None, found
    assert (fault.kind, fault.place) == (kind, Place(line, 2)), found


def test_every_kind_has_a_row_and_its_words():
    assert {row[2] for row in ONE_FAULT} == set(get_args(RepairKind))
    for kind in get_args(RepairKind):
        message_id = f"explaining.fault.look.{kind}"
        assert say(message_id) != message_id


@pytest.mark.parametrize(
    ("short", "edits"),
    [
        ("random", [(SEED, ""), ("* 10", "* 0.01")]),
        ("he", [("np.sqrt(2 /", "np.sqrt(1 /"), (BIAS, "np.zeros(layers_dims[l])")]),
        ("random", [("layers_dims[l]", "layers_dims[1]")]),
        ("random", [(f"{RANDN} * 10", "np.array([[17.88628473, 4.36509851, 0.96497468]])")]),
    ],
)
def test_two_faults_give_no_repair(gatherer, short, edits):
    assert search(gatherer, short, edit(RIGHT[short], *edits)) == ()


def test_two_lines_either_of_which_would_do_are_both_found_and_none_is_known(gatherer):
    found = search(gatherer, "random", edit(RANDOM, ("range(1, L)", "range(1, L + 1)")))
    assert {repair.place.line for repair in found} == {4, 5}
    assert known_fault(found, "line") is None


def test_a_right_function_is_not_tried(monkeypatch):
    monkeypatch.setattr(Sandbox, "run_variants", None)
    with RememberingPipeline(EXERCISE, b"a secret of the tests") as pipeline:
        for _ in range(2):  # the second time it is known to be right
            found = pipeline.collect(parse(solved(), "a.ipynb")).functions.values()
            assert [one.repairs for one in found] == [(), (), ()]


def test_lines_are_those_of_the_notebook_whatever_surrounds_them(gatherer):
    """Docstring, comments, a decorator, characters of several bytes and a statement of two lines before the fault."""
    source = edit(
        RANDOM,
        ("(layers_dims):\n", '(layers_dims):\n    """Größe → Gewichte.\n\n    Zweite Zeile.\n    """\n'),
        ("randn(layers_dims[l],", "randn(layers_dims[l],  # größe\n            "),
        ("* 10", "* 0.01"),
    )
    found = search(gatherer, "random", "# ünï\ndef same(f): return f\n\n@same\n" + source)
    fault = known_fault(found, "fix")
    assert with_names(fault, {}) == KnownFault(
        "constant",
        "With one change (cell 2, line 15), the function passes every check. Look at the number that you multiply by.",
        Place(15, 2),
        "layers_dims[l-1]) * 0.01",
        "layers_dims[l-1]) * 10",
    )


def test_a_function_of_one_line(gatherer):
    name = NAMES[1]
    source = (
        f"def {name}(d):  # one\n return {{k + str(l): (np.random.randn(d[l], d[l - 1]) * 10 if k == 'W' else np.zeros((d[l], 1))) "
        "for l in range(1, len(d)) for k in 'Wb'}\n"
    )
    (found,) = search(gatherer, "random", source)
    assert (found.kind, found.old, found.new) == ("seed", "", "np.random.seed(3)")


def test_numpy_goes_by_the_name_that_the_notebook_gives_it(gatherer):
    source = edit(RANDOM, ("np.", "numpy."), (f"    numpy{SEED[6:]}", ""))
    (found,) = search(gatherer, "random", source, before="import numpy")
    assert found.new == "numpy.random.seed(3)"


# --- hostile input -------------------------------------------------------------------------------------------------

HOSTILE = {
    "hangs when edited": "    if 10 == 3: sum(iter(int, 1))\n",
    "hangs through every error when edited": (
        "    while 10 == 3:\n        try:\n            while True: pass\n        except BaseException: pass\n"
    ),
    "sleeps when edited": "    import time\n    time.sleep(0 if 10 == 10 else 60)\n",
    "ends its process when edited": "    import os\n    if 10 == 3: os._exit(0)\n",
    "exits when edited": "    if 10 == 3: raise SystemExit\n",
    "returns a flood when edited": "    if 10 == 3: return {str(i): np.zeros(2 ** 20) for i in range(60)}\n",
}


@pytest.mark.parametrize("attack", HOSTILE)
def test_a_candidate_that_hangs_or_ends_everything_costs_little_and_gives_nothing_away(
    gatherer, attack, jobs, monkeypatch
):
    seconds = 60.0 if attack == "exits when edited" else 0.5
    with monkeypatch.context() as patch:
        patch.setattr("grader.running.repair.SEARCH_SECONDS", seconds)
        found = search(gatherer, "random", edit(RANDOM, ("* 10", "* 0.01"), (SEED, HOSTILE[attack] + SEED)))
    assert bool(found) == (attack == "exits when edited")
    assert jobs in ([None, seconds], [None, seconds, seconds])  # the function itself, then one pass or both
    assert search(gatherer, "random", edit(RANDOM, ("* 10", "* 0.01")))


WHILE = edit(
    RANDOM,
    (LOOP, "    l = 1\n    while l < L:\n"),
    ("\n    return", "\n        l += 1\n    return"),
)


@pytest.mark.parametrize(
    ("edits", "kind"),
    [
        ([("* 10", "* 0.01")], "constant"),
        ([("l < L", "l <= L")], "loop"),
        ([("l < L", "l < L - 1")], "factor"),
        ([(SEED, "")], "seed"),
    ],
)
def test_an_edit_that_makes_a_loop_endless_is_ended_by_its_steps(gatherer, jobs, edits, kind):
    found = search(gatherer, "random", edit(WHILE, *edits))
    assert found[0].kind == kind
    assert len(jobs) == 3  # the function itself, and each pass once: no child was ended for its time


def test_a_function_that_runs_many_lines_may_run_them_when_it_is_edited(gatherer):
    body = "    n = 0\n    while n < 20_000: n += 1\n"
    found = search(gatherer, "random", edit(RANDOM, ("* 10", "* 0.01"), (SEED, body + SEED)))
    assert found[0].kind == "constant"


@pytest.mark.parametrize(
    "body",
    [
        f"    x = {'(' * 150}1{')' * 150}\n",
        f"    x = {'-' * 600}1\n",
        f"    x = 1{' + 1' * 1400}\n",
        f"    x = 0x{'f' * 5000}\n",
        "    x = 1\n" * 1000,
        f"    x = {[0] * 1900}\n",
        "    x = f'{layers_dims[0]!r:>{10}} {\"a\" + str(3)}'\n",
        "    x = '\\ud800'; y = b'\\xff'; z = ...; w = None, True\n",
        "    x = 1;\ty = 2 \\\n  + 3\x0c\n",
        "    x = lambda: (yield)\n",
        "    match layers_dims:\n        case [1, *_]: pass\n",
    ],
)
def test_odd_and_huge_functions_are_survived(gatherer, body, jobs):
    plain = cpu_seconds(lambda: search(gatherer, "random", edit(RANDOM, ("* 10", "* 0.01"))))
    jobs.clear()
    assert cpu_seconds(lambda: survive(gatherer, body)) < 200 * plain
    assert len(jobs) <= 5  # the function itself, then two passes of the search, each in the old child or a new one


def cpu_seconds(work) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def survive(gatherer, body):
    function = extracted("random", edit(RANDOM, ("* 10", "* 0.01"), (SEED, body + SEED)))
    if function.status == "found":
        calls = gatherer.calls(function)
        outcomes = gatherer.sandbox.run(function, calls)
        right = SOLUTION.outcomes(function.name, calls)
        found = repairs(FunctionEvidence(function, outcomes), right, SOLVED[function.name], gatherer.sandbox)
        assert all(repair.place.line > 2 for repair in found)


@pytest.mark.parametrize("ended", ["timed_out", "crashed", "out_of_memory", "broken"])
def test_what_hung_or_died_is_not_tried(gatherer, ended):
    function = extracted("random", RANDOM)
    right = SOLUTION.outcomes(function.name, gatherer.calls(function))
    evidence = FunctionEvidence(function, (*right[:-1], replace(right[-1], ended=ended, arrays={})))
    assert repairs(evidence, right, SOLVED[function.name], None) == ()  # type: ignore[arg-type]  # never reached


# --- the catalogue -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("short", RIGHT)
def test_candidates_are_few_always_the_same_and_never_twice(short):
    function = extracted(short, RIGHT[short])
    want = wanted(SOLVED[function.name])
    once, again = list(candidates(function, want)), list(candidates(function, want))
    sources = [candidate.source for candidate in once]

    assert once == again
    assert len(set(sources)) == len(sources) <= MOST_CANDIDATES / 2
    assert RIGHT[short].rstrip() not in sources
    for candidate in once:
        compile(candidate.source, "candidate", "exec")


def test_what_is_put_in_comes_from_the_solution():
    seeds = [[source.value for source in wanted(SOLVED[name]).seeds] for name in NAMES]
    assert seeds == [[], [3], [3]]
    assert [wanted(SOLVED[name]).constants for name in NAMES] == [
        (1, "W", "b"),
        (1, 3, "W", 10, "b"),
        (1, 3, "W", 2, "b"),
    ]
    assert [factor.value for factor in wanted(SOLVED[NAMES[1]]).factors] == [10]


@pytest.mark.parametrize("source", ["f = lambda d: {}", "async def f(d): return {}", "g = 1", "def f(:"])
def test_only_a_function_written_with_def_is_edited(source):
    function = Function("f", "found", units=(Unit(source, Place(1, 1)),))
    assert code_of(function) is None
    assert list(candidates(function, wanted(SOLVED[NAMES[1]]))) == []
    assert wanted(function).constants == ()


# --- how much is told ----------------------------------------------------------------------------------------------

LINE = Place(6, 3)
SWAPPED = Repair("constant", LINE, "W = randn * 0.01", "W = randn * 10")
INSERTED = Repair("seed", LINE, "", "np.random.seed(3)")
SAID = "the function passes every check"
MULTIPLIED = "the number that you multiply by"


@pytest.mark.parametrize(
    ("repair", "show", "fault"),
    [
        (SWAPPED, "concept", KnownFault("constant", f"With one line changed, {SAID}. Look at {MULTIPLIED}.")),
        (
            SWAPPED,
            "line",
            KnownFault("constant", f"With one change (cell 3, line 6), {SAID}. Look at {MULTIPLIED}.", LINE),
        ),
        (
            SWAPPED,
            "fix",
            KnownFault(
                "constant",
                f"With one change (cell 3, line 6), {SAID}. Look at {MULTIPLIED}.",
                LINE,
                SWAPPED.old,
                SWAPPED.new,
            ),
        ),
        (
            INSERTED,
            "line",
            KnownFault(
                "seed",
                f"With one new line before cell 3, line 6, {SAID}. Look at {say('explaining.fault.look.seed.new')}.",
                LINE,
                is_new_line=True,
            ),
        ),
    ],
)
def test_what_each_setting_tells(repair: Repair, show: Show, fault: KnownFault):
    assert with_names(known_fault([repair], show), {}) == fault
    assert known_fault([], show) is None
    assert known_fault([repair, replace(repair, place=Place(7, 3))], show) is None


FAULT = known_fault([Repair("constant", LINE, f"W = 0.01 {builders.HOSTILE}", f"W = 10 {builders.HOSTILE}")], "fix")


def shown(fault: KnownFault | None) -> list[str]:
    """Every face of a result with this fault."""
    functions = {builders.RANDOM: builders.random(points=7.0, known=fault)}
    graded = builders.result(functions)
    console = Console(record=True, width=80, file=io.StringIO())
    terminal.show(graded, console)
    return [html.feedback_page(graded), console.export_text(), "\n".join(terminal.plain_lines(graded))]


def test_page_and_terminal_show_it_escaped():
    assert FAULT is not None
    faces = shown(FAULT)
    for face in faces:
        assert " ".join(face.split()).count(FAULT.message) == 1
        assert "W = 10" in face
        assert not {"\x1b", "\x9b", "\u202e"} & set(face)
    assert "<script" not in faces[0]


def test_page_and_terminal_say_nothing_of_what_is_not_known():
    for face in shown(None):
        assert "roved" not in face
        assert "PROVED" not in face


# --- from the file to the page -------------------------------------------------------------------------------------


def exercise_that_shows(folder: Path, show: str) -> Path:
    text = (EXERCISE.folder / "exercise.toml").read_text(encoding="utf-8")
    for name in ("solution.ipynb", "trainings.json"):
        write(folder, name, (EXERCISE.folder / name).read_bytes())
    return write(folder, "exercise.toml", edit(text, ('show = "line"', f'show = "{show}"')).encode()).parent


def known_of(folder: Path) -> dict[str, object] | None:
    found = json.loads((folder / "wrong" / "result.json").read_text(encoding="utf-8"))
    known: dict[str, object] | None = found["functions"][NAMES[1]]["known"]
    assert [found["functions"][name]["known"] for name in NAMES[::2]] == [None, None]
    return known


def test_batch_finds_it_once_and_regrade_tells_as_much_as_is_set_today(tmp_path, monkeypatch):
    source = write(tmp_path, "wrong.ipynb", solved(random=edit(RANDOM, ("* 10", "* 0.01"))))
    out = tmp_path / "out"
    batch.batch([source], out, EXERCISE)
    assert known_of(out) == {
        "kind": "constant",
        "message": "With one change (cell “def initialize_parameters_random(layers_dims):”, line 6), the function passes every check. Look at the number that you multiply by.",
        "place": {"line": 6, "cell": 3},
        "old": None,
        "new": None,
        "is_new_line": False,
    }
    assert "”, line 6), the function passes every check. Look at the number that you multiply by." in (
        out / "wrong" / "feedback.html"
    ).read_text(encoding="utf-8")

    monkeypatch.setattr(Sandbox, "run_variants", None)  # regrade runs no student code
    for show, place, tells in (("fix", {"line": 6, "cell": 3}, True), ("concept", None, False)):
        batch.regrade(out, service.load_exercise(str(exercise_that_shows(tmp_path / show, show))))
        known = known_of(out)
        page = (out / "wrong" / "feedback.html").read_text(encoding="utf-8")
        assert known is not None
        assert known["place"] == place
        assert (known["new"] is not None) == ("(layers_dims[l], layers_dims[l-1]) * 10" in page) == tells
        assert ("”, line 6), the function passes every check" in page) == tells


def test_equal_code_in_another_dress_has_its_own_lines_and_words_and_is_not_tried_again(monkeypatch):
    wrong = edit(RANDOM, ("* 10", "* 0.01"))
    dressed = edit(
        wrong, ("    parameters = {}\n", "    # nothing yet\n\n    parameters = {}\n"), ("* 0.01", "  *  0.01")
    )
    with RememberingPipeline(EXERCISE, b"a secret of the tests") as pipeline:
        first = pipeline.collect(parse(solved(random=wrong), "a.ipynb")).functions[NAMES[1]].repairs
        monkeypatch.setattr(Sandbox, "run_variants", None)
        second = pipeline.collect(parse(solved(random=dressed), "b.ipynb")).functions[NAMES[1]].repairs
    assert first
    assert [one.kind for one in first] == [one.kind for one in second]
    assert [one.place.line + 2 for one in first] == [one.place.line for one in second]
    assert second[0].old == first[0].old.replace(" * 0.01", "   *  0.01")
    assert second[0].new.replace(" ", "") == first[0].new.replace(" ", "")


def test_equal_code_is_judged_by_what_it_gave_each_time():
    """Code may hang on chance, and another NumPy may have run it when its evidence was stored."""
    with RememberingPipeline(EXERCISE, b"a secret of the tests") as pipeline:
        evidence = pipeline.collect(parse(solved(), "a.ipynb"))
        assert pipeline.judge(evidence).passed
        he = evidence.functions[NAMES[2]]
        halved = {name: Array.of(array.numpy() / 2) for name, array in he.outcomes[0].arrays.items()}
        other = replace(he, outcomes=(replace(he.outcomes[0], arrays=halved), *he.outcomes[1:]))
        result = pipeline.judge(replace(evidence, functions={**evidence.functions, NAMES[2]: other}))
        assert not result.functions[NAMES[2]].passed
        assert pipeline.judge(evidence).passed


def test_evidence_and_result_round_trip():
    with RememberingPipeline(EXERCISE, b"a secret of the tests") as pipeline:
        evidence = pipeline.collect(parse(solved(random=edit(RANDOM, ("* 10", "* 0.01"))), "a.ipynb"))
        assert evidence.functions[NAMES[1]].repairs
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(evidence), type=Evidence) == evidence
        result = pipeline.judge(evidence)
        assert msgspec.json.decode(msgspec.json.encode(result), type=Result) == result
        assert "KnownFault" in gradebook.schema()


def test_a_submission_whose_time_is_spent_is_not_searched(monkeypatch):
    with RememberingPipeline(EXERCISE, b"a secret of the tests") as pipeline:
        notebook_read = parse(solved(random=edit(RANDOM, ("* 10", "* 0.01"))), "a.ipynb")
        monkeypatch.setattr(pipeline.gatherer, "spent_seconds", 0.0)
        limits = replace(pipeline.gatherer.sandbox.limits, submission_seconds=0.0)
        evidence = pipeline.collect(notebook_read)
        assert evidence.functions[NAMES[1]].repairs
        monkeypatch.setattr(pipeline.gatherer.sandbox, "limits", limits)
        assert not pipeline.collect(notebook_read).functions[NAMES[1]].repairs


@pytest.mark.parametrize("show", ["everything", "Line", ""])
def test_another_setting_is_refused(tmp_path, show):
    with pytest.raises(service.RequestError, match="show"):
        service.load_exercise(str(exercise_that_shows(tmp_path, show)))


def test_without_a_safe_fork_the_same_is_found():
    with Sandbox(EXERCISE.limits) as sandbox:
        sandbox.server = OnceServer(EXERCISE.limits, 0)
        once = Gatherer(EXERCISE, sandbox, Trainer(EXERCISE.model), b"a secret of the tests")
        (found, *_) = search(once, "random", edit(RANDOM, ("* 10", "* 0.01")))
    assert (found.kind, found.place) == ("constant", Place(6, 2))


@pytest.mark.parametrize(
    ("old", "new", "look"),
    [
        ("W = np.random.randn(n, m)", "W = np.random.randn(n, m) * 10", "the factor of the random numbers"),
        ("W = f(n) * np.random.randn(n, m)", "W = np.random.randn(n, m) * 10", "the factor of the random numbers"),
        ("W = np.random.randn(n, m) + 1", "W = np.random.randn(n, m)", "what you multiply, divide or add"),
        ("W = np.random.randn(n * 2, m)", "W = np.random.randn(n, m)", "what you multiply, divide or add"),
        ("for l in range(n + 1):", "for l in range(n):", "what you multiply, divide or add"),
        ("W = " + "-" * 5000 + "x", "W = x", "what you multiply, divide or add"),
    ],
)
def test_a_factor_to_look_at_is_that_of_the_random_numbers_where_nothing_else_is_in_the_line(old, new, look):
    fault = known_fault([Repair("factor", LINE, old, new)], "line")
    assert fault is not None
    assert fault.message.endswith(f"Look at {look}.")


@pytest.mark.parametrize(
    ("old", "new", "look"),
    [
        ("W = randn * 0.01", "W = randn * 10", "the number that you multiply by"),
        ("W = 0.01 * randn", "W = 10 * randn", "the number that you multiply by"),
        ("sqrt(1 / n)", "sqrt(2 / n)", "the number that you divide"),
        ("W = randn / 3", "W = randn / 2", "the number that you divide by"),
        ("(2 / n) ** 0.1", "(2 / n) ** 0.5", "the exponent"),
        ("W = randn + 1", "W = randn + 0", "the number that you add or subtract"),
        ("f(-1)", "f(1)", "the number"),
    ],
)
def test_the_number_to_look_at_is_named_by_what_it_does(old, new, look):
    fault = known_fault([Repair("constant", LINE, old, new)], "line")
    assert fault is not None
    assert fault.message.endswith(f"Look at {look}.")
