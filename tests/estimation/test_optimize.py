"""The search: curvature, updates, line search and what it reports."""
import numpy as np
from numpy.testing import assert_allclose
import pytest
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, families
from statsmodels_gllamm.estimation import optimize
from tests.integration.frames import nested_frame


def test_positive_definite(rng):
    x = rng.normal(size=(5, 5))
    good = x @ x.T + np.eye(5)
    assert_allclose(optimize.positive_definite(good), good, rtol=1e-10)
    for bad in (np.diag([1.0, -1.0, 2.0]), np.zeros((3, 3)), np.ones((3, 3)),
                np.outer([1e-6, 1, 1e6], [1e-6, 1, 1e6])):
        values = np.linalg.eigvalsh(optimize.positive_definite(bad))
        assert (values > 0).all()
    assert optimize.is_positive_definite(good)
    assert not optimize.is_positive_definite(np.diag([1.0, -1e-3]))
    assert not optimize.is_positive_definite(np.diag([1.0, np.nan]))
    assert not optimize.is_positive_definite(np.zeros((2, 2)))


def test_bfgs_update(rng):
    b, step = np.eye(4), rng.normal(size=4)
    change = step + 0.1 * rng.normal(size=4)
    new = optimize.bfgs_update(b, step, change)
    assert_allclose(new @ step, change, rtol=1e-12)
    assert (np.linalg.eigvalsh(new) > 0).all()
    assert optimize.bfgs_update(b, step, -change) is b


@pytest.fixture
def data(rng):
    data = nested_frame(rng, n_top=40)
    u = rng.normal(size=40)[data["s"].str[1:].astype(int)]
    data["y"] = rng.poisson(np.exp(0.5 + 0.3 * data["x"] + u))
    return data


CASES = {"louis": (sm.families.Poisson(), 5), "louis-aux": (families.NegativeBinomial(), 5),
         "quasi-newton": (families.NegativeBinomial(), 1)}


@pytest.mark.parametrize("case", CASES)
def test_maximize(data, case):
    family, points = CASES[case]
    model = GLLAMM.from_formula("y ~ x + (1 | s)", data, family=family)
    objective = model._objective((points,))
    assert optimize.uses_louis(objective) == (case != "quasi-newton")
    start = model.design.to_working(model.start_params)
    found = optimize.maximize(objective, start, tol=1e-10)
    assert found.converged and found.gain < 1e-10
    assert (np.diff(found.history) > -1e-9).all()
    assert len(found.history) == found.n_iterations + 1
    assert np.abs(found.point.gradient).max() < 1e-3
    assert found.n_evaluations < 60
    stopped = optimize.maximize(objective, start, tol=1e-10, maxiter=1)
    assert not stopped.converged and stopped.n_iterations == 1
    assert stopped.gain > 1e-10 and "limit" in stopped.reason
    again = optimize.maximize(objective, found.point.working, tol=1e-6)
    assert again.n_iterations <= 1 and again.converged


@pytest.mark.parametrize("case", CASES)
def test_callback(data, case):
    seen, (family, points) = [], CASES[case]
    model = GLLAMM.from_formula("y ~ x + (1 | s)", data, family=family)
    start = model.design.to_working(model.start_params)
    found = optimize.maximize(model._objective((points,)), start,
                              callback=lambda *call: seen.append(call))
    assert [call[0] for call in seen] == list(range(found.n_iterations + 1))
    assert seen[-1][2] == found.gain


def test_few_clusters(rng):
    """Fewer clusters than parameters: the scores' outer product is singular, the search is not."""
    data = nested_frame(rng, n_top=5, n_mid=6)
    u = rng.normal(size=(2, 5))[:, data["s"].str[1:].astype(int)]
    for column, family in (("count", sm.families.Poisson()),
                           ("positive", sm.families.Gamma(sm.families.links.Log()))):
        data["y"] = (rng.poisson(np.exp(1 + u[0])) if column == "count"
                     else rng.gamma(2.0, np.exp(u[0]) / 2))
        model = GLLAMM.from_formula("y ~ x * z + (x | s)", data, family=family)
        start = model.design.to_working(model.start_params)
        found = optimize.maximize(model._objective((3,)), start, tol=1e-8)
        assert found.converged
        assert found.n_evaluations < 150
