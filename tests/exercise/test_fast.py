"""Machine code and NumPy train alike, a trace says what is so, and a training can be watched, stopped and done without."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.exercise import fast, shipped
from grader.exercise.fast import Machine
from grader.exercise.training import Data, Model, Plain, Stopped, circles, course_data, each, escape, moments, train

MODEL = Model((2, 10, 5, 1), 0.01, 15_000)
DATA = course_data()
MACHINE = Machine(DATA, MODEL)
needs_llvmlite = pytest.mark.skipif(
    not fast.available(), reason="llvmlite is not installed: THE FAST ENGINE WAS NOT TESTED"
)


@needs_llvmlite
@pytest.mark.slow
@pytest.mark.parametrize("scale", [0.0, None, *shipped.SCALES])
def test_both_engines_reach_the_same_accuracies_at_the_exercises_seed(scale):
    start = shipped.scaled(MODEL.layers, scale, 3)
    quick, plain = train(start, DATA, MODEL, engine=MACHINE), train(start, DATA, MODEL)
    assert (quick.train_accuracy, quick.test_accuracy) == (plain.train_accuracy, plain.test_accuracy)
    assert quick.regime == plain.regime
    if scale is None or scale <= 3:
        assert quick.trace.cost == pytest.approx(plain.trace.cost, rel=1e-12)
        assert quick.trace.exact_cost == pytest.approx(plain.trace.exact_cost, rel=1e-12)


@needs_llvmlite
def test_the_published_costs_come_out_of_machine_code_to_twelve_digits():
    he = train(shipped.scaled(MODEL.layers, None, 3), DATA, MODEL, engine=MACHINE)
    zeros = train(shipped.scaled(MODEL.layers, 0.0, 3), DATA, MODEL, engine=MACHINE)
    assert (he.cost_first, he.cost_14000) == pytest.approx((0.8830537463419761, 0.07357895962677), rel=1e-12)
    assert (zeros.cost_first, zeros.cost_last) == pytest.approx((math.log(2),) * 2, rel=1e-12)


@needs_llvmlite
@pytest.mark.slow
def test_over_seeds_large_scales_end_alike():
    """Rounding moves single runs at x10, not what many of them do."""
    starts = [shipped.scaled(MODEL.layers, 10.0, seed) for seed in range(20)]
    quick = [train(start, DATA, MODEL, engine=MACHINE).train_accuracy for start in starts]
    plain = [train(start, DATA, MODEL).train_accuracy for start in starts]
    assert np.percentile(quick, [25, 50, 75]) == pytest.approx(np.percentile(plain, [25, 50, 75]), abs=0.02)


@needs_llvmlite
@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.integers(1, 7), min_size=1, max_size=4),
    st.integers(0, 999),
    st.sampled_from([0.01, 0.3, 1.0, 3.0]),
    st.integers(3, 40),
)
def test_both_engines_take_the_same_steps_whatever_the_network(hidden, seed, scale, points):
    model = Model((2, *hidden, 1), 0.05, 60 if scale <= 1 else 6)  # large steps let rounding grow
    data = Data(*circles(2 * points, seed), *circles(20, seed + 1))
    start = shipped.scaled(model.layers, scale, seed)
    quick, plain = ({name: value.copy() for name, value in start.items()} for _ in range(2))
    Machine(data, model).advance(quick, model.iterations)
    Plain(data, model.learning_rate).advance(plain, model.iterations)
    for name in start:
        assert quick[name] == pytest.approx(plain[name], rel=1e-9, abs=1e-12)


@needs_llvmlite
@pytest.mark.parametrize("scale", [0.3, 1.0, 3.0, None])
def test_both_engines_leave_the_plateau_at_the_same_iteration(scale):
    start = shipped.scaled(MODEL.layers, scale, 3)
    assert escape(start, DATA, MODEL, 11_000, engine=MACHINE) == escape(start, DATA, MODEL, 11_000)


@needs_llvmlite
def test_the_longest_wait_is_found():
    assert escape(shipped.scaled(MODEL.layers, 0.01, 3), DATA, MODEL, 1_000_000, engine=MACHINE) == 300_462
    assert escape(shipped.scaled(MODEL.layers, 0.0, 3), DATA, MODEL, 50_000, engine=MACHINE) is None


@needs_llvmlite
def test_a_run_taken_in_pieces_is_the_same_run():
    whole, pieces = ({**shipped.scaled(MODEL.layers, 1.0, 3)} for _ in range(2))
    MACHINE.advance(whole, 3000)
    for steps in (1, 999, 0, 2000):
        MACHINE.advance(pieces, steps)
    assert all(np.array_equal(whole[name], pieces[name]) for name in whole)


@needs_llvmlite
@pytest.mark.parametrize("number", [math.nan, math.inf, 1e308, 0.0])
def test_strange_starts_train_alike(number):
    start = shipped.scaled(MODEL.layers, 1.0, 3)
    start["W2"] = np.full_like(start["W2"], number)
    model = Model(MODEL.layers, 0.01, 30)
    quick, plain = train(start, DATA, model, engine=Machine(DATA, model)), train(start, DATA, model)
    assert (quick.regime, quick.train_accuracy) == (plain.regime, plain.train_accuracy)
    assert quick.cost_first == pytest.approx(plain.cost_first, nan_ok=True)


def test_a_trace_holds_what_the_run_was():
    run = train(shipped.scaled(MODEL.layers, 10.0, 3), DATA, Model(MODEL.layers, 0.01, 300))
    trace = run.trace
    assert trace.iterations == moments(300) == (0, 1, 2, 5, 10, 20, 50, 100, 200, 299)
    assert {len(getattr(trace, name)) for name in trace.__dataclass_fields__} == {10}
    assert trace.cost[0] == math.inf
    assert trace.exact_cost[0] == pytest.approx(1774, rel=0.01)  # measured before: the exact cost is finite
    assert trace.gradient_norms[0] == pytest.approx((81, 88, 155), rel=0.02)
    assert trace.dead[-1][1] >= 0.4
    assert trace.saturated[0] > 0.9


def test_a_dead_start_takes_no_step():
    trace = train(shipped.scaled(MODEL.layers, 0.0, 3), DATA, Model(MODEL.layers, 0.01, 3)).trace
    assert trace.gradient_norms == ((0.0, 0.0, 0.0),) * 3
    assert trace.exact_cost == pytest.approx(trace.cost)


def test_a_training_is_watched_and_can_be_stopped():
    seen = []
    with pytest.raises(Stopped):
        train(shipped.scaled(MODEL.layers, 1.0, 3), DATA, MODEL, watch=lambda at: seen.append(at) or at >= 200)
    assert seen == [0, 1, 2, 5, 10, 20, 50, 100, 200]


def test_several_starts_give_what_each_gives_alone():
    model = Model(MODEL.layers, 0.01, 50)
    steps = fast.engine(DATA, model)
    starts = [shipped.scaled(model.layers, 1.0, seed) for seed in range(6)]
    assert each(lambda start: train(start, DATA, model, engine=steps), starts, steps) == [
        train(start, DATA, model, engine=steps) for start in starts
    ]


def test_without_llvmlite_and_for_large_networks_the_steps_are_numpys(monkeypatch):
    assert isinstance(fast.engine(DATA, Model((2, 50, 50, 1), 0.01, 10)), Plain)
    monkeypatch.setattr(fast, "find_spec", lambda _: None)
    assert isinstance(fast.engine(DATA, MODEL), Plain)
