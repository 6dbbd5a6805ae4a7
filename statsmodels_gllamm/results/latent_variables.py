"""The posterior of latent variables: methods of results."""
from __future__ import annotations

import pandas as pd

from statsmodels_gllamm.results import latent as latent_module
from statsmodels_gllamm.results import plausible_values, plots, posterior_nodes, posterior_table
from statsmodels_gllamm.results.new_persons import latent_of_data


class LatentVariables:
    """Methods of `GLLAMMResults` about the latent variables of clusters."""

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

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.sleepstudy.load_pandas().data
        >>> res = GLLAMM.from_formula("Reaction ~ Days + (Days | Subject)", data).fit()
        >>> res.latent().head(3).round(1)
                 Intercept  se[Intercept]  Days  se[Days]
        Subject
        308            2.8           11.9   9.1       2.3
        309          -40.0           11.9  -8.6       2.3
        310          -38.4           11.9  -5.5       2.3
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

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.sleepstudy.load_pandas().data
        >>> res = GLLAMM.from_formula("Reaction ~ Days + (Days | Subject)", data).fit()
        >>> figure = res.plot_random_effects()
        """
        self._needs_data("plot_random_effects")
        return plots.plot_random_effects(self, group=group, ax=ax, **kwargs)
