"""Every derivative against complex step or central differences at random points."""
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
import pytest

from tests.responses.cases import CASES, IDS

N = 60
TINY = 1e-30
H = 1e-4


def slope(f, x):
    """f'(x) by fourth-order central differences."""
    return (8 * (f(x + H) - f(x - H)) - (f(x + 2 * H) - f(x - 2 * H))) / (12 * H)


@pytest.fixture(params=CASES, ids=IDS)
def case(request):
    return request.param


@pytest.fixture
def point(case):
    return case.draw(np.random.default_rng(7), N)


def test_kernel_score(case, point):
    y, nu, aux = point
    kernel, score = case.response.kernel_score(y, nu, aux)
    assert_allclose(kernel, case.response.kernel(y, nu, aux), rtol=1e-12, atol=1e-14)
    step = case.response.kernel(y, nu + TINY * 1j, aux)
    assert_allclose(step.real, kernel, rtol=1e-12, atol=1e-14)
    assert_allclose(score, step.imag / TINY, rtol=1e-11, atol=1e-12)


def test_nodes_broadcast_and_nothing_changes(case, point):
    y, nu, aux = point
    nodes = np.stack([nu, nu[::-1], nu])
    copies = [x.copy() for x in (y, nodes, aux)]
    r = case.response
    kernel, score = r.kernel_score(y, nodes, aux)
    assert kernel.shape == score.shape == r.curvature(y, nodes, aux).shape == nodes.shape
    assert r.aux_score(y, nodes, aux).shape == (len(r.aux_names), 3, N)
    assert_array_equal(kernel[0], kernel[2])
    assert_allclose(score[0], r.derivatives(y, nu, aux)[0], rtol=1e-11, atol=1e-13)
    for x, copy in zip((y, nodes, aux), copies):
        assert_array_equal(x, copy)


def test_derivatives(case, point):
    y, nu, aux = point
    l1, l2, l3 = case.response.derivatives(y, nu, aux)
    scale = 1 + np.abs(l3).max()
    assert l1.shape == l2.shape == l3.shape == nu.shape
    assert all(x.flags.writeable for x in (l1, l2, l3))
    for order, value in ((0, l2), (1, l3)):
        numeric = slope(lambda x, k=order: case.response.derivatives(y, x, aux)[k], nu)
        assert_allclose(value, numeric, rtol=1e-7, atol=1e-10 * scale)
    assert_allclose(case.response.curvature(y, nu, aux), -l2, rtol=1e-12, atol=1e-14)
    if case.response.log_concave:
        assert np.all(l2 <= 1e-14)


def test_aux(case, point):
    y, nu, aux = point
    r = case.response
    score = r.aux_score(y, nu, aux)
    d1, d2 = r.aux_derivatives(y, nu, aux)
    assert score.shape == d1.shape == d2.shape == (len(r.aux_names), N)
    for j in range(len(aux)):
        unit = np.zeros((len(aux), 1))
        unit[j] = 1.0
        step = r.log_density(y, nu, aux + 1j * TINY * unit)
        assert_allclose(score[j], step.imag / TINY, rtol=1e-10, atol=1e-12)
        for k, value in ((0, d1), (1, d2)):
            numeric = slope(lambda h, k=k, u=unit: r.derivatives(y, nu, aux + h * u)[k], 0.0)
            assert_allclose(value[j], numeric, rtol=1e-7, atol=1e-9 * (1 + np.abs(value).max()))


@pytest.mark.parametrize("case", [c for c in CASES if "logit" in c.id], ids=lambda c: c.id)
def test_fast_logit_is_the_general_binomial(case, point):
    from statsmodels_gllamm.responses.binomial import BINOMIAL_LINKS, Binomial

    y, nu, _ = case.draw(np.random.default_rng(3), 500)
    nu = nu * 20
    general = Binomial(BINOMIAL_LINKS["logit"])
    for fast, slow in zip(
            (*case.response.kernel_score(y, nu), *case.response.derivatives(y, nu)),
            (*general.kernel_score(y, nu), *general.derivatives(y, nu))):
        assert_allclose(fast, slow, rtol=1e-12, atol=1e-13)
