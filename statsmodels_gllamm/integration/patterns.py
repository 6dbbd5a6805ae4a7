"""Patterns of a Gaussian model: clusters whose rows have the same loadings and variances.

A row's kind is what its loadings and its variance are made of.  In a model of one level the rows of
a cluster are told apart by their kinds (items, occasions), and a cluster is a row of a table with a
column, a position, for every kind; clusters with the same positions filled are a pattern.  Clusters of
different groups that have no kinds in common are in different tables.  In models of several levels
clusters whose trees of rows are the same are a pattern, with positions of its own.
"""
from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from statsmodels_gllamm.integration.engine_rows import EngineRows
from statsmodels_gllamm.integration.grids import GaussianProblem, Grid
from statsmodels_gllamm.integration.tables import Data, make_grid
from statsmodels_gllamm.latent.hierarchy import Level
from statsmodels_gllamm.latent.merge import add_hashes, mix
from statsmodels_gllamm.latent.residuals import Residuals
from statsmodels_gllamm.responses.durations import LogNormal
from statsmodels_gllamm.responses.gaussian import Gaussian
from statsmodels_gllamm.responses.special import HALF_LOG_2PI

NORMAL = Gaussian, LogNormal  # normal with mean nu after `transformed`, log sd their only predictor
MAX_POSITIONS = 200  # columns of a table of clusters
MAX_TABLES = 64  # of clusters that have no kinds of rows in common
GAPS = 4  # places for each row of a table
MAX_LOADINGS = 4000  # elements of A of a tree of rows
MAX_KINDS = 64  # kinds of rows that are told apart by fixed columns
FEW = 400  # rows that tell whether kinds are few
# Seconds: of the engine, an evaluation and a row; of patterns, a table, an element of its information,
# and the same and an operation for every pattern.
ENGINE, TABLE = (3e-4, 4e-8), (5e-4, 1e-8, 1e-9, 2e-10)
EVALUATIONS = 20, 8  # of the engine, besides two for each element of Psi; of patterns


def build_patterns(rows: EngineRows, levels: tuple[Level, ...], unit_weight, q, entries,
                   residuals: Residuals | None = None) -> GaussianProblem | None:
    """The patterns of a data set, or None where they do not pay or there is no closed form.

    Parameters
    ----------
    rows : EngineRows
    levels : tuple of Level
    unit_weight : list of (ndarray or None)
        Frequency weights of every level's units.
    q : tuple of int
    entries : (ndarray (E,), ndarray (E,))
        Rows and columns of Psi in use; columns after those of the auxiliary predictors are residual
        covariances.
    residuals : Residuals, optional
        Then patterns always pay.
    """
    if not _has_closed_form(rows, levels, unit_weight):
        return None
    data, jacobian = _data(rows, levels, unit_weight[-1], q, entries, residuals)
    if data is None:
        return None
    tables = _tables(data) if len(levels) == 1 else None
    if tables is None:
        grids = _trees(data)
    else:
        grids = [make_grid(data, index, units, np.tile(np.arange(sum(q)), (index.shape[1], 1)), sum(q))
                 for index, units in tables]
    if grids is None or None in grids or not _pays(grids, data):
        return None
    unit = np.bincount(levels[-1].codes, jacobian, minlength=levels[-1].n_units)
    n_rows = int(sum(grid.present.sum() for grid in grids))
    return GaussianProblem(tuple(grids), entries, data.weight, unit, n_rows)


def _has_closed_form(rows: EngineRows, levels, unit_weight) -> bool:
    def plain(weight):
        return weight is None or (weight == 1).all()

    return bool(levels) and rows.sets is None and plain(rows.row_weight) and all(
        type(response) in NORMAL for response, _ in rows.members) and all(
        plain(w) for w in unit_weight[:-1])


