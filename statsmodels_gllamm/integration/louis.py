r"""Observed information from the posterior of the nodes (Louis, 1982, J. R. Stat. Soc. B 44, 226-233).

For the entries e of the expanded coefficients Psi an outcome's log density has the score and the
information

    t_e = sum_i W_re,i u_de l_nu,i          (offset: u_0 = 1)     or   W_re,i J_i l_phi
    K   = -[z 0; 0 W J]' [l_nu,nu  l_nu,phi; l_phi,nu  l_phi,phi] [z 0; 0 W J],   z_ie = W_re,i u_de

with J the Jacobian of the auxiliary values phi in the auxiliary predictors, and

    I = E[sum K | y] - cov(sum t | y)

where the covariance is summed over the levels: at each, the variance between a unit's own nodes of
the conditional mean of its score.  It is the curvature of the integral itself, and differs from that
of a quadrature rule by the rule's error.
"""
from __future__ import annotations

import numpy as np

from statsmodels_gllamm.integration.arrow import unit_weight
from statsmodels_gllamm.integration.nodes import latent_at_nodes
from statsmodels_gllamm.integration.observed import Rows
from statsmodels_gllamm.integration.problem import Chunk


class Entries:
    """The entries of Psi, apart: those of the linear predictor, and those of auxiliary predictors.

    ``linear``, ``aux``: their places; ``rows``, ``columns``: of Psi, columns of linear entries 0
    for the offset and 1..D for the loadings, ``predictor`` of auxiliary ones; ``maps`` (m', m, n):
    J of every row; ``jacobian[e]`` (m', S): J W of an auxiliary entry.
    """

    def __init__(self, chunk: Chunk, entries, n_latent: int, aux, phi) -> None:
        self.rows, self.columns = entries
        self.linear = np.flatnonzero(self.columns <= n_latent)
        self.aux = np.flatnonzero(self.columns > n_latent)
        self.predictor = self.columns - 1 - n_latent
        self.jacobian, self.maps = {}, None
        if len(self.aux):
            observed = chunk.observed
            self.maps = np.stack([observed.row_aux_adjoint(aux, unit) for unit in _units(phi)])
            for e in self.aux:
                row = chunk.design[self.rows[e]]
                self.jacobian[e] = np.stack(
                    [_to_outcomes(chunk, row * one[self.predictor[e]]) for one in self.maps])

    def __len__(self) -> int:
        return len(self.rows)


def _units(phi):
    """Unit vectors (m', S) of every auxiliary value, at all outcomes together."""
    for k in range(len(phi)):
        unit = np.zeros_like(phi)
        unit[k] = 1.0
        yield unit


def _to_outcomes(chunk: Chunk, x):
    """Sums of row values (n,) over the rows of each outcome (S,)."""
    observed = chunk.observed
    if observed.n_outcomes == x.shape[-1]:
        return x
    if hasattr(observed, "sets"):
        return observed.sets.sum(x)
    out = np.zeros(observed.n_outcomes)
    for part in observed.parts:
        own = x[part.rows]
        out[part.outcomes] = part.observed.sets.sum(own) if hasattr(part.observed, "sets") else own
    return out


def chunk_information(chunk: Chunk, entries, q, x) -> np.ndarray:
    """Information (E, E) of one chunk in its entries, (rows (E,), columns (E,)) of Psi.

    ``x`` is the chunk's `Expansion`.
    """
    split = Entries(chunk, entries, sum(q), x.aux, x.phi)
    u = latent_at_nodes(chunk, x.nodes)
    n_nodes, g = u.shape[1], u.shape[2]
    basis = np.concatenate([np.ones((1, n_nodes, g)), u])
    top = chunk.top_weight
    p = x.posterior.joint[0].reshape(n_nodes, g)
    p = p * chunk.to_units(top, len(chunk.runs) - 1, 0)
    info = _expected(chunk, split, x.nodes.nu, x.phi, basis, p)
    t = _scores(chunk, split, x, basis)
    for level, conditional in enumerate(x.posterior.conditional):
        t = t.reshape((len(split),) + conditional.shape)
        mean = np.einsum("enkg,nkg->eng", t, conditional)
        weight = x.posterior.joint[level] * chunk.to_units(top, len(chunk.runs) - 1, level)
        t = t - mean[:, :, None, :]
        t *= np.sqrt(weight)
        t = t.reshape(len(split), -1)
        info -= t @ t.T
        if level + 1 < len(x.posterior.conditional):
            w = unit_weight(chunk, level)
            t = chunk.runs[level + 1].sum(mean if w is None else mean * w)
    return info


def fixed_information(chunk: Chunk, entries, o, aux, phi) -> np.ndarray:
    """Information (E, E) of a chunk without latent variables, at its linear predictors o (n,)."""
    split = Entries(chunk, entries, 0, aux, phi)
    g = chunk.row_runs.size
    return _expected(chunk, split, o[None], phi, np.ones((1, 1, g)), chunk.top_weight[None])


