"""Expected information, mean, variance and simulation agree with the density."""
import numpy as np
from numpy.testing import assert_allclose
import pytest

from tests.responses.cases import CASES, IDS


@pytest.fixture(params=CASES, ids=IDS)
def case(request):
    return request.param


def expectation(case, f, nu, aux, trials):
    """Sum or integral over the response of exp(log density) f(y), at one nu."""
    r = case.response
    if r.name.startswith("Binomial"):
        k = np.arange(trials + 1.0)
        endog, weight = np.stack([k, trials - k], axis=1), 1.0
    elif r.name.startswith(("Poisson", "NegativeBinomial")):
        endog, weight = np.arange(1500.0), 1.0
    else:
        step = 2e-3
        grid = np.arange(-14.0, 14.0, step)
        if r.name.startswith("Gaussian"):
            endog, weight = r.mean(nu) + grid, step
        else:  # positive: on the log scale
            endog = r.mean(nu) * np.exp(grid)
            weight = step * endog
    y = r.prepare(endog)
    nu, aux = np.full(y.shape[1], nu), aux.repeat(y.shape[1], axis=1)
    p = np.exp(r.log_density(y, nu, aux)) * weight
    return [np.sum(p * x) for x in f(y, nu, aux)]


def test_density_information_and_moments(case):
    r = case.response
    trials = 4 if case.trials else 1
    for nu in np.linspace(case.low, case.high, 3):
        aux = np.full((len(r.aux_names), 1), -0.3)

        def integrands(y, nus, auxs):
            value = y[0] / trials
            l1, l2, _ = r.derivatives(y, nus, auxs)
            with np.errstate(over="ignore", invalid="ignore"):
                score = r.aux_score(y, nus, auxs)
            return [np.ones_like(value), value, value**2, l1, -l2, l1**2, *score]

        one, mean, square, score, observed, outer, *aux_score = expectation(
            case, integrands, nu, aux, trials)
        y = r.prepare([[1, trials - 1]] if case.trials else [1])
        at = np.array([nu])
        assert_allclose(one, 1.0, rtol=1e-8)
        assert_allclose(r.mean(at, aux, y), mean, rtol=1e-7, atol=1e-12)
        assert_allclose(r.variance(at, aux, y), square - mean**2, rtol=1e-6)
        expected = r.expected_information(y, at, aux).item()
        assert expected > 0
        assert_allclose(score, 0.0, atol=1e-6 * (1 + np.sqrt(expected)))
        assert_allclose(observed, expected, rtol=1e-6)
        assert_allclose(outer, expected, rtol=1e-6)
        assert_allclose(aux_score, 0.0, atol=1e-6)


def test_simulate(case):
    r = case.response
    n = 40_000
    nu = np.full(n, 0.5 * (case.low + case.high) + 0.2 * (case.high - case.low) / 2)
    aux = np.full((len(r.aux_names), n), -0.7)
    y = r.prepare(np.tile([[2, 3]], (n, 1)) if case.trials else np.ones(n))
    draws = r.simulate(np.random.default_rng(5), nu, aux, y)
    mean, variance = r.mean(nu, aux, y)[0], r.variance(nu, aux, y)[0]
    assert draws.shape == (n,) and draws.dtype == np.float64
    assert_allclose(draws.mean(), mean, atol=5 * np.sqrt(variance / n))
    assert_allclose(draws.var(), variance, rtol=0.15)
    assert_allclose(draws[:9], r.simulate(np.random.default_rng(5), nu, aux, y)[:9])
    again = r.prepare(draws, np.full(n, 5.0)) if case.trials else r.prepare(draws)
    assert again.shape == y.shape
    if r.aux_names:
        start = r.aux_start(again, r.mean(nu, aux))
        assert_allclose(start, aux[:, 0], atol=0.12)
