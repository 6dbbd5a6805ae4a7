"""The chi-squared statistic has its distribution, and intervals of derived quantities cover."""
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from statsmodels_gllamm import GLLAMM

pytestmark = pytest.mark.slow
REPLICATIONS = 200
MODEL = """a =~ a1 + a2 + a3
    b =~ b1 + b2 + b3
    a ~ w
    b ~ a + w"""
LOADINGS = np.array([1.0, 0.8, 1.2])
A, B, C = 0.5, 0.6, 0.3  # a on w, b on a, b on w; disturbances 1 and 0.8, residuals 0.6


def mediation(rng):
    """300 persons, a covariate of mean zero and variance one in the sample, 15% of items missing."""
    w = rng.normal(size=300)
    w = (w - w.mean()) / w.std()
    a = A * w + rng.normal(size=300)
    b = B * a + C * w + np.sqrt(0.8) * rng.normal(size=300)
    items = np.column_stack([np.outer(a, LOADINGS), np.outer(b, LOADINGS)])
    items += np.sqrt(0.6) * rng.normal(size=items.shape)
    items[rng.random(items.shape) < 0.15] = np.nan
    return pd.DataFrame(items, columns=["a1", "a2", "a3", "b1", "b2", "b3"]).assign(w=w)


def truths():
    """What tables have in the population, by name."""
    var_a = A**2 + 1.0
    var_b = (C + A * B) ** 2 + B**2 + 0.8
    sd = {"a": np.sqrt(var_a), "b": np.sqrt(var_b)}
    out = {f"lambda[{f},{f}{k + 1}]": LOADINGS[k] * sd[f] / np.sqrt(LOADINGS[k]**2 * sd[f]**2 + 0.6)
           for f in "ab" for k in range(3)}
    omega = {f: LOADINGS.sum()**2 * sd[f]**2 / (LOADINGS.sum()**2 * sd[f]**2 + 1.8) for f in "ab"}
    return out | {"gamma[a[id] on w]": A / sd["a"], "gamma[b[id] on w]": C / sd["b"],
                  "b[b[id] on a[id]]": B * sd["a"] / sd["b"], "var[b[id]]": 0.8 / var_b,
                  "var[a2]": 0.6 / (0.64 * var_a + 0.6), "r2": 1 - 0.8 / var_b,
                  "indirect": A * B, "total": C + A * B,
                  "omega a": omega["a"], "omega b": omega["b"]}


def test_chi_squared_and_intervals():
    rng = np.random.default_rng(20261121)
    truth, inside, statistics, marginal = truths(), [], [], []
    for _ in range(REPLICATIONS):
        data = mediation(rng)
        data = data[data.filter(regex="[ab][1-3]").notna().any(axis=1)]
        res = GLLAMM.from_wide(data, MODEL).fit()
        fit = res.fit_measures()
        statistics.append(fit.chi2)
        table = pd.concat([res.standardized(), res.effects("b", "w"), res.r_squared_latent().rename(
            {"b[id]": "r2"})])[["estimate", "std_err"]]
        scales = res.reliability()
        for f in "ab":
            table.loc[f"omega {f}"] = scales.loc[f"{f}[id]", ["omega", "omega_se"]].to_numpy(float)
        own = table.loc[list(truth)]
        z = (own["estimate"] - pd.Series(truth)) / own["std_err"]
        inside.append((z.abs() < stats.norm.ppf(0.975)).to_numpy())
        marginal.append(scales["marginal"].iloc[0])
    assert fit.df == 6 * 2 + 21 - res.df_modelwc == 12
    assert stats.kstest(statistics, stats.chi2(fit.df).cdf).pvalue > 0.001
    assert 0.02 <= np.mean(np.array(statistics) > stats.chi2.ppf(0.95, fit.df)) <= 0.09
    coverage = pd.Series(np.mean(inside, axis=0), index=list(truth))
    assert coverage.between(0.89, 0.995).all(), coverage
    assert 0.85 < np.mean(marginal) < 0.95
