"""Measures of fit against lavaan's, closed forms and the likelihood itself."""
import inspect

import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
from scipy import stats
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Factor, datasets
from statsmodels_gllamm.results.fit_measures import rmsea
from statsmodels_gllamm.results.persons import strata_of
from statsmodels_gllamm.results.saturated import evaluate

ABILITIES = """visual =~ x1 + x2 + x3
    textual =~ x4 + x5 + x6
    speed =~ x7 + x8 + x9"""
SEM = """ind60 =~ x1 + x2 + x3
    dem60 =~ y1 + y2 + y3 + y4
    dem65 =~ y5 + y6 + y7 + y8
    dem60 ~ ind60
    dem65 ~ ind60 + dem60"""
RESIDUALS = """
    y1 ~~ y5
    y2 ~~ y4 + y6
    y3 ~~ y7
    y4 ~~ y8
    y6 ~~ y8"""
WITH_RESIDUALS = pytest.mark.skipif(
    "residual_covariances" not in inspect.signature(GLLAMM.from_formula).parameters,
    reason="no residual covariances")
LAVAAN = {"chisq": "chi2", "df": "df", "pvalue": "pvalue", "cfi": "cfi", "tli": "tli",
          "rmsea": "rmsea", "srmr": "srmr", "logl": "llf", "unrestricted.logl": "llf_saturated",
          "npar": "n_params", "aic": "aic", "bic": "bic"}


@pytest.fixture(scope="module")
def pupils():
    """One row per pupil."""
    long = datasets.holzinger.load_pandas().data
    wide = long.pivot(index=["id", "school", "age", "sex"], columns="item", values="y")
    return wide.reset_index()


@pytest.fixture(scope="module")
def three(pupils):
    return GLLAMM.from_wide(pupils, ABILITIES).fit()


def check_loglik(result, **kwargs):
    """The implied moments of persons give the log-likelihood of the fit."""
    strata = strata_of(result._results, **kwargs)
    assert_allclose(sum(evaluate(s.persons, s.a, s.sigma).loglik for s in strata), result.llf,
                    atol=1e-7)


@pytest.mark.parametrize("case, name, text", [
    ("hs_cfa", "threefactor_marker", ABILITIES),
    ("hs_cfa", "onefactor_marker", [f"x{k}" for k in range(1, 10)]),
    ("poldem", "mediation_no_corr_resid", SEM),
    pytest.param("poldem", "full_corr_resid", SEM + RESIDUALS, marks=WITH_RESIDUALS)])
def test_lavaan(case, name, text, reference):
    data, expected = reference(case)
    wide = data.pivot(index="id", columns="item", values="y").reset_index()
    result = GLLAMM.from_wide(wide, text).fit()
    check_loglik(result)
    found, table = result.fit_measures(), result.standardized()["estimate"]
    for p in expected["fits"][name]["parameters"]:
        residual = f"rescov[{p['lhs']},{p['rhs']}]"
        if residual in table.index:
            assert_allclose(table[residual], p["std.all"], atol=1e-4)
    for theirs, ours in LAVAAN.items():
        assert_allclose(getattr(found, ours), expected["fits"][name]["fit_measures"][theirs],
                        rtol=1e-5, atol=1e-8, err_msg=ours)


def test_published(three):
    """The tutorial of lavaan (Rosseel, 2012, J. Stat. Softw. 48(2))."""
    found = three.fit_measures()
    assert (round(found.chi2, 3), found.df, round(found.baseline_chi2, 3), found.baseline_df) == (
        85.306, 24, 918.852, 36)
    assert [round(x, 3) for x in (found.cfi, found.tli, found.srmr_nomean)] == [0.931, 0.896, 0.065]
    assert [round(x, 3) for x in (found.rmsea, found.rmsea_low, found.rmsea_high,
                                  found.rmsea_pvalue)] == [0.092, 0.071, 0.114, 0.001]
    check_loglik(three)


def test_formula_gives_the_same(three):
    data = datasets.holzinger.load_pandas().data
    scales = {"visual": "x1 x2 x3", "textual": "x4 x5 x6", "speed": "x7 x8 x9"}
    factors = {name: Factor("item", loadings={
        x: (1 if x == items[:2] else None) if x in items else 0
        for x in data["item"].cat.categories}) for name, items in scales.items()}
    res = GLLAMM.from_formula("y ~ 0 + item + (0 + visual + textual + speed | id)",
                              data.sample(frac=1, random_state=1), factors=factors,
                              dispersion="0 + item").fit()
    for ours in LAVAAN.values():
        assert_allclose(getattr(res.fit_measures(), ours), getattr(three.fit_measures(), ours),
                        rtol=1e-5)


