r"""The mode of one chunk's latent variables.

Maximises f(u) = sum_s l_s(nu) - |u|^2/2, nu_i = o_i + a_i'u, for all units of the chunk at once by

    step   = H^-1 (sum_i l1_i a_i - u),      H = I - sum_s a l2 a'
    step  += H^-1 sum_i l3[t, t]_i a_i / 2,  t_i = a_i'step       once steps are small

with l1, l2, l3 the derivatives of l_s: Newton's step with Chebyshev's correction, which needs no
derivative that is not there already and converges cubically.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from statsmodels_gllamm.integration.arrow import Factor, factorize, solve, unit_weight
from statsmodels_gllamm.integration.observed import weighted
from statsmodels_gllamm.integration.problem import Chunk

NEWTON_TOL = 3e-6  # size of a last Newton step: what remains is of the order of its square
CHEBYSHEV_TOL = 2e-4  # size of a last corrected step: what remains is of the order of its cube
CORRECTED = 0.3  # steps below this are corrected
SAFE = 0.5  # a change of the linear predictor over which a concave log density is nearly quadratic
STAND_IN = 0.015625, 0.0625, 0.25, 1.0  # shares of the stand-in for a Hessian that is not definite
LONGEST = 1024.0  # the longest multiple of a step where the Hessian is not negative definite
FLOOR = 0.25  # of squared pivots: nodes spread over no more than twice the prior's range
MAX_STEPS = 100
MAX_HALVINGS = 40


class ModeError(ArithmeticError):
    """The mode of some unit's latent variables was not found; ``units`` are their numbers."""

    def __init__(self, message: str, units: np.ndarray) -> None:
        super().__init__(message)
        self.units = units


@dataclass(frozen=True, slots=True)
class Mode:
    """The mode and what the rows look like there.

    ``u`` per level (q, G); ``u_rows`` (D, n); ``nu`` (n,); ``local`` the derivatives of the
    outcomes; ``factor`` that of minus the Hessian; ``placing`` the same with squared pivots of at
    least ``FLOOR``, by which nodes are placed: one object where the density is log-concave.
    """

    u: tuple[np.ndarray, ...]
    u_rows: np.ndarray
    nu: np.ndarray
    local: object
    factor: Factor
    placing: Factor


@dataclass(frozen=True, slots=True)
class _Point:
    """Latent variables of a chunk and the derivatives of the outcomes there."""

    u: list[np.ndarray]
    nu: np.ndarray
    local: object


def to_rows(chunk: Chunk, u) -> np.ndarray:
    """Latent variables of every row (D, n), own level first."""
    return np.concatenate([chunk.to_rows(x, level) for level, x in enumerate(u)])


def row_product(chunk: Chunk, a: np.ndarray, u) -> np.ndarray:
    """a_i'u at every row (n,)."""
    total, d = None, 0
    for level, x in enumerate(u):
        for x_d in chunk.to_units(x, level, 0):
            part = chunk.row_runs.times(a[d], x_d[None])[0]
            total = part if total is None else np.add(total, part, out=total)
            d += 1
    return total


