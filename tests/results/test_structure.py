"""Standardised solution, effects, reliability and comparison against lavaan and closed forms."""
import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Factor, datasets, families
from statsmodels_gllamm.results.delta import jacobian
from statsmodels_gllamm.results.frame import frame_of
from statsmodels_gllamm.results.standardized import standardized

ABILITIES = """visual =~ x1 + x2 + x3
    textual =~ x4 + x5 + x6
    speed =~ x7 + x8 + x9"""
SEM = """ind60 =~ x1 + x2 + x3
    dem60 =~ y1 + y2 + y3 + y4
    dem65 =~ y5 + y6 + y7 + y8
    dem60 ~ ind60
    dem65 ~ ind60 + dem60"""


def parameters(expected, fit):
    return {(p["lhs"], p["op"], p["rhs"]): p for p in expected["fits"][fit]["parameters"]}


@pytest.fixture(scope="module")
def pupils():
    """One row per pupil."""
    long = datasets.holzinger.load_pandas().data
    wide = long.pivot(index=["id", "school", "age", "sex"], columns="item", values="y")
    return wide.reset_index()


@pytest.fixture(scope="module")
def three(pupils):
    return GLLAMM.from_wide(pupils, ABILITIES).fit()


@pytest.fixture(scope="module")
def mediation(reference):
    data, _ = reference("poldem")
    return GLLAMM.from_wide(
        data.pivot(index="id", columns="item", values="y").reset_index(), SEM).fit()


@pytest.fixture(scope="module")
def mimic(pupils):
    """A covariate of the factor, and one with direct effects on items."""
    return GLLAMM.from_wide(pupils[["id", "sex", "age", "x4", "x5", "x6"]],
                            "textual =~ x4 + x5 + x6; textual ~ age", fixed="item:sex").fit()


@pytest.fixture(scope="module")
def binary():
    data = datasets.lsat.load_pandas().data
    return GLLAMM.from_formula("y ~ 0 + item + (0 + f | id)", data[data.id % 5 == 0],
                               family=sm.families.Binomial(),
                               factors={"f": Factor("item", standardized=True)}).fit(n_quad=7)


# The standardised solution


def test_standardized_is_lavaans(mediation, reference):
    theirs = parameters(reference("poldem")[1], "mediation_no_corr_resid")
    for kind, column in ("std_all", "std.all"), ("std_lv", "std.lv"):
        table = mediation.standardized(kind)["estimate"]
        for (lhs, op, rhs), p in theirs.items():
            name = {"=~": f"lambda[{lhs},{rhs}]", "~": f"b[{lhs}[id] on {rhs}[id]]",
                    "~~": f"var[{lhs}]" if lhs[0] in "xy" else f"var[{lhs}[id]]"}.get(op)
            if name in table.index:
                assert_allclose(table[name], p[column], atol=2e-5, err_msg=f"{kind} {name}")
        assert len(table) == {"std_all": 28, "std_lv": 17}[kind]


def test_errors_of_std_lv_are_those_of_unit_variances(three, reference):
    """A change of parameters at the maximum: errors agree with those of the other model."""
    theirs = parameters(reference("hs_cfa")[1], "threefactor_stdlv")
    table = three.standardized("std_lv")
    for (lhs, op, rhs), p in theirs.items():
        name = {"=~": f"lambda[{lhs},{rhs}]", "~~": f"cov[{lhs}[id],{rhs}[id]]"}.get(op)
        if name in table.index:
            assert_allclose(table.loc[name, "estimate"], p["est"], atol=1e-4)
            assert_allclose(table.loc[name, "std_err"], p["se"], rtol=2e-3)


def test_variances_that_are_one_have_no_error(three):
    table = three.standardized()
    own = table[table["kind"] == "variance"]
    assert_allclose(own["estimate"], np.ones(3), rtol=1e-14)
    assert own["std_err"].isna().all()
    assert three.standardized("std_lv").loc["lambda[visual,x1]", "std_err"] > 0


