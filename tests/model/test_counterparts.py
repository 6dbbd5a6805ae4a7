"""Without latent variables every response is a model of statsmodels, or of a formula written here.

Each pair is fitted to the same data: maximum log-likelihoods agree to 1e-6 of their size at least,
coefficients to 1e-4 after mapping one parametrisation to the other.
"""
import warnings

import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
from scipy import optimize, special, stats
import statsmodels.api as sm
from statsmodels.discrete.conditional_models import ConditionalMNLogit
from statsmodels.discrete.count_model import (
    ZeroInflatedGeneralizedPoisson,
    ZeroInflatedNegativeBinomialP,
    ZeroInflatedPoisson,
)
from statsmodels.discrete.discrete_model import GeneralizedPoisson, MNLogit, NegativeBinomialP
from statsmodels.discrete.truncated_model import (
    HurdleCountModel,
    TruncatedLFNegativeBinomialP,
    TruncatedLFPoisson,
)
from statsmodels.miscmodels.ordinal_model import OrderedModel
from statsmodels.othermod.betareg import BetaModel
from statsmodels.tools.numdiff import approx_hess

from statsmodels_gllamm import GLLAMM, families

POISSON, GAUSSIAN = sm.families.Poisson(), sm.families.Gaussian()
N = 600


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(71)
    x, z = rng.normal(size=N), rng.integers(0, 2, N).astype(float)
    nu = 0.6 * x - 0.5 * z
    mu = np.exp(0.5 + nu)
    data = pd.DataFrame({"x": x, "z": z})
    data["grade"] = np.digitize(nu + rng.logistic(size=N), [-1.0, 0.3, 1.5])
    value = np.stack([np.zeros(N), 0.4 + nu, -0.2 - nu], axis=1) + rng.gumbel(size=(N, 3))
    data["kind"] = np.array(["bus", "car", "rail"])[value.argmax(axis=1)]
    data["count"] = rng.negative_binomial(1.5, 1.5 / (1.5 + mu))
    data["nb1"] = rng.negative_binomial(mu / 0.8, 1 / 1.8)
    data["many"] = np.where(rng.random(N) < special.expit(-0.8 + z), 0, data["count"])
    data["share"] = rng.beta(4 * special.expit(nu), 4 * special.expit(-nu))
    data["time"] = mu * rng.weibull(1.6, N)
    data["normal"] = np.exp(0.5 + nu + 0.7 * rng.normal(size=N))
    data["number"] = 0.4 + nu + rng.normal(size=N)
    data["end"] = rng.uniform(0.5, 4.0, N)
    data["offset"] = rng.normal(size=N) / 4
    return data


def gllamm(formula, data, **options):
    return GLLAMM.from_formula(formula, data, **options).fit(tol=1e-11)


def exog(data, *columns):
    return sm.add_constant(data[list(columns or ("x", "z"))])


