"""Beta and beta-binomial responses."""
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
import pandas as pd
import pytest
from scipy import stats
from scipy.special import ndtr
import statsmodels.api as sm
from statsmodels.othermod.betareg import BetaModel

from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.responses.beta import Beta
from statsmodels_gllamm.responses.beta_binomial import MANY, BetaBinomial
from statsmodels_gllamm.responses.binomial import BINOMIAL_LINKS, Binomial
from tests.responses import checks
from tests.responses.cases import PROPORTION_LINKS, PROPORTIONS

L = sm.families.links
SM_LINKS = {"logit": L.Logit(), "probit": L.Probit(), "cloglog": L.CLogLog(), "loglog": L.LogLog()}


@pytest.fixture(params=PROPORTIONS, ids=lambda c: c.id)
def case(request):
    return request.param


def test_derivatives(case):
    checks.derivatives(case)


def test_moments(case):
    if case.kind == "unit":  # a large precision, so that no mass is next to 0 or 1
        checks.moments(case, aux=3.5)
    else:
        checks.moments(case)


def test_simulation(case):
    checks.simulation(case, start_atol=0.12)


def test_tails(case):
    checks.tails(case)
    checks.tails(case, aux=3.0)


def test_slopes(case):
    double = case.response.link.name in ("cloglog", "loglog")
    far = (-3.0, 3.0) if double else (-30.0, -12.0, 12.0, 30.0)
    checks.slopes(case, centres=(*far, -1.0, 0.0, 1.5), aux=1.0)
    if not double:
        checks.slopes(case)


def test_anything(case):
    checks.anything(case)


def test_values(case):
    checks.value_semantics(case)


@pytest.mark.parametrize("link", PROPORTION_LINKS)
def test_scipy(link):
    rng = np.random.default_rng(3)
    nu, logprec = rng.uniform(-1.8, 1.8, 300), rng.uniform(-2, 6, (1, 300))
    m, phi = SM_LINKS[link].inverse(nu), np.exp(logprec[0])
    r = Beta(BINOMIAL_LINKS[link])
    y = rng.beta(m * phi, (1 - m) * phi).clip(1e-8, 1 - 1e-8)
    assert_allclose(r.mean(nu), m, rtol=1e-13)
    assert_allclose(r.log_density(r.prepare(y), nu, logprec),
                    stats.beta.logpdf(y, m * phi, (1 - m) * phi), rtol=1e-9, atol=1e-10)
    r = BetaBinomial(BINOMIAL_LINKS[link])
    n = rng.integers(1, 90, 300)
    y = rng.binomial(n, 0.4)
    rows = r.prepare(np.stack([y, n - y], axis=1))
    assert_allclose(r.log_density(rows, nu, logprec),
                    stats.betabinom.logpmf(y, n, m * phi, (1 - m) * phi), rtol=1e-9, atol=1e-10)
    assert_allclose(r.variance(nu, logprec, rows) * n**2,
                    stats.betabinom.var(n, m * phi, (1 - m) * phi), rtol=1e-9)
    assert_allclose(Beta(BINOMIAL_LINKS[link]).variance(nu, logprec),
                    stats.beta.var(m * phi, (1 - m) * phi), rtol=1e-9)


