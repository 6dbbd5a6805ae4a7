"""Derivatives of a user's log density: those of the built-in responses, from the density alone."""
from dataclasses import replace
import warnings

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
import pytest
from scipy.special import gammaln, loggamma

from statsmodels_gllamm.responses.custom import Custom
from statsmodels_gllamm.responses.custom_check import checked
from statsmodels_gllamm.responses.gamma import Gamma
from statsmodels_gllamm.responses.gaussian import Gaussian
from statsmodels_gllamm.responses.logit import BinomialLogit
from statsmodels_gllamm.responses.negative_binomial import NegativeBinomial
from statsmodels_gllamm.responses.poisson import Poisson
from statsmodels_gllamm.responses.taylor import taylor

N = 60
TOLERANCE = {True: 1e-10, False: 1e-6}  # relative to the largest value


def poisson(y, nu):
    return y * nu - np.exp(nu) - gammaln(y + 1)


def normal(y, nu, logsd):
    return -0.5 * ((y - nu) * np.exp(-logsd)) ** 2 - logsd - 0.5 * np.log(2 * np.pi)


def bernoulli(y, nu):
    return -np.log1p(np.exp((1 - 2 * y) * nu))


def negative_binomial(y, nu, logsize):
    size, mu = np.exp(logsize), np.exp(nu)
    return (loggamma(y + size) - loggamma(size) - gammaln(y + 1)
            + size * np.log(size / (size + mu)) + y * np.log(mu / (size + mu)))


def gamma(y, nu, logcv):
    shape = np.exp(-2 * logcv)
    return (shape * (np.log(shape) - nu - y * np.exp(-nu)) + (shape - 1) * np.log(y)
            - loggamma(shape))


def student(y, nu, logsd, logdf):
    df = np.exp(logdf)
    return (loggamma((df + 1) / 2) - loggamma(df / 2) - 0.5 * np.log(np.pi * df) - logsd
            - (df + 1) / 2 * np.log1p(((y - nu) * np.exp(-logsd)) ** 2 / df))


def exponential(y, nu):
    return np.where(np.real(nu) > 0, np.log(nu) - nu * y, -np.inf)


def custom(logpdf, y, *aux, **arguments):
    """The response, checked on data."""
    return checked(Custom((logpdf, None, None, None), logpdf.__name__, aux, **arguments), y)


CASES = [(poisson, Poisson()), (normal, Gaussian()), (bernoulli, BinomialLogit()),
         (negative_binomial, NegativeBinomial()), (gamma, Gamma())]


@pytest.fixture(params=[True, False], ids=["complex step", "finite differences"])
def by_complex(request):
    return request.param


@pytest.fixture(params=CASES, ids=lambda case: case[0].__name__)
def pair(request, by_complex):
    """A custom response, the built-in one, and a point."""
    logpdf, builtin = request.param
    rng = np.random.default_rng(3)
    y = (rng.integers(0, 2, N) if logpdf is bernoulli else rng.poisson(2.0, N) + 1)[None] * 1.0
    r = custom(logpdf, y, *((name, 0.0) for name in builtin.aux_names))
    assert r.by_complex and r.derivatives_by == "complex step"
    nu, aux = rng.uniform(-2, 2, N), rng.uniform(-1, 0.5, (len(r.aux_names), N))
    return replace(r, by_complex=by_complex), builtin, y, nu, aux


def close(value, expected, tolerance):
    assert np.shape(value) == np.shape(expected)
    assert_allclose(value, expected, rtol=0, atol=tolerance * (1 + np.abs(expected).max(initial=0)))


def test_kernel(pair):
    r, builtin, y, nu, aux = pair
    nodes = np.stack([nu, nu[::-1]])
    copies = [x.copy() for x in (y, nodes, aux)]
    kernel, score = r.kernel_score(y, nodes, aux)
    close(kernel, builtin.log_density(y, nodes, aux), 1e-13)
    close(r.kernel(y, nodes, aux), kernel, 1e-15)
    close(score, builtin.derivatives(y, nodes, aux)[0], 1e-14 if r.by_complex else 1e-9)
    assert_array_equal(r.constant(y, aux), np.zeros(N))
    for x, copy in zip((y, nodes, aux), copies):
        assert_array_equal(x, copy)


def test_derivatives(pair):
    r, builtin, y, nu, aux = pair
    nodes = np.stack([nu, nu[::-1]])
    for value, expected in zip(r.derivatives(y, nodes, aux), builtin.derivatives(y, nodes, aux)):
        close(value, expected, TOLERANCE[r.by_complex])
    assert_array_equal(r.curvature(y, nu, aux), -r.derivatives(y, nu, aux)[1])


