"""Posterior means and modes against other programs, linear algebra and brute-force integration."""

from itertools import product
from types import SimpleNamespace

import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
from scipy.special import log_expit, logsumexp
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Factor
from statsmodels_gllamm.integration.posterior import unit_moments
from statsmodels_gllamm.results.latent import posterior, random_effects
from statsmodels_gllamm.results.posterior_table import latent

BINOMIAL = sm.families.Binomial()


def at(model, params, n_quad=1, integration="adaptive"):
    """Results at any parameters, as far as predictions need them."""
    params = np.asarray(params, dtype=float)
    n_quad = n_quad if isinstance(n_quad, tuple) else (n_quad,) * len(model.design.q)
    record = SimpleNamespace(params=params, working=model.design.to_working(params),
                             n_quad=n_quad, integration=integration)
    return SimpleNamespace(model=model, record=record)


def ranef(expected, fit, group):
    """Modes of the clusters that are stored with the case, by label as text."""
    table = pd.DataFrame(expected["fits"][fit]["ranef"]["values"][group]).set_index("group")
    return table.drop(columns="_row", errors="ignore")


# Other programs


def test_modes_of_galamm(reference):
    data, expected = reference("seed_irtsim")
    res = GLLAMM.from_formula(
        "y ~ C(item) + (0 + ability | school / sid)", data, family=BINOMIAL,
        factors={"ability": Factor("item", loadings=[1, None, None, None, None])},
    ).fit(integration="laplace")
    modes = latent(res, kind="mode")
    school = ranef(expected, "galamm_tight", "school")["ability"]
    assert_allclose(modes["school"].loc[school.index.astype(int), "ability"], school, atol=2e-5)
    person = ranef(expected, "galamm_tight", "sid:school")["ability"]
    assert modes["school:sid"].index.names == ["school", "sid"]
    labels = [(int(b), int(a)) for a, b in person.index.str.split(":")]
    assert_allclose(modes["school:sid"].loc[labels, "ability"], person, atol=2e-5)
    means = latent(res, kind="mean")  # one point: the same
    for group in modes:
        pd.testing.assert_frame_equal(means[group], modes[group], rtol=1e-8)


def test_means_and_standard_deviations_by_quadrature(reference):
    data, expected = reference("seed_irtsim")
    res = GLLAMM.from_formula(
        "y ~ C(item) + (0 + ability | school / sid)", data, family=BINOMIAL,
        factors={"ability": Factor("item", loadings=[1, None, None, None, None])},
    ).fit(n_quad=13)
    school = pd.DataFrame(expected["fits"]["indep_agq"]["ranef"]["values"])
    frame = latent(res, "school").loc[school["group"].astype(int)]
    assert_allclose(frame["ability"], school["mean"], atol=2e-5)
    assert_allclose(frame["se[ability]"], school["sd"], atol=2e-5)


@pytest.mark.parametrize(("fit", "n_quad"), [("laplace", 1), ("agq25", 25)])
def test_modes_of_lme4(reference, fit, n_quad):
    data, expected = reference("cbpp")
    model = GLLAMM.from_formula("incidence + I(size - incidence) ~ C(period) + (1 | herd)", data,
                                family=BINOMIAL)
    res = model.fit(n_quad=n_quad, quad_tol=0.1)
    frame = latent(res, kind="mode")
    modes = ranef(expected, fit, "herd")["(Intercept)"]
    assert_allclose(frame.loc[modes.index.astype(int), "Intercept"], modes, atol=2e-5)


def test_modes_of_lme4_toenail(reference):
    data, expected = reference("toenail")
    model = GLLAMM.from_formula("outcome ~ treatment * time + (1 | patientID)",
                                data.assign(outcome=data.outcome.cat.codes), family=BINOMIAL)
    frame = latent(model.fit(n_quad=25, quad_tol=0.1), kind="mode")
    modes = ranef(expected, "agq25", "patientID")["(Intercept)"]
    assert_allclose(frame.loc[modes.index.astype(int), "Intercept"], modes, atol=2e-3)


@pytest.mark.parametrize(("bar", "fit"), [("(Days | Subject)", "ml"), ("(Days || Subject)",
                                                                      "ml_diag")])
