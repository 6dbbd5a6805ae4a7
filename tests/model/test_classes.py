"""Latent classes, against an EM of their own, scipy and sums by hand."""
import pickle
import warnings

import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
from scipy.special import expit, logsumexp
from scipy.stats import binom, multivariate_normal, norm, poisson
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Classes, datasets, families, select_classes
from statsmodels_gllamm.exceptions import (
    BoundaryWarning,
    ConvergenceWarning,
    CrossedGroupsError,
    DataError,
    FormulaError,
)

BINOMIAL = sm.families.Binomial()


@pytest.fixture(scope="module")
def lsat():
    return datasets.lsat.load_pandas().data


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(1)
    n, rows = 60, 4
    unit = np.repeat(np.arange(n), rows)
    x, age = rng.normal(size=n * rows), rng.normal(size=n)
    first = rng.random(n) < expit(0.3 + age)
    nu = np.where(first[unit], 1 + x, -1 - 0.5 * x)
    latent = nu + 0.5 * rng.normal(size=n)[unit]
    known = np.where(np.arange(n) < 20, np.where(first, 1.0, 2.0), np.nan)
    return pd.DataFrame({
        "id": unit, "x": x, "age": age[unit], "time": np.tile(np.arange(rows), n), "first": first[unit],
        "known": known[unit], "y": (rng.random(n * rows) < expit(latent)) * 1.0,
        "g": latent + rng.normal(size=n * rows), "n": rng.poisson(np.exp(0.5 * nu)),
        "o": np.digitize(latent + rng.logistic(size=n * rows), [-1, 1])})


def lsat_model(lsat, n):
    return GLLAMM.from_formula("y ~ 0 + (0 + item | c)", lsat, family=BINOMIAL,
                               classes={"c": Classes(n, within="id")})


def em(y, n, rng, steps=2000):
    """Log-likelihood, shares and probabilities of a latent class model of binary items (G, J)."""
    y, weight = np.unique(y, axis=0, return_counts=True)
    share, p = np.full(n, 1 / n), rng.uniform(0.3, 0.9, (n, y.shape[1]))
    for _ in range(steps):
        joint = np.log(share) + y @ np.log(p).T + (1 - y) @ np.log1p(-p).T
        total = logsumexp(joint, axis=1)
        r = np.exp(joint - total[:, None])
        r *= weight[:, None]
        share, p = r.sum(axis=0) / weight.sum(), r.T @ y / r.sum(axis=0)[:, None]
        p = np.clip(p, 1e-12, 1 - 1e-12)
    return total @ weight, share, p


@pytest.mark.parametrize("n", [2, 3])
def test_maximum_is_that_of_an_em(lsat, n):
    wide = lsat.pivot(index="id", columns="item", values="y").to_numpy(dtype=float)
    rng = np.random.default_rng(0)
    ends = [em(wide, n, rng) for _ in range(5)]
    model = lsat_model(lsat, n)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        res = model.fit(rng=0, starts=10)
    assert res.llf >= max(end[0] for end in ends) - 1e-3
    table = res.optima
    assert table["loglik"].iloc[0] == pytest.approx(res.llf, abs=1e-3)
    assert table["found"].sum() == 10 and table["loglik"].is_monotonic_decreasing
    p = np.array([[res.params[f"item[Q{i}][c={c}]"] for i in range(1, 6)] for c in range(1, n + 1)])
    share = res.class_sizes["prior"].to_numpy()
    assert (np.diff(share) < 0).all()
    joint = np.log(share) - wide @ np.logaddexp(0, -p).T - (1 - wide) @ np.logaddexp(0, p).T
    assert_allclose(res.llf, logsumexp(joint, axis=1).sum(), rtol=1e-10)
    posterior = np.exp(joint - logsumexp(joint, axis=1)[:, None])
    assert_allclose(res.class_probabilities(), posterior, atol=1e-9)
    assert_allclose(res.class_sizes["posterior"], posterior.mean(axis=0))
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = 1 + np.nansum(posterior * np.log(posterior)) / (len(wide) * np.log(n))
    assert_allclose(res.entropy, entropy)
    if n == 2:
        best = max(ends, key=lambda end: end[0])
        order = np.argsort(-best[1])
        assert_allclose(res.llf, best[0], atol=1e-5)
        assert_allclose(share, best[1][order], atol=1e-3)
        assert_allclose(expit(p), best[2][order], atol=1e-3)


