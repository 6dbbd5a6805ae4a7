r"""Mode and block-arrow factor of the joint density of one chunk's latent variables.

.. math:: f(u) = \sum_i \ell_i(o_i + a_i'u) - |u|^2/2

has a Hessian that is block-arrow over nested units.  Bottom up, with R the sum over a unit's
children of w a a' (dimensions of this level and above, own block "o" first):

    H = R_oo + I = L L',    M = L^-1 R_oa,    R(next level) = sum over children (R_aa - M'M)

(Pinheiro and Chao, 2006, J. Comput. Graph. Statist. 15, 58-81).  Weights of units multiply what
they pass to their parent.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from statsmodels_gllamm.integration import small
from statsmodels_gllamm.integration.chunks import Chunk

MODE_TOL = 3e-6  # size of the last Newton step: what remains is of the order of its square
MAX_STEPS = 100
MAX_HALVINGS = 40


class ModeError(ArithmeticError):
    """The mode of some unit's latent variables was not found; ``units`` are their numbers."""

    def __init__(self, message: str, units: np.ndarray) -> None:
        super().__init__(message)
        self.units = units


@dataclass(frozen=True, slots=True)
class Factor:
    """Arrow factor: per level ``lower`` (q, q, G), ``cross`` M (q, a, G)."""

    lower: tuple[np.ndarray, ...]
    cross: tuple[np.ndarray, ...]


@dataclass(frozen=True, slots=True)
class Mode:
    """The mode and what the rows look like there.

    ``u`` per level (q, G); ``u_rows`` (D, n); ``nu`` (n,); ``l1, l2, l3`` (n,) row-weighted
    derivatives of the log density; ``factor``.
    """

    u: tuple[np.ndarray, ...]
    u_rows: np.ndarray
    nu: np.ndarray
    l1: np.ndarray
    l2: np.ndarray
    l3: np.ndarray
    factor: Factor


def _weighted(x, weight):
    return x if weight is None else x * weight


def unit_weight(chunk: Chunk, level: int):
    """Weights of a level's units inside their parents, or None (ones, and the top level)."""
    return chunk.unit_weight[level] if level < len(chunk.unit_weight) else None


def factorize(chunk: Chunk, q: tuple[int, ...], a: np.ndarray, w: np.ndarray) -> Factor:
    """Arrow factor from row loadings a (D, n) and weights w (n,) = -l''."""
    d = a.shape[0]
    r = np.empty((d, d, chunk.runs[0].size))
    for i in range(d):
        wa = w * a[i]
        for j in range(i, d):
            r[i, j] = r[j, i] = chunk.runs[0].sum(wa * a[j])
    lower, cross = [], []
    for level, k in enumerate(q):
        h = r[:k, :k].copy()
        for i in range(k):
            h[i, i] += 1.0
        root = small.cholesky(h)
        m = small.forward(root, r[:k, k:])
        lower.append(root)
        cross.append(m)
        if level + 1 < len(q):
            rest = r[k:, k:] - np.einsum("iag,ibg->abg", m, m)
            r = chunk.runs[level + 1].sum(_weighted(rest, unit_weight(chunk, level)))
    return Factor(tuple(lower), tuple(cross))


def solve(chunk: Chunk, q, factor: Factor, rhs_rows: np.ndarray, own) -> list[np.ndarray]:
    """Solve (sum_i w a a' + I) x = sum_i rhs_i + own by the arrow factor.

    ``rhs_rows`` (D, G_0) sums over rows for the bottom units; ``own`` per level (q, G) or None.
    Both are gradients divided by the unit's cumulative weight.  Returns x per level (q, G).
    """
    rhs, c = rhs_rows, []
    for level, k in enumerate(q):
        b = rhs[:k] if own is None else rhs[:k] + own[level]
        c.append(small.forward(factor.lower[level], b))
        if level + 1 < len(q):
            rest = rhs[k:] - np.einsum("iag,ig->ag", factor.cross[level], c[-1])
            rhs = chunk.runs[level + 1].sum(_weighted(rest, unit_weight(chunk, level)))
    x, above = [None] * len(q), None
    for level in range(len(q) - 1, -1, -1):
        b = c[level]
        if above is not None:
            above = chunk.runs[level + 1].spread(above)
            b = b - np.einsum("iag,ag->ig", factor.cross[level], above)
        x[level] = small.backward(factor.lower[level], b)
        above = x[level] if above is None else np.concatenate([x[level], above])
    return x


def to_rows(chunk: Chunk, u) -> np.ndarray:
    """Latent variables of every row (D, n), own level first."""
    return np.concatenate([chunk.to_rows(x, level) for level, x in enumerate(u)])


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.einsum("dn,dn->n", a, b)


def _prior(chunk: Chunk, x, y) -> np.ndarray:
    """sum over a top unit's latent variables of x y, with unit weights (G_top,)."""
    total = 0.0
    for level, (a, b) in enumerate(zip(x, y)):
        total = total + _dot(a, b)
        if level + 1 < len(x):
            total = chunk.runs[level + 1].sum(_weighted(total, unit_weight(chunk, level)))
    return total


