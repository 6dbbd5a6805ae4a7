"""Starting values: the model without latent variables, then standard deviations on its scale."""
from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from statsmodels_gllamm.estimation.objective import Objective
from statsmodels_gllamm.estimation.optimize import maximize
from statsmodels_gllamm.integration.chunks import (
    EngineRows,
    build_problem,
    observe,
    one_of_every,
    some_outcomes,
    sorted_by_set,
)
from statsmodels_gllamm.integration.marginal import Task
from statsmodels_gllamm.integration.mode import ModeError
from statsmodels_gllamm.integration.observed import GRID, kernel_on_grid
from statsmodels_gllamm.latent.design import LatentDesign, Terms
from statsmodels_gllamm.parameters import Block, Layout
from statsmodels_gllamm.responses.sets import SetResponse

MIN_UNITS = 200  # top units from which starting variances come, at least
FAR = 3.0  # how far the model without latent variables may take an auxiliary parameter
MAX_SLOTS = 100  # loadings of a factor from which all products of scores are not formed
RANK_ONE = 30  # steps of a fit that starts at the first principal axis
RAISED = 60  # doublings of variances that fixed covariances ask for
FARTHEST = 50.0  # the largest loading to start from
MAX_ROWS = 20_000  # starting values come from about so many rows, from all stretches


@dataclass(frozen=True)
class Pooled:
    """The model without latent variables on some rows.

    ``rows`` are the engine rows whose first columns are the fixed part's (loadings at their
    starting values), ``design`` the map from its parameters, coefficients before auxiliary ones.
    """

    rows: EngineRows
    design: LatentDesign

    @property
    def exog(self) -> np.ndarray:
        """Fixed part's columns (n, p)."""
        return np.column_stack(self.rows.columns[:self.design.layout.blocks[0].size] or
                               [np.zeros((self.rows.n, 0))])

    def objective(self, linear_aux: bool) -> Objective:
        """Its log-likelihood."""
        task = Task((), (), self.design.entries)
        problem = build_problem(self.rows, (), n_nodes=1)
        return Objective(problem, task, self.design, linear_aux=linear_aux)


def pooled_model(structure, rows: EngineRows, loadings, index) -> Pooled:
    """The model without latent variables on the engine rows ``index``."""
    design = structure.design
    at = design.layout.positions("coef")
    exog = np.zeros((len(at), len(index)))
    for row, coef, slot in zip(design.fixed.row, design.fixed.index, design.fixed.slot):
        exog[coef] += loadings[slot] * structure.columns[row][index]
    used, place = np.unique(design.aux.row, return_inverse=True)
    columns = [*exog, *(structure.columns[row][index] for row in used)]
    p = len(at)
    coef, none = np.arange(p), np.zeros(0, dtype=np.int64)
    aux = replace(design.aux, row=place + p)
    entries = (np.concatenate([coef, aux.row]), np.concatenate([0 * coef, 1 + aux.slot]))
    layout = Layout((Block("coef", tuple(f"x{i}" for i in coef)),
                     Block("aux", tuple(f"aux{i}" for i in design.layout.positions("aux")))))
    small = LatentDesign(layout, (), (), len(columns), design.n_aux, Terms(coef, coef, 0 * coef),
                         Terms(none, none, none), aux, np.ones(1), entries)
    return Pooled(some_rows(rows, index, columns), small)


def some_rows(rows: EngineRows, index, columns) -> EngineRows:
    """The engine rows ``index`` (ascending in every member) with other columns."""
    def cut(x):
        return None if x is None else x[index]

    if len(rows.members) == 1:
        members = ((rows.members[0][0], np.ascontiguousarray(rows.members[0][1][:, index])),)
    else:
        members, first = [], 0
        for response, y in rows.members:
            here = index[(index >= first) & (index < first + y.shape[1])] - first
            members.append((response, y[:, here]))
            first += y.shape[1]
    sets = cut(rows.sets)
    if sets is not None:
        sets = np.unique(sets, return_inverse=True)[1]
    return EngineRows(tuple(members), columns, cut(rows.offset), sets, cut(rows.row_weight))


