"""Information criteria by their definitions."""

import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(3)
    g, h = np.repeat(np.arange(20), 6), np.repeat(np.arange(40), 3)
    x = rng.normal(size=120)
    return pd.DataFrame({"g": g, "h": h, "x": x, "y": x + rng.normal(size=20)[g] + rng.normal(size=120),
                         "fg": g % 3 + 1, "fh": h % 2 + 1})


def definitions(llf, k, n):
    return {"n": n, "aic": -2 * llf + 2 * k, "aicc": -2 * llf + 2 * k + 2 * k * (k + 1) / (n - k - 1),
            "bic": -2 * llf + k * np.log(n), "caic": -2 * llf + k * (np.log(n) + 1),
            "hqic": -2 * llf + 2 * k * np.log(np.log(n)), "abic": -2 * llf + k * np.log((n + 2) / 24)}


def test_table(data):
    result = GLLAMM.from_formula("y ~ x + (1 | g / h)", data).fit()
    table = result.information_criteria()
    assert table.columns.tolist() == ["rows", "g:h", "g"]
    for column, n in (("rows", 120), ("g:h", 40), ("g", 20)):
        for name, value in definitions(result.llf, 5, n).items():
            assert_allclose(table.loc[name, column], value, rtol=1e-12)
    assert_allclose(table.loc[["aic", "bic", "aicc"], "rows"], [result.aic, result.bic, result.aicc])
    assert result.info_criteria("BIC", n="clusters") == table.loc["bic", "g"]
    assert result.info_criteria("bic", n=33.0) == pytest.approx(-2 * result.llf + 5 * np.log(33))
    assert_allclose(result.info_criteria("aic", dk_params=2), result.aic + 4)


def test_weights_count(data):
    weights = {"g": "fg", "h": "fh"}
    result = GLLAMM.from_formula("y ~ x + (1 | g) + (1 | h)", data, freq_weights=weights).fit()
    clusters = data.drop_duplicates("h")
    table = result.information_criteria()
    assert table.loc["n", "g"] == data.drop_duplicates("g")["fg"].sum()
    assert table.loc["n", "h"] == (clusters["fg"] * clusters["fh"]).sum()
    assert table.loc["n", "rows"] == (data["fg"] * data["fh"]).sum()


def test_without_latent_variables(data):
    result = GLLAMM.from_formula("y ~ x", data).fit()
    table = result.information_criteria()
    assert table.columns.tolist() == ["rows", "clusters"] and (table["rows"] == table["clusters"]).all()
    ols = sm.OLS.from_formula("y ~ x", data).fit()
    assert_allclose(result.info_criteria("aic"), ols.aic + 2)  # the residual variance counts


def test_after_remove_data(data):
    result = GLLAMM.from_formula("y ~ x + (1 | g)", data).fit()
    before = result.information_criteria()
    result.remove_data()
    pd.testing.assert_frame_equal(result.information_criteria(), before)


def test_fixed_parameters_do_not_count(data):
    model = GLLAMM.from_formula("y ~ x + (1 | g)", data)
    result = model.fit_constrained("x = 1")
    assert_allclose(result.info_criteria("aic"), -2 * result.llf + 2 * 3)


def test_wrong(data):
    result = GLLAMM.from_formula("y ~ x + (1 | g)", data).fit()
    with pytest.raises(ValueError, match="'aic', 'aicc'"):
        result.info_criteria("dic")
    with pytest.raises(ValueError, match="'g', or a positive"):
        result.info_criteria("bic", n="school")
