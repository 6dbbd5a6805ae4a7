"""Means of functions of rows over normal linear predictors."""
from __future__ import annotations

import numpy as np

from statsmodels_gllamm.integration.normal import joint_mean
from statsmodels_gllamm.integration.posterior import joined, pieces

PIECE = 60_000  # rows at a time: a few such temporaries stay in the L2 cache


def over_normal(nu, root, sets):
    """The function that averages over predictors of mean (P, n) and root (P, d, n)."""
    size = max(PIECE // len(nu), 1)

    def average(make):
        every = np.arange(nu.shape[1])
        parts = list(pieces(every, 1, sets, size)) or [every]
        return joined([(rows, joint_mean(make(rows), nu[:, rows], root[..., rows],
                                         sets is not None)) for rows in parts], len(every))

    return average
