"""Predictions against GLM, linear algebra, closed forms and adaptive integration."""

from itertools import product
from types import SimpleNamespace

import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.special import expit, log_expit, logsumexp, ndtr
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Factor
from statsmodels_gllamm.exceptions import DataError, FormulaError
from statsmodels_gllamm.integration import chunks, posterior
from statsmodels_gllamm.integration.normal import normal_mean
from statsmodels_gllamm.responses import as_response
from statsmodels_gllamm.results import normal_average
from statsmodels_gllamm.results.predict import predict, predict_results
from statsmodels_gllamm.results.rows import MEANS

BINOMIAL, POISSON = sm.families.Binomial(), sm.families.Poisson()
LINKS = sm.families.links


def schools(rng, n=72):
    """Rows in classes in schools, with a response of every kind."""
    data = pd.DataFrame({"klass": rng.permutation(np.arange(n) % 12), "x": rng.normal(size=n),
                         "z": rng.normal(size=n), "g": rng.choice(["a", "b", "c"], n)})
    data["school"] = data.klass % 4
    data["y"] = rng.integers(0, 2, n)
    data["k"] = rng.poisson(2, n)
    data["r"] = rng.normal(size=n)
    data.index = [f"row{i}" for i in range(n)]
    return data


def expected_value(function, nu, sd):
    """E function(nu + sd z) by adaptive integration, piecewise."""
    cuts = np.linspace(-12, 12, 97)
    return sum(quad(lambda z: function(nu + sd * z) * np.exp(-z * z / 2) / np.sqrt(2 * np.pi),
                    a, b, epsabs=1e-14, epsrel=1e-12)[0] for a, b in zip(cuts, cuts[1:]))


# The expectation over a normal linear predictor


@pytest.mark.parametrize("link", ["Logit", "Probit", "CLogLog", "LogLog", "Cauchy"])
@pytest.mark.parametrize("sd", [0.05, 1.0, 4.0, 25.0])
def test_mean_of_probabilities(link, sd):
    response = as_response(sm.families.Binomial(getattr(LINKS, link)()))
    nu = np.array([-30.0, -3.0, -0.4, 0.0, 1.1, 7.0])
    exact = [expected_value(lambda x: float(response.mean(np.array(x))), m, sd) for m in nu]
    value = normal_mean(response.mean, nu, np.full(6, sd))
    assert_allclose(value, exact, rtol=1e-9, atol=1e-13)


def test_mean_closed_forms(rng):
    nu, sd = rng.normal(size=50), np.r_[0.0, rng.gamma(2, 1, 49)]
    assert_allclose(normal_mean(ndtr, nu, sd), ndtr(nu / np.sqrt(1 + sd**2)), rtol=1e-12)
    assert_allclose(normal_mean(np.exp, nu, sd), np.exp(nu + sd**2 / 2), rtol=1e-12)
    assert_allclose(normal_mean(np.square, nu, sd), nu**2 + sd**2, rtol=1e-12)
    assert_allclose(normal_mean(np.positive, nu, sd), nu, atol=1e-12)
    assert_allclose(normal_mean(np.exp, np.array([-200.0]), np.array([20.0])), 1, rtol=1e-12)
    steep = normal_mean(expit, np.array([0.3]), np.array([1000.0]))
    assert_allclose(steep, ndtr(0.3e-3), rtol=1e-7)


def test_mean_of_infinite_and_missing_values():
    value = normal_mean(np.exp, np.array([np.nan, 800.0, 0.0]), np.ones(3))
    assert np.isnan(value[0]) and value[1] == np.inf
    assert_allclose(value[2], np.exp(0.5), rtol=1e-12)


# Prior predictions


