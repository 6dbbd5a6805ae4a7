r"""Covariance matrix of the latent variables of one bar term: Psi = T T'.

Working coordinates are the elements of T by rows (its diagonal may reach zero); a variance fixed at
v makes its row :math:`\sqrt v\,(a, 1)/|(a, 1)|` with a free.  Natural parameters are the free
variances and covariances.  All maps accept complex input with leading batch axes.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ZERO_PIVOT = 1e-11  # relative to its variance, a Cholesky pivot below this is zero


@dataclass(frozen=True, slots=True)
class Covariance:
    """Structure of one covariance matrix.

    Attributes
    ----------
    names : tuple of str
        The latent variables' names.
    kind : str
        "unstructured", "diagonal" or "identity" (equal variances, no covariances).
    fixed : tuple of (float or None)
        Fixed variances; None where free.
    """

    names: tuple[str, ...]
    kind: str = "unstructured"
    fixed: tuple[float | None, ...] = ()

    def __post_init__(self) -> None:
        if not self.fixed:
            object.__setattr__(self, "fixed", (None,) * len(self.names))

    @property
    def q(self) -> int:
        """Number of latent variables."""
        return len(self.names)

    def pairs(self) -> list[tuple[int, int]]:
        """(row, column) of every free parameter: i == j a variance, i > j a covariance."""
        if self.kind == "identity":
            return [] if self.fixed[0] is not None else [(0, 0)]
        return [
            (i, j) for i in range(self.q) for j in range(i + 1)
            if (i != j and self.kind == "unstructured") or (i == j and self.fixed[i] is None)
        ]

    def parameter_names(self) -> tuple[str, ...]:
        """var[latent] and cov[latent,latent], in the order of ``pairs``."""
        return tuple(
            f"var[{self.names[i]}]" if i == j else f"cov[{self.names[j]},{self.names[i]}]"
            for i, j in self.pairs()
        )

    def root(self, working: np.ndarray) -> np.ndarray:
        """T (..., q, q) from working coordinates (..., k)."""
        t = np.zeros(working.shape[:-1] + (self.q, self.q), dtype=working.dtype)
        for value, (i, j) in zip(np.moveaxis(working, -1, 0), self.pairs()):
            t[..., i, j] = value
        for i, variance in enumerate(self.fixed):
            if variance is not None:
                t[..., i, i] = 1.0
                norm = np.sqrt((t[..., i, :] ** 2).sum(-1))
                t[..., i, :] *= (np.sqrt(variance) / norm)[..., None]
        if self.kind == "identity":
            for i in range(1, self.q):
                t[..., i, i] = t[..., 0, 0]
        return t

    def root_adjoint(self, working: np.ndarray, t_bar: np.ndarray) -> np.ndarray:
        """Derivative in the working coordinates (..., k) from that in T (..., q, q)."""
        if self.kind == "identity":
            trace = np.einsum("...ii->...", t_bar)
            return trace[..., None] * np.ones(len(self.pairs()))
        t_bar = t_bar.astype(np.result_type(working, t_bar), copy=True)
        for i, variance in enumerate(self.fixed):
            if variance is not None:
                a = np.zeros(working.shape[:-1] + (self.q,), dtype=working.dtype)
                for value, (row, j) in zip(np.moveaxis(working, -1, 0), self.pairs()):
                    if row == i:
                        a[..., j] = value
                a[..., i] = 1.0
                square = (a**2).sum(-1)[..., None]
                along = (a * t_bar[..., i, :]).sum(-1)[..., None] / square
                t_bar[..., i, :] = (t_bar[..., i, :] - along * a) * np.sqrt(variance / square)
        return np.stack([t_bar[..., i, j] for i, j in self.pairs()], -1) if self.pairs() else (
            np.zeros(t_bar.shape[:-2] + (0,), dtype=t_bar.dtype))

    def natural(self, working: np.ndarray) -> np.ndarray:
        """Free variances and covariances (..., k) from working coordinates (..., k)."""
        t = self.root(working)
        psi = t @ np.swapaxes(t, -1, -2)
        rows, columns = np.array(self.pairs(), dtype=int).reshape(-1, 2).T
        return psi[..., rows, columns]

    def matrix(self, natural: np.ndarray) -> np.ndarray:
        """Psi (q, q) from the natural parameters (k,)."""
        psi = np.zeros((self.q, self.q))
        for value, (i, j) in zip(natural, self.pairs()):
            psi[i, j] = psi[j, i] = value
        for i, variance in enumerate(self.fixed):
            if variance is not None:
                psi[i, i] = variance
        if self.kind == "identity":
            psi[np.diag_indices(self.q)] = psi[0, 0]
        return psi

    def working(self, natural: np.ndarray) -> np.ndarray:
        """Working coordinates (k,) from the natural parameters (k,).

        Raises
        ------
        ValueError
            If the matrix is not positive semi-definite; the parameters are named.
        """
        t = psd_root(self.matrix(np.asarray(natural, float)))
        if t is None:
            raise ValueError(
                f"the covariance matrix of {', '.join(self.names)} is not positive semi-definite: "
                + ", ".join(f"{n} = {v:.6g}" for n, v in zip(self.parameter_names(), natural))
            )
        for i, variance in enumerate(self.fixed):
            if variance is not None and self.q > 1:
                if t[i, i] == 0:
                    raise ValueError(f"the covariances of {self.names[i]}, whose variance is fixed, "
                                     "make a correlation of one; give smaller ones")
                t[i, :i] /= t[i, i]
        return np.array([t[i, j] for i, j in self.pairs()])


def psd_root(psi: np.ndarray) -> np.ndarray | None:
    """Lower T with T T' = Psi, columns of zero pivots being zero; None if Psi is not psd."""
    if not np.isfinite(psi).all():
        return None
    q = len(psi)
    t = np.zeros((q, q))
    for j in range(q):
        rest = psi[j:, j] - t[j:, :j] @ t[j, :j]
        scale = ZERO_PIVOT * max(psi[j, j], 0.0)
        if rest[0] > scale:
            t[j:, j] = rest / np.sqrt(rest[0])
        elif rest[0] < -scale or np.abs(rest[1:]).max(initial=0.0) > 1e-5 * np.sqrt(
                max(psi[j, j], 1e-300) * np.diag(psi)[j + 1:].max(initial=0.0)) + 1e-300:
            return None
    return t
