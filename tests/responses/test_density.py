"""Log densities are normalised: equal to scipy.stats' and to statsmodels' own."""
import numpy as np
from numpy.testing import assert_allclose
import pytest
from scipy import stats

from tests.responses.cases import CASES, IDS


def scipy_logpdf(case, y, mu, aux):
    name = case.response.name.split("(")[0]
    if name == "Gaussian":
        return stats.norm.logpdf(y[0], mu, np.exp(aux[0]))
    if name == "Binomial":
        return stats.binom.logpmf(y[0], 1 if len(y) == 1 else y[1], mu)
    if name == "Poisson":
        return stats.poisson.logpmf(y[0], mu)
    if name == "Gamma":
        shape = np.exp(-2 * aux[0])
        return stats.gamma.logpdf(y[0], shape, scale=mu / shape)
    if name == "InverseGaussian":
        phi = np.exp(2 * aux[0])
        return stats.invgauss.logpdf(y[0], mu * phi, scale=1 / phi)
    size = np.exp(aux[0]) if len(aux) else 1 / case.response.alpha
    return stats.nbinom.logpmf(y[0], size, size / (size + mu))


@pytest.fixture(params=CASES, ids=IDS)
def case(request):
    return request.param


def test_scipy(case):
    y, nu, aux = case.draw(np.random.default_rng(11), 80)
    mu = case.family.link.inverse(nu)
    assert_allclose(case.response.mean(nu, aux, y), mu, rtol=1e-12)
    assert_allclose(case.response.log_density(y, nu, aux), scipy_logpdf(case, y, mu, aux),
                    rtol=1e-9, atol=1e-10)


def test_statsmodels(case):
    y, nu, aux = case.draw(np.random.default_rng(12), 80)
    mu = case.family.link.inverse(nu)
    scale, endog, family = 1.0, y[0], case.family
    if case.response.aux_names and case.response.aux_names != ("logsize",):
        aux[:] = aux[:, :1]  # one scale
        scale = np.exp(2 * aux[0, 0])
    if case.response.aux_names == ("logsize",):
        aux[:] = -np.log(family.alpha)
    if len(y) == 2:
        keep = y[1] > 0
        y, nu, mu = y[:, keep], nu[keep], mu[keep]
        endog, _ = family.initialize(np.stack([y[0], y[1] - y[0]], axis=1), 1.0)
    expected = family.loglike_obs(endog, mu, scale=scale)
    family.n = 1
    assert_allclose(case.response.log_density(y, nu, aux), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("logcv", [-8.0, -4.0, 2.0])
def test_gamma_shape_large_and_small(logcv):
    from statsmodels_gllamm.responses.gamma import Gamma

    shape = np.exp(-2 * logcv)
    y = np.array([[0.9, 1.0, 1.1]])
    density = Gamma().log_density(y, np.zeros(3), np.full((1, 3), logcv))
    # the Gaussian of log y is the limit: tails beyond it fall as they must
    expected = shape * (np.log(y[0]) - (y[0] - 1)) - np.log(y[0]) + (
        stats.gamma.logpdf(1.0, shape, scale=1 / shape) if logcv > -6
        else 0.5 * np.log(shape / (2 * np.pi)) - 1 / (12 * shape))
    assert_allclose(density, expected, rtol=1e-12)


@pytest.mark.parametrize("logsize", [15.0, 25.0, 40.0, 300.0])
def test_negative_binomial_becomes_poisson(logsize):
    from statsmodels_gllamm.responses.negative_binomial import NegativeBinomial
    from statsmodels_gllamm.responses.poisson import Poisson

    y, nu = np.array([[0.0, 1.0, 7.0, 150.0]]), np.array([-3.0, 0.5, 2.0, 5.0])
    aux = np.full((1, 4), logsize)
    r, limit = NegativeBinomial(), Poisson()
    tol = 2e4 * np.exp(-logsize) + 1e-11
    assert_allclose(r.log_density(y, nu, aux), limit.log_density(y, nu), atol=tol)
    for a, b in zip(r.derivatives(y, nu, aux), limit.derivatives(y, nu)):
        assert_allclose(a, b, rtol=tol, atol=tol)
    assert_allclose(r.aux_score(y, nu, aux), 0.0, atol=tol)
