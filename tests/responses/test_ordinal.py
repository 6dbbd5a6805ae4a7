"""Ordinal responses: three kinds, five links, scaled or not, items of different lengths."""
from dataclasses import dataclass
import pickle
import warnings

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
import pytest
from scipy import special, stats
from statsmodels.miscmodels.ordinal_model import OrderedModel

from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.responses.adjacent import Adjacent
from statsmodels_gllamm.responses.binomial import BINOMIAL_LINKS, Binomial
from statsmodels_gllamm.responses.continuation import Continuation
from statsmodels_gllamm.responses.cumulative import Cumulative
from statsmodels_gllamm.responses.ordinal import CODE, HIGH, LINKS, LOW, OrdinalResponse

SCIPY = {"logit": stats.logistic, "probit": stats.norm, "cloglog": stats.gumbel_l,
         "loglog": stats.gumbel_r, "cauchit": stats.cauchy}
TINY = 1e-30
H = 1e-4
LABELS = (1.0, 2.5, 3.0, 7.0, 8.0)


@dataclass(frozen=True)
class Case:
    response: OrdinalResponse
    gaps: bool = False

    @property
    def id(self):
        r = self.response
        return (r.name + " scaled" * r.scaled + " increments" * getattr(r, "increments", False)
                + " gaps" * self.gaps)

    def draw(self, seed, n=80):
        """y, nu and auxiliary predictors; items of 2 to K categories, from different ones on."""
        rng, r = np.random.default_rng(seed), self.response
        k = len(r.categories)
        low = rng.integers(0, 2, n) if k > 2 else np.zeros(n, dtype=int)
        high = np.where(np.arange(n) < n // 2, k - 1, rng.integers(low + 1, k, n))
        columns = {"low": low, "high": high}
        code = rng.integers(low, high + 1)
        if self.gaps:
            codes = np.arange(k)[:, None]
            possible = (codes != 2) | (code == 2) | (low == 2) | (high == 2)
            columns["possible"] = possible & (codes >= low) & (codes <= high)
        y = r.prepare(np.array(r.values)[code], columns=columns)
        aux = rng.normal(0, 0.7, (len(r.aux_names), n))
        if isinstance(r, Cumulative) and not r.increments:
            aux[:k - 1] = np.sort(aux[:k - 1] + np.linspace(-1, 1, k - 1)[:, None], axis=0)
            aux[:k - 1] += 0.05 * np.arange(k - 1)[:, None]
        return y, rng.normal(0, 1.2, n), aux


def _cases():
    for scaled in (False, True):
        for link in LINKS:
            yield Case(Cumulative(link, LABELS, scaled))
            yield Case(Continuation(link, LABELS, scaled))
        for gaps in (False, True):
            yield Case(Adjacent("logit", LABELS, scaled), gaps)
    yield Case(Continuation("cloglog", LABELS, True), True)
    yield Case(Cumulative("probit", LABELS, True, increments=True))
    yield Case(Cumulative("logit", LABELS, increments=True), True)
    yield Case(Cumulative("logit", ("no", "yes")))
    yield Case(Adjacent("logit", ("no", "yes"), True))


CASES = list(_cases())


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture(params=CASES, ids=lambda case: case.id)
def case(request):
    return request.param


def slope(f, x):
    return (8 * (f(x + H) - f(x - H)) - (f(x + 2 * H) - f(x - 2 * H))) / (12 * H)


def unit(m, k):
    e = np.zeros((m, 1))
    e[k] = 1.0
    return e


def of_code(r, y, code):
    """The row statistics y with another code."""
    out = y.copy()
    out[0], out[CODE] = r.values[code], code
    return out


def possible(r, y, code):
    inside = (y[LOW] <= code) & (code <= y[HIGH])
    return inside & (y[4 + code] > 0) if len(y) > 4 else inside


# ---- densities

@pytest.mark.parametrize("link", LINKS)
def test_statsmodels_ordered_model(link):
    rng = np.random.default_rng(1)
    x = rng.normal(0, 1, (200, 2))
    codes = np.clip(np.rint(x[:, 0] + rng.normal(0, 1, 200)) + 2, 0, 4).astype(int)
    beta, a = np.array([0.7, -0.4]), np.array([-1.1, 0.2, -0.5, 0.1])
    model = OrderedModel(codes, x, distr=SCIPY[link])
    expected = model.loglikeobs(np.concatenate([beta, a]))
    steps = Cumulative(link, tuple(range(5)), increments=True)
    plain = Cumulative(link, tuple(range(5)))
    kappa = np.cumsum(np.concatenate([a[:1], np.exp(a[1:])]))
    for r, aux in ((steps, a), (plain, kappa)):
        y = r.prepare(codes)
        phi = r.row_aux(y, np.repeat(aux[:, None], 200, axis=1))
        assert_allclose(r.log_density(y, x @ beta, phi), expected, rtol=1e-9)


def expected_probabilities(r, nu, aux, low, high, mask):
    """One row's, by the definitions; nu, low and high numbers, aux (m,), mask (K,)."""
    k, cuts = len(r.categories), aux[:len(r.categories) - 1]
    sigma = np.exp(aux[-1]) if r.scaled else 1.0
    F = SCIPY[r.link].cdf
    p = np.zeros(k)
    if isinstance(r, Adjacent):
        logits = (np.arange(k) * nu - np.concatenate([[0], np.cumsum(cuts)])) / sigma
        p[mask] = special.softmax(logits[mask])
    elif isinstance(r, Continuation):
        left = 1.0
        for s in np.flatnonzero(mask):
            stop = 1.0 if s == high else F((cuts[s] - nu) / sigma)
            p[s], left = left * stop, left * (1 - stop)
    else:
        if r.increments:
            kappa = np.full(k - 1, cuts[low]) if low < k - 1 else cuts.copy()
            for s in range(low + 1, k - 1):
                kappa[s] = kappa[s - 1] + (np.exp(cuts[s]) if mask[s] else 0.0)
            cuts = kappa
        upto = np.concatenate([[0.0], F((cuts - nu) / sigma), [1.0]])
        upto[:low + 1], upto[high + 1:] = 0.0, 1.0
        p = np.diff(upto)
    return p


def test_probabilities_and_density(case):
    r = case.response
    y, nu, aux = case.draw(2)
    p = r.probabilities(nu, aux, y)
    masks = np.array([possible(r, y, c) for c in range(len(r.categories))])
    for i in range(y.shape[1]):
        expected = expected_probabilities(r, nu[i], aux[:, i], int(y[LOW, i]), int(y[HIGH, i]),
                                          masks[:, i])
        assert_allclose(p[:, i], expected, rtol=1e-9, atol=1e-12)
    assert_allclose(p.sum(axis=0), 1.0, rtol=1e-12)
    for code in range(len(r.categories)):
        rows = masks[code]
        other = of_code(r, y, code)[:, rows]
        density = r.log_density(other, nu[rows], r.row_aux(other, aux[:, rows]))
        with np.errstate(divide="ignore"):
            log_p = np.log(p[code, rows])
        large = p[code, rows] > 1e-300
        assert_allclose(density[large], log_p[large], rtol=1e-10, atol=1e-13)
        assert np.all(density[~large] < -690)
        assert_array_equal(p[code, ~rows], 0.0)
    assert_allclose(r.mean(nu, aux, y), r.values @ p, rtol=1e-12)
    assert_allclose(r.variance(nu, aux, y), r.values**2 @ p - (r.values @ p)**2, rtol=1e-8,
                    atol=1e-12)
    nodes = np.stack([nu, nu + 1])
    assert_allclose(r.probabilities(nodes, aux, y)[:, 0], p, rtol=1e-12)
    assert r.mean(nodes, aux, y).shape == r.variance(nodes, aux, y).shape == nodes.shape
    anywhere = r.probabilities(nodes, aux[:, :1], None)
    assert_allclose(anywhere.sum(axis=0), 1.0, rtol=1e-12)


@pytest.mark.parametrize("link, other, sign", [
    ("logit", "logit", 1), ("probit", "probit", 1), ("cauchit", "cauchy", 1),
    ("cloglog", "loglog", 1), ("loglog", "cloglog", 1)])
@pytest.mark.parametrize("kind", [Cumulative, Continuation, Adjacent])
def test_two_categories_are_binomial(link, other, sign, kind):
    if kind is Adjacent and link != "logit":
        return
    r, b = kind(link, (0, 1)), Binomial(BINOMIAL_LINKS[other])
    rng = np.random.default_rng(3)
    y01, nu, cut = rng.integers(0, 2, 60), rng.normal(0, 9, 60), rng.normal(0, 1, (1, 60))
    y, yb = r.prepare(y01), b.prepare(y01)
    phi = r.row_aux(y, cut)
    at = sign * (nu - cut[0])
    assert_allclose(r.kernel(y, nu, phi), b.kernel(yb, at), rtol=1e-12)
    for x, z in zip(r.kernel_score(y, nu, phi), b.kernel_score(yb, at)):
        assert_allclose(x, z, rtol=1e-9, atol=1e-13)
    for x, z in zip(r.derivatives(y, nu, phi), b.derivatives(yb, at)):
        assert_allclose(x, z, rtol=1e-9, atol=1e-300)
    assert_allclose(r.expected_information(y, nu, phi), b.expected_information(yb, at), rtol=1e-9)
    assert_allclose(r.mean(nu, cut, y), b.mean(at), rtol=1e-11)


# ---- derivatives

def test_kernel_score_and_derivatives(case):
    r = case.response
    y, nu, aux = case.draw(4)
    phi = r.row_aux(y, aux)
    assert phi.shape == (r.n_row_aux, y.shape[1])
    kernel, score = r.kernel_score(y, nu, phi)
    step = r.kernel(y, nu + 1j * TINY, phi)
    l1, l2, l3 = r.derivatives(y, nu, phi)
    assert_allclose(kernel, r.kernel(y, nu, phi), rtol=1e-12, atol=1e-15)
    assert_allclose(kernel, step.real, rtol=1e-11, atol=1e-14)
    for x in (score, l1):
        assert_allclose(x, step.imag / TINY, rtol=1e-9, atol=1e-12)
    for order, exact in ((0, l2), (1, l3)):
        numeric = slope(lambda x, k=order: r.derivatives(y, x, phi)[k], nu)
        assert_allclose(exact, numeric, rtol=1e-6, atol=1e-8)
    if r.log_concave:
        assert np.all(l2 <= 1e-14)
    nodes = np.stack([nu, nu[::-1], nu])
    copies = [x.copy() for x in (y, nodes, phi)]
    kernel, score = r.kernel_score(y, nodes, phi)
    assert kernel.shape == score.shape == r.curvature(y, nodes, phi).shape == nodes.shape
    assert_array_equal(kernel[0], kernel[2])
    assert_allclose(score[0], l1, rtol=1e-9, atol=1e-12)
    assert r.expected_information(y, nodes, phi).shape == nodes.shape
    for x, copy in zip((y, nodes, phi), copies):
        assert_array_equal(x, copy)


def test_aux(case):
    r = case.response
    y, nu, aux = case.draw(5)
    nu = np.stack([nu, nu + 0.5])
    phi = r.row_aux(y, aux)
    score, curvature = r.aux_score(y, nu, phi), r.aux_curvature(y, nu, phi)
    first, second = r.aux_derivatives(y, nu, phi)
    m = r.n_row_aux
    assert score.shape == first.shape == second.shape == (m, *nu.shape)
    assert curvature.shape == (m, m, *nu.shape)
    for k in range(m):
        e = unit(m, k)
        step = r.kernel(y, nu + 0j, phi + 1j * TINY * e).imag / TINY
        assert_allclose(score[k], step, rtol=1e-8, atol=1e-12)
        for exact, f in ((first[k], lambda x: r.derivatives(y, nu, x)[0]),
                         (second[k], lambda x: r.derivatives(y, nu, x)[1]),
                         (curvature[k], lambda x: r.aux_score(y, nu, x))):
            numeric = slope(lambda h, f=f, e=e: f(phi + h * e), 0.0)
            assert_allclose(exact, numeric, rtol=1e-5, atol=1e-7)


def test_row_aux_adjoint(case):
    r = case.response
    y, _, aux = case.draw(6)
    rng = np.random.default_rng(6)
    phi = r.row_aux(y, aux)
    bar = np.where(np.isfinite(phi), rng.normal(0, 1, phi.shape), 0.0)
    adjoint = r.row_aux_adjoint(y, aux, bar)
    assert adjoint.shape == aux.shape
    for k in range(len(aux)):
        step = r.row_aux(y, aux + 1j * TINY * unit(len(aux), k))
        with np.errstate(invalid="ignore"):
            expected = np.where(np.isfinite(phi), bar * step.imag / TINY, 0.0).sum(axis=0)
        assert_allclose(adjoint[k], expected, rtol=1e-12, atol=1e-14)
    if r.linear_aux:
        total = r.row_aux(y, 2 * aux)
        assert_allclose(total, 2 * phi, rtol=1e-14)


def test_expected_information(case):
    r = case.response
    y, nu, aux = case.draw(7)
    p = r.probabilities(nu, aux, y)
    exact = np.zeros(len(nu))
    for code in range(len(r.categories)):
        rows = possible(r, y, code)
        other = of_code(r, y, code)[:, rows]
        l1 = r.derivatives(other, nu[rows], r.row_aux(other, aux[:, rows]))[0]
        exact[rows] += p[code, rows] * l1**2
    got = r.expected_information(y, nu, r.row_aux(y, aux))
    if isinstance(r, Cumulative):  # of the response in three groups
        two = y[HIGH] - y[LOW] == 1
        assert_allclose(got[two], exact[two], rtol=1e-9)
        assert np.all(got <= exact * (1 + 1e-9))
        assert r.log_concave or np.all(got > 0)  # where it takes the place of the curvature
    else:
        assert_allclose(got, exact, rtol=1e-8)


# ---- tails

FAR = np.array([-700.0, -100.0, -40.0, 40.0, 100.0, 700.0])


def test_far_tails(case):
    """Finite everywhere; every derivative integrates to the difference of the one before."""
    r = case.response
    y, _, aux = case.draw(8, 40)
    if r.scaled:
        aux[-1] *= 0.2
    phi = r.row_aux(y, aux)
    z, w = np.polynomial.legendre.leggauss(12)
    for x0 in FAR:
        nu = np.full(40, x0)
        steep = abs(x0) == 700 and r.link in ("cloglog", "loglog")  # e^(700 / 0.9) overflows
        values = [*r.kernel_score(y, nu, phi), *r.derivatives(y, nu, phi),
                  *r.aux_score(y, nu, phi), *r.aux_derivatives(y, nu, phi),
                  r.expected_information(y, nu, phi)]
        assert not any(np.isnan(x).any() for x in values)
        assert r.scaled and steep or all(np.isfinite(x).all() for x in values)
        assert_allclose(r.probabilities(nu, aux, y).sum(axis=0), 1.0, rtol=1e-12)
        if abs(x0) > 100:
            continue

        def at(x):
            return np.stack([r.kernel(y, x, phi), *r.derivatives(y, x, phi)])

        inner = sum(0.125 * weight * at(nu + 0.125 * node) for node, weight in zip(z, w))
        ends = at(nu - 0.125), at(nu + 0.125)
        for order in range(3):
            size = np.abs(ends[1][order])
            assert np.all(np.abs(inner[order + 1] - (ends[1] - ends[0])[order])
                          <= 1e-8 * np.abs(inner[order + 1]) + 2e-13 * (1e-2 + size))


def test_narrow_category_keeps_its_digits():
    """Of width 1e-9 at 30 standard deviations: the limit log f + log width."""
    for link in LINKS:
        r = Cumulative(link, (0, 1, 2))
        y = r.prepare([1, 1])
        aux = np.array([[0.0, 0.0], [1e-9, 1e-9]])
        nu = np.array([-3.0, 3.0]) if link in ("cloglog", "loglog") else np.array([-30.0, 30.0])
        phi = r.row_aux(y, aux)
        expected = SCIPY[link].logpdf(-nu) + np.log(1e-9)
        assert_allclose(r.kernel(y, nu, phi), expected, rtol=1e-9)
        slopes = -slope(SCIPY[link].logpdf, -nu)
        assert_allclose(r.derivatives(y, nu, phi)[0], slopes, rtol=1e-6)
        assert_allclose(r.kernel_score(y, nu, phi)[1], slopes, rtol=1e-6)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_anything(case):
    r = case.response
    numbers = st.floats(-700, 700, allow_nan=False)
    small = st.floats(-5, 5)
    m = len(r.aux_names)

    @settings(max_examples=30, deadline=None, derandomize=True, database=None)
    @given(st.integers(0, len(r.categories) - 1), numbers, st.lists(small, min_size=m, max_size=m))
    def check(code, nu, aux):
        aux = np.repeat(np.array(aux)[:, None], 2, axis=1)
        y = r.prepare(np.repeat(r.values[code], 2))
        nu = np.array([[nu, -nu], [nu / 700, nu / 70]])
        phi = r.row_aux(y, aux)
        kernel, score = r.kernel_score(y, nu, phi)
        l1, l2, l3 = r.derivatives(y, nu, phi)
        information = r.expected_information(y, nu, phi)
        aux_score = r.aux_score(y, nu, phi)
        inside = np.isfinite(kernel)
        assert not np.isnan(kernel).any() and np.all(kernel <= 1e-15)
        assert not np.isnan(l1).any() and np.all(score[~inside] == 0)
        assert not np.isnan(information[inside]).any()
        assert np.all(information[inside] >= 0)
        assert not np.isnan(aux_score[:, inside]).any()
        if r.log_concave:
            ok = inside & np.isfinite(l1)
            assert np.all(l2[ok] <= 1e-9 * (1 + np.abs(l1[ok])))
        cuts = aux[:r.n_cuts, 0]
        plain = isinstance(r, Cumulative) and not r.increments
        disordered = plain and np.any(np.diff(cuts) < 0)
        p = r.probabilities(nu, aux)
        assert disordered and np.isnan(p).all() or np.all((p >= 0) & (p <= 1 + 1e-15))
        if disordered:
            assert np.isneginf(kernel).all() and np.all(l1 == 0) and np.all(aux_score == 0)
        elif not plain:
            assert inside.any()

    check()


# ---- the rest

def test_disordered_thresholds_between_low_and_high_only():
    r = Cumulative("logit", (0, 1, 2, 3))
    aux = np.repeat([[0.0], [2.0], [1.0]], 4, axis=1)
    y = r.prepare([0, 1, 1, 2], columns={"low": np.array([0, 0, 0, 0]),
                                         "high": np.array([3, 3, 2, 2])})
    kernel, score = r.kernel_score(y, np.zeros(4), r.row_aux(y, aux))
    assert_array_equal(np.isneginf(kernel), [True, True, False, False])
    assert_array_equal(score[:2], 0.0)
    assert_array_equal(np.isnan(r.probabilities(np.zeros(4), aux, y)).all(axis=0),
                       [True, True, False, False])


def test_simulate(case):
    r = case.response
    y, nu, aux = case.draw(9, 6)
    n = 4000
    many = [np.tile(x, n) for x in (nu, aux, y)]
    sample = r.simulate(np.random.default_rng(1), *many).reshape(n, 6)
    p = r.probabilities(nu, aux, y)
    for code, value in enumerate(r.values):
        share = (sample == value).mean(axis=0)
        assert np.all(np.abs(share - p[code]) <= 5 * np.sqrt(p[code] * (1 - p[code]) / n))


@pytest.mark.parametrize("kind", [Cumulative, Continuation, Adjacent])
@pytest.mark.parametrize("link", LINKS)
def test_starting_values(kind, link):
    if kind is Adjacent and link != "logit":
        return
    counts = np.array([40, 10, 25, 3, 22])
    endog = np.repeat(np.arange(5), counts)
    for r in [kind(link, tuple(range(5)), True)] + (
            [kind(link, tuple(range(5)), True, increments=True)] if kind is Cumulative else []):
        y = r.prepare(endog)
        aux = r.aux_start(y, np.full(100, 2.0))
        assert aux.shape == (5,) and aux[-1] == 0
        p = r.probabilities(np.zeros(1), aux[:, None])[:, 0]
        assert_allclose(p, counts / 100, atol=0.03)


def test_starting_values_are_in_order_with_items_of_different_lengths():
    r = Cumulative("logit", tuple(range(4)))
    endog = np.array([0, 0, 0, 0, 1, 1, 2, 0, 3, 3, 3, 3])
    high = np.array([1] * 6 + [3] * 6)
    cuts = r.aux_start(r.prepare(endog, columns={"low": 0 * high, "high": high}), None)
    assert np.all(np.diff(cuts) > 0)


def test_statistics_and_errors():
    r = Cumulative("logit", (1.0, 2.0, 3.5))
    y = r.prepare([1, 3.5, 2])
    assert_array_equal(y, [[1, 3.5, 2], [0, 2, 1], [0, 0, 0], [2, 2, 2]])
    assert y.flags.c_contiguous
    blank = r.blank(2, columns={"low": np.array([0, 1]), "high": np.array([1, 2])})
    assert_array_equal(blank, [[1, 2], [0, 1], [0, 1], [1, 2]])
    with pytest.raises(DataError, match=r"is 3 in row b: the categories are 1, 2, 3.5"):
        r.prepare([1.0, 3.0], index=["a", "b"])
    with pytest.raises(DataError, match=r"is 3.5 in row 1: .* no such category where"):
        r.prepare([1.0, 3.5], columns={"high": np.array([2, 1])})
    with pytest.raises(DataError, match="n_trials is for binomial"):
        r.prepare([1.0, 2.0], n_trials=[3, 3])
    assert r.describe_constant(y) is None
    assert r.describe_constant(y[:, 1:2]) == "every response is 3.5"
    words = Adjacent("logit", ("low", "high"))
    assert_array_equal(words.prepare([1, 0])[:2], [[1, 0], [1, 0]])
    assert words.describe_constant(words.prepare([1, 1])) == "every response is 'high'"
    assert_array_equal(Cumulative("logit", (3, 2, 1)).values, [0, 1, 2])


def test_names_and_pickle(case):
    r = case.response
    assert pickle.loads(pickle.dumps(r)) == r and hash(r) is not None
    assert len(r.aux_names) == len(r.categories) - 1 + r.scaled
    assert r.aux_designs["cut1"] == "thresholds"
    assert r.aux_designs.get("logscale", "dispersion") == "dispersion"
    assert r.log_concave == (r.link != "cauchit")
    with pytest.raises(AttributeError):
        r.link = "probit"


def test_equivalent_multinomial():
    """Adjacent logits are the multinomial logit whose slopes are proportional to the scores."""
    rng = np.random.default_rng(4)
    nu, cuts = rng.normal(0, 1, 20), rng.normal(0, 1, 3)
    r = Adjacent("logit", tuple(range(4)))
    p = r.probabilities(nu, np.repeat(cuts[:, None], 20, axis=1))
    intercepts = np.concatenate([[0], -np.cumsum(cuts)])
    assert_allclose(p, special.softmax(intercepts[:, None] + np.arange(4)[:, None] * nu, axis=0),
                    rtol=1e-12)