def quiet(model, **options):
    """A fit of statsmodels whose optimiser may complain of its own rounding."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(**{"disp": 0, "maxiter": 2000, "method": "bfgs", "gtol": 1e-7, **options})


class Minimum(stats.rv_continuous):
    """The distribution of the complementary log-log link."""

    def _cdf(self, x):
        return -np.expm1(-np.exp(x))

    def _pdf(self, x):
        return np.exp(x - np.exp(x))


@pytest.mark.parametrize(("link", "distr"), [
    ("logit", "logit"), ("probit", "probit"), ("cloglog", Minimum()), ("cauchit", stats.cauchy)],
    ids=["logit", "probit", "cloglog", "cauchit"])
def test_ordinal(data, link, distr):
    ours = gllamm("grade ~ x + z", data, family=families.Ordinal(link))
    model = OrderedModel(data["grade"], data[["x", "z"]], distr=distr)
    theirs = quiet(model)
    assert_allclose(ours.llf, theirs.llf, rtol=1e-8)
    assert_allclose(ours.params[:2], theirs.params[:2], atol=1e-4)
    cuts = model.transform_threshold_params(theirs.params)[1:-1]
    assert_allclose(ours.params[2:], cuts, atol=1e-4)
    assert ours.params.index[2:].tolist() == ["cut[0|1]", "cut[1|2]", "cut[2|3]"]
    increments = gllamm("grade ~ x + z", data, family=families.Ordinal(link, increments=True))
    assert_allclose(increments.llf, ours.llf, rtol=1e-10)
    assert_allclose(increments.params[2:], theirs.params[2:], atol=1e-4)  # statsmodels' own


@pytest.mark.parametrize("base", ["bus", "rail"])
def test_nominal(data, base):
    ours = gllamm("kind ~ x + z", data, family=families.Nominal(base=base))
    codes = pd.Categorical(data["kind"], [base, *sorted({"bus", "car", "rail"} - {base})]).codes
    theirs = MNLogit(codes, exog(data)).fit(disp=0, tol=1e-10)
    assert_allclose(ours.llf, theirs.llf, rtol=1e-10)
    assert_allclose(ours.params, theirs.params.to_numpy().T.ravel(), atol=1e-5)
    others = sorted({"bus", "car", "rail"} - {base})
    assert ours.params.index.tolist() == [f"{k}[{v}]" for k in others for v in ("Intercept", "x", "z")]
    assert_allclose(ours.bse, theirs.bse.to_numpy().T.ravel(), rtol=1e-3)


def test_choice(data):
    """Sets of two rows: one of them chosen is a conditional logit of two groups' outcomes."""
    two = data.iloc[:400].copy()
    two["set"] = np.repeat(np.arange(200), 2)
    rng = np.random.default_rng(3)
    nu = two["x"].to_numpy().reshape(-1, 2)
    first = rng.random(200) < special.expit(nu[:, 0] - nu[:, 1])
    two["chosen"] = np.stack([first, ~first], axis=1).ravel().astype(float)
    ours = gllamm("chosen ~ x + z", two, family=families.Choice(set="set"))
    model = ConditionalMNLogit(two["chosen"].astype(int), two[["x", "z"]], groups=two["set"])
    theirs = quiet(model)
    assert_allclose(ours.llf, theirs.llf, rtol=1e-8)
    assert_allclose(ours.params, np.ravel(theirs.params), atol=1e-3)  # it starts at random


@pytest.mark.parametrize("kind", [1, 2])
def test_negative_binomial(data, kind):
    column = {1: "nb1", 2: "count"}[kind]
    ours = gllamm(f"{column} ~ x + z", data, family=families.NegativeBinomial(kind=kind))
    theirs = quiet(NegativeBinomialP(data[column], exog(data), p=kind))
    assert_allclose(ours.llf, theirs.llf, rtol=1e-8)
    assert_allclose(ours.params[:3], theirs.params[:3], atol=1e-4)
    assert_allclose(np.exp(-ours.params["logsize[Intercept]"]), theirs.params["alpha"], rtol=1e-4)
    assert_allclose(ours.bse[:3], theirs.bse[:3], rtol=2e-3)


@pytest.mark.parametrize("p", [1, 2])
def test_generalized_poisson(data, p):
    ours = gllamm("nb1 ~ x + z", data, family=families.GeneralizedPoisson(p), offset="offset")
    model = GeneralizedPoisson(data["nb1"], exog(data), p=p, offset=data["offset"])
    theirs = quiet(model)
    assert_allclose(ours.llf, theirs.llf, rtol=1e-8)
    assert_allclose(ours.params[:3], theirs.params[:3], atol=1e-4)
    assert_allclose(np.exp(ours.params["logdisp[Intercept]"]), theirs.params["alpha"], rtol=1e-4)


@pytest.mark.parametrize("link", ["Logit", "Probit", "CLogLog"])
def test_beta(data, link):
    link = getattr(sm.families.links, link)
    ours = gllamm("share ~ x + z", data, family=families.Beta(link()), dispersion="z")
    theirs = quiet(BetaModel(data["share"], exog(data), exog_precision=exog(data, "z"), link=link()))
    assert_allclose(ours.llf, theirs.llf, rtol=1e-8)
    assert_allclose(ours.params, theirs.params, atol=1e-4)
    assert_allclose(ours.bse, theirs.bse, rtol=2e-3)


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_zero_inflated_poisson(data, link):
    ours = gllamm("many ~ x", data, family=families.ZeroInflated(POISSON, "1 + z", link=link))
    theirs = quiet(ZeroInflatedPoisson(data["many"], exog(data, "x"), exog_infl=exog(data, "z"),
                                       inflation=link), maxiter=5000)
    assert_allclose(ours.llf, theirs.llf, rtol=1e-8)
    assert_allclose(ours.params, np.roll(theirs.params, -2), atol=1e-4)
    assert ours.params.index.tolist() == ["Intercept", "x", "zero[Intercept]", "zero[z]"]
    hessian = approx_hess(theirs.params.to_numpy(), theirs.model.loglike)  # its own is 10% off
    assert_allclose(ours.bse, np.roll(np.sqrt(np.diag(np.linalg.inv(-hessian))), -2), rtol=1e-3)