FORMULAS = {
    "own": ("y ~ 0 + time + (x | c)", {"family": BINOMIAL}, "age", None),
    "intercept": ("y ~ 0 + time + (x | c) + (1 | id)", {"family": BINOMIAL}, "~ age", "known"),
    "relative": ("g ~ x + (x | c) + (1 | id)", {}, "age + I(age**2)", None),
    "counts": ("n ~ x + (1 | c)", {"family": families.NegativeBinomial()}, "0 + age", None),
    "thresholds": ("o ~ x + (x | c) + (1 | id)", {"family": families.Ordinal(),
                                                  "thresholds": "1 + time"}, "1", "known"),
    "nominal": ("o ~ x + (1 | c)", {"family": families.Nominal()}, "1", None),
}


def class_model(data, which, n=2):
    formula, more, membership, known = FORMULAS[which]
    return GLLAMM.from_formula(formula, data, classes={
        "c": Classes(n, within="id", membership=membership, known=known)}, **more)


def some_params(model):
    rng = np.random.default_rng(3)
    params = model.start_params + 0.1 * rng.normal(size=len(model.param_names))
    variance = [name.startswith("var[") for name in model.param_names]
    params[variance] = np.abs(params[variance]) + 0.2
    return pd.Series(params, model.param_names)


@pytest.mark.parametrize("which", FORMULAS)
def test_score_is_the_slope(data, which):
    model = class_model(data, which, 3 if which == "relative" else 2)
    params = some_params(model)
    slope = [(model.loglike(params + 1e-5 * e) - model.loglike(params - 1e-5 * e)) / 2e-5
             for e in np.eye(len(params))]
    assert_allclose(model.score(params), slope, atol=1e-6)
    assert_allclose(model.score_obs(params).sum(axis=0), model.score(params), atol=1e-9)


def log_shares(p, age, known):
    """Log probabilities (G, 2) of two classes, those of known ones only."""
    eta = p.get("prob[c=2]", 0.0) + p.get("prob[c=2,age]", 0.0) * age
    out = np.column_stack([-np.log1p(np.exp(eta)), -np.log1p(np.exp(-eta))])
    if known is not None:
        out[known == 1, 1] = out[known == 2, 0] = -np.inf
    return out


def by_unit(data):
    return [rows for _, rows in data.groupby("id")]


def test_binary_with_random_intercept_by_hand(data):
    model = class_model(data, "intercept")
    p, b = some_params(model), np.linspace(-12, 12, 4001)
    total = 0.0
    for rows in by_unit(data):
        found = []
        for c in (1, 2):
            nu = p["time"] * rows["time"] + p[f"Intercept[c={c}]"] + p[f"x[c={c}]"] * rows["x"]
            inside = nu.to_numpy()[:, None] + b
            y = rows["y"].to_numpy()[:, None]
            density = np.exp(binom.logpmf(y, 1, expit(inside)).sum(axis=0))
            density *= norm.pdf(b, scale=np.sqrt(p["var[Intercept[id]]"]))
            found.append(np.log(density.sum() * (b[1] - b[0])))
        share = log_shares(p, rows["age"].iloc[:1].to_numpy(), rows["known"].iloc[:1].to_numpy())
        total += logsumexp(np.array(found) + share[0])
    assert_allclose(model.loglike(p, n_quad=35), total, rtol=1e-9, atol=1e-7)


