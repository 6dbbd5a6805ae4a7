"""Ordinal models that users meet: covariates far from zero, several starts, thresholds that cross."""
import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest

from statsmodels_gllamm import GLLAMM, families
from statsmodels_gllamm.exceptions import SeparationWarning


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(12)
    g = np.repeat(np.arange(60), 5)
    x = rng.normal(size=300)
    nu = x + rng.normal(size=60)[g] + rng.logistic(size=300)
    return pd.DataFrame({"g": g, "x": x, "year": 2000 + g % 20, "o": np.digitize(nu, [-1, 0.3, 1.2]),
                         "item": np.tile(["a", "b", "c", "d", "e"], 60)})


def test_covariates_far_from_zero(data):
    near = data.assign(year=data["year"] - 2009.5)
    for thresholds in (None, "0 + item"):
        one, two = (GLLAMM.from_formula("o ~ x + year + (1 | g)", d, family=families.Ordinal(),
                                        thresholds=thresholds).fit() for d in (data, near))
        assert one.converged
        assert_allclose(one.llf, two.llf, atol=1e-6)
        assert_allclose(one.params.iloc[:3], two.params.iloc[:3], rtol=1e-3, atol=1e-4)
        assert_allclose(one.params.iloc[3:], two.params.iloc[3:] + 2009.5 * two.params["year"],
                        rtol=1e-3, atol=1e-2)


def test_several_starts(data):
    model = GLLAMM.from_formula("o ~ x + (1 | g)", data, family=families.Ordinal())
    assert_allclose(model.fit(starts=4, rng=1).llf, model.fit().llf, atol=1e-6)


def test_thresholds_out_of_order(data):
    model = GLLAMM.from_formula("o ~ x + (1 | g)", data, family=families.Ordinal())
    with pytest.raises(ValueError, match="thresholds may be out of order"):
        model.loglike([1.0, 1.0, 1.0, 0.0, 2.0])


@pytest.mark.parametrize("bars", ["", " + (1 | g)"])
def test_separation(data, bars):
    data = data.assign(top=(data["o"] == 3) * 1.0)
    model = GLLAMM.from_formula(f"o ~ x + top{bars}", data, family=families.Ordinal())
    with pytest.warns(SeparationWarning, match=r"\+1 top"):
        model.fit()


def test_separation_of_a_nominal_response(data):
    data = data.assign(kind=np.where(data["o"] == 3, "c", np.where(data["x"] > 0, "a", "b")))
    model = GLLAMM.from_formula("kind ~ C(o == 3)", data, family=families.Nominal())
    with pytest.warns(SeparationWarning, match="grow without bound"):
        model.fit()


def test_a_missing_covariate_has_no_prediction(data):
    results = GLLAMM.from_formula("o ~ x + (1 | g)", data, family=families.Ordinal()).fit()
    found = results.predict(pd.DataFrame({"x": [0.0, np.nan]}), which="prob")
    assert_allclose(found.iloc[0].sum(), 1.0)
    assert found.iloc[1].isna().all()
    assert np.isnan(results.predict(pd.DataFrame({"x": [0.0, np.nan]})).iloc[1])


@pytest.mark.parametrize("above", ["1", [0, 1]])
def test_above_is_a_category(data, above):
    results = GLLAMM.from_formula("o ~ x + (1 | g)", data, family=families.Ordinal()).fit()
    with pytest.raises(ValueError, match="is no category"):
        results.predict(which="prob", above=above)
    assert results.predict(which="prob", above=3).eq(0).all()
