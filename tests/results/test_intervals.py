"""Wald intervals on their scales, and what conf_int and variance_components refuse."""

import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
from scipy import stats
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Factor, datasets, families

Z = stats.norm.ppf(0.975)
SLOPES = "Reaction ~ Days + (Days | Subject)"
CORR = "corr[Intercept[Subject],Days[Subject]]"


@pytest.fixture(scope="module")
def sleep():
    return datasets.sleepstudy.load_pandas().data


@pytest.fixture(scope="module")
def res(sleep):
    return GLLAMM.from_formula(SLOPES, sleep).fit()


def test_natural_and_transformed(res):
    plain, own = res.conf_int(), res.conf_int(transform=True)
    assert_allclose(plain, np.column_stack([res.params - Z * res.bse, res.params + Z * res.bse]))
    variance = [name for name in res.params.index if name.startswith("var[")]
    for name in variance:
        half = Z * res.bse[name] / res.params[name]  # of the logarithm
        assert_allclose(np.log(own.loc[name]), np.log(res.params[name]) + [-half, half])
    others = [name for name in res.params.index if name not in variance]
    assert_allclose(own.loc[others], plain.loc[others])
    table = res.to_frame()
    assert_allclose(table[["conf_low", "conf_high"]], own.loc[table.index])
    ninety = res.conf_int(0.1, transform=True).loc[variance[0]]
    assert ninety[0] > own.loc[variance[0], 0]


def test_columns(res):
    some = res.conf_int(cols=["Days", 0])
    assert some.index.tolist() == ["Days", "Intercept"]
    assert_allclose(some, res.conf_int().loc[["Days", "Intercept"]])
    assert res.conf_int(cols="Days").shape == (1, 2)
    assert_allclose(res._results.conf_int(cols=[1]), some.iloc[:1])


def test_fisher_of_fixed_variances(sleep):
    data = sleep.assign(Days=sleep["Days"] / 10, Reaction=sleep["Reaction"] / 25)
    res = GLLAMM.from_formula(SLOPES, data, covariances={"Subject": [[1, None], [None, 4]]}).fit()
    name = "cov[Intercept[Subject],Days[Subject]]"
    r, se = res.params[name] / 2, res.bse[name] / 2
    expected = 2 * np.tanh(np.arctanh(r) + np.array([-Z, Z]) * se / (1 - r**2))
    assert_allclose(res.conf_int(transform=True).loc[name], expected)
    components = res.variance_components()
    assert_allclose(components.loc[CORR, ["conf_low", "conf_high"]], expected / 2)
    assert_allclose(components.loc[["sd[Intercept[Subject]]", "sd[Days[Subject]]"], "estimate"], [1, 2])
    assert components["std_err"].isna().sum() == 2
    assert "Fisher's z" in str(res.summary())
    free = GLLAMM.from_formula(SLOPES, data)
    held = free.fit_constrained("var[Intercept[Subject]] = 1, var[Days[Subject]] = 4")
    assert_allclose(held.conf_int(transform=True).loc[name], expected, rtol=1e-4)
    limits = [one.conf_int(method="profile", cols=[name], alpha=1e-3) for one in (held, res)]
    assert_allclose(*limits, rtol=1e-4)


def test_components(res):
    found, limits = res.variance_components(), res.conf_int(transform=True)
    assert found.index.tolist() == ["sd[Intercept[Subject]]", CORR, "sd[Days[Subject]]", "residual sd"]
    variance = "var[Days[Subject]]"
    row = found.loc["sd[Days[Subject]]"]
    assert_allclose(row["estimate"]**2, res.params[variance])
    assert_allclose(row["std_err"], res.bse[variance] / (2 * row["estimate"]), rtol=1e-8)
    assert_allclose(row[["conf_low", "conf_high"]].astype(float)**2, limits.loc[variance])
    assert_allclose(found.loc["residual sd", ["conf_low", "conf_high"]].astype(float),
                    np.exp(limits.loc["logsd[Intercept]"]))
    names = list(res.params.index[2:5])
    a, c, b = res.params[names]
    slope = np.array([-c / (2 * a), 1, -c / (2 * b)]) / np.sqrt(a * b)  # by hand
    se = np.sqrt(slope @ res.cov_params().loc[names, names] @ slope)
    assert_allclose(found.loc[CORR, "std_err"], se)
    r = c / np.sqrt(a * b)
    assert_allclose(found.loc[CORR, ["conf_low", "conf_high"]].astype(float),
                    np.tanh(np.arctanh(r) + np.array([-Z, Z]) * se / (1 - r**2)))


