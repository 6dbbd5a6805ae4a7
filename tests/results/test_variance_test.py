"""Tests that variances are zero: against models without the bars."""

import warnings

import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Classes, Factor, datasets, families
from statsmodels_gllamm.exceptions import BoundaryWarning

BINOMIAL, POISSON = sm.families.Binomial(), sm.families.Poisson()


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(3)
    g, h = np.repeat(np.arange(24), 8), np.repeat(np.arange(48), 4)
    x, z, w = *rng.normal(size=(2, 192)), rng.normal(size=24)[g]
    eta = 0.5 * x + 0.7 * rng.normal(size=24)[g] + 0.4 * rng.normal(size=24)[g] * z
    return pd.DataFrame({"y": eta + rng.normal(size=192), "x": x, "z": z, "w": w, "g": g, "h": h,
                         "c": rng.poisson(np.exp(0.5 * eta)), "i": np.arange(192) % 4,
                         "f": rng.integers(1, 3, 48)[h],
                         "b": (eta + rng.logistic(size=192) > 0) * 1,
                         "o": np.digitize(eta + rng.logistic(size=192), [-1, 1]),
                         "n": rng.integers(0, 3, 192)})


def fit(formula, data, family=None, **keywords):
    given = {} if family is None else {"family": family}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return GLLAMM.from_formula(formula, data, **given, **keywords).fit(n_quad=7, threads=1)


CASES = [  # formula with bars, what is tested, formula without, keywords
    ("y ~ x + (z | g)", "z[g]", "y ~ x + (1 | g)", {}),
    ("y ~ x + (z | g)", "Intercept[g]", "y ~ x + (0 + z | g)", {}),
    ("y ~ x + (z | g)", None, "y ~ x", {}),
    ("y ~ x + (z || g)", "z[g]", "y ~ x + (1 | g)", {}),
    ("y ~ x + (z + x | g)", ["z[g]", "x[g]"], "y ~ x + (1 | g)", {}),
    ("y ~ x + (z + x | g)", ["Intercept[g]"], "y ~ x + (0 + z + x | g)", {}),
    ("y ~ x + (1 | g / h)", "g", "y ~ x + (1 | g:h)", {}),
    ("y ~ x + (1 | g / h)", "g:h", "y ~ x + (1 | g)", {}),
    ("o ~ x + (1 | g)", "g", "o ~ x", {"family": families.Ordinal()}),
    ("n ~ x + (1 | g)", "1:Intercept[g]", None, {"family": families.Nominal()}),
    ("b ~ x + (1 | g) + (0 + z | g)", "z[g]", "b ~ x + (1 | g)", {"family": BINOMIAL}),
    ("c ~ x + (1 | g)", None, "c ~ x", {"family": families.ZeroInflated(POISSON)}),
    ("c ~ x + (1 | g)", None, "c ~ x", {"family": POISSON, "freq_weights": {"g": "f_g"}}),
    ("b ~ 0 + (0 + x | k) + (1 | g)", None, "b ~ 0 + (0 + x | k)",
     {"family": BINOMIAL, "classes": {"k": Classes(2, within="g")}}),
    ("b ~ 0 + C(i) + (0 + a | h)", None, "b ~ 0 + C(i)",
     {"family": BINOMIAL, "factors": {"a": Factor("i", loadings=[1, 1, 1, 1])}}),
]


@pytest.mark.parametrize("formula, which, without, keywords", CASES)
def test_against_the_model_without(data, formula, which, without, keywords):
    data = data.assign(f_g=data["g"] % 2 + 1)
    large = fit(formula, data, **keywords)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        test = large.test_variance(which)
    assert_allclose(test.statistic, 2 * (large.llf - test.smaller.llf), atol=1e-8)
    assert 0 < test.pvalue <= 1 and test.pvalue <= test.pvalue_naive and test.boundary
    names = large.model.param_names
    zero = [name for name, value in zip(names, test.smaller.params) if value == 0]
    assert zero and all(name.startswith(("var[", "cov[")) for name in zero)
    if without is None:
        return
    keywords = {k: v for k, v in keywords.items() if k != "factors"}
    if "weights" in str(list(keywords)):
        keywords["freq_weights"] = data["f_g"].to_numpy()
    small = fit(without, data, **keywords)
    assert_allclose(test.smaller.llf, small.llf, atol=2e-3)
    assert test.df == large.df_modelwc - small.df_modelwc
    if "freq_weights" not in keywords:
        again = large.lr_test(small)
        assert_allclose(test.weights, again.weights, atol=2e-3)


