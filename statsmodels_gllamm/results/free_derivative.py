r"""Derivatives of functions of the estimates along the coordinates of the search that are free.

With phi the free coordinates, J = d theta / d phi' the natural parameters' derivative and G that of
a function g, by differences of fourth order,

.. math:: D J = G, \qquad \widehat{\mathrm{cov}}\, g = D V D'

for the D of least norm, whatever the type of V = cov(theta): with V = J C J' this is G C G'.  What
is held at a boundary or fixed by a constraint is taken for known, as in V itself; no difference
leaves the parameter space, where a variance is zero or a correlation one.
"""
from __future__ import annotations

from collections.abc import Callable

import numpy as np

from statsmodels_gllamm.latent.constrained import constrained

STEP = 0.01  # of a standard error
ROUNDING = 1e-9  # of the largest part of a derivative, below which a part is rounding


def free_derivative(results, function: Callable) -> tuple[np.ndarray, np.ndarray]:
    """Values and derivatives of a function of the parameters.

    Parameters
    ----------
    results : GLLAMMResults
    function : callable
        Of the working coordinates (k,) of ``model.design``; gives an array of m numbers.

    Returns
    -------
    values : ndarray (m,)
    derivatives : ndarray (m, k)
        D, in the natural parameters.
    """
    design, record = results.model.design, results.record
    values = np.ravel(np.asarray(function(record.working), dtype=float))
    free = record.information.free
    if record.constraints is None:
        start, working = record.working, np.asarray
    else:
        within = constrained(design, record.constraints)
        start = within.to_working(record.params)

        def working(phi):
            return design.to_working(within.to_natural(phi))

    size = _sizes(record.information.inverse, start[free])
    slopes = np.empty((len(values), len(size)))
    for column, (place, h) in enumerate(zip(np.arange(len(start))[free], size)):
        ahead, behind, far, farther = (
            np.ravel(function(working(start + t * h * (np.arange(len(start)) == place))))
            for t in (1, -1, 2, -2))
        with np.errstate(invalid="ignore"):
            slopes[:, column] = (8 * (ahead - behind) - (far - farther)) / 12  # times h
    return values, _natural(record, design.layout.names, slopes, record.jacobian[:, free] * size)


def _sizes(inverse, at) -> np.ndarray:
    """Lengths of the differences (f,)."""
    known = np.sqrt(np.maximum(np.diag(inverse), 0.0))
    some = (known > 0) & np.isfinite(known)
    size = np.where(some, STEP * known, 1e-3)
    return np.minimum(size, 0.01 * np.maximum(np.abs(at), 1.0))


def _natural(record, names, slopes, jacobian) -> np.ndarray:
    """D (m, k) with D J = G, of G and J in units of the differences."""
    length = np.sqrt((jacobian**2).sum(axis=1))
    moving = length > 0
    out = np.zeros((len(slopes), len(length)))
    if moving.any():
        d = slopes @ np.linalg.pinv(jacobian[moving] / length[moving, None])
        largest = np.abs(d).max(axis=1, initial=0.0)[:, None]
        d[np.abs(d) < ROUNDING * largest] = 0.0
        out[:, moving] = d / length[moving]
    gone = np.isnan(np.diag(record.cov)) & np.isin(names, record.boundary)
    out[:, gone] = 0.0
    return out
