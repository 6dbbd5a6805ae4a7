"""Means over latent variables by a fine rule, for tests."""

import numpy as np
import pandas as pd


def average(function, psi, weight=None):
    """Mean of function(eta (d, N)) -> (..., N) over eta ~ N(0, psi), times a weight (N,)."""
    psi = np.atleast_2d(psi)
    z = np.arange(-9, 9.01, 0.06)
    z = np.stack(np.meshgrid(*[z] * len(psi)), -1).reshape(-1, len(psi))
    eta = np.linalg.cholesky(psi) @ z.T
    w = np.exp(-0.5 * (z**2).sum(axis=1)) * (1.0 if weight is None else weight(eta))
    return function(eta) @ w / w.sum()


def params_of(model, **values):
    """Parameters by name, spelt with _ for brackets where needed."""
    params = pd.Series(values)
    assert set(params.index) == set(model.param_names), model.param_names
    return params[model.param_names].to_numpy(dtype=float)
