"""Intervals of population-averaged quantities cover the truth: run by ``make test-slow``."""
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM

pytestmark = pytest.mark.slow
REPLICATIONS, CLUSTERS, SIZE = 300, 120, 6
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(60)
WEIGHTS = WEIGHTS / WEIGHTS.sum()
BETA, VARIANCE = np.array([-0.5, 0.8]), 2.0


def truth(x):
    """Coefficients of the margin, marginal effect, intraclass correlation and R-squared."""
    nu = (x @ BETA)[:, None] + np.sqrt(VARIANCE) * NODES
    f = expit(nu)
    slope = np.linalg.lstsq(x, logit(f @ WEIGHTS), rcond=None)[0]
    effect = BETA[1] * ((f * (1 - f)) @ WEIGHTS).mean()
    fixed = np.var(x @ BETA, ddof=1)
    total = fixed + VARIANCE + np.pi**2 / 3
    at_zero = (expit(BETA[0] + np.sqrt(VARIANCE) * NODES) @ WEIGHTS).item()
    return {"marginal x": slope[1], "margeff x": effect, "icc": VARIANCE / (VARIANCE + np.pi**2 / 3),
            "conditional R2": (fixed + VARIANCE) / total, "mean at 0": at_zero}


def intervals(fit):
    yield "marginal x", fit.marginal_params().conf_int().loc["x"].to_numpy()
    yield "margeff x", fit.get_margeff().conf_int()[0]
    yield "icc", fit.icc()[["conf_low", "conf_high"]].to_numpy()[0]
    yield "conditional R2", fit.r_squared().loc["conditional", ["conf_low", "conf_high"]].to_numpy()
    yield "mean at 0", fit.average_predictions("x", values=[0])[["conf_low", "conf_high"]].to_numpy()[0]


def test_coverage():
    rng = np.random.default_rng(8)
    cluster = np.repeat(np.arange(CLUSTERS), SIZE)
    x = np.column_stack([np.ones(len(cluster)), rng.normal(size=len(cluster))])
    exact, covered = truth(x), []
    for _ in range(REPLICATIONS):
        nu = x @ BETA + np.sqrt(VARIANCE) * rng.normal(size=CLUSTERS)[cluster]
        data = pd.DataFrame({"y": (rng.random(len(nu)) < expit(nu)) * 1, "x": x[:, 1], "id": cluster})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fit = GLLAMM.from_formula("y ~ x + (1 | id)", data, family=sm.families.Binomial()).fit(
                n_quad=9)
            covered.append({name: low <= exact[name] <= high for name, (low, high) in intervals(fit)})
    share = pd.DataFrame(covered).mean()
    table = pd.DataFrame({"truth": exact, "coverage": share})
    print(f"\nIntervals of 95%, {REPLICATIONS} replications\n{table.round(3).to_string()}")
    error = np.sqrt(0.95 * 0.05 / REPLICATIONS)
    assert (np.abs(share - 0.95) < 3 * error).all()
