"""One fit: starting values, maximum, boundary, information, certificate; points raised if need be."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from statsmodels_gllamm.estimation.boundary import (
    TINY,
    canonical,
    collapsed,
    leave,
    lost_columns,
    snap,
    zero_coordinates,
)
from statsmodels_gllamm.estimation.certify import Certificate, certify, finer, first_n_quad
from statsmodels_gllamm.estimation.information import SUSPICIOUS, Information, observed_information
from statsmodels_gllamm.estimation.objective import Objective, Point
from statsmodels_gllamm.estimation.optimize import (
    Optimum,
    beyond_limits,
    evaluate_for_search,
    maximize,
    positive_definite,
)
from statsmodels_gllamm.estimation.penalties import of_information
from statsmodels_gllamm.integration.mode import ModeError

MAX_POLISHES = 4  # Newton steps on the observed information after the search
LOOSE = 1e-3  # log-likelihood still to be gained at which a rule is judged
RETURN = 0.5  # share of its starting value to which a vanished standard deviation is put back
CLOSE = 1e-13  # log-likelihood still to be gained where the curvature of a ridge is judged
RELEASES = RETURN, 2.0, 8.0, 32.0  # shares of starting values from which a search is sent on
ROUGH = 0.1  # share of quad_tol that a search over a rough surface may leave
MAX_RELEASES = 2  # times that a search is sent back from a variance of zero
RISING = 2e-3  # log-likelihood that a variance of its starting size must promise for that
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
    q : tuple
        Latent variables per level that have several points, as of `certify.count_nodes`.
    starts : list of ndarray (k,)
        Working coordinates.
    exact : bool
        One point is exact: a Gaussian model, or no latent variables.
    search : callable
        ``maximize`` or another with its signature.
    """
    count = 0

    def each(*state):
        nonlocal count
        count += state[0] > 0  # the first call of a search is its start
        if options.callback is not None:
            options.callback(*state)

    settings = {"maxiter": options.maxiter, "callback": each}
    scale, auto = np.abs(starts[0]), options.n_quad is None
    n_quad, path, n_eval = options.n_quad or first_n_quad(q), [], 0
    while True:
        if auto:
            objective, found, n_quad, boundary, more = _climb(
                make_objective, q, n_quad, starts, options, search, settings, scale, path)
        else:
            objective = make_objective(n_quad)
            found, more = best_of_starts(search, objective, starts,
                                         {**settings, "tol": options.tol}, scale)
            found, boundary, used = to_boundary(objective, found, scale, options)
            more += used
        fitted, used = _settle(objective, found, boundary, n_quad, q, scale, options, exact)
        n_eval += more + used
        following = finer(n_quad, q, objective.problem.n_computed)
        if not auto or following is None or fitted.certificate.passed or (
                not fitted.optimum.converged):
            break
        path.append(fitted.certificate)
        starts, n_quad = [fitted.point.working], following
    certificate = fitted.certificate
    if auto and following is None and not certificate.exact:
        certificate = replace(certificate, ended=True)
    optimum = replace(fitted.optimum, n_iterations=max(count, fitted.optimum.n_iterations))
    return replace(fitted, optimum=optimum, n_evaluations=n_eval, certificate=certificate,
                   path=(*path, certificate))


def _settle(objective, found: Optimum, boundary, n_quad, q, scale, options: Options, exact):
    """(Fit, evaluations used): information, last steps, convergence and certificate."""
    information, point, gain, n_eval = _polish(objective, found, boundary, options.tol)
    if point is not found.point and not len(boundary):  # the last steps may have reached a boundary
        found, boundary, more = to_boundary(objective, replace(found, point=point), scale, options)
        information, point, gain, most = _polish(objective, found, boundary, options.tol)
        n_eval += more + most
    settled = 0 <= gain < max(options.tol * SETTLED, 1e-11 * abs(point.loglik))
    converged = settled and (found.converged or information.definite)
    reason = found.reason if converged == found.converged else (
        "the log-likelihood still to be gained is below tol" if converged else
        "the search ended where the observed information predicts more to be gained")
    if not (converged or found.exhausted or exact) and information.definite and (
            0 <= gain < ROUGH * options.quad_tol) and not _is_smooth(objective):
        converged, reason = True, (
            "the log-likelihood still to be gained is small beside quad_tol, at which the quadrature "
            "of posteriors that are not log-concave is not smooth")
    found = replace(found, point=point, gain=gain, converged=converged, reason=reason)
    if exact:
        certificate = Certificate(True, n_quad, tol=options.quad_tol, text="one point is exact")
    else:
        certificate = certify(objective, point, information, n_quad, q, options.quad_tol)
        n_eval += 1
    return Fit(point, found, information, certificate, boundary, n_eval, ()), n_eval


def _is_smooth(objective) -> bool:
    """Whether modes, and with them the quadrature, depend smoothly on parameters."""
    return all(chunk.observed.log_concave for chunk in objective.problem.chunks)


def best_of_starts(search, objective, starts, settings, scale):
    """(best Optimum over the starting points, evaluations used)."""
    tries = [search(objective, starts[0], **settings)]
    for start in starts[1:]:
        try:
            tries.append(search(objective, start, **settings))
        except ModeError:  # a point at random may be impossible, as thresholds in disorder are
            continue
    best = max(tries, key=lambda optimum: optimum.point.loglik)
    best, more = _released(search, objective, best, settings, scale)
    return best, sum(optimum.n_evaluations for optimum in tries) + more


