"""Factor models in lavaan's notation, and the long data of wide data."""
import numpy as np
from numpy.testing import assert_array_equal
import pandas as pd
import pytest
import statsmodels.api as sm

from statsmodels_gllamm import Factor
from statsmodels_gllamm.exceptions import DataError, FormulaError
from statsmodels_gllamm.families import Nominal, Ordinal
from statsmodels_gllamm.families.registry import as_family
from statsmodels_gllamm.formula.measurement import parse_measurement
from statsmodels_gllamm.formula.wide import from_wide

COLUMNS = ["x1", "x2", "x3", "y1", "y2", "z1", "z2", "age", "sex", "a.b", "my item"]
THREE = "f =~ x1 + x2 + x3; g =~ y1 + y2; h =~ z1 + z2; "


def read(text, **options):
    return parse_measurement(text, COLUMNS, **options)


def test_lines_comments_and_continuations():
    model = read("""
        # a comment; with =~ and ~
        f =~ x1 + x2   # the first
           + x3
        g =~
           y1 + y2; f =~ z1
        g ~ f +
            age""")
    assert model.loadings == {"f": {"x1": 1, "x2": None, "x3": None, "z1": None},
                              "g": {"y1": 1, "y2": None}}
    assert model.items == ["x1", "x2", "x3", "z1", "y1", "y2"]
    assert model.regressions == [("g", ["f", "age"])] and model.outcomes == {"g"}


@pytest.mark.parametrize(("text", "std_lv", "loadings", "standardized"), [
    ("f =~ x1 + 0.8*x2 + x3", False, {"x1": 1, "x2": 0.8, "x3": None}, False),
    ("f =~ NA*x1 + -1.5e-1 * x2 + x3", False, {"x1": None, "x2": -0.15, "x3": None}, False),
    ("f =~ 2*x1 + NA*x2", False, {"x1": 2, "x2": None}, False),
    ("f =~ x1 + x2; f ~~ 1*f", False, {"x1": None, "x2": None}, True),
    ("f =~ x1 + x2", True, {"x1": None, "x2": None}, True),
    ("f =~ 1*x1 + x2; f ~~ NA*f", True, {"x1": 1, "x2": None}, False),
    ("f =~ x1 + x2; f ~~ f", True, {"x1": 1, "x2": None}, False),
    ("f =~ `my item` + a.b", False, {"my item": 1, "a.b": None}, False),
])
def test_loadings(text, std_lv, loadings, standardized):
    model = read(text, std_lv=std_lv)
    assert model.loadings == {"f": loadings}
    assert model.standardized == ({"f"} if standardized else set())


@pytest.mark.parametrize(("lines", "blocks"), [
    ("", ["f g h"]),
    ("h ~ f", ["f g", "h"]),
    ("g ~ f; h ~ f", ["f", "g", "h"]),
    ("g ~ f; h ~ f; g ~~ h", ["f", "g h"]),
    ("f ~~ 0*g + 0*h", ["f", "g h"]),
    ("f ~~ 0*g; g + f ~~ 0*h", ["f", "g", "h"]),
])
def test_who_correlates(lines, blocks):
    model = read(THREE + lines)
    assert [" ".join(block) for block in model.blocks()] == blocks
    assert model.uncorrelated() == []


@pytest.mark.parametrize(("lines", "apart"), [
    ("g ~ f; g ~~ h", [("f", "g")]),
    ("f ~~ 0*g", [("f", "g")]),
])
def test_patterns_of_correlations(lines, apart):
    model = read(THREE + lines)
    assert model.blocks() == [["f", "g", "h"]] and model.uncorrelated() == apart


def test_factors_of_factors():
    model = read(THREE + "k =~ f + g + NA*h; k ~~ 1*k")
    assert model.loadings["k"] == {} and model.standardized == {"k"}
    assert model.regressions == [("f", ["k"]), ("g", ["k"]), ("h", ["k"])]
    assert [len(block) for block in model.blocks()] == [1, 1, 1, 1]


def test_direct_effects():
    model = read(THREE + "f ~ age; x2 ~ age + k*sex + 0.5*`a.b`; y1 ~ 1 + k*age; z1 ~ 0*1 + age:sex")
    assert model.direct == [("x2", ["age", "sex", "`a.b`"]), ("y1", ["age"]), ("z1", ["age:sex"])]
    assert model.regressions == [("f", ["age"])]
    assert model.labels == {"k": [("direct", "x2", "sex"), ("direct", "y1", "age")]}
    assert model.values == [(("direct", "x2", "a.b"), 0.5), (("intercept", "z1"), 0.0)]


