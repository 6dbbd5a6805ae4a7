"""The estimation sample: designs, names, missing rows, subset, row arguments."""

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
import pandas as pd
import pytest
import statsmodels.api as sm

from statsmodels_gllamm.exceptions import DataError, FormulaError, MissingValuesError
from statsmodels_gllamm.formula import build_sample


def test_fixed_part_is_statsmodels(data):
    formula = "y ~ x*C(item) + kind + np.exp(z) + I(x**2)"
    sample = build_sample(formula + " + (1 | school)", data)
    glm = sm.GLM.from_formula(formula, data)
    assert list(sample.exog.columns) == glm.exog_names
    assert_array_equal(sample.exog, glm.exog)
    assert_array_equal(sample.endog, glm.endog)
    assert sample.exog.index.equals(data.index)
    assert sample.parsed.plain == formula
    assert sample.dropped == {}
    assert sample.designs == sample.parts == sample.numbers == sample.labels == {}
    assert sample.categories is None


def test_random_terms(data):
    sample = build_sample("y ~ 1 + (x + kind | school/pid) + (0 + x:z || pid)", data)
    first, second, third = sample.bars
    assert (first.group, second.group, third.group) == ("school", "school:pid", "pid")
    assert first.names == ("Intercept", "kind[T.b]", "kind[T.c]", "x")
    assert first.matrix is second.matrix
    assert_array_equal(first.matrix[:, 3], data["x"])
    assert third.names == ("x:z",)
    assert first.correlated and not third.correlated
    assert first.factors == (None,) * 4


def test_products_in_a_bar_are_expanded(data):
    sample = build_sample("y ~ 1 + (x*z | school)", data)
    assert sample.bars[0].names == ("Intercept", "x", "z", "x:z")


def test_no_fixed_part(data):
    sample = build_sample("y ~ 0 + (1 | school)", data)
    assert sample.exog.shape == (60, 0)


def test_no_random_part(data):
    sample = build_sample("y ~ x", data)
    assert sample.bars == () and sample.groups == {}


def test_groups(data):
    sample = build_sample("y ~ 1 + (1 | school/pid)", data)
    school, cluster = sample.groups["school"], sample.groups["school:pid"]
    assert list(school.labels) == ["s1", "s2", "s3", "s4"]
    assert school.n_clusters == 4 and cluster.n_clusters == 20
    assert_array_equal(school.labels[school.codes], data["school"])
    assert list(cluster.labels[cluster.codes]) == list(zip(data["school"], data["pid"]))
    assert list(cluster.labels) == sorted(set(zip(data["school"], data["pid"])))


@pytest.mark.parametrize(
    "values, labels",
    [
        ([3, 1, 3, 2], [1, 2, 3]),
        ([2.0, 1.0, np.nan, 2.0], [1.0, 2.0]),
        (["b", "a", None, "b"], ["a", "b"]),
        (pd.Categorical(["b", "a", "b", None], categories=["c", "b", "a"]), ["b", "a"]),
        ([1, "a", 2, "b"], [1, 2, "a", "b"]),
        ([(1, 2), "a", None, (1, 2)], ["a", (1, 2)]),
        (pd.array([3, 1, None, 3], dtype="Int64"), [1, 3]),
        (pd.array(["u", None, "t", "u"], dtype="string"), ["t", "u"]),
        ([True, False, True, True], [False, True]),
        (pd.to_datetime(["2020-02-01", "2020-01-01", None, "2020-01-01"]), None),
    ],
)
def test_group_labels(values, labels):
    frame = pd.DataFrame({"y": [1.0, 2.0, 3.0, 4.0]})
    frame["g"] = values
    group = build_sample("y ~ 1 + (1 | g)", frame).groups["g"]
    known = frame["g"].dropna().tolist()
    assert [group.labels[c] for c in group.codes] == known
    if labels is not None:
        assert list(group.labels) == labels


def test_two_columns(data):
    data["failures"] = data["total"] - data["y"]
    sample = build_sample("y + failures ~ x + (1 | school)", data)
    assert_array_equal(sample.endog, data[["y", "failures"]])
    glm = sm.GLM.from_formula("y + failures ~ x", data, family=sm.families.Binomial())
    assert_array_equal(glm.data.orig_endog, sample.endog)
    with pytest.raises(FormulaError, match="two columns"):
        build_sample("y + failures ~ x", data, two_columns=False)


