r"""The reverse sweep: exact derivatives of one chunk's log-likelihood, node placement included.

With P the posterior weights of all node combinations and s = dl/dnu at the nodes,

    o_bar_i = sum_k P_ik s_ik,      A_bar_il = sum_k P_ik s_ik u_l,k
    d_bar_l = sum over rows of a_il P s - P u_l  (+ what comes back from the levels below)
    u_hat_bar_l = sum_k of the first part

then back through the nodes (x_bar = L^-1 d_bar, L_bar, M_bar), the arrow factor, the weights
W = -l'' of the rows, and the mode by the implicit function theorem (Kristensen et al., 2016,
J. Stat. Softw. 70(5)): H lam = u_hat_bar + sum_i nu_bar_i a_i.
"""
from __future__ import annotations

import numpy as np

from statsmodels_gllamm.integration import small
from statsmodels_gllamm.integration.arrow import solve, unit_weight
from statsmodels_gllamm.integration.mode import Mode, to_rows
from statsmodels_gllamm.integration.nodes import Nodes, Posterior, latent_at_nodes
from statsmodels_gllamm.integration.problem import Chunk


def node_sums(chunk: Chunk, q, a, nodes: Nodes, posterior: Posterior, score):
    """First part of the sweep, at the nodes.

    Parameters
    ----------
    score : ndarray (N, n)
        dl/dnu at the nodes.

    Returns
    -------
    o_bar : ndarray (n,)
    a_bar : ndarray (D, n)
    d_bar : list of ndarray (q, N_above, K, G)
        Derivatives with respect to the nodes' deviations, own part only.
    """
    runs = chunk.row_runs
    u = latent_at_nodes(chunk, nodes)
    p = posterior.joint[0].reshape(-1, runs.size)
    o_bar, a_bar, carry = _weighted_scores(runs, a, u, p, score)
    if not (np.isfinite(o_bar).all() and np.isfinite(carry).all()):
        score = np.where(runs.spread(p) > 0, score, 0.0)  # infinite where there is no weight
        o_bar, a_bar, carry = _weighted_scores(runs, a, u, p, score)
    d_bar = []
    for level, k in enumerate(q):
        shape = nodes.u[level].shape
        d_bar.append(carry[:k].reshape(shape) - posterior.joint[level] * nodes.u[level])
        if level + 1 < len(q):
            rest = carry[k:].reshape((-1,) + shape[1:]).sum(axis=2)
            carry = chunk.runs[level + 1].sum(rest)
    return o_bar, a_bar, d_bar


@np.errstate(over="ignore", invalid="ignore")
def _weighted_scores(runs, a, u, p, score):
    """Sums over nodes of p s (n,) and p u s (D, n), and p sum_i a_i s_i (D, N, G)."""
    o_bar = runs.contract(score, p)
    a_bar = np.stack([runs.contract(score, p * u_j) for u_j in u])
    carry = np.stack([runs.sum_times(score, a_j) for a_j in a])
    carry *= p
    return o_bar, a_bar, carry


def _dot(a, b) -> np.ndarray:
    """a_i'b_i at every row (n,)."""
    total = a[0] * b[0]
    for a_d, b_d in zip(a[1:], b[1:]):
        total += a_d * b_d
    return total


def _through_nodes(chunk: Chunk, q, mode: Mode, nodes: Nodes, d_bar):
    """d_bar -> (L_bar, M_bar, u_hat_bar) per level."""
    lower_bar, cross_bar, u_hat_bar, above = [], [], [], None
    for level, k in enumerate(q):
        bar = d_bar[level]
        u_hat_bar.append(bar.sum((1, 2)))
        if above is not None:
            bar = bar + above[:k].reshape(bar.shape)
        x_bar = small.forward(mode.placing.lower[level], bar)
        lower_bar.append(-np.einsum("inkg,jnkg->ijg", nodes.d[level], x_bar))
        for i in range(k):
            lower_bar[-1][i, i + 1:] = 0.0
        if nodes.anc[level] is None:
            cross_bar.append(np.zeros_like(mode.placing.cross[level]))
            continue
        x_sum = x_bar.sum(axis=2)
        cross_bar.append(-np.einsum("ing,ang->iag", x_sum, nodes.anc[level]))
        up = -np.einsum("iag,ing->ang", mode.placing.cross[level], x_sum)
        if above is not None:
            up += above[k:].reshape((-1,) + bar.shape[1:]).sum(axis=2)
        above = chunk.runs[level + 1].sum(up)
    return lower_bar, cross_bar, u_hat_bar


