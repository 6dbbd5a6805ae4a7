"""Summaries and tables of thresholds, auxiliary parameters, parts and outcomes of several rows."""

import warnings

import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
from scipy.special import expit
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, families
from statsmodels_gllamm.results.notes import family_and_link

BINOMIAL, POISSON = sm.families.Binomial(), sm.families.Poisson()


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(11)
    n = 240
    frame = pd.DataFrame({"id": np.arange(n) // 6, "item": np.tile(["p", "q", "r"], n // 3),
                          "x": rng.normal(size=n), "trip": np.arange(n) // 3})
    eta = rng.normal(size=40)[frame.id]
    frame["grade"] = np.digitize(frame.x + eta + rng.logistic(size=n), [-1, 1]) + 1
    frame["party"] = np.array(["con", "lab", "lib"])[frame.grade - 1]
    frame["t"] = np.exp(0.3 * frame.x + 0.5 * eta + 0.4 * rng.normal(size=n))
    frame["k"] = rng.poisson(np.exp(0.5 + 0.3 * frame.x + 0.5 * eta)) * (rng.random(n) < 0.7)
    frame["y"] = (eta + frame.x + rng.logistic(size=n) > 0) * 1
    frame["first"] = (np.arange(n) % 3 == 0) * 1
    return frame


def fit(formula, data, **keywords):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return GLLAMM.from_formula(formula, data, **keywords).fit(integration="laplace", threads=1)


def row_of(results, name):
    text = str(results.summary())
    return next(line.split() for line in text.splitlines() if line.startswith(name))


def test_thresholds(data):
    results = fit("grade ~ x + (1 | id)", data, family=families.Ordinal("probit"),
                  thresholds="0 + item", dispersion="item")
    names = [f"cut[item[{i}],{a}|{a + 1}]" for i in "pqr" for a in (1, 2)]
    assert results.thresholds.index.tolist() == names
    assert results.thresholds.columns.tolist() == ["estimate", "std err"]
    assert_allclose(results.thresholds["estimate"], results.params[names])
    assert_allclose(results.thresholds["std err"], results.bse[names])
    scale = results.dispersion
    assert scale.index.tolist() == ["logscale[item[T.q]]", "logscale[item[T.r]]"]
    assert_allclose(scale["value"], np.exp(scale["estimate"]))
    assert results.scale == 1 and results.df_model == 1
    frame = results.to_frame()
    assert frame.loc[names, "kind"].eq("threshold").all()
    assert frame.loc[scale.index, "kind"].eq("scale").all()
    text = str(results.summary())
    assert text.index("Coefficients") < text.index("Thresholds") < text.index("(Co)variances") < (
        text.index("\nScale"))
    assert "Family: Ordinal" in " ".join(text.split()) and "probit" in text
    counts = data.grade.value_counts()
    assert f"Categories (rows): 1 ({counts[1]}) < 2 ({counts[2]}) < 3 ({counts[3]})." in text
    assert str(results.summary2())


def test_increments(data):
    results = fit("grade ~ x + (1 | id)", data, family=families.Ordinal(increments=True))
    first, step = results.thresholds.index
    assert first == "cut[1|2]" and step == "logstep[2|3]"
    plain = fit("grade ~ x + (1 | id)", data, family=families.Ordinal())
    steps = np.diff(plain.params[["cut[1|2]", "cut[2|3]"]])
    assert_allclose(np.exp(results.params[step]), steps, rtol=1e-4)
    frame = results.to_frame()
    assert frame.loc[[first, step], "kind"].eq("threshold").all()
    assert np.isnan(frame.loc[first, "derived"])
    assert_allclose(frame.loc[step, "derived"], np.exp(results.params[step]))
    assert results.dispersion.empty
    text = str(results.summary())
    assert text.index("Thresholds") < text.index(first) < text.index(step) < text.index("(Co)var")
    assert row_of(results, step)[-3] == f"{np.exp(results.params[step]):.3f}"


def test_nominal_blocks(data):
    results = fit("party ~ x + (1 | id)", data, family=families.Nominal(base="lab"))
    text = str(results.summary())
    assert "\ncon (base lab)" in text and "\nlib (base lab)" in text
    assert text.index("con[x]") < text.index("lib (base lab)") < text.index("lib[x]")
    assert "Base category: lab." in text
    assert results.df_model == 2
    table = results.wald_test_terms().table
    assert table.index.tolist() == ["Intercept", "x"] and table["df_constraint"].tolist() == [2, 2]
    joint = results.wald_test("con[x] = 0, lib[x] = 0", scalar=True)
    assert_allclose(table.loc["x", ["statistic", "pvalue"]].astype(float),
                    [joint.statistic, joint.pvalue])
    assert results.thresholds.empty and results.dispersion.empty


def test_zero_part(data):
    results = fit("k ~ x + (1 | id)", data, family=families.ZeroInflated(POISSON, "item"))
    text = str(results.summary())
    assert text.index("\nZero part") < text.index("zero[item[T.q]]")
    assert "ZeroInflated(Poisson)" in text and "log, zero part logit" in text
    assert "not one of the main part" in text
    assert results.df_model == 3
    table = results.wald_test_terms().table
    assert table.index.tolist() == ["Intercept", "x", "zero[Intercept]", "zero[item]"]
    assert table["df_constraint"].tolist() == [1, 1, 1, 2]
    joint = results.wald_test("zero[item[T.q]] = 0, zero[item[T.r]] = 0", scalar=True)
    assert_allclose(table.loc["zero[item]", "statistic"], joint.statistic)
    assert_allclose(table.loc["x", "statistic"], results.tvalues["x"] ** 2)
    hurdle = fit("k ~ x + (1 | id)", data, family=families.Hurdle(POISSON, "0 + item"))
    assert hurdle.df_model == 4
    assert "zero[...]: the probability of a zero." in str(hurdle.summary())


def test_number_of_choices(data):
    results = fit("first ~ x + (0 + x | id)", data, family=families.Choice(set="trip"))
    assert results.n_outcomes == ("Choices", 80)
    assert "No. Choices:" in str(results.summary())
    assert results.nobs == 240 and results.n_data == 80 and results.df_resid == 78
    assert_allclose(results.bic, -2 * results.llf + 2 * np.log(80))
    assert_allclose(results.aicc, results.aic + 2 * 2 * 3 / (80 - 3))
    weighted = fit("first ~ x + (0 + x | id)", data.assign(w=1.0 + data.id % 2),
                   family=families.Choice(set="trip"), freq_weights={"id": "w"})
    assert weighted.nobs == 360 and weighted.n_data == 120
    weighted.remove_data()
    assert weighted.df_resid == 118 and weighted.aicc > weighted.aic
    assert_allclose(results.fittedvalues.groupby(data.trip).sum(), 1)
    assert_allclose(results.resid, data["first"] - results.fittedvalues)
    plain = fit("y ~ x + (1 | id)", data, family=BINOMIAL)
    assert plain.n_outcomes is None and plain.n_data == plain.nobs == 240
    assert_allclose(plain.bic, -2 * plain.llf + 3 * np.log(240))


@pytest.mark.parametrize(("formula", "family", "name", "column", "value"), [
    ("t ~ x + (1 | id)", families.LogNormal(), "logsd[Intercept]", "sd of log", np.exp),
    ("t ~ x + (1 | id)", families.Weibull(), "logshape[Intercept]", "shape", np.exp),
    ("t ~ x + (1 | id)", sm.families.Gamma(sm.families.links.Log()), "logcv[Intercept]", "cv",
     np.exp),
    ("t ~ x + (1 | id)", sm.families.InverseGaussian(sm.families.links.Log()),
     "logscale[Intercept]", "sqrt(phi)", np.exp),
    ("k ~ x + (1 | id)", families.NegativeBinomial(), "logsize[Intercept]", "alpha",
     lambda v: np.exp(-v)),
    ("y ~ x + (1 | id)", families.IRT3PL(), "logitguess[Intercept]", "P", expit),
])
def test_derived_quantities(data, formula, family, name, column, value):
    results = fit(formula, data, family=family)
    table = results.dispersion
    assert table.index.tolist() == [name] and table["meaning"].iloc[0]
    assert_allclose(table["value"], value(results.params[name]))
    assert_allclose(results.to_frame().loc[name, "derived"], table["value"].iloc[0])
    text = str(results.summary())
    assert column in text
    assert row_of(results, name)[-3] == f"{table['value'].iloc[0]:.3f}"
    block = "Guessing" if name.startswith("logit") else "Dispersion"
    assert f"\n{block}" in text


def test_derived_only_where_it_is_that_of_rows(data):
    by_group = fit("t ~ x + (1 | id)", data, dispersion="0 + item").dispersion
    assert_allclose(by_group["value"], np.exp(by_group["estimate"]))
    slope = fit("t ~ x + (1 | id)", data, dispersion="item")
    table = slope.dispersion["value"]
    assert np.isnan(table["logsd[Intercept]"]) or table.notna().all()
    slope = fit("t ~ 1 + (1 | id)", data, dispersion="x")
    assert slope.dispersion["value"].isna().all()
    assert np.isnan(slope.scale)
    gaussian = fit("t ~ x + (1 | id)", data)
    assert_allclose(gaussian.scale, gaussian.dispersion["value"].iloc[0] ** 2)


def test_mixed(data):
    form = np.where(np.arange(240) % 2, "g", "o")
    mixed = data.assign(form=form, r=np.where(form == "g", data.t, data.grade))
    results = fit("r ~ 0 + x + (1 | id)", mixed, family_by="form",
                  family={"g": sm.families.Gaussian(), "o": families.Ordinal()})
    text = " ".join(str(results.summary()).split())
    assert "Family: Mixed" in text and "g: Gaussian(identity), 120 rows." in text
    assert "o: Categories (rows): 1" in text
    assert results.thresholds.index.tolist() == ["cut[o,1|2]", "cut[o,2|3]"]
    assert_allclose(results.dispersion["value"], np.exp(results.params["logsd[g]"]))
    assert np.isnan(results.scale)
    assert results.fittedvalues.notna().all()


def test_custom_says_how_derivatives_are_made(data):
    def logistic(y, nu, logscale):
        z = (y - nu) * np.exp(-logscale)
        return -z - 2 * np.log1p(np.exp(-z)) - logscale

    results = fit("t ~ x + (1 | id)", data, family=families.Custom(
        logistic, aux={"logscale": 0.0}, log_concave=True))
    text = str(results.summary())
    assert "Derivatives of the log density: by complex step." in text
    assert "\nAuxiliary" in text and "Custom(logistic)" in text
    assert results.dispersion["value"].isna().all()
    with pytest.raises(NotImplementedError, match="has no mean to predict with"):
        results.predict()


@pytest.mark.parametrize(("family", "expected"), [
    (families.Ordinal(), ("Ordinal", "logit")),
    (families.Ordinal("cloglog", kind="continuation"), ("Ordinal (continuation)", "cloglog")),
    (families.ZeroInflated(POISSON), ("ZeroInflated(Poisson)", "log, zero part logit")),
    (families.Censored(families.LogNormal(), event="d"), ("Censored(LogNormal)", "-")),
    (families.Censored(sm.families.Gaussian(), lower=0), ("Censored(Gaussian)", "identity")),
    (families.Composite(POISSON, cluster="c"), ("Composite(Poisson)", "log")),
    (families.ZeroInflated(families.LogNormal(), link="cloglog"),
     ("ZeroInflated(LogNormal)", "-, zero part cloglog")),
    (families.IRT3PL(link="probit"), ("IRT3PL", "probit")),
])
def test_family_and_link(family, expected):
    assert family_and_link(family) == expected


def test_families_of_one_response():
    from statsmodels_gllamm.families.registry import as_family

    for family, expected in [(families.StudentT(df=4), ("StudentT(df=4)", "-")),
                             (families.LogNormal(), ("LogNormal", "-")),
                             (families.Weibull("hazard"), ("Weibull", "hazard")),
                             (BINOMIAL, ("Binomial", "logit"))]:
        assert family_and_link(as_family(family)) == expected


def test_comparisons_need_the_same_response(data):
    small = fit("grade ~ 1 + (1 | id)", data, family=families.Ordinal())
    large = fit("grade ~ x + (1 | id)", data, family=families.Ordinal())
    assert large.lr_test(small).df == 1
    other = fit("grade ~ x + (1 | id)", data, family=families.Ordinal("probit"))
    with pytest.raises(ValueError, match=r"different responses, Ordinal\(probit\) and Ordinal\(log"):
        other.lr_test(small)
    a = fit("first ~ x + (0 + x | id)", data, family=families.Choice(set="trip"))
    fewer = data.assign(trip=np.where(data.trip % 2, data.trip, data.trip), z=data.x**2)
    b = fit("first ~ x + z + (0 + x | id)", fewer, family=families.Choice(set="trip"))
    assert b.lr_test(a).df == 1
    swapped = data.assign(trip=np.roll(data.trip, 1) * 0 + (np.arange(240) // 3)[::-1], z=data.x**2)
    c = fit("first ~ x + z + (0 + x | id)", swapped, family=families.Choice(set="trip"))
    with pytest.raises(ValueError, match="different responses"):
        c.lr_test(a)
