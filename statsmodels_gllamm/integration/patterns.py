"""Patterns of a Gaussian model: clusters whose rows have the same loadings and variances.

A row's kind is what its loadings and its variance are made of.  In a model of one level the rows of
a cluster are told apart by their kinds (items, occasions), and a cluster is a row of a table with a
column, a position, for every kind; clusters with the same positions filled are a pattern.  In other
models clusters whose trees of rows are the same are a pattern, with positions of its own.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from statsmodels_gllamm.integration.chunks import EngineRows
from statsmodels_gllamm.integration.gaussian import GaussianProblem, Grid
from statsmodels_gllamm.latent.hierarchy import Level
from statsmodels_gllamm.latent.merge import add_hashes, mix
from statsmodels_gllamm.latent.residuals import Residuals
from statsmodels_gllamm.responses.durations import LogNormal
from statsmodels_gllamm.responses.gaussian import Gaussian
from statsmodels_gllamm.responses.special import HALF_LOG_2PI

NORMAL = Gaussian, LogNormal  # normal with mean nu after `transformed`, log sd their only predictor
MAX_POSITIONS = 64  # columns of a table of clusters
FEW = 400  # rows that tell whether kinds are few
ROUNDING = 1e-14  # relative, of a product of columns
MAX_FEATURES = 120  # covariates that vary between the clusters of a pattern
SECONDS = 5e-10, 1e-3, 3e-6  # of an operation; of a table; of a row in all evaluations of the engine


@dataclass(frozen=True)
class Data:
    """What the tables are made of.

    ``z`` (n,) normal responses less offset; ``columns`` the row columns; ``kind`` (n,) and
    ``n_kinds``; ``member`` (n,); ``constant`` the fixed row columns that a kind has one value of,
    ``varying`` the others; ``entries`` of Psi; ``q`` latent variables per level; ``weight`` (n_top,).
    """

    z: np.ndarray
    columns: list[np.ndarray]
    kind: np.ndarray
    n_kinds: int
    member: np.ndarray
    constant: frozenset[int]
    varying: tuple[int, ...]
    entries: tuple[np.ndarray, np.ndarray]
    q: tuple[int, ...]
    levels: tuple[Level, ...]
    weight: np.ndarray
    residuals: Residuals | None


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
    grids = _tables(data) if len(levels) == 1 else None
    if grids is None:
        grids = _trees(data)
    if grids is None:
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
    most = rows.n if residuals is not None else max(rows.n // 4, MAX_POSITIONS)
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
            more = _distinct([*key, *(columns[k] for k in taken), columns[r]], MAX_POSITIONS)
            if more is not None:
                found, taken = more, [*taken, r]
    return (*found, tuple(taken))


def _is_constant(column, kind, n_kinds) -> bool:
    some = np.empty(n_kinds)
    some[kind] = column
    return bool((some[kind] == column).all())


def _tables(data: Data) -> list[Grid] | None:
    """The one table of a model of one level; None where it has too many positions or gaps."""
    codes, n_top = data.levels[0].codes, data.levels[0].n_units
    inside = codes * data.n_kinds + data.kind
    order = np.argsort(inside, kind="stable")
    key = inside[order]
    start = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
    counts = np.diff(np.append(start, len(key)))
    occurrence = np.arange(len(key)) - np.repeat(start, counts)
    most = np.zeros(data.n_kinds, dtype=np.int64)
    np.maximum.at(most, data.kind[order[start]], counts)
    m = int(most.sum())
    if m > MAX_POSITIONS or n_top * m > 4 * len(codes):
        return None
    first = np.concatenate([[0], np.cumsum(most)[:-1]])
    index = np.full((n_top, m), -1)
    index[codes[order], first[data.kind[order]] + occurrence] = order
    index = index[:, np.argsort(_first_rows(index), kind="stable")]
    places = np.tile(np.arange(sum(data.q)), (m, 1))
    grid = _grid(data, index, np.arange(n_top), places, sum(data.q))
    if grid is None or not (data.residuals is not None or _pays([grid], len(codes))):
        return None
    return [grid]


def _first_rows(index) -> np.ndarray:
    """Some row (m,) at every position."""
    return index.max(axis=0)


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
    if not always and len(first) * SECONDS[1] > n * SECONDS[2] + 10 * SECONDS[1]:
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
        if not always and m * n_latent > 4000:
            return None
        grid = _grid(data, index, units, places, n_latent)
        if grid is None:
            return None
        grids.append(grid)
    return grids if always or _pays(grids, n) else None


def _places(data: Data, rows) -> tuple[np.ndarray, int]:
    """Latent variable (m, D), among those of a top-level unit and all units within it, of every row's
    latent variables, and their number."""
    places, first = [], 0
    for q, level in zip(data.q, data.levels):
        unit = np.unique(level.codes[rows], return_inverse=True)[1]
        places.append(first + unit[:, None] * q + np.arange(q))
        first += q * int(unit.max() + 1)
    return np.concatenate(places, axis=1), first


def _pays(grids, n_rows: int) -> bool:
    """Whether patterns take less time than all evaluations of the engine that they save."""
    operation, table, row = SECONDS
    seconds = table * len(grids) + operation * sum(
        len(grid.n) * (2 * grid.m**3 + 4 * (grid.m * (grid.n_latent + 2)) ** 2) for grid in grids)
    return seconds < row * n_rows + 10 * table


def _grid(data: Data, index, units, places, n_latent: int) -> Grid | None:
    """The table of the rows ``index`` (n, m), -1 for none, of ``units``."""
    there, m = index >= 0, index.shape[1]
    some = _first_rows(index)
    features = _Features(there)
    triples = []  # position, row column, feature, its factor
    for r in sorted(data.constant):
        triples += [(i, r, 0, x) for i, x in enumerate(data.columns[r][some]) if x != 0]
    for r in data.varying:
        x = np.where(there, data.columns[r][index], np.nan)
        triples += [(i, r, *features.of(x[:, i])) for i in range(m)]
        if len(features.columns) > MAX_FEATURES and data.residuals is None:
            return None
    t = np.stack([np.nan_to_num(column) for column in features.columns], axis=1)
    values = np.concatenate([np.where(there, data.z[index], 0.0), t], axis=1)
    pairs, which = _pairs(data, some, places)
    to_entries = _to_entries(data, some, places, n_latent, triples, t.shape[1], pairs, which)
    present, n, mean, scatter, pattern = _statistics(there, values, data.weight[units])
    used = pattern >= 0
    return Grid(present, n, mean, scatter, t.shape[1], n_latent, to_entries, pairs, units[used],
                pattern[used], values[used])


class _Features:
    """The constant, and covariates that vary between units: columns (n,), NaN where no row has it."""

    def __init__(self, there) -> None:
        self.columns = [np.ones(len(there))]

    def of(self, x) -> tuple[int, float]:
        """(number, factor) of a covariate (n,) at one position, NaN where there is no row."""
        known = ~np.isnan(x)
        value = x[known]
        if not len(value) or (value == value[0]).all():
            return 0, float(value[0]) if len(value) else 0.0
        for number, column in enumerate(self.columns[1:], 1):
            factor = _ratio(x, column)
            if factor:
                self.columns[number] = np.where(np.isnan(column), x / factor, column)
                return number, factor
        self.columns.append(x)
        return len(self.columns) - 1, 1.0


def _ratio(x, column) -> float:
    """c where x = c column to rounding wherever both are known; zero if there is none."""
    both = ~np.isnan(x) & ~np.isnan(column)
    one, two = x[both], column[both]
    if not two.any():
        return 0.0
    place = int(np.argmax(two != 0))
    factor = float(one[place] / two[place])
    for some in (slice(0, 50), slice(None)):
        if not np.allclose(one[some], factor * two[some], rtol=ROUNDING, atol=0.0):
            return 0.0
    return factor


def _pairs(data: Data, rows, places) -> tuple[np.ndarray, np.ndarray]:
    """Positions (R, 2) of residual covariances, and the number of each (R,): of two rows of one
    bottom-level unit."""
    pairs, which = [], []
    if data.residuals is not None:
        labels = data.residuals.labels[rows]
        for number, (a, b) in enumerate(data.residuals.pairs):
            for i in np.flatnonzero(labels == a):
                same = (labels == b) & (places[:, 0] == places[i, 0])
                pairs += [(i, k) for k in np.flatnonzero(same)]
                which += [number] * int(same.sum())
    return np.array(pairs, dtype=np.int64).reshape(-1, 2), np.array(which, dtype=np.int64)


def _to_entries(data: Data, rows, places, n_latent, triples, n_features, pairs, which) -> np.ndarray:
    """d(B, A, log sigma, residual covariances) / d entries of Psi (N, E)."""
    m, d = len(rows), sum(data.q)
    ends = np.cumsum([0, m * n_features, m * n_latent, m, len(pairs)])
    out = np.zeros((ends[-1], len(data.entries[0])))
    number = {int(r): e for e, (r, c) in enumerate(zip(*data.entries)) if c == 0}
    for i, r, f, x in triples:
        out[i * n_features + f, number[r]] += x
    position, n_members = np.arange(m), int(data.member.max()) + 1
    for e, (r, c) in enumerate(zip(*data.entries)):
        if 1 <= c <= d:
            out[ends[1] + position * n_latent + places[:, c - 1], e] = data.columns[r][rows]
        elif d < c <= d + n_members:
            own = data.member[rows] == c - d - 1
            out[ends[2] + position[own], e] = data.columns[r][rows[own]]
        elif c > d + n_members:
            out[ends[3] + np.flatnonzero(which == c - d - n_members - 1), e] = 1.0
    return out


def _statistics(there, values, weight):
    """Patterns: what is present (P, m), units n (P,), mean (P, m + F), scatter (K, m + F, m + F), and
    the pattern of every unit (n,), -1 for one without weight.

    Patterns of fewer units than a quarter of the columns have no scatter: their units are alone.
    """
    code = np.zeros(len(there), dtype=np.int64)
    if not there.all():  # then the positions are few
        bits = there @ (np.uint64(1) << np.arange(there.shape[1], dtype=np.uint64))
        code = np.unique(bits, return_inverse=True)[1]
    code = np.where(weight > 0, code, -1)
    used = np.flatnonzero(code >= 0)
    counts = np.bincount(code[used], minlength=int(code.max(initial=-1)) + 1)
    many = counts >= max(2, values.shape[1] // 4)
    order = used[np.argsort(code[used], kind="stable")]
    groups = np.split(order, np.cumsum(counts)[:-1])
    grouped = [group for group, enough in zip(groups, many) if enough]
    alone = order[~many[code[order]]]
    pattern = np.full(len(there), -1)
    for number, group in enumerate(grouped):
        pattern[group] = number
    pattern[alone] = len(grouped) + np.arange(len(alone))
    g = values.shape[1]
    n = np.concatenate([[weight[group].sum() for group in grouped], weight[alone]])
    mean = np.empty((len(n), g))
    scatter = np.empty((len(grouped), g, g))
    for number, group in enumerate(grouped):
        w, v = weight[group], values[group]
        mean[number] = w @ v / w.sum()
        v = v - mean[number]
        scatter[number] = (w[:, None] * v).T @ v
    mean[len(grouped):] = values[alone]
    first = np.concatenate([[group[0] for group in grouped], alone]).astype(np.int64)
    return there[first].astype(float), n, mean, scatter, pattern
