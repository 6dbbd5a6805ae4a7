"""Penalised fits: the penalised maxima of an independent program, closed forms, brute force."""
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Classes, Factor, datasets, families
from statsmodels_gllamm.estimation.penalties import PenalizedObjective
from statsmodels_gllamm.estimation.regularized import penalty_of
from statsmodels_gllamm.exceptions import SeparationWarning
from statsmodels_gllamm.latent.constrained import constrained

BINOMIAL = sm.families.Binomial()


@pytest.fixture(scope="module")
def data():
    """Binary, ordinal and Gaussian responses of 40 clusters of six rows."""
    rng = np.random.default_rng(5)
    g = np.repeat(np.arange(40), 6)
    x, z = rng.normal(size=(2, 240))
    nu = 0.3 + 0.5 * x + rng.normal(size=40)[g]
    return pd.DataFrame({
        "g": g, "x": x, "z": z, "item": np.tile(list("abcdef"), 40), "y": nu + rng.normal(size=240),
        "b": (nu + rng.logistic(size=240) > 0) * 1.0,
        "o": np.digitize(nu + rng.logistic(size=240), [-1, 1])})


@pytest.fixture(scope="module")
def separated():
    """Binary responses that are all one where z is."""
    rng = np.random.default_rng(3)
    g, x, z = np.repeat(np.arange(60), 6), rng.normal(size=360), (rng.random(360) < 0.2) * 1.0
    y = (0.5 * x + rng.normal(size=60)[g] + rng.logistic(size=360) > 0) * 1.0
    return pd.DataFrame({"y": np.where(z == 1, 1.0, y), "x": x, "z": z, "g": g})


@pytest.mark.parametrize("df", [3, 200])
@pytest.mark.parametrize("joint", [False, True])
def test_student_penalty_meets_an_independent_program(reference, df, joint):
    data, expected = reference("seed_glmmadaptive_pois")
    found = expected["fits"][f"indep_pen_df{df}_{'mvt_all4' if joint else 'uni_noint'}"]
    model = GLLAMM.from_formula("y ~ sex * time + (1 | id)", data, family=sm.families.Poisson())
    res = model.fit_regularized("student", np.ones(4) if joint else 1.0, df=df, joint=joint)
    fixed = found["fixed"]
    np.testing.assert_allclose(res.fe_params, [x["estimate"] for x in fixed], atol=1e-6)
    np.testing.assert_allclose(res.bse_fe, [x["se"] for x in fixed], atol=1e-5)
    np.testing.assert_allclose(res.params.iloc[4], found["varcomp"][0]["vcov"], atol=2e-6)
    np.testing.assert_allclose(res.llf, found["loglik_unpenalised"], atol=2e-6)
    np.testing.assert_allclose(res.penalty.value, found["penalty"], atol=2e-6)


def test_ridge_of_gaussian_model_has_closed_form(data):
    model = GLLAMM.from_formula("y ~ x + z + (1 | g)", data)
    alpha = {"x": 30.0, "z": 2.0}
    res = model.fit_regularized("ridge", alpha, center={"x": 0.2})
    x = sm.add_constant(data[["x", "z"]]).to_numpy()
    same = data["g"].to_numpy()[:, None] == data["g"].to_numpy()
    v = res.params["var[Intercept[g]]"] * same + res.scale * np.eye(len(data))
    a, m = np.diag([0.0, 30.0, 2.0]), np.array([0.0, 0.2, 0.0])
    information = x.T @ np.linalg.solve(v, x) + a
    beta = np.linalg.solve(information, x.T @ np.linalg.solve(v, data["y"]) + a @ m)
    np.testing.assert_allclose(res.fe_params, beta, atol=1e-6)
    whole = np.linalg.inv(res.cov_params())  # of coefficients and, not orthogonal, variances
    np.testing.assert_allclose(whole[:3, :3], information, rtol=1e-5, atol=1e-6)
    value = -0.5 * (30 * (beta[1] - 0.2) ** 2 + 2 * beta[2] ** 2)
    np.testing.assert_allclose(res.penalty.value, value, rtol=1e-4)