@pytest.mark.parametrize("kind", ["std_all", "std_lv"])
def test_derivatives(mimic, pupils, kind):
    """Errors from exact derivatives against those from differences of the estimates."""
    table = mimic.standardized(kind)
    res, frame = mimic._results, frame_of(mimic._results)

    def again(p):
        at = frame.at(p.to_numpy())
        sd, items = frame.latent_sd(at)[0], np.sqrt(frame.item_variances(at))
        age = pupils.age.std(ddof=0) if kind == "std_all" else 1.0
        return [p["lambda[textual,x5]"] * sd / (items[1] if kind == "std_all" else 1),
                p["gamma[textual[id] on age]"] * age / sd]

    check = mimic.nonlinear(again)
    own = table.loc[["lambda[textual,x5]", "gamma[textual[id] on age]"]]
    assert_allclose(own.drop(columns="kind"), check, rtol=1e-7)
    _, derivatives = jacobian(lambda p: frame.latent_sd(frame.at(p)) ** 2, np.asarray(res.params))
    k = list(mimic.params.index).index("gamma[textual[id] on age]")
    assert_allclose(derivatives[0, k], 2 * mimic.params.iloc[k] * pupils.age.var(ddof=0), rtol=1e-10)


def test_covariates_in_closed_form(mimic, pupils):
    table, p = mimic.standardized()["estimate"], mimic.params
    age, sex = pupils.age.to_numpy(), pupils.sex.to_numpy()
    total = p["gamma[textual[id] on age]"] ** 2 * age.var() + p["var[textual[id]]"]
    assert_allclose(table["gamma[textual[id] on age]"],
                    p["gamma[textual[id] on age]"] * age.std() / np.sqrt(total))
    assert_allclose(table["var[textual[id]]"], p["var[textual[id]]"] / total)
    means = p["item[x5]:sex"] * sex + p["lambda[textual,x5]"] * p["gamma[textual[id] on age]"] * age
    variance = means.var() + p["lambda[textual,x5]"] ** 2 * p["var[textual[id]]"] + np.exp(
        2 * p["logsd[item[x5]]"])
    assert_allclose(table["lambda[textual,x5]"],
                    p["lambda[textual,x5]"] * np.sqrt(total / variance))
    assert_allclose(table["var[x5]"], np.exp(2 * p["logsd[item[x5]]"]) / variance)
    assert_allclose(mimic.r_squared_items()["estimate"]["x5"], 1 - table["var[x5]"])
    assert_allclose(mimic.r_squared_latent()["estimate"].iloc[0], 1 - table["var[textual[id]]"])


def test_latent_responses(binary):
    slope = binary.params["lambda[f,Q3]"]
    table = binary.standardized()["estimate"]
    assert_allclose(table["lambda[f,Q3]"], slope / np.sqrt(slope**2 + np.pi**2 / 3))
    assert_allclose(binary.r_squared_items()["estimate"]["Q3"], table["lambda[f,Q3]"] ** 2)
    assert "var[Q3]" not in table.index


def test_other_responses():
    data = datasets.neuroticism.load_pandas().data.query("id < 60")
    for family, variance in ((families.Ordinal("probit"), 1.0), (families.Ordinal(), np.pi**2 / 3),
                             (sm.families.Poisson(), None)):
        ordinal = variance is not None
        res = GLLAMM.from_formula(
            "y ~ " + ("0" if ordinal else "0 + item") + " + (0 + f | id)", data,
            thresholds="0 + item" if ordinal else None, family=family,
            factors={"f": Factor("item")}).fit()
        slope = res.params["lambda[f,N2]"] * np.sqrt(res.params["var[f[id]]"])
        table = res.standardized()["estimate"]
        assert_allclose(res.standardized("std_lv")["estimate"]["lambda[f,N2]"], slope)
        if ordinal:
            assert_allclose(table["lambda[f,N2]"], slope / np.sqrt(slope**2 + variance))
        else:
            assert np.isnan(table["lambda[f,N2]"]) and np.isnan(res.reliability()["omega"].iloc[0])


def test_mixed_items(rng):
    """Gaussian, logit and probit items of one factor."""
    nu = np.outer(rng.normal(size=150), [1.0, 1.2, 1.5, 0.8])
    y = np.where([True, False, False, True], nu + 0.7 * rng.normal(size=nu.shape),
                 rng.random(nu.shape) < 1 / (1 + np.exp(-nu)))
    probit = sm.families.Binomial(sm.families.links.Probit())
    res = GLLAMM.from_wide(pd.DataFrame(y, columns=list("abcd")), list("abcd"), family={
        "a": sm.families.Gaussian(), "b": sm.families.Binomial(), "c": probit,
        "d": sm.families.Gaussian()}, std_lv=True).fit(n_quad=7)
    table, p = res.standardized()["estimate"], res.params
    residual = {"b": np.pi**2 / 3, "c": 1.0} | {
        x: np.exp(2 * p[f"logsd[Gaussian(identity),item[{x}]]"]) for x in "ad"}
    for item, theta in residual.items():
        slope = p[f"lambda[factor,{item}]"]
        assert_allclose(table[f"lambda[factor,{item}]"], slope / np.sqrt(slope**2 + theta))
    assert [name for name in table.index if name.startswith("var[")][1:] == ["var[a]", "var[d]"]