def test_two_levels_with_slopes(rng):
    data = schools(rng)
    model = GLLAMM.from_formula("y ~ x + g + (1 + z | school) + (x || klass)", data,
                                family=BINOMIAL)
    params = pd.Series({
        "Intercept": -0.4, "g[T.b]": 0.3, "g[T.c]": -0.2, "x": 0.8,
        "var[Intercept[school]]": 1.1, "cov[Intercept[school],z[school]]": 0.3,
        "var[z[school]]": 0.5, "var[Intercept[klass]]": 0.7, "var[x[klass]]": 0.2})
    params = params[model.param_names]
    linear = (-0.4 + 0.8 * data.x + 0.3 * (data.g == "b") - 0.2 * (data.g == "c")).to_numpy()
    sd = np.sqrt(1.1 + 0.6 * data.z + 0.5 * data.z**2 + 0.7 + 0.2 * data.x**2)
    assert_allclose(predict(model, params, which="linear"), linear, rtol=1e-12)
    assert_allclose(predict(model, params, which="conditional"), expit(linear), rtol=1e-12)
    exact = [expected_value(expit, m, s) for m, s in zip(linear[:8], sd[:8])]
    mean = predict(model, params)
    assert_allclose(mean[:8], exact, rtol=1e-10)
    for which in (*MEANS, "linear"):  # the same rows as new data, in another order
        new = data.drop(columns="y").iloc[::-1]
        assert_allclose(predict(model, params, new, which=which),
                        predict(model, params, which=which)[::-1], rtol=1e-9)


def test_poisson_mean_has_a_closed_form(rng):
    data = schools(rng)
    model = GLLAMM.from_formula("k ~ x + (1 + z | school) + (1 | klass)", data, family=POISSON)
    params = pd.Series({"Intercept": 0.4, "x": 0.3, "var[Intercept[school]]": 0.5,
                        "cov[Intercept[school],z[school]]": -0.1, "var[z[school]]": 0.2,
                        "var[Intercept[klass]]": 0.3})[model.param_names]
    v = 0.5 - 0.2 * data.z + 0.2 * data.z**2 + 0.3
    assert_allclose(predict(model, params), np.exp(0.4 + 0.3 * data.x + v / 2), rtol=1e-12)


def test_factor_loadings(rng):
    data = pd.DataFrame({"id": np.repeat(np.arange(20), 3), "item": np.tile([1, 2, 3], 20),
                         "x": rng.normal(size=60), "y": rng.integers(0, 2, 60)})
    model = GLLAMM.from_formula(
        "y ~ C(item) + ability:x + (0 + ability | id)", data, family=BINOMIAL,
        factors={"ability": Factor("item", loadings=[1, None, None])})
    names = model.param_names
    params = pd.Series([0.1, 0.4, -0.3, 0.7, 1.5, 0.6, 1.2], index=names)
    assert names[3:6] == ["ability:x", "lambda[ability,2]", "lambda[ability,3]"]
    load = np.tile([1, 1.5, 0.6], 20)
    linear = np.tile([0.1, 0.5, -0.2], 20) + 0.7 * load * data.x
    assert_allclose(predict(model, params, which="linear"), linear, rtol=1e-12)
    exact = [expected_value(expit, m, s) for m, s in zip(linear[:6], np.sqrt(1.2) * load[:6])]
    assert_allclose(predict(model, params)[:6], exact, rtol=1e-10)
    new = data.iloc[[1, 5, 7]].drop(columns="y")
    for which in (*MEANS, "linear"):
        assert_allclose(predict(model, params, new, which=which),
                        predict(model, params, which=which)[[1, 5, 7]], rtol=1e-9)
    assert_allclose(predict(model, params, which="linear", latent={"ability": 2.0}),
                    linear + 2 * load, rtol=1e-12)
    with pytest.raises(ValueError, match="the factor 'ability' needs the loadings"):
        predict(model, params, data[["x"] * 4].to_numpy(), which="linear")
    with pytest.raises(FormulaError, match="has the level 4, which the model has not seen"):
        predict(model, params, new.assign(item=[1, 2, 4]))


# Posterior predictions


