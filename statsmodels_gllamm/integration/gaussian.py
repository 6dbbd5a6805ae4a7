r"""Gaussian models in closed form, by patterns of clusters with the same design.

The rows of a top-level unit j of pattern p are normal with mean :math:`\mu_j = o_j` and covariance

.. math:: V_p = A_p A_p' + \Theta_p,

:math:`\Theta_p = \operatorname{diag}(\sigma^2)` plus residual covariances.  With
:math:`Q = V_p^{-1}`, :math:`r_j = y_j - \mu_j`, :math:`S_p = \sum_j r_j r_j'`, :math:`M = Q S_p Q`

.. math::
    \ell_p = -\tfrac{n_p}{2} \log|2\pi V_p| - \tfrac12 \operatorname{tr}(Q S_p), \qquad
    d\ell_p = \operatorname{tr}(G\,dV) + \sum_j d\mu_j' Q r_j, \quad G = \tfrac12 (M - n_p Q)

    -d^2\ell_p = \operatorname{tr}(Q\,dV H\,dV) - \operatorname{tr}(G\,d^2V) + \sum_j d\mu_j' Q d\mu_j
                 + 2 \sum_j d\mu_j' Q\,dV\,Q r_j, \quad H = M - \tfrac{n_p}{2} Q

The expectation has H = n_p Q / 2 and no second and last term.  The row offsets are
:math:`\mu_{ji} = \sum_f B_{if} t_{jf}` with features t_j (the constant, and what varies between units),
so that S_p needs n_p, mean and scatter of (y_j, t_j) only (Lawley and Maxwell, 1971; Magnus and
Neudecker, 1999, ch. 15).
"""
from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from statsmodels_gllamm.integration.marginal import Evaluation
from statsmodels_gllamm.integration.mode import ModeError

PIECE = 300_000  # elements of the patterns' matrices at a time: a few such arrays stay in the cache
LOG_2PI = float(np.log(2 * np.pi))


