"""Formulas of categories are evaluated once for each combination; formulas that stand twice, once."""
import numpy as np
from numpy.testing import assert_array_equal
import pandas as pd
import pytest

from statsmodels_gllamm import GLLAMM, Factor
from statsmodels_gllamm.formula import design as design_module
from statsmodels_gllamm.formula.design import make_design


@pytest.fixture
def frame(rng):
    n = 600
    data = pd.DataFrame({"item": rng.choice(list("abc"), n), "sex": rng.choice(["f", "m"], n),
                         "grade": rng.integers(1, 4, n)})
    data["item"] = data["item"].astype(pd.CategoricalDtype(list("dabc")[1:]))
    return data


@pytest.mark.parametrize("formula", ["0 + item", "item * sex", "C(grade):sex + item", "item + f"])
@pytest.mark.parametrize("missing", [False, True])
def test_same_design(frame, engine, formula, missing, monkeypatch):
    if missing:
        frame.loc[frame.index[::7], "item"] = np.nan
        frame.loc[frame.index[::11], "sex"] = None
    settings = {"env": {}, "engine": engine, "where": "the fixed part", "factors": ("f",)}
    few, values, kept = make_design(formula, frame, **settings)
    monkeypatch.setattr(design_module, "_few_rows", lambda *_: None)
    all_rows, expected, everywhere = make_design(formula, frame, **settings)
    assert_array_equal(values, expected)
    assert_array_equal(kept, everywhere)
    assert few.names == all_rows.names and few.column_factors == all_rows.column_factors
    new = frame[~frame.isna().any(axis=1)][:5]
    assert_array_equal(few.matrix(new)[0], all_rows.matrix(new)[0])


def test_once_for_all_places(frame, rng, monkeypatch):
    """The same formula of fixed part and dispersion; errors name the right one."""
    frame = frame.assign(y=rng.normal(size=600), id=np.repeat(np.arange(100), 6))
    calls = []
    plain = design_module._evaluate
    monkeypatch.setattr(design_module, "_evaluate",
                        lambda *args: calls.append(args[1]) or plain(*args))
    model = GLLAMM.from_formula("y ~ 0 + item + (0 + f | id)", frame, dispersion="0 + item",
                                factors={"f": Factor("item")})
    assert calls.count("0 + item") == 1
    assert_array_equal(model.sample.exog, model.sample.designs["dispersion"])
    assert model.sample.design.exog.where != model.sample.design.designs["dispersion"].where
