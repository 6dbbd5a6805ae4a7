r"""Taylor coefficients of a function of one variable from its values near zero.

For an analytic f the values on a circle of radius r in the complex plane give them by Cauchy's
integral, evaluated by the trapezoid rule, which converges geometrically:

.. math:: c_k r^k = \frac{1}{2\pi} \int_0^{2\pi} f(r e^{i\theta}) e^{-ik\theta} d\theta

(Lyness and Moler, 1967, SIAM J. Numer. Anal. 4, 202-210; Fornberg, 1981, ACM TOMS 7, 512-526.)
f is real on the real line, so that the upper half of the circle is enough.  For an f of real
numbers only they are those of the interpolating polynomial at Chebyshev points of (-r, r).

The radius of each function is found from the decay of c_k r^k: r is shrunk until the terms of
high orders are small beside those of orders 2 and 3, and that of order 0 is the value at zero (a
circle around a pole has another mean); it is enlarged where they drown in rounding.
"""
from __future__ import annotations

import numpy as np

DECAY = 2e-4  # of terms of high orders relative to those of orders 2 and 3
START = 0.5
ROUNDING = 64 * np.finfo(np.float64).eps  # of values; that of terms is this times the weights
WEAK = 1e-3  # terms of orders 2 and 3 relative to the values, that may have too few digits
SHRINK, ENLARGE = 0.35, 8.0
MAX_SHRINK, MAX_ENLARGE = 14, 6


def _circle(size: int = 12):
    """Points of the upper unit half circle, and weights that give the terms of the orders."""
    angle = np.pi * (np.arange(size) + 0.5) / size
    return np.exp(1j * angle), np.exp(-1j * np.outer(np.arange(size), angle)) / size


def _interval(size: int = 13):
    """Chebyshev points of (-1, 1), and the weights of the interpolating polynomial's terms."""
    x = np.cos(np.pi * (np.arange(size) + 0.5) / size)
    return x, np.linalg.inv(np.vander(x, increasing=True))[:8]


CIRCLE, INTERVAL = _circle(), _interval()
HIGH = {True: slice(8, None), False: slice(6, None)}  # orders by which the decay is judged


def taylor(function, n: int, by_complex: bool, start: float = START):
    """Terms c_k r^k, k = 1, 2, 3, of n functions at zero, and their radii.

    Parameters
    ----------
    function : callable
        function(t (P, k), rows (k,)) -> values (P, k) of the functions with these numbers.
    n : int
    by_complex : bool
        t is complex, else real.
    start : float
        The radius tried first.

    Returns
    -------
    terms : ndarray (3, n)
    radius : ndarray (n,)
    """
    points, weights = CIRCLE if by_complex else INTERVAL
    center = function(np.zeros((1, n), dtype=points.dtype), np.arange(n))[0].real
    far = HIGH[by_complex]
    rounding = ROUNDING * np.abs(weights[far]).sum(axis=1).max()

    def expand(rows, radius):
        values = function(points[:, None] * radius, rows)
        terms = np.einsum("kp,pn->kn", weights.real, values.real)  # BLAS threads cost more here
        if by_complex:
            terms -= np.einsum("kp,pn->kn", weights.imag, values.imag)
        size = np.abs(values).max(axis=0)
        high, low = np.abs(terms[far]).max(axis=0), np.abs(terms[2:4]).max(axis=0)
        high = np.maximum(high, np.abs(terms[0] - center[rows]))
        good = np.isfinite(size) & (high <= np.maximum(DECAY * low, rounding * size))
        return terms[1:4], good, good & (low < WEAK * size)

    radius = np.full(n, float(start))
    terms, good, weak = expand(np.arange(n), radius)
    bad, weak = np.flatnonzero(~good), np.flatnonzero(weak)
    for _ in range(MAX_SHRINK):
        if not bad.size:
            break
        radius[bad] *= SHRINK
        terms[:, bad], good, _ = expand(bad, radius[bad])
        bad = bad[~good]
    for _ in range(MAX_ENLARGE):
        if not weak.size:
            break
        larger, good, still = expand(weak, radius[weak] * ENLARGE)
        done = weak[good]
        terms[:, done] = larger[:, good]
        radius[done] *= ENLARGE
        weak = weak[still]
    return terms, radius
