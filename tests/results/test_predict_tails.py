"""Distribution and survival functions of continuous responses, and residuals of censored ones."""

import warnings

import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
from scipy import stats
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, families
from statsmodels_gllamm.results.predict import predict

from .brute import params_of

GAUSSIAN = sm.families.Gaussian()
K = np.exp(0.4)  # shape, or one over the standard deviation


@pytest.fixture
def data(wide, rng):
    n = len(wide)
    return wide.assign(t=rng.weibull(1.5, n) + 0.1, died=rng.permutation(n) % 3 > 0,
                       amount=np.where(np.arange(n) % 4, rng.random(n), 0))


def marginal(function, variance):
    """E f(eta), eta ~ N(0, variance), out to 30 standard deviations, where far tails have theirs."""
    z = np.arange(-30, 30, 0.001)
    return function(np.sqrt(variance) * z) @ stats.norm.pdf(z) * 0.001


CASES = {  # family, auxiliary parameters, distribution given nu
    "gaussian": (GAUSSIAN, {"logsd": -0.4}, lambda nu: stats.norm(nu, 1 / K)),
    "log link": (sm.families.Gaussian(sm.families.links.Log()), {"logsd": -0.4},
             lambda nu: stats.norm(np.exp(nu), 1 / K)),
    "t": (families.StudentT(), {"logsd": -0.4, "logdf": 1.2},
          lambda nu: stats.t(np.exp(1.2), nu, 1 / K)),
    "t4": (families.StudentT(4), {"logsd": -0.4}, lambda nu: stats.t(4, nu, 1 / K)),
    "lognormal": (families.LogNormal(), {"logsd": -0.4},
                  lambda nu: stats.lognorm(1 / K, 0, np.exp(nu))),
    "loglogistic": (families.LogLogistic(), {"logshape": 0.4},
                    lambda nu: stats.fisk(K, 0, np.exp(nu))),
    "weibull": (families.Weibull(), {"logshape": 0.4},
                lambda nu: stats.weibull_min(K, 0, np.exp(nu))),
    "hazard": (families.Weibull("hazard"), {"logshape": 0.4},
               lambda nu: stats.weibull_min(K, 0, np.exp(-nu / K))),
    "exponential": (families.Exponential("hazard"), {}, lambda nu: stats.expon(0, np.exp(-nu))),
    "censored": (families.Censored(families.LogNormal(), event="died", entry="entry"),
                 {"logsd": -0.4}, lambda nu: stats.lognorm(1 / K, 0, np.exp(nu))),
    "censored t": (families.Censored(families.StudentT(4), lower=0), {"logsd": -0.4},
                   lambda nu: stats.t(4, nu, 1 / K)),
}


def build(name, data):
    family, aux, law = CASES[name]
    data = data.assign(entry=data.t / 2)
    model = GLLAMM.from_formula("t ~ x + (1 | id)", data, family=family)
    params = params_of(model, **{"Intercept": 0.3, "x": 0.7, "var[Intercept[id]]": 0.8},
                       **{f"{key}[Intercept]": value for key, value in aux.items()})
    return model, params, law


@pytest.mark.filterwarnings("ignore:divide by zero")  # of scipy
@pytest.mark.parametrize("name", list(CASES))
def test_tails(name, data):
    model, params, law = build(name, data)
    values = [0.4, 2.5, 300.0]
    cdf = predict(model, params, which="cumulative", values=values)
    sf = predict(model, params, which="cumulative", above=values)
    assert cdf.shape == sf.shape == (24, 3)
    nu = 0.3 + 0.7 * data.x.to_numpy()
    for row in (0, 7):
        for k, value in enumerate(values):
            exact = [marginal(lambda eta, v=value, f=f, m=nu[row]: getattr(law(m + eta), f)(v), 0.8)
                     for f in ("cdf", "sf")]
            assert_allclose([cdf[row, k], sf[row, k]], exact, rtol=1e-6)
    zero = predict(model, params, which="cumulative", above=2.5, given="zero")
    assert_allclose(zero, law(nu).sf(2.5), rtol=1e-10)
    assert_allclose(predict(model, params, which="prob", above=2.5, given="zero"), zero, rtol=1e-12)
    assert_allclose(predict(model, params, which="cumulative", above=2.5), sf[:, 1], rtol=1e-12)


def test_far_tails(data):
    """Integrated on their own, not as one less the other tail."""
    model, params, law = build("hazard", data)
    nu = 0.3 + 0.7 * data.x.to_numpy()
    late = predict(model, params, which="cumulative", above=40.0, given="zero")
    assert_allclose(late, law(nu).sf(40.0), rtol=1e-10, atol=1e-300)
    assert (late < 1e-20).all() and np.median(late) > 0
    early = predict(model, params, which="cumulative", values=[1e-30, 0.0, -1.0])
    assert (early[:, 0] > 0).all() and (early[:, 0] < 1e-40).all() and (early[:, 1:] == 0).all()
    assert_allclose(predict(model, params, which="cumulative", above=-1.0), 1, rtol=1e-14)


