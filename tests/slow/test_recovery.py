"""Simulated truth is recovered, and Wald intervals cover it: run by ``make test-slow``."""
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import stats
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Factor, families

pytestmark = pytest.mark.slow
REPLICATIONS = 200


def binary_intercepts(rng):
    """300 clusters of 6, logit, standard deviation 1.5."""
    g = np.repeat(np.arange(300), 6)
    x = rng.normal(size=len(g))
    nu = -0.5 + 0.8 * x + 1.5 * rng.normal(size=300)[g]
    return pd.DataFrame({"g": g, "x": x, "y": 1.0 * (rng.random(len(g)) < 1 / (1 + np.exp(-nu)))})


def count_slopes(rng):
    """150 clusters of 8, Poisson, correlated intercepts and slopes."""
    g = np.repeat(np.arange(150), 8)
    x = rng.normal(size=len(g))
    u = rng.multivariate_normal([0, 0], [[0.5, 0.15], [0.15, 0.25]], size=150)
    return pd.DataFrame({"g": g, "x": x,
                         "y": rng.poisson(np.exp(0.3 + 0.4 * x + u[g, 0] + u[g, 1] * x))})


def items_in_schools(rng):
    """40 schools of 25 persons with 5 binary items, a factor at both levels."""
    school = np.repeat(np.arange(40), 25)
    ability = rng.normal(size=40)[school] * 0.7 + 1.2 * rng.normal(size=1000)
    nu = ability[:, None] * [1.0, 0.8, 1.2, 0.6, 1.0] + [0.5, 0.0, -0.5, 0.3, 0.0]
    y = 1.0 * (rng.random(nu.shape) < 1 / (1 + np.exp(-nu)))
    return pd.DataFrame({"school": np.repeat(school, 5), "id": np.repeat(np.arange(1000), 5),
                         "item": np.tile([1, 2, 3, 4, 5], 1000), "y": y.ravel()})


def graded_items(rng):
    """400 persons, 4 items in four ordered categories, a factor regressed on a covariate."""
    x = rng.normal(size=400)
    eta = 0.6 * x + rng.normal(size=400)
    nu = eta[:, None] * [1.0, 1.5, 0.7, 1.2] + rng.logistic(size=(400, 4))
    y = (nu[:, :, None] > [-1.0, 0.2, 1.4]).sum(axis=2)
    return pd.DataFrame({"id": np.repeat(np.arange(400), 4), "x": np.repeat(x, 4),
                         "item": np.tile(list("abcd"), 400), "y": y.ravel()})


