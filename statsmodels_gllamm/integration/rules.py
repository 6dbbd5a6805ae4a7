r"""Gauss-Hermite rules and their products.

A rule of K points approximates, for a standard normal latent variable u placed at u = u_hat + z / L,

.. math:: \int g(u)\,\phi(u)\,du \approx \frac1L \sum_k \exp(c_k - u_k^2/2)\, g(u_k),
          \qquad c_k = \log w_k + z_k^2/2

with probabilists' nodes z and weights w that sum to one (Pinheiro and Chao, 2006).  One point is the
Laplace approximation.
"""
from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import roots_hermitenorm

LATTICE_REACH = 5.0, 8.0  # standard deviations that a lattice over the prior covers
LATTICE_GROWTH = 2.0  # its square grows so much with two points


@dataclass(frozen=True, slots=True)
class Rule:
    """Nodes of one level: ``z`` (K, q) and log coefficients ``c`` (K,)."""

    z: np.ndarray
    c: np.ndarray

    @property
    def size(self) -> int:
        """Number of nodes K."""
        return len(self.c)


def gauss_hermite(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes z (n,) and log coefficients c (n,) of the Gauss-Hermite rule for N(0, 1)."""
    if n == 1:
        return np.zeros(1), np.zeros(1)
    z, w = roots_hermitenorm(n)
    keep = w > 0  # the outermost weights of very long rules underflow
    z, w = z[keep], w[keep]
    return z, np.log(w / w.sum()) + z**2 / 2


@lru_cache(maxsize=128)
def product_rule(n: int, q: int) -> Rule:
    """Tensor product of q copies of the n-point rule: ``n**q`` nodes."""
    z, c = gauss_hermite(n)
    grid = np.meshgrid(*[z] * q, indexing="ij")
    logs = np.meshgrid(*[c] * q, indexing="ij")
    rule = Rule(np.stack([g.ravel() for g in grid], -1), sum(g.ravel() for g in logs))
    rule.z.flags.writeable = rule.c.flags.writeable = False
    return rule


@lru_cache(maxsize=32)
def prior_lattice(n: int, q: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes (K, q) and log weights (K,) of the trapezoid rule over N(0, I), without its corners:
    4n + 1 points in one dimension, 2n + 1 in each of several.

    For integrands as smooth as likelihoods it converges faster than any power of its step
    (Trefethen and Weideman, 2014, SIAM Rev. 56, 385-458); it reaches out further the more points it
    has, and resolves a posterior anywhere on its way.
    """
    half = 2 * n if q == 1 else n
    reach = min(max(LATTICE_REACH[0], np.sqrt(LATTICE_GROWTH * half)), LATTICE_REACH[1])
    grid = np.meshgrid(*[np.linspace(-reach, reach, 2 * half + 1)] * q, indexing="ij")
    u = np.stack([g.ravel() for g in grid], -1)
    square = (u**2).sum(axis=1)
    inside = square <= reach**2 * (1 + 1e-12)
    log_weight = -0.5 * square[inside]
    u, log_weight = u[inside], log_weight - np.log(np.exp(log_weight).sum())
    u.flags.writeable = log_weight.flags.writeable = False
    return u, log_weight
