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


@dataclass(frozen=True, slots=True)
class Rule:
    """Nodes of one level: ``z`` (K, q), log coefficients ``c`` (K,), and the points per dimension."""

    z: np.ndarray
    c: np.ndarray
    points: tuple[int, ...]

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


def product_rule(n: int, q: int) -> Rule:
    """Tensor product of q copies of the n-point rule: ``n**q`` nodes."""
    return rule_of((n,) * q)


@lru_cache(maxsize=128)
def rule_of(points: tuple[int, ...]) -> Rule:
    """Tensor product of rules of so many points."""
    rules = [gauss_hermite(n) for n in points]
    grid = np.meshgrid(*[z for z, _ in rules], indexing="ij")
    logs = np.meshgrid(*[c for _, c in rules], indexing="ij")
    rule = Rule(np.stack([g.ravel() for g in grid], -1), sum(g.ravel() for g in logs), points)
    rule.z.flags.writeable = rule.c.flags.writeable = False
    return rule
