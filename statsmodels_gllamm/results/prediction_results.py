"""What `get_prediction` returns: predictions with errors of the estimates and intervals."""
from __future__ import annotations

import numpy as np
import pandas as pd
from statsmodels.base._prediction_inference import PredictionResultsBase

from statsmodels_gllamm.estimation.options import one_of
from statsmodels_gllamm.results.delta import covariance, variances

FRAME = ("mean", "mean_se", "mean_ci_lower", "mean_ci_upper")


class PredictionResults(PredictionResultsBase):
    """Predictions with delta-method standard errors and confidence intervals.

    Attributes
    ----------
    predicted, predicted_mean : ndarray (m,) or (m, K)
    var_pred, var_pred_mean : ndarray
        Their variances through the estimates of all parameters.
    se, se_mean : ndarray
        Roots of these.
    derivative : ndarray (m, d) or (m, K, d)
        Derivatives of the predictions in the free coordinates of the estimates.
    cov_free : ndarray (d, d)
        Covariance of these coordinates.
    row_labels : Index (m,)
    columns : Index (K,) or None
        Of several predictions for a row: categories, values, classes.
    scale_names : tuple of str
        Scales of the intervals.
    posterior_sd : ndarray or None
        Of means given the responses: the posterior standard deviation of the conditional mean,
        parameters known.

    Notes
    -----
    A standard error is that of a function of the estimates.  Of which="posterior" this function is a
    posterior mean: its error does not say how far the conditional mean of the cluster may lie from
    it; that is ``posterior_sd``, and `prediction_error` has both.
    """

    def __init__(self, predicted, derivative, cov_free, scales, row_labels, columns=None,
                 posterior_sd=None):
        super().__init__(predicted, variances(derivative, cov_free), row_labels=row_labels)
        self.derivative, self.cov_free = derivative, cov_free
        self._scales, self.columns, self.posterior_sd = scales, columns, posterior_sd

    @property
    def predicted_mean(self):
        """Predictions; the same as ``predicted``."""
        return self.predicted

    @property
    def var_pred_mean(self):
        """Variances; the same as ``var_pred``."""
        return self.var_pred

    @property
    def se_mean(self):
        """Standard errors; the same as ``se``."""
        return self.se

    @property
    def scale_names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(scale.name for rows, scale in self._scales if len(rows)))

    @property
    def prediction_error(self):
        r"""Standard deviation of the conditional mean about its prediction (m,) or (m, K): root of
        the posterior variance and the variance through the estimates (Booth and Hobert, 1998, J. Am.
        Stat. Assoc. 93, 262-272); None where nothing is given the responses."""
        if self.posterior_sd is None:
            return None
        return np.sqrt(self.posterior_sd**2 + self.var_pred)

    def cov(self) -> np.ndarray:
        """Covariance of all predictions (m K, m K), the columns of a row together."""
        return covariance(self.derivative.reshape(-1, self.derivative.shape[-1]), self.cov_free)

    def conf_int(self, method="endpoint", alpha=0.05, **kwds) -> np.ndarray:
        """Confidence intervals.

        Parameters
        ----------
        method : {"endpoint", "delta"}
            "endpoint": symmetric on the scale of ``scale_names``, and carried back, so that they
            lie inside the range of what is predicted.  "delta": symmetric about the prediction.
        alpha : float
            One minus the level.

        Returns
        -------
        ndarray (m, 2), or (m, K, 2) of several columns
        """
        one_of("method", method, ("endpoint", "delta"))
        if not 0 < alpha < 1:
            raise ValueError(f"alpha must lie between 0 and 1, not {alpha!r}")
        half = self.dist.ppf(1 - alpha / 2) * self.se
        out = np.stack([self.predicted - half, self.predicted + half], axis=-1)
        if method == "endpoint":
            for rows, scale in self._scales:
                out[rows] = np.stack(scale.interval(self.predicted[rows], half[rows]), axis=-1)
        return out

    def summary_frame(self, alpha=0.05) -> pd.DataFrame:
        """Predictions, standard errors and intervals.

        Parameters
        ----------
        alpha : float
            One minus the level of the intervals.

        Returns
        -------
        DataFrame (m, 4)
            "mean", "mean_se", "mean_ci_lower", "mean_ci_upper", in the user's index; of K predictions
            in a row columns have two levels, the prediction's label and these.
        """
        limits = self.conf_int(alpha=alpha)
        parts = (self.predicted, self.se, limits[..., 0], limits[..., 1])
        if self.predicted.ndim == 1:
            return pd.DataFrame(dict(zip(FRAME, parts)), index=self.row_labels)
        values = np.stack(parts, axis=-1)
        columns = pd.MultiIndex.from_product([self.columns, FRAME])
        return pd.DataFrame(values.reshape(len(values), -1), index=self.row_labels, columns=columns)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self.predicted)} predictions>"
