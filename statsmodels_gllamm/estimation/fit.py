"""One fit: starting values, maximum, boundary, information, certificate; points raised if need be."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from statsmodels_gllamm.estimation.boundary import (
    canonical,
    describe,
    leave,
    snap,
    zero_coordinates,
)
from statsmodels_gllamm.estimation.certify import Certificate, certify, finer, first_n_quad
from statsmodels_gllamm.estimation.information import SUSPICIOUS, Information, observed_information
from statsmodels_gllamm.estimation.objective import Objective, Point
from statsmodels_gllamm.estimation.optimize import (
    Optimum,
    maximize,
    positive_definite,
    uses_louis,
)
from statsmodels_gllamm.integration.mode import ModeError

MAX_POLISHES = 4  # Newton steps on the observed information after the search
LOOSE = 1e-3  # log-likelihood still to be gained at which a rule is judged
RETURN = 0.5  # share of its starting value to which a vanished standard deviation is put back
CLOSE = 1e-13  # log-likelihood still to be gained where the curvature of a ridge is judged
SETTLED = 100  # a gain below so many times tol is not worth another step


@dataclass(frozen=True, slots=True)
class Options:
    """How to fit; ``n_quad`` is None for "auto", else points per dimension by level."""

    integration: str = "adaptive"
    n_quad: tuple[int, ...] | None = None
    quad_tol: float = 0.01
    tol: float = 1e-8
    maxiter: int = 200
    callback: Callable | None = None


@dataclass(frozen=True, slots=True)
class Fit:
    """What a fit found.

    ``point`` the maximum with unit scores; ``optimum`` the last search; ``information``;
    ``certificate``; ``boundary`` positions of working coordinates at a boundary; ``n_evaluations``
    of the log-likelihood with its gradient, all told; ``path`` the certificates of all the points
    per dimension tried.
    """

    point: Point
    optimum: Optimum
    information: Information
    certificate: Certificate
    boundary: np.ndarray
    n_evaluations: int
    path: tuple[Certificate, ...]


def fit(make_objective: Callable[[tuple[int, ...]], Objective], q, starts: list[np.ndarray],
        options: Options, exact: bool, search=maximize) -> Fit:
    """Fit with fixed points, or raise the points until the certificate holds.

    1. search from every start with the first rule, and go on from the best;
    2. while the certificate fails and a finer rule is within the budget, search again with it;
    3. try vanishing Cholesky columns at zero, find the observed information, polish, certify.

    Parameters
    ----------
    make_objective : callable
        Points per dimension by level -> Objective.
    q : tuple of int
        Latent variables per level.
    starts : list of ndarray (k,)
        Working coordinates.
    exact : bool
        One point is exact: a Gaussian model, or no latent variables.
    search : callable
        ``maximize`` or another with its signature.
    """
    settings = {"maxiter": options.maxiter, "callback": options.callback}
    scale = np.abs(starts[0])
    if options.n_quad is None:
        climb = _climb(make_objective, q, starts, options, search, settings, scale)
        objective, found, n_quad, boundary, n_eval, path = climb
    else:
        n_quad, path = options.n_quad, []
        objective = make_objective(n_quad)
        found, n_eval = _best(search, objective, starts, {**settings, "tol": options.tol})
        found, boundary, more = _boundary(objective, found, scale, options)
        n_eval += more
    information, point, gain, more = _polish(objective, found, boundary, options.tol)
    n_eval += more
    if point is not found.point and not len(boundary):  # the last steps may have reached a boundary
        found, boundary, more = _boundary(objective, replace(found, point=point), scale, options)
        information, point, gain, most = _polish(objective, found, boundary, options.tol)
        n_eval += more + most
    settled = 0 <= gain < max(options.tol * SETTLED, 1e-11 * abs(point.loglik))
    converged = settled and (found.converged or information.definite)
    reason = found.reason if converged == found.converged else (
        "the log-likelihood still to be gained is below tol" if converged else
        "the search ended where the observed information predicts more to be gained")
    found = replace(found, point=point, gain=gain, converged=converged, reason=reason)
    if exact:
        certificate = Certificate(True, n_quad, tol=options.quad_tol, text="one point is exact")
    else:
        certificate = certify(objective, point, information, n_quad, q, options.quad_tol)
        n_eval += 1
    return Fit(point, found, information, certificate, boundary, n_eval, (*path, certificate))


def _best(search, objective, starts, settings):
    """(best Optimum over the starting points, evaluations used)."""
    tries = [search(objective, start, **settings) for start in starts]
    best = max(tries, key=lambda optimum: optimum.point.loglik)
    return best, sum(optimum.n_evaluations for optimum in tries)


def _climb(make_objective, q, starts, options: Options, search, settings, scale):
    """Raise the points until the certificate holds.

    A rule that fails is left as soon as that is clear, at a loose tolerance.  A boundary counts
    only where two rules in succession end at it: a coarse rule may invent one.
    """
    n_quad, path, n_eval, before = first_n_quad(q), [], 0, None
    objective = make_objective(n_quad)
    found, used = _best(search, objective, starts, {**settings, "tol": max(LOOSE, options.tol)})
    while True:
        n_eval += used + 1
        certificate = certify(objective, found.point, _rough(found), n_quad, q, options.quad_tol)
        following, boundary = finer(n_quad, q), np.zeros(0, dtype=int)
        if certificate.passed or following is None or not found.converged:
            found = search(objective, found.point, tol=options.tol, **settings)
            found, boundary, used = _boundary(objective, found, scale, options)
            n_eval += found.n_evaluations + used
            if not len(boundary) or following is None or (
                    before is not None and np.array_equal(boundary, before)):
                return objective, found, n_quad, boundary, n_eval, path
            before = boundary
        finer_objective = make_objective(following)
        start = leave(objective.design, found.point.working, RETURN * scale)
        same = finer_objective.problem is objective.problem
        try:
            higher = search(finer_objective, start, tol=max(LOOSE, options.tol),
                            state=found.point.value.state if same else None, **settings)
        except ModeError:  # the new chunks start their modes at zero, which may be impossible there
            return objective, found, n_quad, boundary, n_eval, path
        path.append(certificate)
        used = higher.n_evaluations
        n_quad, objective, found = following, finer_objective, higher


def _wanted(objective: Objective) -> dict[str, bool]:
    return {"units": True, "information": uses_louis(objective)}


def _rough(found: Optimum) -> Information:
    """The curvature of the search as an information: good enough to judge the points by."""
    k = len(found.point.working)
    inverse = np.linalg.inv(positive_definite(found.curvature)) if k else np.zeros((0, 0))
    return Information(found.curvature, np.arange(k), "rough", inverse, np.zeros((k, 0)), True, 0)


def _boundary(objective, found: Optimum, scale, options: Options):
    """(Optimum with vanishing columns at zero, positions held there, evaluations used)."""
    point, used, wanted = found.point, 0, _wanted(objective)
    tidy, state = canonical(objective.design, point.working, point.value.state)
    if not np.array_equal(tidy, point.working):
        point, used = objective.at(tidy, state, **wanted), 1
    snapped = snap(objective, point, scale, 10 * options.tol)
    if snapped is point:
        return replace(found, point=point), zero_coordinates(objective.design, tidy), used
    again = maximize(objective, snapped, tol=options.tol, maxiter=options.maxiter,
                     held=zero_coordinates(objective.design, snapped.working))
    tidy, state = canonical(objective.design, again.point.working, again.point.value.state)
    again = replace(again, point=objective.at(tidy, state, **wanted))
    held = zero_coordinates(objective.design, tidy)
    return again, held, used + 2 + again.n_evaluations


def _polish(objective, found: Optimum, boundary, tol):
    """(Information, Point, log-likelihood still to be gained, evaluations used).

    After a quasi-Newton search the observed information may predict a gain that the search did not
    see; a few Newton steps with it take that.
    """
    point, used = found.point, 0
    free = np.setdiff1d(np.arange(len(point.working)), boundary)
    for _ in range(MAX_POLISHES):
        information = observed_information(objective, point, free, found.curvature)
        used += information.n_evaluations
        step = information.inverse @ point.gradient[free]
        gain = float(step @ point.gradient[free]) / 2
        enough = tol * SETTLED if found.converged else tol
        if 0 < information.smallest < SUSPICIOUS:
            enough = CLOSE  # a gradient bends a flat ridge: find out whether it is one
        if not information.definite or found.exhausted or gain < enough:
            break
        working = point.working.copy()
        working[free] += step
        new = objective.at(working, point.value.state, **_wanted(objective))
        used += 1
        if new.loglik < point.loglik:
            break
        point = new
    return information, point, gain, used


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
        boundary are NaN.
    loglik : float
    unit_scores : ndarray (n_top, k)
        Score of every top-level unit in natural parameters, without its frequency weight; zero for
        parameters held at a boundary.
    information : Information
        In working coordinates.
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
    """

    params: np.ndarray
    working: np.ndarray
    cov: np.ndarray
    loglik: float
    unit_scores: np.ndarray
    information: Information
    certificate: Certificate
    path: tuple[Certificate, ...]
    boundary: tuple[str, ...]
    boundary_notes: tuple[str, ...]
    flat: tuple[dict[str, float], ...]
    integration: str
    n_quad: tuple[int, ...]
    retvals: dict


