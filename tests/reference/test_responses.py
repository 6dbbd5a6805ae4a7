"""Reference fits of ordered, chosen, ranked, zero-inflated and mixed responses.

Log-likelihoods to 1e-7 of their size, of the same rule; estimates to a thousandth of a standard
error and standard errors to 1%, unless a case says why not.  The mlmus cases print few digits:
their log-likelihoods to 2e-4, which is what the independent program's digits are good for, and
estimates to the digits given.
"""
from dataclasses import dataclass, field
import re

import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
from scipy import special
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Factor, families
from statsmodels_gllamm.exceptions import BoundaryWarning, DataError
from tests.reference.test_fits import fit, r_name

BINOMIAL, POISSON, GAUSSIAN = sm.families.Binomial(), sm.families.Poisson(), sm.families.Gaussian()
NB2 = families.NegativeBinomial()
ZIP = families.ZeroInflated(POISSON)
MIXED = {"family": {"gaussian": GAUSSIAN, "binomial": BINOMIAL}, "family_by": "fam"}
LOGIT, PROBIT = {"family": families.Ordinal()}, {"family": families.Ordinal("probit")}

WINE = "rating ~ temp + contact + (1 | judge)"
EPIL = "y ~ lbas * treat + lage + v4 + (1 | subj)"
SALAMANDERS = "count ~ spp + mined + (1 | site)"
MRESP = "y ~ x + (0 + level | id)"
LEVEL = {**MIXED, "factors": {"level": Factor("itemgroup", loadings=[1, None])}}
HSCED = {**MIXED, "dispersion": {"gaussian": "0 + grp"}}
DIET = "y ~ 0 + chd + fiber + fiber2 + fiber:age + fiber:bus + fiber:age:bus + (0 + loading | id)"
DIRECT = DIET.replace(" + (", " + chd:age + chd:bus + chd:age:bus + (")
LOADING = {**MIXED, "factors": {"loading": Factor("item", loadings=[1, 1, None])}}


def residual_sds(*names):
    def extra(expected):
        return {name: (e["estimate"], e["se"])
                for name, e in zip(names, expected["residual_log_sd"])}
    return extra


def item_sds(expected):
    """glmmTMB's dispersion formula is of the log variance."""
    return {name: (e["estimate"] / 2, e["se"] / 2) for name, e in
            zip(["logsd[Intercept]", "logsd[item[T.2]]"], expected["disp_formula_coefs"])}


def log_size(expected):
    if "extra" in expected:
        return {"logsize[Intercept]": (expected["extra"][0]["estimate"], expected["extra"][0]["se"])}
    if "phis" in expected["dispersion"]:
        return {"logsize[Intercept]": (expected["dispersion"]["phis"],
                                       expected["dispersion"]["se_phis"])}
    return {"logsize[Intercept]": (np.log(expected["dispersion"]["sigma"]), None)}


def zero(expected):
    (entry,) = expected.get("zero_part") or expected["extra"]
    return {"zero[Intercept]": (entry["estimate"], entry["se"])}


@dataclass(frozen=True)
class Case:
    """A fit, with what the program prints besides coefficients, thresholds and so on."""

    folder: str
    name: str
    formula: str
    points: int
    options: dict
    extra: object = field(default=lambda expected: {})
    theirs: bool = True  # whether the program's standard errors can be relied on


