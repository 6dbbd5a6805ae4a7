r"""Profile likelihood of a function of the parameters: its curve and where it meets a cut-off.

.. math:: \ell_p(v) = \max_{c(w) = v} \ell(w), \qquad
          \zeta(v) = \mathrm{sign}(v - \hat v) \sqrt{2 (\ell(\hat w) - \ell_p(v))}, \qquad
          \frac{d\zeta}{dv} = -\frac{\lambda}{\zeta}

with lambda the multiplier of the constraint.  An interval has the v with
:math:`|\zeta(v)| \le z_{1 - \alpha/2}`.  The signed root zeta is nearly linear in v, in the square
root of a variance or in Fisher's z of a correlation, so that a cubic through two points and their
slopes finds a limit in two or three constrained fits (Venzon and Moolgavkar, 1988, Applied Statistics
37, 87-94; Bates et al., 2015, Journal of Statistical Software 67(1), section 5.1).
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from statsmodels_gllamm.estimation.boundary import leave, zero_coordinates
from statsmodels_gllamm.estimation.fit import RETURN
from statsmodels_gllamm.estimation.held import Surface, maximize_held
from statsmodels_gllamm.estimation.optimize import maximize, positive_definite
from statsmodels_gllamm.estimation.profile_curve import ASIDE, Knot, Target, between
from statsmodels_gllamm.integration.mode import ModeError

ROOT = 1e-5  # of zeta, within which a limit is found
HIGHER = 1e-3  # log-likelihood above that of the fit which is not rounding
GROWTH = 3.0  # most that a step outwards grows by
MAX_FITS, MAX_CUTS = 30, 6
ENDLESS = 20.0  # times that the distance would have to grow by e until the cut-off is met
ENOUGH = 6  # points beyond which that is believed


@dataclass(frozen=True, slots=True)
class Limit:
    """An end of an interval: NaN, with a ``reason``, where it was not found; infinite, with one,
    where there is none; at a ``bound`` of what is possible."""

    value: float
    reason: str = ""
    bound: bool = False


class Higher(Exception):
    """A constrained fit is better than the fit: ``value`` and ``gain`` in log-likelihood."""

    def __init__(self, value: float, gain: float) -> None:
        super().__init__()
        self.value, self.gain = value, gain


class Profiler:
    """Profile of one target from the maximum of a fit.

    Parameters
    ----------
    objective : Objective or MixtureObjective
    target : Target
    working : ndarray (k,)
        The maximum.
    curvature : ndarray (k, k)
        Observed information there, in all coordinates.
    error : float
        Standard error of the target; NaN where it has none.
    scale : ndarray (k,)
        Size of the coordinates.
    each : callable, optional
        Called after every constrained fit.
    """

    def __init__(self, objective, target: Target, working, curvature, error, scale, each=None):
        self.objective, self.target, self.scale = objective, target, scale
        self.each = each or (lambda: None)
        design = objective.design
        size = np.maximum(np.abs(working), 1e-3 * np.maximum(scale, 1.0))
        self.surface = Surface(design, target.function, np.where(size > 0, size, 1.0), target.linear)
        value = self.surface.at(working)
        point = objective.at(working)
        x = target.to(value)
        step = error / target.rate(x) if target.rate(x) else np.nan
        at_bound = x in (self._bound_of(-1, x), self._bound_of(1, x))
        if at_bound or not (np.isfinite(step) and step > 0):
            step = self._first_step(x)
        self.centre = Knot(x, value, 0.0, 1 / step, point.loglik, working, curvature,
                           point.value.state)
        self.knots = [self.centre]

    def _first_step(self, x: float) -> float:
        """A step where there is no standard error."""
        if self.target.root:
            typical = np.max(self.scale[self.target.zero], initial=0.0)
            return 0.25 * (typical or max(x, 1.0))
        return 0.25 * max(1.0, min(abs(x), 4.0))

    # One constrained fit

    def fit(self, x: float, near: Knot) -> Knot:
        """The point of the profile at x, from a known one.

        Raises
        ------
        ModeError
            There is none, or the search for it did not end.
        """
        target, value = self.target, self.target.back(x)
        if target.root and x == 0 and len(target.zero):
            return self._at_zero(near)
        error, starts = None, [self._ahead(near, value), near.working]
        away = leave(self.objective.design, near.working, RETURN * self.scale)
        if not np.array_equal(away, near.working):
            starts.append(away)
        for start in starts:
            try:
                found = maximize_held(self.objective, self.surface, start, value,
                                      curvature=near.curvature, scale=self.scale,
                                      state=None if start is away else near.state)
            except ModeError as failed:
                error = failed
                continue
            if found.converged:
                return self._knot(x, found.point, found.slope, found.curvature)
            error = ModeError("a constrained search did not converge", np.zeros(1, dtype=int))
        raise error

    def _ahead(self, near: Knot, value: float) -> np.ndarray:
        """Where the others move with the parameter, to first order: along inv(B) a."""
        a = self.surface.normal(near.working)
        direction = np.linalg.solve(positive_definite(near.curvature), a)
        along = a @ direction
        if not along > 0:
            return near.working
        return near.working + direction * ((value - near.value) / along)

    def _at_zero(self, near: Knot) -> Knot:
        start = near.working.copy()
        start[self.target.zero] = 0.0
        away = leave(self.objective.design, start, RETURN * self.scale)
        away[self.target.zero] = 0.0
        fixed = np.union1d(self.target.zero, zero_coordinates(self.objective.design, away))
        found = maximize(self.objective, away, fixed=fixed.astype(int))
        if not found.converged:
            raise ModeError("a constrained search did not converge", np.zeros(1, dtype=int))
        return self._knot(0.0, found.point, 0.0, near.curvature)

    def _knot(self, x, point, slope, curvature) -> Knot:
        self.each()
        fall = self.centre.loglik - point.loglik
        if fall < -HIGHER:
            raise Higher(self.target.back(x), -fall)
        zeta = float(np.copysign(np.sqrt(2 * max(fall, 0.0)), x - self.centre.x))
        rise = -slope * self.target.rate(x) / zeta if zeta else self.centre.rise
        knot = Knot(x, self.target.back(x), zeta, rise, point.loglik, point.working, curvature,
                    point.value.state)
        self.knots = sorted([*self.knots, knot], key=lambda k: k.x)
        return knot

    # Limits

    def limits(self, cut: float, curve: bool) -> tuple[Limit, Limit]:
        """Both limits; with ``curve``, points between and beyond them besides."""
        try:
            found = tuple(self.limit(side, cut) for side in (-1, 1))
            if curve:
                self.fill(found, cut)
        except Higher as higher:
            return (Limit(np.nan, f"the log-likelihood at {self.target.name} = {higher.value:.6g} is "
                          f"higher than that of the fit, by {higher.gain:.3g}: fit the model again "
                          "from other start_params"),) * 2
        return found

    def limit(self, side: int, cut: float) -> Limit:
        """Where zeta is ``side * cut``; ``side`` is -1 or 1."""
        if self.target.ends[side > 0]:
            return Limit(side * np.inf)
        try:
            return self._limit(side, cut)
        except ModeError as error:
            return Limit(np.nan, str(error).rstrip(","))

    def _limit(self, side: int, cut: float) -> Limit:
        bound = self._bound(side)
        inside, outside = self._inner(side, cut), self._outer(side, cut)
        if self.centre.x == bound:
            return Limit(self.target.bounds[side > 0], bound=True)
        for number in range(MAX_FITS):
            x = self._next(inside, outside, side, cut)
            if outside is None and side * (x - bound) >= 0:
                x, at_bound = bound, True
            else:
                at_bound = False
            try:
                knot = self._careful(x, inside)
            except ModeError:
                if outside is None and number >= ENOUGH // 2 and self._endless(inside, cut):
                    return self._none(side, inside, cut)
                raise
            at_bound &= knot.x == x
            if at_bound and side * knot.zeta <= cut:
                return Limit(self.target.bounds[side > 0], bound=True)
            if abs(side * knot.zeta - cut) < ROOT and knot.rise > 0:
                return Limit(self.target.back(knot.x + (side * cut - knot.zeta) / knot.rise))
            if side * knot.zeta > cut:
                outside = knot
            else:
                inside = knot
                if outside is None and number + 1 >= ENOUGH and self._endless(knot, cut):
                    return self._none(side, knot, cut)
            if outside is not None and abs(outside.x - inside.x) < 1e-10 * (1e-10 + abs(inside.x)):
                break
        if outside is None:
            return self._none(side, inside, cut)
        if abs(outside.zeta - inside.zeta) < 0.01:
            return Limit(self.target.back((inside.x + outside.x) / 2))
        return Limit(np.nan, "the profile jumps at "
                     f"{self.target.name} = {self.target.back(inside.x):.6g}")

    def _bound(self, side) -> float:
        return self._bound_of(side, self.centre.x)

    def _bound_of(self, side, centre: float) -> float:
        """Where the parameter is as good as at its bound."""
        if side < 0 and self.target.root and not len(self.target.zero):
            return ASIDE * centre
        bound = self.target.bounds[side > 0]
        return self.target.to(bound) if np.isfinite(bound) else bound

    def _inner(self, side, cut) -> Knot:
        """The outermost known point within the limit."""
        known = [k for k in self.knots
                 if side * (k.x - self.centre.x) >= 0 and side * k.zeta <= cut]
        return max(known, key=lambda k: side * k.x)

    def _outer(self, side, cut) -> Knot | None:
        known = [k for k in self.knots
                 if side * (k.x - self.centre.x) > 0 and side * k.zeta > cut]
        return min(known, key=lambda k: side * k.x) if known else None

    def _next(self, inside: Knot, outside: Knot | None, side, cut) -> float:
        """Where to try."""
        goal = side * cut
        if outside is not None:
            x = between(inside, outside, goal)
            margin = 1e-3 * abs(outside.x - inside.x)
            low, high = sorted((inside.x, outside.x))
            if not low + margin < x < high - margin:  # the curve is far from a cubic
                x = (low + high) / 2 if not low < x < high else np.clip(x, low + margin,
                                                                        high - margin)
            return float(x)
        with np.errstate(over="ignore"):  # the curve may be all but flat
            step = (goal - inside.zeta) / inside.rise if inside.rise > 0 else side * np.inf
        so_far = abs(inside.x - self.centre.x)
        if inside is self.centre:
            return inside.x + step
        return inside.x + side * min(1.1 * abs(step), GROWTH * so_far)

    def _careful(self, x: float, inside: Knot) -> Knot:
        """The point at x or, if there is none, nearer to a known one."""
        for number in range(MAX_CUTS):
            try:
                return self.fit(x, inside)
            except ModeError as error:
                if number == MAX_CUTS - 1:
                    raise ModeError(f"no maximum was found at {self.target.name} = "
                                    f"{self.target.back(x):.6g} ({str(error).rstrip(',')})",
                                    error.units) from error
                x = inside.x + 0.4 * (x - inside.x)
        raise AssertionError

    def _endless(self, knot: Knot, cut) -> bool:
        """Whether zeta hardly grows any more."""
        growth = knot.zeta * knot.rise * (knot.x - self.centre.x)
        return (cut**2 - knot.zeta**2) / 2 > ENDLESS * growth

    def _none(self, side, knot: Knot, cut) -> Limit:
        return Limit(side * np.inf, f"there is no {'upper' if side > 0 else 'lower'} limit: at "
                     f"{self.target.name} = {knot.value:.4g} the signed root is {knot.zeta:.3g} and "
                     f"hardly changes any more, short of {side * cut:.3g}")

    def fill(self, limits, cut: float) -> None:
        """More points, for a curve: between the estimate and the limits, and beyond them."""
        for side, limit in zip((-1, 1), limits):
            known = [k for k in self.knots if side * (k.x - self.centre.x) > 0]
            if not known or np.isnan(limit.value):
                continue
            meets = np.isfinite(limit.value) and not limit.bound
            top = cut if meets else max(side * k.zeta for k in known)
            for goal in (top / 3, 2 * top / 3, *([1.25 * cut] if meets else [])):
                if min(abs(side * k.zeta - goal) for k in known) > 0.1 * top:
                    self._extra(side, goal)

    def _extra(self, side: int, goal: float) -> None:
        """One more point with a signed root of about ``side * goal``, if it can be had."""
        inside, outside = self._inner(side, goal), self._outer(side, goal)
        x = self._next(inside, outside, side, goal)
        if outside is None and side * (x - self._bound(side)) >= 0:
            return
        try:
            self.fit(x, inside)
        except ModeError:  # the curve has fewer points
            return
