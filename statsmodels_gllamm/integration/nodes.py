r"""Nested quadrature over one chunk, and the posterior weights of all node combinations.

Nodes, top down, given the ancestors' deviations d_anc from the mode:

    d_l = L_l^-T (z_l - M_l d_anc),      u_l = u_hat_l + d_l

Bottom up, at every combination of ancestor nodes (c_k: the rule's log coefficients):

    b_l(unit) = logsumexp_k [ (sum of l_i | sum of the children's b) + c_k - |u_l|^2/2 ] - log|L_l|

and the log-likelihood is the sum of b over top-level units (Rabe-Hesketh, Skrondal and Pickles,
2005, J. Econometrics 128, 301-323; Pinheiro and Chao, 2006).  Without adaptation u_hat = 0, L = I,
M = 0.

Node axes stand first: N_l node combinations of level l and its ancestors, the top level slowest.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from statsmodels_gllamm.integration import small
from statsmodels_gllamm.integration.arrow import Factor, unit_weight
from statsmodels_gllamm.integration.problem import Chunk
from statsmodels_gllamm.integration.rules import Rule


@dataclass(frozen=True, slots=True)
class Nodes:
    """Node combinations of a chunk.

    Attributes
    ----------
    x, d, u : tuple of ndarray (q, N_above, K, G)
        Per level: standardised positions z - M d_anc, deviations from the mode, latent variables.
    anc : tuple of (ndarray (a, N_above, G) or None)
        Deviations of the ancestors at the units of each level.
    nu : ndarray (N, n)
        Linear predictor at all nodes.
    """

    x: tuple[np.ndarray, ...]
    d: tuple[np.ndarray, ...]
    u: tuple[np.ndarray, ...]
    anc: tuple[np.ndarray | None, ...]
    nu: np.ndarray


@dataclass(frozen=True, slots=True)
class Posterior:
    """Node weights of a chunk.

    Attributes
    ----------
    loglik : ndarray (G_top,)
    conditional : tuple of ndarray (N_above, K, G)
        Weight of each node given the ancestors' nodes.
    joint : tuple of ndarray (N_above, K, G)
        Weight of each node combination, times the unit's cumulative weight.
    total : tuple of ndarray (G,)
        Cumulative weight of each unit (one, without unit weights).
    """

    loglik: np.ndarray
    conditional: tuple[np.ndarray, ...]
    joint: tuple[np.ndarray, ...]
    total: tuple[np.ndarray, ...]


def place(chunk: Chunk, q, rules: tuple[Rule, ...], factor: Factor, u_hat, nu_hat, a) -> Nodes:
    """Nodes of every level around the mode, and the linear predictor at all of them."""
    n_levels = len(q)
    x, d, u, ancs = ([None] * n_levels for _ in range(4))
    first = np.concatenate([[0], np.cumsum(q)])
    anc, nu = None, nu_hat[None]
    for level in range(n_levels - 1, -1, -1):
        z = rules[level].z.T[:, None, :, None]  # (q, 1, K, 1)
        if anc is None:
            x[level] = np.broadcast_to(z, z.shape[:-1] + (chunk.runs[level].size,))
        else:
            anc = chunk.runs[level + 1].spread(anc)
            shift = np.einsum("iag,ang->ing", factor.cross[level], anc)
            x[level] = z - shift[:, :, None, :]
        ancs[level] = anc
        d[level] = small.backward(factor.lower[level], x[level])
        u[level] = u_hat[level][:, None, None, :] + d[level]
        k, n_above, size, g = d[level].shape
        own = d[level].reshape(k, n_above * size, g)
        shift = at_rows(chunk, level, a[first[level]:first[level + 1]], own)
        if level == n_levels - 1:
            nu = np.add(shift, nu, out=shift)
        else:
            shift = shift.reshape(n_above, size, -1)
            shift += nu[:, None, :]
            nu = shift.reshape(n_above * size, -1)
        if level:
            wide = [] if anc is None else [np.repeat(anc, size, axis=1)]
            anc = np.concatenate([own, *wide])
    return Nodes(tuple(x), tuple(d), tuple(u), tuple(ancs), nu)


def at_rows(chunk: Chunk, level: int, a: np.ndarray, x: np.ndarray) -> np.ndarray:
    """sum_j a_j x_j at every row: a (q, n), x (q, N, G) -> (N, n)."""
    x = chunk.to_units(x, level, 0)
    total = chunk.row_runs.times(a[0], x[0])
    for a_j, x_j in zip(a[1:], x[1:]):
        total += chunk.row_runs.times(a_j, x_j)
    return total


def integrate(chunk: Chunk, q, rules, factor: Factor, nodes: Nodes, kernel, constant) -> Posterior:
    """The recursion over levels: log-likelihood per top-level unit and posterior node weights.

    ``kernel`` (N, S) log densities of the outcomes at the nodes; ``constant`` (S,) the rest.
    """
    conditional = [None] * len(q)
    with np.errstate(over="ignore"):
        value = chunk.runs[0].sum(kernel) + chunk.runs[0].sum(constant)
    for level in range(len(q)):
        u = nodes.u[level]
        term = rules[level].c[:, None] - 0.5 * np.einsum("inkg,inkg->nkg", u, u)
        term += value.reshape(term.shape)
        largest = term.max(axis=1, keepdims=True)
        outside = np.isneginf(largest)  # an ancestor's node that leaves no density below it
        outside = outside if outside.any() else None
        if outside is not None:
            largest[outside] = 0.0
        term -= largest
        np.exp(term, out=term)
        total = term.sum(axis=1, keepdims=True)
        term /= total if outside is None else np.where(outside, 1.0, total)
        conditional[level] = term
        log_det = np.log(np.einsum("iig->ig", factor.lower[level])).sum(0)
        with np.errstate(divide="ignore"):
            value = (largest + np.log(total))[:, 0] - log_det
        if level + 1 < len(q):
            weight = unit_weight(chunk, level)
            value = chunk.runs[level + 1].sum(value if weight is None else value * weight)
    return _posterior(chunk, value[0], conditional)


def _posterior(chunk: Chunk, loglik, conditional) -> Posterior:
    n_levels = len(conditional)
    joint, total = [None] * n_levels, [None] * n_levels
    above, cumulative = None, np.ones(chunk.runs[-1].size)
    for level in range(n_levels - 1, -1, -1):
        p = conditional[level]
        if above is not None:
            above = chunk.runs[level + 1].spread(above)
            cumulative = chunk.runs[level + 1].spread(cumulative)
            weight = unit_weight(chunk, level)
            if weight is not None:
                above, cumulative = above * weight, cumulative * weight
            p = p * above[:, None, :]
        joint[level], total[level] = p, cumulative
        above = p.reshape(-1, p.shape[-1])
    return Posterior(loglik, tuple(conditional), tuple(joint), tuple(total))


def latent_at_nodes(chunk: Chunk, nodes: Nodes) -> np.ndarray:
    """All latent variables at the bottom units' node combinations (D, N, G_0), own level first."""
    wide = None
    for level in range(len(nodes.u) - 1, -1, -1):
        u = nodes.u[level]
        own = u.reshape(u.shape[0], -1, u.shape[-1])
        if wide is not None:
            wide = np.repeat(chunk.runs[level + 1].spread(wide), u.shape[2], axis=1)
        wide = own if wide is None else np.concatenate([own, wide])
    return wide
