r"""Functions of the estimates with errors by the delta method.

.. math:: g(\hat\theta) \pm \dots, \qquad \widehat{\mathrm{cov}}\, g(\hat\theta) = D V D'

with V a covariance and D derivatives of g.  There are two kinds of functions.

Predictions and what is made of them are functions of the coordinates of the search, in which a
covariance matrix is a Cholesky factor and constraints hold; V is that of those which are free, and
the ones held at a boundary count as known.  D has the differences

.. math:: D_i = \frac{g(\varphi + h_i e_i) - g(\varphi - h_i e_i)}{2 h_i}, \qquad
          h_i = 0.001 \sqrt{V_{ii}}

which are checked by one more, along all coordinates together; where it does not agree, differences are
taken anew by the formula of fourth order.

Functions of the natural parameters have exact derivatives, by a complex step, where they accept complex
parameters with leading batch axes; for those of users they are difference quotients of fourth order,
(8 (g(h) - g(-h)) - (g(2h) - g(-2h))) / 12h.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
import warnings

import numpy as np
import pandas as pd
from scipy import stats

from statsmodels_gllamm.exceptions import PrecisionWarning
from statsmodels_gllamm.latent.constrained import constrained

STEP = 1e-3  # of a standard error
LONGEST = 1e-2  # relative to the coordinate, or to one
AGREEMENT = 1e-3  # of standard errors: errors of the derivatives that are tolerated
LARGER = 4.0  # steps of the formula of fourth order
FLAT_STEP = 1e-3
NEGLIGIBLE = 1e-9  # relative to a value, changes below this do not matter
CHANGED = 1e-8  # relative change along a flat direction that is none
COMPLEX_STEP = 1e-30  # exact to rounding
ROUNDING = 1e-10  # relative to its value, an error below this is that of a constant
COLUMNS = ["estimate", "std_err", "z", "pvalue", "conf_low", "conf_high"]


@dataclass(frozen=True)
class Coordinates:
    """Free coordinates of the estimates.

    Attributes
    ----------
    at : ndarray (f,)
        All coordinates of the search.
    working : callable
        From coordinates (f,) to the model's working coordinates (k,).
    free : ndarray of int (d,)
        Which ones have been estimated, without those held at a boundary.
    cov : ndarray (d, d)
        Their covariance; NaN for those without a standard error.
    flat : ndarray (f, m)
        Directions in which the log-likelihood is flat.
    """

    at: np.ndarray
    working: Callable
    free: np.ndarray
    cov: np.ndarray
    flat: np.ndarray


def coordinates_of(results) -> Coordinates:
    """The free coordinates of a fit, with the covariance of its ``cov_type``."""
    model, record = results.model, results.record
    if record.constraints is None:
        within, at = model.design, record.working
        working = _itself
    else:
        within = constrained(model.design, record.constraints)
        at = within.to_working(record.params)

        def working(phi):
            return model.design.to_working(within.to_natural(phi))

    info = record.information
    names = within.layout.names
    left = np.array([names[i] not in record.boundary for i in info.free], dtype=bool)
    cov = info.inverse if results.cov_type == "nonrobust" else _free_covariance(results)
    return Coordinates(at, working, info.free[left], cov[np.ix_(left, left)], info.flat)


def _itself(phi):
    return phi


def _free_covariance(results) -> np.ndarray:
    """Covariance (d, d) in the free coordinates from that of the natural parameters; NaN for
    coordinates that it does not tell."""
    information = results.record.information
    size = np.sqrt(np.abs(np.diag(information.inverse)))
    size[size == 0] = 1.0
    jacobian = results.record.jacobian[:, information.free] * size
    cov = np.asarray(results.cov_params_default)
    known = np.isfinite(np.diag(cov)) & jacobian.any(axis=1)
    length = np.sqrt((jacobian[known] ** 2).sum(axis=1))
    inverse = np.linalg.pinv(jacobian[known] / length[:, None]) / length
    told = np.isclose(inverse @ jacobian[known], np.eye(len(size)), atol=1e-6).all(axis=1)
    out = inverse @ cov[np.ix_(known, known)] @ inverse.T * np.outer(size, size)
    out[~told], out[:, ~told] = np.nan, np.nan
    return out


def derivatives(function: Callable, at: Coordinates) -> tuple[np.ndarray, np.ndarray]:
    """Values (...,) of a function of the working coordinates, and its derivatives (..., d) in the
    free ones: NaN where it depends on a flat direction."""
    def value(phi):
        return function(at.working(phi))

    middle = value(at.at)
    steps = _steps(at)
    units = np.zeros((len(at.free), len(at.at)))
    units[np.arange(len(at.free)), at.free] = steps
    if not len(units):
        return middle, np.zeros(middle.shape + (0,))
    change = np.stack([_central(value, at.at, unit) for unit in units], -1)
    error, tolerance = _disagreement(value, at, middle, change, units)
    if (error > tolerance).any():
        change = np.stack([_fourth_order(value, at.at, LARGER * unit) / LARGER for unit in units], -1)
        error, tolerance = _disagreement(value, at, middle, change, units)
        bad = int((error > tolerance).sum())
        if bad:
            warnings.warn(
                f"differences along the parameters do not settle in {bad} of {error.size} values: "
                "their standard errors are rough", PrecisionWarning, stacklevel=4)
    with np.errstate(invalid="ignore"):
        out = change / steps
    return middle, np.where(_on_flat(value, at, middle)[..., None], np.nan, out)


def _steps(at: Coordinates) -> np.ndarray:
    """Lengths of the differences (d,)."""
    size = np.abs(at.at[at.free])
    with np.errstate(invalid="ignore"):
        se = np.sqrt(np.diag(at.cov))
    steps = np.where(np.isfinite(se) & (se > 0), STEP * se, STEP * np.maximum(size, 1e-2))
    return np.minimum(steps, LONGEST * np.maximum(size, 1.0))


def _central(value, at, step) -> np.ndarray:
    """Half the change over a step to both sides."""
    return (value(at + step) - value(at - step)) / 2


def _fourth_order(value, at, step) -> np.ndarray:
    return (4 * _central(value, at, step / 2) * 2 - _central(value, at, step)) / 3


def _disagreement(value, at: Coordinates, middle, change, units):
    """Errors (...,) of the sum of the changes (..., d), and how large they may be."""
    signs = np.resize([1.0, -1.0, 1.0, 1.0], len(units))
    together = _central(value, at.at, (signs[:, None] * units).sum(0) / 2)
    with np.errstate(invalid="ignore"):
        error = np.abs(2 * together - change @ signs)
        size = np.sqrt((change**2).sum(-1))
        return np.nan_to_num(error), np.nan_to_num(AGREEMENT * size + NEGLIGIBLE * np.abs(middle))


def _on_flat(value, at: Coordinates, middle) -> np.ndarray:
    """Which values (...,) change along a direction in which the log-likelihood does not."""
    depends = np.zeros(middle.shape, dtype=bool)
    for direction in at.flat.T:
        size = FLAT_STEP * max(np.abs(at.at).max(), 1.0)
        with np.errstate(invalid="ignore"):
            moved = np.abs(_central(value, at.at, size * direction))
            depends |= moved > CHANGED * (1 + np.abs(middle))
    return depends


def variances(derivative: np.ndarray, cov: np.ndarray) -> np.ndarray:
    """Variances (...,) of functions with derivatives (..., d); NaN where one without standard error
    takes part."""
    unknown = np.isnan(np.diag(cov))
    out = np.einsum("...i,ij,...j->...", derivative[..., ~unknown],
                    cov[np.ix_(~unknown, ~unknown)], derivative[..., ~unknown])
    scale = np.abs(derivative).max(axis=-1, initial=0.0)
    with np.errstate(invalid="ignore"):
        takes_part = (np.abs(derivative[..., unknown]) > 1e-8 * scale[..., None]).any(axis=-1)
        return np.where(takes_part | (out < 0), np.nan, out)


def estimates(results, function: Callable) -> tuple[np.ndarray, np.ndarray]:
    """Values (m,) of a function of the working coordinates at the estimates, and their covariance
    (m, m); NaN for constants, and for what has no standard error."""
    at = coordinates_of(results)
    values, slopes = derivatives(lambda working: np.ravel(function(working)), at)
    cov = covariance(slopes, at.cov)
    with np.errstate(invalid="ignore"):
        unknown = ~(np.sqrt(np.diag(cov)) > ROUNDING * np.abs(values))
    cov[unknown], cov[:, unknown] = np.nan, np.nan
    return values, cov


def covariance(derivative: np.ndarray, cov: np.ndarray) -> np.ndarray:
    """Covariance (m, m) of functions with derivatives (m, d); those of a function in which one without
    standard error takes part are NaN."""
    known = ~np.isnan(np.diag(cov))
    out = derivative[:, known] @ cov[np.ix_(known, known)] @ derivative[:, known].T
    gone = np.isnan(variances(derivative, cov))
    out[gone], out[:, gone] = np.nan, np.nan
    return out


def jacobian(function: Callable, params: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values (m,) and exact derivatives (m, k) of a function of complex parameters (..., k)."""
    with np.errstate(all="ignore"):
        values = function(np.asarray(params, dtype=complex)).real
        steps = function(params + 1j * COMPLEX_STEP * np.eye(len(params)))
    return values, steps.imag.T / COMPLEX_STEP


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
    for k, h in enumerate(_natural_steps(params, np.asarray(results.bse, dtype=float))):
        ahead, behind, far, farther = (
            values(params + t * h * (np.arange(len(params)) == k)).to_numpy()
            for t in (1, -1, 2, -2))
        derivatives[:, k] = (8 * (ahead - behind) - (far - farther)) / (12 * h)
    size = np.abs(derivatives).max(axis=1, initial=0.0)[:, None]
    derivatives[np.abs(derivatives) < 1e-10 * size] = 0.0  # rounding of what does not depend on it
    return derived_table(results, at.index, at.to_numpy(), derivatives, alpha)


def _natural_steps(params, bse) -> np.ndarray:
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
