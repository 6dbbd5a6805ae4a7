"""Models of wide data are those of long data, and lavaan's."""
import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Classes, Factor, datasets
from statsmodels_gllamm.exceptions import DataError, FormulaError, MissingValuesError
from statsmodels_gllamm.families import Ordinal
from tests.integration.frames import random_params

BINOMIAL = sm.families.Binomial()
HOLZINGER = """
    visual  =~ x1 + x2 + x3
    textual =~ x4 + x5 + x6
    speed   =~ x7 + x8 + x9
"""
DEMOCRACY = """
    ind60 =~ x1 + x2 + x3             # industrialization in 1960
    dem60 =~ y1 + y2 + y3 + y4        # democracy in 1960
    dem65 =~ y5 + y6 + y7 + y8
"""


def to_wide(long, index="id"):
    return long.pivot(index=index, columns="item", values="y").reset_index()


@pytest.fixture
def holzinger(reference):
    data, expected = reference("hs_cfa")
    return to_wide(data), data, expected["fits"]


@pytest.fixture
def democracy(reference):
    data, expected = reference("poldem")
    return to_wide(data), data, expected["fits"]


@pytest.fixture(scope="module")
def answers():
    """Long data of the first persons; some answers are missing."""
    return datasets.neuroticism.load_pandas().data.query("id <= 250")


def same(wide, long, rng, rename=None):
    """The models have the same parameters and log-likelihood."""
    rename = rename or {}
    assert sorted(rename.get(n, n) for n in wide.param_names) == sorted(long.param_names)
    params = pd.Series(random_params(long, rng), index=long.param_names)
    cuts = params.index.str.startswith("cut")  # in order
    params[cuts] = long.start_params[cuts]
    mine = params[[rename.get(n, n) for n in wide.param_names]]
    assert_allclose(wide.loglike(mine.to_numpy(), n_quad=5), long.loglike(params, n_quad=5),
                    rtol=1e-12)


@pytest.mark.parametrize("std_lv", [False, True])
def test_holzinger_and_swineford(holzinger, std_lv):
    data, _, fits = holzinger
    scale = "stdlv" if std_lv else "marker"
    for items, name in ((HOLZINGER, "three"), ([f"x{k}" for k in range(1, 10)], "one")):
        expected = fits[f"{name}factor_{scale}"]
        result = GLLAMM.from_wide(data, items, std_lv=std_lv).fit()
        assert_allclose(result.llf, expected["loglik"], atol=1e-6)
        assert len(result.params) == expected["n_params"]
        loadings = {f"lambda[{'factor' if p['lhs'] == 'g' else p['lhs']},{p['rhs']}]": p
                    for p in expected["parameters"] if p["op"] == "=~" and p["se"] > 0}
        assert len(loadings) == sum(n.startswith("lambda") for n in result.params.index)
        for parameter, p in loadings.items():
            assert abs(result.params[parameter] - p["est"]) < 1e-3 * p["se"], parameter
            assert_allclose(result.bse[parameter], p["se"], rtol=0.01)


def test_formula_and_description(holzinger):
    model = GLLAMM.from_wide(holzinger[0], HOLZINGER)
    assert model.gllamm_formula == "y ~ 0 + item + (0 + visual + textual + speed | id)"
    assert model.wide.items == tuple(f"x{k}" for k in range(1, 10))
    assert "loading of textual = 1 (x4) + lambda[textual,x5] (x5)" in model.describe()
    again = GLLAMM.from_formula(model.wide.formula, model.wide.long(holzinger[0]),
                                **model.wide.arguments)
    assert again.param_names == model.param_names and again.wide is None


def test_a_factor_of_three_factors_is_their_covariance_matrix(holzinger):
    data, _, fits = holzinger
    model = GLLAMM.from_wide(data, HOLZINGER + "g =~ visual + textual + speed; g ~~ 1*g")
    assert "b[textual[id] on g[id]]" in model.param_names
    assert_allclose(model.fit().llf, fits["threefactor_marker"]["loglik"], atol=1e-6)