def test_posterior_by_grid(rng):
    """Known classes, new classes in known schools, and new schools."""
    data = schools(rng, 48)
    model = GLLAMM.from_formula("y ~ x + (1 | school) + (0 + x | klass)", data, family=BINOMIAL)
    params = pd.Series({"Intercept": 0.2, "x": -0.6, "var[Intercept[school]]": 1.5,
                        "var[x[klass]]": 0.9})[model.param_names]
    grid = np.arange(-8, 8.001, 0.06)
    eta, slope, density = np.sqrt(1.5) * grid, np.sqrt(0.9) * grid, -grid**2 / 2
    new = pd.DataFrame({"x": [0.5, -1.2, 2.0, 1.3], "school": [1, 1, 1, 77],
                        "klass": [5, 9, 99, 98]})
    logs, joint = density.copy(), {}
    for c, rows in data[data.school == 1].groupby("klass"):
        x, sign = rows.x.to_numpy(), 2 * rows.y.to_numpy() - 1
        nu = (0.2 - 0.6 * x)[:, None, None] + eta[:, None] + np.multiply.outer(x, slope)[:, None]
        joint[c] = log_expit(sign[:, None, None] * nu).sum(0) + density
        logs = logs + logsumexp(joint[c], axis=1)
    school = np.exp(logs - logsumexp(logs))
    prior = np.exp(density - logsumexp(density))
    exact = []
    for x, c in zip(new.x[:3], new.klass[:3]):
        given = prior[None, :] if c == 99 else np.exp(
            joint[c] - logsumexp(joint[c], axis=1, keepdims=True))
        mean = expit(0.2 - 0.6 * x + eta[:, None] + x * slope)
        exact.append(school @ (given * mean).sum(1))
    exact.append(expected_value(expit, 0.2 - 0.6 * 1.3, np.sqrt(1.5 + 0.9 * 1.3**2)))
    assert_allclose(predict(model, params, new, which="posterior", n_quad=31), exact, atol=1e-8)


def linear_mixed(data, params):
    """Best linear unbiased predictions E(x'b + z'eta | y) of rows, known or new."""
    def design(rows):
        columns = []
        for c in range(4):
            columns += [(rows.school == c) * 1.0, (rows.school == c) * rows.x]
        return np.column_stack(columns + [(rows.klass == c) * 1.0 for c in range(12)])

    psi = np.zeros((20, 20))
    own = [[params["var[Intercept[school]]"], params["cov[Intercept[school],x[school]]"]],
           [params["cov[Intercept[school],x[school]]"], params["var[x[school]]"]]]
    psi[:8, :8] = np.kron(np.eye(4), own)
    psi[8:, 8:] = params["var[Intercept[klass]]"] * np.eye(12)
    z = design(data)
    v = z @ psi @ z.T + np.exp(2 * params["logsd[Intercept]"]) * np.eye(len(data))
    fixed = params["Intercept"] + params["x"] * data.x
    blup = psi @ z.T @ np.linalg.solve(v, data.r - fixed)
    return lambda rows: params["Intercept"] + params["x"] * rows.x + design(rows) @ blup


@pytest.mark.parametrize("n_quad", [1, 5, (1, 5), (5, 1)])
def test_posterior_of_a_gaussian_model(rng, n_quad):
    data = schools(rng)
    model = GLLAMM.from_formula("r ~ x + (1 + x | school) + (1 | klass)", data)
    params = pd.Series({
        "Intercept": 0.3, "x": -0.2, "var[Intercept[school]]": 1.3,
        "cov[Intercept[school],x[school]]": -0.5, "var[x[school]]": 0.7,
        "var[Intercept[klass]]": 0.6, "logsd[Intercept]": -0.3})[model.param_names]
    exact = linear_mixed(data, params)
    assert_allclose(predict(model, params, which="posterior", n_quad=n_quad), exact(data),
                    atol=1e-9)
    new = pd.DataFrame({"x": [1.0, 2.0, -1.0], "school": [2, 2, 50], "klass": [6, 60, 61]})
    assert_allclose(predict(model, params, new, which="posterior", n_quad=n_quad), exact(new),
                    atol=1e-9)
    assert_allclose(predict(model, params), 0.3 - 0.2 * data.x, atol=1e-12)


