r"""Residuals of rows: response, Pearson, deviance and randomised quantile residuals.

.. math::
    r_i = y_i - E(y_i), \qquad r_i / \sqrt{\operatorname{Var}(y_i)}, \qquad
    \pm\sqrt{2 \{\sup_\nu \ell_i(\nu) - \ell_i(\hat\nu_i)\}}

.. math:: \Phi^{-1}(U_i), \qquad U_i \sim \text{uniform}\{P(Y_i < y_i),\, P(Y_i \le y_i)\}

Quantile residuals are standard normal for the true model (Dunn and Smyth, 1996, J. Comput. Graph.
Statist. 5, 236-244), and given the responses before they are independent too (Rosenblatt, 1952).
"""
from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.special import ndtri

from statsmodels_gllamm.estimation.options import one_of
from statsmodels_gllamm.families.base import FamilyData
from statsmodels_gllamm.responses.censored import CensoredResponse
from statsmodels_gllamm.responses.sets import SetResponse
from statsmodels_gllamm.results import linear
from statsmodels_gllamm.results.normal_average import variance_of
from statsmodels_gllamm.results.residual_averages import averages
from statsmodels_gllamm.results.residual_distribution import limits
from statsmodels_gllamm.results.rows import sample_data

KINDS = ("response", "pearson", "deviance", "quantile")
DEFAULT = {"response": "prior", "pearson": "prior", "deviance": "posterior", "quantile": "prior"}
DOUBLINGS, HALVINGS = 60, 60


def residuals(results, kind="pearson", given=None, rng=None) -> np.ndarray:
    """Residuals (n,); see ``GLLAMMResults.residuals``."""
    one_of("kind", kind, KINDS)
    given = DEFAULT[kind] if given is None else given
    if kind == "quantile":
        return quantile(results, given, rng)
    if kind == "deviance":
        return deviance(results, given)
    return moment_residuals(results, kind, given)


def with_responses(model) -> FamilyData:
    """What the family sees of the sample."""
    return replace(sample_data(model.sample), endog=model.sample.endog,
                   n_trials=model.sample.n_trials)


def moment_residuals(results, kind: str, given: str) -> np.ndarray:
    """Response less mean (n,), over the standard deviation for ``kind`` "pearson"."""
    model = results.model
    y, family, data = results._observed_values(kind), model.fitted_family, sample_data(model.sample)
    average = averages(model, results.record, given)

    def moments(what):
        return lambda piece, aux: family.moments(what, aux[:, piece], data.on(piece), None)

    mean = average(moments("mean"))
    if kind == "response":
        return y - mean
    return (y - mean) / np.sqrt(variance_of(average, moments, mean=mean))


def ends(results, given: str, data: FamilyData | None = None) -> np.ndarray:
    """P(Y < y), P(Y <= y), P(Y >= y), P(Y > y) of the rows (4, n); of other responses with ``data``."""
    if given == "zero":
        raise ValueError("given must be 'prior', 'posterior' or 'history' for quantile residuals")
    model = results.model
    data = with_responses(model) if data is None else data
    average = averages(model, results.record, given)
    found = average(lambda piece, aux: limits(model.fitted_family, aux[:, piece], data.on(piece)))
    return np.concatenate([found[:2], np.where(np.isnan(found[2:]), 1 - found[:2], found[2:])])


def normal_scores(found: np.ndarray, rng) -> np.ndarray:
    """Quantile residuals (n,) from `ends`; the nearer tail is what is inverted."""
    share = np.random.default_rng(rng).random(found.shape[1])
    below = found[0] + share * (found[1] - found[0])
    above = found[3] + (1 - share) * (found[2] - found[3])
    return np.where(below < above, ndtri(below), -ndtri(above))


def quantile(results, given="prior", rng=None) -> np.ndarray:
    """Randomised quantile residuals (n,)."""
    return normal_scores(ends(results, given), rng)


def deviance(results, given="posterior") -> np.ndarray:
    """Deviance residuals (n,) at the mean linear predictors."""
    model = results.model
    family, sample = model.fitted_family, with_responses(model)
    average = averages(model, results.record, given)
    outcomes = family.outcomes(sample)
    sets = any(isinstance(member.response, SetResponse) for member in outcomes.members)
    if len(outcomes.predictors) > 1 or sets:
        raise NotImplementedError(f"deviance residuals are not available for {family.name}, whose "
                                  "outcomes have several linear predictors or rows"
                                  f"{'' if sets else '; use resid_pearson or resid_quantile'}")
    nu = average(lambda piece, aux: lambda nu: nu[0])
    if model.structure.classes and model.design.varying:
        raise NotImplementedError("deviance residuals are not available where classes have "
                                  "parameters of their own besides coefficients; use resid_quantile")
    out, first, number = np.full(len(nu), np.nan), 0, 0
    rows = np.arange(len(nu)) if outcomes.rows is None else outcomes.rows
    aux = linear.aux_predictors(model, results.record.working, outcomes, len(nu))
    for member in outcomes.members:
        own = rows[first:first + member.y.shape[1]]
        m = len(member.response.aux_names)
        out[own] = _signed_root(member.response, member.y, nu[own], aux[number:number + m, own])
        first, number = first + len(own), number + m
    return out


def _signed_root(response, y, nu, aux) -> np.ndarray:
    """Signed root of twice the log density that is left to gain, (n,)."""
    phi = response.row_aux(y, aux)
    kernel, score = response.kernel_score(y, nu, phi)
    best = _supremum(response, y, nu, phi, np.sign(score))
    if response.categories is not None or isinstance(response, CensoredResponse):
        sign = np.sign(score) * (-1.0 if getattr(getattr(response, "inner", None), "hazard", False)
                                 else 1.0)
    else:
        value = y[0] if len(y) == 1 or not response.mass_at_zero else y[0] / np.maximum(y[1], 1)
        sign = np.sign(value - response.mean(nu, aux, y))
    return sign * np.sqrt(2 * np.maximum(best - kernel, 0.0))


def _supremum(response, y, nu, phi, way) -> np.ndarray:
    """Largest kernel (n,) over the linear predictor, in the direction ``way`` (n,) from nu: the score
    changes its sign there, or fades away towards infinity."""
    def rising(at):
        kernel, score = response.kernel_score(y, at, phi)
        return (score * way > 0) & np.isfinite(kernel)

    low, high, step = nu.copy(), nu.copy(), 1.0
    going = way != 0
    for _ in range(DOUBLINGS):
        high = np.where(going, nu + way * step, high)
        with np.errstate(over="ignore", invalid="ignore"):
            still = going & rising(high)
        low = np.where(still, high, low)
        going, step = still, 2 * step
        if not going.any():
            break
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        up = rising(middle)
        low, high = np.where(up, middle, low), np.where(up, high, middle)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.maximum(response.kernel(y, low, phi), response.kernel(y, nu, phi))