@pytest.mark.parametrize("kind", [1, 2])
def test_zero_inflated_negative_binomial(data, kind):
    family = families.ZeroInflated(families.NegativeBinomial(kind=kind), "1 + z")
    ours = gllamm("many ~ x", data, family=family)
    model = ZeroInflatedNegativeBinomialP(data["many"], exog(data, "x"), exog_infl=exog(data, "z"),
                                          p=kind)
    mapped = np.concatenate([ours.params[2:4], ours.params[:2], np.exp(-ours.params[4:])])
    assert_allclose(ours.llf, model.loglike(mapped), rtol=1e-10)
    theirs = quiet(model, start_params=mapped + 0.05)
    assert_allclose(ours.llf, theirs.llf, rtol=1e-8)
    assert_allclose(mapped, theirs.params, atol=1e-4)


def test_zero_inflated_generalized_poisson(data):
    family = families.ZeroInflated(families.GeneralizedPoisson(2), "1 + z")
    ours = gllamm("many ~ x", data, family=family)
    model = ZeroInflatedGeneralizedPoisson(data["many"], exog(data, "x"), exog_infl=exog(data, "z"),
                                           p=2)
    mapped = np.concatenate([ours.params[2:4], ours.params[:2], np.exp(ours.params[4:])])
    assert_allclose(ours.llf, model.loglike(mapped), rtol=1e-10)
    theirs = quiet(model, start_params=mapped + 0.05)
    assert_allclose(ours.llf, theirs.llf, rtol=1e-8)


@pytest.mark.parametrize("dist", ["poisson", "negbin"])
def test_hurdle(data, dist):
    """The positive part is statsmodels'; the zero part is a binary model of its own."""
    inner = {"poisson": POISSON, "negbin": families.NegativeBinomial()}[dist]
    family = families.Hurdle(inner, "1 + x + z", link="cloglog")
    ours = gllamm("many ~ x + z", data, family=family)
    model = HurdleCountModel(data["many"], exog(data), dist=dist, zerodist="poisson", p=2)
    theirs = quiet(model)
    positive = theirs.params.filter(regex="^(?!zm_)")
    crossing = theirs.params.filter(regex="^zm_").iloc[:3]
    # P(y = 0) = exp(-mu) there; here the cloglog of P(y = 0), so other coefficients
    plain = sm.GLM((data["many"] > 0).astype(int), exog(data),
                   family=sm.families.Binomial(sm.families.links.CLogLog())).fit(tol=1e-12)
    assert_allclose(crossing, plain.params, atol=1e-4)
    assert_allclose(ours.params[:3], positive[:3], atol=1e-4)
    zero = sm.GLM((data["many"] == 0).astype(int), exog(data),
                  family=sm.families.Binomial(sm.families.links.CLogLog())).fit(tol=1e-12)
    assert_allclose(ours.params[3:6], zero.params, atol=1e-4)
    assert_allclose(ours.llf - zero.llf, theirs.llf - plain.llf, rtol=1e-8)
    if dist == "negbin":
        assert_allclose(np.exp(-ours.params.iloc[-1]), positive.iloc[-1], rtol=1e-3)


def test_hurdle_of_the_other_link(data):
    """log-log of P(y = 0) is the clog-log of crossing the hurdle with the other sign."""
    ours = gllamm("many ~ x + z", data, family=families.Hurdle(POISSON, "1 + x + z", link="loglog"))
    theirs = quiet(HurdleCountModel(data["many"], exog(data), dist="poisson", zerodist="poisson"))
    assert_allclose(ours.llf, theirs.llf, rtol=1e-8)
    assert_allclose(ours.params[:3], theirs.params[3:], atol=1e-4)
    assert_allclose(-ours.params[3:], theirs.params[:3], atol=1e-4)


@pytest.mark.parametrize("dist", ["poisson", "negbin"])
def test_truncated(data, dist):
    positive = data[data["count"] > 0]
    if dist == "poisson":
        family, model = POISSON, TruncatedLFPoisson(positive["count"], exog(positive))
    else:
        family = families.NegativeBinomial()
        model = TruncatedLFNegativeBinomialP(positive["count"], exog(positive), p=2)
    ours = gllamm("count ~ x + z", positive, family=families.Truncated(family))
    theirs = quiet(model)
    assert_allclose(ours.llf, theirs.llf, rtol=1e-8)
    assert_allclose(ours.params[:3], theirs.params[:3], atol=1e-4)
    if dist == "negbin":
        assert_allclose(np.exp(-ours.params.iloc[3]), theirs.params["alpha"], rtol=1e-3)


