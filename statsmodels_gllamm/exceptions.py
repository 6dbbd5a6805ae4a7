"""Errors and warnings of the package.

Every message is one sentence that names the column, group or parameter and says what to do.
Non-convergence uses statsmodels' own ConvergenceWarning, re-exported here.
"""

from statsmodels.tools.sm_exceptions import (
    ConvergenceWarning,
    EstimationWarning,
    MissingDataError,
    PerfectSeparationWarning,
    PrecisionWarning,
)

__all__ = [
    "BoundaryWarning",
    "ConvergenceWarning",
    "CrossedGroupsError",
    "DataError",
    "FormulaError",
    "IdentificationWarning",
    "MissingValuesError",
    "QuadratureWarning",
    "SeparationWarning",
    "WeightsWarning",
]


class FormulaError(ValueError):
    """A formula, factor or group that cannot be read or evaluated."""


class DataError(ValueError):
    """Data that no model can be fitted to: empty, infinite, of the wrong length or range."""


class MissingValuesError(DataError, MissingDataError):
    """Missing values while ``missing="raise"``."""


class CrossedGroupsError(NotImplementedError):
    """Two groups of which neither is nested in the other."""


class QuadratureWarning(PrecisionWarning):
    """The quadrature error is larger than asked for."""


class IdentificationWarning(ConvergenceWarning):
    """A direction of the parameters in which the likelihood does not change."""


class BoundaryWarning(EstimationWarning):
    """A variance is zero or a correlation is one at the estimates."""


class SeparationWarning(PerfectSeparationWarning):
    """A pattern of covariates predicts the response perfectly."""


class WeightsWarning(EstimationWarning):
    """Sampling weights of a size that makes variances too large, or a fit inexact."""
