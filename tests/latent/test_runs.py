"""Sums over children, and spreading, in both layouts."""
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
import pytest

from statsmodels_gllamm.latent.runs import layout

COUNTS = {"one each": [1, 1, 1], "balanced": [4, 4, 4], "unbalanced": [3, 1, 5, 2]}


@pytest.fixture(params=COUNTS)
def case(request):
    """Runs, the unit of every child in laid-out order, and a random order of the units."""
    counts = np.array(COUNTS[request.param])
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    order = np.random.default_rng(1).permutation(len(counts))
    runs, child = layout(counts, starts, order)
    unit_of_child = np.repeat(np.arange(len(counts)), counts)
    unit = np.argsort(order)[unit_of_child[child]]
    return runs, unit, child


def test_layout(case):
    runs, unit, child = case
    assert_array_equal(np.sort(child), np.arange(runs.n))
    assert_array_equal(runs.spread(np.arange(runs.size)), unit)


@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
def test_sum_and_spread(case, shape, rng):
    runs, unit, _ = case
    x, z = rng.normal(size=(*shape, runs.n)), rng.normal(size=(*shape, runs.size))
    indicator = np.eye(runs.size)[unit]
    assert_allclose(runs.sum(x), x @ indicator, atol=1e-14)
    assert_array_equal(runs.spread(z), z[..., unit])


def test_products(case, rng):
    runs, unit, _ = case
    x, a = rng.normal(size=(6, runs.n)), rng.normal(size=runs.n)
    weight = rng.normal(size=(6, runs.size))
    indicator = np.eye(runs.size)[unit]
    assert_allclose(runs.sum_times(x, a), (x * a) @ indicator, atol=1e-14)
    assert_allclose(runs.contract(x, weight), (x * weight[:, unit]).sum(0), atol=1e-14)
    assert_allclose(runs.times(a, weight), a * weight[:, unit], atol=1e-14)


def test_arguments_are_not_changed(case, rng):
    runs, _, _ = case
    x, a = rng.normal(size=(6, runs.n)), rng.normal(size=runs.n)
    weight = rng.normal(size=(6, runs.size))
    before = x.copy(), a.copy(), weight.copy()
    runs.sum(x), runs.spread(weight), runs.sum_times(x, a), runs.times(a, weight)
    runs.contract(x, weight)
    for one, two in zip(before, (x, a, weight)):
        assert_array_equal(one, two)
