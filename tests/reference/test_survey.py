"""PISA 2000 with sampling weights, of students and schools."""
import numpy as np
from numpy.testing import assert_allclose
import pytest
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM

FIXED = "pass_read ~ female + isei + mn_isei + high_school + college + one_for + both_for + test_lang"


@pytest.fixture(scope="module")
def pisa(reference):
    data, expected = reference("mlmus_pisa")
    data["given_school"] = data["w_fstuwt"] / data["wnrschbw"]
    return data, expected["fits"]


def fitted(data, column="given_school", **keywords):
    return GLLAMM.from_formula(
        FIXED + " + (1 | id_school)", data, family=sm.families.Binomial(),
        sampling_weights={"rows": column, "id_school": "wnrschbw"}, **keywords).fit(n_quad=12)


def test_unweighted(pisa):
    data, fits = pisa
    res = GLLAMM.from_formula(FIXED + " + (1 | id_school)", data,
                              family=sm.families.Binomial()).fit(n_quad=12)
    assert res.llf == pytest.approx(-1225.46967, abs=1e-4)
    expected = np.array(list(fits["ml_agq12"]["fixed"].values()))
    assert_allclose(res.fe_params, expected[:, 0], atol=2e-5)
    assert_allclose(res.bse_fe, expected[:, 1], atol=1e-4)


@pytest.mark.parametrize("scale", ["size", "effective"])
def test_scaled(pisa, scale):
    """Weights of students need not be divided by those of schools: a factor in a school cancels."""
    data, fits = pisa
    expected = fits[f"pseudo_ml_scaled_{scale}"]
    res = fitted(data, scale_weights=scale)
    assert res.llf == pytest.approx(expected["log_pseudo_likelihood"], abs=2e-3)
    assert res.params["var[Intercept[id_school]]"] == pytest.approx(
        expected["variance"]["id_school"], abs=1e-5)
    if scale == "size":
        numbers = np.array(list(expected["fixed"].values()))
        assert_allclose(res.fe_params, numbers[:, 0], atol=1e-5)
        assert_allclose(res.bse_fe, numbers[:, 1], atol=1e-5)
    same = fitted(data, "w_fstuwt", scale_weights=scale)
    assert same.llf == pytest.approx(res.llf, rel=1e-10)


@pytest.mark.filterwarnings("ignore::statsmodels_gllamm.exceptions.WeightsWarning")
def test_raw(pisa):
    data, fits = pisa
    expected = fits["pseudo_ml_raw_conditional"]
    res = fitted(data)
    assert res.params["Intercept"] == pytest.approx(expected["fixed"]["Intercept"], abs=5e-5)
    assert res.params["var[Intercept[id_school]]"] == pytest.approx(
        expected["variance"]["id_school"], abs=5e-5)


def test_all_in_one_table(pisa):
    data, fits = pisa
    table = fitted(data, scale_weights="size").weight_sensitivity()
    variance = table.loc["var[Intercept[id_school]]"].xs("estimate", level=1)
    assert_allclose(variance[["unweighted", "raw", "size", "effective"]],
                    [fits[name]["variance"]["id_school"] for name in (
                        "ml_agq12", "pseudo_ml_raw_conditional", "pseudo_ml_scaled_size",
                        "pseudo_ml_scaled_effective")], atol=2e-5)
