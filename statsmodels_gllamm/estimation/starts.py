"""Starting values: the model without latent variables, then standard deviations on its scale."""
from __future__ import annotations

import numpy as np

from statsmodels_gllamm.estimation.objective import Objective
from statsmodels_gllamm.estimation.optimize import maximize
from statsmodels_gllamm.integration.chunks import build_problem
from statsmodels_gllamm.integration.marginal import Task
from statsmodels_gllamm.integration.mode import GRID, ModeError, kernel_on_grid
from statsmodels_gllamm.latent.design import LatentDesign, Terms
from statsmodels_gllamm.parameters import Block, Layout

MIN_UNITS = 200  # top units from which starting variances come, at least
FAR = 3.0  # how far the model without latent variables may take a log dispersion
MAX_ROWS = 20_000  # starting values come from at most so many rows, evenly spaced


def pooled_objective(response, y, offset, exog, aux_design, weight) -> Objective:
    """Log-likelihood of the model without latent variables.

    ``exog`` (n, p), ``aux_design`` (n, v) (one set of coefficients per auxiliary predictor).
    """
    p, v, m = exog.shape[1], aux_design.shape[1], len(response.aux_names)
    aux = np.array([(p + j, a) for a in range(m) for j in range(v)], dtype=np.int64).reshape(-1, 2)
    index = np.arange(p)
    none = np.zeros(0, dtype=np.int64)
    entries = (np.concatenate([index, aux[:, 0]]), np.concatenate([0 * index, 1 + aux[:, 1]]))
    layout = Layout((Block("coef", tuple(f"x{i}" for i in index)),
                     Block("aux", tuple(f"aux{i}" for i in range(len(aux))))))
    design = LatentDesign(layout, (), (), p + v, m, Terms(index, index, 0 * index),
                          Terms(none, none, none), aux, np.ones(1), entries)
    columns = [*exog.T, *(aux_design.T if m else np.zeros((v, len(exog))))]
    problem = build_problem(y, offset, columns, (), weight, n_nodes=1)
    return Objective(problem, Task(response, (), (), entries), design)


