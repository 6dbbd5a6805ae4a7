"""Fitted values, predictions and simulated responses: methods of results."""
from __future__ import annotations

from numbers import Real

import numpy as np
import pandas as pd
from statsmodels.tools._decorators import cached_data

from statsmodels_gllamm.families.choice import Ranking
from statsmodels_gllamm.results import estimates
from statsmodels_gllamm.results import get_prediction as get_prediction_module
from statsmodels_gllamm.results import predict as predict_module
from statsmodels_gllamm.results import simulate as simulate_module
from statsmodels_gllamm.results.latent_variables import LatentVariables


class Predictions(LatentVariables):
    """Methods of `GLLAMMResults` about rows and clusters."""

    @cached_data
    def fittedvalues(self):
        """Means of the responses of the sample over the latent variables (n,).

        Probabilities, for binary responses, choices and rankings (of being the first).  Categories
        have a mean where they are numbers.
        """
        self._needs_data("fittedvalues")
        self._values("fittedvalues")
        return np.asarray(self.model.predict(self.params))

    @cached_data
    def resid(self):
        """Responses less `fittedvalues` (n,); of a ranking the response is being the first.

        NaN for rows of a censored response that are not observed, but known by their limits.
        """
        self._needs_data("resid")
        return np.where(estimates.observed(self.model),
                        self._values("resid") - self.fittedvalues, np.nan)

    def _values(self, what) -> np.ndarray:
        """Responses (n,) as numbers."""
        sample, labels = self.model.sample, self.model.sample.categories
        if isinstance(self.model.fitted_family, Ranking):
            return (np.asarray(sample.numbers.get("rank", self.model.endog)) == 1) * 1.0
        if labels is None:
            return self.model.endog
        if not all(isinstance(label, Real) for label in labels):
            raise ValueError(f"{what} needs a response that is a number; this one has categories, "
                             "whose probabilities predict(which='prob') gives")
        return np.array(labels, dtype=float)[self.model.endog.astype(int)]

    def _needs_data(self, what) -> None:
        if self.model.endog is None:
            raise ValueError(f"{what} needs the data, which remove_data() has removed.")

    def _needs_data_for(self, method, data, which, kwargs) -> None:
        """Refuse predictions of, or given, a sample that has been removed."""
        if data is None:
            self._needs_data(f"{method}() without data")
        elif kwargs.get("history") is None and "posterior" in (which, kwargs.get("given")):
            self._needs_data("the posterior")

    def predict(self, data=None, which="mean", **kwargs):
        """Predictions for the sample or for new data.

        Parameters
        ----------
        data : DataFrame, optional
            New rows; those of the sample by default.
        which : str
            "mean" (over the latent variables), "conditional" (latent variables zero), "posterior"
            (given the cluster's data), "linear" (predictor, latent variables zero), "prob"
            (of categories, counts or choices), "var" or "cumulative" (P(Y <= v) of categories and
            counts; of the ``values`` of a Gaussian, Student t or duration response, whose survival
            function ``above`` gives).
        **kwargs
            ``given``: what "prob", "var" and "cumulative" take the latent variables for, "prior"
            (default), "posterior" or "zero"; ``history``, rows with responses that the posterior is
            given in place of the sample, of clusters of the sample or others, or "past" with ``time``,
            a column: every row given its clusters' earlier responses; ``above``, ``values``,
            ``latent``, ``offset``, ``exposure``, ``n_trials`` and ``n_quad`` as in
            `statsmodels_gllamm.results.predict.predict`.

        Returns
        -------
        Series, DataFrame of several columns, or ndarray where the rows have no labels

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.sleepstudy.load_pandas().data
        >>> res = GLLAMM.from_formula("Reaction ~ Days + (Days | Subject)", data).fit()
        >>> res.predict(data[:2], which="cumulative", above=[250, 300]).round(3)
             250    300
        0  0.516  0.082
        1  0.630  0.143
        """
        self._needs_data_for("predict", data, which, kwargs)
        return predict_module.predict_results(self, data, which=which, **kwargs)

    def get_prediction(self, data=None, which="mean", **kwargs):
        """Predictions with standard errors through all parameters, and confidence intervals.

        Parameters
        ----------
        data : DataFrame, optional
            New rows; those of the sample by default.
        which : str
            As of `predict`.
        **kwargs
            What `predict` takes, and: ``average``, True for the average over the rows, or one label
            for each row for averages of groups, with ``agg_weights`` (m,); ``row_labels`` (m,) in place
            of the index.

        Returns
        -------
        PredictionResults
            ``predicted_mean``, ``se``, ``conf_int(alpha=0.05)``, ``summary_frame(alpha=0.05)``, as in
            statsmodels; of which="posterior" also ``posterior_sd`` and ``prediction_error``.

        Notes
        -----
        Errors are by the delta method, with the covariance of ``cov_type``: coefficients, loadings,
        variances, thresholds and dispersions all take part.  What is held at a boundary, such as a
        variance of zero, counts as known; a prediction that depends on a direction in which the
        log-likelihood is flat has none (NaN).  Intervals are made on the scale of the link, of the
        logit for probabilities or of the logarithm for other means above zero and variances, and
        carried back.

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.sleepstudy.load_pandas().data
        >>> res = GLLAMM.from_formula("Reaction ~ Days + (Days | Subject)", data).fit()
        >>> res.get_prediction(data[:2]).summary_frame().round(2)
             mean  mean_se  mean_ci_lower  mean_ci_upper
        0  251.41     6.63         238.41          264.4
        1  261.87     6.60         248.95          274.8
        """
        self._needs_data_for("get_prediction", data, which, kwargs)
        return get_prediction_module.get_prediction(self, data, which, **kwargs)

    def simulate(self, n=1, rng=None) -> pd.DataFrame:
        """Responses of the sample's rows, drawn from the model at the estimates.

        Latent variables of all levels are drawn anew, from their distribution.

        Parameters
        ----------
        n : int
            How many times.
        rng : seed or Generator, optional

        Returns
        -------
        DataFrame (rows, n)
            Responses as they stand in the data: labels of categories, 0 and 1 for the rows of a
            choice set, ranks from 1, proportions where ``n_trials`` was given, and successes where
            the response was ``successes + failures``.

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.sleepstudy.load_pandas().data
        >>> res = GLLAMM.from_formula("Reaction ~ Days + (Days | Subject)", data).fit()
        >>> res.simulate(100, rng=1).shape
        (180, 100)
        """
        self._needs_data("simulate")
        return simulate_module.simulate(self, n, rng)
