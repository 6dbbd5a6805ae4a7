"""Lognormal, loglogistic, Weibull, exponential and Student t responses."""
import pickle
import warnings

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
import pytest
from scipy import stats
from scipy.special import gammaln

from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.responses.durations import Exponential, LogLogistic, LogNormal, Weibull
from statsmodels_gllamm.responses.student import Student, StudentT

RESPONSES = [LogNormal(), LogLogistic(), Weibull(), Weibull("hazard"), Exponential(),
             Exponential("hazard"), StudentT(), StudentT(3.5), StudentT(0.6)]
TINY = 1e-30
H = 1e-4
FAR = np.array([-700.0, -100.0, -40.0, 0.0, 40.0, 100.0, 700.0])


@pytest.fixture(params=RESPONSES, ids=str)
def r(request):
    return request.param


@pytest.fixture
def point(r):
    return draw(r, np.random.default_rng(3), 60)


def draw(r, rng, n):
    """y (1, n), nu (n,) and aux (m, n)."""
    aux = rng.uniform(-1.0, 1.0, (len(r.aux_names), n))
    endog = np.exp(rng.normal(0.0, 1.0, n)) if r.positive else rng.normal(0.0, 2.0, n)
    return r.prepare(endog), rng.uniform(-2.0, 2.0, n), aux


def frozen(r, nu, aux):
    """The distribution of scipy.stats."""
    if isinstance(r, StudentT):
        return stats.t(np.exp(aux[1]) if r.df is None else r.df, nu, np.exp(aux[0]))
    if isinstance(r, LogNormal):
        return stats.lognorm(np.exp(aux[0]), scale=np.exp(nu))
    shape = np.exp(aux[0]) if r.aux_names else 1.0
    scale = np.exp(-nu / shape) if r.hazard else np.exp(nu)
    if isinstance(r, LogLogistic):
        return stats.fisk(shape, scale=scale)
    if isinstance(r, Exponential):
        return stats.expon(scale=scale)
    return stats.weibull_min(shape, scale=scale)


def slope(f, x):
    """f'(x) by fourth-order central differences."""
    return (8 * (f(x + H) - f(x - H)) - (f(x + 2 * H) - f(x - 2 * H))) / (12 * H)


def test_density_and_moments(r, point):
    y, nu, aux = point
    d = frozen(r, nu, aux)
    assert_allclose(r.log_density(y, nu, aux), d.logpdf(y[0]), rtol=1e-10, atol=1e-11)
    mean, variance = r.mean(nu, aux), r.variance(nu, aux)
    known = np.isfinite(d.mean())
    assert_allclose(mean[known], d.mean()[known], rtol=1e-9, atol=1e-15)
    if not isinstance(r, StudentT):
        assert np.isposinf(mean[~known]).all()
    known = np.isfinite(d.var())
    assert_allclose(variance[known], d.var()[known], rtol=1e-7)
    assert not np.isfinite(variance[~known]).any()


def test_proportional_hazards():
    """log hazard = log shape + (shape - 1) log y + nu, and nu = -shape nu_time."""
    rng = np.random.default_rng(1)
    y, nu, aux = draw(Weibull("hazard"), rng, 20)
    shape = np.exp(aux[0])
    time = Weibull().log_density(y, -nu / shape, aux)
    hazard = aux[0] + (shape - 1) * np.log(y[0]) + nu
    survival = -np.exp(shape * np.log(y[0]) + nu)
    assert_allclose(Weibull("hazard").log_density(y, nu, aux), hazard + survival, rtol=1e-12)
    assert_allclose(time, hazard + survival, rtol=1e-12)
    assert_allclose(Exponential("hazard").log_density(y, nu), nu - np.exp(nu) * y[0], rtol=1e-12)


