r"""Centred mass points: natural parameters of classes whose locations have a mean of zero.

With differences d_c from class 1 (d_1 = 0) and probabilities pi_c, the natural parameters are

.. math:: e_c = d_c - m, \quad c \ge 2, \qquad \beta = b + m, \qquad m = \sum_c \pi_c d_c

so that the fixed part has the mean of the mixing distribution.  The location of class 1 is
:math:`e_1 = -m = -\sum_{c \ge 2} \pi_c e_c / \pi_1`, which is the way back.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Centring:
    """The map between differences from class 1 and centred locations.

    Attributes
    ----------
    own : ndarray of int (n - 1, P)
        Positions of the class-specific coefficients from class 2.
    prob : ndarray of int (n - 1,)
        Positions of the logits of the class probabilities.
    carrier : ndarray (P, k)
        What the parameters of the fixed part rise by where a mean rises by one.
    """

    own: np.ndarray
    prob: np.ndarray
    carrier: np.ndarray

    @property
    def touched(self) -> np.ndarray:
        """Positions of all parameters that take part."""
        moved = np.flatnonzero(self.carrier.any(axis=0))
        return np.concatenate([moved, self.own.ravel(), self.prob])

    def probabilities(self, params: np.ndarray) -> np.ndarray:
        """Class probabilities (..., n)."""
        eta = np.concatenate([0 * params[..., :1], params[..., self.prob]], axis=-1)
        size = np.exp(eta - eta.real.max(axis=-1, keepdims=True))
        return size / size.sum(axis=-1, keepdims=True)

    def mean(self, working: np.ndarray) -> np.ndarray:
        """m (..., P) from differences."""
        return np.einsum("...c,...cp->...p", self.probabilities(working)[..., 1:],
                         working[..., self.own])

    def natural(self, working: np.ndarray) -> np.ndarray:
        """Natural parameters (..., k)."""
        m = self.mean(working)
        out = working + m @ self.carrier
        out[..., self.own] = working[..., self.own] - m[..., None, :]
        return out

    def locations(self, natural: np.ndarray) -> np.ndarray:
        """Centred locations (..., n, P) of all classes from natural parameters."""
        pi, rest = self.probabilities(natural), natural[..., self.own]
        first = -np.einsum("...c,...cp->...p", pi[..., 1:], rest) / pi[..., :1]
        return np.concatenate([first[..., None, :], rest], axis=-2)

    def working(self, natural: np.ndarray) -> np.ndarray:
        """Differences from class 1 again (..., k)."""
        first = self.locations(natural)[..., 0, :]
        out = natural + first @ self.carrier
        out[..., self.own] = natural[..., self.own] - first[..., None, :]
        return out
