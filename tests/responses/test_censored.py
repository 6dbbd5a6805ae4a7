"""Censored responses: left, right, in intervals, with delayed entry."""
import pickle
import warnings

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
import pytest
from scipy import integrate, stats

from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.responses.censored import CensoredResponse
from statsmodels_gllamm.responses.durations import Exponential, LogLogistic, LogNormal, Weibull
from statsmodels_gllamm.responses.gaussian import Gaussian
from statsmodels_gllamm.responses.location_scale import GaussianIdentity
from statsmodels_gllamm.responses.student import Student, StudentT
from statsmodels_gllamm.responses.student_tail import StudentTail
from tests.responses.test_location_scale import FAR, TINY, frozen, slope

INNER = [GaussianIdentity(), LogNormal(), LogLogistic(), Weibull(), Weibull("hazard"),
         Exponential(), Exponential("hazard"), StudentT(4), StudentT(0.7)]
CASES = [CensoredResponse(inner, entry) for inner in INNER for entry in (False, True)]
IDS = [f"{r} entry" if r.entry else str(r) for r in CASES]
N = 60


def scipy_distribution(r, nu, aux):
    if isinstance(r.inner, GaussianIdentity):
        return stats.norm(nu, np.exp(aux[0]))
    return frozen(r.inner, nu, aux)


@pytest.fixture(params=CASES, ids=IDS)
def r(request):
    return request.param


@pytest.fixture
def point(r):
    return draw(r, np.random.default_rng(3), N)


def draw(r, rng, n):
    """Rows of every kind: y, nu (n,) and aux (m, n)."""
    low = rng.normal(0.0, 1.0, n)
    high = low + rng.exponential(1.0, n)
    entry = low - rng.exponential(1.0, n)
    if r.inner.positive:
        low, high, entry = np.exp(low), np.exp(high), np.exp(entry)
    kind = np.arange(n) % 4
    high[kind == 0] = low[kind == 0]
    high[kind == 2] = np.nan
    low[kind == 1] = 0.0 if r.inner.positive else -np.inf
    columns = {"until": high}
    if r.entry:
        columns["entry"] = np.where(np.arange(n) % 8 < 4, entry, np.nan)
    aux = rng.uniform(-0.7, 0.7, (len(r.aux_names), n))
    return r.prepare(low, columns=columns), rng.uniform(-1.5, 1.5, n), aux


def test_density(r, point):
    y, nu, aux = point
    d = scipy_distribution(r, nu, aux)
    exact, left, right, between = r.kinds(y)
    assert exact.sum() == right.sum() == 15 and left.sum() + between.sum() == 30
    low, high = y[1], np.where(right, 1.0, y[2])
    with np.errstate(all="ignore"):
        below = d.cdf(low) < 0.5
        between = np.log(np.where(below, d.cdf(high) - d.cdf(low), d.sf(low) - d.sf(high)))
    expected = np.select(
        [exact, left, right], [d.logpdf(np.where(exact, low, 1.0)), d.logcdf(high), d.logsf(low)],
        between)
    if r.entry:
        expected -= d.logsf(y[3])
    assert_allclose(r.log_density(y, nu, aux), expected, rtol=1e-9, atol=1e-10)
    assert_array_equal(r.mean(nu, aux), r.inner.mean(nu, aux))
    assert_array_equal(r.variance(nu, aux), r.inner.variance(nu, aux))


def test_tobit():
    rng = np.random.default_rng(0)
    nu, aux = rng.normal(size=50), rng.uniform(-1.0, 1.0, (1, 50))
    endog = nu + np.exp(aux[0]) * rng.normal(size=50)
    r = CensoredResponse(GaussianIdentity())
    y = r.prepare(endog, columns={"lower": np.full(50, -0.5), "upper": np.full(50, 1.0)})
    sd = np.exp(aux[0])
    expected = np.where(
        endog <= -0.5, stats.norm.logcdf((-0.5 - nu) / sd),
        np.where(endog >= 1.0, stats.norm.logsf((1.0 - nu) / sd), stats.norm.logpdf(endog, nu, sd)))
    assert 5 < np.sum(endog <= -0.5) and 5 < np.sum(endog >= 1.0)
    assert_allclose(r.log_density(y, nu, aux), expected, rtol=1e-12)
    assert_array_equal(y[0], np.clip(endog, -0.5, 1.0))


