"""EM for the saturated model against brute-force likelihoods and numerical maximisation."""
import numpy as np
from numpy.testing import assert_allclose
import pytest
from scipy import optimize, stats

from statsmodels_gllamm.results.saturated import Persons, evaluate, gradient, independent, saturated


@pytest.fixture
def persons(rng):
    """Sixty persons, three items with gaps, a covariate."""
    x = rng.normal(size=60)
    root = np.array([[1.0, 0, 0], [0.6, 0.8, 0], [-0.3, 0.5, 1.2]])
    y = np.outer(x, [0.5, -1.0, 0.2]) + rng.normal(size=(60, 3)) @ root.T
    y[rng.random(y.shape) < 0.25] = np.nan
    some = np.isfinite(y).any(axis=1)
    return Persons(y[some], np.column_stack([np.ones(60), x])[some], np.ones(some.sum()))


def brute(persons, a, omega):
    """Sum of multivariate normal log densities of what was answered."""
    total = 0.0
    for y, z, weight in zip(persons.y, persons.z, persons.weight):
        seen = np.isfinite(y)
        total += weight * stats.multivariate_normal.logpdf(
            y[seen], (z @ a)[seen], omega[np.ix_(seen, seen)])
    return total


A, OMEGA = np.array([[0.1, -0.2, 0.3], [0.4, 0.0, -0.1]]), np.array(
    [[1.0, 0.3, -0.1], [0.3, 1.5, 0.4], [-0.1, 0.4, 2.0]])


def test_loglik(persons):
    assert_allclose(evaluate(persons, A, OMEGA).loglik, brute(persons, A, OMEGA), rtol=1e-13)


def test_gradient(persons):
    in_a, in_omega = gradient(persons, evaluate(persons, A, OMEGA))
    assert_allclose(in_a.ravel(), optimize.approx_fprime(
        A.ravel(), lambda x: brute(persons, x.reshape(2, 3), OMEGA), 1e-6), atol=1e-3)
    for i, j in zip(*np.tril_indices(3)):
        step = np.zeros((3, 3))
        step[i, j] = step[j, i] = 1e-5
        slope = (brute(persons, A, OMEGA + step) - brute(persons, A, OMEGA - step)) / 2e-5
        assert_allclose(in_omega[i, j] * (1 if i == j else 2), slope, rtol=1e-6, atol=1e-6)


def test_maximum(persons):
    found = saturated(persons)
    assert found.converged
    for slope in gradient(persons, evaluate(persons, found.a, found.omega)):
        assert np.abs(slope).max() < 1e-6
    low = np.tril_indices(3)

    def minus(x):
        root = np.zeros((3, 3))
        root[low] = x[6:]
        in_a, in_omega = gradient(persons, evaluate(persons, x[:6].reshape(2, 3), root @ root.T))
        slope = np.concatenate([in_a.ravel(), (2 * in_omega @ root)[low]])
        return -brute(persons, x[:6].reshape(2, 3), root @ root.T), -slope

    start = np.concatenate([np.zeros(6), np.eye(3)[low]])
    best = optimize.minimize(minus, start, jac=True, method="BFGS", options={"gtol": 1e-6})
    assert_allclose(found.loglik, -best.fun, atol=1e-9)
    assert_allclose(found.a.ravel(), best.x[:6], atol=1e-6)


def test_complete_data_have_a_closed_form(persons):
    some = persons.seen.all(axis=1)
    full = Persons(persons.y[some], persons.z[some], np.ones(some.sum()))
    found = saturated(full)
    a = np.linalg.lstsq(full.z, full.y, rcond=None)[0]
    rest = full.y - full.z @ a
    assert_allclose(found.a, a, atol=1e-12)
    assert_allclose(found.omega, rest.T @ rest / len(rest), atol=1e-12)
    assert found.iterations == 1


def test_weights_are_copies(persons):
    weight = 1.0 + np.arange(len(persons.y)) % 3
    copies = np.repeat(np.arange(len(weight)), weight.astype(int))
    a = saturated(Persons(persons.y, persons.z, weight))
    b = saturated(Persons(persons.y[copies], persons.z[copies], np.ones(len(copies))))
    assert_allclose(a.loglik, b.loglik, atol=1e-8)
    assert_allclose(a.omega, b.omega, atol=1e-8)


def test_many_missing_items_converge(rng):
    y = rng.normal(size=(300, 3)) @ rng.normal(size=(3, 6)) + rng.normal(size=(300, 6))
    y[rng.random(y.shape) < 0.6] = np.nan
    y = y[np.isfinite(y).any(axis=1)]
    persons = Persons(y, np.ones((len(y), 1)), np.ones(len(y)))
    found = saturated(persons)
    assert found.converged and found.iterations < 200
    assert np.abs(gradient(persons, evaluate(persons, found.a, found.omega))[1]).max() < 1e-5


def test_a_likelihood_without_maximum_is_not_called_converged(rng):
    y = rng.normal(size=(8, 5))
    y[np.arange(8), rng.integers(0, 5, 8)] = np.nan
    y[np.arange(8), (rng.integers(0, 5, 8))] = np.nan
    assert not saturated(Persons(y, np.ones((8, 1)), np.ones(8)), maxiter=300).converged


def test_independent_items(persons):
    a, omega = independent(persons, persons.z[:, :1])
    expected = sum(stats.norm.logpdf(y, y.mean(), y.std()).sum()
                   for y in (c[np.isfinite(c)] for c in persons.y.T))
    a = np.vstack([a, np.zeros((1, 3))])
    assert_allclose(evaluate(persons, a, omega).loglik, expected, rtol=1e-12)