def test_aux(pair):
    r, builtin, y, nu, aux = pair
    close(r.aux_score(y, nu, aux), builtin.aux_score(y, nu, aux), 1e-13 if r.by_complex else 1e-9)
    for value, expected in zip(r.aux_derivatives(y, nu, aux), builtin.aux_derivatives(y, nu, aux)):
        if len(aux):
            close(value, expected, TOLERANCE[r.by_complex])
        assert value.shape == (len(aux), N)
    curvature = r.aux_curvature(y, nu, aux)
    assert curvature.shape == (len(aux), len(aux), N)
    if len(aux):
        exact = type(builtin).__name__ != "NegativeBinomial"
        close(curvature, builtin.aux_curvature(y, nu, aux),
              TOLERANCE[r.by_complex] if exact else 1e-5)


@pytest.mark.parametrize("scale", [1e-4, 1e4])
def test_any_unit_of_measurement(scale, by_complex):
    rng = np.random.default_rng(6)
    y, nu = scale * rng.normal(3, 1, (1, N)), scale * rng.normal(3, 1, N)
    aux = np.log(scale) + rng.uniform(-1, 0.5, (1, N))
    r = custom(normal, y, ("logsd", np.log(scale)))
    assert r.by_complex
    r, exact = replace(r, by_complex=by_complex), Gaussian()
    pairs = [*zip(r.derivatives(y, nu, aux), exact.derivatives(y, nu, aux)),
             *zip(r.aux_derivatives(y, nu, aux), exact.aux_derivatives(y, nu, aux))]
    for (value, expected), power in zip(pairs, (1, 2, 3, 1, 2)):
        close(value * scale**power, expected * scale**power, TOLERANCE[by_complex])


def test_two_auxiliary_values(by_complex):
    rng = np.random.default_rng(8)
    y, nu, aux = rng.standard_t(4, (1, N)), rng.normal(size=N), rng.uniform(-1, 1.5, (2, N))
    r = custom(student, y, ("logsd", 0.0), ("logdf", 1.0))
    assert r.by_complex
    r = replace(r, by_complex=by_complex)
    tolerance = TOLERANCE[by_complex] * 100
    d1, d2 = r.aux_derivatives(y, nu, aux)
    curvature = r.aux_curvature(y, nu, aux)
    assert_array_equal(curvature[0, 1], curvature[1, 0])
    exact = replace(r, by_complex=True)
    h = 1e-3
    weights = (4 / 5, -1 / 5, 4 / 105, -1 / 280)
    for j, unit in enumerate(np.eye(2)[:, :, None]):
        def slope(f, u=unit):
            return sum(w * (f(aux + k * h * u) - f(aux - k * h * u))
                       for k, w in enumerate(weights, 1)) / h

        close(curvature[j], slope(lambda a: exact.aux_score(y, nu, a)), tolerance)
        close(d1[j], slope(lambda a: exact.derivatives(y, nu, a)[0]), tolerance)
        close(d2[j], slope(lambda a: exact.derivatives(y, nu, a)[1]), tolerance)


GIVEN = {
    "score": lambda y, nu, a: (y - nu) * np.exp(-2 * a),
    "hessian": lambda y, nu, a: -np.exp(-2 * a) + 0 * nu,
    "third": lambda y, nu, a: 0 * nu,
}


@pytest.mark.parametrize("names", [("score",), ("score", "hessian"), ("hessian",), tuple(GIVEN)])
def test_what_is_given_is_used(names, by_complex):
    rng = np.random.default_rng(5)
    y, nu, aux = rng.normal(size=(1, N)), rng.normal(size=N), rng.uniform(-1, 0.5, (1, N))
    functions = (normal, *(GIVEN[name] if name in names else None for name in GIVEN))
    r = checked(Custom(functions, "normal", (("logsd", 0.0),)), y)
    assert r.by_complex
    r, exact = replace(r, by_complex=by_complex), Gaussian()
    if len(names) == 3:
        assert r.derivatives_by == "analytic" and r.name == "Custom(normal; analytic derivatives)"
    else:
        assert r.derivatives_by == ("complex step" if by_complex else "finite differences")
    for k, (value, expected) in enumerate(
            zip(r.derivatives(y, nu, aux), exact.derivatives(y, nu, aux))):
        close(value, expected, 1e-15 if list(GIVEN)[k] in names else TOLERANCE[by_complex])
    close(r.kernel_score(y, nu, aux)[1], exact.derivatives(y, nu, aux)[0], 1e-9)
    for value, expected in zip(r.aux_derivatives(y, nu, aux), exact.aux_derivatives(y, nu, aux)):
        close(value, expected, TOLERANCE[by_complex])