@pytest.mark.parametrize("link", PROPORTION_LINKS)
def test_statsmodels_beta_model(link):
    rng = np.random.default_rng(4)
    n = 120
    x, z = sm.add_constant(rng.normal(size=(n, 1))), sm.add_constant(rng.normal(size=(n, 1)))
    y = rng.beta(2.0, 3.0, n)
    params = np.array([0.2, 0.3, 1.5, -0.4])
    model = BetaModel(y, x, exog_precision=z, link=SM_LINKS[link])
    r = Beta(BINOMIAL_LINKS[link])
    rows, nu, aux = r.prepare(y), x @ params[:2], (z @ params[2:])[None]
    assert_allclose(r.log_density(rows, nu, aux), model.loglikeobs(params), rtol=1e-11, atol=1e-11)
    score = np.concatenate([x.T @ r.derivatives(rows, nu, aux)[0],
                            z.T @ r.aux_score(rows, nu, aux)[0]])
    assert_allclose(score, model.score(params), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("logprec", [20.0, 30.0, 200.0])
def test_infinite_precision_is_binomial(logprec):
    y = np.array([[0.0, 3.0, 5.0, 40.0, 1.0], [4.0, 3.0, 9.0, 100.0, 1.0]])
    nu, aux = np.array([-1.0, 0.3, 2.0, -0.5, 7.0]), np.full((1, 5), logprec)
    tol = 1e7 * np.exp(-logprec) + 1e-12
    for link in PROPORTION_LINKS:
        r, limit = BetaBinomial(BINOMIAL_LINKS[link]), Binomial(BINOMIAL_LINKS[link])
        assert_allclose(r.log_density(y, nu, aux), limit.log_density(y, nu), atol=tol, rtol=1e-12)
        for a, b in zip((*r.derivatives(y, nu, aux), r.expected_information(y, nu, aux)),
                        (*limit.derivatives(y, nu), limit.expected_information(y, nu))):
            assert_allclose(a, b, rtol=2 * tol, atol=2 * tol)
        for x in (r.aux_score(y, nu, aux), *r.aux_derivatives(y, nu, aux),
                  r.aux_curvature(y, nu, aux)):
            assert_allclose(x, 0.0, atol=tol)


def test_single_trials_are_bernoulli():
    r, limit = BetaBinomial(), Binomial(BINOMIAL_LINKS["logit"])
    y, nu = r.prepare([0, 1, 1]), np.array([-0.3, 0.4, 2.0])
    assert y.shape == (1, 3)
    for logprec in (-3.0, 2.0):
        aux = np.full((1, 3), logprec)
        assert_allclose(r.log_density(y, nu, aux), limit.log_density(y, nu), rtol=1e-14)
        assert_allclose(r.expected_information(y, nu, aux), limit.expected_information(y, nu))
        assert_array_equal(r.aux_score(y, nu, aux), 0.0)
    assert r.describe_constant(y).startswith("one trial in every row")
    assert r.describe_constant(r.prepare([[2, 3], [1, 0]])) is None
    assert r.describe_constant(r.prepare([[0, 3], [0, 2]])) == "every response is a failure"
    assert r.describe_constant(r.prepare([[2, 0], [1, 0]])) == "every response is a success"


def test_large_precision_keeps_its_digits():
    """Against the normal limit: (y - m) sqrt(phi / (m (1 - m))) is standard normal."""
    r, m, logprec = Beta(), 0.3, np.log(1e10)
    nu, sd = np.log(m / (1 - m)), np.sqrt(m * (1 - m) * 1e-10)
    y = r.prepare(m + sd * np.array([-1.5, 0.0, 2.0]))
    aux, nus = np.full((1, 3), logprec), np.full(3, nu)
    expected = stats.norm.logpdf([-1.5, 0.0, 2.0]) - np.log(sd)
    assert_allclose(r.log_density(y, nus, aux), expected, atol=5e-5)
    score = np.array([-1.5, 0.0, 2.0]) / sd * m * (1 - m)
    assert_allclose(r.derivatives(y, nus, aux)[0], score, rtol=1e-4, atol=1.0)
    assert_allclose(r.aux_score(y, nus, aux)[0], 0.5 * (1 - np.array([2.25, 0.0, 4.0])), atol=1e-4)


def test_expected_information_of_many_trials_is_below_the_exact():
    r, n = BetaBinomial(), MANY + 100
    k = np.arange(n + 1.0)
    y, nu = np.stack([k, np.full(n + 1, float(n))]), np.full(n + 1, 0.4)
    aux = np.full((1, n + 1), 2.0)
    p = np.exp(r.log_density(y, nu, aux))
    exact = p @ r.derivatives(y, nu, aux)[0] ** 2
    got = r.expected_information(y[:, :1], nu[:1], aux[:, :1]).item()
    assert 0.8 * exact < got < exact


@pytest.mark.parametrize("x", [-38.0, -20.0, 8.0])
def test_probit_tail(x):
    """y = 1 in one trial: the mean itself; in the tail log Phi and its derivatives."""
    r = BetaBinomial(BINOMIAL_LINKS["probit"])
    y = r.prepare([[2, 0]])
    aux = np.zeros((1, 1))
    value = r.log_density(y, np.array([x]), aux)
    # m phi (m phi + 1) / (phi (phi + 1)) with phi = 1
    log_m = stats.norm.logcdf(x)
    assert_allclose(value, log_m + np.log1p(np.exp(log_m)) - np.log(2), rtol=1e-12, atol=1e-15)
    ratio = np.exp(stats.norm.logpdf(x) - log_m)
    assert_allclose(r.derivatives(y, np.array([x]), aux)[0],
                    ratio * (1 + ndtr(x) / (1 + ndtr(x))), rtol=1e-10)


BETA, BB = Beta(), BetaBinomial()


@pytest.mark.parametrize("response, endog, n_trials, message", [
    (BETA, [0.5, 0.0, 0.2, 1.0], None,
     r"Beta response is 0 in rows 1, 3: .*ZeroInflated or families\.Hurdle"),
    (BETA, [0.5, 1.2], None, r"Beta response is 1\.2 in row 1"),
    (BETA, [0.5], [3], "n_trials is for binomial responses; Beta does"),
    (BETA, pd.Series([0.5, 1.0], index=["a", "b"]), None, "in row b: "),
    (BETA, [np.nan], None, "drop missing"),
    (BB, [0, 7, 1], None, r"^BetaBinomial response is 7 in row 1: counts of successes need"),
    (BB, [0.5, 0.3], [2, 4], r"^BetaBinomial response is 0\.3 in row 1: the proportion times"),
    (BB, [1, 0], [3, -4], r"n_trials of the BetaBinomial response is -4 in row 1"),
])
def test_refused(response, endog, n_trials, message):
    with pytest.raises(DataError, match=message):
        response.prepare(endog, n_trials)


@pytest.mark.parametrize("cls", [Beta, BetaBinomial])
def test_refused_links(cls):
    with pytest.raises(ValueError, match=f"{cls.__name__} has the links logit, .*not cauchy"):
        cls(BINOMIAL_LINKS["cauchy"])


def test_rows_to_predict():
    assert_allclose(BETA.blank(2), [[0.5, 0.5], [np.log(0.5)] * 2, [np.log(0.5)] * 2])
    assert_array_equal(BB.blank(2, [3, 4]), [[0, 0], [3, 4]])
    draws = BB.simulate(np.random.default_rng(0), np.zeros(500), np.zeros((1, 500)),
                        BB.blank(500, np.full(500, 4)))
    assert set(draws) == {0.0, 0.25, 0.5, 0.75, 1.0}