CASES = [
    Case("wine", "laplace", WINE, 1, LOGIT),
    Case("wine", "agq10", WINE, 10, LOGIT),
    Case("wine", "probit_agq10", WINE, 10, PROBIT),
    Case("wine", "indep_agq", WINE, 31, LOGIT),
    Case("epil_nb", "glmmTMB_laplace", EPIL, 1, {"family": NB2}, log_size),
    Case("epil_nb", "glmmadaptive_agq21", EPIL, 21, {"family": NB2}, log_size),
    Case("epil_nb", "indep_agq", EPIL, 41, {"family": NB2},
         lambda e: {"var[Intercept[subj]]": (np.exp(2 * e["chol_params"][0]["estimate"]), None)}),
    Case("salamanders", "zip_glmmTMB", SALAMANDERS, 1, {"family": ZIP}, zero),
    Case("salamanders", "zip_glmmadaptive_agq21", SALAMANDERS, 21, {"family": ZIP}, zero),
    Case("salamanders", "zip_indep_agq", SALAMANDERS, 31, {"family": ZIP}, zero),
    Case("salamanders", "nb_glmmTMB", SALAMANDERS, 1, {"family": NB2}, log_size),
    Case("salamanders", "nb_indep_agq", SALAMANDERS, 31, {"family": NB2}, log_size),
    Case("galamm_mresp", "indep_agq", MRESP, 25, LEVEL, residual_sds("logsd[gaussian]")),
    # its numerical second derivatives of Laplace's approximation are 3 to 8% off: a gradient of
    # up to 6e-3 is left at its maximum (see test_laplace_standard_errors for ours)
    Case("galamm_mresp", "indep_laplace", MRESP, 1, LEVEL, residual_sds("logsd[gaussian]"), False),
    Case("galamm_mresp_hsced", "indep_agq", "y ~ x + (1 | id)", 25, HSCED,
         residual_sds("logsd[gaussian,grp[a]]", "logsd[gaussian,grp[b]]")),
    Case("galamm_mresp_hsced", "indep_laplace", "y ~ x + (1 | id)", 1, HSCED,
         residual_sds("logsd[gaussian,grp[a]]", "logsd[gaussian,grp[b]]"), False),
    Case("galamm_hsced", "galamm_tight", "y ~ x + (1 | id)", 1, {"dispersion": "item"}),
    Case("galamm_hsced", "glmmTMB", "y ~ x + (1 | id)", 1, {"dispersion": "item"}, item_sds),
    Case("galamm_hsced", "galamm_homoscedastic", "y ~ x + (1 | id)", 1, {}),
    Case("galamm_diet", "direct_indep_agq", DIRECT, 31, LOADING, residual_sds("logsd[gaussian]")),
    Case("galamm_diet", "direct_indep_laplace", DIRECT, 1, LOADING, residual_sds("logsd[gaussian]")),
    Case("galamm_diet", "indirect_indep_agq", DIET, 31, LOADING, residual_sds("logsd[gaussian]")),
    Case("galamm_diet", "indirect_indep_laplace", DIET, 1, LOADING, residual_sds("logsd[gaussian]")),
]


def in_r(name):
    """A coefficient's name in R, with the factors of a product sorted."""
    return ":".join(sorted(r_name(part) for part in re.split(r":(?![^\[]*\])", name)))


def printed(expected, names):
    """{our parameter: (estimate, standard error or None)} of what another program prints."""
    fixed = {":".join(sorted(e["name"].split(":"))): e for e in expected["fixed"]}
    out = {name: (fixed[in_r(name)]["estimate"], fixed[in_r(name)]["se"])
           for name in names if in_r(name) in fixed}
    assert len(out) == len(fixed)
    for e in expected.get("thresholds", []):
        out[f"cut[{e['name']}]"] = e["estimate"], e["se"]
    variances = [e["vcov"] for e in expected["varcomp"] if e["grp"] != "Residual"]
    for name, value in zip([n for n in names if n.startswith("var[")], variances, strict=True):
        out[name] = value, None
    loadings = expected.get("loadings") or []
    for name, e in zip([n for n in names if n.startswith("lambda[")], loadings, strict=True):
        out[name] = e["estimate"], e["se"]
    return out


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.folder}-{case.name}")
def test_fit(case, reference):
    data, expected = reference(case.folder)
    expected = expected["fits"][case.name]
    model = GLLAMM.from_formula(case.formula, data, **case.options)
    result = fit(model, case.points)
    assert result.converged
    assert_allclose(result.llf, expected["loglik"], rtol=1e-7)
    params, bse = result.params, result.bse
    for name, (estimate, se) in {**printed(expected, model.param_names),
                                 **case.extra(expected)}.items():
        assert abs(params[name] - estimate) < 1e-3 * bse[name], name
        if se is not None and case.theirs:
            assert_allclose(bse[name], se, rtol=0.01, err_msg=name)


