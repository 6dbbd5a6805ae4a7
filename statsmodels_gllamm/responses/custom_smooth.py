r"""Whether a user's log density has the second derivative that the estimation needs.

At a kink the slopes of the two sides differ by a jump, which a second difference shows:

.. math:: J(h) = \frac{f(\nu + h) - 2 f(\nu) + f(\nu - h)}{h}

goes to zero with h where f is smooth, and does not at a kink.  A density of location, such as
-|y - nu|, has its kink at nu = y; with a log link it is at log y.
"""
from __future__ import annotations

import numpy as np

STEPS = (1e-4, 1e-5, 1e-6)  # h, relative to 1 + |nu|
FALLS = 0.5  # J(h) falls to less than that with the next h where f is smooth
NOISE = 1e3 * np.finfo(np.float64).eps
NEGLIGIBLE = 1e-9  # second Taylor term relative to the first one and the function
ADVICE = "replace what has none, such as np.abs(x) by np.sqrt(x * x + 1e-4)"


def refuse_kinks(response, y, aux, tries) -> None:
    """ValueError for a log density with a kink, or without a second derivative anywhere.

    Parameters
    ----------
    response : Custom
        With ``by_complex`` known or False.
    y : ndarray (1, n)
    aux : ndarray (m, n)
    tries : sequence of ndarray (n,)
        Linear predictors.
    """
    start = f"The density must be smooth in nu: logpdf of {response.label} has"
    for nu in (y[0], np.log(np.maximum(np.abs(y[0]), 0.1)), np.zeros(y.shape[1])):
        kink = _kinks(response, y, nu, aux)
        if kink.any():
            at = int(np.argmax(kink))
            raise ValueError(f"{start} a kink at nu = {nu[at]:g} where y = {y[0, at]:g}; {ADVICE}.")
    if not any(_curved(response, y, nu, aux).any() for nu in tries):
        raise ValueError(f"{start} a second derivative that is zero or not finite in all rows, at "
                         f"any linear predictor tried, such as {tries[0][0]:g}; {ADVICE}.")


def _kinks(response, y, nu, aux):
    """Mask (n,) of the rows whose log density has a kink at nu (n,)."""
    size, jumps, noise = 1 + np.abs(nu), [], []
    middle = response._value(0, y, nu, aux)
    for step in STEPS:
        h = step * size
        left, right = (response._value(0, y, nu + side * h, aux) for side in (-1, 1))
        jumps.append(np.abs((right - middle) - (middle - left)) / h)
        noise.append(NOISE * (np.abs(left) + np.abs(middle) + np.abs(right)) / h)
    stays = [later > FALLS * jump for jump, later in zip(jumps, jumps[1:])]
    seen = [np.isfinite(jump) & (jump > level) for jump, level in zip(jumps, noise)]
    return np.all([*stays, *seen], axis=0)


def _curved(response, y, nu, aux):
    """Mask (n,) of the rows whose second derivative at nu (n,) is finite and not zero."""
    base = response._below(2)
    value = response._value(base, y, nu, aux)
    if base == 2:
        return np.isfinite(value) & (value != 0)
    terms, _ = response._line(base, y, nu, aux, 1.0, None)
    own, others = np.abs(terms[1 - base]), np.abs(value) + np.abs(terms[0]) * (base == 0)
    return np.isfinite(value) & np.isfinite(own) & (own > NEGLIGIBLE * others)
