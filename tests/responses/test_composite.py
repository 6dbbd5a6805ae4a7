"""Composite links: values against direct formulas, derivatives, tails, special cases."""
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
import pytest
from scipy import stats
from scipy.special import expit, gammaln

from statsmodels_gllamm.responses.binomial import BINOMIAL_LINKS, Binomial
from statsmodels_gllamm.responses.composite import composite, log_sum
from statsmodels_gllamm.responses.gamma import Gamma
from statsmodels_gllamm.responses.gaussian import Gaussian, GaussianMean
from statsmodels_gllamm.responses.generalized_poisson import GeneralizedPoisson
from statsmodels_gllamm.responses.inverse_gaussian import InverseGaussian
from statsmodels_gllamm.responses.links import CLogLog, Log, Power
from statsmodels_gllamm.responses.logit import BinomialLogit
from statsmodels_gllamm.responses.negative_binomial import NegativeBinomial
from statsmodels_gllamm.responses.negative_binomial1 import NegativeBinomial1
from statsmodels_gllamm.responses.poisson import Poisson, PoissonPower
from tests.responses.set_cases import (
    check_all,
    check_layouts,
    contiguous,
    position_major,
    to_position_major,
)

COUNTS = np.array([3, 1, 2, 4, 2, 3])
INNERS = [Poisson(), PoissonPower(Power(1.0)), PoissonPower(Power(0.5)), Gaussian(),
          GaussianMean(Log()), GaussianMean(Power(-1.0)), Gamma(), Gamma(Power(-1.0)),
          InverseGaussian(Log()), NegativeBinomial(), NegativeBinomial(CLogLog(), 0.7),
          NegativeBinomial1(), GeneralizedPoisson(),
          BinomialLogit(), *(Binomial(BINOMIAL_LINKS[k]) for k in (
              "probit", "cloglog", "loglog", "cauchy", "log", "identity"))]
POSITIVE = ("identity", "sqrt", "inverse_power", "inverse_squared")


def link_name(inner):
    return inner.name[inner.name.index("(") + 1:-1]


def ranges(inner):
    if isinstance(inner, Binomial) and link_name(inner) in ("log", "identity"):
        return (-2.0, -0.2) if link_name(inner) == "log" else (0.1, 0.9)
    return (0.4, 2.0) if link_name(inner) in POSITIVE and not isinstance(inner, Gaussian) else (
        -1.5, 1.5)


def draw(inner, seed, counts=COUNTS):
    """y with weights, nu and phi of contiguous sets."""
    rng, size = np.random.default_rng(seed), len(counts)
    n, repeat = sum(counts), np.repeat(np.arange(size), counts)
    w = rng.uniform(0.2, 2.0, n)
    if isinstance(inner, Binomial):
        trials = rng.integers(1, 6, size).astype(float)
        y = np.stack([rng.binomial(trials.astype(int), 0.5).astype(float), trials])
        w = w / np.bincount(repeat, w)[repeat] * rng.choice([1.0, 0.7], size)[repeat]
    elif isinstance(inner, Poisson | PoissonPower | NegativeBinomial | NegativeBinomial1
                    | GeneralizedPoisson):
        y = rng.poisson(3.0, size)[None].astype(float)
    else:
        y = rng.gamma(2.0, 1.0, size)[None]
        if isinstance(inner, Gaussian | GaussianMean):
            w *= rng.choice([1.0, -0.5], n)
    phi = rng.uniform(-0.7, 0.3, (len(inner.aux_names), size))
    return np.vstack([y[:, repeat], w]), rng.uniform(*ranges(inner), n), phi


@pytest.fixture(params=INNERS, ids=lambda r: f"{r.name}{getattr(r, 'alpha', '') or ''}")
def inner(request):
    return request.param


def test_derivatives(inner):
    check_all(composite(inner), *draw(inner, 3), contiguous(COUNTS))
    y, nu, phi = draw(inner, 4, np.full(4, 3))
    check_all(composite(inner), to_position_major(y, 4, 3), nu, phi, position_major(4, 3))


def test_layouts(inner):
    check_layouts(composite(inner), *draw(inner, 5, np.full(5, 2)), 5, 2)


