"""Mode, arrow factor and solves against dense matrices; node weights; Louis' information."""
import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
from scipy import special, stats
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM
from statsmodels_gllamm.estimation.information import differenced
from statsmodels_gllamm.integration import arrow, marginal
from statsmodels_gllamm.integration.nodes import latent_at_nodes
from tests.integration.frames import nested_frame, random_params

FORMULAS = ["(x | s)", "(1 | s/g)", "(x | s) + (1 | s:g)", "(x || s:g) + (x | s)"]
FAMILIES = {"binary": sm.families.Binomial(), "count": sm.families.Poisson(),
            "positive": sm.families.Gamma(sm.families.links.Log()),
            "number": sm.families.Gaussian(sm.families.links.Log())}


@pytest.fixture(params=FORMULAS)
def formula(request):
    return request.param


@pytest.fixture(params=[False, True], ids=["plain", "weighted"])
def weights(request):
    return request.param


def build(formula, rng, weighted=False, column="count"):
    data = nested_frame(rng)
    options = {}
    if weighted:
        data["wg"] = data.groupby("g")["x"].transform(lambda x: 1.0 + len(x) % 3)
        data["wr"] = rng.integers(1, 4, len(data))
        names = {"rows": "wr"} | ({"s:g": "wg"} if "g" in formula else {})
        options["freq_weights"] = names
    model = GLLAMM.from_formula(
        f"{column} ~ x + {formula}", data, family=FAMILIES[column], **options)
    return model, random_params(model, rng)


def state(model, params, n=3):
    """Chunk, task, predictors, mode, nodes, posterior and score of a small model."""
    points = (n,) * len(model.design.q)
    objective = model._objective(points, merge=False)
    (chunk,) = objective.problem.chunks
    psi = model.design.psi(model.design.to_working(params))
    start = marginal.zero_start(chunk, model.design.q)
    return chunk, objective.task, marginal.expand(chunk, objective.task, psi, start)


def dense(chunk, q, a):
    """Row loadings of all latent variables (n, total), and their cumulative unit weights."""
    columns, weights, first = [], [], 0
    total = marginal_weights(chunk)
    for level, k in enumerate(q):
        unit = chunk.to_rows(np.arange(chunk.runs[level].size), level)
        for g in range(chunk.runs[level].size):
            columns += [np.where(unit == g, a[first + j], 0.0) for j in range(k)]
            weights += [total[level][g]] * k
        first += k
    return np.array(columns).T, np.array(weights)


def marginal_weights(chunk):
    """Cumulative weight of every unit, top level one."""
    n = len(chunk.runs)
    total = [None] * n
    total[-1] = np.ones(chunk.runs[-1].size)
    for level in range(n - 2, -1, -1):
        total[level] = chunk.runs[level + 1].spread(total[level + 1])
        if chunk.unit_weight[level] is not None:
            total[level] = total[level] * chunk.unit_weight[level]
    return total


def flat(parts):
    return np.concatenate([part.T.ravel() for part in parts])


@pytest.mark.parametrize("column", FAMILIES)
def test_mode_is_stationary(formula, weights, column, rng):
    model, params = build(formula, rng, weights, column)
    chunk, task, x = state(model, params)
    columns, weight = dense(chunk, task.q, x.a)
    row = chunk.row_runs.spread(marginal_weights(chunk)[0])
    gradient = columns.T @ (x.mode.local.first * row) - weight * flat(x.mode.u)
    assert_allclose(gradient, 0.0, atol=1e-8)


def test_factor_and_solve(formula, weights, rng):
    model, params = build(formula, rng, weights)
    chunk, task, x = state(model, params)
    mode, posterior = x.mode, x.posterior
    columns, weight = dense(chunk, task.q, x.a)
    total = marginal_weights(chunk)
    row = chunk.row_runs.spread(total[0])
    h = (columns * (-mode.local.l2 * row)[:, None]).T @ columns + np.diag(weight)
    logs = [np.log(np.einsum("iig->ig", lower)).sum(0) for lower in mode.factor.lower]
    if not weights:
        half = sum(x.sum() for x in logs)
        assert_allclose(half, np.linalg.slogdet(h)[1] / 2, rtol=1e-10)
    for one, two in zip(total, posterior.total):
        assert_allclose(one, two)
    rhs = rng.normal(size=x.a.shape)
    own = [rng.normal(size=u.shape) for u in mode.u]
    got = arrow.solve(chunk, task.q, mode.factor, chunk.runs[0].sum(rhs), own)
    right = dense(chunk, task.q, rhs)[0].T @ row + weight * flat(own)
    assert_allclose(flat(got), np.linalg.solve(h, right), rtol=1e-9, atol=1e-11)


def test_node_weights(formula, weights, rng):
    model, params = build(formula, rng, weights)
    chunk, task, x = state(model, params)
    mode, nodes, posterior = x.mode, x.nodes, x.posterior
    for conditional, joint, total in zip(
            posterior.conditional, posterior.joint, posterior.total):
        assert_allclose(conditional.sum(1), 1.0, rtol=1e-12)
        assert_allclose(joint.sum((0, 1)), total, rtol=1e-12)
    u = latent_at_nodes(chunk, nodes)
    assert u.shape == (sum(task.q), task.n_nodes, chunk.runs[0].size)
    middle = task.n_nodes // 2
    at_mode = np.concatenate(
        [chunk.to_units(x, level, 0) for level, x in enumerate(mode.u)])
    assert_allclose(u[:, middle], at_mode, atol=1e-12)


