"""Responses drawn from a fitted model."""
from __future__ import annotations

import numpy as np
import pandas as pd

from statsmodels_gllamm.estimation.options import integer
from statsmodels_gllamm.results import linear, regression
from statsmodels_gllamm.results.residuals import draw_residuals
from statsmodels_gllamm.results.rows import Asked, rows_of


def simulate(results, n: int = 1, rng=None) -> pd.DataFrame:
    """Responses (rows, n) of the sample's rows; see ``GLLAMMResults.simulate``."""
    model, n = results.model, integer("n", n, 0)
    rng = np.random.default_rng(rng)
    working, family = results.record.working, model.fitted_family
    rows = rows_of(model, None, Asked("mean", "prior"))
    o, c = linear.linear_parts(model, working, rows)
    aux = linear.aux_predictors(model, working, family.outcomes(rows.data), rows.data.n)
    mean, root = regression.solution(model.design, working, rows.regressors)
    a, columns = regression.loadings(c, root), []
    for _ in range(n):
        u = _drawn(model, rng, o.shape[1])
        if len(model.design.given):
            eta = regression.latent_values(model.design, working, rows.regressors, u) - mean
            nu = o + np.einsum("pdn,dn->pn", c, eta)
        else:
            nu = o + np.einsum("pdn,dn->pn", a, u)
        if model.structure.residuals is None:
            value = family.simulate(rng, nu, aux, rows.data)
        else:
            value = nu[0] + draw_residuals(model, working, rng, np.exp(aux[0]))
        if model.sample.endog.ndim == 2:
            value = np.rint(value * rows.data.n_trials)
        columns.append(value)
    index = model.sample.index
    return pd.DataFrame(dict(enumerate(columns)), index=index, columns=range(n))


def _drawn(model, rng, n) -> np.ndarray:
    """Coordinates u (D, n) of the rows, drawn anew for every unit."""
    levels = zip(model.structure.levels, model.design.q)
    return np.concatenate([np.zeros((0, n)), *(
        rng.standard_normal((q, level.n_units))[:, level.codes] for level, q in levels)])
