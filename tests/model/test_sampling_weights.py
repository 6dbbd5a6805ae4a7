"""Sampling weights: what they are in the likelihood, how they are scaled, and what refuses them."""
import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
from scipy.stats import multivariate_normal
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Classes, families
from statsmodels_gllamm.exceptions import DataError, WeightsWarning
from statsmodels_gllamm.results.estimates import n_observations
from tests.integration.frames import nested_frame, random_params
from tests.model.test_weights import CASES, FAMILIES, RULES, replicate

NODES = np.linspace(-9, 9, 1801)  # the trapezoid rule, exact for such integrands
MASS = np.exp(-NODES**2 / 2) / np.exp(-NODES**2 / 2).sum()


@pytest.fixture
def nested(rng):
    """Weights of rows, of persons g and, twice, of schools s; zero now and then."""
    data = nested_frame(rng, n_top=6)
    data["wr"] = rng.integers(0, 4, len(data))
    for column, group in [("wg", "g"), ("ws", "s"), ("wi", "s")]:
        number = pd.factorize(data[group])[0]
        data[column] = 1 + number % 3 if column == "wi" else number % 4
    return data


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("column", ["binary", "number"])
def test_likelihood_is_that_of_frequency_weights(nested, case, column, rule, rng):
    """Which is that of replicated data; but frequency weights only count observations."""
    formula, weights = CASES[case]
    drawn, counted = (GLLAMM.from_formula(formula.format(column), nested, family=FAMILIES[column],
                                          **{kind: weights})
                      for kind in ("sampling_weights", "freq_weights"))
    params = random_params(drawn, rng)
    assert drawn.loglike(params, **RULES[rule]) == counted.loglike(params, **RULES[rule])
    assert_allclose(drawn.score(params, **RULES[rule]), counted.score(params, **RULES[rule]))


def test_both_kinds_of_weights_are_multiplied(nested, rng):
    """Rows of sampling weight 2 and frequency 3 are six rows, and three observations."""
    data = nested.assign(two=2.0, three=3, six=6)
    formula = "count ~ x + (1 | s/g)"
    both = GLLAMM.from_formula(formula, data, family=FAMILIES["count"],
                               freq_weights={"rows": "three", "s": "ws"},
                               sampling_weights={"rows": "two", "s:g": "wg", "s": "wi"})
    long = data
    for column, group in [("six", None), ("wg", "g"), ("ws", "s"), ("wi", "s")]:
        long = replicate(long, column, group)
    params = random_params(both, rng)
    plain = GLLAMM.from_formula(formula, long, family=FAMILIES["count"])
    assert_allclose(both.loglike(params), plain.loglike(params), rtol=1e-11)
    assert n_observations(both.sample) == 3 * data["ws"].sum()


@pytest.mark.filterwarnings("ignore::statsmodels_gllamm.exceptions.WeightsWarning",
                            "ignore::statsmodels_gllamm.exceptions.BoundaryWarning")
@pytest.mark.parametrize("case", ["rows", "top", "all"])
def test_weights_of_two_replicate(nested, case):
    """Estimates and observed information are those of replicated data; the sandwich is not."""
    formula, weights = CASES[case]
    long = nested
    for level in weights:
        long = replicate(long.assign(two=2), "two", None if level == "rows" else level[-1])
    two = {level: np.full(len(nested), 2.0) for level in weights}
    formula, family = formula.format("count"), FAMILIES["count"]
    one = GLLAMM.from_formula(formula, nested, family=family, sampling_weights=two)
    one = one.fit(n_quad=5, tol=1e-11)
    many = GLLAMM.from_formula(formula, long, family=family).fit(n_quad=5, tol=1e-11)
    assert_allclose(one.llf, many.llf, rtol=1e-10)
    assert_allclose(one.params, many.params, rtol=1e-4, atol=1e-4)
    assert_allclose(one.with_cov_type("nonrobust").bse, many.bse, rtol=2e-3)
    assert one.cov_type == "robust" and many.cov_type == "nonrobust"
    n = one.n_groups[one.model.structure.levels[-1].name]
    robust = one.with_cov_type("robust", use_correction=False).bse
    assert_allclose(one.bse, robust * np.sqrt(n / (n - 1)), rtol=1e-10)
    top = 2 if case != "rows" else 1  # clusters that are drawn once, not twice
    assert_allclose(robust, many.with_cov_type("robust").bse * np.sqrt(top), rtol=2e-3)