def natural_covariance(jacobian: np.ndarray, information: Information) -> np.ndarray:
    """Delta method: covariance of natural parameters (k, k), NaN where held at a boundary."""
    j = jacobian[:, information.free]
    cov = j @ information.inverse @ j.T
    held = ~j.any(axis=1)
    cov[held], cov[:, held] = np.nan, np.nan
    return cov


def natural_scores(jacobian: np.ndarray, free: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Scores (G, k) in natural parameters from those in working coordinates; zero where held."""
    j = jacobian[:, free]
    out = np.zeros_like(scores)
    moving = j.any(axis=1)
    out[:, moving] = scores[:, free] @ np.linalg.pinv(j[moving])
    return out


def _unit_columns(x: np.ndarray) -> np.ndarray:
    """Columns divided by their largest entry."""
    return x / np.maximum(np.abs(x).max(axis=0, initial=0.0), 1e-300)


def record_of(found: Fit, design, integration: str, method: str) -> FitRecord:
    """The part of a fit that results keep."""
    working = found.point.working
    jacobian, names = design.natural_jacobian(working), np.array(design.layout.names)
    info, optimum = found.information, found.optimum
    flat = tuple(
        {str(n): float(w) for n, w in zip(names, column) if abs(w) > 0.01}
        for column in _unit_columns(jacobian @ info.flat).T)
    return FitRecord(
        design.to_natural(working), working, natural_covariance(jacobian, info),
        found.point.loglik, natural_scores(jacobian, info.free, found.point.unit_scores), info,
        found.certificate, found.path, tuple(str(n) for n in names[found.boundary]),
        describe(design, working), flat,
        "exact" if found.certificate.exact else integration, found.certificate.n_quad,
        {"converged": optimum.converged, "reason": optimum.reason, "gain": optimum.gain,
         "iterations": optimum.n_iterations, "fcalls": found.n_evaluations, "method": method},
    )