def test_sleepstudy(reference, bar, fit):
    data, expected = reference("sleepstudy")
    res = GLLAMM.from_formula("Reaction ~ Days + " + bar, data).fit()
    frame, cov = latent(res, covariances=True)
    assert list(frame) == ["Intercept", "se[Intercept]", "Days", "se[Days]"]
    blup = ranef(expected, fit, "Subject")
    assert_allclose(frame.loc[blup.index.astype(int), ["Intercept", "Days"]],
                    blup[["(Intercept)", "Days"]], atol=2e-4)
    psi = np.zeros((2, 2))
    params = res.params
    for i, one in enumerate(("Intercept", "Days")):
        psi[i, i] = params[f"var[{one}[Subject]]"]
    psi[0, 1] = psi[1, 0] = params.get("cov[Intercept[Subject],Days[Subject]]", 0.0)
    for (_, rows), v, se in zip(data.groupby("Subject"), cov, frame[
            ["se[Intercept]", "se[Days]"]].to_numpy()):
        z = np.column_stack([np.ones(len(rows)), rows.Days])
        precision = np.exp(-2 * params["logsd[Intercept]"])
        exact = np.linalg.inv(np.linalg.inv(psi) + precision * z.T @ z)
        assert_allclose(v, exact, rtol=1e-8)
        assert_allclose(se, np.sqrt(np.diag(exact)), rtol=1e-8)


# Brute force


def binary(rng, groups=6, per=5):
    data = pd.DataFrame({"id": np.repeat(np.arange(groups), per)})
    data["x"] = rng.normal(size=len(data))
    data["y"] = rng.integers(0, 2, len(data))
    return data


def test_two_dimensions_by_grid(rng):
    data = binary(rng)
    model = GLLAMM.from_formula("y ~ x + (x | id)", data, family=BINOMIAL)
    params = [-0.3, 0.5, 1.2, 0.4, 0.8]  # coefficients, var, cov, var
    frame, cov = latent(at(model, params, 35), covariances=True)
    psi = np.array([[1.2, 0.4], [0.4, 0.8]])
    grid = np.arange(-8, 8.001, 0.08)
    eta = (np.linalg.cholesky(psi) @ np.array(list(product(grid, grid))).T)
    prior = -0.5 * np.einsum("ik,ij,jk->k", eta, np.linalg.inv(psi), eta)
    for i, rows in data.groupby("id"):
        x, sign = rows.x.to_numpy(), 2 * rows.y.to_numpy() - 1
        nu = (-0.3 + 0.5 * x)[:, None] + eta[0] + np.outer(x, eta[1])
        log = log_expit(sign[:, None] * nu).sum(0) + prior
        p = np.exp(log - logsumexp(log))
        mean = eta @ p
        d = eta - mean[:, None]
        assert_allclose(frame.loc[i, ["Intercept", "x"]], mean, atol=1e-7)
        assert_allclose(cov[i], (d * p) @ d.T, atol=1e-7)


def test_three_levels_by_grid(rng):
    data = binary(rng, groups=9, per=4).rename(columns={"id": "class"})
    data["school"] = data["class"] // 3
    model = GLLAMM.from_formula("y ~ x + (1 | school) + (0 + x | class)", data, family=BINOMIAL)
    params = pd.Series({"Intercept": 0.2, "x": -0.6, "var[Intercept[school]]": 1.5,
                        "var[x[class]]": 0.9})[model.param_names]
    found = latent(at(model, params, 31))
    grid = np.arange(-8, 8.001, 0.05)
    school, slope = np.sqrt(1.5) * grid, np.sqrt(0.9) * grid
    for s, inside in data.groupby("school"):
        logs, parts = -grid**2 / 2, {}
        for c, rows in inside.groupby("class"):
            x, sign = rows.x.to_numpy(), 2 * rows.y.to_numpy() - 1
            nu = ((0.2 - 0.6 * x)[:, None, None] + school[:, None] + np.multiply.outer(x, slope)[
                :, None, :])
            parts[c] = log_expit(sign[:, None, None] * nu).sum(0) - grid**2 / 2
            logs = logs + logsumexp(parts[c], axis=1)
        p = np.exp(logs - logsumexp(logs))
        mean = p @ school
        assert_allclose(found["school"].loc[s], [mean, np.sqrt(p @ (school - mean) ** 2)],
                        atol=1e-7)
        for c, part in parts.items():
            q = p @ np.exp(part - logsumexp(part, axis=1, keepdims=True))
            mean = q @ slope
            assert_allclose(found["class"].loc[c], [mean, np.sqrt(q @ (slope - mean) ** 2)],
                            atol=1e-7)


