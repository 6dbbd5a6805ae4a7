"""Samples from arrays: designs, numbers and labels of a family."""

import numpy as np
from numpy.testing import assert_array_equal
import pandas as pd
import pytest
import statsmodels.api as sm

from statsmodels_gllamm.exceptions import DataError, FormulaError
from statsmodels_gllamm.formula import arrays_to_sample
from statsmodels_gllamm.spec import Needs

NEEDS = Needs(formulas={"dispersion": "1", "thresholds": "1", "zero": "1", ("dispersion", "a"): "1"},
              latent=frozenset({"zero"}))


def test_formulas_without_arrays(data):
    sample = arrays_to_sample(data["y"], data[["x"]], needs=NEEDS)
    assert list(sample.designs) == ["dispersion", "thresholds", ("dispersion", "a")]
    for design in (*sample.designs.values(), sample.parts["zero"].exog):
        assert list(design.columns) == ["Intercept"] and len(design) == 60
    assert arrays_to_sample(data["y"]).designs == {}


def test_designs(data):
    z = data[["z", "w"]]
    designs = {"dispersion": sm.add_constant(z.to_numpy()), "thresholds": z, "zero": z.to_numpy(),
               ("dispersion", "a"): data["z"].to_numpy()}
    sample = arrays_to_sample(data["y"], sm.add_constant(data["x"].to_numpy()),
                              groups=data["school"], exog_re=data["z"], needs=NEEDS, designs=designs)
    assert list(sample.exog.columns) == ["const", "x1"] and sample.bars[0].names == ("z1",)
    assert list(sample.designs["dispersion"].columns) == ["const", "d1", "d2"]
    assert list(sample.designs["thresholds"].columns) == ["z", "w"]
    assert list(sample.parts["zero"].exog.columns) == ["z1", "z2"]
    assert list(sample.designs["dispersion", "a"].columns) == ["d1"]
    assert_array_equal(sample.designs["dispersion"], designs["dispersion"])
    assert_array_equal(sample.designs["thresholds"], z)
    assert_array_equal(sample.parts["zero"].exog, z)
    assert_array_equal(sample.exog["x1"], data["x"])
    assert_array_equal(sample.bars[0].matrix[:, 0], data["z"])


def test_numbers_and_labels(data):
    total = data["total"].where(data.index != "row5")
    needs = Needs(numbers={"lower": 0, "upper": np.arange(60)}, labels={"set": "school"})
    sample = arrays_to_sample(
        data["y"], groups=data[["school"]], needs=needs, numbers={"upper": total},
        labels={"alternative": data["kind"].to_numpy(), "list": data["kind"].tolist()})
    assert sample.dropped == {"upper is missing": 1}
    complete = data.drop("row5")
    assert_array_equal(sample.numbers["upper"], complete["total"])
    assert_array_equal(sample.numbers["lower"], np.zeros(59))
    for role, column in (("set", "school"), ("alternative", "kind"), ("list", "kind")):
        codes, labels = sample.labels[role]
        assert_array_equal(labels[codes], complete[column])


def test_categories(data):
    needs = Needs(categorical=True, ordered=True)
    endog = pd.Series(pd.Categorical(data["kind"], ["c", "b", "a"], ordered=True), index=data.index,
                      name="kind")
    for given in (endog, endog.array):
        sample = arrays_to_sample(given, data["x"].to_numpy(), needs=needs)
        assert sample.categories == ("c", "b", "a")
        assert_array_equal(sample.endog, endog.cat.codes)
    frame = data[["y"]].set_axis(["name"], axis=1)
    assert_array_equal(arrays_to_sample(frame).endog, data["y"])
    text = arrays_to_sample(data["kind"].to_numpy(), needs=Needs(categorical=True))
    assert text.categories == ("a", "b", "c")
    with pytest.raises(FormulaError, match="The response 'kind' has labels without an order"):
        arrays_to_sample(data["kind"], needs=needs)


def test_refused(data):
    without = Needs(without_intercept=frozenset({"exog"}))
    with pytest.raises(DataError, match="The column 'const' of exog is constant"):
        arrays_to_sample(data["y"], sm.add_constant(data["x"].to_numpy()), needs=without)
    with pytest.raises(DataError, match="The column 'one' of exog is constant"):
        arrays_to_sample(data["y"], data[["x"]].assign(one=2), needs=without)
    assert arrays_to_sample(data["y"], data[["x"]], needs=without).exog.shape == (60, 1)
    scale = Needs(formulas={"dispersion": "1"}, without_intercept=frozenset({"dispersion"}))
    with pytest.raises(DataError, match="The column 'const' of dispersion is constant"):
        arrays_to_sample(data["y"], needs=scale, designs={"dispersion": np.ones(60)})
    with pytest.raises(DataError, match="dispersion has 3 rows, endog has 60"):
        arrays_to_sample(data["y"], needs=NEEDS, designs={"dispersion": np.ones(3)})
    for given in ({"designs": {"dispersion": data[["x"]].reset_index()}},
                  {"numbers": {"lower": data["x"].reset_index(drop=True)}},
                  {"labels": {"set": data["kind"].reset_index(drop=True)}}):
        name = next(iter(next(iter(given.values()))))
        with pytest.raises(DataError, match=f"indices of endog and {name} are not the same"):
            arrays_to_sample(data["y"], needs=NEEDS, **given)
