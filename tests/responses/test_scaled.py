"""A scaled linear predictor: the chain rule against complex step and differences, and no scale."""
import warnings

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
import pytest
from scipy import stats

from statsmodels_gllamm.responses.binomial import BINOMIAL_LINKS, Binomial
from statsmodels_gllamm.responses.gamma import Gamma
from statsmodels_gllamm.responses.gaussian import Gaussian
from statsmodels_gllamm.responses.irt import IRT
from statsmodels_gllamm.responses.links import Power
from statsmodels_gllamm.responses.logit import BinomialLogit
from statsmodels_gllamm.responses.negative_binomial import NegativeBinomial
from statsmodels_gllamm.responses.poisson import Poisson
from statsmodels_gllamm.responses.scaled import Scaled

INNER = [Binomial(BINOMIAL_LINKS["probit"]), Binomial(BINOMIAL_LINKS["cloglog"]), BinomialLogit(),
         Poisson(), Gaussian(), NegativeBinomial(), Gamma(Power(-1.0)), IRT(slip=True)]
TINY = 1e-30
H = 1e-3
N = 60


def slope(f):
    """f'(0) by eighth-order central differences."""
    weights = (4 / 5, -1 / 5, 4 / 105, -1 / 280)
    return sum(w * (f(k * H) - f(-k * H)) for k, w in enumerate(weights, 1)) / H


@pytest.fixture(params=INNER, ids=str)
def r(request):
    return Scaled(request.param)


@pytest.fixture
def point(r):
    rng = np.random.default_rng(4)
    positive = r.name.startswith("Scaled Gamma")
    binary = r.name.startswith(("Scaled Binomial", "Scaled IRT"))
    endog = rng.integers(0, 2, N) if binary else rng.poisson(2.0, N) + 1.0
    nu = rng.uniform(0.3 if positive else -2.5, 2.5, N)
    return r.prepare(endog), nu, rng.uniform(-1.0, 1.0, (len(r.aux_names), N))


def test_scaled_probit():
    r = Scaled(INNER[0])
    y, nu, sigma = np.array([[1.0, 0.0, 1.0]]), np.array([0.4, 1.0, -2.0]), np.array([1, 2, 0.5])
    expected = stats.norm.logcdf(np.array([1, -1, 1]) * nu / sigma)
    assert_allclose(r.log_density(y, nu, np.log(sigma)[None]), expected, rtol=1e-14)
    assert_allclose(r.mean(nu, np.log(sigma)[None]), stats.norm.cdf(nu / sigma), rtol=1e-14)


def test_without_scale_it_is_the_inner_response(r, point):
    y, nu, aux = point
    aux[-1] = 0.0
    own, inner = aux[:-1], r.inner
    for name in ("kernel", "curvature", "expected_information"):
        assert_array_equal(getattr(r, name)(y, nu, aux), getattr(inner, name)(y, nu, own))
    for name in ("kernel_score", "derivatives"):
        for a, b in zip(getattr(r, name)(y, nu, aux), getattr(inner, name)(y, nu, own)):
            assert_array_equal(a, b)
    assert_array_equal(r.constant(y, aux), inner.constant(y, own))
    assert_array_equal(r.aux_score(y, nu, aux)[:-1], inner.aux_score(y, nu, own))
    for name in ("mean", "variance"):
        assert_array_equal(getattr(r, name)(nu, aux, y), getattr(inner, name)(nu, own, y))
    assert_array_equal(r.simulate(np.random.default_rng(1), nu, aux, y),
                       inner.simulate(np.random.default_rng(1), nu, own, y))
    assert r.log_concave == inner.log_concave and r.gaussian == inner.gaussian


def test_nu(r, point):
    y, nu, aux = point
    nodes = np.stack([nu, nu[::-1]])
    kernel, score = r.kernel_score(y, nodes, aux)
    step = r.kernel(y, nodes + TINY * 1j, aux)
    assert_allclose(kernel, step.real, rtol=1e-12, atol=1e-14)
    assert_allclose(score, step.imag / TINY, rtol=1e-11, atol=1e-13)
    l1, l2, l3 = r.derivatives(y, nodes, aux)
    assert_allclose(l1, score, rtol=1e-11, atol=1e-13)
    tolerance = 1e-10 * (1 + np.abs(l3).max())
    for order, value in ((0, l2), (1, l3)):
        numeric = slope(lambda h, k=order: r.derivatives(y, nodes + h, aux)[k])
        assert_allclose(value, numeric, rtol=1e-8, atol=tolerance)
    assert_allclose(r.curvature(y, nodes, aux), -l2, rtol=1e-12, atol=1e-14)


