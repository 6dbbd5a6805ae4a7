"""Several models of the same data in one table."""
from __future__ import annotations

import numpy as np
import pandas as pd

from statsmodels_gllamm.results.fit_measures import fit_measures
from statsmodels_gllamm.results.likelihood_ratio import differ_in_classes, ratio
from statsmodels_gllamm.results.likelihoods import refuse_incomparable
from statsmodels_gllamm.results.nesting import edges

FIT = ("chi2", "df", "cfi", "rmsea", "srmr")


def compare(models, names=None, items=None, by=None, stacklevel=2) -> pd.DataFrame:
    """Table of models; see ``GLLAMMResults.compare``."""
    models = [getattr(model, "_results", model) for model in models]
    for other in models[1:]:
        if not hasattr(other, "fingerprint"):
            raise TypeError(f"compare() takes GLLAMM results, not {type(other).__name__}")
        refuse_incomparable(models[0], other, "compare()")
    if names is None:
        names = [f"model {k}" for k in range(1, len(models) + 1)]
    names = list(names)
    if len(names) != len(models):
        raise ValueError(f"names has {len(names)} entries for {len(models)} models: name this one "
                         "first, then the others")
    rows = []
    for before, model in zip([None, *models], models):
        row = {"llf": model.llf, "n_params": model.df_modelwc, "aic": model.aic, "bic": model.bic}
        row |= dict(zip(("lr", "lr_df", "lr_pvalue"), _between(before, model, stacklevel + 1)))
        rows.append(row | _fit(model, items, by))
    table = pd.DataFrame(rows, index=names)
    table["lr_df"] = table["lr_df"].astype("Int64")
    if "df" in table:
        table["df"] = table["df"].astype("Int64")
    return table


def _fit(model, items, by) -> dict:
    """Measures of fit, of models that have them."""
    if model.model.structure.classes:
        return {}
    try:
        found = fit_measures(model, items, by)
    except NotImplementedError:
        return {}
    except ValueError:
        if items is None and by is None:
            return {}
        raise
    return {name: getattr(found, name) for name in FIT}


def _between(before, model, stacklevel):
    """Likelihood-ratio test of a model against the one before, whichever is larger: statistic,
    degrees of freedom and p-value; nothing where neither can lie within the other."""
    nothing = np.nan, None, np.nan
    if before is None or before.df_modelwc == model.df_modelwc or differ_in_classes(before, model):
        return nothing
    small, large = sorted((before, model), key=lambda r: r.df_modelwc)
    at_edge = edges(small.model.fitted_family, large.model.fitted_family)
    if at_edge is None:
        return nothing
    test = ratio(large, small, at_edge, stacklevel=stacklevel + 1)
    return test.statistic, test.df, test.pvalue