def test_errors_are_from_the_penalised_information(data):
    model = GLLAMM.from_formula("b ~ x + z + (1 | g)", data, family=BINOMIAL)
    res = model.fit_regularized("ridge", 10.0, n_quad=15, tol=1e-12)
    h = model.information(res.params, n_quad=15)
    h[[1, 2], [1, 2]] += 10
    np.testing.assert_allclose(res.bse, np.sqrt(np.diag(np.linalg.inv(h))), rtol=1e-3)
    score = model.score(res.params, n_quad=15)  # what the penalty pulls back
    np.testing.assert_allclose(score, np.array([0, *(10 * res.fe_params.iloc[1:]), 0]), atol=2e-4)


def firth_by_hand(x, y):
    """Firth's estimates of a logistic regression (p,), and its information there (p, p)."""
    def information(beta):
        mu = 1 / (1 + np.exp(-x @ beta))
        return x.T @ (x * (mu * (1 - mu))[:, None])

    def minus(beta):
        nu = x @ beta
        return -(y @ nu - np.logaddexp(0, nu).sum() + 0.5 * np.linalg.slogdet(information(beta))[1])

    beta = minimize(minus, np.zeros(x.shape[1]), method="BFGS", options={"gtol": 1e-8}).x
    return beta, information(beta), -minus(beta)


def test_firth_without_latent_variables(separated):
    model = GLLAMM.from_formula("y ~ x + z", separated, family=BINOMIAL)
    with pytest.warns(SeparationWarning, match="fit_regularized"):
        model.fit()
    res = model.fit_regularized("firth", tol=1e-12)
    x = sm.add_constant(separated[["x", "z"]]).to_numpy()
    beta, information, value = firth_by_hand(x, separated["y"].to_numpy())
    assert res.converged
    np.testing.assert_allclose(res.params, beta, atol=2e-4)
    np.testing.assert_allclose(res.bse, np.sqrt(np.diag(np.linalg.inv(information))), rtol=1e-4)
    np.testing.assert_allclose(res.llf + res.penalty.value, value, atol=1e-5)


def test_firth_of_a_saturated_table_adds_half_to_each_cell():
    """Jeffreys' prior of a binomial proportion: (y + 1/2) / (n + 1)."""
    data = pd.DataFrame({"y": [0, 7], "n": [5, 9], "a": ["u", "v"]})
    model = GLLAMM.from_formula("y + f ~ 0 + a", data.assign(f=data["n"] - data["y"]),
                                family=BINOMIAL)
    res = model.fit_regularized("firth", tol=1e-12)
    np.testing.assert_allclose(1 / (1 + np.exp(-res.params)), [0.5 / 6, 7.5 / 10], atol=1e-6)


def test_separated_mixed_models_have_finite_estimates(separated):
    model = GLLAMM.from_formula("y ~ x + z + (1 | g)", separated, family=BINOMIAL)
    with pytest.warns(SeparationWarning, match="fit_regularized"):
        model.fit()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = {method: model.fit_regularized(method) for method in ("ridge", "student", "firth")}
    assert all(res.converged and 2 < res.params["z"] < 8 and res.bse["z"] < 2
               for res in found.values())
    res = found["firth"]
    block = model.information(res.params, n_quad=res.n_quad["g"])[:3, :3]
    np.testing.assert_allclose(res.penalty.value, 0.5 * np.linalg.slogdet(block)[1], atol=1e-3)


def models(data):
    """(model, methods of penalties) of several kinds."""
    def of(formula, family=BINOMIAL, **more):
        return GLLAMM.from_formula(formula, data, family=family, **more)

    every = ("ridge", "student", "joint", "firth")
    yield "gaussian", of("y ~ x + (x | g)", sm.families.Gaussian()), every
    yield "slopes", of("b ~ x + z + (x | g)"), every
    yield "constrained", of("b ~ x + z + (1 | g)", constraints="x = 2 * z"), every
    yield "ordinal", of("o ~ x + (1 | g)", families.Ordinal()), every
    yield "factor", of("b ~ 0 + item + x + (0 + f | g)", factors={"f": Factor("item")}), every
    yield "fixed", of("b ~ x + z"), every
    for centered in (False, True):
        classes = {"c": Classes(2, within="g", centered=centered)}
        yield "classes", of("b ~ x + (1 | c)", classes=classes), every[:3]


