r"""Constraints on covariance matrices as linear constraints on the elements of T, Psi = T T'.

In an order of the latent variables in which no elimination fills in zeros (for every j, of two later
ones i and k with covariances with j, the covariance of i and k is not zero either),

.. math:: \Psi_{ij} = 0 \text{ for all pairs of a set} \iff T_{ij} = 0 \text{ for them},

and where a row of T has a diagonal element alone, :math:`\Psi_{ii} = T_{ii}^2`, so that
:math:`\Psi_{ii} = v` is :math:`T_{ii} = \sqrt v` and :math:`w \Psi_{ii} = v \Psi_{jj}` is
:math:`\sqrt w\, T_{ii} = \sqrt v\, T_{jj}` (Paulsen, Power and Smith, 1989, Journal of Functional
Analysis 85, 151-178).  So a variance may become zero, or a correlation one.
"""
from __future__ import annotations

import numpy as np

from statsmodels_gllamm.latent.covariance import fills_in


def on_root(slices, r: np.ndarray, q: np.ndarray):
    """Constraints R theta = q on the working coordinates.

    Parameters
    ----------
    slices : sequence of (slice, Covariance)
        Of the natural parameters.
    r : ndarray (m, k)
    q : ndarray (m,)

    Returns
    -------
    r, q : ndarray
        The same objects where nothing changes.
    numbers : set of int
        Slices of which T cannot say it: their coordinates have to be direct, and their constraints
        stay what they are.
    """
    owner = {at: (number, pair) for number, (s, c) in enumerate(slices)
             for at, pair in zip(range(s.start, s.stop), c.pairs())}
    rows = [_Row(row, value, owner) for row, value in zip(r, q)]
    numbers = {n for n in set().union(*(row.matrices for row in rows)) if slices[n][1].direct}
    numbers |= set().union(*(row.matrices for row in rows if row.kind == "other"))
    while True:
        more = {n for row in rows for n in row.matrices - numbers
                if row.matrices & numbers or not _possible(n, slices[n][1], rows)}
        if not more:
            break
        numbers |= more
    changed = [k for k, row in enumerate(rows)
               if row.kind in ("fixed", "equal") and not row.matrices & numbers]
    if changed:
        r, q = np.array(r, dtype=float), np.array(q, dtype=float)
        r[changed] = np.sign(r[changed]) * np.sqrt(np.abs(r[changed]))
        q[changed] = np.sign(q[changed]) * np.sqrt(np.abs(q[changed]))
    return r, q, numbers


class _Row:
    """What one constraint does: "zero", "fixed", "equal" (of variances) or "other"."""

    def __init__(self, row, value, owner) -> None:
        at = np.flatnonzero(row)
        self.where = [owner[k] for k in at if k in owner]
        self.matrices = {number for number, _ in self.where}
        self.kind = self._kind(row[at], value) if len(self.where) == len(at) else "other"

    def _kind(self, weights, value) -> str:
        variances = all(i == j for _, (i, j) in self.where)
        if len(weights) == 1 and value == 0:
            return "zero"
        if len(weights) == 1 and variances and weights[0] * value > 0:
            return "fixed"
        if len(weights) == 2 and variances and value == 0 and weights[0] * weights[1] < 0:
            return "equal"
        return "other"


def _possible(number: int, c, rows) -> bool:
    """Whether T says of a covariance matrix what the rows do."""
    mine = [(row.kind, pair) for row in rows for n, pair in row.where if n == number]
    zeros = {*c.zeros, *(pair for kind, pair in mine if kind == "zero" and pair[0] != pair[1])}
    joint = {pair for pair in c.pairs() if pair[0] != pair[1]} - zeros
    rank = {m: k for k, m in enumerate(c.sequence)}
    for kind, (i, _) in mine:
        others = [a if b == i else b for a, b in joint if i in (a, b)]
        if kind == "equal" and others or kind == "fixed" and any(rank[m] < rank[i] for m in others):
            return False
    return c.kind != "unstructured" or not fills_in(c.sequence, zeros)
