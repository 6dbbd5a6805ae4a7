r"""Special functions near their limits, for real and complex arguments.

Stirling's series (Abramowitz and Stegun, 1964, 6.1.40, 6.3.18), for s -> infinity:

    log Gamma(s) = (s - 1/2) log s - s + log(2 pi)/2 + R(s),     R(s) = 1/(12 s) - 1/(360 s^3) + ...
    psi(s)       = log s - D(s),                          D(s) = 1/(2 s) + 1/(12 s^2) - ...

R and D are small where log Gamma and psi are large: written with them, densities with a large
shape or size parameter lose no digits.
"""
from __future__ import annotations

import numpy as np
from scipy.special import loggamma, psi

HALF_LOG_2PI = 0.5 * np.log(2 * np.pi)
SERIES_FROM = 10.0
# B_2k / (2k (2k - 1)) and B_2k / (2k), k = 1..8
_LGAMMA = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156, -3617 / 122400)
PSI = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12, -3617 / 8160)


def polynomial(coefficients, x):
    """sum_k c_k x^k."""
    total = np.zeros_like(x)
    for c in reversed(coefficients):
        total = total * x + c
    return total


def stirling_remainder(s):
    """R(s) = log Gamma(s) - (s - 1/2) log s + s - log(2 pi)/2, for Re s > 0."""
    s = np.asarray(s)
    far = s.real > SERIES_FROM
    big, small = np.where(far, s, SERIES_FROM), np.where(far, 1.0, s)
    near = loggamma(small) - (small - 0.5) * np.log(small) + small - HALF_LOG_2PI
    return np.where(far, polynomial(_LGAMMA, 1 / (big * big)) / big, near)


def digamma_remainder(s):
    """D(s) = log s - psi(s), for real s > 0."""
    s = np.asarray(s)
    far = s > SERIES_FROM
    big, small = np.where(far, s, SERIES_FROM), np.where(far, 1.0, s)
    inverse = 1 / (big * big)
    return np.where(far, 0.5 / big + inverse * polynomial(PSI, inverse), np.log(small) - psi(small))


def log_root(variance) -> np.ndarray:
    """log(variance) / 2 as an array (1,), at the smallest number where the variance is zero."""
    return np.array([0.5 * np.log(max(variance, np.finfo(np.float64).tiny))])