@pytest.mark.parametrize("lines", [
    "dem60 ~ ind60; dem65 ~ ind60 + dem60",
    "dem60 ~ ind60; dem65 ~ ind60; dem60 ~~ dem65",
    "",
])
def test_mediation(democracy, lines):
    """lavaan's mediation, and models that are the same in other parameters."""
    data, _, fits = democracy
    result = GLLAMM.from_wide(data, DEMOCRACY + lines).fit()
    assert_allclose(result.llf, fits["mediation_no_corr_resid"]["loglik"], atol=1e-6)
    if "dem65 ~ ind60 + dem60" in lines:
        for p in fits["mediation_no_corr_resid"]["parameters"]:
            if p["op"] == "~":
                name = f"b[{p['lhs']}[id] on {p['rhs']}[id]]"
                assert abs(result.params[name] - p["est"]) < 1e-3 * result.bse[name]
                assert_allclose(result.bse[name], p["se"], rtol=0.01)


def test_equal_to_long_form(democracy, rng):
    data, long, _ = democracy
    x = pd.Series(rng.normal(size=len(data)), index=data["id"])
    lines = "dem60 ~ ind60 + x; dem65 ~ dem60; ind60 ~~ 0*dem65; dem65 ~~ 1*dem65"
    wide = GLLAMM.from_wide(data.assign(x=x.to_numpy()), DEMOCRACY + lines)
    scales = {"ind60": "x1 x2 x3", "dem60": "y1 y2 y3 y4", "dem65": "y5 y6 y7 y8"}
    zero = dict.fromkeys(long["item"].unique(), 0)
    factors = {f: Factor("item", loadings=zero | dict.fromkeys(items.split()) | (
        {} if f == "dem65" else {items[:2]: 1}), standardized=f == "dem65")
        for f, items in scales.items()}
    same(wide, GLLAMM.from_formula(
        "y ~ 0 + item + (0 + ind60 | id) + (0 + dem60 | id) + (0 + dem65 | id)",
        long.assign(x=long["id"].map(x)), dispersion="0 + item", factors=factors,
        regressions=["dem60 ~ ind60 + x", "dem65 ~ dem60"]), rng)


def test_binary_items_and_patterns(rng):
    data = to_wide(datasets.lsat.load_pandas().data)
    items = [f"Q{k}" for k in range(1, 6)]
    patterns = data.groupby(items).size().rename("n").reset_index()
    persons = GLLAMM.from_wide(data, items, family=BINOMIAL, std_lv=True)
    weighted = [GLLAMM.from_wide(patterns, items, family=BINOMIAL, std_lv=True, freq_weights=w)
                for w in ("n", patterns["n"].to_numpy(), {"id": "n"})]
    params = random_params(persons, rng)
    for model in weighted:
        assert model.param_names == persons.param_names
        assert_allclose(model.loglike(params), persons.loglike(params), rtol=1e-12)
    assert_allclose(weighted[0].fit().llf, -2466.653, atol=2e-3)


def test_ordinal_items_some_missing(answers, rng):
    data = to_wide(answers, ["id", "female"])
    absent = int(data[["N1", "N2", "N3", "N4", "N5"]].isna().sum().sum())
    text = "neuro =~ N1 + N2 + N3 + N4 + N5; neuro ~ female"
    wide = GLLAMM.from_wide(data, text, family=Ordinal())
    assert absent > 5 and wide.sample.dropped == {"'y' is missing": absent}
    same(wide, GLLAMM.from_formula(
        "y ~ 0 + (0 + neuro | id)", answers, family=Ordinal(), thresholds="0 + item",
        factors={"neuro": Factor("item")}, regressions="neuro ~ female"), rng)
    with pytest.raises(MissingValuesError, match="'y' is missing"):
        GLLAMM.from_wide(data, text, family=Ordinal(), missing="raise")
    common = GLLAMM.from_wide(data, text, family=Ordinal(), thresholds="1", fixed="item:female")
    assert [n for n in common.param_names if n.startswith("cut")] == [
        f"cut[{k}|{k + 1}]" for k in range(1, 6)]
    assert "item[N3]:female" in common.param_names


