"""Variances at zero and correlations at one: where a Cholesky column vanishes.

The log-likelihood is even in a column of T that is zero, so such a point is stationary in it and
the other parameters have ordinary standard errors given the boundary.
"""
from __future__ import annotations

from contextlib import contextmanager

import numpy as np

from statsmodels_gllamm.estimation.objective import Objective, Point
from statsmodels_gllamm.estimation.optimize import evaluate_for_search
from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.integration.mixture import NodeStates
from statsmodels_gllamm.integration.mode import ModeError
from statsmodels_gllamm.latent.covariance import Covariance
from statsmodels_gllamm.latent.signs import canonical_signs

TINY = 1e-4  # a standard deviation so small that the log-likelihood does not see it
LOST = 1e-3  # a Cholesky column below this share of its scale is as good as zero
SINGULAR = 1e-4  # smallest eigenvalue of a correlation matrix below which it is singular
SMALL = 0.1  # a diagonal below this share of its scale is tried at zero


def canonical(design, working: np.ndarray, state):
    """The same parameters with non-negative Cholesky diagonals and positive sums of free loadings,
    and the modes to go with them.

    A column of T and the latent variable u that it multiplies change sign together.  Modes of the
    components of a mixture are left out.
    """
    given, working, signs = working, working.copy(), []
    for (s, c), (_, whole) in zip(design.cov_slices(), design.inner.cov_slices()):
        signs.append(np.ones(whole.q))
        if c.direct:
            continue
        sign = np.where(np.diag(c.root(working[s])) < 0, -1.0, 1.0)
        working[s] *= [sign[j] for _, j in c.places()]
        signs[-1][[whole.names.index(name) for name in c.names]] = sign
    working, turned = canonical_signs(design.flips, working)
    if isinstance(state, NodeStates):
        return working, state if np.array_equal(working, given) else None
    signs = np.concatenate([np.ones(0), *signs]) * turned
    if (signs > 0).all():
        return working, state
    signs = np.split(signs, np.cumsum(design.q)[:-1])
    flipped = tuple(tuple(u * sign[:, None] for u, sign in zip(modes, signs)) for modes in state)
    return working, flipped


def zero_coordinates(design, working: np.ndarray) -> np.ndarray:
    """Positions of the working coordinates whose Cholesky column is zero."""
    found = []
    for s, c in design.cholesky_slices():
        root = c.root(working[s])
        for position, (_i, j) in zip(range(s.start, s.stop), c.places()):
            if c.fixed[j] is None and not root[:, j].any():
                found.append(position)
    return np.array(found, dtype=int)