def test_bounded(by_complex):
    y = np.full((1, 4), 2.0)
    r = replace(custom(exponential, y), by_complex=by_complex)
    nu = np.array([0.01, 0.5, 0.0, -1.0])
    kernel, score = r.kernel_score(y, nu)
    l1, l2, l3 = r.derivatives(y, nu)
    assert r.bounded
    assert_allclose(kernel, [np.log(0.01) - 0.02, np.log(0.5) - 1, -np.inf, -np.inf])
    tolerance = 1e-10 if by_complex else 1e-6
    inside = nu[:2]
    for value, expected in ((score, 1 / inside - 2), (l1, 1 / inside - 2), (l2, -inside**-2),
                            (l3, 2 * inside**-3)):
        assert_allclose(value[:2], expected, rtol=tolerance, atol=tolerance)
        assert_array_equal(value[2:], 0.0)
    assert not custom(poisson, y).bounded


def test_a_log_density_without_number():
    """NaN is no density, as long as it is one elsewhere."""
    y = np.full((1, 2), 2.0)
    with np.errstate(invalid="ignore"):
        r = custom(lambda y, nu: np.log(nu) - nu * y, y)
    kernel, score = r.kernel_score(y, np.array([0.5, -0.5]))
    assert np.isneginf(r.kernel(y, np.array([0.5, -0.5]))[1]) and r.bounded
    assert np.isfinite(kernel[0]) and score[0] == pytest.approx(0.0)


def test_information_is_positive():
    def cauchy(y, nu):
        return -np.log1p((y - nu) ** 2) - np.log(np.pi)

    y, nu = np.zeros((1, 5)), np.array([-30.0, -2.0, -0.9, 0.1, 5.0])
    r = custom(cauchy, y)
    l2 = r.derivatives(y, nu)[1]
    assert np.all(r.expected_information(y, nu) > 0) and l2.max() > 0
    assert_allclose(r.expected_information(y, nu)[3], -l2[3])


@pytest.mark.parametrize("logpdf", [bernoulli, poisson], ids=lambda f: f.__name__)
def test_anything(logpdf):
    r = custom(logpdf, np.array([[0.0, 1.0]]))
    builtin = BinomialLogit() if logpdf is bernoulli else Poisson()

    @settings(max_examples=100, deadline=None, derandomize=True, database=None)
    @given(st.integers(0, 1), st.floats(-700, 700))
    def check(value, nu):
        y, nu = np.array([[float(value)]]), np.array([nu])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            kernel, score = r.kernel_score(y, nu)
            values = r.derivatives(y, nu)
            information = r.expected_information(y, nu)
        assert kernel <= 0 and information >= 0
        for ours, theirs in zip((score, *values), (builtin.kernel_score(y, nu)[1],
                                                   *builtin.derivatives(y, nu))):
            assert_allclose(ours, theirs, rtol=1e-9, atol=2e-12 * (1 - kernel.item()))

    check()


def test_moments_and_draws():
    y, nu, aux = np.zeros((1, 2)), np.array([1.0, 2.0]), np.zeros((1, 2))
    r = custom(normal, y, ("logsd", 0.5))
    for call in (lambda: r.mean(nu, aux), lambda: r.variance(nu, aux),
                 lambda: r.simulate(np.random.default_rng(0), nu, aux)):
        with pytest.raises(NotImplementedError, match=r"give (mean|variance|simulate)= to Custom"):
            call()
    r = replace(r, mean_of=lambda nu, a: nu, variance_of=lambda nu, a: np.exp(2 * a),
                simulate_of=lambda rng, nu, a: rng.normal(nu, np.exp(a)))
    nodes = np.stack([nu, nu, nu])
    assert_array_equal(r.mean(nodes, aux), nodes)
    assert_array_equal(r.variance(nodes, aux), np.ones((3, 2)))
    assert r.simulate(np.random.default_rng(0), nu, aux).shape == (2,)
    assert_array_equal(r.aux_start(y, nu), [0.5])


def test_taylor(by_complex):
    """Coefficients of 1 / (1 - t / s), for poles at any distance."""
    s = np.array([1e-3, 0.1, 1.0, 30.0, 1e4])
    with np.errstate(divide="ignore", invalid="ignore"):
        terms, radius = taylor(lambda t, rows: 1 / (1 - t / s[rows]), 5, by_complex)
    for k in (1, 2, 3):
        assert_allclose(terms[k - 1] / radius**k * s**k, 1.0,
                        rtol=1e-11 if by_complex else 2e-6)
    assert np.all(radius < s)
