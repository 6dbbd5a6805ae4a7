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
        model = GLLAMM.from_formula("y ~ 0 + (x | c) + (1 | id)", two_logits(rng),
                                    family=sm.families.Binomial(), classes={"c": Classes(2, within="id")})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            res = model.fit(starts=3, rng=rng, n_quad=7)
        assert res.converged
        estimates.append(res.params[TRUTH.index])
        errors.append(res.bse[TRUTH.index])
    table_of(estimates, errors, TRUTH)
