"""Posterior of latent variables against brute-force integration: quantiles, nodes and draws."""

from types import SimpleNamespace

import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
from scipy.interpolate import CubicSpline
from scipy.optimize import brentq
from scipy.special import log_expit
from scipy.stats import kstest, norm
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Classes, families
from statsmodels_gllamm.results.latent import random_effects
from statsmodels_gllamm.results.plausible_values import plausible_values
from statsmodels_gllamm.results.posterior_nodes import posterior_nodes
from statsmodels_gllamm.results.posterior_table import latent

BINOMIAL = sm.families.Binomial()
GRID = np.linspace(-30, 30, 60001)


def at(model, n_quad=1, integration="adaptive", **values):
    """Results at any parameters, as far as the posterior needs them."""
    params = pd.Series(values)
    assert set(params.index) == set(model.param_names), model.param_names
    params = params[model.param_names].to_numpy(dtype=float)
    record = SimpleNamespace(params=params, working=model.design.to_working(params),
                             n_quad=(n_quad,) * len(model.design.q), integration=integration)
    return SimpleNamespace(model=model, record=record, params=params)


def clustered(rng, n=6, size=4):
    """Binary responses of few clusters: all ones in the first, all zeros in the second."""
    data = pd.DataFrame({"id": np.repeat(np.arange(n), size), "x": rng.normal(size=n * size)})
    data["y"] = rng.integers(0, 2, len(data)) * 1.0
    data.loc[data["id"] == 0, "y"] = 1.0
    data.loc[data["id"] == 1, "y"] = 0.0
    return data


def density(y, o, psi, grid=GRID):
    """Normalised weights of a fine grid for a logit random intercept."""
    sign = 2 * np.asarray(y) - 1
    log = log_expit(sign[:, None] * (np.asarray(o)[:, None] + grid)).sum(0) - grid**2 / (2 * psi)
    w = np.exp(log - log.max())
    return w / w.sum()


def distribution(z, w):
    """Distribution function from weights of the points of a grid."""
    function = CubicSpline(z, w).antiderivative()
    total = function(z[-1])
    return lambda x: function(x) / total


def quantiles_of(z, w, p):
    """Quantiles by the same."""
    cdf = distribution(z, w)
    return np.array([brentq(lambda x, q=q: cdf(x) - q, z[0], z[-1], xtol=1e-12) for q in p])


RANDOM_INTERCEPT = {"Intercept": -0.4, "x": 0.7, "var[Intercept[id]]": 9.0}


@pytest.fixture
def skewed(rng):
    """A random intercept logit with a large variance, and the grid's weights of every cluster."""
    data = clustered(rng)
    model = GLLAMM.from_formula("y ~ x + (1 | id)", data, family=BINOMIAL)
    weights = [density(one["y"], -0.4 + 0.7 * one["x"], 9.0) for _, one in data.groupby("id")]
    return at(model, 25, **RANDOM_INTERCEPT), weights


def test_quantiles_of_a_skewed_posterior(skewed):
    res, weights = skewed
    p = [0.001, 0.05, 0.5, 0.95, 0.999]
    frame = latent(res, quantiles=p)
    for w, (_, row) in zip(weights, frame.iterrows()):
        exact = quantiles_of(GRID, w, p)
        assert_allclose(row[[f"q{q:g}[Intercept]" for q in p]], exact, atol=1e-4)
    upper, lower = frame["q0.95[Intercept]"], frame["q0.05[Intercept]"]
    assert upper[0] + lower[0] > 2 * frame["Intercept"][0] + 0.2  # not those of a normal


def test_quantiles_do_not_depend_on_the_fits_points(skewed):
    res, weights = skewed
    few = SimpleNamespace(model=res.model, record=SimpleNamespace(**{**vars(res.record),
                                                                     "n_quad": (1,)}))
    a, b = (latent(one, quantiles=[0.1, 0.9]).filter(like="q0") for one in (res, few))
    assert_allclose(a, b, atol=1e-9)


def test_standardized(skewed):
    res, weights = skewed
    frame = latent(res, standardized=True)
    for w, (_, row) in zip(weights, frame.iterrows()):
        mean = w @ GRID
        rest = 9.0 - w @ (GRID - mean) ** 2
        assert_allclose(row["diagnostic[Intercept]"], np.sqrt(rest), rtol=1e-5)
        assert_allclose(row["standardized[Intercept]"], mean / np.sqrt(rest), rtol=1e-5)


