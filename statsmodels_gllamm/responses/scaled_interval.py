r"""Log probabilities of intervals on the scale of the response, and their derivatives.

.. math:: \ell = \log\left[F(k (h - \nu)) - F(k (g - \nu))\right], \qquad k = e^{-s}

phi = (g, h) or (g, h, s) are the ends, possibly infinite, and the log scale of the rows.  With the
partials of interval.py and R(u) = a u_a + b u_b, the derivative of u(a, b) in log k,

    l' = -k l_t,   l'' = k^2 l_tt,   l''' = -k^3 l_ttt,   dl/dg = k l_a,   dl/dh = k l_b,
    dl/ds = -R(l),   d2l/dg ds = -k (l_a + R(l_a)),   d2l/ds2 = R(l) + R of R(l) with a, b fixed.
"""
from __future__ import annotations

import numpy as np

from statsmodels_gllamm.responses.base import quiet
from statsmodels_gllamm.responses.interval import Interval, Partials


@quiet
def ends(nu, phi):
    """a and b (..., n), the width (n,), and k (n,) or one, for real or complex nu and phi."""
    k = np.exp(-phi[2]) if len(phi) > 2 else 1.0
    low, high = ((x - nu) * k for x in phi[:2])
    width = (phi[1] - phi[0]) * k
    if np.iscomplexobj(low):  # an infinite number times a complex one is not a number
        low, high = (np.where(np.isinf(np.real(x)), np.real(x), z)
                     for x, z in zip(phi[:2], (low, high)))
        width = np.where(np.isinf(np.real(width)), np.inf, width)
    return low, high, width, k


def interval_value(interval: Interval, nu, phi):
    """l (..., n), for real or complex nu and phi."""
    low, high, width, _ = ends(nu, phi)
    return interval.value(low, high, width)


@quiet
def interval_score(interval: Interval, nu, phi):
    """l and l' (..., n)."""
    low, high, width, k = ends(nu, phi)
    value, score = interval.value_score(low, high, width)
    score *= -k
    return value, score


def finite(x):
    """x, with zeros set in place where it is not finite."""
    x[~np.isfinite(x)] = 0.0
    return x


def product(x, y):
    """x * y, which is zero where either is."""
    return np.where((x == 0) | (y == 0), 0.0, x * y)


class ScaledInterval:
    """All derivatives at nu (..., n), real.

    Those in phi are zero where they overflow, which is where the probability is zero.

    Parameters
    ----------
    interval : Interval
    nu : ndarray (..., n)
    phi : ndarray (2 or 3, n)
    """

    @quiet
    def __init__(self, interval: Interval, nu, phi):
        self.a, self.b, self.width, self.k = ends(nu, phi)
        self.scaled = len(phi) > 2
        self.partials: Partials = interval.partials(self.a, self.b, self.width)

    @quiet
    def derivatives(self):
        """l', l'' and l''' (..., n)."""
        k, p = self.k, self.partials
        return -k * p.t, k**2 * p.tt, -k**3 * p.ttt

    def _radial(self, t, a, b):
        """R(u) from u_t, u_a and u_b, by way of the end that matters more."""
        by_b = np.isfinite(self.b) & (np.isinf(self.a) | (np.abs(a) <= np.abs(b)))
        end, other = np.where(by_b, self.b, self.a), np.where(by_b, -a, b)
        return product(end, t) + product(self.width, other)

    @quiet
    def aux_score(self):
        """dl/dphi (m', ..., n)."""
        p = self.partials
        ends = [self.k * p.a, self.k * p.b]
        return finite(np.stack(
            ends + [-self._radial(p.t, p.a, p.b)] if self.scaled else ends))

    @quiet
    def aux_derivatives(self):
        """dl'/dphi and dl''/dphi (m', ..., n)."""
        k, p = self.k, self.partials
        first, second = [-k**2 * p.ta, -k**2 * p.tb], [k**3 * p.tta, k**3 * p.ttb]
        if self.scaled:
            first.append(k * (p.t + self._radial(p.tt, p.ta, p.tb)))
            second.append(-k**2 * (2 * p.tt + self._radial(p.ttt, p.tta, p.ttb)))
        return finite(np.stack(first)), finite(np.stack(second))

    @quiet
    def aux_curvature(self):
        """Second derivatives in phi (m', m', ..., n)."""
        k, p = self.k, self.partials
        aa, ab, bb = k**2 * p.aa, k**2 * p.ab, k**2 * p.bb
        if not self.scaled:
            return finite(np.stack([np.stack([aa, ab]), np.stack([ab, bb])]))
        in_a, in_b = self._radial(p.ta, p.aa, p.ab), self._radial(p.tb, p.ab, p.bb)
        scale_a, scale_b = -k * (p.a + in_a), -k * (p.b + in_b)
        twice = (self._radial(p.t, p.a, p.b)
                 + self._radial(self._radial(p.tt, p.ta, p.tb), in_a, in_b))
        return finite(np.stack([np.stack([aa, ab, scale_a]), np.stack([ab, bb, scale_b]),
                                np.stack([scale_a, scale_b, twice])]))
