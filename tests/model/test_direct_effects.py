"""Effects of columns on single items of wide data: MIMIC models with differential functioning."""
import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Factor, datasets
from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.families import Ordinal
from tests.integration.frames import random_params

BINOMIAL, GAUSSIAN = sm.families.Binomial(), sm.families.Gaussian()
TEXT = "{} =~ S1WantCurse + S1WantScold + S1DoCurse + S1DoScold; {} ~ male + anger; "
ITEMS = ["S1WantCurse", "S1WantScold", "S1DoCurse", "S1DoScold"]
FAMILIES = {
    "binary": {"family": BINOMIAL},
    "ordinal": {"family": Ordinal()},
    "mixed": {"family": dict(zip(ITEMS, [Ordinal(), GAUSSIAN, GAUSSIAN, Ordinal()]))},
}


@pytest.fixture(scope="module")
def answers():
    long = datasets.verbagg.load_pandas().data
    long = long[long["item"].isin(ITEMS)]
    return long.assign(item=pd.Categorical(long["item"].astype(str), ITEMS),
                       anger=(long["anger"] - 20) / 5).reset_index(drop=True)


def wide_of(answers, binary=False):
    data = answers.assign(answer=(answers["answer"] > 0) * 1) if binary else answers
    return data.pivot(index=["id", "male", "anger"], columns="item", values="answer").reset_index()


@pytest.mark.parametrize("kind", FAMILIES)
def test_is_a_product_with_the_items_indicator(answers, kind, rng):
    wide = wide_of(answers, kind == "binary")
    one = GLLAMM.from_wide(wide, TEXT.format("f", "f") + "S1DoCurse ~ male + male:anger; "
                           "S1DoScold ~ male", **FAMILIES[kind])
    names = ["S1DoCurse:male", "S1DoCurse:male:anger", "S1DoScold:male"]
    assert [n for n in one.param_names if ":" in n] == names
    long = one.wide.long(wide).rename(columns={"S1DoCurse": "dc", "S1DoScold": "ds"})
    for k in ITEMS:
        long[k[2:]] = 1.0 * (long["item"] == k)
    start = {"binary": "0 + item", "ordinal": "0", "mixed": "0 + WantScold + DoCurse"}[kind]
    options = {**one.wide.arguments, "factors": {"f": Factor("item")},
               "regressions": "f ~ male + anger"}
    family = {"binary": BINOMIAL, "ordinal": Ordinal(),
              "mixed": {"Ordinal": Ordinal(), "Gaussian": GAUSSIAN}}[kind]
    two = GLLAMM.from_formula(f"y ~ {start} + DoCurse:male + DoCurse:male:anger + DoScold:male"
                              " + (0 + f | id)", long, family=family, **options)
    params = pd.Series(random_params(one, rng), one.param_names)
    cuts = params.index.str.startswith("cut")
    params[cuts] = one.start_params[cuts]
    def name(parameter):
        return parameter.replace("S1Do", "Do").replace("S1Want", "Want")

    other = params.set_axis([n if "[" in n else name(n) for n in one.param_names])
    assert_allclose(two.loglike(other[two.param_names], n_quad=5), one.loglike(params, n_quad=5),
                    rtol=1e-12)


def test_labels_and_numbers(answers):
    """Equal direct effects on the items of doing are one effect; a number fixes it."""
    wide = wide_of(answers, binary=True)
    equal = GLLAMM.from_wide(wide, TEXT.format("f", "f") + "S1DoCurse ~ d*male; S1DoScold ~ d*male",
                             family=BINOMIAL).fit()
    long = wide.melt(["id", "male", "anger"], ITEMS, "item", "y")
    long["item"], long["do"] = pd.Categorical(long["item"], ITEMS), 1 * long["item"].str.contains("Do")
    shared = GLLAMM.from_formula("y ~ 0 + item + do:male + (0 + f | id)", long, family=BINOMIAL,
                                 factors={"f": "item"}, regressions="f ~ male + anger").fit()
    assert_allclose(equal.llf, shared.llf, rtol=0, atol=1e-6)
    assert equal.params["S1DoCurse:male"] == pytest.approx(equal.params["S1DoScold:male"], rel=1e-12)
    assert_allclose(equal.params["S1DoCurse:male"], shared.params["do:male"], rtol=1e-3)
    assert_allclose(equal.bse["S1DoCurse:male"], shared.bse["do:male"], rtol=1e-3)
    none = GLLAMM.from_wide(wide, TEXT.format("f", "f"), family=BINOMIAL).fit()
    zero = GLLAMM.from_wide(wide, TEXT.format("f", "f") + "S1DoCurse ~ 0*male", family=BINOMIAL).fit()
    assert_allclose(zero.llf, none.llf, rtol=0, atol=1e-6)


def test_groups(answers):
    """Each group has its own direct effects, or the same with equal regressions."""
    wide = wide_of(answers)
    text = "f =~ S1WantCurse + S1WantScold + S1DoCurse + S1DoScold; f ~ anger; S1DoCurse ~ anger"
    separate = [GLLAMM.from_wide(wide[wide["male"] == g], text).fit().llf for g in (0, 1)]
    apart = GLLAMM.from_wide(wide, text, groups="male")
    assert [n for n in apart.param_names if n.startswith("S1DoCurse:")] == [
        "S1DoCurse:male_0:anger", "S1DoCurse:male_1:anger"]
    assert_allclose(apart.fit().llf, sum(separate), rtol=0, atol=1e-6)
    same = GLLAMM.from_wide(wide, text, groups="male", equal="regressions").fit()
    direct = same.params[["S1DoCurse:male_0:anger", "S1DoCurse:male_1:anger"]]
    assert direct.iloc[0] == pytest.approx(direct.iloc[1], rel=1e-12)


def test_new_persons_and_missing_columns(answers):
    wide = wide_of(answers)
    result = GLLAMM.from_wide(wide, TEXT.format("f", "f") + "S1DoCurse ~ male").fit()
    new = result.model.wide.long(wide.iloc[:5].drop(columns=ITEMS))
    changed = result.predict(new.assign(male=1 - new["male"]), which="linear")
    moved = changed - result.predict(new, which="linear")
    loadings = np.tile(result.loadings["estimate"], 5)
    want = result.params["gamma[f[id] on male]"] * loadings + np.where(
        new["item"] == "S1DoCurse", result.params["S1DoCurse:male"], 0.0)
    assert_allclose(moved, want * (1 - 2 * new["male"]), rtol=1e-9)


def test_categories_need_indicators(answers):
    """Effects of all categories and the item's intercept are not identified together."""
    wide = wide_of(answers)
    wide["sex"] = wide["male"].map({0: "f", 1: "m"})
    with pytest.raises(DataError, match="S1DoCurse"):
        GLLAMM.from_wide(wide, TEXT.format("f", "f") + "S1DoCurse ~ sex")
