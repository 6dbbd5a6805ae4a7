"""Rules integrate what they claim to."""
import itertools

import numpy as np
from numpy.testing import assert_allclose
import pytest
from scipy.special import factorial2

from statsmodels_gllamm.integration.rules import (
    fifth_degree,
    gauss_hermite,
    product_rule,
    rule_of,
)


def moment(z, c, k):
    """Integral of u^k under a standard normal, the rule placed at the prior."""
    return np.sum(np.exp(c - z**2 / 2) * z**k)


@pytest.mark.parametrize("n", [1, 2, 3, 5, 7, 15])
def test_polynomials(n):
    z, c = gauss_hermite(n)
    assert z.shape == c.shape == (n,)
    for k in range(min(2 * n, 20)):
        exact = 0.0 if k % 2 else factorial2(k - 1, exact=True) if k else 1.0
        assert_allclose(moment(z, c, k), exact, rtol=1e-10, atol=1e-9 * max(exact, 1.0)
                        if k % 2 == 0 else 1e-6)
    assert_allclose(z, -z[::-1], atol=1e-12)


@pytest.mark.parametrize("n", [100, 200, 400])
def test_long_rules_are_finite(n):
    z, c = gauss_hermite(n)
    assert np.isfinite(z).all() and np.isfinite(c).all()
    assert_allclose([moment(z, c, 0), moment(z, c, 2)], 1.0, rtol=1e-10)


def test_product():
    rule = product_rule(31, 2)
    assert rule.z.shape == (31**2, 2) and rule.size == 31**2
    weight = np.exp(rule.c - 0.5 * (rule.z**2).sum(1))
    moments = [(weight * f).sum() for f in (
        np.ones(rule.size), rule.z[:, 0] ** 2, rule.z.prod(1), (rule.z**2).prod(1))]
    assert_allclose(moments, [1, 1, 0, 1], atol=1e-5)
    assert product_rule(31, 2) is rule
    with pytest.raises(ValueError):
        rule.z[0] = 1.0


def test_one_point_is_the_mode():
    rule = product_rule(1, 3)
    assert_allclose(rule.z, np.zeros((1, 3)))
    assert_allclose(rule.c, 0.0)


@pytest.mark.parametrize(("n", "size"), [(1, 3), (2, 7), (3, 13), (4, 25), (5, 75), (6, 175)])
def test_fifth_degree(n, size):
    """Every moment to the fifth power of so many standard normal variables."""
    z, c = fifth_degree(n)
    weight = np.exp(c - (z**2).sum(axis=1) / 2)
    assert z.shape == (size, n)
    moment = {0: 1.0, 2: 1.0, 4: 3.0}
    for powers in itertools.product(range(6), repeat=n):
        if sum(powers) <= 5:
            expected = np.prod([moment.get(p, 0.0) for p in powers])
            assert_allclose(weight @ (z ** np.array(powers)).prod(axis=1), expected, atol=1e-12)


def test_rules_of_different_points():
    rule, plain = rule_of((1, 3, 5)), product_rule(5, 1)
    assert rule.z.shape == (15, 3) and rule.points == (1, 3, 5)
    assert not rule.z[:, 0].any()
    assert_allclose(rule.z[:5, 2], plain.z[:, 0])
    weight = np.exp(rule.c - (rule.z**2).sum(axis=1) / 2)
    assert_allclose(weight @ (rule.z[:, 1] ** 4 * rule.z[:, 2] ** 8), 3 * 105)
    mixed = rule_of((7, 7, 5), 2)
    weight = np.exp(mixed.c - (mixed.z**2).sum(axis=1) / 2)
    assert mixed.size == 35
    assert_allclose(weight @ (mixed.z[:, 0] ** 2 * mixed.z[:, 1] ** 2 * mixed.z[:, 2] ** 8), 105)