def test_gaussian_mixtures_by_scipy(data):
    for formula in ("g ~ x + (x | c) + (1 | id)", "g ~ x + (x | c)"):
        model = GLLAMM.from_formula(formula, data, classes={
            "c": Classes(2, within="id", membership="age")})
        p = some_params(model)
        between, total = p.get("var[Intercept[id]]", 0.0), 0.0
        for rows in by_unit(data):
            cov = between * np.ones((4, 4)) + np.exp(2 * p["logsd[Intercept]"]) * np.eye(4)
            found = [multivariate_normal.logpdf(
                rows["g"], p["Intercept"] + p.get(f"Intercept[c={c}]", 0.0)
                + (p["x"] + p.get(f"x[c={c}]", 0.0)) * rows["x"], cov) for c in (1, 2)]
            total += logsumexp(found + log_shares(p, rows["age"].iloc[:1].to_numpy(), None)[0])
        assert_allclose(model.loglike(p), total, rtol=1e-11)


def test_counts_with_weights_by_hand(data):
    weighted = data.assign(w=1.0 + data["id"] % 3)
    model = GLLAMM.from_formula("n ~ 0 + (x | c)", weighted, family=sm.families.Poisson(),
                                freq_weights={"id": "w"}, classes={"c": Classes(2, within="id")})
    p, total = some_params(model), 0.0
    for rows in by_unit(weighted):
        found = [poisson.logpmf(rows["n"], np.exp(p[f"Intercept[c={c}]"] + p[f"x[c={c}]"] * rows["x"])
                                ).sum() for c in (1, 2)]
        total += rows["w"].iloc[0] * logsumexp(found + log_shares(p, np.zeros(1), None)[0])
    assert_allclose(model.loglike(p), total, rtol=1e-11)


def test_one_class_is_the_model_without(data):
    for more in ("", " + (1 | id)"):
        one = GLLAMM.from_formula("y ~ 0 + time + (x | c)" + more, data, family=BINOMIAL,
                                  classes={"c": Classes(1, within="id")}).fit()
        without = GLLAMM.from_formula("y ~ x + time" + more, data, family=BINOMIAL).fit()
        assert_allclose(one.llf, without.llf, rtol=1e-9)
        names, mine = ["Intercept", "x"], ["Intercept[c=1]", "x[c=1]"]
        assert_allclose(one.params[mine], without.params[names], rtol=1e-4)
        assert_allclose(one.bse[mine], without.bse[names], rtol=1e-3)


def test_known_everywhere_is_separate_fits(data):
    data = data.assign(k=np.where(data["first"], 1, 2))
    res = GLLAMM.from_formula("y ~ 0 + (x | c)", data, family=BINOMIAL, classes={
        "c": Classes(2, within="id", membership="age", known="k")}).fit(rng=0)
    logit = sm.Logit.from_formula("I(1.0 * (k == 2)) ~ age", data.groupby("id").first()).fit(disp=0)
    parts = [sm.GLM.from_formula("y ~ x", data[data["k"] == c], family=BINOMIAL).fit() for c in (1, 2)]
    assert_allclose(res.llf, logit.llf + sum(part.llf for part in parts), rtol=1e-9)
    for c, part in enumerate(parts, 1):
        assert_allclose(res.params[[f"Intercept[c={c}]", f"x[c={c}]"]], part.params, atol=1e-4)
        assert_allclose(res.bse[[f"Intercept[c={c}]", f"x[c={c}]"]], part.bse, rtol=1e-3)
    assert_allclose(res.params[["prob[c=2]", "prob[c=2,age]"]], logit.params, atol=1e-4)
    assert_allclose(res.entropy, 1)
    assert (res.modal_class == data.groupby("id")["k"].first()).all()