def test_levels_add_up():
    """A factor at two levels: the variance of an item has parts of both."""
    data = datasets.irtsim.load_pandas().data.query("school <= 8").assign(
        y=lambda d: d.y + 0.1 * d.sid % 7)
    res = GLLAMM.from_formula("y ~ 0 + item + (0 + f | school / sid)", data,
                              factors={"f": Factor("item")}).fit()
    table, p = res.standardized()["estimate"], res.params
    own, over = p["var[f[school:sid]]"], p["var[f[school]]"]
    slope = p["lambda[f,3]"]
    sd = np.sqrt(slope**2 * (own + over) + np.exp(2 * p["logsd[Intercept]"]))
    assert_allclose(table["lambda[f[school:sid],3]"], slope * np.sqrt(own) / sd)
    assert_allclose(table["lambda[f[school],3]"], slope * np.sqrt(over) / sd)


@pytest.fixture(scope="module")
def schools(pupils):
    """Groups of persons; a covariate of one factor."""
    data = pupils.assign(school=pupils.school.str.replace("-", ""))
    text = "visual =~ x1 + x2 + x3; textual =~ x4 + x5 + x6; textual ~ visual + age"
    return GLLAMM.from_wide(data, text, groups="school").fit(), [
        GLLAMM.from_wide(part, text).fit() for _, part in data.groupby("school")]


def test_groups_are_as_fitted_apart(schools):
    """Nothing in common: the solution of a group is that of a model of its own."""
    both, apart = schools
    for school, one in zip(("GrantWhite", "Pasteur"), apart):
        for kind in "std_all", "std_lv":
            table, own = both.standardized(kind), one.standardized(kind)
            for name in own.index:
                other = name
                for latent in "visual", "textual":
                    if name.startswith("lambda"):
                        other = other.replace(f"[{latent},", f"[{latent}:{school}[id],")
                    else:
                        other = other.replace(f"{latent}[id]", f"{latent}:{school}[id]")
                if name.startswith("lambda") or name.startswith("var[x"):
                    other = other[:-1] + f"|{school}]"
                assert_allclose(table.loc[other, ["estimate", "std_err"]].astype(float),
                                own.loc[name, ["estimate", "std_err"]].astype(float), atol=2e-5)
        ours, theirs = both.reliability(), one.reliability()
        for latent in "visual", "textual":
            assert_allclose(ours.loc[f"{latent}:{school}[id]"].astype(float),
                            theirs.loc[f"{latent}[id]"].astype(float), atol=1e-4)
        assert_allclose(both.r_squared_latent().loc[f"textual:{school}[id]"],
                        one.r_squared_latent().iloc[0], atol=1e-4)
        ours = both.effects(f"textual:{school}", "age", standardized="std_all")
        assert_allclose(ours, one.effects("textual", "age", standardized="std_all"), atol=1e-4)
        assert_allclose(both.r_squared_items().loc[f"x5|{school}"],
                        one.r_squared_items().loc["x5"], atol=1e-4)


def test_groups_have_saturated_models_of_their_own(schools):
    both, apart = schools
    found, parts = both.fit_measures(), [one.fit_measures() for one in apart]
    for name in ("chi2", "df", "baseline_chi2", "baseline_df", "llf_saturated", "n_params"):
        assert_allclose(getattr(found, name), sum(getattr(one, name) for one in parts), atol=1e-4)
    assert_allclose(found.rmsea, np.sqrt(2 * (found.chi2 - found.df) / (found.df * 301)))
    assert_allclose(found.srmr, np.average([one.srmr for one in parts],
                                           weights=[one.n_persons for one in parts]), atol=1e-6)


def test_equal_loadings_differ_when_standardized(pupils):
    data = pupils.assign(school=pupils.school.str.replace("-", ""))
    res = GLLAMM.from_wide(data, "textual =~ x4 + x5 + x6", groups="school", equal="metric").fit()
    table, p = res.standardized("std_lv")["estimate"], res.params
    for school in "GrantWhite", "Pasteur":
        assert_allclose(table[f"lambda[textual:{school}[id],x5]"],
                        p["lambda[textual,x5]"] * np.sqrt(p[f"var[textual:{school}[id]]"]))


