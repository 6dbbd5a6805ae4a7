"""Responses: one file per distribution with its log density and derivatives."""

from statsmodels_gllamm.responses.base import Response
from statsmodels_gllamm.responses.registry import as_response

__all__ = ["Response", "as_response"]
