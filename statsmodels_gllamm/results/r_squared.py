r"""Explained variance: marginal and conditional R-squared.

With v_f the variance over rows of the fixed part, and v_l and v_e the averages over rows of the
variances of variance_parts.py,

.. math:: R^2_m = \frac{v_f}{v_f + \sum_l v_l + v_e}, \qquad
          R^2_c = \frac{v_f + \sum_l v_l}{v_f + \sum_l v_l + v_e}

(Nakagawa and Schielzeth, 2013, Methods in Ecology and Evolution 4, 133-142; Johnson, 2014, ibid. 5,
944-946, for random slopes; Snijders and Bosker, 2012, Multilevel Analysis, ch. 7).  On the scale of
responses v_f is the variance over rows of exact marginal means.
"""
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from statsmodels_gllamm.families.mixed import MixedFamily
from statsmodels_gllamm.latent.sampling import row_weights
from statsmodels_gllamm.results.delta import estimates
from statsmodels_gllamm.results.expected import needs_sample
from statsmodels_gllamm.results.intraclass import interval_table
from statsmodels_gllamm.results.rows import Asked, rows_of
from statsmodels_gllamm.results.variables import distinct_rows
from statsmodels_gllamm.results.variance_parts import VarianceRows, check_variances, scale_of

WHAT = "r_squared()"


def variance_parts(results, scale=None) -> pd.DataFrame:
    """Parts of the variance; see ``GLLAMMResults.variance_parts``."""
    function, names = parts_at(results, scale, "variance_parts()")
    values, cov = estimates(results, function)
    total = values.sum()
    return pd.DataFrame({"variance": [*values, total], "std_err": [*np.sqrt(np.diag(cov)), np.nan],
                         "share": [*values / total, 1.0]}, pd.Index([*names, "total"], name="part"))


def r_squared(results, scale=None, null=None, alpha=0.05) -> pd.DataFrame:
    """Marginal and conditional R-squared; see ``GLLAMMResults.r_squared``."""
    function, names = parts_at(results, scale)
    levels = names[1:-1]

    def shares(working):
        parts = function(working)
        upto = np.cumsum(np.concatenate([parts[:1], parts[-2:0:-1]]))
        return upto / parts.sum()

    values, cov = estimates(results, shares)
    index = ["marginal", *(f"with {name}" for name in levels[:0:-1])]
    index += ["conditional"] * bool(levels)
    table = interval_table(values, np.sqrt(np.diag(cov)), alpha, pd.Index(index), "logit")
    return table if null is None else pd.concat([table, _reduction(results, null, scale)])


def _reduction(results, null, scale) -> pd.DataFrame:
    """Proportional reductions of the variances of a smaller model."""
    if not hasattr(null, "fingerprint"):
        raise TypeError(f"null takes GLLAMM results, not {type(null).__name__}")
    different = results.fingerprint.same(null.fingerprint)
    if different:
        raise ValueError(f"null was fitted to {different}: its variances cannot be compared with those "
                         "of this model; fit both to the same rows (subset=...)")
    (mine, names), (theirs, other) = (parts_at(one, scale) for one in (results, null))
    if names != other:
        raise ValueError(f"null has the levels {', '.join(other[1:-1]) or '(none)'}, this model has "
                         f"{', '.join(names[1:-1]) or '(none)'}; they have to be the same")
    own, before = mine(results.record.working)[1:], theirs(null.record.working)[1:]
    own, before = np.append(own, own.sum()), np.append(before, before.sum())
    with np.errstate(divide="ignore", invalid="ignore"):
        estimate = 1 - own / before
    out = pd.DataFrame(np.nan, [f"reduction: {name}" for name in (*names[1:], "total")],
                       ["estimate", "std_err", "conf_low", "conf_high"])
    out["estimate"] = estimate
    return out


def parts_at(results, scale, what=WHAT):
    """The function of working coordinates that gives the parts of the variance, and their names."""
    model = results.model
    check_variances(model, what)
    needs_sample(model, what)
    if isinstance(model.fitted_family, MixedFamily):
        raise NotImplementedError(f"{what} is not available for mixed responses, whose rows have "
                                  "different scales; r_squared_items() is for items of a factor model")
    if len(model.structure.predictors) > 1 and scale == "latent":
        raise NotImplementedError(f"{what} is not available for {model.fitted_family.name} on the "
                                  "scale of latent responses, of which it has several")
    rows, weight = _rows(model)
    scale = scale_of(model, rows, results.record.working, scale, what)
    if len(model.structure.predictors) > 1:
        scale = "response"
    levels = [level.name for level in model.structure.levels]

    def function(working):
        if scale == "response":
            mean, between, within = rows.response(working)
        else:
            parts = rows.at(working)
            mean = parts.o[0] - rows.rows.offset[rows.take]
            between = rows.levels(parts.a).reshape(len(levels), len(mean))
            within = rows.residual(parts)
        total = weight.sum()
        around = mean - mean[:1]  # exactly zero where there are no covariates
        around = around - weight @ around / total
        fixed = weight @ around**2 / (total - 1)
        return np.array([fixed, *(between @ weight / total), weight @ within / total])

    return function, ["fixed", *levels, "residual"]


def _rows(model):
    """As few rows as stand for the sample, and their weights."""
    ask, trials = Asked("mean", "prior"), (
        model.sample.n_trials is not None or model.sample.endog.ndim == 2)
    population = None if trials else distinct_rows(model, WHAT)
    if population is None:
        rows, weight = rows_of(model, None, ask), row_weights(model.sample)
    else:
        weight = population.weight * row_weights(model.sample).sum()
        rows = replace(rows_of(model, population.data, ask), offset=population.offset)
    outcomes = model.fitted_family.outcomes(rows.data)
    return VarianceRows(model, rows, np.arange(len(rows.offset)), outcomes), weight
