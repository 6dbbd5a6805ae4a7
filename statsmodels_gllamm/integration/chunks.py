"""Chunks of whole top-level units, the pieces a likelihood is summed over.

A chunk holds the rows of some top-level units, laid out so that every sum over the rows of a unit
is contiguous (latent/runs.py), and sized so that rows x nodes temporaries stay in the cache.  It is
all that one evaluation of those units' log-likelihood needs besides the parameters.
"""
from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from statsmodels_gllamm.integration.observed import Mixed, Part, Rows, Sets
from statsmodels_gllamm.integration.reach import Active, Reach
from statsmodels_gllamm.latent.hierarchy import Level
from statsmodels_gllamm.latent.merge import merge_units
from statsmodels_gllamm.latent.runs import Runs, layout
from statsmodels_gllamm.responses.sets import SetResponse, first_rows

CHUNK_ELEMENTS = 200_000  # rows x nodes in one chunk: a few such temporaries stay in the L2 cache
FEW = 400  # rows of a chunk that tell whether its row columns have few patterns
MIN_ROWS = 600  # below this a chunk is all interpreter overhead


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some top-level units, their outcomes and rows.

    Attributes
    ----------
    observed : Rows, Sets or Mixed
        The outcomes' responses, with their level-1 weights.
    offset : ndarray (n,) or None
    design : ndarray (r, n)
        Row columns W.
    row_runs : Runs
        rows -> bottom units; the units of a model without latent variables are the outcomes.
    runs : tuple of Runs
        outcomes -> level-2 units -> ... -> top-level units; empty without latent variables.
    unit_weight : tuple of (ndarray or None)
        Weight of each unit inside its parent, levels below the top.
    top_weight : ndarray (G,)
        Weight of each top-level unit.
    rows : ndarray (n,)
        Engine row of every chunk row.
    units : tuple of ndarray
        Global number of every unit, level by level.
    top_units : ndarray (G,)
        Global number of every top-level unit; of every outcome, without latent variables.
    patterns : (ndarray (n,), ndarray (r, P)) or None
        Pattern of every row, and the row columns of every pattern, where few rows of W differ.
    active : Active or None
        Which latent variables and columns the rows touch; None for all.
    """

    observed: Rows | Sets | Mixed
    offset: np.ndarray | None
    design: np.ndarray
    row_runs: Runs
    runs: tuple[Runs, ...]
    unit_weight: tuple[np.ndarray | None, ...]
    top_weight: np.ndarray
    rows: np.ndarray
    units: tuple[np.ndarray, ...]
    top_units: np.ndarray
    patterns: tuple[np.ndarray, np.ndarray] | None = None
    active: Active | None = None

    @property
    def outcome_runs(self) -> Runs:
        """outcomes -> bottom units."""
        n = self.observed.n_outcomes
        return self.runs[0] if self.runs else Runs(n, n)

    def rows_to_top(self, x: np.ndarray) -> np.ndarray:
        """Sum x (..., n) from the rows to the top-level units."""
        return self.units_to_top(self.row_runs.sum(x), 0)

    def top_to_rows(self, x: np.ndarray) -> np.ndarray:
        """Spread x (..., G) from the top-level units to the rows."""
        return self.row_runs.spread(self.to_units(x, len(self.runs) - 1, 0))

    def units_to_top(self, x: np.ndarray, level: int) -> np.ndarray:
        """Sum x from the units of ``level`` to the top-level units."""
        for runs in self.runs[level + 1:]:
            x = runs.sum(x)
        return x

    def to_units(self, x: np.ndarray, level: int, below: int) -> np.ndarray:
        """Spread x from the units of ``level`` to those of level ``below``."""
        for runs in self.runs[below + 1:level + 1][::-1]:
            x = runs.spread(x)
        return x

    def to_rows(self, x: np.ndarray, level: int) -> np.ndarray:
        """Spread x from the units of ``level`` to the rows."""
        return self.row_runs.spread(self.to_units(x, level, 0))


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
        """Number of independent units: top-level units, or outcomes without latent variables."""
        return len(self.top_weight)


@dataclass(frozen=True, slots=True)
class Distinct:
    """The top-level units of a problem with identical ones once.

    Attributes
    ----------
    problem : Problem
        In which they are all there is, with the frequency weights of those that they stand for.
    first : ndarray (G,)
        Their numbers among the original units.
    place : ndarray (n_top,)
        Which of them stands for each original unit.
    """

    problem: Problem
    first: np.ndarray
    place: np.ndarray

    @property
    def merged(self) -> bool:
        """Whether some stand for several."""
        return len(self.first) < len(self.place)


def distinct_units(problem: Problem) -> Distinct:
    """The top-level units of a problem with levels, identical ones once."""
    representative = problem.representative[-1]
    kept = np.zeros(problem.n_top, dtype=bool)
    kept[representative] = True
    number = np.cumsum(kept) - 1
    place, first = number[representative], np.flatnonzero(kept)
    chunks = tuple(replace(chunk, top_units=number[chunk.top_units]) for chunk in problem.chunks)
    few = replace(problem, chunks=chunks,
                  representative=(*problem.representative[:-1], np.arange(len(first))),
                  top_weight=np.bincount(place, problem.top_weight, minlength=len(first)))
    return Distinct(few, first, place)


@dataclass(frozen=True, slots=True)
class EngineRows:
    """Rows of the engine, as the outcomes of a sample and its row designs make them.

    Attributes
    ----------
    members : tuple of (Response or SetResponse, ndarray (c, n_k))
        Responses and row statistics of consecutive rows.
    columns : list of ndarray (n,)
        The row columns W.
    offset : ndarray (n,) or None
    sets : ndarray (n,) or None
        Outcome of every row; None where each row is one.
    row_weight : ndarray (n,) or None
        Frequency weights, equal in an outcome.
    alike : tuple of ndarray (n,)
        What else must agree in units that are computed once.
    """

    members: tuple
    columns: list[np.ndarray]
    offset: np.ndarray | None = None
    sets: np.ndarray | None = None
    row_weight: np.ndarray | None = None
    alike: tuple[np.ndarray, ...] = ()

    @property
    def n(self) -> int:
        return sum(y.shape[1] for _, y in self.members)

    @property
    def member(self) -> np.ndarray | None:
        """Number of the member that each row belongs to (n,); None for one member."""
        if len(self.members) == 1:
            return None
        return np.repeat(np.arange(len(self.members)), [y.shape[1] for _, y in self.members])

    @property
    def gaussian(self) -> np.ndarray:
        """Whether the log density of a row is quadratic in its predictor (n,)."""
        return np.repeat([response.gaussian for response, _ in self.members],
                         [y.shape[1] for _, y in self.members])

    @property
    def content(self) -> list[np.ndarray]:
        """All that a row's density depends on besides its unit, and what else must agree."""
        depth = max(len(y) for _, y in self.members)
        stats = [np.concatenate([y[c] if c < len(y) else np.zeros(y.shape[1])
                                 for _, y in self.members]) for c in range(depth)]
        if len(self.members) > 1:
            stats.append(self.member.astype(float))
        return [*stats, *([] if self.offset is None else [self.offset]), *self.columns,
                *self.alike]


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
        top_weight = _outcome_weight(rows)
    return Problem(chunks, levels, representative, rows.n, top_weight)


