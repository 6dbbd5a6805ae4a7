"""Batched small matrices against numpy.linalg."""
import numpy as np
from numpy.testing import assert_allclose
import pytest

from statsmodels_gllamm.integration import small

G = 6


@pytest.fixture(params=[1, 2, 3, 5])
def h(request, rng):
    """Positive definite matrices (q, q, G)."""
    x = rng.normal(size=(G, request.param, request.param + 2))
    return np.moveaxis(x @ np.swapaxes(x, 1, 2), 0, -1).copy()


def first(x):
    return np.moveaxis(x, -1, 0)


def test_cholesky(h):
    assert_allclose(first(small.cholesky(h)), np.linalg.cholesky(first(h)), rtol=1e-11, atol=1e-13)


def test_cholesky_of_an_indefinite_matrix():
    h = np.stack([np.eye(2), [[1.0, 2.0], [2.0, 1.0]]], -1)
    lower = small.cholesky(h)
    assert_allclose(lower[..., 0], np.eye(2))
    assert np.isnan(lower[1, 1, 1])


@pytest.mark.parametrize("middle", [(), (3,), (2, 3)])
def test_solves(h, middle, rng):
    lower = small.cholesky(h)
    b = rng.normal(size=(len(h), *middle, G))
    forward, backward = small.forward(lower, b), small.backward(lower, b)
    assert_allclose(np.einsum("ikg,k...g->i...g", lower, forward), b, atol=1e-11)
    assert_allclose(np.einsum("kig,k...g->i...g", lower, backward), b, atol=1e-11)


def test_solves_broadcast(h, rng):
    """A right-hand side that is the same for all units."""
    lower = small.cholesky(h)
    b = rng.normal(size=(len(h), 1, 4, 1))
    wide = np.broadcast_to(b, (len(h), 1, 4, G))
    assert_allclose(small.backward(lower, b), small.backward(lower, wide))


def test_adjoint(h, rng):
    """The reverse sweep against the complex-step derivative of the factor."""
    lower, bar = small.cholesky(h), rng.normal(size=h.shape)
    bar = np.where(np.tri(len(h), dtype=bool)[..., None], bar, 0.0)
    direction = rng.normal(size=h.shape)
    direction += np.swapaxes(direction, 0, 1)
    change = small.cholesky(h + 1e-30j * direction).imag / 1e-30
    got = small.cholesky_adjoint(lower, bar)
    assert_allclose(got, np.swapaxes(got, 0, 1))
    assert_allclose((got * direction).sum((0, 1)), (bar * change).sum((0, 1)), rtol=1e-9)


def test_floored_cholesky(rng):
    """Above the floor the plain factor; no pivot below it."""
    x = rng.normal(size=(3, 3, 40))
    h = np.einsum("ikg,jkg->ijg", x, x) - 0.4 * np.eye(3)[:, :, None]
    lower, clipped = small.floored_cholesky(h, 0.25)
    free = ~clipped.any(axis=0)
    assert free.any() and not free.all()
    np.testing.assert_allclose(lower[..., free], small.cholesky(h[..., free]), rtol=1e-12)
    assert (np.einsum("iig->ig", lower) >= 0.5 - 1e-12).all()
    plain = np.einsum("ikg,jkg->ijg", lower, lower)
    np.testing.assert_allclose(plain[..., free], h[..., free], atol=1e-12)
    off = ~np.eye(3, dtype=bool)
    np.testing.assert_allclose(plain[off], h[off], atol=1e-12)
