r"""What rows are predicted given: a history, or the past of every row.

With ``history="past"`` each pair of a top-level unit and a time becomes a unit with a copy of the rows
before it,

.. math:: E(y_{jt} \mid y_{js}, s < t)
"""
from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.families.base import Outcomes
from statsmodels_gllamm.formula.categories import show
from statsmodels_gllamm.formula.rows import as_frame, hint
from statsmodels_gllamm.latent.hierarchy import Level, first_rows, parent_units
from statsmodels_gllamm.results.history import (
    History,
    needs_sample,
    read_history,
    sample_history,
    units_at,
    units_of,
)
from statsmodels_gllamm.results.rows import Rows

PAST = "past"


@dataclass(frozen=True, slots=True)
class Known:
    """A history, or None where no row has one, and the level and unit of every row in it."""

    history: History | None
    level: np.ndarray
    unit: np.ndarray


def known_by(model, data, rows: Rows, history, time, offset, exposure, n_trials) -> Known:
    """The history that rows are predicted given."""
    if isinstance(history, str):
        if history != PAST:
            raise ValueError(f"history= takes a DataFrame of rows with responses, or 'past', not "
                             f"{history!r}")
        if data is None:
            needs_sample(model)
        return Known(*past_of(model, data, rows, time, offset, exposure, n_trials))
    if time is not None:
        raise ValueError("time= goes with history='past'; a DataFrame has the rows that count")
    if data is None:
        needs_sample(model)
    read, _ = read_history(model, history, offset, exposure, n_trials)
    return Known(read, *units_of(read, model.sample.groups if data is None else as_frame(data), rows))


def ranks(frame, column) -> np.ndarray:
    """Order (m,) of the values of a time column.

    Raises
    ------
    DataError
        No such column, or one with missing values.
    """
    if not isinstance(column, str):
        raise ValueError("history='past' needs time=, the name of the column that orders the rows of "
                         f"a cluster, not {column!r}")
    if frame is None or column not in frame.columns:
        known = () if frame is None else frame.columns
        raise DataError(f"time={column!r} is not a column of the data{hint(column, known)}")
    if frame[column].isna().any():
        bad = frame.index[frame[column].isna()][0]
        raise DataError(f"time={column!r} is missing in row {show(bad)}")
    return np.unique(frame[column].to_numpy(), return_inverse=True)[1]


def past_of(model, data, rows: Rows, column, offset=None, exposure=None, n_trials=None):
    """What `past` returns, for rows to predict that are those of the data, or of the sample."""
    if data is None:
        history, frame = sample_history(model), getattr(model.data, "frame", None)
        time = ranks(frame, column)
        level, unit = units_of(history, model.sample.groups, rows)
        return past(history, time, level, unit, time)
    frame = as_frame(data)
    time = ranks(frame, column)
    history, inside = read_history(model, frame, offset, exposure, n_trials, "data")
    level, unit = units_of(history, frame, rows)
    return past(history, time[inside], level, unit, time[rows.kept])


def past(history: History, time: np.ndarray, level, unit, at: np.ndarray):
    """A history of copies: for every pair of a top-level unit and a time the rows before it.

    Parameters
    ----------
    history : History
        Without copies.
    time : ndarray of int (h,)
        Of its rows.
    level, unit : ndarray (n,)
        Of the rows to predict, as of `units_of`.
    at : ndarray of int (n,)
        Their times.

    Returns
    -------
    history : History, or None where no row has a past
    level, unit : ndarray (n,)
        Of the rows among its units.
    """
    n_levels = len(history.levels)
    own = units_at(history.levels, level, unit)
    some = np.flatnonzero(own[-1] >= 0)
    n_times = max(time.max(initial=0), at.max(initial=0)) + 2
    pair, number = np.unique(own[-1][some] * n_times + at[some], return_inverse=True)
    key = history.levels[-1].codes * n_times + time
    order = np.argsort(key, kind="stable")
    end = np.searchsorted(key[order], pair)
    start = np.searchsorted(key[order], pair // n_times * n_times)
    context, rows = _ranges(start, end - start)
    rows = order[rows]
    if not len(rows):
        return None, np.full(len(level), n_levels), np.zeros(len(level), dtype=np.int64)
    copies, new_level, new_unit = [], np.full(len(level), n_levels), np.zeros_like(unit)
    for k, lev in enumerate(history.levels):
        base = context * lev.n_units + lev.codes[rows]
        known, codes = np.unique(base, return_inverse=True)
        copies.append((known, codes, lev))
        asked = number * lev.n_units + own[k][some]
        place = np.minimum(np.searchsorted(known, asked), len(known) - 1)
        found = (own[k][some] >= 0) & (known[place] == asked) & (new_level[some] == n_levels)
        new_level[some[found]], new_unit[some[found]] = k, place[found]
    return _copied(history, time, context, rows, copies), new_level, new_unit


def _ranges(start, count):
    """Numbers of the ranges, and their members, of ranges given by start and length."""
    number = np.repeat(np.arange(len(start)), count)
    offset = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    return number, start[number] + offset


def _copied(history: History, time, context, rows, copies) -> History:
    """The history of copies ``rows`` of data rows, in contexts."""
    out = history.outcomes
    levels = tuple(Level(lev.groups, codes, len(known)) for known, codes, lev in copies)
    levels = tuple(
        level if k + 1 == len(levels) else replace(level, parent=parent_units(
            level.codes, level.n_units, levels[k + 1].codes)) for k, level in enumerate(levels))
    unit_weight = []
    for (known, _, lev), weight in zip(copies, history.unit_weight):
        unit_weight.append(None if weight is None else weight[known % lev.n_units])
    take, copy = rows, np.arange(len(rows))
    if out.rows is not None:
        by_row = np.argsort(out.rows, kind="stable")
        count = np.bincount(out.rows, minlength=len(time))
        copy, place = _ranges((np.cumsum(count) - count)[rows], count[rows])
        take = by_row[place]
        ends = np.cumsum([member.y.shape[1] for member in out.members])
        by_member = np.argsort(np.searchsorted(ends, take, "right"), kind="stable")
        take, copy = take[by_member], copy[by_member]
    sets = None
    if out.sets is not None:
        _check_sets(out, time, history.rows)
        sets = np.unique(context[copy] * (out.sets.max() + 1) + out.sets[take], return_inverse=True)[1]
    weight = history.row_weight
    top = levels[-1]
    return replace(
        history, levels=levels, take=take, copies=rows, sets=sets, unit_weight=tuple(unit_weight),
        engine_levels=tuple(replace(level, codes=level.codes[copy]) for level in levels),
        first=rows[first_rows(top.codes, top.n_units)],
        row_weight=None if weight is None else weight[take])


def _check_sets(outcomes: Outcomes, time, rows: Rows) -> None:
    """The rows of an outcome must be of one time."""
    data_row = np.arange(len(outcomes.sets)) if outcomes.rows is None else outcomes.rows
    some = first_rows(outcomes.sets, int(outcomes.sets.max()) + 1)
    apart = time[data_row] != time[data_row[some]][outcomes.sets]
    if apart.any():
        bad = rows.index[rows.kept][data_row[int(np.argmax(apart))]]
        raise DataError(f"row {show(bad)} has another time than the other rows of its outcome")
