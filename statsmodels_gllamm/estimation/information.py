"""Observed information: the Jacobian of the exact gradient, and the covariance that follows."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from statsmodels_gllamm.estimation.objective import Objective, Point
from statsmodels_gllamm.estimation.optimize import is_positive_definite, uses_louis
from statsmodels_gllamm.integration.mode import ModeError

STEP = 2e-3  # of a standard error: the error of a central difference is of the order of its square
AGREEMENT = 5e-3  # relative difference at which Louis' formula and a difference agree
SUSPICIOUS = 1e-3  # eigenvalue of the scaled information that is looked at again
LONG = 0.1  # a step that the curvature must warrant
FLAT = 1e-6  # below which a direction is flat


@dataclass(frozen=True, slots=True)
class Information:
    """Observed information in the free working coordinates.

    ``matrix`` (f, f), ``free`` (f,) their positions, ``method`` how it was found, ``inverse`` (f, f)
    (pseudo-inverse where flat), ``flat`` (k, m) unit directions in which the log-likelihood is
    flat, ``definite`` whether the matrix is positive definite, ``smallest`` the smallest eigenvalue
    of its correlation form.
    """

    matrix: np.ndarray
    free: np.ndarray
    method: str
    inverse: np.ndarray
    flat: np.ndarray
    definite: bool
    n_evaluations: int
    smallest: float = 1.0


def directional(objective: Objective, point: Point, direction: np.ndarray) -> np.ndarray:
    """Minus the derivative of the gradient (k,) along a direction, by central differences."""
    up = objective.at(point.working + direction, point.value.state)
    down = objective.at(point.working - direction, point.value.state)
    return (down.gradient - up.gradient) / 2


def _steps(curvature: np.ndarray, working: np.ndarray) -> np.ndarray:
    """``STEP`` standard errors, and no less than what moves a coordinate clear of rounding."""
    known = curvature > 0
    unknown = STEP * (1 + np.abs(working))
    size = np.where(known, STEP / np.sqrt(np.where(known, curvature, 1.0)), unknown)
    return np.maximum(size, 1e-8 * np.abs(working))


def _curvature_along(objective: Objective, point: Point, free, direction) -> float:
    """direction' information direction, by central differences extrapolated to a step of zero."""
    def at(h):
        whole = np.zeros(len(point.working))
        whole[free] = h * direction
        return directional(objective, point, whole)[free] @ direction / h

    return float((4 * at(STEP) - at(2 * STEP)) / 3)


