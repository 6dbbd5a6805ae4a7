"""Predictions of choices, rankings and sums over rows, by brute force."""

from itertools import product

import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
from scipy import stats
from scipy.special import expit
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, families
from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.results.predict import predict

from .brute import average, params_of

BINOMIAL, POISSON = sm.families.Binomial(), sm.families.Poisson()


@pytest.fixture
def choices(rng):
    """Sets of two to four alternatives, in no order, of eight persons."""
    size = rng.integers(2, 5, 16)
    data = pd.DataFrame({"trip": np.repeat(np.arange(16), size)})
    data["id"] = data.trip // 2
    data["x"], data["z"] = rng.normal(size=(2, len(data)))
    utility = data.x + rng.gumbel(size=len(data))
    data["chosen"] = (utility == utility.groupby(data.trip).transform("max")) * 1
    data["rank"] = utility.groupby(data.trip).rank(ascending=False)
    return data.sample(frac=1, random_state=1)


CHOICE = np.array([0.8, 1.4, 0.5, 0.9])


def shares(rows, eta):
    """Probabilities of the rows of one set (n, N)."""
    x, z = rows.x.to_numpy()[:, None], rows.z.to_numpy()[:, None]
    e = np.exp(0.8 * x + eta[0] * x + eta[1] * z)
    return e / e.sum(axis=0)


def expected_shares(data, psi, weight=None):
    out = pd.Series(np.nan, index=data.index)
    for _, rows in data.groupby("trip"):
        out[rows.index] = average(lambda eta, rows=rows: shares(rows, eta), psi, weight)
    return out


def test_choice(choices, monkeypatch):
    model = GLLAMM.from_formula("chosen ~ x + (0 + x + z | id)", choices,
                                family=families.Choice(set="trip"))
    psi = np.array([[1.4, 0.5], [0.5, 0.9]])
    exact = expected_shares(choices, psi)
    for which in ("mean", "prob"):
        assert_allclose(predict(model, CHOICE, which=which), exact, atol=1e-8)
    assert_allclose(predict(model, CHOICE, which="var"), exact * (1 - exact), atol=1e-8)
    new = choices[["trip", "x", "z"]].iloc[::-1]
    assert_allclose(predict(model, CHOICE, new)[::-1], exact, atol=1e-8)
    monkeypatch.setattr("statsmodels_gllamm.results.normal_average.PIECE", 3)
    assert_allclose(predict(model, CHOICE), exact, atol=1e-8)
    monkeypatch.setattr("statsmodels_gllamm.integration.posterior.PIECE_ELEMENTS", 900)
    value = predict(model, CHOICE, which="posterior", n_quad=45)
    for number in (1, 4):
        mine = choices[choices.id == number]

        def likelihood(eta, mine=mine):
            p = [shares(rows, eta)[rows.chosen == 1] for _, rows in mine.groupby("trip")]
            return np.prod(np.concatenate(p), axis=0)

        assert_allclose(value[choices.id == number], expected_shares(mine, psi, likelihood),
                        atol=1e-8)
    unknown = predict(model, CHOICE, choices.assign(id=99).drop(columns="chosen"),
                      which="posterior", n_quad=31)
    assert_allclose(unknown, exact, atol=1e-8)
    with pytest.raises(ValueError, match="no categories with an order"):
        predict(model, CHOICE, which="prob", above=1)
    with pytest.raises(ValueError, match=r"Choice\(logit\) needs the column 'set'"):
        predict(model, CHOICE, model.exog)
    cut = choices.assign(id=np.arange(len(choices)) % 8).drop(columns="chosen")
    with pytest.raises(DataError, match="same clusters as the other rows of its set"):
        predict(model, CHOICE, cut, which="posterior")