@pytest.mark.parametrize(("folder", "formula", "options"), [
    ("galamm_mresp", MRESP, LEVEL), ("galamm_mresp_hsced", "y ~ x + (1 | id)", HSCED),
    ("wine", WINE, LOGIT)], ids=["mresp", "mresp_hsced", "wine"])
def test_laplace_standard_errors(folder, formula, options, reference):
    """The inverse of second differences of Laplace's approximation itself."""
    model = GLLAMM.from_formula(formula, reference(folder)[0], **options)
    result = fit(model, 1)
    params, h = result.params.to_numpy(), 0.02 * result.bse.to_numpy()
    k = len(params)
    hessian = np.empty((k, k))
    for i in range(k):
        for j in range(i + 1):
            corners = [s * t * model.loglike(params + s * h * np.eye(k)[i] + t * h * np.eye(k)[j],
                                             integration="laplace")
                       for s in (1, -1) for t in (1, -1)]
            hessian[i, j] = hessian[j, i] = sum(corners) / (4 * h[i] * h[j])
    assert_allclose(result.bse, np.sqrt(np.diag(np.linalg.inv(-hessian))), rtol=2e-3)


def test_default_fits(reference):
    """Points chosen by the program: within its own tolerance of the integral."""
    for folder, formula, options, value in (
            ("wine", WINE, LOGIT, -81.53246071), ("salamanders", SALAMANDERS, {"family": ZIP},
                                                  -896.6392243),
            ("galamm_mresp", MRESP, LEVEL, -4620.873361), ("galamm_diet", DIRECT, LOADING,
                                                           -1372.354001)):
        result = GLLAMM.from_formula(formula, reference(folder)[0], **options).fit()
        assert result.certificate.passed
        assert result.llf == pytest.approx(value, abs=0.01)


def test_schizophrenia(reference):
    data, expected = reference("mlmus_schiz")
    one, two = expected["fits"].values()
    assert one["formula"] == "y ~ 0 + weeksqrt*treatment + (1 | id)"
    result = fit(GLLAMM.from_formula(one["formula"], data, family=families.Ordinal()), 20)
    assert result.llf == pytest.approx(one["loglik"], abs=2e-5)
    want = [*one["fixed"].values(), one["variance"]["id"], *one["cuts"]]
    assert_allclose(result.params, want, rtol=0, atol=1.5e-5)

    result = fit(GLLAMM.from_formula(two["formula"], data, family=families.Ordinal()), 20)
    assert result.llf == pytest.approx(two["loglik"], abs=2e-4)
    (a, b), (_, c) = two["cov"]
    want = [*two["fixed"].values(), a, b, c, *two["cuts"]]
    assert_allclose(result.params, want, rtol=0, atol=5e-5)  # two rules of 20 points


ESSAYS = "grade ~ C(grader) + (1 | essay)"


def test_essays(reference):
    data, expected = reference("mlmus_essays")
    plain, scaled, _ = expected["fits"].values()
    result = fit(GLLAMM.from_formula(ESSAYS, data, **PROBIT), 15)
    assert result.llf == pytest.approx(plain["loglik"], abs=2e-5)
    want = [*plain["fixed"], plain["variance"]["essay"], *plain["cuts"]]
    assert_allclose(result.params, want, rtol=0, atol=1e-5)

    result = fit(GLLAMM.from_formula(ESSAYS, data, **PROBIT, dispersion="C(grader)"), 15)
    assert result.llf == pytest.approx(scaled["loglik"], abs=2e-5)
    want = [*scaled["fixed"], scaled["variance"]["essay"], *scaled["cuts"], *scaled["log_sd"]]
    assert_allclose(result.params, want, rtol=0, atol=2e-5)
    assert result.params.index[-4:].tolist() == [f"logscale[C(grader)[T.{k}]]" for k in (2, 3, 4, 5)]


