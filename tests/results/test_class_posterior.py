"""Predictions given responses beside latent classes: P(y* = 1 | y) = P(y, y* = 1) / P(y), the ratio of
the likelihoods of data with and without a row more."""

import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
from scipy.special import expit
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Classes, families
from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.results.class_posterior import (
    class_unit_posterior,
    given_classes,
    in_classes,
)
from statsmodels_gllamm.results.class_predictions import prepare_classes
from statsmodels_gllamm.results.history import read_history

BINOMIAL = sm.families.Binomial()


@pytest.fixture(scope="module")
def data():
    """6 schools with 3 persons each, who answer 3 items."""
    rng = np.random.default_rng(5)
    table = pd.DataFrame([(s, 10 * s + p, i) for s in range(6) for p in range(3) for i in range(3)],
                         columns=["school", "id", "t"])
    table["item"] = table["t"].map(list("abc").__getitem__)
    table["x"] = rng.normal(size=len(table)).round(1)
    table["age"] = table["id"].map(dict(zip(table["id"].unique(), rng.normal(size=18).round(1))))
    table["size"] = table["school"].map(dict(enumerate(rng.normal(size=6).round(1))))
    table["known"] = np.where(table.id == 10, 2.0, np.nan)
    table["y"] = rng.integers(0, 2, len(table))
    table["grade"] = rng.integers(1, 4, len(table))
    table["score"] = rng.normal(size=len(table)).round(2)
    table.index = [f"r{i}" for i in range(len(table))]
    return table


MODELS = {
    "one": ("y ~ x + (1 + x | c)", {"c": Classes(2, within="id", membership="age", known="known")}),
    "three": ("y ~ 0 + (0 + item | c)", {"c": Classes(3, within="id")}),
    "beside": ("y ~ x + (1 | c) + (1 | id)", {"c": Classes(2, within="id", membership="age")}),
    "slopes": ("y ~ x + (1 + x | c) + (1 + x | id)", {"c": Classes(2, within="id")}),
    "variances": ("y ~ x + (1 | c) + (1 | id)", {"c": Classes(2, within="id",
                                                              varying="variances")}),
    "above": ("y ~ x + (1 | c) + (1 | school)", {"c": Classes(2, within="id", membership="age")}),
    "below": ("y ~ x + (1 | d) + (1 | id)", {"d": Classes(2, within="school", membership="size")}),
    "two": ("y ~ 0 + (0 + item | c)", {"c": Classes(2, within="id", membership="age + d"),
                                       "d": Classes(2, within="school", membership="size")}),
    "all": ("y ~ x + (1 | c) + (x | d) + (1 | school) + (1 | id)", {
        "c": Classes(2, within="id", membership="d"), "d": Classes(2, within="school")}),
}
N_QUAD = {"all": 11, "slopes": 11}


def model_of(kind, data):
    formula, classes = MODELS[kind]
    return GLLAMM.from_formula(formula, data, family=BINOMIAL, classes=classes)


def params_of(model):
    rng = np.random.default_rng(2)
    values = pd.Series(0.8 * rng.normal(size=len(model.param_names)), index=model.param_names)
    variance = values.index.str.startswith("var[")
    values[variance] = 0.4 + values[variance].abs()
    return values.to_numpy()


def ratio(kind, data, row, params, n_quad):
    """P(y* = 1 | y) of a row that is added to the data."""
    more = pd.concat([data, row.to_frame().T.astype(data.dtypes.to_dict()).assign(y=1)])
    logs = [model_of(kind, own).loglike(params, n_quad=n_quad) for own in (data, more)]
    return np.exp(logs[1] - logs[0])


@pytest.mark.parametrize("kind", MODELS)
def test_posterior_is_a_ratio_of_likelihoods(data, kind):
    model, n_quad = model_of(kind, data), N_QUAD.get(kind, 21)
    params = params_of(model)
    new = data.loc[["r0", "r12", "r30"]].copy()  # known persons; a new one in a known school; new
    new.iloc[1, new.columns.get_loc("id")] = 900
    new.iloc[2, [new.columns.get_loc(c) for c in ("id", "school")]] = 901, 77
    new["known"] = new["known"].where(new["id"] == 10)
    value = model.predict(params, new, which="posterior", n_quad=n_quad)
    exact = [ratio(kind, data, row, params, n_quad) for _, row in new.iterrows()]
    assert_allclose(value, exact, atol=2e-6)
    prior = model.predict(params, new)
    assert_allclose(value[2], prior[2], atol=2e-6)
    assert abs(value[0] - prior[0]) > 1e-3
    alone = model.predict(params, data[:4], which="posterior", n_quad=5)  # of one school
    assert_allclose(alone, model.predict(params, which="posterior", n_quad=5)[:4], rtol=1e-10)
    # given a history, which may be that of persons not in the sample, or the past
    some = data[data.school < 3]
    whole = model.predict(params, which="posterior", n_quad=5)
    own = model.predict(params, some, which="posterior", n_quad=5, history=some)
    assert_allclose(own, whole[:len(some)], rtol=1e-9)
    renamed = some.assign(id=some.id + 500, school=some.school + 50)
    assert_allclose(model.predict(params, renamed, which="posterior", n_quad=5, history=renamed), own,
                    rtol=1e-9)
    past = model.predict(params, which="posterior", n_quad=5, history="past", time="t")
    last = model.predict(params, data[data.t == 2], which="posterior", n_quad=5,
                         history=data[data.t < 2])
    assert_allclose(past[data.t == 2], last, rtol=1e-9)
    assert_allclose(past[data.t == 0], model.predict(params)[data.t == 0], atol=1e-4)


