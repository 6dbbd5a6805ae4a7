r"""Score (Lagrange multiplier) tests: of columns that the model has not, and of its constraints.

At estimates :math:`\hat\theta` of a model within a larger one, with the larger one's score g and
observed information I, both exact at :math:`\hat\theta`, directions N in which the model's parameters
may move and others E,

.. math::
   s = M'g, \quad H = M'IM, \quad M = (N, E), \qquad
   LM = s'H^{-1}s \sim \chi^2_m, \qquad \delta = (H^{-1}s)_E

s is zero in the directions N; delta is the first step of a search in the larger model, the change to
be expected of what is freed.  E are the coefficients of added columns or, of constraints
:math:`R\theta = q`, the columns of :math:`R^+`, each of which changes one constraint by one.  With
scores s_j of the independent units and :math:`B = \sum_j s_j s_j'`, the robust statistic is

.. math::
   LM = \delta'\bigl[(H^{-1}BH^{-1})_{EE}\bigr]^{-1}\delta

References
----------
Engle, R. F. (1984). Wald, likelihood ratio, and Lagrange multiplier tests in econometrics. Handbook of
Econometrics 2, chapter 13.
Boos, D. D. (1992). On generalized score tests. The American Statistician 46, 327-333.
Soerbom, D. (1989). Model modification. Psychometrika 54, 371-384.
"""
from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.base._parameter_inference import ScoreTestResult

from statsmodels_gllamm.estimation.boundary import zero_coordinates
from statsmodels_gllamm.estimation.information import observed_information
from statsmodels_gllamm.estimation.optimize import evaluate_for_search, is_positive_definite
from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.formula.design import make_design
from statsmodels_gllamm.latent.constrained import constrained, in_natural_coordinates
from statsmodels_gllamm.results.covariance import (
    check_cov_type,
    cluster_codes,
    independent_units,
    top_weight,
)
from statsmodels_gllamm.results.likelihoods import refuse_without_likelihood

SINGULAR = 1e-10  # share of a direction's information that must be its own


@dataclass(frozen=True, eq=False)
class Larger:
    """A larger model at the estimates of a smaller one.

    Attributes
    ----------
    model : GLLAMMModel
    design : LatentDesign
        In whose coordinates constraints are linear.
    working : ndarray (k,)
    inside, outside : ndarray (k, f), ndarray (k, m)
        Directions of the smaller model and those to be freed.
    names : list of str (m,)
        Of the latter.
    """

    model: object
    design: object
    working: np.ndarray
    inside: np.ndarray
    outside: np.ndarray
    names: list[str]


def score_test(results, exog_extra=None, hypothesis="joint", cov_type=None, cov_kwds=None):
    """The test; see ``GLLAMMResults.score_test``."""
    refuse_without_likelihood(results, "score_test()")
    results._needs_data("score_test")
    if hypothesis not in ("joint", "separate"):
        raise ValueError(f"hypothesis is 'joint' or 'separate', not {hypothesis!r}")
    cov_type = results.cov_type if cov_type is None else cov_type
    check_cov_type(cov_type, cov_kwds)
    larger = freed(results) if exog_extra is None else extended(results, exog_extra)
    score, information, meat = _pieces(results, larger, cov_type, cov_kwds)
    f = larger.inside.shape[1]
    if hypothesis == "joint":
        statistic, _ = _statistic(score, information, meat, cov_type, f, larger.names)
        m = len(larger.names)
        return ScoreTestResult(statistic, float(stats.chi2.sf(statistic, m)), "chi2", m)
    rows = []
    for j, name in enumerate(larger.names):
        own = np.r_[np.arange(f), f + j]
        among = np.ix_(own, own)
        part = None if meat is None else meat[among]
        statistic, change = _statistic(score[own], information[among], part, cov_type, f, [name])
        rows.append((statistic, float(stats.chi2.sf(statistic, 1)), change[0]))
    return pd.DataFrame(rows, index=larger.names, columns=["statistic", "pvalue", "change"])


