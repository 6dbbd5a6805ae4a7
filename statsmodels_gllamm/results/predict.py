r"""Predictions of a row's mean: given the latent variables, averaged over them, or given the data.

With nu = o + c'eta the linear predictor, h the inverse link and eta ~ N(0, Psi), Psi = T T',

    linear        o
    conditional   h(o)
    mean          E h(o + s z),   z ~ N(0, 1),   s^2 = c' Psi c
    posterior     E[h(o + c'eta) | y of the row's clusters]

The prior mean needs one dimension only, whatever the number of levels and latent variables.  Rows
of clusters without data have the prior at their level, given the data of the levels above
(Skrondal and Rabe-Hesketh, 2009, J. R. Stat. Soc. A 172, 659-687).
"""
from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from statsmodels_gllamm.formula.rows import as_frame
from statsmodels_gllamm.integration.posterior import normal_mean, row_expectation
from statsmodels_gllamm.results.rows import Rows, known_units, rows_of

N_QUAD = 7  # points per dimension where none are given
PIECE = 60_000  # rows at a time: a few such temporaries stay in the L2 cache


def predict(model, params, data=None, *, which="mean", latent=None, offset=None, exposure=None,
            integration="adaptive", n_quad=N_QUAD) -> np.ndarray:
    """Predicted values at any parameters.

    Parameters
    ----------
    model : GLLAMMModel
    params : array_like (k,)
        Natural parameters.
    data : DataFrame, mapping, or array_like (m, p), optional
        Rows to predict, by default the estimation sample. A frame has the columns that the formulas
        need; an array has the columns of ``model.exog``, and so has a frame that is named like it
        or by 0, 1, ....
    which : {"mean", "conditional", "linear", "posterior"}
        "mean": marginal mean, averaged over the latent variables' distribution. "conditional": mean
        where they are zero. "linear": linear predictor where they are zero. "posterior": mean given
        all data of the row's clusters; clusters that are not in the sample have the prior, given
        their known higher clusters.
    latent : mapping of str to number, column name or array_like, optional
        Given values of latent variables: "x[id]", or "x" where no other group has it. With "mean",
        the others are averaged over their distribution given these.
    offset, exposure : number, column name or array_like, optional
        If neither is given, those of the model for the estimation sample, and none for other data;
        if one is given, it replaces both.
    integration : {"adaptive", "laplace", "quadrature"}
        For "posterior".
    n_quad : int, {group: int} or tuple of int
        Points per dimension for "posterior"; a tuple has them for the levels from the bottom.

    Returns
    -------
    ndarray (m,)
        NaN for rows with missing values. Of a binomial response with several trials, the mean is
        that of the proportion.

    Raises
    ------
    ValueError, DataError, FormulaError
    """
    rows = rows_of(model, data, which, latent, offset, exposure)
    working = model.design.to_working(np.asarray(params, dtype=float))
    out = np.full(len(rows.kept), np.nan)
    out[rows.kept] = predict_rows(model, working, rows, which, integration, n_quad)
    return out


def predict_results(results, data=None, *, which="mean", latent=None, offset=None, exposure=None,
                    n_quad=None, transform=True):
    """Predicted values at the estimates, in the user's index.

    Parameters
    ----------
    results : GLLAMMResults
    data, which, latent, offset, exposure
        See `predict`.
    n_quad : int, {group: int} or tuple of int, optional
        Points per dimension for "posterior", of adaptive quadrature after Laplace; by default the
        fit's own integration.
    transform : bool
        False: the columns of ``data`` are those of ``model.exog``, whatever their names.

    Returns
    -------
    Series, or ndarray
        With the index of ``data`` or of the estimation sample; an array for an array.
    """
    model, record = results.model, results.record
    if isinstance(data, Mapping) or hasattr(data, "to_pandas"):
        data = as_frame(data)
    index = None
    if data is None or isinstance(data, pd.DataFrame | pd.Series):
        index = (model.sample if data is None else data).index
    if data is not None and not transform:
        data = np.asarray(data)
    integration = "quadrature" if record.integration == "quadrature" else "adaptive"
    values = predict(model, record.params, data, which=which, latent=latent, offset=offset,
                     exposure=exposure, integration=integration,
                     n_quad=record.n_quad if n_quad is None else n_quad)
    if index is None or len(index) != len(values):  # a Series may also be one row
        return values
    return pd.Series(values, index=index)