def scaled(w, groups, scale):
    """Weights of pandas objects scaled in groups, by the formulas."""
    by = w.groupby(groups)
    total, square = by.transform("sum"), (w**2).groupby(groups).transform("sum")
    return w * by.transform("count") / total if scale == "size" else w * total / square


@pytest.mark.parametrize("scale", ["size", "effective"])
def test_scaling_at_three_levels(rng, scale):
    data = nested_frame(rng, n_top=6)
    units = data.drop_duplicates(["s", "g"])[["s", "g"]]
    units["wg"] = rng.uniform(0.5, 4, len(units))
    data = data.merge(units)
    data["wr"] = rng.uniform(0.2, 9, len(data))
    data["ws"] = data["s"].map({s: 1 + 10 * i for i, s in enumerate(sorted(set(data["s"])))})
    data["by_row"] = scaled(data["wr"], [data["s"], data["g"]], scale)
    units["by_unit"] = scaled(units["wg"], units["s"], scale)
    data = data.merge(units[["s", "g", "by_unit"]])
    formula, family = "count ~ x + (1 | s/g)", FAMILIES["count"]
    ours = GLLAMM.from_formula(formula, data, family=family, scale_weights=scale,
                               sampling_weights={"rows": "wr", "s:g": "wg", "s": "ws"})
    by_hand = GLLAMM.from_formula(
        formula, data, family=family,
        sampling_weights={"rows": "by_row", "s:g": "by_unit", "s": "ws"})
    for level in ("rows", "s:g", "s"):
        assert_allclose(ours.sample.sampling.used[level], by_hand.sample.sampling.used[level])
    if scale == "size":
        sums = np.bincount(ours.structure.levels[0].codes, ours.sample.sampling.used["rows"])
        assert_allclose(sums, np.bincount(ours.structure.levels[0].codes))
    params = random_params(ours, rng)
    assert_allclose(ours.loglike(params), by_hand.loglike(params), rtol=1e-12)
    many = GLLAMM.from_formula(formula, replicate(data.assign(k=2), "k"), family=family,
                               scale_weights=scale, sampling_weights={"rows": "wr", "s:g": "wg"})
    counted = GLLAMM.from_formula(formula, data.assign(k=2), family=family, freq_weights="k",
                                  scale_weights=scale, sampling_weights={"rows": "wr", "s:g": "wg"})
    assert_allclose(many.loglike(params), counted.loglike(params), rtol=1e-11)


@pytest.mark.parametrize("scale", ["size", "effective"])
def test_scaling_leaves_out_units_of_weight_zero_and_common_factors(rng, scale):
    data = nested_frame(rng, n_top=5)
    data["w"] = rng.uniform(1, 3, len(data)) * (rng.random(len(data)) < 0.8)
    kept = data[data["w"] > 0]
    kept = kept[kept["s"].map(kept["s"].value_counts()) > 0]
    factor = data["s"].map({s: 1 + i for i, s in enumerate(sorted(set(data["s"])))})
    models = [GLLAMM.from_formula("number ~ x + (1 | s)", d, sampling_weights="w",
                                  scale_weights=scale)
              for d in (data, kept, data.assign(w=data["w"] * factor))]
    params = random_params(models[0], rng)
    values = [model.loglike(params) for model in models]
    assert_allclose(values[1:], values[0], rtol=1e-12)


