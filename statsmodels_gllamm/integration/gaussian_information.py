"""Second derivatives of a Gaussian log-likelihood in closed form.

An element of A, of log sigma or of the residual covariances moves V by dV = e_i b' + b e_i', with
b = A_c, sigma_i^2 e_i or e_k.  In the notation of gaussian.py, for two of them, i with b and k with b*,

    tr(Q dV H dV*) = (b'He_k)(b*'Qe_i) + (b'Hb*) Q_ik + H_ik (b'Qb*) + (b*'He_i)(b'Qe_k)

and an element B_if of the offsets has with them, and with B_kg,

    sum_j dmu'Q dV Q r_j = Q_il (b'Z)_f + (Qb)_i Z_lf  (dV of l),    Q_ik sum_j t_jf t_jg

with Z = sum_j Q r_j t_j'.  Sums over patterns are products of matrices.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from statsmodels_gllamm.integration.grids import Grid, Moments


@dataclass(frozen=True, slots=True)
class Products:
    """Q, H, QA and HA of P patterns; ``here`` (P, U, m) the rows of Q and ``there`` (P, U, m) those of
    Z', None for expected information, of the used elements of B."""

    q: np.ndarray
    h: np.ndarray
    qa: np.ndarray
    ha: np.ndarray
    here: np.ndarray
    there: np.ndarray | None


def piece_information(grid: Grid, moments: Moments, own: slice, q, h, g=None, z=None) -> np.ndarray:
    """Information (N, N) of the patterns ``own`` in (B, A, log sigma, residual covariances).

    Parameters
    ----------
    q, h : ndarray (P, m, m)
    g : ndarray (m, m), optional
        Sum of G over the patterns; without it the expected information, with H = n Q / 2.
    z : ndarray (P, m, F), optional
    """
    position, feature = grid.used.T
    there = None if z is None else np.swapaxes(z, 1, 2)[:, feature]
    p = Products(q, h, q @ moments.a, h @ moments.a, q[:, position], there)
    ends = grid.ends
    blocks = [slice(a, b) for a, b in zip(ends[:-1], ends[1:])]
    out = np.zeros((ends[-1], ends[-1]))
    _variances(out, blocks, moments, p, g)
    _offsets(out, blocks, grid, moments, own, p)
    _residuals(out, blocks, grid, moments, p)
    return np.triu(out) + np.triu(out, 1).T


def _variances(out, blocks, moments: Moments, p: Products, g) -> None:
    """Loadings and residual variances among each other."""
    _, load, sd, _ = blocks
    a, twice = moments.a, 2 * moments.variance
    m, d = a.shape
    crossed = _outer(p.ha, p.qa).transpose(2, 1, 0, 3)  # [i, c, k, d] = HA[k, c] QA[i, d]
    both = crossed + crossed.transpose(2, 3, 0, 1)
    both += _outer(a.T @ p.ha, p.q).transpose(2, 0, 3, 1)
    both += _outer(a.T @ p.qa, p.h).transpose(2, 0, 3, 1)
    squares = np.einsum("pij,pij->ij", p.q, p.h) * np.outer(twice, twice)
    if g is not None:
        both[:, np.arange(d), :, np.arange(d)] -= 2 * g
        squares -= np.diag(2 * twice * np.diag(g))
    out[load, load] = both.reshape(m * d, m * d)
    between = (_by_position(p.ha, p.q) + _by_position(p.qa, p.h)).transpose(2, 1, 0)
    out[load, sd] = (between * twice).reshape(m * d, m)
    out[sd, sd] = squares


def _offsets(out, blocks, grid: Grid, moments: Moments, own: slice, p: Products) -> None:
    """The offsets with themselves, with loadings and with residual variances."""
    mean, load, sd, _ = blocks
    position, feature = grid.used.T
    t, scatter = grid.mean[own][:, grid.m:], grid.scatter[own]
    squares = grid.n[own][:, None, None] * t[:, :, None] * t[:, None, :]
    squares[:len(scatter)] += scatter[:, grid.m:, grid.m:]
    both = squares[:, feature[:, None], feature]
    both *= p.here[:, :, position]
    out[mean, mean] = both.sum(0)
    if p.there is not None:
        cross = _by_position(p.here, p.there @ moments.a) + _by_position(p.there, p.qa[:, position])
        out[mean, load] = cross.reshape(-1, moments.a.size)
        out[mean, sd] = np.einsum("pui,pui->ui", p.here, p.there) * (2 * moments.variance)


def _residuals(out, blocks, grid: Grid, moments: Moments, p: Products) -> None:
    """Residual covariances with everything."""
    mean, load, sd, res = blocks
    q, h, (one, two) = p.q, p.h, grid.pairs.T
    for place, (i, k) in zip(range(res.start, res.stop), grid.pairs):
        ways = (i, k), (k, i)
        out[load, place] = sum(
            np.einsum("pc,pi->ic", p.ha[:, x], q[:, y]) + np.einsum("pi,pc->ic", h[:, x], p.qa[:, y])
            for x, y in ways).ravel()
        out[sd, place] = 2 * moments.variance * sum(
            np.einsum("pk,pk->k", q[:, x], h[:, y]) for x, y in ways)
        out[res, place] = sum(
            (q[:, two, x] * h[:, y, one] + q[:, one, x] * h[:, y, two]).sum(0) for x, y in ways)
        if p.there is not None:
            out[mean, place] = sum((p.here[:, :, x] * p.there[:, :, y]).sum(0) for x, y in ways)


def _outer(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """sum_p x_p (a, b) y_p (c, d) as (a, b, c, d)."""
    p = len(x)
    return (x.reshape(p, -1).T @ y.reshape(p, -1)).reshape(x.shape[1:] + y.shape[1:])


def _by_position(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """sum_p x_p (k, a) y_p (k, b) as (k, a, b)."""
    return x.transpose(1, 2, 0) @ y.transpose(1, 0, 2)
