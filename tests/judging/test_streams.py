"""The rows of random numbers, the index of seeds, and what is made of numbers whose row is unknown."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.judging.diagnosis import draws, statistics, streams
from grader.judging.diagnosis.draws import DrawPlan, fit
from grader.judging.diagnosis.streams import GENERATORS, KINDS, Row


@pytest.mark.parametrize("generator", GENERATORS)
def test_a_sample_of_the_shipped_index_made_again_is_the_same(generator):
    seeds = range(0, streams.SEEDS, 4999)
    shipped = np.load(streams.INDEX, allow_pickle=False)
    assert shipped.shape == (2, len(GENERATORS), len(KINDS), streams.SEEDS)
    at = list(GENERATORS).index(generator)
    assert np.array_equal(shipped[:, at][:, :, list(seeds)], streams.made(generator, seeds))
    assert shipped[:, at].nbytes <= 2_000_000


@given(
    st.sampled_from(sorted(GENERATORS)),
    st.sampled_from(KINDS),
    st.integers(0, streams.SEEDS - 1),
    st.floats(1e-6, 1e6),
    st.floats(-2, 2),
)
def test_a_seed_is_found_whatever_was_done_to_its_numbers(generator, kind, seed, times, shift):
    row = Row(generator, seed, kind)
    numbers = row.beginning(8)
    assert row in set(streams.beginning_with(times * numbers))
    assert row in set(streams.beginning_with(times * (numbers + shift)))


def test_numbers_that_are_no_draws_have_no_seed():
    for numbers in (
        np.zeros(9),
        np.ones(9),
        np.array([np.nan, 1, 2, 3]),
        np.array([1.0, 2.0]),
        np.array([1, 1, 2, 2.0]),
    ):
        assert not [row for row in streams.beginning_with(numbers) if fit(numbers, row.beginning(numbers.size))]


@given(
    st.permutations([4, 9, 7, 5]), st.sampled_from([*draws._BETWEEN, "biases_first"]), st.booleans(), st.integers(0, 9)
)
def test_pieces_never_overlap_and_leave_room_for_what_is_drawn_besides(layers, order, last_first, skipped):
    starts = DrawPlan(order, last_first, skipped=skipped).starts(layers)
    sizes = [n_in * n_out for n_in, n_out in pairwise(layers)]
    pieces = sorted(zip(starts, sizes, strict=True))
    assert pieces[0][0] >= skipped
    for (start, size), (after, _) in pairwise(pieces):
        assert start + size <= after
    assert (starts == sorted(starts)) is not last_first


@pytest.mark.parametrize("seed", range(40))
def test_the_interval_holds_the_true_factor(seed):
    rng = np.random.default_rng(seed)
    assert 0.3 in statistics.scale(rng.standard_normal((60, 100)) * 0.3, "normal")
    assert 0.3 in statistics.scale(rng.uniform(-0.15, 0.15, (60, 100)), "uniform")
    assert 0.33 not in statistics.scale(rng.standard_normal((60, 100)) * 0.3, "normal")


@pytest.mark.parametrize("seed", range(20))
def test_distributions_are_told_apart(seed):
    rng = np.random.default_rng(seed)
    samples = {
        "normal": rng.standard_normal((60, 100)),
        "uniform": rng.uniform(-1, 1, (60, 100)),
    }
    others = [
        rng.laplace(size=6000),
        rng.exponential(size=6000),
        np.abs(rng.standard_normal(6000)),
        np.clip(rng.standard_normal(6000), -1, 1),
    ]
    for kind, sample in samples.items():
        assert statistics.distribution([sample]) == kind
    assert {statistics.distribution([sample]) for sample in others} == {"other"}
    assert statistics.distribution([rng.standard_normal(100)]) is None