@pytest.mark.parametrize(
    "left, value",
    [
        ("np.log(total)", lambda d: np.log(d["total"])),
        ("I(y/total)", lambda d: d["y"] / d["total"]),
        ("I(total > 4)", lambda d: d["total"] > 4),
        ("flag", lambda d: d["flag"]),
        ("obj", lambda d: d["total"]),
        ("nullable", lambda d: d["total"]),
        ('Q("my y")', lambda d: d["my y"]),
        ("`my y`", lambda d: d["my y"]),
    ],
)
def test_left_side(data, left, value):
    data["flag"] = data["y"] == 1
    data["my y"] = data["x"] + 1
    data["obj"] = data["total"].astype(object)
    data["nullable"] = data["total"].astype("Int64")
    sample = build_sample(f"{left} ~ x + (1 | school)", data)
    assert sample.endog.dtype == np.float64
    assert_allclose(sample.endog, value(data).astype(float))
    new = sample.design.on(data.iloc[5:9], parts=("endog",))
    assert_allclose(new.endog, sample.endog[5:9])


def test_response_must_be_numeric(data):
    with pytest.raises(FormulaError, match="'kind' is not numeric"):
        build_sample("kind ~ x", data)
    with pytest.raises(FormulaError, match="gives . columns"):
        build_sample("y/total ~ x", data)
    with pytest.raises(FormulaError, match="gives 3 columns"):
        build_sample("y + x + z ~ 1", data)


def test_missing_rows(data):
    data.loc["row3", "x"] = np.nan
    data.loc["row4", "y"] = np.nan
    data.loc[["row3", "row5"], "school"] = None
    data.loc["row6", "w"] = np.nan
    data.loc["row7", "total"] = np.nan
    data.loc["row59", "kind"] = None
    names = ["row3", "row4", "row5", "row6", "row7", "row59"]
    sample = build_sample(
        "y ~ x + kind + (1 | school)", data, freq_weights="w", n_trials="total", offset="z"
    )
    complete = data.drop(names)
    again = build_sample(
        "y ~ x + kind + (1 | school)", complete, freq_weights="w", n_trials="total", offset="z"
    )
    assert sample.dropped == {
        "'y' is missing": 1,
        "'x' is missing": 1,
        "'kind' is missing": 1,
        "the group 'school' is missing": 1,
        "n_trials is missing": 1,
        "freq_weights column 'w' is missing": 1,
    }
    assert sum(sample.dropped.values()) == len(data) - len(sample.endog)
    assert sample.index.equals(complete.index)
    assert_array_equal(data.index[sample.positions], complete.index)
    for part in ("endog", "offset", "n_trials"):
        assert_array_equal(getattr(sample, part), getattr(again, part))
    pd.testing.assert_frame_equal(sample.exog, again.exog)
    assert_array_equal(sample.weights["rows"], again.weights["rows"])
    assert_array_equal(sample.groups["school"].codes, again.groups["school"].codes)
    with pytest.raises(MissingValuesError, match=r"'x' is missing \(1 row\).*'school'.*\(2 rows\)"):
        build_sample("y ~ x + kind + (1 | school)", data, missing="raise")


@pytest.mark.filterwarnings("ignore:invalid value")
def test_term_that_is_not_a_number(data):
    data["v"] = np.abs(data["x"])
    data.loc["row3", "v"] = -1.0
    data.loc["row5", "v"] = np.nan
    sample = build_sample("y ~ np.log(v) + center(z) + (1 | school)", data)
    assert sample.dropped == {"'v' is missing": 1, "the fixed part is not a number": 1}
    again = build_sample(
        "y ~ np.log(v) + center(z) + (1 | school)", data.drop(["row3", "row5"])
    )
    pd.testing.assert_frame_equal(sample.exog, again.exog)
    assert_array_equal(sample.groups["school"].codes, again.groups["school"].codes)
    with pytest.raises(MissingValuesError, match="the fixed part is not a number"):
        build_sample("y ~ np.log(v)", data, missing="raise")


def test_transformation_may_fill_in(data):
    data.loc["row3", "x"] = np.nan
    sample = build_sample("y ~ x.fillna(0) + (1 | school)", data)
    assert len(sample.endog) == 60


def test_lag_loses_rows_and_says_so(data):
    sample = build_sample("y ~ x.shift(1) + (0 + f | school)", data, factors={"f": "item"})
    lost = 60 - len(sample.endog)
    assert sample.dropped == {"the fixed part is not a number": lost}
    assert len(sample.exog) == len(sample.bars[0].matrix) == len(sample.factors["f"].codes)
    assert sample.factors["f"].matrix.shape == (60 - lost, 3)
    assert_array_equal(sample.factors["f"].codes + 1, data.loc[sample.index, "item"])


