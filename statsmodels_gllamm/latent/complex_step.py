"""Derivatives of the maps of a latent design by complex step, exact to rounding."""
from __future__ import annotations

import numpy as np

STEP = 1e-30


class ByComplexStep:
    """Derivatives of a design from its ``psi``, ``adjoint``, ``to_natural`` and ``cov_slices``."""

    __slots__ = ()

    def jacobian(self, working: np.ndarray, u: np.ndarray | None = None) -> np.ndarray:
        """d entries / d coordinates (E, k)."""
        psi = self.psi(_steps(working), u)
        return psi[(slice(None), *self.entries)].imag.T / STEP

    def curvature(self, working: np.ndarray, bar: np.ndarray) -> np.ndarray:
        """sum_e bar_e d2 Psi_e / d coordinates2 (k, k)."""
        return self.adjoint(_steps(working), bar).imag / STEP

    def natural_jacobian(self, working: np.ndarray) -> np.ndarray:
        """d natural parameters / d coordinates; by columns the k coordinates."""
        return self.to_natural(_steps(working)).imag.T / STEP

    def cholesky_slices(self):
        """``cov_slices`` where coordinates are elements of a Cholesky root."""
        return [(s, c) for s, c in self.cov_slices() if not c.direct]


def _steps(working: np.ndarray) -> np.ndarray:
    """The coordinates (k, k) with an imaginary step in each."""
    return working + 1j * STEP * np.eye(len(working))