def test_diagnostic_standard_error_is_that_of_gaussian_means(rng):
    """The variance of the posterior mean over data sets is the prior's less the posterior's."""
    n, size = 4000, 3
    data = pd.DataFrame({"id": np.repeat(np.arange(n), size)})
    data["y"] = np.repeat(rng.normal(0, 1.5, n), size) + rng.normal(size=n * size)
    model = GLLAMM.from_formula("y ~ 1 + (1 | id)", data)
    res = at(model, **{"Intercept": 0.0, "var[Intercept[id]]": 2.25, "logsd[Intercept]": 0.0})
    frame = latent(res, standardized=True)
    assert_allclose(frame["Intercept"].std(), frame["diagnostic[Intercept]"].iloc[0], rtol=0.03)
    assert_allclose(frame["standardized[Intercept]"].std(), 1, rtol=0.03)


def test_nodes_integrate_to_the_means(skewed):
    res, weights = skewed
    nodes = posterior_nodes(res)
    assert list(nodes.columns) == ["id", "node", "weight", "Intercept"]
    sums = nodes.groupby("id")["weight"].sum()
    means = (nodes["weight"] * nodes["Intercept"]).groupby(nodes["id"]).sum()
    assert_allclose(sums, 1, rtol=1e-12)
    assert_allclose(means, latent(res)["Intercept"], rtol=1e-12)
    cubes = (nodes["weight"] * nodes["Intercept"] ** 3).groupby(nodes["id"]).sum()
    assert_allclose(cubes, [w @ GRID**3 for w in weights], rtol=2e-4)


def test_draws_have_the_posterior_distribution(skewed):
    res, weights = skewed
    draws = plausible_values(res, 2500, rng=1)
    assert draws.columns.tolist() == ["draw", "id", "Intercept"]
    p = [kstest(one["Intercept"], distribution(GRID, w)).pvalue
         for (_, one), w in zip(draws.groupby("id"), weights)]
    assert min(p) > 0.005
    frame = latent(res)
    normal = [kstest(one["Intercept"], norm(*frame.loc[i, ["Intercept", "se[Intercept]"]]).cdf).pvalue
              for i, one in draws.groupby("id")]
    assert min(normal[:2]) < 1e-3  # a normal approximation would be seen
    again = plausible_values(res, 2500, rng=1)
    pd.testing.assert_frame_equal(draws, again)


def three_levels(rng):
    """Two binary items of two students in each of three schools."""
    data = pd.DataFrame({"school": np.repeat(np.arange(3), 6), "student": np.repeat(np.arange(9), 2)})
    data["y"] = [1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 1]
    return data * 1.0


def brute_three(data, school, intercept, psi_1, psi_2, step=0.1):
    """Lattices over (school effect, effect of each student) and their weights."""
    z = np.arange(-12, 12.01, step)
    rows = data[data["school"] == school]
    inner = []
    for _, one in rows.groupby("student"):
        sign = 2 * one["y"].to_numpy() - 1
        nu = intercept + z[:, None] + z  # school, student
        inner.append(log_expit(sign[:, None, None] * nu).sum(0) - z**2 / (2 * psi_1))
    value = [np.log(np.exp(part).sum(1)) for part in inner]
    top = np.sum(value, axis=0) - z**2 / (2 * psi_2)
    top = np.exp(top - top.max())
    top /= top.sum()
    given = [np.exp(part - v[:, None]) for part, v in zip(inner, value)]
    return z, top, given


THREE = {"Intercept": 0.2, "var[Intercept[school:student]]": 4.0, "var[Intercept[school]]": 2.0}


def test_quantiles_and_draws_of_several_levels(rng):
    data = three_levels(rng)
    model = GLLAMM.from_formula("y ~ 1 + (1 | school/student)", data, family=BINOMIAL)
    names = {name: v for name in model.param_names for key, v in THREE.items()
             if sorted(name) == sorted(key)}
    res = at(model, 13, **names)
    frames = latent(res, quantiles=[0.05, 0.95])
    student_group = next(name for name in frames if name != "school")
    draws = plausible_values(res, 800, rng=2)
    students = draws[student_group].merge(draws["school"], on=["draw", "school"],
                                          suffixes=("_student", "_school"))
    for school in range(3):
        z, top, given = brute_three(data, school, 0.2, 4.0, 2.0)
        row = frames["school"].loc[school]
        exact = quantiles_of(z, top, [0.05, 0.95])
        assert_allclose(row[["q0.05[Intercept]", "q0.95[Intercept]"]], exact, atol=1e-4)
        own = students[students["school"] == school]
        for (student, some), conditional in zip(own.groupby("student"), given):
            marginal = top @ conditional
            exact = quantiles_of(z, marginal, [0.05, 0.95])
            found = frames[student_group].xs(student, level="student")
            assert_allclose(found[["q0.05[Intercept]", "q0.95[Intercept]"]].to_numpy()[0], exact,
                            atol=1e-4)
            covariance = (top * z) @ (conditional @ z) - (top @ z) * (marginal @ z)
            observed = np.cov(some["Intercept_student"], some["Intercept_school"])[0, 1]
            assert_allclose(observed, covariance, atol=0.4)
            assert covariance < -0.45  # draws of students go with those of their school
            assert kstest(some["Intercept_student"], distribution(z, marginal)).pvalue > 1e-3