def test_two_names_of_the_same_clusters(data):
    data = data.assign(other=(7 * data["id"]) % 60, w=1.0 + data["id"] % 3)
    one, two = (GLLAMM.from_formula(
        f"g ~ x + (x | c) + (1 | {random})", data, freq_weights={"id": "w"}, classes={
            "c": Classes(2, within=within, membership="age")}).fit(rng=0, starts=2)
        for random, within in (("id", "id"), ("id", "other")))
    assert_allclose(one.llf, two.llf)
    place = data.groupby("id")["other"].first()
    for posterior in (True, False):
        a, b = (res.class_probabilities(posterior=posterior) for res in (one, two))
        assert_allclose(a.loc[place.index], b.loc[place], atol=1e-4)
    assert_allclose(one.class_sizes, two.class_sizes, atol=1e-4)
    assert_allclose(one.entropy, two.entropy, atol=1e-4)
    weight = data.groupby("id")["w"].first()
    assert_allclose(one.class_sizes["prior"],
                    np.average(one.class_probabilities(posterior=False), axis=0, weights=weight))


def test_order_of_classes_changes_names_only(data):
    from statsmodels_gllamm.estimation.classes import ClassMixture, reordered

    for which in ("own", "relative", "thresholds", "nominal"):
        model = GLLAMM.from_formula(FORMULAS[which][0], data, **FORMULAS[which][1], classes={
            "c": Classes(3, within="id", membership="age")})
        params = some_params(model)
        mixture = ClassMixture(model.design, model.structure.classes)
        working = reordered(mixture, model.design.to_working(params), np.array([2, 0, 1]))
        moved = model.design.to_natural(working)
        assert np.abs(moved - params).max() > 0.1
        assert_allclose(model.loglike(moved), model.loglike(params), rtol=1e-9)


def test_fit_reaches_a_maximum_and_reports(data):
    model = class_model(data, "relative")
    res = model.fit(rng=0)
    assert res.converged and np.abs(model.score(res.params)).max() < 0.05
    assert_allclose(res.bse, np.sqrt(np.diag(np.linalg.inv(model.information(res.params)))), rtol=1e-3)
    text = str(res.summary())
    for word in ("Class 2", "x[c=2]", "Class probabilities", "prob[c=2,age]", "exact",
                 "Prior probabilities of the classes", "10 starting points"):
        assert word in text
    assert "log(P(c) / P(c=1))" in model.describe()
    again = model.fit(start_params=res.params)
    assert_allclose(again.llf, res.llf, atol=1e-6)
    assert again.optima.empty
    assert_allclose(pickle.loads(pickle.dumps(res)).entropy, res.entropy)
    prior = res.class_probabilities(posterior=False)
    age = data.groupby("id")["age"].first()
    p = res.params
    eta = p["prob[c=2]"] + p["prob[c=2,age]"] * age + p["prob[c=2,I(age ** 2)]"] * age**2
    assert_allclose(prior["c=2"], expit(eta))
    held = model.fit_constrained("x[c=2] = 0", rng=0)
    assert held.params["x[c=2]"] == 0 and held.llf < res.llf
    assert held.lr_test(res).df == 1


def test_events_that_never_happen_in_a_class():
    rng = np.random.default_rng(5)
    n, first = 300, np.arange(300) < 180
    p = np.where(first[:, None], [0.8, 0.7, 0.75, 0.3], [0.2, 0.3, 0.25, 0.0])
    y = (rng.random((n, 4)) < p) * 1.0
    long = pd.DataFrame({"id": np.repeat(np.arange(n), 4), "item": np.tile(list("abcd"), n),
                         "y": y.ravel(), "k": np.repeat(np.where(first, 1, 2), 4)})
    model = GLLAMM.from_formula("y ~ 0 + (0 + item | c)", long, family=BINOMIAL, classes={
        "c": Classes(2, within="id", known="k")})
    with pytest.warns(BoundaryWarning, match=r"item\[d\]\[c=2\].*zero or one"):
        res = model.fit(rng=0, starts=2)
    assert res.converged and list(res.record.boundary) == ["item[d][c=2]"]
    assert -60 < res.params["item[d][c=2]"] < -12
    assert list(res.bse.index[res.bse.isna()]) == ["item[d][c=2]"]
    share = y[first].mean(axis=0)
    assert_allclose(res.bse.iloc[:4], 1 / np.sqrt(first.sum() * share * (1 - share)), rtol=1e-3)