@pytest.mark.parametrize(("line", "error", "text"), [
    ("x1 ~~ x2; x2 ~~ x1", FormulaError, "residual covariance of 'x2' and 'x1' a second time"),
    ("x1 ~~ f", FormulaError, "covariance of an item and a factor"),
    ("x1 ~ age + f", FormulaError, "'f' as a cause of an item: write 'f =~ x1'"),
    ("x1 ~ x2", NotImplementedError, "the item 'x2' as a covariate"),
    ("x1 ~ agee", FormulaError, "'agee' .*neither.*did you mean 'age'"),
    ("age ~ f", NotImplementedError, "regresses the column 'age'"),
    ("q ~ f", FormulaError, "'q' in the line 'q ~ f' is no factor"),
    ("f ~ agee", FormulaError, "'agee' .*neither.*did you mean 'age'"),
    ("f ~ x1", NotImplementedError, "the item 'x1' as a covariate"),
    ("d := a*b", NotImplementedError, "'d := a.b' has :=: defined parameters.*t_test"),
    ("x1 | t1", NotImplementedError, "Ordinal"),
    ("level: 2", NotImplementedError, "levels and groups"),
    ("k =~ c(1,2)*x1", NotImplementedError, "values by group"),
    ("k =~ start(0.5)*x1", NotImplementedError, "starting values"),
    ("k =~ x1*x2", FormulaError, "label 'x1' of 'x2', which is the name"),
    ("k =~ x1 - x2", FormulaError, "'x1 - x2' .* is no name"),
    ("k =~ x9", FormulaError, "'x9' .*is not a column of the data"),
    ("f =~ x1", FormulaError, "item 'x1' of 'f' a second time"),
    ("k =~ NA*f + g", FormulaError, "'k' has no loading .*add the line 'k ~~ 1.k'"),
    ("k =~ NA*x1 + x2", FormulaError, "'k' has no loading .*add the line 'k ~~ 1.k'"),
    ("f ~~ age", FormulaError, "column 'age', which is no item"),
    ("f ~~ q", FormulaError, "'q' in the line 'f ~~ q' is no factor"),
    ("f.1 =~ x1", FormulaError, "factor name 'f.1' must be a name"),
    ("f x1 x2", FormulaError, "'f x1 x2' cannot be read"),
    ("f =~ x1 x2", FormulaError, "'x1 x2' in the line .* is no name.*backticks"),
    ("k =~ x1 +", FormulaError, "'' in the line .* is no name"),
])
def test_errors(line, error, text):
    with pytest.raises(error, match=text):
        read(THREE + line)


def test_labels_and_numbers():
    model = read("f =~ a*x1 + b*x2 + x3; g =~ NA*y1 + 1*y2 + a*z1; k =~ f + b*g; f ~~ 0.5*f;"
                 "f ~ c*age; g ~ 1; x3 ~ 0*1; x1 ~~ v*x1; x2 ~~ v*x2; f ~~ 0.3*g; a == 2*b; x1 ~ 1;"
                 "x1 ~~ x1; g ~ 0")
    assert model.loadings["f"] == {"x1": None, "x2": None, "x3": None}  # the variance has a number
    assert model.loadings["g"] == {"y1": None, "y2": 1.0, "z1": None}
    assert model.labels == {
        "a": [("lambda", "f", "x1"), ("lambda", "g", "z1")],
        "b": [("lambda", "f", "x2"), ("regression", "g", "k")],
        "c": [("regression", "f", "age")],
        "v": [("residual", "x1"), ("residual", "x2")]}
    assert dict(model.values) == {("var", "f"): 0.5, ("cov", "f", "g"): 0.3, ("intercept", "x3"): 0.0,
                                  ("regression", "f", "k"): 1.0}
    assert model.means == ["g"] and model.equations == ["a = 2*b"]


