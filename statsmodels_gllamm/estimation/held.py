r"""The maximum of the log-likelihood where a function of the parameters has a given value.

With w the working coordinates, c(w) = v the constraint, a = dc/dw and C its second derivatives, the
step from a point on the surface is Newton's within the surface,

.. math:: d = Z\,(Z'(B + \lambda C)Z)^{-1} Z'g, \qquad Z'a = 0, \qquad
          \lambda = \frac{a'g}{a'a}

(g gradient, B observed information, all in coordinates scaled by the diagonal of B), after which w
goes back to the surface along a.  At the maximum :math:`g = \lambda a`, and lambda is the derivative
of the profile log-likelihood in v.  The coordinates are those of the fit, so that a variance may
become zero, or a correlation one, on the way (Nocedal and Wright, 2006, Numerical Optimization, 18.1
and 12.4).
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from statsmodels_gllamm.estimation.boundary import TINY, leave, lost_columns
from statsmodels_gllamm.estimation.fit import RETURN, RISING
from statsmodels_gllamm.estimation.objective import Objective, OfObjective, Point
from statsmodels_gllamm.estimation.optimize import (
    ROUNDING,
    beyond_limits,
    bfgs_update,
    evaluate_for_search,
    is_positive_definite,
    limited_step,
    line_search,
    outer_product,
    positive_definite,
    uses_louis,
)
from statsmodels_gllamm.integration.mode import ModeError

STEP = 1e-30  # complex step
NEAR = 1e-12  # relative distance from the surface that is none
MAX_RETURNS = 40  # steps back to the surface
MAX_RELEASES = 2


@dataclass(frozen=True)
class Surface:
    """Where a function of the natural parameters has a given value.

    ``function`` of natural parameters (..., k), complex ones too; ``size`` (k,) what a coordinate
    moves by; ``linear`` whether the function is linear in the working coordinates.
    """

    design: object
    function: Callable
    size: np.ndarray
    linear: bool = False

    def at(self, working: np.ndarray) -> float:
        """c(w)."""
        return float(self.function(self.design.to_natural(working)))

    def normal(self, working: np.ndarray) -> np.ndarray:
        """a (k,), by complex step."""
        steps = working + 1j * STEP * np.eye(len(working))
        with np.errstate(all="ignore"):
            return self.function(self.design.to_natural(steps)).imag / STEP

    @cached_property
    def support(self) -> np.ndarray:
        """Positions of the coordinates that matter."""
        point = self.size * np.random.default_rng(0).uniform(0.5, 1.0, len(self.size))
        return np.flatnonzero(self.normal(point) != 0)

    def bend(self, working: np.ndarray) -> np.ndarray:
        """C (k, k), by central differences of a."""
        out = np.zeros((len(working),) * 2)
        for i in self.support:
            h = 1e-4 * max(self.size[i], abs(working[i]))
            step = h * (np.arange(len(working)) == i)
            out[i] = (self.normal(working + step) - self.normal(working - step)) / (2 * h)
        return (out + out.T) / 2

    def back(self, working: np.ndarray, value: float) -> np.ndarray:
        """The point of the surface that is near.

        Raises
        ------
        ModeError
            None was found.
        """
        with np.errstate(all="ignore"):
            for _ in range(MAX_RETURNS):
                gap = value - self.at(working)
                if abs(gap) <= NEAR * abs(value):
                    return working
                a = self.normal(working) * self.size
                square = a @ a
                step = self.size * a * (gap / square)
                if not np.isfinite(step).all() or square == 0:
                    break
                if np.abs(step / np.maximum(np.abs(working), self.size)).max() < 1e-15:
                    return working
                working = working + step
        raise ModeError("no parameters have the value that is asked for", np.zeros(1, dtype=int))


@dataclass(frozen=True)
class _OnSurface(OfObjective):
    """An objective whose points are put back on the surface first."""

    objective: Objective
    surface: Surface
    value: float

    def at(self, working, state=None, **wanted) -> Point:
        return self.objective.at(self.surface.back(working, self.value), state, **wanted)


@dataclass(frozen=True, slots=True)
class Held:
    """Maximum on a surface.

    ``slope`` is lambda, ``curvature`` B where it is carried from step to step.
    """

    point: Point
    slope: float
    converged: bool
    gain: float
    n_evaluations: int
    curvature: np.ndarray


def maximize_held(objective, surface: Surface, start: np.ndarray, value: float, *, curvature,
                  state=None, scale=None, tol=1e-8, maxiter=50) -> Held:
    """Maximise the log-likelihood where the surface's function equals ``value``.

    Parameters
    ----------
    objective : Objective or MixtureObjective
    surface : Surface
    start : ndarray (k,)
    value : float
    curvature : ndarray (k, k)
        Of minus the log-likelihood near the start.
    state : optional
        Modes to start from.
    scale : ndarray (k,), optional
        Of the coordinates, for variances that vanish on the way and may have to come back.
    tol : float
        Log-likelihood still to be gained.

    Raises
    ------
    ModeError
        There is no such point, or no log-likelihood there.
    """
    on = _OnSurface(objective, surface, value)
    found = _search(on, start, curvature, state, tol, maxiter)
    for _ in range(MAX_RELEASES if scale is not None else 0):
        again = _released(on, found, scale, tol, maxiter)
        if again is None or again.point.loglik <= found.point.loglik + tol:
            break
        found = again
    return found


def _released(on, found: Held, scale, tol, maxiter) -> Held | None:
    """A search from where vanished Cholesky columns do not vanish, if the log-likelihood rises
    there."""
    design, point = on.design, found.point
    lost = lost_columns(design, point.working, scale)
    if not len(lost):
        return None
    zero = point.working.copy()
    zero[lost] = 0.0
    away = leave(design, zero)
    moved = away != zero
    if not moved.any():
        return None
    try:
        beside = on.at(away, point.value.state)
        rise = (beside.gradient - found.slope * on.surface.normal(beside.working))[moved]
        if not (rise * scale[moved] ** 2 > RISING * TINY).any():
            return None
        return _search(on, leave(design, zero, RETURN * scale), found.curvature, point.value.state,
                       tol, maxiter)
    except ModeError:
        return None


def _search(on: _OnSurface, start, b, state, tol, maxiter) -> Held:
    objective, surface, louis = on.objective, on.surface, uses_louis(on.objective)
    point, n_eval, converged = evaluate_for_search(on, start, state), 1, False
    for iteration in range(maxiter + 1):
        held = beyond_limits(objective, point.working)
        if louis:
            b = point.louis
        normal = surface.normal(point.working)
        step, slope, gain = _step(point.gradient, normal, b, held, surface, point.working)
        if gain < tol:
            converged = True
            break
        if iteration == maxiter:
            break
        step = limited_step(objective, step)
        new, tried = line_search(on, point, step, 2 * gain)
        n_eval += tried
        if new is None:
            fresh = b if louis else outer_product(point)
            if louis or np.allclose(b, fresh):
                converged = gain < 1e3 * tol + 1e2 * ROUNDING * abs(point.loglik)
                break
            b = fresh
            continue
        if not louis:
            b = bfgs_update(b, new.working - point.working, point.gradient - new.gradient)
        point = new
    return Held(point, slope, converged, gain, n_eval, b)


def _step(g, normal, b, held, surface: Surface, working):
    """(step (k,), lambda, log-likelihood to be gained)."""
    diagonal = np.abs(np.diag(b))
    scale = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    square = (normal * scale) @ (normal * scale)
    slope = float((normal * scale) @ (g * scale) / square) if square > 0 else 0.0
    if not surface.linear and slope:
        b = b + slope * surface.bend(working)
    free = np.setdiff1d(np.arange(len(g)), held)
    a, basis = (normal * scale)[free], np.eye(len(free))
    if a.any():
        basis = np.linalg.qr(a[:, None], mode="complete")[0][:, 1:]
    inner = basis.T @ (b * np.outer(scale, scale))[np.ix_(free, free)] @ basis
    reduced = basis.T @ (g * scale)[free]
    step = np.zeros(len(g))
    if not len(reduced):
        return step, slope, 0.0
    if not is_positive_definite(inner):
        inner = positive_definite(inner)
    y = np.linalg.solve(inner, reduced)
    step[free] = scale[free] * (basis @ y)
    return step, slope, float(y @ reduced) / 2