def alike(data):
    """The data with clusters more alike than by chance: the variance of intercepts ends at zero."""
    noise = pd.Series(np.random.default_rng(0).normal(size=len(data)))
    return data.assign(y=data["x"] + noise - noise.groupby(data["g"]).transform("mean"))


def test_a_variance_that_ends_at_zero_beside(data):
    """The other variance of the bar is estimated at zero in the smaller model."""
    frame = alike(data)
    for bar in ("(x || g)", "(x | g)"):
        large = fit(f"y ~ x + {bar}", frame)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            test = large.test_variance("x[g]")
            small = fit("y ~ x + (1 | g)", frame)
        assert_allclose(test.smaller.llf, small.llf, atol=1e-5)
        with pytest.warns(BoundaryWarning, match=r"var\[Intercept") as caught:
            large.test_variance("x[g]")
        assert {warning.filename for warning in caught} == {__file__}


def test_p_value_of_no_gain(data):
    """The larger model's variance ends at zero: whatever rounding says, the p-value is one."""
    large = fit("y ~ x + (1 | g)", alike(data))
    assert large.record.boundary == ("var[Intercept[g]]",)
    assert large.test_variance().pvalue == 1


def test_regression_of_a_latent_variable_stays(data):
    """Without a disturbance the covariate of the intercept is a fixed effect."""
    large = fit("y ~ x + (1 | g)", data, regressions=["Intercept[g] ~ w"])
    test = large.test_variance()
    assert_allclose(test.smaller.llf, fit("y ~ x + w", data).llf, atol=1e-6)
    assert test.df == 1


def test_constraints_of_the_fit_stay(data):
    model = GLLAMM.from_formula("y ~ x + w + (1 | g)", data)
    test = model.fit_constrained("w = 0.3, x = 0.5").test_variance()
    small = GLLAMM.from_formula("y ~ x + w", data).fit_constrained("w = 0.3, x = 0.5")
    assert_allclose(test.smaller.llf, small.llf, atol=1e-8)
    assert test.df == 1 and len(test.smaller.constraints) == 3


def test_refused(data):
    with pytest.raises(ValueError, match="none"):
        fit("y ~ x", data).test_variance()
    result = fit("y ~ x + (z | g)", data)
    with pytest.raises(ValueError, match="there are g, Intercept"):
        result.test_variance("x")
    with pytest.raises(ValueError, match="in common"):
        fit("y ~ x + (z | g)", data, covariances={"g": "identity"}).test_variance("z[g]")
    lsat = datasets.lsat.load_pandas().data
    lsat = lsat[lsat.id % 10 == 0]
    for factor in (Factor("item"), Factor("item", standardized=True)):
        with pytest.raises(ValueError, match="loadings of 'a'"):
            fit("y ~ 0 + item + (0 + a | id)", lsat, BINOMIAL, factors={"a": factor}).test_variance()
    fixed = Factor("item", loadings=[1] * 5, standardized=True)
    with pytest.raises(ValueError, match="fixed"):
        fit("y ~ 0 + item + (0 + a | id)", lsat, BINOMIAL, factors={"a": fixed}).test_variance()
    result.remove_data()
    with pytest.raises(ValueError, match="needs the data"):
        result.test_variance()


def test_names_without_group(data):
    res = fit("y ~ x + (z | g)", data)
    assert res.test_variance("z") == res.test_variance("z[g]") == res.test_variance(["z[g]"])
    two = fit("y ~ x + (1 | g) + (1 | g:h)", data)
    with pytest.raises(ValueError, match=r"'Intercept' is neither a group .*Intercept\[g:h\]"):
        two.test_variance("Intercept")