def predict_rows(model, working, rows: Rows, which="mean", integration="adaptive",
                 n_quad=N_QUAD) -> np.ndarray:
    """Predicted values (n,) at working coordinates (k,), a smooth function of them."""
    design, response = model.design, model.response
    o, c = linear_parts(model, working, rows)

    def inverse_link(nu):
        return response.mean(nu)

    if rows.bars is None:
        return o if which == "linear" else inverse_link(o)
    root = block_diagonal(design.roots(working))
    if which == "posterior":
        return _posterior(model, working, rows, o, root.T @ c, integration, n_quad)
    if which != "mean":
        nu = o + sum(c[m] * value for m, value in rows.given.items())
        return nu if which == "linear" else inverse_link(nu)
    nu, sd = _prior(o, c, root, rows.given)
    _check_mean(response, sd)
    return np.concatenate([normal_mean(inverse_link, nu[i:i + PIECE], sd[i:i + PIECE])
                           for i in range(0, max(len(nu), 1), PIECE)])


def linear_parts(model, working, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Linear predictor with latent variables of zero, o (n,), and their loadings c (D, n)."""
    design = model.design
    slots = design.loadings.copy()
    slots[np.isnan(slots)] = working[design.layout.positions("lambda")]
    loading, first = {None: 1.0}, 1
    for name, f in rows.factors.items():
        own = slots[first:first + len(f.names)]
        loading[name] = f.columns @ own if f.codes is None else own[f.codes]
        first += len(f.names)
    beta = working[design.layout.positions("coef")]
    if not any(model.sample.exog_factors):
        o = rows.exog @ beta + rows.offset
    else:
        o = rows.offset + sum(b * x * loading[f] for b, x, f in
                              zip(beta, rows.exog.T, model.sample.exog_factors))
    if rows.bars is None:
        return o, np.zeros((0, len(o)))
    return o, np.stack([
        z * loading[f] for block in model.structure.blocks
        for z, f in zip(rows.bars[block.bar].matrix.T, rows.bars[block.bar].factors)])


def block_diagonal(blocks) -> np.ndarray:
    """One matrix with the given square matrices on its diagonal."""
    ends = np.cumsum([len(b) for b in blocks])
    out = np.zeros((ends[-1],) * 2)
    for end, block in zip(ends, blocks):
        out[end - len(block):end, end - len(block):end] = block
    return out


def _prior(o, c, root, given) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation (n,) of nu over the latent variables that are not given."""
    if not given:
        a = root.T @ c
        return o, np.sqrt(np.einsum("dn,dn->n", a, a))
    psi, known = root @ root.T, list(given)
    values = np.stack(list(given.values()))
    slope = psi[:, known] @ np.linalg.pinv(psi[np.ix_(known, known)], hermitian=True)
    rest = psi - slope @ psi[known]
    rest[known] = rest[:, known] = 0.0
    eta = slope @ values
    eta[known] = values
    variance = np.einsum("in,ij,jn->n", c, rest, c)
    return o + np.einsum("dn,dn->n", c, eta), np.sqrt(np.maximum(variance, 0.0))  # rounding


def _check_mean(response, sd) -> None:
    """Refuse to integrate a mean that is infinite inside a normal distribution's range."""
    if response.bounded and np.any(sd) and not np.isfinite(
            response.mean(np.array([0.0, -1.0]))).all():
        raise ValueError(
            f"{response.name} has no mean over normal latent variables, because it has none for "
            "all linear predictors; use which='conditional', or 'posterior' for clusters of the "
            "sample with n_quad of 2 or more")


def _posterior(model, working, rows: Rows, o, a, integration, n_quad) -> np.ndarray:
    if not len(model.sample.index):
        raise ValueError("which='posterior' needs the estimation sample, which remove_data() has "
                         "removed")
    if not isinstance(n_quad, tuple):
        n_quad = 1 if integration == "laplace" else n_quad
        n_quad = model._points(n_quad, integration) or (N_QUAD,) * len(model.design.q)
    objective = model._objective(n_quad, integration)
    level, unit = known_units(model, rows)
    if min(n_quad) == 1 or level.any():
        _check_mean(model.response, np.any(a))
    with model._explained():
        return row_expectation(
            objective.problem, objective.task, model.design.psi(working),
            lambda nu, _: model.response.mean(nu), o, a, level, unit)
