"""Nonparametric maximum likelihood estimates that take long."""
import numpy as np
import pytest
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Classes, Factor, datasets

pytestmark = pytest.mark.slow


def masses(data, formula, within):
    return GLLAMM.from_formula(formula, data, classes={"c": Classes("auto", within=within)})


def test_masses_of_the_diet_data_beat_the_normal_model():
    data = datasets.diet.load_pandas().data.query("fam == 'gaussian'")
    res = masses(data, "y ~ fiber2 + (1 | c)", "id").fit()
    assert res.llf > GLLAMM.from_formula("y ~ fiber2 + (1 | id)", data).fit().llf + 40
    assert res.gateaux(np.linspace(-30, 50, 300))["derivative"].max() <= 1e-4


@pytest.mark.filterwarnings("ignore:at the boundary")
def test_two_columns_and_a_mass_at_infinity():
    data = datasets.epilep.load_pandas().data
    text = "y ~ lbas * treat + lage + visit + (visit | {})"
    poisson = sm.families.Poisson()
    res = GLLAMM.from_formula(text.format("c"), data, family=poisson, classes={
        "c": Classes("auto", within="subj")}).fit()
    assert res.llf > GLLAMM.from_formula(text.format("subj"), data, family=poisson).fit().llf + 13
    assert res.gateaux()["derivative"].max() <= 1e-4
    table = res.mass_points.table
    far = np.isinf(table["Intercept", "level"])
    assert far.sum() == 1 and np.isnan(res.bse[["Intercept", "visit"]]).all()
    assert np.isfinite(table["visit", "std_err"][~far]).all()
    assert np.isfinite(res.bse[["lbas", "lage"]]).all()


def test_masses_of_true_exposure_with_loadings():
    """Covariate measurement error without normality (Rabe-Hesketh, Pickles and Skrondal, 2003)."""
    data = datasets.diet.load_pandas().data
    formula = ("y ~ 0 + fiber2 + chd + chd:age + chd:bus + chd:age:bus + intake + intake:age"
               " + intake:bus + intake:age:bus + (0 + intake | {})")
    more = {"family": {"gaussian": sm.families.Gaussian(), "binomial": sm.families.Binomial()},
            "family_by": "fam", "factors": {"intake": Factor(
                "item", loadings={"fiber1": 1, "fiber2": 1, "chd": None})}}
    res = GLLAMM.from_formula(formula.format("c"), data, **more, classes={
        "c": Classes("auto", within="id")}).fit()
    normal = GLLAMM.from_formula(formula.format("id"), data, **more).fit()
    assert res.llf > normal.llf + 52
    assert res.gateaux(np.linspace(-20, 60, 400))["derivative"].max() <= 1e-4
    assert abs(res.params["lambda[intake,chd]"] / normal.params["lambda[intake,chd]"] - 1) < 0.25
