r"""Responses that clusters are known by, besides or instead of those of the estimation sample.

The posterior of a row is given the responses of the ``history`` rows of its clusters and no others.
With ``history="past"`` every row t of cluster j has a history of its own, the responses of j at
earlier times (dynamic prediction): each pair of a cluster and a time becomes a unit with a copy of
the rows before it,

.. math:: E(y_{jt} \mid y_{js}, s < t)
"""
from __future__ import annotations

from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pandas as pd

from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.families.base import Outcomes
from statsmodels_gllamm.formula.categories import key_name
from statsmodels_gllamm.formula.groups import Group, make_group
from statsmodels_gllamm.formula.rows import as_frame, hint
from statsmodels_gllamm.latent.hierarchy import Level, first_rows, parent_units
from statsmodels_gllamm.latent.read_classes import known_classes
from statsmodels_gllamm.latent.sampling import weights_of
from statsmodels_gllamm.results.rows import (
    MISSING,
    Asked,
    Rows,
    known_units,
    rows_of,
    sample_data,
)


@dataclass(frozen=True, slots=True)
class History:
    """Rows with responses, and the units that they make up.

    Attributes
    ----------
    rows : Rows
        The h data rows.
    outcomes : Outcomes
        Of these, with responses.
    groups : dict of str to Group
        Their clusters.
    levels : tuple of Level
        With codes of the data rows, or of copies of them.
    take : ndarray (e,) or None
        The engine row of every copy; None where rows are not copied.
    engine_levels : tuple of Level
        With codes of the engine rows (e,).
    sets : ndarray (e,) or None
        Outcome of every engine row; None where each row is one.
    first : ndarray (n_top,)
        Some data row of every top-level unit.
    copies : ndarray or None
        The data row of every copy.
    row_weight : ndarray (e,) or None
    unit_weight : tuple of (ndarray or None)
        Frequency weights of the sample's rows and units.
    known : tuple of ndarray of int (h,)
        For every class variable the number of the class of the row's cluster, -1 where it is not
        known.
    """

    rows: Rows
    outcomes: Outcomes
    groups: dict[str, Group]
    levels: tuple[Level, ...]
    take: np.ndarray | None
    engine_levels: tuple[Level, ...]
    sets: np.ndarray | None
    first: np.ndarray
    row_weight: np.ndarray | None = None
    unit_weight: tuple = ()
    known: tuple[np.ndarray, ...] = ()
    copies: np.ndarray | None = None


def sample_history(model) -> History:
    """The estimation sample as a history."""
    sample, structure = model.sample, model.structure
    rows = rows_of(model, None, Asked("mean", "prior"))
    rows = replace(rows, data=sample_data(sample))
    weight, units = weights_of(sample, structure.levels)
    if weight is not None and model.outcomes.rows is not None:
        weight = weight[model.outcomes.rows]
    known = tuple(v.known[structure.levels[v.level].codes] for v in structure.classes)
    return with_levels(rows, model.outcomes, sample.groups, structure.levels, weight, tuple(units),
                        known)


def read_history(model, data, offset=None, exposure=None, n_trials=None, name="history"):
    """Rows of new data with their responses; incomplete rows tell nothing and are left out.

    Parameters
    ----------
    model : GLLAMMModel
    data : DataFrame
    offset, exposure, n_trials : str or number, optional
        Columns, or one number for all rows.
    name : str
        Of the argument, for errors.

    Returns
    -------
    history : History
    kept : ndarray of bool (m,)
        Which rows of the data it has.
    """
    frame = as_response_frame(model, data, name)
    offset, exposure, n_trials = _arguments(model, name, offset, exposure, n_trials)
    design = model.sample.design
    _check_response(model, frame, name)
    new = design.on(frame, (*design.keys,))
    inside = new.kept & _in_clusters(model, frame)
    if not inside.any():
        raise DataError(f"{name}= has no row that is complete, with its response and groups")
    complete = frame if inside.all() else frame[inside]
    new = new if inside.all() else design.on(complete, (*design.keys,))
    rows = rows_of(model, complete, Asked("mean", "prior"), None, offset, exposure, n_trials)
    trials = rows.data.n_trials
    if new.endog.ndim == 2:
        trials = None
    data = replace(rows.data, endog=new.endog, n_trials=trials, numbers=new.numbers,
                   labels=new.labels, designs=new.designs)
    outcomes = model.fitted_family.outcomes(data)
    if new.endog.ndim == 2:
        data = replace(data, n_trials=new.endog.sum(axis=1))
    rows = replace(rows, data=replace(data, endog=None))
    found: dict = {}
    groups = {group: make_group(model.sample.groups[group].columns, complete, found)
              for level in model.structure.levels for group in level.groups}
    return with_levels(rows, outcomes, groups, _levels(model, groups, name),
                        known=_known_classes(model, new)), inside


def as_response_frame(model, data, name="history") -> pd.DataFrame:
    """The data in rows; those of a model of wide data may be wide."""
    if not hasattr(model, "formula"):
        raise ValueError(f"{name}= needs a model that was made from a formula")
    frame = as_frame(data)
    response = model.sample.endog_name
    if model.wide is not None and response not in frame.columns:
        return model.wide.long(frame)
    return frame