def test_kinds_of_predictions(data):
    """Probabilities and variances are those of their definition, in and over classes."""
    model = GLLAMM.from_formula(
        "grade ~ x + (1 | c) + (1 | id)", data, family=families.Ordinal(),
        classes={"c": Classes(2, within="id", varying="thresholds")})
    p = pd.Series({"x": 0.4, "Intercept[c=2]": 0.0, "cut[1|2]": -0.5, "cut[2|3]": 0.7,
                   "var[Intercept[id]]": 0.6, "prob[c=2]": 0.3, "cut[1|2][c=2]": 0.2,
                   "cut[2|3][c=2]": 1.5})
    p = p[[name for name in model.param_names if name in p.index]]
    assert len(p) == len(model.param_names), model.param_names
    z = np.arange(-8, 8.001, 0.01)
    w = np.exp(-z**2 / 2) / np.exp(-z**2 / 2).sum()
    by_class = []
    for suffix in ("", "[c=2]"):
        nu = 0.4 * data.x.to_numpy()[:, None] + np.sqrt(0.6) * z + (
            p.get("Intercept[c=2]", 0.0) if suffix else 0.0)
        upto = [expit(p[f"cut[{k}]{suffix}"] - nu) @ w for k in ("1|2", "2|3")]
        by_class.append(np.column_stack([upto[0], upto[1] - upto[0], 1 - upto[1]]))
    share = expit(0.3)
    prob = (1 - share) * by_class[0] + share * by_class[1]
    grade = np.arange(1, 4)
    params = p.to_numpy()
    assert_allclose(model.predict(params, which="prob"), prob, atol=1e-8)
    assert_allclose(model.predict(params, which="cumulative"), prob.cumsum(axis=1), atol=1e-8)
    assert_allclose(model.predict(params), prob @ grade, atol=1e-8)
    assert_allclose(model.predict(params, which="class"), np.stack(by_class, 1) @ grade, atol=1e-8)
    assert_allclose(model.predict(params, which="var"), prob @ grade**2 - (prob @ grade) ** 2,
                    atol=1e-8)
    posterior = model.predict(params, which="prob", given="posterior", n_quad=15)
    assert_allclose(posterior @ grade, model.predict(params, which="posterior", n_quad=15), atol=1e-8)
    assert_allclose(posterior.sum(axis=1), 1, atol=1e-9)


PARTS = {
    "mixed": ("v ~ 0 + part + (1 | c)", {"family": {"y": BINOMIAL, "score": sm.families.Gaussian()},
                                         "family_by": "part"}),
    "zero-inflated": ("count ~ x + (1 | c) + (1 | id)", {
        "family": families.ZeroInflated(sm.families.Poisson(), "1")}),
    "successes": ("y + f ~ x + (1 | c)", {"family": BINOMIAL, "freq_weights": {"rows": "w"}}),
}


@pytest.mark.parametrize("kind", PARTS)
def test_a_part_of_the_sample_is_enough(data, kind):
    formula, options = PARTS[kind]
    table = data.assign(f=2 - data.y, count=data.y * data.grade, w=data.grade)
    if kind == "mixed":
        table = table.melt(["id", "x"], ["y", "score"], var_name="part", value_name="v")
    model = GLLAMM.from_formula(formula, table, classes={"c": Classes(2, within="id")}, **options)
    params = params_of(model)
    whole = model.predict(params, which="posterior", n_quad=5)
    some = table[table.id == 11]
    own = model.predict(params, some, which="posterior", n_quad=5)
    assert_allclose(own, whole[(table.id == 11).to_numpy()], rtol=1e-10)


