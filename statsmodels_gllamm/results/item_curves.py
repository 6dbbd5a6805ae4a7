r"""Item characteristic curves and item information: functions of one latent variable.

With the other latent variables at zero, the predictor of item i at the value eta of one is

.. math:: \nu_i(\eta) = x_i'\beta + \text{offset}_i + c_i\,\eta

Curves are probabilities of categories, or means, at nu.  The information that an answer gives on
eta (Fisher's, for one observation) is

.. math:: I_i(\eta) = c_i^2 \sum_k P_{ik} \left(\frac{\partial \log P_{ik}}{\partial \nu}\right)^2

and that of a test is the sum over its items; 1 / sqrt(I) is the standard error of an estimate of
eta from the answers alone.
"""
from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.families.moments import is_binomial
from statsmodels_gllamm.formula.categories import label as label_of
from statsmodels_gllamm.responses.ordinal import CODE, possible_codes
from statsmodels_gllamm.results import linear
from statsmodels_gllamm.results.item_table import item_codes
from statsmodels_gllamm.results.regression import block_diagonal, latent_root
from statsmodels_gllamm.results.rows import Asked, latent_number, rows_of

POINTS, RANGE = 161, 4.0  # of a grid, to both sides in standard deviations


@dataclass(frozen=True, slots=True, eq=False)
class ItemRows:
    """One row for every item to look at.

    Attributes
    ----------
    labels : tuple of str (I,)
    names : tuple of str (D,)
        Latent variables.
    o : ndarray (P, I)
        Predictors with all latent variables at zero.
    c : ndarray (P, D, I)
        Loadings.
    aux : ndarray (m, I)
    data : FamilyData
    """

    labels: tuple[str, ...]
    names: tuple[str, ...]
    o: np.ndarray
    c: np.ndarray
    aux: np.ndarray
    data: object

    def on(self, chosen) -> ItemRows:
        """Some of the items, by position."""
        chosen = np.asarray(chosen, dtype=int)
        return replace(self, labels=tuple(self.labels[i] for i in chosen), o=self.o[:, chosen],
                       c=self.c[..., chosen], aux=self.aux[:, chosen], data=self.data.on(chosen))


@dataclass(frozen=True, slots=True, eq=False)
class ItemCurve:
    """Curves of one item: ``values`` (K, Q) of ``categories``, or of means, at the ``grid`` (Q,)."""

    label: str
    latent: str
    grid: np.ndarray
    values: np.ndarray
    categories: tuple


def item_rows(model, working, item=None, data=None, items=None) -> ItemRows:
    """A row of every item, of the sample or of ``data``.

    Parameters
    ----------
    model : GLLAMMModel
    working : ndarray (k,)
    item : str, optional
        Column of the items; by default that of the factors' loadings.
    data : DataFrame, optional
        One row per item, where covariates make the rows of the sample differ.
    items : list of str or str, optional
        Some items only.

    Raises
    ------
    ValueError
        No latent variables, unknown items.
    DataError
        Rows of an item differ.
    """
    if not model.design.q:
        raise ValueError("the model has no latent variables")
    rows = rows_of(model, data, Asked("prob", "prior"))
    o, c = linear.fixed_and_loadings(model, working, rows)
    outcomes = model.fitted_family.outcomes(rows.data)
    aux = linear.aux_predictors(model, working, outcomes, rows.data.n)
    if data is None:
        column, codes, labels = item_codes(model, item)
        first = np.unique(codes, return_index=True)[1]
        _refuse_differing(o, c, aux, codes, first, labels, column)
    else:
        column = item or item_codes(model)[0]
        if column not in data.columns:
            raise ValueError(f"data has no column {column!r}, which tells the items apart")
        first = np.arange(rows.data.n)
        labels = tuple(label_of(v) for v in data[column][rows.kept])
    names = tuple(name for block in model.structure.blocks for name in block.names)
    found = ItemRows(labels, names, o[:, first], c[..., first], aux[:, first], rows.data.on(first))
    if items is None:
        return found
    items = [items] if np.ndim(items) == 0 else items
    wanted = [label_of(i) for i in items]
    unknown = [i for i in wanted if i not in labels]
    if unknown or not wanted:
        raise ValueError(f"{unknown[0]!r} is no item; there are {', '.join(labels)}" if unknown else
                         "items= is empty; leave it out for all items")
    return found.on([k for i in wanted for k, own in enumerate(labels) if own == i])


