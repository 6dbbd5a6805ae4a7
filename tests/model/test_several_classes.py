"""Class variables at any level, several of them, and what varies between classes, by brute force.

The likelihood is a sum over all classes of all units, with Gauss-Hermite integrals over normal latent
variables, written out with scipy.
"""
from itertools import product
import pickle

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logsumexp, roots_hermitenorm
from scipy.stats import norm
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Classes, Factor, families, select_classes
from statsmodels_gllamm.estimation.class_mixture import ClassMixture
from statsmodels_gllamm.estimation.classes import reordered
from statsmodels_gllamm.exceptions import ConvergenceWarning

BINOMIAL = sm.families.Binomial()
Z, W = roots_hermitenorm(60)
W = W / W.sum()


@pytest.fixture(scope="module")
def data():
    """6 schools with 3 persons each, who answer 3 items."""
    rng = np.random.default_rng(5)
    table = pd.DataFrame([(s, 10 * s + p, i) for s in range(6) for p in range(3) for i in range(3)],
                         columns=["school", "id", "item"])
    table["item"] = table["item"].map("abc".__getitem__)
    table["x"] = rng.normal(size=len(table)).round(1)
    table["age"] = table["id"].map(dict(zip(table["id"].unique(), rng.normal(size=18).round(1))))
    table["size"] = table["school"].map(dict(enumerate(rng.normal(size=6).round(1))))
    table["y"] = rng.integers(0, 2, len(table))
    table["count"] = rng.poisson(2, len(table))
    table["score"] = rng.normal(size=len(table)).round(2)
    table["grade"] = rng.integers(1, 4, len(table))
    return table


def bernoulli(y, nu):
    return np.where(y == 1, np.log(expit(nu)), np.log(expit(-nu)))


def named(model, rng, scale=0.5):
    """Parameters at random, positive definite, by name."""
    values = pd.Series(scale * rng.normal(size=len(model.param_names)), index=model.param_names)
    variance = values.index.str.startswith("var[")
    values[variance] = 0.3 + values[variance].abs()
    return values


def check_gradient(model, params, n_quad):
    numbers = params.to_numpy()
    score = model.score(numbers, n_quad=n_quad)
    for k in range(len(numbers)):
        step = np.zeros(len(numbers))
        step[k] = 1e-5
        slope = (model.loglike(numbers + step, n_quad=n_quad)
                 - model.loglike(numbers - step, n_quad=n_quad)) / 2e-5
        assert score[k] == pytest.approx(slope, rel=2e-6, abs=2e-6), params.index[k]
    np.testing.assert_allclose(model.score_obs(numbers, n_quad=n_quad).sum(axis=0), score, rtol=1e-8,
                               atol=1e-9)


def log_membership(delta, w):
    """Log probabilities (n_classes,) from coefficients (n_classes - 1, m)."""
    eta = np.concatenate([[0.0], np.asarray(delta) @ w])
    return eta - logsumexp(eta)


def test_classes_of_persons_in_schools_with_an_effect(data):
    model = GLLAMM.from_formula("y ~ x + (1 | school) + (1 + x | c)", data, family=BINOMIAL,
                                classes={"c": Classes(2, within="id", membership="age + size")})
    p = named(model, np.random.default_rng(1))

    def school(rows):
        values = []
        for u in Z * np.sqrt(p["var[Intercept[school]]"]):
            total = 0.0
            for _, own in rows.groupby("id"):
                w = np.array([1.0, own["age"].iloc[0], own["size"].iloc[0]])
                prior = log_membership([[p["prob[c=2]"], p["prob[c=2,age]"], p["prob[c=2,size]"]]], w)
                nu = p["Intercept"] + p["x"] * own["x"] + u
                second = nu + p["Intercept[c=2]"] + p["x[c=2]"] * own["x"]
                total += logsumexp([prior[0] + bernoulli(own["y"], nu).sum(),
                                    prior[1] + bernoulli(own["y"], second).sum()])
            values.append(total)
        return logsumexp(np.array(values) + np.log(W))

    expected = sum(school(rows) for _, rows in data.groupby("school"))
    assert model.loglike(p, n_quad=15) == pytest.approx(expected, abs=1e-7)
    check_gradient(model, p, 7)


def two_levels(data, **kwds):
    return GLLAMM.from_formula(
        "y ~ 0 + (0 + item | c)", data, family=sm.families.Binomial(), **kwds,
        classes={"c": Classes(2, within="id", membership="age + d"),
                 "d": Classes(3, within="school", membership="size")})


