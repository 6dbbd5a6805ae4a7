r"""Posterior of the latent variables of every unit, given the data of its top-level unit.

With p_k the posterior weights of the node combinations of a unit,

.. math:: E(u \mid y) = \sum_k p_k u_k, \qquad
          \mathrm{cov}(u \mid y) = \sum_k p_k (u_k - E u)(u_k - E u)' + S

S is what the nodes do not see: dimensions with a single point (E diagonal, one there and zero
elsewhere) add their curvature, and the deviations d = L^-T (z - M d_anc) of nested nodes (Pinheiro
and Chao, 2006) carry the ancestors' part down:

    S_own,own = B S_anc B' + L^-T E L^-1,   S_own,anc = B S_anc,   B = -L^-T M

With one node at every level (Laplace) E(u | y) is the mode and S the unit's block of the inverse of
the block-arrow Hessian, which is exact for Gaussian responses.  A unit's frequency weight says how
often it occurs, and its posterior is that of one occurrence.

A row function f of nu = o + a'u has posterior mean sum_k p_k E f(nu_k + R z), z ~ N(0, I), RR' the
variance of nu from S and from the prior of levels whose unit has no data.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from statsmodels_gllamm.integration import small
from statsmodels_gllamm.integration.marginal import Task, expand, zero_start
from statsmodels_gllamm.integration.nodes import Nodes
from statsmodels_gllamm.integration.normal import joint_mean
from statsmodels_gllamm.integration.problem import Chunk, Problem
from statsmodels_gllamm.integration.task import Portion, portion_of

PIECE_ELEMENTS = 60_000  # nodes x rows at a time: a few such temporaries stay in the L2 cache


@dataclass(frozen=True, slots=True)
class UnitNodes:
    """Posterior nodes of one level's units in a chunk.

    Attributes
    ----------
    u : ndarray (D_l, N, G)
        Spherical latent variables of this level and those above, own level first.
    weight : ndarray (N, G)
        Posterior weights, summing to one over the nodes.
    unseen : ndarray (D_l, D_l, G) or None
        Covariance S that the nodes do not see; None where every dimension has several points.
    """

    u: np.ndarray
    weight: np.ndarray
    unseen: np.ndarray | None


def posterior_nodes(chunk: Chunk, task: Task, psi: np.ndarray) -> tuple[UnitNodes, ...]:
    """Posterior nodes of the units of every level, from the bottom to the top."""
    portion = portion_of(chunk.active, task)
    if portion is not None:
        task, psi = portion.task, portion.psi(psi)
    x = expand(chunk, task, psi, zero_start(chunk, task.q))
    nodes, posterior, mode = x.nodes, x.posterior, x.mode
    latent = _latent_by_level(chunk, nodes)
    unseen = _unseen(chunk, task, mode.placing)
    found = tuple(
        UnitNodes(u, joint.reshape(-1, joint.shape[-1]) / total, s)
        for u, joint, total, s in zip(latent, posterior.joint, posterior.total, unseen)
    )
    return found if portion is None else tuple(
        _with_untouched(one, portion, level) for level, one in enumerate(found))


def _with_untouched(nodes: UnitNodes, portion: Portion, level: int) -> UnitNodes:
    """Nodes of all latent variables: those left out have their prior, which no node sees."""
    places, d = portion.places(level), sum(portion.whole.q[level:])
    u = np.zeros((d,) + nodes.u.shape[1:])
    u[places] = nodes.u
    if nodes.unseen is None and len(places) == d:
        return UnitNodes(u, nodes.weight, None)
    unseen = np.zeros((d, d, u.shape[-1]))
    unseen[np.arange(d), np.arange(d)] = 1.0
    unseen[places, places] = 0.0
    if nodes.unseen is not None:
        unseen[np.ix_(places, places)] = nodes.unseen
    return UnitNodes(u, nodes.weight, unseen)


def _latent_by_level(chunk: Chunk, nodes: Nodes) -> list[np.ndarray]:
    """Latent variables (D_l, N_l, G_l) of each level and those above at its node combinations."""
    out, wide = [None] * len(nodes.u), None
    for level in range(len(nodes.u) - 1, -1, -1):
        u = nodes.u[level]
        own = u.reshape(u.shape[0], -1, u.shape[-1])
        if wide is not None:
            wide = np.repeat(chunk.runs[level + 1].spread(wide), u.shape[2], axis=1)
        out[level] = wide = own if wide is None else np.concatenate([own, wide])
    return out


def _unseen(chunk: Chunk, task: Task, factor) -> list[np.ndarray | None]:
    """S (D_l, D_l, G_l) of every level."""
    n_levels = len(task.q)
    if all(n > 1 for rule in task.rules for n in rule.points):
        return [None] * n_levels
    out = [None] * n_levels
    for level in range(n_levels - 1, -1, -1):
        lower, cross = factor.lower[level], factor.cross[level]
        k, above, g = cross.shape
        s = np.zeros((k + above, k + above, g))
        single = np.flatnonzero(np.equal(task.rules[level].points, 1))
        if len(single):
            root = np.broadcast_to(np.eye(k)[:, single, None], (k, len(single), g))
            root = small.backward(lower, root)
            s[:k, :k] = np.einsum("isg,jsg->ijg", root, root)
        if above:
            s_anc = chunk.runs[level + 1].spread(out[level + 1])
            b = -small.backward(lower, cross)
            bs = np.einsum("iag,abg->ibg", b, s_anc)
            s[:k, :k] += np.einsum("iag,jag->ijg", bs, b)
            s[:k, k:] = bs
            s[k:, :k] = np.swapaxes(bs, 0, 1)
            s[k:, k:] = s_anc
        out[level] = s
    return out


def node_moments(nodes: UnitNodes, q: int) -> tuple[np.ndarray, np.ndarray]:
    """Posterior mean (q, G) and covariance (q, q, G) of the first q latent variables."""
    u, p = nodes.u[:q], nodes.weight
    mean = np.einsum("ing,ng->ig", u, p)
    d = u - mean[:, None]
    cov = np.einsum("ing,jng->ijg", d * p, d)
    return mean, cov if nodes.unseen is None else cov + nodes.unseen[:q, :q]


def unit_moments(problem: Problem, task: Task, psi: np.ndarray,
                 ancestors: bool = False) -> list[tuple[np.ndarray, np.ndarray]]:
    """Posterior mean and covariance of the spherical latent variables of all units.

    Parameters
    ----------
    problem : Problem
    task : Task
        With rules of one point: the modes, and their covariance from the curvature.
    psi : ndarray (r, 1 + D + m)
    ancestors : bool
        Together with those of the unit's ancestors, own ones first.

    Returns
    -------
    list of (ndarray (q, n_units), ndarray (q, q, n_units))
        Per level from the bottom to the top, units as numbered in ``problem.levels``; NaN for units
        whose frequency weight is zero.
    """
    size = [sum(task.q[k:]) if ancestors else q for k, q in enumerate(task.q)]
    out = [(np.full((q, level.n_units), np.nan), np.full((q, q, level.n_units), np.nan))
           for q, level in zip(size, problem.levels)]
    for chunk in problem.chunks:
        for level, nodes in enumerate(posterior_nodes(chunk, task, psi)):
            mean, cov = node_moments(nodes, size[level])
            out[level][0][..., chunk.units[level]] = mean
            out[level][1][..., chunk.units[level]] = cov
    return [(mean[..., rep], cov[..., rep])
            for (mean, cov), rep in zip(out, problem.representative)]


def row_expectation(problem: Problem, task: Task, psi: np.ndarray, make: Callable,
                    o: np.ndarray, a: np.ndarray, level: np.ndarray, unit: np.ndarray,
                    sets: np.ndarray | None = None) -> np.ndarray:
    """Posterior mean of a function of the linear predictors of any rows, E(f(o + a'u) | y).

    Parameters
    ----------
    problem, task, psi
        The data and parameters that the posterior is of.
    make : callable
        make(rows) is the function of some rows (m,): nu (P, ..., m) -> (..., m), perhaps with axes
        in front.
    o : ndarray (P, n)
        Linear predictors where latent variables are zero.
    a : ndarray (P, D, n)
        Loadings of the spherical latent variables, bottom level first.
    level, unit : ndarray of int (n,)
        The lowest level at which a row lies in a unit of the data, and that unit;
        ``len(task.q)`` where there is none. Levels below have their prior.
    sets : ndarray of int (n,), optional
        Rows of the same set, which lie in the same units, are functions of each other's predictors;
        none are split.

    Returns
    -------
    ndarray (..., n)
    """
    place = [np.full(lev.n_units, -1) for lev in problem.levels]
    home = [x.copy() for x in place]
    for number, chunk in enumerate(problem.chunks):
        for units, p, h in zip(chunk.units, place, home):
            p[units], h[units] = np.arange(len(units)), number
    level, unit = _with_data(problem, home, level, unit)
    first = np.concatenate([[0], np.cumsum(task.q)])
    by_chunk = [_rows_by_chunk(home[lev], level == lev, unit, len(problem.chunks))
                for lev in range(len(task.q))]
    found = []
    for number, chunk in enumerate(problem.chunks):
        if not any(len(rows[number]) for rows in by_chunk):
            continue
        for lev, nodes in enumerate(posterior_nodes(chunk, task, psi)):
            for piece in pieces(by_chunk[lev][number], len(nodes.weight), sets):
                at = place[lev][unit[piece]]
                value = _at_nodes(nodes, at, make(piece), o[:, piece], a[..., piece], first[lev],
                                  sets is not None)
                found.append((piece, value))
    for piece in pieces(np.flatnonzero(level == len(task.q)), 1, sets):
        value = joint_mean(make(piece), o[:, piece], a[..., piece], sets is not None)
        found.append((piece, value))
    return joined(found, o.shape[-1])


def joined(found, n: int) -> np.ndarray:
    """Values (..., n) from pairs of rows and their values (..., m)."""
    if not found:
        return np.empty(n)
    out = np.empty(found[0][1].shape[:-1] + (n,))
    for rows, value in found:
        out[..., rows] = value
    return out


def _rows_by_chunk(home, here, unit, n_chunks: int) -> list[np.ndarray]:
    """Rows (those of ``here``) whose unit is in each chunk."""
    rows = np.flatnonzero(here)
    number = home[unit[rows]]
    order = np.argsort(number, kind="stable")
    cuts = np.searchsorted(number[order], np.arange(1, n_chunks))
    return np.split(rows[order], cuts)


def _with_data(problem: Problem, home, level, unit):
    """Level and unit of rows, units of weight zero left for their parents, others merged."""
    level, unit = level.copy(), unit.copy()
    for number, (lev, rep) in enumerate(zip(problem.levels, problem.representative)):
        here = np.flatnonzero(level == number)
        merged = rep[unit[here]]
        empty = home[number][merged] < 0
        unit[here] = merged
        level[here[empty]] += 1
        if lev.parent is not None:
            unit[here[empty]] = lev.parent[merged[empty]]
    return level, unit


def pieces(rows: np.ndarray, n_nodes: int, sets: np.ndarray | None = None,
           size: int | None = None):
    """Rows (positions) in pieces for so many nodes; with ``sets`` (n,), sorted by them and whole."""
    size = max((PIECE_ELEMENTS if size is None else size) // n_nodes, 1)
    if sets is None:
        yield from (rows[i:i + size] for i in range(0, len(rows), size))
        return
    rows = rows[np.argsort(sets[rows], kind="stable")]
    own = sets[rows]
    ends = np.append(np.flatnonzero(own[1:] != own[:-1]) + 1, len(rows))
    start = 0
    while start < len(rows):
        end = ends[max(np.searchsorted(ends, start + size, "right") - 1, 0)]
        if end <= start:
            end = ends[np.searchsorted(ends, start, "right")]
        yield rows[start:end]
        start = end


def _at_nodes(nodes: UnitNodes, at, function, o, a, below: int, coupled: bool) -> np.ndarray:
    """Posterior mean at rows that lie in the units ``at``; ``below`` dimensions are prior."""
    own, rest = a[:, below:], a[:, :below]
    nu = o[:, None] + np.einsum("pdm,dNm->pNm", own, nodes.u[:, :, at])
    if nodes.unseen is not None:
        root = _roots(np.moveaxis(nodes.unseen, -1, 0))[at]
        rest = np.concatenate([rest, np.einsum("pim,mij->pjm", own, root)], axis=1)
    value = joint_mean(function, nu, rest, coupled)
    weight = nodes.weight[:, at]
    with np.errstate(invalid="ignore"):  # outside the support f may be infinite, with no weight
        return np.where(weight > 0, weight * value, 0.0).sum(-2)


def _roots(s: np.ndarray) -> np.ndarray:
    """Roots of positive semidefinite matrices (G, d, d)."""
    values, vectors = np.linalg.eigh(s)
    return vectors * np.sqrt(np.maximum(values, 0.0))[:, None]