def test_posterior_after_laplace_uses_the_curvature(rng):
    data = schools(rng)
    model = GLLAMM.from_formula("k ~ x + (1 | school)", data, family=POISSON)
    params = np.array([0.4, 0.2, 0.3])
    value = predict(model, params, which="posterior", integration="laplace")
    eta = np.zeros(4)
    mu = np.exp(0.4 + 0.2 * data.x)
    for _ in range(50):
        m = mu * np.exp(eta[data.school])
        sums = [(data.k - m)[data.school == s].sum() for s in range(4)]
        h = np.array([m[data.school == s].sum() for s in range(4)]) + 1 / 0.3
        eta = eta + (np.array(sums) - eta / 0.3) / h
    assert_allclose(value, (mu * np.exp(eta + 0.5 / h)[data.school]), rtol=1e-9)
    fine = predict(model, params, which="posterior", n_quad=21)
    assert_allclose(value, fine, rtol=0.02)


def test_posterior_averages_to_the_prior_mean_over_data(rng):
    """The law of total expectation, over all responses of one small cluster."""
    data = pd.DataFrame({"id": np.repeat(np.arange(16), 4), "x": np.tile([-1, 0, 0.5, 2.0], 16),
                         "y": np.array(list(product([0, 1], repeat=4))).ravel()})
    model = GLLAMM.from_formula("y ~ x + (1 | id)", data, family=BINOMIAL)
    params = np.array([-0.2, 0.7, 2.3])
    value = predict(model, params, which="posterior", n_quad=41).reshape(16, 4)
    objective = model._objective((41,))
    working = model.design.to_working(params)
    p = np.exp(objective.at(working, units=True).value.unit_loglik)
    assert_allclose(p.sum(), 1, rtol=1e-9)
    assert_allclose(p @ value, predict(model, params)[:4], rtol=1e-8)


def test_clusters_that_moved(rng):
    data = schools(rng)
    model = GLLAMM.from_formula("y ~ x + (1 | school) + (1 | klass)", data, family=BINOMIAL)
    params = np.array([0.1, 0.2, 1.0, 0.5])
    new = pd.DataFrame({"x": [1.0, 1.0], "school": [1.0, np.nan], "klass": [5, 5]})
    value = predict(model, params, new, which="posterior")
    assert_allclose(value[0], value[1])  # the school of a known class is known
    for school in (2, 70):
        with pytest.raises(DataError, match="row 1 has a cluster that lies in school 1 in the"):
            predict(model, params, new.assign(school=[1, school]), which="posterior")
    with pytest.raises(DataError, match="no column 'klass'"):
        predict(model, params, new[["x", "school"]], which="posterior")
    unknown = predict(model, params, new.assign(klass=[np.nan, 400]), which="posterior")
    alone = GLLAMM.from_formula("y ~ x + (1 | school) + (1 | klass)", data, family=BINOMIAL)
    assert_allclose(unknown[1], predict(alone, params, new[["x"]])[1])
    assert abs(unknown[0] - unknown[1]) > 1e-3


def test_units_of_weight_zero_are_new(rng):
    data = schools(rng).assign(w=lambda d: (d.klass != 5) * 1.0)
    formula = "y ~ x + (1 | school) + (1 | klass)"
    params = np.array([0.1, 0.2, 1.0, 0.5])
    model = GLLAMM.from_formula(formula, data, family=BINOMIAL, freq_weights={"klass": "w"})
    without = GLLAMM.from_formula(formula, data[data.klass != 5], family=BINOMIAL)
    assert_allclose(predict(model, params, which="posterior"),
                    predict(without, params, data, which="posterior"), rtol=1e-9)


def test_pieces_and_chunks_make_no_difference(rng, monkeypatch):
    data = schools(rng, 600)
    data["school"] = rng.permutation(40)[rng.integers(0, 40, 600)]
    data["klass"] += 100 * data.school
    params = np.array([0.1, 0.2, 1.0, 0.5])

    def values(n_chunks):
        model = GLLAMM.from_formula("y ~ x + (1 | school) + (1 | klass)", data, family=BINOMIAL)
        found = [predict(model, params, which=which) for which in ("mean", "posterior")]
        assert [len(p.chunks) > 1 for p in model._problems.values()] == [n_chunks > 1]
        return found

    whole = values(1)
    monkeypatch.setattr(posterior, "PIECE_ELEMENTS", 100)
    monkeypatch.setattr(normal_average, "PIECE", 7)
    monkeypatch.setattr(chunks, "CHUNK_ELEMENTS", 1)
    monkeypatch.setattr(chunks, "MIN_ROWS", 50)
    for one, two in zip(whole, values(12)):
        assert_allclose(one, two, rtol=1e-12)


