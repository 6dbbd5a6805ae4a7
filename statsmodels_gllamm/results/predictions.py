"""Fitted values, predictions, simulated responses and latent variables: methods of results."""
from __future__ import annotations

from numbers import Real

import numpy as np
import pandas as pd
from statsmodels.tools._decorators import cached_data

from statsmodels_gllamm.families.choice import Ranking
from statsmodels_gllamm.results import (
    estimates,
    plausible_values,
    plots,
    posterior_nodes,
    posterior_table,
)
from statsmodels_gllamm.results import get_prediction as get_prediction_module
from statsmodels_gllamm.results import latent as latent_module
from statsmodels_gllamm.results import predict as predict_module
from statsmodels_gllamm.results import simulate as simulate_module
from statsmodels_gllamm.results.new_persons import latent_of_data


class Predictions:
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

    def latent(self, group=None, kind="mean", covariances=False, data=None, *, standardized=False,
               quantiles=None, correlations=False, modal=False, **kwargs):
        """Posterior means or modes of the latent variables, with standard errors.

        Parameters
        ----------
        group : str, optional
            A group; all of them by default.
        kind : {"mean", "mode"}
        covariances, correlations : bool
            Whether posterior covariance or correlation matrices are returned too.
        data : DataFrame, optional
            Rows with responses of other clusters, such as new persons and their answers, whose latent
            variables are wanted given these, at the estimates; the sample's by default.
        standardized : bool
            Also "diagnostic[x]", the standard error of the posterior mean itself over data sets, and
            "standardized[x]", the posterior mean less the prior one, over that.
        quantiles : sequence of numbers, optional
            Also "q0.05[x]", ..., the quantiles of the posterior of these probabilities.
        modal : bool
            With latent classes: given the most probable class of every cluster.
        **kwargs
            ``offset``, ``exposure`` and ``n_trials`` of ``data``: columns or numbers.

        Returns
        -------
        DataFrame, or dict {group: DataFrame} where there is not exactly one group
            For each latent variable a column of its name, "x", and one of its standard error,
            "se[x]".  With ``covariances`` or ``correlations`` a tuple: these, and arrays
            (n_clusters, q, q).

        Notes
        -----
        Regressions of a latent variable are part of it.  A mean that is a coefficient of the fixed
        part, as that of a factor in a group of persons, is not: add ``params["visual:Pasteur"]``.
        More is said of the columns in `statsmodels_gllamm.results.posterior_table.latent`.
        """
        if data is not None:
            more = {"standardized": standardized, "quantiles": quantiles is not None,
                    "correlations": correlations, "modal": modal}
            for name in (name for name, given in more.items() if given):
                raise NotImplementedError(f"{name}= is not available with data=; fit the sample, or "
                                          "take means, standard errors and covariances")
            return latent_of_data(self, data, group, kind, covariances, **kwargs)
        if kwargs:
            raise TypeError(f"latent() has no keyword {next(iter(kwargs))!r} without data=")
        self._needs_data("latent")
        return posterior_table.latent(
            self, group, kind, covariances, standardized=standardized, quantiles=quantiles,
            correlations=correlations, modal=modal)

    @property
    def random_effects(self):
        """Posterior means of the latent variables, {group: DataFrame}."""
        self._needs_data("random_effects")
        return latent_module.random_effects(self)

    def posterior_nodes(self, group=None, modal=False) -> pd.DataFrame:
        """Nodes and weights of the quadrature posterior of a group's latent variables.

        Parameters
        ----------
        group : str, optional
            May be left out where there is one.
        modal : bool
            With latent classes: given the most probable class of every cluster.

        Returns
        -------
        DataFrame
            One row per cluster and node: the group's columns, "node", "weight", and the values of
            the latent variables; with latent classes also the number of the class, in a column of
            their name.  Weights sum to one in every cluster.

        Notes
        -----
        Sums of weights times values are the posterior means.  Latent variables that take one point,
        as all do after Laplace and in Gaussian models, have a single value, their (conditional)
        mean, so that nodes do not have their variance.  Clusters with a frequency weight of zero
        have one row of NaN.

        Examples
        --------
        >>> import statsmodels.api as sm
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.epilep.load_pandas().data
        >>> res = GLLAMM.from_formula("y ~ lage + v4 + (1 | subj)", data,
        ...                           family=sm.families.Poisson()).fit(n_quad=9)
        >>> nodes = res.posterior_nodes()
        >>> sums = nodes.groupby("subj").weight.sum()
        >>> print(len(nodes), sums.min().round(12), sums.max().round(12))
        531 1.0 1.0
        """
        self._needs_data("posterior_nodes")
        return posterior_nodes.posterior_nodes(self, group, modal)

    def plausible_values(self, n=5, group=None, rng=None):
        """Draws of the latent variables from their posterior, given the responses of their clusters.

        Parameters
        ----------
        n : int
            How many draws.
        group : str, optional
            All groups by default.
        rng : seed or Generator, optional

        Returns
        -------
        DataFrame, or dict {group: DataFrame} where there is not exactly one group
            One row per draw and cluster: "draw" from 0, the group's columns, and the values of the
            latent variables; with latent classes also the number of the class drawn, in a column of
            their name.  Draws of the same number are draws together: of a school and its students.

        Raises
        ------
        NotImplementedError
            The model has products of latent variables.

        Notes
        -----
        Not normal approximations: each draw is the end of a Markov chain of its own that has the
        posterior for its stationary distribution, and whose remaining distance from it in total
        variation is of the order of 1e-4 or less; only integrals over the latent variables of lower
        levels are those of the fit's quadrature.  In Gaussian models draws are exact.  The parameters
        are taken as known.  Averages of an analysis over some plausible values, combined by Rubin's
        rules, are those of an analysis of the latent variables themselves, while posterior means
        vary too little (Mislevy, 1991).  Clusters with a frequency weight of zero have NaN.

        References
        ----------
        Mislevy, R. J. (1991). Randomization-based inference about latent variables from complex
        samples. Psychometrika 56, 177-196.

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.sleepstudy.load_pandas().data
        >>> res = GLLAMM.from_formula("Reaction ~ Days + (Days | Subject)", data).fit()
        >>> list(res.plausible_values(10, rng=1).columns)
        ['draw', 'Subject', 'Intercept', 'Days']
        """
        self._needs_data("plausible_values")
        return plausible_values.plausible_values(self, n, group, rng)

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

    def plot_random_effects(self, group=None, ax=None, **kwargs):
        """Posterior means of the latent variables with intervals, sorted; a matplotlib Figure.

        Parameters
        ----------
        group : str, optional
        ax : matplotlib Axes or sequence of Axes, optional
        **kwargs
            As in `statsmodels_gllamm.results.plots.plot_random_effects`.

        Returns
        -------
        matplotlib.figure.Figure
        """
        self._needs_data("plot_random_effects")
        return plots.plot_random_effects(self, group=group, ax=ax, **kwargs)