def test_beta_binomial(data):
    rng = np.random.default_rng(9)
    size = rng.integers(2, 9, N)
    data = data.assign(yes=rng.binomial(size, data["share"]))
    data["no"] = size - data["yes"]
    ours = gllamm("yes + no ~ x + z", data, family=families.BetaBinomial())

    def loglike(p):
        mu, phi = special.expit(exog(data).to_numpy() @ p[:3]), np.exp(p[3])
        return stats.betabinom.logpmf(data["yes"], size, mu * phi, (1 - mu) * phi).sum()

    assert_against(ours, loglike)


def assert_against(ours, loglike):
    """Ours is a stationary point of a log-likelihood written down independently, and its value."""
    params = ours.params.to_numpy()
    assert_allclose(ours.llf, loglike(params), rtol=1e-10)
    found = optimize.minimize(lambda p: -loglike(p), params + 0.1, method="BFGS",
                              options={"gtol": 1e-5})
    assert_allclose(ours.llf, -found.fun, rtol=1e-9)
    assert_allclose(params, found.x, atol=1e-4)


# log of the location, and of the scale of log time: density and survivor function
DURATIONS = {
    "Weibull": (families.Weibull(), lambda nu, a: stats.weibull_min(np.exp(a), scale=np.exp(nu))),
    "Weibull-hazard": (families.Weibull("hazard"), lambda nu, a: stats.weibull_min(
        np.exp(a), scale=np.exp(-nu / np.exp(a)))),
    "LogNormal": (families.LogNormal(), lambda nu, a: stats.lognorm(np.exp(a), scale=np.exp(nu))),
    "LogLogistic": (families.LogLogistic(), lambda nu, a: stats.fisk(np.exp(a), scale=np.exp(nu))),
    "Exponential": (families.Exponential(), lambda nu, a: stats.expon(scale=np.exp(nu))),
}


@pytest.mark.parametrize("name", DURATIONS)
def test_censored_durations(data, name):
    """Right-censored, with an exponential model that has no shape."""
    family, distribution = DURATIONS[name]
    time = data["normal" if "Log" in name else "time"]
    data = data.assign(seen=np.minimum(time, data["end"]), died=(time <= data["end"]).astype(int))
    assert 100 < data["died"].sum() < N - 100
    ours = gllamm("seen ~ x + z", data, family=families.Censored(family, event="died"))
    x, seen, died = exog(data).to_numpy(), data["seen"].to_numpy(), data["died"].to_numpy() == 1

    def loglike(p):
        d = distribution(x @ p[:3], p[-1])
        with np.errstate(divide="ignore"):
            return np.where(died, d.logpdf(seen), d.logsf(seen)).sum()

    assert_against(ours, loglike)


def test_tobit(data):
    """Censored at zero from below and at 1.5 from above."""
    data = data.assign(y=data["number"].clip(0.0, 1.5))
    ours = gllamm("y ~ x + z", data, family=families.Censored(GAUSSIAN, lower=0, upper=1.5),
                  dispersion="z")
    x, y, z = exog(data).to_numpy(), data["y"].to_numpy(), data["z"].to_numpy()

    def loglike(p):
        mu, sd = x @ p[:3], np.exp(p[3] + p[4] * z)
        out = stats.norm.logpdf(y, mu, sd)
        out = np.where(y <= 0, stats.norm.logcdf(0, mu, sd), out)
        return np.where(y >= 1.5, stats.norm.logsf(1.5, mu, sd), out).sum()

    assert ours.params.index.tolist()[3:] == ["logsd[Intercept]", "logsd[z]"]
    assert_against(ours, loglike)


def test_lognormal_and_student(data):
    ours = gllamm("normal ~ x + z", data, family=families.LogNormal())
    theirs = sm.OLS(np.log(data["normal"]), exog(data)).fit()
    assert_allclose(ours.llf, theirs.llf - np.log(data["normal"]).sum(), rtol=1e-10)
    assert_allclose(ours.params[:3], theirs.params, atol=1e-6)

    y = data["number"] + 3 * (np.arange(N) % 50 == 0)
    ours = gllamm("y ~ x + z", data.assign(y=y), family=families.StudentT())
    x = exog(data).to_numpy()
    assert_against(ours, lambda p: stats.t.logpdf(y, np.exp(p[4]), x @ p[:3], np.exp(p[3])).sum())
