r"""Variance of the total score of a sample of primary sampling units (PSUs) in strata.

With the weighted scores :math:`z_c` of the n_h PSUs of stratum h,

.. math:: B = \sum_h \frac{n_h}{n_h - 1} \sum_{c \in h} (z_c - \bar z_h)(z_c - \bar z_h)'

(Binder, 1983; Rabe-Hesketh and Skrondal, 2006, section 3): PSUs are taken as drawn with replacement,
without finite population correction.

References
----------
Binder, D. A. (1983). On the variances of asymptotically normal estimators from complex surveys.
International Statistical Review 51, 279-292.
"""
from __future__ import annotations

import numpy as np

from statsmodels_gllamm.formula.categories import show

SINGLE = ("raise", "certainty", "centered")


def stratified(scores: np.ndarray, count: np.ndarray, stratum: np.ndarray, labels,
               single: str = "raise", correct: bool = True) -> np.ndarray:
    """The matrix B (k, k).

    Parameters
    ----------
    scores : ndarray (C, k)
        Weighted scores of the PSUs.
    count : ndarray (C,)
        How often each PSU is there.
    stratum : ndarray (C,)
        0, 1, ..., H - 1.
    labels : sequence (H,)
        Names of the strata, for the error.
    single : {"raise", "certainty", "centered"}
        What a stratum of one PSU does: an error; add nothing, as if it had been drawn with
        certainty; or add the square of its deviation from the mean of all PSUs.
    correct : bool
        Multiply by n_h / (n_h - 1).

    Raises
    ------
    ValueError
        A stratum has a single PSU, which is named.
    """
    size = len(labels)
    n = np.bincount(stratum, count, size)
    mean = np.stack([np.bincount(stratum, count * column, size) for column in scores.T]
                    or [np.zeros(size)], axis=1)[:, :scores.shape[1]]
    mean = np.divide(mean, n[:, None], out=np.zeros_like(mean), where=n[:, None] > 0)
    alone = (n > 0) & (n <= 1)
    if alone.any() and single == "raise":
        which = int(np.argmax(alone))
        more = f" (and {alone.sum() - 1} more)" if alone.sum() > 1 else ""
        raise ValueError(f"the stratum {show(labels[which])}{more} has a single primary sampling unit, "
                         "from which no variance can be told; merge it with a similar one, or say "
                         "single_psu='certainty' (it adds nothing) or 'centered' (its deviation from "
                         "the mean of all)")
    if single == "centered":
        mean[alone] = count @ scores / count.sum()
    factor = np.divide(n, n - 1, out=np.ones(size), where=n > 1) if correct else np.ones(size)
    away = scores - mean[stratum]
    return (away * (count * factor[stratum])[:, None]).T @ away
