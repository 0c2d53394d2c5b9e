"""Many edits in one text: whichever is chosen, the function does what it does with the edit's own text."""

from __future__ import annotations

import sys

import pytest
from notebooks import RANDOM, edit
from test_repair import EXERCISE, LOOP, ONE_FAULT, RANDN, RIGHT, SEED, SOLUTION, SOLVED, TASKS, extracted

from grader.records import Call, Function, FunctionEvidence
from grader.running.repair import prove
from grader.running.repair.catalogue import candidates, wanted
from grader.running.repair.code import code_of
from grader.running.repair.schemata import CHOSEN, schema
from grader.running.sandbox import Sandbox, Variants

CALLS = [Call((4, 3, 5, 2, 1), 1), Call((3, 2), 2)]
WRONG = edit(RANDOM, ("* 10", "* 0.01"))
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the fork server is for Linux")


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(EXERCISE.limits) as running:
        yield running


def both_ways(sandbox: Sandbox, function: Function):
    """Return what every candidate gives when it is chosen and with its own text, and how many have a number."""
    code = code_of(function)
    tried = list(candidates(function, wanted(SOLVED[function.name])))
    text, numbers = schema(code, tried)
    own = Variants(code.number, [function.units[code.number].source, *(one.source for one in tried)])
    chosen = Variants(code.number, [0, *numbers], text, CHOSEN)
    found = [sandbox.run_variants(function, variants, CALLS, 5.0) for variants in (chosen, own)]
    assert all(len(one) == len(tried) + 1 for one in found)
    numbered = sum(type(one) is int for one in numbers)
    return [[[told(one) for one in outcomes] for outcomes in of_all] for of_all in found], numbered, len(tried)


def told(outcome):
    """Return what the search sees of an outcome: of what raised, only that it did."""
    return outcome.call, outcome.ended, outcome.arrays


@pytest.mark.parametrize(("short", "edits", "_kind", "_line"), ONE_FAULT)
def test_a_chosen_edit_does_what_its_own_text_does(sandbox, short, edits, _kind, _line):
    (chosen, own), numbered, tried = both_ways(sandbox, extracted(short, edit(RIGHT[short], *edits)))
    assert chosen == own
    assert numbered >= 0.8 * tried  # for the others there is their own text


@pytest.mark.parametrize(
    "edits",
    [
        [(SEED, ""), (LOOP, "    np.random.seed(3); L = len(layers_dims)\n" + LOOP)],
        [(LOOP, "    for n in layers_dims[1:]: L = L; n = 3\n" + LOOP)],
        [(LOOP, "    sizes = [n * 1 for n in layers_dims[0:L:1]]\n" + LOOP), ("(layers_dims[l], 1)", "(sizes[l], 1)")],
        [(LOOP, LOOP + "        if l > 1: parameters['W' + str(l)] = 0; parameters['x'] = 3\n")],
        [(RANDN, "(lambda n, m=1: np.random.randn(n, m))(layers_dims[l], layers_dims[l-1])")],
        [(RANDN, "np.random.randn(*(n for n in (layers_dims[l], layers_dims[l-1])))")],
        [(RANDN, "np.random.randn(\n            layers_dims[l],  # these\n            layers_dims[l-1])")],
        [("'W' + str(l)", "f'W{l + 0:d}'"), ("'b' + str(l)", "'b' '%d' % l")],
        [(LOOP, "    global parameters_\n    parameters_ = 3\n" + LOOP)],
        [(LOOP, "    def scale(n):\n        x = 1\n        return x * 10 / n\n" + LOOP), ("0.01", "scale(2)")],
        [
            (LOOP, "    class Sizes:\n        first = 1\n        __last = 3\n" + LOOP),
            ("range(1, L)", "range(Sizes.first, L)"),
        ],
        [(LOOP, "    try:\n        L = int('x')\n    except ValueError: L = L\n" + LOOP)],
        [(LOOP, "    assert L == 5 or L == 2, 'odd'\n    del L\n    L = len(layers_dims)\n" + LOOP)],
        [
            ("\n    return parameters\n", "\n    return parameters"),
            ("return parameters", "return parameters  # ö → done"),
        ],
    ],
)
def test_however_a_function_is_written(sandbox, edits):
    (chosen, own), numbered, _ = both_ways(sandbox, extracted("random", edit(WRONG, *edits)))
    assert chosen == own
    assert numbered


@pytest.mark.parametrize(
    "line",
    ["    print(n := 3)\n", "    x = lambda: (yield)\n", f"    {CHOSEN} = 3\n"],
)
def test_what_one_text_could_change_the_meaning_of_is_run_as_it_stands(sandbox, line):
    (_, own), numbered, tried = both_ways(sandbox, extracted("random", edit(WRONG, (LOOP, line + LOOP))))
    assert numbered == 0
    assert tried
    assert own


def test_a_name_that_would_be_a_global_one_keeps_its_own_text(sandbox):
    function = extracted(
        "random", edit(WRONG, (LOOP, "    scale = 3\n" + LOOP), ("0.01", "scale")), "import numpy as np\nscale = 10"
    )
    (chosen, own), _, _ = both_ways(sandbox, function)
    assert chosen == own


def test_the_search_goes_on_where_one_text_does_not_do(sandbox):
    """`match` takes no condition for a constant, so that the text with all edits is none of Python's."""
    source = edit(WRONG, (LOOP, "    match L:\n        case 3: L = 3\n" + LOOP))
    function = extracted("random", source)
    (chosen, own), _, _ = both_ways(sandbox, function)
    assert chosen != own

    calls = EXERCISE.calls(TASKS["random"], b"drawn")
    evidence = FunctionEvidence(function, sandbox.run(function, calls, stays=True))
    proof = prove(evidence, SOLUTION.outcomes(function.name, calls), SOLVED[function.name], sandbox)
    assert [repair.kind for repair in proof.repairs] == ["constant", "factor"]