def test_gradients_and_information_are_those_of_the_penalised_likelihood(data, rng):
    for name, model, methods in models(data):
        design = model.design if model._linear is None else constrained(model.design, model._linear)
        start = design.to_working(model.start_params)
        working = start + 0.1 * rng.normal(size=len(start))
        for method in methods:
            kind, joint = ("student", True) if method == "joint" else (method, False)
            prior = penalty_of(model, kind, 2.0, 4.0, 0.7, 0.0, joint)[0]
            points = (5,) * len(model.structure.levels)
            objective = PenalizedObjective(model._likelihood(points, design=design), prior)
            h, value = 1e-5, objective.at(working, units=not objective.closed,
                                          information=objective.closed)
            gradient = [(objective.at(working + h * e).loglik - objective.at(working - h * e).loglik)
                        / (2 * h) for e in np.eye(len(working))]
            np.testing.assert_allclose(value.gradient, gradient, atol=2e-4, rtol=2e-4,
                                       err_msg=f"{name}, {method}")
            if kind != "firth":
                own = [-(objective.at(working + h * e).penalty.gradient()
                         - objective.at(working - h * e).penalty.gradient()) / (2 * h)
                       for e in np.eye(len(working))]
                np.testing.assert_allclose(value.penalty.curvature, own, atol=1e-5)


@pytest.mark.filterwarnings("ignore:at the boundary")
@pytest.mark.parametrize("method", ["ridge", "student"])
@pytest.mark.parametrize("bars", ["(1 | c)", "(1 | c) + (1 | g)"])
def test_classes_at_the_penalised_maximum(data, method, bars):
    """The score of the likelihood is minus that of the penalty."""
    model = GLLAMM.from_formula(f"b ~ x + {bars}", data, family=BINOMIAL,
                                classes={"c": Classes(2, within="g")})
    res = model.fit_regularized(method, {"x": 3.0}, rng=0, starts=3, n_quad=5)
    t, at = res.params["x"], model.param_names.index("x")
    score = model.score(res.params, n_quad=5)
    slope = 3.0 * (t if method == "ridge" else 4 * t / (3 + t**2))
    np.testing.assert_allclose(score[at], slope, atol=2e-3)
    others = [i for i, name in enumerate(model.param_names)
              if i != at and name not in res.record.boundary]
    np.testing.assert_allclose(score[others], 0, atol=2e-3)
    assert abs(slope) > 0.1 and len(res.optima)


def test_results_say_so_and_refuse(data):
    model = GLLAMM.from_formula("b ~ x + z + (1 | g)", data, family=BINOMIAL)
    plain, res = model.fit(), model.fit_regularized("ridge", 2.0)
    assert plain.penalty is None and res.penalty.method == "ridge"
    assert res.llf < plain.llf and res.llf + res.penalty.value > plain.llf - 1
    text = str(res.summary())
    assert "Penalized:" in text and "AIC" not in text
    assert "ridge (alpha = 2) of 2 coefficients" in " ".join(text.split())
    assert "AIC" not in str(res.summary2()) and "AIC" in str(plain.summary())
    for name in ("aic", "bic", "aicc"):
        with pytest.raises(ValueError, match=f"{name} is not available for a penalised fit"):
            getattr(res, name)
    for refused in (lambda: plain.lr_test(res), lambda: res.lr_test(plain),
                    lambda: plain.compare(res)):
        with pytest.raises(ValueError, match="not available for a penalised fit"):
            refused()
    again = pickle.loads(pickle.dumps(res))
    again.remove_data()
    assert "ridge" in str(again.summary()) and again.penalty == res.penalty
    assert np.isfinite(res.with_cov_type("robust").bse).all()
    assert np.isfinite(res.predict()).all()