def test_refusals(three, mediation):
    with pytest.raises(ValueError, match="'std_all' or 'std_lv'"):
        three.standardized("std")
    with pytest.raises(ValueError, match="no latent variable is regressed"):
        three.r_squared_latent()
    with pytest.raises(ValueError, match="no regressions"):
        three.effects("visual", "textual")
    with pytest.raises(ValueError, match="'age' is neither"):
        mediation.effects("dem65", "age")
    with pytest.raises(ValueError, match="'dem' is not a latent variable .*: ind60"):
        mediation.effects("dem", "ind60")
    with pytest.raises(ValueError, match="no path from 'dem65' to ind60"):
        mediation.effects("ind60", "dem65")
    with pytest.raises(TypeError, match="takes a function"):
        three.nonlinear("x")
    with pytest.raises(ValueError, match="names has 1 entries for 2 models"):
        three.compare(three, names=["a"])
    with pytest.raises(ValueError, match="different numbers of rows"):
        three.compare(mediation)


# Effects and functions of parameters


def test_effects_are_lavaans(mediation, reference):
    theirs = parameters(reference("poldem")[1], "mediation_no_corr_resid")
    table = mediation.effects("dem65", "ind60")
    for name, key in {"indirect": ("indirect", ":=", "a*b"), "total": ("total", ":=", "c+a*b"),
                      "direct": ("dem65", "~", "ind60")}.items():
        assert_allclose(table.loc[name, "estimate"], theirs[key]["est"], atol=1e-4)
        assert_allclose(table.loc[name, "std_err"], theirs[key]["se"], rtol=1e-3)
    path = "ind60[id] -> dem60[id] -> dem65[id]"
    assert_allclose(table.loc[path], table.loc["indirect"])
    scaled = mediation.effects("dem65", "ind60", standardized="std_all")["estimate"]
    assert_allclose(scaled["total"], theirs["total", ":=", "c+a*b"]["std.all"], atol=1e-5)
    assert_allclose(scaled["indirect"], theirs["indirect", ":=", "a*b"]["std.all"], atol=1e-5)


def test_all_paths(rng):
    """Five paths from a covariate to the last of four latent variables."""
    w, u = rng.normal(size=150), rng.normal(size=(4, 150))
    a = 0.5 * w + u[0]
    b = 0.6 * a + u[1]
    c = 0.4 * a + 0.3 * b + 0.2 * w + u[2]
    d = 0.5 * b + 0.7 * c + u[3]
    data = pd.DataFrame({"w": w} | {f"{n}{j}": x + 0.5 * rng.normal(size=150)
                                    for n, x in zip("abcd", (a, b, c, d)) for j in (1, 2)})
    res = GLLAMM.from_wide(data, """A =~ a1 + a2; B =~ b1 + b2; C =~ c1 + c2; D =~ d1 + d2
        A ~ w; B ~ A; C ~ A + B + w; D ~ B + C""").fit()
    table, p = res.effects("D", "w"), res.params
    on = {(y, x): p[f"b[{y}[id] on {x}[id]]"] for y, x in ("BA", "CA", "CB", "DB", "DC")}
    wa, wc = p["gamma[A[id] on w]"], p["gamma[C[id] on w]"]
    expected = {
        "w -> C[id] -> D[id]": wc * on["D", "C"],
        "w -> A[id] -> B[id] -> D[id]": wa * on["B", "A"] * on["D", "B"],
        "w -> A[id] -> C[id] -> D[id]": wa * on["C", "A"] * on["D", "C"],
        "w -> A[id] -> B[id] -> C[id] -> D[id]": wa * on["B", "A"] * on["C", "B"] * on["D", "C"]}
    assert table.index.tolist() == ["direct", *expected, "indirect", "total"]
    assert_allclose(table["estimate"].iloc[1:5], list(expected.values()))
    assert_allclose(table.loc["total", "estimate"], sum(expected.values()))
    assert table.loc["direct", "estimate"] == 0 and np.isnan(table.loc["direct", "std_err"])

    def total(p):
        b = np.array([[0, 0, 0, 0], [p["b[B[id] on A[id]]"], 0, 0, 0],
                      [p["b[C[id] on A[id]]"], p["b[C[id] on B[id]]"], 0, 0],
                      [0, p["b[D[id] on B[id]]"], p["b[D[id] on C[id]]"], 0]])
        gamma = [p["gamma[A[id] on w]"], 0, p["gamma[C[id] on w]"], 0]
        return np.linalg.solve(np.eye(4) - b, gamma)[3]

    assert_allclose(res.nonlinear(total).iloc[0], table.loc["total"], rtol=1e-8)
    two = res.effects("D", "A", standardized="std_lv")
    assert len(two) == 3 + 3 and res.effects("C", "w").loc["direct", "estimate"] == wc


