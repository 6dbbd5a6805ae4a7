"""Latent classes: simulated truth is recovered, and Wald intervals cover it."""
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from statsmodels_gllamm import GLLAMM, Classes

pytestmark = pytest.mark.slow
REPLICATIONS = 150
TRUTH = pd.Series({
    "Intercept[c=1]": 10.0, "time[c=1]": -0.1, "Intercept[c=2]": 9.5, "time[c=2]": -1.2,
    "var[Intercept[id]]": 1.0, "logsd[Intercept]": 0.0, "prob[c=2]": -1.2, "prob[c=2,x]": 0.6})


def growth(rng, n=200, times=4):
    """Persons of two kinds of growth, the kind depending on a covariate."""
    person, time, x = np.repeat(np.arange(n), times), np.tile(np.arange(times), n), rng.normal(size=n)
    second = rng.random(n) < 1 / (1 + np.exp(1.2 - 0.6 * x))
    mean = np.where(second[person], 9.5 - 1.2 * time, 10.0 - 0.1 * time)
    return pd.DataFrame({"id": person, "time": time, "x": x[person],
                         "y": mean + rng.normal(size=n)[person] + rng.normal(size=n * times)})


def test_growth_mixtures():
    rng = np.random.default_rng(8)
    estimates, errors = [], []
    for _ in range(REPLICATIONS):
        model = GLLAMM.from_formula("y ~ 0 + (time | c) + (1 | id)", growth(rng), classes={
            "c": Classes(2, within="id", membership="x")})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            res = model.fit(starts=4, rng=rng)
        assert res.converged
        estimates.append(res.params[TRUTH.index])
        errors.append(res.bse[TRUTH.index])
    estimates, errors = pd.DataFrame(estimates), pd.DataFrame(errors)
    z = (estimates.mean() - TRUTH) / (estimates.std() / np.sqrt(REPLICATIONS))
    assert (z[["time[c=1]", "time[c=2]", "prob[c=2,x]"]].abs() < 4).all(), z
    assert ((estimates.mean() - TRUTH).abs() < 0.35 * estimates.std()).all(), z
    covered = ((estimates - TRUTH).abs() < stats.norm.ppf(0.975) * errors).mean()
    low, high = stats.binom.ppf([0.0005, 0.9995], REPLICATIONS, 0.95) / REPLICATIONS
    assert covered.between(low - 0.01, high).all(), covered
    print(pd.DataFrame({"truth": TRUTH, "mean": estimates.mean(), "sd": estimates.std(),
                        "se": errors.mean(), "coverage": covered}).round(3))
