"""Covariances and tests: the methods of results that question the estimates."""
from __future__ import annotations

import numpy as np
from statsmodels.tools.tools import nan_dot

from statsmodels_gllamm.formula.terms import linear_constraints
from statsmodels_gllamm.results import tests


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
        use_correction : bool
            For "robust" and "cluster": multiply the covariance by n / (n - 1), with n the number of
            (weighted) top-level units or of clusters.  Default False.

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

    def lr_test(self, other):
        """Likelihood-ratio test against a model within this one, or around it.

        Parameters
        ----------
        other : GLLAMMResults
            Fitted to the same rows and the same response, of the same family or of one within the
            other: Poisson in NegativeBinomial or GeneralizedPoisson, Exponential in Weibull,
            Gaussian in StudentT, Binomial in BetaBinomial, any family in its ZeroInflated, and
            these inside the same Censored, Truncated, Hurdle, ZeroInflated or Composite.

        Returns
        -------
        LRTestResult
            statistic, pvalue, df: a named tuple, in the order of ``compare_lr_test``.

        Warns
        -----
        BoundaryWarning
            When the smaller model sets a variance to zero, or its family is the limit of the other
            one: the p-value is then conservative.  For one such parameter it is twice the right one.
        PrecisionWarning
            When the quadrature errors matter, or the larger model fits less well.

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.sleepstudy.load_pandas().data
        >>> small = GLLAMM.from_formula("Reaction ~ 1 + (1 | Subject)", data).fit()
        >>> large = GLLAMM.from_formula("Reaction ~ Days + (1 | Subject)", data).fit()
        >>> test = large.lr_test(small)
        >>> print(f"{test.statistic:.2f} with {test.df} degree of freedom")
        116.46 with 1 degree of freedom
        """
        return tests.likelihood_ratio(self, other, stacklevel=2)

    def wald_test_terms(self, skip_single=False, extra_constraints=None, combine_terms=None,
                        scalar=True):
        """Wald test of every term of the fixed part of the formula, and of a zero part's formula.

        Of a nominal response the coefficients of a term for all categories are tested jointly;
        terms of a zero part are named ``zero[term]``.

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
        return tests.wald_terms(self, skip_single, extra_constraints, combine_terms, scalar)

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
