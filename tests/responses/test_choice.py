"""Choices: values against statsmodels and direct formulas, derivatives, tails, simulation."""
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
import pytest
from scipy.special import log_softmax, softmax
from statsmodels.discrete.conditional_models import ConditionalLogit
from statsmodels.discrete.discrete_model import MNLogit

from statsmodels_gllamm.responses.choice import Choice
from tests.responses.set_cases import (
    check_all,
    check_layouts,
    contiguous,
    position_major,
    to_position_major,
)

COUNTS = [3, 1, 2, 5, 4, 2]


def chosen(rng, counts):
    """One one per set, contiguous."""
    y = np.zeros(sum(counts))
    y[np.cumsum(counts) - counts + rng.integers(0, counts)] = 1
    return y[None]


def draw(seed, counts=COUNTS, scaled=True):
    rng = np.random.default_rng(seed)
    y, nu = chosen(rng, np.asarray(counts)), rng.normal(0, 1.5, sum(counts))
    return y, nu, rng.normal(0, 0.5, (int(scaled), len(counts)))


@pytest.mark.parametrize("scaled", [False, True])
def test_derivatives(scaled):
    y, nu, phi = draw(3, scaled=scaled)
    check_all(Choice(scaled=scaled), y, nu, phi, contiguous(COUNTS))
    y, nu, phi = draw(4, [3] * 4, scaled)
    check_all(Choice(scaled=scaled), to_position_major(y, 4, 3), nu, phi, position_major(4, 3))


@pytest.mark.parametrize("m", [1, 2, 4])
def test_layouts(m):
    y, nu, phi = draw(5, [m] * 5)
    check_layouts(Choice(scaled=True), y, nu, phi, 5, m)


def test_density_is_softmax():
    y, nu, phi = draw(6)
    sets = contiguous(COUNTS)
    x = nu * np.repeat(np.exp(-phi[0]), COUNTS)
    expected = [log_softmax(x[s:s + c])[y[0, s:s + c] == 1].item()
                for s, c in zip(sets.starts, COUNTS)]
    r = Choice(scaled=True)
    assert_allclose(r.kernel(y, nu, phi, sets), expected, rtol=1e-13, atol=1e-15)
    assert_array_equal(r.constant(y, phi, sets), 0)
    aux = np.repeat(phi, COUNTS, axis=1)
    p = r.mean(nu, aux, y, sets)
    assert_allclose(p, np.concatenate([softmax(x[s:s + c]) for s, c in zip(sets.starts, COUNTS)]),
                    rtol=1e-13)
    assert_allclose(r.variance(nu, aux, y, sets), p * (1 - p))


def test_is_the_multinomial_logit_of_statsmodels():
    rng = np.random.default_rng(8)
    n, J = 40, 3
    x = np.column_stack([np.ones(n), rng.normal(size=n)])
    endog = rng.integers(0, J, n)
    params = rng.normal(size=(2, J - 1))
    nu = np.column_stack([np.zeros(n), x @ params])
    y = (endog[:, None] == np.arange(J)).astype(float)
    kernel = Choice().kernel(y.reshape(1, -1), nu.ravel(), None, contiguous([J] * n))
    model = MNLogit(endog, x)
    assert_allclose(kernel, model.loglikeobs(params).sum(1), rtol=1e-12)


def test_is_the_conditional_logit_of_statsmodels():
    rng = np.random.default_rng(9)
    counts = np.array([2, 3, 4, 3, 5, 2, 3, 4])
    y = chosen(rng, counts)
    x = rng.normal(size=(counts.sum(), 2))
    beta = np.array([0.7, -1.2])
    model = ConditionalLogit(y[0], x, groups=np.repeat(np.arange(len(counts)), counts))
    r, sets = Choice(), contiguous(counts)
    kernel, score = r.kernel_score(y, x @ beta, None, sets)
    assert_allclose(kernel.sum(), model.loglike(beta), rtol=1e-12)
    assert_allclose(score @ x, model.score(beta), rtol=1e-10)


