"""Probabilities of intervals against many digits, scipy, and their own derivatives."""
from functools import partial
from pathlib import Path
import warnings

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
import pandas as pd
import pytest
from scipy import stats

from statsmodels_gllamm.responses.interval import INTERVALS, Partials, Symmetric
from statsmodels_gllamm.responses.scaled_interval import (
    ScaledInterval,
    interval_score,
    interval_value,
)
from statsmodels_gllamm.responses.standard import NORMAL

# mpmath 1.4.1, 1200 digits, central differences with a step of 1e-60
REFERENCE = pd.read_csv(Path(__file__).with_name("interval.csv"))
SCIPY = {"logistic": stats.logistic, "normal": stats.norm, "gumbel_min": stats.gumbel_l,
         "gumbel_max": stats.gumbel_r, "cauchy": stats.cauchy}
TINY = 1e-30
H = 1e-4


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture(params=INTERVALS)
def name(request):
    return request.param


def slope(f, x):
    return (8 * (f(x + H) - f(x - H)) - (f(x + 2 * H) - f(x - 2 * H))) / (12 * H)


def test_many_digits(name):
    table = REFERENCE[REFERENCE["interval"] == name]
    assert len(table) > 9
    a, w = table["low"].to_numpy(), table["width"].to_numpy()
    interval = INTERVALS[name]
    value, score = interval.value_score(a, a + w, w)
    assert_allclose(interval.value(a, a + w, w), table["value"], rtol=2e-11)
    assert_allclose(value, table["value"], rtol=2e-11, atol=2e-16)
    assert_allclose(score, table["t"], rtol=1e-9, atol=1e-16)
    partials = interval.partials(a, a + w, w)
    for field, got in partials._asdict().items():
        # sums of cancelling terms that are zero in the limit of no width
        loose = name in ("normal", "cauchy") and field in ("t", "ttt", "tta", "ttb")
        assert_allclose(got, table[field], rtol=1e-9, atol=5e-14 if loose else 1e-300,
                        err_msg=field)


def test_scipy(name):
    rng = np.random.default_rng(1)
    a = rng.normal(0, 2, 300)
    b = a + rng.gamma(1, 1, 300)
    a[:50], b[50:100] = -np.inf, np.inf
    F = SCIPY[name]
    p = np.where(a + b > 0, F.sf(a) - F.sf(b), F.cdf(b) - F.cdf(a))
    assert_allclose(np.exp(INTERVALS[name].value(a, b)), p, rtol=1e-8)


def test_open_ends_are_tails(name):
    interval, x = INTERVALS[name], np.linspace(-8, 8, 33)
    inf = np.full(33, np.inf)
    for a, b, tail, sign in ((-inf, x, interval.lower, 1), (x, inf, interval.upper, -1)):
        value, score = interval.value_score(a, b)
        partials = interval.partials(a, b)
        d = tail.derivatives(sign * x)
        assert_allclose(value, tail.value(sign * x), rtol=1e-13, atol=1e-16)
        assert_allclose(score, sign * d[0], rtol=1e-12, atol=1e-15)
        end = ("b", "tb", "ttb") if sign == 1 else ("a", "ta", "tta")
        for order, (t, e) in enumerate(zip(("t", "tt", "ttt"), end)):
            assert_allclose(getattr(partials, t), sign**(order + 1) * d[order], rtol=1e-13)
            assert_allclose(getattr(partials, e), sign**(order + 1) * d[order], rtol=1e-13)
        for field in set(Partials._fields) - {"t", "tt", "ttt", "aa", "bb", *end}:
            assert_array_equal(getattr(partials, field), 0.0)
    whole = interval.partials(-inf, inf)
    assert_array_equal(interval.value(-inf, inf), 0.0)
    assert all((x == 0).all() for x in whole)


def test_no_interval(name):
    interval = INTERVALS[name]
    a = np.array([[1.0, 2.0, np.nan, 0.0, 0.5]])
    b = np.array([[1.0, 1.0, 1.0, np.nan, 1.0]])
    for value in (interval.value(a, b), interval.value_score(a, b)[0],
                  interval.value(a + 0j, b + 0j).real):
        assert_array_equal(np.isneginf(value), [[True, True, True, True, False]])
    assert_array_equal(interval.value_score(a, b)[1][:, :4], 0.0)
    assert all((x[:, :4] == 0).all() for x in interval.partials(a, b))


@pytest.mark.parametrize("width", [1e-12, 1e-5, 0.4, 3.0, 50.0])
def test_far_tails(name, width):
    """Finite at -700..700; the score is the complex step's and bounded by those of the ends."""
    interval = INTERVALS[name]
    a = np.array([-700.0, -100.0, -36.0, 0.0, 36.0, 100.0, 700.0 - width])
    b, w = a + width, np.full(7, width)
    value, score = interval.value_score(a, b, w)
    assert np.isfinite(value).all() and np.isfinite(score).all()
    assert_allclose(value, interval.value(a, b, w), rtol=1e-12, atol=2e-16)
    step = interval.value(a + TINY * 1j, b + TINY * 1j, w + 0j).imag / TINY
    rtol = 1e-6 if name == "cauchy" else 1e-9  # its complex values cancel in the lower tail
    assert_allclose(score, step, rtol=rtol, atol=1e-9)
    partials = interval.partials(a, b, w)
    for field, x in partials._asdict().items():
        assert np.isfinite(x).all(), field
    assert_allclose(partials.t, score, rtol=1e-9, atol=1e-12)
    if interval.log_concave:
        assert np.all(partials.tt <= 0) and np.all(partials.aa <= 0) and np.all(partials.bb <= 0)
        assert np.all(partials.ab >= 0)


