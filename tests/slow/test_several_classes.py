"""Classes at two levels, and variances that differ between classes: simulated truth is recovered."""
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import stats
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Classes

pytestmark = pytest.mark.slow
REPLICATIONS = 60
LEVELS = pd.Series({
    "item[a][c=1]": -1.5, "item[a][c=2]": 1.5, "item[e][c=1]": -1.5, "item[e][c=2]": 1.5,
    "prob[c=2]": -1.0, "prob[c=2,d=2]": 2.0, "prob[d=2]": -0.7})
GROWTH = pd.Series({
    "Intercept": 1.0, "time": 0.2, "Intercept[c=2]": 2.0, "time[c=2]": 0.8, "var[Intercept[id]]": 0.25,
    "var[Intercept[id]][c=2]": 1.44, "logsd[Intercept]": -0.5, "logsd[Intercept][c=2]": 0.0,
    "prob[c=2]": -0.6})


def levels(rng, schools=80, persons=15, items="abcde"):
    """Persons of two classes in schools of two classes."""
    d = rng.random(schools) < 1 / (1 + np.exp(0.7))
    second = rng.random((schools, persons)) < 1 / (1 + np.exp(1.0 - 2.0 * d))[:, None]
    p = 1 / (1 + np.exp(np.where(second, -1.5, 1.5)))
    y = rng.random((schools, persons, len(items))) < p[..., None]
    n = schools * persons
    data = pd.DataFrame({"school": np.repeat(np.arange(schools), persons * len(items)),
                         "id": np.repeat(np.arange(n), len(items)),
                         "item": np.tile(list(items), n), "y": y.ravel() * 1})
    return GLLAMM.from_formula(
        "y ~ 0 + (0 + item | c)", data, family=sm.families.Binomial(),
        classes={"c": Classes(2, within="id", membership="d"), "d": Classes(2, within="school")})


def growth(rng, n=300, times=5):
    """Growth curves of two kinds, the second with more variation between and within persons."""
    second, time = rng.random(n) < 1 / (1 + np.exp(0.6)), np.arange(times)
    level = np.where(second, 3.0, 1.0) + rng.normal(size=n) * np.where(second, 1.2, 0.5)
    y = level[:, None] + np.where(second, 1.0, 0.2)[:, None] * time
    y = y + rng.normal(size=(n, times)) * np.exp(np.where(second, 0.0, -0.5))[:, None]
    data = pd.DataFrame({"id": np.repeat(np.arange(n), times), "time": np.tile(time, n),
                         "y": y.ravel()})
    return GLLAMM.from_formula("y ~ time + (1 | id) + (time | c)", data, classes={
        "c": Classes(2, within="id", varying=["variances", "dispersion"])})


@pytest.mark.parametrize(("make", "truth"), [(levels, LEVELS), (growth, GROWTH)])
def test_recovery(make, truth):
    rng = np.random.default_rng(21)
    estimates, errors = [], []
    for _ in range(REPLICATIONS):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = make(rng)
            start = pd.Series(model.start_params, model.param_names)
            start[truth.index] = truth
            start[[n for n in start.index if n.endswith("][c=1]")]] = -1.5
            start[[n for n in start.index if n.startswith("item") and n.endswith("][c=2]")]] = 1.5
            res = model.fit(start_params=start)
        assert res.converged
        estimates.append(res.params[truth.index])
        errors.append(res.bse[truth.index])
    estimates, errors = pd.DataFrame(estimates), pd.DataFrame(errors)
    z = (estimates.mean() - truth) / (estimates.std() / np.sqrt(REPLICATIONS))
    assert (z.abs() < 4).all(), z
    covered = ((estimates - truth).abs() < stats.norm.ppf(0.975) * errors).mean()
    low, high = stats.binom.ppf([0.0005, 0.9995], REPLICATIONS, 0.95) / REPLICATIONS
    assert covered.between(low - 0.01, high).all(), covered
    print(pd.DataFrame({"truth": truth, "mean": estimates.mean(), "sd": estimates.std(),
                        "se": errors.mean(), "coverage": covered}).round(3))