def _refuse_differing(o, c, aux, codes, first, labels, column) -> None:
    for values in (o, c, aux):
        differ = (values != values[..., first][..., codes]).reshape(-1, len(codes)).any(axis=0)
        if differ.any():
            raise DataError(
                f"covariates make the rows of the item {labels[codes[int(np.argmax(differ))]]!r} "
                f"differ; pass data= with one row per item: the column {column!r}, and the "
                "covariates at the values that you want")


def chosen_latent(rows: ItemRows, structure, latent=None) -> np.ndarray:
    """The latent variable (I,) against which each item is seen; -1 where its loading is zero."""
    loads = (rows.c != 0).any(axis=0)
    if latent is not None:
        number = latent_number(structure, latent)
        return np.where(loads[number], number, -1)
    return np.where(loads.any(axis=0), loads.argmax(axis=0), -1)


def grid_of(model, working, number: int, grid=None) -> np.ndarray:
    """Values (Q,) of a latent variable: as given, or four standard deviations to both sides."""
    if grid is not None:
        found = np.asarray(grid, dtype=float)
        if found.ndim != 1 or not len(found) or not np.isfinite(found).all():
            raise ValueError("grid is a list of finite numbers, the values of the latent variable")
        return found
    structural = model.design.structural
    if structural is not None and structural.moderated:  # the variance differs between rows
        root = block_diagonal(model.design.roots(working))
    else:
        root = latent_root(model.design, working)
    sd = float(np.sqrt((root[number]**2).sum()))
    return np.linspace(-RANGE, RANGE, POINTS) * (sd if sd > 0 else 1.0)


def _predictors(rows: ItemRows, number: int, grid) -> np.ndarray:
    """nu (P, Q, I)."""
    return rows.o[:, None] + grid[:, None] * rows.c[:, number][:, None]


def item_curves(results, items=None, kind="category", *, latent=None, grid=None, item=None,
                data=None) -> list[ItemCurve]:
    """Curves of items, in the items' order; items without a loading are left out."""
    if kind not in ("category", "expected"):
        raise ValueError(f"kind must be 'category' or 'expected', not {kind!r}")
    model, working = results.model, results.record.working
    rows = item_rows(model, working, item, data, items)
    number, family = chosen_latent(rows, model.structure, latent), model.fitted_family
    found = []
    for i in np.flatnonzero(number >= 0):
        one, m = rows.on([i]), int(number[i])
        values = grid_of(model, working, m, grid)
        nu = _predictors(one, m, values)
        if kind == "expected":
            curve, labels = family.moments("mean", one.aux, one.data)(nu)[None], ("mean",)
        else:
            labels = family.prob_labels(one.data)
            curve = family.moments("prob", one.aux, one.data)(nu)
            if labels is None:
                labels, curve = (0, 1), np.concatenate([1 - curve, curve])
            possible = np.isfinite(curve[..., 0]).all(axis=1) & (curve[..., 0] > 0).any(axis=1)
            curve = curve[possible]
            labels = tuple(one for one, ok in zip(labels, possible) if ok)
        found.append(ItemCurve(one.labels[0], one.names[m], values, curve[..., 0], labels))
    if not found:
        raise ValueError(f"no item has a loading on {latent!r}" if latent else
                         "no item has a loading")
    return found


