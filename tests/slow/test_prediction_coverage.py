"""Coverage of intervals of predictions in repeated samples of a random-intercept logit model."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from scipy.stats import norm
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM

N_CLUSTERS, SIZE, REPLICATIONS = 100, 5, 400
INTERCEPT, SLOPE, VARIANCE = -2.0, 1.0, 1.5
X = np.array([-1.5, 0.0, 2.0])


def truth():
    """Marginal and conditional probabilities at X."""
    z, w = np.polynomial.hermite_e.hermegauss(60)
    nu = INTERCEPT + SLOPE * X
    marginal = expit(nu[:, None] + np.sqrt(VARIANCE) * z) @ w / np.sqrt(2 * np.pi)
    return {"mean": marginal, "conditional": expit(nu), "linear": nu}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_coverage():
    rng = np.random.default_rng(2024)
    data = pd.DataFrame({"id": np.repeat(np.arange(N_CLUSTERS), SIZE)})
    data["x"] = rng.normal(size=len(data))
    new, exact = pd.DataFrame({"x": X}), truth()
    hits = {(which, method): np.zeros(len(X)) for which in exact for method in ("endpoint", "delta")}
    outside, means = 0, {"se": [], "prediction_error": []}
    for _ in range(REPLICATIONS):
        u = rng.normal(size=N_CLUSTERS)[data.id] * np.sqrt(VARIANCE)
        p = expit(INTERCEPT + SLOPE * data.x + u)
        sample = data.assign(y=(rng.random(len(data)) < p) * 1)
        res = GLLAMM.from_formula("y ~ x + (1 | id)", sample, family=sm.families.Binomial()).fit(
            n_quad=9)
        for which, value in exact.items():
            found = res.get_prediction(new, which=which)
            for method in ("endpoint", "delta"):
                limits = found.conf_int(method)
                hits[which, method] += (limits[:, 0] < value) & (value < limits[:, 1])
                outside += method == "delta" and which != "linear" and (limits < 0).any()
        posterior = res.get_prediction(which="posterior")
        for name, own in means.items():
            half = norm.ppf(0.975) * getattr(posterior, name)
            own.append((np.abs(posterior.predicted - p) < half).mean())
    table = pd.DataFrame({key: hit / REPLICATIONS for key, hit in hits.items()}, index=X).T
    print(f"\nCoverage of 95% intervals, {REPLICATIONS} replications, at x =\n{table.round(3)}")
    print(f"Replications with a symmetric interval below zero: {outside}")
    print("Conditional means of the clusters inside posterior mean +- 1.96 times",
          {name: round(float(np.mean(own)), 3) for name, own in means.items()})
    error = 3.5 * np.sqrt(0.05 * 0.95 / REPLICATIONS)
    endpoint = table.xs("endpoint", level=1)
    assert (np.abs(endpoint - 0.95) < error + 0.005).all().all()
    assert np.mean(means["se"]) < 0.75 < 0.9 < np.mean(means["prediction_error"])