@pytest.mark.parametrize("inner", INNER, ids=str)
def test_narrow_intervals_are_densities(inner):
    r = CensoredResponse(inner)
    n = 8
    m = len(r.aux_names)
    nu, aux = np.linspace(-2.0, 2.0, n), np.full((m, n), 0.3)
    width = 2.0**-30
    exact = r.prepare(np.full(n, 1.5 + width / 2), columns={"until": np.full(n, 1.5 + width / 2)})
    narrow = r.prepare(np.full(n, 1.5), columns={"until": np.full(n, 1.5 + width)})
    assert r.kinds(exact)[0].all() and r.kinds(narrow)[3].all()
    assert_allclose(r.log_density(narrow, nu, aux) - np.log(width), r.log_density(exact, nu, aux),
                    atol=1e-8)
    for method in ("derivatives", "aux_derivatives"):
        for a, b in zip(getattr(r, method)(narrow, nu, aux), getattr(r, method)(exact, nu, aux)):
            assert_allclose(a, b, rtol=1e-6, atol=1e-6)
    assert_allclose(r.aux_score(narrow, nu, aux), r.aux_score(exact, nu, aux), atol=1e-6)
    assert_allclose(r.aux_curvature(narrow, nu, aux), r.aux_curvature(exact, nu, aux), atol=1e-6)


@pytest.mark.parametrize("inner", INNER, ids=str)
def test_probabilities_add_to_one(inner):
    """Of falling below, between and above two values; given the entry, of falling beyond it."""
    r, m = CensoredResponse(inner, True), len(inner.aux_names)
    bottom = 0.0 if inner.positive else -np.inf
    y = r.prepare([bottom, 0.8, 2.0, 0.8, 2.0], columns={
        "until": np.array([0.8, 2.0, np.nan, 2.0, np.inf]),
        "entry": np.array([np.nan, np.nan, np.nan, 0.8, 0.8])})
    for nu in (-1.0, 0.4, 3.0):
        p = np.exp(r.log_density(y, np.full(5, nu), np.full((m, 5), -0.2)))
        assert_allclose([p[:3].sum(), p[3:].sum()], 1.0, rtol=1e-12)


def test_derivatives_in_nu(r, point):
    y, nu, aux = point
    kernel, score = r.kernel_score(y, nu, aux)
    step = r.kernel(y, nu + TINY * 1j, aux)
    l1, l2, l3 = r.derivatives(y, nu, aux)
    assert_allclose(kernel, r.kernel(y, nu, aux), rtol=1e-11, atol=1e-13)
    assert_allclose(step.real, kernel, rtol=1e-11, atol=1e-13)
    for first in (score, l1):
        assert_allclose(first, step.imag / TINY, rtol=1e-10, atol=1e-11)
        # a Student tail has no complex value of its own
        assert_allclose(first, slope(lambda x: r.kernel(y, x, aux), nu), rtol=1e-8, atol=1e-9)
    for order, value in ((0, l2), (1, l3)):
        numeric = slope(lambda x, k=order: r.derivatives(y, x, aux)[k], nu)
        assert_allclose(value, numeric, rtol=1e-7, atol=1e-8 * (1 + np.abs(l3).max()))
    if r.log_concave:
        assert np.all(l2 <= 0)
    information = r.expected_information(y, nu, aux)
    assert np.all(information >= 0) and np.mean(information == 0) < 0.1  # it may underflow
    if r.log_concave:
        assert_allclose(information[1::4], -l2[1::4])  # censored rows: the curvature itself
    plain = np.flatnonzero(r.kinds(y)[0] & ((y[-1] == r.inner.blank(1) - 1) if r.entry else True))
    assert_array_equal(information[plain],
                       r.inner.expected_information(y[:1], nu, aux)[plain])


def test_derivatives_in_aux(r, point):
    y, nu, aux = point
    score, (d1, d2) = r.aux_score(y, nu, aux), r.aux_derivatives(y, nu, aux)
    curvature = r.aux_curvature(y, nu, aux)
    m = len(aux)
    assert score.shape == d1.shape == d2.shape == (m, N) and curvature.shape == (m, m, N)
    for j in range(m):
        step = r.log_density(y, nu, aux + 1j * TINY)
        assert_allclose(score[j], step.imag / TINY, rtol=1e-9, atol=1e-10)
        numeric = slope(lambda h: r.log_density(y, nu, aux + h), 0.0)
        assert_allclose(score[j], numeric, rtol=1e-8, atol=1e-9)
        for k, value in ((0, d1), (1, d2)):
            numeric = slope(lambda h, k=k: r.derivatives(y, nu, aux + h)[k], 0.0)
            assert_allclose(value[j], numeric, rtol=1e-7, atol=1e-8 * (1 + np.abs(value).max()))
        numeric = slope(lambda h: r.aux_score(y, nu, aux + h), 0.0)
        assert_allclose(curvature[j], numeric, rtol=1e-7,
                        atol=1e-8 * (1 + np.abs(curvature).max()))