def constant_predictor(response, y) -> np.ndarray:
    """A linear predictor (n,) to start from: the responses of a Gaussian model, else the constant
    of a grid (powers, and functions of the mean response) with the highest likelihood."""
    if response.gaussian:
        return y[0]
    some = y[:, :: max(1, y.shape[1] // 500)]
    middle = float(np.mean(some[0]))
    grid = GRID
    if middle > 0:
        grid = np.concatenate([grid, [middle, 1 / middle, middle**-2, np.log(middle), middle**0.5]])
    aux = np.repeat(np.atleast_1d(response.aux_start(some, np.full(some.shape[1], middle)))[:, None],
                    some.shape[1], axis=1)
    with np.errstate(over="ignore", invalid="ignore"):
        value = kernel_on_grid(response, some, aux, grid).sum(axis=1)
    return np.full(y.shape[1], grid[np.argmax(np.where(np.isfinite(value), value, -np.inf))])


def least_squares(x, y) -> np.ndarray:
    """Coefficients (p,) from the normal equations: quick, and good enough to start from."""
    return np.linalg.pinv(x.T @ x, hermitian=True) @ (x.T @ y)


def _some_rows(n: int):
    """About ``MAX_ROWS`` of n rows, one at random from every stretch of equal length."""
    step = -(-n // MAX_ROWS)
    if step == 1:
        return slice(None)
    first = np.arange(0, n - step + 1, step)
    return first + np.random.default_rng(0).integers(0, step, len(first))


def pooled_start(response, y, offset, exog, aux_design, weight) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (p,) and auxiliary coefficients (m v,) of the model without latent variables."""
    n, p = exog.shape
    if not p and not response.aux_names:
        return np.zeros(0), np.zeros(0)
    thin = _some_rows(n)
    y, exog, aux_design = np.ascontiguousarray(y[:, thin]), exog[thin], aux_design[thin]
    offset = None if offset is None else offset[thin]
    weight = None if weight is None else weight[thin]
    objective = pooled_objective(response, y, offset, exog, aux_design, weight)
    nu = constant_predictor(response, y)
    start = np.zeros(objective.design.layout.size)
    if p:
        start[:p] = least_squares(exog, nu - (0 if offset is None else offset))
    m, v = len(response.aux_names), aux_design.shape[1]
    if m:
        fitted = exog @ start[:p] + (0 if offset is None else offset)
        values = response.aux_start(y, response.mean(fitted, np.zeros((m, len(nu)))))
        ones = least_squares(aux_design, np.ones(len(nu)))
        start[p:] = np.concatenate([value * ones for value in np.atleast_1d(values)])
    try:
        found = maximize(objective, start, tol=1e-4, maxiter=30).point.working
    except (ModeError, np.linalg.LinAlgError):
        found = start
    aux = np.clip(found[p:], start[p:] - FAR, start[p:] + FAR)  # it may have gone to infinity
    return found[:p], aux.reshape(m, v) if m else aux


def start_values(structure, sample, response, y, offset, weight) -> np.ndarray:
    """Working coordinates (k,) to start from.

    Free loadings start at one, covariances at zero, variances at the moment estimate that the
    scores of the model without latent variables give: with S the sum of z s over a unit and I that
    of z^2 w, E(S^2) is about I + I^2 v for a latent variable of variance v.
    """
    design = structure.design
    working = np.zeros(design.layout.size)
    loadings = np.where(np.isnan(design.loadings), 1.0, design.loadings)
    at = design.layout.slices()
    kinds = [block.kind for block in design.layout.blocks]
    working[design.layout.positions("lambda")] = 1.0
    exog = _started_exog(structure, sample, loadings)
    dispersion = sample.dispersion.to_numpy()
    beta, aux = pooled_start(response, y, offset, exog, dispersion, weight)
    working[at[0]] = beta
    if design.n_latent:
        rows = _some_units(structure.levels[-1])
        nu = exog[rows] @ beta + (0.0 if offset is None else offset[rows])
        aux_rows = aux @ dispersion[rows].T if len(aux) else np.zeros((0, len(nu)))
        variances, share = _moments(structure, loadings, response, y[:, rows], nu, aux_rows, rows)
        first = 0
        for s, c in zip((s for s, kind in zip(at, kinds) if kind == "cov"), design.covariances):
            working[s] = [np.sqrt(variances[first + i]) if i == j else 0.0 for i, j in c.pairs()]
            first += c.q
        if response.gaussian:
            aux = aux.copy()
            aux[0] += 0.5 * np.log(max(1 - share, 0.2)) * least_squares(
                dispersion, np.ones(len(dispersion)))
    if len(aux):
        working[design.layout.positions("aux")] = aux.ravel()
    return working


def _started_exog(structure, sample, loadings) -> np.ndarray:
    """The fixed part's columns (n, p), factors at their starting loadings."""
    exog = sample.exog.to_numpy()
    if all(f is None for f in sample.exog_factors):
        return exog
    fixed = structure.design.fixed
    out = np.zeros_like(exog)
    for row, index, slot in zip(fixed.row, fixed.index, fixed.slot):
        out[:, index] += loadings[slot] * structure.columns[row]
    return out


def _some_units(level) -> slice | np.ndarray:
    """Rows of about ``MAX_ROWS`` rows' worth of top units, evenly spaced; all where units are few."""
    thin = -(-len(level.codes) // MAX_ROWS)
    if thin == 1 or level.n_units < MIN_UNITS * thin:
        return slice(None)
    return np.flatnonzero(level.codes % thin == 0)


def _moments(structure, loadings, response, y, nu, aux, rows):
    """Variances (D,), and the share of a Gaussian response's variance that they explain."""
    design, latent = structure.design, structure.design.latent
    with np.errstate(all="ignore"):
        score = np.nan_to_num(response.derivatives(y, nu, aux)[0], posinf=0.0, neginf=0.0)
        weight = response.expected_information(y, nu, aux)
    weight = np.where(np.isfinite(weight) & (weight > 0), weight, 0.0)
    level_of = np.repeat(np.arange(len(design.q)), design.q)
    estimates, floors, squares = (np.empty(design.n_latent) for _ in range(3))
    for m in range(design.n_latent):
        inside = latent.index == m
        z = sum(loadings[slot] * structure.columns[row][rows]
                for row, slot in zip(latent.row[inside], latent.slot[inside]))
        codes = structure.levels[level_of[m]].codes[rows]
        s = np.bincount(codes, z * score)
        i = np.bincount(codes, z * z * weight)
        estimates[m] = (s @ s - i.sum()) / max(i @ i, 1e-300)
        floors[m] = 0.01 / max(i.sum() / len(z), 1e-300)
        squares[m] = np.mean(z * z)
    for m in range(design.n_latent):
        above = [estimates[k] for k in range(m + 1, design.n_latent) if level_of[k] > level_of[m]]
        estimates[m] -= max([0.0, *above])
    variances = np.clip(estimates, floors, 1e4 * floors)
    total = 1.0 / max(np.mean(weight), 1e-300)
    return variances, float(np.sum(variances * squares) / total)
