r"""How well a Gaussian measurement model fits: against the saturated and the baseline model.

.. math::

   \chi^2 = 2(\ell_s - \ell), \quad \mathrm{CFI} = 1 - \frac{\max(\chi^2 - d, 0)}
   {\max(\chi^2 - d, \chi_b^2 - d_b, 0)}, \quad
   \mathrm{TLI} = \frac{\chi_b^2 / d_b - \chi^2 / d}{\chi_b^2 / d_b - 1}, \quad
   \mathrm{RMSEA} = \sqrt{\frac{G \max(\chi^2 - d, 0)}{d N}}

with b the model of independent items, and G strata of N persons in all.  SRMR is the root mean
square of (s_ij - sigma_ij) / (s_ii s_jj)^(1/2) over i <= j and of (m_i - mu_i) / s_ii^(1/2), with the
moments m and s of items and covariates in the saturated model, as in lavaan.

References
----------
Bentler, P. M. (1990). Psychological Bulletin 107, 238-246.  Bentler, P. M. (1995). EQS Structural
Equations Program Manual.  Browne, M. W. and Cudeck, R. (1993). In Testing Structural Equation Models,
136-162.  Tucker, L. R. and Lewis, C. (1973). Psychometrika 38, 1-10.
"""
from __future__ import annotations

from dataclasses import asdict, dataclass
import warnings

import numpy as np
import pandas as pd
from scipy import optimize, stats
from statsmodels.iolib.summary import Summary
from statsmodels.iolib.table import SimpleTable
from statsmodels.iolib.tableformatting import fmt_params

from statsmodels_gllamm.exceptions import ConvergenceWarning
from statsmodels_gllamm.results.estimates import correlation
from statsmodels_gllamm.results.implied import weighted_covariance
from statsmodels_gllamm.results.likelihoods import refuse_without_likelihood
from statsmodels_gllamm.results.persons import Stratum, strata_of
from statsmodels_gllamm.results.saturated import Saturated, evaluate, independent, saturated

DEPENDENT = 1e-10  # smallest eigenvalue of a correlation matrix
CLOSE = 0.05  # RMSEA of a close fit