def two_levels_brute(p, data, posterior=False):
    total, schools, persons = 0.0, [], []
    for _, rows in data.groupby("school"):
        w = np.array([1.0, rows["size"].iloc[0]])
        prior = log_membership([[p[f"prob[d={k}]"], p[f"prob[d={k},size]"]] for k in (2, 3)], w)
        by_d, within = prior.copy(), []
        for d in range(3):
            own_within = []
            for _, own in rows.groupby("id"):
                eta = p["prob[c=2]"] + p["prob[c=2,age]"] * own["age"].iloc[0] + (
                    p[f"prob[c=2,d={d + 1}]"] if d else 0.0)
                logs = log_membership([[eta]], np.ones(1))
                parts = [logs[c] + sum(
                    float(bernoulli(y, p[f"item[{item}][c={c + 1}]"]))
                    for y, item in zip(own["y"], own["item"])) for c in range(2)]
                by_d[d] += logsumexp(parts)
                own_within.append(np.exp(parts - logsumexp(parts)))
            within.append(own_within)
        total += logsumexp(by_d)
        schools.append(np.exp(by_d - logsumexp(by_d)))
        persons += list(np.einsum("d,dpc->pc", schools[-1], np.array(within)))
    return (total, np.array(schools), np.array(persons)) if posterior else total


def test_classes_at_two_levels(data):
    model = two_levels(data)
    assert model.param_names[6:] == ["prob[c=2]", "prob[c=2,age]", "prob[c=2,d=2]", "prob[c=2,d=3]",
                                     "prob[d=2]", "prob[d=2,size]", "prob[d=3]", "prob[d=3,size]"]
    p = named(model, np.random.default_rng(2), 1.0)
    assert model.loglike(p) == pytest.approx(two_levels_brute(p, data), abs=1e-9)
    check_gradient(model, p, 7)


def test_frequency_weights_at_two_levels_are_copies(data):
    data = data.assign(persons=np.where(data["id"] % 10 == 1, 2, 1),
                       schools=np.where(data["school"] == 3, 3, 1))
    weighted = two_levels(data, freq_weights={"id": "persons", "school": "schools"})
    again = data[data["persons"] == 2].assign(id=lambda x: x["id"] + 1000)
    whole = pd.concat([data, again])
    copies = [whole[whole["school"] == 3].assign(school=lambda x, k=k: x["school"] + k,
                                                 id=lambda x, k=k: x["id"] + k) for k in (50000, 60000)]
    repeated = two_levels(pd.concat([whole, *copies]))
    p = named(weighted, np.random.default_rng(3), 1.0)
    assert weighted.loglike(p) == pytest.approx(repeated.loglike(p), abs=1e-9)
    np.testing.assert_allclose(weighted.score(p), repeated.score(p), atol=1e-9)


def test_posterior_probabilities_at_two_levels(data):
    model = two_levels(data)
    with pytest.warns(ConvergenceWarning):
        res = model.fit(start_params=named(model, np.random.default_rng(2), 1.0), maxiter=3)
    _, schools, persons = two_levels_brute(res.params, data, posterior=True)
    found = res.class_probabilities()
    np.testing.assert_allclose(found["d"], schools, atol=1e-9)
    np.testing.assert_allclose(found["c"], persons, atol=1e-9)
    np.testing.assert_allclose(found["c"], res.class_probabilities(variable="c"), atol=0)
    assert list(res.class_sizes.index) == ["c=1", "c=2", "d=1", "d=2", "d=3"]
    np.testing.assert_allclose(res.class_sizes.loc[["c=1", "c=2"], "posterior"], persons.mean(axis=0))
    assert res.classification_table(variable="d").to_numpy().sum() == pytest.approx(6)
    by_class = res.predict(which="class")
    assert list(by_class) == [f"c={c},d={d}" for c in (1, 2) for d in (1, 2, 3)]
    first = expit(res.params[[f"item[{i}][c=1]" for i in data["item"]]].to_numpy())
    np.testing.assert_allclose(by_class["c=1,d=3"], first, atol=1e-12)
    prior = res.class_probabilities(False)["c"].loc[data["id"]].to_numpy()
    np.testing.assert_allclose(res.predict(), (by_class[["c=1,d=1", "c=2,d=1"]].to_numpy()
                                               * prior).sum(axis=1), atol=1e-12)
    given = found["c"].loc[data["id"]].to_numpy()
    np.testing.assert_allclose(res.predict(which="posterior"), (
        by_class[["c=1,d=1", "c=2,d=1"]].to_numpy() * given).sum(axis=1), atol=1e-9)


