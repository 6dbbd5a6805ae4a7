"""What is known of a censored response: the ends between which it lies, from the user's columns.

    lower, upper   limits of what can be seen: a response at or beyond one is known to be beyond it
    event          1 the response is observed, 0 it is at least what stands there
    until          the response lies between what stands there and ``until``
    entry          the row is in the sample because its response is beyond ``entry``

A missing limit, ``until`` or ``entry`` is none.
"""
from __future__ import annotations

import numpy as np

from statsmodels_gllamm.responses.validation import (
    as_numbers,
    no_trials,
    refuse,
    refuse_values,
    row_labels,
)


def known_ends(endog, n_trials, index, columns, positive: bool, name: str):
    """Responses and the ends between which they lie, and delayed entries, (n,) each.

    Equal ends are a response observed.  An unknown lower end, and no delayed entry, are minus
    infinity, or zero for a positive response; an unknown upper end is infinity.
    """
    no_trials(n_trials, name)
    bottom = 0.0 if positive else -np.inf
    if "until" in columns:
        low, index = _starts(endog, index, positive, name)
        high = np.where(np.isnan(columns["until"]), np.inf, columns["until"])
        refuse_values(high < low, high, index, "until", f"it lies before the {name} response")
        refuse_values((low == bottom) & np.isinf(high), high, index, "until",
                      "the response may then be anything; drop such rows")
    else:
        low, index = as_numbers(endog, name, index)
        high = np.where(_events(columns, len(low), index), low, np.inf)
    value = low
    low, high = _limited(low, high, columns, index, positive, bottom)
    exact, open_above = low == high, np.isinf(high)
    if positive:
        refuse((value <= 0) & (exact | (open_above & (low <= 0))), value, index, name,
               "it must be positive")
    return value, *_entered(low, high, columns, index, positive, bottom, name)


def _starts(endog, index, positive, name):
    """Lower ends of intervals; minus infinity stands for an unknown one."""
    index = row_labels(endog, index)
    values = np.array(endog, dtype=np.float64)
    unknown = np.isneginf(values)
    values, index = as_numbers(np.where(unknown, 0.0, values), name, index)
    if positive:
        refuse(values < 0, values, index, name, "it must not be negative")
        return values, index
    return np.where(unknown, -np.inf, values), index


def _events(columns, n, index):
    """Mask (n,) of responses that are observed."""
    if "event" not in columns:
        return np.ones(n, dtype=bool)
    event = columns["event"]
    refuse_values((event != 0) & (event != 1), event, index, "event",
                  "it must be 1 (observed) or 0 (censored)")
    return event == 1


def _limited(low, high, columns, index, positive, bottom):
    """Ends with what lies beyond the limits of observation censored at them."""
    if not {"lower", "upper"} & set(columns):
        return low, high
    lower, upper = (np.broadcast_to(columns.get(role, missing), low.shape) for role, missing in
                    (("lower", -np.inf), ("upper", np.inf)))
    lower = np.where(np.isnan(lower), -np.inf, lower)
    upper = np.where(np.isnan(upper), np.inf, upper)
    refuse_values(lower >= upper, lower, index, "lower", "it must be less than upper")
    if positive:
        for role, limit in (("lower", lower), ("upper", upper)):
            refuse_values((limit <= 0) & np.isfinite(limit), limit, index, role,
                          "the limit of a positive response must be positive")
    below, above = (low == high) & (low <= lower), low >= upper
    return (np.where(below, bottom, np.where(above, upper, low)),
            np.where(below, lower, np.where(above, np.inf, high)))


def _entered(low, high, columns, index, positive, bottom, name):
    """Ends no earlier than the entry, and entries."""
    if "entry" not in columns:
        return low, high, np.full(len(low), bottom)
    entry = np.where(np.isnan(columns["entry"]), bottom, columns["entry"])
    if positive:
        refuse_values(entry < 0, entry, index, "entry", "it must not be negative")
    point = (low == high) | np.isinf(high)
    late = (entry > bottom) & (entry >= np.where(point, low, high))
    refuse_values(late, entry, index, "entry", f"it must lie before the {name} response")
    return np.where(point, low, np.maximum(low, entry)), high, entry
