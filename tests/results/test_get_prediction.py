"""Standard errors and intervals of predictions, against GLM, closed forms and brute force."""

import pickle

import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
from scipy.special import expit
from scipy.stats import norm
import statsmodels.api as sm
import statsmodels.formula.api as smf

from statsmodels_gllamm import GLLAMM, Factor, families
from statsmodels_gllamm.exceptions import PrecisionWarning
from statsmodels_gllamm.results.delta import Coordinates, derivatives, variances

BINOMIAL, POISSON = sm.families.Binomial(), sm.families.Poisson()
LINKS = sm.families.links
FRAME = ["mean", "mean_se", "mean_ci_lower", "mean_ci_upper"]


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(5)
    n = 240
    data = pd.DataFrame({"id": np.repeat(np.arange(60), 4), "x": rng.normal(size=n),
                         "z": rng.normal(size=n), "item": np.tile(list("abcd"), 60)},
                        index=[f"r{i}" for i in range(n)])
    u, v = rng.normal(size=(2, 60))[:, data.id]
    nu = data.x * (1 + 0.7 * v) + 1.2 * u
    data["y"] = (rng.random(n) < expit(-0.3 + nu)) * 1
    data["k"] = rng.poisson(np.exp(0.2 + 0.6 * nu) * rng.gamma(3, 1 / 3, n)) * (rng.random(n) < 0.8)
    data["r"] = 1 + nu + rng.normal(size=n)
    data["kind"] = rng.choice(list("pqr"), n)
    data["grade"] = np.digitize(data.r, [0, 1, 2.5]) + 1
    return data


@pytest.fixture(scope="module")
def logit(data):
    return GLLAMM.from_formula("y ~ x + (1 | id)", data, family=BINOMIAL).fit(n_quad=15)


def slopes(function, params):
    """Derivatives (m, k) by the formula of fourth order."""
    out = []
    for k, value in enumerate(params):
        h = 1e-3 * max(abs(value), 0.1)
        one = np.zeros(len(params))
        one[k] = h
        a, b, c, d = (np.asarray(function(params + t * one)) for t in (1, -1, 2, -2))
        out.append((8 * (a - b) - (c - d)) / (12 * h))
    return np.stack(out, axis=-1)


def delta(results, function):
    """Standard errors of a function of the natural parameters."""
    j = slopes(function, np.asarray(results.params))
    cov = np.nan_to_num(np.asarray(results.cov_params()))
    return np.sqrt(np.einsum("...i,ij,...j->...", j, cov, j))


@pytest.mark.parametrize("family, response", [
    (BINOMIAL, "y"), (sm.families.Binomial(LINKS.Probit()), "y"),
    (sm.families.Binomial(LINKS.CLogLog()), "y"), (POISSON, "k")])
def test_without_latent_variables_as_glm(data, family, response):
    glm = smf.glm(f"{response} ~ x + z", data, family=family).fit(method="newton", tol=1e-14)
    ours = GLLAMM.from_formula(f"{response} ~ x + z", data, family=family).fit(tol=1e-12)
    new = pd.DataFrame({"x": [-1.0, 0.0, 3.0], "z": 0.5}, index=list("abc"))
    for alpha in (0.05, 0.2):
        exact = glm.get_prediction(new).summary_frame(alpha=alpha)
        found = ours.get_prediction(new).summary_frame(alpha=alpha)
        assert list(found.columns) == FRAME and list(found.index) == list("abc")
        assert_allclose(found, exact, rtol=2e-6)


def test_gaussian_mean_and_linear(data):
    res = GLLAMM.from_formula("r ~ x + (1 | id)", data).fit()
    x = np.column_stack([np.ones(240), data.x])
    v = res.cov_params().to_numpy()[:2, :2]
    se = np.sqrt(np.einsum("ni,ij,nj->n", x, v, x))
    for which in ("mean", "linear", "conditional"):
        found = res.get_prediction(which=which)
        assert_allclose(found.se, se, rtol=1e-6)
        assert_allclose(found.conf_int()[:, 1], found.predicted + norm.ppf(0.975) * se, rtol=1e-6)