def some_outcomes(rows: EngineRows, most: int) -> tuple[np.ndarray, Runs | None]:
    """About ``most`` rows of whole outcomes, at random from all over the data, and their runs."""
    sets = np.arange(rows.n) if rows.sets is None else rows.sets
    step = -(-rows.n // most)
    if rows.sets is None:
        return one_of_every(step, rows.n), None
    n_sets = int(sets.max()) + 1
    chosen = np.zeros(n_sets, dtype=bool)
    chosen[one_of_every(step, n_sets)] = True
    index = np.flatnonzero(chosen[sets])
    return sorted_by_set(index, sets)


def sorted_by_set(index: np.ndarray, sets: np.ndarray) -> tuple[np.ndarray, Runs]:
    """The rows in the order of their outcomes, and their runs."""
    index = index[np.argsort(sets[index], kind="stable")]
    codes = sets[index]
    starts = np.flatnonzero(np.concatenate([[True], codes[1:] != codes[:-1]]))
    counts = np.diff(np.append(starts, len(codes)))
    return index, Runs(len(index), len(starts), counts, starts)


def one_of_every(step: int, n: int) -> np.ndarray:
    """One of every ``step`` numbers below n, at random from every stretch."""
    if step == 1:
        return np.arange(n)
    first = np.arange(0, n - step + 1, step)
    return first + np.random.default_rng(0).integers(0, step, len(first))


def _outcome_weight(rows: EngineRows) -> np.ndarray:
    """Frequency weight of every outcome."""
    weight = np.ones(rows.n) if rows.row_weight is None else rows.row_weight
    if rows.sets is None:
        return weight
    out = np.ones(int(rows.sets.max()) + 1)
    out[rows.sets] = weight
    return out


def _plain_chunk(index, rows: EngineRows) -> Chunk:
    """Every row its own top-level unit: a model without latent variables."""
    n = len(index)
    observed = observe(rows, index)
    weight = np.ones(n) if rows.row_weight is None else rows.row_weight[index]
    return Chunk(observed, None if rows.offset is None else rows.offset[index],
                 _stack(rows.columns, index, n), Runs(n, n), (), (), weight, index, (), index)


def observe(rows: EngineRows, index, sets: Runs | None = None, weight=None):
    """The outcomes of some rows; ``sets`` their runs to outcomes, ``weight`` by outcome."""
    if len(rows.members) == 1:
        response, y = rows.members[0]
        y = np.ascontiguousarray(y[:, index])
        return Rows(response, y, weight) if sets is None else Sets(response, y, sets, weight)
    member, first, aux = rows.member[index], 0, 0
    outcome = np.arange(len(index)) if sets is None else sets.spread(np.arange(sets.size))
    parts = []
    for number, (response, y) in enumerate(rows.members):
        here, m = np.flatnonzero(member == number), len(response.aux_names)
        if len(here):
            own, start = np.unique(outcome[here], return_index=True)
            w = None if weight is None else weight[own]
            stats = np.ascontiguousarray(y[:, index[here] - first])
            if isinstance(response, SetResponse):
                counts = np.diff(np.append(start, len(here)))
                runs = Runs(len(here), len(own), counts, start)
                observed = Sets(response, stats, runs, w)
            else:
                observed = Rows(response, stats, w)
            parts.append(Part(observed, here, own, slice(aux, aux + m), response.n_row_aux))
        first, aux = first + y.shape[1], aux + m
    n_outcomes = len(index) if sets is None else sets.size
    return Mixed(tuple(parts), len(index), n_outcomes)


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
