r"""Which latent variables the rows of a top-level unit depend on, and through which responses.

With a_id the loading of row i on the spherical latent variable u_d, a unit's u_d is

    untouched   a_id = 0 in all its rows: standard normal whatever the responses;
    normal      a_id = 0 but in rows whose log density is quadratic in the predictor;
    full        otherwise.

A normal one is, given all other latent variables, exactly normal: eliminated first, it is integrated
exactly by one point at its conditional mode.  Above the bottom level that takes besides that no
path of common rows leads from it, through normal ones of the levels below, to a full one there:
integrated over that, the density would be a mixture of normals.
"""
from __future__ import annotations

from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
import math

import numpy as np

from statsmodels_gllamm.integration.rules import fifth_degree

UNTOUCHED, NORMAL, FULL = 0, 1, 2
TYPICAL = 7  # points by which the cost of a kind of unit is judged
OVERHEAD = 20_000  # what a chunk costs at least, in rows x nodes x arrays
CANDIDATES = 32  # kinds, those of most rows, that a rare one may be joined with


@dataclass(frozen=True)
class Reach:
    """The kinds of top-level units of a data set.

    Attributes
    ----------
    q : tuple of int
        Latent variables per level.
    entries : (ndarray (E,), ndarray (E,))
        Rows and columns of Psi that are used.
    kinds : ndarray (S, D)
        UNTOUCHED, NORMAL or FULL.
    unit : ndarray (n_top,)
        Kind of every top-level unit.
    """

    q: tuple[int, ...]
    entries: tuple[np.ndarray, np.ndarray]
    kinds: np.ndarray
    unit: np.ndarray

    def counts(self, kind: int = FULL) -> tuple[tuple[int, ...], ...]:
        """Latent variables of a sort per level, for every kind of unit; each combination once."""
        return tuple(dict.fromkeys(_per_level(row == kind, self.q) for row in self.kinds))

    def n_nodes(self, n_quad) -> int:
        """The largest number of nodes that an evaluation with its information needs."""
        def nodes(row):
            full, normal = _per_level(row == FULL, self.q), _per_level(row == NORMAL, self.q)
            several = max(n_quad) > 1
            return math.prod(n**k * (len(fifth_degree(m)[1]) if several and m else 1)
                             for n, k, m in zip(n_quad, full, normal))

        return max(nodes(row) for row in self.kinds)


@dataclass(frozen=True, slots=True)
class Active:
    """What the units of a chunk touch: ``kinds`` (D,) of the latent variables, for `Reach`.q and
    .entries; which of the row columns are not zero, ``columns`` (r,)."""

    kinds: np.ndarray
    columns: np.ndarray
    reach: Reach = field(repr=False)

    def fits(self, task) -> bool:
        """Whether a task integrates over these latent variables."""
        one, two = self.reach.entries, task.entries
        return self.reach.q == tuple(task.q) and (
            one is two or (np.array_equal(one[0], two[0]) and np.array_equal(one[1], two[1])))


def _per_level(mask, q) -> tuple[int, ...]:
    return tuple(int(part.sum()) for part in np.split(mask, np.cumsum(q)[:-1])) if q else ()


def find_reach(rows, levels, q, entries) -> Reach:
    """The kinds of the top-level units.

    Parameters
    ----------
    rows : EngineRows
    levels : tuple of Level
        From the bottom to the top, with codes of the engine rows.
    q, entries
        As of `Reach`.
    """
    q, n_latent = tuple(q), sum(q)
    touched, n_top = _touched(rows, n_latent, entries), levels[-1].n_units
    top, gaussian = levels[-1].codes, rows.gaussian
    kinds = np.zeros((n_top, n_latent), dtype=np.int8)
    for d, mask in enumerate(touched):
        if mask is None and not gaussian.any():
            kinds[:, d] = FULL
            continue
        mask = slice(None) if mask is None else mask
        kinds[top[mask], d] = NORMAL
        kinds[top[mask][~gaussian[mask]], d] = FULL
    distinct, unit = _distinct(kinds)
    share = None
    if len(q) > 1 and (distinct == NORMAL).any() and (distinct == FULL).any():
        share = _common_rows(touched)
    distinct, unit = _joined(distinct, unit, np.bincount(top, minlength=n_top), q, share)
    return Reach(q, entries, distinct, unit)