def test_marginal_mean_of_counts(data):
    """exp(x'b + v / 2): the error of the variance takes part."""
    res = GLLAMM.from_formula("k ~ x + (1 | id)", data, family=POISSON).fit()
    found = res.get_prediction()
    mean = np.exp(res.params["Intercept"] + res.params["x"] * data.x + res.params.iloc[2] / 2)
    j = np.column_stack([np.ones(240), data.x, np.full(240, 0.5)]) * mean.to_numpy()[:, None]
    se = np.sqrt(np.einsum("ni,ij,nj->n", j, res.cov_params().to_numpy(), j))
    assert_allclose(found.predicted_mean, mean, rtol=1e-9)
    assert_allclose(found.se, se, rtol=1e-5)
    assert_allclose(found.conf_int(alpha=0.1)[:, 0], mean * np.exp(-norm.ppf(0.95) * se / mean),
                    rtol=1e-5)
    assert_allclose(found.conf_int("delta")[:, 0], mean - norm.ppf(0.975) * se, rtol=1e-5)
    every = res.get_prediction(average=True)
    assert_allclose(every.predicted, [mean.mean()], rtol=1e-9)
    average = j.mean(axis=0)
    assert_allclose(every.se, [np.sqrt(average @ res.cov_params().to_numpy() @ average)], rtol=1e-5)
    groups = res.get_prediction(average=data["item"], agg_weights=np.arange(240))
    one = (data["item"] == "b") * np.arange(240)
    assert_allclose(groups.predicted[1], (mean * one).sum() / one.sum(), rtol=1e-9)
    assert list(groups.summary_frame().index) == list("abcd")
    robust = res.with_cov_type("robust")
    v = robust.cov_params().to_numpy()
    assert_allclose(robust.get_prediction().se, np.sqrt(np.einsum("ni,ij,nj->n", j, v, j)), rtol=1e-5)
    assert not np.allclose(robust.get_prediction().se, se, rtol=1e-3)


def posterior_means(data, params):
    """E[expit(nu) | y] and its posterior sd, of all rows, by a fine rule."""
    b0, b1, v = params
    z = np.arange(-8, 8.001, 0.05)
    nu = (b0 + b1 * data.x.to_numpy())[:, None] + np.sqrt(v) * z
    y = data.y.to_numpy()[:, None]
    logs = pd.DataFrame(np.log(np.where(y == 1, expit(nu), expit(-nu)))).groupby(
        data.id.to_numpy()).sum().to_numpy() - z**2 / 2
    w = np.exp(logs - logs.max(axis=1, keepdims=True))
    w = (w / w.sum(axis=1, keepdims=True))[data.id]
    mean = (w * expit(nu)).sum(1)
    return mean, np.sqrt((w * (expit(nu) - mean[:, None]) ** 2).sum(1))


def test_posterior_mean(data, logit):
    found = logit.get_prediction(which="posterior", n_quad=25)
    mean, sd = posterior_means(data, logit.params)
    assert_allclose(found.predicted, mean, atol=1e-8)
    assert_allclose(found.posterior_sd, sd, atol=1e-7)
    se = delta(logit, lambda p: posterior_means(data, p)[0])
    assert_allclose(found.se, se, rtol=2e-5)
    assert_allclose(found.prediction_error, np.hypot(sd, se), rtol=1e-5)
    assert logit.get_prediction().posterior_sd is None


@pytest.mark.filterwarnings("ignore::statsmodels_gllamm.exceptions.BoundaryWarning")
def test_variance_at_the_boundary_counts_as_known(data):
    shuffled = data.assign(id=np.random.default_rng(1).permutation(np.arange(240) % 60))
    res = GLLAMM.from_formula("k ~ x + (1 | id)", shuffled.assign(k=1 + (data.z > 0)),
                              family=POISSON).fit()
    assert res.params["var[Intercept[id]]"] == 0
    plain = GLLAMM.from_formula("k ~ x", shuffled.assign(k=1 + (data.z > 0)), family=POISSON).fit()
    for which in ("mean", "posterior"):
        assert_allclose(res.get_prediction(which=which).se, plain.get_prediction().se, rtol=1e-5)
    robust = res.with_cov_type("robust").get_prediction().se
    assert np.isfinite(robust).all() and not np.allclose(robust, plain.get_prediction().se, rtol=0.01)


