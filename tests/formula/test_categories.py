"""Responses that are categories."""

import pickle

import numpy as np
from numpy.testing import assert_array_equal
import pandas as pd
import pytest

from statsmodels_gllamm.exceptions import FormulaError
from statsmodels_gllamm.formula import build_sample
from statsmodels_gllamm.spec import Needs

NOMINAL, ORDINAL = Needs(categorical=True), Needs(categorical=True, ordered=True)


def codes_of(values, categories):
    return [categories.index(value) for value in values]


@pytest.mark.parametrize("dtype", [object, "string", None])
def test_text(data, dtype):
    data["kind"] = data["kind"] if dtype is None else data["kind"].astype(dtype)
    sample = build_sample("kind ~ x + (1 | school)", data, needs=NOMINAL)
    assert sample.categories == ("a", "b", "c") and sample.endog.dtype == np.float64
    assert_array_equal(sample.endog, codes_of(data["kind"], ["a", "b", "c"]))
    part = (r"'kind' has labels without an order; make it an ordered categorical, "
            r"pd.Categorical\(kind, categories=\['a', 'b', 'c'\], ordered=True\)")
    with pytest.raises(FormulaError, match=part):
        build_sample("kind ~ x", data, needs=ORDINAL)
    for needs in (None, Needs()):
        with pytest.raises(FormulaError, match="'kind' is not numeric"):
            build_sample("kind ~ x", data, needs=needs)


@pytest.mark.parametrize("needs", [NOMINAL, ORDINAL])
@pytest.mark.parametrize("ordered", [True, False])
def test_categorical(data, needs, ordered):
    data["my y"] = pd.Categorical(data["kind"], categories=["c", "z", "b", "a"], ordered=ordered)
    for left in ("`my y`", "Q('my y')"):
        if needs.ordered and not ordered:
            part = (r"'my y' has categories without an order; make it an ordered categorical, "
                    r"pd.Categorical\(my y, categories=\['c', 'b', 'a'\], ordered=True\)")
            with pytest.raises(FormulaError, match=part):
                build_sample(f"{left} ~ x", data, needs=needs)
            continue
        sample = build_sample(f"{left} ~ x", data, needs=needs)
        assert sample.categories == ("c", "b", "a")
        assert_array_equal(sample.endog, codes_of(data["kind"], ["c", "b", "a"]))
        assert sample.notes == ("The sample has no row with 'my y' equal to 'z'.",)


def test_categories_that_are_numbers_keep_their_labels(data):
    data["item"] = pd.Categorical(data["item"], categories=[3, 1, 2], ordered=True)
    sample = build_sample("item ~ x", data, needs=ORDINAL)
    assert sample.categories == (3, 1, 2) and type(sample.categories[0]) is int
    assert_array_equal(sample.endog, codes_of(data["item"], [3, 1, 2]))


@pytest.mark.parametrize("dtype", [int, float, object])
def test_numbers_that_increase_have_an_order(data, dtype):
    labels = pd.Index([1, 2, 3], dtype=dtype)
    data["item"] = pd.Categorical(data["item"].astype(dtype), categories=labels)
    sample = build_sample("item ~ x", data, needs=ORDINAL)
    assert sample.categories == (1, 2, 3)
    data["item"] = pd.Categorical(data["item"], categories=labels[[2, 0, 1]])
    with pytest.raises(FormulaError, match=r"'item' has categories without an order"):
        build_sample("item ~ x", data, needs=ORDINAL)
    assert build_sample("item ~ x", data, needs=NOMINAL).categories == (3, 1, 2)


@pytest.mark.parametrize("left", ["item", "flag", "obj", "nullable", "I(item > 1)"])
def test_numbers_stay_numbers(data, left):
    data["flag"] = data["item"] > 1
    data["obj"] = data["item"].astype(object)
    data["nullable"] = data["item"].astype("Int64")
    sample = build_sample(f"{left} ~ x", data, needs=ORDINAL)
    assert sample.categories is None
    expected = data["item"] > 1 if left.startswith("I") else data[left]
    assert_array_equal(sample.endog, expected.astype(float))


def test_missing_and_subset(data):
    data["kind"] = pd.Categorical(data["kind"], categories=["c", "b", "a"], ordered=True)
    data.loc["row3", "kind"] = np.nan
    data.loc[data["kind"] == "c", "x"] = np.nan
    sample = build_sample("kind ~ x", data, needs=ORDINAL)
    assert sample.dropped == {"'kind' is missing": 1, "'x' is missing": 20}
    assert sample.categories == ("b", "a") and set(sample.endog) == {0, 1}
    assert "equal to 'c'" in sample.notes[0]
    sample = build_sample("kind ~ 1", data, needs=ORDINAL, subset="kind != 'b'")
    assert sample.categories == ("c", "a")


@pytest.mark.filterwarnings("ignore:invalid value")
def test_category_lost_with_a_term_that_is_not_a_number(data):
    data["v"] = np.where(data["kind"] == "a", -1.0, 1.0 + data["x"] ** 2)
    sample = build_sample("kind ~ np.log(v)", data, needs=NOMINAL)
    assert sample.categories == ("b", "c") and set(sample.endog) == {0, 1}


def test_new_data(data):
    data["kind"] = pd.Categorical(data["kind"], categories=["c", "b", "a"], ordered=True)
    sample = pickle.loads(pickle.dumps(build_sample("kind ~ x", data, needs=ORDINAL)))
    new = pd.DataFrame({"kind": ["a", None, "c"], "x": 0.0})
    found = sample.design.on(new, ("endog", "exog"))
    assert_array_equal(found.endog, [2, 0])
    assert_array_equal(found.kept, [True, False, True])
    assert len(sample.design.on(new[["x"]], ("exog",)).exog) == 3
    assert list(sample.design.response.categories) == ["c", "b", "a"]
    with pytest.raises(FormulaError, match="category 'q', .* not seen; it knows 'c', 'b', 'a'"):
        sample.design.on(new.assign(kind="q"), ("endog",))
    with pytest.raises(FormulaError, match="no column 'kind', which is the response"):
        sample.design.on(new[["x"]], ("endog",))


def test_refused(data):
    with pytest.raises(FormulaError, match="gives 3 columns"):
        build_sample("C(kind) ~ x", data, needs=NOMINAL)
    with pytest.raises(FormulaError, match="'kind' is not numeric"):
        build_sample("kind + y ~ x", data, needs=NOMINAL)
    many = pd.DataFrame({"g": [f"v{k:02}" for k in range(60)]})
    with pytest.raises(FormulaError, match=r"'v07', \.\.\.\], ordered=True") as caught:
        build_sample("g ~ 1", many, needs=ORDINAL)
    assert "v08" not in str(caught.value) and str(caught.value).endswith(".")