def test_outcomes_of_several_rows_are_one_unit(rng):
    """A choice among 2 or 4 alternatives counts once in its cluster's size."""
    rows = [(p, 3 * p + k, a) for p in range(6) for k in range(3) for a in range(2 + 2 * (k % 2))]
    data = pd.DataFrame(rows, columns=["person", "set", "a"])
    data["price"] = rng.normal(size=len(data))
    data["chosen"] = (data.groupby("set")["price"].transform("min") == data["price"]).astype(int)
    data["w"] = 1.0 + data["set"] % 3
    model = GLLAMM.from_formula(
        "chosen ~ 0 + price + (0 + price | person)", data, sampling_weights="w", scale_weights="size",
        family=families.Choice(set="set"))
    one = data.assign(used=model.sample.sampling.used["rows"]).drop_duplicates("set")
    assert_allclose(one.groupby("person")["used"].sum(), 3.0)
    assert_allclose(one["used"] / one["w"], 3 / one.groupby("person")["w"].transform("sum"))
    with pytest.raises(DataError, match="the sampling weight of row 1 is not that of other rows"):
        GLLAMM.from_formula("chosen ~ 0 + price + (0 + price | person)",
                            data.assign(w=data["w"] + 0.5 * (data.index == 1)),
                            sampling_weights="w", family=families.Choice(set="set"))


