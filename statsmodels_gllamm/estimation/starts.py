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
NEAR = 0.25, 4.0  # moment estimates of loadings between these start at one
FARTHEST = 50.0  # the largest loading to start from
MAX_ROWS = 20_000  # starting values come from about so many rows, evenly spaced


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
    return Pooled(_some(rows, index, columns), small)


def _some(rows: EngineRows, index, columns) -> EngineRows:
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
    return found[:p], np.clip(found[p:], start[p:] - FAR, start[p:] + FAR)  # they may have run off


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

    Free loadings start at one, or at a moment estimate where that is far from one; covariances at
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
        loadings = _start_loadings(scores, loadings, free)
        working[design.layout.positions("lambda")] = loadings[free]
        variances, share = _moments(scores, loadings)
        first = 0
        for s, c in design.cov_slices():
            working[s] = [np.sqrt(variances[first + i]) if i == j else 0.0 for i, j in c.pairs()]
            first += c.q
        if all(response.gaussian for response, _ in rows.members):
            aux = aux + 0.5 * np.log(max(1 - share, 0.2)) * _unit_shift(design, structure)
    working[design.layout.positions("aux")] = aux
    return working


def _unit_shift(design, structure) -> np.ndarray:
    """Auxiliary parameters (k,) that add one to the first auxiliary predictor."""
    out = np.zeros(design.layout.positions("aux").size)
    mine = design.aux.slot == 0
    x = np.column_stack([structure.columns[row] for row in design.aux.row[mine]])
    out[design.aux.index[mine]] = least_squares(x, np.ones(len(x)))
    return out


def _some_units(level) -> np.ndarray:
    """Rows of about ``MAX_ROWS`` rows' worth of top units, evenly spaced; all where units are few."""
    thin = -(-len(level.codes) // MAX_ROWS)
    if thin == 1 or level.n_units < MIN_UNITS * thin:
        return np.arange(len(level.codes))
    return np.flatnonzero(level.codes % thin == 0)


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


def _start_loadings(scores: Scores, loadings, free) -> np.ndarray:
    """The loadings with those that are clearly not near one at a moment estimate.

    For a free loading with column f, and the part z of the same latent variable whose loadings are
    fixed, E(S_f S_z) is about lambda v I_f I_z, and E(S_z^2) about I_z + v I_z^2.
    """
    out, latent = loadings.copy(), scores.structure.design.latent
    for m in range(len(scores.level_of)):
        slots = np.unique(latent.slot[latent.index == m])
        fixed = np.where(free, 0.0, loadings)
        z = scores.column(m, fixed)
        if not z.any() or not free[slots].any():
            continue
        s, i = scores.sums(m, z)
        v = (s @ s - i.sum()) / max(i @ i, 1e-300)
        for slot in slots[free[slots]] if v > 0 else ():
            only = np.zeros_like(loadings)
            only[slot] = 1.0
            s_own, i_own = scores.sums(m, scores.column(m, only))
            value = (s_own @ s) / max(v * (i_own @ i), 1e-300)
            if not NEAR[0] < value < NEAR[1]:
                out[slot] = np.clip(value, -FARTHEST, FARTHEST)
    return out


def _moments(scores: Scores, loadings):
    """Variances (D,), and the share of a Gaussian response's variance that they explain."""
    level_of = scores.level_of
    estimates, floors, squares = (np.empty(len(level_of)) for _ in range(3))
    for m in range(len(level_of)):
        z = scores.column(m, loadings)
        s, i = scores.sums(m, z)
        estimates[m] = (s @ s - i.sum()) / max(i @ i, 1e-300)
        floors[m] = 0.01 / max(i.sum() / len(z), 1e-300)
        squares[m] = np.mean(z * z)
    for m in range(len(level_of)):
        above = [estimates[k] for k in range(m + 1, len(level_of)) if level_of[k] > level_of[m]]
        estimates[m] -= max([0.0, *above])
    variances = np.clip(estimates, floors, 1e4 * floors)
    total = 1.0 / max(np.mean(_information(np.ones(len(scores.index)), scores.local)), 1e-300)
    return variances, float(np.sum(variances * squares) / total)


def _information(z, local) -> np.ndarray:
    """z W z at every row (n,), zero where it is not a number."""
    with np.errstate(all="ignore"):
        value = z * local.ascent(z)
    return np.where(np.isfinite(value), value, 0.0)