def test_mixed_items(answers, rng):
    """Thresholds take the place of the intercepts of ordinal items, and of no others."""
    data = to_wide(answers)
    data["b"] = (data.pop("N4") > 3).astype(float)
    ordinal, gaussian = Ordinal(), sm.families.Gaussian()
    families = {"N1": ordinal, "N2": gaussian, "N3": Ordinal(), "N5": gaussian, "b": BINOMIAL}
    wide = GLLAMM.from_wide(data, "f =~ " + " + ".join(families), family=families)
    assert wide.gllamm_formula == "y ~ 0 + N2 + N5 + b + (0 + f | id)"
    long = data.melt("id", value_name="y", var_name="item")
    dummies = pd.get_dummies(long["item"])[["N2", "N5", "b"]].astype(float)
    long = pd.concat([long, dummies], axis=1).assign(
        kind=long["item"].map({"N1": "o", "N3": "o", "b": "b"}).fillna("g"))
    same(wide, GLLAMM.from_formula(
        "y ~ 0 + N2 + N5 + b + (0 + f | id)", long, family_by="kind", factors={"f": Factor("item")},
        family={"o": ordinal, "g": gaussian, "b": BINOMIAL},
        thresholds={"o": "0 + item"}, dispersion={"g": "0 + item"}), rng,
        {n: n.replace("Ordinal", "o").replace("Gaussian", "g") for n in wide.param_names})


def test_mixed_items_without_ordinal_ones(answers):
    data = to_wide(answers).assign(b=lambda d: (d["N4"] > 3).astype(float))
    model = GLLAMM.from_wide(data, ["N1", "N2", "b"],
                             family={"N1": sm.families.Gaussian(), "N2": sm.families.Gaussian(),
                                     "b": BINOMIAL})
    assert model.gllamm_formula == "y ~ 0 + item + (0 + factor | id)"
    assert [n for n in model.param_names if "logsd" in n] == [
        "logsd[Gaussian,item[N1]]", "logsd[Gaussian,item[N2]]"]


def test_predictions_of_new_persons(holzinger):
    data = holzinger[0]
    result = GLLAMM.from_wide(data, ["x1", "x2", "x3", "x4"]).fit()
    new = result.model.wide.long(pd.DataFrame({"id": [1001, 1002]}))
    assert_allclose(result.predict(new), np.tile(data[["x1", "x2", "x3", "x4"]].mean(), 2), rtol=1e-4)


def test_odd_names(holzinger, rng):
    data, _, _ = holzinger
    data["family income"] = rng.normal(size=len(data))
    odd = data.rename(columns={"x1": "item.1", "x2": "item 2", "id": "the pupil"})
    odd["fam.inc"] = odd["family income"]
    plain = GLLAMM.from_wide(data.assign(inc=data["family income"]),
                             "f =~ x1 + x2 + x3 + x4; f ~ inc", fixed="inc:item")
    model = GLLAMM.from_wide(odd, "f =~ item.1 + `item 2` + x3 + x4; f ~ fam.inc", id="the pupil",
                             fixed="fam.inc:item")
    other = GLLAMM.from_wide(odd, "f =~ item.1 + `item 2` + x3 + x4; f ~ `family income`",
                             id="the pupil", fixed="`family income`:item")
    params = random_params(plain, rng)
    assert "lambda[f,item 2]" in model.param_names and "var[f[the pupil]]" in model.param_names
    assert_allclose([m.loglike(params) for m in (model, other)], plain.loglike(params), rtol=1e-12)


def test_names_from_outside(holzinger):
    data, limit = holzinger[0], 100

    def double(x):
        return 2 * x

    data["w"] = np.arange(len(data))
    model = GLLAMM.from_wide(data, "f =~ x1 + x2 + x3; f ~ double(w)", subset="id < @limit")
    assert "gamma[f[id] on double(w)]" in model.param_names
    assert model.sample.groups["id"].labels.max() < limit


