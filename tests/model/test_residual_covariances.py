"""Residual covariances of Gaussian items, against scipy and lavaan."""
from dataclasses import replace
import pickle

import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
from scipy.stats import multivariate_normal
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, families
from statsmodels_gllamm.exceptions import DataError, FormulaError
from tests.integration.frames import random_params, slope_along

ITEMS = [f"y{i}" for i in range(5)]
TEXT = "f =~ y0 + y1 + y2 + y3 + y4\n y0 ~~ y1 + y3\n y2 ~~ y4"
PAIRS = [(0, 1), (0, 3), (2, 4)]

SEM = """
    ind60 =~ x1 + x2 + x3
    dem60 =~ y1 + y2 + y3 + y4
    dem65 =~ y5 + y6 + y7 + y8
    dem60 ~ ind60
    dem65 ~ ind60 + dem60
    y1 ~~ y5
    y2 ~~ y4 + y6
    y3 ~~ y7
    y4 ~~ y8
    y6 ~~ y8
"""


@pytest.fixture
def wide(rng):
    """Persons with missing answers, and correlated residuals."""
    n = 80
    e = rng.normal(size=(n, 5))
    e[:, 1] += 0.8 * e[:, 0]
    y = rng.normal(size=(n, 1)) + e + 2
    y[rng.random(y.shape) < 0.15] = np.nan
    return pd.DataFrame(y, columns=ITEMS)


@pytest.fixture
def model(wide):
    return GLLAMM.from_wide(wide, TEXT)


def some_params(model, rng):
    params = random_params(model, rng)
    at = model.design.layout.positions("rescov")
    params[at] = rng.uniform(-0.1, 0.1, len(at))
    return params


def moments(model, params):
    """Mean (5,), loadings (5,), variance of the factor and Theta (5, 5), by names."""
    value = dict(zip(model.param_names, params))
    theta = np.diag([np.exp(2 * value[f"logsd[item[{i}]]"]) for i in ITEMS])
    for a, b in PAIRS:
        theta[a, b] = theta[b, a] = value[f"rescov[y{a},y{b}]"]
    lam = np.array([value.get(f"lambda[f,{i}]", 1.0) for i in ITEMS])
    return np.array([value[f"item[{i}]"] for i in ITEMS]), lam, value["var[f[id]]"], theta


def test_names(model):
    assert [n for n in model.param_names if n.startswith("rescov")] == [
        "rescov[y0,y1]", "rescov[y0,y3]", "rescov[y2,y4]"]


def test_density(model, wide, rng):
    """The log-likelihood of persons against scipy."""
    for _ in range(3):
        params = some_params(model, rng)
        mean, lam, variance, theta = moments(model, params)
        cov = variance * np.outer(lam, lam) + theta
        total = 0.0
        for y in wide.to_numpy():
            there = ~np.isnan(y)
            if there.any():
                total += multivariate_normal(mean[there], cov[np.ix_(there, there)]).logpdf(y[there])
        assert_allclose(model.loglike(params), total, rtol=1e-12)


def test_derivatives(model, rng):
    params = some_params(model, rng)
    steps = np.eye(len(params))
    slopes = [slope_along(model.loglike, params, e) for e in steps]
    assert_allclose(model.score(params), slopes, rtol=1e-6, atol=1e-6)
    assert_allclose(model.score_obs(params).sum(0), model.score(params), rtol=1e-9, atol=1e-9)
    slopes = [slope_along(model.score, params, e, h=1e-4) for e in steps]
    hessian = model.hessian(params)
    assert_allclose(hessian, slopes, rtol=0, atol=1e-7 * np.abs(hessian).max())


def test_zero_is_the_model_without(model, wide, rng):
    params = some_params(model, rng)
    at = model.design.layout.positions("rescov")
    params[at] = 0.0
    plain = GLLAMM.from_wide(wide, "f =~ y0 + y1 + y2 + y3 + y4")
    assert_allclose(model.loglike(params), plain.loglike(np.delete(params, at)), rtol=1e-12)


