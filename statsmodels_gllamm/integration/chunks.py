"""Chunks of whole top-level units, the pieces a likelihood is summed over.

A chunk holds the rows of some top-level units, laid out so that every sum over the rows of a unit
is contiguous (latent/runs.py), and sized so that rows x nodes temporaries stay in the cache.  It is
all that one evaluation of those units' log-likelihood needs besides the parameters.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from statsmodels_gllamm.latent.hierarchy import Level
from statsmodels_gllamm.latent.merge import merge_units
from statsmodels_gllamm.latent.runs import Runs, layout

CHUNK_ELEMENTS = 200_000  # rows x nodes in one chunk: a few such temporaries stay in the L2 cache
FEW = 400  # rows of a chunk that tell whether its row columns have few patterns
MIN_ROWS = 600  # below this a chunk is all interpreter overhead


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some top-level units and their rows.

    Attributes
    ----------
    y : ndarray (c, n)
        Row statistics of the response.
    offset : ndarray (n,) or None
    design : ndarray (r, n)
        Row columns W.
    row_weight : ndarray (n,) or None
        Level-1 weights; None when all are one.
    runs : tuple of Runs
        rows -> level-2 units -> ... -> top-level units; empty without latent variables.
    unit_weight : tuple of (ndarray or None)
        Weight of each unit inside its parent, levels below the top.
    top_weight : ndarray (G,)
        Weight of each top-level unit (of each row, without latent variables).
    rows : ndarray (n,)
        Sample row of every chunk row.
    units : tuple of ndarray
        Global number of every unit, level by level.
    patterns : (ndarray (n,), ndarray (r, P)) or None
        Pattern of every row, and the row columns of every pattern, where few rows of W differ.
    """

    y: np.ndarray
    offset: np.ndarray | None
    design: np.ndarray
    row_weight: np.ndarray | None
    runs: tuple[Runs, ...]
    unit_weight: tuple[np.ndarray | None, ...]
    top_weight: np.ndarray
    rows: np.ndarray
    units: tuple[np.ndarray, ...]
    patterns: tuple[np.ndarray, np.ndarray] | None = None

    def to_level(self, x: np.ndarray, level: int, start: int = 0) -> np.ndarray:
        """Sum x from the children of level ``start`` to the units of ``level``."""
        for runs in self.runs[start:level + 1]:
            x = runs.sum(x)
        return x

    def to_rows(self, x: np.ndarray, level: int, stop: int = 0) -> np.ndarray:
        """Spread x from the units of ``level`` down to the children of level ``stop``."""
        for runs in self.runs[stop:level + 1][::-1]:
            x = runs.spread(x)
        return x


@dataclass(frozen=True, slots=True)
class Problem:
    """All chunks of a data set, with the map back to the original units.

    ``representative[l]`` (n_units,) is the computed unit that stands for each unit of level l.
    """

    chunks: tuple[Chunk, ...]
    levels: tuple[Level, ...]
    representative: tuple[np.ndarray, ...]
    n_rows: int
    top_weight: np.ndarray  # frequency weight of every original top-level unit

    @property
    def n_computed(self) -> int:
        """Rows that are computed, identical units once."""
        return sum(chunk.design.shape[1] for chunk in self.chunks)

    @property
    def n_top(self) -> int:
        """Number of independent units: top-level units, or rows without latent variables."""
        return self.levels[-1].n_units if self.levels else self.n_rows