def gaussian(rng):
    data = pd.DataFrame({"class": rng.integers(0, 12, 60), "x": rng.normal(size=60),
                         "y": rng.normal(size=60)})
    data["school"] = data["class"] % 4
    return data, "y ~ x + (1 + x | school) + (1 | class) + (0 + x | class)"


GAUSSIAN = {"Intercept": 0.3, "x": -0.2, "var[Intercept[school]]": 1.3,
            "cov[Intercept[school],x[school]]": -0.5, "var[x[school]]": 0.7,
            "var[Intercept[class]]": 0.6, "var[x[class]]": 0.4, "logsd[Intercept]": -0.3}


@pytest.mark.parametrize("n_quad", [(1, 1), (4, 1), (1, 4), (4, 4)])
def test_gaussian_with_any_points(rng, n_quad):
    """What nodes see and what the curvature adds make the exact covariance, level by level."""
    data, formula = gaussian(rng)
    model = GLLAMM.from_formula(formula, data)
    found = posterior(at(model, pd.Series(GAUSSIAN)[model.param_names], n_quad))
    one = np.ones(len(data))
    z, psi = [], []
    for group, cov in (("school", [[1.3, -0.5], [-0.5, 0.7]]), ("class", [[0.6, 0], [0, 0.4]])):
        for c in np.unique(data[group]):
            inside = (data[group] == c) * 1.0
            z += [inside * one, inside * data.x]
            psi.append(cov)
    z = np.array(z).T
    psi = np.kron(np.eye(len(psi)), np.ones((2, 2))) * np.tile(
        np.concatenate([np.hstack(psi)]), (len(psi), 1))
    v = np.linalg.inv(z @ psi @ z.T + np.exp(-0.6) * np.eye(len(data)))
    blup = psi @ z.T @ v @ (data.y - 0.3 + 0.2 * data.x).to_numpy()
    cov = psi - psi @ z.T @ v @ z @ psi
    for first, group in ((0, "school"), (8, "class")):
        one = found[group]
        size = 2 * len(one.labels)
        assert one.terms == ("Intercept", "x")
        assert_allclose(one.estimate.ravel(), blup[first:first + size], atol=1e-9)
        for i, own in enumerate(one.cov):
            at_i = slice(first + 2 * i, first + 2 * i + 2)
            assert_allclose(own, cov[at_i, at_i], atol=1e-9)


def test_ordinary_quadrature_agrees(rng):
    data = binary(rng)
    model = GLLAMM.from_formula("y ~ x + (1 | id)", data, family=BINOMIAL)
    params = [0.1, -0.2, 0.5]
    pd.testing.assert_frame_equal(latent(at(model, params, 40, "quadrature")),
                                  latent(at(model, params, 25)), atol=1e-8)
    pd.testing.assert_frame_equal(latent(at(model, params, 40, "quadrature"), kind="mode"),
                                  latent(at(model, params), kind="mode"))


# Weights, merging, boundaries, names


def test_weights_are_replication_and_leave_a_unit_its_own_posterior(rng):
    data = binary(rng, groups=8, per=3).rename(columns={"id": "class"})
    data["school"] = data["class"] // 2
    data["w"] = (1 + data["class"] % 3).astype(float)
    formula = "y ~ x + (1 | school) + (1 | class)"
    params = [0.3, -0.4, 0.8, 1.1]
    weighted = GLLAMM.from_formula(formula, data, family=BINOMIAL, freq_weights={"class": "w"})
    copies = pd.concat([data.assign(**{"class": data["class"] + 100 * k})[data.w > k]
                        for k in range(3)])
    plain = GLLAMM.from_formula(formula, copies, family=BINOMIAL)
    one, two = latent(at(weighted, params, 9)), latent(at(plain, params, 9))
    pd.testing.assert_frame_equal(one["school"], two["school"], rtol=1e-9)
    pd.testing.assert_frame_equal(one["class"], two["class"].loc[one["class"].index], rtol=1e-9)


def test_weight_zero_has_no_posterior(rng):
    data = binary(rng).assign(w=lambda d: (d.id != 2) * 1.0)
    model = GLLAMM.from_formula("y ~ x + (1 | id)", data, family=BINOMIAL, freq_weights={"id": "w"})
    frame = latent(at(model, [0.1, 0.2, 1.0], 5))
    assert frame.index[frame["Intercept"].isna()].tolist() == [2]
    assert frame["se[Intercept]"].isna().sum() == 1


