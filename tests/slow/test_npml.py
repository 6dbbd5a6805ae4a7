"""Nonparametric maximum likelihood estimates that take long."""
import numpy as np
import pytest

from statsmodels_gllamm import GLLAMM, Classes, datasets

pytestmark = pytest.mark.slow


def masses(data, formula, within):
    return GLLAMM.from_formula(formula, data, classes={"c": Classes("auto", within=within)})


def test_masses_of_the_diet_data_beat_the_normal_model():
    data = datasets.diet.load_pandas().data.query("fam == 'gaussian'")
    res = masses(data, "y ~ fiber2 + (1 | c)", "id").fit()
    assert res.llf > GLLAMM.from_formula("y ~ fiber2 + (1 | id)", data).fit().llf + 40
    assert res.gateaux(np.linspace(-30, 50, 300))["derivative"].max() <= 1e-4
