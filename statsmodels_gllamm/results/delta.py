r"""Functions of the estimates with errors by the delta method.

.. math:: g(\hat\theta) \pm \dots, \qquad \widehat{\mathrm{cov}}\, g(\hat\theta) = J V J', \quad
          J = \partial g / \partial\theta'

with V the covariance of the estimates.  J is exact, by a complex step, for functions that
accept complex parameters with leading batch axes; for those of users it is a difference quotient of
fourth order, (8 (g(h) - g(-h)) - (g(2h) - g(-2h))) / 12h.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from scipy import stats

STEP = 1e-30  # complex step: exact to rounding
ROUNDING = 1e-10  # relative to its value, an error below this is that of a constant
COLUMNS = ["estimate", "std_err", "z", "pvalue", "conf_low", "conf_high"]


def jacobian(function: Callable, params: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values (m,) and exact derivatives (m, k) of a function of complex parameters (..., k)."""
    with np.errstate(all="ignore"):
        values = function(np.asarray(params, dtype=complex)).real
        steps = function(params + 1j * STEP * np.eye(len(params)))
    return values, steps.imag.T / STEP


def derived_table(results, names, values, derivatives, alpha=0.05) -> pd.DataFrame:
    """Table of functions of the estimates.

    Parameters
    ----------
    results : GLLAMMResults
    names : sequence (m,)
    values : ndarray (m,)
    derivatives : ndarray (m, k)
    alpha : float
        One minus the level of the intervals.

    Returns
    -------
    DataFrame
        estimate, std_err, z, pvalue, conf_low, conf_high.  What depends on no parameter, or on one
        that has no standard error, has none either: NaN.
    """
    error = np.full(len(values), np.nan)
    some = np.isfinite(derivatives).all(axis=1) & (derivatives != 0).any(axis=1)
    if some.any():
        variance = np.diag(np.atleast_2d(results.cov_params(derivatives[some])))
        with np.errstate(invalid="ignore"):
            error[some] = np.sqrt(variance)
        error[error <= ROUNDING * np.abs(values)] = np.nan  # a constant
    with np.errstate(all="ignore"):
        z = values / error
        half = stats.norm.ppf(1 - alpha / 2) * error
    columns = [values, error, z, 2 * stats.norm.sf(np.abs(z)), values - half, values + half]
    return pd.DataFrame(dict(zip(COLUMNS, columns)), index=pd.Index(names))


def nonlinear(results, function, alpha=0.05) -> pd.DataFrame:
    """Functions of the parameters that a user gives; see ``GLLAMMResults.nonlinear``."""
    if not callable(function):
        raise TypeError("nonlinear() takes a function of the parameters, such as "
                        f"lambda p: p['x'] / p['z'], not {function!r}")
    names = results.model.param_names

    def values(params):
        return _as_series(function(pd.Series(params, index=names)))

    params = np.asarray(results.params, dtype=float)
    at = values(params)
    derivatives = np.empty((len(at), len(params)))
    for k, h in enumerate(_steps(params, np.asarray(results.bse, dtype=float))):
        ahead, behind, far, farther = (
            values(params + t * h * (np.arange(len(params)) == k)).to_numpy()
            for t in (1, -1, 2, -2))
        derivatives[:, k] = (8 * (ahead - behind) - (far - farther)) / (12 * h)
    size = np.abs(derivatives).max(axis=1, initial=0.0)[:, None]
    derivatives[np.abs(derivatives) < 1e-10 * size] = 0.0  # rounding of what does not depend on it
    return derived_table(results, at.index, at.to_numpy(), derivatives, alpha)


def _steps(params, bse) -> np.ndarray:
    """Lengths of the differences (k,): small against the estimate, so that a variance stays one."""
    size = np.maximum(np.abs(params), 0.01 * np.nan_to_num(bse))
    return 1e-3 * np.where(size > 0, size, 1.0)


def _as_series(value) -> pd.Series:
    """What a user's function gave, by name."""
    if isinstance(value, Mapping):
        value = pd.Series(value)
    if not isinstance(value, pd.Series):
        value = np.asarray(value)
        if value.ndim > 1:
            raise ValueError("the function given to nonlinear() returns an array of shape "
                             f"{value.shape}; return a number, one row of numbers, or a dict")
        value = pd.Series(np.atleast_1d(value))
    return value.astype(float)
