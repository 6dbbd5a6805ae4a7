"""Results of a GLLAMM fit."""
from __future__ import annotations

import numpy as np
import statsmodels.base.wrapper as wrap
from statsmodels.base.model import LikelihoodModelResults, ResultMixin


class GLLAMMResults(ResultMixin, LikelihoodModelResults):
    def __init__(self, model, record, cov_type="nonrobust", cov_kwds=None):
        self.record = record
        super().__init__(model, record.params, normalized_cov_params=record.cov, scale=1.0)
        self.nobs = len(model.sample.index)
        self._cache = {"llf": record.loglik}


class GLLAMMResultsWrapper(wrap.ResultsWrapper):
    _attrs = {}
    _wrap_attrs = wrap.union_dicts(LikelihoodModelResults.__dict__.get("_attrs", {}), _attrs)


wrap.populate_wrapper(GLLAMMResultsWrapper, GLLAMMResults)