def test_narrow_meets_wide():
    """The two formulas of a symmetric distribution agree where they meet."""
    interval = INTERVALS["normal"]
    for a in (-30.0, -3.0, -0.1):
        low = interval.lower.value(np.array([a]))
        grid = a + np.linspace(0.01, 0.4, 4000) / max(1, -a)
        distance = interval.lower.value(grid) - low
        k = np.flatnonzero((distance[:-1] < 0.25) & (distance[1:] >= 0.25))
        assert len(k) == 1
        ends = grid[k[0]:k[0] + 2]
        at = interval.partials(np.full(2, a), ends)
        for field, slope_of in (("tt", "ttb"), ("t", "tb")):
            change = np.diff(getattr(at, field))
            expected = np.mean(getattr(at, slope_of)) * np.diff(ends)
            assert_allclose(change, expected, rtol=1e-3, atol=1e-10)


def test_partials_by_differences(name):
    rng = np.random.default_rng(2)
    a = rng.normal(0, 1.5, 60)
    b = a + rng.gamma(1, 1, 60)
    interval = INTERVALS[name]

    def moved(h, da, db, field):
        return getattr(interval.partials(a + da * h, b + db * h), field)

    for (da, db), pairs in (((1, 1), (("t", "tt"), ("tt", "ttt"), ("a", "ta"), ("b", "tb"),
                                      ("ta", "tta"), ("tb", "ttb"))),
                            ((1, 0), (("a", "aa"), ("b", "ab"))), ((0, 1), (("b", "bb"),))):
        for field, derivative in pairs:
            numeric = slope(partial(moved, da=da, db=db, field=field), 0.0)
            exact = getattr(interval.partials(a, b), derivative)
            keep = b - a > 0.05  # differences need a width
            assert_allclose(exact[keep], numeric[keep], rtol=1e-6, atol=1e-7)
    for field, da, db in (("a", 1, 0), ("b", 0, 1)):
        step = interval.value(a + 1j * TINY * da, b + 1j * TINY * db).imag / TINY
        assert_allclose(getattr(interval.partials(a, b), field), step, rtol=1e-9, atol=1e-13)


def test_values_for_every_row():
    """`take` hands a density of rows its elements."""
    class Wide(type(NORMAL)):
        def __init__(self, rows):
            self.rows = rows

        def take(self, mask, shape):
            return Wide(np.broadcast_to(self.rows, shape)[mask])

        def value(self, z):
            assert z.shape[-1] == len(self.rows)
            return NORMAL.value(z)

    a = np.array([[0.1, -3.0, 2.0], [0.2, 0.1, -1.0]])
    b = a + np.array([0.01, 3.0, 0.02])
    own = Symmetric(Wide(np.arange(3.0)))
    assert_allclose(own.value(a, b), INTERVALS["normal"].value(a, b), rtol=1e-14)
    assert_allclose(own.partials(a, b).tt, INTERVALS["normal"].partials(a, b).tt, rtol=1e-14)


@pytest.mark.parametrize("scaled", [False, True])
def test_scaled(name, scaled):
    """All derivatives in nu, the ends and the log scale, by complex step and differences."""
    rng = np.random.default_rng(3)
    n = 60
    nu, low = rng.normal(0, 1.5, (2, 2, n))
    low = low[0]
    phi = np.stack([low, low + 0.1 + rng.gamma(1, 1, n), rng.normal(0, 0.5, n)])
    phi[0, :10], phi[1, 10:20], phi[0, 19] = -np.inf, np.inf, -np.inf
    phi = phi if scaled else phi[:2]
    interval = INTERVALS[name]
    value, score = interval_score(interval, nu, phi)
    assert value.shape == score.shape == (2, n)
    at = ScaledInterval(interval, nu, phi)
    l1, l2, l3 = at.derivatives()
    assert_allclose(interval_value(interval, nu, phi), value, rtol=1e-11, atol=1e-15)
    step = interval_value(interval, nu + TINY * 1j, phi)
    assert_allclose(step.real, value, rtol=1e-11, atol=1e-15)
    for x in (score, l1):
        assert_allclose(x, step.imag / TINY, rtol=1e-9, atol=1e-12)

    def there(h, k=None):
        moved = phi.copy()
        if k is not None:
            moved[k] += h
        return ScaledInterval(interval, nu + h * (k is None), moved)

    for order, exact in ((0, l2), (1, l3)):
        numeric = slope(lambda h, k=order: there(h).derivatives()[k], 0.0)
        assert_allclose(exact, numeric, rtol=1e-6, atol=1e-7)
    first, second, curvature = *at.aux_derivatives(), at.aux_curvature()
    assert_allclose(curvature, curvature.swapaxes(0, 1), rtol=1e-9, atol=1e-12)
    for k in range(len(phi)):
        unit = np.zeros((len(phi), 1))
        unit[k] = TINY
        step = interval_value(interval, nu + 0j, phi + 1j * unit).imag / TINY
        assert_allclose(at.aux_score()[k], step, rtol=1e-9, atol=1e-12)
        for exact, f in ((first[k], lambda x: x.derivatives()[0]),
                         (second[k], lambda x: x.derivatives()[1]),
                         (curvature[k], lambda x: x.aux_score())):
            numeric = slope(lambda h, f=f, k=k: f(there(h, k)), 0.0)
            assert_allclose(exact, numeric, rtol=1e-6, atol=2e-7)
