"""Likelihood-ratio tests of families within others."""

import warnings

import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
from scipy import stats
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, families
from statsmodels_gllamm.exceptions import BoundaryWarning
from statsmodels_gllamm.families.registry import as_family
from statsmodels_gllamm.results.nesting import edges

links = sm.families.links
POISSON, GAUSSIAN, BINOMIAL = sm.families.Poisson(), sm.families.Gaussian(), sm.families.Binomial()
NB1, NB2 = families.NegativeBinomial(kind=1), families.NegativeBinomial()


@pytest.mark.parametrize(("small", "large", "edge"), [
    (POISSON, NB2, ["alpha at zero"]),
    (POISSON, NB1, ["alpha at zero"]),
    (sm.families.Poisson(links.Sqrt()), families.NegativeBinomial(link=links.Sqrt()),
     ["alpha at zero"]),
    (POISSON, families.GeneralizedPoisson(), ["alpha at zero"]),
    (POISSON, families.GeneralizedPoisson(2), ["alpha at zero"]),
    (BINOMIAL, families.BetaBinomial(), ["precision at infinity"]),
    (BINOMIAL, families.IRT3PL(), ["guessing at zero"]),
    (families.IRT3PL(), families.IRT4PL(), ["slipping at zero"]),
    (families.Exponential(), families.Weibull(), []),
    (families.Exponential("hazard"), families.Weibull("hazard"), []),
    (families.Exponential(), sm.families.Gamma(links.Log()), []),
    (GAUSSIAN, families.StudentT(), ["degrees of freedom at infinity"]),
    (families.StudentT(4), families.StudentT(), []),
    (POISSON, families.ZeroInflated(POISSON, "x"), ["zero part at zero"]),
    (POISSON, families.ZeroInflated(NB2), ["alpha at zero", "zero part at zero"]),
    (families.ZeroInflated(POISSON), families.ZeroInflated(NB2, "x"), ["alpha at zero"]),
    (families.Hurdle(POISSON), families.Hurdle(NB1), ["alpha at zero"]),
    (families.Truncated(POISSON), families.Truncated(NB2), ["alpha at zero"]),
    (families.Censored(families.Exponential(), event="d"),
     families.Censored(families.Weibull(), event="d"), []),
    (families.Composite(POISSON, cluster="c"), families.Composite(NB2, cluster="c"),
     ["alpha at zero"]),
    (NB2, NB2, []),
])
def test_nested(small, large, edge):
    small, large = as_family(small), as_family(large)
    found = edges(small, large)
    assert len(found) == len(edge)
    assert all(text in one for text, one in zip(edge, found))
    if small.name != large.name:
        assert edges(large, small) is None


@pytest.mark.parametrize(("a", "b"), [
    (NB1, NB2), (POISSON, families.NegativeBinomial(link=links.Sqrt())),
    (families.Exponential("hazard"), families.Weibull("time")),
    (families.Exponential("hazard"), sm.families.Gamma(links.Log())),
    (GAUSSIAN, families.StudentT(4)), (GAUSSIAN, families.LogNormal()),
    (sm.families.Gaussian(links.Log()), families.StudentT()),
    (sm.families.Binomial(links.Probit()), families.BetaBinomial()),
    (POISSON, families.Hurdle(POISSON)), (POISSON, families.Truncated(NB2)),
    (families.ZeroInflated(POISSON), families.Hurdle(NB2)),
    (families.ZeroInflated(POISSON, link="probit"), families.ZeroInflated(NB2)),
    (families.Truncated(POISSON), NB2),
    (families.Exponential(), families.Censored(families.Weibull(), event="d")),
    (families.Censored(families.Exponential(), event="e"),
     families.Censored(families.Weibull(), event="d")),
    (families.Ordinal(), families.Ordinal("probit")), (families.Ordinal(), POISSON),
])
def test_not_nested(a, b):
    a, b = as_family(a), as_family(b)
    assert edges(a, b) is None and edges(b, a) is None


def test_mixed():
    small = as_family({"a": POISSON, "b": BINOMIAL}, "by")
    large = as_family({"b": families.BetaBinomial(), "a": NB2}, "by")
    assert len(edges(small, large)) == 2
    assert edges(large, small) is None
    assert edges(small, as_family({"a": NB2, "b": GAUSSIAN}, "by")) is None
    assert edges(small, as_family({"a": NB2, "c": BINOMIAL}, "by")) is None


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(2)
    g = np.repeat(np.arange(30), 6)
    x = rng.normal(size=180)
    mu = np.exp(0.6 + 0.3 * x + 0.5 * rng.normal(size=30)[g])
    return pd.DataFrame({"g": g, "x": x, "k": rng.poisson(mu * rng.gamma(2, 0.5, 180)),
                         "t": mu * rng.weibull(1.4, 180), "died": (rng.random(180) < 0.7) * 1})


def fit(formula, data, family, **keywords):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return GLLAMM.from_formula(formula, data, family=family, **keywords).fit(
            integration="laplace", threads=1)


def test_boundary(data):
    small, large = fit("k ~ x", data, POISSON), fit("k ~ x", data, NB2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        test = large.lr_test(small)
    assert test.boundary == ("alpha at zero (NegativeBinomial(log))",)
    exact = (sm.NegativeBinomial.from_formula("k ~ x", data).fit(disp=0).llf
             - sm.Poisson.from_formula("k ~ x", data).fit(disp=0).llf)
    assert_allclose(test.statistic, 2 * exact, rtol=1e-6)
    assert_allclose(test.pvalue, stats.chi2.sf(2 * exact, 1) / 2, rtol=1e-5)
    larger = fit("k ~ x + (1 | g)", data, families.ZeroInflated(NB2))
    with pytest.warns(BoundaryWarning) as w:
        test = larger.lr_test(small)
    text, statistic = str(w[0].message), test.statistic
    assert test.df == 3 and w[0].filename == __file__ and "upper bound" in text
    assert_allclose(test.pvalue, (stats.chi2.sf(statistic, 2) + stats.chi2.sf(statistic, 3)) / 2)
    for part in ("var[Intercept[g]] at zero", "alpha at zero", "zero part at zero"):
        assert part in text


def test_interior(data):
    censored = [families.Censored(family, event="died")
                for family in (families.Exponential(), families.Weibull())]
    small, large = (fit("t ~ x + (1 | g)", data, family) for family in censored)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        test = small.lr_test(large)
    assert test.df == 1
    assert_allclose(test.statistic, 2 * (large.llf - small.llf))
    plain = fit("t ~ x + (1 | g)", data, families.Weibull())
    with pytest.raises(ValueError, match="different responses"):
        plain.lr_test(small)


def test_scaled(data):
    data = data.assign(y=(data.k > 1) * 1)
    small, large = fit("y ~ x", data, BINOMIAL), fit("y ~ x", data, BINOMIAL, dispersion="x")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert large.lr_test(small).df == 1


def test_more_parameters_in_the_smaller_family(data):
    small = fit("k ~ x + I(x**2) + I(x**3)", data, POISSON)
    with pytest.raises(ValueError, match=r"different responses, Poisson\(log\) and NegativeBinomial"):
        small.lr_test(fit("k ~ x", data, NB2))


def test_other_censoring_of_the_same_columns(data):
    """What is known of the responses differs although the numbers are the same."""
    data = data.assign(limit=3.0, y=data.t - 1)
    a = fit("y ~ x", data, families.Censored(GAUSSIAN, lower="limit"))
    b = fit("y ~ x + I(x**2)", data, families.Censored(GAUSSIAN, upper="limit"))
    with pytest.raises(ValueError, match="different responses"):
        a.lr_test(b)