def item_information(results, grid=None, *, items=None, latent=None, item=None,
                     data=None) -> pd.DataFrame:
    r"""Fisher information that each item gives on a latent variable.

    Parameters
    ----------
    results : GLLAMMResults
    grid : array_like (Q,), optional
        Values of the latent variable; by default four standard deviations to both sides of zero.
    items : list of str, optional
        Some items only.
    latent : str, optional
        The latent variable; needed where items load on different ones. The others are zero.
    item : str, optional
        Column of the items; by default that of the factors' loadings.
    data : DataFrame, optional
        One row per item, where covariates make the rows of the sample differ.

    Returns
    -------
    DataFrame (Q, items)
        Indexed by the latent variable's values. The sum over columns is the test information.

    Raises
    ------
    ValueError
        Unknown items or latent variables; responses of several linear predictors.

    Notes
    -----
    .. math:: I_i(\eta) = c_i^2 \sum_k P_{ik} (\partial \log P_{ik} / \partial \nu)^2

    with the loading c and the probabilities P of the categories. For the two-parameter logistic
    model it is :math:`c^2 P (1 - P)`.

    Examples
    --------
    >>> import statsmodels.api as sm
    >>> from statsmodels_gllamm import GLLAMM, Factor, datasets
    >>> data = datasets.lsat.load_pandas().data
    >>> res = GLLAMM.from_formula("y ~ 0 + item + (0 + ability | id)", data,
    ...                           family=sm.families.Binomial(),
    ...                           factors={"ability": Factor("item", standardized=True)}).fit()
    >>> information = res.item_information([-2, 0, 2])
    >>> information.sum(axis=1).round(2).tolist()
    [0.58, 0.46, 0.17]
    """
    model, working = results.model, results.record.working
    rows = item_rows(model, working, item, data, items)
    number = chosen_latent(rows, model.structure, latent)
    used = np.unique(number[number >= 0])
    if len(used) > 1:
        raise ValueError("the items load on different latent variables, "
                         f"{', '.join(rows.names[m] for m in used)}; name one: latent=")
    if not len(used):
        raise ValueError(f"no item has a loading on {latent!r}" if latent else
                         "no item has a loading")
    rows, m = rows.on(np.flatnonzero(number >= 0)), int(used[0])
    values = grid_of(model, working, m, grid)
    found = information_of(model, rows, _predictors(rows, m, values)) * rows.c[0, m]**2
    return pd.DataFrame(found, index=pd.Index(values, name=rows.names[m]), columns=list(rows.labels))


def information_of(model, rows: ItemRows, nu) -> np.ndarray:
    """Expected information on the predictors (Q, I), at nu (1, Q, I)."""
    outcomes = model.fitted_family.outcomes(rows.data)
    if len(nu) > 1 or outcomes.sets is not None or outcomes.part is not None:
        raise ValueError(f"{model.fitted_family.name} has several linear predictors; the information "
                         "of items is there for responses of one")
    at = np.arange(nu.shape[-1]) if outcomes.rows is None else outcomes.rows
    out, first, aux = np.empty(nu.shape[1:]), 0, 0
    for member in outcomes.members:
        response, n, m = member.response, member.y.shape[1], len(member.response.aux_names)
        mine = at[first:first + n]
        if n:
            out[:, mine] = response_information(response, member.y, nu[0][:, mine],
                                                rows.aux[aux:aux + m, mine])
        first, aux = first + n, aux + m
    return out


def response_information(response, y, nu, aux) -> np.ndarray:
    """sum_k P_k (d log P_k / d nu)^2 (Q, n) of a categorical response; that of a Gaussian one."""
    if response.gaussian:
        return response.expected_information(y, nu, response.row_aux(y, aux))
    if response.categories is not None and len(y) > CODE:
        every = [(k, value) for k, value in enumerate(response.values)]
        possible = possible_codes(y, len(every))
    elif is_binomial(response) and len(y) == 1:
        every, possible = [(0, 0.0), (1, 1.0)], np.ones((2, y.shape[1]), dtype=bool)
    else:
        raise ValueError("the information of items is there for binary, ordinal and Gaussian "
                         f"responses, not for {response.name}")
    out = np.zeros(nu.shape)
    for k, value in every:
        rows = np.flatnonzero(possible[k])
        answer = y[:, rows].copy()
        answer[0] = value
        answer[CODE:CODE + 1] = k
        own = response.row_aux(answer, aux[:, rows])  # of cumulative models, of the category
        log_p, score = response.kernel_score(answer, nu[:, rows], own)
        out[:, rows] += np.exp(log_p + response.constant(answer, own)) * score**2
    return out
