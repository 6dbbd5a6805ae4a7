"""Covariates that are missing for some, or measured with error: truth is recovered, and covered."""
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM, Factor

pytestmark = pytest.mark.slow
REPLICATIONS = 50
GAUSSIAN, BINOMIAL = sm.families.Gaussian(), sm.families.Binomial()


def missing(rng, n=600):
    """The example of docs/examples/missingcovariate.py: older persons who are ill rarely came."""
    age, questionnaire, rest = rng.normal(size=(3, n))
    true = 0.4 * age + 0.8 * questionnaire + 0.7 * rest
    ill = rng.random(n) < special.expit(-1 + true + 0.5 * age)
    came = rng.random(n) < special.expit(1 - ill * (1 + 1.5 * age))
    data = pd.DataFrame({"id": np.arange(n), "age": age, "questionnaire": questionnaire,
                         "blood": np.where(came, true, np.nan), "ill": 1.0 * ill})
    data = data.melt(["id", "age", "questionnaire"], ["ill", "blood"], "item").dropna()
    return data.assign(outcome=1 * (data["item"] == "ill"))


def replicates(rng, n=400):
    """Like the diet data: a measurement, of a third another one, a binary outcome."""
    age = rng.normal(size=n)
    true = 0.5 * age + rng.normal(size=n)
    data = pd.DataFrame({"id": np.arange(n), "age": age, "x1": true + 0.7 * rng.normal(size=n),
                         "x2": np.where(np.arange(n) % 3 == 0, true + 0.7 * rng.normal(size=n), np.nan),
                         "ill": 1.0 * (rng.random(n) < special.expit(-0.5 + 0.8 * true + 0.3 * age))})
    data = data.melt(["id", "age"], ["ill", "x1", "x2"], "item").dropna()
    return data.assign(outcome=1 * (data["item"] == "ill"))


CASES = {
    "missing": (
        missing, {"blood": GAUSSIAN, "ill": BINOMIAL}, {"blood": 1, "ill": None},
        "exposure ~ age + questionnaire", {"logsd[blood]": np.log(0.01)},
        [-1.0, 0.5, 0.0, 1.0, 0.4, 0.8, 0.49, np.log(0.01)]),
    "replicates": (
        replicates, {"x": GAUSSIAN, "ill": BINOMIAL}, {"x1": 1, "x2": 1, "ill": None},
        "exposure ~ age", {}, [-0.5, 0.3, 0.0, 0.8, 0.5, 1.0, np.log(0.7)]),
}


@pytest.mark.parametrize("case", CASES)
def test_recovery(case):
    """Means within 3 Monte Carlo errors of the truth; coverage not below what 95% allow."""
    simulate, family, loadings, regression, fixed, truth = CASES[case]
    rng = np.random.default_rng(20261121)
    estimates, errors = [], []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(REPLICATIONS):
            data = simulate(rng)
            data["kind"] = data["item"].where(data["item"].isin(list(family)), "x")
            model = GLLAMM.from_formula(
                "value ~ 0 + outcome + outcome:age + exposure + (0 + exposure | id)", data,
                family=family, family_by="kind", factors={"exposure": Factor("item", loadings)},
                regressions=regression)
            result = model.fit_constrained(fixed) if fixed else model.fit()
            estimates.append(np.asarray(result.params))
            errors.append(np.asarray(result.bse))
    free = np.array([name not in fixed for name in model.param_names])
    estimates, errors = np.array(estimates)[:, free], np.array(errors)[:, free]
    truth = np.array(truth)[free]
    monte_carlo = estimates.std(axis=0, ddof=1) / np.sqrt(REPLICATIONS)
    covered = (np.abs(estimates - truth) < 1.959964 * errors).mean(axis=0)
    table = pd.DataFrame({"truth": truth, "mean": estimates.mean(axis=0), "MC error": monte_carlo,
                          "sd": estimates.std(axis=0, ddof=1), "mean SE": errors.mean(axis=0),
                          "coverage": covered}, index=np.array(model.param_names)[free])
    print(f"\n{case}, {REPLICATIONS} replications\n{table.round(3).to_string()}")
    assert (np.abs(estimates.mean(axis=0) - truth) < 3 * monte_carlo).all()
    assert (covered >= stats.binom.ppf(1e-4, REPLICATIONS, 0.95) / REPLICATIONS).all()
