"""Tests of hypotheses and information criteria: methods of results that compare models."""
from __future__ import annotations

from statsmodels_gllamm.results import (
    criteria,
    likelihood_ratio,
    score_test,
    tests,
    variance_test,
    wald_terms,
)


class Hypotheses:
    """Methods of `GLLAMMResults` that compare the model with others."""

    @property
    def fingerprint(self):
        """What tells the estimation sample from others."""
        return self._summary_cache("fingerprint", lambda: tests.fingerprint(
            self.model.sample, tests.row_hashes(self.model)))

    @property
    def _n_clusters(self) -> dict[str, float]:
        """Clusters of every group with their frequency weights, from the bottom level up."""
        return self._summary_cache("n_clusters", lambda: criteria.cluster_counts(self.model))

    @property
    def _n_independent(self) -> float:
        """Independent units with their frequency weights."""
        return self._summary_cache("n_independent", lambda: criteria.independent(self.model))

    def info_criteria(self, crit, dk_params=0, n="rows"):
        """An information criterion.

        Parameters
        ----------
        crit : {"aic", "aicc", "bic", "caic", "hqic", "abic"}
        dk_params : int or float
            Added to the number of parameters.
        n : "rows", "clusters", str or number
            What is counted: ``n_data`` (as ``bic`` does), the independent clusters, those of the
            highest level, the clusters of a group, or a number; with their frequency weights.

        Returns
        -------
        float

        Notes
        -----
        The definitions are in :doc:`/theory/criteria`.

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.sleepstudy.load_pandas().data
        >>> res = GLLAMM.from_formula("Reaction ~ Days + (Days | Subject)", data).fit()
        >>> print(round(res.info_criteria("bic"), 1), round(res.info_criteria("bic", n="clusters"), 1))
        1783.1 1769.3
        """
        return criteria.criterion(self, crit, dk_params, n)

    def information_criteria(self):
        """All information criteria, with rows and with clusters for the number of units.

        Returns
        -------
        DataFrame
            Rows: n, aic, aicc, bic, caic, hqic, abic; columns: "rows" and every group, or "clusters",
            the independent units, of a model without groups.

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.sleepstudy.load_pandas().data
        >>> res = GLLAMM.from_formula("Reaction ~ Days + (Days | Subject)", data).fit()
        >>> print(res.information_criteria().round(1))
                rows  Subject
        n      180.0     18.0
        aic   1763.9   1763.9
        aicc  1764.4   1771.6
        bic   1783.1   1769.3
        caic  1789.1   1775.3
        hqic  1771.7   1764.7
        abic  1764.1   1750.8
        """
        return criteria.table(self)

    def lr_test(self, other, rng=0, draws=likelihood_ratio.DRAWS):
        """Likelihood-ratio test against a model within this one, or around it.

        Parameters
        ----------
        other : GLLAMMResults
            Fitted to the same rows and the same response, of the same family or of one within the
            other: Poisson in NegativeBinomial or GeneralizedPoisson, Exponential in Weibull,
            Gaussian in StudentT, Binomial in BetaBinomial, any family in its ZeroInflated, and
            these inside the same Censored, Truncated, Hurdle, ZeroInflated or Composite.
        rng : int or Generator
        draws : int
            Where the weights of the mixture have no formula, they are drawn.

        Returns
        -------
        LRTestResult
            statistic, pvalue, df: a named tuple, in the order of ``compare_lr_test``.  Besides
            ``weights``, ``pvalue_naive``, ``boundary``, ``error`` and ``draws``: where the smaller
            model sets variances to zero, or its family is the limit of the other one, the statistic
            has a mixture of chi-squared distributions, and the p-value is by that.

        Raises
        ------
        ValueError
            Other data, another response, models that cannot be nested or without a likelihood, and
            other numbers of latent classes, for which there is `bootstrap_lrt`.

        Warns
        -----
        BoundaryWarning
            When the weights cannot be found, so that the p-value is an upper bound, or when nothing
            is known of the distribution of the statistic.
        PrecisionWarning
            When the quadrature errors matter, or the larger model fits less well.

        Notes
        -----
        See :doc:`/theory/tests`.

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.sleepstudy.load_pandas().data
        >>> small = GLLAMM.from_formula("Reaction ~ Days + (1 | Subject)", data).fit()
        >>> large = GLLAMM.from_formula("Reaction ~ Days + (Days | Subject)", data).fit()
        >>> test = large.lr_test(small)
        >>> print(f"{test.statistic:.2f} with {test.df} degrees of freedom")
        42.14 with 2 degrees of freedom
        >>> test.weights.to_dict()
        {1: 0.5, 2: 0.5}
        """
        return likelihood_ratio.likelihood_ratio(self, other, rng, draws, stacklevel=2)

    def test_variance(self, which=None, rng=0, draws=likelihood_ratio.DRAWS, **fit_kwds):
        """Likelihood-ratio test that latent variables have a variance of zero.

        Parameters
        ----------
        which : str or list of str, optional
            A group, all of whose latent variables are tested, or names of latent variables such as
            "Days[Subject]" ("Days" where that is clear); by default all latent variables.
        rng, draws
            As of `lr_test`.
        **fit_kwds
            Of `fit`, for the smaller model; by default it is fitted with the quadrature of this one.

        Returns
        -------
        LRTestResult
            With the smaller model's results in ``smaller``.

        Raises
        ------
        ValueError
            A variance that is fixed, as that of a standardized factor, or without which loadings or
            regressions have no meaning.

        Notes
        -----
        Covariances of the latent variables are zero with their variances; effects of covariates on
        them stay.  See :doc:`/theory/tests`.

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.sleepstudy.load_pandas().data
        >>> res = GLLAMM.from_formula("Reaction ~ Days + (Days | Subject)", data).fit()
        >>> print(res.test_variance("Days[Subject]"))
        LRTestResult(statistic=42.139, pvalue=3.961e-10, df=2)
            var[Days[Subject]] at zero: 0.5 chi2(1) + 0.5 chi2(2);
            chi2(2) alone has p = 7.072e-10
        """
        return variance_test.variance_test(self, which, rng, draws, stacklevel=2, **fit_kwds)

    def score_test(self, exog_extra=None, hypothesis="joint", cov_type=None, cov_kwds=None):
        """Score (Lagrange multiplier) test of added columns, or of the constraints of the fit.

        Parameters
        ----------
        exog_extra : array_like (n, m), DataFrame, Series or str, optional
            Columns of a larger model's fixed part on the rows of the sample (or a DataFrame or Series
            with their labels), or a formula on the data, ``"x + C(z)"``.  Without it the constraints of
            `fit_constrained`, or of the model, are tested.
        hypothesis : {"joint", "separate"}
            All columns or constraints together, or each of them alone: modification indices.
        cov_type : {"nonrobust", "opg", "robust", "cluster"}, optional
            What the variance of the score is from: observed information, the outer product of scores,
            or both; by default as that of the results.
        cov_kwds : dict, optional
            ``groups`` for "cluster".

        Returns
        -------
        ScoreTestResult or DataFrame
            Joint, as of statsmodels: statistic, pvalue, k_constraint, distribution.  Separate: a row
            for every column or constraint, with statistic (chi-squared with one degree of freedom),
            pvalue, and change: that of the coefficient, or of the left less the right side of the
            constraint, to be expected if it were free.

        Raises
        ------
        ValueError
            No constraints, one that sets a variance to zero, or columns that the model cannot tell from
            its own.
        DataError

        Notes
        -----
        The larger model is not fitted; its gradient is exact at the present estimates.  See
        :doc:`/theory/tests`.

        Examples
        --------
        >>> import statsmodels.api as sm
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.toenail.load_pandas().data
        >>> res = GLLAMM.from_formula("y ~ treatment + time + (1 | patientID)", data,
        ...                           family=sm.families.Binomial()).fit()
        >>> test = res.score_test("treatment:time")
        >>> print(round(test.statistic, 2), test.k_constraint)
        4.15 1
        """
        return score_test.score_test(self, exog_extra, hypothesis, cov_type, cov_kwds)

    def wald_test_terms(self, skip_single=False, extra_constraints=None, combine_terms=None,
                        scalar=True):
        """Wald test of every term of all formulas.

        Of a nominal response the coefficients of a term for all categories are tested jointly.  Terms
        of other formulas than the main one carry its name: ``zero[term]``, ``dispersion[term]``,
        ``thresholds[term]`` (no effect on any cut point), ``gamma[latent on term]`` and
        ``b[latent on cause:term]`` of regressions of latent variables, ``membership[term]`` (no effect
        on class probabilities), and ``c[term]`` of class-specific coefficients in the bars of c (the
        same in all classes).  Constants of dispersions, thresholds and memberships are left out.

        Parameters
        ----------
        skip_single : bool
            Leave out terms of one column.
        extra_constraints : list of (str, ndarray (m, k)), optional
            More tests.
        combine_terms : list of str, optional
            For each string, one more test of all terms with it in their name.
        scalar : bool
            Statistics are numbers, not arrays.

        Returns
        -------
        WaldTestResults

        Examples
        --------
        >>> import statsmodels.api as sm
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.toenail.load_pandas().data
        >>> res = GLLAMM.from_formula("y ~ treatment * time + (1 | patientID)", data,
        ...                           family=sm.families.Binomial()).fit()
        >>> res.wald_test_terms().table.round(3)
                        statistic  pvalue  df_constraint
        Intercept          13.884   0.000              1
        treatment           0.076   0.783              1
        time               77.649   0.000              1
        treatment:time      4.045   0.044              1
        """
        return wald_terms.wald_terms(self, skip_single, extra_constraints, combine_terms, scalar)

    def t_test_pairwise(self, term_name, method="hs", alpha=0.05, factor_labels=None):
        """Differences between the levels of a categorical term; as in statsmodels.

        Parameters
        ----------
        term_name : str
            As in the formula, ``"C(item)"``.
        method : str
            Correction for multiple tests.
        alpha : float
        factor_labels : list of str, optional

        Returns
        -------
        MultiCompResult

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.sleepstudy.load_pandas().data
        >>> data["week"] = data.Days // 4
        >>> res = GLLAMM.from_formula("Reaction ~ C(week) + (1 | Subject)", data).fit()
        >>> res.t_test_pairwise("C(week)").result_frame[["coef", "pvalue-hs"]].round(3)
               coef  pvalue-hs
        1-0  39.649        0.0
        2-0  76.365        0.0
        2-1  36.716        0.0
        """
        return tests.pairwise(self, term_name, method, alpha, factor_labels)