def test_nodes_broadcast(r, point):
    y, nu, aux = point
    nodes = np.stack([nu, nu[::-1], nu])
    copies = [x.copy() for x in (y, nodes, aux)]
    m = len(aux)
    for method, lead in (("kernel_score", ()), ("derivatives", ()), ("aux_derivatives", (m,)),
                         ("aux_score", (m,)), ("aux_curvature", (m, m)),
                         ("expected_information", ())):
        of_nodes, of_rows = (getattr(r, method)(y, x, aux) for x in (nodes, nu))
        if not isinstance(of_nodes, tuple):
            of_nodes, of_rows = (of_nodes,), (of_rows,)
        for a, b in zip(of_nodes, of_rows):
            assert a.shape == (*lead, 3, N)
            assert_allclose(a[..., 0, :], b, rtol=1e-13, atol=1e-15)
            assert_array_equal(a[..., 0, :], a[..., 2, :])
    for x, copy in zip((y, nodes, aux), copies):
        assert_array_equal(x, copy)
    assert pickle.loads(pickle.dumps(r)) == r


def test_rows_do_not_depend_on_one_another(r, point):
    """All rows of one kind take another path than a mixture."""
    y, nu, aux = point
    whole = r.kernel_score(y, nu, aux), r.derivatives(y, nu, aux)
    for mask in (*r.kinds(y), np.arange(N) == 5):
        if mask.any():
            rows = y[:, mask], nu[mask], aux[:, mask]
            part = r.kernel_score(*rows), r.derivatives(*rows)
            for a, b in zip((*whole[0], *whole[1]), (*part[0], *part[1])):
                assert_allclose(a[mask], b, rtol=1e-12, atol=1e-13)


def test_tails(r):
    """Finite at -700..700, and each derivative integrates to the one before."""
    bottom = 0.0 if r.inner.positive else -np.inf
    kinds = [(2.5, 2.5), (bottom, 2.5), (2.5, np.nan), (2.5, 3.0)]
    z, w = np.polynomial.legendre.leggauss(12)
    for low, high in kinds:
        def rows(n, low=low, high=high):
            columns = {"until": np.full(n, high)}
            if r.entry:
                columns["entry"] = np.full(n, 1.7)
            return r.prepare(np.full(n, low), columns=columns), np.zeros((len(r.aux_names), n))

        y, aux = rows(len(FAR))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            values = (*r.kernel_score(y, FAR, aux), *r.derivatives(y, FAR, aux),
                      *r.aux_derivatives(y, FAR, aux), r.aux_score(y, FAR, aux))
            r.aux_curvature(y, FAR, aux)
            information = r.expected_information(y, FAR, aux)
        for x in values:
            assert np.isfinite(x).all()
        assert np.all(information >= 0)
        assert_allclose(values[0], r.kernel(y, FAR, aux), rtol=1e-12, atol=1e-15)
        if r.entry:  # a difference of two large numbers far out
            continue
        for centre in (-650.0, -90.0, 90.0, 650.0):
            at = np.concatenate([[centre - 0.25, centre + 0.25], centre + 0.25 * z])
            y, aux = rows(len(at))
            chain = np.stack([r.kernel(y, at, aux), *r.derivatives(y, at, aux)])
            for order in range(3):
                error = 1e-15 * np.abs(chain[order]).max() * 100
                assert_allclose(0.25 * np.sum(w * chain[order + 1, 2:]),
                                chain[order, 1] - chain[order, 0], rtol=1e-7,
                                atol=max(error, 1e-300))