def _top_sum(chunk: Chunk, x: np.ndarray) -> np.ndarray:
    """Weighted sum of row values over the top units (G_top,)."""
    x = chunk.runs[0].sum(x)
    for level in range(1, len(chunk.runs)):
        x = chunk.runs[level].sum(_weighted(x, unit_weight(chunk, level - 1)))
    return x


@dataclass(frozen=True, slots=True)
class _Point:
    """Latent variables of a chunk and the log density's derivatives there."""

    u: list[np.ndarray]
    u_rows: np.ndarray
    nu: np.ndarray
    l1: np.ndarray
    l2: np.ndarray
    l3: np.ndarray


def find_mode(chunk: Chunk, q, response, o, a, aux, start) -> Mode:
    """Newton's method for all units of a chunk at once, with step halving per top unit.

    A step is accepted where the slope along it has not turned to more than its first size (concave
    densities on the whole line), or where f has not decreased (all others).
    """
    def at(u, u_rows, nu) -> _Point:
        derivatives = response.derivatives(chunk.y, nu, aux)
        return _Point(u, u_rows, nu, *(_weighted(x, chunk.row_weight) for x in derivatives))

    top = len(q) - 1
    u_rows = to_rows(chunk, start)
    point = at(list(start), u_rows, o + _dot(a, u_rows))
    accept = _SlopeTest if response.log_concave and not response.bounded else _ValueTest
    if accept is _ValueTest:
        point = _feasible(chunk, response, o, aux, point, at)
    for _ in range(MAX_STEPS):
        w = -point.l2 if response.log_concave else _weighted(
            response.expected_information(chunk.y, point.nu, aux), chunk.row_weight)
        factor = factorize(chunk, q, a, w)
        step = solve(chunk, q, factor, chunk.runs[0].sum(a * point.l1), [-x for x in point.u])
        size = [np.abs(x).max(0) for x in step]
        largest = max(x.max() for x in size)
        if not np.isfinite(largest):
            _fail(chunk, [~np.isfinite(x) for x in size], "the log density has no finite derivative")
        step_rows = to_rows(chunk, step)
        t = _dot(a, step_rows)
        test = None if largest < MODE_TOL else accept(chunk, response, aux, point, step, t)
        fraction = None
        for _ in range(MAX_HALVINGS):
            if fraction is None:
                moved, f_rows = [x + s for x, s in zip(point.u, step)], 1.0
            else:
                moved = [x + s * chunk.to_rows(fraction, top, level + 1)
                         for level, (x, s) in enumerate(zip(point.u, step))]
                f_rows = chunk.to_rows(fraction, top)
            new = at(moved, point.u_rows + step_rows * f_rows, point.nu + t * f_rows)
            if test is None:
                break
            bad = test.fails(new, 1.0 if fraction is None else fraction)
            if not bad.any():
                break
            fraction = np.where(bad, 0.5, 1.0) * (1.0 if fraction is None else fraction)
        point = new
        if largest < MODE_TOL:
            break
    else:
        if largest > 1e-4:
            _fail(chunk, [x > 1e-4 for x in size], "the mode search did not converge")
    return Mode(tuple(point.u), point.u_rows, point.nu, point.l1, point.l2, point.l3,
                factorize(chunk, q, a, -point.l2))


class _SlopeTest:
    """Accept a step if the slope at its end is above minus the slope at its beginning."""

    def __init__(self, chunk, response, aux, point, step, t) -> None:
        self.chunk, self.step, self.t = chunk, step, t
        self.slope = self._slope(point)

    def _slope(self, point) -> np.ndarray:
        return (_top_sum(self.chunk, point.l1 * self.t)
                - _prior(self.chunk, point.u, self.step))

    def fails(self, new: _Point, fraction) -> np.ndarray:
        return ~(self._slope(new) >= -0.9 * self.slope - 1e-12)


class _ValueTest:
    """Accept a step if f has not decreased."""

    def __init__(self, chunk, response, aux, point, step, t) -> None:
        self.chunk, self.response, self.aux = chunk, response, aux
        self.value = _objective(chunk, response, aux, point)

    def fails(self, new: _Point, fraction) -> np.ndarray:
        value = _objective(self.chunk, self.response, self.aux, new)
        return ~(value >= self.value - 1e-10 * (1 + np.abs(self.value)))


def _objective(chunk, response, aux, point) -> np.ndarray:
    kernel = _weighted(response.kernel(chunk.y, point.nu, aux), chunk.row_weight)
    return _top_sum(chunk, kernel) - 0.5 * _prior(chunk, point.u, point.u)


def _feasible(chunk, response, o, aux, point, at) -> _Point:
    """The starting point if f is finite there, else latent variables of zero, else an error."""
    if np.isfinite(_objective(chunk, response, aux, point)).all():
        return point
    point = at([np.zeros_like(x) for x in point.u], np.zeros_like(point.u_rows), o)
    bad = ~np.isfinite(_objective(chunk, response, aux, point))
    if bad.any():
        raise ModeError("the log density is minus infinity where the latent variables are zero",
                        chunk.units[-1][bad])
    return point


def _fail(chunk, bad_by_level, message) -> None:
    top = len(bad_by_level) - 1
    bad = sum(chunk.to_level(bad * 1.0, top, level + 1) for level, bad in enumerate(bad_by_level))
    raise ModeError(message, chunk.units[-1][bad > 0])