@pytest.mark.parametrize(("text", "expected"), [
    ("f =~ x1 + a*x2 + a*x3", ["lambda[f,x3] = lambda[f,x2]"]),
    ("f =~ a*x1 + x2 + a*x3", ["lambda[f,x3] = 1.0"]),
    ("f =~ x1 + x2; f ~~ 0.5*f", ["var[f[id]] = 0.5"]),
    ("f =~ x1 + x2; g =~ y1 + y2; g ~ b*f + c*age; b == 2*c",
     ["b[g[id] on f[id]] = 2*gamma[g[id] on age]"]),
    ("f =~ x1 + x2; x1 ~~ 4*x1", [f"logsd[item[x1]] = {float(np.log(2))!r}"]),
    ("f =~ x1 + x2; f ~ 1; x1 ~ 0*1", ["item[x1] = 0.0"]),
    (THREE + "g ~ f; g ~~ h", ["cov[f[id],g[id]] = 0"]),
    (THREE + "h ~ a*f + a*g:age + 0.5*g:f", ["b[h[id] on f[id]:g[id]] = 0.5",
                                             "b[h[id] on g[id]:age] = b[h[id] on f[id]]"]),
])
def test_constraints_in_words(text, expected):
    data = pd.DataFrame(np.arange(24.0).reshape(3, 8),
                        columns=["x1", "x2", "x3", "y1", "y2", "z1", "z2", "age"])
    wide, _, arguments = made(data, text, as_family(sm.families.Gaussian()))
    assert [x for x in wide.constraints if "=" in x] == arguments["constraints"] == expected
    if "f ~ 1" in text:
        assert wide.formula == "y ~ 0 + item + f + (0 + f | id)"


@pytest.mark.parametrize(("options", "error", "text"), [
    ({"equal": "metric"}, ValueError, "name their column by groups="),
    ({"groups": "school"}, DataError, "groups='school' is not a column"),
    ({"groups": "one"}, DataError, "has one value only"),
    ({"groups": "gap"}, DataError, "groups='gap' is missing in row 1"),
    ({"groups": "sex", "equal": "residual"}, ValueError, "'residual' is none of configural, metric"),
    ({"groups": "odd"}, DataError, "cannot be made the name of a column; recode"),
])
def test_errors_of_groups(options, error, text):
    data = pd.DataFrame({"x1": [1.0, 2, 3, 4], "x2": [2.0, 1, 4, 3], "sex": list("mfmf"), "one": 1,
                         "gap": ["a", None, "b", "b"], "odd": ["a b", "a-b", "a b", "a-b"]})
    with pytest.raises(error, match=text):
        made(data, ["x1", "x2"], as_family(sm.families.Gaussian()), **options)


def test_groups():
    data = pd.DataFrame({"x1": [1.0, 2, 3, 4], "x2": [2.0, 1, 4, 3], "sex": list("mfmf")})
    family = as_family(sm.families.Gaussian())
    wide, long, _ = made(data, ["x1", "x2"], family, groups="sex", std_lv=True)
    assert wide.formula == "y ~ 0 + cell + (0 + factor:f | id) + (0 + factor:m | id)"
    assert wide.constraints == ["var[factor:f[id]] = 1.0", "var[factor:m[id]] = 1.0"]
    assert long["cell"].tolist()[:3] == ["x1|m", "x2|m", "x1|f"] and wide.dispersion == "0 + cell"
    assert long["f"].tolist() == [0, 0, 1, 1] * 2
    wide, _, _ = made(data, ["x1", "x2"], family, groups="sex", equal="scalar")
    assert wide.formula == ("y ~ 0 + item + factor:m + (0 + factor:f | id) + (0 + factor:m | id)")
    assert wide.factors["factor"].by == "item" and wide.constraints == []
    with pytest.raises(DataError, match="'sex' is 'x', which is none of the groups 'f', 'm'"):
        wide.long(data.assign(sex="x"))
    product = "f =~ x1 + x2; g =~ x3; g ~ f + f:age + age; g ~~ 1*g"
    wide, _, _ = made(data.assign(x3=1.0, age=2.0), product, family, groups="sex")
    assert wide.regressions[1] == "g:m[id] ~ f:m[id] + f:m[id]:age + age"
    words, _, _ = made(data.assign(sex=["a-b", "c d"] * 2), ["x1", "x2"], family, groups="sex")
    assert words.groups.indicators == ("a_b", "c_d") and words.groups.labels == ("a-b", "c d")
    number, _, _ = made(data.assign(sex=[1, 2, 1, 2]), ["x1", "x2"], family, groups="sex")
    assert number.groups.indicators == ("sex_1", "sex_2")


def test_no_factor():
    with pytest.raises(FormulaError, match="has no line 'factor =~ item"):
        read("f ~ age")


# The long data

@pytest.fixture
def data():
    return pd.DataFrame({"age": [20, 30, 40], "x2": [1.0, np.nan, 3.0], "x1": [4, 5, 6]},
                        index=["p", "q", "r"])


