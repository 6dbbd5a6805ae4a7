r"""Linear and auxiliary predictors of rows to predict, and the distribution of the former.

With u standard normal, the predictors of a row are nu_p = o_p + c_p'eta, eta = eta_0 + R u
(regression.py), and

.. math:: \nu = o + c'\eta_0 + A u, \qquad A = c' R
"""
from __future__ import annotations

import numpy as np

from statsmodels_gllamm.results.regression import latent_mean, loadings
from statsmodels_gllamm.results.rows import Rows


def linear_parts(model, working, rows: Rows, u=None) -> tuple[np.ndarray, np.ndarray]:
    """Predictors with disturbances of zero, o + c'eta_0 (P, n), and the loadings c (P, D, n); with
    coordinates ``u`` (D,) of moderators at these."""
    o, c = fixed_and_loadings(model, working, rows)
    mean = latent_mean(model.design, working, rows.regressors, u)
    return (o if mean is None else o + np.einsum("pdn,dn->pn", c, mean)), c


def fixed_and_loadings(model, working, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Predictors with latent variables of zero, o (P, n), and the loadings c (P, D, n)."""
    structure, design = model.structure, model.design
    loading = row_loadings(design, working, rows)
    beta, first = working[design.layout.positions("coef")], 0
    o = np.zeros((len(structure.predictors), len(rows.offset)))
    for out, predictor in zip(o, structure.predictors):
        part = rows.parts[predictor.key]
        own = beta[first:first + part.exog.shape[1]]
        first += len(own)
        if not any(part.exog_factors):
            out += part.exog.to_numpy() @ own
        else:
            for b, x, factor in zip(own, part.exog.to_numpy().T, part.exog_factors):
                out += b * x * loading[factor]
        if predictor.key == "exog":
            out += rows.offset
    c = np.zeros((len(o), design.n_latent if rows.random else 0, o.shape[1]))
    if rows.random:
        number = 0
        for block in structure.blocks:
            for place in block.places:
                bar = rows.parts[structure.predictors[place.predictor].key].bars[place.bar]
                c[place.predictor, number] = (
                    bar.matrix[:, place.column] * loading[bar.factors[place.column]])
                number += 1
    return o, c


def row_loadings(design, working, rows: Rows) -> dict:
    """Loading of every factor on the rows (n,); one for no factor."""
    slots = design.loadings.astype(working.dtype)
    slots[np.isnan(design.loadings)] = working[design.layout.positions("lambda")]
    loading, first = {None: 1.0}, 1
    for name, f in rows.factors.items():
        own = slots[first:first + len(f.names)]
        loading[name] = f.columns @ own if f.codes is None else own[f.codes]
        first += len(f.names)
    return loading


def aux_predictors(model, working, outcomes, n: int) -> np.ndarray:
    """Auxiliary predictors (m, n) of n data rows, from their `Outcomes`."""
    at = model.design.layout.positions("aux")
    delta = {model.param_names[i]: working[i] for i in at}
    aux = np.zeros((len(outcomes.aux_names), n))
    for block in outcomes.aux:
        for name, column, number in block.terms:
            aux[number] += block.values[:, column] * delta[name]
    return aux


def row_sets(outcomes) -> np.ndarray | None:
    """Set (n,) of every data row where outcomes take several of them; else None."""
    if outcomes.sets is None:
        return None
    sets = outcomes.sets
    rows = np.arange(len(sets)) if outcomes.rows is None else outcomes.rows
    some = np.zeros(int(sets.max(initial=-1)) + 1, dtype=np.int64)
    some[sets] = rows
    if (some[sets] == rows).all():
        return None
    out = np.zeros(int(rows.max()) + 1, dtype=np.int64)
    out[rows] = sets
    return out


def at_latent(o, c, given) -> np.ndarray:
    """Predictors (P, n) at given values of some latent variables; the others are zero."""
    return o + sum(c[:, m] * value for m, value in given.items())


def prior(o, c, t, given, coupled: bool) -> tuple[np.ndarray, np.ndarray]:
    """Mean (P, n) and root (P, d, n) of the predictors over the latent variables not given; none may
    be given where R, ``t``, differs between rows."""
    if t.ndim == 3:
        return o, loadings(c, t)
    if given:
        o, psi = _conditional(o, c, t @ t.T, given)
    elif not coupled:
        return o, loadings(c, t)
    else:
        psi = t @ t.T
    if coupled:
        c, psi = _distinct(c, psi)
    values, vectors = np.linalg.eigh(psi)
    some = values > 1e-14 * values.max(initial=0.0)
    return o, np.einsum("pdn,de->pen", c, vectors[:, some] * np.sqrt(values[some]))


def _conditional(o, c, psi, given):
    """Predictors at the mean of the latent variables given some, and the covariance matrix."""
    known = list(given)
    values = np.stack(list(given.values()))
    slope = psi[:, known] @ np.linalg.pinv(psi[np.ix_(known, known)], hermitian=True)
    rest = psi - slope @ psi[known]
    rest[known] = rest[:, known] = 0.0
    eta = slope @ values
    eta[known] = values
    return o + np.einsum("pdn,dn->pn", c, eta), rest


def _distinct(c, psi):
    """Latent variables with the same loadings on all rows added up, as those of nested groups."""
    number, columns = [], []
    for d in range(c.shape[1]):
        same = [k for k, j in enumerate(columns) if np.array_equal(c[:, j], c[:, d])]
        number.append(same[0] if same else len(columns))
        columns += [] if same else [d]
    add = np.zeros((len(columns), c.shape[1]))
    add[number, np.arange(c.shape[1])] = 1.0
    return c[:, columns], add @ psi @ add.T
