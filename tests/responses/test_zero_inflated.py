"""Zero inflation: values against statsmodels and direct formulas, derivatives, tails, moments."""
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
import pytest
from scipy import stats
from scipy.special import expit
from statsmodels.discrete.count_model import ZeroInflatedNegativeBinomialP, ZeroInflatedPoisson

from statsmodels_gllamm.responses.beta_binomial import BetaBinomial
from statsmodels_gllamm.responses.binomial import BINOMIAL_LINKS, Binomial
from statsmodels_gllamm.responses.generalized_poisson import GeneralizedPoisson
from statsmodels_gllamm.responses.links import Power
from statsmodels_gllamm.responses.logit import BinomialLogit
from statsmodels_gllamm.responses.negative_binomial import NegativeBinomial
from statsmodels_gllamm.responses.negative_binomial1 import NegativeBinomial1
from statsmodels_gllamm.responses.poisson import Poisson, PoissonPower
from statsmodels_gllamm.responses.zero_inflated import ZeroInflated, log_mixture
from tests.responses.set_cases import (
    check_all,
    check_layouts,
    contiguous,
    position_major,
    to_position_major,
)

LOGIT, PROBIT = BINOMIAL_LINKS["logit"], BINOMIAL_LINKS["probit"]
S = 14
INNERS = (Poisson(), NegativeBinomial(), NegativeBinomial(alpha=0.5), NegativeBinomial1(),
          GeneralizedPoisson(), BinomialLogit(), Binomial(PROBIT), BetaBinomial())
CASES = [ZeroInflated(inner, link) for inner in INNERS for link in (LOGIT, PROBIT)]
IDS = [f"{r.name} {getattr(r.inner, 'alpha', '')}" for r in CASES]


def pairs(main, zero):
    """Contiguous pairs of rows."""
    return np.stack([main, zero], axis=-1).reshape(main.shape[:-1] + (-1,))


