"""Mixtures with continuous latent variables: simulated truth is recovered, and intervals cover it."""
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import expit
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Classes

pytestmark = pytest.mark.slow
REPLICATIONS = 150
TRUTH = pd.Series({"Intercept[c=1]": -1.5, "x[c=1]": 1.0, "Intercept[c=2]": 1.5, "x[c=2]": -1.0,
                   "var[Intercept[id]]": 1.0, "prob[c=2]": -0.6})


def two_logits(rng, n=300, times=10):
    """Persons of two kinds, with random intercepts."""
    person, x = np.repeat(np.arange(n), times), rng.normal(size=n * times)
    second = (rng.random(n) < expit(-0.6))[person]
    eta = np.where(second, 1.5 - x, -1.5 + x) + rng.normal(size=n)[person]
    return pd.DataFrame({"id": person, "x": x, "y": (rng.random(n * times) < expit(eta)) * 1.0})


def table_of(estimates, errors, truth):
    """Mean, spread, mean standard error and coverage of Wald intervals, with checks of them."""
    estimates, errors = pd.DataFrame(estimates), pd.DataFrame(errors)
    n = len(estimates)
    z = (estimates.mean() - truth) / (estimates.std() / np.sqrt(n))
    assert (z.abs() < 4).all(), z
    covered = ((estimates - truth).abs() < stats.norm.ppf(0.975) * errors).mean()
    low = stats.binom.ppf(0.0005, n, 0.95) / n
    assert (covered >= low - 0.02).all(), covered
    found = pd.DataFrame({"truth": truth, "mean": estimates.mean(), "sd": estimates.std(),
                          "se": errors.mean(), "coverage": covered}).round(3)
    print(found.to_string())
    return found


def test_two_random_intercept_logits():
    rng = np.random.default_rng(3)
    estimates, errors = [], []
    for _ in range(REPLICATIONS):
        model = GLLAMM.from_formula(
            "y ~ 0 + (x | c) + (1 | id)", two_logits(rng), family=sm.families.Binomial(),
            classes={"c": Classes(2, within="id")})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            res = model.fit(starts=3, rng=rng, n_quad=7)
        assert res.converged
        estimates.append(res.params[TRUTH.index])
        errors.append(res.bse[TRUTH.index])
    table_of(estimates, errors, TRUTH)


CACE = pd.Series({"baseline": 0.4, "Intercept[c=complier]": 0.3, "z[c=complier]": -0.4,
                  "prob[c=complier]": 0.2, "prob[c=complier,age]": 0.7, "var[Intercept[id]]": 0.25,
                  "logsd[Intercept]": np.log(0.6)})


def trial(rng, n=500, waves=2):
    """A randomised trial with never-takers, whose outcomes the offer does not change."""
    person, age, baseline = np.repeat(np.arange(n), waves), rng.normal(size=n), rng.normal(size=n)
    z, complies = (rng.random(n) < 2 / 3) * 1, rng.random(n) < expit(0.2 + 0.7 * age)
    mean = np.where(complies, 0.3 - 0.4 * z, 0.0) + 0.4 * baseline + 0.5 * rng.normal(size=n)
    kind = np.where(z == 1, np.where(complies, 2.0, 1.0), np.nan)
    return pd.DataFrame({"id": person, "z": z[person], "age": age[person], "kind": kind[person],
                         "baseline": baseline[person],
                         "y": mean[person] + 0.6 * rng.normal(size=n * waves)})


def test_complier_average_causal_effect():
    rng = np.random.default_rng(14)
    estimates, errors = [], []
    for _ in range(200):
        model = GLLAMM.from_formula(
            "y ~ baseline + (z | c) + (1 | id)", trial(rng), constraints="z[c=never] = 0",
            classes={"c": Classes(2, within="id", membership="age", known="kind",
                                  labels=["never", "complier"])})
        res = model.fit(starts=1, rng=rng)
        assert res.converged
        estimates.append(res.params[CACE.index])
        errors.append(res.bse[CACE.index])
    table_of(estimates, errors, CACE)