def test_nonlinear(three):
    names = three.params.index
    linear = three.nonlinear(lambda p: p["lambda[visual,x2]"] - 2 * p["lambda[visual,x3]"])
    test = three.t_test("lambda[visual,x2] - 2 * lambda[visual,x3] = 0")
    assert_allclose(linear[["estimate", "std_err", "z", "pvalue"]].iloc[0],
                    [float(np.squeeze(x)) for x in (test.effect, test.sd, test.tvalue, test.pvalue)],
                    rtol=1e-9)
    assert_allclose(linear[["conf_low", "conf_high"]], test.conf_int())
    table = three.nonlinear(lambda p: {"log": np.log(p["var[speed[id]]"]), "one": 1.0}, alpha=0.1)
    assert_allclose(table.loc["log", "std_err"],
                    three.bse["var[speed[id]]"] / three.params["var[speed[id]]"], rtol=1e-9)
    assert np.isnan(table.loc["one", "std_err"]) and table.loc["one", "estimate"] == 1
    assert_allclose(three.nonlinear(lambda p: p)["std_err"], three.bse[names], rtol=1e-9)
    with pytest.raises(ValueError, match="shape"):
        three.nonlinear(lambda p: np.eye(2))


def test_a_parameter_at_the_boundary_has_no_error(pupils):
    noise = pupils[["id"]].assign(a=np.resize([1.0, -1.0, 0.5], 301))
    noise["b"] = np.roll(noise["a"], 1) * 1.1
    with pytest.warns(UserWarning, match="var"):
        res = GLLAMM.from_wide(noise, "f =~ 1*a + 1*b", dispersion="1").fit()
    table = res.nonlinear(lambda p: {"sum": p["item[a]"] + p["var[f[id]]"],
                                     "other": 2 * p["item[a]"]})
    assert np.isnan(table.loc["sum", "std_err"])
    assert_allclose(table.loc["other", "std_err"], 2 * res.bse["item[a]"])


# Reliability


def test_reliability_of_sums(three, pupils):
    """alpha and omega of these data as semTools gives them, and in closed form."""
    table = three.reliability()
    assert_allclose(table["alpha"], [0.6261171, 0.8827069, 0.6884550], atol=5e-8)
    assert_allclose(table["omega"], [0.6253180, 0.8851754, 0.6877600], atol=5e-5)
    cov = pupils[["x1", "x2", "x3"]].cov().to_numpy()
    assert_allclose(table["alpha"].iloc[0], 1.5 * (1 - np.trace(cov) / cov.sum()))

    def omega(p):
        true = (1 + p["lambda[visual,x2]"] + p["lambda[visual,x3]"]) ** 2 * p["var[visual[id]]"]
        return true / (true + sum(np.exp(2 * p[f"logsd[item[x{k}]]"]) for k in (1, 2, 3)))

    check = three.nonlinear(omega).iloc[0]
    assert_allclose(table[["omega", "omega_se"]].iloc[0].astype(float), check.iloc[:2], rtol=1e-7)
    assert table["n_items"].tolist() == [3, 3, 3] and not table["alpha_missing"].any()


def test_marginal_reliability(mimic):
    """Posterior variances of one factor: 1 / (1 / psi + sum of lambda^2 / theta)."""
    p = mimic.params
    slopes = np.array([1.0, p["lambda[textual,x5]"], p["lambda[textual,x6]"]])
    theta = np.exp(2 * p.filter(like="logsd").to_numpy())
    posterior = 1 / (1 / p["var[textual[id]]"] + (slopes**2 / theta).sum())
    total = p["var[textual[id]]"] / mimic.standardized()["estimate"]["var[textual[id]]"]
    assert_allclose(mimic.reliability()["marginal"].iloc[0], 1 - posterior / total, rtol=1e-8)


