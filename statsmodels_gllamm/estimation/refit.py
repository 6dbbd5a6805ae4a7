"""The maximum again, of other data or weights, from the estimates: a fit without what surrounds it."""
from __future__ import annotations

import numpy as np

from statsmodels_gllamm.estimation.boundary import leave
from statsmodels_gllamm.estimation.fit import RETURN, Options, best_of_starts, to_boundary
from statsmodels_gllamm.estimation.optimize import Optimum, maximize


def start_again(design, working: np.ndarray, own: np.ndarray, held) -> np.ndarray:
    """The estimates as a start: variances of zero, and positions ``held`` at infinity, are put back
    towards starting values ``own`` (k,)."""
    start = leave(design, working, RETURN * np.abs(own))
    infinite = np.setdiff1d(held, np.flatnonzero(start != working))
    infinite = infinite[np.abs(working[infinite]) > np.abs(own[infinite])].astype(int)
    start[infinite] = own[infinite]
    return start


def refit(objective, start: np.ndarray, scale: np.ndarray, tol=1e-8, maxiter=200) -> Optimum:
    """Search from one start, with variances at zero where they belong there."""
    found, _ = best_of_starts(maximize, objective, [start], {"tol": tol, "maxiter": maxiter}, scale)
    return to_boundary(objective, found, scale, Options(tol=tol))[0]