# Without latent variables, and at the boundary


def test_equals_glm(rng):
    data = schools(rng).assign(w=rng.gamma(2, 1, 72), o=rng.normal(size=72))
    formula = "k ~ x + C(g)"
    model = GLLAMM.from_formula(formula, data, family=POISSON, offset="o", exposure="w")
    glm = sm.GLM.from_formula(formula, data, family=POISSON, offset=data.o, exposure=data.w)
    params = rng.normal(size=4)
    new = data.drop(columns="k").iloc[:9]
    exog = glm.exog[:9]
    for which in (*MEANS, "linear"):
        kind = "linear" if which == "linear" else "mean"
        def of_glm(*args, kind=kind, **kwargs):
            return glm.predict(params, *args, which=kind, **kwargs)
        assert_allclose(predict(model, params, which=which), of_glm(), rtol=1e-12)
        assert_allclose(predict(model, params, new, which=which), of_glm(exog), rtol=1e-12)
        assert_allclose(predict(model, params, new, which=which, offset=0.3, exposure="w"),
                        of_glm(exog, offset=0.3, exposure=new.w), rtol=1e-12)
    assert_allclose(predict(model, params, offset="o", exposure="w", data=data),
                    predict(model, params), rtol=1e-12)
    assert_allclose(predict(model, params, offset=np.zeros(72)), np.exp(glm.exog @ params),
                    rtol=1e-12)


def test_variances_of_zero(rng):
    data = schools(rng)
    model = GLLAMM.from_formula("y ~ x + (x | school) + (1 | klass)", data, family=BINOMIAL)
    params = pd.Series(0.0, index=model.param_names)
    params[["Intercept", "x"]] = [0.3, -0.8]
    exact = expit(0.3 - 0.8 * data.x)
    for which in ("mean", "conditional", "posterior"):
        assert_allclose(predict(model, params, which=which), exact, rtol=1e-12)
    params["var[Intercept[school]]"] = 2.0
    exact = [expected_value(expit, m, np.sqrt(2)) for m in 0.3 - 0.8 * data.x[:4]]
    assert_allclose(predict(model, params)[:4], exact, rtol=1e-10)
    params["var[x[school]]"] = -1.0
    with pytest.raises(ValueError, match="not positive semi-definite"):
        predict(model, params)


def test_mean_of_a_probit_in_its_variance(rng):
    """Smooth enough to be differentiated numerically."""
    model = GLLAMM.from_formula("y ~ x + (1 | school)", schools(rng),
                                family=sm.families.Binomial(LINKS.Probit()))
    x = model.exog[:, 1]

    def mean(v):
        return predict(model, [0.4, 0.9, v])

    h = 1e-4
    exact = ndtr((0.4 + 0.9 * x) / np.sqrt(2.5 + h)) - ndtr((0.4 + 0.9 * x) / np.sqrt(2.5 - h))
    assert_allclose((mean(1.5 + h) - mean(1.5 - h)) / h, exact / h, atol=1e-10)


def test_binomial_counts_predict_the_proportion(rng):
    data = schools(rng).assign(n=5, good=rng.integers(0, 6, 72), bad=lambda d: 5 - d.good)
    params = np.array([0.4, 0.2, 1.0])
    model = GLLAMM.from_formula("good + bad ~ x + (1 | school)", data, family=BINOMIAL)
    assert_allclose(predict(model, params, which="conditional"), expit(0.4 + 0.2 * data.x))
    value = predict(model, params, which="posterior")
    assert 0 < value.min() and value.max() < 1


