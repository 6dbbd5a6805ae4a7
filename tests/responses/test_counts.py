"""Negative binomials of both kinds and the generalised Poisson."""
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
import pytest
from scipy import stats
import statsmodels.api as sm
from statsmodels.discrete.discrete_model import GeneralizedPoisson as SmGeneralizedPoisson
from statsmodels.discrete.discrete_model import NegativeBinomialP

from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.responses.generalized_poisson import GeneralizedPoisson
from statsmodels_gllamm.responses.negative_binomial import NegativeBinomial
from statsmodels_gllamm.responses.negative_binomial1 import NegativeBinomial1
from statsmodels_gllamm.responses.poisson import Poisson
from statsmodels_gllamm.responses.rising import (
    digamma_terms,
    rising,
    rising_derivatives,
    rising_score,
    stirling_log_gamma,
)
from tests.responses import checks
from tests.responses.cases import COUNTS

NB1, NB2 = NegativeBinomial1(), NegativeBinomial()
GP1, GP2 = GeneralizedPoisson(1), GeneralizedPoisson(2)


@pytest.fixture(params=COUNTS, ids=lambda c: c.id)
def case(request):
    return request.param


def test_derivatives(case):
    checks.derivatives(case)


def test_moments(case):
    checks.moments(case)


def test_simulation(case):
    checks.simulation(case, start_atol=0.12)


def test_tails(case):
    checks.tails(case)
    checks.tails(case, aux=-4.0)


def test_slopes(case):
    checks.slopes(case)
    checks.slopes(case, centres=(-5.0, 1.0, 4.0), aux=0.5)


def test_anything(case):
    checks.anything(case)


def test_values(case):
    checks.value_semantics(case)
    r = case.response
    assert r.mass_at_zero and not r.blank(3).any()
    assert_array_equal(r.mean(np.zeros(2)), 1.0)  # without auxiliary predictors


@pytest.mark.parametrize("alpha", [1e-3, 0.4, 7.0])
def test_nb1_is_scipys(alpha):
    rng = np.random.default_rng(1)
    y, nu = rng.poisson(20.0, 200) * rng.integers(0, 5, 200), rng.uniform(-3, 6, 200)
    size = np.exp(nu) / alpha
    expected = stats.nbinom.logpmf(y, size, 1 / (1 + alpha))
    rows = NB1.prepare(y)
    aux = np.full((1, 200), -np.log(alpha))
    tol = {"rtol": 1e-9, "atol": 1e-13 * size.max() * 10}
    assert_allclose(NB1.log_density(rows, nu, aux), expected, **tol)
    assert_allclose(NegativeBinomial1(alpha).log_density(rows, nu), expected, **tol)
    variance = stats.nbinom.var(size, 1 / (1 + alpha))
    assert_allclose(NB1.variance(nu, aux), variance, rtol=1e-10)


@pytest.mark.parametrize("cls, p, response, sign", [
    (NegativeBinomialP, 1, NB1, -1), (NegativeBinomialP, 2, NB2, -1),
    (SmGeneralizedPoisson, 1, GP1, 1), (SmGeneralizedPoisson, 2, GP2, 1)])
@pytest.mark.parametrize("alpha", [0.05, 0.8, 3.0])
def test_statsmodels(cls, p, response, sign, alpha):
    """The log-likelihood and the score of the discrete models at given parameters."""
    rng = np.random.default_rng(2)
    x = sm.add_constant(rng.normal(size=(150, 1)))
    y = rng.poisson(np.exp(0.5 * x[:, 1] + 1)) + rng.integers(0, 40, 150) * (rng.random(150) < 0.1)
    params = np.array([0.7, 0.4, alpha])
    model = cls(y, x, p=p)
    nu, aux = x @ params[:2], np.full((1, 150), sign * np.log(alpha))
    rows = response.prepare(y)
    assert_allclose(response.log_density(rows, nu, aux), model.loglikeobs(params), rtol=1e-10,
                    atol=1e-10)
    score = x.T @ response.derivatives(rows, nu, aux)[0]
    expected = model.score(params)
    assert_allclose(score, expected[:2], rtol=1e-6, atol=1e-5)
    assert_allclose(sign * response.aux_score(rows, nu, aux).sum() / alpha, expected[2], rtol=1e-5,
                    atol=1e-5)


@pytest.mark.parametrize("log_alpha", [-14.0, -25.0, -40.0, -300.0])
@pytest.mark.parametrize("response, sign", [(NB1, -1), (NB2, -1), (GP1, 1), (GP2, 1)])
def test_no_dispersion_is_poisson(response, sign, log_alpha):
    y = np.array([[0.0, 1.0, 7.0, 29.0, 31.0, 150.0]])
    nu = np.array([-3.0, 0.5, 2.0, 3.0, 3.5, 5.0])
    aux = np.full((1, y.size), sign * log_alpha)
    tol = 1e5 * np.exp(log_alpha) + 1e-12
    assert_allclose(response.log_density(y, nu, aux), Poisson().log_density(y, nu), atol=2 * tol,
                    rtol=1e-13)
    kernel, score = response.kernel_score(y, nu, aux)
    assert_allclose(kernel, response.kernel(y, nu, aux), rtol=1e-13)
    for a, b in zip(response.derivatives(y, nu, aux), Poisson().derivatives(y, nu)):
        assert_allclose(a, b, rtol=tol, atol=tol)
    assert_allclose(score, Poisson().derivatives(y, nu)[0], rtol=tol, atol=tol)
    for x in (response.aux_score(y, nu, aux), *response.aux_derivatives(y, nu, aux),
              response.aux_curvature(y, nu, aux)):
        assert_allclose(x, 0.0, atol=tol)
    information = response.expected_information(y, nu, aux)
    assert_allclose(information, np.exp(nu), rtol=tol)


