r"""What standardising needs of a model besides parameters: cells, their spread, and covariates.

A cell is an item, of one group of persons where there are groups.  Its rows have the same loadings
and residual variance, so that the item has one variance there,

.. math:: \sigma_j^2 = \mathrm{var}(a_j' z_i) + c_j' M \Psi M' c_j + \theta_j ,

of means given covariates, in the sample, of latent variables given covariates, and of its residual.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from statsmodels_gllamm.latent.blocks import latent_columns
from statsmodels_gllamm.latent.hierarchy import first_rows
from statsmodels_gllamm.latent.sampling import row_weights
from statsmodels_gllamm.results.implied import (
    Implied,
    covariate_covariance,
    implied,
    weighted_covariance,
)
from statsmodels_gllamm.results.items import data_rows, find_items, strata_of_units


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Items, by group of persons.

    Attributes
    ----------
    names : tuple of str (p,)
        "x1", or "x1|group".
    codes : ndarray (n_e,)
        Cell of every engine row.
    stratum : ndarray (p,)
        Group of every cell.
    members : ndarray (p,)
        Number of its response.
    constant : ndarray of bool (p,)
        Whether its rows have the same loadings and residual variance.
    spread : ndarray (p, r, r)
        Covariance matrices of the row columns.
    y : ndarray (n_e,)
        Responses of the rows.
    """

    names: tuple[str, ...]
    codes: np.ndarray
    stratum: np.ndarray
    members: np.ndarray
    constant: np.ndarray
    spread: np.ndarray
    y: np.ndarray

    @property
    def first(self) -> np.ndarray:
        """An engine row of every cell (p,)."""
        return first_rows(self.codes, len(self.names))


@dataclass(frozen=True, slots=True)
class Loading:
    """A loading that is not zero.

    Attributes
    ----------
    name : str
    latent : int
    position : int or None
        Its place among the parameters; None where fixed.
    value : float
        Where fixed.
    cell : int or None
        None where it is not that of one cell.
    """

    name: str
    latent: int
    position: int | None
    value: float
    cell: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A model without its parameters.

    Attributes
    ----------
    model : GLLAMMModel
    cells : Cells or None
        None where rows are not answers to items.
    s_w : tuple of ndarray (K, K)
        Covariance matrices of the covariates of latent variables, of every group and of all.
    stratum : ndarray (D,)
        The one of these that belongs to each latent variable.
    inside : ndarray of bool (D, n)
        Data rows in which each factor has loadings; False of other latent variables.
    loadings : tuple of Loading
    """

    model: object
    cells: Cells | None
    s_w: tuple[np.ndarray, ...]
    stratum: np.ndarray
    inside: np.ndarray
    loadings: tuple[Loading, ...]

    def at(self, params) -> Implied:
        """The model's moments at natural parameters (..., k)."""
        return implied(self.model, params)

    def latent_variances(self, at: Implied) -> np.ndarray:
        """Variances (..., D) of the latent variables."""
        found = [at.latent(s_w) for s_w in self.s_w]
        return np.stack([found[s][..., m, m] for m, s in enumerate(self.stratum)], axis=-1)

    def latent_sd(self, at: Implied) -> np.ndarray:
        """Their standard deviations (..., D)."""
        return np.sqrt(self.latent_variances(at))

    def covariate_sd(self, to: int, of: int, kind: str) -> float:
        """Standard deviation of covariate ``of`` where latent variable ``to`` is; one for "std_lv"."""
        return 1.0 if kind == "std_lv" else np.sqrt(self.s_w[self.stratum[to]][of, of])

    def residual_variances(self, at: Implied) -> np.ndarray:
        """Variances (..., p) of the cells' residuals; NaN where they are not constant."""
        cells = self.cells
        found = at.residual_variances(cells.first, cells.members)
        return np.where(cells.constant, found, np.nan)

    def item_variances(self, at: Implied) -> np.ndarray:
        """Variances (..., p) of the cells; NaN where they are not constant."""
        c = at.loadings(self.cells.first)
        common = np.einsum("...pd,...de,...pe->...p", c, at.given_covariates, c)
        return at.mean_variance(self.cells.spread) + common + self.residual_variances(at)