@pytest.mark.filterwarnings("ignore::statsmodels_gllamm.exceptions.IdentificationWarning")
def test_flat_direction(data):
    """Only the sum of two variances is known: what depends on their shares has no error."""
    two = GLLAMM.from_formula("r ~ 1 + (1 | one) ", data.assign(one=np.arange(240))).fit()
    assert np.isnan(two.bse[["var[Intercept[one]]", "logsd[Intercept]"]]).all()
    assert np.isfinite(two.get_prediction().se).all()
    assert_allclose(two.get_prediction().se, data.r.std(ddof=0) / np.sqrt(240), rtol=1e-4)
    assert np.isfinite(two.get_prediction(which="var").se).all()  # their sum is known
    assert np.isnan(two.get_prediction(which="var", given="zero").se).all()


def test_constraints(data):
    model = GLLAMM.from_formula("k ~ x + z + (1 + x | id)", data, family=POISSON)
    res = model.fit_constrained("x = 0.4, z = 0, cov[Intercept[id],x[id]] = 0")
    found = res.get_prediction(which="mean")

    def mean(p):
        v = p[3] + 2 * p[4] * data.x + p[5] * data.x**2
        return np.exp(p[0] + p[1] * data.x + p[2] * data.z + v / 2)

    assert_allclose(found.predicted, mean(np.asarray(res.params)), rtol=1e-8)
    assert_allclose(found.se, delta(res, mean), rtol=1e-5)


def test_several_columns(data):
    res = GLLAMM.from_formula("grade ~ x + (1 | id)", data, family=families.Ordinal()).fit()
    found = res.get_prediction(data[:3], which="prob")
    frame = found.summary_frame()
    assert list(frame.columns[:4]) == [(1, name) for name in FRAME]
    assert frame.shape == (3, 16) and found.conf_int().shape == (3, 4, 2)
    assert list(frame.index) == list(data.index[:3])
    total = found.cov().reshape(3, 4, 3, 4).sum(axis=(1, 3))
    assert_allclose(total, 0, atol=1e-12)  # probabilities sum to one
    p = frame[2]
    odds = np.log(p["mean"] / (1 - p["mean"]))
    half = norm.ppf(0.975) * p["mean_se"] / (p["mean"] * (1 - p["mean"]))
    assert_allclose(p["mean_ci_upper"], expit(odds + half), rtol=1e-9)
    mean = res.get_prediction(data[:3])
    assert mean.scale_names == ("logit between 1 and 4",)
    values = np.einsum("mkd,k->md", found.derivative, np.arange(1, 5))
    assert_allclose(mean.derivative, values, atol=1e-7)
    assert (mean.conf_int() > 1).all() and (mean.conf_int() < 4).all()