def draw(r, seed, size=S):
    """y, nu and phi in contiguous pairs; the first third of the responses are zeros."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson(2.0, size).astype(float)
    counts[:size // 3] = 0
    y = counts[None]
    if isinstance(r.inner, Binomial | BetaBinomial):
        y = np.stack([counts, counts + rng.integers(1, 4, size)])
    phi = rng.normal(0, 0.5, (len(r.aux_names), size))
    return pairs(y, y), rng.normal(0, 1.2, 2 * size), phi


@pytest.fixture(params=CASES, ids=IDS)
def r(request):
    return request.param


def test_derivatives(r):
    y, nu, phi = draw(r, 3)
    check_all(r, y, nu, phi, contiguous([2] * S))
    y, nu = to_position_major(y, S, 2), to_position_major(nu, S, 2)
    check_all(r, y, nu, phi, position_major(S, 2), seed=1)


def test_layouts(r):
    y, nu, phi = draw(r, 4)
    check_layouts(r, y, nu, phi, S, 2)


def test_density_is_the_mixture(r):
    y, nu, phi = draw(r, 5)
    sets = contiguous([2] * S)
    pi = np.exp(r.link.success.value(nu[1::2]))
    f = np.exp(r.inner.log_density(y[:, ::2], nu[::2], phi))
    expected = np.log((1 - pi) * f + np.where(y[0, ::2] == 0, pi, 0))
    assert_allclose(r.kernel(y, nu, phi, sets) + r.constant(y, phi, sets), expected, rtol=1e-12)


def test_probabilities_sum_to_one_and_have_the_moments():
    k = np.arange(400.0)
    for inner, phi in ((Poisson(), []), (NegativeBinomial(), [0.7])):
        r, sets = ZeroInflated(inner), position_major(len(k), 2)
        nu = np.repeat([1.1, -0.4], len(k))
        aux = np.repeat(np.array(phi)[:, None], len(k), axis=1)
        y = np.tile(k, 2)[None]
        p = np.exp(r.kernel(y, nu, aux, sets) + r.constant(y, aux, sets))
        assert_allclose(p.sum(), 1, rtol=1e-12)
        mean = r.mean(nu, np.tile(aux, 2), y, sets)
        assert mean.shape == (len(k),)
        assert_allclose(mean, p @ k, rtol=1e-11)
        assert_allclose(r.variance(nu, np.tile(aux, 2), y, sets), p @ (k - p @ k) ** 2, rtol=1e-11)


def test_is_the_zero_inflated_poisson_of_statsmodels():
    rng = np.random.default_rng(1)
    n = 60
    x = np.column_stack([np.ones(n), rng.normal(size=n)])
    z = np.column_stack([np.ones(n), rng.normal(size=n)])
    counts = rng.poisson(1.5, n) * rng.integers(0, 2, n)
    gamma, beta = np.array([0.3, -0.6]), np.array([0.5, 0.4])
    model = ZeroInflatedPoisson(counts, x, exog_infl=z)
    params = np.concatenate([gamma, beta])
    r, sets, y = ZeroInflated(Poisson()), position_major(n, 2), np.tile(counts, 2)[None] * 1.0
    kernel, score = r.kernel_score(y, np.concatenate([x @ beta, z @ gamma]), None, sets)
    assert_allclose(kernel + r.constant(y, None, sets), model.loglikeobs(params), rtol=1e-10)
    assert_allclose(np.concatenate([score[n:] @ z, score[:n] @ x]), model.score(params), rtol=1e-6)


def test_is_the_zero_inflated_negative_binomial_of_statsmodels():
    rng = np.random.default_rng(2)
    n = 50
    x = np.column_stack([np.ones(n), rng.normal(size=n)])
    counts = rng.poisson(2.5, n) * rng.integers(0, 2, n)
    beta = np.array([0.5, 0.4])
    model = ZeroInflatedNegativeBinomialP(counts, x, exog_infl=x, p=2)
    params = np.array([0.2, -0.3, *beta, 0.8])
    r, sets, y = ZeroInflated(NegativeBinomial()), position_major(n, 2), np.tile(counts, 2)[None] * 1.0
    nu, phi = np.concatenate([x @ beta, x @ params[:2]]), np.full((1, n), -np.log(0.8))
    assert_allclose(r.kernel(y, nu, phi, sets) + r.constant(y, phi, sets), model.loglikeobs(params),
                    rtol=1e-10)


def test_no_inflation_is_the_inner_response(r):
    y, nu, phi = draw(r, 6)
    sets = contiguous([2] * S)
    # a probit of -700 is a probability of e^-245000, a logit of -700 one of e^-700
    nu[1::2] = -700.0
    inner = y[:, ::2], nu[::2], phi
    kernel, score = r.kernel_score(y, nu, phi, sets)
    assert_allclose(kernel + r.constant(y, phi, sets), r.inner.log_density(*inner), rtol=1e-13)
    l1, l2, l3 = r.inner.derivatives(*inner)
    v = np.random.default_rng(0).normal(size=2 * S)
    v[1::2] = 0
    local = r.local(y, nu, phi, sets)
    assert_allclose(score[::2], l1, rtol=1e-13)
    assert_allclose(local.second(v)[::2], l2 * v[::2], rtol=1e-12)
    assert_allclose(local.third(v, v)[::2], l3 * v[::2]**2, rtol=1e-11, atol=1e-14)
    assert_allclose(local.ascent(v)[::2], r.inner.expected_information(*inner) * v[::2], rtol=1e-13)
    assert_allclose(r.aux_score(y, nu, phi, sets), r.inner.aux_score(*inner), rtol=1e-13)
    if len(phi):
        assert_allclose(r.aux_curvature(y, nu, phi, sets), r.inner.aux_curvature(*inner), rtol=1e-12)
        assert_allclose(local.aux_first(v), r.inner.aux_derivatives(*inner)[0] * v[::2], rtol=1e-12)


def test_tails_of_a_poisson():
    """Every sign of both predictors of 700, with a zero and with a three."""
    r, sets, e = ZeroInflated(Poisson()), contiguous([2] * 8), np.exp(-700.0)
    nu = np.array([-700, -700, -700, 700, 700, -700, 700, 700] * 2, dtype=float)
    y = np.repeat([0.0, 3.0], 8)[None]
    kernel, score = r.kernel_score(y, nu, None, sets)
    big = np.exp(700.0)
    assert_allclose(kernel, [-e, -e * e, -700, -e, -2100, -2800, -big, -big], rtol=1e-13, atol=1e-307)
    assert_allclose(score[::2], [-e, 0, 0, 0, 3, 3, -big, -big], rtol=1e-13, atol=1e-307)
    assert_allclose(score[1::2], [0, 0, 1, e, -e, -1, -e, -1], rtol=1e-13, atol=1e-307)
    local, v = r.local(y, nu, None, sets), np.random.default_rng(0).normal(size=16)
    for x in (local.first, local.second(v), local.third(v, v), local.ascent(v)):
        assert np.all(np.isfinite(x))
    assert_allclose(local.second(np.ones(16))[::2][-2:], -big)


def test_probit_tail():
    """A zero that is certain to be structural has the probit's own derivatives."""
    r, sets = ZeroInflated(Poisson(), PROBIT), contiguous([2])
    nu, y = np.array([700.0, -30.0]), np.zeros((1, 2))
    l1, l2, l3 = Binomial(PROBIT).derivatives(np.ones((1, 1)), nu[1:])
    local, z = r.local(y, nu, None, sets), np.array([0.0, 1.0])
    assert_allclose(r.kernel(y, nu, None, sets), stats.norm.logcdf(-30.0), rtol=1e-13)
    assert_allclose([local.first[1], local.second(z)[1], local.third(z, z)[1]], [*l1, *l2, *l3],
                    rtol=1e-12)


