"""Factors in bars of latent classes: discrete distributions of a latent variable with loadings."""
import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
from scipy.special import expit, logsumexp
from scipy.stats import binom, norm
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Classes, Factor, datasets
from statsmodels_gllamm.exceptions import FormulaError

FAMILIES = {"gaussian": sm.families.Gaussian(), "binomial": sm.families.Binomial()}
INTAKE = Factor("item", loadings={"fiber1": 1, "fiber2": 1, "chd": None})
FIXED = "y ~ 0 + fiber2 + chd + chd:age + intake + intake:bus + (0 + intake | {})"


@pytest.fixture(scope="module")
def diet():
    return datasets.diet.load_pandas().data


def exposure(diet, classes, formula=FIXED, **more):
    return GLLAMM.from_formula(formula.format("c"), diet, family=FAMILIES, family_by="fam",
                               factors={"intake": INTAKE}, classes={"c": classes}, **more)


def slopes(model, p):
    return [(model.loglike(p + 1e-5 * e) - model.loglike(p - 1e-5 * e)) / 2e-5 for e in np.eye(len(p))]


@pytest.mark.parametrize("more", [{}, {"centered": True}, {"ordered": True},
                                  {"membership": "bus"}])
def test_likelihood_by_hand(diet, more):
    model = exposure(diet, Classes(3, within="id", **more))
    p = pd.Series(model.start_params + 0.02, model.param_names)
    assert_allclose(model.score(p), slopes(model, p.to_numpy()), atol=1e-4)
    location = np.array([0.0, p["intake[c=2]"], p["intake[c=3]"]])
    size = np.array([np.zeros(len(diet))] + [
        p[f"prob[c={c}]"] + p.get(f"prob[c={c},bus]", 0.0) * diet["bus"] for c in (2, 3)])
    size = size - logsumexp(size, axis=0)
    if "centered" in more:
        location[0] = -(np.exp(size[1:, 0]) @ location[1:]) / np.exp(size[0, 0])
    true = p["intake"] + p["intake:bus"] * diet["bus"].to_numpy() + location[:, None]
    gaussian = norm.logpdf(diet["y"], true + p["fiber2"] * diet["fiber2"].to_numpy(),
                           np.exp(p["logsd[gaussian]"]))
    logit = p["chd"] + p["chd:age"] * diet["age"].to_numpy() + p["lambda[intake,chd]"] * true
    rows = np.where(diet["fam"] == "gaussian", gaussian, binom.logpmf(diet["y"] > 0.5, 1, expit(logit)))
    unit = pd.DataFrame(rows.T).groupby(diet["id"].to_numpy()).sum().to_numpy()
    first = pd.DataFrame(size.T).groupby(diet["id"].to_numpy()).first().to_numpy()
    assert_allclose(model.loglike(p), logsumexp(unit + first, axis=1).sum(), rtol=1e-11)


def test_fit_is_above_the_normal_model(diet):
    normal = GLLAMM.from_formula(FIXED.format("id"), diet, family=FAMILIES, family_by="fam",
                                 factors={"intake": INTAKE}).fit()
    res = exposure(diet, Classes(3, within="id", centered=True)).fit(rng=0, starts=3, tol=1e-12)
    assert res.converged and res.llf > normal.llf + 20
    masses = res.mass_points.table["intake", "location"].to_numpy()
    assert_allclose(res.gateaux(masses)["derivative"], 0, atol=1e-3)
    means = res.predict(which="class")
    assert (means[diet["item"] == "fiber1"].std(axis=1) > 5).all()
    new = diet.head(4)
    assert_allclose(res.predict(new), res.predict()[:4])
    assert res.simulate(2, rng=0).shape == (len(diet), 2)
    one = exposure(diet, Classes(1, within="id"),
                   FIXED.replace(" + intake + intake:bus", " + intake:bus"), constraints={
                       "lambda[intake,chd]": 0.0}).fit()
    glm = sm.GLM.from_formula("y ~ age", diet[diet["item"] == "chd"], family=FAMILIES["binomial"]).fit()
    fiber = diet[diet["item"] != "chd"].assign(second=lambda d: d["fiber2"])
    ols = sm.OLS.from_formula("y ~ second + bus", fiber).fit()
    assert_allclose(one.llf, glm.llf + ols.llf, rtol=1e-8)


def test_loadings_of_one_are_a_plain_bar():
    data = datasets.lsat.load_pandas().data
    data = data.assign(**{f"item{i}": 1.0 * (data["item"] == f"Q{i}") for i in range(2, 6)})
    ones = {"f": Factor("item", dict.fromkeys([f"Q{i}" for i in range(1, 6)], 1))}
    one, two = (GLLAMM.from_formula(f"y ~ {text}", data, family=FAMILIES["binomial"], factors=factors,
                                    classes={"c": Classes(3, within="id", centered=True)})
                for text, factors in (
                    ("0 + f + item2 + item3 + item4 + item5 + (0 + f | c)", ones),
                    ("item2 + item3 + item4 + item5 + (1 | c)", None)))
    rename = {"f": "Intercept", "f[c=2]": "Intercept[c=2]", "f[c=3]": "Intercept[c=3]"}
    p = pd.Series(np.linspace(-1, 1, len(one.param_names)), one.param_names)
    q = p.rename(rename)[two.param_names]
    assert_allclose(one.loglike(p), two.loglike(q), rtol=1e-12)


def test_mean_that_is_a_combination_of_the_fixed_part():
    """Centred masses beside one constant per item, of which no column is the mean."""
    data = datasets.lsat.load_pandas().data
    model, other = (GLLAMM.from_formula(
        f"y ~ {text} + (1 | c)", data, family=FAMILIES["binomial"],
        classes={"c": Classes(3, within="id", centered=True)}) for text in ("0 + item", "item"))
    p = pd.Series(np.linspace(-0.5, 1, len(model.param_names)), model.param_names)
    q = p.copy()
    q.index = other.param_names
    q.iloc[1:5] = p.iloc[1:5] - p.iloc[0]
    assert_allclose(model.loglike(p), other.loglike(q), rtol=1e-12)
    assert_allclose(model.score(p), slopes(model, p.to_numpy()), atol=1e-4)


def test_mistakes(diet):
    with pytest.raises(FormulaError, match="not identified beside constants of all rows"):
        exposure(diet, Classes(2, within="id"), "y ~ 0 + item + (0 + intake | c)")
    with pytest.raises(FormulaError, match="no 'intake'; write it into the fixed part"):
        exposure(diet, Classes(2, within="id", centered=True), "y ~ 0 + chd + (0 + intake | c)")
    with pytest.raises(NotImplementedError, match="varying="):
        exposure(diet, Classes(2, within="id", varying="loadings"))