def test_one_row_is_the_inner_response(inner):
    y, nu, phi = draw(inner, 6, np.ones(9, dtype=int))
    y[-1] = 1.0
    r, sets = composite(inner), contiguous(np.ones(9, dtype=int))
    value = r.kernel(y, nu, phi, sets) + r.constant(y, phi, sets)
    assert_allclose(value, inner.log_density(y[:-1], nu, phi), rtol=1e-12)
    local, v = r.local(y, nu, phi, sets), np.linspace(-1, 1, 9)
    l1, l2, l3 = inner.derivatives(y[:-1], nu, phi)
    assert_allclose(local.first, l1, rtol=1e-10, atol=1e-12)
    assert_allclose(local.second(v), l2 * v, rtol=1e-9, atol=1e-11)
    assert_allclose(local.third(v, v), l3 * v * v, rtol=1e-8, atol=1e-10)
    assert_allclose(local.ascent(v), inner.expected_information(y[:-1], nu, phi) * v, rtol=1e-10)
    for method in ("mean", "variance"):
        assert_allclose(getattr(r, method)(nu, phi, y, sets), getattr(inner, method)(nu, phi, y[:-1]),
                        rtol=1e-11)


def density(inner, y, mu, aux):
    """Log density from the mean, by scipy."""
    match inner:
        case Poisson() | PoissonPower():
            return stats.poisson.logpmf(y[0], mu)
        case Gaussian() | GaussianMean():
            return stats.norm.logpdf(y[0], mu, np.exp(aux[0]))
        case Gamma():
            shape = np.exp(-2 * aux[0])
            return stats.gamma.logpdf(y[0], shape, scale=mu / shape)
        case NegativeBinomial():
            size = 1 / inner.alpha if inner.alpha else np.exp(aux[0])
            return stats.nbinom.logpmf(y[0], size, size / (size + mu))
        case NegativeBinomial1():
            delta = np.exp(-aux[0])
            return stats.nbinom.logpmf(y[0], mu / delta, 1 / (1 + delta))
        case InverseGaussian():
            phi = np.exp(2 * aux[0])
            return stats.invgauss.logpdf(y[0], mu * phi, scale=1 / phi)
        case GeneralizedPoisson():
            return inner.log_density(y, np.log(mu), aux)
        case _:
            return stats.binom.logpmf(y[0], y[1], mu)


def test_density_at_the_sum(inner):
    y, nu, phi = draw(inner, 7)
    r, sets = composite(inner), contiguous(COUNTS)
    mu = sets.sum(y[-1] * inner.mean(nu, None))
    assert_allclose(r.mean(nu, np.repeat(phi, COUNTS, axis=1), y, sets), mu, rtol=1e-12)
    value = r.kernel(y, nu, phi, sets) + r.constant(y, phi, sets)
    assert_allclose(value, density(inner, y[:-1, sets.starts], mu, phi), rtol=1e-10, atol=1e-12)


def test_gaussian_flags():
    r = composite(Gaussian())
    assert r.gaussian and r.log_concave and not r.bounded
    r = composite(GaussianMean(Log()))
    assert not r.gaussian and not r.log_concave
    assert composite(PoissonPower(Power(1.0))).bounded
    assert composite(Gamma()).name == "Composite(Gamma(log))"
    assert composite(NegativeBinomial()).aux_limits


def test_tails_of_a_poisson():
    """log mu of -700 and of 700, and a row that is nothing beside the other."""
    r, sets = composite(Poisson()), contiguous([2, 2, 2])
    nu = np.array([-700.0, -700, 700, 690, 700, -700])
    y = np.vstack([np.full(6, 2.0), np.ones(6)])
    kernel, score = r.kernel_score(y, nu, None, sets)
    big, log = np.exp(700.0), np.log1p(np.exp(-10.0))
    assert_allclose(kernel, [2 * (np.log(2) - 700), -big * np.exp(log), -big], rtol=1e-13)
    assert_allclose(score, [1, 1, -big, -np.exp(690.0), -big, 0], rtol=1e-13, atol=1e-300)
    local, v = r.local(y, nu, None, sets), np.random.default_rng(0).normal(size=6)
    for x in (local.second(v), local.third(v, v), local.ascent(v)):
        assert np.all(np.isfinite(x))
    assert_allclose(local.second(np.array([1.0, 0, 0, 0, 0, 0]))[:2], [0.5, -0.5], rtol=1e-12)