def test_log_mixture():
    b = -np.logaddexp(0, 0.3)
    a = 0.3 + b  # e^a + e^b = 1
    f = np.array([-1e-20, -1e-8, -0.5, -2.0, -800.0, -np.inf])
    expected = [-np.exp(b) * 1e-20, -np.exp(b) * 1e-8, *np.logaddexp(a, b + f[2:])]
    assert_allclose(log_mixture(np.full(6, a), np.full(6, b), f), expected, rtol=2e-8)


def test_outside_the_support_of_the_inner_response():
    r = ZeroInflated(PoissonPower(Power(1.0)))
    sets, y = contiguous([2, 2]), np.array([[0.0, 0, 2, 2]])
    nu = np.array([-1.0, 0.5, 2.0, 0.5])
    kernel, score = r.kernel_score(y, nu, None, sets)
    assert np.isneginf(kernel[0]) and np.isfinite(kernel[1])
    assert_array_equal(score[:2], 0)
    assert r.bounded and not r.log_concave


def test_names_and_what_passes_through():
    r = ZeroInflated(NegativeBinomial(), PROBIT)
    assert r.name == "ZeroInflated(NegativeBinomial(log), probit)"
    assert r.aux_names == ("logsize",) and r.aux_limits == r.inner.aux_limits
    assert_allclose(r.aux_start(np.array([[0.0, 1, 12, 8, 0, 3]])),
                    r.inner.aux_start(np.array([[1.0, 12, 8, 3]]), np.full(4, 6.0)))
    assert_array_equal(r.aux_start(np.zeros((1, 4))), [0])
    trials = np.array([[0.0, 1, 3], [2, 2, 4]])
    r = ZeroInflated(BetaBinomial())
    assert_allclose(r.aux_start(trials), r.inner.aux_start(trials[:, 1:], np.full(2, 5 / 8)))
    r = ZeroInflated(Poisson())
    assert r.aux_names == () and r.aux_start(np.zeros((1, 4))).shape == (0,)
    assert r.describe_constant(np.zeros((1, 4))) == "every response is 0"


def test_simulation_has_the_moments():
    n = 20000
    r, sets, nu = ZeroInflated(Poisson()), position_major(n, 2), np.repeat([1.0, -0.5], n)
    y = r.simulate(np.random.default_rng(0), nu, None, None, sets)
    assert y.shape == (n,)
    mean, sd = r.mean(nu, None, None, sets)[0], np.sqrt(r.variance(nu, None, None, sets)[0])
    assert abs(y.mean() - mean) < 4 * sd / np.sqrt(n)
    zero = expit(-0.5) + expit(0.5) * np.exp(-np.e)
    assert abs((y == 0).mean() - zero) < 4 * np.sqrt(zero * (1 - zero) / n)


@given(st.sampled_from(CASES), st.integers(0, 10**6), st.floats(-700, 700), st.floats(-700, 700))
def test_fuzz(r, seed, main, zero):
    y, nu, phi = draw(r, seed, 6)
    nu = nu + pairs(np.full(6, main), np.full(6, zero))
    nu = np.clip(nu, -700, 700)
    sets = contiguous([2] * 6)
    kernel, score = r.kernel_score(y, nu, phi, sets)
    assert not np.any(np.isnan(kernel)) and np.all(kernel + r.constant(y, phi, sets) <= 1e-12)
    local, v = r.local(y, nu, phi, sets), np.random.default_rng(seed).normal(size=12)
    for x in (score, local.first, local.second(v), local.third(v, v), local.ascent(v),
              r.aux_score(y, nu, phi, sets), r.aux_curvature(y, nu, phi, sets),
              local.aux_first(v), local.aux_second(v, v)):
        assert np.all(np.isfinite(x))
    assert_allclose(score, local.first, rtol=1e-8, atol=1e-10)
