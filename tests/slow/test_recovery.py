"""Simulated truth is recovered, and Wald intervals cover it: run by ``make test-slow``."""
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import stats
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Factor

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


BINOMIAL = sm.families.Binomial()
CASES = {
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