def frame_of(results, items=None, by=None) -> Frame:
    """The frame of a fitted model.

    Parameters
    ----------
    results : GLLAMMResults
    items : str, optional
        Column that names the item of each row.
    by : str, optional
        Column of groups of persons; by default those of `from_wide`.
    """
    model = results.model
    if not model.design.q:
        raise ValueError("the model has no latent variables, so that there is nothing to standardise")
    labels, units = strata_of_units(model, model.structure.levels[0], by)
    rows = units[model.structure.levels[0].codes]
    inside, terms = _inside(model)
    stratum = np.full(len(inside), len(labels))
    for m, own in enumerate(inside):
        found = np.unique(rows[own])
        if len(found) == 1:
            stratum[m] = found[0]
    stratum = _with_causes(model, stratum, len(labels))
    cells = _cells(results, items, labels, rows)
    s_w = (*(covariate_covariance(model, rows == s) for s in range(len(labels))),
           covariate_covariance(model))
    return Frame(model, cells, s_w, stratum, inside, tuple(_loadings(model, cells, inside, terms)))


def _inside(model):
    """Rows (D, n) in which every factor has loadings, and its factor; of terms that are a factor, or
    one times an indicator."""
    inside, terms = [], []
    for block in model.structure.blocks:
        for name, (_, term, column, factor) in zip(
                block.names, latent_columns(model.sample, model.structure.predictors, block)):
            plain = factor is not None and np.isin(column, (0, 1)).all()
            inside.append((column == 1) & plain)
            terms.append((name, term, factor if plain else None))
    return np.array(inside).reshape(len(inside), -1), terms


def _with_causes(model, stratum, everyone: int):
    """Groups of latent variables without items: those of the ones that are regressed on them."""
    if model.design.structural is not None:
        for _ in range(len(stratum)):
            for to, of in model.design.structural.b:
                if stratum[of] == everyone:
                    stratum[of] = stratum[to]
    return stratum


def _cells(results, items, labels, rows) -> Cells | None:
    model = results.model
    found = find_items(model, items)
    if found is None:
        return None
    pairs = found.codes * len(labels) + rows[data_rows(model)]
    used, codes = np.unique(pairs, return_inverse=True)
    stratum = used % len(labels)
    names = tuple(found.names[cell // len(labels)] + (f"|{labels[s]}" if len(labels) > 1 else "")
                  for cell, s in zip(used, stratum))
    first = first_rows(codes, len(used))
    return Cells(names, codes, stratum, found.members[first],
                 _constant(results, found.members, codes, first), _spread(model, codes, len(used)),
                 found.y)


def _constant(results, members, codes, first) -> np.ndarray:
    """Whether all rows of a cell (p,) have the same loadings and residual variance."""
    at, rows = implied(results.model, np.asarray(results.params, dtype=float)), np.arange(len(codes))
    own, theirs = at.loadings(rows), at.loadings(first)[codes]
    same = np.isclose(own, theirs, rtol=1e-8, atol=1e-10).all(axis=1)
    own, theirs = at.residual_variances(rows, members), at.residual_variances(first, members[first])
    same &= np.isclose(own, theirs[codes], equal_nan=True)
    return np.bincount(codes, ~same, len(first)) == 0


def _spread(model, codes, p: int) -> np.ndarray:
    """Covariance matrices (p, r, r) of the row columns that means depend on."""
    columns = model.structure.columns
    weight = row_weights(model.sample)[data_rows(model)]
    terms = (model.design.fixed, *model.design.regressors)
    used = sorted({int(r) for t in terms for r in t.row})
    out = np.zeros((p, len(columns), len(columns)))
    if used:
        values = np.stack([columns[r] for r in used], axis=-1)
        for j in range(p):
            own = codes == j
            if weight[own].any():
                out[np.ix_([j], used, used)] = weighted_covariance(values[own], weight[own])
    return out


def _loadings(model, cells, inside, terms):
    """Loadings of the factors, on the labels that occur in their rows."""
    place = {name: i for i, name in enumerate(model.param_names)}
    factors = [factor for _, _, factor in terms]
    rows = data_rows(model)
    for number, (name, term, factor) in enumerate(terms):
        if factor is None:
            continue
        design = model.sample.factors[factor]
        shown = factor if factors.count(factor) == 1 and term == factor else name
        for k, (label, value) in enumerate(zip(design.names, np.asarray(design.loadings, float))):
            own = None if design.codes is None else inside[number] & (design.codes == k)
            if value == 0 or (own is not None and not own.any()):
                continue
            found = [] if own is None or cells is None else np.unique(cells.codes[own[rows]])
            cell = int(found[0]) if len(found) == 1 and cells.constant[found[0]] else None
            yield Loading(f"lambda[{shown},{label}]", number,
                          place.get(f"lambda[{factor},{label}]"), value, cell)
