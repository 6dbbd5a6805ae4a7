"""Guessing and slipping: the probability itself, derivatives, tails and limits."""
import itertools
import warnings

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
import pytest
from scipy import stats

from statsmodels_gllamm.responses.binomial import BINOMIAL_LINKS, Binomial
from statsmodels_gllamm.responses.irt import IRT

CDF = {"logit": stats.logistic.cdf, "probit": stats.norm.cdf}
RESPONSES = [IRT(BINOMIAL_LINKS[link], slip) for link in CDF for slip in (False, True)]
TINY = 1e-30
H = 1e-3
N = 80


def slope(f):
    """f'(0) by eighth-order central differences."""
    weights = (4 / 5, -1 / 5, 4 / 105, -1 / 280)
    return sum(w * (f(k * H) - f(-k * H)) for k, w in enumerate(weights, 1)) / H


def probability(r, nu, aux):
    c = stats.logistic.cdf(aux[0])
    s = stats.logistic.cdf(aux[1]) if r.slip else 0.0
    upper = 1 - (1 - c) * s
    return c + (upper - c) * CDF[r.link.name](nu)


@pytest.fixture(params=RESPONSES, ids=str)
def r(request):
    return request.param


@pytest.fixture(params=[False, True], ids=["binary", "trials"])
def point(request, r):
    rng = np.random.default_rng(2)
    endog = rng.integers(0, 4, (N, 2)) if request.param else rng.integers(0, 2, N)
    return r.prepare(endog), rng.uniform(-3, 3, N), rng.uniform(-3, 2, (len(r.aux_names), N))


def unit(m, j):
    return np.eye(m)[:, j:j + 1]


def test_density(r, point):
    y, nu, aux = point
    p = probability(r, nu, aux)
    n = 1 if len(y) == 1 else y[1]
    assert_allclose(r.log_density(y, nu, aux), stats.binom.logpmf(y[0], n, p), rtol=1e-11,
                    atol=1e-12)
    assert_allclose(r.mean(nu, aux, y), p, rtol=1e-13)
    with np.errstate(divide="ignore"):
        assert_allclose(r.variance(nu, aux, y), p * (1 - p) / n, rtol=1e-12)


def test_lower_asymptote_is_below_the_upper_one(r):
    grid = np.array(list(itertools.product([-700.0, -5.0, 0.0, 5.0, 30.0], repeat=2))).T
    aux = grid[:len(r.aux_names)]
    low, high = (r.mean(np.full(25, nu), aux) for nu in (-700.0, 700.0))
    assert_allclose(low, stats.logistic.cdf(aux[0]), rtol=1e-14, atol=1e-300)
    assert_array_equal(low <= high, True)
    assert np.all((low < high) | (aux.max(axis=0) >= 30))


def test_kernel_score(r, point):
    y, nu, aux = point
    nodes = np.stack([nu, 3 * nu[::-1]])
    copies = [x.copy() for x in (y, nodes, aux)]
    kernel, score = r.kernel_score(y, nodes, aux)
    step = r.kernel(y, nodes + TINY * 1j, aux)
    assert_allclose(kernel, r.kernel(y, nodes, aux), rtol=1e-12, atol=1e-14)
    assert_allclose(step.real, kernel, rtol=1e-12, atol=1e-14)
    assert_allclose(score, step.imag / TINY, rtol=1e-11, atol=1e-14)
    assert_allclose(score, r.derivatives(y, nodes, aux)[0], rtol=1e-11, atol=1e-14)
    for x, copy in zip((y, nodes, aux), copies):
        assert_array_equal(x, copy)


def test_derivatives(r, point):
    y, nu, aux = point
    _, l2, l3 = r.derivatives(y, nu, aux)
    for order, value in ((0, l2), (1, l3)):
        numeric = slope(lambda h, k=order: r.derivatives(y, nu + h, aux)[k])
        assert_allclose(value, numeric, rtol=1e-9, atol=1e-10)
    assert l2.max() > 1e-3 and not r.log_concave  # guessing takes the concavity


def test_aux(r, point):
    y, nu, aux = point
    m = len(aux)
    score, curvature = r.aux_score(y, nu, aux), r.aux_curvature(y, nu, aux)
    d1, d2 = r.aux_derivatives(y, nu, aux)
    assert score.shape == d1.shape == d2.shape == (m, N) and curvature.shape == (m, m, N)
    for j in range(m):
        u = unit(m, j)
        step = r.log_density(y, nu, aux + 1j * TINY * u)
        assert_allclose(score[j], step.imag / TINY, rtol=1e-11, atol=1e-13)
        numeric = slope(lambda h, u=u: r.aux_score(y, nu, aux + h * u))
        assert_allclose(curvature[j], numeric, rtol=1e-9, atol=1e-10)
        for k, value in ((0, d1), (1, d2)):
            numeric = slope(lambda h, k=k, u=u: r.derivatives(y, nu, aux + h * u)[k])
            assert_allclose(value[j], numeric, rtol=1e-9, atol=1e-10)


