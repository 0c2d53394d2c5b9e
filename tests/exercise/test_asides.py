"""What is measured beside the exercise is what the command measures, and what the earlier exercises printed."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import msgspec
import numpy as np
import pytest

from grader.exercise import asides, shipped
from grader.exercise import load as exercises
from grader.exercise.training import Data, Model, Plain, flower, train
from grader.precompute import asides as precompute

EXERCISE = exercises.load()
SHIPPED = shipped.load(EXERCISE)
ASIDES = asides.load(EXERCISE, SHIPPED)


def test_the_exercise_with_one_hidden_layer_is_made_again_number_for_number():
    """That notebook prints 0.693048 at iteration 0 and 0.218607 at 9,000, and an accuracy of 90 %."""
    fast, slow = ASIDES.flower
    assert (fast.learning_rate, slow.learning_rate) == (1.2, 0.01)
    assert fast.cost_first == slow.cost_first == pytest.approx(0.693048, abs=5e-7)
    assert 0.2175 < fast.cost_last < 0.218607
    assert round(100 * fast.train_accuracy) in (90, 91)
    assert slow.escape is None
    again = precompute.flower(1.2)
    # Steps of that size let the last digit grow: processors differ in the fourth digit after 9,000 of them.
    assert again.cost_last == pytest.approx(fast.cost_last, rel=2e-3)
    assert again.train_accuracy == pytest.approx(fast.train_accuracy, abs=0.005)


def test_its_points_are_those_of_the_course():
    X, Y = flower(400, seed=1)
    assert X.shape == (2, 400)
    assert Y.sum() == 200
    assert X[:, 0] == pytest.approx((1.20444229, 3.57611415))


def test_turning_the_pictures_into_the_directions_they_span_changes_no_step():
    rng = np.random.RandomState(0)
    X, Y = rng.rand(40, 12), (rng.rand(1, 12) > 0.5).astype(float)
    layers = (40, 5, 3, 1)
    start = shipped.scaled(layers, 0.3, 3)
    turned = {name: value.copy() for name, value in start.items()}
    Q, R = np.linalg.qr(X)
    turned["W1"] = start["W1"] @ Q
    Plain(Data(X, Y, X, Y), 0.1).advance(start, 200)
    Plain(Data(R, Y, R, Y), 0.1).advance(turned, 200)
    assert start["W1"] @ Q == pytest.approx(turned["W1"], rel=1e-9, abs=1e-12)
    assert start["W3"] == pytest.approx(turned["W3"], rel=1e-9)


def test_odd_starts_made_again_are_those_that_are_shipped():
    for again, stored in zip(precompute.measure_starts(EXERCISE.model, 3), ASIDES.starts, strict=True):
        assert (again.name, again.train_accuracy, again.regime) == (stored.name, stored.train_accuracy, stored.regime)
        assert again.cost_last == pytest.approx(stored.cost_last, rel=1e-9)


def test_random_biases_shift_what_comes_after_them():
    right, shifted = precompute.measure_shifted(3, 10.0)
    assert (right, shifted) == pytest.approx(ASIDES.shifted)
    assert right == pytest.approx(-0.82741481)  # as the notebook prints it
    np.random.seed(3)
    np.random.randn(2, 3)
    np.random.randn(2, 1)
    assert shifted == np.random.randn(1, 2)[0, 0] * 10


def test_a_width_and_the_variants_made_again_are_those_that_are_shipped():
    again, stored = (
        precompute.measure_width(replace(EXERCISE.model, layers=ASIDES.widths[1].layers), 3),
        ASIDES.widths[1],
    )
    assert (again.as_drawn, again.he) == pytest.approx((stored.as_drawn, stored.he), rel=1e-9)


def test_variants_of_draws_that_trainings_has_are_measured_once():
    file = msgspec.json.decode((EXERCISE.folder / asides.FILE).read_bytes())
    assert [row["name"] for row in file["variants"]] == [asides.STRETCHED, asides.XAVIER_LAST]
    assert [row.name for row in ASIDES.variants] == [*asides.DRAWN, asides.STRETCHED, asides.XAVIER_LAST]
    he = next(row for row in SHIPPED.spread if row.scale is None)
    assert ASIDES.variants[0].train_accuracy == he.train_accuracy
    assert asides.load(EXERCISE, msgspec.structs.replace(SHIPPED, spread=())) is None


def test_the_rule_keeps_the_size_of_a_signal_and_the_others_do_not():
    kept, halved, gone = ASIDES.signals
    assert (kept.factor, halved.factor, gone.factor) == ("sqrt(2/n)", "sqrt(1/n)", "2/n")
    assert all(0.8 < after / before < 1.2 for before, after in pairwise(kept.sizes))
    assert all(0.6 < after / before < 0.8 for before, after in pairwise(halved.sizes))  # the root of one half
    assert gone.sizes[-1] < 1e-9


def test_the_four_layers_start_the_same_again():
    """The first step of the made-up pictures; the rest takes too long for a test."""
    X, Y = precompute.made_up_pictures()
    assert X.shape == (12_288, 209)
    assert 0 <= X.min() <= X.max() <= 1
    start = {}
    rng = np.random.RandomState(1)
    for layer, (n_prev, n) in enumerate(pairwise(precompute.PICTURES.layers), start=1):
        start[f"W{layer}"], start[f"b{layer}"] = rng.randn(n, n_prev) * 0.01, np.zeros((n, 1))
    run = train(start, Data(X, Y, X, Y), Model(precompute.PICTURES.layers, 0.0075, 1))
    small = ASIDES.pictures[0]
    assert run.cost_first == pytest.approx(small.cost_first, rel=1e-9)
    assert run.gradient_norms == pytest.approx(small.gradient_norms, rel=1e-6)
    assert run.spread == pytest.approx(small.spread, rel=1e-6)


def test_networks_of_other_widths_come_from_the_exercise():
    assert precompute.widths(EXERCISE.model.layers) == tuple(row.layers for row in ASIDES.widths)
    assert precompute.widths((2, 8, 1)) == ((2, 8, 1), (2, 80, 1), (2, 800, 1))
    assert precompute.widths((2, 100, 100, 1))[-1] == (2, 1_000, 1_000, 1)  # ten times wider would take gigabytes