def test_one_and_information(r):
    """The density integrates to one, scores to zero, -l'' and -aux_curvature to outer products."""
    m = len(r.aux_names)
    aux, nu = np.array([[0.2], [1.5]])[:m], 0.7
    if r.positive:
        t = np.linspace(-60.0, 40.0, 200_001)
        y, weight = r.prepare(np.exp(t)), np.exp(t) * (t[1] - t[0])
    else:  # tails as heavy as those of a t with 0.6 degrees of freedom
        u = np.linspace(-60.0, 60.0, 200_001)
        y, weight = r.prepare(np.sinh(u)), np.cosh(u) * (u[1] - u[0])
    nus, auxs = np.full(len(weight), nu), aux.repeat(len(weight), axis=1)
    p = np.exp(r.log_density(y, nus, auxs)) * weight
    l1, l2, l3 = r.derivatives(y, nus, auxs)
    score, d1, d2 = r.aux_score(y, nus, auxs), *r.aux_derivatives(y, nus, auxs)
    curvature = r.aux_curvature(y, nus, auxs)
    seen = p > 0
    def expectation(x):
        return np.sum((p * x)[..., seen], axis=-1)
    expected = r.expected_information(y[:, :1], np.array([nu]), aux)[0]
    assert_allclose(expectation(1.0), 1.0, rtol=1e-9)
    assert_allclose(expectation(l1), 0.0, atol=1e-9)
    assert_allclose(expectation(-l2), expected, rtol=1e-8)
    assert_allclose(expectation(l1 * l1), expected, rtol=1e-8)
    assert_allclose(expectation(score), 0.0, atol=1e-8)
    assert_allclose(expectation(d1), -expectation(score * l1), atol=1e-8)
    assert_allclose(expectation(curvature), -expectation(score[:, None] * score), atol=1e-8)
    assert_allclose(expectation(l3 + 3 * l1 * l2 + l1**3), 0.0, atol=1e-7)  # (e^l)'''
    assert_allclose(expectation(d2 + 2 * d1 * l1 + score * (l2 + l1 * l1)), 0.0, atol=1e-7)


def test_derivatives_in_nu(r, point):
    y, nu, aux = point
    kernel, score = r.kernel_score(y, nu, aux)
    step = r.kernel(y, nu + TINY * 1j, aux)
    l1, l2, l3 = r.derivatives(y, nu, aux)
    assert_allclose(kernel, r.kernel(y, nu, aux), rtol=1e-12)
    assert_allclose(step.real, kernel, rtol=1e-12, atol=1e-14)
    for first in (score, l1):
        assert_allclose(first, step.imag / TINY, rtol=1e-11, atol=1e-13)
    for order, value in ((0, l2), (1, l3)):
        numeric = slope(lambda x, k=order: r.derivatives(y, x, aux)[k], nu)
        assert_allclose(value, numeric, rtol=1e-7, atol=1e-9 * (1 + np.abs(l3).max()))
    assert_allclose(r.curvature(y, nu, aux), -l2)
    if r.log_concave:
        assert np.all(l2 <= 0)


def test_derivatives_in_aux(r, point):
    y, nu, aux = point
    score, (d1, d2) = r.aux_score(y, nu, aux), r.aux_derivatives(y, nu, aux)
    curvature = r.aux_curvature(y, nu, aux)
    m = len(aux)
    assert score.shape == d1.shape == d2.shape == (m, 60) and curvature.shape == (m, m, 60)
    for j in range(m):
        unit = np.eye(m)[:, [j]]
        step = r.log_density(y, nu, aux + 1j * TINY * unit)
        assert_allclose(score[j], step.imag / TINY, rtol=1e-10, atol=1e-12)
        for k, value in ((0, d1), (1, d2)):
            numeric = slope(lambda h, k=k, u=unit: r.derivatives(y, nu, aux + h * u)[k], 0.0)
            assert_allclose(value[j], numeric, rtol=1e-7, atol=1e-9 * (1 + np.abs(value).max()))
        numeric = slope(lambda h, u=unit: r.aux_score(y, nu, aux + h * u), 0.0)
        assert_allclose(curvature[j], numeric, rtol=1e-7,
                        atol=1e-9 * (1 + np.abs(curvature).max()))


def test_nodes_broadcast(r, point):
    y, nu, aux = point
    nodes = np.stack([nu, nu[::-1], nu])
    copies = [x.copy() for x in (y, nodes, aux)]
    m = len(aux)
    for of_nodes, of_rows, lead in (
            (r.kernel_score(y, nodes, aux), r.kernel_score(y, nu, aux), ()),
            (r.derivatives(y, nodes, aux), r.derivatives(y, nu, aux), ()),
            (r.aux_derivatives(y, nodes, aux), r.aux_derivatives(y, nu, aux), (m,)),
            ([r.aux_score(y, nodes, aux)], [r.aux_score(y, nu, aux)], (m,)),
            ([r.expected_information(y, nodes, aux)], [r.expected_information(y, nu, aux)], ()),
            ([r.mean(nodes, aux)], [r.mean(nu, aux)], ()),
            ([r.variance(nodes, aux)], [r.variance(nu, aux)], ()),
            ([r.aux_curvature(y, nodes, aux)], [r.aux_curvature(y, nu, aux)], (m, m))):
        for a, b in zip(of_nodes, of_rows):
            assert a.shape == (*lead, 3, 60)
            assert_array_equal(a[..., 0, :], b)
            assert_array_equal(a[..., 2, :], b)
    for x, copy in zip((y, nodes, aux), copies):
        assert_array_equal(x, copy)
    assert pickle.loads(pickle.dumps(r)) == r


