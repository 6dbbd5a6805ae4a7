"""Variances of zero, correlations of one, flat directions, separation."""
import warnings

import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
import statsmodels.api as sm
from statsmodels.tools.sm_exceptions import ConvergenceWarning

from statsmodels_gllamm import GLLAMM, Factor
from statsmodels_gllamm.exceptions import BoundaryWarning, FormulaError, SeparationWarning

FAMILIES = {"binary": sm.families.Binomial(), "count": sm.families.Poisson(),
            "number": sm.families.Gaussian(),
            "positive": sm.families.Gamma(sm.families.links.Log())}


@pytest.fixture
def opposite(rng):
    """Clusters of four whose members repel each other: a negative intraclass correlation."""
    n = 30
    data = pd.DataFrame({"g": np.repeat(np.arange(n), 4), "x": rng.normal(size=4 * n),
                         "s": np.repeat(np.arange(n // 3), 12)})
    data["binary"] = np.tile([0, 1, 1, 0], n)
    data["count"] = np.tile([0, 3, 1, 4], n)
    data["number"] = np.tile([-2.0, 2.0, -1.0, 1.0], n) + 0.1 * data["x"]
    data["positive"] = np.tile([0.3, 2.0, 1.0, 3.0], n)
    for column in FAMILIES:
        for g in range(n):
            rows = data.index[data["g"] == g]
            data.loc[rows, column] = rng.permutation(data.loc[rows, column])
    return data


def fit(data, formula, **options):
    """The fit, and the categories of its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model_options = {k: options.pop(k) for k in ("family", "factors") if k in options}
        results = GLLAMM.from_formula(formula, data, **model_options).fit(**options)
    return results, caught


@pytest.mark.parametrize("options", [{}, {"integration": "laplace"}, {"n_quad": 5}],
                         ids=["auto", "laplace", "5"])
@pytest.mark.parametrize("column", FAMILIES)
def test_variance_of_zero(opposite, column, options):
    family = FAMILIES[column]
    results, caught = fit(opposite, f"{column} ~ x + (1 | g)", family=family, **options)
    plain, _ = fit(opposite, f"{column} ~ x", family=family)
    assert [w.category for w in caught] == [BoundaryWarning]
    assert "var[Intercept[g]]" in str(caught[0].message)
    assert caught[0].filename == __file__
    assert results.record.retvals["converged"]
    assert results.params["var[Intercept[g]]"] == 0.0
    assert_allclose(results.llf, plain.llf, atol=1e-7)
    keep = [n for n in results.params.index if n != "var[Intercept[g]]"]
    assert_allclose(results.params[keep], plain.params[keep], atol=1e-4)
    se = pd.Series(np.sqrt(np.diag(results.record.cov)), results.params.index)
    assert np.isnan(se["var[Intercept[g]]"])
    assert_allclose(se[keep], np.sqrt(np.diag(plain.record.cov)), rtol=1e-3)


@pytest.mark.parametrize("formula", ["(x | g)", "(1 | s/g)", "(x || g)"])
def test_some_variance_of_zero(opposite, formula):
    results, caught = fit(opposite, f"count ~ x + {formula}", family=FAMILIES["count"])
    assert BoundaryWarning in [w.category for w in caught]
    assert ConvergenceWarning not in [w.category for w in caught]
    se = np.sqrt(np.diag(results.record.cov))
    assert np.isfinite(results.params).all()
    assert np.isfinite(se[:2]).all()
    plain, _ = fit(opposite, "count ~ x", family=FAMILIES["count"])
    assert results.llf >= plain.llf - 1e-8


def test_zero_with_other_levels_alive(rng):
    """A school variance of zero beside a person variance that is not."""
    data = pd.DataFrame({"s": np.repeat(np.arange(15), 20), "g": np.repeat(np.arange(60), 5)})
    u = rng.normal(size=(15, 4))
    u -= u.mean(1, keepdims=True)
    data["y"] = rng.poisson(np.exp(0.5 + u.ravel()[data["g"]]))
    both, caught = fit(data, "y ~ 1 + (1 | s/g)", family=FAMILIES["count"])
    one, _ = fit(data, "y ~ 1 + (1 | g)", family=FAMILIES["count"])
    assert [w.category for w in caught] == [BoundaryWarning]
    assert both.params["var[Intercept[s]]"] == 0
    assert_allclose(both.llf, one.llf, atol=5e-3)
    se = np.sqrt(np.diag(both.record.cov))
    names = list(both.params.index)
    assert_allclose(se[names.index("var[Intercept[s:g]]")], np.sqrt(one.record.cov[1, 1]), rtol=1e-2)


def test_correlation_of_one(rng):
    """Slope and intercept that are one latent variable."""
    n = 30
    data = pd.DataFrame({"g": np.repeat(np.arange(n), 6), "x": np.tile(np.arange(6) - 2.5, n)})
    u = rng.normal(size=n)[data["g"]]
    data["y"] = 1 + (1 + 0.5 * data["x"]) * u + 0.7 * rng.normal(size=len(data))
    results, caught = fit(data, "y ~ x + (x | g)")
    correlation = results.params["cov[Intercept[g],x[g]]"] / np.sqrt(
        results.params["var[Intercept[g]]"] * results.params["var[x[g]]"])
    if BoundaryWarning not in [w.category for w in caught]:
        pytest.skip("the estimate is inside")
    assert_allclose(correlation, 1.0, rtol=1e-9)
    se = np.sqrt(np.diag(results.record.cov))
    assert np.isfinite(results.params).all() and np.isfinite(se[:2]).all()
    factor, _ = fit(data.assign(t=data["x"].astype(str)), "y ~ x + (0 + f | g)",
                    factors={"f": Factor("1 + x", loadings=[1, None])})
    assert_allclose(results.llf, factor.llf, atol=1e-6)
    assert_allclose(se[:2], np.sqrt(np.diag(factor.record.cov))[:2], rtol=1e-2)


def test_start_at_a_boundary(rng):
    """A variance of zero in start_params is not a trap."""
    data = pd.DataFrame({"g": np.repeat(np.arange(40), 5)})
    data["y"] = rng.poisson(np.exp(rng.normal(size=40)[data["g"]]))
    model = GLLAMM.from_formula("y ~ 1 + (1 | g)", data, family=FAMILIES["count"])
    assert_allclose(model.fit(start_params=[0.0, 0.0]).llf, model.fit().llf, atol=1e-6)


def test_flat_direction(rng):
    """A random intercept for every row of a Gaussian model is its residual over again."""
    data = pd.DataFrame({"row": np.arange(50), "y": rng.normal(size=50)})
    results, caught = fit(data, "y ~ 1 + (1 | row)")
    plain, _ = fit(data, "y ~ 1")
    texts = [str(w.message) for w in caught]
    assert any("does not change in the direction" in text and "var[Intercept[row]]" in text
               and "logsd[Intercept]" in text for text in texts), texts
    assert_allclose(results.llf, plain.llf, atol=1e-6)


def unidentified(data, formula, **options):
    """What is said of a model whose parameters are not identified, as an error or a warning."""
    try:
        _, caught = fit(data, formula, **options)
    except ValueError as error:
        return str(error)
    return " ".join(str(w.message) for w in caught)


@pytest.mark.parametrize("column", ["number", "count"])
def test_two_names_of_one_variance(rng, column):
    """Two bars that are the same latent variable."""
    data = pd.DataFrame({"g": np.repeat(np.arange(30), 4)})
    data["h"] = data["g"].astype(str)
    u = rng.normal(size=30)[data["g"]]
    data["number"], data["count"] = u + rng.normal(size=120), rng.poisson(np.exp(u))
    with pytest.raises(FormulaError, match=r"Intercept\[g\] and Intercept\[h\] are the same latent"):
        GLLAMM.from_formula(f"{column} ~ 1 + (1 | g) + (1 | h)", data, family=FAMILIES[column])


@pytest.mark.parametrize("column", ["number", "count"])
def test_all_loadings_free(rng, column):
    """The scale of a factor with free loadings and a free variance."""
    data = pd.DataFrame({"g": np.repeat(np.arange(40), 6), "item": list("aabbcc") * 40})
    u = rng.normal(size=40)[data["g"]]
    data["number"], data["count"] = u + rng.normal(size=240), rng.poisson(np.exp(u))
    text = unidentified(data, f"{column} ~ 1 + (0 + f | g)", family=FAMILIES[column],
                        factors={"f": Factor("item", loadings=[None, None, None])})
    assert "not identified" in text


def test_zero_column_in_a_bar(rng):
    """A slope on a column of zeros has no variance to estimate."""
    data = pd.DataFrame({"g": np.repeat(np.arange(40), 6), "o": 0.0})
    data["y"] = rng.poisson(np.exp(rng.normal(size=40)[data["g"]]))
    text = unidentified(data, "y ~ 1 + (o || g)", family=FAMILIES["count"])
    assert "o" in text and ("not identified" in text or "zero in every row" in text)


def test_separation(rng):
    data = pd.DataFrame({"g": np.repeat(np.arange(20), 5), "x": rng.normal(size=100),
                         "t": np.tile([0, 0, 0, 1, 1], 20)})
    data["y"] = np.where(data["t"] == 1, 1, rng.integers(0, 2, 100))
    for formula in ("y ~ x + t", "y ~ x + t + (1 | g)"):
        _, caught = fit(data, formula, family=FAMILIES["binary"])
        found = [w for w in caught if w.category is SeparationWarning]
        assert len(found) == 1, [str(w.message) for w in caught]
        text = str(found[0].message)
        assert "+1 t" in text and "40 rows" in text and "x" not in text.split("rows")[0].split(":")[0]
        assert found[0].filename == __file__


def test_no_separation_no_warning(rng):
    data = pd.DataFrame({"g": np.repeat(np.arange(20), 5), "x": rng.normal(size=100)})
    data["y"] = rng.integers(0, 2, 100)
    _, caught = fit(data, "y ~ x + (1 | g)", family=FAMILIES["binary"])
    assert SeparationWarning not in [w.category for w in caught]
