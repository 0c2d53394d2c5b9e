"""The full model reproduces what the course notebook prints."""

from __future__ import annotations

import math

import numpy as np
import pytest

from grader.exercise import shipped
from grader.exercise.training import Model, cost, course_data, escape, regime, train

MODEL = Model((2, 10, 5, 1), 0.01, 15_000)
DATA = course_data()


def close(got: float, want: float, digits: int = 12) -> bool:
    return got == want or abs(got - want) <= 10.0**-digits * abs(want)


PUBLISHED = {  # scale: train accuracy, test accuracy, cost at 0, cost at 14,000; None: He
    0.0: (0.5, 0.5, 0.6931471805599453, 0.6931471805599453),
    10.0: (0.83, 0.86, math.inf, 0.3827),
    0.01: (0.4633333333333333, 0.48, 0.6931473549048267, 0.6931473065831708),
    None: (0.9933333333333333, 0.96, 0.8830537463419761, 0.07357895962677),
}


@pytest.mark.parametrize("scale", PUBLISHED)
def test_the_published_numbers_come_out(scale):
    train_accuracy, test_accuracy, first, at_14000 = PUBLISHED[scale]
    run = train(shipped.scaled(MODEL.layers, scale, 3), DATA, MODEL)

    assert (run.train_accuracy, run.test_accuracy) == (train_accuracy, test_accuracy)
    assert close(run.cost_first, first)
    assert close(run.cost_14000, at_14000, 12 if scale != 10 else 3)  # saturated: rounding moves the 5th digit
    assert [iteration for iteration, _ in run.costs] == list(range(0, 15_000, 1000))


def test_the_first_gradients_are_those_measured_before():
    run = train(shipped.scaled(MODEL.layers, 1.0, 3), DATA, Model(MODEL.layers, 0.01, 1))
    assert run.gradient_norms == pytest.approx((0.77, 0.82, 1.5), rel=0.04)


def test_the_rings_are_bit_for_bit_those_of_scikit_learn():
    X, Y = DATA.X_train, DATA.Y_train
    assert X.shape == (2, 300)
    assert Y.shape == (1, 300)
    # make_circles(n_samples=300, noise=.05) after np.random.seed(1), scikit-learn 1.9
    assert Y.sum() == 150
    assert np.isclose(np.linalg.norm(X[:, Y[0] == 0], axis=0).mean(), 1.0, atol=0.02)
    assert np.isclose(np.linalg.norm(X[:, Y[0] == 1], axis=0).mean(), 0.8, atol=0.02)


@pytest.mark.parametrize(
    ("first", "last", "dead", "symmetric", "name"),
    [
        (0.69, 0.69, True, True, "dead"),
        (1.79, 0.65, False, True, "symmetric"),
        (0.9, math.nan, False, False, "diverged"),
        (math.nan, 0.1, False, False, "diverged"),
        (0.7, 0.71, False, False, "diverged"),
        (0.6931, 0.6931, False, False, "plateau"),
        (0.74, 0.6863, False, False, "plateau"),
        (0.75, 0.69, False, False, "slow"),
        (0.74, 0.686, False, False, "slow"),
        (math.inf, 0.38, False, False, "saturated"),
        (2.08, 0.31, False, False, "saturated"),
        (2.07, 0.31, False, False, "slow"),
        (math.inf, 0.3, False, False, "healthy"),
        (0.9, 0.06, False, False, "healthy"),
        (0.9, 0.31, False, False, "slow"),
    ],
)
def test_a_training_is_named_by_the_first_description_that_fits(first, last, dead, symmetric, name):
    assert regime(first, last, dead=dead, symmetric=symmetric) == name


def start(**changes):
    parameters = {name: np.array(value) for name, value in shipped.scaled(MODEL.layers, 1.0, 3).items()}
    return parameters | {name: change(parameters[name]) for name, change in changes.items()}


def short(parameters) -> str:
    return train(parameters, DATA, Model(MODEL.layers, 0.01, 50)).regime


def half(W):
    return np.full(W.shape, 0.5)


def test_symmetric_and_dead_are_two_things():
    assert short(start(W1=half, W2=half, W3=half)) == "symmetric"
    assert short(start(W2=half, W3=half)) == "symmetric"  # the second hidden layer alone
    assert short(start(W1=half, W3=half)) != "symmetric"  # random columns leave nothing the same
    assert short(start(W1=np.zeros_like, W2=np.zeros_like, W3=np.zeros_like)) == "dead"