def test_lavaan(reference):
    """Log-likelihood, estimates, standard errors and factor scores of democracy on industry."""
    data, expected = reference("poldem")
    expected = expected["fits"]["full_corr_resid"]
    wide = data.pivot(index="id", columns="item", values="y")
    result = GLLAMM.from_wide(wide, SEM).fit()
    assert result.converged and result.integration == "exact"
    assert_allclose(result.llf, expected["loglik"], atol=1e-7)
    found = 0
    for p in expected["parameters"]:
        a, op, b = p["lhs"], p["op"], p["rhs"]
        name = {"=~": f"lambda[{a},{b}]", "~": f"b[{a}[id] on {b}[id]]", "~1": f"item[{a}]",
                "~~": f"rescov[{a},{b}]" if a != b else f"var[{a}[id]]"}[op]
        if name in result.params:
            found += 1
            assert abs(result.params[name] - p["est"]) < 1e-4 * p["se"], name
            assert_allclose(result.bse[name], p["se"], rtol=1e-4, err_msg=name)
    assert found == 11 + 8 + 3 + 6 + 3
    theirs = pd.DataFrame(expected["ranef"]["values"]).set_index("group")
    ours = result.latent()
    ours.index = ours.index.astype(str)
    assert_allclose(ours.loc[theirs.index, theirs.columns], theirs, atol=1e-4)


def test_long_data(wide, rng):
    """The same model from long data and a formula."""
    from_wide = GLLAMM.from_wide(wide, TEXT)
    long = from_wide.wide.long(wide)
    model = GLLAMM.from_formula(
        from_wide.wide.formula, long, factors=from_wide.wide.factors, dispersion="0 + item",
        residual_covariances={"item": ["y0 ~~ y1 + y3", ("y2", "y4")]})
    params = some_params(model, rng)
    assert model.param_names == from_wide.param_names
    assert model.loglike(params) == from_wide.loglike(params)
    again = type(model)(model.endog, model.exog, **model._get_init_kwds())
    assert again.loglike(params) == model.loglike(params)


