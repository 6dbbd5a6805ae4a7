r"""One-dimensional rules and their products.

A rule of K points approximates, for a standard normal latent variable u placed at
u = u_hat + z / L,

.. math:: \int g(u)\,\phi(u)\,du \approx \frac1L \sum_k \exp(c_k - u_k^2/2)\, g(u_k)

so that :math:`c_k = \log w_k + z_k^2/2` for Gauss-Hermite nodes with probabilists' weights summing
to one (Pinheiro and Chao, 2006) and :math:`c_k = \log(h/\sqrt{2\pi})` for the trapezoid rule with
step h.  One Gauss-Hermite point is the Laplace approximation.
"""
from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import roots_hermitenorm

TRAPEZOID_REACH = 6.5  # the trapezoid rule covers u_hat plus or minus so many curvature sds


@dataclass(frozen=True, slots=True)
class Rule:
    """Nodes of one level: ``z`` (K, q) and log coefficients ``c`` (K,)."""

    z: np.ndarray
    c: np.ndarray

    @property
    def size(self) -> int:
        """Number of nodes K."""
        return len(self.c)


@lru_cache(maxsize=128)
def gauss_hermite(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes z (n,) and log coefficients c (n,) of the Gauss-Hermite rule for N(0, 1)."""
    if n == 1:
        return np.zeros(1), np.zeros(1)
    z, w = roots_hermitenorm(n)
    keep = w > 0  # the outermost weights of very long rules underflow
    z, w = z[keep], w[keep]
    return z, np.log(w / w.sum()) + z**2 / 2


@lru_cache(maxsize=128)
def trapezoid(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes z (n,) and log coefficients c (n,) of the trapezoid rule on +-TRAPEZOID_REACH."""
    z = np.linspace(-TRAPEZOID_REACH, TRAPEZOID_REACH, n)
    step = 2 * TRAPEZOID_REACH / (n - 1)
    return z, np.full(n, np.log(step) - 0.5 * np.log(2 * np.pi))


@lru_cache(maxsize=128)
def product_rule(n: int, q: int, kind: str = "hermite") -> Rule:
    """Tensor product of q copies of an n-point rule: ``n**q`` nodes."""
    z, c = gauss_hermite(n) if kind == "hermite" or n == 1 else trapezoid(n)
    grid = np.meshgrid(*[z] * q, indexing="ij")
    logs = np.meshgrid(*[c] * q, indexing="ij")
    rule = Rule(np.stack([g.ravel() for g in grid], -1), sum(g.ravel() for g in logs))
    rule.z.flags.writeable = rule.c.flags.writeable = False
    return rule
