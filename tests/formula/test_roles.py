"""Numbers and labels that a family reads by role."""

import pickle

import numpy as np
from numpy.testing import assert_array_equal
import pandas as pd
import pytest

from statsmodels_gllamm.exceptions import DataError, MissingValuesError
from statsmodels_gllamm.formula import build_sample
from statsmodels_gllamm.spec import Needs


def sample_of(data, formula="y ~ x + (1 | school)", subset=None, missing="drop", **needs):
    return build_sample(formula, data, subset=subset, missing=missing, needs=Needs(**needs))


def test_numbers(data):
    low = np.arange(60.0)
    sample = sample_of(data, numbers={"a": "total", "b": 3, "c": low, "d": data["z"].iloc[::-1]},
                       subset="x > 0")
    rows = (data["x"] > 0).to_numpy()
    assert_array_equal(sample.numbers["a"], data["total"][rows])
    assert_array_equal(sample.numbers["b"], np.full(rows.sum(), 3.0))
    assert_array_equal(sample.numbers["c"], low[rows])
    assert_array_equal(sample.numbers["d"], data["z"][rows])
    assert all(v.dtype == np.float64 for v in sample.numbers.values())
    assert sample.numbers["b"].strides == (0,)  # no memory
    data.loc[:, "total"] = 0
    assert sample.numbers["a"].min() >= 2  # its own copy


def test_infinite_numbers_are_the_family_s_affair(data):
    data["low"] = np.where(data["x"] > 0, -np.inf, 1.0)
    assert_array_equal(sample_of(data, numbers={"low": "low", "b": -np.inf}).numbers["low"],
                       data["low"])


def test_missing_numbers(data):
    data["low"] = data["x"].where(data["x"] > 0)
    data["high"] = data["z"].mask(data.index == "row3")
    row = np.where(data.index == "row4", np.nan, 1.0)
    numbers = {"lower": "low", "upper": "high", "other": row, "none": np.nan}
    sample = sample_of(data, numbers=numbers, may_miss=frozenset({"lower", "none"}))
    assert sample.dropped == {"upper column 'high' is missing": 1, "other is missing": 1}
    complete = data.drop(["row3", "row4"])
    assert_array_equal(sample.numbers["lower"], complete["low"])
    assert np.isnan(sample.numbers["none"]).all() and len(sample.numbers["none"]) == 58
    with pytest.raises(MissingValuesError, match="lower column 'low' is missing"):
        sample_of(data, numbers={"lower": "low"}, missing="raise")
    with pytest.raises(DataError, match="Lower is missing in every row"):
        sample_of(data, numbers={"lower": np.nan})
    new = sample.design.on(data.drop(columns=["x"]), [("numbers", "lower"), ("numbers", "upper")])
    assert list(new.numbers) == ["lower", "upper"]
    assert list(data.index[~new.kept]) == ["row3"]
    assert_array_equal(new.numbers["lower"], data["low"].drop("row3"))


def test_nullable_numbers(data):
    data["k"] = data["total"].astype("Int64")
    data.loc["row2", "k"] = pd.NA
    sample = sample_of(data, numbers={"k": "k"})
    assert_array_equal(sample.numbers["k"], data["total"].drop("row2"))


def test_numbers_of_new_data(data):
    sample = sample_of(data, numbers={"a": "total", "b": 3}, labels={"set": "pid"})
    again = pickle.loads(pickle.dumps(sample))
    new = again.design.on(data[["total"]].iloc[[9, 1]], ("numbers",))
    assert_array_equal(new.numbers["a"], data["total"].iloc[[9, 1]])
    assert_array_equal(new.numbers["b"], [3.0, 3.0])
    assert new.exog is None and new.labels == {} and new.codes is None
    with pytest.raises(DataError, match="a='total' is not a column"):
        again.design.on(data[["x"]], ("numbers",))
    arrays = sample_of(data, numbers={"low": np.zeros(60)}, labels={"set": data["pid"].to_numpy()})
    for part in ("numbers", "labels"):
        name = {"numbers": "low", "labels": "set"}[part]
        with pytest.raises(DataError, match=f"{name} was given as an array, which new data do not"):
            pickle.loads(pickle.dumps(arrays)).design.on(data, (part,))
    assert len(arrays.design.on(data, ("exog", "bars")).exog) == 60


@pytest.mark.parametrize("given", ["column", "tuple", "array", "series", "categorical"])
def test_labels(data, given):
    value = {"column": "kind", "tuple": ("kind",), "array": data["kind"].to_numpy(),
             "series": data["kind"].iloc[::-1], "categorical": pd.Categorical(data["kind"])}[given]
    for subset in (None, "x > 0"):
        codes, labels = sample_of(data, labels={"alternative": value}, subset=subset).labels[
            "alternative"]
        expected = data["kind"] if subset is None else data["kind"][data["x"] > 0]
        assert codes.dtype == np.int64 and list(labels) == ["a", "b", "c"]
        assert_array_equal(labels[codes], expected)


@pytest.mark.parametrize("value", [("school", "pid"), ["school", "pid"]])
def test_labels_of_combinations(data, value):
    sample = sample_of(data, "y ~ x", labels={"set": value})
    codes, labels = sample.labels["set"]
    assert list(labels[codes]) == list(zip(data["school"], data["pid"]))
    assert list(labels) == sorted(set(labels)) and sample.groups == {}


