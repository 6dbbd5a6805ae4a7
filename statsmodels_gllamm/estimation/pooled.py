"""The model without latent variables: the first part of the starting values."""
from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from statsmodels_gllamm.estimation.objective import Objective
from statsmodels_gllamm.estimation.optimize import maximize
from statsmodels_gllamm.estimation.sampling import some_rows
from statsmodels_gllamm.integration.chunks import build_problem
from statsmodels_gllamm.integration.engine_rows import EngineRows
from statsmodels_gllamm.integration.marginal import Task
from statsmodels_gllamm.integration.mode import ModeError
from statsmodels_gllamm.integration.observed import GRID, kernel_on_grid
from statsmodels_gllamm.latent.design import LatentDesign
from statsmodels_gllamm.latent.terms import Terms
from statsmodels_gllamm.parameters import Block, Layout
from statsmodels_gllamm.responses.sets import SetResponse

FAR = 3.0  # how far the model without latent variables may take an auxiliary parameter


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
    names = [name for response, _ in pooled.rows.members for name in response.aux_names]
    cuts = {a: 1.0 for a, name in enumerate(names) if name.startswith("cut")}
    shift = of_constants(design, pooled.rows.columns, cuts)
    return replace(pooled, rows=replace(pooled.rows, columns=columns)), shift


def of_constants(design, columns, values: dict[int, float]) -> np.ndarray:
    """Auxiliary parameters (k,) that make each auxiliary predictor the constant given for its number,
    by least squares on the row columns; means where predictors share parameters."""
    total = np.zeros(design.layout.positions("aux").size)
    count = np.zeros(len(total))
    for a, value in values.items():
        mine = design.aux.slot == a
        if mine.any():
            x = np.column_stack([columns[row] for row in design.aux.row[mine]])
            np.add.at(total, design.aux.index[mine], value * least_squares(x, np.ones(len(x))))
            np.add.at(count, design.aux.index[mine], 1.0)
    return total / np.maximum(count, 1.0)


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
    return of_constants(design, rows.columns, dict(enumerate(np.concatenate(values))))


def _fitted_mean(response, nu, y) -> np.ndarray:
    """Means (n,) to start auxiliary parameters from; nu itself where there are none."""
    if isinstance(response, SetResponse):
        return nu
    try:
        return response.mean(nu, np.zeros((len(response.aux_names), len(nu))), y)
    except NotImplementedError:  # a user's density without a mean
        return nu
