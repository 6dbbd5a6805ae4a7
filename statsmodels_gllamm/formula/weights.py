"""Weights of rows and of clusters at any level, as one array per level in data order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.formula.categories import show
from statsmodels_gllamm.formula.groups import Group
from statsmodels_gllamm.formula.rows import row_array

__all__ = ["SCALES", "Sampling", "check_scale", "check_weights", "read_weights", "sampling"]

SCALES = (None, "size", "effective")


@dataclass(frozen=True, slots=True, eq=False)
class Sampling:
    """Sampling weights.

    Attributes
    ----------
    raw : dict of str to ndarray (n,)
        Of "rows" and of groups, as given.
    names : dict of str to str
        What errors and summaries call them.
    scale : {None, "size", "effective"}
    used : dict of str to ndarray (n,)
        Scaled, as they stand in the likelihood; the model fills them in, which knows its levels.
    """

    raw: dict[str, np.ndarray]
    names: dict[str, str]
    scale: str | None
    used: dict[str, np.ndarray]

    def on_rows(self, rows) -> Sampling:
        """The weights of some of the rows."""
        return replace(self, raw={level: w[rows] for level, w in self.raw.items()},
                       used={level: w[rows] for level, w in self.used.items()})


def sampling(weights, scale, groups, index) -> Sampling | None:
    """Sampling weights from `read_weights`, on complete rows; None where there are none."""
    if not weights:
        return None
    raw = check_weights(weights, groups, index)
    return Sampling(raw, {level: name for level, (name, _) in weights.items()}, scale, raw)


def check_scale(scale, weights) -> None:
    """Refuse a scale of sampling weights that there is not, or that has no weights."""
    if scale not in SCALES:
        raise ValueError(f"scale_weights is None, 'size' or 'effective', not {scale!r}")
    if scale is not None and weights is None:
        raise ValueError(f"scale_weights={scale!r} scales sampling weights, and there are none; give "
                         "sampling_weights=")


def read_weights(
    weights, what: str, group_names, data: pd.DataFrame, positions
) -> dict[str, tuple[str, np.ndarray]]:
    """Weights by level, before missing rows are dropped.

    Parameters
    ----------
    weights : None, str, array_like or mapping
        A column or array of row weights, or {group: column or array, "rows": ...}.
    what : str
        The argument's name, for errors.
    group_names : collection of str
    data : DataFrame
    positions : ndarray or None
        Rows of the subset.

    Returns
    -------
    dict of str to (str, ndarray (n,))
        How errors name the weights of a level, and the weights.
    """
    if weights is None:
        return {}
    if not isinstance(weights, Mapping):
        weights = {"rows": weights}
    read = {}
    for level, value in weights.items():
        if level != "rows" and level not in group_names:
            allowed = ", ".join(repr(name) for name in ("rows", *group_names))
            raise DataError(
                f"{what} has weights for {level!r}, which is not a level of the formula; "
                f"use {allowed}."
            )
        name = f"{what} column {value!r}" if isinstance(value, str) else f"{what} of {level!r}"
        argument = what if isinstance(value, str) else name
        read[level] = (name, row_array(value, argument, data, positions))
    return read


def check_weights(
    weights: dict[str, tuple[str, np.ndarray]], groups: dict[str, Group], index: pd.Index
) -> dict[str, np.ndarray]:
    """Refuse weights that are negative, infinite, or vary inside a cluster.

    Parameters
    ----------
    weights : dict of str to (str, ndarray (n,))
        From `read_weights`, on complete rows.
    groups : dict of str to Group
    index : Index (n,)
        Row labels.

    Returns
    -------
    dict of str to ndarray (n,)
    """
    for level, (name, values) in weights.items():
        bad = np.flatnonzero(~((values >= 0) & (values < np.inf)))
        if bad.size:
            raise DataError(
                f"The {name} is {values[bad[0]]:g} in {_place(bad[0], level, groups, index)}; "
                "weights must be finite and not negative."
            )
        if not values.any():
            raise DataError(f"The {name} is zero in every row; give some rows a positive weight.")
        if level == "rows":
            continue
        group = groups[level]
        first = np.empty(group.n_clusters)
        first[group.codes] = values
        varying = np.flatnonzero(values != first[group.codes])
        if varying.size:
            raise DataError(
                f"The {name} varies inside {_place(varying[0], level, groups, index)}; give each "
                "cluster one weight."
            )
    return {level: values for level, (_, values) in weights.items()}


def _place(row, level, groups, index):
    """How errors name a row, or its cluster in a group."""
    if level == "rows":
        return f"row {show(index[row])}"
    group = groups[level]
    return f"the cluster {show(group.labels[group.codes[row]])} of the group {level!r}"