def choices(rng):
    """200 households of 8 choices among three alternatives, a random price coefficient."""
    n = 1600
    price, b = rng.normal(size=(n, 3)), -1.0 + 0.8 * rng.normal(size=200)
    nu = [0.5, 0.0, -0.3] + b[np.arange(n) // 8, None] * price + rng.gumbel(size=(n, 3))
    chosen = np.argmax(nu, axis=1)[:, None] == np.arange(3)
    return pd.DataFrame({"h": np.arange(3 * n) // 24, "set": np.arange(3 * n) // 3,
                         "a": np.tile([1.0, 0, 0], n), "c": np.tile([0, 0, 1.0], n),
                         "price": price.ravel(), "y": 1.0 * chosen.ravel()})


def zero_inflated(rng):
    """150 clusters of 10, a random intercept of the count, a covariate of the zero."""
    g = np.repeat(np.arange(150), 10)
    x, w = rng.normal(size=(2, 1500))
    zero = rng.random(1500) < 1 / (1 + np.exp(0.5 - 0.6 * w))
    mu = np.exp(1.0 + 0.4 * x + 0.7 * rng.normal(size=150)[g])
    return pd.DataFrame({"g": g, "x": x, "w": w, "y": np.where(zero, 0, rng.poisson(mu))})


def frailty(rng):
    """150 clusters of 6 durations, Weibull, a third censored."""
    g = np.repeat(np.arange(150), 6)
    x = rng.normal(size=900)
    nu = 1.0 + 0.5 * x + 0.6 * rng.normal(size=150)[g]
    time, end = np.exp(nu) * rng.weibull(1.5, 900), rng.exponential(6.0, 900)
    return pd.DataFrame({"g": g, "x": x, "t": np.minimum(time, end), "died": 1 * (time <= end)})


def mixed(rng):
    """300 persons, two continuous and three binary indicators of one factor."""
    eta = rng.normal(size=300)
    nu = eta[:, None] * [1.0, 0.8, 1.2, 0.9, 1.5] + [0.0, 1.0, 0.5, -0.5, 0.2]
    y = np.hstack([nu[:, :2] + 0.7 * rng.normal(size=(300, 2)),
                   1.0 * (rng.random((300, 3)) < 1 / (1 + np.exp(-nu[:, 2:])))])
    return pd.DataFrame({"id": np.repeat(np.arange(300), 5), "item": np.tile(list("abcde"), 300),
                         "kind": np.tile(["g", "g", "b", "b", "b"], 300), "y": y.ravel()})


BINOMIAL = sm.families.Binomial()
CASES = {
    "graded items, regressed": (
        graded_items, "y ~ 0 + (0 + f | id)",
        {"family": families.Ordinal(), "thresholds": "0 + item", "factors": {"f": Factor("item")},
         "regressions": "f ~ x"}, [1.5, 0.7, 1.2, 0.6, 1.0, *[-1.0, 0.2, 1.4] * 4]),
    "choices": (choices, "y ~ 0 + a + c + price + (0 + price | h)",
                {"family": families.Choice(set="set")}, [0.5, -0.3, -1.0, 0.64]),
    "zero-inflated": (zero_inflated, "y ~ x + (1 | g)",
                      {"family": families.ZeroInflated(sm.families.Poisson(), "w")},
                      [1.0, 0.4, -0.5, 0.6, 0.49]),
    "frailty": (frailty, "t ~ x + (1 | g)",
                {"family": families.Censored(families.Weibull(), event="died")},
                [1.0, 0.5, 0.36, np.log(1.5)]),
    "mixed": (mixed, "y ~ 0 + item + (0 + f | id)",
              {"family": {"g": sm.families.Gaussian(), "b": BINOMIAL}, "family_by": "kind",
               "factors": {"f": Factor("item")}},
              [0.0, 1.0, 0.5, -0.5, 0.2, 0.8, 1.2, 0.9, 1.5, 1.0, np.log(0.7)]),
    "binary intercepts": (binary_intercepts, "y ~ x + (1 | g)", {"family": BINOMIAL},
                          [-0.5, 0.8, 2.25]),
    "count slopes": (count_slopes, "y ~ x + (x | g)", {"family": sm.families.Poisson()},
                     [0.3, 0.4, 0.5, 0.15, 0.25]),
    "items in schools": (items_in_schools, "y ~ 0 + C(item) + (0 + f | school / id)",
                         {"family": BINOMIAL, "factors": {"f": Factor("item")}},
                         [0.5, 0.0, -0.5, 0.3, 0.0, 0.8, 1.2, 0.6, 1.0, 1.44, 0.49]),
}


@pytest.mark.parametrize("case", CASES)
def test_recovery(case):
    """Means within 3 Monte Carlo errors (2% more for the bias of variances); coverage of 95%."""
    simulate, formula, options, truth = CASES[case]
    truth = np.array(truth)
    rng = np.random.default_rng(20261120)
    estimates, errors = [], []
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # every one of these fits has to be clean
        for _ in range(REPLICATIONS):
            result = GLLAMM.from_formula(formula, simulate(rng), **options).fit()
            estimates.append(np.asarray(result.params))
            errors.append(np.asarray(result.bse))
    estimates, errors = np.array(estimates), np.array(errors)
    monte_carlo = estimates.std(axis=0, ddof=1) / np.sqrt(REPLICATIONS)
    bias = estimates.mean(axis=0) - truth
    names = result.model.param_names
    scale = [n.startswith(("var", "cov", "lambda")) for n in names]
    slack = np.where(scale, 0.02 * np.abs(truth), 0.0)
    covered = (np.abs(estimates - truth) < 1.959964 * errors).mean(axis=0)
    table = pd.DataFrame({"truth": truth, "mean": estimates.mean(axis=0), "MC error": monte_carlo,
                          "sd": estimates.std(axis=0, ddof=1), "mean SE": errors.mean(axis=0),
                          "coverage": covered}, index=names)
    print(f"\n{case}, {REPLICATIONS} replications\n{table.round(3).to_string()}")
    assert (np.abs(bias) < 3 * monte_carlo + slack).all()
    low = stats.binom.ppf(1e-4, REPLICATIONS, 0.95) / REPLICATIONS
    assert (covered >= low - np.where(scale, 0.03, 0.0)).all()