def lost_columns(design, working: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Positions of the Cholesky columns whose largest element is below ``LOST`` of its ``scale``."""
    found = []
    for s, c in design.cholesky_slices():
        pairs, place = c.places(), np.arange(s.start, s.stop)
        for j in range(c.q):
            mine = [k for k, pair in zip(place, pairs) if pair[1] == j]
            diagonal = [k for k, pair in zip(place, pairs) if pair == (j, j)]
            if diagonal and c.fixed[j] is None and (
                    np.abs(working[mine]).max() < LOST * scale[diagonal[0]]):
                found += mine
    return np.array(found, dtype=int)


def describe(design, working: np.ndarray) -> tuple[str, ...]:
    """What is at a boundary, in words, one sentence part per vanishing Cholesky column."""
    notes = []
    full = design.full(working)
    for (s, c), (_, left) in zip(design.inner.cov_slices(), design.cov_slices()):
        root = c.root(full[s])
        if c.direct:
            if (np.diag(root) < 1e-3 * np.sqrt((root**2).sum(axis=1))).any():
                notes.append(f"the covariance matrix of {', '.join(c.names)} is singular")
            continue
        for place, j in enumerate(c.sequence):
            fixed, norm = c.fixed[j] is not None, np.sqrt(root[j] @ root[j])
            if c.names[j] not in left.names:  # zero by a constraint
                continue
            names = [c.names[m] for m in sorted(c.sequence[:place + 1])]
            if fixed and norm and root[j, j] < 1e-3 * norm:
                notes.append(f"the covariance matrix of {', '.join(names)} is singular")
            if fixed or root[:, j].any() or (c.kind == "identity" and j):
                continue
            if not root[j].any():
                notes.append(f"the variance of {c.names[j]} is zero")
            elif place == 1:
                sign = "minus " if root[c.sequence[0]] @ root[j] < 0 else ""
                notes.append(f"the correlation of {names[0]} and {names[1]} is {sign}one")
            else:
                notes.append(f"the covariance matrix of {', '.join(names)} is singular")
    return tuple(notes)


@contextmanager
def explained(design, reached):
    """Turn a failed evaluation into an error that names the covariance matrix, where one with direct
    coordinates is singular.

    ``reached`` is a list of one: the coordinates of the last point of the search.
    """
    try:
        yield
    except ModeError as error:
        full = design.full(reached[0])
        for s, c in design.inner.cov_slices():
            if not c.direct:
                continue
            psi = c.matrix(full[s])
            scale = np.sqrt(np.diag(psi))
            if scale.all() and np.linalg.eigvalsh(psi / np.outer(scale, scale))[0] > SINGULAR:
                continue
            values = ", ".join(f"{name} = {value:.3g}"
                               for name, value in zip(c.parameter_names(), full[s]))
            raise DataError(
                f"the search came to a singular covariance matrix of {', '.join(c.names)} ({values}), "
                "beyond which it cannot go under the constraints or the pattern of that matrix: fix "
                "the variance that vanishes at zero, with its covariances, or leave its latent "
                "variable or the constraints out; where constraints only set covariances to zero, "
                "give them as covariances={group: pattern}") from error
        raise


def leave(design, working: np.ndarray, size=None) -> np.ndarray:
    """The coordinates with vanishing Cholesky columns moved to a diagonal of ``size`` (k,).

    In natural parameters the score at a variance of zero is one-sided; a size of ``TINY``, the
    default, gives it with an error of the order of the square of ``TINY``.
    """
    out = working.copy()
    for s, c in design.cholesky_slices():
        root = c.root(working[s])
        for position, (i, j) in zip(range(s.start, s.stop), c.pairs()):
            if i == j and c.fixed[j] is None and not root[:, j].any():
                out[position] = TINY if size is None else size[position]
    return out


def _with_zero(c: Covariance, working: np.ndarray, column: int) -> np.ndarray:
    out = working.copy()
    for place, (_i, j) in enumerate(c.places()):
        if j == column:
            out[place] = 0.0
    return out


def snap(objective: Objective, point: Point, scale: np.ndarray, tol: float) -> Point:
    """The point with every Cholesky column at zero whose removal loses no log-likelihood.

    ``scale`` (k,) gives the size of a working coordinate that is not small.
    """
    design = objective.design
    for s, c in design.cholesky_slices():
        for place, (i, j) in enumerate(c.pairs()):
            if i != j or c.fixed[i] is not None:
                continue
            working = point.working
            row = np.sqrt(sum(working[s][p] ** 2 for p, (a, _) in enumerate(c.places()) if a == i))
            size = abs(working[s][place])
            if size == 0 or size > SMALL * max(row, abs(scale[s][place])):
                continue
            trial = working.copy()
            trial[s] = _with_zero(c, working[s], j)
            try:
                new = evaluate_for_search(objective, trial, point.value.state)
            except ModeError:
                continue
            if new.loglik >= point.loglik - tol:
                point = new
    return point


def collapsed(design, working: np.ndarray, scale: np.ndarray):
    """Nearby points where a latent variable of small variance has none, or copies another one.

    Where row i of T is small, the split of the others' rows between column i and their own is not
    seen by the likelihood, and no single column need vanish.
    """
    for s, c in design.cholesky_slices():
        if c.kind != "unstructured" or c.q == 1:
            continue
        root = c.root(working[s])
        place = {pair: k for k, pair in enumerate(c.pairs())}
        for i in range(c.q):
            size = np.sqrt(root[i] @ root[i])
            if c.fixed[i] is not None or not 0 < size < SMALL * abs(scale[s][place[i, i]]):
                continue
            others = [j for j in range(c.q) if j != i and root[j].any()]
            cosine = [root[j] @ root[i] / np.sqrt(root[j] @ root[j]) for j in others]
            rows = [np.zeros(c.q)]
            if others:
                best = int(np.argmax(np.abs(cosine)))
                j = others[best]
                rows.append(np.copysign(size, cosine[best]) * root[j] / np.sqrt(root[j] @ root[j]))
            for row in rows:
                t = root.copy()
                t[i] = row
                psi = t @ t.T
                if any(psi[pair] for pair in c.zeros):
                    continue
                out = working.copy()
                out[s] = c.working(np.array([psi[a, b] for a, b in c.pairs()]))
                yield out
