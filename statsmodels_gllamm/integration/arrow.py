r"""Block-arrow factor of the joint density of one chunk's latent variables.

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


@dataclass(frozen=True, slots=True)
class Factor:
    """Arrow factor: per level ``lower`` (q, q, G), ``cross`` M (q, a, G)."""

    lower: tuple[np.ndarray, ...]
    cross: tuple[np.ndarray, ...]


def weighted(x, weight):
    """x times a weight; None means one."""
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
            r[i, j] = r[j, i] = chunk.runs[0].sum_times(wa[None], a[j])[0]
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
            r = chunk.runs[level + 1].sum(weighted(rest, unit_weight(chunk, level)))
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
