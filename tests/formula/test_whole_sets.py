"""Rows that are one outcome are kept or dropped together."""

import pickle

import numpy as np
from numpy.testing import assert_array_equal
import pytest

from statsmodels_gllamm.exceptions import DataError, MissingValuesError
from statsmodels_gllamm.formula import build_sample
from statsmodels_gllamm.spec import Needs

SETS = Needs(labels={"set": "trip"}, whole={"set": None})
OTHERS = "another row of its set ('trip') is missing"


@pytest.fixture
def trips(data):
    """Twenty sets of three rows each, whose rows do not stand together."""
    data["trip"] = np.tile(np.arange(20) % 7 + 100 * (np.arange(20) // 7), 3)
    return data


def places(sample):
    return set(sample.positions.tolist())


def test_first_pass(trips):
    trips.iloc[3, trips.columns.get_loc("x")] = np.nan
    trips.iloc[[4, 24], trips.columns.get_loc("y")] = np.nan
    sample = build_sample("y ~ x", trips.astype({"y": float}), needs=SETS)
    assert sample.dropped == {"'y' is missing": 2, "'x' is missing": 1, OTHERS: 3}
    assert places(sample) == set(range(60)) - {3, 23, 43, 4, 24, 44}
    codes = sample.labels["set"][0]
    assert_array_equal(np.bincount(codes), 3)
    alone = build_sample("y ~ x", trips, needs=Needs(labels={"set": "trip"}))
    assert OTHERS not in alone.dropped and len(alone.index) == 57


def test_second_pass(trips):
    trips["low"] = np.where(np.arange(60) == 25, -1.0, 2.0)
    trips.iloc[7, trips.columns.get_loc("x")] = np.nan
    with np.errstate(invalid="ignore"):
        sample = build_sample("y ~ x + np.log(low)", trips, needs=SETS)
    assert places(sample) == set(range(60)) - {7, 27, 47, 5, 25, 45}
    assert sample.dropped == {"'x' is missing": 1, "the fixed part is not a number": 1, OTHERS: 4}
    assert len(sample.exog) == len(sample.endog) == len(sample.labels["set"][0]) == 54


def test_terms_that_look_at_other_rows(trips):
    """A lag is undefined in some row of whatever sample it gets."""
    sample = build_sample("y ~ x.shift()", trips, needs=SETS)
    assert len(sample.endog) == len(sample.exog) == len(sample.index) == 60 - sum(
        sample.dropped.values())
    assert not sample.exog.isna().any(axis=None)
    assert_array_equal(np.bincount(sample.labels["set"][0]), 3)


def test_arguments_weights_and_groups_count_too(trips):
    trips = trips.astype({"school": object})
    trips.iloc[0, trips.columns.get_loc("school")] = None
    offset, weights = np.zeros(60), np.ones(60)
    offset[1] = weights[2] = np.nan
    sample = build_sample("y ~ x + (1 | school)", trips, needs=SETS, offset=offset,
                          freq_weights=weights)
    assert sample.dropped[OTHERS] == 6 and len(sample.index) == 51


def test_rows_without_a_set_take_no_others_with_them(trips):
    trips = trips.astype({"trip": float})
    trips.iloc[[0, 8], trips.columns.get_loc("trip")] = np.nan
    sample = build_sample("y ~ x", trips, needs=SETS)
    assert sample.dropped == {"set column 'trip' is missing": 2}


def test_several_columns_and_labels_given_by_row(trips):
    trips.iloc[3, trips.columns.get_loc("x")] = np.nan
    pair = Needs(labels={"set": ("trip", "item")}, whole={"set": None})
    sample = build_sample("y ~ x", trips, needs=pair)
    same = (trips["trip"] == trips["trip"].iloc[3]) & (trips["item"] == trips["item"].iloc[3])
    assert same.sum() > 0 and len(sample.index) == 60 - same.sum()
    given = Needs(labels={"set": trips["trip"].to_numpy()}, whole={"set": None})
    subset = np.arange(60) != 59
    sample = build_sample("y ~ x", trips, needs=given, subset=subset)
    assert sample.dropped == {"'x' is missing": 1, "another row of its set is missing": 2}
    assert places(sample) == set(range(59)) - {3, 23, 43}


def test_inside_one_label_of_another_role(trips):
    """Rows of other labels with the same set are no part of it."""
    trips["kind"] = np.where(np.arange(60) < 30, "a", "b")
    trips.iloc[[3, 45], trips.columns.get_loc("x")] = np.nan
    needs = Needs(labels={"family_by": "kind", ("set", "a"): "trip"},
                  whole={("set", "a"): ("family_by", "a")})
    sample = build_sample("y ~ x", trips, needs=needs)
    assert sample.dropped == {
        "'x' is missing": 2, "another row of its set of 'a' ('trip') is missing": 1}
    assert places(sample) == set(range(60)) - {3, 23, 45}
    new = pickle.loads(pickle.dumps(sample)).design.on(trips, ("exog", "labels"))
    assert set(np.flatnonzero(~new.kept)) == {3, 23, 45}


def test_new_data(trips):
    sample = build_sample("y ~ x", trips, needs=SETS)
    new = trips.iloc[[5, 25, 45, 6, 26]].copy()
    new.iloc[1, new.columns.get_loc("x")] = np.nan
    rows = sample.design.on(new, ("exog", "labels"))
    assert rows.kept.tolist() == [False, False, False, True, True] and len(rows.exog) == 2
    assert sample.design.on(new, ("exog",)).kept.sum() == 4
    unknown = new.assign(trip=[1, 1, 2, 2, 2.5])
    assert sample.design.on(unknown, ("exog", "labels")).kept.tolist() == [
        False, False, True, True, True]


def test_missing_raise(trips):
    trips.iloc[3, trips.columns.get_loc("x")] = np.nan
    with pytest.raises(MissingValuesError) as caught:
        build_sample("y ~ x", trips, needs=SETS, missing="raise")
    assert "'x' is missing (1 row);" in str(caught.value) and "another" not in str(caught.value)


def test_nothing_left(trips):
    trips.iloc[:20, trips.columns.get_loc("x")] = np.nan
    with pytest.raises(DataError, match=r"'x' is missing \(20 rows\), another row .* \(40 rows\)"):
        build_sample("y ~ x", trips, needs=SETS)
