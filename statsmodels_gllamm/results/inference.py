"""Covariances and tests: the methods of results that question the estimates."""
from __future__ import annotations

import numpy as np
from statsmodels.tools.tools import nan_dot

from statsmodels_gllamm.formula.terms import linear_constraints
from statsmodels_gllamm.results import (
    criteria,
    likelihood_ratio,
    score_test,
    tests,
    variance_test,
    wald_terms,
)


class Inference:
    """Methods of `GLLAMMResults` on the covariance of the estimates and tests of hypotheses."""

    def cov_params(self, r_matrix=None, column=None, scale=None, cov_p=None, other=None):
        """Covariance of the estimates or of linear combinations r of them, r cov other'.

        Parameters
        ----------
        r_matrix : array_like (m, k) or (k,), optional
        column : int or array_like, optional
            Rows and columns to take; on its own.
        scale : ignored
        cov_p : ndarray (k, k), optional
            Another covariance of the estimates.
        other : array_like (m, k), optional

        Returns
        -------
        ndarray
            NaN only where a parameter without standard error takes part: held at a boundary, or
            in a direction in which the log-likelihood is flat.
        """
        cov_p = self.cov_params_default if cov_p is None else np.asarray(cov_p)
        if r_matrix is None or column is not None or not np.isnan(cov_p).any():
            cov = super().cov_params(r_matrix, column, scale, cov_p, other)
            if r_matrix is None or other is not None or self.record.constraints is None:
                return cov
            return _without_rounding(cov, np.asarray(r_matrix, dtype=float), cov_p)
        r_matrix = np.asarray(r_matrix, dtype=float)
        other = r_matrix if other is None else np.asarray(other, dtype=float)
        out = nan_dot(np.atleast_2d(r_matrix), nan_dot(cov_p, np.atleast_2d(other).T))
        return out.reshape(r_matrix.shape[:-1] + other.shape[:-1])

    def t_test(self, r_matrix, cov_p=None, use_t=None):
        """Wald test of every one of some linear constraints on any parameters.

        Parameters
        ----------
        r_matrix : str, array_like (m, k) or tuple (R, q)
            ``"lambda[ability,2] = 1, x = 0"``, R, or R and q of R params = q.
        cov_p : ndarray (k, k), optional
            Another covariance of the estimates.
        use_t : bool, optional
            t with ``df_resid`` degrees of freedom instead of z (the default).

        Returns
        -------
        ContrastResults
            NaN where a parameter without standard error takes part.
        """
        r_matrix = linear_constraints(r_matrix, self.model.param_names)
        return super().t_test(r_matrix, cov_p=cov_p, use_t=use_t)

    def wald_test(self, r_matrix, cov_p=None, invcov=None, use_f=None, df_constraints=None,
                  scalar=True):
        """Joint Wald test of linear constraints on any parameters.

        Parameters
        ----------
        r_matrix : str, array_like (m, k) or tuple (R, q)
            ``"lambda[ability,2] = lambda[ability,3], x = 0"``, R, or R and q of R params = q.
        cov_p : ndarray (k, k), optional
            Another covariance of the estimates.
        invcov : ndarray (m, m), optional
            Inverse covariance of the constraints.
        use_f : bool, optional
            F instead of chi-squared (the default).
        df_constraints : int, optional
        scalar : bool
            The statistic is a number, not an array.

        Returns
        -------
        ContrastResults
            NaN if a parameter without standard error takes part.
        """
        r_matrix = linear_constraints(r_matrix, self.model.param_names)
        if invcov is None and np.isnan(self.cov_params(cov_p=cov_p)).any():
            sd = np.ravel(self.t_test(r_matrix, cov_p=cov_p).sd)
            if np.isnan(sd).any():
                invcov = np.full((len(sd), len(sd)), np.nan)
        return super().wald_test(r_matrix, cov_p=cov_p, invcov=invcov, use_f=use_f,
                                 df_constraints=df_constraints, scalar=scalar)

    def with_cov_type(self, cov_type="nonrobust", **cov_kwds):
        """The same fit with another covariance of the estimates.

        Parameters
        ----------
        cov_type : {"nonrobust", "opg", "robust", "cluster"}
            Inverse of the observed information; inverse of the outer product of the scores of the
            top-level units; sandwich of both; sandwich over clusters of top-level units.
        groups : str or array_like
            For "cluster": a column of the data, one code per row, or one per top-level unit.
            Clusters must hold whole top-level units.
        strata, psu : str or array_like
            For "cluster", in the same forms: strata of a survey and its primary sampling units, which
            lie in one stratum each; by default one stratum, and the top-level units.  Scores are
            centred in strata and multiplied by n / (n - 1), with n the units of the stratum.
        single_psu : {"raise", "certainty", "centered"}
            What a stratum of one unit does: an error (the default); nothing, as if the unit had been
            sure to be drawn; or its score's deviation from the mean of all units counts.
        use_correction : bool
            For "robust" and "cluster": multiply by n / (n - 1), with n the number of (weighted)
            top-level units or of clusters.  By default only with sampling weights, strata or psu.

        Returns
        -------
        GLLAMMResults
            The present results are not changed.

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.sleepstudy.load_pandas().data
        >>> res = GLLAMM.from_formula("Reaction ~ Days + (Days | Subject)", data).fit()
        >>> print(res.with_cov_type("robust").bse["Days"].round(3))
        1.502
        """
        return self._wrapper(type(self)(self.model, self.record, cov_type, cov_kwds))

    get_robustcov_results = with_cov_type

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
            "Days[Subject]"; by default all latent variables of the model.
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
        """
        return tests.pairwise(self, term_name, method, alpha, factor_labels)


def _without_rounding(cov, r_matrix, cov_p):
    """r cov r' with zeros for variances that constraints make zero but for rounding."""
    size = np.abs(np.atleast_2d(r_matrix)) @ np.sqrt(np.diag(cov_p))
    none = np.abs(np.diagonal(np.atleast_2d(cov))) <= 1e-14 * size**2
    if none.any():
        out = np.atleast_2d(cov).copy()
        out[none], out[:, none] = 0.0, 0.0
        return out.reshape(np.shape(cov))
    return cov