def test_quantities_that_fall(sleep):
    """alpha = exp(-logsize): its lower limit is from the parameter's upper one."""
    data = datasets.epilep.load_pandas().data
    res = GLLAMM.from_formula("y ~ lbas", data, family=families.NegativeBinomial()).fit()
    found, limits = res.variance_components(), res.conf_int().loc["logsize[Intercept]"]
    assert_allclose(found.loc["alpha", ["conf_low", "conf_high"]].astype(float),
                    np.exp([-limits[1], -limits[0]]))
    assert_allclose(found.loc["alpha", "std_err"],
                    found.loc["alpha", "estimate"] * res.bse["logsize[Intercept]"], rtol=1e-8)


def test_equal_variances(sleep):
    res = GLLAMM.from_formula(SLOPES, sleep, covariances={"Subject": "identity"}).fit()
    found = res.variance_components()
    assert_allclose(found.loc["sd[Days[Subject]]"], found.loc["sd[Intercept[Subject]]"])


def test_no_components():
    data = datasets.epilep.load_pandas().data
    res = GLLAMM.from_formula("y ~ lbas", data, family=sm.families.Poisson()).fit()
    assert res.variance_components().shape == (0, 4)
    assert res.variance_components(method="profile").shape == (0, 4)


def test_mistakes(res):
    with pytest.raises(ValueError, match="method is one of 'wald'"):
        res.conf_int(method="likelihood")
    with pytest.raises(TypeError, match="'wald' has no keyword 'n'; its keywords are: none"):
        res.conf_int(n=10)
    with pytest.raises(TypeError, match="'profile' has no keyword 'rng'"):
        res.variance_components(method="profile", rng=1)
    for alpha in (0, 1.5, "0.05"):
        with pytest.raises(ValueError, match="alpha is between 0 and 1"):
            res.conf_int(alpha)
    with pytest.raises(ValueError, match="no parameter 'day'; the parameters are Intercept, Days"):
        res.conf_int(cols=["day"])
    with pytest.raises(ValueError, match="variance_components"):
        res.conf_int(cols=[CORR])


def test_at_the_boundary():
    y = np.random.default_rng(3).normal(size=(10, 5))
    y -= y.mean(axis=1, keepdims=True) * 0.9  # clusters are more alike than by chance
    data = pd.DataFrame({"y": y.ravel(), "g": np.repeat(np.arange(10), 5)})
    with pytest.warns(UserWarning, match="zero"):
        res = GLLAMM.from_formula("y ~ 1 + (1 | g)", data).fit()
    assert res.params["var[Intercept[g]]"] == 0
    assert np.isnan(res.conf_int(transform=True).loc["var[Intercept[g]]"]).all()
    assert np.isnan(res.variance_components().loc["sd[Intercept[g]]", "conf_high"])


def test_standardized_factor():
    data = datasets.lsat.load_pandas().data
    res = GLLAMM.from_formula("y ~ 0 + item + (0 + f | id)", data, family=sm.families.Binomial(),
                              factors={"f": Factor("item", standardized=True)}).fit(n_quad=5)
    found = res.variance_components()
    assert found.index.tolist() == ["sd[f[id]]"]
    assert found.loc["sd[f[id]]", "estimate"] == 1
