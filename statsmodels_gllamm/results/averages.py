"""Population-averaged quantities: methods of results."""
from __future__ import annotations

from statsmodels_gllamm.results import marginal_effects as effects
from statsmodels_gllamm.results import marginal_params as marginal
from statsmodels_gllamm.results.average_predictions import averages
from statsmodels_gllamm.results.effects_plots import plot_effects
from statsmodels_gllamm.results.explained import ExplainedVariance


class PopulationAverages(ExplainedVariance):
    """Methods of `GLLAMMResults` about averages over the latent variables."""

    def marginal_params(self):
        r"""Population-averaged coefficients.

        Coefficients of a model tell what a covariate does given the latent variables.  Averaged over
        these its effect is another one, unless the link is the identity: in a logit model it is
        smaller.

        Returns
        -------
        MarginalParams
            With ``params``, ``bse``, ``tvalues``, ``pvalues``, ``cov_params()``, ``conf_int()``,
            ``t_test()``, ``summary()`` and ``summary_frame()``; ``conditional`` has the model's own
            coefficients, ``discrepancy`` says how far the margin is from a model with this link.

        Raises
        ------
        NotImplementedError
            For outcomes of several rows (choices, rankings, composite links), responses with several
            linear predictors such as zero-inflated ones, thresholds that are not linear, and
            regressions of latent variables on covariates.

        Notes
        -----
        With m the linear predictors that have the exact marginal means of the rows,
        :math:`h(m_i) = E\,h(\nu_i)`, the coefficients are those of the least-squares fit of m, less
        the offset, to the columns of the fixed part, with frequency weights.  They are those of a
        generalized linear model of the margins, not of a population of other covariates.  Of ordinal
        responses thresholds are among them, and nominal ones have coefficients for every category.
        Errors are those of the delta method through all parameters.

        References
        ----------
        Hedeker, D., du Toit, S. H. C., Demirtas, H. and Gibbons, R. D. (2018). A note on
        marginalization of regression parameters from mixed models of binary outcomes. Biometrics 74,
        354-361.

        Examples
        --------
        >>> import statsmodels.api as sm
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.toenail.load_pandas().data
        >>> res = GLLAMM.from_formula("y ~ treatment * time + (1 | patientID)", data,
        ...                           family=sm.families.Binomial()).fit()
        >>> res.marginal_params().summary_frame()[["coef", "std err"]].round(3)
                                        coef  std err
        Intercept                     -0.569    0.152
        treatment[T.terbinafine]      -0.031    0.217
        time                          -0.160    0.021
        treatment[T.terbinafine]:time -0.069    0.033
        """
        return marginal.marginal_params(self)

    def get_margeff(self, at="overall", method="dydx", atexog=None, dummy=False, count=False, *,
                    of=None, variables=None, latent="integrate"):
        """Marginal effects of the variables on the expected response, or on the probabilities of its
        categories, with latent variables integrated out.

        Parameters
        ----------
        at : {"overall", "mean", "median", "zero", "all"}
            "overall": averaged over the rows of the sample, with their weights.  "mean", "median",
            "zero": of one row in which numbers have their mean, median or zero, and categories are the
            most frequent ones, with "zero" base levels.  "all": of every row, without errors.
        method : {"dydx", "eyex", "dyex", "eydx"}
            Derivative; elasticity; semi-elasticities d y / d log x and d log y / d x.
        atexog : dict or DataFrame, optional
            {variable: value} that all rows get, or rows of data to average over in place of the
            sample.  With ``of="columns"`` {number of the column: value}, or an array of rows of exog.
        dummy, count : bool
            Take numbers that are only 0 and 1, or whole numbers, for discrete: the effect is the
            difference from 0 to 1, or half of that from one less to one more.
        of : {"variables", "columns"}, optional
            Variables of the data, however they stand in the formula, as in ``x + I(x**2)`` or
            ``x * z``: the default where there is one.  Or columns of ``exog``, each by itself, as
            statsmodels has it.
        variables : str or list of str, optional
            Those wanted; all by default.
        latent : {"integrate", "zero", "posterior"}
            Over the distribution of the latent variables, or where they are zero, or given the data of
            the rows' clusters.

        Returns
        -------
        MarginalEffects
            ``margeff``, ``margeff_se``, ``margeff_cov``, ``conf_int()``, ``summary()`` and
            ``summary_frame()`` as in statsmodels.  Of ordinal and nominal responses there is an effect
            on every category, of mixed responses on the rows of every label, and of choices on the
            probability that each alternative is chosen.

        Notes
        -----
        A variable that differs within the sets of a choice is changed for one alternative at a time:
        ``price[car]``.  A categorical variable has the differences of its levels from the first one,
        averaged over the rows.  Offsets are those of the rows, or their mean.  Errors are those of the
        delta method through all parameters.  Of choices with random coefficients the integrals over
        whole sets take minutes where there are thousands; ``variables`` names those wanted.

        Examples
        --------
        >>> import statsmodels.api as sm
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.toenail.load_pandas().data
        >>> res = GLLAMM.from_formula("y ~ treatment * time + (1 | patientID)", data,
        ...                           family=sm.families.Binomial()).fit()
        >>> res.get_margeff().summary_frame()[["dy/dx", "Std. Err."]].round(4)
                                                dy/dx  Std. Err.
        treatment[terbinafine - itraconazole] -0.0362     0.0342
        time                                  -0.0280     0.0023
        """
        return effects.get_margeff(self, at, method, atexog, dummy, count, of=of, variables=variables,
                                   latent=latent)

    def average_predictions(self, variable, by=None, values=None, at="overall", atexog=None,
                            latent="integrate", alpha=0.05):
        """Expected responses, or probabilities of categories, at values of a variable, averaged over
        the rows of the sample.

        Parameters
        ----------
        variable : str
            A column that the formula uses.
        by : str, optional
            Another one.
        values : list, or dict {variable: list}, optional
            Values of the variable, or of both.  By default levels of a categorical variable; of a
            number up to 12 different values, else 25 from its smallest to its largest, and of ``by``
            up to four different values, else the quartiles.
        at : {"overall", "mean", "median", "zero"}
            Other variables are what they are in the rows of the sample, over which expectations are
            averaged with frequency weights; or they have typical values as in `get_margeff`.
        atexog : dict, optional
            {variable: value} that all rows get.
        latent : {"integrate", "zero", "posterior"}
            As in `get_margeff`.
        alpha : float
            One minus the level of the intervals.

        Returns
        -------
        DataFrame
            estimate, std_err, conf_low, conf_high, indexed by the values, and by categories
            ("response") where there are some.  Errors are those of the delta method; intervals of
            probabilities are made on the logit scale, and of positive means on the log scale.

        Examples
        --------
        >>> import statsmodels.api as sm
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.toenail.load_pandas().data
        >>> res = GLLAMM.from_formula("y ~ treatment * time + (1 | patientID)", data,
        ...                           family=sm.families.Binomial()).fit()
        >>> res.average_predictions("time", values=[0, 6, 12]).round(3)
              estimate  std_err  conf_low  conf_high
        time
        0        0.349    0.025     0.302      0.399
        6        0.156    0.017     0.125      0.193
        12       0.054    0.011     0.035      0.081
        """
        return averages(self, variable, by, values, at, atexog, latent, alpha).table

    def plot_effects(self, variable, by=None, values=None, at="overall", atexog=None,
                     latent="integrate", alpha=0.05, ax=None):
        """Picture of `average_predictions`, with bands or intervals.

        Parameters
        ----------
        variable, by, values, at, atexog, latent, alpha
            As in `average_predictions`.
        ax : matplotlib Axes or sequence of Axes, optional
            One, or with categories and ``by`` one for every value of the latter.

        Returns
        -------
        matplotlib.figure.Figure

        Examples
        --------
        >>> import statsmodels.api as sm
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.toenail.load_pandas().data
        >>> res = GLLAMM.from_formula("y ~ treatment * time + (1 | patientID)", data,
        ...                           family=sm.families.Binomial()).fit()
        >>> figure = res.plot_effects("time", by="treatment")
        """
        return plot_effects(self, variable, by, values, at, atexog, latent, alpha, ax)