def test_a_start_that_does_not_fit_the_model_is_refused():
    with pytest.raises(ValueError, match="W1 has the shape"):
        train(start(W1=np.transpose), DATA, MODEL)


def test_parameters_are_left_as_they_were():
    parameters = start()
    before = {name: value.copy() for name, value in parameters.items()}
    train(parameters, DATA, Model(MODEL.layers, 0.01, 3))
    assert all(np.array_equal(parameters[name], before[name]) for name in before)


def test_any_depth_trains():
    for layers in ((2, 1), (2, 10, 1), (2, 10, 5, 5, 1)):
        run = train(shipped.scaled(layers, 1.0, 3), DATA, Model(layers, 0.01, 5))
        assert len(run.gradient_norms) == len(layers) - 1


def test_the_escape_is_the_first_iteration_below_0_6():
    parameters = shipped.scaled(MODEL.layers, 1.0, 3)
    assert escape(parameters, DATA, MODEL, cap=5_000) == 3_528
    assert escape(parameters, DATA, MODEL, cap=3_528) is None


def test_terms_that_are_not_numbers_are_left_out_of_the_cost_as_in_the_notebook():
    with np.errstate(all="ignore"):
        assert math.isclose(cost(np.array([[1.0, 0.5]]), np.array([[1.0, 1.0]])), math.log(2) / 2)
        assert cost(np.array([[0.0]]), np.array([[1.0]])) == math.inf


def measured(parameters, iterations: int = 300):
    return train(parameters, DATA, Model(MODEL.layers, 0.01, iterations))


def test_the_start_is_measured_before_the_first_step():
    small, one = (measured(shipped.scaled(MODEL.layers, scale, 3), 1) for scale in (0.01, 1.0))
    assert small.spread[0] == pytest.approx(one.spread[0] / 100)  # one matrix
    assert small.spread[1] == pytest.approx(one.spread[1] / 10_000)  # two
    X, W1 = DATA.X_train, shipped.scaled(MODEL.layers, 1.0, 3)["W1"]
    assert one.spread[0] == pytest.approx(np.std(np.maximum(0, W1 @ X)))


def test_copies_among_units_are_counted_inside_and_out():
    assert measured(start(), 1).distinct == (10, 5)
    assert measured(start(W1=half, W2=half, W3=half), 1).distinct == (1, 1)
    assert measured(start(W2=half, W3=half), 1).distinct == (10, 1)
    pair = start()
    pair["W1"][1], pair["W2"][:, 1] = pair["W1"][0], pair["W2"][:, 0]
    assert measured(pair, 1).distinct == (9, 5)
    pair["b1"][1] = 1
    assert measured(pair, 1).distinct == (10, 5)


def test_steps_that_raise_the_exact_cost_are_counted_and_rounding_is_none():
    large, small = (measured(shipped.scaled(MODEL.layers, scale, 3)) for scale in (10.0, 0.001))
    assert large.watched == small.watched == 300
    assert 120 <= large.raised <= 145  # 134 measured before; rounding moves it
    assert small.raised == 0
    assert measured(shipped.scaled(MODEL.layers, 10.0, 3), 20).watched == 20


def test_the_boundary_is_where_the_model_answers_one():
    run = measured(shipped.scaled(MODEL.layers, None, 3), 15_000)
    bits = [[bit == "1" for bit in f"{int(row, 16):064b}"] for row in run.boundary.rows]
    line = np.linspace(run.boundary.low, run.boundary.high, 64)
    assert len(bits) == 64
    right = [
        bits[63 - int(np.argmin(abs(line - y)))][int(np.argmin(abs(line - x)))] == (label == 1)
        for x, y, label in zip(*DATA.X_train, DATA.Y_train[0], strict=True)
    ]
    assert np.mean(right) > 0.95  # as the accuracy, but for the grid
    assert not bits[0][0]  # far outside
    assert run.outputs[0] < 0.01
    assert run.outputs[1] > 0.9


def test_outputs_that_are_no_numbers_are_a_diverged_run_whatever_the_cost_says():
    run = measured(start(W2=lambda W: np.full(W.shape, math.nan)), 3)
    assert run.cost_last == 0  # what is NaN is left out of the sum
    assert run.regime == "diverged"
    assert all(map(math.isnan, run.outputs))
