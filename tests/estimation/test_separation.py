"""Directions of separation are found, and only where there are some."""
import numpy as np
from numpy.testing import assert_allclose
import pytest

from statsmodels_gllamm.estimation.separation import (
    dependence,
    describe,
    ends,
    separating_direction,
)


def direction_of(exog, y, largest=1.0):
    exog, y = np.asarray(exog, float), np.asarray(y, float)
    return separating_direction(exog, y == largest, y == 0)


X = np.column_stack([np.ones(6), [0, 0, 0, 1, 1, 1], [0.0, 1, 2, 0, 1, 2]])


def test_complete():
    d = direction_of(X, [0, 0, 0, 1, 1, 1])
    assert (X[3:] @ d >= 0).all() and (X[:3] @ d <= 0).all() and np.abs(X @ d).max() > 0


def test_quasi_complete():
    """One group has a single answer."""
    d = direction_of(X, [0, 1, 0, 1, 1, 1])
    assert_allclose(d[0], 0.0)
    assert d[1] > 0


def test_overlap():
    assert direction_of(X, [0, 1, 0, 1, 0, 1]) is None


def test_rows_between_the_ends_hold():
    """A row at 1 of 2 trials overlaps with itself."""
    d = direction_of(X, [0, 2, 0, 2, 2, 2], largest=2.0)
    assert d is not None
    assert direction_of(X, [0, 2, 0, 2, 1, 2], largest=2.0) is None


def test_counts_of_zero():
    """A Poisson response is separated by a group that never counts."""
    y = np.array([[0, 0, 0, 2, 1, 3.0]])
    high, low = ends("Poisson(log)", y)
    assert not high.any()
    d = separating_direction(X, high, low)
    assert_allclose(X[3:] @ d, 0.0, atol=1e-12)
    assert (X[:3] @ d < 0).all()
    text = describe(d, X, ["Intercept", "t", "x"], high, low)
    assert "3 rows" in text and "at its smallest" in text and "t" in text


def test_which_responses():
    assert ends("Gaussian(identity)", np.ones((1, 3))) is None
    high, low = ends("Binomial(logit)", np.array([[0, 1, 2.0], [2, 2, 2]]))
    assert high.tolist() == [False, False, True] and low.tolist() == [True, False, False]


def test_the_words():
    y = np.array([0, 1, 0, 1, 1, 1])
    d = direction_of(X, y)
    text = describe(d, X, ["Intercept", "t", "x"], y == 1, y == 0)
    assert "+1 t" in text and "Intercept" not in text and "3 rows" in text
    assert "at its largest" in text


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_dependence(scale, rng):
    x = rng.normal(size=(50, 3)) * [1.0, scale, 1.0]
    assert dependence(x, ["a", "b", "c"]) is None
    wide = np.column_stack([x, x[:, 1] - 2 * x[:, 0] * scale])
    text = dependence(wide, ["a", "b", "c", "d"])
    assert "dependent" in text and "c" not in text.split(":")[1].split("is zero")[0]
    zero = np.column_stack([x, np.zeros(50)])
    assert "'d' is zero in every row" in dependence(zero, ["a", "b", "c", "d"])
    assert dependence(np.zeros((5, 0)), []) is None


def test_nearly_dependent_columns_are_allowed(rng):
    x = rng.normal(size=200)
    assert dependence(np.column_stack([np.ones(200), x, x + 1e-4 * rng.normal(size=200)]),
                      ["a", "b", "c"]) is None
