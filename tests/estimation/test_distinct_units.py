"""Identical units are evaluated once in mixtures, without a change of any value."""
import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Classes
from statsmodels_gllamm.latent.merge import distinct_rows

MEMBERSHIPS = {"plain": {}, "covariate": {"membership": "z"}, "known": {"known": "k"}}


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    n, items = 400, 4
    y = rng.random((n, items)) < np.where(rng.random(n) < 0.4, 0.8, 0.3)[:, None]
    z, k = rng.integers(0, 2, n), rng.choice([1.0, 2.0, np.nan], n, p=[0.1, 0.1, 0.8])
    return pd.DataFrame({"id": np.repeat(np.arange(n), items), "item": np.tile(list("abcd"), n),
                         "y": y.ravel() * 1.0, "z": np.repeat(z, items), "k": np.repeat(k, items),
                         "w": np.repeat(rng.integers(0, 4, n), items)})


def class_model(data, which, **more):
    return GLLAMM.from_formula("y ~ 0 + (0 + item | c)", data, family=sm.families.Binomial(),
                               classes={"c": Classes(2, within="id", **MEMBERSHIPS[which])}, **more)


@pytest.mark.parametrize("weights", [{}, {"freq_weights": {"id": "w"}}])
@pytest.mark.parametrize("which", MEMBERSHIPS)
def test_values_are_those_of_all_units(data, which, weights):
    model = class_model(data, which, **weights)
    working = np.random.default_rng(1).normal(size=len(model.param_names))
    once, every = (model._objective((1,), merge=merge) for merge in (True, False))
    persons = data.groupby("id").first()
    own = [model.structure.classes[0].of_units[0]] if which != "plain" else []
    answers = data["y"].to_numpy().reshape(-1, 4)
    content = np.column_stack([answers, *own, *([persons["w"]] if weights else [])])
    assert (persons["w"] == 0).any()
    n = len(np.unique(np.where(np.isnan(content), 9, content), axis=0))
    assert len(once.distinct.first) <= n < 0.5 * len(every.distinct.first)
    one, two = once.at(working), every.at(working)
    assert one.loglik == pytest.approx(two.loglik, rel=1e-13)
    assert_allclose(one.gradient, two.gradient, rtol=1e-11, atol=1e-11)
    assert_allclose(one.opg, two.opg, rtol=1e-11, atol=1e-11)
    some = persons["w"].to_numpy() > 0 if weights else slice(None)
    assert_allclose(one.unit_scores[some], two.unit_scores[some], rtol=1e-11, atol=1e-13)
    assert_allclose(once.weights(working)[:, some], every.weights(working)[:, some], rtol=1e-12)
    assert_allclose(model.score_obs(working).sum(axis=0), two.gradient, atol=1e-10)


def test_robust_errors_are_those_of_all_units(data):
    model = class_model(data, "covariate")
    res = model.fit(starts=2, rng=0)
    assert res.record.unit_scores is None
    scores = model.score_obs(res.params)
    bread = np.linalg.inv(model.information(res.params))
    robust = res.with_cov_type("robust")
    assert_allclose(robust.cov_params(), bread @ scores.T @ scores @ bread, rtol=1e-4, atol=1e-7)


def test_distinct_rows():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 3, (2, 200)).astype(float) - 1
    x[0, x[0] == 0] *= -1  # zeros of both signs are equal
    code, first = distinct_rows(list(x))
    expected = np.unique(x.T + 0.0, axis=0)
    assert_allclose(np.unique(x.T[first] + 0.0, axis=0), expected)
    assert len(first) == len(expected) and (np.diff(first) > 0).all()
    assert_allclose(x[:, first][:, code], x)
    assert (code[first] == np.arange(len(first))).all()