def test_results_refuse_what_they_cannot_do(lsat):
    one, two = (lsat_model(lsat, n).fit(starts=2, rng=0) for n in (1, 2))
    for name in ("latent", "random_effects", "plot_random_effects", "plausible_values",
                 "posterior_nodes"):
        with pytest.raises(ValueError, match="no continuous latent variables"):
            member = getattr(two, name)
            member()
    names = ("fit_measures", "standardized", "r_squared_latent", "r_squared_items", "effects",
             "reliability", "m2", "item_fit", "item_information", "plot_item_curves",
             "plot_information", "plot_path")
    for name in names:
        with pytest.raises(NotImplementedError, match=f"{name} is not available.*latent classes"):
            getattr(two, name)()
    with pytest.raises(ValueError, match="not chi-squared"):
        two.lr_test(one)
    table = one.compare(two)
    assert table["lr"].isna().all() and table["aic"].iloc[1] < table["aic"].iloc[0]
    two.remove_data()
    text = str(two.summary())
    assert "Class 2" in text and "c=1 0.66" in text
    with pytest.raises(ValueError, match="remove_data"):
        two.class_probabilities()


def test_predictions_are_averages_over_classes(data):
    model = class_model(data, "own")
    res = model.fit(rng=0, starts=2)
    p, mean = res.params, {}
    for c in (1, 2):
        mean[c] = expit(p["time"] * data["time"] + p[f"Intercept[c={c}]"] + p[f"x[c={c}]"] * data["x"])
    assert_allclose(res.predict(which="class"), np.column_stack([mean[1], mean[2]]), rtol=1e-9)
    second = expit(p["prob[c=2]"] + p["prob[c=2,age]"] * data["age"])
    expected = (1 - second) * mean[1] + second * mean[2]
    assert_allclose(res.predict(), expected, rtol=1e-9)
    assert_allclose(res.predict(data.iloc[5:9]), expected.iloc[5:9], rtol=1e-9)
    assert_allclose(res.fittedvalues, expected, rtol=1e-9)
    assert_allclose(res.resid, data["y"] - expected, atol=1e-9)
    assert_allclose(model.predict(p), expected, rtol=1e-9)
    share = res.class_probabilities()["c=2"].loc[data["id"]].to_numpy()
    own = (1 - share) * mean[1] + share * mean[2]
    assert_allclose(res.predict(which="posterior"), own, rtol=1e-9)
    new = data.iloc[:3].assign(id=[0, 999, 1])
    found = res.predict(new, which="posterior")
    assert_allclose(found.iloc[0], own.iloc[0], rtol=1e-9)
    assert_allclose(found.iloc[1], expected.iloc[1], rtol=1e-9)
    with pytest.raises(DataError, match="age"):
        res.predict(new.drop(columns="age"))


def test_means_and_simulations_with_a_random_intercept(data):
    res = class_model(data, "intercept").fit(rng=0, starts=2)
    b = np.linspace(-9, 9, 2001)
    weight = norm.pdf(b) / norm.pdf(b).sum()
    sd = np.sqrt(res.params["var[Intercept[id]]"])
    p, row = res.params, data.iloc[7]
    mean = [weight @ expit(p["time"] * row["time"] + p[f"Intercept[c={c}]"] + p[f"x[c={c}]"] * row["x"]
                           + sd * b) for c in (1, 2)]
    assert_allclose(res.predict(which="class").iloc[7], mean, rtol=1e-6)
    assert res.predict(which="posterior").between(0, 1).all()
    drawn = res.simulate(4000, rng=1)
    known = data["known"].isna().to_numpy()
    gap = drawn.mean(axis=1) - res.predict()
    assert np.abs(gap[known]).max() < 0.035
    known_second = (data["known"] == 2).to_numpy()
    by_class = drawn.mean(axis=1) - res.predict(which="class")["c=2"]
    assert np.abs(by_class[known_second]).max() < 0.035


C = {"c": Classes(2, within="id")}


