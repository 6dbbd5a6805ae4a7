r"""Information criteria, by the log-likelihood, the number k of parameters and the number n of units.

.. math::
   \mathrm{AIC} &= -2\ell + 2k, &
   \mathrm{AICc} &= \mathrm{AIC} + \frac{2k(k + 1)}{n - k - 1}, \\
   \mathrm{BIC} &= -2\ell + k\log n, &
   \mathrm{CAIC} &= -2\ell + k(\log n + 1), \\
   \mathrm{HQIC} &= -2\ell + 2k\log\log n, &
   \mathrm{ABIC} &= -2\ell + k\log\frac{n + 2}{24}

References
----------
Akaike, H. (1974). A new look at the statistical model identification. IEEE Transactions on Automatic
Control 19, 716-723.
Bozdogan, H. (1987). Model selection and Akaike's information criterion. Psychometrika 52, 345-370.
Hannan, E. J. and Quinn, B. G. (1979). The determination of the order of an autoregression. JRSS B 41,
190-195.
Hurvich, C. M. and Tsai, C.-L. (1989). Regression and time series model selection in small samples.
Biometrika 76, 297-307.
Schwarz, G. (1978). Estimating the dimension of a model. Annals of Statistics 6, 461-464.
Sclove, S. L. (1987). Application of model-selection criteria to some problems in multivariate
analysis. Psychometrika 52, 333-343.
"""
from __future__ import annotations

from numbers import Real

import numpy as np
import pandas as pd
from statsmodels.tools import eval_measures

from statsmodels_gllamm.results.covariance import independent_units, top_weight
from statsmodels_gllamm.results.likelihoods import refuse_without_likelihood


def caic(llf, nobs, k):
    """Bozdogan's consistent AIC."""
    return -2.0 * llf + k * (np.log(nobs) + 1)


def abic(llf, nobs, k):
    """BIC adjusted for the sample size."""
    return -2.0 * llf + k * np.log((nobs + 2) / 24)


CRITERIA = {"aic": eval_measures.aic, "aicc": eval_measures.aicc, "bic": eval_measures.bic,
            "caic": caic, "hqic": eval_measures.hqic, "abic": abic}


def criterion(results, crit, dk_params=0, n="rows") -> float:
    """One criterion; see ``GLLAMMResults.info_criteria``."""
    refuse_without_likelihood(results, "info_criteria()")
    name = str(crit).lower()
    if name not in CRITERIA:
        raise ValueError(f"crit is one of {', '.join(map(repr, CRITERIA))}, not {crit!r}")
    return float(CRITERIA[name](results.llf, units(results, n), results.df_modelwc + dk_params))


def table(results) -> pd.DataFrame:
    """All criteria for all numbers of units; see ``GLLAMMResults.information_criteria``."""
    columns = {"rows": "rows", **{group: group for group in results._n_clusters}}
    if not results.model.structure.levels:
        columns["clusters"] = "clusters"
    rows = {"n": [units(results, n) for n in columns.values()],
            **{name: [criterion(results, name, n=n) for n in columns.values()] for name in CRITERIA}}
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(columns), dtype=float)


def units(results, n) -> float:
    """The number of units: "rows", "clusters" for the independent ones, a group, or a number.

    Raises
    ------
    ValueError
    """
    if isinstance(n, Real) and not isinstance(n, bool) and n > 0:
        return float(n)
    clusters = results._n_clusters
    if n in clusters:
        return clusters[n]
    if n == "rows":
        return results.n_data
    if n == "clusters":
        return list(clusters.values())[-1] if clusters else results._n_independent
    raise ValueError(f"n is 'rows', 'clusters' (the independent ones), "
                     f"{''.join(f'{group!r}, ' for group in clusters)}or a positive number, not {n!r}")


def cluster_counts(model) -> dict[str, float]:
    """Clusters of every group, from the bottom level up, counted with the frequency weights of their
    level and those above."""
    levels, weights = model.structure.levels, model.sample.weights
    found = {}
    for number, level in enumerate(levels):
        product = np.ones(level.n_units)
        for name in [name for above in levels[number:] for name in above.groups if name in weights]:
            own = np.empty(level.n_units)
            own[level.codes] = weights[name]
            product *= own
        found |= dict.fromkeys(level.groups, float(product.sum()))
    return found


def independent(model) -> float:
    """Independent units, with their frequency weights."""
    return float(top_weight(model, independent_units(model)).sum())
