"""A table of clusters by positions: its features, moments and the map from the entries of Psi."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from statsmodels_gllamm.integration.grids import Grid
from statsmodels_gllamm.latent.hierarchy import Level
from statsmodels_gllamm.latent.residuals import Residuals

ROUNDING = 1e-14  # relative, of a product of columns
MAX_FEATURES = 120  # covariates that vary between the clusters of a pattern


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


def make_grid(data: Data, index, units, places, n_latent: int) -> Grid | None:
    """The table of the rows ``index`` (n, m), -1 for none, of ``units``."""
    there, m = index >= 0, index.shape[1]
    some = index.max(axis=0)  # a row at every position
    features = _Features(there)
    triples = []  # position, row column, feature, its factor
    for r in sorted(data.constant):
        triples += [(i, r, 0, x) for i, x in enumerate(data.columns[r][some]) if x != 0]
    for r in data.varying:
        for i in range(m):
            x = np.where(there[:, i], data.columns[r][index[:, i]], np.nan)
            triples.append((i, r, *features.of(x)))
            if len(features.columns) > MAX_FEATURES and data.residuals is None:
                return None
    t = np.stack([np.nan_to_num(column) for column in features.columns], axis=1)
    values = np.concatenate([np.where(there, data.z[index], 0.0), t], axis=1)
    pairs, which = _pairs(data, some, places)
    used, to_entries = _to_entries(data, some, places, n_latent, triples, pairs, which)
    present, n, mean, scatter, pattern = table_statistics(there, values, data.weight[units])
    inside = pattern >= 0
    return Grid(present, n, mean, scatter, used, n_latent, to_entries, pairs, units[inside],
                pattern[inside], values[inside])


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
    factor = 0.0
    for some in (slice(0, 64), slice(None)):  # most are told apart by a few units
        both = ~np.isnan(x[some]) & ~np.isnan(column[some])
        one, two = x[some][both], column[some][both]
        if two.any():
            place = int(np.argmax(two != 0))
            factor = float(one[place] / two[place])
            if not np.allclose(one, factor * two, rtol=ROUNDING, atol=0.0):
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


def _to_entries(data: Data, rows, places, n_latent, triples, pairs, which):
    """(used elements of B (U, 2), d(B, A, log sigma, residual covariances) / d entries of Psi
    (N, E))."""
    m, d = len(rows), sum(data.q)
    elements = {element: u for u, element in enumerate(dict.fromkeys((t[0], t[2]) for t in triples))}
    ends = np.cumsum([0, len(elements), m * n_latent, m, len(pairs)])
    out = np.zeros((ends[-1], len(data.entries[0])))
    number = {int(r): e for e, (r, c) in enumerate(zip(*data.entries)) if c == 0}
    for i, r, f, x in triples:
        out[elements[i, f], number[r]] += x
    position, n_members = np.arange(m), int(data.member.max()) + 1
    for e, (r, c) in enumerate(zip(*data.entries)):
        if 1 <= c <= d:
            out[ends[1] + position * n_latent + places[:, c - 1], e] = data.columns[r][rows]
        elif d < c <= d + n_members:
            own = data.member[rows] == c - d - 1
            out[ends[2] + position[own], e] = data.columns[r][rows[own]]
        elif c > d + n_members:
            out[ends[3] + np.flatnonzero(which == c - d - n_members - 1), e] = 1.0
    return np.array(list(elements), dtype=np.int64).reshape(-1, 2), out


def table_statistics(there, values, weight):
    """Patterns: what is present (P, m), units n (P,), mean (P, m + F), scatter (K, m + F, m + F), and
    the pattern of every unit (n,), -1 for one without weight.

    Patterns of fewer units than a quarter of the columns have no scatter: their units are alone.
    """
    code = np.zeros(len(there), dtype=np.int64)
    if not there.all():
        bits = np.packbits(there, axis=1)
        code = np.unique(bits, axis=0, return_inverse=True)[1].ravel()
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