def differenced(objective: Objective, point: Point, free: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Information (f, f) by central differences with steps ``size`` (f,)."""
    matrix = np.array([differenced_column(objective, point, free, position, h)
                       for position, h in zip(free, size)])
    return 0.5 * (matrix + matrix.T)


def differenced_column(objective, point, free, position, h) -> np.ndarray:
    """Information (f,) of one coordinate with the free ones, by a step of h."""
    direction = np.zeros(len(point.working))
    direction[position] = h
    return directional(objective, point, direction)[free] / h


def observed_information(objective: Objective, point: Point, free: np.ndarray,
                         curvature: np.ndarray) -> Information:
    """Observed information at a point.

    Louis' formula is used where one central difference, along the direction in which all
    coordinates move by a fixed share of a standard error, confirms it to ``AGREEMENT``; otherwise
    every coordinate is differenced.  A closed form needs neither.

    Parameters
    ----------
    free : ndarray (f,)
        Positions of the coordinates that are not on a boundary.
    curvature : ndarray (k, k)
        A rough information that sets the size of the steps.
    """
    k, n_eval = len(point.working), 0
    if not len(free):
        return Information(np.zeros((0, 0)), free, "none", np.zeros((0, 0)), np.zeros((k, 0)), True, 0)
    if objective.closed:
        return _analyse(objective, point, point.louis[np.ix_(free, free)], free, "closed form", 0)
    size = _possible(objective, point, free, _steps(np.diag(curvature)[free], point.working[free]))
    matrix = method = None
    if uses_louis(objective) and point.value.information is not None:
        candidate = point.louis[np.ix_(free, free)]
        if is_positive_definite(candidate):
            direction = np.zeros(k)
            direction[free] = size * np.resize([1.0, -1.0, 1.0], len(free))
            exact = directional(objective, point, direction)[free]
            n_eval = 2
            error = exact - candidate @ direction[free]
            scale = np.sqrt(np.diag(candidate))
            if np.abs(error / scale).max() <= AGREEMENT * np.abs(exact / scale).max():
                matrix, method = candidate, "Louis"
    if matrix is None:
        matrix, method = differenced(objective, point, free, size), "differenced gradient"
        n_eval += 2 * len(free)
        matrix, more = _shorter(objective, point, matrix, free, size)
        n_eval += more
    return _analyse(objective, point, matrix, free, method, n_eval)


def _possible(objective, point, free, size):
    """The steps, no longer than ``LONG`` where the log-likelihood is not a number after long ones."""
    if not (size > LONG).any():
        return size
    direction = np.zeros(len(point.working))
    direction[free] = size
    try:
        for sign in (1, -1):
            objective.at(point.working + sign * direction, point.value.state, gradient=False)
    except ModeError:
        return np.minimum(size, LONG)
    return size


def _shorter(objective, point, matrix, free, size):
    """(matrix, evaluations used): columns found again whose steps were too long, where the matrix
    is far from what set their steps."""
    diagonal = np.diag(matrix)
    proper = STEP / np.sqrt(np.where(diagonal > 0, diagonal, np.inf))
    long = np.flatnonzero((size > LONG) & ((diagonal <= 0) | (size > 2 * proper)))
    if not len(long):
        return matrix, 0
    matrix = matrix.copy()
    for place in long:
        column = differenced_column(objective, point, free, free[place], LONG)
        matrix[place], matrix[:, place] = column, column
    return matrix, 2 * len(long)


def _analyse(objective, point, matrix, free, method, n_eval) -> Information:
    """Eigenvalues of the scaled matrix; small ones are found again along their own direction, unless
    the matrix is exact."""
    k = len(point.working)
    scale = np.sqrt(np.abs(np.diag(matrix)))
    scale[scale == 0] = 1.0
    values, vectors = np.linalg.eigh(matrix / np.outer(scale, scale))
    for number in [] if objective.closed else np.flatnonzero(values < SUSPICIOUS):
        values[number] = _curvature_along(objective, point, free, vectors[:, number] / scale)
        n_eval += 4
    flat = np.abs(values) < FLAT
    directions = np.zeros((k, int(flat.sum())))
    directions[free] = vectors[:, flat] / scale[:, None]
    directions /= np.maximum(np.sqrt((directions**2).sum(0)), 1e-300)
    inverse = (vectors[:, ~flat] / values[~flat]) @ vectors[:, ~flat].T / np.outer(scale, scale)
    return Information(matrix, free, method, inverse, directions, bool((values > FLAT).all()),
                       n_eval, float(values.min()))


def natural_hessian(objective: Objective, point: Point) -> np.ndarray:
    """Hessian (k, k) of the log-likelihood in natural parameters theta, at any point.

    With phi the working coordinates, J = d theta / d phi and g the natural score,

        H_theta = J^-T (H_phi - sum_k g_k d2 theta_k / d phi2) J^-1
    """
    design, working = objective.design, point.working
    k = len(working)
    if objective.closed:
        h_working = -objective.at(working, information=True).louis
    else:
        size = np.minimum(_steps(np.diag(point.opg), working), 1e-3 * (1 + np.abs(working)))
        coarse, fine = (differenced(objective, point, np.arange(k), h) for h in (size, size / 2))
        h_working = -(4 * fine - coarse) / 3  # extrapolated to a step of zero
    jacobian = design.natural_jacobian(working)
    score = np.linalg.solve(jacobian.T, point.gradient)
    h = 1e-3
    bend = np.array([
        (design.natural_jacobian(working + h * e) - design.natural_jacobian(working - h * e)).T
        @ score / (2 * h) for e in np.eye(k)])
    inverse = np.linalg.inv(jacobian)
    return inverse.T @ (h_working - bend) @ inverse
