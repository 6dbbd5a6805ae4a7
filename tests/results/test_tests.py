"""Likelihood-ratio tests."""

import pickle
import warnings

import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
from scipy import stats
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM
from statsmodels_gllamm.exceptions import PrecisionWarning


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(11)
    g = np.repeat(np.arange(25), 5)
    x, z = rng.normal(size=(2, 125))
    y = x + rng.normal(size=25)[g] + rng.normal(size=25)[g] * z + rng.normal(size=125)
    return pd.DataFrame({"y": y, "x": x, "z": z, "g": g, "c": rng.poisson(2, 125)})


@pytest.fixture(scope="module")
def fit(data):
    def fit(formula, frame=data, **keywords):
        return GLLAMM.from_formula(formula, frame, **keywords).fit()
    return fit


def test_coefficients(fit):
    large, small = fit("y ~ x + z + (1 | g)"), fit("y ~ 1 + (1 | g)")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        test = large.lr_test(small)
    assert_allclose(test.statistic, 2 * (large.llf - small.llf))
    assert test.df == 2
    assert_allclose(test.pvalue, stats.chi2.sf(test.statistic, 2))
    statistic, pvalue, df = test
    assert (statistic, pvalue, df) == small.lr_test(large)


def test_printed(fit):
    test = fit("y ~ x + z + (1 | g)").lr_test(fit("y ~ x + (1 | g)"))
    assert str(test) == (f"LRTestResult(statistic={test.statistic:.3f}, pvalue={test.pvalue:.4g}, "
                         "df=1)")
    assert str(type(test)(116.462014, 3.745123e-27, 1)) == (
        "LRTestResult(statistic=116.462, pvalue=3.745e-27, df=1)")


def test_what_cannot_be_compared(fit, data):
    results = fit("y ~ x + (1 | g)")
    holes = data.copy()
    holes.loc[4, "z"] = np.nan
    cases = [
        (fit("y ~ x + z + (1 | g)", holes), "different numbers of rows"),
        (fit("I(y + 1) ~ x + z + (1 | g)"), "different responses"),
        (fit("y ~ x + z + (1 | g)", freq_weights=np.full(len(data), 2.0)), "different weights"),
        (fit("y ~ z + (1 | g)"), "4 parameters"),
    ]
    for other, text in cases:
        with pytest.raises(ValueError, match=text):
            results.lr_test(other)
    poisson = fit("c ~ x + (1 | g)", family=sm.families.Poisson(sm.families.links.Sqrt()))
    log = fit("c ~ x + z + (1 | g)", family=sm.families.Poisson())
    with pytest.raises(ValueError, match=r"Poisson\(sqrt\) and Poisson\(log\)"):
        poisson.lr_test(log)
    with pytest.raises(TypeError, match="GLMResults"):
        results.lr_test(sm.GLM.from_formula("y ~ x", data).fit()._results)


def test_rows_with_equal_responses_are_told_apart(fit, data):
    frame = data.assign(c=1.0)
    frame.loc[60:, "c"] = 2.0
    a, b = frame.copy(), frame.copy()
    a.loc[3, "x"] = b.loc[4, "x"] = np.nan
    with pytest.raises(ValueError, match="different rows"):
        fit("c ~ x", a).lr_test(fit("c ~ x + z", b))


def test_same_rows_by_another_way(fit, data):
    large = fit("y ~ x + z + (1 | g)", data, )
    part = fit("y ~ x + (1 | g)", data.iloc[:100])
    assert GLLAMM.from_formula("y ~ x + z + (1 | g)", data, subset="g < 20").fit().lr_test(part)
    stored = pickle.loads(pickle.dumps(large))
    stored.remove_data()
    assert stored.lr_test(fit("y ~ x + (1 | g)")).df == 1


def test_doubtful_likelihoods_are_mentioned(data):
    small = GLLAMM.from_formula("c ~ x + (1 | g)", data, family=sm.families.Poisson())
    large = GLLAMM.from_formula("c ~ x + z + (1 | g)", data, family=sm.families.Poisson())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        a, b = small.fit(), large.fit(integration="laplace")
        one = large.fit(start_params=np.r_[0, 2, 2, 0.5], maxiter=1, method="bfgs")
    with pytest.warns(PrecisionWarning, match="adaptive and laplace"):
        a.lr_test(b)
    assert one.llf < a.llf
    with pytest.warns(PrecisionWarning, match="smaller log-likelihood"):
        assert one.lr_test(a).pvalue == 1