@dataclass(frozen=True, slots=True)
class FitMeasures:
    """Measures of fit of a Gaussian measurement model.

    Attributes
    ----------
    chi2, df, pvalue : float, int, float
        Likelihood-ratio test against the saturated model.
    baseline_chi2, baseline_df, baseline_pvalue : float, int, float
        The same of independent items, without covariates.
    cfi, tli : float
        Comparative fit index and Tucker-Lewis index.
    rmsea, rmsea_low, rmsea_high : float
        Root mean square error of approximation and its 90% interval.
    rmsea_pvalue : float
        Of the hypothesis that it is at most 0.05.
    srmr, srmr_nomean : float
        Standardised root mean square residual; of covariances alone.
    llf, llf_saturated, llf_baseline : float
    n_params : int
    aic, bic : float
        ``bic`` counts persons, as programs of factor analysis do; that of the results counts rows.
    n_persons : int or float
        With their weights.
    n_items, n_covariates, n_strata : int
    complete : bool
        No person lacks an item; if one does, the saturated model is found by EM.
    """

    chi2: float
    df: int
    pvalue: float
    baseline_chi2: float
    baseline_df: int
    baseline_pvalue: float
    cfi: float
    tli: float
    rmsea: float
    rmsea_low: float
    rmsea_high: float
    rmsea_pvalue: float
    srmr: float
    srmr_nomean: float
    llf: float
    llf_saturated: float
    llf_baseline: float
    n_params: int
    aic: float
    bic: float
    n_persons: float
    n_items: int
    n_covariates: int
    n_strata: int
    complete: bool

    def to_frame(self) -> pd.DataFrame:
        """All measures, one a row, in a column "value"."""
        return pd.DataFrame({"value": pd.Series(asdict(self), dtype=object)})

    def summary(self) -> Summary:
        """Table of the measures.

        Returns
        -------
        statsmodels.iolib.summary.Summary
        """
        strata = [("No. Groups:", str(self.n_strata))] if self.n_strata > 1 else []
        left = [("Chi-squared:", f"{self.chi2:.3f}"), ("Df:", str(self.df)),
                ("P-value:", f"{self.pvalue:.4f}"),
                ("Baseline chi-squared:", f"{self.baseline_chi2:.3f}"),
                ("Baseline df:", str(self.baseline_df)), ("CFI:", f"{self.cfi:.3f}"),
                ("TLI:", f"{self.tli:.3f}"), ("SRMR:", f"{self.srmr:.3f}"),
                ("SRMR, no means:", f"{self.srmr_nomean:.3f}"), ("", "")]
        right = [("RMSEA:", f"{self.rmsea:.3f}"),
                 ("90% interval:", f"[{self.rmsea_low:.3f}, {self.rmsea_high:.3f}]"),
                 ("P(RMSEA <= 0.05):", f"{self.rmsea_pvalue:.4f}"),
                 ("Log-likelihood:", f"{self.llf:.3f}"),
                 ("Saturated:", f"{self.llf_saturated:.3f}"),
                 ("No. Parameters:", str(self.n_params)), ("AIC:", f"{self.aic:.3f}"),
                 ("BIC (persons):", f"{self.bic:.3f}"), ("No. Persons:", f"{self.n_persons:g}"),
                 ("No. Items:", str(self.n_items))]
        right, left = right + strata, left + [("", "")] * len(strata)
        fmt = {**fmt_params, "data_fmts": ["%s"] * 3, "data_aligns": "rlr", "colwidths": 1}
        smry = Summary()
        smry.tables = [SimpleTable([[a[1], "   " + b[0], b[1]] for a, b in zip(left, right)],
                                   stubs=[a[0] for a in left], title="Fit of the Model",
                                   txt_fmt=fmt)]
        return smry

    def __str__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary().as_html()


def fit_measures(results, items=None, by=None) -> FitMeasures:
    """Measures of fit; see ``GLLAMMResults.fit_measures``."""
    refuse_without_likelihood(results, "fit_measures()")
    strata = strata_of(results, items, by)
    full = [_saturated(stratum) for stratum in strata]
    if not all(one.converged for one in full):
        warnings.warn("the saturated model has not converged: there are too few persons for so many "
                      "missing items; measures of fit are not to be relied on", ConvergenceWarning,
                      stacklevel=3)
    n, p = sum(s.persons.total for s in strata), results.df_modelwc
    sizes = {"llf": results.llf, "llf_saturated": sum(one.loglik for one in full),
             "llf_baseline": sum(_baseline(s) for s in strata)}
    saturated_size = sum(s.n_saturated for s in strata)
    chi2, df = _test(sizes["llf_saturated"], results.llf, saturated_size, p)
    base, base_df = _test(sizes["llf_saturated"], sizes["llf_baseline"], saturated_size,
                          sum(2 * len(s.items) for s in strata))
    if df < 0:
        raise ValueError(f"the model has {p} parameters, more than the {saturated_size} of the "
                         "saturated model: it is not identified")
    residuals = np.array([s.persons.total * np.array(srmr(s, one)) for s, one in zip(strata, full)])
    return FitMeasures(
        chi2, df, _pvalue(chi2, df), base, base_df, _pvalue(base, base_df), *_relative(
            chi2, df, base, base_df), *rmsea(chi2, df, n, len(strata)),
        *(float(x) for x in residuals.sum(axis=0) / n), **sizes, n_params=p,
        aic=-2 * results.llf + 2 * p, bic=-2 * results.llf + np.log(n) * p,
        n_persons=int(n) if n == int(n) else n, n_items=max(len(s.items) for s in strata),
        n_covariates=max(s.persons.z.shape[1] for s in strata) - 1, n_strata=len(strata),
        complete=all(s.persons.complete for s in strata))