@pytest.mark.parametrize(("formula", "classes", "error", "words"), [
    ("y ~ x", C, FormulaError, "no bar"),
    ("y ~ x + (1 | c:id)", C, FormulaError, "joins the classes"),
    ("y ~ x + (1 | c)", {"c": 2}, TypeError, "mapping"),
    ("y ~ x + (1 | c)", {**C, "d": Classes(2, within="id")}, FormulaError, "'d' have no bar"),
    ("y ~ x + (1 | c)", {"c": Classes(2, within="id", membership="c")}, FormulaError, "themselves"),
    ("y ~ x + (1 | c) + (1 | d)", {"c": Classes(2, within="id", membership="age + d"),
                                   "d": Classes(2, within="id")}, FormulaError, "higher level"),
    ("y ~ x + (1 | c)", {"c": Classes(2, within="id", varying="variance")}, FormulaError,
     "neither one of"),
    ("y ~ x + (0 + C(time) | c)", C, FormulaError, "combination of columns"),
    ("y ~ x + (0 + x + I(2 * x) | c)", C, FormulaError, "combination of columns"),
    ("y ~ x + (x | c) + (1 | c)", C, FormulaError, "twice"),
    ("y ~ x + (1 | c)", {"c": Classes(2, within="id", membership="x")}, DataError, "varies within"),
    ("y ~ x + (1 | c)", {"c": Classes(2, within="id", known="age")}, DataError, "1 to 2"),
    ("y ~ x + (1 | c)", {"c": Classes(2, within="id", known="time")}, DataError, "varies within"),
    ("y ~ x + (1 | c)", {"c": Classes(2, within="id", known="age", labels=["a", "b"])}, DataError,
     "1 to 2"),
    ("y ~ x + (1 | c)", {"c": Classes(2, within="id", known="word", labels=["a", "b"])}, DataError,
     "'word' has the value 'z'; it holds 'a', 'b'"),
    ("y ~ x + (1 | c)", {"c": Classes(2, within="id", varying="variances")}, FormulaError,
     "which the model has none of; what may vary: Intercept, x"),
    ("y ~ x + (1 | c) + (1 | time)", C, CrossedGroupsError,
     "'id' is that of the classes 'c'.*within='time:id'"),
    ("y ~ x + (1 | c)", {"c": Classes(2, within="id", membership="age + I(2 * age)")}, DataError,
     "linearly dependent"),
])
def test_mistakes(data, formula, classes, error, words):
    data = data.assign(big=data["id"] // 10, word="z")
    with pytest.raises(error, match=words):
        GLLAMM.from_formula(formula, data, family=BINOMIAL, classes=classes)


def test_known_classes_by_label(data):
    known = np.where(data["id"] % 3 == 0, 1.0 + (data["age"] > 0), np.nan)
    columns = {"number": known, "text": pd.Series(known).map({1: "low", 2: "high"}),
               "kind": pd.Categorical(pd.Series(known).map({1: "low", 2: "high"})),
               "digit": known - 1, "digits": pd.Series(known - 1).map({0: "0", 1: "1"})}
    data = data.assign(**{name: np.asarray(column) for name, column in columns.items()})
    data["kind"] = columns["kind"]
    fits = {name: GLLAMM.from_formula("y ~ x + (1 | c)", data, family=BINOMIAL, classes={
        "c": Classes(2, within="id", known=name, labels=["0", "1"] if "digit" in name else
                     ["low", "high"])}).fit(rng=0, starts=2) for name in columns}
    for fit in fits.values():
        assert_allclose(fit.params, fits["number"].params, rtol=1e-9)
        assert_allclose(fit.predict(data, "posterior", history=data),
                        fits["number"].predict(which="posterior"), rtol=1e-6)
    with pytest.raises(DataError, match="has the value 3; it holds the number of the class, 1 to 2"):
        fits["number"].predict(data, "posterior", history=data.assign(number=3.0))


def test_all_starts_are_of_one_generator(data):
    model = class_model(data, "own")
    seen = []
    for rng in (0, 1):
        first = []
        with pytest.warns(ConvergenceWarning):
            model.fit(rng=rng, starts=2, maxiter=0, callback=lambda p, to=first: to.append(p.copy()))
        seen += first[:2]
    assert len(np.unique(np.round(seen, 6), axis=0)) == 4


def test_thresholds_of_items_in_classes_are_those_of_nominal_responses():
    rng = np.random.default_rng(2)
    nu = np.where(rng.random(300) < 0.6, 1.0, -1.0)[:, None] + rng.logistic(size=(300, 3))
    data = pd.DataFrame({"id": np.repeat(np.arange(300), 3), "item": np.tile(list("abc"), 300),
                         "o": np.digitize(nu, [-1, 1]).ravel()})
    plain = GLLAMM.from_formula("o ~ 0 + (0 + item | c)", data, family=families.Nominal(),
                                classes=C).fit(rng=0, starts=3)
    for increments in (False, True):
        model = GLLAMM.from_formula(
            "o ~ 1", data, family=families.Ordinal(increments=increments), thresholds="0 + item",
            classes={"c": Classes(2, within="id", varying="thresholds")})
        assert len(model.param_names) == len(plain.params)
        assert_allclose(model.fit(rng=0, starts=3).llf, plain.llf, atol=1e-5)


def test_classes_show_what_was_given():
    assert repr(Classes(2, within="id")) == "Classes(2, within='id')"
    shown = repr(Classes(2, labels=["a", "b"], ordered=True, varying="variances"))
    assert shown == "Classes(2, labels=('a', 'b'), ordered=True, varying=('variances',))"


def test_classes_of_a_zero_part_are_refused(data):
    family = families.ZeroInflated(sm.families.Poisson(), "1 + (1 | c)")
    with pytest.raises(FormulaError, match="formula itself only"):
        GLLAMM.from_formula("n ~ x + (1 | c)", data.assign(c=1), classes=C, family=family)


def test_latent_class_logit_by_hand():
    rng = np.random.default_rng(0)
    n, sets, size = 30, 3, 3
    data = pd.DataFrame({
        "id": np.repeat(np.arange(n), sets * size), "set": np.repeat(np.arange(n * sets), size),
        "a": np.tile(np.arange(size), n * sets), "price": rng.normal(size=n * sets * size)})
    chosen = rng.integers(0, size, n * sets)
    data["y"] = (data["a"] == np.repeat(chosen, size)) * 1.0
    data["second"] = (data["a"] == 1) * 1.0
    model = GLLAMM.from_formula("y ~ 0 + second + (0 + price | c)", data, classes=C,
                                family=families.Choice(set="set", alternative="a"))
    p, inside = some_params(model), []
    for c in (1, 2):
        nu = (p["second"] * data["second"] + p[f"price[c={c}]"] * data["price"]).to_numpy()
        log_p = nu.reshape(-1, size) - logsumexp(nu.reshape(-1, size), axis=1)[:, None]
        inside.append(log_p[np.arange(n * sets), chosen].reshape(n, sets).sum(axis=1))
    total = logsumexp(np.array(inside).T + log_shares(p, np.zeros(n), None), axis=1)
    assert_allclose(model.loglike(p), total.sum(), rtol=1e-11)


def test_specification():
    assert Classes(2, "id") == Classes(2, within="id")
    for n in (0, 1.5, True):
        with pytest.raises(ValueError, match="number of classes"):
            Classes(n, within="id")
    with pytest.raises(TypeError, match="within"):
        Classes(2, within=["id"])


def test_criteria_relative_to_the_best(lsat):
    found = select_classes(lsat_model(lsat, 2), 2, rng=0, starts=2)
    table = found.relative
    gap = found.table["bic"].max() - found.table["bic"].min()
    assert_allclose(table["bic", "difference"].max(), gap)
    assert_allclose(table["bic", "weight"].loc[found.best("bic").class_sizes.shape[0]],
                    1 / (1 + np.exp(-gap / 2)))
    assert_allclose(table.xs("weight", axis=1, level=1).sum(), 1)
    assert "5010.8" in str(found) and "NaN" not in str(found)
