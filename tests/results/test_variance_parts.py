"""Intraclass correlations and R-squared against closed forms, brute force and published numbers."""

import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
from scipy.special import expit, ndtri
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Classes, Factor, families
from statsmodels_gllamm.results.r_squared import parts_at

BINOMIAL, POISSON = sm.families.Binomial(), sm.families.Poisson()
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(60)
WEIGHTS = WEIGHTS / WEIGHTS.sum()


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(11)
    n = 480
    school, room = np.arange(n) // 40, np.arange(n) // 8
    x, z = rng.normal(size=(2, n))
    nu = 0.2 + 0.6 * x + 0.7 * rng.normal(size=12)[school] + rng.normal(size=60)[room]
    return pd.DataFrame({
        "school": school, "room": room, "x": x, "z": z, "a": nu + 0.8 * rng.normal(size=n),
        "y": (rng.random(n) < expit(nu)).astype(int), "k": rng.poisson(np.exp(0.5 * nu)),
        "grade": np.digitize(nu + rng.logistic(size=n), [-1, 1]), "item": np.tile(list("uvwt"), n // 4),
        "w": 1 + room % 2})


def three_levels(response, data, family):
    formula = f"{response} ~ x + (1 | school) + (1 | school:room)"
    return GLLAMM.from_formula(formula, data, family=family).fit(n_quad=5)


@pytest.fixture(scope="module")
def logit(data):
    return three_levels("y", data, BINOMIAL)


@pytest.fixture(scope="module")
def poisson(data):
    return three_levels("k", data, POISSON)


def variances(params):
    return params["var[Intercept[school]]"], params["var[Intercept[school:room]]"]


def checked(fit, table, function):
    """A table against a function of the parameters, with errors by ``nonlinear``."""
    hand = fit.nonlinear(lambda p: function(pd.Series(p, fit.model.param_names)))
    assert_allclose(table["estimate"], hand["estimate"], rtol=1e-6)
    assert_allclose(table["std_err"], hand["std_err"], rtol=1e-4)


def test_gaussian(data):
    fit = three_levels("a", data, sm.families.Gaussian())

    def icc(p):
        s, r = variances(p)
        total = s + r + np.exp(2 * p["logsd[Intercept]"])
        return [(s + r) / total, s / total]

    found = fit.icc()
    assert list(found.index) == ["school:room", "school"]
    checked(fit, found, icc)
    robust = fit.with_cov_type("robust")
    checked(robust, robust.icc(), icc)
    value, error = found.loc["school", ["estimate", "std_err"]]
    half = ndtri(0.95) * error / (value * (1 - value))
    odds = np.log(value / (1 - value))
    low = fit.icc(alpha=0.1).loc["school", ["conf_low", "conf_high"]]
    assert_allclose(low.astype(float), expit([odds - half, odds + half]), rtol=1e-8)
    checked(fit, fit.icc(at={"x": 0.3}, scale="response"), icc)


@pytest.mark.parametrize("link, variance", [("logit", np.pi**2 / 3), ("probit", 1.0),
                                            ("cloglog", np.pi**2 / 6)])
def test_latent_responses(data, link, variance):
    links = {"logit": "Logit", "probit": "Probit", "cloglog": "CLogLog"}
    family = sm.families.Binomial(getattr(sm.families.links, links[link])())
    binary = GLLAMM.from_formula("y ~ x + (1 | room)", data, family=family)
    ordinal = GLLAMM.from_formula("grade ~ x + (1 | room)", data, family=families.Ordinal(link))
    for model in (binary, ordinal):
        fit = model.fit(integration="laplace")
        checked(fit, fit.icc(), lambda p: p["var[Intercept[room]]"] / (
            p["var[Intercept[room]]"] + variance))


@pytest.mark.filterwarnings("ignore:the error of the rule")
def test_others_with_latent_responses(data):
    times = data.assign(t=np.exp(data.a))
    fit = GLLAMM.from_formula("t ~ x + (1 | room)", times, family=families.Weibull()).fit(n_quad=5)
    checked(fit, fit.icc(), lambda p: p["var[Intercept[room]]"] / (
        p["var[Intercept[room]]"] + np.pi**2 / 6 * np.exp(-2 * p["logshape[Intercept]"])))
    fit = GLLAMM.from_formula("a ~ x + (1 | room)", data, family=families.StudentT(df=5)).fit(n_quad=5)
    checked(fit, fit.icc(), lambda p: p["var[Intercept[room]]"] / (
        p["var[Intercept[room]]"] + 5 / 3 * np.exp(2 * p["logsd[Intercept]"])))
    fit = GLLAMM.from_formula("grade ~ x + (1 | room)", data, family=families.Ordinal(),
                              dispersion="z").fit(n_quad=5)
    with pytest.raises(ValueError, match=r"what matters is z\); say at which values, at=\{'z': ...\}"):
        fit.icc()
    checked(fit, fit.icc(at={"z": 0.5}), lambda p: p["var[Intercept[room]]"] / (
        p["var[Intercept[room]]"] + np.pi**2 / 3 * np.exp(p["logscale[z]"])))


def test_random_slopes(data):
    fit = GLLAMM.from_formula("a ~ x + (x | room)", data).fit()
    with pytest.raises(ValueError, match="differs between rows"):
        fit.icc()
    found = fit.icc(at={"x": [0, 2]})
    assert list(found.index) == [(0, "room"), (2, "room")]
    psi = ["var[Intercept[room]]", "cov[Intercept[room],x[room]]", "var[x[room]]"]

    def icc(p):
        v = [p[psi] @ [1, 2 * x, x * x] for x in (0, 2)]
        return [one / (one + np.exp(2 * p["logsd[Intercept]"])) for one in v]

    checked(fit, found, icc)
    rows = fit.icc(at=data[:3])
    assert_allclose(rows["estimate"], fit.icc(at={"x": data.x[:3].tolist()})["estimate"], rtol=1e-10)
    fit.remove_data()
    assert_allclose(fit.icc(at=data[:3]), rows, rtol=1e-8)
    with pytest.raises(ValueError, match=r"remove_data\(\) has removed"):
        fit.icc()


def test_loadings(data):
    fit = GLLAMM.from_formula("a ~ item + (0 + f | room)", data, factors={"f": Factor("item")}).fit()
    with pytest.raises(ValueError, match="what matters is item"):
        fit.icc()
    found = fit.icc(at={"item": list("tv")})
    v, residual = fit.params["var[f[room]]"], np.exp(2 * fit.params["logsd[Intercept]"])
    size = v * np.array([1, fit.params["lambda[f,v]"] ** 2])
    assert_allclose(found["estimate"], size / (size + residual), rtol=1e-8)
    with pytest.raises(ValueError, match="at has 'item' = 'q'; there are t, u, v, w"):
        fit.icc(at={"item": "q"})


def test_counts(poisson):
    """Closed forms of the log link."""
    def icc(p):
        s, r = variances(p)
        mean = np.exp(p["Intercept"] + 0.5 * p["x"] + (s + r) / 2)
        total = mean + mean**2 * np.expm1(s + r)
        return [mean**2 * np.expm1(s + r) / total, mean**2 * np.expm1(s) / total]

    checked(poisson, poisson.icc(at={"x": 0.5}), icc)
    with pytest.raises(ValueError, match="no latent response with a variance"):
        poisson.icc(scale="latent")


def test_probabilities(logit):
    """By quadrature over both levels."""
    def icc(p):
        s, r = np.sqrt(variances(p))
        nu = p["Intercept"] - 0.4 * p["x"]
        f = expit(nu + s * NODES[:, None] + r * NODES)
        mean, shared = WEIGHTS @ f @ WEIGHTS, f @ WEIGHTS
        total = mean * (1 - mean)
        return [(WEIGHTS @ f**2 @ WEIGHTS - mean**2) / total, (WEIGHTS @ shared**2 - mean**2) / total]

    checked(logit, logit.icc(at={"x": -0.4}, scale="response"), icc)


def test_median_odds_ratio(logit, data):
    checked(logit, logit.median_odds_ratio(), lambda p: np.exp(
        ndtri(0.75) * np.sqrt(2 * np.array(variances(p)[::-1]))))
    table = logit.median_odds_ratio()
    assert (table["conf_low"] > 1).all() and (table["conf_low"] < table["estimate"]).all()
    log = np.log(table)
    assert_allclose(log["conf_high"] / log["estimate"], log["estimate"] / log["conf_low"])
    fit = GLLAMM.from_formula("a ~ x + (1 | room)", data).fit()
    with pytest.raises(NotImplementedError, match="is for the links logit, cloglog, log"):
        fit.median_odds_ratio()


@pytest.mark.filterwarnings("ignore:at the boundary")
def test_boundary(data):
    alike = data.x - data.groupby("room").x.transform("mean")
    fit = GLLAMM.from_formula("x ~ 1 + (1 | room)", data.assign(x=alike)).fit()
    assert fit.params["var[Intercept[room]]"] == 0
    assert fit.icc()["estimate"].item() == 0
    assert fit.icc().iloc[0, 1:].isna().all()


def test_nominal(data):
    fit = GLLAMM.from_formula("item ~ x + (1 | room)", data, family=families.Nominal(), covariances={
        "room": [[1.0, 0, 0], [0, 0.5, 0], [0, 0, 2.0]]}).fit(integration="laplace")
    v = np.array([1, 0.5, 2])
    found = fit.icc()
    assert list(found.index) == [("room", "u"), ("room", "v"), ("room", "w")]
    assert_allclose(found["estimate"], v / (v + np.pi**2 / 3))


def test_sleepstudy(reference):
    """lme4's REML estimates give MuMIn's numbers (its help page of r.squaredGLMM)."""
    data = reference("sleepstudy")[0]
    fit = GLLAMM.from_formula("Reaction ~ Days + (Days | Subject)", data).fit()
    params = pd.Series(fit.params)
    fixed = params["Days"] ** 2 * data.Days.var()
    x = fit.model.exog
    between = np.einsum("np,pq,nq->n", x, fit.cov_re["Subject"], x).mean()
    total = fixed + between + fit.scale
    found = fit.r_squared()
    assert list(found.index) == ["marginal", "conditional"]
    assert_allclose(found["estimate"], [fixed / total, (fixed + between) / total], rtol=1e-8)
    parts = fit.variance_parts()
    assert_allclose(parts["variance"], [fixed, between, fit.scale, total], rtol=1e-8)
    reml = params.copy()
    reml.iloc[:] = [251.405, 10.4673, 612.10, 24.7407 * 5.9221 * 0.0656, 5.9221**2, np.log(25.5918)]
    fixed, between, residual = parts_at(fit, None)[0](fit.model.design.to_working(reml.to_numpy()))
    total = fixed + between + residual
    assert_allclose([fixed / total, (fixed + between) / total], [0.2786511, 0.7992199], atol=2e-5)

    def shares(p):
        days = data.Days.to_numpy()
        a = p["Days"] ** 2 * days.var(ddof=1)
        b = np.mean(p.iloc[2] + 2 * p.iloc[3] * days + p.iloc[4] * days**2)
        c = np.exp(2 * p.iloc[5])
        return [a / (a + b + c), (a + b) / (a + b + c)]

    checked(fit, found, shares)
    null = GLLAMM.from_formula("Reaction ~ 1 + (Days | Subject)", data).fit()
    both = fit.r_squared(null=null)
    before = null.variance_parts()["variance"]
    assert_allclose(both.loc["reduction: Subject", "estimate"], 1 - between_of(fit) / before["Subject"])
    with pytest.raises(ValueError, match="cannot be compared"):
        fit.r_squared(null=GLLAMM.from_formula("Reaction ~ 1 + (Days | Subject)", data[:90]).fit())


def between_of(fit):
    return fit.variance_parts().loc["Subject", "variance"]


def test_r_squared_of_levels(logit, data):
    s, r = variances(logit.params)
    fixed = np.var(logit.model.exog @ logit.fe_params, ddof=1)
    total = fixed + s + r + np.pi**2 / 3
    found = logit.r_squared()
    assert list(found.index) == ["marginal", "with school", "conditional"]
    assert_allclose(found["estimate"], np.cumsum([fixed, s, r]) / total, rtol=1e-8)


def test_law_of_total_variance(poisson, logit, data):
    for fit in (poisson, logit):
        parts = fit.variance_parts("response")["variance"]
        mean, variance = fit.predict(), fit.predict(which="var")
        assert_allclose(parts["fixed"], mean.var(), rtol=1e-8)
        assert_allclose(parts["total"] - parts["fixed"], variance.mean(), rtol=1e-6)
    s, r = variances(poisson.params)
    mean = poisson.predict()
    parts = poisson.variance_parts()["variance"]
    assert_allclose(parts["school"], np.mean(mean**2) * np.expm1(s), rtol=1e-6)
    assert_allclose(parts["residual"], mean.mean(), rtol=1e-8)


def test_weights_are_copies(data):
    copies = pd.concat([data, data[data.w == 2].assign(room=lambda d: d.room + 1000)])
    one = GLLAMM.from_formula("k ~ x + (1 | room)", data, family=POISSON, freq_weights={"room": "w"})
    other = GLLAMM.from_formula("k ~ x + (1 | room)", copies, family=POISSON)
    one, other = (model.fit(n_quad=7, tol=1e-12).r_squared() for model in (one, other))
    assert_allclose(one, other, rtol=1e-4)


def test_refused(data):
    plain = GLLAMM.from_formula("y ~ x", data, family=BINOMIAL).fit()
    with pytest.raises(ValueError, match="needs latent variables"):
        plain.icc()
    assert list(plain.r_squared().index) == ["marginal"]
    classes = GLLAMM.from_formula("y ~ x + (1 | c)", data, family=BINOMIAL,
                                  classes={"c": Classes(2, within="room", centered=True)}).fit(rng=0)
    for method in ("icc", "r_squared", "median_odds_ratio"):
        with pytest.raises(NotImplementedError, match="not available for models with latent classes"):
            getattr(classes, method)()
    with pytest.raises(ValueError, match="scale must be 'latent' or 'response'"):
        GLLAMM.from_formula("a ~ x + (1 | room)", data).fit().icc(scale="data")
