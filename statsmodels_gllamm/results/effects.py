r"""Direct, indirect and total effects on latent variables.

.. math:: \text{total} = M - I, \quad M \Gamma, \qquad M = (I - B)^{-1} = I + B + B^2 + \dots

of latent variables and of covariates; direct effects are elements of B and Gamma, and the indirect
ones are the products of coefficients along the paths with other latent variables in between, whose
sum is the difference (Bollen, 1987, Sociological Methodology 17, 37-69; errors by the delta method:
Sobel, 1982, Sociological Methodology 13, 290-312).
"""
from __future__ import annotations

import numpy as np
import pandas as pd

from statsmodels_gllamm.results.delta import derived_table, jacobian
from statsmodels_gllamm.results.frame import frame_of
from statsmodels_gllamm.results.implied import covariate_names, latent_names
from statsmodels_gllamm.results.regression import PRODUCTS
from statsmodels_gllamm.results.standardized import SCALES


def effects(results, outcome, cause, standardized=None, alpha=0.05, by=None) -> pd.DataFrame:
    """Effects of one variable on a latent variable; see ``GLLAMMResults.effects``."""
    model = results.model
    if model.design.structural is None:
        raise ValueError("the model has no regressions of latent variables, so no effects on them")
    if model.design.structural.moderated:
        raise NotImplementedError(PRODUCTS)
    if standardized is not None and standardized not in SCALES:
        raise ValueError(f"standardized must be None, 'std_all' or 'std_lv', not {standardized!r}")
    to, (of, covariate) = latent_number(model, outcome), _cause(model, cause)
    paths = list(_paths(model.design.structural, to, of, covariate))
    if not paths:
        raise ValueError(f"the regressions have no path from {cause!r} to {latent_names(model)[to]}")
    frame = frame_of(results, by=by)

    def values(params):
        at = frame.at(params)
        scale = _scale(frame, at, to, of, covariate, standardized)[..., None]
        along = _products(model, at, paths, of, covariate) * scale
        direct = along[..., [len(path) == 1 for path in paths]].sum(axis=-1)
        inverse, gamma = at.regression
        total = (inverse @ gamma)[..., to, of] if covariate else inverse[..., to, of]
        total = total * scale[..., 0]
        indirect = along[..., [len(path) > 1 for path in paths]]
        return np.concatenate([direct[..., None], indirect, np.stack(
            [indirect.sum(axis=-1), total], axis=-1)], axis=-1)

    names = latent_names(model)
    start = covariate_names(model)[of] if covariate else names[of]
    steps = [" -> ".join([start, *(names[m] for m in path)]) for path in paths if len(path) > 1]
    return derived_table(results, ["direct", *steps, "indirect", "total"],
                         *jacobian(values, np.asarray(results.params, float)), alpha)


def _cause(model, cause) -> tuple[int, bool]:
    """Number of a cause, and whether it is a covariate."""
    if cause in covariate_names(model):
        return covariate_names(model).index(cause), True
    try:
        return latent_number(model, cause), False
    except ValueError:
        known = [*latent_names(model), *covariate_names(model)]
        raise ValueError(f"{cause!r} is neither a latent variable nor a covariate of one: "
                         f"{', '.join(known)}") from None


def _paths(structural, to: int, of: int, covariate: bool):
    """Latent variables after the cause on every path to ``to``, by breadth."""
    after: dict[int, list[int]] = {}
    for outcome, cause in structural.b.tolist():
        after.setdefault(cause, []).append(outcome)
    starts = [m for m, k in structural.gamma.tolist() if k == of] if covariate else after.get(of, [])
    open_paths = [(m,) for m in starts]
    while open_paths:
        yield from (path for path in open_paths if path[-1] == to)
        open_paths = [(*path, m) for path in open_paths for m in after.get(path[-1], ())]


def _products(model, at, paths, of: int, covariate: bool):
    """Products (..., n_paths) of the coefficients along the paths."""
    layout, structural = model.design.layout, model.design.structural
    b = dict(zip(map(tuple, structural.b.tolist()), layout.positions("b")))
    gamma = dict(zip(map(tuple, structural.gamma.tolist()), layout.positions("gamma")))
    out = []
    for path in paths:
        first = gamma[path[0], of] if covariate else b[path[0], of]
        places = [first, *(b[m, before] for before, m in zip(path, path[1:]))]
        out.append(at.params[..., places].prod(axis=-1))
    return np.stack(out, axis=-1)


def _scale(frame, at, to: int, of: int, covariate: bool, standardized):
    """What effects are multiplied by (...)."""
    if standardized is None:
        return np.ones(at.params.shape[:-1])
    sd = frame.latent_sd(at)
    return (frame.covariate_sd(to, of, standardized) if covariate else sd[..., of]) / sd[..., to]


def latent_number(model, name) -> int:
    """Number of a latent variable, by its full name or by a term that one group only has."""
    names = latent_names(model)
    if name in names:
        return names.index(name)
    terms = [term for block in model.structure.blocks for term in block.terms]
    if terms.count(name) == 1:
        return terms.index(name)
    raise ValueError(f"{name!r} is not a latent variable of this model: {', '.join(names) or 'none'}")