def test_essays_thresholds_of_every_grader(reference):
    data, expected = reference("mlmus_essays")
    expected = expected["fits"]["scaled_and_grader_thresholds_8_points"]
    model = GLLAMM.from_formula("grade ~ 0 + (1 | essay)", data, **PROBIT, dispersion="C(grader)",
                                thresholds="0 + C(grader)")
    result = fit(model, 8)
    assert result.llf == pytest.approx(expected["loglik"], abs=2e-5)
    assert len(result.params) == 1 + 35 + 4
    assert result.params["var[Intercept[essay]]"] == pytest.approx(1.6765, abs=1e-4)
    assert_allclose(result.params.iloc[-4:], expected["log_sd"], rtol=0, atol=5e-5)


YOGURT = {"family": families.Choice(set=["house", "occ"])}


def test_yogurt(reference):
    data, expected = reference("mlmus_yogurt")
    expected = expected["fits"]["clogit"]
    result = GLLAMM.from_formula("choice ~ brand + feature + price", data, **YOGURT).fit()
    assert result.llf == pytest.approx(expected["loglik"], abs=5e-6)
    assert_allclose(result.params, expected["fixed"], rtol=0, atol=1.5e-5)


def test_yogurt_random_coefficients(reference):
    """12 points per dimension are 4e-4 off, 17 and more agree; the integral is -1891.24213."""
    data, expected = reference("mlmus_yogurt")
    expected = expected["fits"]["random_feature_price"]
    model = GLLAMM.from_formula(
        "choice ~ brand + feature + price + (0 + feature + price | house)", data, **YOGURT)
    result = fit(model, 17)
    assert result.llf == pytest.approx(expected["loglik"], abs=2e-4)
    assert_allclose(result.params[:4], expected["fixed"], rtol=0, atol=1.5e-5)
    assert_allclose(result.bse[:4], expected["se"], rtol=0, atol=6e-5)
    (a, b), (_, c) = expected["cov"]
    close = np.abs(result.params[4:] - [a, b, c]) / result.bse[4:]
    assert close.max() < 1e-3


POLLS = "rldist + (p2 + p3):(yr87 + yr92 + male + age + manual + inflation)"


@pytest.fixture(scope="module")
def polls(reference):
    """Rankings of the parties; with two that tie in the last place, and with ties in file order."""
    data, expected = reference("mlmus_elections")
    data["p2"], data["p3"] = (data["party"] == 2) * 1.0, (data["party"] == 3) * 1.0
    by_rank = data.sort_values(["occ", "rank"], kind="stable")
    data["order"] = by_rank.groupby("occ").cumcount() + 1
    data["tied"] = data.groupby(["occ", "rank"])["rank"].transform("size") > 1
    return data, expected["fits"]["exploded_logit_no_latent"]


def by_hand(data, params):
    """Exploded logit of the sets of three, without the second stage where that is a tie."""
    columns = [data["rldist"], *(data[p] * data[x] for p in ("p2", "p3")
                                 for x in "yr87 yr92 male age manual inflation".split())]
    nu = np.column_stack(columns) @ params
    order = np.lexsort((data["rank"], data["occ"]))
    nu, tied = nu[order].reshape(-1, 3), data["tied"].to_numpy()[order].reshape(-1, 3).any(axis=1)
    first = nu[:, 0] - special.logsumexp(nu, axis=1)
    second = nu[:, 1] - special.logsumexp(nu[:, 1:], axis=1)
    return first.sum() + second[~tied].sum()


def test_elections_with_ties_in_file_order(polls):
    """The log-likelihood printed takes the order of the rows for that of parties that tie."""
    data, expected = polls
    model = GLLAMM.from_formula(f"order ~ {POLLS}", data, family=families.Ranking(set="occ"))
    result = model.fit()
    assert result.llf == pytest.approx(expected["loglik"], abs=5e-5)
    assert result.params["rldist"] == pytest.approx(expected["fixed"]["rldist"][0], abs=5e-6)