def test_tails_of_a_binomial():
    """Averages of probabilities next to zero, next to one, and of both."""
    r, sets = composite(BinomialLogit()), contiguous([2, 2, 2])
    nu = np.array([-700.0, -701, 700, 701, 700, -700])
    for y0, expected in ((1.0, [-700 + np.log((1 + np.exp(-1)) / 2), 0.0, -np.log(2)]),
                         (0.0, [0.0, -700 + np.log((1 + np.exp(-1)) / 2), -np.log(2)])):
        y = np.vstack([np.full(6, y0), np.ones(6), np.full(6, 0.5)])
        kernel, score = r.kernel_score(y, nu, np.zeros((0, 3)), sets)
        assert_allclose(kernel, expected, rtol=1e-13, atol=1e-15)
        share = expit(1.0)
        sure = np.array([share, 1 - share]) * (1 if y0 else -1)
        assert_allclose(score[:2] if y0 else score[2:4], sure, rtol=1e-12)
        assert_allclose(score[4:], 0, atol=1e-300)
        local, v = r.local(y, nu, np.zeros((0, 3)), sets), np.arange(6.0)
        for x in (local.second(v), local.third(v, v), local.ascent(v)):
            assert np.all(np.isfinite(x))


def test_outside_the_support():
    r, sets = composite(PoissonPower(Power(1.0))), contiguous([2, 2])
    y, nu = np.vstack([np.full(4, 2.0), np.ones(4)]), np.array([-1.0, 3.0, 1.0, 3.0])
    kernel, score = r.kernel_score(y, nu, None, sets)
    assert np.isneginf(kernel[0])
    assert_allclose(kernel[1] - gammaln(3), stats.poisson.logpmf(2, 4))
    assert_array_equal(score[:2], 0)
    local = r.local(y, nu, None, sets)
    assert_array_equal(local.first[:2], 0)
    assert_array_equal(local.second(np.ones(4))[:2], 0)
    assert np.all(local.third(np.ones(4), np.ones(4))[2:] != 0)


def test_zero_weight_leaves_the_row_out():
    r, sets = composite(Poisson()), contiguous([2, 1])
    y = np.array([[2.0, 2, 2], [1.0, 0, 1]])
    nu = np.array([0.3, 650.0, 0.3])
    kernel, score = r.kernel_score(y, nu, None, sets)
    assert kernel[0] == kernel[1] and score[1] == 0 and score[0] == score[2]


def test_log_sum():
    sets = contiguous([2, 1])
    x = np.array([-np.inf, -np.inf, 3.0])
    assert_array_equal(log_sum(x, sets), [-np.inf, 3.0])
    assert_array_equal(log_sum(x, sets, np.array([0.5, -np.inf])), [0.5, 3.0])


@pytest.mark.parametrize("inner", [Poisson(), Gaussian(), BinomialLogit()], ids=lambda r: r.name)
def test_simulation_has_the_moments(inner):
    size, r = 20000, composite(inner)
    sets, w = position_major(size, 2), 0.5
    nu, aux = np.repeat([0.5, -1.0], size), np.zeros((len(inner.aux_names), 2 * size))
    y = np.vstack([np.zeros(2 * size), np.full(2 * size, w)])
    if isinstance(inner, Binomial):
        y = np.vstack([y[:1], np.full((1, 2 * size), 3.0), y[1:]])
    drawn = r.simulate(np.random.default_rng(0), nu, aux, y, sets)
    mean, var = r.mean(nu, aux, y, sets)[0], r.variance(nu, aux, y, sets)[0]
    assert drawn.shape == (size,)
    assert abs(drawn.mean() - mean) < 4 * np.sqrt(var / size)
    assert_allclose(drawn.var(), var, rtol=0.05)
    assert r.aux_start(y, drawn).shape == (len(inner.aux_names),)


@given(st.sampled_from([Poisson(), NegativeBinomial(), Gamma(), BinomialLogit(),
                        Binomial(BINOMIAL_LINKS["probit"])]),
       st.integers(0, 10**6), st.floats(0, 600))
def test_fuzz(inner, seed, spread):
    y, nu, phi = draw(inner, seed)
    nu, phi = nu / 1.5 * spread, phi * 0.1
    if isinstance(inner, Gamma):
        nu = nu / 2  # e^600 squared is no double
    r, sets = composite(inner), contiguous(COUNTS)
    kernel, score = r.kernel_score(y, nu, phi, sets)
    assert not np.any(np.isnan(kernel)) and np.all(np.isfinite(score))
    local, v = r.local(y, nu, phi, sets), np.random.default_rng(seed).normal(size=sets.n)
    for x in (local.first, local.second(v), local.third(v, v), local.ascent(v)):
        assert np.all(np.isfinite(x))
    assert np.all(sets.sum(v * local.ascent(v)) >= -1e-9)
