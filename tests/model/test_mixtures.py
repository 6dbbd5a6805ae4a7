"""Mixtures of regressions and classes of Gaussian and categorical items, against EMs of their own."""
import pickle

import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.special import expit, logsumexp
from scipy.stats import norm, poisson
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Classes, families
from statsmodels_gllamm.exceptions import DataError, FormulaError


@pytest.fixture(scope="module")
def engel():
    data = sm.datasets.engel.load_pandas().data
    return pd.DataFrame({"y": np.log(data["foodexp"]), "x": np.log(data["income"])})


def lines(data, n=2, **more):
    return GLLAMM.from_formula("y ~ 0 + (x | c)", data, classes={"c": Classes(n)}, **more)


def mixture_loglik(p, data, n):
    share = np.array([0.0, *(p[f"prob[c={c}]"] for c in range(2, n + 1))])
    share -= logsumexp(share)
    density = [norm.logpdf(data["y"], p[f"Intercept[c={c}]"] + p[f"x[c={c}]"] * data["x"],
                           np.exp(p["logsd[Intercept]"])) for c in range(1, n + 1)]
    return logsumexp(share[:, None] + density, axis=0)


def em_of_lines(y, x, rng, steps=3000):
    """Log-likelihood, coefficients (2, 2), standard deviation and shares of two regression lines."""
    design, r = np.column_stack([np.ones_like(x), x]), rng.dirichlet([1, 1], len(y)).T
    for _ in range(steps):
        beta = np.array([np.linalg.solve((design.T * w) @ design, (design.T * w) @ y) for w in r])
        rest, share = y - beta @ design.T, r.mean(axis=1)
        sd = np.sqrt((r * rest**2).sum() / len(y))
        joint = np.log(share)[:, None] + norm.logpdf(rest, scale=sd)
        total = logsumexp(joint, axis=0)
        r = np.exp(joint - total)
    return total.sum(), beta, sd, share


def test_mixture_of_regressions_is_that_of_an_em(engel):
    res = lines(engel).fit(rng=0)
    p = res.params
    assert_allclose(res.llf, mixture_loglik(p, engel, 2).sum(), rtol=1e-12)
    rng = np.random.default_rng(0)
    ends = [em_of_lines(engel["y"].to_numpy(), engel["x"].to_numpy(), rng) for _ in range(6)]
    best = max(ends, key=lambda end: end[0])
    assert_allclose(res.llf, best[0], atol=1e-5)
    order = np.argsort(-best[3])
    own = [[p[f"Intercept[c={c}]"], p[f"x[c={c}]"]] for c in (1, 2)]
    assert_allclose(own, best[1][order], atol=2e-3)
    assert_allclose(np.exp(p["logsd[Intercept]"]), best[2], atol=1e-4)
    assert_allclose(res.class_sizes["prior"], best[3][order], atol=2e-3)
    error = sm.tools.numdiff.approx_hess(p.to_numpy(), lambda v: mixture_loglik(
        pd.Series(v, p.index), engel, 2).sum())
    assert_allclose(res.bse, np.sqrt(np.diag(np.linalg.inv(-error))), rtol=1e-3)


def test_three_lines_and_their_scores(engel):
    model = lines(engel, 3)
    p = pd.Series(model.start_params + 0.05, model.param_names)
    assert_allclose(model.loglike(p), mixture_loglik(p, engel, 3).sum(), rtol=1e-12)
    slope = [(mixture_loglik(p + e, engel, 3) - mixture_loglik(p - e, engel, 3)) / 2e-6
             for e in 1e-6 * np.eye(len(p))]
    assert_allclose(model.score_obs(p), np.transpose(slope), atol=1e-5)