def test_groups_of_persons():
    """Metric and scalar invariance across schools, as in lavaan's tutorial."""
    data = datasets.holzinger.load_pandas().data
    data["P"] = (data.school == "Pasteur") * 1.0
    data["G"] = 1 - data.P
    scales = {"visual": "x1 x2 x3", "textual": "x4 x5 x6", "speed": "x7 x8 x9"}
    formula = ("y ~ 0 + item:school + (0 + visual:P + textual:P + speed:P | id)"
               " + (0 + visual:G + textual:G + speed:G | id)")
    means = formula.replace("item:school", "item + visual:G + textual:G + speed:G")
    factors = {name: Factor("item", loadings={
        x: (1 if x == items[:2] else None) if x in items else 0
        for x in data["item"].cat.categories}) for name, items in scales.items()}
    fits = [GLLAMM.from_formula(text, data, factors=factors, dispersion="0 + item:school").fit()
            for text in (formula, means)]
    metric, scalar = (fit.fit_measures(by="school") for fit in fits)
    assert (round(metric.chi2, 3), metric.df) == (124.044, 54)
    assert (round(scalar.chi2, 3), scalar.df) == (164.103, 60)
    assert [round(m.cfi, 3) for m in (metric, scalar)] == [0.921, 0.882]
    assert [round(m.rmsea, 3) for m in (metric, scalar)] == [0.093, 0.107]
    check_loglik(fits[1], by="school")
    with pytest.raises(NotImplementedError, match="give by="):
        fits[1].fit_measures()
    table = fits[0].compare(fits[1], names=["metric", "scalar"], by="school")
    assert_allclose(table.loc["scalar", ["lr", "lr_df"]].astype(float), [40.059, 6], atol=5e-4)
    assert_allclose(table["chi2"].diff().iloc[1], table["lr"].iloc[1], atol=1e-8)
    assert table["df"].tolist() == [54, 60]


def test_covariates_gaps_offset_and_weights(pupils, rng):
    """Regressions and direct effects on covariates: the log-likelihood from implied moments."""
    data = pupils.assign(n=rng.integers(1, 3, len(pupils)), o=rng.normal(size=len(pupils)))
    for item in "x1", "x5", "x9":
        data.loc[rng.random(len(data)) < 0.2, item] = np.nan
    model = GLLAMM.from_wide(data, ABILITIES + "\nvisual ~ age + school\ntextual ~ visual + age",
                             fixed="item:sex", freq_weights="n", offset="o")
    res = model.fit()
    check_loglik(res)
    found = res.fit_measures()
    assert (found.n_covariates, found.n_persons, found.complete) == (3, data.n.sum(), False)
    assert found.df == 9 * 4 + 45 - len(res.params) and found.baseline_df == 36 + 9 * 3
    assert found.llf < found.llf_saturated


def test_just_identified_model_fits_perfectly(pupils):
    """One factor of three items, an effect on it and direct ones on two items."""
    data = pupils.assign(boy=pupils.sex == 1)
    long = data.melt(id_vars=["id", "boy"], value_vars=["x4", "x5", "x6"], var_name="item",
                     value_name="y")
    long["item"] = pd.Categorical(long["item"])
    for x in "x5", "x6":
        long[f"b_{x}"] = ((long["item"] == x) & long.boy) * 1.0
    res = GLLAMM.from_formula("y ~ 0 + item + b_x5 + b_x6 + (0 + f | id)", long,
                              factors={"f": Factor("item")}, regressions=["f ~ boy"],
                              dispersion="0 + item").fit()
    found = res.fit_measures()
    assert found.df == 0 and abs(found.chi2) < 1e-6 and found.cfi == 1 and found.rmsea == 0
    assert found.srmr < 1e-5 and np.isnan(found.pvalue)
    y = data[["x4", "x5", "x6"]].to_numpy()
    z = sm.add_constant(data.boy.to_numpy(float))
    omega = np.cov((y - z @ np.linalg.lstsq(z, y, rcond=None)[0]).T, ddof=0)
    closed = -0.5 * len(y) * (3 * np.log(2 * np.pi) + np.linalg.slogdet(omega)[1] + 3)
    assert_allclose(found.llf_saturated, closed, rtol=1e-10)


def test_second_order_factor(three, pupils):
    """Three factors with one above them: the same model in other parameters."""
    found = GLLAMM.from_wide(pupils, ABILITIES + "\ng =~ visual + textual + speed").fit()
    assert_allclose(found.fit_measures().chi2, three.fit_measures().chi2, atol=1e-5)
    check_loglik(found)
    ours, theirs = found.standardized()["estimate"], three.standardized()["estimate"]
    paths = [ours[f"b[{f}[id] on g[id]]"] for f in ("visual", "textual")]
    assert_allclose(np.prod(paths), theirs["cov[visual[id],textual[id]]"], atol=1e-4)
    assert_allclose(ours["lambda[speed,x8]"], theirs["lambda[speed,x8]"], atol=1e-4)