@pytest.mark.parametrize("scaled", [False, True])
def test_tails(scaled):
    """Two alternatives 700 apart, and three with two ties, to all digits."""
    r, sets = Choice(scaled=scaled), contiguous([2, 2, 3])
    phi = np.zeros((int(scaled), 3))
    nu = np.array([350.0, -350.0, 350.0, -350.0, 0.0, -700.0, 0.0])
    y = np.array([[1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0]])
    kernel, score = r.kernel_score(y, nu, phi, sets)
    e = np.exp(-700.0)
    assert_allclose(kernel, [-e, -700.0, -700 - np.log(2)], rtol=1e-14)
    assert_allclose(score, [e, -e, -1, 1, -0.5, 1, -0.5], rtol=1e-13)
    local = r.local(y, nu, phi, sets)
    v = np.array([1.0, 0, 1, 0, 0, 1, 0])
    assert_allclose(local.second(v), [-e, e, -e, e, e / 4, -e / 2, e / 4], rtol=1e-13)
    w = np.array([0.0, 1, 0, 1, 0, 1, 0])  # p (1 - p)(1 - 2p) -> e of the second alternative
    assert_allclose(local.third(w, w)[:4], [e, -e, e, -e], rtol=1e-13)
    assert np.all(np.isfinite(local.third(v, w)))
    if scaled:
        assert_allclose(r.aux_score(y, nu, phi, sets)[0], [-700 * e, 700, 700], rtol=1e-13)
        assert_allclose(local.aux_first(v)[0, 0], -e * (1 - 700), rtol=1e-11)


def test_blank_rows_have_probabilities():
    r, sets = Choice(), contiguous([2, 3])
    nu = np.array([0.0, 1.0, 700.0, -700.0, 0.0])
    p = r.mean(nu, None, np.zeros((1, 5)), sets)
    assert_allclose(sets.sum(p), 1)
    assert_allclose(p[3], 0, atol=1e-300)


def test_simulation_has_the_probabilities():
    rng = np.random.default_rng(2)
    size, r = 20000, Choice(scaled=True)
    sets = position_major(size, 3)
    nu = np.repeat([0.5, -0.5, 1.0], size)
    aux = np.full((1, 3 * size), 0.4)
    y = r.simulate(rng, nu, aux, None, sets)
    assert_array_equal(sets.sum(y), 1)
    assert_allclose(y.reshape(3, size).mean(1), softmax(np.exp(-0.4) * np.array([0.5, -0.5, 1])),
                    atol=0.012)  # three standard errors
    y = r.simulate(rng, nu[:5], aux[:, :5], None, contiguous([2, 3]))
    assert_array_equal(contiguous([2, 3]).sum(y), 1)


def test_names():
    assert Choice().name == "Choice(logit)" and Choice().aux_names == ()
    r = Choice(("a", "b"), True, "Nominal")
    assert r.name == str(r) == "Nominal(logit)" and r.aux_names == ("logscale",)
    assert r.categories == ("a", "b") and r.log_concave
    assert Choice().describe_constant(np.ones((1, 3))) is not None
    assert Choice().describe_constant(np.array([[1.0, 0.0]])) is None


@given(st.integers(0, 10**6), st.floats(0, 700), st.lists(st.integers(1, 6), min_size=1, max_size=8),
       st.booleans())
def test_fuzz(seed, spread, counts, scaled):
    rng = np.random.default_rng(seed)
    y = chosen(rng, np.asarray(counts))
    nu = rng.uniform(-1, 1, sum(counts)) * spread
    phi = rng.uniform(-0.3, 0.3, (int(scaled), len(counts)))
    sets, r = contiguous(counts), Choice(scaled=scaled)
    kernel, score = r.kernel_score(y, nu, phi, sets)
    assert np.all(np.isfinite(kernel)) and np.all(kernel <= 0) and np.all(np.isfinite(score))
    assert_allclose(sets.sum(score), 0, atol=1e-14)
    local = r.local(y, nu, phi, sets)
    v = rng.normal(size=sets.n)
    assert np.all(sets.sum(v * local.second(v)) <= 1e-12)
    shift = sets.spread(rng.normal(size=sets.size))  # the same for all alternatives changes nothing
    assert_allclose(local.second(v + shift), local.second(v), atol=1e-12)
    assert_allclose(r.kernel(y, nu + shift, phi, sets), kernel, rtol=1e-9, atol=1e-9)
    assert np.all(np.isfinite(local.third(v, v)))
    assert np.all(np.isfinite(local.aux_second(v, v)))
    assert np.all(np.isfinite(r.aux_curvature(y, nu, phi, sets)))