def test_every_row_has_a_class_of_its_own(engel):
    named = GLLAMM.from_formula("y ~ 0 + (x | c)", engel.assign(row=np.arange(len(engel))[::-1]),
                                classes={"c": Classes(2, within="row")})
    plain = lines(engel)
    p = plain.start_params + 0.05
    assert_allclose(plain.loglike(p), named.loglike(p), rtol=1e-13)
    assert "one for each of 235 rows" in plain.describe()
    res = plain.fit(rng=0, starts=3)
    assert_allclose(res.class_probabilities().sum(axis=1), 1)
    assert (res.class_probabilities().index == engel.index).all()
    means = res.predict(which="class")
    assert_allclose(res.predict(which="posterior"), (means * res.class_probabilities()).sum(axis=1))
    new = engel.head(3).assign(x=[6.0, 7.0, 8.0])
    assert_allclose(res.predict(new, which="posterior"), res.predict(new))
    again = pickle.loads(pickle.dumps(res))
    again.remove_data()
    assert_allclose(again.predict(new), res.predict(new))
    with pytest.raises(FormulaError, match="rename the column 'rows'"):
        GLLAMM.from_formula("y ~ 0 + (x | c) + (1 | rows)", engel.assign(rows=1),
                            classes={"c": Classes(2)})


def test_weights_of_rows_are_repeated_rows(engel):
    weight = 1 + np.arange(len(engel)) % 3
    weighted = lines(engel.assign(w=weight), freq_weights="w")
    many = lines(engel.loc[engel.index.repeat(weight)].reset_index(drop=True))
    p = many.start_params + 0.05
    assert_allclose(weighted.loglike(p), many.loglike(p), rtol=1e-12)
    one, two = (model.fit(rng=0, starts=3) for model in (weighted, many))
    assert_allclose(one.bse, two.bse, rtol=1e-4)
    assert_allclose(one.entropy, two.entropy, atol=1e-4)
    assert_allclose(one.class_sizes, two.class_sizes, atol=1e-4)


def test_known_rows_and_covariates_of_membership_by_hand():
    rng = np.random.default_rng(4)
    n, x, z = 150, rng.normal(size=150), rng.normal(size=150)
    second = rng.random(n) < expit(z)
    y = rng.poisson(np.exp(np.where(second, 1 + 0.5 * x, -x)))
    seen = np.where(np.arange(n) < 40, np.where(second, 2.0, 1.0), np.nan)
    data = pd.DataFrame({"y": y, "x": x, "z": z, "seen": seen})
    model = GLLAMM.from_formula("y ~ 0 + (x | c)", data, family=sm.families.Poisson(), classes={
        "c": Classes(2, membership="z", known="seen")})
    p = pd.Series(model.start_params + 0.1, model.param_names)
    eta = p["prob[c=2]"] + p["prob[c=2,z]"] * z
    share = np.array([-np.logaddexp(0, eta), -np.logaddexp(0, -eta)])
    density = np.array([poisson.logpmf(y, np.exp(p[f"Intercept[c={c}]"] + p[f"x[c={c}]"] * x))
                        for c in (1, 2)])
    joint = share + density
    joint[1, seen == 1] = joint[0, seen == 2] = -np.inf
    assert_allclose(model.loglike(p), logsumexp(joint, axis=0).sum(), rtol=1e-12)


def items(rng, draw, n=300, j=4):
    """Long data of n persons of two classes, a share of 0.6 in the first, and the wide responses."""
    first = rng.random(n) < 0.6
    wide = np.array([draw(one, k) for one in first for k in range(j)]).reshape(n, j)
    return wide, pd.DataFrame({"id": np.repeat(np.arange(n), j), "y": wide.ravel(),
                               "item": np.tile([f"i{k}" for k in range(j)], n)})


def em_of_items(loglik, maximise, n, rng, steps):
    """Log-likelihood, shares and parameters: ``loglik(theta)`` (2, G), ``maximise(r)`` gives theta."""
    r = rng.dirichlet([1, 1], n).T
    for _ in range(steps):
        theta, share = maximise(r), r.mean(axis=1)
        joint = np.log(share)[:, None] + loglik(theta)
        total = logsumexp(joint, axis=0)
        r = np.exp(joint - total)
    return total.sum(), share, theta


def best_em(loglik, maximise, n, steps=600, tries=3):
    rng = np.random.default_rng(0)
    return max((em_of_items(loglik, maximise, n, rng, steps) for _ in range(tries)),
               key=lambda end: end[0])