def test_two_variables_of_one_level(data):
    model = GLLAMM.from_formula(
        "count ~ item + (1 | c) + (0 + x | d)", data, family=sm.families.Poisson(),
        classes={"c": Classes(2, within="id", membership="age"), "d": Classes(3, within="id")})
    p = named(model, np.random.default_rng(4))
    expected = 0.0
    for _, own in data.groupby("id"):
        prior = [log_membership([[p["prob[c=2]"], p["prob[c=2,age]"]]],
                                np.array([1.0, own["age"].iloc[0]])),
                 log_membership([[p["prob[d=2]"]], [p["prob[d=3]"]]], np.ones(1))]
        parts = []
        for c, d in product(range(2), range(3)):
            nu = p["Intercept"] + sum(p[f"item[T.{i}]"] * (own["item"] == i) for i in "bc")
            nu = nu + (p["Intercept[c=2]"] if c else 0.0) + p[f"x[d={d + 1}]"] * own["x"]
            log_factorial = np.array([np.log(np.arange(1, y + 1)).sum() for y in own["count"]])
            parts.append(prior[0][c] + prior[1][d] + (own["count"] * nu - np.exp(nu)
                                                      - log_factorial).sum())
        expected += logsumexp(parts)
    assert model.loglike(p) == pytest.approx(expected, abs=1e-9)
    check_gradient(model, p, 7)


def test_variances_and_dispersions_that_differ_between_classes(data):
    model = GLLAMM.from_formula(
        "score ~ x + (1 + x | id) + (1 | c)", data,
        classes={"c": Classes(2, within="id", varying=["variances", "dispersion"])})
    p = named(model, np.random.default_rng(6))
    for tail in ("", "[c=2]"):
        p["cov[Intercept[id],x[id]]" + tail] = 0.1
    expected = 0.0
    prior = log_membership([[p["prob[c=2]"]]], np.ones(1))
    for _, own in data.groupby("id"):
        parts = []
        for c, tail in enumerate(("", "[c=2]")):
            z = np.column_stack([np.ones(3), own["x"]])
            off = p["cov[Intercept[id],x[id]]" + tail]
            psi = np.array([[p["var[Intercept[id]]" + tail], off], [off, p["var[x[id]]" + tail]]])
            mean = p["Intercept"] + p["x"] * own["x"] + c * p["Intercept[c=2]"]
            v = z @ psi @ z.T + np.exp(2 * p["logsd[Intercept]" + tail]) * np.eye(3)
            r = own["score"] - mean
            parts.append(prior[c] - 0.5 * (r @ np.linalg.solve(v, r) + np.linalg.slogdet(v)[1]
                                           + 3 * np.log(2 * np.pi)))
        expected += logsumexp(parts)
    assert model.loglike(p) == pytest.approx(expected, abs=1e-9)
    check_gradient(model, p, 7)


def test_thresholds_and_loadings_that_differ_between_classes(data):
    model = GLLAMM.from_formula(
        "grade ~ 0 + (0 + f | id)", data, family=families.Ordinal("probit"),
        factors={"f": Factor("item")},
        classes={"c": Classes(2, within="id", varying=["thresholds", "loadings"])})
    p = named(model, np.random.default_rng(7))
    first, second = (name for name in p.index if name.startswith("cut") and "c=2" not in name)
    p[[first, second]], p[[first + "[c=2]", second + "[c=2]"]] = [-0.5, 0.9], [-0.7, 1.3]
    cuts = [[p[name + tail] for name in (first, second)] for tail in ("", "[c=2]")]
    expected = 0.0
    prior = log_membership([[p["prob[c=2]"]]], np.ones(1))
    for _, own in data.groupby("id"):
        parts = []
        for c, tail in enumerate(("", "[c=2]")):
            loading = {"a": 1.0, **{i: p[f"lambda[f,{i}]" + tail] for i in "bc"}}
            bounds = np.array([-np.inf, *cuts[c], np.inf])
            total = np.zeros(len(Z))
            for grade, item in zip(own["grade"], own["item"]):
                nu = loading[item] * Z * np.sqrt(p["var[f[id]]"])
                density = norm.cdf(bounds[grade] - nu) - norm.cdf(bounds[grade - 1] - nu)
                total += np.log(np.maximum(density, 1e-300))
            parts.append(prior[c] + logsumexp(total + np.log(W)))
        expected += logsumexp(parts)
    assert model.loglike(p, n_quad=25) == pytest.approx(expected, abs=1e-7)
    check_gradient(model, p, 7)


