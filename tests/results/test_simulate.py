"""Simulated responses have the distribution that the predictions say, and are those of the data."""

from types import SimpleNamespace

import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, families
from statsmodels_gllamm.results.predict import predict
from statsmodels_gllamm.results.simulate import simulate

BINOMIAL, POISSON = sm.families.Binomial(), sm.families.Poisson()
N = 4000


@pytest.fixture
def data(rng):
    n = 12
    return pd.DataFrame({
        "id": np.arange(n) // 4, "school": np.arange(n) // 8, "x": rng.normal(size=n),
        "y": np.arange(n) % 2, "k": np.arange(n) % 3, "grade": np.arange(n) % 4 + 1,
        "kind": np.array(["a", "b", "c"] * 4), "trip": np.arange(n) // 2,
        "first": (np.arange(n) % 2 == 0) * 1, "good": np.arange(n) % 3, "bad": 2}, index=list(
            "abcdefghijkl"))


def draws(model, params, n=N):
    record = SimpleNamespace(working=model.design.to_working(np.asarray(params, dtype=float)))
    found = simulate(SimpleNamespace(model=model, record=record), n, rng=3)
    assert found.shape == (len(model.sample.index), n)
    assert found.index.equals(model.sample.index)
    return found


def close(found, expected, sd):
    """Means of simulated values are within five standard errors."""
    assert (np.abs(found - expected) < 5 * sd / np.sqrt(N) + 1e-12).all()


@pytest.mark.parametrize(("formula", "family", "params"), [
    ("x ~ k + (1 | school/id)", sm.families.Gaussian(), [0.2, 0.3, 0.7, 0.4, -0.5]),
    ("k ~ x + (1 | school) + (1 | id)", POISSON, [0.2, 0.3, 0.2, 0.1]),
    ("y ~ x + (1 | id)", BINOMIAL, [0.4, -0.5, 1.2]),
    ("grade ~ x + (1 | id)", families.Ordinal(), [0.8, 1.2, -1, 0.1, 1]),
    ("grade ~ x + (1 | id)", families.Nominal(),
     [0.1, 0.2, 0.3, 0.4, 0.5, -0.4, 0.3, 0, 0.5, 0.1, 0, 1]),
    ("k ~ x + (1 | id)", families.ZeroInflated(POISSON, "x + (1 | id)"),
     [0.4, 0.2, -0.5, 0.4, 0.3, 0.8]),
    ("k ~ x + (1 | id)", families.Hurdle(POISSON, "x"), [0.4, 0.2, -0.5, 0.4, 0.3]),
])
def test_moments(data, formula, family, params):
    model = GLLAMM.from_formula(formula, data, family=family)
    found = draws(model, params)
    mean, variance = (predict(model, params, which=which) for which in ("mean", "var"))
    close(found.mean(axis=1), mean, np.sqrt(variance))
    assert_allclose(found.var(axis=1), variance, rtol=0.35)


def test_clusters_share_their_latent_variables(data):
    model = GLLAMM.from_formula("x ~ 1 + (1 | school/id)", data)
    found = draws(model, [0.0, 0.8, 1.5, np.log(0.5)]).to_numpy()
    variances = dict(zip(model.param_names, [0, 0.8, 1.5]))
    low, high = variances["var[Intercept[school:id]]"], variances["var[Intercept[school]]"]
    covariance = np.cov(found)
    assert_allclose(covariance[0, 0], low + high + 0.25, rtol=0.1)
    assert_allclose(covariance[0, 1], low + high, rtol=0.1)
    assert_allclose(covariance[0, 5], high, rtol=0.15)
    assert abs(covariance[0, 9]) < 0.2


def test_categories_are_labels(data):
    model = GLLAMM.from_formula("kind ~ x + (1 | id)", data, family=families.Nominal(base="c"))
    params = [0.3, 0.5, -0.4, 0.2, 0.8, 0.2, 0.5]
    found = draws(model, params)
    prob = predict(model, params, which="prob")
    for label, expected in zip("abc", prob.T):
        close((found == label).mean(axis=1), expected, 0.5)


def test_choices_and_ranks(data):
    family = families.Choice(set="trip")
    model = GLLAMM.from_formula("first ~ x + (0 + x | id)", data, family=family)
    found = draws(model, [0.5, 1.0])
    assert (found.groupby(data.trip).sum() == 1).all(axis=None)
    close(found.mean(axis=1), predict(model, [0.5, 1.0]), 0.5)
    three = data.assign(trip=np.arange(12) // 4, rank=np.arange(12) % 4 + 1.0)
    model = GLLAMM.from_formula("rank ~ x + (0 + x | id)", three, family=families.Ranking(set="trip"))
    found = draws(model, [0.5, 1.0])
    assert (np.sort(found.to_numpy().reshape(3, 4, N), axis=1)
            == np.array([1, 2, 3, 4])[None, :, None]).all()
    close((found == 1).mean(axis=1), predict(model, [0.5, 1.0]), 0.5)
    second = draws(model, [50.0, 0.0], 3)  # ranks by the linear predictor
    expected = three.x.groupby(three.trip).rank(ascending=False)
    assert (second.to_numpy().mean(axis=1) - expected).abs().mean() < 0.4


def test_counts_of_successes(data):
    params = [0.4, 0.3, 0.6]
    model = GLLAMM.from_formula("good + bad ~ x + (1 | id)", data, family=BINOMIAL)
    found, trials = draws(model, params), data.good + data.bad
    assert (found == found.round()).all(axis=None) and (found.max(axis=1) <= trials).all()
    close(found.mean(axis=1), predict(model, params) * trials, trials / 2)
    share = GLLAMM.from_formula("share ~ x + (1 | id)", data.assign(share=data.good / trials),
                                n_trials=trials, family=BINOMIAL)
    assert_allclose(draws(share, params, 5), draws(model, params, 5).div(trials, axis=0))


def test_mixed_and_composite(data):
    form = np.where(np.arange(12) % 3, "b", "g")
    mixed = data.assign(form=form, r=np.where(form == "b", data.y, data.x))
    model = GLLAMM.from_formula("r ~ x + (1 | id)", mixed, family_by="form",
                                family={"b": BINOMIAL, "g": sm.families.Gaussian()})
    params = [0.2, 0.5, 0.6, -0.3]
    found = draws(model, params)
    assert found[form == "b"].isin([0, 1]).all(axis=None)
    close(found.mean(axis=1), predict(model, params), np.sqrt(predict(model, params, which="var")))
    pairs = data.assign(k=data.groupby("trip").k.transform("sum"))
    model = GLLAMM.from_formula("k ~ x + (1 | id)", pairs,
                                family=families.Composite(POISSON, cluster="trip"))
    found = draws(model, [0.2, 0.4, 0.3])
    assert (found.groupby(data.trip).nunique() == 1).all(axis=None)
    variance = predict(model, [0.2, 0.4, 0.3], which="var")
    close(found.mean(axis=1), predict(model, [0.2, 0.4, 0.3]), np.sqrt(variance))


def test_method(data):
    results = GLLAMM.from_formula("k ~ x", data, family=POISSON).fit()
    assert results.simulate().shape == (12, 1)
    assert results.simulate(3, rng=1).equals(results.simulate(3, rng=1))
    assert not results.simulate(3, rng=1).equals(results.simulate(3, rng=2))
    with pytest.raises(ValueError, match="n is an integer of at least 0"):
        results.simulate(1.5)
    results.remove_data()
    with pytest.raises(ValueError, match="simulate needs the data"):
        results.simulate()