def test_choice_after_laplace_and_at_two_levels(choices):
    """Latent variables with the same columns at two levels are one in the prior."""
    data = choices.assign(group=choices.id % 3)
    data["person"] = data.id
    model = GLLAMM.from_formula("chosen ~ x + (0 + x + z | group/person)",
                                data.assign(group=data.id // 4),
                                family=families.Choice(set="trip"))
    half = np.array([0.8, 0.7, 0.25, 0.45, 0.7, 0.25, 0.45])
    exact = expected_shares(data, np.array([[1.4, 0.5], [0.5, 0.9]]))
    assert_allclose(predict(model, half), exact, atol=1e-8)
    fine = predict(model, half, which="posterior", n_quad=9)
    rough = predict(model, half, which="posterior", integration="laplace")
    assert_allclose(rough, fine, atol=0.08)
    sums = pd.Series(rough, index=data.index).groupby(data.trip).sum()
    assert_allclose(sums, 1, atol=1e-9)


@pytest.mark.parametrize("n_quad", [1, 5])
def test_two_alternatives_are_a_binary_response(rng, n_quad):
    n = 40
    data = pd.DataFrame({"id": np.arange(n) % 8, "x": rng.normal(size=n), "z": rng.normal(size=n),
                         "y": rng.integers(0, 2, n), "trip": np.arange(n)})
    binary = GLLAMM.from_formula("y ~ 0 + x + (0 + x + z | id)", data, family=BINOMIAL)
    second = data.assign(x=0, z=0, y=1 - data.y)
    choice = GLLAMM.from_formula("y ~ x + (0 + x + z | id)", pd.concat([data, second]),
                                 family=families.Choice(set="trip"))
    for which in ("posterior", "mean", "conditional"):
        assert_allclose(predict(choice, CHOICE, which=which, n_quad=n_quad)[:n],
                        predict(binary, CHOICE, which=which, n_quad=n_quad), atol=1e-8)


def test_ranking(choices):
    model = GLLAMM.from_formula("rank ~ x + (0 + x + z | id)", choices,
                                family=families.Ranking(set="trip"))
    exact = expected_shares(choices, np.array([[1.4, 0.5], [0.5, 0.9]]))
    assert_allclose(predict(model, CHOICE, which="prob"), exact, atol=1e-8)
    assert_allclose(predict(model, CHOICE, choices.drop(columns="rank")), exact, atol=1e-8)


def test_posterior_of_choices_averages_to_the_prior(rng):
    x = rng.normal(size=3)
    data = pd.DataFrame({"id": np.repeat(np.arange(9), 6), "trip": np.repeat(np.arange(18), 3),
                         "x": np.tile(np.r_[x, rng.normal(size=3)], 9), "z": 0.0})
    picks = np.array(list(product(range(3), repeat=2))).ravel()
    data["chosen"] = (np.tile(np.arange(3), 18) == np.repeat(picks, 3)) * 1
    model = GLLAMM.from_formula("chosen ~ x + (0 + x | id)", data,
                                family=families.Choice(set="trip"))
    params = np.array([0.4, 1.7])
    value = predict(model, params, which="posterior", n_quad=41).reshape(9, 6)
    p = np.exp(model._objective((41,)).at(model.design.to_working(params),
                                          units=True).value.unit_loglik)
    assert_allclose(p.sum(), 1, rtol=1e-9)
    assert_allclose(p @ value, predict(model, params)[:6], rtol=1e-8)


def test_composite(wide):
    data = wide.assign(pair=np.arange(24) // 2, w=np.tile([0.5, 2.0], 12))
    data["k"] = data.groupby("pair").k.transform("sum")
    model = GLLAMM.from_formula("k ~ x + (1 + z | id)", data, family=families.Composite(
        POISSON, cluster="pair", weights="w"))
    params = np.array([0.2, 0.4, 0.6, 0.2, 0.3])
    psi = np.array([[0.6, 0.2], [0.2, 0.3]])
    mean, prob, variance = (predict(model, params, which=which)
                            for which in ("mean", "prob", "var"))
    count = np.arange(prob.shape[1])[:, None]
    for _, rows in list(data.groupby("pair"))[:3]:
        def moments(eta, rows=rows):
            mu = sum(r.w * np.exp(0.2 + 0.4 * r.x + eta[0] + r.z * eta[1])
                     for r in rows.itertuples())
            return np.concatenate([stats.poisson.pmf(count, mu), [mu, mu + mu**2]])

        exact = average(moments, psi)
        at = data.index.get_indexer(rows.index)
        assert_allclose(prob[at], [exact[:-2]] * 2, atol=1e-8)
        assert_allclose(mean[at], exact[-2], rtol=1e-7)
        assert_allclose(variance[at], exact[-1] - exact[-2] ** 2, rtol=1e-6)


def test_guessing(wide):
    data = wide.assign(y=(wide.grade > 2) * 1)
    model = GLLAMM.from_formula("y ~ x + (1 | id)", data, family=families.IRT3PL("kind"))
    params = params_of(model, **{"Intercept": 0.2, "x": 0.5, "var[Intercept[id]]": 1.1,
                                 "logitguess[kind[a]]": -2.0, "logitguess[kind[b]]": -1.0,
                                 "logitguess[kind[c]]": 0.0})
    guess = expit(data.kind.map({"a": -2.0, "b": -1.0, "c": 0.0}))
    p = np.array([average(lambda eta, x=x: expit(0.2 + 0.5 * x + eta[0]), 1.1) for x in data.x])
    assert_allclose(predict(model, params), guess + (1 - guess) * p, atol=1e-9)
    assert_allclose(predict(model, params, data.drop(columns="y"), which="prob"),
                    guess + (1 - guess) * p, atol=1e-9)