def test_tails(r):
    y, n = r.prepare(np.full(len(FAR), 2.5)), len(FAR)
    aux = np.zeros((len(r.aux_names), n))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        values = (*r.kernel_score(y, FAR, aux), *r.derivatives(y, FAR, aux),
                  *r.aux_derivatives(y, FAR, aux), r.aux_score(y, FAR, aux),
                  r.constant(y, aux))
        curvature = r.aux_curvature(y, FAR, aux)
    for x in (*values, curvature[..., 1:-1]):  # 700^2 e^700 is too large
        assert np.isfinite(x).all()
    assert not np.isnan(curvature).any()
    assert_allclose(values[0], r.kernel(y, FAR, aux), rtol=1e-13)
    expected = frozen(r, FAR, aux).logpdf(2.5)
    inside = expected > -1e4
    assert_allclose(r.log_density(y, FAR, aux)[inside], expected[inside], rtol=1e-12)
    # each derivative integrates to the difference of the one before
    z, w = np.polynomial.legendre.leggauss(12)
    for centre in (-650.0, -90.0, 90.0, 650.0):
        at = np.concatenate([[centre - 0.25, centre + 0.25], centre + 0.25 * z])
        y = r.prepare(np.full(len(at), 2.5))
        aux = np.zeros((len(r.aux_names), len(at)))
        chain = np.stack([r.kernel(y, at, aux), *r.derivatives(y, at, aux)])
        for order in range(3):
            error = 1e-15 * np.abs(chain[order]).max() * 100
            assert_allclose(0.25 * np.sum(w * chain[order + 1, 2:]),
                            chain[order, 1] - chain[order, 0], rtol=1e-8, atol=max(error, 1e-300))


def test_beyond_doubles(r):
    nu = np.array([-1e4, 1e4])
    aux = np.zeros((len(r.aux_names), 2))
    y = r.prepare([1.0, 1.0])
    kernel, score = r.kernel_score(y, nu, aux)
    assert np.isfinite(score).all() and np.isfinite(r.aux_score(y, nu, aux)).all()
    assert not np.isnan(kernel).any() and not np.isposinf(kernel).any()
    for x in r.derivatives(y, nu, aux):
        assert not np.isnan(x).any()


@pytest.mark.parametrize("r", RESPONSES, ids=str)
def test_anything(r):
    values = st.floats(1e-8, 1e8) if r.positive else st.floats(-1e8, 1e8)

    @settings(max_examples=40, deadline=None, derandomize=True, database=None)
    @given(values, st.floats(-700, 700), st.floats(-5, 5))
    def check(value, nu, a):
        y, nu = r.prepare([value, value]), np.array([[nu, -nu], [nu / 700, nu / 70]])
        aux = np.full((len(r.aux_names), 2), a)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            kernel, score = r.kernel_score(y, nu, aux)
            constant, first = r.constant(y, aux), r.derivatives(y, nu, aux)
            information = r.expected_information(y, nu, aux)
            aux_score, curvature = r.aux_score(y, nu, aux), r.aux_curvature(y, nu, aux)
            mixed = r.aux_derivatives(y, nu, aux)
        inside = np.isfinite(kernel)
        assert constant.shape == (2,) and np.isfinite(constant).all()
        assert not np.isnan(kernel).any() and not np.isposinf(kernel).any()
        assert np.isfinite(score[inside]).all() and np.all(score[~inside] == 0)
        assert np.all(aux_score[:, ~inside] == 0)
        small = kernel > -1e290  # derivatives may overflow beyond it
        for x in (*first, *mixed, aux_score, curvature):
            assert np.isfinite(x[..., small]).all() and not np.isnan(x).any()
        assert np.all(information > 0)
        if r.log_concave:
            assert np.all(first[1][inside] <= 0)

    check()