def _touched(rows, n_latent, entries):
    """Rows (n,) whose loading on each latent variable can differ from zero; None for all rows.

    Rows of one outcome count together.
    """
    nonzero, out = {}, []
    for d in range(n_latent):
        total = None
        for r in entries[0][entries[1] == 1 + d]:
            if r not in nonzero:
                mask = rows.columns[r] != 0
                nonzero[r] = None if mask.all() else mask
            if nonzero[r] is None:
                total = None
                break
            total = nonzero[r] if total is None else total | nonzero[r]
        else:
            total = np.zeros(rows.n, dtype=bool) if total is None else total
            if rows.sets is not None:
                some = np.zeros(int(rows.sets.max()) + 1, dtype=bool)
                some[rows.sets[total]] = True
                total = some[rows.sets]
        out.append(total)
    return out


def _common_rows(touched) -> np.ndarray:
    """Whether two latent variables (D, D) touch a row together."""
    share = np.ones((len(touched),) * 2, dtype=bool)
    for d, one in enumerate(touched):
        for e, two in enumerate(touched[:d]):
            if one is not None and two is not None:
                share[d, e] = share[e, d] = (one & two).any()
    return share


def _distinct(kinds: np.ndarray):
    """The distinct rows (S, D) of ``kinds`` (G, D), and which of them every row is."""
    label = np.zeros(len(kinds), dtype=np.int64)
    for column in kinds.T:
        if (column != column[0]).any():
            label = np.unique(3 * label + column, return_inverse=True)[1]
    _, first, unit = np.unique(label, return_index=True, return_inverse=True)
    return kinds[first], unit


def resolved(kinds: np.ndarray, q, share) -> np.ndarray:
    """Kinds (D,) where normal ones that a full one of a level below makes non-normal are full."""
    kinds, first = kinds.copy(), 0
    for k in q:
        for d in range(first, first + k):
            if first and kinds[d] == NORMAL:
                found = _reached(d, kinds, share, first)
                if (kinds[found] == FULL).any():
                    kinds[d] = FULL
        first += k
    return kinds


def _reached(d: int, kinds, share, below: int) -> list[int]:
    """Latent variables of the levels below that ``d`` shares rows with, also through normal ones."""
    found, new = set(), [d]
    while new:
        one = new.pop()
        for e in np.flatnonzero(share[one, :below] & (kinds[:below] != UNTOUCHED)):
            if e not in found:
                found.add(int(e))
                if kinds[e] == NORMAL:
                    new.append(int(e))
    return sorted(found)


@dataclass(frozen=True)
class _Group:
    """Some kinds of units together: their union as it is and as `resolved`, rows, which kinds, cost."""

    raw: np.ndarray
    kinds: np.ndarray
    n_rows: int
    members: tuple[int, ...]

    @property
    def cost(self) -> float:
        return self.n_rows * TYPICAL ** int((self.kinds == FULL).sum()) * (
            3 + int((self.kinds != UNTOUCHED).sum()))


def _joined(kinds, unit, n_rows, q, share):
    """Kinds and units again, rare kinds joined with others where a chunk of their own is dearer."""
    def group(raw, n, members):
        return _Group(raw, raw if share is None else resolved(raw, q, share), n, members)

    sizes = np.bincount(unit, n_rows, len(kinds))
    queue = [(g.cost, s, g) for s, g in enumerate(
        group(one, int(n), (s,)) for s, (one, n) in enumerate(zip(kinds, sizes)))]
    heapify(queue)
    done: list[_Group] = []
    while queue:
        cost, _, rare = heappop(queue)
        others = done + [g for _, _, g in queue]
        if cost >= OVERHEAD or not others:
            done.append(rare)
            continue
        others = sorted(others, key=lambda g: -g.n_rows)[:CANDIDATES]
        unions = [group(np.maximum(rare.raw, g.raw), rare.n_rows + g.n_rows,
                        rare.members + g.members) for g in others]
        extra = [u.cost - g.cost - cost for u, g in zip(unions, others)]
        best = int(np.argmin(extra))
        if extra[best] > OVERHEAD:
            done.append(rare)
            continue
        done = [g for g in done if g is not others[best]]
        queue = [item for item in queue if item[2] is not others[best]]
        heapify(queue)
        heappush(queue, (unions[best].cost, min(unions[best].members), unions[best]))
    number = np.empty(len(kinds), dtype=np.int64)
    for new, g in enumerate(done):
        number[list(g.members)] = new
    return np.stack([g.kinds for g in done]), number[unit]