def test_links_without_a_mean(rng):
    data = schools(rng).assign(t=lambda d: d.k + 1.0)
    family = sm.families.Gamma(LINKS.InversePower())
    model = GLLAMM.from_formula("t ~ 1 + (1 | school)", data, family=family)
    params = np.array([0.5, 0.01, -0.5])
    with pytest.raises(ValueError, match="has no mean over normal latent variables"):
        predict(model, params)
    assert_allclose(predict(model, params, which="conditional"), 2.0)
    assert np.isfinite(predict(model, params, which="posterior", n_quad=9)).all()
    with pytest.raises(ValueError, match="n_quad of 2 or more"):
        predict(model, params, which="posterior", n_quad=1)
    assert_allclose(predict(model, [0.5, 0.0, -0.5]), 2.0)


# What data may be


def test_missing_rows_and_unknown_categories(rng, formula_engine):
    data = schools(rng)
    model = GLLAMM.from_formula("y ~ x + g + (z | school)", data, family=BINOMIAL)
    params = pd.Series([0.1, 0.2, -0.3, 0.5, 1.0, 0.2, 0.5], index=model.param_names)
    new = data.drop(columns="y").iloc[[5, 3, 8, 1, 2]].astype({"school": float})
    new.iloc[0, new.columns.get_loc("x")] = np.nan
    new.iloc[1, new.columns.get_loc("g")] = None
    new.iloc[2, new.columns.get_loc("z")] = np.nan
    new.iloc[3, new.columns.get_loc("school")] = np.nan
    missing = {"linear": [1, 1, 0, 0, 0], "conditional": [1, 1, 0, 0, 0],
               "mean": [1, 1, 1, 0, 0], "posterior": [1, 1, 1, 0, 0]}
    for which in (*MEANS, "linear"):
        value = predict(model, params, new, which=which)
        assert np.isnan(value).tolist() == np.array(missing[which], bool).tolist()
        assert_allclose(value[4], predict(model, params, which=which)[2], rtol=1e-12)
    assert_allclose(predict(model, params, new, which="posterior")[3],
                    predict(model, params)[1], rtol=1e-9)
    with pytest.raises(FormulaError, match="has the level 'd'"):
        predict(model, params, new.assign(g="d"))
    with pytest.raises(FormulaError, match="no column 'x'"):
        predict(model, params, new.drop(columns="x"))
    assert np.isnan(predict(model, params, new.iloc[:1])).all()


def test_rows_of_the_fixed_part(rng):
    """Arrays, as other packages pass them to model.predict."""
    data = schools(rng)
    model = GLLAMM.from_formula("y ~ x + g + (x | school) + (1 | klass)", data, family=BINOMIAL)
    params = pd.Series({"Intercept": 0.1, "g[T.b]": 0.2, "g[T.c]": -0.3, "x": 0.5,
                        "var[Intercept[school]]": 1.0, "cov[Intercept[school],x[school]]": 0.3,
                        "var[x[school]]": 0.4, "var[Intercept[klass]]": 0.6})[model.param_names]
    for which in ("linear", "conditional", "mean"):
        value = predict(model, params, which=which)[:3]
        exog = model.exog[:3]
        frame = pd.DataFrame(exog)
        for rows in (exog, exog.tolist(), frame, frame.set_axis(model.exog_names, axis=1)):
            assert_allclose(predict(model, params, rows, which=which), value, rtol=1e-12)
        assert_allclose(predict(model, params, exog[0], which=which), value[:1], rtol=1e-12)
    with pytest.raises(ValueError, match="needs the groups of the rows; pass the data"):
        predict(model, params, model.exog, which="posterior")
    with pytest.raises(ValueError, match=r"shape \(72, 3\) but the fixed part has 4 columns"):
        predict(model, params, model.exog[:, 1:])
    other = GLLAMM.from_formula("y ~ x + (z | school)", data, family=BINOMIAL)
    params = np.array([0.1, 0.2, 1.0, 0.0, 0.5])
    with pytest.raises(ValueError, match=r"the random term z\[school\] is not a column of exog"):
        predict(other, params, other.exog)
    assert_allclose(predict(other, params, other.exog, which="linear"), other.exog @ params[:2])