def _saturated(stratum: Stratum) -> Saturated:
    found = saturated(stratum.persons)
    values, vectors = np.linalg.eigh(correlation(found.omega))
    if not np.isfinite(found.loglik) or values[0] < DEPENDENT:
        names = [name for name, x in zip(stratum.items, vectors[:, 0]) if abs(x) > 0.1]
        raise ValueError("the saturated model has a singular covariance matrix, so that there is "
                         f"nothing to compare the model with: {', '.join(names)} are linearly "
                         "dependent, or too few persons have answered them")
    return found


def _baseline(stratum: Stratum) -> float:
    """Log-likelihood of independent items with means and variances of their own."""
    persons = stratum.persons
    a, omega = independent(persons, persons.z[:, :1])
    a = np.vstack([a, np.zeros((persons.z.shape[1] - 1, a.shape[1]))])
    return evaluate(persons, a, omega).loglik


def _test(large: float, small: float, n_large: int, n_small: int) -> tuple[float, int]:
    """Likelihood-ratio statistic and degrees of freedom; what rounding makes of zero is zero."""
    chi2, df = 2 * (large - small), n_large - n_small
    return (0.0 if df == 0 and abs(chi2) < 1e-6 * (1 + abs(large)) else chi2), df


def _pvalue(chi2: float, df: int) -> float:
    return float(stats.chi2.sf(chi2, df)) if df else np.nan


def _relative(chi2, df, base, base_df) -> tuple[float, float]:
    """CFI and TLI."""
    worst = max(chi2 - df, base - base_df, 0.0)
    cfi = 1 - max(chi2 - df, 0.0) / worst if worst else 1.0
    if not df or base == base_df:
        return cfi, np.nan if df else 1.0
    return cfi, (base / base_df - chi2 / df) / (base / base_df - 1)


def rmsea(chi2: float, df: int, n: float, n_strata: int = 1) -> tuple[float, float, float, float]:
    """RMSEA, its 90% interval, and the p-value of RMSEA <= 0.05, by the noncentral chi-squared
    distribution of the statistic, whose noncentrality is RMSEA^2 df n / n_strata."""
    if not df:
        return 0.0, 0.0, 0.0, np.nan
    unit = df * n / n_strata
    bounds = [np.sqrt(_noncentrality(chi2, df, level) / unit) for level in (0.95, 0.05)]
    return (float(np.sqrt(max(chi2 - df, 0.0) / unit)), *(float(b) for b in bounds),
            float(stats.ncx2.sf(chi2, df, CLOSE**2 * unit)))


def _noncentrality(chi2: float, df: int, level: float) -> float:
    """The noncentrality at which P(statistic <= chi2) is ``level``; 0 where it is less at 0."""
    def excess(nc):
        return (stats.ncx2.cdf(chi2, df, nc) if nc else stats.chi2.cdf(chi2, df)) - level

    if excess(0.0) <= 0:
        return 0.0
    high = max(chi2, 1.0)
    while excess(high) > 0:
        high *= 2
    return optimize.brentq(excess, 0.0, high, xtol=1e-10)


def srmr(stratum: Stratum, full: Saturated) -> tuple[float, float]:
    """SRMR with and without means, of one stratum."""
    persons = stratum.persons
    x = persons.z[:, 1:]
    mean, cov = persons.weight @ x / persons.total, weighted_covariance(x, persons.weight)
    (m, s), (mu, sigma) = (_joint(a, omega, mean, cov) for a, omega in (
        (full.a, full.omega), (stratum.a, stratum.sigma)))
    sd = np.sqrt(np.diag(s))
    low = np.tril_indices(len(sd))
    first, second = ((m - mu) / sd) ** 2, (((s - sigma) / np.outer(sd, sd)) ** 2)[low]
    return (float(np.sqrt((first.sum() + second.sum()) / (len(first) + len(second)))),
            float(np.sqrt(second.mean())))


def _joint(a, omega, mean, cov):
    """Means and covariance matrix of items and covariates."""
    across = cov @ a[1:]
    return (np.concatenate([a[0] + mean @ a[1:], mean]),
            np.block([[omega + a[1:].T @ across, across.T], [across, cov]]))