@pytest.mark.parametrize("r", CASES, ids=IDS)
def test_anything(r):
    bottom = 0.0 if r.inner.positive else -np.inf
    values = st.floats(1e-6, 1e6) if r.inner.positive else st.floats(-1e6, 1e6)

    @settings(max_examples=30, deadline=None, derandomize=True, database=None)
    @given(values, values, st.floats(-700, 700), st.floats(-3, 3))
    def check(low, high, nu, a):
        low, high = min(low, high), max(low, high)
        columns = {"until": np.array([low, high, np.nan, high])}
        if r.entry:
            columns["entry"] = np.array([np.nan, low - abs(low) / 2 - 1e-8, np.nan, np.nan])
            columns["entry"][1] = max(columns["entry"][1], bottom)
        y = r.prepare([low, bottom, low, low], columns=columns)
        nu, aux = nu * np.array([[1.0] * 4, [-0.01] * 4]), np.full((len(r.aux_names), 4), a)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            kernel, score = r.kernel_score(y, nu, aux)
            constant, l = r.constant(y, aux), r.derivatives(y, nu, aux)
            information = r.expected_information(y, nu, aux)
            aux_score = r.aux_score(y, nu, aux)
        small = kernel > -1e290
        assert np.isfinite(constant).all()
        assert not np.isnan(kernel).any() and not np.isposinf(kernel).any()
        censored = y[1] < y[2]
        assert np.all(kernel[:, censored] <= 1e-12)  # probabilities
        assert np.all(score[np.isinf(kernel)] == 0)
        for x in (score, *l, aux_score, information):
            assert np.isfinite(x[..., small]).all() and not np.isnan(x).any()
        assert np.all(information >= 0)

    check()


@pytest.mark.parametrize("df", [0.3, 0.7, 1.0, 2.0, 4.0, 50.0, 1e4])
def test_student_tail(df):
    """Against quadrature of the density: the log of F(z) is that of its value far out."""
    tail = StudentTail(Student(np.float64(df)))
    at = np.array([-1e60, -1e4, -300.0, -45.0, -39.0, -5.0, -0.3, 0.0, 1.0, 20.0])
    value, score = tail.value_score(at)
    for z, v, s in zip(at, value, score):
        step = max(abs(z), 1e-3) / min(df, 1 + z * z) if z < 0 else 1.0

        def ratio(u, z=z, step=step):  # f(z - u)/f(z) times the scale of u
            with np.errstate(all="ignore"):
                return step * np.exp(stats.t.logpdf(z - step * np.sinh(u), df)
                                     - stats.t.logpdf(z, df)) * np.cosh(u)

        top = min(600.0, 700.0 / df + 40.0)
        area = sum(integrate.quad(ratio, a, b, limit=500, epsabs=0, epsrel=1e-12)[0]
                   for a, b in ((0.0, 5.0), (5.0, 20.0), (20.0, top)))
        assert_allclose(v, stats.t.logpdf(z, df) + np.log(area), rtol=1e-9, atol=1e-9)
        assert_allclose(s * area, 1.0, rtol=1e-9)
    one, two, three = tail.derivatives(at)
    far = np.abs(at) < 1e3
    for order, numeric in ((two, lambda x: tail.derivatives(x)[0]),
                           (three, lambda x: tail.derivatives(x)[1])):
        assert_allclose(order[far], slope(numeric, at[far]), rtol=1e-5, atol=1e-8)
    # a power of z far out
    assert_allclose(one[0], df / 1e60, rtol=1e-9)
    assert_allclose(two[0], df / 1e120, rtol=1e-6)


def test_until():
    r = CensoredResponse(Weibull())
    y = r.prepare([1.0, 2.0, 0.0, 1.0, 3.0], columns={
        "until": np.array([1.0, 8.0, 5.0, np.nan, np.inf])})
    assert_array_equal(y[1:], [[1, 2, 0, 1, 3], [1, 8, 5, np.inf, np.inf]])
    assert_allclose(y[0], [1, 4, 5, 1, 3])  # geometric middle of an interval
    y = CensoredResponse(GaussianIdentity()).prepare([-np.inf, 2.0], columns={
        "until": np.array([-1.0, 3.0])})
    assert_array_equal(y, [[-1, 2.5], [-np.inf, 2], [-1, 3]])


def test_event_and_limits():
    r = CensoredResponse(Exponential())
    event = np.array([1.0, 0.0, 1.0, 1.0, 0.0])
    y = r.prepare([1.0, 2.0, 9.0, 0.0, 8.0], columns={
        "event": event, "lower": np.array([np.nan, 0.5, 0.5, 0.5, 0.5]), "upper": np.full(5, 7.0)})
    assert_array_equal(y, [[1, 2, 7, 0.5, 7], [1, 2, 7, 0, 7], [1, np.inf, np.inf, 0.5, np.inf]])
    r = CensoredResponse(Exponential("hazard"), entry=True)
    y = r.prepare([3.0, 2.0, 0.0], columns={
        "entry": np.array([1.0, np.nan, 0.5]), "until": np.array([3.0, np.inf, 4.0])})
    assert_array_equal(y[1:], [[3, 2, 0.5], [3, np.inf, 4], [1, 0, 0.5]])
    nu = np.array([0.3, -0.2, 0.1])
    rate = np.exp(nu)
    expected = [nu[0] - rate[0] * 2, -rate[1] * 2, np.log1p(-np.exp(-3.5 * rate[2]))]
    assert_allclose(r.log_density(y, nu), expected, rtol=1e-13)


