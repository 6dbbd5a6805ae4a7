"""Counts truncated at zero."""
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
import pandas as pd
import pytest
from scipy import stats
import statsmodels.api as sm
from statsmodels.discrete.truncated_model import (
    TruncatedLFGeneralizedPoisson,
    TruncatedLFNegativeBinomialP,
    TruncatedLFPoisson,
)

from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.responses.beta_binomial import BetaBinomial
from statsmodels_gllamm.responses.binomial import BINOMIAL_LINKS, Binomial
from statsmodels_gllamm.responses.gaussian import Gaussian
from statsmodels_gllamm.responses.generalized_poisson import GeneralizedPoisson
from statsmodels_gllamm.responses.hazards import Ratio, hazard
from statsmodels_gllamm.responses.logit import BinomialLogit
from statsmodels_gllamm.responses.negative_binomial import NegativeBinomial
from statsmodels_gllamm.responses.negative_binomial1 import NegativeBinomial1
from statsmodels_gllamm.responses.poisson import Poisson
from statsmodels_gllamm.responses.truncated import ZeroTruncated
from tests.responses import checks
from tests.responses.cases import TRUNCATED

POISSON = ZeroTruncated(Poisson())


@pytest.fixture(params=TRUNCATED, ids=lambda c: c.id)
def case(request):
    return request.param


def test_derivatives(case):
    checks.derivatives(case)


def test_moments(case):
    checks.moments(case)


def test_simulation(case):
    checks.simulation(case)


