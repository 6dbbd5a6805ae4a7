"""Categories of a column: codes 0, 1, ... in sorted order, -1 for missing."""

from __future__ import annotations

from numbers import Real

import numpy as np
import pandas as pd

__all__ = ["factorize", "key_name", "label", "recode", "show"]


def factorize(column: pd.Series) -> tuple[np.ndarray, pd.Index]:
    """Codes and categories of a column.

    Parameters
    ----------
    column : Series
        A Categorical keeps the order of its categories, without those that do not occur; any other
        column is sorted.

    Returns
    -------
    codes : ndarray of int64 (n,)
        -1 where missing.
    categories : Index
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes, categories = column.cat.codes.to_numpy(np.int64), column.cat.categories
        counts = np.bincount(codes[codes >= 0], minlength=len(categories))
        if (counts > 0).all():
            return codes, categories
        new = np.append(np.cumsum(counts > 0) - 1, -1)
        return new[codes], categories[counts > 0]
    values = column.to_numpy()
    if values.dtype.kind in "iufbM":
        codes, categories = pd.factorize(values, sort=True)
        return codes.astype(np.int64, copy=False), pd.Index(categories)
    codes, categories = pd.factorize(np.asarray(column, dtype=object))
    order = _order(categories)
    codes = np.append(np.argsort(order), -1)[codes]
    return codes, pd.Index(categories[order], tupleize_cols=False)


def _order(values):
    """Indices that sort any values: numbers first, then by type, if they cannot be compared."""
    places = range(len(values))
    try:
        return sorted(places, key=values.__getitem__)
    except TypeError:
        return sorted(places, key=lambda i: _key(values[i]))


def _key(value):
    if isinstance(value, Real):
        return 0, "", value
    return 1, type(value).__name__, str(value)


def recode(column: pd.Series, categories: pd.Index) -> tuple[np.ndarray, np.ndarray]:
    """Codes of a new column in known categories.

    Parameters
    ----------
    column : Series (m,)
    categories : Index

    Returns
    -------
    codes : ndarray of int64 (m,)
        -1 where missing or unknown.
    unknown : ndarray of bool (m,)
        Not missing, but not among the categories.
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        new = categories.get_indexer(column.cat.categories)
        codes = np.append(new, -1)[column.cat.codes.to_numpy()]
    else:
        codes = categories.get_indexer(pd.Index(column, tupleize_cols=False))
    return codes.astype(np.int64, copy=False), (codes < 0) & column.notna().to_numpy()


def label(value) -> str:
    """A category as text; 2.0 of a column of whole numbers is "2"."""
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value)


def key_name(key) -> str:
    """A family's name of a formula or role, as errors print it: "lower", "lower of 'a'"."""
    if isinstance(key, str):
        return key
    return f"{key[0]} of {', '.join(show(part) for part in key[1:])}"


def show(value) -> str:
    """A row label or category as errors print it, without NumPy's type names."""
    if isinstance(value, tuple):
        return f"({', '.join(show(part) for part in value)})"
    return repr(value.item() if isinstance(value, np.generic) else value)


def listed(values) -> str:
    """The first eight categories as errors print them."""
    return ", ".join(show(value) for value in values[:8]) + ", ..." * (len(values) > 8)