def _scores(chunk: Chunk, split: Entries, x, basis) -> np.ndarray:
    """Scores of the bottom units in the entries at all nodes (E, N, G)."""
    runs, out = chunk.row_runs, np.empty((len(split),) + basis.shape[1:])
    sums = {r: runs.sum_times(x.score, chunk.design[r]) for r in np.unique(split.rows[split.linear])}
    for e in split.linear:
        np.multiply(basis[split.columns[e]], sums[split.rows[e]], out=out[e])
    if len(split.aux):
        score = chunk.observed.aux_score(x.nodes.nu, x.phi)
        runs = chunk.outcome_runs
        for e in split.aux:
            out[e] = sum(runs.sum_times(s, j) for s, j in zip(score, split.jacobian[e]) if j.any())
    return out


def _expected(chunk: Chunk, split: Entries, nu, phi, basis, p) -> np.ndarray:
    """Expectation of K over the nodes, with weights p (N, G)."""
    info = np.zeros((len(split),) * 2)
    if isinstance(chunk.observed, Rows) and not len(split.aux):
        _diagonal(chunk, split, chunk.observed.curvature(nu, phi), basis, p, info)
        return info
    local = chunk.observed.local(nu, phi)
    if getattr(local, "by_row", False):
        _diagonal(chunk, split, -local.l2, basis, p, info)
    else:
        _coupled(chunk, split, local, basis, p, info)
    if len(split.aux):
        _auxiliary(chunk, split, local, nu, phi, basis, p, info)
    return info


def _diagonal(chunk: Chunk, split: Entries, w, basis, p, info) -> None:
    """Block of the linear entries where every outcome has one row."""
    rows, columns = split.rows, split.columns
    members = {c: split.linear[columns[split.linear] == c]
               for c in np.unique(columns[split.linear])}
    for c, one in members.items():
        for d, two in members.items():
            if d < c:
                continue
            weight = chunk.row_runs.contract(w, p * basis[c] * basis[d])
            block = _crossproduct(chunk, rows[one], weight, rows[two])
            info[np.ix_(one, two)] = block
            info[np.ix_(two, one)] = block.T


def _crossproduct(chunk: Chunk, one, weight, two) -> np.ndarray:
    """sum_i W_one,i weight_i W_two,i, over the distinct rows of W where they are few."""
    design = chunk.design
    if chunk.patterns is not None:
        codes, design = chunk.patterns
        weight = np.bincount(codes, weight, design.shape[1])
    return (design[one] * weight) @ design[two].T


def _coupled(chunk: Chunk, split: Entries, local, basis, p, info) -> None:
    """Block of the linear entries where the rows of an outcome are coupled."""
    runs, linear = chunk.row_runs, split.linear
    used = np.unique(split.columns[linear])
    for e in linear:
        z = runs.times(chunk.design[split.rows[e]], basis[split.columns[e]])
        product = -local.second(z)
        by_column = {c: chunk.design @ runs.contract(product, p * basis[c]) for c in used}
        info[e, linear] = [by_column[split.columns[f]][split.rows[f]] for f in linear]


def _auxiliary(chunk: Chunk, split: Entries, local, nu, phi, basis, p, info) -> None:
    """Blocks of the auxiliary entries."""
    outcomes, m = chunk.outcome_runs, len(phi)
    curvature = chunk.observed.aux_curvature(nu, phi)
    h = -np.stack([outcomes.contract(curvature[a, b], p) for a in range(m) for b in range(m)])
    h = h.reshape((m, m, -1))
    if getattr(local, "by_row", False):
        _auxiliary_by_row(chunk, split, local, h, basis, p, info)
        return
    runs = chunk.row_runs
    for e in split.linear:
        z = runs.times(chunk.design[split.rows[e]], basis[split.columns[e]])
        cross = -np.stack([outcomes.contract(one, p) for one in local.aux_first(z)])
        for f in split.aux:
            info[e, f] = info[f, e] = np.vdot(cross, split.jacobian[f])
    product = {e: np.einsum("abs,bs->as", h, split.jacobian[e]) for e in split.aux}
    for e in split.aux:
        for f in split.aux:
            info[e, f] = np.vdot(split.jacobian[f], product[e])


def _auxiliary_by_row(chunk: Chunk, split: Entries, local, h, basis, p, info) -> None:
    """The same where every outcome has one row: weights of the rows, by pairs of predictors."""
    rows, maps = split.rows, split.maps
    linear = {c: split.linear[split.columns[split.linear] == c]
              for c in np.unique(split.columns[split.linear])}
    aux = {j: split.aux[split.predictor[split.aux] == j]
           for j in np.unique(split.predictor[split.aux])}
    slope = local.aux[0]
    for c, one in linear.items():
        cross = -np.stack([chunk.row_runs.contract(x, p * basis[c]) for x in slope])
        for j, two in aux.items():
            weight = np.einsum("an,an->n", cross, maps[:, j])
            block = _crossproduct(chunk, rows[one], weight, rows[two])
            info[np.ix_(one, two)] = block
            info[np.ix_(two, one)] = block.T
    for j, one in aux.items():
        product = np.einsum("abn,bn->an", h, maps[:, j])
        for k, two in aux.items():
            weight = np.einsum("an,an->n", product, maps[:, k])
            info[np.ix_(two, one)] = _crossproduct(chunk, rows[two], weight, rows[one])
