"""Some rows of the data, whole units of the top level."""
from __future__ import annotations

import numpy as np

from statsmodels_gllamm.integration.engine_rows import EngineRows, one_of_every


def some_units(level, most_rows: int, fewest_units: int) -> np.ndarray:
    """Rows of about ``most_rows`` rows' worth of top-level units but of no fewer than so many units:
    one at random of every stretch, since groups may take turns; all where units are few."""
    step = min(-(-len(level.codes) // most_rows), level.n_units // max(fewest_units, 1))
    if step <= 1:
        return np.arange(len(level.codes))
    chosen = np.zeros(level.n_units, dtype=bool)
    chosen[one_of_every(step, level.n_units)] = True
    return np.flatnonzero(chosen[level.codes])


def some_rows(rows: EngineRows, index, columns) -> EngineRows:
    """The engine rows ``index`` (ascending in every member) with other columns."""
    def cut(x):
        return None if x is None else x[index]

    if len(rows.members) == 1:
        members = ((rows.members[0][0], np.ascontiguousarray(rows.members[0][1][:, index])),)
    else:
        members, first = [], 0
        for response, y in rows.members:
            here = index[(index >= first) & (index < first + y.shape[1])] - first
            members.append((response, y[:, here]))
            first += y.shape[1]
    sets = cut(rows.sets)
    if sets is not None:
        sets = np.unique(sets, return_inverse=True)[1]
    return EngineRows(tuple(members), columns, cut(rows.offset), sets, cut(rows.row_weight))
