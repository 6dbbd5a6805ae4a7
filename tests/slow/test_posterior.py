"""Calibration of posterior quantiles, plausible values and residuals, at the true parameters."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from scipy.stats import binomtest, kstest
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM
from statsmodels_gllamm.results.plausible_values import plausible_values
from statsmodels_gllamm.results.posterior_table import latent
from statsmodels_gllamm.results.residual_kinds import quantile

pytestmark = pytest.mark.slow


def test_latent_variables_lie_in_their_intervals_as_often_as_they_should():
    """Intercepts with a standard deviation of three, and four binary responses each."""
    rng = np.random.default_rng(11)
    n, size, psi = 4000, 4, 9.0
    truth = np.sqrt(psi) * rng.normal(size=n)
    data = pd.DataFrame({"id": np.repeat(np.arange(n), size)})
    data["y"] = 1.0 * (rng.random(n * size) < expit(-1 + np.repeat(truth, size)))
    model = GLLAMM.from_formula("y ~ 1 + (1 | id)", data, family=sm.families.Binomial())
    params = np.array([-1.0, psi])
    record = SimpleNamespace(params=params, working=model.design.to_working(params), n_quad=(15,),
                             integration="adaptive")
    res = SimpleNamespace(model=model, record=record)
    frame = latent(res, quantiles=[0.05, 0.25, 0.5, 0.75, 0.95])
    print("\n below the quantile of   posterior  normal")
    for p, z in ((0.05, -1.645), (0.25, -0.674), (0.5, 0.0), (0.75, 0.674), (0.95, 1.645)):
        below = (truth < frame[f"q{p:g}[Intercept]"]).sum()
        normal = (truth < frame["Intercept"] + z * frame["se[Intercept]"]).mean()
        print(f" {p:17.2f}   {below / n:12.4f} {normal:7.4f}")
        assert binomtest(int(below), n, p).pvalue > 1e-3
    draws = plausible_values(res, 20, rng=1).pivot(index="draw", columns="id", values="Intercept")
    rank = (draws.to_numpy() < truth).sum(axis=0)  # uniform among 0..20, with the truth as one more
    counts = np.bincount(rank, minlength=21)
    print(" ranks of the truth among 20 draws:", counts.tolist())
    assert ((counts - n / 21) ** 2 / (n / 21)).sum() < 45  # chi-squared with 20 degrees of freedom
    spread = draws.to_numpy().var()
    print(f" variance {psi:g}: of means {frame['Intercept'].var():.3f}, of draws {spread:.3f}")
    assert abs(spread / psi - 1) < 0.05
    given = quantile(res, "history", rng=2)
    print(f" quantile residuals: Kolmogorov-Smirnov p = {kstest(given, 'norm').pvalue:.3f}")
    assert kstest(given, "norm").pvalue > 1e-3
