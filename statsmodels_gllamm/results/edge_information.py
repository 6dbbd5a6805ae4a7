r"""Efficient information of the parameters that a smaller model has at their edge.

The cone of these parameters lies in the metric of their efficient information, the inverse of their
block V of the inverse information of the larger model.  That is evaluated in natural parameters with
the vanishing :math:`\Psi_{NN}` at a diagonal h and at 2h, h a small share of a standard error, and
extrapolated to h = 0: the expected information where there is a closed form, else the observed one,
from differences of the exact gradient, and where that is not positive definite the outer product of
the scores of the top-level units.
"""
from __future__ import annotations

from dataclasses import replace

import numpy as np

from statsmodels_gllamm.estimation.boundary import zero_coordinates
from statsmodels_gllamm.estimation.information import STEP, differenced
from statsmodels_gllamm.estimation.optimize import is_positive_definite
from statsmodels_gllamm.integration.mode import ModeError
from statsmodels_gllamm.latent.covariance import direct
from statsmodels_gllamm.results.at_zero import Edge, touched

INSIDE = 0.05  # of a standard error: diagonal at which the information is evaluated
FIRST = 1e-4  # of a starting value: diagonal at which standard errors are found
MOVE = 0.2  # of that diagonal: steps of differences, which keep the matrix positive definite


def covariance_at_edge(large, small, edge: Edge) -> np.ndarray | None:
    """V (d, d) of the parameters at the edge, up to a factor; None where it cannot be found.

    Parameters
    ----------
    large, small : GLLAMMResults
    edge : Edge
        With positions.
    """
    if not len(large.model.sample.index) or edge.positions is None:
        return None
    try:
        return _covariance(large, small, edge)
    except (ModeError, np.linalg.LinAlgError, ValueError, FloatingPointError):
        return None


def _covariance(large, small, edge: Edge) -> np.ndarray | None:
    """`covariance_at_edge`, or an error."""
    model, record, cone = large.model, large.record, edge.positions
    design = _direct(model.design, {*cone.tolist(), *touched(large)})
    objective = model._likelihood(record.n_quad, record.integration, design=design)
    diagonal = cone[_diagonals(edge.orders)]
    theta = null_params(large, small, edge)
    start = np.asarray(model.start_params, dtype=float)
    with np.errstate(all="ignore"):
        near = _inside(objective, theta, diagonal, FIRST * np.abs(start[diagonal]))
    opg = np.diag(near.opg)
    if not (opg[diagonal] > 0).all():
        return None
    h = INSIDE / np.sqrt(opg[diagonal])
    basis = _free_basis(large, design, near, cone)
    one, two = (_information(objective, theta, diagonal, factor * h, basis)
                for factor in (1, 2))
    information = 2 * one - two
    if not is_positive_definite(information):
        information = basis.T @ near.opg @ basis
        if near.problem.n_top <= len(information) or not is_positive_definite(information):
            return None
    among = basis[cone].T
    return among.T @ np.linalg.inv(information) @ among


def _direct(design, inside: set):
    """The design with natural parameters for coordinates of the bars of some parameters."""
    return replace(design, covariances=tuple(
        direct(c) if inside.intersection(range(s.start, s.stop)) else c
        for s, c in design.cov_slices()))


def _diagonals(orders) -> np.ndarray:
    """Which coordinates of cones are variances."""
    return np.concatenate([[i == j for i in range(s) for j in range(i + 1)] for s in orders])


def null_params(large, small, edge: Edge) -> np.ndarray:
    """Natural parameters (k,) of the larger model in the smaller one: its estimates where it has the
    parameter, zero at the edge and for covariances, else those of the larger model."""
    model = large.model
    theta = np.array(large.params, dtype=float)
    known = dict(zip(small.model.param_names, np.asarray(small.params, dtype=float)))
    for i, name in enumerate(model.param_names):
        if name in known:
            theta[i] = known[name]
        elif name.startswith("cov["):
            theta[i] = 0.0
    theta[edge.positions] = 0.0
    return theta


def _inside(objective, theta, diagonal, h):
    """The point with the vanishing variances at h, with scores of units."""
    moved = theta.copy()
    moved[diagonal] = h
    return objective.at(objective.design.to_working(moved), units=True)


def _free_basis(large, design, point, cone) -> np.ndarray:
    """Directions (k, f) of the larger model's parameters: those that constraints leave, without what
    is held at a boundary besides or has no information."""
    k = len(point.working)
    constraints = large.record.constraints
    basis = np.eye(k) if constraints is None else constraints.basis
    held = set(zero_coordinates(design, point.working).tolist()) - set(cone.tolist())
    held |= {i for i, name in enumerate(large.model.param_names) if name in large.record.boundary
             and not name.startswith(("var[", "cov["))}
    held |= {i for i in range(k) if point.opg[i, i] == 0}
    keep = [j for j in range(basis.shape[1]) if not set(np.flatnonzero(basis[:, j])) & held]
    return basis[:, keep]


def _information(objective, theta, diagonal, h, basis) -> np.ndarray:
    """Information (f, f) in the directions of ``basis`` with the vanishing variances at h."""
    point = _inside(objective, theta, diagonal, h)
    if objective.closed:
        return basis.T @ point.expected @ basis
    size = STEP / np.sqrt(np.maximum(np.diag(point.opg), 1e-300))
    size = np.minimum(size, 1e-2 * (1 + np.abs(point.working)))
    at = dict(zip(diagonal.tolist(), h))
    for s, c in objective.design.cov_slices():
        if not c.direct:
            continue
        psi = np.diag(c.matrix(point.working[s]))
        for k, (i, j) in enumerate(c.pairs()):
            limit = MOVE * np.sqrt(psi[i] * psi[j])
            size[s.start + k] = limit if s.start + k in at else min(size[s.start + k], limit)
    used = np.flatnonzero(basis.any(axis=1))
    matrix = differenced(objective, point, used, size[used])
    return basis[used].T @ matrix @ basis[used]