def two_level(rng, n=18):
    """Rows with informative weights in clusters."""
    g = np.repeat(np.arange(n), 2 + np.arange(n) % 4)
    x, u = rng.normal(size=len(g)), rng.normal(size=n)
    eta = 0.4 + 0.6 * x + u[g]
    return pd.DataFrame({
        "g": g, "x": x, "y": eta + 0.8 * rng.normal(size=len(g)),
        "b": (rng.random(len(g)) < 1 / (1 + np.exp(-eta))).astype(int),
        "wr": rng.uniform(0.3, 2.5, len(g)), "wg": rng.uniform(0.5, 4, n)[g],
        "psu": g // 2, "stratum": np.where(g < 8, "low", "high")})


def unit_loglik(params, data, column):
    """log of the integral of the weighted density of every cluster, on a fine grid."""
    values = []
    b0, b1, variance, *logsd = params
    for _, d in data.groupby("g"):
        eta = b0 + b1 * d["x"].to_numpy()[:, None] + np.sqrt(variance) * NODES
        if column == "y":
            sd = np.exp(logsd[0])
            log = -0.5 * ((d["y"].to_numpy()[:, None] - eta) / sd)**2 - np.log(
                sd * np.sqrt(2 * np.pi))
        else:
            log = -np.logaddexp(0, (1 - 2 * d["b"].to_numpy()[:, None]) * eta)
        total = d["wr"].to_numpy() @ log
        top = total.max()
        values.append(top + np.log(MASS @ np.exp(total - top)))
    return np.array(values)


@pytest.mark.filterwarnings("ignore::statsmodels_gllamm.exceptions.WeightsWarning")
@pytest.mark.parametrize("column", ["y", "b"])
def test_estimates_and_sandwich_against_the_integral(rng, column):
    """Gaussian rows with weights have no closed form: one point of the quadrature is exact."""
    data = two_level(rng)
    res = GLLAMM.from_formula(f"{column} ~ x + (1 | g)", data,
                              family=FAMILIES["number" if column == "y" else "binary"],
                              sampling_weights={"rows": "wr", "g": "wg"}).fit(
                                  n_quad="auto" if column == "y" else 31, tol=1e-11)
    assert res.certificate.exact == (column == "y")
    assert res.model._patterns is None
    at = np.asarray(res.params)
    weight = data.groupby("g")["wg"].first().to_numpy()
    assert_allclose(res.llf, weight @ unit_loglik(at, data, column), rtol=1e-8)
    step = 1e-4 * np.eye(len(at))
    scores = np.array([(unit_loglik(at + s, data, column) - unit_loglik(at - s, data, column))
                       / 2e-4 for s in step]).T * weight[:, None]
    assert_allclose(scores.sum(0), 0, atol=1e-3)
    hessian = np.array([[weight @ (
        unit_loglik(at + s + t, data, column) - unit_loglik(at + s - t, data, column)
        - unit_loglik(at - s + t, data, column) + unit_loglik(at - s - t, data, column)) / 4e-8
        for s in step] for t in step])
    bread, n = np.linalg.inv(-hessian), len(weight)
    assert_allclose(res.cov_params(), bread @ scores.T @ scores @ bread * n / (n - 1), rtol=5e-3,
                    atol=1e-5)
    survey = res.with_cov_type("cluster", psu="psu", strata="stratum")
    units = data.drop_duplicates("g")
    meat = 0.0
    for _, rows in units.groupby("stratum"):
        sums = np.array([scores[own["g"]].sum(0) for _, own in rows.groupby("psu")])
        away = sums - sums.mean(0)
        meat = meat + away.T @ away * len(sums) / (len(sums) - 1)
    assert_allclose(survey.cov_params(), bread @ meat @ bread, rtol=5e-3, atol=1e-5)
    assert survey.cov_kwds["n_psu"] == 9 and survey.cov_kwds["n_strata"] == 2


def test_closed_form_of_gaussian_units_with_weights(rng):
    """Persons with weights and residual covariances of items, by patterns: weighted normal densities,
    and the sandwich of their differences."""
    wide = pd.DataFrame(rng.normal(size=(50, 4)) + rng.normal(size=(50, 1)), columns=list("abcd"))
    wide["b"] += 0.5 * wide["a"]
    wide["w"] = rng.uniform(0.3, 4, 50)
    model = GLLAMM.from_wide(wide, "f =~ a + b + c + d; a ~~ b", sampling_weights="w")
    res = model.fit(tol=1e-12)
    assert res.model._patterns is not None

    def densities(params):
        p = dict(zip(model.param_names, params))
        mean = [p[f"item[{c}]"] for c in "abcd"]
        loading = np.array([1, *(p[f"lambda[f,{c}]"] for c in "bcd")])
        cov = p["var[f[id]]"] * np.outer(loading, loading) + np.diag(
            [np.exp(2 * p[f"logsd[item[{c}]]"]) for c in "abcd"])
        (place,) = model.design.layout.positions("rescov")
        cov[0, 1] = cov[1, 0] = cov[0, 1] + params[place]
        return multivariate_normal(mean, cov).logpdf(wide[list("abcd")])

    at, w = np.asarray(res.params), wide["w"].to_numpy()
    assert_allclose(res.llf, w @ densities(at), rtol=1e-12)
    step = 1e-4 * np.eye(len(at))
    scores = np.array([(densities(at + s) - densities(at - s)) / 2e-4 for s in step]).T * w[:, None]
    assert_allclose(model.score_obs(at), scores, atol=1e-5)
    bread = np.linalg.inv(-model.hessian(at))
    assert_allclose(res.cov_params(), bread @ scores.T @ scores @ bread * 50 / 49, rtol=1e-3,
                    atol=1e-6)


def test_identical_units_of_other_weights_are_not_confused(rng):
    """Binary rows without covariates: nearly all units are equal but for their weights."""
    g = np.repeat(np.arange(90), 3)
    data = pd.DataFrame({"g": g, "s": g // 6, "y": rng.integers(0, 2, len(g)),
                         "wr": rng.choice([1.0, 1.5], len(g)), "wg": rng.choice([0.7, 1.3], 90)[g]})
    data["ws"] = rng.choice([0.5, 3.0], 15)[data["s"]]
    for weights in ({"s:g": "wg"}, {"s": "ws"}, {"rows": "wr", "s:g": "wg", "s": "ws"}):
        model = GLLAMM.from_formula("y ~ 1 + (1 | s/g)", data, family=FAMILIES["binary"],
                                    sampling_weights=weights)
        working = model.design.to_working(np.array([0.1, 0.5, 0.6]))
        one, all_ = (model._objective((5, 5), merge=merge).at(working, units=True)
                     for merge in (True, False))
        assert one.problem.n_computed < all_.problem.n_computed
        assert_allclose(one.loglik, all_.loglik, rtol=1e-13)
        assert_allclose(one.unit_scores, all_.unit_scores, atol=1e-12)


def test_mixtures_have_the_weights(rng):
    """Latent classes: the sum over classes of weighted densities, written out."""
    data = pd.DataFrame({"id": np.repeat(np.arange(30), 3), "item": ["a", "b", "c"] * 30,
                         "y": rng.integers(0, 2, 90), "wr": rng.uniform(0.5, 2, 90),
                         "w": rng.uniform(0.5, 3, 30).repeat(3)})
    model = GLLAMM.from_formula("y ~ 0 + (0 + item | c)", data, family=FAMILIES["binary"],
                                classes={"c": Classes(2, within="id")},
                                sampling_weights={"rows": "wr", "id": "w"})
    params = rng.normal(size=len(model.param_names))
    named = dict(zip(model.param_names, params))
    logit = [named[name] for name in model.param_names if name.startswith("prob")]
    prior = np.append(1.0, np.exp(logit)) / (1 + np.exp(logit).sum())
    total = 0.0
    for _, rows in data.groupby("id"):
        parts = []
        for c in (1, 2):
            eta = np.array([named[f"item[{item}][c={c}]"] for item in rows["item"]])
            log = -np.logaddexp(0, (1 - 2 * rows["y"].to_numpy()) * eta)
            parts.append(prior[c - 1] * np.exp(rows["wr"].to_numpy() @ log))
        total += rows["w"].iloc[0] * np.log(sum(parts))
    assert_allclose(model.loglike(params), total, rtol=1e-12)


def test_products_of_latent_variables_have_the_weights(rng):
    data = pd.DataFrame(rng.normal(size=(25, 4)), columns=list("abcd"))
    data["w"] = rng.integers(1, 4, 25)
    text = "f =~ a + b; g =~ c + d; g ~ f + f:f"
    drawn = GLLAMM.from_wide(data, text, sampling_weights="w")
    long = data.loc[data.index.repeat(data["w"])].reset_index(drop=True)
    plain = GLLAMM.from_wide(long, text)
    params = random_params(drawn, rng)
    assert_allclose(drawn.loglike(params), plain.loglike(params), rtol=1e-11)


def test_constructors_read_the_same_weights(rng):
    data = two_level(rng)
    one = GLLAMM.from_formula("y ~ x + (1 | g)", data, scale_weights="size",
                              sampling_weights={"rows": "wr", "g": "wg"})
    two = GLLAMM(data["y"], sm.add_constant(data["x"]), groups={"g": data["g"]},
                 sampling_weights={"rows": data["wr"], "g": data["wg"]}, scale_weights="size")
    params = random_params(one, rng)
    assert one.loglike(params) == two.loglike(params)
    wide = pd.DataFrame(rng.integers(0, 2, (40, 3)), columns=list("abc"))
    wide["w"], wide["school"] = rng.uniform(1, 5, 40), np.arange(40) // 5
    binary = FAMILIES["binary"]
    three = GLLAMM.from_wide(wide, list("abc"), family=binary, fixed="(1 | school)",
                             sampling_weights="w", scale_weights="size")
    assert_allclose(three.sample.sampling.used["id"][::3].reshape(8, 5).sum(1), 5)
    q_matrix = pd.DataFrame({"skill": [1, 1, 1]}, index=list("abc"))
    four = GLLAMM.diagnosis(wide[list("abc") + ["w"]], q_matrix, sampling_weights="w")
    assert_allclose(four.sample.sampling.used["id"][::3], wide["w"])


@pytest.mark.parametrize("wrong, text", [
    ({"sampling_weights": "nowhere"}, "'nowhere' is not a column"),
    ({"sampling_weights": {"h": "wg"}}, "sampling_weights has weights for 'h', which is not a level"),
    ({"sampling_weights": {"g": "wr"}}, "'wr' varies inside the cluster 0 of the group 'g'"),
    ({"sampling_weights": "neg"}, "sampling_weights column 'neg' is -1 in row 3"),
    ({"sampling_weights": {"g": "inf"}}, "column 'inf' is inf in the cluster 0 of the group 'g'"),
    ({"sampling_weights": "wr", "scale_weights": "sum"}, "scale_weights is None, 'size' or 'eff"),
    ({"scale_weights": "size"}, "there are none; give sampling_weights="),
])
def test_errors_name_the_column(rng, wrong, text):
    data = two_level(rng)
    data["neg"] = np.where(data.index == 3, -1.0, 1.0)
    data["inf"] = np.where(data["g"] == 0, np.inf, 1.0)
    with pytest.raises(ValueError, match=text):
        GLLAMM.from_formula("y ~ x + (1 | g)", data, **wrong)


def test_raw_weights_in_small_clusters_are_warned_of(rng):
    data = two_level(rng).assign(wr=lambda d: 3 * d["wr"])
    keywords = {"sampling_weights": {"rows": "wr", "g": "wg"}}
    with pytest.warns(WeightsWarning, match="the 3.39 rows of a cluster of 'g' count as"):
        res = GLLAMM.from_formula("y ~ x + (1 | g)", data, **keywords).fit()
    assert "Warning: the sampling_weights column 'wr' is not scaled" in " ".join(
        str(res.summary()).split())
    scaled = GLLAMM.from_formula("y ~ x + (1 | g)", data, scale_weights="size", **keywords).fit()
    assert "scale_weights='size'" in str(scaled.summary())
    assert "not scaled" not in str(scaled.summary())
    top = GLLAMM.from_formula("y ~ x + (1 | g)", data, sampling_weights={"g": "wg"}).fit()
    assert "Sampling weights of g ('wg')" in str(top.summary())


def test_tiny_weights_are_warned_of(rng):
    data = two_level(rng)
    for column, formula in [("wr", "y ~ x"), ("wg", "y ~ x + (1 | g)")]:
        weights = {"rows" if column == "wr" else "g": data[column] / 1e3}
        with pytest.warns(WeightsWarning, match="have a mean of 0.00[12].*multiply them all"):
            GLLAMM.from_formula(formula, data, sampling_weights=weights).fit()


@pytest.mark.parametrize("w", [0.5, 3.0])
@pytest.mark.filterwarnings("ignore::statsmodels_gllamm.exceptions.WeightsWarning")
def test_a_constant_raw_weight_in_closed_form(rng, w):
    """Balanced clusters: what unscaled weights do to the variances."""
    n, size = 12, 4
    y = rng.normal(size=n)[:, None] + rng.normal(size=(n, size))
    data = pd.DataFrame({"y": y.ravel(), "g": np.repeat(np.arange(n), size), "w": w})
    res = GLLAMM.from_formula("y ~ 1 + (1 | g)", data, sampling_weights="w").fit(
        tol=1e-12, cov_type="nonrobust")
    means = y.mean(1)
    within = w * ((y - means[:, None])**2).sum() / (n * (size * w - 1))
    between = means.var() - within / (size * w)
    assert_allclose(res.params, [means.mean(), between, np.log(within) / 2], rtol=1e-5)


@pytest.mark.parametrize("formula, within, weights", [
    ("number ~ x + (1 | c)", None, {"rows": "wr"}),
    ("number ~ x + (1 | c) + (1 | s)", None, {"rows": "wr", "s": "ws"}),
    ("number ~ x + (1 | c) + (1 | s)", "g", {"rows": "wr", "g": "wg", "s": "ws"}),
])
def test_classes_of_rows_and_below_the_top(nested, formula, within, weights, rng):
    """The log-likelihood is that of frequency weights, and scaling is within clusters."""
    nested["g"] = nested["s"] + nested["g"]
    weights = {level: nested[column] + 1 for level, column in weights.items()}
    classes = {"c": Classes(2) if within is None else Classes(2, within=within)}
    drawn, counted, scaled_ = (
        GLLAMM.from_formula(formula, nested, classes=classes, **keywords)
        for keywords in ({"sampling_weights": weights}, {"freq_weights": weights},
                         {"sampling_weights": weights, "scale_weights": "size"}))
    params = random_params(drawn, rng)
    assert_allclose(drawn.loglike(params), counted.loglike(params), rtol=1e-12)
    if len(weights) > 1:
        by = nested["s"] if within is None else nested["g"]
        used = pd.Series(scaled_.sample.sampling.used["rows"], index=nested.index)
        assert_allclose(used.groupby(by).sum(), by.value_counts().sort_index())
    else:
        assert (scaled_.sample.sampling.used["rows"] == weights["rows"]).all()