def test_options_are_checked(data):
    model = GLLAMM.from_formula("b ~ x + z + (1 | g)", data, family=BINOMIAL)
    alone = GLLAMM.from_formula("b ~ 1 + (1 | g)", data, family=BINOMIAL)
    classes = GLLAMM.from_formula("b ~ x + (1 | c)", data, family=BINOMIAL,
                                  classes={"c": Classes(2, within="g")})
    for wrong, error, text in (
            (lambda: model.fit_regularized("elastic_net"), NotImplementedError, "L1"),
            (lambda: model.fit_regularized(L1_wt=0.5), NotImplementedError, "L1"),
            (lambda: model.fit_regularized("lasso2"), ValueError, "'ridge', 'student', 'firth'"),
            (lambda: model.fit_regularized(alpha=-1), ValueError, "alpha is not negative"),
            (lambda: model.fit_regularized(alpha=[1, 2]), ValueError, "alpha has shape"),
            (lambda: model.fit_regularized(alpha={"q": 1}), ValueError, "'q', which is no parameter"),
            (lambda: model.fit_regularized(alpha={"var[Intercept[g]]": 1}), ValueError,
             "is not a coefficient"),
            (lambda: model.fit_regularized("student", scale=0), ValueError, "scale is positive"),
            (lambda: model.fit_regularized("student", df=0), ValueError, "df is a positive number"),
            (lambda: model.fit_regularized("student", alpha={"x": 1, "z": 2}, joint=True), ValueError,
             "joint prior"),
            (lambda: model.fit_regularized("firth", alpha=[1, 1, 1]), ValueError, "is a number"),
            (lambda: model.fit_regularized(refit=True), TypeError, "no keyword 'refit'"),
            (lambda: model.fit_regularized(integration="pql"), ValueError, "no likelihood"),
            (alone.fit_regularized, ValueError, "no coefficient to penalise"),
            (lambda: classes.fit_regularized("firth"), NotImplementedError, "latent classes")):
        with pytest.raises(error, match=text):
            wrong()


def test_loadings_and_weights_can_be_penalised(data):
    """A vanishing scale holds loadings at their centre; alpha of zero is no penalty."""
    factor = {"f": Factor("item")}
    model = GLLAMM.from_formula("y ~ 0 + item + (0 + f | g)", data, factors=factor)
    loadings = [f"lambda[f,{item}]" for item in "bcdef"]
    one = pd.Series(1.0, index=loadings)
    res = model.fit_regularized("ridge", 1e7 * one, center=dict(one))
    rasch = model.fit_constrained(dict(one))
    np.testing.assert_allclose(res.params, rasch.params, atol=1e-3)
    np.testing.assert_allclose(res.llf, rasch.llf, atol=1e-3)
    weak = model.fit_regularized("student", 1e-12 * one)
    np.testing.assert_allclose(weak.params, model.fit().params, atol=1e-5)


def test_statsmodels_ridge_of_a_glm():
    """``GLM.fit_regularized`` divides the log-likelihood by the rows: its alpha is ours over n."""
    data = datasets.epilep.load_pandas().data
    model = GLLAMM.from_formula("y ~ lbas + treat + lage", data, family=sm.families.Poisson())
    res = model.fit_regularized("ridge", np.full(4, 5.0))
    glm = sm.GLM.from_formula("y ~ lbas + treat + lage", data, family=sm.families.Poisson())
    other = glm.fit_regularized(alpha=5.0 / len(data), L1_wt=0.0)
    np.testing.assert_allclose(res.params, other.params, atol=1e-4)


def test_any_rule_and_any_search(data):
    """Laplace's approximation with a penalty, maximised by scipy as well; other searches agree."""
    model = GLLAMM.from_formula("b ~ x + z + (1 | g)", data, family=BINOMIAL)

    def minus(p):
        loglik = model.loglike(np.append(p[:3], np.exp(p[3])), integration="laplace")
        return -(loglik - 2 * np.log1p((p[1:3] / 0.3) ** 2 / 3).sum())

    best = minimize(minus, np.zeros(4), method="BFGS")
    for search in ("newton", "bfgs"):
        res = model.fit_regularized("student", scale=0.3, integration="laplace", opt_method=search)
        np.testing.assert_allclose(res.params, np.append(best.x[:3], np.exp(best.x[3])), atol=1e-4)
        np.testing.assert_allclose(res.llf + res.penalty.value, -best.fun, atol=1e-6)
