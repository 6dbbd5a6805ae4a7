r"""Block-arrow factor of the joint density of one chunk's latent variables.

.. math:: f(u) = \sum_s \ell_s(o_i + a_i'u, i \in s) - |u|^2/2

has a Hessian that is block-arrow over nested units.  Bottom up, with R the sum over a unit's
rows of a W a', W = -l'' (dimensions of this level and above, own block "o" first):

    H = R_oo + I = L L',    M = L^-1 R_oa,    R(next level) = sum over children (R_aa - M'M)

(Pinheiro and Chao, 2006, J. Comput. Graph. Statist. 15, 58-81).  Weights of units multiply what
they pass to their parent.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from statsmodels_gllamm.integration import small
from statsmodels_gllamm.integration.observed import weighted
from statsmodels_gllamm.integration.problem import Chunk


@dataclass(frozen=True, slots=True)
class Factor:
    """Arrow factor: per level ``lower`` (q, q, G), ``cross`` M (q, a, G), and where pivots are at
    the floor (q, G), or None."""

    lower: tuple[np.ndarray, ...]
    cross: tuple[np.ndarray, ...]
    clipped: tuple[np.ndarray, ...] | None = None


def unit_weight(chunk: Chunk, level: int):
    """Weights of a level's units inside their parents, or None (ones, and the top level)."""
    return chunk.unit_weight[level] if level < len(chunk.unit_weight) else None


def factorize(chunk: Chunk, q: tuple[int, ...], a: np.ndarray, times, floor=None) -> Factor:
    """Arrow factor from row loadings a (D, n) and the product ``times(v)`` = W v, v (n,).

    NaN where it is not positive definite; with a ``floor`` squared pivots are at least that.
    """
    d = a.shape[0]
    runs = chunk.row_runs
    r = np.empty((d, d, runs.size))
    for i in range(d):
        wa = times(a[i])
        for j in range(i, d):
            r[i, j] = r[j, i] = runs.sum_times(wa[None], a[j])[0]
    lower, cross, clipped = [], [], []
    for level, k in enumerate(q):
        h = r[:k, :k].copy()
        for i in range(k):
            h[i, i] += 1.0
        if floor is None:
            root = small.cholesky(h)
        else:
            root, at_floor = small.floored_cholesky(h, floor)
            clipped.append(at_floor)
        m = small.forward(root, r[:k, k:])
        lower.append(root)
        cross.append(m)
        if level + 1 < len(q):
            rest = r[k:, k:] - np.einsum("iag,ibg->abg", m, m)
            r = chunk.runs[level + 1].sum(weighted(rest, unit_weight(chunk, level)))
    return Factor(tuple(lower), tuple(cross), tuple(clipped) or None)


def solve(chunk: Chunk, q, factor: Factor, rhs_rows: np.ndarray, own) -> list[np.ndarray]:
    """Solve (sum a W a' + I) x = sum_i rhs_i + own by the arrow factor.

    ``rhs_rows`` (D, G_0) sums over rows for the bottom units; ``own`` per level (q, G) or None.
    Both are gradients divided by the unit's cumulative weight.  Returns x per level (q, G).
    """
    rhs, c = rhs_rows, []
    for level, k in enumerate(q):
        b = rhs[:k] if own is None else rhs[:k] + own[level]
        c.append(small.forward(factor.lower[level], b))
        if level + 1 < len(q):
            rest = rhs[k:] - np.einsum("iag,ig->ag", factor.cross[level], c[-1])
            rhs = chunk.runs[level + 1].sum(weighted(rest, unit_weight(chunk, level)))
    x, above = [None] * len(q), None
    for level in range(len(q) - 1, -1, -1):
        b = c[level]
        if above is not None:
            above = chunk.runs[level + 1].spread(above)
            b = b - np.einsum("iag,ag->ig", factor.cross[level], above)
        x[level] = small.backward(factor.lower[level], b)
        above = x[level] if above is None else np.concatenate([x[level], above])
    return x