@pytest.mark.parametrize("which", ["membership", "varying", "shared column"])
def test_order_of_classes_does_not_matter(data, which):
    if which == "membership":
        model, number = two_levels(data), 1
    elif which == "varying":
        model, number = GLLAMM.from_formula(
            "score ~ x + (1 + x | id) + (1 | c)", data,
            classes={"c": Classes(3, within="id", varying=["variances", "dispersion"])}), 0
    else:
        model, number = GLLAMM.from_formula(
            "y ~ 0 + (0 + item | c) + (0 + item | d)", data, family=BINOMIAL,
            classes={"c": Classes(2, within="id"), "d": Classes(3, within="school")}), 1
        assert "item[a][d=1]" not in model.param_names
    p = named(model, np.random.default_rng(8))
    p[p.index.str.startswith("cov")] = 0.05
    mixture = ClassMixture(model.design, model.structure.classes)
    working = reordered(mixture, model.design.to_working(p.to_numpy()), np.array([2, 0, 1]),
                        model.structure.classes[number])
    moved = model.design.to_natural(working)
    assert not np.allclose(moved, p)
    assert model.loglike(moved) == pytest.approx(model.loglike(p), abs=1e-9)


def test_what_varies_may_be_held_equal():
    rng = np.random.default_rng(3)
    effect = np.repeat(rng.normal(size=60) + 3 * (rng.random(60) < 0.4), 5)
    data = pd.DataFrame({"id": np.repeat(np.arange(60), 5), "x": rng.normal(size=300)})
    data["score"] = effect + data["x"] + 0.5 * rng.normal(size=300)

    def model(**kwds):
        return GLLAMM.from_formula("score ~ x + (1 | id) + (x | c)", data,
                                   classes={"c": Classes(2, within="id", **kwds)})

    varying = model(varying=["variances", "dispersion"])
    equal = varying.fit_constrained("var[Intercept[id]][c=2] = var[Intercept[id]], "
                                    "logsd[Intercept][c=2] = logsd[Intercept]", rng=0)
    plain = model().fit(start_params=equal)
    assert equal.llf == pytest.approx(plain.llf, abs=1e-6)
    assert equal.df_modelwc == plain.df_modelwc


def simulated(rng, n_schools=40, n_persons=12, items="abcde"):
    """Persons of two classes in schools of two classes, who answer binary items."""
    d = (rng.random(n_schools) < 0.4) * 1
    c = (rng.random((n_schools, n_persons)) < np.where(d == 1, 0.75, 0.25)[:, None]) * 1
    y = rng.random((n_schools, n_persons, len(items))) < np.where(c == 1, 0.85, 0.2)[..., None]
    n = n_schools * n_persons
    return d, c.ravel(), pd.DataFrame({
        "school": np.repeat(np.arange(n_schools), n_persons * len(items)),
        "id": np.repeat(np.arange(n), len(items)), "item": np.tile(list(items), n), "y": y.ravel() * 1})


def test_a_fit_of_classes_at_two_levels():
    d, c, data = simulated(np.random.default_rng(0))
    model = GLLAMM.from_formula(
        "y ~ 0 + (0 + item | c)", data, family=BINOMIAL,
        classes={"c": Classes(2, within="id", membership="d"), "d": Classes(2, within="school")})
    res = model.fit(rng=0, starts=4)
    assert res.converged and res.certificate.exact
    np.testing.assert_allclose(model.score(res.params), 0, atol=1e-3)
    share = [np.mean(res.modal_class["d"].to_numpy() - 1 == d),
             np.mean(res.modal_class["c"].to_numpy() - 1 == c)]
    assert max(share[0], 1 - share[0]) > 0.85 and max(share[1], 1 - share[1]) > 0.9
    assert res.class_sizes["prior"].loc["c=1"] >= res.class_sizes["prior"].loc["c=2"]
    again = pickle.loads(pickle.dumps(res))
    assert again.llf == res.llf and list(again.entropy.index) == ["c", "d"]
    drawn = res.simulate(30, rng=1)
    np.testing.assert_allclose(drawn.to_numpy().mean(), data["y"].mean(), atol=0.04)
    agree = drawn.groupby(data["school"]).mean().var(axis=0).mean()
    assert agree == pytest.approx(data["y"].groupby(data["school"]).mean().var(), rel=0.5)
    profiles = res.class_profiles()
    assert profiles.index.names == ["item", "c", "d"] and len(profiles) == 20
    assert "Class c=1" in str(res.summary()) and "prob[c=2,d=2]" in str(res.summary())
    assert "d=1" in model.describe()
    found = select_classes(model, [1, 2], variable="d", starts=2, rng=0)
    assert found.table["llf"].diff().iloc[1] > 5
    with pytest.raises(ValueError, match="say which, variable="):
        res.classification_table()
    res.remove_data()
    assert "Class c=1" in str(res.summary())


