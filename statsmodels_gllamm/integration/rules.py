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
    """Nodes of one level: ``z`` (K, q), log coefficients ``c`` (K,), and the points per dimension:
    one where all nodes have the same z."""

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


def spherical_design(n: int) -> np.ndarray:
    """Points (K, n) of the unit sphere that average polynomials to the fifth power, n = 1, ..., 4:
    two points, the hexagon, the icosahedron, the 24-cell."""
    signs = np.stack(np.meshgrid(*[[-1.0, 1.0]] * n, indexing="ij"), -1).reshape(-1, n)
    if n == 1:
        return signs
    if n == 2:
        turn = np.arange(6) * np.pi / 3
        return np.stack([np.cos(turn), np.sin(turn)], -1)
    if n == 3:
        golden = (1 + np.sqrt(5)) / 2
        corners = np.array([[0, s, t * golden] for s in (-1, 1) for t in (-1, 1)])
        corners = np.concatenate([np.roll(corners, k, axis=1) for k in range(3)])
        return corners / np.sqrt(1 + golden**2)
    return np.concatenate([signs / 2, np.eye(4), -np.eye(4)])


def fifth_degree(n: int) -> tuple[np.ndarray, np.ndarray]:
    r"""Nodes z (K, n) and log coefficients c (K,) of a rule for N(0, I) of the fifth degree.

    .. math:: E f(u) \approx \tfrac2{n+2} f(0) + \tfrac{n}{n+2} \,\mathrm{mean}_k f(\sqrt{n+2}\,x_k)

    with x a spherical design, for n up to 4 (Stroud, 1971, Approximate calculation of multiple
    integrals, formulas :math:`E_n^{r^2}`: 5); a product of such rules for more.
    """
    if n > 4:
        return _product([fifth_degree(4), fifth_degree(n - 4)])
    x = spherical_design(n)
    z = np.concatenate([np.zeros((1, n)), np.sqrt(n + 2) * x])
    w = np.concatenate([[2 / (n + 2)], np.full(len(x), n / (n + 2) / len(x))])
    return z, np.log(w) + (z**2).sum(axis=1) / 2


def _product(rules) -> tuple[np.ndarray, np.ndarray]:
    """Nodes (K, q) and log coefficients (K,) of a product of rules, the first slowest."""
    z, c = np.zeros((1, 0)), np.zeros(1)
    for z_own, c_own in rules:
        z = np.hstack([np.repeat(z, len(z_own), axis=0), np.tile(z_own, (len(z), 1))])
        c = (c[:, None] + c_own).ravel()
    return z, c


@lru_cache(maxsize=128)
def rule_of(points: tuple[int, ...], n_fifth: int = 0) -> Rule:
    """Product of Gauss-Hermite rules of so many points; of the first ``n_fifth`` dimensions the rule
    of the fifth degree instead."""
    rules = [fifth_degree(n_fifth)] if n_fifth else []
    for n in points[n_fifth:]:
        z, c = gauss_hermite(n)
        rules.append((z[:, None], c))
    rule = Rule(*_product(rules), points)
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


def rules_of(n_quad, q) -> tuple[Rule, ...]:
    """Rules of every level, from points per dimension and dimensions by level."""
    return tuple(product_rule(n, k) for n, k in zip(n_quad, q))
