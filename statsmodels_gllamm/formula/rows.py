"""Rows of the data: which are in the subset, which are complete, and arrays that go with them."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

import numpy as np
import pandas as pd

from statsmodels_gllamm.exceptions import DataError, MissingValuesError
from statsmodels_gllamm.formula.categories import show

__all__ = [
    "Completeness",
    "aligned",
    "as_frame",
    "count_rows",
    "finite",
    "hint",
    "is_row_like",
    "row_arguments",
    "row_array",
    "subset_positions",
]


def as_frame(data) -> pd.DataFrame:
    """The data as a DataFrame, without copying one.

    Parameters
    ----------
    data : DataFrame, mapping of columns, or object with ``to_pandas``

    Returns
    -------
    DataFrame
    """
    if not isinstance(data, pd.DataFrame):
        if hasattr(data, "to_pandas"):
            data = data.to_pandas()
        elif isinstance(data, Mapping):
            data = pd.DataFrame(data)
        else:
            raise TypeError(f"data must be a pandas DataFrame, not {type(data).__name__}.")
    if len(data) == 0:
        raise DataError("The data have no rows; check how they were read or filtered.")
    return data


def subset_positions(data: pd.DataFrame, subset, env: Mapping) -> np.ndarray | None:
    """Positions of the rows that `subset` selects; None for all rows.

    Parameters
    ----------
    data : DataFrame
    subset : None, str, boolean mask, slice or labels
        A string is a query on the columns (``"age > 20"``); anything else is what ``data.loc``
        takes.
    env : mapping
        Names that a query may use after @.

    Returns
    -------
    ndarray of int64, or None
    """
    if subset is None:
        return None
    rows = pd.Series(np.arange(len(data)), index=data.index)
    try:
        if isinstance(subset, str):
            subset = data.eval(subset, local_dict=dict(env))
            if getattr(subset, "dtype", None) is None or not pd.api.types.is_bool_dtype(subset):
                raise ValueError("the query is not true or false in each row")
        positions = rows.loc[subset].to_numpy()
    except Exception as error:
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(
            f"subset must be a query, a boolean mask with {len(data)} values or row labels: {text}."
        ) from error
    if positions.size == 0:
        raise DataError("subset leaves no rows; loosen its condition.")
    return np.atleast_1d(positions)


def row_array(value, what: str, data: pd.DataFrame, positions) -> np.ndarray:
    """A column or array as float64, one value per row of the subset.

    Parameters
    ----------
    value : str, number, or array_like
        A column's name, one number for all rows, or one value per row of the data.
    what : str
        The argument's name, for errors.
    data : DataFrame
    positions : ndarray or None
        Rows of the subset; an array may also have just these.

    Returns
    -------
    ndarray of float64 (n,)
    """
    if isinstance(value, str):
        if value not in data.columns:
            raise DataError(
                f"{what}={value!r} is not a column of the data{hint(value, data.columns)}")
        what, value = f"{what} column {value!r}", data[value]
    n = len(data) if positions is None else len(positions)
    value, positions = aligned(value, what, data, positions)
    try:
        values = _floats(value)
    except (TypeError, ValueError):
        raise DataError(f"{what[:1].upper()}{what[1:]} must hold numbers.") from None
    if values.ndim == 0:
        return np.full(n, float(values))
    if values.ndim != 1 or len(values) not in (len(data), n):
        raise DataError(
            f"{what[:1].upper()}{what[1:]} has shape {values.shape} but the data have "
            f"{len(data)} rows."
        )
    return values[positions] if positions is not None and len(values) == len(data) else values


def aligned(value, what: str, data: pd.DataFrame, positions):
    """A Series in the order of the rows of the data; anything else as it is.

    Parameters
    ----------
    value : array_like
    what : str
        The argument's name, for errors.
    data : DataFrame
    positions : ndarray or None
        Rows of the subset; a Series may also have just these.

    Returns
    -------
    value : array_like
    positions : ndarray or None
        The rows of it to take; None for all.
    """
    if not isinstance(value, pd.Series) or value.index.equals(data.index):
        return value, positions
    if positions is not None and value.index.equals(data.index[positions]):
        return value, None
    if value.index.is_unique and data.index.isin(value.index).all():
        return value.reindex(data.index), positions
    raise DataError(f"The index of {what} is not the index of the data; pass an array.")


def hint(name, known) -> str:
    """The end of an error about an unknown name: what was meant, if that can be guessed.

    Parameters
    ----------
    name : str
    known : iterable
    """
    close = get_close_matches(str(name), [str(c) for c in known], n=1)
    return f"; did you mean {close[0]!r}?" if close else "; check its spelling."


def is_row_like(value, n: int) -> bool:
    """Whether a value from outside the data has one entry per row.

    Parameters
    ----------
    value : object
    n : int
        Number of rows of the data.

    Returns
    -------
    bool
    """
    array = isinstance(value, (np.ndarray, pd.Series, pd.Index, list))
    return array and np.ndim(value) == 1 and len(value) == n


def _floats(value):
    if isinstance(value, pd.Series) and isinstance(value.dtype, pd.api.extensions.ExtensionDtype):
        return value.to_numpy(np.float64, na_value=np.nan)
    values = np.asarray(value)
    if values.dtype.kind in "USMm":
        raise TypeError
    return values.astype(np.float64, copy=False)


def finite(values: np.ndarray, names, where: str, index: pd.Index) -> None:
    """Refuse infinite values.

    Parameters
    ----------
    values : ndarray (n,) or (n, k)
    names : sequence of str
        Of the columns.
    where : str
        How the error names the design.
    index : Index (n,)
        Row labels.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        sums = np.atleast_1d(values.sum(axis=0))
    for j in np.flatnonzero(~np.isfinite(sums)):
        rows = np.flatnonzero(np.isinf(values if values.ndim == 1 else values[:, j]))
        if rows.size:
            raise DataError(
                f"{names[j]!r} in {where} is infinite in {count_rows(rows.size)} "
                f"(first: row {show(index[rows[0]])}); drop or recode it."
            )