def test_gaussian_items():
    rng = np.random.default_rng(1)
    wide, long = items(rng, lambda one, k: (k if one else 1.5 * k - 2) + (1 + 0.2 * k) * rng.normal())
    res = GLLAMM.from_formula("y ~ 0 + (0 + item | c)", long, dispersion="0 + item",
                              classes={"c": Classes(2, within="id")}).fit(rng=0, starts=5)

    def maximise(r):
        mean = (r @ wide) / r.sum(axis=1, keepdims=True)
        square = (wide[None] - mean[:, None])**2
        return mean, np.sqrt(np.einsum("cg,cgj->j", r, square) / len(wide))

    best = best_em(lambda theta: norm.logpdf(wide[None], theta[0][:, None], theta[1]).sum(axis=2),
                   maximise, len(wide))
    assert_allclose(res.llf, best[0], atol=1e-6)
    order = np.argsort(-best[1])
    assert_allclose(res.class_sizes["prior"], best[1][order], atol=1e-4)
    for c in (0, 1):
        assert_allclose(res.params[[f"item[i{k}][c={c + 1}]" for k in range(4)]],
                        best[2][0][order[c]], atol=1e-3)
    assert_allclose(np.exp(res.params[[f"logsd[item[i{k}]]" for k in range(4)]]), best[2][1],
                    rtol=1e-3)


def test_nominal_items():
    rng = np.random.default_rng(2)
    wide, long = items(rng, lambda one, k: rng.choice(3, p=[0.6, 0.3, 0.1] if one else [0.1, 0.3, 0.6]))
    model = GLLAMM.from_formula("y ~ 0 + (0 + item | c)", long, family=families.Nominal(),
                                classes={"c": Classes(2, within="id")})
    res, is_k = model.fit(rng=0, starts=5), wide[None] == np.arange(3)[:, None, None]
    best = best_em(lambda theta: np.einsum("kgj,ckj->cg", is_k, np.log(theta)), lambda r: np.einsum(
        "cg,kgj->ckj", r, is_k) / r.sum(axis=1)[:, None, None], len(wide))
    assert_allclose(res.llf, best[0], atol=1e-5)
    order = np.argsort(-best[1])
    assert_allclose(res.class_sizes["prior"], best[1][order], atol=1e-3)
    profiles = res.class_profiles()["estimate"].to_numpy()
    assert_allclose(np.sort(profiles), np.sort(best[2].ravel()), atol=2e-3)


def test_ordinal_items():
    rng = np.random.default_rng(3)
    wide, long = items(rng, lambda one, k: np.digitize(
        rng.logistic() + (-1 if one else 1.2), [-1, 0.8]), j=3)
    res = GLLAMM.from_formula("y ~ 0 + (0 + item | c)", long, family=families.Ordinal(),
                              thresholds="0 + item", classes={"c": Classes(2, within="id")}
                              ).fit(rng=0, starts=5)
    place = {"theta": np.tile([-1.0, 1.0, 0.5], (3, 1))}

    def log_p(theta, k):
        """(2, 3) for one item: two cut points, and the second class's shift."""
        cuts = np.array([[theta[0], theta[0] + np.exp(theta[1])]]) - np.array([[0.0], [theta[2]]])
        below = np.hstack([np.zeros((2, 1)), expit(cuts), np.ones((2, 1))])
        return np.log(np.diff(below, axis=1))

    def maximise(r):
        for k in range(3):
            n = np.array([[(row * (wide[:, k] == y)).sum() for y in range(3)] for row in r])
            place["theta"][k] = minimize(lambda t, n=n, k=k: -(n * log_p(t, k)).sum(),
                                         place["theta"][k], method="BFGS").x
        return place["theta"].copy()

    best = best_em(lambda theta: sum(log_p(theta[k], k)[:, wide[:, k]] for k in range(3)), maximise,
                   len(wide), steps=150, tries=1)
    assert res.llf >= best[0] - 1e-6
    assert_allclose(res.llf, best[0], atol=2e-3)
    assert_allclose(np.sort(res.class_sizes["prior"]), np.sort(best[1]), atol=2e-2)


def test_rows_of_a_set_are_one_outcome():
    data = pd.DataFrame({"set": np.repeat(np.arange(30), 3), "y": np.tile([1, 0, 0], 30),
                         "x": np.random.default_rng(0).normal(size=90)})
    with pytest.raises(DataError, match="holds whole sets in Classes"):
        GLLAMM.from_formula("y ~ 0 + (0 + x | c)", data, family=families.Choice(set="set"),
                            classes={"c": Classes(2)})
