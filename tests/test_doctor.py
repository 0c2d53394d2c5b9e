"""The doctor finds what is missing: here everything holds, and every canary sings where its layer is taken away."""

from __future__ import annotations

import json
import os
import sys

import pytest
from notebooks import solved, write

from grader.cli import main
from grader.errors import SandboxError
from grader.sandbox import Sandbox, doctor
from grader.sandbox.server import mandatory
from grader.store import Store

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="confinement is for Linux")


@pytest.fixture(scope="module")
def found():
    return doctor.examine()


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(doctor.QUICK) as running:
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
    outcome = doctor._run(sandbox, doctor.CANARIES[layer], layers=())
    assert not doctor._judged(layer, outcome, required=True).holds


@pytest.mark.skipif(os.getuid() != 0, reason="only root has other users' ids")
def test_the_canary_of_the_uid_sings_without_it(sandbox):
    outcome = doctor._run(sandbox, doctor.CANARIES["own uid"], layers=())
    assert not doctor._judged("own uid", outcome, required=True).holds


def test_a_layer_that_is_taken_out_of_the_stack_is_seen_by_the_canaries(sandbox):
    without = [layer for layer in sandbox.layers if layer != "seccomp"]
    outcome = doctor._run(sandbox, doctor.CANARIES["seccomp"], layers=without)
    assert not doctor._judged("seccomp", outcome, required=True).holds


def test_where_a_layer_is_missing_nothing_is_graded(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(doctor.Sandbox, "layers", property(lambda _: ("rlimits", "no_new_privs")))
    notebook = write(tmp_path, "a.ipynb", solved())
    with pytest.raises(SandboxError, match="seccomp"):
        doctor.require()
    assert main(["batch", str(notebook), "--out", str(tmp_path / "out")]) == 3
    said = capsys.readouterr()
    assert "nothing is graded" in said.err
    assert "docs/security.md" in said.err
    assert not [path for path in (tmp_path / "out").iterdir() if not path.name.startswith("grades.sqlite")]
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


def test_doctor_prints_json(capsys):
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["confined"] is True
    assert {check["name"] for check in found["checks"]} >= set(doctor.ALL)


def test_where_nothing_confines_a_batch_needs_trust(tmp_path, monkeypatch):
    from grader import service

    monkeypatch.setattr(service.sys, "platform", "darwin")
    with pytest.raises(SandboxError, match="cannot confine"):
        service.require_confinement(trusted=False)
    service.require_confinement(trusted=True)
