r"""What is profiled, points of its curve, and the cubic between two of them.

With slopes of the signed root zeta at two points, x(zeta) is the cubic of Hermite; slopes dx/dzeta are
cut to three times that of the line, within which it is monotone (Fritsch and Carlson, 1980, SIAM
Journal on Numerical Analysis 17, 238-246).
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

ASIDE = 1e-4  # from one, a correlation is as good as one


@dataclass(frozen=True, slots=True)
class Target:
    """What is profiled.

    Attributes
    ----------
    name : str
    function : callable
        Of natural parameters (..., k), complex ones too.
    bounds : (float, float)
        Ends of what is possible; of correlations and the like, minus and plus the same.
    root : bool
        Steps are made in its square root: a variance.
    linear : bool
        The function is linear in the working coordinates.
    zero : ndarray of int
        Working coordinates that are zero where the value is; none if that is not known.
    ends : (bool, bool)
        The estimate is infinite on this side: there is no limit.
    """

    name: str
    function: Callable
    bounds: tuple[float, float] = (-np.inf, np.inf)
    root: bool = False
    linear: bool = False
    zero: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=int))
    ends: tuple[bool, bool] = (False, False)

    @property
    def _most(self) -> float:
        """Size of a bounded target, which moves on the scale of Fisher's z; infinite for others."""
        return self.bounds[1] if np.isfinite(self.bounds).all() else np.inf

    def to(self, value: float) -> float:
        """The value on the scale of steps."""
        if self._most < np.inf:
            inside = 1 - ASIDE
            return float(np.arctanh(np.clip(value / self._most, -inside, inside)))
        return float(np.sqrt(max(value, 0.0))) if self.root else float(value)

    def back(self, x: float) -> float:
        """The value again."""
        if self._most < np.inf:
            return float(self._most * np.tanh(x))
        return x * x if self.root else x

    def rate(self, x: float) -> float:
        """d value / d x."""
        if self._most < np.inf:
            return float(self._most / np.cosh(x)**2)
        return 2 * x if self.root else 1.0


@dataclass(frozen=True, slots=True)
class Knot:
    """One point of a profile: ``x`` and ``zeta`` with its derivative ``rise`` in x."""

    x: float
    value: float
    zeta: float
    rise: float
    loglik: float
    working: np.ndarray
    curvature: np.ndarray
    state: object


def between(a: Knot, b: Knot, zeta: float) -> float:
    """x where the signed root is ``zeta``, by the cubic x(zeta) through two points and their slopes,
    cut to where it is monotone (Fritsch and Carlson, 1980); the line where they are no curve."""
    width = b.zeta - a.zeta
    if width == 0:
        return a.x
    t = (zeta - a.zeta) / width
    if not (a.rise > 0 and b.rise > 0):
        return a.x + t * (b.x - a.x)
    first, second = (np.clip(width / k.rise, *sorted((0.0, 3 * (b.x - a.x)))) for k in (a, b))
    return float((1 + 2 * t) * (1 - t)**2 * a.x + t * (1 - t)**2 * first
                 + t**2 * (3 - 2 * t) * b.x - t**2 * (1 - t) * second)
