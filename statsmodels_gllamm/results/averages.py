"""Population-averaged quantities: methods of results."""
from __future__ import annotations

from statsmodels_gllamm.results import intraclass
from statsmodels_gllamm.results import marginal_effects as effects
from statsmodels_gllamm.results import marginal_params as marginal
from statsmodels_gllamm.results import r_squared as explained
from statsmodels_gllamm.results.average_predictions import averages
from statsmodels_gllamm.results.effects_plots import plot_effects


class PopulationAverages:
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
            "overall": averaged over the rows of the sample, with frequency weights.  "mean", "median",
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
            on every category, of mixed responses on the rows of every label.

        Notes
        -----
        A categorical variable has the differences of its levels from the first one, averaged over the
        rows.  Offsets are those of the rows, or their mean.  Errors are those of the delta method
        through all parameters.

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

    def icc(self, at=None, scale=None, alpha=0.05):
        r"""Residual intraclass correlations of every level.

        Parameters
        ----------
        at : dict or DataFrame, optional
            {variable: value or list of values} of the rows, whose other numbers are at their means and
            whose other categories are the most frequent ones; or rows of data.  Needed where the
            correlation depends on covariates: with random slopes, loadings, a dispersion formula, and
            on the scale of responses.
        scale : {"latent", "response"}, optional
            Of latent responses :math:`y^* = \nu + \epsilon`: Gaussian, binary and ordinal responses
            and durations (logarithms), for which this is the default; or of the responses themselves,
            by exact integration, for all that have a mean and a variance.
        alpha : float
            One minus the level of the intervals, which are Wald's on the logit scale.

        Returns
        -------
        DataFrame
            estimate, std_err, conf_low, conf_high of every group: the correlation of two responses
            of the same cluster, and of all clusters that this lies in, but not of any below.  Errors
            are NaN where all variances are estimated at zero.

        Raises
        ------
        ValueError
            It differs between rows and ``at`` is not given, or there is no such scale.
        NotImplementedError
            For outcomes of several rows, latent classes, products of latent variables and residual
            covariances.

        References
        ----------
        Goldstein, H., Browne, W. and Rasbash, J. (2002). Partitioning variation in multilevel models.
        Understanding Statistics 1, 223-231.

        Examples
        --------
        >>> import statsmodels.api as sm
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.toenail.load_pandas().data
        >>> res = GLLAMM.from_formula("y ~ treatment * time + (1 | patientID)", data,
        ...                           family=sm.families.Binomial()).fit()
        >>> res.icc().round(3)
                   estimate  std_err  conf_low  conf_high
        group
        patientID      0.83    0.027     0.771      0.876
        >>> res.icc(at={"time": [0, 12]}, scale="response").round(3)
                        estimate  std_err  conf_low  conf_high
        time group
        0    patientID     0.628    0.030     0.568      0.684
        12   patientID     0.479    0.053     0.377      0.583
        """
        return intraclass.intraclass(self, at, scale, alpha)

    def median_odds_ratio(self, at=None, alpha=0.05):
        r"""Median ratios of the odds (logit), rates (log) or hazards (cloglog) of two clusters.

        Parameters
        ----------
        at : dict or DataFrame, optional
            As in `icc`; needed with random slopes and loadings.
        alpha : float

        Returns
        -------
        DataFrame
            estimate, std_err, conf_low, conf_high of every group: the median of the ratio of the larger
            to the smaller one of two clusters drawn at random, which differ in the latent variables
            of this level only, :math:`\exp(\sqrt{2 v_l}\,\Phi^{-1}(3/4))`.

        References
        ----------
        Larsen, K., Petersen, J. H., Budtz-Jorgensen, E. and Endahl, L. (2000). Interpreting parameters
        in the logistic regression model with random effects. Biometrics 56, 909-914.

        Examples
        --------
        >>> import statsmodels.api as sm
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.toenail.load_pandas().data
        >>> res = GLLAMM.from_formula("y ~ treatment * time + (1 | patientID)", data,
        ...                           family=sm.families.Binomial()).fit()
        >>> res.median_odds_ratio().round(1)
                   estimate  std_err  conf_low  conf_high
        group
        patientID      45.6     16.5      23.9       99.6
        """
        return intraclass.median_ratio(self, at, alpha)

    def r_squared(self, scale=None, null=None, alpha=0.05):
        """Share of the variance that covariates, and covariates and clusters, explain.

        Parameters
        ----------
        scale : {"latent", "response"}, optional
            As in `icc`.
        null : GLLAMMResults, optional
            A smaller model of the same rows and levels, often one without covariates: the proportions
            by which its variances have become smaller are added.
        alpha : float
            One minus the level of the intervals, which are Wald's on the logit scale and take the
            covariates as given.

        Returns
        -------
        DataFrame
            estimate, std_err, conf_low, conf_high of "marginal" (fixed part), with several levels those
            with the groups from the top down, and "conditional" (all latent variables).

        Notes
        -----
        Variances of random slopes, loadings and dispersions are averages over the rows of the sample,
        that of the fixed part has the divisor n - 1, all with frequency weights.  The parts themselves
        are in `variance_parts`.

        References
        ----------
        Nakagawa, S. and Schielzeth, H. (2013). A general and simple method for obtaining R2 from
        generalized linear mixed-effects models. Methods in Ecology and Evolution 4, 133-142.

        Johnson, P. C. D. (2014). Extension of Nakagawa & Schielzeth's R2 GLMM to random slopes models.
        Methods in Ecology and Evolution 5, 944-946.

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.sleepstudy.load_pandas().data
        >>> res = GLLAMM.from_formula("Reaction ~ Days + (Days | Subject)", data).fit()
        >>> res.r_squared().round(3)
                     estimate  std_err  conf_low  conf_high
        marginal        0.288    0.076     0.163      0.455
        conditional     0.793    0.043     0.695      0.865
        """
        return explained.r_squared(self, scale, null, alpha)

    def variance_parts(self, scale=None):
        """The parts of the variance of the responses: of the fixed part, of every group, residual.

        Parameters
        ----------
        scale : {"latent", "response"}, optional
            As in `icc`.

        Returns
        -------
        DataFrame
            variance, std_err and share of the total.

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.sleepstudy.load_pandas().data
        >>> res = GLLAMM.from_formula("Reaction ~ Days + (Days | Subject)", data).fit()
        >>> res.variance_parts()[["variance", "share"]].round(3)
                  variance  share
        part
        fixed      908.953  0.288
        Subject   1596.455  0.505
        residual   654.941  0.207
        total     3160.349  1.000
        """
        return explained.variance_parts(self, scale)

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