@np.errstate(over="ignore", invalid="ignore", divide="ignore")  # tested for, not warned about
def find_mode(chunk: Chunk, q, o, a, phi, start) -> Mode:
    """The mode from a start, per level (q, G).

    A step is accepted where the slope along it has not turned to more than its first size (concave
    densities on the whole line), or where f has not decreased (all others); else it is halved, for
    each top unit by itself.

    Raises
    ------
    ModeError
        If it is not found; names the top units.
    """
    def at(u, nu) -> _Point:
        return _Point(u, nu, chunk.observed.local(nu, phi))

    concave = chunk.observed.concave
    point = at(list(start), o + row_product(chunk, a, start))
    if not concave:
        point = _feasible(chunk, q, o, a, phi, point, at)
    scale = np.abs(a).max(axis=1)
    eager = np.full(chunk.runs[-1].size, 0.5)  # twice this: the length of a top unit's next step
    for _ in range(MAX_STEPS):
        factor, convex = _ascent_factor(chunk, q, a, point)
        slope = chunk.row_runs.sum_times(a, point.local.first)
        step = solve(chunk, q, factor, slope, [-x for x in point.u])
        size = [np.abs(x).max(0) for x in step]
        largest = max(x.max() for x in size)
        if not np.isfinite(largest):
            bad = [~np.isfinite(x) for x in size]
            _fail(chunk, bad, "the log density has no finite derivative")
        t = row_product(chunk, a, step)
        last = convex is None and largest < NEWTON_TOL
        eager = np.full_like(eager, 0.5) if convex is None else np.where(
            convex, np.minimum(2 * eager, LONGEST), 0.5)
        if convex is not None:  # a short step there need not be near a mode: go on, ever faster
            step, t = _stretched(chunk, step, t, np.where(convex, eager, 1.0))
        elif not last and largest < CORRECTED:
            bend = chunk.row_runs.sum_times(a, 0.5 * point.local.third(t, t))
            correction = solve(chunk, q, factor, bend, None)
            if max(np.abs(x).max() for x in correction) < 0.5 * largest:
                step = [x + c for x, c in zip(step, correction)]
                t += row_product(chunk, a, correction)
                last = largest < CHEBYSHEV_TOL
        reach = scale @ np.concatenate([np.abs(x).max(1) for x in step])
        if last or (concave and reach < SAFE):
            point = at([x + s for x, s in zip(point.u, step)], point.nu + t)
        else:
            test = (_SlopeTest if concave else _ValueTest)(chunk, phi, point, step, t)
            point = _halve(chunk, point, step, t, at, test)
        if last:
            factor = factorize(chunk, q, a, _observed(point))
            if np.isfinite(factor.lower[-1]).all():
                break
    else:
        factor = factorize(chunk, q, a, _observed(point))
        if largest > 1e-4:
            _fail(chunk, [x > 1e-4 for x in size], "the mode search did not converge")
    placing = factor
    if not chunk.observed.log_concave and min(
            np.einsum("iig->ig", x).min() for x in factor.lower) ** 2 < FLOOR:
        placing = factorize(chunk, q, a, _observed(point), FLOOR)
    return Mode(tuple(point.u), to_rows(chunk, point.u), point.nu, point.local, factor, placing)


def _observed(point: _Point):
    """v -> -l2 v at a point."""
    return lambda v: -point.local.second(v)


def _ascent_factor(chunk: Chunk, q, a, point: _Point):
    """Factor of minus the Hessian; in top units where that is not positive definite, of a mean of it
    and a positive definite stand-in (which alone would converge linearly, and zigzag), as near to
    the former as is positive definite.

    With it, which top units (G_top,) those are; None for none.
    """
    observed = _observed(point)
    factor = factorize(chunk, q, a, observed)
    if chunk.observed.log_concave:
        return factor, None
    convex = bad = ~np.isfinite(factor.lower[-1]).all((0, 1))
    share = np.zeros(len(convex))
    for weight in STAND_IN:
        if not bad.any():
            break
        share[bad] = weight
        rows = chunk.top_to_rows(share)
        factor = factorize(chunk, q, a, lambda v, rows=rows: np.where(
            rows > 0, rows * point.local.ascent(v) + (1 - rows) * observed(v), observed(v)))
        bad = ~np.isfinite(factor.lower[-1]).all((0, 1))
    return factor, convex if convex.any() else None


def _stretched(chunk: Chunk, step, t, length):
    """The step, and what it does to the rows, times the length (G_top,) of each top unit."""
    top = len(step) - 1
    step = [x * chunk.to_units(length, top, level) for level, x in enumerate(step)]
    return step, t * chunk.top_to_rows(length)


def _halve(chunk: Chunk, point: _Point, step, t, at, test) -> _Point:
    """The point after the largest share 1, 1/2, 1/4, ... of the step that passes the test."""
    fraction = np.ones(chunk.runs[-1].size)
    new = at([x + s for x, s in zip(point.u, step)], point.nu + t)
    for _ in range(MAX_HALVINGS):
        bad = test.fails(new)
        if not bad.any():
            break
        fraction = np.where(bad, fraction / 2, fraction)
        new = _partly(chunk, point, step, t, fraction, at)
    else:  # no share of the step is good
        bad = test.fails(new)
        if bad.any():
            new = _partly(chunk, point, step, t, np.where(bad, 0.0, fraction), at)
    return new