def made(data, items, family=None, **options):
    family = Ordinal() if family is None else family
    family = {k: as_family(f) for k, f in family.items()} if isinstance(family, dict) else family
    return from_wide(data, items, family=family, **options)


def test_long_data(data):
    wide, long, arguments = made(data, ["x1", "x2"])
    assert list(long.columns) == ["id", "item", "y", "age"]
    assert long["id"].tolist() == list("ppqqrr")
    assert long["item"].cat.categories.tolist() == ["x1", "x2"]
    assert long["item"].tolist() == ["x1", "x2"] * 3
    assert_array_equal(long["y"], [4, 1, 5, np.nan, 6, 3])
    assert long["age"].tolist() == [20, 20, 30, 30, 40, 40]
    assert wide.formula == "y ~ 0 + (0 + factor | id)"
    assert arguments["factors"] == {"factor": Factor("item", loadings={"x1": 1, "x2": None})}
    assert (arguments["thresholds"], arguments["dispersion"]) == ("0 + item", None)
    new = wide.long(data[["age"]])
    assert new["y"].isna().all()
    pd.testing.assert_frame_equal(new.drop(columns="y"), long.drop(columns="y"))
    nan = np.nan
    assert_array_equal(wide.long(data.drop(columns="x1"))["y"], [nan, 1, nan, nan, nan, 3])


def test_persons(data):
    assert made(data.reset_index(names="id"), ["x1", "x2"])[1]["id"].tolist() == list("ppqqrr")
    wide, long, _ = made(data.reset_index(names="the person"), ["x1", "x2"], id="the person")
    assert wide.formula == "y ~ 0 + (0 + factor | `the person`)" and "id" not in long
    twice = data.set_axis(["p", "p", "r"])
    assert made(twice, ["x1", "x2"])[1]["id"].tolist() == [0, 0, 1, 1, 2, 2]


def test_arguments_of_persons(data):
    _, long, arguments = made(data, ["x1", "x2"], freq_weights=[3, 1, 2], offset="age",
                              exposure=np.arange(3), subset="age > 20")
    assert long["id"].tolist() == list("qqrr")
    assert_array_equal(arguments["freq_weights"]["id"], [1, 1, 2, 2])
    assert arguments["offset"] == "age"
    assert_array_equal(arguments["exposure"], [1, 1, 2, 2])
    assert made(data, ["x1", "x2"], freq_weights="age")[2]["freq_weights"] == {"id": "age"}


def test_responses_of_any_type(data):
    answers = pd.CategoricalDtype(["no", "perhaps", "yes"], ordered=True)
    text = data.assign(x1=pd.Categorical(["no", "yes", None], dtype=answers),
                       x2=pd.Categorical(["yes", "no", "no"], dtype=answers))
    y = made(text, ["x1", "x2"])[1]["y"]
    assert y.dtype == answers and y.tolist()[:4] == ["no", "yes", "yes", "no"] and y.isna()[4]
    plain = made(text.astype({"x1": object, "x2": object}), ["x1", "x2"], Nominal())[1]["y"]
    assert plain.tolist()[:4] == ["no", "yes", "yes", "no"] and plain.isna()[4]
    numbers = data.assign(x1=pd.Categorical([1, 2, 1], ordered=True),
                          x2=pd.array([True, None, False], dtype="boolean"))
    assert_array_equal(made(numbers, ["x1", "x2"])[1]["y"], [1, 1, 2, np.nan, 1, 0])


def test_families_by_item(data):
    data = data.assign(x3=1.5, x4=[0, 1, 0])
    items = ["x1", "x2", "x3", "x4"]
    one, long, arguments = made(data, items, dict.fromkeys(items, Ordinal()))
    assert arguments["family"] == Ordinal() and "item_family" not in long and one.families is None
    family = {"x1": Ordinal(), "x2": Ordinal(), "x3": Ordinal("probit"), "x4": Nominal()}
    wide, long, arguments = made(data, items, family)
    assert list(arguments["family"]) == ["Ordinal(logit)", "Ordinal(probit)", "Nominal(logit)"]
    assert arguments["thresholds"] == {
        "Ordinal(logit)": "0 + item", "Ordinal(probit)": "0 + item"}
    assert long["item_family"].tolist()[:4] == [
        "Ordinal(logit)", "Ordinal(logit)", "Ordinal(probit)", "Nominal(logit)"]
    assert wide.formula == "y ~ 0 + x4 + (0 + factor | id)"
    assert_array_equal(long["x4"], [0, 0, 0, 1] * 3)
