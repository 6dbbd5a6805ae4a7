"""What a response may be: one sentence for every way it may be wrong.

Rows are named by their labels, the first few of them.
"""
from __future__ import annotations

import numpy as np

from statsmodels_gllamm.exceptions import DataError

INTEGER_TOL = 1e-6
SHOWN = 5


def rows_text(mask, index=None) -> str:
    """The rows where a mask (n,) is true: "row 3", "rows 3, 7 and 12 more"."""
    where = np.flatnonzero(mask)
    labels = [where[i] if index is None else index[where[i]] for i in range(min(SHOWN, len(where)))]
    text = ", ".join(map(str, labels))
    more = len(where) - len(labels)
    return f"row{'s' * (len(where) > 1)} {text}" + (f" and {more} more" if more else "")


def refuse_values(bad, values, index, what: str, rule: str) -> None:
    """Raise DataError if any of ``bad`` (n,), showing the first offending value and its rows."""
    if np.any(bad):
        shown = np.asarray(values)[np.flatnonzero(bad)[0]]
        raise DataError(f"{what} is {shown:g} in {rows_text(bad, index)}: {rule}.")


def refuse(bad, values, index, name: str, rule: str) -> None:
    """`refuse_values` of the response of a family."""
    refuse_values(bad, values, index, f"{name} response", rule)


def row_labels(endog, index=None):
    """Row labels for messages: those given, or the response's own, or None."""
    if index is not None:
        return index
    index = getattr(endog, "index", None)
    return None if callable(index) else index  # lists and tuples have a method of that name


def as_numbers(endog, name: str, index=None, columns: int = 1):
    """A finite response as float64 (n,) or, if two columns are allowed, (n, 2), and row labels."""
    index = row_labels(endog, index)
    try:
        values = np.asarray(endog, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(f"{name} response must be numbers, not {_example(endog)!r}.") from None
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1 and (values.ndim != 2 or values.shape[1] != columns):
        allowed = "one column" if columns == 1 else "one column, or successes and failures"
        raise DataError(f"{name} response has shape {values.shape}, but it must be {allowed}.")
    if not len(values):
        raise DataError(f"{name} response has no rows: the data or the subset are empty.")
    for column in values.reshape(len(values), -1).T:
        refuse(~np.isfinite(column), column, index, name, "drop missing and infinite values")
    return values, index


def no_trials(n_trials, name: str) -> None:
    """Refuse ``n_trials`` for a response that is not binomial."""
    if n_trials is not None:
        raise DataError(f"n_trials is for binomial responses; {name} does not take it.")


def as_counts(values, index, name: str) -> np.ndarray:
    """Non-negative integers; what is within 1e-6 of one is rounded."""
    refuse(values < 0, values, index, name, "counts cannot be negative")
    whole = np.rint(values)
    bad = np.abs(values - whole) > INTEGER_TOL
    refuse(bad, values, index, name, "counts must be whole numbers")
    return whole


def as_positive(endog, n_trials, index, name: str) -> np.ndarray:
    """Row statistics (1, n) of a response that must be positive."""
    no_trials(n_trials, name)
    values, index = as_numbers(endog, name, index)
    refuse(values <= 0, values, index, name, "it must be positive")
    return np.ascontiguousarray(values)[None]


def _example(endog):
    """The first value that is not a number."""
    for value in np.asarray(endog, dtype=object).ravel():
        try:
            float(value)
        except (TypeError, ValueError):
            return value
    return endog