@pytest.mark.filterwarnings("ignore")
def test_standard_errors(data):
    rng = np.random.default_rng(8)
    n = 400
    x = rng.normal(size=3 * n)
    first = np.repeat(rng.random(n) < 0.6, 3)
    table = pd.DataFrame({"id": np.repeat(np.arange(n), 3), "x": x, "t": np.tile([0, 1, 2], n),
                          "y": np.where(first, 1 + x, -2 - x) + rng.normal(size=3 * n)})
    res = GLLAMM.from_formula("y ~ x + (x | c)", table,
                              classes={"c": Classes(2, within="id")}).fit(rng=0, starts=2)
    new = table[:6]
    for options in ({"which": "mean"}, {"which": "class"}, {"which": "posterior"}, {"which": "var"},
                    {"which": "posterior", "history": new.assign(id=new.id + 9000)},
                    {"which": "posterior", "history": "past", "time": "t"}):
        found = res.get_prediction(new, **options)
        assert_allclose(found.predicted, res.predict(new, **options))
        params, j = np.asarray(res.params), []
        for k, value in enumerate(params):
            h = 1e-4 * max(abs(value), 0.1) * (np.arange(len(params)) == k)
            up, down = (res.model.predict(params + s * h, new, n_quad=res.record.n_quad, **options)
                        for s in (1, -1))
            j.append((up - down) / (2 * h[k]))
        se = np.sqrt(np.einsum("i...,ij,j...->...", j, res.cov_params().to_numpy(), j))
        assert_allclose(found.se, se, rtol=1e-4)
    frame = res.get_prediction(new, which="class").summary_frame()
    assert frame.columns[0] == ("c=1", "mean") and frame.shape == (6, 8)
    assert (res.get_prediction(new, which="posterior").posterior_sd > 0).all()
    options = {"which": "posterior", "history": new.assign(id=new.id + 9000)}
    before = res.get_prediction(new, **options).summary_frame()
    res.remove_data()
    assert_allclose(res.get_prediction(new, **options).summary_frame(), before, rtol=1e-6)
    with pytest.raises(ValueError, match="remove_data"):
        res.predict(new, which="posterior")


@pytest.mark.parametrize("kind", ["beside", "slopes", "above", "below", "all"])
def test_latent_variables_given_responses(data, kind):
    """Of every row E(nu | y) is the sum of what its latent variables and classes are expected to be."""
    formula, classes = MODELS[kind]
    formula = formula.replace("y ~", "score ~")
    model = GLLAMM.from_formula(formula, data, classes=classes)
    params = params_of(model)
    working = model.design.to_working(params)
    history, _ = read_history(model, data)
    n_quad = (9,) * len(model.design.q)
    found = class_unit_posterior(model, working, history, n_quad)
    ready = prepare_classes(model, data, "posterior", n_quad=n_quad)
    average, _ = ready._average(working)
    eta = {block.names[j]: found[block.level][0][sum(
        len(b.terms) for b in model.structure.blocks[:i] if b.level == block.level) + j][
            model.structure.levels[block.level].codes]
        for i, block in enumerate(model.structure.blocks) for j in range(len(block.names))}
    mean = average(lambda piece, aux: lambda nu: nu[0])
    shares = given_classes(model, working, history, n_quad)
    fixed = 0.0
    parts = in_classes(model, working, ready.rows, model.fitted_family.outcomes(ready.rows.data))
    low = model.structure.levels[shares.mixture.lowest].codes
    for leaf in shares.leaves:
        fixed = fixed + shares.weights[-1][leaf.index][low] * parts[leaf.choice.classes].o[0]
    loading = {name: data.x if name.startswith("x[") else 1.0 for name in eta}
    assert_allclose(fixed + sum(loading[name] * eta[name] for name in eta), mean, atol=1e-9)
    square = average(lambda piece, aux: lambda nu: nu[0] ** 2)
    assert (square - mean**2 > 0).all()
    assert all((np.einsum("iig->ig", cov) > 0).all() for _, cov in found if cov.size)


def test_refused(data):
    model = model_of("one", data)
    params = params_of(model)
    with pytest.raises(ValueError, match="given='zero' has no meaning with latent classes"):
        model.predict(params, which="prob", given="zero")
    for which in ("conditional", "linear"):
        with pytest.raises(ValueError, match=f"which='{which}' has no meaning with latent classes"):
            model.predict(params, which=which)
    with pytest.raises(NotImplementedError, match="latent= is not available .* latent classes"):
        model.predict(params, latent=1.0)
    with pytest.raises(ValueError, match="which is one of"):
        model.predict(params, which="means")
    with pytest.raises(DataError, match="covariates of the classes 'c'.* not those of other rows"):
        model.predict(params, which="posterior", history=data.assign(age=data.x))
    with pytest.raises(ValueError, match="history= goes with"):
        model.predict(params, history=data)
