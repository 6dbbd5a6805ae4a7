"""The part of the estimation sample that some top-level units make up, as a history."""
from __future__ import annotations

from dataclasses import replace

import numpy as np

from statsmodels_gllamm.formula.groups import Group
from statsmodels_gllamm.latent.hierarchy import Level, parent_units
from statsmodels_gllamm.latent.sampling import weights_of
from statsmodels_gllamm.results.history import (
    History,
    sample_history,
    units_at,
    units_of,
    with_levels,
)
from statsmodels_gllamm.results.rows import Rows

SHARE = 0.5  # of the top-level units: with more of them the whole sample is as good


def needed_history(model, data, rows: Rows) -> tuple[History, np.ndarray, np.ndarray]:
    """The sample, or the part of it that the rows to predict lie in, as a history; and the level and
    unit of the rows."""
    whole = sample_history(model)
    source = model.sample.groups if data is None else data
    level, unit = units_of(whole, source, rows)
    top = units_at(whole.levels, level, unit)[-1]
    tops = np.unique(top[top >= 0])
    if data is None or not len(tops) or len(tops) > SHARE * whole.levels[-1].n_units:
        return whole, level, unit
    part = part_of_sample(model, np.flatnonzero(np.isin(whole.levels[-1].codes, tops)), whole)
    return part, *units_of(part, source, rows)


def part_of_sample(model, rows: np.ndarray, whole: History) -> History:
    """Some rows (positions) of the sample as a history."""
    sample = model.sample
    own = rows_at(whole.rows, rows)
    endog = sample.endog[rows]
    trials = None if endog.ndim == 2 else own.data.n_trials
    outcomes = model.fitted_family.outcomes(replace(own.data, endog=endog, n_trials=trials))
    levels, found = [], []
    for level in whole.levels:
        known, codes = np.unique(level.codes[rows], return_inverse=True)
        if levels:
            below = levels[-1]
            levels[-1] = replace(below, parent=parent_units(below.codes, below.n_units, codes))
        levels.append(Level(level.groups, codes, len(known)))
        found.append(known)
    groups = {}
    for name, group in whole.groups.items():
        known, codes = np.unique(group.codes[rows], return_inverse=True)
        groups[name] = Group(name, group.columns, group.labels[known], codes)
    weight = weights_of(sample, model.structure.levels)[0]
    if weight is not None:
        weight = weight[rows] if outcomes.rows is None else weight[rows][outcomes.rows]
    unit_weight = tuple(None if w is None else w[known]
                        for w, known in zip(whole.unit_weight, found))
    return with_levels(own, outcomes, groups, tuple(levels), weight, unit_weight,
                       tuple(known[rows] for known in whole.known))


def rows_at(rows: Rows, some: np.ndarray) -> Rows:
    """Some complete rows (positions) of rows that all are."""
    parts = {key: replace(part, exog=part.exog.iloc[some], bars=tuple(
        replace(bar, matrix=bar.matrix[some]) for bar in part.bars))
        for key, part in rows.parts.items()}
    return replace(
        rows, index=rows.index[some], kept=np.ones(len(some), dtype=bool), parts=parts,
        offset=rows.offset[some], data=rows.data.on(some),
        factors={name: factor.on_rows(some) for name, factor in rows.factors.items()},
        regressors=rows.regressors[:, some] if len(rows.regressors) else rows.regressors)
