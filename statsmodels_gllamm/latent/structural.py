r"""Latent variables regressed on covariates and on each other.

.. math:: \eta = B \eta + \Gamma w + \zeta, \quad \zeta = T u, \quad
          \eta = (I - B)^{-1} (\Gamma w + T u)

B is acyclic, from the same or a higher level, and w is constant within the units of a latent
variable's level.  A row's predictor c'eta has the offset c'(I - B)^-1 Gamma w and the loadings
T'(I - B)^-T c (Rabe-Hesketh, Skrondal and Pickles, 2004, Psychometrika 69, 167-190).
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Structural:
    """Which elements of B and Gamma are parameters.

    Attributes
    ----------
    n : int
        Latent variables D.
    gamma : ndarray (g, 2)
        Latent variable and covariate of every parameter of Gamma.
    b : ndarray (h, 2)
        Latent variable and the one it is regressed on, of every parameter of B.
    """

    n: int
    gamma: np.ndarray
    b: np.ndarray

    @property
    def n_covariates(self) -> int:
        """Covariates w, K."""
        return int(self.gamma[:, 1].max(initial=-1)) + 1

    def reach(self) -> np.ndarray:
        """Whether each latent variable (D, D) depends on each, itself included."""
        step = np.eye(self.n, dtype=bool)
        step[self.b[:, 0], self.b[:, 1]] = True
        return np.linalg.matrix_power(step.astype(int), self.n) > 0

    def touched(self) -> np.ndarray:
        """Whether each latent variable (D, K) depends on each covariate."""
        direct = np.zeros((self.n, self.n_covariates), dtype=bool)
        direct[self.gamma[:, 0], self.gamma[:, 1]] = True
        return self.reach().astype(int) @ direct > 0

    def matrices(self, gamma, b) -> tuple[np.ndarray, np.ndarray]:
        """(I - B)^-1 (..., D, D) and Gamma (..., D, K) from their parameters (..., g), (..., h)."""
        eye = np.broadcast_to(np.eye(self.n), b.shape[:-1] + (self.n, self.n))
        to = eye.astype(b.dtype)
        to[..., self.b[:, 0], self.b[:, 1]] = -b
        covariates = np.zeros(gamma.shape[:-1] + (self.n, self.n_covariates), dtype=gamma.dtype)
        covariates[..., self.gamma[:, 0], self.gamma[:, 1]] = gamma
        return np.linalg.inv(to), covariates

    def adjoint(self, inverse, covariates, inverse_bar, effect_bar):
        """Derivatives in the parameters of Gamma (..., g) and of B (..., h).

        ``inverse_bar`` that in (I - B)^-1 from elsewhere, ``effect_bar`` (..., D, K) that in
        (I - B)^-1 Gamma.
        """
        transposed = np.swapaxes(inverse, -1, -2)
        inverse_bar = inverse_bar + effect_bar @ np.swapaxes(covariates, -1, -2)
        gamma_bar = transposed @ effect_bar
        b_bar = transposed @ inverse_bar @ transposed
        return (gamma_bar[..., self.gamma[:, 0], self.gamma[:, 1]],
                b_bar[..., self.b[:, 0], self.b[:, 1]])


def is_acyclic(n: int, b: np.ndarray) -> bool:
    """Whether no latent variable depends on itself through B, (h, 2) pairs (on, of)."""
    step = np.zeros((n, n))
    step[b[:, 0], b[:, 1]] = 1.0
    return not np.linalg.matrix_power(step, n).any()