def test_reliability_of_binary_items(binary):
    table = binary.reliability()
    data = datasets.lsat.load_pandas().data
    wide = data[data.id % 5 == 0].pivot(index="id", columns="item", values="y")
    cov = wide.cov().to_numpy()
    assert_allclose(table["alpha"], 1.25 * (1 - np.trace(cov) / cov.sum()), rtol=1e-10)
    assert np.isnan(table["omega"].iloc[0])
    assert_allclose(table["marginal"], 1 - (binary.latent()["se[f]"] ** 2).mean(), rtol=1e-8)


def test_missing_items_are_said(pupils, rng):
    gaps = pupils[["id", "x4", "x5", "x6"]].copy()
    gaps.loc[rng.random(301) < 0.3, "x6"] = np.nan
    table = GLLAMM.from_wide(gaps, ["x4", "x5", "x6"]).fit().reliability()
    assert table["alpha_missing"].all() and abs(table["alpha"].iloc[0] - 0.883) < 0.02


# Comparison


def test_compare(three, pupils):
    one = GLLAMM.from_wide(pupils, [f"x{k}" for k in range(1, 10)]).fit()
    zero = GLLAMM.from_wide(
        pupils, ABILITIES + "\nvisual ~~ 0*textual + 0*speed; textual ~~ 0*speed").fit()
    table = zero.compare(three, three, names=["zero", "three", "again"])
    test = three.lr_test(zero)
    assert_allclose(table.loc["three", ["lr", "lr_pvalue"]].astype(float),
                    [test.statistic, test.pvalue])
    assert table["lr_df"].tolist() == [pd.NA, 3, pd.NA] and table["df"].tolist() == [27, 24, 24]
    assert table["n_params"].tolist() == [27, 30, 30]
    assert_allclose(table["aic"], [zero.aic, three.aic, three.aic])
    with pytest.warns(UserWarning, match="boundary"):
        table = one.compare(three)
    assert table.index.tolist() == ["model 1", "model 2"]
    assert_allclose(table["chi2"], [312.264159, 85.305522], atol=1e-4)


def test_order_of_items_does_not_matter(three, pupils, rng):
    turned = "\n".join(reversed(ABILITIES.splitlines()))
    other = GLLAMM.from_wide(pupils, turned + "\nvisual =~ x9").fit()
    assert other.model.param_names[0] != three.model.param_names[0]
    assert_allclose(three.compare(other)["chi2"].diff().iloc[1], -other.lr_test(three).statistic)
    gaps = pupils.mask(rng.random(pupils.shape) < np.where(pupils.columns.str.match("x"), 0.1, 0))
    fits = [GLLAMM.from_wide(gaps, text).fit() for text in (ABILITIES, turned)]
    assert fits[0].fingerprint == fits[1].fingerprint != three.fingerprint
    assert_allclose(fits[0].compare(fits[1])["llf"].diff().iloc[1], 0, atol=1e-6)


def test_compare_other_models(binary):
    data = datasets.lsat.load_pandas().data
    rasch = GLLAMM.from_formula("y ~ 0 + item + (1 | id)", data[data.id % 5 == 0],
                                family=sm.families.Binomial()).fit(n_quad=7)
    table = binary.compare(rasch, names=["2PL", "Rasch"])
    assert "chi2" not in table and table["lr_df"].iloc[1] == 4
    assert_allclose(table["lr"].iloc[1], 2 * (binary.llf - rasch.llf))
    with pytest.raises(TypeError, match="takes GLLAMM results"):
        binary.compare(3)


def test_constraints_count(three, pupils):
    """Equal loadings: measures of fit count the free parameters."""
    model = GLLAMM.from_wide(pupils, ABILITIES)
    equal = model.fit_constrained("lambda[visual,x2] = 1, lambda[visual,x3] = 1")
    found = equal.fit_measures()
    assert found.df == 26 and found.n_params == 28
    other = GLLAMM.from_wide(pupils, ABILITIES.replace("x2 + x3", "1*x2 + 1*x3")).fit()
    assert_allclose(found.chi2, other.fit_measures().chi2, atol=1e-4)
    ours, theirs = equal.standardized(), other.standardized()
    for column in "estimate", "std_err":
        assert_allclose(ours[column], theirs[column], atol=2e-4)
    table = equal.compare(three)
    assert table["lr_df"].iloc[1] == 2


def test_table_is_what_the_method_gives(three):
    pd.testing.assert_frame_equal(three.standardized(alpha=0.1),
                                  standardized(three._results, "std_all", 0.1))
