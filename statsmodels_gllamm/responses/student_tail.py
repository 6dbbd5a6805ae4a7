r"""The distribution function of Student's t with fixed degrees of freedom d, as a tail.

For z < 0, with f the density and x = d / (d + z^2), a = d/2, b = 1/2, by the continued fraction of
the incomplete beta function (Abramowitz and Stegun, 1964, 26.5.8),

.. math:: r = \frac{f(z)}{F(z)} = \frac{d}{|z|}\left(1 + \frac{c_1}{1 +}\,\frac{c_2}{1 +} \dots\right)

    c_2m   =  m (b - m) x / ((a + 2m - 1)(a + 2m))
    c_2m+1 = -(a + m)(a + b + m) x / ((a + 2m)(a + 2m + 1))

which from z = -5 down needs few terms, whatever d; nearer to zero F is used itself.  With g1, g2
the derivatives of log f those of log F are r, v2 = r (g1 - r), v2 (g1 - r) + r (g2 - v2).
"""
from __future__ import annotations

import numpy as np
from scipy.special import stdtr

from statsmodels_gllamm.responses.base import quiet
from statsmodels_gllamm.responses.tails import Tail

FAR = -5.0
TERMS = 20


class StudentTail(Tail):
    """log F; ``density`` is a `student.Student` whose degrees of freedom are one number."""

    def __init__(self, density):
        self.density = density

    def value(self, x):
        """A complex x is taken as that of a complex step: its imaginary part is small."""
        if np.iscomplexobj(x):
            value, score = self.value_score(np.real(x))
            return value + 1j * score * np.imag(x)
        return self.value_score(x)[0]

    @quiet
    def value_score(self, x):
        x = np.asarray(x, dtype=np.float64)
        smaller = stdtr(self.density.df, -np.abs(x))
        value = np.where(x > 0, np.log1p(-smaller), np.log(smaller))
        log_density = self.density.value(x) + self.density.constant
        r = np.exp(log_density - value)
        far = x < FAR
        if far.any():
            r[far] = self._far(-x[far])
            value[far] = log_density[far] - np.log(r[far])
        return value, r

    def _far(self, z):
        """r at -z."""
        a = self.density.df / 2
        x = 1 / (1 + (z / self.density.root) ** 2)
        total = np.ones_like(z)
        for m in range(TERMS, -1, -1):
            total = 1 - (a + m) * (a + 0.5 + m) / ((a + 2 * m) * (a + 2 * m + 1)) * x / total
            if m:
                total = 1 + m * (0.5 - m) / ((a + 2 * m - 1) * (a + 2 * m)) * x / total
        return self.density.df * total / z

    @quiet
    def derivatives(self, x):
        r = self.value_score(x)[1]
        g1, g2, _ = self.density.derivatives(x)
        second = r * (g1 - r)
        return r, second, second * (g1 - r) + r * (g2 - second)