def _released(search, objective, found: Optimum, settings, scale):
    """(Optimum, evaluations used): a search that ended at a standard deviation of zero although the
    log-likelihood rises with its variance goes on from where it does not vanish.

    The log-likelihood is even in a vanishing column of T, so that no gradient leads away from it.
    """
    design, used = objective.design, 0
    for _ in range(MAX_RELEASES):
        lost = lost_columns(design, found.point.working, scale)
        if not len(lost):
            break
        working = found.point.working.copy()
        working[lost] = 0.0
        away = leave(design, working)
        try:
            beside = objective.at(away, found.point.value.state)
            used += 1
            moved = away != working
            if not (beside.gradient[moved] * scale[moved] ** 2 > RISING * TINY).any():
                break
            start, tried = _highest(objective, [leave(design, working, size * scale)
                                                for size in RELEASES])
            again = search(objective, start, **settings)
        except ModeError:
            break
        used += tried + again.n_evaluations
        if again.point.loglik <= found.point.loglik:
            break
        found = again
    return found, used


def _highest(objective, starts):
    """(the start with the highest log-likelihood, evaluations used)."""
    values = []
    for start in starts:
        try:
            values.append(objective.at(start, gradient=False).loglik)
        except ModeError:
            values.append(-np.inf)
    return starts[int(np.argmax(values))], len(starts)


def _climb(make_objective, q, n_quad, starts, options: Options, search, settings, scale, path):
    """(Objective, Optimum, points, boundary, evaluations used) of the first rule that passes.

    Starts with the points ``n_quad`` and adds the certificates of rules that fail to ``path``.
    A rule that fails is left as soon as that is clear, at a loose tolerance.  A boundary counts
    only where two rules in succession end at it: a coarse rule may invent one.
    """
    n_eval, before = 0, None
    objective = make_objective(n_quad)
    loose = {**settings, "tol": max(LOOSE, options.tol)}
    found, used = best_of_starts(search, objective, starts, loose, scale)
    while True:
        n_eval += used + 1
        certificate = certify(objective, found.point, _rough(found), n_quad, q, options.quad_tol)
        following = finer(n_quad, q, objective.problem.n_computed)
        boundary = np.zeros(0, dtype=int)
        if certificate.passed or following is None or not found.converged:
            if found.converged:
                found = search(objective, found.point, tol=options.tol, **settings)
                n_eval += found.n_evaluations
            found, boundary, used = to_boundary(objective, found, scale, options)
            n_eval += used
            if not len(boundary) or following is None or (
                    before is not None and np.array_equal(boundary, before)):
                return objective, found, n_quad, boundary, n_eval
            before = boundary
        finer_objective = make_objective(following)
        start = leave(objective.design, found.point.working, RETURN * scale)
        same = finer_objective.problem is objective.problem
        try:
            higher = search(finer_objective, start, **loose,
                            state=found.point.value.state if same else None)
            higher, more = _released(search, finer_objective, higher, loose, scale)
        except ModeError:  # the new chunks start their modes at zero, which may be impossible there
            return objective, found, n_quad, boundary, n_eval
        path.append(certificate)
        used = higher.n_evaluations + more
        n_quad, objective, found = following, finer_objective, higher


def _rough(found: Optimum) -> Information:
    """The curvature of the search as an information: good enough to judge the points by."""
    k = len(found.point.working)
    inverse = np.linalg.inv(positive_definite(found.curvature)) if k else np.zeros((0, 0))
    return Information(found.curvature, np.arange(k), "rough", inverse, np.zeros((k, 0)), True, 0)


def _held(objective, working) -> np.ndarray:
    """Positions at a boundary: vanished Cholesky columns, auxiliary parameters at infinity."""
    return np.union1d(zero_coordinates(objective.design, working),
                      beyond_limits(objective, working)).astype(int)


def _tidied(objective, point: Point) -> tuple[Point, int]:
    """(The point with non-negative Cholesky diagonals, evaluations used)."""
    working, state = canonical(objective.design, point.working, point.value.state)
    if np.array_equal(working, point.working):
        return point, 0
    return evaluate_for_search(objective, working, state), 1


def _search_beside(objective, start: np.ndarray | Point, zero, options: Options) -> Optimum:
    """The maximum from a start whose positions ``zero`` stay at zero."""
    found = maximize(objective, start, tol=options.tol, maxiter=options.maxiter, fixed=zero)
    point, used = _tidied(objective, found.point)
    return replace(found, point=point, n_evaluations=found.n_evaluations + used)


def to_boundary(objective, found: Optimum, scale, options: Options):
    """(Optimum with vanishing columns at zero, positions held there, evaluations used)."""
    design = objective.design
    point, used = _tidied(objective, found.point)
    snapped = snap(objective, point, scale, 10 * options.tol)
    if snapped is not point:
        zero = zero_coordinates(design, snapped.working)
        found = _search_beside(objective, snapped, zero, options)
        return found, _held(objective, found.point.working), used + 1 + found.n_evaluations
    for trial in collapsed(design, point.working, scale):
        try:
            beside = _search_beside(objective, trial, zero_coordinates(design, trial), options)
        except ModeError:
            continue
        used += beside.n_evaluations
        if beside.converged and beside.point.loglik >= point.loglik - 0.1 * options.quad_tol:
            return beside, _held(objective, beside.point.working), used
    return replace(found, point=point), _held(objective, point.working), used


def _polish(objective, found: Optimum, boundary, tol):
    """(Information, Point, log-likelihood still to be gained, evaluations used).

    After a quasi-Newton search the observed information may predict a gain that the search did not
    see; a few Newton steps with it take that.
    """
    point, used = found.point, 0
    free = np.setdiff1d(np.arange(len(point.working)), boundary)
    for _ in range(MAX_POLISHES):
        information = observed_information(*of_information(objective, point), free,
                                           found.curvature)
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
        new = evaluate_for_search(objective, working, point.value.state)
        used += 1
        if new.loglik < point.loglik:
            break
        point = new
    return information, point, gain, used