def test_merged_units_are_mapped_back(rng):
    data = pd.DataFrame(rng.integers(0, 2, (80, 3))).melt(var_name="item", value_name="y",
                                                           ignore_index=False)
    data["id"] = data.index
    data["school"] = data.id // 20
    model = GLLAMM.from_formula("y ~ C(item) + (1 | school/id)", data, family=BINOMIAL)
    psi = model.design.psi(model.design.to_working(np.array([0.2, 0.1, -0.3, 1.0, 0.6])))
    merged, plain = (model._objective((7, 7), merge=m) for m in (True, False))
    assert sum(len(c.units[0]) for c in merged.problem.chunks) < 60
    for one, two in zip(unit_moments(merged.problem, merged.task, psi),
                        unit_moments(plain.problem, plain.task, psi)):
        for x, y in zip(one, two):
            assert_allclose(x, y, rtol=1e-9, atol=1e-12)


def test_variances_at_the_boundary(rng):
    model = GLLAMM.from_formula("y ~ x + (x | id)", binary(rng), family=BINOMIAL)
    frame = latent(at(model, [0.1, 0.2, 1.0, 0.0, 0.0], 5))
    assert (frame[["x", "se[x]"]] == 0).all(axis=None) and (frame["se[Intercept]"] > 0.1).all()
    frame, cov = latent(at(model, [0.1, 0.2, 1.0, 0.5, 0.25], 5), covariances=True)
    assert_allclose(frame["x"], 0.5 * frame["Intercept"])
    assert_allclose(np.linalg.det(cov), 0, atol=1e-12)
    frame = latent(at(model, [0.1, 0.2, 0.0, 0.0, 0.0], 5))
    assert (frame == 0).all(axis=None)


def test_groups_that_coincide_keep_their_own_labels(rng):
    data = binary(rng).assign(b=lambda d: 100 - d.id)  # the same clusters in another order
    model = GLLAMM.from_formula("y ~ x + (1 | id) + (0 + x | b)", data, family=BINOMIAL)
    params = pd.Series({"Intercept": 0.1, "x": 0.2, "var[Intercept[id]]": 1.0,
                        "var[x[b]]": 0.6})[model.param_names]
    found = latent(at(model, params, 9))
    same = GLLAMM.from_formula("y ~ x + (1 | id) + (0 + x | id)", data, family=BINOMIAL)
    both = latent(at(same, [0.1, 0.2, 1.0, 0.6], 9))
    assert list(both) == ["Intercept", "se[Intercept]", "x", "se[x]"]
    assert_allclose(found["id"]["Intercept"], both["Intercept"])
    assert_allclose(found["b"].loc[100 - both.index, "x"], both["x"])


def test_row_order_and_labels_do_not_matter(rng):
    data = binary(rng).assign(id=lambda d: pd.Series(list("fbdace"))[d.id].to_numpy())
    params = [0.1, 0.2, 1.0]
    one, two = (latent(at(GLLAMM.from_formula("y ~ x + (1 | id)", d, family=BINOMIAL), params, 7))
                for d in (data, data.sample(frac=1, random_state=1)))
    assert one.index.name == "id" and list(one.index) == list("abcdef")
    pd.testing.assert_frame_equal(one, two, rtol=1e-10)


def test_random_effects_are_the_means(rng):
    model = GLLAMM.from_formula("y ~ x + (x | id)", binary(rng), family=BINOMIAL)
    res = at(model, [0.1, 0.2, 1.0, 0.2, 0.3], 5)
    (frame,) = random_effects(res).values()
    pd.testing.assert_frame_equal(frame, latent(res)[["Intercept", "x"]])


def test_without_latent_variables(rng):
    model = GLLAMM.from_formula("y ~ x", binary(rng), family=BINOMIAL)
    res = at(model, [0.1, 0.2])
    assert latent(res) == random_effects(res) == {}
    with pytest.raises(ValueError, match="no latent variables"):
        latent(res, "id")


def test_errors(rng):
    model = GLLAMM.from_formula("y ~ x + (1 | id)", binary(rng), family=BINOMIAL)
    res = at(model, [0.1, 0.2, 1.0])
    with pytest.raises(ValueError, match="no group 'ID' with latent variables; there are those of id"):
        latent(res, "ID")
    with pytest.raises(ValueError, match="'mean' or 'mode', not 'median'"):
        latent(res, kind="median")
