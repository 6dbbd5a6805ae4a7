"""Mass points with a mean of zero, and their nonparametric maximum likelihood estimate."""
import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
from scipy.optimize import brentq
from scipy.special import logsumexp
from scipy.stats import binom
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Classes, datasets, families
from statsmodels_gllamm.exceptions import FormulaError

BINOMIAL = sm.families.Binomial()


@pytest.fixture(scope="module")
def blocker(reference):
    data, expected = reference("seed_betablocker")
    return data.assign(Alive=data["Total"] - data["Deaths"]), expected["fits"]


@pytest.fixture(scope="module")
def small():
    rng = np.random.default_rng(5)
    unit = np.repeat(np.arange(80), 5)
    x = rng.normal(size=400)
    b = np.where(rng.random(80) < 0.4, -1.0, 1.0)
    nu = b[unit] + 0.5 * b[unit] * x
    return pd.DataFrame({"id": unit, "x": x, "y": 2.0 + nu + 0.6 * rng.normal(size=400),
                         "n": rng.poisson(np.exp(0.5 * nu)),
                         "o": np.digitize(nu + rng.logistic(size=400), [-1, 1])})


def masses(data, formula, n, family=None, within="id", **more):
    return GLLAMM.from_formula(formula, data, family=family,
                               classes={"c": Classes(n, within=within, **more)})


def trials(data, n, **more):
    return masses(data, "Deaths + Alive ~ Treatment + (1 | c)", n, BINOMIAL, "Center", **more)


def test_three_masses_are_those_of_flexmix(blocker):
    data, fits = blocker
    fit = fits["npml3_flexmix"]
    res = trials(data, 3, centered=True).fit(rng=0, starts=4)
    assert_allclose(res.llf, fit["loglik"], atol=1e-6)
    assert res.df_modelwc == fit["n_params"]
    effect, level = ([row[f"Comp.{c}"] for c in (1, 2, 3)] for row in fit["parameters"])
    assert_allclose(res.params["Treatment[T.Treated]"], effect[0], atol=2e-5)
    centre = res.model.design.centring
    p = res.params.to_numpy()
    found = res.params["Intercept"] + centre.locations(p)[:, 0]
    assert_allclose(np.sort(found), np.sort(level), atol=2e-4)
    assert_allclose(centre.probabilities(p) @ centre.locations(p), 0, atol=1e-14)


def test_centring_is_another_parametrisation(blocker):
    data, _ = blocker
    ours, plain = (trials(data, 3, centered=c).fit(rng=0, starts=2) for c in (True, False))
    assert_allclose(ours.llf, plain.llf, rtol=1e-10)

    def centred(p):
        pi = np.exp(np.array([0, p["prob[c=2]"], p["prob[c=3]"]]))
        d = np.array([0, p["Intercept[c=2]"], p["Intercept[c=3]"]])
        mean = pi @ d / pi.sum()
        return {"Intercept": p["Intercept"] + mean, "Intercept[c=2]": d[1] - mean,
                "Intercept[c=3]": d[2] - mean}

    table = plain.nonlinear(centred)
    assert_allclose(ours.params[table.index], table["estimate"], atol=1e-4)
    assert_allclose(ours.bse[table.index], table["std_err"], rtol=1e-3)
    assert_allclose(ours.predict(), plain.predict(), rtol=1e-4)
    assert "mass points with a mean of zero: Intercept" in ours.model.describe()


@pytest.mark.parametrize(("formula", "family"), [
    ("y ~ x + (x | c)", None), ("o ~ x + (x | c)", families.Ordinal()),
    ("n ~ x + (1 | c)", sm.families.Poisson()), ("o ~ x + (1 | c)", families.Nominal())])
def test_score_in_centred_parameters(small, formula, family):
    model = masses(small, formula, 3, family, centered=True)
    rng = np.random.default_rng(2)
    p = model.start_params + 0.2 * rng.normal(size=len(model.param_names))
    slope = [(model.loglike(p + 1e-5 * e) - model.loglike(p - 1e-5 * e)) / 2e-5
             for e in np.eye(len(p))]
    assert_allclose(model.score(p), slope, atol=1e-5)
    assert_allclose(model.design.to_natural(model.design.to_working(p)), p, atol=1e-12)
    plain = masses(small, formula, 3, family)
    assert_allclose(plain.loglike(model.design.to_working(p)), model.loglike(p), rtol=1e-12)


def test_mistakes(small):
    with pytest.raises(ValueError, match="membership has no covariates"):
        Classes(2, within="id", centered=True, membership="x")
    with pytest.raises(ValueError, match="known= goes with"):
        Classes("auto", within="id", known="k")
    with pytest.raises(TypeError, match="centered"):
        Classes(2, within="id", centered=1)
    with pytest.raises(FormulaError, match="no 'x'; write it into the fixed part"):
        masses(small, "y ~ 1 + (x | c)", 2, centered=True)
    with pytest.raises(NotImplementedError, match="centered=False"):
        masses(small, "y ~ x + (x | c)", 2, centered=True).fit_constrained("x[c=2] = 0")