def test_growth_curve_names_its_occasions():
    """Random intercept and slope without factors: items= names the column of occasions."""
    data = datasets.sleepstudy.load_pandas().data
    data = data[data.Days < 4]
    res = GLLAMM.from_formula("Reaction ~ Days + (Days | Subject)", data).fit()
    with pytest.raises(NotImplementedError, match="items="):
        res.fit_measures()
    found = res.fit_measures(items="Days")
    assert (found.df, found.n_items) == (14 - 6, 4)
    check_loglik(res, items="Days")
    with pytest.raises(ValueError, match="'day' is not a column"):
        res.fit_measures(items="day")


def test_rmsea_interval():
    """The noncentralities at the ends give the statistic probabilities of 95 and 5 per cent."""
    point, low, high, close = rmsea(60.0, 24, 200)
    assert_allclose(point, np.sqrt(36 / (24 * 200)))
    assert_allclose([stats.ncx2.cdf(60, 24, x**2 * 24 * 200) for x in (low, high)], [0.95, 0.05])
    assert_allclose(close, stats.ncx2.sf(60, 24, 0.0025 * 24 * 200))
    assert rmsea(10.0, 24, 200)[:2] == (0.0, 0.0)
    assert rmsea(5.0, 24, 200)[2] == 0.0


def test_prints(three):
    found = three.fit_measures()
    text = str(found)
    assert "[0.071, 0.114]" in text and "85.306" in text and "Baseline df:" in text
    frame = found.to_frame()
    assert frame.loc["df", "value"] == 24 and len(frame) == 25
    assert "<table" in found._repr_html_()


def test_refusals(pupils):
    lsat = datasets.lsat.load_pandas().data
    binary = GLLAMM.from_formula("y ~ 0 + item + (0 + f | id)", lsat[lsat.id % 10 == 0],
                                 family=sm.families.Binomial(), factors={"f": Factor("item")}).fit()
    with pytest.raises(NotImplementedError, match=r"Binomial\(logit\)"):
        binary.fit_measures()
    long = datasets.holzinger.load_pandas().data.query("item in ('x4', 'x5', 'x6')").assign(
        item=lambda d: d["item"].cat.remove_unused_categories())
    factor = {"f": Factor("item")}
    levels = GLLAMM.from_formula("y ~ 0 + item + (0 + f | id) + (1 | school)", long,
                                 factors=factor).fit()
    with pytest.raises(NotImplementedError, match="one level .* has id, school"):
        levels.fit_measures()
    twice = pd.concat([long, long[:1].assign(y=3.0)], ignore_index=True)
    again = GLLAMM.from_formula("y ~ 0 + item + (0 + f | id)", twice, factors=factor).fit()
    with pytest.raises(NotImplementedError, match="person 1 has several rows of the item 'x4'"):
        again.fit_measures()
    varying = GLLAMM.from_formula("y ~ 0 + item + (0 + f | id)", long, factors=factor,
                                  dispersion="sex").fit()
    with pytest.raises(NotImplementedError, match="residual variance of 'x4' differs"):
        varying.fit_measures()
    found = varying.fit_measures(by="sex")
    assert found.n_strata == 2
    check_loglik(varying, by="sex")
    with pytest.raises(ValueError, match="varies within"):
        varying.fit_measures(by="y")
    rows = GLLAMM.from_formula("y ~ 0 + item + (0 + f | id)", long, factors=factor,
                               freq_weights=np.where(long["item"] == "x4", 2, 1)).fit()
    with pytest.raises(NotImplementedError, match="weights of rows"):
        rows.fit_measures()
    never = long[~((long["item"] == "x4") & (long.id % 2 == 0))]
    never = never[~((never["item"] == "x5") & (never.id % 2 == 1))]
    apart = GLLAMM.from_formula("y ~ 0 + item + (0 + f | id)", never, factors={
        "f": Factor("item", loadings=[1, 1, 1])}).fit()
    with pytest.raises(ValueError, match="both 'x4' and 'x5'"):
        apart.fit_measures()
    varying.remove_data()
    with pytest.raises(ValueError, match="remove_data"):
        varying.fit_measures()


def test_dependent_items_are_named(pupils):
    data = pupils[["id", "x4", "x5"]].assign(s=pupils.x4 + pupils.x5)
    res = GLLAMM.from_wide(data, "f =~ 1*x4 + 1*x5 + 1*s", dispersion="1").fit()
    with pytest.raises(ValueError, match="x4, x5, s are linearly dependent"):
        res.fit_measures()
