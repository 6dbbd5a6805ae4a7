r"""Whether the parameters of a model are identified, before it is fitted.

With normal latent variables the distribution of the responses depends on the parameters through

.. math:: o_i, \quad \Sigma_{ii'} = a_i'a_{i'} \text{ (over the levels that rows share)}, \quad
          \phi_i

the fixed parts, variances and covariances of the linear predictors of rows of one unit, and the
auxiliary predictors (of a Gaussian row :math:`\Sigma_{ii} + \sigma_i^2` in the place of two).  Where
their Jacobian in the parameters has less than full rank at parameters at random, the model is not
identified, whatever the data.  What these moments cannot tell, as the variance of a random intercept
of binary responses with one row in a unit, the scores of the units do: a direction is flat where all
of them are orthogonal to it.

References
----------
Rothenberg, T. J. (1971). Identification in parametric models. Econometrica 39, 577-591.
"""
from __future__ import annotations

from dataclasses import dataclass, replace
import math

import numpy as np

from statsmodels_gllamm.estimation.sampling import some_rows, some_units
from statsmodels_gllamm.integration.chunks import build_problem
from statsmodels_gllamm.integration.engine_rows import EngineRows
from statsmodels_gllamm.integration.mode import ModeError
from statsmodels_gllamm.latent.hierarchy import Level, parent_units

SINGULAR = 1e-8  # singular values of the Jacobian, columns of length one, below which it is singular
SILENT = 1e-6  # the same of the units' scores
SHIFT = 0.3  # spread of the random parameters
POINTS = 2  # parameter values at which the rank is judged
ROWS, MORE_ROWS = 400, 6000  # sampled at first, and before a model is said not to be identified
SPREAD = 10  # rows of all units for every one whose covariances are looked at
IN_UNIT, APART = 24, 6  # rows of a top-level unit: the first ones, and some of the rest
SCORED, ENOUGH = 2000, 3  # rows whose units' scores are looked at, and units per parameter
NODES = 600  # of the quadrature by which scores are looked at
NEGLIGIBLE = 0.005  # share of the most important parameter of a direction
WORK = 4e7  # numbers in the derivatives of the sampled rows
PAIRS = 13  # of these by row besides loadings: an offset, and covariances with rows of its unit


@dataclass(frozen=True, slots=True)
class RowMoments:
    """Rows of some top-level units, sorted, and rows of all units, with what their moments are made of.

    Attributes
    ----------
    columns : ndarray (r, n)
        Row columns W of the rows whose covariances are looked at.
    codes : ndarray (L, n)
        Units of every level, from the bottom.
    gaussian : ndarray (n,)
        Auxiliary predictor that is the log sd of the row; -1 where the row is not Gaussian.
    single : tuple of (int, ndarray (r, p))
        Column of Psi, and a triangle with the same null space as the row columns of the rows that it
        has to do with by itself.
    items : ndarray (n,) or None
        Items of the rows, of whose ``pairs`` residuals are correlated.
    """

    columns: np.ndarray
    codes: np.ndarray
    gaussian: np.ndarray
    single: tuple
    items: np.ndarray | None = None
    pairs: tuple[tuple[int, int], ...] = ()


