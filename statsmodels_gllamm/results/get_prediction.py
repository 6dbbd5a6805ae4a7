r"""Predictions with standard errors through all parameters.

.. math:: \widehat{\mathrm{var}}\{m(\hat\theta)\} = \frac{\partial m}{\partial\theta'}\,
          \widehat{\mathrm{cov}}(\hat\theta)\, \frac{\partial m}{\partial\theta}

for any m of `results.predict`: a marginal mean depends on variances and loadings as well as on
coefficients, and a posterior mean on everything through the posterior distribution.
"""
from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from statsmodels_gllamm.formula.rows import as_frame
from statsmodels_gllamm.results.class_predictions import PreparedClasses, prepare_classes
from statsmodels_gllamm.results.delta import coordinates_of, derivatives
from statsmodels_gllamm.results.predict import Prepared, prepare
from statsmodels_gllamm.results.prediction_results import PredictionResults
from statsmodels_gllamm.results.prediction_scales import scales_of


def get_prediction(results, data=None, which="mean", *, average=False, agg_weights=None,
                   transform=True, row_labels=None, n_quad=None, **kwargs) -> PredictionResults:
    """Predictions with standard errors; see ``GLLAMMResults.get_prediction``."""
    model, record = results.model, results.record
    if isinstance(data, Mapping) or hasattr(data, "to_pandas"):
        data = as_frame(data)
    if row_labels is None:
        row_labels = model.sample.index if data is None else getattr(data, "index", None)
    if data is not None and not transform:
        data = np.asarray(data)
    integration = "quadrature" if record.integration == "quadrature" else "adaptive"
    prepared = prepare_classes if model.structure.classes else prepare
    ready = prepared(model, data, which, integration=integration,
                     n_quad=record.n_quad if n_quad is None else n_quad, **kwargs)
    return with_errors(results, ready, row_labels, average, agg_weights)


def with_errors(results, ready: Prepared | PreparedClasses, row_labels=None, average=False,
                agg_weights=None) -> PredictionResults:
    """Predictions that are functions of the working coordinates, with standard errors."""
    value, kept, found = ready.at, ready.rows.kept, coordinates_of(results)
    scales = scales_of(results.model, ready.ask.what, ready.rows.data, kept)
    sd = ready.posterior_sd(results.record.working)
    if row_labels is None or len(row_labels) != len(kept):
        row_labels = pd.RangeIndex(len(kept))
    if average is not False or agg_weights is not None:
        weight, row_labels = _weights(average, agg_weights, kept)
        sd = None
        scales = [(np.arange(len(weight)), _common(scales))]

        def value(working):
            return np.einsum("gm,m...->g...", weight, np.nan_to_num(ready.at(working)))

    predicted, slopes = derivatives(value, found)
    columns = None
    if predicted.ndim == 2:
        columns = pd.Index(ready.columns, tupleize_cols=False)
    return PredictionResults(predicted, slopes, found.cov, scales, row_labels, columns, sd)


def _weights(average, agg_weights, kept):
    """Weights (G, m) of the averages, of complete rows only, and their labels."""
    weight = np.ones(len(kept)) if agg_weights is None else np.asarray(agg_weights, dtype=float)
    if weight.shape != (len(kept),) or (weight < 0).any() or not np.isfinite(weight).all():
        raise ValueError(f"agg_weights must be {len(kept)} numbers of zero or more, one for each row")
    if isinstance(average, (bool, np.bool_)):
        codes, labels = np.zeros(len(kept), dtype=np.int64), pd.Index(["average"])
    else:
        if np.shape(average) != (len(kept),):
            raise ValueError(f"average must be True, or {len(kept)} labels, one for each row, of the "
                             "groups whose averages are wanted")
        codes, labels = pd.factorize(np.asarray(average), sort=True)
        if (codes < 0).any():
            raise ValueError("average has missing labels; leave these rows out, or give them a label")
    out = (codes == np.arange(len(labels))[:, None]) * np.where(kept, weight, 0.0)
    total = out.sum(axis=1, keepdims=True)
    if (total == 0).any():
        raise ValueError("an average has no complete row with a positive weight")
    return out / total, pd.Index(labels)


def _common(scales):
    """The scale of averages: that of all rows, which must have one."""
    names = {scale.name for rows, scale in scales if len(rows)}
    if len(names) > 1:
        raise ValueError(f"average= is over rows whose means have several scales ({', '.join(names)}); "
                         "average the rows of each response separately")
    return next(scale for rows, scale in scales if len(rows))
