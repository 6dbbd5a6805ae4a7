r"""Observed information from the posterior of the nodes (Louis, 1982, J. R. Stat. Soc. B 44, 226-233).

For the entries e of the expanded coefficients Psi (nu_i = sum_e W_re,i u_de Psi_e, u_0 = 1),

    I = E[sum_i w_i z_i z_i' | y] - cov(sum_i s_i z_i | y),      z_ie = W_re,i u_de

where the covariance is summed over the levels: at each, the variance between a unit's own nodes of
the conditional mean of its score.  It is the curvature of the integral itself, and differs from that
of a quadrature rule by the rule's error.
"""
from __future__ import annotations

import numpy as np

from statsmodels_gllamm.integration.arrow import unit_weight
from statsmodels_gllamm.integration.chunks import Chunk
from statsmodels_gllamm.integration.nodes import Nodes, Posterior, latent_at_nodes


def chunk_information(chunk: Chunk, response, aux, entries, nodes: Nodes, posterior: Posterior,
                      score) -> np.ndarray:
    """Information (E, E) of one chunk in its entries.

    ``entries`` = (rows (E,), columns (E,)) of Psi, columns 0 for the offset and 1..D for the
    loadings; ``score`` (N, n) row-weighted dl/dnu at the nodes.
    """
    rows, columns = entries
    runs = chunk.runs[0]
    u = latent_at_nodes(chunk, nodes)
    n_nodes, g = u.shape[1], u.shape[2]
    basis = np.concatenate([np.ones((1, n_nodes, g)), u])
    top = chunk.top_weight
    p = posterior.joint[0].reshape(n_nodes, g)
    p = p * chunk.to_rows(top, len(chunk.runs) - 1, stop=1)
    info = _expected(chunk, response, aux, entries, nodes, basis, p)
    sums = {r: runs.sum_times(score, chunk.design[r]) for r in np.unique(rows)}
    t = np.stack([basis[c] * sums[r] for r, c in zip(rows, columns)])  # (E, N, G)
    for level, conditional in enumerate(posterior.conditional):
        t = t.reshape((len(rows),) + conditional.shape)
        mean = np.einsum("enkg,nkg->eng", t, conditional)
        weight = posterior.joint[level] * chunk.to_rows(top, len(chunk.runs) - 1, stop=level + 1)
        t = t - mean[:, :, None, :]
        t *= np.sqrt(weight)
        t = t.reshape(len(rows), -1)
        info -= t @ t.T
        if level + 1 < len(posterior.conditional):
            w = unit_weight(chunk, level)
            t = chunk.runs[level + 1].sum(mean if w is None else mean * w)
    return info


def _expected(chunk, response, aux, entries, nodes, basis, p) -> np.ndarray:
    rows, columns = entries
    w = response.curvature(chunk.y, nodes.nu, aux)
    if chunk.row_weight is not None:
        w = w * chunk.row_weight
    info = np.zeros((len(rows),) * 2)
    members = {c: np.flatnonzero(columns == c) for c in np.unique(columns)}
    for c, one in members.items():
        for d, two in members.items():
            if d < c:
                continue
            weight = chunk.runs[0].contract(w, p * basis[c] * basis[d])
            block = _crossproduct(chunk, rows[one], weight, rows[two])
            info[np.ix_(one, two)] = block
            info[np.ix_(two, one)] = block.T
    return info


def _crossproduct(chunk: Chunk, one, weight, two) -> np.ndarray:
    """sum_i W_one,i weight_i W_two,i, over the distinct rows of W where they are few."""
    design = chunk.design
    if chunk.patterns is not None:
        codes, design = chunk.patterns
        weight = np.bincount(codes, weight, design.shape[1])
    return (design[one] * weight) @ design[two].T
