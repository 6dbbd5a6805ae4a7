"""Complier average causal effects: closed forms, and sums over classes by hand."""
import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
from scipy.special import expit, logsumexp
from scipy.stats import multivariate_normal
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Classes

KINDS = ["never", "complier"]


def vitamin():
    """Sommer and Zeger (1991): deaths by offer of vitamin A and whether it was taken."""
    data = pd.DataFrame({"z": [0, 0, 1, 1, 1, 1], "took": [0, 0, 0, 0, 1, 1], "y": [1, 0, 1, 0, 1, 0],
                         "n": [74, 11514, 34, 2385, 12, 9663]})
    return data.assign(kind=np.where(data["z"] == 1, 1.0 + data["took"], np.nan))


def test_effect_is_that_of_instrumental_variables():
    """The model is saturated: the moments of Imbens and Rubin (1997) are its maximum."""
    model = GLLAMM.from_formula(
        "y ~ 0 + (z | c)", vitamin(), family=sm.families.Binomial(), freq_weights="n",
        classes={"c": Classes(2, known="kind", labels=KINDS)})
    res = model.fit_constrained("z[c=never] = 0", rng=0, starts=3)
    share = 9675 / (9675 + 2419)
    died = {"never": 34 / 2419, "treated": 12 / 9675, "control": 74 / 11588}
    complier = (died["control"] - (1 - share) * died["never"]) / share
    means = res.predict(pd.DataFrame({"z": [0, 1]}), which="class").to_numpy()
    assert_allclose(means, [[died["never"], complier], [died["never"], died["treated"]]], rtol=1e-4)
    assert_allclose(res.class_sizes.loc["c=complier", "prior"], share, rtol=1e-5)
    effect = res.nonlinear(lambda p: {"cace": expit(p["Intercept[c=complier]"] + p["z[c=complier]"])
                                      - expit(p["Intercept[c=complier]"])})
    wald = (share * died["treated"] + (1 - share) * died["never"] - died["control"]) / share
    assert_allclose(effect["estimate"], wald, rtol=1e-3)
    assert_allclose(effect.iloc[0, :2], [-0.0032, 0.0012], atol=5e-5)  # as published
    assert res.params["z[c=never]"] == 0 and res.bse["z[c=never]"] == 0
    assert "c is known for 4 rows" in model.describe()


@pytest.fixture(scope="module")
def repeated():
    rng = np.random.default_rng(6)
    n, id, x = 120, np.repeat(np.arange(120), 3), rng.normal(size=120)
    z, complies = (np.arange(n) % 3 > 0) * 1, rng.random(n) < expit(0.3 + x)
    y = (np.where(complies, 0.4 - 0.8 * z, 0.0) + 0.5 * rng.normal(size=n))[id]
    return pd.DataFrame({"id": id, "z": z[id], "x": x[id], "y": y + 0.5 * rng.normal(size=3 * n),
                         "kind": np.where(z == 1, np.where(complies, 2.0, 1.0), np.nan)[id]})


def test_random_intercepts_and_covariates_by_hand(repeated):
    model = GLLAMM.from_formula("y ~ (z | c) + (1 | id)", repeated, classes={
        "c": Classes(2, within="id", membership="x", known="kind", labels=KINDS)})
    res = model.fit_constrained("z[c=never] = 0", rng=0, starts=3)
    p, total = res.params, 0.0
    cov = p["var[Intercept[id]]"] * np.ones((3, 3)) + np.exp(2 * p["logsd[Intercept]"]) * np.eye(3)
    for _, rows in repeated.groupby("id"):
        z, x, kind = rows[["z", "x", "kind"]].iloc[0]
        eta = p["prob[c=complier]"] + p["prob[c=complier,x]"] * x
        mean = p["Intercept"] + np.array([0, p["Intercept[c=complier]"] + p["z[c=complier]"] * z])
        found = [multivariate_normal.logpdf(rows["y"], np.full(3, m), cov) for m in mean]
        found += np.array([-np.logaddexp(0, eta), -np.logaddexp(0, -eta)])
        total += logsumexp(found) if np.isnan(kind) else found[int(kind) - 1]
    assert_allclose(res.llf, total, rtol=1e-10)
    free = model.fit(rng=0, starts=3)
    test = free.lr_test(res)
    assert test.df == 1 and test.statistic >= 0
    within = GLLAMM.from_formula("y ~ (z | c) + (1 | id)", repeated, classes=dict(
        c=model.classes[0].spec), constraints="z[c=never] = 0").fit(rng=0, starts=3)
    assert_allclose(within.llf, res.llf, atol=1e-6)
