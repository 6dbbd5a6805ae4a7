r"""Derivatives of predictions in all parameters, by differences in the coordinates of the search.

.. math:: D_i = \frac{g(\varphi + h_i e_i) - g(\varphi - h_i e_i)}{2 h_i}, \qquad
          \widehat{\mathrm{cov}}\{g(\hat\varphi)\} = D V D', \qquad h_i = 0.001 \sqrt{V_{ii}}

with V the covariance of the estimates.  The coordinates are those in which a covariance matrix is a
Cholesky factor and constraints hold, without the ones held at a boundary, which count as known.  The
steps are checked by one more difference, along all coordinates together; where it does not agree,
differences are taken anew by the formula of fourth order.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
import warnings

import numpy as np

from statsmodels_gllamm.exceptions import PrecisionWarning
from statsmodels_gllamm.latent.constrained import constrained

STEP = 1e-3  # of a standard error
LONGEST = 1e-2  # relative to the coordinate, or to one
AGREEMENT = 1e-3  # of standard errors: errors of the derivatives that are tolerated
LARGER = 4.0  # steps of the formula of fourth order
FLAT_STEP = 1e-3
ROUNDING = 1e-9  # relative to a prediction, changes below this do not matter
CHANGED = 1e-8  # relative change along a flat direction that is none


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
                f"differences of the predictions along the parameters do not settle in {bad} of "
                f"{error.size} predictions: their standard errors are rough", PrecisionWarning,
                stacklevel=4)
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
        return np.nan_to_num(error), np.nan_to_num(AGREEMENT * size + ROUNDING * np.abs(middle))


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
