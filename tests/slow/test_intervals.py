"""Coverage of 95% intervals where Wald's are poor: a variance of few clusters; print the tables."""

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM

pytestmark = pytest.mark.slow


def coverage(found, truth):
    """Shares of intervals (n, 2) that are above, cover and are below the truth."""
    found = np.array(found)
    above, below = found[:, 0] > truth, found[:, 1] < truth
    assert not np.isnan(found).any()
    return above.mean(), 1 - above.mean() - below.mean(), below.mean()


def statistic(y, variance):
    """Likelihood ratio of a value of the variance, by the formula of balanced data (15, 5)."""
    within = ((y - y.mean(1, keepdims=True))**2).sum()
    between = 5 * ((y.mean(1) - y.mean())**2).sum()

    def best(psi):
        def minus(t):
            total = np.exp(t) + 5 * psi
            return 60 * t + 15 * np.log(total) + within * np.exp(-t) + between / total
        return optimize.minimize_scalar(minus, (-1, 1), tol=1e-10).fun

    free = max(0.0, (between / 15 - within / 60) / 5)
    return best(variance) - best(free)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("variance", [0.5, 0.0])
def test_variance_of_few_clusters(variance):
    """Linear model, 15 clusters of 5: a variance of a third of the total, and of zero."""
    rng, n, name = np.random.default_rng(1), 400, "var[Intercept[g]]"
    g = np.repeat(np.arange(15), 5)
    found = {"wald, natural": [], "wald, log": [], "profile": []}
    zero, ratios = 0, []
    for _ in range(n):
        y = rng.normal(size=15)[g] * np.sqrt(variance) + rng.normal(size=75)
        ratios.append(statistic(y.reshape(15, 5), variance))
        res = GLLAMM.from_formula("y ~ 1 + (1 | g)", pd.DataFrame({"y": y, "g": g})).fit(threads=1)
        found["profile"].append(res.conf_int(method="profile", cols=[name], threads=1).loc[name])
        if res.params[name] == 0:
            zero += 1
            continue
        found["wald, natural"].append(res.conf_int(cols=[name]).loc[name])
        found["wald, log"].append(res.conf_int(cols=[name], transform=True).loc[name])
    print(f"\nvariance {variance}, {n} samples, of which {zero} have an estimate of zero (without a "
          "Wald interval)")
    print("                     above   covers    below   of")
    shares = {}
    for method, limits in found.items():
        shares[method] = coverage(limits, variance)
        row = "".join(f"{100 * x:8.1f}%" for x in shares[method])
        print(f"{method:18s}{row}{len(limits):5d}")
    inside = np.array([low <= variance <= high for low, high in found["profile"]])
    expected = np.array(ratios) <= stats.chi2.ppf(0.95, 1)
    assert (inside == expected).all()  # sample by sample
    if variance:
        assert shares["profile"][1] > 0.88  # maximum likelihood of 15 clusters is biased
        assert shares["wald, natural"][2] > shares["profile"][2]  # too low, as it is symmetric
    else:
        assert shares["profile"][1] > 0.95  # conservative: half the statistics are zero


@pytest.mark.filterwarnings("ignore")
def test_bootstrap_of_a_logit():
    """Coefficient of a covariate of 20 clusters: all methods cover."""
    rng, n = np.random.default_rng(2), 24
    g, x = np.repeat(np.arange(20), 5), np.repeat(np.tile([-1.0, 1.0], 10), 5)
    found = {"wald": [], "profile": [], "parametric": [], "cluster": []}
    for _ in range(n):
        eta = 0.3 + 0.5 * x + rng.normal(size=20)[g]
        y = (rng.random(100) < 1 / (1 + np.exp(-eta))) * 1
        res = GLLAMM.from_formula("y ~ x + (1 | g)", pd.DataFrame({"y": y, "x": x, "g": g}),
                                  family=sm.families.Binomial()).fit(threads=1, n_quad=7)
        found["wald"].append(res.conf_int().loc["x"])
        found["profile"].append(res.conf_int(method="profile", cols=["x"], threads=1).loc["x"])
        for kind in ("parametric", "cluster"):
            sample = res.bootstrap(30, kind=kind, rng=rng)
            found[kind].append(sample.conf_int(method="basic").loc["x"])
    print(f"\ncoefficient of a covariate of clusters, {n} samples, bootstraps of 30 (basic intervals)")
    print("                  above   covers    below   mean width")
    for method, limits in found.items():
        share = coverage(limits, 0.5)
        width = np.diff(np.array(limits), axis=1).mean()
        print(f"{method:15s}" + "".join(f"{100 * x:8.1f}%" for x in share) + f"{width:10.2f}")
        assert share[1] > 0.95 - 3.5 * np.sqrt(0.05 * 0.95 / n)