def test_zero_part(data):
    model = GLLAMM.from_formula("amount ~ x + (1 | id)", data, family=families.ZeroInflated(
        families.LogNormal(), "x"))
    params = params_of(model, **{
        "Intercept": -0.4, "x": 0.3, "zero[Intercept]": -1.0, "zero[x]": 0.5,
        "var[Intercept[id]]": 0.6, "logsd[Intercept]": -0.2})
    x = data.x.to_numpy()
    pi = 1 / (1 + np.exp(1 - 0.5 * x))
    below = stats.norm.cdf((np.log(0.7) + 0.4 - 0.3 * x) / np.sqrt(np.exp(-0.4) + 0.6))
    values = predict(model, params, which="cumulative", values=[-1, 0, 0.7])
    assert_allclose(values, np.stack([0 * x, pi, pi + (1 - pi) * below], axis=1), rtol=1e-6)
    survival = predict(model, params, which="cumulative", above=[-1, 0, 0.7])
    assert_allclose(survival, 1 - values, rtol=1e-6)


def test_results(data):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = GLLAMM.from_formula("t ~ x + (1 | id)", data, family=families.Weibull()).fit()
    curve = results.predict(data.iloc[:3], which="cumulative", above=[1, 2.5])
    assert curve.columns.tolist() == [1, 2.5] and curve.index.equals(data.index[:3])
    one = results.predict(data.iloc[:3], which="cumulative", above=2.5)
    assert isinstance(one, pd.Series)
    assert_allclose(one, curve[2.5])
    posterior = results.predict(which="cumulative", values=[1.0], given="posterior")
    assert posterior.shape == (24, 1) and posterior[1.0].between(0, 1).all()


@pytest.mark.parametrize(("keywords", "text"), [
    ({"which": "cumulative"}, "needs values="),
    ({"which": "prob"}, "which='cumulative'"),
    ({"which": "cumulative", "values": [1], "above": 2}, "one of them"),
    ({"which": "cumulative", "above": np.inf}, "finite"),
    ({"which": "cumulative", "above": "a"}, "finite"),
    ({"which": "cumulative", "values": []}, "finite"),
    ({"which": "mean", "above": 2}, "goes with"),
])
def test_what_has_no_meaning(keywords, text, data):
    model, params, _ = build("weibull", data)
    with pytest.raises(ValueError, match=text):
        predict(model, params, **keywords)


def test_no_distribution_function(data):
    model = GLLAMM.from_formula("t ~ x", data, family=sm.families.Gamma(sm.families.links.Log()))
    with pytest.raises(ValueError, match="neither a category nor a count"):
        predict(model, [0, 0, 0], which="cumulative", above=1)


# What is known of censored responses


def test_residuals_and_counts(data):
    ends = data.assign(until=np.select([data.died, np.arange(24) % 2 == 0], [data.t, data.t + 1],
                                       np.inf), entry=np.where(np.arange(24) < 5, 0.05, np.nan))
    other = ends.index[(~ends.died & (np.arange(24) >= 5) & np.isfinite(ends.until)).argmax()]
    ends.loc[other, ["t", "until"]] = 0.0, 2.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = GLLAMM.from_formula("t ~ x", ends, family=families.Censored(
            families.LogNormal(), until="until", entry="entry")).fit()
    seen = (ends.until == ends.t).to_numpy()
    assert_allclose(results.resid[seen], (ends.t - results.fittedvalues)[seen])
    assert results.resid[~seen].isna().all() and results.fittedvalues.notna().all()
    text = " ".join(str(results.summary()).split())
    least = int(np.isinf(ends.until).sum())
    assert seen.sum() == 16 and 0 < least < 7
    assert (f"Responses: 16 observed, {least} at least a value, 1 at most a value, {7 - least} between "
            "two values; 5 with delayed entry.") in text
    results.remove_data()
    assert "Responses: 16 observed" in " ".join(str(results.summary()).split())


def test_residuals_of_a_censored_member(data):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = GLLAMM.from_formula("t ~ x", data, family_by="kind", family={
            "a": GAUSSIAN, "b": families.Censored(families.LogNormal(), event="died"),
            "c": families.Weibull()}).fit()
    censored = (data.kind == "b") & ~data.died
    assert censored.any() and results.resid[censored].isna().all()
    assert results.resid[~censored].notna().all()
    assert f"{censored.sum()} at least a value." in " ".join(str(results.summary()).split())