def _through_factor(chunk: Chunk, q, mode: Mode, posterior: Posterior, lower_bar, cross_bar):
    """(L_bar, M_bar) -> R_bar (D, D, G_0) of the bottom units, symmetric."""
    r_bar = None
    for level in range(len(q) - 1, -1, -1):
        k = q[level]
        lower, m = mode.placing.lower[level], mode.placing.cross[level]
        l_bar, m_bar = lower_bar[level], cross_bar[level]
        for i in range(k):
            l_bar[i, i] -= posterior.total[level] / lower[i, i]
        if r_bar is not None:
            r_bar = chunk.runs[level + 1].spread(r_bar)
            weight = unit_weight(chunk, level)
            r_bar = r_bar if weight is None else r_bar * weight
            m_bar = m_bar - 2 * np.einsum("iag,abg->ibg", m, r_bar)
        oa = small.backward(lower, m_bar)
        through = np.einsum("iag,jag->ijg", oa, m)
        for i in range(k):
            through[i, i + 1:] = 0.0
        total = np.empty((k + m.shape[1],) * 2 + l_bar.shape[-1:])
        total[:k, :k] = small.cholesky_adjoint(lower, l_bar - through)
        total[:k, k:] = 0.5 * oa
        total[k:, :k] = 0.5 * np.swapaxes(oa, 0, 1)
        if r_bar is not None:
            total[k:, k:] = r_bar
        r_bar = total
    return r_bar


def placement(chunk: Chunk, q, a, mode: Mode, nodes: Nodes, posterior: Posterior, d_bar,
              o_bar, a_bar, phi_bar) -> None:
    """Add the derivatives through the nodes' placement to o_bar, a_bar and phi_bar, in place."""
    lower_bar, cross_bar, u_hat_bar = _through_nodes(chunk, q, mode, nodes, d_bar)
    r_bar = _through_factor(chunk, q, mode, posterior, lower_bar, cross_bar)
    runs, local = chunk.row_runs, mode.local
    ra2 = [sum(runs.times(a_j, 2 * r_bar[i, j][None])[0] for j, a_j in enumerate(a))
           for i in range(len(a))]  # 2 R_bar a
    nu_bar = -0.5 * sum(local.third(a_i, ra2_i) for a_i, ra2_i in zip(a, ra2))
    total = posterior.total
    rhs = runs.sum_times(a, nu_bar) / total[0]
    lam = solve(chunk, q, mode.factor, rhs, [x / t for x, t in zip(u_hat_bar, total)])
    lam_rows = to_rows(chunk, lam)
    la, l1 = _dot(a, lam_rows), local.first
    if any(w is not None for w in chunk.unit_weight):
        weight = runs.spread(total[0])
        la, l1 = la * weight, l1 * weight
    nu_bar += local.second(la)
    keep = _settled(chunk, mode)
    if keep is not None:  # at a mode that hardly is one the nodes are taken as given
        nu_bar, l1, la = nu_bar * keep, l1 * keep, la * keep
        ra2 = [x * keep for x in ra2]
    o_bar += nu_bar
    for i, row in enumerate(a_bar):
        row -= local.second(ra2[i])
        lam_rows[i] *= l1
        row += lam_rows[i]
        row += nu_bar * mode.u_rows[i]
    if len(phi_bar):
        phi_bar += local.aux_first(la)
        for a_i, ra2_i in zip(a, ra2):
            phi_bar -= 0.5 * local.aux_second(a_i, ra2_i)


def _settled(chunk: Chunk, mode: Mode) -> np.ndarray | None:
    """One at the rows (n,) of top units without a pivot at the floor, else zero; None for all one.

    Where the Hessian is nearly singular the mode moves without bound; the integral does not depend
    on where its nodes are.
    """
    if mode.placing.clipped is None:
        return None
    at_floor = sum(chunk.units_to_top(x.any(axis=0).astype(float), level)
                   for level, x in enumerate(mode.placing.clipped))
    return chunk.top_to_rows((at_floor == 0).astype(float))
