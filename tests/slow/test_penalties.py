"""Bias of maximum likelihood, Firth's penalty and PQL in small samples: run by ``make test-slow``."""
import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM

pytestmark = pytest.mark.slow
REPLICATIONS = 120
TRUTH = {"Intercept": -0.5, "x": 1.0, "z": 1.5, "var[Intercept[g]]": 1.0}


def sample(rng):
    """25 clusters of five binary rows."""
    g = np.repeat(np.arange(25), 5)
    x, z = rng.normal(size=125), 1.0 * (rng.random(125) < 0.3)
    nu = -0.5 + x + 1.5 * z + rng.normal(size=25)[g]
    return pd.DataFrame({"g": g, "x": x, "z": z, "y": 1.0 * (rng.random(125) < 1 / (1 + np.exp(-nu)))})


def test_bias_of_small_samples(rng):
    fits = {"ML": lambda m: m.fit(n_quad=9), "Firth": lambda m: m.fit_regularized("firth", n_quad=9),
            "PQL": lambda m: m.fit(integration="pql")}
    found = {name: [] for name in fits}
    for _ in range(REPLICATIONS):
        model = GLLAMM.from_formula("y ~ x + z + (1 | g)", sample(rng), family=sm.families.Binomial())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # variances of zero, too few points, separation
            for name, fit in fits.items():
                found[name].append(fit(model).params)
    means = pd.DataFrame({name: pd.DataFrame(own).mean() for name, own in found.items()})
    errors = pd.DataFrame({name: pd.DataFrame(own).std() for name, own in found.items()})
    errors /= np.sqrt(REPLICATIONS)
    print(means.assign(truth=pd.Series(TRUTH)).round(3), errors.round(3), sep="\n\n")
    for name in ("x", "z"):
        assert means["ML"][name] > means["Firth"][name] > means["PQL"][name]
        assert abs(means["Firth"][name] - TRUTH[name]) < 4 * errors["Firth"][name]
    assert means["PQL"]["var[Intercept[g]]"] < 0.8 * TRUTH["var[Intercept[g]]"]
