"""Identical units are computed once.

Two top-level units whose rows agree in response, offset, row designs, weights and nesting give the
same contribution to the log-likelihood, and so do two such units inside one parent.  They are found
by an order-free 128-bit hash of the rows, carried up the levels, and kept once with a weight.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from statsmodels_gllamm.latent.hierarchy import Level

STEP = np.uint64(0x9E3779B97F4A7C15)
WORTHWHILE = 0.9  # merging is used where it leaves fewer than this share of the units


@dataclass(frozen=True, slots=True)
class Merge:
    """Representative and weight of every unit.

    ``representative[l]`` (n_units,) is the kept unit equal to each unit of level l;
    ``weight[l]`` (n_units,) the weight of each kept unit inside its parent, zero if not kept.
    """

    representative: tuple[np.ndarray, ...]
    weight: tuple[np.ndarray, ...]


def mix(h: np.ndarray) -> np.ndarray:
    """The splitmix64 finaliser: a bijection of uint64 that spreads every bit."""
    h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return h ^ (h >> np.uint64(31))


def _bits(x: np.ndarray) -> np.ndarray:
    return (np.ascontiguousarray(x, dtype=np.float64) + 0.0).view(np.uint64)  # -0.0 -> 0.0


def add_hashes(h: np.ndarray, codes: np.ndarray, size: int) -> np.ndarray:
    """Sums (size,) of the hashes of each unit's children, whatever their order."""
    total = np.zeros(size, dtype=np.uint64)
    np.add.at(total, codes, h)
    return total


def row_hashes(columns, seed: int = 1) -> np.ndarray:
    """Hash (n,) of every row of columns (n,)."""
    h = np.full(len(columns[0]), np.uint64(seed), dtype=np.uint64)
    for column in columns:
        h = mix(h + STEP + _bits(column))
    return h


def distinct_rows(columns) -> tuple[np.ndarray, np.ndarray]:
    """Number (n,) of every row of columns (n,) among the distinct ones, in the order in which these
    appear, and the first row of each (P,)."""
    code, hashes = pd.factorize(row_hashes(columns))
    first = np.empty(len(hashes), dtype=np.int64)
    first[code[::-1]] = np.arange(len(code))[::-1]
    return code, first


def _unit_hashes(columns, levels, row_weight, unit_weight, sets, seed: int) -> list[np.ndarray]:
    """Hash (n_units,) of every level's units from their rows, whatever the order of the rows."""
    step, h = STEP, row_hashes(columns, seed)
    if row_weight is not None:
        h = mix(h + step + _bits(row_weight))
    hashes = []
    codes, size = levels[0].codes, levels[0].n_units
    if sets is not None:
        n_sets = int(sets.max()) + 1
        h = mix(add_hashes(mix(h + step), sets, n_sets))
        inside = np.empty(n_sets, dtype=codes.dtype)
        inside[sets] = codes
        codes = inside
    for index, level in enumerate(levels):
        h = mix(add_hashes(mix(h + step), codes, size))
        hashes.append(h)
        if level.parent is not None:
            if unit_weight[index] is not None:
                h = mix(h + step + _bits(unit_weight[index]))
            codes, size = level.parent, levels[index + 1].n_units
    return hashes


def _same(parent: np.ndarray, one: np.ndarray, two: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """First unit, kept ones first, with the same parent and both hashes, for every unit."""
    order = np.lexsort((~kept, two, one, parent))
    p, a, b = parent[order], one[order], two[order]
    new = np.concatenate([[True], (p[1:] != p[:-1]) | (a[1:] != a[:-1]) | (b[1:] != b[:-1])])
    representative = np.empty(len(order), dtype=np.int64)
    representative[order] = order[np.flatnonzero(new)][np.cumsum(new) - 1]
    return representative


def merge_units(columns, levels: tuple[Level, ...], row_weight, unit_weight,
                sets=None) -> Merge | None:
    """Find identical units, or None where it would not pay.

    Parameters
    ----------
    columns : list of ndarray (n,)
        All that a row's density depends on.
    levels : tuple of Level
        From the bottom to the top.
    row_weight : ndarray (n,) or None
    unit_weight : list of (ndarray (n_units,) or None)
        Frequency weights of the units of every level.
    sets : ndarray (n,), optional
        Outcome of every row, 0, 1, ..., where outcomes have several rows.
    """
    one = _unit_hashes(columns, levels, row_weight, unit_weight, sets, 1)
    if len(np.unique(one[0])) > WORTHWHILE * len(one[0]) and (
            len(np.unique(one[-1])) > WORTHWHILE * len(one[-1])):
        return None
    two = _unit_hashes(columns, levels, row_weight, unit_weight, sets, 2)
    representative: list[np.ndarray] = []
    weight: list[np.ndarray] = []
    above = None  # representative of the level above
    for index in range(len(levels) - 1, -1, -1):
        level = levels[index]
        own = np.ones(level.n_units) if unit_weight[index] is None else unit_weight[index]
        if above is None:
            parent = np.zeros(level.n_units, dtype=np.int64)
            inside = np.ones(level.n_units, dtype=bool)
        else:
            parent = above[level.parent]
            inside = parent == level.parent
        if index < len(levels) - 1 and unit_weight[index] is not None:
            key = mix(one[index] + _bits(own))  # siblings merge only with equal weights
        else:
            key = one[index]
        rep = _same(parent, key, two[index], inside)
        representative.insert(0, rep)
        weight.insert(0, np.bincount(rep[inside], own[inside], minlength=level.n_units))
        above = rep
    return Merge(tuple(representative), tuple(weight))
