"""Covariances and tests: the methods of results that question the estimates."""
from __future__ import annotations

import numpy as np
from statsmodels.tools.tools import nan_dot

from statsmodels_gllamm.formula.terms import linear_constraints
from statsmodels_gllamm.results.hypotheses import Hypotheses


class Inference(Hypotheses):
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

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.sleepstudy.load_pandas().data
        >>> res = GLLAMM.from_formula("Reaction ~ Days + (Days | Subject)", data).fit()
        >>> res.cov_params().iloc[:2, :2].round(2)
                   Intercept  Days
        Intercept      43.99 -1.37
        Days           -1.37  2.26
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

        Examples
        --------
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.sleepstudy.load_pandas().data
        >>> res = GLLAMM.from_formula("Reaction ~ Days + (Days | Subject)", data).fit()
        >>> test = res.t_test("Days = 10")
        >>> print(f"{test.effect[0]:.2f}, p = {test.pvalue:.2f}")
        10.47, p = 0.76
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

        Examples
        --------
        >>> import statsmodels.api as sm
        >>> from statsmodels_gllamm import GLLAMM, datasets
        >>> data = datasets.toenail.load_pandas().data
        >>> res = GLLAMM.from_formula("y ~ treatment * time + (1 | patientID)", data,
        ...                           family=sm.families.Binomial()).fit()
        >>> test = res.wald_test("time = 0, treatment[T.terbinafine]:time = 0")
        >>> print(f"{test.statistic:.1f} with {test.df_denom:.0f} degrees of freedom")
        150.7 with 2 degrees of freedom
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


def _without_rounding(cov, r_matrix, cov_p):
    """r cov r' with zeros for variances that constraints make zero but for rounding."""
    size = np.abs(np.atleast_2d(r_matrix)) @ np.sqrt(np.diag(cov_p))
    none = np.abs(np.diagonal(np.atleast_2d(cov))) <= 1e-14 * size**2
    if none.any():
        out = np.atleast_2d(cov).copy()
        out[none], out[:, none] = 0.0, 0.0
        return out.reshape(np.shape(cov))
    return cov