KINDS = {
    "slopes": ("y ~ x + (1 + x | id)", {"family": BINOMIAL}),
    "factor": ("k ~ 0 + item + (0 + a | id)", {
        "family": POISSON, "factors": {"a": Factor("item", loadings=[1, None, 1, None])}}),
    "nominal": ("kind ~ x + z", {"family": families.Nominal()}),
    "negative binomial": ("k ~ x + (1 | id)", {"family": families.NegativeBinomial()}),
    "zero-inflated": ("k ~ x + (1 | id)", {"family": families.ZeroInflated(POISSON, "1")}),
    "regression": ("r ~ 0 + item + (0 + a | id)", {
        "factors": {"a": Factor("item")}, "regressions": ["a ~ w"]}),
    "mixed": ("v ~ 0 + part + x:part + (1 | id)", {
        "family": {"y": BINOMIAL, "k": POISSON}, "family_by": "part"}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_of_models(data, kind):
    """Against derivatives in the natural parameters."""
    formula, options = KINDS[kind]
    data = data.assign(w=data.groupby("id").z.transform("first"))
    if kind == "mixed":
        data = data.melt(["id", "x"], ["y", "k"], var_name="part", value_name="v")
    res = GLLAMM.from_formula(formula, data, **options).fit(maxiter=100)
    new = data[::17].copy()
    asked = [("prob", "prior"), ("prob", "posterior")] if kind == "nominal" else [
        ("mean", None), ("posterior", None), ("var", "zero")]
    for which, given in asked:
        found = res.get_prediction(new, which=which, given=given)
        assert np.isfinite(np.asarray(res.bse)).all()
        exact = delta(res, lambda p, which=which, given=given: res.model.predict(
            p, new, which=which, given=given, n_quad=res.record.n_quad))
        assert_allclose(found.se, exact, rtol=2e-4, atol=1e-10)
        assert_allclose(found.predicted, res.predict(new, which=which, given=given))
        assert np.isfinite(found.conf_int()).all()


def test_rows_labels_and_storing(data, logit):
    new = data[:4].copy()
    new.iloc[1, new.columns.get_loc("x")] = np.nan
    found = logit.get_prediction(new)
    assert np.isnan(found.summary_frame().iloc[1]).all() and found.se[0] > 0
    frame = logit.get_prediction(new, row_labels=list("abcd")).summary_frame()
    assert list(frame.index) == list("abcd")
    again = pickle.loads(pickle.dumps(logit))
    assert_allclose(again.get_prediction(new).se, found.se, rtol=1e-10)
    assert_allclose(pickle.loads(pickle.dumps(found)).conf_int(), found.conf_int())
    again.remove_data()
    assert_allclose(again.get_prediction(new).se, found.se, rtol=1e-6)
    with pytest.raises(ValueError, match="removed"):
        again.get_prediction(which="posterior")
    with pytest.raises(ValueError, match="method is one of"):
        found.conf_int(method="wald")
    with pytest.raises(ValueError, match="agg_weights must be 4 numbers"):
        logit.get_prediction(new, average=True, agg_weights=[1, 2])
    with pytest.raises(ValueError, match="average has missing labels"):
        logit.get_prediction(new, average=["a", None, "b", "b"])


def coordinates(cov, flat=()):
    n = len(cov)
    flat = np.array(flat, dtype=float).reshape(n, -1)
    return Coordinates(np.full(n, 0.3), lambda phi: phi, np.arange(n), np.asarray(cov), flat)


def test_steps_are_checked():
    """A function that bends within a thousandth of a standard error is differenced anew; one that
    jumps is warned of; one that is rough by rounding only is not."""
    at = coordinates(np.diag([1.0, 4.0]))
    value, slope = derivatives(lambda phi: np.array([np.sin(60 * phi[0]) + phi[1]]), at)
    assert_allclose(slope, [[60 * np.cos(18.0), 1.0]], rtol=2e-3)
    with pytest.warns(PrecisionWarning, match="do not settle in 1 of 2"):
        derivatives(lambda phi: np.array([phi.sum(), np.floor(700 * phi[0]) + phi[1]]), at)
    rough = np.random.default_rng(0)
    value, slope = derivatives(
        lambda phi: np.array([1 + phi.sum() + 1e-12 * rough.normal()]), at)
    assert_allclose(slope, [[1.0, 1.0]], atol=1e-7)
    assert_allclose(variances(slope, at.cov), 5.0, rtol=1e-7)


def test_directions_without_standard_errors():
    at = coordinates([[1.0, 0.0], [0.0, np.nan]])
    slope = np.array([[2.0, 0.0], [2.0, 1.0]])
    assert_allclose(variances(slope, at.cov), [4.0, np.nan])
    at = coordinates(np.eye(2), [[1.0, -1.0]])
    _, slope = derivatives(lambda phi: np.array([phi.sum(), phi[0]]), at)
    assert_allclose(slope, [[1.0, 1.0], [np.nan, np.nan]], atol=1e-9)


def test_labels_have_no_mean(data):
    res = GLLAMM.from_formula("kind ~ x", data, family=families.Nominal()).fit()
    with pytest.raises(ValueError, match="categories that are not numbers.*use which='prob'"):
        res.get_prediction()
    with pytest.raises(NotImplementedError, match="have no order; predict\\(which='prob'\\) has their"):
        res.plot_qq()