def test_order_of_labels(data):
    data["kind"] = pd.Categorical(data["kind"], categories=["c", "z", "b", "a"])
    sample = sample_of(data, labels={"alternative": "kind"})
    assert list(sample.labels["alternative"][1]) == ["c", "b", "a"]
    assert sample.notes == ()  # a choice set left out is no news


def test_missing_labels(data):
    data.loc["row3", "kind"] = None
    data.loc["row4", "pid"] = np.nan
    third = data["z"].astype(object).mask(data.index == "row5")
    needs = {"labels": {"alternative": "kind", "set": ("school", "pid"), "third": third}}
    sample = sample_of(data, "y ~ x", **needs)
    assert sample.dropped == {"alternative column 'kind' is missing": 1, "third is missing": 1,
                              "set column 'pid' is missing": 1}
    complete = data.drop(["row3", "row4", "row5"])
    codes, labels = sample.labels["third"]
    assert_array_equal(labels[codes].astype(float), complete["z"])
    new = sample.design.on(data, [("labels", "set")])
    assert list(data.index[~new.kept]) == ["row4"] and list(new.labels) == ["set"]
    # a row that another part drops adds no label
    rows = data.iloc[:8].assign(kind=["q", *"abcabca"], x=[np.nan, *data["x"][1:8]])
    found = sample.design.on(rows, ["exog", ("labels", "alternative")])
    assert list(found.labels["alternative"][1]) == ["a", "b", "c"] and len(found.exog) == 7


def test_new_labels_come_last(data):
    labels = {"set": "pid", "both": ("school", "pid"), "kind": "kind"}
    sample = pickle.loads(pickle.dumps(sample_of(data, "y ~ x", labels=labels)))
    known = sample.labels["both"][1]
    new = data.iloc[:4].assign(pid=[9.0, 0.0, 7.0, 9.0], school=["s2", "s2", "s9", "s1"])
    found = sample.design.on(new, ("labels",)).labels
    codes, index = found["set"]
    assert list(index) == [0, 1, 2, 3, 4, 7, 9] and list(codes) == [6, 0, 5, 6]
    codes, index = found["both"]
    assert list(index[: len(known)]) == list(known) and len(index) == len(known) + 3
    assert codes[1] == known.get_loc(("s2", 0)) and sorted(codes[[0, 2, 3]]) == [20, 21, 22]
    assert list(index[codes]) == list(zip(new["school"], new["pid"]))
    assert list(found["kind"][1]) == ["a", "b", "c"]
    text = data.iloc[:2].assign(kind=pd.Categorical(["q", "a"]))
    codes, index = sample.design.on(text, [("labels", "kind")]).labels["kind"]
    assert list(codes) == [3, 0] and list(index) == ["a", "b", "c", "q"]


def test_repeated_row_labels(data):
    data.index = [0, 1] * 30
    sample = sample_of(data, numbers={"a": "z", "b": data["x"]}, labels={"set": data["kind"]})
    assert_array_equal(sample.numbers["a"], data["z"])
    assert_array_equal(sample.numbers["b"], data["x"])
    assert_array_equal(sample.labels["set"][1][sample.labels["set"][0]], data["kind"])


@pytest.mark.parametrize(
    "needs, part",
    [
        ({"numbers": {"lower": "totl"}}, "lower='totl' is not a column.*did you mean 'total'"),
        ({"numbers": {"lower": "kind"}}, "Lower column 'kind' must hold numbers"),
        ({"numbers": {"lower": [1, 2]}}, "Lower has shape .2,. but the data have 60 rows"),
        ({"numbers": {"lower": pd.Series(np.zeros(60))}}, "index of lower is not the index"),
        ({"numbers": {"lower": np.zeros((60, 2))}}, r"Lower has shape \(60, 2\)"),
        ({"labels": {"set": "schol"}}, "set='schol' is not a column.*did you mean 'school'"),
        ({"labels": {"set": ("school", "nosuch")}}, "set='nosuch' is not a column"),
        ({"labels": {"set": np.zeros(3)}}, "set has 3 labels but the data have 60 rows"),
        ({"labels": {"set": 3}}, "set must be a column, columns or one label per row, not 3"),
    ],
)
def test_refused(data, needs, part):
    with pytest.raises(DataError, match=part) as caught:
        sample_of(data, **needs)
    assert str(caught.value).endswith((".", "?"))


def test_roles_of_a_member_of_a_mixed_family(data):
    """Their names are tuples with the label of the member."""
    data["low"] = data["x"].mask(data.index == "row3")
    low, upper, alt = ("lower", "a"), ("upper", "a"), ("set", 2)
    sample = sample_of(data, numbers={low: "low", upper: 7}, labels={alt: "pid", "by": "kind"})
    assert sample.dropped == {"lower of 'a' column 'low' is missing": 1}
    new = sample.design.on(data, [("numbers", low), ("labels", alt)])
    assert list(new.numbers) == [low] and list(new.labels) == [alt]
    assert_array_equal(new.labels[alt][0], sample.labels[alt][0])
    with pytest.raises(DataError, match="lower of 'a'='lw' is not a column.*did you mean 'low'"):
        sample_of(data, numbers={low: "lw"})
    with pytest.raises(DataError, match="set of 2='pd' is not a column"):
        sample_of(data, labels={alt: "pd"})
    with pytest.raises(DataError, match="Lower of 'a' has shape"):
        sample_of(data, numbers={low: [1.0]})
