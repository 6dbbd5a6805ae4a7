"""Means of functions of rows over normal linear predictors, and variances from means."""
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


def variance_of(average, moments, within=True, mean=None) -> np.ndarray:
    """Variances (n,) of the responses or, not ``within``, of their means given the latent variables.

    Parameters
    ----------
    average : callable
        Averages what make(rows, ...) gives.
    moments : callable
        moments("mean") and moments("var") are such functions: make(rows, ...) is one of nu.
    within : bool
    mean : ndarray (n,), optional
        Where it is known.
    """
    if mean is None:
        mean = average(moments("mean"))

    def about_mean(piece, *more):
        own = moments("mean")(piece, *more)
        if not within:
            return lambda nu: (own(nu) - mean[piece]) ** 2
        variance = moments("var")(piece, *more)
        return lambda nu: variance(nu) + (own(nu) - mean[piece]) ** 2

    return average(about_mean)
