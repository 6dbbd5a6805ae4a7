"""Cholesky factors of many small matrices at once: arrays (q, q, G), the clusters last.

For the few latent variables of one level, loops over the matrix indices with whole arrays of
clusters inside beat LAPACK calls per cluster by an order of magnitude, and accept complex input.
"""
from __future__ import annotations

import numpy as np


def cholesky(h: np.ndarray) -> np.ndarray:
    """Lower factor L (q, q, G) of H = L L'; NaN where H is not positive definite."""
    q = h.shape[0]
    if q == 1:  # here and below: a lone random intercept does without the loops
        with np.errstate(invalid="ignore"):
            return np.sqrt(h)
    lower = np.zeros_like(h)
    with np.errstate(invalid="ignore", divide="ignore"):
        for j in range(q):
            pivot = h[j, j] - np.einsum("k...,k...->...", lower[j, :j], lower[j, :j])
            lower[j, j] = np.sqrt(pivot)
            for i in range(j + 1, q):
                dot = np.einsum("k...,k...->...", lower[i, :j], lower[j, :j])
                lower[i, j] = (h[i, j] - dot) / lower[j, j]
    return lower


def floored_cholesky(h: np.ndarray, floor: float) -> tuple[np.ndarray, np.ndarray]:
    """Lower factor whose squared pivots are at least ``floor``, and where they are that (q, G)."""
    lower, clipped = np.zeros_like(h), np.zeros(h.shape[1:], dtype=bool)
    for j in range(h.shape[0]):
        pivot = h[j, j] - np.einsum("k...,k...->...", lower[j, :j], lower[j, :j])
        clipped[j] = pivot < floor
        lower[j, j] = np.sqrt(np.maximum(pivot, floor))
        for i in range(j + 1, h.shape[0]):
            dot = np.einsum("k...,k...->...", lower[i, :j], lower[j, :j])
            lower[i, j] = (h[i, j] - dot) / lower[j, j]
    return lower, clipped


def forward(lower: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Solve L x = b for b (q, ..., G), L (q, q, G)."""
    if lower.shape[0] == 1:
        return b / lower[0]
    x = np.empty(np.broadcast_shapes(b.shape, b.shape[:-1] + lower.shape[-1:]),
                 dtype=np.result_type(lower, b))
    for i in range(lower.shape[0]):
        r = b[i]
        for k in range(i):
            r = r - lower[i, k] * x[k]
        x[i] = r / lower[i, i]
    return x


def backward(lower: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Solve L' x = b for b (q, ..., G), L (q, q, G)."""
    q = lower.shape[0]
    if q == 1:
        return b / lower[0]
    x = np.empty(np.broadcast_shapes(b.shape, b.shape[:-1] + lower.shape[-1:]),
                 dtype=np.result_type(lower, b))
    for i in range(q - 1, -1, -1):
        r = b[i]
        for k in range(i + 1, q):
            r = r - lower[k, i] * x[k]
        x[i] = r / lower[i, i]
    return x


def cholesky_adjoint(lower: np.ndarray, lower_bar: np.ndarray) -> np.ndarray:
    """Symmetric H_bar (q, q, G) from L_bar: the reverse sweep of H = L L'.

    H_bar = sym(L^-T Phi(L' L_bar) L^-1), Phi the lower triangle with halved diagonal
    (Murray, 2016, arXiv:1602.07527).
    """
    q = lower.shape[0]
    if q == 1:
        return 0.5 * lower_bar / lower
    phi = np.einsum("kig,kjg->ijg", lower, lower_bar)
    for i in range(q):
        phi[i, i] *= 0.5
        phi[i, i + 1:] = 0.0
    half = backward(lower, phi)  # L^-T Phi
    full = backward(lower, np.swapaxes(half, 0, 1))  # (L^-T Phi L^-1)'
    return 0.5 * (full + np.swapaxes(full, 0, 1))
