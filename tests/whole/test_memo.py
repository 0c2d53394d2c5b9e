"""Remembering is a matter of speed alone: whatever was graded before, a result is the one that the plain pipeline gives."""

from __future__ import annotations

import random
from dataclasses import fields, replace
from pathlib import Path

import msgspec
import pytest
from mutants import mutants
from notebooks import NAMES, RANDOM, edit, solved

from grader import reading
from grader.api import load_exercise
from grader.explaining import known_fault
from grader.memo import Keys, Memo, RememberingPipeline
from grader.pipeline import Pipeline
from grader.reading.notebook import parse
from grader.running.gather import CallInput, TrainingInput
from grader.running.repairs import RepairInput
from grader.verdict import VerdictInput, without_text

SAMPLES = sorted(Path(__file__).parents[2].joinpath("submissions").glob("*.*"))
NOTEBOOKS = [path for path in SAMPLES if path.suffix in (".ipynb", ".py")]
WAITS = {"endless_loop.ipynb"}  # seconds each time
SECRET = b"a secret of the tests, 32 bytes!"

pytestmark = pytest.mark.usefixtures("confined")


def mutant_notebooks(seed: int, count: int) -> list[tuple[str, bytes]]:
    """Notebooks with one function of some mutants; every other one comes twice, with other comments."""
    chosen = random.Random(seed).sample([mutant for mutant in mutants() if not mutant.seeded_outside], count)
    files = []
    for number, mutant in enumerate(chosen):
        short = next(name.rpartition("_")[2] for name in NAMES if f"def {name}" in mutant.source)
        files.append((f"mutant_{number}.ipynb", solved(**{short: mutant.source})))
        if number % 2:
            commented = f"# mine\n\n{mutant.source}  # the end\n"
            files.append((f"mutant_{number}_again.ipynb", solved(**{short: commented})))
    return files


def result(pipeline: Pipeline, name: str, data: bytes) -> bytes:
    notebook = reading.parse(data, name, pipeline.gatherer.sandbox.limits)
    return msgspec.json.encode(pipeline.graded(notebook)[1])


def require_equal(files: list[tuple[str, bytes]], seed: int) -> None:
    """Grade each file in a plain pipeline, then all twice in a shuffled order in one that remembers.

    Code that draws from the machine's entropy gives other numbers in every run, so there is no result to compare with.
    """
    with Pipeline(load_exercise(), SECRET) as plain, RememberingPipeline(load_exercise(), SECRET) as remembering:
        expected = {name: result(plain, name, data) for name, data in files}
        repeatable = [(name, data) for name, data in files if result(plain, name, data) == expected[name]]
        assert len(repeatable) >= 0.9 * len(files)
        order = [*repeatable, *repeatable]
        random.Random(seed).shuffle(order)
        differing = [name for name, data in order if result(remembering, name, data) != expected[name]]
        assert differing == []


def test_some_samples_and_mutants_get_the_results_of_the_plain_pipeline():
    names = ("right.ipynb", "scale_one_hundredth.ipynb", "seed_missing.ipynb", "np_float.ipynb", "untouched.ipynb")
    samples = [(path.name, path.read_bytes()) for path in NOTEBOOKS if path.name in names]
    assert len(samples) == len(names)
    require_equal([*samples, *mutant_notebooks(1, 4)], seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_all_samples_and_many_mutants_get_the_results_of_the_plain_pipeline_in_any_order(seed):
    samples = [(path.name, path.read_bytes()) for path in NOTEBOOKS if path.name not in WAITS]
    require_equal([*samples, *mutant_notebooks(seed, 40)], seed)


# --- keys ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def inputs():
    """One record of each kind that a remembered stage is given."""
    with Pipeline(load_exercise(), SECRET) as pipeline:
        wrong = solved(random=edit(RANDOM, ("* 10", "* 0.01")))
        evidence = pipeline.collect(parse(wrong, "a.ipynb")).functions[NAMES[1]]
        function, outcomes = evidence.function, evidence.outcomes
        return [
            CallInput(function, pipeline.gatherer.calls(function)),
            TrainingInput(outcomes),
            RepairInput(function, outcomes),
            VerdictInput(without_text(evidence), known_fault(evidence.repairs, "fix")),
            without_text(evidence),
        ]


def test_every_field_of_an_input_is_in_its_key(inputs):
    keys = Keys()
    for given in inputs:
        for field in fields(given):
            other = replace(given, **{field.name: "something else"})
            assert keys.of(other) != keys.of(given), (type(given).__name__, field.name)


def test_a_key_is_that_of_the_content_not_of_the_object(inputs):
    keys = Keys()
    for given in inputs:
        copy = msgspec.msgpack.decode(msgspec.msgpack.encode(given), type=type(given))
        assert copy is not given
        assert keys.of(copy) == keys.of(given) == Keys().of(given)


# --- the memory ----------------------------------------------------------------------------------------------------


def test_a_memory_is_bounded_and_the_least_recently_used_result_leaves_first():
    memo: Memo[str] = Memo(2)
    memo.put("a", "A")
    memo.put("b", "B")
    assert memo.get("a") == "A"
    memo.put("c", "C")
    assert [memo.get(name) for name in "abc"] == ["A", None, "C"]