def test_first_correction_to_poisson():
    """d/dalpha at alpha = 0 is ((y - mu)^2 - y) / 2, times 1 / mu for NB1 (score tests)."""
    y, nu = np.array([[0.0, 1.0, 2.0, 9.0, 40.0]]), np.array([0.3, -0.5, 1.0, 2.0, 3.0])
    mu, alpha = np.exp(nu), 1e-7
    expected = 0.5 * ((y[0] - mu) ** 2 - y[0])
    aux = np.full((1, 5), -np.log(alpha))
    assert_allclose(-NB2.aux_score(y, nu, aux)[0] / alpha, expected, rtol=1e-3, atol=1e-5)
    assert_allclose(-NB1.aux_score(y, nu, aux)[0] / alpha, expected / mu, rtol=1e-3, atol=1e-5)


def test_nb1_expected_information_of_a_large_dispersion():
    """The series, cut off and continued as geometric, against the sum over responses."""
    alpha, nu = 200.0, np.array([1.5])
    k = np.arange(200_000.0)
    size = np.exp(nu) / alpha
    p = stats.nbinom.pmf(k, size, 1 / (1 + alpha))
    y = NB1.prepare(k)
    l1 = NB1.derivatives(y, np.repeat(nu, k.size), np.full((1, k.size), -np.log(alpha)))[0]
    got = NB1.expected_information(y[:, :1], nu, np.full((1, 1), -np.log(alpha)))
    assert_allclose(got, p @ l1**2, rtol=1e-3)


@pytest.mark.parametrize("p, aux", [(1, -2.0), (1, 0.7), (2, -2.0), (2, -0.5)])
def test_generalized_poisson_sums_to_one(p, aux):
    r, n = GeneralizedPoisson(p), 20_000
    y = r.prepare(np.arange(n))
    for nu in (-8.0, 0.0, 1.5):
        density = np.exp(r.log_density(y, np.full(n, nu), np.full((1, n), aux)))
        assert_allclose(density.sum(), 1.0, rtol=1e-9)
        assert_allclose(density @ y[0], np.exp(nu), rtol=1e-8)


REFERENCE = {  # log Gamma(k + y) - log Gamma(k) - y log k in exact integers for k = 1, 2, 5
    (1.0, 3.0): np.log(6.0), (2.0, 4.0): np.log(120.0 / 16), (5.0, 2.0): np.log(30 / 25)}


def test_rising_factorials():
    for (k, y), expected in REFERENCE.items():
        assert_allclose(rising(np.log([k]), np.array([y])), expected, rtol=1e-14)
    j = np.arange(200.0)
    for y in (0, 1, 2, 17, 30, 31, 200):
        for t in (-400.0, -30.0, -3.0, 0.0, 2.2, 2.4, 5.0, 20.0, 300.0):
            k = np.exp(t)
            r = j[1:y] / (k + j[1:y])
            c = 1 / (1 + j[1:y] / k)
            value = np.sum(np.log1p(j[1:y] / k)) if t > -300 else np.sum(np.log(j[1:y]) - t)
            at, count = np.array([t]), np.array([float(y)])
            got = *rising_score(at, count), *rising_derivatives(at, count)
            expected = (value, -r.sum(), -r.sum(), (r * c).sum(), -(r * c * (c - r)).sum())
            assert_allclose(rising(at, count), value, rtol=1e-13, atol=1e-13)
            for a, b in zip(got, expected):
                assert_allclose(a, b, rtol=1e-12, atol=1e-13 if t > -30 else 0)
    complex_t = np.array([[1.0 + 1e-30j, 4.0 + 1e-30j]])
    count = np.array([7.0, 90.0])
    assert_allclose(rising(complex_t, count).imag / 1e-30,
                    rising_derivatives(complex_t.real, count)[0], rtol=1e-13)


def test_stirling_terms_are_continuous():
    for edge in (np.log(10.0),):
        t = np.array([edge * (1 - 1e-15), edge * (1 + 1e-15)])
        for x in (stirling_log_gamma(t), *digamma_terms(t)):
            assert_allclose(x[0], x[1], rtol=1e-12)


@pytest.mark.parametrize("response, name", [
    (NB1, "NegativeBinomial"), (NB2, "NegativeBinomial"), (GP1, "GeneralizedPoisson"),
    (GP2, "GeneralizedPoisson")])
def test_refused(response, name):
    with pytest.raises(DataError, match=f"{name} response is -1 in row 1: counts cannot be neg"):
        response.prepare([1, -1])
    with pytest.raises(DataError, match=f"{name} response is 2.5 in row 0: counts must be whole"):
        response.prepare([2.5, 1])
    with pytest.raises(DataError, match=f"n_trials is for binomial responses; {name}"):
        response.prepare([1], [2])


def test_refused_parameters():
    with pytest.raises(ValueError, match="p of a GeneralizedPoisson is 1 or 2, not 3"):
        GeneralizedPoisson(3)
    with pytest.raises(ValueError, match="alpha of a NegativeBinomial must be positive, not 0"):
        NegativeBinomial1(0.0)
