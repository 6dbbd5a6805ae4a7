r"""Latent variables eta from the standard normal ones u that the engine integrates over.

.. math:: \eta = \eta_0 + R u, \qquad \eta_0 = (I - B)^{-1} \Gamma w, \qquad R = (I - B)^{-1} T

with regressions (latent/structural.py); without, eta_0 is zero and R = T.  B and R may differ
between rows, where covariates or other latent variables multiply causes; given coordinates u_M of
such moderators eta_0 has R_M u_M besides, and R zero in their place.
"""
from __future__ import annotations

import numpy as np

PRODUCTS = ("this is not available for models whose regressions= have products of latent variables: "
            "effects differ between units")


def solution(design, working, regressors, u=None):
    """eta_0 (D, n), or None where it is zero, and R (D, D), or (D, D, n) where it differs by row.

    Parameters
    ----------
    design : LatentDesign
    working : ndarray (k,)
    regressors : ndarray (K, n)
        Covariates of the latent variables.
    u : ndarray (D,), optional
        Coordinates of the moderators; zero by default.
    """
    root, structural = block_diagonal(design.roots(working)), design.structural
    if structural is None:
        return None, root
    if not structural.moderated:
        inverse, gamma = design.regression(working)
        return inverse @ gamma @ regressors if len(regressors) else None, inverse @ root
    if structural.n_covariates and not len(regressors):
        raise NotImplementedError(PRODUCTS)
    x = regressors if len(regressors) else np.zeros((0, 1))
    size = np.zeros((design.n_latent, 1)) if u is None else (root @ u)[:, None]
    source, inverse = _solve(design, working, x, size)
    root = np.moveaxis(inverse @ root, 0, -1)
    root[:, design.given] = 0.0
    mean = np.einsum("nde,en->dn", inverse, source)
    return mean, root if len(regressors) else root[..., 0]


def _solve(design, working, x, size):
    """Gamma w + T u (D, n) and (I - B)^-1 (n, D, D) for covariates (K, n), disturbances (D, n)."""
    structural, at = design.structural, design.layout.positions
    source = structural.gamma_matrix(working[at("gamma")]) @ x + size
    return source, structural.at_rows(working[at("b")], x, source)


def latent_values(design, working, regressors, u) -> np.ndarray:
    """eta (D, n) for covariates (K, n) and coordinates u (D, n)."""
    root = block_diagonal(design.roots(working))
    x = regressors if len(regressors) else np.zeros((0, u.shape[1]))
    source, inverse = _solve(design, working, x, root @ u)
    return np.einsum("nde,en->dn", inverse, source)


def latent_mean(design, working, regressors, u=None) -> np.ndarray | None:
    """eta_0 (D, n) for covariates (K, n) of the latent variables; None where it is zero."""
    return solution(design, working, regressors, u)[0]


def latent_root(design, working) -> np.ndarray:
    """R (D, D); NotImplementedError where products in regressions make it differ between rows."""
    if design.structural is not None and design.structural.moderated:
        raise NotImplementedError(PRODUCTS)
    return solution(design, working, np.zeros((0, 0)))[1]


def loadings(c, root) -> np.ndarray:
    """c'R (P, D, n) from c (P, D, n) and R (D, D) or (D, D, n)."""
    return np.einsum("pdn,de->pen" if root.ndim == 2 else "pdn,den->pen", c, root)


def deviations(design, working, rows) -> dict:
    """Given values of latent variables, less eta_0."""
    mean = latent_mean(design, working, rows.regressors)
    return rows.given if mean is None else {m: v - mean[m] for m, v in rows.given.items()}


def regressors(model, designs) -> np.ndarray:
    """Covariates of the latent variables (K, n)."""
    columns = [designs[key][name].to_numpy() for key, name in model.structure.regressors]
    return np.stack(columns) if columns else np.zeros((0, 0))


def block_diagonal(blocks) -> np.ndarray:
    """One matrix with the given square matrices on its diagonal."""
    ends = np.cumsum([len(b) for b in blocks])
    out = np.zeros((ends[-1],) * 2 if len(ends) else (0, 0))
    for end, block in zip(ends, blocks):
        out[end - len(block):end, end - len(block):end] = block
    return out