def test_elections_standard_error_is_of_voters(polls):
    data, expected = polls
    model = GLLAMM.from_formula(f"order ~ {POLLS}", data, family=families.Ranking(set="occ"))
    result = model.fit(cov_type="cluster", cov_kwds={"groups": "serialno"})
    assert result.bse["rldist"] == pytest.approx(expected["fixed"]["rldist"][1], abs=5e-5)


def test_elections_with_ties_not_ranked_further(polls):
    """Where two parties share the last place only the first choice is known."""
    data, _ = polls
    assert data.loc[data["tied"], "rank"].eq(2).all()
    partial = data.assign(rank=data["rank"].where(~data["tied"], 0))
    with pytest.raises(DataError, match="more than once in the set occ = 3"):
        GLLAMM.from_formula(f"rank ~ {POLLS}", data, family=families.Ranking(set="occ"))
    model = GLLAMM.from_formula(f"rank ~ {POLLS}", partial, family=families.Ranking(set="occ"))
    for result in [model.fit()]:
        names = ["rldist", *(f"{p}:{x}" for p in ("p2", "p3") for x in (
            "yr87", "yr92", "male", "age", "manual", "inflation"))]
        assert_allclose(result.llf, by_hand(data, result.params[names].to_numpy()), rtol=1e-10)
        assert result.llf == pytest.approx(-2936.53409, abs=1e-4)


@pytest.mark.parametrize(("points", "name"), [(1, "nb_glmmTMB"), (31, "nb_indep_agq")])
def test_zero_inflation_that_is_not_there(points, name, reference):
    """The probability of an extra zero goes to zero: the negative binomial model remains."""
    data, expected = reference("salamanders")
    model = GLLAMM.from_formula(SALAMANDERS, data, family=families.ZeroInflated(NB2))
    with pytest.warns(BoundaryWarning, match="probability of the zero part is zero"):
        result = fit(model, points)
    assert result.converged
    assert result.llf == pytest.approx(expected["fits"][name]["loglik"], abs=1e-5)
    assert result.llf == pytest.approx(-826.202205 if points == 1 else -826.155395, abs=1e-5)
    assert special.expit(result.params["zero[Intercept]"]) < 1e-5
    plain = fit(GLLAMM.from_formula(SALAMANDERS, data, family=NB2), points)
    assert_allclose(result.params[plain.params.index] / plain.bse, plain.params / plain.bse,
                    rtol=0, atol=1e-3)
    assert_allclose(result.bse[plain.params.index], plain.bse, rtol=0.01)
    assert np.isnan(result.bse["zero[Intercept]"])


INDIRECT = "y ~ 0 + chd + fiber2 + loading + loading:age + loading:bus + loading:age:bus" \
           " + (0 + loading | id)"


@pytest.mark.parametrize("points", [
    1, 7, 15, "auto"])
def test_indirect_effects_on_heart_disease(points, reference):
    """Age and occupation act on heart disease through fibre: the factor's mean depends on them.

    That is the direct model with products of the loading and the fibre's coefficients.
    """
    data, _ = reference("galamm_diet")
    result = fit(GLLAMM.from_formula(INDIRECT, data, **LOADING), points)
    p = result.params
    mean = {"fiber": p["loading"], **{f"fiber:{x}": p[f"loading:{x}"] for x in ("age", "bus",
                                                                               "age:bus")}}
    loading = p["lambda[loading,chd]"]
    direct = GLLAMM.from_formula(DIRECT, data, **LOADING)
    same = pd.Series({
        **mean, "fiber2": p["fiber2"], "chd": p["chd"] + loading * p["loading"],
        **{f"chd:{x}": loading * p[f"loading:{x}"] for x in ("age", "bus", "age:bus")},
        **p.iloc[-3:]})[direct.param_names]
    rule = {"integration": "laplace"} if points == 1 else {"n_quad": 15}
    assert_allclose(result.llf, direct.loglike(same, **rule), rtol=1e-8)
    assert result.llf == pytest.approx(-1372.830927 if points == 1 else -1372.838085, abs=1e-4)
