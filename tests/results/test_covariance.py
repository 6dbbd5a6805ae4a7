"""Covariances of the estimates against brute force, replication and GLM."""

import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
from scipy.stats import multivariate_normal
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, families
from statsmodels_gllamm.exceptions import BoundaryWarning

TYPES = ("nonrobust", "opg", "robust")


def gaussian_data(n_units=15, seed=5):
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(n_units), 1 + np.arange(n_units) % 5)
    x = rng.normal(size=len(g))
    y = 1 + 0.5 * x + rng.normal(size=n_units)[g] * 1.2 + rng.normal(size=len(g)) * (1 + 0.5 * x**2)
    return pd.DataFrame({"y": y, "x": x, "g": g, "area": g // 3, "w": 1.0 + g % 3})


def poisson_data(seed=2):
    """No variation between units: the variance ends at zero."""
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(30), 6)
    x = rng.normal(size=180)
    y = rng.binomial(8, 0.3 / (1 + np.exp(-x)))
    return pd.DataFrame({"y": y, "x": x, "g": g, "area": g // 5, "w": 1 + g % 3})


def unit_loglik(params, data):
    b0, b1, variance, logsd = params
    return np.array([
        multivariate_normal.logpdf(
            d["y"], b0 + b1 * d["x"], variance + np.exp(2 * logsd) * np.eye(len(d)))
        for _, d in data.groupby("g")])


def brute_force(params, data, weight):
    """Scores per unit and observed information by differences of closed-form likelihoods."""
    step = 1e-4 * np.eye(len(params))
    scores = np.array([(unit_loglik(params + s, data) - unit_loglik(params - s, data)) / 2e-4
                       for s in step]).T
    total = lambda p: unit_loglik(p, data) @ weight  # noqa: E731
    hessian = np.array([[(total(params + s + t) - total(params + s - t) - total(params - s + t)
                          + total(params - s - t)) / 4e-8 for s in step] for t in step])
    return scores, -hessian


@pytest.mark.parametrize("weighted", [False, True])
def test_against_brute_force(weighted):
    data = gaussian_data()
    keywords = {"freq_weights": {"g": "w"}} if weighted else {}
    results = GLLAMM.from_formula("y ~ x + (1 | g)", data, **keywords).fit()
    first = data.groupby("g").first()
    w = first["w"].to_numpy() if weighted else np.ones(len(first))
    scores, information = brute_force(np.asarray(results.params), data, w)
    bread = np.linalg.inv(information)
    meat = (scores * w[:, None]).T @ scores
    area = np.array([(scores * w[:, None])[first["area"] == a].sum(0) for a in range(5)])
    expected = {"nonrobust": bread, "opg": np.linalg.inv(meat), "robust": bread @ meat @ bread}
    for name, cov in expected.items():
        assert_allclose(results.with_cov_type(name).cov_params(), cov, rtol=2e-4, atol=1e-6)
    cluster = bread @ area.T @ area @ bread
    for groups in ("area", data["area"], data["area"].to_numpy(), first["area"].to_numpy()):
        found = results.with_cov_type("cluster", groups=groups)
        assert_allclose(found.cov_params(), cluster, rtol=2e-4, atol=1e-6)
    assert found.cov_kwds["n_clusters"] == 5
    corrected = results.with_cov_type("cluster", groups="area", use_correction=True)
    assert_allclose(corrected.cov_params(), cluster * 5 / 4, rtol=2e-4, atol=1e-6)
    corrected = results.with_cov_type("robust", use_correction=True)
    assert_allclose(corrected.cov_params(), expected["robust"] * w.sum() / (w.sum() - 1),
                    rtol=2e-4, atol=1e-6)


def test_weights_are_replication():
    data = gaussian_data()
    again = pd.concat([data[data["w"] > k].assign(copy=k) for k in range(3)], ignore_index=True)
    again["g"] = again["g"] * 10 + again["copy"]
    a = GLLAMM.from_formula("y ~ x + (1 | g)", data, freq_weights={"g": "w"}).fit(tol=1e-12)
    b = GLLAMM.from_formula("y ~ x + (1 | g)", again).fit(tol=1e-12)
    assert a.nobs == b.nobs and a.df_resid == b.df_resid
    assert_allclose([a.llf, a.aic, a.bic], [b.llf, b.aic, b.bic])
    for name in TYPES:
        assert_allclose(a.with_cov_type(name).bse, b.with_cov_type(name).bse, rtol=1e-5)
    assert_allclose(a.with_cov_type("cluster", groups="area", use_correction=True).bse,
                    b.with_cov_type("cluster", groups="area", use_correction=True).bse, rtol=1e-5)
    assert_allclose(a.with_cov_type("robust", use_correction=True).bse,
                    b.with_cov_type("robust", use_correction=True).bse, rtol=1e-5)


def test_row_weights_without_latent_variables():
    data = poisson_data()
    a = GLLAMM.from_formula("y ~ x", data, family=sm.families.Poisson(), freq_weights="w").fit()
    rows = data.loc[data.index.repeat(data["w"])].reset_index(drop=True)
    glm = sm.GLM.from_formula("y ~ x", rows, family=sm.families.Poisson())
    assert a.nobs == len(rows)
    assert_allclose(a.bse, glm.fit().bse, rtol=1e-6)
    assert_allclose(a.with_cov_type("robust").bse, glm.fit(cov_type="HC0").bse, rtol=1e-6)
    expected = glm.fit(cov_type="cluster", cov_kwds={"groups": rows["area"],
                                                     "use_correction": False})
    assert_allclose(a.with_cov_type("cluster", groups="area").bse, expected.bse, rtol=1e-6)


def test_variance_at_zero_leaves_the_rest_alone():
    data = poisson_data()
    with pytest.warns(BoundaryWarning):
        results = GLLAMM.from_formula("y ~ x + (1 | g)", data, family=sm.families.Poisson()).fit()
    name = "var[Intercept[g]]"
    assert results.params[name] == 0 and results.record.boundary == (name,)
    glm = sm.GLM.from_formula("y ~ x", data, family=sm.families.Poisson())
    assert_allclose(results.llf, glm.fit().llf)
    assert_allclose(results.bse[:2], glm.fit().bse, rtol=1e-5)
    robust = results.with_cov_type("robust")
    cluster = glm.fit(cov_type="cluster", cov_kwds={"groups": data["g"], "use_correction": False})
    assert_allclose(robust.bse[:2], cluster.bse, rtol=1e-5)
    for fit in (results, robust, results.with_cov_type("opg")):
        assert np.isnan(fit.bse[name]) and np.isnan(fit.cov_params().loc["x", name])
        assert np.isfinite(fit.bse[:2]).all() and np.isfinite(fit.pvalues[:2]).all()
        test = fit.t_test("x = 0, var[Intercept[g]] = 0")
        assert np.isfinite(test.pvalue[0]) and np.isnan(test.pvalue[1])
        assert_allclose(test.pvalue[0], fit.pvalues["x"])
        assert np.isfinite(fit.wald_test("x = 0", scalar=True).pvalue)
        assert np.isfinite(fit.f_test("x = 0, Intercept = 0").pvalue)
        assert np.isnan(fit.wald_test(f"x = 0, {name} = 0", scalar=True).pvalue)
        assert np.isfinite(fit.wald_test_terms().table).all().all()
        assert np.isfinite(fit.cov_params(r_matrix=[0, 1, 0]))


def test_present_results_are_not_changed():
    results = GLLAMM.from_formula("y ~ x + (1 | g)", gaussian_data()).fit()
    bse = results.bse.copy()
    robust = results.with_cov_type("robust")
    assert robust.cov_type == "robust" and results.cov_type == "nonrobust"
    assert_allclose(results.bse, bse)
    assert not np.allclose(robust.bse, bse)
    same = GLLAMM.from_formula("y ~ x + (1 | g)", gaussian_data()).fit(cov_type="robust")
    assert_allclose(same.bse, robust.bse, rtol=1e-6)


@pytest.mark.parametrize(("cov_type", "keywords", "text"), [
    ("HC1", {}, "use 'robust'"),
    ("hc3", {}, "use 'robust'"),
    ("HAC", {}, "use 'cluster'"),
    ("sandwich", {}, "'nonrobust', 'opg', 'robust', 'cluster'"),
    ("cluster", {}, "needs cov_kwds"),
    ("robust", {"groups": [1]}, "no keyword 'groups'"),
    ("opg", {"use_correction": True}, "it takes: none"),
    ("robust", {"use_correction": "yes"}, "True or False"),
    ("cluster", {"groups": "nothing"}, "not a column"),
    ("cluster", {"groups": [1, 2]}, "has 2 codes"),
    ("cluster", {"groups": np.zeros(15)}, "two clusters"),
    ("cluster", {"groups": np.where(np.arange(15) < 3, np.nan, 1)}, "3 missing"),
    ("cluster", {"groups": "x"}, "cuts through the unit 1 of 'g'"),
    ("cluster", {"groups": np.zeros((15, 2))}, "shape"),
])
def test_what_cannot_be_done_is_explained(cov_type, keywords, text):
    model = GLLAMM.from_formula("y ~ x + (1 | g)", gaussian_data())
    with pytest.raises(ValueError, match=text):
        model.fit(cov_type=cov_type, cov_kwds=keywords)


def test_opg_with_too_few_units():
    results = GLLAMM.from_formula("y ~ x + (1 | g)", gaussian_data(4, 1)).fit()
    with pytest.raises(ValueError, match="4 top-level units is singular for 4 parameters"):
        results.with_cov_type("opg")


def test_codes_per_row_of_the_data():
    data = gaussian_data()
    data.loc[[2, 9], "x"] = np.nan
    results = GLLAMM.from_formula("y ~ x + (1 | g)", data, subset="g < 13").fit()
    expected = results.with_cov_type("cluster", groups="area").bse
    for groups in (data["area"], data["area"][results.model.sample.index].to_numpy(),
                   data["area"].to_numpy()):
        assert_allclose(results.with_cov_type("cluster", groups=groups).bse, expected)


def test_units_of_choices_and_hurdles():
    """Without latent variables what is independent is a set of rows, or a row with all its outcomes:
    the sandwich is that of a model whose clusters are just these, at a variance of zero."""
    rng = np.random.default_rng(8)
    data = pd.DataFrame({"set": np.repeat(np.arange(60), 3), "x": rng.normal(size=180)})
    data["rank"] = data.groupby("set")["x"].transform(
        lambda x: (-x - rng.gumbel(size=len(x))).rank())
    data["count"] = rng.poisson(0.8, 180)
    data["row"] = np.arange(180)
    for formula, family, unit in (("rank ~ x", families.Ranking(set="set"), "set"),
                                  ("count ~ x", families.Hurdle(sm.families.Poisson()), "row")):
        plain = GLLAMM.from_formula(formula, data, family=family)
        results = plain.fit()
        bars = GLLAMM.from_formula(f"{formula} + (0 + x | {unit})", data, family=family)
        params = pd.Series(0.0, index=bars.param_names)
        params[results.params.index] = results.params
        scores = bars.score_obs(params, integration="laplace")[:, :len(results.params)]
        bread = np.linalg.inv(plain.information(results.params))
        want = np.sqrt(np.diag(bread @ scores.T @ scores @ bread))
        assert_allclose(results.with_cov_type("robust").bse, want, rtol=1e-4)
        clustered = results.with_cov_type("cluster", groups=unit)
        assert_allclose(clustered.bse, want, rtol=1e-4)
