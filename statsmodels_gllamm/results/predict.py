r"""Predictions of rows: given the latent variables, averaged over them, or given the data.

With nu = o + c'eta the linear predictors of a row, f what is predicted at given linear predictors
(a mean or probabilities) and eta ~ N(0, Psi), Psi = T T',

    zero        f(o)
    prior       E f(o + c'T z),   z ~ N(0, I)
    posterior   E[f(o + c'eta) | y of the row's clusters]

The prior needs as many dimensions as there are linear predictors, whatever the number of levels and
latent variables; but where outcomes take several rows, such as choices, it needs those of the latent
variables, which the rows share.  Rows of clusters without data have the prior at their level, given
the data of the levels above (Skrondal and Rabe-Hesketh, 2009, J. R. Stat. Soc. A 172, 659-687).

A variance is that of the mean and the mean of the variance,

.. math:: \operatorname{Var}(y) = E[\operatorname{Var}(y \mid \nu) + \{E(y \mid \nu) - E(y)\}^2]
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.formula.rows import as_frame
from statsmodels_gllamm.results import linear, regression
from statsmodels_gllamm.results.labels import Tails, Wanted, wanted
from statsmodels_gllamm.results.normal_average import variance_of
from statsmodels_gllamm.results.past import Known, known_by
from statsmodels_gllamm.results.predict_averages import N_QUAD, averages_of, points_for
from statsmodels_gllamm.results.rows import Asked, Rows, asked, rows_of


def predict(model, params, data=None, *, which="mean", given=None, above=None, values=None,
            latent=None, offset=None, exposure=None, n_trials=None, integration="adaptive",
            n_quad=N_QUAD, history=None, time=None) -> np.ndarray:
    """Predicted values at any parameters.

    Parameters
    ----------
    model : GLLAMMModel
    params : array_like (k,)
        Natural parameters.
    data : DataFrame, mapping, or array_like (m, p), optional
        Rows to predict, by default the estimation sample. A frame has the columns that the formulas
        need; an array has the columns of ``model.exog``, and so has a frame that is named like it
        or by 0, 1, ....
    which : {"mean", "conditional", "posterior", "linear", "prob", "var", "cumulative"}
        "mean": marginal mean, averaged over the latent variables' distribution. "conditional": mean
        where they are zero. "posterior": mean given all data of the row's clusters; clusters that
        are not in the sample have the prior, given their known higher clusters. "linear": linear
        predictor where they are zero; several columns where there are several, in the order of
        ``model.structure.predictors``. "prob": probabilities of the categories or counts; of
        choices, that the row is chosen (of rankings: ranked first), and of binary responses, of
        one. "var": variance. "cumulative": probabilities of a category or count up to each; of
        Gaussian and Student t responses and durations, censored or not, P(Y <= v) of every one of
        the ``values``, or with ``above`` the survival function P(Y > v).
    given : {"prior", "posterior", "zero"}, optional
        What "prob", "var" and "cumulative" take the latent variables for, as "mean" (default),
        "posterior" and "conditional" do.
    above : category or number, or sequence of numbers, optional
        With "prob" or "cumulative": the probability of more than this; of a sequence, which a
        continuous response may have, one column each.
    values : sequence of numbers, optional
        Counts for "prob" and "cumulative", by default from 0 to the largest of the sample; values of
        a continuous response for "cumulative".
    latent : mapping of str to number, column name or array_like, number or DataFrame, optional
        Given values of latent variables: "x[id]", or "x" where no other group has it; one number of
        the only latent variable; or a table of the values of clusters, as `latent` of results gives,
        or {group: table}. With the prior, the others are averaged over their distribution given
        these.
    offset, exposure : number, column name or array_like, optional
        If neither is given, those of the model for the estimation sample, and none for other data;
        if one is given, it replaces both.
    n_trials : number, column name or array_like, optional
        Of a binomial response, where the mean is that of the proportion: by default the sample's
        for the sample, and one for other data.
    integration : {"adaptive", "laplace", "quadrature"}
        For the posterior.
    n_quad : int, {group: int} or tuple of int
        Points per dimension for the posterior; a tuple has them for the levels from the bottom.
    history : DataFrame or "past", optional
        For the posterior: rows with responses, by which clusters are known, those of the sample and
        others alike, in place of the estimation sample; rows that are not complete tell nothing.
        Clusters without rows in it have the prior. "past": every row is predicted given the responses
        of its clusters in rows of an earlier ``time``, of ``data`` or else of the sample.
    time : str, optional
        With "past": the column that orders rows.

    Returns
    -------
    ndarray (m,) or (m, K)
        NaN for rows with missing values.

    Raises
    ------
    ValueError, DataError, FormulaError

    Notes
    -----
    Integrals over up to three normal variables are computed until they settle; over more, as of the
    choice of an alternative with four or more random coefficients, by quasi-Monte Carlo with fixed
    points, to about four digits. P(Y <= v) and P(Y > v) are integrated each for itself, so that small
    ones are exact too; they are of the response as it is without censoring or delayed entry. Rows of
    a choice set must all be among the rows to predict.
    """
    ready = prepare(model, data, which, given, above, values, latent, offset, exposure, n_trials,
                    integration, n_quad, history, time)
    return ready.at(model.design.to_working(np.asarray(params, dtype=float)))


@dataclass(frozen=True, slots=True)
class Prepared:
    """Predictions as a function of the working coordinates: the data are read.

    ``columns``: what the predictions' columns are, or None; ``known``: what the rows are predicted
    given, if that is not the estimation sample.
    """

    model: object
    rows: Rows
    ask: Asked
    want: Wanted | Tails | None
    integration: str
    n_quad: object
    known: Known | None = None

    def at(self, working) -> np.ndarray:
        """Predictions (m,) or (m, K) at working coordinates (k,), NaN for incomplete rows."""
        return self._filled(predict_rows(self.model, working, self.rows, self.ask, self.integration,
                                         self.n_quad, self.want, self.known))

    def posterior_sd(self, working) -> np.ndarray | None:
        """Posterior standard deviation (m,) of the conditional means; None where nothing else than
        means given responses is asked for."""
        if self.ask != Asked("mean", "posterior"):
            return None
        found = predict_rows(self.model, working, self.rows, Asked("spread", "posterior"),
                             self.integration, self.n_quad, None, self.known)
        return self._filled(np.sqrt(np.maximum(found, 0.0)))

    def _filled(self, found) -> np.ndarray:
        out = np.full((len(self.rows.kept),) + found.shape[:-1], np.nan)
        out[self.rows.kept] = np.moveaxis(found, -1, 0)
        return out

    @property
    def columns(self):
        if self.want is not None:
            return self.want.columns(self.model.fitted_family, self.rows.data)
        return ["main" if p.label is None else p.label for p in self.model.structure.predictors]


def prepare(model, data, which="mean", given=None, above=None, values=None, latent=None, offset=None,
            exposure=None, n_trials=None, integration="adaptive", n_quad=N_QUAD, history=None,
            time=None) -> Prepared:
    """Read the data of predictions; parameters as of `predict`."""
    ask = asked(which, given)
    want = wanted(model, ask, values, above)
    rows = rows_of(model, data, ask, latent, offset, exposure, n_trials)
    if history is None:
        if time is not None:
            raise ValueError("time= goes with history='past'")
        return Prepared(model, rows, ask, want, integration, n_quad)
    if ask.given != "posterior":
        raise ValueError("history= goes with which='posterior', or given='posterior'")
    known = None
    if rows.random:
        known = known_by(model, data, rows, history, time, offset, exposure, n_trials)
    return Prepared(model, rows, ask, want, integration, points_for(model, integration, n_quad), known)


def predict_results(results, data=None, *, which="mean", given=None, above=None, values=None,
                    latent=None, offset=None, exposure=None, n_trials=None, n_quad=None,
                    transform=True, history=None, time=None):
    """Predicted values at the estimates, in the user's index.

    Parameters
    ----------
    results : GLLAMMResults
    data, which, given, above, values, latent, offset, exposure, n_trials, history, time
        See `predict`.
    n_quad : int, {group: int} or tuple of int, optional
        Points per dimension for the posterior, of adaptive quadrature after Laplace; by default the
        fit's own integration.
    transform : bool
        False: the columns of ``data`` are those of ``model.exog``, whatever their names.

    Returns
    -------
    Series, DataFrame or ndarray
        With the index of ``data`` or of the estimation sample; an array for an array.
    """
    model, record = results.model, results.record
    if isinstance(data, Mapping) or hasattr(data, "to_pandas"):
        data = as_frame(data)
    index = None
    if data is None or isinstance(data, pd.DataFrame | pd.Series):
        index = (model.sample if data is None else data).index
    if data is not None and not transform:
        data = np.asarray(data)
    integration = "quadrature" if record.integration == "quadrature" else "adaptive"
    ready = prepare(model, data, which, given, above, values, latent, offset, exposure, n_trials,
                    integration, record.n_quad if n_quad is None else n_quad, history, time)
    found = ready.at(model.design.to_working(np.asarray(record.params, dtype=float)))
    columns = ready.columns
    if index is None or len(index) != len(found):  # a Series may also be one row
        return found
    if found.ndim == 1:
        return pd.Series(found, index=index)
    return pd.DataFrame(found, index=index, columns=pd.Index(columns, tupleize_cols=False))


def predict_rows(model, working, rows: Rows, ask: Asked, integration="adaptive", n_quad=N_QUAD,
                 want: Wanted | Tails | None = None, known: Known | None = None) -> np.ndarray:
    """Predicted values (n,) or (K, n) at working coordinates (k,), a smooth function of them."""
    o, c = linear.linear_parts(model, working, rows)
    rows = replace(rows, given=regression.deviations(model.design, working, rows))
    if ask.what == "linear":
        nu = linear.at_latent(o, c, rows.given)
        return nu[0] if len(nu) == 1 else nu
    family = model.fitted_family
    outcomes = family.outcomes(rows.data)
    aux = linear.aux_predictors(model, working, outcomes, rows.data.n)
    average = averages_of(model, working, rows, ask, o, c, outcomes, integration, n_quad, known)

    def moments(kind):
        return lambda piece: family.moments(kind, aux[:, piece], rows.data.on(piece),
                                            None if want is None else want.counts)

    if ask.what == "mean":
        found = average(moments("mean"))
    elif ask.what in ("var", "spread"):
        found = variance_of(average, moments, within=ask.what == "var")
    else:
        found = want.of(family, rows.data, average(moments(want.kind)))
    if rows.absent and np.isnan(found).any():
        raise DataError(f"which={ask.which!r} needs the columns {', '.join(rows.absent)}, which the "
                        "data do not have")
    return found