def test_aux(r, point):
    y, nu, aux = point
    m = len(aux)
    score, curvature = r.aux_score(y, nu, aux), r.aux_curvature(y, nu, aux)
    d1, d2 = r.aux_derivatives(y, nu, aux)
    assert score.shape == d1.shape == d2.shape == (m, N) and curvature.shape == (m, m, N)
    inexact = type(r.inner).aux_curvature.__module__.endswith(".base")
    for j in range(m):
        u = np.eye(m)[:, j:j + 1]
        step = r.log_density(y, nu, aux + 1j * TINY * u)
        assert_allclose(score[j], step.imag / TINY, rtol=1e-10, atol=1e-12)
        numeric = slope(lambda h, u=u: r.aux_score(y, nu, aux + h * u))
        assert_allclose(curvature[j], numeric, rtol=1e-6 if inexact else 1e-8,
                        atol=1e-9 * (1 + np.abs(curvature).max()))
        for k, value in ((0, d1), (1, d2)):
            numeric = slope(lambda h, k=k, u=u: r.derivatives(y, nu, aux + h * u)[k])
            assert_allclose(value[j], numeric, rtol=1e-8, atol=1e-9 * (1 + np.abs(value).max()))


def test_expected_information():
    """Sum over both responses of the density times minus the second derivative."""
    r = Scaled(INNER[0])
    y, nu, aux = np.array([[0.0, 1.0]]), np.full(2, 0.7), np.full((1, 2), 0.4)
    weight = np.exp(r.log_density(y, nu, aux))
    assert_allclose(weight.sum(), 1.0)
    assert_allclose(weight @ r.curvature(y, nu, aux), r.expected_information(y, nu, aux)[0],
                    rtol=1e-13)


def test_bounded():
    r = Scaled(Binomial(BINOMIAL_LINKS["log"]))
    y, nu, aux = np.ones((1, 2)), np.array([-1.0, 1.0]), np.full((1, 2), 0.5)
    kernel, score = r.kernel_score(y, nu, aux)
    assert r.bounded and np.isneginf(kernel[1]) and score[1] == 0
    assert r.aux_score(y, nu, aux)[0, 1] == 0
    assert_array_equal(r.aux_curvature(y, nu, aux)[..., 1], 0.0)


@pytest.mark.parametrize("inner", [INNER[0], BinomialLogit(), IRT(slip=True)], ids=str)
def test_anything(inner):
    r = Scaled(inner)
    number = st.floats(-700, 700, allow_nan=False)

    @settings(max_examples=100, deadline=None, derandomize=True, database=None)
    @given(st.integers(0, 1), number, st.floats(-5, 700))
    def check(value, nu, logscale):
        y, nu = r.prepare([value]), np.array([nu])
        aux = np.full((len(r.aux_names), 1), -1.0)
        aux[-1] = logscale
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            values = [*r.kernel_score(y, nu, aux), *r.derivatives(y, nu, aux),
                      r.aux_score(y, nu, aux), *r.aux_derivatives(y, nu, aux),
                      r.aux_curvature(y, nu, aux), r.expected_information(y, nu, aux)]
        assert all(np.isfinite(x).all() for x in values)

    check()


def test_names():
    r = Scaled(IRT(slip=True))
    assert r.aux_names == ("logitguess", "logitslip", "logscale")
    assert r.aux_designs["logitguess"] == "guess" and "logscale" not in r.aux_designs
    assert r.n_row_aux == 3 and len(r.aux_start(np.zeros((1, 1)), np.zeros(1))) == 3
    assert Scaled(NegativeBinomial()).aux_limits == (11.0, np.inf)
    assert_array_equal(Scaled(BinomialLogit()).blank(2, [3, 1]), [[0, 0], [3, 1]])