def test_latent_variables_where_variances_differ(data):
    model = GLLAMM.from_formula(
        "score ~ x + (1 + x | id) + (1 | c)", data,
        classes={"c": Classes(2, within="id", varying=["variances", "dispersion"])})
    p = named(model, np.random.default_rng(6))
    p[p.index.str.startswith("cov")] = 0.1
    with pytest.warns(ConvergenceWarning):
        res = model.fit(start_params=p, maxiter=0)
    p = res.params
    prior, means, mixture = log_membership([[p["prob[c=2]"]]], np.ones(1)), [], []
    for _, own in data.groupby("id"):
        logs, each = [], []
        for c, tail in enumerate(("", "[c=2]")):
            z, off = np.column_stack([np.ones(3), own["x"]]), p["cov[Intercept[id],x[id]]" + tail]
            psi = np.array([[p["var[Intercept[id]]" + tail], off], [off, p["var[x[id]]" + tail]]])
            v = z @ psi @ z.T + np.exp(2 * p["logsd[Intercept]" + tail]) * np.eye(3)
            r = own["score"] - (p["Intercept"] + p["x"] * own["x"] + c * p["Intercept[c=2]"])
            logs.append(prior[c] - 0.5 * (r @ np.linalg.solve(v, r) + np.linalg.slogdet(v)[1]))
            each.append(psi @ z.T @ np.linalg.solve(v, r))
        weight = np.exp(logs - logsumexp(logs))
        means.append(weight @ np.array(each))
        mixture.append(weight)
    found = res.latent()
    np.testing.assert_allclose(found[["Intercept", "x"]], means, atol=1e-8)
    nodes = res.posterior_nodes()
    average = (nodes[["Intercept", "x"]].mul(nodes["weight"], axis=0)).groupby(nodes["id"]).sum()
    np.testing.assert_allclose(average, means, atol=1e-8)
    by_class = nodes.groupby(["id", "c"])["weight"].sum().unstack()
    np.testing.assert_allclose(by_class, mixture, atol=1e-8)
    drawn = res.plausible_values(4000, rng=0).groupby("id")[["Intercept", "x"]].agg(["mean", "std"])
    np.testing.assert_allclose(drawn["Intercept", "mean"], found["Intercept"], atol=0.08)
    np.testing.assert_allclose(drawn["x", "std"], found["se[x]"], rtol=0.08)
    low, high = (res.latent(quantiles=[q])[f"q{q}[x]"] for q in (0.1, 0.9))
    draws = res.plausible_values(4000, rng=1)
    inside = (draws["x"] > draws["id"].map(low)) & (draws["x"] < draws["id"].map(high))
    assert inside.mean() == pytest.approx(0.8, abs=0.01)
    residuals = res.resid_quantile(rng=0)
    assert np.isfinite(residuals).all()


def test_latent_variables_above_classes(data):
    model = GLLAMM.from_formula("y ~ x + (1 | school) + (1 + x | c)", data, family=BINOMIAL,
                                classes={"c": Classes(2, within="id", membership="age")})
    p = named(model, np.random.default_rng(1))
    with pytest.warns(ConvergenceWarning):
        res = model.fit(start_params=p, maxiter=0, n_quad=15)
    found, expected, p = res.latent(), [], res.params
    nodes = Z * np.sqrt(p["var[Intercept[school]]"])
    for _, rows in data.groupby("school"):
        logs = np.zeros(len(nodes))
        for m, u in enumerate(nodes):
            for _, own in rows.groupby("id"):
                prior = log_membership([[p["prob[c=2]"], p["prob[c=2,age]"]]],
                                       np.array([1.0, own["age"].iloc[0]]))
                nu = p["Intercept"] + p["x"] * own["x"] + u
                logs[m] += logsumexp([
                    prior[0] + bernoulli(own["y"], nu).sum(), prior[1] + bernoulli(
                        own["y"], nu + p["Intercept[c=2]"] + p["x[c=2]"] * own["x"]).sum()])
        weight = np.exp(logs + np.log(W) - logsumexp(logs + np.log(W)))
        mean = weight @ nodes
        expected.append([mean, np.sqrt(weight @ (nodes - mean)**2)])
    np.testing.assert_allclose(found, expected, atol=1e-7)
    with pytest.raises(NotImplementedError, match="below the highest level"):
        res.posterior_nodes()
