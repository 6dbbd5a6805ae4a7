"""Robust errors of surveys, and what results say and refuse with sampling weights."""
import pickle
import warnings

import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Classes, Factor
from statsmodels_gllamm.results.strata import stratified

POISSON, BINOMIAL = sm.families.Poisson(), sm.families.Binomial()


@pytest.fixture
def data(rng):
    """Rows in units of strata, and in clusters that lie in units."""
    n = 240
    unit = np.arange(n) // 8
    x = rng.normal(size=n) + 0.3 * (unit % 5)
    return pd.DataFrame({
        "x": x, "y": rng.poisson(np.exp(0.3 + 0.2 * x + rng.normal(size=30)[unit] * 0.3)),
        "w": rng.uniform(0.5, 4, n), "g": np.arange(n) // 4, "unit": unit,
        "stratum": np.array(["a", "b", "c"])[unit // 10], "f": rng.integers(1, 3, n)})


def glm(data, **fit):
    exog = sm.add_constant(data["x"])
    return sm.GLM(data["y"], exog, family=POISSON, var_weights=data["w"]).fit(
        tol=1e-13, **fit), exog.to_numpy()


@pytest.mark.filterwarnings("ignore:cov_type not fully supported")
@pytest.mark.parametrize("correction", [False, True])
def test_clusters_against_statsmodels(data, correction):
    res = GLLAMM.from_formula("y ~ x", data, family=POISSON, sampling_weights="w").fit(tol=1e-12)
    robust, _ = glm(data, cov_type="HC0")
    assert_allclose(res.params, robust.params, rtol=1e-6)
    assert_allclose(res.with_cov_type("robust", use_correction=False).cov_params(),
                    robust.cov_params(), rtol=1e-5)
    assert_allclose(res.cov_params(), robust.cov_params() * 240 / 239, rtol=1e-5)
    clustered, _ = glm(data, cov_type="cluster", cov_kwds={
        "groups": data["unit"], "use_correction": correction, "df_correction": False})
    factor = 238 / 239 if correction else 1.0  # theirs has (n - 1) / (n - k) besides
    for keywords in ({"groups": "unit"}, {"psu": "unit"}):
        ours = res.with_cov_type("cluster", use_correction=correction, **keywords)
        assert_allclose(ours.cov_params(), clustered.cov_params() * factor, rtol=1e-5)


def test_strata_against_the_formula(data):
    res = GLLAMM.from_formula("y ~ x", data, family=POISSON, sampling_weights="w").fit(tol=1e-12)
    fit, exog = glm(data)
    score = exog * (data["w"] * (data["y"] - fit.mu)).to_numpy()[:, None]
    meat = np.zeros((2, 2))
    for name in "abc":
        mine = (data["stratum"] == name).to_numpy()
        sums = np.array([score[mine & (data["unit"] == u).to_numpy()].sum(0)
                         for u in data["unit"][mine].unique()])
        meat += 10 * np.cov(sums.T)  # n / (n - 1) times centred squares is n times cov
    bread = np.linalg.inv(exog.T @ (exog * (data["w"] * fit.mu).to_numpy()[:, None]))
    ours = res.with_cov_type("cluster", strata="stratum", psu="unit")
    assert_allclose(ours.cov_params(), bread @ meat @ bread, rtol=1e-5)
    assert "30 primary sampling units in 3 strata" in " ".join(str(ours.summary()).split())
    each = res.with_cov_type("cluster", strata="stratum")
    meat = sum(80 * np.cov(score[(data["stratum"] == name).to_numpy()].T) for name in "abc")
    assert_allclose(each.cov_params(), bread @ meat @ bread, rtol=1e-5)
    same = GLLAMM.from_formula("y ~ x", data, family=POISSON, sampling_weights="w").fit(
        tol=1e-12, cov_type="cluster", cov_kwds={"strata": data["stratum"], "psu": data["unit"]})
    assert_allclose(same.bse, ours.bse)


def test_frequency_weights_are_units(data):
    """A row of frequency f is f sampling units: not so of sampling weights."""
    keywords = {"family": POISSON, "sampling_weights": "w"}
    counted = GLLAMM.from_formula("y ~ x", data, freq_weights="f", **keywords).fit()
    long = data.loc[data.index.repeat(data["f"])].reset_index(drop=True)
    plain = GLLAMM.from_formula("y ~ x", long, **keywords).fit()
    assert counted.nobs == plain.nobs == len(long)
    for kind, given in [("robust", {}), ("cluster", {"psu": "unit", "strata": "stratum"}),
                        ("cluster", {"strata": "stratum"})]:
        one, two = (r.with_cov_type(kind, **given) for r in (counted, plain))
        assert_allclose(one.cov_params(), two.cov_params(), rtol=1e-5)


def test_strata_of_one_unit():
    scores = np.array([[1.0, 2.0], [3.0, -1.0], [2.0, 5.0]])
    stratum, count = np.array([0, 0, 1]), np.ones(3)
    with pytest.raises(ValueError, match="the stratum 'lone' has a single primary sampling unit"):
        stratified(scores, count, stratum, ["pair", "lone"])
    away = scores[:2] - scores[:2].mean(0)
    pair = 2 * away.T @ away
    assert_allclose(stratified(scores, count, stratum, ["pair", "lone"], "certainty"), pair)
    rest = scores[2] - scores.mean(0)
    assert_allclose(stratified(scores, count, stratum, ["pair", "lone"], "centered"),
                    pair + np.outer(rest, rest))
    twice = stratified(scores, np.array([1.0, 1.0, 2.0]), stratum, ["pair", "lone"])
    assert_allclose(twice, pair)  # two equal units do not deviate from their mean


@pytest.fixture
def weighted(data):
    return GLLAMM.from_formula("y ~ x + (1 | g)", data, family=POISSON, scale_weights="size",
                               sampling_weights={"rows": "w"}).fit()


@pytest.mark.parametrize("kwds, text", [
    ({"psu": "half"}, "psu cuts through the unit 0 of 'g'"),
    ({"strata": "half", "psu": "unit"}, "strata cuts through the unit 0 of 'g'"),
    ({"strata": "stratum", "psu": "again"}, "lies in the strata 'a' and 'c'"),
    ({"strata": "lone"}, "the stratum 'one' has a single primary sampling unit"),
    ({"groups": "unit", "strata": "stratum"}, "takes groups or strata, not both"),
    ({"groups": "unit", "single_psu": "certainty"}, "it needs strata"),
    ({"strata": "stratum", "single_psu": "zero"}, "single_psu is one of 'raise', 'certainty'"),
    ({"strata": "nowhere"}, "strata='nowhere' is not a column"),
    ({}, "or 'strata', 'psu' or both"),
])
def test_designs_that_are_refused(weighted, data, kwds, text):
    columns = {"half": np.arange(240) % 2, "again": data["unit"] % 10,
               "lone": np.where(data["g"] == 0, "one", "others")}
    kwds = {key: columns.get(value, value) for key, value in kwds.items()}
    with pytest.raises(ValueError, match=text):
        weighted.with_cov_type("cluster", **kwds)


def test_what_a_pseudo_likelihood_refuses(weighted, data):
    for name in ("aic", "bic", "aicc"):
        with pytest.raises(ValueError, match=f"{name} is not available with sampling"):
            getattr(weighted, name)
    plain = GLLAMM.from_formula("y ~ 1 + (1 | g)", data, family=POISSON).fit()
    with pytest.raises(ValueError, match="lr_test.*not chi-squared; use wald_test"):
        weighted.lr_test(plain)
    with pytest.raises(ValueError, match="lr_test"):
        plain.lr_test(weighted)
    with pytest.raises(ValueError, match="'opg' is not available with sampling weights"):
        weighted.with_cov_type("opg")
    assert weighted.with_cov_type("nonrobust").cov_type == "nonrobust"
    assert weighted.wald_test("x = 0").pvalue < 1


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_tests_of_fit_refuse(rng):
    wide = pd.DataFrame(rng.integers(0, 2, (60, 4)), columns=list("abcd"))
    wide["w"] = rng.uniform(1, 2, 60)
    items = GLLAMM.from_wide(wide, list("abcd"), family=BINOMIAL, sampling_weights="w",
                             constraints="lambda[factor,b] = 1, lambda[factor,c] = 1, "
                                         "lambda[factor,d] = 1").fit()
    for name in ("m2", "item_fit"):
        with pytest.raises(NotImplementedError, match=name):
            getattr(items, name)()
    classes = GLLAMM.from_formula(
        "y ~ 0 + (0 + item | c)", wide.reset_index(names="id").melt(
            ["id", "w"], var_name="item", value_name="y"), family=BINOMIAL,
        sampling_weights={"id": "w"}, classes={"c": Classes(1, within="id")}).fit()
    with pytest.raises(NotImplementedError, match="bivariate_residuals"):
        classes.bivariate_residuals()
    with pytest.raises(NotImplementedError, match="bootstrap_lrt"):
        classes.bootstrap_lrt(classes)
    numbers = wide.assign(**{c: rng.normal(size=60) + rng.normal() for c in "abcd"})
    factor = GLLAMM.from_wide(numbers, list("abcd"), sampling_weights="w").fit(maxiter=3)
    with pytest.raises(ValueError, match="fit_measures"):
        factor.fit_measures()


def test_class_sizes_are_those_of_the_population(rng):
    """Mean posterior probabilities are weighted, as the prior ones of the maximum are."""
    truth = np.repeat([0, 1], [80, 20])
    right = rng.random((100, 5)) < np.where(truth, 0.9, 0.15)[:, None]
    data = pd.DataFrame(right * 1, columns=list("abcde")).reset_index(names="id")
    data["w"] = np.where(truth, 4.0, 1.0)
    long = data.melt(["id", "w"], var_name="item", value_name="y")
    res = GLLAMM.from_formula("y ~ 0 + (0 + item | c)", long, family=BINOMIAL,
                              sampling_weights={"id": "w"},
                              classes={"c": Classes(2, within="id")}).fit(rng=0)
    posterior = res.class_probabilities().to_numpy()
    assert_allclose(res.class_sizes["prior"], data["w"] @ posterior / data["w"].sum(), atol=1e-5)
    assert res.class_sizes["prior"].max() == pytest.approx(0.5, abs=0.1)


def test_sensitivity_is_the_separate_fits(data):
    def fit(**keywords):
        return GLLAMM.from_formula("y ~ x + (1 | g)", data, family=POISSON, **keywords)

    weights = {"sampling_weights": {"rows": "w"}}
    res = fit(scale_weights="effective", **weights).fit_constrained("x = 0.2")
    table = res.weight_sensitivity()
    assert list(table.columns.get_level_values(0).unique()) == ["unweighted", "raw", "size",
                                                                "effective"]
    robust = {"cov_type": "robust", "cov_kwds": {"use_correction": True}}
    for name, keywords in [("unweighted", {}), ("size", {"scale_weights": "size", **weights}),
                           ("effective", {"scale_weights": "effective", **weights})]:
        one = fit(**keywords).fit_constrained("x = 0.2", **robust)
        assert_allclose(table[name, "estimate"], one.params, rtol=2e-4, atol=2e-4)
        assert_allclose(table[name, "std err"], one.bse, rtol=2e-3)
    assert (table.loc["x"].xs("estimate", level=1) == 0.2).all()
    with pytest.raises(ValueError, match="the model has none"):
        fit().fit().weight_sensitivity()


def test_refits_say_which_weights_they_warn_of(rng):
    flat = pd.DataFrame({"y": rng.normal(size=60), "g": np.arange(60) // 6})
    flat["y"] -= flat.groupby("g")["y"].transform("mean")
    flat["w"] = rng.uniform(0.9, 1.1, 60)
    with pytest.warns(UserWarning, match="at the boundary"):
        res = GLLAMM.from_formula("y ~ 1 + (1 | g)", flat, sampling_weights="w",
                                  scale_weights="size").fit()
    with pytest.warns(UserWarning) as caught:
        res.weight_sensitivity()
    texts = [str(one.message) for one in caught]
    assert [text.partition(":")[0] for text in texts] == ["unweighted", "raw", "effective"]
    assert all("at the boundary" in text for text in texts)


def test_summary_survives_pickling_and_removal_of_data(weighted):
    text = str(weighted.summary())
    assert "Log-Pseudolikelihood" in text and "AIC" not in text
    assert "Sampling weights of rows ('w')" in text
    copy = pickle.loads(pickle.dumps(weighted))
    copy.remove_data()
    for word in ("Log-Pseudolikelihood", "Sampling weights of rows ('w')", "scale_weights='size'"):
        assert word in str(copy.summary()) and word in str(copy.summary2())
    assert_allclose(copy.bse, weighted.bse)
    with pytest.raises(ValueError, match="remove_data"):
        copy.weight_sensitivity()


def test_masses_at_infinity_with_weights():
    """The information of a mass at infinity is exactly zero."""
    rng = np.random.default_rng(3)
    g = np.repeat(np.arange(40), 6)
    eta = 0.3 + rng.normal(size=40)[g]
    data = pd.DataFrame({"g": g, "w": 1.0 + g % 3, "y": (rng.random(240) < 1 / (1 + np.exp(-eta)))})
    data["y"] = data["y"].astype(int)
    model = GLLAMM.from_formula("y ~ 1 + (1 | c)", data, family=BINOMIAL,
                                classes={"c": Classes("auto", within="g")},
                                sampling_weights={"rows": 3 * data["w"], "g": "w"})
    with pytest.warns(UserWarning):
        res = model.fit()
    assert np.isfinite(res.llf)


def test_standardized_results_are_of_the_weighted_population(rng):
    """The covariance of a covariate among persons has their weights."""
    wide = pd.DataFrame(rng.normal(size=(80, 3)), columns=list("abc"))
    wide["x"], wide["w"] = rng.normal(size=80), rng.uniform(0.2, 5, 80)
    wide[list("abc")] += (wide[["x"]].to_numpy() + rng.normal(size=(80, 1)))
    res = GLLAMM.from_wide(wide, "f =~ a + b + c; f ~ x", sampling_weights="w").fit()
    variance = np.cov(wide["x"], aweights=wide["w"], ddof=0)
    gamma, psi = res.params["gamma[f[id] on x]"], res.params["var[f[id]]"]
    assert res.r_squared_latent()["estimate"].iloc[0] == pytest.approx(
        gamma**2 * variance / (gamma**2 * variance + psi), rel=1e-6)


def test_factor_in_clusters_of_rows(data):
    """A factor with weights at both levels: every covariance, and its clusters."""
    data = data.assign(item=[f"i{k}" for k in np.arange(240) % 4])
    res = GLLAMM.from_formula("y ~ 0 + item + (0 + h | g)", data, family=POISSON,
                              factors={"h": Factor("item", standardized=True)},
                              sampling_weights={"rows": "w"}, scale_weights="size").fit()
    units = res.with_cov_type("cluster", psu="unit")
    groups = res.with_cov_type("cluster", groups="unit")
    assert_allclose(units.bse, groups.bse, rtol=1e-2)  # centring changes nothing at the maximum


@pytest.mark.parametrize("scale", [None, "effective"])
def test_averages_are_over_the_population(data, scale):
    """Marginal effects of a logit model, with the products of the weights of all levels."""
    data = data.assign(y=(data["y"] > 1) * 1, wg=1.0 + data["g"] % 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        res = GLLAMM.from_formula("y ~ x + (1 | g)", data, family=BINOMIAL, scale_weights=scale,
                                  sampling_weights={"rows": "w", "g": "wg"}).fit()
    weight = (data["w"] * data["wg"]).to_numpy()
    nodes = np.linspace(-8, 8, 801)
    mass = np.exp(-nodes**2 / 2) / np.exp(-nodes**2 / 2).sum()
    b0, b1, variance = res.params
    p = 1 / (1 + np.exp(-(b0 + b1 * data["x"].to_numpy()[:, None] + np.sqrt(variance) * nodes)))
    slope = b1 * (p * (1 - p)) @ mass
    effect = np.ravel(res.get_margeff().margeff)[0]
    assert effect == pytest.approx(weight @ slope / weight.sum(), rel=1e-5)
