"""Informative sampling of clusters and of rows: what weights and their scaling repair."""
import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM

REPLICATIONS = 60
pytestmark = pytest.mark.slow
TRUTH = {"Intercept": 0.5, "x": 1.0, "z": 1.0, "var[Intercept[g]]": 1.0}
KINDS = {"unweighted": {}, "raw": {"scale_weights": None}, "size": {"scale_weights": "size"},
         "effective": {"scale_weights": "effective"}}


def sample(rng, size, clusters=400):
    """Clusters with a u far from zero, and rows with a positive residual, are drawn less often."""
    u, z = rng.normal(size=clusters), rng.integers(0, 2, clusters)
    share = np.where(np.abs(u) > 1, 0.25, 0.75)
    drawn = rng.random(clusters) < share
    g = np.repeat(np.flatnonzero(drawn), size)
    x, residual = rng.normal(size=len(g)), rng.logistic(size=len(g))
    probability = np.where(residual > 0, 0.25, 0.75)
    data = pd.DataFrame({"y": (0.5 + x + z[g] + u[g] + residual > 0).astype(int), "x": x, "z": z[g],
                         "g": g, "wr": 1 / probability, "wg": 1 / share[g]})
    return data[rng.random(len(g)) < probability]


@pytest.mark.parametrize("size", [10, 100])
def test_recovery(size):
    rng, found = np.random.default_rng(size), {kind: [] for kind in KINDS}
    for _ in range(REPLICATIONS):
        data = sample(rng, size)
        for kind, keywords in KINDS.items():
            if keywords:
                keywords = {**keywords, "sampling_weights": {"rows": "wr", "g": "wg"}}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                res = GLLAMM.from_formula("y ~ x + z + (1 | g)", data, **keywords,
                                          family=sm.families.Binomial()).fit(cov_type="robust")
            found[kind].append((np.asarray(res.params), np.asarray(res.bse)))
    truth = np.array(list(TRUTH.values()))
    mean, cover = {}, {}
    for kind, fits in found.items():
        estimates, errors = (np.array(part) for part in zip(*fits))
        mean[kind] = estimates.mean(0)
        cover[kind] = (np.abs(estimates - truth) < 1.96 * errors).mean(0)
    table = pd.concat({"mean": pd.DataFrame(mean, TRUTH), "coverage": pd.DataFrame(cover, TRUTH)},
                      axis=1)
    print(f"\nclusters of {size}, {REPLICATIONS} replications\n{table.round(2).to_string()}")
    variance = table.loc["var[Intercept[g]]", "mean"]
    assert variance["unweighted"] < 0.85  # clusters far from zero are missing
    assert variance["raw"] > variance["size"]
    assert abs(table.loc["Intercept", ("mean", "unweighted")] - 0.5) > 0.5
    if size == 100:
        assert np.abs(table["mean"]["size"] - truth).max() < 0.08
        assert (table["coverage"]["size"] > 0.85).all()
