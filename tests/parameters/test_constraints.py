"""Linear constraints, solved."""
import numpy as np
from numpy.testing import assert_allclose
import pytest

from statsmodels_gllamm.parameters.constraints import solve

NAMES = [f"p{i}" for i in range(6)]


def test_every_solution_satisfies_the_constraints(rng):
    for m in range(1, 6):
        r, q = rng.normal(size=(m, 6)), rng.normal(size=m)
        found = solve(r, q, NAMES)
        theta = found.expand(rng.normal(size=(4, 6 - m)))
        assert_allclose(theta @ r.T, np.tile(q, (4, 1)), atol=1e-9)
        assert np.linalg.matrix_rank(found.basis) == 6 - m
        assert_allclose(theta[:, found.free] @ found.basis.T + found.shift, theta, atol=1e-9)


def test_projection_is_the_nearest_point(rng):
    found = solve(rng.normal(size=(2, 6)), rng.normal(size=2), NAMES)
    theta, weight = rng.normal(size=6), rng.uniform(0.5, 2, 6)
    phi = found.project(theta, weight)
    rest = weight**2 * (theta - found.expand(phi))
    assert_allclose(rest @ found.basis, 0, atol=1e-9)


def test_redundant_constraints_count_once():
    found = solve([[1, -1, 0, 0, 0, 0], [0, 1, -1, 0, 0, 0], [1, 0, -1, 0, 0, 0]], [0, 0, 0], NAMES)
    assert len(found.free) == 4
    assert_allclose(found.expand(np.arange(4.0))[:3], 0.0)


def test_fixed_and_touched():
    found = solve([[0, 2, 0, 0, 0, 0], [1, 0, 0, -1, 0, 0]], [3, 0], NAMES)
    assert found.fixed.tolist() == [1] and found.shift[1] == 1.5
    assert found.touched.tolist() == [0, 1, 3]
    assert found.texts(NAMES) == ["2*p1 = 3", "p0 = p3"]


def test_contradiction_and_nothing_left():
    with pytest.raises(ValueError, match="contradict each other.*p0 = 1 and p0 = 2"):
        solve([[1, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0]], [1, 2], NAMES)
    with pytest.raises(ValueError, match="fix every parameter"):
        solve(np.eye(6), np.zeros(6), NAMES)
    with pytest.raises(ValueError, match="not finite"):
        solve([[np.nan] * 6], [0], NAMES)