@pytest.mark.parametrize(("items", "options", "error", "text"), [
    (["x1", "xx"], {}, DataError, "item 'xx' is not a column of the data"),
    (["x1", "x1"], {}, DataError, "'x1' twice"),
    ([], {}, TypeError, "items is a list"),
    (["x1", "x2"], {"id": "pupil"}, DataError, "id='pupil' is not a column"),
    (["x1", "x2"], {"id": "x1"}, DataError, "one of the items"),
    (["x1", "x2"], {"id": "school"}, DataError, "'a' in several rows.*(1 | school)"),
    (["x1", "x2"], {"id": "hole"}, DataError, "id='hole' is missing in row 0"),
    (["x1", "text"], {}, DataError, "'text' does not hold numbers; recode"),
    (["x1", "empty"], {}, DataError, "'empty' is missing in every row"),
    (["x1", "text"], {"family": Ordinal()}, DataError, "'text' does not hold numbers but 'x1' does"),
    (["k1", "k2"], {"family": Ordinal()}, DataError, "'k1' and 'k2' have different categories"),
    (["x1", "x2"], {"family": {"x1": BINOMIAL}}, DataError, "no entry for the item 'x2'"),
    (["x1"], {"family": {"x3": BINOMIAL}}, DataError, "family has 'x3', which is not an item"),
    (["x1", "x2"], {"fixed": "y ~ x"}, FormulaError, "fixed='y ~ x' has a ~"),
    (["x1", "x2"], {"fixed": 1}, TypeError, "fixed is terms"),
    (["x1", "x2"], {"freq_weights": [1, 2]}, DataError, "301 rows"),
    ("x1 =~ x2 + x3", {}, FormulaError, "factor 'x1' has the name of a column"),
])
def test_errors(holzinger, items, options, error, text):
    data = holzinger[0].assign(school="a", hole=np.nan, empty=np.nan, text="b")
    data["k1"] = pd.Categorical(["a", "b"] * 150 + ["a"], ordered=True)
    data["k2"] = pd.Categorical(["a", "c"] * 150 + ["a"], ordered=True)
    with pytest.raises(error, match=text):
        GLLAMM.from_wide(data, items, **options)


def test_columns_in_the_way(holzinger):
    data = holzinger[0]
    for name in ("item", "y", "item_family"):
        with pytest.raises(DataError, match=f"column '{name}', which is the name.*rename or drop"):
            GLLAMM.from_wide(data.assign(**{name: 1}), ["x1", "x2", "x3"])
    assert "item[y]" in GLLAMM.from_wide(data.rename(columns={"x1": "y"}), ["y", "x2"]).param_names
    with pytest.raises(DataError, match="'id' does not tell the rows of the data apart"):
        GLLAMM.from_wide(data.assign(id=1), ["x1", "x2", "x3"])
    with pytest.raises(DataError, match="several columns 'x1'"):
        GLLAMM.from_wide(data.rename(columns={"x9": "x1"}), ["x1", "x2", "x3"])


def test_invariance_across_groups(holzinger):
    """Holzinger and Swineford's two schools: likelihood ratios of lavaan's tutorial, 8.192 for equal
    loadings and 40.059 for equal intercepts; with all equal it is one group."""
    wide, _, fits = holzinger
    wide["school"] = np.where(np.arange(len(wide)) < 156, "Pasteur", "Grant_White")
    everything = ["strict", "variances", "covariances", "means"]
    found = [GLLAMM.from_wide(wide, HOLZINGER, groups="school", equal=kind).fit()
             for kind in ("configural", "metric", "scalar", everything)]
    assert_allclose(-2 * np.diff([r.llf for r in found])[:2], [8.192, 40.059], atol=1e-3)
    assert [r.df_modelwc for r in found] == [60, 54, 48, 30]
    assert_allclose(found[-1].llf, fits["threefactor_marker"]["loglik"], atol=1e-4)
    apart = [GLLAMM.from_wide(group, HOLZINGER).fit().llf for _, group in wide.groupby("school")]
    assert_allclose(found[0].llf, sum(apart), atol=1e-6)
    new = found[2].model.wide.long(wide.iloc[[0, 200]].drop(columns=["x3"]))
    assert np.isfinite(found[2].predict(new)).all()
    standardized = GLLAMM.from_wide(wide, HOLZINGER, groups="school", equal="metric", std_lv=True)
    assert_allclose(standardized.fit().llf, found[1].llf, atol=1e-6)


def test_groups_of_ordinal_items(answers):
    """Equal thresholds and loadings with means and variances free: against the same by formula."""
    wide = to_wide(answers)
    wide["sex"] = np.where(np.arange(len(wide)) % 2, "m", "f")
    model = GLLAMM.from_wide(wide, "a =~ " + " + ".join(wide.columns[1:5]), family=Ordinal(),
                             groups="sex", equal="scalar")
    assert "a:m" in model.param_names and "var[a:m[id]]" in model.param_names
    one, two = [wide[wide["sex"] == sex] for sex in "fm"]
    apart = [GLLAMM.from_wide(part, "a =~ " + " + ".join(wide.columns[1:5]), family=Ordinal())
             for part in (one, two)]
    params = pd.Series(model.start_params, index=model.param_names)
    params["a:m"] = 0.0
    shared = [n for n in apart[0].param_names if n in params.index]
    total = 0.0
    for part, sex in zip(apart, "fm"):
        own = pd.Series(part.start_params, index=part.param_names)
        own[shared] = params[shared]
        own["var[a[id]]"] = params[f"var[a:{sex}[id]]"]
        total += part.loglike(own.to_numpy(), n_quad=7)
    assert_allclose(model.loglike(params.to_numpy(), n_quad=7), total, rtol=1e-9)