def test_two_levels(wide, rng):
    """Random intercepts of schools, against the covariance matrix of all rows."""
    wide = wide.dropna()[:12].assign(school=np.arange(12) // 3)
    model = GLLAMM.from_wide(wide, TEXT, fixed="(1 | school)")
    params = some_params(model, rng)
    value = dict(zip(model.param_names, params))
    mean, lam, variance, theta = moments(model, params)
    school = np.repeat(wide["school"].to_numpy(), 5)
    cov = np.kron(np.eye(12), variance * np.outer(lam, lam) + theta)
    cov += value["var[Intercept[school]]"] * (school[:, None] == school)
    exact = multivariate_normal(np.tile(mean, 12), cov).logpdf(wide[ITEMS].to_numpy().ravel())
    assert_allclose(model.loglike(params), exact, rtol=1e-12)


def schools(rng):
    """Three persons in each of 40 schools, and a covariate of persons."""
    n = 120
    data = pd.DataFrame({"school": np.arange(n) // 3, "x": rng.normal(size=n)})
    f = rng.normal(size=n) + data["x"]
    e = rng.normal(size=(n, 5))
    e[:, 1] += 0.5 * e[:, 0]
    e += np.repeat(rng.normal(size=40), 3)[:, None] + np.outer(f, [1, 0.8, 1.2, 1, 0.9])
    data[ITEMS] = e
    return data


@pytest.mark.parametrize("regression", [False, True])
def test_posterior_of_two_levels(rng, regression):
    """With covariances of zero the engine's posteriors and predictions."""
    wide = schools(rng)
    text = TEXT + ("\nf ~ x" if regression else "")
    model = GLLAMM.from_wide(wide, text, fixed="(1 | school)")
    plain = GLLAMM.from_wide(wide, text.replace("y0 ~~ y1 + y3\n y2 ~~ y4", ""),
                             fixed="(1 | school)")
    result, small = model.fit(), plain.fit()
    at = model.design.layout.positions("rescov")
    params = np.insert(small.params.to_numpy(), at - np.arange(len(at)), 0.0)
    working = model.design.to_working(params)
    result._results.record = replace(result.record, working=working)
    ours, theirs = result.latent(), small.latent()
    for group in ("id", "school"):
        assert_allclose(ours[group], theirs[group], rtol=1e-7, atol=1e-9)
    new = plain.wide.long(wide[:3].assign(school=[0, 0, 99]))
    new["id"] = np.repeat([0, 998, 999], 5)
    for which in ("posterior", "var", "cumulative"):
        given = {"given": "posterior"} if which != "posterior" else {}
        given |= {"values": [2.0]} if which == "cumulative" else {}
        assert_allclose(model.predict(params, new, which=which, **given),
                        small.predict(new, which=which, **given), rtol=1e-7)


def test_posterior_of_rows_of_two_levels(rng):
    """Regression of the school's intercept and the persons' factors on all answers of a school."""
    wide = schools(rng)
    model = GLLAMM.from_wide(wide, TEXT, fixed="(1 | school)")
    result = model.fit()
    mean, lam, variance, theta = moments(model, result.params)
    between = result.params["var[Intercept[school]]"]
    cov = np.kron(np.eye(3), variance * np.outer(lam, lam) + theta) + between
    y = (wide[ITEMS].to_numpy()[:3] - mean).ravel()
    weight = np.linalg.solve(cov, y)
    assert_allclose(result.latent("school")["Intercept"].iloc[0], between * weight.sum(), atol=1e-9)
    factors = variance * weight.reshape(3, 5) @ lam
    assert_allclose(result.latent("id")["f"].iloc[:3], factors, rtol=1e-8)


def test_posterior(model, wide):
    """Moments of the factor given a person's answers, and predictions from them."""
    result = model.fit()
    mean, lam, variance, theta = moments(model, result.params)
    latent, posterior = result.latent(), result.predict(which="posterior")
    found = []
    for person, y in zip(latent.index, wide.loc[latent.index].to_numpy()):
        there = ~np.isnan(y)
        v = (variance * np.outer(lam, lam) + theta)[np.ix_(there, there)]
        slope = variance * np.linalg.solve(v, lam[there])
        eta = slope @ (y - mean)[there]
        assert_allclose(latent.loc[person, "f"], eta, rtol=1e-9, atol=1e-12)
        se = np.sqrt(variance - slope @ (variance * lam[there]))
        assert_allclose(latent.loc[person, "se[f]"], se, rtol=1e-9)
        found += list((mean + lam * eta)[there])
    assert_allclose(posterior, found, rtol=1e-9)
    new = model.wide.long(wide[:3]).assign(id=[0] * 5 + [1] * 5 + [999] * 5)
    predicted = result.predict(new, which="posterior").to_numpy()
    assert_allclose(predicted[10:], mean)  # a person that the sample does not have
    assert_allclose(predicted[:5], mean + lam * latent["f"].iloc[0])


def test_simulated_residuals(wide):
    """Covariances of simulated responses are those of the model."""
    wide = wide.fillna(2.0)
    model = GLLAMM.from_wide(wide, TEXT)
    result = model.fit()
    mean, lam, variance, theta = moments(model, result.params)
    draws = result.simulate(200, rng=1).to_numpy().T.reshape(-1, 5)
    expected = variance * np.outer(lam, lam) + theta
    se = np.sqrt((np.outer(np.diag(expected), np.diag(expected)) + expected**2) / len(draws))
    assert (np.abs(np.cov(draws.T) - expected) < 4 * se).all()
    assert_allclose(draws.mean(0), mean, atol=0.1)


def test_improper(wide):
    """Residual covariances that no residuals have, with responses that have a covariance matrix."""
    model = GLLAMM.from_wide(wide, TEXT)
    result = model.fit()
    params = result.params.copy()
    params[["logsd[item[y0]]", "logsd[item[y1]]"]] = np.log(0.5)
    params[["rescov[y0,y1]", "rescov[y0,y3]"]] = -0.26, 0.0
    assert np.isfinite(model.loglike(params))
    working = model.design.to_working(params.to_numpy())
    result._results.record = replace(result.record, working=working)
    with pytest.raises(ValueError, match="improper"):
        result.simulate()
    with pytest.raises(ValueError, match="improper"):
        result.latent()


def test_tables(model):
    result = model.fit()
    frame = result.to_frame().filter(like="rescov", axis=0)
    assert set(frame["kind"]) == {"residual covariance"}
    sd = np.exp(result.params[["logsd[item[y0]]", "logsd[item[y1]]"]])
    assert_allclose(frame["derived"].iloc[0], frame["estimate"].iloc[0] / np.prod(sd))
    assert "Residual covariances" in str(result.summary())
    assert "residual covariances: rescov[y0,y1]" in model.describe()
    test = result.t_test("rescov[y0,y1] = 0")
    assert_allclose(test.sd.squeeze(), result.bse["rescov[y0,y1]"])
    again = pickle.loads(pickle.dumps(result))
    assert_allclose(again.with_cov_type("robust").bse, model.fit(cov_type="robust").bse)
    result.remove_data()
    assert "rescov[y0,y3]" in str(result.summary())


def test_likelihood_ratio(model, wide):
    """Against the model without them: the same data, three parameters."""
    large = model.fit()
    small = GLLAMM.from_wide(wide, "f =~ y0 + y1 + y2 + y3 + y4").fit()
    test = large.lr_test(small)
    assert test.df == 3
    assert_allclose(test.statistic, 2 * (large.llf - small.llf))


def test_weights_of_persons(wide, rng):
    weight = rng.integers(1, 4, len(wide))
    weighted = GLLAMM.from_wide(wide, TEXT, freq_weights=weight)
    copied = GLLAMM.from_wide(wide.loc[np.repeat(wide.index, weight)].reset_index(drop=True), TEXT)
    params = some_params(weighted, rng)
    assert_allclose(weighted.loglike(params), copied.loglike(params), rtol=1e-12)
    assert_allclose(weighted.score(params), copied.score(params), rtol=1e-9, atol=1e-9)


def test_impossible(model, rng):
    """Covariances that make Theta and V indefinite are an error that names the cluster."""
    params = some_params(model, rng)
    params[model.design.layout.positions("rescov")] = 1e3
    with pytest.raises(DataError, match="not positive definite in cluster"):
        model.loglike(params)


def refused(error, match, wide, **options):
    long = GLLAMM.from_wide(wide, ITEMS).wide.long(wide).dropna()
    options = {"residual_covariances": {"item": ["y0 ~~ y1"]}, **options}
    with pytest.raises(error, match=match):
        GLLAMM.from_formula("y ~ 0 + item + (1 | id)", options.pop("data", long), **options)


def test_errors(wide):
    long = GLLAMM.from_wide(wide, ITEMS).wide.long(wide).dropna()
    refused(NotImplementedError, "Gaussian", wide, data=long.assign(y=np.exp(long["y"])),
            family=families.LogNormal())
    refused(DataError, "several times", wide, data=pd.concat([long, long]))
    refused(DataError, "'y9', which is no value of 'item'", wide,
            residual_covariances={"item": [("y0", "y9")]})
    refused(FormulaError, "with itself", wide, residual_covariances={"item": ["y0 ~~ y0"]})
    refused(FormulaError, "twice", wide, residual_covariances={"item": ["y0 ~~ y1", ("y1", "y0")]})
    refused(FormulaError, "a pair is", wide, residual_covariances={"item": ["y0 ~ y1"]})
    refused(TypeError, "column of items", wide, residual_covariances=["y0 ~~ y1"])
    with pytest.raises(NotImplementedError, match="no random term"):
        GLLAMM.from_formula("y ~ 0 + item", long, residual_covariances={"item": ["y0 ~~ y1"]})
    model = GLLAMM.from_formula("y ~ 0 + item + (1 | id)", long.assign(w=1.0 + (long["item"] == "y0")),
                                freq_weights="w", residual_covariances={"item": ["y0 ~~ y1"]})
    with pytest.raises(NotImplementedError, match="weights of rows"):
        model.fit()
    fixed = GLLAMM.from_wide(wide, TEXT + "; y1 ~~ 0.05*y4").fit()
    assert fixed.constraints == ["rescov[y1,y4] = 0.05"]
    with pytest.raises(FormulaError, match="second time"):
        GLLAMM.from_wide(wide, TEXT + "; y1 ~~ y0")
    with pytest.raises(NotImplementedError, match="Gaussian"):
        GLLAMM.from_wide((wide > 2).astype(float), TEXT, family=sm.families.Binomial())
    assert GLLAMM.from_wide(wide, TEXT + "; y1 ~~ 0*y4").param_names == (
        GLLAMM.from_wide(wide, TEXT).param_names)