def constant_predictor(response, y) -> np.ndarray:
    """A linear predictor (n,) to start from: the (log) responses of a Gaussian model, else the
    constant of a grid (powers, and functions of the mean response) with the highest likelihood; zero
    for outcomes of several rows."""
    n = y.shape[1]
    if isinstance(response, SetResponse) or not n:
        return np.zeros(n)
    if response.gaussian:
        return response.transformed(y[0])
    some = y[:, :: max(1, n // 500)]
    middle = float(np.mean(some[0]))
    grid = GRID
    if middle > 0:
        grid = np.concatenate([grid, [middle, 1 / middle, middle**-2, np.log(middle), middle**0.5]])
    aux = np.repeat(_aux_constants(response, some, np.full(some.shape[1], middle))[:, None],
                    some.shape[1], axis=1)
    with np.errstate(over="ignore", invalid="ignore"):
        phi = response.row_aux(some, aux)
        value = kernel_on_grid(response, some, phi, grid).sum(axis=1)
    return np.full(n, grid[np.argmax(np.where(np.isfinite(value), value, -np.inf))])


def _aux_constants(response, y, mu) -> np.ndarray:
    """Starting values (m,) of a response's auxiliary predictors."""
    return np.atleast_1d(response.aux_start(y, mu))[:len(response.aux_names)]


def least_squares(x, y) -> np.ndarray:
    """Coefficients (p,) from the normal equations: quick, and good enough to start from."""
    return np.linalg.pinv(x.T @ x, hermitian=True) @ (x.T @ y)


def pooled_start(pooled: Pooled, linear_aux: bool) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (p,) and auxiliary parameters (k,) of the model without latent variables."""
    shift, pooled_exog = None, pooled.exog
    if all(response.takes_constant for response, _ in pooled.rows.members):
        pooled, shift = _centred(pooled)
    rows, design, exog = pooled.rows, pooled.design, pooled.exog
    p = exog.shape[1]
    start = np.zeros(design.layout.size)
    if not len(start):
        return start, start
    offset = 0.0 if rows.offset is None else rows.offset
    nu = np.concatenate([constant_predictor(response, y) for response, y in rows.members])
    if p:
        start[:p] = least_squares(exog, nu - offset)
    if design.n_aux:
        start[p:] = _aux_parameters(pooled, exog @ start[:p] + offset)
    try:
        found = maximize(pooled.objective(linear_aux), start, tol=1e-4, maxiter=30).point.working
    except (ModeError, np.linalg.LinAlgError):
        found = start
    aux = np.clip(found[p:], start[p:] - FAR, start[p:] + FAR)  # they may have run off
    if shift is not None and p:
        aux = aux + shift * (pooled_exog.mean(axis=0) @ found[:p])
    return found[:p], aux


def _centred(pooled: Pooled) -> tuple[Pooled, np.ndarray]:
    """The model with fixed columns less their means, and the auxiliary parameters (k,) that add one
    to all thresholds: these take the place of a constant."""
    design, p = pooled.design, pooled.design.layout.blocks[0].size
    columns = list(pooled.rows.columns)
    columns[:p] = [column - column.mean() for column in columns[:p]]
    shift, count = np.zeros(design.layout.blocks[1].size), np.zeros(design.layout.blocks[1].size)
    names = [name for response, _ in pooled.rows.members for name in response.aux_names]
    for a, name in enumerate(names):
        mine = design.aux.slot == a
        if name.startswith("cut") and mine.any():
            x = np.column_stack([pooled.rows.columns[row] for row in design.aux.row[mine]])
            np.add.at(shift, design.aux.index[mine], least_squares(x, np.ones(len(x))))
            np.add.at(count, design.aux.index[mine], 1.0)
    return replace(pooled, rows=replace(pooled.rows, columns=columns)), shift / np.maximum(count, 1)


def _aux_parameters(pooled: Pooled, fitted) -> np.ndarray:
    """Auxiliary parameters (k,) that make constant auxiliary predictors of their starting values."""
    rows, design = pooled.rows, pooled.design
    values, first = [], 0
    for response, y in rows.members:
        n, m = y.shape[1], len(response.aux_names)
        if m and n:
            mu = _fitted_mean(response, fitted[first:first + n], y)
            values.append(_aux_constants(response, y, mu))
        else:
            values.append(np.zeros(m))
        first += n
    values = np.concatenate(values)
    k = design.layout.blocks[1].size
    total, count = np.zeros(k), np.zeros(k)
    for a in range(design.n_aux):
        mine = design.aux.slot == a
        if not mine.any():
            continue
        x = np.column_stack([rows.columns[row] for row in design.aux.row[mine]])
        np.add.at(total, design.aux.index[mine], values[a] * least_squares(x, np.ones(len(x))))
        np.add.at(count, design.aux.index[mine], 1.0)
    return total / np.maximum(count, 1.0)


def _fitted_mean(response, nu, y) -> np.ndarray:
    """Means (n,) to start auxiliary parameters from; nu itself where there are none."""
    if isinstance(response, SetResponse):
        return nu
    try:
        return response.mean(nu, np.zeros((len(response.aux_names), len(nu))), y)
    except NotImplementedError:  # a user's density without a mean
        return nu


def start_values(structure, rows: EngineRows, linear_aux=True) -> np.ndarray:
    """Working coordinates (k,) to start from.

    Free loadings start at moment estimates from the products of scores, or at one; covariances at
    zero; variances at the moment estimate that the scores of the model without latent variables
    give: with S the sum of z s over a unit and I that of z W z, E(S^2) is about I + I^2 v for a
    latent variable of variance v.
    """
    design = structure.design
    working = np.zeros(design.layout.size)
    loadings = np.where(np.isnan(design.loadings), 1.0, design.loadings)
    working[design.layout.positions("lambda")] = 1.0
    index, _ = some_outcomes(rows, MAX_ROWS)
    beta, aux = pooled_start(pooled_model(structure, rows, loadings, np.sort(index)), linear_aux)
    working[design.layout.positions("coef")] = beta
    if design.n_latent:
        scores = Scores(structure, rows, loadings, beta, aux)
        free = np.isnan(design.loadings)
        loadings, known = _start_loadings(scores, loadings, free)
        working[design.layout.positions("lambda")] = loadings[free]
        variances, share = _moments(scores, loadings, known)
        first = 0
        for s, c in design.cov_slices():
            working[s] = _start_covariance(c, variances[first:first + c.q])
            first += c.q
        if all(response.gaussian for response, _ in rows.members):
            shift = _unit_shift(design, structure, np.sort(index))
            aux = aux + 0.5 * np.log(max(1 - share, 0.2)) * shift
    working[design.layout.positions("aux")] = aux
    return working


def _start_covariance(c, variances) -> np.ndarray:
    """Working coordinates of a covariance matrix with given variances (q,) and no free covariances;
    variances rise until it is positive definite beside fixed covariances."""
    if not c.direct:
        return np.array([np.sqrt(variances[i]) if i == j else 0.0 for i, j in c.pairs()])
    natural = np.array([variances[i] if i == j else 0.0 for i, j in c.pairs()])
    for _ in range(RAISED):
        if np.isfinite(c.root(natural)).all():
            break
        natural = 2 * natural
    return natural


def _unit_shift(design, structure, index) -> np.ndarray:
    """Auxiliary parameters (k,) that add one to the first auxiliary predictor of the rows ``index``."""
    out = np.zeros(design.layout.positions("aux").size)
    mine = design.aux.slot == 0
    if not mine.any():  # a standard deviation of one
        return out
    x = np.column_stack([structure.columns[row][index] for row in design.aux.row[mine]])
    out[design.aux.index[mine]] = least_squares(x, np.ones(len(x)))
    return out


def _some_units(level) -> np.ndarray:
    """Rows of about ``MAX_ROWS`` rows' worth of top units, one at random of every stretch, since
    groups may take turns; all where units are few."""
    thin = -(-len(level.codes) // MAX_ROWS)
    if thin == 1 or level.n_units < MIN_UNITS * thin:
        return np.arange(len(level.codes))
    chosen = np.zeros(level.n_units, dtype=bool)
    chosen[one_of_every(thin, level.n_units)] = True
    return np.flatnonzero(chosen[level.codes])


class Scores:
    """Scores and informations of the model without latent variables, summed over units."""

    def __init__(self, structure, rows: EngineRows, loadings, beta, aux) -> None:
        levels = structure.engine_levels
        index, sets = _some_units(levels[-1]), None
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


def _start_loadings(scores: Scores, loadings, free) -> tuple[np.ndarray, dict[int, float]]:
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


def _moments(scores: Scores, loadings, known):
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