def test_given_latent_variables(rng):
    data = schools(rng)
    model = GLLAMM.from_formula("y ~ x + (z | school) + (1 | klass)", data, family=BINOMIAL)
    psi = np.array([[1.0, 0.4], [0.4, 0.5]])
    params = pd.Series({"Intercept": 0.1, "x": 0.5, "var[Intercept[school]]": 1.0,
                        "cov[Intercept[school],z[school]]": 0.4, "var[z[school]]": 0.5,
                        "var[Intercept[klass]]": 0.6})[model.param_names]
    fixed = (0.1 + 0.5 * data.x).to_numpy()
    t = rng.normal(size=72)
    value = predict(model, params, which="linear", latent={"Intercept[klass]": t, "z": -1.5})
    assert_allclose(value, fixed + t - 1.5 * data.z, rtol=1e-12)
    value = predict(model, params, data.assign(t=t), which="conditional",
                    latent={"Intercept[klass]": "t", "z[school]": -1.5})
    assert_allclose(value, expit(fixed + t - 1.5 * data.z), rtol=1e-12)
    given = {"Intercept[school]": 1.0, "z": 0.5, "Intercept[klass]": -0.3}
    assert_allclose(predict(model, params, latent=given), expit(fixed + 1 + 0.5 * data.z - 0.3),
                    rtol=1e-12)
    value = predict(model, params, latent={"z": 0.8})  # the intercept is correlated with it
    mean, var = psi[0, 1] / psi[1, 1] * 0.8, psi[0, 0] - psi[0, 1] ** 2 / psi[1, 1]
    exact = [expected_value(expit, f + 0.8 * z + mean, np.sqrt(var + 0.6))
             for f, z in zip(fixed[:5], data.z)]
    assert_allclose(value[:5], exact, rtol=1e-10)
    with pytest.raises(ValueError, match="'Intercept'.* is the name of several"):
        predict(model, params, latent={"Intercept": 1.0})
    with pytest.raises(ValueError, match=r"is no latent variable; use one of Intercept\[klass\]"):
        predict(model, params, latent={"q": 1.0})
    with pytest.raises(ValueError, match="which='posterior' asks the data"):
        predict(model, params, latent={"z": 1.0}, which="posterior")
    with pytest.raises(DataError, match="shape"):
        predict(model, params, latent={"z": [1.0, 2.0]})


def test_other_errors(rng):
    model = GLLAMM.from_formula("y ~ x + (1 | school)", schools(rng), family=BINOMIAL)
    params = [0.1, 0.2, 1.0]
    with pytest.raises(ValueError, match="which must be one of 'mean', .*, not 'median'"):
        predict(model, params, which="median")
    with pytest.raises(DataError, match="exposure is 0 in row 'row1'; it must be positive"):
        predict(model, params, exposure=np.r_[1.0, 0.0, np.ones(70)])
    with pytest.raises(ValueError, match="n_quad names the group 'z'"):
        predict(model, params, which="posterior", n_quad={"z": 3})


def test_model_from_arrays(rng):
    data = schools(rng)
    exog = sm.add_constant(data[["x"]])
    model = GLLAMM(data.y, exog, groups=data.school, family=BINOMIAL)
    same = GLLAMM.from_formula("y ~ x + (1 | school)", data, family=BINOMIAL)
    params = [0.1, 0.2, 1.0]
    for which in (*MEANS, "linear"):
        assert_allclose(predict(model, params, which=which), predict(same, params, which=which),
                        rtol=1e-12)
    assert_allclose(predict(model, params, exog.iloc[:4]), predict(same, params)[:4], rtol=1e-12)
    with pytest.raises(ValueError, match=r"shape \(72, 9\) but the fixed part has 2 columns"):
        predict(model, params, data.assign(g=1, one=1))


# From results


