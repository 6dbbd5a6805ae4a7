"""Chi-bar-squared distributions: closed forms, drawn weights and projections."""

import numpy as np
from numpy.testing import assert_allclose
import pytest
from scipy import optimize, stats

from statsmodels_gllamm.results.chi_bar import chi_bar, half_space, project


def covariance(rng, d):
    a = rng.normal(size=(d, d))
    return a @ a.T + 0.3 * np.eye(d)


def lengths(x, z, v):
    return np.einsum("ni,ij,nj->n", x, np.linalg.inv(v), z)


def test_one_parameter():
    mixture = chi_bar(None, (1,))
    assert_allclose(mixture.weights, [0.5, 0.5])
    assert_allclose(mixture.sf(2.7055), stats.chi2.sf(2.7055, 1) / 2)
    assert mixture.sf(0.0) == mixture.sf(-1.0) == 1 and mixture.error(3) == 0


def test_two_parameters():
    """Uncorrelated 1/4, 1/2, 1/4; correlated by the angle between the edges of the cone."""
    assert_allclose(chi_bar(np.diag([3.0, 0.1]), (1, 1)).weights, [0.25, 0.5, 0.25])
    rho = 0.6
    mixture = chi_bar(np.array([[4.0, 2 * rho], [2 * rho, 1.0]]), (1, 1))
    both = stats.multivariate_normal([0, 0], [[1, rho], [rho, 1]]).cdf([0, 0])
    assert_allclose(mixture.weights, [0.5 - both, 0.5, both], atol=1e-6)


def test_three_parameters(rng):
    """The closed form against signs in quadratic programmes solved by scipy."""
    v = covariance(rng, 3)
    mixture = chi_bar(v, (1, 1, 1))
    assert_allclose(mixture.weights.sum(), 1)
    z = rng.multivariate_normal(np.zeros(3), v, 4000)
    root = np.linalg.cholesky(np.linalg.inv(v)).T
    x = np.array([optimize.nnls(root, root @ row)[0] for row in z])
    share = np.bincount((x > 0).sum(axis=1), minlength=4) / len(z)
    assert_allclose(share, mixture.weights, atol=4 * np.sqrt(0.25 / len(z)))
    assert_allclose(project(z, v, (1, 1, 1)), x, atol=1e-6)


def test_independent_half_lines_are_binomial():
    mixture = chi_bar(np.diag([1.0, 2, 3, 4, 5]), (1,) * 5, rng=1)
    binomial = stats.binom.pmf(np.arange(6), 5, 0.5)
    assert_allclose(mixture.weights, binomial, atol=4 * np.sqrt(0.25 / 10_000))
    exact = binomial @ np.where(np.arange(6) > 0, stats.chi2.sf(8, np.maximum(np.arange(6), 1)), 0)
    assert abs(mixture.sf(8) - exact) < 4 * mixture.error(8)
    assert 0 < mixture.error(8) < 1e-3


def test_matrices_of_two(rng):
    """Three parameters: the first and last weight are probabilities of the cone and its polar."""
    v = covariance(rng, 3)
    mixture = chi_bar(v, (2,), rng=3, draws=20_000)
    z = rng.multivariate_normal(np.zeros(3), v, 20_000)

    def inside(a, b, c):
        return (a >= 0) & (c >= 0) & (b**2 <= a * c)

    w3 = inside(*z.T).mean()
    a, b, c = -np.linalg.solve(v, z.T)
    w0 = inside(a, b / 2, c).mean()
    assert_allclose(mixture.weights, [w0, 0.5 - w3, 0.5 - w0, w3], atol=0.015)
    t = lengths(project(z, v, (2,)), z, v)
    for at in (1.0, 3.0, 6.0):
        assert_allclose(mixture.sf(at), (t >= at).mean(), atol=4 * np.sqrt(0.25 / len(z)))


def test_projection_on_matrices_is_optimal(rng):
    """x is in the cone, and no closer point is on the way to other points of the cone."""
    v, orders = covariance(rng, 7), (3, 1)
    z = rng.multivariate_normal(np.zeros(7), v, 50)
    x = project(z, v, orders)
    rows, columns = np.tril_indices(3)
    m = np.zeros((50, 3, 3))
    m[:, rows, columns] = m[:, columns, rows] = x[:, :6]
    assert np.linalg.eigvalsh(m).min() > -1e-7 and x[:, 6].min() >= 0
    slope = (z - x) @ np.linalg.inv(v)
    assert_allclose((slope * x).sum(axis=1), 0, atol=1e-5)
    for _ in range(20):
        root = rng.normal(size=(3, 3))
        other = np.append((root @ root.T)[rows, columns], rng.random())
        assert (slope @ other).max() < 1e-5


def test_drawn_by_the_radius(rng):
    """Weights of a cone of matrices of order three give the tails of drawn projections."""
    v = covariance(rng, 6)
    mixture = chi_bar(v, (3,), rng=5, draws=1500)
    z = rng.multivariate_normal(np.zeros(6), v, 1500)
    t = lengths(project(z, v, (3,)), z, v)
    for at in (2.0, 5.0, 9.0):
        p = (t >= at).mean()
        assert_allclose(mixture.sf(at), p, atol=4 * np.sqrt(p * (1 - p) / len(z) * 2))
    odd = np.arange(7) % 2 == 1
    assert_allclose([mixture.weights[odd].sum(), mixture.weights[~odd].sum()], 0.5, atol=1e-3)


def test_half_space_is_an_upper_bound(rng):
    for _ in range(20):
        v = covariance(rng, 3)
        for at in (0.5, 2.0, 7.0):
            assert chi_bar(v, (1, 1, 1)).sf(at) <= half_space(3).sf(at)


def test_not_positive_definite():
    with pytest.raises(np.linalg.LinAlgError):
        chi_bar(np.ones((2, 2)), (1, 1))


def test_shifted_and_repeated():
    mixture = chi_bar(None, (1,)).plus(2)
    assert mixture.df.tolist() == [2, 3]
    v = np.diag(np.arange(1.0, 6))
    one, two = (chi_bar(v, (1,) * 5, rng=np.random.default_rng(7)) for _ in range(2))
    assert_allclose(one.weights, two.weights, atol=0)
