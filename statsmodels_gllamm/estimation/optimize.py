r"""Newton's method on the marginal log-likelihood.

1. B = observed information by Louis' formula where the rule resolves the posterior (where it is not
   positive definite, the outer product of the scores of many units, or its eigenvalues' sizes), or
   in closed form (where it is not positive definite, the expected information);
   otherwise the outer product of the units' scores, kept current by BFGS updates.
2. step d = B^-1 g; the log-likelihood still to be gained is about g'd / 2.
3. stop when that is below ``tol``.
4. halve the step (quadratic interpolation) until the log-likelihood rises.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from statsmodels_gllamm.estimation.inequalities import bounded_step, made_feasible
from statsmodels_gllamm.estimation.objective import Objective, Point
from statsmodels_gllamm.integration.grids import GaussianProblem
from statsmodels_gllamm.integration.mode import ModeError

FLOOR = 1e-4  # smallest eigenvalue of the scaled outer product of scores that is believed
STALL, STALLED = 20, 1e-3  # iterations, and the rise over them below which the search has stalled
NEARLY = 1e-6  # log-likelihood still to be gained that is worth no such stop
LEAP = 2.0  # longest step of an auxiliary parameter that may go to infinity
MAX_HALVINGS = 25
MANY_UNITS = 50  # units per parameter from which their scores' outer product is a good curvature
LIMIT = "the iteration limit was reached"
ROUNDING = 1e-12  # relative rounding error of a log-likelihood


@dataclass(frozen=True, slots=True)
class Optimum:
    """Where the search ended.

    ``gain`` is the log-likelihood still to be gained, score' inv(B) score / 2; ``reason`` says in
    words why the search stopped; ``curvature`` is the last B (k, k).
    """

    point: Point
    converged: bool
    reason: str
    gain: float
    n_iterations: int
    n_evaluations: int
    curvature: np.ndarray
    history: tuple[float, ...]

    @property
    def exhausted(self) -> bool:
        """Whether the search stopped at its iteration limit."""
        return self.reason == LIMIT


def positive_definite(b: np.ndarray, floor: float = FLOOR) -> np.ndarray:
    """B with the eigenvalues of its correlation form made positive, and at least ``floor``.

    Negative eigenvalues change sign: along them the step leaves a saddle, at its scale.
    """
    scale = np.sqrt(np.abs(np.diag(b)))
    scale[scale == 0] = 1.0
    values, vectors = np.linalg.eigh(b / np.outer(scale, scale))
    values = np.maximum(np.abs(values), floor)
    return (vectors * values) @ vectors.T * np.outer(scale, scale)


def is_positive_definite(b: np.ndarray) -> bool:
    """Whether B in correlation form has all eigenvalues clearly above zero."""
    diagonal = np.diag(b)
    if not np.isfinite(b).all() or (diagonal <= 0).any():
        return False
    scale = np.sqrt(diagonal)
    return bool(np.linalg.eigvalsh(b / np.outer(scale, scale))[0] > 1e-7)


def uses_louis(objective: Objective) -> bool:
    """Louis' formula needs a rule that resolves the posterior, and linear auxiliary values; a closed
    form has exact second derivatives in its place."""
    rules = objective.task.rules
    return objective.closed or (objective.linear_aux and all(rule.size >= 3 for rule in rules))


def evaluate_for_search(objective: Objective, working: np.ndarray, state=None) -> Point:
    """The point with all that a search and its curvature need."""
    return objective.at(working, state, units=not objective.closed,
                        information=uses_louis(objective))


def bfgs_update(b: np.ndarray, step: np.ndarray, change: np.ndarray) -> np.ndarray:
    """B after a step whose gradient fell by ``change``; unchanged if curvature is not positive."""
    along = step @ change
    bs = b @ step
    if along <= 1e-10 * np.sqrt(step @ step) * np.sqrt(change @ change):
        return b
    return b - np.outer(bs, bs) / (step @ bs) + np.outer(change, change) / along


def outer_product(point: Point) -> np.ndarray:
    """The outer product of the units' scores, made positive definite.

    Few units say little about many directions; there its eigenvalues are not believed.
    """
    share = len(point.working) / point.problem.n_top
    return positive_definite(point.opg, float(np.clip(0.5 * share, FLOOR, 0.1)))


def _curvature(point: Point, b, louis: bool) -> np.ndarray:
    if not louis:
        return outer_product(point) if b is None else b
    exact = point.louis
    if is_positive_definite(exact):
        return exact
    if isinstance(point.problem, GaussianProblem):
        return positive_definite(point.expected)
    many = MANY_UNITS * len(point.working) < point.problem.n_top
    return outer_product(point) if many else positive_definite(exact, 0.01)


def beyond_limits(objective: Objective, working: np.ndarray) -> np.ndarray:
    """Positions of auxiliary parameters where the density does not change any more."""
    held = [limit.beyond(working) for limit in objective.design.aux_limits]
    return np.concatenate([np.zeros(0, dtype=int), *held])


def limited_step(objective: Objective, step: np.ndarray) -> np.ndarray:
    """The step, shortened so that no parameter with a limit leaps."""
    limited = [limit.bounded for limit in objective.design.aux_limits]
    if not limited:
        return step
    longest = np.abs(step[np.concatenate(limited)]).max()
    return step * min(1.0, LEAP / max(longest, LEAP))


def _hold(x: np.ndarray, held) -> np.ndarray:
    """A gradient, or a curvature, in which the positions held have no part."""
    if not len(held):
        return x
    x = x.copy()
    x[held] = 0.0
    if x.ndim == 2:
        x[:, held] = 0.0
        x[held, held] = 1.0
    return x


def maximize(objective: Objective, start: np.ndarray | Point, *, state=None, tol=1e-8,
             maxiter=200, callback: Callable[[int, Point, float], None] | None = None,
             fixed=()) -> Optimum:
    """Maximise from working coordinates ``start`` (k,), or from a Point of this objective.

    Positions ``fixed`` stay where they are; so do auxiliary parameters beyond their limits.  Classes
    in order keep their order.

    Raises
    ------
    ModeError
        If the log-likelihood cannot be evaluated at the start.
    """
    louis = uses_louis(objective)
    known = isinstance(start, Point)
    order = objective.design.order
    if order is not None and not known:
        start = made_feasible(order, start)
    point = start if known else evaluate_for_search(objective, start, state)
    b, n_eval, history = None, int(not known), [point.loglik]
    gain, reason, converged, iteration = np.inf, LIMIT, False, 0
    for iteration in range(maxiter + 1):
        held = np.union1d(fixed, beyond_limits(objective, point.working)).astype(int)
        g = _hold(point.gradient, held)
        b = _hold(_curvature(point, b, louis), held)
        if order is not None:
            free = np.setdiff1d(np.arange(len(g)), held)
            step = bounded_step(b, g, order, point.working, free)
            gain = float(g @ step - step @ b @ step / 2)
        else:
            step = np.linalg.solve(b, g) if g.any() else np.zeros(len(g))
            gain = float(g @ step) / 2
        if callback is not None:
            callback(iteration, point, gain)
        if gain < tol:
            converged, reason = True, "the log-likelihood still to be gained is below tol"
            break
        if iteration == maxiter:
            break
        if gain > NEARLY and len(history) > STALL and history[-1] - history[-STALL] < STALLED:
            reason = "the log-likelihood hardly rises any more, as when a parameter goes to infinity"
            break
        step = limited_step(objective, step)
        new, tried = line_search(objective, point, step, float(g @ step))
        n_eval += tried
        if new is None:
            reset = b if louis else _hold(outer_product(point), held)
            if louis or np.allclose(b, reset):
                converged = gain < 1e3 * tol + 1e2 * ROUNDING * abs(point.loglik)
                reason = ("rounding limits further progress" if converged else
                          "no step along the search direction raises the log-likelihood")
                break
            b = reset
            continue
        if not louis:
            b = bfgs_update(b, new.working - point.working, g - _hold(new.gradient, held))
        point = new
        history.append(point.loglik)
    return Optimum(point, converged, reason, gain, iteration, n_eval, b, tuple(history))


def line_search(objective: Objective, point: Point, step, slope):
    """(Point with a higher log-likelihood or None, number of evaluations)."""
    t = 1.0
    slack = ROUNDING * (1 + abs(point.loglik))
    for tried in range(1, MAX_HALVINGS + 1):
        try:
            new = evaluate_for_search(objective, point.working + t * step, point.value.state)
        except ModeError:
            t *= 0.25
            continue
        rise = new.loglik - point.loglik
        if rise >= 1e-4 * t * slope - slack:
            return new, tried
        best = slope * t / (2 * (slope - rise / t))  # maximum of the quadratic through both
        t = float(np.clip(best, 0.1 * t, 0.5 * t))
    return None, MAX_HALVINGS