def test_results_keep_the_users_index(rng):
    data = schools(rng)
    data.loc["row3", "x"] = np.nan
    model = GLLAMM.from_formula("y ~ x + (1 | school)", data, family=BINOMIAL)
    record = SimpleNamespace(params=np.array([0.1, 0.2, 1.0]), n_quad=(9,), integration="adaptive")
    res = SimpleNamespace(model=model, record=record)
    for which in (*MEANS, "linear"):
        sample = predict_results(res, which=which)
        assert sample.index.equals(data.index.drop("row3"))
        whole = predict_results(res, data, which=which)
        assert whole.index.equals(data.index) and np.isnan(whole["row3"])
        pd.testing.assert_series_equal(whole.drop("row3"), sample, rtol=1e-12)
    array = predict_results(res, model.exog.tolist())
    assert isinstance(array, np.ndarray)
    assert_allclose(array, predict_results(res), rtol=1e-12)
    named = pd.DataFrame(model.exog[:2], index=["u", "v"])
    assert predict_results(res, named, transform=False).index.tolist() == ["u", "v"]
    fine = predict_results(res, which="posterior", n_quad=25)
    assert_allclose(fine, predict(model, record.params, which="posterior", n_quad=25))
    values = predict_results(res, data.iloc[:2].to_dict("list"))
    assert_allclose(values, predict_results(res)[:2])


def test_posterior_of_a_fit_explains_the_data(reference):
    data, _ = reference("sleepstudy")
    res = GLLAMM.from_formula("Reaction ~ Days + (Days | Subject)", data).fit()
    residual = data.Reaction - predict_results(res, which="posterior")
    assert np.var(residual) < 0.3 * np.var(data.Reaction - predict_results(res))
    mixed = sm.MixedLM.from_formula("Reaction ~ Days", data, groups="Subject",
                                    re_formula="~ Days").fit(reml=False)
    assert_allclose(predict_results(res, which="posterior"), mixed.fittedvalues, rtol=1e-3)


def test_values_of_latent_variables_by_cluster(rng):
    data = schools(rng)
    model = GLLAMM.from_formula("k ~ x + (1 + z | school) + (1 | school:klass)", data, family=POISSON)
    params = pd.Series({"Intercept": 0.4, "x": 0.3, "var[Intercept[school]]": 0.5,
                        "cov[Intercept[school],z[school]]": -0.1, "var[z[school]]": 0.2,
                        "var[Intercept[school:klass]]": 0.3})[model.param_names]
    table = pd.DataFrame({"Intercept": [0.1, 0.2, -0.5, 1.0], "z": [1.0, 0, 2, -1], "se[z]": 9.0},
                         index=[3, 2, 1, 0])
    classes = pd.DataFrame({"Intercept": np.arange(12) / 10},
                           index=model.sample.groups["school:klass"].labels)
    own = table.loc[data.school].set_axis(data.index)
    linear = 0.4 + 0.3 * data.x + own.Intercept + own.z * data.z
    pairs = pd.MultiIndex.from_frame(data[["school", "klass"]])
    deep = linear + classes.Intercept[pairs].to_numpy()
    given = {"school": table, "school:klass": classes}
    for rows in (None, data):
        assert_allclose(predict(model, params, rows, latent={"school": table}),
                        np.exp(linear + 0.15), rtol=1e-10)  # over the classes
        assert_allclose(predict(model, params, rows, latent=given), np.exp(deep), rtol=1e-10)
        with pytest.raises(DataError, match="no values for the cluster 0 of 'school'"):
            predict(model, params, rows, latent={"school": table[:3]})
    assert_allclose(predict(model, params, data[5:9], latent=given), np.exp(deep[5:9]), rtol=1e-10)
    with pytest.raises(ValueError, match="one table, but .* groups .*school"):
        predict(model, params, latent=table)
    with pytest.raises(ValueError, match="'w', but the latent variables of 'school' are Intercept, z"):
        predict(model, params, latent={"school": table.rename(columns={"z": "w"})})
    with pytest.raises(ValueError, match="needs a model with one latent variable"):
        predict(model, params, latent=1.0)
    single = GLLAMM.from_formula("k ~ x + (1 | school)", data, family=POISSON)
    assert_allclose(predict(single, [0.4, 0.3, 0.5], latent=2.0), np.exp(2.4 + 0.3 * data.x))