def _statistic(score, information, meat, cov_type, f, names) -> tuple[float, np.ndarray]:
    """(LM, expected changes (m,)) from the pieces in the directions M."""
    if cov_type == "opg":
        information = meat
    inner = information[:f, :f]
    rest = information[f:, f:] - information[f:, :f] @ np.linalg.solve(inner, information[:f, f:])
    own = np.diag(information)[f:]
    alone = np.diag(rest) > SINGULAR * np.abs(own)
    if not alone.all():
        name = names[int(np.argmin(alone))]
        raise ValueError(f"score_test() cannot tell {name!r} from what the model has: the information "
                         "on it, given the other parameters, is not positive; leave it out")
    if not is_positive_definite(rest):
        raise ValueError(f"score_test() has no positive definite information on {', '.join(names)} "
                         "jointly; test fewer, or use hypothesis='separate'")
    change = np.linalg.solve(rest, score[f:] - information[f:, :f] @ np.linalg.solve(inner, score[:f]))
    if meat is None or cov_type == "opg":
        return float(change @ rest @ change), change
    inverse = np.linalg.inv(information)
    cov = (inverse @ meat @ inverse)[f:, f:]
    return float(change @ np.linalg.solve(cov, change)), change


def _pieces(results, larger: Larger, cov_type, cov_kwds):
    """Score (f + m,), observed information and, unless "nonrobust", the scores' outer product."""
    record, model = results.record, larger.model
    objective = model._likelihood(record.n_quad, record.integration, design=larger.design)
    point = evaluate_for_search(objective, larger.working)
    directions = np.column_stack([larger.inside, larger.outside])
    used = np.flatnonzero(directions.any(axis=1))
    with_scores = objective.at(larger.working, point.value.state, units=True)
    found = observed_information(objective, point, used, with_scores.opg)
    directions = directions[used]
    information = directions.T @ found.matrix @ directions
    score = directions.T @ point.gradient[used]
    if cov_type == "nonrobust":
        return score, information, None
    units = independent_units(model)
    scores = units.sum(with_scores.unit_scores[:, used]) @ directions
    scores = scores * top_weight(model, units)[:, None] ** (1.0 if cov_type == "cluster" else 0.5)
    if cov_type == "cluster":
        codes = cluster_codes(model, cov_kwds["groups"])
        sums = np.zeros((codes.max() + 1, scores.shape[1]))
        np.add.at(sums, codes, scores)
        scores = sums
    return score, information, scores.T @ scores


def _inside(results, design, working, constraints) -> np.ndarray:
    """Directions (k, f) of the parameters that the fit has estimated: without those at a boundary or
    in flat directions.  ``constraints`` are on the working coordinates of the design."""
    record = results.record
    basis = np.eye(len(working)) if constraints is None else constraints.basis
    held = set(zero_coordinates(design, working).tolist())
    names = design.layout.names
    flat = {name for direction in record.flat for name in direction}
    held |= {i for i, name in enumerate(names) if name in flat
             or (name in record.boundary and not name.startswith(("var[", "cov[")))}
    keep = [j for j in range(basis.shape[1]) if not held & set(np.flatnonzero(basis[:, j]))]
    return basis[:, keep]


def freed(results) -> Larger:
    """The model without its constraints.

    Raises
    ------
    ValueError
        There are none, or one sets a variance to zero.
    """
    constraints, model = results.record.constraints, results.model
    if constraints is None:
        raise ValueError("score_test() tests added columns, exog_extra=, or the constraints of "
                         "fit_constrained() or constraints=; the model has none")
    names = model.param_names
    for i in constraints.fixed:
        if names[i].startswith("var[") and constraints.shift[i] == 0:
            raise ValueError(f"a constraint sets {names[i]} to zero, on the boundary, where the score "
                             "test is not chi-squared; use test_variance() of the larger model")
    design = in_natural_coordinates(model.design, constraints)
    working = design.to_working(np.asarray(results.params, dtype=float))
    rows = _independent(constraints.r)
    texts = results.constraints
    for s, c in design.cov_slices():
        if c.direct and not is_positive_definite(c.matrix(working[s])):
            raise ValueError("score_test() of constraints is not available where the covariance matrix "
                             f"of {', '.join(c.names)} is singular, as it is here; use lr_test() with "
                             "the fit without constraints")
    return Larger(model, design, working, _inside(results, design, working, constraints),
                  np.linalg.pinv(constraints.r[rows]), [texts[j] for j in rows])


def _independent(r: np.ndarray) -> list[int]:
    """Numbers of rows that are no combinations of those before them."""
    kept: list[int] = []
    for j in range(len(r)):
        if np.linalg.matrix_rank(r[[*kept, j]]) > len(kept):
            kept.append(j)
    return kept