@pytest.mark.parametrize(
    "subset",
    [
        "x > 0 and kind != 'a'",
        "x > @low and kind != 'a'",
        lambda d: (d["x"] > 0) & (d["kind"] != "a"),
        lambda d: ((d["x"] > 0) & (d["kind"] != "a")).to_numpy(),
        lambda d: d.index[(d["x"] > 0) & (d["kind"] != "a")],
    ],
)
def test_subset(data, subset):
    subset = subset(data) if callable(subset) else subset
    formula = "y ~ x + kind + (1 | school)"
    expected = data[(data["x"] > 0) & (data["kind"] != "a")]
    sample = build_sample(
        formula, data, subset=subset, eval_env={"low": 0}, offset=data["z"].to_numpy()
    )
    again = build_sample(formula, expected, offset="z")
    pd.testing.assert_frame_equal(sample.exog, again.exog)
    assert_array_equal(sample.offset, again.offset)
    assert_array_equal(data.index[sample.positions], expected.index)
    short = build_sample(formula, data, subset=subset, eval_env={"low": 0}, offset=expected["z"])
    assert_array_equal(short.offset, again.offset)


def test_subset_errors(data):
    with pytest.raises(DataError, match="leaves no rows"):
        build_sample("y ~ x", data, subset="x > 100")
    for wrong in ("nosuch > 1", "x + 1", [True, False], ["row1000"]):
        with pytest.raises(DataError, match="subset must be"):
            build_sample("y ~ x", data, subset=wrong)


def test_repeated_row_labels(data):
    data.index = [0, 1] * 30
    sample = build_sample("y ~ x + kind + np.exp(z) + (1 | school)", data, offset=data["z"])
    assert_array_equal(sample.exog["x"], data["x"])
    assert_array_equal(sample.offset, data["z"])
    data.iloc[4, data.columns.get_loc("x")] = np.nan
    assert len(build_sample("y ~ x + kind + (1 | school)", data).endog) == 59


def test_offset_and_exposure(data):
    sample = build_sample("y ~ x", data, offset="z", exposure="total")
    assert_allclose(sample.offset, data["z"] + np.log(data["total"]))
    assert_array_equal(build_sample("y ~ x", data, n_trials=7).n_trials, np.full(60, 7.0))
    shuffled = data["z"].sample(frac=1, random_state=1)
    assert_array_equal(build_sample("y ~ x", data, offset=shuffled).offset, data["z"])


def test_sample_owns_its_arrays(data):
    sample = build_sample("y ~ x", data, offset="z", freq_weights="w")
    before = sample.offset.copy(), sample.exog.copy(), sample.weights["rows"].copy()
    data.loc[:, ["z", "x", "w"]] = 7.0
    assert_array_equal(sample.offset, before[0])
    assert_array_equal(sample.exog, before[1])
    assert_array_equal(sample.weights["rows"], before[2])


def test_names_from_outside(data):
    outside, twice = np.arange(60.0), lambda v: 2 * v
    env = {"outside": outside, "twice": twice, "x": "hidden by the column", "np": np}
    sample = build_sample("y ~ outside + twice(x)", data, eval_env=env, subset="x > 0")
    rows = (data["x"] > 0).to_numpy()
    assert_array_equal(sample.exog["outside"], outside[rows])
    assert_array_equal(sample.exog["twice(x)"], 2 * data["x"][rows])


def test_order_of_rows_does_not_matter(data):
    formula = "y ~ x + kind + (0 + f | school/pid)"
    there = build_sample(formula, data, factors={"f": "item"})
    back = build_sample(formula, data.iloc[::-1], factors={"f": "item"})
    assert_array_equal(there.exog, back.exog[::-1])
    for name, group in there.groups.items():
        assert_array_equal(group.codes, back.groups[name].codes[::-1])
        assert list(group.labels) == list(back.groups[name].labels)


def test_unused_categories_are_reported(data):
    data["kind"] = pd.Categorical(data["kind"], categories=["c", "z", "b", "a"])
    sample = build_sample("y ~ kind + C(kind):x", data)
    assert list(sample.exog.columns)[:3] == ["Intercept", "kind[T.b]", "kind[T.a]"]
    assert not (sample.exog == 0).all().any()
    assert sample.notes == ("The sample has no row with 'kind' equal to 'z'.",)


def test_other_containers(data):
    sample = build_sample("y ~ x", {"y": [1, 2, 3], "x": [1.0, 2.0, 4.0]})
    assert_array_equal(sample.exog["x"], [1, 2, 4])
    nullable = data.assign(x=data["x"].astype("Float64"), item=data["item"].astype("Int64"))
    nullable.loc["row2", "x"] = pd.NA
    sample = build_sample("y ~ x + C(item) + (x | school)", nullable)
    assert_array_equal(sample.exog["x"], data["x"].drop("row2"))


@pytest.mark.parametrize("kind", ["frequency", "cluster", "both"])
def test_weights(data, kind):
    weights = {
        "frequency": "w",
        "cluster": {"school": "w"},
        "both": {"school": data["w"].to_numpy(), "rows": "total"},
    }[kind]
    sample = build_sample("y ~ x + (1 | school/pid)", data, freq_weights=weights)
    levels = {"frequency": ["rows"], "cluster": ["school"], "both": ["school", "rows"]}[kind]
    assert list(sample.weights) == levels
    assert_array_equal(sample.weights[levels[0]], data["w"])
