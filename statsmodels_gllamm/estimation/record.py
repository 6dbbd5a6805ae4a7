"""What the results keep of a fit: numbers in natural parameters, nothing of the data."""
from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from statsmodels_gllamm.estimation.boundary import describe
from statsmodels_gllamm.estimation.certify import Certificate
from statsmodels_gllamm.estimation.fit import Fit
from statsmodels_gllamm.estimation.information import Information
from statsmodels_gllamm.estimation.penalties import PenaltyRecord
from statsmodels_gllamm.parameters import Constraints


@dataclass(frozen=True, slots=True)
class FitRecord:
    """All of a fit that its results keep; nothing of the data.

    Attributes
    ----------
    params : ndarray (k,)
        Natural parameters.
    working : ndarray (k,)
        The same in working coordinates.
    cov : ndarray (k, k)
        Inverse observed information in natural parameters; rows and columns of parameters held at a
        boundary, or in a flat direction, are NaN; those of parameters that constraints fix are zero.
    jacobian : ndarray (k, f)
        Derivative of the natural parameters in the coordinates of the search: the working
        coordinates, or those that constraints leave free.
    loglik : float
    unit_scores : ndarray (n_top, k) or None
        Score of every top-level unit in natural parameters, without its frequency weight; zero for
        parameters held at a boundary.  None where they are found when they are asked for.
    information : Information
        In the coordinates of the search.
    constraints : Constraints or None
    certificate, path : Certificate, tuple of Certificate
    boundary : tuple of str
        Names of the parameters whose working coordinate is held at a boundary.
    boundary_notes : tuple of str
        What is at the boundary, in words.
    flat : tuple of dict {name: weight}
        Directions in which the log-likelihood is flat, in parameter names.
    integration : str
        "adaptive", "laplace", "quadrature" or "exact".
    n_quad : tuple of int
        Points per dimension by level from the bottom.
    retvals : dict
        converged, reason, gain (log-likelihood still to be gained), iterations, fcalls, method.
    penalty : PenaltyRecord or None
        What was added to the log-likelihood; ``loglik`` is without it.
    """

    params: np.ndarray
    working: np.ndarray
    cov: np.ndarray
    jacobian: np.ndarray
    loglik: float
    unit_scores: np.ndarray | None
    information: Information
    certificate: Certificate
    path: tuple[Certificate, ...]
    boundary: tuple[str, ...]
    boundary_notes: tuple[str, ...]
    flat: tuple[dict[str, float], ...]
    integration: str
    n_quad: tuple[int, ...]
    retvals: dict
    constraints: Constraints | None = None
    penalty: PenaltyRecord | None = None

    @property
    def n_free(self) -> int:
        """Parameters that were estimated, f."""
        return self.jacobian.shape[1]


def natural_covariance(jacobian: np.ndarray, information: Information,
                       constraints: Constraints | None = None) -> np.ndarray:
    """Delta method: covariance of natural parameters (k, k), NaN where held at a boundary."""
    j = jacobian[:, information.free]
    cov = j @ information.inverse @ j.T
    held = ~j.any(axis=1)
    if constraints is not None:
        held[constraints.fixed] = False
    cov[held], cov[:, held] = np.nan, np.nan
    return cov


def natural_scores(jacobian: np.ndarray, free: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Scores (G, k) in natural parameters from those in working coordinates; zero where held."""
    j = jacobian[:, free]
    out = np.zeros((len(scores), len(j)))
    moving = j.any(axis=1)
    out[:, moving] = scores[:, free] @ np.linalg.pinv(j[moving])
    return out


def _natural_scores_of(jacobian, free, point) -> np.ndarray | None:
    scores = point.scores_to_keep
    return None if scores is None else natural_scores(jacobian, free, scores)


def _unit_columns(x: np.ndarray) -> np.ndarray:
    """Columns divided by their largest entry."""
    return x / np.maximum(np.abs(x).max(axis=0, initial=0.0), 1e-300)


def _infinite(design, boundary, working) -> list[str]:
    """What to say of auxiliary parameters and those of classes at infinity."""
    held = np.intersect1d(boundary, design.layout.positions("aux"))
    notes = []
    for some, text in (
            (held[working[held] > 0], "so large that the distribution is its limit, without "
             "dispersion of its own: fit that family"),
            (held[working[held] <= 0], "so low that what it stands for is zero: fit the model "
             "without it")):
        if len(some):
            names = ", ".join(design.layout.names[i] for i in some)
            notes.append(f"{names} {'is' if len(some) == 1 else 'are'} {text}")
    if np.isin(boundary, design.layout.positions("class")).any():
        notes.append("in that class the probability of the response is zero or one in every row that "
                     "the coefficient concerns")
    if np.isin(boundary, design.layout.positions("prob")).any():
        notes.append("prob: a class is empty, or has all clusters with those covariates")
    return notes


def _without_flat(cov: np.ndarray, names, flat) -> np.ndarray:
    """The covariance with NaN for parameters that take part in a flat direction."""
    inside = np.isin(names, [name for direction in flat for name in direction])
    if inside.any():
        cov[inside], cov[:, inside] = np.nan, np.nan
    return cov


def with_vanished(record: FitRecord, positions, names, note: str) -> FitRecord:
    """The record with coefficients that have gone to minus infinity held there."""
    cov = record.cov.copy()
    cov[positions], cov[:, positions] = np.nan, np.nan
    return replace(record, cov=cov, boundary_notes=(*record.boundary_notes, note),
                   boundary=(*record.boundary, *(names[i] for i in positions)))


def with_penalty(record: FitRecord, point, penalty) -> FitRecord:
    """The record of a penalised fit: its log-likelihood at the point, and what was added."""
    method, _, text = penalty
    kept = PenaltyRecord(method, text, point.penalty.value)
    return replace(record, loglik=point.inner.loglik, penalty=kept)


def record_of(found: Fit, design, within, integration: str, method: str,
              constraints: Constraints | None = None) -> FitRecord:
    """The part of a fit that results keep.

    Parameters
    ----------
    found : Fit
    design : LatentDesign
        Of the model.
    within : LatentDesign or ConstrainedDesign
        That of the search.
    integration, method : str
    constraints : Constraints, optional
        On the natural parameters.
    """
    reached = found.point.working
    params, jacobian = within.to_natural(reached), within.natural_jacobian(reached)
    if constraints is not None:  # without the rounding of square roots
        params[constraints.fixed] = constraints.shift[constraints.fixed]
    names, free_names = np.array(design.layout.names), np.array(within.layout.names)
    info, optimum = found.information, found.optimum
    flat = tuple(
        {str(n): float(w) for n, w in zip(names, column) if abs(w) > 0.01}
        for column in _unit_columns(jacobian @ info.flat).T)
    return FitRecord(
        params, reached if within is design else design.to_working(params),
        _without_flat(natural_covariance(jacobian, info, constraints), names, flat), jacobian,
        found.point.loglik, _natural_scores_of(jacobian, info.free, found.point), info,
        found.certificate, found.path, tuple(str(n) for n in free_names[found.boundary]),
        (*describe(within, reached), *_infinite(within, found.boundary, reached)), flat,
        "exact" if found.certificate.exact else integration, found.certificate.n_quad,
        {"converged": optimum.converged, "reason": optimum.reason, "gain": optimum.gain,
         "iterations": optimum.n_iterations, "fcalls": found.n_evaluations, "method": method},
        constraints,
    )