def growth(rng):
    data = clustered(rng, n=5, size=5)
    data["t"] = np.tile(np.arange(5.0) - 2, 5)
    return data


def test_correlated_slopes_against_a_lattice(rng):
    data = growth(rng)
    model = GLLAMM.from_formula("y ~ 1 + (1 + t | id)", data, family=BINOMIAL)
    psi = np.array([[3.0, -0.8], [-0.8, 1.0]])
    values = dict(zip(model.param_names, [0.3, 3.0, -0.8, 1.0]))
    assert list(values)[1:] == ["var[Intercept[id]]", "cov[Intercept[id],t[id]]", "var[t[id]]"]
    res = at(model, 25, **values)
    frame, cor = latent(res, quantiles=[0.1, 0.5, 0.9], correlations=True)
    draws = plausible_values(res, 3000, rng=8)
    z = np.arange(-14, 14.01, 0.08)
    a, b = np.meshgrid(z, z, indexing="ij")
    inverse = np.linalg.inv(psi)
    prior = -0.5 * (inverse[0, 0] * a**2 + 2 * inverse[0, 1] * a * b + inverse[1, 1] * b**2)
    for i, one in data.groupby("id"):
        log = prior + sum(log_expit((2 * y - 1) * (0.3 + a + b * t))
                          for y, t in zip(one["y"], one["t"]))
        w = np.exp(log - log.max())
        w /= w.sum()
        mine = draws[draws["id"] == i]
        for term, marginal in zip(("Intercept", "t"), (w.sum(1), w.sum(0))):
            exact = quantiles_of(z, marginal, [0.1, 0.5, 0.9])
            assert_allclose(frame.loc[i, [f"q{q:g}[{term}]" for q in (0.1, 0.5, 0.9)]], exact,
                            atol=1e-4)
            assert kstest(mine[term], distribution(z, marginal)).pvalue > 1e-3
        mean = [(w * a).sum(), (w * b).sum()]
        cov = (w * (a - mean[0]) * (b - mean[1])).sum()
        sd = [np.sqrt((w * (x - m) ** 2).sum()) for x, m in zip((a, b), mean)]
        assert_allclose(cor[i, 0, 1], cov / sd[0] / sd[1], atol=1e-3)
        assert_allclose(np.corrcoef(mine["Intercept"], mine["t"])[0, 1], cor[i, 0, 1], atol=0.06)


def test_beside_latent_classes(rng):
    """Mean, standard deviation, quantiles, nodes and draws of a random intercept in two classes."""
    data = clustered(rng)
    model = GLLAMM.from_formula("y ~ x + (1 | c) + (1 | id)", data, family=BINOMIAL,
                                classes={"c": Classes(2, within="id")})
    values = dict(zip(model.param_names, [-0.4, 0.7, 2.5, 1.5, 0.4]))
    assert list(values) == ["Intercept", "x", "Intercept[c=2]", "var[Intercept[id]]", "prob[c=2]"]
    res = at(model, 25, **values)
    frame = latent(res, quantiles=[0.1, 0.9], standardized=True)
    modal = latent(res, modal=True)
    mode = latent(res, kind="mode", modal=True)
    nodes, draws = posterior_nodes(res), plausible_values(res, 3000, rng=4)
    assert_allclose(random_effects(res)["id"]["Intercept"], frame["Intercept"])
    share = np.exp(0.4) / (1 + np.exp(0.4))
    for i, one in data.groupby("id"):
        sign, o = 2 * one["y"].to_numpy() - 1, -0.4 + 0.7 * one["x"].to_numpy()
        f = np.array([pi * np.exp(log_expit(sign[:, None] * (o[:, None] + shift + GRID)).sum(0)
                                  - GRID**2 / 3.0) for pi, shift in ((1 - share, 0), (share, 2.5))])
        p, w = f.sum(1) / f.sum(), f.sum(0) / f.sum()
        mean = w @ GRID
        assert_allclose(frame.loc[i, "Intercept"], mean, atol=1e-6)
        assert_allclose(frame.loc[i, "se[Intercept]"], np.sqrt(w @ (GRID - mean) ** 2), rtol=1e-5)
        assert_allclose(frame.loc[i, ["q0.1[Intercept]", "q0.9[Intercept]"]],
                        quantiles_of(GRID, w, [0.1, 0.9]), atol=2e-5)
        best = f[p.argmax()] / f[p.argmax()].sum()
        assert_allclose(modal.loc[i, "Intercept"], best @ GRID, atol=1e-6)
        assert_allclose(mode.loc[i, "Intercept"], GRID[best.argmax()], atol=1e-3)
        own = nodes[nodes["id"] == i]
        assert_allclose(own.groupby("c")["weight"].sum(), p, rtol=1e-6)
        assert_allclose(own["weight"] @ own["Intercept"], mean, atol=1e-6)
        drawn = draws[draws["id"] == i]
        assert_allclose((drawn["c"] == 2).mean(), p[1], atol=0.04)
        assert kstest(drawn["Intercept"], distribution(GRID, w)).pvalue > 1e-3
    with pytest.raises(NotImplementedError, match="modal=True"):
        latent(res, kind="mode")


