r"""Latent variables eta from the standard normal ones u that the engine integrates over.

.. math:: \eta = \eta_0 + R u, \qquad \eta_0 = (I - B)^{-1} \Gamma w, \qquad R = (I - B)^{-1} T

with regressions (latent/structural.py); without, eta_0 is zero and R = T.
"""
from __future__ import annotations

import numpy as np


def latent_mean(design, working, regressors) -> np.ndarray | None:
    """eta_0 (D, n) for covariates w (K, n) of the latent variables; None where it is zero."""
    if design.structural is None or not len(regressors):
        return None
    inverse, gamma = design.regression(working)
    return inverse @ gamma @ regressors


def latent_root(design, working) -> np.ndarray:
    """R (D, D)."""
    root = block_diagonal(design.roots(working))
    regression = design.regression(working)
    return root if regression is None else regression[0] @ root


def deviations(design, working, rows) -> dict:
    """Given values of latent variables, less eta_0."""
    mean = latent_mean(design, working, rows.regressors)
    return rows.given if mean is None else {m: v - mean[m] for m, v in rows.given.items()}


def regressors(model, designs) -> np.ndarray:
    """Covariates of the latent variables (K, n)."""
    columns = [designs["regression", number][name].to_numpy()
               for number, name in model.structure.regressors]
    return np.stack(columns) if columns else np.zeros((0, 0))


def block_diagonal(blocks) -> np.ndarray:
    """One matrix with the given square matrices on its diagonal."""
    ends = np.cumsum([len(b) for b in blocks])
    out = np.zeros((ends[-1],) * 2 if len(ends) else (0, 0))
    for end, block in zip(ends, blocks):
        out[end - len(block):end, end - len(block):end] = block
    return out