def _check_response(model, frame, name) -> None:
    """The response, and what is read with it, must be there."""
    for column in model.sample.design.response.columns:
        if column not in frame.columns:
            raise DataError(f"{name}= has no column {column!r}, the response, by which its clusters "
                            f"are known{hint(column, frame.columns)}")
    classes = {variable.known for variable in model.classes}
    for role, number in model.sample.design.numbers.items():
        absent = number.source is None or (
            isinstance(number.source, str) and number.source not in frame.columns)
        if role not in classes and number.with_response and absent:
            raise DataError(f"{name}= needs the {key_name(role)} of its rows, a column that the "
                            "model was made with by name")


def _arguments(model, name, offset, exposure, n_trials):
    """Offset, exposure and trials of the rows of a history."""
    for what, value in (("offset", offset), ("exposure", exposure), ("n_trials", n_trials)):
        if value is not None and not isinstance(value, str) and np.ndim(value):
            raise ValueError(f"{what}= with {name}= must be a column that both have, or one number")
    if offset is None and exposure is None and model.sample.offset.any():
        raise ValueError(f"the model has an offset: with {name}= say offset= or exposure=, a column")
    if n_trials is None and model.sample.n_trials is not None:
        raise ValueError(f"the model has numbers of trials: with {name}= say n_trials=, a column")
    return offset, exposure, n_trials


def _in_clusters(model, frame) -> np.ndarray:
    """Which rows name all their clusters."""
    columns = list(dict.fromkeys(c for level in model.structure.levels for group in level.groups
                                 for c in model.sample.groups[group].columns))
    for column in columns:
        if column not in frame.columns:
            raise DataError(f"The data have no column {column!r} for a group of the model.")
    return frame[columns].notna().all(axis=1).to_numpy() if columns else np.ones(len(frame), bool)


def _known_classes(model, new) -> tuple[np.ndarray, ...]:
    """The known classes of the rows' clusters by variable, -1 where they are not known."""
    out = []
    for variable in model.classes:
        known = np.full(len(new.index), -1)
        if variable.spec.known is not None:
            known = known_classes(new.numbers[variable.known], variable)
        out.append(known)
    return tuple(out)


def _levels(model, groups, name) -> tuple[Level, ...]:
    """The model's levels on other rows."""
    levels: list[Level] = []
    for level in model.structure.levels:
        group = groups[level.name]
        for other in level.groups[1:]:
            if parent_units(groups[other].codes, groups[other].n_clusters, group.codes) is None or (
                    groups[other].n_clusters != group.n_clusters):
                raise DataError(f"{level.name!r} and {other!r} are the same clusters in the estimation "
                                f"sample, but not in {name}=")
        if levels:
            below = levels[-1]
            up = parent_units(below.codes, below.n_units, group.codes)
            if up is None:
                raise DataError(f"{name}= has a cluster of {below.name!r} in several clusters of "
                                f"{group.name!r}; in the estimation sample every one lies in one")
            levels[-1] = replace(below, parent=up)
        levels.append(Level(level.groups, group.codes, group.n_clusters))
    return tuple(levels)


def with_levels(rows, outcomes, groups, levels, row_weight=None, unit_weight=(), known=()):
    """A history without copies."""
    engine = levels if outcomes.rows is None else tuple(
        replace(level, codes=level.codes[outcomes.rows]) for level in levels)
    top = levels[-1]
    return History(rows, outcomes, groups, levels, None, engine, outcomes.sets,
                   first_rows(top.codes, top.n_units), row_weight,
                   unit_weight or (None,) * len(levels), known)


def units_of(history: History, source, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Lowest level and unit of rows to predict among those of a history, as `known_units`; ``source``
    the data of these rows, or the groups of their sample."""
    codes = {}
    for name, group in history.groups.items():
        if isinstance(source, dict):
            labels = source[name].labels
            found = group.labels.get_indexer(labels)
            codes[name] = found[source[name].codes]
            continue
        frame = source
        code = group.clusters.recode(frame)
        missing = frame[list(group.columns)].isna().any(axis=1).to_numpy()
        codes[name] = np.where(missing, MISSING, code)[rows.kept]
    stand_in = SimpleNamespace(structure=SimpleNamespace(levels=history.levels),
                               sample=SimpleNamespace(groups=history.groups))
    return known_units(stand_in, replace(rows, codes=codes), "the rows it is known by")


def units_at(levels, level, unit) -> list[np.ndarray]:
    """The unit of every row at every level, -1 where it is in none."""
    out = []
    for k in range(len(levels)):
        own = np.where(level == k, unit, -1)
        if k:
            below = out[-1]
            own = np.where(below >= 0, levels[k - 1].parent[below], own)
        out.append(own)
    return out


def needs_sample(model) -> None:
    """Refuse a posterior given a sample that has been removed."""
    if not len(model.sample.index):
        raise ValueError("which='posterior' needs the estimation sample, which remove_data() has "
                         "removed")