def test_gaussian_draws_have_the_posterior_covariance(rng):
    data = growth(rng)
    data["y"] = rng.normal(size=len(data))
    model = GLLAMM.from_formula("y ~ 1 + (1 + t | id)", data)
    res = at(model, **dict(zip(model.param_names, [0.3, 3.0, -0.8, 1.0, -0.2])))
    frame, cov = latent(res, covariances=True, quantiles=[0.975])
    draws = plausible_values(res, 20000, rng=3)
    for k, (i, one) in enumerate(draws.groupby("id")):
        values = one[["Intercept", "t"]]
        se = np.sqrt(np.diag(cov[k]) / 20000)
        assert (abs(values.mean().to_numpy() - frame.loc[i, ["Intercept", "t"]].to_numpy())
                < 4 * se).all()
        assert_allclose(values.cov(), cov[k], atol=0.05 * cov[k].max())
    assert_allclose(frame["q0.975[t]"], frame["t"] + norm.ppf(0.975) * frame["se[t]"], rtol=1e-10)


def test_regressions_among_latent_variables(rng):
    """A student factor regressed on its school's: quantiles and draws of what both make up."""
    data = three_levels(rng)
    data["w"] = data["student"] % 2
    model = GLLAMM.from_formula(
        "y ~ 1 + (1 | school:student) + (0 + w | school)", data, family=BINOMIAL,
        regressions=["Intercept[school:student] ~ w[school]"])
    values = dict.fromkeys(model.param_names, 0.5)
    for name in values:
        if name.startswith("var"):
            values[name] = 2.0
    res = at(model, 7, **values)
    frames, covs = latent(res, covariances=True, quantiles=[0.5])
    draws = plausible_values(res, 1500, rng=1)
    for name, frame in frames.items():
        term = frame.columns[0]
        wide = draws[name].pivot(index="draw", columns=list(frame.index.names), values=term)
        assert_allclose(wide.mean(), frame[term], atol=0.15)
        assert_allclose(wide.std(), frame[f"se[{term}]"], rtol=0.08)
        assert_allclose(wide.median(), frame[f"q0.5[{term}]"], atol=0.2)


def test_ordinal_and_a_variance_of_zero(rng):
    data = clustered(rng)
    data["y"] = rng.integers(1, 4, len(data))
    model = GLLAMM.from_formula("y ~ x + (1 | id)", data, family=families.Ordinal())
    values = dict(zip(model.param_names, [0.2, 0.0, -0.5, 0.5]))
    assert "var[Intercept[id]]" in model.param_names[1]
    res = at(model, 7, **values)
    frame = latent(res, quantiles=[0.1, 0.9], standardized=True)
    assert (frame.filter(regex="^(Int|se|q)") == 0).all(axis=None)
    assert frame["standardized[Intercept]"].isna().all()
    assert (plausible_values(res, 3, rng=1)["Intercept"] == 0).all()


def test_weights_of_zero(rng):
    data = clustered(rng)
    data["w"] = (data["id"] != 2) * 2.0
    model = GLLAMM.from_formula("y ~ x + (1 | id)", data, family=BINOMIAL, freq_weights={"id": "w"})
    res = at(model, 9, **RANDOM_INTERCEPT)
    frame, nodes = latent(res, quantiles=[0.5]), posterior_nodes(res)
    draws = plausible_values(res, 2, rng=1)
    assert frame.loc[2].isna().all() and frame.drop(2).notna().all(axis=None)
    assert nodes[nodes["id"] == 2]["weight"].isna().all() and (nodes["id"] == 2).sum() == 1
    assert draws[draws["id"] == 2]["Intercept"].isna().all()


def test_refusals(skewed):
    res, _ = skewed
    with pytest.raises(ValueError, match="between 0 and 1"):
        latent(res, quantiles=[0.5, 1.2])
    with pytest.raises(ValueError, match="no group 'school'"):
        plausible_values(res, 2, "school")
    with pytest.raises(ValueError, match="no group 'school'"):
        posterior_nodes(res, "school")
    with pytest.raises(ValueError, match="latent classes"):
        latent(res, modal=True)
    with pytest.raises(ValueError, match="n is a positive"):
        plausible_values(res, 0)