def build_problem(y, offset, columns, levels, row_weight=None, unit_weight=None, n_nodes=9,
                  merge=True) -> Problem:
    """Cut a data set into chunks.

    Parameters
    ----------
    y : ndarray (c, n)
    offset : ndarray (n,) or None
    columns : list of ndarray (n,)
        The row columns W.
    levels : tuple of Level
        From the bottom to the top; may be empty.
    row_weight : ndarray (n,) or None
    unit_weight : sequence of (ndarray (n_units,) or None), optional
        Frequency weights of every level's units.
    n_nodes : int
        Nodes for which chunks are sized.
    merge : bool
        Compute identical units once.
    """
    n = y.shape[1]
    unit_weight = list(unit_weight or [None] * len(levels))
    if row_weight is not None and (row_weight == 1).all():
        row_weight = None
    content = [*y, *columns] if offset is None else [*y, offset, *columns]
    if not levels:
        return _rows_only(y, offset, columns, row_weight, n_nodes)
    found = merge_units(content, levels, row_weight, unit_weight) if merge else None
    if found is None:
        representative = tuple(np.arange(level.n_units) for level in levels)
        weight = [np.ones(level.n_units) if w is None else w
                  for level, w in zip(levels, unit_weight)]
    else:
        representative, weight = found.representative, list(found.weight)
    top_weight = (np.ones(levels[-1].n_units) if unit_weight[-1] is None else unit_weight[-1])
    rows = _kept_rows(levels, weight, row_weight, n)
    sort = _Sorted(levels, rows)
    chunks = tuple(
        _chunk(sort, a, b, y, offset, columns, levels, row_weight, weight)
        for a, b in _cuts(sort, max(CHUNK_ELEMENTS // n_nodes, MIN_ROWS))
    )
    return Problem(chunks, levels, representative, n, top_weight)


def _rows_only(y, offset, columns, row_weight, n_nodes) -> Problem:
    """Every row its own top-level unit: a model without latent variables."""
    n = y.shape[1]
    size = max(CHUNK_ELEMENTS // n_nodes, MIN_ROWS)
    weight = np.ones(n) if row_weight is None else row_weight
    chunks = tuple(
        Chunk(np.ascontiguousarray(y[:, a:a + size]),
              None if offset is None else offset[a:a + size],
              _stack(columns, slice(a, a + size), min(size, n - a)), None, (), (),
              weight[a:a + size], np.arange(a, min(a + size, n)), ())
        for a in range(0, n, size)
    )
    return Problem(chunks, (), (), n, weight)


def _stack(columns, index, n) -> np.ndarray:
    out = np.empty((len(columns), n))
    for row, column in zip(out, columns):
        row[:] = column[index]
    return out


def _kept_rows(levels, weight, row_weight, n) -> np.ndarray:
    """Rows of units with a positive weight at every level."""
    keep = None if row_weight is None else row_weight > 0
    for level, w in zip(levels, weight):
        if (w == 0).any():
            inside = (w > 0)[level.codes]
            keep = inside if keep is None else keep & inside
    return np.arange(n) if keep is None else np.flatnonzero(keep)


class _Sorted:
    """Rows sorted by top-level unit, then by the units below; top units of one shape adjoin.

    ``row[i]`` sample row at sorted place i; ``starts[l]`` first child (a row, or a unit of level
    l-1) of each sorted unit; ``units[l]`` its global number.
    """

    def __init__(self, levels: tuple[Level, ...], rows: np.ndarray) -> None:
        codes = [level.codes if len(rows) == len(level.codes) else level.codes[rows]
                 for level in levels]
        top = codes[-1]
        size = np.bincount(top, minlength=levels[-1].n_units)
        rank = np.empty(len(size), dtype=np.int64)
        rank[np.argsort(-size, kind="stable")] = np.arange(len(size))
        order = np.lexsort([*codes[:-1], rank[top]])
        self.row = rows[order]
        self.units, self.starts, self.counts = [], [], []
        place = np.arange(len(order) + 1)  # first row of every child, and the end
        for c in codes:
            c = c[order][place[:-1]]
            new = np.flatnonzero(np.concatenate([[True], c[1:] != c[:-1]]))
            self.units.append(c[new])
            self.starts.append(new)
            self.counts.append(np.diff(np.append(new, len(c))))
            place = np.append(place[new], place[-1])
        self.first_row = place  # of every top unit

    def __len__(self) -> int:
        return len(self.units[-1])


def _cuts(sort: _Sorted, size: int) -> list[tuple[int, int]]:
    """Ranges of top-level units of about ``size`` rows, cut where their size changes if it pays."""
    first, cuts, a = sort.first_row, [], 0
    n_rows = np.diff(first)
    change = np.append(np.flatnonzero(n_rows[1:] != n_rows[:-1]) + 1, len(n_rows))
    while a < len(sort):
        b = max(int(np.searchsorted(first, first[a] + size, "right")) - 1, a + 1)
        b = min(b, len(sort))
        uniform = change[np.searchsorted(change, a, "right")]
        if uniform < b and first[uniform] - first[a] > size // 4:
            b = int(uniform)
        cuts.append((a, b))
        a = b
    return cuts


def _chunk(sort: _Sorted, a, b, y, offset, columns, levels, row_weight, weight) -> Chunk:
    order = np.arange(a, b)
    runs, units = [], [sort.units[-1][order]]
    for level in range(len(levels) - 1, -1, -1):
        run, order = layout(sort.counts[level], sort.starts[level], order)
        runs.insert(0, run)
        if level:
            units.insert(0, sort.units[level - 1][order])
    rows = sort.row[order]
    unit_weight = []
    for level in range(len(levels) - 1):
        w = weight[level][units[level]]
        unit_weight.append(None if (w == 1).all() else w)
    w = None if row_weight is None else row_weight[rows]
    design = _stack(columns, rows, len(rows))
    return Chunk(
        np.ascontiguousarray(y[:, rows]), None if offset is None else offset[rows],
        design, None if w is None or (w == 1).all() else w,
        tuple(runs), tuple(unit_weight), weight[-1][units[-1]], rows, tuple(units),
        _patterns(design),
    )


def _patterns(design: np.ndarray):
    """Distinct rows of W where they are few, as with items or visits; else None."""
    mixed = np.sqrt(np.arange(2.0, 2.0 + len(design))) @ design
    if len(np.unique(mixed[:FEW])) > FEW // 4:
        return None
    _, first, codes = np.unique(mixed, return_index=True, return_inverse=True)
    table = design[:, first]
    if len(first) * 8 > design.shape[1] or not np.array_equal(table[:, codes], design):
        return None
    return codes, table
