r"""Partial derivatives of log probabilities of intervals, l = log(F(b) - F(a)).

Wide intervals: l = L(b) + g(D), D = L(b) - L(a), g = log(1 - e^-D), and with e = 1/(e^D - 1)

.. math:: g' = e, \quad g'' = -e (1 + e), \quad g''' = e (1 + e)(1 + 2e)

Narrow ones: l = log w + log of the mean of f(a + w u) over u in (0, 1), whose derivatives are
joint cumulants of those of log f, over the nodes of a quadrature rule.
"""
from __future__ import annotations

from typing import NamedTuple

import numpy as np

_nodes, _weights = np.polynomial.legendre.leggauss(12)
NODES, LOG_WEIGHTS = (1 + _nodes[:, None]) / 2, np.log(_weights[:, None] / 2)


class Partials(NamedTuple):
    """Partial derivatives of l, each (..., n); t is both ends together, d/dt = d/da + d/db.

    For narrow intervals those in t are far smaller than those in a and b, which cancel.
    """

    t: np.ndarray
    tt: np.ndarray
    ttt: np.ndarray
    a: np.ndarray
    ta: np.ndarray
    tta: np.ndarray
    aa: np.ndarray
    b: np.ndarray
    tb: np.ndarray
    ttb: np.ndarray
    bb: np.ndarray
    ab: np.ndarray


_MIRRORED = [0, 1, 2, 7, 8, 9, 10, 3, 4, 5, 6, 11]  # a and b change places, and
_SIGNS = np.array([-1.0, 1, -1, -1, 1, -1, 1, -1, 1, -1, 1, 1])  # odd orders their sign


def mirrored(partials: Partials) -> Partials:
    """Partials of l(a, b) from those of the mirrored distribution at (-b, -a)."""
    return Partials(*(sign * partials[k] for k, sign in zip(_MIRRORED, _SIGNS)))


def wide_partials(difference, low, high) -> Partials:
    """Of L(b) + g(D), g = log(1 - e^-D); low and high are three derivatives of L at a and b."""
    g1 = 1 / np.expm1(difference)
    g2 = -g1 * (1 + g1)
    g3 = -g2 * (1 + 2 * g1)
    (a1, a2, a3), (b1, b2, b3) = low, high
    d1, d2, d3 = b1 - a1, b2 - a2, b3 - a3
    bend = g2 * d2 + g3 * d1 * d1
    r = 1 + g1
    return Partials(
        b1 + g1 * d1, b2 + g1 * d2 + g2 * d1 * d1, b3 + g1 * d3 + 2 * g2 * d1 * d2 + bend * d1,
        -g1 * a1, -g1 * a2 - g2 * d1 * a1, -g1 * a3 - 2 * g2 * d1 * a2 - bend * a1,
        g2 * a1 * a1 - g1 * a2,
        r * b1, r * b2 + g2 * d1 * b1, r * b3 + 2 * g2 * d1 * b2 + bend * b1,
        g2 * b1 * b1 + r * b2, -g2 * a1 * b1)


def narrow_partials(p, derivatives, w) -> Partials:
    """Of log w + log of the integral of f(a + w u) over u in (0, 1), by cumulants.

    ``p`` (q, k) are the normalised masses of the nodes and ``derivatives`` those of log f there.
    An end moves the point u by v = 1 - u or v = u, so that a derivative of log f in it is v g1.
    """
    g1, g2, g3 = derivatives
    c = g1 - (p * g1).sum(axis=0)
    p2, c2 = p * g2, p * c * c
    moved = (p * g1).sum(axis=0), (p2 + c2).sum(axis=0), (p * g3 + 3 * c * p2 + c * c2).sum(axis=0)
    ends, deviations = [], []
    for v, sign in ((1 - NODES, -1.0), (NODES, 1.0)):
        mean = (p * v * g1).sum(axis=0)
        cv = v * g1 - mean
        ends += [sign / w + mean, (v * p2 + p * c * cv).sum(axis=0),
                 (v * p * g3 + (2 * v * c + cv) * p2 + cv * c2).sum(axis=0),
                 (v * v * p2 + p * cv * cv).sum(axis=0) - 1 / (w * w)]
        deviations.append(cv)
    cross = p2 * NODES * (1 - NODES) + p * deviations[0] * deviations[1]
    return Partials(*moved, *ends, cross.sum(axis=0) + 1 / (w * w))
