"""Measurement and structural models: methods of results about fit, scales and effects."""
from __future__ import annotations

from statsmodels_gllamm.results import compare as compare_module
from statsmodels_gllamm.results import delta
from statsmodels_gllamm.results import effects as effects_module
from statsmodels_gllamm.results import fit_measures as fit_module
from statsmodels_gllamm.results import reliability as reliability_module
from statsmodels_gllamm.results import standardized as standardized_module


class StructuralModel:
    """Methods of `GLLAMMResults` about models with factors and regressions of latent variables."""

    def fit_measures(self, items=None, by=None):
        r"""Measures of fit of a Gaussian measurement model.

        The model is compared with the saturated model, in which means, or effects of the model's
        covariates on every item, and the covariance matrix of the items are free, and with the
        baseline model of independent items.  Where items are missing, both use all that there are
        (full information maximum likelihood, by EM).

        Parameters
        ----------
        items : str, optional
            Column that tells the rows of a person apart; by default the items of `from_wide`, or
            the column that the factors' loadings depend on.
        by : str, optional
            Column of groups of persons with covariance matrices of their own; the saturated and the
            baseline model then have parameters of their own in each.  By default the groups of
            `from_wide`.

        Returns
        -------
        FitMeasures
            chi2, df, pvalue, cfi, tli, rmsea with its interval, srmr and more; prints as a table.

        Raises
        ------
        NotImplementedError
            Another response than Gaussian with identity link, several levels, several rows of an
            item of one person, or a covariance matrix that differs between persons.
        ValueError
            The data do not identify the saturated model.

        Notes
        -----
        With :math:`\ell_s` the log-likelihood of the saturated model, d and :math:`d_b` the degrees
        of freedom of model and baseline model, N persons in G groups,

        .. math::

           \chi^2 = 2(\ell_s - \ell), \qquad
           \mathrm{CFI} = 1 - \frac{\max(\chi^2 - d, 0)}{\max(\chi^2 - d, \chi^2_b - d_b, 0)}, \qquad
           \mathrm{RMSEA} = \sqrt{\frac{G \max(\chi^2 - d, 0)}{d N}} .

        ``bic`` counts persons, ``GLLAMMResults.bic`` rows.  The statistics hold for Gaussian items;
        ``cov_type`` has no part in them.

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> pupils = datasets.holzinger.load_pandas().data
        >>> wide = pupils.pivot(index="id", columns="item", values="y")
        >>> res = GLLAMM.from_wide(wide, '''visual  =~ x1 + x2 + x3
        ...                                 textual =~ x4 + x5 + x6
        ...                                 speed   =~ x7 + x8 + x9''').fit()
        >>> fit = res.fit_measures()
        >>> print(f"{fit.chi2:.3f} {fit.df} {fit.cfi:.3f} {fit.rmsea:.3f}")
        85.306 24 0.931 0.092
        """
        self._needs_data("fit_measures")
        return fit_module.fit_measures(self, items, by)

    def standardized(self, kind="std_all", alpha=0.05, items=None, by=None):
        r"""Standardised loadings, regressions, variances and covariances, with errors.

        Parameters
        ----------
        kind : {"std_all", "std_lv"}
            Latent variables, items and covariates have a variance of one; or latent variables only.
        alpha : float
            One minus the level of the intervals.
        items, by : str, optional
            As of `fit_measures`.

        Returns
        -------
        DataFrame
            kind, estimate, std_err, z, pvalue, conf_low, conf_high; the index has the names of the
            parameters, and ``var[item]`` for residual variances of Gaussian items.  Numbers that the
            scale makes constants have no standard error.

        Notes
        -----
        The variance of a latent variable is its total one, with what regressions explain, at the
        covariances of the covariates in the sample (divisor n).  Covariances of disturbances become
        correlations of disturbances.  The variance of an item has parts from covariates, latent
        variables and its residual, which is that of the latent response for binary and ordinal
        items: :math:`\pi^2/3` (logit), 1 (probit) and :math:`\pi^2/6` (cloglog, loglog).  Where there
        is no such variance (counts, nominal responses, choices, loadings by a formula), loadings of
        "std_all" are NaN; those of "std_lv" are there for all.

        Examples
        --------
        >>> import statsmodels.api as sm
        >>> from statsmodels_gllamm import GLLAMM, Factor, datasets
        >>> data = datasets.lsat.load_pandas().data
        >>> res = GLLAMM.from_formula("y ~ 0 + item + (0 + ability | id)", data,
        ...                           family=sm.families.Binomial(),
        ...                           factors={"ability": Factor("item", standardized=True)}).fit()
        >>> res.standardized()["estimate"].round(2).iloc[:3].to_dict()
        {'lambda[ability,Q1]': 0.41, 'lambda[ability,Q2]': 0.37, 'lambda[ability,Q3]': 0.44}
        """
        self._needs_data("standardized")
        return standardized_module.standardized(self, kind, alpha, items, by)

    def r_squared_latent(self, alpha=0.05, by=None):
        r"""Explained variance of every latent variable that is regressed.

        Parameters
        ----------
        alpha : float
            One minus the level of the intervals.
        by : str, optional
            As of `fit_measures`.

        Returns
        -------
        DataFrame
            estimate, std_err, conf_low, conf_high.

        Notes
        -----
        :math:`1 - \psi_{mm} / V_{mm}`, with the variance of the disturbance and the total one.

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> long = datasets.neuroticism.load_pandas().data
        >>> wide = long[long.id < 300].pivot(index=["id", "age"], columns="item", values="y")
        >>> res = GLLAMM.from_wide(wide.reset_index(), "anxiety =~ N1 + N2 + N3; anxiety ~ age").fit()
        >>> res.r_squared_latent().round(3)
                     estimate  std_err  conf_low  conf_high
        anxiety[id]     0.024    0.019    -0.013       0.06
        """
        self._needs_data("r_squared_latent")
        return standardized_module.r_squared_latent(self, alpha, by)

    def r_squared_items(self, alpha=0.05, items=None, by=None):
        r"""Explained variance of every item (its communality, where nothing else explains it).

        Parameters
        ----------
        alpha : float
            One minus the level of the intervals.
        items, by : str, optional
            As of `fit_measures`.

        Returns
        -------
        DataFrame
            estimate, std_err, conf_low, conf_high; of binary and ordinal items that of the latent
            response (McKelvey and Zavoina, 1975), and NaN where there is none.

        Notes
        -----
        :math:`1 - \theta_j / \sigma_j^2`, with the variances of `standardized`.

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> long = datasets.neuroticism.load_pandas().data
        >>> wide = long[long.id < 300].pivot(index=["id", "age"], columns="item", values="y")
        >>> res = GLLAMM.from_wide(wide.reset_index(), "anxiety =~ N1 + N2 + N3; anxiety ~ age").fit()
        >>> res.r_squared_items().round(2)
            estimate  std_err  conf_low  conf_high
        N1      0.73     0.05      0.62       0.84
        N2      0.74     0.05      0.63       0.84
        N3      0.40     0.05      0.30       0.50
        """
        self._needs_data("r_squared_items")
        return standardized_module.r_squared_items(self, alpha, items, by)

    def effects(self, outcome, cause, standardized=None, alpha=0.05, by=None):
        """Direct, indirect and total effects on a latent variable, with delta-method errors.

        Parameters
        ----------
        outcome : str
            A latent variable.
        cause : str
            A latent variable, or a covariate of one, as it stands in the parameters' names.
        standardized : {None, "std_all", "std_lv"}
        alpha : float
            One minus the level of the intervals.
        by : str, optional
            As of `fit_measures`, for standardised effects.

        Returns
        -------
        DataFrame
            estimate, std_err, z, pvalue, conf_low, conf_high; rows "direct", every indirect path as
            "cause -> mediator -> outcome", "indirect" (their sum) and "total".  A direct effect that
            the model does not have is zero, without error.

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> long = datasets.neuroticism.load_pandas().data
        >>> wide = long[long.id < 300].pivot(index=["id", "age"], columns="item", values="y")
        >>> res = GLLAMM.from_wide(wide.reset_index(), '''anxiety =~ N1 + N2 + N3
        ...                                               panic   =~ N4 + N5
        ...                                               anxiety ~ age
        ...                                               panic   ~ anxiety''').fit()
        >>> list(res.effects("panic", "age").index)
        ['direct', 'age -> anxiety[id] -> panic[id]', 'indirect', 'total']
        """
        self._needs_data("effects")
        return effects_module.effects(self, outcome, cause, standardized, alpha, by)

    def nonlinear(self, function, alpha=0.05):
        """Functions of the parameters, with delta-method errors.

        Parameters
        ----------
        function : callable
            Of a Series of the parameters by name; returns a number, several, a dict or a Series.
        alpha : float
            One minus the level of the intervals.

        Returns
        -------
        DataFrame
            estimate, std_err, z, pvalue, conf_low, conf_high.  NaN where a parameter without
            standard error takes part.

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.sleepstudy.load_pandas().data
        >>> res = GLLAMM.from_formula("Reaction ~ Days + (1 | Subject)", data).fit()
        >>> def reliability(p):
        ...     between = p["var[Intercept[Subject]]"]
        ...     return {"icc": between / (between + np.exp(2 * p["logsd[Intercept]"]))}
        >>> import numpy as np
        >>> res.nonlinear(reliability)[["estimate", "std_err"]].round(3)
             estimate  std_err
        icc     0.576    0.092
        """
        return delta.nonlinear(self, function, alpha)

    def reliability(self, items=None, by=None):
        """Reliability of the scale of every factor: alpha, omega and marginal reliability.

        Parameters
        ----------
        items, by : str, optional
            As of `fit_measures`.

        Returns
        -------
        DataFrame
            A row per factor: n_items; alpha, of the sum of the items, from their covariance matrix;
            omega and omega_se, the share of the factor in the variance of that sum by the model, of
            Gaussian items; marginal, that of posterior means, of any items; alpha_missing, whether
            items are missing, so that alpha is from the covariance matrix of normal items by EM.

        Notes
        -----
        See :doc:`/theory/fit_measures`.  Items are summed as they are: those with negative loadings
        must be turned round first.  Posterior means use all rows of a person, those of other factors
        included, so that the marginal reliability is higher where factors are correlated.

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> long = datasets.neuroticism.load_pandas().data
        >>> wide = long[long.id < 300].pivot(index=["id", "age"], columns="item", values="y")
        >>> res = GLLAMM.from_wide(wide.reset_index(), "anxiety =~ N1 + N2 + N3; anxiety ~ age").fit()
        >>> res.reliability()[["alpha", "omega", "marginal"]].round(3)
                     alpha  omega  marginal
        anxiety[id]   0.82  0.827      0.86
        """
        self._needs_data("reliability")
        return reliability_module.reliability(self, items, by)

    def compare(self, *others, names=None, items=None, by=None):
        """Several models of the same data in one table, these results first.

        Parameters
        ----------
        *others : GLLAMMResults
        names : sequence of str, optional
            Of the rows, this model first.
        items, by : str, optional
            As of `fit_measures`.

        Returns
        -------
        DataFrame
            llf, n_params, aic, bic; lr, lr_df and lr_pvalue of the likelihood-ratio test against the
            row before, whichever has more parameters (that one lies within the other is for the user
            to know); chi2, df, cfi, rmsea and srmr of Gaussian measurement models.

        Warns
        -----
        BoundaryWarning, PrecisionWarning
            As `lr_test`.

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.sleepstudy.load_pandas().data
        >>> small = GLLAMM.from_formula("Reaction ~ 1 + (1 | Subject)", data).fit()
        >>> large = GLLAMM.from_formula("Reaction ~ Days + (1 | Subject)", data).fit()
        >>> small.compare(large, names=["constant", "trend"]).round(2)[["llf", "n_params", "lr"]]
                     llf  n_params      lr
        constant -955.27         3     NaN
        trend    -897.04         4  116.46
        """
        return compare_module.compare([self, *others], names, items, by)
