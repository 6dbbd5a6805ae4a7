"""The contract for families of several linear predictors, categories and outcomes of several rows."""

from functools import cache
import pickle

import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
import statsmodels.api as sm
from statsmodels.tools._testing import check_ftest_pvalues, check_ttest_tvalues

from statsmodels_gllamm import GLLAMM, families


@cache
def make_data():
    rng = np.random.default_rng(3)
    n = 360
    data = pd.DataFrame({"id": np.arange(n) // 9, "trip": np.arange(n) // 3,
                         "x": rng.normal(size=n), "z": rng.normal(size=n)},
                        index=[f"r{i}" for i in range(n)])
    eta = rng.normal(size=(2, 40))[:, data.id]
    utility = 0.5 * data.x + 0.8 * eta[0] * data.x + rng.gumbel(size=n)
    data["rank"] = utility.groupby(data.trip).rank(ascending=False)
    data["chosen"] = (data["rank"] == 1) * 1
    nu = np.stack([0 * data.x, 0.4 + 0.6 * data.x + eta[0], -0.2 * data.x + eta[1]])
    data["kind"] = np.array(["a", "b", "c"])[np.argmax(nu + rng.gumbel(size=(3, n)), axis=0)]
    data["step"] = pd.Categorical.from_codes(
        np.digitize(nu[1] + rng.logistic(size=n), [0, 1]), ["low", "some", "high"], ordered=True)
    data["total"] = pd.Series(rng.poisson(np.exp(0.3 * data.x + 0.4 * eta[0])), data.index).groupby(
        data.trip).transform("sum")
    return data


POISSON = sm.families.Poisson()
MODELS = {
    "nominal": ("kind ~ x + (1 | id)", families.Nominal()),
    "text": ("step ~ x + z + (1 | id)", families.Ordinal("probit")),
    "choice": ("chosen ~ x + z + (0 + x | id)", families.Choice(set="trip")),
    "ranking": ("rank ~ x + z + (0 + x | id)", families.Ranking(set="trip")),
    "hurdle": ("total ~ x + z + (1 | id)", families.Hurdle(POISSON, "x")),
    "composite": ("total ~ x + z + (1 | id)", families.Composite(POISSON, cluster="trip")),
}


def build(name, data=None):
    formula, family = MODELS[name]
    return GLLAMM.from_formula(formula, make_data() if data is None else data, family=family)


@cache
def fitted(name):
    return build(name).fit(integration="laplace", threads=1)


@pytest.fixture(params=list(MODELS))
def name(request):
    return request.param


def without_time(summary):
    return [line for line in str(summary).splitlines() if "Time:" not in line]


def test_checks_of_statsmodels(name):
    results = fitted(name)
    check_ttest_tvalues(results)
    check_ftest_pvalues(results)
    assert results.converged
    for parameter in results.params.index:
        assert_allclose(results.t_test(f"{parameter} = 0").effect, results.params[parameter])


def test_rebuilt_from_keywords(name):
    model = build(name)
    again = type(model)(model.endog, model.exog, **model._get_init_kwds())
    assert again.loglike(model.start_params) == model.loglike(model.start_params)


def test_scores_sum(name):
    results = fitted(name)
    params = np.asarray(results.params) * 1.05 + 0.01
    scores = results.model.score_obs(params)
    assert scores.shape == (40, len(params))
    assert_allclose(scores.sum(axis=0), results.model.score(params), rtol=1e-7, atol=1e-7)


def test_pickle_and_remove_data(name):
    results, data = pickle.loads(pickle.dumps(fitted(name))), make_data()
    expected = {which: results.predict(data.iloc[30:60], which=which) for which in ("prob", "linear")
                if (name, which) not in {("hurdle", "prob"), ("composite", "prob")}}
    text, size = without_time(results.summary()), len(pickle.dumps(results))
    results.remove_data()
    small = pickle.dumps(results)
    assert len(small) < 0.75 * size and len(small) < 40_000
    again = pickle.loads(small)
    assert without_time(again.summary()) == text
    for which, value in expected.items():
        found = again.predict(data.iloc[30:60], which=which)
        assert type(found) is type(value) and found.index.equals(value.index)
        assert_allclose(found, value)
    if name in ("hurdle", "composite"):
        with pytest.raises(ValueError, match="values= has the counts"):
            again.predict(data.iloc[:6], which="prob")
        assert again.predict(data.iloc[:6], which="prob", values=[0, 1]).shape == (6, 2)
    for what in ("predict", "simulate", "latent"):
        with pytest.raises(ValueError, match="remove_data"):
            getattr(again, what)()


def test_new_data_are_the_sample(name):
    results, data = fitted(name), make_data()
    response = results.model.endog_names
    order = np.random.default_rng(0).permutation(len(data))
    new = data.drop(columns=response).iloc[order]
    for which in ("prob", "linear"):
        value = results.predict(which=which)
        assert_allclose(results.predict(new, which=which), value.iloc[order], atol=1e-12)
    value = results.predict(which="prob", given="posterior")
    assert_allclose(results.predict(new, which="prob", given="posterior"), value.iloc[order],
                    atol=1e-12)


def test_types(name):
    results = fitted(name)
    index = make_data().index
    prob, linear = results.predict(which="prob"), results.predict(which="linear")
    assert prob.index.equals(index) and linear.index.equals(index)
    columns = {"nominal": ["a", "b", "c"], "text": ["low", "some", "high"]}
    if name in columns:
        assert prob.columns.tolist() == columns[name]
        assert_allclose(prob.sum(axis=1), 1)
        with pytest.raises(ValueError, match="needs a response that is a number"):
            _ = results.fittedvalues
    elif name in ("choice", "ranking"):
        assert isinstance(prob, pd.Series)
        assert_allclose(results.fittedvalues, prob)
        assert_allclose(results.resid, make_data().chosen - prob)
    else:
        assert prob.columns.tolist() == list(range(int(results.model.endog.max()) + 1))
        assert results.resid.index.equals(index)
    parts = {"nominal": ["b", "c"], "hurdle": ["main", "zero"]}
    if name in parts:
        assert linear.columns.tolist() == parts[name]
    else:
        assert isinstance(linear, pd.Series)
    assert results.simulate(2, rng=0).index.equals(index)


def test_latent_variables(name):
    results = fitted(name)
    frame = results.latent()
    expected = {"nominal": ["b:Intercept", "c:Intercept"], "choice": ["x"], "ranking": ["x"]}
    terms = expected.get(name, ["Intercept"])
    assert frame.columns.tolist() == [c for term in terms for c in (term, f"se[{term}]")]
    assert len(frame) == 40 and np.isfinite(frame).all(axis=None)
    assert list(results.random_effects) == ["id"]


def test_missing_rows(name):
    data = make_data().copy()
    data.loc[["r3", "r4", "r5"], "x"] = np.nan  # a whole set
    results = build(name, data).fit(integration="laplace", threads=1)
    complete = build(name, data.dropna()).fit(integration="laplace", threads=1)
    assert_allclose(results.params, complete.params, rtol=1e-8)
    value = results.predict(data, which="prob")
    assert value.loc[["r3", "r4", "r5"]].isna().all(axis=None)
    assert_allclose(value.dropna(), complete.predict(which="prob"), atol=1e-9)