def _data(rows, levels, weight, q, entries, residuals):
    """(Data or None, log-likelihood of the transformation (n,))."""
    z, jacobian = [], []
    for response, y in rows.members:
        z.append(response.transformed(y[0]))
        at_mode = response.log_density(y, z[-1], np.zeros((1, y.shape[1])))
        jacobian.append(at_mode + HALF_LOG_2PI)
    z = np.concatenate(z)
    if rows.offset is not None:
        z = z - rows.offset
    member = np.zeros(rows.n) if rows.member is None else rows.member.astype(float)
    last = sum(q) + len(rows.members)
    random = np.unique(entries[0][(entries[1] > 0) & (entries[1] <= last)])
    fixed = np.unique(entries[0][entries[1] == 0])
    key = [rows.columns[r] for r in random] + ([member] if len(rows.members) > 1 else [])
    if residuals is not None:
        key.append(residuals.labels.astype(float))
    most = rows.n if residuals is not None else max(rows.n // 4, MAX_KINDS)
    found = _distinct(key, most)
    if found is None:
        return None, None
    rest = [r for r in fixed if r not in set(random)]
    kind, n_kinds, apart = _told_apart(found, key, rest, rows.columns, levels[0])
    rest = [r for r in rest if r not in apart]
    varying = tuple(r for r in rest if not _is_constant(rows.columns[r], kind, n_kinds))
    constant = frozenset(int(r) for r in fixed if r not in varying)
    weight = np.ones(levels[-1].n_units) if weight is None else weight
    return Data(z, rows.columns, kind, n_kinds, member.astype(np.int64), constant, varying, entries, q,
                levels, weight, residuals), np.concatenate(jacobian)


def _distinct(columns, most: int):
    """(code (n,) of the distinct rows of the columns by first appearance, their number), or None
    where they are more than ``most``."""
    weights = np.random.default_rng(0).uniform(1, 2, len(columns))
    mixed = np.zeros(len(columns[0]))
    for weight, column in zip(weights, columns):
        mixed += weight * column
    if len(np.unique(mixed[:FEW])) > most:
        return None
    _, first, codes = np.unique(mixed, return_index=True, return_inverse=True)
    if len(first) > most:
        return None
    if not all(np.array_equal(column[first][codes], column) for column in columns):
        return None
    order = np.argsort(first, kind="stable")
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank[codes], len(first)


def _told_apart(found, key, rest, columns, level: Level):
    """(kinds, their number, fixed columns that they take in): where a cluster has several rows of one
    kind, fixed columns that differ between these tell them apart if kinds remain few."""
    taken: list[int] = []
    for r in rest:
        kind, n_kinds = found
        inside = level.codes * n_kinds + kind
        order = np.argsort(inside, kind="stable")
        same = np.diff(inside[order]) == 0
        if not same.any():
            break
        if (same & (np.diff(columns[r][order]) != 0)).any():
            more = _distinct([*key, *(columns[k] for k in taken), columns[r]], MAX_KINDS)
            if more is not None:
                found, taken = more, [*taken, r]
    return (*found, tuple(taken))


def _is_constant(column, kind, n_kinds) -> bool:
    some = np.empty(n_kinds)
    some[kind] = column
    return bool((some[kind] == column).all())


def _tables(data: Data) -> list[tuple[np.ndarray, np.ndarray]] | None:
    """(rows (n, m) by position, -1 for none, clusters (n,)) of the tables of a model of one level, one
    for clusters that have no kinds in common with others; None where positions or gaps are many."""
    level, kind = data.levels[0], data.kind
    inside = level.codes * data.n_kinds + kind
    order = np.argsort(inside, kind="stable")
    key = inside[order]
    start = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
    counts = np.diff(np.append(start, len(key)))
    occurrence = np.arange(len(key)) - np.repeat(start, counts)
    most = np.zeros(data.n_kinds, dtype=np.int64)
    np.maximum.at(most, kind[order[start]], counts)
    some, component = _components(data)
    if component.max() >= MAX_TABLES:
        return None
    tables = []
    for number in range(component.max() + 1):
        units = np.flatnonzero(component[some] == number)
        mine = component == number
        chosen = mine[kind[order]]
        rows, m = order[chosen], int(most[mine].sum())
        if m > MAX_POSITIONS or len(units) * m > GAPS * len(rows):
            return None
        first, place = np.cumsum(most * mine) - most * mine, np.empty(level.n_units, dtype=np.int64)
        place[units] = np.arange(len(units))
        index = np.full((len(units), m), -1)
        index[place[level.codes[rows]], first[kind[rows]] + occurrence[chosen]] = rows
        tables.append((index, units))
    return tables


def _components(data: Data) -> tuple[np.ndarray, np.ndarray]:
    """A kind of every cluster (n_units,), and the number of the component of every kind: kinds are
    connected that some cluster has, as those of one group of persons are."""
    level, k = data.levels[0], data.n_kinds
    some = np.empty(level.n_units, dtype=np.int64)
    some[level.codes] = data.kind
    pairs = np.unique(some[level.codes] * k + data.kind)
    edges = coo_array((np.ones(len(pairs)), (pairs // k, pairs % k)), shape=(k, k))
    return some, connected_components(edges, directed=False)[1]


def _trees(data: Data) -> list[Grid] | None:
    """A table for every tree of rows that clusters have."""
    levels, n = data.levels, len(data.kind)
    h, hashes = mix(data.kind.astype(np.uint64) + np.uint64(1)), []
    codes, size = levels[0].codes, levels[0].n_units
    for level, following in zip(levels, (*levels[1:], None)):
        h = mix(add_hashes(mix(h + np.uint64(7)), codes, size))
        hashes.append(h)
        if following is not None:
            codes, size = level.parent, following.n_units
    keys = [np.arange(n), data.kind]
    for level, own in zip(levels[:-1], hashes):
        keys += [level.codes, own[level.codes]]
    order = np.lexsort([*keys, levels[-1].codes])
    start = np.concatenate([[0], np.cumsum(np.bincount(levels[-1].codes))])
    _, first, of_unit = np.unique(hashes[-1], return_index=True, return_inverse=True)
    always = data.residuals is not None
    if not always and EVALUATIONS[1] * TABLE[0] * len(first) > _engine_seconds(data):
        return None
    by_tree = np.argsort(of_unit, kind="stable")
    ends = np.cumsum(np.bincount(of_unit))
    grids = []
    for units in np.split(by_tree, ends[:-1]):
        units = units[data.weight[units] > 0]
        if not len(units):
            continue
        m = start[units[0] + 1] - start[units[0]]
        index = order[start[units][:, None] + np.arange(m)]
        places, n_latent = _places(data, index[0])
        if not always and m * n_latent > MAX_LOADINGS:
            return None
        grids.append(make_grid(data, index, units, places, n_latent))
        if grids[-1] is None:
            return None
    return grids


def _places(data: Data, rows) -> tuple[np.ndarray, int]:
    """Latent variable (m, D), among those of a top-level unit and all units within it, of every row's
    latent variables, and their number."""
    places, first = [], 0
    for q, level in zip(data.q, data.levels):
        unit = np.unique(level.codes[rows], return_inverse=True)[1]
        places.append(first + unit[:, None] * q + np.arange(q))
        first += q * int(unit.max() + 1)
    return np.concatenate(places, axis=1), first


def _engine_seconds(data: Data) -> float:
    """About what a fit by the engine takes."""
    evaluation, row = ENGINE
    number = EVALUATIONS[0] + 2 * len(data.entries[0])
    return number * (evaluation + row * len(data.kind) * (1 + sum(data.q) / 2))


def _pays(grids, data: Data) -> bool:
    """Whether a fit by patterns takes less time than by the engine, or is the only one there is."""
    seconds, (table, once, each, operation) = 0.0, TABLE
    for grid in grids:
        p, k, m, g = len(grid.n), len(grid.scatter), grid.m, grid.mean.shape[1]
        seconds += table + (once + each * p) * len(grid.to_entries) ** 2
        seconds += operation * (p * m**3 + k * m * g**2)
    return data.residuals is not None or EVALUATIONS[1] * seconds < _engine_seconds(data)
