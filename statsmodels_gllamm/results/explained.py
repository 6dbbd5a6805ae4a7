"""Variances between clusters and explained ones: methods of results."""
from __future__ import annotations

from statsmodels_gllamm.results import intraclass
from statsmodels_gllamm.results import r_squared as shares


class ExplainedVariance:
    """Methods of `GLLAMMResults` about the parts of the variance."""

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
        return shares.r_squared(self, scale, null, alpha)

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
        return shares.variance_parts(self, scale)
