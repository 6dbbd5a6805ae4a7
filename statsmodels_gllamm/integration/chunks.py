"""A data set cut into chunks: top-level units of one shape side by side."""
from __future__ import annotations

from dataclasses import replace

import numpy as np

from statsmodels_gllamm.integration.engine_rows import EngineRows, observe, outcome_weight
from statsmodels_gllamm.integration.problem import Chunk, Problem
from statsmodels_gllamm.integration.reach import Active, Reach
from statsmodels_gllamm.latent.hierarchy import Level
from statsmodels_gllamm.latent.merge import merge_units
from statsmodels_gllamm.latent.runs import Runs, layout
from statsmodels_gllamm.responses.sets import first_rows

CHUNK_ELEMENTS = 200_000  # rows x nodes in one chunk: a few such temporaries stay in the L2 cache
FEW = 400  # rows of a chunk that tell whether its row columns have few patterns
MIN_ROWS = 600  # below this a chunk is all interpreter overhead


def build_problem(rows: EngineRows, levels: tuple[Level, ...], unit_weight=None, n_nodes=9,
                  merge=True, reach: Reach | None = None) -> Problem:
    """Cut a data set into chunks.

    Parameters
    ----------
    rows : EngineRows
    levels : tuple of Level
        From the bottom to the top, with codes of the engine rows; may be empty.
    unit_weight : sequence of (ndarray (n_units,) or None), optional
        Frequency weights of every level's units.
    n_nodes : int
        Nodes for which chunks are sized.
    merge : bool
        Compute identical units once.
    reach : Reach, optional
        The kinds of top-level units: those of a chunk are of one kind.
    """
    if rows.row_weight is not None and (rows.row_weight == 1).all():
        rows = replace(rows, row_weight=None)
    unit_weight = list(unit_weight or [None] * len(levels))
    found = None
    if merge and levels:
        found = merge_units(rows.content, levels, rows.row_weight, unit_weight, rows.sets)
    if found is None:
        representative = tuple(np.arange(level.n_units) for level in levels)
        weight = [np.ones(level.n_units) if w is None else w
                  for level, w in zip(levels, unit_weight)]
    else:
        representative, weight = found.representative, list(found.weight)
    kept = _kept_rows(levels, weight, rows.row_weight, rows.n)
    size = max(CHUNK_ELEMENTS // n_nodes, MIN_ROWS)
    tiers = [(level.codes, level.n_units) for level in levels]
    if rows.sets is not None:
        tiers.insert(0, (rows.sets, int(rows.sets.max()) + 1))
    if tiers:
        sort = _Sorted(tiers, kept, _alignment(rows), None if reach is None else reach.unit)
        chunks = tuple(_chunk(sort, a, b, rows, weight, reach) for a, b in _cuts(sort, size))
    else:
        chunks = tuple(_plain_chunk(kept[a:a + size], rows) for a in range(0, len(kept), size))
    if levels:
        top_weight = np.ones(levels[-1].n_units) if unit_weight[-1] is None else unit_weight[-1]
    else:
        top_weight = outcome_weight(rows)
    return Problem(chunks, levels, representative, rows.n, top_weight)


def _plain_chunk(index, rows: EngineRows) -> Chunk:
    """Every row its own top-level unit: a model without latent variables."""
    n = len(index)
    observed = observe(rows, index)
    weight = np.ones(n) if rows.row_weight is None else rows.row_weight[index]
    return Chunk(observed, None if rows.offset is None else rows.offset[index],
                 _stack(rows.columns, index, n), Runs(n, n), (), (), weight, index, (), index)


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


def _alignment(rows: EngineRows) -> np.ndarray | None:
    """A key by which units have rows of the same pattern, such as an item, at the same position;
    None where rows of W have many patterns, or where an outcome has several rows."""
    if rows.sets is not None or not rows.columns:
        return None
    mixed = sum(np.sqrt(2.0 + k) * column for k, column in enumerate(rows.columns))
    few = len(np.unique(mixed[:FEW])) <= FEW // 4
    return mixed if few else None


class _Sorted:
    """Rows sorted by top-level unit, then by the units below; top units of one shape adjoin.

    ``tiers`` are (codes (n,), number) of the outcomes of several rows, if any, and of the levels.
    ``row[i]`` row at sorted place i; ``starts[t]`` first child (a row, or a unit of tier t-1) of
    each sorted unit; ``units[t]`` its global number.  ``alignment`` (n,) orders the rows of a unit.
    Top units of one ``kind`` (n_top,) adjoin.
    """

    def __init__(self, tiers, rows: np.ndarray, alignment=None, kind=None) -> None:
        codes = [c if len(rows) == len(c) else c[rows] for c, _ in tiers]
        top, n_top = codes[-1], tiers[-1][1]
        size = np.bincount(top, minlength=n_top)
        rank = np.empty(len(size), dtype=np.int64)
        by_size = np.argsort(-size, kind="stable")
        if kind is not None:
            by_size = by_size[np.argsort(kind[by_size], kind="stable")]
        rank[by_size] = np.arange(len(size))
        within = [] if alignment is None else [alignment[rows]]
        order = np.lexsort([*within, *codes[:-1], rank[top]])
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
        self.kind = np.zeros(len(self), dtype=np.int64) if kind is None else kind[self.units[-1]]

    def __len__(self) -> int:
        return len(self.units[-1])


def _cuts(sort: _Sorted, size: int) -> list[tuple[int, int]]:
    """Ranges of top-level units of one kind and about ``size`` rows, cut where their size changes if
    it pays."""
    first, cuts, a = sort.first_row, [], 0
    n_rows = np.diff(first)
    change = np.append(np.flatnonzero(n_rows[1:] != n_rows[:-1]) + 1, len(n_rows))
    while a < len(sort):
        b = max(int(np.searchsorted(first, first[a] + size, "right")) - 1, a + 1)
        b = min(b, int(np.searchsorted(sort.kind, sort.kind[a], "right")))
        uniform = change[np.searchsorted(change, a, "right")]
        if uniform < b and first[uniform] - first[a] > size // 4:
            b = int(uniform)
        cuts.append((a, b))
        a = b
    return cuts


def _chunk(sort: _Sorted, a, b, rows: EngineRows, weight, reach: Reach | None = None) -> Chunk:
    """The top-level units a..b; ``weight`` of every level's units inside their parents."""
    order = np.arange(a, b)
    n_tiers, in_sets = len(sort.units), rows.sets is not None
    runs, units = [], [sort.units[-1][order]]
    adjoin = in_sets and len(rows.members) > 1  # the rows of an outcome, and the outcomes of a unit
    for tier in range(n_tiers - 1, -1, -1):
        if in_sets and tier == 1:
            adjoin = adjoin or not _balanced(sort, order)
        run, order = layout(sort.counts[tier], sort.starts[tier], order, adjoin and tier < 2)
        runs.insert(0, run)
        if tier:
            units.insert(0, sort.units[tier - 1][order])
    sets = runs.pop(0) if in_sets else None
    index = sort.row[order]
    row_runs = _joined(sets, runs[0] if runs else None)
    top_weight = weight[-1][units[-1]] if weight else None
    row_weight = None if rows.row_weight is None else rows.row_weight[index]
    if row_weight is not None and sets is not None:
        row_weight = row_weight[first_rows(sets)]
    if top_weight is None:  # every outcome is a top-level unit
        top_weight = np.ones(sets.size) if row_weight is None else row_weight
        row_weight = None
    elif row_weight is not None and (row_weight == 1).all():
        row_weight = None
    levels = units[1:] if in_sets else units
    unit_weight = []
    for level in range(len(levels) - 1):
        w = weight[level][levels[level]]
        unit_weight.append(None if (w == 1).all() else w)
    design, active = _stack(rows.columns, index, len(index)), None
    if reach is not None:
        active = Active(reach.kinds[sort.kind[a]], design.any(axis=1), reach)
    return Chunk(
        observe(rows, index, sets, row_weight),
        None if rows.offset is None else rows.offset[index], design, row_runs, tuple(runs),
        tuple(unit_weight), top_weight, index, tuple(levels), units[-1], _patterns(design),
        active)


def _balanced(sort: _Sorted, order) -> bool:
    """Whether these units have the same number of outcomes, all of the same number of rows."""
    counts = sort.counts[1][order]
    if (counts != counts[0]).any():
        return False
    outcomes = sort.starts[1][order][:, None] + np.arange(counts[0])
    rows = sort.counts[0][outcomes]
    return bool((rows == rows[0, 0]).all())


def _joined(sets: Runs | None, outcomes: Runs | None) -> Runs:
    """Runs from rows to bottom units, through the outcomes."""
    if sets is None or outcomes is None:
        return outcomes if sets is None else sets
    if sets.counts is None and outcomes.counts is None:
        return Runs(sets.n, outcomes.size)
    counts = outcomes.sum(sets.counts)
    return Runs(sets.n, outcomes.size, counts, np.concatenate([[0], np.cumsum(counts)[:-1]]))


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
