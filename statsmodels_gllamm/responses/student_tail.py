r"""The distribution function of Student's t with fixed degrees of freedom d, as a tail.

.. math:: F(z) = \tfrac12 I_x(a, \tfrac12), \qquad x = \frac{d}{d + z^2},\ a = \tfrac d2,\ z < 0

From the incomplete beta function where that is a normal number, else with the log of its
continued fraction (Abramowitz and Stegun, 1964, 26.5.8):

    log I_x(a, b) = a log x + b log(1 - x) - log a - log B(a, b) - log(1 + c1/(1 + c2/(1 + ...)))
    c_2m   =  m (b - m) x / ((a + 2m - 1)(a + 2m))
    c_2m+1 = -(a + m)(a + b + m) x / ((a + 2m)(a + 2m + 1))

With g1, g2 the derivatives of log f and r = f/F those of log F are r, r (g1 - r) = v2 and
v2 (g1 - r) + r (g2 - v2).
"""
from __future__ import annotations

import numpy as np
from scipy.special import betaln, stdtr

from statsmodels_gllamm.responses.base import quiet
from statsmodels_gllamm.responses.tails import Tail

SMALL = 1e-280
TERMS = 400
FAR = 1e8  # z^2/d from which F is a power of z


class StudentTail(Tail):
    """log F; ``density`` is a `student.Student` of fixed degrees of freedom."""

    def __init__(self, density):
        self.density = density

    @quiet
    def value(self, x):
        """A complex x is taken as that of a complex step: its imaginary part is small."""
        if np.iscomplexobj(x):
            value, score = self.value_score(np.real(x))
            return value + 1j * score * np.imag(x)
        x = np.asarray(x, dtype=np.float64)
        below = stdtr(self.density.df, -np.abs(x))
        value = np.where(x > 0, np.log1p(-below), np.log(below))
        far = (x < 0) & (below < SMALL)
        if far.any():
            value[far] = self._far(-x[far])
        return value

    def _far(self, z):
        """log F(-z)."""
        d, a = self.density.df, self.density.df / 2
        ratio = z / self.density.root
        inverse = 1 / ratio**2
        x = 1 / (1 + inverse)  # 1 - I's argument; log and argument by the smaller of both
        log_x = -np.where(ratio > FAR, 2 * np.log(ratio), np.log1p(ratio * ratio))
        argument = inverse * x
        fraction = np.ones_like(z)
        for m in range(TERMS, -1, -1):
            if m:
                even = m * (0.5 - m) / ((d / 2 + 2 * m - 1) * (a + 2 * m))
            odd = -(a + m) * (a + 0.5 + m) / ((a + 2 * m) * (a + 2 * m + 1))
            fraction = 1 + odd * argument / fraction
            if m:
                fraction = 1 + even * argument / fraction
        return a * log_x + 0.5 * np.log(x) - np.log(2 * a) - betaln(a, 0.5) - np.log(fraction)

    @quiet
    def value_score(self, x):
        value = self.value(x)
        return value, np.exp(self.density.value(x) + self.density.constant - value)

    @quiet
    def derivatives(self, x):
        r = self.value_score(x)[1]
        g1, g2, _ = self.density.derivatives(x)
        second = r * (g1 - r)
        return r, second, second * (g1 - r) + r * (g2 - second)