@pytest.mark.parametrize(("text", "fixed", "names"), [
    ("f =~ x1 + k*x2 + k*x3", "", ["lambda[f,x2] = lambda[f,x3]"]),
    ("f =~ x1 + x2 + x3 + x4; f ~ 1; x1 ~ 0*1", "", ["item[x1] = 0"]),
    ("f =~ x1 + x2 + x3; x2 ~~ v*x2; x3 ~~ v*x3", "", ["logsd[item[x2]] = logsd[item[x3]]"]),
])
def test_constraints_of_the_text(holzinger, text, fixed, names):
    wide, _, _ = holzinger
    found = GLLAMM.from_wide(wide, text).fit()
    plain = GLLAMM.from_wide(wide, "\n".join(
        line for line in text.replace("k*", "").split("; ") if "~~" not in line and "0*1" not in line))
    assert_allclose(found.llf, plain.fit_constrained(names).llf, atol=1e-7)
    assert len(found.constraints) == 1


def test_latent_classes():
    long = datasets.lsat.load_pandas().data.query("id <= 300")
    age = np.random.default_rng(0).normal(size=1001)
    long = long.assign(age=age[long["id"]])
    wide, items = to_wide(long).assign(age=age[to_wide(long)["id"]]), [f"Q{i}" for i in range(1, 6)]
    rng, classes = np.random.default_rng(1), {"c": Classes(2)}
    text = "c =~ " + " + ".join(items)
    for given, formula, membership in (
            (items, "y ~ 0 + (0 + item | c)", "1"), (text, "y ~ 0 + (0 + item | c)", "1"),
            (text + "; c ~ age", "y ~ 0 + (0 + item | c)", "age")):
        mine = GLLAMM.from_wide(wide, given, family=BINOMIAL, classes=classes)
        same(mine, GLLAMM.from_formula(formula, long, family=BINOMIAL, classes={
            "c": Classes(2, within="id", membership=membership)}), rng)
    part = GLLAMM.from_wide(wide, "c =~ Q1 + Q2; f =~ " + " + ".join(items), family=BINOMIAL,
                            classes=classes)
    assert part.gllamm_formula == "y ~ 0 + item + (0 + Q1 + Q2 | c) + (0 + f | id)"
    both = long.assign(Q1=1.0 * (long["item"] == "Q1"), Q2=1.0 * (long["item"] == "Q2"))
    same(part, GLLAMM.from_formula(part.gllamm_formula, both, family=BINOMIAL,
                                   factors={"f": Factor("item")},
                                   classes={"c": Classes(2, within="id")}), rng)
    mine = GLLAMM.from_wide(wide, items, family=BINOMIAL, classes={"c": Classes(1)})
    res = mine.fit()
    assert_allclose(res.predict(mine.wide.long(wide.head(3))), res.predict()[:15])
    for wrong in ("c =~ a*Q1 + Q2", "c =~ 0.5*Q1 + Q2", "c =~ Q1; f =~ Q2 + Q3; c ~~ f"):
        with pytest.raises(FormulaError, match="have no loadings, labels"):
            GLLAMM.from_wide(wide, wrong, family=BINOMIAL, classes=classes)
    with pytest.raises(FormulaError, match="have no line 'c =~"):
        GLLAMM.from_wide(wide, "f =~ Q1 + Q2 + Q3", family=BINOMIAL, classes=classes)
    with pytest.raises(NotImplementedError, match="cannot be regressed on the classes"):
        GLLAMM.from_wide(wide, "c =~ Q1 + Q2; f =~ Q3 + Q4; f ~ c", family=BINOMIAL, classes=classes)
    with pytest.raises(NotImplementedError, match="with groups of persons"):
        GLLAMM.from_wide(wide.assign(g=wide["id"] % 2), items, family=BINOMIAL, classes=classes,
                         groups="g")
