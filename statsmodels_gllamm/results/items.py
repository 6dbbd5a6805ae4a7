"""Which rows are answers to the same item, and the answers as persons by items."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from statsmodels_gllamm.formula.categories import show
from statsmodels_gllamm.formula.wide import ITEM
from statsmodels_gllamm.latent.hierarchy import first_rows


@dataclass(frozen=True, slots=True, eq=False)
class Items:
    """Items of the engine rows.

    Attributes
    ----------
    names : tuple of str (p,)
    codes : ndarray (n_e,)
        Item of every engine row.
    members : ndarray (n_e,)
        Number of the response (``outcomes.members``) of every engine row.
    y : ndarray (n_e,)
        Responses.
    """

    names: tuple[str, ...]
    codes: np.ndarray
    members: np.ndarray
    y: np.ndarray

    @property
    def first(self) -> np.ndarray:
        """An engine row of every item (p,)."""
        return first_rows(self.codes, len(self.names))


def data_rows(model) -> np.ndarray:
    """Data row of every engine row (n_e,)."""
    rows = model.outcomes.rows
    return np.arange(len(model.sample.index)) if rows is None else rows


def find_items(model, column=None) -> Items | None:
    """The items of a model.

    Parameters
    ----------
    model : GLLAMMModel
    column : str, optional
        A column of the data; by default "item" of models of wide data, else the categorical column
        that the loadings of a factor depend on.

    Returns
    -------
    Items or None
        None where the model has no such column, or an outcome has several rows.
    """
    outcomes = model.outcomes
    if outcomes.sets is not None or outcomes.part is not None:
        return None
    found = _column(model, column)
    if found is None:
        return None
    codes, names = found
    used, codes = np.unique(codes[data_rows(model)], return_inverse=True)
    members = np.repeat(np.arange(len(outcomes.members)), [m.y.shape[1] for m in outcomes.members])
    y = np.concatenate([member.y[0] for member in outcomes.members])
    return Items(tuple(names[i] for i in used), codes, members, y)


def _column(model, column):
    """Codes (n,) of the data rows, and names; or None."""
    if column is None and model.wide is None:
        factors = [f for f in model.sample.factors.values() if f.codes is not None]
        if not factors:
            return None
        persons = model.structure.levels[0].codes if model.structure.levels else None
        apart = [f for f in factors if persons is not None and not repeated(persons, f.codes).any()]
        chosen = (apart or factors)[0]
        return chosen.codes, list(chosen.names)
    values = column_of(model, ITEM if column is None else column)
    codes, names = pd.factorize(values, sort=not isinstance(values.dtype, pd.CategoricalDtype))
    if isinstance(values.dtype, pd.CategoricalDtype):
        codes, names = values.cat.codes.to_numpy(), values.cat.categories
    return codes, [str(name) for name in names]


def column_of(model, name) -> pd.Series:
    """A column of the data, on the rows of the sample."""
    frame = getattr(model.data, "frame", None)
    if frame is None or name not in frame.columns:
        raise ValueError(f"{name!r} is not a column of the data of this model")
    values = frame[name]
    if values.isna().any():
        raise ValueError(f"the column {name!r} is missing in row "
                         f"{show(values.index[values.isna()][0])}, which the model uses")
    return values


def repeated(persons, items) -> np.ndarray:
    """Rows (n,) with the same person and item as one before."""
    pairs = persons.astype(np.int64) * (int(items.max(initial=0)) + 1) + items
    _, first = np.unique(pairs, return_index=True)
    out = np.ones(len(pairs), dtype=bool)
    out[first] = False
    return out


def person_by_item(values, persons, items, n_persons: int, n_items: int) -> np.ndarray:
    """Values of rows (n_e,) as an array (n_persons, n_items), NaN where there is no row."""
    out = np.full((n_persons, n_items), np.nan)
    out[persons, items] = values
    return out


def strata_of_units(model, level, by=None):
    """Labels of strata of persons, and that of every unit (n_units,) of a level.

    Parameters
    ----------
    model : GLLAMMModel
    level : Level
    by : str, optional
        A column that is constant within the units; by default the groups of `from_wide`.

    Returns
    -------
    list, ndarray
        ``[None]`` and zeros where there are no strata.
    """
    groups = getattr(model.wide, "groups", None)
    if by is None and groups is not None:
        by = groups.column
    if by is None:
        return [None], np.zeros(level.n_units, dtype=np.int64)
    codes, labels = pd.factorize(column_of(model, by), sort=True)
    own = codes[first_rows(level.codes, level.n_units)]
    varies = codes != own[level.codes]
    if varies.any():
        label = model.sample.groups[level.name].labels[level.codes[int(np.argmax(varies))]]
        raise ValueError(f"by={by!r} is a column of persons, but it varies within {show(label)}")
    used, own = np.unique(own, return_inverse=True)
    return [labels[i] for i in used], own