def extended(results, exog_extra) -> Larger:
    """The model with more columns in the fixed part."""
    model, record = results.model, results.record
    larger = with_columns(model, *columns_of(model, exog_extra))
    names, larger_names = model.param_names, larger.param_names
    added = [name for name in larger_names if name not in set(names)]
    place = {name: i for i, name in enumerate(larger_names)}
    if set(names) - set(larger_names) or len(larger_names) != len(names) + len(added):
        raise NotImplementedError("score_test(exog_extra=...) is not available for columns that change "
                                  "what the coefficients of latent classes are relative to; fit both "
                                  "models and use lr_test()")
    at = [place[name] for name in names]
    own, theta = model.design, np.zeros(len(larger_names))
    design, constraints = larger.design, None
    if record.constraints is not None:
        within = constrained(model.design, record.constraints)
        own, constraints = within.inner, within.constraints
        covariances = dict(zip((c.names for c in own.covariances), own.covariances))
        design = replace(design, covariances=tuple(covariances[c.names] for c in design.covariances))
    theta[at] = np.asarray(results.params, dtype=float)
    inner = _inside(results, own, own.to_working(theta[at]), constraints)
    inside = np.zeros((len(theta), inner.shape[1]))
    inside[at] = inner
    return Larger(larger, design, design.to_working(theta), inside,
                  np.eye(len(theta))[:, [place[name] for name in added]], added)


def columns_of(model, exog_extra) -> tuple[pd.DataFrame, tuple]:
    """Columns on the rows of the sample, from an array, a Series, a DataFrame or a formula, and the
    factors that multiply them.

    Raises
    ------
    DataError
        Another number of rows, missing values, or a name that the fixed part has.
    """
    index = model.sample.index
    if isinstance(exog_extra, str):
        extra, factors = _of_formula(model, exog_extra)
    else:
        if isinstance(exog_extra, pd.Series):
            exog_extra = exog_extra.to_frame(exog_extra.name or "extra")
        if isinstance(exog_extra, pd.DataFrame):
            extra = exog_extra
            if not extra.index.equals(index) and extra.index.is_unique:
                extra = extra.reindex(index)
        else:
            values = np.asarray(exog_extra, dtype=float)
            values = values[:, None] if values.ndim == 1 else values
            extra = pd.DataFrame(values, columns=[f"extra{j}" for j in range(values.shape[1])])
        factors = (None,) * extra.shape[1]
    if len(extra) != len(index):
        raise DataError(f"exog_extra has {len(extra)} rows, the sample {len(index)}")
    extra = pd.DataFrame(np.asarray(extra, dtype=float), columns=list(map(str, extra.columns)),
                         index=index)
    if not np.isfinite(extra.to_numpy()).all():
        raise DataError("exog_extra has missing or infinite values in rows of the sample; fit the "
                        "model to the rows without")
    known = [name for name in extra.columns if name in model.sample.exog.columns]
    if known or not extra.shape[1]:
        raise DataError(f"exog_extra has {known[0]!r}, which the fixed part has already" if known else
                        "exog_extra has no column that the fixed part does not have already")
    return extra, factors


def _of_formula(model, text: str):
    """Columns that a formula adds to the fixed part, and their factors."""
    frame, own = getattr(model.data, "frame", None), model.sample.design.exog
    if frame is None:
        raise ValueError("exog_extra as a formula needs a model of a data frame; give an array")
    design, values, kept = make_design(
        f"{own.formula} + {text}", frame, env={"np": np, "pd": pd, **own.env}, engine=own.engine,
        where="exog_extra", factors=own.factors, without_intercept=own.left_out is not None)
    if not kept.all():
        raise DataError(f"exog_extra is missing in {int((~kept).sum())} rows of the sample; fit the "
                        "model to the rows without")
    if not set(own.names) <= set(design.names):
        raise DataError(f"with {text!r} the categories of the fixed part are coded otherwise; give the "
                        "columns as a DataFrame")
    new = [j for j, name in enumerate(design.names) if name not in own.names]
    return (pd.DataFrame(values[:, new], columns=[design.names[j] for j in new]),
            tuple(design.column_factors[j] for j in new))


def with_columns(model, extra: pd.DataFrame, factors):
    """The same model with more columns in the fixed part, without constraints."""
    sample = model.sample
    sample = replace(sample, exog=pd.concat([sample.exog, extra], axis=1),
                     exog_factors=(*sample.exog_factors, *factors))
    return model._again(sample, constraints=())
