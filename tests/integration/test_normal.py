"""Means over jointly normal linear predictors, against fine product rules and closed forms."""

import numpy as np
from numpy.testing import assert_allclose
import pytest

from statsmodels_gllamm.integration import normal
from statsmodels_gllamm.integration.normal import compact, joint_mean, normal_mean


def softmax(nu):
    """Probabilities of two of three categories (2, ..., n)."""
    top = np.maximum(nu.max(axis=0), 0)
    e = np.exp(nu - top)
    return e / (e.sum(axis=0) + np.exp(-top))


def exact(function, nu, root):
    """By a fine trapezoid rule over both predictors."""
    z = np.arange(-9, 9.01, 0.05)
    z = np.stack(np.meshgrid(z, z), -1).reshape(-1, 2)
    w = np.exp(-0.5 * (z**2).sum(axis=1))
    out = []
    for mean, r in zip(nu.T, np.moveaxis(root, -1, 0)):
        lower = np.linalg.cholesky(r @ r.T)
        out.append(function(mean[:, None] + lower @ z.T) @ w / w.sum())
    return np.stack(out, axis=-1)


@pytest.mark.parametrize("coupled", [False, True])
@pytest.mark.parametrize(("d", "size"), [(2, 0.3), (2, 1.0), (2, 3.0), (2, 8.0), (3, 1.0), (3, 2.5)])
def test_two_predictors(rng, d, size, coupled):
    root, nu = rng.normal(size=(2, d, 5)) * size / np.sqrt(d), rng.normal(size=(2, 5))
    value = joint_mean(softmax, nu, root, coupled)
    assert value.shape == (2, 5)
    assert_allclose(value, exact(softmax, nu, root), atol=1e-9)


def test_many_dimensions(rng):
    root, nu = rng.normal(size=(2, 5, 4)) / np.sqrt(5), rng.normal(size=(2, 4))
    value = joint_mean(softmax, nu, root, coupled=True)
    assert_allclose(value, exact(softmax, nu, root), atol=1e-4)
    assert_allclose(value, joint_mean(softmax, nu, root, coupled=True), rtol=0)  # no randomness
    assert_allclose(joint_mean(softmax, nu, root), exact(softmax, nu, root), atol=1e-9)


def test_functions_that_grow(rng):
    root, nu = rng.normal(size=(2, 2, 4)), rng.normal(size=(2, 4))
    v = np.einsum("pdn,qdn->pqn", root, root)
    value = joint_mean(lambda nu: np.exp(nu[0] + 2 * nu[1]), nu, root)
    variance = v[0, 0] + 4 * v[0, 1] + 4 * v[1, 1]
    assert_allclose(value, np.exp(nu[0] + 2 * nu[1] + variance / 2), rtol=1e-9)
    value = joint_mean(lambda nu: nu[0] * nu[1], nu, root)
    assert_allclose(value, nu[0] * nu[1] + v[0, 1], atol=1e-9)


def test_node_axes_and_blocks(rng, monkeypatch):
    root, nu = rng.normal(size=(2, 2, 4)), rng.normal(size=(2, 3, 4))
    value = joint_mean(softmax, nu, root)
    assert value.shape == (2, 3, 4)
    for k in range(3):
        assert_allclose(value[:, k], exact(softmax, nu[:, k], root), atol=1e-9)
    monkeypatch.setattr(normal, "BLOCK", 50)
    assert_allclose(joint_mean(softmax, nu, root), value, rtol=1e-12)


def test_dimensions_that_are_not_there(rng):
    nu = rng.normal(size=(2, 4))
    assert_allclose(joint_mean(softmax, nu, np.zeros((2, 3, 4))), softmax(nu))
    root = np.zeros((2, 3, 4))
    root[1, 2] = 0.7
    assert compact(root, False).shape == compact(root, True).shape == (2, 1, 4)
    value = joint_mean(lambda nu: np.exp(nu[0] + nu[1]), nu, root)
    assert_allclose(value, np.exp(nu.sum(axis=0) + 0.49 / 2))
    root[1] = rng.normal(size=(3, 4))
    assert_allclose(compact(root, False)[1, 0] ** 2, (root[1] ** 2).sum(axis=0))
    root[0] = root[1] * 2  # perfectly correlated
    value = joint_mean(lambda nu: np.exp(0.3 * nu[0]) + nu[1], nu, root)
    v = (root[1] ** 2).sum(axis=0)
    assert_allclose(value, np.exp(0.3 * nu[0] + 0.09 * 4 * v / 2) + nu[1], rtol=1e-9)


def test_one_dimension_is_the_adaptive_rule(rng):
    nu, sd = rng.normal(size=(1, 6)), rng.gamma(2, 1, size=6)
    assert_allclose(joint_mean(lambda nu: np.exp(nu[0]), nu, sd[None, None]),
                    normal_mean(np.exp, nu[0], sd), rtol=1e-14)
