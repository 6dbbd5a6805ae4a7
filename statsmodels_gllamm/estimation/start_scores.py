r"""Moment estimates of loadings and variances from the scores of the model without latent variables.

With S the sum of z s over a unit and I that of z W z, E(S^2) is about I + I^2 v for a latent variable
of variance v that is multiplied by z; products of the scores of different loadings tell their sizes.
"""
from __future__ import annotations

import numpy as np

from statsmodels_gllamm.estimation.pooled import pooled_model
from statsmodels_gllamm.estimation.sampling import some_units
from statsmodels_gllamm.integration.engine_rows import EngineRows, observe, sorted_by_set

MIN_UNITS = 200  # top units from which starting variances come, at least
MAX_ROWS = 20_000  # they come from about so many rows, from all stretches
MAX_SLOTS = 100  # loadings of a factor from which all products of scores are not formed
RANK_ONE = 30  # steps of a fit that starts at the first principal axis
FARTHEST = 50.0  # the largest loading to start from


class Scores:
    """Scores and informations of the model without latent variables, summed over units."""

    def __init__(self, structure, rows: EngineRows, loadings, beta, aux) -> None:
        levels = structure.engine_levels
        index, sets = some_units(levels[-1], MAX_ROWS, MIN_UNITS), None
        if rows.sets is not None:
            index, sets = sorted_by_set(index, rows.sets)
        small = pooled_model(structure, rows, loadings, index)
        psi = small.design.psi(np.concatenate([beta, aux]))
        o, *predictors = psi.T @ np.stack(small.rows.columns) if small.rows.columns else [
            np.zeros(len(index))]
        nu = o if small.rows.offset is None else o + small.rows.offset
        observed = observe(rows, index, sets)
        phi = observed.row_aux(np.stack(predictors) if predictors else np.zeros((0, len(nu))))
        with np.errstate(all="ignore"):
            self.local = observed.local(nu, phi)
            self.score = np.nan_to_num(self.local.first, posinf=0.0, neginf=0.0)
        self.structure, self.index = structure, index
        # a Gaussian response may be measured (all but) without error, if its deviation is given
        self.most = 1e8 if any(response.gaussian for response, _ in rows.members) else 1e4
        design = structure.design
        level_of = np.repeat(np.arange(len(design.q)), design.q)
        self.level_of, self.codes = level_of, [levels[k].codes[index] for k in level_of]

    def column(self, m: int, loadings) -> np.ndarray:
        """What multiplies latent variable m in every row (n,)."""
        latent = self.structure.design.latent
        inside = latent.index == m
        return sum((loadings[slot] * self.structure.columns[row][self.index]
                    for row, slot in zip(latent.row[inside], latent.slot[inside])),
                   np.zeros(len(self.index)))

    def sums(self, m: int, z) -> tuple[np.ndarray, np.ndarray]:
        """Score S and information I of each unit of latent variable m, for its column z (n,)."""
        return (np.bincount(self.codes[m], z * self.score),
                np.bincount(self.codes[m], _information(z, self.local)))


def start_loadings(scores: Scores, loadings, free) -> tuple[np.ndarray, dict[int, float]]:
    """Loadings, and the variances (by latent variable) that go with them.

    With S_j and I_j the score and information of a unit in the part of a latent variable that loading
    j multiplies, E(S_j S_k) is about l_j l_k I_j I_k for j != k, l = lambda sd.
    """
    out, latent, variances, done = loadings.copy(), scores.structure.design.latent, {}, set()
    for m in range(len(scores.level_of)):
        slots = np.unique(latent.slot[latent.index == m])
        if not free[slots].any() or done & set(slots) or not 2 <= len(slots) <= MAX_SLOTS:
            continue
        done |= set(slots[free[slots]])
        if len(slots) == 2:  # one product tells a sign: with the wrong one the variance goes to zero
            (one, two), _ = _slot_sums(scores, m, slots)
            against = (one @ two) * np.prod(loadings[slots]) < 0
            out[slots[free[slots]][-1:]] *= -1.0 if against else 1.0
            continue
        size = _sizes(scores, m, slots)
        if size is None:
            continue
        known = ~free[slots]
        sd = 1.0
        if known.any():
            sd = float(np.mean(np.abs(size[known] / loadings[slots[known]])))
            sign = np.sign(np.sum(size[known] * loadings[slots[known]]))
        else:
            sign = np.sign(size.sum())
        if sd > 0 and sign:
            out[slots[~known]] = np.clip(sign * size[~known] / sd, -FARTHEST, FARTHEST)
            variances[m] = sd * sd
    return out, variances


def _slot_sums(scores: Scores, m: int, slots) -> tuple[np.ndarray, np.ndarray]:
    """Scores and informations (k, units) of the parts of latent variable m that loadings multiply."""
    units = []
    for slot in slots:
        only = np.zeros(len(scores.structure.design.loadings))
        only[slot] = 1.0
        units.append(scores.sums(m, scores.column(m, only)))
    s, i = (np.stack(x) for x in zip(*units))
    return s, i


def _sizes(scores: Scores, m: int, slots) -> np.ndarray | None:
    """l (k,), by a rank-one fit to the products of different scores; None where they do not fit."""
    s, i = _slot_sums(scores, m, slots)
    known = i @ i.T
    c = np.where(known > 0, (s @ s.T) / np.where(known > 0, known, 1.0), 0.0)
    off = ~np.eye(len(slots), dtype=bool) & (known > 0)
    c = np.where(off, c, 0.0)
    values, vectors = np.linalg.eigh(c)
    if values[-1] <= 0:
        return None
    size = vectors[:, -1] * np.sqrt(values[-1])
    for _ in range(RANK_ONE):
        weight = off @ size**2
        if not (weight > 0).all():
            return None
        size = 0.5 * size + 0.5 * (c @ size) / weight
    rest = np.where(off, c - np.outer(size, size), 0.0)
    return size if (rest**2).sum() < 0.5 * (c**2).sum() else None


def start_variances(scores: Scores, loadings, known):
    """Variances (D,), ``known`` by latent variable or moment estimates, and the share of a Gaussian
    response's variance that they explain."""
    level_of = scores.level_of
    estimates, floors, squares = (np.empty(len(level_of)) for _ in range(3))
    for m in range(len(level_of)):
        z = scores.column(m, loadings)
        s, i = scores.sums(m, z)
        estimates[m] = (s @ s - i.sum()) / max(i @ i, 1e-300)
        floors[m] = 0.01 / (i.sum() / len(z) or 1.0)  # no row here may depend on it
        squares[m] = np.mean(z * z)
    for m in range(len(level_of)):
        above = [estimates[k] for k in range(m + 1, len(level_of)) if level_of[k] > level_of[m]]
        estimates[m] -= max([0.0, *above])
    variances = np.clip(estimates, floors, scores.most * floors)
    for m, value in known.items():
        variances[m] = value
    total = 1.0 / max(np.mean(_information(np.ones(len(scores.index)), scores.local)), 1e-300)
    return variances, float(np.sum(variances * squares) / total)


def _information(z, local) -> np.ndarray:
    """z W z at every row (n,), zero where it is not a number."""
    with np.errstate(all="ignore"):
        value = z * local.ascent(z)
    return np.where(np.isfinite(value), value, 0.0)
