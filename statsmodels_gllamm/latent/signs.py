r"""The sign of a factor whose loadings are all free.

The likelihood is the same at :math:`-\lambda`, with the signs of the factor's covariances, regressions
and fixed coefficients changed too.  The canonical one has a positive sum of loadings.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class SignFlip:
    """What changes sign with a factor: ``loadings`` positions of its loadings, ``working`` (k,) and
    ``latent`` (D,) factors of one or minus one."""

    loadings: np.ndarray
    working: np.ndarray
    latent: np.ndarray


def sign_flips(layout, covariances, slots, loadings, fixed, latent, structural) -> tuple[SignFlip, ...]:
    """Flips of all factors of which no loading is fixed at another value than zero.

    Parameters
    ----------
    layout : Layout
    covariances : tuple of Covariance
    slots : dict {factor: ndarray}
        Places of each factor's loadings.
    loadings : ndarray (s,)
        Values, NaN where free; slot 0 is the constant one.
    fixed, latent : Terms
    structural : Structural or None
    """
    place = np.full(len(loadings), -1)
    place[np.isnan(loadings)] = layout.positions("lambda")
    n_latent, found = sum(c.q for c in covariances), []
    for own in slots.values():
        free = np.isnan(loadings[own])
        if not free.any() or loadings[own[~free]].any():
            continue
        sign = np.ones(n_latent)
        sign[latent.index[np.isin(latent.slot, own)]] = -1.0
        working = np.ones(layout.size)
        working[place[own[free]]] = -1.0
        working[layout.positions("coef")[fixed.index[np.isin(fixed.slot, own)]]] = -1.0
        if structural is not None:
            working[layout.positions("gamma")] = sign[structural.gamma[:, 0]]
            working[layout.positions("b")] = sign[structural.b].prod(axis=1) * np.where(
                structural.times < 0, 1.0, sign[structural.times])
        pairs, possible = [], True
        for c, mine in zip(covariances, np.split(sign, np.cumsum([c.q for c in covariances])[:-1])):
            pairs += [mine[i] * mine[j] for i, j in c.pairs()]
            possible &= _kept(c, mine)
        working[layout.positions("cov")] = pairs
        if possible:
            found.append(SignFlip(place[own[free]], working, sign))
    return tuple(found)


def _kept(c, sign) -> bool:
    """Whether fixed covariances are the same after the flip."""
    return all(value in (None, 0.0) or sign[i] * sign[j] > 0
               for i, row in enumerate(getattr(c, "pattern", ())) for j, value in enumerate(row))


def canonical_signs(flips, working: np.ndarray) -> tuple[np.ndarray, np.ndarray | float]:
    """Coordinates with positive sums of loadings, and the signs (D,) that latent variables get."""
    signs = 1.0
    for flip in flips:
        if working[flip.loadings].sum() < 0:
            working, signs = working * flip.working, signs * flip.latent
    return working, signs
