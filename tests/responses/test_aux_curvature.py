"""Second derivatives in auxiliary predictors, rows of unknown response, and counts of zero."""
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
import pytest

from statsmodels_gllamm.responses.base import Response
from statsmodels_gllamm.responses.gamma import Gamma
from tests.responses.cases import CASES

AUX = [c for c in CASES if c.response.aux_names]
H = 1e-3


def slope(f):
    """f'(0) by eighth-order central differences."""
    weights = (4 / 5, -1 / 5, 4 / 105, -1 / 280)
    return sum(w * (f(k * H) - f(-k * H)) for k, w in enumerate(weights, 1)) / H


@pytest.mark.parametrize("case", AUX, ids=lambda c: c.id)
def test_against_differences_of_the_score(case):
    y, nu, aux = case.draw(np.random.default_rng(5), 60)
    nodes = np.stack([nu, nu[::-1]])
    value = case.response.aux_curvature(y, nodes, aux)
    m = len(aux)
    assert value.shape == (m, m, *nodes.shape)
    for j in range(m):
        unit = np.zeros((m, 1))
        unit[j] = 1.0
        numeric = slope(lambda h, u=unit: case.response.aux_score(y, nodes, aux + h * u))
        assert_allclose(value[j], numeric, rtol=1e-7, atol=1e-8 * (1 + np.abs(value).max()))


ANALYTIC = [c for c in AUX if c.response.name.startswith(("Gaussian", "Gamma", "Inverse"))]


@pytest.mark.parametrize("case", ANALYTIC, ids=lambda c: c.id)
def test_analytic(case):
    y, nu, aux = case.draw(np.random.default_rng(6), 30)
    exact = case.response.aux_curvature(y, nu, aux)
    differences = Response.aux_curvature(case.response, y, nu, aux)
    assert not np.array_equal(exact, differences)
    assert_allclose(exact, differences, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("logcv", [-300.0, -8.0, -1.2, -1.1, 0.0, 3.0, 12.0])
def test_gamma_of_any_shape(logcv):
    """At y = mu the kernel is zero: what is left is 4 s d/ds (s D(s)), about -1/(3 s)."""
    value = Gamma().aux_curvature(np.ones((1, 1)), np.zeros(1), np.full((1, 1), logcv)).item()
    shape = np.exp(-2 * logcv)
    if logcv < -5:
        assert_allclose(value, -1 / (3 * shape) * (1 - 0.3 / shape / shape), rtol=1e-6)
    else:
        def score(h):
            return Gamma().aux_score(np.ones((1, 1)), np.zeros(1), np.full((1, 1), logcv + h))
        assert_allclose(value, slope(score).item(), rtol=1e-8, atol=1e-10)


def test_no_weight_outside_the_support():
    for case in AUX:
        if case.response.bounded and case.low > 0:
            y, nu, aux = case.draw(np.random.default_rng(8), 4)
            nu[2] = 0.0
            assert np.isneginf(case.response.kernel(y, nu, aux)[2])
            assert_array_equal(case.response.aux_curvature(y, nu, aux)[..., 2], 0.0)


def test_blank_rows():
    """Rows to predict are counts of zero, with their trials."""
    for case in CASES:
        r = case.response
        counts = r.name.startswith(("Poisson", "Binomial"))
        if counts:
            assert r.mass_at_zero
        assert_array_equal(r.blank(3), np.zeros((1, 3)))
        if r.name.startswith("Binomial"):
            y = r.blank(3, [4, 1, 2])
            assert_array_equal(y, [[0, 0, 0], [4, 1, 2]])
            nu = np.full(3, (case.low + case.high) / 2)
            p = r.mean(nu, None, y)
            assert_allclose(r.log_density(y, nu), y[1] * np.log1p(-p), rtol=1e-12)
            assert_array_equal(r.blank(2, 1), np.zeros((1, 2)))
