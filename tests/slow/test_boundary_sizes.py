"""Sizes of likelihood-ratio tests of variances: rejections under the smaller model."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import stats
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM
from statsmodels_gllamm.results.chi_bar import ChiBar

pytestmark = pytest.mark.slow

N = 1000
BINOMIAL, POISSON = sm.families.Binomial(), sm.families.Poisson()


def draw(rng, kind, clusters, rows, intercepts):
    """Responses of the smaller model."""
    g = np.repeat(np.arange(clusters), rows)
    z = np.tile(np.linspace(-1, 1, rows), clusters)
    eta = (1.2 if kind is POISSON else 0.3) + 0.5 * z + intercepts * rng.normal(size=clusters)[g]
    if kind is None:
        y = eta + rng.normal(size=len(g))
    elif kind is BINOMIAL:
        y = rng.binomial(1, 1 / (1 + np.exp(-eta)))
    else:
        y = rng.poisson(np.exp(eta))
    return pd.DataFrame({"y": y, "z": z, "g": g})


def fit(bar, data, family, points):
    given = {} if family is None else {"family": family}
    return GLLAMM.from_formula(f"y ~ z {bar}", data, **given).fit(n_quad=points, threads=1)


CASES = {  # family, bars of the smaller and the larger model, clusters, rows, sd of intercepts
    "Gaussian intercept": (None, "", "+ (1 | g)", 60, 5, 0),
    "binary intercept": (BINOMIAL, "", "+ (1 | g)", 100, 6, 0),
    "Gaussian slope, correlated": (None, "+ (1 | g)", "+ (z | g)", 60, 6, 1),
    "Poisson slope, correlated": (POISSON, "+ (1 | g)", "+ (z | g)", 80, 6, 0.6),
    "Gaussian two variances": (None, "", "+ (z || g)", 60, 5, 0),
    "Gaussian whole matrix": (None, "", "+ (z | g)", 60, 5, 0),
}


@pytest.mark.parametrize("name", CASES)
def test_size(name):
    """Rejections at 5% by the mixture agree with it; by chi-squared they are too few."""
    family, small, large, clusters, rows, sd = CASES[name]
    rng, tests = np.random.default_rng(20), []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(N):
            data = draw(rng, family, clusters, rows, sd)
            tests.append(fit(large, data, family, 3).lr_test(fit(small, data, family, 3), draws=500))
    p = np.array([[test.pvalue, test.pvalue_naive] for test in tests])
    rates = [(p < level).mean(axis=0) for level in (0.05, 0.10)]
    weights = np.mean([test.weights for test in tests], axis=0).round(3)
    print(f"{name:28s} mixture {rates[0][0]:.3f} {rates[1][0]:.3f}   chi-squared "
          f"{rates[0][1]:.3f} {rates[1][1]:.3f}   weights {weights}")
    for level, rate in zip((0.05, 0.10), rates):
        error = 3 * np.sqrt(level * (1 - level) / N)
        mixture = ChiBar(weights / weights.sum(), tests[0].weights.index.to_numpy())
        naive = mixture.sf(stats.chi2.isf(level, tests[0].df))
        assert abs(rate[0] - level) < error
        assert abs(rate[1] - naive) < error and naive < 0.85 * level
