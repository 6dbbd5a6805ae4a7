"""Rows of the engine: responses, row columns and outcomes, and some of them."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from statsmodels_gllamm.integration.observed import Rows, Sets
from statsmodels_gllamm.integration.observed_mixed import Mixed, Part
from statsmodels_gllamm.latent.runs import Runs
from statsmodels_gllamm.responses.sets import SetResponse


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


def outcome_weight(rows: EngineRows) -> np.ndarray:
    """Frequency weight of every outcome."""
    weight = np.ones(rows.n) if rows.row_weight is None else rows.row_weight
    if rows.sets is None:
        return weight
    out = np.ones(int(rows.sets.max()) + 1)
    out[rows.sets] = weight
    return out


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