def test_moments(r):
    """Sums over all responses: to one, to a score of zero, to the expected information."""
    trials = 3
    k = np.arange(trials + 1.0)
    y = r.prepare(np.stack([k, trials - k], axis=1))
    for nu, aux in itertools.product((-2.0, 0.3, 4.0), (-2.0, 0.5)):
        nus, auxs = np.full(4, nu), np.full((len(r.aux_names), 4), aux)
        weight = np.exp(r.log_density(y, nus, auxs))
        l1, l2, _ = r.derivatives(y, nus, auxs)
        expected = r.expected_information(y, nus, auxs)
        assert_allclose(weight.sum(), 1.0, rtol=1e-13)
        assert_allclose(weight @ l1, 0.0, atol=1e-14)
        assert_allclose(weight @ l1**2, expected, rtol=1e-11)
        assert_allclose(-weight @ l2, expected, rtol=1e-11, atol=1e-17)
        assert np.all(expected > 0)
        assert_allclose(r.aux_score(y, nus, auxs) @ weight, 0.0, atol=1e-14)
        draws = [r.simulate(np.random.default_rng(i), nus, auxs, y) for i in range(400)]
        assert_allclose(np.mean(draws), r.mean(nus, auxs)[0], atol=0.03)


def test_no_guessing_is_the_binomial(r, point):
    y, nu, _ = point
    nu = nu * 100  # to the ends of the range
    aux = np.full((len(r.aux_names), N), -700.0)
    plain = Binomial(r.link)
    if r.link.name == "probit":
        nu = nu / 12  # where the normal distribution function is above e^-700
    for ours, theirs in zip((*r.kernel_score(y, nu, aux), *r.derivatives(y, nu, aux)),
                            (*plain.kernel_score(y, nu), *plain.derivatives(y, nu))):
        assert_allclose(ours, theirs, rtol=1e-10, atol=1e-14)
    assert_allclose(r.expected_information(y, nu, aux), plain.expected_information(y, nu),
                    rtol=1e-10, atol=1e-290)
    assert_allclose(r.aux_score(y, nu, aux)[:, np.abs(nu) < 20], 0.0, atol=1e-200)


def exact(y, nu, g, u):
    """Logistic log density and its derivatives from sums of positive terms in longer numbers."""
    nu, g, u = (np.asarray(x, dtype=np.longdouble) for x in (nu, g, u))
    def cdf(x):
        return 1 / (1 + np.exp(-x))

    x = nu if y else -nu
    b = cdf(-g) * cdf(-u)
    a = cdf(g) if y else cdf(-g) * cdf(u)
    p = a + b * cdf(x)
    q = cdf(-g) * (cdf(u) + cdf(-u) * cdf(-nu)) if y else cdf(g) + b * cdf(nu)
    w, v, f, e = b * cdf(x) / p, a / p, cdf(x), cdf(-x)
    value = np.where(p > 0.5, np.log1p(-np.where(p > 0.5, q, 0)), np.log(p))
    return tuple(z.astype(float) for z in (value, (1 if y else -1) * w * e, w * e * (v * e - f)))


@pytest.mark.skipif(np.finfo(np.longdouble).maxexp < 10_000, reason="no longer numbers here")
@pytest.mark.parametrize("y", [0, 1])
def test_logistic_tails(y):
    far = [-700.0, -300.0, -37.0, -3.0, 0.0, 3.0, 37.0, 300.0, 700.0]
    nu, g, u = np.array(list(itertools.product(far, repeat=3))).T
    r, endog = IRT(BINOMIAL_LINKS["logit"], True), np.full((1, len(nu)), float(y))
    aux = np.stack([g, u])
    value, first, second = exact(y, nu, g, u)
    assert_allclose(r.kernel(endog, nu, aux), value, rtol=1e-13, atol=1e-300)
    kernel, score = r.kernel_score(endog, nu, aux)
    assert_allclose(kernel, value, rtol=1e-12, atol=3e-16)
    assert_allclose(score, first, rtol=1e-11, atol=1e-290)
    assert_allclose(r.derivatives(endog, nu, aux)[0], first, rtol=1e-11, atol=1e-290)
    assert_allclose(r.derivatives(endog, nu, aux)[1], second, rtol=1e-11, atol=1e-15)


def test_anything(r):
    number = st.floats(-700, 700, allow_nan=False)

    @settings(max_examples=200, deadline=None, derandomize=True, database=None)
    @given(st.integers(0, 5), st.integers(0, 5), number, number, number)
    def check(success, failure, nu, g, u):
        y = r.prepare([[success, failure]] if success + failure != 1 else [float(success)])
        nu, aux = np.array([nu]), np.array([[g], [u]])[:len(r.aux_names)]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            values = [*r.kernel_score(y, nu, aux), *r.derivatives(y, nu, aux), r.constant(y, aux),
                      r.aux_score(y, nu, aux), *r.aux_derivatives(y, nu, aux),
                      r.aux_curvature(y, nu, aux), r.mean(nu, aux, y), r.kernel(y, nu, aux)]
            information = r.expected_information(y, nu, aux)
        assert all(np.isfinite(x).all() for x in values)
        assert values[0] <= 0 and information >= 0
        assert_allclose(values[0], values[-1], rtol=1e-11, atol=1e-14)
        assert_allclose(values[1], values[2], rtol=1e-9, atol=1e-13)

    check()


def test_refused():
    with pytest.raises(ValueError, match="logit, probit"):
        IRT(BINOMIAL_LINKS["cloglog"])


def test_rows():
    r = IRT()
    assert_array_equal(r.blank(2, [3, 4]), [[0, 0], [3, 4]])
    assert r.describe_constant(r.prepare([1, 1])) == "every response is a success"
    assert r.aux_start(r.prepare([0, 1]), np.full(2, 0.5)).shape == (1,)
    assert IRT(slip=True).aux_start(r.prepare([0, 1]), np.full(2, 0.5)).shape == (2,)