def sample_rows(structure, outcomes, most: int, rng) -> RowMoments:
    """About ``most`` engine rows of top-level units at random, and as many of all units."""
    levels, n = structure.engine_levels, len(structure.columns[0])
    codes = np.stack([level.codes for level in levels])
    chosen = np.zeros(levels[-1].n_units, dtype=bool)
    chosen[rng.permutation(levels[-1].n_units)[:max(most // 4, 1)]] = True
    rows = np.flatnonzero(chosen[codes[-1]])
    below = rng.random(levels[0].n_units)[codes[0, rows]]  # lower units at random, their rows together
    rows = rows[np.lexsort([rng.random(len(rows)), below, codes[-1, rows]])]
    top = codes[-1, rows]
    start = np.flatnonzero(np.concatenate([[True], top[1:] != top[:-1]]))
    size = np.diff(np.append(start, len(rows)))
    rank = np.arange(len(rows)) - np.repeat(start, size)
    rows = rows[(rank < IN_UNIT) | (np.repeat(size, size) - rank <= APART)][:most]
    gaussian, own = _aux_of_rows(outcomes, n)
    spread = rng.permutation(n)[:SPREAD * most]
    d = structure.design.n_latent
    single = [(0, _triangle(structure.columns, spread))]
    single += [(1 + d + a, _triangle(structure.columns, spread[mine[spread] & (gaussian[spread] != a)]))
               for a, mine in enumerate(own)]
    found = RowMoments(np.stack([c[rows] for c in structure.columns]), codes[:, rows], gaussian[rows],
                       tuple(single))
    residuals = structure.residuals
    return found if residuals is None else replace(
        found, items=residuals.labels[rows], pairs=residuals.pairs)


def _triangle(columns, rows) -> np.ndarray:
    """R' (r, p) of the QR factors of the row columns (n, r) of some rows."""
    return np.linalg.qr(np.stack([c[rows] for c in columns], axis=1), mode="r").T


def _aux_of_rows(outcomes, n) -> tuple[np.ndarray, np.ndarray]:
    gaussian, own = np.full(n, -1), np.zeros((len(outcomes.aux_names), n), dtype=bool)
    first = aux = 0
    for member in outcomes.members:
        rows, m = slice(first, first + member.y.shape[1]), len(member.response.aux_names)
        own[aux:aux + m, rows] = True
        if member.response.gaussian and m == 1:
            gaussian[rows] = aux
        first, aux = rows.stop, aux + m
    return gaussian, own


def moment_jacobian(design, working, rows: RowMoments, q) -> np.ndarray:
    """Derivatives of the moments in the coordinates (moments, f)."""
    k, d = len(working), sum(q)
    psi = design.psi(working)
    slope = np.zeros((k, *psi.shape))
    slope[(slice(None), *design.entries)] = design.jacobian(working).T
    value = np.einsum("rc,rn->cn", psi, rows.columns)
    change = np.einsum("krc,rn->kcn", slope, rows.columns, optimize=True)
    a, da = value[1:1 + d], change[:, 1:1 + d]
    level_of = np.repeat(np.arange(len(q)), q)
    i, j, lowest = _pairs(rows.codes)
    covariance = np.zeros((k, len(i)))
    for level in range(len(q)):
        at, dims = np.flatnonzero(lowest <= level), level_of == level
        p, r = i[at], j[at]
        covariance[:, at] += (da[:, dims][..., p] * a[dims][:, r]
                              + a[dims][:, p] * da[:, dims][..., r]).sum(axis=1)
    diagonal = np.flatnonzero((i == j) & (rows.gaussian[i] >= 0))
    if len(diagonal):
        n = i[diagonal]
        aux = 1 + d + rows.gaussian[n]
        covariance[:, diagonal] += 2 * np.exp(2 * value[aux, n]) * change[:, aux, n]
    for number, (one, two) in enumerate(rows.pairs):
        first, second = rows.items[i], rows.items[j]
        at = (lowest == 0) & (((first == one) & (second == two)) | ((first == two) & (second == one)))
        covariance[:, at] += slope[:, 0, psi.shape[1] - len(rows.pairs) + number, None]
    parts = [covariance, *(slope[:, :, column] @ triangle for column, triangle in rows.single)]
    return np.concatenate(parts, axis=1).T


def _pairs(codes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of rows i >= j of one top-level unit, and the lowest level that they share; a row shares
    the bottom level with itself.  ``codes`` (L, n), rows of a top-level unit together."""
    top = codes[-1]
    starts = np.flatnonzero(np.concatenate([[True], top[1:] != top[:-1]]))
    first, second = [], []
    for a, b in zip(starts, np.append(starts[1:], len(top))):
        i, j = np.tril_indices(b - a)
        first.append(i + a)
        second.append(j + a)
    i, j = np.concatenate(first), np.concatenate(second)
    lowest = np.full(len(i), len(codes) - 1)
    for level in range(len(codes) - 1, -1, -1):
        lowest[codes[level, i] == codes[level, j]] = level
    return i, j, lowest


def null_space(jacobian: np.ndarray, tolerance: float = SINGULAR) -> np.ndarray:
    """Directions (f, m) in which nothing changes, of a Jacobian (moments, f)."""
    length = np.sqrt((jacobian**2).sum(axis=0))
    scale = np.where(length > 0, length, 1.0)
    triangle = np.linalg.qr(np.vstack([jacobian / scale, np.zeros((len(length),) * 2)]), mode="r")
    _, values, vectors = np.linalg.svd(triangle)
    return (vectors[values < tolerance * max(values.max(initial=0.0), 1e-300)] / scale).T


def unidentified(structure, outcomes, design, start) -> np.ndarray:
    """Directions (k, m) of natural parameters in which the moments do not change; none: m = 0.

    Parameters
    ----------
    structure : Structure
    outcomes : Outcomes
    design : LatentDesign or ConstrainedDesign
        Of the search.
    start : ndarray (f,)
        Coordinates around which parameters are drawn.
    """
    none = np.zeros((0, 0))
    if not design.q or not len(start):
        return none
    found = none
    for most in (ROWS, MORE_ROWS):
        rng = np.random.default_rng(0)
        most = int(min(most, max(WORK / (len(start) * (PAIRS + sum(design.q))), 60)))
        rows = sample_rows(structure, outcomes, most, rng)
        for _ in range(POINTS):
            working = start + SHIFT * _spread(design, start) * rng.uniform(-1, 1, len(start))
            with np.errstate(all="ignore"):
                jacobian = moment_jacobian(design, working, rows, design.q)
            if not np.isfinite(jacobian).all():
                continue
            null = null_space(jacobian)
            if not null.shape[1]:
                return none
            found = _natural(design, working, jacobian, null)
    return found


def _spread(design, start) -> np.ndarray:
    """Sizes (f,) of the coordinates: those of a row of T are of the size of its diagonal."""
    size = 1 + np.abs(start)
    for s, c in design.cholesky_slices():
        diagonal = np.abs(np.diag(c.root(start[s])))
        size[s] = [diagonal[i] if diagonal[i] > 0 else 1.0 for i, _ in c.places()]
    return size


def points(q) -> tuple[int, ...] | None:
    """Points per level of ordinary quadrature for `silent`; None where they would be too many."""
    n = next((n for n in (15, 9, 5) if n ** sum(q) <= NODES), None)
    return None if n is None else (n,) * len(q)


def silent(make_objective, structure, design, rows: EngineRows, start) -> np.ndarray:
    """Directions (k, m) of natural parameters to which the scores of all units are orthogonal, at
    every one of some parameter values; of a sample of units first.

    Parameters
    ----------
    make_objective : callable
        Problem -> Objective, by ordinary quadrature with `points`.
    structure : Structure
    design : LatentDesign or ConstrainedDesign
        Of the search.
    rows : EngineRows
        Without weights.
    start : ndarray (f,)
    """
    levels, none = structure.engine_levels, np.zeros((0, 0))
    if not design.q or levels[-1].n_units < ENOUGH * len(start):
        return none
    n_nodes = math.prod(n**q for n, q in zip(points(design.q), design.q))
    for whole in (False, True):
        index = np.arange(rows.n) if whole else some_units(levels[-1], SCORED, ENOUGH * len(start))
        problem = build_problem(some_rows(rows, index, [c[index] for c in rows.columns]),
                                _levels_of(levels, index), n_nodes=n_nodes)
        found = _orthogonal(make_objective(problem), start)
        if not found.size or len(index) == rows.n:
            break
    return found


def _levels_of(levels, index) -> tuple[Level, ...]:
    """The levels of some rows, whole top-level units."""
    if len(index) == len(levels[0].codes):
        return levels
    codes = [np.unique(level.codes[index], return_inverse=True)[1] for level in levels]
    sizes = [int(c.max()) + 1 for c in codes]
    parents = [parent_units(c, n, up) for c, n, up in zip(codes, sizes, codes[1:])]
    return tuple(replace(level, codes=c, n_units=n, parent=parent)
                 for level, c, n, parent in zip(levels, codes, sizes, [*parents, None]))


def _orthogonal(objective, start) -> np.ndarray:
    rng, found = np.random.default_rng(0), np.zeros((0, 0))
    for _ in range(POINTS):
        spread = 0.2 * SHIFT * _spread(objective.design, start)
        working = start + spread * rng.uniform(-1, 1, len(start))
        try:
            scores = objective.at(working, units=True).unit_scores
        except ModeError:
            return np.zeros((0, 0))
        null = null_space(scores, SILENT)
        if not null.shape[1] or not scores.any(axis=0).all():  # zeros have underflown
            return np.zeros((0, 0))
        found = _natural(objective.design, working, scores, null)
    return found


def _natural(design, working, jacobian, null) -> np.ndarray:
    """Directions (k, m) of natural parameters, zero in those of no importance to the moments."""
    to_natural = design.natural_jacobian(working)
    found = sparse(to_natural @ null)
    length = np.sqrt(((jacobian @ np.linalg.pinv(to_natural))**2).sum(axis=0))
    importance = np.abs(found) * np.where(length > 0, length, length.max(initial=1.0))[:, None]
    return np.where(importance > NEGLIGIBLE * importance.max(axis=0), found, 0.0)


def sparse(directions: np.ndarray) -> np.ndarray:
    """A basis (k, m) of the same space with zeros where others have their largest element."""
    basis = directions.copy()
    for column in range(basis.shape[1]):
        pivot = int(np.argmax(np.abs(basis[:, column])))
        basis[:, column] /= basis[pivot, column]
        others = np.arange(basis.shape[1]) != column
        basis[:, others] -= np.outer(basis[:, column], basis[pivot, others])
    return basis / np.maximum(np.abs(basis).max(axis=0, initial=0.0), 1e-300)


def describe(direction: np.ndarray, names) -> str:
    """One direction (k,) in parameter names, and what to do."""
    inside = [(name, w) for name, w in zip(names, direction) if w]
    combination = " ".join(f"{w:+.2g} {name}" for name, w in inside)
    return (f"the model is not identified: the likelihood does not change in the direction "
            f"{combination}; {_advice([name for name, _ in inside])}")


def _advice(names) -> str:
    kinds = {name.partition("[")[0] for name in names if "[" in name}
    factors = dict.fromkeys(name[7:].partition(",")[0] for name in names if name.startswith("lambda["))
    if len(names) == 1:
        return "drop or fix it"
    if len(factors) > 1:
        return ("factors may be rotated into each other: fix loadings at zero so that each factor has "
                "items that no other has, or their covariances by covariances=")
    if factors and "logsd" in kinds:
        return (f"{next(iter(factors))} has too few items: fix another loading, for example "
                f"fit_constrained({{{next(n for n in names if n.startswith('lambda['))!r}: 1}})")
    if factors and kinds & {"var", "cov", "gamma", "b"}:
        return (f"fix a loading of {next(iter(factors))} at 1, or its variance by "
                "Factor(..., standardized=True)")
    if "cut" in kinds:
        return "thresholds take the place of a constant: drop that, or fix a threshold"
    if kinds & {"var", "cov", "logsd"}:
        return ("the data cannot tell these apart: drop a random term, or fix one of them with "
                "fit_constrained({name: value})")
    return f"drop one of them, or fix it: fit_constrained({{{names[-1]!r}: 0}})"