@pytest.mark.parametrize("logdf", [9.0, 20.0, 40.0, 300.0])
def test_student_becomes_normal(logdf):
    r = StudentT()
    y, nu = r.prepare([0.3, -2.0, 4.0]), np.zeros(3)
    aux = np.array([[0.4] * 3, [logdf] * 3])
    z = y[0] * np.exp(-0.4)
    df = np.exp(logdf)
    # log f = normal + (z^4 - 2 z^2 - 1) / (4 df) + O(1/df^2)
    correction = (z**4 - 2 * z * z - 1) / (4 * df)
    tol = 200 / df**2 + 1e-14
    assert_allclose(r.log_density(y, nu, aux) - stats.norm.logpdf(y[0], 0, np.exp(0.4)),
                    correction, atol=tol)
    assert_allclose(r.aux_score(y, nu, aux)[1], -correction, atol=tol)
    assert_allclose(r.aux_curvature(y, nu, aux)[1, 1], correction, atol=tol)
    for got, want in zip(r.derivatives(y, nu, aux), (z * np.exp(-0.4), -np.exp(-0.8), 0.0)):
        assert_allclose(got, want, rtol=100 / df + 1e-14, atol=200 / df + 1e-14)


def test_student_with_hardly_any_degrees_of_freedom():
    df = 1e-6
    y = np.array([[1e-5, 0.5, -20.0, 1e7]])
    got = StudentT(df).log_density(y, np.zeros(4), np.zeros((1, 4)))
    x2 = y[0]**2 / df
    constant = gammaln((df + 1) / 2) - gammaln(df / 2) - 0.5 * np.log(df * np.pi)
    assert_allclose(got, constant - (df + 1) / 2 * np.log1p(x2), rtol=1e-12)


def test_student_far_away():
    """Beyond the square root of the largest double."""
    f, z = Student(np.float64(3.0)), np.array([-1e200, 1e200])
    with np.errstate(all="ignore"):
        assert_allclose(f.value(z), -4 * np.log(1e200) + 2 * np.log(3.0), rtol=1e-14)
        assert_allclose(f.value_score(z)[1], -4 / z, rtol=1e-14)


def test_simulate(r):
    n, m = 40_000, len(r.aux_names)
    aux = np.repeat(np.array([[0.3], [1.2]])[:m], n, axis=1)
    nu = np.full(n, 0.8)
    drawn = r.simulate(np.random.default_rng(8), nu, aux)
    assert drawn.shape == (n,)
    assert stats.kstest(drawn, frozen(r, 0.8, aux[:, 0]).cdf).pvalue > 1e-3


def test_starting_values(r):
    n, m = 20_000, len(r.aux_names)
    aux = np.repeat(np.array([[-0.3], [2.0]])[:m], n, axis=1)
    nu = np.random.default_rng(5).normal(size=n)
    y = r.prepare(r.simulate(np.random.default_rng(8), nu, aux))
    mean = r.mean(nu, aux)
    start = r.aux_start(y, mean)
    assert start.shape == (m,)
    if m:
        # the scale of a Student t is found from a median, near the normal's
        atol = 0.7 if isinstance(r, StudentT) else 0.05
        assert_allclose(start[0], -0.3, atol=atol if np.isfinite(mean).all() else 1.5)
    constant = r.aux_start(r.prepare(np.full(3, 2.0)), np.full(3, 2.0))
    assert np.isfinite(constant).all()
    assert np.isfinite(r.aux_start(y, np.full(n, np.inf))).all()


def test_refused():
    with pytest.raises(DataError, match=r"Weibull\(time\) response is -1 in row b: it must be pos"):
        Weibull().prepare([2.0, -1.0], index=["a", "b"])
    with pytest.raises(DataError, match=r"LogNormal response is 0 in rows 0, 2: it must be positiv"):
        LogNormal().prepare([0.0, 1.0, 0.0])
    with pytest.raises(DataError, match="n_trials is for binomial responses; StudentT"):
        StudentT().prepare([0.0, 1.0], 2)
    with pytest.raises(ValueError, match=r'metric of Exponential is "time".*"hazard".*not \'ph\''):
        Exponential("ph")
    for df in (0.0, -1, np.inf, np.nan):
        with pytest.raises(ValueError, match="df of a StudentT is a positive number"):
            StudentT(df)
    assert_array_equal(StudentT().prepare([0.0, -1.0]), [[0.0, -1.0]])
    assert_array_equal(LogNormal().blank(2), [[1.0, 1.0]])