@dataclass(frozen=True, slots=True)
class Grid:
    """Units whose rows have m common positions, of which each pattern has some.

    Attributes
    ----------
    present : ndarray (P, m)
        One where a pattern has a row; zero elsewhere.
    n : ndarray (P,)
        Units of the pattern, with their frequency weights.
    mean : ndarray (P, m + F)
        Means over the units of the responses at the positions (zero where there is none) and of the
        features, the first of which is the constant.
    scatter : ndarray (K, m + F, m + F)
        Sums of squares and products about the means, of the first K patterns; the units of the
        others are alike.
    n_features, n_latent : int
        F and the latent variables of a unit, those of all lower units within it.
    to_entries : ndarray (N, E)
        d(B (m, F), A (m, D), log sigma (m,), residual covariances) / d entries of Psi.
    pairs : ndarray (R, 2)
        Positions of the residual covariances.
    units : ndarray (n,)
        Global number of every top-level unit.
    pattern : ndarray (n,)
    values : ndarray (n, m + F)
        Responses and features of every unit.
    """

    present: np.ndarray
    n: np.ndarray
    mean: np.ndarray
    scatter: np.ndarray
    n_features: int
    n_latent: int
    to_entries: np.ndarray
    pairs: np.ndarray
    units: np.ndarray
    pattern: np.ndarray
    values: np.ndarray

    @property
    def m(self) -> int:
        """Positions."""
        return self.present.shape[1]

    def pieces(self) -> list[slice]:
        """Patterns to compute at a time: those with scatter, then the others."""
        step, k = max(1, PIECE // (self.m * self.m)), len(self.scatter)
        return [slice(a, min(a + step, stop)) for start, stop in ((0, k), (k, len(self.n)))
                for a in range(start, stop, step)]


@dataclass(frozen=True, slots=True)
class GaussianProblem:
    """A data set as patterns.

    ``constant`` the log-likelihood of the transformation to normal responses, in all and
    ``unit_constant`` by top-level unit; ``n_rows`` the computed rows.
    """

    grids: tuple[Grid, ...]
    entries: tuple[np.ndarray, np.ndarray]
    top_weight: np.ndarray
    unit_constant: np.ndarray
    n_rows: int
    chunks: tuple = ()

    @property
    def n_computed(self) -> int:
        """Rows that are computed."""
        return self.n_rows

    @property
    def n_top(self) -> int:
        """Number of top-level units."""
        return len(self.top_weight)

    @property
    def constant(self) -> float:
        """Log-likelihood of the transformation to normal responses."""
        return float(self.unit_constant @ self.top_weight)


@dataclass(frozen=True, slots=True)
class Moments:
    """B (m, F), A (m, D), sigma^2 (m,) and Theta (m, m), None where diagonal, of a grid."""

    b: np.ndarray
    a: np.ndarray
    variance: np.ndarray
    theta: np.ndarray | None


def moments_of(grid: Grid, entries: np.ndarray) -> Moments:
    """The moments at values of the entries (E,)."""
    m, f, d = grid.m, grid.n_features, grid.n_latent
    b, a, logsd, cov = np.split(grid.to_entries @ entries, np.cumsum([m * f, m * d, m]))
    with np.errstate(over="ignore"):
        variance = np.exp(2 * logsd)
    theta = None
    if len(grid.pairs):
        theta = np.diag(variance)
        one, two = grid.pairs.T
        theta[one, two] = theta[two, one] = cov
    return Moments(b.reshape(m, f), a.reshape(m, d), variance, theta)


def precision(moments: Moments, present: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """V^-1 (P, m, m), zero where there is no row, and log|V| (P,).

    With a diagonal Theta, V^-1 = D - D A (I + A'DA)^-1 A'D, D = Theta^-1, and log|V| = log|Theta| +
    log|I + A'DA|.

    Raises
    ------
    LinAlgError
        If V is not positive definite.
    """
    a, d = moments.a, moments.a.shape[1]
    inside = present[:, :, None] * present[:, None, :]
    try:
        with np.errstate(over="raise", divide="raise", invalid="raise"):
            if moments.theta is None:
                weight = present / moments.variance
                products = (a[:, :, None] * a[:, None, :]).reshape(len(a), -1)
                inner = (weight @ products).reshape(-1, d, d) + np.eye(d)
                root = np.linalg.cholesky(inner)
                log_det = 2 * np.log(np.einsum("pii->pi", root)).sum(1)
                log_det += present @ np.log(moments.variance)
                half = np.linalg.solve(root, np.swapaxes(weight[:, :, None] * a, 1, 2))
                q = -np.swapaxes(half, 1, 2) @ half
                np.einsum("pii->pi", q)[:] += weight
                return q, log_det
            v = (a @ a.T + moments.theta) * inside
            np.einsum("pii->pi", v)[:] += 1 - present
            root = np.linalg.cholesky(v)
            log_det = 2 * np.log(np.einsum("pii->pi", root)).sum(1)
            return np.linalg.inv(v) * inside, log_det
    except FloatingPointError:
        raise np.linalg.LinAlgError from None


@dataclass(frozen=True, slots=True)
class Piece:
    """Some patterns at given moments: ``q`` (P, m, m), ``log_det`` (P,), ``m2`` (P, m, m) = M, ``z``
    (P, m, F) the sums of (Q r_j) t_j', ``quad`` (P,) = tr(QS)."""

    q: np.ndarray
    log_det: np.ndarray
    m2: np.ndarray
    z: np.ndarray
    quad: np.ndarray


def _piece(grid: Grid, moments: Moments, own: slice) -> Piece:
    m, present, n, mean = grid.m, grid.present[own], grid.n[own], grid.mean[own]
    q, log_det = precision(moments, present)
    r = (mean[:, :m] - mean[:, m:] @ moments.b.T) * present
    w = np.einsum("pij,pj->pi", q, r)
    nw = n[:, None] * w
    m2 = nw[:, :, None] * w[:, None, :]
    z = nw[:, :, None] * mean[:, None, m:]
    quad = np.einsum("pi,pi->p", nw, r)
    scatter = grid.scatter[own]
    if len(scatter):
        residual = scatter[:, :m] - moments.b @ scatter[:, m:]
        z += q @ residual[:, :, m:]
        s = (residual[:, :, :m] - residual[:, :, m:] @ moments.b.T) * (
            present[:, :, None] * present[:, None, :])
        qs = q @ s
        quad += np.einsum("pii->p", qs)
        m2 += qs @ q
    return Piece(q, log_det, m2, z, quad)


@dataclass(frozen=True, slots=True)
class Sums:
    """A piece's part: log-likelihood, G (m, m), Z (m, F), and information (N, N) or None."""

    loglik: float
    g: np.ndarray
    z: np.ndarray
    information: np.ndarray | None


def _sums(grid: Grid, moments: Moments, own: slice, gradient, information: str | None) -> Sums:
    try:
        p, n = _piece(grid, moments, own), grid.n[own]
    except np.linalg.LinAlgError:
        inside = (grid.pattern >= own.start) & (grid.pattern < own.stop)
        raise ModeError("the covariance matrix of the responses is not positive definite",
                        grid.units[inside]) from None
    rows = grid.present[own].sum(1)
    loglik = -0.5 * float(n @ (rows * LOG_2PI + p.log_det) + p.quad.sum())
    if not gradient:
        return Sums(loglik, None, None, None)
    g = 0.5 * (p.m2.sum(0) - np.tensordot(n, p.q, 1))
    info = None
    if information == "observed":
        h = p.m2 - 0.5 * n[:, None, None] * p.q
        info = _information(grid, moments, own, p.q, h, g, p.z)
    elif information == "expected":
        info = _information(grid, moments, own, p.q, 0.5 * n[:, None, None] * p.q, None, None)
    return Sums(loglik, g, p.z.sum(0), info)


def _information(grid: Grid, moments: Moments, own: slice, q, h, g, z) -> np.ndarray:
    """Information (N, N) of a piece in (B, A, log sigma, residual covariances).

    An element dV = e_i b' + b e_i' has b = A_c, sigma_i^2 e_i or e_k, and

        tr(Q dV H dV*) = b'He_k b*'Qe_i + b'Hb* Q_ik + H_ik b'Qb* + b*'He_i b'Qe_k
    """
    m, f, d, r = grid.m, grid.n_features, grid.n_latent, len(grid.pairs)
    a, twice = moments.a, 2 * moments.variance
    ends = np.cumsum([0, m * f, m * d, m, r])
    mean, load, sd, res = (slice(x, y) for x, y in zip(ends[:-1], ends[1:]))
    out = np.zeros((ends[-1], ends[-1]))
    qa, ha = q @ a, h @ a
    aqa, aha = a.T @ qa, a.T @ ha

    crossed = _outer(ha, qa).transpose(2, 1, 0, 3)  # [i, c, k, d] = HA[k, c] QA[i, d]
    same = _outer(aha, q).transpose(2, 0, 3, 1) + _outer(aqa, h).transpose(2, 0, 3, 1)
    both = crossed + crossed.transpose(2, 3, 0, 1) + same
    if g is not None:
        both[:, np.arange(d), :, np.arange(d)] -= 2 * g
    out[load, load] = both.reshape(m * d, m * d)
    with_sd = (_by_position(ha, q) + _by_position(qa, h)).transpose(2, 1, 0)
    out[load, sd] = (with_sd * twice).reshape(m * d, m)
    out[sd, sd] = np.einsum("pij,pij->ij", q, h) * np.outer(twice, twice)
    if g is not None:
        out[sd, sd] -= np.diag(2 * twice * np.diag(g))

    n, t = grid.n[own], grid.mean[own][:, m:]
    squares = n[:, None, None] * t[:, :, None] * t[:, None, :]
    squares[:len(grid.scatter[own])] += grid.scatter[own][:, m:, m:]
    out[mean, mean] = _outer(q, squares).transpose(0, 2, 1, 3).reshape(m * f, m * f)
    if z is not None:
        az = np.swapaxes(a, 0, 1) @ z
        cross = _outer(q, az).transpose(0, 3, 1, 2) + _outer(qa, z).transpose(0, 3, 2, 1)
        out[mean, load] = cross.reshape(m * f, m * d)
        out[mean, sd] = (_by_position(q, z).transpose(1, 2, 0) * twice).reshape(m * f, m)
    one, two = grid.pairs.T
    for place, (i, k) in zip(range(res.start, res.stop), grid.pairs):
        parts = ((i, k), (k, i))
        out[load, place] = sum(
            np.einsum("pc,pi->ic", ha[:, x], q[:, y]) + np.einsum("pi,pc->ic", h[:, x], qa[:, y])
            for x, y in parts).ravel()
        out[sd, place] = twice * sum(np.einsum("pk,pk->k", q[:, x], h[:, y]) for x, y in parts)
        out[res, place] = sum(
            (q[:, two, x] * h[:, y, one] + q[:, one, x] * h[:, y, two]).sum(0) for x, y in parts)
        if z is not None:
            out[mean, place] = sum(
                np.einsum("pk,pf->kf", q[:, x], z[:, y]) for x, y in parts).ravel()
    upper = np.triu(out)
    return upper + np.triu(out, 1).T


def _outer(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """sum_p x_p (a, b) y_p (c, d) as (a, b, c, d)."""
    p = len(x)
    return (x.reshape(p, -1).T @ y.reshape(p, -1)).reshape(x.shape[1:] + y.shape[1:])


def _by_position(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """sum_p x_p (k, a) y_p (k, b) as (k, a, b)."""
    return x.transpose(1, 2, 0) @ y.transpose(1, 0, 2)


def _bar(grid: Grid, moments: Moments, g, z) -> np.ndarray:
    """Derivative in (B, A, log sigma, residual covariances), from G and Z."""
    one, two = grid.pairs.T
    return np.concatenate([z.ravel(), (2 * g @ moments.a).ravel(),
                           2 * moments.variance * np.diag(g), 2 * g[one, two]])


def evaluate(problem: GaussianProblem, psi: np.ndarray, *, gradient=True, units=False,
             information: str | bool = False, pool: Executor | None = None) -> Evaluation:
    """Log-likelihood of all patterns; see `marginal.evaluate`.

    Parameters
    ----------
    problem : GaussianProblem
    psi : ndarray (r, 1 + D + m)
        Expanded coefficients.
    gradient, units : bool
    information : {False, True, "observed", "expected"}
        Exact second derivatives, or their expectation.
    pool : Executor, optional

    Raises
    ------
    ModeError
        If a covariance matrix is not positive definite.
    """
    entries = psi[problem.entries]
    kind = "observed" if information is True else information or None
    total, bar = problem.constant, np.zeros(len(entries))
    info = np.zeros((len(entries),) * 2) if kind else None
    for grid in problem.grids:
        moments, pieces = moments_of(grid, entries), grid.pieces()

        def one(own, grid=grid, moments=moments):
            return _sums(grid, moments, own, gradient, kind)

        sums = list(map(one, pieces) if pool is None or len(pieces) < 4 else pool.map(one, pieces))
        total += sum(s.loglik for s in sums)
        if gradient:
            own = _bar(grid, moments, sum(s.g for s in sums), sum(s.z for s in sums))
            bar += own @ grid.to_entries
        if kind:
            info += grid.to_entries.T @ sum(s.information for s in sums) @ grid.to_entries
    if not np.isfinite(total):
        raise ModeError("the log-likelihood is not finite", problem.grids[0].units)
    unit_loglik = unit_bar = None
    if units:
        unit_loglik, unit_bar = _units(problem, entries)
    return Evaluation(total, bar if gradient else None, unit_loglik, unit_bar, info, ())


def _units(problem: GaussianProblem, entries):
    """Log-likelihood (n_top,) of every top-level unit and its derivatives (E, n_top)."""
    loglik, bars = problem.unit_constant.copy(), np.zeros((len(entries), problem.n_top))
    for grid in problem.grids:
        moments, m = moments_of(grid, entries), grid.m
        one, two = grid.pairs.T
        for a in range(0, len(grid.units), max(1, PIECE // (m * m))):
            own = slice(a, a + max(1, PIECE // (m * m)))
            patterns, code = np.unique(grid.pattern[own], return_inverse=True)
            present = grid.present[patterns]
            q, log_det = precision(moments, present)
            q, present, t = q[code], present[code], grid.values[own]
            r = (t[:, :m] - t[:, m:] @ moments.b.T) * present
            w = np.einsum("pij,pj->pi", q, r)
            diagonal = np.einsum("pii->pi", q)
            bar = np.concatenate([
                (w[:, :, None] * t[:, None, m:]).reshape(len(w), -1),
                (w[:, :, None] * (w @ moments.a)[:, None] - q @ moments.a).reshape(len(w), -1),
                moments.variance * (w * w - diagonal), w[:, one] * w[:, two] - q[:, one, two]], axis=1)
            bars[:, grid.units[own]] = (bar @ grid.to_entries).T
            loglik[grid.units[own]] += -0.5 * (
                present.sum(1) * LOG_2PI + log_det[code] + np.einsum("pi,pi->p", w, r))
    return loglik, bars


def unit_posterior(problem: GaussianProblem, psi: np.ndarray):
    """Posterior mean (D, n_top) and covariance (D, D, n_top) of the latent variables of units of the
    only level: A'Qr and I - A'QA."""
    entries = psi[problem.entries]
    d = problem.grids[0].n_latent
    mean, cov = np.zeros((d, problem.n_top)), np.zeros((d, d, problem.n_top))
    for grid in problem.grids:
        moments, m = moments_of(grid, entries), grid.m
        step = max(1, PIECE // (m * m))
        for a in range(0, len(grid.units), step):
            own = slice(a, a + step)
            patterns, code = np.unique(grid.pattern[own], return_inverse=True)
            qa = precision(moments, grid.present[patterns])[0] @ moments.a
            t = grid.values[own]
            r = t[:, :m] - t[:, m:] @ moments.b.T
            units = grid.units[own]
            mean[:, units] = np.einsum("pid,pi->dp", qa[code], r)
            known = np.eye(d) - np.swapaxes(moments.a, 0, 1) @ qa
            cov[:, :, units] = np.moveaxis(known[code], 0, -1)
    return mean, cov