def test_rare_counts_are_drawn_one_by_one():
    n = 40_000
    for inner, y in ((Poisson(), None), (NegativeBinomial1(), None), (GeneralizedPoisson(1), None),
                     (BinomialLogit(), np.stack([np.zeros(n), np.full(n, 4.0)]))):
        r = ZeroTruncated(inner)
        nu = np.repeat([-1.5, -4.0, -50.0, -600.0], n // 4)
        aux = np.full((len(r.aux_names), n), 0.2)
        draws = r.simulate(np.random.default_rng(3), nu, aux, y)
        mean, variance = r.mean(nu, aux, y), r.variance(nu, aux, y)
        for rows in np.split(np.arange(n), 4):
            error = 5 * np.sqrt(variance[rows[0]] / len(rows))
            assert_allclose(draws[rows].mean(), mean[rows[0]], atol=error + 1e-12)


def test_tails(case):
    if not case.response.bounded:
        checks.tails(case)
        checks.tails(case, aux=-3.0)


def test_slopes(case):
    if case.response.bounded:
        return
    double = "loglog" in case.response.name
    far = (-3.0, 3.0) if double else (-30.0, -12.0, 5.0, 30.0)
    if "NegativeBinomial(cloglog)" in case.response.name:
        far = (-30.0, -3.0, 3.0)
    checks.slopes(case, centres=(*far, *(() if double else (-7.5,)), -1.0, 0.0, 1.5),
                  aux=0.5)


def test_anything(case):
    if not case.response.bounded:
        checks.anything(case)


def test_values(case):
    checks.value_semantics(case)
    r = case.response
    assert not r.mass_at_zero and r.aux_names == r.inner.aux_names
    assert r.aux_limits == r.inner.aux_limits


def test_scipy():
    rng = np.random.default_rng(1)
    y, nu = rng.poisson(3.0, 100) + 1.0, rng.uniform(-3, 3, 100)
    mu = np.exp(nu)
    assert_allclose(POISSON.log_density(y[None], nu),
                    stats.poisson.logpmf(y, mu) - np.log(-np.expm1(-mu)), rtol=1e-11)
    aux = rng.uniform(-2, 2, (1, 100))
    size = np.exp(aux[0])
    got = ZeroTruncated(NegativeBinomial()).log_density(y[None], nu, aux)
    p = size / (size + mu)
    assert_allclose(got, stats.nbinom.logpmf(y, size, p) - stats.nbinom.logsf(0, size, p), rtol=1e-9)
    trials = y + rng.integers(0, 9, 100)
    rows, m = np.stack([y, trials]), 1 / (1 + np.exp(-nu))
    got = ZeroTruncated(BinomialLogit()).log_density(rows, nu)
    expected = stats.binom.logpmf(y, trials, m) - stats.binom.logsf(0, trials, m)
    assert_allclose(got, expected, rtol=1e-9, atol=1e-12)
    got = ZeroTruncated(BetaBinomial()).log_density(rows, nu, aux)
    args = trials, m * size, (1 - m) * size
    expected = stats.betabinom.logpmf(y, *args) - np.log1p(-stats.betabinom.pmf(0, *args))
    assert_allclose(got, expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("cls, p, inner, sign", [
    (TruncatedLFPoisson, None, Poisson(), None),
    (TruncatedLFNegativeBinomialP, 1, NegativeBinomial1(), -1),
    (TruncatedLFNegativeBinomialP, 2, NegativeBinomial(), -1),
    (TruncatedLFGeneralizedPoisson, 1, GeneralizedPoisson(1), 1),
    (TruncatedLFGeneralizedPoisson, 2, GeneralizedPoisson(2), 1)])
def test_statsmodels(cls, p, inner, sign):
    rng = np.random.default_rng(2)
    x = sm.add_constant(rng.normal(size=(150, 1)))
    y = rng.poisson(np.exp(0.5 * x[:, 1] + 1)) + 1
    alpha, params = 0.6, np.array([0.7, 0.4])
    model = cls(y, x) if p is None else cls(y, x, p=p)
    r = ZeroTruncated(inner)
    nu = x @ params
    aux = np.full((len(r.aux_names), 150), (sign or 0) * np.log(alpha))
    full = params if p is None else np.append(params, alpha)
    rows = r.prepare(y)
    assert_allclose(r.log_density(rows, nu, aux), model.loglikeobs(full), rtol=1e-10, atol=1e-10)
    if p is None:
        assert_allclose(x.T @ r.derivatives(rows, nu, aux)[0], model.score(full), rtol=1e-9)
    mean, variance = model._predict_mom_trunc0(full, np.exp(nu)) if p is None else (None, None)
    if p is None:
        assert_allclose(r.mean(nu, aux), mean, rtol=1e-12)
        assert_allclose(r.variance(nu, aux), variance, rtol=1e-10)


def test_small_mean():
    """1 + mu/2, and log(mu^(y - 1) / y!), with all their digits."""
    y, nu = np.array([[1.0, 2.0, 3.0]]), np.full(3, -300.0)
    assert_allclose(POISSON.log_density(y, nu), [0.0, -300 - np.log(2), -600 - np.log(6)],
                    rtol=1e-14)
    assert_array_equal(POISSON.mean(nu), 1.0)
    assert_allclose(POISSON.mean(np.array([-10.0])), 1 + np.exp(-10) / 2, rtol=1e-9)
    assert_allclose(POISSON.variance(np.array([-10.0])), np.exp(-10) / 2, rtol=1e-4)
    assert_allclose(POISSON.mean(np.array([-1e4, 700.0])), [1.0, np.exp(700.0)])
    # NB1 becomes the logarithmic series distribution
    r, alpha = ZeroTruncated(NegativeBinomial1()), 1.5
    got = r.log_density(y, nu, np.full((1, 3), -np.log(alpha)))
    assert_allclose(got, stats.logser.logpmf(y[0], alpha / (1 + alpha)), rtol=1e-12)
    assert_allclose(r.mean(nu, np.full((1, 3), -np.log(alpha))),
                    stats.logser.mean(alpha / (1 + alpha)), rtol=1e-12)


def test_large_mean_is_not_truncated():
    y, nu = np.array([[900.0, 1100.0]]), np.log([1000.0, 1000.0])
    for inner in (Poisson(), NegativeBinomial(alpha=0.01), NegativeBinomial1(0.5)):
        r = ZeroTruncated(inner)
        assert_allclose(r.log_density(y, nu), inner.log_density(y, nu), rtol=1e-13)
        for a, b in zip(r.derivatives(y, nu), inner.derivatives(y, nu)):
            assert_allclose(a, b, rtol=1e-12)


CLOSED = [c for c in TRUNCATED if "Poisson" not in c.response.name.split("(")[1]
          or "Generalized" in c.response.name]


@pytest.mark.parametrize("case", CLOSED, ids=lambda c: c.id)
def test_hazard_is_that_of_the_log_density(case):
    """The closed forms and the power series against the general formula."""
    inner = case.response.inner
    y, nu, aux = case.draw(np.random.default_rng(8), 80)
    x, ratio = hazard(inner), Ratio(inner)
    assert_allclose(x.value(y, nu, aux), ratio.value(y, nu, aux), rtol=1e-11, atol=1e-12)
    pairs = [*zip(x.derivatives(y, nu, aux), ratio.derivatives(y, nu, aux))]
    if inner.aux_names:
        pairs += zip(x.aux(y, nu, aux), ratio.aux(y, nu, aux))
    for a, b in pairs:
        assert_allclose(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("link", ["logit", "probit", "cloglog", "loglog"])
def test_series_of_rare_successes_is_continuous(link):
    """On both sides of m = 0.03; of all trials, above 256 of them by Hurwitz's zeta function."""
    link = BINOMIAL_LINKS[link]
    low, high = -20.0, 5.0
    for _ in range(200):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if link.success.value(middle) < np.log(0.03) else (low, middle)
    edge = np.array([[low - 1e-12] * 3, [high + 1e-12] * 3])
    for inner in (Binomial(link), BetaBinomial(link)):
        y = np.array([[1.0, 1.0, 1.0], [3.0, 200.0, 300.0]])
        aux = np.full((len(inner.aux_names), 3), 1.3)
        x = hazard(inner)
        values = [x.value(y, edge, aux), *x.derivatives(y, edge, aux)]
        if inner.aux_names:
            values += [v.reshape(2, 3) for v in x.aux(y, edge, aux)]
        for v in values:
            assert_allclose(v[0], v[1], rtol=1e-8, atol=1e-10)


def test_log_concave():
    assert POISSON.log_concave and ZeroTruncated(BinomialLogit()).log_concave
    assert not ZeroTruncated(NegativeBinomial()).log_concave
    assert not ZeroTruncated(Binomial(BINOMIAL_LINKS["probit"])).log_concave
    nu = np.linspace(-30, 30, 2001)
    for y in (1.0, 2.0, 50.0):
        assert np.all(POISSON.derivatives(np.full((1, nu.size), y), nu)[1] <= 1e-15)
        rows = np.stack([np.full(nu.size, y), np.full(nu.size, 50.0)])
        assert np.all(ZeroTruncated(BinomialLogit()).derivatives(rows, nu)[1] <= 1e-13)


def test_refused():
    with pytest.raises(DataError, match=r"Truncated\(Poisson\(log\)\) response is 0 in rows 1, 3: "
                                        "a response truncated at zero is positive"):
        POISSON.prepare([1, 0, 2, 0])
    with pytest.raises(DataError, match="in row b: "):
        POISSON.prepare(pd.Series([1, 0], index=["a", "b"]))
    with pytest.raises(DataError, match="in row q: "):
        ZeroTruncated(BinomialLogit()).prepare([[1, 2], [0, 3]], index=["p", "q"])
    with pytest.raises(DataError, match="Poisson response is -1 in row 0"):
        POISSON.prepare([-1, 2])
    with pytest.raises(TypeError, match=r"Gaussian\(identity\) is no distribution of counts"):
        ZeroTruncated(Gaussian())
    assert POISSON.describe_constant(POISSON.prepare([1, 1])) == "every response is 1"


def test_outside_the_support():
    r = ZeroTruncated(Binomial(BINOMIAL_LINKS["log"]))
    y, nu = r.prepare([[1, 2], [2, 1]]), np.array([0.3, -0.5])
    kernel, score = r.kernel_score(y, nu)
    assert np.isneginf(kernel[0]) and np.isfinite(kernel[1]) and score[0] == 0
    for x in r.derivatives(y, nu):
        assert x[0] == 0 and np.isfinite(x[1])
    power = next(c.response for c in TRUNCATED if "sqrt" in c.response.name)
    kernel, score = power.kernel_score(power.prepare([2, 3]), np.array([0.0, -1.2]))
    assert np.isneginf(kernel[0]) and np.isfinite(kernel[1]) and score[0] == 0
