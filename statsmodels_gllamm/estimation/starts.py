"""Starting values: the model without latent variables, then standard deviations on its scale."""
from __future__ import annotations

import numpy as np

from statsmodels_gllamm.estimation.pooled import of_constants, pooled_model, pooled_start
from statsmodels_gllamm.estimation.start_scores import (
    MAX_ROWS,
    Scores,
    start_loadings,
    start_variances,
)
from statsmodels_gllamm.integration.engine_rows import EngineRows, some_outcomes

RAISED = 60  # doublings of variances that fixed covariances ask for


def start_values(structure, rows: EngineRows, linear_aux=True) -> np.ndarray:
    """Working coordinates (k,) to start from.

    Free loadings start at moment estimates from the products of scores, or at one; covariances at
    zero; variances at the moment estimates of start_scores.py.
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
        loadings, known = start_loadings(scores, loadings, free)
        working[design.layout.positions("lambda")] = loadings[free]
        variances, share = start_variances(scores, loadings, known)
        first = 0
        for s, c in design.cov_slices():
            working[s] = _start_covariance(c, variances[first:first + c.q])
            first += c.q
        if all(response.gaussian for response, _ in rows.members):
            own = design.aux.row[design.aux.slot == 0]
            columns = {row: structure.columns[row][np.sort(index)] for row in own}
            shift = of_constants(design, columns, {0: 1.0})
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