def test_delayed_entry_of_hazards_is_concave():
    assert CensoredResponse(Weibull(), True).log_concave
    assert not CensoredResponse(LogNormal(), True).log_concave
    assert not CensoredResponse(StudentT(4)).log_concave


def test_uncensored_is_the_response_itself():
    y = np.array([[0.3, -1.0, 2.0]])
    r, plain = CensoredResponse(GaussianIdentity()), Gaussian()
    nu, aux = np.array([0.1, 0.5, -3.0]), np.full((1, 3), 0.4)
    rows = r.prepare(y[0], columns={"upper": np.full(3, 10.0)})
    assert_allclose(r.log_density(rows, nu, aux), plain.log_density(y, nu, aux), rtol=1e-14)
    assert_allclose(r.aux_score(rows, nu, aux), plain.aux_score(y, nu, aux), rtol=1e-13)
    for a, b in zip(r.derivatives(rows, nu, aux), plain.derivatives(y, nu, aux)):
        assert_allclose(a, b, rtol=1e-14)
    assert_allclose(r.aux_start(rows, nu), plain.aux_start(y, nu))
    assert r.describe_constant(rows) is None


def test_blank_and_constant():
    r = CensoredResponse(LogNormal(), True)
    assert np.isfinite(r.kernel(r.blank(3), np.zeros(3), np.zeros((1, 3)))).all()
    y = r.prepare([1.0, 2.0], columns={"event": np.zeros(2), "entry": np.full(2, np.nan)})
    assert r.describe_constant(y) == "every response is censored, at least at a limit"
    r = CensoredResponse(GaussianIdentity())
    y = r.prepare([1.0, 2.0], columns={"lower": np.full(2, 3.0)})
    assert r.describe_constant(y) == "every response is censored, at most at a limit"
    assert r.describe_constant(r.prepare([1.0, 1.0])) == "every response is 1"


NAN = np.nan
REFUSED = [
    (Weibull(), [1, -2], {"event": [1, 0]}, r"Weibull\(time\)\) response is -2 in row b: .* positive"),
    (Weibull(), [1, 0], {"event": [1, 0]}, r"response is 0 in row b: it must be positive"),
    (Weibull(), [1, 2], {"event": [1, 2]}, r"event is 2 in row b: it must be 1 \(observed\) or 0"),
    (LogNormal(), [1, 2], {"until": [1, 1.5]}, r"until is 1.5 in row b: it lies before the Censored"),
    (LogNormal(), [-1, 2], {"until": [1, 3]}, r"response is -1 in row a: it must not be negative"),
    (LogNormal(), [0, 2], {"until": [NAN, 3]}, r"until is inf in row a: the response may then be any"),
    (LogNormal(), [0, 2], {"until": [0, 3]}, r"response is 0 in row a: it must be positive"),
    (LogNormal(), [1, 2], {"lower": [0, 1]}, r"lower is 0 in row a: the limit of a positive"),
    (GaussianIdentity(), [NAN, 2], {"until": [1, 3]}, r"is nan in row a: drop missing"),
    (GaussianIdentity(), [-np.inf, 2], {"until": [NAN, 3]}, r"until is inf in row a: the response"),
    (GaussianIdentity(), [1, 2], {"lower": [0, 3], "upper": [5, 3]}, r"lower is 3 in row b: .*less"),
    (GaussianIdentity(), [1, 2], {"entry": [0, 2]}, r"entry is 2 in row b: it must lie before"),
    (Exponential(), [1, 2], {"entry": [-1, 0]}, r"entry is -1 in row a: it must not be negative"),
    (Exponential(), [1, 2], {"entry": [0, 5], "until": [2, 4]}, r"entry is 5 in row b"),
]


@pytest.mark.parametrize("inner, endog, columns, message", REFUSED)
def test_refused(inner, endog, columns, message):
    r = CensoredResponse(inner, "entry" in columns)
    with pytest.raises(DataError, match=message):
        r.prepare(endog, index=["a", "b"],
                  columns={role: np.array(x, dtype=float) for role, x in columns.items()})


def test_free_degrees_of_freedom():
    with pytest.raises(ValueError, match=r"StudentT needs a number of degrees of freedom, such as"):
        CensoredResponse(StudentT())
