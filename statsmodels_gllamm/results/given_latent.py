"""Values of latent variables that a user gives: numbers, columns, or a table by cluster."""
from __future__ import annotations

from collections.abc import Mapping
from numbers import Real

import numpy as np
import pandas as pd

from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.formula.categories import show
from statsmodels_gllamm.formula.groups import Clusters


def given_latent(model, latent, data) -> dict:
    """Values by name of the latent variable: a number, a column or an array (m,).

    Parameters
    ----------
    model : GLLAMMModel
    latent : number, mapping, DataFrame or None
        One number, of the only latent variable; {name: number, column or array}; a table of clusters
        by latent variables, as ``GLLAMMResults.latent`` gives, or {group: such a table}.
    data : DataFrame, array_like or None
        The rows to predict; None for the sample.
    """
    if latent is None:
        return {}
    names = [name for block in model.structure.blocks for name in block.names]
    if isinstance(latent, Real):
        if len(names) != 1:
            raise ValueError(f"latent={latent} needs a model with one latent variable; this one has "
                             f"{', '.join(names) or 'none'}: use latent={{name: value}}")
        return {names[0]: latent}
    if isinstance(latent, pd.DataFrame):
        groups = list(dict.fromkeys(block.group for block in model.structure.blocks))
        if len(groups) != 1:
            raise ValueError("latent= is one table, but the model's latent variables are of the groups "
                             f"{', '.join(groups) or '(none)'}: use latent={{group: table}}")
        latent = {groups[0]: latent}
    if not isinstance(latent, Mapping):
        raise TypeError("latent= takes a number, {name: values} or a DataFrame by cluster, not "
                        f"{latent!r}")
    out: dict = {}
    for name, value in latent.items():
        out.update(_of_clusters(model, name, value, data) if isinstance(value, pd.DataFrame) else
                   {name: value})
    return out


def _of_clusters(model, name, table, data) -> dict:
    """Values (m,) of the latent variables of a group, by the clusters of the rows."""
    terms = {term: full for block in model.structure.blocks if block.group == name
             for term, full in zip(block.terms, block.names)}
    if not terms:
        raise ValueError(f"latent= has a table for {name!r}, which is no group with latent variables")
    columns = [c for c in table.columns if not str(c).startswith("se[")]
    unknown = [c for c in columns if c not in terms and c not in terms.values()]
    if unknown or not columns:
        raise ValueError(f"latent= has the column {unknown[0] if columns else None!r}, but the latent "
                         f"variables of {name!r} are {', '.join(terms)}")
    if not table.index.is_unique:
        raise DataError(f"latent= has the cluster {show(table.index[table.index.duplicated()][0])} "
                        f"of {name!r} twice")
    group = model.sample.groups[name]
    if data is not None and not isinstance(data, pd.DataFrame):
        raise ValueError("latent= by cluster needs the groups of the rows: pass a DataFrame")
    if data is None:
        place = table.index.get_indexer(group.labels)[group.codes]
        labels = group.labels[group.codes]
    else:
        index = table.index
        if isinstance(index, pd.MultiIndex):
            index = index.remove_unused_levels()
        place = Clusters(name, group.columns, index).recode(data)
        labels = data[list(group.columns)].itertuples(index=False, name=None)
    if (place < 0).any():
        bad = list(labels)[int(np.argmax(place < 0))]
        bad = bad[0] if isinstance(bad, tuple) and len(bad) == 1 else bad
        raise DataError(f"latent= has no values for the cluster {show(bad)} of {name!r}")
    return {terms.get(c, c): table[c].to_numpy(dtype=float)[place] for c in columns}
