"""Factors: loading designs, factors in bars and in the fixed part."""

import numpy as np
from numpy.testing import assert_array_equal
import pandas as pd
import pytest

from statsmodels_gllamm.exceptions import FormulaError
from statsmodels_gllamm.formula import build_sample
from statsmodels_gllamm.spec import Factor, Needs

IRT = "y ~ C(item) + (0 + f | school/pid)"
NAN = np.nan


def sample_of(factor, data, formula=IRT):
    return build_sample(formula, data, factors={"f": factor})


def test_loading_design_by_category(data):
    sample = sample_of(Factor("item", loadings=[1, None, 0.5]), data)
    factor = sample.factors["f"]
    assert factor.names == ("1", "2", "3")
    assert_array_equal(factor.loadings, [1, NAN, 0.5])
    assert_array_equal(factor.matrix, pd.get_dummies(data["item"]))
    assert_array_equal(factor.codes, data["item"] - 1)
    assert [b.group for b in sample.bars] == ["school", "school:pid"]
    assert sample.bars[0].factors == ("f",) and sample.bars[0].names == ("f",)
    assert_array_equal(sample.bars[0].matrix, np.ones((60, 1)))


@pytest.mark.parametrize(
    "factor, loadings",
    [
        ("item", [1, NAN, NAN]),
        (Factor("item"), [1, NAN, NAN]),
        (Factor("item", standardized=True), [NAN, NAN, NAN]),
        (Factor("item", [0, None, NAN], standardized=True), [0, NAN, NAN]),
        (Factor("item", {3: 1}), [NAN, NAN, 1]),
        (Factor("item", {"3": 1, 2.0: 0, "1": None}), [NAN, 0, 1]),
        (Factor("item", np.array([1.0, NAN, NAN])), [1, NAN, NAN]),
        (Factor("item", pd.Series([1.0, NAN, NAN])), [1, NAN, NAN]),
    ],
)
def test_loadings(data, factor, loadings):
    assert_array_equal(sample_of(factor, data).factors["f"].loadings, loadings)


def test_order_of_categories(data):
    assert sample_of("kind", data).factors["f"].names == ("a", "b", "c")
    data["kind"] = pd.Categorical(data["kind"], categories=["c", "z", "b", "a"])
    sample = sample_of("kind", data)
    assert sample.factors["f"].names == ("c", "b", "a")
    assert "'kind' equal to 'z'" in sample.notes[0]
    data["number"] = data["item"].where(data["item"] > 1)
    sample = sample_of("number", data)
    assert sample.factors["f"].names == ("2", "3")
    assert sample.dropped == {"'number' is missing": 20}


def test_loadings_by_formula(data):
    factor = sample_of(Factor("0 + kind + kind:x", [1] + [None] * 5), data).factors["f"]
    assert factor.names == tuple(f"kind[{k}]{s}" for s in ("", ":x") for k in "abc")
    indicators = pd.get_dummies(data["kind"])
    expected = np.column_stack([indicators, indicators.mul(data["x"], axis=0)])
    assert_array_equal(factor.matrix, expected)
    proportional = sample_of(Factor("~ 0 + x"), data).factors["f"]
    assert proportional.names == ("x",)
    assert_array_equal(proportional.matrix[:, 0], data["x"])


def test_products_in_bars(data):
    sample = sample_of("item", data, "y ~ 1 + (1 + f + f:x + C(item):f | pid)")
    bar = sample.bars[0]
    by_name = dict(zip(bar.names, bar.factors))
    assert by_name["Intercept"] is None and by_name["f"] == "f" and by_name["f:x"] == "f"
    assert sum(f == "f" for f in bar.factors) == len(bar.factors) - 1
    assert_array_equal(bar.matrix[:, bar.names.index("f:x")], data["x"])


def test_factor_in_the_fixed_part(data):
    sample = sample_of("item", data, "y ~ x + x:f + f + C(school):f + (0 + f | pid)")
    named = dict(zip(sample.exog.columns, sample.exog_factors))
    assert named["x"] is None and named["x:f"] == "f" and named["f"] == "f"
    assert all((v == "f") == ("f" in k.split(":")) for k, v in named.items())
    assert_array_equal(sample.exog["x:f"], data["x"])
    assert_array_equal(sample.exog["f"], np.ones(60))


def test_two_factors(data):
    factors = {"f": Factor("item", [1, None, 0]), "g": Factor("item", [0, 0, 1])}
    sample = build_sample("y ~ 1 + (0 + f + g | pid) + (0 + g | school)", data, factors=factors)
    assert [b.factors for b in sample.bars] == [("f", "g"), ("g",)]
    with pytest.raises(FormulaError, match="product of the factors 'f' and 'g'"):
        build_sample("y ~ 1 + (f:g | pid)", data, factors=factors)


@pytest.mark.parametrize(
    "factor, formula, error, part",
    [
        (Factor("item", [1, None]), IRT, FormulaError, "2 loadings but needs 3.*1, 2, 3"),
        (Factor("item", {4: 1}), IRT, FormulaError, "no loading 4; it has 1, 2, 3"),
        (Factor("x"), IRT, FormulaError, r"write Factor\('0 \+ x'\)"),
        (Factor("nosuch"), IRT, FormulaError, "'nosuch'"),
        (Factor("0 + itm:x"), IRT, FormulaError, "'itm'.*did you mean 'item'"),
        (Factor("0 + f:x"), IRT, FormulaError, "'f' cannot stand in the loadings"),
        (Factor("(1 | item)"), IRT, FormulaError, "without left side and bars"),
        (Factor("item"), "y ~ (1 | pid)", FormulaError, "declared but not used"),
        (Factor("item"), "f ~ (0 + f | pid)", FormulaError, "cannot stand in the left side"),
        (Factor("item"), "y ~ np.log(f) + (f | pid)", FormulaError, "inside a function"),
        (Factor("item"), "y ~ C(f) + (f | pid)", FormulaError, "inside a function"),
        (Factor("item"), "y ~ 1 + (1 | f)", FormulaError, "declared but not used"),
    ],
)
def test_refused(data, factor, formula, error, part):
    with pytest.raises(error, match=part):
        sample_of(factor, data, formula)


def test_refused_names(data):
    with pytest.raises(FormulaError, match="'x' has the name of a column"):
        build_sample("y ~ (0 + x | pid)", data, factors={"x": "item"})
    with pytest.raises(FormulaError, match="'a b' must be a name"):
        build_sample("y ~ (0 + x | pid)", data, factors={"a b": "item"})
    with pytest.raises(TypeError, match="mapping"):
        build_sample("y ~ (0 + x | pid)", data, factors=["f"])
    with pytest.raises(TypeError, match="must be a Factor"):
        build_sample("y ~ (0 + f | pid)", data, factors={"f": 3})
    with pytest.raises(FormulaError, match="'f' stands in the fixed part only"):
        build_sample("y ~ f + (1 | pid)", data, factors={"f": "item"})
    with pytest.raises(FormulaError, match="'f' cannot stand in the dispersion"):
        build_sample("y ~ (0 + f | pid)", data, factors={"f": "item"},
                     needs=Needs(formulas={"dispersion": "f"}))


def test_spec():
    assert Factor("item", [1, None, NAN]).loadings == (1.0, None, None)
    assert Factor("item", {"a": 1, "b": NAN}).loadings == {"a": 1.0, "b": None}
    for wrong in ("1", 1.0, [1, "a"], [np.inf], [True]):
        with pytest.raises(TypeError):
            Factor("item", wrong)
    with pytest.raises(TypeError):
        Factor(3)
    with pytest.raises(TypeError):
        Factor("item", standardized="yes")
