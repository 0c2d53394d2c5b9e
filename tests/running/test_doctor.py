"""The doctor finds what is missing: here everything holds, and every canary sings where its layer is taken away."""

from __future__ import annotations

import json
import os
import sys

import pytest
from notebooks import solved, write

from grader.cli import main
from grader.errors import LateError, SandboxError
from grader.records import Outcome
from grader.running.sandbox import Sandbox, doctor, server
from grader.running.sandbox.server import mandatory
from grader.store import Store

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="confinement is for Linux")


@pytest.fixture(scope="module")
def found():
    return doctor.examine()


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(doctor.PATIENT) as running:
        yield running


def test_everything_that_has_to_hold_holds_here(found):
    assert found.confined, found.failures
    assert {check.name for check in found.checks if check.required} >= {
        *mandatory(),
        "everything together",
        "wall time",
    }


def test_every_layer_has_its_canary_and_its_line(found):
    assert set(doctor.CANARIES) == set(doctor.ALL)
    assert {check.name for check in found.checks} >= set(doctor.ALL)


@pytest.mark.parametrize("layer", [layer for layer in doctor.ALL if layer not in ("own uid", "namespaces")])
def test_a_canary_sings_without_its_layer(sandbox, layer):
    if layer not in sandbox.layers:
        pytest.skip(f"this machine has no {layer}")
    outcome = doctor.run_checks(sandbox, doctor.CANARIES[layer], layers=())
    assert not doctor.judge(layer, outcome, required=True).holds


@pytest.mark.skipif(os.getuid() != 0, reason="only root has other users' ids")
def test_the_canary_of_the_uid_sings_without_it(sandbox):
    outcome = doctor.run_checks(sandbox, doctor.CANARIES["own uid"], layers=())
    assert not doctor.judge("own uid", outcome, required=True).holds


def test_a_layer_that_is_taken_out_of_the_stack_is_seen_by_the_canaries(sandbox):
    without = [layer for layer in sandbox.layers if layer != "seccomp"]
    outcome = doctor.run_checks(sandbox, doctor.CANARIES["seccomp"], layers=without)
    assert not doctor.judge("seccomp", outcome, required=True).holds


def test_where_a_layer_is_missing_nothing_is_graded(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(doctor.Sandbox, "layers", property(lambda _: ("rlimits", "no_new_privs")))
    notebook = write(tmp_path, "a.ipynb", solved())
    with pytest.raises(SandboxError, match="seccomp"):
        doctor.require()
    assert main(["batch", str(notebook), "--out", str(tmp_path / "out")]) == 3
    said = capsys.readouterr()
    assert "nothing is graded" in said.err
    assert "docs/security.md" in said.err
    assert not [
        path for path in (tmp_path / "out").iterdir() if not path.name.startswith(("grades.sqlite", ".grader.lock"))
    ]
    with Store(tmp_path / "out" / "grades.sqlite") as store:
        assert store.counts().submissions == 0
    assert main(["doctor"]) == 3
    assert "NOT be confined" in capsys.readouterr().out


def test_a_set_up_that_fails_is_ours_and_no_zero(tmp_path, monkeypatch, capsys):
    """The child says that a step failed: the result is provisional, and the reason stands in it."""
    run = Sandbox.run
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr(
        Sandbox, "run", lambda self, function, calls, **_: run(self, function, calls, layers=("landlock",))
    )
    code = main(["check", str(write(tmp_path, "a.ipynb", solved())), "--json", "-"])
    result = json.loads(capsys.readouterr().out)
    assert code == 3
    assert result["provisional"]
    assert result["possible"] == 0
    assert {one["status"] for one in result["functions"].values()} == {"broken"}


def slow(monkeypatch, times: int, word: str = "") -> list[str]:
    """Let the canaries whose text holds a word run out of time, so many times; return the texts as they are tried."""
    run, tried = Sandbox.run, []

    def late(self, function, calls, **how):
        text = function.units[0].source
        if word in text and how.get("wall_seconds") is None:
            tried.append(text)
            if tried.count(text) <= times:
                return (Outcome(calls[0], "timed_out", message="it had not come back"),)
        return run(self, function, calls, **how)

    monkeypatch.setattr(Sandbox, "run", late)
    return tried


def test_a_canary_that_ran_out_of_time_is_tried_again_with_more(monkeypatch, capsys):
    tried = slow(monkeypatch, times=1)
    assert main(["doctor"]) == 0
    assert {tried.count(text) for text in tried} == {2}
    doctor.require()


@pytest.mark.parametrize("word", ["", "no one answers", "np.ones(100_000)", '"opening files"', '"product"'])
def test_a_machine_that_is_too_busy_gets_a_third_answer(monkeypatch, tmp_path, capsys, word):
    slow(monkeypatch, times=99, word=word)
    unclear = word != "no one answers"
    assert main(["doctor", "--json"]) == (3 if unclear else 0)
    assert json.loads(capsys.readouterr().out)["confined"] is (None if unclear else True)
    if unclear:
        with pytest.raises(LateError, match="too busy to test"):
            doctor.require()
        assert main(["doctor"]) == 3
        said = capsys.readouterr().out
        assert "It is not known" in said
        assert "UNCLEAR" in said
        assert "NOT be confined" not in said


def test_what_is_missing_counts_more_than_what_is_unclear(monkeypatch):
    slow(monkeypatch, times=2, word="np.ones(100_000)")
    monkeypatch.setattr(doctor.Sandbox, "layers", property(lambda _: ("rlimits", "no_new_privs")))
    found = doctor.examine()
    assert (found.confined, [check.name for check in found.unclear]) == (False, ["size of the answer"])


def test_a_worker_that_does_not_start_in_time_is_unclear(monkeypatch):
    monkeypatch.setattr(server, "START_SECONDS", 0.001)
    assert doctor.examine().confined is None


def test_doctor_prints_json(capsys):
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["confined"] is True
    assert {check["name"] for check in found["checks"]} >= set(doctor.ALL)


def test_where_nothing_confines_a_batch_needs_trust(tmp_path, monkeypatch):
    from grader import api as service

    monkeypatch.setattr(service.sys, "platform", "darwin")
    with pytest.raises(SandboxError, match="cannot confine"):
        service.require_confinement(trusted=False)
    service.require_confinement(trusted=True)
