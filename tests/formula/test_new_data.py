"""Designs on new data: levels, stateful terms, pickling, another engine, unknown clusters."""

import math
import pickle

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
import pandas as pd
import pytest
import statsmodels.formula

from statsmodels_gllamm.exceptions import DataError, FormulaError
from statsmodels_gllamm.formula import build_sample
from statsmodels_gllamm.spec import Factor, Needs

FORMULAS = [
    "y ~ x + C(item) + kind:z + (1 + x | school/pid)",
    "y ~ center(x) + np.exp(z) + C(kind, Treatment('b')) + (x | school)",
    "y ~ bs(x, df=4) + I(x**2):C(item) + (kind || pid)",
    "y ~ x + f:x + (0 + f + f:kind | school/pid)",
    "y ~ 0 + kind + np.where(kind == 'a', x, z) + (1 | pid)",
]


def built(formula, data, **options):
    factors = {"f": Factor("0 + C(item) + C(item):x")} if "0 + f" in formula else None
    return build_sample(formula, data, factors=factors, **options)


@pytest.fixture(params=["as built", "pickled", "other engine"])
def stage(request, engine):
    """What happens between fitting and predicting."""

    def change(sample):
        if request.param == "as built":
            return sample
        if request.param == "other engine":
            other = {"patsy": "formulaic", "formulaic": "patsy"}[engine]
            pytest.importorskip(other)
            statsmodels.formula.options.formula_engine = other
        return pickle.loads(pickle.dumps(sample))

    return change


@pytest.mark.parametrize("formula", FORMULAS)
def test_rebuild(data, formula, stage):
    sample = stage(built(formula, data))
    rows = np.array([7, 3, 58, 4])
    new = sample.design.on(data.iloc[rows], ("endog", "exog", "bars", "factors", "codes"))
    assert_array_equal(new.endog, sample.endog[rows])
    assert_allclose(new.exog, sample.exog.iloc[rows], rtol=1e-12)
    assert list(new.exog.columns) == list(sample.exog.columns)
    assert new.index.equals(data.index[rows])
    for mine, theirs in zip(new.bars, sample.bars):
        assert_allclose(mine.matrix, theirs.matrix[rows], rtol=1e-12)
        assert (mine.group, mine.names) == (theirs.group, theirs.names)
    for name, group in sample.groups.items():
        assert_array_equal(new.codes[name], group.codes[rows])
    for name, factor in sample.factors.items():
        assert_allclose(new.factors[name].matrix, factor.matrix[rows])


def test_one_row_with_other_types(data, stage):
    sample = stage(built("y ~ kind*x + C(item) + (1 | school)", data))
    row = pd.DataFrame({"kind": pd.Categorical(["b"]), "x": [2], "item": [3.0]})
    new = sample.design.on(row, ("exog",))
    expected = {"Intercept": 1, "kind[T.b]": 1, "C(item)[T.3]": 1, "x": 2, "kind[T.b]:x": 2}
    assert {k: v for k, v in new.exog.iloc[0].items() if v} == expected


def test_only_the_parts_asked_for_need_columns(data):
    sample = built("y ~ x + (z | school)", data, needs=Needs(formulas={"dispersion": "0 + kind"}))
    assert sample.design.on(data[["x"]], ("exog",)).bars is None
    assert sample.design.on(data[["z"]], ("bars",)).bars[0].matrix.shape == (60, 2)
    new = sample.design.on(data[["kind"]], ("dispersion",)).designs["dispersion"]
    pd.testing.assert_frame_equal(new, sample.designs["dispersion"])
    with pytest.raises(FormulaError, match="no column 'x', which the fixed part needs"):
        sample.design.on(data[["z"]])
    with pytest.raises(DataError, match="no column 'school' for the group 'school'"):
        sample.design.on(data[["z", "x"]], ("exog", "codes"))
    with pytest.raises(FormulaError, match="no column 'y', which is the response"):
        sample.design.on(data[["x"]], ("endog",))
    with pytest.raises(ValueError, match="'nosuch'"):
        sample.design.on(data, ("nosuch",))


def test_missing_rows_are_left_out(data):
    sample = built("y ~ np.exp(x) + kind + (z | school)", data)
    data.loc["row1", "x"] = np.nan
    data.loc["row2", "kind"] = None
    data.loc["row4", "z"] = np.nan
    data.loc["row5", "school"] = None
    new = sample.design.on(data)
    assert list(data.index[~new.kept]) == ["row1", "row2", "row4"]
    assert len(new.exog) == len(new.bars[0].matrix) == len(new.codes["school"]) == 57
    assert new.codes["school"][new.index == "row5"] == [-1]


def test_unknown_levels_and_clusters(data):
    sample = build_sample("y ~ kind + (0 + f | school/pid)", data, factors={"f": "item"})
    new = data.iloc[:2].assign(school=["s1", "new"])
    assert_array_equal(sample.design.on(new, ("codes",)).codes["school"], [0, -1])
    assert sample.design.on(new, ("codes",)).codes["school:pid"][1] == -1
    with pytest.raises(FormulaError, match="'kind' in the fixed part has the level 'q'.*'a', 'b'"):
        sample.design.on(data.iloc[:2].assign(kind="q"))
    with pytest.raises(FormulaError, match="'f' has no loading for 7 of 'item'; it has 1, 2, 3"):
        sample.design.on(data.iloc[:2].assign(item=7))


def test_loading_codes_on_new_data(data, stage):
    data["item"] = pd.Categorical(data["item"], categories=[3, 1, 2])
    sample = stage(build_sample("y ~ 1 + (0 + f | pid)", data, factors={"f": "item"}))
    new = sample.design.on(pd.DataFrame({"item": [1, 2, 3]}), ("factors",)).factors["f"]
    assert new.names == ("3", "1", "2")
    assert_array_equal(new.matrix, [[0, 1, 0], [0, 0, 1], [1, 0, 0]])


def test_functions_of_the_caller(data):
    env = {"root": np.sqrt, "double": lambda v: 2 * v, "math": math, "unused": lambda: 1}
    sample = build_sample("y ~ root(total) + I(x * math.pi)", data, eval_env=env)
    again = pickle.loads(pickle.dumps(sample))
    assert_allclose(again.design.on(data).exog, sample.exog)
    sample = build_sample("y ~ double(x)", data, eval_env=env)
    assert_allclose(sample.design.on(data).exog, sample.exog)
    again = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(sample))))
    with pytest.raises(FormulaError, match="'double' in the fixed part could not be stored"):
        again.design.on(data)


def test_stored_designs_are_small_and_own_their_data(data):
    big = pd.concat([data] * 200)
    plain = build_sample("y ~ x*kind + C(item) + np.log(total) + (x | school)", big)
    assert len(pickle.dumps(plain.design)) < 20_000
    sample = build_sample("y ~ center(x)", data)
    exog = sample.exog.copy()
    original = data.copy()
    data.loc[:, "x"] = 100.0
    again = pickle.loads(pickle.dumps(sample))
    assert_allclose(again.design.on(original).exog, exog)