def _partly(chunk: Chunk, point: _Point, step, t, fraction, at) -> _Point:
    """The point after a share (G_top,) of the step."""
    top = len(step) - 1
    moved = [x + s * chunk.to_units(fraction, top, level)
             for level, (x, s) in enumerate(zip(point.u, step))]
    return at(moved, point.nu + t * chunk.top_to_rows(fraction))


def _prior(chunk: Chunk, x, y) -> np.ndarray:
    """sum over a top unit's latent variables of x y, with unit weights (G_top,)."""
    total = 0.0
    for level, (a, b) in enumerate(zip(x, y)):
        total = total + np.einsum("qg,qg->g", a, b)
        if level + 1 < len(x):
            total = chunk.runs[level + 1].sum(weighted(total, unit_weight(chunk, level)))
    return total


def _top_sum(chunk: Chunk, x: np.ndarray) -> np.ndarray:
    """Weighted sum of the bottom units' values over the top units (G_top,)."""
    for level in range(1, len(chunk.runs)):
        x = chunk.runs[level].sum(weighted(x, unit_weight(chunk, level - 1)))
    return x


class _SlopeTest:
    """Accept a step if the slope at its end is above minus the slope at its beginning."""

    def __init__(self, chunk, phi, point, step, t) -> None:
        self.chunk, self.step, self.t = chunk, step, t
        self.slope = self._slope(point)

    def _slope(self, point: _Point) -> np.ndarray:
        rows = _top_sum(self.chunk, self.chunk.row_runs.sum(point.local.first * self.t))
        return rows - _prior(self.chunk, point.u, self.step)  # a NaN fails the test

    def fails(self, new: _Point) -> np.ndarray:
        return ~(self._slope(new) >= -0.9 * self.slope - 1e-12)


class _ValueTest:
    """Accept a step if f has not decreased."""

    def __init__(self, chunk, phi, point, step, t) -> None:
        self.chunk, self.phi = chunk, phi
        self.value = _objective(chunk, phi, point)

    def fails(self, new: _Point) -> np.ndarray:
        value = _objective(self.chunk, self.phi, new)
        return ~(value >= self.value - 1e-10 * (1 + np.abs(self.value)))


def _objective(chunk: Chunk, phi, point: _Point) -> np.ndarray:
    kernel = chunk.outcome_runs.sum(chunk.observed.kernel(point.nu, phi))
    return _top_sum(chunk, kernel) - 0.5 * _prior(chunk, point.u, point.u)


def _feasible(chunk: Chunk, q, o, a, phi, point: _Point, at) -> _Point:
    """A point where f is finite in every unit: the start, zeros, or near each row's best predictor.

    The last are the u of a ridge regression of the rows' predictors of highest density on a.
    """
    if np.isfinite(_objective(chunk, phi, point)).all():
        return point
    zero = [np.zeros_like(x) for x in point.u]
    point = at(zero, o)
    bad = ~np.isfinite(_objective(chunk, phi, point))
    if not bad.any():
        return point
    best = chunk.observed.best_predictor(phi)
    for weight in (1.0, 1e2, 1e4):
        factor = factorize(chunk, q, a, lambda v, w=weight: w * v)
        u = solve(chunk, q, factor, chunk.row_runs.sum_times(a, weight * (best - o)), None)
        point = at(u, o + row_product(chunk, a, u))
        bad = ~np.isfinite(_objective(chunk, phi, point))
        if not bad.any():
            return point
    raise ModeError("the log density is minus infinity whatever the latent variables",
                    chunk.units[-1][bad])


def _fail(chunk: Chunk, bad_by_level, message: str) -> None:
    bad = sum(chunk.units_to_top(bad * 1.0, level) for level, bad in enumerate(bad_by_level))
    raise ModeError(message, chunk.units[-1][bad > 0])
