r"""Wald intervals of the natural parameters, on a transformed scale where one is better.

=====================  ==============================================================================
parameter              interval
=====================  ==============================================================================
variance               of its logarithm, :math:`\hat\psi \exp(\pm z\,\mathrm{se} / \hat\psi)`
covariance of two      of Fisher's z of the correlation, :math:`\tanh(\mathrm{artanh}\,r \pm z\,
fixed variances        \mathrm{se}(r) / (1 - r^2))`
others                 :math:`\hat\theta \pm z\,\mathrm{se}`: coefficients, loadings, covariances of
                       free variances, thresholds; and logarithms of dispersions and logits of
                       probabilities, which are transformed already
=====================  ==============================================================================
"""
from __future__ import annotations

import numpy as np
from scipy import stats

from statsmodels_gllamm.results.components import fisher


def wald(results, alpha: float, transform: bool) -> np.ndarray:
    """Wald intervals (k, 2) of all parameters.

    Parameters
    ----------
    results : GLLAMMResults
    alpha : float
    transform : bool
        Those of variances and correlations on their transformed scale, else all in natural units.
    """
    params, bse = np.asarray(results.params, dtype=float), np.asarray(results.bse, dtype=float)
    half = stats.norm.ppf(1 - alpha / 2) * bse
    out = np.column_stack([params - half, params + half])
    if not transform:
        return out
    for s, c in results.model.design.cov_slices():
        for k, (i, j) in enumerate(c.pairs(), s.start):
            if i == j:
                with np.errstate(all="ignore"):
                    factor = np.exp(half[k] / params[k])
                out[k] = params[k] / factor, params[k] * factor
    for k, most in covariances_of_fixed(results).items():
        ends = fisher(params[k] / most, bse[k] / most, alpha)
        out[k] = most * ends[0], most * ends[1]
    return out


def covariances_of_fixed(results) -> dict[int, float]:
    """Positions of the covariances of two variances that the model or constraints fix, and the
    covariance that is a correlation of one."""
    constraints, known = results.record.constraints, {}
    if constraints is not None:
        known = {int(k): float(constraints.shift[k]) for k in constraints.fixed}
    found = {}
    for s, c in results.model.design.cov_slices():
        place = {pair: k for k, pair in enumerate(c.pairs(), s.start)}
        variance = [known.get(place.get((i, i)), c.fixed[i]) for i in range(c.q)]
        for (i, j), k in place.items():
            if i != j and k not in known and None not in (variance[i], variance[j]):
                found[k] = float(np.sqrt(variance[i] * variance[j]))
    return {k: most for k, most in found.items() if most > 0}