def test_prior_weights_without_adaptation(rng):
    """Ordinary quadrature puts the nodes at the rule's own places."""
    model, params = build("(1 | s/g)", rng)
    objective = model._objective((5, 3), "quadrature", merge=False)
    (chunk,) = objective.problem.chunks
    psi = model.design.psi(model.design.to_working(params))
    nodes = marginal.expand(chunk, objective.task, psi, None).nodes
    for u, rule in zip(nodes.u, objective.task.rules):
        assert_allclose(u, np.broadcast_to(rule.z.T[:, None, :, None], u.shape), atol=1e-15)


@pytest.mark.parametrize("column", ["binary", "count"])
def test_louis(formula, weights, column, rng):
    """Louis' formula is the curvature of the integral: many points, and a differenced gradient."""
    model, _ = build(formula, rng, weights, column)
    params = random_params(model, rng, sd=0.5)
    n = {2: 25, 3: 15, 4: 11}[sum(model.design.q)]
    objective = model._objective((n,) * len(model.design.q))
    working = model.design.to_working(params)
    point = objective.at(working, information=True)
    k = len(working)
    exact = differenced(objective, point, np.arange(k), np.full(k, 1e-4))
    assert_allclose(point.louis, exact, rtol=0, atol=2e-4 * np.abs(exact).max())


def test_mode_beyond_an_inflection():
    """The slope nearly vanishes where the density is not concave, far from its mode."""
    y = [6.76329265, 7.44496499, 3.54612928, 2.50449806, 0.02460017, 0.02946407, 0.02703752]
    offset = np.array([4.51251541, 4.70357169, 4.75094188, 4.77253172, 4.60575021, 4.66113119,
                       4.62485423])
    sd, scale = 5.3269646, 0.77464209
    data = pd.DataFrame({"y": y * 2, "o": np.tile(offset, 2), "s": np.repeat([0, 1], 7)})
    model = GLLAMM.from_formula("y ~ 0 + (1 | s)", data, offset="o",
                                family=sm.families.InverseGaussian(sm.families.links.Log()))
    params = np.array([sd**2, scale])
    u = np.linspace(-9, 9, 4001)
    mu, y, phi = np.exp(offset[:, None] + sd * u), np.array(y)[:, None], np.exp(2 * scale)
    joint = (-0.5 * np.log(2 * np.pi * phi * y**3) - (y - mu) ** 2 / (2 * phi * mu**2 * y)).sum(0)
    exact = special.logsumexp(joint + stats.norm.logpdf(u)) + np.log(u[1] - u[0])
    _, _, x = state(model, params)
    assert_allclose(x.mode.u[0], u[np.argmax(joint - u**2 / 2)], atol=0.01)
    assert_allclose(model.loglike(params, n_quad=91), 2 * exact, rtol=1e-3)


def test_impossible_parameters_are_refused(rng):
    family = sm.families.Poisson(sm.families.links.Identity())
    model = GLLAMM.from_formula("count ~ x + (1 | s)", nested_frame(rng), family=family)
    with pytest.raises(ValueError, match="in cluster 's.' of 's'.*not possible"):
        model.loglike([-5.0, 0.0, 0.0])
    assert np.isfinite(model.loglike([-2.0, 0.0, 1.0]))  # the latent variable makes up for it


def test_nan_parameters_are_refused(rng):
    model, params = build("(1 | s)", rng)
    with pytest.raises(ValueError):
        model.loglike(params * np.nan)


@pytest.mark.parametrize("sd", [20.0, 35.0, 50.0, 80.0])
@pytest.mark.parametrize("column", FAMILIES)
def test_overflow_at_nodes(column, sd, rng):
    """Nodes where the density or its slope is beyond any number weigh nothing in the score."""
    data = nested_frame(rng)
    family = FAMILIES[column]
    if column == "positive":
        family = sm.families.InverseGaussian(sm.families.links.Log())
    model = GLLAMM.from_formula(f"{column} ~ x + (1 | s)", data, family=family)
    params = np.array([0.5, 0.3, sd**2] + [0.2] * len(model.response.aux_names))
    for rule in ({"integration": "quadrature", "n_quad": 101}, {"n_quad": 101}):
        assert np.isfinite(model.loglike(params, **rule))
        assert np.isfinite(model.score(params, **rule)).all()
        assert np.isfinite(model.score_obs(params, **rule)).all()


def test_overflow_of_sums(rng):
    """Finite log densities whose sum overflows: the slope in the scale is infinite there."""
    family = sm.families.InverseGaussian(sm.families.links.Log())
    model = GLLAMM.from_formula("positive ~ x + (1 | s)", nested_frame(rng), family=family)
    for sd in np.linspace(20, 60, 100):
        score = model.score([0.5, 0.3, sd**2, 0.2], "quadrature", n_quad=101)
        assert np.isfinite(score).all()