def count_rows(n: int) -> str:
    """A number of rows in words: "1 row", "2 rows"."""
    return f"{n} row" if n == 1 else f"{n} rows"


class Completeness:
    """Which rows are complete, and why the others are not.

    Parameters
    ----------
    n : int
        Number of rows.
    """

    def __init__(self, n: int):
        self.kept = np.ones(n, bool)
        self.dropped: dict[str, int] = {}
        self.counts: dict[str, int] = {}
        self.others: dict[str, int] = {}

    def require(self, present: np.ndarray, what: str) -> None:
        """Drop the rows where `present` is False; the first reason of a row counts.

        Parameters
        ----------
        present : ndarray of bool (n,)
        what : str
            What the rows lack: "'x' is missing".
        """
        absent = len(present) - int(np.count_nonzero(present))
        if not absent:
            return
        if absent == len(present):
            raise DataError(f"{what[:1].upper()}{what[1:]} in every row; nothing can be fitted.")
        self.counts[what] = absent
        self._drop(~present, what)

    def follow(self, others: np.ndarray, what: str) -> None:
        """Drop rows that are complete because of others, where `others` is True.

        Parameters
        ----------
        others : ndarray of bool (n,)
        what : str
            "another row of its set is missing".
        """
        if others.any():
            self.others[what] = self.others.get(what, 0) + int(np.count_nonzero(others & self.kept))
            self._drop(others, what)

    def _drop(self, rows, what):
        first = int(np.count_nonzero(self.kept & rows))
        if first:
            self.dropped[what] = self.dropped.get(what, 0) + first
            self.kept &= ~rows

    def check(self, missing: str) -> None:
        """Raise if nothing is left, or if anything is missing and may not be.

        Parameters
        ----------
        missing : str
            "drop" or "raise".
        """
        if self.counts and missing == "raise":
            raise MissingValuesError(
                f"The data are not complete: {_reasons(self.counts)}; fill them in or use "
                "missing='drop'."
            )
        if not self.kept.any():
            reasons = _reasons(self.counts | self.others)
            raise DataError(f"No complete row is left: {reasons}.")


def _reasons(counts):
    return ", ".join(f"{what} ({count_rows(n)})" for what, n in counts.items())


def row_arguments(
    extras: dict[str, np.ndarray], endog: np.ndarray, index: pd.Index
) -> tuple[np.ndarray, np.ndarray | None]:
    """The offset plus the log of the exposure, and the numbers of trials.

    Parameters
    ----------
    extras : dict of str to ndarray (n,)
        "offset", "exposure" and "n_trials", as far as given, on complete rows.
    endog : ndarray (n,) or (n, 2)
    index : Index (n,)
        Row labels.

    Returns
    -------
    offset : ndarray (n,)
    n_trials : ndarray (n,), or None
    """
    for what, values in extras.items():
        low = values <= 0 if what != "offset" else np.zeros(0, bool)
        bad = np.flatnonzero(low) if low.any() else np.flatnonzero(np.isinf(values))
        if bad.size:
            must = "finite" if what == "offset" else "finite and positive"
            raise DataError(
                f"{what} is {values[bad[0]]:g} in row {show(index[bad[0]])}; it must be {must}."
            )
    offset = extras.get("offset", np.broadcast_to(0.0, len(index)))  # takes no memory
    if "exposure" in extras:
        offset = offset + np.log(extras["exposure"])
    n_trials = extras.get("n_trials")
    if n_trials is not None and endog.ndim == 2:
        raise DataError(
            "n_trials is given although the left side has successes + failures; use one of them."
        )
    return offset, n_trials
