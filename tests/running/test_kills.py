"""Processes that are killed from outside: every verdict is that of an undisturbed run, or provisional, and nothing is kept."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sys
from collections.abc import Callable

import psutil
import pytest
from notebooks import HE, IMPORTS, NAMES, RANDOM, ZEROS, edit, solved

from grader import api as service
from grader.errors import SandboxError
from grader.exercise.limits import Limits
from grader.memo import RememberingPipeline
from grader.reading.notebook import parse
from grader.records import Call, Function, Place, Unit
from grader.running.sandbox import Sandbox, Variants, server

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the fork server is for Linux")
SECRET = b"a secret of the tests"
CALLS = (Call((3, 2, 1), 11), Call((2, 4, 1), 12))
LIMITS = Limits(cpu_seconds=2, wall_seconds=20.0)
RIGHT = "def f(d):\n    return {'W': 1.0}"
EDITS = [
    {},
    {"random": edit(RANDOM, ("* 10", "* 0.01"))},
    {"random": edit(RANDOM, ("    np.random.seed(3)\n", ""))},
    {"he": edit(HE, ("np.sqrt(2 /", "np.sqrt(1 /"))},
    {
        "zeros": edit(
            ZEROS, ("np.zeros((layers_dims[l], layers_dims[l-1]))", "np.ones((layers_dims[l], layers_dims[l-1]))")
        )
    },
    {"zeros": edit(ZEROS, ("    parameters = {}", "    return {}['W1']"))},
    {"he": edit(HE, ("    parameters = {}", "    import ctypes; ctypes.string_at(0)"))},
]
CLASS = [solved(**EDITS[number % len(EDITS)], before=f"{IMPORTS}\n# {number}") for number in range(10)]


def function(source: str) -> Function:
    return Function("f", "found", units=(Unit(source, Place(1)),))


def processes(running: server.ForkServer) -> list[psutil.Process]:
    """The worker, its copies and the confined children."""
    if running.process is None:
        return []
    with contextlib.suppress(psutil.Error):
        worker = psutil.Process(running.process.pid)
        return [worker, *worker.children(recursive=True)]
    return []


class Killer:
    """Kills processes of the sandbox when something happens between it and the grader, a few times."""

    def __init__(self, monkeypatch, choose: Callable[[str, list[psutil.Process]], psutil.Process | None], times: int):
        self.left, self.choose = times, choose
        self.workers: list[server.ForkServer] = []
        for owner, name in ((server.ForkServer, "send_order"), (server.Child, "hand"), (server.Child, "drain")):
            monkeypatch.setattr(owner, name, self._around(getattr(owner, name), name))

    def _around(self, method, name):
        def hooked(owner, *arguments):
            if isinstance(owner, server.ForkServer) and owner.process is not None:
                self.workers = [owner]
            result = method(owner, *arguments)
            self.happened(name)
            return result

        return hooked

    def happened(self, name: str) -> None:
        family = [process for worker in self.workers for process in processes(worker)]
        victim = self.choose(name, family) if family and self.left else None
        if victim is not None:
            self.left -= 1
            with contextlib.suppress(psutil.Error):
                victim.send_signal(signal.SIGKILL)


def verdicts(pipeline: RememberingPipeline) -> list[tuple[float, bool, str]]:
    results = [pipeline.graded(parse(source, f"{number}.ipynb"))[1] for number, source in enumerate(CLASS)]
    return [(one.score, one.provisional, repr([f.diagnosis for f in one.functions.values()])) for one in results]


@pytest.fixture(scope="module")
def undisturbed():
    with RememberingPipeline(service.load_exercise(), SECRET) as pipeline:
        found = verdicts(pipeline)
    assert not any(provisional for _, provisional, _ in found)
    assert len({score for score, _, _ in found}) > 3
    return found


@pytest.mark.parametrize(
    "seed", [seed if seed < 2 else pytest.param(seed, marks=pytest.mark.slow) for seed in range(48)]
)
def test_whatever_is_killed_a_verdict_is_right_or_provisional(undisturbed, monkeypatch, seed):
    rng = random.Random(seed)
    share = rng.choice([0.02, 0.05, 0.2])  # of the events that somebody dies at

    def choose(_name: str, family: list[psutil.Process]) -> psutil.Process | None:
        return rng.choice(family) if rng.random() < share else None

    killer = Killer(monkeypatch, choose, times=rng.choice([1, 3, 20]))
    with RememberingPipeline(service.load_exercise(), SECRET) as pipeline:
        try:
            found = verdicts(pipeline)
        except SandboxError:  # the right answers could not be measured: a clear error that stops the batch
            found = []
        differs = [(mine, theirs) for mine, theirs in zip(found, undisturbed, strict=False) if mine != theirs]
        assert not [mine for mine, _ in differs if not mine[1]]
        killer.left = 0
        assert verdicts(pipeline) == undisturbed  # nothing that was gathered beside a kill is kept


@pytest.mark.parametrize(
    "number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGSEGV], ids=lambda n: n.name
)
@pytest.mark.parametrize("times", [1, 2])
def test_a_child_that_is_ended_from_outside_is_not_the_students_fault(monkeypatch, number, times):
    """The first call writes; the child is ended while it waits in the second."""
    waits = "import time\nn = 0\ndef f(d):\n    global n\n    n += 1\n    if n == 2:\n        time.sleep(0.2)\n    return {'W': 1.0}"
    with Sandbox(LIMITS) as sandbox:
        if number != signal.SIGKILL and "pid namespace" in sandbox.layers:
            pytest.skip("the first process of a pid namespace hears of SIGKILL alone")
        left = times

        def drain(child, limits):
            nonlocal left
            found = drained(child, limits)
            if found and left:
                left -= 1
                processes(sandbox.server)[-1].send_signal(number)
            return found

        drained = server.Child.drain
        monkeypatch.setattr(server.Child, "drain", drain)
        if times == 1:
            assert [one.ended for one in sandbox.run(function(waits), CALLS)] == ["returned", "returned"]
        elif number == signal.SIGSEGV:
            assert sandbox.run(function(waits), CALLS)[-1].ended == "crashed"
        else:
            with pytest.raises(SandboxError, match="another program ended"):
                sandbox.run(function(waits), CALLS)
        assert left == 0
        assert sandbox.run(function(RIGHT), CALLS)[0].ended == "returned"


@pytest.mark.parametrize(
    ("body", "ended", "says"),
    [
        ("ctypes.string_at(0)", "crashed", "SIGSEGV"),
        ("os.abort()", "crashed", "SIG"),
        ("os.kill(os.getpid(), 9)", "raised", "PermissionError"),
        ("signal.raise_signal(9)", "raised", "PermissionError"),
        ("os.killpg(0, 15)", "raised", "PermissionError"),
        ("signal.setitimer(signal.ITIMER_REAL, 0.01); time.sleep(1)", "raised", "not permitted"),
        ("os._exit(137)", "crashed", "exit code 137"),
        ("signal.signal(signal.SIGXCPU, signal.SIG_IGN)\n    while True: pass", "timed_out", "not return"),
        ("signal.pthread_sigmask(0, range(1, 64))\n    while True: pass", "timed_out", "not return"),
    ],
)
def test_what_a_function_does_to_itself_is_its_own_fault(body, ended, says):
    with Sandbox(Limits(cpu_seconds=1, wall_seconds=3.0)) as sandbox:
        outcome = sandbox.run(
            function(f"import ctypes, os, signal, time\ndef f(d):\n    {body}\n    return {{}}"), CALLS
        )[0]
    assert (outcome.ended, says in outcome.message) == (ended, True), outcome


def test_time_that_is_up_is_told_from_a_kill():
    with Sandbox(Limits(cpu_seconds=1, wall_seconds=60.0)) as sandbox:
        outcome = sandbox.run(function("def f(d):\n    while True: pass"), CALLS)[0]
    assert (outcome.ended, outcome.message) == ("timed_out", "it did not return within 1 second of computing time")


def test_a_copy_of_a_worker_has_children_of_its_own_and_outlives_nobody():
    marked = "import numpy as np\nnp.marks = getattr(np, 'marks', 0) + 1\ndef f(d):\n    return {'W': np.marks}"
    with Sandbox(LIMITS) as first:
        second = first.copy()
        for times in (1, 2, 3):
            (outcome, _) = second.run_again(function(marked), CALLS)
            assert float(outcome.numpy("W")) == times
            (outcome, _) = first.run(function(marked), CALLS, stays=True)
            assert float(outcome.numpy("W")) == 1
        family = processes(first.server)
        os.kill(first.server.process.pid, signal.SIGKILL)
        assert second.run_again(function(marked), CALLS)[0].ended == "returned"
        second.close()
    _, alive = psutil.wait_procs(family, timeout=30)
    assert not [one for one in alive if one.status() != psutil.STATUS_ZOMBIE]


def test_equal_code_that_looks_at_its_own_lines_is_judged_by_what_it_does_in_any_order():
    """The one multiplies by 10 only where its lines are far down; the tree of the other is the same."""
    near = edit(
        RANDOM,
        ("    parameters = {}", "    import sys; k = 10 if sys._getframe().f_lineno > 50 else 9\n    parameters = {}"),
        ("* 10", "* k"),
    )
    far = edit(near, ("    import sys", "\n" * 60 + "    import sys"))
    plain = edit(RANDOM, ("    parameters = {}", "    # the same\n    parameters = {}"))
    for order in ((near, far, plain, RANDOM), (far, near, RANDOM, plain)):
        with RememberingPipeline(service.load_exercise(), SECRET) as pipeline:
            points = {
                source: pipeline.graded(parse(solved(random=source), "a.ipynb"))[1].functions[NAMES[1]].points
                for source in order
            }
        assert (points[far], points[near], points[plain], points[RANDOM]) == (10, 7, 10, 10)


def test_an_error_is_placed_in_the_students_own_text():
    source = edit(RANDOM, ("    parameters = {}", "\n    # a comment\n\n    parameters = {}\n    parameters['x']"))
    with RememberingPipeline(service.load_exercise(), SECRET) as pipeline:
        evidence = pipeline.collect(parse(solved(random=source), "a.ipynb")).functions[NAMES[1]]
    place = evidence.outcomes[0].fault.place
    assert evidence.function.units[-1].canonical
    assert evidence.function.code.splitlines()[place.line - evidence.function.place.line].strip() == "parameters['x']"


def test_variants_outlive_the_end_of_their_child():
    one = function(RIGHT)
    with Sandbox(LIMITS) as sandbox:
        sandbox.run(one, CALLS, stays=True)
        processes(sandbox.server)[-1].kill()
        assert len(sandbox.run_variants(one, Variants(0, [RIGHT, RIGHT]), CALLS, 20.0)) == 2


def test_the_solution_is_refused_where_it_is_not_whole(monkeypatch):
    """Nobody is judged by an answer that is not there."""
    fewer = lambda run: lambda self, f, calls, **how: run(self, f, calls[:1], **how)  # noqa: E731
    monkeypatch.setattr(Sandbox, "run", fewer(Sandbox.run))
    with (
        RememberingPipeline(service.load_exercise(), SECRET) as pipeline,
        pytest.raises(SandboxError, match="not every call"),
    ):
        _ = pipeline.prepared


def test_where_the_right_answers_cannot_be_measured_the_result_is_provisional(monkeypatch):
    def ended(*_arguments, **_how):
        raise SandboxError("something outside ended the process", hint="")

    with RememberingPipeline(service.load_exercise(), SECRET) as pipeline:
        with monkeypatch.context() as patch:
            patch.setattr(Sandbox, "run", ended)
            result = pipeline.graded(parse(solved(), "a.ipynb"))[1]
        assert (result.provisional, result.possible) == (True, 0)
        assert {one.status for one in result.functions.values()} == {"broken"}
        assert pipeline.graded(parse(solved(), "a.ipynb"))[1].passed
