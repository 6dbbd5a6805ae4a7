"""Cholesky columns that vanish: found, left, and given a sign."""
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
import pytest
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM
from statsmodels_gllamm.estimation import boundary
from tests.integration.frames import nested_frame, random_params


@pytest.fixture
def model(rng):
    return GLLAMM.from_formula("count ~ x + z + (x + z | s) + (1 | s:g)", nested_frame(rng),
                               family=sm.families.Poisson())


def with_cov(model, psi, below=1.0):
    params = np.zeros(len(model.param_names))
    for name, value in zip(model.param_names, params):
        assert value == 0.0, name
    values = {"var[Intercept[s:g]]": below}
    names = ("Intercept[s]", "x[s]", "z[s]")
    for i in range(3):
        for j in range(i + 1):
            name = f"var[{names[i]}]" if i == j else f"cov[{names[j]},{names[i]}]"
            values[name] = psi[i][j]
    for name, value in values.items():
        params[model.param_names.index(name)] = value
    return model.design.to_working(params)


def zeros(model, working):
    return [model.param_names[k] for k in boundary.zero_coordinates(model.design, working)]


def test_inside(model, rng):
    working = model.design.to_working(random_params(model, rng))
    assert zeros(model, working) == []
    assert_array_equal(boundary.leave(model.design, working), working)


def test_zero_coordinates(model):
    assert zeros(model, with_cov(model, np.eye(3), 0.0)) == ["var[Intercept[s:g]]"]
    assert zeros(model, with_cov(model, np.diag([1, 1, 0.0]))) == ["var[z[s]]"]
    rank_one = np.outer([1, 2, -1], [1, 2, -1])
    assert zeros(model, with_cov(model, rank_one)) == ["var[x[s]]", "cov[x[s],z[s]]", "var[z[s]]"]
    assert len(zeros(model, with_cov(model, np.zeros((3, 3)), 0.0))) == 7


def test_leave(model):
    working = with_cov(model, np.zeros((3, 3)), 0.0)
    left = boundary.leave(model.design, working)
    assert zeros(model, left) == []
    natural = model.design.to_natural(left)
    assert_allclose(natural[natural != 0], boundary.TINY**2)
    assert (natural != 0).sum() == 4
    sizes = np.full(len(working), 0.3)
    natural = model.design.to_natural(boundary.leave(model.design, working, sizes))
    assert_allclose(natural[natural != 0], 0.09)


def test_canonical(model, rng):
    """Signs change; parameters, log-likelihood and warm start do not."""
    working = model.design.to_working(random_params(model, rng))
    slices = model.design.cov_slices()
    for s, c in slices:
        for place, (_, j) in enumerate(c.pairs()):
            if j == 0:
                working[s.start + place] *= -1
    objective = model._objective((3, 3))
    point = objective.at(working)
    tidy, state = boundary.canonical(model.design, working, point.value.state)
    assert_allclose(model.design.to_natural(tidy), model.design.to_natural(working), atol=1e-14)
    for s, c in slices:
        assert (np.diag(c.root(tidy[s])) >= 0).all()
    again = objective.at(tidy, state)
    assert_allclose(again.loglik, point.loglik, rtol=1e-13)
    for one, two in zip(again.value.state, state):
        for x, y in zip(one, two):
            assert_allclose(x, y, atol=1e-6)


def test_snap(rng):
    """A tiny diagonal that the data do not ask for goes to zero; one that they do stays."""
    data = nested_frame(rng, n_top=20)
    data["y"] = np.tile([0, 3, 1, 2, 4], len(data))[: len(data)]
    model = GLLAMM.from_formula("y ~ 1 + (1 | s)", data, family=sm.families.Poisson())
    objective = model._objective((5,))
    for t, stays in ((1e-5, False), (0.8, True)):
        start = np.array([0.7, t])
        point = objective.at(start, units=True, information=True)
        snapped = boundary.snap(objective, point, np.array([1.0, 0.5]), 1e-7)
        assert (snapped is point) == stays
        assert stays or snapped.working[1] == 0
